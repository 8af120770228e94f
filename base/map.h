/*
 * map: slice -> pointer, open addressing, stored hash. Keys come from
 * clients, so the hash is a 64-bit multiply-mix with a per-process random
 * seed, probes are bounded and an overflow reseeds and rebuilds: a lookup
 * touches at most 128 slots whatever the keys are.
 *
 * Keys are borrowed until removed (normally they lie in the value). Thread:
 * one owner, or the owner's lock.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/err.h"
#include "base/slice.h"

struct map_slot;

struct map {
    size_t count;
    /* private */
    struct map_slot *slots;
    size_t capacity; /* power of two, or 0 */
    uint64_t seed;
};

/* The seeded hash, for other tables (the caches use it too). */
uint64_t map_hash(struct slice key);

#define MAP_INIT ((struct map){0})
void map_done(struct map *m); /* frees the table, not the values */
void *map_get(const struct map *m, struct slice key); /* NULL: absent */
/* Stores or replaces; *ret_old (may be NULL) gets the former value or NULL. */
MUST_USE enum err map_put(struct map *m, struct slice key, void *value,
                          void **ret_old);
/* Removes; the former value or NULL. */
void *map_del(struct map *m, struct slice key);
/* Iteration in no order: size_t i = 0; while (map_next(m, &i, &k, &v)). The
 * map must not be changed meanwhile. */
bool map_next(const struct map *m, size_t *i, struct slice *ret_key,
              void **ret_value);

#endif
