/* What a client may have of the transports, and what it costs them: heads,
 * connections beyond the limit, calls of the kernel per answer. */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "tests/unit/transport_host.h"

enum { SLOW_S = 20, MIB = 1 << 20 };

/* --- a head --------------------------------------------------------------- */

struct head_row {
    const char *label;
    size_t name, value; /* bytes of one field; its line does not end */
    size_t fields;      /* of 1 KiB, before it */
};

TEST_EACH(transport_bounds, a_head_without_end_is_refused_at_64_kib,
          struct head_row, row, {"a value", 6, 66000, 0},
          {"a name", 66000, 0, 0}, {"fields", 6, 500, 65})
{
    struct host *h = host_new();
    struct buf b = BUF_INIT(MIB);
    int fd = host_connect(host_http(h, NULL));
    buf_puts(&b, "POST /mcp HTTP/1.1\r\nHost: localhost\r\n");
    for (size_t i = 0; i < row->fields; i++) {
        buf_puts(&b, "X-More: ");
        for (int k = 0; k < 1014; k++) buf_putc(&b, 'm');
        buf_puts(&b, "\r\n");
    }
    for (size_t i = 0; i < row->name; i++) buf_putc(&b, 'n');
    if (row->value) buf_puts(&b, ": ");
    for (size_t i = 0; i < row->value; i++) buf_putc(&b, 'v');
    CHECK_OK(b.err);
    host_write(fd, buf_slice(&b));
    /* At once: not when its time is over, as it would be waited for. */
    struct slice all = host_read(fd, MIB, SLOW_S);
    CHECK(slice_starts(all, SLICE("HTTP/1.1 400 ")));
    CHECK_CONTAINS(all, "its header is too long");
    close(fd);
    buf_done(&b);
    host_free(h);
}

/* --- a body --------------------------------------------------------------- */

/* Bytes that come keep nobody from its end: all of it has 30 s. */
TEST(transport_bounds, a_long_body_sent_slowly_is_closed_after_thirty_seconds)
{
    static const char part[70000];
    clock_fake(1000 * NS_PER_S, INT64_C(1800000000000));
    struct host *h = host_new();
    int port = host_http(h, NULL);
    int slow = host_connect(port), other = host_connect(port);
    host_write(slow, SLICE("POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
                           "Content-Type: application/json\r\n"
                           "Content-Length: 1000000\r\n\r\n"));
    host_write(slow, (struct slice){part, sizeof(part)});
    for (int s = 0; s < 29; s++) {
        host_write(slow, SLICE(" "));
        /* The loop has seen it when it has answered another. */
        host_write(other, host_post(HOST_LEGACY, "echo", "{}"));
        CHECK_CONTAINS(host_read_to(other, "}}}", SLOW_S), "HTTP/1.1 200");
        clock_fake_advance(NS_PER_S);
    }
    clock_fake_advance(NS_PER_S + NS_PER_MS);
    CHECK_CONTAINS(host_read(slow, 100, SLOW_S), "408 Request Timeout");
    host_wait_open(h, 1);
    close(slow);
    close(other);
    host_free(h);
}

/* --- connections ---------------------------------------------------------- */

/* Who is one too many is told, as long as there are few of them. */
TEST(transport_bounds, of_those_who_are_too_many_64_are_waited_for)
{
    enum { MOST = 2, TOLD = 64, MORE = 20 };
    struct host *h = host_new();
    int port = host_http(h, &(struct tp_http_config){.conns_max = MOST});
    int fds[MOST + TOLD + MORE];
    for (int i = 0; i < MOST + TOLD; i++) fds[i] = host_connect(port);
    host_wait_open(h, MOST + TOLD);
    for (int i = MOST + TOLD; i < MOST + TOLD + MORE; i++) {
        fds[i] = host_connect(port);
        CHECK_INT_EQ(host_read(fds[i], 1, SLOW_S).n, 0); /* closed */
        host_wait_open(h, MOST + TOLD);
    }
    host_write(fds[MOST], host_post(HOST_LEGACY, "echo", "{}"));
    CHECK_CONTAINS(host_read(fds[MOST], MIB, SLOW_S), "HTTP/1.1 503");
    for (int i = 0; i < MOST + TOLD + MORE; i++) close(fds[i]);
    host_wait_open(h, 0);
    host_free(h);
}

/* --- calls of the kernel -------------------------------------------------- */

/* This program's own stands before the C library's, for libevent too. A
 * sanitizer has one itself, which must not be hidden. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static _Atomic uint64_t epoll_ctls;

__attribute__((visibility("default"))) int epoll_ctl(int epoll, int op, int fd,
                                                     struct epoll_event *event)
{
    epoll_ctls++;
    return (int)syscall(SYS_epoll_ctl, epoll, op, fd, event);
}

/* A connection that is between its requests keeps its place with the kernel:
 * libevent would take it out and put it in again for each. */
TEST(transport_bounds, a_request_moves_nothing_in_epoll)
{
    enum { REQUESTS = 200 };
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    struct slice post = host_post(HOST_LEGACY, "echo", "{}");
    host_write(fd, post);
    size_t n = host_read_to(fd, "{\"text\":\"\"}}}", SLOW_S).n;
    uint64_t before = epoll_ctls;
    for (int i = 0; i < REQUESTS; i++) {
        host_write(fd, post);
        CHECK_INT_EQ(host_read(fd, n, SLOW_S).n, n);
    }
    CHECK_INT_GT(before, 0); /* it does count */
    CHECK_INT_LE(epoll_ctls - before, REQUESTS / 10);
    close(fd);
    host_free(h);
}
#endif
