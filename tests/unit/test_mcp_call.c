/* The life of a call, driven by hand: this file is the loop. */
#include "tests/unit/mcp_fixture.h"

#include "base/alloc.h"

static const char init_2025[] =
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
    "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{"
    "\"name\":\"t\",\"version\":\"1\"}}}";

static struct slice result_text(struct slice body)
{
    const struct json *v = fake_json(body);
    const struct json *content = json_at(v, "result", "content", NULL);
    CHECK(json_is(content, JSON_ARRAY) && content->count == 1);
    return json_text(json_get(&content->items[0], SLICE("text")));
}

TEST(mcp_call, initialize_names_the_revision_and_the_server)
{
    struct fake_server *fs = fake_server(0, MCP_STDIO);
    struct slice body = fake_say(fs, init_2025);
    CHECK_TEXT_EQ(body,
                  "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{"
                  "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{"
                  "\"tools\":{}},\"serverInfo\":{\"name\":\"fake\",\"title\":"
                  "\"A fake\",\"version\":\"1.2.3\",\"websiteUrl\":"
                  "\"https://example.org\"},\"instructions\":"
                  "\"Use the tools.\"}}");
    fake_server_free(fs);
}

TEST(mcp_call, discover_lists_every_version_and_the_cache_hints)
{
    struct fake_server *fs = fake_server(0, MCP_STDIO);
    struct slice body = fake_say(
        fs, "{\"method\":\"server/discover\",\"jsonrpc\":\"2.0\",\"id\":"
            "\"d\",\"params\":{" FAKE_META "}}");
    CHECK_TEXT_EQ(
        body,
        "{\"jsonrpc\":\"2.0\",\"id\":\"d\",\"result\":{\"resultType\":"
        "\"complete\",\"supportedVersions\":[\"2026-07-28\",\"2025-11-25\","
        "\"2025-06-18\",\"2025-03-26\",\"2024-11-05\"],\"capabilities\":{"
        "\"tools\":{}},\"instructions\":\"Use the tools.\",\"ttlMs\":300000,"
        "\"cacheScope\":\"public\",\"_meta\":{\"io.modelcontextprotocol/"
        "serverInfo\":{\"name\":\"fake\",\"title\":\"A fake\",\"version\":"
        "\"1.2.3\",\"websiteUrl\":\"https://example.org\"}}}}");
    fake_server_free(fs);
}

TEST(mcp_call, a_result_is_structured_and_text_around_the_callers_id)
{
    struct fake_server *fs = fake_server(0, MCP_STDIO);
    struct slice body = fake_say(
        fs, fake_call("9007199254740993", "echo", "{\"text\":\"a\\\"b\"}"));
    CHECK_CONTAINS(body, "\"id\":9007199254740993,");
    CHECK_CONTAINS(body, "\"structuredContent\":{\"said\":[\"a\\\"b\"],"
                         "\"on_loop\":false}");
    CHECK_CONTAINS(body, "\"resultType\":\"complete\"");
    CHECK_TEXT_EQ(result_text(body), "{\"said\":[\"a\\\"b\"],"
                                     "\"on_loop\":false}");
    CHECK(!json_at(fake_json(body), "result", "isError", NULL));
    fake_server_free(fs);
}

TEST(mcp_call, a_call_that_says_again_runs_on_a_worker)
{
    struct fake_server *fs = fake_server(1, MCP_STDIO);
    struct slice here = fake_say(fs, fake_call("1", "echo", "{\"text\":\"\"}"));
    struct slice there =
        fake_say(fs, fake_call("2", "again", "{\"text\":\"x\"}"));
    CHECK_CONTAINS(here, "\"on_loop\":true");
    CHECK_TEXT_EQ(result_text(there), "{\"said\":[\"x\"],\"on_loop\":false}");
    fake_server_free(fs);
}

TEST(mcp_call, a_pending_call_ends_when_somebody_says_so)
{
    struct fake_server *fs = fake_server(1, MCP_STDIO);
    CHECK_TEXT_EQ(result_text(fake_say(fs, fake_call("1", "pending", "{}"))),
                  "{\"later\":true}");
    fake_server_free(fs);
}

TEST(mcp_call, a_business_error_carries_what_why_and_how_to_fix)
{
    struct fake_server *fs = fake_server(0, MCP_STDIO);
    struct slice body = fake_say(fs, fake_call("1", "refuse", "{}"));
    CHECK_CONTAINS(body, "\"isError\":true");
    CHECK_TEXT_EQ(result_text(body),
                  "{\"error\":{\"code\":\"phase_locked\",\"detail\":"
                  "\"PHASE_LOCKED\",\"what\":\"phase 3\",\"why\":"
                  "\"phase 1 is current\",\"how_to_fix\":\"complete it\","
                  "\"retry_after_ms\":7},\"passed\":false}");
    fake_server_free(fs);
}

TEST(mcp_call, an_internal_error_carries_a_reference)
{
    struct fake_server *fs = fake_server(0, MCP_STDIO);
    struct slice body = fake_say(fs, fake_call("1", "broken", "{}"));
    CHECK_CONTAINS(body, "\"code\\\":\\\"internal");
    CHECK_CONTAINS(body, "reference ");
    fake_server_free(fs);
}

TEST(mcp_call, a_missing_argument_is_told_by_name)
{
    struct fake_server *fs = fake_server(0, MCP_STDIO);
    struct slice body = fake_say(fs, fake_call("1", "echo", "{}"));
    CHECK_CONTAINS(body, "\"isError\":true");
    CHECK_CONTAINS(result_text(body), "\"detail\":\"MISSING_PARAMETER\"");
    CHECK_CONTAINS(result_text(body), "`text`");
    fake_server_free(fs);
}

TEST(mcp_call, a_cancelled_call_is_never_answered)
{
    struct fake_server *fs = fake_server(1, MCP_STDIO);
    struct fake_exchange *running =
        fake_begin(fs, fake_call("\"a\"", "gate", "{}"), NULL);
    fake_gate_wait_entered(1);
    struct fake_exchange *queued =
        fake_begin(fs, fake_call("2", "gate", "{}"), NULL);
    fake_say(fs, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
                 "\"params\":{\"requestId\":2}}");
    CHECK_INT_EQ(queued->drops, 1); /* unlinked at once */
    fake_say(fs, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
                 "\"params\":{\"requestId\":\"\\u0061\"}}");
    fake_wait(running);
    CHECK_INT_EQ(running->drops, 1);
    fake_server_free(fs);
}

TEST(mcp_call, cancelling_what_is_unknown_does_nothing)
{
    struct fake_server *fs = fake_server(1, MCP_STDIO);
    struct fake_exchange *running =
        fake_begin(fs, fake_call("1", "gate", "{}"), NULL);
    fake_gate_wait_entered(1);
    static const char *const ids[] = {"2", "\"1\"", "null", "[1]", "1.5"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct slice text =
            arena_printf(test_arena(),
                         "{\"jsonrpc\":\"2.0\",\"method\":"
                         "\"notifications/cancelled\",\"params\":{"
                         "\"requestId\":%s}}",
                         ids[i]);
        CHECK_INT_EQ(fake_say(fs, text.p).n, 0);
    }
    fake_gate_open();
    fake_wait(running);
    CHECK_INT_EQ(running->replies, 1);
    fake_server_free(fs);
}

TEST(mcp_call, a_lost_connection_cancels_a_modern_call_only)
{
    struct fake_server *fs = fake_server(2, MCP_HTTP);
    static const struct mcp_header modern[] = {
        {"MCP-Protocol-Version", SLICE_INIT("2026-07-28")},
        {"Mcp-Method", SLICE_INIT("tools/call")},
        {"Mcp-Name", SLICE_INIT("gate")},
        {0}};
    struct fake_exchange *a =
        fake_begin(fs, fake_call("1", "gate", "{}"), modern);
    struct fake_exchange *b = fake_begin(
        fs,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
        "\"name\":\"gate\"}}",
        NULL);
    fake_gate_wait_entered(2);
    mcp_exchange_lost(&a->ex);
    mcp_exchange_lost(&b->ex);
    fake_wait(a);
    CHECK_INT_EQ(a->drops, 1);
    fake_gate_open();
    fake_wait(b);
    CHECK_INT_EQ(b->replies, 1);
    fake_server_free(fs);
}

TEST(mcp_call, stopping_ends_what_runs_and_refuses_what_comes)
{
    struct fake_server *fs = fake_server(1, MCP_STDIO);
    struct fake_exchange *running =
        fake_begin(fs, fake_call("1", "gate", "{}"), NULL);
    fake_gate_wait_entered(1);
    mcp_server_stop(fake_mcp(fs));
    fake_wait(running);
    CHECK_CONTAINS(result_text(running->body), "\"code\":\"cancelled\"");
    CHECK_CONTAINS(fake_say(fs, fake_call("2", "echo", "{\"text\":\"\"}")),
                   "\"code\":\"unavailable\"");
    fake_server_free(fs);
}

TEST(mcp_call, a_full_queue_is_over_capacity)
{
    struct fake_server *fs = fake_server(1, MCP_STDIO);
    struct fake_exchange *waiting[9];
    waiting[0] = fake_begin(fs, fake_call("0", "gate", "{}"), NULL);
    fake_gate_wait_entered(1);
    for (int i = 1; i < 9; i++)
        waiting[i] = fake_begin(fs, fake_call("1", "gate", "{}"), NULL);
    struct slice body = fake_say(fs, fake_call("2", "gate", "{}"));
    CHECK_CONTAINS(body, "\"code\":\"over_capacity\"");
    CHECK_CONTAINS(body, "\"retry_after_ms\":250");
    fake_gate_open();
    for (int i = 0; i < 9; i++) fake_wait(waiting[i]);
    fake_server_free(fs);
}

/* --- several loops ------------------------------------------------------- */

enum { IN_FLIGHT = 6 };

struct crowd {
    struct fake_server *fs;
    const char *calls[2]; /* modern, legacy */
    int rounds;
};

static const struct mcp_header again_headers[] = {
    {"MCP-Protocol-Version", SLICE_INIT("2026-07-28")},
    {"Mcp-Method", SLICE_INIT("tools/call")},
    {"Mcp-Name", SLICE_INIT("again")},
    {0}};

/* Every third client leaves. Each exchange ends once, whoever wins. */
static void run_loop(void *ctx, int i)
{
    const struct crowd *cr = ctx;
    struct fake_server *loop = fake_loop(cr->fs, MCP_HTTP);
    for (int round = 0; round < cr->rounds; round++) {
        struct fake_exchange *fx[IN_FLIGHT];
        for (int k = 0; k < IN_FLIGHT; k++)
            fx[k] = fake_begin(loop, cr->calls[k % 2],
                               k % 2 ? NULL : again_headers);
        for (int k = 0; k < IN_FLIGHT; k++) {
            bool open = !fx[k]->replies && !fx[k]->drops;
            if (open && (k + i + round) % 3 == 0) mcp_exchange_lost(&fx[k]->ex);
        }
        for (int k = 0; k < IN_FLIGHT; k++) {
            fake_wait(fx[k]);
            if (k % 2) CHECK_INT_EQ(fx[k]->replies, 1);
        }
    }
    fake_server_free(loop);
}

TEST(mcp_call, loops_share_a_server_and_every_exchange_ends_once)
{
    struct fake_server *fs = fake_server(2, MCP_STDIO);
    struct crowd cr = {
        .fs = fs,
        .calls = {fake_call("1", "again", "{\"text\":\"x\"}"),
                  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
                  "\"params\":{\"name\":\"again\",\"arguments\":{\"text\":"
                  "\"y\"}}}"},
        .rounds = test_sanitized() ? 200 : 2000};
    test_threads(3, run_loop, &cr);
    fake_server_free(fs);
}

TEST(mcp_call, stopping_while_loops_are_busy_ends_every_exchange)
{
    struct fake_server *fs = fake_server(2, MCP_STDIO);
    const char *call = fake_call("1", "again", "{\"text\":\"x\"}");
    struct fake_exchange *fx[8];
    for (int i = 0; i < 8; i++) fx[i] = fake_begin(fs, call, NULL);
    mcp_server_stop(fake_mcp(fs));
    for (int i = 0; i < 8; i++) {
        fake_wait(fx[i]);
        CHECK_INT_EQ(fx[i]->replies, 1);
    }
    fake_server_free(fs);
}

TEST(mcp_call, messages_behind_a_large_one_keep_their_order)
{
    struct fake_server *fs = fake_server(2, MCP_STDIO);
    struct buf large = BUF_INIT(1 << 20);
    for (int i = 0; i < 100000; i++) buf_putc(&large, 'x');
    buf_putc(&large, 0);
    struct slice args =
        arena_printf(test_arena(), "{\"text\":\"%s\"}", large.p);
    struct fake_exchange *first =
        fake_begin(fs, fake_call("1", "echo", args.p), NULL);
    struct fake_exchange *second =
        fake_begin(fs, fake_call("2", "echo", "{\"text\":\"y\"}"), NULL);
    CHECK_INT_EQ(first->replies, 0);
    CHECK_INT_EQ(second->replies, 0);
    fake_wait(second);
    CHECK_INT_EQ(first->replies, 1);
    buf_done(&large);
    fake_server_free(fs);
}

TEST(mcp_call, a_warm_call_allocates_nothing)
{
    struct fake_server *fs = fake_server(1, MCP_STDIO);
    const char *call = fake_call("1", "echo", "{\"text\":\"hello\"}");
    for (int i = 0; i < 3; i++) fake_say(fs, call);
    mem_fail_at(0);
    fake_say(fs, call);
    CHECK_INT_EQ(mem_taken(), 0);
    fake_server_free(fs);
}

TEST(mcp_call, each_failed_allocation_still_ends_the_exchange_once)
{
    const char *call = fake_call("1", "echo", "{\"text\":\"hello\"}");
    bool done = false;
    for (uint64_t n = 1; !done; n++) {
        CHECK_INT_LT(n, 100);
        struct fake_server *fs = fake_server(0, MCP_STDIO);
        mem_fail_at(n);
        struct fake_exchange *fx = fake_begin(fs, call, NULL);
        mem_fail_at(0);
        CHECK_INT_EQ(fx->replies, 1);
        done = slice_find(fx->body, SLICE("hello")) < fx->body.n;
        if (!done) CHECK_CONTAINS(fx->body, "error");
        CHECK_CONTAINS(fake_say(fs, call), "hello");
        fake_server_free(fs);
    }
}

TEST(mcp_call, a_server_that_finds_no_memory_is_not_made)
{
    static const struct mcp_tool none[] = {{0}};
    static const struct mcp_tool *const tables[] = {none, NULL};
    struct mcp_server_config conf = {
        .name = "n", .version = "1", .tools = tables};
    struct mcp_server *s = NULL;
    enum err e = ERR_NOMEM;
    for (uint64_t n = 1; e; n++) {
        CHECK_INT_LT(n, 200);
        mem_fail_at(n);
        e = mcp_server_new(&conf, &s);
        mem_fail_at(0);
        if (e) CHECK_ERR(e, ERR_NOMEM);
    }
    mcp_server_free(s);
}

TEST(mcp_call, a_server_without_tools_has_no_tool_methods)
{
    struct mcp_server_config conf = {.name = "bare", .version = "1"};
    struct fake_server *fs = fake_server_of(&conf, MCP_STDIO);
    CHECK_CONTAINS(fake_say(fs, init_2025), "\"capabilities\":{}");
    CHECK_CONTAINS(fake_say(fs, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
                                "\"tools/list\"}"),
                   "-32601");
    fake_server_free(fs);
}
