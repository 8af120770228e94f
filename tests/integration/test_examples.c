/* Every example that --help shows, run by a shell as it stands, in a project
 * that has what they speak of. */
#include <signal.h>
#include <stdlib.h>

#include "cli/command.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"

/* What a line needs, or how it may end: the longest that the line begins
 * with. */
static const struct expectation {
    const char *begins;
    int status;
    const char *says;  /* on stdout, unless NULL */
    const char *needs; /* a program that may be absent */
} expectations[] = {
    {"phasegate serve <", 0, "\"serverInfo\"", NULL},
    {"phasegate demo", 0, "completed, 6 events", NULL},
    {"phasegate init", 0, "config.yaml", NULL},
    {"phasegate call list_workflows", 0, "bugfix_v1", NULL},
    {"phasegate call start_workflow", 0, "session_id", NULL},
    {"phasegate sessions", 0, "bugfix_v1", NULL},
    {"phasegate sessions history", 0, "session_started", NULL},
    {"phasegate sessions report", 0, NULL, NULL},
    /* a person decides, and nothing here waits for one */
    {"phasegate sessions approve", 1, NULL, NULL},
    {"phasegate new", 0, "release_v1", NULL},
    {"phasegate lint", 0, NULL, NULL},
    {"phasegate doctor", 0, NULL, NULL},
    {"phasegate doctor --json |", 0, NULL, "jq"},
    {"phasegate search", 0, "errors", NULL},
    {"phasegate search --json", 0, NULL, "jq"},
    {"phasegate search --tag", 0, NULL, NULL},
    {"phasegate trust", 0, "bugfix_v1", NULL},
    {"phasegate trust release_v1", 1, NULL, NULL}, /* a person on a terminal */
    {"phasegate backup", 0, "every page checked", NULL},
    {"phasegate admin clear-cache", 0, "sessions", NULL},
    {"phasegate admin reset-breaker", 1, NULL, NULL}, /* none has failed */
    {"phasegate completion", 0, NULL, NULL},
    {"phasegate manual |", 0, "phasegate", "man"},
    {"phasegate manual", 0, "PHASEGATE_", NULL},
};

static const struct expectation *expected(struct slice line)
{
    const struct expectation *best = NULL;
    for (size_t i = 0; i < sizeof(expectations) / sizeof(*expectations); i++) {
        struct slice begin = slice_of(expectations[i].begins);
        if (slice_starts(line, begin) &&
            (!best || begin.n > slice_of(best->begins).n))
            best = &expectations[i];
    }
    return best;
}

/* The session that the lines call 6d1f is this one. */
static struct slice with_session(struct slice line, struct slice session)
{
    size_t at = slice_find(line, SLICE("6d1f"));
    if (at == line.n) return line;
    return arena_printf(test_arena(), "%.*s%.*s%.*s", (int)at, line.p, 8,
                        session.p, (int)(line.n - at - 4), line.p + at + 4);
}

static struct ended in_shell(const char *folder, struct slice line)
{
    struct slice path = arena_printf(test_arena(), "PATH=%s:%s",
                                     test_binary_dir(), getenv("PATH"));
    struct slice home = arena_printf(test_arena(), "HOME=%s", test_tmpdir());
    const char *args[] = {"-c", arena_cstr(test_arena(), line), NULL};
    const char *env[] = {path.p, home.p, "MANPAGER=cat", NULL};
    return program_run(&(struct program){
        .binary = "/bin/bash", .folder = folder, .args = args, .env = env});
}

static bool has_program(const char *name)
{
    return in_shell(NULL, arena_printf(test_arena(), "command -v %s", name))
               .status == 0;
}

static void run_line(const char *folder, struct slice line,
                     struct slice session)
{
    const struct expectation *x = expected(line);
    if (!x) FAIL("nothing is expected of %.*s", SLICE_ARG(line));
    if (x->needs && !has_program(x->needs)) return;
    struct ended e = in_shell(folder, with_session(line, session));
    if (e.status != x->status)
        FAIL("%.*s\nended with %d, not %d", SLICE_ARG(line), e.status,
             x->status);
    if (x->says) CHECK_CONTAINS(e.out, x->says);
}

/* What the examples write to and read from. */
static const char *prepare(void)
{
    const char *folder = new_project("examples"), *home = test_tmpdir();
    static const char *const folders[] = {
        "backups", ".zfunc", ".config/fish/completions",
        ".local/share/bash-completion/completions"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
        put_file(arena_printf(test_arena(), "%s/%s", home, folders[i]).p,
                 "keep", "");
    put_file(folder, "src/dates.c", "int day;\n");
    put_file(folder, ".phasegate/standards/errors.md",
             "---\ntags: [testing]\n---\n# How we handle errors\n\nWe handle "
             "errors where they arise: a retry, or a test double.\n");
    put_file(folder, "requests.jsonl",
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\","
             "\"params\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":"
             "{},\"clientInfo\":{\"name\":\"a\",\"version\":\"1\"}}}\n");
    return folder;
}

TEST(examples, of_every_command_run_as_they_stand, .timeout_s = 120)
{
    const char *folder = prepare();
    struct ended first =
        RUN_IN(folder, "call", "start_workflow", "workflow_type=bugfix_v1",
               "target=src/first.c");
    struct slice session =
        json_text(json_get(json_of(first.out), SLICE("session_id")));
    CHECK_INT_GT(session.n, 8);
    const char *http[] = {"--transport", "http", NULL};
    int lines = 0;
    struct server *s =
        server_start(&(struct server_options){.project = folder, .args = http});
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        struct slice rest = slice_of(c->example), line;
        while (slice_split(&rest, '\n', &line)) {
            /* it would stay; tests/integration/test_lifetime.c starts it */
            if (!line.n || says(line, "serve --transport http")) continue;
            run_line(folder, line, session);
            lines++;
        }
    }
    CHECK_INT_GE(lines, 25);
    server_stop_signal(s, SIGTERM);
}
