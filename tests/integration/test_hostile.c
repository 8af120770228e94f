/*
 * Clients that mean harm, on the real server, while others work. Each attack
 * is a process of its own at the lowest priority, as if it ran on another
 * machine: what is measured is what it does to the server, not that it uses
 * this machine's processors.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "tests/integration/program.h"
#include "tests/runner/client.h"
#include "tests/runner/server.h"

enum { MIB = 1 << 20, PEAK_KIB = 160 * 1024 };

/* --- attackers: they end when they are killed ----------------------------- */

static int dial(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    if (fd >= 0) close(fd);
    usleep(1000);
    return -1;
}

/* Writes all, reading and forgetting whatever comes meanwhile. */
static bool push(int fd, const char *p, size_t n)
{
    char sink[65536];
    while (n) {
        struct pollfd pf = {.fd = fd, .events = POLLIN | POLLOUT};
        if (poll(&pf, 1, 5000) <= 0) return false;
        if ((pf.revents & POLLIN) && recv(fd, sink, sizeof(sink), 0) <= 0)
            return false;
        if (pf.revents & (POLLERR | POLLHUP)) return false;
        if (!(pf.revents & POLLOUT)) continue;
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN) return false;
        if (sent > 0) {
            p += sent;
            n -= (size_t)sent;
        }
    }
    return true;
}

static void reset(int fd)
{
    struct linger at_once = {1, 0};
    if (fd < 0) return;
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
}

#define HEAD                                                                   \
    "POST /mcp HTTP/1.1\r\nHost: localhost\r\n"                                \
    "Content-Type: application/json\r\nAccept: application/json, "             \
    "text/event-stream\r\nMCP-Protocol-Version: 2025-11-25\r\n"
#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"

/* Many connections, each given `drop` now and then. */
static void drip(int port, const char *first, const char *drop)
{
    int fds[150];
    size_t n = sizeof(fds) / sizeof(fds[0]);
    for (size_t i = 0; i < n; i++) fds[i] = -1;
    for (;;) {
        for (size_t i = 0; i < n; i++) {
            if (fds[i] < 0) {
                fds[i] = dial(port);
                if (fds[i] >= 0) push(fds[i], first, strlen(first));
            } else if (drop[0] &&
                       send(fds[i], drop, strlen(drop), MSG_NOSIGNAL) < 0) {
                close(fds[i]);
                fds[i] = -1;
            }
        }
        usleep(20000);
    }
}

static void slow_headers(int port)
{
    drip(port, HEAD, "X");
}

static void slow_bodies(int port)
{
    drip(port, HEAD "Content-Length: 100000\r\n\r\n{", " ");
}

static void half_open(int port)
{
    drip(port, "", "");
}

/* The same bytes without end on connections that are made again. */
static void pour(int port, const char *first, const char *bytes, size_t n,
                 bool ends_by_reset)
{
    for (;;) {
        int fd = dial(port);
        if (fd < 0) continue;
        if (push(fd, first, strlen(first)))
            for (int i = 0; i < 256 && push(fd, bytes, n); i++) continue;
        if (ends_by_reset)
            reset(fd);
        else
            close(fd);
    }
}

static char *many(const char *text, size_t times, size_t *ret_n)
{
    size_t one = strlen(text);
    char *p = malloc(one * times + 1);
    if (!p) _exit(1);
    for (size_t i = 0; i < times; i++) memcpy(p + i * one, text, one);
    *ret_n = one * times;
    return p;
}

/* 100,000 on one connection, as fast as they are taken. */
static void pipelined(int port)
{
    char one[512];
    size_t n;
    snprintf(one, sizeof(one), HEAD "Content-Length: %zu\r\n\r\n%s",
             strlen(PING), PING);
    char *p = many(one, 400, &n);
    pour(port, "", p, n, false);
}

static void endless_line(int port)
{
    size_t n;
    char *p = many("a", 1 << 16, &n);
    pour(port, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nX: ", p, n, false);
}

static void endless_chunk(int port)
{
    size_t n;
    char *p = many("1", 1 << 16, &n);
    pour(port, HEAD "Transfer-Encoding: chunked\r\n\r\n", p, n, false);
}

static void bodies(int port, const char *text, size_t times, bool ends_by_reset)
{
    char head[512];
    size_t n;
    char *p = many(text, times, &n);
    snprintf(head, sizeof(head), HEAD "Content-Length: %zu\r\n\r\n", n);
    for (;;) {
        int fd = dial(port);
        if (fd < 0) continue;
        for (int i = 0; i < 16; i++)
            if (!push(fd, head, strlen(head)) || !push(fd, p, n)) break;
        if (ends_by_reset)
            reset(fd);
        else
            close(fd);
    }
}

static void deep_nesting(int port)
{
    bodies(port, "[{\"a\":", 20000, false);
}

static void long_bodies(int port)
{
    bodies(port, "[1,2,{\"a\":\"bcdefghijk\"}],", 15 * MIB / 25, false);
}

static void noise(int port)
{
    static char bytes[65536];
    for (size_t i = 0; i < sizeof(bytes); i++) bytes[i] = (char)random_u64();
    pour(port, "", bytes, sizeof(bytes), true);
}

static void connection_flood(int port)
{
    for (int i = 0;; i++) {
        int fd = dial(port);
        if (i % 2)
            reset(fd);
        else if (fd >= 0)
            close(fd);
    }
}

static void reset_in_the_middle(int port)
{
    for (;;) {
        int fd = dial(port);
        if (fd >= 0)
            push(fd, HEAD "Content-Length: 100\r\n\r\n{",
                 strlen(HEAD "Content-Length: 100\r\n\r\n{"));
        reset(fd);
    }
}

static pid_t attack(void (*run)(int port), int port)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    setpriority(PRIO_PROCESS, 0, 19);
    run(port);
    _exit(0);
}

static void stop(pid_t pid)
{
    kill(pid, SIGKILL);
    CHECK_INT_EQ(waitpid(pid, NULL, 0), pid);
}

/* --- those who work ------------------------------------------------------- */

/*
 * Two servers of the same kind stand side by side, one of them attacked. A
 * client asks both in turn, thinks for a moment, and asks again: whatever else
 * this machine does falls on both alike, and what is left is what the attack
 * does to those who share a server with it. What the scheduler gives or takes
 * within a few time slices is not the server's: FLOOR_US.
 */
enum { ASKED = 400, ROUNDS = 5, FLOOR_US = 10000 };

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t ask(struct http *h)
{
    int64_t began = clock_now();
    CHECK_INT_EQ(http_call(h, "tools/list", "").status, 200);
    return clock_now() - began;
}

static int64_t p99_us(int64_t *took)
{
    qsort(took, ASKED, sizeof(took[0]), by_size);
    return took[ASKED * 99 / 100] / 1000;
}

/* How many times as long those on the attacked server wait. */
static double compare(int attacked_port, int quiet_port)
{
    static int64_t loud[ASKED], quiet[ASKED];
    struct http *l = http_open(attacked_port), *q = http_open(quiet_port);
    for (int i = 0; i < ASKED; i++) {
        loud[i] = ask(l);
        quiet[i] = ask(q);
        usleep(300);
    }
    http_close(l);
    http_close(q);
    int64_t a = p99_us(loud), b = p99_us(quiet);
    printf("p99 %lld us under attack, %lld us beside it\n", (long long)a,
           (long long)b);
    return (double)a / (double)(b > FLOOR_US ? b : FLOOR_US);
}

static int64_t peak_kib(const struct server *s)
{
    char path[64], line[256];
    long long kib = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)server_pid(s));
    FILE *f = fopen(path, "r");
    CHECK(f);
    while (fgets(line, sizeof(line), f))
        if (sscanf(line, "VmHWM: %lld kB", &kib) == 1) break;
    fclose(f);
    return kib;
}

struct enemy {
    const char *label;
    void (*run)(int port);
};
#define ENEMIES                                                                \
    {"slow headers", slow_headers}, {"slow bodies", slow_bodies},              \
        {"half open", half_open}, {"pipelined", pipelined},                    \
        {"endless line", endless_line}, {"endless chunk", endless_chunk},      \
        {"deep nesting", deep_nesting}, {"long bodies", long_bodies},          \
        {"random bytes", noise}, {"flood", connection_flood},                  \
        {"resets", reset_in_the_middle},

static int by_ratio(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

TEST_EACH_IF(hostile, others_do_not_wait_twice_as_long,
             (.needs = "slow release", .timeout_s = 120), struct enemy, row,
             ENEMIES)
{
    struct server *s = server_start(&(struct server_options){0});
    struct server *beside = server_start(&(struct server_options){0});
    double ratio[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        pid_t enemy = attack(row->run, server_port(s));
        ratio[i] = compare(server_port(s), server_port(beside));
        stop(enemy);
    }
    qsort(ratio, ROUNDS, sizeof(ratio[0]), by_ratio);
    printf("%s: %.2f times as long, peak %lld KiB\n", row->label,
           ratio[ROUNDS / 2], (long long)peak_kib(s));
    CHECK_INT_LT(peak_kib(s), PEAK_KIB);
    if (ratio[ROUNDS / 2] >= 2)
        FAIL("others wait %.1f times as long", ratio[ROUNDS / 2]);
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
}

TEST(hostile, all_at_once_they_cost_no_answer_and_little_memory)
{
    static const struct enemy enemies[] = {ENEMIES};
    enum { N = sizeof(enemies) / sizeof(enemies[0]) };
    struct server *s = server_start(&(struct server_options){0});
    int port = server_port(s);
    struct http *h = http_open(port);
    pid_t pids[N];
    for (size_t i = 0; i < N; i++) pids[i] = attack(enemies[i].run, port);
    for (int i = 0; i < 50; i++) ask(h);
    stdio_call(s, "tools/list", "");
    for (size_t i = 0; i < N; i++) stop(pids[i]);
    /* The flood's connections are closed one by one; then there is room. */
    while (http_call(http_open(port), "tools/list", "").status == 503)
        usleep(20000);
    for (int i = 0; i < 50; i++) ask(http_open(port));
    if (!test_sanitized()) CHECK_INT_LT(peak_kib(s), PEAK_KIB);
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
}

/* --- long bodies ---------------------------------------------------------- */

enum { CLIENTS = 60, LONG = 15 * MIB };
static const char long_head[] = HEAD "Content-Length: 15728640\r\n\r\n";

struct sender {
    int fd; /* -1: told and closed */
    size_t sent;
};

/* The server said something, or closed. True: it was the refusal. */
static bool was_told(struct sender *c)
{
    char answer[4096];
    ssize_t n = recv(c->fd, answer, sizeof(answer) - 1, MSG_DONTWAIT);
    if (n < 0) return false;
    answer[n] = '\0';
    if (n) CHECK(strstr(answer, "HTTP/1.1 503 ") == answer);
    if (n) CHECK(strstr(answer, "OVER_CAPACITY"));
    close(c->fd);
    c->fd = -1;
    return n > 0;
}

/* Each sends all but the last byte, as far as it is taken; how many were
 * refused. */
static int send_together(int port, const char *body, struct sender *c)
{
    int told = 0, left = CLIENTS;
    int64_t until = clock_now() + (int64_t)(patience(20) * 1e9);
    for (int i = 0; i < CLIENTS; i++) {
        c[i] = (struct sender){dial(port), 0};
        CHECK(c[i].fd >= 0 && push(c[i].fd, long_head, strlen(long_head)));
    }
    while (left && clock_now() < until) {
        left = 0;
        for (int i = 0; i < CLIENTS; i++) {
            if (c[i].fd < 0 || c[i].sent == LONG - 1) continue;
            told += was_told(&c[i]);
            if (c[i].fd < 0) continue;
            ssize_t n = send(c[i].fd, body + c[i].sent, LONG - 1 - c[i].sent,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n > 0) c[i].sent += (size_t)n;
            left += c[i].sent < LONG - 1;
        }
    }
    CHECK_INT_EQ(left, 0);
    return told;
}

static int status_of_long(int port, const char *body)
{
    struct http *h = http_open(port);
    http_send_raw(h, slice_of(long_head));
    http_send_raw(h, (struct slice){body, LONG});
    int status = http_receive(h).status;
    http_close(h);
    return status;
}

/* Sixty of 15 MiB would be 900 MiB. */
TEST(hostile, long_bodies_together_are_bounded_too)
{
    static struct sender c[CLIENTS];
    struct server *s = server_start(&(struct server_options){0});
    int port = server_port(s);
    size_t n;
    char *body = many(" ", LONG, &n);
    CHECK_INT_GT(send_together(port, body, c), CLIENTS / 2);
    if (!test_sanitized()) CHECK_INT_LT(peak_kib(s), PEAK_KIB);
    ask(http_open(port));
    for (int i = 0; i < CLIENTS; i++)
        if (c[i].fd >= 0) close(c[i].fd);
    /* Once the server has seen them go, what they held is free again; 400:
     * blanks are no message. */
    int64_t until = clock_now() + (int64_t)(patience(20) * 1e9);
    while (status_of_long(port, body) == 503) CHECK(clock_now() < until);
    for (int i = 0; i < 8; i++) CHECK_INT_EQ(status_of_long(port, body), 400);
    free(body);
}
