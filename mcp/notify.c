/* Messages before an answer, and streams of messages: the outbox of a call,
 * progress, log lines, subscriptions and what they are told.
 *
 * Any thread puts a message into a call's outbox; mail brings the loop to
 * empty it. In a session an event has an id and is kept for a client that
 * comes back for it. */
#include <stdio.h>

#include "base/clock.h"
#include "mcp/call_state.h"
#include "mcp/reply.h"

enum {
    RETRY_MS = 1000,               /* before a client resumes a stream */
    PROGRESS_MIN_NS = 10 * 1000000 /* between two reports of one call */
};

#define PROGRESS_BEAT 0.001

/* An entry of an outbox; the message follows. */
struct entry {
    uint32_t stream, sequence; /* the event's id; stream 0: none */
    size_t n;
};

/* --- the outbox ----------------------------------------------------------- */

static void flush_mail(struct mcp_mail *m)
{
    struct mcp_call_state *c = MCP_CALL_AT(m, flush);
    struct mcp_server *s = c->pub.server;
    mcp_flush(c);
    lock_take(&s->lock);
    void (*then)(struct mcp_call_state *) = c->after_flush;
    c->flushing = false;
    c->after_flush = NULL;
    lock_drop(&s->lock);
    if (then) then(c);
}

/* Too much for a reader that does not read: a stream that stays open ends,
 * its client will open it again; a call loses its news. */
static void post_entry(struct mcp_call_state *c, struct entry head,
                       struct slice message)
{
    c->emitted = true;
    if (!buf_reserve(&c->outbox, sizeof(head) + message.n)) {
        c->overrun = true;
        if (c->listening) (void)mcp_call_wake(c);
        return;
    }
    head.n = message.n;
    buf_put(&c->outbox, (struct slice){(const char *)&head, sizeof(head)});
    buf_put(&c->outbox, message);
    if (c->flushing) return;
    c->flushing = true;
    c->flush = (struct mcp_mail){.run = flush_mail};
    c->mailbox->post(c->mailbox, &c->flush);
}

void mcp_emit_again(struct mcp_call_state *c, uint32_t stream,
                    uint32_t sequence, struct slice message)
{
    post_entry(c, (struct entry){.stream = stream, .sequence = sequence},
               message);
}

struct mcp_call_state *mcp_follower(struct mcp_server *s,
                                    const struct mcp_session *session,
                                    uint32_t stream)
{
    for (struct mcp_call_link *l = s->listeners.next; l != &s->listeners;
         l = l->next) {
        struct mcp_call_state *c = MCP_CALL_AT(l, at_listeners);
        if (c->session == session && c->follows == stream && c->parked)
            return c;
    }
    return NULL;
}

static bool resumable(const struct mcp_call_state *c)
{
    return c->session && c->peer->kind == MCP_HTTP &&
           !mcp_revision_is_modern(c->revision);
}

void mcp_emit_locked(struct mcp_call_state *c, struct slice message)
{
    struct mcp_server *s = c->pub.server;
    struct mcp_call_state *f = NULL;
    struct entry head = {0};
    char id[32];
    if (c->deaf) return;
    if (resumable(c)) {
        if (!c->stream) c->stream = ++c->session->streams;
        head.stream = c->stream;
        head.sequence = ++c->sequence;
        if (c->listening) c->session->get_sequence = c->sequence;
        (void)mcp_session_keep(s, c->session, head.stream, head.sequence,
                               message, id);
        f = mcp_follower(s, c->session, c->stream);
    }
    post_entry(c, head, message);
    if (f) post_entry(f, head, message);
}

void mcp_emit(struct mcp_call_state *c, struct slice message)
{
    lock_take(&c->pub.server->lock);
    mcp_emit_locked(c, message);
    lock_drop(&c->pub.server->lock);
}

static struct slice event_id(const struct entry *e, char id[32])
{
    if (!e->stream) return (struct slice){0};
    return mcp_session_id_of(e->stream, e->sequence, id);
}

static void open_stream(struct mcp_call_state *c)
{
    char id[32];
    struct entry first = {.stream = c->stream};
    struct slice text = {0};
    if (c->opened) return;
    c->opened = true;
    if (!resumable(c) || c->listening) return;
    if (mcp_revision_primes(c->revision)) text = event_id(&first, id);
    (void)c->ex->ops->open(c->ex, text, RETRY_MS);
}

void mcp_flush(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    struct buf out;
    char id[32];
    lock_take(&s->lock);
    out = c->outbox;
    c->outbox = BUF_INIT(out.ceiling);
    lock_drop(&s->lock);
    bool fine = !c->answered;
    for (size_t at = 0; at < out.n && fine;) {
        struct entry head;
        memcpy(&head, out.p + at, sizeof(head));
        at += sizeof(head);
        open_stream(c);
        fine = c->ex->ops->event(c->ex, event_id(&head, id),
                                 (struct slice){out.p + at, head.n});
        at += head.n;
    }
    buf_done(&out);
    if (fine || !c->listening) return;
    lock_take(&s->lock);
    c->lost = true; /* a reader that does not read */
    (void)mcp_call_wake(c);
    lock_drop(&s->lock);
}

bool mcp_flush_first(struct mcp_call_state *c,
                     void (*then)(struct mcp_call_state *c))
{
    struct mcp_server *s = c->pub.server;
    lock_take(&s->lock);
    mcp_link_del(&c->at_listeners); /* from now on nothing new */
    bool wait = c->flushing;
    if (wait) c->after_flush = then;
    lock_drop(&s->lock);
    return wait;
}

/* An answer that was nothing but one message so far may become a stream. */
static bool becomes_stream(struct mcp_call_state *c, int status)
{
    struct mcp_server *s = c->pub.server;
    if (!s->config.answers_resume || status != 200 || c->announce ||
        c->m.kind != MCP_REQUEST)
        return false;
    lock_take(&s->lock);
    c->stream = ++c->session->streams;
    lock_drop(&s->lock);
    open_stream(c);
    return true;
}

bool mcp_end_stream(struct mcp_call_state *c, int status)
{
    struct mcp_server *s = c->pub.server;
    struct mcp_exchange *ex = c->ex;
    struct slice body = buf_slice(&c->reply);
    char id[32];
    if (!resumable(c) || !body.n) return false;
    if (!c->stream && !becomes_stream(c, status)) return false;
    lock_take(&s->lock);
    struct entry head = {.stream = c->stream, .sequence = ++c->sequence};
    (void)mcp_session_keep(s, c->session, c->stream, head.sequence, body,
                           id);
    struct mcp_call_state *f = mcp_follower(s, c->session, c->stream);
    if (f) post_entry(f, head, body);
    mcp_session_quiet(c);
    lock_drop(&s->lock);
    if (!c->opened && c->ex != &c->aside)
        return false; /* nothing was sent yet: a plain answer does */
    ex->ops->end(ex, event_id(&head, id), body);
    return true;
}

/* --- progress and log lines ----------------------------------------------- */

static struct json_writer notification(struct buf *b, const char *method)
{
    struct json_writer w = json_writer(b);
    json_begin_object(&w);
    json_put_string(&w, "jsonrpc", SLICE("2.0"));
    json_put_string(&w, "method", slice_of(method));
    json_key(&w, SLICE("params"));
    json_begin_object(&w);
    return w;
}

static void send_locked(struct mcp_call_state *c, struct buf *b,
                        struct json_writer *w)
{
    json_end_object(w);
    json_end_object(w);
    if (!b->err) mcp_emit_locked(c, buf_slice(b));
    buf_done(b);
}

static void send(struct mcp_call_state *c, struct buf *b, struct json_writer *w)
{
    lock_take(&c->pub.server->lock);
    send_locked(c, b, w);
    lock_drop(&c->pub.server->lock);
}

/* What is told never falls, whoever tells it: so it is written and sent in
 * one step. Lock: server->lock is held */
static void progress_locked(struct mcp_call_state *c, double progress,
                            double total, struct slice message, int64_t now)
{
    struct mcp_server *s = c->pub.server;
    struct buf b = BUF_INIT(64 << 10);
    c->progress = progress;
    c->progress_ns = now;
    struct json_writer w = notification(&b, "notifications/progress");
    json_put_raw(&w, "progressToken", c->token->raw);
    json_key(&w, SLICE("progress"));
    json_number(&w, progress);
    if (total > 0) {
        json_key(&w, SLICE("total"));
        json_number(&w, total);
    }
    if (message.n && mcp_revision_has_progress_text(c->revision))
        json_put_string(&w, "message", message);
    atomic_fetch_add_explicit(&s->counts.progress, 1, memory_order_relaxed);
    send_locked(c, &b, &w);
}

/* Lock: server->lock is held */
static void report(struct mcp_call_state *c, double progress, double total,
                   struct slice message, int64_t now)
{
    bool first = !c->progress_ns, last = total > 0 && progress >= total;
    bool grows = first || progress > c->progress;
    bool soon = !first && !last && now - c->progress_ns < PROGRESS_MIN_NS;
    if (c->token && !c->task && grows && !soon)
        progress_locked(c, progress, total, message, now);
}

/* Who waits for the same work hears of it too. */
void mcp_progress(struct mcp_call *call, double progress, double total,
                  struct slice message)
{
    struct mcp_call_state *c = (struct mcp_call_state *)call;
    struct mcp_server *s = c->pub.server;
    int64_t now = clock_now();
    lock_take(&s->lock);
    report(c, progress, total, message, now);
    for (struct mcp_call_link *l = c->followers.next; l != &c->followers;
         l = l->next)
        report(MCP_CALL_AT(l, at_flight), progress, total, message, now);
    lock_drop(&s->lock);
}

void mcp_progress_part(struct mcp_call *call, struct slice message)
{
    struct mcp_call_state *c = (struct mcp_call_state *)call;
    struct mcp_server *s = c->pub.server;
    int64_t now = clock_now();
    lock_take(&s->lock);
    if (c->token && !c->task)
        progress_locked(c, c->progress + 1, 0, message, now);
    for (struct mcp_call_link *l = c->followers.next; l != &c->followers;
         l = l->next) {
        struct mcp_call_state *f = MCP_CALL_AT(l, at_flight);
        if (f->token) progress_locked(f, f->progress + 1, 0, message, now);
    }
    lock_drop(&s->lock);
}

/* So small a step that what the tool itself reports next is still more. */
void mcp_progress_beat(struct mcp_call_state *c, int64_t now)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "at work for %d s",
                   (int)((now - c->arrived_ns) / NS_PER_S));
    progress_locked(c, c->progress + PROGRESS_BEAT, 0, slice_of(text), now);
}

static const char *const level_names[] = {"debug",   "info",     "notice",
                                          "warning", "error",    "critical",
                                          "alert",   "emergency"};

enum mcp_log_level mcp_log_level_of(struct slice name)
{
    for (unsigned i = 0; name.n && i < MCP_LOG_SILENT; i++) {
        if (slice_eq(name, slice_of(level_names[i])))
            return (enum mcp_log_level)i;
    }
    return MCP_LOG_SILENT;
}

static enum mcp_log_level wanted_level(struct mcp_call_state *c)
{
    if (!c->session) return c->log_level;
    lock_take(&c->pub.server->lock);
    enum mcp_log_level level = c->session->log_level;
    lock_drop(&c->pub.server->lock);
    return level;
}

void mcp_log(struct mcp_call *call, enum mcp_log_level level,
             struct slice logger, struct slice text)
{
    struct mcp_call_state *c = (struct mcp_call_state *)call;
    struct buf b = BUF_INIT(256 << 10);
    if (c->task || level >= MCP_LOG_SILENT || level < wanted_level(c)) return;
    struct json_writer w = notification(&b, "notifications/message");
    json_put_string(&w, "level", slice_of(level_names[level]));
    if (logger.n) json_put_string(&w, "logger", logger);
    json_put_string(&w, "data", text);
    send(c, &b, &w);
}

/* --- telling everybody ---------------------------------------------------- */

static void put_subscription(struct json_writer *w, struct mcp_call_state *l)
{
    if (!mcp_revision_is_modern(l->revision)) return;
    json_key(w, SLICE("_meta"));
    json_begin_object(w);
    json_put_raw(w, "io.modelcontextprotocol/subscriptionId", l->m.id->raw);
    json_end_object(w);
}

/* `members` are ready JSON members of params. Lock: server->lock is held */
static void tell(struct mcp_call_state *l, const char *method,
                 struct slice members)
{
    struct buf b = BUF_INIT(32 << 20);
    struct json_writer w = notification(&b, method);
    json_raw_members(&w, members);
    put_subscription(&w, l);
    json_end_object(&w);
    json_end_object(&w);
    if (!b.err) mcp_emit_locked(l, buf_slice(&b));
    buf_done(&b);
}

static bool listed(const struct mcp_strings *names, struct slice name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (slice_eq(names->items[i], name)) return true;
    }
    return false;
}

static bool is_plain(const struct mcp_call_state *l)
{
    return !mcp_revision_is_modern(l->revision) && l->session && !l->follows;
}

void mcp_changed(struct mcp_server *s, enum mcp_change what)
{
    static const char *const methods[] = {
        [MCP_TOOLS_CHANGED] = "notifications/tools/list_changed",
        [MCP_PROMPTS_CHANGED] = "notifications/prompts/list_changed",
        [MCP_RESOURCES_CHANGED] = "notifications/resources/list_changed"};
    lock_take(&s->lock);
    for (struct mcp_call_link *n, *l = s->listeners.next; l != &s->listeners;
         l = n) {
        struct mcp_call_state *c = MCP_CALL_AT(l, at_listeners);
        n = l->next;
        if (is_plain(c) || c->filter.changes[what])
            tell(c, methods[what], (struct slice){0});
    }
    lock_drop(&s->lock);
}

void mcp_updated(struct mcp_server *s, struct slice uri)
{
    struct buf b = BUF_INIT(64 << 10);
    buf_puts(&b, "\"uri\":\"");
    json_escape(&b, uri);
    buf_putc(&b, '"');
    lock_take(&s->lock);
    for (struct mcp_call_link *n, *l = s->listeners.next; l != &s->listeners;
         l = n) {
        struct mcp_call_state *c = MCP_CALL_AT(l, at_listeners);
        n = l->next;
        if (is_plain(c) ? map_get(&c->session->uris, uri) != NULL
                        : listed(&c->filter.uris, uri))
            tell(c, "notifications/resources/updated", buf_slice(&b));
    }
    lock_drop(&s->lock);
    buf_done(&b);
}

static void each_watched(const struct mcp_call_state *c,
                         void (*each)(void *ctx, struct slice uri), void *ctx)
{
    size_t at = 0;
    struct slice uri;
    void *copy;
    for (size_t i = 0; i < c->filter.uris.count; i++)
        each(ctx, c->filter.uris.items[i]);
    if (!is_plain(c)) return;
    while (map_next(&c->session->uris, &at, &uri, &copy)) each(ctx, uri);
}

void mcp_watched(struct mcp_server *s,
                 void (*each)(void *ctx, struct slice uri), void *ctx)
{
    lock_take(&s->lock);
    for (struct mcp_call_link *l = s->listeners.next; l != &s->listeners;
         l = l->next)
        each_watched(MCP_CALL_AT(l, at_listeners), each, ctx);
    lock_drop(&s->lock);
}

void mcp_tell_task(struct mcp_server *s, struct slice id, struct slice body)
{
    for (struct mcp_call_link *n, *l = s->listeners.next; l != &s->listeners;
         l = n) {
        struct mcp_call_state *c = MCP_CALL_AT(l, at_listeners);
        n = l->next;
        if (listed(&c->filter.tasks, id)) tell(c, "notifications/tasks", body);
    }
}

/* --- subscriptions/listen ------------------------------------------------- */

static enum err bad(struct mcp_call_state *c, const char *why)
{
    return mcp_call_fault(c, mcp_fault(MCP_FAULT_PARAMS, slice_of(why)));
}

static enum err read_names(struct mcp_call_state *c, const struct json *v,
                           struct mcp_strings *ret)
{
    if (!v || json_is(v, JSON_NULL)) return OK;
    if (!json_is(v, JSON_ARRAY))
        return bad(c,
                   "resourceSubscriptions and taskIds are arrays of strings");
    struct slice *items =
        ARENA_ARRAY(&c->pub.arena, struct slice, v->count + 1);
    if (!items) return ERR_NOMEM;
    for (uint32_t i = 0; i < v->count; i++) {
        if (!json_is(&v->items[i], JSON_STRING))
            return bad(c, "resourceSubscriptions and taskIds are arrays of "
                          "strings");
        items[i] = v->items[i].text;
    }
    *ret = (struct mcp_strings){items, v->count};
    return OK;
}

static const struct change_row {
    struct slice name;
    unsigned offer; /* enum mcp_offer */
} change_rows[] = {
    [MCP_TOOLS_CHANGED] = {SLICE_INIT("toolsListChanged"), MCP_OFFERS_TOOLS},
    [MCP_PROMPTS_CHANGED] = {SLICE_INIT("promptsListChanged"),
                             MCP_OFFERS_PROMPTS},
    [MCP_RESOURCES_CHANGED] = {SLICE_INIT("resourcesListChanged"),
                               MCP_OFFERS_RESOURCES},
};

enum err mcp_listen_begin(struct mcp_call_state *c)
{
    unsigned offers = c->pub.server->offers;
    struct mcp_filter *f = &c->filter;
    const struct json *n = json_get(c->m.params, SLICE("notifications"));
    const struct json *tasks = json_get(n, SLICE("taskIds"));
    if (!json_is(n, JSON_OBJECT))
        return bad(c, "params.notifications must be an object");
    for (size_t i = 0; i < 3; i++) {
        const struct json *v = json_get(n, change_rows[i].name);
        if (v && !json_is_bool(v) && !json_is(v, JSON_NULL))
            return bad(c, "toolsListChanged, promptsListChanged and "
                          "resourcesListChanged are true or false");
        f->changes[i] = json_is(v, JSON_TRUE) &&
                        (offers & MCP_OFFERS_CHANGES) &&
                        (offers & change_rows[i].offer);
    }
    enum err e = read_names(c, json_get(n, SLICE("resourceSubscriptions")),
                            &f->uris);
    if (!(offers & MCP_OFFERS_UPDATES)) f->uris.count = 0;
    if (e || !tasks || !(offers & MCP_OFFERS_TASKS)) return e;
    if (!(c->can & MCP_CAN_TASKS)) return mcp_client_lacks(c, MCP_CAN_TASKS);
    return read_names(c, tasks, &f->tasks);
}

static void put_names(struct json_writer *w, const char *key,
                      const struct mcp_strings *names)
{
    if (!names->count) return;
    json_key(w, slice_of(key));
    json_begin_array(w);
    for (size_t i = 0; i < names->count; i++) json_string(w, names->items[i]);
    json_end_array(w);
}

/* The first message, before anything the subscription is told. */
static void acknowledge(struct mcp_call_state *c)
{
    struct buf b = BUF_INIT(32 << 20);
    struct json_writer w =
        notification(&b, "notifications/subscriptions/acknowledged");
    json_key(&w, SLICE("notifications"));
    json_begin_object(&w);
    for (size_t i = 0; i < 3; i++) {
        if (!c->filter.changes[i]) continue;
        json_key(&w, change_rows[i].name);
        json_bool(&w, true);
    }
    put_names(&w, "resourceSubscriptions", &c->filter.uris);
    put_names(&w, "taskIds", &c->filter.tasks);
    json_end_object(&w);
    put_subscription(&w, c);
    send(c, &b, &w);
}

/* Stays open until the client leaves or the server stops. */
enum err mcp_listen_run(struct mcp_call_state *c)
{
    acknowledge(c);
    c->listening = true;
    c->pub.cancel.deadline_ns = INT64_MAX;
    lock_take(&c->pub.server->lock);
    mcp_link_add(&c->pub.server->listeners, &c->at_listeners);
    lock_drop(&c->pub.server->lock);
    return ERR_WAITING;
}

void mcp_listen_render(struct mcp_call_state *c, enum err e)
{
    (void)e;
    mcp_reply_listen_end(&c->reply, c->m.id);
}
