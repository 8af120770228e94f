#include "mcp/method.h"

#include "mcp/call_state.h"
#include "mcp/reply.h"

/* --- initialize, server/discover, ping ----------------------------------- */

static enum err params_fault(struct mcp_call_state *c, const char *why)
{
    return mcp_call_fault(c, mcp_fault(MCP_FAULT_PARAMS, slice_of(why)));
}

/* stdio: the stream itself is the session. */
static void stdio_session(struct mcp_call_state *c, struct mcp_session *session)
{
    struct mcp_peer *peer = c->peer;
    struct mcp_call_state *standing = peer->standing;
    struct mcp_session *old = peer->session;
    peer->session = session;
    if (standing) {
        if (standing->session) (void)mcp_session_leave(standing);
        mcp_session_pin(standing, session);
    }
    if (!old) return;
    old->ended = true; /* calls under way keep it */
    if (!old->pins) mcp_session_free(old);
}

static enum err start_session(struct mcp_call_state *c, unsigned can)
{
    struct mcp_server *s = c->pub.server;
    enum err e = OK;
    enum mcp_sessions wish = s->config.sessions;
    if (c->peer->kind == MCP_HTTP &&
        (wish == MCP_SESSIONS_NEVER || (wish == MCP_SESSIONS_NEEDED && !can)))
        return OK;
    lock_take(&s->lock);
    if (c->peer->kind == MCP_HTTP && !mcp_session_room(s))
        e = ERR_OVER_CAPACITY;
    struct mcp_session *session = e ? NULL : mcp_session_new();
    if (!e && !session) e = ERR_NOMEM;
    if (session) {
        session->revision = c->revision;
        session->can = can;
    }
    if (!e && c->peer->kind == MCP_HTTP) {
        e = map_put(&s->sessions, slice_of(session->id), session, NULL);
        if (e) mcp_session_free(session);
        c->announce = !e;
        if (!e) mcp_session_pin(c, session);
    } else if (!e) {
        stdio_session(c, session);
    }
    lock_drop(&s->lock);
    if (e == ERR_OVER_CAPACITY)
        return mcp_call_fault(
            c, mcp_fault(MCP_FAULT_BUSY,
                         SLICE("OVER_CAPACITY: too many sessions (peers.max); "
                               "end one with DELETE, or try again later")));
    if (e)
        return mcp_call_fault(
            c, mcp_fault(MCP_FAULT_INTERNAL, SLICE("Out of memory")));
    return OK;
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
    return start_session(c, mcp_can_of(caps, c->revision));
}

/* A legacy client over HTTP hears of changes on its session's stream only. */
static bool hears(const struct mcp_call_state *c)
{
    return c->peer->kind == MCP_STDIO || c->session ||
           (MCP_REVS_MODERN & MCP_REV_BIT(c->revision->rev));
}

static void hello_render(struct mcp_call_state *c, enum err e)
{
    (void)e;
    const struct mcp_server *s = c->peer->server;
    mcp_reply_ready(&c->reply, c->m.id,
                    buf_slice(hears(c) ? &s->hello[c->revision->rev]
                                           : &s->mute_hello[c->revision->rev]));
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
    {SLICE_INIT("resources/read"), MCP_REQUEST, MCP_REVS_ALL,
     MCP_OFFERS_RESOURCES,
     "uri", mcp_resources_read_begin, mcp_resources_read_run,
     mcp_resources_read_render},
    {SLICE_INIT("resources/list"), MCP_REQUEST, MCP_REVS_ALL,
     MCP_OFFERS_RESOURCES,
     NULL, mcp_list_begin, mcp_resources_list_run, mcp_list_render},
    {SLICE_INIT("resources/templates/list"), MCP_REQUEST, MCP_REVS_ALL,
     MCP_OFFERS_RESOURCES,
     NULL, mcp_list_begin, mcp_templates_list_run, mcp_list_render},
    {SLICE_INIT("resources/subscribe"), MCP_REQUEST, MCP_REVS_LEGACY,
     MCP_OFFERS_RESOURCES | MCP_OFFERS_UPDATES,
     NULL, mcp_subscribe_begin, NULL, empty_render},
    {SLICE_INIT("resources/unsubscribe"), MCP_REQUEST, MCP_REVS_LEGACY,
     MCP_OFFERS_RESOURCES | MCP_OFFERS_UPDATES,
     NULL, mcp_unsubscribe_begin, NULL, empty_render},
    {SLICE_INIT("prompts/get"), MCP_REQUEST, MCP_REVS_ALL, MCP_OFFERS_PROMPTS,
     "name", mcp_prompts_get_begin, mcp_prompts_get_run,
     mcp_prompts_get_render},
    {SLICE_INIT("prompts/list"), MCP_REQUEST, MCP_REVS_ALL, MCP_OFFERS_PROMPTS,
     NULL, mcp_list_begin, mcp_prompts_list_run, mcp_list_render},
    {SLICE_INIT("completion/complete"), MCP_REQUEST, MCP_REVS_ALL,
     MCP_OFFERS_COMPLETION,
     NULL, mcp_complete_begin, mcp_complete_run, mcp_complete_render},
    {SLICE_INIT("logging/setLevel"), MCP_REQUEST, MCP_REVS_LEGACY,
     MCP_OFFERS_LOGS,
     NULL, mcp_set_level_begin, NULL, empty_render},
    {SLICE_INIT("subscriptions/listen"), MCP_REQUEST, MCP_REVS_MODERN,
     MCP_OFFERS_STREAM,
     NULL, mcp_listen_begin, mcp_listen_run, mcp_listen_render},
    {SLICE_INIT("tasks/get"), MCP_REQUEST, MCP_REVS_MODERN, MCP_OFFERS_TASKS,
     "taskId", mcp_tasks_begin, NULL, mcp_tasks_get_render},
    {SLICE_INIT("tasks/update"), MCP_REQUEST, MCP_REVS_MODERN, MCP_OFFERS_TASKS,
     "taskId", mcp_tasks_update_begin, NULL, empty_render},
    {SLICE_INIT("tasks/cancel"), MCP_REQUEST, MCP_REVS_MODERN, MCP_OFFERS_TASKS,
     "taskId", mcp_tasks_cancel_begin, NULL, empty_render},
    {SLICE_INIT("initialize"), MCP_REQUEST, MCP_REVS_LEGACY, 0,
     NULL, initialize_begin, NULL, hello_render},
    {SLICE_INIT("server/discover"), MCP_REQUEST, MCP_REVS_MODERN, 0,
     NULL, NULL, NULL, hello_render},
    {SLICE_INIT("ping"), MCP_REQUEST, MCP_REVS_LEGACY, 0,
     NULL, NULL, NULL, empty_render},
    {SLICE_INIT("notifications/cancelled"), MCP_NOTIFICATION, MCP_REVS_ALL, 0,
     NULL, cancelled_begin, NULL, silent_render},
    {SLICE_INIT("notifications/initialized"), MCP_NOTIFICATION,
     MCP_REVS_LEGACY, 0,
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
