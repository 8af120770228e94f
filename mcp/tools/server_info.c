/* get_server_info: what the server knows about itself, and the engine's part
 * beside it. */
#include <unistd.h>

#include "base/clock.h"
#include "mcp/call.h"
#include "mcp/revision.h"
#include "mcp/tools/handlers.h"

static const struct limit_row {
    const char *name;
    int64_t value;
} limits[] = {
    {"message_bytes", 16 << 20},
    {"evidence_bytes", 10 << 20},
};

static void put_server(struct json_writer *w, const struct tools_app *app,
                       const struct mcp_call *call)
{
    char text[CLOCK_TEXT_SIZE];
    json_key(w, SLICE("server"));
    json_begin_object(w);
    json_put_string(w, "name", SLICE("phasegate"));
    json_put_string(w, "version", slice_of(app->version));
    json_put_raw(w, "protocol_revisions", mcp_revision_list());
    json_put_string(w, "transport", slice_of(call->transport));
    json_put_int(w, "pid", getpid());
    json_put_int(w, "uptime_seconds",
                 (clock_now() - app->started_ns) / NS_PER_S);
    json_put_string(w, "started_at", clock_text(app->started_wall_ms, text));
    if (app->http_url) json_put_string(w, "http_url", slice_of(app->http_url));
    json_end_object(w);
}

static void put_health(struct json_writer *w, const struct tools_app *app)
{
    json_key(w, SLICE("health"));
    if (app->health)
        app->health(app->health_ctx, w);
    else
        json_raw(w, SLICE("{\"status\":\"ok\",\"reasons\":[]}"));
}

static void put_limits(struct json_writer *w, const struct tools_app *app)
{
    json_key(w, SLICE("limits"));
    json_begin_object(w);
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        json_put_int(w, limits[i].name, limits[i].value);
    json_put_int(w, "arguments_bytes",
                 app->arguments_max ? (int64_t)app->arguments_max
                                    : MCP_ARGUMENTS_MAX);
    json_put_int(w, "call_timeout_ms", app->call_timeout_ms);
    json_end_object(w);
}

static void put_today(struct json_writer *w)
{
    char text[CLOCK_TEXT_SIZE];
    struct slice now = clock_text(clock_wall_ms(), text);
    json_key(w, SLICE("today"));
    json_begin_object(w);
    json_put_string(w, "iso_date", slice_sub(now, 0, 10));
    json_put_string(w, "iso_datetime", now);
    json_end_object(w);
}

enum err tools_get_server_info(struct mcp_call *call, const void *args)
{
    const struct tools_app *app = call->app;
    struct json_writer w = json_writer(&call->out.plain);
    (void)args;
    json_begin_object(&w);
    put_server(&w, app, call);
    if (app->engine) eng_info_write(app->engine, &call->arena, &w);
    put_health(&w, app);
    put_limits(&w, app);
    put_today(&w);
    json_end_object(&w);
    return OK;
}
