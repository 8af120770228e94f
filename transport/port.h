/*
 * port: one inherited descriptor, read or written without ever blocking the
 * loop and without touching flags that are not ours alone. O_NONBLOCK belongs
 * to the open file description, which we share with whoever started us: an
 * editor whose pipe turns non-blocking under it breaks.
 *
 *   socket   MSG_DONTWAIT (and MSG_NOSIGNAL) per call
 *   pipe,    opened once more through /proc/self/fd, so that O_NONBLOCK is on
 *   terminal a description of our own
 *   file     plain reads and writes: they do not wait for a peer
 *   other    plain ones after readiness, at most PIPE_BUF at a time on the
 *            way out, which a writable pipe takes whole
 *
 * Thread: one owner. Never closes the inherited descriptor itself.
 */
#ifndef TRANSPORT_PORT_H
#define TRANSPORT_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tp_port {
    int fd; /* the one to use; -1: there is none */
    /* private */
    bool own; /* reopened: closed by tp_port_done */
    bool socket;
    bool widened;
    size_t write_most; /* 0: no limit */
};

/* `fd` may be closed or unusable: then reads say end and writes say gone. */
void tp_port_in(struct tp_port *p, int fd);
void tp_port_out(struct tp_port *p, int fd);
void tp_port_done(struct tp_port *p);

/* As read(2) and write(2); -1 with errno EAGAIN: wait for readiness. */
ssize_t tp_port_read(struct tp_port *p, void *to, size_t room);
ssize_t tp_port_write(struct tp_port *p, const void *from, size_t n);

/* A pipe that was too small for what was ready at once holds more from now
 * on, as far as the kernel lets it: a wake-up of its reader carries 64 KiB
 * otherwise. Another kind of descriptor stays as it is. */
void tp_port_widen(struct tp_port *p);

#endif
