/*
 * cache_metrics: exact counts of what a cache does, cheap enough to stay on.
 *
 * Counters are striped: a thread adds with relaxed order to its own stripe of
 * 64-byte lines, a snapshot sums them. No lock, no line shared by all threads
 * on the hit path. The counters are rows of one table, which prints
 * get_server_info, /health, /metrics and the dashboard alike.
 *
 * A lookup ends in exactly one class: hits (first look), double_loads (given
 * without loading: second look or another's flight), misses (everything
 * else). total = hits + misses + double_loads. `double_loads` counts races
 * PREVENTED; loaders that really ran twice count in duplicate_runs, which
 * must stay 0. Thread: any.
 */
#ifndef STATE_CACHE_METRICS_H
#define STATE_CACHE_METRICS_H

#include "base/err.h"
#include "base/json_write.h"

/* X(name, help): the Prometheus family is phasegate_cache_<name>_total. */
#define ST_METRIC_ROWS(X)                                                      \
    X(hits, "lookups answered at the first look")                              \
    X(misses, "lookups that loaded, or ended without a value")                 \
    X(double_loads, "lookups given without loading: a race prevented")         \
    X(lock_waits, "lookups that waited for a lock or a flight")                \
    X(waiters, "lookups that joined another's flight")                         \
    X(wait_ns, "nanoseconds slept in lookups")                                 \
    X(loads, "loader runs ended")                                              \
    X(load_failures, "loader runs that failed, not-found excepted")            \
    X(loads_not_found, "loader runs that found nothing")                       \
    X(load_ns, "nanoseconds spent in loaders")                                 \
    X(stale_served, "lookups given a stale value")                             \
    X(negative_hits, "hits on negative entries")                               \
    X(evictions_entries, "entries removed for the entry ceiling")              \
    X(evictions_bytes, "entries removed for the byte ceiling")                 \
    X(expirations, "entries seen expired, once each")                          \
    X(invalidations_change, "entries invalidated by a changed file")           \
    X(invalidations_write, "entries invalidated by a write")                   \
    X(invalidations_manual, "entries invalidated by an operator")              \
    X(invalidations_clear, "entries cleared")                                  \
    X(takeovers, "flights taken over by a waiter")                             \
    X(late_loads, "results of abandoned loaders, dropped")                     \
    X(discarded_loads, "results older than a publish or invalidation")         \
    X(oversize, "values over the byte ceiling, given but not kept")            \
    X(refresh_skipped, "background refreshes without a free worker")           \
    X(revalidations, "entries found valid by a check")                         \
    X(duplicate_runs, "loaders of one key that ran at the same time: a "       \
                      "defect")

enum st_metric {
#define ST_METRIC_ENUM(name, help) ST_METRIC_##name,
    ST_METRIC_ROWS(ST_METRIC_ENUM)
#undef ST_METRIC_ENUM
        ST_METRIC_COUNT
};

struct st_cache_stats {
    uint64_t count[ST_METRIC_COUNT];
    uint64_t total;  /* hits + misses + double_loads of this sum */
    double hit_rate; /* hits / total, 0 when total is 0; display only */
    uint64_t entries, bytes, value_bytes, flights, waiting, abandoned_loads;
    uint64_t entries_max, bytes_max;
};

struct st_cache_metrics;

MUST_USE enum err st_metrics_new(struct st_cache_metrics **ret);
void st_metrics_free(struct st_cache_metrics *m);
void st_metrics_add(struct st_cache_metrics *m, enum st_metric which,
                    uint64_t n);
/* Only counters, total and hit_rate are filled. Less the baseline of the
 * last reset unless `since_start`. */
void st_metrics_snapshot(struct st_cache_metrics *m, bool since_start,
                         struct st_cache_stats *ret);
/* Later snapshots count from here; nothing recorded meanwhile is lost. */
void st_metrics_reset(struct st_cache_metrics *m);
/* The snapshot since the last reset and that reset in one step: what each
 * gives adds up to everything recorded. */
void st_metrics_take(struct st_cache_metrics *m, struct st_cache_stats *ret);
const char *st_metric_name(enum st_metric which);
const char *st_metric_help(enum st_metric which);
/* {"hits":..,"misses":..,...,"total":..,"hit_rate":0.9,"entries":..} */
void st_stats_write(const struct st_cache_stats *s, struct json_writer *w);

#endif
