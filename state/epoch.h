/*
 * epoch: memory that readers borrow without a lock, and when it may go.
 *
 * A reader pins, follows pointers that writers publish, and unpins. A writer
 * unlinks an object under its own lock and retires it here; the object is
 * freed once no reader that could have met it is still pinned. Pinning
 * writes one word of the thread's own cache line and nothing else.
 *
 * Also the registry of threads: each gets a slot at its first use and gives
 * it back when it ends, so that striped counters know whose stripe is whose.
 * Private to state/. Thread: any.
 */
#ifndef STATE_EPOCH_H
#define STATE_EPOCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ST_LINE = 64, ST_THREADS_MOST = 256 };

/* One thread's own line. */
struct st_thread {
    _Alignas(ST_LINE) _Atomic uint64_t pinned; /* its epoch; 0: not pinned */
    _Atomic bool taken;
    uint32_t index; /* 0..ST_THREADS_MOST-1; ST_THREADS_MOST: the crowd */
};

/* Set by the thread's first st__thread(). */
extern _Thread_local struct st_thread *st__this_thread
    __attribute__((tls_model("initial-exec")));
struct st_thread *st__thread_register(void);

/* The caller's slot, its own until the thread ends. Threads beyond the
 * ST_THREADS_MOST-th share one whose index is ST_THREADS_MOST. */
static inline struct st_thread *st__thread(void)
{
    struct st_thread *t = st__this_thread;
    return __builtin_expect(t != NULL, 1) ? t : st__thread_register();
}

/* Pins do not nest (debug builds abort). Never across a wait or I/O: nothing
 * retired anywhere is freed meanwhile. */
void st__pin(void);
void st__unpin(void);
/* Is the calling thread pinned? The crowd never says so. */
bool st__pinned(void);

/* See st_cache_begin. */
void st__epoch_begin(void);

/* Tests: as on a kernel without membarrier(2). Before the first use. */
void st__epoch_use_fences(void);

/* Embedded in what is retired. */
struct st_retired {
    struct st_retired *next;
    void (*free)(struct st_retired *r); /* Thread: any, no lock held */
    size_t bytes;                       /* what freeing gives back */
};

/* Takes a list of unlinked objects. Frees what is ripe, perhaps of other
 * callers, now and then; not while this thread is pinned (a loop puts a reply
 * aside with the session in its hands). Lock: none held; takes the epoch's own.
 */
void st__retire(struct st_retired *list);
/* Frees what is ripe now. Lock: none held, not pinned. */
void st__collect(void);
/* Waits until all that was retired before is freed. No pin is held for long,
 * so this ends soon. Not from inside a free. Lock: none held, not pinned. */
void st__drain(void);

#endif
