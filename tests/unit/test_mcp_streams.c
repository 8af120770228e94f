/* Streams of legacy sessions: what a client that comes back is told. The fake
 * exchange; some calls go on in the server's own loop, a thread of its own. */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

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

/* 2,000 texts of 2 KiB before the answer: more than a session keeps. */
static enum err chatter(struct mcp_call *call, const void *args)
{
    static char text[2048];
    (void)args;
    memset(text, 'x', sizeof(text));
    for (int i = 0; i < 2000; i++)
        mcp_log(call, MCP_LOG_ERROR, (struct slice){0},
                (struct slice){text, sizeof(text)});
    mcp_add_text(call, SLICE("said"));
    return OK;
}

static enum err ask_url(struct mcp_call *call, const void *args)
{
    const struct json *answer;
    (void)args;
    enum err e = mcp_ask(call, MCP_ASK_URL, "page",
                         SLICE("{\"message\":\"Sign in\",\"url\":"
                               "\"https://example.org/in\"}"),
                         &answer);
    if (e) return e;
    mcp_add_text(call, json_text(json_get(answer, SLICE("action"))));
    return OK;
}

static enum err idle(struct mcp_call *call, const void *args)
{
    enum err e = mcp_task_begin(call);
    (void)args;
    return e ? e : mcp_pause(call, 3600 * 1000);
}

static const struct mcp_tool tools[] = {
    {"hold", NULL, "Lets its stream go.", .call = hold},
    {"chatter", NULL, "Says much.", .call = chatter},
    {"page", NULL, "Asks for a page.", .call = ask_url},
    {"idle", NULL, "A task without end.", .call = idle,
     .task = MCP_TASK_ALWAYS},
    {0}};
static const struct mcp_tool *const tables[] = {tools, NULL};

static struct fake_server *start(int64_t idle_ms)
{
    struct mcp_server_config conf = {.name = "streams",
                                     .version = "1",
                                     .tools = tables,
                                     .tells = MCP_LOGS | MCP_LIST_CHANGES,
                                     .sessions = MCP_SESSIONS_ALWAYS,
                                     .answers_resume = true,
                                     .session_idle_ms = idle_ms,
                                     .task_ttl_ms = 1};
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

static struct slice level_set(struct fake_server *fs,
                              const struct mcp_header *h)
{
    return fake_send(fs,
                     "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":"
                     "\"logging/setLevel\",\"params\":{\"level\":\"error\"}}",
                     h)
        ->body;
}

static const char *call(const char *tool)
{
    return arena_printf(test_arena(),
                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
                        "\"tools/call\",\"params\":{\"name\":\"%s\"}}",
                        tool)
        .p;
}

__attribute__((format(printf, 1, 2))) static const char *
printed(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    char text[2048];
    int n = vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    CHECK(n > 0 && (size_t)n < sizeof(text));
    return arena_cstr(test_arena(), slice_of(text));
}

/* --- resuming -------------------------------------------------------------- */

/* The handler runs again on another thread just when the client comes back:
 * the call waits for nothing and stands in no queue, but it is there. */
TEST(mcp_streams, a_stream_that_is_resumed_waits_for_a_handler_that_runs)
{
    struct fake_server *fs = start(0);
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

/* A client that lost its state: the session it names is left alone. */
TEST(mcp_streams, a_second_initialize_begins_another_session)
{
    struct fake_server *fs = start(0);
    const struct mcp_header first[] = {{"Mcp-Session-Id", session_of(fs)}, {0}};
    struct fake_exchange *fx = fake_send(
        fs, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":"
            "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}}}",
        first);
    CHECK(fx->session.n > 0 && !slice_eq(fx->session, first[0].value));
    CHECK_INT_EQ(fake_end_session(fs, first)->status, 204);
    fake_server_free(fs);
}

/* The reader of the older one has most likely gone unseen. */
TEST(mcp_streams, a_second_stream_of_a_session_takes_the_place_of_the_first)
{
    struct fake_server *fs = start(0);
    const struct mcp_header h[] = {{"Mcp-Session-Id", session_of(fs)}, {0}};
    struct fake_exchange *first = fake_open_stream(fs, h);
    struct fake_exchange *second = fake_open_stream(fs, h);
    fake_wait(first);
    CHECK_INT_EQ(first->body.n, 0);
    mcp_changed(fake_mcp(fs), MCP_TOOLS_CHANGED);
    fake_wait_events(second, 1);
    CHECK_INT_EQ(first->events_n, 0);
    CHECK_CONTAINS(second->events[0], "tools/list_changed");
    CHECK_INT_EQ(fake_end_session(fs, h)->status, 204);
    fake_wait(second);
    fake_server_free(fs);
}

/* What was missed comes once, in its order, and on no other loop's stream. */
TEST(mcp_streams, another_loop_resumes_the_stream_of_a_session_after_the_last)
{
    struct fake_server *fs = start(0);
    struct fake_server *elsewhere = fake_loop(fs, MCP_HTTP);
    struct slice id = session_of(fs);
    const struct mcp_header h[] = {{"Mcp-Session-Id", id}, {0}};
    struct fake_exchange *first = fake_open_stream(fs, h);
    mcp_changed(fake_mcp(fs), MCP_TOOLS_CHANGED);
    mcp_changed(fake_mcp(fs), MCP_PROMPTS_CHANGED);
    mcp_changed(fake_mcp(fs), MCP_RESOURCES_CHANGED);
    fake_wait_events(first, 3);
    const struct mcp_header from[] = {
        {"Mcp-Session-Id", id}, {"Last-Event-ID", first->ids[0]}, {0}};
    struct fake_exchange *next = fake_open_stream(elsewhere, from);
    fake_wait_events(next, 2);
    fake_wait(first);
    CHECK_SLICE_EQ(next->ids[0], first->ids[1]);
    CHECK_SLICE_EQ(next->ids[1], first->ids[2]);
    CHECK_CONTAINS(next->events[1], "resources/list_changed");
    CHECK_INT_EQ(fake_end_session(fs, h)->status, 204);
    fake_wait(next);
    fake_server_free(elsewhere);
    fake_server_free(fs);
}

/* The oldest go first; the answer, which came last, is still there. */
TEST(mcp_streams, what_a_session_keeps_is_bounded_and_its_end_is_kept)
{
    struct fake_server *fs = start(0);
    struct slice id = session_of(fs);
    const struct mcp_header h[] = {{"Mcp-Session-Id", id}, {0}};
    const struct mcp_header from[] = {
        {"Mcp-Session-Id", id}, {"Last-Event-ID", SLICE("2-1990")}, {0}};
    const struct mcp_header early[] = {
        {"Mcp-Session-Id", id}, {"Last-Event-ID", SLICE("3-1999")}, {0}};
    (void)level_set(fs, h); /* stream 2 */
    struct fake_exchange *post = fake_begin(fs, call("chatter"), h);
    mcp_exchange_lost(&post->ex); /* before a single line was read */
    fake_wait(post);
    struct fake_exchange *gone = fake_open_stream(fs, from);
    fake_wait(gone);
    CHECK_INT_EQ(gone->events_n, 0); /* another stream's, and evicted */
    struct fake_exchange *get = fake_open_stream(fs, early);
    fake_wait(get);
    CHECK_INT_EQ(get->events_n, 2);
    CHECK_SLICE_EQ(get->ids[0], SLICE("3-2000"));
    CHECK_CONTAINS(get->events[1], "said");
    fake_server_free(fs);
}

TEST(mcp_streams, a_session_that_nobody_uses_ends_in_its_time)
{
    struct fake_server *fs = start(1);
    const struct mcp_header h[] = {{"Mcp-Session-Id", session_of(fs)}, {0}};
    struct fake_exchange *fx;
    do {
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        fx = fake_send(fs, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}",
                       h);
    } while (fx->status == 200);
    CHECK_INT_EQ(fx->status, 404);
    CHECK_CONTAINS(fx->body, "-32001");
    fake_server_free(fs);
}

#define TASK_REQUEST                                                           \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{%s,"     \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","  \
    "\"io.modelcontextprotocol/clientCapabilities\":{\"extensions\":{"          \
    "\"io.modelcontextprotocol/tasks\":{}}}}}}"

TEST(mcp_streams, a_task_is_unknown_when_its_time_is_over)
{
    struct fake_server *fs = start(0);
    const struct mcp_header h[] = {
        {"MCP-Protocol-Version", SLICE("2026-07-28")},
        {"Mcp-Method", SLICE("tools/call")},
        {"Mcp-Name", SLICE("idle")},
        {0}};
    struct slice begun =
        fake_send(fs, printed(TASK_REQUEST, "tools/call", "\"name\":\"idle\""), h)
            ->body;
    struct slice id =
        json_text(json_at(fake_json(begun), "result", "taskId", NULL));
    CHECK(id.n > 0);
    const struct mcp_header get[] = {
        {"MCP-Protocol-Version", SLICE("2026-07-28")},
        {"Mcp-Method", SLICE("tasks/get")},
        {"Mcp-Name", id},
        {0}};
    const char *which = printed("\"taskId\":\"%.*s\"", SLICE_ARG(id));
    struct slice seen;
    do {
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        seen = fake_send(fs, printed(TASK_REQUEST, "tasks/get", which), get)->body;
    } while (slice_find(seen, SLICE("\"result\"")) < seen.n);
    CHECK_CONTAINS(seen, "Unknown task");
    /* A further one finds it over, and its work is told to stop. */
    (void)fake_send(fs, printed(TASK_REQUEST, "tools/call", "\"name\":\"idle\""),
                    h);
    mcp_server_stop(fake_mcp(fs));
    while (mcp_server_open_calls(fake_mcp(fs)) > 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    fake_server_free(fs);
}

/* --- a page instead of a form ------------------------------------------------- */

struct page_row {
    const char *version, *capabilities, *says;
};

/* Only 2025-11-25 has a code for a client that cannot be asked for it. */
TEST_EACH(mcp_streams, a_url_is_asked_in_the_language_of_the_client,
          struct page_row, row,
          {"2025-11-25", "\"elicitation\":{\"url\":{}}", "\"mode\":\"url\""},
          {"2025-11-25", "\"elicitation\":{\"form\":{}}", "-32042"},
          {"2025-11-25", "", "\"url\":\"https://example.org/in\""},
          {"2025-06-18", "\"elicitation\":{}", "\"isError\":true"})
{
    struct fake_server *fs = start(0);
    struct fake_exchange *fx = fake_send(
        fs,
        printed("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\","
                    "\"params\":{\"protocolVersion\":\"%s\",\"capabilities\":{"
                    "%s}}}",
                    row->version, row->capabilities),
        NULL);
    const struct mcp_header h[] = {
        {"Mcp-Session-Id", fx->session},
        {"MCP-Protocol-Version", slice_of(row->version)},
        {0}};
    fx = fake_begin(fs, call("page"), h);
    if (slice_eq(slice_of(row->says), SLICE("\"mode\":\"url\""))) {
        fake_wait_events(fx, 1);
        CHECK_CONTAINS(fx->events[0], row->says);
        CHECK_CONTAINS(fx->events[0], "elicitationId");
        (void)fake_send(fs,
                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"action\":"
                        "\"accept\"}}",
                        h);
        fake_wait(fx);
        CHECK_CONTAINS(fx->body, "accept");
    } else {
        fake_wait(fx);
        CHECK_CONTAINS(fx->body, row->says);
    }
    fake_server_free(fs);
}

/* --- how many sessions ------------------------------------------------------ */

static struct fake_exchange *shake(struct fake_server *fs)
{
    return fake_send(
        fs, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":"
            "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}}}",
        NULL);
}

/* F02 */
TEST(mcp_streams, the_hundred_and_first_session_is_refused_until_one_expires)
{
    struct mcp_server_config conf = {.name = "streams",
                                     .version = "1",
                                     .tools = tables,
                                     .sessions = MCP_SESSIONS_ALWAYS,
                                     .sessions_max = 100,
                                     .session_idle_ms = 60000};
    clock_fake(1000 * NS_PER_S, INT64_C(1800000000000));
    struct fake_server *fs = fake_server_of(&conf, MCP_HTTP);
    struct slice first = shake(fs)->session;
    CHECK_INT_GT(first.n, 0);
    clock_fake_advance(30 * NS_PER_S);
    for (int i = 1; i < 100; i++) CHECK_INT_GT(shake(fs)->session.n, 0);
    struct fake_exchange *more = shake(fs);
    CHECK_INT_EQ(more->session.n, 0);
    CHECK_INT_EQ(more->status, 503);
    CHECK_CONTAINS(more->body, "OVER_CAPACITY");
    CHECK_CONTAINS(more->body, "peers.max");
    clock_fake_advance(31 * NS_PER_S); /* the first has gone, no other */
    CHECK_INT_GT(shake(fs)->session.n, 0);
    CHECK_INT_EQ(shake(fs)->status, 503);
    fake_server_free(fs);
}
