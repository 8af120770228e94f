/*
 * cache: immutable values by key under a ceiling of entries and bytes, with
 * one load per key at a time.
 * Not a store: a value may vanish at any moment; nothing here touches SQLite.
 *
 * The read path is double-checked: look without the loader's lock (an acquire
 * load, no lock, no shared line written); on a miss take the key's flight and
 * look again (a value found here is a double load prevented); one caller
 * loads, the others wait for it, with no lock held.
 *
 * Two doors. `peek` for loops: pins an epoch, the value is borrowed until
 * `unpin` in the same callback, no reference count. `get` for workers: a
 * counted reference that may cross a hop or a wait.
 *
 * Invariants: hits + misses + double_loads = completed lookups; at most one
 * live flight per key; each flight resolves exactly once; both ceilings hold
 * after every call; no value older than a published or invalidated one is
 * given to a lookup that began later; no lock is held across load, validate,
 * free, log. Specification: concurrency notes, sections A and B.
 */
#ifndef STATE_CACHE_H
#define STATE_CACHE_H

#include "base/cancel.h"
#include "base/err.h"
#include "base/slice.h"
#include "state/cache_metrics.h"

struct st_cache;
struct st_entry; /* one published value; immutable */

/* What an entry is charged beside its key and its value. */
#define ST_ENTRY_OVERHEAD 256

/* What a loader gives. `value` (NULL is a value like any other) passes to the
 * cache, which calls the row's `free_value` when the last reference goes. A
 * loader that fails gives no value; with ERR_NOT_FOUND it may give a stamp,
 * for the negative entry. */
struct st_loaded {
    void *value;
    size_t bytes;    /* the value's size for accounting */
    int64_t version; /* 0: has none */
    uint64_t stamp;  /* kept with the entry for still_valid; 0: none */
};

/* One row per cache. */
struct st_cache_row {
    const char *name;      /* "sessions" */
    const char *key_label; /* the warning's field: "session_id" */
    uint32_t rank;         /* a loader looks up only caches of lower rank */
    uint32_t entries_max;
    uint64_t bytes_max;
    int64_t ttl_ns;          /* 0: age alone never expires */
    int64_t stale_ns;        /* window after ttl */
    int64_t negative_ttl_ns; /* 0: NOT_FOUND is not kept */
    int64_t load_timeout_ns; /* 0: 10 s */
    bool allow_stale;        /* stale value when a load fails */
    bool swr;                /* stale while revalidate */
    /* Thread: worker, no lock held. `c` is the flight's cancellation. */
    enum err (*load)(void *ctx, struct slice key, const struct cancel *c,
                     struct st_loaded *ret);
    void (*free_value)(void *ctx, void *value);
    /* May be NULL. Is the entry still right? A negative entry has no value.
     * Thread: worker, no lock held, may do I/O. On true it may renew the
     * stamp through st_entry_set_stamp. */
    bool (*still_valid)(void *ctx, struct st_entry *entry, int64_t now);
    /* May be NULL. The same question without I/O, for peek: false means "ask
     * on a worker". Thread: loop */
    bool (*valid_now)(void *ctx, const struct st_entry *entry);
    /* May be NULL. This one left to make room. Thread: any, no lock held */
    void (*evicted)(void *ctx, struct slice key, size_t bytes);
    void *ctx;
    struct pool *refresh_pool; /* NULL: swr is off */
};

/* Asks the kernel for membarrier(2), on which reading without locks stands. At
 * once while the process has one thread; otherwise the first use of a cache
 * asks, and waits some 15 ms for every processor. Thread: startup, before the
 * first other thread */
void st_cache_begin(void);

MUST_USE enum err st_cache_new(const struct st_cache_row *row,
                               struct st_cache **ret);
/* Tells every loader that runs to stop, also those of refreshes, which hear
 * of no call's end. Thread: any, at shutdown, before pool_stop. */
void st_cache_stop(struct st_cache *ca);
/* No lookup is in progress and refresh_pool has stopped; entries that callers
 * still hold stay, and so must the row's ctx. NULL is fine. */
void st_cache_free(struct st_cache *ca);

struct st_get {
    int64_t now;                 /* monotonic ns; 0: read the clock */
    const struct cancel *cancel; /* the call's; NULL: none */
    bool no_stale;
};
enum st_source { ST_FRESH, ST_STALE, ST_LOADED, ST_JOINED };

/* Gives a counted reference (st_entry_unref). ERR_NOT_FOUND, ERR_CANCELLED,
 * ERR_DEADLINE, ERR_NOMEM, ERR_INTERNAL (a loader asked for its own key); a
 * loader's error reaches every waiter and is not kept.
 * Thread: worker. Lock: takes flight.lock and shard.lock, holds none while it
 * loads, validates or waits. */
MUST_USE enum err st_cache_get(struct st_cache *ca, struct slice key,
                               const struct st_get *how,
                               enum st_source *ret_source,
                               struct st_entry **ret);

/* The value or NULL; never waits, never loads, takes no lock, touches no
 * reference count. Between pin and unpin every value peeked stays alive;
 * nothing borrowed leaves the callback. Pins do not nest; debug builds
 * assert it. Thread: any registered by its first pin. */
void st_cache_pin(void);
void st_cache_unpin(void);
const struct st_entry *st_cache_peek(struct st_cache *ca, struct slice key,
                                     int64_t now);

/* Publishes a committed value; never replaces a newer version. Takes
 * loaded->value in every case. Thread: any */
void st_cache_put(struct st_cache *ca, struct slice key,
                  const struct st_loaded *loaded);
enum st_invalidation { ST_CHANGE, ST_WRITE, ST_MANUAL, ST_CLEAR };
void st_cache_invalidate(struct st_cache *ca, struct slice key,
                         enum st_invalidation why);
void st_cache_invalidate_prefix(struct st_cache *ca, struct slice prefix,
                                enum st_invalidation why);
void st_cache_invalidate_all(struct st_cache *ca, enum st_invalidation why);
/* Everything out; the count of entries. */
size_t st_cache_clear(struct st_cache *ca);
/* Drops what is past ttl + stale; the count. Thread: keeper */
size_t st_cache_sweep(struct st_cache *ca, int64_t now);
/* Counters, gauges, total and hit rate from one sum. */
void st_cache_stats(struct st_cache *ca, struct st_cache_stats *ret);
struct st_cache_metrics *st_cache_metrics(struct st_cache *ca);
const char *st_cache_name(const struct st_cache *ca);

/* --- entries -------------------------------------------------------------- */
const void *st_entry_value(const struct st_entry *e);
int64_t st_entry_version(const struct st_entry *e);
uint64_t st_entry_stamp(const struct st_entry *e);
/* The one mutable word of an entry, atomic: what it was last checked at. */
void st_entry_set_stamp(struct st_entry *e, uint64_t stamp);
struct st_entry *st_entry_ref(struct st_entry *e);
void st_entry_unref(struct st_entry *e); /* NULL is fine */

#endif
