/* permit: capacity is bounded, waited for in order, and never lost. */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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
    CHECK_INT_EQ(o.limit[PERMIT_EXEC], 4);
    CHECK_INT_EQ(o.limit[PERMIT_EMBED], 6);
    CHECK_INT_EQ(o.queue_max, 64);
    CHECK_INT_EQ(o.wait_ns, 250 * NS_PER_MS);
}

/* C01 */
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

/* C02 */
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

/* C04 */
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

/* C05 */
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

/* C10 */
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

/* C11 */
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

/* C09 */
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
    if (slice_find(line, SLICE("permit held too long")) == line.n) return;
    atomic_fetch_add(&leak_lines, 1);
    CHECK_CONTAINS(line, " level=global class=read session=x ");
    CHECK_CONTAINS(line, " over_ms=");
    CHECK_CONTAINS(line, log_thread()); /* it took the permit itself */
}

/* C08 */
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

/* C06 */
TEST(permit, one_after_another_is_never_refused)
{
    static const uint32_t per_session[] = {0, 8};
    for (size_t k = 0; k < 2; k++) {
        struct permits *ps = make(24, per_session[k], 6, 0);
        for (int i = 0; i < 100; i++) {
            struct holder h;
            CHECK_OK(take(ps, &h, "s", PERMIT_READ));
            give_back(&h);
        }
        CHECK_INT_EQ(stats(ps).granted[PERMIT_GLOBAL], 100);
        CHECK_INT_EQ(stats(ps).refused[PERMIT_GLOBAL], 0);
        permits_free(ps);
    }
}

/* C07 */
struct shift {
    struct permits *ps;
    _Atomic int now, most, answered;
};

static void work_a_while(void *ctx, int i)
{
    struct shift *sh = ctx;
    struct holder h;
    char session[8];
    snprintf(session, sizeof(session), "s%d", i);
    enum err e = take(sh->ps, &h, session, PERMIT_READ);
    if (e == ERR_PENDING) e = outcome(&h);
    CHECK_OK(e);
    int now = ++sh->now, most = sh->most;
    while (now > most && !atomic_compare_exchange_weak(&sh->most, &most, now))
        continue;
    if (i < 2) permits_check(sh->ps, clock_now());
    usleep(300000);
    sh->now--;
    sh->answered++;
    give_back(&h);
}

TEST(permit, twelve_wait_for_four_places_and_a_check_mints_none,
     .timeout_s = 60)
{
    int64_t patience = test_sanitized() ? 30000 : 5000;
    struct shift sh = {.ps = make(4, 2, 6, patience)};
    test_threads(12, work_a_while, &sh);
    CHECK_INT_EQ(sh.most, 4);
    CHECK_INT_EQ(sh.answered, 12);
    CHECK_INT_EQ(stats(sh.ps).leaks, 0);
    CHECK_INT_EQ(stats(sh.ps).limit[PERMIT_GLOBAL], 4);
    permits_free(sh.ps);
}

/* C12 */
TEST(permit, who_is_withdrawn_leaves_at_once_and_is_granted_nothing)
{
    struct permits *ps = make(1, 0, 6, 60000);
    struct holder a, b, c;
    CHECK_OK(take(ps, &a, "", PERMIT_READ));
    CHECK_ERR(take(ps, &b, "", PERMIT_READ), ERR_PENDING);
    CHECK_ERR(take(ps, &c, "", PERMIT_READ), ERR_PENDING);
    CHECK(permit_withdraw(&b.permit));
    CHECK_INT_EQ(stats(ps).waiting, 1);
    give_back(&a);
    CHECK_OK(outcome(&c));
    CHECK(!b.told);
    give_back(&c);
    permits_free(ps);
}

/* --- inner ones ------------------------------------------------------------
 */

static enum err take_inner(struct permits *ps, struct holder *h,
                           enum permit_level class)
{
    *h = (struct holder){.permit = {.class = class,
                                    .inner = true,
                                    .deadline = clock_now() + 60 * NS_PER_S,
                                    .done = holder_told}};
    lock_init(&h->lock, "holder", RANK_LEAF);
    cond_init(&h->came);
    return permit_take(ps, &h->permit, clock_now());
}

TEST(permit, an_inner_one_counts_at_its_class_and_needs_no_other_room)
{
    struct permits *ps = make(1, 0, 6, 60000);
    struct holder outer, waits, in[5];
    CHECK_OK(take(ps, &outer, "", PERMIT_READ));
    CHECK_ERR(take(ps, &waits, "", PERMIT_READ), ERR_PENDING);
    for (int i = 0; i < 4; i++) CHECK_OK(take_inner(ps, &in[i], PERMIT_EXEC));
    CHECK_INT_EQ(stats(ps).in_use[PERMIT_GLOBAL], 1);
    CHECK_TEXT_EQ(slice_of(permit_level_state(
                      &(struct permit_stats){.limit = {[PERMIT_EXEC] = 5},
                                             .in_use = {[PERMIT_EXEC] = 4}},
                      PERMIT_EXEC)),
                  "high");
    CHECK_ERR(take_inner(ps, &in[4], PERMIT_EXEC), ERR_PENDING);
    CHECK_INT_EQ(stats(ps).waits[PERMIT_EXEC], 1);
    CHECK_INT_EQ(stats(ps).waits[PERMIT_GLOBAL], 1);
    give_back(&in[0]); /* while the process is full */
    CHECK_OK(outcome(&in[4]));
    CHECK(!waits.told);
    give_back(&outer);
    CHECK_OK(outcome(&waits));
    give_back(&waits);
    for (int i = 1; i < 5; i++) give_back(&in[i]);
    CHECK_INT_EQ(stats(ps).in_use[PERMIT_EXEC], 0);
    permits_free(ps);
}

struct blocked {
    struct permits *ps;
    struct permit permit;
    struct cancel cancel;
    enum err e;
};

static void *block(void *ctx)
{
    struct blocked *b = ctx;
    b->permit = (struct permit){
        .class = PERMIT_EXEC, .inner = true, .deadline = INT64_MAX};
    b->e = permit_take_wait(b->ps, &b->permit, &b->cancel);
    return NULL;
}

/* A thread that waits, once it does. */
static pthread_t blocked_start(struct permits *ps, struct blocked *b)
{
    pthread_t t;
    b->ps = ps;
    cancel_init(&b->cancel, INT64_MAX);
    CHECK_INT_EQ(pthread_create(&t, NULL, block, b), 0);
    while (stats(ps).waiting != 1) (void)usleep(1000);
    return t;
}

TEST(permit, a_thread_waits_for_one_until_it_comes_or_is_cancelled)
{
    struct permits *ps = make(4, 0, 6, 60000);
    struct holder in[4];
    struct blocked b;
    for (int i = 0; i < 4; i++) CHECK_OK(take_inner(ps, &in[i], PERMIT_EXEC));
    pthread_t t = blocked_start(ps, &b);
    cancel_set(&b.cancel, CANCEL_CLIENT);
    CHECK_INT_EQ(pthread_join(t, NULL), 0);
    CHECK_ERR(b.e, ERR_CANCELLED);
    CHECK_INT_EQ(stats(ps).waiting, 0);
    t = blocked_start(ps, &b);
    give_back(&in[0]);
    CHECK_INT_EQ(pthread_join(t, NULL), 0);
    CHECK_OK(b.e);
    struct permit *p = &b.permit;
    permit_release(&p);
    for (int i = 1; i < 4; i++) give_back(&in[i]);
    permits_free(ps);
}

/* --- told late -------------------------------------------------------------
 */

/* One release grants two, who are told one after the other: the second is
 * cancelled between his grant and the news of it. */
struct late {
    struct permits *ps;
    struct holder holder, first;
    struct permit second;
    struct cancel cancel;
    struct lock lock;
    struct cond moved;
    bool first_told, over;
    enum err second_got;
};

static struct late *late;

static void first_is_told(struct permit *p, enum err e)
{
    (void)p;
    CHECK_OK(e);
    lock_take(&late->lock);
    late->first_told = true;
    cond_broadcast(&late->moved);
    while (!late->over) cond_wait(&late->moved, &late->lock);
    lock_drop(&late->lock);
}

static void late_thread(void *ctx, int i)
{
    struct late *l = ctx;
    if (i == 0) {
        l->second_got = permit_take_wait(l->ps, &l->second, &l->cancel);
    } else if (i == 1) {
        while (stats(l->ps).waiting < 2) sched_yield();
        give_back(&l->holder); /* tells both */
    } else {
        lock_take(&l->lock);
        while (!l->first_told) cond_wait(&l->moved, &l->lock);
        lock_drop(&l->lock);
        cancel_set(&l->cancel, CANCEL_CLIENT);
        usleep(200000); /* several looks of his */
        lock_take(&l->lock);
        l->over = true;
        cond_broadcast(&l->moved);
        lock_drop(&l->lock);
    }
}

TEST(permit, who_is_cancelled_between_his_grant_and_its_news_keeps_nothing)
{
    static struct late l;
    late = &l;
    l.ps = make(24, 1, 1, 60000);
    lock_init(&l.lock, "late", RANK_LEAF);
    cond_init(&l.moved);
    cancel_init(&l.cancel, INT64_MAX);
    CHECK_OK(take(l.ps, &l.holder, "a", PERMIT_SEARCH));
    CHECK_ERR(take(l.ps, &l.first, "a", PERMIT_READ), ERR_PENDING);
    l.first.permit.done = first_is_told;
    l.second = (struct permit){
        .session = SLICE("b"), .class = PERMIT_SEARCH, .deadline = INT64_MAX};
    test_threads(3, late_thread, &l);
    if (!l.second_got) { /* a slow machine: he heard the news first */
        struct permit *p = &l.second;
        permit_release(&p);
    }
    CHECK_INT_EQ(stats(l.ps).in_use[PERMIT_SEARCH], 0);
    CHECK_INT_EQ(stats(l.ps).in_use[PERMIT_GLOBAL], 1);
    give_back(&l.first);
    CHECK_INT_EQ(stats(l.ps).release_errors, 0);
    permits_free(l.ps);
}
