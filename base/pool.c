/*
 * One lock, one condition, one list. A thread is idle (waiting, or about to
 * look) or busy; a job in the list that no idle thread will take makes one
 * more start, up to the limit. The first thread is started with the pool, so
 * that a system out of threads slows the pool down and never strands it.
 *
 * One thread at a time is on its way to the list, woken or started; whoever
 * comes takes a job, and calls the next one if more are there. A burst of
 * short jobs so costs as many threads as it needs, not as many as it has jobs;
 * and a job that blocks holds up nobody, since the next was called before it.
 */
#include "base/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"

struct worker {
    struct pool *pool;
    uint32_t index;
    pthread_t thread;
};

struct pool {
    const char *name;
    uint32_t threads_max, queue_max;

    struct lock lock; /* guards what follows */
    struct cond work; /* a job came, or the pool closes */
    struct pool_job *first, *last;
    struct pool_stats stats; /* threads = idle + busy */
    uint32_t idle, waiting;  /* waiting: those of idle that must be woken */
    bool coming;             /* one was woken or started, and is not here yet */
    bool closed;
    bool joined; /* Thread: main */

    struct worker workers[];
};

static void do_link(struct pool *p, struct pool_job *job) REQUIRES(p->lock)
{
    job->next = NULL;
    job->prev = p->last;
    *(p->last ? &p->last->next : &p->first) = job;
    p->last = job;
    job->queued = true;
    job->since = clock_now();
    p->stats.queued++;
}

static void do_unlink(struct pool *p, struct pool_job *job) REQUIRES(p->lock)
{
    *(job->prev ? &job->prev->next : &p->first) = job->next;
    *(job->next ? &job->next->prev : &p->last) = job->prev;
    job->next = job->prev = NULL;
    job->queued = false;
    p->stats.queued--;
    p->stats.wait_ns += clock_now() - job->since;
}

static void *worker_main(void *arg);

/* pthread_create under the lock: threads_max times in the life of a pool, and
 * so stop() always sees every thread there is. Signals are for main. */
static void do_start_thread(struct pool *p) REQUIRES(p->lock)
{
    struct worker *w = &p->workers[p->stats.threads];
    *w = (struct worker){.pool = p, .index = p->stats.threads};
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&w->thread, NULL, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) return; /* those that run will get to it */
    p->stats.threads++;
    p->idle++;
    p->coming = true;
}

/* Sees to it that somebody comes for the list. True: one that waits is to be
 * woken, with the lock dropped; it would wake up only to wait for it. */
static bool do_call(struct pool *p) REQUIRES(p->lock)
{
    if (!p->first || p->coming) return false;
    if (p->waiting) return p->coming = true;
    bool more = p->stats.queued > p->idle && p->stats.threads < p->threads_max;
    if (more && !p->closed) do_start_thread(p);
    return false;
}

/* The next job, or NULL when the pool is closed and empty. */
static struct pool_job *do_next(struct pool *p) REQUIRES(p->lock)
{
    while (!p->first && !p->closed) {
        p->waiting++;
        cond_wait(&p->work, &p->lock);
        p->waiting--;
        p->coming = false;
    }
    struct pool_job *job = p->first;
    if (job) do_unlink(p, job);
    return job;
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct pool *p = w->pool;
    char name[16];
    snprintf(name, sizeof(name), "%.9s-%u", p->name, w->index);
    log_thread_name(name);

    lock_take(&p->lock);
    p->coming = false;
    for (struct pool_job *job; (job = do_next(p));) {
        p->idle--;
        p->stats.busy++;
        bool wake = do_call(p);
        lock_drop(&p->lock);
        if (wake) cond_signal(&p->work);
        job->run(job); /* the job may be gone now */
        lock_assert_none();
        lock_take(&p->lock);
        p->stats.busy--;
        p->stats.done++;
        p->idle++;
    }
    lock_drop(&p->lock);
    return NULL;
}

enum err pool_new(const char *name, uint32_t threads_max, uint32_t queue_max,
                  struct pool **ret)
{
    if (threads_max == 0) return ERR_INVALID;
    struct pool *p =
        mem_zalloc(sizeof(*p) + (size_t)threads_max * sizeof(struct worker));
    if (!p) return ERR_NOMEM;
    p->name = name;
    p->threads_max = threads_max;
    p->queue_max = queue_max;
    lock_init(&p->lock, "pool", RANK_QUEUE);
    cond_init(&p->work);
    lock_take(&p->lock);
    do_start_thread(p);
    uint32_t threads = p->stats.threads;
    lock_drop(&p->lock);
    if (threads == 0) {
        pool_free(p);
        return ERR_UNAVAILABLE;
    }
    *ret = p;
    return OK;
}

/* A place on a thread counts, whether or not the thread runs yet: what fits
 * depends on what is unfinished, not on who is quicker. */
static enum err do_admit(const struct pool *p) REQUIRES(p->lock)
{
    if (p->closed) return ERR_CLOSED;
    uint64_t most = (uint64_t)p->threads_max + p->queue_max;
    uint64_t unfinished = (uint64_t)p->stats.busy + p->stats.queued;
    return unfinished < most ? OK : ERR_OVER_CAPACITY;
}

enum err pool_submit(struct pool *p, struct pool_job *job)
{
    bool wake = false;
    lock_take(&p->lock);
    enum err e = do_admit(p);
    if (!e) {
        do_link(p, job);
        wake = do_call(p);
    } else {
        p->stats.refused++;
    }
    lock_drop(&p->lock);
    if (wake) cond_signal(&p->work);
    return e;
}

bool pool_cancel(struct pool *p, struct pool_job *job)
{
    lock_take(&p->lock);
    bool queued = job->queued;
    if (queued) do_unlink(p, job);
    lock_drop(&p->lock);
    return queued;
}

void pool_stats(struct pool *p, struct pool_stats *ret)
{
    lock_take(&p->lock);
    *ret = p->stats;
    ret->queue_max = p->queue_max;
    if (p->first) ret->oldest_ns = clock_now() - p->first->since;
    lock_drop(&p->lock);
}

bool pool_at_leisure(struct pool *p)
{
    lock_take(&p->lock);
    bool leisure = !p->first && p->stats.busy < p->threads_max;
    lock_drop(&p->lock);
    return leisure;
}

void pool_stop(struct pool *p)
{
    lock_take(&p->lock);
    p->closed = true;
    cond_broadcast(&p->work);
    uint32_t threads = p->stats.threads; /* final: closed pools start none */
    lock_drop(&p->lock);
    if (p->joined) return;
    p->joined = true;
    for (uint32_t i = 0; i < threads; i++)
        pthread_join(p->workers[i].thread, NULL);
}

void pool_free(struct pool *p)
{
    if (!p) return;
    pool_stop(p);
    cond_done(&p->work);
    lock_done(&p->lock);
    mem_free(p);
}
