/* HTTP of the real binary: the ladder of refusals, ceilings, two clients. */
#include "tests/runner/server.h"

#include <stdio.h>

#include "base/buf.h"
#include "tests/integration/process.h"

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

TEST_EACH(
    http, the_ladder_of_refusals, struct asked, row,
    {"fine", "POST", "/mcp", JSON_TYPE, 200, "Content-Type",
     "application/json"},
    {"get", "GET", "/mcp", "", 405, "Allow", "POST"},
    {"delete", "DELETE", "/mcp", "", 405, "Allow", "POST"},
    {"put", "PUT", "/mcp", JSON_TYPE, 405, "Allow", "POST"},
    {"options", "OPTIONS", "/mcp", "", 405, "Allow", "POST"},
    {"patch", "PATCH", "/mcp", JSON_TYPE, 405, "Allow", "POST"},
    {"text", "POST", "/mcp", "Content-Type: text/plain\r\n", 415, NULL, NULL},
    {"no type", "POST", "/mcp", "", 415, NULL, NULL},
    {"host", "POST", "/mcp", JSON_TYPE "Host: evil.example.com\r\n", 403, NULL,
     NULL},
    {"origin", "POST", "/mcp", JSON_TYPE "Origin: http://evil.example.com\r\n",
     403, NULL, NULL},
    {"null origin", "POST", "/mcp", JSON_TYPE "Origin: null\r\n", 403, NULL,
     NULL},
    {"own origin", "POST", "/mcp",
     JSON_TYPE "Origin: http://localhost:3000\r\n", 200, NULL, NULL},
    {"host before all", "PUT", "/nowhere", "Host: evil.example.com\r\n", 403,
     NULL, NULL},
    {"path", "POST", "/other", JSON_TYPE, 404, NULL, NULL},
    {"health", "GET", "/health", "", 200, "Content-Type", "application/json"},
    {"ready", "GET", "/ready", "", 200, NULL, NULL},
    {"post to health", "POST", "/health", JSON_TYPE, 405, "Allow", "GET, HEAD"})
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
