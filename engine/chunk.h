/*
 * chunk: a markdown text as passages to search in, cut at its headings.
 *
 * Passages are parts of the text, in order, and together they are all of it:
 * what stands before the first heading, blank lines and a closing rule are in
 * one of them. What a fence, a table or a quotation holds is no heading. A
 * heading without a text of its own goes with what stands below it.
 *
 * A section over CHUNK_TOKENS is cut between its blocks; a code block or a
 * table is cut, between its lines, only when it alone is larger. A line that
 * alone is larger is cut at white space, or else between characters.
 *
 * Tokens are estimated, since every model counts in its own way: a quarter of
 * the characters, rounded up (chunk_tokens).
 *
 * Thread: any. Nothing is kept between calls.
 */
#ifndef ENGINE_CHUNK_H
#define ENGINE_CHUNK_H

#include "base/arena.h"

enum { CHUNK_TOKENS = 500 };
#define CHUNK_NO_PHASE INT64_MIN

struct chunk {
    struct slice text;     /* of the input; begins where the last one ended */
    struct slice section;  /* its nearest heading, plain; may be empty */
    struct slice headings; /* the way to it, "Testing > Doubles > Mocks" */
    uint32_t line;         /* 1-based */
    uint32_t tokens;
    int64_t phase; /* the N of a "Phase N" in its headings, nearest first */
};

struct chunk_list {
    struct slice title;    /* front matter, else the first heading of level 1,
                              else the first heading; may be empty */
    struct slice keywords; /* what `tags:` and `keywords:` say, in the front
                              matter or in a line of their own; may be empty */
    struct chunk *items;
    size_t count; /* 0: nothing but white space */
};

/* `text` is well-formed UTF-8 and outlives the list. ERR_TOO_LARGE (over 16
 * MiB), ERR_NOMEM. */
MUST_USE enum err chunk_markdown(struct slice text, struct arena *a,
                                 struct chunk_list *ret);

/* Of well-formed UTF-8. */
uint32_t chunk_tokens(struct slice text);

#endif
