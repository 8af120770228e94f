#include "engine/session.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "base/log.h"
#include "base/random.h"
#include "engine/expire.h"
#include "engine/fresh.h"
#include "engine/pinned.h"
#include "engine/problems.h"

#define SNAPSHOT_CEILING (32u << 20)
#define DETAIL_CEILING (16u << 20)

/* --- making ------------------------------------------------------------------
 */

static _Atomic int64_t serials = 1;

static struct eng_snapshot *snapshot_new(void)
{
    struct eng_snapshot *s = MEM_NEW(struct eng_snapshot);
    if (!s) return NULL;
    arena_init(&s->arena, SNAPSHOT_CEILING);
    /* Relaxed: a name, which orders nothing. */
    s->serial = atomic_fetch_add_explicit(&serials, 1, memory_order_relaxed);
    return s;
}

void eng__snapshot_free(struct eng_snapshot *s)
{
    if (!s) return;
    eng_definition_unref(s->definition);
    arena_done(&s->arena);
    mem_free(s);
}

/* Moves the row's texts into the snapshot's arena. */
static enum err row_own(struct eng_snapshot *s)
{
    struct slice *texts[] = {&s->row.id,     &s->row.workflow_type,
                             &s->row.target, &s->row.status,
                             &s->row.detail, &s->row.definition_hash};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        *texts[i] = arena_copy(&s->arena, *texts[i]);
        if (!texts[i]->p) return ERR_NOMEM;
    }
    return OK;
}

static enum err completed_parse(struct eng_snapshot *s, const struct json *list)
{
    size_t n = list && list->type == JSON_ARRAY ? list->count : 0;
    struct eng_completed *done =
        ARENA_ARRAY(&s->arena, struct eng_completed, n + 1);
    if (!done) return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct json *item = &list->items[i];
        if (!json_int64(json_get(item, SLICE("phase")), &done[i].phase) ||
            !json_int64(json_get(item, SLICE("at")), &done[i].at_ms) ||
            !json_int64(json_get(item, SLICE("event")), &done[i].event))
            return ERR_SESSION_CORRUPT;
    }
    s->completed = done;
    s->completed_count = n;
    return OK;
}

static enum err reopened_parse(struct eng_snapshot *s, const struct json *v)
{
    struct eng_reopened *r = &s->reopened;
    *r = (struct eng_reopened){0};
    if (!v) return OK;
    const struct json *changed = json_get(v, SLICE("changed"));
    if (!json_int64(json_get(v, SLICE("phase")), &r->phase) ||
        !json_int64(json_get(v, SLICE("at")), &r->at_ms) ||
        !json_int64(json_get(v, SLICE("event")), &r->event) ||
        !json_int64(json_get(v, SLICE("began")), &r->began_ms) ||
        !json_is(changed, JSON_ARRAY))
        return ERR_SESSION_CORRUPT;
    r->changed = changed;
    return OK;
}

static enum err kept_parse(struct eng_snapshot *s, const struct json *list)
{
    struct eng_kept *kept = NULL;
    enum err e = eng__kept_read(list, -1, &s->arena, &kept, &s->kept_count);
    s->kept = kept;
    return e;
}

static enum err detail_parse(struct eng_snapshot *s)
{
    const struct json *detail;
    struct json_error je;
    enum err e = json_parse(s->row.detail, NULL, &s->arena, &detail, &je);
    if (e) return e == ERR_NOMEM ? e : ERR_SESSION_CORRUPT;
    if (!eng__status_parse(s->row.status, &s->status))
        return ERR_SESSION_CORRUPT;
    s->trouble = json_text(json_at(detail, "trouble", "detail", NULL));
    s->trouble_why = json_text(json_at(detail, "trouble", "why", NULL));
    /* Absent in what older programs wrote. */
    if (!json_int64(json_get(detail, SLICE("opened")), &s->opened_ms))
        s->opened_ms = s->row.created_ms;
    const struct json *options = json_get(detail, SLICE("options"));
    s->options = json_is(options, JSON_OBJECT) ? options : NULL;
    e = completed_parse(s, json_get(detail, SLICE("completed")));
    if (!e) e = kept_parse(s, json_get(detail, SLICE("kept")));
    return e ? e : reopened_parse(s, json_get(detail, SLICE("reopened")));
}

static enum err claims_copy(struct eng_snapshot *s,
                            const struct st_claim *claims, size_t n)
{
    struct st_claim *own = ARENA_ARRAY(&s->arena, struct st_claim, n + 1);
    if (!own) return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        own[i] = claims[i];
        own[i].session_id = s->row.id;
        own[i].status = arena_copy(&s->arena, claims[i].status);
        own[i].agent = arena_copy(&s->arena, claims[i].agent);
        if (!own[i].status.p || !own[i].agent.p) return ERR_NOMEM;
    }
    s->claims = own;
    s->claims_count = n;
    return OK;
}

static enum err approvals_copy(struct eng_snapshot *s,
                               const struct st_approval *list, size_t n)
{
    struct st_approval *own = ARENA_ARRAY(&s->arena, struct st_approval, n + 1);
    if (!own) return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        own[i] = list[i];
        own[i].session_id = s->row.id;
        struct slice *texts[] = {&own[i].status,   &own[i].fields,
                                 &own[i].asked_by, &own[i].decided_by,
                                 &own[i].channel,  &own[i].comment};
        for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
            *texts[k] = arena_copy(&s->arena, *texts[k]);
            if (!texts[k]->p) return ERR_NOMEM;
        }
    }
    s->approvals = own;
    s->approvals_count = n;
    return OK;
}

/* --- the sessions cache ------------------------------------------------- */

static enum err snapshot_read(struct engine *e, struct slice id,
                              const struct cancel *c, struct eng_snapshot *s)
{
    struct st_tx *tx;
    struct st_claim *claims;
    struct st_approval *approvals;
    size_t claims_count, approvals_count;
    s->stamp = st_stamp(e->store); /* before the transaction it vouches for */
    enum err r = st_read_begin(e->store, c, &tx);
    if (r) return r;
    r = st_session_get(tx, id, &s->arena, &s->row);
    if (!r && s->row.hidden) r = ERR_NOT_FOUND;
    if (!r) r = st_claim_list(tx, id, &s->arena, &claims, &claims_count);
    if (!r)
        r = st_approval_list(tx, id, &s->arena, &approvals, &approvals_count);
    st_read_end(tx);
    if (!r) r = row_own(s);
    if (!r) r = claims_copy(s, claims, claims_count);
    if (!r) r = approvals_copy(s, approvals, approvals_count);
    if (!r) r = detail_parse(s);
    return r;
}

static enum err snapshot_load(struct engine *e, struct slice id,
                              const struct cancel *c, struct eng_snapshot **ret)
{
    struct eng_snapshot *s = snapshot_new();
    if (!s) return ERR_NOMEM;
    enum err r = snapshot_read(e, id, c, s);
    if (!r) r = eng__pinned_load(e, s->row.definition_hash, c, &s->definition);
    if (r)
        eng__snapshot_free(s);
    else
        *ret = s;
    return r;
}

enum err eng__session_read(struct engine *e, struct slice id,
                           struct eng_snapshot **ret)
{
    return snapshot_load(e, id, NULL, ret);
}

static enum err session_load(void *ctx, struct slice key,
                             const struct cancel *c, struct st_loaded *ret)
{
    struct eng_snapshot *s;
    enum err r = snapshot_load(ctx, key, c, &s);
    if (r) return r;
    log_debug("session", "Loaded session", LOG_S("session_id", key));
    *ret = (struct st_loaded){.value = s,
                              .bytes = sizeof(*s) + s->arena.used,
                              .version = s->row.version,
                              .stamp = s->stamp};
    return OK;
}

static void session_free(void *ctx, void *value)
{
    (void)ctx;
    eng__snapshot_free(value);
}

static void session_evicted(void *ctx, struct slice key, size_t bytes)
{
    (void)ctx;
    log_debug("session", "session evicted from memory", LOG_S("session", key),
              LOG_I("bytes", (int64_t)bytes));
}

/* Another process may have written: the row's version decides. */
static bool session_still_valid(void *ctx, struct st_entry *entry, int64_t now)
{
    (void)now;
    struct engine *e = ctx;
    const struct eng_snapshot *s = st_entry_value(entry);
    uint64_t stamp = st_stamp(e->store);
    if (!s) return false; /* that it is not there: nothing says it is so yet */
    if (st_stamp_same(stamp, st_entry_stamp(entry))) return true;
    struct st_tx *tx;
    int64_t version = 0;
    if (st_read_begin(e->store, NULL, &tx)) return false;
    enum err r = st_session_version(tx, s->row.id, &version);
    st_read_end(tx);
    if (r || version != s->row.version) return false;
    st_entry_set_stamp(entry, stamp);
    return true;
}

static bool session_valid_now(void *ctx, const struct st_entry *entry)
{
    struct engine *e = ctx;
    return st_stamp_same(st_stamp(e->store), st_entry_stamp(entry));
}

enum err eng__sessions_cache(struct engine *e, struct st_cache **ret)
{
    return eng__cache_new(
        e, ENG_CACHE_SESSIONS,
        &(struct st_cache_row){.key_label = "session_id",
                               .rank = 5,
                               .load = session_load,
                               .free_value = session_free,
                               .evicted = session_evicted,
                               .still_valid = session_still_valid,
                               .valid_now = session_valid_now,
                               .ctx = e},
        ret);
}

enum err eng__session_get(struct engine *e, struct eng_call *c, struct slice id,
                          const struct eng_snapshot **ret)
{
    const void *value;
    if (!uuid_valid(id)) return eng__problem_session_id(c, id);
    enum err r = eng__cache_get(e, ENG_CACHE_SESSIONS, id, c, &value);
    if (r == ERR_NOT_FOUND) return eng__problem_session_absent(c, id);
    if (r) return eng__problem_store(c, r);
    *ret = value;
    return OK;
}

const struct eng_snapshot *eng__session_peek(struct engine *e, struct slice id,
                                             int64_t now)
{
    const struct eng_snapshot *s =
        eng__cache_peek(e, ENG_CACHE_SESSIONS, id, now);
    return s && !s->kept_count && eng__read_is_noted(e, id) ? s : NULL;
}

void eng__session_publish(struct engine *e, struct eng_snapshot *s)
{
    if (s->row.hidden || s->status == ENG_EXPIRED) {
        eng__session_forget(e, s->row.id);
        eng__snapshot_free(s);
        return;
    }
    st_cache_put(e->cache[ENG_CACHE_SESSIONS], s->row.id,
                 &(struct st_loaded){.value = s,
                                     .bytes = sizeof(*s) + s->arena.used,
                                     .version = s->row.version,
                                     .stamp = s->stamp});
}

void eng__session_forget(struct engine *e, struct slice id)
{
    st_cache_invalidate(e->cache[ENG_CACHE_SESSIONS], id, ST_WRITE);
}

/* --- the next version --------------------------------------------------- */

enum err eng__snapshot_next(const struct eng_snapshot *s, int64_t now_ms,
                            struct eng_snapshot **ret)
{
    struct eng_snapshot *n = snapshot_new();
    if (!n) return ERR_NOMEM;
    n->row = s->row;
    n->row.version++;
    n->row.updated_ms = now_ms > s->row.updated_ms ? now_ms : s->row.updated_ms;
    n->stamp = s->stamp;
    n->definition = eng_definition_ref(s->definition);
    enum err e = row_own(n);
    if (!e) e = claims_copy(n, s->claims, s->claims_count);
    if (!e) e = approvals_copy(n, s->approvals, s->approvals_count);
    if (!e) e = detail_parse(n);
    if (e)
        eng__snapshot_free(n);
    else
        *ret = n;
    return e;
}

enum err eng__snapshot_first(struct eng_definition *d, struct slice id,
                             struct slice target, const struct json *options,
                             int64_t now_ms, uint64_t stamp,
                             struct eng_snapshot **ret)
{
    struct eng_snapshot *n = snapshot_new();
    if (!n) return ERR_NOMEM;
    n->row = (struct st_session){.id = id,
                                 .workflow_type = d->workflow_type,
                                 .target = target,
                                 .status = SLICE("active"),
                                 .definition_hash = d->hash,
                                 .current_phase = d->start_phase,
                                 .total_phases = (int64_t)d->phases_count,
                                 .version = 1,
                                 .created_ms = now_ms,
                                 .updated_ms = now_ms,
                                 .detail = SLICE("{}")};
    n->opened_ms = now_ms;
    n->options = options; /* until sealed: then our own */
    n->stamp = stamp;
    n->definition = eng_definition_ref(d);
    enum err e = row_own(n);
    if (!e) e = completed_parse(n, NULL);
    if (!e) e = claims_copy(n, NULL, 0);
    if (!e) e = approvals_copy(n, NULL, 0);
    if (!e) e = eng__snapshot_seal(n);
    if (e)
        eng__snapshot_free(n);
    else
        *ret = n;
    return e;
}

/* The smallest phase number beyond `phase`; false when it was the last. */
static bool phase_after(const struct eng_definition *d, int64_t phase,
                        int64_t *ret)
{
    for (size_t i = 0; i < d->phases_count; i++)
        if (d->phases[i].number > phase) {
            *ret = d->phases[i].number;
            return true;
        }
    return false;
}

enum err eng__snapshot_complete(struct eng_snapshot *next, int64_t phase,
                                int64_t at_ms, int64_t event)
{
    size_t n = next->completed_count;
    struct eng_completed *done =
        ARENA_ARRAY(&next->arena, struct eng_completed, n + 1);
    if (!done) return ERR_NOMEM;
    if (n) memcpy(done, next->completed, n * sizeof(*done));
    done[n] = (struct eng_completed){phase, at_ms, event};
    next->completed = done;
    next->completed_count = n + 1;
    if (next->reopened.phase == phase) next->reopened.changed = NULL;
    next->opened_ms = at_ms;
    bool more = phase_after(next->definition, phase, &next->row.current_phase);
    return eng__snapshot_move(next, more ? ENG_COMPLETE : ENG_FINISH);
}

enum err eng__snapshot_move(struct eng_snapshot *next, enum eng_action a)
{
    enum err e = eng__move(next->status, a, &next->status);
    if (!e) next->row.status = eng__status_text(next->status);
    return e;
}

void eng__snapshot_cut(struct eng_snapshot *next, int64_t phase)
{
    size_t n = 0;
    while (n < next->completed_count && next->completed[n].phase < phase) n++;
    next->completed_count = n; /* they were completed in their order */
    for (n = 0; n < next->kept_count && next->kept[n].phase < phase;) n++;
    next->kept_count = n;
    next->reopened.changed = NULL;
    next->row.current_phase = phase;
    next->opened_ms = next->row.updated_ms;
}

enum err eng__snapshot_claim(struct eng_snapshot *next,
                             const struct st_claim *claim)
{
    size_t n = 0;
    struct st_claim *own =
        ARENA_ARRAY(&next->arena, struct st_claim, next->claims_count + 1);
    if (!own) return ERR_NOMEM;
    for (size_t i = 0; i < next->claims_count; i++)
        if (next->claims[i].phase != claim->phase ||
            next->claims[i].task != claim->task)
            own[n++] = next->claims[i];
    own[n++] = *claim;
    return claims_copy(next, own, n);
}

enum err eng__snapshot_approval(struct eng_snapshot *next,
                                const struct st_approval *ap)
{
    size_t n = 0;
    struct st_approval *own = ARENA_ARRAY(&next->arena, struct st_approval,
                                          next->approvals_count + 1);
    if (!own) return ERR_NOMEM;
    bool put = false;
    for (size_t i = 0; i < next->approvals_count; i++) {
        if (!put && next->approvals[i].phase >= ap->phase) {
            own[n++] = *ap;
            put = true;
        }
        if (next->approvals[i].phase != ap->phase)
            own[n++] = next->approvals[i];
    }
    if (!put) own[n++] = *ap;
    return approvals_copy(next, own, n);
}

static void detail_write(const struct eng_snapshot *s, struct buf *b)
{
    struct json_writer w = json_writer(b);
    json_begin_object(&w);
    if (s->options) {
        json_key(&w, SLICE("options"));
        json_value(&w, s->options);
    }
    if (s->trouble.n) {
        json_key(&w, SLICE("trouble"));
        json_begin_object(&w);
        json_put_string(&w, "detail", s->trouble);
        json_put_string(&w, "why", s->trouble_why);
        json_end_object(&w);
    }
    json_put_int(&w, "opened", s->opened_ms);
    json_key(&w, SLICE("completed"));
    json_begin_array(&w);
    for (size_t i = 0; i < s->completed_count; i++) {
        json_begin_object(&w);
        json_put_int(&w, "phase", s->completed[i].phase);
        json_put_int(&w, "at", s->completed[i].at_ms);
        json_put_int(&w, "event", s->completed[i].event);
        json_end_object(&w);
    }
    json_end_array(&w);
    if (s->kept_count) {
        json_key(&w, SLICE("kept"));
        eng__kept_write(&w, s->kept, s->kept_count);
    }
    if (s->reopened.changed) {
        json_key(&w, SLICE("reopened"));
        json_begin_object(&w);
        json_put_int(&w, "phase", s->reopened.phase);
        json_put_int(&w, "at", s->reopened.at_ms);
        json_put_int(&w, "event", s->reopened.event);
        json_put_int(&w, "began", s->reopened.began_ms);
        json_put_raw(&w, "changed", s->reopened.changed->raw);
        json_end_object(&w);
    }
    json_end_object(&w);
}

enum err eng__snapshot_seal(struct eng_snapshot *next)
{
    struct buf b = BUF_INIT(DETAIL_CEILING);
    detail_write(next, &b);
    enum err e = b.err;
    if (!e) {
        next->row.detail = arena_copy(&next->arena, buf_slice(&b));
        e = next->row.detail.p ? detail_parse(next) : ERR_NOMEM;
    }
    buf_done(&b);
    return e;
}

/* --- questions ---------------------------------------------------------- */

const struct eng_completed *eng__completed(const struct eng_snapshot *s,
                                           int64_t phase)
{
    for (size_t i = s->completed_count; i-- > 0;)
        if (s->completed[i].phase == phase) return &s->completed[i];
    return NULL;
}

const char *eng__phase_status(const struct eng_snapshot *s, int64_t phase)
{
    if (eng__completed(s, phase)) return "completed";
    return phase == s->row.current_phase ? "current" : "locked";
}

bool eng__session_open(const struct eng_snapshot *s)
{
    return s->status == ENG_ACTIVE;
}

const struct eng_phase *eng__session_phase(const struct eng_snapshot *s)
{
    return eng_definition_phase(s->definition, s->row.current_phase);
}

int64_t eng__phase_began(const struct eng_snapshot *s, int64_t phase)
{
    bool again = s->reopened.changed && s->reopened.phase == phase;
    return again ? s->reopened.began_ms : s->opened_ms;
}

const struct st_claim *eng__claim(const struct eng_snapshot *s, int64_t phase,
                                  int64_t task)
{
    for (size_t i = 0; i < s->claims_count; i++)
        if (s->claims[i].phase == phase && s->claims[i].task == task)
            return &s->claims[i];
    return NULL;
}
