/* echo_server: an MCP server with one tool, on stdio or HTTP.
 *
 *   cc -o echo_server echo_server.c $(pkg-config --cflags --libs phasegate-mcp)
 *   {"mcpServers": {"echo": {"command": "/path/to/echo_server"}}}
 */
#include <phasegate-mcp.h>

struct echo_args {
    struct mcp_text text;
    int64_t times;
};

static const struct mcp_field echo_fields[] = {
    {"text", MCP_FIELD_STRING, offsetof(struct echo_args, text),
     .required = true, .description = "What to say.", .example = "\"hello\""},
    {"times", MCP_FIELD_INTEGER, offsetof(struct echo_args, times), .min = 1,
     .max = 100, .def = 1, .has_default = true},
    {0}};

static enum mcp_err echo(struct mcp_call *call, const void *args)
{
    const struct echo_args *a = args;
    for (int64_t i = 0; i < a->times; i++) mcp_add_text(call, a->text);
    return MCP_OK;
}

static const struct mcp_tool tools[] = {
    {"echo", "Echo", "Use this to hear yourself.",
     .hints = MCP_READ_ONLY | MCP_IDEMPOTENT, .run = MCP_RUN_INLINE,
     .args_size = sizeof(struct echo_args), .args = echo_fields, .call = echo},
    {0}};

int main(int argc, char **argv)
{
    struct mcp_server_config c = {
        .name = "echo", .version = "1.0.0", .tools = MCP_TABLE(tools)};
    return mcp_main(&c, argc, argv);
}
