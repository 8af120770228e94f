/*
 * Linear probing at half load, with the full hash beside each key: a probe
 * compares eight bytes and almost never a wrong key. Removing shifts the rest
 * of the run back, so there are no tombstones and a slot's distance from its
 * home only ever shrinks.
 */
#include "base/map.h"

#include "base/alloc.h"
#include "base/random.h"

enum {
    CAPACITY_FIRST = 16,
    /* At half load a run this long comes up in one table of a million keys
     * in 50,000; from an attacker who knows the seed, at once. */
    PROBES_MOST = 128,
};

struct map_slot {
    uint64_t hash; /* 0: empty */
    struct slice key;
    void *value;
};

/* Made before main() and never changed: the hash reads it without a lock. */
static uint64_t secret[4];

__attribute__((constructor(101))) static void make_secret(void)
{
    random_bytes(secret, sizeof(secret));
}

static uint64_t load8(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static uint64_t load4(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

/* Both halves of the 128-bit product: every bit of the result depends on
 * every bit of a and b. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* At most 16 bytes as two words. Pieces overlap, so that no length needs a
 * loop; the length itself is mixed in at the end. */
static void load_short(const char *p, size_t n, uint64_t *a, uint64_t *b)
{
    *a = *b = 0;
    if (n >= 8) {
        *a = load8(p);
        *b = load8(p + n - 8);
    } else if (n >= 4) {
        *a = load4(p);
        *b = load4(p + n - 4);
    } else if (n) {
        *a = (uint64_t)(unsigned char)p[0] << 16 |
             (uint64_t)(unsigned char)p[n / 2] << 8 | (unsigned char)p[n - 1];
    }
}

static uint64_t hash_of(struct slice key, uint64_t seed)
{
    const char *p = key.p;
    size_t n = key.n;
    uint64_t h = seed ^ secret[0], a, b;
    for (; n > 16; n -= 16, p += 16)
        h = mix(load8(p) ^ secret[1], load8(p + 8) ^ h);
    load_short(p, n, &a, &b);
    return mix(secret[2] ^ key.n, mix(a ^ secret[3], b ^ h));
}

uint64_t map_hash(struct slice key)
{
    return hash_of(key, 0);
}

/* As stored: never 0. The top bit is not used to find the slot. */
static uint64_t stored_hash(const struct map *m, struct slice key)
{
    return hash_of(key, m->seed) | UINT64_C(1) << 63;
}

void map_done(struct map *m)
{
    if (!m) return;
    mem_free(m->slots);
    *m = MAP_INIT;
}

/* The key's slot, else the empty one where it belongs, else NULL (the run is
 * as long as runs may be). */
static struct map_slot *find(const struct map *m, uint64_t hash,
                             struct slice key)
{
    for (size_t i = 0; i < PROBES_MOST && i < m->capacity; i++) {
        struct map_slot *s = &m->slots[(hash + i) & (m->capacity - 1)];
        if (s->hash == 0) return s;
        if (s->hash == hash && slice_eq(s->key, key)) return s;
    }
    return NULL;
}

void *map_get(const struct map *m, struct slice key)
{
    if (m->count == 0) return NULL;
    struct map_slot *s = find(m, stored_hash(m, key), key);
    return s && s->hash ? s->value : NULL;
}

/* Copies all of `m` into the empty table `to`; false: a run is too long. */
static bool copy_into(const struct map *m, struct map *to)
{
    struct slice key;
    void *value;
    for (size_t i = 0; map_next(m, &i, &key, &value);) {
        uint64_t hash = stored_hash(to, key);
        struct map_slot *s = find(to, hash, key);
        if (!s) return false;
        *s = (struct map_slot){hash, key, value};
    }
    to->count = m->count;
    return true;
}

static enum err rebuild(struct map *m, size_t capacity, uint64_t seed)
{
    struct map to = {.capacity = capacity, .seed = seed};
    for (;; to.seed = random_u64(), to.capacity *= 2) {
        to.slots = mem_array(to.capacity, sizeof(*to.slots));
        if (!to.slots) return ERR_NOMEM;
        if (copy_into(m, &to)) break;
        mem_free(to.slots);
    }
    mem_free(m->slots);
    *m = to;
    return OK;
}

/* The place for a key that is absent or present, growing as needed. */
static enum err place(struct map *m, struct slice key, uint64_t *ret_hash,
                      struct map_slot **ret)
{
    enum err e = OK;
    if (m->count >= m->capacity / 2)
        e = rebuild(m, m->capacity ? m->capacity * 2 : CAPACITY_FIRST, m->seed);
    for (; !e; e = rebuild(m, m->capacity, random_u64())) {
        *ret_hash = stored_hash(m, key);
        *ret = find(m, *ret_hash, key);
        if (*ret) return OK;
    }
    return e;
}

enum err map_put(struct map *m, struct slice key, void *value, void **ret_old)
{
    uint64_t hash;
    struct map_slot *s;
    enum err e = place(m, key, &hash, &s);
    if (e) return e;
    if (ret_old) *ret_old = s->hash ? s->value : NULL;
    m->count += s->hash == 0;
    *s = (struct map_slot){hash, key, value};
    return OK;
}

void *map_del(struct map *m, struct slice key)
{
    if (m->count == 0) return NULL;
    struct map_slot *gap = find(m, stored_hash(m, key), key);
    if (!gap || gap->hash == 0) return NULL;
    void *value = gap->value;
    size_t mask = m->capacity - 1, hole = (size_t)(gap - m->slots);
    for (size_t i = (hole + 1) & mask; m->slots[i].hash; i = (i + 1) & mask) {
        size_t from_home = (i - m->slots[i].hash) & mask;
        if (from_home < ((i - hole) & mask)) continue; /* would pass its home */
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole] = (struct map_slot){0};
    m->count--;
    return value;
}

bool map_next(const struct map *m, size_t *i, struct slice *ret_key,
              void **ret_value)
{
    for (; *i < m->capacity; (*i)++) {
        const struct map_slot *s = &m->slots[*i];
        if (s->hash == 0) continue;
        *ret_key = s->key;
        *ret_value = s->value;
        (*i)++;
        return true;
    }
    return false;
}
