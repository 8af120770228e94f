/* The official clients (@modelcontextprotocol/client in its three modes,
 * @modelcontextprotocol/sdk, the inspector's command line) against the real
 * server. The scripts are in tests/clients. */
#include <string.h>

#include "tests/integration/everything.h"
#include "tests/integration/node.h"
#include "tests/runner/client.h"

/* --- scripts that fail
 * -------------------------------------------------------- */
struct failing {
    const char *how, *cause;
};

TEST_EACH_IF(clients, a_script_that_fails_tells_where_and_why_in_one_line,
             (.needs = "npm"), struct failing, row,
             {"in a step", "\"the second\" (status 1): no good"},
             {"between steps",
              "\"after the first\" (status 1): no answer (ECONNREFUSED)"},
             {"later", "\"after the first\" (status 1): a late one"},
             {"never ending", "\"after the first\" (status 1): the script ends "
                              "with 13 here"},
             {"leaving early",
              "\"after the first\" (status 1): the script ends "
              "with 0 here"},
             {"without a word", "\"after the first\" (status -1): no word"})
{
    const char *args[] = {row->how, NULL};
    struct node_end end = node_run("failing.mjs", args);
    CHECK_TEXT_EQ(slice_of(node_cause(&end)), row->cause);
    if (end.status == 1) CHECK_CONTAINS(end.out, "\"page\":[\"console: red\"]");
}

/* --- a workflow from its first phase to its end -----------------------------
 */
struct walk {
    const char *mode, *walker, *revision;
};

static const char *plan_path(const char *workflow)
{
    return arena_printf(test_arena(), "%s/tests/clients/plans/%s.json",
                        test_source_dir(), workflow)
        .p;
}

static void check_close(const struct json *step)
{
    int64_t ms = -1;
    CHECK(json_int64(json_get(step, SLICE("ms")), &ms));
    if (!test_sanitized()) CHECK_INT_LT(ms, 1000);
    const struct json *complaints = json_get(step, SLICE("complaints"));
    if (!complaints || complaints->count)
        FAIL("the clients complained: %.*s", SLICE_ARG(step->raw));
}

/* A process that was not there has it all from the state file. */
static void check_kept(const char *project, struct slice session_id)
{
    struct server *s =
        server_start(&(struct server_options){.project = project});
    const struct json *list =
        stdio_tool(s, "list_sessions", "{\"status\":\"completed\"}");
    const struct json *sessions =
        json_at(list, "structuredContent", "sessions", NULL);
    CHECK_INT_EQ(sessions ? sessions->count : 0, 1);
    CHECK_SLICE_EQ(
        json_text(json_get(&sessions->items[0], SLICE("session_id"))),
        session_id);
}

static void walk(const struct walk *row, const char *workflow,
                 const char *workflows)
{
    const char *project = node_project();
    const char *args[] = {"--mode",    row->mode,
                          "--walker",  row->walker,
                          "--project", project,
                          "--plan",    plan_path(workflow),
                          "--",        test_binary(),
                          "serve",     "--project",
                          project,     workflows ? "--workflows" : NULL,
                          workflows,   NULL};
    struct node_steps steps = node_steps("walk.mjs", args);
    const struct json *connect = node_step(&steps, "connect");
    const char *const ends[] = {"stdio", "http"};
    for (size_t i = 0; i < 2; i++) {
        const struct json *end = json_get(connect, slice_of(ends[i]));
        CHECK_INT_EQ(end ? end->count : 0, 2);
        CHECK_TEXT_EQ(json_text(&end->items[1]), row->revision);
    }
    check_close(node_step(&steps, "close"));
    check_kept(project, json_text(json_get(node_step(&steps, "start"),
                                           SLICE("session_id"))));
}

#define WALKS                                                                  \
    {"default", "stdio", "2025-11-25"}, {"auto", "stdio", "2026-07-28"},       \
        {"modern", "stdio", "2026-07-28"}, {"sdk", "stdio", "2025-11-25"},     \
        {"default", "http", "2025-11-25"}, {"auto", "http", "2026-07-28"},     \
        {"modern", "http", "2026-07-28"},                                      \
    {                                                                          \
        "sdk", "http", "2025-11-25"                                            \
    }

TEST_EACH_IF(clients, walk_our_example_while_another_reads_along,
             (.needs = "npm binary", .timeout_s = 90), struct walk, row, WALKS)
{
    walk(row, "bugfix_v1", NULL);
}

TEST_EACH_IF(clients, walk_a_real_workflow_while_another_reads_along,
             (.needs = "shared npm binary", .timeout_s = 90), struct walk, row,
             WALKS)
{
    walk(row, "spec_creation_v1",
         arena_printf(test_arena(), "%s/real/workflows", test_shared_dir()).p);
}

/* --- the common script ------------------------------------------------------
 */
struct pairing {
    const char *mode, *transport, *era;
};

/* What failed is named by its step, in the script's own words. */
static void common(const struct pairing *row)
{
    bool http = strcmp(row->transport, "http") == 0;
    int port;
    struct server *s = http ? everything_start(&port) : NULL;
    const char *url =
        http ? arena_printf(test_arena(), "http://127.0.0.1:%d/mcp", port).p
             : NULL;
    const char *over_http[] = {"--mode", row->mode, "--url", url, NULL};
    const char *over_stdio[] = {"--mode", row->mode, "--", everything_binary(),
                                NULL};
    struct node_steps steps =
        node_steps("common.mjs", http ? over_http : over_stdio);
    CHECK_TEXT_EQ(
        json_text(json_get(node_step(&steps, "connect"), SLICE("era"))),
        row->era);
    if (http) server_stop_signal(s, SIGTERM);
}

TEST_EACH_IF(clients, run_the_common_script, (.needs = "npm", .timeout_s = 120),
             struct pairing, row, {"default", "stdio", "legacy"},
             {"auto", "stdio", "modern"}, {"modern", "stdio", "modern"},
             {"sdk", "stdio", "legacy"}, {"default", "http", "legacy"},
             {"auto", "http", "modern"}, {"modern", "http", "modern"},
             {"sdk", "http", "legacy"})
{
    common(row);
}

/* --- a server killed between two calls --------------------------------------
 */
struct mode {
    const char *name;
};

TEST_EACH_IF(clients, a_restart_of_the_server_breaks_no_http_client,
             (.needs = "npm binary", .timeout_s = 90), struct mode, row,
             {"default"}, {"auto"}, {"modern"}, {"sdk"})
{
    struct arena *a = test_arena();
    int port = node_unused_port();
    const char *serve[] = {"--http-port", arena_printf(a, "%d", port).p, NULL};
    struct server *s = server_start(&(struct server_options){.args = serve});
    CHECK_INT_EQ(server_port(s), port);
    const char *url = arena_printf(a, "http://127.0.0.1:%d/mcp", port).p;
    const char *args[] = {"--mode", row->name, "--url", url, NULL};

    struct server *client = node_start("restart.mjs", args);
    node_wait(client, "before");
    server_kill(s);
    server_restart(s);
    CHECK_INT_EQ(server_port(s), port);
    stdio_send(client, "it is back");
    node_wait(client, "after");
    CHECK_INT_EQ(server_wait(client).status, 0);
}

/* --- the inspector's command line -------------------------------------------
 */
#define INSPECTOR                                                              \
    "@modelcontextprotocol/inspector/clients/launcher/build/index.js"

struct inspection {
    const char *era, *transport;
};

/* Where the inspector finds the server: its command, or its URL. */
struct target {
    const char *words[5];
};

static struct target target_of(const char *transport)
{
    if (strcmp(transport, "stdio") == 0)
        return (struct target){
            {test_binary(), "serve", "--project", node_project(), NULL}};
    struct server *s = server_start(&(struct server_options){0});
    return (struct target){
        {arena_printf(test_arena(), "http://127.0.0.1:%d/mcp", server_port(s))
             .p,
         NULL}};
}

static struct node_end inspect(const struct inspection *row,
                               const struct target *target,
                               const char *const *more)
{
    const char *args[32] = {"--cli"};
    size_t n = 1;
    for (const char *const *w = target->words; *w; w++) args[n++] = *w;
    args[n++] = "--protocol-era";
    args[n++] = row->era;
    args[n++] = "--format";
    args[n++] = "json";
    while (*more && n < 31) args[n++] = *more++;
    return node_run(INSPECTOR, args);
}

static const struct json *result_in(struct node_end end)
{
    const struct json *v = parse_or_null(test_arena(), end.out);
    const struct json *r = json_get(v, SLICE("result"));
    if (!r)
        FAIL("the inspector shows no result (status %d):\n%.*s%.*s", end.status,
             SLICE_ARG(end.out), SLICE_ARG(end.errors));
    return r;
}

TEST_EACH_IF(inspector, lists_calls_and_shows_an_error,
             (.needs = "npm binary", .timeout_s = 90), struct inspection, row,
             {"legacy", "stdio"}, {"auto", "stdio"}, {"modern", "stdio"},
             {"legacy", "http"}, {"auto", "http"}, {"modern", "http"})
{
    struct target target = target_of(row->transport);
    const char *const list[] = {"--method", "tools/list", "--strict", NULL};
    const char *const call[] = {"--method", "tools/call", "--tool-name",
                                "list_workflows", NULL};
    const char *const wrong[] = {
        "--method",    "tools/call",       "--tool-name",
        "get_session", "--tool-args-json", "{\"session_id\":\"x\"}",
        NULL};

    struct node_end end = inspect(row, &target, list);
    CHECK_INT_EQ(end.status, 0); /* 6: a schema that clients cannot take */
    CHECK(slice_find(end.errors, SLICE("Issue:")) == end.errors.n);
    const struct json *tools = json_get(result_in(end), SLICE("tools"));
    CHECK_INT_GE(tools ? tools->count : 0, 8);

    end = inspect(row, &target, call);
    CHECK_INT_EQ(end.status, 0);
    CHECK(json_at(result_in(end), "structuredContent", "workflows", NULL));

    end = inspect(row, &target, wrong);
    CHECK_INT_EQ(end.status, 5); /* of a result with isError */
    CHECK_TEXT_EQ(json_text(json_at(result_in(end), "structuredContent",
                                    "error", "code", NULL)),
                  "invalid_argument");
}

/* The steps of the common script that a command line can take: it makes one
 * call and ends. */
static const struct common_step {
    const char *name, *args[9], *says;
    int status;
} common_steps[] = {
    {"list", {"--method", "tools/list"}, "test_simple_text", 0},
    {"call",
     {"--method", "tools/call", "--tool-name", "test_simple_text"},
     "simple text response",
     0},
    {"error",
     {"--method", "tools/call", "--tool-name", "test_error_handling"},
     "intentionally",
     5},
    {"progress",
     {"--method", "tools/call", "--tool-name", "test_tool_with_progress"},
     "executed successfully",
     0},
    {"templates",
     {"--method", "resources/templates/list"},
     "test://template/{id}/data",
     0},
    {"prompt",
     {"--method", "prompts/get", "--prompt-name", "test_prompt_with_arguments",
      "--prompt-args", "arg1=one", "arg2=two"},
     "one",
     0},
    {"resource",
     {"--method", "resources/read", "--uri", "test://static-text"},
     "test://static-text",
     0},
};

TEST_EACH_IF(inspector, runs_the_common_script,
             (.needs = "npm", .timeout_s = 180), struct inspection, row,
             {"legacy", "stdio"}, {"auto", "stdio"}, {"modern", "stdio"},
             {"legacy", "http"}, {"auto", "http"}, {"modern", "http"})
{
    bool http = strcmp(row->transport, "http") == 0;
    int port;
    struct server *s = http ? everything_start(&port) : NULL;
    struct target target = {
        {http ? arena_printf(test_arena(), "http://127.0.0.1:%d/mcp", port).p
              : everything_binary(),
         NULL}};
    for (size_t i = 0; i < sizeof common_steps / sizeof *common_steps; i++) {
        const struct common_step *step = &common_steps[i];
        struct node_end end = inspect(row, &target, step->args);
        if (end.status != step->status ||
            slice_find(end.out, slice_of(step->says)) == end.out.n)
            FAIL("%s: status %d\n%.*s%.*s", step->name, end.status,
                 SLICE_ARG(end.out), SLICE_ARG(end.errors));
    }
    if (http) server_stop_signal(s, SIGTERM);
}
