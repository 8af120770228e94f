/*
 * turn: the handling of bytes that had all been read when it began.
 *
 * Some questions to the kernel have to be asked after a message was sent: was
 * a file changed before? Within a turn one answer does for every message,
 * since all of them were sent before it. A loop that reads many messages at
 * once brackets them; elsewhere there is no turn, and each message asks.
 *
 * Thread: each has its own. No lock. Needs nothing.
 */
#ifndef BASE_TURN_H
#define BASE_TURN_H

#include <stdint.h>

/* Not nested. Nothing is read between the two. */
void turn_begin(void);
void turn_end(void);
/* This thread's number of the turn under way; 0: there is none. */
uint64_t turn_now(void);

#endif
