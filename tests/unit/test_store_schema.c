/* Who may open a state file, and how it is brought up. */
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "state/sqlite_setup.h"
#include "state/store_private.h"
#include "tests/unit/store_fixture.h"

/* The program of tomorrow: one migration more. */
static const char *tomorrow_rows[8];
static struct st_schema tomorrow(const char *migration)
{
    struct st_schema s = {tomorrow_rows, st__schema.version + 1};
    for (int i = 0; i < st__schema.version; i++)
        tomorrow_rows[i] = st__schema.migrations[i];
    tomorrow_rows[st__schema.version] = migration;
    return s;
}
#define ADD_NOTE "ALTER TABLE sessions ADD COLUMN note TEXT"

static enum err open_with(const struct st_schema *schema, struct st_store **ret)
{
    struct problem p;
    struct st_store_options o = {.path = slice_of(beside(""))};
    problem_init(&p);
    return st__store_open(&o, schema, test_arena(), &p, ret);
}

static struct slice content(const char *path)
{
    struct slice s = {0};
    CHECK_OK(file_read(slice_of(path), 64 << 20, test_arena(), &s));
    return s;
}

static const char *backup_path(void)
{
    char suffix[16];
    snprintf(suffix, sizeof(suffix), ".v%d", st__schema.version);
    return beside(suffix);
}

static void write_row(struct st_store *s, const char *id)
{
    struct st_session row = some_session(id);
    CHECK_OK(st_write(s, insert_session, &row));
}

TEST(store_schema, a_migration_goes_up_and_the_saved_file_goes_back)
{
    struct st_schema next = tomorrow(ADD_NOTE);
    struct st_store *s = open_store();
    write_row(s, "a");
    st_store_close(s);
    CHECK_INT_EQ(access(backup_path(), F_OK), -1);

    CHECK_OK(open_with(&next, &s));
    CHECK_INT_EQ(version_of(s, "a"), 1);
    write_row(s, "b");
    st_store_close(s);
    CHECK_ERR(open_with(&st__schema, &s), ERR_STORE_TOO_NEW);

    CHECK_INT_EQ(rename(backup_path(), beside("")), 0);
    s = open_store();
    CHECK_INT_EQ(version_of(s, "a"), 1);
    CHECK_INT_EQ(version_of(s, "b"), 0);
    st_store_close(s);

    CHECK_OK(open_with(&next, &s)); /* and up again */
    CHECK_INT_EQ(version_of(s, "a"), 1);
    st_store_close(s);
}

TEST(store_schema, a_migration_that_fails_leaves_the_file_as_it_was)
{
    struct st_schema broken =
        tomorrow("CREATE TABLE half(a); INSERT INTO nowhere VALUES(1)");
    struct st_store *s = open_store();
    write_row(s, "a");
    st_store_close(s);
    CHECK_ERR(open_with(&broken, &s), ERR_INTERNAL);
    s = open_store();
    CHECK_INT_EQ(version_of(s, "a"), 1);
    st_store_close(s);
    struct st_schema next = tomorrow("CREATE TABLE half(a)");
    CHECK_OK(open_with(&next, &s)); /* nothing of it was there */
    st_store_close(s);
}

TEST(store_schema, a_newer_file_is_refused_and_not_touched)
{
    struct st_schema next = tomorrow(ADD_NOTE);
    struct st_store *s = NULL;
    struct problem p;
    CHECK_OK(open_with(&next, &s));
    write_row(s, "a");
    st_store_close(s);
    CHECK_INT_EQ(unlink(beside("-commits")), 0);
    struct slice before = content(beside(""));
    CHECK_ERR(try_open(&p, &s), ERR_STORE_TOO_NEW);
    CHECK(p.what.n && p.why.n && p.how_to_fix.n);
    CHECK_SLICE_EQ(content(beside("")), before);
    CHECK_INT_EQ(access(beside("-wal"), F_OK), -1);
    CHECK_INT_EQ(access(beside("-shm"), F_OK), -1);
    CHECK_INT_EQ(access(beside("-commits"), F_OK), -1);
}

/* What a killed newer program leaves: the header still old, the version in
 * the WAL. Refusing must not move the WAL into the file. */
TEST(store_schema, a_newer_version_in_the_wal_alone_is_refused_too)
{
    struct st_store *s = open_store();
    struct st_conn *c = NULL;
    struct problem p;
    write_row(s, "a");
    st_store_close(s);
    CHECK_OK(st__conn_open(beside(""), true, ST_FULL, 100, &c));
    CHECK_OK(st__conn_exec(c, "PRAGMA user_version=4711"));
    struct slice file = content(beside("")), wal = content(beside("-wal"));
    /* its process is gone: only the files are left */
    CHECK_OK(file_write_atomic(slice_of(beside(".dead")), file, 0600));
    CHECK_OK(file_write_atomic(slice_of(beside(".dead-wal")), wal, 0600));
    st__conn_close(c);
    struct st_store_options o = {.path = slice_of(beside(".dead"))};
    problem_init(&p);
    CHECK_ERR(st_store_open(&o, test_arena(), &p, &s), ERR_STORE_TOO_NEW);
    CHECK_SLICE_EQ(content(beside(".dead")), file);
    CHECK_SLICE_EQ(content(beside(".dead-wal")), wal);
}

TEST(store_schema, a_running_program_stops_writing_when_the_file_is_migrated)
{
    struct st_schema next = tomorrow(ADD_NOTE);
    struct st_store *old = open_store(), *s = NULL;
    struct st_session row = some_session("b");
    write_row(old, "a");
    CHECK_OK(open_with(&next, &s));
    CHECK_ERR(st_write(old, insert_session, &row), ERR_STORE_TOO_NEW);
    CHECK_OK(st_write(s, insert_session, &row));
    st_store_close(old);
    st_store_close(s);
}

TEST(store_schema, a_file_that_is_no_database_is_refused_and_not_touched)
{
    struct st_store *s = NULL;
    struct problem p;
    struct slice text = SLICE(
        "This is a letter, and a long one, so that it has more bytes than "
        "the header of a database: a hundred and some. It was saved under "
        "the wrong name and shall not be lost.\n");
    CHECK_OK(file_write_atomic(slice_of(beside("")), text, 0600));
    CHECK_ERR(try_open(&p, &s), ERR_STORE_CORRUPT);
    CHECK(p.how_to_fix.n > 0);
    CHECK_SLICE_EQ(content(beside("")), text);
    CHECK_INT_EQ(access(beside("-wal"), F_OK), -1);
}

TEST(store_schema, a_database_of_another_program_is_refused_and_not_touched)
{
    sqlite3 *db = NULL;
    struct st_store *s = NULL;
    struct problem p;
    CHECK_OK(st__sqlite_setup());
    CHECK_INT_EQ(sqlite3_open(beside(""), &db), SQLITE_OK);
    CHECK_INT_EQ(
        sqlite3_exec(db, "CREATE TABLE bookmarks(url)", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    struct slice before = content(beside(""));
    CHECK_ERR(try_open(&p, &s), ERR_STORE_FOREIGN);
    CHECK_SLICE_EQ(content(beside("")), before);
    CHECK_INT_EQ(access(beside("-wal"), F_OK), -1);
}

TEST(store_schema, damage_in_the_middle_is_told_by_the_check)
{
    struct st_store *s = open_store();
    struct problem p;
    problem_init(&p);
    for (int i = 0; i < 300; i++) {
        char id[24];
        snprintf(id, sizeof(id), "row-%04d", i);
        write_row(s, id);
    }
    st_store_close(s);
    struct stat st;
    CHECK_INT_EQ(stat(beside(""), &st), 0);
    FILE *f = fopen(beside(""), "r+");
    CHECK(f);
    /* Behind the schema: without that it could not even be opened. */
    CHECK_INT_GT(st.st_size, 28 * 4096);
    for (long at = 24 * 4096; at + 4096 <= st.st_size; at += 4096) {
        CHECK_INT_EQ(fseek(f, at + 1000, SEEK_SET), 0);
        for (int i = 0; i < 2000; i++) fputc(0xa5, f);
    }
    CHECK_INT_EQ(fclose(f), 0);
    s = open_store();
    CHECK_ERR(st_store_check(s, test_arena(), &p), ERR_STORE_CORRUPT);
    CHECK(p.what.n > 0);
    st_store_close(s);
}

TEST(store_schema, an_empty_file_becomes_a_store)
{
    CHECK_OK(file_write_atomic(slice_of(beside("")), SLICE(""), 0600));
    struct st_store *s = open_store();
    write_row(s, "a");
    st_store_close(s);
}

TEST(store_schema, a_missing_folder_is_told)
{
    struct st_store *s = NULL;
    struct problem p;
    struct st_store_options o = {.path = SLICE("/nowhere/at/all/state.db")};
    problem_init(&p);
    CHECK_ERR(st_store_open(&o, test_arena(), &p, &s), ERR_NOT_FOUND);
    CHECK_CONTAINS(p.what, "/nowhere/at/all");
    CHECK(p.how_to_fix.n > 0);
}

TEST(store_schema, a_strange_name_is_just_a_name)
{
    static const char *const names[] = {"/file:x?mode=memory", "/100%41.db",
                                        "/a#b", "/sp ace\xc3\xa9.db"};
    for (int i = 0; i < 4; i++) {
        struct problem p;
        struct st_store *s = NULL;
        struct slice path =
            arena_printf(test_arena(), "%s%s%c", test_tmpdir(), names[i], '\0');
        struct st_store_options o = {.path = {path.p, path.n - 1}};
        problem_init(&p);
        for (int round = 0; round < 2; round++) {
            CHECK_OK(st_store_open(&o, test_arena(), &p, &s));
            if (round == 0) write_row(s, "a");
            CHECK_INT_EQ(version_of(s, "a"), 1);
            st_store_close(s);
        }
        CHECK_INT_EQ(access(path.p, F_OK), 0);
    }
}

TEST(store_schema, a_link_leads_all_to_the_same_files)
{
    struct problem p;
    struct st_store *s = open_store(), *by_link = NULL;
    CHECK_INT_EQ(symlink("state.db", beside(".link")), 0);
    struct st_store_options o = {.path = slice_of(beside(".link"))};
    problem_init(&p);
    CHECK_OK(st_store_open(&o, test_arena(), &p, &by_link));
    uint64_t before = st_stamp(s);
    write_row(by_link, "a");
    CHECK(!st_stamp_same(before, st_stamp(s)));
    CHECK_INT_EQ(version_of(s, "a"), 1);
    st_store_close(by_link);
    st_store_close(s);
}
