#include "engine/order.h"

#include <assert.h>

#include "base/map.h"

void order_init(struct order *o)
{
    lock_init(&o->lock, "order", RANK_SESSION_QUEUE);
    atomic_init(&o->count, 0);
    for (size_t i = 0; i < ORDER_LISTS; i++) {
        o->lists[i].next = &o->lists[i];
        o->lists[i].prev = &o->lists[i];
    }
}

void order_done(struct order *o)
{
    assert(atomic_load_explicit(&o->count, memory_order_relaxed) == 0);
    lock_done(&o->lock);
}

static struct order_node *list_of(struct order *o, struct slice key)
{
    return &o->lists[map_hash(key) % ORDER_LISTS];
}

/* The first node with this key from `at` on, or NULL at the ring's end. */
static struct order_node *find(struct order_node *at, struct order_node *head,
                               struct slice key)
{
    for (; at != head; at = at->next)
        if (slice_eq(at->key, key)) return at;
    return NULL;
}

bool order_enter(struct order *o, struct order_node *n)
{
    struct order_node *head = list_of(o, n->key);
    lock_take(&o->lock);
    bool first = !find(head->next, head, n->key);
    n->next = head;
    n->prev = head->prev;
    head->prev->next = n;
    head->prev = n;
    atomic_fetch_add_explicit(&o->count, 1, memory_order_relaxed);
    lock_drop(&o->lock);
    return first;
}

struct order_node *order_leave(struct order *o, struct order_node *n)
{
    struct order_node *head = list_of(o, n->key);
    lock_take(&o->lock);
    struct order_node *next = find(n->next, head, n->key);
    n->prev->next = n->next;
    n->next->prev = n->prev;
    atomic_fetch_sub_explicit(&o->count, 1, memory_order_relaxed);
    lock_drop(&o->lock);
    return next;
}

bool order_busy(struct order *o, struct slice key)
{
    if (atomic_load_explicit(&o->count, memory_order_relaxed) == 0)
        return false;
    struct order_node *head = list_of(o, key);
    lock_take(&o->lock);
    bool busy = find(head->next, head, key) != NULL;
    lock_drop(&o->lock);
    return busy;
}
