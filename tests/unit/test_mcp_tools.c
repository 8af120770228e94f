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
    CHECK_CONTAINS(json_text(json_get(e, SLICE("why"))), "12 MiB");
    buf_done(&b);
    fake_server_free(fs);
}
