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

/* How calls ended. */
enum once_result {
    ONCE_MADE,
    ONCE_FAILED,
    ONCE_FAST,        /* the first look had it */
    ONCE_SECOND_LOOK, /* made by another between the two looks */
    ONCE_WAITED,      /* for another's make, whatever came of it */
    ONCE_RESULT_COUNT
};

struct once {
    const char *name; /* in the log and in metrics */
    /* private */
    _Atomic int state; /* DONE: release by the maker, acquire by readers */
    void *object;      /* written before DONE, never again */
    struct lock lock;  /* guards what follows */
    struct cond done;
    pthread_t maker;
    uint64_t run;      /* makes that have ended */
    enum err error;    /* of the last make that failed */
    /* Last, so that counting dirties no line that the first look reads. */
    _Atomic uint64_t results[ONCE_RESULT_COUNT];
};

struct once_stats {
    const char *name;
    uint64_t count[ONCE_RESULT_COUNT];
};

/* `name` is kept: a literal. */
void once_init(struct once *o, const char *name);
void once_done(struct once *o); /* does not free the object */
/* Gives the one object (owned by the once; NULL is a result like any other).
 * ERR_CANCELLED, ERR_DEADLINE from `c` while waiting; the maker goes on.
 * Lock: takes o->lock; holds none while it makes. */
MUST_USE enum err once_get(struct once *o,
                           enum err (*make)(void *ctx, void **ret), void *ctx,
                           const struct cancel *c, void **ret);
/* Counts of one moment. Thread: any */
void once_stats(const struct once *o, struct once_stats *ret);
/* "made", "failed", "fast", "second_look", "waited" */
const char *once_result_name(enum once_result r);

#endif
