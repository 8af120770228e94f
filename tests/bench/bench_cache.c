/*
 * What a hit costs beside what cannot be avoided: 1 000 UUID keys found in a
 * plain map without a lock (the floor), behind a mutex, behind a
 * reader-writer lock, and in the cache with its TTL, recency and counters.
 * With liburcu, in its lock-free table too. A hit's cost is the processor time
 * of its thread, which a busy neighbour does not lengthen and a contended cache
 * line does.
 *
 *   build/phasegate-tests --benchmark-only tests/bench/bench_cache.c
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/map.h"
#include "base/random.h"
#include "state/cache.h"
#include "state/cache_metrics.h"
#include "tests/bench/duel.h"
#include "tests/bench/urcu/urcu_table.h"
#include "tests/unit/engine_fixture.h"
#include "tests/unit/session_kit.h"
#include "engine/session.h"

enum { KEYS = 1000, ROUNDS = 15, HITS = 500000, THREADS_MOST = 8 };

static struct {
    char key[KEYS][UUID_SIZE];
    struct map map;
    struct st_cache *cache;
    struct urcu_table *urcu; /* with HAVE_URCU */
    pthread_mutex_t mutex;
    pthread_rwlock_t rwlock;
} b;

/* --- the contenders: n hits, from a place of the caller's own ----------------
 */

static struct slice key_at(int i)
{
    return (struct slice){b.key[i % KEYS], UUID_SIZE - 1};
}

static uintptr_t floor_hits(int from, int n)
{
    uintptr_t sum = 0;
    for (int i = from; i < from + n; i++)
        sum += (uintptr_t)map_get(&b.map, key_at(i));
    return sum;
}

static uintptr_t mutex_hits(int from, int n)
{
    uintptr_t sum = 0;
    for (int i = from; i < from + n; i++) {
        pthread_mutex_lock(&b.mutex);
        sum += (uintptr_t)map_get(&b.map, key_at(i));
        pthread_mutex_unlock(&b.mutex);
    }
    return sum;
}

static uintptr_t rwlock_hits(int from, int n)
{
    uintptr_t sum = 0;
    for (int i = from; i < from + n; i++) {
        pthread_rwlock_rdlock(&b.rwlock);
        sum += (uintptr_t)map_get(&b.map, key_at(i));
        pthread_rwlock_unlock(&b.rwlock);
    }
    return sum;
}

/* As a loop does it: one pin, one peek, one unpin per call; the coarse clock
 * is read once per wake-up, here every 64 calls. */
static uintptr_t cache_hits(int from, int n)
{
    uintptr_t sum = 0;
    int64_t now = 0;
    for (int i = from; i < from + n; i++) {
        if (i % 64 == 0 || !now) now = clock_coarse();
        st_cache_pin();
        sum += (uintptr_t)st_cache_peek(b.cache, key_at(i), now);
        st_cache_unpin();
    }
    return sum;
}

/* As a worker does it: with a counted reference. */
static uintptr_t get_hits(int from, int n)
{
    uintptr_t sum = 0;
    struct st_get how = {.now = clock_coarse()};
    for (int i = from; i < from + n; i++) {
        struct st_entry *e = NULL;
        if (st_cache_get(b.cache, key_at(i), &how, NULL, &e)) continue;
        sum += (uintptr_t)e;
        st_entry_unref(e);
    }
    return sum;
}

#ifdef HAVE_URCU
static uintptr_t urcu_hits(int from, int n)
{
    uintptr_t sum = 0;
    urcu_table_thread(true);
    for (int i = from; i < from + n; i++) {
        struct slice k = key_at(i);
        sum += (uintptr_t)urcu_table_get(b.urcu, k.p, k.n, map_hash(k));
    }
    urcu_table_thread(false);
    return sum;
}
#endif

typedef uintptr_t (*hits_fn)(int from, int n);

/* --- rounds ------------------------------------------------------------------
 */

struct round {
    hits_fn hits;
    int threads;
    pthread_barrier_t start;
    int64_t took[THREADS_MOST];
};

static int64_t cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static _Atomic uintptr_t sink;

struct runner {
    struct round *round;
    int i;
};

static void *round_thread(void *ctx)
{
    struct runner *me = ctx;
    stand_on(me->i); /* side by side, not one after the other */
    struct round *r = me->round;
    int from = me->i * 131;
    uintptr_t sum = r->hits(from, KEYS); /* warm */
    pthread_barrier_wait(&r->start);
    int64_t since = cpu_now();
    sum += r->hits(from, HITS);
    r->took[me->i] = cpu_now() - since;
    sink += sum;
    return NULL;
}

/* Processor nanoseconds per hit. */
static double run_round(hits_fn hits, int threads)
{
    struct round r = {.hits = hits, .threads = threads};
    struct runner who[THREADS_MOST];
    pthread_t t[THREADS_MOST];
    pthread_barrier_init(&r.start, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++) {
        who[i] = (struct runner){&r, i};
        CHECK_INT_EQ(pthread_create(&t[i], NULL, round_thread, &who[i]), 0);
    }
    int64_t took = 0;
    for (int i = 0; i < threads; i++) {
        pthread_join(t[i], NULL);
        took += r.took[i];
    }
    pthread_barrier_destroy(&r.start);
    return (double)took / ((double)HITS * threads);
}

struct contender {
    hits_fn hits;
    int threads;
    double calls; /* of which one is told, for each that a round makes */
};

static void contend(void *ctx, double *ret)
{
    const struct contender *c = ctx;
    ret[0] = run_round(c->hits, c->threads) * c->calls;
}

/* Processor time of `a` and beside it of `c`, which is the floor. */
static void compare(struct contender a, struct contender c, struct duel *ret)
{
    duel_run((struct side){contend, &a}, (struct side){contend, &c}, ROUNDS,
             ret);
}

static void one_thread(const char *name, hits_fn hits, enum bench_bar bar,
                       double limit)
{
    struct duel d;
    compare((struct contender){hits, 1, 1},
            (struct contender){floor_hits, 1, 1}, &d);
    duel_tell(&d, 0, name, "ns", bar, limit);
}

/* --- the set-up --------------------------------------------------------- */

static enum err load(void *ctx, struct slice key, const struct cancel *c,
                     struct st_loaded *ret)
{
    (void)ctx;
    (void)c;
    *ret = (struct st_loaded){.value = (void *)(uintptr_t)key.p, .bytes = 1};
    return OK;
}

static void set_up(void)
{
    struct st_cache_row row = {.name = "bench",
                               .entries_max = 10000,
                               .bytes_max = 64 << 20,
                               .ttl_ns = 3600 * NS_PER_S,
                               .load = load};
    CHECK_OK(st_cache_new(&row, &b.cache));
    pthread_mutex_init(&b.mutex, NULL);
    pthread_rwlock_init(&b.rwlock, NULL);
    for (int i = 0; i < KEYS; i++) {
        void *old;
        struct st_entry *e;
        random_uuid(b.key[i]);
        CHECK_OK(map_put(&b.map, key_at(i), b.key[i], &old));
        CHECK_OK(st_cache_get(b.cache, key_at(i), NULL, NULL, &e));
        st_entry_unref(e);
    }
#ifdef HAVE_URCU
    b.urcu = urcu_table_new();
    for (int i = 0; i < KEYS; i++)
        urcu_table_put(b.urcu, b.key[i], UUID_SIZE - 1, map_hash(key_at(i)));
#endif
}

BENCH(cache, hits_on_one_thread, .timeout_s = 120)
{
    (void)bench;
    set_up();
    one_thread("cache hit (peek), beside a map without a lock", cache_hits,
               BAR_MOST, 20);
    one_thread("cache hit with a reference (get)", get_hits, BAR_NONE, 0);
    one_thread("map behind a mutex", mutex_hits, BAR_NONE, 0);
    one_thread("map behind a reader-writer lock", rwlock_hits, BAR_NONE, 0);
#ifdef HAVE_URCU
    one_thread("liburcu's lock-free table", urcu_hits, BAR_NONE, 0);
#endif
}

/* How much more `threads` do than one on two processors: twice, less what a
 * hit costs more when others hit too. */
static void scaling(void *ctx, double *ret)
{
    const struct contender *c = ctx;
    double one = run_round(c->hits, 1);
    ret[0] = 2 * one / run_round(c->hits, c->threads);
}

static void scales(const char *name, struct contender c, enum bench_bar bar,
                   double limit)
{
    struct duel d;
    duel_run(
        (struct side){scaling, &c},
        (struct side){scaling, &(struct contender){floor_hits, c.threads, 1}},
        ROUNDS, &d);
    duel_tell(&d, 0, name, "x", bar, limit);
}

BENCH(cache, hits_on_two_and_eight_threads, .timeout_s = 240)
{
    (void)bench;
    set_up();
    scales("cache hit, two threads against one",
           (struct contender){cache_hits, 2, 1}, BAR_RATIO_LEAST, 0.95);
    scales("cache hit, eight threads against one",
           (struct contender){cache_hits, 8, 1}, BAR_LEAST, 1.7);
    scales("cache hit with a reference, two threads",
           (struct contender){get_hits, 2, 1}, BAR_NONE, 0);
    scales("map behind a mutex, two threads",
           (struct contender){mutex_hits, 2, 1}, BAR_NONE, 0);
    scales("map behind a reader-writer lock, two threads",
           (struct contender){rwlock_hits, 2, 1}, BAR_NONE, 0);
#ifdef HAVE_URCU
    scales("liburcu's lock-free table, two threads",
           (struct contender){urcu_hits, 2, 1}, BAR_NONE, 0);
#endif
}

/* --- a session that the shared commit counter vouches for ----------------- */

enum { SESSIONS = 64 };
static struct fixture engine;
static struct slice ids[SESSIONS];

static uintptr_t session_hits(int from, int n)
{
    uintptr_t sum = 0;
    int64_t now = clock_coarse();
    for (int i = from; i < from + n; i++) {
        st_cache_pin();
        sum +=
            (uintptr_t)eng__session_peek(engine.engine, ids[i % SESSIONS], now);
        st_cache_unpin();
    }
    return sum;
}

BENCH(cache, a_validated_session_hit, .timeout_s = 120)
{
    (void)bench;
    set_up();
    fixture_init(&engine, kit_workflows());
    for (int i = 0; i < SESSIONS; i++) {
        char target[16];
        snprintf(target, sizeof(target), "t%d", i);
        ids[i] = kit_begin(&engine, target);
    }
    st_cache_pin();
    CHECK(eng__session_peek(engine.engine, ids[0], clock_coarse()));
    st_cache_unpin();
    one_thread("session hit with the shared commit counter", session_hits,
               BAR_MOST, 30);
    fixture_done(&engine);
}

/* --- misses and counters ------------------------------------------------ */

enum { MISS_SHARE = 20, SNAPSHOT_SHARE = 100 };

static uintptr_t loader_alone(int from, int n)
{
    struct st_loaded got;
    uintptr_t sum = 0;
    for (int i = from; i < from + n / MISS_SHARE; i++) {
        if (load(NULL, key_at(i), NULL, &got)) continue;
        sum += (uintptr_t)got.value;
    }
    return sum;
}

static uintptr_t misses(int from, int n)
{
    uintptr_t sum = 0;
    for (int i = from; i < from + n / MISS_SHARE; i++) {
        struct st_entry *e = NULL;
        st_cache_invalidate(b.cache, key_at(i), ST_WRITE);
        if (st_cache_get(b.cache, key_at(i), NULL, NULL, &e)) continue;
        sum += (uintptr_t)e;
        st_entry_unref(e);
    }
    return sum;
}

BENCH(cache, a_miss_without_contention, .timeout_s = 120)
{
    struct duel d;
    (void)bench;
    set_up();
    compare((struct contender){misses, 1, MISS_SHARE},
            (struct contender){loader_alone, 1, MISS_SHARE}, &d);
    duel_tell(&d, 0, "a miss, beside its loader", "ns", BAR_MOST, 10000);
}

static struct st_cache_metrics *metrics;
static _Atomic uint64_t own_line[16];

static uintptr_t floor_adds(int from, int n)
{
    for (int i = from; i < from + n; i++)
        atomic_fetch_add_explicit(&own_line[0], 1, memory_order_relaxed);
    return 0;
}

static uintptr_t metric_adds(int from, int n)
{
    for (int i = from; i < from + n; i++)
        st_metrics_add(metrics, ST_METRIC_hits, 1);
    return 0;
}

static uintptr_t snapshots(int from, int n)
{
    struct st_cache_stats s = {0};
    for (int i = from; i < from + n / SNAPSHOT_SHARE; i++)
        st_metrics_snapshot(metrics, true, &s);
    return (uintptr_t)s.total;
}

BENCH(cache, counters, .timeout_s = 120)
{
    struct duel d;
    struct contender floor = {floor_adds, 1, 1};
    (void)bench;
    CHECK_OK(st_metrics_new(&metrics));
    compare((struct contender){metric_adds, 1, 1}, floor, &d);
    duel_tell(&d, 0, "counting a hit, beside an atomic add", "ns",
              BAR_RATIO_MOST, 1.5);
    compare((struct contender){snapshots, 1, SNAPSHOT_SHARE}, floor, &d);
    duel_tell(&d, 0, "a snapshot of the metrics", "ns", BAR_MOST, 1000);
}
