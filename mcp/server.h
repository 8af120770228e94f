/*
 * server: the rows of include/phasegate-mcp.h become a server that one or
 * more transports bring messages to; mcp/ speaks each revision's language.
 * What a handler may do is said there and, for the rooms' own, in mcp/call.h.
 */
#ifndef MCP_SERVER_H
#define MCP_SERVER_H

#include "base/arena.h"
#include "base/cancel.h"
#include "base/pool.h"
#include "base/problem.h"
#include "base/twin.h"
#include "mcp/exchange.h"
#include "mcp/face.h"
#include "mcp/fields.h"

/* `arguments` of one call, bytes of JSON. */
#define MCP_ARGUMENTS_MAX (12 << 20)

/* What stands before a call goes to a worker: who may run, and when. All of it
 * may be absent; calls that end on their loop never meet it. */
struct mcp_gate {
    /* OK: go on. ERR_PENDING: it waits, and mcp_call_admitted() follows once,
     * unless withdrawn. Another: refused, call->problem is filled. What it
     * needs to remember lies in the call's arena; *ret_ticket is given to
     * the other two. Thread: loop; never blocks */
    enum err (*enter)(void *ctx, struct mcp_call *call,
                      const struct mcp_tool *tool, const void *args,
                      void **ret_ticket);
    /* The call is cancelled. True: it waited, and will not be admitted. */
    bool (*withdraw)(void *ticket);
    /* The work has ended; once for each OK. Thread: loop */
    void (*leave)(void *ticket);
};

MUST_USE enum err mcp_server_new(const struct mcp_server_config *c,
                                 struct mcp_server **ret);
/* No peer is left. NULL is fine. */
void mcp_server_free(struct mcp_server *s);
/* Cancels every call with CANCEL_SHUTDOWN; new ones are refused. Any thread */
void mcp_server_stop(struct mcp_server *s);
/* Calls away from their loop: queued, on a worker, waiting, or a stream that
 * stays open. 0 when all is quiet, at any time between callbacks of the
 * loops. Thread: any */
uint32_t mcp_server_open_calls(const struct mcp_server *s);

#endif
