/*
 * server: an MCP server as tables. A program fills a struct mcp_server_config
 * with rows of tools (later resources, prompts) and hands the server to one
 * or more transports; mcp/ speaks each revision's language.
 *
 * A handler gets its arguments parsed and checked into the row's struct, and
 * writes the result object into call->out. It returns
 *   OK           result in call->out
 *   ERR_AGAIN    only when call->on_loop: run me on a worker
 *   ERR_PENDING  mcp_call_done(call, e) follows exactly once, any thread
 *   another      a business error: call->problem is filled
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

enum mcp_tool_hint {
    MCP_READ_ONLY = 1,
    MCP_DESTRUCTIVE = 2,
    MCP_IDEMPOTENT = 4,
    MCP_OPEN_WORLD = 8
};

struct mcp_tool {
    const char *name, *title, *description;
    unsigned hints; /* enum mcp_tool_hint */
    enum mcp_run run;
    size_t args_size;             /* sizeof the struct the rows fill */
    const struct mcp_field *args; /* rows, ended by {0}; NULL: none */
    const char *output_schema;    /* JSON text; NULL: none */
    enum err (*call)(struct mcp_call *call, const void *args);
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
};

MUST_USE enum err mcp_server_new(const struct mcp_server_config *c,
                                 struct mcp_server **ret);
/* No peer is left. NULL is fine. */
void mcp_server_free(struct mcp_server *s);
/* Cancels every call with CANCEL_SHUTDOWN; new ones are refused. Any thread */
void mcp_server_stop(struct mcp_server *s);
/* Calls away from their loop: queued, on a worker or pending. 0 when all is
 * quiet, at any time between callbacks of the loops. Thread: any */
uint32_t mcp_server_open_calls(const struct mcp_server *s);

#endif
