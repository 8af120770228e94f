/* Limits of time. Each call away from its loop has one timer on the server's
 * thread, set to the nearest of what may happen to it: its deadline, the end
 * of its patience for a worker, the next notice of progress, or, once it is
 * cancelled, the moment from which it counts as abandoned. The thread only
 * rings: mail to the call's loop, which judges. So no work is polled, and a
 * worker that is stuck delays nobody's answer: at the deadline the loop takes
 * the exchange and answers; the call itself, its arena and its permit live on
 * until the worker lets go. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "mcp/call_state.h"
#include "mcp/reply.h"

enum { ABANDONED_MS = 1000, LATE_MAX = 64 << 10, LATE_RETRY_MS = 1000 };

static const char *const limit_names[] = {"call", "tool", "queue"};

const char *mcp_limit_name(enum mcp_limit limit)
{
    return limit_names[limit];
}

static uint64_t counted(const _Atomic uint64_t *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

static void count(_Atomic uint64_t *n)
{
    atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

void mcp_server_stats(const struct mcp_server *s, struct mcp_server_stats *ret)
{
    ret->open = mcp_server_open_calls(s);
    ret->abandoned =
        atomic_load_explicit(&s->counts.abandoned, memory_order_relaxed);
    ret->abandoned_total = counted(&s->counts.abandoned_total);
    ret->progress = counted(&s->counts.progress);
    ret->flights =
        atomic_load_explicit(&s->counts.flights, memory_order_relaxed);
    ret->peers = atomic_load_explicit(&s->counts.peers, memory_order_relaxed);
    ret->led = counted(&s->counts.led);
    ret->joined = counted(&s->counts.joined);
    ret->duplicates = counted(&s->counts.duplicates);
    for (int i = 0; i < MCP_LIMIT_COUNT; i++)
        ret->deadlines[i] = counted(&s->counts.deadlines[i]);
    for (int i = 0; i < CANCEL_CAUSE_COUNT; i++)
        ret->cancelled[i] = counted(&s->counts.cancelled[i]);
}

/* --- the limits of a call ------------------------------------------------- */

void mcp_limits_begin(struct mcp_call_state *c)
{
    const struct mcp_server_config *conf = &c->pub.server->config;
    c->limits = (struct mcp_limits){.call_ms = conf->call_timeout_ms};
    c->arrived_ns = c->pub.now;
    c->call_due = c->arrived_ns + c->limits.call_ms * NS_PER_MS;
    c->beat_due = INT64_MAX;
    cancel_init(&c->pub.cancel, c->call_due);
}

void mcp_limits_tool(struct mcp_call_state *c)
{
    const struct mcp_server_config *conf = &c->pub.server->config;
    const void *args = c->tool->input_schema ? c->raw_args : c->args;
    if (!conf->limits) return;
    conf->limits(conf->app, c->tool, args, &c->limits);
    if (c->pub.told && c->limits.told_ms) {
        c->limits.call_ms = c->limits.told_ms;
        c->limits.run_ms = 0;
    }
    c->call_due = c->arrived_ns + c->limits.call_ms * NS_PER_MS;
    mcp_limits_wait(c);
}

void mcp_limits_wait(struct mcp_call_state *c)
{
    c->pub.cancel.deadline_ns = c->call_due;
}

void mcp_limits_run(struct mcp_call_state *c)
{
    int64_t run_due = INT64_MAX, now = clock_coarse();
    int64_t beat_ms = c->pub.server->config.progress_ms;
    if (c->limits.run_ms && !c->task)
        run_due = now + c->limits.run_ms * NS_PER_MS;
    c->pub.cancel.deadline_ns = run_due < c->call_due ? run_due : c->call_due;
    if (c->token && beat_ms && !c->task && c->beat_due == INT64_MAX)
        c->beat_due = now + beat_ms * NS_PER_MS;
}

/* --- the timer ------------------------------------------------------------ */

static bool cancelled(const struct mcp_call_state *c)
{
    return atomic_load_explicit(&c->pub.cancel.cause, memory_order_relaxed) !=
           CANCEL_NONE;
}

static int64_t next_due(const struct mcp_call_state *c)
{
    if (cancelled(c))
        return c->abandoned || !c->cancelled_ns
                   ? INT64_MAX
                   : c->cancelled_ns + ABANDONED_MS * NS_PER_MS;
    int64_t due = c->pub.cancel.deadline_ns;
    if (c->queue_due && c->queue_due < due) due = c->queue_due;
    return c->beat_due < due ? c->beat_due : due;
}

void mcp_bell_set(struct mcp_call_state *c)
{
    bool bounded = c->pub.server->config.pool && !c->task && c->method &&
                   c->m.kind == MCP_REQUEST;
    int64_t due = bounded ? next_due(c) : INT64_MAX;
    if (due != INT64_MAX) mcp_yard_time(c->pub.server, c, due);
}

static void set_again(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    lock_take(&s->lock);
    mcp_yard_untime(c);
    mcp_bell_set(c);
    lock_drop(&s->lock);
}

void mcp_bell_watch(struct mcp_call_state *c)
{
    c->cancelled_ns = clock_now();
    set_again(c);
}

/* --- what happens when it is due. Thread: loop ---------------------------- */

static enum mcp_limit limit_of(const struct mcp_call_state *c)
{
    return c->pub.cancel.deadline_ns < c->call_due ? MCP_LIMIT_TOOL
                                                   : MCP_LIMIT_CALL;
}

static struct slice name_of(const struct mcp_call_state *c)
{
    return c->tool ? slice_of(c->tool->name) : c->method->name;
}

struct late {
    struct problem problem;
    char why[128], extra[64];
};

static void describe(const struct mcp_call_state *c, enum mcp_limit limit,
                     struct late *ret)
{
    int64_t ms = limit == MCP_LIMIT_TOOL ? c->limits.run_ms : c->limits.call_ms;
    (void)snprintf(ret->why, sizeof(ret->why),
                   "The call took longer than the %" PRId64
                   " ms that timeout.%s_ms allows.",
                   ms, limit_names[limit]);
    (void)snprintf(ret->extra, sizeof(ret->extra),
                   "\"level\":\"%s\",\"limit_ms\":%" PRId64, limit_names[limit],
                   ms);
    problem_init(&ret->problem);
    (void)problem_set(&ret->problem, ERR_DEADLINE, name_of(c),
                      slice_of(ret->why),
                      SLICE("Call again; with the same idempotency_key nothing "
                            "is done twice."));
    ret->problem.extra = slice_of(ret->extra);
    ret->problem.retry_after_ms = LATE_RETRY_MS;
    count(&c->pub.server->counts.deadlines[limit]);
    log_info("mcp", "deadline", LOG_C("level", limit_names[limit]),
             LOG_S("tool", ret->problem.what), LOG_I("limit_ms", ms));
}

/* Everything of the call but what never changes is the worker's. */
static void late_text(const struct mcp_call_state *c, const struct problem *p,
                      struct buf *out)
{
    struct mcp_fault f = mcp_fault(MCP_FAULT_BUSY, p->why);
    if (c->tool)
        mcp_tools_call_late(out, c, p);
    else
        mcp_reply_error(out, c->revision, c->peer->kind, c->m.id, &f);
}

static void answer_late(struct mcp_call_state *c, const struct problem *p)
{
    struct mcp_exchange *ex = c->ex;
    struct buf b = BUF_INIT(LATE_MAX);
    char seconds[MCP_SECONDS_SIZE];
    struct mcp_header retry = mcp_retry_after(p->retry_after_ms, seconds);
    int status = c->tool ? 200 : mcp_fault_status(MCP_FAULT_BUSY, c->revision);
    late_text(c, p, &b);
    c->answered = true;
    c->ex = NULL;
    ex->call = NULL;
    if (b.err)
        mcp_receive_nomem(ex);
    else
        ex->ops->reply(ex, status, &retry, 1, buf_slice(&b));
    buf_done(&b);
}

/* The stream of a session numbers its events under the worker's hands: there
 * the answer is the worker's, which sees the cause. */
static bool may_answer(const struct mcp_call_state *c)
{
    return !c->answered && c->ex && !c->lost &&
           !(c->session && c->peer->kind == MCP_HTTP);
}

static void overdue(struct mcp_call_state *c)
{
    struct late l = {.why = ""};
    if (!cancel_set(&c->pub.cancel, CANCEL_DEADLINE)) return;
    count(&c->pub.server->counts.cancelled[CANCEL_DEADLINE]);
    describe(c, limit_of(c), &l);
    if (mcp_call_unlink(c)) {
        c->pub.problem = l.problem;
        c->pub.problem.why = arena_copy(&c->pub.arena, l.problem.why);
        c->pub.problem.extra = arena_copy(&c->pub.arena, l.problem.extra);
        c->result = ERR_DEADLINE;
        c->home(c);
        return;
    }
    if (may_answer(c)) answer_late(c, &l.problem);
    mcp_share_late(c);
    mcp_bell_watch(c);
}

/* No worker in all the time: the sender shall know, and come back. */
static void queued_too_long(struct mcp_call_state *c)
{
    int64_t ms = c->pub.server->config.queue_timeout_ms;
    c->queue_due = 0;
    if (!mcp_call_unlink(c)) { /* it has one */
        set_again(c);
        return;
    }
    count(&c->pub.server->counts.deadlines[MCP_LIMIT_QUEUE]);
    c->pub.problem.retry_after_ms = LATE_RETRY_MS;
    c->result = problem_setf(
        &c->pub.problem, &c->pub.arena, ERR_OVER_CAPACITY,
        SLICE("All workers are busy."),
        SLICE("Wait retry_after_ms, then send the same call again."),
        "waited %" PRId64 " ms for a worker", ms);
    c->home(c);
}

static void abandon(struct mcp_call_state *c, int64_t now)
{
    struct mcp_server *s = c->pub.server;
    c->abandoned = true;
    atomic_fetch_add_explicit(&s->counts.abandoned, 1, memory_order_relaxed);
    count(&s->counts.abandoned_total);
    const struct json *args = json_get(c->m.params, SLICE("arguments"));
    log_warn("mcp", "call abandoned", LOG_S("tool", name_of(c)),
             LOG_S("session", json_text(json_get(args, SLICE("session_id")))),
             LOG_I("age_ms", (now - c->arrived_ns) / NS_PER_MS));
}

static void beat(struct mcp_call_state *c, int64_t now)
{
    struct mcp_server *s = c->pub.server;
    lock_take(&s->lock);
    mcp_progress_beat(c, now);
    lock_drop(&s->lock);
    c->beat_due = now + s->config.progress_ms * NS_PER_MS;
    set_again(c);
}

/* The call may have come home, gone again or ended since the bell was rung. */
static void judge(struct mcp_call_state *c)
{
    int64_t now = clock_now();
    if (now < next_due(c))
        set_again(c);
    else if (cancelled(c))
        abandon(c, now);
    else if (now >= c->pub.cancel.deadline_ns)
        overdue(c);
    else if (c->queue_due && now >= c->queue_due)
        queued_too_long(c);
    else
        beat(c, now);
}

static void heard(struct mcp_mail *m)
{
    struct mcp_call_state *c = MCP_CALL_AT(m, bell);
    struct mcp_server *s = c->pub.server;
    lock_take(&s->lock);
    c->rung = false;
    bool away = c->away && !c->parked;
    lock_drop(&s->lock);
    if (c->over) {
        mcp_link_del(&c->at_peer);
        mcp_call_release(c);
    } else if (away) {
        judge(c);
    }
}

void mcp_bell_ring(struct mcp_call_state *c)
{
    if (c->rung) return;
    c->rung = true;
    c->bell = (struct mcp_mail){.run = heard};
    c->mailbox->post(c->mailbox, &c->bell);
}
