/* The stdio peer on pipes, sockets and files, with calls that wait. */
#include "tests/unit/transport_host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

enum { SLOW_S = 20, MIB = 1 << 20 };

struct pair {
    int to, from; /* ours */
    int in, out;  /* the server's */
};

static struct pair pipes(void)
{
    int a[2], b[2];
    signal(SIGPIPE, SIG_IGN);
    CHECK_INT_EQ(pipe2(a, O_CLOEXEC), 0);
    CHECK_INT_EQ(pipe2(b, O_CLOEXEC), 0);
    return (struct pair){.to = a[1], .from = b[0], .in = a[0], .out = b[1]};
}

static struct slice call_line(const char *tool, int id)
{
    return arena_printf(test_arena(),
                        "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":"
                        "\"tools/call\",\"params\":{\"name\":\"%s\","
                        "\"arguments\":{}}}\n",
                        id, tool);
}

static struct slice ping_line(int id)
{
    return arena_printf(test_arena(),
                        "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"ping\"}\n",
                        id);
}

static size_t lines_in(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += s.p[i] == '\n';
    return n;
}

/* Reads until `n` lines are here, in pieces: the last may bring more. */
static struct slice read_pieces(int fd, size_t n, size_t piece)
{
    struct buf b = BUF_INIT((size_t)256 << 20);
    size_t lines = 0;
    while (lines < n) {
        struct slice more = host_read(fd, piece, piece == 1 ? SLOW_S : 0.05);
        if (piece == 1 && !more.n) FAIL("%zu lines of %zu", lines, n);
        buf_put(&b, more);
        lines += lines_in(more);
    }
    struct slice all = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    return all;
}

/* Exactly `n` lines. */
static struct slice read_lines(int fd, size_t n)
{
    return read_pieces(fd, n, 1);
}

static void ended(struct host *h)
{
    host_wait_notice(h, TP_STDIO_ENDING);
    host_wait_notice(h, TP_STDIO_ENDED);
    host_free(h);
}

TEST(transport_stdio, flags_of_inherited_pipes_stay_as_they_were)
{
    struct host *h = host_new();
    struct pair p = pipes();
    int in_flags = fcntl(p.in, F_GETFL), out_flags = fcntl(p.out, F_GETFL);
    host_stdio(h, p.in, p.out, NULL);
    host_write(p.to, ping_line(1));
    CHECK_CONTAINS(read_lines(p.from, 1), "\"id\":1");
    CHECK_INT_EQ(fcntl(p.in, F_GETFL), in_flags);
    CHECK_INT_EQ(fcntl(p.out, F_GETFL), out_flags);
    close(p.to);
    ended(h);
}

TEST(transport_stdio, a_socket_serves_both_ways_and_keeps_its_flags)
{
    struct host *h = host_new();
    int s[2];
    CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
    host_stdio(h, s[1], s[1], NULL);
    host_write(s[0], ping_line(1));
    CHECK_CONTAINS(read_lines(s[0], 1), "\"id\":1");
    CHECK_INT_EQ(fcntl(s[1], F_GETFL) & O_NONBLOCK, 0);
    shutdown(s[0], SHUT_WR);
    ended(h);
}

/* A packet is a write: answers to what came together leave together, and the
 * first of them before the last is made. */
TEST(transport_stdio, answers_leave_in_pieces_of_64_kib)
{
    enum { PINGS = 5000, PIECE = 65536 };
    static char piece[4 * PIECE];
    struct host *h = host_new();
    struct buf b = BUF_INIT(MIB);
    int in[2], out[2], packets = 0;
    size_t lines = 0, most = 0, all = 0;
    ssize_t n;
    CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in), 0);
    CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, out), 0);
    for (int i = 0; i < PINGS; i++) buf_put(&b, ping_line(i));
    CHECK_OK(b.err);
    int room = (int)b.n;
    CHECK_INT_EQ(setsockopt(in[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)),
                 0);
    host_write(in[0], buf_slice(&b)); /* all is there before it is served */
    host_stdio(h, in[1], out[1], NULL);
    while (lines < PINGS && (n = read(out[0], piece, sizeof(piece))) > 0) {
        packets++;
        all += (size_t)n;
        if ((size_t)n > most) most = (size_t)n;
        lines += lines_in((struct slice){piece, (size_t)n});
    }
    CHECK_INT_EQ(lines, PINGS);
    CHECK_INT_LE(packets, 2 * all / PIECE + 4);
    CHECK_INT_LT(most, PIECE + 1024);
    buf_done(&b);
    shutdown(in[0], SHUT_WR);
    ended(h);
}

TEST(transport_stdio, a_line_break_in_a_message_does_not_end_its_line)
{
    struct host *h = host_new();
    struct pair p = pipes();
    host_stdio(h, p.in, p.out, NULL);
    host_write(p.to, SLICE("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
                           "\"tools/call\",\"params\":{\"name\":\"event\","
                           "\"arguments\":{\"text\":\"{\\n\\n1\\n}\\n\"}}}"
                           "\n"));
    host_wait_held(h, 1);
    host_release(h);
    struct slice all = read_lines(p.from, 2);
    CHECK(slice_starts(all, SLICE("{  1 } \n{\"jsonrpc\"")));
    close(p.to);
    ended(h);
}

TEST(transport_stdio, an_answer_written_in_lines_is_one_line)
{
    struct host *h = host_new();
    struct pair p = pipes();
    host_stdio(h, p.in, p.out, NULL);
    for (int i = 1; i < 4; i++) {
        host_write(p.to, call_line("break", i));
        struct slice line = read_lines(p.from, 1);
        CHECK_CONTAINS(line, "\"structuredContent\":{ \"broken\": true} ");
        CHECK(slice_ends(line, SLICE("}\n")));
    }
    close(p.to);
    ended(h);
}

/* One answer goes out from the memory it was written in, many from one that
 * has become wide; both go on to be used. */
TEST(transport_stdio, one_at_a_time_and_many_at_once_take_turns)
{
    enum { MANY = 40, ROUNDS = 4 };
    struct host *h = host_new();
    struct pair p = pipes();
    struct buf said = BUF_INIT(MIB);
    char text[1000];
    host_stdio(h, p.in, p.out, NULL);
    for (int r = 0, id = 0; r < 2 * ROUNDS; r++) {
        int n = r % 2 ? 1 + r / 2 : MANY;
        buf_clear(&said);
        memset(text, 'a' + r, sizeof(text));
        for (int i = 0; i < n; i++)
            buf_printf(&said,
                       "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":"
                       "\"tools/call\",\"params\":{\"name\":\"echo\","
                       "\"arguments\":{\"text\":\"%.*s\"}}}\n",
                       id + i, (int)sizeof(text), text);
        host_write(p.to, buf_slice(&said));
        struct slice all = read_pieces(p.from, (size_t)n, 4096), line;
        for (int i = 0; i < n; i++, id++) {
            CHECK(slice_split(&all, '\n', &line));
            CHECK_CONTAINS(line,
                           arena_printf(test_arena(), "\"id\":%d,", id).p);
            CHECK(slice_ends(line, SLICE("\"}}}")));
            CHECK(slice_find(line, (struct slice){text, sizeof(text)}) <
                  line.n);
        }
    }
    buf_done(&said);
    close(p.to);
    ended(h);
}

TEST(transport_stdio, reads_ahead_so_many_calls_and_no_more)
{
    struct host *h = host_new();
    struct pair p = pipes();
    host_stdio(h, p.in, p.out, &(struct tp_stdio_config){.calls_max = 4});
    for (int i = 0; i < 10; i++) host_write(p.to, call_line("hold", i));
    host_wait_held(h, 4);
    CHECK_INT_EQ(host_read(p.from, 1, 0.2).n, 0);
    CHECK_INT_EQ(host_open_calls(h), 4);
    host_release(h);
    host_wait_held(h, 4);
    host_release(h);
    host_wait_held(h, 2);
    close(p.to);
    host_wait_notice(h, TP_STDIO_ENDING);
    host_release(h);
    CHECK_INT_EQ(lines_in(host_read(p.from, MIB, 1)), 10);
    ended(h);
}

TEST(transport_stdio, reads_ahead_so_many_bytes_and_no_more)
{
    struct host *h = host_new();
    struct pair p = pipes();
    host_stdio(h, p.in, p.out, &(struct tp_stdio_config){.bytes_max = 300});
    for (int i = 0; i < 10; i++) host_write(p.to, call_line("hold", i));
    host_wait_held(h, 4); /* of about 90 bytes: the fourth passes 300 */
    CHECK_INT_EQ(host_read(p.from, 1, 0.2).n, 0);
    CHECK_INT_EQ(host_open_calls(h), 4);
    close(p.to);
    size_t answered = 0;
    for (int rounds = 0; answered < 10; rounds++) {
        CHECK_INT_LT(rounds, 2000);
        host_release(h);
        answered += lines_in(host_read(p.from, MIB, 0.01));
    }
    ended(h);
}

TEST(transport_stdio, a_slow_reader_stops_the_reading_and_loses_nothing)
{
    struct host *h = host_new();
    struct pair p = pipes();
    host_stdio(h, p.in, p.out, &(struct tp_stdio_config){.out_max = 65536});
    CHECK_INT_EQ(fcntl(p.to, F_SETFL, O_NONBLOCK), 0);
    int sent = 0;
    for (int quiet = 0; quiet < 200;) {
        struct slice line = ping_line(sent);
        if (write(p.to, line.p, line.n) == (ssize_t)line.n) {
            sent++;
            quiet = 0;
        } else {
            CHECK_INT_EQ(errno, EAGAIN);
            struct pollfd out = {p.to, POLLOUT, 0};
            quiet += poll(&out, 1, 200) == 0 ? 200 : 0;
        }
        CHECK_INT_LT(sent, 100000); /* it never stopped taking */
    }
    close(p.to);
    struct slice all = read_pieces(p.from, (size_t)sent, 65536);
    CHECK_INT_EQ(lines_in(all), sent);
    for (int i = 0; i < sent; i++) {
        struct slice line;
        CHECK(slice_split(&all, '\n', &line));
        CHECK_TEXT_EQ(line,
                      arena_cstr(test_arena(),
                                 arena_printf(test_arena(),
                                              "{\"jsonrpc\":\"2.0\",\"id\":%d,"
                                              "\"result\":{}}",
                                              i)));
    }
    ended(h);
}

/* What is told unasked, as logs and progress are: 100 times 64 KiB. */
TEST(transport_stdio, events_that_nobody_reads_are_not_taken_any_more)
{
    struct host *h = host_new();
    struct pair p = pipes();
    host_stdio(h, p.in, p.out, &(struct tp_stdio_config){.out_max = 262144});
    host_write(p.to, SLICE("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
                           "\"tools/call\",\"params\":{\"name\":\"stream\","
                           "\"arguments\":{\"n\":100}}}\n"));
    host_wait_held(h, 1);
    host_release(h);
    struct slice piece;
    size_t events = 0;
    do {
        piece = host_read(p.from, 70000, 0.05);
        events += lines_in(piece);
        /* The answer; where a piece ends cannot be amid both. */
    } while (slice_find(piece, SLICE("jsonrpc")) == piece.n &&
             slice_find(piece, SLICE("taken")) == piece.n);
    CHECK_INT_GE(events, 4);  /* 256 KiB of them, */
    CHECK_INT_LE(events, 40); /* and what a pipe holds */
    close(p.to);
    ended(h);
}

TEST(transport_stdio, a_reader_that_never_reads_is_given_up)
{
    struct host *h = host_new();
    struct pair p = pipes();
    host_stdio(h, p.in, p.out, &(struct tp_stdio_config){.stall_ms = 200});
    /* More than a widened pipe holds, and so many at once that the last of
     * what fits is a part of a write. */
    struct buf many = BUF_INIT(MIB);
    for (int i = 0; i < 300; i++) buf_put(&many, ping_line(i));
    for (int i = 0; i < 40; i++) host_write(p.to, buf_slice(&many));
    buf_done(&many);
    host_wait_notice(h, TP_STDIO_GONE);
    CHECK_INT_GT(fcntl(p.from, F_GETPIPE_SZ), 65536);
    ended(h);
}

TEST(transport_stdio, a_reader_that_has_gone_ends_it)
{
    struct host *h = host_new();
    struct pair p = pipes();
    host_stdio(h, p.in, p.out, NULL);
    host_write(p.to, call_line("hold", 1));
    host_wait_held(h, 1);
    close(p.from);
    close(p.out); /* or our own end would keep it */
    host_write(p.to, ping_line(2));
    host_wait_notice(h, TP_STDIO_ENDING);
    host_wait_notice(h, TP_STDIO_GONE);
    host_release(h);
    ended(h);
}

TEST(transport_stdio, at_the_end_what_is_pending_is_still_answered)
{
    struct host *h = host_new();
    struct pair p = pipes();
    host_stdio(h, p.in, p.out, NULL);
    host_write(p.to, call_line("hold", 7));
    host_write(p.to, slice_trim(ping_line(8))); /* no newline */
    close(p.to);
    host_wait_notice(h, TP_STDIO_ENDING);
    host_wait_held(h, 1);
    CHECK_CONTAINS(read_lines(p.from, 1), "\"id\":8");
    host_release(h);
    CHECK_CONTAINS(read_lines(p.from, 1), "\"id\":7");
    ended(h);
}

TEST(transport_stdio, a_line_too_long_is_refused_and_the_next_one_served)
{
    struct host *h = host_new();
    struct pair p = pipes();
    host_stdio(h, p.in, p.out, &(struct tp_stdio_config){.line_max = 1000});
    char *text = arena_alloc(test_arena(), 5001);
    memset(text, 'x', 5000);
    text[5000] = '\n';
    host_write(p.to, (struct slice){text, 5001});
    host_write(p.to, ping_line(1));
    struct slice all = read_lines(p.from, 2), first;
    CHECK(slice_split(&all, '\n', &first));
    CHECK_CONTAINS(first, "1000 bytes");
    CHECK_CONTAINS(first, "-32600");
    CHECK_CONTAINS(first, "\"id\":null");
    CHECK_CONTAINS(all, "\"id\":1");
    close(p.to);
    ended(h);
}

TEST(transport_stdio, a_descriptor_that_is_not_open_is_the_end_of_input)
{
    struct host *h = host_new();
    struct pair p = pipes();
    host_stdio(h, 999, p.out, NULL);
    ended(h);
}

TEST(transport_stdio, shutting_answers_what_was_read)
{
    struct host *h = host_new();
    struct pair p = pipes();
    host_stdio(h, p.in, p.out, NULL);
    host_write(p.to, call_line("hold", 1));
    host_wait_held(h, 1);
    host_stdio_shut(h);
    host_wait_notice(h, TP_STDIO_ENDING);
    host_release(h);
    CHECK_CONTAINS(read_lines(p.from, 1), "\"id\":1");
    close(p.to);
    ended(h);
}
