#include "mcp/call_state.h"

#include "base/alloc.h"
#include "mcp/meter.h"
#include "mcp/reply.h"

enum {
    READY_MAX = 4 << 20,
    CALL_TIMEOUT_MS = 60000,
    ASK_TIMEOUT_MS = 600000,
    TASK_TTL_MS = 3600000,
    SESSION_IDLE_MS = 3600 * 1000,
    SESSIONS_MAX = 10000,
    PAGE_MAX = 1000
};

static size_t count_tools(const struct mcp_server_config *c)
{
    size_t n = 0;
    for (size_t i = 0; c->tools && c->tools[i]; i++) {
        for (const struct mcp_tool *t = c->tools[i]; t->name; t++) n++;
    }
    return n;
}

static bool has_tool(const struct mcp_server *s, const char *name)
{
    for (size_t i = 0; i < s->tools_count; i++)
        if (slice_eq(s->tools[i].name, slice_of(name))) return true;
    return false;
}

static enum err take_tools(struct mcp_server *s)
{
    const struct mcp_server_config *c = &s->config;
    size_t n = count_tools(c);
    if (!n) return OK;
    s->tools = mem_array(n, sizeof(*s->tools));
    if (!s->tools) return ERR_NOMEM;
    for (size_t i = 0; c->tools[i]; i++) {
        for (const struct mcp_tool *t = c->tools[i]; t->name; t++) {
            if (has_tool(s, t->name)) continue;
            s->tools[s->tools_count++] =
                (struct mcp_tool_entry){slice_of(t->name), t};
            if (t->task) s->offers |= MCP_OFFERS_TASKS | MCP_OFFERS_STREAM;
        }
    }
    s->offers |= MCP_OFFERS_TOOLS;
    return OK;
}

/* Declared is what is there. */
static void take_offers(struct mcp_server *s)
{
    const struct mcp_server_config *c = &s->config;
    if (c->resources && c->resources->uri) s->offers |= MCP_OFFERS_RESOURCES;
    if (c->prompts && c->prompts->get) s->offers |= MCP_OFFERS_PROMPTS;
    if (c->complete) s->offers |= MCP_OFFERS_COMPLETION;
    if (c->tells & MCP_LOGS) s->offers |= MCP_OFFERS_LOGS;
    if (c->tells & MCP_LIST_CHANGES)
        s->offers |= MCP_OFFERS_CHANGES | MCP_OFFERS_STREAM;
    if (c->tells & MCP_UPDATES)
        s->offers |= MCP_OFFERS_UPDATES | MCP_OFFERS_STREAM;
}

static void take_defaults(struct mcp_server_config *c)
{
    if (!c->call_timeout_ms) c->call_timeout_ms = CALL_TIMEOUT_MS;
    if (!c->ask_timeout_ms) c->ask_timeout_ms = ASK_TIMEOUT_MS;
    if (!c->task_ttl_ms) c->task_ttl_ms = TASK_TTL_MS;
    if (!c->session_idle_ms) c->session_idle_ms = SESSION_IDLE_MS;
    if (!c->sessions_max) c->sessions_max = SESSIONS_MAX;
    if (!c->arguments_max) c->arguments_max = MCP_ARGUMENTS_MAX;
    if (!c->page_max) c->page_max = PAGE_MAX;
}

/* Lists do not change while the program runs: each is written once. */
static enum err render(struct mcp_server *s, const struct mcp_revision *r)
{
    struct buf *tail = &s->tail[r->rev], *hello = &s->hello[r->rev],
               *mute = &s->mute_hello[r->rev], *tools = &s->tools_list[r->rev],
               *replay = &s->replay_tail[r->rev];
    *tail = *hello = *mute = *tools = *replay = BUF_INIT(READY_MAX);
    mcp_reply_tail(tail, s, r, false);
    mcp_reply_tail(replay, s, r, true);
    mcp_reply_hello(hello, s, r, s->offers);
    mcp_reply_hello(mute, s, r, s->offers & ~(unsigned)MCP_OFFERS_NOTICES);
    mcp_reply_tools(tools, s, r);
    if (tail->err) return tail->err;
    if (mute->err) return mute->err;
    if (replay->err) return replay->err;
    return hello->err ? hello->err : tools->err;
}

enum err mcp_server_new(const struct mcp_server_config *c,
                        struct mcp_server **ret)
{
    struct mcp_server *s = MEM_NEW(struct mcp_server);
    if (!s) return ERR_NOMEM;
    s->config = *c;
    take_defaults(&s->config);
    lock_init(&s->lock, "mcp-server", RANK_PEER);
    mcp_link_init(&s->away);
    mcp_link_init(&s->listeners);
    mcp_share_init(s);
    mcp_yard_init(&s->yard);
    random_bytes(s->secret, sizeof(s->secret));
    take_offers(s);
    enum err e = take_tools(s);
    if (!e) e = mcp_meters_new(s);
    for (size_t i = 0; !e && i < MCP_REV_COUNT; i++)
        e = render(s, &mcp_revisions[i]);
    if (!e && c->pool) e = mcp_yard_begin(s); /* it keeps the time */
    if (e) {
        mcp_server_free(s);
        return e;
    }
    *ret = s;
    return OK;
}

void mcp_server_free(struct mcp_server *s)
{
    if (!s) return;
    mcp_server_stop(s); /* tasks have no peer that waits for them */
    mcp_yard_end(s);
    mcp_tasks_free(s);
    mcp_sessions_free(s);
    while (s->lanes) {
        struct mcp_lane *lane = s->lanes;
        s->lanes = lane->next;
        mcp_lane_done(lane);
        mem_free(lane);
    }
    for (size_t i = 0; i < MCP_REV_COUNT; i++) {
        buf_done(&s->hello[i]);
        buf_done(&s->mute_hello[i]);
        buf_done(&s->tools_list[i]);
        buf_done(&s->tail[i]);
        buf_done(&s->replay_tail[i]);
    }
    lock_done(&s->lock);
    mcp_meters_free(s);
    mem_free(s->tools);
    mem_free(s);
}
