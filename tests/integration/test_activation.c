/* A socket that somebody else has bound: the server takes it, and a client
 * that comes between two servers waits in it. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/node.h"
#include "tests/integration/process.h"
#include "tests/integration/program.h"
#include "tests/runner/client.h"
#include "tests/runner/server.h"
#include "transport/listen.h"

#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"

/* As systemd does: descriptors from 3 on, counted in LISTEN_FDS, for the
 * process LISTEN_PID. */
static pid_t activate(const char *const *args, const char *folder, int fd,
                      int count)
{
    pid_t pid = fork();
    if (pid != 0) return pid;
    char number[24];
    (void)snprintf(number, sizeof(number), "%d", (int)getpid());
    setenv("LISTEN_PID", number, 1);
    (void)snprintf(number, sizeof(number), "%d", count);
    setenv("LISTEN_FDS", number, 1);
    for (int i = 0; i < count; i++)
        if ((fd != 3 + i && dup2(fd, 3 + i) < 0) ||
            fcntl(3 + i, F_SETFD, 0) != 0)
            _exit(126);
    if (chdir(folder) != 0 || !freopen("stderr", "w", stderr)) _exit(126);
    execv(args[0], (char *const *)args);
    _exit(127);
}

static struct tp_listen bound(void)
{
    struct tp_listen l;
    CHECK_OK(tp_listen(SLICE("127.0.0.1"), 0, 0, &l));
    return l;
}

static void answered(struct http *h)
{
    struct http_reply r = http_request(
        h, "POST", "/mcp", "Content-Type: application/json\r\n", SLICE(PING));
    CHECK_INT_EQ(r.status, 200);
    http_close(h);
}

static void ended(pid_t pid, int want)
{
    struct process_end end = process_wait(pid);
    CHECK_INT_EQ(end.status, want);
}

TEST(activation, a_socket_outlives_the_servers_that_take_it)
{
    const char *folder = process_project("p");
    const char *args[] = {test_binary(), "serve", "--transport", "http",
                          "--project",   folder,  NULL};
    struct tp_listen l = bound();
    for (int i = 0; i < 2; i++) {
        struct http *early = http_open(l.port); /* before there is a server */
        pid_t pid = activate(args, folder, l.fd, 1);
        answered(early);
        answered(http_open(l.port));
        kill(pid, SIGTERM);
        ended(pid, 0);
    }
    close(l.fd);
}

/* systemd's own hand: it listens, and starts the program with the first
 * connection, as a socket unit does. */
TEST(activation, systemd_starts_it_with_the_first_connection)
{
    static const char tool[] = "/usr/bin/systemd-socket-activate";
    if (access(tool, X_OK) != 0) test_skip("systemd is not installed");
    const char *folder = process_project("p");
    int port = node_unused_port();
    const char *address =
        arena_printf(test_arena(), "--listen=127.0.0.1:%d", port).p;
    const char *args[] = {tool,        address,       test_binary(),
                          "serve",     "--transport", "http",
                          "--project", folder,        NULL};
    pid_t pid = fork();
    if (pid == 0) {
        if (chdir(folder) != 0 || !freopen("stderr", "w", stderr)) _exit(126);
        execv(tool, (char *const *)args);
        _exit(127);
    }
    while (!says(process_file(folder, "stderr"), "Listening on")) usleep(20000);
    CHECK_INT_NE(
        access(arena_printf(test_arena(), "%s/.phasegate", folder).p, F_OK),
        0); /* nobody has started it yet */
    answered(http_open(port));
    kill(pid, SIGTERM); /* it has become the server */
    ended(pid, 0);
}

TEST(activation, the_library_s_main_takes_it_too)
{
    const char *args[] = {
        arena_printf(test_arena(), "%s/examples/echo_server", test_binary_dir())
            .p,
        NULL};
    const char *folder = process_project("p");
    struct tp_listen l = bound();
    pid_t pid = activate(args, folder, l.fd, 1);
    answered(http_open(l.port));
    kill(pid, SIGTERM);
    ended(pid, 0);
    close(l.fd);
}

TEST(activation, what_is_not_one_tcp_socket_stops_the_start)
{
    const char *folder = process_project("p");
    const char *args[] = {test_binary(), "serve", "--transport", "http",
                          "--project",   folder,  NULL};
    struct tp_listen l = bound();
    pid_t pid = activate(args, folder, l.fd, 2);
    CHECK_INT_NE(process_wait(pid).status, 0);
    CHECK_CONTAINS(process_file(folder, "stderr"), "LISTEN_FDS");
    pid = activate(args, folder, STDERR_FILENO, 1);
    CHECK_INT_NE(process_wait(pid).status, 0);
    CHECK_CONTAINS(process_file(folder, "stderr"), "LISTEN_FDS");
    close(l.fd);
}
