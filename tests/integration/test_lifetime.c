/* When the process lives and when it ends; how several live together. */
#include "tests/integration/process.h"
#include "tests/integration/program.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/runner/server.h"

/* --- ends ------------------------------------------------------------------
 */

TEST(lifetime, the_end_of_stdin_ends_it_within_a_second)
{
    struct server *s = server_start(&(struct server_options){0});
    stdio_initialize(s, "2025-11-25");
    server_port(s);
    struct server_exit end = server_stop_eof(s);
    CHECK_INT_EQ(end.status, 0);
    if (!test_sanitized()) CHECK(end.seconds < 1.0);
}

TEST(lifetime, what_was_sent_before_the_end_is_answered)
{
    struct server *s = server_start(&(struct server_options){0});
    for (int i = 1; i <= 200; i++)
        stdio_send(s,
                   "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\","
                   "\"params\":{\"name\":\"list_sessions\",\"arguments\":{}}}",
                   i);
    struct server_exit end = server_stop_eof(s);
    CHECK_INT_EQ(end.status, 0);
    for (int i = 1; i <= 200; i++) (void)stdio_line(s);
}

struct signal_row {
    const char *label;
    int sig;
};

TEST_EACH(lifetime, a_signal_ends_it_in_order, struct signal_row, row,
          {"TERM", SIGTERM}, {"INT", SIGINT}, {"HUP", SIGHUP})
{
    struct server *s = server_start(&(struct server_options){0});
    stdio_initialize(s, "2025-11-25");
    const struct json *f = server_file(s);
    CHECK(f != NULL);
    struct server_exit end = server_stop_signal(s, row->sig);
    CHECK_INT_EQ(end.status, 0);
    CHECK_INT_EQ(end.signal, 0);
    if (!test_sanitized()) CHECK(end.seconds < 1.0);
    CHECK_INT_EQ(process_file(server_project(s), ".phasegate/server.json").n,
                 0);
}

TEST(lifetime, http_mode_does_not_look_at_stdin)
{
    const char *folder = process_project("http");
    const char *args[] = {"serve",       "--transport", "http",
                          "--http-port", "0",           NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    pid_t pid = process_start(folder, null, null, args);
    close(null);
    struct slice file = process_file_with(folder, ".phasegate/server.json",
                                          "\"transport\":\"http\"");
    CHECK_CONTAINS(file, "/mcp\"");
    CHECK(!process_gone(pid, 0.2));
    kill(pid, SIGTERM);
    CHECK_INT_EQ(process_wait(pid).status, 0);
}

/* A parent that starts the server, tells us its pid, and dies; the pipes are
 * ours, so that stdin does not end with it. */
TEST(lifetime, a_vanished_parent_is_the_end_of_input)
{
    const char *folder = process_project("orphan");
    int in[2], out[2], pids[2];
    CHECK_INT_EQ(pipe2(in, O_CLOEXEC), 0);
    CHECK_INT_EQ(pipe2(out, O_CLOEXEC), 0);
    CHECK_INT_EQ(pipe2(pids, O_CLOEXEC), 0);
    pid_t parent = fork();
    CHECK(parent >= 0);
    if (parent == 0) {
        char go;
        pid_t pid = process_start(folder, in[0], out[1], NULL);
        if (write(pids[1], &pid, sizeof(pid)) != sizeof(pid)) _exit(1);
        _exit(read(in[0], &go, 0) == 0 ? (pause(), 0) : 1);
    }
    pid_t server;
    CHECK_INT_EQ(read(pids[0], &server, sizeof(server)), sizeof(server));
    process_file_with(folder, ".phasegate/server.json", "url");
    kill(parent, SIGKILL);
    process_wait(parent);
    CHECK(process_gone(server, test_sanitized() ? 20 : 3));
    close(in[1]);
}

TEST(lifetime, without_a_project_it_still_answers)
{
    int in[2], out[2];
    char got[4096];
    CHECK_INT_EQ(pipe2(in, O_CLOEXEC), 0);
    CHECK_INT_EQ(pipe2(out, O_CLOEXEC), 0);
    const char *home = process_project("home");
    CHECK_INT_EQ(setenv("HOME", home, 1), 0);
    pid_t pid = process_start(home, in[0], out[1], NULL);
    close(out[1]);
    struct slice call = SLICE(
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
        "{\"name\":\"list_sessions\",\"arguments\":{}}}\n");
    CHECK_INT_EQ(write(in[1], call.p, call.n), (ssize_t)call.n);
    ssize_t n = read(out[0], got, sizeof(got));
    CHECK_INT_GT(n, 0);
    CHECK_CONTAINS(((struct slice){got, (size_t)n}), "unavailable");
    close(in[1]);
    CHECK_INT_EQ(process_wait(pid).status, 0);
    CHECK(process_file(home, ".phasegate/.gitignore").n == 0);
}

/* --- several ----------------------------------------------------------------
 */

TEST(lifetime, two_servers_of_one_project_live_side_by_side)
{
    struct server *a = server_start(&(struct server_options){0});
    int port_a = server_port(a);
    struct server *b =
        server_start(&(struct server_options){.project = server_project(a)});
    int port_b = server_port(b);
    CHECK_INT_NE(port_a, port_b);
    struct http *ha = http_open(port_a), *hb = http_open(port_b);
    CHECK_INT_EQ(http_request(ha, "GET", "/health", "", SLICE("")).status, 200);
    CHECK_INT_EQ(http_request(hb, "GET", "/health", "", SLICE("")).status, 200);
    CHECK_INT_EQ(server_stop_eof(b).status, 0);
    CHECK_INT_EQ(server_stop_eof(a).status, 0);
}

static struct slice owner_text(pid_t pid)
{
    return arena_printf(test_arena(), "\"pid\":%d,", (int)pid);
}

static void wait_owner(struct server *s, pid_t pid)
{
    process_file_with(server_project(s), ".phasegate/server.json",
                      arena_cstr(test_arena(), owner_text(pid)));
}

TEST(lifetime, server_json_is_the_oldest_ones_and_handed_on)
{
    struct server *a = server_start(&(struct server_options){0});
    server_port(a);
    struct server_options same = {.project = server_project(a)};
    struct server *b = server_start(&same);
    server_port(b);
    struct server *c = server_start(&same);
    server_port(c);
    wait_owner(a, server_pid(a));
    server_stop_eof(a);
    wait_owner(c, server_pid(b));
    server_kill(b); /* no farewell: the next to come mends it */
    struct server *d = server_start(&same);
    server_port(d);
    wait_owner(c, server_pid(c));
    server_stop_eof(d);
    wait_owner(c, server_pid(c));
    server_stop_signal(c, SIGTERM);
    CHECK_INT_EQ(process_file(server_project(a), ".phasegate/server.json").n,
                 0);
}

TEST(lifetime, what_dead_servers_left_is_swept)
{
    const char *folder = process_project("stale");
    process_put(folder, ".phasegate-marker", SLICE(""));
    struct server *a = server_start(&(struct server_options){0});
    const char *project = server_project(a);
    server_port(a);
    server_kill(a);
    pid_t dead = server_pid(a);
    const char *file = arena_cstr(
        test_arena(),
        arena_printf(test_arena(), ".phasegate/servers/%d.json", (int)dead));
    CHECK(process_file(project, file).n > 0);
    process_put(project, ".phasegate/servers/1.json",
                SLICE("{\"pid\":1,\"url\":\"http://127.0.0.1:1/mcp\","
                      "\"started_at\":\"2020-01-01T00:00:00.000Z\"}"));
    struct server *b =
        server_start(&(struct server_options){.project = project});
    server_port(b);
    wait_owner(b, server_pid(b));
    CHECK_INT_EQ(process_file(project, file).n, 0);
    CHECK_INT_EQ(process_file(project, ".phasegate/servers/1.json").n, 0);
    server_stop_eof(b);
}

TEST(lifetime, server_json_says_all_a_sub_agent_needs)
{
    struct server *s = server_start(&(struct server_options){0});
    const struct json *f = server_file(s);
    const char *project = server_project(s);
    CHECK(json_text(json_get(f, SLICE("version"))).n > 0);
    CHECK_CONTAINS(json_text(json_get(f, SLICE("url"))), "http://127.0.0.1:");
    CHECK(slice_ends(json_text(json_get(f, SLICE("url"))), SLICE("/mcp")));
    CHECK_TEXT_EQ(json_text(json_get(f, SLICE("transport"))), "dual");
    CHECK_INT_EQ(json_text(json_get(f, SLICE("started_at"))).n, 24);
    CHECK_TEXT_EQ(json_text(json_at(f, "project", "root", NULL)), project);
    struct slice token_file = json_text(json_get(f, SLICE("token_file")));
    CHECK(slice_ends(token_file, SLICE("/.phasegate/agent.token")));
    static const char *const private_files[] = {".phasegate/agent.token",
                                                ".phasegate/operator.token",
                                                ".phasegate/server.json"};
    for (size_t i = 0; i < 3; i++) {
        struct stat st;
        char path[1024];
        snprintf(path, sizeof(path), "%s/%s", project, private_files[i]);
        CHECK_INT_EQ(stat(path, &st), 0);
        CHECK_INT_EQ(st.st_mode & 0777, 0600);
    }
    CHECK_INT_NE(slice_cmp(process_file(project, private_files[0]),
                           process_file(project, private_files[1])),
                 0);
    CHECK_CONTAINS(process_file(project, ".phasegate/.gitignore"), "*.token");
}

TEST(lifetime, tokens_are_made_once)
{
    struct server *s = server_start(&(struct server_options){0});
    server_port(s);
    struct slice token =
        process_file(server_project(s), ".phasegate/agent.token");
    CHECK_INT_EQ(token.n, 64);
    server_stop_eof(s);
    server_restart(s);
    server_port(s);
    CHECK_SLICE_EQ(process_file(server_project(s), ".phasegate/agent.token"),
                   token);
}

/* Whoever wrote the project's files knows a token that came with them. */
TEST(lifetime, a_token_that_others_may_know_is_made_anew)
{
    static const struct {
        const char *label, *script;
    } rows[] = {{"of mode 0644", "chmod 0644 .phasegate/operator.token"},
                {"of a group", "chmod 0640 .phasegate/operator.token"},
                {"short", "printf 0123456789abcde > .phasegate/operator.token"},
                {"empty", ": > .phasegate/operator.token"},
                {"a link",
                 "mv .phasegate/operator.token theirs; chmod 0644 theirs; "
                 "ln -s ../theirs .phasegate/operator.token"}};
    struct server *s = server_start(&(struct server_options){0});
    server_port(s);
    const char *folder = server_project(s);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice was = process_file(folder, ".phasegate/operator.token");
        struct slice agents = process_file(folder, ".phasegate/agent.token");
        server_stop_eof(s);
        CHECK_INT_EQ(system(arena_printf(test_arena(), "cd '%s'; %s", folder,
                                         rows[i].script)
                                .p),
                     0);
        server_restart(s);
        server_port(s);
        struct slice now = process_file(folder, ".phasegate/operator.token");
        CHECK_INT_EQ(now.n, 64);
        if (slice_eq(now, was)) FAIL("%s: still the same", rows[i].label);
        CHECK_SLICE_EQ(process_file(folder, ".phasegate/agent.token"), agents);
    }
    struct stat st; /* what a link led to stays as it was */
    CHECK_INT_EQ(stat(arena_printf(test_arena(), "%s/theirs", folder).p, &st),
                 0);
    CHECK_INT_EQ(st.st_mode & 0777, 0644);
}

struct fifo_row {
    const char *name;
    bool serves;
};
TEST_EACH(lifetime, a_fifo_holds_up_no_start, struct fifo_row, row,
          {"servers/1.json", true}, {"server.json", true},
          {"agent.token", true}, {"index.db", true}, {"state.db-wal", true},
          {"state.db", false}, {"state.db-commits", false},
          {"config.yaml", false})
{
    const char *folder = new_project("p");
    put_file(folder, ".phasegate/servers/note", "");
    CHECK_INT_EQ(
        mkfifo(
            arena_printf(test_arena(), "%s/.phasegate/%s", folder, row->name).p,
            0600),
        0);
    struct server *s =
        server_start(&(struct server_options){.project = folder});
    if (row->serves) {
        stdio_initialize(s, "2025-11-25");
        CHECK_INT_EQ(server_stop_eof(s).status, 0);
    } else {
        CHECK_INT_GT(server_wait(s).status, 0);
        CHECK_CONTAINS(server_stderr_text(s), "phasegate: ");
    }
}

/* --- ports ------------------------------------------------------------------
 */

static int busy_port(int *ret_fd)
{
    struct server *s = server_start(&(struct server_options){0});
    *ret_fd = -1;
    return server_port(s);
}

TEST(lifetime, a_port_that_is_taken_never_stops_stdio)
{
    int fd;
    int port = busy_port(&fd);
    char text[16];
    snprintf(text, sizeof(text), "%d", port);
    const char *args[] = {"--http-port", text, NULL};
    struct server *s = server_start(&(struct server_options){.args = args});
    stdio_initialize(s, "2025-11-25");
    CHECK_CONTAINS(server_stderr_text(s), "port cannot be had");
    CHECK_CONTAINS(server_stderr_text(s), "Give another --http-port");
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
}

TEST(lifetime, http_alone_on_a_port_that_is_taken_cannot_start)
{
    int fd;
    char text[16];
    snprintf(text, sizeof(text), "%d", busy_port(&fd));
    const char *folder = process_project("taken");
    const char *args[] = {"serve",       "--transport", "http",
                          "--http-port", text,          NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct process_end end =
        process_wait(process_start(folder, null, null, args));
    close(null);
    CHECK_INT_EQ(end.status, 3);
    CHECK_CONTAINS(process_file(folder, "stderr"), text);
    CHECK_CONTAINS(process_file(folder, "stderr"), "--http-port");
}

/* --- the command line -------------------------------------------------------
 */

struct usage_row {
    const char *label, *word, *value, *told;
    int status;
};

TEST_EACH(lifetime, the_command_line_says_what_is_wrong, struct usage_row, row,
          {"command", "srve", NULL, "did you mean serve?", 2},
          {"flag", "serve", "--htp-port=1", "--http-port?", 2},
          {"value", "serve", "--http-port=no", "0..65535", 2},
          {"project", "serve", "--project=/nowhere/at/all", "/nowhere", 2})
{
    const char *folder = process_project("usage");
    const char *args[] = {row->word, row->value, NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct process_end end =
        process_wait(process_start(folder, null, null, args));
    close(null);
    CHECK_INT_EQ(end.status, row->status);
    CHECK_CONTAINS(process_file(folder, "stderr"), row->told);
}

TEST(lifetime, a_project_file_sets_options_and_is_checked)
{
    const char *folder = process_project("config");
    mkdir(arena_cstr(test_arena(),
                     arena_printf(test_arena(), "%s/.phasegate", folder)),
          0755);
    process_put(folder, ".phasegate/config.yaml",
                SLICE("transport: stdio\nlog: {level: error}\n"));
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct process_end end =
        process_wait(process_start(folder, null, null, NULL));
    CHECK_INT_EQ(end.status, 0);
    CHECK_INT_EQ(process_file(folder, "stderr").n, 0);
    process_put(folder, ".phasegate/config.yaml", SLICE("workres: 3\n"));
    end = process_wait(process_start(folder, null, null, NULL));
    close(null);
    CHECK_INT_EQ(end.status, 2);
    CHECK_CONTAINS(process_file(folder, "stderr"), "config.yaml:1:1");
    CHECK_CONTAINS(process_file(folder, "stderr"), "workers?");
}
