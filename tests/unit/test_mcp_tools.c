/* What phasegate tells an agent about its tools, and what they say where no
 * engine is needed. */
#include "mcp/tools/tools.h"

#include "base/alloc.h"
#include "tests/unit/mcp_fixture.h"

/* tools/list is paid for by every agent that connects. */
enum { LIST_MAX = 16 * 1024, TEXT_MAX = 600, INSTRUCTIONS_MAX = 2048 };

static struct tools_app app;

static struct fake_server *server(void)
{
    struct mcp_server_config conf;
    tools_app_init(&app, NULL);
    tools_config(&app, NULL, &conf);
    return fake_server_of(&conf, MCP_STDIO);
}

static const struct json *result_of(struct slice body)
{
    return json_get(fake_json(body), SLICE("result"));
}

static const struct json *list(struct fake_server *fs)
{
    return result_of(
        fake_say(fs, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\","
                     "\"params\":{" FAKE_META "}}"));
}

static const struct json *call(struct fake_server *fs, const char *tool,
                               const char *args)
{
    return json_get(result_of(fake_say(fs, fake_call("1", tool, args))),
                    SLICE("structuredContent"));
}

TEST(mcp_tools, the_list_has_fourteen_tools_and_fits_its_budget)
{
    struct fake_server *fs = server();
    const struct json *result = list(fs);
    CHECK_INT_EQ(json_get(result, SLICE("tools"))->count, 14);
    CHECK(!json_get(result, SLICE("nextCursor")));
    CHECK_INT_LE(result->raw.n, LIST_MAX);
    fake_server_free(fs);
}

/* Real clients break on these. */
static void check_schema(const struct json *v)
{
    static const char *const banned[] = {"oneOf", "anyOf",   "allOf",
                                         "$ref",  "$schema", "$defs"};
    for (size_t i = 0; i < sizeof(banned) / sizeof(banned[0]); i++)
        CHECK(!json_get(v, slice_of(banned[i])));
    const struct json *type = json_get(v, SLICE("type"));
    CHECK(type);
    if (slice_eq(json_text(type), SLICE("array")))
        check_schema(json_get(v, SLICE("items")));
    const struct json *members = json_get(v, SLICE("properties"));
    for (uint32_t i = 0; members && i < members->count; i++)
        check_schema(&members->members[i].value);
}

static void check_tool(const struct json *t)
{
    struct slice name = json_text(json_get(t, SLICE("name")));
    struct slice text = json_text(json_get(t, SLICE("description")));
    const struct json *in = json_get(t, SLICE("inputSchema"));
    const struct json *out = json_get(t, SLICE("outputSchema"));
    CHECK_INT_LE(name.n, 40);
    for (size_t i = 0; i < name.n; i++)
        CHECK((name.p[i] >= 'a' && name.p[i] <= 'z') || name.p[i] == '_');
    CHECK(json_text(json_get(t, SLICE("title"))).n > 0);
    CHECK(slice_starts(text, SLICE("Use this ")));
    CHECK_INT_LE(text.n, TEXT_MAX);
    CHECK_TEXT_EQ(json_text(json_get(in, SLICE("type"))), "object");
    CHECK_TEXT_EQ(json_text(json_get(out, SLICE("type"))), "object");
    CHECK(json_get(in, SLICE("additionalProperties"))->type == JSON_FALSE);
    check_schema(in);
    check_schema(out);
    CHECK(!json_get(out, SLICE("required")));
    CHECK(!json_get(out, SLICE("additionalProperties")));
    CHECK(json_at(out, "properties", "error", NULL));
    const struct json *hints = json_get(t, SLICE("annotations"));
    CHECK_INT_EQ(hints->count, 4);
    CHECK(json_get(hints, SLICE("openWorldHint"))->type == JSON_FALSE);
}

TEST(mcp_tools, every_tool_is_described_as_clients_need_it)
{
    struct fake_server *fs = server();
    const struct json *tools = json_get(list(fs), SLICE("tools"));
    for (uint32_t i = 0; i < tools->count; i++) check_tool(&tools->items[i]);
    fake_server_free(fs);
}

TEST(mcp_tools, the_instructions_explain_the_loop_and_the_old_names)
{
    static const char *const words[] = {"start_workflow",
                                        "get_phase",
                                        "get_task",
                                        "complete_phase",
                                        "next",
                                        "how_to_fix",
                                        "get_current_phase(",
                                        "search_standards(",
                                        "current_date()"};
    struct slice text = slice_of(tools_instructions);
    CHECK_INT_LT(text.n, INSTRUCTIONS_MAX);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        CHECK_CONTAINS(text, words[i]);
}

TEST(mcp_tools, without_a_project_the_mend_is_told)
{
    struct fake_server *fs = server();
    const struct json *e =
        json_get(call(fs, "list_workflows", "{}"), SLICE("error"));
    CHECK_TEXT_EQ(json_text(json_get(e, SLICE("code"))), "unavailable");
    CHECK_TEXT_EQ(json_text(json_get(e, SLICE("detail"))), "NO_PROJECT");
    CHECK_CONTAINS(json_text(json_get(e, SLICE("how_to_fix"))), "--project");
    fake_server_free(fs);
}

TEST(mcp_tools, server_info_tells_versions_limits_and_the_date)
{
    struct fake_server *fs = server();
    app.http_url = "http://127.0.0.1:4242/mcp";
    const struct json *v = call(fs, "get_server_info", "{}");
    CHECK_TEXT_EQ(json_text(json_at(v, "server", "name", NULL)), "phasegate");
    CHECK_TEXT_EQ(json_text(json_at(v, "server", "transport", NULL)), "stdio");
    CHECK_TEXT_EQ(json_text(json_at(v, "server", "http_url", NULL)),
                  app.http_url);
    CHECK_INT_EQ(json_at(v, "server", "protocol_revisions", NULL)->count, 5);
    CHECK_TEXT_EQ(json_text(json_at(v, "health", "status", NULL)), "ok");
    CHECK_TEXT_EQ(json_at(v, "limits", "evidence_bytes", NULL)->raw,
                  "10485760");
    struct slice at = json_text(json_at(v, "today", "iso_datetime", NULL));
    CHECK_INT_EQ(at.n, 24);
    CHECK_SLICE_EQ(json_text(json_at(v, "today", "iso_date", NULL)),
                   slice_sub(at, 0, 10));
    fake_server_free(fs);
}

struct refusal_row {
    const char *tool, *args, *detail;
};

/* clang-format off */
TEST_EACH(mcp_tools, refuses_wrong_arguments, struct refusal_row, row,
    {"complete_phase", "{\"session_id\":\"x\",\"phase\":0,\"evidence\":\"yes\"}", "EVIDENCE_NOT_OBJECT"},
    {"complete_phase", "{\"session_id\":\"x\",\"phase\":0,\"evidence\":null}", "EVIDENCE_NOT_OBJECT"},
    {"complete_phase", "{\"session_id\":\"x\",\"phase\":0}", "MISSING_PARAMETER"},
    {"complete_phase", "{\"session_id\":\"x\",\"phase\":-1,\"evidence\":{}}", "INVALID_PARAMETER"},
    {"get_phase", "{\"session_id\":\"x\",\"phase\":\"1\"}", "INVALID_PARAMETER"},
    {"get_phase", "{}", "MISSING_PARAMETER"},
    {"list_sessions", "{\"status\":\"running\"}", "INVALID_PARAMETER"},
    {"list_sessions", "{\"limit\":201}", "INVALID_PARAMETER"},
    {"start_workflow", "{\"workflow_type\":\"a\",\"target_file\":\"b\",\"target\":\"b\"}", "INVALID_PARAMETER"},
    {"manage_session", "{\"session_id\":\"x\",\"action\":\"explode\"}", "UNKNOWN_ACTION"},
    {"get_server_info", "{\"x\":1}", "INVALID_PARAMETER"})
/* clang-format on */
{
    struct fake_server *fs = server();
    const struct json *e =
        json_get(call(fs, row->tool, row->args), SLICE("error"));
    CHECK_TEXT_EQ(json_text(json_get(e, SLICE("detail"))), row->detail);
    fake_server_free(fs);
}

TEST(mcp_tools, arguments_beyond_the_ceiling_are_refused_with_their_size)
{
    struct fake_server *fs = server();
    struct buf b = BUF_INIT(16 << 20);
    buf_puts(&b, "{\"session_id\":\"x\",\"phase\":0,\"evidence\":{\"a\":\"");
    while (b.n < MCP_ARGUMENTS_MAX) buf_puts(&b, "0123456789abcdef");
    buf_puts(&b, "\"}}");
    buf_putc(&b, 0);
    const struct json *e =
        json_get(call(fs, "complete_phase", b.p), SLICE("error"));
    CHECK_TEXT_EQ(json_text(json_get(e, SLICE("detail"))), "TOO_LARGE");
    CHECK_CONTAINS(json_text(json_get(e, SLICE("why"))), "12582912 bytes");
    buf_done(&b);
    fake_server_free(fs);
}

/* F06 */
TEST(mcp_tools, arguments_over_a_set_ceiling_are_refused_in_any_shape)
{
    struct mcp_server_config conf;
    enum { CEILING = 100000 };
    tools_app_init(&app, NULL);
    app.arguments_max = CEILING;
    tools_config(&app, NULL, &conf);
    struct fake_server *fs = fake_server_of(&conf, MCP_STDIO);
    for (int shape = 0; shape < 2; shape++) {
        for (int over = 0; over < 2; over++) {
            struct buf b = BUF_INIT(1 << 20);
            buf_puts(&b, "{\"session_id\":\"x\",\"phase\":0,\"evidence\":");
            buf_puts(&b, shape ? "{\"b\":[{\"c\":[1" : "{\"a\":\"");
            const char *close = shape ? "]}]}}" : "\"}}";
            size_t end = (size_t)(CEILING + over) - strlen(close);
            while (b.n + 2 <= end) buf_puts(&b, shape ? ",1" : "xx");
            if (b.n < end) buf_putc(&b, shape ? '1' : 'x');
            buf_puts(&b, close);
            CHECK_INT_EQ(b.n, CEILING + over);
            buf_putc(&b, 0);
            const struct json *e =
                json_get(call(fs, "complete_phase", b.p), SLICE("error"));
            CHECK_TEXT_EQ(json_text(json_get(e, SLICE("detail"))),
                          over ? "TOO_LARGE" : "NO_PROJECT");
            buf_done(&b);
        }
    }
    fake_server_free(fs);
    app.arguments_max = 0;
}

/* --- rates ----------------------------------------------------------------- */

/* As the server's process does, with this many a minute of searches. */
static struct fake_server *limited(struct tools_inbound *in,
                                   const struct tools_inbound_options *o)
{
    struct mcp_server_config conf;
    clock_fake(5 * NS_PER_S, INT64_C(1800000000000));
    tools_inbound_init(in, o);
    tools_app_init(&app, NULL);
    app.inbound = in;
    tools_config(&app, NULL, &conf);
    return fake_server_of(&conf, MCP_STDIO);
}

static struct slice detail_of(struct fake_server *fs, const char *tool,
                              const char *args)
{
    const struct json *e = json_get(call(fs, tool, args), SLICE("error"));
    return json_text(json_get(e, SLICE("detail")));
}

/* I06 */
TEST(mcp_tools, the_thirty_first_search_of_a_minute_is_told_two_seconds)
{
    struct tools_inbound in;
    struct tools_inbound_options o = {.all = {.rate = 200}};
    struct bucket_stats st[TOOLS_BUCKETS];
    o.class[PERMIT_SEARCH] = (struct bucket_options){.rate = 30, .burst = 30};
    struct fake_server *fs = limited(&in, &o);
    for (int i = 0; i < 30; i++)
        CHECK_TEXT_EQ(detail_of(fs, "search_standards", "{\"query\":\"a\"}"),
                      "NO_PROJECT");
    const struct json *e = json_get(
        call(fs, "search_standards", "{\"query\":\"a\"}"), SLICE("error"));
    CHECK_TEXT_EQ(json_text(json_get(e, SLICE("detail"))), "RATE_LIMITED");
    CHECK_TEXT_EQ(json_text(json_get(e, SLICE("what"))),
                  "Rate limit for search exceeded. Retry in 2.0s");
    CHECK_TEXT_EQ(json_get(e, SLICE("retry_after_ms"))->raw, "2000");
    size_t n = tools_inbound_stats(&in, clock_now(), st);
    CHECK_INT_EQ(n, 3);
    CHECK_TEXT_EQ(slice_of(st[0].name), "inbound");
    CHECK_INT_EQ(st[0].tokens, 170);
    CHECK_INT_EQ(st[1].refused, 1);
    CHECK_TEXT_EQ(detail_of(fs, "list_workflows", "{}"), "NO_PROJECT");
    clock_fake_advance(2 * NS_PER_S);
    CHECK_TEXT_EQ(detail_of(fs, "search_standards", "{\"query\":\"a\"}"),
                  "NO_PROJECT");
    fake_server_free(fs);
    tools_inbound_done(&in);
    app.inbound = NULL;
}

/* I07 */
TEST(mcp_tools, a_peer_of_five_a_second_has_its_burst_and_five_more)
{
    struct tools_inbound in;
    struct tools_inbound_options o = {
        .peer = {.rate = 5, .burst = 50, .period_ns = NS_PER_S}};
    struct bucket_stats st[TOOLS_BUCKETS];
    int passed = 0;
    struct fake_server *fs = limited(&in, &o);
    for (int i = 0; i < 100; i++)
        passed += slice_eq(detail_of(fs, "list_workflows", "{}"),
                           SLICE("NO_PROJECT"));
    CHECK_INT_EQ(passed, 50);
    clock_fake_advance(NS_PER_S);
    for (int i = 0; i < 100; i++)
        passed += slice_eq(detail_of(fs, "list_workflows", "{}"),
                           SLICE("NO_PROJECT"));
    CHECK_INT_EQ(passed, 55);
    size_t n = tools_inbound_stats(&in, clock_now(), st);
    CHECK_TEXT_EQ(slice_of(st[n - 1].name), "peer");
    CHECK_INT_EQ(st[n - 1].refused, 145);
    fake_server_free(fs);
    tools_inbound_done(&in);
    app.inbound = NULL;
}
