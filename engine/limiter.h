/*
 * limiter: how often something may happen. Token buckets, each kept as one
 * theoretical arrival time in integer nanoseconds: no clock of its own, no
 * fractions, nothing to refill.
 *
 * Several buckets are charged as a chain: all of them or none. A bucket whose
 * rate is 0 is off and lets everything through.
 *
 * Invariant: in any period a bucket grants at most rate + burst. Needs base/
 * only. Times are monotonic nanoseconds that the caller reads. Thread: any.
 * Lock: takes limiter.lock (RANK_PROVIDER) for a moment.
 */
#ifndef ENGINE_LIMITER_H
#define ENGINE_LIMITER_H

#include "base/clock.h"
#include "base/lock.h"
#include "base/problem.h"

struct bucket_options {
    uint32_t rate;     /* tokens a period; 0: off */
    uint32_t burst;    /* at once; 0: as the rate */
    int64_t period_ns; /* 0: a minute */
};

struct bucket {
    const char *name; /* borrowed */
    /* private, guarded by limiter.lock */
    int64_t interval_ns; /* between tokens; 0: off */
    int64_t slack_ns;    /* (burst - 1) intervals */
    int64_t arrival;     /* theoretical, of the next token */
    uint64_t granted, refused;
};

struct bucket_stats {
    const char *name;
    bool on;
    int64_t tokens; /* there now */
    uint64_t granted, refused;
};

/* One lock for the buckets that are charged together. */
struct limiter {
    struct lock lock;
};

void limiter_init(struct limiter *l);
void limiter_done(struct limiter *l);
void bucket_init(struct bucket *b, const char *name,
                 const struct bucket_options *o);

struct limiter_refusal {
    const struct bucket *by; /* the one that holds it up longest */
    int64_t wait_ns;         /* until it has a token */
};

/* Takes a token of each, now or, when all have one within `patience_ns`, one
 * that comes later: *ret_wait_ns is the time to let pass first (0: none). The
 * token is the caller's from now on, so who comes later gets a later one.
 * ERR_RATE_LIMITED: nothing was taken. */
MUST_USE enum err limiter_take(struct limiter *l, struct bucket *const *chain,
                               size_t count, int64_t now, int64_t patience_ns,
                               int64_t *ret_wait_ns,
                               struct limiter_refusal *reterr);
void limiter_stats(struct limiter *l, const struct bucket *b, int64_t now,
                   struct bucket_stats *ret);

/* "Rate limit for embed exceeded. Retry in 2.0s", with retry_after_ms;
 * returns ERR_RATE_LIMITED. arena */
enum err limiter_problem(const struct limiter_refusal *r, struct arena *a,
                         struct problem *ret);

#endif
