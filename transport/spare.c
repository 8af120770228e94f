#include "transport/spare.h"

#include <assert.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"

/* Sizes as malloc has them: 24, 40, 56 and so on. */
enum { LEAST = 24, STEP = 16 };

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

void *tp_spare_alloc(size_t n)
{
    size_t i = n <= LEAST ? 0 : (n - LEAST + STEP - 1) / STEP;
    if (!kept.on || i >= SPARE_SIZES) return mem_alloc(n);
    struct piece *p = kept.first[i];
    if (!p) return mem_alloc(LEAST + STEP * i);
    if (mem_refused()) return NULL;
    kept.first[i] = p->next;
    kept.count[i]--;
    return p;
}

void *tp_spare_realloc(void *p, size_t n)
{
    return mem_realloc(p, n);
}

/* What is usable is at least what the next one who takes it asks for. */
void tp_spare_free(void *p)
{
    size_t n = kept.on && p ? malloc_usable_size(p) : 0;
    size_t i = n < LEAST ? SPARE_SIZES : (n - LEAST) / STEP;
    if (i >= SPARE_SIZES || kept.count[i] == SPARE_MOST) {
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
