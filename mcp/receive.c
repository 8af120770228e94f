/* From bytes to a ruled message: the loop's part of a call's beginning. */
#include "mcp/call_state.h"

#include "mcp/reply.h"
#include "mcp/rules.h"

/* Messages up to this size are parsed on the loop: about 50 us of it. */
enum { INLINE_MAX = 64 * 1024 };

/* --- parsing ------------------------------------------------------------- */

static struct mcp_fault parse_fault(struct mcp_call_state *c, enum err e,
                                    const struct json_error *je)
{
    struct text_position at = slice_position(c->bytes, je->at);
    return mcp_faultf(mcp_fault_of(e), &c->pub.arena,
                      "%s at line %u, column %u (byte %zu): %s",
                      e == ERR_PARSE ? "Parse error" : "Not read", at.line,
                      at.column, je->at, je->what);
}

static enum err put_together(struct mcp_call_state *c)
{
    struct mcp_pieces *pieces = c->pieces;
    if (!pieces) return OK;
    char *p = arena_alloc(&c->pub.arena, c->bytes.n);
    if (!p) return ERR_NOMEM;
    c->pieces = NULL;
    pieces->take(pieces, p);
    c->bytes.p = p;
    return OK;
}

static enum err parse(struct mcp_call_state *c)
{
    const struct json *root = NULL;
    struct json_error je = {0};
    enum err e = put_together(c);
    if (!e) e = json_parse(c->bytes, NULL, &c->pub.arena, &root, &je);
    if (e == ERR_NOMEM)
        c->fault = mcp_fault(MCP_FAULT_INTERNAL, SLICE("Out of memory"));
    else if (e)
        c->fault = parse_fault(c, e, &je);
    else
        mcp_message_read(root, &c->m);
    return e;
}

static void parse_on_worker(struct pool_job *job)
{
    struct mcp_call_state *c =
        (struct mcp_call_state *)((char *)job -
                                  offsetof(struct mcp_call_state, job));
    c->result = parse(c);
    mcp_call_back(c);
}

/* --- ruling -------------------------------------------------------------- */

static struct slice header(struct mcp_exchange *ex, const char *name)
{
    struct slice v = ex->ops->header(ex, name);
    return v.p ? slice_trim(v) : v;
}

/* The session a request names is its call's until the call has ended. */
static const struct mcp_revision *http_session(struct mcp_call_state *c,
                                               struct slice id)
{
    struct mcp_server *s = c->pub.server;
    if (!id.p) return NULL;
    lock_take(&s->lock);
    struct mcp_session *session = mcp_session_find(s, id);
    if (session) mcp_session_pin(c, session);
    lock_drop(&s->lock);
    return session ? session->revision : NULL;
}

/* A modern message and initialize know of no session before them. */
static void settle_session(struct mcp_call_state *c)
{
    struct mcp_peer *peer = c->peer;
    bool stranger = mcp_revision_is_modern(c->revision) ||
                    slice_eq(c->m.method, SLICE("initialize"));
    if (stranger && c->session) {
        mcp_session_unpin(c);
    } else if (!stranger && peer->session && !c->session) {
        lock_take(&c->pub.server->lock);
        mcp_session_pin(c, peer->session);
        lock_drop(&c->pub.server->lock);
    }
}

static void rule(struct mcp_call_state *c, struct mcp_ruling *ret)
{
    struct mcp_peer *peer = c->peer;
    unsigned offers = peer->server->offers;
    if (mcp_again_rule(c, ret)) return;
    if (peer->kind == MCP_STDIO) {
        mcp_rules_stdio(&c->m, peer->legacy, offers, &c->pub.arena, ret);
        return;
    }
    struct mcp_http_headers h = {.version =
                                     header(c->ex, "mcp-protocol-version"),
                                 .method = header(c->ex, "mcp-method"),
                                 .name = header(c->ex, "mcp-name"),
                                 .session = header(c->ex, "mcp-session-id")};
    h.agreed = http_session(c, h.session);
    /* Without a session nobody could be told: no row but theirs asks for it. */
    if (!h.agreed) offers &= ~(unsigned)MCP_OFFERS_NOTICES;
    mcp_rules_http(&c->m, &h, offers, &c->pub.arena, ret);
}

void mcp_receive_ruled(struct mcp_call_state *c, const struct mcp_ruling *r)
{
    c->revision = r->revision;
    c->method = r->method;
    c->fault = r->fault;
    settle_session(c);
    mcp_client_read(c);
    if (c->lost && mcp_revision_lost_cancels(r->revision)) {
        cancel_set(&c->pub.cancel, CANCEL_CONNECTION);
        mcp_call_finish(c);
        return;
    }
    switch (r->rule) {
    case MCP_RULE_SERVE:
        mcp_call_serve(c);
        return;
    case MCP_RULE_BATCH:
        mcp_batch_serve(c);
        return;
    case MCP_RULE_REFUSE:
        mcp_call_finish(c);
        return;
    case MCP_RULE_ACCEPT:
        if (c->m.kind == MCP_RESPONSE) mcp_answer(c);
        mcp_call_answer(c, 202);
        return;
    }
}

/* --- the order of messages ----------------------------------------------- */

/* What is refused as no message at all belongs to the era of the one before:
 * only there is an id that could not be read told as the sender expects. */
static bool unplaced(const struct mcp_call_state *c, const struct mcp_ruling *r)
{
    return c->peer->kind == MCP_STDIO && r->rule == MCP_RULE_REFUSE &&
           (c->m.kind == MCP_INVALID || c->m.kind == MCP_BATCH);
}

static void parsed(struct mcp_call_state *c)
{
    struct mcp_peer *peer = c->peer;
    struct mcp_ruling r;
    if (c->result) { /* no message: nobody to answer but the sender */
        if (peer->last) c->revision = peer->last;
        mcp_call_finish(c);
        return;
    }
    rule(c, &r);
    if (peer->last && unplaced(c, &r)) r.revision = peer->last;
    peer->last = r.revision;
    mcp_receive_ruled(c, &r);
}

static void read_message(struct mcp_call_state *c);

/* A large message has been read: those behind it follow, in their order. */
static void parsed_large(struct mcp_call_state *c)
{
    struct mcp_peer *peer = c->peer;
    peer->parsing = false;
    parsed(c);
    while (!peer->parsing && peer->held.next != &peer->held) {
        c = MCP_CALL_OF(peer->held.next);
        mcp_link_del(&c->at_peer);
        read_message(c);
    }
}

static void read_message(struct mcp_call_state *c)
{
    struct mcp_peer *peer = c->peer;
    if (c->bytes.n <= INLINE_MAX || !peer->server->config.pool) {
        c->result = parse(c);
        parsed(c);
        return;
    }
    peer->parsing = peer->kind == MCP_STDIO;
    if (mcp_call_send(c, parse_on_worker,
                      peer->parsing ? parsed_large : parsed))
        return;
    peer->parsing = false;
    c->fault = mcp_fault(mcp_fault_of(c->result), SLICE(""));
    parsed(c);
}

void mcp_receive_nomem(struct mcp_exchange *ex)
{
    ex->ops->reply(ex, 503, NULL, 0,
                   SLICE("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32603,"
                         "\"message\":\"Out of memory\"}}"));
}

/* Those behind a long one that is being read wait for it. */
static bool must_wait(const struct mcp_peer *peer)
{
    return peer->parsing || peer->held.next != &peer->held;
}

static void place(struct mcp_call_state *c)
{
    struct mcp_peer *peer = c->peer;
    if (must_wait(peer))
        mcp_link_add(&peer->held, &c->at_peer);
    else
        read_message(c);
}

void mcp_receive(struct mcp_peer *peer, struct mcp_exchange *ex,
                 struct slice message)
{
    ex->call = NULL;
    struct mcp_call_state *c = mcp_call_take(peer, ex);
    if (!c) {
        mcp_receive_nomem(ex);
        return;
    }
    if (!must_wait(peer) && mcp_again_recall(c, message)) {
        parsed(c);
        return;
    }
    c->bytes = arena_copy(&c->pub.arena, message);
    if (message.n && !c->bytes.p) {
        c->fault = mcp_fault(MCP_FAULT_INTERNAL, SLICE("Out of memory"));
        mcp_call_finish(c);
    } else {
        place(c);
    }
}

void mcp_receive_pieces(struct mcp_peer *peer, struct mcp_exchange *ex,
                        struct mcp_pieces *pieces)
{
    ex->call = NULL;
    struct mcp_call_state *c = mcp_call_take(peer, ex);
    if (!c) {
        pieces->take(pieces, NULL);
        mcp_receive_nomem(ex);
        return;
    }
    c->pieces = pieces;
    c->bytes = (struct slice){NULL, pieces->n};
    place(c);
}

void mcp_error_line(const struct mcp_peer *peer, struct buf *b, enum err e,
                    struct slice message)
{
    struct mcp_fault f = mcp_fault(
        e == ERR_INVALID ? MCP_FAULT_REQUEST : MCP_FAULT_INTERNAL, message);
    mcp_reply_error(b, peer->last ? peer->last : mcp_revision_legacy(),
                    MCP_STDIO, NULL, &f);
}
