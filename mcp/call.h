/*
 * call: one JSON-RPC request on its way through the process, as its handler
 * sees it. Owned by one thread at a time; handed over through the pool's
 * queue and the loop's mailbox. Completes exactly once.
 *
 * A handler writes its result object to call->out.plain (a json_writer, or
 * twin_splice for ready fragments), looks at call->cancel at least every
 * 50 ms of its own time, and keeps nothing of the call after it has ended.
 */
#ifndef MCP_CALL_H
#define MCP_CALL_H

#include "mcp/server.h"

struct mcp_call {
    struct arena arena;     /* the message, its values, the arguments */
    struct twin out;        /* the result object: write to out.plain */
    struct problem problem; /* filled when the handler returns an error */
    struct cancel cancel;
    int64_t now;           /* monotonic ns, of the step under way */
    void *app;             /* of the server's configuration */
    const char *transport; /* "stdio", "http" */
    bool on_loop;          /* must not block; ERR_AGAIN asks for a worker */
};

/* Ends a call whose handler said ERR_PENDING, also while that handler has
 * not returned yet. Nothing of the call may be touched afterwards.
 * Thread: any, once per call. Lock: the loop's mailbox, for a moment. */
void mcp_call_done(struct mcp_call *call, enum err e);

#endif
