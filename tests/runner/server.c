/* The server's process: start, ends, its files. Its pipes: stdio_client.c. */
#include "tests/runner/server_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* --- start -----------------------------------------------------------------
 */
static void pipe_or_fail(int fds[2])
{
    if (pipe2(fds, O_CLOEXEC)) FAIL("pipe: %s", strerror(errno));
}

static const char *new_project(struct server *s)
{
    static int made;
    struct slice p =
        arena_printf(&s->arena, "%s/project-%d", test_tmpdir(), ++made);
    struct slice git = arena_printf(&s->arena, "%s/.git", p.p);
    if (mkdir(p.p, 0755) || mkdir(git.p, 0755))
        FAIL("cannot make the project %s: %s", p.p, strerror(errno));
    return p.p;
}

static size_t count_of(const char *const *list)
{
    size_t n = 0;
    while (list && list[n]) n++;
    return n;
}

/* The caller's lists may be gone when the server is started again. */
static const char *const *copy_list(struct arena *a, const char *const *list)
{
    if (!list) return NULL;
    size_t n = count_of(list);
    const char **copy = ARENA_ARRAY(a, const char *, n + 1);
    if (!copy) FAIL("out of memory");
    for (size_t i = 0; i < n; i++) copy[i] = arena_cstr(a, slice_of(list[i]));
    return copy;
}

static void keep_options(struct server *s, const struct server_options *o)
{
    struct arena *a = &s->arena;
    const char *binary = o->binary ? o->binary : test_binary();
    s->options = *o;
    s->options.binary = arena_cstr(a, slice_of(binary));
    s->options.project =
        o->project ? arena_cstr(a, slice_of(o->project)) : new_project(s);
    s->options.args = copy_list(a, o->args);
    s->options.all_args = copy_list(a, o->all_args);
    s->options.env = copy_list(a, o->env);
}

static char **arguments(struct server *s)
{
    const struct server_options *o = &s->options;
    const char *own[] = {o->binary, "serve", "--project", o->project, NULL};
    const char *const *more = o->all_args ? o->all_args : o->args;
    size_t n = o->all_args ? 1 : count_of(own), m = count_of(more);
    char **argv = ARENA_ARRAY(&s->arena, char *, n + m + 1);
    for (size_t i = 0; i < n; i++) argv[i] = (char *)own[i];
    for (size_t i = 0; i < m; i++) argv[n + i] = (char *)more[i];
    return argv;
}

/* Does "NAME=..." or "NAME" in the options speak of this variable? */
static bool overridden(const struct server *s, const char *variable)
{
    size_t n = strcspn(variable, "=");
    for (const char *const *e = s->options.env; e && *e; e++)
        if (strcspn(*e, "=") == n && memcmp(*e, variable, n) == 0) return true;
    return false;
}

static char **environment(struct server *s)
{
    size_t n = count_of((const char *const *)environ), k = 0;
    n += count_of(s->options.env);
    char **env = ARENA_ARRAY(&s->arena, char *, n + 1);
    for (char **e = environ; *e; e++)
        if (!overridden(s, *e)) env[k++] = *e;
    for (const char *const *e = s->options.env; e && *e; e++)
        if (strchr(*e, '=')) env[k++] = (char *)*e;
    return env;
}

static pid_t spawn(struct server *s, int in, int out, int err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t set;
    pid_t pid = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    posix_spawn_file_actions_addchdir_np(&actions, s->options.project);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    posix_spawnattr_setsigdefault(&attr, &set);
    int e = posix_spawn(&pid, s->options.binary, &actions, &attr, arguments(s),
                        environment(s));
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    if (e) FAIL("cannot start %s: %s", s->options.binary, strerror(e));
    return pid;
}

static void launch(struct server *s)
{
    int in[2], out[2];
    pipe_or_fail(in);
    pipe_or_fail(out);
    int err =
        open(s->stderr_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (err < 0) FAIL("cannot open %s: %s", s->stderr_path, strerror(errno));
    s->pid = spawn(s, in[0], out[1], err);
    s->pidfd = pidfd_open(s->pid, 0);
    if (s->pidfd < 0) FAIL("pidfd_open: %s", strerror(errno));
    close(in[0]);
    close(out[1]);
    close(err);
    s->in = in[1];
    s->out = out[0];
    /* Only our ends: the server's are other open files. */
    fcntl(s->in, F_SETFL, O_NONBLOCK);
    fcntl(s->out, F_SETFL, O_NONBLOCK);
}

struct server *server_start(const struct server_options *o)
{
    static int made;
    struct server *s = calloc(1, sizeof *s);
    if (!s) FAIL("out of memory");
    signal(SIGPIPE, SIG_IGN); /* a server that is gone is EPIPE to us */
    arena_init(&s->arena, CLIENT_ARENA_MAX);
    s->in = s->out = s->pidfd = -1;
    s->patience = patience(o->patience_s);
    keep_options(s, o);
    s->stderr_path =
        arena_printf(&s->arena, "%s/server-%d.stderr", test_tmpdir(), ++made).p;
    stdio_speak(s, REVISION_MODERN);
    test_at_end(server_end, s);
    launch(s);
    return s;
}

pid_t server_pid(const struct server *s)
{
    return s->pid;
}

const char *server_project(const struct server *s)
{
    return s->options.project;
}

/* --- stderr ----------------------------------------------------------------
 */
const char *server_stderr(const struct server *s)
{
    return s->stderr_path;
}

static struct slice read_file(struct arena *a, const char *path)
{
    struct slice text = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) goto out;
    char *p = arena_alloc(a, (size_t)st.st_size + 1);
    if (!p) FAIL("%s: no memory for %jd bytes", path, (intmax_t)st.st_size);
    ssize_t n = read(fd, p, (size_t)st.st_size);
    text = (struct slice){p, n > 0 ? (size_t)n : 0};
out:
    if (fd >= 0) close(fd);
    return text;
}

struct slice server_stderr_text(const struct server *s)
{
    return read_file(&((struct server *)s)->arena, s->stderr_path);
}

void server_fail(struct server *s, const char *what)
{
    struct slice err = server_stderr_text(s);
    size_t from = err.n > 1500 ? err.n - 1500 : 0;
    FAIL("%s\n  server %d, %s; the end of its stderr:\n%.*s", what, (int)s->pid,
         s->ended ? "ended" : "running", (int)(err.n - from),
         err.n ? err.p + from : "");
}

/* --- ends ------------------------------------------------------------------
 */
static void close_fd(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static struct server_exit reap(struct server *s, double began)
{
    double deadline = began + s->patience;
    struct pollfd pf = {.fd = s->pidfd, .events = POLLIN};
    while (poll(&pf, 1, (int)((deadline - now_s()) * 1000) + 1) <= 0)
        if (now_s() > deadline) server_fail(s, "the server does not end");
    int status = 0;
    waitpid(s->pid, &status, 0);
    s->ended = true;
    close_fd(&s->pidfd);
    return (struct server_exit){
        .status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        .seconds = now_s() - began};
}

struct server_exit server_wait(struct server *s)
{
    return reap(s, now_s());
}

struct server_exit server_stop_eof(struct server *s)
{
    double began = now_s();
    close_fd(&s->in);
    return reap(s, began);
}

struct server_exit server_stop_signal(struct server *s, int sig)
{
    double began = now_s();
    kill(s->pid, sig);
    return reap(s, began);
}

void server_kill(struct server *s)
{
    server_stop_signal(s, SIGKILL);
}

struct server *server_restart(struct server *s)
{
    if (!s->ended) FAIL("restart of a server that still runs");
    close_fd(&s->in);
    close_fd(&s->out);
    inbox_clear(&s->inbox);
    s->queued_first = s->queued_last = NULL;
    s->ended = false;
    launch(s);
    return s;
}

static void check_sanitizers(struct server *s)
{
    static const char *const reports[] = {
        "ERROR: AddressSanitizer", "ERROR: LeakSanitizer",
        "WARNING: ThreadSanitizer", "runtime error: "};
    struct slice err = server_stderr_text(s);
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++)
        if (err.n && memmem(err.p, err.n, reports[i], strlen(reports[i])))
            server_fail(s, "a sanitizer has found something in the server");
}

/* At the end of a test whose body went well. */
void server_end(void *server)
{
    struct server *s = server;
    if (!s->ended) {
        struct server_exit e = server_stop_eof(s);
        if (e.status != 0)
            server_fail(s, "the server does not leave with 0 at the end of "
                           "its stdin");
    }
    check_sanitizers(s);
    close_fd(&s->in);
    close_fd(&s->out);
    inbox_free(&s->inbox);
    arena_done(&s->arena);
    free(s);
}

/* --- what it says of itself ------------------------------------------------
 */
static const struct json *wait_file(struct server *s, const char *path)
{
    double deadline = now_s() + s->patience;
    for (;;) {
        struct slice text = read_file(&s->arena, path);
        const struct json *v = text.n ? parse_or_null(&s->arena, text) : NULL;
        if (v) return v;
        struct pollfd pf = {.fd = s->pidfd, .events = POLLIN};
        bool gone = s->ended || poll(&pf, 1, 2) > 0;
        if (gone || now_s() > deadline) {
            char what[600];
            snprintf(what, sizeof what, "waiting for %.500s: %s", path,
                     gone ? "the server has ended" : "it does not come");
            server_fail(s, what);
        }
    }
}

const struct json *server_file(struct server *s)
{
    return wait_file(s, arena_printf(&s->arena, "%s/.phasegate/server.json",
                                     s->options.project)
                            .p);
}

int server_port(struct server *s)
{
    const struct json *f =
        wait_file(s, arena_printf(&s->arena, "%s/.phasegate/servers/%d.json",
                                  s->options.project, (int)s->pid)
                         .p);
    struct slice url = json_text(json_get(f, SLICE("url")));
    const char *text = arena_cstr(&s->arena, url);
    const char *host = text ? strstr(text, "://") : NULL;
    const char *colon = host ? strrchr(host + 3, ':') : NULL;
    int port = colon ? (int)strtol(colon + 1, NULL, 10) : 0;
    if (port <= 0) FAIL("no port in the url of %.*s", SLICE_ARG(f->raw));
    return port;
}
