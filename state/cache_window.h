/*
 * cache_window: what a cache did in the last hour, and whether that is worth
 * a line in the health document. The keeper ticks it once a minute with the
 * counters since the start; the window is what has passed, 60 minutes at most.
 *
 * Integers only; every comparison is strict: exactly at a threshold raises
 * nothing. A notice is listed and warned of; only a defect degrades.
 * Thread: keeper. No lock.
 */
#ifndef STATE_CACHE_WINDOW_H
#define STATE_CACHE_WINDOW_H

#include "state/cache_metrics.h"

/* X(symbol, name, degrades) */
#define ST_REASON_ROWS(X)                                                      \
    X(DOUBLE_LOADS, "cache_double_loads", false)                               \
    X(DOUBLE_LOADS_HIGH, "cache_double_loads_high", false)                     \
    X(LOCK_WAITS, "cache_lock_waits", false)                                   \
    X(HIT_RATE, "cache_hit_rate", false)                                       \
    X(DUPLICATE_RUNS, "cache_duplicate_runs", true)

enum st_reason_kind {
#define ST_REASON_ENUM(symbol, name, degrades) ST_REASON_##symbol,
    ST_REASON_ROWS(ST_REASON_ENUM)
#undef ST_REASON_ENUM
        ST_REASON_COUNT
};

/* Options alerts.*; ST_ALERTS_DEFAULT are theirs. */
struct st_alerts {
    uint64_t double_loads_per_hour;
    uint64_t lock_wait_percent;
    uint64_t hit_rate_min_percent; /* 0: off */
    uint64_t min_lookups;
};
#define ST_ALERTS_DEFAULT ((struct st_alerts){10, 5, 90, 100})
enum { ST_DOUBLE_LOADS_HIGH = 100 };

enum { ST_WINDOW_MINUTES = 60 };
struct st_cache_window {
    int64_t since[ST_REASON_COUNT];  /* first tick it held; 0: does not hold */
    uint64_t value[ST_REASON_COUNT]; /* count in the window, or percent */
    /* private */
    struct {
        int64_t at;
        uint64_t total, hits, double_loads, lock_waits;
    } tick[ST_WINDOW_MINUTES + 1];
    uint32_t newest, ticks;
};

/* Zero is an empty window whose start is the first tick's. Takes counters
 * since the start (st_metrics_snapshot with since_start), so that a reset
 * shows nowhere here. */
void st_window_tick(struct st_cache_window *w, int64_t now,
                    const struct st_cache_stats *since_start,
                    const struct st_alerts *alerts);
const char *st_reason_name(enum st_reason_kind kind);
bool st_reason_degrades(enum st_reason_kind kind);
/* What `value` is measured against. */
uint64_t st_reason_threshold(enum st_reason_kind kind,
                             const struct st_alerts *alerts);

#endif
