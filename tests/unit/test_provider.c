/* provider: limiter, breaker, retries. Time is given or stands still. */
#include <stdatomic.h>
#include <stdio.h>

#include "base/lock.h"
#include "base/log.h"
#include "engine/provider.h"
#include "tests/runner/test.h"

#define S(n) ((int64_t)(n)*NS_PER_S)
#define MS(n) ((int64_t)(n)*NS_PER_MS)

static uint64_t none(void)
{
    return 0;
}

static uint64_t most(void)
{
    return UINT64_MAX - UINT64_MAX % (S(6) + 1) - 1; /* 10 % of a minute */
}

static void quiet(void *ctx, struct slice line)
{
    (void)ctx, (void)line;
}

static void breaker_make(struct breaker *b, uint64_t (*random)(void))
{
    struct breaker_options o;
    log_divert(quiet, NULL);
    breaker_options_init(&o);
    if (random) o.random = random;
    breaker_init(b, "embed", &o);
}

static struct breaker_stats stats_at(struct breaker *b, int64_t now)
{
    struct breaker_stats st;
    breaker_stats(b, now, &st);
    return st;
}

static struct breaker_token begin_at(struct breaker *b, int64_t now)
{
    struct breaker_token t;
    int64_t retry;
    CHECK_OK(breaker_begin(b, now, S(30), &t, &retry));
    return t;
}

static int64_t refused_at(struct breaker *b, int64_t now)
{
    struct breaker_token t;
    int64_t retry = 0;
    CHECK_ERR(breaker_begin(b, now, S(30), &t, &retry),
              ERR_PROVIDER_UNAVAILABLE);
    CHECK_INT_GE(retry, NS_PER_MS);
    return retry;
}

static void attempt_at(struct breaker *b, int64_t now, enum breaker_outcome o)
{
    breaker_end(b, now, begin_at(b, now), o);
}

static void open_at(struct breaker *b, int64_t now)
{
    for (int i = 0; i < 5; i++) attempt_at(b, now, BREAKER_FAILURE);
    CHECK_INT_EQ(stats_at(b, now).state, BREAKER_OPEN);
}

/* --- the breaker ---------------------------------------------------------- */

/* I01 */
TEST(breaker, five_failures_in_a_row_open_it_and_calls_are_refused_at_once)
{
    struct breaker b;
    breaker_make(&b, none);
    for (int i = 0; i < 4; i++) attempt_at(&b, S(1), BREAKER_FAILURE);
    attempt_at(&b, S(1), BREAKER_SUCCESS); /* the row begins anew */
    for (int i = 0; i < 4; i++) attempt_at(&b, S(1), BREAKER_FAILURE);
    attempt_at(&b, S(1), BREAKER_CANCELLED); /* says nothing */
    attempt_at(&b, S(1), BREAKER_UNTRIED);
    CHECK_INT_EQ(stats_at(&b, S(1)).state, BREAKER_CLOSED);
    attempt_at(&b, S(1), BREAKER_FAILURE);
    CHECK_INT_EQ(stats_at(&b, S(1)).state, BREAKER_OPEN);
    int64_t began = clock_now();
    CHECK_INT_EQ(refused_at(&b, S(1)), S(60));
    CHECK_INT_LT(clock_now() - began, MS(30)); /* 1 ms, with room */
    CHECK_INT_EQ(refused_at(&b, S(41)), S(20));
    CHECK_INT_EQ(stats_at(&b, S(41)).refused, 2);
    breaker_done(&b);
}

struct crowd {
    struct breaker *b;
    int64_t now;
    pthread_barrier_t gate;
    atomic_int probes, refused;
};

static void *crowd_call(void *ctx)
{
    struct crowd *c = ctx;
    struct breaker_token t;
    int64_t retry;
    pthread_barrier_wait(&c->gate);
    if (breaker_begin(c->b, c->now, S(30), &t, &retry) == OK) {
        CHECK(t.probe);
        atomic_fetch_add(&c->probes, 1);
    } else {
        atomic_fetch_add(&c->refused, 1);
    }
    return NULL;
}

/* I02 */
TEST(breaker, after_the_window_ten_calls_at_once_are_one_probe)
{
    struct breaker b;
    pthread_t thread[10];
    breaker_make(&b, most);
    open_at(&b, 0);
    CHECK_INT_EQ(refused_at(&b, S(60)), S(6));
    struct crowd c = {.b = &b, .now = S(66)};
    pthread_barrier_init(&c.gate, NULL, 10);
    for (int i = 0; i < 10; i++)
        CHECK_INT_EQ(pthread_create(&thread[i], NULL, crowd_call, &c), 0);
    for (int i = 0; i < 10; i++) pthread_join(thread[i], NULL);
    CHECK_INT_EQ(c.probes, 1);
    CHECK_INT_EQ(c.refused, 9);
    CHECK_INT_EQ(stats_at(&b, S(66)).state, BREAKER_HALF_OPEN);
    pthread_barrier_destroy(&c.gate);
    breaker_done(&b);
}

/* I03 */
TEST(breaker, two_probes_one_after_the_other_close_it)
{
    struct breaker b;
    breaker_make(&b, none);
    open_at(&b, 0);
    struct breaker_token first = begin_at(&b, S(60));
    (void)refused_at(&b, S(60));
    breaker_end(&b, S(61), first, BREAKER_SUCCESS);
    CHECK_INT_EQ(stats_at(&b, S(61)).state, BREAKER_HALF_OPEN);
    struct breaker_token second = begin_at(&b, S(61));
    CHECK(second.probe);
    (void)refused_at(&b, S(61));
    breaker_end(&b, S(62), second, BREAKER_SUCCESS);
    struct breaker_stats st = stats_at(&b, S(62));
    CHECK_INT_EQ(st.state, BREAKER_CLOSED);
    CHECK_INT_EQ(st.window_ns, S(60));
    CHECK_INT_EQ(st.probes[BREAKER_SUCCESS], 2);
    breaker_done(&b);
}

/* I03 */
TEST(breaker, a_failed_first_probe_opens_it_for_120_to_132_seconds)
{
    for (int i = 0; i < 50; i++) {
        struct breaker b;
        breaker_make(&b, NULL);
        open_at(&b, 0);
        attempt_at(&b, S(66), BREAKER_FAILURE);
        int64_t wait = refused_at(&b, S(66));
        CHECK_INT_GE(wait, S(120));
        CHECK_INT_LE(wait, S(132));
        breaker_done(&b);
    }
}

/* I04 */
TEST(breaker, failed_probes_in_a_row_double_the_window_up_to_its_most)
{
    static const int64_t windows[] = {120, 240, 300, 300};
    struct breaker b;
    int64_t now = S(66);
    breaker_make(&b, NULL);
    open_at(&b, 0);
    for (int i = 0; i < 4; i++) {
        attempt_at(&b, now, BREAKER_FAILURE);
        int64_t wait = refused_at(&b, now);
        CHECK_INT_GE(wait, S(windows[i]));
        CHECK_INT_LE(wait, S(windows[i]) * 11 / 10);
        CHECK_INT_EQ(stats_at(&b, now).window_ns, S(windows[i]));
        now += wait;
    }
    breaker_done(&b);
}

/* I05 */
TEST(breaker, a_cancelled_probe_opens_it_for_the_same_window_again)
{
    struct breaker b;
    breaker_make(&b, most);
    open_at(&b, 0);
    attempt_at(&b, S(66), BREAKER_CANCELLED);
    CHECK_INT_EQ(refused_at(&b, S(66)), S(66));
    attempt_at(&b, S(132), BREAKER_SUCCESS); /* the window after admits one */
    breaker_done(&b);
}

/* I05 */
TEST(breaker, a_probe_that_never_ends_has_failed_a_second_after_its_limit)
{
    struct breaker b;
    breaker_make(&b, none);
    open_at(&b, 0);
    struct breaker_token lost = begin_at(&b, S(60)); /* at most 30 s */
    CHECK_INT_EQ(refused_at(&b, S(90)), S(1));
    CHECK_INT_EQ(refused_at(&b, S(91)), S(120));
    breaker_end(&b, S(92), lost, BREAKER_SUCCESS); /* too late to count */
    CHECK_INT_EQ(stats_at(&b, S(92)).state, BREAKER_OPEN);
    CHECK(begin_at(&b, S(211)).probe);
    breaker_done(&b);
}

TEST(breaker, a_probe_that_another_guard_refused_leaves_its_place_to_the_next)
{
    struct breaker b;
    breaker_make(&b, none);
    open_at(&b, 0);
    attempt_at(&b, S(60), BREAKER_UNTRIED);
    CHECK(begin_at(&b, S(60)).probe);
    breaker_done(&b);
}

/* I09 */
TEST(breaker, a_hundred_calls_in_flight_change_its_state_once)
{
    struct breaker b;
    struct breaker_token t[100];
    breaker_make(&b, NULL);
    for (int i = 0; i < 100; i++) t[i] = begin_at(&b, 0);
    for (int i = 0; i < 100; i++) breaker_end(&b, MS(i), t[i], BREAKER_FAILURE);
    struct breaker_stats st = stats_at(&b, MS(4));
    CHECK_INT_EQ(st.changes[BREAKER_OPEN], 1);
    CHECK_INT_EQ(st.failures_total, 100);
    CHECK_INT_GE(st.retry_ns, S(60));
    CHECK_INT_LE(st.retry_ns, S(66));
    breaker_done(&b);
}

TEST(breaker, a_late_success_of_before_does_not_close_it)
{
    struct breaker b;
    breaker_make(&b, none);
    struct breaker_token slow = begin_at(&b, 0);
    open_at(&b, 0);
    breaker_end(&b, S(1), slow, BREAKER_SUCCESS);
    CHECK_INT_EQ(stats_at(&b, S(1)).state, BREAKER_OPEN);
    struct breaker_token probe = begin_at(&b, S(60));
    breaker_end(&b, S(60), slow, BREAKER_FAILURE);
    CHECK_INT_EQ(stats_at(&b, S(60)).state, BREAKER_HALF_OPEN);
    breaker_end(&b, S(60), probe, BREAKER_SUCCESS);
    breaker_done(&b);
}

TEST(breaker, an_operator_resets_it_in_any_state)
{
    struct breaker b;
    breaker_make(&b, none);
    attempt_at(&b, 0, BREAKER_FAILURE);
    struct breaker_token flying = begin_at(&b, 0);
    breaker_reset(&b, 0);
    CHECK_INT_EQ(stats_at(&b, 0).failures, 0);
    breaker_end(&b, 0, flying, BREAKER_FAILURE);
    CHECK_INT_EQ(stats_at(&b, 0).failures, 0);
    open_at(&b, 0);
    breaker_reset(&b, S(1));
    attempt_at(&b, S(1), BREAKER_SUCCESS);
    open_at(&b, S(1));
    attempt_at(&b, S(61), BREAKER_FAILURE); /* 120 s now */
    struct breaker_token probe = begin_at(&b, S(181));
    breaker_reset(&b, S(181));
    breaker_end(&b, S(181), probe, BREAKER_FAILURE);
    struct breaker_stats st = stats_at(&b, S(181));
    CHECK_INT_EQ(st.state, BREAKER_CLOSED);
    CHECK_INT_EQ(st.window_ns, S(60));
    breaker_done(&b);
}

/* --- the limiter ---------------------------------------------------------- */

static bool takes(struct limiter *l, struct bucket *const *chain, size_t n,
                  int64_t now, struct limiter_refusal *r)
{
    int64_t wait = -1;
    if (limiter_take(l, chain, n, now, 0, &wait, r)) return false;
    CHECK_INT_EQ(wait, 0);
    return true;
}

/* I06 */
TEST(limiter, the_thirty_first_of_a_class_is_told_two_seconds)
{
    struct limiter l;
    struct bucket global, class;
    struct bucket *const chain[] = {&global, &class};
    struct limiter_refusal r;
    struct bucket_stats st;
    struct problem p;
    limiter_init(&l);
    bucket_init(&global, "inbound", &(struct bucket_options){.rate = 200});
    bucket_init(&class, "search", &(struct bucket_options){.rate = 30});
    for (int i = 0; i < 30; i++) CHECK(takes(&l, chain, 2, S(9), &r));
    CHECK(!takes(&l, chain, 2, S(9), &r));
    problem_init(&p);
    CHECK_ERR(limiter_problem(&r, test_arena(), &p), ERR_RATE_LIMITED);
    CHECK_TEXT_EQ(p.what, "Rate limit for search exceeded. Retry in 2.0s");
    CHECK_INT_EQ(p.retry_after_ms, 2000);
    limiter_stats(&l, &global, S(9), &st);
    CHECK_INT_EQ(st.tokens, 170); /* a refusal charges none */
    limiter_stats(&l, &class, S(9), &st);
    CHECK_INT_EQ(st.refused, 1);
    CHECK(takes(&l, chain, 2, S(11), &r));
    limiter_done(&l);
}

/* I07 */
TEST(limiter, fifty_at_once_and_five_more_after_a_second)
{
    struct limiter l;
    struct bucket b;
    struct bucket *const chain[] = {&b};
    struct limiter_refusal r;
    int passed = 0;
    limiter_init(&l);
    bucket_init(
        &b, "peer",
        &(struct bucket_options){.rate = 5, .burst = 50, .period_ns = S(1)});
    for (int i = 0; i < 100; i++) passed += takes(&l, chain, 1, S(3), &r);
    CHECK_INT_EQ(passed, 50);
    for (int i = 0; i < 100; i++) passed += takes(&l, chain, 1, S(4), &r);
    CHECK_INT_EQ(passed, 55);
    limiter_done(&l);
}

struct rate_row {
    const char *label;
    uint32_t rate, burst;
};

TEST_EACH(limiter, grants_at_most_rate_and_burst_in_any_minute, struct rate_row,
          row, {"7 at once", 7, 0}, {"61, 3", 61, 3}, {"100, 1", 100, 1},
          {"59, 59", 59, 59})
{
    enum { STEPS = 4 * 600 };
    static uint16_t granted[STEPS];
    struct limiter l;
    struct bucket b;
    struct bucket *const chain[] = {&b};
    struct limiter_refusal r;
    uint32_t burst = row->burst ? row->burst : row->rate, window = 0;
    limiter_init(&l);
    bucket_init(&b, row->label,
                &(struct bucket_options){.rate = row->rate, .burst = burst});
    for (int i = 0; i < STEPS; i++) { /* greedy, each 100 ms, for 4 minutes */
        while (takes(&l, chain, 1, MS(100) * i, &r)) granted[i]++;
        window += granted[i];
        if (i >= 600) window -= granted[i - 600];
        CHECK_INT_LE(window, row->rate + burst);
    }
    limiter_done(&l);
}

TEST(limiter, a_long_rest_saves_up_no_more_than_the_burst)
{
    struct limiter l;
    struct bucket b;
    struct bucket *const chain[] = {&b};
    struct limiter_refusal r;
    int passed = 0;
    limiter_init(&l);
    bucket_init(
        &b, "peer",
        &(struct bucket_options){.rate = 5, .burst = 50, .period_ns = S(1)});
    CHECK(takes(&l, chain, 1, S(3), &r));
    for (int i = 0; i < 100; i++) passed += takes(&l, chain, 1, S(3603), &r);
    CHECK_INT_EQ(passed, 50);
    limiter_done(&l);
}

/* 60 s are no multiple of a seventh: the interval is rounded up. */
TEST(limiter, tokens_never_come_sooner_than_their_rate)
{
    struct limiter l;
    struct bucket b;
    struct bucket *const chain[] = {&b};
    struct limiter_refusal r;
    int64_t wait = 0, now = 0;
    limiter_init(&l);
    bucket_init(&b, "embed", &(struct bucket_options){.rate = 7, .burst = 1});
    for (int i = 0; i < 8; i++, now += wait)
        CHECK_OK(limiter_take(&l, chain, 1, now, S(60), &wait, &r));
    CHECK_INT_GE(now, S(60));
    limiter_done(&l);
}

TEST(limiter, a_bucket_of_rate_zero_is_off)
{
    struct limiter l;
    struct bucket b;
    struct bucket *const chain[] = {&b};
    struct limiter_refusal r;
    limiter_init(&l);
    bucket_init(&b, "off", &(struct bucket_options){0});
    for (int i = 0; i < 1000; i++) CHECK(takes(&l, chain, 1, 0, &r));
    limiter_done(&l);
}

TEST(limiter, those_that_wait_get_their_tokens_in_the_order_they_came)
{
    struct limiter l;
    struct bucket b;
    struct bucket *const chain[] = {&b};
    struct limiter_refusal r;
    int64_t wait;
    limiter_init(&l);
    bucket_init(&b, "embed", &(struct bucket_options){.rate = 60, .burst = 1});
    for (int i = 0; i < 3; i++) {
        CHECK_OK(limiter_take(&l, chain, 1, S(5), S(2), &wait, &r));
        CHECK_INT_EQ(wait, S(i));
    }
    CHECK_ERR(limiter_take(&l, chain, 1, S(5), S(2), &wait, &r),
              ERR_RATE_LIMITED);
    CHECK_INT_EQ(r.wait_ns, S(3));
    limiter_done(&l);
}

/* --- a provider ----------------------------------------------------------- */

struct script {
    const enum provider_result *results;
    int64_t retry_after_ns;
    int64_t takes_ns; /* of the stopped clock */
    int calls;
    struct cancel *cancels;
};

static struct provider_ended play(void *ctx, const struct provider_attempt *at)
{
    struct script *s = ctx;
    CHECK_INT_EQ(at->number, s->calls + 1);
    if (s->takes_ns) clock_fake_advance(s->takes_ns);
    if (s->cancels) cancel_set(s->cancels, CANCEL_CLIENT);
    return (struct provider_ended){s->results[s->calls++], s->retry_after_ns};
}

static struct providers *make(struct providers_options *change)
{
    struct providers *ps;
    struct providers_options o;
    log_divert(quiet, NULL);
    providers_options_init(&o);
    o.breaker.random = none; /* no pauses, no jitter */
    CHECK_OK(providers_new(change ? change : &o, &ps));
    return ps;
}

static void options(struct providers_options *o)
{
    providers_options_init(o);
    o->breaker.random = none;
}

static struct provider *embed(struct providers *ps)
{
    struct provider *p;
    CHECK_OK(provider_get(ps, PROVIDER_EMBED, SLICE("embed"), &p));
    return p;
}

static void drop(struct providers *ps, struct provider *p)
{
    provider_put(p);
    providers_free(ps);
}

static const enum provider_result two_failures[] = {
    PROVIDER_FAILED, PROVIDER_FAILED, PROVIDER_ANSWERED};

/* I12 */
TEST(provider, two_failures_and_an_answer_are_three_attempts_and_a_success)
{
    struct providers *ps = make(NULL);
    struct provider *p = embed(ps);
    struct script s = {two_failures};
    struct provider_report r;
    CHECK_OK(provider_run(p, NULL, INT64_MAX, play, &s, &r));
    CHECK_INT_EQ(s.calls, 3);
    CHECK_INT_EQ(r.attempts, 3);
    drop(ps, p);
}

/* I12 */
TEST(provider, with_one_attempt_the_first_failure_is_the_answer)
{
    struct providers_options o;
    struct provider_report r;
    options(&o);
    o.retry_attempts = 1;
    struct providers *ps = make(&o);
    struct provider *p = embed(ps);
    struct script s = {two_failures};
    CHECK_ERR(provider_run(p, NULL, INT64_MAX, play, &s, &r),
              ERR_PROVIDER_UNAVAILABLE);
    CHECK_INT_EQ(s.calls, 1);
    CHECK_INT_EQ(r.result, PROVIDER_FAILED);
    drop(ps, p);
}

TEST(provider, a_command_is_never_tried_again)
{
    struct providers *ps = make(NULL);
    struct provider *p;
    struct provider_report r;
    struct script s = {two_failures};
    CHECK_OK(provider_get(ps, PROVIDER_EXEC, SLICE("exec:a/tests"), &p));
    CHECK_ERR(provider_run(p, NULL, INT64_MAX, play, &s, &r),
              ERR_PROVIDER_UNAVAILABLE);
    CHECK_INT_EQ(s.calls, 1);
    drop(ps, p);
}

TEST(provider, a_pause_that_does_not_fit_is_not_made)
{
    struct providers *ps = make(NULL);
    struct provider *p = embed(ps);
    struct script s = {two_failures, S(20)};
    struct provider_report r;
    int64_t began = clock_now();
    CHECK_ERR(provider_run(p, NULL, clock_now() + S(10), play, &s, &r),
              ERR_PROVIDER_UNAVAILABLE);
    CHECK_INT_EQ(s.calls, 1);
    CHECK_INT_EQ(r.retry_ns, S(20));
    CHECK_INT_LT(clock_now() - began, S(9));
    drop(ps, p);
}

TEST(provider, no_attempt_follows_once_the_breaker_is_open)
{
    static const enum provider_result down[8] = {
        PROVIDER_TIMEOUT, PROVIDER_TIMEOUT, PROVIDER_TIMEOUT, PROVIDER_TIMEOUT,
        PROVIDER_TIMEOUT, PROVIDER_TIMEOUT, PROVIDER_TIMEOUT, PROVIDER_TIMEOUT};
    struct providers *ps = make(NULL);
    struct provider *p = embed(ps);
    struct script s = {down};
    struct provider_report r;
    CHECK(provider_run(p, NULL, INT64_MAX, play, &s, &r) != OK);
    CHECK_INT_EQ(s.calls, 3);
    s.calls = 0;
    CHECK(provider_run(p, NULL, INT64_MAX, play, &s, &r) != OK);
    CHECK_INT_EQ(s.calls, 2); /* the fifth opened it */
    CHECK_INT_EQ(r.result, PROVIDER_TIMEOUT); /* not: it is open by now */
    CHECK_ERR(provider_run(p, NULL, INT64_MAX, play, &s, &r),
              ERR_PROVIDER_UNAVAILABLE);
    CHECK_INT_EQ(s.calls, 2); /* not called */
    CHECK_INT_EQ(r.result, PROVIDER_OPEN);
    CHECK_CONTAINS(provider_text(p, &r, test_arena()),
                   "embed: open, retry in ");
    drop(ps, p);
}

TEST(provider, each_attempt_ends_with_the_call)
{
    struct providers *ps = make(NULL);
    struct provider *p = embed(ps);
    struct provider_ticket t;
    struct provider_report r;
    clock_fake(S(100), 0);
    CHECK_OK(provider_enter(p, NULL, S(110), &t, &r));
    CHECK_INT_EQ(t.limit, S(110));
    provider_leave(p, &t, PROVIDER_ANSWERED);
    CHECK_OK(provider_enter(p, NULL, INT64_MAX, &t, &r));
    CHECK_INT_EQ(t.limit, S(130));
    provider_leave(p, &t, PROVIDER_ANSWERED);
    CHECK_ERR(provider_enter(p, NULL, S(100), &t, &r), ERR_DEADLINE);
    drop(ps, p);
}

/* I13 */
TEST(provider, the_hundred_and_first_of_a_second_is_refused_exactly)
{
    struct providers_options o;
    struct provider_ticket t;
    struct provider_report r;
    options(&o);
    o.limit_wait_ns = 0;
    struct providers *ps = make(&o);
    struct provider *p = embed(ps);
    clock_fake(S(100), 0);
    for (int i = 0; i < 100; i++) {
        CHECK_OK(provider_enter(p, NULL, INT64_MAX, &t, &r));
        provider_leave(p, &t, PROVIDER_ANSWERED);
        clock_fake_advance(MS(5)); /* 100 in half a second */
    }
    CHECK_ERR(provider_enter(p, NULL, INT64_MAX, &t, &r), ERR_RATE_LIMITED);
    CHECK_INT_GE(r.retry_ns, MS(1));
    CHECK_INT_LE(r.retry_ns, MS(600));
    clock_fake_advance(r.retry_ns);
    CHECK_OK(provider_enter(p, NULL, INT64_MAX, &t, &r));
    provider_leave(p, &t, PROVIDER_ANSWERED);
    drop(ps, p);
}

TEST(provider, a_refusal_by_the_limiter_is_no_failure_for_the_breaker)
{
    struct providers_options o;
    struct provider_ticket t;
    struct provider_report r;
    struct provider_stats st[PROVIDERS_TOLD];
    options(&o);
    o.limit_wait_ns = 0;
    o.limit[PROVIDER_EMBED] = (struct bucket_options){.rate = 1};
    struct providers *ps = make(&o);
    struct provider *p = embed(ps);
    clock_fake(S(100), 0);
    CHECK_OK(provider_enter(p, NULL, INT64_MAX, &t, &r));
    provider_leave(p, &t, PROVIDER_ANSWERED);
    for (int i = 0; i < 20; i++)
        CHECK_ERR(provider_enter(p, NULL, INT64_MAX, &t, &r), ERR_RATE_LIMITED);
    CHECK_INT_EQ(providers_stats(ps, clock_now(), st), 1);
    CHECK_INT_EQ(st[0].breaker.state, BREAKER_CLOSED);
    CHECK_INT_EQ(st[0].calls[PROVIDER_LIMITED], 20);
    CHECK_INT_EQ(st[0].calls[PROVIDER_ANSWERED], 1);
    drop(ps, p);
}

/* Nor is a probe that never began: the next call is the probe. */
TEST(provider, a_probe_that_the_limiter_refuses_keeps_nobody_out)
{
    struct providers_options o;
    struct provider_report r;
    struct provider_ticket t;
    clock_fake(S(1000), 0);
    options(&o);
    o.breaker.failures = 1;
    o.breaker.open_ns = S(1);
    o.limit[PROVIDER_EMBED] = (struct bucket_options){.rate = 6, .burst = 1};
    o.limit_wait_ns = S(1);
    struct providers *ps = make(&o);
    struct provider *p = embed(ps);
    CHECK_OK(provider_enter(p, NULL, INT64_MAX, &t, &r));
    provider_leave(p, &t, PROVIDER_FAILED);
    clock_fake_advance(S(2));
    CHECK_ERR(provider_enter(p, NULL, INT64_MAX, &t, &r), ERR_RATE_LIMITED);
    clock_fake_advance(S(8)); /* a token; no probe is overdue yet */
    CHECK_OK(provider_enter(p, NULL, INT64_MAX, &t, &r));
    provider_leave(p, &t, PROVIDER_ANSWERED);
    drop(ps, p);
}

TEST(provider, a_cancelled_call_pauses_no_longer)
{
    struct providers *ps = make(NULL);
    struct provider *p = embed(ps);
    struct cancel c;
    struct provider_report r;
    cancel_init(&c, INT64_MAX);
    struct script s = {two_failures, S(3600), 0, 0, &c};
    CHECK_ERR(provider_run(p, &c, INT64_MAX, play, &s, &r), ERR_CANCELLED);
    CHECK_INT_EQ(s.calls, 1);
    drop(ps, p);
}

/* I08 */
TEST(provider, a_wall_clock_set_back_an_hour_makes_no_difference)
{
    struct providers *ps = make(NULL);
    struct provider *p = embed(ps);
    struct provider_ticket t;
    struct provider_report r;
    clock_fake(S(1000), MS(7200000));
    for (int i = 0; i < 5; i++) {
        CHECK_OK(provider_enter(p, NULL, INT64_MAX, &t, &r));
        provider_leave(p, &t, PROVIDER_FAILED);
    }
    clock_fake(S(1030), MS(3600000));
    CHECK_ERR(provider_enter(p, NULL, INT64_MAX, &t, &r),
              ERR_PROVIDER_UNAVAILABLE);
    CHECK_INT_EQ(r.retry_ns, S(30));
    clock_fake(S(1060), MS(0));
    CHECK_OK(provider_enter(p, NULL, INT64_MAX, &t, &r));
    provider_leave(p, &t, PROVIDER_ANSWERED);
    drop(ps, p);
}

TEST(provider, targets_have_breakers_of_their_own_reset_by_name)
{
    struct providers *ps = make(NULL);
    struct provider *a, *b;
    struct provider_ticket t;
    struct provider_report r;
    struct provider_stats st[PROVIDERS_TOLD];
    CHECK_OK(provider_get(ps, PROVIDER_EXEC, SLICE("exec:x/lint"), &a));
    CHECK_OK(provider_get(ps, PROVIDER_EXEC, SLICE("exec:x/tests"), &b));
    for (int i = 0; i < 5; i++) {
        CHECK_OK(provider_enter(a, NULL, INT64_MAX, &t, &r));
        provider_leave(a, &t, PROVIDER_TIMEOUT);
    }
    CHECK(provider_enter(a, NULL, INT64_MAX, &t, &r) != OK);
    CHECK_OK(provider_enter(b, NULL, INT64_MAX, &t, &r));
    provider_leave(b, &t, PROVIDER_ANSWERED);
    CHECK_INT_EQ(providers_stats(ps, clock_now(), st), 2);
    CHECK_STR_EQ(st[0].name, "exec:x/lint");
    CHECK_INT_EQ(st[0].breaker.state, BREAKER_OPEN);
    CHECK_INT_EQ(st[1].breaker.state, BREAKER_CLOSED);
    CHECK_ERR(providers_reset(ps, SLICE("exec:x"), clock_now()), ERR_NOT_FOUND);
    CHECK_OK(providers_reset(ps, SLICE("exec:x/lint"), clock_now()));
    CHECK_OK(provider_enter(a, NULL, INT64_MAX, &t, &r));
    provider_leave(a, &t, PROVIDER_ANSWERED);
    CHECK_OK(providers_reset(ps, (struct slice){0}, clock_now()));
    provider_put(b);
    drop(ps, a);
}

TEST(provider, of_many_targets_those_not_held_and_least_used_leave)
{
    struct providers *ps = make(NULL);
    struct provider *first, *p;
    struct provider_stats st[PROVIDERS_TOLD];
    char name[32];
    CHECK_OK(provider_get(ps, PROVIDER_EXEC, SLICE("held"), &first));
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof(name), "exec:%d", i);
        CHECK_OK(provider_get(ps, PROVIDER_EXEC, slice_of(name), &p));
        provider_put(p);
    }
    CHECK_OK(provider_get(ps, PROVIDER_EXEC, SLICE("held"), &p));
    CHECK(p == first);
    CHECK_INT_EQ(providers_stats(ps, clock_now(), st), PROVIDERS_TOLD);
    provider_put(p);
    drop(ps, first);
}
