/*
 * inspect: what is said of a file that may be anything, and of a copy that
 * cannot be made.
 */
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/inspect.h"
#include "tests/unit/store_fixture.h"

static void state_with(const char *sql)
{
    struct st_store *s = open_store();
    struct st_session row = some_session("kept");
    sqlite3 *db;
    CHECK_OK(st_write(s, insert_session, &row));
    st_store_close(s);
    CHECK_INT_EQ(sqlite3_open(beside(""), &db), SQLITE_OK);
    CHECK_INT_EQ(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    CHECK_INT_EQ(sqlite3_close(db), SQLITE_OK);
}

static enum err inspect(const char *path, const struct cancel *c,
                        struct st_inspection *in)
{
    struct problem p;
    problem_init(&p);
    enum err e = st_inspect(slice_of(path), true, c, test_arena(), &p, in);
    if (e) CHECK_INT_GT(p.what.n, 0);
    if (e) CHECK_INT_GT(p.how_to_fix.n, 0);
    return e;
}

struct other {
    const char *sql;
    enum err want;
};
TEST_EACH(inspect, a_file_is_called_what_it_is, struct other, row, {"", OK},
          {"PRAGMA application_id=7", ERR_STORE_FOREIGN},
          {"PRAGMA user_version=999", ERR_STORE_TOO_NEW})
{
    struct st_inspection in;
    state_with(row->sql);
    CHECK_ERR(inspect(beside(""), NULL, &in), row->want);
    if (row->want == OK) CHECK_INT_EQ(in.sessions, 1);
    CHECK(in.checked == (row->want == OK));
    CHECK_INT_LT(0, in.bytes);
}

TEST(inspect, a_path_that_is_no_file_is_said_so)
{
    struct st_inspection in;
    CHECK_ERR(inspect(beside(""), NULL, &in), ERR_NOT_FOUND);
    CHECK_ERR(inspect(test_tmpdir(), NULL, &in), ERR_IO);
    state_with("");
    CHECK_ERR(inspect(beside("/below"), NULL, &in), ERR_IO);
}

/* Ended before its end it is an answer all the same, of what was seen. */
/* What a start on a full disk leaves behind. */
TEST(inspect, an_empty_file_is_none_yet)
{
    struct st_inspection in;
    fclose(fopen(beside(""), "w"));
    CHECK_ERR(inspect(beside(""), NULL, &in), ERR_NOT_FOUND);
}

TEST(inspect, who_is_called_off_has_not_checked_every_page)
{
    struct st_inspection in;
    struct cancel c;
    state_with("CREATE TABLE much(a, b UNIQUE);"
               "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
               "WHERE i < 20000) INSERT INTO much SELECT i, hex(i) FROM n");
    cancel_init(&c, INT64_MAX);
    CHECK_OK(inspect(beside(""), &c, &in));
    CHECK(in.checked);
    cancel_set(&c, CANCEL_CLIENT);
    CHECK_OK(inspect(beside(""), &c, &in));
    CHECK(!in.checked);
    CHECK_INT_EQ(in.sessions, 1);
}

static enum err copy(const char *to)
{
    struct st_inspection in;
    struct problem p;
    problem_init(&p);
    enum err e = st_backup_file(slice_of(beside("")), slice_of(to), NULL,
                                test_arena(), &p, &in);
    if (e) CHECK_INT_GT(p.how_to_fix.n, 0);
    return e;
}

/* The bytes of a newer file can be kept all the same. */
TEST(inspect, a_newer_file_is_copied_too)
{
    struct st_inspection in;
    state_with("PRAGMA user_version=999");
    CHECK_OK(copy(beside(".copy")));
    CHECK_ERR(inspect(beside(".copy"), NULL, &in), ERR_STORE_TOO_NEW);
    CHECK_ERR(copy(beside(".copy")), ERR_EXISTS);
}

TEST(inspect, a_copy_that_cannot_have_its_name_leaves_nothing)
{
    struct stat st;
    state_with("");
    CHECK_ERR(copy(beside(".none/copy")), ERR_IO);
    CHECK_ERR(copy(beside("/copy")), ERR_IO);
    CHECK_INT_EQ(mkdir(beside(".folder"), 0755), 0);
    CHECK_ERR(copy(beside(".folder")), ERR_EXISTS);
    CHECK_INT_EQ(stat(beside(".none"), &st), -1);
    struct st_store *s = open_store();
    struct problem p;
    problem_init(&p);
    CHECK_INT_NE(
        st_store_backup(s, slice_of(beside(".folder")), test_arena(), &p), OK);
    CHECK_INT_GT(p.how_to_fix.n, 0);
    st_store_close(s);
}
