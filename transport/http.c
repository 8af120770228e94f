#include "transport/http.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "transport/authority.h"
#include "transport/gone.h"
#include "transport/http_conn.h"
#include "transport/loop.h"

/* --- requests ------------------------------------------------------------ */

/* What a name is made of: token in RFC 9110. */
static const bool name_bytes[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
    ['!'] = true,         ['#'] = true,         ['$'] = true,
    ['%'] = true,         ['&'] = true,         ['\''] = true,
    ['*'] = true,         ['+'] = true,         ['-'] = true,
    ['.'] = true,         ['^'] = true,         ['_'] = true,
    ['`'] = true,         ['|'] = true,         ['~'] = true};

static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!name_bytes[(unsigned char)s.p[i]]) return false;
    return s.n > 0;
}

static bool refuse_for_good(struct conn *c, const char *why)
{
    tp__http_add_header(c, "Connection", "close");
    tp__http_refuse(c, 400, why);
    return false;
}

/* A header that a proxy before us may read otherwise is not guessed at: the
 * bytes behind it could be another request. libevent takes the first of two
 * lengths, "+5" for one, "Origin : x" for no Origin, and nothing behind a NUL;
 * and it would answer in whatever version it is asked in. */
static bool unmistakable(struct conn *c)
{
    struct evkeyval *row;
    struct slice length = tp__http_header(c, TP_CONTENT_LENGTH);
    bool fine = !tp_field_twice(&c->fields, TP_CONTENT_LENGTH) &&
                !c->head.nul && (!length.p || tp_length_valid(length));
    TAILQ_FOREACH(row, evhttp_request_get_input_headers(c->req), next)
    fine = fine && is_name(slice_of(row->key));
    if (c->req->major < 1) {
        c->req->major = 1;
        return refuse_for_good(c, "HTTP/1.1 or HTTP/1.0 is spoken here");
    }
    return fine || refuse_for_good(c, "a header is malformed, holds a NUL, or "
                                      "Content-Length stands twice or is no "
                                      "number");
}

/* POST http://name/mcp: RFC 9112 lets the name in the target overrule Host. */
static bool target_allowed(struct conn *c)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(c->req);
    const char *name = uri ? evhttp_uri_get_host(uri) : NULL;
    const char *scheme = uri ? evhttp_uri_get_scheme(uri) : NULL;
    if (scheme && strcasecmp(scheme, "http") != 0 &&
        strcasecmp(scheme, "https") != 0)
        return false;
    return (!name && !scheme) ||
           (name && tp_host_allowed(slice_of(name), &c->http->c.names));
}

/* Host and Origin: is it us that the client means? */
static bool meant_for_us(struct conn *c)
{
    const struct tp_names *names = &c->http->c.names;
    if (!unmistakable(c)) return false;
    struct slice host = tp__http_header(c, TP_HOST);
    struct slice origin = tp__http_header(c, TP_ORIGIN);
    if (!host.p || tp_field_twice(&c->fields, TP_HOST) ||
        tp_field_twice(&c->fields, TP_ORIGIN)) {
        tp__http_refuse(c, 400,
                        "exactly one Host header and at most one Origin "
                        "header are needed");
        return false;
    }
    if (!tp_host_allowed(host, names) || !target_allowed(c)) {
        const char *why = c->http->c.wording.host;
        tp__http_refuse(c, 403,
                        why ? why
                            : "Host is not this server; use the address it "
                              "listens on, or a name it was told");
        return false;
    }
    if (origin.p && !tp_origin_allowed(origin, names)) {
        tp__http_refuse(c, 403,
                        "Origin is not allowed here; only pages of this "
                        "machine may call this server");
        return false;
    }
    c->cors = origin.p != NULL;
    return true;
}

/* evhttp reads no body of other methods. */
enum {
    BODIES_ARE_READ = EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                      EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
                      EVHTTP_REQ_PATCH | EVHTTP_REQ_CONNECT
};

/* Where the body ends must be beyond doubt: what one reader takes for its
 * rest another one may take for the next request. */
static bool framing_plain(struct conn *c)
{
    struct slice coding = tp__http_header(c, TP_TRANSFER_ENCODING);
    struct slice length = tp__http_header(c, TP_CONTENT_LENGTH);
    bool body = coding.p || (length.p && !slice_eq(length, SLICE("0")));
    bool unread =
        body && !(evhttp_request_get_command(c->req) & BODIES_ARE_READ);
    if (!unread && !(coding.p && length.p) &&
        (!coding.p || slice_eq_nocase(coding, SLICE("chunked"))) &&
        !tp_field_twice(&c->fields, TP_TRANSFER_ENCODING))
        return true;
    return refuse_for_good(
        c, "the length of the body is not clear: one Content-Length or "
           "Transfer-Encoding: chunked, and no body with HEAD");
}

static bool authority_fine(struct conn *c, struct slice given)
{
    const struct tp_authority *a = c->http->c.authority;
    const char *why = NULL;
    struct slice token;
    enum tp_verdict v = tp_bearer_token(given, &token);
    if (tp_field_twice(&c->fields, TP_AUTHORIZATION)) v = TP_TOKEN_MALFORMED;
    if (v == TP_TOKEN_FINE) v = a->judge(a->ctx, token, &why);
    if (v == TP_TOKEN_FINE) return true;
    struct buf b = BUF_INIT(16 << 10);
    tp_challenge(a, v, why, &b);
    buf_putc(&b, '\0');
    if (!b.err) tp__http_add_header(c, "WWW-Authenticate", b.p);
    buf_done(&b);
    tp__http_refuse(c, tp_verdict_status(v),
                    why ? why
                        : "one access token is needed: Authorization: "
                          "Bearer <token>");
    return false;
}

bool tp__http_token_fine(struct conn *c)
{
    const struct slice *tokens = c->http->c.tokens;
    struct slice given = tp__http_header(c, TP_AUTHORIZATION);
    const struct tp_authority *a = c->http->c.authority;
    if (tokens[0].n == 0 && tokens[1].n == 0 && !a) return true;
    if (tp_bearer_is(given, tokens[0]) || tp_bearer_is(given, tokens[1]))
        return true;
    if (a) return authority_fine(c, given);
    tp__http_add_header(c, "WWW-Authenticate", "Bearer");
    const char *why = c->http->c.wording.token;
    tp__http_refuse(
        c, 401, why ? why : "a token is needed: Authorization: Bearer <token>");
    return false;
}

bool tp__http_body_readable(struct conn *c)
{
    struct slice coding = tp__http_header(c, TP_CONTENT_ENCODING);
    if (coding.p && !slice_eq_nocase(coding, SLICE("identity"))) {
        tp__http_refuse(c, 415, "the body must not be compressed");
        return false;
    }
    if (tp_content_is_json(tp__http_header(c, TP_CONTENT_TYPE))) return true;
    tp__http_refuse(c, 415, "Content-Type must be application/json");
    return false;
}

/* Longer ones mcp/ reads on a worker. */
enum { LONG_BODY = 64 * 1024 };

/* A long body, off the loop's hands. Once detached, the evbuffer is memory
 * that belongs to no base: any one thread at a time may use it. */
struct detached {
    struct mcp_pieces pieces; /* first */
    struct evbuffer *body;
};

static void detached_take(struct mcp_pieces *p, char *to)
{
    struct detached *d = (struct detached *)p;
    if (to) (void)evbuffer_copyout(d->body, to, p->n);
    evbuffer_free(d->body);
    mem_free(d);
}

static struct detached *detach(struct evbuffer *in, size_t n)
{
    struct detached *d = MEM_NEW(struct detached);
    if (!d) return NULL;
    *d = (struct detached){.pieces = {.n = n, .take = detached_take},
                           .body = evbuffer_new()};
    if (d->body && evbuffer_add_buffer(d->body, in) == 0) return d;
    if (d->body) evbuffer_free(d->body);
    mem_free(d);
    return NULL;
}

static void refuse_nomem(struct conn *c)
{
    tp__http_refuse(c, 503, "out of memory; send it again later");
}

static void serve_long_post(struct conn *c, struct evbuffer *in, size_t n)
{
    struct detached *d = detach(in, n);
    if (d)
        tp__http_receive_pieces(c, &d->pieces);
    else
        refuse_nomem(c);
}

static void serve_post(struct conn *c)
{
    if (!tp__http_body_readable(c)) return;
    struct evbuffer *in = evhttp_request_get_input_buffer(c->req);
    struct slice message = {.n = evbuffer_get_length(in)};
    if (message.n > LONG_BODY) {
        serve_long_post(c, in, message.n);
        return;
    }
    message.p = (const char *)evbuffer_pullup(in, -1);
    if (message.n && !message.p) {
        refuse_nomem(c);
        return;
    }
    if (!message.p) message.p = "";
    tp__http_receive_message(c, message);
}

/* HEAD is told what GET would begin with; it opens nothing. */
static void serve_mcp(struct conn *c)
{
    if (!tp__http_token_fine(c)) return;
    if (tp__http_is_head(c))
        tp__http_send(c, 200, "text/event-stream", (struct slice){0});
    else if (evhttp_request_get_command(c->req) == EVHTTP_REQ_GET)
        tp__http_receive(c, mcp_receive_get);
    else if (evhttp_request_get_command(c->req) == EVHTTP_REQ_DELETE)
        tp__http_receive(c, mcp_receive_delete);
    else
        serve_post(c);
}

/* --- the table of paths --------------------------------------------------- */

static const struct tp_route mcp_rows[] = {
    {"/mcp", TP_GET | TP_POST | TP_DELETE, NULL, TP_OPEN, TP_ON_LOOP},
    {NULL, 0, NULL, TP_OPEN, TP_ON_LOOP}};

/* What a path leads to. */
struct found {
    const struct tp_route *row; /* that serves the method, or any */
    void *app;
    struct slice part;
    unsigned methods; /* of all rows with the path */
};

/* {} in a row's path stands for one segment. */
static bool path_fits(const char *row, struct slice path, struct slice *part)
{
    size_t gap = slice_find(slice_of(row), SLICE("{}"));
    struct slice before = slice_sub(slice_of(row), 0, gap);
    struct slice after = slice_sub(slice_of(row), gap + 2, SIZE_MAX);
    if (!row[gap]) return slice_eq(path, before);
    if (path.n <= before.n + after.n || !slice_starts(path, before) ||
        !slice_ends(path, after))
        return false;
    *part = slice_sub(path, before.n, path.n - before.n - after.n);
    return slice_find_byte(*part, '/') == part->n;
}

static void find_in(const struct tp_routes *table, struct slice path,
                    unsigned method, struct found *f)
{
    for (const struct tp_route *r = table->rows; r && r->path; r++) {
        if (!path_fits(r->path, path, &f->part)) continue;
        f->methods |= r->methods;
        if (f->row && !(r->methods & method)) continue;
        f->row = r;
        f->app = table->app;
    }
}

static struct found route_find(const struct tp_http *h, struct slice path,
                               unsigned method)
{
    const struct tp_routes mcp = {mcp_rows, NULL};
    struct found f = {0};
    find_in(&mcp, path, method, &f);
    for (int i = 0; i < TP_TABLES && !f.row; i++)
        find_in(&h->c.routes[i], path, method, &f);
    return f;
}

static unsigned method_of(struct evhttp_request *req)
{
    switch (evhttp_request_get_command(req)) {
    case EVHTTP_REQ_GET:
    case EVHTTP_REQ_HEAD:
        return TP_GET;
    case EVHTTP_REQ_POST:
        return TP_POST;
    case EVHTTP_REQ_DELETE:
        return TP_DELETE;
    default:
        return 0;
    }
}

static void tell_methods(struct conn *c, unsigned methods, const char *header)
{
    static const struct {
        unsigned method;
        const char *names;
    } rows[] = {{TP_GET, "GET, HEAD, "},
                {TP_POST, "POST, "},
                {TP_DELETE, "DELETE, "},
                {~0u, "OPTIONS"}};
    char text[64];
    struct buf b = BUF_INIT(sizeof(text));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (methods & rows[i].method) buf_puts(&b, rows[i].names);
    (void)snprintf(text, sizeof(text), "%.*s", SLICE_ARG(buf_slice(&b)));
    buf_done(&b);
    tp__http_add_header(c, header, text);
}

static void refuse_method(struct conn *c, unsigned methods)
{
    tell_methods(c, methods, "Allow");
    tp__http_refuse(c, 405, "this method is not served here");
}

/* Also what a browser asks before it lets a page send its request: without a
 * token, for it sends none. */
static void tell_options(struct conn *c, unsigned methods)
{
    tell_methods(c, methods, "Allow");
    if (c->cors) {
        tell_methods(c, methods, "Access-Control-Allow-Methods");
        /* '*' is every header but Authorization; old browsers take the names */
        tp__http_add_header(c, "Access-Control-Allow-Headers",
                            "Authorization, Content-Type, Accept, "
                            "MCP-Protocol-Version, Mcp-Method, Mcp-Name, "
                            "Mcp-Session-Id, Last-Event-ID, *");
        tp__http_add_header(c, "Access-Control-Max-Age", "7200");
    }
    tp__http_send(c, 204, NULL, (struct slice){0});
}

static void refuse_busy(struct conn *c, const char *why)
{
    tp__http_add_header(c, "Retry-After", "1");
    tp__http_refuse(c, 503, why);
}

/* A server that ends still tells how it is. */
static bool ends_for(const struct conn *c, const struct found *f)
{
    const struct tp_route *r = f->row;
    return atomic_load_explicit(&c->http->refusing, memory_order_relaxed) &&
           !(r && r->page && r->guard == TP_OPEN && r->run == TP_ON_LOOP);
}

static void serve(struct conn *c)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(c->req);
    unsigned method = method_of(c->req);
    struct found f = route_find(
        c->http, slice_of(uri ? evhttp_uri_get_path(uri) : NULL), method);
    if (f.row && f.row->guard != TP_OPEN) c->cors = false;
    if (ends_for(c, &f))
        refuse_busy(c, "the server is shutting down");
    else if (!f.row)
        tp__http_refuse(c, 404, "no such path; the MCP endpoint is /mcp");
    else if (evhttp_request_get_command(c->req) == EVHTTP_REQ_OPTIONS)
        tell_options(c, f.methods);
    else if (!(f.methods & method))
        refuse_method(c, f.methods);
    else if (f.row->page)
        tp__page_serve(c, f.row, f.app, f.part);
    else
        serve_mcp(c);
}

static void route(struct conn *c)
{
    if (c->refused)
        refuse_busy(c, c->refused);
    else if (meant_for_us(c) && framing_plain(c))
        serve(c);
}

/* Answers that may wait for the end of the turn. All that a request has taken
 * waits with its answer: of many it would not stay in the processor's cache. */
enum { UNSENT_MOST = 8 };

static void on_request(struct evhttp_request *req, void *ctx)
{
    struct tp_http *h = ctx;
    struct conn *c = tp__conn_find(h, req);
    atomic_fetch_add_explicit(&h->requests, 1, memory_order_relaxed);
    if (!c) {
        evhttp_send_error(req, 503, NULL);
        return;
    }
    /* Whole after all, and it was told to send it again: it shall not be done
     * twice. It lingers, and goes with its connection. */
    if (c->early) return;
    if (h->unsent_n >= UNSENT_MOST) tp__http_flush(h);
    atomic_fetch_add_explicit(&h->busy, 1, memory_order_relaxed);
    tp__conn_phase(c, CONN_PENDING);
    c->req = req;
    c->calls++;
    c->cors = false;
    tp_fields_read(evhttp_request_get_input_headers(req), &c->fields);
    route(c);
}

/* --- accepting ------------------------------------------------------------ */

static void on_adopt(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    tp__conn_adopt_all(ctx);
    tp__conn_bury(ctx);
}

static void on_flush(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    tp__http_flush(ctx);
    tp__conn_let_go(ctx);
}

static void on_sweep(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    struct tp_http *h = ctx;
    tp__conn_sweep(h, clock_coarse());
}

/* evhttp makes itself the argument of its listener's callbacks, so this is
 * how the one for errors finds us. */
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct tp_http *all; /* guarded by all_lock */

static void all_add(struct tp_http *h)
{
    pthread_mutex_lock(&all_lock);
    h->next = all;
    all = h;
    pthread_mutex_unlock(&all_lock);
}

static void all_remove(struct tp_http *h)
{
    pthread_mutex_lock(&all_lock);
    struct tp_http **at = &all;
    while (*at && *at != h) at = &(*at)->next;
    if (*at) *at = h->next;
    pthread_mutex_unlock(&all_lock);
}

static struct tp_http *all_find(const struct evconnlistener *listener)
{
    pthread_mutex_lock(&all_lock);
    struct tp_http *h = all;
    while (h && h->listener != listener) h = h->next;
    pthread_mutex_unlock(&all_lock);
    return h;
}

/* No descriptors left, most likely: the listener stays readable, so that it
 * would call again at once and for ever. */
static void on_accept_failed(struct evconnlistener *listener, void *evhttp)
{
    (void)evhttp;
    int why = errno;
    struct tp_http *h = all_find(listener);
    struct timeval pause = {.tv_usec = 100000};
    log_warn("http", "cannot accept, pausing for 100 ms",
             LOG_C("why", strerrordesc_np(why)));
    evconnlistener_disable(listener);
    event_add(h->accept_again, &pause);
}

static void on_accept_again(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    struct tp_http *h = ctx;
    evconnlistener_enable(h->listener);
}

enum err tp_http_accept(struct tp_http *h, int fd)
{
    struct evhttp_bound_socket *bound =
        evhttp_accept_socket_with_handle(h->evhttp, fd);
    if (!bound) return ERR_NOMEM;
    h->listener = evhttp_bound_socket_get_listener(bound);
    evconnlistener_set_error_cb(h->listener, on_accept_failed);
    all_add(h);
    return OK;
}

/* --- life ----------------------------------------------------------------- */

static void defaults(struct tp_http_config *c)
{
    if (!c->conns_max) c->conns_max = 1000;
    if (!c->body_max) c->body_max = (size_t)16 << 20;
    if (!c->headers_max) c->headers_max = (size_t)64 << 10;
    if (!c->in_max) c->in_max = c->body_max * 4;
    if (!c->out_max) c->out_max = (size_t)4 << 20;
    if (!c->events_max) c->events_max = 1000;
    if (!c->header_ms) c->header_ms = 10000;
    if (!c->body_ms) c->body_ms = 30000;
    if (!c->idle_ms) c->idle_ms = 300000;
    if (!c->sweep_ms) c->sweep_ms = 30000;
    if (!c->stall_ms) c->stall_ms = 30000;
    if (!c->keepalive_ms) c->keepalive_ms = 15000;
    if (!c->pages_max) c->pages_max = 32;
    if (!c->feeds_max) c->feeds_max = 32;
    if (!c->feed_max) c->feed_max = (size_t)256 << 10;
}

static bool evhttp_make(struct tp_http *h)
{
    h->evhttp = evhttp_new(tp_loop_base(h->c.loop));
    if (!h->evhttp) return false;
    evhttp_set_max_body_size(h->evhttp, (ev_ssize_t)h->c.body_max);
    evhttp_set_max_headers_size(h->evhttp, (ev_ssize_t)h->c.headers_max);
    /* All methods come to us, so that others get 405 with Allow, not 501. */
    evhttp_set_allowed_methods(h->evhttp, 0xffff);
    evhttp_set_default_content_type(h->evhttp, NULL);
    /* A body that is too long is read to its end before the 413 is sent: a
     * client that still writes would not see it otherwise. */
    evhttp_set_flags(h->evhttp, EVHTTP_SERVER_LINGERING_CLOSE);
    evhttp_set_bevcb(h->evhttp, tp__conn_new, h);
    evhttp_set_gencb(h->evhttp, on_request, h);
    return true;
}

static bool events_make(struct tp_http *h)
{
    struct event_base *base = tp_loop_base(h->c.loop);
    h->adopt = event_new(base, -1, 0, on_adopt, h);
    h->accept_again = event_new(base, -1, 0, on_accept_again, h);
    h->sweep = event_new(base, -1, EV_PERSIST, on_sweep, h);
    h->flush = event_new(base, -1, 0, on_flush, h);
    return h->adopt && h->accept_again && h->sweep && h->flush;
}

enum err tp_http_new(const struct tp_http_config *c, struct tp_http **ret)
{
    struct tp_http *h = MEM_NEW(struct tp_http);
    if (!h) return ERR_NOMEM;
    h->c = *c;
    defaults(&h->c);
    enum err e = ERR_NOMEM;
    if (evhttp_make(h) && events_make(h))
        e = tp_gone_new(c->loop, tp__http_left, &h->gone);
    if (!e) {
        *ret = h;
        return OK;
    }
    tp_http_free(h);
    return e;
}

static void on_refuse(struct mcp_mail *m)
{
    tp__pages_end(
        (struct tp_http *)((char *)m - offsetof(struct tp_http, refuse)));
}

void tp_http_refuse(struct tp_http *h)
{
    if (!h ||
        atomic_exchange_explicit(&h->refusing, true, memory_order_relaxed))
        return;
    h->refuse.run = on_refuse;
    tp_loop_post(h->c.loop, &h->refuse);
}

uint32_t tp_http_busy(const struct tp_http *h)
{
    return h ? atomic_load_explicit(&h->busy, memory_order_relaxed) : 0;
}

void tp_http_stats(const struct tp_http *h, struct tp_http_stats *ret)
{
#define LOAD(what) atomic_load_explicit(&h->what, memory_order_relaxed)
    *ret = (struct tp_http_stats){.opened = LOAD(opened),
                                  .requests = LOAD(requests),
                                  .feeds_dropped = LOAD(feeds_dropped),
                                  .open = LOAD(open),
                                  .open_max = h->c.conns_max,
                                  .streams = LOAD(streams),
                                  .feeds = LOAD(feeds)};
    int64_t idle = LOAD(idle_since);
    if (idle) ret->oldest_idle_ns = clock_now() - idle;
    for (int i = 0; i < TP_CLOSED_COUNT; i++) ret->closed[i] = LOAD(closed[i]);
    for (int i = 0; i < TP_REFUSED_COUNT; i++)
        ret->refused[i] = LOAD(refused[i]);
#undef LOAD
}

void tp_http_free(struct tp_http *h)
{
    if (!h) return;
    all_remove(h);
    atomic_store_explicit(&h->refusing, true, memory_order_relaxed);
    if (h->evhttp) {
        tp__conn_adopt_all(h); /* so that every record hears of its end */
        evhttp_free(h->evhttp);
        tp__http_flush(h); /* nobody is there: the records are let go */
        tp__conn_let_go(h);
        tp__conn_bury(h);
    }
    if (h->adopt) event_free(h->adopt);
    if (h->accept_again) event_free(h->accept_again);
    if (h->sweep) event_free(h->sweep);
    if (h->flush) event_free(h->flush);
    tp_gone_free(h->gone);
    mem_free(h->by_fd);
    if (!h->conns) mem_free(h); /* else calls still under way look at it */
}
