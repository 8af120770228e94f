#include "transport/port.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIPE_WIDE = 1 << 18 };

/* Our own description of the same pipe or terminal, or -1: another user's
 * pipe cannot be opened again, and there may be no /proc. */
static int reopened(int fd, int access)
{
    char path[32];
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, access | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

static void port_open(struct tp_port *p, int fd, int access)
{
    *p = (struct tp_port){.fd = -1};
    struct stat st;
    if (fstat(fd, &st) != 0) return;
    p->fd = fd;
    p->socket = S_ISSOCK(st.st_mode);
    if (S_ISREG(st.st_mode) || p->socket) return;
    if (S_ISFIFO(st.st_mode) || isatty(fd)) {
        int mine = reopened(fd, access);
        if (mine >= 0) {
            p->fd = mine;
            p->own = true;
            return;
        }
        /* ENXIO: a pipe that nobody reads any more; writing will say so. */
    }
    p->write_most = PIPE_BUF;
}

void tp_port_in(struct tp_port *p, int fd)
{
    port_open(p, fd, O_RDONLY);
}

void tp_port_out(struct tp_port *p, int fd)
{
    port_open(p, fd, O_WRONLY);
}

void tp_port_done(struct tp_port *p)
{
    if (!p) return;
    if (p->own) close(p->fd);
    *p = (struct tp_port){.fd = -1};
}

ssize_t tp_port_read(struct tp_port *p, void *to, size_t room)
{
    ssize_t n;
    do {
        n = p->socket ? recv(p->fd, to, room, MSG_DONTWAIT)
                      : read(p->fd, to, room);
    } while (n < 0 && errno == EINTR);
    return n;
}

ssize_t tp_port_write(struct tp_port *p, const void *from, size_t n)
{
    if (p->fd < 0) {
        errno = EPIPE;
        return -1;
    }
    if (p->write_most && n > p->write_most) n = p->write_most;
    ssize_t done;
    do {
        done = p->socket ? send(p->fd, from, n, MSG_DONTWAIT | MSG_NOSIGNAL)
                         : write(p->fd, from, n);
    } while (done < 0 && errno == EINTR);
    return done;
}

void tp_port_widen(struct tp_port *p)
{
    if (p->widened) return;
    p->widened = true; /* or it cannot be: no pipe, or too many by one user */
    (void)fcntl(p->fd, F_SETPIPE_SZ, PIPE_WIDE);
}
