#include "base/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>

#include "base/alloc.h"

enum { CAPACITY_FIRST = 256 };

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->err = OK;
}

void buf_done(struct buf *b)
{
    if (!b) return;
    mem_free(b->p);
    *b = BUF_INIT(b->ceiling);
}

static bool fail(struct buf *b, enum err e)
{
    b->err = e;
    return false;
}

/* Doubles, so that n appends cost O(n); never past the ceiling. */
static size_t grown(const struct buf *b, size_t need)
{
    size_t capacity = b->capacity ? b->capacity : CAPACITY_FIRST;
    while (capacity < need && capacity <= b->ceiling / 2) capacity *= 2;
    if (capacity < need) capacity = b->ceiling;
    return capacity < b->ceiling ? capacity : b->ceiling;
}

bool buf_grow(struct buf *b, size_t extra)
{
    if (b->err) return false;
    if (extra > b->ceiling - b->n) return fail(b, ERR_TOO_LARGE);
    size_t capacity = grown(b, b->n + extra);
    char *p = mem_realloc(b->p, capacity);
    if (!p) return fail(b, ERR_NOMEM);
    b->p = p;
    b->capacity = capacity;
    return true;
}

void buf_add(struct buf *b, size_t n)
{
    if (b->err) return;
    assert(n <= b->capacity - b->n);
    b->n += n;
}

void buf_put(struct buf *b, struct slice s)
{
    if (s.n == 0 || !buf_reserve(b, s.n)) return;
    memcpy(b->p + b->n, s.p, s.n);
    b->n += s.n;
}

void buf_putc(struct buf *b, char c)
{
    if (buf_reserve(b, 1)) b->p[b->n++] = c;
}

void buf_puts(struct buf *b, const char *cstr)
{
    buf_put(b, slice_of(cstr));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

/* vsnprintf wants room for a NUL that is not content: a text that ends
 * exactly at the ceiling is formatted beside the buf. */
__attribute__((format(printf, 3, 0))) static void
vprintf_beside(struct buf *b, size_t n, const char *fmt, va_list ap)
{
    char *p = mem_alloc(n + 1);
    if (!p) {
        (void)fail(b, ERR_NOMEM);
        return;
    }
    vsnprintf(p, n + 1, fmt, ap);
    buf_put(b, (struct slice){p, n});
    mem_free(p);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    if (b->err) return;
    va_list again;
    va_copy(again, ap);
    size_t room = b->capacity - b->n;
    int n = vsnprintf(room ? b->p + b->n : NULL, room, fmt, ap);
    if (n < 0) {
        (void)fail(b, ERR_NOMEM);
    } else if ((size_t)n < room) {
        b->n += (size_t)n;
    } else if ((size_t)n == b->ceiling - b->n) {
        vprintf_beside(b, (size_t)n, fmt, again);
    } else if (buf_reserve(b, (size_t)n + 1)) {
        vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

void buf_put_int(struct buf *b, int64_t v)
{
    char digits[20];
    size_t at = sizeof(digits);
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (v < 0) digits[--at] = '-';
    buf_put(b, (struct slice){digits + at, sizeof(digits) - at});
}

/* Well-formed UTF-8. */
static void put_well_formed(struct buf *b, struct slice s, const char *plain)
{
    unsigned code;
    for (size_t at; (at = slice_unseen(s, &code)) < s.n;) {
        unsigned char c = (unsigned char)s.p[at];
        buf_put(b, slice_sub(s, 0, at));
        if (c && c < 0x80 && strchr(plain, c))
            buf_putc(b, (char)c);
        else
            buf_printf(b, "\\u%04x", c ? code : 0);
        s = slice_sub(s, at + (c < 0x80 ? 1 : c < 0xE0 ? 2 : 3), s.n);
    }
    buf_put(b, s);
}

void buf_put_seen(struct buf *b, struct slice text, const char *plain)
{
    for (;;) {
        size_t n = slice_utf8_valid(text);
        put_well_formed(b, slice_sub(text, 0, n), plain);
        if (n == text.n) return;
        buf_puts(b, "\xEF\xBF\xBD");
        text = slice_sub(text, n + 1, text.n);
    }
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->n);
    b->n -= n;
    if (b->n && n) memmove(b->p, b->p + n, b->n);
}

char *buf_take(struct buf *b, size_t *ret_n)
{
    if (b->err || b->n == 0) {
        buf_done(b);
        *ret_n = 0;
        return NULL;
    }
    char *p = b->p;
    *ret_n = b->n;
    *b = BUF_INIT(b->ceiling);
    return p;
}
