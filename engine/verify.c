#include "engine/verify.h"

#include <inttypes.h>

#include "base/map.h"
#include "base/random.h"
#include "engine/chain.h"
#include "engine/problems.h"

#define PAGE 256
#define SCRATCH_CEILING (1u << 30)

/* --- one session
 * ------------------------------------------------------------------ */

static enum err event_verify(struct st_tx *tx, const struct st_session *row,
                             const struct st_event *ev, struct audit *au)
{
    struct st_evidence evidence;
    const struct st_evidence *has = NULL;
    struct arena body; /* up to 10 MiB each: not kept */
    arena_init(&body, SCRATCH_CEILING);
    enum err e = OK;
    if (eng__audit_wants_evidence(au, ev)) {
        e = st_evidence_get(tx, row->id, ev->phase, ev->seq, &body, &evidence);
        if (!e) has = &evidence;
        if (e == ERR_NOT_FOUND) e = OK;
    }
    if (!e) eng__audit_event(au, ev, has);
    arena_done(&body);
    return e;
}

static enum err events_verify(struct st_tx *tx, const struct st_session *row,
                              const struct verify_anchor *anchor,
                              struct audit *au, int64_t *ret_events)
{
    int64_t after = -1;
    size_t n = PAGE;
    enum err e = OK;
    *ret_events = 0;
    while (!e && n == PAGE) {
        struct st_event *list;
        e = st_event_list(tx, row->id, after, PAGE, au->scratch, &list, &n);
        for (size_t i = 0; !e && i < n; i++) {
            if (anchor && list[i].seq == anchor->seq &&
                memcmp(list[i].hash, anchor->hash, SHA256_SIZE) != 0)
                eng__audit_flaw(au, "EVENT_CHANGED", row->id, list[i].seq,
                                "event %" PRId64
                                " is not the one the store's chain knows",
                                list[i].seq);
            e = event_verify(tx, row, &list[i], au);
            after = list[i].seq;
        }
        *ret_events += e ? 0 : (int64_t)n;
    }
    return e;
}

static enum err definition_verify(struct st_tx *tx,
                                  const struct st_session *row,
                                  struct audit *au)
{
    struct slice body;
    struct eng_files files;
    enum err e =
        st_definition_get(tx, row->definition_hash, au->scratch, &body);
    if (e == ERR_NOT_FOUND) {
        eng__audit_flaw(au, "DEFINITION_MISSING", row->id, 0,
                        "the definition it was started with is not there");
        return OK;
    }
    if (e) return e;
    e = eng_files_unpack(body, au->scratch, &files);
    if (e == ERR_NOMEM) return e;
    if (e || !eng_files_are(&files, row->definition_hash))
        eng__audit_flaw(au, "DEFINITION_CHANGED", row->id, 0,
                        "the stored definition is not the one it was started "
                        "with");
    return OK;
}

enum err eng__verify_session(struct st_tx *tx, struct slice id,
                             const struct verify_anchor *anchor,
                             struct audit *au, int64_t *ret_events,
                             struct st_session *ret_row)
{
    struct st_claim *claims = NULL;
    struct st_approval *approvals = NULL;
    struct audit_rows rows = {0};
    enum err e = st_session_get(tx, id, au->scratch, ret_row);
    if (e) return e;
    eng__audit_begin(au, ret_row);
    e = events_verify(tx, ret_row, anchor, au, ret_events);
    if (!e) e = st_claim_list(tx, id, au->scratch, &claims, &rows.claims_count);
    if (!e)
        e = st_approval_list(tx, id, au->scratch, &approvals,
                             &rows.approvals_count);
    if (!e) e = st_evidence_count(tx, id, &rows.evidence_count);
    if (!e) e = definition_verify(tx, ret_row, au);
    rows.claims = claims;
    rows.approvals = approvals;
    return e ? e : eng__audit_end(au, &rows);
}

/* --- the store's chain
 * ------------------------------------------------------------ */

struct known {
    struct slice id;
    bool present, seen;
    struct verify_anchor anchor;
};

struct survey {
    struct st_tx *tx;
    struct eng_call *call;
    struct audit audit;
    struct arena scratch;
    struct map sessions; /* id -> struct known, in the call's arena */
    struct st_session store;
    int64_t sessions_count, events_count;
    struct buf heads;
    struct json_writer w;
};

static enum err note_follow(struct survey *v, const struct st_event *ev)
{
    const struct json *data;
    struct json_error je;
    struct arena *a = v->call->arena;
    enum err e = json_parse(ev->data, NULL, a, &data, &je);
    if (e) return e == ERR_NOMEM ? e : OK; /* told already */
    struct slice id = json_text(json_get(data, SLICE("session_id")));
    struct slice hex = json_text(json_get(data, SLICE("hash")));
    struct known *k = map_get(&v->sessions, id);
    if (!k) {
        k = ARENA_NEW(a, struct known);
        if (!k) return ERR_NOMEM;
        k->id = id;
        e = map_put(&v->sessions, id, k, NULL);
    }
    k->present = !slice_eq(ev->type, SLICE(CHAIN_REMOVED));
    if (json_int64(json_get(data, SLICE("event_id")), &k->anchor.seq) &&
        !sha256_parse(hex, k->anchor.hash))
        k->anchor.seq = -1;
    return e;
}

static enum err store_follow(struct survey *v)
{
    struct audit *au = &v->audit;
    int64_t after = -1;
    size_t n = PAGE;
    enum err e = OK;
    while (!e && n == PAGE) {
        struct st_event *list;
        e = st_event_list(v->tx, SLICE(""), after, PAGE, v->call->arena, &list,
                          &n);
        for (size_t i = 0; !e && i < n; i++) {
            eng__audit_event(au, &list[i], NULL);
            e = note_follow(v, &list[i]);
            after = list[i].seq;
        }
    }
    v->store.event_seq = au->seq;
    memcpy(v->store.event_hash, au->hash, SHA256_SIZE);
    return e ? e : au->err;
}

/* --- all of it
 * ------------------------------------------------------------------- */

static void head_write(struct json_writer *w, const struct st_session *row)
{
    char hex[SHA256_HEX_SIZE];
    json_begin_object(w);
    if (row->id.n) json_put_string(w, "session_id", row->id);
    json_put_int(w, "event_id", row->event_seq);
    json_put_string(w, "hash", sha256_hex(row->event_hash, hex));
    json_end_object(w);
}

static enum err session_follow(struct survey *v, struct slice id)
{
    struct st_session row;
    int64_t events;
    struct known *k = map_get(&v->sessions, id);
    enum err e = eng__verify_session(v->tx, id, k ? &k->anchor : NULL,
                                     &v->audit, &events, &row);
    if (!e) {
        if (!k || !k->present)
            eng__audit_flaw(&v->audit, "SESSION_UNKNOWN", id, 0,
                            "the store's chain does not tell of this session");
        if (k) k->seen = true;
        v->sessions_count++;
        v->events_count += events;
        head_write(&v->w, &row);
    }
    arena_reset(&v->scratch);
    return e;
}

static enum err sessions_follow(struct survey *v)
{
    struct slice *ids, after = SLICE("");
    size_t n = PAGE;
    progress_expect(v->call->progress, v->sessions.count);
    enum err e = OK;
    while (!e && n == PAGE) {
        e = st_session_ids(v->tx, after, PAGE, v->call->arena, &ids, &n);
        for (size_t i = 0; !e && i < n; i++) {
            e = session_follow(v, ids[i]);
            progress_step(v->call->progress, 1);
        }
        if (!e && n) after = ids[n - 1];
    }
    return e;
}

static enum err absent_follow(struct survey *v)
{
    struct slice *ids, key;
    size_t n, at = 0;
    void *value;
    while (map_next(&v->sessions, &at, &key, &value)) {
        const struct known *k = value;
        if (k->present && !k->seen)
            eng__audit_flaw(&v->audit, "SESSION_MISSING", k->id, 0,
                            "the store's chain tells of this session, and it "
                            "is gone");
    }
    enum err e = st_session_orphans(v->tx, v->call->arena, &ids, &n);
    for (size_t i = 0; !e && i < n; i++)
        eng__audit_flaw(&v->audit, "SESSION_MISSING", ids[i], 0,
                        "events, evidence or claims belong to a session that "
                        "is not there");
    return e;
}

/* --- heads that were kept ------------------------------------------------- */

/* Does this event still stand where it stood? */
static enum err head_check(struct survey *v, struct slice id,
                           const struct json *head)
{
    struct st_event *list = NULL;
    size_t n = 0;
    int64_t seq = 0;
    char hex[SHA256_HEX_SIZE];
    struct slice hash = json_text(json_get(head, SLICE("hash")));
    if (!json_int64(json_get(head, SLICE("event_id")), &seq) || seq < 1)
        return OK; /* there was none yet */
    enum err e =
        st_event_list(v->tx, id, seq - 1, 1, v->call->arena, &list, &n);
    if (e || (n && list[0].seq == seq &&
              slice_eq(sha256_hex(list[0].hash, hex), hash)))
        return e;
    eng__audit_flaw(&v->audit, "HEAD_LOST", id, seq,
                    "event %" PRId64
                    " is not the one that was kept: the record was cut or "
                    "written anew since, or this is an older copy",
                    seq);
    return OK;
}

/* A session that a person removed since is told of by the store's chain. */
static enum err kept_follow(struct survey *v, const struct json *kept,
                            struct slice only)
{
    const struct json *heads = json_get(kept, SLICE("heads"));
    enum err e = head_check(v, SLICE(""), json_get(kept, SLICE("store_head")));
    for (uint32_t i = 0; !e && json_is(heads, JSON_ARRAY) && i < heads->count;
         i++) {
        struct slice id =
            json_text(json_get(&heads->items[i], SLICE("session_id")));
        const struct known *k = map_get(&v->sessions, id);
        if ((k && !k->present) || (only.n && !slice_eq(only, id))) continue;
        e = head_check(v, arena_copy(v->call->arena, id), &heads->items[i]);
    }
    return e;
}

static void reply(struct survey *v)
{
    const struct audit *au = &v->audit;
    struct json_writer w = json_writer(&v->call->out->plain);
    json_begin_object(&w);
    json_put_bool(&w, "intact", au->flaws_count == 0);
    json_put_int(&w, "sessions", v->sessions_count);
    json_put_int(&w, "events", v->events_count);
    json_key(&w, SLICE("flaws"));
    json_begin_array(&w);
    for (size_t i = 0; i < au->flaws_count; i++) {
        const struct eng_flaw *f = &au->flaws[i];
        json_begin_object(&w);
        json_put_string(&w, "code", slice_of(f->code));
        if (f->session_id.n) json_put_string(&w, "session_id", f->session_id);
        if (f->event) json_put_int(&w, "event_id", f->event);
        json_put_string(&w, "what", f->what);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_put_raw(&w, "heads", v->heads.n ? buf_slice(&v->heads) : SLICE("[]"));
    json_key(&w, SLICE("store_head"));
    head_write(&w, &v->store);
    json_end_object(&w);
}

static enum err survey_run(struct survey *v,
                           const struct eng_verify_args *args)
{
    struct slice only = args->session_id;
    eng__audit_init(&v->audit, v->call->arena, &v->scratch);
    v->store = (struct st_session){.id = SLICE("")};
    eng__audit_begin(&v->audit, &v->store);
    v->w = json_writer(&v->heads);
    json_begin_array(&v->w);
    enum err e = store_follow(v);
    if (!e) e = only.n ? session_follow(v, only) : sessions_follow(v);
    if (!e && !only.n) {
        eng__audit_begin(&v->audit, &v->store);
        e = absent_follow(v);
    }
    if (!e && args->kept) e = kept_follow(v, args->kept, only);
    json_end_array(&v->w);
    return e ? e : v->audit.err ? v->audit.err : v->heads.err;
}

/* Below the rows: an index that lies hides a session from a list, and no chain
 * tells. */
static enum err file_follow(struct engine *e, struct survey *v)
{
    struct problem p;
    problem_init(&p);
    enum err r = st_store_check(e->store, v->call->arena, &p);
    if (r != ERR_STORE_CORRUPT) return r;
    eng__audit_begin(&v->audit, &v->store);
    eng__audit_flaw(&v->audit, "FILE_DAMAGED", SLICE(""), 0,
                    "the state file is damaged: %.*s",
                    SLICE_ARG(p.what.n ? p.what : p.why));
    return v->audit.err;
}

enum err eng_verify(struct engine *e, struct eng_call *c,
                    const struct eng_verify_args *args)
{
    struct survey v = {.call = c, .heads = BUF_INIT(256u << 20)};
    if (c->on_loop) return ERR_AGAIN;
    if (!e->store) return eng__problem_no_project(c);
    if (args->session_id.n && !uuid_valid(args->session_id))
        return eng__problem_session_id(c, args->session_id);
    enum err r = st_read_begin(e->store, c->cancel, &v.tx);
    if (r) return eng__problem_store(c, r);
    arena_init(&v.scratch, SCRATCH_CEILING);
    r = survey_run(&v, args);
    st_read_end(v.tx);
    if (!r && !args->session_id.n) r = file_follow(e, &v);
    if (!r) reply(&v);
    arena_done(&v.scratch);
    map_done(&v.sessions);
    buf_done(&v.heads);
    if (r == ERR_NOT_FOUND)
        return eng__problem_session_absent(c, args->session_id);
    return r ? eng__problem_store(c, r) : eng__settled(c, OK);
}
