/* Commands of gates on the real server: whose they are, what they prove, and
 * that none outlives it. */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/integration/process.h"
#include "tests/integration/terminal.h"
#include "tests/runner/server.h"
#include "tests/unit/session_kit.h"

#define GATE_OF(script)                                                        \
    "checkpoint: {strict: true}\nevidence_schema:\n  holds:\n"                 \
    "    type: boolean\n    required: true\n    description: \"it holds\"\n"   \
    "    proof: command\n    command: [sh, -c, \"" script "\"]\n"

static const char *workflows;

static struct server *serve_with(const char *gate, const char *option,
                                 const char *value)
{
    const char *args[] = {
        "--workflows", kit_workflows(), "--progress-interval-ms",
        "600",         option,          value,
        NULL};
    workflows = args[1];
    kit_put(workflows, "three_v1/phases/0/gate-definition.yaml", gate);
    setenv("XDG_STATE_HOME",
           arena_printf(test_arena(), "%s/state", test_tmpdir()).p, 1);
    return server_start(&(struct server_options){.args = args});
}

static struct server *serve(const char *gate)
{
    return serve_with(gate, NULL, NULL);
}

static const char *begin(struct server *s, const char *target)
{
    struct slice args = arena_printf(
        test_arena(), "{\"workflow_type\":\"three_v1\",\"target\":\"%s\"}",
        target);
    const struct json *answer;
    int64_t until = clock_now() + 60 * NS_PER_S;
    do { /* under a limit of time that a slow machine may need more than */
        answer = json_get(stdio_tool(s, "start_workflow", args.p),
                          SLICE("structuredContent"));
    } while (json_get(answer, SLICE("error")) && clock_now() < until);
    return kit_text(answer, "session_id");
}

static const char *words_of(const char *id)
{
    return arena_printf(test_arena(),
                        "{\"session_id\":\"%s\",\"phase\":0,\"evidence\":{}}",
                        id)
        .p;
}

static const struct json *complete(struct server *s, const char *id)
{
    return json_get(stdio_tool(s, "complete_phase", words_of(id)),
                    SLICE("structuredContent"));
}

static const char *error(const struct json *answer, const char *key)
{
    return kit_text(answer, "error", key);
}

static void check_untrusted(const struct json *answer)
{
    CHECK_STR_EQ(error(answer, "code"), "approval_required");
    CHECK_STR_EQ(error(answer, "detail"), "WORKFLOW_UNTRUSTED");
}

static void trust(struct server *s)
{
    struct ended e = TYPED_IN(server_project(s), "yes\n", "trust", "three_v1",
                              "--workflows", workflows);
    CHECK_INT_EQ(e.status, 0);
    CHECK_CONTAINS(e.out, "NOT TRUSTED");
    CHECK_CONTAINS(e.out, "trusted three_v1");
}

TEST(trust, a_command_runs_when_a_person_trusts_it_and_proves_what_holds)
{
    struct server *s = serve(GATE_OF("echo x >> ran; test -f mended"));
    const char *id = begin(s, "a.c"), *folder = server_project(s);
    check_untrusted(complete(s, id));
    CHECK_INT_EQ(process_file(folder, "ran").n, 0);
    trust(s);
    const struct json *answer = complete(s, id);
    CHECK_STR_EQ(error(answer, "detail"), "GATE_REFUSED");
    CHECK_SLICE_EQ(process_file(folder, "ran"), SLICE("x\n"));
    put_file(folder, "mended", "yes\n");
    answer = complete(s, id);
    CHECK(json_is(json_get(answer, SLICE("passed")), JSON_TRUE));
    const struct json *proof = &json_get(answer, SLICE("proofs"))->items[0];
    CHECK_STR_EQ(kit_text(proof, "kind"), "command");
    CHECK_CONTAINS(RUN_IN(folder, "sessions", "report", id).out, "holds");
    CHECK_INT_EQ(RUN_IN(folder, "sessions", "verify").status, 0);
}

TEST(trust, files_that_change_have_to_be_trusted_again)
{
    struct server *s = serve(GATE_OF("true"));
    const char *id = begin(s, "a.c");
    trust(s);
    CHECK(json_is(json_get(complete(s, id), SLICE("passed")), JSON_TRUE));
    kit_put(workflows, "three_v1/phases/0/gate-definition.yaml",
            GATE_OF("true; echo x >> ran"));
    const char *other = begin(s, "b.c");
    check_untrusted(complete(s, other));
    CHECK_INT_EQ(process_file(server_project(s), "ran").n, 0);
    trust(s);
    CHECK(json_is(json_get(complete(s, other), SLICE("passed")), JSON_TRUE));
    CHECK_SLICE_EQ(process_file(server_project(s), "ran"), SLICE("x\n"));
}

TEST(trust, who_has_no_terminal_trusts_nothing)
{
    struct server *s = serve(GATE_OF("true"));
    const char *id = begin(s, "a.c");
    put_file(test_tmpdir(), "yes", "yes\n");
    const char *yes = arena_printf(test_arena(), "%s/yes", test_tmpdir()).p;
    struct ended e = program_run(&(struct program){
        .folder = server_project(s),
        .input = yes,
        .args = (const char *const[]){"trust", "three_v1", "--workflows",
                                      workflows, NULL}});
    CHECK_INT_EQ(e.status, 1);
    check_untrusted(complete(s, id));
}

TEST(trust, a_server_that_is_killed_leaves_none_of_its_commands)
{
    struct server *s = serve(
        GATE_OF("echo x > began; setsid sleep 600.0707 & sleep 600.0707"));
    const char *id = begin(s, "a.c");
    int64_t until = clock_now() + 60 * NS_PER_S;
    trust(s);
    stdio_request(s, "tools/call",
                  arena_printf(test_arena(),
                               "\"name\":\"complete_phase\",\"arguments\":%s",
                               words_of(id))
                      .p);
    process_file_with(server_project(s), "began", "x");
    CHECK(process_count("sleep 600.0707") > 0);
    server_kill(s);
    while (process_count("sleep 600.0707") && clock_now() < until)
        usleep(10000);
    CHECK_INT_EQ(process_count("sleep 600.0707"), 0);
}

#define WAITS "echo x >> ran; while ! test -f go; do sleep 0.02; done"

/* The call's time is over before the command's: it is not ended. */
TEST(trust, a_command_outlives_its_call_and_the_retry_joins_it)
{
    struct server *s =
        serve_with(GATE_OF(WAITS), "--timeout-class-write-ms", "300");
    const char *id = begin(s, "a.c"), *folder = server_project(s);
    int64_t until = clock_now() + 60 * NS_PER_S;
    trust(s);
    const struct json *answer = complete(s, id);
    CHECK_STR_EQ(error(answer, "code"), "timeout");
    put_file(folder, "go", "x");
    while (json_get(answer, SLICE("error")) && clock_now() < until) {
        CHECK_STR_EQ(error(answer, "code"), "timeout");
        answer = complete(s, id);
    }
    CHECK(json_is(json_get(answer, SLICE("passed")), JSON_TRUE));
    CHECK_SLICE_EQ(process_file(folder, "ran"), SLICE("x\n"));
}

/* The first notice comes when a call without a token would be over. The limit
 * of the command counts, not what a call may take besides. */
TEST(trust, who_asked_for_progress_waits_for_the_command)
{
    setenv("PHASEGATE_TIMEOUT_COMMAND_MS", "100", 1);
    setenv("PHASEGATE_TIMEOUT_CLASS_EXEC_MS", "200", 1);
    struct server *s =
        serve_with(GATE_OF(WAITS), "--timeout-class-write-ms", "300");
    stdio_initialize(s, "2025-11-25");
    const char *id = begin(s, "a.c");
    trust(s);
    int64_t call = stdio_request(
        s, "tools/call",
        arena_printf(test_arena(),
                     "\"name\":\"complete_phase\",\"arguments\":%s,"
                     "\"_meta\":{\"progressToken\":7}",
                     words_of(id))
            .p);
    CHECK_STR_EQ(kit_text(stdio_receive(s), "method"),
                 "notifications/progress");
    put_file(server_project(s), "go", "x");
    const struct json *answer =
        json_at(stdio_answer(s, call), "result", "structuredContent", NULL);
    CHECK(json_is(json_get(answer, SLICE("passed")), JSON_TRUE));
}
