#include "mcp/method.h"

#include "mcp/call_state.h"
#include "mcp/reply.h"

/* --- initialize, server/discover, ping ----------------------------------- */

static enum err params_fault(struct mcp_call_state *c, const char *why)
{
    return mcp_call_fault(c, mcp_fault(MCP_FAULT_PARAMS, slice_of(why)));
}

/* A second initialize replaces the first: clients that lost their state send
 * one, and nothing here depends on the former. */
static enum err initialize_begin(struct mcp_call_state *c)
{
    const struct json *version =
        json_get(c->m.params, SLICE("protocolVersion"));
    const struct json *caps = json_get(c->m.params, SLICE("capabilities"));
    const struct json *info = json_get(c->m.params, SLICE("clientInfo"));
    if (!json_is(version, JSON_STRING))
        return params_fault(c, "params.protocolVersion must be a string, for "
                               "example \"2025-11-25\"");
    if (caps && !json_is(caps, JSON_OBJECT))
        return params_fault(c, "params.capabilities must be an object");
    if (info && !json_is(info, JSON_OBJECT))
        return params_fault(c, "params.clientInfo must be an object");
    c->revision = mcp_revision_negotiate(version->text);
    if (c->peer->kind == MCP_STDIO)
        c->peer->legacy = c->peer->last = c->revision;
    return OK;
}

static void hello_render(struct mcp_call_state *c, enum err e)
{
    (void)e;
    mcp_reply_ready(&c->reply, c->m.id,
                    buf_slice(&c->peer->server->hello[c->revision->rev]));
}

static void empty_render(struct mcp_call_state *c, enum err e)
{
    (void)e;
    mcp_reply_empty(&c->reply, c->peer->server, c->revision, c->m.id);
}

/* --- notifications ------------------------------------------------------- */

/* Unknown, finished or malformed: ignored. HTTP has no stream to attribute
 * the id to; there a modern client closes its connection instead. */
static enum err cancelled_begin(struct mcp_call_state *c)
{
    const struct json *id = json_get(c->m.params, SLICE("requestId"));
    if (c->peer->kind == MCP_STDIO && mcp_id_valid(id))
        mcp_peer_cancel(c->peer, id);
    return OK;
}

static void silent_render(struct mcp_call_state *c, enum err e)
{
    (void)c, (void)e;
}

/* --- the table ----------------------------------------------------------- */

/* clang-format off */
static const struct mcp_method methods[] = {
    {SLICE_INIT("tools/call"), MCP_REQUEST, MCP_REVS_ALL, MCP_OFFERS_TOOLS,
     "name", mcp_tools_call_begin, mcp_tools_call_run, mcp_tools_call_render},
    {SLICE_INIT("tools/list"), MCP_REQUEST, MCP_REVS_ALL, MCP_OFFERS_TOOLS,
     NULL, mcp_tools_list_begin, NULL, mcp_tools_list_render},
    {SLICE_INIT("initialize"), MCP_REQUEST, MCP_REVS_LEGACY, 0,
     NULL, initialize_begin, NULL, hello_render},
    {SLICE_INIT("server/discover"), MCP_REQUEST, MCP_REVS_MODERN, 0,
     NULL, NULL, NULL, hello_render},
    {SLICE_INIT("ping"), MCP_REQUEST, MCP_REVS_LEGACY, 0,
     NULL, NULL, NULL, empty_render},
    {SLICE_INIT("notifications/cancelled"), MCP_NOTIFICATION, MCP_REVS_ALL, 0,
     NULL, cancelled_begin, NULL, silent_render},
    {SLICE_INIT("notifications/initialized"), MCP_NOTIFICATION, MCP_REVS_LEGACY, 0,
     NULL, NULL, NULL, silent_render},
};
/* clang-format on */

const struct mcp_method *mcp_method_row(size_t i)
{
    return i < sizeof(methods) / sizeof(methods[0]) ? &methods[i] : NULL;
}

const struct mcp_method *mcp_method_find(struct slice name, enum mcp_kind kind,
                                         const struct mcp_revision *r,
                                         unsigned offers)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        const struct mcp_method *m = &methods[i];
        if (m->kind == kind && (m->revisions & MCP_REV_BIT(r->rev)) &&
            (m->needs & ~offers) == 0 && slice_eq(m->name, name))
            return m;
    }
    return NULL;
}
