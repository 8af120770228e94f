#include "tests/unit/transport_host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "base/lock.h"
#include "mcp/call.h"
#include "mcp/call_state.h"
#include "transport/listen.h"
#include "transport/loop.h"

enum { HELD_MAX = 4096, PATIENCE_S = 20, EVENT_BYTES = 65536 };

struct host {
    struct pool *pool;
    struct mcp_server *mcp;
    struct tp_loop *http_loop, *stdio_loop;
    struct tp_http *http;
    struct tp_stdio *stdio;
    struct lock lock;
    struct cond changed;
    struct mcp_call *held[HELD_MAX];
    int held_n;
    bool noticed[3];
};

static int64_t patience(void)
{
    return clock_now() + PATIENCE_S * (test_sanitized() ? 4 : 1) * NS_PER_S;
}

static void pause_ms(int ms)
{
    struct timespec t = {.tv_nsec = ms * NS_PER_MS};
    nanosleep(&t, NULL);
}

/* --- tools ---------------------------------------------------------------- */

struct echo_args {
    struct slice text;
};
static const struct mcp_field echo_fields[] = {
    {.name = "text",
     .type = MCP_FIELD_STRING,
     .offset = offsetof(struct echo_args, text),
     .description = "To be sent back."},
    {0}};

static enum err echo(struct mcp_call *call, const void *args)
{
    const struct echo_args *a = args;
    struct json_writer w = json_writer(&call->out.plain);
    json_begin_object(&w);
    json_put_string(&w, "text", a->text);
    json_end_object(&w);
    return OK;
}

static enum err keep(struct mcp_call *call)
{
    struct host *h = call->app;
    lock_take(&h->lock);
    CHECK_INT_LT(h->held_n, HELD_MAX);
    h->held[h->held_n++] = call;
    cond_broadcast(&h->changed);
    lock_drop(&h->lock);
    return ERR_PENDING;
}

static enum err hold(struct mcp_call *call, const void *args)
{
    (void)args;
    buf_puts(&call->out.plain, "{\"held\":true}");
    return keep(call);
}

struct stream_args {
    int64_t n;
};
static const struct mcp_field stream_fields[] = {
    {.name = "n",
     .type = MCP_FIELD_INTEGER,
     .offset = offsetof(struct stream_args, n),
     .description = "Events.",
     .max = 100000},
    {0}};

static struct mcp_exchange *exchange_of(struct mcp_call *call)
{
    return ((struct mcp_call_state *)call)->ex;
}

static enum err stream(struct mcp_call *call, const void *args)
{
    const struct stream_args *a = args;
    struct mcp_exchange *ex = exchange_of(call);
    char *text = arena_alloc(&call->arena, EVENT_BYTES);
    int64_t taken = 0;
    memset(text, 'x', EVENT_BYTES);
    for (int64_t i = 0; i < a->n; i++)
        taken +=
            ex->ops->event(ex, SLICE("7"), (struct slice){text, EVENT_BYTES});
    buf_printf(&call->out.plain, "{\"taken\":%d}", (int)taken);
    return keep(call);
}

static enum err event(struct mcp_call *call, const void *args)
{
    const struct echo_args *a = args;
    struct mcp_exchange *ex = exchange_of(call);
    if (!ex->ops->event(ex, (struct slice){0}, a->text)) return ERR_IO;
    return keep(call);
}

static enum err broken_lines(struct mcp_call *call, const void *args)
{
    (void)args;
    buf_puts(&call->out.plain, "{\n\"broken\":\ntrue}\n");
    return OK;
}

static enum err prime(struct mcp_call *call, const void *args)
{
    (void)args;
    struct mcp_exchange *ex = exchange_of(call);
    if (!ex->ops->open(ex, SLICE("p-1"), 1000)) return ERR_IO;
    return keep(call);
}

static const struct mcp_tool tools[] = {
    {.name = "echo",
     .title = "Echo",
     .description = "Echoes.",
     .run = MCP_RUN_INLINE,
     .args_size = sizeof(struct echo_args),
     .args = echo_fields,
     .call = echo},
    {.name = "hold",
     .title = "Hold",
     .description = "Waits.",
     .run = MCP_RUN_INLINE,
     .call = hold},
    {.name = "stream",
     .title = "Stream",
     .description = "Streams.",
     .run = MCP_RUN_INLINE,
     .args_size = sizeof(struct stream_args),
     .args = stream_fields,
     .call = stream},
    {.name = "event",
     .title = "Event",
     .description = "Streams a text.",
     .run = MCP_RUN_INLINE,
     .args_size = sizeof(struct echo_args),
     .args = echo_fields,
     .call = event},
    {.name = "break",
     .title = "Break",
     .description = "Answers in lines.",
     .run = MCP_RUN_INLINE,
     .call = broken_lines},
    {.name = "prime",
     .title = "Prime",
     .description = "Opens a stream.",
     .run = MCP_RUN_INLINE,
     .call = prime},
    {0}};

/* --- life ----------------------------------------------------------------- */

struct host *host_new(void)
{
    static const struct mcp_tool *const lists[] = {tools, NULL};
    struct host *h = MEM_NEW(struct host);
    CHECK(h != NULL);
    lock_init(&h->lock, "host", RANK_LEAF);
    cond_init(&h->changed);
    CHECK_OK(pool_new("worker", 4, 4096, &h->pool));
    struct mcp_server_config c = {.name = "host",
                                  .title = "Host",
                                  .version = "0",
                                  .tools = lists,
                                  .app = h,
                                  .pool = h->pool};
    CHECK_OK(mcp_server_new(&c, &h->mcp));
    return h;
}

void host_release(struct host *h)
{
    struct mcp_call *calls[HELD_MAX];
    lock_take(&h->lock);
    int n = h->held_n;
    memcpy(calls, h->held, (size_t)n * sizeof(*calls));
    h->held_n = 0;
    lock_drop(&h->lock);
    for (int i = 0; i < n; i++) mcp_call_done(calls[i], OK);
}

void host_stop(struct host *h)
{
    mcp_server_stop(h->mcp);
}

void host_wait_calls(struct host *h, uint32_t n)
{
    for (int64_t until = patience(); host_open_calls(h) != n; pause_ms(1)) {
        if (clock_now() > until)
            FAIL("%u calls open, not %u", host_open_calls(h), n);
    }
}

uint32_t host_open_calls(struct host *h)
{
    return mcp_server_open_calls(h->mcp);
}

void host_free(struct host *h)
{
    for (int64_t until = patience(); host_open_calls(h) > 0; pause_ms(1)) {
        host_release(h);
        if (clock_now() > until)
            FAIL("%u calls did not end", host_open_calls(h));
    }
    tp_loop_stop(h->http_loop);
    tp_loop_stop(h->stdio_loop);
    tp_http_free(h->http);
    tp_stdio_free(h->stdio);
    mcp_server_free(h->mcp);
    pool_free(h->pool);
    tp_loop_free(h->http_loop);
    tp_loop_free(h->stdio_loop);
    cond_done(&h->changed);
    lock_done(&h->lock);
    mem_free(h);
}

int host_http(struct host *h, const struct tp_http_config *limits)
{
    struct tp_http_config c = limits ? *limits : (struct tp_http_config){0};
    struct tp_listen l;
    CHECK_OK(tp_listen(SLICE("127.0.0.1"), 0, 0, &l));
    CHECK_OK(tp_loop_new("http", TP_LOOP_NET, &h->http_loop));
    c.loop = h->http_loop;
    c.server = h->mcp;
    c.pool = h->pool;
    CHECK_OK(tp_http_new(&c, &h->http));
    CHECK_OK(tp_http_accept(h->http, l.fd));
    CHECK_OK(tp_loop_start(h->http_loop));
    return l.port;
}

/* --- asked of the loop ---------------------------------------------------- */

struct asked {
    struct mcp_mail mail;
    struct host *h;
    void (*ask)(struct asked *a); /* Thread: the loop */
    struct slice events;
    bool done;
};

static void asked_run(struct mcp_mail *m)
{
    struct asked *a = (struct asked *)m;
    struct host *h = a->h;
    a->ask(a);
    lock_take(&h->lock);
    a->done = true;
    cond_broadcast(&h->changed);
    lock_drop(&h->lock);
}

static void asked_wait(struct asked *a)
{
    a->mail.run = asked_run;
    tp_loop_post(a->h->http_loop, &a->mail);
    lock_take(&a->h->lock);
    while (!a->done) cond_wait(&a->h->changed, &a->h->lock);
    lock_drop(&a->h->lock);
}

static void ask_nothing(struct asked *a)
{
    (void)a;
}

/* After what the loop has been posted before. */
void host_stats(struct host *h, struct tp_http_stats *ret)
{
    struct asked a = {.h = h, .ask = ask_nothing};
    asked_wait(&a);
    tp_http_stats(h->http, ret);
}

static void ask_tell(struct asked *a)
{
    tp_http_tell(a->h->http, a->events);
}

void host_tell(struct host *h, const char *event, struct slice data)
{
    struct buf b = BUF_INIT((size_t)1 << 20);
    tp_event(&b, event, data);
    struct asked a = {.h = h, .ask = ask_tell, .events = buf_slice(&b)};
    asked_wait(&a);
    buf_done(&b);
}

void host_refuse(struct host *h)
{
    tp_http_refuse(h->http);
}

void host_wait_open(struct host *h, uint32_t n)
{
    struct tp_http_stats s;
    for (int64_t until = patience();; pause_ms(1)) {
        host_stats(h, &s);
        if (s.open == n) return;
        if (clock_now() > until) FAIL("%u connections open, not %u", s.open, n);
    }
}

static void on_notice(void *ctx, enum tp_stdio_notice what)
{
    struct host *h = ctx;
    lock_take(&h->lock);
    if (h->noticed[what]) FAIL("notice %d came twice", (int)what);
    h->noticed[what] = true;
    cond_broadcast(&h->changed);
    lock_drop(&h->lock);
}

void host_stdio(struct host *h, int in, int out,
                const struct tp_stdio_config *limits)
{
    struct tp_stdio_config c = limits ? *limits : (struct tp_stdio_config){0};
    CHECK_OK(tp_loop_new("stdio", tp_loop_kind_for(in, out), &h->stdio_loop));
    c.loop = h->stdio_loop;
    c.server = h->mcp;
    c.in = in;
    c.out = out;
    c.notice = on_notice;
    c.ctx = h;
    CHECK_OK(tp_stdio_new(&c, &h->stdio));
    CHECK_OK(tp_loop_start(h->stdio_loop));
}

void host_stdio_shut(struct host *h)
{
    tp_stdio_shut(h->stdio);
}

void host_wait_notice(struct host *h, enum tp_stdio_notice what)
{
    int64_t until = patience();
    lock_take(&h->lock);
    while (!h->noticed[what]) {
        if (!cond_wait_until(&h->changed, &h->lock, until))
            FAIL("notice %d did not come", (int)what);
    }
    lock_drop(&h->lock);
}

void host_wait_held(struct host *h, int n)
{
    int64_t until = patience();
    lock_take(&h->lock);
    while (h->held_n != n) {
        if (!cond_wait_until(&h->changed, &h->lock, until))
            FAIL("%d calls held, not %d", h->held_n, n);
    }
    lock_drop(&h->lock);
}

bool host_cancelled(struct host *h, double seconds)
{
    bool found = false;
    int64_t until = clock_now() + (int64_t)(seconds * 1e9);
    do {
        lock_take(&h->lock);
        for (int i = 0; i < h->held_n; i++)
            found |= cancel_check(&h->held[i]->cancel, 0) == ERR_CANCELLED;
        lock_drop(&h->lock);
        if (!found) pause_ms(1);
    } while (!found && clock_now() < until);
    return found;
}

/* --- a plain client ------------------------------------------------------- */

int host_connect(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_INT_EQ(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

void host_write(int fd, struct slice bytes)
{
    while (bytes.n) {
        ssize_t n = write(fd, bytes.p, bytes.n);
        if (n < 0) FAIL("write: %s", strerror(errno));
        bytes = slice_sub(bytes, (size_t)n, bytes.n);
    }
}

size_t host_flood(int fd, size_t most, int quiet_ms)
{
    static char noise[65536];
    size_t sum = 0;
    memset(noise, '1', sizeof(noise));
    while (sum < most) {
        struct pollfd p = {fd, POLLOUT, 0};
        if (poll(&p, 1, quiet_ms) == 0) break;
        ssize_t n = send(fd, noise, sizeof(noise), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) continue;
        if (n < 0) break; /* it has hung up on us */
        sum += (size_t)n;
    }
    return sum;
}

struct slice host_read_to(int fd, const char *part, double seconds)
{
    struct buf b = BUF_INIT((size_t)64 << 20);
    int64_t until = clock_now() + (int64_t)(seconds * 1e9);
    while (!slice_ends(buf_slice(&b), slice_of(part))) {
        struct slice more = host_read(fd, 1, 0.2);
        buf_put(&b, more);
        if (clock_now() > until)
            FAIL("no '%s' in %.*s", part, SLICE_ARG(buf_slice(&b)));
    }
    struct slice ret = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    return ret;
}

struct slice host_read(int fd, size_t n, double seconds)
{
    struct buf b = BUF_INIT((size_t)256 << 20);
    int64_t until = clock_now() + (int64_t)(seconds * 1e9);
    while (b.n < n && clock_now() < until) {
        struct pollfd p = {fd, POLLIN, 0};
        int64_t left = (until - clock_now()) / NS_PER_MS + 1;
        size_t most = n - b.n < 65536 ? n - b.n : 65536;
        if (poll(&p, 1, (int)left) <= 0 || !buf_reserve(&b, most)) break;
        ssize_t got = read(fd, b.p + b.n, most);
        if (got <= 0) break;
        buf_add(&b, (size_t)got);
    }
    struct slice ret = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    return ret;
}

struct slice host_post(const char *revision, const char *tool,
                       const char *arguments)
{
    bool modern = strcmp(revision, HOST_MODERN) == 0;
    struct slice body = arena_printf(
        test_arena(),
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
        "%s\"name\":\"%s\",\"arguments\":%s}}",
        modern ? "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":"
                 "\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities"
                 "\":{}},"
               : "",
        tool, arguments);
    return arena_printf(
        test_arena(),
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
        "application/json\r\nAccept: application/json, text/event-stream\r\n"
        "MCP-Protocol-Version: %s\r\nMcp-Method: tools/call\r\nMcp-Name: "
        "%s\r\nContent-Length: %zu\r\n\r\n%.*s",
        revision, tool, body.n, SLICE_ARG(body));
}
