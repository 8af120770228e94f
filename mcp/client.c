/* What the client of a call said of itself: capabilities, log level, progress
 * token; in its request (2026-07-28) or in its session (before). */
#include "mcp/call_state.h"
#include "mcp/reply.h"

static const struct can_row {
    unsigned can; /* enum mcp_can */
    struct slice path[3];
    const char *needed; /* told as requiredCapabilities */
} can_rows[] = {
    {MCP_CAN_SAMPLE, {SLICE_INIT("sampling")}, "{\"sampling\":{}}"},
    {MCP_CAN_URL,
     {SLICE_INIT("elicitation"), SLICE_INIT("url")},
     "{\"elicitation\":{\"url\":{}}}"},
    {MCP_CAN_FORM,
     {SLICE_INIT("elicitation"), SLICE_INIT("form")},
     "{\"elicitation\":{\"form\":{}}}"},
    {MCP_CAN_ROOTS, {SLICE_INIT("roots")}, "{\"roots\":{}}"},
    {MCP_CAN_TASKS,
     {SLICE_INIT("extensions"), SLICE_INIT("io.modelcontextprotocol/tasks")},
     "{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}"},
};
enum { CAN_ROWS = sizeof(can_rows) / sizeof(can_rows[0]) };

unsigned mcp_can_of(const struct json *capabilities,
                    const struct mcp_revision *r)
{
    unsigned can = 0;
    if (!capabilities || !capabilities->count) return 0;
    const struct json *elicit = json_get(capabilities, SLICE("elicitation"));
    for (size_t i = 0; i < CAN_ROWS; i++) {
        const struct json *v = capabilities;
        for (size_t k = 0; can_rows[i].path[k].n; k++)
            v = json_get(v, can_rows[i].path[k]);
        if (json_is(v, JSON_OBJECT)) can |= can_rows[i].can;
    }
    /* {} means forms, as before there was anything else. */
    if (json_is(elicit, JSON_OBJECT) && !(can & MCP_CAN_URL))
        can |= MCP_CAN_FORM;
    if (!mcp_revision_is_modern(r)) can &= ~(unsigned)MCP_CAN_TASKS;
    if (!mcp_revision_elicits(r)) can &= ~(unsigned)MCP_CAN_FORM;
    if (!mcp_revision_elicits_urls(r)) can &= ~(unsigned)MCP_CAN_URL;
    return can;
}

void mcp_client_read(struct mcp_call_state *c)
{
    const struct json *meta = json_get(c->m.params, SLICE("_meta"));
    const struct json *token = json_get(meta, SLICE("progressToken"));
    if (mcp_id_valid(token)) c->token = token;
    c->pub.told = c->token != NULL;
    if (!mcp_revision_is_modern(c->revision)) {
        c->can = c->session && !c->deaf ? c->session->can : 0;
        return;
    }
    c->can = mcp_can_of(
        json_get(meta, SLICE("io.modelcontextprotocol/clientCapabilities")),
        c->revision);
    c->log_level = mcp_log_level_of(
        json_text(json_get(meta, SLICE("io.modelcontextprotocol/logLevel"))));
}

enum err mcp_client_lacks(struct mcp_call_state *c, unsigned can)
{
    struct mcp_fault f = mcp_fault(
        MCP_FAULT_CAPABILITY,
        SLICE("The client does not declare a capability this request needs"));
    for (size_t i = 0; i < CAN_ROWS; i++) {
        if (!(can_rows[i].can & can)) continue;
        f.data = arena_printf(&c->pub.arena, "{\"requiredCapabilities\":%s}",
                              can_rows[i].needed);
        break;
    }
    return mcp_call_fault(c, f);
}
