/* How much one client may have of what a server keeps for it: each ceiling is
 * reached, and one more is refused or the oldest goes. */
#include <time.h>

#include "base/buf.h"
#include "mcp/call.h"
#include "tests/unit/mcp_fixture.h"

/* --- the server ----------------------------------------------------------- */

static struct {
    size_t texts, bytes;
} chat; /* what "chatter" says before it answers */

static enum err chatter(struct mcp_call *call, const void *args)
{
    (void)args;
    static char text[16384];
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < chat.texts; i++)
        mcp_log(call, MCP_LOG_ERROR, (struct slice){0},
                (struct slice){text, chat.bytes});
    mcp_add_text(call, SLICE("said"));
    return OK;
}

static enum err endless(struct mcp_call *call, const void *args)
{
    enum err e = mcp_task_begin(call);
    (void)args;
    return e ? e : mcp_pause(call, 3600 * 1000);
}

static enum err read_any(struct mcp_call *call, const struct mcp_uri *uri)
{
    mcp_add_contents(
        call, &(struct mcp_content){.uri = uri->uri, .text = SLICE("text")});
    return OK;
}

static const struct mcp_tool tools[] = {
    {"chatter", NULL, "Says much.", .call = chatter},
    {"endless", NULL, "A task without end.", .call = endless,
     .task = MCP_TASK_ALWAYS},
    {0}};
static const struct mcp_tool *const tables[] = {tools, NULL};
static const struct mcp_resource resources[] = {
    {"t://files/{+path}", "file", .read = read_any}, {0}};

static struct fake_server *start(void)
{
    struct mcp_server_config conf = {.name = "ceilings",
                                     .version = "1",
                                     .tools = tables,
                                     .resources = resources,
                                     .tells = MCP_LOGS | MCP_UPDATES,
                                     .sessions = MCP_SESSIONS_ALWAYS,
                                     .answers_resume = true,
                                     .task_ttl_ms = 3600 * 1000};
    return fake_server_of(&conf, MCP_HTTP);
}

static struct slice session_of(struct fake_server *fs)
{
    struct fake_exchange *fx = fake_send(
        fs,
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":"
        "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}}}",
        NULL);
    CHECK(fx->session.n > 0);
    return fx->session;
}

static const char *request(const char *method, const char *params)
{
    return arena_printf(test_arena(),
                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\","
                        "\"params\":{%s}}",
                        method, params)
        .p;
}

/* --- events kept for who comes back --------------------------------------- */

struct kept {
    const char *label;
    size_t texts, bytes;
    int least, most; /* of them, the answer included, are told again */
};

TEST_EACH(mcp_ceilings, of_what_was_missed_the_last_is_kept, struct kept, row,
          {"all of a few", 400, 64, 401, 401},
          {"1,000 of many", 1500, 64, 1000, 1000},
          {"2 MiB of long ones", 300, 16384, 100, 128})
{
    struct fake_server *fs = start();
    struct slice id = session_of(fs);
    const struct mcp_header h[] = {{"Mcp-Session-Id", id}, {0}};
    const struct mcp_header from[] = {
        {"Mcp-Session-Id", id}, {"Last-Event-ID", SLICE("3-0")}, {0}};
    chat.texts = row->texts;
    chat.bytes = row->bytes;
    (void)fake_send(fs, request("logging/setLevel", "\"level\":\"error\""), h);
    struct fake_exchange *post =
        fake_begin(fs, request("tools/call", "\"name\":\"chatter\""), h);
    mcp_exchange_lost(&post->ex); /* before a single line was read */
    fake_wait(post);
    struct fake_exchange *again = fake_open_stream(fs, from);
    fake_wait(again);
    CHECK_INT_GE(again->events_n, row->least);
    CHECK_INT_LE(again->events_n, row->most);
    fake_server_free(fs);
}

/* --- what is asked for ---------------------------------------------------- */

static struct slice subscribe(struct fake_server *fs,
                              const struct mcp_header *h, const char *uri)
{
    struct slice params = arena_printf(test_arena(), "\"uri\":\"%s\"", uri);
    return fake_send(fs, request("resources/subscribe", params.p), h)->body;
}

TEST(mcp_ceilings, a_client_follows_a_thousand_resources_and_no_more)
{
    struct fake_server *fs = start();
    const struct mcp_header h[] = {{"Mcp-Session-Id", session_of(fs)}, {0}};
    for (int i = 0; i < 1000; i++)
        CHECK_CONTAINS(
            subscribe(fs, h, arena_printf(test_arena(), "t://files/%d", i).p),
            "\"result\":{}");
    CHECK_CONTAINS(subscribe(fs, h, "t://files/one-more"),
                   "too many subscriptions");
    /* One that it has already takes no place, */
    CHECK_CONTAINS(subscribe(fs, h, "t://files/7"), "\"result\":{}");
    (void)fake_send(
        fs, request("resources/unsubscribe", "\"uri\":\"t://files/7\""), h);
    /* and one that it gives up makes room. */
    CHECK_CONTAINS(subscribe(fs, h, "t://files/one-more"), "\"result\":{}");
    fake_server_free(fs);
}

struct uri_row {
    const char *method, *refusal;
};

TEST_EACH(mcp_ceilings, an_address_has_at_most_8192_bytes, struct uri_row, row,
          {"resources/subscribe", "1 to 8192 bytes"},
          {"resources/read", "Resource not found"})
{
    struct fake_server *fs = start();
    const struct mcp_header h[] = {{"Mcp-Session-Id", session_of(fs)}, {0}};
    static char path[9000];
    size_t head = strlen("t://files/");
    memset(path, 'a', sizeof(path));
    for (size_t n = 8192; n <= 8193; n++) {
        struct slice params = arena_printf(
            test_arena(), "\"uri\":\"t://files/%.*s\"", (int)(n - head), path);
        struct slice body =
            fake_send(fs, request(row->method, params.p), h)->body;
        CHECK_CONTAINS(body, n == 8192 ? "\"result\"" : row->refusal);
    }
    fake_server_free(fs);
}

TEST(mcp_ceilings, a_batch_has_at_most_1024_messages)
{
    static const char ping[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}";
    struct fake_server *fs = start();
    const struct mcp_header h[] = {
        {"MCP-Protocol-Version", SLICE("2025-03-26")}, {0}};
    for (int most = 1024; most <= 1025; most++) {
        struct buf b = BUF_INIT(1 << 20);
        for (int i = 0; i < most; i++)
            buf_printf(&b, "%s%s", i ? "," : "[", ping);
        buf_puts(&b, "]");
        buf_putc(&b, '\0');
        CHECK_OK(b.err);
        struct fake_exchange *fx = fake_send(fs, b.p, h);
        CHECK_INT_EQ(fx->status, most == 1024 ? 200 : 400);
        CHECK_CONTAINS(fx->body, most == 1024
                                     ? "\"result\":{}"
                                     : "a batch holds at most 1024 messages");
        buf_done(&b);
    }
    fake_server_free(fs);
}

/* --- tasks ---------------------------------------------------------------- */

static struct slice task(struct fake_server *fs)
{
    static const char text[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
        "{\"name\":\"endless\",\"_meta\":{"
        "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
        "\"io.modelcontextprotocol/clientCapabilities\":{\"extensions\":{"
        "\"io.modelcontextprotocol/tasks\":{}}}}}}";
    const struct mcp_header h[] = {
        {"MCP-Protocol-Version", SLICE("2026-07-28")},
        {"Mcp-Method", SLICE("tools/call")},
        {"Mcp-Name", SLICE("endless")},
        {0}};
    return fake_send(fs, text, h)->body;
}

TEST(mcp_ceilings, of_tasks_without_end_a_thousand_run)
{
    struct fake_server *fs = start();
    for (int i = 0; i < 1000; i++) CHECK_CONTAINS(task(fs), "\"taskId\"");
    struct slice more = task(fs);
    CHECK_CONTAINS(more, "Too many tasks");
    /* They live on a thread of the server's own. */
    mcp_server_stop(fake_mcp(fs));
    while (mcp_server_open_calls(fake_mcp(fs)) > 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    fake_server_free(fs);
}
