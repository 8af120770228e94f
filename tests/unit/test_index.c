/*
 * index: what is put in is found, what is taken out is not, and the file may
 * be lost at any time.
 */
#include "state/index.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/runner/test.h"

static struct slice index_path(void)
{
    return arena_printf(test_arena(), "%s/index.db", test_tmpdir());
}

static struct st_index *opened(void)
{
    struct st_index *x;
    struct problem p;
    problem_init(&p);
    enum err e = st_index_open(index_path(), test_arena(), &p, &x);
    if (e) FAIL("%.*s: %.*s", SLICE_ARG(err_detail(e)), SLICE_ARG(p.why));
    return x;
}

/* A text of one passage under this name. */
static void put_in(struct st_index_write *w, const char *path, const char *text)
{
    const struct st_passage passage = {.text = slice_of(text),
                                       .section = SLICE("Section"),
                                       .headings = SLICE("Title > Section"),
                                       .tokens = 10,
                                       .line = 1,
                                       .phase = INT64_MIN};
    const struct slice tags[] = {SLICE("tagged")};
    const struct st_doc d = {.root = SLICE("/root"),
                             .path = slice_of(path),
                             .title = SLICE("Title"),
                             .tags = tags,
                             .tags_count = 1,
                             .stamp = SLICE("stamp"),
                             .passages = &passage,
                             .passages_count = 1};
    CHECK_OK(st_index_put(w, &d));
}

static struct st_index_write *begin(struct st_index *x)
{
    struct st_index_write *w;
    CHECK_OK(st_index_write_begin(x, 5000, &w));
    return w;
}

static void end(struct st_index_write *w)
{
    struct st_index_state state;
    CHECK_OK(st_index_write_end(w, OK, &state));
}

static void put(struct st_index *x, const char *path, const char *text)
{
    struct st_index_write *w = begin(x);
    put_in(w, path, text);
    end(w);
}

/* Texts that have it; or the error as a negative number. */
static int found(struct st_index *x, const char *words, bool prefix)
{
    struct st_index_view *v;
    struct st_posting *postings;
    struct arena a; /* of its own: threads call this */
    size_t count = 0;
    enum err e = st_index_view(x, NULL, &v);
    if (e) return -(int)e;
    arena_init(&a, 1 << 20);
    e = st_index_postings(v, (struct st_term){slice_of(words), prefix}, 1000,
                          &a, &postings, &count);
    arena_done(&a);
    st_index_view_end(v);
    return e ? -(int)e : (int)count;
}

TEST(index, finds_words_by_their_stem_and_without_their_accents)
{
    struct st_index *x = opened();
    put(x, "a.md", "Retrying calls in the caf\xc3\xa9");
    put(x, "b.md", "Something else");
    CHECK_INT_EQ(found(x, "retries", false), 1);
    CHECK_INT_EQ(found(x, "CALL", false), 1);
    CHECK_INT_EQ(found(x, "cafe", false), 1);
    CHECK_INT_EQ(found(x, "absent", false), 0);
    CHECK_INT_EQ(found(x, "title", false), 2);
    st_index_close(x);
}

TEST(index, finds_phrases_and_beginnings_of_words)
{
    struct st_index *x = opened();
    put(x, "a.md", "the quick brown fox");
    put(x, "b.md", "the brown and quick fox");
    CHECK_INT_EQ(found(x, "quick brown", false), 1);
    CHECK_INT_EQ(found(x, "qui", true), 2);
    CHECK_INT_EQ(found(x, "qui", false), 0);
    st_index_close(x);
}

struct syntax_row {
    const char *words;
};
/* clang-format off */
TEST_EACH(index, nothing_in_a_term_is_syntax, struct syntax_row, row,
    {"-rf"}, {"\""}, {"\"\""}, {"*"}, {"NEAR("}, {"a AND"}, {"OR"}, {"NOT x"},
    {"path:"}, {"{path}: x"}, {"^a"}, {"a + b"}, {"("}, {"C++"}, {"'; DROP"},
    {"\xff\xfe"}, {""}, {"?1"}, {":a"}, {"$x"})
/* clang-format on */
{
    struct st_index *x = opened();
    put(x, "a.md", "plain words");
    CHECK_INT_GE(found(x, row->words, false), 0);
    CHECK_INT_GE(found(x, row->words, true), 0);
    st_index_close(x);
}

TEST(index, what_is_replaced_or_deleted_is_not_found)
{
    struct st_index *x = opened();
    struct st_doc_row *rows;
    size_t count;
    put(x, "a.md", "former words");
    put(x, "a.md", "later words");
    CHECK_INT_EQ(found(x, "former", false), 0);
    CHECK_INT_EQ(found(x, "later", false), 1);
    struct st_index_write *w = begin(x);
    CHECK_OK(st_index_docs(w, SLICE("/root"), test_arena(), &rows, &count));
    CHECK_INT_EQ(count, 1);
    CHECK_TEXT_EQ(rows[0].path, "a.md");
    CHECK_TEXT_EQ(rows[0].stamp, "stamp");
    CHECK_OK(st_index_delete(w, rows[0].id));
    end(w);
    CHECK_INT_EQ(found(x, "later", false), 0);
    CHECK_INT_EQ(found(x, "title", false), 0);
    st_index_close(x);
}

TEST(index, a_revision_is_counted_only_when_texts_changed)
{
    struct st_index *x = opened();
    struct st_index_state one, two, three;
    struct st_index_write *w = begin(x);
    put_in(w, "a.md", "words");
    CHECK_OK(st_index_write_end(w, OK, &one));
    w = begin(x);
    CHECK_OK(st_index_write_end(w, OK, &two));
    CHECK_INT_EQ(one.revision, two.revision);
    CHECK_INT_EQ(one.docs, 1);
    w = begin(x);
    put_in(w, "b.md", "words");
    CHECK_OK(st_index_write_end(w, OK, &three));
    CHECK_INT_GT(three.revision, two.revision);
    CHECK_INT_EQ(three.docs, 2);
    st_index_close(x);
}

TEST(index, a_write_that_failed_leaves_nothing)
{
    struct st_index *x = opened();
    struct st_index_state state;
    struct st_index_write *w = begin(x);
    put_in(w, "a.md", "secret");
    CHECK_ERR(st_index_write_end(w, ERR_CANCELLED, &state), ERR_CANCELLED);
    CHECK_INT_EQ(found(x, "secret", false), 0);
    put(x, "a.md", "secret again");
    CHECK_INT_EQ(found(x, "secret", false), 1);
    st_index_close(x);
}

TEST(index, a_step_shows_what_was_done_so_far)
{
    struct st_index *x = opened();
    struct st_index_write *w = begin(x);
    put_in(w, "a.md", "first");
    CHECK_OK(st_index_write_step(w));
    put_in(w, "b.md", "second");
    CHECK_INT_EQ(found(x, "first", false), 1);
    CHECK_INT_EQ(found(x, "second", false), 0);
    end(w);
    CHECK_INT_EQ(found(x, "second", false), 1);
    st_index_close(x);
}

struct near_row {
    const char *word, *want; /* NULL: nothing */
};
/* clang-format off */
TEST_EACH(index, knows_misspelt_words, struct near_row, row,
    {"idempotnecy", "idempotency"}, {"idmpotency", "idempotency"},
    {"lokc", "lock"}, {"lcok", NULL}, {"lockk", "lock"}, {"lok", NULL},
    {"backof", "backoff"}, {"entirely", NULL}, {"", NULL}, {"a", NULL})
/* clang-format on */
{
    struct st_index *x = opened();
    struct st_index_view *v;
    struct slice *words;
    size_t count;
    put(x, "a.md", "idempotency backoff lock jitter");
    CHECK_OK(st_index_view(x, NULL, &v));
    CHECK_OK(
        st_index_near(v, slice_of(row->word), 3, test_arena(), &words, &count));
    CHECK_INT_EQ(count, row->want ? 1 : 0);
    if (row->want) CHECK_TEXT_EQ(words[0], row->want);
    st_index_view_end(v);
    st_index_close(x);
}

TEST(index, tells_where_words_stand_in_a_passage)
{
    struct st_index *x = opened();
    struct st_index_view *v;
    struct st_posting *postings;
    struct st_hit *hits;
    struct st_passage passage;
    size_t count;
    put(x, "dir/name.md", "one two one section");
    CHECK_OK(st_index_view(x, NULL, &v));
    const struct st_term terms[] = {{SLICE("one"), false},
                                    {SLICE("section"), false}};
    CHECK_OK(
        st_index_postings(v, terms[0], 10, test_arena(), &postings, &count));
    CHECK_INT_EQ(count, 1);
    CHECK_INT_EQ(postings[0].count[ST_BODY], 2);
    CHECK_INT_EQ(postings[0].count[ST_PATH], 0);
    CHECK_OK(st_index_hits(v, postings[0].doc, terms, 2, test_arena(), &hits,
                           &count));
    CHECK_INT_EQ(count, 1);
    CHECK_INT_EQ(hits[0].body[0], 2);
    CHECK_INT_EQ(hits[0].place[0][1], 2);
    CHECK_INT_EQ(hits[0].headings[1], 1);
    CHECK_OK(st_index_passage(v, hits[0].passage, test_arena(), &passage));
    CHECK_TEXT_EQ(passage.text, "one two one section");
    CHECK_INT_EQ(passage.phase, INT64_MIN);
    st_index_view_end(v);
    st_index_close(x);
}

/* --- the file is lost in every way -------------------------------------------
 */

static void overwrite(const char *bytes, off_t at)
{
    int fd = open(arena_cstr(test_arena(), index_path()), O_WRONLY);
    CHECK(fd >= 0);
    size_t n = strlen(bytes);
    CHECK_INT_EQ(pwrite(fd, bytes, n, at), (ssize_t)n);
    CHECK_INT_EQ(close(fd), 0);
}

TEST(index, a_file_that_is_none_is_made_anew)
{
    CHECK_OK(
        file_write_atomic(index_path(), SLICE("no database at all"), 0600));
    struct st_index *x = opened();
    put(x, "a.md", "words");
    CHECK_INT_EQ(found(x, "words", false), 1);
    st_index_close(x);
}

TEST(index, a_file_of_another_version_is_made_anew)
{
    struct st_index *x = opened();
    put(x, "a.md", "words");
    st_index_close(x);
    sqlite3 *db;
    CHECK_INT_EQ(sqlite3_open(arena_cstr(test_arena(), index_path()), &db), 0);
    CHECK_INT_EQ(sqlite3_exec(db, "PRAGMA user_version=999", NULL, NULL, NULL),
                 0);
    sqlite3_close(db);
    x = opened();
    CHECK_INT_EQ(found(x, "words", false), 0);
    st_index_close(x);
}

TEST(index, a_file_that_is_kept_keeps_what_is_in_it)
{
    struct st_index *x = opened();
    put(x, "a.md", "words");
    st_index_close(x);
    x = opened();
    CHECK_INT_EQ(found(x, "words", false), 1);
    st_index_close(x);
}

TEST(index, a_file_damaged_while_open_is_made_anew_at_the_next_view)
{
    struct st_index *x = opened();
    put(x, "a.md", "words");
    st_index_close(x);
    x = opened();
    struct slice noise = arena_printf(test_arena(), "%08192d", 7);
    for (off_t at = 4096; at < 40960; at += 8192) overwrite(noise.p, at);
    int n = 0;
    for (int i = 0; i < 5 && n <= 0; i++) {
        n = found(x, "words", false);
        CHECK(n == 0 || n == 1 || n == -ERR_STORE_CORRUPT);
        if (n == 0) put(x, "a.md", "words");
    }
    CHECK_INT_EQ(n, 1);
    st_index_close(x);
}

TEST(index, a_file_removed_or_replaced_is_noticed)
{
    struct st_index *x = opened();
    put(x, "a.md", "words");
    CHECK_INT_EQ(unlink(arena_cstr(test_arena(), index_path())), 0);
    CHECK_INT_EQ(found(x, "words", false), 0);
    CHECK_INT_EQ(st_index_remade(x), 2);
    put(x, "a.md", "words");
    CHECK_INT_EQ(found(x, "words", false), 1);
    st_index_close(x);
}

TEST(index, a_folder_that_is_not_there_is_said_so)
{
    struct st_index *x;
    struct problem p;
    problem_init(&p);
    enum err e = st_index_open(
        arena_printf(test_arena(), "%s/no/index.db", test_tmpdir()),
        test_arena(), &p, &x);
    CHECK_ERR(e, ERR_NOT_FOUND);
    CHECK_INT_GT(p.how_to_fix.n, 0);
}

/* --- many at once
 * --------------------------------------------------------------- */

struct crowd {
    struct st_index *index;
    _Atomic int wrong;
};

static void read_or_write(void *ctx, int i)
{
    struct crowd *c = ctx;
    int rounds = test_sanitized() ? 20 : 60;
    for (int round = 0; round < rounds; round++) {
        char path[32];
        snprintf(path, sizeof(path), "%d.md", round % 7);
        if (i == 0)
            put(c->index, path, "always there");
        else if (found(c->index, "always there", false) < 1)
            atomic_fetch_add(&c->wrong, 1);
    }
}

TEST(index, readers_always_see_a_whole_text)
{
    struct crowd c = {.index = opened()};
    put(c.index, "0.md", "always there");
    test_threads(4, read_or_write, &c);
    CHECK_INT_EQ(c.wrong, 0);
    st_index_close(c.index);
}

TEST(index, processes_share_the_file)
{
    struct st_index *x = opened();
    put(x, "here.md", "parent");
    st_index_close(x);
    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid) continue;
        x = opened();
        for (int k = 0; k < 10; k++) {
            char path[32];
            snprintf(path, sizeof(path), "%d-%d.md", i, k);
            put(x, path, "child");
        }
        st_index_close(x);
        exit(0);
    }
    for (int i = 0; i < 3; i++) {
        int status;
        CHECK(wait(&status) > 0);
        CHECK_INT_EQ(status, 0);
    }
    x = opened();
    CHECK_INT_EQ(found(x, "child", false), 30);
    CHECK_INT_EQ(found(x, "parent", false), 1);
    st_index_close(x);
}
