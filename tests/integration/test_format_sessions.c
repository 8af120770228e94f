/* Sessions of the real workflows through a real server, with the values of
 * the format's acceptance cases. */
#include <pthread.h>

#include "base/file.h"
#include "tests/integration/format_kit.h"

#define SPEC "spec_creation_v1"
#define EXECUTION "spec_execution_v1"
#define CREATION "workflow_creation_v1"

static const struct json *phase_of(struct server *s, const char *id,
                                   const char *more)
{
    return format_call(s, "get_phase", "{\"session_id\":\"%s\"%s}", id, more);
}

static const struct json *task_of(struct server *s, const char *id, int phase,
                                  int task)
{
    return format_call(
        s, "get_task",
        "{\"session_id\":\"%s\",\"phase\":%d,\"task_number\":%d}", id, phase,
        task);
}

static int64_t sessions(struct server *s)
{
    return AT_INT(format_call(s, "list_sessions", "{}"), "count");
}

/* --- starting ------------------------------------------------------------- */

/* format D1, D2 */
TEST(format, a_start_opens_phase_0_and_a_second_one_resumes_it,
     .needs = "shared")
{
    struct server *s = format_serve(NULL);
    const struct json *v = format_call(
        s, "start_workflow",
        "{\"workflow_type\":\"" SPEC "\",\"target\":\"x.md\",\"options\":"
        "{\"a\":1}}");
    struct slice id = AT_TEXT(v, "session_id");
    CHECK_TEXT_EQ(AT_TEXT(v, "phase", "name"),
                  "Supporting Documents Integration");
    CHECK_INT_EQ(AT_INT(v, "phase", "number"), 0);
    CHECK_INT_EQ(AT_INT(v, "total_phases"), 6);
    CHECK(AT_FALSE(v, "resumed"));
    v = format_call(s, "start_workflow",
                    "{\"workflow_type\":\"" SPEC "\",\"target\":\"x.md\"}");
    CHECK_SLICE_EQ(AT_TEXT(v, "session_id"), id);
    CHECK(AT_TRUE(v, "resumed"));
    v = format_call(s, "start_workflow",
                    "{\"workflow_type\":\"" SPEC "\",\"target\":\"y.md\"}");
    CHECK(!slice_eq(AT_TEXT(v, "session_id"), id));
    v = format_call(s, "start_workflow",
                    "{\"workflow_type\":\"" SPEC "\",\"target\":\"x.md\","
                    "\"options\":{\"a\":2}}");
    CHECK_TEXT_EQ(format_detail(v), "SESSION_OPTIONS_DIFFER");
}

/* format A4, D19: nothing of them is stored. */
TEST(format, what_cannot_be_started_leaves_nothing_behind, .needs = "shared")
{
    struct server *s = format_serve(NULL);
    static const char *const names[] = {"../../etc", "nosuch_v1"};
    const struct json *v = format_call(
        s, "start_workflow",
        "{\"workflow_type\":\"workflow_creation_v1_inconsistent\","
        "\"target\":\"x.md\"}");
    CHECK_TEXT_EQ(format_detail(v), "WORKFLOW_INVALID");
    for (size_t i = 0; i < 2; i++) {
        v = format_call(s, "start_workflow",
                        "{\"workflow_type\":\"%s\",\"target\":\"x.md\"}",
                        names[i]);
        CHECK_TEXT_EQ(format_detail(v), "WORKFLOW_NOT_FOUND");
        struct slice all = json_get(v, SLICE("error"))->raw;
        CHECK_CONTAINS(all, SPEC);
        CHECK_CONTAINS(all, EXECUTION);
        CHECK_CONTAINS(all, CREATION);
    }
    CHECK_INT_EQ(sessions(s), 0);
}

/* format A5 */
TEST(format, the_four_real_folders_are_listed_one_of_them_invalid,
     .needs = "shared")
{
    const char *project = new_project("list"), *args[3] = {"--workflows"};
    args[1] = arena_printf(test_arena(), "%s/real/workflows",
                           test_shared_dir()).p;
    struct server *s = server_start(
        &(struct server_options){.project = project, .args = args});
    const struct json *v = format_call(s, "list_workflows", "{}");
    const struct json *list = json_get(v, SLICE("workflows"));
    CHECK_INT_EQ(AT_INT(v, "count"), 4);
    for (uint32_t i = 0; i < list->count; i++) {
        bool bad = slice_eq(AT_TEXT(&list->items[i], "workflow_type"),
                            SLICE("workflow_creation_v1_inconsistent"));
        CHECK(AT_TRUE(&list->items[i], "valid") == !bad);
        CHECK_INT_EQ(json_get(&list->items[i], SLICE("problems"))->count,
                     bad ? 24 : 0);
    }
}

struct target_row {
    const char *target; /* JSON, without quotes */
    bool fine;
};
/* format D21, D22 */
/* clang-format off */
static const struct target_row targets[] = {
    {"../../../etc/passwd", false}, {"/etc/passwd", false},
    {"C:\\\\x", false}, {"%2e%2e%2fetc", false}, {"a;b", false},
    {"a\\u0000b", false}, {"", false},
    {"a%20b", true}, {"user@x.md", true}, {"a..b.md", true}};
/* clang-format on */
TEST(format, a_target_is_a_harmless_label, .needs = "shared")
{
    struct server *s = format_serve(NULL);
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        const struct json *v = format_call(
            s, "start_workflow",
            "{\"workflow_type\":\"" SPEC "\",\"target\":\"%s\"}",
            targets[i].target);
        struct slice detail = format_detail(v);
        if (targets[i].fine)
            CHECK_TEXT_EQ(detail, "");
        else if (!slice_eq(detail, SLICE("INVALID_TARGET")))
            FAIL("%s: %.*s", targets[i].target, SLICE_ARG(detail));
    }
    CHECK_INT_EQ(sessions(s), 3);
}

/* --- reading -------------------------------------------------------------- */

/* format D3, D4, D5, D6 */
TEST(format, phases_and_tasks_are_the_files_byte_for_byte, .needs = "shared")
{
    struct server *s = format_serve(NULL);
    const char *id = format_start(s, SPEC, "x.md", NULL);
    const struct json *v = phase_of(s, id, "");
    struct slice text = AT_TEXT(v, "phase", "content");
    CHECK_INT_EQ(text.n, 2721);
    CHECK_INT_EQ(text.p[text.n - 1], '.');
    const struct json *tasks = json_at(v, "phase", "tasks", NULL);
    CHECK_INT_EQ(tasks->count, 4);
    for (int i = 0; i < 4; i++)
        CHECK_INT_EQ(AT_INT(&tasks->items[i], "number"), i);
    CHECK_INT_EQ(json_at(v, "phase", "gate", "evidence", NULL)->count, 7);
    static const struct {
        const char *file;
        size_t n;
    } files[] = {{"task-0-create-directory.md", 4065},
                 {"task-1-copy-documents.md", 4264}};
    for (int i = 0; i < 2; i++) {
        struct slice path = arena_printf(
            test_arena(), ".phasegate/workflows/" SPEC "/phases/0/%s",
            files[i].file);
        text = AT_TEXT(task_of(s, id, 0, i), "task", "content");
        CHECK_INT_EQ(text.n, files[i].n);
        CHECK_SLICE_EQ(text, get_file(server_project(s), path.p));
    }
    v = task_of(s, id, 0, 9);
    CHECK_TEXT_EQ(format_detail(v), "TASK_NOT_FOUND");
    static const char *const numbers[] = {"0 (", "1 (", "2 (", "3 ("};
    for (int i = 0; i < 4; i++)
        CHECK_CONTAINS(AT_TEXT(v, "error", "why"), numbers[i]);
    v = task_of(s, id, 2, 1);
    CHECK_TEXT_EQ(format_detail(v), "PHASE_LOCKED");
    CHECK_CONTAINS(AT_TEXT(v, "error", "why"), "phase is 0");
    v = format_complete(s, id, 2, "{}");
    CHECK_TEXT_EQ(format_detail(v), "PHASE_LOCKED");
    CHECK_CONTAINS(AT_TEXT(v, "error", "how_to_fix"), "phase 0");
}

struct number_row {
    const char *phase, *detail;
};
/* format D23 */
TEST(format, a_phase_is_a_whole_number, .needs = "shared")
{
    static const struct number_row rows[] = {{"1.0", ""},
                                             {"1.9", "INVALID_PARAMETER"},
                                             {"\"1\"", "INVALID_PARAMETER"},
                                             {"-1", "INVALID_PARAMETER"}};
    struct server *s = format_serve(NULL);
    const char *id = format_start(s, SPEC, "x.md", NULL);
    CHECK(AT_TRUE(format_complete(s, id, 0, format_good(SPEC, 0)), "passed"));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice more =
            arena_printf(test_arena(), ",\"phase\":%s", rows[i].phase);
        CHECK_TEXT_EQ(format_detail(phase_of(s, id, more.p)), rows[i].detail);
    }
}

/* format D20 */
TEST(format, a_session_id_is_a_lower_case_uuid, .needs = "shared")
{
    static const char *const ids[] = {
        "not-a-uuid", "3F2B8C1E-6A47-4D0B-9C55-0E7F1A2B3C4D",
        "------------------------------------"};
    struct server *s = format_serve(NULL);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        CHECK_TEXT_EQ(format_detail(phase_of(s, ids[i], "")),
                      "INVALID_SESSION_ID");
}

/* format D29 */
TEST(format, a_status_nobody_has_is_refused_with_those_there_are,
     .needs = "shared")
{
    struct server *s = format_serve(NULL);
    const struct json *v =
        format_call(s, "list_sessions", "{\"status\":\"weird\"}");
    CHECK_TEXT_EQ(format_detail(v), "INVALID_PARAMETER");
    static const char *const words[] = {"active", "completed", "error",
                                        "paused"};
    for (int i = 0; i < 4; i++)
        CHECK_CONTAINS(AT_TEXT(v, "error", "why"), words[i]);
}

/* --- walking -------------------------------------------------------------- */

/* format D7, D8 */
TEST(format, the_six_phases_are_walked_once_and_in_order, .needs = "shared")
{
    struct server *s = format_serve(NULL);
    const char *id = format_start(s, SPEC, "x.md", NULL);
    const struct json *v = format_complete(s, id, 0, format_good(SPEC, 0));
    CHECK_INT_EQ(AT_INT(v, "current_phase"), 1);
    v = format_complete(s, id, 0, format_good(SPEC, 0));
    CHECK_TEXT_EQ(format_detail(v), "PHASE_ALREADY_COMPLETE");
    CHECK(AT_TRUE(v, "error", "outcome", "passed"));
    for (int phase = 1; phase < 6; phase++) {
        v = format_complete(s, id, phase, format_good(SPEC, phase));
        CHECK(AT_TRUE(v, "passed"));
        CHECK(AT_TRUE(v, "workflow_complete") == (phase == 5));
        CHECK_INT_EQ(AT_INT(v, "current_phase"), phase == 5 ? 5 : phase + 1);
    }
    CHECK_TEXT_EQ(AT_TEXT(v, "status"), "completed");
    v = format_complete(s, id, 5, format_good(SPEC, 5));
    CHECK_TEXT_EQ(format_detail(v), "SESSION_COMPLETE");
}

static int fetch_tasks(struct server *s, const char *id, int phase)
{
    const struct json *v = phase_of(s, id, "");
    const struct json *tasks = json_at(v, "phase", "tasks", NULL);
    for (uint32_t i = 0; i < tasks->count; i++) {
        v = task_of(s, id, phase, (int)AT_INT(&tasks->items[i], "number"));
        CHECK(AT_TEXT(v, "task", "content").n > 0);
    }
    return (int)tasks->count;
}

/* format D9, D10 */
TEST(format, the_forty_five_tasks_are_all_there, .needs = "shared")
{
    struct server *s = format_serve(NULL);
    const char *id = format_start(s, CREATION, "x.md", NULL);
    int tasks = 0;
    const struct json *v = NULL;
    for (int phase = 0; phase < 6; phase++) {
        tasks += fetch_tasks(s, id, phase);
        if (phase == 2) {
            v = task_of(s, id, 2, 9);
            CHECK_TEXT_EQ(format_detail(v), "TASK_NOT_FOUND");
            CHECK_CONTAINS(AT_TEXT(v, "error", "why"),
                           "task-9-generate-gate-definitions.md");
            for (char n[] = "1 ("; n[0] <= '8'; n[0]++)
                CHECK_CONTAINS(AT_TEXT(v, "error", "why"), n);
        }
        if (phase == 4) {
            v = task_of(s, id, 4, 5);
            CHECK_TEXT_EQ(AT_TEXT(v, "task", "file"),
                          "task-1-audit-file-sizes.md");
            CHECK_INT_EQ(AT_TEXT(v, "task", "content").n, 2896);
            v = task_of(s, id, 4, 14);
            CHECK_TEXT_EQ(AT_TEXT(v, "task", "file"),
                          "task-10-final-compliance-check.md");
            CHECK_INT_EQ(AT_TEXT(v, "task", "content").n, 3332);
        }
        v = format_complete(s, id, phase, format_good(CREATION, phase));
        CHECK(AT_TRUE(v, "passed"));
        CHECK(AT_TRUE(v, "workflow_complete") == (phase == 5));
    }
    CHECK_INT_EQ(tasks, 45);
}

/* format D24 */
TEST(format, a_refused_attempt_stays_as_it_was, .needs = "shared")
{
    struct server *s = format_serve(NULL);
    const char *id = format_start(s, SPEC, "x.md", NULL);
    CHECK_TEXT_EQ(format_detail(format_complete(s, id, 0, "{}")),
                  "GATE_REFUSED");
    const struct json *v = format_call(
        s, "get_session", "{\"session_id\":\"%s\",\"include\":[\"history\"]}",
        id);
    CHECK_TEXT_EQ(AT_TEXT(v, "session", "status"), "active");
    struct slice first = json_get(v, SLICE("history"))->items[1].raw;
    CHECK(AT_TRUE(format_complete(s, id, 0, format_good(SPEC, 0)), "passed"));
    v = format_call(s, "get_session",
                    "{\"session_id\":\"%s\",\"include\":[\"history\"]}", id);
    const struct json *history = json_get(v, SLICE("history"));
    CHECK_INT_EQ(history->count, 3);
    CHECK_SLICE_EQ(history->items[1].raw, first);
    CHECK_TEXT_EQ(AT_TEXT(&history->items[1], "type"), "gate_refused");
    CHECK_TEXT_EQ(AT_TEXT(&history->items[2], "type"), "phase_completed");
    CHECK_TEXT_EQ(AT_TEXT(v, "session", "status"), "active");
}

/* format D28 */
TEST(format, what_was_deleted_is_not_found_by_anything, .needs = "shared")
{
    struct server *s = format_serve(NULL);
    const char *gone = format_start(s, SPEC, "x.md", NULL);
    const char *ids[] = {gone, "00000000-0000-4000-8000-000000000000"};
    const struct json *v = format_call(
        s, "manage_session",
        "{\"session_id\":\"%s\",\"action\":\"delete\"}", gone);
    CHECK_TEXT_EQ(format_detail(v), "");
    for (int i = 0; i < 2; i++) {
        CHECK_TEXT_EQ(format_detail(phase_of(s, ids[i], "")),
                      "SESSION_NOT_FOUND");
        CHECK_TEXT_EQ(
            format_detail(format_call(s, "get_session",
                                      "{\"session_id\":\"%s\"}", ids[i])),
            "SESSION_NOT_FOUND");
        v = format_call(s, "manage_session",
                        "{\"session_id\":\"%s\",\"action\":\"delete\"}",
                        ids[i]);
        CHECK_TEXT_EQ(format_detail(v), "SESSION_NOT_FOUND");
    }
}

/* format D26 */
TEST(format, an_answered_completion_is_there_after_a_kill, .needs = "shared")
{
    struct server *s = format_serve(NULL);
    const char *id = format_start(s, SPEC, "x.md", NULL);
    CHECK(AT_TRUE(format_complete(s, id, 0, format_good(SPEC, 0)), "passed"));
    server_kill(s);
    server_restart(s);
    CHECK_INT_EQ(AT_INT(phase_of(s, id, ""), "phase", "number"), 1);
}

/* --- a definition that changes -------------------------------------------- */

/* format D18 */
TEST(format, a_gate_without_fields_comes_too_late_for_a_running_session,
     .needs = "shared")
{
    struct server *s = format_serve(NULL);
    const char *id = format_start(s, SPEC, "x.md", NULL);
    const char *gate = ".phasegate/workflows/" SPEC
                       "/phases/0/gate-definition.yaml";
    CHECK(!AT_TRUE(phase_of(s, id, ""), "definition_changed"));
    put_file(server_project(s), gate,
             "checkpoint:\n  strict: false\nevidence_schema: {}\n");
    const struct json *v = phase_of(s, id, "");
    CHECK(AT_TRUE(v, "definition_changed"));
    CHECK_TEXT_EQ(json_text(json_get(v, SLICE("changed_files"))->items),
                  "phases/0/gate-definition.yaml");
    CHECK_INT_EQ(json_at(v, "phase", "gate", "evidence", NULL)->count, 7);
    v = format_complete(s, id, 0, "{}");
    CHECK_TEXT_EQ(format_detail(v), "GATE_REFUSED");
    CHECK_INT_EQ(json_get(v, SLICE("missing"))->count, 7);
    v = format_complete(s, id, 0, "{\"anything\":1}");
    CHECK_TEXT_EQ(format_detail(v), "GATE_REFUSED");
    CHECK(AT_TRUE(format_complete(s, id, 0, format_good(SPEC, 0)), "passed"));
}

/* format C19: the start, and a session begun before the damage. C28 */
static void damaged(const char *const *mode)
{
    struct server *s = format_serve(mode);
    const char *id = format_start(s, SPEC, "x.md", NULL);
    const char *gate = ".phasegate/workflows/" SPEC
                       "/phases/0/gate-definition.yaml";
    struct slice was = get_file(server_project(s), gate), line, rest = was;
    struct buf b = BUF_INIT(1 << 20);
    for (int n = 1; slice_split(&rest, '\n', &line); n++)
        buf_printf(&b, "%s%.*s\n", n == 9 ? "\t" : "", SLICE_ARG(line));
    put_file(server_project(s), gate,
             arena_cstr(test_arena(), buf_slice(&b)));
    buf_done(&b);
    const struct json *v = format_call(
        s, "start_workflow",
        "{\"workflow_type\":\"" SPEC "\",\"target\":\"y.md\"}");
    CHECK_TEXT_EQ(format_detail(v), "WORKFLOW_INVALID");
    CHECK_CONTAINS(json_get(v, SLICE("error"))->raw, "GATE_BROKEN");
    v = format_complete(s, id, 0, format_good(SPEC, 0));
    CHECK_TEXT_EQ(format_detail(v), "GATE_BROKEN");
    CHECK_INT_EQ(AT_INT(v, "error", "line"), 9);
    CHECK_TEXT_EQ(AT_TEXT(v, "error", "file"),
                  "phases/0/gate-definition.yaml");
    CHECK_INT_EQ(AT_INT(phase_of(s, id, ""), "phase", "number"), 0);
    put_file(server_project(s), gate, arena_cstr(test_arena(), was));
    CHECK(AT_TRUE(format_complete(s, id, 0, format_good(SPEC, 0)), "passed"));
}

TEST(format, a_damaged_gate_blocks_in_strict_mode, .needs = "shared")
{
    damaged(NULL);
}

/* format C28 */
TEST(format, a_damaged_gate_blocks_in_as_written_mode, .needs = "shared")
{
    static const char *const args[] = {"--gate-mode", "as-written", NULL};
    damaged(args);
}

/* format C27 */
TEST(format, as_written_lets_a_lenient_gate_pass_with_warnings,
     .needs = "shared")
{
    static const char *const args[] = {"--gate-mode", "as-written", NULL};
    struct server *s = format_serve(args);
    const char *id = format_start(s, SPEC, "x.md", NULL);
    const struct json *v = format_complete(s, id, 0, "{}");
    CHECK(AT_TRUE(v, "passed"));
    CHECK_INT_EQ(json_get(v, SLICE("warnings"))->count, 7);
    CHECK_TEXT_EQ(AT_TEXT(v, "gate", "mode"), "as-written");
    v = format_call(s, "get_server_info", "{}");
    CHECK_TEXT_EQ(AT_TEXT(v, "gate_mode"), "as-written");
}

/* --- dynamic -------------------------------------------------------------- */

#define T6 "specs/2025-10-13-thread-safety-fixes"

/* format D11, D12, D17 */
TEST(format, a_plan_is_pinned_and_walked_to_its_fourth_phase,
     .needs = "shared")
{
    static const char three[] = "{\"validation_gate\":[true,true,true]}";
    struct server *s = format_serve(NULL);
    const char *project = server_project(s);
    const struct json *v = format_call(
        s, "start_workflow",
        "{\"workflow_type\":\"" EXECUTION "\",\"target\":\"x.md\"}");
    CHECK_TEXT_EQ(format_detail(v), "SOURCE_OPTION_MISSING");
    CHECK_INT_EQ(sessions(s), 0);
    format_copy(project, T6, "spec");
    const char *id =
        format_start(s, EXECUTION, "x.md", "{\"spec_path\":\"spec\"}");
    v = format_call(s, "get_session", "{\"session_id\":\"%s\"}", id);
    CHECK_INT_EQ(AT_INT(v, "session", "total_phases"), 5);
    CHECK(AT_TRUE(format_complete(s, id, 0, format_good(EXECUTION, 0)),
                  "passed"));
    struct slice text = get_file(project, "spec/tasks.md"), rest = text, part;
    struct buf b = BUF_INIT(1 << 20);
    while (slice_split(&rest, '[', &part))
        buf_printf(&b, "%.*s%s", SLICE_ARG(part),
                   rest.n > 1 && rest.p[0] == ' ' && rest.p[1] == ']' ? "[x"
                                                                      : "[");
    put_file(project, "spec/tasks.md", arena_cstr(test_arena(), buf_slice(&b)));
    buf_done(&b);
    v = phase_of(s, id, "");
    CHECK(AT_TRUE(v, "definition_changed"));
    CHECK_TEXT_EQ(json_text(json_get(v, SLICE("changed_files"))->items),
                  "spec/tasks.md");
    size_t fourth = slice_find(text, SLICE("Phase 4:"));
    while (fourth > 0 && text.p[fourth - 1] != '\n') fourth--;
    put_file(project, "spec/tasks.md",
             arena_cstr(test_arena(), slice_sub(text, 0, fourth)));
    for (int phase = 1; phase < 5; phase++) {
        v = phase_of(s, id, "");
        CHECK(AT_TRUE(v, "definition_changed"));
        CHECK_INT_EQ(AT_INT(v, "phase", "number"), phase);
        v = format_complete(s, id, phase, three);
        CHECK(AT_TRUE(v, "passed"));
        CHECK(AT_TRUE(v, "workflow_complete") == (phase == 4));
    }
}

/* format D13, D14, D15 */
TEST(format, a_task_of_a_plan_is_told_as_the_plan_has_it, .needs = "shared")
{
    struct server *s = format_serve(NULL);
    format_copy(server_project(s), T6, "spec");
    const char *id =
        format_start(s, EXECUTION, "x.md", "{\"spec_path\":\"spec\"}");
    format_complete(s, id, 0, format_good(EXECUTION, 0));
    const struct json *v = task_of(s, id, 1, 2);
    CHECK_TEXT_EQ(AT_TEXT(v, "task", "id"), "1.2");
    CHECK_TEXT_EQ(AT_TEXT(v, "task", "name"),
                  "Add Thread-Safe Session Cache to WorkflowEngine");
    CHECK_TEXT_EQ(AT_TEXT(v, "task", "estimated_time"), "2-3 hours");
    CHECK_INT_EQ(json_at(v, "task", "dependencies", NULL)->count, 0);
    CHECK_INT_EQ(json_at(v, "task", "acceptance_criteria", NULL)->count, 7);
    CHECK(slice_starts(AT_TEXT(v, "task", "content"),
                       SLICE("# Task 1.2: Add Thread-Safe Session Cache to "
                             "WorkflowEngine")));
    v = format_complete(s, id, 1, "{\"validation_gate\":[true,true]}");
    CHECK_TEXT_EQ(format_detail(v), "GATE_REFUSED");
    CHECK_CONTAINS(json_get(v, SLICE("errors"))->raw, "item 3");
    v = format_complete(
        s, id, 1, "{\"validation_gate\":{\"1\":true,\"2\":true,\"3\":false}}");
    CHECK_TEXT_EQ(format_detail(v), "GATE_REFUSED");
    CHECK_CONTAINS(json_get(v, SLICE("errors"))->raw, "item 3");
    v = format_complete(
        s, id, 1,
        "{\"validation_gate\":{\"all_modified_files_pass_linting_ruff_mypy\":"
        "true,\"code_review_completed_2_reviewers\":true,"
        "\"manual_smoke_tests_pass_no_crashes\":true}}");
    CHECK(AT_TRUE(v, "passed"));
    struct slice text = AT_TEXT(phase_of(s, id, ""), "phase", "content");
    CHECK(slice_starts(text,
                       SLICE("# Phase 2: Observability & Monitoring")));
    CHECK_CONTAINS(text, "**Estimated Duration:** 2-3 hours");
    CHECK_CONTAINS(text, "**Total Tasks:** 3");
    CHECK_CONTAINS(text, "Phase 3");
    CHECK_CONTAINS(text, "[N.1]");
    CHECK_CONTAINS(text, "[list]");
}

/* format D16 */
TEST(format, a_plan_without_gates_wants_something_said, .needs = "shared")
{
    struct server *s = format_serve(NULL);
    format_copy(server_project(s), "specs/2025-10-07-spec-creation-workflow-v1",
                "spec");
    const char *id =
        format_start(s, EXECUTION, "x.md", "{\"spec_path\":\"spec\"}");
    format_complete(s, id, 0, format_good(EXECUTION, 0));
    CHECK_TEXT_EQ(format_detail(format_complete(s, id, 1, "{}")),
                  "GATE_REFUSED");
    const struct json *v = format_complete(s, id, 1, "{\"note\":\"done\"}");
    CHECK(AT_TRUE(v, "passed"));
    CHECK_TEXT_EQ(AT_TEXT(v, "gate", "source"), "none");
}

struct total_row {
    const char *spec;
    int total;
};
/* The eight as sources: 5.1 of the document has their totals. */
TEST(format, each_real_plan_gives_its_number_of_phases, .needs = "shared")
{
    static const struct total_row rows[] = {
        {"2025-10-07-dynamic-workflow-session-refactor", 5},
        {"2025-10-07-spec-creation-workflow-v1", 5},
        {"2025-10-08-agent-os-upgrade-workflow", 6},
        {"2025-10-10-divio-docs-restructure", 7},
        {"2025-10-11-mcp-dual-transport", 5},
        {"2025-10-13-thread-safety-fixes", 5},
        {"2025-10-20-evidence-validation-system", 6},
        {"2025-10-22-persona-system-implementation", 5}};
    struct server *s = format_serve(NULL);
    format_copy(server_project(s), "specs", "specs");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct json *v = format_call(
            s, "start_workflow",
            "{\"workflow_type\":\"" EXECUTION "\",\"target\":\"%s\","
            "\"options\":{\"spec_path\":\"specs/%s\"}}",
            rows[i].spec, rows[i].spec);
        CHECK_INT_EQ(AT_INT(v, "total_phases"), rows[i].total);
    }
}

/* --- what praxis-os left behind ------------------------------------------- */

struct import_row {
    const char *id, *status, *trouble;
    int phase, completed;
};
/* format D30, D31 */
TEST(format, real_sessions_are_imported_as_the_document_says,
     .needs = "shared")
{
    static const struct import_row rows[] = {
        {"d307c7f6-e5ad-4b44-a840-327f0f20af43", "completed", "", 5, 6},
        {"062f24e7-6fdc-40b3-a2d8-7ffaea6351b6", "error", "SOURCE_NOT_FOUND",
         6, 6},
        {"1fc3c1c4-a94d-4823-8b4f-dce597252225", "error", "SOURCE_NOT_FOUND",
         5, 5},
        {"f01b7f5f-d981-4b69-82a4-acc34e16b2fc", "error", "SOURCE_NOT_FOUND",
         2, 2},
        {"61e24eb6-7c13-4e7c-b0cc-5a6c9347b6e1", "error",
         "SOURCE_OPTION_MISSING", 0, 0}};
    struct server *s = format_serve(NULL);
    const char *project = server_project(s);
    format_copy(project, "state", "old");
    struct slice one = get_file(
        project, "old/d307c7f6-e5ad-4b44-a840-327f0f20af43.json");
    put_file(project, "old/cut.json",
             arena_cstr(test_arena(), slice_sub(one, 0, one.n / 2)));
    struct ended e = RUN_IN(project, "sessions", "import", "old");
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.out, "5 imported, 0 skipped, 0 refused, 1 unreadable");
    CHECK_CONTAINS(e.err, "cut.json cannot be read at line ");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct json *v = format_call(
            s, "get_session", "{\"session_id\":\"%s\",\"include\":[\"history\"]}",
            rows[i].id);
        CHECK_TEXT_EQ(AT_TEXT(v, "session", "status"), rows[i].status);
        CHECK_TEXT_EQ(AT_TEXT(v, "session", "trouble", "detail"),
                      rows[i].trouble);
        CHECK_INT_EQ(AT_INT(v, "session", "current_phase"), rows[i].phase);
        int attempts = 0;
        const struct json *h = json_get(v, SLICE("history"));
        for (uint32_t k = 0; k < h->count; k++)
            attempts += slice_eq(AT_TEXT(&h->items[k], "type"),
                                 SLICE("phase_imported"));
        CHECK_INT_EQ(attempts, rows[i].completed);
    }
    e = RUN_IN(project, "sessions", "import", "old");
    CHECK_CONTAINS(e.out, "0 imported, 5 skipped, 0 refused, 1 unreadable");
    CHECK_SLICE_EQ(
        get_file(project, "old/d307c7f6-e5ad-4b44-a840-327f0f20af43.json"),
        one);
    CHECK_INT_EQ(RUN_IN(project, "sessions", "verify").status, 0);
}

/* --- evidence as it arrives ----------------------------------------------- */

/* format C38, C40 */
TEST(format, evidence_is_one_object_with_each_key_once, .needs = "shared")
{
    struct server *s = format_serve(NULL);
    const char *id = format_start(s, SPEC, "x.md", NULL);
    CHECK_TEXT_EQ(format_detail(format_complete(s, id, 0, "[]")),
                  "EVIDENCE_NOT_OBJECT");
    CHECK_TEXT_EQ(
        format_detail(format_call(s, "complete_phase",
                                  "{\"session_id\":\"%s\",\"phase\":0}", id)),
        "MISSING_PARAMETER");
    CHECK_TEXT_EQ(format_detail(format_complete(
                      s, id, 0,
                      "{\"index_created\":false,\"index_created\":true}")),
                  "INVALID_PARAMETER");
}

/* The seven fields and a text that makes the object this large. */
static const char *evidence_of(size_t bytes)
{
    static const char rest[] = "{\"more\":\"";
    const char *seven = format_good(SPEC, 0) + 1;
    size_t n = bytes - sizeof(rest) + 1 - strlen(seven) - 2;
    struct buf b = BUF_INIT(16u << 20);
    char *fill = arena_alloc(test_arena(), n);
    CHECK(fill);
    memset(fill, 'x', n);
    buf_printf(&b, "%s%.*s\",%s", rest, (int)n, fill, seven);
    CHECK_INT_EQ(b.n, bytes);
    const char *all = arena_cstr(test_arena(), buf_slice(&b));
    buf_done(&b);
    return all;
}

/* format C39 */
TEST(format, evidence_of_five_megabytes_passes_and_of_ten_and_a_half_not,
     .needs = "shared")
{
    struct server *s = format_serve(NULL);
    const char *id = format_start(s, SPEC, "x.md", NULL);
    const struct json *v =
        format_complete(s, id, 0, evidence_of(10 * (1 << 20) + (1 << 19)));
    CHECK_TEXT_EQ(format_detail(v), "EVIDENCE_TOO_LARGE");
    CHECK_CONTAINS(json_get(v, SLICE("error"))->raw, "10.50");
    CHECK_CONTAINS(json_get(v, SLICE("error"))->raw, "10.0");
    v = format_complete(s, id, 0, evidence_of(5u << 20));
    CHECK(AT_TRUE(v, "passed"));
}

/* --- search --------------------------------------------------------------- */

struct question_row {
    const char *query, *file;
};
/* format E2, E3, E6 */
TEST(format, questions_find_their_file_first, .needs = "shared")
{
    static const struct question_row rows[] = {
        {"How to prevent race conditions?", "concurrency/race-conditions.md"},
        {"What is the test pyramid?", "testing/test-pyramid.md"},
        {"SOLID", "architecture/solid-principles.md"},
        {"git safety rules", "ai-safety/git-safety-rules.md"}};
    const char *args[] = {"--standards", NULL, NULL};
    args[1] = arena_printf(test_arena(), "%s/real/standards",
                           test_shared_dir()).p;
    struct server *s = format_serve(args);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct json *v = format_call(
            s, "search_standards", "{\"query\":\"%s\"}", rows[i].query);
        const struct json *list = json_get(v, SLICE("results"));
        double before = 1.0, score;
        int64_t tokens = 0;
        CHECK_TEXT_EQ(AT_TEXT(list->items, "file"), rows[i].file);
        for (uint32_t k = 0; k < list->count; k++) {
            CHECK(json_double(json_get(&list->items[k], SLICE("score")),
                              &score));
            CHECK(score >= 0 && score <= before);
            CHECK_INT_GT(AT_INT(&list->items[k], "tokens"), 0);
            tokens += AT_INT(&list->items[k], "tokens");
            before = score;
        }
        CHECK_INT_EQ(AT_INT(v, "total_tokens"), tokens);
    }
}

/* The five sessions' plans come back one by one, by file and by option: each
 * goes on where it was left, also after a restart. */
static void reopens(struct server *s, const char *id, const char *options,
                    int phase, int total)
{
    const struct json *v = format_call(
        s, "manage_session",
        "{\"session_id\":\"%s\",\"action\":\"retry_phase\"%s%s}", id,
        options ? ",\"options\":" : "", options ? options : "");
    CHECK_TEXT_EQ(format_detail(v), "");
    CHECK_TEXT_EQ(AT_TEXT(v, "session", "status"), "active");
    server_kill(s);
    server_restart(s);
    v = phase_of(s, id, "");
    CHECK_INT_EQ(AT_INT(v, "phase", "number"), phase);
    v = format_call(s, "get_session", "{\"session_id\":\"%s\"}", id);
    CHECK_INT_EQ(AT_INT(v, "session", "total_phases"), total);
    CHECK(!json_at(v, "session", "trouble", NULL));
    v = format_complete(s, id, phase, "{}");
    CHECK_TEXT_EQ(format_detail(v), "GATE_REFUSED");
}

TEST(format, an_imported_session_goes_on_when_its_plan_is_there,
     .needs = "shared")
{
    static const char here[] = "f01b7f5f-d981-4b69-82a4-acc34e16b2fc";
    static const char given[] = "61e24eb6-7c13-4e7c-b0cc-5a6c9347b6e1";
    struct server *s = format_serve(NULL);
    const char *project = server_project(s);
    format_copy(project, "state", "old");
    CHECK_INT_EQ(RUN_IN(project, "sessions", "import", "old").status, 0);
    const struct json *v = format_call(
        s, "manage_session",
        "{\"session_id\":\"%s\",\"action\":\"retry_phase\"}", here);
    CHECK_TEXT_EQ(format_detail(v), "SOURCE_NOT_FOUND");
    v = format_call(s, "manage_session",
                    "{\"session_id\":\"%s\",\"action\":\"resume\"}", given);
    CHECK_TEXT_EQ(format_detail(v), "SOURCE_OPTION_MISSING");
    v = format_call(s, "get_session", "{\"session_id\":\"%s\"}", here);
    format_copy(project, T6 "/tasks.md",
                arena_printf(test_arena(), "%.*s/tasks.md",
                             SLICE_ARG(AT_TEXT(v, "session", "options",
                                               "spec_path")))
                    .p);
    reopens(s, here, NULL, 2, 5);
    format_copy(project, T6, "mine");
    v = format_complete(s, given, 0, "{}");
    CHECK_TEXT_EQ(format_detail(v), "SOURCE_OPTION_MISSING");
    CHECK_CONTAINS(AT_TEXT(v, "error", "how_to_fix"),
                   "\"options\": {\"spec_path\": ");
    reopens(s, given, "{\"spec_path\":\"mine\"}", 0, 5);
    v = format_call(s, "get_session", "{\"session_id\":\"%s\"}", given);
    CHECK_TEXT_EQ(AT_TEXT(v, "session", "options", "spec_path"), "mine");
    v = format_call(s, "manage_session",
                    "{\"session_id\":\"%s\",\"action\":\"retry_phase\","
                    "\"options\":{\"spec_path\":\"other\"}}",
                    given);
    CHECK_TEXT_EQ(format_detail(v), "INVALID_PARAMETER");
    CHECK_INT_EQ(RUN_IN(project, "sessions", "verify").status, 0);
}
