/* HTTP of the real binary: the ladder of refusals, ceilings, two clients. */
#include "tests/runner/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "tests/integration/process.h"
#include "tests/unit/transport_host.h"

enum { MIB = 1 << 20 };

#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"

static struct http *open_to(const char *const *args)
{
    struct server *s = server_start(&(struct server_options){.args = args});
    return http_open(server_port(s));
}

struct asked {
    const char *label, *method, *path, *headers;
    int status;
    const char *header, *value; /* of the reply; NULL: none */
};

#define JSON_TYPE "Content-Type: application/json\r\n"
#define ALL_METHODS "GET, HEAD, POST, DELETE, OPTIONS"

TEST_EACH(http, the_ladder_of_refusals, struct asked, row,
          {"fine", "POST", "/mcp", JSON_TYPE, 200, "Content-Type",
           "application/json"},
          {"get without a stream", "GET", "/mcp",
           "Accept: application/json\r\n", 406, NULL, NULL},
          {"get of 2026-07-28", "GET", "/mcp",
           "Accept: text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n",
           405, "Allow", "GET, POST"},
          {"delete without a session", "DELETE", "/mcp", "", 405, "Allow",
           "GET, POST"},
          {"delete of 2026-07-28", "DELETE", "/mcp",
           "MCP-Protocol-Version: 2026-07-28\r\n", 405, "Allow", "GET, POST"},
          {"JSON is enough", "POST", "/mcp",
           JSON_TYPE "Accept: application/json\r\n", 200, NULL, NULL},
          {"anything is enough", "POST", "/mcp", JSON_TYPE "Accept: */*\r\n",
           200, NULL, NULL},
          {"put", "PUT", "/mcp", JSON_TYPE, 405, "Allow", ALL_METHODS},
          {"options", "OPTIONS", "/mcp", "", 204, "Allow", ALL_METHODS},
          {"patch", "PATCH", "/mcp", JSON_TYPE, 405, "Allow", ALL_METHODS},
          {"text", "POST", "/mcp", "Content-Type: text/plain\r\n", 415, NULL,
           NULL},
          {"no type", "POST", "/mcp", "", 415, NULL, NULL},
          {"host", "POST", "/mcp", JSON_TYPE "Host: evil.example.com\r\n", 403,
           NULL, NULL},
          {"origin", "POST", "/mcp",
           JSON_TYPE "Origin: http://evil.example.com\r\n", 403, NULL, NULL},
          {"null origin", "POST", "/mcp", JSON_TYPE "Origin: null\r\n", 403,
           NULL, NULL},
          {"own origin", "POST", "/mcp",
           JSON_TYPE "Origin: http://localhost:3000\r\n", 200, NULL, NULL},
          {"host before all", "PUT", "/nowhere", "Host: evil.example.com\r\n",
           403, NULL, NULL},
          {"path", "POST", "/other", JSON_TYPE, 404, NULL, NULL},
          {"health", "GET", "/health", "", 200, "Content-Type",
           "application/json"},
          {"ready", "GET", "/ready", "", 200, NULL, NULL},
          {"post to health", "POST", "/health", JSON_TYPE, 405, "Allow",
           "GET, HEAD, OPTIONS"})
{
    struct http *h = open_to(NULL);
    bool body = row->method[0] == 'P';
    struct http_reply r = http_request(h, row->method, row->path, row->headers,
                                       body ? SLICE(PING) : SLICE(""));
    CHECK_INT_EQ(r.status, row->status);
    if (row->header) CHECK_TEXT_EQ(http_header(&r, row->header), row->value);
    CHECK(http_header(&r, "Date").n > 0);
    if (r.status >= 400)
        CHECK(json_at(r.json, "error", "message", NULL) != NULL);
    /* A refusal costs the request, not the connection. */
    r = http_request(h, "POST", "/mcp", JSON_TYPE, SLICE(PING));
    CHECK_INT_EQ(r.status, 200);
}

TEST(http, a_notification_is_accepted_without_a_body)
{
    struct http *h = open_to(NULL);
    struct http_reply r = http_request(
        h, "POST", "/mcp", JSON_TYPE,
        SLICE(
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"));
    CHECK_INT_EQ(r.status, 202);
    CHECK_INT_EQ(r.body.n, 0);
}

TEST(http, a_header_sent_twice_agrees_with_nothing)
{
    struct http *h = open_to(NULL);
    struct http_reply r = http_request(
        h, "POST", "/mcp",
        JSON_TYPE "MCP-Protocol-Version: 2026-07-28\r\n"
                  "Mcp-Method: tools/list\r\nMcp-Method: tools/call\r\n",
        SLICE("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\","
              "\"params\":{\"_meta\":{\"io.modelcontextprotocol/"
              "protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/"
              "clientCapabilities\":{}}}}"));
    CHECK_INT_EQ(r.status, 400);
}

TEST(http, a_body_of_16_mib_is_served_and_a_longer_one_refused,
     .timeout_s = 120)
{
    struct http *h = open_to(NULL);
    size_t most = (size_t)16 * MIB;
    char *body = arena_alloc(test_arena(), most + 1);
    memset(body, ' ', most + 1);
    memcpy(body, PING, sizeof(PING) - 1);
    struct http_reply r =
        http_request(h, "POST", "/mcp", JSON_TYPE, (struct slice){body, most});
    CHECK_INT_EQ(r.status, 200);
    r = http_request(h, "POST", "/mcp", JSON_TYPE,
                     (struct slice){body, most + 1});
    CHECK_INT_EQ(r.status, 413);
    CHECK_CONTAINS(json_text(json_at(r.json, "error", "message", NULL)),
                   "body.max");
    CHECK(http_closed(h, 5));
}

TEST(http, a_chunked_body_is_read_and_bounded)
{
    static const char *const args[] = {"--body-max", "4096", NULL};
    struct http *h = open_to(args);
    http_send_raw(h, SLICE("POST /mcp HTTP/1.1\r\nHost: localhost\r\n" JSON_TYPE
                           "Transfer-Encoding: chunked\r\n\r\n"
                           "a\r\n{\"jsonrpc\"\r\n"
                           "20\r\n:\"2.0\",\"id\":1,\"method\":\"ping\"}"));
    http_send_raw(h, SLICE("  \r\n0\r\n\r\n"));
    CHECK_INT_EQ(http_receive(h).status, 200);
    http_send_raw(h, SLICE("POST /mcp HTTP/1.1\r\nHost: localhost\r\n" JSON_TYPE
                           "Transfer-Encoding: chunked\r\n\r\n"
                           "ffffff\r\nxxxx"));
    CHECK_INT_EQ(http_receive(h).status, 413);
    CHECK(http_closed(h, 5));
}

TEST(http, headers_are_bounded)
{
    struct http *h = open_to(NULL);
    struct buf b = BUF_INIT(MIB);
    buf_puts(&b, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nX: ");
    for (int i = 0; i < 70000; i++) buf_putc(&b, 'a');
    buf_puts(&b, "\r\n\r\n");
    http_send_raw(h, buf_slice(&b));
    CHECK_INT_EQ(http_receive(h).status, 400);
    CHECK(http_closed(h, 5));
    buf_done(&b);
}

/* Nothing, a part, one byte less, one other, and the token with more. */
static void check_no_other_token(struct http *h, struct slice token)
{
    struct slice begin = slice_sub(token, 0, token.n - 1);
    char other = token.p[token.n - 1] == '0' ? '1' : '0';
    struct slice wrong[] = {
        SLICE(""), slice_sub(token, 0, 1), begin,
        arena_printf(test_arena(), "%.*s%c", SLICE_ARG(begin), other),
        arena_printf(test_arena(), "%.*s%.*s", SLICE_ARG(token),
                     SLICE_ARG(token))};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct slice headers = arena_printf(
            test_arena(), JSON_TYPE "Authorization: Bearer %.*s\r\n",
            SLICE_ARG(wrong[i]));
        struct http_reply r = http_request(
            h, "POST", "/mcp", arena_cstr(test_arena(), headers), SLICE(PING));
        CHECK_INT_EQ(r.status, 401);
    }
}

/* Any address is loopback's too. */
TEST(http, on_every_other_address_a_token_is_asked_for)
{
    static const char *const args[] = {"--http-host", "0.0.0.0", NULL};
    struct server *s = server_start(&(struct server_options){.args = args});
    struct http *h = http_open(server_port(s));
    CHECK_INT_EQ(http_request(h, "POST", "/mcp", JSON_TYPE, SLICE(PING)).status,
                 401);
    CHECK_INT_EQ(http_request(h, "GET", "/api/sessions", "", SLICE("")).status,
                 401);
}

TEST(http, a_token_is_asked_for_when_it_is_required)
{
    static const char *const args[] = {"--require-token", NULL};
    struct server *s = server_start(&(struct server_options){.args = args});
    struct http *h = http_open(server_port(s));
    struct http_reply r =
        http_request(h, "POST", "/mcp", JSON_TYPE, SLICE(PING));
    CHECK_INT_EQ(r.status, 401);
    CHECK_TEXT_EQ(http_header(&r, "WWW-Authenticate"), "Bearer");
    r = http_request(h, "POST", "/mcp", JSON_TYPE "Authorization: Bearer x\r\n",
                     SLICE(PING));
    CHECK_INT_EQ(r.status, 401);
    static const char *const files[] = {".phasegate/agent.token",
                                        ".phasegate/operator.token"};
    for (size_t i = 0; i < 2; i++) {
        struct slice token = process_file(server_project(s), files[i]);
        check_no_other_token(h, token);
        struct slice headers = arena_printf(
            test_arena(), JSON_TYPE "Authorization: Bearer %.*s\r\n",
            SLICE_ARG(token));
        r = http_request(h, "POST", "/mcp", arena_cstr(test_arena(), headers),
                         SLICE(PING));
        CHECK_INT_EQ(r.status, 200);
    }
    CHECK_INT_EQ(http_request(h, "GET", "/health", "", SLICE("")).status, 200);
}

TEST(http, further_names_can_be_allowed)
{
    static const char *const args[] = {"--http-names", "box.local", NULL};
    struct http *h = open_to(args);
    struct http_reply r =
        http_request(h, "POST", "/mcp",
                     JSON_TYPE "Host: box.local:80\r\n"
                               "Origin: https://box.local\r\n",
                     SLICE(PING));
    CHECK_INT_EQ(r.status, 200);
}

TEST(http, a_header_drop_by_drop_is_closed_at_its_time)
{
    static const char *const args[] = {"--conn-header-ms", "300", NULL};
    struct http *h = open_to(args);
    http_send_raw(h, SLICE("POST /mcp HTTP/1.1\r\nHo"));
    CHECK_INT_EQ(http_receive(h).status, 408);
    CHECK(http_closed(h, 5));
}

TEST(http, both_transports_work_on_one_state)
{
    struct server *s = server_start(&(struct server_options){0});
    struct http *h = http_open(server_port(s));
    const struct json *started =
        stdio_tool(s, "start_workflow",
                   "{\"workflow_type\":\"bugfix_v1\",\"target\":\"src/a.c\"}");
    struct slice id =
        json_text(json_at(started, "structuredContent", "session_id", NULL));
    CHECK(id.n > 0);
    const struct json *seen = http_tool(
        h, "get_session",
        arena_cstr(test_arena(),
                   arena_printf(test_arena(), "{\"session_id\":\"%.*s\"}",
                                SLICE_ARG(id))));
    CHECK_SLICE_EQ(json_text(json_at(seen, "structuredContent", "session",
                                     "session_id", NULL)),
                   id);
}

/* --- the stream of a GET -------------------------------------------------- */

enum { SLOW_S = 20 };

static int open_stream(struct server *s)
{
    int fd = host_connect(server_port(s));
    host_write(fd, SLICE("GET /mcp HTTP/1.1\r\nHost: localhost\r\n"
                         "Accept: text/event-stream\r\n"
                         "MCP-Protocol-Version: 2025-11-25\r\n\r\n"));
    struct slice head = host_read_to(fd, "\r\n\r\n", SLOW_S);
    CHECK_CONTAINS(head, "HTTP/1.1 200 OK\r\n");
    CHECK_CONTAINS(head, "\r\nContent-Type: text/event-stream\r\n");
    return fd;
}

static size_t resident_kib(struct server *s)
{
    struct slice text = process_file(
        arena_cstr(test_arena(),
                   arena_printf(test_arena(), "/proc/%d", (int)server_pid(s))),
        "status");
    size_t at = slice_find(text, SLICE("VmRSS:"));
    CHECK_INT_LT(at, text.n);
    return strtoul(text.p + at + 6, NULL, 10);
}

TEST(http, a_get_is_a_stream_that_is_kept_alive)
{
    static const char *const args[] = {"--conn-keepalive-ms", "1000", NULL};
    struct server *s = server_start(&(struct server_options){.args = args});
    int fd = open_stream(s);
    for (int i = 0; i < 3; i++) host_read_to(fd, "\r\n:\n\n\r\n", SLOW_S);
    /* Others are served meanwhile. */
    struct http *h = http_open(server_port(s));
    CHECK_INT_EQ(http_request(h, "POST", "/mcp", JSON_TYPE, SLICE(PING)).status,
                 200);
    close(fd);
}

TEST(http, open_streams_do_not_hold_the_end_up)
{
    struct server *s = server_start(&(struct server_options){0});
    int fds[8];
    for (size_t i = 0; i < 8; i++) fds[i] = open_stream(s);
    struct server_exit end = server_stop_signal(s, SIGTERM);
    CHECK_INT_EQ(end.status, 0);
    CHECK_INT_LT((int)(end.seconds * 1000), test_sanitized() ? 5000 : 1000);
    for (size_t i = 0; i < 8; i++) {
        struct slice rest = host_read(fds[i], MIB, SLOW_S);
        CHECK(slice_ends(rest, SLICE("0\r\n\r\n")));
        close(fds[i]);
    }
}

TEST(http, flooding_an_open_stream_keeps_memory_under_64_mib)
{
    struct server *s = server_start(&(struct server_options){0});
    int fds[4];
    for (size_t i = 0; i < 4; i++) {
        fds[i] = open_stream(s);
        CHECK_INT_LT(host_flood(fds[i], (size_t)256 * MIB, 200), 24 * MIB);
    }
    if (!test_sanitized()) CHECK_INT_LT(resident_kib(s), 64 * 1024);
    struct http *h = http_open(server_port(s)); /* nobody else is harmed */
    CHECK_INT_EQ(http_request(h, "POST", "/mcp", JSON_TYPE, SLICE(PING)).status,
                 200);
    for (size_t i = 0; i < 4; i++) close(fds[i]);
}
