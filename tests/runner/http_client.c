/* HTTP/1.1 on a plain socket: what is sent and what comes back is exactly
 * what a test sees. */
#include "tests/runner/client.h"
#include "tests/runner/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

struct http {
    struct arena arena;
    int fd, port;
    struct inbox inbox;
    bool head_request; /* its reply has no body */
    bool reopen;       /* the last reply said it closes */
    const char *revision;
    const char *token; /* NULL: none */
    int64_t last_id;
};

/* --- the connection --------------------------------------------------------
 */
static int connect_to(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) FAIL("socket: %s", strerror(errno));
    /* A request is written in parts, and its server would wait for no more. */
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

void http_close(struct http *h)
{
    if (h->fd >= 0) close(h->fd);
    h->fd = -1;
    inbox_clear(&h->inbox);
}

static void http_end(void *http)
{
    struct http *h = http;
    http_close(h);
    inbox_free(&h->inbox);
    arena_done(&h->arena);
    free(h);
}

bool http_try_open(int port, struct http **ret)
{
    int fd = connect_to(port);
    if (fd < 0) return false;
    struct http *h = calloc(1, sizeof *h);
    if (!h) FAIL("out of memory");
    arena_init(&h->arena, CLIENT_ARENA_MAX);
    h->fd = fd;
    h->port = port;
    http_speak(h, REVISION_MODERN);
    test_at_end(http_end, h);
    *ret = h;
    return true;
}

struct http *http_open(int port)
{
    struct http *h = NULL;
    if (!http_try_open(port, &h))
        FAIL("cannot connect to 127.0.0.1:%d: %s", port, strerror(errno));
    return h;
}

void http_send_raw(struct http *h, struct slice bytes)
{
    while (bytes.n) {
        ssize_t n = send(h->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        /* A server may refuse before it has read all, and its reply tells. */
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) return;
        if (n < 0) FAIL("send to port %d: %s", h->port, strerror(errno));
        bytes = (struct slice){bytes.p + n, bytes.n - (size_t)n};
    }
}

bool http_closed(struct http *h, double seconds)
{
    double deadline = now_s() + seconds;
    enum inbox_state state;
    do {
        state = inbox_fill(&h->inbox, h->fd, deadline);
    } while (state == INBOX_GREW);
    return state == INBOX_END;
}

/* --- replies ---------------------------------------------------------------
 */
struct reader {
    struct http *h;
    double deadline;
    size_t at; /* read so far, from the inbox's first unread byte */
    bool failed;
};

static bool grow(struct reader *r)
{
    r->failed = r->failed ||
                inbox_fill(&r->h->inbox, r->h->fd, r->deadline) != INBOX_GREW;
    return !r->failed;
}

/* Up to and with `end`, copied. */
static struct slice read_until(struct reader *r, const char *end)
{
    for (;;) {
        struct slice rest =
            slice_sub(inbox_rest(&r->h->inbox), r->at, SIZE_MAX);
        size_t hit = slice_find(rest, slice_of(end));
        if (hit < rest.n) {
            struct slice s = slice_sub(rest, 0, hit + strlen(end));
            r->at += s.n;
            return arena_copy(&r->h->arena, s);
        }
        if (!grow(r)) return (struct slice){0};
    }
}

static struct slice read_exactly(struct reader *r, size_t n)
{
    while (inbox_rest(&r->h->inbox).n - r->at < n)
        if (!grow(r)) return (struct slice){0};
    struct slice rest = inbox_rest(&r->h->inbox);
    struct slice s =
        arena_copy(&r->h->arena, (struct slice){rest.p + r->at, n});
    r->at += n;
    return s;
}

static struct slice read_to_close(struct reader *r)
{
    while (inbox_fill(&r->h->inbox, r->h->fd, r->deadline) == INBOX_GREW) {
    }
    struct slice rest = inbox_rest(&r->h->inbox);
    return read_exactly(r, rest.n - r->at);
}

static struct slice read_chunks(struct reader *r)
{
    struct buf all = BUF_INIT(CLIENT_ARENA_MAX);
    size_t n = 1;
    while (n && !r->failed) {
        struct slice line = read_until(r, "\r\n");
        n = line.n ? (size_t)strtoull(line.p, NULL, 16) : 0;
        if (n == 0) break;
        buf_put(&all, read_exactly(r, n));
        read_exactly(r, 2);
    }
    while (!r->failed && read_until(r, "\r\n").n > 2) {
    }
    struct slice body = arena_copy(&r->h->arena, buf_slice(&all));
    buf_done(&all);
    return body;
}

struct slice http_header(const struct http_reply *r, const char *name)
{
    size_t n = strlen(name);
    struct slice rest = r->head;
    while (rest.n) {
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t len = end ? (size_t)(end - rest.p) + 1 : rest.n;
        if (len > n && rest.p[n] == ':' && strncasecmp(rest.p, name, n) == 0)
            return slice_trim((struct slice){rest.p + n + 1, len - n - 1});
        rest = (struct slice){rest.p + len, rest.n - len};
    }
    return (struct slice){0};
}

static struct slice read_body(struct reader *r, const struct http_reply *reply)
{
    int64_t n = 0;
    struct slice length = http_header(reply, "Content-Length");
    bool none =
        r->h->head_request || reply->status == 204 || reply->status == 304;
    if (none) return (struct slice){0};
    if (slice_eq_nocase(http_header(reply, "Transfer-Encoding"),
                        SLICE("chunked")))
        return read_chunks(r);
    if (!length.n) return read_to_close(r);
    if (!slice_int64(length, &n) || n < 0)
        FAIL("Content-Length: %.*s", SLICE_ARG(length));
    return read_exactly(r, (size_t)n);
}

/* Of an event stream, the last event's data: the answer. */
static struct slice document(const struct http_reply *reply)
{
    if (!slice_starts(http_header(reply, "Content-Type"),
                      SLICE("text/event-stream")))
        return reply->body;
    struct slice rest = reply->body, line, last = {0};
    while (slice_split(&rest, '\n', &line))
        if (slice_starts(line, SLICE("data:")))
            last = slice_trim(slice_sub(line, 5, line.n));
    return last;
}

static bool read_head(struct reader *r, struct http_reply *ret)
{
    do {
        struct slice line = read_until(r, "\r\n");
        if (r->failed) return false;
        if (line.n < 12 || !slice_starts(line, SLICE("HTTP/1.")))
            FAIL("not an HTTP reply: %.*s", SLICE_ARG(line));
        ret->status = (int)strtol(line.p + 9, NULL, 10);
        ret->head = (struct slice){0};
        for (;;) {
            line = read_until(r, "\r\n");
            if (r->failed) return false;
            if (line.n == 2) break;
            ret->head = arena_printf(&r->h->arena, "%.*s%.*s",
                                     SLICE_ARG(ret->head), SLICE_ARG(line));
        }
    } while (ret->status / 100 == 1);
    return true;
}

bool http_try_receive(struct http *h, double seconds, struct http_reply *ret)
{
    struct reader r = {.h = h, .deadline = now_s() + seconds};
    struct http_reply reply = {0};
    if (!read_head(&r, &reply)) return false;
    reply.body = read_body(&r, &reply);
    if (r.failed) return false;
    h->inbox.at += r.at;
    h->reopen =
        slice_eq_nocase(http_header(&reply, "Connection"), SLICE("close"));
    struct slice text = document(&reply);
    reply.json = text.n ? parse_or_null(&h->arena, text) : NULL;
    *ret = reply;
    return true;
}

struct http_reply http_receive(struct http *h)
{
    struct http_reply reply;
    if (!http_try_receive(h, patience(0), &reply)) {
        struct slice rest = inbox_rest(&h->inbox);
        FAIL("no whole reply from port %d; %zu bytes came: %.*s", h->port,
             rest.n, (int)(rest.n < 500 ? rest.n : 500), rest.n ? rest.p : "");
    }
    return reply;
}

/* --- requests --------------------------------------------------------------
 */
static bool has_header(const char *headers, const char *name)
{
    struct http_reply as = {.head = slice_of(headers)};
    return http_header(&as, name).p != NULL;
}

static void reopen(struct http *h)
{
    http_close(h);
    h->reopen = false;
    h->fd = connect_to(h->port);
    if (h->fd < 0)
        FAIL("cannot connect to 127.0.0.1:%d again: %s", h->port,
             strerror(errno));
}

struct http_reply http_request(struct http *h, const char *method,
                               const char *path, const char *headers,
                               struct slice body)
{
    struct arena *a = &h->arena;
    if (h->fd < 0 || h->reopen) reopen(h);
    struct slice host = {0}, length = {0};
    if (!has_header(headers, "Host"))
        host = arena_printf(a, "Host: 127.0.0.1:%d\r\n", h->port);
    if (!has_header(headers, "Content-Length") &&
        !has_header(headers, "Transfer-Encoding") &&
        (body.n || strcmp(method, "POST") == 0))
        length = arena_printf(a, "Content-Length: %zu\r\n", body.n);
    struct slice head =
        arena_printf(a, "%s %s HTTP/1.1\r\n%.*s%.*s%s\r\n", method, path,
                     SLICE_ARG(host), SLICE_ARG(length), headers);
    if (!head.p) FAIL("out of memory for a request");
    h->head_request = strcmp(method, "HEAD") == 0;
    http_send_raw(h, head);
    http_send_raw(h, body);
    return http_receive(h);
}

/* --- calls -----------------------------------------------------------------
 */
void http_speak(struct http *h, const char *revision)
{
    h->revision = arena_cstr(&h->arena, slice_of(revision));
    if (!h->revision) FAIL("out of memory");
}

void http_token(struct http *h, const char *token)
{
    h->token = token ? arena_cstr(&h->arena, slice_of(token)) : NULL;
}

/* The member that Mcp-Name repeats, by method. */
static const struct named {
    const char *method, *member;
} named[] = {{"tools/call", "name"},     {"prompts/get", "name"},
             {"resources/read", "uri"},  {"tasks/get", "taskId"},
             {"tasks/update", "taskId"}, {"tasks/cancel", "taskId"}};

static struct slice modern_headers(struct http *h, const char *method,
                                   struct slice message)
{
    struct arena *a = &h->arena;
    struct slice name = {0};
    const struct json *m = parse_or_null(a, message);
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (strcmp(named[i].method, method) == 0)
            name = json_text(json_at(m, "params", named[i].member, NULL));
    struct slice line = SLICE("");
    if (name.n) line = arena_printf(a, "Mcp-Name: %.*s\r\n", SLICE_ARG(name));
    return arena_printf(a, "Mcp-Method: %s\r\n%.*s", method, SLICE_ARG(line));
}

static const char *call_headers(struct http *h, const char *method,
                                struct slice message)
{
    struct slice more = SLICE("");
    if (strcmp(h->revision, REVISION_MODERN) >= 0)
        more = modern_headers(h, method, message);
    if (h->token)
        more = arena_printf(&h->arena, "%.*sAuthorization: Bearer %s\r\n",
                            SLICE_ARG(more), h->token);
    struct slice all =
        arena_printf(&h->arena,
                     "Content-Type: application/json\r\n"
                     "Accept: application/json, text/event-stream\r\n"
                     "MCP-Protocol-Version: %s\r\n%.*s",
                     h->revision, SLICE_ARG(more));
    if (!all.p) FAIL("out of memory for headers");
    return all.p;
}

struct http_reply http_call(struct http *h, const char *method,
                            const char *members)
{
    struct slice m =
        message_new(&h->arena, h->revision, ++h->last_id, method, members);
    return http_request(h, "POST", "/mcp", call_headers(h, method, m), m);
}

const struct json *http_tool(struct http *h, const char *tool,
                             const char *arguments)
{
    const char *members = tool_members(&h->arena, tool, arguments);
    return result_of(http_call(h, "tools/call", members).json, tool);
}

struct slice http_read_to(struct http *h, const char *part)
{
    struct reader r = {.h = h, .deadline = now_s() + patience(0)};
    struct slice text = read_until(&r, part);
    h->inbox.at += r.at;
    if (r.failed) FAIL("port %d did not send: %s", h->port, part);
    return text;
}
