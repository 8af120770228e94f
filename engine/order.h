/*
 * order: writes on one key are a FIFO; strangers never wait for each other.
 *
 * Nodes stand in one of 64 lists by the key's hash, in order of arrival. A
 * node may run when no earlier node has its key. No lock is held while it
 * runs, nothing is allocated.
 *
 * Thread: any. Lock: takes order.lock for a short walk.
 */
#ifndef ENGINE_ORDER_H
#define ENGINE_ORDER_H

#include <stdatomic.h>

#include "base/lock.h"
#include "base/slice.h"

#define ORDER_LISTS 64

struct order_node {
    struct slice key; /* borrowed until order_leave */
    /* private */
    struct order_node *next, *prev;
};

struct order {
    /* private */
    struct lock lock;
    _Atomic uint32_t count; /* nodes inside; relaxed, a hint for readers */
    struct order_node lists[ORDER_LISTS]; /* heads of rings */
};

void order_init(struct order *o);
void order_done(struct order *o); /* empty by then */
/* True: nobody is before you, run now. False: order_leave of the node before
 * you returns you. */
bool order_enter(struct order *o, struct order_node *n);
/* Leaves; the node that may run now, or NULL. */
struct order_node *order_leave(struct order *o, struct order_node *n);
/* Is anyone inside with this key? One atomic load when nobody is at all. */
bool order_busy(struct order *o, struct slice key);

#endif
