/* What a server offers beyond tools, and what it asks: one small server, both
 * eras, the fake exchange. */
#include "base/clock.h"
#include "mcp/call.h"
#include "tests/unit/mcp_fixture.h"

/* --- the server ------------------------------------------------------------ */

static enum err ask_two(struct mcp_call *call, const void *args)
{
    const struct json *name, *roots;
    (void)args;
    enum err e = mcp_ask(
        call, MCP_ASK_FORM, "name",
        SLICE("{\"message\":\"Who?\",\"requestedSchema\":{\"type\":\"object\","
              "\"properties\":{\"name\":{\"type\":\"string\"}},\"required\":"
              "[\"name\"]}}"),
        &name);
    if (e) return e;
    e = mcp_ask(call, MCP_ASK_ROOTS, "roots", SLICE("{}"), &roots);
    if (e) return e;
    mcp_add_text(call, json_text(json_at(name, "content", "name", NULL)));
    return OK;
}

static enum err job(struct mcp_call *call, const void *args)
{
    const struct json *name;
    enum err e = mcp_task_begin(call);
    (void)args;
    if (e) return e;
    e = mcp_ask(call, MCP_ASK_FORM, "name", SLICE("{\"message\":\"Who?\"}"),
                &name);
    if (e) return e;
    if (call->step == 0) return mcp_pause(call, 1);
    mcp_add_text(call, SLICE("done"));
    return OK;
}

static enum err steps(struct mcp_call *call, const void *args)
{
    static const double progress[] = {1, 1, 3};
    (void)args;
    mcp_progress(call, progress[call->step], 3, SLICE("on"));
    mcp_log(call, call->step ? MCP_LOG_DEBUG : MCP_LOG_ERROR, SLICE("t"),
            SLICE("line"));
    if (call->step < 2) return mcp_pause(call, 1);
    mcp_add_text(call, SLICE("done"));
    return OK;
}

struct region_args {
    struct slice region;
    int64_t level;
};
static const struct mcp_field region_fields[] = {
    {"region", MCP_FIELD_STRING, offsetof(struct region_args, region),
     .header = "Region"},
    {"level", MCP_FIELD_INTEGER, offsetof(struct region_args, level),
     .header = "Level"},
    {0}};

static enum err region(struct mcp_call *call, const void *args)
{
    (void)args;
    mcp_add_text(call, SLICE("fine"));
    return OK;
}

static const struct mcp_tool tools[] = {
    {"ask", NULL, "Asks.", .call = ask_two},
    {"job", NULL, "Becomes a task.", .call = job, .task = MCP_TASK_ALWAYS},
    {"steps", NULL, "Reports.", .call = steps},
    {"region", NULL, "Has headers.", .call = region, .args = region_fields,
     .args_size = sizeof(struct region_args)},
    {0}};
static const struct mcp_tool *const tables[] = {tools, NULL};

static enum err read_it(struct mcp_call *call, const struct mcp_uri *uri)
{
    struct slice text = uri->count ? uri->values[0] : SLICE("plain");
    if (slice_eq(text, SLICE("gone"))) return ERR_NOT_FOUND;
    mcp_add_contents(call, &(struct mcp_content){.uri = uri->uri, .text = text});
    return OK;
}

static const struct mcp_resource resources[] = {
    {"t://one", "one", .read = read_it},
    {"t://two", "two", .read = read_it},
    {"t://three", "three", .read = read_it},
    {"t://items/{id}/data", "item", .read = read_it},
    {"t://files/{+path}", "file", .read = read_it},
    {0}};

static const struct mcp_prompt_arg who[] = {{"who", "Whom.", true}, {0}};
static enum err greet(struct mcp_call *call, const struct mcp_prompt_call *p)
{
    mcp_add_message(call, false,
                    &(struct mcp_content){.text = p->values[0]});
    return OK;
}
static enum err family(struct mcp_call *call, const struct mcp_prompt_call *p)
{
    if (!slice_eq(p->name, SLICE("member"))) return ERR_NOT_FOUND;
    mcp_add_message(call, true, &(struct mcp_content){.text = p->name});
    return OK;
}
static const struct mcp_prompt prompts[] = {
    {"greet", NULL, "Greets.", who, .get = greet}, {.get = family}, {0}};

static enum err complete(struct mcp_call *call, const struct mcp_completion *c)
{
    (void)c;
    for (int i = 0; i < 150; i++) mcp_add_value(call, SLICE("v"));
    return OK;
}

static struct fake_server *start(enum mcp_transport kind)
{
    struct mcp_server_config conf = {
        .name = "offers",
        .version = "1",
        .tools = tables,
        .resources = resources,
        .prompts = prompts,
        .complete = complete,
        .page_max = 2,
        .tells = MCP_LOGS | MCP_LIST_CHANGES | MCP_UPDATES,
        .sessions = MCP_SESSIONS_NEEDED};
    return fake_server_of(&conf, kind);
}

/* A modern request; `params` without braces. */
static const char *modern(const char *method, const char *params,
                          const char *can)
{
    return arena_printf(
               test_arena(),
               "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\",\"params\":{%s"
               "\"_meta\":{\"progressToken\":\"p\","
               "\"io.modelcontextprotocol/logLevel\":\"warning\","
               "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
               "\"io.modelcontextprotocol/clientCapabilities\":{%s}}}}",
               method, params, can)
        .p;
}

static bool says(struct slice body, const char *text)
{
    return slice_find(body, slice_of(text)) < body.n;
}

#define ASKABLE "\"elicitation\":{},\"roots\":{}"
#define TASKS                                                                  \
    "\"elicitation\":{},\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}"

/* --- resources, prompts, completion, pages ----------------------------------- */

TEST(mcp_offers, requests_answer_by_their_row)
{
    static const struct {
        const char *method, *params, *answer;
    } rows[] = {
        {"resources/read", "\"uri\":\"t://one\",", "\"text\":\"plain\""},
        {"resources/read", "\"uri\":\"t://items/a%20b/data\",",
         "\"text\":\"a b\""},
        {"resources/read", "\"uri\":\"t://files/a/b.md\",",
         "\"text\":\"a/b.md\""},
        {"resources/read", "\"uri\":\"t://items/a/b/data\",",
         "\"data\":{\"uri\":\"t://items/a/b/data\"}"},
        {"resources/read", "\"uri\":\"t://items/%00/data\",", "-32602"},
        {"resources/read", "\"uri\":\"t://items/%4/data\",", "-32602"},
        {"resources/read", "\"uri\":\"t://items/gone/data\",", "-32602"},
        {"resources/read", "\"uri\":\"no uri\",", "-32602"},
        {"resources/read", "\"uri\":7,", "-32602"},
        {"resources/templates/list", "", "\"uriTemplate\":\"t://items/{id}"},
        {"prompts/get", "\"name\":\"greet\",\"arguments\":{\"who\":\"you\"},",
         "\"text\":\"you\""},
        {"prompts/get", "\"name\":\"greet\",", "-32602"},
        {"prompts/get", "\"name\":\"greet\",\"arguments\":{\"who\":1},",
         "-32602"},
        {"prompts/get", "\"name\":\"member\",", "\"role\":\"assistant\""},
        {"prompts/get", "\"name\":\"stranger\",", "Unknown prompt: stranger"},
        {"completion/complete",
         "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"greet\"},\"argument\":"
         "{\"name\":\"who\",\"value\":\"\"},",
         "\"total\":150,\"hasMore\":true"},
        {"completion/complete",
         "\"ref\":{\"type\":\"ref/resource\",\"uri\":\"t://none\"},"
         "\"argument\":{\"name\":\"who\",\"value\":\"\"},",
         "-32602"},
        {"tasks/get", "\"taskId\":\"x\",", "-32021"},
        {"tasks/list", "", "-32601"},
        {"resources/subscribe", "\"uri\":\"t://one\",", "-32601"},
        {"tools/call", "\"name\":\"job\",", "-32021"},
    };
    struct fake_server *fs = start(MCP_STDIO);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice body =
            fake_say(fs, modern(rows[i].method, rows[i].params, ""));
        if (!says(body, rows[i].answer))
            FAIL("%s %s: %.*s", rows[i].method, rows[i].params,
                 SLICE_ARG(body));
    }
    fake_server_free(fs);
}

TEST(mcp_offers, a_missing_resource_has_the_code_of_its_era)
{
    struct fake_server *fs = start(MCP_STDIO);
    struct slice body = fake_say(
        fs, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/read\","
            "\"params\":{\"uri\":\"t://none\"}}");
    CHECK(says(body, "-32002"));
    CHECK(says(body, "\"data\":{\"uri\":\"t://none\"}"));
    body = fake_say(fs, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
                        "\"prompts/get\",\"params\":{\"name\":\"none\"}}");
    CHECK(says(body, "-32602"));
    body = fake_say(fs, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
                        "\"logging/setLevel\",\"params\":{\"level\":\"loud\"}}");
    CHECK(says(body, "-32602"));
    fake_server_free(fs);
}

TEST(mcp_offers, pages_are_walked_by_cursors_and_no_other_text)
{
    struct fake_server *fs = start(MCP_STDIO);
    struct slice body = fake_say(fs, modern("resources/list", "", ""));
    const struct json *result = json_get(fake_json(body), SLICE("result"));
    CHECK_INT_EQ(json_get(result, SLICE("resources"))->count, 2);
    struct slice next = json_text(json_get(result, SLICE("nextCursor")));
    CHECK(next.n > 0);
    const char *again = arena_printf(test_arena(), "\"cursor\":\"%.*s\",",
                                     SLICE_ARG(next)).p;
    result = json_get(fake_json(fake_say(fs, modern("resources/list", again,
                                                    ""))),
                      SLICE("result"));
    CHECK_INT_EQ(json_get(result, SLICE("resources"))->count, 1);
    CHECK(!json_get(result, SLICE("nextCursor")));
    CHECK(says(fake_say(fs, modern("prompts/list", again, "")), "-32602"));
    static const char *const bad[] = {"\"cursor\":\"\",", "\"cursor\":\"AAAA\",",
                                      "\"cursor\":2,"};
    for (size_t i = 0; i < 3; i++)
        CHECK(says(fake_say(fs, modern("resources/list", bad[i], "")),
                   "-32602"));
    fake_server_free(fs);
}

TEST(mcp_offers, a_cursor_ends_after_a_day)
{
    clock_fake(1000 * NS_PER_S, INT64_C(1800000000000));
    struct fake_server *fs = start(MCP_STDIO);
    struct slice body = fake_say(fs, modern("resources/list", "", ""));
    struct slice next =
        json_text(json_at(fake_json(body), "result", "nextCursor", NULL));
    const char *again = arena_printf(test_arena(), "\"cursor\":\"%.*s\",",
                                     SLICE_ARG(next))
                            .p;
    clock_fake_advance(INT64_C(86400) * NS_PER_S);
    CHECK(!says(fake_say(fs, modern("resources/list", again, "")), "-32602"));
    clock_fake_advance(1);
    CHECK(says(fake_say(fs, modern("resources/list", again, "")), "-32602"));
    fake_server_free(fs);
}

/* --- questions ------------------------------------------------------------------ */

static const char *retry(struct slice state, const char *responses,
                         const char *tail)
{
    return modern("tools/call",
                  arena_printf(test_arena(),
                               "\"name\":\"ask\",\"requestState\":\"%.*s%s\","
                               "\"inputResponses\":{%s},",
                               SLICE_ARG(state), tail, responses)
                      .p,
                  ASKABLE);
}

static struct slice state_in(struct slice body)
{
    return json_text(json_at(fake_json(body), "result", "requestState", NULL));
}

#define ALICE                                                                  \
    "\"name\":{\"action\":\"accept\",\"content\":{\"name\":\"Alice\"}}"

TEST(mcp_offers, a_question_travels_in_rounds_whose_state_cannot_be_changed)
{
    struct fake_server *fs = start(MCP_STDIO);
    struct slice one =
        fake_say(fs, modern("tools/call", "\"name\":\"ask\",", ASKABLE));
    CHECK(says(one, "\"resultType\":\"input_required\""));
    CHECK(says(one, "\"name\":{\"method\":\"elicitation/create\""));
    CHECK(!says(one, "roots/list"));
    struct slice s1 = state_in(one);
    CHECK(says(fake_say(fs, retry(s1, ALICE, "-TAMPERED")), "-32602"));
    CHECK(says(fake_say(fs, retry(s1, ALICE, "A")), "-32602"));
    CHECK(says(fake_say(fs, retry(s1, "\"name\":5", "")), "-32602"));
    CHECK(says(fake_say(fs, retry(s1, "\"name\":{\"action\":\"accept\","
                                      "\"content\":{}}",
                                  "")),
               "-32602"));
    CHECK(says(fake_say(fs, retry(s1, "\"other\":{}", "")), "input_required"));
    struct slice two = fake_say(fs, retry(s1, ALICE, ""));
    CHECK(says(two, "\"roots\":{\"method\":\"roots/list\""));
    struct slice s2 = state_in(two);
    CHECK(!slice_eq(s1, s2));
    struct slice three =
        fake_say(fs, retry(s2, "\"roots\":{\"roots\":[]}", ""));
    CHECK(says(three, "\"text\":\"Alice\""));
    fake_server_free(fs);
}

TEST(mcp_offers, a_question_outlives_a_clock_that_jumps)
{
    struct fake_server *fs = start(MCP_STDIO);
    struct slice body =
        fake_say(fs, modern("tools/call", "\"name\":\"ask\",", ASKABLE));
    clock_fake_jump(INT64_C(1000) * 86400 * 400);
    body = fake_say(fs, retry(state_in(body), ALICE, ""));
    CHECK(says(body, "\"roots\":{\"method\":\"roots/list\""));
    fake_server_free(fs);
}

TEST(mcp_offers, an_undeclared_capability_is_told_by_name)
{
    struct fake_server *fs = start(MCP_STDIO);
    struct slice body =
        fake_say(fs, modern("tools/call", "\"name\":\"ask\",", ""));
    CHECK(says(body, "-32021"));
    CHECK(says(body, "{\"requiredCapabilities\":{\"elicitation\":"));
    fake_server_free(fs);
}

static void initialize(struct fake_server *fs, const char *can)
{
    (void)fake_say(
        fs, arena_printf(test_arena(),
                         "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":"
                         "\"initialize\",\"params\":{\"protocolVersion\":"
                         "\"2025-11-25\",\"capabilities\":{%s}}}",
                         can)
                .p);
}

static const char ask_legacy[] =
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
    "\"name\":\"ask\"}}";

static void answer(struct fake_server *fs, struct slice event,
                   const char *result)
{
    const struct json *id = json_get(fake_json(event), SLICE("id"));
    (void)fake_say(fs, arena_printf(test_arena(),
                                    "{\"jsonrpc\":\"2.0\",\"id\":%.*s,%s}",
                                    SLICE_ARG(id->raw), result)
                           .p);
}

TEST(mcp_offers, the_same_handler_asks_a_legacy_client_by_requests)
{
    struct fake_server *fs = start(MCP_STDIO);
    initialize(fs, ASKABLE);
    struct fake_exchange *fx = fake_begin(fs, ask_legacy, NULL);
    fake_wait_events(fx, 1);
    CHECK(says(fx->events[0], "\"method\":\"elicitation/create\""));
    answer(fs, fx->events[0], "\"result\":{\"action\":\"accept\",\"content\":"
                              "{\"name\":\"Bob\"}}");
    fake_wait_events(fx, 2);
    CHECK(says(fx->events[1], "\"method\":\"roots/list\""));
    answer(fs, fx->events[1], "\"result\":{\"roots\":[]}");
    fake_wait(fx);
    CHECK(says(fx->body, "\"text\":\"Bob\""));
    fake_server_free(fs);
}

TEST(mcp_offers, an_error_for_an_answer_and_no_capability_are_tool_errors)
{
    struct fake_server *fs = start(MCP_STDIO);
    initialize(fs, "");
    CHECK(says(fake_say(fs, ask_legacy), "\"isError\":true"));
    initialize(fs, ASKABLE);
    struct fake_exchange *fx = fake_begin(fs, ask_legacy, NULL);
    fake_wait_events(fx, 1);
    answer(fs, fx->events[0], "\"error\":{\"code\":-1,\"message\":\"no\"}");
    fake_wait(fx);
    CHECK(says(fx->body, "\"isError\":true"));
    fake_server_free(fs);
}

TEST(mcp_offers, a_call_that_waits_for_an_answer_can_be_cancelled)
{
    struct fake_server *fs = start(MCP_STDIO);
    initialize(fs, ASKABLE);
    struct fake_exchange *fx = fake_begin(fs, ask_legacy, NULL);
    fake_wait_events(fx, 1);
    (void)fake_say(fs, "{\"jsonrpc\":\"2.0\",\"method\":"
                       "\"notifications/cancelled\",\"params\":{\"requestId\":"
                       "1}}");
    fake_wait(fx);
    CHECK_INT_EQ(fx->drops, 1);
    fake_server_free(fs);
}

/* --- on the way ------------------------------------------------------------------ */

TEST(mcp_offers, progress_grows_and_log_lines_have_the_level_asked_for)
{
    struct fake_server *fs = start(MCP_STDIO);
    struct fake_exchange *fx =
        fake_send(fs, modern("tools/call", "\"name\":\"steps\",", ""), NULL);
    CHECK_INT_EQ(fx->events_n, 3); /* 1, the error, 3: no second 1, no debug */
    CHECK(says(fx->events[0], "\"progressToken\":\"p\",\"progress\":1"));
    CHECK(says(fx->events[1], "\"level\":\"error\""));
    CHECK(says(fx->events[2], "\"progress\":3,\"total\":3"));
    fake_server_free(fs);
}

TEST(mcp_offers, a_subscription_acknowledges_first_and_tells_what_was_asked)
{
    struct fake_server *fs = start(MCP_STDIO);
    struct fake_exchange *fx = fake_begin(
        fs, modern("subscriptions/listen",
                   "\"notifications\":{\"toolsListChanged\":true,"
                   "\"resourceSubscriptions\":[\"t://one\"]},",
                   ""),
        NULL);
    fake_wait_events(fx, 1);
    CHECK(says(fx->events[0], "subscriptions/acknowledged"));
    mcp_changed(fake_mcp(fs), MCP_PROMPTS_CHANGED);
    mcp_updated(fake_mcp(fs), SLICE("t://two"));
    mcp_changed(fake_mcp(fs), MCP_TOOLS_CHANGED);
    mcp_updated(fake_mcp(fs), SLICE("t://one"));
    fake_wait_events(fx, 3);
    CHECK(says(fx->events[1], "notifications/tools/list_changed"));
    CHECK(says(fx->events[1], "subscriptionId\":7"));
    CHECK(says(fx->events[2], "\"uri\":\"t://one\""));
    mcp_server_stop(fake_mcp(fs));
    fake_wait(fx);
    CHECK(says(fx->body, "\"resultType\":\"complete\""));
    CHECK_INT_EQ(fx->events_n, 3);
    fake_server_free(fs);
}

/* --- tasks ------------------------------------------------------------------------- */

static struct slice task_say(struct fake_server *fs, const char *method,
                             struct slice id, const char *more)
{
    return fake_say(fs, modern(method,
                               arena_printf(test_arena(),
                                            "\"taskId\":\"%.*s\",%s",
                                            SLICE_ARG(id), more)
                                   .p,
                               TASKS));
}

/* The task is in the server's own thread: asked until it is there. */
static struct slice task_until(struct fake_server *fs, struct slice id,
                               const char *status)
{
    struct slice body;
    do body = task_say(fs, "tasks/get", id, "");
    while (!says(body, status));
    return body;
}

static struct slice task_begin(struct fake_server *fs)
{
    struct slice body =
        fake_say(fs, modern("tools/call", "\"name\":\"job\",", TASKS));
    CHECK(says(body, "\"resultType\":\"task\""));
    CHECK(!says(body, "requestState"));
    return json_text(json_at(fake_json(body), "result", "taskId", NULL));
}

TEST(mcp_offers, a_task_asks_goes_on_and_completes)
{
    struct fake_server *fs = start(MCP_STDIO);
    struct slice id = task_begin(fs);
    struct slice body = task_until(fs, id, "\"status\":\"input_required\"");
    CHECK(says(body, "\"inputRequests\":{\"name\":"));
    CHECK(says(task_say(fs, "tasks/update", id,
                        "\"inputResponses\":{\"stranger\":{}},"),
               "\"resultType\":\"complete\""));
    CHECK(says(task_say(fs, "tasks/get", id, ""), "input_required"));
    (void)task_say(fs, "tasks/update", id,
                   "\"inputResponses\":{\"name\":{\"action\":\"decline\"}},");
    body = task_until(fs, id, "\"status\":\"completed\"");
    CHECK(says(body, "\"text\":\"done\""));
    fake_server_free(fs);
}

TEST(mcp_offers, a_task_outlives_a_clock_that_jumps)
{
    struct fake_server *fs = start(MCP_STDIO);
    struct slice id = task_begin(fs);
    clock_fake_jump(INT64_C(1000) * 86400 * 400);
    (void)task_until(fs, id, "input_required");
    clock_fake_jump(INT64_C(-2000) * 86400 * 400);
    (void)task_until(fs, id, "input_required");
    (void)task_say(fs, "tasks/update", id,
                   "\"inputResponses\":{\"name\":{\"action\":\"decline\"}},");
    (void)task_until(fs, id, "\"status\":\"completed\"");
    fake_server_free(fs);
}

TEST(mcp_offers, a_task_that_waits_is_cancelled_for_good)
{
    struct fake_server *fs = start(MCP_STDIO);
    struct slice id = task_begin(fs);
    (void)task_until(fs, id, "input_required");
    for (int i = 0; i < 2; i++)
        CHECK(says(task_say(fs, "tasks/cancel", id, ""),
                   "\"resultType\":\"complete\""));
    CHECK(says(task_say(fs, "tasks/get", id, ""), "\"cancelled\""));
    CHECK(says(task_say(fs, "tasks/get", SLICE("nobody"), ""), "-32602"));
    while (mcp_server_open_calls(fake_mcp(fs))) {} /* it leaves its thread */
    fake_server_free(fs);
}

/* --- HTTP ------------------------------------------------------------------------------ */

TEST(mcp_offers, arguments_in_headers_agree_with_the_body)
{
    static const struct {
        const char *args, *region, *level;
        int status;
    } rows[] = {
        {"{\"region\":\"a\"}", "a", NULL, 200},
        {"{\"region\":\"a\"}", "=?base64?YQ==?=", NULL, 200},
        {"{\"region\":\"a\"}", "=?base64?YQ?=", NULL, 400},
        {"{\"region\":\"a\"}", NULL, NULL, 400},
        {"{\"region\":\"a\"}", "A", NULL, 400},
        {"{\"region\":null}", NULL, NULL, 200},
        {"{}", "a", NULL, 400},
        {"{\"level\":42}", NULL, "42.0", 200},
        {"{\"level\":42}", NULL, "43", 400},
        {"{\"level\":42}", NULL, "x", 400},
    };
    struct fake_server *fs = start(MCP_HTTP);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mcp_header h[6] = {
            {"MCP-Protocol-Version", SLICE("2026-07-28")},
            {"Mcp-Method", SLICE("tools/call")},
            {"Mcp-Name", SLICE("region")}};
        size_t n = 3;
        if (rows[i].region)
            h[n++] = (struct mcp_header){"Mcp-Param-Region",
                                         slice_of(rows[i].region)};
        if (rows[i].level)
            h[n++] = (struct mcp_header){"Mcp-Param-Level",
                                         slice_of(rows[i].level)};
        const char *params =
            arena_printf(test_arena(), "\"name\":\"region\",\"arguments\":%s,",
                         rows[i].args)
                .p;
        struct fake_exchange *fx =
            fake_send(fs, modern("tools/call", params, ""), h);
        if (fx->status != rows[i].status)
            FAIL("row %zu: %d %.*s", i, fx->status, SLICE_ARG(fx->body));
    }
    fake_server_free(fs);
}

TEST(mcp_offers, a_session_has_a_stream_and_ends_for_good)
{
    struct fake_server *fs = start(MCP_HTTP);
    struct fake_exchange *fx = fake_send(
        fs, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":"
            "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"sampling\":"
            "{}}}}",
        NULL);
    CHECK(fx->session.n > 0);
    const struct mcp_header h[] = {{"Mcp-Session-Id", fx->session}, {0}};
    const struct mcp_header unknown[] = {{"Mcp-Session-Id", SLICE("x")}, {0}};
    const struct mcp_header modern_get[] = {
        {"MCP-Protocol-Version", SLICE("2026-07-28")}, {0}};
    CHECK_INT_EQ(fake_open_stream(fs, unknown)->status, 404);
    CHECK_INT_EQ(fake_open_stream(fs, modern_get)->status, 405);
    CHECK_INT_EQ(fake_end_session(fs, NULL)->status, 405);
    struct fake_exchange *stream = fake_open_stream(fs, h);
    CHECK_INT_EQ(stream->replies, 0);
    mcp_changed(fake_mcp(fs), MCP_TOOLS_CHANGED);
    fake_wait_events(stream, 1);
    CHECK(stream->ids[0].n > 0);
    CHECK_INT_EQ(fake_end_session(fs, h)->status, 204);
    fake_wait(stream);
    CHECK_INT_EQ(fake_end_session(fs, h)->status, 404);
    CHECK_INT_EQ(fake_send(fs, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
                               "\"tools/list\"}",
                           h)
                     ->status,
                 404);
    fake_server_free(fs);
}
