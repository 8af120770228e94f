#include "state/cache_entry.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/lock.h"
#include "base/map.h"

uint64_t st__hash(struct slice key)
{
    uint64_t h = map_hash(key);
    return h < 2 ? h + 2 : h;
}

/* The shelf's reference, once nobody can be peeking any more. */
static void entry_retired(struct st_retired *r)
{
    st_entry_unref(
        (struct st_entry *)((char *)r - offsetof(struct st_entry, retired)));
}

enum err st__entry_new(const struct st_cache_row *row, struct slice key,
                       uint64_t hash, struct st_entry **ret)
{
    if (key.n > UINT32_MAX) return ERR_TOO_LARGE;
    struct st_entry *e = mem_zalloc(sizeof(*e) + key.n);
    if (!e) return ERR_NOMEM;
    atomic_init(&e->refs, 1);
    e->free_value = row->free_value;
    e->ctx = row->ctx;
    e->hash = hash;
    e->key_n = (uint32_t)key.n;
    if (key.n) memcpy(e->key, key.p, key.n);
    e->charge = key.n + ST_ENTRY_OVERHEAD;
    e->retired.free = entry_retired;
    e->negative = true; /* no value to free yet */
    *ret = e;
    return OK;
}

void st__entry_fill(struct st_entry *e, const struct st_cache_row *row,
                    const struct st_loaded *loaded, bool negative, int64_t now)
{
    int64_t ttl = negative ? row->negative_ttl_ns : row->ttl_ns;
    e->negative = negative;
    e->value = negative ? NULL : loaded->value;
    e->value_bytes = negative ? 0 : loaded->bytes;
    e->charge = e->key_n + (size_t)ST_ENTRY_OVERHEAD;
    e->charge = e->value_bytes > SIZE_MAX - e->charge
                    ? SIZE_MAX
                    : e->charge + e->value_bytes;
    e->retired.bytes = e->charge;
    e->version = negative ? 0 : loaded->version;
    atomic_store_explicit(&e->stamp, loaded->stamp, memory_order_relaxed);
    e->published = now;
    e->fresh_until = ttl ? st__later(now, ttl) : INT64_MAX;
    atomic_store_explicit(&e->used, now, memory_order_relaxed);
}

bool st__entry_stale_usable(const struct st_entry *e,
                            const struct st_cache_row *row, int64_t now)
{
    return !e->negative && row->stale_ns > 0 &&
           now < st__later(e->fresh_until, row->stale_ns);
}

bool st__entry_mark_expired(struct st_entry *e)
{
    /* Relaxed: only the one true answer matters. */
    return !atomic_load_explicit(&e->seen_expired, memory_order_relaxed) &&
           !atomic_exchange_explicit(&e->seen_expired, true,
                                     memory_order_relaxed);
}

const void *st_entry_value(const struct st_entry *e)
{
    return e->value;
}

int64_t st_entry_version(const struct st_entry *e)
{
    return e->version;
}

uint64_t st_entry_stamp(const struct st_entry *e)
{
    /* Acquire pairs with st_entry_set_stamp. */
    return atomic_load_explicit(&e->stamp, memory_order_acquire);
}

void st_entry_set_stamp(struct st_entry *e, uint64_t stamp)
{
    /* Release pairs with st_entry_stamp: who reads the stamp also sees what
     * was checked for it. */
    atomic_store_explicit(&e->stamp, stamp, memory_order_release);
}

struct st_entry *st_entry_ref(struct st_entry *e)
{
    /* Relaxed: the caller has a reference or a pin, so it is not 0. */
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    return e;
}

void st_entry_unref(struct st_entry *e)
{
    /* Release pairs with the acquire of whoever drops the last one: all uses
     * come before the free. */
    if (!e || atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) != 1)
        return;
    lock_assert_none();
    if (!e->negative && e->free_value) e->free_value(e->ctx, e->value);
    mem_free(e);
}
