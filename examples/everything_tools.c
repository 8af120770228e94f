/* The tools of everything_server: content, log lines, progress, questions to
 * the client, tasks. */
#include "examples/everything.h"

enum { STEP_MS = 50, RECONNECT_MS = 100, JOB_MS = 1000 };

/* A red pixel, and two samples of silence. */
static const unsigned char png[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d,
    0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01,
    0x08, 0x02, 0x00, 0x00, 0x00, 0x90, 0x77, 0x53, 0xde, 0x00, 0x00, 0x00,
    0x0c, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0xf8, 0xcf, 0xc0, 0x00,
    0x00, 0x03, 0x01, 0x01, 0x00, 0xf7, 0x03, 0x41, 0x43, 0x00, 0x00, 0x00,
    0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
};
static const unsigned char wav[] = {
    0x52, 0x49, 0x46, 0x46, 0x26, 0x00, 0x00, 0x00, 0x57, 0x41, 0x56, 0x45,
    0x66, 0x6d, 0x74, 0x20, 0x10, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00,
    0x40, 0x1f, 0x00, 0x00, 0x40, 0x1f, 0x00, 0x00, 0x01, 0x00, 0x08, 0x00,
    0x64, 0x61, 0x74, 0x61, 0x02, 0x00, 0x00, 0x00, 0x80, 0x80,
};

struct mcp_content everything_picture(void)
{
    return (struct mcp_content){
        .kind = MCP_IMAGE,
        .bytes = {(const char *)png, sizeof(png)},
        .mime_type = SLICE("image/png")};
}

struct mcp_content everything_embedded(const char *uri, const char *type,
                                   const char *text)
{
    return (struct mcp_content){.kind = MCP_EMBEDDED,
                                .uri = slice_of(uri),
                                .mime_type = slice_of(type),
                                .text = slice_of(text)};
}

/* --- content -------------------------------------------------------------- */

static enum err simple_text(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_add_text(call, SLICE("This is a simple text response for testing."));
    return OK;
}

static enum err image_content(struct mcp_call *call, const void *args)
{
    struct mcp_content image = everything_picture();
    (void)args;
    mcp_add(call, &image);
    return OK;
}

static enum err audio_content(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_add(call, &(struct mcp_content){
                      .kind = MCP_AUDIO,
                      .bytes = {(const char *)wav, sizeof(wav)},
                      .mime_type = SLICE("audio/wav")});
    return OK;
}

static enum err embedded_resource(struct mcp_call *call, const void *args)
{
    struct mcp_content c =
        everything_embedded("test://embedded-resource", "text/plain",
                 "This is an embedded resource content.");
    (void)args;
    mcp_add(call, &c);
    return OK;
}

static enum err mixed_content(struct mcp_call *call, const void *args)
{
    struct mcp_content image = everything_picture();
    struct mcp_content c =
        everything_embedded("test://mixed-content-resource", "application/json",
                 "{\"test\":\"data\",\"value\":123}");
    (void)args;
    mcp_add_text(call, SLICE("Multiple content types test:"));
    mcp_add(call, &image);
    mcp_add(call, &c);
    return OK;
}

static enum err error_handling(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_add_text(call,
                 SLICE("This tool intentionally returns an error for testing"));
    call->is_error = true;
    return OK;
}

/* --- on the way ------------------------------------------------------------ */

static enum err with_logging(struct mcp_call *call, const void *args)
{
    static const char *const lines[] = {"Tool execution started",
                                        "Tool processing data",
                                        "Tool execution completed"};
    (void)args;
    mcp_log(call, MCP_LOG_INFO, SLICE("everything"),
            slice_of(lines[call->step]));
    if (call->step < 2) return mcp_pause(call, STEP_MS);
    mcp_add_text(call, SLICE("Tool with logging executed successfully"));
    return OK;
}

static enum err with_progress(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_progress(call, 50.0 * call->step, 100, (struct slice){0});
    if (call->step < 2) return mcp_pause(call, STEP_MS);
    mcp_add_text(call, SLICE("Tool with progress executed successfully"));
    return OK;
}

static enum err log_once(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_log(call, MCP_LOG_INFO, SLICE("everything"), SLICE("A log line"));
    mcp_add_text(call, SLICE("Logged"));
    return OK;
}

static enum err change_tools(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_changed(call->server, MCP_TOOLS_CHANGED);
    mcp_add_text(call, SLICE("Tools changed"));
    return OK;
}

static enum err change_prompts(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_changed(call->server, MCP_PROMPTS_CHANGED);
    mcp_add_text(call, SLICE("Prompts changed"));
    return OK;
}

static enum err touch_resource(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_updated(call->server, SLICE("test://watched-resource"));
    mcp_add_text(call, SLICE("Resource updated"));
    return OK;
}

static enum err reconnection(struct mcp_call *call, const void *args)
{
    (void)args;
    if (call->step == 0) {
        mcp_let_go(call, STEP_MS);
        return mcp_pause(call, RECONNECT_MS);
    }
    mcp_add_text(call, SLICE("Reconnection test completed"));
    return OK;
}

/* --- schemas and headers ------------------------------------------------------ */

static const char schema_2020_12[] =
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
    "\"type\":\"object\",\"$defs\":{\"address\":{\"$anchor\":\"addressDef\","
    "\"type\":\"object\",\"properties\":{\"street\":{\"type\":\"string\"},"
    "\"city\":{\"type\":\"string\"}}}},\"properties\":{\"name\":{\"type\":"
    "\"string\"},\"address\":{\"$ref\":\"#/$defs/address\"},"
    "\"contactMethod\":{\"type\":\"string\",\"enum\":[\"phone\",\"email\"]},"
    "\"phone\":{\"type\":\"string\"},\"email\":{\"type\":\"string\"}},"
    "\"allOf\":[{\"anyOf\":[{\"required\":[\"phone\"]},{\"required\":"
    "[\"email\"]}]}],\"if\":{\"properties\":{\"contactMethod\":{\"const\":"
    "\"phone\"}},\"required\":[\"contactMethod\"]},\"then\":{\"required\":"
    "[\"phone\"]},\"else\":{\"required\":[\"email\"]},"
    "\"additionalProperties\":false}";

struct header_args {
    struct slice region;
    int64_t level;
};
static const struct mcp_field header_fields[] = {
    {"region", MCP_FIELD_STRING, offsetof(struct header_args, region),
     .description = "Repeated in Mcp-Param-Region.", .header = "Region"},
    {"level", MCP_FIELD_INTEGER, offsetof(struct header_args, level),
     .description = "Not repeated."},
    {0}};

static enum err x_mcp_header(struct mcp_call *call, const void *args)
{
    const struct header_args *a = args;
    mcp_add_text(call, arena_printf(&call->arena, "region=%.*s",
                                    SLICE_ARG(a->region)));
    return OK;
}

static enum err any_address(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_add_text(call, SLICE("Taken as it is"));
    return OK;
}

/* --- asking the client ---------------------------------------------------------- */

static const struct slice name_form = SLICE_INIT(
    "{\"message\":\"What is your name?\",\"requestedSchema\":{\"type\":"
    "\"object\",\"properties\":{\"name\":{\"type\":\"string\"}},\"required\":"
    "[\"name\"]}}");
static const struct slice confirm_form = SLICE_INIT(
    "{\"message\":\"Please confirm\",\"requestedSchema\":{\"type\":\"object\","
    "\"properties\":{\"ok\":{\"type\":\"boolean\"}},\"required\":[\"ok\"]}}");

struct slice everything_text(const struct json *answer, const char *field)
{
    return json_text(json_at(answer, "content", field, NULL));
}

struct prompt_args {
    struct slice prompt;
};
static const struct mcp_field prompt_fields[] = {
    {"prompt", MCP_FIELD_STRING, offsetof(struct prompt_args, prompt),
     .required = true, .description = "What to ask the model."},
    {0}};

/* {"messages":[<user text>],"maxTokens":n} */
static struct slice sampling(struct mcp_call *call, struct slice text,
                             int64_t tokens)
{
    struct buf b = BUF_INIT(1 << 20);
    json_escape(&b, text);
    struct slice params = arena_printf(
        &call->arena,
        "{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\","
        "\"text\":\"%.*s\"}}],\"maxTokens\":%lld}",
        SLICE_ARG(buf_slice(&b)), (long long)tokens);
    buf_done(&b);
    return params;
}

static enum err test_sampling(struct mcp_call *call, const void *args)
{
    const struct prompt_args *a = args;
    const struct json *answer;
    enum err e = mcp_ask(call, MCP_ASK_SAMPLE, "sample",
                         sampling(call, a->prompt, 100), &answer);
    if (e) return e;
    struct slice text = everything_text(answer, "text");
    mcp_add_text(call, arena_printf(&call->arena, "LLM response: %.*s",
                                    SLICE_ARG(text)));
    return OK;
}

/* What was chosen, and what was filled in. */
static enum err tell_form(struct mcp_call *call, const char *format_start,
                          const struct json *answer)
{
    const struct json *content = json_get(answer, SLICE("content"));
    struct slice action = json_text(json_get(answer, SLICE("action")));
    mcp_add_text(
        call,
        arena_printf(&call->arena, "%s%.*s, content=%.*s", format_start,
                     SLICE_ARG(action),
                     SLICE_ARG(content ? content->raw : SLICE("{}"))));
    return OK;
}

struct message_args {
    struct slice message;
};
static const struct mcp_field message_fields[] = {
    {"message", MCP_FIELD_STRING, offsetof(struct message_args, message),
     .required = true, .description = "What to show the user."},
    {0}};

static enum err test_elicitation(struct mcp_call *call, const void *args)
{
    const struct message_args *a = args;
    const struct json *answer;
    struct buf b = BUF_INIT(1 << 20);
    json_escape(&b, a->message);
    struct slice form = arena_printf(
        &call->arena,
        "{\"message\":\"%.*s\",\"requestedSchema\":{\"type\":\"object\","
        "\"properties\":{\"username\":{\"type\":\"string\",\"description\":"
        "\"User's response\"},\"email\":{\"type\":\"string\",\"description\":"
        "\"User's email address\"}},\"required\":[\"username\",\"email\"]}}",
        SLICE_ARG(buf_slice(&b)));
    buf_done(&b);
    enum err e = mcp_ask(call, MCP_ASK_FORM, "form", form, &answer);
    return e ? e : tell_form(call, "User response: action=", answer);
}

static const struct slice defaults_form = SLICE_INIT(
    "{\"message\":\"Please check the defaults\",\"requestedSchema\":{\"type\":"
    "\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"default\":"
    "\"John Doe\"},\"age\":{\"type\":\"integer\",\"default\":30},\"score\":{"
    "\"type\":\"number\",\"default\":95.5},\"status\":{\"type\":\"string\","
    "\"enum\":[\"active\",\"inactive\",\"pending\"],\"default\":\"active\"},"
    "\"verified\":{\"type\":\"boolean\",\"default\":true}}}}");
static const struct slice enums_form = SLICE_INIT(
    "{\"message\":\"Please choose\",\"requestedSchema\":{\"type\":\"object\","
    "\"properties\":{\"untitledSingle\":{\"type\":\"string\",\"enum\":["
    "\"option1\",\"option2\",\"option3\"]},\"titledSingle\":{\"type\":"
    "\"string\",\"oneOf\":[{\"const\":\"value1\",\"title\":\"First Option\"},"
    "{\"const\":\"value2\",\"title\":\"Second Option\"},{\"const\":\"value3\","
    "\"title\":\"Third Option\"}]},\"legacyEnum\":{\"type\":\"string\","
    "\"enum\":[\"opt1\",\"opt2\",\"opt3\"],\"enumNames\":[\"Option One\","
    "\"Option Two\",\"Option Three\"]},\"untitledMulti\":{\"type\":\"array\","
    "\"items\":{\"type\":\"string\",\"enum\":[\"option1\",\"option2\","
    "\"option3\"]}},\"titledMulti\":{\"type\":\"array\",\"items\":{\"anyOf\":["
    "{\"const\":\"value1\",\"title\":\"First Choice\"},{\"const\":\"value2\","
    "\"title\":\"Second Choice\"},{\"const\":\"value3\",\"title\":"
    "\"Third Choice\"}]}}}}}");

static enum err fill(struct mcp_call *call, struct slice form)
{
    const struct json *answer;
    enum err e = mcp_ask(call, MCP_ASK_FORM, "form", form, &answer);
    return e ? e : tell_form(call, "Elicitation completed: action=", answer);
}

static enum err elicit_defaults(struct mcp_call *call, const void *args)
{
    (void)args;
    return fill(call, defaults_form);
}

static enum err elicit_enums(struct mcp_call *call, const void *args)
{
    (void)args;
    return fill(call, enums_form);
}

/* --- what a client must declare; several rounds ----------------------------------- */

static enum err missing_capability(struct mcp_call *call, const void *args)
{
    const struct json *answer;
    (void)args;
    if (mcp_can_ask(call, MCP_ASK_SAMPLE)) {
        mcp_add_text(call, SLICE("Sampling is declared"));
        return OK;
    }
    return mcp_ask(call, MCP_ASK_SAMPLE, "sample",
                   sampling(call, SLICE("anything"), 1), &answer);
}

static enum err streaming_elicitation(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_add_text(call, SLICE("Nothing was asked on the way"));
    return OK;
}

static enum err ask_name(struct mcp_call *call, const void *args)
{
    const struct json *answer;
    (void)args;
    enum err e = mcp_ask(call, MCP_ASK_FORM, "user_name", name_form, &answer);
    if (e) return e;
    struct slice name = everything_text(answer, "name");
    mcp_add_text(call,
                 arena_printf(&call->arena, "Hello, %.*s!", SLICE_ARG(name)));
    return OK;
}

static enum err ask_model(struct mcp_call *call, const void *args)
{
    const struct json *answer;
    (void)args;
    struct slice q =
        sampling(call, SLICE("What is the capital of France?"), 100);
    enum err e =
        mcp_ask(call, MCP_ASK_SAMPLE, "capital_question", q, &answer);
    if (e) return e;
    mcp_add_text(call, everything_text(answer, "text"));
    return OK;
}

static enum err ask_roots(struct mcp_call *call, const void *args)
{
    const struct json *answer;
    (void)args;
    enum err e =
        mcp_ask(call, MCP_ASK_ROOTS, "client_roots", SLICE("{}"), &answer);
    if (e) return e;
    mcp_add_text(call, json_get(answer, SLICE("roots"))->raw);
    return OK;
}

static enum err ask_confirm(struct mcp_call *call, const void *args)
{
    const struct json *answer;
    (void)args;
    enum err e = mcp_ask(call, MCP_ASK_FORM, "confirm", confirm_form, &answer);
    if (e) return e;
    mcp_add_text(call, SLICE("state-ok: confirmed"));
    return OK;
}

/* All at once: the answers are looked at when every question is out. */
static enum err ask_three(struct mcp_call *call, const void *args)
{
    const struct json *name, *greeting, *roots;
    (void)args;
    enum err e1 = mcp_ask(call, MCP_ASK_FORM, "user_name", name_form, &name);
    enum err e2 =
        mcp_ask(call, MCP_ASK_SAMPLE, "greeting",
                sampling(call, SLICE("Generate a greeting"), 50), &greeting);
    enum err e3 =
        mcp_ask(call, MCP_ASK_ROOTS, "client_roots", SLICE("{}"), &roots);
    if (e1 || e2 || e3) return e1 ? e1 : e2 ? e2 : e3;
    mcp_add_text(call, everything_text(greeting, "text"));
    mcp_add_text(call, everything_text(name, "name"));
    mcp_add_text(call, json_get(roots, SLICE("roots"))->raw);
    return OK;
}

static enum err ask_twice(struct mcp_call *call, const void *args)
{
    const struct json *name, *color;
    (void)args;
    enum err e = mcp_ask(
        call, MCP_ASK_FORM, "step1",
        SLICE("{\"message\":\"Step 1: What is your name?\",\"requestedSchema\":"
              "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":"
              "\"string\"}},\"required\":[\"name\"]}}"),
        &name);
    if (e) return e;
    e = mcp_ask(
        call, MCP_ASK_FORM, "step2",
        SLICE("{\"message\":\"Step 2: What is your favorite color?\","
              "\"requestedSchema\":{\"type\":\"object\",\"properties\":{"
              "\"color\":{\"type\":\"string\"}},\"required\":[\"color\"]}}"),
        &color);
    if (e) return e;
    struct slice n = everything_text(name, "name"),
                 k = everything_text(color, "color");
    mcp_add_text(call, arena_printf(&call->arena, "%.*s likes %.*s",
                                    SLICE_ARG(n), SLICE_ARG(k)));
    return OK;
}

/* Only what this client can be asked. */
static enum err ask_what_fits(struct mcp_call *call, const void *args)
{
    const struct json *answer;
    enum err e = OK, e2 = OK;
    (void)args;
    if (mcp_can_ask(call, MCP_ASK_FORM))
        e = mcp_ask(call, MCP_ASK_FORM, "user_name", name_form, &answer);
    if (mcp_can_ask(call, MCP_ASK_SAMPLE))
        e2 = mcp_ask(call, MCP_ASK_SAMPLE, "greeting",
                     sampling(call, SLICE("Generate a greeting"), 50), &answer);
    if (e || e2) return e ? e : e2;
    mcp_add_text(call, SLICE("Asked what could be asked"));
    return OK;
}

/* --- tasks ---------------------------------------------------------------------------- */

struct greet_args {
    struct slice name;
};
static const struct mcp_field greet_fields[] = {
    {"name", MCP_FIELD_STRING, offsetof(struct greet_args, name),
     .required = true, .description = "Whom to greet."},
    {0}};

static enum err greet(struct mcp_call *call, const void *args)
{
    const struct greet_args *a = args;
    mcp_add_text(call, arena_printf(&call->arena, "Hello, %.*s!",
                                    SLICE_ARG(a->name)));
    return OK;
}

struct slow_args {
    double seconds;
    struct slice label;
};
static const struct mcp_field slow_fields[] = {
    {"seconds", MCP_FIELD_NUMBER, offsetof(struct slow_args, seconds),
     .required = true, .description = "How long to take.", .max = 3600},
    {"label", MCP_FIELD_STRING, offsetof(struct slow_args, label),
     .description = "Repeated in the result."},
    {0}};

static enum err slow_compute(struct mcp_call *call, const void *args)
{
    const struct slow_args *a = args;
    enum err e = mcp_task_begin(call);
    if (e) return e;
    if (call->step == 0) return mcp_pause(call, (int64_t)(a->seconds * 1000));
    mcp_add_text(call,
                 arena_printf(&call->arena, "Computed %.*s for %g seconds",
                              SLICE_ARG(a->label), a->seconds));
    return OK;
}

static enum err failing_job(struct mcp_call *call, const void *args)
{
    enum err e = mcp_task_begin(call);
    (void)args;
    if (e) return e;
    if (call->step == 0) return mcp_pause(call, JOB_MS);
    mcp_add_text(call, SLICE("The job failed"));
    call->is_error = true;
    return OK;
}

static enum err protocol_error_job(struct mcp_call *call, const void *args)
{
    enum err e = mcp_task_begin(call);
    (void)args;
    if (e) return e;
    if (call->step == 0) return mcp_pause(call, STEP_MS);
    return mcp_fail(call, SLICE("The job broke down"));
}

struct delete_args {
    struct slice filename;
};
static const struct mcp_field delete_fields[] = {
    {"filename", MCP_FIELD_STRING, offsetof(struct delete_args, filename),
     .required = true, .description = "Pretended to be deleted."},
    {0}};

static enum err confirm_delete(struct mcp_call *call, const void *args)
{
    const struct delete_args *a = args;
    const struct json *answer;
    enum err e = mcp_task_begin(call);
    if (e) return e;
    e = mcp_ask(
        call, MCP_ASK_FORM, "confirm",
        SLICE("{\"message\":\"Really delete it?\",\"requestedSchema\":{"
              "\"type\":\"object\",\"properties\":{\"confirm\":{\"type\":"
              "\"boolean\"}},\"required\":[\"confirm\"]}}"),
        &answer);
    if (e) return e;
    bool yes = json_is(json_at(answer, "content", "confirm", NULL), JSON_TRUE);
    mcp_add_text(call, arena_printf(&call->arena, "%s %.*s",
                                    yes ? "Deleted" : "Kept",
                                    SLICE_ARG(a->filename)));
    return OK;
}

static enum err multi_input(struct mcp_call *call, const void *args)
{
    const struct json *name, *confirm;
    enum err e = mcp_task_begin(call);
    (void)args;
    if (e) return e;
    enum err e1 = mcp_ask(call, MCP_ASK_FORM, "name", name_form, &name);
    enum err e2 = mcp_ask(
        call, MCP_ASK_FORM, "confirm",
        SLICE("{\"message\":\"Go on?\",\"requestedSchema\":{\"type\":"
              "\"object\",\"properties\":{\"confirm\":{\"type\":\"boolean\"}},"
              "\"required\":[\"confirm\"]}}"),
        &confirm);
    if (e1 || e2) return e1 ? e1 : e2;
    struct slice n = everything_text(name, "name");
    mcp_add_text(call, arena_printf(&call->arena, "Both answered by %.*s",
                                    SLICE_ARG(n)));
    return OK;
}

/* The question comes first, the task after it. */
static enum err tool_with_task(struct mcp_call *call, const void *args)
{
    const struct json *answer;
    enum err e = mcp_ask(call, MCP_ASK_FORM, "user_name", name_form, &answer);
    (void)args;
    if (!e) e = mcp_task_begin(call);
    if (e) return e;
    if (call->step == 0) return mcp_pause(call, STEP_MS);
    struct slice name = everything_text(answer, "name");
    mcp_add_text(call, arena_printf(&call->arena, "Done for %.*s",
                                    SLICE_ARG(name)));
    return OK;
}

/* --- the tools ------------------------------------------------------------------------- */

/* clang-format off */
#define PLAIN(name, words, fn) {name, NULL, words, .run = MCP_RUN_INLINE, .call = fn}
#define WITH(name, words, fn, rows, type) \
    {name, NULL, words, .run = MCP_RUN_INLINE, .call = fn, .args = rows, .args_size = sizeof(type)}

static const struct mcp_tool tools[] = {
    PLAIN("test_simple_text", "Returns a text.", simple_text),
    PLAIN("test_image_content", "Returns an image.", image_content),
    PLAIN("test_audio_content", "Returns a sound.", audio_content),
    PLAIN("test_embedded_resource", "Returns a resource.", embedded_resource),
    PLAIN("test_multiple_content_types", "Returns one of each.", mixed_content),
    PLAIN("test_tool_with_logging", "Sends three log lines.", with_logging),
    PLAIN("test_error_handling", "Fails.", error_handling),
    PLAIN("test_tool_with_progress", "Reports progress.", with_progress),
    {"json_schema_2020_12_tool", NULL, "Has a schema of its own.",
     .run = MCP_RUN_INLINE, .call = any_address, .input_schema = schema_2020_12},
    WITH("test_x_mcp_header", "Has an argument repeated in a header.", x_mcp_header,
         header_fields, struct header_args),
    PLAIN("test_logging_tool", "Sends a log line.", log_once),
    PLAIN("test_trigger_tool_change", "Tells that the tools changed.", change_tools),
    PLAIN("test_trigger_prompt_change", "Tells that the prompts changed.", change_prompts),
    PLAIN("test_trigger_resource_update", "Tells that test://watched-resource changed.", touch_resource),
    WITH("test_sampling", "Asks the client's model.", test_sampling,
         prompt_fields, struct prompt_args),
    WITH("test_elicitation", "Asks the user.", test_elicitation,
         message_fields, struct message_args),
    PLAIN("test_elicitation_sep1034_defaults", "Asks with defaults.", elicit_defaults),
    PLAIN("test_elicitation_sep1330_enums", "Asks with choices.", elicit_enums),
    PLAIN("test_reconnection", "Closes the stream and answers later.", reconnection),
    PLAIN("test_missing_capability", "Needs sampling.", missing_capability),
    PLAIN("test_streaming_elicitation", "Sends no request on its stream.", streaming_elicitation),
    PLAIN("test_input_required_result_elicitation", "Asks for a name.", ask_name),
    PLAIN("test_input_required_result_sampling", "Asks the model.", ask_model),
    PLAIN("test_input_required_result_list_roots", "Asks for roots.", ask_roots),
    PLAIN("test_input_required_result_request_state", "Asks and checks the state.", ask_confirm),
    PLAIN("test_input_required_result_multiple_inputs", "Asks three things.", ask_three),
    PLAIN("test_input_required_result_multi_round", "Asks twice.", ask_twice),
    PLAIN("test_input_required_result_tampered_state", "Refuses a changed state.", ask_confirm),
    PLAIN("test_input_required_result_capabilities", "Asks what the client can answer.", ask_what_fits),
    WITH("greet", "Greets.", greet, greet_fields, struct greet_args),
    {"slow_compute", NULL, "Takes its time.", .run = MCP_RUN_INLINE, .call = slow_compute,
     .args = slow_fields, .args_size = sizeof(struct slow_args), .task = MCP_TASK_MAY},
    {"failing_job", NULL, "A task that fails.", .run = MCP_RUN_INLINE, .call = failing_job,
     .task = MCP_TASK_ALWAYS},
    {"protocol_error_job", NULL, "A task that breaks down.", .run = MCP_RUN_INLINE,
     .call = protocol_error_job, .task = MCP_TASK_ALWAYS},
    {"confirm_delete", NULL, "A task that asks.", .run = MCP_RUN_INLINE, .call = confirm_delete,
     .args = delete_fields, .args_size = sizeof(struct delete_args), .task = MCP_TASK_MAY},
    {"multi_input", NULL, "A task that asks twice at once.", .run = MCP_RUN_INLINE,
     .call = multi_input, .task = MCP_TASK_MAY},
    {"test_tool_with_task", NULL, "Asks, then becomes a task.", .run = MCP_RUN_INLINE,
     .call = tool_with_task, .task = MCP_TASK_ALWAYS},
    {0}};
/* clang-format on */
const struct mcp_tool *const everything_tools[] = {tools, NULL};
