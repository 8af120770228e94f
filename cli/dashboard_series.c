/* The numbers behind the page's charts: what was counted in each period, kept
 * for ten minutes. Thread: whoever holds the dashboard's lock. */
#include "base/clock.h"
#include "cli/dashboard.h"

static const enum st_metric counted[4] = {ST_METRIC_hits, ST_METRIC_misses,
                                          ST_METRIC_double_loads,
                                          ST_METRIC_lock_waits};

static uint32_t clip(uint64_t n)
{
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

/* A counter that was reset begins again. */
static uint32_t grown(uint64_t now, uint64_t *seen)
{
    uint64_t by = now >= *seen ? now - *seen : now;
    *seen = now;
    return clip(by);
}

static void count_caches(struct cli_series *s, const struct eng_facts *f,
                         struct cli_sample *to)
{
    uint64_t wait_ns = 0;
    for (size_t i = 0; i < f->caches_count && i < CLI_SERIES_CACHES; i++) {
        const struct st_cache_stats *c = &f->caches[i].stats;
        for (int k = 0; k < 4; k++)
            to->caches[i].count[k] =
                grown(c->count[counted[k]], &s->seen[i][k]);
        wait_ns += c->count[ST_METRIC_wait_ns];
    }
    uint64_t before = s->seen_wait_ns;
    s->seen_wait_ns = wait_ns;
    to->wait_us = clip((wait_ns >= before ? wait_ns - before : 0) / 1000);
}

static uint32_t lag_of(const struct cli_facts *f)
{
    int64_t most = 0;
    for (size_t i = 0; i < f->loops_count; i++)
        if (f->loops[i].lag_ns > most) most = f->loops[i].lag_ns;
    return clip((uint64_t)(most / NS_PER_MS));
}

const struct cli_sample *cli_series_add(struct cli_series *s,
                                        const struct cli_facts *f,
                                        uint32_t connections)
{
    struct cli_sample *to = &s->samples[s->next];
    bool first = !s->begun;
    *to = (struct cli_sample){.at_ms = clock_wall_ms()};
    count_caches(s, &f->engine, to);
    s->begun = true;
    if (first) return NULL;
    to->permits = f->permits.in_use[PERMIT_GLOBAL];
    to->permits_waiting = f->permits.waiting;
    to->calls = f->calls;
    to->queued = f->pool.queued;
    to->connections = connections;
    to->lag_ms = lag_of(f);
    s->next = (s->next + 1) % CLI_SERIES_MAX;
    if (s->count < CLI_SERIES_MAX) s->count++;
    return to;
}

/* In the order of cli_sample_write. */
#define COLUMNS                                                                \
    "[\"at_ms\",\"wait_us\",\"permits\",\"permits_waiting\",\"calls\","        \
    "\"queued\",\"connections\",\"lag_ms\",\"caches\"]"

void cli_sample_write(const struct cli_sample *s, size_t caches,
                      struct json_writer *w)
{
    const int64_t numbers[] = {s->at_ms,           s->wait_us, s->permits,
                               s->permits_waiting, s->calls,   s->queued,
                               s->connections,     s->lag_ms};
    json_begin_array(w);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        json_int(w, numbers[i]);
    json_begin_array(w);
    for (size_t i = 0; i < caches && i < CLI_SERIES_CACHES; i++) {
        json_begin_array(w);
        for (int k = 0; k < 4; k++) json_int(w, s->caches[i].count[k]);
        json_end_array(w);
    }
    json_end_array(w);
    json_end_array(w);
}

void cli_series_write(const struct cli_series *s, const struct eng_facts *f,
                      struct json_writer *w)
{
    size_t from = (s->next + CLI_SERIES_MAX - s->count) % CLI_SERIES_MAX;
    json_put_int(w, "period_s", CLI_SERIES_PERIOD_S);
    json_put_raw(w, "columns", SLICE(COLUMNS));
    json_put_raw(
        w, "cache_columns",
        SLICE("[\"hits\",\"misses\",\"double_loads\",\"lock_waits\"]"));
    json_key(w, SLICE("cache_names"));
    json_begin_array(w);
    for (size_t i = 0; i < f->caches_count; i++)
        json_string(w, slice_of(f->caches[i].name));
    json_end_array(w);
    json_key(w, SLICE("samples"));
    json_begin_array(w);
    for (size_t i = 0; i < s->count; i++)
        cli_sample_write(&s->samples[(from + i) % CLI_SERIES_MAX],
                         f->caches_count, w);
    json_end_array(w);
}
