/*
 * Mixed work over stdio and HTTP for a long time: memory and descriptors stay
 * where they are. An hour in ./bootstrap test --long, a minute in --full.
 *
 * Plain sockets and pipes and a few buffers: what the test itself keeps must
 * not grow with the time either.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "tests/integration/process.h"
#include "tests/runner/client.h"
#include "tests/unit/session_kit.h"

enum { HTTP_CLIENTS = 3, SAMPLES = 4096, ROOM = 1 << 18 };

struct soak {
    atomic_bool over;
    atomic_int calls;
    int port, in, out; /* of its stdin and stdout */
};

/* One line of work: over stdio when fd is -1, else on that connection. */
struct worker {
    struct soak *soak;
    int number, fd;
    int64_t id;
    char answer[ROOM];
    size_t n;
};

static void put(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) FAIL("the server takes no more: %s", strerror(errno));
        p += k;
        n -= (size_t)k;
    }
}

/* Whole when a line has ended, or the bytes that HTTP announced are there. */
static bool whole(const struct worker *w)
{
    if (w->fd < 0) return memchr(w->answer, '\n', w->n) != NULL;
    const char *body = strstr(w->answer, "\r\n\r\n");
    const char *length = strcasestr(w->answer, "\r\nContent-Length: ");
    if (!body || !length || length > body) return false;
    size_t want = strtoul(length + 18, NULL, 10);
    return w->n >= (size_t)(body + 4 - w->answer) + want;
}

static void take(struct worker *w)
{
    int fd = w->fd < 0 ? w->soak->out : w->fd;
    w->n = 0;
    do {
        ssize_t k = read(fd, w->answer + w->n, ROOM - 1 - w->n);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) FAIL("no whole answer: %s", strerror(errno));
        w->n += (size_t)k;
        w->answer[w->n] = '\0';
    } while (!whole(w));
    atomic_fetch_add(&w->soak->calls, 1);
}

static int dial(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

static void call(struct worker *w, const char *tool, const char *arguments)
{
    char body[2048], head[512];
    int n =
        snprintf(body, sizeof(body),
                 "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"method\":\"tools/call\","
                 "\"params\":{\"name\":\"%s\",\"arguments\":%s}}\n",
                 (long long)++w->id, tool, arguments);
    if (w->fd >= 0) {
        int k = snprintf(head, sizeof(head),
                         "POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
                         "Content-Type: application/json\r\n"
                         "Accept: application/json, text/event-stream\r\n"
                         "MCP-Protocol-Version: 2025-11-25\r\n"
                         "Content-Length: %d\r\n\r\n",
                         n);
        put(w->fd, head, (size_t)k);
    }
    put(w->fd < 0 ? w->soak->in : w->fd, body, (size_t)n);
    take(w);
}

/* --- one session, from its beginning to its removal ------------------------
 */

static void on_session(struct worker *w, const char *id, const char *tool,
                       const char *more)
{
    char arguments[1024];
    snprintf(arguments, sizeof(arguments), "{\"session_id\":\"%s\"%s}", id,
             more);
    call(w, tool, arguments);
}

static void one_session(struct worker *w, int round)
{
    char text[256], id[40] = "";
    snprintf(text, sizeof(text),
             "{\"workflow_type\":\"three_v1\",\"target\":\"w%d-%d\"}",
             w->number, round);
    call(w, "start_workflow", text);
    const char *at = strstr(w->answer, "session_id\":\"");
    CHECK(at && sscanf(at + 13, "%36[0-9a-f-]", id) == 1);
    on_session(w, id, "get_phase", "");
    on_session(w, id, "claim_task",
               ",\"phase\":0,\"task_number\":1,\"agent\":\"x\"");
    on_session(w, id, "complete_phase", ",\"phase\":0,\"evidence\":{}");
    on_session(w, id, "complete_phase", ",\"phase\":0,\"evidence\":" KIT_GOOD);
    on_session(w, id, "get_session", ",\"include\":[\"history\"]");
    call(w, "list_sessions", "{\"limit\":5}");
    call(w, "search_standards", "{\"query\":\"nothing is there\"}");
    on_session(w, id, "manage_session", ",\"action\":\"delete\"");
    CHECK(strstr(w->answer, "\"changed\\\":true") ||
          strstr(w->answer, "\"changed\":true"));
}

static void work(struct worker *w)
{
    for (int round = 0; !atomic_load(&w->soak->over); round++) {
        one_session(w, round);
        if (w->fd >= 0 && round % 4 == 3) { /* some leave in the middle */
            put(w->fd, "POST /mcp HTTP/1.1\r\nHost: l", 28);
            close(w->fd);
            w->fd = dial(w->soak->port);
        }
        usleep(20000);
    }
    if (w->fd >= 0) close(w->fd);
}

/* --- what it holds ----------------------------------------------------------
 */

struct sample {
    double s, kib, files;
};
struct samples {
    struct sample at[SAMPLES];
    int n;
};

static void sample(struct samples *all, pid_t pid, double s)
{
    char path[64], line[256];
    struct file_name *names;
    size_t count;
    long kib = 0;
    struct arena a;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    CHECK(f);
    while (fgets(line, sizeof(line), f))
        if (sscanf(line, "VmRSS: %ld kB", &kib) == 1) break;
    fclose(f);
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    arena_init(&a, 1 << 20);
    CHECK_OK(folder_list(slice_of(path), 10000, &a, &names, &count));
    arena_done(&a);
    if (all->n < SAMPLES)
        all->at[all->n++] = (struct sample){s, (double)kib, (double)count};
}

/* Least squares over the later half: how much more at its end than at its
 * beginning. */
static double growth(const struct samples *all, bool files)
{
    int from = all->n / 2, n = all->n - from;
    double sx = 0, sy = 0, sxx = 0, sxy = 0;
    for (int i = from; i < all->n; i++) {
        double x = all->at[i].s;
        double y = files ? all->at[i].files : all->at[i].kib;
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
    }
    double slope = (n * sxy - sx * sy) / (n * sxx - sx * sx);
    return slope * (all->at[all->n - 1].s - all->at[from].s);
}

/* --- the test ----------------------------------------------------------------
 */

struct team {
    struct soak soak;
    struct worker *workers;
    struct samples samples;
    pid_t pid;
    double seconds;
};

static void watch(struct team *t)
{
    int64_t began = clock_now();
    for (double s = 0; s < t->seconds;) {
        usleep(t->seconds > 600 ? 1000000 : 100000);
        s = (double)(clock_now() - began) / 1e9;
        sample(&t->samples, t->pid, s);
    }
    atomic_store(&t->soak.over, true);
}

static void member(void *team, int i)
{
    struct team *t = team;
    if (i == 0)
        watch(t);
    else
        work(&t->workers[i - 1]);
}

static int port_in(struct slice file)
{
    size_t at = slice_find(file, SLICE("127.0.0.1:"));
    CHECK_INT_LT(at, file.n);
    return (int)strtol(file.p + at + 10, NULL, 10);
}

static void soak(double seconds)
{
    const char *folder = process_project("soak");
    const char *args[] = {"serve",       "--workflows", kit_workflows(),
                          "--http-port", "0",           "--log-level",
                          "warn",        NULL};
    int in[2], out[2];
    CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    static struct team t;
    t.pid = process_start(folder, in[0], out[1], args);
    close(in[0]);
    close(out[1]);
    t.soak.in = in[1];
    t.soak.out = out[0];
    t.soak.port =
        port_in(process_file_with(folder, ".phasegate/server.json", "/mcp\""));
    t.seconds = seconds;
    t.workers = calloc(HTTP_CLIENTS + 1, sizeof(*t.workers));
    CHECK(t.workers);
    for (int i = 0; i <= HTTP_CLIENTS; i++) {
        t.workers[i].soak = &t.soak;
        t.workers[i].number = i;
        t.workers[i].fd = i ? dial(t.soak.port) : -1;
    }
    test_threads(HTTP_CLIENTS + 2, member, &t);
    close(t.soak.in);
    CHECK_INT_EQ(process_wait(t.pid).status, 0);
    double kib = growth(&t.samples, false), files = growth(&t.samples, true);
    double last = t.samples.at[t.samples.n - 1].kib;
    printf("%d calls in %.0f s; %.0f KiB at the end, %+.0f KiB and %+.1f "
           "descriptors in the later half\n",
           atomic_load(&t.soak.calls), seconds, last, kib, files);
    free(t.workers);
    CHECK_INT_GT(atomic_load(&t.soak.calls), 100);
    /* It takes a while until its buffers and caches are what they will be. */
    if (seconds >= 30) CHECK_INT_LT((int)kib, 1024 + (int)(last / 20));
    CHECK_INT_LT((int)files, 10); /* one per connection would be dozens */
}

TEST(soak, memory_and_descriptors_stay_where_they_are, .needs = "slow release",
     .timeout_s = 3800)
{
    soak(getenv("PHASEGATE_LONG") ? 3600 : 60);
}

TEST(soak, descriptors_stay_where_they_are_for_a_moment)
{
    soak(2);
}
