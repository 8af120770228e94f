#include "base/cancel.h"

/* Acquire pairs with cancel_set's release: who sees the cause also sees what
 * the canceller wrote before. A cause goes before the deadline, because it is
 * the one that was said first. */
static enum err check_one(const struct cancel *c, int64_t now_ns)
{
    switch (atomic_load_explicit(&c->cause, memory_order_acquire)) {
    case CANCEL_NONE:
        return now_ns >= c->deadline_ns ? ERR_DEADLINE : OK;
    case CANCEL_DEADLINE:
        return ERR_DEADLINE;
    default:
        return ERR_CANCELLED;
    }
}

enum err cancel_check(const struct cancel *c, int64_t now_ns)
{
    enum err e = OK;
    /* Acquire pairs with cancel_listen: a parent is seen as it was set up. */
    for (; c && !e; c = atomic_load_explicit(&c->parent, memory_order_acquire))
        e = check_one(c, now_ns);
    return e;
}
