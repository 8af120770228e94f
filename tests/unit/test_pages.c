/* /health, /ready and their like: which status goes with which word, and what
 * a server that shuts down still says. */
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/transport_host.h"
#include "transport/pages.h"

enum { SLOW_S = 20 };

static const char *_Atomic word;

static const char *say_word(void *ctx)
{
    (void)ctx;
    return word;
}

static void tell_document(void *ctx, struct json_writer *w)
{
    (void)ctx;
    json_put_string(w, "status", slice_of(word));
}

static bool tell_part(void *ctx, struct slice name, struct json_writer *w)
{
    (void)ctx;
    if (!slice_eq(name, SLICE("permits"))) return false;
    json_put_int(w, "permits", 24);
    return true;
}

static struct tp_pages pages = {.version = SLICE_INIT("1"),
                                .health = tell_document,
                                .status = say_word,
                                .health_part = tell_part};

static int serve(struct host *h)
{
    word = "ok";
    return host_http(
        h, &(struct tp_http_config){.routes = {{tp_page_rows, &pages}}});
}

static struct slice get(int port, const char *path)
{
    int fd = host_connect(port);
    host_write(fd, arena_printf(test_arena(),
                                "GET %s HTTP/1.1\r\nHost: localhost\r\n"
                                "Connection: close\r\n\r\n",
                                path));
    struct slice all = host_read(fd, SIZE_MAX, SLOW_S);
    close(fd);
    return all;
}

static void check(int port, const char *path, int status, const char *body)
{
    struct slice all = get(port, path);
    struct slice first = arena_printf(test_arena(), "HTTP/1.1 %d ", status);
    if (!slice_starts(all, first))
        FAIL("%s is not %d: %.*s", path, status, SLICE_ARG(all));
    CHECK_CONTAINS(all, body);
}

struct said {
    const char *word;
    int status;
};

TEST_EACH(pages, whoever_asks_is_told_by_the_status_line_who_fails, struct said,
          row, {"ok", 200}, {"degraded", 200}, {"failing", 503})
{
    struct host *h = host_new();
    int port = serve(h);
    word = row->word;
    const char *status =
        arena_printf(test_arena(), "{\"status\":\"%s\"}", row->word).p;
    check(port, "/health/live", row->status, status);
    check(port, "/health", row->status, status);
    check(port, "/health/permits", row->status, "{\"permits\":24}");
    check(port, "/health/nothing", 404, "not_found");
    const char *ready = row->status == 200
                            ? "{\"ready\":true,\"why\":\"started\"}"
                            : "{\"ready\":false,\"why\":\"failing: see /health\"}";
    check(port, "/ready", row->status, ready);
    check(port, "/health/ready", row->status, ready);
    check(port, "/metrics", 200, "");
    host_free(h);
}

/* Alive and well, and not to be asked for work any more. */
TEST(pages, a_server_that_shuts_down_is_alive_and_not_ready)
{
    struct host *h = host_new();
    int port = serve(h);
    check(port, "/ready", 200, "{\"ready\":true");
    host_refuse(h);
    check(port, "/ready", 503, "{\"ready\":false,\"why\":\"shutting down\"}");
    check(port, "/health/ready", 503, "shutting down");
    check(port, "/health/live", 200, "{\"status\":\"ok\"}");
    check(port, "/health", 200, "{\"status\":\"ok\"}");
    check(port, "/mcp", 503, "the server is shutting down");
    check(port, "/nothing", 503, "the server is shutting down");
    host_free(h);
}
