/* A new state file: made whole, at once, and as one that grew. */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "state/store_private.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/vfs_kit.h"

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : 0;
}

/* --- what it is ------------------------------------------------------------
 */

static int put_row(void *ctx, int n, char **values, char **names)
{
    (void)names;
    for (int i = 0; i < n; i++) buf_printf(ctx, "%s|", values[i]);
    buf_putc(ctx, '\n');
    return 0;
}

/* All that tells one empty store from another. */
static struct slice character(void)
{
    static const char *const questions[] = {
        ("SELECT type,name,tbl_name,ifnull(sql,'') FROM sqlite_schema"
         " ORDER BY type,name"),
        "PRAGMA user_version",
        "PRAGMA application_id",
        "PRAGMA page_size",
        "PRAGMA auto_vacuum",
        "PRAGMA encoding",
        "PRAGMA journal_mode",
        "PRAGMA freelist_count",
        "PRAGMA integrity_check",
        "SELECT * FROM idempotency_use"};
    struct buf b = BUF_INIT(64 * 1024);
    sqlite3 *db = NULL;
    CHECK_INT_EQ(sqlite3_open(beside(""), &db), 0);
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
        CHECK_INT_EQ(sqlite3_exec(db, questions[i], put_row, &b, NULL), 0);
    CHECK_INT_EQ(sqlite3_close(db), 0);
    struct slice told = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    return told;
}

TEST(newborn, it_is_as_one_that_was_made_step_by_step)
{
    struct stat st;
    st_store_close(open_store());
    CHECK_INT_EQ(stat(beside(""), &st), 0);
    CHECK_INT_EQ(st.st_mode & 0777, 0600);
    CHECK_INT_EQ(st.st_nlink, 1);
    struct slice whole = character();
    CHECK_INT_EQ(unlink(beside("")), 0);
    CHECK_OK(file_write_atomic(slice_of(beside("")), SLICE(""), 0600));
    st_store_close(open_store());
    struct slice grown = character();
    CHECK_SLICE_EQ(whole, grown);
    CHECK_CONTAINS(whole, "CREATE TABLE sessions");
    CHECK_CONTAINS(whole, "\nwal|\n");
    CHECK_CONTAINS(whole, "\nok|\n");
}

/* --- how it comes about ----------------------------------------------------
 */

static _Atomic int calls;
static void count_call(uint64_t nth)
{
    (void)nth;
    atomic_fetch_add(&calls, 1);
}

TEST(newborn, making_it_waits_for_no_sync_of_a_journal)
{
    vfs_kit_begin();
    vfs_watch(VFS_SYNC | VFS_WRITE, count_call);
    struct st_store *s = open_store();
    CHECK_INT_EQ(atomic_load(&calls), 0);
    CHECK_INT_EQ(size_of(beside("-wal")), 0);
    CHECK(st_stamp(s) != 0); /* and what is read may be kept at once */
    struct st_session row = some_session("a");
    CHECK_OK(st_write(s, insert_session, &row));
    CHECK_INT_GT(atomic_load(&calls), 0); /* they are seen */
    st_store_close(s);
}

/* Where SQLite keeps user_version: big-endian. */
enum { VERSION_AT = 60 };

/* The first bytes that the name ever led to. */
static int look_at_the_first(void)
{
    unsigned char head[100];
    int fd = -1;
    while (fd < 0) fd = open(beside(""), O_RDONLY | O_CLOEXEC);
    ssize_t n = pread(fd, head, sizeof(head), 0);
    return n == (ssize_t)sizeof(head) &&
                   head[VERSION_AT + 3] == st__schema.version
               ? 0
               : 1;
}

TEST(newborn, who_sees_its_name_sees_it_whole, .timeout_s = 60)
{
    for (int round = 0; round < 10; round++) {
        int status = 1;
        beside(""); /* the folder */
        pid_t pid = fork();
        CHECK_INT_GE(pid, 0);
        if (pid == 0) _exit(look_at_the_first());
        st_store_close(open_store());
        CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
        CHECK_INT_EQ(status, 0);
        CHECK_INT_EQ(unlink(beside("")), 0);
    }
}

/* --- what lies there already -----------------------------------------------
 */

static void leave_a_log(void)
{
    pid_t pid = fork();
    CHECK_INT_GE(pid, 0);
    if (pid == 0) {
        struct st_session row = some_session("a");
        if (st_write(open_store(), insert_session, &row)) _exit(1);
        _exit(0); /* the log stays */
    }
    int status = 1;
    CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
    CHECK_INT_EQ(status, 0);
    CHECK_INT_GT(size_of(beside("-wal")), 0);
}

TEST(newborn, the_log_of_a_file_that_was_lost_is_not_believed)
{
    leave_a_log();
    CHECK_INT_EQ(unlink(beside("")), 0);
    struct st_store *s = open_store();
    CHECK_INT_EQ(sessions_in(s), 0);
    st_store_close(s);
    CHECK_CONTAINS(character(), "\nok|\n");
}

TEST(newborn, a_file_that_is_there_stays)
{
    leave_a_log();
    struct st_store *s = open_store();
    CHECK_INT_EQ(version_of(s, "a"), 1);
    st_store_close(s);
}

TEST(newborn, stamps_of_the_file_before_it_are_over)
{
    struct st_store *s = open_store(), *next;
    uint64_t before = st_stamp(s);
    CHECK(before != 0);
    CHECK_INT_EQ(unlink(beside("")), 0);
    CHECK_INT_EQ(unlink(beside("-wal")), 0);
    next = open_store();
    CHECK(!st_stamp_same(before, st_stamp(s)));
    st_store_close(next);
    st_store_close(s);
}
