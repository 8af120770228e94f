/*
 * cache_private: what the files of the cache share.
 *   cache.c         the outer functions and the read path
 *   cache_flight.c  one load per key: join, wait, load, land, take over
 *   cache_refresh.c stale while revalidate
 *   cache_shelf.c   the entries; cache_entry.c one of them
 *   cache_warn.c    the log lines and their limiter
 * Private to state/cache*.
 */
#ifndef STATE_CACHE_PRIVATE_H
#define STATE_CACHE_PRIVATE_H

#include "base/pool.h"
#include "state/cache_shelf.h"

enum { FLIGHT_SHARDS = 16 };

/* A limiter: WARN_BURST lines at once, one more every WARN_EVERY_NS. */
struct st_warnings {
    struct lock lock; /* RANK_LEAF; guards the rest */
    int64_t refilled_at;
    int left;
    uint64_t suppressed;
};

struct st_flight;

/* The flights of the keys that fall here. A flight is in `table` while a
 * lookup may join it, in `running` while its loader runs: an invalidated or
 * abandoned one runs on outside the table. */
struct st_flights {
    struct lock lock; /* RANK_CACHE_FLIGHT; guards lists and flights */
    struct st_flight *table, *running;
};

struct st_cache {
    /* Read by every lookup. */
    struct st_shelf shelf;
    struct st_cache_row row;
    struct st_cache_metrics *metrics;
    bool checked; /* the row asks for validation */

    struct st_flights flights[FLIGHT_SHARDS];
    struct st_warnings warnings;
    /* Gauges; relaxed. */
    _Atomic uint64_t flying, waiting, abandoned;
};

static inline void st__count(struct st_cache *ca, enum st_metric which,
                             uint64_t n)
{
    if (n) st_metrics_add(ca->metrics, which, n);
}

static inline struct st_flights *st__flights_of(struct st_cache *ca,
                                                uint64_t hash)
{
    return &ca->flights[(hash >> 32) % FLIGHT_SHARDS];
}

/* What a lookup spent waiting for others. */
struct st_waits {
    bool waited;
    int64_t ns;
};
/* lock_take that notes whether it had to wait. `w` may be NULL. */
void st__take(struct lock *l, struct st_waits *w) ACQUIRE(*l);

/* What a lookup ends with: a reference, or an error. */
struct st_outcome {
    struct st_entry *entry;
    enum err err;
    enum st_source source;
};

/* After the unlock: counts what was removed and retires it. */
void st__removed_done(struct st_cache *ca, struct st_removed *out);
/* Takes this very entry out because a check found it no longer right. */
void st__drop_invalid(struct st_cache *ca, struct st_entry *e);

/* --- flights ---------------------------------------------------------------
 */

/* A flight that nobody knows of yet; with everything its landing needs. */
MUST_USE enum err st__flight_new(struct st_cache *ca, struct slice key,
                                 uint64_t hash, struct st_flight **ret);
/* Not in the table, no users. NULL is fine. */
void st__flight_free(struct st_flight *f);

struct st_flight *st__flight_find(struct st_flights *fs, struct slice key,
                                  uint64_t hash) REQUIRES(fs->lock);
/* Puts it in the table with the caller as its one user. Keeps a reference of
 * `stale` (may be NULL). `call`: the loader's own cancellation. */
void st__flight_attach(struct st_flights *fs, struct st_flight *f,
                       struct st_entry *stale, const struct cancel *call,
                       int64_t now) REQUIRES(fs->lock);
/* Later lookups do not find it; its value will not be kept. */
void st__flight_detach(struct st_flights *fs, struct st_flight *f)
    REQUIRES(fs->lock);
/* True: it had outlived its deadline and is now failed and out of the table.
 * The caller has become a user: st__flight_leave_late after the unlock. */
bool st__flight_overdue(struct st_flights *fs, struct st_flight *f, int64_t now)
    REQUIRES(fs->lock);
void st__flight_leave_late(struct st_flights *fs, struct st_flight *f,
                           int64_t now) EXCLUDES(fs->lock);

/* All of a shard: detaches what starts with `prefix`; fails what is overdue;
 * tells all loaders to stop. */
void st__flights_detach_prefix(struct st_flights *fs, struct slice prefix)
    EXCLUDES(fs->lock);
void st__flights_expire(struct st_flights *fs, int64_t now) EXCLUDES(fs->lock);
void st__flights_cancel(struct st_flights *fs, enum cancel_cause cause)
    EXCLUDES(fs->lock);

enum st_wait {
    ST_WAIT_ENDED, /* *ret is the outcome */
    ST_WAIT_LOADER /* the caller is the loader now: st__flight_run */
};
/* Joins and waits. Lock: takes over fs->lock, held by the caller. */
MUST_USE enum st_wait st__flight_wait(struct st_flights *fs,
                                      struct st_flight *f,
                                      const struct st_get *how,
                                      struct st_waits *waits,
                                      struct st_outcome *ret) RELEASE(fs->lock);
/* Loads, publishes, resolves; the caller was the loader and is no user any
 * more. Lock: none held. */
void st__flight_run(struct st_flight *f, bool no_stale, struct st_waits *waits,
                    struct st_outcome *ret);
/* Is this thread loading this very key? Debug builds also abort when a loader
 * looks up a cache that does not rank below its own. */
bool st__loading(const struct st_cache *ca, struct slice key);

/* The entry is stale: one refresh in the background, perhaps. Lock: none. */
void st__refresh(struct st_cache *ca, struct st_entry *e, int64_t now);
/* Makes `f`, which is attached, the job of the row's pool. */
MUST_USE enum err st__flight_submit(struct st_flight *f);
/* The loader gives up without having loaded: the flight passes to a waiter or
 * fails with `e`. */
void st__flight_give_up(struct st_flight *f, enum err e);

/* --- log lines. Lock: none held --------------------------------------------
 */

void st__warnings_init(struct st_warnings *w);
void st__warn_double_load(struct st_cache *ca, struct slice key, int64_t now);
void st__warn_stale(struct st_cache *ca, const struct st_entry *stale,
                    int64_t now, enum err e);
void st__warn_abandoned(struct st_cache *ca, struct slice key, int64_t waited);

#endif
