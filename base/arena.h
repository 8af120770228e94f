/*
 * arena: memory that is given back all at once. One per call: the message's
 * bytes, its JSON values, parameters, error text and scratch.
 *
 * Invariants: total bytes handed out <= ceiling; every pointer stays valid
 * until arena_reset or arena_done; free space is poisoned under ASan and
 * valgrind. Blocks grow geometrically; a reset keeps the first block.
 *
 * Thread: one owner at a time, handed over through a queue. No lock.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>

#include "base/err.h"
#include "base/slice.h"

struct arena_block;
struct arena_held;

struct arena {
    size_t ceiling; /* bytes */
    size_t used;    /* bytes handed out, gaps for alignment included */
    bool refused;   /* an object was not to be had, since the last reset */
    /* private */
    struct arena_block *block; /* newest first; hands out memory */
    struct arena_block *alone; /* each for one large object */
    struct arena_held *held;
    char *at, *end;
};

/* Never fails; the first block is allocated on first use. */
void arena_init(struct arena *a, size_t ceiling);
/* Drops what is held (newest first), forgets all memory, keeps one block. */
void arena_reset(struct arena *a);
/* As reset, and frees the blocks. NULL and twice are fine. */
void arena_done(struct arena *a);

/* Aligned for any object, not zeroed. NULL: out of memory or over the ceiling.
 */
void *arena_alloc(struct arena *a, size_t n) __attribute__((malloc));
/* Zeroed. */
void *arena_zalloc(struct arena *a, size_t n) __attribute__((malloc));
/* Zeroed array; NULL also when count * size overflows. */
void *arena_array(struct arena *a, size_t count, size_t size);
#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count)                                            \
    ((type *)arena_array((a), (count), sizeof(type)))

/* Copies; {NULL, 0} when out of memory (an empty input gives {"", 0}). */
struct slice arena_copy(struct arena *a, struct slice s);
/* A NUL-terminated copy for a library's border; NULL when out of memory. */
char *arena_cstr(struct arena *a, struct slice s);
/* NUL-terminated (not counted in n); {NULL, 0} when out of memory. */
struct slice arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
struct slice arena_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* Calls drop(object) at the next reset: how an arena holds a reference. On
 * ERR_NOMEM it calls drop(object) at once: the object is given away. */
MUST_USE enum err arena_hold(struct arena *a, void (*drop)(void *object),
                             void *object);

#endif
