/* permit: capacity is bounded, waited for in order, and never lost. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/lock.h"
#include "base/log.h"
#include "engine/permit.h"
#include "tests/runner/test.h"

struct holder {
    struct permit permit; /* first */
    struct lock lock;
    struct cond came;
    bool told;
    enum err e;
};

static void holder_told(struct permit *p, enum err e)
{
    struct holder *h = (struct holder *)p;
    lock_take(&h->lock);
    CHECK(!h->told);
    h->told = true;
    h->e = e;
    cond_signal(&h->came);
    lock_drop(&h->lock);
}

static enum err take(struct permits *ps, struct holder *h, const char *session,
                     enum permit_level class)
{
    *h = (struct holder){.permit = {.session = slice_of(session),
                                    .class = class,
                                    .deadline = clock_now() + 60 * NS_PER_S,
                                    .done = holder_told}};
    lock_init(&h->lock, "holder", RANK_LEAF);
    cond_init(&h->came);
    return permit_take(ps, &h->permit, clock_now());
}

static enum err outcome(struct holder *h)
{
    lock_take(&h->lock);
    while (!h->told) cond_wait(&h->came, &h->lock);
    lock_drop(&h->lock);
    return h->e;
}

static void give_back(struct holder *h)
{
    struct permit *p = &h->permit;
    permit_release(&p);
    CHECK(p == NULL);
}

static struct permits *make(uint32_t global, uint32_t session, uint32_t search,
                            int64_t wait_ms)
{
    struct permits *ps;
    struct permit_options o;
    permit_options_init(&o);
    o.limit[PERMIT_GLOBAL] = global;
    o.limit[PERMIT_SESSION] = session;
    o.limit[PERMIT_SEARCH] = search;
    o.wait_ns = wait_ms * NS_PER_MS;
    CHECK_OK(permits_new(&o, &ps));
    return ps;
}

static struct permit_stats stats(struct permits *ps)
{
    struct permit_stats st;
    permits_stats(ps, clock_now(), &st);
    CHECK(!st.differs);
    return st;
}

TEST(permit, the_defaults_are_twenty_four_eight_and_six)
{
    struct permit_options o;
    permit_options_init(&o);
    CHECK_INT_EQ(o.limit[PERMIT_GLOBAL], 24);
    CHECK_INT_EQ(o.limit[PERMIT_SESSION], 8);
    CHECK_INT_EQ(o.limit[PERMIT_SEARCH], 6);
    CHECK_INT_EQ(o.queue_max, 64);
    CHECK_INT_EQ(o.wait_ns, 250 * NS_PER_MS);
}

TEST(permit, the_twenty_fifth_is_refused_and_holds_nothing)
{
    struct permits *ps = make(24, 0, 6, 10);
    static struct holder h[25];
    char session[16];
    for (int i = 0; i < 24; i++) {
        snprintf(session, sizeof(session), "s%d", i);
        CHECK_OK(take(ps, &h[i], session, PERMIT_READ));
    }
    CHECK_ERR(take(ps, &h[24], "new", PERMIT_READ), ERR_PENDING);
    CHECK_ERR(outcome(&h[24]), ERR_OVER_CAPACITY);
    CHECK_INT_EQ(h[24].permit.level, PERMIT_GLOBAL);
    CHECK_INT_EQ(h[24].permit.limit, 24);
    CHECK_INT_EQ(h[24].permit.in_use, 24);
    for (int i = 0; i < 24; i++) give_back(&h[i]);
    struct permit_stats st = stats(ps);
    CHECK_INT_EQ(st.in_use[PERMIT_GLOBAL], 0);
    CHECK_INT_EQ(st.refused[PERMIT_GLOBAL], 1);
    CHECK_INT_EQ(st.granted[PERMIT_GLOBAL], 24);
    CHECK_INT_EQ(st.released, 24);
    permits_free(ps);
}

TEST(permit, a_full_class_refuses_its_own_and_nobody_else)
{
    struct permits *ps = make(24, 8, 6, 0);
    struct holder h[8];
    for (int i = 0; i < 6; i++) CHECK_OK(take(ps, &h[i], "", PERMIT_SEARCH));
    CHECK_ERR(take(ps, &h[6], "", PERMIT_SEARCH), ERR_OVER_CAPACITY);
    CHECK_INT_EQ(h[6].permit.level, PERMIT_SEARCH);
    CHECK_OK(take(ps, &h[7], "", PERMIT_READ));
    CHECK_INT_EQ(stats(ps).in_use[PERMIT_GLOBAL], 7);
    for (int i = 0; i < 8; i++)
        if (i != 6) give_back(&h[i]);
    permits_free(ps);
}

TEST(permit, the_ninth_of_a_session_is_refused_and_another_session_is_not)
{
    struct permits *ps = make(24, 8, 6, 0);
    struct holder h[10];
    for (int i = 0; i < 8; i++) CHECK_OK(take(ps, &h[i], "a", PERMIT_READ));
    CHECK_ERR(take(ps, &h[8], "a", PERMIT_READ), ERR_OVER_CAPACITY);
    CHECK_INT_EQ(h[8].permit.level, PERMIT_SESSION);
    CHECK_OK(take(ps, &h[9], "b", PERMIT_READ));
    for (int i = 0; i < 10; i++)
        if (i != 8) give_back(&h[i]);
    permits_free(ps);
}

TEST(permit, a_full_session_is_waited_for_a_quarter_of_a_second)
{
    struct permits *ps = make(4, 1, 6, 250);
    struct holder a, b, c;
    CHECK_OK(take(ps, &a, "x", PERMIT_READ));
    int64_t from = clock_now();
    CHECK_ERR(take(ps, &b, "x", PERMIT_READ), ERR_PENDING);
    CHECK_OK(take(ps, &c, "y", PERMIT_READ));
    CHECK_ERR(outcome(&b), ERR_OVER_CAPACITY);
    CHECK_INT_GE(clock_now() - from, 250 * NS_PER_MS);
    CHECK_INT_GE((int64_t)stats(ps).wait_ns, 250 * NS_PER_MS);
    give_back(&a);
    give_back(&c);
    permits_free(ps);
}

TEST(permit, who_waits_for_his_session_holds_up_nobody_behind_him)
{
    struct permits *ps = make(2, 1, 6, 60000);
    struct holder a, b, first, second;
    CHECK_OK(take(ps, &a, "busy", PERMIT_READ));
    CHECK_OK(take(ps, &b, "other", PERMIT_READ));
    CHECK_ERR(take(ps, &first, "busy", PERMIT_READ), ERR_PENDING);
    CHECK_ERR(take(ps, &second, "free", PERMIT_READ), ERR_PENDING);
    give_back(&b);
    CHECK_OK(outcome(&second));
    CHECK(!first.told);
    give_back(&a);
    CHECK_OK(outcome(&first));
    give_back(&first);
    give_back(&second);
    CHECK_INT_EQ(stats(ps).in_use[PERMIT_GLOBAL], 0);
    permits_free(ps);
}

TEST(permit, the_sixty_fifth_that_waits_is_refused_at_once)
{
    struct permits *ps = make(1, 0, 6, 60000);
    static struct holder h[67];
    CHECK_OK(take(ps, &h[0], "", PERMIT_READ));
    for (int i = 1; i <= 64; i++)
        CHECK_ERR(take(ps, &h[i], "", PERMIT_READ), ERR_PENDING);
    CHECK_ERR(take(ps, &h[65], "", PERMIT_READ), ERR_OVER_CAPACITY);
    for (int i = 1; i <= 64; i++) CHECK(permit_withdraw(&h[i].permit));
    CHECK_INT_EQ(stats(ps).waiting, 0);
    give_back(&h[0]);
    for (int i = 1; i <= 64; i++) CHECK(!h[i].told);
    CHECK_INT_EQ(stats(ps).in_use[PERMIT_GLOBAL], 0);
    permits_free(ps);
}

TEST(permit, a_second_release_changes_no_counter_and_is_counted)
{
    struct permits *ps = make(4, 2, 6, 0);
    struct holder a, b;
    CHECK_OK(take(ps, &a, "x", PERMIT_READ));
    CHECK_OK(take(ps, &b, "x", PERMIT_READ));
    give_back(&a);
    give_back(&a);
    CHECK_INT_EQ(stats(ps).in_use[PERMIT_GLOBAL], 1);
    CHECK_INT_EQ(stats(ps).release_errors, 1);
    give_back(&b);
    permits_free(ps);
}

static _Atomic int leak_lines;

static void count_leaks(void *ctx, struct slice line)
{
    (void)ctx;
    if (slice_find(line, SLICE("permit held too long")) < line.n)
        atomic_fetch_add(&leak_lines, 1);
}

TEST(permit, a_leak_is_told_once_and_nothing_is_minted)
{
    clock_fake(1000 * NS_PER_S, 1700000000000);
    log_divert(count_leaks, NULL);
    struct permits *ps = make(4, 2, 6, 0);
    struct holder a;
    CHECK_OK(take(ps, &a, "x", PERMIT_READ));
    clock_fake_advance(70 * NS_PER_S); /* deadline 60 s, grace 10 s */
    permits_check(ps, clock_now());
    CHECK_INT_EQ(stats(ps).leaks, 0);
    clock_fake_advance(NS_PER_MS);
    permits_check(ps, clock_now());
    permits_check(ps, clock_now());
    CHECK_INT_EQ(stats(ps).leaks, 1);
    CHECK_INT_EQ(stats(ps).leaked, 1);
    CHECK_INT_EQ(atomic_load(&leak_lines), 1);
    CHECK_INT_EQ(stats(ps).in_use[PERMIT_GLOBAL], 1);
    give_back(&a);
    CHECK_INT_EQ(stats(ps).leaked, 0);
    permits_free(ps);
    log_divert(NULL, NULL);
}

/* --- many at once ----------------------------------------------------------
 */

struct crowd {
    struct permits *ps;
    _Atomic int running, most, granted, refused;
};

static void crowd_main(void *ctx, int i)
{
    struct crowd *c = ctx;
    int rounds = test_sanitized() ? 300 : 3000;
    char session[16];
    for (int n = 0; n < rounds; n++) {
        struct holder h;
        snprintf(session, sizeof(session), "s%d", (i + n) % 3);
        enum err e = take(c->ps, &h, n % 5 ? session : "",
                          n % 7 ? PERMIT_READ : PERMIT_SEARCH);
        if (e == ERR_PENDING) {
            if (n % 4 == 0 && permit_withdraw(&h.permit)) continue;
            e = outcome(&h);
        }
        if (e) {
            CHECK_ERR(e, ERR_OVER_CAPACITY);
            atomic_fetch_add(&c->refused, 1);
            continue;
        }
        int now = atomic_fetch_add(&c->running, 1) + 1;
        int most = atomic_load(&c->most);
        while (now > most &&
               !atomic_compare_exchange_weak(&c->most, &most, now))
            continue;
        atomic_fetch_add(&c->granted, 1);
        atomic_fetch_sub(&c->running, 1);
        give_back(&h);
    }
}

TEST(permit, a_crowd_never_exceeds_the_limit_and_leaves_nothing_behind,
     .timeout_s = 60)
{
    struct crowd c = {.ps = make(3, 2, 1, 20)};
    test_threads(8, crowd_main, &c);
    struct permit_stats st = stats(c.ps);
    CHECK_INT_LE(atomic_load(&c.most), 3);
    CHECK_INT_GT(atomic_load(&c.granted), 0);
    CHECK_INT_EQ(st.granted[PERMIT_GLOBAL], atomic_load(&c.granted));
    CHECK_INT_EQ(st.released, atomic_load(&c.granted));
    CHECK_INT_EQ(st.release_errors, 0);
    CHECK_INT_EQ(st.in_use[PERMIT_GLOBAL] + st.waiting, 0);
    permits_free(c.ps);
}
