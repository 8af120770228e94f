/*
 * alloc: every allocation of the program. A test can make the n-th one fail,
 * so that out of memory is an ordinary, tested error.
 *
 * Thread: any.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t n) __attribute__((malloc));
void *mem_zalloc(size_t n) __attribute__((malloc));
void *mem_array(size_t count, size_t size); /* zeroed; NULL on overflow */
void *mem_realloc(void *p, size_t n);
void mem_free(void *p);
#define MEM_NEW(type) ((type *)mem_zalloc(sizeof(type)))

/* Tests: the n-th allocation from now (1 = the next) of this process fails,
 * once; 0 switches off. */
void mem_fail_at(uint64_t n);
/* Allocations made since the last mem_fail_at. */
uint64_t mem_count(void);

#endif
