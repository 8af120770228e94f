/* stdio of the real binary: what an editor or a shell can put there. */
#include "tests/integration/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"

enum { MIB = 1 << 20 };

/* Runs the binary with `text` as its stdin file; its stdout, a file too. */
static struct slice answers(struct slice text, struct process_end *ret_end)
{
    const char *folder = process_project("files");
    process_put(folder, "requests.jsonl", text);
    char path[512];
    snprintf(path, sizeof(path), "%s/requests.jsonl", folder);
    int in = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof(path), "%s/answers.jsonl", folder);
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    CHECK(in >= 0 && out >= 0);
    *ret_end = process_wait(process_start(folder, in, out, NULL));
    close(in);
    close(out);
    return process_file(folder, "answers.jsonl");
}

TEST(stdio, a_file_of_requests_is_answered_line_by_line)
{
    struct process_end end;
    struct buf b = BUF_INIT(8 * MIB);
    enum { COUNT = 10000 };
    for (int i = 0; i < COUNT; i++)
        buf_printf(&b,
                   "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\"%s}\r\n%s",
                   i, i % 3 ? "ping" : "tools/call",
                   i % 3 ? ""
                         : ",\"params\":{\"name\":\"list_sessions\","
                           "\"arguments\":{}}",
                   i % 10 ? "" : "\n  \n");
    buf_puts(&b, "{\"jsonrpc\":\"2.0\",\"id\":\"last\",\"method\":\"ping\"}");
    struct slice all = answers(buf_slice(&b), &end);
    CHECK_INT_EQ(end.status, 0);
    CHECK_INT_EQ(process_lines(all), COUNT + 1);
    bool *seen = ARENA_ARRAY(test_arena(), bool, COUNT);
    struct slice line;
    while (slice_split(&all, '\n', &line)) {
        const struct json *v;
        struct json_error je;
        int64_t id;
        CHECK_OK(json_parse(line, NULL, test_arena(), &v, &je));
        CHECK(json_get(v, SLICE("result")) != NULL);
        if (!json_int64(json_get(v, SLICE("id")), &id)) continue;
        CHECK(!seen[id]);
        seen[id] = true;
    }
    buf_done(&b);
}

TEST(stdio, an_empty_file_and_dev_null_end_at_once)
{
    struct process_end end;
    CHECK_INT_EQ(answers(SLICE(""), &end).n, 0);
    CHECK_INT_EQ(end.status, 0);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const char *folder = process_project("null");
    end = process_wait(process_start(folder, null, null, NULL));
    CHECK_INT_EQ(end.status, 0);
    CHECK_INT_EQ(end.signal, 0);
    close(null);
}

TEST(stdio, closed_standard_descriptors_are_the_end_of_input)
{
    const char *folder = process_project("closed");
    struct process_end end = process_wait(process_start(folder, -1, -1, NULL));
    CHECK_INT_EQ(end.status, 0);
}

TEST(stdio, broken_lines_are_answered_and_the_stream_goes_on)
{
    struct process_end end;
    struct slice all =
        answers(SLICE("not json\n"
                      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n"
                      "{\"jsonrpc\":\"2.0\",\"id\":\n"
                      "\xff\xfe\n"
                      "[]\n"
                      "42\n"
                      "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"}\n"),
                &end);
    CHECK_INT_EQ(end.status, 0);
    CHECK_INT_EQ(process_lines(all), 7);
    CHECK_CONTAINS(all, "-32700");
    CHECK_CONTAINS(all, "-32600");
    CHECK_CONTAINS(all, "\"id\":1,\"result\":{}");
    CHECK_CONTAINS(all, "\"id\":2,\"result\":{}");
}

/* A ping whose line is exactly n bytes long. */
static void long_ping(struct buf *b, int id, size_t n)
{
    size_t before = b->n;
    buf_printf(b,
               "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"ping\","
               "\"params\":{\"x\":\"",
               id);
    size_t tail = 3;
    size_t fill = n - (b->n - before) - tail;
    CHECK(buf_reserve(b, fill));
    memset(b->p + b->n, 'x', fill);
    buf_add(b, fill);
    buf_puts(b, "\"}}");
    CHECK_INT_EQ(b->n - before, n);
    buf_putc(b, '\n');
}

TEST(stdio, a_line_of_16_mib_is_served_and_a_longer_one_refused,
     .timeout_s = 120)
{
    struct process_end end;
    struct buf b = BUF_INIT((size_t)64 * MIB);
    long_ping(&b, 1, (size_t)16 * MIB);
    long_ping(&b, 2, (size_t)16 * MIB + 1);
    buf_puts(&b, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\"}\n");
    struct slice all = answers(buf_slice(&b), &end);
    CHECK_INT_EQ(process_lines(all), 3);
    CHECK_CONTAINS(all, "\"id\":1,\"result\":{}");
    CHECK_CONTAINS(all, "16777216 bytes");
    CHECK_CONTAINS(all, "\"id\":3,\"result\":{}");
    CHECK_INT_EQ(slice_find(all, SLICE("\"id\":2")), all.n);
    buf_done(&b);
}

TEST(stdio, one_socket_serves_as_stdin_and_stdout)
{
    int s[2];
    char got[256];
    CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
    const char *folder = process_project("socket");
    pid_t pid = process_start(folder, s[1], s[1], NULL);
    close(s[1]);
    struct slice ping =
        SLICE("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n");
    CHECK_INT_EQ(write(s[0], ping.p, ping.n), (ssize_t)ping.n);
    ssize_t n = read(s[0], got, sizeof(got));
    CHECK_INT_GT(n, 0);
    CHECK_CONTAINS(((struct slice){got, (size_t)n}), "\"id\":1");
    close(s[0]);
    CHECK_INT_EQ(process_wait(pid).status, 0);
}

TEST(stdio, nothing_but_messages_reaches_stdout)
{
    struct process_end end;
    struct slice all = answers(
        SLICE("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\","
              "\"params\":{\"protocolVersion\":\"2025-11-25\","
              "\"capabilities\":{},\"clientInfo\":{\"name\":\"t\","
              "\"version\":\"1\"}}}\n"
              "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"
              "\n"),
        &end);
    CHECK_INT_EQ(process_lines(all), 1);
    CHECK(slice_starts(all, SLICE("{\"jsonrpc\":\"2.0\",\"id\":1,")));
}

TEST(stdio, a_reader_that_closes_ends_the_server)
{
    int in[2], out[2];
    CHECK_INT_EQ(pipe2(in, O_CLOEXEC), 0);
    CHECK_INT_EQ(pipe2(out, O_CLOEXEC), 0);
    const char *folder = process_project("epipe");
    pid_t pid = process_start(folder, in[0], out[1], NULL);
    close(in[0]);
    close(out[1]);
    close(out[0]); /* nobody reads; stdin stays open */
    struct slice ping =
        SLICE("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n");
    CHECK_INT_EQ(write(in[1], ping.p, ping.n), (ssize_t)ping.n);
    struct process_end end = process_wait(pid);
    CHECK_INT_EQ(end.signal, 0);
    CHECK_INT_EQ(end.status, 0);
    close(in[1]);
}
