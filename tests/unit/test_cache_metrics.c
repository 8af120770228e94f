/* Counters, the warning and the reasons of health. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "base/lock.h"
#include "base/log.h"
#include "state/cache_window.h"
#include "tests/runner/test.h"
#include "tests/unit/cache_fixture.h"

#define MINUTES(n) ((int64_t)(n)*60 * NS_PER_S)

/* --- counters ----------------------------------------------------------- */

struct counting {
    struct st_cache_metrics *m;
    int threads, each;
    _Atomic int ended;
    bool take;
    uint64_t taken;
};

static void count_or_watch(void *ctx, int i)
{
    struct counting *c = ctx;
    struct st_cache_stats s = {0};
    if (i < c->threads) {
        for (int n = 0; n < c->each; n++)
            st_metrics_add(c->m, ST_METRIC_hits, 1);
        atomic_fetch_add(&c->ended, 1);
        return;
    }
    for (uint64_t last = 0; atomic_load(&c->ended) < c->threads;) {
        if (c->take) {
            st_metrics_take(c->m, &s);
            c->taken += s.count[ST_METRIC_hits];
            continue;
        }
        st_metrics_snapshot(c->m, false, &s);
        CHECK_INT_EQ(s.total, s.count[ST_METRIC_hits] +
                                  s.count[ST_METRIC_misses] +
                                  s.count[ST_METRIC_double_loads]);
        CHECK_INT_GE(s.total, last);
        last = s.total;
    }
}

static void count_to_a_million(struct counting *c)
{
    c->threads = 100;
    c->each = 10000;
    CHECK_OK(st_metrics_new(&c->m));
    test_threads(c->threads + 1, count_or_watch, c);
}

/* B02 */
TEST(cache_metrics, exact_under_100_threads)
{
    struct counting c = {0};
    struct st_cache_stats s;
    count_to_a_million(&c);
    st_metrics_snapshot(c.m, false, &s);
    CHECK_INT_EQ(s.count[ST_METRIC_hits], 1000000);
    CHECK_INT_EQ(s.total, 1000000);
    st_metrics_free(c.m);
}

/* B03 */
TEST(cache_metrics, counters_and_reset)
{
    struct counting c = {.take = true};
    struct st_cache_stats s;
    count_to_a_million(&c);
    st_metrics_snapshot(c.m, false, &s);
    CHECK_INT_EQ(c.taken + s.count[ST_METRIC_hits], 1000000);
    st_metrics_reset(c.m);
    st_metrics_snapshot(c.m, false, &s);
    CHECK_INT_EQ(s.total, 0);
    CHECK(s.hit_rate == 0);
    st_metrics_snapshot(c.m, true, &s);
    CHECK_INT_EQ(s.total, 1000000);
    st_metrics_free(c.m);
}

TEST(cache_metrics, one_table_names_and_writes_them_all)
{
    struct st_cache_stats s = {.total = 7, .entries = 3, .entries_max = 9};
    struct buf out = BUF_INIT(1 << 16);
    struct json_writer w = json_writer(&out);
    char want[64];
    for (int i = 0; i < ST_METRIC_COUNT; i++) s.count[i] = (uint64_t)i + 100;
    st_stats_write(&s, &w);
    for (int i = 0; i < ST_METRIC_COUNT; i++) {
        CHECK(st_metric_help((enum st_metric)i)[0]);
        snprintf(want, sizeof(want), "\"%s\":%d",
                 st_metric_name((enum st_metric)i), i + 100);
        CHECK_CONTAINS(buf_slice(&out), want);
    }
    CHECK_CONTAINS(buf_slice(&out), "\"total\":7,\"hit_rate\":0,\"entries\":3,"
                                    "\"entries_max\":9");
    buf_done(&out);
}

TEST(cache_metrics, new_without_memory_says_so)
{
    struct st_cache_metrics *m = NULL;
    for (uint64_t n = 1; n <= 2; n++) {
        mem_fail_at(n);
        CHECK_ERR(st_metrics_new(&m), ERR_NOMEM);
    }
    mem_fail_at(0);
    st_metrics_free(NULL);
}

/* --- a prevented double load -------------------------------------------- */

static struct {
    struct lock lock;
    int lines;
    char last[1024];
} heard;

static void hear(void *ctx, struct slice line)
{
    (void)ctx;
    lock_take(&heard.lock);
    heard.lines++;
    snprintf(heard.last, sizeof(heard.last), "%.*s", SLICE_ARG(line));
    lock_drop(&heard.lock);
}

static void listen_to_log(void)
{
    lock_init(&heard.lock, "heard", RANK_LEAF);
    log_setup(LOG_WARN, LOG_TEXT);
    log_divert(hear, NULL);
}

struct herd {
    struct fake_load fl;
    const char *key;
};

static void herd_get(void *ctx, int i)
{
    struct herd *h = ctx;
    char thread[16];
    snprintf(thread, sizeof(thread), "worker-%d", i);
    log_thread_name(thread);
    CHECK_INT_GE(fake_get(&h->fl, h->key), 1);
}

/* B05 */
TEST(cache_metrics, records_double_load)
{
    struct herd h = {.key = "s-1", .fl.until_waiting = 9};
    listen_to_log();
    fake_cache(&h.fl, NULL);
    test_threads(10, herd_get, &h);
    CHECK_INT_EQ(fake_count(&h.fl, ST_METRIC_double_loads), 9);
    CHECK_INT_EQ(fake_count(&h.fl, ST_METRIC_misses), 1);
    CHECK_INT_EQ(heard.lines, 9);
    struct slice line = slice_of(heard.last);
    CHECK_CONTAINS(line, "level=warn");
    CHECK_CONTAINS(line, "at=cache");
    CHECK_CONTAINS(line, "Race condition detected (double load) - prevented by "
                         "lock. session_id=s-1, thread=worker-");
    CHECK_CONTAINS(line, "cache=sessions");
    CHECK_CONTAINS(line, " session_id=s-1 thread=worker-");
    fake_done(&h.fl);
}

static void double_loads(struct herd *h, int n)
{
    for (int i = 0; i < n; i++) {
        st_cache_clear(h->fl.ca);
        h->fl.until_waiting = 1;
        test_threads(2, herd_get, h);
    }
}

TEST(cache_metrics, ten_lines_at_once_then_one_every_six_seconds)
{
    struct herd h = {.key = "s\n\xff"};
    listen_to_log();
    clock_fake(NS_PER_S, 0);
    fake_cache(&h.fl, NULL);
    double_loads(&h, 15);
    CHECK_INT_EQ(fake_count(&h.fl, ST_METRIC_double_loads), 15);
    CHECK_INT_EQ(heard.lines, 10);
    CHECK_CONTAINS(slice_of(heard.last), "session_id=s??, thread=");
    clock_fake_advance(5999 * NS_PER_MS);
    double_loads(&h, 1);
    CHECK_INT_EQ(heard.lines, 10);
    clock_fake_advance(NS_PER_MS);
    double_loads(&h, 2);
    CHECK_INT_EQ(heard.lines, 11);
    CHECK_CONTAINS(slice_of(heard.last), "suppressed=6");
    clock_fake_advance(MINUTES(60));
    double_loads(&h, 12);
    CHECK_INT_EQ(heard.lines, 21);
    fake_done(&h.fl);
}

/* --- reasons ------------------------------------------------------------ */

struct hour {
    struct st_cache_window w;
    struct st_cache_stats s;
    struct st_alerts alerts;
    int64_t now;
};

static void hour_tick(struct hour *h, int minutes)
{
    for (int i = 0; i < minutes; i++) {
        h->now += MINUTES(1);
        h->s.total = h->s.count[ST_METRIC_hits] + h->s.count[ST_METRIC_misses] +
                     h->s.count[ST_METRIC_double_loads];
        st_window_tick(&h->w, h->now, &h->s, &h->alerts);
    }
}

static struct hour hour_start(void)
{
    struct hour h = {.alerts = ST_ALERTS_DEFAULT, .now = MINUTES(100)};
    hour_tick(&h, 1);
    return h;
}

static bool any_reason(const struct hour *h)
{
    bool some = false;
    for (int i = 0; i < ST_REASON_COUNT; i++) some |= h->w.since[i] != 0;
    return some;
}

/* B06 */
TEST(cache_metrics, more_than_ten_double_loads_in_an_hour_are_noticed)
{
    struct hour h = hour_start();
    h.s.count[ST_METRIC_double_loads] = 10;
    hour_tick(&h, 1);
    CHECK(!any_reason(&h));
    h.s.count[ST_METRIC_double_loads] = 11;
    hour_tick(&h, 1);
    int64_t since = h.now;
    CHECK_INT_EQ(h.w.since[ST_REASON_DOUBLE_LOADS], since);
    CHECK_INT_EQ(h.w.value[ST_REASON_DOUBLE_LOADS], 11);
    CHECK(!st_reason_degrades(ST_REASON_DOUBLE_LOADS));
    hour_tick(&h, 30);
    CHECK_INT_EQ(h.w.since[ST_REASON_DOUBLE_LOADS], since);
    hour_tick(&h, 31);
    CHECK(!any_reason(&h));
    h.s.count[ST_METRIC_double_loads] += 101;
    hour_tick(&h, 1);
    CHECK_INT_EQ(h.w.since[ST_REASON_DOUBLE_LOADS], 0);
    CHECK_INT_NE(h.w.since[ST_REASON_DOUBLE_LOADS_HIGH], 0);
    CHECK_STR_EQ(st_reason_name(ST_REASON_DOUBLE_LOADS_HIGH),
                 "cache_double_loads_high");
}

/* B07 */
TEST(cache_metrics, more_than_five_percent_of_waits_are_noticed)
{
    struct hour h = hour_start();
    h.s.count[ST_METRIC_hits] = 1000;
    h.s.count[ST_METRIC_lock_waits] = 50;
    hour_tick(&h, 1);
    CHECK(!any_reason(&h));
    h.s.count[ST_METRIC_lock_waits] = 51;
    hour_tick(&h, 1);
    CHECK_INT_NE(h.w.since[ST_REASON_LOCK_WAITS], 0);
    CHECK_INT_EQ(st_reason_threshold(ST_REASON_LOCK_WAITS, &h.alerts), 5);
}

/* B08 */
struct rate_row {
    int hits, misses;
    bool noticed;
};
TEST_EACH(cache_metrics, a_hit_rate_under_the_least_is_noticed, struct rate_row,
          row, {900, 100, false}, {899, 101, true}, {0, 99, false},
          {0, 100, true})
{
    struct hour h = hour_start();
    h.s.count[ST_METRIC_hits] = (uint64_t)row->hits;
    h.s.count[ST_METRIC_misses] = (uint64_t)row->misses;
    hour_tick(&h, 1);
    CHECK_INT_EQ(h.w.since[ST_REASON_HIT_RATE] != 0, row->noticed);
    h.alerts.hit_rate_min_percent = 0;
    hour_tick(&h, 1);
    CHECK(!any_reason(&h));
}

TEST(cache_metrics, a_duplicate_run_degrades_for_good)
{
    struct hour h = hour_start();
    h.s.count[ST_METRIC_duplicate_runs] = 1;
    hour_tick(&h, 100);
    CHECK_INT_NE(h.w.since[ST_REASON_DUPLICATE_RUNS], 0);
    CHECK(st_reason_degrades(ST_REASON_DUPLICATE_RUNS));
}

TEST(cache_metrics, minutes_that_came_late_shorten_the_window)
{
    struct hour h = hour_start();
    h.s.count[ST_METRIC_double_loads] = 11;
    hour_tick(&h, 1);
    CHECK(any_reason(&h));
    h.now += MINUTES(75);
    hour_tick(&h, 1);
    CHECK(!any_reason(&h));
}
