/* What handlers add to an answer: content blocks, messages of prompts, parts
 * of resources, completions. Written at once, in the revision's words. */
#include "mcp/call_state.h"
#include "mcp/reply.h"

enum { VALUES_MAX = 100 };

static struct mcp_call_state *state_of(struct mcp_call *call)
{
    return (struct mcp_call_state *)call;
}

static struct buf *next_block(struct mcp_call_state *c)
{
    if (c->blocks.n) buf_putc(&c->blocks, ',');
    return &c->blocks;
}

void mcp_add(struct mcp_call *call, const struct mcp_content *content)
{
    struct mcp_call_state *c = state_of(call);
    mcp_reply_content(next_block(c), c->revision, content);
}

void mcp_add_text(struct mcp_call *call, struct slice text)
{
    mcp_add(call, &(struct mcp_content){.kind = MCP_TEXT, .text = text});
}

void mcp_add_message(struct mcp_call *call, bool assistant,
                     const struct mcp_content *content)
{
    struct mcp_call_state *c = state_of(call);
    struct buf *b = next_block(c);
    buf_puts(b, assistant ? "{\"role\":\"assistant\",\"content\":"
                          : "{\"role\":\"user\",\"content\":");
    mcp_reply_content(b, c->revision, content);
    buf_putc(b, '}');
}

void mcp_add_contents(struct mcp_call *call, const struct mcp_content *content)
{
    mcp_reply_contents(next_block(state_of(call)), content);
}

void mcp_add_value(struct mcp_call *call, struct slice value)
{
    struct mcp_call_state *c = state_of(call);
    if (c->values++ >= VALUES_MAX) return;
    struct json_writer w = json_writer(next_block(c));
    json_string(&w, value);
}
