#include <assert.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/random.h"
#include "engine/approval_record.h"
#include "engine/catalog.h"
#include "engine/chain.h"
#include "engine/digest.h"
#include "engine/fresh.h"
#include "engine/idempotency.h"
#include "engine/problems.h"
#include "engine/source.h"
#include "engine/view.h"

#define EVENT_CEILING (16u << 20)

struct act {
    enum eng_action action;
    struct slice event;
    bool reopens;          /* phases, and may open their tasks */
    bool idle_is_fine;     /* already so: success, nothing written */
    struct slice in_store; /* type for the store's chain */
};
static const struct act acts[] = {
    {ENG_PAUSE, SLICE_INIT("session_paused"), .idle_is_fine = true},
    {ENG_RESUME, SLICE_INIT("session_resumed"), .idle_is_fine = true},
    {ENG_RETRY_PHASE, SLICE_INIT("phase_retried"), .reopens = true},
    {ENG_ROLLBACK, SLICE_INIT("session_rolled_back"), .reopens = true},
    {ENG_ABANDON, SLICE_INIT("session_abandoned")},
    {ENG_DELETE, SLICE_INIT("session_deleted"),
     .in_store = SLICE_INIT(CHAIN_HIDDEN)},
};

/* What resume and retry_phase are for a session in status error. */
static const struct act reopening = {ENG_RESUME,
                                     SLICE_INIT("session_reopened")};

static enum err act_find(struct eng_call *c, struct slice action,
                         const struct act **ret)
{
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
        if (slice_eq(action, eng__action_text(acts[i].action))) {
            *ret = &acts[i];
            return OK;
        }
    return problem_setf(&c->problem, c->arena, ERR_UNKNOWN_ACTION,
                        SLICE("The actions are pause, resume, retry_phase, "
                              "rollback, abandon, delete."),
                        SLICE("Send one of these."),
                        "\"%.*s\" is not an action",
                        SLICE_ARG(slice_sub(action, 0, 120)));
}

/* --- back to which phase ------------------------------------------------ */

/* It was said which phase is meant, and that is not the current one. */
static enum err other_phase(struct eng_call *c, const struct eng_snapshot *s,
                            int64_t phase)
{
    if (!eng_definition_phase(s->definition, phase))
        return eng__problem_no_phase(c, s, phase);
    if (eng__completed(s, phase)) return eng__problem_completed(c, s, phase);
    return eng__problem_locked(c, s, phase);
}

static enum err target_phase(struct eng_call *c, const struct eng_snapshot *s,
                             const struct act *act,
                             const struct eng_manage_session_args *args,
                             int64_t *ret)
{
    int64_t to_phase = args->to_phase;
    *ret = s->row.current_phase;
    if (args->only_there && args->phase != *ret)
        return other_phase(c, s, args->phase);
    if (act->action != ENG_ROLLBACK) return OK;
    if (to_phase == ENG_ABSENT)
        return problem_set(&c->problem, ERR_MISSING_PARAMETER,
                           SLICE("to_phase is missing"),
                           SLICE("A rollback needs the phase to go back to."),
                           SLICE("Send \"to_phase\": the number of a completed "
                                 "phase."));
    if (!eng_definition_phase(s->definition, to_phase))
        return eng__problem_no_phase(c, s, to_phase);
    if (to_phase > s->row.current_phase)
        return eng__problem_locked(c, s, to_phase);
    *ret = to_phase;
    return OK;
}

/* Claims and done marks from this phase on are taken back; a fence given out
 * before is lost. */
static enum err tasks_open(struct eng_op *op, int64_t from)
{
    struct eng_snapshot *next = op->change.next;
    struct st_claim *list =
        ARENA_ARRAY(op->call->arena, struct st_claim, next->claims_count + 1);
    size_t n = 0;
    enum err e = list ? OK : ERR_NOMEM;
    for (size_t i = 0; !e && i < next->claims_count; i++) {
        const struct st_claim *was = &next->claims[i];
        if (was->phase < from) continue;
        list[n++] = (struct st_claim){.session_id = next->row.id,
                                      .phase = was->phase,
                                      .task = was->task,
                                      .status = SLICE("open"),
                                      .agent = SLICE(""),
                                      .fence = was->fence + 1};
    }
    for (size_t i = 0; !e && i < n; i++)
        e = eng__snapshot_claim(next, &list[i]);
    op->change.claims = list;
    op->change.claims_count = e ? 0 : n;
    return e;
}

/* --- out of status error -------------------------------------------------- */

static void members_but(struct json_writer *w, const struct json *from,
                        const struct json *but)
{
    for (uint32_t i = 0; from && i < from->count; i++) {
        if (json_get(but, from->members[i].key)) continue;
        json_key(w, from->members[i].key);
        json_value(w, &from->members[i].value);
    }
}

/* The session's options with those that are given now in their place. */
static enum err options_given(struct eng_op *op, const struct json *given)
{
    struct eng_snapshot *next = op->change.next;
    struct json_error je;
    struct buf b = BUF_INIT(EVENT_CEILING);
    struct json_writer w = json_writer(&b);
    if (!given) return OK;
    json_begin_object(&w);
    members_but(&w, next->options, given);
    members_but(&w, given, NULL);
    json_end_object(&w);
    struct slice text = arena_copy(op->call->arena, buf_slice(&b));
    enum err e = b.err ? b.err : text.p ? OK : ERR_NOMEM;
    buf_done(&b);
    if (!e)
        e = json_parse(text, NULL, op->call->arena, &next->options, &je);
    return e ? eng__problem_store(op->call, e) : OK;
}

/* Is what was missing here now, or given? Then the session is pinned to it. */
static enum err recover(struct eng_op *op, const struct eng_snapshot *s)
{
    const struct eng_manage_session_args *args = op->args;
    struct eng_call *c = op->call;
    struct eng_snapshot *next = op->change.next;
    const struct eng_definition *d = NULL;
    enum err e = options_given(op, args->options);
    if (!e) e = eng__catalog_get(op->engine, c, s->row.workflow_type, &d);
    if (!e) assert(d);
    if (!e && d->errors_count)
        e = eng_definition_problem(d, c->arena, &c->problem);
    if (!e && d->dynamic)
        e = eng__source_define(op->engine, c, d, next->options, &d);
    if (!e) e = eng__op_pin(op, d);
    if (e) return e;
    eng_definition_unref(next->definition);
    next->definition = eng_definition_ref((struct eng_definition *)d);
    next->row.definition_hash = d->hash; /* lives as long as the definition */
    next->row.total_phases = (int64_t)d->phases_count;
    next->trouble = next->trouble_why = (struct slice){0};
    bool open = false;
    for (size_t i = 0; !open && i < d->phases_count; i++) {
        next->row.current_phase = d->phases[i].number;
        open = !eng__completed(next, d->phases[i].number);
    }
    return open ? OK : eng__snapshot_move(next, ENG_FINISH);
}

/* --- the record and the answer ------------------------------------------ */

static enum err record(struct eng_op *op, const struct eng_snapshot *s,
                       const struct act *act)
{
    const struct eng_manage_session_args *args = op->args;
    struct eng_snapshot *next = op->change.next;
    struct buf b = BUF_INIT(EVENT_CEILING);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    eng__view_state(&w, next);
    if (act == &reopening) {
        json_put_string(&w, "definition_hash", next->row.definition_hash);
        json_put_int(&w, "total_phases", next->row.total_phases);
        json_key(&w, SLICE("options"));
        if (next->options)
            json_value(&w, next->options);
        else
            json_null(&w);
    }
    if (args->reason.n) json_put_string(&w, "reason", args->reason);
    if (args->note.n) json_put_string(&w, "note", args->note);
    if (act->reopens) {
        eng__view_reopened_phases(&w, s, next);
        json_put_bool(&w, "reset_evidence", args->reset_evidence);
    }
    json_end_object(&w);
    return eng__op_event(op, act->event,
                         act->reopens ? next->row.current_phase : -1, &b);
}

static void reply(struct eng_op *op, const struct act *act,
                  const struct eng_snapshot *before,
                  const struct eng_snapshot *s)
{
    char hex[SHA256_HEX_SIZE];
    struct json_writer w = json_writer(&op->call->out->plain);
    json_begin_object(&w);
    const struct eng_manage_session_args *args = op->args;
    json_put_string(&w, "action", args->action);
    json_put_bool(&w, "changed", before != s);
    if (act->action == ENG_DELETE) json_put_bool(&w, "deleted", true);
    if (act->reopens) {
        json_put_int(&w, "from_phase", before->row.current_phase);
        eng__view_reopened_phases(&w, before, s);
    }
    json_key(&w, SLICE("session"));
    eng__view_session(&w, s);
    json_key(&w, SLICE("receipt"));
    json_begin_object(&w);
    json_put_int(&w, "event_id", s->row.event_seq);
    json_put_string(&w, "hash", sha256_hex(s->row.event_hash, hex));
    json_end_object(&w);
    if (act->reopens)
        eng__view_next_phase(&w, s, s->row.current_phase,
                             "Read the phase again: its gate wants new "
                             "evidence.");
    else
        eng__view_next(&w, s, eng__session_phase(s));
    json_end_object(&w);
}

/* --- deciding ----------------------------------------------------------- */

/* Fills the problem. */
static enum err apply(struct eng_op *op, const struct eng_snapshot *s,
                      const struct act *act, int64_t phase)
{
    const struct eng_manage_session_args *args = op->args;
    struct eng_call *c = op->call;
    enum err e = eng__snapshot_next(s, clock_wall_ms(), &op->change.next);
    if (e) return eng__problem_store(c, e);
    struct eng_snapshot *next = op->change.next;
    e = eng__snapshot_move(next, act->action);
    if (!e && act->action == ENG_DELETE) next->row.hidden = true;
    if (!e && act->reopens) {
        eng__snapshot_cut(next, phase);
        e = eng__approvals_withdraw(op, phase);
        if (!e && args->reset_evidence) e = tasks_open(op, phase);
    }
    if (!e && act == &reopening) {
        e = recover(op, s);
        if (e) return e;
    }
    if (!e) e = record(op, s, act);
    if (!e) e = eng__snapshot_seal(next);
    op->change.expected_version = s->row.version;
    op->change.store_event = act->in_store;
    return e ? eng__problem_store(c, e) : OK;
}

static enum err repeat_of(struct eng_op *op, struct eng_repeat *r)
{
    const struct eng_manage_session_args *args = op->args;
    struct sha256 h;
    enum err e = OK;
    eng__repeat_begin(r, &h, args->session_id, args->idempotency_key,
                      "manage_session");
    eng__digest_text(&h, args->action);
    eng__digest_text(&h, args->reason);
    eng__digest_text(&h, args->note);
    eng__digest_int(&h, args->to_phase);
    eng__digest_int(&h, args->reset_evidence);
    if (args->options)
        e = eng__digest_json(&h, args->options, op->call->arena);
    sha256_end(&h, r->digest);
    return e ? eng__problem_nomem(op->call) : OK;
}

/* Only what a session lacks can be given later. */
static enum err options_check(struct eng_call *c, const struct act *act,
                              const struct json *options)
{
    if (!options || act == &reopening) return OK;
    return problem_set(
        &c->problem, ERR_INVALID_PARAMETER, SLICE("`options` are given"),
        SLICE("A session's options are those of its start; only resume and "
              "retry_phase of one in status error may add what it lacks."),
        SLICE("Leave `options` out."));
}

static enum err decide(struct eng_op *op)
{
    const struct eng_manage_session_args *args = op->args;
    struct eng_call *c = op->call;
    const struct eng_snapshot *s;
    const struct act *act = NULL;
    struct eng_repeat repeat;
    int64_t phase = 0;
    enum err e = act_find(c, args->action, &act);
    if (!e) e = repeat_of(op, &repeat);
    if (!e) e = eng__repeat_check(op, &repeat);
    if (e) return e == ERR_EXISTS ? OK : e;
    assert(act);
    e = eng__session_get(op->engine, c, args->session_id, &s);
    if (!e) e = eng__fresh_check(op, s, false);
    if (!e) e = eng__problem_closed(c, s, act->action);
    if (!e) e = target_phase(c, s, act, args, &phase);
    if (e) return e;
    enum eng_status to = s->status;
    e = eng__move(s->status, act->action, &to);
    if (!e && s->status == ENG_ERRED && to == ENG_ACTIVE) act = &reopening;
    if (!e) e = options_check(c, act, args->options);
    if (e) return e;
    if (act->idle_is_fine && to == s->status) {
        reply(op, act, s, s);
        return OK;
    }
    e = apply(op, s, act, phase);
    if (e) return e;
    reply(op, act, s, op->change.next);
    e = eng__repeat_keep(op, &repeat);
    op->after = OK;
    return e ? e : ERR_PENDING;
}

enum err eng_manage_session(struct engine *e, struct eng_call *c,
                            const struct eng_manage_session_args *args)
{
    if (!e->store) return eng__problem_no_project(c);
    if (!uuid_valid(args->session_id))
        return eng__problem_session_id(c, args->session_id);
    return eng__op_run(e, c, args->session_id, decide, args);
}
