/*
 * alloc: every allocation of the program. A test can make the n-th one fail,
 * so that out of memory is an ordinary, tested error.
 *
 * Thread: any.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t n) __attribute__((malloc));
void *mem_zalloc(size_t n) __attribute__((malloc));
void *mem_array(size_t count, size_t size); /* zeroed; NULL on overflow */
void *mem_realloc(void *p, size_t n);
void mem_free(void *p);
#define MEM_NEW(type) ((type *)mem_zalloc(sizeof(type)))

/* Tests: the n-th allocation from now (1 = the next) of this process fails,
 * once; 0 switches off. Every object of an arena counts as one, also where the
 * arena has room for it. */
void mem_fail_at(uint64_t n);
/* The same, and all that follow fail too. */
void mem_fail_from(uint64_t n);
/* Allocations made since the last mem_fail_at or mem_fail_from. */
uint64_t mem_count(void);
/* Those of them that took memory, rather than what an arena had. */
uint64_t mem_taken(void);
/* Told the number of each allocation, on the thread that makes it; NULL:
 * nobody any more. */
void mem_watch(void (*seen)(uint64_t nth));
/* While it is on, this thread's allocations neither count nor fail: what a
 * test needs for itself. */
void mem_spare(bool on);

/* For those who hand out pieces of what they have: must this one fail? */
extern _Atomic bool mem_counting; /* private */
bool mem_fails(void);             /* private */
static inline bool mem_refused(void)
{
    return __builtin_expect(
               atomic_load_explicit(&mem_counting, memory_order_relaxed), 0) &&
           mem_fails();
}

#endif
