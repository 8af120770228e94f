#include "engine/approval_ask.h"

#include <inttypes.h>

#include "engine/problems.h"
#include "engine/view.h"

enum { ASK_AGAIN_MS = 15000, LIST_CEILING = 1 << 20 };

enum eng_word eng__approval_word(const struct eng_proving *p)
{
    static const struct {
        const char *status;
        enum eng_word word;
    } rows[] = {{"approved", ENG_WORD_GIVEN},
                {"pending", ENG_WORD_PENDING},
                {"rejected", ENG_WORD_REFUSED}};
    const struct st_approval *ap = eng__approval(p->s, p->phase->number);
    if (!p->gate->approval_required) return ENG_WORD_GIVEN;
    if (!ap || !sha256_equal(ap->subject, p->subject)) return ENG_WORD_WANTED;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (eng__approval_is(ap, rows[i].status)) return rows[i].word;
    return ENG_WORD_WANTED;
}

/* The names of the fields that want it; none: the phase as a whole. */
static struct slice fields_of(const struct eng_proving *p)
{
    struct buf b = BUF_INIT(LIST_CEILING);
    struct json_writer w = json_writer(&b);
    json_begin_array(&w);
    for (size_t i = 0; i < p->gate->fields_count; i++)
        if (p->gate->fields[i].rung == ENG_HUMAN)
            json_string(&w, p->gate->fields[i].name);
    json_end_array(&w);
    struct slice r =
        !b.err ? arena_copy(p->call->arena, buf_slice(&b)) : (struct slice){0};
    buf_done(&b);
    return r;
}

enum err eng__approval_request(const struct eng_proving *p,
                               const struct eng_snapshot *next,
                               struct st_approval *ret)
{
    *ret = (struct st_approval){.session_id = next->row.id,
                                .phase = p->phase->number,
                                .event_seq = next->row.event_seq + 1,
                                .status = SLICE("pending"),
                                .fields = fields_of(p),
                                .asked_ms = next->row.updated_ms,
                                .asked_by = p->call->actor,
                                .decided_by = SLICE(""),
                                .channel = SLICE(""),
                                .comment = SLICE("")};
    memcpy(ret->subject, p->subject, SHA256_SIZE);
    return ret->fields.p ? OK : ERR_NOMEM;
}

static void error_write(struct json_writer *w, struct slice field,
                        const struct problem *why)
{
    json_begin_object(w);
    json_put_string(w, "field", field);
    json_put_string(w, "code", SLICE("APPROVAL_PENDING"));
    json_put_string(w, "message", why->why);
    json_put_string(w, "how_to_fix", why->how_to_fix);
    json_end_object(w);
}

static void errors_write(struct json_writer *w, const struct eng_proving *p)
{
    bool any = false;
    json_key(w, SLICE("errors"));
    json_begin_array(w);
    for (size_t i = 0; i < p->gate->fields_count; i++) {
        if (p->gate->fields[i].rung != ENG_HUMAN) continue;
        error_write(w, p->gate->fields[i].name, &p->call->problem);
        any = true;
    }
    if (!any) error_write(w, SLICE(""), &p->call->problem);
    json_end_array(w);
}

static struct slice siblings(const struct eng_proving *p,
                             const struct st_approval *ap)
{
    struct buf b = BUF_INIT(LIST_CEILING);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_string(&w, "session_id", p->s->row.id);
    json_put_int(&w, "phase", p->phase->number);
    json_put_bool(&w, "passed", false);
    errors_write(&w, p);
    json_put_raw(&w, "warnings", SLICE("[]"));
    eng__proofs_write(&w, p);
    json_key(&w, SLICE("approval"));
    eng__view_approval(&w, ap);
    json_end_object(&w);
    struct slice r = !b.err ? arena_copy(p->call->arena,
                                         slice_sub(buf_slice(&b), 1, b.n - 2))
                            : (struct slice){0};
    buf_done(&b);
    return r;
}

enum err eng__approval_pending(const struct eng_proving *p,
                               const struct st_approval *ap)
{
    struct eng_call *c = p->call;
    problem_setf(
        &c->problem, c->arena, ERR_APPROVAL_PENDING,
        SLICE("Everything else is met; this gate wants a person's word, and no "
              "tool can give it."),
        arena_printf(
            c->arena,
            "Ask your user to run `phasegate sessions approve %.*s` (or "
            "reject) on a terminal, or to decide on the dashboard. Then send "
            "complete_phase again with the same evidence.",
            SLICE_ARG(p->s->row.id)),
        "Phase %" PRId64 " waits for a person's approval", p->phase->number);
    c->problem.retry_after_ms = ASK_AGAIN_MS;
    c->problem.siblings = siblings(p, ap);
    if (!c->problem.siblings.p) return eng__problem_nomem(c);
    return ERR_APPROVAL_PENDING;
}

enum err eng__approval_finding(const struct eng_proving *p,
                               const struct st_approval *ap,
                               struct eng_verdict *v)
{
    struct arena *a = p->call->arena;
    struct eng_verdict_item item = {
        .kind = ENG_REJECTED,
        .rule = SLICE("human"),
        .message =
            arena_printf(a, "%.*s rejected it: %.*s", SLICE_ARG(ap->decided_by),
                         SLICE_ARG(ap->comment)),
        .how_to_fix = SLICE("Do what the comment asks, then send "
                            "complete_phase again: the person is asked "
                            "anew.")};
    return eng_verdict_add(v, &item, a);
}
