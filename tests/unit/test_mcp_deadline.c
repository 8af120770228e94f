/* Limits of time on calls: the answer comes when it is due, whatever the
 * worker does, and once; what goes on afterwards is counted and keeps its
 * permit. */
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "mcp/call.h"
#include "tests/unit/mcp_fixture.h"

static struct {
    struct lock lock;
    struct cond changed;
    int entered; /* Lock: lock */
    bool open;   /* Lock: lock */
} door;
static _Atomic int held; /* places given by the gate and not given back */
static _Atomic int entered;

static void door_open(bool open)
{
    lock_take(&door.lock);
    door.open = open;
    cond_broadcast(&door.changed);
    lock_drop(&door.lock);
}

static void door_entered(int n)
{
    lock_take(&door.lock);
    while (door.entered < n) cond_wait(&door.changed, &door.lock);
    lock_drop(&door.lock);
}

/* Looks at nothing but the door. */
static enum err stubborn(struct mcp_call *call, const void *args)
{
    (void)args;
    lock_take(&door.lock);
    door.entered++;
    cond_broadcast(&door.changed);
    while (!door.open) cond_wait(&door.changed, &door.lock);
    lock_drop(&door.lock);
    buf_puts(&call->out.plain, "{\"done\":true}");
    return OK;
}

static enum err polite(struct mcp_call *call, const void *args)
{
    enum err e;
    (void)args;
    lock_take(&door.lock);
    door.entered++;
    cond_broadcast(&door.changed);
    lock_drop(&door.lock);
    while (!(e = cancel_check(&call->cancel, clock_now()))) usleep(1000);
    return e;
}

/* Ends at the very moment of its deadline. */
static enum err punctual(struct mcp_call *call, const void *args)
{
    (void)args;
    while (clock_now() < call->cancel.deadline_ns) continue;
    buf_puts(&call->out.plain, "{}");
    return OK;
}

/* Always wants to be asked again. */
static enum err hesitant(struct mcp_call *call, const void *args)
{
    (void)args;
    return mcp_pause(call, 10);
}

static const struct mcp_tool rows[] = {
    {.name = "stubborn", .title = "Stubborn", .description = "Ignores all.",
     .run = MCP_RUN_WORKER, .call = stubborn},
    {.name = "polite", .title = "Polite", .description = "Polls.",
     .run = MCP_RUN_WORKER, .call = polite},
    {.name = "punctual", .title = "Punctual", .description = "Just in time.",
     .run = MCP_RUN_WORKER, .call = punctual},
    {.name = "hesitant", .title = "Hesitant", .description = "Pauses.",
     .run = MCP_RUN_WORKER, .call = hesitant},
    {0}};
static const struct mcp_tool *const tables[] = {rows, NULL};

static enum err gate_enter(void *ctx, struct mcp_call *call,
                           const struct mcp_tool *tool, const void *args,
                           void **ret_ticket)
{
    (void)ctx, (void)call, (void)tool, (void)args;
    *ret_ticket = &held;
    held++;
    entered++;
    return OK;
}
static bool gate_withdraw(void *ticket)
{
    (void)ticket;
    return false;
}
static void gate_leave(void *ticket)
{
    (void)ticket;
    held--;
}
static const struct mcp_gate gate = {NULL, gate_enter, gate_withdraw, gate_leave};

struct times {
    int64_t run_ms, queue_ms, progress_ms, call_ms; /* 0: a minute */
};

static struct times times;

static void limits(void *app, const struct mcp_tool *tool, const void *args,
                   struct mcp_limits *ret)
{
    (void)app, (void)tool, (void)args;
    *ret = (struct mcp_limits){.call_ms = times.call_ms ? times.call_ms : 60000,
                               .run_ms = times.run_ms};
}

static struct fake_server *serve(uint32_t workers, struct times t)
{
    struct mcp_server_config conf = {.name = "fake",
                                     .version = "1",
                                     .tools = tables,
                                     .gate = &gate,
                                     .limits = limits,
                                     .queue_timeout_ms = t.queue_ms,
                                     .progress_ms = t.progress_ms};
    times = t;
    held = entered = 0;
    door.entered = 0;
    door.open = false;
    lock_init(&door.lock, "door", RANK_LEAF);
    cond_init(&door.changed);
    CHECK_OK(pool_new("worker", workers, 64, &conf.pool));
    return fake_server_of(&conf, MCP_STDIO);
}

static struct mcp_server_stats stats(struct fake_server *fs)
{
    struct mcp_server_stats st;
    mcp_server_stats(fake_mcp(fs), &st);
    return st;
}

static const char cancel_1[] =
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
    "\"requestId\":1}}";

/* The worker is stuck; its caller is not, and its place stays taken. */
TEST(mcp_deadline, a_stuck_worker_delays_no_answer_and_keeps_its_permit)
{
    struct fake_server *fs = serve(1, (struct times){.run_ms = 50});
    int64_t from = clock_now();
    struct fake_exchange *fx =
        fake_begin(fs, fake_call("1", "stubborn", "{}"), NULL);
    fake_wait(fx);
    CHECK_INT_GE(clock_now() - from, 30 * NS_PER_MS); /* as below */
    CHECK_CONTAINS(fx->body, "\"code\":\"timeout\"");
    CHECK_CONTAINS(fx->body, "\"level\":\"tool\",\"limit_ms\":50");
    CHECK_CONTAINS(fx->body, "\"id\":1");
    CHECK_INT_EQ(held, 1);
    CHECK_INT_EQ(stats(fs).open, 1);
    CHECK_INT_EQ(stats(fs).deadlines[MCP_LIMIT_TOOL], 1);
    door_open(true);
    fake_settle(fs);
    CHECK_INT_EQ(held, 0);
    CHECK_INT_EQ(fx->replies, 1);
    fake_server_free(fs);
}

/* E07 */
TEST(mcp_deadline, work_that_polls_is_gone_at_once_and_other_work_is_counted)
{
    struct fake_server *fs = serve(2, (struct times){.run_ms = 60000});
    struct fake_exchange *fx =
        fake_begin(fs, fake_call("1", "polite", "{}"), NULL);
    door_entered(1);
    int64_t from = clock_now();
    fake_say(fs, cancel_1);
    fake_wait(fx);
    CHECK_INT_EQ(fx->drops, 1);
    CHECK_INT_LT(clock_now() - from, test_sanitized() ? 30 * NS_PER_S
                                                      : NS_PER_S);
    CHECK_INT_EQ(held, 0);
    CHECK_INT_EQ(stats(fs).abandoned_total, 0);
    fx = fake_begin(fs, fake_call("1", "stubborn", "{}"), NULL);
    door_entered(2);
    from = clock_now();
    fake_say(fs, cancel_1);
    while (!stats(fs).abandoned) fake_run_one(fs);
    CHECK_INT_GE(clock_now() - from, NS_PER_S);
    CHECK_INT_EQ(held, 1);
    door_open(true);
    fake_settle(fs);
    CHECK_INT_EQ(held, 0);
    CHECK_INT_EQ(fx->drops, 1);
    CHECK_INT_EQ(stats(fs).abandoned, 0);
    CHECK_INT_EQ(stats(fs).abandoned_total, 1);
    fake_server_free(fs);
}

/* E11 */
TEST(mcp_deadline, deadline_and_completion_at_the_same_instant_are_one_reply,
     .timeout_s = 120)
{
    enum { WORKERS = 8 };
    struct fake_server *fs = serve(WORKERS, (struct times){.run_ms = 1});
    int rounds = (test_sanitized() ? 1000 : 10000) / WORKERS;
    for (int r = 0; r < rounds; r++) {
        struct fake_exchange *fx[WORKERS];
        for (int i = 0; i < WORKERS; i++)
            fx[i] = fake_begin(fs, fake_call("1", "punctual", "{}"), NULL);
        for (int i = 0; i < WORKERS; i++) fake_wait(fx[i]);
        fake_settle(fs);
        for (int i = 0; i < WORKERS; i++)
            CHECK_INT_EQ(fx[i]->replies + fx[i]->drops, 1);
    }
    CHECK_INT_EQ(held, 0);
    fake_server_free(fs);
}

/* E12 */
static void stays_in_the_queue(int64_t ms)
{
    struct fake_server *fs =
        serve(1, (struct times){.run_ms = 46000, .queue_ms = ms});
    struct fake_exchange *stuck =
        fake_begin(fs, fake_call("1", "stubborn", "{}"), NULL);
    door_entered(1);
    int64_t from = clock_now();
    struct fake_exchange *fx =
        fake_send(fs, fake_call("2", "stubborn", "{}"), NULL);
    int64_t took = clock_now() - from;
    CHECK_CONTAINS(fx->body, "\"code\":\"over_capacity\"");
    CHECK_CONTAINS(fx->body, "for a worker");
    CHECK_CONTAINS(fx->body, "retry_after_ms");
    /* The coarse clock's step, longer where others have the processor. */
    CHECK_INT_GE(took, (ms - 20) * NS_PER_MS);
    CHECK_INT_LT(took, (ms + 3000) * NS_PER_MS);
    CHECK_INT_EQ(held, 1);
    door_open(true);
    fake_wait(stuck);
    CHECK_CONTAINS(stuck->body, "done");
    fake_server_free(fs);
}

TEST(mcp_deadline, nobody_waits_long_for_a_worker)
{
    stays_in_the_queue(100);
}

TEST(mcp_deadline, nobody_waits_five_seconds_for_a_worker, .needs = "slow")
{
    stays_in_the_queue(5000);
}

/* E06: each period of silence is one notice, then the result; the tool is
 * not touched. */
TEST(mcp_deadline, who_asked_for_progress_hears_that_it_goes_on)
{
    struct fake_server *fs =
        serve(1, (struct times){.run_ms = 46000, .progress_ms = 20});
    struct fake_exchange *fx = fake_begin(
        fs,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
        "\"name\":\"stubborn\",\"arguments\":{},\"_meta\":{"
        "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
        "\"io.modelcontextprotocol/clientCapabilities\":{},"
        "\"progressToken\":\"p\"}}}",
        NULL);
    fake_wait_events(fx, 2);
    door_open(true);
    fake_wait(fx);
    CHECK_CONTAINS(fx->body, "\"done\":true");
    double last = -1;
    for (int i = 0; i < fx->events_n; i++) {
        const struct json *v = json_get(fake_json(fx->events[i]),
                                        SLICE("params"));
        double p;
        CHECK_TEXT_EQ(json_text(json_get(v, SLICE("progressToken"))), "p");
        CHECK(json_double(json_get(v, SLICE("progress")), &p));
        CHECK(p > last);
        last = p;
    }
    CHECK_INT_GE(stats(fs).progress, 2);
    fake_server_free(fs);
}

/* A peer that leaves after its call was answered late takes nothing with it
 * that the worker still needs. */
TEST(mcp_deadline, a_peer_may_leave_while_a_worker_is_stuck)
{
    struct fake_server *fs = serve(1, (struct times){.run_ms = 20});
    struct fake_server *loop = fake_loop(fs, MCP_HTTP);
    struct fake_exchange *fx = fake_begin(
        loop,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
        "\"name\":\"stubborn\"}}",
        NULL);
    fake_wait(fx);
    CHECK_CONTAINS(fx->body, "\\\"code\\\":\\\"timeout\\\"");
    CHECK_TEXT_EQ(fx->retry_after, "1");
    fake_peer_leave(loop);
    door_open(true);
    fake_settle(loop);
    fake_server_free(loop);
    fake_server_free(fs);
}

/* Each time it runs it enters, and it leaves before it waits. */
TEST(mcp_deadline, a_pause_keeps_no_place_and_spends_the_calls_own_time)
{
    struct fake_server *fs =
        serve(1, (struct times){.run_ms = 60000, .call_ms = 400});
    struct fake_exchange *fx =
        fake_begin(fs, fake_call("1", "hesitant", "{}"), NULL);
    while (entered < 3) {
        fake_run_one(fs);
        CHECK_INT_LE(held, 1);
    }
    fake_wait(fx);
    CHECK_CONTAINS(fx->body, "\"code\":\"timeout\"");
    fake_settle(fs); /* it may be at work when its time is up */
    CHECK_INT_EQ(held, 0);
    CHECK_INT_EQ(fx->replies, 1);
    fake_server_free(fs);
}
