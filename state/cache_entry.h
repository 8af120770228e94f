/*
 * cache_entry: one published value and its key in one piece of memory.
 * Private to state/cache*.
 */
#ifndef STATE_CACHE_ENTRY_H
#define STATE_CACHE_ENTRY_H

#include "state/cache.h"
#include "state/epoch.h"

enum { ST_STAMP_NS = 1000000 }; /* recency is exact to this */

/* First what workers write at each get, then what only the shelf's lock holder
 * looks at, then what every look reads: a reference taken by a worker does
 * not touch the lines that a loop's peek reads. */
struct st_entry {
    _Atomic uint32_t refs;     /* the shelf's (until its grace is over), a
                                * flight's, and each caller's */
    _Atomic bool seen_expired; /* counted once */

    /* Guarded by shelf.lock. */
    bool shelved;
    size_t rank_at;                 /* its place in the shelf's ranks */
    struct st_entry *older, *newer; /* negative entries by age; `older` of
                                     * one that is out: evicted before it */
    struct st_retired retired;      /* and lists of removed entries */
    /* Stale while revalidate. */
    _Atomic int64_t refresh_at; /* not before */
    int64_t refresh_delay;      /* the owner of a refresh flight's */

    /* Written before publication. */
    void (*free_value)(void *ctx, void *value);
    void *ctx;
    size_t value_bytes;
    size_t charge;
    int64_t published;

    int64_t fresh_until; /* fresh iff now < this */
    void *value;
    int64_t version;
    _Atomic uint64_t stamp; /* the row's own word */
    _Atomic int64_t used;   /* recency, at most one store per ST_STAMP_NS */
    uint64_t hash;
    uint32_t key_n;
    bool negative;
    char key[];
};

/* The hash as the tables hold it: 0 and 1 mark slots. */
uint64_t st__hash(struct slice key);

/* An entry with its key, one reference, no value yet. */
MUST_USE enum err st__entry_new(const struct st_cache_row *row,
                                struct slice key, uint64_t hash,
                                struct st_entry **ret);
/* Takes loaded->value. `negative`: the key is known to be absent. */
void st__entry_fill(struct st_entry *e, const struct st_cache_row *row,
                    const struct st_loaded *loaded, bool negative, int64_t now);

static inline struct slice st__entry_key(const struct st_entry *e)
{
    return (struct slice){e->key, e->key_n};
}
static inline bool st__entry_fresh(const struct st_entry *e, int64_t now)
{
    return now < e->fresh_until;
}
/* Expired, but inside the window after it. Negative entries have none. */
bool st__entry_stale_usable(const struct st_entry *e,
                            const struct st_cache_row *row, int64_t now);
/* True for the first caller. */
bool st__entry_mark_expired(struct st_entry *e);

/* Relaxed: evictions compare stamps of different entries, and a stamp that
 * arrives late is one that never was, within the same millisecond. */
static inline void st__entry_use(struct st_entry *e, int64_t now)
{
    int64_t used = atomic_load_explicit(&e->used, memory_order_relaxed);
    if (now - used >= ST_STAMP_NS)
        atomic_store_explicit(&e->used, now, memory_order_relaxed);
}

/* a + b for b >= 0, no further than INT64_MAX. */
static inline int64_t st__later(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

#endif
