/*
 * buf: a growing run of bytes with a ceiling named at init.
 *
 * Invariants: p[0..n) is the content; n <= ceiling. The first failure (out of
 * memory, over the ceiling) is kept in `err` and every later append is a
 * no-op, so writers append freely and look once, at the end. buf_clear
 * forgets the content and the failure, keeps the memory.
 *
 * Nothing here calls higher code. Thread: one owner. No lock.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/err.h"
#include "base/slice.h"

struct buf {
    char *p;
    size_t n;
    size_t ceiling; /* bytes */
    enum err err;   /* OK, ERR_NOMEM or ERR_TOO_LARGE */
    /* private */
    size_t capacity;
};

#define BUF_INIT(limit) ((struct buf){.ceiling = (limit)})

static inline struct slice buf_slice(const struct buf *b)
{
    return (struct slice){b->p, b->n};
}

void buf_clear(struct buf *b);
/* Frees; the buf is as after BUF_INIT. NULL-safe. */
void buf_done(struct buf *b);
/* Room for `extra` more bytes; false after a failure. The returned space
 * starts at b->p + b->n; add what was written with buf_add. */
bool buf_grow(struct buf *b, size_t extra); /* private: when it must grow */
static inline bool buf_reserve(struct buf *b, size_t extra)
{
    return (!b->err && extra <= b->capacity - b->n) || buf_grow(b, extra);
}
void buf_add(struct buf *b, size_t n);
void buf_put(struct buf *b, struct slice s);
void buf_putc(struct buf *b, char c);
void buf_puts(struct buf *b, const char *cstr);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
void buf_put_int(struct buf *b, int64_t v);
/* Somebody else's text for people's eyes: what slice_unseen finds is spelled
 * (\u202e; as in JSON), what is no UTF-8 is U+FFFD. The ASCII in `plain`
 * stays, "\n\t" for one. */
void buf_put_seen(struct buf *b, struct slice text, const char *plain);
/* Drops n bytes from the front. */
void buf_consume(struct buf *b, size_t n);
/* Gives the memory (caller mem_free()s); the buf is empty afterwards. After a
 * failure, or when nothing was written, NULL and 0. */
char *buf_take(struct buf *b, size_t *ret_n);

#endif
