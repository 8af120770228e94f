/*
 * Blocks hang on a list, newest first; only the newest hands out memory. A
 * large object that does not fit there gets a block of its own, so that the
 * room left in the newest is not given up for it.
 */
#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/poison.h"

enum {
    BLOCK_FIRST = 8 * 1024,
    BLOCK_MOST = 1024 * 1024,
    ALIGN = alignof(max_align_t),
};

struct arena_block {
    struct arena_block *older;
    size_t n; /* bytes of memory[] */
    alignas(max_align_t) char memory[];
};

struct arena_held {
    struct arena_held *older;
    void (*drop)(void *object);
    void *object;
};

void arena_init(struct arena *a, size_t ceiling)
{
    *a = (struct arena){.ceiling = ceiling};
}

static void block_pop(struct arena_block **list)
{
    struct arena_block *b = *list;
    *list = b->older;
    POISON_OFF(b->memory, b->n);
    mem_free(b);
}

/* Makes `b` the block that hands out memory, all of it free. */
static void block_open(struct arena *a, struct arena_block *b)
{
    a->at = b->memory;
    a->end = b->memory + b->n;
    POISON_ON(b->memory, b->n);
}

static void drop_held(struct arena *a)
{
    while (a->held) {
        struct arena_held *h = a->held;
        a->held = h->older;
        h->drop(h->object);
    }
}

void arena_reset(struct arena *a)
{
    drop_held(a);
    a->used = 0;
    a->refused = false;
    while (a->alone) block_pop(&a->alone);
    if (!a->block) return;
    while (a->block->older) block_pop(&a->block);
    block_open(a, a->block);
}

void arena_done(struct arena *a)
{
    if (!a) return;
    arena_reset(a);
    if (a->block) block_pop(&a->block);
    arena_init(a, a->ceiling);
}

static struct arena_block *block_new(size_t n)
{
    size_t bytes;
    if (__builtin_add_overflow(sizeof(struct arena_block), n, &bytes))
        return NULL;
    struct arena_block *b = mem_alloc(bytes);
    if (!b) return NULL;
    b->older = NULL;
    b->n = n;
    return b;
}

static char *alloc_alone(struct arena *a, size_t n)
{
    struct arena_block *b = block_new(n);
    if (!b) return NULL;
    b->older = a->alone;
    a->alone = b;
    return b->memory;
}

static bool block_more(struct arena *a)
{
    size_t n = BLOCK_FIRST - sizeof(struct arena_block);
    if (a->block) n = a->block->n * 2 + sizeof(struct arena_block);
    if (n > BLOCK_MOST) n = BLOCK_MOST - sizeof(struct arena_block);
    struct arena_block *b = block_new(n);
    if (!b) return false;
    b->older = a->block;
    a->block = b;
    block_open(a, b);
    return true;
}

/* `used` counts the bytes skipped for alignment as well, so that many small
 * objects cannot take several times the ceiling. */
static char *alloc_some(struct arena *a, size_t n, size_t align)
{
    if (n > a->ceiling - a->used || mem_refused()) return NULL;
    if (!a->block && !block_more(a)) return NULL;
    size_t pad = -(uintptr_t)a->at & (align - 1);
    size_t room = (size_t)(a->end - a->at);
    room = room > pad + POISON_GAP ? room - pad - POISON_GAP : 0;
    if (room < n) {
        if (n > a->block->n / 2) {
            char *p = alloc_alone(a, n);
            if (p) a->used += n;
            return p;
        }
        if (!block_more(a)) return NULL;
        pad = 0; /* blocks start aligned */
    }
    if (pad + n > a->ceiling - a->used) return NULL;
    char *p = a->at + pad;
    POISON_OFF(p, n);
    a->at = p + n + POISON_GAP;
    a->used += pad + n;
    return p;
}

static char *alloc_aligned(struct arena *a, size_t n, size_t align)
{
    char *p = alloc_some(a, n, align);
    if (!p) a->refused = true;
    return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
    return alloc_aligned(a, n ? n : 1, ALIGN);
}

void *arena_zalloc(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);
    return p ? memset(p, 0, n) : NULL;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
    return arena_zalloc(a, bytes);
}

char *arena_cstr(struct arena *a, struct slice s)
{
    if (s.n == SIZE_MAX) return NULL;
    char *p = alloc_aligned(a, s.n + 1, 1);
    if (!p) return NULL;
    if (s.n) memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return p;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
    if (s.n == 0) return SLICE("");
    char *p = alloc_aligned(a, s.n, 1);
    if (!p) return (struct slice){0};
    memcpy(p, s.p, s.n);
    return (struct slice){p, s.n};
}

struct slice arena_printf(struct arena *a, const char *fmt, ...)
{
    struct slice s = {0};
    va_list ap;
    va_start(ap, fmt);
    s = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return s;
}

struct slice arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    char *p = n < 0 ? NULL : alloc_aligned(a, (size_t)n + 1, 1);
    if (!p) return (struct slice){0};
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    return (struct slice){p, (size_t)n};
}

enum err arena_hold(struct arena *a, void (*drop)(void *object), void *object)
{
    struct arena_held *h = ARENA_NEW(a, struct arena_held);
    if (!h) {
        drop(object);
        return ERR_NOMEM;
    }
    *h = (struct arena_held){a->held, drop, object};
    a->held = h;
    return OK;
}
