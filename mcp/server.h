/*
 * server: an MCP server as tables. A program fills a struct mcp_server_config
 * with rows of tools, resources and prompts and hands the server to one or
 * more transports; mcp/ speaks each revision's language.
 *
 * A handler gets its arguments parsed and checked into the row's struct, and
 * writes what it has to say with the functions of mcp/call.h. It returns
 *   OK           the answer is complete
 *   ERR_AGAIN    only when call->on_loop: run me on a worker
 *   ERR_WAITING  what mcp_ask, mcp_pause or mcp_task_begin said: the library
 *                runs the handler again, from its top, when it can go on
 *   ERR_PENDING  mcp_call_done(call, e) follows exactly once, any thread
 *   another      an error: call->problem is filled
 * A handler never frees what lies in call->arena and never answers itself.
 */
#ifndef MCP_SERVER_H
#define MCP_SERVER_H

#include "base/arena.h"
#include "base/cancel.h"
#include "base/pool.h"
#include "base/problem.h"
#include "base/twin.h"
#include "mcp/exchange.h"
#include "mcp/fields.h"

struct mcp_call; /* mcp/call.h shows it to handlers */

/* `arguments` of one call, bytes of JSON. */
#define MCP_ARGUMENTS_MAX (12 << 20)

/* Where a handler runs. TRY_INLINE: on the loop first (call->on_loop), on a
 * worker when it says ERR_AGAIN. */
enum mcp_run { MCP_RUN_INLINE, MCP_RUN_TRY_INLINE, MCP_RUN_WORKER };

/* --- tools --------------------------------------------------------------- */

enum mcp_tool_hint {
    MCP_READ_ONLY = 1,
    MCP_DESTRUCTIVE = 2,
    MCP_IDEMPOTENT = 4,
    MCP_OPEN_WORLD = 8
};

/* Whether a call may go on as a task (2026-07-28, extension tasks): see
 * mcp_task_begin. ALWAYS: a client without the extension is refused. */
enum mcp_task_mode { MCP_TASK_NEVER, MCP_TASK_MAY, MCP_TASK_ALWAYS };

struct mcp_tool {
    const char *name, *title, *description;
    unsigned hints; /* enum mcp_tool_hint */
    enum mcp_run run;
    size_t args_size;             /* sizeof the struct the rows fill */
    const struct mcp_field *args; /* rows, ended by {0}; NULL: none */
    const char *output_schema;    /* JSON text; NULL: none */
    enum err (*call)(struct mcp_call *call, const void *args);
    enum mcp_task_mode task;
    /* JSON text, told as it is instead of the rows' schema. The handler gets
     * the arguments as they came (const struct json *, an object or NULL) and
     * checks them itself. NULL: the rows. */
    const char *input_schema;
    int class; /* the gate's own; 0: by the hints */
};

/* --- resources ----------------------------------------------------------- */

/* The values of a template's variables, percent-decoded, in their order. */
struct mcp_uri {
    struct slice uri;
    const struct slice *values;
    size_t count;
};

/* What a list tells of a resource, a template or a prompt. */
struct mcp_item {
    struct slice uri, name, title, description, mime_type;
    int64_t size; /* < 0: not known */
};
struct mcp_list; /* a list being written */

/* A resource, or with {name} (one path segment) or {+name} (any rest) in its
 * uri a template of many. `list` of a template adds those that exist. */
struct mcp_resource {
    const char *uri, *name, *title, *description, *mime_type;
    enum mcp_run run;
    /* mcp_add_contents; ERR_NOT_FOUND: there is no such resource. */
    enum err (*read)(struct mcp_call *call, const struct mcp_uri *uri);
    enum err (*list)(struct mcp_call *call, struct mcp_list *list);
};

/* --- prompts ------------------------------------------------------------- */

struct mcp_prompt_arg {
    const char *name, *description;
    bool required;
};

/* What a client gave, in the order of the row's arguments; absent {NULL,0}. */
struct mcp_prompt_call {
    struct slice name;
    const struct slice *values;
};

/* A row without a name is a family: its `list` names the members, its `get`
 * is asked for every name no other row has (ERR_NOT_FOUND: nor has it). */
struct mcp_prompt {
    const char *name, *title, *description;
    const struct mcp_prompt_arg *args; /* ended by {0}; NULL: none */
    enum mcp_run run;
    /* mcp_add_message */
    enum err (*get)(struct mcp_call *call, const struct mcp_prompt_call *p);
    enum err (*list)(struct mcp_call *call, struct mcp_list *list);
};

/* Adds one entry; texts must live as long as the call. */
void mcp_list_add(struct mcp_list *list, const struct mcp_item *item);

/* --- completion ---------------------------------------------------------- */

struct mcp_completion {
    bool prompt;          /* ref/prompt; else ref/resource */
    struct slice ref;     /* prompt name or uri template */
    struct slice name;    /* of the argument or variable */
    struct slice value;   /* what stands there already */
    const struct json *context; /* arguments chosen before, or NULL */
};

/* --- the server ---------------------------------------------------------- */

/* What a server does beyond its rows; each is declared to clients. */
enum mcp_tells {
    MCP_LOGS = 1,         /* handlers call mcp_log */
    MCP_LIST_CHANGES = 2, /* mcp_changed is called */
    MCP_UPDATES = 4       /* mcp_updated is called */
};

/* When a legacy HTTP client gets an Mcp-Session-Id: never; when it declares
 * something the server may ask it for; always. */
enum mcp_sessions {
    MCP_SESSIONS_NEVER,
    MCP_SESSIONS_NEEDED,
    MCP_SESSIONS_ALWAYS
};

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

struct mcp_server_config {
    const char *name, *title, *version, *website_url;
    const char *instructions;            /* < 2,048 bytes */
    const struct mcp_tool *const *tools; /* NULL-ended list of row tables, each
                                            ended by a row without a name */
    void *app;                           /* call->app */
    struct pool *pool;                   /* workers; borrowed. NULL: all
                                            runs on the loops */
    int64_t call_timeout_ms;             /* 0: 60,000 */
    const struct mcp_resource *resources; /* ended by a row without a uri */
    const struct mcp_prompt *prompts;     /* ended by a row without get */
    /* mcp_add_value; NULL: no completion. Runs on a worker. */
    enum err (*complete)(struct mcp_call *call, const struct mcp_completion *c);
    unsigned tells; /* enum mcp_tells */
    enum mcp_sessions sessions;
    /* In a session every answer is a stream, so that a client that loses its
     * connection can fetch the answer again. */
    bool answers_resume;
    size_t page_max;        /* entries of a page of a list; 0: 1,000 */
    int64_t ask_timeout_ms; /* for a client's user to answer; 0: 600,000 */
    int64_t task_ttl_ms;    /* a task is kept so long; 0: 3,600,000 */
    const struct mcp_gate *gate;         /* NULL: everybody may */
    void *gate_ctx;
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

/* Tells everybody who asked for it. Thread: any */
enum mcp_change { MCP_TOOLS_CHANGED, MCP_PROMPTS_CHANGED, MCP_RESOURCES_CHANGED };
void mcp_changed(struct mcp_server *s, enum mcp_change what);
void mcp_updated(struct mcp_server *s, struct slice uri);

#endif
