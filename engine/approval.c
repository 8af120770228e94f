#include "engine/approval.h"

#include <assert.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/random.h"
#include "engine/approval_record.h"
#include "engine/fresh.h"
#include "engine/problems.h"
#include "engine/view.h"

enum {
    PAGE_MOST = 200,
    PAGE_USUAL = 50,
    EVIDENCE_SHOWN = 64 << 10,
    PERSON_MAX = 200,
    COMMENT_MAX = 4000,
    EVENT_CEILING = 1 << 20,
    SCRATCH_CEILING = 256 << 20
};

/* --- listing -------------------------------------------------------------- */

struct listing {
    struct engine *engine;
    struct eng_call *call;
    const struct eng_approvals_list_args *args;
    struct json_writer w;
    int64_t count;
};

static void evidence_write(struct listing *l, const struct st_evidence *row,
                           struct arena *a)
{
    const struct json *verdict = NULL;
    struct json_error je;
    json_put_int(&l->w, "evidence_bytes", (int64_t)row->body.n);
    if (row->body.n <= EVIDENCE_SHOWN || l->args->session_id.n)
        json_put_raw(&l->w, "evidence", row->body);
    enum err e = json_parse(row->verdict, NULL, a, &verdict, &je);
    if (e == ERR_NOMEM) l->w.out->err = e;
    if (e) return;
    const struct json *proofs = json_get(verdict, SLICE("proofs"));
    if (proofs) json_put_raw(&l->w, "proofs", proofs->raw);
}

/* What the person decides about: as it was sent, and what was measured. In
 * an arena of its own: evidence may have 10 MiB. */
static enum err evidence_tell(struct listing *l, const struct st_approval *ap)
{
    struct st_evidence row;
    struct st_tx *tx;
    struct arena a;
    enum err e = st_read_begin(l->engine->store, l->call->cancel, &tx);
    if (e) return e;
    arena_init(&a, SCRATCH_CEILING);
    e = st_evidence_get(tx, ap->session_id, ap->phase, ap->event_seq, &a, &row);
    if (!e) evidence_write(l, &row, &a);
    arena_done(&a);
    st_read_end(tx);
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err item_write(struct listing *l, const struct st_approval *ap)
{
    const struct eng_snapshot *s;
    enum err e = eng__session_get(l->engine, l->call, ap->session_id, &s);
    if (e) return e;
    const struct eng_phase *p = eng_definition_phase(s->definition, ap->phase);
    json_begin_object(&l->w);
    json_put_string(&l->w, "session_id", s->row.id);
    json_put_string(&l->w, "workflow_type", s->row.workflow_type);
    json_put_string(&l->w, "target", s->row.target);
    json_put_int(&l->w, "phase", ap->phase);
    json_put_string(&l->w, "phase_name", p ? p->name : SLICE(""));
    eng__view_approval_members(&l->w, ap);
    e = evidence_tell(l, ap);
    json_end_object(&l->w);
    l->count++;
    return e ? eng__problem_store(l->call, e) : OK;
}

static enum err of_session(struct listing *l)
{
    const struct eng_snapshot *s;
    enum err e = eng__session_get(l->engine, l->call, l->args->session_id, &s);
    for (size_t i = 0; !e && i < s->approvals_count; i++)
        e = item_write(l, &s->approvals[i]);
    return e;
}

/* "<asked_ms>.<phase>.<session_id>" of the last one. */
static enum err cursor_read(struct listing *l, struct st_approval_filter *f)
{
    struct slice c = l->args->cursor;
    size_t dot = slice_find_byte(c, '.');
    struct slice rest = slice_sub(c, dot + 1, c.n);
    size_t second = slice_find_byte(rest, '.');
    f->after_ms = INT64_MIN;
    if (!c.n) return OK;
    f->after_id = slice_sub(rest, second + 1, rest.n);
    if (dot < c.n && second < rest.n &&
        slice_int64(slice_sub(c, 0, dot), &f->after_ms) &&
        slice_int64(slice_sub(rest, 0, second), &f->after_phase) &&
        uuid_valid(f->after_id))
        return OK;
    return problem_set(&l->call->problem, ERR_INVALID_PARAMETER,
                       SLICE("cursor"),
                       SLICE("It is not one this list gave out."),
                       SLICE("Send next_cursor as it was, or none."));
}

static enum err of_all(struct listing *l, int64_t limit)
{
    struct st_approval_filter f = {.workflow_type = l->args->workflow_type,
                                   .limit = (int)limit + 1};
    struct st_approval *list = NULL;
    struct st_tx *tx;
    size_t n = 0;
    enum err e = cursor_read(l, &f);
    if (e) return e;
    e = st_read_begin(l->engine->store, l->call->cancel, &tx);
    if (e) return eng__problem_store(l->call, e);
    e = st_approval_open(tx, &f, l->call->arena, &list, &n);
    st_read_end(tx);
    if (e) return eng__problem_store(l->call, e);
    bool more = n > (size_t)limit;
    if (more) n--;
    for (size_t i = 0; !e && i < n; i++) {
        e = item_write(l, &list[i]);
        if (e == ERR_SESSION_NOT_FOUND) e = OK; /* deleted since */
    }
    json_end_array(&l->w);
    json_put_int(&l->w, "count", l->count);
    if (e || !more) return e;
    json_key(&l->w, SLICE("next_cursor"));
    json_stringf(&l->w, "%" PRId64 ".%" PRId64 ".%.*s", list[n - 1].asked_ms,
                 list[n - 1].phase, SLICE_ARG(list[n - 1].session_id));
    return OK;
}

enum err eng_approvals_list(struct engine *e, struct eng_call *c,
                            const struct eng_approvals_list_args *args)
{
    struct listing l = {
        .engine = e, .call = c, .args = args, .w = json_writer(&c->out->plain)};
    int64_t limit = args->limit < 1           ? PAGE_USUAL
                    : args->limit > PAGE_MOST ? PAGE_MOST
                                              : args->limit;
    if (c->on_loop) return ERR_AGAIN;
    if (!e->store) return eng__problem_no_project(c);
    if (args->session_id.n && !uuid_valid(args->session_id))
        return eng__problem_session_id(c, args->session_id);
    enum err r;
    json_begin_object(&l.w);
    json_key(&l.w, SLICE("approvals"));
    json_begin_array(&l.w);
    if (args->session_id.n) {
        r = of_session(&l);
        if (r) return r;
        json_end_array(&l.w);
        json_put_int(&l.w, "count", l.count);
    } else {
        r = of_all(&l, limit);
        if (r) return r;
    }
    json_end_object(&l.w);
    return eng__settled(c, OK);
}

/* --- deciding ------------------------------------------------------------- */

static enum err wrong(struct eng_call *c, struct slice what, struct slice why,
                      struct slice how)
{
    return problem_set(&c->problem, ERR_INVALID_PARAMETER, what, why, how);
}

static enum err arguments(struct eng_call *c,
                          const struct eng_approval_decide_args *args)
{
    static const struct slice channels[] = {SLICE_INIT("terminal"),
                                            SLICE_INIT("dashboard")};
    bool known = false;
    for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++)
        known |= slice_eq(args->channel, channels[i]);
    if (!known)
        return wrong(c, SLICE("channel"),
                     SLICE("People decide on a terminal or the dashboard."),
                     SLICE("Use one of these."));
    if (!slice_trim(args->person).n ||
        slice_utf8_length(args->person) > PERSON_MAX)
        return wrong(c, SLICE("The person's name is empty or too long"),
                     SLICE("An approval names who gave it, in 1 to 200 "
                           "characters."),
                     SLICE("Give your name."));
    if (slice_utf8_length(args->comment) > COMMENT_MAX)
        return wrong(c, SLICE("The comment is too long"),
                     SLICE("It has at most 4000 characters."),
                     SLICE("Say it shorter."));
    if (!args->approve && !slice_trim(args->comment).n)
        return wrong(c, SLICE("The comment is missing"),
                     SLICE("A rejection says what has to change: the agent "
                           "reads it."),
                     SLICE("Give a comment."));
    return OK;
}

static enum err nothing_asked(struct eng_call *c, const struct eng_snapshot *s)
{
    return problem_setf(&c->problem, c->arena, ERR_NOT_FOUND,
                        SLICE("No phase of it waits for a person: either its "
                              "gate asks for none, or the agent has not "
                              "submitted evidence that meets the rest."),
                        SLICE("`phasegate sessions approvals` lists what waits "
                              "for you."),
                        "Session %.*s asks for no approval",
                        SLICE_ARG(s->row.id));
}

static enum err too_late(struct eng_call *c, const struct st_approval *ap)
{
    bool pending = eng__approval_is(ap, "pending");
    return problem_setf(
        &c->problem, c->arena, ERR_CONFLICT,
        pending ? arena_printf(c->arena,
                               "The agent has submitted other evidence since "
                               "(event %" PRId64 ").",
                               ap->event_seq)
                : arena_printf(c->arena, "It is %.*s.", SLICE_ARG(ap->status)),
        SLICE("Look at it again: `phasegate sessions approvals`."),
        "This request is no longer open");
}

static enum err request_find(struct eng_op *op, const struct eng_snapshot *s,
                             const struct st_approval **ret)
{
    const struct eng_approval_decide_args *args = op->args;
    const struct st_approval *ap = NULL;
    for (size_t i = 0; i < s->approvals_count; i++) {
        const struct st_approval *one = &s->approvals[i];
        bool named = args->event_id == one->event_seq;
        if (args->phase != ENG_ABSENT
                ? one->phase == args->phase
                : named || (!ap && eng__approval_is(one, "pending")))
            ap = one;
    }
    if (!ap) return nothing_asked(op->call, s);
    bool other =
        args->event_id != ENG_ABSENT && args->event_id != ap->event_seq;
    if (other || !eng__approval_is(ap, "pending"))
        return too_late(op->call, ap);
    *ret = ap;
    return OK;
}

static enum err record(struct eng_op *op, const struct st_approval *ap)
{
    const struct eng_approval_decide_args *args = op->args;
    struct buf b = BUF_INIT(EVENT_CEILING);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_string(&w, "by", args->person);
    json_put_string(&w, "channel", args->channel);
    if (args->comment.n) json_put_string(&w, "comment", args->comment);
    json_key(&w, SLICE("approval"));
    eng__approval_write(&w, ap);
    eng__view_state(&w, op->change.next);
    json_end_object(&w);
    return eng__op_event(op,
                         args->approve ? SLICE("approval_granted")
                                       : SLICE("approval_rejected"),
                         ap->phase, &b);
}

static void reply(struct eng_op *op, const struct st_approval *ap)
{
    const struct eng_snapshot *s = op->change.next;
    char hex[SHA256_HEX_SIZE];
    struct json_writer w = json_writer(&op->call->out->plain);
    json_begin_object(&w);
    json_put_string(&w, "session_id", s->row.id);
    json_put_int(&w, "phase", ap->phase);
    json_put_string(&w, "status", ap->status);
    json_key(&w, SLICE("approval"));
    eng__view_approval(&w, ap);
    json_key(&w, SLICE("receipt"));
    json_begin_object(&w);
    json_put_int(&w, "event_id", s->row.event_seq);
    json_put_string(&w, "hash", sha256_hex(s->row.event_hash, hex));
    json_end_object(&w);
    json_end_object(&w);
}

static enum err decide(struct eng_op *op)
{
    const struct eng_approval_decide_args *args = op->args;
    struct eng_call *c = op->call;
    const struct eng_snapshot *s;
    const struct st_approval *asked = NULL;
    enum err e = eng__session_get(op->engine, c, args->session_id, &s);
    if (!e) e = eng__fresh_check(op, s, false);
    if (!e) e = eng__problem_closed(c, s, ENG_DECIDE);
    if (!e) e = request_find(op, s, &asked);
    if (e) return e;
    assert(asked); /* nothing_asked() is never OK */
    e = eng__snapshot_next(s, clock_wall_ms(), &op->change.next);
    if (e) return eng__problem_store(c, e);
    struct st_approval ap = *asked;
    ap.status = args->approve ? SLICE("approved") : SLICE("rejected");
    ap.decided_ms = op->change.next->row.updated_ms;
    ap.decided_by = args->person;
    ap.channel = args->channel;
    ap.comment = args->comment.p ? args->comment : SLICE("");
    e = eng__snapshot_move(op->change.next, ENG_DECIDE);
    if (!e) e = eng__approval_set(op, &ap);
    if (!e) e = record(op, &ap);
    if (!e) e = eng__snapshot_seal(op->change.next);
    if (e) return eng__problem_store(c, e);
    op->change.expected_version = s->row.version;
    op->after = OK;
    reply(op, &ap);
    return ERR_PENDING;
}

enum err eng_approval_decide(struct engine *e, struct eng_call *c,
                             const struct eng_approval_decide_args *args)
{
    if (!e->store) return eng__problem_no_project(c);
    if (!uuid_valid(args->session_id))
        return eng__problem_session_id(c, args->session_id);
    enum err r = arguments(c, args);
    return r ? r : eng__op_run(e, c, args->session_id, decide, args);
}
