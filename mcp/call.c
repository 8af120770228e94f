#include "mcp/call_state.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "mcp/meter.h"
#include "mcp/reply.h"

enum {
    FREE_MAX = 64,         /* idle calls a peer keeps */
    KEEP_MAX = 64 * 1024,  /* output memory an idle call keeps */
    ARENA_MAX = 192 << 20, /* a 16 MiB message of a million values */
    RESULT_MAX = 32 << 20,
    REPLY_MAX = 3 * RESULT_MAX, /* the result, and it escaped as text */
    OUTBOX_MAX = (2 << 20) + (64 << 10) /* messages on their way to the loop:
                                           all that a session keeps */
};

/* --- memory -------------------------------------------------------------- */

/* What a fresh call has that is not zero. */
static void call_links(struct mcp_call_state *c)
{
    c->blocks = BUF_INIT(RESULT_MAX);
    c->outbox = BUF_INIT(OUTBOX_MAX);
    c->let_go_ms = -1;
    mcp_link_init(&c->at_peer);
    mcp_link_init(&c->at_server);
    mcp_link_init(&c->at_timers);
    mcp_link_init(&c->at_listeners);
    mcp_link_init(&c->followers);
    mcp_link_init(&c->at_flight);
    mcp_link_init(&c->at_session);
}

static struct mcp_call_state *call_new(void)
{
    struct mcp_call_state *c = MEM_NEW(struct mcp_call_state);
    if (!c) return NULL;
    arena_init(&c->pub.arena, ARENA_MAX);
    twin_init(&c->pub.out, RESULT_MAX);
    c->reply = BUF_INIT(REPLY_MAX);
    call_links(c);
    return c;
}

void mcp_call_free(struct mcp_call_state *c)
{
    buf_done(&c->reply);
    buf_done(&c->blocks);
    buf_done(&c->outbox);
    twin_done(&c->pub.out);
    arena_done(&c->pub.arena);
    mem_free(c);
}

/* Forgets the message, keeps the memory a usual call needs. */
static void call_reset(struct mcp_call_state *c)
{
    if (c->pieces) c->pieces->take(c->pieces, NULL);
    if (c->pub.out.plain.n > KEEP_MAX) {
        twin_done(&c->pub.out);
        twin_init(&c->pub.out, RESULT_MAX);
    }
    if (c->reply.n > KEEP_MAX) buf_done(&c->reply);
    arena_reset(&c->pub.arena);
    twin_clear(&c->pub.out);
    buf_clear(&c->reply);
    buf_done(&c->blocks);
    buf_done(&c->outbox);
    struct arena arena = c->pub.arena;
    struct twin out = c->pub.out;
    struct buf reply = c->reply;
    memset(c, 0, sizeof(*c));
    c->pub.arena = arena;
    c->pub.out = out;
    c->reply = reply;
    c->reply.ceiling = REPLY_MAX;
    call_links(c);
}

/* A bell on its way keeps the call until it has been heard. */
static bool bell_pending(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    lock_take(&s->lock);
    c->over = c->rung;
    lock_drop(&s->lock);
    if (!c->over) return false;
    c->m.id = NULL; /* nobody finds it */
    mcp_link_add(&c->peer->away, &c->at_peer);
    return true;
}

void mcp_call_release(struct mcp_call_state *c)
{
    struct mcp_peer *peer = c->peer;
    struct mcp_lane *lane = peer->lane;
    mcp_meter_call(c);
    if (c->asks) mcp_asks_done(c);
    if (c->session) mcp_session_unpin(c);
    if (bell_pending(c)) return;
    if (lane->free_count >= FREE_MAX) {
        mcp_call_free(c);
    } else {
        call_reset(c);
        lane->free_count++;
        mcp_link_add(&lane->free, &c->at_peer);
    }
    if (peer->left && peer->away.next == &peer->away) mcp_peer_free(peer);
}

struct mcp_call_state *mcp_call_take(struct mcp_peer *peer,
                                     struct mcp_exchange *ex)
{
    struct mcp_lane *lane = peer->lane;
    struct mcp_call_state *c;
    if (lane->free_count) {
        c = MCP_CALL_OF(lane->free.prev); /* the warmest */
        mcp_link_del(&c->at_peer);
        lane->free_count--;
    } else if (!(c = call_new())) {
        return NULL;
    }
    problem_init(&c->pub.problem);
    c->pub.now = clock_coarse();
    c->began_ns = clock_now();
    c->pub.app = peer->server->config.app;
    c->pub.server = peer->server;
    c->pub.transport = peer->name;
    c->pub.on_loop = true;
    c->pub.patient = peer->kind == MCP_STDIO;
    c->peer = peer;
    c->ex = ex;
    c->mailbox = ex->mailbox;
    mcp_limits_begin(c);
    c->revision = mcp_revision_legacy();
    c->log_level = MCP_LOG_SILENT;
    ex->call = c;
    return c;
}

/* --- away and home ------------------------------------------------------- */

static void leave_loop(struct mcp_call_state *c, bool parks)
{
    struct mcp_server *s = c->peer->server;
    c->away = true;
    mcp_link_add(&c->peer->away, &c->at_peer);
    lock_take(&s->lock);
    mcp_link_add(&s->away, &c->at_server);
    atomic_fetch_add_explicit(&s->open, 1, memory_order_relaxed);
    if (atomic_load_explicit(&s->stopping, memory_order_relaxed))
        cancel_set(&c->pub.cancel, CANCEL_SHUTDOWN);
    if (!parks) mcp_bell_set(c);
    lock_drop(&s->lock);
}

void mcp_call_leave(struct mcp_call_state *c)
{
    leave_loop(c, false);
}

void mcp_call_return(struct mcp_call_state *c)
{
    struct mcp_server *s = c->peer->server;
    mcp_link_del(&c->at_peer);
    lock_take(&s->lock);
    mcp_link_del(&c->at_server);
    mcp_yard_untime(c);
    atomic_fetch_sub_explicit(&s->open, 1, memory_order_relaxed);
    lock_drop(&s->lock);
    if (c->abandoned)
        atomic_fetch_sub_explicit(&s->counts.abandoned, 1,
                                  memory_order_relaxed);
    c->abandoned = false;
    c->queue_due = 0;
    c->away = false;
    c->pub.on_loop = true;
}

static void mail_run(struct mcp_mail *m)
{
    struct mcp_call_state *c =
        (struct mcp_call_state *)((char *)m -
                                  offsetof(struct mcp_call_state, mail));
    mcp_call_return(c);
    c->home(c);
}

void mcp_call_back(struct mcp_call_state *c)
{
    c->mail = (struct mcp_mail){.run = mail_run};
    c->mailbox->post(c->mailbox, &c->mail);
}

void mcp_call_done(struct mcp_call *call, enum err e)
{
    struct mcp_call_state *c = (struct mcp_call_state *)call;
    if (e == ERR_WAITING) c->home = mcp_await;
    c->result = e;
    mcp_call_back(c);
}

bool mcp_call_send(struct mcp_call_state *c, void (*run)(struct pool_job *job),
                   void (*home)(struct mcp_call_state *c))
{
    c->home = home;
    c->job = (struct pool_job){.run = run};
    c->pub.on_loop = false;
    int64_t queue_ms = c->pub.server->config.queue_timeout_ms;
    if (queue_ms) c->queue_due = clock_coarse() + queue_ms * NS_PER_MS;
    mcp_call_leave(c);
    enum err e = pool_submit(c->peer->server->config.pool, &c->job);
    if (!e) return true;
    mcp_call_return(c);
    c->result = e;
    return false;
}

/* --- parking ------------------------------------------------------------- */

bool mcp_call_wake(struct mcp_call_state *c)
{
    if (!c->parked) return false;
    c->parked = false;
    mcp_yard_untime(c);
    mcp_call_back(c);
    return true;
}

/* Cancelled or stopped meanwhile: it wakes at once and sees why. */
enum err mcp_call_park(struct mcp_call_state *c, int64_t ms,
                       void (*home)(struct mcp_call_state *c))
{
    struct mcp_server *s = c->pub.server;
    enum err e = ms >= 0 ? mcp_yard_begin(s) : OK;
    if (e) return e;
    c->home = home;
    leave_loop(c, true);
    lock_take(&s->lock);
    c->parked = true;
    if (ms >= 0) mcp_yard_time(s, c, clock_now() + ms * NS_PER_MS);
    if (atomic_load_explicit(&c->pub.cancel.cause, memory_order_relaxed))
        (void)mcp_call_wake(c);
    lock_drop(&s->lock);
    return OK;
}

/* --- serving ------------------------------------------------------------- */

enum err mcp_call_fault(struct mcp_call_state *c, struct mcp_fault f)
{
    c->fault = f;
    return ERR_INVALID;
}

void mcp_call_render(struct mcp_call_state *c)
{
    c->rendered = true;
    if (c->result == ERR_UNAVAILABLE && c->lacking && !c->fault.kind &&
        mcp_revision_is_modern(c->revision))
        c->result = mcp_client_lacks(c, c->lacking);
    if (!c->fault.kind) c->method->render(c, c->result);
    if (c->reply.err && !c->fault.kind) {
        log_error("mcp", "a reply could not be written",
                  LOG_S("method", c->method->name),
                  LOG_S("why", err_detail(c->reply.err)));
        c->fault = mcp_fault(MCP_FAULT_INTERNAL,
                             SLICE("Internal error: no room for the reply"));
        buf_clear(&c->reply);
    }
    if (c->fault.kind && c->task) {
        struct json_writer w = json_writer(&c->reply);
        mcp_reply_fault(&w, c->revision, &c->fault);
    } else if (c->fault.kind)
        mcp_reply_error(&c->reply, c->revision, c->peer->kind, c->m.id,
                        &c->fault);
}

static void run_on_worker(struct pool_job *job)
{
    struct mcp_call_state *c =
        (struct mcp_call_state *)((char *)job -
                                  offsetof(struct mcp_call_state, job));
    c->pub.now = clock_now();
    enum err e = cancel_check(&c->pub.cancel, c->pub.now);
    if (!e) e = c->method->run(c);
    if (e == ERR_PENDING) return; /* it may have ended already: hands off */
    if (e == ERR_WAITING) {
        c->home = mcp_await;
        mcp_call_back(c);
        return;
    }
    c->result = e == ERR_AGAIN ? ERR_INTERNAL : e;
    mcp_call_render(c);
    mcp_call_back(c);
}

static void to_worker(struct mcp_call_state *c)
{
    if (!mcp_call_send(c, run_on_worker, mcp_call_finish)) mcp_call_finish(c);
}

/* --- the gate ------------------------------------------------------------- */

static void admitted_home(struct mcp_call_state *c)
{
    c->waits = false;
    c->admitted = !c->result;
    mcp_limits_run(c);
    if (c->admitted)
        to_worker(c);
    else
        mcp_call_finish(c);
}

void mcp_call_admitted(struct mcp_call *call, enum err e)
{
    struct mcp_call_state *c = (struct mcp_call_state *)call;
    c->result = e;
    mcp_call_back(c);
}

/* Before enter(): the answer may be in the mailbox when it returns, where it
 * is read after this callback. */
static void enter(struct mcp_call_state *c)
{
    const struct mcp_server_config *conf = &c->peer->server->config;
    c->home = admitted_home;
    c->waits = true;
    mcp_limits_wait(c);
    mcp_call_leave(c);
    enum err e = conf->gate->enter(conf->gate_ctx, &c->pub, c->tool, c->args,
                                   &c->ticket);
    if (e == ERR_PENDING) return;
    mcp_call_return(c);
    c->result = e;
    admitted_home(c);
}

void mcp_call_give_back(struct mcp_call_state *c)
{
    if (!c->admitted) return;
    c->admitted = false;
    c->peer->server->config.gate->leave(c->ticket);
}

/* The result of another has come, or the lead. */
static void shared_home(struct mcp_call_state *c)
{
    if (mcp_share_arrived(c))
        mcp_call_finish(c);
    else
        enter(c);
}

/* ERR_AGAIN wrote nothing worth keeping. */
static void run_again(struct mcp_call_state *c)
{
    twin_clear(&c->pub.out);
    problem_init(&c->pub.problem);
    if (!c->tool || !c->peer->server->config.gate || c->admitted)
        to_worker(c);
    else if (!mcp_share_join(c, shared_home))
        enter(c);
}

static void run(struct mcp_call_state *c)
{
    bool pool = c->peer->server->config.pool != NULL;
    if (c->where == MCP_RUN_WORKER && pool) {
        run_again(c);
        return;
    }
    c->pub.on_loop = pool;
    c->home = mcp_call_finish;
    mcp_limits_run(c);
    enum err e = c->method->run(c);
    if (e == ERR_AGAIN && pool) {
        run_again(c);
    } else if (e == ERR_PENDING) {
        /* Its mail may be waiting already; it is read after this callback. */
        mcp_call_leave(c);
    } else if (e == ERR_WAITING) {
        mcp_await(c);
    } else {
        c->result = e == ERR_AGAIN ? ERR_INTERNAL : e;
        mcp_call_finish(c);
    }
}

void mcp_call_resume(struct mcp_call_state *c)
{
    c->pub.now = clock_now();
    /* Its time does not run while a person thinks; a pause is its own doing. */
    if (c->task)
        c->call_due = INT64_MAX;
    else if (c->wants != MCP_WANTS_TIME)
        c->call_due = c->pub.now + c->limits.call_ms * NS_PER_MS;
    mcp_limits_wait(c);
    c->result = cancel_check(&c->pub.cancel, c->pub.now);
    if (c->result) {
        mcp_call_finish(c);
        return;
    }
    twin_clear(&c->pub.out);
    buf_clear(&c->blocks);
    problem_init(&c->pub.problem);
    c->pub.is_error = false;
    c->wants = MCP_WANTS_NOTHING;
    run(c);
}

void mcp_call_serve(struct mcp_call_state *c)
{
    c->result = c->method->begin ? c->method->begin(c) : OK;
    if (!c->result && c->method->run)
        run(c);
    else
        mcp_call_finish(c);
}

/* --- the end ------------------------------------------------------------- */

static bool dropped(const struct mcp_call_state *c)
{
    int cause =
        atomic_load_explicit(&c->pub.cancel.cause, memory_order_acquire);
    return cause == CANCEL_CLIENT || cause == CANCEL_CONNECTION;
}

struct mcp_header mcp_retry_after(int64_t ms, char text[MCP_SECONDS_SIZE])
{
    (void)snprintf(text, MCP_SECONDS_SIZE, "%" PRId64,
                   ms / 1000 + (ms % 1000 != 0));
    return (struct mcp_header){"Retry-After", slice_of(text)};
}

void mcp_call_answer(struct mcp_call_state *c, int status)
{
    struct mcp_exchange *ex = c->ex;
    struct mcp_header headers[2];
    char seconds[MCP_SECONDS_SIZE];
    size_t n = 0;
    ex->call = NULL;
    if (c->announce)
        headers[n++] =
            (struct mcp_header){"Mcp-Session-Id", slice_of(c->session->id)};
    if (c->result && c->pub.problem.retry_after_ms >= 0)
        headers[n++] = mcp_retry_after(c->pub.problem.retry_after_ms, seconds);
    if (c->reply.err)
        mcp_receive_nomem(ex);
    else if (!mcp_end_stream(c, status) &&
             !(ex->ops->take && ex->ops->take(ex, &c->reply)))
        ex->ops->reply(ex, status, headers, n, buf_slice(&c->reply));
    mcp_call_release(c);
}

/* A request is answered; so is what was no message. A notification is told
 * by its status alone, and on stdio by silence. */
void mcp_call_finish(struct mcp_call_state *c)
{
    struct mcp_exchange *ex = c->ex;
    int status = 200;
    mcp_share_end(c);
    mcp_call_give_back(c); /* whoever reads the answer finds the place free */
    if (c->emitted || c->listening) {
        if (mcp_flush_first(c, mcp_call_finish)) return;
        mcp_flush(c);
    }
    if (c->answered) {
        mcp_call_release(c);
        return;
    }
    if (c->task) {
        if (!c->rendered) mcp_call_render(c);
        mcp_task_end(c);
        mcp_call_release(c);
        return;
    }
    if (dropped(c) || (c->listening && c->lost)) {
        ex->call = NULL;
        ex->ops->drop(ex);
        mcp_call_release(c);
        return;
    }
    if (c->listening && !c->method) {
        ex->call = NULL;
        ex->ops->end(ex, (struct slice){0}, (struct slice){0});
        mcp_call_release(c);
        return;
    }
    if (!c->rendered) mcp_call_render(c);
    if (c->m.kind == MCP_NOTIFICATION) {
        status = 202;
        if (!c->fault.kind || c->peer->kind == MCP_STDIO) buf_clear(&c->reply);
    }
    if (c->fault.kind) status = mcp_fault_status(c->fault.kind, c->revision);
    mcp_call_answer(c, status);
}

/* --- cancellation -------------------------------------------------------- */

bool mcp_call_unlink(struct mcp_call_state *c)
{
    const struct mcp_server_config *conf = &c->peer->server->config;
    bool out = mcp_share_leave(c);
    if (!out)
        out = c->waits ? conf->gate->withdraw(c->ticket)
                       : conf->pool && pool_cancel(conf->pool, &c->job);
    if (out) mcp_call_return(c);
    return out;
}

/* Its client has left, others wait for its work: what runs goes on for them;
 * what does not run yet ends, and one of them takes its place. */
static void go_on_alone(struct mcp_call_state *c)
{
    struct mcp_exchange *ex = c->ex;
    if (mcp_call_unlink(c)) {
        (void)cancel_set(&c->pub.cancel, CANCEL_CLIENT);
        c->result = ERR_CANCELLED;
        c->home(c);
        return;
    }
    c->answered = true;
    c->ex = NULL;
    ex->call = NULL;
    ex->ops->drop(ex);
}

/* Queued work is unlinked and ends here; running work sees the cause. */
static void call_cancel(struct mcp_call_state *c, enum cancel_cause cause)
{
    struct mcp_server *s = c->pub.server;
    if (c->answered) return;
    if (c->away && mcp_share_wanted(c)) {
        go_on_alone(c);
        return;
    }
    if (!cancel_set(&c->pub.cancel, cause)) return;
    atomic_fetch_add_explicit(&s->counts.cancelled[cause], 1,
                              memory_order_relaxed);
    if (!c->away) return;
    lock_take(&s->lock);
    bool woken = mcp_call_wake(c);
    lock_drop(&s->lock);
    if (woken) return;
    if (!mcp_call_unlink(c)) {
        mcp_bell_watch(c);
        return;
    }
    c->result = ERR_CANCELLED;
    c->home(c);
}

static struct mcp_call_state *find_away(struct mcp_peer *peer,
                                        const struct json *id)
{
    for (struct mcp_call_link *l = peer->away.next; l != &peer->away;
         l = l->next) {
        struct mcp_call_state *c = MCP_CALL_OF(l);
        if (!c->answered && c->m.id && json_equal(c->m.id, id) &&
            !atomic_load_explicit(&c->pub.cancel.cause, memory_order_relaxed))
            return c;
    }
    return NULL;
}

/* From the start each time: a drop may bring new messages in. */
void mcp_peer_cancel(struct mcp_peer *peer, const struct json *id)
{
    struct mcp_call_state *c;
    while ((c = find_away(peer, id)) != NULL) call_cancel(c, CANCEL_CLIENT);
}

/* The client of a stdio peer sends no more: its subscriptions end. */
static void peer_silent(struct mcp_peer *peer)
{
    struct mcp_server *s = peer->server;
    peer->standing = NULL;
    lock_take(&s->lock);
    for (struct mcp_call_link *l = peer->away.next; l != &peer->away;
         l = l->next) {
        if (MCP_CALL_OF(l)->listening) (void)mcp_call_wake(MCP_CALL_OF(l));
    }
    lock_drop(&s->lock);
}

void mcp_exchange_lost(struct mcp_exchange *ex)
{
    struct mcp_call_state *c = ex->call;
    if (!c) return;
    c->lost = true;
    if (c->listening) {
        lock_take(&c->pub.server->lock);
        (void)mcp_call_wake(c);
        lock_drop(&c->pub.server->lock);
    }
    if (c == c->peer->standing) peer_silent(c->peer);
    if (mcp_revision_lost_cancels(c->revision))
        call_cancel(c, CANCEL_CONNECTION);
}

/* --- the server's side --------------------------------------------------- */

void mcp_server_stop(struct mcp_server *s)
{
    lock_take(&s->lock);
    atomic_store_explicit(&s->stopping, true, memory_order_relaxed);
    for (struct mcp_call_link *l = s->away.next; l != &s->away; l = l->next) {
        struct mcp_call_state *c =
            (struct mcp_call_state *)((char *)l -
                                      offsetof(struct mcp_call_state,
                                               at_server));
        cancel_set(&c->pub.cancel, CANCEL_SHUTDOWN);
        (void)mcp_call_wake(c);
    }
    lock_drop(&s->lock);
}

uint32_t mcp_server_open_calls(const struct mcp_server *s)
{
    return atomic_load_explicit(&s->open, memory_order_relaxed);
}
