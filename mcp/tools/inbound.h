/*
 * inbound: how often tools may be called. Token buckets of all calls, of each
 * class of tools and of each peer, charged as a chain: a refusal by one
 * charges none. Nobody waits: a call without a token is refused with the exact
 * time to come back. All of it is off unless its option is set.
 *
 * A peer's bucket lies in the peer (mcp/call.h) and goes with it. Thread: any.
 */
#ifndef MCP_TOOLS_INBOUND_H
#define MCP_TOOLS_INBOUND_H

#include "engine/limiter.h"
#include "engine/permit.h"
#include "mcp/server.h"

struct tools_inbound_options {
    struct bucket_options all, class[PERMIT_LEVEL_COUNT], peer;
};

struct tools_inbound {
    struct tools_inbound_options o;
    /* private */
    bool on;
    struct limiter limiter;
    struct bucket all, class[PERMIT_LEVEL_COUNT];
    _Atomic uint64_t peers_refused;
};

void tools_inbound_init(struct tools_inbound *in,
                        const struct tools_inbound_options *o);
void tools_inbound_done(struct tools_inbound *in);
/* OK, or ERR_RATE_LIMITED with call->problem. Thread: the call's loop */
MUST_USE enum err tools_inbound_take(struct tools_inbound *in,
                                     struct mcp_call *call,
                                     enum permit_level class);

enum { TOOLS_BUCKETS = PERMIT_LEVEL_COUNT + 2 };
/* The buckets that are on, and "peer" for all peers; how many. Thread: any */
size_t tools_inbound_stats(struct tools_inbound *in, int64_t now,
                           struct bucket_stats ret[TOOLS_BUCKETS]);

#endif
