/* Many agents on one session, over both transports of one real server: of
 * those who complete a phase at one moment one wins, claims are leases with
 * fences, and a claim outlives its agent only as long as its lease. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"
#include "tests/unit/session_kit.h"

enum { AGENTS = 3 }; /* over HTTP; one more is on stdio */

struct field {
    struct server *server;
    struct http *http[AGENTS];
    const char *tool, *arguments[AGENTS + 1]; /* the last: on stdio */
    const struct json *answers[AGENTS];
};

static void field_begin(struct field *f)
{
    static const char *args[3] = {"--workflows"};
    args[1] = kit_workflows();
    f->server = server_start(&(struct server_options){.args = args});
    int port = server_port(f->server);
    for (int i = 0; i < AGENTS; i++) f->http[i] = http_open(port);
}

static const char *begin(struct field *f, const char *target)
{
    struct slice args = arena_printf(
        test_arena(), "{\"workflow_type\":\"three_v1\",\"target\":\"%s\"}",
        target);
    return kit_text(stdio_tool(f->server, "start_workflow", args.p),
                    "structuredContent", "session_id");
}

static const char *with_id(const char *id, const char *more)
{
    return arena_printf(test_arena(), "{\"session_id\":\"%s\",%s}", id, more).p;
}

static void one_asks(void *ctx, int i)
{
    struct field *f = ctx;
    f->answers[i] = http_tool(f->http[i], f->tool, f->arguments[i]);
}

static struct slice detail_of(const struct json *answer)
{
    return json_text(json_at(answer, "structuredContent", "error", "detail",
                             NULL));
}

/* Everybody at once; how many were answered with `late`, the others won. The
 * answer of who won, when it is one, is *ret. */
static int all_ask(struct field *f, const char *tool, const char *late,
                   const struct json **ret)
{
    int lost = 0;
    f->tool = tool;
    int64_t id = stdio_request(
        f->server, "tools/call",
        arena_printf(test_arena(), "\"name\":\"%s\",\"arguments\":%s", tool,
                     f->arguments[AGENTS])
            .p);
    test_threads(AGENTS, one_asks, f);
    const struct json *own =
        json_get(stdio_answer(f->server, id), SLICE("result"));
    for (int i = 0; i <= AGENTS; i++) {
        const struct json *answer = i < AGENTS ? f->answers[i] : own;
        struct slice detail = detail_of(answer);
        if (detail.n) {
            CHECK_TEXT_EQ(detail, late);
            lost++;
        } else {
            *ret = answer;
        }
    }
    return lost;
}

static void race(int rounds)
{
    struct field f;
    field_begin(&f);
    for (int i = 0; i < rounds; i++) {
        const char *id =
            begin(&f, arena_printf(test_arena(), "t%d", i).p);
        const struct json *won;
        for (int k = 0; k <= AGENTS; k++)
            f.arguments[k] =
                with_id(id, "\"phase\":0,\"evidence\":" KIT_GOOD);
        CHECK_INT_EQ(all_ask(&f, "complete_phase", "PHASE_ALREADY_COMPLETE",
                             &won),
                     AGENTS);
    }
    CHECK_INT_EQ(
        RUN_IN(server_project(f.server), "sessions", "verify").status, 0);
}

TEST(many, of_racing_completers_on_both_transports_exactly_one_wins)
{
    race(test_sanitized() ? 10 : 40);
}

/* format D25 */
TEST(many, of_racing_completers_exactly_one_wins_a_thousand_times,
     .needs = "slow", .timeout_s = 300)
{
    race(test_sanitized() ? 100 : 1000);
}

TEST(many, of_racing_claimers_on_both_transports_exactly_one_wins)
{
    struct field f;
    field_begin(&f);
    const char *id = begin(&f, "claims");
    int64_t greatest = 0;
    for (int round = 0; round < 10; round++) {
        const struct json *won;
        for (int i = 0; i <= AGENTS; i++)
            f.arguments[i] = with_id(
                id, arena_printf(test_arena(),
                                 "\"phase\":0,\"task_number\":1,\"agent\":"
                                 "\"agent-%d\"",
                                 i)
                        .p);
        CHECK_INT_EQ(all_ask(&f, "claim_task", "ALREADY_CLAIMED", &won),
                     AGENTS);
        int64_t fence =
            kit_int(json_at(won, "structuredContent", "fence", NULL));
        CHECK_INT_GT(fence, greatest);
        greatest = fence;
        struct slice more = arena_printf(
            test_arena(),
            "\"phase\":0,\"task_number\":1,\"fence\":%d,\"outcome\":"
            "\"abandoned\"",
            (int)fence);
        CHECK_TEXT_EQ(detail_of(http_tool(f.http[round % AGENTS],
                                          "release_task",
                                          with_id(id, more.p))),
                      "");
    }
}

/* An agent that dies holds its task no longer than its lease, whatever
 * becomes of the server meanwhile; then its fence is lost. */
TEST(many, a_killed_agents_claim_ends_with_its_lease, .needs = "slow",
     .timeout_s = 120)
{
    struct field f;
    field_begin(&f);
    const char *id = begin(&f, "lease");
    const char *args = with_id(id, "\"phase\":0,\"task_number\":1,\"agent\":"
                                   "\"first\",\"lease_seconds\":10");
    const struct json *v = stdio_tool(f.server, "claim_task", args);
    int64_t old = kit_int(json_at(v, "structuredContent", "fence", NULL));
    int64_t from = clock_now();
    server_kill(f.server); /* the agent's editor, and its server with it */
    server_restart(f.server);
    const char *other = with_id(id, "\"phase\":0,\"task_number\":1,\"agent\":"
                                    "\"second\"");
    v = stdio_tool(f.server, "claim_task", other);
    CHECK_TEXT_EQ(detail_of(v), "ALREADY_CLAIMED");
    for (;;) {
        int64_t waited = (clock_now() - from) / NS_PER_MS;
        v = stdio_tool(f.server, "claim_task", other);
        if (!detail_of(v).n) break;
        CHECK_TEXT_EQ(detail_of(v), "ALREADY_CLAIMED");
        CHECK_INT_LT(waited, 90000);
        usleep(200000);
    }
    CHECK_INT_GE((clock_now() - from) / NS_PER_MS, 9000);
    CHECK_INT_GT(kit_int(json_at(v, "structuredContent", "fence", NULL)), old);
    v = stdio_tool(
        f.server, "release_task",
        with_id(id, arena_printf(test_arena(),
                                 "\"phase\":0,\"task_number\":1,\"fence\":%d,"
                                 "\"outcome\":\"done\"",
                                 (int)old)
                        .p));
    CHECK_TEXT_EQ(detail_of(v), "CLAIM_LOST");
}
