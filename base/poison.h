/*
 * poison: memory that is ours but free, made untouchable under ASan and
 * valgrind, so that a stale pointer into an arena is found like one into the
 * heap. No code in other builds.
 */
#ifndef BASE_POISON_H
#define BASE_POISON_H

#if defined(PHASEGATE_ASAN)
#include <sanitizer/asan_interface.h>
#define POISON_ON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define POISON_OFF(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#define POISON_GAP 16 /* unused bytes after each object catch overruns */
#elif defined(PHASEGATE_DEBUG) && __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define POISON_ON(p, n) ((void)VALGRIND_MAKE_MEM_NOACCESS((p), (n)))
#define POISON_OFF(p, n) ((void)VALGRIND_MAKE_MEM_UNDEFINED((p), (n)))
#define POISON_GAP 16
#else
#define POISON_ON(p, n) ((void)(p), (void)(n))
#define POISON_OFF(p, n) ((void)(p), (void)(n))
#define POISON_GAP 0
#endif

#endif
