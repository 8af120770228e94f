/* The ladder of an HTTP request, row by row: status, code and id of what is
 * answered to headers and body. */
#include "tests/unit/mcp_fixture.h"

#define MODERN "2026-07-28"
#define BODY(id, method, params)                                               \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method                  \
    "\",\"params\":{" params "}}"
#define NOTE(method, params)                                                   \
    "{\"jsonrpc\":\"2.0\",\"method\":\"" method "\",\"params\":{" params "}}"
#define BARE(id, method)                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\"}"
#define INIT(version)                                                          \
    BODY("0", "initialize",                                                    \
         "\"protocolVersion\":\"" version                                      \
         "\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\","              \
         "\"version\":\"1\"}")
#define META(version, capabilities, more)                                      \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":" version          \
    ",\"io.modelcontextprotocol/clientCapabilities\":" capabilities more "}"
#define ECHO(name) "\"name\":" name ",\"arguments\":{\"text\":\"hi\"}"

struct http_row {
    const char *label;
    const char *version, *method, *name, *session; /* headers */
    const char *body;
    int status;
    int code;             /* 0: a result, or nothing */
    const char *contains; /* NULL: an empty body */
};

/* clang-format off */
TEST_EACH(mcp_http, answers, struct http_row, row,
    /* initialize */
    {"init 2025-11-25", .body = INIT("2025-11-25"), .status = 200, .contains = "\"protocolVersion\":\"2025-11-25\""},
    {"init 2025-06-18", .body = INIT("2025-06-18"), .status = 200, .contains = "\"protocolVersion\":\"2025-06-18\""},
    {"init 2025-03-26", .body = INIT("2025-03-26"), .status = 200, .contains = "\"protocolVersion\":\"2025-03-26\""},
    {"init 2024-11-05", .body = INIT("2024-11-05"), .status = 200, .contains = "\"protocolVersion\":\"2024-11-05\""},
    {"init unknown version negotiates down", .body = INIT("1999-01-01"), .status = 200, .contains = "\"protocolVersion\":\"2025-11-25\""},
    {"init modern version negotiates down", .body = INIT(MODERN), .status = 200, .contains = "\"protocolVersion\":\"2025-11-25\""},
    {"init under a modern header", MODERN, .body = INIT("2025-11-25"), .status = 400, .code = -32020, .contains = "\"id\":0"},
    {"init under a legacy header", "2025-06-18", .body = INIT("2025-11-25"), .status = 200, .contains = "\"protocolVersion\":\"2025-11-25\""},
    {"init under an unknown header", "1999-01-01", .body = INIT("2025-11-25"), .status = 200, .contains = "2025-11-25"},
    {"init with a stale session id", .session = "gone", .body = INIT("2025-11-25"), .status = 200, .contains = "2025-11-25"},
    {"init without a version", .body = BODY("1", "initialize", "\"capabilities\":{}"), .status = 200, .code = -32602, .contains = "protocolVersion"},
    {"init without params", .body = BARE("1", "initialize"), .status = 200, .code = -32602, .contains = "protocolVersion"},
    {"init with capabilities of a wrong type", .body = BODY("1", "initialize", "\"protocolVersion\":\"2025-11-25\",\"capabilities\":[]"), .status = 200, .code = -32602, .contains = "capabilities"},
    {"initialized", "2025-11-25", .body = NOTE("notifications/initialized", ""), .status = 202},
    /* legacy requests */
    {"ping without header", .body = BARE("\"p\"", "ping"), .status = 200, .contains = "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"result\":{}}"},
    {"ping with null params", .body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":null}", .status = 200, .contains = "\"result\":{}"},
    {"legacy list without params", "2025-06-18", .body = BARE("1", "tools/list"), .status = 200, .contains = "\"result\":{\"tools\":[{"},
    {"legacy unknown session", "2025-11-25", .session = "x", .body = BARE("1", "ping"), .status = 404, .code = -32001, .contains = "\"id\":1"},
    {"legacy unsupported header version", "1999-01-01", .body = BARE("1", "ping"), .status = 400, .code = -32000, .contains = "2025-11-25"},
    {"legacy unknown method", .body = BARE("1", "no/such"), .status = 200, .code = -32601, .contains = "no/such"},
    {"discover without a claim", "2025-11-25", .body = BARE("1", "server/discover"), .status = 200, .code = -32601, .contains = "server/discover"},
    {"listen without a claim", .body = BARE("1", "subscriptions/listen"), .status = 200, .code = -32601, .contains = "listen"},
    {"logging is not offered", .body = BODY("1", "logging/setLevel", "\"level\":\"info\""), .status = 200, .code = -32601, .contains = "setLevel"},
    {"resources are not offered", .body = BARE("1", "resources/list"), .status = 200, .code = -32601, .contains = "resources"},
    {"legacy unknown tool", .body = BODY("1", "tools/call", "\"name\":\"nope\""), .status = 200, .code = -32602, .contains = "Unknown tool: nope"},
    {"legacy call without a name", .body = BODY("1", "tools/call", ""), .status = 200, .code = -32602, .contains = "name"},
    {"legacy arguments of a wrong type", .body = BODY("1", "tools/call", "\"name\":\"echo\",\"arguments\":[1]"), .status = 200, .code = -32602, .contains = "arguments"},
    {"legacy bad tool arguments", "2025-11-25", .body = BODY("1", "tools/call", "\"name\":\"echo\",\"arguments\":{\"text\":5}"), .status = 200, .contains = "\"isError\":true"},
    {"legacy call", "2025-11-25", .body = BODY("1", "tools/call", ECHO("\"echo\"")), .status = 200, .contains = "\"structuredContent\":{\"said\":[\"hi\"]"},
    {"a task parameter is ignored", "2025-11-25", .body = BODY("1", "tools/call", ECHO("\"echo\"") ",\"task\":{\"ttl\":5}"), .status = 200, .contains = "\"said\""},
    {"_meta of a wrong type", .body = BODY("1", "ping", "\"_meta\":5"), .status = 200, .code = -32602, .contains = "_meta"},
    {"_meta with other keys only", .body = BODY("1", "ping", "\"_meta\":{\"progressToken\":1}"), .status = 200, .contains = "{}"},
    {"legacy cursor", .body = BODY("1", "tools/list", "\"cursor\":\"x\""), .status = 200, .code = -32602, .contains = "ursor"},
    {"notification of an unknown kind", .body = NOTE("notifications/whatever", ""), .status = 202},
    {"a request's name as notification does nothing", .body = NOTE("tools/call", "\"name\":\"echo\""), .status = 202},
    {"a notification's name as request", .body = BARE("1", "notifications/initialized"), .status = 200, .code = -32601, .contains = "notifications/initialized"},
    /* no message */
    {"broken JSON", .body = "{\"jsonrpc\":", .status = 400, .code = -32700, .contains = "line 1, column 12"},
    {"empty body", .body = "", .status = 400, .code = -32700, .contains = "Parse error"},
    {"invalid UTF-8", .body = "{\"jsonrpc\":\"2.0\",\"id\":\"\xff\",\"method\":\"ping\"}", .status = 400, .code = -32700, .contains = "Parse error"},
    {"a number", .body = "42", .status = 400, .code = -32600, .contains = "object"},
    {"id null", .body = BARE("null", "ping"), .status = 400, .code = -32600, .contains = "id"},
    {"id true", .body = BARE("true", "ping"), .status = 400, .code = -32600, .contains = "id"},
    {"id 1.5", .body = BARE("1.5", "ping"), .status = 400, .code = -32600, .contains = "id"},
    {"id an array", .body = BARE("[1]", "ping"), .status = 400, .code = -32600, .contains = "id"},
    {"id 1.0 is an integer, echoed", .body = BARE("1.0", "ping"), .status = 200, .contains = "\"id\":1.0,"},
    {"id beyond 64 bits, echoed", .body = BARE("-123456789012345678901234567890", "ping"), .status = 200, .contains = "\"id\":-123456789012345678901234567890,"},
    {"id with escapes, echoed", .body = BARE("\"\\u0061\\n\"", "ping"), .status = 200, .contains = "\"id\":\"\\u0061\\n\","},
    {"empty id, echoed", .body = BARE("\"\"", "ping"), .status = 200, .contains = "\"id\":\"\","},
    {"jsonrpc 1.0", .body = "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", .status = 400, .code = -32600, .contains = "\"id\":1"},
    {"jsonrpc a number", .body = "{\"jsonrpc\":2.0,\"id\":1,\"method\":\"ping\"}", .status = 400, .code = -32600, .contains = "\"id\":1"},
    {"jsonrpc absent", .body = "{\"id\":1,\"method\":\"ping\"}", .status = 400, .code = -32600, .contains = "\"id\":1"},
    {"method absent", .body = "{\"jsonrpc\":\"2.0\",\"id\":1}", .status = 400, .code = -32600, .contains = "method"},
    {"method a number", .body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", .status = 400, .code = -32600, .contains = "method"},
    {"method and result", .body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"result\":{}}", .status = 400, .code = -32600, .contains = "\"id\":1"},
    {"params an array", .body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}", .status = 400, .code = -32600, .contains = "params"},
    {"method twice", .body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"method\":\"ping\"}", .status = 400, .code = -32600, .contains = "twice"},
    {"id twice is no id", .body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", .status = 400, .code = -32600, .contains = "{\"jsonrpc\":\"2.0\",\"error\""},
    {"response with an unknown id", .body = "{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}", .status = 202},
    {"error response with id null", .body = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1,\"message\":\"\"}}", .status = 202},
    {"response under a modern header", MODERN, .body = "{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}", .status = 202},
    /* batches */
    {"empty batch", .body = "[]", .status = 400, .code = -32600, .contains = "at least one"},
    {"empty batch under a modern header", MODERN, .body = "[]", .status = 400, .code = -32600, .contains = "batch"},
    {"batch of a request and a notification", .body = "[" BARE("1", "ping") "," NOTE("notifications/initialized", "") "]", .status = 200, .contains = "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}]"},
    {"batch of two", "2025-03-26", .body = "[" BARE("1", "ping") "," BARE("2", "no/such") "]", .status = 200, .contains = ",{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32601"},
    {"batch of notifications", .body = "[" NOTE("notifications/initialized", "") "]", .status = 202},
    {"batch of responses", .body = "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}]", .status = 202},
    {"batch with initialize", .body = "[" INIT("2025-03-26") "]", .status = 400, .code = -32600, .contains = "initialize"},
    {"batch with an invalid element", .body = "[" BARE("1", "ping") ",1]", .status = 400, .code = -32600, .contains = "object"},
    {"batch in a batch", .body = "[[" BARE("1", "ping") "]]", .status = 400, .code = -32600, .contains = "batch"},
    {"batch with a claim", .body = "[" BODY("1", "tools/list", FAKE_META) "]", .status = 400, .code = -32600, .contains = "2026-07-28"},
    {"batch under 2025-06-18", "2025-06-18", .body = "[" BARE("1", "ping") "]", .status = 400, .code = -32600, .contains = "2025-03-26"},
    {"batch under a modern header with elements", MODERN, .body = "[" BARE("1", "ping") "]", .status = 400, .code = -32600, .contains = "2026-07-28"},
    /* modern */
    {"discover", MODERN, "server/discover", .body = BODY("1", "server/discover", FAKE_META), .status = 200, .contains = "\"supportedVersions\":[\"2026-07-28\""},
    {"modern list", MODERN, "tools/list", .body = BODY("1", "tools/list", FAKE_META), .status = 200, .contains = "\"ttlMs\":"},
    {"modern call", MODERN, "tools/call", "echo", .body = BODY("1", "tools/call", ECHO("\"echo\"") "," FAKE_META), .status = 200, .contains = "\"resultType\":\"complete\""},
    {"header values may be padded", " " MODERN " ", "\ttools/call", " echo", .body = BODY("1", "tools/call", ECHO("\"echo\"") "," FAKE_META), .status = 200, .contains = "said"},
    {"modern with a session id", MODERN, "tools/list", .session = "x", .body = BODY("1", "tools/list", FAKE_META), .status = 200, .contains = "tools"},
    {"modern unknown method", MODERN, "no/such", .body = BODY("1", "no/such", FAKE_META), .status = 404, .code = -32601, .contains = "no/such"},
    {"modern ping", MODERN, "ping", .body = BODY("1", "ping", FAKE_META), .status = 404, .code = -32601, .contains = "ping"},
    {"modern initialize", MODERN, "initialize", .body = BODY("1", "initialize", FAKE_META), .status = 404, .code = -32601, .contains = "initialize"},
    {"modern tasks/list", MODERN, "tasks/list", .body = BODY("1", "tasks/list", FAKE_META), .status = 404, .code = -32601, .contains = "tasks/list"},
    {"modern listen is not offered", MODERN, "subscriptions/listen", .body = BODY("1", "subscriptions/listen", FAKE_META), .status = 404, .code = -32601, .contains = "listen"},
    {"modern unknown tool", MODERN, "tools/call", "nope", .body = BODY("1", "tools/call", "\"name\":\"nope\"," FAKE_META), .status = 200, .code = -32602, .contains = "nope"},
    {"modern bad cursor", MODERN, "tools/list", .body = BODY("1", "tools/list", "\"cursor\":\"\"," FAKE_META), .status = 200, .code = -32602, .contains = "ursor"},
    {"modern call without a name", MODERN, "tools/call", .body = BODY("1", "tools/call", FAKE_META), .status = 200, .code = -32602, .contains = "name"},
    {"no version header", .method = "tools/list", .body = BODY("1", "tools/list", FAKE_META), .status = 400, .code = -32020, .contains = "\"id\":1"},
    {"another version header", "2025-11-25", "tools/list", .body = BODY("1", "tools/list", FAKE_META), .status = 400, .code = -32020, .contains = "\"id\":1"},
    {"no method header", MODERN, .body = BODY("1", "tools/list", FAKE_META), .status = 400, .code = -32020, .contains = "Mcp-Method"},
    {"another method header", MODERN, "tools/call", .body = BODY("1", "tools/list", FAKE_META), .status = 400, .code = -32020, .contains = "Mcp-Method"},
    {"method header in another case", MODERN, "Tools/List", .body = BODY("1", "tools/list", FAKE_META), .status = 400, .code = -32020, .contains = "Mcp-Method"},
    {"no name header", MODERN, "tools/call", .body = BODY("1", "tools/call", ECHO("\"echo\"") "," FAKE_META), .status = 400, .code = -32020, .contains = "Mcp-Name"},
    {"another name header", MODERN, "tools/call", "ECHO", .body = BODY("1", "tools/call", ECHO("\"echo\"") "," FAKE_META), .status = 400, .code = -32020, .contains = "Mcp-Name"},
    {"name header without a name", MODERN, "tools/call", "echo", .body = BODY("1", "tools/call", FAKE_META), .status = 400, .code = -32020, .contains = "Mcp-Name"},
    {"encoded name", MODERN, "tools/call", "=?base64?ZWNobw==?=", .body = BODY("1", "tools/call", ECHO("\"echo\"") "," FAKE_META), .status = 200, .contains = "said"},
    {"encoded name, bad padding", MODERN, "tools/call", "=?base64?ZWNobw?=", .body = BODY("1", "tools/call", ECHO("\"echo\"") "," FAKE_META), .status = 400, .code = -32020, .contains = "Mcp-Name"},
    {"prefix only is a literal", MODERN, "tools/call", "=?base64?ZWNobw==", .body = BODY("1", "tools/call", "\"name\":\"=?base64?ZWNobw==\"," FAKE_META), .status = 200, .code = -32602, .contains = "Unknown tool"},
    {"claimed legacy version", "2025-11-25", "tools/list", .body = BODY("1", "tools/list", META("\"2025-11-25\"", "{}", "")), .status = 400, .code = -32022, .contains = "\"requested\":\"2025-11-25\""},
    {"claimed unknown version", "2030-01-01", "tools/list", .body = BODY("1", "tools/list", META("\"2030-01-01\"", "{}", "")), .status = 400, .code = -32022, .contains = "\"supported\":[\"2026-07-28\",\"2025-11-25\",\"2025-06-18\",\"2025-03-26\",\"2024-11-05\"]"},
    {"version not served before Mcp-Name", "2030-01-01", "tools/call", .body = BODY("1", "tools/call", "\"name\":\"echo\"," META("\"2030-01-01\"", "{}", "")), .status = 400, .code = -32022, .contains = "requested"},
    {"version a number", MODERN, "tools/list", .body = BODY("1", "tools/list", META("1", "{}", "")), .status = 400, .code = -32602, .contains = "protocolVersion"},
    {"capabilities an array", MODERN, "tools/list", .body = BODY("1", "tools/list", META("\"" MODERN "\"", "[]", "")), .status = 400, .code = -32602, .contains = "clientCapabilities"},
    {"capabilities absent", MODERN, "tools/list", .body = BODY("1", "tools/list", "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"" MODERN "\"}"), .status = 400, .code = -32602, .contains = "clientCapabilities"},
    {"malformed before the header", .body = BODY("1", "tools/list", META("1", "{}", "")), .status = 400, .code = -32602, .contains = "protocolVersion"},
    {"unknown log level", MODERN, "tools/list", .body = BODY("1", "tools/list", META("\"" MODERN "\"", "{}", ",\"io.modelcontextprotocol/logLevel\":\"loud\"")), .status = 400, .code = -32602, .contains = "logLevel"},
    {"log level", MODERN, "tools/list", .body = BODY("1", "tools/list", META("\"" MODERN "\"", "{}", ",\"io.modelcontextprotocol/logLevel\":\"debug\"")), .status = 200, .contains = "tools"},
    {"progress token null", MODERN, "tools/list", .body = BODY("1", "tools/list", META("\"" MODERN "\"", "{}", ",\"progressToken\":null")), .status = 400, .code = -32602, .contains = "progressToken"},
    {"client info a text", MODERN, "tools/list", .body = BODY("1", "tools/list", META("\"" MODERN "\"", "{}", ",\"io.modelcontextprotocol/clientInfo\":\"me\"")), .status = 400, .code = -32602, .contains = "clientInfo"},
    {"a key of _meta twice", MODERN, "tools/list", .body = BODY("1", "tools/list", META("\"" MODERN "\"", "{}", ",\"x\":1,\"x\":2")), .status = 400, .code = -32602, .contains = "twice"},
    {"_meta twice", MODERN, "tools/list", .body = BODY("1", "tools/list", FAKE_META "," FAKE_META), .status = 400, .code = -32602, .contains = "twice"},
    {"no claim under a modern header", MODERN, "tools/list", .body = BARE("1", "tools/list"), .status = 400, .code = -32602, .contains = "io.modelcontextprotocol/protocolVersion"},
    {"modern cancelled without a claim", MODERN, "notifications/cancelled", .body = NOTE("notifications/cancelled", "\"requestId\":1"), .status = 202},
    {"modern cancelled with a claim", MODERN, .body = NOTE("notifications/cancelled", "\"requestId\":1," FAKE_META), .status = 202},
    {"modern notification, another method header", MODERN, "ping", .body = NOTE("notifications/cancelled", "\"requestId\":1," FAKE_META), .status = 400, .code = -32020, .contains = "Mcp-Method"})
/* clang-format on */
{
    struct fake_server *fs = fake_server(0, MCP_HTTP);
    const struct mcp_header all[] = {
        {"MCP-Protocol-Version", slice_of(row->version)},
        {"Mcp-Method", slice_of(row->method)},
        {"Mcp-Name", slice_of(row->name)},
        {"Mcp-Session-Id", slice_of(row->session)},
        {0}};
    struct fake_exchange *fx = fake_send(fs, row->body, all);
    CHECK_INT_EQ(fx->status, row->status);
    if (!row->contains) {
        CHECK_INT_EQ(fx->body.n, 0);
    } else {
        int64_t code = 0;
        CHECK_CONTAINS(fx->body, row->contains);
        json_int64(json_at(fake_json(fx->body), "error", "code", NULL), &code);
        CHECK_INT_EQ(code, row->code);
    }
    fake_server_free(fs);
}

/* --- the encoded form of header values ------------------------------------ */

#include "mcp/rules.h"

struct decode_row {
    const char *in;
    enum err err;
    const char *out;
};

TEST_EACH(mcp_http, decodes_header_values, struct decode_row, row,
          {"plain", OK, "plain"}, {"", OK, ""},
          {"=?base64?SGVsbG8sIOS4lueVjA==?=", OK, "Hello, 世界"},
          {"=?base64?IHBhZGRlZCA=?=", OK, " padded "},
          {"=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", OK, "=?base64?literal?="},
          {"=?base64?aMOp?=", OK, "hé"},
          {"=?base64?"
           "?=",
           OK, ""},
          {"=?base64?SGVsbG8?=", ERR_INVALID, NULL},
          {"=?base64?SGVsbG8=", OK, "=?base64?SGVsbG8="},
          {"SGVsbG8=?=", OK, "SGVsbG8=?="},
          {"=?BASE64?aMOp?=", OK, "=?BASE64?aMOp?="},
          {"=?base64?", OK, "=?base64?"}, {"=?base64?=", OK, "=?base64?="},
          {"=?base64?SGVs bG8=?=", ERR_INVALID, NULL},
          {"=?base64?SGVs-G8_?=", ERR_INVALID, NULL},
          {"=?base64?aMOp====?=", ERR_INVALID, NULL},
          {"=?base64?====?=", ERR_INVALID, NULL},
          {"=?base64?aMO=?=", ERR_INVALID, NULL},
          {"=?base64?/w==?=", ERR_INVALID, NULL})
{
    struct slice out;
    CHECK_ERR(mcp_header_decode(slice_of(row->in), test_arena(), &out),
              row->err);
    if (!row->err) CHECK_TEXT_EQ(out, row->out);
}
