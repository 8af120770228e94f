/* The same call again: what is known of a message shows in nothing but time.
 * A server that has heard a call three times says what one says that has
 * heard nothing. */
#include <string.h>

#include "base/alloc.h"
#include "mcp/call.h"
#include "tests/unit/mcp_fixture.h"

#define LEGACY(id, args)                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":" \
    "{\"name\":\"echo\",\"arguments\":" args "}}"
#define INIT(version)                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"     \
    "\"protocolVersion\":\"" version "\",\"capabilities\":{}}}"

static const char *echo_of(const char *id, const char *text)
{
    return fake_call(id, "echo",
                     arena_printf(test_arena(), "{\"text\":\"%s\"}", text).p);
}

static void hear(struct fake_server *fs, const char *message,
                 const struct mcp_header *headers)
{
    for (int i = 0; i < 3; i++)
        CHECK_CONTAINS(fake_send(fs, message, headers)->body, "said");
}

/* Objects of memory, arenas' too, that a call takes. */
static uint64_t taken_by(struct fake_server *fs, const char *message)
{
    mem_fail_at(UINT64_MAX);
    (void)fake_say(fs, message);
    uint64_t n = mem_count();
    mem_fail_at(0);
    return n;
}

TEST(mcp_again, the_third_of_the_same_call_is_not_read_anew)
{
    struct fake_server *fs = fake_server(0, MCP_STDIO);
    (void)fake_say(fs, fake_call("1", "refuse", "{}")); /* warm */
    uint64_t first = taken_by(fs, echo_of("1", "a"));
    uint64_t second = taken_by(fs, echo_of("\"two\"", "a"));
    uint64_t third = taken_by(fs, echo_of("3", "a"));
    CHECK(second > first); /* kept */
    CHECK(third < first);
    CHECK_INT_EQ(taken_by(fs, echo_of("4", "b")), first);
    CHECK_INT_EQ(taken_by(fs, echo_of("\"five\"", "a")), third);
    fake_server_free(fs);
}

struct id_row {
    const char *id;
};

/* clang-format off */
TEST_EACH(mcp_again, an_id_is_read_as_by_a_server_that_knows_nothing,
    struct id_row, row,
    {"2"}, {"0"}, {"12345678901234567890123"}, {"\"\""}, {"\"b\""}, {"\" ~\""},
    {"-1"}, {"-0"}, {"-"}, {"1.0"}, {"1.5"}, {"1e2"}, {"01"}, {"00"}, {"+1"},
    {"1 "}, {" 1"}, {"1x"}, {""}, {"\""}, {"\"\"\""}, {"'1'"},
    {"null"}, {"true"}, {"[1]"}, {"{}"},
    {"\"a\\u0062\""}, {"\"\\\"\""}, {"\"\\\""}, {"\"\x01\""}, {"\"\x7f\""},
    {"\"\xc3\xa4\""}, {"\"\xff\""}, {"\"a"}, {"a\""}, {"\"a\" \"b\""},
    {"\"a\",\"id\":2"}, {"1,\"id\":2"}, {"1,\"method\":\"ping\""},
    {"1,\"other\":2"}, {"\"x\",\"params\":{}"}, {"1}"},
    {"\"a text that is longer than all that is looked at as an id of a call "
     "that may be known, for which an ordinary way exists\""})
/* clang-format on */
{
    struct fake_server *knows = fake_server(0, MCP_STDIO);
    struct fake_server *fresh = fake_server(0, MCP_STDIO);
    hear(knows, echo_of("7", "a"), NULL);
    const char *message = echo_of(row->id, "a");
    (void)fake_say(fresh, echo_of("7", "b")); /* of the same era */
    struct slice expected = fake_say(fresh, message);
    for (int i = 0; i < 3; i++)
        CHECK_TEXT_EQ(fake_say(knows, message),
                      arena_cstr(test_arena(), expected));
    fake_server_free(fresh);
    fake_server_free(knows);
}

struct other_row {
    const char *label, *message;
};

/* clang-format off */
TEST_EACH(mcp_again, what_differs_in_more_than_the_id_is_another_call,
    struct other_row, row,
    {"an argument", LEGACY("1", "{\"text\":\"b\"}")},
    {"one more argument", LEGACY("1", "{\"text\":\"a\",\"times\":2}")},
    {"none", LEGACY("1", "{}")},
    {"a blank behind", LEGACY("1", "{\"text\":\"a\"}") " "},
    {"a blank before", " " LEGACY("1", "{\"text\":\"a\"}")},
    {"before the id", "{\"jsonrpc\":\"2.1\",\"id\":1,\"method\":\"tools/call\","
     "\"params\":{\"name\":\"echo\",\"arguments\":{\"text\":\"a\"}}}"},
    {"cut", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}"},
    {"twice", LEGACY("1", "{\"text\":\"a\"}") LEGACY("1", "{\"text\":\"a\"}")},
    {"in a batch", "[" LEGACY("1", "{\"text\":\"a\"}") "]"},
    {"a notification", "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\","
     "\"params\":{\"name\":\"echo\",\"arguments\":{\"text\":\"a\"}}}"})
/* clang-format on */
{
    struct fake_server *knows = fake_server(0, MCP_STDIO);
    struct fake_server *fresh = fake_server(0, MCP_STDIO);
    (void)fake_say(knows, INIT("2025-03-26"));
    (void)fake_say(fresh, INIT("2025-03-26"));
    hear(knows, LEGACY("1", "{\"text\":\"a\"}"), NULL);
    CHECK_TEXT_EQ(fake_say(knows, row->message),
                  arena_cstr(test_arena(), fake_say(fresh, row->message)));
    fake_server_free(fresh);
    fake_server_free(knows);
}

TEST(mcp_again, another_revision_rules_the_same_call_anew)
{
    struct fake_server *fs = fake_server(0, MCP_STDIO);
    const char *message = LEGACY("1", "{\"text\":\"a\"}");
    hear(fs, message, NULL); /* before any initialize */
    CHECK_CONTAINS(fake_say(fs, message), "structuredContent");
    (void)fake_say(fs, INIT("2024-11-05"));
    for (int i = 0; i < 3; i++)
        CHECK(!json_at(fake_json(fake_say(fs, message)), "result",
                       "structuredContent", NULL));
    (void)fake_say(fs, INIT("2025-11-25"));
    CHECK_CONTAINS(fake_say(fs, message), "structuredContent");
    fake_server_free(fs);
}

TEST(mcp_again, what_comes_behind_is_told_in_the_era_of_the_same_call)
{
    struct fake_server *fs = fake_server(0, MCP_STDIO);
    hear(fs, echo_of("1", "a"), NULL);
    (void)fake_say(fs, INIT("2025-11-25"));
    CHECK_CONTAINS(fake_say(fs, "{]"), "\"id\":null");
    (void)fake_say(fs, echo_of("2", "a"));
    CHECK(!json_get(fake_json(fake_say(fs, "{]")), SLICE("id")));
    fake_server_free(fs);
}

/* --- over HTTP ------------------------------------------------------------ */

struct header_row {
    const char *version, *method, *name, *session;
    int status;
};

static void headers_of(const struct header_row *row, struct mcp_header h[5])
{
    const char *const values[] = {row->version, row->method, row->name,
                                  row->session};
    static const char *const names[] = {"MCP-Protocol-Version", "Mcp-Method",
                                        "Mcp-Name", "Mcp-Session-Id"};
    size_t n = 0;
    for (size_t i = 0; i < 4; i++)
        if (values[i])
            h[n++] = (struct mcp_header){names[i], slice_of(values[i])};
    h[n] = (struct mcp_header){0};
}

#define MODERN "2026-07-28"
TEST_EACH(mcp_again, headers_are_asked_of_the_same_call_too, struct header_row,
          row, {MODERN, "tools/call", "echo", NULL, 200},
          {MODERN, "tools/call", "gate", NULL, 400},
          {MODERN, "tools/call", NULL, NULL, 400},
          {MODERN, "tools/list", "echo", NULL, 400},
          {MODERN, NULL, "echo", NULL, 400},
          {"2025-11-25", "tools/call", "echo", NULL, 400},
          {NULL, "tools/call", "echo", NULL, 400})
{
    static const struct header_row good = {MODERN, "tools/call", "echo", NULL,
                                           200};
    struct fake_server *knows = fake_server(0, MCP_HTTP);
    struct fake_server *fresh = fake_server(0, MCP_HTTP);
    struct mcp_header usual[5], h[5];
    headers_of(&good, usual);
    headers_of(row, h);
    hear(knows, echo_of("7", "a"), usual);
    struct fake_exchange *one = fake_send(knows, echo_of("8", "a"), h);
    struct fake_exchange *two = fake_send(fresh, echo_of("8", "a"), h);
    CHECK_INT_EQ(one->status, row->status);
    CHECK_INT_EQ(two->status, row->status);
    CHECK_TEXT_EQ(one->body, arena_cstr(test_arena(), two->body));
    fake_server_free(fresh);
    fake_server_free(knows);
}

TEST(mcp_again, connections_of_a_loop_know_the_same_calls)
{
    struct fake_server *first = fake_server(0, MCP_HTTP);
    struct fake_server *second = fake_loop(first, MCP_HTTP);
    const char *message = LEGACY("1", "{\"text\":\"a\"}");
    hear(first, message, NULL);
    uint64_t known = taken_by(second, message);
    CHECK(known < taken_by(second, LEGACY("1", "{\"text\":\"b\"}")));
    fake_peer_leave(second);
    hear(first, message, NULL);
    fake_server_free(second);
    fake_server_free(first);
}

/* --- what is asked each time ---------------------------------------------- */

static int allowed;

static enum err allow(void *ctx, struct mcp_call *call,
                      const struct mcp_tool *tool)
{
    (void)ctx, (void)tool;
    if (allowed-- > 0) return OK;
    return problem_set(&call->problem, ERR_OVER_CAPACITY, SLICE("too many"),
                       SLICE("it was said so"), SLICE("wait"));
}

static enum err say_ok(struct mcp_call *call, const void *args)
{
    (void)args;
    buf_puts(&call->out.plain, "{\"said\":[]}");
    return OK;
}

static struct fake_server *own_server(enum mcp_transport kind)
{
    static const struct mcp_tool tools[] = {
        {.name = "echo", .run = MCP_RUN_INLINE, .call = say_ok}, {0}};
    static const struct mcp_tool *const tables[] = {tools, NULL};
    static const struct mcp_gate gate = {.allow = allow};
    return fake_server_of(
        &(struct mcp_server_config){.name = "fake",
                                    .version = "1",
                                    .tools = tables,
                                    .sessions = MCP_SESSIONS_ALWAYS,
                                    .gate = &gate},
        kind);
}

TEST(mcp_again, leave_to_call_is_asked_of_the_same_call_too)
{
    struct fake_server *fs = own_server(MCP_STDIO);
    allowed = 4;
    hear(fs, fake_call("1", "echo", "{}"), NULL);
    CHECK_CONTAINS(fake_say(fs, fake_call("2", "echo", "{}")), "said");
    CHECK_CONTAINS(fake_say(fs, fake_call("3", "echo", "{}")), "too many");
    allowed = 1;
    CHECK_CONTAINS(fake_say(fs, fake_call("4", "echo", "{}")), "said");
    fake_server_free(fs);
}

TEST(mcp_again, a_session_that_ended_is_missed_by_the_same_call)
{
    struct fake_server *fs = own_server(MCP_HTTP);
    const char *message = LEGACY("1", "{}");
    struct slice session = fake_send(fs, INIT("2025-11-25"), NULL)->session;
    const struct mcp_header h[] = {{"Mcp-Session-Id", session}, {0}};
    CHECK(session.n);
    allowed = 100;
    hear(fs, message, h);
    CHECK_INT_EQ(fake_end_session(fs, h)->status, 204);
    CHECK_INT_EQ(fake_send(fs, message, h)->status, 404);
    fake_server_free(fs);
}

TEST(mcp_again, a_server_that_stops_refuses_the_same_call)
{
    struct fake_server *fs = fake_server(1, MCP_STDIO);
    hear(fs, echo_of("1", "a"), NULL);
    mcp_server_stop(fake_mcp(fs));
    CHECK_CONTAINS(fake_say(fs, echo_of("2", "a")), "stopping");
    fake_server_free(fs);
}

/* --- away ----------------------------------------------------------------- */

TEST(mcp_again, the_same_call_is_cancelled_by_its_own_id)
{
    struct fake_server *fs = fake_server(3, MCP_STDIO);
    struct fake_exchange *calls[3];
    const char *ids[] = {"1", "\"two\"", "3"};
    for (int i = 0; i < 3; i++) {
        calls[i] = fake_begin(fs, fake_call(ids[i], "gate", "{}"), NULL);
        fake_gate_wait_entered(i + 1);
    }
    struct fake_exchange *last =
        fake_begin(fs, fake_call("\"last\"", "gate", "{}"), NULL);
    (void)fake_say(fs, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
                       "cancelled\",\"params\":{\"requestId\":\"two\"}}");
    fake_wait(calls[1]);
    CHECK_INT_EQ(calls[1]->drops, 1);
    fake_gate_open();
    fake_wait(calls[0]);
    fake_wait(calls[2]);
    fake_wait(last);
    CHECK_CONTAINS(calls[2]->body, "\"id\":3,");
    CHECK_CONTAINS(last->body, "\"id\":\"last\",");
    fake_server_free(fs);
}

TEST(mcp_again, the_same_call_waits_behind_a_large_message)
{
    struct fake_server *fs = fake_server(1, MCP_STDIO);
    hear(fs, echo_of("1", "a"), NULL);
    char *large = arena_zalloc(test_arena(), 100 * 1024);
    memset(large, ' ', 99 * 1024);
    struct fake_exchange *before = fake_begin(fs, large, NULL);
    struct fake_exchange *behind = fake_begin(fs, echo_of("2", "a"), NULL);
    CHECK_INT_EQ(before->replies + behind->replies, 0);
    fake_wait(before);
    fake_wait(behind);
    CHECK_CONTAINS(behind->body, "\"id\":2,");
    fake_server_free(fs);
}

/* Its place is taken by others while it waits for the only worker. */
TEST(mcp_again, what_is_known_outlives_its_place)
{
    struct fake_server *fs = fake_server(1, MCP_STDIO);
    struct fake_exchange *waits[3];
    struct fake_exchange *first =
        fake_begin(fs, fake_call("1", "gate", "{}"), NULL);
    fake_gate_wait_entered(1);
    for (int i = 0; i < 3; i++)
        waits[i] = fake_begin(
            fs, fake_call("\"w\"", "work", "{\"text\":\"kept\"}"), NULL);
    for (int i = 0; i < 200; i++)
        CHECK_CONTAINS(
            fake_say(fs,
                     echo_of("2", arena_printf(test_arena(), "%d", i / 2).p)),
            "said");
    fake_gate_open();
    fake_wait(first);
    for (int i = 0; i < 3; i++) {
        fake_wait(waits[i]);
        CHECK_CONTAINS(waits[i]->body, "\"id\":\"w\",");
        CHECK_CONTAINS(waits[i]->body, "{\"said\":[\"kept\"]");
    }
    fake_server_free(fs);
}

TEST(mcp_again, more_calls_than_can_be_known_have_their_own_answers)
{
    enum { TEXTS = 8, ROUNDS = 12 }; /* as many as may wait */
    struct fake_server *fs = fake_server(1, MCP_STDIO);
    struct fake_exchange *there[TEXTS];
    for (int r = 0; r < ROUNDS; r++) {
        for (int i = 0; i < TEXTS; i++) {
            const char *id = arena_printf(test_arena(), "%d", r * 100 + i).p;
            const char *args =
                arena_printf(test_arena(), "{\"text\":\"t%d\"}", i).p;
            there[i] = fake_begin(fs, fake_call(id, "again", args), NULL);
            for (int k = 0; k < r % 3; k++)
                CHECK_CONTAINS(fake_say(fs, fake_call(id, "echo", args)),
                               arena_printf(test_arena(), "[\"t%d\"]", i).p);
        }
        for (int i = 0; i < TEXTS; i++) {
            fake_wait(there[i]);
            CHECK_CONTAINS(
                there[i]->body,
                arena_printf(test_arena(), "\"id\":%d,", r * 100 + i).p);
            CHECK_CONTAINS(
                there[i]->body,
                arena_printf(test_arena(), "{\"said\":[\"t%d\"]", i).p);
        }
    }
    fake_server_free(fs);
}
