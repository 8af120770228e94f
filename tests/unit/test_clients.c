/* The clients that integration tests use, against small fakes: `cat` for
 * lines, a socket with a ready reply for HTTP. */
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/runner/client.h"
#include "tests/runner/server.h"

static struct server *shell(const char *script)
{
    const char *const args[] = {"-c", script, NULL};
    return server_start(&(struct server_options){
        .binary = "/bin/sh", .all_args = args, .patience_s = 10});
}

TEST(clients, lines_come_back_whole)
{
    struct server *s = shell("exec cat");
    stdio_send(s, "one");
    stdio_send(s, "%s", "");
    stdio_send_raw(s, SLICE("two\nthr"));
    CHECK_TEXT_EQ(stdio_line(s), "one");
    CHECK_TEXT_EQ(stdio_line(s), "");
    CHECK_TEXT_EQ(stdio_line(s), "two");
    struct slice line;
    CHECK(!stdio_try_line(s, 0.01, &line));
    stdio_send_raw(s, SLICE("ee\n"));
    CHECK_TEXT_EQ(stdio_line(s), "three");
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
    CHECK(!stdio_try_line(s, 1, &line));
}

TEST(clients, more_than_the_pipes_hold_is_sent_and_read)
{
    struct server *s = shell("exec cat");
    static char big[1 << 20];
    memset(big, 'x', sizeof big);
    for (int i = 0; i < 4; i++) {
        stdio_send_raw(s, (struct slice){big, sizeof big});
        stdio_send_raw(s, SLICE("\n"));
    }
    for (int i = 0; i < 4; i++) CHECK_INT_EQ(stdio_line(s).n, sizeof big);
}

TEST(clients, an_answer_is_found_among_others)
{
    struct server *s = shell(
        "echo '{\"method\":\"note\"}'; echo '{\"id\":2,\"result\":{\"b\":2}}';"
        "echo '{\"id\":1,\"result\":{\"a\":1}}'; exec cat >/dev/null");
    CHECK(json_at(stdio_answer(s, 1), "result", "a", NULL));
    CHECK(json_get(stdio_receive(s), SLICE("method")));
    CHECK(json_at(stdio_answer(s, 2), "result", "b", NULL));
}

TEST(clients, a_call_carries_its_revisions_envelope)
{
    struct server *s = shell("exec cat");
    const struct json *m;
    stdio_request(s, "tools/list", "");
    m = stdio_receive(s);
    CHECK_TEXT_EQ(
        json_text(json_at(m, "params", "_meta",
                          "io.modelcontextprotocol/protocolVersion", NULL)),
        "2026-07-28");
    stdio_speak(s, "2025-11-25");
    stdio_request(s, "tools/list", "\"cursor\":\"c\"");
    m = stdio_receive(s);
    CHECK(!json_at(m, "params", "_meta", NULL));
    CHECK_TEXT_EQ(json_text(json_at(m, "params", "cursor", NULL)), "c");
}

TEST(clients, ends_are_told_with_status_and_signal)
{
    CHECK_INT_EQ(server_stop_eof(shell("cat; exit 7")).status, 7);
    struct server_exit e = server_stop_signal(shell("exec cat"), SIGTERM);
    CHECK_INT_EQ(e.signal, SIGTERM);
    CHECK_INT_EQ(e.status, -1);
    CHECK_INT_EQ(server_wait(shell("exit 3")).status, 3);
}

TEST(clients, a_killed_server_starts_again_in_its_project)
{
    struct server *s = shell("cat here 2>&1; echo kept >here; echo up; cat");
    while (!slice_eq(stdio_line(s), SLICE("up"))) {
    }
    server_kill(s);
    server_restart(s);
    CHECK_TEXT_EQ(stdio_line(s), "kept");
    CHECK_TEXT_EQ(stdio_line(s), "up");
}

TEST(clients, arguments_environment_and_stderr_are_the_tests)
{
    const char *const args[] = {"-c", "echo $A-$B-$1; echo oops >&2; pwd; cat",
                                "x", "arg", NULL};
    const char *const env[] = {"A=1", "B", NULL};
    setenv("B", "set", 1);
    struct server *s = server_start(&(struct server_options){
        .binary = "/bin/sh", .all_args = args, .env = env});
    CHECK_TEXT_EQ(stdio_line(s), "1--arg");
    CHECK_TEXT_EQ(stdio_line(s), server_project(s));
    CHECK_TEXT_EQ(server_stderr_text(s), "oops\n");
}

TEST(clients, the_port_is_read_from_the_servers_own_file)
{
    struct server *s = shell(
        "mkdir -p .phasegate/servers; f=.phasegate/servers/$$.json;"
        "printf '{\"url\":\"http://127.0.0.1:4242/mcp\",\"pid\":%d}' $$ >$f.x;"
        "mv $f.x $f; cp $f .phasegate/server.json; exec cat");
    int64_t pid = 0;
    CHECK_INT_EQ(server_port(s), 4242);
    CHECK(json_int64(json_get(server_file(s), SLICE("pid")), &pid));
    CHECK_INT_EQ(pid, server_pid(s));
}

/* --- HTTP ------------------------------------------------------------------
 */
struct fake {
    int listener, port;
    const char *reply; /* sent for the head of each request */
    pthread_t thread;
    char seen[4096];
    size_t n;
};

/* One connection, until its client leaves or the reply says `close`. */
static void *fake_main(void *arg)
{
    struct fake *f = arg;
    int fd = accept(f->listener, NULL, NULL);
    char *head = f->seen;
    ssize_t n;
    while ((n = recv(fd, f->seen + f->n, sizeof f->seen - 1 - f->n, 0)) > 0) {
        f->n += (size_t)n;
        char *end = strstr(head, "\r\n\r\n");
        if (!end) continue;
        head = end + 4;
        send(fd, f->reply, strlen(f->reply), MSG_NOSIGNAL);
        if (strstr(f->reply, "Connection: close")) break;
    }
    close(fd);
    return NULL;
}

static void fake_end(void *arg)
{
    struct fake *f = arg;
    if (f->listener < 0) return;
    pthread_join(f->thread, NULL);
    close(f->listener);
    f->listener = -1;
}

/* All that came, once the client has left. */
static struct slice fake_seen(struct fake *f, struct http *h)
{
    http_close(h);
    fake_end(f);
    return (struct slice){f->seen, f->n};
}

static struct http *fake_start(struct fake *f, const char *reply)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    f->reply = reply;
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(f->listener, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(listen(f->listener, 4) == 0);
    CHECK(getsockname(f->listener, (struct sockaddr *)&at, &n) == 0);
    f->port = ntohs(at.sin_port);
    CHECK(pthread_create(&f->thread, NULL, fake_main, f) == 0);
    test_at_end(fake_end, f);
    return http_open(f->port);
}

struct reply_row {
    const char *reply;
    int status;
    const char *body;
};

TEST_EACH(clients, replies_are_read_in_every_framing, struct reply_row, row,
          {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi"},
          {"HTTP/1.1 202 Accepted\r\ncontent-length:0\r\n\r\n", 202, ""},
          {"HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
          {"HTTP/1.1 100 Continue\r\n\r\n"
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
           200, "x"},
          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
           "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
           200, "abc0123456789"},
          {"HTTP/1.0 404 Not Found\r\nConnection: close\r\n\r\nall there is",
           404, "all there is"})
{
    static struct fake f;
    struct http *h = fake_start(&f, row->reply);
    struct http_reply r = http_request(h, "GET", "/x", "A: b\r\n", SLICE(""));
    CHECK_INT_EQ(r.status, row->status);
    CHECK_TEXT_EQ(r.body, row->body);
}

TEST(clients, a_connection_is_kept_for_the_next_request)
{
    static struct fake f;
    struct http *h = fake_start(
        &f, "HTTP/1.1 200 OK\r\nX-Y:  z \r\nContent-Length: 7\r\n\r\n"
            "{\"a\":1}");
    for (int i = 0; i < 3; i++) {
        struct http_reply r = http_request(h, "GET", "/", "", SLICE(""));
        CHECK_TEXT_EQ(http_header(&r, "x-y"), "z");
        CHECK(json_get(r.json, SLICE("a")));
    }
    CHECK(!http_closed(h, 0.01));
}

TEST(clients, half_a_reply_is_no_reply)
{
    static struct fake f;
    struct http *h = fake_start(&f, "HTTP/1.1 200 OK\r\nConnection: close\r\n"
                                    "Content-Length: 9\r\n\r\nhalf");
    struct http_reply r;
    http_send_raw(h, SLICE("GET / HTTP/1.1\r\n\r\n"));
    CHECK(!http_try_receive(h, 10, &r));
    CHECK(http_closed(h, 10));
}

TEST(clients, an_event_streams_last_event_is_the_answer)
{
    static struct fake f;
    struct http *h =
        fake_start(&f, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                       "Connection: close\r\n\r\n:\n\nevent: message\n"
                       "data: {\"method\":\"notifications/progress\"}\n\n"
                       "event: message\ndata: {\"id\":1,\"result\":{}}\n\n");
    struct http_reply r = http_request(h, "GET", "/", "", SLICE(""));
    CHECK(json_get(r.json, SLICE("result")));
}

TEST(clients, modern_calls_repeat_method_and_name_in_headers)
{
    static struct fake f;
    struct http *h =
        fake_start(&f, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    http_token(h, "secret");
    http_call(h, "tools/call", "\"name\":\"get_phase\"");
    struct slice seen = fake_seen(&f, h);
    CHECK_CONTAINS(seen, "MCP-Protocol-Version: 2026-07-28\r\n");
    CHECK_CONTAINS(seen, "Mcp-Method: tools/call\r\n");
    CHECK_CONTAINS(seen, "Mcp-Name: get_phase\r\n");
    CHECK_CONTAINS(seen, "Authorization: Bearer secret\r\n");
}

TEST(clients, handshake_era_calls_have_no_modern_headers)
{
    static struct fake f;
    struct http *h =
        fake_start(&f, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    http_speak(h, "2025-11-25");
    http_call(h, "tools/call", "\"name\":\"get_phase\"");
    struct slice seen = fake_seen(&f, h);
    CHECK_CONTAINS(seen, "MCP-Protocol-Version: 2025-11-25\r\n");
    CHECK(!memmem(seen.p, seen.n, "Mcp-", 4));
}
