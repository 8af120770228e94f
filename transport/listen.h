/*
 * listen: a TCP port to listen on: the first free one of a range, or a socket
 * that whoever started us has bound (systemd's socket activation).
 * Loopback is IPv4 127.0.0.1 unless the address says otherwise.
 * Thread: startup. Blocks for no peer.
 */
#ifndef TRANSPORT_LISTEN_H
#define TRANSPORT_LISTEN_H

#include "base/err.h"

struct tp_listen {
    int fd; /* the caller closes it, or hands it on */
    int port;
    char host[64]; /* numeric, as bound */
    bool loopback;
};

/* Binds `host` (a numeric address or "localhost") to the first port of
 * [first, last] that is free; first 0: any. ERR_INVALID: not an address;
 * ERR_UNAVAILABLE: none is free or allowed; ERR_IO; errno says why. */
MUST_USE enum err tp_listen(struct slice host, int first, int last,
                            struct tp_listen *ret);
/* A socket that listens already. ERR_INVALID: no TCP socket, or it does not
 * listen. The caller keeps it then. */
MUST_USE enum err tp_listen_on(int fd, struct tp_listen *ret);
/* The one socket of LISTEN_FDS, when LISTEN_PID is this process; both leave
 * the environment. ERR_NOT_FOUND: none was passed; ERR_INVALID: more than one,
 * or not such a socket. */
MUST_USE enum err tp_listen_inherited(struct tp_listen *ret);

#endif
