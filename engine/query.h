/*
 * query: what a search asks for, as words to look up. Nothing in a query is
 * syntax but two things people write: "several words" are a phrase, and
 * word* is any word that begins so.
 *
 * Words that only hold a question together (how, do, the, ...) are dropped
 * unless nothing else is left. A word the corpus does not have is looked up as
 * the beginning of one, and then as a misspelt one. Two words that the corpus
 * writes as one are also looked up so, and so are British and American
 * endings. Private to
 * engine/search*.c. Thread: worker
 */
#ifndef ENGINE_QUERY_H
#define ENGINE_QUERY_H

#include "state/index.h"

enum { QUERY_TERMS = 20, QUERY_BYTES = 4096 };

struct query_term {
    struct st_term term;
    struct slice stem;
    double weight;  /* 1; less for what was not asked for in these words */
    bool phrase;    /* stands for no word of its own */
    uint32_t word;  /* which word of the query it stands for */
    uint32_t place; /* in the query, stop words counted */
    const struct st_posting *postings;
    size_t count;
};

struct query {
    struct query_term terms[QUERY_TERMS];
    size_t count;
    size_t asked; /* of them the first; the others stand for some of these */
    size_t words; /* distinct, that count */
};

/* Reads the query and its postings. */
MUST_USE enum err query_read(struct st_index_view *v, struct slice text,
                             struct arena *a, struct query *ret);

#endif
