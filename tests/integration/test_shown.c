/* What others wrote, on a person's terminal: all of it is seen, and the
 * terminal obeys none of it. */
#include <stdlib.h>

#include "tests/integration/terminal.h"
#include "tests/runner/server.h"
#include "tests/unit/session_kit.h"

/* Moves of the cursor by one byte and by two, a turned direction, nothing with
 * a width, DEL. JSON and YAML take them as they are. */
#define EVIL                                                                   \
    "a\xC2\x9B"                                                                \
    "2Jb\xE2\x80\xAE"                                                          \
    "c\xE2\x80\x8B"                                                            \
    "d\x7F"                                                                    \
    "e"
#define EVIL_YAML "a\\x9B2Jb\\u202Ec\\x1B[2J"
/* The same in a name of a file, where escapes can stand too. */
#define EVIL_NAME                                                              \
    "x\x1B[2Jy\xC2\x9B"                                                        \
    "2J\xE2\x80\xAEz"

static const char gate[] =
    "checkpoint: {strict: true}\nevidence_schema:\n"
    "  holds: {type: boolean, required: true, description: d,\n"
    "    proof: command, command: [echo, \"" EVIL_YAML "\"]}\n";
static const char asking[] =
    "checkpoint: {strict: true, approval_required: true}\nevidence_schema:\n"
    "  note: {type: string, required: true, description: \"" EVIL_YAML "\"}\n";

static const char *workflows;

static struct server *serve(const char *of_phase_0)
{
    static const char *args[3] = {"--workflows"};
    args[1] = workflows = kit_workflows();
    kit_put(workflows, "three_v1/phases/0/gate-definition.yaml", of_phase_0);
    setenv("NO_COLOR", "1", 1);
    return server_start(&(struct server_options){.args = args});
}

/* Its own line of progress is cleared with this one. */
static struct slice without_clearing(struct slice text)
{
    struct buf b = BUF_INIT(1 << 20);
    for (size_t at; (at = slice_find(text, SLICE("\033[K"))) < text.n;) {
        buf_put(&b, slice_sub(text, 0, at));
        text = slice_sub(text, at + 3, text.n);
    }
    buf_put(&b, text);
    struct slice rest = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    return rest;
}

static void check_shown(struct slice all, const char *what)
{
    struct slice text = without_clearing(all);
    unsigned code = 0;
    CHECK_INT_EQ(slice_utf8_valid(text), text.n);
    for (size_t at = 0; at < text.n; at++) {
        at += slice_unseen(slice_sub(text, at, text.n), &code);
        if (at < text.n && !strchr("\n\r\t", text.p[at]))
            FAIL("%s: U+%04X reaches the terminal at byte %zu of: %.*s", what,
                 code, at, SLICE_ARG(text));
    }
}

#define CHECK_SHOWN(folder, ...)                                               \
    do {                                                                       \
        struct ended e_ = TYPED_IN((folder), "no\n", __VA_ARGS__);             \
        check_shown(e_.out, #__VA_ARGS__);                                     \
        check_shown(e_.err, #__VA_ARGS__);                                     \
    } while (0)

TEST(shown, a_session_and_its_evidence_move_no_cursor)
{
    struct server *s = serve(asking);
    const char *folder = server_project(s);
    const char *id = kit_text(
        stdio_tool(s, "start_workflow",
                   "{\"workflow_type\":\"three_v1\",\"target\":\"a.c\","
                   "\"options\":{\"n\":\"" EVIL "\"}}"),
        "structuredContent", "session_id");
    (void)stdio_tool(s, "complete_phase",
                     arena_printf(test_arena(),
                                  "{\"session_id\":\"%s\",\"phase\":0,"
                                  "\"evidence\":{\"note\":\"" EVIL "\"}}",
                                  id)
                         .p);
    struct ended e = TYPED_IN(folder, "no\n", "sessions", "approve", id);
    CHECK_CONTAINS(e.out, "a\\u009b2Jb\\u202ec\\u200bd\\u007fe");
    check_shown(e.out, "approve");
    CHECK_SHOWN(folder, "sessions", "approvals");
    CHECK_SHOWN(folder, "sessions", "show", id);
    CHECK_SHOWN(folder, "sessions", "report", id);
    const char *named = arena_printf(test_arena(), "session_id=%s", id).p;
    check_shown(SHOWN_IN(folder, "call", "get_session", named), "call");
    check_shown(SHOWN_IN(folder, "sessions", "export", id), "export");
    /* A report goes into files too, and to the operator's page. */
    check_shown(RUN_IN(folder, "sessions", "report", id).out, "report");
    /* Programs get what was sent. */
    CHECK_CONTAINS(RUN_IN(folder, "sessions", "export", id).out, "\xC2\x9B");
}

TEST(shown, workflows_standards_and_names_of_files_move_no_cursor)
{
    struct server *s = serve(gate);
    const char *folder = server_project(s);
    const char *own = arena_printf(test_arena(), "%s/own", test_tmpdir()).p;
    put_file(own, "three_v1/" EVIL_NAME ".yaml", "a: [\n");
    put_file(own, "three_v1/metadata.json",
             "{\"name\":\"" EVIL "\",\"" EVIL "\":1,\"workflow_type\":2}");
    put_file(folder, ".phasegate/standards/" EVIL_NAME ".md",
             "# Parsers " EVIL "\n\nA parser " EVIL " reads.\n");
    put_file(folder, EVIL_NAME ".json", "{}");
    CHECK_SHOWN(folder, "lint", own);
    CHECK_SHOWN(folder, "lint", EVIL_NAME);
    CHECK_SHOWN(folder, "search", "parser", "reads");
    CHECK_SHOWN(folder, "trust", "--workflows", workflows);
    CHECK_SHOWN(folder, "sessions", "import", EVIL_NAME ".json", EVIL_NAME);
    CHECK_SHOWN(folder, "backup", EVIL_NAME "/there");
    CHECK_SHOWN(folder, "sessions", "report", EVIL_NAME);
    CHECK_SHOWN(folder, "call", EVIL_NAME);
    CHECK_SHOWN(folder, EVIL_NAME);
    CHECK_SHOWN(folder, "doctor");
    put_file(folder, ".phasegate/config.yaml", "\"" EVIL "\": 1\n");
    CHECK_SHOWN(folder, "sessions");
    CHECK_SHOWN(folder, "doctor");
}

TEST(shown, a_person_who_trusts_sees_the_whole_command)
{
    char quiet[2001];
    memset(quiet, ' ', sizeof(quiet) - 1);
    quiet[sizeof(quiet) - 1] = '\0';
    struct slice text = arena_printf(
        test_arena(),
        "checkpoint: {strict: true}\nevidence_schema:\n"
        "  holds: {type: boolean, required: true, description: d,\n"
        "    proof: command, command: [sh, -c, \"true%s; touch gone\"]}\n",
        quiet);
    struct server *s = serve(text.p);
    struct ended e = TYPED_IN(server_project(s), "no\n", "trust", "three_v1",
                              "--workflows", workflows);
    CHECK_CONTAINS(e.out, "; touch gone");
}
