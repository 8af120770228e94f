#include "transport/http_conn.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "transport/gone.h"
#include "transport/loop.h"

enum { REFUSALS_MAX = 64, LINGER_MS = 1000 };
static const struct timeval sweep_every = {.tv_usec = 250000};

static void hold(struct conn *c, size_t n)
{
    c->held += n;
    c->http->held += n;
}

static void hold_nothing(struct conn *c)
{
    c->http->held -= c->held;
    c->held = 0;
}

static void conn_unlink(struct conn *c)
{
    struct tp_http *h = c->http;
    hold_nothing(c);
    if (c->prev)
        c->prev->next = c->next;
    else
        h->conns = c->next;
    if (c->next) c->next->prev = c->prev;
    if (h->born == c) h->born = c->next;
    if (h->conns) return;
    event_del(h->sweep); /* an idle process does not wake */
    atomic_store_explicit(&h->idle_since, 0, memory_order_relaxed);
}

/* Not freed here: mcp/, which has just ended the exchange, may still be at
 * work on the peer further up the stack. */
void tp__conn_release(struct conn *c)
{
    if (!c->closed || c->open_call || c->ask || c->hold) return;
    conn_unlink(c);
    c->next = c->http->dead;
    c->http->dead = c;
    event_active(c->http->adopt, EV_TIMEOUT, 1);
}

const char *tp_closed_name(enum tp_closed why)
{
    static const char *const names[] = {
        [TP_CLOSED_PEER] = "peer",   [TP_CLOSED_IDLE] = "idle",
        [TP_CLOSED_STALL] = "stall", [TP_CLOSED_LIMIT] = "limit",
        [TP_CLOSED_ERROR] = "error", [TP_CLOSED_SHUTDOWN] = "shutdown"};
    return names[why];
}

const char *tp_refused_name(enum tp_refused why)
{
    static const char *const names[] = {
        [TP_REFUSED_LIMIT] = "limit", [TP_REFUSED_ADDRESS] = "address"};
    return names[why];
}

void tp__conn_bury(struct tp_http *h)
{
    struct conn *c;
    while ((c = h->dead) != NULL) {
        h->dead = c->next;
        mcp_peer_free(c->peer);
        tp_unread_done(&c->unread);
        mem_free(c);
    }
}

void tp__conn_phase(struct conn *c, enum conn_phase p)
{
    c->phase = p;
    c->since = clock_coarse();
    c->bytes = 0;
    if (p != CONN_PENDING) hold_nothing(c);
}

static enum tp_closed why_closed(const struct conn *c)
{
    if (c->why) return c->why;
    if (atomic_load_explicit(&c->http->refusing, memory_order_relaxed))
        return TP_CLOSED_SHUTDOWN;
    if (c->refused) return TP_CLOSED_LIMIT;
    if (c->overrun) return TP_CLOSED_STALL;
    return c->early ? TP_CLOSED_ERROR : TP_CLOSED_PEER;
}

/* A client that leaves is nothing to tell of: most do after one answer. */
static void tell_closed(const struct conn *c, enum tp_closed why)
{
    int64_t now = clock_now();
    LOG_AT(why == TP_CLOSED_PEER ? LOG_DEBUG : LOG_INFO, "http",
           "connection closed", LOG_I("serial", (int64_t)c->serial),
           LOG_C("reason", tp_closed_name(why)),
           LOG_I("age_ms", (now - c->opened) / NS_PER_MS),
           LOG_I("idle_ms", (now - c->since) / NS_PER_MS),
           LOG_I("calls", (int64_t)c->calls),
           LOG_I("bytes", (int64_t)(c->received + c->unread.sent)));
}

static void count_closed(struct conn *c, enum tp_closed why)
{
    struct tp_http *h = c->http;
    atomic_fetch_sub_explicit(&h->open, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->closed[why], 1, memory_order_relaxed);
    tp__conn_streams(c, false);
}

void tp__conn_streams(struct conn *c, bool streams)
{
    if (c->streaming == streams) return;
    c->streaming = streams;
    atomic_fetch_add_explicit(&c->http->streams, streams ? 1 : UINT32_MAX,
                              memory_order_relaxed);
}

static void on_place(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    (void)ctx;
}

void tp__conn_keep(struct conn *c)
{
    struct tp_http *h = c->http;
    if (c->keeps || !c->place || event_add(c->place, NULL) != 0) return;
    c->keeps = true;
    c->hold++;
    c->kept = h->kept;
    h->kept = c;
    if (!c->kept) event_active(h->flush, EV_TIMEOUT, 1);
}

void tp__conn_let_go(struct tp_http *h)
{
    struct conn *c;
    while ((c = h->kept) != NULL) {
        h->kept = c->kept;
        c->keeps = false;
        if (c->place) event_del(c->place);
        c->hold--;
        tp__conn_release(c);
    }
}

/* evhttp frees connections on its own account; this is how we hear of it,
 * with the descriptor still open. A request that is with us was detached by
 * evhttp before: it is ours then, and its headers stay readable until the
 * exchange has ended. One that was not detached is freed right after. */
static void on_closed(struct evhttp_connection *evcon, void *ctx)
{
    struct conn *c = ctx;
    struct tp_http *h = c->http;
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(evcon));
    enum tp_closed why = why_closed(c);
    tell_closed(c, why);
    count_closed(c, why);
    if (c->watched) tp_gone_forget(h->gone, fd, c);
    c->watched = false;
    if (c->phase == CONN_PENDING || c->phase == CONN_SENDING)
        atomic_fetch_sub_explicit(&h->busy, 1, memory_order_relaxed);
    h->by_fd[fd] = NULL;
    if (c->place) event_free(c->place);
    c->place = NULL;
    c->closed = true;
    c->evcon = NULL;
    c->bev = NULL;
    if (c->req && evhttp_request_get_connection(c->req)) c->req = NULL;
    if (c->open_call) mcp_exchange_lost(&c->ex);
    tp__page_left(c);
    tp__conn_release(c);
}

static bool by_fd_put(struct tp_http *h, int fd, struct conn *c)
{
    size_t want = (size_t)fd + 1;
    if (want > h->by_fd_n) {
        want += want / 2 + 16;
        struct conn **grown = mem_realloc(h->by_fd, want * sizeof(*grown));
        if (!grown) return false;
        memset(grown + h->by_fd_n, 0, (want - h->by_fd_n) * sizeof(*grown));
        h->by_fd = grown;
        h->by_fd_n = want;
    }
    h->by_fd[fd] = c;
    return true;
}

struct conn *tp__conn_find(struct tp_http *h, struct evhttp_request *req)
{
    struct evhttp_connection *evcon = evhttp_request_get_connection(req);
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(evcon));
    struct conn *c = fd >= 0 && (size_t)fd < h->by_fd_n ? h->by_fd[fd] : NULL;
    return c && c->evcon == evcon ? c : NULL;
}

/* It is told why, and not read any more until the sweep closes it. evhttp is
 * not asked for it either: it would enable reading again. (A mark that the
 * bytes are over makes libevent call for them without end.) */
static void read_no_more(struct conn *c, int status)
{
    bufferevent_data_cb written;
    bufferevent_event_cb event;
    void *arg;
    bufferevent_getcb(c->bev, NULL, &written, &event, &arg);
    bufferevent_setcb(c->bev, NULL, written, event, arg);
    bufferevent_disable(c->bev, EV_READ);
    tp__http_tell(c, status);
}

/* The head as it comes, and how chunks are framed. A body that will be too
 * long is refused before it is read: evhttp says so only at its end, and there
 * may be none. Neither may there be one of the line before a chunk. */
static void head_read(struct conn *c, struct evbuffer *in, size_t from)
{
    struct evbuffer_iovec part;
    struct evbuffer_ptr at;
    size_t n = evbuffer_get_length(in);
    while ((from += tp_head_pass(&c->head, n - from)) < n &&
           evbuffer_ptr_set(in, &at, from, EVBUFFER_PTR_SET) == 0 &&
           evbuffer_peek(in, -1, &at, &part, 1) > 0 && part.iov_len > 0) {
        tp_head_feed(&c->head, (struct slice){part.iov_base, part.iov_len});
        from += part.iov_len;
    }
    if (c->head.ended && c->head.length > c->http->c.body_max && !c->early)
        tp__http_tell(c, 413);
    if (c->head.torn && !c->early) read_no_more(c, 400);
}

void tp__conn_begins(struct conn *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    tp__conn_phase(c, CONN_READING);
    tp__conn_keep(c);
    c->bytes = evbuffer_get_length(in);
    hold(c, c->bytes);
    c->head = (struct tp_head){0};
    head_read(c, in, 0);
}

/* Each message is bounded; so is what all of them take together. */
static void hold_more(struct conn *c, size_t n)
{
    const struct tp_http *h = c->http;
    hold(c, n);
    if (h->held <= h->c.in_max || c->held <= h->c.headers_max || c->early)
        return;
    log_warn("http", "request refused: too much is being sent at once",
             LOG_I("held", (int64_t)h->held), LOG_I("status", 503));
    read_no_more(c, 503);
}

/* Bytes of a message have come. */
static void on_input(struct evbuffer *in, const struct evbuffer_cb_info *info,
                     void *ctx)
{
    struct conn *c = ctx;
    if (info->n_added == 0) return;
    c->heard = clock_coarse();
    c->received += info->n_added;
    if (c->phase == CONN_IDLE) {
        tp__conn_begins(c);
        return;
    }
    c->bytes += info->n_added;
    if (c->phase != CONN_READING) return;
    head_read(c, in, info->orig_size);
    hold_more(c, info->n_added);
}

static uint32_t open_now(const struct tp_http *h)
{
    return atomic_load_explicit(&h->open, memory_order_relaxed);
}

static void conn_limits(struct tp_http *h, struct bufferevent *bev)
{
    /* evhttp bounds a body and a head, and we the line that gives the size of
     * a chunk: this bounds whatever is not consumed, for whatever reason. */
    bufferevent_setwatermark(bev, EV_READ, 0, h->c.body_max + h->c.headers_max);
}

static bool watch_bytes(struct bufferevent *bev, struct conn *c)
{
    struct evbuffer *in = bufferevent_get_input(bev);
    struct evbuffer *out = bufferevent_get_output(bev);
    if (!evbuffer_add_cb(in, on_input, c)) return false;
    if (evbuffer_add_cb(out, tp__http_early, c)) return true;
    evbuffer_remove_cb(in, on_input, c);
    return false;
}

static void conn_refuse(struct conn *c, enum tp_refused reason, const char *why)
{
    c->refused = why;
    atomic_fetch_add_explicit(&c->http->refused[reason], 1,
                              memory_order_relaxed);
}

/* evhttp asks for the bufferevent of a connection it has accepted. The
 * connection itself exists only after we return: see conn_adopt_all. */
struct bufferevent *tp__conn_new(struct event_base *base, void *http)
{
    struct tp_http *h = http;
    struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
    struct conn *c = MEM_NEW(struct conn);
    struct mcp_peer *peer =
        c && bev ? mcp_peer_new(h->c.server, MCP_HTTP, "http") : NULL;
    if (!peer || !watch_bytes(bev, c)) {
        mcp_peer_free(peer);
        mem_free(c);
        return bev; /* an unknown connection is evhttp's alone */
    }
    conn_limits(h, bev);
    *c = (struct conn){
        .ex = {.ops = &tp__http_ops, .mailbox = tp_loop_mailbox(h->c.loop)},
        .http = h,
        .peer = peer,
        .bev = bev,
        .opened = clock_coarse(),
        .next = h->conns};
    tp__conn_phase(c, CONN_IDLE);
    if (h->conns)
        h->conns->prev = c;
    else
        event_add(h->sweep, &sweep_every);
    h->conns = c;
    if (open_now(h) >= h->c.conns_max)
        conn_refuse(c, TP_REFUSED_LIMIT,
                    "OVER_CAPACITY: too many connections (conn.max)");
    c->serial =
        1 + atomic_fetch_add_explicit(&h->opened, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->open, 1, memory_order_relaxed);
    bufferevent_incref(bev); /* until adopted: evhttp may fail meanwhile */
    event_active(h->adopt, EV_TIMEOUT, 1);
    return bev;
}

static bool same_address(const struct sockaddr_storage *a,
                         const struct sockaddr_storage *b)
{
    const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
    const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
    if (a->ss_family != b->ss_family) return false;
    if (a->ss_family == AF_INET)
        return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    return a->ss_family == AF_INET6 &&
           memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

static bool is_loopback(const struct sockaddr_storage *a)
{
    const struct sockaddr_in *a4 = (const void *)a;
    const struct sockaddr_in6 *a6 = (const void *)a;
    const unsigned char *tail = a6->sin6_addr.s6_addr;
    if (a->ss_family == AF_INET) return ntohl(a4->sin_addr.s_addr) >> 24 == 127;
    return a->ss_family == AF_INET6 &&
           (IN6_IS_ADDR_LOOPBACK(&a6->sin6_addr) ||
            (IN6_IS_ADDR_V4MAPPED(&a6->sin6_addr) && tail[12] == 127));
}

/* One address shall not keep all others out; local clients share theirs. */
static void address_check(struct conn *c, int fd)
{
    struct tp_http *h = c->http;
    socklen_t n = sizeof(c->from);
    uint32_t others = 0;
    if (c->refused || getpeername(fd, (struct sockaddr *)&c->from, &n) != 0)
        return;
    bool local = is_loopback(&c->from);
    uint32_t most = local ? h->c.per_loopback : h->c.per_address;
    if (!most) return;
    for (const struct conn *o = h->conns; o; o = o->next)
        others += o != c && !o->closed && same_address(&o->from, &c->from);
    if (others >= most)
        conn_refuse(c, TP_REFUSED_ADDRESS,
                    local ? "OVER_CAPACITY: too many connections of one "
                            "address (conn.max_per_address_loopback)"
                          : "OVER_CAPACITY: too many connections of one "
                            "address (conn.max_per_address)");
}

/* Finds evhttp's connection, which is the argument of the callbacks it has
 * set on our bufferevent, and asks to be told when it goes. Runs right after
 * the accept, before any byte of the connection is read. No callbacks: evhttp
 * ran out of memory in between and the connection is gone already. */
static void conn_adopt(struct conn *c)
{
    struct tp_http *h = c->http;
    void *evcon = NULL;
    bufferevent_getcb(c->bev, NULL, NULL, NULL, &evcon);
    struct bufferevent *bev = c->bev;
    int fd = bufferevent_getfd(bev);
    if (evcon && by_fd_put(h, fd, c)) {
        address_check(c, fd);
        c->evcon = evcon;
        c->place = event_new(tp_loop_base(h->c.loop), fd, EV_READ, on_place, c);
        evhttp_connection_set_closecb(c->evcon, on_closed, c);
        bufferevent_decref(bev);
        if (open_now(h) > h->c.conns_max + REFUSALS_MAX)
            evhttp_connection_free(c->evcon);
        return;
    }
    count_closed(c, TP_CLOSED_ERROR);
    evbuffer_remove_cb(bufferevent_get_input(bev), on_input, c);
    evbuffer_remove_cb(bufferevent_get_output(bev), tp__http_early, c);
    bufferevent_decref(bev);
    c->closed = true;
    tp__conn_release(c);
}

void tp__conn_adopt_all(struct tp_http *h)
{
    struct conn *next;
    for (struct conn *c = h->conns; c != h->born; c = next) {
        next = c->next;
        conn_adopt(c);
    }
    h->born = h->conns;
}

/* --- time ---------------------------------------------------------------- */

/* A client that is still sending when it is refused would not see why if the
 * connection were closed at once. */
static bool lingered(const struct conn *c, int64_t now)
{
    return c->early && c->phase == CONN_READING &&
           now - c->heard >= LINGER_MS * NS_PER_MS;
}

/* How long the connection may stay as it is, or 0: as long as it likes. */
static int64_t patience_ms(const struct conn *c)
{
    const struct tp_http_config *o = &c->http->c;
    if (c->phase == CONN_IDLE) return o->idle_ms;
    /* The last resort: every limit inside it answers earlier. */
    if (c->phase == CONN_PENDING && c->open_call && !c->streaming)
        return o->exchange_ms;
    if (c->phase != CONN_READING) return 0;
    return c->bytes > o->headers_max ? o->body_ms : o->header_ms;
}

/* Not by shutting the socket down: a connection whose input has reached its
 * bound is not read any more and would not see its end. */
static void conn_expire(struct conn *c, int64_t age_ms)
{
    static const enum tp_closed why[] = {[CONN_IDLE] = TP_CLOSED_IDLE,
                                         [CONN_READING] = TP_CLOSED_STALL,
                                         [CONN_PENDING] = TP_CLOSED_ERROR,
                                         [CONN_SENDING] = TP_CLOSED_STALL};
    if (c->phase == CONN_PENDING)
        log_warn("http", "no answer within timeout.transport_ms",
                 LOG_I("age_ms", age_ms));
    if (!c->early) c->why = why[c->phase];
    if (c->phase == CONN_READING && !c->early) tp__http_tell(c, 408);
    evhttp_connection_free(c->evcon);
}

static bool output_waits(const struct conn *c)
{
    return c->patient && evbuffer_get_length(bufferevent_get_output(c->bev));
}

static void conn_check(struct conn *c, int64_t now, bool idle_too)
{
    if (c->closed || !c->evcon || (c->phase == CONN_IDLE && !idle_too)) return;
    int64_t age_ms = (now - c->since) / NS_PER_MS;
    int64_t limit = patience_ms(c);
    if (output_waits(c)) {
        if (now - c->moved < c->http->c.stall_ms * NS_PER_MS) return;
        c->why = TP_CLOSED_STALL;
        evhttp_connection_free(c->evcon);
    } else if ((limit && age_ms >= limit) || lingered(c, now))
        conn_expire(c, age_ms);
    else if (c->streaming && c->phase == CONN_PENDING &&
             age_ms >= c->http->c.keepalive_ms)
        tp__http_keepalive(c);
}

/* Requests and streams are looked at each time, idle ones every sweep_ms. */
void tp__conn_sweep(struct tp_http *h, int64_t now)
{
    struct conn *next;
    bool idle_too = now >= h->idle_due;
    int64_t oldest = 0;
    if (idle_too) h->idle_due = now + h->c.sweep_ms * NS_PER_MS;
    for (struct conn *c = h->conns; c; c = next) {
        next = c->next;
        conn_check(c, now, idle_too);
    }
    for (struct conn *c = h->conns; c; c = c->next)
        if (c->phase == CONN_IDLE && !c->closed &&
            (!oldest || c->since < oldest))
            oldest = c->since;
    atomic_store_explicit(&h->idle_since, oldest, memory_order_relaxed);
}
