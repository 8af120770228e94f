/* One load per key: who loads, who waits, who leaves, who takes over. */
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "tests/runner/test.h"
#include "tests/unit/cache_fixture.h"

enum { START = 1000, CALLERS = 10 };
#define SECONDS(n) ((int64_t)(n)*NS_PER_S)

/* Callers that look one key up at the same time, and how each fared. */
struct caller {
    struct fake_load *fl;
    const char *key;
    struct cancel cancel;
    bool no_stale;
    enum err err;
    enum st_source source;
    struct st_entry *entry;
    pthread_t thread;
};

static void *call(void *ctx)
{
    struct caller *c = ctx;
    struct st_get how = {.cancel = &c->cancel, .no_stale = c->no_stale};
    c->err =
        st_cache_get(c->fl->ca, slice_of(c->key), &how, &c->source, &c->entry);
    return NULL;
}

static void caller_start(struct caller *c, struct fake_load *fl,
                         int64_t deadline)
{
    c->fl = fl;
    c->key = "s-1";
    cancel_init(&c->cancel, deadline);
    CHECK_INT_EQ(pthread_create(&c->thread, NULL, call, c), 0);
}

static void callers_start(struct caller *c, int n, struct fake_load *fl)
{
    for (int i = 0; i < n; i++) caller_start(&c[i], fl, INT64_MAX);
}

/* Waits for all; how many ended with `err`. */
static int callers_end(struct caller *c, int n, enum err err)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        pthread_join(c[i].thread, NULL);
        count += c[i].err == err;
        st_entry_unref(c[i].entry);
    }
    return count;
}

/* The loader first, then the others, in flight and waiting. */
static void fly(struct caller *c, int n, struct fake_load *fl)
{
    int calls = atomic_load(&fl->calls);
    atomic_store(&fl->hold, true);
    callers_start(c, 1, fl);
    fake_await_calls(fl, calls + 1);
    callers_start(c + 1, n - 1, fl);
    fake_await_waiting(fl, (uint64_t)n - 1);
}

/* --- one load ----------------------------------------------------------- */

/* A01 */
/* format D32 */
TEST(cache_flight, herd)
{
    struct fake_load fl = {0};
    struct caller c[CALLERS] = {0};
    fake_cache(&fl, NULL);
    fly(c, CALLERS, &fl);
    fl.hold = false;
    CHECK_INT_EQ(callers_end(c, CALLERS, OK), CALLERS);
    CHECK_INT_EQ(fl.calls, 1);
    for (int i = 1; i < CALLERS; i++) CHECK(c[i].entry == c[0].entry);
    CHECK_INT_EQ(c[0].source, ST_LOADED);
    CHECK_INT_EQ(c[1].source, ST_JOINED);
    struct st_cache_stats s = fake_stats(&fl);
    CHECK_INT_EQ(s.count[ST_METRIC_misses], 1);
    CHECK_INT_EQ(s.count[ST_METRIC_double_loads], 9);
    CHECK_INT_EQ(s.count[ST_METRIC_waiters], 9);
    CHECK_INT_EQ(s.count[ST_METRIC_lock_waits], 9);
    CHECK_INT_GT(s.count[ST_METRIC_wait_ns], 0);
    fake_done(&fl);
}

/* One wait a round, asleep until the last comes: a sanitizer makes a thousand
 * rounds of pthread's barrier, which it watches, take minutes. */
struct meeting {
    _Atomic int come;
    _Atomic int round; /* a futex */
    int threads;
};

static void meet(struct meeting *m)
{
    int round = atomic_load(&m->round);
    if (atomic_fetch_add(&m->come, 1) + 1 == m->threads) {
        atomic_store(&m->come, 0);
        atomic_fetch_add(&m->round, 1);
        syscall(SYS_futex, &m->round, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL,
                0);
        return;
    }
    while (atomic_load(&m->round) == round)
        syscall(SYS_futex, &m->round, FUTEX_WAIT_PRIVATE, round, NULL, NULL,
                0);
}

/* What was got is compared after the meeting that begins the next round, so
 * there are two places for it. */
struct rounds {
    struct fake_load fl;
    struct meeting meeting;
    int rounds;
    struct st_entry *got[2][100];
    int threads;
};

static void one_key_a_round(void *ctx, int i)
{
    struct rounds *r = ctx;
    for (int n = 0; n < r->rounds; n++) {
        char key[8] = {'k', (char)n, (char)(n >> 8)};
        struct slice k = {key, sizeof(key)};
        struct st_entry **got = r->got[n % 2];
        CHECK_OK(st_cache_get(r->fl.ca, k, NULL, NULL, &got[i]));
        meet(&r->meeting);
        CHECK(got[i] == got[(i + 1) % r->threads]);
        st_entry_unref(got[i]);
    }
}

/* A19, and B04 with ten threads. */
struct rounds_row {
    int threads, rounds;
};
TEST_EACH_IF(cache_flight, threads_at_a_barrier_load_each_key_once,
             (.timeout_s = 600), struct rounds_row, row, {10, 1000},
             {100, 1000})
{
    struct rounds r = {.threads = row->threads,
                       .rounds = row->rounds,
                       .meeting.threads = row->threads};
    log_setup(LOG_OFF, LOG_TEXT);
    fake_cache(&r.fl, NULL);
    test_threads(row->threads, one_key_a_round, &r);
    struct st_cache_stats s = fake_stats(&r.fl);
    CHECK_INT_EQ(r.fl.calls, r.rounds);
    CHECK_INT_EQ(s.total, r.rounds * row->threads);
    CHECK_INT_EQ(s.count[ST_METRIC_misses], r.rounds);
    CHECK_INT_EQ(s.count[ST_METRIC_duplicate_runs], 0);
    fake_done(&r.fl);
}

/* --- shared ends -------------------------------------------------------- */

TEST(cache_flight, a_failure_reaches_everybody_and_is_not_kept)
{
    struct fake_load fl = {.error = ERR_IO, .fail = 1};
    struct caller c[CALLERS] = {0};
    fake_cache(&fl, NULL);
    fly(c, CALLERS, &fl);
    fl.hold = false;
    CHECK_INT_EQ(callers_end(c, CALLERS, ERR_IO), CALLERS);
    CHECK_INT_EQ(fl.calls, 1);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_misses), CALLERS);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_load_failures), 1);
    CHECK_INT_EQ(fake_get(&fl, "s-1"), 2);
    fake_done(&fl);
}

static void stale_cache(struct fake_load *fl, struct st_cache_row *row)
{
    row->ttl_ns = SECONDS(1);
    row->stale_ns = SECONDS(60);
    clock_fake(SECONDS(START), 0);
    fake_cache(fl, row);
    fake_get(fl, "s-1");
    clock_fake_advance(1500 * NS_PER_MS);
}

/* A04 */
TEST(cache_flight, stale_on_failure)
{
    struct fake_load fl = {.error = ERR_IO};
    struct st_cache_row row = fake_row(&fl);
    struct caller c[5] = {0};
    row.allow_stale = true;
    stale_cache(&fl, &row);
    fl.fail = 1;
    fly(c, 5, &fl);
    fl.hold = false;
    CHECK_INT_EQ(callers_end(c, 5, OK), 5);
    for (int i = 0; i < 5; i++) CHECK_INT_EQ(c[i].source, ST_STALE);
    CHECK_INT_EQ(fl.calls, 2);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_stale_served), 5);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_double_loads), 4);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_expirations), 1);
    fake_done(&fl);
}

TEST(cache_flight, who_wants_nothing_stale_gets_the_error)
{
    struct fake_load fl = {.error = ERR_IO};
    struct st_cache_row row = fake_row(&fl);
    struct caller c[1] = {{.no_stale = true}};
    row.allow_stale = true;
    stale_cache(&fl, &row);
    fl.fail = 1;
    callers_start(c, 1, &fl);
    CHECK_INT_EQ(callers_end(c, 1, ERR_IO), 1);
    /* Past the window nobody gets it. */
    clock_fake_advance(SECONDS(60));
    fl.fail = 1;
    CHECK_INT_EQ(fake_get(&fl, "s-1"), -ERR_IO);
    fake_done(&fl);
}

/* --- leaving ------------------------------------------------------------ */

TEST(cache_flight, a_waiter_that_leaves_disturbs_nobody)
{
    struct fake_load fl = {0};
    struct caller c[CALLERS] = {0};
    fake_cache(&fl, NULL);
    fly(c, CALLERS, &fl);
    cancel_set(&c[3].cancel, CANCEL_CLIENT);
    CHECK_INT_EQ(callers_end(&c[3], 1, ERR_CANCELLED), 1);
    CHECK_INT_EQ(fake_stats(&fl).waiting, CALLERS - 2);
    fl.hold = false;
    c[3].entry = NULL;
    CHECK_INT_EQ(callers_end(c, 3, OK) + callers_end(c + 4, 6, OK), 9);
    CHECK_INT_EQ(fl.calls, 1);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_misses), 2);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_double_loads), 8);
    fake_done(&fl);
}

TEST(cache_flight, a_waiter_past_its_deadline_may_have_the_old_value)
{
    struct fake_load fl = {0};
    struct st_cache_row row = fake_row(&fl);
    struct caller c[2] = {0}, patient = {0};
    row.allow_stale = true;
    stale_cache(&fl, &row);
    fly(c, 1, &fl);
    caller_start(&c[1], &fl, clock_now() + SECONDS(2));
    caller_start(&patient, &fl, INT64_MAX);
    fake_await_waiting(&fl, 2);
    clock_fake_advance(SECONDS(3));
    CHECK_INT_EQ(callers_end(&c[1], 1, OK), 1);
    CHECK_INT_EQ(c[1].source, ST_STALE);
    fl.hold = false;
    CHECK_INT_EQ(callers_end(&patient, 1, OK), 1);
    CHECK_INT_EQ(patient.source, ST_JOINED);
    CHECK_INT_EQ(callers_end(c, 1, OK), 1);
    fake_done(&fl);
}

TEST(cache_flight, a_lone_loader_hears_its_own_client_leave)
{
    struct fake_load fl = {0};
    struct caller c[1] = {0};
    fake_cache(&fl, NULL);
    fly(c, 1, &fl);
    cancel_set(&c->cancel, CANCEL_CONNECTION);
    CHECK_INT_EQ(callers_end(c, 1, ERR_CANCELLED), 1);
    fake_done(&fl);
}

TEST(cache_flight, with_a_waiter_the_load_goes_on_for_him)
{
    struct fake_load fl = {0};
    struct caller c[2] = {0};
    fake_cache(&fl, NULL);
    fly(c, 2, &fl);
    cancel_set(&c[0].cancel, CANCEL_CLIENT);
    for (int i = 0; i < 1000; i++) sched_yield();
    CHECK_INT_EQ(fl.running, 1);
    fl.hold = false;
    CHECK_INT_EQ(callers_end(c, 2, OK), 2);
    CHECK_INT_EQ(fl.calls, 1);
    fake_done(&fl);
}

TEST(cache_flight, when_the_last_waiter_has_left_too_the_load_stops)
{
    struct fake_load fl = {0};
    struct caller c[2] = {0};
    fake_cache(&fl, NULL);
    fly(c, 2, &fl);
    cancel_set(&c[0].cancel, CANCEL_CLIENT);
    cancel_set(&c[1].cancel, CANCEL_CLIENT);
    CHECK_INT_EQ(callers_end(c, 2, ERR_CANCELLED), 2);
    CHECK_INT_EQ(fake_stats(&fl).entries, 0);
    fake_done(&fl);
}

/* A13 */
TEST(cache_flight, the_longest_waiting_takes_over)
{
    struct fake_load fl = {.error = ERR_CANCELLED, .fail = 1};
    struct caller c[4] = {0};
    fake_cache(&fl, NULL);
    fly(c, 4, &fl);
    fl.hold = false;
    CHECK_INT_EQ(callers_end(c, 1, ERR_CANCELLED), 1);
    CHECK_INT_EQ(callers_end(c + 1, 3, OK), 3);
    CHECK_INT_EQ(fl.calls, 2);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_takeovers), 1);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_misses), 2);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_double_loads), 2);
    fake_done(&fl);
}

TEST(cache_flight, nobody_alive_nobody_takes_over)
{
    struct fake_load fl = {.stubborn = true, .error = ERR_CANCELLED, .fail = 1};
    struct caller c[2] = {0};
    fake_cache(&fl, NULL);
    fly(c, 2, &fl);
    cancel_set(&c[1].cancel, CANCEL_CLIENT);
    fl.hold = false;
    CHECK_INT_EQ(callers_end(c, 2, ERR_CANCELLED), 2);
    CHECK_INT_EQ(fl.calls, 1);
    fake_done(&fl);
}

/* --- deadlines ---------------------------------------------------------- */

/* A18, on the fake clock: nobody ends before 500 ms, all do after. */
TEST(cache_flight, a_flight_ends_at_its_deadline_and_its_loader_comes_late)
{
    struct fake_load fl = {.stubborn = true};
    struct st_cache_row row = fake_row(&fl);
    struct caller c[CALLERS] = {0};
    row.load_timeout_ns = 500 * NS_PER_MS;
    clock_fake(SECONDS(START), 0);
    fake_cache(&fl, &row);
    fly(c, CALLERS, &fl);
    clock_fake_advance(499 * NS_PER_MS);
    for (int i = 0; i < 1000; i++) sched_yield();
    CHECK_INT_EQ(fake_stats(&fl).waiting, CALLERS - 1);
    clock_fake_advance(NS_PER_MS);
    CHECK_INT_EQ(callers_end(c + 1, CALLERS - 1, ERR_DEADLINE), CALLERS - 1);
    CHECK_INT_EQ(fake_stats(&fl).abandoned_loads, 1);
    CHECK_INT_EQ(fake_stats(&fl).flights, 0);

    /* A newcomer loads anew beside the abandoned loader. */
    struct caller again[1] = {0};
    clock_fake_advance(100 * NS_PER_MS);
    callers_start(again, 1, &fl);
    fake_await_calls(&fl, 2);
    fl.hold = false;
    CHECK_INT_EQ(callers_end(again, 1, OK), 1);
    CHECK_INT_EQ(callers_end(c, 1, ERR_DEADLINE), 1);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_late_loads), 1);
    CHECK_INT_EQ(fake_stats(&fl).entries, 1);
    fake_done(&fl);
}

/* From the start of a load without an end to the last waiter's waking. */
static int64_t overdue_ms(int64_t timeout_ms)
{
    struct fake_load fl = {.stubborn = true};
    struct st_cache_row row = fake_row(&fl);
    struct caller c[CALLERS] = {0};
    row.load_timeout_ns = timeout_ms * NS_PER_MS;
    fake_cache(&fl, &row);
    int64_t since = clock_now();
    fly(c, CALLERS, &fl);
    CHECK_INT_EQ(callers_end(c + 1, CALLERS - 1, ERR_DEADLINE), CALLERS - 1);
    int64_t took = (clock_now() - since) / NS_PER_MS;
    fl.hold = false;
    CHECK_INT_EQ(callers_end(c, 1, ERR_DEADLINE), 1);
    fake_done(&fl);
    return took;
}

/* What others do on the machine only ever adds time: the best of several. */
TEST(cache_flight, real_waiters_wake_within_100_ms_of_the_deadline)
{
    int64_t best = INT64_MAX;
    for (int i = 0; i < 10 && best > 300; i++) {
        int64_t took = overdue_ms(200);
        CHECK_INT_GE(took, 200);
        if (took < best) best = took;
    }
    if (!test_sanitized()) CHECK_INT_LE(best, 300);
}

TEST(cache_flight, the_keeper_and_newcomers_end_what_is_overdue)
{
    struct fake_load fl = {.stubborn = true};
    struct caller c[1] = {0}, d[1] = {0};
    clock_fake(SECONDS(START), 0);
    fake_cache(&fl, NULL);
    fly(c, 1, &fl);
    clock_fake_advance(SECONDS(10));
    st_cache_sweep(fl.ca, 0);
    CHECK_INT_EQ(fake_stats(&fl).abandoned_loads, 1);
    fly(d, 1, &fl);
    clock_fake_advance(SECONDS(10));
    /* This lookup fails the second flight, then holds the third. */
    struct caller e[1] = {0};
    callers_start(e, 1, &fl);
    fake_await_calls(&fl, 3);
    CHECK_INT_EQ(fake_stats(&fl).abandoned_loads, 2);
    fl.hold = false;
    CHECK_INT_EQ(callers_end(c, 1, ERR_DEADLINE), 1);
    CHECK_INT_EQ(callers_end(d, 1, ERR_DEADLINE), 1);
    CHECK_INT_EQ(callers_end(e, 1, OK), 1);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_late_loads), 2);
    fake_done(&fl);
}

/* --- changes during a load ---------------------------------------------- */

TEST(cache_flight, an_invalidated_load_serves_only_who_came_before)
{
    struct fake_load fl = {0};
    struct caller before[3] = {0}, after[1] = {0};
    fake_cache(&fl, NULL);
    fly(before, 3, &fl);
    st_cache_invalidate(fl.ca, SLICE("s-1"), ST_CHANGE);
    callers_start(after, 1, &fl);
    fake_await_calls(&fl, 2);
    fl.hold = false;
    CHECK_INT_EQ(callers_end(before, 3, OK), 3);
    CHECK_INT_EQ(callers_end(after, 1, OK), 1);
    CHECK(after->entry != before[0].entry);
    CHECK(before[0].entry == before[2].entry);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_discarded_loads), 1);
    CHECK_INT_EQ(fake_get(&fl, "s-1"), 2);
    fake_done(&fl);
}

TEST(cache_flight, a_put_wins_over_a_load_in_progress)
{
    struct fake_load fl = {.version = 6};
    struct caller c[2] = {0};
    fake_cache(&fl, NULL);
    fly(c, 2, &fl);
    struct st_loaded put = fake_value(&fl, SLICE("s-1"), 7);
    st_cache_put(fl.ca, SLICE("s-1"), &put);
    struct st_entry *e;
    CHECK_OK(st_cache_get(fl.ca, SLICE("s-1"), NULL, NULL, &e));
    CHECK_INT_EQ(st_entry_version(e), 7);
    st_entry_unref(e);
    fl.hold = false;
    CHECK_INT_EQ(callers_end(c, 2, OK), 2);
    CHECK_OK(st_cache_get(fl.ca, SLICE("s-1"), NULL, NULL, &e));
    CHECK_INT_EQ(st_entry_version(e), 7);
    st_entry_unref(e);
    fake_done(&fl);
}

/* A20 */
TEST(cache_flight, clear_counts_entries_and_lets_a_flight_end)
{
    struct fake_load fl = {0};
    struct caller c[3] = {0};
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g"};
    fake_cache(&fl, NULL);
    for (int i = 0; i < 7; i++) fake_get(&fl, keys[i]);
    fly(c, 3, &fl);
    CHECK_INT_EQ(st_cache_clear(fl.ca), 7);
    fl.hold = false;
    CHECK_INT_EQ(callers_end(c, 3, OK), 3);
    CHECK_INT_EQ(fl.calls, 8);
    CHECK_INT_EQ(fake_get(&fl, "s-1"), 9);
    fake_done(&fl);
}

/* A value joined may be older than the lookup: the row's check decides. */
static _Atomic int valid_from;
static bool made_late_enough(void *ctx, struct st_entry *e, int64_t now)
{
    const struct made *m = st_entry_value(e);
    (void)ctx;
    (void)now;
    return m->serial >= atomic_load(&valid_from);
}

TEST(cache_flight, what_another_loaded_is_checked_too)
{
    struct fake_load fl = {0};
    struct st_cache_row row = fake_row(&fl);
    struct caller c[2] = {0};
    row.still_valid = made_late_enough;
    valid_from = 2;
    fake_cache(&fl, &row);
    fly(c, 2, &fl);
    fl.hold = false;
    CHECK_INT_EQ(callers_end(c, 2, OK), 2);
    CHECK_INT_EQ(c[1].source, ST_LOADED);
    CHECK_INT_EQ(fl.calls, 2);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_misses), 2);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_waiters), 1);
    fake_done(&fl);
}

/* --- a loader that asks for its own key --------------------------------- */

struct self {
    struct st_cache *ca;
    enum err inner;
};

static enum err load_self(void *ctx, struct slice key, const struct cancel *c,
                          struct st_loaded *ret)
{
    struct self *s = ctx;
    struct st_entry *e;
    (void)c;
    (void)ret;
    s->inner = st_cache_get(s->ca, key, NULL, NULL, &e);
    return s->inner;
}

/* A17 */
TEST(cache_flight, a_loader_that_looks_up_its_own_key_is_told)
{
    struct self s = {0};
    struct st_cache_row row = {.name = "self",
                               .entries_max = 1,
                               .bytes_max = 1000,
                               .load = load_self,
                               .ctx = &s};
    struct st_entry *e;
    struct st_cache_stats st;
    CHECK_OK(st_cache_new(&row, &s.ca));
    CHECK_ERR(st_cache_get(s.ca, SLICE("k"), NULL, NULL, &e), ERR_INTERNAL);
    CHECK_ERR(s.inner, ERR_INTERNAL);
    st_cache_stats(s.ca, &st);
    CHECK_INT_EQ(st.flights, 0);
    CHECK_INT_EQ(st.count[ST_METRIC_misses], 2);
    st_cache_free(s.ca);
}

/* --- stale while revalidate --------------------------------------------- */

static struct pool *refresh_pool(struct st_cache_row *row, uint32_t queue)
{
    struct pool *pool;
    CHECK_OK(pool_new("refresh", 1, queue, &pool));
    row->swr = true;
    row->refresh_pool = pool;
    return pool;
}

/* A05: the loader is held while all callers are answered. */
TEST(cache_flight, stale_now_and_one_refresh_in_the_background)
{
    struct fake_load fl = {0};
    struct st_cache_row row = fake_row(&fl);
    struct caller c[CALLERS] = {0};
    struct pool *pool = refresh_pool(&row, 8);
    stale_cache(&fl, &row);
    fl.hold = true;
    callers_start(c, CALLERS, &fl);
    CHECK_INT_EQ(callers_end(c, CALLERS, OK), CALLERS);
    for (int i = 0; i < CALLERS; i++) CHECK_INT_EQ(c[i].source, ST_STALE);
    fake_await_calls(&fl, 2);
    clock_fake_advance(SECONDS(2)); /* still one refresh */
    CHECK_INT_EQ(fake_get(&fl, "s-1"), 1);
    fl.hold = false;
    pool_free(pool);
    CHECK_INT_EQ(fake_get(&fl, "s-1"), 2);
    CHECK_INT_EQ(fl.calls, 2);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_hits), CALLERS + 2);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_stale_served), CALLERS + 1);
    fake_done(&fl);
}

static void settle(struct fake_load *fl)
{
    while (fake_stats(fl).flights) sched_yield();
}

TEST(cache_flight, a_refresh_that_fails_is_put_off_longer_and_longer)
{
    struct fake_load fl = {.error = ERR_IO};
    struct st_cache_row row = fake_row(&fl);
    struct pool *pool = refresh_pool(&row, 8);
    stale_cache(&fl, &row);
    fl.fail = 100;
    int calls[8];
    for (int s = 0; s < 8; s++) {
        CHECK_INT_EQ(fake_get(&fl, "s-1"), 1);
        settle(&fl);
        calls[s] = fl.calls - 1;
        clock_fake_advance(SECONDS(1));
    }
    /* At 0 s, 1 s, 3 s and 7 s. */
    static const int want[] = {1, 2, 2, 3, 3, 3, 3, 4};
    for (int s = 0; s < 8; s++) CHECK_INT_EQ(calls[s], want[s]);
    pool_free(pool);
    fake_done(&fl);
}

TEST(cache_flight, a_refresh_hears_of_the_shutdown)
{
    struct fake_load fl = {0};
    struct st_cache_row row = fake_row(&fl);
    struct pool *pool = refresh_pool(&row, 8);
    stale_cache(&fl, &row);
    fl.hold = true;
    CHECK_INT_EQ(fake_get(&fl, "s-1"), 1);
    fake_await_calls(&fl, 2);
    st_cache_stop(fl.ca);
    pool_free(pool);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_load_failures), 1);
    fake_done(&fl);
}

TEST(cache_flight, a_refresh_that_waited_too_long_for_a_worker_is_dropped)
{
    struct fake_load fl = {0};
    struct st_cache_row row = fake_row(&fl);
    struct pool *pool = refresh_pool(&row, 8);
    stale_cache(&fl, &row);
    fake_get(&fl, "s-2");
    clock_fake_advance(SECONDS(2));
    fl.hold = true;
    fl.stubborn = true;
    CHECK_INT_EQ(fake_get(&fl, "s-2"), 2); /* its refresh has the worker */
    fake_await_calls(&fl, 3);
    CHECK_INT_EQ(fake_get(&fl, "s-1"), 1); /* its refresh waits */
    clock_fake_advance(SECONDS(10));
    fl.hold = false;
    pool_free(pool);
    CHECK_INT_EQ(fl.calls, 3);
    CHECK_INT_EQ(fake_stats(&fl).flights, 0);
    fake_done(&fl);
}

/* A lookup that may have nothing stale joins the refresh. */
TEST(cache_flight, a_lookup_may_join_a_refresh)
{
    struct fake_load fl = {0};
    struct st_cache_row row = fake_row(&fl);
    struct caller c[1] = {{.no_stale = true}};
    struct pool *pool = refresh_pool(&row, 8);
    stale_cache(&fl, &row);
    fl.hold = true;
    CHECK_INT_EQ(fake_get(&fl, "s-1"), 1);
    fake_await_calls(&fl, 2);
    callers_start(c, 1, &fl);
    fake_await_waiting(&fl, 1);
    fl.hold = false;
    CHECK_INT_EQ(callers_end(c, 1, OK), 1);
    CHECK_INT_EQ(c->source, ST_JOINED);
    CHECK_INT_EQ(fl.calls, 2);
    pool_free(pool);
    fake_done(&fl);
}

TEST(cache_flight, without_a_worker_the_refresh_is_skipped)
{
    struct fake_load fl = {0};
    struct st_cache_row row = fake_row(&fl);
    struct pool *pool = refresh_pool(&row, 8);
    stale_cache(&fl, &row);
    pool_stop(pool);
    CHECK_INT_EQ(fake_get(&fl, "s-1"), 1);
    CHECK_INT_EQ(fake_get(&fl, "s-1"), 1);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_refresh_skipped), 2);
    clock_fake_advance(SECONDS(60));
    CHECK_INT_EQ(fake_get(&fl, "s-1"), 2);
    pool_free(pool);
    fake_done(&fl);
}

TEST(cache_flight, without_memory_the_refresh_is_skipped)
{
    struct fake_load fl = {0};
    struct st_cache_row row = fake_row(&fl);
    struct pool *pool = refresh_pool(&row, 8);
    stale_cache(&fl, &row);
    for (uint64_t n = 1; n <= 2; n++) {
        mem_fail_at(n);
        CHECK_INT_EQ(fake_get(&fl, "s-1"), 1);
    }
    mem_fail_at(0);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_refresh_skipped), 2);
    pool_free(pool);
    fake_done(&fl);
}

/* --- nothing is left ----------------------------------------------------- */

struct muddle {
    struct fake_load fl;
    int keys;
};

static void muddle_thread(void *ctx, int i)
{
    struct muddle *m = ctx;
    for (int k = 0; k < m->keys; k++) {
        struct st_entry *e = NULL;
        struct cancel c;
        char key[2] = {(char)k, (char)(k >> 8)};
        cancel_init(&c, INT64_MAX);
        if ((k + i) % 3 == 0) cancel_set(&c, CANCEL_CLIENT);
        struct st_get how = {.cancel = &c};
        if (k % 16 == 0) atomic_store(&m->fl.fail, 1);
        (void)!st_cache_get(m->fl.ca, (struct slice){key, 2}, &how, NULL, &e);
        if (k % 7 == i)
            st_cache_invalidate(m->fl.ca, (struct slice){key, 2}, ST_WRITE);
        st_entry_unref(e);
    }
}

/* A06 */
TEST(cache_flight, nothing_is_left_after_loads_of_all_kinds)
{
    struct muddle m = {.fl.error = ERR_CANCELLED,
                       .keys = test_sanitized() ? 2000 : 10000};
    log_setup(LOG_OFF, LOG_TEXT);
    fake_cache(&m.fl, NULL);
    test_threads(4, muddle_thread, &m);
    CHECK_INT_EQ(fake_stats(&m.fl).total, 4 * m.keys);
    fake_done(&m.fl);
}
