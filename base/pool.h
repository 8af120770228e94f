/*
 * pool: worker threads, started on demand up to a limit, over one bounded
 * queue. Full is ERR_OVER_CAPACITY, never unbounded memory.
 *
 * A job is embedded in the caller's own object and belongs to the pool from
 * a successful submit until its run() is called or a cancel took it out.
 * run() is called exactly once, on a worker, with no lock held; it may
 * submit again, and after it returns the pool does not touch the job.
 *
 * Threads are named worker-0.. and start with all signals blocked.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/err.h"

struct pool;

struct pool_job {
    void (*run)(struct pool_job *job); /* Thread: worker */
    /* private */
    struct pool_job *next, *prev;
    int64_t since; /* queued */
    bool queued;
};

struct pool_stats {
    uint32_t threads, busy, queued;
    uint32_t queue_max;
    uint64_t done, refused;
    int64_t wait_ns;   /* spent in the queue, by all that have left it */
    int64_t oldest_ns; /* the first in the queue has waited; 0: it is empty */
};

MUST_USE enum err pool_new(const char *name, uint32_t threads_max,
                           uint32_t queue_max, struct pool **ret);
/* Thread: any. Lock: takes the queue's. */
MUST_USE enum err pool_submit(struct pool *p, struct pool_job *job);
/* True: it was still queued, is out now and will not run. */
bool pool_cancel(struct pool *p, struct pool_job *job);
void pool_stats(struct pool *p, struct pool_stats *ret);
/* Nothing is queued, and there is a thread for what comes next: who waits now
 * keeps nobody waiting. Thread: worker. Lock: takes the queue's. */
bool pool_at_leisure(struct pool *p);
/* Runs what is queued, then joins the threads. Submits fail with ERR_CLOSED
 * from the call on. Thread: main */
void pool_stop(struct pool *p);
void pool_free(struct pool *p); /* stops first; NULL is fine */

#endif
