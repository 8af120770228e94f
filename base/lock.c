#include "base/lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#ifdef PHASEGATE_DEBUG

/* What the thread holds, in the order taken. A list per thread answers every
 * question about "the caller" without reading what another thread writes. */
enum { HELD_MOST = 16 };
static _Thread_local const struct lock *held[HELD_MOST];
static _Thread_local int held_count;

_Noreturn static void complain(const char *what, const struct lock *l,
                               const struct lock *other)
{
    char line[256];
    int n =
        snprintf(line, sizeof(line), "lock: '%s' (rank %d) %s '%s' (rank %d)\n",
                 l ? l->name : "none", l ? (int)l->rank : 0, what,
                 other ? other->name : "none", other ? (int)other->rank : 0);
    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0) abort();
    abort();
}

static int held_at(const struct lock *l)
{
    for (int i = held_count - 1; i >= 0; i--)
        if (held[i] == l) return i;
    return -1;
}

/* Before the mutex is touched: a wrong order is reported instead of hanging. */
static void held_check(const struct lock *l)
{
    for (int i = 0; i < held_count; i++)
        if (held[i]->rank >= l->rank)
            complain("taken by a thread that holds", l, held[i]);
}

static void held_push(const struct lock *l)
{
    if (held_count == HELD_MOST)
        complain("is one lock too many after", l, held[held_count - 1]);
    held[held_count++] = l;
}

static void held_pop(const struct lock *l)
{
    int at = held_at(l);
    if (at < 0)
        complain("dropped by a thread that does not hold it; it holds", l,
                 held_count ? held[held_count - 1] : NULL);
    for (held_count--; at < held_count; at++) held[at] = held[at + 1];
}

static void held_only(const struct lock *l)
{
    if (held_at(l) < 0)
        complain("waited with by a thread that does not hold it; it holds", l,
                 held_count ? held[held_count - 1] : NULL);
    for (int i = 0; i < held_count; i++)
        if (held[i] != l)
            complain("waited with by a thread that holds", l, held[i]);
}

void lock_assert_held(const struct lock *l) NO_THREAD_ANALYSIS
{
    if (held_at(l) < 0)
        complain("is needed here; the thread holds", l,
                 held_count ? held[held_count - 1] : NULL);
}

void lock_assert_none(void)
{
    if (held_count)
        complain("is held where no lock may be; so is", held[0],
                 held[held_count - 1]);
}

#else

static void held_check(const struct lock *l)
{
    (void)l;
}
static void held_push(const struct lock *l)
{
    (void)l;
}
static void held_pop(const struct lock *l)
{
    (void)l;
}
static void held_only(const struct lock *l)
{
    (void)l;
}

void lock_assert_held(const struct lock *l) NO_THREAD_ANALYSIS
{
    (void)l;
}

void lock_assert_none(void)
{
}

#endif

void lock_init(struct lock *l, const char *name, enum lock_rank rank)
{
    pthread_mutex_init(&l->mutex, NULL);
    l->name = name;
    l->rank = rank;
}

void lock_done(struct lock *l)
{
    pthread_mutex_destroy(&l->mutex);
}

void lock_take(struct lock *l) NO_THREAD_ANALYSIS
{
    held_check(l);
    pthread_mutex_lock(&l->mutex);
    held_push(l);
}

bool lock_try(struct lock *l) NO_THREAD_ANALYSIS
{
    if (pthread_mutex_trylock(&l->mutex) != 0) return false;
    held_push(l);
    return true;
}

void lock_drop(struct lock *l) NO_THREAD_ANALYSIS
{
    held_pop(l);
    pthread_mutex_unlock(&l->mutex);
}

void cond_init(struct cond *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->cond, &attr);
    pthread_condattr_destroy(&attr);
}

void cond_done(struct cond *c)
{
    pthread_cond_destroy(&c->cond);
}

void cond_wait(struct cond *c, struct lock *l) NO_THREAD_ANALYSIS
{
    held_only(l);
    pthread_cond_wait(&c->cond, &l->mutex);
}

/* A stopped clock wakes nobody when it is advanced, so waits are cut short by
 * the real one and the caller's loop looks again. */
static struct timespec wait_limit(int64_t deadline_ns)
{
    struct timespec t;
    if (!clock_is_fake())
        return (struct timespec){deadline_ns / NS_PER_S,
                                 deadline_ns % NS_PER_S};
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += NS_PER_MS;
    t.tv_sec += t.tv_nsec / NS_PER_S;
    t.tv_nsec %= NS_PER_S;
    return t;
}

bool cond_wait_until(struct cond *c, struct lock *l,
                     int64_t deadline_ns) NO_THREAD_ANALYSIS
{
    held_only(l);
    if (deadline_ns == INT64_MAX) {
        pthread_cond_wait(&c->cond, &l->mutex);
        return true;
    }
    if (clock_now() >= deadline_ns) return false;
    struct timespec until = wait_limit(deadline_ns);
    pthread_cond_timedwait(&c->cond, &l->mutex, &until);
    return clock_now() < deadline_ns;
}

void cond_signal(struct cond *c)
{
    pthread_cond_signal(&c->cond);
}

void cond_broadcast(struct cond *c)
{
    pthread_cond_broadcast(&c->cond);
}
