/* The running half of include/phasegate-mcp.h: loops, workers and a server in
 * one object, and a main() for programs that are nothing but a server. */
#include "mcp/face.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "mcp/server.h"
#include "transport/http.h"
#include "transport/listen.h"
#include "transport/loop.h"
#include "transport/stdio.h"

enum {
    WORKERS = 8,
    QUEUE = 4096,
    CALLS_MS = 5000, /* for handlers to notice that they are cancelled */
    FLUSH_MS = 1000,
    STEP_MS = 2
};

struct mcp_host {
    struct mcp_server *server;
    struct pool *pool; /* ours, or NULL */
    struct tp_loop *stdio_loop, *http_loop;
    struct tp_stdio *stdio;
    struct tp_http *http;
    struct slice *names;
    size_t names_count;
    struct tp_listen at; /* fd < 0: no HTTP, or it is evhttp's */
    int ended;
    atomic_bool stdio_ended;
    char url[96];
};

/* --- starting --------------------------------------------------------------- */

static enum err bind_port(struct mcp_host *h, const struct mcp_host_config *c)
{
    enum err e;
    if (c->http_fd > 0)
        e = tp_listen_on(c->http_fd, &h->at);
    else if (c->http_host)
        e = tp_listen(slice_of(c->http_host), c->http_port, c->http_port,
                      &h->at);
    else
        return OK;
    if (e) return e;
    if (!h->at.loopback && !(c->token && *c->token)) return ERR_INVALID;
    bool v6 = strchr(h->at.host, ':') != NULL;
    (void)snprintf(h->url, sizeof(h->url), "http://%s%s%s:%d/mcp",
                   v6 ? "[" : "", h->at.host, v6 ? "]" : "", h->at.port);
    return OK;
}

static enum err copy_names(struct mcp_host *h, const char *const *names)
{
    size_t n = 0;
    while (names && names[n]) n++;
    if (!n) return OK;
    h->names = mem_array(n, sizeof(*h->names));
    if (!h->names) return ERR_NOMEM;
    for (; h->names_count < n; h->names_count++)
        h->names[h->names_count] = slice_of(names[h->names_count]);
    return OK;
}

static enum err make_server(struct mcp_host *h,
                            const struct mcp_server_config *config,
                            unsigned workers)
{
    struct mcp_server_config c = *config;
    if (!c.pool) {
        enum err e = pool_new("worker", workers ? workers : WORKERS, QUEUE,
                              &h->pool);
        if (e) return e;
        c.pool = h->pool;
    }
    return mcp_server_new(&c, &h->server);
}

static enum err serve_http(struct mcp_host *h, const struct mcp_host_config *c)
{
    if (h->at.fd < 0) return OK;
    enum err e = tp_loop_new("http", TP_LOOP_NET, &h->http_loop);
    struct tp_http_config http = {.loop = h->http_loop,
                                  .server = h->server,
                                  .names = {h->names, h->names_count},
                                  .tokens = {slice_of(c->token)}};
    if (!e) e = tp_http_new(&http, &h->http);
    if (!e) e = tp_http_accept(h->http, h->at.fd);
    if (!e) h->at.fd = -1; /* evhttp closes it now */
    return e ? e : tp_loop_start(h->http_loop);
}

static void on_stdio(void *ctx, enum tp_stdio_notice what)
{
    struct mcp_host *h = ctx;
    uint64_t one = 1;
    if (what == TP_STDIO_ENDING) return;
    if (what == TP_STDIO_ENDED) atomic_store(&h->stdio_ended, true);
    ssize_t n = write(h->ended, &one, sizeof(one));
    (void)n;
}

static enum err serve_stdio(struct mcp_host *h)
{
    struct tp_stdio_config c = {.server = h->server,
                                .in = STDIN_FILENO,
                                .out = STDOUT_FILENO,
                                .notice = on_stdio,
                                .ctx = h};
    enum err e =
        tp_loop_new("stdio", tp_loop_kind_for(STDIN_FILENO, STDOUT_FILENO),
                    &h->stdio_loop);
    c.loop = h->stdio_loop;
    if (!e) e = tp_stdio_new(&c, &h->stdio);
    return e ? e : tp_loop_start(h->stdio_loop);
}

/* Nothing runs any more, or ever did. */
static void host_free(struct mcp_host *h)
{
    tp_loop_stop(h->http_loop);
    tp_loop_stop(h->stdio_loop);
    tp_http_free(h->http);
    tp_stdio_free(h->stdio);
    mcp_server_free(h->server);
    pool_free(h->pool);
    tp_loop_free(h->http_loop);
    tp_loop_free(h->stdio_loop);
    if (h->at.fd >= 0) close(h->at.fd);
    if (h->ended >= 0) close(h->ended);
    mem_free(h->names);
    mem_free(h);
}

enum err mcp_host_start(const struct mcp_server_config *c,
                        const struct mcp_host_config *hc,
                        struct mcp_host **ret)
{
    struct mcp_host *h = MEM_NEW(struct mcp_host);
    if (!h) return ERR_NOMEM;
    h->at.fd = -1;
    h->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum err e = h->ended < 0 ? ERR_IO : OK;
    if (!e) e = bind_port(h, hc);
    if (!e) e = copy_names(h, hc->names);
    if (!e) e = make_server(h, c, hc->workers);
    if (!e) e = serve_http(h, hc);
    if (!e && hc->stdio) e = serve_stdio(h);
    if (e) {
        if (h->server) mcp_server_stop(h->server);
        host_free(h);
        return e;
    }
    *ret = h;
    return OK;
}

const char *mcp_host_url(const struct mcp_host *h)
{
    return h->url;
}

struct mcp_server *mcp_host_server(const struct mcp_host *h)
{
    return h->server;
}

int mcp_host_ended(const struct mcp_host *h)
{
    return h->ended;
}

/* --- stopping ---------------------------------------------------------------- */

static bool calls_over(const struct mcp_host *h)
{
    return mcp_server_open_calls(h->server) == 0 &&
           (!h->stdio || atomic_load(&h->stdio_ended));
}

static bool answers_out(const struct mcp_host *h)
{
    return tp_http_busy(h->http) == 0;
}

static bool wait_until(bool (*over)(const struct mcp_host *),
                       const struct mcp_host *h, int64_t ms)
{
    const struct timespec step = {.tv_nsec = STEP_MS * NS_PER_MS};
    int64_t until = clock_now() + ms * NS_PER_MS;
    while (!over(h) && clock_now() < until) (void)nanosleep(&step, NULL);
    return over(h);
}

bool mcp_host_stop(struct mcp_host *h)
{
    if (!h) return true;
    tp_http_refuse(h->http);
    tp_stdio_shut(h->stdio);
    mcp_server_stop(h->server);
    bool over = wait_until(calls_over, h, CALLS_MS);
    if (over) (void)wait_until(answers_out, h, FLUSH_MS);
    if (!over) {
        tp_loop_stop(h->http_loop);
        tp_loop_stop(h->stdio_loop);
        return false; /* a handler still uses the rest */
    }
    host_free(h);
    return true;
}

/* --- a main() ------------------------------------------------------------------ */

static const char usage[] =
    " [--http-port N [--http-host ADDR]]\n"
    "  Serves MCP on stdin and stdout, or on http://ADDR:N/mcp (0: any free "
    "port).\n"
    "  MCP_TOKEN in the environment is the bearer token asked for over HTTP.\n";

static bool read_arguments(struct mcp_host_config *c, int argc, char **argv)
{
    int64_t port = -1;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--http-host") == 0)
            c->http_host = argv[i + 1];
        else if (strcmp(argv[i], "--http-port") != 0 ||
                 !slice_int64(slice_of(argv[i + 1]), &port) || port < 0 ||
                 port > UINT16_MAX)
            return false;
    }
    if (argc % 2 == 0 || (c->http_host && port < 0)) return false;
    if (port >= 0 && !c->http_host) c->http_host = "127.0.0.1";
    c->http_port = (int)port;
    c->token = getenv("MCP_TOKEN");
    return true;
}

/* A socket somebody else has bound comes before what the arguments say. */
static enum err take_inherited(struct mcp_host_config *c)
{
    struct tp_listen l;
    enum err e = tp_listen_inherited(&l);
    if (!e) c->http_fd = l.fd;
    return e == ERR_NOT_FOUND ? OK : e;
}

static void wait_for_end(const struct mcp_host *h, int signals)
{
    struct pollfd fds[] = {{signals, POLLIN, 0}, {h->ended, POLLIN, 0}};
    while (poll(fds, 2, -1) < 0 && errno == EINTR) {}
}

int mcp_main(const struct mcp_server_config *c, int argc, char **argv)
{
    struct mcp_host_config hc = {0};
    struct mcp_host *h = NULL;
    const char *name = c->name ? c->name : "server";
    if (!read_arguments(&hc, argc, argv)) {
        dprintf(STDERR_FILENO, "usage: %s%s", name, usage);
        return 2;
    }
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    enum err e = signals < 0 ? ERR_IO : take_inherited(&hc);
    hc.stdio = !hc.http_host && !hc.http_fd;
    if (!e) e = mcp_host_start(c, &hc, &h);
    if (e) {
        dprintf(STDERR_FILENO, "%s: cannot serve: %s%s\n", name,
                mcp_err_name(e),
                e == ERR_INVALID
                    ? " (no numeric address, or one that needs MCP_TOKEN)"
                : e == ERR_UNAVAILABLE ? " (the port is taken or not allowed)"
                                       : "");
        if (signals >= 0) close(signals);
        return 1;
    }
    if (h->url[0]) dprintf(STDERR_FILENO, "%s\n", h->url);
    wait_for_end(h, signals);
    (void)mcp_host_stop(h);
    close(signals);
    return 0;
}
