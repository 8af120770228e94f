/*
 * index_bounds: how much the index takes and gives, what it makes of numbers
 * and words it has no use for, and of files that only look like its own.
 */
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "state/index.h"
#include "tests/runner/test.h"

enum { TEXTS = 150, LENGTH = 4 };

static const char *path(void)
{
    return arena_printf(test_arena(), "%s/index.db%c", test_tmpdir(), '\0').p;
}

static enum err try_open(struct st_index **ret)
{
    struct problem p;
    problem_init(&p);
    enum err e = st_index_open(slice_of(path()), test_arena(), &p, ret);
    if (e) CHECK_INT_GT(p.how_to_fix.n, 0);
    return e;
}

/* TEXTS texts of one passage each; the i-th is numbered, and has more words. */
static struct st_index *filled(void)
{
    struct st_index *x;
    struct st_index_write *w;
    struct st_index_state state;
    CHECK_OK(try_open(&x));
    CHECK_OK(st_index_write_begin(x, 5000, &w));
    for (int i = 0; i < TEXTS; i++) {
        struct slice text =
            arena_printf(test_arena(),
                         "number%d of antidisestablishmentarianism and "
                         "Donaudampfschifffahrtsgesellschaftskapitaenswitwe",
                         i);
        struct slice name = arena_printf(test_arena(), "%d.md", i);
        struct st_passage passage = {.text = text,
                                     .section = SLICE("S"),
                                     .headings = SLICE("T > S"),
                                     .tokens = (uint32_t)(i * 3),
                                     .phase = INT64_MIN};
        struct st_doc d = {.root = SLICE("/r"),
                           .path = name,
                           .title = SLICE("T"),
                           .stamp = SLICE("1"),
                           .passages = &passage,
                           .passages_count = 1};
        CHECK_OK(st_index_put(w, &d));
    }
    CHECK_OK(st_index_write_end(w, OK, &state));
    CHECK_INT_EQ(state.docs, TEXTS);
    return x;
}

static size_t postings(struct st_index_view *v, const char *word, size_t most,
                       struct st_posting **ret)
{
    size_t n = 0;
    CHECK_OK(st_index_postings(v, (struct st_term){slice_of(word), false}, most,
                               test_arena(), ret, &n));
    return n;
}

TEST(index_bounds, all_of_a_large_number_is_given_and_never_more_than_asked)
{
    struct st_index *x = filled();
    struct st_index_view *v;
    struct st_posting *found;
    struct st_vectorless *items;
    size_t n = 0;
    CHECK_OK(st_index_view(x, NULL, &v));
    CHECK_INT_EQ(postings(v, "number149", 10, &found), 1);
    CHECK_INT_EQ(postings(v, "and", 1000, &found), TEXTS);
    CHECK_INT_EQ(postings(v, "and", 70, &found), 70);
    CHECK_OK(
        st_index_vectorless(v, SLICE("m"), 1000, test_arena(), &items, &n));
    CHECK_INT_EQ(n, TEXTS);
    CHECK_OK(st_index_vectorless(v, SLICE("m"), 7, test_arena(), &items, &n));
    CHECK_INT_EQ(n, 7);
    st_index_view_end(v);
    st_index_close(x);
}

/* More terms than there are places for: the rest is left out. */
TEST(index_bounds, hits_have_a_place_for_so_many_terms)
{
    struct st_index *x = filled();
    struct st_index_view *v;
    struct st_posting *found;
    struct st_hit *hits;
    struct st_term terms[ST_HIT_TERMS + 8];
    size_t n = 0;
    for (size_t i = 0; i < ST_HIT_TERMS + 8; i++)
        terms[i] =
            (struct st_term){i < 3 ? SLICE("and") : SLICE("none"), false};
    CHECK_OK(st_index_view(x, NULL, &v));
    CHECK_INT_EQ(postings(v, "number3", 10, &found), 1);
    CHECK_OK(st_index_hits(v, found[0].doc, terms, ST_HIT_TERMS + 8,
                           test_arena(), &hits, &n));
    CHECK_INT_EQ(n, 1);
    CHECK_INT_EQ(hits[0].body[2], 1);
    CHECK_INT_EQ(hits[0].body[3], 0);
    st_index_view_end(v);
    st_index_close(x);
}

struct word_row {
    const char *word;
    size_t n; /* bytes, 0: all */
    size_t near;
};
TEST_EACH(index_bounds, words_too_short_or_too_long_have_nothing_near,
          struct word_row, row, {"ab", 0, 0}, {"", 0, 0},
          {"antidisestablishmentarianisn", 0, 1},
          {"donaudampfschifffahrtsgesellschaftskapitaenswitwf", 0, 0},
          {"numb\0er12", 9, 5})
{
    struct st_index *x = filled();
    struct st_index_view *v;
    struct slice *near, word = {row->word, row->n ? row->n : strlen(row->word)};
    size_t n = 0;
    CHECK_OK(st_index_view(x, NULL, &v));
    CHECK_OK(st_index_near(v, word, 5, test_arena(), &near, &n));
    CHECK_INT_EQ(n, row->near);
    struct st_posting *found;
    CHECK_OK(st_index_postings(v, (struct st_term){word, true}, 5, test_arena(),
                               &found, &n));
    st_index_view_end(v);
    st_index_close(x);
}

TEST(index_bounds, what_is_not_there_is_not_found)
{
    struct st_index *x = filled();
    struct st_index_view *v;
    struct st_doc_text doc;
    struct st_passage passage;
    int64_t number;
    CHECK_OK(st_index_view(x, NULL, &v));
    CHECK_ERR(st_index_doc(v, 5, test_arena(), &doc), ERR_NOT_FOUND);
    CHECK_ERR(st_index_passage(v, 5, test_arena(), &passage), ERR_NOT_FOUND);
    CHECK_ERR(st_index_passage_doc(v, 5, &number), ERR_NOT_FOUND);
    st_index_view_end(v);
    st_index_close(x);
}

/* --- vectors ----------------------------------------------------------------
 */

/* The i-th passage's vector is `value(i)`. */
static void put_vectors(struct st_index *x, void (*value)(int i, float *ret))
{
    struct st_index_view *v;
    struct st_index_write *w;
    struct st_index_state state;
    struct st_vectorless *items;
    size_t n = 0;
    CHECK_OK(st_index_view(x, NULL, &v));
    CHECK_OK(
        st_index_vectorless(v, SLICE("m"), 1000, test_arena(), &items, &n));
    st_index_view_end(v);
    CHECK_OK(st_index_write_begin(x, 5000, &w));
    for (size_t i = 0; i < n; i++) {
        float one[LENGTH] = {0};
        value((int)i, one);
        CHECK_OK(st_index_put_vector(w, items[i].hash, SLICE("m"), one,
                                     i == 9 ? LENGTH - 1 : LENGTH));
    }
    CHECK_OK(st_index_write_end(w, OK, &state));
}

/* Some have no direction, some are no numbers, some all point the same way. */
static void odd(int i, float *ret)
{
    const int tens = i / 10;
    ret[0] = i % 10 == 0 ? 0 : 1;
    ret[1] = i % 10 == 1 ? NAN : i % 10 == 0 ? 0 : (float)tens;
    ret[2] = i % 10 == 2 ? INFINITY : 0;
}

static size_t nearest(struct st_index *x, const float *value, size_t most,
                      struct st_near **ret)
{
    struct st_index_view *v;
    struct st_index_docs all = {.all = true};
    size_t n = 0;
    CHECK_OK(st_index_view(x, NULL, &v));
    CHECK_OK(st_index_nearest(v, SLICE("m"), value, LENGTH, &all, most,
                              test_arena(), ret, &n));
    st_index_view_end(v);
    return n;
}

TEST(index_bounds, the_nearest_are_numbers_in_their_order_and_no_more_than_most)
{
    static const float towards[LENGTH] = {1, 0, 0, 0}, nowhere[LENGTH] = {0};
    struct st_index *x = filled();
    struct st_near *near;
    put_vectors(x, odd);
    CHECK_INT_EQ(nearest(x, towards, 0, &near), 0);
    CHECK_INT_EQ(nearest(x, towards, 1000, &near), TEXTS - 1);
    for (int i = 1; i < TEXTS - 1; i++) {
        CHECK(near[i].cosine == near[i].cosine);
        CHECK(near[i - 1].cosine > near[i].cosine ||
              (near[i - 1].cosine == near[i].cosine &&
               near[i - 1].passage < near[i].passage));
    }
    struct st_near *few;
    CHECK_INT_EQ(nearest(x, towards, 5, &few), 5);
    for (int i = 0; i < 5; i++) CHECK_INT_EQ(few[i].passage, near[i].passage);
    CHECK_INT_EQ(nearest(x, nowhere, 3, &near), 3);
    CHECK(near[0].cosine == 0);
    st_index_close(x);
}

/* --- files ------------------------------------------------------------------
 */

struct other_row {
    const char *sql;
};
TEST_EACH(index_bounds, a_file_that_only_looks_like_ours_is_made_anew,
          struct other_row, row, {"PRAGMA application_id=7"},
          {"INSERT INTO state SELECT * FROM state"}, {"DELETE FROM state"},
          {"DROP TABLE state"})
{
    sqlite3 *db;
    st_index_close(filled());
    CHECK_INT_EQ(sqlite3_open(path(), &db), SQLITE_OK);
    CHECK_INT_EQ(sqlite3_exec(db, row->sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    struct st_index *x;
    struct st_index_view *v;
    struct st_posting *found;
    CHECK_OK(try_open(&x));
    CHECK_OK(st_index_view(x, NULL, &v));
    CHECK_INT_EQ(postings(v, "and", 10, &found), 0);
    st_index_view_end(v);
    st_index_close(x);
}

TEST(index_bounds, a_folder_in_the_place_of_its_lock_is_said_so)
{
    struct st_index *x;
    struct slice lock = arena_printf(test_arena(), "%s.lock%c", path(), '\0');
    CHECK_INT_EQ(mkdir(lock.p, 0755), 0);
    CHECK_ERR(try_open(&x), ERR_IO);
}

/* A view that is no longer wanted ends with its reason, and the next is
 * whole. */
TEST(index_bounds, a_cancelled_view_says_so)
{
    struct st_index *x = filled();
    struct st_index_view *v;
    struct cancel c;
    struct st_vectorless *items;
    size_t n = 0;
    cancel_init(&c, INT64_MAX);
    CHECK_OK(st_index_view(x, &c, &v));
    cancel_set(&c, CANCEL_CLIENT);
    CHECK_ERR(
        st_index_vectorless(v, SLICE("m"), 1000, test_arena(), &items, &n),
        ERR_CANCELLED);
    st_index_view_end(v);
    struct st_posting *found;
    CHECK_OK(st_index_view(x, NULL, &v));
    CHECK_INT_EQ(postings(v, "and", 1000, &found), TEXTS);
    st_index_view_end(v);
    st_index_close(x);
}
