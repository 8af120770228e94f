/*
 * progress: how far long work has come, told to whoever waits for it. The
 * worker steps; the one who asked for the work decides what to show, and when.
 *
 * NULL is fine everywhere: nobody wants to know. Ownership: the caller's.
 * Thread: the one that does the work.
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdint.h>

struct progress {
    void (*tell)(struct progress *p); /* after each change; cheap, no failing */
    uint64_t done, total;             /* total may grow; 0: not known yet */
};

static inline void progress_expect(struct progress *p, uint64_t more)
{
    if (p) p->total += more;
}

static inline void progress_step(struct progress *p, uint64_t n)
{
    if (!p) return;
    p->done += n;
    p->tell(p);
}

#endif
