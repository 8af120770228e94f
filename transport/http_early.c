/* Answers to what never becomes a request of ours. evhttp refuses by itself
 * what it cannot read (400), a body that is too long (413) and an expectation
 * it does not know (417), with a page of HTML, and 2.1.12 has no way to ask
 * for other words. But whatever it writes passes the output buffer while no
 * request is with us: the status line is read there, our own answer put in
 * its place, and the rest of evhttp's finds the buffer closed. The connection
 * ends after such an answer anyway. */
#include "transport/http_conn.h"

#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "base/clock.h"
#include "base/log.h"

static const struct early_row {
    int status;
    const char *phrase, *why;
} early_rows[] = {
    {408, "Request Timeout",
     "the request did not arrive in time (conn.header_ms, conn.body_ms)"},
    {413, "Content Too Large",
     "the body is longer than this server reads (body.max); send less, for "
     "example shorter arguments"},
    {503, "Service Unavailable",
     "OVER_CAPACITY: more is being sent at once than this server holds (four "
     "times body.max); send it again in a moment"},
    {417, "Expectation Failed", "no expectation but 100-continue is met here"},
    /* The last one stands for the rest. */
    {400, "Bad Request",
     "not a request of HTTP/1.1 that can be read, or its header is too long"},
};
enum { EARLY_ROWS = sizeof(early_rows) / sizeof(early_rows[0]) };

static const struct early_row *early_find(int status)
{
    size_t i = 0;
    while (i < EARLY_ROWS - 1 && early_rows[i].status != status) i++;
    return &early_rows[i];
}

static void early_text(struct tp_http *h, int status, struct buf *b)
{
    const struct early_row *row = early_find(status);
    struct buf body = BUF_INIT(4096);
    mcp_error_body(&body, -32600, slice_of(row->why));
    buf_printf(b,
               "HTTP/1.1 %d %s\r\nDate: %s\r\n"
               "Content-Type: application/json\r\n"
               "Content-Length: %zu\r\nConnection: close\r\n\r\n",
               row->status, row->phrase, tp__http_date(h), body.n);
    buf_put(b, buf_slice(&body));
    buf_done(&body);
}

/* The status of what was appended to `out` behind `at` bytes; 0: not the
 * beginning of an answer. `out` is not frozen. */
static int status_behind(struct evbuffer *out, size_t at)
{
    struct evbuffer_ptr p;
    char line[12]; /* HTTP/1.1 413 */
    int64_t status;
    if (evbuffer_ptr_set(out, &p, at, EVBUFFER_PTR_SET) != 0 ||
        evbuffer_copyout_from(out, &p, line, sizeof(line)) < 12 ||
        !slice_int64((struct slice){line + 9, 3}, &status))
        return 0;
    return (int)status;
}

static void early_replace(struct conn *c, struct evbuffer *out, int status)
{
    struct buf b = BUF_INIT(8192);
    early_text(c->http, status, &b);
    if (!b.err) {
        evbuffer_drain(out, evbuffer_get_length(out));
        c->early = true; /* for the add is reported to us again */
        evbuffer_add(out, b.p, b.n);
        evbuffer_freeze(out, 0);
    }
    buf_done(&b);
    log_info("http", "request refused", LOG_I("status", status));
}

void tp__http_early(struct evbuffer *out, const struct evbuffer_cb_info *info,
                    void *conn)
{
    struct conn *c = conn;
    if (info->n_deleted) {
        c->unread.sent += info->n_deleted;
        c->moved = clock_coarse();
    }
    if (info->n_added == 0 || c->early || c->phase == CONN_PENDING ||
        c->phase == CONN_SENDING)
        return;
    /* A bufferevent keeps the front of its output frozen between writes. */
    evbuffer_unfreeze(out, 1);
    int status = status_behind(out, info->orig_size);
    if (status >= 400) early_replace(c, out, status); /* 100 goes as it is */
    evbuffer_freeze(out, 1);
}

void tp__http_tell(struct conn *c, int status)
{
    struct buf b = BUF_INIT(8192);
    early_text(c->http, status, &b);
    if (!b.err) {
        (void)send(bufferevent_getfd(c->bev), b.p, b.n,
                   MSG_DONTWAIT | MSG_NOSIGNAL);
        c->early = true;
        evbuffer_freeze(bufferevent_get_output(c->bev), 0);
    }
    buf_done(&b);
}
