#include "tests/bench/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/runner/server_inside.h"

enum {
    ROOM = 1 << 16,
    LINES_ROOM = 1 << 20,
    SAMPLES_MAX = 1 << 21,
    CONNECTIONS_MAX = 4096
};

struct lane {
    int fd;
    size_t turn; /* its requests sent */
    double sent; /* when */
    size_t have;
    char in[ROOM];
};

struct run {
    const struct load *l;
    struct load_result *out;
    size_t turn;  /* requests sent */
    double *took; /* seconds */
    size_t samples;
};

static void sample(struct run *r, double since, double now)
{
    r->took[r->samples++ & (SAMPLES_MAX - 1)] = now - since;
    r->out->answers++;
}

static void write_all(int fd, struct slice text)
{
    while (text.n) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno == EAGAIN) {
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 1000);
            continue;
        }
        if (n <= 0) FAIL("cannot send a request: %s", strerror(errno));
        text = slice_sub(text, (size_t)n, SIZE_MAX);
    }
}

static bool ended(const struct run *r, double until)
{
    return r->l->answers ? r->out->answers >= r->l->answers
                         : seconds_now() >= until;
}

/* May another one be sent? */
static bool more(const struct run *r)
{
    return !r->l->answers || r->turn < r->l->answers;
}

/* Which is the next request of connection i. */
static size_t next_request(const struct run *r, const struct lane *c, size_t i)
{
    size_t own = i + c->turn * (size_t)r->l->in_flight;
    return r->l->own ? own : r->turn % r->l->request_count;
}

/* --- HTTP --------------------------------------------------------------------
 */
static int connect_to(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at))
        FAIL("cannot connect to port %d: %s", port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* Nothing, when it has had its own. */
static void ask(struct run *r, struct lane *c, size_t i)
{
    size_t at = next_request(r, c, i);
    if (at >= r->l->request_count) return;
    c->turn++;
    r->turn++;
    c->sent = seconds_now();
    write_all(c->fd, r->l->requests[at]);
}

static const char *find(struct slice in, const char *part)
{
    return memmem(in.p, in.n, part, strlen(part));
}

/* How long the whole answer is; 0: not known yet. */
static size_t answer_length(struct slice in)
{
    const char *end = find(in, "\r\n\r\n");
    if (!end) return 0;
    struct slice head = {in.p, (size_t)(end - in.p) + 4};
    const char *length = find(head, "ontent-Length: ");
    if (!length) length = find(head, "ontent-length: ");
    if (length) return head.n + strtoul(length + 15, NULL, 10);
    struct slice body = slice_sub(in, head.n, SIZE_MAX);
    const char *last = find(body, "0\r\n\r\n"); /* of a chunked one */
    return last ? (size_t)(last - in.p) + 5 : 0;
}

static void answered(struct run *r, struct lane *c, size_t i)
{
    ssize_t n = read(c->fd, c->in + c->have, ROOM - c->have);
    if (n <= 0) FAIL("the server closed a connection after %zu bytes", c->have);
    c->have += (size_t)n;
    struct slice all = {c->in, c->have};
    size_t whole = answer_length(all);
    if (!whole || whole > c->have) return;
    sample(r, c->sent, seconds_now());
    if (memcmp(c->in + 8, " 200", 4) || find(all, "\"isError\":true"))
        r->out->refused++;
    c->have = 0;
    if (more(r)) ask(r, c, i);
}

static void drain(int ep, struct lane *lanes, struct run *r, double until)
{
    struct epoll_event got[256];
    while (!ended(r, until)) {
        int n = epoll_wait(ep, got, 256, 10000);
        if (n == 0) FAIL("no answer for 10 s");
        for (int i = 0; i < n; i++) {
            uint32_t at = got[i].data.u32;
            answered(r, &lanes[at], at);
        }
    }
}

static void http_run(struct run *r)
{
    int n = r->l->in_flight, ep = epoll_create1(EPOLL_CLOEXEC);
    CHECK(n <= CONNECTIONS_MAX);
    struct lane *lanes = calloc((size_t)n, sizeof *lanes);
    CHECK(lanes && ep >= 0);
    for (int i = 0; i < n; i++) {
        struct epoll_event want = {EPOLLIN, {.u32 = (uint32_t)i}};
        lanes[i].fd = connect_to(r->l->port);
        CHECK_INT_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, lanes[i].fd, &want), 0);
    }
    for (int i = 0; i < n && more(r); i++) ask(r, &lanes[i], (size_t)i);
    drain(ep, lanes, r, seconds_now() + r->l->seconds);
    for (int i = 0; i < n; i++) close(lanes[i].fd);
    close(ep);
    free(lanes);
}

/* --- stdio -------------------------------------------------------------------
 */
static size_t lines_read(struct server *s, char *in)
{
    struct pollfd p = {.fd = s->out, .events = POLLIN};
    ssize_t got = read(s->out, in, LINES_ROOM);
    if (got < 0 && errno == EAGAIN) {
        if (poll(&p, 1, 10000) <= 0) FAIL("no answer for 10 s");
        got = read(s->out, in, LINES_ROOM);
    }
    if (got <= 0) FAIL("the server's stdout has ended");
    size_t lines = 0;
    for (char *at = in; (at = memchr(at, '\n', (size_t)(in + got - at))); at++)
        lines++;
    return lines;
}

/* As many lines as there are answers to have, in one write. */
static void send_lines(struct run *r, size_t n)
{
    static char out[1 << 20];
    size_t have = 0;
    if (n == 0) return;
    for (; n; n--) {
        struct slice one = r->l->requests[r->turn++ % r->l->request_count];
        CHECK(have + one.n < sizeof out);
        memcpy(out + have, one.p, one.n);
        have += one.n;
    }
    write_all(r->l->s->in, (struct slice){out, have});
}

static void stdio_run(struct run *r)
{
    static char in[LINES_ROOM];
    size_t in_flight = (size_t)r->l->in_flight;
    double until = seconds_now() + r->l->seconds, since = seconds_now();
    send_lines(r, in_flight);
    while (in_flight) {
        size_t lines = lines_read(r->l->s, in);
        double now = seconds_now();
        for (size_t i = 0; i < lines; i++) sample(r, since, now);
        in_flight -= lines;
        if (ended(r, until)) continue;
        if (r->l->answers && lines > r->l->answers - r->turn)
            lines = (size_t)r->l->answers - r->turn;
        since = seconds_now();
        send_lines(r, lines);
        in_flight += lines;
    }
}

/* -----------------------------------------------------------------------------
 */
void load_run(const struct load *l, struct load_result *ret)
{
    *ret = (struct load_result){0};
    struct run r = {.l = l, .out = ret};
    r.took = calloc(SAMPLES_MAX, sizeof(double));
    CHECK(r.took);
    double cpu = l->s ? cpu_of_process(server_pid(l->s)) : 0;
    double since = seconds_now();
    if (l->port)
        http_run(&r);
    else
        stdio_run(&r);
    double lasted = seconds_now() - since;
    if (l->s) cpu = cpu_of_process(server_pid(l->s)) - cpu;
    size_t n = r.samples < SAMPLES_MAX ? r.samples : SAMPLES_MAX;
    sort_doubles(r.took, n);
    ret->per_s = (double)ret->answers / lasted;
    ret->p50_us = share_of(r.took, n, 0.5) * 1e6;
    ret->p99_us = share_of(r.took, n, 0.99) * 1e6;
    ret->cpu_us = cpu * 1e6 / (double)ret->answers;
    free(r.took);
}

void load_side(void *load, double *ret)
{
    struct load_result got;
    load_run(load, &got);
    CHECK_INT_EQ(got.refused, 0);
    ret[LOAD_PER_S] = got.per_s;
    ret[LOAD_P50] = got.p50_us;
    ret[LOAD_P99] = got.p99_us;
    ret[LOAD_CPU] = got.cpu_us;
}

struct server *floor_start(const char *name, int cpu, struct slice answer,
                           bool listens, int *ret_port)
{
    static int made;
    struct arena *a = test_arena();
    struct slice path =
        arena_printf(a, "%s/floors/%s", test_binary_dir(), name);
    struct slice file = arena_printf(a, "%s/answer-%d", test_tmpdir(), ++made);
    const char *args[] = {file.p, NULL};
    CHECK_OK(file_write_atomic(file, answer, 0600));
    stand_on(cpu);
    struct server *s = server_start(
        &(struct server_options){.binary = path.p, .all_args = args});
    stand_on(-1);
    int64_t port = 0;
    if (listens) CHECK(slice_int64(slice_trim(stdio_line(s)), &port));
    *ret_port = (int)port;
    return s;
}
