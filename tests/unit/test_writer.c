/*
 * Who writes: the store's own thread, or a worker that finds nobody at it. In
 * either hand the write connection is one, and what is queued is written.
 */
#include <pthread.h>
#include <sched.h>
#include <sqlite3.h>

#include "base/pool.h"
#include "engine/core.h"
#include "state/store_private.h"
#include "tests/unit/session_kit.h"
#include "tests/unit/store_fixture.h"

/* --- the store ------------------------------------------------------------ */

struct by_thread {
    struct test_job j; /* first */
    pthread_t ran, answered;
};

static void note_ran(struct test_job *j, struct st_tx *tx)
{
    (void)tx;
    ((struct by_thread *)j)->ran = pthread_self();
}

static void note_answered(struct st_job *job, enum err e)
{
    ((struct by_thread *)job)->answered = pthread_self();
    test_job_done(job, e);
}

static void by_thread_init(struct by_thread *b, int number)
{
    test_job_init(&b->j, number);
    b->j.harm = note_ran;
    b->j.job.done = note_answered;
}

static bool is_answered(struct test_job *j)
{
    return sem_trywait(&j->answered) == 0;
}

static bool by_me(const struct by_thread *b)
{
    return pthread_equal(b->ran, pthread_self()) &&
           pthread_equal(b->answered, pthread_self());
}

TEST(writer, a_job_handed_in_to_be_written_here_is_answered_upon_return)
{
    struct by_thread b[3];
    struct st_store *s = open_store();
    for (int i = 0; i < 3; i++) {
        by_thread_init(&b[i], i);
        CHECK_OK(st_submit_here(s, &b[i].j.job));
        CHECK(is_answered(&b[i].j));
        CHECK_OK(b[i].j.result);
        CHECK(by_me(&b[i]));
        CHECK_INT_EQ(version_of(s, b[i].j.id), 1);
    }
    struct st_store_stats stats;
    st_store_stats(s, &stats);
    CHECK_INT_EQ(stats.transactions, 3);
    CHECK_INT_EQ(stats.busy_ns, 0);
    CHECK_INT_EQ(stats.beat_ns, 0);
    st_store_close(s);
}

TEST(writer, where_somebody_writes_a_job_to_be_written_here_is_left_to_him)
{
    struct stopper st;
    struct by_thread b[3];
    struct st_store *s = open_store();
    stop_writer(s, &st);
    for (int i = 0; i < 3; i++) {
        by_thread_init(&b[i], i);
        CHECK_OK(st_submit_here(s, &b[i].j.job));
        CHECK(!is_answered(&b[i].j));
    }
    let_writer_go(&st);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(test_job_wait(&b[i].j));
        CHECK(!by_me(&b[i]));
        CHECK_INT_EQ(b[i].j.place, i + 2);
    }
    st_store_close(s);
}

/* A worker inside a transaction of its own, until it is let go. */
struct worker_writes {
    struct st_store *s;
    struct stopper st;
    pthread_t thread;
};

static void *write_here(void *arg)
{
    struct worker_writes *w = arg;
    CHECK_OK(st_submit_here(w->s, &w->st.j.job));
    return NULL;
}

static void worker_writes(struct st_store *s, struct worker_writes *w)
{
    w->s = s;
    test_job_init(&w->st.j, 99999);
    w->st.j.harm = stopper_harm;
    sem_init(&w->st.inside, 0, 0);
    sem_init(&w->st.go, 0, 0);
    CHECK_INT_EQ(pthread_create(&w->thread, NULL, write_here, w), 0);
    while (sem_wait(&w->st.inside) != 0) continue;
}

/* And nobody but it: the others' are the writer thread's, together. */
TEST(writer, what_comes_while_a_worker_writes_is_written_after_it)
{
    struct worker_writes w;
    struct by_thread b[4];
    struct st_store *s = open_store();
    struct st_store_stats before, stats;
    worker_writes(s, &w);
    st_store_stats(s, &before);
    CHECK(before.beat_ns > 0); /* it is seen to be at something */
    for (int i = 0; i < 4; i++) {
        by_thread_init(&b[i], i);
        CHECK_OK(i % 2 ? st_submit(s, &b[i].j.job)
                       : st_submit_here(s, &b[i].j.job));
        CHECK(!is_answered(&b[i].j));
    }
    sem_post(&w.st.go);
    CHECK_OK(test_job_wait(&w.st.j));
    for (int i = 0; i < 4; i++) {
        CHECK_OK(test_job_wait(&b[i].j));
        CHECK(!by_me(&b[i]));
        CHECK(!pthread_equal(b[i].ran, w.thread));
        CHECK_INT_EQ(b[i].j.place, i + 2);
    }
    st_store_stats(s, &stats);
    CHECK_INT_EQ(stats.transactions, 2);
    pthread_join(w.thread, NULL);
    st_store_close(s);
}

struct closing {
    struct st_store *s;
    atomic_bool closed;
};

static void *close_it(void *arg)
{
    struct closing *c = arg;
    st_store_close(c->s);
    c->closed = true;
    return NULL;
}

/* It waits for the worker as for its own thread: one that went on would free
 * what the worker uses, and lose what is queued behind it. */
TEST_EACH(writer, closing_waits_for_a_worker_that_writes, int, queued, 0, 3)
{
    struct worker_writes w;
    struct test_job jobs[3];
    pthread_t closer;
    struct st_store *s = open_store();
    struct closing c = {.s = s};
    worker_writes(s, &w);
    for (int i = 0; i < *queued; i++) {
        test_job_init(&jobs[i], i);
        CHECK_OK(st_submit(s, &jobs[i].job));
    }
    CHECK_INT_EQ(pthread_create(&closer, NULL, close_it, &c), 0);
    for (bool begun = false; !begun; sched_yield()) {
        lock_take(&s->lock);
        begun = s->closed;
        lock_drop(&s->lock);
    }
    for (int i = 0; i < 100; i++) sched_yield();
    CHECK(!c.closed);
    sem_post(&w.st.go);
    pthread_join(closer, NULL);
    pthread_join(w.thread, NULL);
    CHECK_OK(test_job_wait(&w.st.j));
    for (int i = 0; i < *queued; i++) CHECK_OK(test_job_wait(&jobs[i]));
    s = open_store();
    CHECK_INT_EQ(sessions_in(s), 1 + *queued);
    st_store_close(s);
}

/* --- the engine ----------------------------------------------------------- */

struct told {
    char thread[16]; /* of the last change */
    sem_t came;
};

static void note_thread(void *ctx, const struct eng_news *news)
{
    struct told *t = ctx;
    (void)news;
    pthread_getname_np(pthread_self(), t->thread, sizeof(t->thread));
    sem_post(&t->came);
}

/* Who was answered comes back before the one that answered has given back. */
static void until_nobody_writes(struct fixture *f)
{
    struct st_store *s = f->engine->store;
    for (bool busy = true; busy; sched_yield()) {
        lock_take(&s->lock);
        busy = s->serving;
        lock_drop(&s->lock);
    }
}

static void listen_to(struct fixture *f, struct told *t)
{
    sem_init(&t->came, 0, 0);
    eng_on_change(f->engine, ENG_FOR_RESOURCES, note_thread, t);
}

/* A phase's completion, as a loop begins it. */
struct begun {
    struct outcome o;
    struct eng_complete_phase_args args;
    enum err e;
};

static void begin(struct fixture *f, struct slice id, struct begun *ret)
{
    ret->args = (struct eng_complete_phase_args){
        .session_id = id, .phase = 0, .evidence = parse(KIT_GOOD)};
    outcome_begin(&ret->o);
    ret->o.call.on_loop = true;
    ret->e = eng_complete_phase(f->engine, &ret->o.call, &ret->args);
    CHECK_ERR(ret->e, ERR_PENDING);
}

static void end(struct begun *b)
{
    CHECK_OK(outcome_end(&b->o, b->e));
    outcome_done(&b->o);
}

/* A wake-up across processors costs what a phase costs to judge. */
TEST(writer, a_worker_that_keeps_nobody_waiting_writes_what_it_decided)
{
    struct fixture f;
    struct begun b;
    struct told told;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x");
    listen_to(&f, &told);
    until_nobody_writes(&f);
    begin(&f, id, &b);
    end(&b);
    CHECK(!strncmp(told.thread, "worker-", 7));
    fixture_done(&f);
}

struct plain {
    struct pool_job job; /* first */
    sem_t ran;
};

static void plain_run(struct pool_job *job)
{
    sem_post(&((struct plain *)job)->ran);
}

/* Another process has the write lock: who waits for it is the store's thread,
 * since there is one worker for everything else. */
TEST(writer, the_only_worker_does_not_wait_for_the_disk)
{
    struct fixture f;
    struct begun b;
    struct told told;
    struct plain other = {.job = {.run = plain_run}};
    sqlite3 *db = NULL;
    struct slice path = arena_printf(test_arena(), "%s/.phasegate/state.db%c",
                                     test_tmpdir(), '\0');
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x");
    eng_close(f.engine);
    pool_free(f.pool);
    CHECK_OK(pool_new("worker", 1, 16, &f.pool));
    fixture_open(&f);
    listen_to(&f, &told);
    sem_init(&other.ran, 0, 0);
    CHECK_INT_EQ(sqlite3_open(path.p, &db), SQLITE_OK);
    CHECK_INT_EQ(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                 SQLITE_OK);
    begin(&f, id, &b);
    CHECK_OK(pool_submit(f.pool, &other.job));
    while (sem_wait(&other.ran) != 0) continue;
    CHECK_INT_EQ(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    end(&b);
    CHECK_STR_EQ(told.thread, "writer");
    fixture_done(&f);
}

/* What the keeper changes by itself comes in numbers: committed together, not
 * one by one by the worker that finds them. */
TEST(writer, what_the_keeper_changes_is_left_to_the_writer_thread)
{
    struct fixture f;
    struct told told;
    clock_fake(1000 * NS_PER_S, INT64_C(1800000000000));
    fixture_init(&f, kit_workflows());
    f.sessions =
        (struct eng_sessions_options){.idle_expire_s = 60, .sweep_ms = 1000};
    fixture_restart(&f);
    (void)kit_begin(&f, "x");
    listen_to(&f, &told);
    clock_fake_advance(61 * NS_PER_S);
    eng_tick(f.engine, clock_now());
    while (!eng_tick_over(f.engine)) sched_yield();
    while (sem_wait(&told.came) != 0) continue;
    CHECK_STR_EQ(told.thread, "writer");
    fixture_done(&f);
    clock_real();
}
