/*
 * index: the words of a corpus of texts in one disposable SQLite file, beside
 * the store and never in it. What is in it can be made again from the texts:
 * a file that is absent, damaged or of another version is made anew, empty,
 * and whoever fills it finds out by asking what it holds.
 *
 * A text is kept as passages (parts that together are all of it) and found by
 * two FTS5 tables: one row per text, so that ranking texts costs no more than
 * there are texts, and one row per passage, asked for single texts only. FTS5
 * finds and counts; weighing is the caller's. Words are folded (case,
 * diacritics) and stemmed (Porter).
 *
 * Several processes may have the file open. Readers see the last commit and
 * never wait for a writer; writers take turns. A file that was replaced under
 * an open index is noticed at the next view.
 */
#ifndef STATE_INDEX_H
#define STATE_INDEX_H

#include "base/arena.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/problem.h"

struct st_index;
struct st_index_view;  /* one consistent view, on one thread */
struct st_index_write; /* one transaction */

/* Opens or makes the file; its folder exists. ERR_IO, ERR_NOT_FOUND,
 * ERR_STORE_BUSY, ERR_NOMEM with the problem. Thread: worker or startup */
MUST_USE enum err st_index_open(struct slice path, struct arena *a,
                                struct problem *p, struct st_index **ret);
/* No view is open and nobody writes. NULL is fine. */
void st_index_close(struct st_index *x);
/* How often this process has opened a file in place of another. */
uint64_t st_index_remade(struct st_index *x);

/* --- writing: one thread at a time, the caller sees to it -------------------
 */

struct st_passage {
    struct slice text, section, headings; /* headings: "A > B > C" */
    uint32_t tokens, line;
    int64_t phase; /* INT64_MIN: none */
};

enum { ST_INDEX_HASH = 32 };

struct st_doc {
    struct slice root, path; /* the pair names it */
    struct slice title, keywords;
    const struct slice *tags; /* lower case */
    size_t tags_count;
    struct slice stamp; /* bytes of the caller's, to know it unchanged by */
    unsigned char hash[ST_INDEX_HASH];
    const struct st_passage *passages;
    size_t passages_count;
};

struct st_index_state {
    uint64_t file;     /* names this file: another one has another number */
    uint64_t revision; /* grows with every commit that changed something */
    uint64_t docs, tokens;
    uint64_t vectors; /* grows with every commit of vectors */
};
/* What is there, without the passages; texts lie in the arena. */
struct st_doc_row {
    int64_t id;
    struct slice path, stamp;
    unsigned char hash[ST_INDEX_HASH];
};

/* Waits for other writers as long as `patience_ms`. ERR_STORE_BUSY, ERR_IO,
 * ERR_STORE_WRITE_FAILED, ERR_NOMEM. Thread: worker, holds no lock */
MUST_USE enum err st_index_write_begin(struct st_index *x, uint32_t patience_ms,
                                       struct st_index_write **ret);
/* Commits, or rolls back when `e` or an earlier call says so. *ret_state is
 * what readers see from then on. */
MUST_USE enum err st_index_write_end(struct st_index_write *w, enum err e,
                                     struct st_index_state *ret_state);
/* Commits what was done so far and goes on: others see it from now on. */
MUST_USE enum err st_index_write_step(struct st_index_write *w);

/* All of a root, by path. */
MUST_USE enum err st_index_docs(struct st_index_write *w, struct slice root,
                                struct arena *a, struct st_doc_row **ret,
                                size_t *ret_count);
/* Adds it, or replaces what stands under its name. */
MUST_USE enum err st_index_put(struct st_index_write *w,
                               const struct st_doc *doc);
MUST_USE enum err st_index_delete(struct st_index_write *w, int64_t id);
/* The same content, seen again under this stamp. */
MUST_USE enum err st_index_stamp(struct st_index_write *w, int64_t id,
                                 struct slice stamp);

/* --- vectors: what a model makes of a passage, by the passage's content ------
 */

enum { ST_VECTOR_HASH = 16, ST_VECTOR_MOST = 8192 };

/* Floats of this machine; `hash` as st_index_vectorless gave it. */
MUST_USE enum err st_index_put_vector(struct st_index_write *w,
                                      struct slice hash, struct slice model,
                                      const float *value, size_t dimension);
/* Takes out those that no passage has any more. */
MUST_USE enum err st_index_drop_vectors(struct st_index_write *w);

struct st_vectorless {
    struct slice hash, headings, text; /* arena */
};
/* Passages without a vector of this model, each content once. Thread: worker */
MUST_USE enum err st_index_vectorless(struct st_index_view *v,
                                      struct slice model, size_t most,
                                      struct arena *a,
                                      struct st_vectorless **ret,
                                      size_t *ret_count);

struct st_index_docs;
struct st_near {
    int64_t passage;
    double cosine;
};
/* The passages of these texts whose vectors point most nearly as `value` does,
 * best first, equal ones by id. Vectors of another length are none. Reads
 * every vector of the model. Thread: worker */
MUST_USE enum err st_index_nearest(struct st_index_view *v, struct slice model,
                                   const float *value, size_t dimension,
                                   const struct st_index_docs *docs,
                                   size_t most, struct arena *a,
                                   struct st_near **ret, size_t *ret_count);
/* The text a passage is of. ERR_NOT_FOUND */
MUST_USE enum err st_index_passage_doc(struct st_index_view *v, int64_t passage,
                                       int64_t *ret);

/* --- reading. Thread: worker ------------------------------------------------
 */

MUST_USE enum err st_index_view(struct st_index *x, const struct cancel *c,
                                struct st_index_view **ret);
void st_index_view_end(struct st_index_view *v); /* NULL is fine */

void st_index_state(const struct st_index_view *v, struct st_index_state *ret);

/* A word of a text as the index knows it: `stem` in the arena, `text` the
 * piece it was made from. */
struct st_word {
    struct slice text, stem;
};
MUST_USE enum err st_index_words(struct st_index_view *v, struct slice text,
                                 struct arena *a, struct st_word **ret,
                                 size_t *ret_count);

enum st_column {
    ST_PATH,
    ST_TITLE,
    ST_HEADINGS,
    ST_KEYWORDS,
    ST_BODY,
    ST_COLUMN_COUNT
};

/* What to look for. Plain words, never a query language: several are a phrase.
 * `prefix`: the last one may go on. */
struct st_term {
    struct slice words;
    bool prefix;
};

/* One text that has the term. */
struct st_posting {
    int64_t doc;
    uint16_t count[ST_COLUMN_COUNT];
};
/* In the order of their ids, at most `most`. */
MUST_USE enum err st_index_postings(struct st_index_view *v,
                                    struct st_term term, size_t most,
                                    struct arena *a, struct st_posting **ret,
                                    size_t *ret_count);
/* About how many tokens the text has, read off its id: no look-up. */
double st_index_doc_tokens(int64_t doc);

enum { ST_HIT_TERMS = 32, ST_HIT_PLACES = 8 };

/* One passage that has any of the terms: how often each stands in its
 * headings and in its text, and the first places in the text, in words. */
struct st_hit {
    int64_t passage;
    uint8_t headings[ST_HIT_TERMS], body[ST_HIT_TERMS];
    uint16_t place[ST_HIT_TERMS][ST_HIT_PLACES];
};
MUST_USE enum err st_index_hits(struct st_index_view *v, int64_t doc,
                                const struct st_term *terms, size_t count,
                                struct arena *a, struct st_hit **ret,
                                size_t *ret_count);
double st_index_passage_tokens(int64_t passage);

struct st_doc_text {
    struct slice root, path, title;
};
MUST_USE enum err st_index_doc(struct st_index_view *v, int64_t doc,
                               struct arena *a, struct st_doc_text *ret);
MUST_USE enum err st_index_passage(struct st_index_view *v, int64_t passage,
                                   struct arena *a, struct st_passage *ret);

/* The texts a search is limited to, by id. */
struct st_index_filter {
    const struct slice *roots; /* any of these */
    size_t roots_count;
    struct slice path_prefix;
    const struct slice *tags; /* any of these; lower case */
    size_t tags_count;
    int64_t phase; /* has a passage of it; INT64_MIN: any */
};
struct st_index_docs {
    bool all;           /* nothing is left out */
    const int64_t *ids; /* else these, sorted */
    size_t count;
};
MUST_USE enum err st_index_filter(struct st_index_view *v,
                                  const struct st_index_filter *f,
                                  struct arena *a, struct st_index_docs *ret);

/* Words of the corpus that differ from this one by a letter or two, nearest
 * first; at most `most`. */
MUST_USE enum err st_index_near(struct st_index_view *v, struct slice word,
                                size_t most, struct arena *a,
                                struct slice **ret, size_t *ret_count);

#endif
