#include "state/cache_private.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"

/* One outer get on its way to an outcome and to its one class. */
struct lookup {
    struct st_cache *ca;
    struct slice key;
    uint64_t hash;
    struct st_get how; /* `now` is set */
    /* A flight that this lookup joins for the first time may have begun
     * before it, so what it brings is checked. A later one began after. */
    bool second_round;
    struct st_waits waits;
    bool joined;
    enum st_metric class;
    struct st_outcome end;
};

static const struct st_get how_default;

/* --- looking ---------------------------------------------------------------
 */

/* With a reference, or NULL. */
static struct st_entry *find(const struct lookup *lk)
{
    st__pin();
    struct st_entry *e = st__shelf_find(&lk->ca->shelf, lk->key, lk->hash);
    if (e) st_entry_ref(e);
    st__unpin();
    return e;
}

static bool fresh(struct st_cache *ca, struct st_entry *e, int64_t now)
{
    if (st__entry_fresh(e, now)) return true;
    st__count(ca, ST_METRIC_expirations, st__entry_mark_expired(e));
    return false;
}

/* Is it still right, by what the row can tell? If not, it is out. */
static bool valid(struct st_cache *ca, struct st_entry *e, int64_t now)
{
    const struct st_cache_row *row = &ca->row;
    if (!ca->checked || (row->valid_now && row->valid_now(row->ctx, e)))
        return true;
    if (row->still_valid && row->still_valid(row->ctx, e, now)) {
        st__count(ca, ST_METRIC_revalidations, 1);
        return true;
    }
    st__drop_invalid(ca, e);
    return false;
}

/* Ends the lookup with `e`, whose reference it takes. */
static bool end_with(struct lookup *lk, enum st_metric class,
                     struct st_entry *e, enum st_source source)
{
    st__entry_use(e, lk->how.now);
    lk->class = class;
    lk->end = (struct st_outcome){e, OK, source};
    if (!e->negative) return true;
    st__count(lk->ca, ST_METRIC_negative_hits, class == ST_METRIC_hits);
    lk->end = (struct st_outcome){NULL, ERR_NOT_FOUND, source};
    st_entry_unref(e);
    return true;
}

static bool end_without(struct lookup *lk, enum err e)
{
    lk->class = ST_METRIC_misses;
    lk->end = (struct st_outcome){NULL, e, ST_LOADED};
    return true;
}

static bool may_refresh(const struct lookup *lk, const struct st_entry *e)
{
    const struct st_cache_row *row = &lk->ca->row;
    return row->swr && row->refresh_pool && !lk->how.no_stale &&
           st__entry_stale_usable(e, row, lk->how.now);
}

/* Without the loader's lock. True: the lookup has ended. */
static bool first_look(struct lookup *lk)
{
    struct st_entry *e = find(lk);
    if (!e) return false;
    if (fresh(lk->ca, e, lk->how.now)) {
        if (valid(lk->ca, e, lk->how.now))
            return end_with(
                lk, lk->second_round ? ST_METRIC_double_loads : ST_METRIC_hits,
                e, ST_FRESH);
    } else if (may_refresh(lk, e)) {
        st__refresh(lk->ca, e, lk->how.now);
        return end_with(lk, ST_METRIC_hits, e, ST_STALE);
    }
    st_entry_unref(e);
    return false;
}

/* What another's load gave. False: it was older than this lookup, and the
 * lookup begins again. */
static bool accept(struct lookup *lk, struct st_entry *e, enum st_source source)
{
    if (source != ST_STALE && !lk->second_round &&
        !valid(lk->ca, e, lk->how.now)) {
        st_entry_unref(e);
        return false;
    }
    return end_with(lk, ST_METRIC_double_loads, e, source);
}

static bool be_loader(struct lookup *lk, struct st_flight *f)
{
    lk->class = ST_METRIC_misses;
    st__flight_run(f, lk->how.no_stale, &lk->waits, &lk->end);
    return true;
}

static bool join(struct lookup *lk, struct st_flights *fs, struct st_flight *f)
    RELEASE(fs->lock)
{
    lk->joined = true;
    if (st__flight_wait(fs, f, &lk->how, &lk->waits, &lk->end) ==
        ST_WAIT_LOADER)
        return be_loader(lk, f);
    if (lk->end.err) return end_without(lk, lk->end.err);
    return accept(lk, lk->end.entry, lk->end.source);
}

/* Under the key's flight lock, where a load in progress cannot be missed: a
 * value that came meanwhile, a flight to join, or the loader's place. Lets
 * the lock go. True: the lookup has ended. */
static bool second_look(struct lookup *lk, struct st_flight *spare)
{
    struct st_flights *fs = st__flights_of(lk->ca, lk->hash);
    struct st_flight *late = NULL;
    /* The call may have begun long ago; a flight's time begins now. */
    int64_t now = clock_now();
    st__take(&fs->lock, &lk->waits);
    struct st_entry *e = find(lk);
    if (e && fresh(lk->ca, e, lk->how.now)) {
        lock_drop(&fs->lock);
        st__flight_free(spare);
        return accept(lk, e, ST_FRESH);
    }
    struct st_flight *f = st__flight_find(fs, lk->key, lk->hash);
    if (f && st__flight_overdue(fs, f, now)) late = f;
    if (f && !late) {
        bool ended = join(lk, fs, f);
        st_entry_unref(e);
        st__flight_free(spare);
        return ended;
    }
    st__flight_attach(fs, spare, e, lk->how.cancel, now);
    lock_drop(&fs->lock);
    st_entry_unref(e);
    if (late) st__flight_leave_late(fs, late, now);
    return be_loader(lk, spare);
}

static bool load_or_join(struct lookup *lk)
{
    struct st_flight *spare = NULL;
    if (st__loading(lk->ca, lk->key)) {
        log_error("cache", "self lookup", LOG_C("cache", lk->ca->row.name),
                  LOG_S("key", lk->key));
        return end_without(lk, ERR_INTERNAL);
    }
    enum err e = st__flight_new(lk->ca, lk->key, lk->hash, &spare);
    return e ? end_without(lk, e) : second_look(lk, spare);
}

/* All of a lookup's counters, once, when it has ended. */
static void count(const struct lookup *lk)
{
    st__count(lk->ca, lk->class, 1);
    st__count(lk->ca, ST_METRIC_lock_waits, lk->waits.waited);
    st__count(lk->ca, ST_METRIC_waiters, lk->joined);
    st__count(lk->ca, ST_METRIC_wait_ns, (uint64_t)lk->waits.ns);
    st__count(lk->ca, ST_METRIC_stale_served,
              !lk->end.err && lk->end.source == ST_STALE);
    if (lk->class == ST_METRIC_double_loads)
        st__warn_double_load(lk->ca, lk->key, lk->how.now);
}

enum err st_cache_get(struct st_cache *ca, struct slice key,
                      const struct st_get *how, enum st_source *ret_source,
                      struct st_entry **ret)
{
    struct lookup lk = {.ca = ca, .key = key, .hash = st__hash(key)};
    lock_assert_none();
    lk.how = how ? *how : how_default;
    if (!lk.how.now) lk.how.now = clock_now();
    while (!first_look(&lk) && !load_or_join(&lk)) lk.second_round = true;
    count(&lk);
    if (lk.end.err) return lk.end.err;
    if (ret_source) *ret_source = lk.end.source;
    *ret = lk.end.entry;
    return OK;
}

/* --- peeking ----------------------------------------------------------------
 */

void st_cache_pin(void)
{
    st__pin();
}

void st_cache_unpin(void)
{
    st__unpin();
}

const struct st_entry *st_cache_peek(struct st_cache *ca, struct slice key,
                                     int64_t now)
{
    struct st_entry *e = st__shelf_find(&ca->shelf, key, st__hash(key));
    if (!e) return NULL;
    if (!now) now = clock_coarse();
    if (!fresh(ca, e, now) || e->negative) return NULL;
    if (ca->checked &&
        !(ca->row.valid_now && ca->row.valid_now(ca->row.ctx, e)))
        return NULL;
    st__entry_use(e, now);
    st_metrics_add(ca->metrics, ST_METRIC_hits, 1);
    return e;
}

/* --- changing ----------------------------------------------------------------
 */

void st__removed_done(struct st_cache *ca, struct st_removed *out)
{
    st__count(ca, ST_METRIC_evictions_entries, out->evicted_entries);
    st__count(ca, ST_METRIC_evictions_bytes, out->evicted_bytes);
    for (struct st_entry *e = out->evicted; e && ca->row.evicted; e = e->older)
        ca->row.evicted(ca->row.ctx, st__entry_key(e), e->charge);
    st__retire(out->list);
}

void st__drop_invalid(struct st_cache *ca, struct st_entry *e)
{
    struct st_removed out = {0};
    lock_take(&ca->shelf.lock);
    bool mine = st__shelf_remove(&ca->shelf, e, &out);
    lock_drop(&ca->shelf.lock);
    st__count(ca, ST_METRIC_invalidations_change, mine);
    st__removed_done(ca, &out);
}

void st_cache_put(struct st_cache *ca, struct slice key,
                  const struct st_loaded *loaded)
{
    uint64_t hash = st__hash(key);
    struct st_entry *e;
    if (st__entry_new(&ca->row, key, hash, &e) != OK) {
        /* Without memory for the new value, at least not the old one. */
        st_cache_invalidate(ca, key, ST_WRITE);
        if (ca->row.free_value) ca->row.free_value(ca->row.ctx, loaded->value);
        return;
    }
    st__entry_fill(e, &ca->row, loaded, false, clock_now());
    struct st_flights *fs = st__flights_of(ca, hash);
    struct st_removed out = {0};
    lock_take(&fs->lock);
    struct st_flight *f = st__flight_find(fs, key, hash);
    if (f) st__flight_detach(fs, f);
    lock_take(&ca->shelf.lock);
    enum st_shelved how = st__shelf_put(&ca->shelf, e, false, &out);
    lock_drop(&ca->shelf.lock);
    lock_drop(&fs->lock);
    st__count(ca, ST_METRIC_discarded_loads, how == ST_OLDER);
    st__count(ca, ST_METRIC_oversize, how == ST_OVERSIZE);
    st__removed_done(ca, &out);
    st_entry_unref(e);
}

static void invalidated(struct st_cache *ca, struct st_removed *out,
                        enum st_invalidation why)
{
    st__count(ca, (enum st_metric)(ST_METRIC_invalidations_change + (int)why),
              out->entries);
    st__removed_done(ca, out);
}

void st_cache_invalidate(struct st_cache *ca, struct slice key,
                         enum st_invalidation why)
{
    uint64_t hash = st__hash(key);
    struct st_flights *fs = st__flights_of(ca, hash);
    struct st_removed out = {0};
    lock_take(&fs->lock);
    struct st_flight *f = st__flight_find(fs, key, hash);
    if (f) st__flight_detach(fs, f);
    lock_take(&ca->shelf.lock);
    struct st_entry *e = st__shelf_at(&ca->shelf, key, hash);
    if (e) out.entries += st__shelf_remove(&ca->shelf, e, &out);
    lock_drop(&ca->shelf.lock);
    lock_drop(&fs->lock);
    invalidated(ca, &out, why);
}

static bool has_prefix(struct st_entry *e, void *prefix)
{
    return slice_starts(st__entry_key(e), *(const struct slice *)prefix);
}

/* First no flight that began before may publish any more, then what is there
 * goes; what a flight that began meanwhile published may go with it. */
static size_t drop_prefix(struct st_cache *ca, struct slice prefix,
                          enum st_invalidation why)
{
    struct st_removed out = {0};
    for (int i = 0; i < FLIGHT_SHARDS; i++)
        st__flights_detach_prefix(&ca->flights[i], prefix);
    lock_take(&ca->shelf.lock);
    st__shelf_filter(&ca->shelf, has_prefix, &prefix, &out);
    lock_drop(&ca->shelf.lock);
    invalidated(ca, &out, why);
    return out.entries;
}

void st_cache_invalidate_prefix(struct st_cache *ca, struct slice prefix,
                                enum st_invalidation why)
{
    drop_prefix(ca, prefix, why);
}

void st_cache_invalidate_all(struct st_cache *ca, enum st_invalidation why)
{
    drop_prefix(ca, (struct slice){0}, why);
}

size_t st_cache_clear(struct st_cache *ca)
{
    return drop_prefix(ca, (struct slice){0}, ST_CLEAR);
}

struct sweep {
    struct st_cache *ca;
    int64_t now;
};

static bool past_use(struct st_entry *e, void *ctx)
{
    const struct sweep *sw = ctx;
    return !fresh(sw->ca, e, sw->now) &&
           !st__entry_stale_usable(e, &sw->ca->row, sw->now);
}

size_t st_cache_sweep(struct st_cache *ca, int64_t now)
{
    struct sweep sw = {ca, now ? now : clock_now()};
    struct st_removed out = {0};
    for (int i = 0; i < FLIGHT_SHARDS; i++)
        st__flights_expire(&ca->flights[i], sw.now);
    lock_take(&ca->shelf.lock);
    st__shelf_filter(&ca->shelf, past_use, &sw, &out);
    lock_drop(&ca->shelf.lock);
    st__removed_done(ca, &out);
    st__collect();
    return out.entries;
}

/* --- the cache ---------------------------------------------------------------
 */

static bool row_valid(const struct st_cache_row *row)
{
    return row->name && row->load && row->entries_max && row->ttl_ns >= 0 &&
           row->stale_ns >= 0 && row->negative_ttl_ns >= 0 &&
           row->load_timeout_ns >= 0;
}

void st_cache_begin(void)
{
    st__epoch_begin();
}

enum err st_cache_new(const struct st_cache_row *row, struct st_cache **ret)
{
    if (!row_valid(row)) return ERR_INVALID;
    struct st_cache *ca = MEM_NEW(struct st_cache);
    if (!ca) return ERR_NOMEM;
    enum err e = st_metrics_new(&ca->metrics);
    if (!e) e = st__shelf_init(&ca->shelf, row);
    if (e) {
        st_metrics_free(ca->metrics);
        mem_free(ca);
        return e;
    }
    ca->row = *row;
    ca->checked = row->still_valid || row->valid_now;
    st__warnings_init(&ca->warnings);
    for (int i = 0; i < FLIGHT_SHARDS; i++)
        lock_init(&ca->flights[i].lock, "cache_flights", RANK_CACHE_FLIGHT);
    *ret = ca;
    return OK;
}

static bool any(struct st_entry *e, void *ctx)
{
    (void)e;
    (void)ctx;
    return true;
}

void st_cache_free(struct st_cache *ca)
{
    if (!ca) return;
    struct st_removed out = {0};
    lock_take(&ca->shelf.lock);
    st__shelf_filter(&ca->shelf, any, NULL, &out);
    lock_drop(&ca->shelf.lock);
    st__retire(out.list);
    st__drain();
    for (int i = 0; i < FLIGHT_SHARDS; i++) {
        assert(!ca->flights[i].table && !ca->flights[i].running);
        lock_done(&ca->flights[i].lock);
    }
    lock_done(&ca->warnings.lock);
    st__shelf_done(&ca->shelf);
    st_metrics_free(ca->metrics);
    mem_free(ca);
}

void st_cache_stop(struct st_cache *ca)
{
    for (int i = 0; i < FLIGHT_SHARDS; i++)
        st__flights_cancel(&ca->flights[i], CANCEL_SHUTDOWN);
}

static uint64_t gauge(_Atomic uint64_t *g)
{
    return atomic_load_explicit(g, memory_order_relaxed);
}

void st_cache_stats(struct st_cache *ca, struct st_cache_stats *ret)
{
    st_metrics_snapshot(ca->metrics, false, ret);
    lock_take(&ca->shelf.lock);
    ret->entries = ca->shelf.count;
    ret->bytes = ca->shelf.bytes;
    ret->value_bytes = ca->shelf.value_bytes;
    lock_drop(&ca->shelf.lock);
    ret->entries_max = ca->row.entries_max;
    ret->bytes_max = ca->row.bytes_max;
    ret->flights = gauge(&ca->flying);
    ret->waiting = gauge(&ca->waiting);
    ret->abandoned_loads = gauge(&ca->abandoned);
}

struct st_cache_metrics *st_cache_metrics(struct st_cache *ca)
{
    return ca->metrics;
}

const char *st_cache_name(const struct st_cache *ca)
{
    return ca->row.name;
}
