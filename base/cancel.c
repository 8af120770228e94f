#include "base/cancel.h"

/* Acquire pairs with cancel_set's release: who sees the cause also sees what
 * the canceller wrote before. A cause goes before the deadline, because it is
 * the one that was said first. */
enum err cancel_check(const struct cancel *c, int64_t now_ns)
{
    if (!c) return OK;
    switch (atomic_load_explicit(&c->cause, memory_order_acquire)) {
    case CANCEL_NONE:
        return now_ns >= c->deadline_ns ? ERR_DEADLINE : OK;
    case CANCEL_DEADLINE:
        return ERR_DEADLINE;
    default:
        return ERR_CANCELLED;
    }
}
