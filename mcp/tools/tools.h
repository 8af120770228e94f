/*
 * tools: phasegate's own tools as rows of mcp/server.h. Each binds a name,
 * arguments and texts to one operation of the engine; no rule lives here.
 *
 * The whole tools/list result stays within 16 KiB, which a test holds: texts
 * are paid for by every agent that connects.
 */
#ifndef MCP_TOOLS_TOOLS_H
#define MCP_TOOLS_TOOLS_H

#include "engine/engine.h"
#include "engine/permit.h"
#include "mcp/server.h"
#include "mcp/tools/inbound.h"

/* Which tools there are: ours, or also those of praxis-os under their names
 * and in their shapes. */
enum tools_surface { TOOLS_OURS, TOOLS_PRAXIS, TOOLS_SURFACES };

/* What the handlers find in call->app. Filled before the first peer exists,
 * read-only from then on. */
struct tools_app {
    struct engine *engine;   /* borrowed; NULL is answered NO_PROJECT */
    const char *version;     /* of the program */
    const char *http_url;    /* with /mcp; NULL: not listening */
    const char *transport_mode; /* "dual", "stdio", "http" */
    enum tools_surface surface;
    /* Filled by tools_config. */
    struct pool *pool;
    size_t tools_count; /* that a client is told of */
    int64_t started_ns;      /* monotonic */
    int64_t started_wall_ms; /* Unix time */
    int64_t call_timeout_ms; /* as in the server's configuration */
    size_t arguments_max;    /* the same; 0: MCP_ARGUMENTS_MAX */
    /* By the permits' classes; run_ms 0: call_timeout_ms alone. */
    struct mcp_limits limits[PERMIT_LEVEL_COUNT];
    struct permits *permits; /* borrowed; NULL: nothing is bounded */
    struct tools_inbound *inbound; /* borrowed; NULL: no limit of rate */
    /* Identical reads under way run once; most 0: they do not. */
    struct {
        bool refuses;
        uint32_t most;
        const struct slice *except; /* tools by name, without case */
        size_t except_count;
    } sharing;
    /* Writes {"status":"ok"|"degraded","reasons":[...]}. NULL: only what is
     * certain is said: ok, the server answers. Thread: any */
    void (*health)(void *ctx, struct json_writer *w);
    void *health_ctx;
};

/* `started` is now. */
void tools_app_init(struct tools_app *app, struct engine *engine);
/* A configuration with the rows, the name, the texts and the app. */
void tools_config(struct tools_app *app, struct pool *pool,
                  struct mcp_server_config *ret);

/* What admission takes a call of this tool for. */
enum permit_level tools_class(const struct mcp_tool *tool);
/* Of a configuration whose gate_ctx is a struct tools_app with permits. */
extern const struct mcp_gate tools_gate;
extern const struct mcp_tool tools_rows[];
extern const struct mcp_tool tools_praxis_rows[];
/* Workflows, sessions, reports and standards to read; prompts that begin and
 * resume. */
extern const struct mcp_resource tools_resources[];
extern const struct mcp_prompt tools_prompts[];
enum err tools_complete(struct mcp_call *call, const struct mcp_completion *c);
/* Tells who has subscribed to a session or its report that it has changed,
 * whoever changed it. One per engine. Thread: startup */
struct tools_feed;
MUST_USE enum err tools_feed_new(struct engine *e, struct mcp_server *s,
                                 struct tools_feed **ret);
/* Finds what other processes have changed. Thread: keeper, each second */
void tools_feed_round(struct tools_feed *f);
/* Before the server; no operation is under way. NULL is fine. */
void tools_feed_free(struct tools_feed *f);

/* What initialize and server/discover tell every agent; < 2,048 bytes. */
extern const char tools_instructions[];

#endif
