/* /metrics as Prometheus reads it, and the alert rules that are made for it. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/histogram.h"
#include "base/json.h"
#include "tests/integration/program.h"
#include "tests/integration/bugfix.h"
#include "tests/runner/server.h"

static struct server *serve(void)
{
    const char *args[] = {"--http-port", "0", NULL};
    return server_start(&(struct server_options){.args = args});
}

static struct slice scrape(struct server *s)
{
    struct http *h = http_open(server_port(s));
    struct http_reply r =
        http_request(h, "GET", "/metrics", "", (struct slice){0});
    CHECK_INT_EQ(r.status, 200);
    return r.body;
}

/* The value of this very series; -1: there is none. */
static double value(struct slice text, const char *series)
{
    struct slice rest = text, line, want = slice_of(series);
    while (slice_split(&rest, '\n', &line))
        if (slice_starts(line, want) && line.n > want.n &&
            line.p[want.n] == ' ')
            return strtod(
                arena_cstr(test_arena(), slice_sub(line, want.n, line.n)),
                NULL);
    return -1;
}

TEST(metrics, requests_are_counted_by_method_and_revision_with_their_latency)
{
    struct server *s = serve();
    for (int i = 0; i < 3; i++) stdio_tool(s, "list_workflows", "{}");
    stdio_initialize(s, "2025-06-18");
    for (int i = 0; i < 2; i++) stdio_call(s, "tools/list", "");
    (void)stdio_call(s, "no/such", "");
    stdio_tool(s, "get_phase", "{\"session_id\":\"nobody\"}");
    struct slice m = scrape(s);
    CHECK_INT_EQ(value(m, "phasegate_request_seconds_count{method=\"tools/"
                          "call\",revision=\"2026-07-28\"}"),
                 3);
    CHECK_INT_EQ(value(m, "phasegate_request_seconds_count{method=\"tools/"
                          "list\",revision=\"2025-06-18\"}"),
                 2);
    CHECK_INT_EQ(value(m, "phasegate_request_seconds_bucket{method=\"tools/"
                          "list\",revision=\"2025-06-18\",le=\"+Inf\"}"),
                 2);
    CHECK_INT_EQ(value(m, "phasegate_request_faults_total{method=\"other\","
                          "revision=\"2025-06-18\"}"),
                 1);
    CHECK_INT_EQ(value(m, "phasegate_call_seconds_count{tool=\"list_"
                          "workflows\"}"),
                 3);
    CHECK_INT_EQ(value(m, "phasegate_call_refused_total{tool=\"get_phase\"}"),
                 1);
    double sum =
        value(m, "phasegate_call_seconds_sum{tool=\"list_workflows\"}");
    CHECK(sum > 0 && sum < 60);
    CHECK_INT_GE(value(m, "phasegate_connections_opened_total"), 1);
    CHECK_INT_EQ(value(m, "phasegate_connections{transport=\"http\",kind=\"request\"}"), 1);
}

TEST(metrics, gates_are_counted_as_they_are_committed)
{
    struct server *s = serve();
    const struct json *r =
        stdio_tool(s, "start_workflow",
                   "{\"workflow_type\":\"bugfix_v1\",\"target\":\"a.c\"}");
    struct slice id =
        json_text(json_at(r, "structuredContent", "session_id", NULL));
    for (int i = 0; i < 2; i++)
        stdio_tool(s, "complete_phase",
                   arena_printf(test_arena(),
                                "{\"session_id\":\"%.*s\",\"phase\":0,"
                                "\"evidence\":{}}",
                                SLICE_ARG(id))
                       .p);
    /* the keeper looks once a second */
    while (value(scrape(s), "phasegate_gates_total{result=\"refused\"}") != 2)
        usleep(50000);
    struct slice m = scrape(s);
    CHECK_INT_EQ(value(m, "phasegate_gates_total{result=\"passed\"}"), 0);
    CHECK_INT_EQ(value(m, "phasegate_events_total{type=\"session_started\"}"),
                 1);
    CHECK_INT_GE(value(m, "phasegate_commit_seconds_count"), 3);
}

/* Each name the rules ask for is one the server tells, so that no alert is
 * silent because a family was renamed. */
TEST(metrics, alert_rules_ask_for_families_that_exist)
{
    struct server *s = serve();
    struct slice m = scrape(s);
    struct slice rest =
        get_file(test_source_dir(), "packaging/prometheus/alerts.yml");
    int names = 0;
    CHECK(rest.n > 0);
    for (;;) {
        size_t n = 0, at = slice_find(rest, SLICE("phasegate_"));
        if (at == rest.n) break;
        rest = slice_sub(rest, at, rest.n);
        while (n < rest.n && strchr("abcdefghijklmnopqrstuvwxyz_", rest.p[n]))
            n++;
        struct slice name = slice_sub(rest, 0, n);
        if (slice_ends(name, SLICE("_bucket"))) name.n -= 7;
        struct slice type =
            arena_printf(test_arena(), "# TYPE %.*s ", SLICE_ARG(name));
        bool known = slice_find(m, type) < m.n ||
                     slice_eq(name, SLICE("phasegate_health_file_age_seconds"));
        if (!known) FAIL("no family %.*s", SLICE_ARG(name));
        rest = slice_sub(rest, n, rest.n);
        names++;
    }
    CHECK_INT_GE(names, 20);
}

/* What stands behind an alert of this name in its tests, once for each. */
static bool tried(struct slice tests, struct slice alert, const char *how)
{
    struct slice line =
        arena_printf(test_arena(), "alertname: %.*s\n        exp_alerts:%s",
                     SLICE_ARG(alert), how);
    return slice_find(tests, line) < tests.n;
}

TEST(metrics, each_alert_is_tried_where_it_fires_and_where_it_is_silent)
{
    struct slice tests =
        get_file(test_source_dir(), "packaging/prometheus/alerts_test.yml");
    struct slice rest =
        get_file(test_source_dir(), "packaging/prometheus/alerts.yml");
    struct slice begin = SLICE("- alert: "), name;
    int alerts = 0;
    for (size_t at; (at = slice_find(rest, begin)) < rest.n; alerts++) {
        rest = slice_sub(rest, at + begin.n, rest.n);
        slice_split(&rest, '\n', &name);
        if (!tried(tests, name, "\n") || !tried(tests, name, " []\n"))
            FAIL("%.*s is not tried both ways", SLICE_ARG(name));
    }
    CHECK_INT_GE(alerts, 20);
}

static void promtool(const char *folder, const char *input,
                     const char *const *args)
{
    struct ended e = program_run(&(struct program){.binary = "/usr/bin/env",
                                                   .folder = folder,
                                                   .input = input,
                                                   .args = args});
    CHECK_INT_EQ(e.status, 0);
    CHECK_INT_EQ(e.err.n, 0);
}

TEST(metrics, promtool_finds_nothing_to_complain_about, .needs = "promtool",
     .timeout_s = 60)
{
    struct server *s = serve();
    stdio_tool(s, "list_workflows", "{}");
    put_file(test_tmpdir(), "metrics", arena_cstr(test_arena(), scrape(s)));
    struct slice file = arena_printf(test_arena(), "%s/metrics", test_tmpdir());
    promtool(test_tmpdir(), file.p,
             (const char *const[]){"promtool", "check", "metrics", NULL});
    struct slice rules = arena_printf(test_arena(), "%s/packaging/prometheus",
                                      test_source_dir());
    promtool(rules.p, NULL,
             (const char *const[]){"promtool", "check", "rules", "alerts.yml",
                                   NULL});
    struct ended e = program_run(&(struct program){
        .binary = "/usr/bin/env",
        .folder = rules.p,
        .args = (const char *const[]){"promtool", "test", "rules",
                                      "alerts_test.yml", NULL}});
    CHECK_INT_EQ(e.status, 0);
}

/* What it costs each call, the two looks at the clock left out. */
BENCH(metrics, a_duration_is_counted)
{
    static struct histogram h;
    int64_t ns = 40000;
    while (bench_next(bench)) histogram_add(&h, ns += 17);
    bench_use(h.sum_ns);
}

/* D06 */
TEST(metrics, a_key_sent_again_says_so_on_the_wire_and_is_counted)
{
    static const char *const args[] = {"--http-port", "0", NULL};
    struct server *s = server_start(&(struct server_options){.args = args});
    bugfix_files(server_project(s));
    const struct json *v =
        json_at(stdio_tool(s, "start_workflow", bugfix_start("src/a.c")),
                "structuredContent", "session_id", NULL);
    char id[64];
    snprintf(id, sizeof(id), "%.*s", SLICE_ARG(json_text(v)));
    const struct json *first =
        stdio_tool(s, "complete_phase", bugfix_complete(id, 0, "k1"));
    CHECK(!json_at(first, "_meta", "replayed", NULL));
    s = (server_kill(s), server_restart(s));
    const struct json *again =
        stdio_tool(s, "complete_phase", bugfix_complete(id, 0, "k1"));
    CHECK_INT_EQ(json_at(again, "_meta", "replayed", NULL)->type, JSON_TRUE);
    CHECK_SLICE_EQ(json_get(again, SLICE("structuredContent"))->raw,
                   json_get(first, SLICE("structuredContent"))->raw);
    struct http *h = http_open(server_port(s));
    struct slice text;
    do {
        text = http_request(h, "GET", "/metrics", "", (struct slice){0}).body;
    } while (slice_find(text, SLICE("phasegate_idempotency_total{result="
                                    "\"replayed\"} 1\n")) == text.n);
    CHECK_CONTAINS(text, "phasegate_idempotency_rows 1\n");
    CHECK_CONTAINS(text, "phasegate_sessions{state=\"active\"} 1\n");
}
