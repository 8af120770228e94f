/* echo_server: an MCP server on stdio with one tool.
 *
 *   {"mcpServers": {"echo": {"command": "echo_server"}}}
 */
#include <semaphore.h>
#include <unistd.h>

#include "mcp/call.h"
#include "transport/loop.h"
#include "transport/stdio.h"

struct echo_args {
    struct slice text;
    int64_t times;
};

static const struct mcp_field echo_fields[] = {
    {"text", MCP_FIELD_STRING, offsetof(struct echo_args, text),
     .required = true, .description = "What to say.", .example = "\"hello\""},
    {"times", MCP_FIELD_INTEGER, offsetof(struct echo_args, times), .min = 1,
     .max = 100, .def = 1, .has_default = true},
    {0}};

static enum err echo(struct mcp_call *call, const void *args)
{
    const struct echo_args *a = args;
    for (int64_t i = 0; i < a->times; i++) mcp_add_text(call, a->text);
    return OK;
}

static const struct mcp_tool tools[] = {
    {"echo", "Echo", "Use this to hear yourself.",
     .hints = MCP_READ_ONLY | MCP_IDEMPOTENT, .run = MCP_RUN_INLINE,
     .args_size = sizeof(struct echo_args), .args = echo_fields, .call = echo},
    {0}};
static const struct mcp_tool *const tables[] = {tools, NULL};

static void notice(void *ended, enum tp_stdio_notice what)
{
    if (what == TP_STDIO_ENDED) sem_post(ended);
}

int main(void)
{
    struct mcp_server_config c = {
        .name = "echo", .version = "1.0.0", .tools = tables};
    struct tp_stdio_config io = {.in = STDIN_FILENO, .out = STDOUT_FILENO};
    sem_t ended;
    sem_init(&ended, 0, 0);
    io.notice = notice;
    io.ctx = &ended;
    if (mcp_server_new(&c, &io.server) ||
        tp_loop_new("stdio", TP_LOOP_FILES, &io.loop) ||
        tp_stdio_new(&io, &(struct tp_stdio *){0}) || tp_loop_start(io.loop))
        return 1;
    while (sem_wait(&ended) != 0) {}
    return 0;
}
