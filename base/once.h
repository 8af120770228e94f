/*
 * once: a thing made once per process however many threads ask first.
 * Double-checked: one acquire load when it is there; otherwise lock, look
 * again, make with no lock held, publish with release, wake all.
 *
 * A failed make returns to NEW: a later call tries again, those who waited
 * get the error. A make that asks for its own object gets ERR_INTERNAL.
 * Thread: any (not a loop: it may wait).
 */
#ifndef BASE_ONCE_H
#define BASE_ONCE_H

#include <stdatomic.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/lock.h"

struct once {
    _Atomic(void *) object; /* release by the maker, acquire by readers */
    /* private */
    struct lock lock;
    struct cond done;
    int state;
    pthread_t maker;
    uint64_t run;
    enum err error;
};

void once_init(struct once *o);
void once_done(struct once *o); /* does not free the object */
/* Gives the one object (owned by the once). ERR_CANCELLED, ERR_DEADLINE from
 * `c` while waiting; the maker goes on. */
MUST_USE enum err once_get(struct once *o,
                           enum err (*make)(void *ctx, void **ret), void *ctx,
                           const struct cancel *c, void **ret);

#endif
