/* A person's word, from the command line, beside the server that asks. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/terminal.h"
#include "tests/runner/server.h"
#include "tests/unit/session_kit.h"

static const char gate[] =
    "checkpoint:\n  strict: true\n  approval_required: true\nevidence_schema:\n"
    "  summary:\n    type: string\n    required: true\n"
    "    description: \"what was done\"\n";

static struct server *serve(void)
{
    static const char *args[3] = {"--workflows"};
    args[1] = kit_workflows();
    kit_put(args[1], "three_v1/phases/0/gate-definition.yaml", gate);
    return server_start(&(struct server_options){.args = args});
}

static const char *begin(struct server *s)
{
    return kit_text(stdio_tool(s, "start_workflow",
                               "{\"workflow_type\":\"three_v1\",\"target\":"
                               "\"a.c\"}"),
                    "structuredContent", "session_id");
}

static const struct json *complete(struct server *s, const char *id)
{
    struct slice args = arena_printf(test_arena(),
                                     "{\"session_id\":\"%s\",\"phase\":0,"
                                     "\"evidence\":{\"summary\":\"done\"}}",
                                     id);
    return json_get(stdio_tool(s, "complete_phase", args.p),
                    SLICE("structuredContent"));
}

static const char *detail(const struct json *answer)
{
    return kit_text(answer, "error", "detail");
}

TEST(approve, a_person_on_a_terminal_opens_the_phase_that_waited)
{
    struct server *s = serve();
    const char *folder = server_project(s), *id = begin(s);
    CHECK_STR_EQ(detail(complete(s, id)), "APPROVAL_PENDING");
    struct ended e = RUN_IN(folder, "sessions", "approvals");
    CHECK_CONTAINS(e.out, "phase 0 (First)  pending");
    e = TYPED_IN(folder, "yes\n", "sessions", "approve", id, "--as", "Ada");
    CHECK_INT_EQ(e.status, 0);
    CHECK_CONTAINS(e.out, "{\"summary\":\"done\"}");
    CHECK_CONTAINS(e.out, "approved phase 0");
    const struct json *now = complete(s, id);
    CHECK(json_is(json_get(now, SLICE("passed")), JSON_TRUE));
    e = RUN_IN(folder, "sessions", "history", id);
    CHECK_CONTAINS(e.out, "approval_granted");
    CHECK_CONTAINS(RUN_IN(folder, "sessions", "report", id).out,
                   "by: Ada channel: terminal");
    CHECK_INT_EQ(RUN_IN(folder, "sessions", "verify").status, 0);
}

TEST(approve, a_shell_without_a_terminal_is_refused_and_told_why)
{
    struct server *s = serve();
    const char *folder = server_project(s), *id = begin(s);
    complete(s, id);
    put_file(folder, "answers", "yes\nyes\nyes\n");
    struct ended e = program_run(&(struct program){
        .folder = folder,
        .input = arena_printf(test_arena(), "%s/answers", folder).p,
        .args = (const char *const[]){"sessions", "approve", id, "--as", "Ada",
                                      NULL}});
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.err, "for a person on a terminal");
    CHECK_STR_EQ(detail(complete(s, id)), "APPROVAL_PENDING");
}

TEST(approve, anything_but_yes_decides_nothing)
{
    static const char *const typed[] = {"y\n", "no\n", "\n", "YES\n", "\x04"};
    struct server *s = serve();
    const char *folder = server_project(s), *id = begin(s);
    complete(s, id);
    for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
        struct ended e = TYPED_IN(folder, typed[i], "sessions", "approve", id);
        CHECK_INT_EQ(e.status, 1);
        CHECK_CONTAINS(e.err, "nothing was decided");
    }
    CHECK_STR_EQ(detail(complete(s, id)), "APPROVAL_PENDING");
}

TEST(approve, a_rejection_asks_for_a_reason_and_the_agent_reads_it)
{
    struct server *s = serve();
    const char *folder = server_project(s), *id = begin(s);
    complete(s, id);
    struct ended e =
        TYPED_IN(folder, "say which tests\nyes\n", "sessions", "reject", id);
    CHECK_INT_EQ(e.status, 0);
    const struct json *now = complete(s, id);
    CHECK_STR_EQ(detail(now), "GATE_REFUSED");
    CHECK_CONTAINS(now->raw, "say which tests");
}

TEST(approve, who_cannot_read_the_operator_s_token_decides_nothing)
{
    struct server *s = serve();
    const char *folder = server_project(s), *id = begin(s);
    complete(s, id);
    /* root reads everything: a folder in its place stops it too */
    struct slice token =
        arena_printf(test_arena(), "%s/.phasegate/operator.token", folder);
    CHECK_INT_EQ(unlink(token.p), 0);
    CHECK_INT_EQ(mkdir(token.p, 0700), 0);
    struct ended e = TYPED_IN(folder, "yes\n", "sessions", "approve", id);
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.err, "operator.token cannot be read");
}
