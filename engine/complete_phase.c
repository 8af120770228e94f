#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/random.h"
#include "engine/approval_ask.h"
#include "engine/catalog.h"
#include "engine/chain.h"
#include "engine/checkpoint.h"
#include "engine/digest.h"
#include "engine/fresh.h"
#include "engine/idempotency.h"
#include "engine/problems.h"
#include "engine/runs.h"
#include "engine/trust.h"
#include "engine/view.h"

#define TEXT_CEILING (64u << 20)

enum outcome { REFUSED, ASKED, PASSED };

/* One try at a phase's gate, as far as it has come. */
struct attempt {
    const struct eng_snapshot *s;
    struct eng_repeat repeat;
    struct eng_proving proving;
    struct eng_verdict verdict;
    enum outcome outcome;
    bool has_approval; /* this attempt changes the phase's one */
    struct st_approval approval;
    struct slice text; /* the verdict's object */
};

/* --- may this phase be completed? --------------------------------------- */

/* A gate file that is broken on disk blocks, though the pinned one is whole:
 * somebody is at work on it, or tries to get around it. */
static enum err gate_broken(struct eng_op *op, const struct eng_snapshot *s,
                            int64_t phase)
{
    struct eng_call *c = op->call;
    const struct eng_definition *d;
    char file[64];
    struct slice path = {file, (size_t)snprintf(file, sizeof(file),
                                                "phases/%" PRId64
                                                "/gate-definition.yaml",
                                                phase)};
    enum err e = eng__catalog_get(op->engine, c, s->row.workflow_type, &d);
    if (e == ERR_WORKFLOW_NOT_FOUND) {
        problem_init(&c->problem);
        return OK; /* the folder is gone; the pinned gate holds */
    }
    if (e) return e;
    for (size_t i = 0; i < d->findings_count; i++) {
        const struct eng_finding *f = &d->findings[i];
        if (f->level != ENG_ERROR || !slice_eq(f->file, path)) continue;
        c->problem.extra =
            arena_printf(c->arena, "\"file\":\"%.*s\",\"line\":%u",
                         SLICE_ARG(path), f->line);
        struct slice line = f->line
                                ? arena_printf(c->arena, " at line %u", f->line)
                                : SLICE("");
        return problem_setf(&c->problem, c->arena, ERR_GATE_BROKEN, f->message,
                            f->how_to_fix, "The gate file %.*s is broken%.*s",
                            SLICE_ARG(path), SLICE_ARG(line));
    }
    return OK;
}

static enum err completable(struct eng_op *op, const struct eng_snapshot *s,
                            int64_t phase)
{
    struct eng_call *c = op->call;
    const struct eng_phase *p = eng_definition_phase(s->definition, phase);
    if (!p && s->status != ENG_ERRED) return eng__problem_no_phase(c, s, phase);
    enum err e = eng__problem_closed(c, s, ENG_COMPLETE);
    if (e) return e;
    if (eng__completed(s, phase)) return eng__problem_completed(c, s, phase);
    if (phase != s->row.current_phase) return eng__problem_locked(c, s, phase);
    return gate_broken(op, s, phase);
}

/* --- the record --------------------------------------------------------- */

static void digest_write(struct json_writer *w, const char *key,
                         struct slice text)
{
    uint8_t digest[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    sha256_of(text, digest);
    json_put_string(w, key, sha256_hex(digest, hex));
}

static size_t blocking(const struct eng_verdict *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->count; i++) n += v->items[i].blocks;
    return n;
}

/* The chain covers the evidence and the verdict by their digests, and tells
 * what the session was afterwards. */
static void event_write(struct buf *b, const struct eng_snapshot *next,
                        const struct attempt *at)
{
    struct json_writer w = json_writer(b);
    const struct eng_verdict *v = &at->verdict;
    struct slice evidence = at->proving.evidence->raw;
    size_t errors = blocking(v);
    json_begin_object(&w);
    json_put_bool(&w, "passed", at->outcome == PASSED);
    digest_write(&w, "evidence_sha256", evidence);
    json_put_int(&w, "evidence_bytes", (int64_t)evidence.n);
    digest_write(&w, "verdict_sha256", at->text);
    json_put_string(&w, "gate", slice_of(v->source));
    json_put_string(&w, "mode", slice_of(v->mode));
    json_put_int(&w, "errors", (int64_t)errors);
    json_put_int(&w, "warnings", (int64_t)(v->count - errors));
    if (at->has_approval) {
        json_key(&w, SLICE("approval"));
        eng__approval_write(&w, &at->approval);
    }
    if (at->outcome == PASSED)
        eng__fresh_write(&w, next, at->proving.phase->number);
    eng__view_state(&w, next);
    json_end_object(&w);
}

static enum err record(struct eng_op *op, const struct attempt *at)
{
    static const struct slice types[] = {
        [REFUSED] = SLICE_INIT("gate_refused"),
        [ASKED] = SLICE_INIT("approval_requested"),
        [PASSED] = SLICE_INIT("phase_completed"),
    };
    struct eng_snapshot *next = op->change.next;
    struct st_evidence *row = ARENA_NEW(op->call->arena, struct st_evidence);
    struct buf data = BUF_INIT(TEXT_CEILING);
    if (!row) return ERR_NOMEM;
    int64_t phase = at->proving.phase->number;
    event_write(&data, next, at);
    enum err e = eng__op_event(op, types[at->outcome], phase, &data);
    if (e) return e;
    const struct st_event *ev = &op->change.events[0];
    *row = (struct st_evidence){.session_id = next->row.id,
                                .phase = phase,
                                .event_seq = ev->seq,
                                .at_ms = ev->at_ms,
                                .passed = at->outcome == PASSED,
                                .body = at->proving.evidence->raw,
                                .verdict = at->text};
    op->change.evidence = row;
    return OK;
}

/* --- the answers -------------------------------------------------------- */

/* The verdict as it is kept, in the call's arena. */
static struct slice verdict_text(const struct attempt *at)
{
    struct buf b = BUF_INIT(TEXT_CEILING);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_bool(&w, "passed", at->outcome == PASSED);
    eng_verdict_write(&at->verdict, at->proving.gate, &w);
    eng__proofs_write(&w, &at->proving);
    json_end_object(&w);
    struct slice all = !b.err
                           ? arena_copy(at->proving.call->arena, buf_slice(&b))
                           : (struct slice){0};
    buf_done(&b);
    return all;
}

static enum err refused(struct eng_op *op, const struct attempt *at)
{
    struct eng_call *c = op->call;
    const struct st_session *row = &at->s->row;
    op->after = ERR_GATE_REFUSED;
    c->problem.siblings = arena_printf(
        c->arena, "\"session_id\":\"%.*s\",\"phase\":%" PRId64 ",%.*s",
        SLICE_ARG(row->id), row->current_phase,
        SLICE_ARG(slice_sub(at->text, 1, at->text.n - 2)));
    if (!c->problem.siblings.p) return eng__problem_nomem(c);
    problem_setf(&c->problem, c->arena, ERR_GATE_REFUSED,
                 arena_printf(c->arena,
                              "%zu of the gate's demands are not met; each is "
                              "in errors.",
                              blocking(&at->verdict)),
                 SLICE("Mend what errors names, do the work where it is "
                       "missing, and send complete_phase again with all the "
                       "evidence."),
                 "The gate of phase %" PRId64 " refused the evidence",
                 row->current_phase);
    return ERR_PENDING;
}

static enum err next_phase_write(struct eng_op *op, struct json_writer *w,
                                 const struct eng_snapshot *s, bool finished)
{
    const struct eng_rendered *f;
    json_key(w, SLICE("next_phase"));
    if (finished) {
        json_null(w);
        return OK;
    }
    const struct eng_phase *p =
        eng_definition_phase(s->definition, s->row.current_phase);
    enum err e =
        eng__rendered_get(op->engine, op->call, s->definition, p->number, &f);
    if (e) return e;
    eng__view_phase(op->call->out, w, s, p, f, clock_wall_ms());
    eng__view_next(w, s, p);
    return OK;
}

static enum err passed(struct eng_op *op, const struct attempt *at)
{
    const struct eng_snapshot *s = op->change.next;
    const struct st_event *ev = &op->change.events[0];
    bool finished = !eng__session_open(s);
    char hex[SHA256_HEX_SIZE];
    struct json_writer w = json_writer(&op->call->out->plain);
    json_begin_object(&w);
    json_put_string(&w, "session_id", s->row.id);
    json_put_int(&w, "phase", at->proving.phase->number);
    json_raw_members(&w, slice_sub(at->text, 1, at->text.n - 2));
    json_put_bool(&w, "workflow_complete", finished);
    json_put_string(&w, "status", s->row.status);
    json_put_int(&w, "current_phase", s->row.current_phase);
    json_key(&w, SLICE("receipt"));
    json_begin_object(&w);
    json_put_int(&w, "event_id", ev->seq);
    json_put_string(&w, "hash", sha256_hex(ev->hash, hex));
    json_end_object(&w);
    enum err e = next_phase_write(op, &w, s, finished);
    if (e) return e;
    json_end_object(&w);
    return OK;
}

/* --- judging and settling ------------------------------------------------ */

static enum err judge(struct eng_op *op, struct attempt *at)
{
    struct eng_call *c = op->call;
    struct eng_check how = {.root = op->engine->options.root,
                            .proofs = at->proving.proofs,
                            .as_written =
                                op->engine->options.gate_mode == ENG_AS_WRITTEN,
                            .cancel = c->cancel};
    enum err e = eng_gate_check(at->proving.gate, at->proving.effective, &how,
                                c->arena, &at->verdict);
    return e ? eng__problem_store(c, e) : OK;
}

/* Everything but a person's word is there. */
static enum err hear(struct eng_op *op, struct attempt *at)
{
    const struct eng_proving *p = &at->proving;
    const struct st_approval *ap = eng__approval(at->s, p->phase->number);
    enum err e = OK;
    switch (eng__approval_word(p)) {
    case ENG_WORD_GIVEN:
        at->outcome = PASSED;
        break;
    case ENG_WORD_PENDING:
        return eng__approval_pending(p, ap);
    case ENG_WORD_WANTED:
        at->outcome = ASKED;
        at->has_approval = true;
        e = eng__approval_request(p, op->change.next, &at->approval);
        break;
    case ENG_WORD_REFUSED:
        at->has_approval = true;
        at->approval = *ap;
        at->approval.status = SLICE("answered");
        e = eng__approval_finding(p, ap, &at->verdict);
        break;
    }
    return e ? eng__problem_store(op->call, e) : OK;
}

/* The next snapshot, the record and the answer that will be true once they
 * are committed. */
static enum err settle(struct eng_op *op, struct attempt *at)
{
    struct eng_call *c = op->call;
    enum err e = eng__snapshot_next(at->s, clock_wall_ms(), &op->change.next);
    if (e) return eng__problem_store(c, e);
    if (at->verdict.passed) e = hear(op, at);
    if (e) return e;
    struct eng_snapshot *next = op->change.next;
    at->text = verdict_text(at);
    if (!at->text.p) e = ERR_NOMEM;
    if (!e && at->has_approval) e = eng__approval_set(op, &at->approval);
    if (!e && at->outcome == PASSED)
        e = eng__snapshot_complete(next, at->proving.phase->number,
                                   next->row.updated_ms,
                                   next->row.event_seq + 1);
    if (!e && at->outcome == PASSED) e = eng__fresh_keep(next, &at->proving);
    if (!e) e = record(op, at);
    if (!e) e = eng__snapshot_seal(next);
    if (e) return eng__problem_store(c, e);
    op->change.expected_version = at->s->row.version;
    return OK;
}

static enum err answer(struct eng_op *op, const struct attempt *at)
{
    op->after = OK;
    if (at->outcome == REFUSED) return refused(op, at);
    if (at->outcome == ASKED) {
        op->after = eng__approval_pending(&at->proving, &at->approval);
        return op->after == ERR_APPROVAL_PENDING ? ERR_PENDING : op->after;
    }
    enum err e = passed(op, at);
    if (!e) e = eng__repeat_keep(op, &at->repeat);
    return e ? e : ERR_PENDING;
}

/* --- deciding ------------------------------------------------------------ */

static enum err repeat_of(struct eng_op *op, struct eng_repeat *r)
{
    const struct eng_complete_phase_args *args = op->args;
    struct sha256 h;
    char phase[24];
    *r = (struct eng_repeat){.tool = "complete_phase",
                             .scope = args->session_id,
                             .key = args->idempotency_key};
    if (!r->key.n) return OK;
    int n = snprintf(phase, sizeof(phase), "%" PRId64, args->phase);
    sha256_init(&h);
    eng__digest_text(&h, SLICE("complete_phase"));
    eng__digest_text(&h, (struct slice){phase, (size_t)n});
    enum err e = eng__digest_json(&h, args->evidence, op->call->arena);
    sha256_end(&h, r->digest);
    return e ? eng__problem_nomem(op->call) : OK;
}

/* All but the commands is met: now they are run, outside the session's turn,
 * and then it is decided again. */
static enum err send_off(struct eng_op *op, const struct attempt *at)
{
    enum err e = eng__trust_check(op->engine, op->call, at->s->definition);
    if (!e) e = eng__runs_board(op, at->s, at->proving.phase, at->proving.gate);
    return e ? e : ERR_WAITING;
}

static enum err decide(struct eng_op *op)
{
    const struct eng_complete_phase_args *args = op->args;
    struct eng_call *c = op->call;
    struct attempt at = {.outcome = REFUSED};
    enum err e = eng_evidence_check(args->evidence, c->arena, &c->problem);
    if (!e) e = eng__session_get(op->engine, c, args->session_id, &at.s);
    if (!e) e = repeat_of(op, &at.repeat);
    if (!e) e = eng__repeat_check(op, &at.repeat);
    if (e) return e == ERR_EXISTS ? OK : e;
    e = eng__fresh_check(op, at.s, true);
    if (e) return e;
    e = completable(op, at.s, args->phase);
    at.proving = (struct eng_proving){
        .engine = op->engine,
        .call = c,
        .op = op,
        .s = at.s,
        .root = op->engine->options.root,
        .phase = eng_definition_phase(at.s->definition, args->phase),
        .evidence = args->evidence};
    if (!e)
        e = eng__checkpoint_get(op->engine, c, at.s->definition, args->phase,
                                &at.proving.gate);
    if (!e) e = eng__prove(&at.proving);
    if (!e) e = judge(op, &at);
    if (!e && at.verdict.passed && at.proving.commands)
        return send_off(op, &at);
    if (!e && at.verdict.passed && at.proving.asks_client)
        return eng__client_ask(&at.proving);
    if (!e) e = settle(op, &at);
    return e ? e : answer(op, &at);
}

enum err eng_complete_phase(struct engine *e, struct eng_call *c,
                            const struct eng_complete_phase_args *args)
{
    if (!e->store) return eng__problem_no_project(c);
    if (!uuid_valid(args->session_id))
        return eng__problem_session_id(c, args->session_id);
    return eng__op_run(e, c, args->session_id, decide, args);
}
