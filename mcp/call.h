/*
 * call: one JSON-RPC request on its way through the process, as its handler
 * sees it. Owned by one thread at a time; handed over through the pool's
 * queue and the loop's mailbox. Completes exactly once.
 *
 * A tool writes a result object to call->out.plain (a json_writer, or
 * twin_splice for ready fragments), told as structured content and as text;
 * or content blocks with mcp_add; or both. It looks at call->cancel at least
 * every 50 ms of its own time, and keeps nothing of the call after it ended.
 *
 * Waiting. A handler that needs an answer of the client, time, or to become a
 * task calls the function for it and returns what that says. ERR_WAITING
 * means: return it, and I run you again from your top. So a handler reads as
 * if its questions were answered at once:
 *
 *     e = mcp_ask(call, MCP_ASK_FORM, "name", form, &answer);
 *     if (e) return e;
 *     ... json_get(answer, SLICE("content")) ...
 *
 * In 2026-07-28 the question travels as an input_required result, in the
 * older revisions as a request to the client, in a task as its inputRequests.
 * Output written before ERR_WAITING is forgotten; log lines and progress are
 * not.
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
    bool is_error;         /* tools: what was added tells a failure */
    unsigned step;         /* pauses that have ended */
    struct mcp_server *server;
};

/* Ends a call whose handler said ERR_PENDING of its own, also while that
 * handler has not returned yet. Nothing of the call may be touched
 * afterwards. Thread: any, once per call. Lock: the loop's mailbox. */
void mcp_call_done(struct mcp_call *call, enum err e);

/* Ends the waiting of a call whose gate said ERR_PENDING: OK: it may run now;
 * else it is refused, and call->problem is filled. Thread and lock as above */
void mcp_call_admitted(struct mcp_call *call, enum err e);

/* --- content ------------------------------------------------------------- */

enum mcp_content_kind {
    MCP_TEXT,
    MCP_IMAGE,
    MCP_AUDIO,
    MCP_LINK,    /* uri and name of a resource */
    MCP_EMBEDDED /* a resource, whole */
};
enum mcp_audience { MCP_FOR_USER = 1, MCP_FOR_ASSISTANT = 2 };

/* What a revision does not know is told as text. */
struct mcp_content {
    enum mcp_content_kind kind;
    struct slice text;  /* TEXT; EMBEDDED that is text */
    struct slice bytes; /* IMAGE, AUDIO; EMBEDDED without text. Raw bytes */
    struct slice mime_type;
    struct slice uri;                /* LINK, EMBEDDED */
    struct slice name, title, description; /* LINK */
    unsigned audience;               /* enum mcp_audience; 0: not said */
    double priority;                 /* 0..1; 0: not said */
    struct slice last_modified;      /* ISO 8601; empty: not said */
};

/* A block of a tool's result. */
void mcp_add(struct mcp_call *call, const struct mcp_content *c);
void mcp_add_text(struct mcp_call *call, struct slice text);
/* A message of a prompt. */
void mcp_add_message(struct mcp_call *call, bool assistant,
                     const struct mcp_content *c);
/* A part of a resource: text or bytes, mime_type, uri. */
void mcp_add_contents(struct mcp_call *call, const struct mcp_content *c);
/* A completion; those beyond 100 are counted. */
void mcp_add_value(struct mcp_call *call, struct slice value);

/* --- on the way ---------------------------------------------------------- */

/* Told when the client asked for it; dropped when it does not grow or comes
 * too fast. `total` 0: not known; `message` may be empty. */
void mcp_progress(struct mcp_call *call, double progress, double total,
                  struct slice message);

enum mcp_log_level {
    MCP_LOG_DEBUG,
    MCP_LOG_INFO,
    MCP_LOG_NOTICE,
    MCP_LOG_WARNING,
    MCP_LOG_ERROR,
    MCP_LOG_CRITICAL,
    MCP_LOG_ALERT,
    MCP_LOG_EMERGENCY,
    MCP_LOG_SILENT
};
/* Told when the client wants this level. */
void mcp_log(struct mcp_call *call, enum mcp_log_level level,
             struct slice logger, struct slice text);

/* --- waiting ------------------------------------------------------------- */

enum mcp_ask_kind {
    MCP_ASK_FORM,   /* elicitation: {"message","requestedSchema"} */
    MCP_ASK_URL,    /* elicitation: {"message","url"} */
    MCP_ASK_SAMPLE, /* sampling: {"messages","maxTokens",...} */
    MCP_ASK_ROOTS,  /* roots: {} */
    MCP_ASK_COUNT
};

/* The client's answer, its result object. `key` names the question within
 * this call, `params` is JSON. ERR_WAITING: return it, perhaps after further
 * questions. ERR_UNAVAILABLE: the client cannot be asked so, or answered with
 * an error; return it, or do without. */
MUST_USE enum err mcp_ask(struct mcp_call *call, enum mcp_ask_kind kind,
                          const char *key, struct slice params,
                          const struct json **ret_answer);
bool mcp_can_ask(const struct mcp_call *call, enum mcp_ask_kind kind);
/* Returns ERR_WAITING; the handler runs again after `ms`, with call->step one
 * higher. */
MUST_USE enum err mcp_pause(struct mcp_call *call, int64_t ms);
/* A tool whose row allows it becomes a task here; the client hears at once.
 * OK: it is one, or this client has none and the call goes on as it is. */
MUST_USE enum err mcp_task_begin(struct mcp_call *call);
/* From a task: fails it with a JSON-RPC error. Elsewhere: the call. Returns
 * what the handler returns. */
enum err mcp_fail(struct mcp_call *call, struct slice message);
/* Legacy HTTP with a session: ends the stream, the client fetches the rest
 * when it comes back after `retry_ms`. Else nothing. */
void mcp_let_go(struct mcp_call *call, int64_t retry_ms);

#endif
