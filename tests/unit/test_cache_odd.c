/* The cache where its rules meet their ends: a flight's own deadline with an
 * old value at hand, delays at their cap, more entries than recency is exact
 * for, rows that make no sense. */
#include <sched.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/pool.h"
#include "state/cache_window.h"
#include "tests/runner/test.h"
#include "tests/unit/cache_fixture.h"

#define SECONDS(n) ((int64_t)(n)*NS_PER_S)
enum { START = 1000 };

/* "s-1" is there, and has been expired for half a second. */
static void expired_cache(struct fake_load *fl, struct st_cache_row *row)
{
    row->ttl_ns = SECONDS(1);
    row->stale_ns = SECONDS(600);
    clock_fake(SECONDS(START), 0);
    fake_cache(fl, row);
    CHECK_INT_EQ(fake_get(fl, "s-1"), 1);
    clock_fake_advance(1500 * NS_PER_MS);
}

/* --- who gets the old value ------------------------------------------------
 */

/* A loader that is held, one who waits for it, and what becomes of them. */
struct pair {
    struct fake_load fl;
    struct cancel cancel[2];
    bool no_stale;
    int64_t pass_ns; /* when both are there, so much time goes by */
    _Atomic int answered;
    enum err err[2];
    enum st_source source[2];
};

static void get(struct pair *p, int i)
{
    struct st_entry *e = NULL;
    struct st_get how = {.cancel = &p->cancel[i], .no_stale = p->no_stale};
    p->err[i] =
        st_cache_get(p->fl.ca, SLICE("s-1"), &how, &p->source[i], &e);
    st_entry_unref(e);
    p->answered++;
}

static void load_wait_or_pass(void *ctx, int i)
{
    struct pair *p = ctx;
    if (i == 0) {
        get(p, 0);
    } else if (i == 1) {
        fake_await_calls(&p->fl, 2);
        get(p, 1);
    } else {
        fake_await_waiting(&p->fl, 1);
        clock_fake_advance(p->pass_ns);
        while (!p->answered) sched_yield();
        p->fl.hold = false;
    }
}

static void pair_run(struct pair *p, int64_t waiter_ns, int64_t load_limit_ns)
{
    struct st_cache_row row = fake_row(&p->fl);
    row.allow_stale = true;
    row.load_timeout_ns = load_limit_ns;
    expired_cache(&p->fl, &row);
    cancel_init(&p->cancel[0], INT64_MAX);
    cancel_init(&p->cancel[1],
                waiter_ns ? clock_now() + waiter_ns : INT64_MAX);
    p->fl.hold = true;
    p->fl.stubborn = true;
    test_threads(3, load_wait_or_pass, p);
}

static struct {
    struct lock lock;
    int abandoned, stale;
} heard;

static void hear(void *ctx, struct slice line)
{
    (void)ctx;
    lock_take(&heard.lock);
    heard.abandoned += slice_find(line, SLICE("load abandoned")) < line.n;
    heard.stale +=
        slice_find(line, SLICE("load failed, serving stale")) < line.n;
    lock_drop(&heard.lock);
}

TEST(cache_odd, at_a_flights_deadline_all_who_wait_get_the_old_value)
{
    struct pair p = {.pass_ns = SECONDS(11)};
    lock_init(&heard.lock, "heard", RANK_LEAF);
    log_divert(hear, NULL);
    pair_run(&p, 0, SECONDS(10));
    log_divert(NULL, NULL);
    CHECK_ERR(p.err[1], OK);
    CHECK_INT_EQ(p.source[1], ST_STALE);
    CHECK_ERR(p.err[0], OK); /* its load came too late for anybody */
    CHECK_INT_EQ(p.source[0], ST_STALE);
    CHECK_INT_EQ(fake_count(&p.fl, ST_METRIC_late_loads), 1);
    CHECK_INT_EQ(heard.abandoned, 1);
    CHECK_INT_EQ(heard.stale, 1);
    CHECK_INT_EQ(fake_get(&p.fl, "s-1"), 3);
    fake_done(&p.fl);
}

TEST(cache_odd, a_waiter_past_his_deadline_gets_nothing_stale_he_did_not_want)
{
    struct pair p = {.pass_ns = SECONDS(3), .no_stale = true};
    pair_run(&p, SECONDS(2), SECONDS(60));
    CHECK_ERR(p.err[1], ERR_DEADLINE);
    CHECK_ERR(p.err[0], OK);
    fake_done(&p.fl);
}

TEST(cache_odd, a_waiter_past_his_deadline_gets_nothing_older_than_the_window)
{
    struct pair p = {.pass_ns = SECONDS(700)};
    pair_run(&p, SECONDS(2), SECONDS(3600));
    CHECK_ERR(p.err[1], ERR_DEADLINE);
    CHECK_ERR(p.err[0], OK);
    CHECK_INT_EQ(p.source[0], ST_LOADED);
    fake_done(&p.fl);
}

/* Cancelled is cancelled: nobody is left to read an old value. */
TEST(cache_odd, a_cancelled_load_gives_no_old_value)
{
    struct fake_load fl = {.error = ERR_CANCELLED};
    struct st_cache_row row = fake_row(&fl);
    row.allow_stale = true;
    expired_cache(&fl, &row);
    fl.fail = 1;
    CHECK_INT_EQ(fake_get(&fl, "s-1"), -ERR_CANCELLED);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_stale_served), 0);
    CHECK_INT_EQ(fake_get(&fl, "s-1"), 3);
    fake_done(&fl);
}

/* --- a put amid a load -------------------------------------------------------
 */

static void load_or_put(void *ctx, int i)
{
    struct fake_load *fl = ctx;
    if (i == 0) {
        CHECK_INT_EQ(fake_get(fl, "s-1"), 1); /* what it loaded itself */
    } else {
        fake_await_calls(fl, 1);
        struct st_loaded newer = fake_value(fl, SLICE("s-1"), 0);
        ((struct made *)newer.value)->serial = 7;
        st_cache_put(fl->ca, SLICE("s-1"), &newer);
        fl->hold = false;
    }
}

/* Without versions to tell by, what was put is the newer all the same. */
TEST(cache_odd, a_load_that_began_before_a_put_does_not_replace_it)
{
    struct fake_load fl = {.hold = true};
    fake_cache(&fl, NULL);
    test_threads(2, load_or_put, &fl);
    CHECK_INT_EQ(fake_get(&fl, "s-1"), 7);
    CHECK_INT_EQ(fl.calls, 1);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_discarded_loads), 1);
    fake_done(&fl);
}

/* --- refreshes --------------------------------------------------------------
 */

static int refreshes_after(struct fake_load *fl, int64_t seconds)
{
    int before = fl->calls;
    clock_fake_advance(SECONDS(seconds));
    CHECK_INT_EQ(fake_get(fl, "s-1"), 1);
    while (fake_stats(fl).flights) sched_yield();
    return fl->calls - before;
}

TEST(cache_odd, a_refresh_that_fails_is_never_put_off_for_more_than_a_minute)
{
    struct fake_load fl = {.error = ERR_IO, .fail = 100};
    struct st_cache_row row = fake_row(&fl);
    CHECK_OK(pool_new("refresh", 1, 8, &row.refresh_pool));
    row.swr = true;
    fl.fail = 0;
    expired_cache(&fl, &row);
    fl.fail = 100;
    CHECK_INT_EQ(refreshes_after(&fl, 0), 1);
    for (int delay = 1; delay <= 32; delay *= 2)
        CHECK_INT_EQ(refreshes_after(&fl, delay), 1);
    for (int i = 0; i < 3; i++) {
        CHECK_INT_EQ(refreshes_after(&fl, 59), 0);
        CHECK_INT_EQ(refreshes_after(&fl, 1), 1);
    }
    pool_free(row.refresh_pool);
    fake_done(&fl);
}

TEST(cache_odd, who_wants_nothing_stale_waits_for_the_load_itself)
{
    struct fake_load fl = {0};
    struct st_cache_row row = fake_row(&fl);
    struct st_get how = {.no_stale = true};
    enum st_source source;
    struct st_entry *e;
    CHECK_OK(pool_new("refresh", 1, 8, &row.refresh_pool));
    row.swr = true;
    expired_cache(&fl, &row);
    CHECK_OK(st_cache_get(fl.ca, SLICE("s-1"), &how, &source, &e));
    CHECK_INT_EQ(source, ST_LOADED);
    st_entry_unref(e);
    CHECK_INT_EQ(fl.calls, 2);
    pool_free(row.refresh_pool);
    fake_done(&fl);
}

/* --- recency ---------------------------------------------------------------
 */

/* All were used since recency was last looked at: what leaves is old, though
 * it need not be the oldest, and the accounts stay exact. */
TEST(cache_odd, of_thousands_that_were_all_used_an_old_one_leaves)
{
    enum { MANY = 3000, EXACT = 1024 };
    struct fake_load fl = {0};
    struct st_cache_row row = fake_row(&fl);
    char key[16];
    row.entries_max = MANY;
    clock_fake(SECONDS(START), 0);
    fake_cache(&fl, &row);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < MANY; i++) {
            clock_fake_advance(2 * NS_PER_MS);
            snprintf(key, sizeof(key), "k%d", i);
            (void)fake_get(&fl, key);
        }
    CHECK_INT_EQ(fl.calls, MANY);
    (void)fake_get(&fl, "one more");
    CHECK_INT_EQ(fake_stats(&fl).entries, MANY);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_evictions_entries), 1);
    fake_recount(&fl);
    for (int i = EXACT; i < MANY; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        (void)fake_get(&fl, key);
    }
    CHECK_INT_EQ(fl.calls, MANY + 1); /* they are all still there */
    fake_done(&fl);
}

/* --- what makes no sense ------------------------------------------------------
 */

static enum err load_nothing(void *ctx, struct slice key,
                             const struct cancel *c, struct st_loaded *ret)
{
    (void)ctx, (void)key, (void)c, (void)ret;
    return ERR_NOT_FOUND;
}

struct row_row {
    const char *label, *name;
    bool loads;
    uint32_t entries;
    int64_t ttl, stale, negative, limit;
};
TEST_EACH(cache_odd, a_row_that_makes_no_sense_is_refused, struct row_row, row,
          {"no name", NULL, true, 1}, {"no loader", "n", false, 1},
          {"no room", "n", true, 0}, {"time before the load", "n", true, 1, -1},
          {"a window before its end", "n", true, 1, 0, -1},
          {"absence before it was seen", "n", true, 1, 0, 0, -1},
          {"a limit that has passed", "n", true, 1, 0, 0, 0, -1})
{
    struct st_cache_row wrong = {.name = row->name,
                                 .entries_max = row->entries,
                                 .bytes_max = 4096,
                                 .ttl_ns = row->ttl,
                                 .stale_ns = row->stale,
                                 .negative_ttl_ns = row->negative,
                                 .load_timeout_ns = row->limit,
                                 .load = row->loads ? load_nothing : NULL};
    struct st_cache *ca = NULL;
    CHECK_ERR(st_cache_new(&wrong, &ca), ERR_INVALID);
    CHECK(!ca);
}

/* Its values are nobody's to free: without memory for a put the old one goes
 * all the same. */
TEST(cache_odd, a_put_without_memory_takes_the_old_value_away)
{
    struct st_cache_row row = {.name = "n",
                               .entries_max = 10,
                               .bytes_max = 4096,
                               .load = load_nothing};
    struct st_cache *ca;
    struct st_entry *e;
    int one = 1, two = 2;
    CHECK_OK(st_cache_new(&row, &ca));
    st_cache_put(ca, SLICE("k"), &(struct st_loaded){.value = &one, .bytes = 4});
    CHECK_OK(st_cache_get(ca, SLICE("k"), NULL, NULL, &e));
    CHECK(st_entry_value(e) == &one);
    st_entry_unref(e);
    mem_fail_at(1);
    st_cache_put(ca, SLICE("k"), &(struct st_loaded){.value = &two, .bytes = 4});
    mem_fail_at(0);
    CHECK_ERR(st_cache_get(ca, SLICE("k"), NULL, NULL, &e), ERR_NOT_FOUND);
    st_cache_free(ca);
}

/* --- warnings and reasons ---------------------------------------------------
 */

static char said[512];

static void keep_line(void *ctx, struct slice line)
{
    (void)ctx;
    snprintf(said, sizeof(said), "%.*s", SLICE_ARG(line));
}

static void load_and_join(void *ctx, int i)
{
    log_thread_name(i ? "joiner" : "loader");
    CHECK_INT_EQ(fake_get(ctx, "\x7f:a"), 1);
}

TEST(cache_odd, a_double_load_is_told_by_key_where_the_key_has_no_name)
{
    struct fake_load fl = {.until_waiting = 1};
    struct st_cache_row row = fake_row(&fl);
    row.key_label = NULL;
    fake_cache(&fl, &row);
    log_setup(LOG_WARN, LOG_TEXT);
    log_divert(keep_line, NULL);
    test_threads(2, load_and_join, &fl);
    log_divert(NULL, NULL);
    CHECK_CONTAINS(slice_of(said), "prevented by lock. key=?:a, thread=");
    fake_done(&fl);
}

/* Six of a hundred lookups waited; of one fewer than are judged it is nothing
 * yet. */
TEST(cache_odd, a_share_of_waits_is_judged_from_a_hundred_lookups_on)
{
    struct st_alerts alerts = ST_ALERTS_DEFAULT;
    for (uint64_t total = 99; total <= 100; total++) {
        struct st_cache_window w = {0};
        struct st_cache_stats s = {0};
        st_window_tick(&w, SECONDS(60), &s, &alerts);
        s.total = s.count[ST_METRIC_hits] = total;
        s.count[ST_METRIC_lock_waits] = 6;
        st_window_tick(&w, SECONDS(120), &s, &alerts);
        CHECK_INT_EQ(w.since[ST_REASON_LOCK_WAITS] != 0, total == 100);
    }
}

/* The clock may stand at 0, which is no "never". */
TEST(cache_odd, a_reason_that_begins_at_time_zero_holds)
{
    struct st_cache_window w = {0};
    struct st_cache_stats s = {0};
    struct st_alerts alerts = ST_ALERTS_DEFAULT;
    s.count[ST_METRIC_duplicate_runs] = 1;
    st_window_tick(&w, 0, &s, &alerts);
    CHECK_INT_GT(w.since[ST_REASON_DUPLICATE_RUNS], 0);
}
