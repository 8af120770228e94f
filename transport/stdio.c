#include "transport/stdio.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>

#include <event2/event.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/turn.h"
#include "transport/lines.h"
#include "transport/loop.h"
#include "transport/port.h"

/* Answers to calls already admitted have to go somewhere, however slow the
 * reader is: out_max stops the intake, this is where memory says no. */
enum { READ_LEAST = 65536, OUT_KEEP = 262144, OUT_CEILING = 1 << 30 };

/* So many bytes of answers are written before the next line is begun: they are
 * in the processor's cache still, and the reader can begin. */
enum { OUT_BATCH = 65536 };

struct line_exchange {
    struct mcp_exchange ex;
    struct tp_stdio *stdio;
    size_t bytes;
    struct line_exchange *next; /* free list */
};

struct tp_stdio {
    struct tp_stdio_config c;
    struct mcp_peer *peer;
    struct tp_port in, out;
    struct event *readable, *writable;
    struct lines lines;
    struct buf answers;
    size_t sent; /* bytes of answers already written */
    uint32_t open;
    size_t open_bytes;
    struct line_exchange *idle;
    struct line_exchange *standing; /* what mcp/ says of its own accord */
    bool reading;                   /* the readable event is in the base */
    bool eof;                       /* nothing more will be read */
    bool last;                      /* the line without newline was given out */
    bool gone;                      /* nobody reads our answers */
    bool ended;
    bool stuck; /* the last write did not take it all */
    bool wide;  /* `answers` has memory for many */
    bool pumping;
    struct mcp_mail shut;
    atomic_flag shut_posted;
};

static void tell(struct tp_stdio *s, enum tp_stdio_notice what)
{
    if (s->c.notice) s->c.notice(s->c.ctx, what);
}

/* --- out ----------------------------------------------------------------- */

static size_t out_pending(const struct tp_stdio *s)
{
    return s->answers.n - s->sent;
}

static void out_clear(struct tp_stdio *s)
{
    s->sent = 0;
    s->wide = s->answers.n <= OUT_KEEP && (s->wide || s->answers.n > OUT_BATCH);
    if (s->answers.n > OUT_KEEP)
        buf_done(&s->answers);
    else
        buf_clear(&s->answers);
}

static void input_stop(struct tp_stdio *s)
{
    if (s->reading) event_del(s->readable);
    s->reading = false;
}

static void input_end(struct tp_stdio *s)
{
    if (s->eof) return;
    s->eof = true;
    input_stop(s);
    if (s->standing) mcp_exchange_lost(&s->standing->ex);
    tell(s, TP_STDIO_ENDING);
}

static void out_lost(struct tp_stdio *s, const char *why)
{
    if (s->gone) return;
    log_info("stdio", "the reader has gone", LOG_C("why", why),
             LOG_I("bytes_dropped", out_pending(s)));
    s->gone = true;
    event_del(s->writable);
    out_clear(s);
    input_end(s);
    tell(s, TP_STDIO_GONE);
}

static void out_wait(struct tp_stdio *s)
{
    s->stuck = true;
    struct timeval stall = {.tv_sec = s->c.stall_ms / 1000,
                            .tv_usec = (s->c.stall_ms % 1000) * 1000};
    event_add(s->writable, &stall);
}

/* One write for all that is ready. A reader slower than us leaves the rest
 * to the writable event. */
static void out_flush(struct tp_stdio *s)
{
    s->stuck = false;
    if (s->answers.err) out_lost(s, "out of memory for answers");
    while (!s->gone && out_pending(s) > 0) {
        ssize_t n =
            tp_port_write(&s->out, s->answers.p + s->sent, out_pending(s));
        bool full = n < 0 && errno == EAGAIN;
        if (full || (n > 0 && (size_t)n < out_pending(s)))
            tp_port_widen(&s->out);
        if (full) {
            out_wait(s);
            return;
        }
        if (n < 0) {
            out_lost(s, strerrordesc_np(errno));
            return;
        }
        s->sent += (size_t)n;
        /* A port that takes a piece at a time must be asked in between. */
        if (s->out.write_most && out_pending(s) > 0) {
            out_wait(s);
            return;
        }
    }
    out_clear(s);
}

/* Between tokens of JSON a line break is white space; here it would be the
 * end of the message. */
static void out_line(struct tp_stdio *s, struct slice message)
{
    if (message.n == 0 || s->gone) return;
    for (size_t n; (n = slice_find_byte(message, '\n')) < message.n;) {
        buf_put(&s->answers, slice_sub(message, 0, n));
        buf_putc(&s->answers, ' ');
        message = slice_sub(message, n + 1, message.n);
    }
    buf_put(&s->answers, message);
    buf_putc(&s->answers, '\n');
}

/* --- the exchange -------------------------------------------------------- */

static struct line_exchange *line_of(struct mcp_exchange *ex)
{
    return (struct line_exchange *)((char *)ex -
                                    offsetof(struct line_exchange, ex));
}

static struct slice line_header(struct mcp_exchange *ex, const char *name)
{
    (void)ex;
    (void)name;
    return (struct slice){0};
}

static void line_ended(struct line_exchange *le)
{
    struct tp_stdio *s = le->stdio;
    if (le == s->standing) s->standing = NULL;
    s->open--;
    s->open_bytes -= le->bytes;
    le->next = s->idle;
    s->idle = le;
}

static void line_end(struct mcp_exchange *ex, struct slice id,
                     struct slice message)
{
    (void)id;
    struct line_exchange *le = line_of(ex);
    tp_loop_assert_owner(le->stdio->c.loop);
    out_line(le->stdio, message);
    line_ended(le);
}

/* The only answer there is goes out from where it was written. One that has
 * others with it is put behind them, into memory that fits them all. */
static bool line_take(struct mcp_exchange *ex, struct buf *body)
{
    struct tp_stdio *s = line_of(ex)->stdio;
    tp_loop_assert_owner(s->c.loop);
    if (s->gone || s->answers.n || !body->n || lines_held(&s->lines) ||
        memchr(body->p, '\n', body->n))
        return false;
    if (s->wide) buf_done(&s->answers);
    s->wide = false;
    struct buf empty = s->answers;
    s->answers = *body;
    s->answers.ceiling = empty.ceiling;
    *body = empty;
    buf_putc(&s->answers, '\n');
    line_ended(line_of(ex));
    return true;
}

static void line_reply(struct mcp_exchange *ex, int status,
                       const struct mcp_header *headers, size_t count,
                       struct slice body)
{
    (void)status;
    (void)headers;
    (void)count;
    line_end(ex, (struct slice){0}, body);
}

/* A line is never late: there is nothing to announce. */
static bool line_open(struct mcp_exchange *ex, struct slice id,
                      int64_t retry_ms)
{
    (void)id, (void)retry_ms;
    return !line_of(ex)->stdio->gone;
}

static bool line_event(struct mcp_exchange *ex, struct slice id,
                       struct slice message)
{
    (void)id;
    struct tp_stdio *s = line_of(ex)->stdio;
    tp_loop_assert_owner(s->c.loop);
    if (s->gone || out_pending(s) > s->c.out_max) return false;
    out_line(s, message);
    return true;
}

static void line_drop(struct mcp_exchange *ex)
{
    line_end(ex, (struct slice){0}, (struct slice){0});
}

static const struct mcp_exchange_ops line_ops = {
    .name = "stdio",
    .header = line_header,
    .reply = line_reply,
    .take = line_take,
    .open = line_open,
    .event = line_event,
    .end = line_end,
    .drop = line_drop,
};

/* --- in ------------------------------------------------------------------ */

static void answer_error(struct tp_stdio *s, enum err e, const char *text)
{
    struct buf b = BUF_INIT(4096);
    mcp_error_line(s->peer, &b, e, slice_of(text));
    if (!b.err) out_line(s, buf_slice(&b));
    buf_done(&b);
}

static void answer_too_long(struct tp_stdio *s)
{
    char text[160];
    (void)snprintf(text, sizeof(text),
                   "line of more than %zu bytes dropped; send a smaller "
                   "message, for example shorter arguments",
                   s->lines.ceiling);
    log_warn("stdio", "line too long", LOG_I("limit", s->lines.ceiling));
    answer_error(s, ERR_INVALID, text);
}

static struct line_exchange line_new(struct tp_stdio *s)
{
    return (struct line_exchange){
        .ex = {.ops = &line_ops, .mailbox = tp_loop_mailbox(s->c.loop)},
        .stdio = s};
}

static struct line_exchange *exchange_take(struct tp_stdio *s)
{
    struct line_exchange *le = s->idle;
    if (le)
        s->idle = le->next;
    else
        le = MEM_NEW(struct line_exchange);
    if (le) *le = line_new(s);
    return le;
}

static void receive(struct tp_stdio *s, struct slice line)
{
    struct line_exchange *le = exchange_take(s);
    if (!le) {
        answer_error(s, ERR_NOMEM, "out of memory; send it again later");
        return;
    }
    le->bytes = line.n;
    s->open++;
    s->open_bytes += line.n;
    mcp_receive(s->peer, &le->ex, line);
}

static bool full(const struct tp_stdio *s)
{
    return s->open >= s->c.calls_max || s->open_bytes >= s->c.bytes_max ||
           out_pending(s) > s->c.out_max;
}

/* All lines that are here and may be begun. False: some had to stay. */
static bool lines_give(struct tp_stdio *s)
{
    struct slice line;
    while (!s->gone) {
        if (full(s)) return false;
        enum lines_got got = lines_next(&s->lines, &line);
        if (got == LINES_NONE && s->eof && !s->last) {
            s->last = true;
            got = lines_last(&s->lines, &line);
        }
        if (got == LINES_NONE) return true;
        if (got == LINES_LINE)
            receive(s, line);
        else
            answer_too_long(s);
        if (out_pending(s) >= OUT_BATCH && !s->stuck) out_flush(s);
    }
    return true;
}

static void end_if_done(struct tp_stdio *s)
{
    if (s->ended || !s->eof || s->open > 0) return;
    if (!s->gone && (out_pending(s) > 0 || !s->last)) return;
    s->ended = true;
    tell(s, TP_STDIO_ENDED);
}

/* Begins what may begin, sends what is ready, and decides whether to read
 * on. Runs after everything that can change one of these. */
static void pump(struct tp_stdio *s)
{
    if (s->pumping) return;
    s->pumping = true;
    bool all, wrote;
    do {
        all = lines_give(s);
        size_t before = out_pending(s);
        out_flush(s);
        wrote = out_pending(s) < before;
    } while (!all && wrote && !full(s));
    if (!all || s->eof) {
        input_stop(s);
    } else if (!s->reading && event_add(s->readable, NULL) == 0) {
        s->reading = true;
    }
    s->pumping = false;
    lines_trim(&s->lines);
    end_if_done(s);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    struct tp_stdio *s = ctx;
    size_t room;
    char *to = lines_space(&s->lines, READ_LEAST, &room);
    ssize_t n = -1;
    if (!to) {
        log_error("stdio", "out of memory for input");
    } else {
        n = tp_port_read(&s->in, to, room);
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0)
            log_info("stdio", "input failed",
                     LOG_C("why", strerrordesc_np(errno)));
    }
    if (n > 0)
        lines_filled(&s->lines, (size_t)n);
    else
        input_end(s);
    turn_begin();
    pump(s);
    turn_end();
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    struct tp_stdio *s = ctx;
    if (what & EV_TIMEOUT) out_lost(s, "it took nothing for too long");
    out_flush(s);
    pump(s);
}

static void on_drained(void *ctx)
{
    pump(ctx);
}

static void run_shut(struct mcp_mail *m)
{
    struct tp_stdio *s =
        (struct tp_stdio *)((char *)m - offsetof(struct tp_stdio, shut));
    input_end(s); /* the pump follows when the mailbox is drained */
}

/* --- life ---------------------------------------------------------------- */

static void defaults(struct tp_stdio_config *c)
{
    if (!c->calls_max) c->calls_max = 1024;
    if (!c->bytes_max) c->bytes_max = (size_t)32 << 20;
    if (!c->line_max) c->line_max = (size_t)16 << 20;
    if (!c->out_max) c->out_max = (size_t)4 << 20;
    if (!c->stall_ms) c->stall_ms = 30000;
}

static bool events_make(struct tp_stdio *s)
{
    struct event_base *base = tp_loop_base(s->c.loop);
    s->readable =
        event_new(base, s->in.fd, EV_READ | EV_PERSIST, on_readable, s);
    s->writable = event_new(base, s->out.fd, EV_WRITE, on_writable, s);
    return s->readable && s->writable;
}

/* mcp/ ends it at once when it has nothing to say of its own accord. */
static bool standing_make(struct tp_stdio *s)
{
    struct line_exchange *le = MEM_NEW(struct line_exchange);
    if (!le) return false;
    *le = line_new(s);
    s->standing = le;
    s->open++;
    mcp_receive_standing(s->peer, &le->ex);
    return true;
}

enum err tp_stdio_new(const struct tp_stdio_config *c, struct tp_stdio **ret)
{
    struct tp_stdio *s = MEM_NEW(struct tp_stdio);
    if (!s) return ERR_NOMEM;
    s->c = *c;
    defaults(&s->c);
    tp_port_in(&s->in, c->in);
    tp_port_out(&s->out, c->out);
    s->lines = LINES_INIT(s->c.line_max);
    s->answers = BUF_INIT(OUT_CEILING);
    s->shut.run = run_shut;
    s->peer = mcp_peer_new(c->server, MCP_STDIO, "stdio");
    if (!s->peer || !events_make(s) || !standing_make(s)) {
        tp_stdio_free(s);
        return ERR_NOMEM;
    }
    tp_loop_on_drained(c->loop, on_drained, s);
    if (s->in.fd < 0)
        tp_stdio_shut(s); /* nothing to read from: the end comes at once */
    else if (event_add(s->readable, NULL) == 0)
        s->reading = true;
    *ret = s;
    return OK;
}

void tp_stdio_shut(struct tp_stdio *s)
{
    if (!s || atomic_flag_test_and_set(&s->shut_posted)) return;
    tp_loop_post(s->c.loop, &s->shut);
}

void tp_stdio_free(struct tp_stdio *s)
{
    if (!s) return;
    if (s->readable) event_free(s->readable);
    if (s->writable) event_free(s->writable);
    if (s->open == 0) mcp_peer_free(s->peer);
    struct line_exchange *next;
    for (struct line_exchange *le = s->idle; le; le = next) {
        next = le->next;
        mem_free(le);
    }
    tp_port_done(&s->in);
    tp_port_done(&s->out);
    lines_done(&s->lines);
    buf_done(&s->answers);
    if (s->open == 0) mem_free(s);
}
