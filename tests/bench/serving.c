#include "tests/bench/serving.h"

#include "tests/integration/bugfix.h"
#include "tests/unit/session_kit.h"

#define META                                                                   \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","   \
    "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"bench\","              \
    "\"version\":\"1.0.0\"},"                                                  \
    "\"io.modelcontextprotocol/clientCapabilities\":{}}"

struct server *serve_on(int cpu, const char *project, const char *const *args)
{
    stand_on(cpu);
    struct server *s = server_start(&(struct server_options){
        .project = project, .args = args, .patience_s = 60});
    (void)server_port(s);
    stand_on(-1);
    return s;
}

struct server *serve_short_on(int cpu, struct slice *ret_message)
{
    const char *args[] = {"--workflows", kit_workflows(), NULL};
    struct server *s = serve_on(cpu, NULL, args);
    const struct json *r =
        stdio_tool(s, "start_workflow",
                   "{\"workflow_type\":\"three_v1\",\"target\":\"a\"}");
    struct slice id =
        json_text(json_at(r, "structuredContent", "session_id", NULL));
    *ret_message = get_phase_of(arena_cstr(test_arena(), id));
    return s;
}

struct slice message_of(const char *tool, const char *arguments)
{
    return arena_printf(test_arena(),
                        "{\"jsonrpc\":\"2.0\",\"id\":4711,\"method\":"
                        "\"tools/call\",\"params\":{\"name\":\"%s\","
                        "\"arguments\":%s," META "}}",
                        tool, arguments);
}

struct slice get_phase_of(const char *session)
{
    return message_of("get_phase", bugfix_session(session, ""));
}

struct slice line_of(struct slice message)
{
    return arena_printf(test_arena(), "%.*s\n", SLICE_ARG(message));
}

struct slice post_of(const char *tool, struct slice message, int port)
{
    return arena_printf(test_arena(),
                        "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                        "Content-Type: application/json\r\n"
                        "Accept: application/json, text/event-stream\r\n"
                        "MCP-Protocol-Version: 2026-07-28\r\n"
                        "Mcp-Method: tools/call\r\nMcp-Name: %s\r\n"
                        "Content-Length: %zu\r\n\r\n%.*s",
                        port, tool, message.n, SLICE_ARG(message));
}

const char *session_new(struct server *s, const char *target)
{
    const struct json *r =
        stdio_tool(s, "start_workflow", bugfix_start(target));
    return arena_cstr(test_arena(), json_text(json_at(r, "structuredContent",
                                                      "session_id", NULL)));
}

struct slice answer_of(struct server *s, struct slice message)
{
    stdio_send_raw(s, line_of(message));
    return arena_copy(test_arena(), stdio_line(s));
}
