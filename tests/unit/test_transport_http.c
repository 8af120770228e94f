/*
 * evhttp's traps, each as a test: what libevent 2.1.12 does by itself and
 * transport/http must not. The calls of these tests are pending until the test
 * says otherwise.
 */
#include "tests/unit/transport_host.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { SLOW_S = 20, MIB = 1 << 20 };

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sleep_ms(int ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NS_PER_MS};
    nanosleep(&t, NULL);
}

/* Does the process stay quiet? An event loop that spins burns all of it. */
static void check_quiet(void)
{
    double before = cpu_seconds();
    sleep_ms(300);
    CHECK_INT_LT((int)((cpu_seconds() - before) * 1000), 150);
}

static void reset_on_close(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    CHECK_INT_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(fd);
}

static size_t count(struct slice text, const char *part)
{
    size_t n = 0;
    struct slice what = slice_of(part);
    for (size_t at; (at = slice_find(text, what)) < text.n; n++)
        text = slice_sub(text, at + what.n, text.n);
    return n;
}

/* --- a client that leaves while its answer is pending --------------------- */

TEST(transport_http, a_client_that_leaves_while_pending_cancels_its_call)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    host_write(fd, host_post(HOST_MODERN, "hold", "{}"));
    host_wait_held(h, 1);
    CHECK(!host_cancelled(h, 0.05));
    close(fd);
    CHECK(host_cancelled(h, SLOW_S));
    check_quiet();
    host_free(h);
}

TEST(transport_http, a_reset_while_pending_is_noticed_and_nothing_spins)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    host_write(fd, host_post(HOST_MODERN, "hold", "{}"));
    host_wait_held(h, 1);
    reset_on_close(fd);
    CHECK(host_cancelled(h, SLOW_S));
    check_quiet();
    host_release(h);
    host_wait_open(h, 0);
    host_free(h);
}

TEST(transport_http, a_client_that_left_with_unread_input_is_noticed)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    host_write(fd, host_post(HOST_MODERN, "hold", "{}"));
    host_write(fd, host_post(HOST_MODERN, "echo", "{}")); /* pipelined */
    host_wait_held(h, 1);
    close(fd);
    CHECK(host_cancelled(h, SLOW_S));
    check_quiet();
    host_free(h);
}

/* E09 */
TEST(transport_http, a_handshake_era_call_outlives_its_client)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    host_write(fd, host_post(HOST_LEGACY, "hold", "{}"));
    host_wait_held(h, 1);
    close(fd);
    CHECK(!host_cancelled(h, 0.3));
    CHECK_INT_EQ(host_open_calls(h), 1);
    check_quiet();
    host_release(h);
    host_wait_open(h, 0);
    host_free(h);
}

TEST(transport_http, a_half_closed_client_still_gets_its_answer)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    host_write(fd, host_post(HOST_LEGACY, "hold", "{}"));
    host_wait_held(h, 1);
    shutdown(fd, SHUT_WR);
    check_quiet();
    host_release(h);
    CHECK_CONTAINS(host_read(fd, MIB, SLOW_S), "\"held\":true");
    close(fd);
    host_free(h);
}

TEST(transport_http, a_client_that_half_closes_at_once_gets_its_answer)
{
    struct host *h = host_new();
    int port = host_http(h, NULL);
    for (int i = 0; i < 50; i++) {
        int fd = host_connect(port);
        host_write(fd, host_post(HOST_LEGACY, "echo", "{\"text\":\"hi\"}"));
        shutdown(fd, SHUT_WR);
        CHECK_CONTAINS(host_read(fd, MIB, SLOW_S), "\"text\":\"hi\"");
        close(fd);
    }
    host_free(h);
}

/* --- pipelining ------------------------------------------------------------
 */

TEST(transport_http, a_pipelined_request_survives_a_pending_one)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    host_write(fd, host_post(HOST_MODERN, "hold", "{}"));
    host_wait_held(h, 1);
    host_write(fd, host_post(HOST_MODERN, "echo", "{\"text\":\"second\"}"));
    host_write(fd, host_post(HOST_MODERN, "echo", "{\"text\":\"third\"}"));
    sleep_ms(50); /* whatever would go wrong goes wrong meanwhile */
    host_release(h);
    struct buf all = BUF_INIT(MIB);
    while (count(buf_slice(&all), "HTTP/1.1 200") < 3 ||
           !count(buf_slice(&all), "\"structuredContent\":{\"text\":\"third")) {
        struct slice more = host_read(fd, 1, SLOW_S);
        if (!more.n) FAIL("only %.*s", SLICE_ARG(buf_slice(&all)));
        buf_put(&all, more);
    }
    size_t held = slice_find(buf_slice(&all), SLICE("\"held\":true"));
    size_t second = slice_find(buf_slice(&all), SLICE("second"));
    CHECK_INT_LT(held, second);
    CHECK_INT_LT(second, slice_find(buf_slice(&all), SLICE("third")));
    buf_done(&all);
    close(fd);
    host_free(h);
}

enum { PIPELINED = 10000 };

static void *write_many(void *fd)
{
    struct slice one = host_post(HOST_MODERN, "echo", "{\"text\":\"p\"}");
    for (int i = 1; i < PIPELINED; i++) host_write(*(int *)fd, one);
    host_write(*(int *)fd,
               host_post(HOST_MODERN, "echo", "{\"text\":\"the last\"}"));
    return NULL;
}

/* They are answered in their order: the last one's answer ends it. */
static bool last_is_there(struct slice all)
{
    struct slice tail = slice_sub(all, all.n < 512 ? 0 : all.n - 512, all.n);
    return slice_find(tail, SLICE("the last")) < tail.n;
}

TEST(transport_http, ten_thousand_pipelined_requests_are_all_answered)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    struct buf all = BUF_INIT(16 * MIB);
    pthread_t writer;
    CHECK_INT_EQ(pthread_create(&writer, NULL, write_many, &fd), 0);
    do {
        CHECK(buf_reserve(&all, 64 << 10));
        ssize_t n = read(fd, all.p + all.n, 64 << 10);
        CHECK_INT_GT(n, 0);
        buf_add(&all, (size_t)n);
    } while (!last_is_there(buf_slice(&all)));
    CHECK_INT_EQ(pthread_join(writer, NULL), 0);
    CHECK_INT_EQ(count(buf_slice(&all), "HTTP/1.1 200"), PIPELINED);
    buf_done(&all);
    close(fd);
    host_free(h);
}

/* --- memory ----------------------------------------------------------------
 */

TEST(transport_http, input_costs_no_memory_while_an_answer_is_pending)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    host_write(fd, host_post(HOST_MODERN, "hold", "{}"));
    host_wait_held(h, 1);
    /* What the kernel keeps on both sides, and nothing of ours. */
    CHECK_INT_LT(host_flood(fd, 256 * MIB, 200), 24 * MIB);
    reset_on_close(fd);
    CHECK(host_cancelled(h, SLOW_S));
    host_free(h);
}

TEST(transport_http, input_costs_no_memory_while_a_stream_is_open)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    host_write(fd, host_post(HOST_MODERN, "stream", "{\"n\":1}"));
    host_wait_held(h, 1);
    CHECK_CONTAINS(host_read(fd, 4096, SLOW_S), "text/event-stream");
    CHECK_INT_LT(host_flood(fd, 256 * MIB, 200), 24 * MIB);
    reset_on_close(fd);
    CHECK(host_cancelled(h, SLOW_S));
    check_quiet();
    host_free(h);
}

/* Its bytes lie there and nobody is called for them. */
TEST(transport_http, one_that_was_refused_amid_a_body_costs_no_time)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    host_write(fd, SLICE("POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n"));
    for (int i = 0; i < 30; i++) host_write(fd, SLICE("1;extension"));
    CHECK_CONTAINS(host_read(fd, 12, SLOW_S), "HTTP/1.1 400");
    check_quiet();
    close(fd);
    host_free(h);
}

TEST(transport_http, a_chunk_size_without_end_costs_no_memory)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(
        h, &(struct tp_http_config){
               .body_max = 64 * MIB, .header_ms = 1000, .body_ms = 1000}));
    host_write(fd, SLICE("POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n"));
    /* What the sockets hold, and nothing that is looked through. */
    CHECK_INT_LT(host_flood(fd, 256 * MIB, 300), 48 * MIB);
    CHECK_CONTAINS(host_read(fd, 60, SLOW_S), " 400 ");
    host_wait_open(h, 0); /* and it is closed in time */
    close(fd);
    host_free(h);
}

TEST(transport_http, a_stream_that_nobody_reads_stops_taking_events)
{
    struct host *h = host_new();
    int fd = host_connect(
        host_http(h, &(struct tp_http_config){.out_max = 4 * MIB}));
    host_write(fd, host_post(HOST_MODERN, "stream", "{\"n\":1000}"));
    host_wait_held(h, 1);
    host_release(h);
    struct slice all = host_read(fd, 64 * MIB, 3);
    size_t at = slice_find(all, SLICE("{\\\"taken\\\":"));
    CHECK_INT_LT(at, all.n);
    CHECK_INT_EQ(count(all, "event: message\nid: 7\ndata: xxx"), 64);
    CHECK_CONTAINS(slice_sub(all, at, 32), "64}");
    CHECK(slice_ends(all, SLICE("\r\n0\r\n\r\n")));
    close(fd);
    host_free(h);
}

/* F03 */
TEST(transport_http, a_silent_stream_gets_comments)
{
    struct host *h = host_new();
    int fd = host_connect(
        host_http(h, &(struct tp_http_config){.keepalive_ms = 100}));
    host_write(fd, host_post(HOST_MODERN, "stream", "{\"n\":1}"));
    host_wait_held(h, 1);
    struct slice all = host_read(fd, MIB, 1.5);
    CHECK_INT_GE(count(all, "\r\n:\n\n\r\n"), 2);
    close(fd);
    CHECK(host_cancelled(h, SLOW_S));
    host_free(h);
}

/* --- time ------------------------------------------------------------------
 */

/* F05 */
TEST(transport_http, a_byte_of_header_a_second_is_closed_after_ten)
{
    clock_fake(1000 * NS_PER_S, INT64_C(1800000000000));
    struct host *h = host_new();
    int port = host_http(h, NULL);
    int slow = host_connect(port), other = host_connect(port);
    host_wait_open(h, 2);
    for (int s = 0; s < 9; s++) {
        host_write(slow, slice_sub(SLICE("POST /mcp "), (size_t)s, 1));
        /* The loop has seen it when it has answered another. */
        host_write(other, host_post(HOST_LEGACY, "echo", "{}"));
        CHECK_CONTAINS(host_read_to(other, "}]", SLOW_S), "HTTP/1.1 200");
        clock_fake_advance(NS_PER_S);
    }
    CHECK_INT_EQ(host_read(slow, 1, 0.5).n, 0); /* two looks of the sweep */
    clock_fake_advance(NS_PER_S + NS_PER_MS);
    CHECK_CONTAINS(host_read(slow, 100, SLOW_S), "408 Request Timeout");
    host_wait_open(h, 1);
    struct tp_http_stats s;
    host_stats(h, &s);
    CHECK_INT_EQ(s.closed[TP_CLOSED_STALL], 1);
    close(slow);
    close(other);
    host_free(h);
    clock_real();
}

TEST(transport_http, a_call_that_nothing_inside_answers_is_closed_in_the_end)
{
    struct host *h = host_new();
    int fd = host_connect(
        host_http(h, &(struct tp_http_config){.exchange_ms = 300}));
    host_write(fd, host_post(HOST_MODERN, "hold", "{}"));
    host_wait_held(h, 1);
    CHECK_INT_EQ(host_read(fd, 1, SLOW_S).n, 0); /* its end */
    CHECK(host_cancelled(h, SLOW_S));
    host_wait_open(h, 0);
    close(fd);
    host_free(h);
}

TEST(transport_http, a_header_sent_drop_by_drop_is_closed_in_time)
{
    struct host *h = host_new();
    int port = host_http(h, &(struct tp_http_config){.header_ms = 500});
    int slow = host_connect(port);
    struct slice text = SLICE("POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
                              "X-A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
    int64_t begun = clock_now();
    size_t sent = 0;
    while (sent < text.n && send(slow, text.p + sent, 1, MSG_NOSIGNAL) == 1) {
        sent++;
        struct slice told = host_read(slow, 100, 0.04);
        if (told.n) CHECK_CONTAINS(told, "408 Request Timeout");
        if (told.n) break;
    }
    int64_t ms = (clock_now() - begun) / NS_PER_MS;
    CHECK_INT_LT(sent, text.n);
    CHECK_INT_GE(ms, 450);
    int fd = host_connect(port); /* others are served meanwhile and after */
    host_write(fd, host_post(HOST_LEGACY, "echo", "{\"text\":\"ok\"}"));
    CHECK_CONTAINS(host_read(fd, 200, SLOW_S), "HTTP/1.1 200");
    close(slow);
    close(fd);
    host_free(h);
}

TEST(transport_http, an_idle_connection_is_closed_and_a_pending_one_is_not)
{
    struct host *h = host_new();
    int port =
        host_http(h, &(struct tp_http_config){.idle_ms = 300, .sweep_ms = 100});
    int idle = host_connect(port), busy = host_connect(port);
    host_write(busy, host_post(HOST_LEGACY, "hold", "{}"));
    host_wait_held(h, 1);
    CHECK_INT_EQ(host_read(idle, 1, SLOW_S).n, 0); /* its end */
    host_wait_open(h, 1);
    struct tp_http_stats s;
    host_stats(h, &s);
    CHECK_INT_EQ(s.closed[TP_CLOSED_IDLE], 1);
    sleep_ms(400);
    host_release(h);
    CHECK_CONTAINS(host_read(busy, MIB, 2), "\"held\":true");
    close(idle);
    close(busy);
    host_free(h);
}

/* The test's own time limit is the end of the waiting. */
static void wait_closed(struct host *h, enum tp_closed why, uint64_t n)
{
    struct tp_http_stats s;
    uint64_t sum = 0;
    do {
        sleep_ms(1);
        host_stats(h, &s);
    } while (s.open || !s.opened);
    CHECK_INT_EQ(s.closed[why], n);
    for (int i = 0; i < TP_CLOSED_COUNT; i++) sum += s.closed[i];
    CHECK_INT_EQ(sum, s.opened); /* none was forgotten */
    CHECK_INT_EQ(s.streams, 0);
    CHECK_INT_EQ(s.oldest_idle_ns, 0);
}

/* F04: what waits for a reader that takes nothing is bounded by each of its
 * three limits. The host's call counts what was taken. */
static void take_nothing(int64_t stall_ms)
{
    struct host *h = host_new();
    int fd = host_connect(
        host_http(h, &(struct tp_http_config){.out_max = 16 * MIB,
                                              .stall_ms = stall_ms}));
    host_write(fd, host_post(HOST_MODERN, "stream", "{\"n\":200}"));
    wait_closed(h, TP_CLOSED_STALL, 1);
    CHECK(host_cancelled(h, SLOW_S));
    close(fd);
    host_free(h);
}

TEST(transport_http, a_reader_that_takes_nothing_is_closed)
{
    take_nothing(300);
}

/* Comments keep coming meanwhile, and they are no reading. */
TEST(transport_http, a_reader_that_takes_nothing_is_closed_after_thirty_seconds,
     .needs = "slow plain", .timeout_s = 120)
{
    int64_t began = clock_now();
    take_nothing(0); /* what holds for every server */
    CHECK_INT_GE(clock_now() - began, 29 * NS_PER_S);
    CHECK_INT_LT(clock_now() - began, 55 * NS_PER_S); /* the call ends at 60 */
}

TEST(transport_http, events_that_were_read_do_not_count)
{
    struct host *h = host_new();
    int port = host_http(h, &(struct tp_http_config){.events_max = 16});
    for (int round = 0; round < 3; round++) {
        int fd = host_connect(port);
        for (int i = 0; i < 2; i++) { /* on one connection, one by one */
            host_write(fd, host_post(HOST_MODERN, "stream", "{\"n\":12}"));
            host_wait_held(h, 1);
            host_release(h);
            struct slice all = host_read_to(fd, "\r\n0\r\n\r\n", SLOW_S);
            CHECK_CONTAINS(slice_sub(all, slice_find(all, SLICE("taken")), 32),
                           "12}");
        }
        close(fd);
    }
    wait_closed(h, TP_CLOSED_PEER, 3);
    host_free(h);
}

/* One answer, larger than the socket takes: what is left is waited for. */
TEST(transport_http, a_reader_that_leaves_an_answer_half_read_is_closed)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(
        h, &(struct tp_http_config){.body_max = 64 * MIB, .stall_ms = 300}));
    struct buf big = BUF_INIT(64 * MIB);
    buf_puts(&big, "{\"text\":\"");
    for (int i = 0; i < 9 * MIB / 16; i++) buf_puts(&big, "all of this back");
    buf_puts(&big, "\"}");
    buf_putc(&big, '\0');
    CHECK(!big.err);
    host_write(fd, host_post(HOST_LEGACY, "echo", big.p));
    buf_done(&big);
    host_wait_open(h, 1);
    host_wait_open(h, 0); /* 300 ms after it took its last byte */
    close(fd);
    host_free(h);
}

/* --- how many --------------------------------------------------------------
 */

/* Connections that stay, each with an answer: one request of each. */
static void open_many(int port, int *fds, int n)
{
    for (int i = 0; i < n; i++) {
        fds[i] = host_connect(port);
        host_write(fds[i], host_post(HOST_LEGACY, "echo", "{}"));
        CHECK_CONTAINS(host_read(fds[i], 200, SLOW_S), "HTTP/1.1 200");
    }
}

struct most {
    struct tp_http_config config;
    int connections;
    const char *limit;
    enum tp_refused reason;
};

/* F01 */
/* clang-format off */
TEST_EACH(transport_http, one_more_than_a_limit_is_told_which, struct most, m,
    {{.per_loopback = 10}, 10, "conn.max_per_address_loopback",
     TP_REFUSED_ADDRESS},
    {{.conns_max = 1000}, 1000, "conn.max", TP_REFUSED_LIMIT})
/* clang-format on */
{
    static int fds[1001];
    struct rlimit files;
    struct host *h = host_new();
    CHECK_INT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    CHECK_INT_GT(files.rlim_cur, 2 * 1001 + 64);
    int port = host_http(h, &m->config);
    open_many(port, fds, m->connections);
    int more = fds[1000] = host_connect(port);
    host_write(more, host_post(HOST_LEGACY, "echo", "{}"));
    struct slice told = host_read(more, MIB, SLOW_S); /* up to its close */
    CHECK_CONTAINS(told, "HTTP/1.1 503");
    CHECK_CONTAINS(told, "Retry-After: 1");
    CHECK_CONTAINS(told, "OVER_CAPACITY");
    CHECK_CONTAINS(told, m->limit);
    close(more);
    for (int i = 0; i < m->connections; i += 9) { /* not disturbed */
        host_write(fds[i], host_post(HOST_LEGACY, "echo", "{}"));
        CHECK_CONTAINS(host_read(fds[i], 200, SLOW_S), "HTTP/1.1 200");
    }
    for (int i = 0; i < m->connections; i++) close(fds[i]);
    wait_closed(h, TP_CLOSED_LIMIT, 1);
    struct tp_http_stats s;
    host_stats(h, &s);
    for (int i = 0; i < TP_REFUSED_COUNT; i++)
        CHECK_INT_EQ(s.refused[i], i == (int)m->reason);
    open_many(port, fds, 1);
    close(fds[0]);
    host_free(h);
}

TEST(transport_http, one_connection_too_many_is_told_which_limit)
{
    struct host *h = host_new();
    int port = host_http(h, &(struct tp_http_config){.conns_max = 3});
    int fds[4];
    for (int i = 0; i < 3; i++) {
        fds[i] = host_connect(port);
        host_write(fds[i], host_post(HOST_LEGACY, "hold", "{}"));
    }
    host_wait_held(h, 3);
    fds[3] = host_connect(port);
    host_write(fds[3], host_post(HOST_LEGACY, "echo", "{}"));
    struct slice told = host_read(fds[3], MIB, SLOW_S); /* up to its close */
    CHECK_CONTAINS(told, "HTTP/1.1 503");
    CHECK_CONTAINS(told, "Retry-After: 1");
    CHECK_CONTAINS(told, "conn.max");
    host_release(h);
    for (int i = 0; i < 3; i++) {
        CHECK_CONTAINS(host_read(fds[i], 200, SLOW_S), "HTTP/1.1 200");
        close(fds[i]);
    }
    close(fds[3]);
    host_wait_open(h, 0);
    int again = host_connect(port);
    host_write(again, host_post(HOST_LEGACY, "echo", "{}"));
    CHECK_CONTAINS(host_read(again, 200, SLOW_S), "HTTP/1.1 200");
    close(again);
    host_free(h);
}

static size_t descriptors(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    CHECK(d != NULL);
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

/* F07 */
TEST(transport_http, every_connection_that_came_has_gone, .timeout_s = 120)
{
    struct host *h = host_new();
    int port = host_http(h, NULL);
    struct tp_http_stats s;
    host_stats(h, &s);
    size_t before = descriptors();
    int rounds = test_sanitized() ? 200 : 1000;
    for (int i = 0; i < rounds; i++) {
        struct slice post = host_post(i & 1 ? HOST_LEGACY : HOST_MODERN,
                                      i % 5 ? "echo" : "hold", "{}");
        size_t part = (size_t)(i * 7919) % (post.n + 1);
        int fd = host_connect(port);
        if (i % 3 == 0) part = post.n;
        host_write(fd, slice_sub(post, 0, part));
        if (i % 7 == 0) (void)host_read(fd, 1, 0.01);
        if (i % 2)
            reset_on_close(fd);
        else
            close(fd);
    }
    host_release(h);
    host_wait_open(h, 0);
    host_stats(h, &s);
    CHECK_INT_LE(s.opened, (uint64_t)rounds);
    uint64_t closed = 0;
    for (int i = 0; i < TP_CLOSED_COUNT; i++) closed += s.closed[i];
    CHECK_INT_EQ(closed, s.opened);
    CHECK_INT_EQ(descriptors(), before);
    check_quiet();
    host_free(h);
}

TEST(transport_http, without_descriptors_the_accept_does_not_spin)
{
    struct host *h = host_new();
    int port = host_http(h, NULL);
    struct rlimit was, tight;
    CHECK_INT_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
    int fd = host_connect(port);
    host_wait_open(h, 1);
    int waiting = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    tight = was;
    tight.rlim_cur = (rlim_t)waiting + 1;
    CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
    close(waiting);
    int late = host_connect(port); /* takes the last descriptor */
    check_quiet();
    CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
    host_wait_open(h, 2);
    close(fd);
    close(late);
    host_free(h);
}

/* --- what is refused, as bytes -------------------------------------------- */

struct raw {
    const char *request, *want;
};

TEST_EACH(transport_http, a_strange_request_is_answered_not_obeyed, struct raw,
          row, {"GET\r\n\r\n", "HTTP/1.1 400"},
          {"POST /mcp HTTP/9.9\r\n\r\n", "HTTP/"},
          {"POST /mcp HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", " 400 "},
          {"POST /mcp HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n"
           "Content-Length: 2\r\n\r\n{}",
           " 400 "},
          {"POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
           "Content-Length: -1\r\n\r\n",
           " 400 "},
          {"POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
           "Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}",
           "Connection: close"},
          {"POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
           "Origin : http://evil.example\r\nContent-Length: 2\r\n\r\n{}",
           "Connection: close"},
          {"POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
           ": x\r\nContent-Length: 2\r\n\r\n{}",
           "Connection: close"},
          {"POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
           "Content-Length: 99999999999999999999\r\n\r\n",
           " 4"},
          {"POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
           "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
           " 400 "},
          {"POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
           "Transfer-Encoding: chunked\r\n\r\n+0x2\r\n{}\r\n0\r\n\r\n",
           " 400 "},
          {"POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
           "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"
           "Content-Length: 2\r\n\r\n{}",
           " 415 "},
          {"POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
           "Content-Length: +2\r\n\r\n{}",
           " 400 "},
          {"POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
           "Content-Length: 1000000000000\r\n\r\n",
           " 413 "},
          {"POST http://evil.example/mcp HTTP/1.1\r\nHost: localhost\r\n"
           "Content-Length: 2\r\n\r\n{}",
           " 403 "},
          {"GET http://evil.example:4242/mcp HTTP/1.1\r\nHost: localhost\r\n"
           "\r\n",
           " 403 "},
          {"GET //evil.example/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n",
           " 403 "},
          {"GET file:///mcp HTTP/1.1\r\nHost: localhost\r\n\r\n", " 403 "},
          {"OPTIONS http://[::1]:99/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n",
           " 204 "},
          {"GET /mcp HTTP/0.9\r\nHost: localhost\r\n\r\n", " 400 "},
          {"GET /mcp\r\n\r\n", " 400 "},
          {"BREW /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n", " 405 "},
          {"GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
           " 404 "}, /* no pages here, but the path is understood */
          {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", " 400 "})
{
    struct host *h = host_new();
    int fd =
        host_connect(host_http(h, &(struct tp_http_config){.header_ms = 500}));
    host_write(fd, slice_of(row->request));
    CHECK_CONTAINS(host_read(fd, 60, SLOW_S), row->want);
    close(fd);
    host_wait_open(h, 0);
    host_free(h);
}

/* Not a row above: its bytes are no C string. */
TEST(transport_http, a_nul_in_a_header_hides_nothing)
{
    static const char bytes[] =
        "OPTIONS /mcp HTTP/1.1\r\nHost: localhost\0.evil.example\r\n\r\n"
        "OPTIONS /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    /* Behind another one, for such a head arrives with that one's bytes. */
    host_write(fd, SLICE("OPTIONS /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    host_write(fd, (struct slice){bytes, sizeof(bytes) - 1});
    struct slice all = host_read(fd, MIB, SLOW_S);
    CHECK_INT_EQ(count(all, "HTTP/1.1 204"), 1);
    CHECK_INT_EQ(count(all, "HTTP/1.1 400"), 1);
    close(fd);
    host_free(h);
}

/* The client goes on sending what nobody wants: it reads the reason first. */
TEST(transport_http, a_body_that_will_be_too_long_is_refused_before_it_comes)
{
    struct host *h = host_new();
    int fd =
        host_connect(host_http(h, &(struct tp_http_config){.body_max = 1000}));
    host_write(fd, SLICE("POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
                         "content-LENGTH:  1001\r\n\r\n"));
    host_read_to(fd, "\r\n\r\n", SLOW_S);
    for (int i = 0; i < 1001; i++) host_write(fd, SLICE("x"));
    CHECK_CONTAINS(host_read(fd, MIB, SLOW_S), "body.max");
    close(fd);
    host_wait_open(h, 0);
    host_free(h);
}

/* The last bytes of a whole request bring it over the bound: who is told to
 * send it again is not answered too, and nothing is done. */
TEST(transport_http, a_request_that_was_told_to_come_again_is_not_done)
{
    struct host *h = host_new();
    const struct tp_http_config limits = {.in_max = 3000, .headers_max = 1000};
    int fd = host_connect(host_http(h, &limits));
    host_write(fd, host_post(HOST_LEGACY, "hold",
                             arena_printf(test_arena(), "{%4000s}", "").p));
    struct slice all = host_read(fd, MIB, SLOW_S); /* up to its close */
    CHECK_INT_EQ(count(all, "HTTP/1.1 "), 1);
    CHECK_CONTAINS(all, "HTTP/1.1 503");
    CHECK_CONTAINS(all, "OVER_CAPACITY");
    CHECK_INT_EQ(host_open_calls(h), 0);
    close(fd);
    host_wait_open(h, 0);
    host_free(h);
}
