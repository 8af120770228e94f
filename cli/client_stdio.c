#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/client.h"

#define ANSWER_NS (30 * NS_PER_S)
#define STOP_NS (5 * NS_PER_S)
#define LINE_CEILING (64u << 20)

static void close_fd(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

_Noreturn static void child(char *const *argv, int in, int out, int log_fd)
{
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(log_fd, 2) < 0) _exit(127);
    signal(SIGPIPE, SIG_DFL);
    execv(argv[0], argv);
    _exit(127);
}

enum err cli_server_start(struct cli_server *s, char *const *argv, int log_fd)
{
    int in[2], out[2];
    *s = (struct cli_server){.to = -1, .from = -1};
    s->lines = BUF_INIT(LINE_CEILING);
    if (pipe2(in, O_CLOEXEC)) return ERR_IO;
    if (pipe2(out, O_CLOEXEC)) {
        close(in[0]);
        close(in[1]);
        return ERR_IO;
    }
    s->pid = fork();
    if (s->pid == 0) child(argv, in[0], out[1], log_fd);
    close(in[0]);
    close(out[1]);
    s->to = in[1];
    s->from = out[0];
    return s->pid < 0 ? ERR_IO : OK;
}

static enum err write_all(int fd, struct slice s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return ERR_IO;
        s = slice_sub(s, (size_t)n, s.n);
    }
    return OK;
}

/* Reads until a whole line lies in s->lines; its length without '\n'. */
static enum err line_read(struct cli_server *s, size_t *ret_n)
{
    int64_t end = clock_now() + ANSWER_NS;
    for (;;) {
        size_t n = slice_find_byte(buf_slice(&s->lines), '\n');
        if (n < s->lines.n) {
            *ret_n = n;
            return OK;
        }
        struct pollfd p = {.fd = s->from, .events = POLLIN};
        int64_t left = (end - clock_now()) / NS_PER_MS;
        if (left <= 0 || poll(&p, 1, (int)left) == 0) return ERR_DEADLINE;
        if (!buf_reserve(&s->lines, 65536)) return s->lines.err;
        ssize_t got = read(s->from, s->lines.p + s->lines.n, 65536);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return ERR_IO;
        buf_add(&s->lines, (size_t)got);
    }
}

enum err cli_server_call(struct cli_server *s, const char *tool,
                         struct slice arguments, struct arena *a,
                         struct cli_reply *ret)
{
    struct buf line = BUF_INIT(LINE_CEILING);
    size_t n = 0;
    *ret = (struct cli_reply){.sent = true,
                              .why = SLICE("the server does not answer")};
    cli__request_write(&line, ++s->next_id, tool, arguments);
    buf_putc(&line, '\n');
    enum err e = line.err ? line.err : write_all(s->to, buf_slice(&line));
    if (!e) e = line_read(s, &n);
    if (!e) {
        struct slice text =
            arena_copy(a, slice_sub(buf_slice(&s->lines), 0, n));
        buf_consume(&s->lines, n + 1);
        e = text.p ? cli__reply_read(text, a, ret) : ERR_NOMEM;
    }
    buf_done(&line);
    return e;
}

int cli_server_stop(struct cli_server *s)
{
    int status = 0;
    int64_t end = clock_now() + STOP_NS;
    close_fd(&s->to);
    while (s->pid > 0 && waitpid(s->pid, &status, WNOHANG) == 0) {
        if (clock_now() > end) {
            kill(s->pid, SIGKILL);
            waitpid(s->pid, &status, 0);
            break;
        }
        poll(NULL, 0, 1);
    }
    close_fd(&s->from);
    buf_done(&s->lines);
    s->pid = 0;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
