#include "state/store.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/store_fixture.h"

TEST(store, what_was_written_is_there_after_reopening)
{
    struct st_store *s = open_store();
    struct st_session row = some_session("a");
    CHECK_OK(st_write(s, insert_session, &row));
    st_store_close(s);
    s = open_store();
    CHECK_INT_EQ(version_of(s, "a"), 1);
    st_store_close(s);
    CHECK_INT_EQ(access(beside("-wal"), F_OK), -1);
}

TEST(store, files_are_for_the_owner_alone)
{
    static const char *const names[] = {"", "-wal", "-shm", "-commits"};
    struct st_store *s = open_store();
    for (int i = 0; i < 4; i++) {
        struct stat st;
        CHECK_INT_EQ(stat(beside(names[i]), &st), 0);
        CHECK_INT_EQ(st.st_mode & 0777, 0600);
    }
    st_store_close(s);
}

/* --- jobs ------------------------------------------------------------------
 */

static enum err insert_then_fail(void *ctx, struct st_tx *tx)
{
    enum err e = st_session_insert(tx, ctx);
    return e ? e : ERR_GATE_REFUSED;
}

TEST(store, a_job_that_fails_leaves_no_trace)
{
    struct st_store *s = open_store();
    struct st_session row = some_session("a");
    CHECK_ERR(st_write(s, insert_then_fail, &row), ERR_GATE_REFUSED);
    CHECK_INT_EQ(version_of(s, "a"), 0);
    st_store_close(s);
}

TEST(store, a_job_that_fails_in_a_group_fails_alone)
{
    struct test_job jobs[9];
    struct st_store *s = open_store();
    for (int i = 0; i < 9; i++) test_job_init(&jobs[i], i);
    jobs[4].then = ERR_GATE_REFUSED;
    run_as_group(s, jobs, 9);
    for (int i = 0; i < 9; i++) {
        CHECK_INT_EQ(jobs[i].runs, i <= 4 ? 2 : 1);
        CHECK_ERR(jobs[i].result, i == 4 ? ERR_GATE_REFUSED : OK);
        CHECK_INT_EQ(version_of(s, jobs[i].id), i == 4 ? 0 : 1);
    }
    struct st_store_stats stats;
    st_store_stats(s, &stats);
    CHECK_INT_EQ(stats.transactions, 1);
    CHECK_INT_EQ(stats.jobs_failed, 2); /* with the one that held it up */
    CHECK_INT_EQ(stats.jobs_rerun, 9);
    st_store_close(s);
}

TEST(store, a_job_that_fails_before_it_has_written_costs_the_group_nothing)
{
    struct test_job jobs[5];
    struct st_store *s = open_store();
    struct st_session row = some_session("s00002");
    CHECK_OK(st_write(s, insert_session, &row)); /* before jobs[2] */
    for (int i = 0; i < 5; i++) test_job_init(&jobs[i], i);
    run_as_group(s, jobs, 5);
    for (int i = 0; i < 5; i++) {
        CHECK_INT_EQ(jobs[i].runs, 1);
        CHECK_ERR(jobs[i].result, i == 2 ? ERR_EXISTS : OK);
    }
    CHECK_INT_EQ(sessions_in(s), 5);
    struct st_store_stats stats;
    st_store_stats(s, &stats);
    CHECK_INT_EQ(stats.transactions, 2);
    CHECK_INT_EQ(stats.jobs_rerun, 0);
    st_store_close(s);
}

TEST(store, jobs_are_run_and_answered_in_the_order_of_submission)
{
    enum { N = 300 }; /* more than one group */
    static struct test_job jobs[N];
    struct st_store *s = open_store();
    for (int i = 0; i < N; i++) test_job_init(&jobs[i], i);
    run_as_group(s, jobs, N);
    for (int i = 0; i < N; i++) {
        CHECK_OK(jobs[i].result);
        CHECK_INT_EQ(jobs[i].place, i + 2); /* 1 held the writer up */
    }
    CHECK_INT_EQ(sessions_in(s), N);
    st_store_close(s);
}

struct many {
    struct st_store *s;
    int each;
};

static void submit_many(void *ctx, int i)
{
    struct many *m = ctx;
    for (int k = 0; k < m->each; k++) {
        char id[24];
        snprintf(id, sizeof(id), "t%02d-%03d", i, k);
        struct st_session row = some_session(id);
        CHECK_OK(st_write(m->s, insert_session, &row));
        CHECK_INT_EQ(version_of(m->s, id), 1); /* answered: seen */
    }
}

TEST(store, sixty_four_submitters_share_transactions, .timeout_s = 60)
{
    struct many m = {open_store(), test_sanitized() ? 4 : 20};
    test_threads(64, submit_many, &m);
    struct st_store_stats stats;
    st_store_stats(m.s, &stats);
    CHECK_INT_EQ(stats.jobs, 64 * m.each);
    CHECK_INT_EQ(sessions_in(m.s), 64 * m.each);
    CHECK_INT_LT(stats.transactions, stats.jobs);
    CHECK_INT_EQ(stats.readers, 0); /* each ended with its thread */
    st_store_close(m.s);
}

TEST(store, a_cancelled_job_is_answered_and_not_run)
{
    struct test_job jobs[3];
    struct cancel c;
    struct st_store *s = open_store();
    cancel_init(&c, INT64_MAX);
    for (int i = 0; i < 3; i++) test_job_init(&jobs[i], i);
    jobs[1].job.cancel = &c;
    cancel_set(&c, CANCEL_CLIENT);
    run_as_group(s, jobs, 3);
    CHECK_ERR(jobs[1].result, ERR_CANCELLED);
    CHECK_INT_EQ(jobs[1].runs, 0);
    CHECK_OK(jobs[2].result);
    st_store_close(s);
}

TEST(store, a_full_queue_refuses)
{
    struct test_job jobs[3];
    struct stopper st;
    struct st_store *s = NULL;
    struct problem p;
    struct st_store_options o = {.path = slice_of(beside("")), .jobs_max = 2};
    problem_init(&p);
    CHECK_OK(st_store_open(&o, test_arena(), &p, &s));
    for (int i = 0; i < 3; i++) test_job_init(&jobs[i], i);
    stop_writer(s, &st);
    CHECK_OK(st_submit(s, &jobs[0].job));
    CHECK_OK(st_submit(s, &jobs[1].job));
    CHECK_ERR(st_submit(s, &jobs[2].job), ERR_OVER_CAPACITY);
    let_writer_go(&st);
    CHECK_OK(test_job_wait(&jobs[1]));
    CHECK_OK(st_submit(s, &jobs[2].job));
    CHECK_OK(test_job_wait(&jobs[2]));
    st_store_close(s);
}

TEST(store, closing_runs_what_is_queued)
{
    struct test_job jobs[5];
    struct stopper st;
    struct st_store *s = open_store();
    for (int i = 0; i < 5; i++) test_job_init(&jobs[i], i);
    stop_writer(s, &st);
    for (int i = 0; i < 5; i++) CHECK_OK(st_submit(s, &jobs[i].job));
    sem_post(&st.go);
    st_store_close(s);
    for (int i = 0; i < 5; i++) CHECK_OK(test_job_wait(&jobs[i]));
    s = open_store();
    CHECK_INT_EQ(sessions_in(s), 5);
    st_store_close(s);
}

/* --- reads -----------------------------------------------------------------
 */

TEST(store, a_read_keeps_one_view_while_others_write)
{
    struct st_tx *tx = NULL;
    struct st_session_filter all = {.limit = 0};
    struct st_session a = some_session("a"), b = some_session("b");
    int64_t n = 0;
    struct st_store *s = open_store();
    CHECK_OK(st_write(s, insert_session, &a));
    CHECK_OK(st_read_begin(s, NULL, &tx));
    CHECK_OK(st_session_count(tx, &all, &n));
    CHECK_INT_EQ(n, 1);
    CHECK_OK(st_write(s, insert_session, &b));
    CHECK_OK(st_session_count(tx, &all, &n));
    CHECK_INT_EQ(n, 1);
    st_read_end(tx);
    CHECK_INT_EQ(sessions_in(s), 2);
    st_store_close(s);
}

TEST(store, a_read_cannot_write)
{
    struct st_tx *tx = NULL;
    struct st_session a = some_session("a");
    struct st_store *s = open_store();
    CHECK_OK(st_read_begin(s, NULL, &tx));
    CHECK_ERR(st_session_insert(tx, &a), ERR_IO);
    st_read_end(tx);
    CHECK_INT_EQ(sessions_in(s), 0);
    st_store_close(s);
}

static enum err insert_many(void *ctx, struct st_tx *tx)
{
    const int *n = ctx;
    enum err e = OK;
    for (int i = 0; !e && i < *n; i++) {
        char id[24];
        snprintf(id, sizeof(id), "m%06d", i);
        struct st_session row = some_session(id);
        e = st_session_insert(tx, &row);
    }
    return e;
}

/* Its deadline lies behind it from the first statement on. */
TEST(store, a_long_read_ends_at_its_deadline)
{
    int n = 4000;
    struct st_tx *tx = NULL;
    struct cancel c;
    struct st_session_filter all = {.limit = 0};
    int64_t count = 0;
    struct st_store *s = open_store();
    CHECK_OK(st_write(s, insert_many, &n));
    cancel_init(&c, INT64_MAX);
    CHECK_OK(st_read_begin(s, &c, &tx));
    c.deadline_ns = clock_now();
    CHECK_ERR(st_session_count(tx, &all, &count), ERR_DEADLINE);
    st_read_end(tx);
    CHECK_INT_EQ(sessions_in(s), n); /* the connection is well */
    cancel_init(&c, INT64_MAX);
    CHECK_OK(st_read_begin(s, &c, &tx));
    cancel_set(&c, CANCEL_CONNECTION);
    CHECK_ERR(st_session_count(tx, &all, &count), ERR_CANCELLED);
    st_read_end(tx);
    CHECK_ERR(st_read_begin(s, &c, &tx), ERR_CANCELLED);
    st_store_close(s);
}

/* --- care ------------------------------------------------------------------
 */

static enum err touch_session(void *ctx, struct st_tx *tx)
{
    struct st_session *row = ctx;
    row->version++;
    return st_session_update(tx, row, row->version - 1);
}

struct overlap {
    struct st_store *s;
    struct st_session row;
    char *detail;
    size_t size;
    uint64_t wal_most;
    _Atomic bool stop;
};

static void write_big_rows(struct overlap *o)
{
    for (int i = 0; i < 600; i++) {
        struct st_store_stats stats;
        memset(o->detail, 'a' + i % 26, o->size); /* equal pages stay as are */
        CHECK_OK(st_write(o->s, touch_session, &o->row));
        st_store_stats(o->s, &stats);
        if (stats.wal_bytes > o->wal_most) o->wal_most = stats.wal_bytes;
    }
    atomic_store(&o->stop, true);
}

static void read_without_a_break(struct overlap *o)
{
    int64_t last = 0;
    while (!atomic_load(&o->stop)) {
        int64_t version = 0, again = 0;
        struct st_tx *tx = NULL;
        CHECK_OK(st_read_begin(o->s, NULL, &tx));
        CHECK_OK(st_session_version(tx, SLICE("a"), &version));
        for (int i = 0; i < 50; i++)
            CHECK_OK(st_session_version(tx, SLICE("a"), &again));
        st_read_end(tx);
        CHECK_INT_EQ(version, again);
        CHECK_INT_GE(version, last);
        last = version;
    }
}

static void overlap_thread(void *ctx, int i)
{
    if (i == 0)
        write_big_rows(ctx);
    else
        read_without_a_break(ctx);
}

/* 160 MiB are written while three readers are in the WAL at any time. */
TEST(store, the_wal_stays_bounded_while_readers_overlap, .timeout_s = 60)
{
    struct overlap o = {.s = open_store(), .size = 128 * 1024};
    o.detail = arena_zalloc(test_arena(), o.size);
    CHECK(o.detail);
    o.row = some_session("a");
    o.row.detail = (struct slice){o.detail, o.size};
    CHECK_OK(st_write(o.s, insert_session, &o.row));
    test_threads(4, overlap_thread, &o);
    struct st_store_stats stats;
    st_store_stats(o.s, &stats);
    CHECK_INT_GT(stats.checkpoints, 0);
    CHECK_INT_LT(o.wal_most, 96 << 20);
    CHECK_INT_EQ(version_of(o.s, "a"), 601);
    st_store_close(o.s);
}

TEST(store, a_backup_is_whole_and_never_overwrites)
{
    struct problem p;
    struct st_session row = some_session("a");
    struct st_store *s = open_store(), *copy = NULL;
    struct slice to = slice_of(beside(".copy"));
    problem_init(&p);
    CHECK_OK(st_write(s, insert_session, &row));
    CHECK_OK(st_store_backup(s, to, test_arena(), &p));
    CHECK_ERR(st_store_backup(s, to, test_arena(), &p), ERR_EXISTS);
    CHECK(p.how_to_fix.n > 0);
    CHECK_OK(st_store_check(s, test_arena(), &p));
    st_store_close(s);
    struct st_store_options o = {.path = to};
    CHECK_OK(st_store_open(&o, test_arena(), &p, &copy));
    CHECK_INT_EQ(version_of(copy, "a"), 1);
    st_store_close(copy);
}
