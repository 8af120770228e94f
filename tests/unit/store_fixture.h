/*
 * store_fixture: a store in the test's own folder, rows to put into it, and
 * jobs whose order and grouping a test decides.
 */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "state/records.h"
#include "tests/runner/test.h"

/* The path of a file in the test's folder whose name starts with state.db. */
static inline const char *beside(const char *suffix)
{
    struct slice p = arena_printf(test_arena(), "%s/state.db%s%c",
                                  test_tmpdir(), suffix, '\0');
    CHECK(p.p);
    return p.p;
}

static inline enum err try_open(struct problem *p, struct st_store **ret)
{
    problem_init(p);
    struct st_store_options o = {.path = slice_of(beside("")),
                                 .busy_timeout_ms = 20000};
    return st_store_open(&o, test_arena(), p, ret);
}

static inline struct st_store *open_store(void)
{
    struct st_store *s = NULL;
    struct problem p;
    CHECK_OK(try_open(&p, &s));
    return s;
}

static inline struct st_session some_session(const char *id)
{
    struct st_session s = {.id = slice_of(id),
                           .workflow_type = SLICE("spec_v1"),
                           .target = SLICE("src/a.c"),
                           .status = SLICE("active"),
                           .definition_hash = SLICE("00ff"),
                           .total_phases = 4,
                           .version = 1,
                           .created_ms = 1000,
                           .updated_ms = 2000,
                           .detail = SLICE("{\"phases\":[]}")};
    memset(s.event_hash, 7, sizeof(s.event_hash));
    return s;
}

static inline enum err insert_session(void *ctx, struct st_tx *tx)
{
    return st_session_insert(tx, ctx);
}

/* 0: there is no such session. */
static inline int64_t version_of(struct st_store *s, const char *id)
{
    struct st_tx *tx = NULL;
    int64_t version = 0;
    CHECK_OK(st_read_begin(s, NULL, &tx));
    enum err e = st_session_version(tx, slice_of(id), &version);
    st_read_end(tx);
    if (e == ERR_NOT_FOUND) return 0;
    CHECK_OK(e);
    return version;
}

static inline int64_t sessions_in(struct st_store *s)
{
    struct st_tx *tx = NULL;
    struct st_session_filter all = {.limit = 0};
    int64_t n = 0;
    CHECK_OK(st_read_begin(s, NULL, &tx));
    CHECK_OK(st_session_count(tx, &all, &n));
    st_read_end(tx);
    return n;
}

/* --- jobs that a test submits itself ---------------------------------------
 */

struct test_job {
    struct st_job job; /* first */
    char id[48];
    int runs;      /* how often run was called */
    int place;     /* 1, 2, ...: in which order they were answered */
    enum err then; /* what run answers after its insert */
    void (*harm)(struct test_job *j, struct st_tx *tx);
    enum err result;
    sem_t answered;
};
static _Atomic int places;

static inline enum err test_job_run(struct st_job *job, struct st_tx *tx)
{
    struct test_job *j = (struct test_job *)job;
    struct st_session row = some_session(j->id);
    j->runs++;
    enum err e = st_session_insert(tx, &row);
    if (j->harm) j->harm(j, tx);
    return e ? e : j->then;
}

static inline void test_job_done(struct st_job *job, enum err e)
{
    struct test_job *j = (struct test_job *)job;
    j->result = e;
    j->place = atomic_fetch_add(&places, 1) + 1;
    sem_post(&j->answered);
}

static inline void test_job_init(struct test_job *j, int number)
{
    *j = (struct test_job){.job = {.run = test_job_run, .done = test_job_done}};
    snprintf(j->id, sizeof(j->id), "s%05d", number);
    sem_init(&j->answered, 0, 0);
}

static inline enum err test_job_wait(struct test_job *j)
{
    while (sem_wait(&j->answered) != 0) continue;
    return j->result;
}

/* Holds the writer inside a transaction of its own, so that what is submitted
 * meanwhile becomes one group. */
struct stopper {
    struct test_job j;
    sem_t inside, go;
};

static inline void stopper_harm(struct test_job *j, struct st_tx *tx)
{
    struct stopper *st = (struct stopper *)j;
    (void)tx;
    sem_post(&st->inside);
    while (sem_wait(&st->go) != 0) continue;
}

static inline void stop_writer(struct st_store *s, struct stopper *st)
{
    test_job_init(&st->j, 99999);
    st->j.then = ERR_CONFLICT; /* leaves nothing */
    st->j.harm = stopper_harm;
    sem_init(&st->inside, 0, 0);
    sem_init(&st->go, 0, 0);
    CHECK_OK(st_submit(s, &st->j.job));
    while (sem_wait(&st->inside) != 0) continue;
}

static inline void let_writer_go(struct stopper *st)
{
    sem_post(&st->go);
    CHECK_ERR(test_job_wait(&st->j), ERR_CONFLICT);
}

/* Runs n jobs as one group and waits for all. */
static inline void run_as_group(struct st_store *s, struct test_job *jobs,
                                int n)
{
    struct stopper st;
    stop_writer(s, &st);
    for (int i = 0; i < n; i++) CHECK_OK(st_submit(s, &jobs[i].job));
    let_writer_go(&st);
    for (int i = 0; i < n; i++) {
        enum err e = test_job_wait(&jobs[i]);
        CHECK_INT_EQ(e, jobs[i].result);
    }
}

#endif
