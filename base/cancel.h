/*
 * cancel: why a call should stop, and when it must. One atomic cause per
 * call, the first one wins; work polls it at least every 50 ms of its own
 * time. Thread: any.
 *
 * A cancel may listen to a parent: work done for one caller stops when that
 * caller goes, until somebody else wants its result and the parent is taken
 * away. The parent outlives the time it is set.
 */
#ifndef BASE_CANCEL_H
#define BASE_CANCEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum cancel_cause {
    CANCEL_NONE,
    CANCEL_CLIENT,
    CANCEL_CONNECTION,
    CANCEL_DEADLINE,
    CANCEL_SHUTDOWN,
    CANCEL_CAUSE_COUNT
};

struct cancel {
    _Atomic int cause;   /* enum cancel_cause */
    int64_t deadline_ns; /* monotonic; INT64_MAX: none. Set before sharing */
    _Atomic(const struct cancel *) parent; /* NULL: none */
};

static inline void cancel_init(struct cancel *c, int64_t deadline_ns)
{
    atomic_init(&c->cause, CANCEL_NONE);
    c->deadline_ns = deadline_ns;
    atomic_init(&c->parent, NULL);
}
/* Who else stops this work; NULL: nobody. Never in a circle. */
static inline void cancel_listen(struct cancel *c, const struct cancel *parent)
{
    atomic_store_explicit(&c->parent, parent, memory_order_release);
}
/* True when this call was the one that set it. */
static inline bool cancel_set(struct cancel *c, enum cancel_cause cause)
{
    int none = CANCEL_NONE;
    return atomic_compare_exchange_strong_explicit(&c->cause, &none, (int)cause,
                                                   memory_order_acq_rel,
                                                   memory_order_acquire);
}
/* OK, ERR_CANCELLED or ERR_DEADLINE. NULL `c` is never cancelled. */
enum err cancel_check(const struct cancel *c, int64_t now_ns);

#endif
