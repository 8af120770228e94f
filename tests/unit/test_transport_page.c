/*
 * Pages as rows: who may have them, where they run, how they end when their
 * client leaves; and feeds, whose slow clients cost nothing.
 */
#include "tests/unit/transport_host.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "transport/page.h"

enum { SLOW_S = 20, KIB = 1 << 10 };

#define AGENT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OPERATOR "oooooooooooooooooooooooooooooooo"

/* --- pages ---------------------------------------------------------------- */

static struct tp_page *_Atomic held; /* what stays pending */

static enum err show(struct tp_page *page)
{
    struct json_writer w = json_writer(&page->body);
    json_begin_object(&w);
    json_put_string(&w, "part", page->part);
    json_put_string(&w, "q", tp_query(page, "q"));
    json_put_string(&w, "message", page->message);
    json_end_object(&w);
    page->headers[0].name = "Cache-Control";
    page->headers[0].value = "no-cache";
    return OK;
}

static enum err fail(struct tp_page *page)
{
    return problem_set(&page->problem, ERR_SESSION_NOT_FOUND, SLICE("no 7"),
                       SLICE("it is not there"), SLICE("ask for 8"));
}

static enum err wait(struct tp_page *page)
{
    buf_puts(&page->body, "{\"waited\":true}");
    atomic_store(&held, page);
    return ERR_PENDING;
}

static enum err feed(struct tp_page *page)
{
    tp_event(&page->body, "hello", SLICE("{}"));
    return OK;
}

static const struct tp_route rows[] = {
    {"/open", TP_GET, show, TP_OPEN, TP_ON_LOOP},
    {"/reads", TP_GET, show, TP_READS, TP_ON_WORKER},
    {"/things/{}", TP_GET, show, TP_READS, TP_ON_WORKER},
    {"/things/{}/parts", TP_GET, fail, TP_READS, TP_ON_WORKER},
    {"/things/{}", TP_POST, show, TP_OPERATOR, TP_ON_WORKER},
    {"/wait", TP_GET, wait, TP_READS, TP_ON_WORKER},
    {"/feed", TP_GET, feed, TP_READS, TP_FEED},
    {0}};

static int serve_with(struct host *h, struct tp_http_config c)
{
    c.routes[0] = (struct tp_routes){rows, NULL};
    c.operator_token = SLICE(OPERATOR);
    return host_http(h, &c);
}

static int serve(struct host *h)
{
    return serve_with(h, (struct tp_http_config){0});
}

static struct slice request(int port, const char *method, const char *path,
                            const char *headers, const char *body)
{
    int fd = host_connect(port);
    struct slice text = arena_printf(
        test_arena(),
        "%s %s HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n"
        "%sContent-Length: %zu\r\n\r\n%s",
        method, path, port, headers, strlen(body), body);
    host_write(fd, text);
    struct slice all = host_read(fd, SIZE_MAX, SLOW_S);
    close(fd);
    return all;
}

struct row {
    const char *label, *method, *path, *headers, *body;
    const char *want, *also;
};

#define JSON_TYPE "Content-Type: application/json\r\n"
#define BY(token) "Authorization: Bearer " token "\r\n"

TEST_EACH(
    transport_page, whose_request_is_served, struct row, row,
    {"open", "GET", "/open?q=a%20b+c", "", "", "200", "\"q\":\"a b c\""},
    {"open to a page", "GET", "/open", "Origin: http://localhost:1\r\n", "",
     "200", "Access-Control-Allow-Origin: http://localhost:1\r\n"},
    {"its own header instead", "GET", "/open", "", "", "200",
     "Cache-Control: no-cache\r\n"},
    {"nosniff", "GET", "/open", "", "", "200",
     "X-Content-Type-Options: nosniff\r\n"},
    {"no frames", "GET", "/open", "", "", "200", "X-Frame-Options: DENY\r\n"},
    {"read", "GET", "/reads", "", "", "200", "\"part\":\"\""},
    {"no other page reads", "GET", "/reads", "Origin: http://localhost:1\r\n",
     "", "403", "own page"},
    {"nor another site", "GET", "/reads", "Sec-Fetch-Site: cross-site\r\n", "",
     "403", "own page"},
    {"nor another port", "GET", "/reads", "Sec-Fetch-Site: same-site\r\n", "",
     "403", "own page"},
    {"its own page", "GET", "/reads", "Sec-Fetch-Site: same-origin\r\n", "",
     "200", "{"},
    {"typed", "GET", "/reads", "Sec-Fetch-Site: none\r\n", "", "200", "{"},
    {"no preflight for others", "OPTIONS", "/things/1",
     "Origin: http://localhost:1\r\n", "", "204", "Allow: GET, HEAD, POST"},
    {"part", "GET", "/things/a%2Fb", "", "", "200", "\"part\":\"a%2Fb\""},
    {"no part", "GET", "/things/", "", "", "404", "no such path"},
    {"two parts", "GET", "/things/a/b", "", "", "404", "no such path"},
    {"problem", "GET", "/things/7/parts", "", "", "404",
     "\"how_to_fix\":\"ask for 8\""},
    {"bad query", "GET", "/open?q=%zz", "", "", "200", "\"q\":\"\""},
    {"nul", "GET", "/open?q=%00", "", "", "200", "\"q\":\"\""},
    {"no method", "DELETE", "/things/1", "", "", "405",
     "Allow: GET, HEAD, POST, OPTIONS"},
    {"write", "POST", "/things/1", JSON_TYPE BY(OPERATOR), "{}", "200",
     "\"message\":\"{}\""},
    {"write without", "POST", "/things/1", JSON_TYPE, "{}", "401",
     "operator's token is needed"},
    {"write by agent", "POST", "/things/1", JSON_TYPE BY(AGENT), "{}", "403",
     "not the operator"},
    {"write by nobody", "POST", "/things/1", JSON_TYPE BY(""), "{}", "403",
     "not the operator"},
    {"write from another page", "POST", "/things/1",
     JSON_TYPE BY(OPERATOR) "Origin: http://localhost:1\r\n", "{}", "403",
     "own page"},
    {"write from nowhere", "POST", "/things/1",
     JSON_TYPE BY(OPERATOR) "Origin: null\r\n", "{}", "403", "not allowed"},
    {"a form", "POST", "/things/1", "Content-Type: text/plain\r\n" BY(OPERATOR),
     "{}", "415", "application/json"},
    {"rebinding", "GET", "/open", "Host: evil.example.com\r\n", "", "400",
     "exactly one Host"})
{
    struct host *h = host_new();
    struct slice all =
        request(serve(h), row->method, row->path, row->headers, row->body);
    char line[32];
    (void)snprintf(line, sizeof(line), "HTTP/1.1 %s ", row->want);
    CHECK_CONTAINS(all, line);
    CHECK_CONTAINS(all, row->also);
    if (strcmp(row->path, "/open") != 0)
        CHECK(slice_find(all, SLICE("Access-Control")) == all.n);
    host_free(h);
}

TEST_EACH(transport_page, where_tools_need_a_token_pages_do, struct row, row,
          {"none", "GET", "/reads", "", "", "401", "a token is needed"},
          {"agent", "GET", "/reads", BY(AGENT), "", "200", "{"},
          {"operator", "GET", "/reads", BY(OPERATOR), "", "200", "{"},
          {"another", "GET", "/feed", BY("x"), "", "401", "a token"},
          {"open", "GET", "/open", "", "", "200", "{"})
{
    struct host *h = host_new();
    int port = serve_with(
        h, (struct tp_http_config){.tokens = {SLICE(AGENT), SLICE(OPERATOR)}});
    struct slice all = request(port, row->method, row->path, row->headers, "");
    char line[32];
    (void)snprintf(line, sizeof(line), "HTTP/1.1 %s ", row->want);
    CHECK_CONTAINS(all, line);
    CHECK_CONTAINS(all, row->also);
    host_free(h);
}

TEST(transport_page, without_an_operators_token_nobody_is_the_operator)
{
    struct host *h = host_new();
    struct tp_http_config c = {.routes = {{rows, NULL}}};
    struct slice all =
        request(host_http(h, &c), "POST", "/things/1", JSON_TYPE BY(""), "{}");
    CHECK_CONTAINS(all, "HTTP/1.1 403 ");
    host_free(h);
}

TEST(transport_page, a_body_has_a_ceiling)
{
    struct host *h = host_new();
    char *body = arena_zalloc(test_arena(), 64 * KIB + 2);
    memset(body, ' ', 64 * KIB + 1);
    struct slice all =
        request(serve(h), "POST", "/things/1", JSON_TYPE BY(OPERATOR), body);
    CHECK_CONTAINS(all, "HTTP/1.1 413 ");
    host_free(h);
}

/* --- pages that take long --------------------------------------------------
 */

static struct tp_page *wait_held(void)
{
    struct tp_page *page;
    while (!(page = atomic_exchange(&held, NULL))) usleep(1000);
    return page;
}

static int ask(int port, const char *path)
{
    int fd = host_connect(port);
    host_write(fd, arena_printf(test_arena(),
                                "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                path));
    return fd;
}

TEST(transport_page, a_pending_page_is_answered_from_another_thread)
{
    struct host *h = host_new();
    int fd = ask(serve(h), "/wait");
    tp_page_done(wait_held(), OK);
    CHECK_CONTAINS(host_read_to(fd, "}", SLOW_S), "{\"waited\":true}");
    close(fd);
    host_free(h);
}

TEST(transport_page, a_page_whose_client_leaves_is_told_and_comes_home)
{
    struct host *h = host_new();
    int fd = ask(serve(h), "/wait");
    struct tp_page *page = wait_held();
    close(fd);
    while (cancel_check(&page->cancel, clock_now()) != ERR_CANCELLED)
        usleep(1000);
    tp_page_done(page, ERR_CANCELLED);
    host_wait_open(h, 0);
    host_free(h);
}

TEST(transport_page, a_page_is_told_when_the_server_ends)
{
    struct host *h = host_new();
    int fd = ask(serve(h), "/wait");
    struct tp_page *page = wait_held();
    host_refuse(h);
    while (cancel_check(&page->cancel, clock_now()) != ERR_CANCELLED)
        usleep(1000);
    tp_page_done(page, ERR_CANCELLED);
    CHECK_CONTAINS(host_read(fd, SIZE_MAX, SLOW_S), "HTTP/1.1 503 ");
    close(fd);
    host_free(h);
}

TEST(transport_page, pages_under_way_are_bounded)
{
    struct host *h = host_new();
    int port = serve_with(h, (struct tp_http_config){.pages_max = 1});
    int fd = ask(port, "/wait");
    struct tp_page *page = wait_held();
    CHECK_CONTAINS(request(port, "GET", "/reads", "", ""), "HTTP/1.1 503 ");
    tp_page_done(page, OK);
    (void)host_read_to(fd, "}", SLOW_S);
    CHECK_CONTAINS(request(port, "GET", "/reads", "", ""), "HTTP/1.1 200 ");
    close(fd);
    host_free(h);
}

/* --- feeds ------------------------------------------------------------------
 */

static uint32_t feeds(struct host *h)
{
    struct tp_http_stats s;
    host_stats(h, &s);
    return s.feeds;
}

TEST(transport_page, all_clients_of_a_feed_hear_the_same)
{
    struct host *h = host_new();
    int port = serve(h);
    int one = ask(port, "/feed"), two = ask(port, "/feed");
    struct slice head = host_read_to(one, "data: {}\n\n", SLOW_S);
    CHECK_CONTAINS(head, "Content-Type: text/event-stream\r\n");
    CHECK_CONTAINS(head, "Cache-Control: no-cache, no-transform\r\n");
    (void)host_read_to(two, "data: {}\n\n", SLOW_S);
    host_tell(h, "news", SLICE("{\"n\":1}"));
    CHECK_CONTAINS(host_read_to(one, "}\n\n", SLOW_S),
                   "event: news\ndata: {\"n\":1}\n\n");
    CHECK_CONTAINS(host_read_to(two, "}\n\n", SLOW_S), "{\"n\":1}");
    close(one);
    while (feeds(h) != 1) usleep(1000);
    host_tell(h, "news", SLICE("{\"n\":2}"));
    CHECK_CONTAINS(host_read_to(two, "}\n\n", SLOW_S), "{\"n\":2}");
    close(two);
    host_free(h);
}

/* F03. The twenty minutes are the clock's; the sweep that looks at it turns in
 * real time. */
TEST(transport_page, a_stream_that_is_read_stays_for_twenty_minutes,
     .needs = "slow", .timeout_s = 120)
{
    clock_fake(1000 * NS_PER_S, INT64_C(1800000000000));
    struct host *h = host_new();
    int fd = ask(serve_with(h, (struct tp_http_config){.sweep_ms = 100}),
                 "/feed");
    (void)host_read_to(fd, "data: {}\n\n", SLOW_S);
    for (int minute = 0; minute < 20; minute++) {
        clock_fake_advance(60 * NS_PER_S);
        CHECK_CONTAINS(host_read_to(fd, ":\n\n\r\n", SLOW_S), ":\n\n");
    }
    host_tell(h, "news", SLICE("{\"n\":1}"));
    CHECK_CONTAINS(host_read_to(fd, "}\n\n", SLOW_S), "{\"n\":1}");
    close(fd);
    host_free(h);
    clock_real();
}

/* Where bytes alone would let more of them wait. */
TEST(transport_page, a_thousand_events_wait_for_a_reader_and_no_more)
{
    struct host *h = host_new();
    int fd = host_connect(
        host_http(h, &(struct tp_http_config){.out_max = 256 * KIB * KIB}));
    host_write(fd, host_post(HOST_MODERN, "stream", "{\"n\":1200}"));
    host_wait_held(h, 1);
    host_release(h);
    struct slice all = host_read(fd, 128 * KIB * KIB, 10);
    CHECK_CONTAINS(slice_sub(all, slice_find(all, SLICE("taken")), 32),
                   "1000}");
    close(fd);
    host_free(h);
}

TEST(transport_page, a_client_that_does_not_read_is_dropped)
{
    struct host *h = host_new();
    struct tp_http_stats s;
    int port = serve_with(h, (struct tp_http_config){.feed_max = 64 * KIB});
    int slow = ask(port, "/feed");
    (void)host_read_to(slow, "data: {}\n\n", SLOW_S);
    char *text = arena_alloc(test_arena(), 32 * KIB);
    memset(text, '1', 32 * KIB);
    do {
        host_tell(h, "flood", (struct slice){text, 32 * KIB});
        host_stats(h, &s);
    } while (!s.feeds_dropped);
    CHECK_INT_EQ(s.feeds, 0);
    CHECK_INT_EQ(s.closed[TP_CLOSED_STALL], 1);
    host_wait_open(h, 0);
    close(slow);
    host_free(h);
}

TEST(transport_page, feeds_are_bounded_and_end_with_the_server)
{
    struct host *h = host_new();
    int port = serve_with(h, (struct tp_http_config){.feeds_max = 1});
    int fd = ask(port, "/feed");
    (void)host_read_to(fd, "data: {}\n\n", SLOW_S);
    CHECK_CONTAINS(request(port, "GET", "/feed", "", ""), "HTTP/1.1 503 ");
    CHECK_CONTAINS(request(port, "HEAD", "/feed", "", ""), "HTTP/1.1 503 ");
    host_refuse(h);
    CHECK(
        slice_ends(host_read_to(fd, "0\r\n\r\n", SLOW_S), SLICE("0\r\n\r\n")));
    CHECK_INT_EQ(feeds(h), 0);
    close(fd);
    host_free(h);
}
