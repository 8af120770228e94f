#include "transport/spare.h"

#include <assert.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"

/* Small sizes as malloc has them: 24, 40, 56 and so on; behind them those of
 * evbuffers, which are powers of two. */
enum { LEAST = 24, STEP = 16, BUFFER = 1024 };

struct piece {
    struct piece *next;
};

static _Thread_local struct {
    bool on;
    struct piece *first[SPARE_SIZES];
    uint8_t count[SPARE_SIZES];
} kept;
static_assert(SPARE_MOST <= UINT8_MAX, "the counts are bytes");

void tp_spare_begin(void)
{
#ifndef PHASEGATE_DEBUG
    kept.on = true;
#endif
}

void tp_spare_end(void)
{
    kept.on = false;
    for (int i = 0; i < SPARE_SIZES; i++) {
        struct piece *p = kept.first[i], *next;
        for (; p; p = next) {
            next = p->next;
            mem_free(p);
        }
        kept.first[i] = NULL;
        kept.count[i] = 0;
    }
}

/* SPARE_SIZES: of none. */
static size_t size_of_buffer(size_t n)
{
    size_t i = SPARE_SMALL;
    for (size_t size = BUFFER; i < SPARE_SIZES && size != n; size *= 2) i++;
    return i;
}

void *tp_spare_alloc(size_t n)
{
    if (!kept.on) return mem_alloc(n);
    size_t i = n <= LEAST ? 0 : (n - LEAST + STEP - 1) / STEP;
    if (i >= SPARE_SMALL)
        i = size_of_buffer(n);
    else
        n = LEAST + STEP * i;
    struct piece *p = i < SPARE_SIZES ? kept.first[i] : NULL;
    if (!p) return mem_alloc(n);
    if (mem_refused()) return NULL;
    kept.first[i] = p->next;
    kept.count[i]--;
    return p;
}

void *tp_spare_realloc(void *p, size_t n)
{
    return mem_realloc(p, n);
}

/* What is usable is at least what the next one who takes it asks for: malloc
 * has 8 bytes more than a power of two. */
static size_t size_of_usable(size_t n)
{
    if (n < LEAST) return SPARE_SIZES;
    size_t i = (n - LEAST) / STEP;
    return i < SPARE_SMALL ? i : size_of_buffer(n - LEAST % STEP);
}

void tp_spare_free(void *p)
{
    size_t i =
        kept.on && p ? size_of_usable(malloc_usable_size(p)) : SPARE_SIZES;
    if (i == SPARE_SIZES ||
        kept.count[i] >= (i < SPARE_SMALL ? SPARE_MOST : SPARE_BUFFERS)) {
        mem_free(p);
        return;
    }
    struct piece *piece = p;
    piece->next = kept.first[i];
    kept.first[i] = piece;
    kept.count[i]++;
}

size_t tp_spare_kept(void)
{
    size_t n = 0;
    for (int i = 0; i < SPARE_SIZES; i++) n += kept.count[i];
    return n;
}
