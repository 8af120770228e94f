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
#include "base/sha256.h"
#include "base/twin.h"
#include "mcp/exchange.h"
#include "mcp/face.h"
#include "mcp/fields.h"

/* `arguments` of one call, bytes of JSON, unless the configuration says. */
#define MCP_ARGUMENTS_MAX (12 << 20)

/* What stands before a call goes to a worker: who may run, and when. All of it
 * may be absent; calls that end on their loop never meet it. */
/* Identical reads under way at one time run once: who may share, and how. */
struct mcp_sharing {
    uint8_t key[SHA256_SIZE]; /* one key, one result */
    bool refuses;  /* the second is told DUPLICATE instead of waiting */
    uint32_t most; /* that wait for one run */
};

struct mcp_gate {
    /* OK, or the call is refused, before anything is done for it; call->problem
     * is filled. NULL: all may. Thread: loop; never blocks */
    enum err (*allow)(void *ctx, struct mcp_call *call,
                      const struct mcp_tool *tool);
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
    /* True: this call's work has a name that others may have at the same
     * time; they get the result of the first. NULL: none has. It comes before
     * enter(), so that who joins takes no place. Thread: loop */
    bool (*share)(void *ctx, struct mcp_call *call, const struct mcp_tool *tool,
                  const struct json *arguments, struct mcp_sharing *ret);
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

/* What ended calls from outside, since the start. */
enum mcp_limit {
    MCP_LIMIT_CALL,
    MCP_LIMIT_TOOL,
    MCP_LIMIT_QUEUE,
    MCP_LIMIT_COUNT
};
struct mcp_server_stats {
    uint32_t open;
    uint32_t abandoned; /* running a second after they were cancelled, now */
    uint64_t abandoned_total, progress;
    uint32_t flights; /* runs that others may join, now */
    uint32_t peers;
    uint64_t led, joined, duplicates; /* of calls that may share */
    uint64_t deadlines[MCP_LIMIT_COUNT], cancelled[CANCEL_CAUSE_COUNT];
};
void mcp_server_stats(const struct mcp_server *s, struct mcp_server_stats *ret);
const char *mcp_limit_name(enum mcp_limit limit); /* "call", "tool", "queue" */

/* Each uri that somebody has subscribed to; one may come several times. The
 * text is borrowed for the call, which must be quick. Thread: any. Lock: the
 * server's is held */
void mcp_watched(struct mcp_server *s,
                 void (*each)(void *ctx, struct slice uri), void *ctx);

#endif
