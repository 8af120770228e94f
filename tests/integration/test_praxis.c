/* `--tools praxis`: every action of praxis-os's surface through real clients
 * on both transports, over a project laid out as praxis-os does it. The
 * answers' keys and texts are those its users' clients look for. */
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"
#include "tests/unit/session_kit.h"

/* --- a client of either kind ---------------------------------------------- */

struct client {
    struct server *server;
    struct http *http; /* NULL: stdio */
};

/* A project with its workflows where praxis-os has them. */
static const char *praxis_project(const char *name)
{
    const char *project = new_project(name);
    struct slice to =
        arena_printf(test_arena(), "%s/.praxis-os/workflows", project);
    CHECK_OK(path_make(slice_sub(to, 0, to.n - 10), 0755));
    CHECK_INT_EQ(rename(kit_workflows(), to.p), 0);
    put_file(project, ".praxis-os/standards/testing/walls.md",
             "# Walls\n\nA zibbelwitz holds the wall.\n");
    return project;
}

static struct client client_of(const char *project, bool http)
{
    static const char *const args[] = {"--tools", "praxis", NULL};
    struct client c = {
        server_start(
            &(struct server_options){.project = project, .args = args}),
        NULL};
    if (http) c.http = http_open(server_port(c.server));
    return c;
}

static const struct json *tool(struct client *c, const char *name,
                               const char *arguments)
{
    return c->http ? http_tool(c->http, name, arguments)
                   : stdio_tool(c->server, name, arguments);
}

/* pos_workflow: the structured answer, which must be what it is told to be. */
static const struct json *ask(struct client *c, bool fine, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static const struct json *ask(struct client *c, bool fine, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct slice args = arena_vprintf(test_arena(), fmt, ap);
    va_end(ap);
    const struct json *r = tool(c, "pos_workflow", args.p);
    const struct json *v = json_get(r, SLICE("structuredContent"));
    CHECK_TEXT_EQ(json_text(json_get(v, SLICE("status"))),
                  fine ? "success" : "error");
    CHECK(json_is(json_get(r, SLICE("isError")), JSON_TRUE) == !fine);
    return v;
}

#define TEXT(v, ...) json_text(json_at((v), __VA_ARGS__, NULL))
#define NUMBER(v, ...) kit_int(json_at((v), __VA_ARGS__, NULL))
#define IS(v, type, ...) CHECK(json_is(json_at((v), __VA_ARGS__, NULL), type))
#define RAW(v, ...) (json_at((v), __VA_ARGS__, NULL)->raw)

static const char *begin(struct client *c, const char *target)
{
    const struct json *v = ask(c, true,
                               "{\"action\":\"start\",\"workflow_type\":"
                               "\"three_v1\",\"target_file\":\"%s\"}",
                               target);
    return arena_cstr(test_arena(), TEXT(v, "session_id"));
}

/* --- each action ---------------------------------------------------------- */

static void starts(struct client *c)
{
    const struct json *v =
        ask(c, true,
            "{\"action\":\"start\",\"workflow_type\":\"three_v1\","
            "\"target_file\":\"start.md\",\"options\":{\"a\":1}}");
    CHECK_INT_EQ(TEXT(v, "session_id").n, 36);
    CHECK_TEXT_EQ(TEXT(v, "workflow_type"), "three_v1");
    CHECK_TEXT_EQ(TEXT(v, "target_file"), "start.md");
    CHECK_INT_EQ(NUMBER(v, "current_phase"), 0);
    CHECK_TEXT_EQ(TEXT(v, "phase_content"), "# Text\n");
    CHECK_TEXT_EQ(TEXT(v, "source"), "file");
    CHECK_TEXT_EQ(TEXT(v, "workflow_overview", "name"), "Three");
    CHECK_INT_EQ(NUMBER(v, "workflow_overview", "total_phases"), 3);
    CHECK_INT_EQ(json_at(v, "workflow_overview", "phases", NULL)->count, 3);
    CHECK_TEXT_EQ(TEXT(v, "⚠️_WORKFLOW_EXECUTION_MODE"), "ACTIVE");
    CHECK(TEXT(v, "🛑_DO_NOT_USE_EXTERNAL_TASK_TOOLS").n > 0);
    CHECK(TEXT(v, "execution_model").n > 0);
    IS(v, JSON_FALSE, "resumed");
    v = ask(c, true,
            "{\"action\":\"start\",\"workflow_type\":\"three_v1\","
            "\"target_file\":\"start.md\"}");
    IS(v, JSON_TRUE, "resumed");
}

static void lists_workflows(struct client *c)
{
    const struct json *v = ask(c, true, "{\"action\":\"list_workflows\"}");
    const struct json *list = json_get(v, SLICE("workflows"));
    const struct json *three = NULL;
    CHECK_INT_EQ(NUMBER(v, "count"), list->count);
    for (uint32_t i = 0; i < list->count; i++)
        if (slice_eq(TEXT(&list->items[i], "workflow_type"),
                     SLICE("three_v1")))
            three = &list->items[i];
    CHECK(three);
    CHECK_TEXT_EQ(TEXT(three, "description"), "Three phases for tests");
    CHECK_INT_EQ(json_get(three, SLICE("phases"))->count, 3);
    IS(three, JSON_TRUE, "valid");
}

static void reads(struct client *c)
{
    const char *id = begin(c, "read.md");
    const struct json *v =
        ask(c, true, "{\"action\":\"get_phase\",\"session_id\":\"%s\"}", id);
    CHECK_TEXT_EQ(TEXT(v, "workflow_type"), "three_v1");
    CHECK_INT_EQ(NUMBER(v, "current_phase"), 0);
    CHECK_TEXT_EQ(TEXT(v, "phase_name"), "First");
    CHECK_TEXT_EQ(TEXT(v, "phase_content"), "# Text\n");
    v = ask(c, true,
            "{\"action\":\"get_task\",\"session_id\":\"%s\",\"phase\":0,"
            "\"task_number\":2.0}",
            id);
    CHECK_TEXT_EQ(TEXT(v, "task_name"), "b");
    CHECK_TEXT_EQ(TEXT(v, "task_file"), "task-2-b.md");
    CHECK_TEXT_EQ(TEXT(v, "content"), "# Text\n");
    CHECK_TEXT_EQ(TEXT(v, "source"), "metadata_file");
    CHECK_TEXT_EQ(RAW(v, "steps"), "[]");
    CHECK_INT_EQ(NUMBER(v, "task_number"), 2);
}

static const struct json *complete(struct client *c, const char *id, int phase,
                                   const char *evidence)
{
    return ask(c, true,
               "{\"action\":\"complete_phase\",\"session_id\":\"%s\","
               "\"phase\":%d,\"evidence\":%s}",
               id, phase, evidence);
}

static void completes(struct client *c)
{
    const char *id = begin(c, "complete.md");
    const struct json *v = complete(c, id, 0, "{\"done\":\"x\",\"zzz\":1}");
    const struct json *found = json_get(v, SLICE("validation_result"));
    IS(v, JSON_FALSE, "checkpoint_passed");
    IS(v, JSON_NULL, "phase_completed");
    CHECK_INT_EQ(NUMBER(v, "next_phase"), 0);
    CHECK_TEXT_EQ(RAW(found, "errors"),
                  "[\"Field 'done' must be boolean, got: str\","
                  "\"Field 'count' is required but missing\"]");
    CHECK_TEXT_EQ(RAW(found, "warnings"),
                  "[\"Field 'zzz' not in schema (ignoring)\"]");
    CHECK_TEXT_EQ(RAW(found, "diagnostics", "fields_submitted"),
                  "[\"done\",\"zzz\"]");
    CHECK_TEXT_EQ(RAW(found, "diagnostics", "fields_required"),
                  "[\"done\",\"count\"]");
    CHECK_TEXT_EQ(RAW(found, "diagnostics", "fields_missing"), "[\"count\"]");
    CHECK_TEXT_EQ(RAW(found, "diagnostics", "fields_failed"), "[\"done\"]");
    IS(found, JSON_TRUE, "diagnostics", "strict_mode");
    CHECK_TEXT_EQ(TEXT(found, "diagnostics", "gate_source"), "file");
    CHECK(TEXT(found, "remediation").n > 0);
    CHECK_INT_EQ(json_get(found, SLICE("next_steps"))->count, 2);
    for (int phase = 0; phase < 3; phase++) {
        v = complete(c, id, phase, KIT_GOOD);
        IS(v, JSON_TRUE, "checkpoint_passed");
        CHECK_INT_EQ(NUMBER(v, "phase_completed"), phase);
        if (phase == 2) break;
        CHECK_INT_EQ(NUMBER(v, "next_phase"), phase + 1);
        CHECK_TEXT_EQ(TEXT(v, "next_phase_content"), "# Text\n");
        IS(v, JSON_FALSE, "workflow_complete");
    }
    IS(v, JSON_TRUE, "workflow_complete");
    CHECK(TEXT(v, "message").n > 0);
    v = ask(c, true, "{\"action\":\"get_phase\",\"session_id\":\"%s\"}", id);
    IS(v, JSON_TRUE, "is_complete");
    CHECK(TEXT(v, "message").n > 0);
    v = ask(c, true, "{\"action\":\"get_state\",\"session_id\":\"%s\"}", id);
    IS(v, JSON_TRUE, "workflow_state", "is_complete");
    CHECK_TEXT_EQ(RAW(v, "workflow_state", "checkpoints"),
                  "{\"0\":\"passed\",\"1\":\"passed\",\"2\":\"passed\"}");
}

static void states(struct client *c)
{
    const char *id = begin(c, "state.md");
    complete(c, id, 0, KIT_GOOD);
    complete(c, id, 1, "{}");
    const struct json *v =
        ask(c, true, "{\"action\":\"get_state\",\"session_id\":\"%s\"}", id);
    const struct json *s = json_get(v, SLICE("workflow_state"));
    CHECK_TEXT_EQ(TEXT(s, "target_file"), "state.md");
    CHECK_INT_EQ(NUMBER(s, "current_phase"), 1);
    CHECK_TEXT_EQ(RAW(s, "completed_phases"), "[0]");
    CHECK_INT_EQ(NUMBER(s, "total_phases"), 3);
    IS(s, JSON_FALSE, "is_complete");
    CHECK_TEXT_EQ(RAW(s, "checkpoints"), "{\"0\":\"passed\",\"1\":\"failed\"}");
    v = ask(c, true, "{\"action\":\"get_session\",\"session_id\":\"%s\"}", id);
    CHECK_TEXT_EQ(TEXT(v, "session_status"), "active");
    CHECK_TEXT_EQ(RAW(v, "artifacts", "0", "evidence"), KIT_GOOD);
    CHECK_INT_EQ(NUMBER(v, "artifacts", "0", "phase_number"), 0);
    CHECK_TEXT_EQ(RAW(v, "artifacts", "0", "outputs"), "{}");
    CHECK_TEXT_EQ(RAW(v, "artifacts", "0", "commands_executed"), "[]");
    CHECK_INT_EQ(TEXT(v, "artifacts", "0", "timestamp").n, 24);
    v = ask(c, true, "{\"action\":\"get_errors\",\"session_id\":\"%s\"}", id);
    CHECK_INT_EQ(NUMBER(v, "error_count"), 1);
    CHECK_INT_EQ(NUMBER(v, "last_error", "phase"), 1);
    CHECK_TEXT_EQ(TEXT(v, "last_error", "error_type"), "GATE_REFUSED");
    CHECK_TEXT_EQ(RAW(v, "last_error", "details", "errors"),
                  "[\"Field 'done' is required but missing\","
                  "\"Field 'count' is required but missing\"]");
    v = ask(c, true, "{\"action\":\"list_sessions\",\"status\":\"active\"}");
    CHECK_INT_EQ(NUMBER(v, "count"), json_get(v, SLICE("sessions"))->count);
    CHECK_TEXT_EQ(TEXT(&json_get(v, SLICE("sessions"))->items[0],
                       "session_status"),
                  "active");
}

static void is_managed(struct client *c)
{
    const char *id = begin(c, "manage.md");
    complete(c, id, 0, KIT_GOOD);
    complete(c, id, 1, "{}");
    const struct json *v = ask(c, true,
                               "{\"action\":\"pause\",\"session_id\":\"%s\","
                               "\"checkpoint_note\":\"lunch\"}",
                               id);
    IS(v, JSON_TRUE, "paused");
    IS(v, JSON_TRUE, "resume_capable");
    CHECK_TEXT_EQ(TEXT(v, "checkpoint", "note"), "lunch");
    CHECK_INT_EQ(NUMBER(v, "checkpoint", "phase"), 1);
    v = ask(c, true, "{\"action\":\"list_sessions\",\"status\":\"paused\"}");
    CHECK_INT_EQ(NUMBER(v, "count"), 1);
    v = ask(c, true, "{\"action\":\"resume\",\"session_id\":\"%s\"}", id);
    IS(v, JSON_TRUE, "resumed");
    CHECK_INT_EQ(NUMBER(v, "current_phase"), 1);
    IS(v, JSON_NUMBER, "paused_duration_seconds");
    CHECK_TEXT_EQ(TEXT(v, "phase_content"), "# Text\n");
    v = ask(c, true,
            "{\"action\":\"retry_phase\",\"session_id\":\"%s\",\"phase\":1,"
            "\"reset_evidence\":true}",
            id);
    IS(v, JSON_TRUE, "retrying");
    IS(v, JSON_TRUE, "evidence_reset");
    CHECK_INT_EQ(json_get(v, SLICE("previous_errors"))->count, 1);
    v = ask(c, true,
            "{\"action\":\"rollback\",\"session_id\":\"%s\",\"to_phase\":0,"
            "\"reason\":\"wrong way\"}",
            id);
    CHECK_INT_EQ(NUMBER(v, "from_phase"), 1);
    CHECK_INT_EQ(NUMBER(v, "to_phase"), 0);
    IS(v, JSON_TRUE, "rolled_back");
    CHECK_TEXT_EQ(RAW(v, "artifacts_cleared"), "[0]");
    v = ask(c, true, "{\"action\":\"get_state\",\"session_id\":\"%s\"}", id);
    CHECK_TEXT_EQ(RAW(v, "workflow_state", "checkpoints"),
                  "{\"0\":\"pending\"}");
    v = ask(c, true,
            "{\"action\":\"delete_session\",\"session_id\":\"%s\",\"reason\":"
            "\"over\"}",
            id);
    IS(v, JSON_TRUE, "deleted");
    CHECK_TEXT_EQ(TEXT(v, "session_id"), id);
}

/* format E10 */
static void tells_the_date(struct client *c)
{
    const struct json *v = json_get(tool(c, "current_date", "{}"),
                                    SLICE("structuredContent"));
    struct slice day = TEXT(v, "iso_date");
    time_t at = (time_t)NUMBER(v, "unix_timestamp");
    struct tm tm;
    char text[40];
    localtime_r(&at, &tm);
    strftime(text, sizeof(text), "%Y-%m-%d", &tm);
    CHECK_TEXT_EQ(day, text);
    CHECK_TEXT_EQ(TEXT(v, "date"), text);
    CHECK(slice_starts(TEXT(v, "iso_datetime"), day));
    CHECK_INT_EQ(NUMBER(v, "year"), tm.tm_year + 1900);
    strftime(text, sizeof(text), "%A", &tm);
    CHECK_TEXT_EQ(TEXT(v, "day_of_week"), text);
    strftime(text, sizeof(text), "%B", &tm);
    CHECK_TEXT_EQ(TEXT(v, "month"), text);
    strftime(text, sizeof(text), "%Y-%m-%d-", &tm);
    CHECK_TEXT_EQ(TEXT(v, "formatted", "spec_directory"), text);
    strftime(text, sizeof(text), "**Date**: %Y-%m-%d", &tm);
    CHECK_TEXT_EQ(TEXT(v, "formatted", "header"), text);
    strftime(text, sizeof(text), "%B %d, %Y", &tm);
    CHECK_TEXT_EQ(TEXT(v, "formatted", "readable"), text);
    CHECK(TEXT(v, "usage_note").n > 0);
}

static void searches(struct client *c)
{
    const struct json *v =
        json_get(tool(c, "search_standards",
                      "{\"query\":\"zibbelwitz\",\"filter_phase\":null,"
                      "\"filter_tags\":null}"),
                 SLICE("structuredContent"));
    const struct json *hit = json_get(v, SLICE("results"))->items;
    CHECK_INT_EQ(json_get(v, SLICE("results"))->count, 1);
    CHECK_TEXT_EQ(TEXT(hit, "file"), "testing/walls.md");
    CHECK_TEXT_EQ(TEXT(hit, "section"), "Walls");
    IS(hit, JSON_NUMBER, "relevance_score");
    CHECK_INT_EQ(NUMBER(v, "total_tokens"), NUMBER(hit, "tokens"));
    CHECK(TEXT(v, "retrieval_method").n > 0);
    IS(v, JSON_NUMBER, "query_time_ms");
    v = json_get(tool(c, "search_standards", "{\"query\":7}"),
                 SLICE("structuredContent"));
    CHECK(TEXT(v, "error").n > 0);
    CHECK_TEXT_EQ(RAW(v, "results"), "[]");
    CHECK_INT_EQ(NUMBER(v, "total_tokens"), 0);
}

static void informs(struct client *c)
{
    const struct json *v = json_get(tool(c, "get_server_info", "{}"),
                                    SLICE("structuredContent"));
    CHECK_TEXT_EQ(TEXT(v, "server", "transport_mode"), "dual");
    CHECK_INT_EQ(NUMBER(v, "server", "pid"), server_pid(c->server));
    IS(v, JSON_NUMBER, "server", "uptime_seconds");
    CHECK(slice_ends(TEXT(v, "project", "praxis_os_path"),
                     SLICE("/.praxis-os")));
    CHECK_INT_EQ(NUMBER(v, "capabilities", "tools_available"), 16);
    IS(v, JSON_TRUE, "capabilities", "workflow_enabled");
    IS(v, JSON_TRUE, "capabilities", "rag_enabled");
    IS(v, JSON_FALSE, "capabilities", "browser_enabled");
    IS(v, JSON_TRUE, "capabilities", "dual_transport");
    IS(v, JSON_TRUE, "capabilities", "http_transport");
    CHECK_TEXT_EQ(TEXT(v, "gate_mode"), "strict");
}

static const struct {
    const char *name;
    void (*run)(struct client *c);
} acts[] = {{"start", starts},         {"list_workflows", lists_workflows},
            {"reads", reads},          {"complete_phase", completes},
            {"states", states},        {"managed", is_managed},
            {"date", tells_the_date},  {"search", searches},
            {"information", informs}};

static void every_act(bool http)
{
    struct client c = client_of(praxis_project("px"), http);
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
        acts[i].run(&c);
}

TEST(praxis, every_action_answers_in_its_shape_on_stdio)
{
    every_act(false);
}

TEST(praxis, every_action_answers_in_its_shape_over_http)
{
    every_act(true);
}

/* --- refusals ------------------------------------------------------------- */

static const struct refusal_row {
    const char *arguments; /* %s: the session */
    const char *error, *type;
} refusals[] = {
    {"\"action\":\"frobnicate\"", "Unknown action: frobnicate",
     "UNKNOWN_ACTION"},
    {"\"action\":\"start\"", "start action requires workflow_type parameter",
     "MISSING_PARAMETER"},
    {"\"action\":\"start\",\"workflow_type\":\"three_v1\"",
     "start action requires target_file parameter", "MISSING_PARAMETER"},
    {"\"action\":\"get_phase\"",
     "get_phase action requires session_id parameter", "MISSING_PARAMETER"},
    {"\"action\":\"get_task\",\"session_id\":\"%s\",\"phase\":0",
     "get_task action requires task_number parameter", "MISSING_PARAMETER"},
    {"\"action\":\"complete_phase\",\"session_id\":\"%s\",\"phase\":0",
     "complete_phase action requires evidence parameter", "MISSING_PARAMETER"},
    {"\"action\":\"rollback\",\"session_id\":\"%s\"",
     "rollback action requires to_phase parameter", "MISSING_PARAMETER"},
    {"\"action\":\"complete_phase\",\"session_id\":\"%s\",\"phase\":0,"
     "\"evidence\":[]",
     "evidence must be a dictionary", "EVIDENCE_NOT_OBJECT"},
    {"\"action\":\"get_state\",\"session_id\":"
     "\"00000000-0000-4000-8000-000000000000\"",
     "Session 00000000-0000-4000-8000-000000000000 not found",
     "SESSION_NOT_FOUND"},
    {"\"action\":\"delete_session\",\"session_id\":"
     "\"00000000-0000-4000-8000-000000000000\"",
     "Session 00000000-0000-4000-8000-000000000000 not found",
     "SESSION_NOT_FOUND"},
    {"\"action\":\"get_task\",\"session_id\":\"%s\",\"phase\":2,"
     "\"task_number\":1",
     "Cannot access phase 2. Current phase is 0.", "PHASE_LOCKED"},
    {"\"action\":\"complete_phase\",\"session_id\":\"%s\",\"phase\":2,"
     "\"evidence\":{}",
     "Cannot complete phase 2. Current phase is 0.", "PHASE_LOCKED"},
    {"\"action\":\"retry_phase\",\"session_id\":\"%s\",\"phase\":1",
     "Cannot access phase 1. Current phase is 0.", "PHASE_LOCKED"},
    {"\"action\":\"rollback\",\"session_id\":\"%s\",\"to_phase\":1",
     "Cannot access phase 1. Current phase is 0.", "PHASE_LOCKED"},
    {"\"action\":\"list_sessions\",\"status\":\"weird\"",
     "Invalid status filter: weird. Must be one of: active, completed, "
     "error, paused",
     "INVALID_PARAMETER"},
    {"\"action\":\"get_phase\",\"session_id\":\"%s\",\"phase\":-1",
     "`phase` is -1", "INVALID_PARAMETER"},
    {"\"action\":\"start\",\"workflow_type\":\"../../etc\",\"target_file\":"
     "\"a\"",
     NULL, "WORKFLOW_NOT_FOUND"},
    {"\"action\":\"start\",\"workflow_type\":\"three_v1\",\"target_file\":"
     "\"/etc/passwd\"",
     NULL, "INVALID_TARGET"},
};

/* The template with the session's id, which some do not have. */
static struct slice with_id(const char *text, const char *id)
{
    struct slice s = slice_of(text);
    size_t at = slice_find(s, SLICE("%s"));
    if (at >= s.n) return s;
    return arena_printf(test_arena(), "%.*s%s%s", (int)at, text, id,
                        text + at + 2);
}

/* format E8 */
TEST(praxis, refusals_have_the_texts_that_clients_match)
{
    struct client c = client_of(praxis_project("px"), false);
    const char *id = begin(&c, "x.md");
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal_row *row = &refusals[i];
        const struct json *v =
            ask(&c, false, "{%.*s}", SLICE_ARG(with_id(row->arguments, id)));
        if (row->error) CHECK_TEXT_EQ(TEXT(v, "error"), row->error);
        CHECK_TEXT_EQ(TEXT(v, "error_type"), row->type);
        CHECK_TEXT_EQ(TEXT(v, "error_detail", "code"), row->type);
        CHECK(TEXT(v, "error_detail", "what").n > 0);
        CHECK(TEXT(v, "error_detail", "why").n > 0);
        CHECK(TEXT(v, "error_detail", "how_to_fix").n > 0);
    }
}

/* format E7 */
TEST(praxis, an_unknown_action_is_answered_with_the_fourteen)
{
    struct client c = client_of(praxis_project("px"), false);
    const struct json *v = ask(&c, false, "{\"action\":\"frobnicate\"}");
    CHECK_TEXT_EQ(RAW(v, "valid_actions"),
                  "[\"complete_phase\",\"delete_session\",\"get_errors\","
                  "\"get_phase\",\"get_session\",\"get_state\",\"get_task\","
                  "\"list_sessions\",\"list_workflows\",\"pause\",\"resume\","
                  "\"retry_phase\",\"rollback\",\"start\"]");
    CHECK(TEXT(v, "remediation").n > 0);
}

TEST(praxis, too_much_evidence_is_told_in_megabytes)
{
    struct client c = client_of(praxis_project("px"), false);
    const char *id = begin(&c, "x.md");
    size_t n = 10u * 1024 * 1024 + 512 * 1024 - 8; /* with {"a":""} */
    char *big = arena_alloc(test_arena(), n + 1);
    CHECK(big);
    memset(big, 'a', n);
    big[n] = '\0';
    const struct json *v =
        ask(&c, false,
            "{\"action\":\"complete_phase\",\"session_id\":\"%s\",\"phase\":0,"
            "\"evidence\":{\"a\":\"%s\"}}",
            id, big);
    CHECK_TEXT_EQ(TEXT(v, "error"),
                  "Evidence too large: 10.50MB exceeds limit of 10.0MB");
}

/* format E12 */
TEST(praxis, its_list_of_tools_is_within_the_budget)
{
    struct client c = client_of(praxis_project("px"), false);
    const struct json *r =
        json_get(stdio_call(c.server, "tools/list", ""), SLICE("result"));
    const struct json *tools = json_get(r, SLICE("tools"));
    CHECK_INT_LE(r->raw.n, 15 * 1000);
    CHECK_INT_EQ(tools->count, 16);
    for (uint32_t i = 0; i < tools->count; i++)
        CHECK_INT_LE(TEXT(&tools->items[i], "description").n, 600);
}

/* --- the project's name --------------------------------------------------- */

/* format E11 */
TEST(praxis, a_project_is_called_as_its_origin_is)
{
    const char *project = praxis_project("folder");
    struct slice rm = arena_printf(test_arena(), "%s/.git", project);
    CHECK_INT_EQ(rmdir(rm.p), 0);
    struct ended e = program_run(
        &(struct program){.binary = "/usr/bin/git",
                          .folder = project,
                          .args = (const char *const[]){"init", "-q", NULL}});
    CHECK_INT_EQ(e.status, 0);
    put_file(project, ".git/config",
             "[core]\n\tbare = false\n[remote \"origin\"]\n"
             "\turl = git@github.com:org/name.git\n");
    struct client c = client_of(project, false);
    const struct json *v = json_get(tool(&c, "get_server_info", "{}"),
                                    SLICE("structuredContent"));
    CHECK_TEXT_EQ(TEXT(v, "project", "name"), "name");
    CHECK_TEXT_EQ(TEXT(v, "project", "git", "remote"),
                  "git@github.com:org/name.git");
    CHECK_TEXT_EQ(TEXT(v, "project", "git", "status"), "dirty");
}

/* Whoever writes into a repository could have its filter run else. */
TEST(praxis, looking_at_a_repository_runs_no_program_it_names)
{
    const char *project = praxis_project("folder");
    struct ended e = program_run(&(struct program){
        .binary = "/bin/sh",
        .folder = project,
        .args = (const char *const[]){
            "-c",
            "set -e; rm -r .git; git init -q; echo a >f; git add f;"
            "git config filter.x.y.clean \"touch $PWD/.git/ran; cat\";"
            "git config filter.x.y.required true;"
            "git config filter.z.process \"touch $PWD/.git/ran\";"
            "echo 'f filter=x.y' >.git/info/attributes;"
            "touch -d 2001-01-01 f",
            NULL}});
    CHECK_INT_EQ(e.status, 0);
    struct client c = client_of(project, false);
    const struct json *v = json_get(tool(&c, "get_server_info", "{}"),
                                    SLICE("structuredContent"));
    CHECK_TEXT_EQ(TEXT(v, "project", "git", "status"), "dirty");
    CHECK(access(arena_printf(test_arena(), "%s/.git/ran", project).p, F_OK));
}

/* format E11 */
TEST(praxis, without_git_a_project_is_called_as_its_folder)
{
    const char *project = praxis_project("folder");
    struct slice rm = arena_printf(test_arena(), "%s/.git", project);
    CHECK_INT_EQ(rmdir(rm.p), 0);
    struct client c = client_of(project, false);
    const struct json *v = json_get(tool(&c, "get_server_info", "{}"),
                                    SLICE("structuredContent"));
    CHECK_TEXT_EQ(TEXT(v, "project", "name"), "folder");
    IS(v, JSON_NULL, "project", "git");
}

/* --- with what praxis-os left behind -------------------------------------- */

static void copy_state(const char *project)
{
    struct file_name *list;
    size_t n;
    struct slice from = arena_printf(test_arena(), "%s/real/state",
                                     test_shared_dir());
    CHECK_OK(folder_list(from, 100, test_arena(), &list, &n));
    for (size_t i = 0; i < n; i++) {
        struct slice text, name = arena_printf(
            test_arena(), ".praxis-os/.cache/state/%.*s",
            SLICE_ARG(list[i].name));
        CHECK_OK(file_read(path_join(test_arena(), from, list[i].name), 1 << 20,
                           test_arena(), &text));
        put_file(project, name.p, arena_cstr(test_arena(), text));
    }
}

/* What its file says of each phase that was completed, is what is answered. */
static void check_session(struct client *c, const char *project,
                          struct slice name)
{
    const char *path =
        arena_printf(test_arena(), ".praxis-os/.cache/state/%.*s",
                     SLICE_ARG(name)).p;
    const struct json *was = json_of(get_file(project, path));
    const struct json *done = json_get(was, SLICE("completed_phases"));
    const struct json *is =
        ask(c, true, "{\"action\":\"get_session\",\"session_id\":\"%.*s\"}",
            SLICE_ARG(TEXT(was, "session_id")));
    CHECK(json_equal(json_get(is, SLICE("completed_phases")), done));
    CHECK(json_equal(json_get(is, SLICE("target_file")),
                     json_get(was, SLICE("target_file"))));
    for (uint32_t i = 0; i < done->count; i++) {
        const char *key = arena_cstr(test_arena(), done->items[i].raw);
        CHECK_TEXT_EQ(TEXT(is, "checkpoints", key), "passed");
        CHECK(json_equal(json_at(is, "artifacts", key, "evidence", NULL),
                         json_at(was, "phase_artifacts", key, "evidence",
                                 NULL)));
    }
}

TEST(praxis, its_sessions_are_found_and_read_as_they_were, .needs = "shared")
{
    const char *project = praxis_project("px");
    struct file_name *list;
    size_t n;
    copy_state(project);
    struct slice folder =
        arena_printf(test_arena(), "%s/.praxis-os/.cache/state", project);
    struct ended e = RUN_IN(project, "sessions", "import");
    CHECK_CONTAINS(e.out, "5 imported, 0 skipped, 0 refused, 0 unreadable");
    struct client c = client_of(project, false);
    CHECK_OK(folder_list(folder, 100, test_arena(), &list, &n));
    CHECK_INT_EQ(n, 5);
    for (size_t i = 0; i < n; i++) check_session(&c, project, list[i].name);
    /* It is resumed, though the workflow it follows is not here. */
    const struct json *v =
        ask(&c, false, "{\"action\":\"resume\",\"session_id\":"
                       "\"f01b7f5f-d981-4b69-82a4-acc34e16b2fc\"}");
    CHECK_TEXT_EQ(TEXT(v, "error_type"), "WORKFLOW_NOT_FOUND");
    v = ask(&c, true, "{\"action\":\"get_state\",\"session_id\":"
                      "\"f01b7f5f-d981-4b69-82a4-acc34e16b2fc\"}");
    CHECK_TEXT_EQ(TEXT(v, "workflow_state", "session_status"), "error");
    v = ask(&c, true,
            "{\"action\":\"start\",\"workflow_type\":\"spec_execution_v1\","
            "\"target_file\":\"%.*s\"}",
            SLICE_ARG(TEXT(v, "workflow_state", "target_file")));
    IS(v, JSON_TRUE, "resumed");
    CHECK_INT_EQ(NUMBER(v, "current_phase"), 2);
    CHECK_TEXT_EQ(TEXT(v, "session_status"), "error");
    e = RUN_IN(project, "sessions", "import");
    CHECK_CONTAINS(e.out, "0 imported, 5 skipped");
}

/* format E9 */
TEST(praxis, a_real_gate_refuses_nothing_said, .needs = "shared")
{
    const char *project = new_project("real");
    const char *args[] = {"--tools", "praxis", "--workflows", NULL, NULL};
    args[3] = arena_printf(test_arena(), "%s/real/workflows", test_shared_dir()).p;
    struct client c = {server_start(&(struct server_options){
                           .project = project, .args = args}),
                       NULL};
    const struct json *v = ask(&c, true,
                               "{\"action\":\"start\",\"workflow_type\":"
                               "\"spec_creation_v1\",\"target_file\":\"x.md\"}");
    v = complete(&c, arena_cstr(test_arena(), TEXT(v, "session_id")), 0, "{}");
    IS(v, JSON_FALSE, "checkpoint_passed");
    IS(v, JSON_NULL, "phase_completed");
    CHECK_INT_EQ(NUMBER(v, "next_phase"), 0);
    CHECK_INT_EQ(json_at(v, "validation_result", "diagnostics",
                         "fields_missing", NULL)
                     ->count,
                 7);
}

/* --- how its sub-agents find the server ------------------------------------ */

#define STATE_FILE ".praxis-os/.mcp_server_state.json"

static const struct json *state_file(const char *project)
{
    int64_t until = clock_now() + 60 * NS_PER_S;
    struct slice text;
    while (!(text = get_file(project, STATE_FILE)).n) {
        if (clock_now() > until) FAIL("no " STATE_FILE);
        usleep(2000);
    }
    return json_of(text);
}

TEST(praxis, sub_agents_find_the_server_where_praxis_os_has_its_file)
{
    const char *project = praxis_project("px");
    struct client c = client_of(project, true);
    const struct json *v = state_file(project);
    struct stat st;
    CHECK_TEXT_EQ(TEXT(v, "version"), "1.0.0");
    CHECK_TEXT_EQ(TEXT(v, "transport"), "dual");
    CHECK_INT_EQ(NUMBER(v, "port"), server_port(c.server));
    CHECK_TEXT_EQ(TEXT(v, "host"), "127.0.0.1");
    CHECK_TEXT_EQ(TEXT(v, "path"), "/mcp");
    CHECK_TEXT_EQ(TEXT(v, "url"),
                  arena_printf(test_arena(), "http://127.0.0.1:%d/mcp",
                               server_port(c.server))
                      .p);
    CHECK_INT_EQ(NUMBER(v, "pid"), server_pid(c.server));
    CHECK_INT_EQ(TEXT(v, "started_at").n, 24);
    CHECK_TEXT_EQ(TEXT(v, "project", "name"), "px");
    CHECK_TEXT_EQ(TEXT(v, "project", "root"), project);
    struct slice path =
        arena_printf(test_arena(), "%s/" STATE_FILE, project);
    CHECK_INT_EQ(stat(path.p, &st), 0);
    CHECK_INT_EQ(st.st_mode & 0777, 0600);
    CHECK_INT_EQ(server_stop_eof(c.server).status, 0);
    CHECK(!get_file(project, STATE_FILE).n);
}

TEST(praxis, without_http_its_file_names_no_url)
{
    static const char *const args[] = {"--tools", "praxis", "--transport",
                                       "stdio", NULL};
    const char *project = praxis_project("px");
    struct client c = {server_start(&(struct server_options){
                           .project = project, .args = args}),
                       NULL};
    const struct json *v = state_file(project);
    IS(v, JSON_NULL, "port");
    IS(v, JSON_NULL, "url");
    CHECK_TEXT_EQ(TEXT(v, "transport"), "stdio");
    (void)begin(&c, "x.md");
}

TEST(praxis, nothing_is_written_there_without_being_asked_for)
{
    const char *project = praxis_project("px");
    struct server *s =
        server_start(&(struct server_options){.project = project});
    (void)server_port(s);
    (void)stdio_tool(s, "list_sessions", "{}");
    CHECK(!get_file(project, STATE_FILE).n);
}
