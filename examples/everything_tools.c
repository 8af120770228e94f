/* The tools of everything_server: content, log lines, progress, questions to
 * the client, tasks. */
#include "everything.h"

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
        .mime_type = MCP_STR("image/png")};
}

struct mcp_content everything_embedded(const char *uri, const char *type,
                                   const char *text)
{
    return (struct mcp_content){.kind = MCP_EMBEDDED,
                                .uri = mcp_str(uri),
                                .mime_type = mcp_str(type),
                                .text = mcp_str(text)};
}

/* --- content -------------------------------------------------------------- */

static enum mcp_err simple_text(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_add_text(call, MCP_STR("This is a simple text response for testing."));
    return MCP_OK;
}

static enum mcp_err image_content(struct mcp_call *call, const void *args)
{
    struct mcp_content image = everything_picture();
    (void)args;
    mcp_add(call, &image);
    return MCP_OK;
}

static enum mcp_err audio_content(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_add(call, &(struct mcp_content){
                      .kind = MCP_AUDIO,
                      .bytes = {(const char *)wav, sizeof(wav)},
                      .mime_type = MCP_STR("audio/wav")});
    return MCP_OK;
}

static enum mcp_err embedded_resource(struct mcp_call *call, const void *args)
{
    struct mcp_content c =
        everything_embedded("test://embedded-resource", "text/plain",
                 "This is an embedded resource content.");
    (void)args;
    mcp_add(call, &c);
    return MCP_OK;
}

static enum mcp_err mixed_content(struct mcp_call *call, const void *args)
{
    struct mcp_content image = everything_picture();
    struct mcp_content c =
        everything_embedded("test://mixed-content-resource", "application/json",
                 "{\"test\":\"data\",\"value\":123}");
    (void)args;
    mcp_add_text(call, MCP_STR("Multiple content types test:"));
    mcp_add(call, &image);
    mcp_add(call, &c);
    return MCP_OK;
}

static enum mcp_err error_handling(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_add_text(call,
                 MCP_STR("This tool intentionally returns an error for testing"));
    mcp_failed(call);
    return MCP_OK;
}

/* --- on the way ------------------------------------------------------------ */

static enum mcp_err with_logging(struct mcp_call *call, const void *args)
{
    static const char *const lines[] = {"Tool execution started",
                                        "Tool processing data",
                                        "Tool execution completed"};
    (void)args;
    mcp_log(call, MCP_LOG_INFO, MCP_STR("everything"),
            mcp_str(lines[mcp_step(call)]));
    if (mcp_step(call) < 2) return mcp_pause(call, STEP_MS);
    mcp_add_text(call, MCP_STR("Tool with logging executed successfully"));
    return MCP_OK;
}

static enum mcp_err with_progress(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_progress(call, 50.0 * mcp_step(call), 100, (struct mcp_text){0});
    if (mcp_step(call) < 2) return mcp_pause(call, STEP_MS);
    mcp_add_text(call, MCP_STR("Tool with progress executed successfully"));
    return MCP_OK;
}

static enum mcp_err log_once(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_log(call, MCP_LOG_INFO, MCP_STR("everything"), MCP_STR("A log line"));
    mcp_add_text(call, MCP_STR("Logged"));
    return MCP_OK;
}

static enum mcp_err change_tools(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_changed(mcp_server_of(call), MCP_TOOLS_CHANGED);
    mcp_add_text(call, MCP_STR("Tools changed"));
    return MCP_OK;
}

static enum mcp_err change_prompts(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_changed(mcp_server_of(call), MCP_PROMPTS_CHANGED);
    mcp_add_text(call, MCP_STR("Prompts changed"));
    return MCP_OK;
}

static enum mcp_err touch_resource(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_updated(mcp_server_of(call), MCP_STR("test://watched-resource"));
    mcp_add_text(call, MCP_STR("Resource updated"));
    return MCP_OK;
}

static enum mcp_err reconnection(struct mcp_call *call, const void *args)
{
    (void)args;
    if (mcp_step(call) == 0) {
        mcp_let_go(call, STEP_MS);
        return mcp_pause(call, RECONNECT_MS);
    }
    mcp_add_text(call, MCP_STR("Reconnection test completed"));
    return MCP_OK;
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
    struct mcp_text region;
    int64_t level;
};
static const struct mcp_field header_fields[] = {
    {"region", MCP_FIELD_STRING, offsetof(struct header_args, region),
     .description = "Repeated in Mcp-Param-Region.", .header = "Region"},
    {"level", MCP_FIELD_INTEGER, offsetof(struct header_args, level),
     .description = "Not repeated."},
    {0}};

static enum mcp_err x_mcp_header(struct mcp_call *call, const void *args)
{
    const struct header_args *a = args;
    mcp_add_text(call, mcp_printf(call, "region=%.*s",
                                    MCP_STR_ARG(a->region)));
    return MCP_OK;
}

static enum mcp_err any_address(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_add_text(call, MCP_STR("Taken as it is"));
    return MCP_OK;
}

/* --- asking the client ---------------------------------------------------------- */

static const struct mcp_text name_form = MCP_STR(
    "{\"message\":\"What is your name?\",\"requestedSchema\":{\"type\":"
    "\"object\",\"properties\":{\"name\":{\"type\":\"string\"}},\"required\":"
    "[\"name\"]}}");
static const struct mcp_text confirm_form = MCP_STR(
    "{\"message\":\"Please confirm\",\"requestedSchema\":{\"type\":\"object\","
    "\"properties\":{\"ok\":{\"type\":\"boolean\"}},\"required\":[\"ok\"]}}");

struct mcp_text everything_text(const struct mcp_json *answer, const char *field)
{
    return mcp_json_text(mcp_json_get(mcp_json_get(answer, "content"), field));
}

struct prompt_args {
    struct mcp_text prompt;
};
static const struct mcp_field prompt_fields[] = {
    {"prompt", MCP_FIELD_STRING, offsetof(struct prompt_args, prompt),
     .required = true, .description = "What to ask the model."},
    {0}};

/* {"messages":[<user text>],"maxTokens":n} */
static struct mcp_text sampling(struct mcp_call *call, struct mcp_text text,
                             int64_t tokens)
{
    struct mcp_text quoted = mcp_quote(call, text);
    return mcp_printf(call,
                      "{\"messages\":[{\"role\":\"user\",\"content\":{"
                      "\"type\":\"text\",\"text\":%.*s}}],\"maxTokens\":%lld}",
                      MCP_STR_ARG(quoted), (long long)tokens);
}

static enum mcp_err test_sampling(struct mcp_call *call, const void *args)
{
    const struct prompt_args *a = args;
    const struct mcp_json *answer;
    enum mcp_err e = mcp_ask(call, MCP_ASK_SAMPLE, "sample",
                         sampling(call, a->prompt, 100), &answer);
    if (e) return e;
    struct mcp_text text = everything_text(answer, "text");
    mcp_add_text(call, mcp_printf(call, "LLM response: %.*s",
                                    MCP_STR_ARG(text)));
    return MCP_OK;
}

/* What was chosen, and what was filled in. */
static enum mcp_err tell_form(struct mcp_call *call, const char *format_start,
                          const struct mcp_json *answer)
{
    const struct mcp_json *content = mcp_json_get(answer, "content");
    struct mcp_text action = mcp_json_text(mcp_json_get(answer, "action"));
    mcp_add_text(
        call,
        mcp_printf(call, "%s%.*s, content=%.*s", format_start,
                     MCP_STR_ARG(action),
                     MCP_STR_ARG(content ? mcp_json_raw(content) : MCP_STR("{}"))));
    return MCP_OK;
}

struct message_args {
    struct mcp_text message;
};
static const struct mcp_field message_fields[] = {
    {"message", MCP_FIELD_STRING, offsetof(struct message_args, message),
     .required = true, .description = "What to show the user."},
    {0}};

static enum mcp_err test_elicitation(struct mcp_call *call, const void *args)
{
    const struct message_args *a = args;
    const struct mcp_json *answer;
    struct mcp_text message = mcp_quote(call, a->message);
    struct mcp_text form = mcp_printf(
        call,
        "{\"message\":%.*s,\"requestedSchema\":{\"type\":\"object\","
        "\"properties\":{\"username\":{\"type\":\"string\",\"description\":"
        "\"User's response\"},\"email\":{\"type\":\"string\",\"description\":"
        "\"User's email address\"}},\"required\":[\"username\",\"email\"]}}",
        MCP_STR_ARG(message));
    enum mcp_err e = mcp_ask(call, MCP_ASK_FORM, "form", form, &answer);
    return e ? e : tell_form(call, "User response: action=", answer);
}

static const struct mcp_text defaults_form = MCP_STR(
    "{\"message\":\"Please check the defaults\",\"requestedSchema\":{\"type\":"
    "\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"default\":"
    "\"John Doe\"},\"age\":{\"type\":\"integer\",\"default\":30},\"score\":{"
    "\"type\":\"number\",\"default\":95.5},\"status\":{\"type\":\"string\","
    "\"enum\":[\"active\",\"inactive\",\"pending\"],\"default\":\"active\"},"
    "\"verified\":{\"type\":\"boolean\",\"default\":true}}}}");
static const struct mcp_text enums_form = MCP_STR(
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

static enum mcp_err fill(struct mcp_call *call, struct mcp_text form)
{
    const struct mcp_json *answer;
    enum mcp_err e = mcp_ask(call, MCP_ASK_FORM, "form", form, &answer);
    return e ? e : tell_form(call, "Elicitation completed: action=", answer);
}

static enum mcp_err elicit_defaults(struct mcp_call *call, const void *args)
{
    (void)args;
    return fill(call, defaults_form);
}

static enum mcp_err elicit_enums(struct mcp_call *call, const void *args)
{
    (void)args;
    return fill(call, enums_form);
}

/* --- what a client must declare; several rounds ----------------------------------- */

static enum mcp_err missing_capability(struct mcp_call *call, const void *args)
{
    const struct mcp_json *answer;
    (void)args;
    if (mcp_can_ask(call, MCP_ASK_SAMPLE)) {
        mcp_add_text(call, MCP_STR("Sampling is declared"));
        return MCP_OK;
    }
    return mcp_ask(call, MCP_ASK_SAMPLE, "sample",
                   sampling(call, MCP_STR("anything"), 1), &answer);
}

static enum mcp_err streaming_elicitation(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_add_text(call, MCP_STR("Nothing was asked on the way"));
    return MCP_OK;
}

static enum mcp_err ask_name(struct mcp_call *call, const void *args)
{
    const struct mcp_json *answer;
    (void)args;
    enum mcp_err e = mcp_ask(call, MCP_ASK_FORM, "user_name", name_form, &answer);
    if (e) return e;
    struct mcp_text name = everything_text(answer, "name");
    mcp_add_text(call,
                 mcp_printf(call, "Hello, %.*s!", MCP_STR_ARG(name)));
    return MCP_OK;
}

static enum mcp_err ask_model(struct mcp_call *call, const void *args)
{
    const struct mcp_json *answer;
    (void)args;
    struct mcp_text q =
        sampling(call, MCP_STR("What is the capital of France?"), 100);
    enum mcp_err e =
        mcp_ask(call, MCP_ASK_SAMPLE, "capital_question", q, &answer);
    if (e) return e;
    mcp_add_text(call, everything_text(answer, "text"));
    return MCP_OK;
}

static enum mcp_err ask_roots(struct mcp_call *call, const void *args)
{
    const struct mcp_json *answer;
    (void)args;
    enum mcp_err e =
        mcp_ask(call, MCP_ASK_ROOTS, "client_roots", MCP_STR("{}"), &answer);
    if (e) return e;
    mcp_add_text(call, mcp_json_raw(mcp_json_get(answer, "roots")));
    return MCP_OK;
}

static enum mcp_err ask_confirm(struct mcp_call *call, const void *args)
{
    const struct mcp_json *answer;
    (void)args;
    enum mcp_err e = mcp_ask(call, MCP_ASK_FORM, "confirm", confirm_form, &answer);
    if (e) return e;
    mcp_add_text(call, MCP_STR("state-ok: confirmed"));
    return MCP_OK;
}

/* All at once: the answers are looked at when every question is out. */
static enum mcp_err ask_three(struct mcp_call *call, const void *args)
{
    const struct mcp_json *name, *greeting, *roots;
    (void)args;
    enum mcp_err e1 = mcp_ask(call, MCP_ASK_FORM, "user_name", name_form, &name);
    enum mcp_err e2 =
        mcp_ask(call, MCP_ASK_SAMPLE, "greeting",
                sampling(call, MCP_STR("Generate a greeting"), 50), &greeting);
    enum mcp_err e3 =
        mcp_ask(call, MCP_ASK_ROOTS, "client_roots", MCP_STR("{}"), &roots);
    if (e1 || e2 || e3) return e1 ? e1 : e2 ? e2 : e3;
    mcp_add_text(call, everything_text(greeting, "text"));
    mcp_add_text(call, everything_text(name, "name"));
    mcp_add_text(call, mcp_json_raw(mcp_json_get(roots, "roots")));
    return MCP_OK;
}

static enum mcp_err ask_twice(struct mcp_call *call, const void *args)
{
    const struct mcp_json *name, *color;
    (void)args;
    enum mcp_err e = mcp_ask(
        call, MCP_ASK_FORM, "step1",
        MCP_STR("{\"message\":\"Step 1: What is your name?\",\"requestedSchema\":"
              "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":"
              "\"string\"}},\"required\":[\"name\"]}}"),
        &name);
    if (e) return e;
    e = mcp_ask(
        call, MCP_ASK_FORM, "step2",
        MCP_STR("{\"message\":\"Step 2: What is your favorite color?\","
              "\"requestedSchema\":{\"type\":\"object\",\"properties\":{"
              "\"color\":{\"type\":\"string\"}},\"required\":[\"color\"]}}"),
        &color);
    if (e) return e;
    struct mcp_text n = everything_text(name, "name"),
                 k = everything_text(color, "color");
    mcp_add_text(call, mcp_printf(call, "%.*s likes %.*s",
                                    MCP_STR_ARG(n), MCP_STR_ARG(k)));
    return MCP_OK;
}

/* Only what this client can be asked. */
static enum mcp_err ask_what_fits(struct mcp_call *call, const void *args)
{
    const struct mcp_json *answer;
    enum mcp_err e = MCP_OK, e2 = MCP_OK;
    (void)args;
    if (mcp_can_ask(call, MCP_ASK_FORM))
        e = mcp_ask(call, MCP_ASK_FORM, "user_name", name_form, &answer);
    if (mcp_can_ask(call, MCP_ASK_SAMPLE))
        e2 = mcp_ask(call, MCP_ASK_SAMPLE, "greeting",
                     sampling(call, MCP_STR("Generate a greeting"), 50), &answer);
    if (e || e2) return e ? e : e2;
    mcp_add_text(call, MCP_STR("Asked what could be asked"));
    return MCP_OK;
}

/* --- tasks ---------------------------------------------------------------------------- */

struct greet_args {
    struct mcp_text name;
};
static const struct mcp_field greet_fields[] = {
    {"name", MCP_FIELD_STRING, offsetof(struct greet_args, name),
     .required = true, .description = "Whom to greet."},
    {0}};

static enum mcp_err greet(struct mcp_call *call, const void *args)
{
    const struct greet_args *a = args;
    mcp_add_text(call, mcp_printf(call, "Hello, %.*s!",
                                    MCP_STR_ARG(a->name)));
    return MCP_OK;
}

struct slow_args {
    double seconds;
    struct mcp_text label;
};
static const struct mcp_field slow_fields[] = {
    {"seconds", MCP_FIELD_NUMBER, offsetof(struct slow_args, seconds),
     .required = true, .description = "How long to take.", .max = 3600},
    {"label", MCP_FIELD_STRING, offsetof(struct slow_args, label),
     .description = "Repeated in the result."},
    {0}};

static enum mcp_err slow_compute(struct mcp_call *call, const void *args)
{
    const struct slow_args *a = args;
    enum mcp_err e = mcp_task_begin(call);
    if (e) return e;
    if (mcp_step(call) == 0) return mcp_pause(call, (int64_t)(a->seconds * 1000));
    mcp_add_text(call,
                 mcp_printf(call, "Computed %.*s for %g seconds",
                              MCP_STR_ARG(a->label), a->seconds));
    return MCP_OK;
}

static enum mcp_err failing_job(struct mcp_call *call, const void *args)
{
    enum mcp_err e = mcp_task_begin(call);
    (void)args;
    if (e) return e;
    if (mcp_step(call) == 0) return mcp_pause(call, JOB_MS);
    mcp_add_text(call, MCP_STR("The job failed"));
    mcp_failed(call);
    return MCP_OK;
}

static enum mcp_err protocol_error_job(struct mcp_call *call, const void *args)
{
    enum mcp_err e = mcp_task_begin(call);
    (void)args;
    if (e) return e;
    if (mcp_step(call) == 0) return mcp_pause(call, STEP_MS);
    return mcp_fail(call, MCP_STR("The job broke down"));
}

struct delete_args {
    struct mcp_text filename;
};
static const struct mcp_field delete_fields[] = {
    {"filename", MCP_FIELD_STRING, offsetof(struct delete_args, filename),
     .required = true, .description = "Pretended to be deleted."},
    {0}};

static enum mcp_err confirm_delete(struct mcp_call *call, const void *args)
{
    const struct delete_args *a = args;
    const struct mcp_json *answer;
    enum mcp_err e = mcp_task_begin(call);
    if (e) return e;
    e = mcp_ask(
        call, MCP_ASK_FORM, "confirm",
        MCP_STR("{\"message\":\"Really delete it?\",\"requestedSchema\":{"
              "\"type\":\"object\",\"properties\":{\"confirm\":{\"type\":"
              "\"boolean\"}},\"required\":[\"confirm\"]}}"),
        &answer);
    if (e) return e;
    bool yes = mcp_json_kind(mcp_json_get(mcp_json_get(answer, "content"),
                                          "confirm")) == MCP_JSON_TRUE;
    mcp_add_text(call, mcp_printf(call, "%s %.*s",
                                    yes ? "Deleted" : "Kept",
                                    MCP_STR_ARG(a->filename)));
    return MCP_OK;
}

static enum mcp_err multi_input(struct mcp_call *call, const void *args)
{
    const struct mcp_json *name, *confirm;
    enum mcp_err e = mcp_task_begin(call);
    (void)args;
    if (e) return e;
    enum mcp_err e1 = mcp_ask(call, MCP_ASK_FORM, "name", name_form, &name);
    enum mcp_err e2 = mcp_ask(
        call, MCP_ASK_FORM, "confirm",
        MCP_STR("{\"message\":\"Go on?\",\"requestedSchema\":{\"type\":"
              "\"object\",\"properties\":{\"confirm\":{\"type\":\"boolean\"}},"
              "\"required\":[\"confirm\"]}}"),
        &confirm);
    if (e1 || e2) return e1 ? e1 : e2;
    struct mcp_text n = everything_text(name, "name");
    mcp_add_text(call, mcp_printf(call, "Both answered by %.*s",
                                    MCP_STR_ARG(n)));
    return MCP_OK;
}

/* The question comes first, the task after it. */
static enum mcp_err tool_with_task(struct mcp_call *call, const void *args)
{
    const struct mcp_json *answer;
    enum mcp_err e = mcp_ask(call, MCP_ASK_FORM, "user_name", name_form, &answer);
    (void)args;
    if (!e) e = mcp_task_begin(call);
    if (e) return e;
    if (mcp_step(call) == 0) return mcp_pause(call, STEP_MS);
    struct mcp_text name = everything_text(answer, "name");
    mcp_add_text(call, mcp_printf(call, "Done for %.*s",
                                    MCP_STR_ARG(name)));
    return MCP_OK;
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
