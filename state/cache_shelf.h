/*
 * cache_shelf: the entries of one cache, found without a lock, kept under
 * both ceilings, the least recently used leaving first.
 *
 * Reading: open addressing, a slot is a hash and a pointer to an immutable
 * entry. An entry never moves inside a table; a bigger table is a new one,
 * and the old one is retired. Writing is under `lock`.
 *
 * Invariants, whenever the lock is free: count, bytes, value_bytes and
 * negatives are those of the entries in the table; count <= entries_max;
 * bytes <= bytes_max; no entry's probe passes a free slot.
 *
 * Private to state/cache*.
 */
#ifndef STATE_CACHE_SHELF_H
#define STATE_CACHE_SHELF_H

#include "base/lock.h"
#include "state/cache_entry.h"

struct st_table;
struct st_rank;

struct st_shelf {
    _Atomic(struct st_table *) table;
    uint32_t entries_max, negatives_max;
    uint64_t bytes_max;

    char apart[ST_LINE]; /* readers' lines from writers' */
    struct lock lock;    /* RANK_CACHE; guards what follows, and stores above */
    struct st_rank *rank; /* a heap, the least recently used first */
    size_t count, rank_room;
    uint64_t serial; /* of insertions: breaks ties of recency */
    uint64_t bytes, value_bytes;
    struct st_entry *negative_oldest, *negative_newest;
    size_t negatives;
};

/* What a change took out, for after the unlock: retire the list. */
struct st_removed {
    struct st_retired *list;
    struct st_entry *evicted; /* of the list, by st_entry.older */
    size_t entries;           /* asked for by the caller */
    size_t evicted_entries, evicted_bytes;
};

enum st_shelved {
    ST_SHELVED,
    ST_OLDER,    /* what is there is newer: it stays */
    ST_OVERSIZE, /* larger than the ceiling; what was there is out */
    ST_NO_ROOM   /* no memory, or no negatives kept: as oversize */
};

MUST_USE enum err st__shelf_init(struct st_shelf *s,
                                 const struct st_cache_row *row);
/* The entries are out and drained. */
void st__shelf_done(struct st_shelf *s);

/* The entry or NULL. Lives until the unpin. Thread: pinned. Lock: none. */
struct st_entry *st__shelf_find(struct st_shelf *s, struct slice key,
                                uint64_t hash);

/* Takes a reference of its own. `again`: a newly loaded value of the version
 * that is there replaces it. Lock: needs s->lock */
MUST_USE enum st_shelved st__shelf_put(struct st_shelf *s, struct st_entry *e,
                                       bool again, struct st_removed *out)
    REQUIRES(s->lock);
/* The key's entry, for as long as the lock is held. Lock: needs s->lock */
struct st_entry *st__shelf_at(struct st_shelf *s, struct slice key,
                              uint64_t hash) REQUIRES(s->lock);
/* Takes this very entry out; false when it is out already. */
bool st__shelf_remove(struct st_shelf *s, struct st_entry *e,
                      struct st_removed *out) REQUIRES(s->lock);
/* Takes out all that `goes` says so of. */
void st__shelf_filter(struct st_shelf *s,
                      bool (*goes)(struct st_entry *e, void *ctx), void *ctx,
                      struct st_removed *out) REQUIRES(s->lock);

#endif
