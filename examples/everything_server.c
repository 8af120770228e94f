/*
 * everything_server: one of everything an MCP server can offer, for the
 * official conformance suite and as a place to look up how a thing is said.
 *
 *   everything_server                  on stdio
 *   everything_server --http-port N    on http://127.0.0.1:N/mcp
 */
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "examples/everything.h"
#include "transport/http.h"
#include "transport/listen.h"
#include "transport/loop.h"
#include "transport/stdio.h"

/* --- resources --------------------------------------------------------------------------- */

static enum err read_text(struct mcp_call *call, const struct mcp_uri *uri)
{
    mcp_add_contents(
        call,
        &(struct mcp_content){
            .uri = uri->uri,
            .mime_type = SLICE("text/plain"),
            .text = SLICE("This is the content of the static text resource.")});
    return OK;
}

static enum err read_binary(struct mcp_call *call, const struct mcp_uri *uri)
{
    struct mcp_content c = everything_picture();
    c.uri = uri->uri;
    mcp_add_contents(call, &c);
    return OK;
}

static enum err read_template(struct mcp_call *call, const struct mcp_uri *uri)
{
    struct buf b = BUF_INIT(64 << 10);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_string(&w, "id", uri->values[0]);
    json_put_bool(&w, "templateTest", true);
    json_key(&w, SLICE("data"));
    json_stringf(&w, "Data for ID: %.*s", SLICE_ARG(uri->values[0]));
    json_end_object(&w);
    mcp_add_contents(call,
                     &(struct mcp_content){
                         .uri = uri->uri,
                         .mime_type = SLICE("application/json"),
                         .text = arena_copy(&call->arena, buf_slice(&b))});
    buf_done(&b);
    return OK;
}

static const struct mcp_resource resources[] = {
    {"test://static-text", "static-text", "Static text",
     "A text that never changes.", "text/plain", .read = read_text},
    {"test://static-binary", "static-binary", "Static binary",
     "An image that never changes.", "image/png", .read = read_binary},
    {"test://watched-resource", "watched-resource", "Watched",
     "A resource to subscribe to.", "text/plain", .read = read_text},
    {"test://template/{id}/data", "template", "Template", "Data of an id.",
     "application/json", .read = read_template},
    {0}};

/* --- prompts ------------------------------------------------------------------------------ */

static void say(struct mcp_call *call, struct slice text)
{
    mcp_add_message(call, false,
                    &(struct mcp_content){.kind = MCP_TEXT, .text = text});
}

static enum err simple_prompt(struct mcp_call *call,
                              const struct mcp_prompt_call *p)
{
    (void)p;
    say(call, SLICE("This is a simple prompt for testing."));
    return OK;
}

static const struct mcp_prompt_arg two_args[] = {
    {"arg1", "First test argument", true},
    {"arg2", "Second test argument", true},
    {0}};

static enum err prompt_with_arguments(struct mcp_call *call,
                                      const struct mcp_prompt_call *p)
{
    say(call, arena_printf(&call->arena,
                           "Prompt with arguments: arg1='%.*s', arg2='%.*s'",
                           SLICE_ARG(p->values[0]), SLICE_ARG(p->values[1])));
    return OK;
}

static const struct mcp_prompt_arg uri_args[] = {
    {"resourceUri", "URI of the resource to embed", true}, {0}};

static enum err prompt_with_resource(struct mcp_call *call,
                                     const struct mcp_prompt_call *p)
{
    struct mcp_content c =
        everything_embedded("", "text/plain", "Embedded resource content for testing.");
    c.uri = p->values[0];
    mcp_add_message(call, false, &c);
    say(call, SLICE("Please process the embedded resource above."));
    return OK;
}

static enum err prompt_with_image(struct mcp_call *call,
                                  const struct mcp_prompt_call *p)
{
    struct mcp_content image = everything_picture();
    (void)p;
    mcp_add_message(call, false, &image);
    say(call, SLICE("Please analyze the image above."));
    return OK;
}

static enum err prompt_that_asks(struct mcp_call *call,
                                 const struct mcp_prompt_call *p)
{
    const struct json *answer;
    (void)p;
    enum err e = mcp_ask(
        call, MCP_ASK_FORM, "user_context",
        SLICE("{\"message\":\"What context should the prompt use?\","
              "\"requestedSchema\":{\"type\":\"object\",\"properties\":{"
              "\"context\":{\"type\":\"string\"}},\"required\":[\"context\"]}"
              "}"),
        &answer);
    if (e) return e;
    struct slice context = everything_text(answer, "context");
    say(call, arena_printf(&call->arena, "Use this context: %.*s",
                           SLICE_ARG(context)));
    return OK;
}

static const struct mcp_prompt prompts[] = {
    {"test_simple_prompt", NULL, "A prompt without arguments.",
     .get = simple_prompt},
    {"test_prompt_with_arguments", NULL, "A prompt with two arguments.",
     two_args, .get = prompt_with_arguments},
    {"test_prompt_with_embedded_resource", NULL, "A prompt with a resource.",
     uri_args, .get = prompt_with_resource},
    {"test_prompt_with_image", NULL, "A prompt with an image.",
     .get = prompt_with_image},
    {"test_input_required_result_prompt", NULL, "A prompt that asks.",
     .get = prompt_that_asks},
    {0}};

static enum err complete(struct mcp_call *call, const struct mcp_completion *c)
{
    static const char *const words[] = {"paris", "park", "party", "test"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (slice_starts(slice_of(words[i]), c->value))
            mcp_add_value(call, slice_of(words[i]));
    }
    return OK;
}

/* --- the process ----------------------------------------------------------------------------- */

static sem_t ended;

static void on_signal(int sig)
{
    (void)sig;
    sem_post(&ended);
}

static void on_stdio(void *ctx, enum tp_stdio_notice what)
{
    (void)ctx;
    if (what == TP_STDIO_ENDED || what == TP_STDIO_GONE) sem_post(&ended);
}

static enum err serve_stdio(struct mcp_server *server)
{
    struct tp_stdio *io;
    struct tp_stdio_config c = {.server = server,
                                .in = STDIN_FILENO,
                                .out = STDOUT_FILENO,
                                .notice = on_stdio};
    enum err e = tp_loop_new("stdio", TP_LOOP_FILES, &c.loop);
    if (!e) e = tp_stdio_new(&c, &io);
    return e ? e : tp_loop_start(c.loop);
}

static enum err serve_http(struct mcp_server *server, int port)
{
    struct tp_listen at;
    struct tp_http *http;
    struct tp_http_config c = {.server = server};
    enum err e = tp_loop_new("http", TP_LOOP_NET, &c.loop);
    if (!e) e = tp_listen(SLICE("127.0.0.1"), port, port, &at);
    if (!e) e = tp_http_new(&c, &http);
    if (!e) e = tp_http_accept(http, at.fd);
    if (!e) e = tp_loop_start(c.loop);
    if (!e) fprintf(stderr, "http://127.0.0.1:%d/mcp\n", at.port);
    return e;
}

int main(int argc, char **argv)
{
    struct mcp_server_config c = {
        .name = "everything-server",
        .title = "One of everything",
        .version = "1.0.0",
        .instructions = "A server for tests.",
        .tools = everything_tools,
        .resources = resources,
        .prompts = prompts,
        .complete = complete,
        .tells = MCP_LOGS | MCP_LIST_CHANGES | MCP_UPDATES,
        .sessions = MCP_SESSIONS_ALWAYS,
        .answers_resume = true};
    struct mcp_server *server;
    int64_t port = -1;
    bool http = argc == 3 && strcmp(argv[1], "--http-port") == 0 &&
                slice_int64(slice_of(argv[2]), &port) && port >= 0 &&
                port <= UINT16_MAX;
    if (argc != 1 && !http) {
        fprintf(stderr, "usage: everything_server [--http-port N]\n");
        return 2;
    }
    sem_init(&ended, 0, 0);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    signal(SIGPIPE, SIG_IGN);
    enum err e = mcp_server_new(&c, &server);
    if (!e) e = http ? serve_http(server, (int)port) : serve_stdio(server);
    if (e) {
        fprintf(stderr, "everything_server: %.*s\n", SLICE_ARG(err_detail(e)));
        return 1;
    }
    while (sem_wait(&ended) != 0) {}
    return 0;
}
