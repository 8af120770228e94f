/*
 * slice: bytes that somebody else owns. Not NUL-terminated, may hold NULs.
 * {NULL, 0} is the empty slice. Passed by value; the bytes live as long as
 * their owner says (an arena, an input, a literal).
 *
 * Thread: any. Nothing here allocates.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *p;
    size_t n;
};

/* SLICE("literal"): the literal without its NUL. */
#define SLICE(lit) ((struct slice){("" lit), sizeof(lit) - 1})
/* For static tables, where a compound literal is not a constant. */
#define SLICE_INIT(lit) {("" lit), sizeof(lit) - 1}
/* printf("%.*s", SLICE_ARG(s)); s is evaluated twice. */
#define SLICE_ARG(s) (int)((s).n), slice_printable(s)
static inline const char *slice_printable(struct slice s)
{
    return s.p ? s.p : "";
}

/* Borrows a C string; NULL gives the empty slice. */
static inline struct slice slice_of(const char *cstr)
{
    return (struct slice){cstr, cstr ? strlen(cstr) : 0};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Bytewise order; a prefix sorts first. */
int slice_cmp(struct slice a, struct slice b);
bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
/* ASCII case folded. */
bool slice_eq_nocase(struct slice a, struct slice b);
/* The part from `from` on, at most `n` bytes; clipped, never out of bounds. */
struct slice slice_sub(struct slice s, size_t from, size_t n);
/* Without ASCII white space at both ends. */
struct slice slice_trim(struct slice s);
/* Index of the first occurrence, or s.n when absent. */
size_t slice_find(struct slice s, struct slice needle);
size_t slice_find_byte(struct slice s, char c);
/* Cuts the part before the next `sep` off *rest; false when *rest is used up.
 * A `sep` at the very end closes the last part and opens none, as in lines. */
bool slice_split(struct slice *rest, char sep, struct slice *ret_part);
/* Whole text is a decimal integer in range, optional '-': no blanks, no '+'. */
bool slice_int64(struct slice s, int64_t *ret);
/* Bytes up to the first one that is not well-formed UTF-8 (no overlongs, no
 * surrogates, nothing above U+10FFFF); s.n when all is. */
size_t slice_utf8_valid(struct slice s);
/* Code points of well-formed UTF-8. */
size_t slice_utf8_length(struct slice s);

/* Where the first character stands that a reader does not see or that turns
 * the direction of text (controls, U+202A..E, U+2066..9, zero width), line
 * breaks and tabs among them; s.n: none. *ret_code is its number. */
size_t slice_unseen(struct slice s, unsigned *ret_code);

/* Edits (of bytes; two neighbours changing places are one) that turn one short
 * text into the other, for "did you mean"; SIZE_MAX when either is longer than 64. */
size_t slice_distance(struct slice a, struct slice b);

/* 1-based line and column (in code points) of byte `at` in `text`. */
struct text_position {
    uint32_t line, column;
};
struct text_position slice_position(struct slice text, size_t at);

#endif
