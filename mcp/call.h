/*
 * call: one JSON-RPC request on its way through the process, as its handler
 * sees it. Owned by one thread at a time; handed over through the pool's
 * queue and the loop's mailbox. Completes exactly once.
 */
#ifndef MCP_CALL_H
#define MCP_CALL_H

#include "mcp/server.h"

struct mcp_call {
    struct arena arena;
    struct twin out;        /* the result object: write to out.plain */
    struct problem problem; /* filled when the handler returns an error */
    struct cancel cancel;
    int64_t now;            /* monotonic ns, of the step under way */
    void *app;
    const char *transport;  /* "stdio", "http" */
    bool on_loop;
    /* private: mcp/ keeps its own state behind */
    struct mcp_call_state *state;
};

/* Ends a call whose handler said ERR_PENDING. Thread: any, once. */
void mcp_call_done(struct mcp_call *call, enum err e);

#endif
