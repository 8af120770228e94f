/* JSON lines on the server's pipes. */
#include "tests/runner/server_inside.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- lines -----------------------------------------------------------------
 */
/* While its stdin is full we read its stdout, or both would wait for ever. */
static void wait_writable(struct server *s, double deadline)
{
    struct pollfd pf[] = {{.fd = s->in, .events = POLLOUT},
                          {.fd = s->out, .events = POLLIN}};
    double left = deadline - now_s();
    if (left <= 0) server_fail(s, "the server does not read its stdin");
    poll(pf, 2, (int)(left * 1000) + 1);
    if (pf[1].revents & POLLIN) inbox_fill(&s->inbox, s->out, deadline);
}

bool stdio_try_send_raw(struct server *s, struct slice bytes)
{
    double deadline = now_s() + s->patience;
    if (s->in < 0) FAIL("sending to a server whose stdin is closed");
    while (bytes.n) {
        ssize_t n = write(s->in, bytes.p, bytes.n);
        if (n < 0 && errno == EAGAIN) {
            wait_writable(s, deadline);
            continue;
        }
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        bytes = (struct slice){bytes.p + n, bytes.n - (size_t)n};
    }
    return true;
}

void stdio_send_raw(struct server *s, struct slice bytes)
{
    if (!stdio_try_send_raw(s, bytes))
        server_fail(s, "the server has closed its stdin");
}

void stdio_send(struct server *s, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0) FAIL("out of memory for a message");
    text[n] = '\n'; /* in the place of the NUL */
    stdio_send_raw(s, (struct slice){text, (size_t)n + 1});
    free(text);
}

static bool take_line(struct server *s, struct slice *ret)
{
    struct slice rest = inbox_rest(&s->inbox);
    char *end = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;
    if (!end) return false;
    *ret =
        arena_copy(&s->arena, (struct slice){rest.p, (size_t)(end - rest.p)});
    if (!ret->p) FAIL("out of memory for a line");
    s->inbox.at += ret->n + 1;
    return true;
}

static enum inbox_state wait_line(struct server *s, double seconds,
                                  struct slice *ret)
{
    double deadline = now_s() + seconds;
    while (!take_line(s, ret)) {
        enum inbox_state state = inbox_fill(&s->inbox, s->out, deadline);
        if (state != INBOX_GREW) return state;
    }
    return INBOX_GREW;
}

bool stdio_try_line(struct server *s, double seconds, struct slice *ret)
{
    return wait_line(s, seconds, ret) == INBOX_GREW;
}

struct slice stdio_line(struct server *s)
{
    struct slice line = {0};
    enum inbox_state state = wait_line(s, s->patience, &line);
    if (state == INBOX_END) server_fail(s, "stdout ended before a line came");
    if (state == INBOX_LATE) server_fail(s, "no line on stdout in time");
    return line;
}

/* --- messages --------------------------------------------------------------
 */
static const struct json *read_message(struct server *s)
{
    struct slice line = stdio_line(s);
    const struct json *v = parse_or_null(&s->arena, line);
    if (!v) FAIL("a line on stdout is no JSON: %.*s", SLICE_ARG(line));
    return v;
}

const struct json *stdio_receive(struct server *s)
{
    struct queued *q = s->queued_first;
    if (!q) return read_message(s);
    s->queued_first = q->next;
    if (!q->next) s->queued_last = NULL;
    return q->message;
}

static bool answers(const struct json *message, int64_t id)
{
    int64_t got;
    return !json_get(message, SLICE("method")) &&
           json_int64(json_get(message, SLICE("id")), &got) && got == id;
}

static const struct json *take_queued(struct server *s, int64_t id)
{
    struct queued *before = NULL;
    for (struct queued *q = s->queued_first; q; before = q, q = q->next) {
        if (!answers(q->message, id)) continue;
        *(before ? &before->next : &s->queued_first) = q->next;
        if (!q->next) s->queued_last = before;
        return q->message;
    }
    return NULL;
}

const struct json *stdio_answer(struct server *s, int64_t id)
{
    const struct json *found = take_queued(s, id);
    while (!found) {
        const struct json *m = read_message(s);
        if (answers(m, id)) return m;
        struct queued *q = ARENA_NEW(&s->arena, struct queued);
        if (!q) FAIL("out of memory for a message");
        q->message = m;
        *(s->queued_last ? &s->queued_last->next : &s->queued_first) = q;
        s->queued_last = q;
    }
    return found;
}

/* --- calls -----------------------------------------------------------------
 */
void stdio_speak(struct server *s, const char *revision)
{
    s->revision = arena_cstr(&s->arena, slice_of(revision));
    if (!s->revision) FAIL("out of memory");
}

int64_t stdio_request(struct server *s, const char *method, const char *members)
{
    int64_t id = ++s->last_id;
    struct slice m = message_new(&s->arena, s->revision, id, method, members);
    stdio_send(s, "%.*s", SLICE_ARG(m));
    return id;
}

const struct json *stdio_call(struct server *s, const char *method,
                              const char *members)
{
    return stdio_answer(s, stdio_request(s, method, members));
}

const struct json *stdio_tool(struct server *s, const char *tool,
                              const char *arguments_json)
{
    const char *members = tool_members(&s->arena, tool, arguments_json);
    return result_of(stdio_call(s, "tools/call", members), tool);
}

const struct json *stdio_initialize(struct server *s, const char *revision)
{
    stdio_speak(s, revision);
    struct slice members = arena_printf(
        &s->arena,
        "\"protocolVersion\":\"%s\",\"capabilities\":{},\"clientInfo\":"
        "{\"name\":\"phasegate-tests\",\"version\":\"1\"}",
        revision);
    const struct json *r =
        result_of(stdio_call(s, "initialize", members.p), "initialize");
    struct slice note =
        message_new(&s->arena, revision, -1, "notifications/initialized", "");
    stdio_send(s, "%.*s", SLICE_ARG(note));
    return r;
}
