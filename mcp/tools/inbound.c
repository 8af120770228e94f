#include "mcp/tools/inbound.h"

#include "mcp/call.h"

/* As metrics and refusals name them; a refusal names the class alone. */
static const char *const class_names[PERMIT_LEVEL_COUNT] = {
#define NAME(symbol, name, limit) name,
    PERMIT_LEVEL_ROWS(NAME)
#undef NAME
};

_Static_assert(sizeof(struct bucket) <= MCP_NOTE_SIZE, "grow MCP_NOTE_SIZE");

void tools_inbound_init(struct tools_inbound *in,
                        const struct tools_inbound_options *o)
{
    *in = (struct tools_inbound){.o = *o};
    limiter_init(&in->limiter);
    bucket_init(&in->all, "inbound", &o->all);
    in->on = o->all.rate || o->peer.rate;
    for (int i = 0; i < PERMIT_LEVEL_COUNT; i++) {
        bucket_init(&in->class[i], class_names[i], &o -> class[i]);
        in->on |= o->class[i].rate != 0;
    }
}

void tools_inbound_done(struct tools_inbound *in)
{
    limiter_done(&in->limiter);
}

/* Made when its peer calls a tool for the first time. */
static struct bucket *bucket_of(struct tools_inbound *in, struct mcp_call *call)
{
    struct bucket *b = mcp_call_note(call);
    if (!b->name) bucket_init(b, "peer", &in->o.peer);
    return b;
}

enum err tools_inbound_take(struct tools_inbound *in, struct mcp_call *call,
                            enum permit_level class)
{
    struct limiter_refusal by;
    int64_t wait;
    if (!in->on) return OK;
    struct bucket *peer = bucket_of(in, call);
    struct bucket *const chain[] = {&in->all, &in->class[class], peer};
    enum err e =
        limiter_take(&in->limiter, chain, sizeof(chain) / sizeof(chain[0]),
                     clock_now(), 0, &wait, &by);
    if (!e) return OK;
    if (by.by == peer)
        atomic_fetch_add_explicit(&in->peers_refused, 1, memory_order_relaxed);
    return limiter_problem(&by, &call->arena, &call->problem);
}

size_t tools_inbound_stats(struct tools_inbound *in, int64_t now,
                           struct bucket_stats ret[TOOLS_BUCKETS])
{
    size_t n = 0;
    limiter_stats(&in->limiter, &in->all, now, &ret[n++]);
    for (int i = 0; i < PERMIT_LEVEL_COUNT; i++)
        if (in->o.class[i].rate)
            limiter_stats(&in->limiter, &in->class[i], now, &ret[n++]);
    ret[n++] =
        (struct bucket_stats){.name = "peer",
                              .refused = atomic_load_explicit(
                                  &in->peers_refused, memory_order_relaxed)};
    return n;
}
