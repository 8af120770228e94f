/* Identical reads under way run once, and nobody who joined is lost. */
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "mcp/call.h"
#include "mcp/server.h"
#include "tests/unit/mcp_fixture.h"

static struct {
    struct lock lock;
    struct cond changed;
    int runs;    /* Lock: lock */
    bool open;   /* Lock: lock */
    bool polite; /* runs look whether they are cancelled. Lock: lock */
} door;
static enum err outcome;   /* of each run */
static _Atomic int places; /* free at the gate */
static bool refuses, shares;
static int64_t run_ms;

static void door_open(void)
{
    lock_take(&door.lock);
    door.open = true;
    cond_broadcast(&door.changed);
    lock_drop(&door.lock);
}

static void door_entered(int n)
{
    lock_take(&door.lock);
    while (door.runs < n) cond_wait(&door.changed, &door.lock);
    lock_drop(&door.lock);
}

static int door_runs(void)
{
    lock_take(&door.lock);
    int n = door.runs;
    lock_drop(&door.lock);
    return n;
}

static enum err look(struct mcp_call *call, const void *args)
{
    enum err e = outcome;
    (void)args;
    lock_take(&door.lock);
    door.runs++;
    cond_broadcast(&door.changed);
    while (!door.open && !(door.polite &&
                           cancel_check(&call->cancel, clock_now())))
        (void)cond_wait_until(&door.changed, &door.lock,
                              clock_now() + NS_PER_MS);
    if (door.polite && cancel_check(&call->cancel, clock_now()))
        e = cancel_check(&call->cancel, clock_now());
    int run = door.runs;
    lock_drop(&door.lock);
    struct json_writer w = json_writer(&call->out.plain);
    json_begin_object(&w);
    json_put_int(&w, "run", run);
    json_end_object(&w);
    if (e == ERR_NOT_FOUND)
        return problem_set(&call->problem, e, SLICE("nothing here"),
                           SLICE("it is not"), SLICE("look elsewhere"));
    return e;
}

struct look_args {
    struct slice what;
};
static const struct mcp_field fields[] = {
    {"what", MCP_FIELD_STRING, offsetof(struct look_args, what)}, {0}};
static const struct mcp_tool rows[] = {
    {.name = "look", .title = "Look", .description = "Looks.",
     .hints = MCP_READ_ONLY, .run = MCP_RUN_WORKER,
     .args_size = sizeof(struct look_args), .args = fields, .call = look},
    {0}};
static const struct mcp_tool *const tables[] = {rows, NULL};

static enum err enter(void *ctx, struct mcp_call *call,
                      const struct mcp_tool *tool, const void *args,
                      void **ret_ticket)
{
    (void)ctx, (void)tool, (void)args;
    if (places == 0) {
        call->problem.retry_after_ms = 1000;
        return problem_set(&call->problem, ERR_OVER_CAPACITY, SLICE("full"),
                           SLICE("all places are taken"), SLICE("wait"));
    }
    *ret_ticket = &places;
    places--;
    return OK;
}
static bool withdraw(void *ticket)
{
    (void)ticket;
    return false;
}
static void leave(void *ticket)
{
    (void)ticket;
    places++;
}
static bool share(void *ctx, struct mcp_call *call, const struct mcp_tool *tool,
                  const struct json *arguments, struct mcp_sharing *ret)
{
    (void)ctx, (void)call, (void)tool;
    if (!shares) return false;
    ret->refuses = refuses;
    ret->most = 16;
    sha256_of(arguments ? arguments->raw : (struct slice){0}, ret->key);
    return true;
}
static const struct mcp_gate gate = {NULL, enter, withdraw, leave, share};

static void limits(void *app, const struct mcp_tool *tool, const void *args,
                   struct mcp_limits *ret)
{
    (void)app, (void)tool, (void)args;
    *ret = (struct mcp_limits){.call_ms = 60000, .run_ms = run_ms};
}

static struct fake_server *serve(void)
{
    struct mcp_server_config conf = {.name = "fake",
                                     .version = "1",
                                     .tools = tables,
                                     .gate = &gate,
                                     .limits = limits};
    outcome = OK;
    places = 100;
    refuses = false;
    shares = true;
    run_ms = 46000;
    door.runs = 0;
    door.open = door.polite = false;
    lock_init(&door.lock, "door", RANK_LEAF);
    cond_init(&door.changed);
    CHECK_OK(pool_new("worker", 4, 64, &conf.pool));
    return fake_server_of(&conf, MCP_STDIO);
}

static struct mcp_server_stats stats(struct fake_server *fs)
{
    struct mcp_server_stats st;
    mcp_server_stats(fake_mcp(fs), &st);
    return st;
}

static struct fake_exchange *ask(struct fake_server *fs, int id,
                                 const char *what)
{
    struct slice args =
        arena_printf(test_arena(), "{\"what\":\"%s\"}", what);
    struct slice text = arena_printf(test_arena(), "\"c%d\"", id);
    return fake_begin(fs, fake_call(text.p, "look", args.p), NULL);
}

static void cancel(struct fake_server *fs, int id)
{
    struct slice text = arena_printf(
        test_arena(),
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
        "\"params\":{\"requestId\":\"c%d\"}}",
        id);
    (void)fake_begin(fs, text.p, NULL);
}

static void finish(struct fake_server *fs)
{
    fake_settle(fs);
    CHECK_INT_EQ(stats(fs).flights, 0);
    CHECK_INT_EQ(places, 100);
    fake_server_free(fs);
}

enum { TEN = 10 };

/* Each its own id around one result. */
static void check_ten(struct fake_exchange *const *fx, const char *with)
{
    for (int i = 0; i < TEN; i++) {
        fake_wait(fx[i]);
        CHECK_INT_EQ(fx[i]->replies, 1);
        CHECK_CONTAINS(fx[i]->body,
                       arena_printf(test_arena(), "\"id\":\"c%d\"", i).p);
        CHECK_CONTAINS(fx[i]->body, with);
    }
}

/* D01 */
TEST(mcp_share, ten_identical_reads_on_two_loops_are_one_run)
{
    struct fake_server *fs = serve(), *other = fake_loop(fs, MCP_STDIO);
    struct fake_exchange *fx[TEN];
    for (int i = 0; i < TEN; i++) fx[i] = ask(i % 2 ? other : fs, i, "x");
    door_entered(1);
    CHECK_INT_EQ(stats(fs).flights, 1);
    CHECK_INT_EQ(places, 99); /* who joined takes none */
    door_open();
    check_ten(fx, "\"run\":1");
    CHECK_INT_EQ(door_runs(), 1);
    CHECK_INT_EQ(stats(fs).led, 1);
    CHECK_INT_EQ(stats(fs).joined, 9);
    fake_server_free(other);
    finish(fs);
}

/* D02 */
TEST(mcp_share, in_refuse_mode_the_second_is_told_whose_call_it_repeats)
{
    struct fake_server *fs = serve();
    refuses = true;
    struct fake_exchange *first = ask(fs, 0, "x"), *second = ask(fs, 1, "x");
    fake_wait(second);
    CHECK_CONTAINS(second->body, "DUPLICATE");
    CHECK_CONTAINS(second->body, "\"original_request_id\":\"c0\"");
    CHECK_CONTAINS(second->body, "\"retry_after_ms\":");
    door_open();
    fake_wait(first);
    CHECK_INT_EQ(door_runs(), 1);
    CHECK_INT_EQ(stats(fs).duplicates, 1);
    finish(fs);
}

/* D03 */
TEST(mcp_share, a_failure_reaches_all_and_the_next_call_runs_anew)
{
    struct fake_server *fs = serve();
    struct fake_exchange *fx[TEN];
    outcome = ERR_NOT_FOUND;
    for (int i = 0; i < TEN; i++) fx[i] = ask(fs, i, "x");
    door_entered(1);
    door_open();
    check_ten(fx, "look elsewhere");
    CHECK_INT_EQ(door_runs(), 1);
    outcome = OK;
    struct fake_exchange *next = ask(fs, 11, "x");
    fake_wait(next);
    CHECK_CONTAINS(next->body, "\"run\":2");
    finish(fs);
}

/* D04 */
TEST(mcp_share, at_the_leaders_deadline_all_are_answered)
{
    struct fake_server *fs = serve();
    struct fake_exchange *fx[TEN];
    run_ms = 100;
    int64_t from = clock_now();
    for (int i = 0; i < TEN; i++) fx[i] = ask(fs, i, "x");
    check_ten(fx, "\"code\":\"timeout\"");
    CHECK_INT_GE(clock_now() - from, 50 * NS_PER_MS); /* a coarse clock */
    CHECK_INT_EQ(door_runs(), 1);
    run_ms = 46000;
    struct fake_exchange *next = ask(fs, 11, "x");
    door_entered(2);
    door_open();
    fake_wait(next);
    CHECK_CONTAINS(next->body, "\"run\":2");
    finish(fs);
}

/* D05 */
TEST(mcp_share, a_leader_whose_client_leaves_works_on_for_the_others)
{
    struct fake_server *fs = serve();
    struct fake_exchange *fx[TEN];
    door.polite = true;
    for (int i = 0; i < TEN; i++) fx[i] = ask(fs, i, "x");
    door_entered(1);
    cancel(fs, 0);
    fake_wait(fx[0]);
    CHECK_INT_EQ(fx[0]->drops, 1);
    cancel(fs, 5);
    fake_wait(fx[5]);
    CHECK_INT_EQ(fx[5]->drops, 1);
    door_open();
    for (int i = 0; i < TEN; i++) {
        if (i == 0 || i == 5) continue;
        fake_wait(fx[i]);
        CHECK_INT_EQ(fx[i]->replies, 1);
        CHECK_CONTAINS(fx[i]->body, "\"run\":1");
    }
    finish(fs);
}

TEST(mcp_share, when_the_last_has_left_too_the_work_stops)
{
    struct fake_server *fs = serve();
    struct fake_exchange *fx[3];
    door.polite = true;
    for (int i = 0; i < 3; i++) fx[i] = ask(fs, i, "x");
    door_entered(1);
    for (int i = 0; i < 3; i++) {
        cancel(fs, i);
        fake_wait(fx[i]);
        CHECK_INT_EQ(fx[i]->drops, 1);
    }
    int64_t from = clock_now();
    finish(fs); /* settles though the door is closed, and long before its time
                   would be over */
    CHECK_INT_LT(clock_now() - from, 30 * NS_PER_S);
}

/* All workers are busy, so its work has not begun: who waits longest leads. */
TEST(mcp_share, a_leader_cancelled_before_its_work_begins_takes_nobody_along)
{
    enum { WORKERS = 4 };
    struct fake_server *fs = serve();
    struct fake_exchange *busy[WORKERS], *fx[TEN];
    for (int i = 0; i < WORKERS; i++)
        busy[i] =
            ask(fs, 100 + i, arena_printf(test_arena(), "y%d", i).p);
    door_entered(WORKERS);
    for (int i = 0; i < TEN; i++) fx[i] = ask(fs, i, "x");
    cancel(fs, 0);
    fake_wait(fx[0]);
    CHECK_INT_EQ(fx[0]->drops, 1);
    cancel(fs, 1); /* that one leads now */
    fake_wait(fx[1]);
    CHECK_INT_EQ(fx[1]->drops, 1);
    door_open();
    for (int i = 2; i < TEN; i++) {
        fake_wait(fx[i]);
        CHECK_INT_EQ(fx[i]->replies, 1);
        CHECK_CONTAINS(fx[i]->body, "\"run\":5");
    }
    for (int i = 0; i < WORKERS; i++) fake_wait(busy[i]);
    CHECK_INT_EQ(door_runs(), WORKERS + 1);
    finish(fs);
}

/* D: the bound on who waits for one run. */
TEST(mcp_share, the_eighteenth_of_a_kind_runs_for_itself)
{
    enum { LEADER = 1, MOST = 16, ALL = LEADER + MOST + 1 };
    struct fake_server *fs = serve();
    struct fake_exchange *fx[ALL];
    for (int i = 0; i < ALL; i++) fx[i] = ask(fs, i, "x");
    door_entered(2);
    CHECK_INT_EQ(stats(fs).joined, MOST);
    CHECK_INT_EQ(stats(fs).flights, 1);
    door_open();
    for (int i = 0; i < ALL; i++) {
        fake_wait(fx[i]);
        CHECK_INT_EQ(fx[i]->replies, 1);
    }
    CHECK_INT_EQ(door_runs(), 2);
    finish(fs);
}

/* D09 */
TEST(mcp_share, a_tool_that_is_not_shared_runs_each_time)
{
    struct fake_server *fs = serve();
    shares = false;
    struct fake_exchange *a = ask(fs, 0, "x"), *b = ask(fs, 1, "x");
    door_entered(2);
    door_open();
    fake_wait(a);
    fake_wait(b);
    CHECK_INT_EQ(door_runs(), 2);
    finish(fs);
}

/* D10: other sessions are other arguments; what names none is one work. */
TEST(mcp_share, other_work_is_not_joined)
{
    struct fake_server *fs = serve();
    struct fake_exchange *a = ask(fs, 0, "x"), *b = ask(fs, 1, "y");
    door_entered(2);
    door_open();
    fake_wait(a);
    fake_wait(b);
    CHECK_INT_EQ(stats(fs).led, 2);
    CHECK_INT_EQ(stats(fs).joined, 0);
    finish(fs);
}

/* D14: the leader waits behind another's call when it is refused. */
TEST(mcp_share, a_refusal_is_for_all_and_the_retry_starts_afresh)
{
    struct fake_server *fs = serve();
    places = 0;
    struct fake_exchange *fx[4];
    for (int i = 0; i < 4; i++) {
        fx[i] = ask(fs, i, "x");
        fake_wait(fx[i]);
        CHECK_CONTAINS(fx[i]->body, "over_capacity");
        CHECK_CONTAINS(fx[i]->body, "\"retry_after_ms\":1000");
    }
    CHECK_INT_EQ(stats(fs).flights, 0);
    places = 100;
    for (int i = 0; i < 4; i++) fx[i] = ask(fs, i, "x");
    door_entered(1);
    door_open();
    for (int i = 0; i < 4; i++) {
        fake_wait(fx[i]);
        CHECK_CONTAINS(fx[i]->body, "\"run\":1");
    }
    CHECK_INT_EQ(door_runs(), 1);
    finish(fs);
}

TEST(mcp_share, stopping_ends_a_flight_and_all_in_it)
{
    struct fake_server *fs = serve();
    struct fake_exchange *fx[TEN];
    door.polite = true;
    for (int i = 0; i < TEN; i++) fx[i] = ask(fs, i, "x");
    door_entered(1);
    mcp_server_stop(fake_mcp(fs));
    check_ten(fx, "cancelled");
    finish(fs);
}

/* Everybody at once, on several loops, some leaving: each exchange ends once
 * and no flight is left. */
enum { LOOPS = 3, ASKS = 6 };
struct crowd {
    struct fake_server *fs;
    int rounds;
};

static void crowd_loop(void *ctx, int n)
{
    const struct crowd *cr = ctx;
    struct fake_server *loop = fake_loop(cr->fs, MCP_STDIO);
    for (int r = 0; r < cr->rounds; r++) {
        struct fake_exchange *fx[ASKS];
        for (int i = 0; i < ASKS; i++) fx[i] = ask(loop, i, r % 2 ? "a" : "b");
        for (int i = 0; i < ASKS; i++)
            if ((i + r + n) % 3 == 0) cancel(loop, i);
        for (int i = 0; i < ASKS; i++) {
            fake_wait(fx[i]);
            CHECK_INT_EQ(fx[i]->replies + fx[i]->drops, 1);
        }
        arena_reset(test_arena());
    }
    fake_drain(loop);
    fake_server_free(loop);
}

TEST(mcp_share, a_crowd_that_joins_and_leaves_loses_nobody, .timeout_s = 60)
{
    struct fake_server *fs = serve();
    struct crowd cr = {fs, test_sanitized() ? 100 : 1000};
    door.polite = true;
    door_open();
    test_threads(LOOPS, crowd_loop, &cr);
    CHECK_INT_EQ(mcp_server_open_calls(fake_mcp(fs)), 0);
    finish(fs);
}
