/*
 * What a hit costs beside what cannot be avoided: 1 000 UUID keys found in a
 * plain map without a lock (the floor), behind a mutex, behind a
 * reader-writer lock, and in the cache with its TTL, recency and counters.
 * One JSON line per row. Rounds alternate A B B A and figures are medians of
 * ratios, because machines are shared; for the same reason a hit's cost is
 * the processor time of its thread, which a busy neighbour does not lengthen
 * and a contended cache line does. Bars are printed with what was measured.
 *
 *   build/phasegate-tests -s tests/bench/bench_cache.c
 */
#include <pthread.h>
#include <sched.h>
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
#include "tests/runner/test.h"

enum { KEYS = 1000, ROUNDS = 15, HITS = 500000, THREADS_MOST = 8 };

static struct {
    char key[KEYS][UUID_SIZE];
    struct map map;
    struct st_cache *cache;
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

/* Threads side by side, not one after the other on one processor. */
static void stand_apart(int i)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)(i % (int)sysconf(_SC_NPROCESSORS_ONLN)), &one);
    sched_setaffinity(0, sizeof(one), &one);
}

static void *round_thread(void *ctx)
{
    struct runner *me = ctx;
    stand_apart(me->i);
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

static int by_size(const void *a, const void *c)
{
    double x = *(const double *)a, y = *(const double *)c;
    return (x > y) - (x < y);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof(*v), by_size);
    return v[n / 2];
}

struct pair {
    double a, b, ratio, least, most; /* ns per hit; b / a */
};

static struct pair compare(hits_fn a, int a_threads, hits_fn c, int c_threads)
{
    double va[ROUNDS], vc[ROUNDS], ratio[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        bool swap = i % 2;
        if (swap) vc[i] = run_round(c, c_threads);
        va[i] = run_round(a, a_threads);
        if (!swap) vc[i] = run_round(c, c_threads);
        ratio[i] = vc[i] / va[i];
    }
    struct pair p = {.ratio = median(ratio, ROUNDS)};
    p.least = ratio[0];
    p.most = ratio[ROUNDS - 1];
    p.a = median(va, ROUNDS);
    p.b = median(vc, ROUNDS);
    return p;
}

static struct pair report(const char *name, struct pair p)
{
    printf("{\"bench\":\"%s\",\"floor_ns\":%.1f,\"ns\":%.1f,"
           "\"ratio\":%.3f,\"least\":%.3f,\"most\":%.3f,\"rounds\":%d}\n",
           name, p.a, p.b, p.ratio, p.least, p.most, ROUNDS);
    return p;
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
}

static void bar(const char *name, double value, double most)
{
    printf("{\"bar\":\"%s\",\"value\":%.3f,\"most\":%.3f,\"held\":%s}\n", name,
           value, most, value <= most ? "true" : "false");
}

TEST(bench_cache, hits_on_one_thread, .timeout_s = 120)
{
    set_up();
    struct pair p = report("hit", compare(floor_hits, 1, cache_hits, 1));
    bar("hit_ns", p.b, 20);
    report("hit_mutex", compare(floor_hits, 1, mutex_hits, 1));
    report("hit_rwlock", compare(floor_hits, 1, rwlock_hits, 1));
    report("hit_get", compare(floor_hits, 1, get_hits, 1));
}

/* How much more `threads` do than one on two processors: twice, less what a
 * hit costs more when others hit too. */
static double scaling(const char *name, hits_fn hits, int threads)
{
    struct pair p = compare(hits, 1, hits, threads);
    printf("{\"bench\":\"%s_x%d\",\"scaling\":%.3f,\"least\":%.3f,"
           "\"most\":%.3f}\n",
           name, threads, 2 / p.ratio, 2 / p.most, 2 / p.least);
    return 2 / p.ratio;
}

TEST(bench_cache, hits_on_two_and_eight_threads, .timeout_s = 240)
{
    set_up();
    double floor = scaling("floor", floor_hits, 2);
    double ours = scaling("hit", cache_hits, 2);
    bar("floor_scaling_over_ours", floor / ours, 1 / 0.95);
    scaling("hit_mutex", mutex_hits, 2);
    scaling("hit_rwlock", rwlock_hits, 2);
    scaling("hit_get", get_hits, 2);
    bar("1.7_over_ours_x8", 1.7 / scaling("hit", cache_hits, 8), 1);
}

/* --- misses and counters ------------------------------------------------ */

static uintptr_t loader_alone(int from, int n)
{
    struct st_loaded got;
    uintptr_t sum = 0;
    for (int i = from; i < from + n / 20; i++) {
        if (load(NULL, key_at(i), NULL, &got)) continue;
        sum += (uintptr_t)got.value;
    }
    return sum;
}

static uintptr_t misses(int from, int n)
{
    uintptr_t sum = 0;
    for (int i = from; i < from + n / 20; i++) {
        struct st_entry *e = NULL;
        st_cache_invalidate(b.cache, key_at(i), ST_WRITE);
        if (st_cache_get(b.cache, key_at(i), NULL, NULL, &e)) continue;
        sum += (uintptr_t)e;
        st_entry_unref(e);
    }
    return sum;
}

TEST(bench_cache, a_miss_without_contention, .timeout_s = 120)
{
    set_up();
    struct pair p = report("miss_x20", compare(loader_alone, 1, misses, 1));
    bar("miss_over_loader_ns", 20 * (p.b - p.a), 10000);
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
    for (int i = from; i < from + n / 100; i++)
        st_metrics_snapshot(metrics, true, &s);
    return (uintptr_t)s.total;
}

TEST(bench_cache, counters, .timeout_s = 120)
{
    CHECK_OK(st_metrics_new(&metrics));
    struct pair p =
        report("record_hit", compare(floor_adds, 1, metric_adds, 1));
    bar("record_hit_ratio", p.ratio, 1.5);
    p = report("snapshot_x100", compare(floor_adds, 1, snapshots, 1));
    bar("snapshot_ns", 100 * p.b, 1000);
}
