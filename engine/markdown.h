/*
 * markdown: what lint asks of a text: its first heading, and the files it
 * links to. md4c decides what is a heading and what is a link, however it is
 * written; what stands in code or in a comment is neither.
 *
 * Thread: any. Nothing is kept between calls.
 */
#ifndef ENGINE_MARKDOWN_H
#define ENGINE_MARKDOWN_H

#include "base/arena.h"

struct markdown_link {
    struct slice target; /* without escapes */
    const char *at;      /* its place in the text, or that of what it shows */
};

struct markdown {
    /* The first thing in the text, if that is a heading, plain; {NULL, 0}. */
    struct slice heading;
    const char *heading_at;
    struct markdown_link *links; /* and pictures, in order */
    size_t links_count;
};

/* Everything lies in the arena or in `text`, which is well-formed UTF-8.
 * ERR_TOO_LARGE (over 16 MiB), ERR_NOMEM. */
MUST_USE enum err markdown_read(struct slice text, struct arena *a,
                                struct markdown *ret);

#endif
