/*
 * spare: libevent's memory. For one HTTP request it takes and gives back some
 * sixty small pieces, several of a size at a time, more than malloc keeps for
 * a thread without work, and three buffers of 1 to 8 KB, for which malloc
 * gathers its pieces anew each time; so the thread of a loop keeps its own, by
 * size, at most SPARE_MOST of a small one (640 kB in all) and SPARE_BUFFERS of
 * a buffer's (240 kB). Off the loops, and in builds whose sanitizer watches
 * every piece, it is mem_alloc and mem_free.
 *
 * Thread: any; a piece may be given back on another thread than it was taken.
 */
#ifndef TRANSPORT_SPARE_H
#define TRANSPORT_SPARE_H

#include <stddef.h>

enum {
    SPARE_SMALL = 24, /* sizes to 392 bytes */
    SPARE_SIZES = SPARE_SMALL + 4,
    SPARE_MOST = 128,
    SPARE_BUFFERS = 16
};

/* This thread keeps pieces from now on; gives back all it has kept. */
void tp_spare_begin(void);
void tp_spare_end(void);

/* For event_set_mem_functions. */
void *tp_spare_alloc(size_t n);
void *tp_spare_realloc(void *p, size_t n);
void tp_spare_free(void *p);
/* Pieces kept by this thread. */
size_t tp_spare_kept(void);

#endif
