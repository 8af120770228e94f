/* `phasegate call` and `phasegate sessions`: tools from the shell, against the
 * server that runs or one of their own. */
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "tests/integration/bugfix.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"

static const char *text(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
static const char *text(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct slice s = arena_vprintf(test_arena(), fmt, ap);
    va_end(ap);
    return s.p;
}

static const char *session_of(struct ended e)
{
    CHECK_INT_EQ(e.status, 0);
    struct slice id = json_text(json_get(json_of(e.out), SLICE("session_id")));
    CHECK_INT_EQ(id.n, 36);
    return arena_cstr(test_arena(), id);
}

static struct ended start(const char *folder)
{
    return RUN_IN(folder, "call", "start_workflow", "workflow_type=bugfix_v1",
                  "target=src/dates.c");
}

TEST(call, walks_without_a_running_server)
{
    const char *folder = new_project("alone");
    bugfix_files(folder);
    const char *id = session_of(start(folder));
    for (int phase = 0; phase < BUGFIX_PHASES; phase++) {
        struct ended e = RUN_IN(folder, "call", "complete_phase", "--json",
                                bugfix_complete(id, phase, NULL));
        CHECK_INT_EQ(e.status, 0);
        CHECK_CONTAINS(e.out, "\"passed\":true");
        CHECK_TEXT_EQ(e.err, "");
    }
    struct ended e =
        RUN_IN(folder, "call", "get_session", text("session_id=%s", id),
               "include=history,evidence");
    CHECK_INT_EQ(e.status, 0);
    CHECK_CONTAINS(e.out, "\"status\":\"completed\"");
    CHECK_CONTAINS(e.out, "\"history\":[");
}

TEST(call, asks_the_server_that_runs)
{
    struct server *s = server_start(&(struct server_options){0});
    server_file(s);
    struct ended e = RUN_IN(server_project(s), "call", "get_server_info");
    CHECK_INT_EQ(e.status, 0);
    int64_t pid;
    CHECK(json_int64(json_at(json_of(e.out), "server", "pid", NULL), &pid));
    CHECK_INT_EQ(pid, server_pid(s));
    CHECK(json_duplicate_key_deep(json_of(e.out)) == NULL);
}

TEST(call, is_let_in_where_a_token_is_asked_for)
{
    struct server *s = server_start(&(struct server_options){
        .args = (const char *const[]){"--require-token", NULL}});
    server_file(s);
    struct ended e = RUN_IN(server_project(s), "call", "list_sessions");
    CHECK_INT_EQ(e.status, 0);
    CHECK_TEXT_EQ(e.out, "{\"sessions\":[],\"count\":0}\n");
}

TEST(call, is_not_misled_by_what_a_killed_server_left)
{
    struct server *s = server_start(&(struct server_options){0});
    server_file(s);
    server_kill(s);
    struct ended e = RUN_IN(server_project(s), "call", "get_server_info");
    CHECK_INT_EQ(e.status, 0);
    int64_t pid;
    CHECK(json_int64(json_at(json_of(e.out), "server", "pid", NULL), &pid));
    CHECK_INT_NE(pid, server_pid(s));
}

TEST(call, reads_an_object_from_stdin)
{
    const char *folder = new_project("stdin");
    put_file(folder, "object.json",
             "{\"workflow_type\":\"bugfix_v1\",\n \"target\":\"a.c\"}\n");
    struct ended e = program_run(
        &(struct program){.folder = folder,
                          .input = text("%s/object.json", folder),
                          .args = (const char *const[]){
                              "call", "start_workflow", "--json", "-", NULL}});
    CHECK_INT_EQ(e.status, 0);
    CHECK_CONTAINS(e.out, "\"target\":\"a.c\"");
}

struct wrong_row {
    const char *label, *words[4];
    int status;
    const char *says;
};

TEST_EACH(
    call, says_what_is_wrong, struct wrong_row, row,
    {"no tool", {NULL}, 2, "start_workflow"},
    {"a mistyped tool", {"get_phse"}, 2, "did you mean get_phase"},
    {"a mistyped key",
     {"get_phase", "sesion_id=x"},
     2,
     "did you mean session_id"},
    {"no key", {"get_phase", "x"}, 2, "key=value"},
    {"no number", {"get_phase", "phase=one"}, 2, "takes a whole number"},
    {"no object", {"complete_phase", "evidence=[1]"}, 2, "takes a JSON object"},
    {"no truth", {"start_workflow", "resume=maybe"}, 2, "true or false"},
    {"broken JSON", {"get_phase", "--json", "{\"a\":"}, 2, "--json: "},
    {"JSON of another type",
     {"get_phase", "--json", "[]"},
     2,
     "takes an object"},
    {"an argument is missing", {"get_phase"}, 2, "MISSING_PARAMETER"},
    {"a session that is not",
     {"get_phase", "session_id=3f2b8c1e-6a47-4d0b-9c55-0e7f1a2b3c4d"},
     1,
     "SESSION_NOT_FOUND"},
    {"a mistyped option",
     {"get_phase", "--jsn", "{}"},
     2,
     "did you mean --json"})
{
    const char *args[6] = {"call"};
    for (size_t i = 0; i < 4 && row->words[i]; i++) args[i + 1] = row->words[i];
    struct ended e = program_run(
        &(struct program){.folder = new_project("wrong"), .args = args});
    CHECK_INT_EQ(e.status, row->status);
    if (!says(e.out, row->says)) {
        struct slice folded = e.err;
        if (!says(folded, row->says))
            CHECK(says(folded, "Did you mean --json") &&
                  strstr(row->says, "--json"));
    }
}

/* --- sessions ---------------------------------------------------------------
 */
TEST(sessions, are_listed_shown_and_told)
{
    const char *folder = new_project("people");
    bugfix_files(folder);
    CHECK_TEXT_EQ(RUN_IN(folder, "sessions").out, "No sessions.\n");
    const char *id = session_of(start(folder));
    RUN_IN(folder, "call", "complete_phase", "--json",
           bugfix_complete(id, 0, NULL));
    const char *prefix = text("%.6s", id);
    struct ended e = RUN_IN(folder, "sessions", "list");
    CHECK_INT_EQ(e.status, 0);
    CHECK_CONTAINS(e.out, text("%.8s", id));
    CHECK_CONTAINS(e.out, "1 of 4");
    CHECK_CONTAINS(e.out, "src/dates.c");
    e = RUN_IN(folder, "sessions", "show", prefix);
    CHECK_INT_EQ(e.status, 0);
    CHECK_CONTAINS(e.out, id);
    CHECK_CONTAINS(e.out, "completed 0 Reproduce");
    CHECK_CONTAINS(e.out, "current   1 Diagnose");
    e = RUN_IN(folder, "sessions", "history", prefix);
    CHECK_INT_EQ(e.status, 0);
    CHECK_CONTAINS(e.out, "   1  ");
    CHECK_CONTAINS(e.out, "session_started");
    CHECK_CONTAINS(e.out, "phase 0");
    e = RUN_IN(folder, "sessions", "show", id, "--json");
    CHECK_TEXT_EQ(
        json_text(json_at(json_of(e.out), "session", "session_id", NULL)), id);
}

TEST(sessions, says_what_is_wrong)
{
    const char *folder = new_project("wrong");
    struct ended e = RUN_IN(folder, "sessions", "lst");
    CHECK_INT_EQ(e.status, 2);
    CHECK_CONTAINS(e.err, "did you mean list");
    CHECK_INT_EQ(RUN_IN(folder, "sessions", "show").status, 2);
    CHECK_INT_EQ(RUN_IN(folder, "sessions", "list", "x").status, 2);
    e = RUN_IN(folder, "sessions", "show", "abcd");
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.err, "no session begins with \"abcd\"");
    e = RUN_IN(folder, "sessions", "show",
               "3f2b8c1e-6a47-4d0b-9c55-0e7f1a2b3c4d");
    CHECK_INT_EQ(e.status, 1);
}

TEST(call, a_wrong_argument_is_answered_with_the_right_ones)
{
    const char *folder = new_project("words");
    struct ended e = RUN_IN(folder, "call", "get_phase", "wrong=1");
    CHECK_INT_EQ(e.status, 2);
    CHECK_CONTAINS(e.err, "it takes session_id, phase");
    e = RUN_IN(folder, "call", "get_phase", "sesion_id=1");
    CHECK_CONTAINS(e.err, "did you mean session_id");
}

TEST(call, a_state_file_that_is_none_is_told_once)
{
    const char *folder = new_project("damaged");
    CHECK_OK(path_make(slice_of(text("%s/.phasegate", folder)), 0700));
    CHECK_OK(file_write_atomic(slice_of(text("%s/.phasegate/state.db", folder)),
                               SLICE("this was never a database, but a text"),
                               0600));
    struct ended e = RUN_IN(folder, "sessions");
    CHECK_INT_EQ(e.status, 3);
    CHECK_CONTAINS(e.err, "not a database");
    CHECK(!says(e.err, "does not answer"));
}
