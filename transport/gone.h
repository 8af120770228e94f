/*
 * gone: tells that a peer has left while nobody reads from its socket.
 *
 * evhttp switches reading off while a request is pending, so it notices a
 * client that left only when it writes. libevent's EV_CLOSED would tell, but
 * in 2.1.12 a reset (EPOLLERR) is reported as readable and writable only: an
 * event that asks for EV_CLOSED alone is never called and the loop spins. So
 * the sockets of pending requests stand in a small epoll set of our own,
 * which is itself one readable descriptor of the loop. Each entry is told
 * once (EPOLLONESHOT): nothing spins, unread pipelined input stays where it
 * is, and libevent's own interest in the socket is not disturbed.
 *
 * A half-close (shutdown of the sending side) cannot be told from a close and
 * is reported too.
 *
 * Thread: the loop. No lock.
 */
#ifndef TRANSPORT_GONE_H
#define TRANSPORT_GONE_H

#include "base/err.h"

struct tp_loop;
struct tp_gone;

/* left(who) is called on the loop. ERR_NOMEM, ERR_IO. */
MUST_USE enum err tp_gone_new(struct tp_loop *loop, void (*left)(void *who),
                              struct tp_gone **ret);
void tp_gone_free(struct tp_gone *g);
/* One watch per descriptor. A peer that has left already is told at the next
 * turn of the loop. ERR_IO: it is not watched. */
MUST_USE enum err tp_gone_watch(struct tp_gone *g, int fd, void *who);
/* Before `fd` is closed or `who` goes. Told or not, it is forgotten. */
void tp_gone_forget(struct tp_gone *g, int fd, void *who);

#endif
