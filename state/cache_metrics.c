#include "state/cache_metrics.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/lock.h"
#include "state/epoch.h"

/* One stripe per thread slot up to STRIPES_OWN; the rest of the threads share
 * the last one. Only the owner writes its own stripe, so it adds with a plain
 * load and store; the shared stripe needs the read-modify-write. */
enum { STRIPES_OWN = 63, STRIPES = STRIPES_OWN + 1 };

struct stripe {
    _Alignas(ST_LINE) _Atomic uint64_t count[ST_METRIC_COUNT];
};

struct st_cache_metrics {
    struct stripe *stripe; /* aligned, inside `memory` */
    void *memory;
    _Atomic uint32_t stripes_used;  /* those from here on were never written */
    struct lock lock;               /* RANK_LEAF; guards base */
    uint64_t base[ST_METRIC_COUNT]; /* the sums at the last reset */
};

#define NAME(name, help) #name,
#define HELP(name, help) help,
static const char *const names[] = {ST_METRIC_ROWS(NAME)};
// NOLINTNEXTLINE(bugprone-suspicious-missing-comma): long rows, one each
static const char *const helps[] = {ST_METRIC_ROWS(HELP)};
static_assert(sizeof(names) / sizeof(names[0]) == ST_METRIC_COUNT, "a row");
static_assert(ST_METRIC_hits < ST_LINE / sizeof(uint64_t),
              "a hit writes the stripe's first line");

enum err st_metrics_new(struct st_cache_metrics **ret)
{
    struct st_cache_metrics *m = MEM_NEW(struct st_cache_metrics);
    if (!m) return ERR_NOMEM;
    m->memory = mem_zalloc(STRIPES * sizeof(struct stripe) + ST_LINE);
    if (!m->memory) {
        mem_free(m);
        return ERR_NOMEM;
    }
    uintptr_t at = (uintptr_t)m->memory;
    m->stripe = (struct stripe *)((at + ST_LINE - 1) / ST_LINE * ST_LINE);
    lock_init(&m->lock, "cache_metrics", RANK_LEAF);
    *ret = m;
    return OK;
}

void st_metrics_free(struct st_cache_metrics *m)
{
    if (!m) return;
    lock_done(&m->lock);
    mem_free(m->memory);
    mem_free(m);
}

/* Once per thread and cache. */
static void stripes_raise(struct st_cache_metrics *m, uint32_t used)
{
    uint32_t old = atomic_load_explicit(&m->stripes_used, memory_order_relaxed);
    /* Release pairs with sums()'s acquire. */
    while (old < used && !atomic_compare_exchange_weak_explicit(
                             &m->stripes_used, &old, used, memory_order_release,
                             memory_order_relaxed)) {
    }
}

void st_metrics_add(struct st_cache_metrics *m, enum st_metric which,
                    uint64_t n)
{
    uint32_t at = st__thread()->index;
    if (at > STRIPES_OWN) at = STRIPES_OWN;
    /* Relaxed: a statistic; the number never falls. */
    if (atomic_load_explicit(&m->stripes_used, memory_order_relaxed) <= at)
        stripes_raise(m, at + 1);
    _Atomic uint64_t *c = &m->stripe[at].count[which];
    /* Relaxed: counters order nothing; a slot's next owner sees the last
     * value through thread_exit and slot_take (epoch.c). */
    if (at < STRIPES_OWN)
        atomic_store_explicit(c,
                              atomic_load_explicit(c, memory_order_relaxed) + n,
                              memory_order_relaxed);
    else
        atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

/* Lock: needs m->lock, so that sums of different callers never fall. */
static void sums(const struct st_cache_metrics *m,
                 uint64_t sum[ST_METRIC_COUNT]) REQUIRES(m->lock)
{
    /* Acquire pairs with stripes_raise's release. */
    uint32_t used =
        atomic_load_explicit(&m->stripes_used, memory_order_acquire);
    for (int i = 0; i < ST_METRIC_COUNT; i++) sum[i] = 0;
    for (uint32_t s = 0; s < used; s++)
        for (int i = 0; i < ST_METRIC_COUNT; i++)
            sum[i] += atomic_load_explicit(&m->stripe[s].count[i],
                                           memory_order_relaxed);
}

static void derive(struct st_cache_stats *s)
{
    s->total = s->count[ST_METRIC_hits] + s->count[ST_METRIC_misses] +
               s->count[ST_METRIC_double_loads];
    s->hit_rate =
        s->total ? (double)s->count[ST_METRIC_hits] / (double)s->total : 0;
}

void st_metrics_snapshot(struct st_cache_metrics *m, bool since_start,
                         struct st_cache_stats *ret)
{
    lock_take(&m->lock);
    sums(m, ret->count);
    for (int i = 0; !since_start && i < ST_METRIC_COUNT; i++)
        ret->count[i] -= m->base[i];
    lock_drop(&m->lock);
    derive(ret);
}

void st_metrics_take(struct st_cache_metrics *m, struct st_cache_stats *ret)
{
    lock_take(&m->lock);
    sums(m, ret->count);
    for (int i = 0; i < ST_METRIC_COUNT; i++) {
        uint64_t now = ret->count[i];
        ret->count[i] -= m->base[i];
        m->base[i] = now;
    }
    lock_drop(&m->lock);
    derive(ret);
}

void st_metrics_reset(struct st_cache_metrics *m)
{
    struct st_cache_stats forgotten;
    st_metrics_take(m, &forgotten);
}

const char *st_metric_name(enum st_metric which)
{
    return names[which];
}

const char *st_metric_help(enum st_metric which)
{
    return helps[which];
}

void st_stats_write(const struct st_cache_stats *s, struct json_writer *w)
{
    const struct {
        const char *name;
        uint64_t value;
    } gauges[] = {{"entries", s->entries},
                  {"entries_max", s->entries_max},
                  {"bytes", s->bytes},
                  {"bytes_max", s->bytes_max},
                  {"value_bytes", s->value_bytes},
                  {"flights", s->flights},
                  {"waiting", s->waiting},
                  {"abandoned_loads", s->abandoned_loads}};
    json_begin_object(w);
    for (int i = 0; i < ST_METRIC_COUNT; i++)
        json_put_int(w, names[i], (int64_t)s->count[i]);
    json_put_int(w, "total", (int64_t)s->total);
    json_key(w, SLICE("hit_rate"));
    json_number(w, s->hit_rate);
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
        json_put_int(w, gauges[i].name, (int64_t)gauges[i].value);
    json_end_object(w);
}
