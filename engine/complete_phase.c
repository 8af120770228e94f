#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/random.h"
#include "engine/catalog.h"
#include "engine/chain.h"
#include "engine/checkpoint.h"
#include "engine/digest.h"
#include "engine/idempotency.h"
#include "engine/problems.h"
#include "engine/view.h"

#define TEXT_CEILING (64u << 20)

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

/* The chain covers the evidence and the verdict by their digests, and tells
 * what the session was afterwards. */
static void event_write(struct buf *b, const struct eng_snapshot *next,
                        const struct json *evidence,
                        const struct eng_verdict *v, struct slice verdict)
{
    struct json_writer w = json_writer(b);
    size_t blocking = 0;
    for (size_t i = 0; i < v->count; i++) blocking += v->items[i].blocks;
    json_begin_object(&w);
    json_put_bool(&w, "passed", v->passed);
    digest_write(&w, "evidence_sha256", evidence->raw);
    json_put_int(&w, "evidence_bytes", (int64_t)evidence->raw.n);
    digest_write(&w, "verdict_sha256", verdict);
    json_put_string(&w, "gate", slice_of(v->source));
    json_put_string(&w, "mode", slice_of(v->mode));
    json_put_int(&w, "errors", (int64_t)blocking);
    json_put_int(&w, "warnings", (int64_t)(v->count - blocking));
    eng__view_state(&w, next);
    json_end_object(&w);
}

static enum err record(struct eng_op *op, const struct eng_verdict *v,
                       struct slice verdict)
{
    const struct eng_complete_phase_args *args = op->args;
    struct eng_snapshot *next = op->change.next;
    struct st_evidence *row = ARENA_NEW(op->call->arena, struct st_evidence);
    struct buf data = BUF_INIT(TEXT_CEILING);
    if (!row) return ERR_NOMEM;
    event_write(&data, next, args->evidence, v, verdict);
    enum err e = eng__op_event(
        op, v->passed ? SLICE("phase_completed") : SLICE("gate_refused"),
        args->phase, &data);
    if (e) return e;
    const struct st_event *ev = &op->change.events[0];
    *row = (struct st_evidence){.session_id = next->row.id,
                                .phase = args->phase,
                                .event_seq = ev->seq,
                                .at_ms = ev->at_ms,
                                .passed = v->passed,
                                .body = args->evidence->raw,
                                .verdict = verdict};
    op->change.evidence = row;
    return OK;
}

/* --- the answers -------------------------------------------------------- */

/* The verdict's members without braces, in the call's arena. */
static struct slice verdict_text(struct eng_call *c,
                                 const struct eng_verdict *v,
                                 const struct eng_gate *g)
{
    struct buf b = BUF_INIT(TEXT_CEILING);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_bool(&w, "passed", v->passed);
    eng_verdict_write(v, g, &w);
    json_end_object(&w);
    struct slice all =
        b.err ? (struct slice){0} : arena_copy(c->arena, buf_slice(&b));
    buf_done(&b);
    return all;
}

static enum err refused(struct eng_op *op, const struct eng_snapshot *s,
                        const struct eng_verdict *v, struct slice verdict)
{
    struct eng_call *c = op->call;
    size_t blocking = 0;
    for (size_t i = 0; i < v->count; i++) blocking += v->items[i].blocks;
    op->after = ERR_GATE_REFUSED;
    c->problem.siblings = arena_printf(
        c->arena, "\"session_id\":\"%.*s\",\"phase\":%" PRId64 ",%.*s",
        SLICE_ARG(s->row.id), s->row.current_phase,
        SLICE_ARG(slice_sub(verdict, 1, verdict.n - 2)));
    if (!c->problem.siblings.p) return eng__problem_nomem(c);
    problem_setf(&c->problem, c->arena, ERR_GATE_REFUSED,
                 arena_printf(c->arena,
                              "%zu of the gate's demands are not met; each is "
                              "in errors.",
                              blocking),
                 SLICE("Mend what errors names, do the work where it is "
                       "missing, and send complete_phase again with all the "
                       "evidence."),
                 "The gate of phase %" PRId64 " refused the evidence",
                 s->row.current_phase);
    return ERR_PENDING;
}

static void proofs_write(struct json_writer *w, const struct eng_gate *g,
                         const struct json *evidence)
{
    json_key(w, SLICE("proofs"));
    json_begin_array(w);
    for (size_t i = 0; i < g->fields_count; i++) {
        const struct eng_field *f = &g->fields[i];
        const struct json *v = json_get(evidence, f->name);
        if (!v || v->type == JSON_NULL) continue;
        json_begin_object(w);
        json_put_string(w, "field", f->name);
        json_put_string(w, "kind", f->proof);
        json_put_string(w, "detail", SLICE("as the agent stated it"));
        json_end_object(w);
    }
    json_end_array(w);
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

static enum err passed(struct eng_op *op, const struct eng_gate *g,
                       struct slice verdict)
{
    const struct eng_complete_phase_args *args = op->args;
    const struct eng_snapshot *s = op->change.next;
    const struct st_event *ev = &op->change.events[0];
    bool finished = !eng__session_open(s);
    char hex[SHA256_HEX_SIZE];
    struct json_writer w = json_writer(&op->call->out->plain);
    json_begin_object(&w);
    json_put_string(&w, "session_id", s->row.id);
    json_put_int(&w, "phase", args->phase);
    json_raw_members(&w, slice_sub(verdict, 1, verdict.n - 2));
    proofs_write(&w, g, args->evidence);
    json_put_bool(&w, "workflow_complete", finished);
    json_put_string(&w, "status", s->row.status);
    json_put_int(&w, "current_phase", s->row.current_phase);
    json_key(&w, SLICE("receipt"));
    json_begin_object(&w);
    json_put_int(&w, "event_id", ev->seq);
    json_put_string(&w, "hash", sha256_hex(ev->hash, hex));
    json_end_object(&w);
    enum err e = next_phase_write(op, &w, s, finished);
    json_end_object(&w);
    return e;
}

/* --- deciding ------------------------------------------------------------ */

static enum err repeat_of(struct eng_op *op, struct eng_repeat *r)
{
    const struct eng_complete_phase_args *args = op->args;
    struct sha256 h;
    char phase[24];
    *r = (struct eng_repeat){.scope = args->session_id,
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

static enum err judge(struct eng_op *op, const struct eng_snapshot *s,
                      const struct eng_gate **ret_gate, struct eng_verdict *ret)
{
    const struct eng_complete_phase_args *args = op->args;
    struct eng_call *c = op->call;
    struct eng_check how = {.root = op->engine->options.root,
                            .as_written =
                                op->engine->options.gate_mode == ENG_AS_WRITTEN,
                            .cancel = c->cancel};
    enum err e = eng__checkpoint_get(op->engine, c, s->definition, args->phase,
                                     ret_gate);
    if (e) return e;
    e = eng_gate_check(*ret_gate, args->evidence, &how, c->arena, ret);
    return e ? eng__problem_store(c, e) : OK;
}

/* Writes what follows from the verdict: the next snapshot, the record and the
 * answer that will be true once they are committed. */
static enum err settle(struct eng_op *op, const struct eng_snapshot *s,
                       const struct eng_gate *g, const struct eng_verdict *v,
                       const struct eng_repeat *repeat)
{
    const struct eng_complete_phase_args *args = op->args;
    struct eng_call *c = op->call;
    struct slice verdict = verdict_text(c, v, g);
    enum err e = verdict.p
                     ? eng__snapshot_next(s, clock_wall_ms(), &op->change.next)
                     : ERR_NOMEM;
    if (!e && v->passed)
        e = eng__snapshot_complete(op->change.next, args->phase,
                                   op->change.next->row.updated_ms,
                                   op->change.next->row.event_seq + 1);
    if (!e) e = record(op, v, verdict);
    if (!e) e = eng__snapshot_seal(op->change.next);
    if (e) return eng__problem_store(c, e);
    op->change.expected_version = s->row.version;
    if (!v->passed) return refused(op, s, v, verdict);
    op->after = OK;
    e = passed(op, g, verdict);
    if (!e) e = eng__repeat_keep(op, repeat);
    return e ? e : ERR_PENDING;
}

static enum err decide(struct eng_op *op)
{
    const struct eng_complete_phase_args *args = op->args;
    const struct eng_snapshot *s;
    const struct eng_gate *g;
    struct eng_repeat repeat;
    struct eng_verdict v;
    struct eng_call *c = op->call;
    enum err e = eng_evidence_check(args->evidence, c->arena, &c->problem);
    if (!e) e = eng__session_get(op->engine, op->call, args->session_id, &s);
    if (!e) e = repeat_of(op, &repeat);
    if (!e) e = eng__repeat_check(op, &repeat);
    if (e) return e == ERR_EXISTS ? OK : e;
    e = completable(op, s, args->phase);
    if (!e) e = judge(op, s, &g, &v);
    return e ? e : settle(op, s, g, &v, &repeat);
}

enum err eng_complete_phase(struct engine *e, struct eng_call *c,
                            const struct eng_complete_phase_args *args)
{
    if (!e->store) return eng__problem_no_project(c);
    if (!uuid_valid(args->session_id))
        return eng__problem_session_id(c, args->session_id);
    return eng__op_run(e, c, args->session_id, decide, args);
}
