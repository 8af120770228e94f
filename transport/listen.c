#include "transport/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 511 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool address_parse(struct slice host, union address *a, socklen_t *len)
{
    char text[64];
    if (host.n >= sizeof(text)) return false;
    if (slice_eq(host, SLICE("localhost"))) host = SLICE("127.0.0.1");
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    memset(a, 0, sizeof(*a));
    if (inet_pton(AF_INET, text, &a->v4.sin_addr) == 1) {
        a->any.sa_family = AF_INET;
        *len = sizeof(a->v4);
        return true;
    }
    if (inet_pton(AF_INET6, text, &a->v6.sin6_addr) == 1) {
        a->any.sa_family = AF_INET6;
        *len = sizeof(a->v6);
        return true;
    }
    return false;
}

static void address_port(union address *a, int port)
{
    if (a->any.sa_family == AF_INET)
        a->v4.sin_port = htons((uint16_t)port);
    else
        a->v6.sin6_port = htons((uint16_t)port);
}

static void describe(int fd, struct tp_listen *l)
{
    union address a;
    socklen_t len = sizeof(a);
    memset(&a, 0, sizeof(a));
    (void)getsockname(fd, &a.any, &len);
    bool v4 = a.any.sa_family == AF_INET;
    const void *where = v4 ? (void *)&a.v4.sin_addr : (void *)&a.v6.sin6_addr;
    inet_ntop(a.any.sa_family, where, l->host, sizeof(l->host));
    l->port = ntohs(v4 ? a.v4.sin_port : a.v6.sin6_port);
    l->loopback = v4 ? (ntohl(a.v4.sin_addr.s_addr) >> 24) == 127
                     : IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr);
    l->fd = fd;
}

/* SO_REUSEADDR lets a restart take its port back from TIME_WAIT; it does not
 * share a port with a live listener. No delay: an event of a stream shall not
 * wait for the acknowledgement of the one before; connections inherit it. */
static int socket_listening(const union address *a, socklen_t len)
{
    int one = 1;
    int fd =
        socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0 &&
        bind(fd, &a->any, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

enum err tp_listen(struct slice host, int first, int last,
                   struct tp_listen *ret)
{
    union address a;
    socklen_t len = 0;
    if (!address_parse(host, &a, &len)) return ERR_INVALID;
    for (int port = first; port <= last; port++) {
        address_port(&a, port);
        int fd = socket_listening(&a, len);
        if (fd >= 0) {
            describe(fd, ret);
            return OK;
        }
        if (errno != EADDRINUSE && errno != EACCES) break;
    }
    return errno == EADDRINUSE || errno == EACCES || errno == EADDRNOTAVAIL
               ? ERR_UNAVAILABLE
               : ERR_IO;
}
