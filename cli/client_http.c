#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli/client.h"

#define ANSWER_S 70 /* longer than the server's own limit of a call */
#define BODY_CEILING (64u << 20)

enum err cli_http_parse(struct slice url, struct cli_http *ret)
{
    int64_t number;
    *ret = (struct cli_http){0};
    if (!slice_starts(url, SLICE("http://"))) return ERR_INVALID;
    struct slice rest = slice_sub(url, 7, url.n);
    struct slice place = slice_sub(rest, 0, slice_find_byte(rest, '/'));
    struct slice path = slice_sub(rest, place.n, rest.n);
    size_t colon = place.n;
    while (colon > 0 && place.p[colon - 1] != ':') colon--;
    if (!colon) return ERR_INVALID;
    struct slice host = slice_sub(place, 0, colon - 1);
    struct slice port = slice_sub(place, colon, place.n);
    if (host.n > 1 && host.p[0] == '[') host = slice_sub(host, 1, host.n - 2);
    if (!slice_int64(port, &number) || number < 1 || number > 65535 ||
        !host.n || host.n >= sizeof(ret->host) || path.n >= sizeof(ret->path))
        return ERR_INVALID;
    memcpy(ret->host, host.p, host.n);
    memcpy(ret->path, path.n ? path.p : "/", path.n ? path.n : 1);
    ret->port = (int)number;
    return OK;
}

/* The same for connecting: a stopped server's backlog may be full. */
static void limit(int fd, int seconds)
{
    struct timeval t = {.tv_sec = seconds};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

static int connect_to(const struct cli_http *h, int seconds)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *list;
    char port[8];
    snprintf(port, sizeof(port), "%d", h->port);
    if (getaddrinfo(h->host, port, &hints, &list)) return -1;
    int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        limit(fd, seconds);
        if (connect(fd, list->ai_addr, list->ai_addrlen)) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd;
}

static enum err exchange(int fd, struct slice out, struct buf *in)
{
    while (out.n) {
        ssize_t n = send(fd, out.p, out.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return ERR_IO;
        out = slice_sub(out, (size_t)n, out.n);
    }
    for (;;) {
        if (!buf_reserve(in, 65536)) return in->err;
        ssize_t n = recv(fd, in->p + in->n, 65536, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? ERR_DEADLINE
                                                           : ERR_IO;
        if (n == 0) return OK; /* Connection: close */
        buf_add(in, (size_t)n);
    }
}

/* `more`: further header lines. */
static void request_write(struct buf *b, const struct cli_http *h,
                          const char *method, const char *path,
                          struct slice more, struct slice body)
{
    struct slice host = slice_of(h->host);
    bool v6 = slice_find_byte(host, ':') < host.n;
    buf_printf(b, "%s %s HTTP/1.1\r\nHost: %s%s%s:%d\r\nConnection: close\r\n",
               method, path, v6 ? "[" : "", h->host, v6 ? "]" : "", h->port);
    buf_put(b, more);
    if (h->token.n)
        buf_printf(b, "Authorization: Bearer %.*s\r\n", SLICE_ARG(h->token));
    if (body.n) buf_puts(b, "Content-Type: application/json\r\n");
    if (body.n || slice_eq(slice_of(method), SLICE("POST")))
        buf_printf(b, "Content-Length: %zu\r\n", body.n);
    buf_puts(b, "\r\n");
    buf_put(b, body);
}

/* `all` is a whole reply. */
static enum err answer_take(struct slice all, struct cli_answer *ret)
{
    int64_t status;
    size_t head = slice_find(all, SLICE("\r\n\r\n"));
    if (head == all.n || !slice_starts(all, SLICE("HTTP/1.")) ||
        !slice_int64(slice_sub(all, 9, 3), &status))
        return ERR_PARSE;
    ret->status = (int)status;
    ret->body = slice_sub(all, head + 4, all.n);
    return OK;
}

static enum err ask(const struct cli_http *h, const char *method,
                    const char *path, struct slice more, struct slice body,
                    int seconds, struct arena *a, struct cli_answer *ret)
{
    struct buf out = BUF_INIT(BODY_CEILING), in = BUF_INIT(BODY_CEILING);
    *ret = (struct cli_answer){0};
    request_write(&out, h, method, path, more, body);
    int fd = connect_to(h, seconds);
    enum err e = fd < 0 ? ERR_IO : out.err ? out.err : OK;
    if (!e) {
        ret->sent = true;
        e = exchange(fd, buf_slice(&out), &in);
    }
    if (fd >= 0) close(fd);
    struct slice all = {0};
    if (!e) all = arena_copy(a, buf_slice(&in));
    if (!e) e = all.p ? answer_take(all, ret) : ERR_NOMEM;
    buf_done(&out);
    buf_done(&in);
    return e;
}

enum err cli_http_ask(const struct cli_http *h, const char *method,
                      const char *path, struct slice body, int seconds,
                      struct arena *a, struct cli_answer *ret)
{
    return ask(h, method, path, SLICE("Accept: application/json\r\n"), body,
               seconds, a, ret);
}

enum err cli_http_call(const struct cli_http *h, const char *tool,
                       struct slice arguments, struct arena *a,
                       struct cli_reply *ret)
{
    struct buf body = BUF_INIT(BODY_CEILING);
    struct cli_answer answer = {0};
    *ret = (struct cli_reply){.why = SLICE("nobody answers at its address")};
    cli__request_write(&body, 1, tool, arguments);
    struct slice more =
        arena_printf(a,
                     "Accept: application/json, text/event-stream\r\n"
                     "MCP-Protocol-Version: 2026-07-28\r\n"
                     "Mcp-Method: tools/call\r\nMcp-Name: %s\r\n",
                     tool);
    enum err e = body.err;
    if (!e)
        e = ask(h, "POST", h->path, more, buf_slice(&body), ANSWER_S, a,
                &answer);
    buf_done(&body);
    if (!e) {
        e = cli__reply_read(answer.body, a, ret);
        if (e == ERR_PARSE)
            ret->why = arena_printf(a, "HTTP status %d", answer.status);
        return e;
    }
    ret->sent = answer.sent;
    if (e == ERR_PARSE)
        ret->why = SLICE("the answer is not HTTP");
    else if (answer.sent)
        ret->why = SLICE("the connection broke, or no answer came in time");
    return e;
}
