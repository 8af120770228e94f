/* Who has subscribed to a session is told when it changes: in both eras, over
 * both transports, whoever changed it. */
#include <string.h>
#include <unistd.h>

#include "tests/integration/bugfix.h"
#include "tests/runner/client.h"
#include "tests/runner/server.h"
#include "tests/unit/transport_host.h"

enum { SLOW_S = 60 };

struct watching {
    const char *how, *writer;
};

static const char *uri_of(const char *session)
{
    return arena_printf(test_arena(), "phasegate://sessions/%s", session).p;
}

static const char *listen_members(const char *session)
{
    return arena_printf(test_arena(),
                        "\"notifications\":{\"resourceSubscriptions\":"
                        "[\"%s/report\",\"%s\"]}",
                        uri_of(session), uri_of(session))
        .p;
}

static void wait_for(struct server *s, const char *method, const char *text)
{
    const struct json *m;
    do {
        m = stdio_receive(s);
    } while (!slice_eq(json_text(json_get(m, SLICE("method"))),
                       slice_of(method)));
    CHECK_CONTAINS(m->raw, text);
}

static int http_listen(struct server *s, const char *session)
{
    struct arena *a = test_arena();
    struct slice body = message_new(a, REVISION_MODERN, 1,
                                    "subscriptions/listen",
                                    listen_members(session));
    int fd = host_connect(server_port(s));
    host_write(fd, arena_printf(a,
                                "POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
                                "Content-Type: application/json\r\n"
                                "MCP-Protocol-Version: 2026-07-28\r\n"
                                "Mcp-Method: subscriptions/listen\r\n"
                                "Content-Length: %zu\r\n\r\n%.*s",
                                body.n, SLICE_ARG(body)));
    host_read_to(fd, "subscriptions/acknowledged", SLOW_S);
    return fd;
}

/* Returns the descriptor of a stream, or -1: it is told on stdio. */
static int watch(struct server *s, const char *how, const char *session)
{
    if (strcmp(how, "http") == 0) return http_listen(s, session);
    if (strcmp(how, "modern") == 0) {
        stdio_request(s, "subscriptions/listen", listen_members(session));
        wait_for(s, "notifications/subscriptions/acknowledged", session);
        return -1;
    }
    stdio_initialize(s, "2025-11-25");
    const char *uri =
        arena_printf(test_arena(), "\"uri\":\"%s\"", uri_of(session)).p;
    CHECK(result_of(stdio_call(s, "resources/subscribe", uri), "subscribe"));
    return -1;
}

static void change(struct server *s, const char *writer, const char *session)
{
    const char *args = bugfix_session(session, ",\"action\":\"pause\"");
    if (strcmp(writer, "another process") == 0) {
        struct server *other = server_start(
            &(struct server_options){.project = server_project(s)});
        stdio_tool(other, "manage_session", args);
        server_stop_eof(other);
    } else {
        http_tool(http_open(server_port(s)), "manage_session", args);
    }
}

TEST_EACH_IF(subscribe, a_change_of_a_session_is_told, (.timeout_s = 120),
             struct watching, row, {"legacy", "itself"}, {"modern", "itself"},
             {"http", "itself"}, {"legacy", "another process"},
             {"modern", "another process"}, {"http", "another process"})
{
    struct server *s = server_start(&(struct server_options){0});
    const struct json *started =
        stdio_tool(s, "start_workflow", bugfix_start("src/a.c"));
    const char *session = arena_cstr(
        test_arena(), json_text(json_at(started, "structuredContent",
                                        "session_id", NULL)));
    int fd = watch(s, row->how, session);
    change(s, row->writer, session);
    if (fd < 0) {
        wait_for(s, "notifications/resources/updated", session);
    } else {
        host_read_to(fd, "notifications/resources/updated", SLOW_S);
        close(fd);
    }
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
}

/* What changed is another session, and a text that is no session of ours. */
TEST(subscribe, others_changes_are_not_told)
{
    struct server *s = server_start(&(struct server_options){0});
    const struct json *one =
        stdio_tool(s, "start_workflow", bugfix_start("src/a.c"));
    const struct json *two =
        stdio_tool(s, "start_workflow", bugfix_start("src/b.c"));
    const char *mine = arena_cstr(
        test_arena(),
        json_text(json_at(one, "structuredContent", "session_id", NULL)));
    const char *other = arena_cstr(
        test_arena(),
        json_text(json_at(two, "structuredContent", "session_id", NULL)));
    stdio_request(s, "subscriptions/listen", listen_members(mine));
    wait_for(s, "notifications/subscriptions/acknowledged", mine);
    change(s, "itself", other);
    change(s, "itself", mine);
    wait_for(s, "notifications/resources/updated", mine);
}

static const struct json *subscribe_setting(const struct json *result)
{
    return json_get(json_get(json_get(result, SLICE("capabilities")),
                             SLICE("resources")),
                    SLICE("subscribe"));
}

/* A legacy client over HTTP has no stream of its own here: it is offered
 * nothing that could not be kept. */
TEST(subscribe, is_offered_to_whom_it_can_be_kept)
{
    struct server *s = server_start(&(struct server_options){0});
    struct http *h = http_open(server_port(s));
    const char *hello = "\"protocolVersion\":\"2025-11-25\","
                        "\"capabilities\":{},\"clientInfo\":{\"name\":\"x\","
                        "\"version\":\"1\"}";
    CHECK(subscribe_setting(stdio_initialize(s, "2025-11-25")));
    http_speak(h, "2025-11-25");
    struct http_reply r = http_call(h, "initialize", hello);
    CHECK(!subscribe_setting(result_of(r.json, "initialize")));
    r = http_call(h, "resources/subscribe", "\"uri\":\"phasegate://x\"");
    CHECK_CONTAINS(r.body, "-32601");
    http_speak(h, "2026-07-28");
    r = http_call(h, "server/discover", "");
    CHECK(subscribe_setting(result_of(r.json, "server/discover")));
}
