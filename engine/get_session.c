#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/random.h"
#include "engine/catalog.h"
#include "engine/fresh.h"
#include "engine/op.h"
#include "engine/problems.h"
#include "engine/view.h"

/* Of one reply; the report and the command line page through the rest. */
#define HISTORY_MOST 1000

/* Of the phases that stand, the attempt that passed; a rollback leaves the
 * others to the history. */
static enum err evidence_write(struct json_writer *w, struct st_tx *tx,
                               const struct eng_snapshot *s, struct arena *a)
{
    char phase[24];
    struct st_evidence row;
    enum err e = OK;
    json_key(w, SLICE("evidence"));
    json_begin_object(w);
    for (size_t i = 0; !e && i < s->completed_count; i++) {
        const struct eng_completed *done = &s->completed[i];
        e = st_evidence_get(tx, s->row.id, done->phase, done->event, a, &row);
        if (e == ERR_NOT_FOUND) { /* imported without any */
            e = OK;
            continue;
        }
        if (e) break;
        int len = snprintf(phase, sizeof(phase), "%" PRId64, done->phase);
        json_key(w, (struct slice){phase, (size_t)len});
        json_raw(w, row.body);
    }
    json_end_object(w);
    return e;
}

/* Rows in the order of their events, verdicts a part of them. */
static void history_write(struct json_writer *w, const struct st_event *rows,
                          size_t n, const struct st_evidence *verdicts,
                          size_t verdicts_count)
{
    char hex[SHA256_HEX_SIZE];
    size_t v = 0;
    json_key(w, SLICE("history"));
    json_begin_array(w);
    for (size_t i = 0; i < n; i++) {
        json_begin_object(w);
        json_put_int(w, "event_id", rows[i].seq);
        eng__view_time(w, "at", rows[i].at_ms);
        json_put_string(w, "type", rows[i].type);
        if (rows[i].phase >= 0) json_put_int(w, "phase", rows[i].phase);
        json_put_string(w, "actor", rows[i].actor);
        json_put_raw(w, "data", rows[i].data);
        while (v < verdicts_count && verdicts[v].event_seq < rows[i].seq) v++;
        if (v < verdicts_count && verdicts[v].event_seq == rows[i].seq)
            json_put_raw(w, "verdict", verdicts[v].verdict);
        json_put_string(w, "hash", sha256_hex(rows[i].hash, hex));
        json_end_object(w);
    }
    json_end_array(w);
}

static enum err history_read(struct eng_op *op, struct st_tx *tx,
                             struct json_writer *w)
{
    const struct eng_get_session_args *args = op->args;
    struct arena *a = op->call->arena;
    struct st_event *events;
    struct st_evidence *verdicts = NULL;
    size_t n, verdicts_count = 0;
    int most = args->history_most ? args->history_most : HISTORY_MOST;
    enum err e = st_event_list(tx, args->session_id, args->after_event,
                               most, a, &events, &n);
    if (!e && args->verdicts)
        e = st_verdict_list(tx, args->session_id, args->after_event,
                            most, a, &verdicts, &verdicts_count);
    if (!e) history_write(w, events, n, verdicts, verdicts_count);
    return e;
}

static enum err extras_write(struct eng_op *op, const struct eng_snapshot *s,
                             struct json_writer *w)
{
    const struct eng_get_session_args *args = op->args;
    struct eng_call *c = op->call;
    struct st_tx *tx;
    enum err e = st_read_begin(op->engine->store, c->cancel, &tx);
    if (e) return e;
    if (args->evidence) e = evidence_write(w, tx, s, c->arena);
    if (!e && args->history) e = history_read(op, tx, w);
    st_read_end(tx);
    return e;
}

/* The definition and the phase, for who wants all in one reply. */
static enum err surroundings_write(struct eng_op *op,
                                   const struct eng_snapshot *s,
                                   struct json_writer *w)
{
    const struct eng_get_session_args *args = op->args;
    const struct eng_phase *p = eng__session_phase(s);
    const struct eng_rendered *f;
    if (args->workflow && s->definition->metadata) {
        json_key(w, SLICE("metadata"));
        json_value(w, s->definition->metadata);
    }
    if (!args->phase || !p) return OK;
    enum err e =
        eng__rendered_get(op->engine, op->call, s->definition, p->number, &f);
    if (e) return e;
    json_key(w, SLICE("phase"));
    eng__view_phase(op->call->out, w, s, p, f,
                    s->claims_count ? clock_wall_ms() : 0);
    return OK;
}

static enum err decide(struct eng_op *op)
{
    const struct eng_get_session_args *args = op->args;
    struct eng_call *c = op->call;
    const struct eng_snapshot *s;
    struct eng_drift drift;
    enum err e = eng__session_get(op->engine, c, args->session_id, &s);
    if (!e) e = eng__fresh_check(op, s, false);
    if (!e) e = eng__catalog_drift(op->engine, c, s->definition, &drift);
    if (e) return e;
    struct json_writer w = json_writer(&c->out->plain);
    json_begin_object(&w);
    json_key(&w, SLICE("session"));
    eng__view_session(&w, s);
    if (args->evidence || args->history) e = extras_write(op, s, &w);
    if (e) return eng__problem_store(c, e);
    e = surroundings_write(op, s, &w);
    eng__view_drift(&w, &drift);
    eng__view_next(&w, s, eng__session_phase(s));
    json_end_object(&w);
    return e;
}

enum err eng_get_session(struct engine *e, struct eng_call *c,
                         const struct eng_get_session_args *args)
{
    if (c->on_loop) return ERR_AGAIN;
    if (!e->store) return eng__problem_no_project(c);
    if (!uuid_valid(args->session_id))
        return eng__problem_session_id(c, args->session_id);
    return eng__op_read(e, c, args->session_id, decide, args);
}
