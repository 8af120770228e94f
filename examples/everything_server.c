/*
 * everything_server: one of everything an MCP server can offer, for the
 * official conformance suite and as a place to look up how a thing is said.
 *
 *   everything_server                  on stdio
 *   everything_server --http-port N    on http://127.0.0.1:N/mcp
 */
#include "everything.h"

/* --- resources
 * ---------------------------------------------------------------------------
 */

static enum mcp_err read_text(struct mcp_call *call, const struct mcp_uri *uri)
{
    mcp_add_contents(
        call, &(struct mcp_content){
                  .uri = uri->uri,
                  .mime_type = MCP_STR("text/plain"),
                  .text = MCP_STR(
                      "This is the content of the static text resource.")});
    return MCP_OK;
}

static enum mcp_err read_binary(struct mcp_call *call,
                                const struct mcp_uri *uri)
{
    struct mcp_content c = everything_picture();
    c.uri = uri->uri;
    mcp_add_contents(call, &c);
    return MCP_OK;
}

static enum mcp_err read_template(struct mcp_call *call,
                                  const struct mcp_uri *uri)
{
    struct mcp_text id = mcp_quote(call, uri->values[0]);
    struct mcp_text data =
        mcp_quote(call, mcp_printf(call, "Data for ID: %.*s",
                                   MCP_STR_ARG(uri->values[0])));
    mcp_add_contents(
        call, &(struct mcp_content){
                  .uri = uri->uri,
                  .mime_type = MCP_STR("application/json"),
                  .text = mcp_printf(
                      call, "{\"id\":%.*s,\"templateTest\":true,\"data\":%.*s}",
                      MCP_STR_ARG(id), MCP_STR_ARG(data))});
    return MCP_OK;
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

/* --- prompts
 * ------------------------------------------------------------------------------
 */

static void say(struct mcp_call *call, struct mcp_text text)
{
    mcp_add_message(call, false,
                    &(struct mcp_content){.kind = MCP_TEXT, .text = text});
}

static enum mcp_err simple_prompt(struct mcp_call *call,
                                  const struct mcp_prompt_call *p)
{
    (void)p;
    say(call, MCP_STR("This is a simple prompt for testing."));
    return MCP_OK;
}

static const struct mcp_prompt_arg two_args[] = {
    {"arg1", "First test argument", true},
    {"arg2", "Second test argument", true},
    {0}};

static enum mcp_err prompt_with_arguments(struct mcp_call *call,
                                          const struct mcp_prompt_call *p)
{
    say(call,
        mcp_printf(call, "Prompt with arguments: arg1='%.*s', arg2='%.*s'",
                   MCP_STR_ARG(p->values[0]), MCP_STR_ARG(p->values[1])));
    return MCP_OK;
}

static const struct mcp_prompt_arg uri_args[] = {
    {"resourceUri", "URI of the resource to embed", true}, {0}};

static enum mcp_err prompt_with_resource(struct mcp_call *call,
                                         const struct mcp_prompt_call *p)
{
    struct mcp_content c = everything_embedded(
        "", "text/plain", "Embedded resource content for testing.");
    c.uri = p->values[0];
    mcp_add_message(call, false, &c);
    say(call, MCP_STR("Please process the embedded resource above."));
    return MCP_OK;
}

static enum mcp_err prompt_with_image(struct mcp_call *call,
                                      const struct mcp_prompt_call *p)
{
    struct mcp_content image = everything_picture();
    (void)p;
    mcp_add_message(call, false, &image);
    say(call, MCP_STR("Please analyze the image above."));
    return MCP_OK;
}

static enum mcp_err prompt_that_asks(struct mcp_call *call,
                                     const struct mcp_prompt_call *p)
{
    const struct mcp_json *answer;
    (void)p;
    enum mcp_err e = mcp_ask(
        call, MCP_ASK_FORM, "user_context",
        MCP_STR("{\"message\":\"What context should the prompt use?\","
                "\"requestedSchema\":{\"type\":\"object\",\"properties\":{"
                "\"context\":{\"type\":\"string\"}},\"required\":[\"context\"]}"
                "}"),
        &answer);
    if (e) return e;
    struct mcp_text context = everything_text(answer, "context");
    say(call, mcp_printf(call, "Use this context: %.*s", MCP_STR_ARG(context)));
    return MCP_OK;
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

static enum mcp_err complete(struct mcp_call *call,
                             const struct mcp_completion *c)
{
    static const char *const words[] = {"paris", "park", "party", "test"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strncmp(words[i], c->value.n ? c->value.p : "", c->value.n) == 0)
            mcp_add_value(call, mcp_str(words[i]));
    }
    return MCP_OK;
}

int main(int argc, char **argv)
{
    struct mcp_server_config c = {.name = "everything-server",
                                  .title = "One of everything",
                                  .version = "1.0.0",
                                  .instructions = "A server for tests.",
                                  .tools = everything_tools,
                                  .resources = resources,
                                  .prompts = prompts,
                                  .complete = complete,
                                  .tells =
                                      MCP_LOGS | MCP_LIST_CHANGES | MCP_UPDATES,
                                  .sessions = MCP_SESSIONS_ALWAYS,
                                  .answers_resume = true};
    return mcp_main(&c, argc, argv);
}
