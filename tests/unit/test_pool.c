#include "base/pool.h"

#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/lock.h"
#include "base/log.h"
#include "tests/runner/test.h"

/* Jobs that stand at a gate until it opens, and what they did. */
struct yard {
    struct pool *pool;
    struct lock lock; /* guards what follows */
    struct cond changed;
    bool open;
    int standing, done, most_standing;
    int order[64];
};

struct gated_job {
    struct pool_job job;
    struct yard *yard;
    int id, runs;
};

static void yard_init(struct yard *y, uint32_t threads, uint32_t queue)
{
    *y = (struct yard){.open = false};
    lock_init(&y->lock, "yard", RANK_LEAF);
    cond_init(&y->changed);
    CHECK_OK(pool_new("worker", threads, queue, &y->pool));
}

static void yard_done(struct yard *y)
{
    pool_free(y->pool);
    cond_done(&y->changed);
    lock_done(&y->lock);
}

static void stand_at_the_gate(struct pool_job *job)
{
    struct gated_job *g =
        (struct gated_job *)((char *)job - offsetof(struct gated_job, job));
    struct yard *y = g->yard;
    lock_take(&y->lock);
    y->standing++;
    if (y->standing > y->most_standing) y->most_standing = y->standing;
    cond_broadcast(&y->changed);
    while (!y->open) cond_wait(&y->changed, &y->lock);
    y->standing--;
    y->order[y->done++ % 64] = g->id;
    g->runs++;
    cond_broadcast(&y->changed);
    lock_drop(&y->lock);
}

static struct gated_job gated(struct yard *y, int id)
{
    return (struct gated_job){
        .job = {.run = stand_at_the_gate}, .yard = y, .id = id};
}

static void wait_standing(struct yard *y, int n)
{
    lock_take(&y->lock);
    while (y->standing < n) cond_wait(&y->changed, &y->lock);
    lock_drop(&y->lock);
}

static void open_gate(struct yard *y)
{
    lock_take(&y->lock);
    y->open = true;
    cond_broadcast(&y->changed);
    lock_drop(&y->lock);
}

static struct pool_stats stats_of(struct pool *p)
{
    struct pool_stats s;
    pool_stats(p, &s);
    return s;
}

TEST(pool, starts_threads_on_demand_up_to_its_limit)
{
    struct yard y;
    struct gated_job jobs[6];
    yard_init(&y, 4, 10);
    CHECK_INT_LE(stats_of(y.pool).threads, 1);
    for (int i = 0; i < 6; i++) {
        jobs[i] = gated(&y, i);
        CHECK_OK(pool_submit(y.pool, &jobs[i].job));
        wait_standing(&y, i < 4 ? i + 1 : 4);
        CHECK_INT_EQ(stats_of(y.pool).threads, i < 4 ? i + 1 : 4);
    }
    struct pool_stats s = stats_of(y.pool);
    CHECK_INT_EQ(s.busy, 4);
    CHECK_INT_EQ(s.queued, 2);
    open_gate(&y);
    pool_stop(y.pool);
    CHECK_INT_EQ(stats_of(y.pool).done, 6);
    CHECK_INT_EQ(y.most_standing, 4);
    yard_done(&y);
}

/* Once as threads are started, once as all of them wait. */
TEST(pool, of_a_burst_of_jobs_that_block_each_has_a_thread)
{
    enum { N = 6 };
    struct yard y;
    struct gated_job jobs[N];
    yard_init(&y, N, 10);
    for (uint64_t round = 1; round <= 2; round++) {
        for (int i = 0; i < N; i++) {
            jobs[i] = gated(&y, i);
            CHECK_OK(pool_submit(y.pool, &jobs[i].job));
        }
        wait_standing(&y, N);
        open_gate(&y);
        while (stats_of(y.pool).done < round * N) sched_yield();
        y.open = false;
    }
    CHECK_INT_EQ(stats_of(y.pool).threads, N);
    yard_done(&y);
}

TEST(pool, an_idle_thread_is_used_again)
{
    struct yard y;
    yard_init(&y, 8, 10);
    open_gate(&y);
    for (int i = 0; i < 50; i++) {
        struct gated_job job = gated(&y, i);
        CHECK_OK(pool_submit(y.pool, &job.job));
        while (stats_of(y.pool).done <= (uint64_t)i) sched_yield();
    }
    CHECK_INT_EQ(stats_of(y.pool).threads, 1);
    yard_done(&y);
}

TEST(pool, is_at_leisure_while_a_thread_is_left_for_who_comes_next)
{
    struct yard y;
    yard_init(&y, 2, 1);
    struct gated_job g[3];
    CHECK(pool_at_leisure(y.pool));
    for (int i = 0; i < 2; i++) {
        g[i] = gated(&y, i);
        CHECK_OK(pool_submit(y.pool, &g[i].job));
        wait_standing(&y, i + 1);
        CHECK_INT_EQ(pool_at_leisure(y.pool), i == 0);
    }
    open_gate(&y);
    yard_done(&y);
}

/* The jobs that wait are found before a thread has come for them. */
struct hasty {
    struct pool_job job; /* first */
    struct pool *pool;
    struct pool_job next[64];
    sem_t done;
    bool leisure;
};

static void do_no_more(struct pool_job *job)
{
    (void)job;
}

static void submit_and_ask(struct pool_job *job)
{
    struct hasty *h = (struct hasty *)job;
    for (int i = 0; i < 64; i++) {
        h->next[i].run = do_no_more;
        CHECK_OK(pool_submit(h->pool, &h->next[i]));
    }
    h->leisure = pool_at_leisure(h->pool);
    sem_post(&h->done);
}

TEST(pool, is_not_at_leisure_while_jobs_wait)
{
    struct hasty h = {.job = {.run = submit_and_ask}};
    CHECK_OK(pool_new("worker", 1000, 64, &h.pool));
    sem_init(&h.done, 0, 0);
    do {
        CHECK_OK(pool_submit(h.pool, &h.job));
        while (sem_wait(&h.done) != 0) continue;
        while (stats_of(h.pool).queued || stats_of(h.pool).busy) sched_yield();
    } while (h.leisure);
    pool_free(h.pool);
}

TEST(pool, a_full_queue_refuses_and_then_takes_again)
{
    struct yard y;
    struct gated_job jobs[5];
    yard_init(&y, 2, 2);
    for (int i = 0; i < 5; i++) {
        jobs[i] = gated(&y, i);
        CHECK_ERR(pool_submit(y.pool, &jobs[i].job),
                  i < 4 ? OK : ERR_OVER_CAPACITY);
    }
    CHECK_INT_EQ(stats_of(y.pool).refused, 1);
    open_gate(&y);
    while (stats_of(y.pool).done < 4) sched_yield();
    CHECK_OK(pool_submit(y.pool, &jobs[4].job));
    yard_done(&y);
    CHECK_INT_EQ(jobs[4].runs, 1);
}

TEST(pool, runs_in_the_order_of_submission)
{
    struct yard y;
    struct gated_job jobs[20];
    yard_init(&y, 1, 20);
    for (int i = 0; i < 20; i++) {
        jobs[i] = gated(&y, i);
        CHECK_OK(pool_submit(y.pool, &jobs[i].job));
    }
    open_gate(&y);
    pool_stop(y.pool);
    for (int i = 0; i < 20; i++) CHECK_INT_EQ(y.order[i], i);
    yard_done(&y);
}

TEST(pool, a_cancelled_job_is_out_and_never_runs)
{
    struct yard y;
    struct gated_job jobs[5];
    yard_init(&y, 1, 10);
    for (int i = 0; i < 5; i++) {
        jobs[i] = gated(&y, i);
        CHECK_OK(pool_submit(y.pool, &jobs[i].job));
    }
    wait_standing(&y, 1);
    CHECK(!pool_cancel(y.pool, &jobs[0].job)); /* runs */
    CHECK(pool_cancel(y.pool, &jobs[2].job));
    CHECK(!pool_cancel(y.pool, &jobs[2].job)); /* out */
    CHECK(pool_cancel(y.pool, &jobs[4].job));
    CHECK_INT_EQ(stats_of(y.pool).queued, 2);
    CHECK_OK(pool_submit(y.pool, &jobs[2].job)); /* and may come again */
    open_gate(&y);
    pool_stop(y.pool);
    static const int runs[] = {1, 1, 1, 1, 0}, order[] = {0, 1, 3, 2};
    for (int i = 0; i < 5; i++) CHECK_INT_EQ(jobs[i].runs, runs[i]);
    for (int i = 0; i < 4; i++) CHECK_INT_EQ(y.order[i], order[i]);
    yard_done(&y);
}

struct race {
    struct pool *pool;
    _Atomic int runs;
};

struct race_job {
    struct pool_job job;
    struct race *race;
};

static void count_run(struct pool_job *job)
{
    atomic_fetch_add(&((struct race_job *)(void *)job)->race->runs, 1);
}

static void submit_and_cancel(void *ctx, int i)
{
    struct race *r = ctx;
    int rounds = test_sanitized() ? 500 : 5000;
    (void)i;
    for (int k = 0; k < rounds; k++) {
        struct race_job job = {{.run = count_run}, r};
        int before = atomic_load(&r->runs);
        if (pool_submit(r->pool, &job.job)) continue;
        if (pool_cancel(r->pool, &job.job)) continue;
        /* It was taken: this frame must stay until a run was seen. */
        while (atomic_load(&r->runs) == before) sched_yield();
    }
}

TEST(pool, a_cancel_and_a_run_never_both_happen)
{
    struct race r = {0};
    CHECK_OK(pool_new("worker", 2, 4, &r.pool));
    test_threads(1, submit_and_cancel, &r);
    pool_stop(r.pool);
    CHECK_INT_EQ(stats_of(r.pool).done, r.runs);
    pool_free(r.pool);
}

TEST(pool, a_stop_runs_what_is_queued_and_refuses_the_rest)
{
    struct yard y;
    struct gated_job jobs[4];
    yard_init(&y, 1, 10);
    for (int i = 0; i < 3; i++) {
        jobs[i] = gated(&y, i);
        CHECK_OK(pool_submit(y.pool, &jobs[i].job));
    }
    open_gate(&y);
    pool_stop(y.pool);
    CHECK_INT_EQ(y.done, 3);
    jobs[3] = gated(&y, 3);
    CHECK_ERR(pool_submit(y.pool, &jobs[3].job), ERR_CLOSED);
    pool_stop(y.pool);
    yard_done(&y);
}

struct chain_job {
    struct pool_job job;
    struct pool *pool;
    int left; /* of the thread that runs it */
    _Atomic int refused;
};

static void submit_itself(struct pool_job *job)
{
    struct chain_job *c = (void *)job;
    if (c->left-- > 0 && pool_submit(c->pool, job))
        atomic_fetch_add(&c->refused, 1);
}

TEST(pool, a_job_may_submit_itself_again)
{
    struct chain_job c = {.job = {.run = submit_itself}, .left = 100};
    CHECK_OK(pool_new("worker", 2, 1, &c.pool));
    CHECK_OK(pool_submit(c.pool, &c.job));
    while (stats_of(c.pool).done < 101) sched_yield();
    CHECK_INT_EQ(c.refused, 0);
    pool_free(c.pool);
}

struct look_job {
    struct pool_job job;
    bool blocked;
    char name[16];
};

static void look_around(struct pool_job *job)
{
    struct look_job *l = (void *)job;
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    l->blocked = sigismember(&mask, SIGTERM) && sigismember(&mask, SIGINT);
    memcpy(l->name, log_thread(), strlen(log_thread()) + 1);
}

TEST(pool, threads_are_named_and_block_signals)
{
    struct look_job l = {.job = {.run = look_around}};
    struct pool *p;
    CHECK_OK(pool_new("worker", 1, 1, &p));
    CHECK_OK(pool_submit(p, &l.job));
    pool_free(p);
    CHECK(l.blocked);
    CHECK_STR_EQ(l.name, "worker-0");
}

TEST(pool, needs_a_thread)
{
    struct pool *p = NULL;
    CHECK_ERR(pool_new("worker", 0, 1, &p), ERR_INVALID);
    pool_free(p);
}
