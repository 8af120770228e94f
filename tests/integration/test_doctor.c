/*
 * `phasegate doctor` against planted faults. Each is found, told with a
 * command, and gone after that very command was run by a shell: the test
 * knows no mend of its own.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"

static struct ended shell(const char *folder, const char *command)
{
    struct slice home = arena_printf(test_arena(), "HOME=%s", test_tmpdir());
    return program_run(&(struct program){
        .binary = "/bin/sh",
        .folder = folder,
        .env = (const char *const[]){home.p, "PHASEGATE_BINARY",
                                     "PHASEGATE_PROJECT", NULL},
        .args = (const char *const[]){"-c", command, NULL}});
}

/* What doctor says in this folder after `before` was run by the same shell. */
static const struct json *doctor(const char *folder, const char *before,
                                 int *ret_status)
{
    struct slice command = arena_printf(test_arena(), "%s\n'%s' doctor --json",
                                        before, test_binary());
    struct ended e = shell(folder, command.p);
    *ret_status = e.status;
    return json_of(e.out);
}

static const struct json *finding(const struct json *said, const char *check,
                                  const char *part)
{
    const struct json *all = json_get(said, SLICE("findings"));
    for (uint32_t i = 0; i < all->count; i++) {
        const struct json *f = &all->items[i];
        if (slice_eq(json_text(json_get(f, SLICE("check"))), slice_of(check)) &&
            says(json_text(json_get(f, SLICE("what"))), part))
            return f;
    }
    return NULL;
}

static uint32_t findings(const struct json *said)
{
    return json_get(said, SLICE("findings"))->count;
}

/* Types what the finding advises. */
static void follow(const char *folder, const struct json *f)
{
    struct slice command = json_text(json_get(f, SLICE("command")));
    if (!command.n) FAIL("no command");
    struct ended e = shell(folder, arena_cstr(test_arena(), command));
    CHECK_INT_EQ(e.status, 0);
}

/* A project that `phasegate init` has set up, with a session in it. */
static const char *healthy(const char *name)
{
    const char *folder = new_project(name);
    struct slice command = arena_printf(
        test_arena(),
        "PATH=/usr/bin:/bin '%s' init --editor claude >/dev/null && '%s' call "
        "start_workflow workflow_type=bugfix_v1 target=a.c >/dev/null",
        test_binary(), test_binary());
    CHECK_INT_EQ(shell(folder, command.p).status, 0);
    return folder;
}

TEST(doctor, a_healthy_project_is_told_nothing)
{
    int status;
    const char *folder = healthy("healthy");
    CHECK_INT_EQ(findings(doctor(folder, ":", &status)), 0);
    CHECK_INT_EQ(status, 0);
    const char *args[] = {"--http-port", "0", NULL};
    struct server *s =
        server_start(&(struct server_options){.project = folder, .args = args});
    (void)server_port(s);
    CHECK_INT_EQ(findings(doctor(folder, ":", &status)), 0);
    CHECK_INT_EQ(status, 0);
    struct ended e = RUN_IN(folder, "doctor");
    CHECK_CONTAINS(e.out, "Nothing is wrong");
}

/* --- faults that files are ------------------------------------------------ */

struct fault {
    const char *label;
    const char *plant; /* run by a shell in the project */
    const char *check; /* what finds it */
    const char *says;
    bool advice; /* it is not broken */
};

#define CONFIG(line) "echo '" line "' >> .phasegate/config.yaml"
#define EDITOR(text) "printf '%s' '" text "' > .mcp.json"

TEST_EACH_IF(
    doctor, finds_a_planted_fault_and_its_advice_mends_it, (.timeout_s = 60),
    struct fault, fault,
    {"not set up", "rm -rf .phasegate", "project", "not set up", true},
    {"a file in its place", "rm -rf .phasegate && touch .phasegate", "folder",
     "is no folder"},
    {"a folder its owner cannot write", "chmod 500 .phasegate", "folder",
     "cannot be read, written and entered"},
    {"a folder anybody can write", "chmod 777 .phasegate", "permissions",
     "others can write there"},
    {"an agent's token anybody reads", "chmod 644 .phasegate/agent.token",
     "permissions", "others can read it"},
    {"an operator's token a group reads", "chmod 640 .phasegate/operator.token",
     "permissions", "operator's key"},
    {"a token nobody reads", "chmod 0 .phasegate/agent.token", "permissions",
     "cannot be read"},
    {"state anybody reads", "chmod 644 .phasegate/state.db", "permissions",
     "holds all sessions", true},
    {"state its owner cannot write", "chmod 400 .phasegate/state.db",
     "permissions", "cannot be read and written"},
    {"settings anybody writes", "chmod 666 .phasegate/config.yaml",
     "permissions", "decides how gates are judged"},
    {"workflows anybody writes", "chmod 777 .phasegate/workflows",
     "permissions", "commands that gates run"},
    {"an empty token", ": > .phasegate/agent.token", "tokens", "is no token"},
    {"a token that is a sentence", "echo 'my secret' > .phasegate/agent.token",
     "tokens", "is no token"},
    {"a token that is a folder",
     "rm .phasegate/agent.token; mkdir .phasegate/agent.token", "tokens",
     "is no token"},
    {"one token for both",
     "cp .phasegate/agent.token .phasegate/operator.token", "tokens",
     "operator's key"},
    {"no .gitignore", "rm .phasegate/.gitignore", "gitignore", "is missing"},
    {"a token in git",
     "rm -r .git && git init -q && git add -f .phasegate/agent.token", "git",
     "git tracks .phasegate/agent.token"},
    {"a clock that went back", "touch -d '+2 days' .phasegate/state.db",
     "clock", "the clock went back"},
    {"settings that are no YAML", "echo ']: [' > .phasegate/config.yaml",
     "config", "not readable"},
    {"a setting that is none", CONFIG("http.prot: 4300"), "config",
     "no such option"},
    {"a value out of range", CONFIG("http.port: 99999"), "config",
     "is not accepted"},
    {"a value of the wrong kind", CONFIG("workers: many"), "config",
     "is not accepted"},
    {"limits in the wrong order", CONFIG("timeout.call_ms: 46000"), "timeouts",
     "timeout.call_ms"},
    {"one session may take all permits", CONFIG("permits.per_session: 24"),
     "permits", "permits.global"},
    {"workflows that are nowhere", CONFIG("workflows: [sub/flows]"), "folders",
     "workflows names"},
    {"standards that are nowhere", CONFIG("standards: [sub/rules]"), "folders",
     "standards names"},
    {"a state file in no folder", CONFIG("state: sub/state.db"), "folders",
     "folder of the state file"},
    {"an address of no machine here", CONFIG("http.host: 192.0.2.7"), "port",
     "cannot listen there"},
    {"an address that is a name", CONFIG("http.host: localhost"), "port",
     "no address in numbers"},
    {"a state file that is no database",
     "echo nonsense > .phasegate/state.db; chmod 600 .phasegate/state.db",
     "state", "damaged or not a database"},
    {"a state file with a page of zeros",
     "dd if=/dev/zero of=.phasegate/state.db bs=4096 seek=1 count=2 "
     "conv=notrunc 2>/dev/null",
     "state", "state.db"},
    {"a state file cut in the middle", "truncate -s 9000 .phasegate/state.db",
     "state", ""},
    {"a state file of tomorrow",
     "printf '\\000\\000\\047\\017' | dd of=.phasegate/state.db bs=1 seek=60 "
     "conv=notrunc 2>/dev/null",
     "state", "has version 9999"},
    {"another program's database",
     "printf '\\001\\002\\003\\004' | dd of=.phasegate/state.db bs=1 seek=68 "
     "conv=notrunc 2>/dev/null",
     "state", "another program"},
    {"a log without its state file",
     "rm -f .phasegate/state.db*; echo x > .phasegate/state.db-wal",
     "state files", "without its state file"},
    {"a log that was never taken over",
     "truncate -s 80M .phasegate/state.db-wal", "state files", "has 80 MiB",
     true},
    {"a folder for a commit counter",
     "rm -f .phasegate/state.db-commits; mkdir .phasegate/state.db-commits",
     "state files", "nothing can be written"},
    {"a folder for a log",
     "rm -f .phasegate/state.db-wal; mkdir .phasegate/state.db-wal",
     "state files", "nothing can be written"},
    {"a link for a state file that leads nowhere",
     "rm -f .phasegate/state.db*; ln -s gone/state.db .phasegate/state.db",
     "state", "is a link to nothing"},
    {"a FIFO for a state file",
     "rm -f .phasegate/state.db*; mkfifo -m 600 .phasegate/state.db", "state",
     "is a folder, a FIFO or a device"},
    {"a state file that is somebody's folder",
     "mkdir theirs; " CONFIG("state: theirs"), "state",
     "is a folder, a FIFO or a device"},
    {"a file for the entries of servers",
     "rm -rf .phasegate/servers; touch .phasegate/servers", "permissions",
     "servers is no folder"},
    {"a file for the servers' health",
     "rm -rf .phasegate/health; touch .phasegate/health", "permissions",
     "health is no folder"},
    {"an editor that starts it with a word that serves nobody",
     "sed -i 's/\"serve\"/\"server\"/' .mcp.json", "editors",
     "serves nobody"},
    {"a search index that is none", "echo nonsense > .phasegate/index.db",
     "index", "no search index"},
    {"a folder for a search index", "mkdir -p .phasegate/index.db/x", "index",
     "no search index"},
    {"a server.json nobody stands behind",
     "echo '{\"pid\":1,\"url\":\"http://127.0.0.1:9/mcp\"}' > "
     ".phasegate/server.json",
     "servers", "left by a server that is gone"},
    {"a server.json that is nonsense", "echo '{' > .phasegate/server.json",
     "servers", "does not say where"},
    {"an entry of a dead server",
     "mkdir -p .phasegate/servers && echo '{\"pid\":4,\"url\":\"\"}' > "
     ".phasegate/servers/4.json",
     "servers", "left by a server that is gone"},
    {"a health file of a dead server",
     "mkdir -p .phasegate/health && echo {} > .phasegate/health/4.json",
     "health files", "left by a server", true},
    {"an editor's file that is no JSON", EDITOR("{\"mcpServers\": {,}}"),
     "editors", "cannot read"},
    {"an editor's file without phasegate",
     EDITOR("{\"mcpServers\": {\"other\": {\"command\": \"x\"}}}"), "editors",
     "phasegate is not in it"},
    {"an editor that starts a program that is gone",
     EDITOR("{\"mcpServers\": {\"phasegate\": {\"command\": "
            "\"/gone/phasegate\", \"args\": [\"serve\"]}}}"),
     "editors", "which is not there"},
    {"an editor that starts what no PATH has",
     EDITOR("{\"mcpServers\": {\"phasegate\": {\"command\": "
            "\"phasegate-of-old\", \"args\": [\"serve\"]}}}"),
     "editors", "in no folder of PATH"},
    {"an editor that starts what is no program",
     "touch tool && chmod 644 tool && sed -i \"s|\\\"command\\\": "
     "\\\".*\\\"|\\\"command\\\": \\\"$PWD/tool\\\"|\" .mcp.json",
     "editors", "cannot be run"},
    {"an editor that serves a folder that is gone",
     EDITOR("{\"mcpServers\": {\"phasegate\": {\"command\": \"/bin/true\", "
            "\"args\": [\"serve\", \"--project\", \"/gone/away\"]}}}"),
     "editors", "serves the project /gone/away"},
    {"VS Code told under another editor's key",
     "mkdir .vscode && echo '{\"mcpServers\": {\"phasegate\": {\"command\": "
     "\"/bin/true\"}}}' > .vscode/mcp.json",
     "editors", "VS Code has a list"},
    {"Codex told to wait less than a call may take",
     "mkdir .codex && printf '[mcp_servers.phasegate]\\ncommand = "
     "\"/bin/true\"\\nargs = [\"serve\"]\\ntool_timeout_sec = 10\\n' > "
     ".codex/config.toml",
     "editors", "waits 10 s", true},
    {"Codex told a program that is gone",
     "mkdir .codex && printf '[mcp_servers.phasegate]\\ncommand = "
     "\"/gone/pg\"\\n' > .codex/config.toml",
     "editors", "Codex starts /gone/pg"},
    {"no editor at all", "rm .mcp.json", "editors", "no editor", true})
{
    int status;
    const char *folder = healthy("faulty");
    CHECK_INT_EQ(shell(folder, fault->plant).status, 0);
    const struct json *said = doctor(folder, ":", &status);
    const struct json *f = finding(said, fault->check, fault->says);
    if (!f) FAIL("%s was not found", fault->label);
    CHECK_TEXT_EQ(json_text(json_get(f, SLICE("weight"))),
                  fault->advice ? "advice" : "broken");
    if (!fault->advice) CHECK_INT_EQ(status, 1);
    /* the advice, as it is printed; then what came out of it */
    for (int round = 0; findings(said) && round < 4; round++) {
        const struct json *first = &json_get(said, SLICE("findings"))->items[0];
        follow(folder, first);
        said = doctor(folder, ":", &status);
    }
    CHECK_INT_EQ(findings(said), 0);
    CHECK_INT_EQ(status, 0);
    /* and the project works */
    struct ended e = RUN_IN(folder, "call", "list_workflows");
    CHECK_INT_EQ(e.status, 0);
}

TEST(doctor, init_is_no_mend_where_nothing_can_be_written)
{
    if (geteuid() == 0) test_skip("root may write everywhere");
    int status;
    const char *folder = new_project("not-mine");
    CHECK_INT_EQ(chmod(folder, 0555), 0);
    const struct json *said = doctor(folder, ":", &status);
    CHECK_INT_EQ(status, 1);
    CHECK(finding(said, "project", "no .phasegate can be made") != NULL);
    CHECK_INT_EQ(chmod(folder, 0755), 0);
}

/* --- faults of the shell that starts it ----------------------------------- */

struct shell_fault {
    const char *label, *before, *check, *says;
};

TEST_EACH(doctor, finds_what_is_wrong_with_the_environment_it_runs_in,
          struct shell_fault, fault,
          {"a value that is none", "export PHASEGATE_HTTP_PORT=abc",
           "environment", "is not accepted"},
          {"a name that is none", "export PHASEGATE_HTTP_PROT=4300",
           "environment", "no setting is called so"},
          {"limits in the wrong order",
           "export PHASEGATE_TIMEOUT_CALL_MS=46000", "timeouts",
           "timeout.call_ms"},
          {"a project that is gone", "export PHASEGATE_PROJECT=/gone/away",
           "project", "/gone/away"},
          {"another phasegate comes first",
           "mkdir -p bin; printf '#!/bin/sh\\n' > bin/phasegate; chmod +x "
           "bin/phasegate; PATH=$PWD/bin:$PATH",
           "program", "and this program is"})
{
    int status;
    const char *folder = healthy("shell");
    const struct json *said = doctor(folder, fault->before, &status);
    const struct json *f = finding(said, fault->check, fault->says);
    if (!f) FAIL("%s was not found", fault->label);
    struct slice command = json_text(json_get(f, SLICE("command")));
    if (!command.n) command = SLICE("unset PHASEGATE_PROJECT");
    struct slice both = arena_printf(test_arena(), "%s\n%.*s", fault->before,
                                     SLICE_ARG(command));
    said = doctor(folder, both.p, &status);
    CHECK_INT_EQ(findings(said), 0);
    CHECK_INT_EQ(status, 0);
}

TEST(doctor, more_connections_than_descriptors_are_told)
{
    int status;
    const char *folder = healthy("descriptors");
    CHECK_INT_EQ(shell(folder, CONFIG("conn.max: 100000")).status, 0);
    const struct json *said = doctor(folder, "ulimit -Hn 512", &status);
    const struct json *f = finding(said, "descriptors", "conn.max is 100000");
    CHECK(f != NULL);
    follow(folder, f);
    CHECK_INT_EQ(findings(doctor(folder, "ulimit -Hn 512", &status)), 0);
}

TEST(doctor, the_home_folder_is_no_project)
{
    int status;
    CHECK_INT_EQ(shell(test_tmpdir(), "true").status, 0);
    const struct json *said = doctor(test_tmpdir(), ":", &status);
    CHECK(finding(said, "project", "no project here") != NULL);
    CHECK_INT_EQ(status, 1);
}

/* --- faults of processes -------------------------------------------------- */

TEST(doctor, a_port_that_another_program_has_is_told)
{
    int status, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);
    CHECK_INT_EQ(bind(fd, (struct sockaddr *)&at, n), 0);
    CHECK_INT_EQ(listen(fd, 1), 0);
    CHECK_INT_EQ(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    const char *folder = healthy("port");
    struct slice plant = arena_printf(test_arena(),
                                      "printf 'http:\\n  port: %d\\n' >> "
                                      ".phasegate/config.yaml",
                                      ntohs(at.sin_port));
    CHECK_INT_EQ(shell(folder, plant.p).status, 0);
    const struct json *said = doctor(folder, ":", &status);
    for (int round = 0; findings(said) && round < 4; round++) {
        const struct json *f = &json_get(said, SLICE("findings"))->items[0];
        if (round == 0)
            CHECK_CONTAINS(json_text(json_get(f, SLICE("what"))),
                           "another program listens there");
        follow(folder, f);
        said = doctor(folder, ":", &status);
    }
    CHECK_INT_EQ(findings(said), 0);
    close(fd);
}

TEST(doctor, a_server_that_was_stopped_holds_nobody_up, .timeout_s = 60)
{
    int status;
    const char *folder = healthy("stopped");
    const char *args[] = {"--http-port", "0", NULL};
    struct server *s =
        server_start(&(struct server_options){.project = folder, .args = args});
    (void)server_file(s); /* that others find it by */
    CHECK_INT_EQ(kill(server_pid(s), SIGSTOP), 0);
    int64_t began = clock_now();
    const struct json *said = doctor(folder, ":", &status);
    CHECK_INT_LT((clock_now() - began) / NS_PER_S, 20);
    const struct json *f = finding(said, "answers", "is stopped");
    CHECK(f != NULL);
    CHECK_INT_EQ(status, 1);
    began = clock_now();
    struct ended e = RUN_IN(folder, "sessions");
    CHECK_INT_LT((clock_now() - began) / NS_PER_S, 20);
    CHECK_INT_EQ(e.status, 3);
    CHECK_CONTAINS(e.err, "does not answer");
    CHECK_CONTAINS(e.err, "phasegate doctor");
    follow(folder, f);
    while (findings(doctor(folder, ":", &status))) usleep(100000);
    CHECK_INT_EQ(RUN_IN(folder, "sessions").status, 0);
}

/* A process of ours that looks like a server of an older version. */
TEST(doctor, a_server_of_another_version_is_told)
{
    int status, ready[2];
    const char *folder = healthy("version");
    CHECK_INT_EQ(shell(folder, "mkdir -p -m 700 .phasegate/servers").status, 0);
    CHECK_INT_EQ(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char path[4096], text[256];
        snprintf(path, sizeof(path), "%s/.phasegate/servers/%d.json", folder,
                 (int)getpid());
        int fd = open(path, O_CREAT | O_RDWR, 0600);
        int n = snprintf(text, sizeof(text),
                         "{\"pid\":%d,\"version\":\"0.0.1\",\"url\":\"\"}",
                         (int)getpid());
        if (fd < 0 || flock(fd, LOCK_EX) != 0 ||
            write(fd, text, (size_t)n) != n || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;) pause();
    }
    char x;
    CHECK_INT_EQ(read(ready[0], &x, 1), 1);
    const struct json *said = doctor(folder, ":", &status);
    const struct json *f = finding(said, "versions", "is phasegate 0.0.1");
    CHECK(f != NULL);
    follow(folder, f);
    CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
    said = doctor(folder, ":", &status);
    f = finding(said, "servers", "gone"); /* what it left */
    CHECK(f != NULL);
    follow(folder, f);
    CHECK_INT_EQ(findings(doctor(folder, ":", &status)), 0);
}

/* --- faults that only a person can mend ----------------------------------- */

TEST(doctor, a_workflow_that_cannot_be_started_is_told_with_file_and_line)
{
    int status;
    const char *folder = healthy("workflow");
    struct slice was =
        get_file(folder, ".phasegate/workflows/bugfix_v1/metadata.json");
    CHECK(was.n > 0);
    put_file(folder, ".phasegate/workflows/bugfix_v1/metadata.json",
             "{\n  \"workflow_type\": \"bugfix_v1\",,\n}\n");
    const struct json *said = doctor(folder, ":", &status);
    const struct json *f = finding(said, "workflows", "metadata.json:2");
    CHECK(f != NULL);
    CHECK_INT_EQ(status, 1);
    CHECK_CONTAINS(json_text(json_get(f, SLICE("how_to_fix"))),
                   "Correct the JSON at this place");
    put_file(folder, ".phasegate/workflows/bugfix_v1/metadata.json",
             arena_cstr(test_arena(), was));
    CHECK_INT_EQ(findings(doctor(folder, ":", &status)), 0);
}

/* Nothing is made, removed, written or dated anew by looking. */
TEST(doctor, looking_changes_nothing)
{
    int status;
    static const char look[] =
        "find . -path ./.git -prune -o -printf '%p %m %s %T@ %i\\n' | sort; "
        "find . -type f -not -path './.git/*' -exec sha256sum {} + | sort";
    const char *folder = healthy("same");
    struct slice before = shell(folder, look).out;
    (void)doctor(folder, ":", &status);
    CHECK_SLICE_EQ(shell(folder, look).out, before);
    CHECK_INT_EQ(shell(folder, "dd if=/dev/zero of=.phasegate/state.db bs=4096 "
                               "seek=1 count=2 conv=notrunc 2>/dev/null; "
                               "echo ']' > .phasegate/config.yaml; "
                               "echo x > .phasegate/index.db")
                     .status,
                 0);
    before = shell(folder, look).out;
    (void)doctor(folder, ":", &status);
    CHECK_SLICE_EQ(shell(folder, look).out, before);
}
