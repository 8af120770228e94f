#include "base/clock.h"
#include "base/random.h"
#include "engine/approval_record.h"
#include "engine/engine.h"
#include "engine/problems.h"
#include "engine/transfer.h"
#include "engine/view.h"

#define SCRATCH_CEILING (1u << 30)

struct export
{
    struct st_tx *tx;
    struct eng_call *call;
    struct json_writer w;
    struct slice *hashes; /* of definitions written so far */
    size_t count, room;
};

static void put_hash(struct json_writer *w, const char *key,
                     const uint8_t hash[SHA256_SIZE])
{
    char hex[SHA256_HEX_SIZE];
    json_put_string(w, key, sha256_hex(hash, hex));
}

static void row_write(struct json_writer *w, const struct st_session *row)
{
    json_key(w, SLICE("row"));
    json_begin_object(w);
    json_put_string(w, "id", row->id);
    json_put_string(w, "workflow_type", row->workflow_type);
    json_put_string(w, "target", row->target);
    json_put_string(w, "status", row->status);
    json_put_string(w, "definition_hash", row->definition_hash);
    json_put_int(w, "current_phase", row->current_phase);
    json_put_int(w, "total_phases", row->total_phases);
    json_put_int(w, "version", row->version);
    json_put_int(w, "created_ms", row->created_ms);
    json_put_int(w, "updated_ms", row->updated_ms);
    json_put_bool(w, "hidden", row->hidden);
    json_put_int(w, "event_seq", row->event_seq);
    put_hash(w, "event_hash", row->event_hash);
    json_put_string(w, "detail", row->detail);
    json_end_object(w);
}

static void event_write(struct json_writer *w, const struct st_event *ev)
{
    json_begin_object(w);
    json_put_int(w, "seq", ev->seq);
    json_put_int(w, "at_ms", ev->at_ms);
    json_put_string(w, "type", ev->type);
    json_put_string(w, "actor", ev->actor);
    json_put_int(w, "phase", ev->phase);
    put_hash(w, "prev_hash", ev->prev_hash);
    put_hash(w, "hash", ev->hash);
    json_put_string(w, "data", ev->data);
    json_end_object(w);
}

static void evidence_write(struct json_writer *w, const struct st_evidence *e)
{
    json_begin_object(w);
    json_put_int(w, "phase", e->phase);
    json_put_int(w, "event_seq", e->event_seq);
    json_put_int(w, "at_ms", e->at_ms);
    json_put_bool(w, "passed", e->passed);
    json_put_string(w, "body", e->body);
    json_put_string(w, "verdict", e->verdict);
    json_end_object(w);
}

static void claim_write(struct json_writer *w, const struct st_claim *c)
{
    json_begin_object(w);
    json_put_int(w, "phase", c->phase);
    json_put_int(w, "task", c->task);
    json_put_string(w, "status", c->status);
    json_put_string(w, "agent", c->agent);
    json_put_int(w, "fence", c->fence);
    json_put_int(w, "expires_ms", c->expires_ms);
    json_end_object(w);
}

static enum err session_read(struct st_tx *tx, struct slice id, struct arena *a,
                             struct eng_record *r)
{
    enum err e = st_session_get(tx, id, a, &r->row);
    if (!e) e = st_event_list(tx, id, 0, 0, a, &r->events, &r->events_count);
    if (!e)
        e = st_evidence_list(tx, id, false, a, &r->evidence,
                             &r->evidence_count);
    if (!e) e = st_claim_list(tx, id, a, &r->claims, &r->claims_count);
    if (!e) e = st_approval_list(tx, id, a, &r->approvals, &r->approvals_count);
    return e;
}

static void record_write(struct json_writer *w, const struct eng_record *r)
{
    json_begin_object(w);
    row_write(w, &r->row);
    json_key(w, SLICE("events"));
    json_begin_array(w);
    for (size_t i = 0; i < r->events_count; i++) event_write(w, &r->events[i]);
    json_end_array(w);
    json_key(w, SLICE("evidence"));
    json_begin_array(w);
    for (size_t i = 0; i < r->evidence_count; i++)
        evidence_write(w, &r->evidence[i]);
    json_end_array(w);
    json_key(w, SLICE("claims"));
    json_begin_array(w);
    for (size_t i = 0; i < r->claims_count; i++) claim_write(w, &r->claims[i]);
    json_end_array(w);
    json_key(w, SLICE("approvals"));
    json_begin_array(w);
    for (size_t i = 0; i < r->approvals_count; i++) {
        json_begin_object(w);
        json_put_int(w, "phase", r->approvals[i].phase);
        json_key(w, SLICE("approval"));
        eng__approval_write(w, &r->approvals[i]);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
}

static enum err hash_note(struct export *x, struct slice hash)
{
    for (size_t i = 0; i < x->count; i++)
        if (slice_eq(x->hashes[i], hash)) return OK;
    if (x->count == x->room) {
        size_t more = x->room ? x->room * 2 : 16;
        struct slice *to = ARENA_ARRAY(x->call->arena, struct slice, more);
        if (!to) return ERR_NOMEM;
        if (x->count) memcpy(to, x->hashes, x->count * sizeof(*to));
        x->hashes = to;
        x->room = more;
    }
    x->hashes[x->count] = arena_copy(x->call->arena, hash);
    return x->hashes[x->count++].p ? OK : ERR_NOMEM;
}

static enum err session_export(struct export *x, struct slice id)
{
    struct eng_record r = {0};
    struct arena a;
    arena_init(&a, SCRATCH_CEILING);
    enum err e = session_read(x->tx, id, &a, &r);
    if (!e) e = hash_note(x, r.row.definition_hash);
    if (!e) record_write(&x->w, &r);
    arena_done(&a);
    if (e == ERR_NOT_FOUND) return eng__problem_session_absent(x->call, id);
    return e ? eng__problem_store(x->call, e) : OK;
}

static enum err definitions_export(struct export *x)
{
    enum err e = OK;
    json_key(&x->w, SLICE("definitions"));
    json_begin_array(&x->w);
    for (size_t i = 0; !e && i < x->count; i++) {
        struct slice body;
        struct arena a;
        arena_init(&a, SCRATCH_CEILING);
        e = st_definition_get(x->tx, x->hashes[i], &a, &body);
        if (!e) {
            json_begin_object(&x->w);
            json_put_string(&x->w, "hash", x->hashes[i]);
            json_put_string(&x->w, "body", body);
            json_end_object(&x->w);
        }
        if (e == ERR_NOT_FOUND) e = OK; /* the import will say so */
        arena_done(&a);
    }
    json_end_array(&x->w);
    return e ? eng__problem_store(x->call, e) : OK;
}

static enum err sessions_export(struct export *x,
                                const struct eng_export_args *args)
{
    struct slice *ids = NULL;
    size_t n = args->count;
    enum err e = OK;
    if (!n) e = st_session_ids(x->tx, SLICE(""), 0, x->call->arena, &ids, &n);
    if (e) return eng__problem_store(x->call, e);
    json_key(&x->w, SLICE("sessions"));
    json_begin_array(&x->w);
    progress_expect(x->call->progress, n);
    for (size_t i = 0; !e && i < n; i++) {
        e = session_export(x, ids ? ids[i] : args->session_ids[i]);
        progress_step(x->call->progress, 1);
    }
    json_end_array(&x->w);
    return e;
}

enum err eng_export(struct engine *e, struct eng_call *c,
                    const struct eng_export_args *args)
{
    struct export x = {.call = c, .w = json_writer(&c->out->plain)};
    if (c->on_loop) return ERR_AGAIN;
    if (!e->store) return eng__problem_no_project(c);
    for (size_t i = 0; i < args->count; i++)
        if (!uuid_valid(args->session_ids[i]))
            return eng__problem_session_id(c, args->session_ids[i]);
    enum err r = st_read_begin(e->store, c->cancel, &x.tx);
    if (r) return eng__problem_store(c, r);
    json_begin_object(&x.w);
    json_put_int(&x.w, "phasegate_export", 1);
    eng__view_time(&x.w, "exported_at", clock_wall_ms());
    r = sessions_export(&x, args);
    if (!r) r = definitions_export(&x);
    json_end_object(&x.w);
    st_read_end(x.tx);
    if (!r && c->out->plain.err) r = eng__problem_store(c, c->out->plain.err);
    return eng__settled(c, r);
}
