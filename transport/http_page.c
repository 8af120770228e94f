/* Pages: who may have them, where they run, how they come home; and feeds. */
#include "transport/http_conn.h"

#include <stddef.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "transport/loop.h"

enum { PAGE_SECONDS = 30 };
#define PAGE_MAX ((size_t)32 << 20)
#define PAGE_ARENA_MAX ((size_t)128 << 20)
#define MESSAGE_MAX ((size_t)64 << 10)

struct tp__ask {
    struct tp_page page; /* first: the handler gives it back */
    struct conn *conn;
    const struct tp_route *row;
    struct pool_job job;
    struct mcp_mail mail;
    enum err e;
};

/* --- headers ---------------------------------------------------------------
 */

/* Of every page that does not say otherwise. */
static const struct {
    const char *name, *value;
} usual[] = {
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
};

static void usual_headers(struct conn *c, const struct tp_route *row)
{
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        tp__http_add_header(c, usual[i].name, usual[i].value);
    if (row->guard != TP_OPEN)
        tp__http_add_header(c, "Cross-Origin-Resource-Policy", "same-origin");
}

static void own_headers(struct conn *c, const struct tp_page *page)
{
    for (int i = 0; i < TP_PAGE_HEADERS && page->headers[i].name; i++) {
        evhttp_remove_header(evhttp_request_get_output_headers(c->req),
                             page->headers[i].name);
        tp__http_add_header(c, page->headers[i].name, page->headers[i].value);
    }
}

/* --- whose page asks -------------------------------------------------------
 */

/* A page of another origin, also one of this machine, has no business here;
 * browsers say whose request it is, programs say nothing. */
static bool ours_or_none(struct conn *c)
{
    struct slice origin = tp__http_header(c, TP_ORIGIN);
    struct slice site = tp__http_header(c, TP_SEC_FETCH_SITE);
    if ((!origin.p || tp_origin_is_host(origin, tp__http_header(c, TP_HOST))) &&
        (!site.p || slice_eq(site, SLICE("same-origin")) ||
         slice_eq(site, SLICE("none"))))
        return true;
    tp__http_refuse(c, 403, "only this server's own page may ask for this");
    return false;
}

static bool operator_fine(struct conn *c)
{
    struct slice given = tp__http_header(c, TP_AUTHORIZATION);
    if (tp_bearer_is(given, c->http->c.operator_token)) return true;
    const char *why = c->http->c.wording.operator_token;
    if (given.p) why = "this is not the operator's token";
    if (!given.p) tp__http_add_header(c, "WWW-Authenticate", "Bearer");
    tp__http_refuse(c, given.p ? 403 : 401,
                    why ? why : "the operator's token is needed");
    return false;
}

static bool admitted(struct conn *c, const struct tp_route *row)
{
    if (row->guard == TP_OPEN) return true;
    if (!ours_or_none(c)) return false;
    return row->guard == TP_READS ? tp__http_token_fine(c) : operator_fine(c);
}

/* --- the answer ------------------------------------------------------------
 */

static int status_of(enum err e)
{
    static const struct {
        const char *code;
        int status;
    } rows[] = {{"invalid_argument", 400}, {"not_found", 404},
                {"over_capacity", 503},    {"rate_limited", 429},
                {"unavailable", 503},      {"timeout", 504},
                {"cancelled", 503},        {"internal", 500}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (slice_eq(err_code(e), slice_of(rows[i].code)))
            return rows[i].status;
    return 409;
}

static void ask_free(struct tp__ask *k)
{
    buf_done(&k->page.body);
    arena_done(&k->page.arena);
    mem_free(k);
}

static void tell_problem(struct tp_page *page, enum err e)
{
    if (page->problem.err != e)
        problem_set(&page->problem, e, err_detail(e), SLICE(""), SLICE(""));
    if (e == ERR_INTERNAL || e == ERR_NOMEM)
        log_error("http", "a page failed", LOG_S("err", err_detail(e)));
    page->status = status_of(e);
    page->content_type = "application/json";
    buf_clear(&page->body);
    problem_write(&page->problem, &page->body);
}

static void ask_send(struct tp__ask *k)
{
    struct tp_page *page = &k->page;
    enum err e = k->e ? k->e : page->body.err;
    if (e) tell_problem(page, e);
    own_headers(k->conn, page);
    if (page->body.err)
        tp__http_refuse(k->conn, 503, "out of memory for this page");
    else
        tp__http_send(k->conn, page->status, page->content_type,
                      buf_slice(&page->body));
}

/* Thread: the loop */
static void ask_end(struct tp__ask *k)
{
    struct conn *c = k->conn;
    c->ask = NULL;
    c->http->asks--;
    if (tp__http_still_there(c))
        ask_send(k);
    else
        tp__conn_release(c);
    ask_free(k);
}

static void ask_mail(struct mcp_mail *m)
{
    ask_end((struct tp__ask *)((char *)m - offsetof(struct tp__ask, mail)));
}

void tp_page_done(struct tp_page *page, enum err e)
{
    struct tp__ask *k = (struct tp__ask *)page;
    k->e = e;
    tp_loop_post(k->conn->http->c.loop, &k->mail);
}

/* --- running ---------------------------------------------------------------
 */

static void ask_run(struct pool_job *job)
{
    struct tp__ask *k =
        (struct tp__ask *)((char *)job - offsetof(struct tp__ask, job));
    enum err e = k->row->page(&k->page);
    if (e != ERR_PENDING) tp_page_done(&k->page, e);
}

static struct tp__ask *ask_new(struct conn *c, const struct tp_route *row,
                               void *app, struct slice part)
{
    struct tp__ask *k = MEM_NEW(struct tp__ask);
    if (!k) return NULL;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(c->req);
    k->conn = c;
    k->row = row;
    k->job.run = ask_run;
    k->mail.run = ask_mail;
    k->page = (struct tp_page){.app = app,
                               .status = 200,
                               .content_type = "application/json",
                               .body = BUF_INIT(PAGE_MAX)};
    struct tp_page *page = &k->page;
    arena_init(&page->arena, PAGE_ARENA_MAX);
    problem_init(&page->problem);
    cancel_init(&page->cancel, clock_now() + PAGE_SECONDS * NS_PER_S);
    page->query = slice_of(evhttp_uri_get_query(uri));
    page->part = part;
    page->ending =
        atomic_load_explicit(&c->http->refusing, memory_order_relaxed);
    page->known = tp__http_header(c, TP_IF_NONE_MATCH);
    return k;
}

/* The texts so far are the request's, which another thread does not see. */
static bool ask_keep(struct tp__ask *k)
{
    struct tp_page *page = &k->page;
    struct slice *const texts[] = {&page->query, &page->part, &page->message,
                                   &page->known};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (!texts[i]->p) continue;
        *texts[i] = arena_copy(&page->arena, *texts[i]);
        if (!texts[i]->p) return false;
    }
    return true;
}

static void refuse_full(struct conn *c, const char *why)
{
    tp__http_add_header(c, "Retry-After", "1");
    tp__http_refuse(c, 503, why);
}

/* Until ask_end, which this loop runs. */
static void ask_begin(struct tp__ask *k)
{
    k->conn->ask = k;
    k->conn->http->asks++;
}

static void ask_on_worker(struct tp__ask *k)
{
    struct conn *c = k->conn;
    struct tp_http *h = c->http;
    if (h->asks >= h->c.pages_max || !ask_keep(k)) {
        ask_free(k);
        refuse_full(c, "OVER_CAPACITY: too many pages at once");
        return;
    }
    ask_begin(k);
    if (pool_submit(h->c.pool, &k->job) == OK) {
        tp__http_watch(c);
        return;
    }
    k->e = ERR_OVER_CAPACITY;
    ask_end(k);
}

static void ask_on_loop(struct tp__ask *k)
{
    ask_begin(k);
    k->e = ask_keep(k) ? k->row->page(&k->page) : ERR_NOMEM;
    if (k->e == ERR_PENDING)
        tp__http_watch(k->conn);
    else
        ask_end(k);
}

/* --- feeds -----------------------------------------------------------------
 */

void tp_event(struct buf *b, const char *name, struct slice data)
{
    buf_printf(b, "event: %s\ndata: ", name);
    buf_put(b, data);
    buf_puts(b, "\n\n");
}

static void feed_open(struct tp__ask *k)
{
    struct conn *c = k->conn;
    struct tp_http *h = c->http;
    uint32_t open = atomic_load_explicit(&h->feeds, memory_order_relaxed);
    enum err e =
        open < h->c.feeds_max ? k->row->page(&k->page) : ERR_OVER_CAPACITY;
    if (!e) e = k->page.body.err;
    if (e) {
        refuse_full(c, "OVER_CAPACITY: too many streams of events");
    } else if (tp__http_is_head(c)) {
        tp__http_send(c, 200, "text/event-stream", (struct slice){0});
    } else {
        atomic_store_explicit(&h->feeds, open + 1, memory_order_relaxed);
        c->feed = true;
        evhttp_remove_header(evhttp_request_get_output_headers(c->req),
                             "Cache-Control"); /* a stream has its own */
        tp__http_stream_begin(c);
        if (k->page.body.n)
            (void)tp__http_stream_put(c, buf_slice(&k->page.body));
        tp__http_watch(c);
    }
    ask_free(k);
}

static void feed_leave(struct conn *c)
{
    c->feed = false;
    atomic_fetch_sub_explicit(&c->http->feeds, 1, memory_order_relaxed);
}

static void feed_send(struct conn *c, struct slice event)
{
    struct tp_http *h = c->http;
    size_t unsent = evbuffer_get_length(bufferevent_get_output(c->bev));
    if (unsent + event.n <= h->c.feed_max && tp__http_stream_put(c, event))
        return;
    log_info("http", "a client of events was too slow",
             LOG_I("unsent_bytes", (int64_t)unsent));
    atomic_fetch_add_explicit(&h->feeds_dropped, 1, memory_order_relaxed);
    feed_leave(c);
    c->why = TP_CLOSED_STALL;
    tp__http_close(c);
}

void tp_http_tell(struct tp_http *h, struct slice events)
{
    struct conn *next;
    if (!atomic_load_explicit(&h->feeds, memory_order_relaxed)) return;
    for (struct conn *c = h->conns; c; c = next) {
        next = c->next;
        if (c->feed) feed_send(c, events);
    }
}

/* --- ends ------------------------------------------------------------------
 */

void tp__page_left(struct conn *c)
{
    if (c->ask) (void)cancel_set(&c->ask->page.cancel, CANCEL_CONNECTION);
    if (!c->feed) return;
    feed_leave(c);
    if (tp__http_still_there(c)) tp__http_close(c);
}

void tp__pages_end(struct tp_http *h)
{
    struct conn *next;
    for (struct conn *c = h->conns; c; c = next) {
        next = c->next;
        if (c->ask) (void)cancel_set(&c->ask->page.cancel, CANCEL_SHUTDOWN);
        if (!c->feed) continue;
        feed_leave(c);
        tp__http_stream_end(c);
    }
}

/* --- one request -----------------------------------------------------------
 */

static bool message_take(struct tp__ask *k)
{
    struct conn *c = k->conn;
    struct evbuffer *in = evhttp_request_get_input_buffer(c->req);
    struct slice message = {.n = evbuffer_get_length(in)};
    if (!tp__http_body_readable(c)) return false;
    if (message.n > MESSAGE_MAX) {
        tp__http_refuse(c, 413, "the body is longer than 64 KiB");
        return false;
    }
    message.p = (const char *)evbuffer_pullup(in, -1);
    k->page.message = message.p ? message : SLICE("");
    return true;
}

void tp__page_serve(struct conn *c, const struct tp_route *row, void *app,
                    struct slice part)
{
    usual_headers(c, row);
    if (!admitted(c, row)) return;
    struct tp__ask *k = ask_new(c, row, app, part);
    if (!k) {
        tp__http_refuse(c, 503, "out of memory for this page");
    } else if (evhttp_request_get_command(c->req) == EVHTTP_REQ_POST &&
               !message_take(k)) {
        ask_free(k);
    } else if (row->run == TP_FEED) {
        feed_open(k);
    } else if (row->run == TP_ON_WORKER && c->http->c.pool) {
        ask_on_worker(k);
    } else {
        ask_on_loop(k);
    }
}
