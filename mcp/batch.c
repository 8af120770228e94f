/* A JSON-RPC batch (revision 2025-03-26): each element is a call with an
 * exchange of its own, so that nothing else knows of batches. The array's
 * call, the holder, keeps the bytes and answers when the last part ended. */
#include "mcp/call_state.h"

#include "mcp/rules.h"

struct batch {
    struct mcp_call_state *holder;
    size_t open; /* parts that have not ended, and one for the starter */
};

struct part {
    struct mcp_exchange ex;
    struct batch *batch;
};

static struct batch *batch_of(struct mcp_exchange *ex)
{
    return ((struct part *)ex)->batch;
}

static void ended(struct batch *b)
{
    struct mcp_call_state *holder = b->holder;
    if (--b->open) return;
    if (holder->reply.n) buf_putc(&holder->reply, ']');
    mcp_call_answer(holder, holder->reply.n ? 200 : 202);
}

static struct slice part_header(struct mcp_exchange *ex, const char *name)
{
    struct mcp_exchange *outer = batch_of(ex)->holder->ex;
    return outer->ops->header(outer, name);
}

static void part_reply(struct mcp_exchange *ex, int status,
                       const struct mcp_header *headers, size_t count,
                       struct slice body)
{
    struct batch *b = batch_of(ex);
    struct buf *out = &b->holder->reply;
    (void)status, (void)headers, (void)count;
    if (body.n) {
        buf_putc(out, out->n ? ',' : '[');
        buf_put(out, body);
    }
    ended(b);
}

/* A batch is answered as one array: there is no place for events. */
static bool part_event(struct mcp_exchange *ex, struct slice id,
                       struct slice message)
{
    (void)ex, (void)id, (void)message;
    return false;
}

static bool part_open(struct mcp_exchange *ex, struct slice id,
                      int64_t retry_ms)
{
    (void)ex, (void)id, (void)retry_ms;
    return true;
}

static void part_end(struct mcp_exchange *ex, struct slice id,
                     struct slice message)
{
    (void)id;
    part_reply(ex, 200, NULL, 0, message);
}

static void part_drop(struct mcp_exchange *ex)
{
    ended(batch_of(ex));
}

static const struct mcp_exchange_ops part_ops = {.name = "batch",
                                                 .header = part_header,
                                                 .reply = part_reply,
                                                 .open = part_open,
                                                 .event = part_event,
                                                 .end = part_end,
                                                 .drop = part_drop};

static void part_serve(struct mcp_call_state *holder, struct part *part,
                       const struct json *element)
{
    struct mcp_peer *peer = holder->peer;
    struct mcp_ruling r;
    struct mcp_call_state *c = mcp_call_take(peer, &part->ex);
    if (!c) {
        mcp_receive_nomem(&part->ex);
        return;
    }
    c->deaf = true;
    mcp_message_read(element, &c->m);
    mcp_rules_element(&c->m, holder->revision, peer->server->offers,
                      &c->pub.arena, &r);
    mcp_receive_ruled(c, &r);
}

void mcp_batch_serve(struct mcp_call_state *c)
{
    const struct json *array = c->m.body;
    struct batch *b = ARENA_NEW(&c->pub.arena, struct batch);
    struct part *parts = ARENA_ARRAY(&c->pub.arena, struct part, array->count);
    if (!b || !parts) {
        c->fault = mcp_fault(MCP_FAULT_INTERNAL, SLICE("Out of memory"));
        mcp_call_finish(c);
        return;
    }
    *b = (struct batch){.holder = c, .open = array->count + 1};
    for (uint32_t i = 0; i < array->count; i++) {
        parts[i] = (struct part){
            .ex = {.ops = &part_ops, .mailbox = c->mailbox}, .batch = b};
        part_serve(c, &parts[i], &array->items[i]);
    }
    ended(b);
}
