/* Peers, and the lanes their idle calls wait in. */
#include "mcp/call_state.h"

#include "base/alloc.h"

static void lane_init(struct mcp_lane *lane)
{
    *lane = (struct mcp_lane){.owner = pthread_self()};
    mcp_link_init(&lane->free);
}

void mcp_lane_done(struct mcp_lane *lane)
{
    while (lane->free.next != &lane->free) {
        struct mcp_call_state *c = MCP_CALL_OF(lane->free.next);
        mcp_link_del(&c->at_peer);
        mcp_call_free(c);
    }
    mcp_again_done(lane);
}

static struct mcp_lane *find_lane(struct mcp_server *s)
{
    struct mcp_lane *lane;
    lock_take(&s->lock);
    for (lane = s->lanes; lane; lane = lane->next) {
        if (pthread_equal(lane->owner, pthread_self())) break;
    }
    lock_drop(&s->lock);
    return lane;
}

/* Only this thread adds a lane of this thread, so that looking and adding
 * need not be one step. */
static struct mcp_lane *loop_lane(struct mcp_server *s)
{
    struct mcp_lane *lane = find_lane(s);
    if (lane || !(lane = MEM_NEW(struct mcp_lane))) return lane;
    lane_init(lane);
    lock_take(&s->lock);
    lane->next = s->lanes;
    s->lanes = lane;
    lock_drop(&s->lock);
    return lane;
}

void mcp_peer_init(struct mcp_peer *peer, struct mcp_server *s,
                   enum mcp_transport kind, const char *name)
{
    peer->server = s;
    peer->kind = kind;
    peer->name = name;
    mcp_link_init(&peer->away);
    mcp_link_init(&peer->held);
    lane_init(&peer->own);
    peer->lane = &peer->own;
}

struct mcp_peer *mcp_peer_new(struct mcp_server *s, enum mcp_transport kind,
                              const char *name)
{
    struct mcp_peer *peer = MEM_NEW(struct mcp_peer);
    if (!peer) return NULL;
    mcp_peer_init(peer, s, kind, name);
    if (kind == MCP_HTTP) peer->lane = loop_lane(s);
    if (!peer->lane) {
        mem_free(peer);
        return NULL;
    }
    atomic_fetch_add_explicit(&s->counts.peers, 1, memory_order_relaxed);
    return peer;
}

void *mcp_call_note(struct mcp_call *call)
{
    return ((struct mcp_call_state *)call)->peer->note;
}

void mcp_peer_free(struct mcp_peer *peer)
{
    if (!peer) return;
    peer->left = true;
    if (peer->away.next != &peer->away) return; /* mcp_call_release() */
    atomic_fetch_sub_explicit(&peer->server->counts.peers, 1,
                              memory_order_relaxed);
    mcp_lane_done(&peer->own);
    mcp_session_free(peer->session);
    mem_free(peer);
}
