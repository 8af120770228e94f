#include "base/alloc.h"

#include <stdlib.h>

/* Counting costs a contended cache line, so it starts with the first
 * mem_fail_at, which only tests call. */
_Atomic bool mem_counting;
static _Atomic uint64_t counted, taken;
static _Atomic uint64_t fail_first, fail_last;

static void (*_Atomic watch)(uint64_t nth);
static _Thread_local bool spared;

/* Relaxed throughout: the counters order nothing but themselves. */
bool mem_fails(void)
{
    if (spared) return false;
    uint64_t nth =
        atomic_fetch_add_explicit(&counted, 1, memory_order_relaxed) + 1;
    void (*seen)(uint64_t) = atomic_load_explicit(&watch, memory_order_relaxed);
    if (seen) seen(nth);
    return nth >= atomic_load_explicit(&fail_first, memory_order_relaxed) &&
           nth <= atomic_load_explicit(&fail_last, memory_order_relaxed);
}

/* Sizes no object can have are the mark of an overflow; sanitizers abort on
 * them. */
static bool refused(size_t n)
{
    if (n > PTRDIFF_MAX) return true;
    if (!atomic_load_explicit(&mem_counting, memory_order_relaxed))
        return false;
    if (!spared) atomic_fetch_add_explicit(&taken, 1, memory_order_relaxed);
    return mem_fails();
}

void *mem_alloc(size_t n)
{
    return refused(n) ? NULL : malloc(n ? n : 1);
}

void *mem_zalloc(size_t n)
{
    return refused(n) ? NULL : calloc(1, n ? n : 1);
}

void *mem_array(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
    return mem_zalloc(bytes);
}

void *mem_realloc(void *p, size_t n)
{
    return refused(n) ? NULL : realloc(p, n ? n : 1);
}

void mem_free(void *p)
{
    free(p);
}

static void fail_between(uint64_t first, uint64_t last)
{
    atomic_store_explicit(&fail_last, 0, memory_order_relaxed);
    atomic_store_explicit(&fail_first, first, memory_order_relaxed);
    atomic_store_explicit(&counted, 0, memory_order_relaxed);
    atomic_store_explicit(&taken, 0, memory_order_relaxed);
    atomic_store_explicit(&fail_last, last, memory_order_relaxed);
    atomic_store_explicit(&mem_counting, true, memory_order_relaxed);
}

void mem_fail_at(uint64_t n)
{
    fail_between(n, n);
}

void mem_fail_from(uint64_t n)
{
    fail_between(n, UINT64_MAX);
}

uint64_t mem_count(void)
{
    return atomic_load_explicit(&counted, memory_order_relaxed);
}

uint64_t mem_taken(void)
{
    return atomic_load_explicit(&taken, memory_order_relaxed);
}

void mem_watch(void (*seen)(uint64_t nth))
{
    atomic_store_explicit(&watch, seen, memory_order_relaxed);
}

void mem_spare(bool on)
{
    spared = on;
}
