/* Streams of legacy sessions: what a client that comes back is told. The fake
 * exchange; some calls go on in the server's own loop, a thread of its own. */
#include "base/clock.h"
#include "base/lock.h"
#include "mcp/call.h"
#include "tests/unit/mcp_fixture.h"

/* --- the server ------------------------------------------------------------ */

/* Where the tool "hold" stands until it is let in. */
static struct {
    struct lock lock;
    struct cond changed;
    bool entered, open; /* Lock: lock */
} door;

static enum err hold(struct mcp_call *call, const void *args)
{
    (void)args;
    if (call->step == 0) {
        mcp_let_go(call, 1);
        return mcp_pause(call, 1);
    }
    lock_take(&door.lock);
    door.entered = true;
    cond_broadcast(&door.changed);
    while (!door.open) cond_wait(&door.changed, &door.lock);
    lock_drop(&door.lock);
    mcp_add_text(call, SLICE("held"));
    return OK;
}

static void door_wait_entered(void)
{
    lock_take(&door.lock);
    while (!door.entered) cond_wait(&door.changed, &door.lock);
    lock_drop(&door.lock);
}

static void door_open(void)
{
    lock_take(&door.lock);
    door.open = true;
    cond_broadcast(&door.changed);
    lock_drop(&door.lock);
}

static const struct mcp_tool tools[] = {
    {"hold", NULL, "Lets its stream go.", .call = hold}, {0}};
static const struct mcp_tool *const tables[] = {tools, NULL};

static struct fake_server *start(void)
{
    struct mcp_server_config conf = {.name = "streams",
                                     .version = "1",
                                     .tools = tables,
                                     .tells = MCP_LOGS | MCP_LIST_CHANGES,
                                     .sessions = MCP_SESSIONS_ALWAYS,
                                     .answers_resume = true};
    lock_init(&door.lock, "door", RANK_LEAF);
    cond_init(&door.changed);
    door.entered = door.open = false;
    return fake_server_of(&conf, MCP_HTTP);
}

static struct slice session_of(struct fake_server *fs)
{
    struct fake_exchange *fx = fake_send(
        fs, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":"
            "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}}}",
        NULL);
    CHECK(fx->session.n > 0);
    return fx->session;
}

static const char *call(const char *tool)
{
    return arena_printf(test_arena(),
                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
                        "\"tools/call\",\"params\":{\"name\":\"%s\"}}",
                        tool)
        .p;
}

/* --- resuming -------------------------------------------------------------- */

/* The handler runs again on another thread just when the client comes back:
 * the call waits for nothing and stands in no queue, but it is there. */
TEST(mcp_streams, a_stream_that_is_resumed_waits_for_a_handler_that_runs)
{
    struct fake_server *fs = start();
    struct slice id = session_of(fs);
    const struct mcp_header h[] = {{"Mcp-Session-Id", id}, {0}};
    struct fake_exchange *post = fake_send(fs, call("hold"), h);
    CHECK_INT_EQ(post->body.n, 0); /* its stream ended, without the answer */
    CHECK(post->opened.n > 0);
    door_wait_entered();
    const struct mcp_header from[] = {
        {"Mcp-Session-Id", id}, {"Last-Event-ID", post->opened}, {0}};
    struct fake_exchange *get = fake_open_stream(fs, from);
    door_open();
    fake_wait(get);
    CHECK_INT_EQ(get->events_n, 1);
    CHECK_CONTAINS(get->events[0], "held");
    fake_server_free(fs);
}
