#include "base/alloc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* Counting costs a contended cache line, so it starts with the first
 * mem_fail_at, which only tests call. */
static _Atomic bool counting;
static _Atomic uint64_t counted;
static _Atomic uint64_t fail_at;

/* Relaxed throughout: the counters order nothing but themselves. Sizes no
 * object can have are the mark of an overflow; sanitizers abort on them. */
static bool refused(size_t n)
{
    if (n > PTRDIFF_MAX) return true;
    if (!atomic_load_explicit(&counting, memory_order_relaxed)) return false;
    uint64_t nth =
        atomic_fetch_add_explicit(&counted, 1, memory_order_relaxed) + 1;
    return nth == atomic_load_explicit(&fail_at, memory_order_relaxed);
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

void mem_fail_at(uint64_t n)
{
    atomic_store_explicit(&fail_at, n, memory_order_relaxed);
    atomic_store_explicit(&counted, 0, memory_order_relaxed);
    atomic_store_explicit(&counting, true, memory_order_relaxed);
}

uint64_t mem_count(void)
{
    return atomic_load_explicit(&counted, memory_order_relaxed);
}
