/*
 * listen: a TCP port to listen on, and the first free one of a range.
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
 * ERR_UNAVAILABLE: none is free or allowed; ERR_IO. */
MUST_USE enum err tp_listen(struct slice host, int first, int last,
                            struct tp_listen *ret);

#endif
