/* Sessions of legacy clients: what initialize agreed, what was asked for
 * since, and the last events, kept for a client that comes back. */
#include "base/alloc.h"
#include "base/clock.h"
#include "mcp/call_state.h"
#include "mcp/rules.h"

enum {
    EVENTS_MAX = 1000,       /* kept per session */
    EVENTS_BYTES = 2 << 20,  /* the same */
    URIS_MAX = 1000,         /* subscriptions of a session */
    GET_STREAM = 1
};

struct mcp_event {
    struct mcp_event *next;
    uint32_t stream, sequence;
    size_t n;
    char text[];
};

/* --- life ----------------------------------------------------------------- */

static void drop_event(struct mcp_session *session)
{
    struct mcp_event *e = session->events;
    session->events = e->next;
    if (!session->events) session->events_end = &session->events;
    session->events_count--;
    session->events_bytes -= e->n;
    mem_free(e);
}

void mcp_session_free(struct mcp_session *session)
{
    size_t i = 0;
    struct slice key;
    void *uri;
    if (!session) return;
    while (session->events) drop_event(session);
    while (map_next(&session->uris, &i, &key, &uri)) mem_free(uri);
    map_done(&session->uris);
    mem_free(session);
}

static bool expired(const struct mcp_server *s,
                    const struct mcp_session *session, int64_t now)
{
    return !session->pins &&
           now - session->used_ns >= s->config.session_idle_ms * NS_PER_MS;
}

/* Ends those nobody has used for long. At most once a second, or when there are
 * too many: there may be many. */
static void sweep(struct mcp_server *s)
{
    int64_t now = clock_coarse();
    struct mcp_session *dead = NULL, *session;
    size_t i = 0;
    struct slice key;
    void *value;
    if (now < s->swept_ns + NS_PER_S &&
        s->sessions.count < s->config.sessions_max)
        return;
    s->swept_ns = now;
    while (map_next(&s->sessions, &i, &key, &value)) {
        session = value;
        if (!expired(s, session, now)) continue;
        session->next_dead = dead;
        dead = session;
    }
    while ((session = dead) != NULL) {
        dead = session->next_dead;
        mcp_session_end(s, session);
    }
}

struct mcp_session *mcp_session_new(void)
{
    struct mcp_session *session = MEM_NEW(struct mcp_session);
    if (!session) return NULL;
    session->events_end = &session->events;
    mcp_link_init(&session->writers);
    session->log_level = MCP_LOG_SILENT;
    session->streams = GET_STREAM;
    session->used_ns = clock_coarse();
    (void)random_uuid(session->id);
    return session;
}

bool mcp_session_room(struct mcp_server *s)
{
    sweep(s);
    return s->sessions.count < s->config.sessions_max;
}

struct mcp_session *mcp_session_find(struct mcp_server *s, struct slice id)
{
    struct mcp_session *session = map_get(&s->sessions, id);
    int64_t now = clock_coarse();
    if (session && expired(s, session, now)) {
        mcp_session_end(s, session);
        session = NULL;
    }
    if (session) session->used_ns = now;
    return session;
}

/* Its streams end; calls under way keep it until they have ended. */
void mcp_session_end(struct mcp_server *s, struct mcp_session *session)
{
    (void)map_del(&s->sessions, slice_of(session->id));
    session->ended = true;
    for (struct mcp_call_link *l = s->listeners.next; l != &s->listeners;
         l = l->next) {
        struct mcp_call_state *c = MCP_CALL_AT(l, at_listeners);
        if (c->session == session) (void)mcp_call_wake(c);
    }
    if (!session->pins) mcp_session_free(session);
}

void mcp_session_pin(struct mcp_call_state *c, struct mcp_session *session)
{
    session->pins++;
    c->session = session;
    mcp_link_add(&session->writers, &c->at_session);
}

/* It may follow without having been told anything: a call that is cancelled
 * has no answer. */
void mcp_session_quiet(struct mcp_call_state *c)
{
    struct mcp_call_state *f =
        c->stream ? mcp_follower(c->pub.server, c->session, c->stream) : NULL;
    mcp_link_del(&c->at_session);
    if (f) (void)mcp_call_wake(f);
}

struct mcp_session *mcp_session_leave(struct mcp_call_state *c)
{
    struct mcp_session *session = c->session;
    mcp_session_quiet(c);
    c->session = NULL;
    session->used_ns = clock_coarse();
    return --session->pins == 0 && session->ended ? session : NULL;
}

void mcp_session_unpin(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    lock_take(&s->lock);
    struct mcp_session *over = mcp_session_leave(c);
    lock_drop(&s->lock);
    mcp_session_free(over);
}

void mcp_sessions_free(struct mcp_server *s)
{
    size_t i = 0;
    struct slice key;
    void *session;
    while (map_next(&s->sessions, &i, &key, &session))
        mcp_session_free(session);
    map_done(&s->sessions);
}

/* --- events --------------------------------------------------------------- */

struct slice mcp_session_id_of(uint32_t stream, uint32_t sequence,
                               char id[32])
{
    struct buf b = BUF_INIT(31);
    buf_printf(&b, "%u-%u", stream, sequence);
    size_t n = b.n;
    if (n) memcpy(id, b.p, n);
    buf_done(&b);
    return (struct slice){id, n};
}

struct slice mcp_session_keep(struct mcp_server *s, struct mcp_session *session,
                              uint32_t stream, uint32_t sequence,
                              struct slice message, char id[32])
{
    struct mcp_event *e = message.n <= EVENTS_BYTES
                              ? mem_alloc(sizeof(*e) + message.n)
                              : NULL;
    (void)s;
    if (e) {
        *e = (struct mcp_event){.stream = stream,
                                .sequence = sequence,
                                .n = message.n};
        memcpy(e->text, message.p, message.n);
        *session->events_end = e;
        session->events_end = &e->next;
        session->events_count++;
        session->events_bytes += e->n;
    }
    while (session->events_count > EVENTS_MAX ||
           session->events_bytes > EVENTS_BYTES)
        drop_event(session);
    return mcp_session_id_of(stream, sequence, id);
}

/* --- logging/setLevel, resources/subscribe -------------------------------- */

static enum err bad(struct mcp_call_state *c, const char *why)
{
    return mcp_call_fault(c, mcp_fault(MCP_FAULT_PARAMS, slice_of(why)));
}

/* Without a session there is nobody to remember it for. */
enum err mcp_set_level_begin(struct mcp_call_state *c)
{
    enum mcp_log_level level =
        mcp_log_level_of(json_text(json_get(c->m.params, SLICE("level"))));
    if (level == MCP_LOG_SILENT)
        return bad(c, "params.level must be debug, info, notice, warning, "
                      "error, critical, alert or emergency");
    if (!c->session) return OK;
    lock_take(&c->pub.server->lock);
    c->session->log_level = level;
    lock_drop(&c->pub.server->lock);
    return OK;
}

static enum err read_uri(struct mcp_call_state *c, struct slice *ret)
{
    const struct json *uri = json_get(c->m.params, SLICE("uri"));
    *ret = json_text(uri);
    if (!json_is(uri, JSON_STRING) || !ret->n || ret->n > 8192)
        return bad(c, "params.uri must be a string of 1 to 8192 bytes");
    return OK;
}

static enum err subscribe(struct mcp_session *session, struct slice uri)
{
    char *copy = NULL;
    if (map_get(&session->uris, uri)) return OK;
    if (session->uris.count >= URIS_MAX) return ERR_OVER_CAPACITY;
    copy = mem_alloc(uri.n);
    if (!copy) return ERR_NOMEM;
    memcpy(copy, uri.p, uri.n);
    enum err e =
        map_put(&session->uris, (struct slice){copy, uri.n}, copy, NULL);
    if (e) mem_free(copy);
    return e;
}

enum err mcp_subscribe_begin(struct mcp_call_state *c)
{
    struct slice uri;
    enum err e = read_uri(c, &uri);
    if (e || !c->session) return e;
    lock_take(&c->pub.server->lock);
    e = subscribe(c->session, uri);
    lock_drop(&c->pub.server->lock);
    if (e)
        return mcp_call_fault(c, mcp_fault(mcp_fault_of(e),
                                           SLICE("too many subscriptions")));
    return OK;
}

enum err mcp_unsubscribe_begin(struct mcp_call_state *c)
{
    struct slice uri;
    enum err e = read_uri(c, &uri);
    if (e || !c->session) return e;
    lock_take(&c->pub.server->lock);
    void *copy = map_del(&c->session->uris, uri);
    lock_drop(&c->pub.server->lock);
    mem_free(copy);
    return OK;
}

/* --- GET, DELETE, the channel of stdio ------------------------------------ */

static void refuse(struct mcp_exchange *ex, int status, int code,
                   const char *why)
{
    static const struct mcp_header allow = {"Allow", SLICE_INIT("GET, POST")};
    struct buf b = BUF_INIT(4096);
    mcp_error_body(&b, code, slice_of(why));
    ex->ops->reply(ex, status, &allow, status == 405, buf_slice(&b));
    buf_done(&b);
}

static struct slice header(struct mcp_exchange *ex, const char *name)
{
    struct slice v = ex->ops->header(ex, name);
    return v.p ? slice_trim(v) : v;
}

static bool claims_modern(struct mcp_exchange *ex)
{
    struct slice version = header(ex, "mcp-protocol-version");
    const struct mcp_revision *r =
        version.p ? mcp_revision_find(version) : NULL;
    return r && mcp_revision_is_modern(r);
}

/* The session a GET or DELETE names; false: refused. */
static bool named_session(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    struct slice id = header(c->ex, "mcp-session-id");
    if (!id.p) return true;
    lock_take(&s->lock);
    struct mcp_session *session = mcp_session_find(s, id);
    if (session) mcp_session_pin(c, session);
    lock_drop(&s->lock);
    return session != NULL;
}

void mcp_receive_delete(struct mcp_peer *peer, struct mcp_exchange *ex)
{
    struct mcp_server *s = peer->server;
    struct slice id = header(ex, "mcp-session-id");
    ex->call = NULL;
    if (claims_modern(ex) || !id.p) {
        refuse(ex, 405, -32600, "there is no session to end");
        return;
    }
    lock_take(&s->lock);
    struct mcp_session *session = mcp_session_find(s, id);
    if (session) mcp_session_end(s, session);
    lock_drop(&s->lock);
    if (session)
        ex->ops->reply(ex, 204, NULL, 0, (struct slice){0});
    else
        refuse(ex, 404, -32001, "Session not found");
}

bool mcp_event_id_read(struct slice id, uint32_t *stream, uint32_t *sequence)
{
    int64_t a, b;
    size_t dash = slice_find_byte(id, '-');
    if (dash == id.n || !slice_int64(slice_sub(id, 0, dash), &a) ||
        !slice_int64(slice_sub(id, dash + 1, id.n), &b) || a < 1 || b < 0 ||
        a > UINT32_MAX || b > UINT32_MAX)
        return false;
    *stream = (uint32_t)a;
    *sequence = (uint32_t)b;
    return true;
}

/* A call of this session is still to write to the stream: parked, on a worker
 * or in a handler's hands, here or on any loop. */
static bool still_open(const struct mcp_session *session, uint32_t stream)
{
    if (stream == GET_STREAM) return true;
    for (const struct mcp_call_link *l = session->writers.next;
         l != &session->writers; l = l->next) {
        if (MCP_CALL_AT(l, at_session)->stream == stream) return true;
    }
    return false;
}

/* What the client missed; true: more may come. */
static bool replay(struct mcp_call_state *c, uint32_t stream, uint32_t after)
{
    for (const struct mcp_event *e = c->session->events; e; e = e->next) {
        if (e->stream == stream && e->sequence > after)
            mcp_emit_again(c, stream, e->sequence,
                           (struct slice){e->text, e->n});
    }
    return still_open(c->session, stream);
}

/* One stream of its own kind per session: a newer one takes its place, for
 * the client of the older has most likely gone unseen. */
static void supersede(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    for (struct mcp_call_link *l = s->listeners.next; l != &s->listeners;
         l = l->next) {
        struct mcp_call_state *old = MCP_CALL_AT(l, at_listeners);
        if (c->session && old->session == c->session &&
            old->follows == c->follows)
            (void)mcp_call_wake(old);
    }
    mcp_link_add(&s->listeners, &c->at_listeners);
}

/* Events of a resumed stream are those of a call; the stream of a session
 * itself has its own ids. Lock: server->lock is held; the call is parked, so
 * that an answer finds it from now on. */
static void join_session(struct mcp_call_state *c)
{
    uint32_t stream = 0, sequence = 0;
    bool more = true;
    if (c->session &&
        mcp_event_id_read(header(c->ex, "last-event-id"), &stream, &sequence)) {
        if (stream != GET_STREAM) c->follows = stream;
        more = replay(c, stream, sequence);
    }
    if (c->session && !c->follows) {
        c->stream = GET_STREAM;
        c->sequence = c->session->get_sequence;
    }
    supersede(c);
    if (!more) (void)mcp_call_wake(c);
}

static void open_get(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    c->listening = true;
    c->pub.cancel.deadline_ns = INT64_MAX;
    (void)c->ex->ops->open(c->ex, (struct slice){0}, 0);
    c->opened = true;
    if (mcp_call_park(c, -1, mcp_call_finish) != OK) {
        mcp_call_finish(c);
        return;
    }
    lock_take(&s->lock);
    join_session(c);
    lock_drop(&s->lock);
}

void mcp_receive_get(struct mcp_peer *peer, struct mcp_exchange *ex)
{
    struct slice accept = header(ex, "accept");
    ex->call = NULL;
    if (claims_modern(ex)) {
        refuse(ex, 405, -32600,
               "2026-07-28 has no GET: use subscriptions/listen");
        return;
    }
    if (accept.p &&
        slice_find(accept, SLICE("text/event-stream")) == accept.n &&
        slice_find(accept, SLICE("*/*")) == accept.n) {
        refuse(ex, 406, -32600, "a GET must accept text/event-stream");
        return;
    }
    struct mcp_call_state *c = mcp_call_take(peer, ex);
    if (!c) {
        mcp_receive_nomem(ex);
        return;
    }
    if (!named_session(c)) {
        c->fault = mcp_fault(MCP_FAULT_SESSION,
                             SLICE("Session not found: send initialize"));
        c->m.kind = MCP_REQUEST;
        mcp_call_finish(c);
        return;
    }
    if (c->session) c->revision = c->session->revision;
    open_get(c);
}

void mcp_receive_standing(struct mcp_peer *peer, struct mcp_exchange *ex)
{
    struct mcp_server *s = peer->server;
    bool speaks = (s->offers & (MCP_OFFERS_CHANGES | MCP_OFFERS_UPDATES)) != 0;
    struct mcp_call_state *c = speaks ? mcp_call_take(peer, ex) : NULL;
    if (!c) {
        ex->call = NULL;
        ex->ops->drop(ex);
        return;
    }
    c->listening = c->opened = true;
    c->pub.cancel.deadline_ns = INT64_MAX;
    peer->standing = c;
    lock_take(&s->lock);
    mcp_link_add(&s->listeners, &c->at_listeners);
    lock_drop(&s->lock);
    (void)mcp_call_park(c, -1, mcp_call_finish);
}
