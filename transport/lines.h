/*
 * lines: bytes in, lines out. The framing of stdio and nothing else: no
 * descriptor, no JSON.
 *
 * A line ends at '\n'; one '\r' before it belongs to the end. Blank lines
 * (nothing but spaces and tabs) are skipped, and so is a byte order mark at
 * the very start, which some editors put into files. A line longer than the
 * ceiling is reported once, when it passes the ceiling, and its remaining
 * bytes are dropped up to its end: framing is never lost.
 *
 * Invariants: memory <= ceiling + one read; a line is borrowed until the next
 * lines_space or lines_done. Thread: one owner. No lock.
 */
#ifndef TRANSPORT_LINES_H
#define TRANSPORT_LINES_H

#include "base/err.h"
#include "base/slice.h"

enum lines_got {
    LINES_NONE, /* no complete line here: read more */
    LINES_LINE,
    LINES_TOO_LONG /* a line beyond the ceiling begins to be dropped */
};

struct lines {
    size_t ceiling; /* of one line, without its end */
    /* private */
    char *p;
    size_t capacity;
    size_t at;      /* start of what was not given out yet */
    size_t scanned; /* no newline in [at, scanned) */
    size_t n;       /* bytes here */
    bool dropping;  /* inside a line that was too long */
    bool begun;     /* a byte order mark is no longer looked for */
};

#define LINES_INIT(limit) ((struct lines){.ceiling = (limit)})

void lines_done(struct lines *l);
/* Room of at least `least` bytes to read into, more when it is there; call
 * only after lines_next said LINES_NONE. Ends the borrow of earlier lines.
 * NULL: out of memory. */
char *lines_space(struct lines *l, size_t least, size_t *ret_room);
/* `n` bytes were written into that room. */
void lines_filled(struct lines *l, size_t n);
enum lines_got lines_next(struct lines *l, struct slice *ret);
/* At the end of input, after LINES_NONE: the last line if it had no newline. */
enum lines_got lines_last(struct lines *l, struct slice *ret);
/* Gives memory back that one long line took, when nothing is held. Ends the
 * borrow of earlier lines. */
void lines_trim(struct lines *l);
/* Bytes read and not given out. */
size_t lines_held(const struct lines *l);

#endif
