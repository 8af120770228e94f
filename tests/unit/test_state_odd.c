/* The state file and the index where the world is not as usual: names that
 * are none, columns of a wrong length, folders in the place of files, words
 * beyond counting. */
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "state/index.h"
#include "state/inspect.h"
#include "tests/unit/store_fixture.h"

/* --- names ------------------------------------------------------------------
 */

struct name_row {
    const char *label;
    const char *name;
    size_t n; /* bytes behind the folder; a NUL may be among them */
};
TEST_EACH(state_odd, a_path_that_names_no_file_is_refused, struct name_row, row,
          {"a folder", "/", 1}, {"with a NUL", "/a\0b", 4})
{
    struct problem p;
    struct st_store *s = NULL;
    struct buf b = BUF_INIT(4096);
    problem_init(&p);
    buf_puts(&b, test_tmpdir());
    buf_put(&b, (struct slice){row->name, row->n});
    struct st_store_options o = {.path = buf_slice(&b)};
    CHECK_ERR(st_store_open(&o, test_arena(), &p, &s), ERR_INVALID);
    CHECK_INT_GT(p.how_to_fix.n, 0);
    CHECK(!s);
    buf_done(&b);
}

/* --- rows that another program wrote ----------------------------------------
 */

static void sql(const char *path, const char *text)
{
    sqlite3 *db;
    char *what = NULL;
    CHECK_INT_EQ(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &what)) FAIL("%s", what);
    CHECK_INT_EQ(sqlite3_close(db), SQLITE_OK);
}

static void one_session(void)
{
    struct st_store *s = open_store();
    struct st_session row = some_session("a");
    CHECK_OK(st_write(s, insert_session, &row));
    st_store_close(s);
}

struct blob_row {
    const char *label, *sql;
};
TEST_EACH(state_odd, a_hash_that_is_no_hash_is_damage, struct blob_row, row,
          {"short", "UPDATE sessions SET event_hash=x'07'"},
          {"long", "UPDATE sessions SET event_hash=zeroblob(33)"},
          {"empty", "UPDATE sessions SET event_hash=x''"})
{
    struct st_tx *tx;
    struct st_session got;
    one_session();
    sql(beside(""), row->sql);
    struct st_store *s = open_store();
    CHECK_OK(st_read_begin(s, NULL, &tx));
    CHECK_ERR(st_session_get(tx, SLICE("a"), test_arena(), &got),
              ERR_STORE_CORRUPT);
    st_read_end(tx);
    st_store_close(s);
}

/* --- a limit of nothing is no limit -----------------------------------------
 */

TEST(state_odd, without_a_limit_all_rows_are_listed)
{
    struct st_tx *tx;
    struct st_evidence *verdicts;
    struct st_approval *open;
    struct st_approval_filter all = {0};
    size_t n = 1;
    one_session();
    struct st_store *s = open_store();
    CHECK_OK(st_read_begin(s, NULL, &tx));
    CHECK_OK(
        st_verdict_list(tx, SLICE("a"), 0, 0, test_arena(), &verdicts, &n));
    CHECK_INT_EQ(n, 0);
    n = 1;
    CHECK_OK(st_approval_open(tx, &all, test_arena(), &open, &n));
    CHECK_INT_EQ(n, 0);
    st_read_end(tx);
    st_store_close(s);
}

/* --- files beside it --------------------------------------------------------
 */

TEST(state_odd, a_folder_in_the_place_of_the_counter_loses_no_read)
{
    struct st_tx *tx;
    int64_t version = 0;
    one_session();
    (void)unlink(beside("-commits"));
    CHECK_INT_EQ(mkdir(beside("-commits"), 0700), 0);
    struct st_store *s = open_store();
    CHECK_OK(st_read_begin(s, NULL, &tx));
    CHECK_OK(st_session_version(tx, SLICE("a"), &version));
    CHECK_INT_EQ(version, 1);
    st_read_end(tx);
    st_store_close(s);
}

TEST(state_odd, a_pipe_in_the_place_of_the_counter_loses_no_read)
{
    struct st_tx *tx;
    int64_t version = 0;
    one_session();
    (void)unlink(beside("-commits"));
    CHECK_INT_EQ(mkfifo(beside("-commits"), 0600), 0);
    struct st_store *s = open_store();
    CHECK_OK(st_read_begin(s, NULL, &tx));
    CHECK_OK(st_session_version(tx, SLICE("a"), &version));
    st_read_end(tx);
    st_store_close(s);
}

/* --- words beyond counting --------------------------------------------------
 */

enum { OFTEN = 70000 };

static struct st_index *index_of(struct slice text)
{
    struct st_index *x;
    struct st_index_write *w;
    struct st_index_state state;
    struct problem p;
    problem_init(&p);
    struct st_passage passage = {.text = text,
                                 .section = text,
                                 .headings = text,
                                 .tokens = OFTEN,
                                 .phase = INT64_MIN};
    struct st_doc d = {.root = SLICE("/r"),
                       .path = SLICE("a.md"),
                       .title = text,
                       .stamp = SLICE("1"),
                       .passages = &passage,
                       .passages_count = 1};
    CHECK_OK(st_index_open(arena_printf(test_arena(), "%s/index.db",
                                        test_tmpdir()),
                           test_arena(), &p, &x));
    CHECK_OK(st_index_write_begin(x, 5000, &w));
    CHECK_OK(st_index_put(w, &d));
    CHECK_OK(st_index_write_end(w, OK, &state));
    return x;
}

TEST(state_odd, counts_and_places_end_where_their_numbers_do)
{
    struct buf b = BUF_INIT(1 << 20);
    struct st_index_view *v;
    struct st_posting *found;
    size_t n = 0;
    for (int i = 0; i < OFTEN; i++) buf_puts(&b, "wombat ");
    buf_puts(&b, "echidna");
    struct st_index *x = index_of(buf_slice(&b));
    CHECK_OK(st_index_view(x, NULL, &v));
    CHECK_OK(st_index_postings(v, (struct st_term){SLICE("wombat"), false}, 10,
                               test_arena(), &found, &n));
    CHECK_INT_EQ(n, 1);
    for (int c = 0; c < ST_COLUMN_COUNT; c++)
        CHECK(found[0].count[c] == 0 || found[0].count[c] == UINT16_MAX);
    static const struct st_term terms[] = {{SLICE_INIT("wombat"), false},
                                           {SLICE_INIT("echidna"), false}};
    struct st_hit *hits;
    CHECK_OK(
        st_index_hits(v, found[0].doc, terms, 2, test_arena(), &hits, &n));
    CHECK_INT_EQ(n, 1);
    CHECK_INT_EQ(hits[0].headings[0], UINT8_MAX);
    CHECK_INT_EQ(hits[0].body[0], UINT8_MAX);
    CHECK_INT_EQ(hits[0].place[0][7], 7);
    CHECK_INT_EQ(hits[0].body[1], 1);
    CHECK_INT_EQ(hits[0].place[1][0], UINT16_MAX);
    st_index_view_end(v);
    st_index_close(x);
    buf_done(&b);
}

TEST(state_odd, a_text_of_too_many_passages_is_refused)
{
    struct st_index *x = index_of(SLICE("wombat"));
    struct st_index_write *w;
    struct st_index_state state;
    struct st_doc d = {.root = SLICE("/r"),
                       .path = SLICE("b.md"),
                       .passages_count = (size_t)1 << 40};
    CHECK_OK(st_index_write_begin(x, 5000, &w));
    CHECK_ERR(st_index_put(w, &d), ERR_TOO_LARGE);
    CHECK_OK(st_index_write_end(w, OK, &state));
    CHECK_INT_EQ(state.docs, 1);
    st_index_close(x);
}
