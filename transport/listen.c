#include "transport/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
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

/* --- sockets of others ------------------------------------------------------ */

enum { INHERITED_FIRST = 3 }; /* SD_LISTEN_FDS_START */

static bool option_is(int fd, int option, int want)
{
    int got = -1;
    socklen_t len = sizeof(got);
    return getsockopt(fd, SOL_SOCKET, option, &got, &len) == 0 && got == want;
}

static bool is_tcp(int fd)
{
    union address a;
    socklen_t len = sizeof(a);
    memset(&a, 0, sizeof(a));
    return getsockname(fd, &a.any, &len) == 0 &&
           (a.any.sa_family == AF_INET || a.any.sa_family == AF_INET6);
}

enum err tp_listen_on(int fd, struct tp_listen *ret)
{
    int one = 1;
    if (!is_tcp(fd) || !option_is(fd, SO_TYPE, SOCK_STREAM) ||
        !option_is(fd, SO_ACCEPTCONN, 1))
        return ERR_INVALID;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return ERR_INVALID;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    describe(fd, ret);
    return OK;
}

enum err tp_listen_inherited(struct tp_listen *ret)
{
    int64_t pid = 0, count = 0;
    const char *pid_text = getenv("LISTEN_PID");
    const char *count_text = getenv("LISTEN_FDS");
    bool ours = pid_text && count_text &&
                slice_int64(slice_of(pid_text), &pid) && pid == getpid();
    bool read = ours && slice_int64(slice_of(count_text), &count);
    unsetenv("LISTEN_PID"); /* a gate's command is not to take them for its own */
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (!ours || (read && count == 0)) return ERR_NOT_FOUND;
    return count == 1 ? tp_listen_on(INHERITED_FIRST, ret) : ERR_INVALID;
}
