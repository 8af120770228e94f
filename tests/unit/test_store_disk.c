/*
 * What the store answers when the disk, SQLite or a job goes wrong in the
 * middle of a group.
 */
#include <pthread.h>
#include <sqlite3.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "state/store_private.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/vfs_kit.h"

/* --- a COMMIT that fails ----------------------------------------------------
 */

struct failing {
    unsigned kinds;
    int code;
};

TEST_EACH(store_disk, a_commit_that_fails_answers_the_whole_group,
          struct failing, row, {VFS_WRITE | VFS_WAL, SQLITE_FULL},
          {VFS_WRITE | VFS_WAL, SQLITE_IOERR_WRITE},
          {VFS_SYNC | VFS_WAL, SQLITE_IOERR_FSYNC})
{
    struct test_job jobs[6];
    vfs_kit_begin();
    struct st_store *s = open_store();
    struct st_session before = some_session("before");
    CHECK_OK(st_write(s, insert_session, &before));
    for (int i = 0; i < 6; i++) test_job_init(&jobs[i], i);
    jobs[3].then = ERR_GATE_REFUSED; /* decided on data that never was */
    vfs_fail_from(row->kinds, row->code, 1);
    run_as_group(s, jobs, 6);
    for (int i = 0; i < 6; i++)
        CHECK_ERR(jobs[i].result, ERR_STORE_WRITE_FAILED);
    CHECK_INT_EQ(sessions_in(s), 1);
    vfs_fail_never();
    struct st_session after = some_session("after");
    CHECK_OK(st_write(s, insert_session, &after));
    CHECK_INT_EQ(sessions_in(s), 2);
    st_store_close(s);
    struct problem p;
    s = open_store();
    CHECK_INT_EQ(sessions_in(s), 2);
    CHECK_OK(st_store_check(s, test_arena(), &p));
    st_store_close(s);
}

TEST(store_disk, a_failed_commit_does_not_leave_others_waiting)
{
    vfs_kit_begin();
    struct st_store *s = open_store(), *other = open_store();
    struct st_session row = some_session("a");
    vfs_fail_from(VFS_SYNC | VFS_WAL, SQLITE_IOERR_FSYNC, 1);
    CHECK_ERR(st_write(s, insert_session, &row), ERR_STORE_WRITE_FAILED);
    vfs_fail_never();
    CHECK(st_stamp(other) == 0); /* its frames may lie there */
    st_store_checkpoint(other);  /* they are written over */
    CHECK(st_stamp(other) != 0);
    CHECK_OK(st_write(other, insert_session, &row));
    st_store_close(other);
    st_store_close(s);
}

/* --- a transaction that is lost ---------------------------------------------
 */

static void roll_all_back(struct test_job *j, struct st_tx *tx)
{
    (void)j;
    sqlite3_exec(tx->conn->db, "ROLLBACK", NULL, NULL, NULL);
}

TEST(store_disk, who_loses_the_transaction_is_answered_and_others_run_again)
{
    struct test_job jobs[7];
    struct st_store *s = open_store();
    for (int i = 0; i < 7; i++) test_job_init(&jobs[i], i);
    jobs[2].harm = roll_all_back;
    jobs[5].then = ERR_GATE_REFUSED;
    run_as_group(s, jobs, 7);
    for (int i = 0; i < 7; i++) {
        enum err want = i == 2   ? ERR_STORE_WRITE_FAILED
                        : i == 5 ? ERR_GATE_REFUSED
                                 : OK;
        CHECK_ERR(jobs[i].result, want);
        CHECK_INT_EQ(jobs[i].runs, i <= 2 ? 2 : 1);
        CHECK_INT_EQ(jobs[i].place, i + 2);
        CHECK_INT_EQ(version_of(s, jobs[i].id), want ? 0 : 1);
    }
    struct st_store_stats stats;
    st_store_stats(s, &stats);
    CHECK_INT_EQ(stats.jobs_rerun, 7);
    st_store_close(s);
}

/* SQLite's own: the file may not grow, and a row needs it to. */
static void fill_the_file(struct test_job *j, struct st_tx *tx)
{
    static char big[512 * 1024];
    (void)j;
    sqlite3 *db = tx->conn->db;
    sqlite3_exec(db, "PRAGMA max_page_count=1", NULL, NULL, NULL);
    enum err e = st_definition_put(tx, SLICE("h"), SLICE("w"),
                                   (struct slice){big, sizeof(big)});
    sqlite3_exec(db, "PRAGMA max_page_count=1073741823", NULL, NULL, NULL);
    CHECK_ERR(e, ERR_STORE_WRITE_FAILED);
}

TEST(store_disk, a_full_file_fails_the_job_that_needs_the_room)
{
    struct test_job jobs[5];
    struct st_store *s = open_store();
    for (int i = 0; i < 5; i++) test_job_init(&jobs[i], i);
    jobs[3].harm = fill_the_file; /* and answers OK all the same */
    run_as_group(s, jobs, 5);
    for (int i = 0; i < 5; i++) {
        CHECK_ERR(jobs[i].result, i == 3 ? ERR_STORE_WRITE_FAILED : OK);
        CHECK_INT_EQ(version_of(s, jobs[i].id), i == 3 ? 0 : 1);
    }
    st_store_close(s);
}

static void refuse_second_run(struct test_job *j, struct st_tx *tx)
{
    (void)tx;
    if (j->runs == 2) j->then = ERR_GATE_REFUSED;
}

static void lose_first_run(struct test_job *j, struct st_tx *tx)
{
    if (j->runs == 1) roll_all_back(j, tx);
}

/* b is refused because of a's row; the transaction is lost, and a does not
 * come back: then b's refusal was upon something that never happened. */
TEST(store_disk, a_refusal_inside_a_lost_transaction_is_decided_again)
{
    struct test_job a, b, c;
    struct st_store *s = open_store();
    struct stopper st;
    test_job_init(&a, 1);
    test_job_init(&b, 1);
    test_job_init(&c, 2);
    a.harm = refuse_second_run;
    c.harm = lose_first_run;
    stop_writer(s, &st);
    CHECK_OK(st_submit(s, &a.job));
    CHECK_OK(st_submit(s, &b.job));
    CHECK_OK(st_submit(s, &c.job));
    let_writer_go(&st);
    CHECK_ERR(test_job_wait(&a), ERR_GATE_REFUSED);
    CHECK_OK(test_job_wait(&b));
    CHECK_OK(test_job_wait(&c));
    st_store_close(s);
}

/* --- a file that somebody else holds ----------------------------------------
 */

TEST(store_disk, waiting_for_another_writer_is_bounded_and_told)
{
    struct st_store *s = NULL;
    struct st_conn *other = NULL;
    struct problem p;
    struct st_session row = some_session("a");
    struct st_store_options o = {.path = slice_of(beside("")),
                                 .busy_timeout_ms = 60};
    problem_init(&p);
    CHECK_OK(st_store_open(&o, test_arena(), &p, &s));
    CHECK_OK(st__conn_open(beside(""), true, ST_FULL, 0, &other));
    CHECK_OK(st__conn_run(other, STMT_BEGIN_WRITE));
    int64_t begin = clock_now();
    CHECK_ERR(st_write(s, insert_session, &row), ERR_STORE_BUSY);
    CHECK_INT_GE(clock_now() - begin, 60 * NS_PER_MS);
    CHECK_INT_LT(clock_now() - begin, 5 * NS_PER_S);
    st__conn_rollback(other);
    CHECK_OK(st_write(s, insert_session, &row));
    st__conn_close(other);
    st_store_close(s);
}

/* --- no memory ---------------------------------------------------------------
 */

/* Every allocation of a write and a read, SQLite's included, fails once. An
 * answer is then a clean error and nothing is half there. */
TEST(store_disk, each_failing_allocation_is_an_error_and_nothing_more,
     .timeout_s = 120)
{
    struct st_store *s = open_store();
    int written = 0, refused = 0;
    for (uint64_t n = 1; written < 3; n++) {
        char id[24];
        snprintf(id, sizeof(id), "n%05d", (int)n);
        struct st_session row = some_session(id);
        row.detail = slice_of("{\"text\":\"of some length\"}");
        mem_fail_at(n);
        enum err e = st_write(s, insert_session, &row);
        bool failed = mem_count() >= n;
        mem_fail_at(0);
        CHECK(e == OK || e == ERR_NOMEM);
        CHECK_INT_EQ(version_of(s, id), e ? 0 : 1);
        refused += e != OK;
        written += !failed;
    }
    CHECK_INT_GT(refused, 0);
    st_store_close(s);
}

static void *read_once(void *arg)
{
    struct st_tx *tx = NULL;
    struct st_session row;
    static enum err e;
    e = st_read_begin(arg, NULL, &tx);
    if (e) return &e;
    e = st_session_get(tx, SLICE("a"), test_arena(), &row);
    st_read_end(tx);
    return &e;
}

TEST(store_disk, a_read_on_a_new_thread_survives_each_failing_allocation,
     .timeout_s = 120)
{
    struct st_store *s = open_store();
    struct st_session row = some_session("a");
    CHECK_OK(st_write(s, insert_session, &row));
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        pthread_t t;
        void *e = NULL;
        mem_fail_at(n);
        CHECK_INT_EQ(pthread_create(&t, NULL, read_once, s), 0);
        pthread_join(t, &e);
        failed = mem_count() >= n;
        mem_fail_at(0);
        enum err got = *(enum err *)e;
        CHECK(got == OK || got == ERR_NOMEM);
        if (!failed) CHECK_OK(got);
    }
    struct st_store_stats stats;
    st_store_stats(s, &stats);
    CHECK_INT_EQ(stats.readers, 0);
    st_store_close(s);
}

TEST(store_disk, opening_survives_each_failing_allocation, .timeout_s = 120)
{
    struct st_store *s = open_store();
    st_store_close(s);
    struct st_store_options o = {.path = slice_of(beside(""))};
    for (uint64_t n = 1;; n++) {
        struct problem p;
        s = NULL;
        problem_init(&p);
        mem_fail_at(n);
        enum err e = st_store_open(&o, test_arena(), &p, &s);
        bool failed = mem_count() >= n;
        mem_fail_at(0);
        CHECK(e == OK || e == ERR_NOMEM);
        st_store_close(e ? NULL : s);
        if (!failed) break;
    }
}

static enum err begun_by_a_newcomer;

static void newcomer(void *ctx, int i)
{
    struct st_tx *tx;
    (void)i;
    begun_by_a_newcomer = st_read_begin(ctx, NULL, &tx);
    if (!begun_by_a_newcomer) st_read_end(tx);
}

/* On a thread that has not read before: it opens the file anew. */
static enum err read_anew(struct st_store *s)
{
    test_threads(1, newcomer, s);
    return begun_by_a_newcomer;
}

static const char *copied_aside(void)
{
    struct slice bytes;
    CHECK_OK(file_read(slice_of(beside("")), 1 << 20, test_arena(), &bytes));
    CHECK_OK(file_write_atomic(slice_of(beside(".copy")), bytes, 0600));
    return beside(".copy");
}

static const char *empty_aside(void)
{
    CHECK_OK(file_write_atomic(slice_of(beside(".none")), SLICE(""), 0600));
    return beside(".none");
}

struct other_row {
    const char *(*make)(void);
};

/* The WAL under the name is ours, and what is committed is in it. */
TEST_EACH(store_disk, a_file_in_its_place_gets_none_of_what_was_written,
          struct other_row, row, {copied_aside}, {empty_aside})
{
    struct problem p;
    struct st_store *s = open_store();
    struct st_store_stats stats;
    struct st_session session = some_session("a");
    const char *other = row->make();
    CHECK_OK(st_write(s, insert_session, &session));
    uint64_t log = st__wal_bytes(s);
    CHECK(log > 0);
    CHECK_INT_EQ(rename(beside(""), beside(".aside")), 0);
    CHECK_INT_EQ(rename(other, beside("")), 0);
    st_store_checkpoint(s);
    problem_init(&p);
    CHECK_ERR(st_store_check(s, test_arena(), &p), ERR_STORE_REPLACED);
    CHECK_ERR(read_anew(s), ERR_STORE_REPLACED);
    CHECK_INT_EQ(st__wal_bytes(s), log);
    st_store_stats(s, &stats);
    CHECK_INT_EQ(stats.checkpoints, 0);
    CHECK_INT_EQ(rename(beside(".aside"), beside("")), 0);
    st_store_checkpoint(s);
    st_store_stats(s, &stats);
    CHECK(stats.checkpoints > 0);
    CHECK_INT_EQ(version_of(s, "a"), 1);
    st_store_close(s);
}

/* What would be written into a file that has lost its name is lost with the
 * process: it is refused, until the file is back. */
TEST(store_disk, a_state_file_that_was_moved_or_replaced_takes_no_write)
{
    struct st_store *s = open_store();
    struct st_store_stats stats;
    struct st_session row = some_session("a");
    CHECK_OK(st_write(s, insert_session, &row));
    CHECK_INT_EQ(rename(beside(""), beside(".aside")), 0);
    row = some_session("b");
    CHECK_ERR(st_write(s, insert_session, &row), ERR_STORE_REPLACED);
    CHECK_ERR(read_anew(s), ERR_STORE_REPLACED);
    st_store_stats(s, &stats);
    CHECK(stats.replaced);
    FILE *f = fopen(beside(""), "w"); /* another file under the name */
    CHECK(f != NULL && fclose(f) == 0);
    CHECK_ERR(st_write(s, insert_session, &row), ERR_STORE_REPLACED);
    CHECK_ERR(read_anew(s), ERR_STORE_REPLACED);
    CHECK_INT_EQ(rename(beside(".aside"), beside("")), 0);
    CHECK_OK(read_anew(s));
    CHECK_OK(st_write(s, insert_session, &row));
    st_store_stats(s, &stats);
    CHECK(!stats.replaced);
    CHECK_INT_EQ(remove(beside("")), 0);
    row = some_session("c");
    CHECK_ERR(st_write(s, insert_session, &row), ERR_STORE_REPLACED);
    st_store_close(s);
}
