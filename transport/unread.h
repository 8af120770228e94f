/*
 * unread: how many events of a stream wait for their client. Each is known by
 * where its last byte stands in all that was written to the connection; it
 * waits until the connection has sent that many.
 *
 * Thread: the loop of the connection.
 */
#ifndef TRANSPORT_UNREAD_H
#define TRANSPORT_UNREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tp_unread {
    uint64_t sent;  /* bytes of the connection, since it was opened */
    uint64_t *ends; /* a ring of `room`; owned */
    uint32_t first, count, room;
};

/* May one more wait, where `most` may? The first question makes room for
 * them; no memory: false. */
bool tp_unread_room(struct tp_unread *u, uint32_t most);
/* One was written, and `unsent` bytes wait with it. After tp_unread_room. */
void tp_unread_add(struct tp_unread *u, size_t unsent);
void tp_unread_done(struct tp_unread *u);

#endif
