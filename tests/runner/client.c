#include "tests/runner/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void inbox_free(struct inbox *b)
{
    free(b->p);
    *b = (struct inbox){0};
}

void inbox_clear(struct inbox *b)
{
    b->at = b->n = 0;
}

static void make_room(struct inbox *b)
{
    if (b->at && b->at == b->n) inbox_clear(b);
    if (b->capacity - b->n >= 65536) return;
    b->capacity = b->capacity * 2 + 65536;
    b->p = realloc(b->p, b->capacity);
    if (!b->p) FAIL("out of memory for what was received");
}

enum inbox_state inbox_fill(struct inbox *b, int fd, double deadline)
{
    double left = deadline - now_s();
    struct pollfd pf = {.fd = fd, .events = POLLIN};
    int ready = poll(&pf, 1, left > 0 ? (int)(left * 1000) + 1 : 0);
    if (ready < 0 && errno != EINTR) FAIL("poll: %s", strerror(errno));
    if (ready <= 0) return now_s() < deadline ? INBOX_GREW : INBOX_LATE;
    make_room(b);
    ssize_t got = read(fd, b->p + b->n, b->capacity - b->n);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return INBOX_GREW;
    if (got <= 0) return INBOX_END;
    b->n += (size_t)got;
    return INBOX_GREW;
}

double patience(int asked_s)
{
    return (asked_s ? asked_s : 20) * (test_sanitized() ? 4.0 : 1.0);
}

static const char modern_meta[] =
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"%s\","
    "\"io.modelcontextprotocol/clientCapabilities\":{},"
    "\"io.modelcontextprotocol/clientInfo\":"
    "{\"name\":\"phasegate-tests\",\"version\":\"1\"}}";

struct slice message_new(struct arena *a, const char *revision, int64_t id,
                         const char *method, const char *members)
{
    struct slice head =
        id < 0 ? SLICE("") : arena_printf(a, "\"id\":%jd,", (intmax_t)id);
    struct slice meta = {0};
    bool modern = strcmp(revision, REVISION_MODERN) >= 0;
    if (modern && id >= 0 && !strstr(members, "\"_meta\"")) {
        meta = arena_printf(a, modern_meta, revision);
        if (*members) meta = arena_printf(a, ",%.*s", SLICE_ARG(meta));
    }
    struct slice m = arena_printf(
        a, "{\"jsonrpc\":\"2.0\",%.*s\"method\":\"%s\",\"params\":{%s%.*s}}",
        SLICE_ARG(head), method, members, SLICE_ARG(meta));
    if (!m.p) FAIL("out of memory for a message");
    return m;
}

const char *tool_members(struct arena *a, const char *tool,
                         const char *arguments)
{
    struct slice m =
        arena_printf(a, "\"name\":\"%s\",\"arguments\":%s", tool, arguments);
    if (!m.p) FAIL("out of memory for a message");
    return m.p;
}

const struct json *parse_or_null(struct arena *a, struct slice text)
{
    const struct json *v = NULL;
    struct json_error error;
    return json_parse(text, NULL, a, &v, &error) ? NULL : v;
}

const struct json *result_of(const struct json *answer, const char *what)
{
    const struct json *r = json_get(answer, SLICE("result"));
    if (!r)
        FAIL("%s got no result but %.*s", what,
             SLICE_ARG(answer ? answer->raw : SLICE("no JSON")));
    return r;
}
