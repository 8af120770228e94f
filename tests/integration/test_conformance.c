/* The official conformance suite, both its releases that count, against
 * `phasegate serve` and against the library's everything_server. */
#include "tests/integration/everything.h"
#include "tests/integration/node.h"

#define SUITE "@modelcontextprotocol/conformance"
#define SUITE_0_1 "@modelcontextprotocol/conformance-0.1"

static struct node_steps suite_run(const char *suite, int port,
                                   const char *const options[4])
{
    const char *url =
        arena_printf(test_arena(), "http://127.0.0.1:%d/mcp", port).p;
    const char *args[] = {suite,      url,        options[0], options[1],
                          options[2], options[3], NULL};
    return node_steps("conformance.mjs", args);
}

/* What failed in a scenario, a line per check. `excused` decides which checks
 * say nothing about this server; NULL: none. */
static struct slice failures(const struct json *scenario,
                             bool (*excused)(struct slice message))
{
    struct slice all = SLICE("");
    const struct json *failed = json_get(scenario, SLICE("failed"));
    for (size_t i = 0; i < failed->count; i++) {
        struct slice id = json_text(json_get(&failed->items[i], SLICE("id")));
        struct slice message =
            json_text(json_get(&failed->items[i], SLICE("message")));
        if (excused && excused(message)) continue;
        all = arena_printf(
            test_arena(), "%.*s%.*s: %.*s: %.*s\n", SLICE_ARG(all),
            SLICE_ARG(json_text(json_get(scenario, SLICE("step")))),
            SLICE_ARG(id), SLICE_ARG(message));
    }
    return all;
}

/* --- phasegate serve --------------------------------------------------------
 */
/* The scenarios that need no fixture of the suite's own, and what a server
 * must offer for them: a capability, or nothing. */
static const struct any_server {
    const char *scenario, *capability;
} any_server[] = {{"server-initialize", NULL},
                  {"server-session-lifecycle", NULL},
                  {"server-stateless", NULL},
                  {"ping", NULL},
                  {"tools-list", "tools"},
                  {"resources-list", "resources"},
                  {"prompts-list", "prompts"},
                  {"logging-set-level", "logging"},
                  {"caching", "resources"},
                  {"sep-2164-resource-not-found", NULL},
                  {"dns-rebinding-protection", NULL},
                  {"server-sse-multiple-streams", NULL},
                  {"http-header-validation", "tools"},
                  {"http-custom-header-server-validation", "tools"},
                  {"input-required-result-unsupported-methods", NULL}};

/* A check of server-stateless or of custom headers that asks for a tool of the
 * suite's own. */
static bool asks_for_a_fixture(struct slice message)
{
    return slice_starts(message, SLICE("Not testable: server "));
}

static const struct any_server *any_server_find(struct slice scenario)
{
    for (size_t i = 0; i < sizeof any_server / sizeof *any_server; i++)
        if (slice_eq(slice_of(any_server[i].scenario), scenario))
            return &any_server[i];
    return NULL;
}

struct suite_row {
    const char *suite, *options[4];
    int least; /* serve: scenarios judged; the library: checks passed */
};

TEST_EACH_IF(conformance, serve_passes_what_any_server_can_be_tested_with,
             (.needs = "npm binary", .timeout_s = 120), struct suite_row, row,
             {SUITE, {"--suite", "all", "--spec-version", "2025-06-18"}, 3},
             {SUITE, {"--suite", "all", "--spec-version", "2025-11-25"}, 5},
             {SUITE, {"--suite", "all", "--spec-version", "2026-07-28"}, 6},
             {SUITE_0_1, {"--suite", "all"}, 4})
{
    const char *const http_only[] = {"--transport", "http", NULL};
    struct server *s =
        server_start(&(struct server_options){.args = http_only});
    int port = server_port(s);
    const struct json *hello =
        http_call(http_open(port), "server/discover", "").json;
    const struct json *offers = json_at(hello, "result", "capabilities", NULL);
    CHECK(offers);

    struct node_steps steps = suite_run(row->suite, port, row->options);
    struct slice failed = SLICE("");
    int count = 0;
    for (size_t i = 0; i < steps.count; i++) {
        const struct any_server *any =
            any_server_find(json_text(json_get(steps.all[i], SLICE("step"))));
        if (!any) continue;
        if (any->capability && !json_get(offers, slice_of(any->capability)))
            continue;
        count++;
        failed =
            arena_printf(test_arena(), "%.*s%.*s", SLICE_ARG(failed),
                         SLICE_ARG(failures(steps.all[i], asks_for_a_fixture)));
    }
    if (failed.n) FAIL("checks that failed:\n%.*s", SLICE_ARG(failed));
    CHECK_INT_GE(count, row->least);
    server_stop_signal(s, SIGTERM);
}

/* --- everything_server ------------------------------------------------------
 */
/* No check may fail, scored or not. That no check is left out for want of
 * something the server lacks shows in how many pass. */
TEST_EACH_IF(conformance, the_library_has_no_failure,
             (.needs = "npm", .timeout_s = 180), struct suite_row, row,
             {SUITE, {"--requirements", "2026-07-28"}, 196},
             {SUITE, {"--requirements", "2025-11-25"}, 84},
             {SUITE, {"--suite", "all"}, 234},
             {SUITE, {"--suite", "all", "--spec-version", "2025-03-26"}, 0},
             {SUITE, {"--suite", "all", "--spec-version", "2025-06-18"}, 56},
             {SUITE, {"--suite", "all", "--spec-version", "2025-11-25"}, 84},
             {SUITE, {"--suite", "all", "--spec-version", "2026-07-28"}, 152},
             {SUITE_0_1, {"--suite", "all"}, 44})
{
    int port;
    struct server *s = everything_start(&port);
    struct node_steps steps = suite_run(row->suite, port, row->options);
    struct slice failed = SLICE("");
    for (size_t i = 0; i + 1 < steps.count; i++)
        failed = arena_printf(test_arena(), "%.*s%.*s", SLICE_ARG(failed),
                              SLICE_ARG(failures(steps.all[i], NULL)));
    if (failed.n) FAIL("checks that failed:\n%.*s", SLICE_ARG(failed));
    int64_t passed = -1;
    CHECK(json_int64(json_get(node_step(&steps, "the run"), SLICE("passed")),
                     &passed));
    CHECK_INT_GE(passed, row->least);
    server_stop_signal(s, SIGTERM);
}
