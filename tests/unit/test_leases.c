/* Permits where the engine takes them: a write in its session's turn. */
#include <pthread.h>

#include "engine/permit.h"
#include "tests/unit/session_kit.h"

struct world {
    struct fixture f;
    struct permits *permits;
    struct lock lock;
    struct cond changed;
    bool hold, held; /* the writer, between a commit and its answer */
};

static void on_change(void *ctx, const struct eng_news *news)
{
    struct world *w = ctx;
    (void)news;
    lock_take(&w->lock);
    w->held = w->hold;
    cond_broadcast(&w->changed);
    while (w->hold) cond_wait(&w->changed, &w->lock);
    w->held = false;
    lock_drop(&w->lock);
}

static void world_make(struct world *w, uint32_t writes, int64_t wait_ms)
{
    struct permit_options o;
    permit_options_init(&o);
    o.limit[PERMIT_WRITE] = writes;
    o.wait_ns = wait_ms * NS_PER_MS;
    w->hold = w->held = false;
    lock_init(&w->lock, "world", RANK_LEAF);
    cond_init(&w->changed);
    CHECK_OK(permits_new(&o, &w->permits));
    fixture_init(&w->f, kit_workflows());
    w->f.permits = w->permits;
    fixture_restart(&w->f);
    eng_on_change(w->f.engine, ENG_FOR_DASHBOARD, on_change, w);
}

static struct permit_stats stats(struct world *w)
{
    struct permit_stats st;
    permits_stats(w->permits, clock_now(), &st);
    CHECK(!st.differs);
    return st;
}

static void world_done(struct world *w)
{
    fixture_done(&w->f);
    struct permit_stats st = stats(w);
    CHECK_INT_EQ(st.in_use[PERMIT_WRITE], 0);
    CHECK_INT_EQ(st.release_errors, 0);
    CHECK_INT_EQ(st.released, st.granted[PERMIT_WRITE]);
    permits_free(w->permits);
    cond_done(&w->changed);
    lock_done(&w->lock);
}

static void hold(struct world *w, bool on)
{
    lock_take(&w->lock);
    w->hold = on;
    cond_broadcast(&w->changed);
    lock_drop(&w->lock);
}

static void wait_held(struct world *w)
{
    lock_take(&w->lock);
    while (!w->held) cond_wait(&w->changed, &w->lock);
    lock_drop(&w->lock);
}

struct manage {
    struct outcome o;
    struct eng_manage_session_args args; /* as long as the call */
    enum err e;
};

static void pause_begin(struct world *w, struct manage *m, struct slice id)
{
    m->args = (struct eng_manage_session_args){
        .session_id = id, .action = SLICE("pause"), .to_phase = ENG_ABSENT};
    outcome_begin(&m->o);
    m->o.call.on_loop = true;
    m->e = eng_manage_session(w->f.engine, &m->o.call, &m->args);
    CHECK_INT_EQ(m->e, ERR_PENDING);
}

static enum err pause_end(struct manage *m)
{
    return outcome_end(&m->o, m->e);
}

TEST(leases, a_write_over_the_limit_of_its_class_is_refused_and_holds_nothing)
{
    struct world w;
    struct manage first, second;
    world_make(&w, 1, 10);
    struct slice a = kit_begin(&w.f, "a.md"), b = kit_begin(&w.f, "b.md");
    hold(&w, true);
    pause_begin(&w, &first, a);
    wait_held(&w);
    CHECK_INT_EQ(stats(&w).in_use[PERMIT_WRITE], 1);
    CHECK_INT_EQ(stats(&w).in_use[PERMIT_GLOBAL], 0);
    pause_begin(&w, &second, b);
    CHECK_ERR(pause_end(&second), ERR_OVER_CAPACITY);
    CHECK_TEXT_EQ(second.o.call.problem.what,
                  "write concurrency limit reached (1 of 1)");
    CHECK_INT_EQ(second.o.call.problem.retry_after_ms, 1000);
    outcome_done(&second.o);
    hold(&w, false);
    CHECK_OK(pause_end(&first));
    outcome_done(&first.o);
    pause_begin(&w, &second, b); /* the advised retry */
    CHECK_OK(pause_end(&second));
    outcome_done(&second.o);
    world_done(&w);
}

TEST(leases, a_write_waits_for_its_place_and_its_session_waits_behind_it)
{
    struct world w;
    struct manage first, second, third;
    world_make(&w, 1, 60000);
    struct slice a = kit_begin(&w.f, "a.md"), b = kit_begin(&w.f, "b.md");
    hold(&w, true);
    pause_begin(&w, &first, a);
    wait_held(&w);
    pause_begin(&w, &second, b);
    while (stats(&w).waits[PERMIT_WRITE] != 1) (void)sched_yield();
    pause_begin(&w, &third, b); /* behind it, and waits for no permit yet */
    CHECK_INT_EQ(stats(&w).waiting, 1);
    hold(&w, false);
    CHECK_OK(pause_end(&first));
    CHECK_OK(pause_end(&second));
    CHECK_OK(pause_end(&third));
    outcome_done(&first.o);
    outcome_done(&second.o);
    outcome_done(&third.o);
    world_done(&w);
}
