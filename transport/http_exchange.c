#include "transport/http_conn.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>
#include <sys/queue.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>

#include "base/clock.h"
#include "base/log.h"
#include "transport/gone.h"
#include "transport/loop.h"

/* --- answers ------------------------------------------------------------- */

void tp__http_add_header(struct conn *c, const char *name, const char *value)
{
    /* Fails on memory or a line break in the value; both leave it out. */
    if (evhttp_add_header(evhttp_request_get_output_headers(c->req), name,
                          value) != 0)
        log_warn("http", "header left out", LOG_C("name", name));
}

static void header_slice(struct conn *c, const struct mcp_header *header)
{
    struct buf b = BUF_INIT(8192);
    buf_put(&b, header->value);
    buf_putc(&b, '\0');
    if (!b.err) tp__http_add_header(c, header->name, b.p);
    buf_done(&b);
}

struct slice tp__http_header(const struct conn *c, enum tp_field which)
{
    return tp_field_value(&c->fields, which);
}

bool tp__http_is_head(const struct conn *c)
{
    return evhttp_request_get_command(c->req) == EVHTTP_REQ_HEAD;
}

/* evhttp would format one for each answer. */
const char *tp__http_date(struct tp_http *h)
{
    int64_t now = clock_wall_ms() / 1000;
    if (now != h->date_s) {
        time_t t = (time_t)now;
        struct tm tm;
        gmtime_r(&t, &tm);
        (void)strftime(h->date, sizeof(h->date), "%a, %d %b %Y %H:%M:%S GMT",
                       &tm);
        h->date_s = now;
    }
    return h->date;
}

/* The sweep looks at it. A timer of the bufferevent's would begin anew with
 * each event that is written, and comments are. */
static void patience(struct conn *c, bool on)
{
    c->patient = on;
    c->moved = clock_coarse();
}

static void on_sent(struct evhttp_request *req, void *ctx)
{
    (void)req;
    struct conn *c = ctx;
    atomic_fetch_sub_explicit(&c->http->busy, 1, memory_order_relaxed);
    tp__conn_streams(c, false);
    c->overrun = false;
    patience(c, false);
    if (evbuffer_get_length(bufferevent_get_input(c->bev)))
        tp__conn_begins(c); /* a pipelined request */
    else
        tp__conn_phase(c, CONN_IDLE);
}

/* evhttp reads on while it writes, without bound, and takes a half-close for
 * a failure that drops the answer: so reading stays off until it is sent. */
static void sending(struct conn *c)
{
    bufferevent_disable(c->bev, EV_READ);
}

/* libevent would ask epoll first whether the socket can be written to, which
 * it nearly always can: two system calls and a turn of the loop for each
 * answer. What does not go out at once waits for the write event, which is
 * pending. The connection may be closed by it. */
static void write_now(struct conn *c)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    evbuffer_unfreeze(out, 1); /* as a bufferevent does around its writing */
    int n = evbuffer_write(out, bufferevent_getfd(c->bev));
    evbuffer_freeze(out, 1);
    if (evbuffer_get_length(out)) {
        sending(c);
        patience(c, true);
    } else if (n > 0) {
        bufferevent_trigger(c->bev, EV_WRITE, 0);
    }
}

void tp__http_flush(struct tp_http *h)
{
    struct conn *c = h->unsent, *next;
    h->unsent = NULL;
    h->unsent_n = 0;
    for (; c; c = next) {
        next = c->unsent;
        c->unsent = NULL;
        if (!c->closed) write_now(c);
        c->hold--;
        tp__conn_release(c);
    }
}

/* After what is readable in this turn has been read, or some of it: a client
 * that is woken once for several answers costs less than one woken for each. */
static void write_soon(struct conn *c)
{
    struct tp_http *h = c->http;
    c->hold++;
    c->unsent = h->unsent;
    h->unsent = c;
    h->unsent_n++;
    if (!c->unsent) event_active(h->flush, EV_TIMEOUT, 1);
}

static void unwatch(struct conn *c)
{
    if (!c->watched) return;
    tp_gone_forget(c->http->gone, bufferevent_getfd(c->bev), c);
    c->watched = false;
}

/* From here on c->req is evhttp's and goes when the answer is out. */
static struct evhttp_request *let_go(struct conn *c)
{
    struct evhttp_request *req = c->req;
    unwatch(c);
    c->req = NULL;
    tp__conn_phase(c, CONN_SENDING);
    evhttp_request_set_on_complete_cb(req, on_sent, c);
    return req;
}

/* A page of an allowed origin may read answers, and the headers it needs. */
static void headers_cors(struct conn *c)
{
    tp__http_add_header(c, "Access-Control-Allow-Origin",
                        tp__http_header(c, TP_ORIGIN).p);
    tp__http_add_header(c, "Access-Control-Expose-Headers",
                        "Mcp-Session-Id, WWW-Authenticate, Retry-After");
    tp__http_add_header(c, "Vary", "Origin");
}

static void headers_common(struct conn *c)
{
    if (c->cors) headers_cors(c);
    if (c->refused ||
        atomic_load_explicit(&c->http->refusing, memory_order_relaxed))
        tp__http_add_header(c, "Connection", "close");
}

/* Headers that every answer has. evhttp would check and copy each, ten pieces
 * of memory for what it formats at once: these are only lent to it. */
struct lent {
    struct evkeyvalq *to;
    struct evkeyval row[3];
    int n;
    char length[24];
};

static void lend(struct lent *l, const char *name, const char *value)
{
    struct evkeyval *row = &l->row[l->n++];
    *row = (struct evkeyval){.key = (char *)name, .value = (char *)value};
    TAILQ_INSERT_TAIL(l->to, row, next);
}

/* Of a body; where there is none evhttp tells 0 if that belongs to the answer.
 */
static void lend_length(struct lent *l, size_t n)
{
    char *end = l->length + sizeof(l->length), *at = end;
    *--at = '\0';
    do
        *--at = (char)('0' + n % 10);
    while (n /= 10);
    lend(l, "Content-Length", at);
}

static void take_back(struct lent *l)
{
    for (int i = 0; i < l->n; i++) TAILQ_REMOVE(l->to, &l->row[i], next);
}

void tp__http_send(struct conn *c, int status, const char *content_type,
                   struct slice body)
{
    assert(!c->closed); /* evhttp would free what is lent */
    struct lent l = {.to = evhttp_request_get_output_headers(c->req)};
    struct evbuffer *out = evhttp_request_get_output_buffer(c->req);
    bool head = tp__http_is_head(c); /* evhttp would send the body */
    headers_common(c);
    if (!head && body.n && evbuffer_add(out, body.p, body.n) != 0) {
        log_error("http", "out of memory for an answer");
        status = 503;
        body.n = 0;
    }
    lend(&l, "Date", tp__http_date(c->http));
    if (content_type && (body.n || head)) lend(&l, "Content-Type", content_type);
    if (body.n) lend_length(&l, body.n);
    evhttp_send_reply(let_go(c), status, NULL, NULL);
    take_back(&l);
    write_soon(c);
}

void tp__http_refuse(struct conn *c, int status, const char *why)
{
    struct buf b = BUF_INIT(4096);
    mcp_error_body(&b, -32600, slice_of(why));
    tp__http_send(c, status, "application/json",
                  b.err ? (struct slice){0} : buf_slice(&b));
    buf_done(&b);
}

/* --- the exchange -------------------------------------------------------- */

static struct conn *conn_of(struct mcp_exchange *ex)
{
    struct conn *c = (struct conn *)((char *)ex - offsetof(struct conn, ex));
    tp_loop_assert_owner(c->http->c.loop);
    return c;
}

/* A header sent twice agrees with nothing. */
static struct slice exchange_header(struct mcp_exchange *ex, const char *name)
{
    struct conn *c = conn_of(ex);
    struct slice found = {0};
    struct evkeyval *row;
    if (!c->req) return found;
    enum tp_field which = tp_field_of(slice_of(name));
    if (which != TP_FIELD_COUNT)
        return tp_field_twice(&c->fields, which) ? SLICE("(sent twice)")
                                                 : tp__http_header(c, which);
    TAILQ_FOREACH(row, evhttp_request_get_input_headers(c->req), next)
    {
        if (strcasecmp(row->key, name) != 0) continue;
        if (found.p) return SLICE("(sent twice)");
        found = slice_of(row->value);
    }
    return found;
}

bool tp__http_still_there(struct conn *c)
{
    if (!c->closed) return true;
    if (c->req) evhttp_request_free(c->req);
    c->req = NULL;
    return false;
}

/* The call has ended. True: there is somebody to answer. */
static bool call_ended(struct conn *c)
{
    c->open_call = false;
    return tp__http_still_there(c);
}

/* The whole of `chunk` goes out, or nothing; the chunk is freed. */
static bool stream_send(struct conn *c, struct evbuffer *chunk, bool whole)
{
    if (whole) {
        if (!evbuffer_get_length(bufferevent_get_output(c->bev)))
            c->moved = clock_coarse();
        evhttp_send_reply_chunk(c->req, chunk);
        sending(c);
        c->since = clock_coarse();
    }
    evbuffer_free(chunk);
    return whole;
}

/* Between tokens of JSON a line break is white space, in an event the end of
 * a line: such a message takes several. */
static bool put_data(struct evbuffer *chunk, struct slice message)
{
    bool fine = true;
    while (fine && message.n) {
        size_t n = slice_find_byte(message, '\n');
        n = slice_find_byte(slice_sub(message, 0, n), '\r');
        fine = evbuffer_add(chunk, "data: ", 6) == 0 &&
               evbuffer_add(chunk, message.p, n) == 0 &&
               evbuffer_add(chunk, "\n", 1) == 0;
        message = slice_sub(message, n + 1, message.n);
    }
    return fine && evbuffer_add(chunk, "\n", 1) == 0;
}

static bool stream_put(struct conn *c, struct slice id, struct slice message)
{
    struct evbuffer *chunk = evbuffer_new();
    if (!chunk) return false;
    bool fine = evbuffer_add(chunk, "event: message\n", 15) == 0;
    if (fine && id.n)
        fine = evbuffer_add_printf(chunk, "id: %.*s\n", SLICE_ARG(id)) > 0;
    return stream_send(c, chunk, fine && put_data(chunk, message));
}

/* An event without a message: a place to resume from. */
static bool stream_prime(struct conn *c, struct slice id, int64_t retry_ms)
{
    struct evbuffer *chunk = evbuffer_new();
    if (!chunk) return false;
    bool fine = evbuffer_add_printf(chunk, "id: %.*s\n", SLICE_ARG(id)) > 0;
    if (fine && retry_ms)
        fine = evbuffer_add_printf(chunk, "retry: %" PRId64 "\n", retry_ms) > 0;
    return stream_send(c, chunk,
                       fine && evbuffer_add(chunk, "data: \n\n", 8) == 0);
}

/* HTTP/1.0 has no chunks: such a stream ends with its connection, whatever
 * the client asked for; with keep-alive evhttp would announce a length of 0. */
void tp__http_stream_begin(struct conn *c)
{
    if (c->req->major == 1 && c->req->minor == 0)
        evhttp_remove_header(evhttp_request_get_input_headers(c->req),
                             "Connection");
    tp__http_add_header(c, "Date", tp__http_date(c->http));
    tp__http_add_header(c, "Content-Type", "text/event-stream");
    headers_common(c);
    tp__http_add_header(c, "Cache-Control", "no-cache, no-transform");
    tp__http_add_header(c, "X-Accel-Buffering", "no");
    patience(c, true);
    evhttp_send_reply_start(c->req, 200, NULL);
    sending(c);
    tp__conn_streams(c, true);
    c->since = clock_coarse();
}

static bool exchange_open(struct mcp_exchange *ex, struct slice id,
                          int64_t retry_ms)
{
    struct conn *c = conn_of(ex);
    if (c->closed) return false;
    if (!c->streaming) tp__http_stream_begin(c);
    return !id.n || stream_prime(c, id, retry_ms);
}

static bool exchange_event(struct mcp_exchange *ex, struct slice id,
                           struct slice message)
{
    struct conn *c = conn_of(ex);
    if (c->closed) return false;
    struct evbuffer *out = bufferevent_get_output(c->bev);
    c->overrun = evbuffer_get_length(out) > c->http->c.out_max ||
                 !tp_unread_room(&c->unread, c->http->c.events_max);
    if (c->overrun) return false;
    if (!c->streaming) tp__http_stream_begin(c);
    if (!stream_put(c, id, message)) return false;
    tp_unread_add(&c->unread, evbuffer_get_length(out));
    return true;
}

bool tp__http_stream_put(struct conn *c, struct slice bytes)
{
    struct evbuffer *chunk = evbuffer_new();
    if (!chunk) return false;
    return stream_send(c, chunk, evbuffer_add(chunk, bytes.p, bytes.n) == 0);
}

static void stream_end(struct conn *c, struct slice id, struct slice message)
{
    if (message.n && !stream_put(c, id, message))
        log_error("http", "out of memory for the end of a stream");
    tp__http_stream_end(c);
}

/* May complete at once, and the connection may be closed by it. */
void tp__http_stream_end(struct conn *c)
{
    c->hold++;
    evhttp_send_reply_end(let_go(c));
    if (c->phase == CONN_SENDING && !c->closed) sending(c);
    c->hold--;
    tp__conn_release(c);
}

static void exchange_reply(struct mcp_exchange *ex, int status,
                           const struct mcp_header *headers, size_t count,
                           struct slice body)
{
    struct conn *c = conn_of(ex);
    if (!call_ended(c)) {
        tp__conn_release(c);
        return;
    }
    if (c->streaming) {
        stream_end(c, (struct slice){0}, body);
        return;
    }
    for (size_t i = 0; i < count; i++) header_slice(c, &headers[i]);
    tp__http_send(c, status, "application/json", body);
}

static void exchange_end(struct mcp_exchange *ex, struct slice id,
                         struct slice message)
{
    struct conn *c = conn_of(ex);
    if (!call_ended(c))
        tp__conn_release(c);
    else if (c->streaming)
        stream_end(c, id, message);
    else
        tp__http_send(c, message.n ? 200 : 202, "application/json", message);
}

/* No answer: the client sees its connection close. */
static void exchange_drop(struct mcp_exchange *ex)
{
    struct conn *c = conn_of(ex);
    if (!call_ended(c)) {
        tp__conn_release(c);
        return;
    }
    if (!c->overrun) c->why = TP_CLOSED_ERROR;
    tp__http_close(c);
}

void tp__http_close(struct conn *c)
{
    unwatch(c);
    c->req = NULL; /* freed with its connection */
    evhttp_connection_free(c->evcon);
}

const struct mcp_exchange_ops tp__http_ops = {
    .name = "http",
    .header = exchange_header,
    .reply = exchange_reply,
    .open = exchange_open,
    .event = exchange_event,
    .end = exchange_end,
    .drop = exchange_drop,
};

static void call_begins(struct conn *c)
{
    c->open_call = true;
    c->ex.call = NULL;
    c->hold++; /* an answer that is ready at once may end everything */
}

static void call_began(struct conn *c)
{
    c->hold--;
    if (c->open_call && !c->closed) tp__http_watch(c);
    tp__conn_release(c);
}

void tp__http_watch(struct conn *c)
{
    int fd = bufferevent_getfd(c->bev);
    c->watched = tp_gone_watch(c->http->gone, fd, c) == OK;
}

void tp__http_receive_message(struct conn *c, struct slice message)
{
    call_begins(c);
    mcp_receive(c->peer, &c->ex, message);
    call_began(c);
}

void tp__http_receive_pieces(struct conn *c, struct mcp_pieces *pieces)
{
    call_begins(c);
    mcp_receive_pieces(c->peer, &c->ex, pieces);
    call_began(c);
}

void tp__http_receive(struct conn *c, void (*receive)(struct mcp_peer *peer,
                                                      struct mcp_exchange *ex))
{
    call_begins(c);
    receive(c->peer, &c->ex);
    call_began(c);
}

void tp__http_left(void *conn)
{
    struct conn *c = conn;
    log_debug("http", "client left while its answer was pending");
    if (c->open_call) mcp_exchange_lost(&c->ex);
    tp__page_left(c);
}

void tp__http_keepalive(struct conn *c)
{
    struct evbuffer *chunk = evbuffer_new();
    if (!chunk) return;
    (void)stream_send(c, chunk, evbuffer_add(chunk, ":\n\n", 3) == 0);
}
