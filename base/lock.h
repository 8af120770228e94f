/*
 * lock: a mutex that knows its rank, and condition variables on the
 * monotonic clock. Clang's capability attributes are on the functions; debug
 * builds check the rank at each acquire and abort with both names.
 *
 * LOCK ORDER, outermost first: a thread that holds one may take only later
 * ones. No callback, loader, SQLite, I/O, log line or free of a value runs
 * while one is held.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum lock_rank {
    RANK_SESSION_QUEUE = 1, /* engine: the FIFO of one session's writes */
    RANK_ADMISSION,         /* engine: permit counters, waiting list, leases */
    RANK_COALESCE,          /* engine: flights of identical calls */
    RANK_ONCE,              /* base/once */
    RANK_CACHE_FLIGHT,      /* state/cache: flight table of a shard */
    RANK_CACHE,             /* state/cache: map, recency, accounting */
    RANK_PROVIDER,          /* engine: breaker, limiter */
    RANK_WATCH,             /* engine: directory watches */
    RANK_STORE,             /* state/store: connections, job list */
    RANK_PEER,              /* mcp: calls away, sessions, streams, tasks */
    RANK_QUEUE,             /* base/pool queue, a loop's mailbox */
    RANK_LEAF,              /* anything that takes no other lock */
    RANK_COUNT
};

#if defined(__clang__)
#define THREAD_ATTR(x) __attribute__((x))
#else
#define THREAD_ATTR(x)
#endif
#define CAPABILITY(name) THREAD_ATTR(capability(name))
#define ACQUIRE(...) THREAD_ATTR(acquire_capability(__VA_ARGS__))
#define RELEASE(...) THREAD_ATTR(release_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) THREAD_ATTR(try_acquire_capability(__VA_ARGS__))
#define REQUIRES(...) THREAD_ATTR(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) THREAD_ATTR(locks_excluded(__VA_ARGS__))
#define GUARDED_BY(x) THREAD_ATTR(guarded_by(x))
#define ASSERT_CAPABILITY(x) THREAD_ATTR(assert_capability(x))
#define NO_THREAD_ANALYSIS THREAD_ATTR(no_thread_safety_analysis)

struct CAPABILITY("mutex") lock {
    pthread_mutex_t mutex;
    /* private */
    const char *name;
    enum lock_rank rank;
};

struct cond {
    pthread_cond_t cond; /* on CLOCK_MONOTONIC */
};

void lock_init(struct lock *l, const char *name, enum lock_rank rank);
void lock_done(struct lock *l);
void lock_take(struct lock *l) ACQUIRE(*l);
/* False: somebody holds it. Ranks are not checked. */
bool lock_try(struct lock *l) TRY_ACQUIRE(true, *l);
void lock_drop(struct lock *l) RELEASE(*l);
/* Debug builds abort when the caller does not hold it. They ask a list of the
 * thread's own, so the question is no race of its own. */
void lock_assert_held(const struct lock *l) ASSERT_CAPABILITY(*l);
/* Debug builds abort when the caller holds any lock: stands before calls
 * out (loaders, SQLite, callbacks). */
void lock_assert_none(void);

void cond_init(struct cond *c);
void cond_done(struct cond *c);
/* While it waits, the caller holds no other lock (debug builds abort). */
void cond_wait(struct cond *c, struct lock *l) REQUIRES(*l);
/* As cond_wait. False: `deadline_ns` (monotonic; INT64_MAX: for ever) has passed. Spurious
 * wake-ups happen; test the condition in a loop. On a stopped clock
 * (clock_fake) it looks again every millisecond. */
bool cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_ns)
    REQUIRES(*l);
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);

#endif
