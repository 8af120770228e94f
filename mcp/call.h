/*
 * call: one JSON-RPC request on its way through the process, as its handler
 * sees it. Owned by one thread at a time; handed over through the pool's
 * queue and the loop's mailbox. Completes exactly once.
 *
 * A tool writes a result object to call->out.plain (a json_writer, or
 * twin_splice for ready fragments), told as structured content and as text;
 * or content blocks with mcp_add; or both. It looks at call->cancel at least
 * every 50 ms of its own time, and keeps nothing of the call after it ended.
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
    bool patient; /* stdio: its input waits, so it may rather than be refused */
    bool told;    /* its client asked for progress: knows that work goes on */
    bool is_error;         /* tools: what was added tells a failure */
    bool replayed; /* tools: the answer is that of an earlier call, kept */
    unsigned step;         /* pauses that have ended */
    struct mcp_server *server;
};

/* What a gate remembers of the call's peer: zero at first, gone with it.
 * Thread: the call's loop */
enum { MCP_NOTE_SIZE = 64 };
void *mcp_call_note(struct mcp_call *call);

/* A part of the work begins or ends: always told, one more than what was told
 * before. Thread: the handler's */
void mcp_progress_part(struct mcp_call *call, struct slice message);

/* Ends the waiting of a call whose gate said ERR_PENDING: OK: it may run now;
 * else it is refused, and call->problem is filled. Thread: any,
 * once. Lock: the loop's mailbox. */
void mcp_call_admitted(struct mcp_call *call, enum err e);

#endif
