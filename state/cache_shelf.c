#include "state/cache_shelf.h"

#include <assert.h>

#include "base/alloc.h"

enum { SLOT_FREE = 0, SLOT_LEFT = 1 }; /* never used; an entry was here */
enum { TABLE_LEAST = 64, EXACT_MOST = 1024 };

struct slot {
    _Atomic uint64_t hash; /* SLOT_FREE, SLOT_LEFT or the entry's */
    _Atomic(struct st_entry *) entry;
};

struct st_table {
    struct st_retired retired;
    size_t mask;
    size_t filled; /* slots that are not free; guarded by shelf.lock */
    struct slot slot[];
};

/* A heap over what was known of each entry's recency when last looked at.
 * Recency only rises, so the first is the least recently used as soon as its
 * own record is up to date. */
struct st_rank {
    int64_t used;
    uint64_t serial;
    struct st_entry *entry;
};

static_assert(sizeof(struct st_entry) + 2 * sizeof(struct slot) +
                      sizeof(struct st_rank) <=
                  ST_ENTRY_OVERHEAD,
              "the charge covers what an entry costs");

/* --- the table: reading --------------------------------------------------- */

struct st_entry *st__shelf_find(struct st_shelf *s, struct slice key,
                                uint64_t hash)
{
    /* Acquire pairs with rebuild(): the slots are there. */
    struct st_table *t = atomic_load_explicit(&s->table, memory_order_acquire);
    for (size_t i = hash & t->mask;; i = (i + 1) & t->mask) {
        /* Acquire pairs with slot_fill(): the pointer read next is the one
         * stored before this hash, or a later one. */
        uint64_t h =
            atomic_load_explicit(&t->slot[i].hash, memory_order_acquire);
        if (h == SLOT_FREE) return NULL;
        if (h != hash) continue;
        /* Acquire pairs with slot_fill() and slot_replace(): the entry's
         * fields. It may be another's by now, or gone: the key decides. */
        struct st_entry *e =
            atomic_load_explicit(&t->slot[i].entry, memory_order_acquire);
        if (e && slice_eq(st__entry_key(e), key)) return e;
    }
}

/* --- the table: writing. Lock: needs s->lock ------------------------------ */

/* Relaxed: the caller holds the lock under which it is stored. */
static struct st_table *table_of(const struct st_shelf *s)
{
    return atomic_load_explicit(&s->table, memory_order_relaxed);
}

static uint64_t slot_hash(const struct slot *slot)
{
    return atomic_load_explicit(&slot->hash, memory_order_relaxed);
}

static struct st_entry *slot_entry(const struct slot *slot)
{
    return atomic_load_explicit(&slot->entry, memory_order_relaxed);
}

static struct slot *slot_find(struct st_table *t, struct slice key,
                              uint64_t hash)
{
    for (size_t i = hash & t->mask;; i = (i + 1) & t->mask) {
        struct slot *slot = &t->slot[i];
        if (slot_hash(slot) == SLOT_FREE) return NULL;
        if (slot_hash(slot) == hash &&
            slice_eq(st__entry_key(slot_entry(slot)), key))
            return slot;
    }
}

static void slot_fill(struct st_table *t, struct st_entry *e)
{
    size_t i = e->hash & t->mask;
    while (slot_hash(&t->slot[i]) > SLOT_LEFT) i = (i + 1) & t->mask;
    t->filled += slot_hash(&t->slot[i]) == SLOT_FREE;
    /* Both pair with st__shelf_find's acquires. */
    atomic_store_explicit(&t->slot[i].entry, e, memory_order_release);
    atomic_store_explicit(&t->slot[i].hash, e->hash, memory_order_release);
}

/* A slot before a free one may be free itself; a reader that stops there
 * misses nothing, because nothing lies behind. */
static void slot_clear(struct st_table *t, struct slot *slot)
{
    size_t i = (size_t)(slot - t->slot);
    bool end = slot_hash(&t->slot[(i + 1) & t->mask]) == SLOT_FREE;
    atomic_store_explicit(&slot->hash, SLOT_LEFT, memory_order_relaxed);
    atomic_store_explicit(&slot->entry, NULL, memory_order_relaxed);
    for (; end && slot_hash(&t->slot[i]) == SLOT_LEFT; i = (i - 1) & t->mask) {
        atomic_store_explicit(&t->slot[i].hash, SLOT_FREE,
                              memory_order_relaxed);
        t->filled--;
    }
}

static void table_retired(struct st_retired *r)
{
    mem_free((char *)r - offsetof(struct st_table, retired));
}

static struct st_table *table_new(size_t slots)
{
    struct st_table *t = mem_zalloc(sizeof(*t) + slots * sizeof(t->slot[0]));
    if (!t) return NULL;
    t->mask = slots - 1;
    t->retired.free = table_retired;
    t->retired.bytes = slots * sizeof(t->slot[0]);
    return t;
}

static void put_out(struct st_removed *out, struct st_retired *r)
{
    r->next = out->list;
    out->list = r;
}

static bool rebuild(struct st_shelf *s, struct st_removed *out)
{
    size_t slots = TABLE_LEAST;
    while (slots < 2 * (s->count + 1)) slots *= 2;
    struct st_table *t = table_new(slots), *old = table_of(s);
    if (!t) return false;
    for (size_t i = 0; i < s->count; i++) slot_fill(t, s->rank[i].entry);
    /* Pairs with st__shelf_find's acquire. */
    atomic_store_explicit(&s->table, t, memory_order_release);
    put_out(out, &old->retired);
    return true;
}

/* Makes sure that one more entry can be put without another allocation. */
static bool reserve(struct st_shelf *s, struct st_removed *out)
{
    if (s->count == s->rank_room) {
        size_t room = s->rank_room ? 2 * s->rank_room : TABLE_LEAST / 2;
        struct st_rank *rank = mem_realloc(s->rank, room * sizeof(*rank));
        if (!rank) return false;
        s->rank = rank;
        s->rank_room = room;
    }
    const struct st_table *t = table_of(s);
    return 4 * (t->filled + 1) <= 3 * (t->mask + 1) || rebuild(s, out);
}

/* --- recency. Lock: needs s->lock ----------------------------------------- */

static bool rank_before(const struct st_rank *a, const struct st_rank *b)
{
    return a->used != b->used ? a->used < b->used : a->serial < b->serial;
}

static void rank_set(struct st_shelf *s, size_t at, struct st_rank r)
{
    s->rank[at] = r;
    r.entry->rank_at = at;
}

static void rank_up(struct st_shelf *s, size_t at)
{
    struct st_rank r = s->rank[at];
    for (; at && rank_before(&r, &s->rank[(at - 1) / 2]); at = (at - 1) / 2)
        rank_set(s, at, s->rank[(at - 1) / 2]);
    rank_set(s, at, r);
}

static void rank_down(struct st_shelf *s, size_t at)
{
    struct st_rank r = s->rank[at];
    for (size_t child; (child = 2 * at + 1) < s->count; at = child) {
        if (child + 1 < s->count &&
            rank_before(&s->rank[child + 1], &s->rank[child]))
            child++;
        if (!rank_before(&s->rank[child], &r)) break;
        rank_set(s, at, s->rank[child]);
    }
    rank_set(s, at, r);
}

static void rank_remove(struct st_shelf *s, size_t at)
{
    struct st_rank last = s->rank[--s->count];
    if (at == s->count) return;
    rank_set(s, at, last);
    rank_up(s, at);
    rank_down(s, last.entry->rank_at);
}

static int64_t used_of(const struct st_entry *e)
{
    return atomic_load_explicit(&e->used, memory_order_relaxed);
}

/* Exact up to EXACT_MOST entries; beyond, the oldest of the EXACT_MOST that
 * were the oldest when last looked at, so that no eviction takes long. */
static struct st_entry *least_recent(struct st_shelf *s)
{
    struct st_entry *oldest = s->rank[0].entry;
    for (size_t i = 0; i < EXACT_MOST; i++) {
        struct st_rank *first = &s->rank[0];
        int64_t used = used_of(first->entry);
        if (used == first->used) return first->entry;
        if (used < used_of(oldest)) oldest = first->entry;
        first->used = used;
        rank_down(s, 0);
    }
    return s->count <= EXACT_MOST ? s->rank[0].entry : oldest;
}

/* --- accounting. Lock: needs s->lock -------------------------------------- */

static void negative_link(struct st_shelf *s, struct st_entry *e)
{
    e->older = s->negative_newest;
    e->newer = NULL;
    *(e->older ? &e->older->newer : &s->negative_oldest) = e;
    s->negative_newest = e;
    s->negatives++;
}

static void negative_unlink(struct st_shelf *s, struct st_entry *e)
{
    *(e->older ? &e->older->newer : &s->negative_oldest) = e->newer;
    *(e->newer ? &e->newer->older : &s->negative_newest) = e->older;
    s->negatives--;
}

static void account_in(struct st_shelf *s, struct st_entry *e)
{
    s->bytes += e->charge;
    s->value_bytes += e->value_bytes;
    if (e->negative) negative_link(s, e);
    e->shelved = true;
    rank_set(s, s->count++, (struct st_rank){used_of(e), s->serial++, e});
    rank_up(s, e->rank_at);
}

static void account_out(struct st_shelf *s, struct st_entry *e)
{
    s->bytes -= e->charge;
    s->value_bytes -= e->value_bytes;
    if (e->negative) negative_unlink(s, e);
    e->shelved = false;
    rank_remove(s, e->rank_at);
}

bool st__shelf_remove(struct st_shelf *s, struct st_entry *e,
                      struct st_removed *out)
{
    lock_assert_held(&s->lock);
    if (!e->shelved) return false;
    struct st_table *t = table_of(s);
    slot_clear(t, slot_find(t, st__entry_key(e), e->hash));
    account_out(s, e);
    put_out(out, &e->retired);
    return true;
}

struct st_entry *st__shelf_at(struct st_shelf *s, struct slice key,
                              uint64_t hash)
{
    lock_assert_held(&s->lock);
    struct slot *slot = slot_find(table_of(s), key, hash);
    return slot ? slot_entry(slot) : NULL;
}

static void evict(struct st_shelf *s, struct st_entry *e, size_t *counter,
                  struct st_removed *out)
{
    lock_assert_held(&s->lock);
    if (!st__shelf_remove(s, e, out)) return;
    e->older = out->evicted;
    out->evicted = e;
    ++*counter;
}

static void make_room(struct st_shelf *s, const struct st_entry *e,
                      struct st_removed *out)
{
    while (e->negative && s->negatives >= s->negatives_max)
        evict(s, s->negative_oldest, &out->evicted_entries, out);
    while (s->count >= s->entries_max)
        evict(s, least_recent(s), &out->evicted_entries, out);
    while (s->bytes + e->charge > s->bytes_max)
        evict(s, least_recent(s), &out->evicted_bytes, out);
}

static bool stays(const struct st_entry *old, const struct st_entry *e,
                  bool again)
{
    if (old->negative || e->negative) return false;
    if (old->version == e->version)
        return e->version != 0 && !again && st__entry_fresh(old, e->published);
    return old->version > e->version && e->version != 0;
}

static enum st_shelved fits(struct st_shelf *s, const struct st_entry *e,
                            struct st_removed *out)
{
    if (e->charge > s->bytes_max) return ST_OVERSIZE;
    if (e->negative && s->negatives_max == 0) return ST_NO_ROOM;
    return reserve(s, out) ? ST_SHELVED : ST_NO_ROOM;
}

enum st_shelved st__shelf_put(struct st_shelf *s, struct st_entry *e,
                              bool again, struct st_removed *out)
{
    lock_assert_held(&s->lock);
    struct st_entry *old = st__shelf_at(s, st__entry_key(e), e->hash);
    if (old && stays(old, e, again)) return ST_OLDER;
    enum st_shelved how = fits(s, e, out);
    if (how != ST_SHELVED) {
        if (old) st__shelf_remove(s, old, out);
        return how;
    }
    st_entry_ref(e);
    if (old) account_out(s, old);
    make_room(s, e, out);
    account_in(s, e);
    if (!old) {
        slot_fill(table_of(s), e);
        return ST_SHELVED;
    }
    /* In place: no reader meets a moment without either. Release pairs with
     * st__shelf_find. */
    struct slot *slot = slot_find(table_of(s), st__entry_key(e), e->hash);
    atomic_store_explicit(&slot->entry, e, memory_order_release);
    put_out(out, &old->retired);
    return ST_SHELVED;
}

void st__shelf_filter(struct st_shelf *s,
                      bool (*goes)(struct st_entry *e, void *ctx), void *ctx,
                      struct st_removed *out)
{
    lock_assert_held(&s->lock);
    struct st_retired *going = NULL;
    for (size_t i = 0; i < s->count; i++) {
        struct st_entry *e = s->rank[i].entry;
        if (!goes(e, ctx)) continue;
        e->retired.next = going;
        going = &e->retired;
    }
    while (going) {
        struct st_retired *r = going;
        going = r->next;
        out->entries += st__shelf_remove(
            s,
            (struct st_entry *)((char *)r - offsetof(struct st_entry, retired)),
            out);
    }
}

enum err st__shelf_init(struct st_shelf *s, const struct st_cache_row *row)
{
    struct st_table *t = table_new(TABLE_LEAST);
    if (!t) return ERR_NOMEM;
    atomic_init(&s->table, t);
    s->entries_max = row->entries_max;
    s->negatives_max = row->negative_ttl_ns ? row->entries_max / 8 : 0;
    s->bytes_max = row->bytes_max;
    lock_init(&s->lock, "cache", RANK_CACHE);
    return OK;
}

void st__shelf_done(struct st_shelf *s)
{
    struct st_table *t = table_of(s);
    if (!t) return;
    mem_free(t);
    mem_free(s->rank);
    lock_done(&s->lock);
}
