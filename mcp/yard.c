/* The server's own loop: a thread with a mailbox and timers, for calls that
 * wait and for those whose exchange has ended while they go on. */
#include "mcp/call_state.h"

#include "base/clock.h"
#include "base/log.h"

static void yard_post(struct mcp_mailbox *box, struct mcp_mail *m)
{
    struct mcp_yard *y = (struct mcp_yard *)box;
    lock_take(&y->lock);
    m->next = NULL;
    *y->last = m;
    y->last = &m->next;
    cond_signal(&y->changed);
    lock_drop(&y->lock);
}

void mcp_yard_init(struct mcp_yard *y)
{
    lock_init(&y->lock, "mcp-yard", RANK_QUEUE);
    cond_init(&y->changed);
    y->mailbox.post = yard_post;
    y->last = &y->first;
    mcp_link_init(&y->timers);
    y->wakes_at = INT64_MAX;
}

/* --- timers --------------------------------------------------------------- */

/* Most deadlines come in the order in which they are set, and most are taken
 * back: the thread is told only of one before its next look. */
void mcp_yard_time(struct mcp_server *s, struct mcp_call_state *c,
                   int64_t due_ns)
{
    struct mcp_yard *y = &s->yard;
    struct mcp_call_link *at = y->timers.prev;
    c->due_ns = due_ns;
    while (at != &y->timers && MCP_CALL_AT(at, at_timers)->due_ns > c->due_ns)
        at = at->prev;
    mcp_link_add(at->next, &c->at_timers);
    c->timed = true;
    if (due_ns >= y->wakes_at) return;
    y->wakes_at = due_ns;
    lock_take(&y->lock);
    y->kicked = true;
    cond_signal(&y->changed);
    lock_drop(&y->lock);
}

void mcp_yard_untime(struct mcp_call_state *c)
{
    if (c->timed) mcp_link_del(&c->at_timers);
    c->timed = false;
}

/* Wakes what is due; when the next one is. */
static int64_t ring(struct mcp_server *s)
{
    struct mcp_call_link *timers = &s->yard.timers;
    int64_t next = INT64_MAX, now = clock_now();
    lock_take(&s->lock);
    while (timers->next != timers) {
        struct mcp_call_state *c = MCP_CALL_AT(timers->next, at_timers);
        next = c->due_ns;
        if (next > now) break;
        next = INT64_MAX;
        mcp_yard_untime(c);
        if (!mcp_call_wake(c)) mcp_bell_ring(c);
    }
    s->yard.wakes_at = next;
    lock_drop(&s->lock);
    return next;
}

/* --- the thread ------------------------------------------------------------ */

static void run_mail(struct mcp_mail *m)
{
    while (m) {
        struct mcp_mail *next = m->next;
        m->run(m);
        m = next;
    }
}

static void *yard_run(void *server)
{
    struct mcp_server *s = server;
    struct mcp_yard *y = &s->yard;
    bool stopping = false;
    log_thread_name("mcp-yard");
    while (!stopping) {
        int64_t next = ring(s);
        lock_take(&y->lock);
        while (!y->first && !y->stopping && !y->kicked &&
               cond_wait_until(&y->changed, &y->lock, next)) {}
        struct mcp_mail *m = y->first;
        y->first = NULL;
        y->last = &y->first;
        y->kicked = false;
        stopping = y->stopping && !m;
        lock_drop(&y->lock);
        run_mail(m);
    }
    return NULL;
}

enum err mcp_yard_begin(struct mcp_server *s)
{
    struct mcp_yard *y = &s->yard;
    enum err e = OK;
    lock_take(&y->lock);
    if (!y->begun) {
        mcp_peer_init(&y->peer, s, MCP_HTTP, "http");
        if (pthread_create(&y->thread, NULL, yard_run, s) != 0)
            e = ERR_UNAVAILABLE;
        y->begun = !e;
    }
    lock_drop(&y->lock);
    return e;
}

void mcp_yard_end(struct mcp_server *s)
{
    struct mcp_yard *y = &s->yard;
    lock_take(&y->lock);
    bool begun = y->begun;
    y->stopping = true;
    cond_signal(&y->changed);
    lock_drop(&y->lock);
    if (begun) {
        pthread_join(y->thread, NULL);
        mcp_lane_done(&y->peer.own);
    }
    cond_done(&y->changed);
    lock_done(&y->lock);
}

/* --- the exchange of those that have none ---------------------------------- */

static struct slice aside_header(struct mcp_exchange *ex, const char *name)
{
    (void)ex, (void)name;
    return (struct slice){0};
}

static void aside_reply(struct mcp_exchange *ex, int status,
                        const struct mcp_header *headers, size_t count,
                        struct slice body)
{
    (void)ex, (void)status, (void)headers, (void)count, (void)body;
}

static bool aside_open(struct mcp_exchange *ex, struct slice id,
                       int64_t retry_ms)
{
    (void)ex, (void)id, (void)retry_ms;
    return false;
}

static bool aside_event(struct mcp_exchange *ex, struct slice id,
                        struct slice message)
{
    (void)ex, (void)id, (void)message;
    return false;
}

static void aside_end(struct mcp_exchange *ex, struct slice id,
                      struct slice message)
{
    (void)ex, (void)id, (void)message;
}

static void aside_drop(struct mcp_exchange *ex)
{
    (void)ex;
}

static const struct mcp_exchange_ops aside_ops = {.name = "aside",
                                                  .header = aside_header,
                                                  .reply = aside_reply,
                                                  .open = aside_open,
                                                  .event = aside_event,
                                                  .end = aside_end,
                                                  .drop = aside_drop};

static void arrive(struct mcp_mail *m)
{
    struct mcp_call_state *c = MCP_CALL_AT(m, mail);
    c->home(c);
}

void mcp_yard_move(struct mcp_call_state *c,
                   void (*home)(struct mcp_call_state *c))
{
    c->ex->call = NULL;
    c->aside = (struct mcp_exchange){.ops = &aside_ops, .call = c};
    c->ex = &c->aside;
    c->mailbox = &c->pub.server->yard.mailbox;
    c->peer = &c->pub.server->yard.peer;
    c->lost = false;
    c->home = home;
    c->mail = (struct mcp_mail){.run = arrive};
    c->mailbox->post(c->mailbox, &c->mail);
}
