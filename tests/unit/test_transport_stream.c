/*
 * Streams over HTTP as bytes: what they begin with, what keeps them alive,
 * what may come behind them, and every way they end. Then what is answered
 * besides: HEAD, OPTIONS, pages of other origins, and requests that are none.
 */
#include "tests/unit/transport_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

enum { SLOW_S = 20, MIB = 1 << 20 };

#define LEGACY_GET(more)                                                       \
    "GET /mcp HTTP/1.1\r\nHost: localhost\r\n"                                 \
    "Accept: text/event-stream\r\n"                                            \
    "MCP-Protocol-Version: " HOST_LEGACY "\r\n" more "\r\n"

static size_t count(struct slice text, const char *part)
{
    size_t n = 0;
    struct slice what = slice_of(part);
    for (size_t at; (at = slice_find(text, what)) < text.n; n++)
        text = slice_sub(text, at + what.n, text.n);
    return n;
}

static void reset_on_close(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    CHECK_INT_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(fd);
}

static long resident_mib(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    CHECK(f != NULL);
    CHECK_INT_EQ(fscanf(f, "%*d %ld", &pages), 1);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024) / 1024;
}

/* --- how a stream begins -------------------------------------------------- */

TEST(transport_stream, a_stream_tells_proxies_to_let_it_through)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    host_write(fd, host_post(HOST_LEGACY, "prime", "{}"));
    struct slice all = host_read_to(fd, "data: \n\n", SLOW_S);
    CHECK_CONTAINS(all, "HTTP/1.1 200 OK\r\n");
    CHECK_CONTAINS(all, "\r\nContent-Type: text/event-stream\r\n");
    CHECK_CONTAINS(all, "\r\nCache-Control: no-cache, no-transform\r\n");
    CHECK_CONTAINS(all, "\r\nX-Accel-Buffering: no\r\n");
    CHECK_CONTAINS(all, "\r\nTransfer-Encoding: chunked\r\n");
    CHECK_CONTAINS(all, "\r\nid: p-1\nretry: 1000\ndata: \n\n");
    host_wait_held(h, 1);
    host_release(h);
    CHECK(slice_ends(host_read_to(fd, "\r\n0\r\n\r\n", SLOW_S),
                     SLICE("}\n\n\r\n0\r\n\r\n")));
    close(fd);
    host_free(h);
}

struct broken {
    const char *arguments, *event;
};

TEST_EACH(transport_stream, a_line_break_in_a_message_does_not_break_its_event,
          struct broken, row,
          {"{\"text\":\"{\\n  1,\\n\\n 2}\"}",
           "event: message\ndata: {\ndata:   1,\ndata: \ndata:  2}\n\n"},
          {"{\"text\":\"{\\r\\n1\\r}\"}",
           "event: message\ndata: {\ndata: \ndata: 1\ndata: }\n\n"},
          {"{\"text\":\"{}\\n\"}", "event: message\ndata: {}\n\n"},
          {"{\"text\":\"{}\"}", "event: message\ndata: {}\n\n"})
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    host_write(fd, host_post(HOST_LEGACY, "event", row->arguments));
    host_wait_held(h, 1);
    CHECK_CONTAINS(host_read_to(fd, "\n\n\r\n", SLOW_S), row->event);
    close(fd);
    host_free(h);
}

TEST(transport_stream, a_stream_to_http_1_0_ends_with_its_connection)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    struct slice post = host_post(HOST_LEGACY, "event", "{\"text\":\"{}\"}");
    size_t at = slice_find(post, SLICE("HTTP/1.1\r\n"));
    host_write(fd, slice_sub(post, 0, at));
    host_write(fd, SLICE("HTTP/1.0\r\nConnection: keep-alive\r\n"));
    host_write(fd, slice_sub(post, at + 10, post.n));
    host_wait_held(h, 1);
    host_release(h);
    struct slice all = host_read(fd, MIB, SLOW_S); /* up to its end */
    CHECK_CONTAINS(all, "\r\n\r\nevent: message\ndata: {}\n\n");
    CHECK(slice_ends(all, SLICE("}\n\n")));
    CHECK_INT_EQ(count(all, "Content-Length"), 0);
    CHECK_INT_EQ(count(all, "chunked"), 0);
    close(fd);
    host_free(h);
}

/* --- the stream of a GET -------------------------------------------------- */

TEST(transport_stream, a_get_of_a_handshake_client_is_kept_alive)
{
    struct host *h = host_new();
    int fd = host_connect(
        host_http(h, &(struct tp_http_config){.keepalive_ms = 100}));
    host_write(fd, SLICE(LEGACY_GET("")));
    struct slice all = host_read_to(fd, "\r\n:\n\n\r\n", SLOW_S);
    CHECK_CONTAINS(all, "HTTP/1.1 200");
    CHECK_CONTAINS(all, "text/event-stream");
    host_read_to(fd, "\r\n:\n\n\r\n", SLOW_S);
    host_wait_calls(h, 1);
    close(fd);
    host_wait_open(h, 0); /* at once, not at the next comment */
    host_wait_calls(h, 0);
    host_free(h);
}

struct asked {
    const char *label, *headers, *want;
};

TEST_EACH(transport_stream, a_get_that_cannot_be_a_stream_is_refused,
          struct asked, row,
          {"modern",
           "Accept: text/event-stream\r\nMCP-Protocol-Version: "
           "2026-07-28\r\n",
           " 405 "},
          {"accept", "Accept: application/json\r\n", " 406 "},
          {"session", "Accept: text/event-stream\r\nMcp-Session-Id: x\r\n",
           " 404 "})
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    host_write(fd, arena_printf(test_arena(),
                                "GET /mcp HTTP/1.1\r\nHost: localhost\r\n%s"
                                "\r\n",
                                row->headers));
    struct slice all = host_read_to(fd, "}}", SLOW_S);
    CHECK_CONTAINS(slice_sub(all, 0, 20), row->want);
    CHECK_CONTAINS(all, "\r\nContent-Type: application/json\r\n");
    if (row->label[0] == 'm') CHECK_CONTAINS(all, "\r\nAllow: ");
    host_wait_calls(h, 0);
    close(fd);
    host_free(h);
}

TEST(transport_stream, a_get_whose_client_half_closes_ends)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    host_write(fd, SLICE(LEGACY_GET("")));
    host_read_to(fd, "\r\n\r\n", SLOW_S);
    host_wait_calls(h, 1);
    shutdown(fd, SHUT_WR);
    host_wait_calls(h, 0);
    host_wait_open(h, 0);
    close(fd);
    host_free(h);
}

TEST(transport_stream, a_server_that_stops_ends_its_streams_in_good_order)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    host_write(fd, SLICE(LEGACY_GET("")));
    host_read_to(fd, "\r\n\r\n", SLOW_S);
    host_wait_calls(h, 1);
    host_stop(h);
    CHECK_SLICE_EQ(host_read_to(fd, "0\r\n\r\n", SLOW_S), SLICE("0\r\n\r\n"));
    host_wait_calls(h, 0);
    close(fd);
    host_free(h);
}

/* --- memory, and what stands behind a stream -------------------------------
 */

TEST(transport_stream, flooding_an_open_stream_costs_no_memory)
{
    struct host *h = host_new();
    int port = host_http(h, NULL);
    struct slice requests[] = {SLICE(LEGACY_GET("")),
                               host_post(HOST_MODERN, "prime", "{}"),
                               host_post(HOST_LEGACY, "prime", "{}")};
    for (size_t i = 0; i < 3; i++) {
        int fd = host_connect(port);
        host_write(fd, requests[i]);
        host_read_to(fd, "text/event-stream", SLOW_S);
        long before = resident_mib();
        CHECK_INT_LT(host_flood(fd, 256 * MIB, 200), 24 * MIB);
        CHECK_INT_LT(resident_mib() - before, 16);
        if (!test_sanitized()) CHECK_INT_LT(resident_mib(), 64);
        reset_on_close(fd);
        host_release(h);
        host_wait_open(h, 0);
        host_release(h);
    }
    host_free(h);
}

TEST(transport_stream, a_client_that_leaves_its_stream_is_noticed_at_once)
{
    struct host *h = host_new();
    int port = host_http(h, NULL);
    int fd = host_connect(port);
    host_write(fd, host_post(HOST_MODERN, "prime", "{}"));
    host_write(fd, host_post(HOST_MODERN, "echo", "{}")); /* unread input */
    host_read_to(fd, "data: \n\n", SLOW_S);
    host_wait_held(h, 1);
    CHECK(!host_cancelled(h, 0.05));
    close(fd);
    CHECK(host_cancelled(h, SLOW_S));
    host_release(h);
    host_wait_open(h, 0);
    fd = host_connect(port); /* a handshake call runs on */
    host_write(fd, host_post(HOST_LEGACY, "prime", "{}"));
    host_read_to(fd, "data: \n\n", SLOW_S);
    host_wait_held(h, 1);
    close(fd);
    CHECK(!host_cancelled(h, 0.3));
    host_free(h);
}

TEST(transport_stream, a_request_behind_a_stream_is_answered_after_it)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    host_write(fd, host_post(HOST_MODERN, "stream", "{\"n\":2}"));
    host_wait_held(h, 1);
    host_write(fd, host_post(HOST_MODERN, "echo", "{\"text\":\"second\"}"));
    host_write(fd, host_post(HOST_MODERN, "prime", "{}"));
    host_write(fd, host_post(HOST_MODERN, "echo", "{\"text\":\"last\"}"));
    struct slice all = host_read_to(fd, "xxx\n\n\r\n", SLOW_S);
    CHECK_INT_EQ(count(all, "second"), 0);
    host_release(h);
    host_read_to(fd, "\"structuredContent\":{\"text\":\"second\"}", SLOW_S);
    host_wait_held(h, 1);
    host_read_to(fd, "data: \n\n\r\n", SLOW_S);
    host_release(h);
    host_read_to(fd, "\"structuredContent\":{\"text\":\"last\"}", SLOW_S);
    close(fd);
    host_free(h);
}

TEST(transport_stream, an_ended_stream_may_be_read_slowly, .timeout_s = 120)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(
        h, &(struct tp_http_config){.keepalive_ms = 100, .out_max = 32 * MIB}));
    host_write(fd, host_post(HOST_MODERN, "stream", "{\"n\":400}"));
    host_wait_held(h, 1);
    host_release(h);
    host_wait_calls(h, 0);
    for (int i = 0; i < 10; i++) /* several sweeps, and never all of it */
        CHECK_INT_EQ(host_read(fd, 1000, 0.1).n, 1000);
    struct buf b = BUF_INIT(64 * MIB);
    int64_t until = clock_now() + 4 * SLOW_S * NS_PER_S;
    while (!slice_ends(buf_slice(&b), SLICE("}\n\n\r\n0\r\n\r\n"))) {
        buf_put(&b, host_read(fd, MIB, 0.2));
        if (clock_now() > until) FAIL("no end within %zu bytes", b.n);
    }
    buf_done(&b);
    host_write(fd, host_post(HOST_MODERN, "echo", "{\"text\":\"next\"}"));
    host_read_to(fd, "\"next\"}", SLOW_S);
    close(fd);
    host_free(h);
}

/* --- HEAD, OPTIONS, other origins ------------------------------------------
 */

static struct slice ask(const char *request, const char *want)
{
    struct host *h = host_new();
    int fd = host_connect(
        host_http(h, &(struct tp_http_config){.tokens = {SLICE("t"), {0}}}));
    host_write(fd, slice_of(request));
    struct slice all = host_read_to(fd, want, SLOW_S);
    /* Nothing follows that a client could take for the next answer. */
    CHECK_INT_EQ(host_read(fd, 1, 0.05).n, 0);
    close(fd);
    host_free(h);
    return all;
}

TEST(transport_stream, head_is_told_what_get_begins_with)
{
    struct slice all = ask("HEAD /mcp HTTP/1.1\r\nHost: localhost\r\n"
                           "Authorization: Bearer t\r\n\r\n",
                           "\r\n\r\n");
    CHECK_CONTAINS(all, "HTTP/1.1 200");
    CHECK_CONTAINS(all, "text/event-stream");
    all = ask("HEAD /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n", "\r\n\r\n");
    CHECK_CONTAINS(all, "HTTP/1.1 401"); /* without its body */
    CHECK_CONTAINS(all, "\r\nContent-Length: ");
}

TEST(transport_stream, options_name_the_methods_and_need_no_token)
{
    struct slice all =
        ask("OPTIONS /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n", "\r\n\r\n");
    CHECK_CONTAINS(all, "HTTP/1.1 204");
    CHECK_CONTAINS(all, "\r\nAllow: GET, HEAD, POST, DELETE, OPTIONS\r\n");
    CHECK_INT_EQ(count(all, "Access-Control"), 0);
}

TEST(transport_stream, a_page_of_an_allowed_origin_may_ask_and_read)
{
    struct slice all = ask("OPTIONS /mcp HTTP/1.1\r\nHost: localhost\r\n"
                           "Origin: http://localhost:6274\r\n"
                           "Access-Control-Request-Method: POST\r\n"
                           "Access-Control-Request-Headers: mcp-name\r\n\r\n",
                           "\r\n\r\n");
    CHECK_CONTAINS(all, "HTTP/1.1 204");
    CHECK_CONTAINS(
        all, "\r\nAccess-Control-Allow-Origin: http://localhost:6274\r\n");
    CHECK_CONTAINS(all, "\r\nAccess-Control-Allow-Methods: GET, HEAD, POST, "
                        "DELETE, OPTIONS\r\n");
    CHECK_CONTAINS(all, "\r\nAccess-Control-Allow-Headers: Authorization, ");
    CHECK_CONTAINS(all, "\r\nVary: Origin\r\n");
    all = ask("POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
              "Origin: http://localhost:6274\r\nContent-Length: 2\r\n\r\n{}",
              "}}");
    CHECK_CONTAINS(all, "HTTP/1.1 401"); /* refusals can be read, too */
    CHECK_CONTAINS(
        all, "\r\nAccess-Control-Allow-Origin: http://localhost:6274\r\n");
    CHECK_CONTAINS(all, "\r\nAccess-Control-Expose-Headers: Mcp-Session-Id");
}

TEST(transport_stream, a_page_of_another_origin_learns_nothing)
{
    struct slice all = ask("OPTIONS /mcp HTTP/1.1\r\nHost: localhost\r\n"
                           "Origin: http://evil.example.com\r\n"
                           "Access-Control-Request-Method: POST\r\n\r\n",
                           "}}");
    CHECK_CONTAINS(all, "HTTP/1.1 403");
    CHECK_INT_EQ(count(all, "Access-Control"), 0);
}

/* --- requests that are none ------------------------------------------------
 */

struct refused {
    const char *label, *request;
    int status;
};

#define POST_HEAD                                                              \
    "POST /mcp HTTP/1.1\r\nHost: localhost\r\n"                                \
    "Content-Type: application/json\r\n"

TEST_EACH(transport_stream, what_is_no_request_is_refused_in_json,
          struct refused, row, {"noise", "\x16\x03\x01\x02\r\n\r\n", 400},
          {"no version", "GET\r\n\r\n", 400},
          {"header", "GET /mcp HTTP/1.1\r\nno colon\r\n\r\n", 400},
          {"length", POST_HEAD "Content-Length: x\r\n\r\n", 400},
          {"long",
           POST_HEAD "Content-Length: 100\r\n\r\n"
                     "0123456789012345678901234567890123456789012345678901"
                     "234567890123456789012345678901234567890123456789",
           413},
          {"long chunk", POST_HEAD "Transfer-Encoding: chunked\r\n\r\nfff\r\n",
           413},
          {"long, waits",
           POST_HEAD "Expect: 100-continue\r\n"
                     "Content-Length: 40\r\n\r\n"
                     "0123456789012345678901234567890123456789",
           413},
          {"expect", POST_HEAD "Expect: tea\r\nContent-Length: 1\r\n\r\n", 417},
          {"slow", "POST /mcp HTTP/1.1\r\nHost: loc", 408},
          {"two lengths",
           POST_HEAD "Content-Length: 2\r\nContent-Length: 2\r\n\r\n"
                     "{}",
           400},
          {"length and chunks",
           POST_HEAD "Content-Length: 2\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n"
                     "2\r\n{}\r\n0\r\n\r\n",
           400},
          {"coding", POST_HEAD "Transfer-Encoding: xchunked\r\n\r\n", 400},
          {"unknown with body",
           "BREW /mcp HTTP/1.1\r\nHost: localhost\r\n"
           "Content-Length: 18\r\n\r\n"
           "GET / HTTP/1.0\r\n\r\n",
           400})
{
    struct host *h = host_new();
    int fd = host_connect(host_http(
        h, &(struct tp_http_config){.body_max = 32, .header_ms = 500}));
    /* One that has served already: evhttp's state differs. */
    host_write(fd, SLICE("OPTIONS /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    host_read_to(fd, "\r\n\r\n", SLOW_S);
    host_write(fd, slice_of(row->request));
    struct slice all = host_read(fd, MIB, SLOW_S); /* up to its end */
    size_t at = slice_find(all, SLICE("\r\n\r\n"));
    CHECK_CONTAINS(slice_sub(all, 0, 13),
                   arena_cstr(test_arena(),
                              arena_printf(test_arena(), " %d ", row->status)));
    CHECK_CONTAINS(all, "\r\nContent-Type: application/json\r\n");
    CHECK_CONTAINS(all, "\r\nDate: ");
    CHECK_CONTAINS(all, "\r\nConnection: close\r\n");
    struct slice body = slice_sub(all, at + 4, all.n);
    CHECK_CONTAINS(
        all, arena_cstr(test_arena(),
                        arena_printf(test_arena(),
                                     "\r\nContent-Length: %zu\r\n", body.n)));
    const struct json *root = NULL;
    struct json_error je;
    CHECK_OK(json_parse(body, NULL, test_arena(), &root, &je));
    CHECK(json_is(json_get(json_get(root, SLICE("error")), SLICE("message")),
                  JSON_STRING));
    CHECK(json_get(root, SLICE("id")) == NULL);
    close(fd);
    host_wait_open(h, 0);
    host_free(h);
}

TEST(transport_stream, a_client_that_expects_100_is_asked_to_continue)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    struct slice post = host_post(HOST_LEGACY, "echo", "{\"text\":\"hi\"}");
    size_t at = slice_find(post, SLICE("\r\n\r\n")) + 2;
    host_write(fd, slice_sub(post, 0, at));
    host_write(fd, SLICE("Expect: 100-continue\r\n\r\n"));
    CHECK_SLICE_EQ(host_read_to(fd, "\r\n\r\n", SLOW_S),
                   SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
    host_write(fd, slice_sub(post, at + 2, post.n));
    CHECK_CONTAINS(host_read_to(fd, "\"hi\"}", SLOW_S), "HTTP/1.1 200 OK");
    close(fd);
    host_free(h);
}
