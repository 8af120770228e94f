/* Which era a stdio message is served in, and what each revision shows. */
#include "tests/unit/mcp_fixture.h"

#define INIT(version)                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"     \
    "\"protocolVersion\":\"" version "\",\"capabilities\":{},"                 \
    "\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}"
#define DISCOVER                                                               \
    "{\"jsonrpc\":\"2.0\",\"id\":\"d\",\"method\":\"server/discover\","        \
    "\"params\":{" FAKE_META "}}"
#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"
#define CLAIMED(method)                                                        \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method                       \
    "\",\"params\":{" FAKE_META "}}"
#define VERSION(v)                                                             \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{"     \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":" v                \
    ",\"io.modelcontextprotocol/clientCapabilities\":{}}}}"

struct stdio_row {
    const char *label;
    const char *before[2]; /* said first */
    const char *say;
    const char *contains; /* NULL: silence */
    const char *also;
};

/* clang-format off */
TEST_EACH(mcp_stdio, answers, struct stdio_row, row,
    {"ping before initialize", .say = PING, .contains = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"},
    {"list before initialize is 2025-11-25", .say = LIST, .contains = "\"result\":{\"tools\"", .also = "\"outputSchema\""},
    {"discover does not pin", {DISCOVER}, INIT("2025-11-25"), "\"protocolVersion\":\"2025-11-25\""},
    {"an error does not pin", {DISCOVER, CLAIMED("no/such")}, INIT("2025-06-18"), "\"protocolVersion\":\"2025-06-18\""},
    {"modern after discover", {DISCOVER}, CLAIMED("tools/list"), "\"ttlMs\""},
    {"modern inside a legacy stream", {INIT("2024-11-05")}, CLAIMED("tools/list"), "\"resultType\":\"complete\""},
    {"legacy goes on after a modern message", {INIT("2024-11-05"), CLAIMED("tools/list")}, PING, "\"result\":{}"},
    {"a second initialize replaces the first", {INIT("2024-11-05")}, INIT("2025-11-25"), "\"protocolVersion\":\"2025-11-25\""},
    {"initialize with a modern version", .say = INIT("2026-07-28"), .contains = "\"protocolVersion\":\"2025-11-25\""},
    {"modern ping", .say = CLAIMED("ping"), .contains = "-32601"},
    {"claimed legacy version", .say = VERSION("\"2025-11-25\""), .contains = "-32022", .also = "\"requested\":\"2025-11-25\""},
    {"malformed claim", .say = VERSION("null"), .contains = "-32602", .also = "protocolVersion"},
    {"claimed empty version", .say = VERSION("\"\""), .contains = "-32022", .also = "\"requested\":\"\""},
    {"no JSON, before any era", .say = "hello", .contains = "\"id\":null", .also = "-32700"},
    {"no JSON in a legacy stream", {INIT("2025-11-25")}, "{]", "\"id\":null", "-32700"},
    {"no JSON after a modern message", {DISCOVER}, "hello", "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700", "column 1"},
    {"no message after a modern message", {DISCOVER}, "5", "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600", "JSON object"},
    {"no JSON after no message after a modern message", {DISCOVER, "5"}, "{]", "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700"},
    {"no batch after a modern message", {DISCOVER}, "[" PING "]", "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600"},
    {"no JSON in the legacy stream a modern probe preceded", {DISCOVER, INIT("2025-11-25")}, "{]", "\"id\":null", "-32700"},
    {"the stream goes on after no JSON", {"hello"}, PING, "\"result\":{}"},
    {"two values on a line", .say = PING PING, .contains = "-32700"},
    {"id null", .say = "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", .contains = "\"id\":null", .also = "-32600"},
    {"a response", .say = "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{}}"},
    {"a notification", {INIT("2025-11-25")}, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"},
    {"an unknown notification", .say = "{\"jsonrpc\":\"2.0\",\"method\":\"no/such\",\"params\":{}}"},
    {"a notification with a bad claim", .say = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":1}}}"},
    {"batch before initialize", .say = "[" PING "]", .contains = "-32600", .also = "2025-03-26"},
    {"batch under 2025-03-26", {INIT("2025-03-26")}, "[" PING "," LIST "]", "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}},{"},
    {"batch of notifications", {INIT("2025-03-26")}, "[{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}]"},
    {"batch under 2025-11-25", {INIT("2025-11-25")}, "[" PING "]", "-32600"},
    {"batch under 2024-11-05", {INIT("2024-11-05")}, "[" PING "]", "-32600"},
    {"batch after a modern message keeps the legacy stream's rules", {INIT("2025-03-26"), DISCOVER}, "[" PING "]", "[{\"jsonrpc\""},
    {"empty batch", {INIT("2025-03-26")}, "[]", "-32600"})
/* clang-format on */
{
    struct fake_server *fs = fake_server(0, MCP_STDIO);
    for (int i = 0; i < 2 && row->before[i]; i++) fake_say(fs, row->before[i]);
    struct slice body = fake_say(fs, row->say);
    if (!row->contains) CHECK_INT_EQ(body.n, 0);
    if (row->contains) CHECK_CONTAINS(body, row->contains);
    if (row->also) CHECK_CONTAINS(body, row->also);
    if (body.n) fake_json(body);
    fake_server_free(fs);
}

/* --- what each revision shows of a tool and of a result ------------------- */

struct shape_row {
    const char *version; /* NULL: modern */
    bool title, annotations, annotation_title, output, structured, website;
};

/* clang-format off */
TEST_EACH(mcp_stdio, shows_what_the_revision_knows, struct shape_row, row,
    {"2024-11-05", false, false, false, false, false, false},
    {"2025-03-26", false, true, true, false, false, false},
    {"2025-06-18", true, true, false, true, true, false},
    {"2025-11-25", true, true, false, true, true, true},
    {NULL, true, true, false, true, true, true})
/* clang-format on */
{
    struct fake_server *fs = fake_server(0, MCP_STDIO);
    struct slice hello = fake_say(fs, DISCOVER);
    if (row->version) {
        struct slice text = slice_of(INIT("XXXX-XX-XX"));
        char *init = arena_cstr(test_arena(), text);
        memcpy(strstr(init, "XXXX"), row->version, 10);
        hello = fake_say(fs, init);
    }
    const struct json *tools = json_at(
        fake_json(fake_say(fs, row->version ? LIST : CLAIMED("tools/list"))),
        "result", "tools", NULL);
    CHECK(json_is(tools, JSON_ARRAY) && tools->count == 7);
    const struct json *echo = &tools->items[0];
    CHECK_INT_EQ(json_get(echo, SLICE("title")) != NULL, row->title);
    CHECK_INT_EQ(json_get(echo, SLICE("annotations")) != NULL,
                 row->annotations);
    CHECK_INT_EQ(json_at(echo, "annotations", "title", NULL) != NULL,
                 row->annotation_title);
    CHECK_INT_EQ(json_get(echo, SLICE("outputSchema")) != NULL, row->output);
    CHECK_INT_EQ(slice_find(hello, SLICE("websiteUrl")) < hello.n,
                 row->website);
    const char *call =
        row->version
            ? "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
              "\"params\":{\"name\":\"echo\",\"arguments\":{\"text\":\"x\"}}}"
            : fake_call("1", "echo", "{\"text\":\"x\"}");
    const struct json *result =
        json_get(fake_json(fake_say(fs, call)), SLICE("result"));
    CHECK_INT_EQ(json_get(result, SLICE("structuredContent")) != NULL,
                 row->structured);
    CHECK_INT_EQ(json_get(result, SLICE("resultType")) != NULL, !row->version);
    CHECK_INT_EQ(json_get(result, SLICE("_meta")) != NULL, !row->version);
    fake_server_free(fs);
}
