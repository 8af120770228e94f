/*
 * http_head: the head of a request, and the lines between the chunks of its
 * body, as their bytes come, beside evhttp, which reads lines as C strings,
 * counts a length without bound, looks through all that waits for the end of
 * a chunk's line at each piece that comes, and takes " +0x5" for a size: what
 * it cannot tell us afterwards is remembered here.
 *
 * Thread: any. Nothing here allocates or keeps a byte.
 */
#ifndef TRANSPORT_HTTP_HEAD_H
#define TRANSPORT_HTTP_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* The line that gives the size of a chunk, with its end. */
enum { TP_CHUNK_LINE_MAX = 256 };

struct tp_head {
    bool ended;      /* the empty line has come: what follows is no head */
    bool coded;      /* there is a Transfer-Encoding: what follows is chunks */
    bool torn;       /* those are not as RFC 9112 has them, or a line of theirs
                        is too long */
    bool nul;        /* a NUL byte, behind which evhttp reads nothing */
    uint64_t length; /* the greatest Content-Length; UINT64_MAX: and more */
    /* private */
    uint64_t value;   /* the length; of the chunk what is still to come */
    unsigned at;      /* bytes of this line, counted to just beyond the name */
    unsigned same[2]; /* of them those that spell each name */
    bool begun, text, blank;
    unsigned char chunk; /* what comes next */
};

/* A zeroed head is one that has not begun. Bytes behind its end, or behind its
 * last chunk, are ignored. */
void tp_head_feed(struct tp_head *h, struct slice bytes);
/* How many of the `n` bytes that come next do not have to be looked at; they
 * have passed. */
size_t tp_head_pass(struct tp_head *h, size_t n);
/* Content-Length as RFC 9110 has it: digits, nothing else. */
bool tp_length_valid(struct slice value);

#endif
