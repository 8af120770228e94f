#include "state/cache_window.h"

#include "base/clock.h"

static const struct {
    const char *name;
    bool degrades;
} reasons[] = {
#define REASON_ROW(symbol, name, degrades) {name, degrades},
    ST_REASON_ROWS(REASON_ROW)
#undef REASON_ROW
};

/* The sums over the window. */
struct span {
    uint64_t total, hits, double_loads, lock_waits;
};

static struct span window_push(struct st_cache_window *w, int64_t now,
                               const struct st_cache_stats *s)
{
    const uint32_t room = ST_WINDOW_MINUTES + 1;
    uint32_t at = w->ticks ? (w->newest + 1) % room : 0;
    w->tick[at].at = now;
    w->tick[at].total = s->total;
    w->tick[at].hits = s->count[ST_METRIC_hits];
    w->tick[at].double_loads = s->count[ST_METRIC_double_loads];
    w->tick[at].lock_waits = s->count[ST_METRIC_lock_waits];
    w->newest = at;
    if (w->ticks < room) w->ticks++;
    /* The oldest tick that is no older than the window. Ticks that came late
     * make the window shorter, never longer. */
    uint32_t old = (at + room - (w->ticks - 1)) % room;
    while (now - w->tick[old].at > ST_WINDOW_MINUTES * 60 * NS_PER_S)
        old = (old + 1) % room;
    return (struct span){s->total - w->tick[old].total,
                         w->tick[at].hits - w->tick[old].hits,
                         w->tick[at].double_loads - w->tick[old].double_loads,
                         w->tick[at].lock_waits - w->tick[old].lock_waits};
}

static uint64_t percent(uint64_t part, uint64_t total)
{
    return total ? 100 * part / total : 0;
}

static void reason_set(struct st_cache_window *w, enum st_reason_kind kind,
                       bool holds, uint64_t value, int64_t now)
{
    w->value[kind] = value;
    if (!holds)
        w->since[kind] = 0;
    else if (!w->since[kind])
        w->since[kind] = now ? now : 1;
}

void st_window_tick(struct st_cache_window *w, int64_t now,
                    const struct st_cache_stats *since_start,
                    const struct st_alerts *alerts)
{
    struct span s = window_push(w, now, since_start);
    bool enough = s.total >= alerts->min_lookups;
    uint64_t runs = since_start->count[ST_METRIC_duplicate_runs];
    bool high = s.double_loads > ST_DOUBLE_LOADS_HIGH;
    reason_set(w, ST_REASON_DOUBLE_LOADS,
               !high && s.double_loads > alerts->double_loads_per_hour,
               s.double_loads, now);
    reason_set(w, ST_REASON_DOUBLE_LOADS_HIGH, high, s.double_loads, now);
    reason_set(w, ST_REASON_LOCK_WAITS,
               enough &&
                   100 * s.lock_waits > alerts->lock_wait_percent * s.total,
               percent(s.lock_waits, s.total), now);
    reason_set(w, ST_REASON_HIT_RATE,
               enough && 100 * s.hits < alerts->hit_rate_min_percent * s.total,
               percent(s.hits, s.total), now);
    reason_set(w, ST_REASON_DUPLICATE_RUNS, runs > 0, runs, now);
}

const char *st_reason_name(enum st_reason_kind kind)
{
    return reasons[kind].name;
}

bool st_reason_degrades(enum st_reason_kind kind)
{
    return reasons[kind].degrades;
}

uint64_t st_reason_threshold(enum st_reason_kind kind,
                             const struct st_alerts *alerts)
{
    const uint64_t by_kind[ST_REASON_COUNT] = {
        [ST_REASON_DOUBLE_LOADS] = alerts->double_loads_per_hour,
        [ST_REASON_DOUBLE_LOADS_HIGH] = ST_DOUBLE_LOADS_HIGH,
        [ST_REASON_LOCK_WAITS] = alerts->lock_wait_percent,
        [ST_REASON_HIT_RATE] = alerts->hit_rate_min_percent,
        [ST_REASON_DUPLICATE_RUNS] = 0};
    return by_kind[kind];
}
