/* claim_task and release_task: leases on the tasks of the current phase. */
#include <assert.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/random.h"
#include "engine/digest.h"
#include "engine/fresh.h"
#include "engine/idempotency.h"
#include "engine/problems.h"
#include "engine/view.h"

#define EVENT_CEILING (16u << 20)
#define AGENT_MAX 200

/* --- what both ask ------------------------------------------------------ */

/* The task, if the session's status and current phase let it be worked on. */
static enum err task_find(struct eng_call *c, const struct eng_snapshot *s,
                          int64_t phase, int64_t number,
                          const struct eng_phase **ret_phase,
                          const struct eng_task **ret)
{
    enum err e = eng__problem_closed(c, s, ENG_CLAIM);
    if (e) return e;
    *ret_phase = eng_definition_phase(s->definition, phase);
    if (!*ret_phase) return eng__problem_no_phase(c, s, phase);
    if (eng__completed(s, phase)) return eng__problem_completed(c, s, phase);
    if (phase != s->row.current_phase) return eng__problem_locked(c, s, phase);
    *ret = eng_phase_task(*ret_phase, number);
    return *ret ? OK
                : eng__problem_no_task(c, s->definition, *ret_phase, number);
}

/* The next snapshot with this claim, and the event that tells of it. */
static enum err apply(struct eng_op *op, const struct eng_snapshot *s,
                      const struct st_claim *claim, struct slice event,
                      struct slice note)
{
    struct st_claim *row = ARENA_NEW(op->call->arena, struct st_claim);
    struct buf b = BUF_INIT(EVENT_CEILING);
    struct json_writer w = json_writer(&b);
    enum err e = row ? eng__snapshot_next(s, clock_wall_ms(), &op->change.next)
                     : ERR_NOMEM;
    if (!e) e = eng__snapshot_claim(op->change.next, claim);
    if (!e) e = eng__snapshot_seal(op->change.next);
    if (e) return eng__problem_store(op->call, e);
    *row = *claim;
    json_begin_object(&w);
    json_put_int(&w, "task", claim->task);
    json_put_string(&w, "task_status", claim->status);
    json_put_string(&w, "agent", claim->agent);
    json_put_int(&w, "fence", claim->fence);
    json_put_int(&w, "expires_ms", claim->expires_ms);
    if (note.n) json_put_string(&w, "note", note);
    eng__view_state(&w, op->change.next);
    json_end_object(&w);
    e = eng__op_event(op, event, claim->phase, &b);
    op->change.claims = row;
    op->change.claims_count = 1;
    op->change.expected_version = s->row.version;
    op->after = OK;
    return e ? eng__problem_store(op->call, e) : OK;
}

static void task_write(struct json_writer *w, const struct eng_task *t,
                       const struct st_claim *claim)
{
    json_key(w, SLICE("task"));
    json_begin_object(w);
    json_put_int(w, "number", t->number);
    if (t->id.n) json_put_string(w, "id", t->id);
    json_put_string(w, "name", t->name);
    json_put_string(w, "status", claim->status);
    if (claim->agent.n) json_put_string(w, "claimed_by", claim->agent);
    json_end_object(w);
}

/* --- claiming ----------------------------------------------------------- */

static enum err taken(struct eng_call *c, const struct eng_task *t,
                      const struct st_claim *has, int64_t now)
{
    bool done = slice_eq(has->status, SLICE("done"));
    struct buf b = BUF_INIT(1u << 16);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_string(&w, "task_status", has->status);
    json_put_string(&w, "claimed_by", has->agent);
    if (!done) eng__view_time(&w, "expires_at", has->expires_ms);
    json_end_object(&w);
    c->problem.extra =
        b.n > 2 ? arena_copy(c->arena, slice_sub(buf_slice(&b), 1, b.n - 2))
                : (struct slice){0};
    buf_done(&b);
    if (!done) c->problem.retry_after_ms = has->expires_ms - now;
    struct slice agent = arena_copy(c->arena, has->agent);
    return problem_setf(
        &c->problem, c->arena, ERR_ALREADY_CLAIMED,
        arena_printf(c->arena,
                     done ? "%.*s has done it." : "%.*s holds a lease on it.",
                     SLICE_ARG(agent)),
        done ? SLICE("Take another task of the phase; to do this one again, "
                     "call manage_session with retry_phase and "
                     "reset_evidence.")
             : SLICE("Take another task of the phase (get_phase shows the open "
                     "ones), or claim this one again after retry_after_ms."),
        "Task %" PRId64 " is %s", t->number, done ? "done" : "claimed");
}

static enum err claim_arguments(struct eng_call *c,
                                const struct eng_claim_task_args *args)
{
    if (!args->agent.n || slice_utf8_length(args->agent) > AGENT_MAX)
        return problem_set(&c->problem, ERR_INVALID_PARAMETER,
                           SLICE("agent is empty or too long"),
                           SLICE("It has 1 to 200 characters."),
                           SLICE("Send a short name of your own."));
    if (args->lease_seconds < LEASE_LEAST_S ||
        args->lease_seconds > LEASE_MOST_S)
        return problem_setf(&c->problem, c->arena, ERR_INVALID_PARAMETER,
                            SLICE("A lease lasts 10 to 86400 seconds."),
                            SLICE("Send a number in this range; claim again to "
                                  "renew."),
                            "lease_seconds is %" PRId64, args->lease_seconds);
    return OK;
}

static void claim_repeat(const struct eng_claim_task_args *args,
                         struct eng_repeat *r)
{
    struct sha256 h;
    eng__repeat_begin(r, &h, args->session_id, args->idempotency_key,
                      "claim_task");
    eng__digest_text(&h, args->agent);
    eng__digest_int(&h, args->phase);
    eng__digest_int(&h, args->task_number);
    eng__digest_int(&h, args->lease_seconds);
    sha256_end(&h, r->digest);
}

static void claim_reply(struct eng_op *op, const struct eng_phase *p,
                        const struct eng_task *t, const struct st_claim *claim)
{
    const struct eng_snapshot *s = op->change.next;
    struct json_writer w = json_writer(&op->call->out->plain);
    json_begin_object(&w);
    json_put_bool(&w, "claimed", true);
    json_put_string(&w, "session_id", s->row.id);
    json_put_int(&w, "phase", p->number);
    json_put_int(&w, "fence", claim->fence);
    eng__view_time(&w, "expires_at", claim->expires_ms);
    task_write(&w, t, claim);
    eng__view_next_task(&w, s, p, t,
                        "The task is yours until expires_at: read it, do it, "
                        "then call release_task with this fence.");
    json_end_object(&w);
}

static enum err claim_decide(struct eng_op *op)
{
    const struct eng_claim_task_args *args = op->args;
    struct eng_call *c = op->call;
    const struct eng_snapshot *s;
    const struct eng_phase *p = NULL;
    const struct eng_task *t = NULL;
    struct eng_repeat repeat;
    claim_repeat(args, &repeat);
    enum err e = eng__repeat_check(op, &repeat);
    if (e) return e == ERR_EXISTS ? OK : e;
    e = eng__session_get(op->engine, c, args->session_id, &s);
    if (!e) e = eng__fresh_check(op, s, false);
    if (!e) e = task_find(c, s, args->phase, args->task_number, &p, &t);
    if (e) return e;
    assert(p && t);
    int64_t now = clock_wall_ms();
    const struct st_claim *has = eng__claim(s, p->number, t->number);
    const char *status = eng__task_status(has, now);
    bool ours = has && slice_eq(has->agent, args->agent);
    if (has && (status[0] == 'd' || (status[0] == 'c' && !ours)))
        return taken(c, t, has, now);
    struct st_claim claim = {.session_id = s->row.id,
                             .phase = p->number,
                             .task = t->number,
                             .status = SLICE("claimed"),
                             .agent = args->agent,
                             .fence = has ? has->fence + 1 : 1,
                             .expires_ms = now + args->lease_seconds * 1000};
    e = apply(op, s, &claim, SLICE("task_claimed"), (struct slice){0});
    if (e) return e;
    claim_reply(op, p, t, &claim);
    e = eng__repeat_keep(op, &repeat);
    return e ? e : ERR_PENDING;
}

enum err eng_claim_task(struct engine *e, struct eng_call *c,
                        const struct eng_claim_task_args *args)
{
    if (!e->store) return eng__problem_no_project(c);
    if (!uuid_valid(args->session_id))
        return eng__problem_session_id(c, args->session_id);
    enum err r = claim_arguments(c, args);
    return r ? r : eng__op_run(e, c, args->session_id, claim_decide, args);
}

/* --- releasing ---------------------------------------------------------- */

static const struct {
    struct slice outcome, status;
} outcomes[] = {{SLICE_INIT("done"), SLICE_INIT("done")},
                {SLICE_INIT("abandoned"), SLICE_INIT("open")}};

static enum err outcome_status(struct eng_call *c, struct slice outcome,
                               struct slice *ret)
{
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
        if (slice_eq(outcome, outcomes[i].outcome)) {
            *ret = outcomes[i].status;
            return OK;
        }
    return problem_setf(&c->problem, c->arena, ERR_INVALID_PARAMETER,
                        SLICE("A task ends done or abandoned."),
                        SLICE("Send \"outcome\": \"done\" or \"abandoned\"."),
                        "outcome is \"%.*s\"",
                        SLICE_ARG(slice_sub(outcome, 0, 120)));
}

static enum err lost(struct eng_call *c, const struct eng_task *t,
                     const struct st_claim *has, int64_t fence)
{
    return problem_setf(
        &c->problem, c->arena, ERR_CLAIM_LOST,
        has ? arena_printf(c->arena,
                           "The task's newest fence is %" PRId64
                           ": it was claimed or opened again since.",
                           has->fence)
            : SLICE("Nobody has claimed this task."),
        SLICE("Your claim counts no more: look at get_phase, and claim_task "
              "again if the task is open."),
        "Fence %" PRId64 " of task %" PRId64 " is not the newest", fence,
        t->number);
}

static void release_repeat(const struct eng_release_task_args *args,
                           struct eng_repeat *r)
{
    struct sha256 h;
    eng__repeat_begin(r, &h, args->session_id, args->idempotency_key,
                      "release_task");
    eng__digest_text(&h, args->outcome);
    eng__digest_text(&h, args->note);
    eng__digest_int(&h, args->phase);
    eng__digest_int(&h, args->task_number);
    eng__digest_int(&h, args->fence);
    sha256_end(&h, r->digest);
}

static void release_reply(struct eng_op *op, const struct eng_snapshot *s,
                          const struct eng_phase *p, const struct eng_task *t,
                          const struct st_claim *claim)
{
    const struct eng_release_task_args *args = op->args;
    struct json_writer w = json_writer(&op->call->out->plain);
    json_begin_object(&w);
    json_put_bool(&w, "released", true);
    json_put_string(&w, "session_id", s->row.id);
    json_put_int(&w, "phase", p->number);
    json_put_string(&w, "outcome", args->outcome);
    task_write(&w, t, claim);
    eng__view_next(&w, s, p);
    json_end_object(&w);
}

static enum err release_decide(struct eng_op *op)
{
    const struct eng_release_task_args *args = op->args;
    struct eng_call *c = op->call;
    const struct eng_snapshot *s;
    const struct eng_phase *p = NULL;
    const struct eng_task *t = NULL;
    struct eng_repeat repeat;
    struct slice status = {0};
    release_repeat(args, &repeat);
    enum err e = outcome_status(c, args->outcome, &status);
    if (!e) e = eng__repeat_check(op, &repeat);
    if (e) return e == ERR_EXISTS ? OK : e;
    e = eng__session_get(op->engine, c, args->session_id, &s);
    if (!e) e = eng__fresh_check(op, s, false);
    if (!e) e = task_find(c, s, args->phase, args->task_number, &p, &t);
    if (e) return e;
    assert(p && t);
    const struct st_claim *has = eng__claim(s, p->number, t->number);
    if (!has || has->fence != args->fence) return lost(c, t, has, args->fence);
    bool again = !slice_eq(has->status, SLICE("claimed"));
    if (again && !slice_eq(has->status, status))
        return lost(c, t, has, args->fence);
    if (again) { /* a repetition: the claim has ended so already */
        release_reply(op, s, p, t, has);
        return OK;
    }
    struct st_claim claim = *has;
    claim.status = status;
    claim.agent = slice_eq(status, SLICE("done")) ? has->agent : SLICE("");
    claim.expires_ms = 0;
    e = apply(op, s, &claim, SLICE("task_released"), args->note);
    if (e) return e;
    release_reply(op, op->change.next, p, t, &claim);
    e = eng__repeat_keep(op, &repeat);
    return e ? e : ERR_PENDING;
}

enum err eng_release_task(struct engine *e, struct eng_call *c,
                          const struct eng_release_task_args *args)
{
    if (!e->store) return eng__problem_no_project(c);
    if (!uuid_valid(args->session_id))
        return eng__problem_session_id(c, args->session_id);
    return eng__op_run(e, c, args->session_id, release_decide, args);
}
