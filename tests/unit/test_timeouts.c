/* The hierarchy of time limits: derived, checked, and told when it is wrong. */
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"
#include "cli/timeouts.h"
#include "tests/runner/test.h"

static struct buf lines = {.ceiling = 1 << 20};

static void keep_line(void *ctx, struct slice line)
{
    (void)ctx;
    buf_put(&lines, line);
    buf_putc(&lines, '\n');
}

struct outcome {
    enum err e;
    struct cli_timeouts t;
    struct slice log, told;
    struct cli_options o;
};

/* As serve does it, with these words behind it. */
static struct outcome start(const char *const *words)
{
    struct outcome r = {0};
    char *argv[16] = {0};
    int argc = 0;
    CHECK_OK(cli_options_init(&r.o, CLI_SERVER, test_arena()));
    argv[argc++] = arena_cstr(test_arena(), SLICE("serve"));
    for (; *words; words++)
        argv[argc++] = arena_cstr(test_arena(), slice_of(*words));
    buf_clear(&lines);
    log_setup(LOG_INFO, LOG_TEXT);
    log_divert(keep_line, NULL);
    r.e = cli_options_flags(&r.o, argc, argv, false);
    if (!r.e) r.e = cli_timeouts_make(&r.o, &r.t);
    log_divert(NULL, NULL);
    r.log = arena_copy(test_arena(), buf_slice(&lines));
    r.told = arena_printf(test_arena(), "%.*s | %.*s | %.*s",
                          SLICE_ARG(r.o.problem.what),
                          SLICE_ARG(r.o.problem.why),
                          SLICE_ARG(r.o.problem.how_to_fix));
    return r;
}
#define START(...) start((const char *const[]){__VA_ARGS__, NULL})

static bool warned(const struct outcome *r)
{
    return slice_find(r->log, SLICE("level=warn")) < r->log.n;
}

/* E01 */
TEST(timeouts, the_outer_limits_follow_from_the_tool_limit)
{
    struct outcome r = START("--timeout-tool-ms", "46000");
    CHECK_OK(r.e);
    const struct cli_limits *l = &r.t.of[CLI_CLASS_READ];
    CHECK_INT_EQ(l->provider, 30000);
    CHECK_INT_EQ(l->tool, 46000);
    CHECK_INT_EQ(l->call, 69000);
    CHECK_INT_EQ(l->transport, 92000);
    CHECK_INT_EQ(l->client, 115000);
    CHECK_CONTAINS(r.log, "Timeout hierarchy validated: call=69.000s, "
                          "tool=46.000s (ratio=1.50x)");
    CHECK(!warned(&r));
}

/* E02 */
TEST(timeouts, every_whole_second_starts_and_odd_ones_round_up)
{
    for (int64_t s = 2; s <= 3600; s++) {
        char tool[24], provider[24];
        snprintf(tool, sizeof(tool), "%" PRId64, s * 1000);
        snprintf(provider, sizeof(provider), "%" PRId64, (s - 1) * 1000);
        struct outcome r = START("--timeout-tool-ms", tool,
                                 "--timeout-provider-ms", provider);
        CHECK_OK(r.e);
        CHECK_INT_EQ(r.t.of[CLI_CLASS_WRITE].call, (3 * s * 1000 + 1) / 2);
        arena_reset(test_arena());
    }
    struct outcome r = START("--timeout-tool-ms", "45001");
    CHECK_OK(r.e);
    CHECK_INT_EQ(r.t.of[CLI_CLASS_READ].call, 67502);
    CHECK_INT_EQ(r.t.of[CLI_CLASS_READ].client, 112503);
}

/* E03; the process that refuses is in the integration tests */
TEST(timeouts, two_limits_that_are_equal_are_both_named)
{
    struct outcome r =
        START("--timeout-tool-ms", "46000", "--timeout-call-ms", "46000");
    CHECK_ERR(r.e, ERR_INVALID);
    CHECK_CONTAINS(r.told, "timeout.call_ms (46000) must be greater than "
                           "timeout.tool_ms (46000)");
    CHECK_CONTAINS(r.told, "timeout.tool_ms is from the command line");
    CHECK_CONTAINS(r.told, "Raise timeout.call_ms above 46000");
}

/* E04 */
TEST(timeouts, a_ratio_below_one_point_three_is_warned_of)
{
    struct outcome r =
        START("--timeout-tool-ms", "100000", "--timeout-call-ms", "129000");
    CHECK_OK(r.e);
    CHECK_CONTAINS(r.log, "timeout ratio below 1.3");
    CHECK_CONTAINS(r.log, "ratio=1.29");
    r = START("--timeout-tool-ms", "100000", "--timeout-call-ms", "130000");
    CHECK_OK(r.e);
    CHECK(!warned(&r));
}

/* E05 */
struct bad {
    const char *value;
};
TEST_EACH(timeouts, a_value_out_of_range_refuses_the_start, struct bad, row,
          {"0"}, {"-1"}, {"3601000"}, {"abc"})
{
    struct outcome r = START("--timeout-tool-ms", row->value);
    CHECK_ERR(r.e, ERR_INVALID);
    CHECK_CONTAINS(r.told, "timeout.tool_ms");
    CHECK_CONTAINS(r.told, "1..3600000");
}

TEST(timeouts, a_very_short_limit_starts_with_a_warning)
{
    struct outcome r = START("--timeout-tool-ms", "4000");
    CHECK_OK(r.e);
    CHECK_CONTAINS(r.log, "a very short limit");
    CHECK_CONTAINS(r.log, "option=timeout.tool_ms");
    CHECK_INT_LT(r.t.of[CLI_CLASS_READ].provider, 4000);
}

TEST(timeouts, a_class_of_its_own_derives_its_own)
{
    struct outcome r = START("--timeout-class-search-ms", "20000",
                             "--timeout-call-ms", "80000");
    CHECK_OK(r.e);
    CHECK_INT_EQ(r.t.of[CLI_CLASS_READ].call, 80000);
    CHECK_INT_EQ(r.t.of[CLI_CLASS_SEARCH].tool, 20000);
    CHECK_INT_EQ(r.t.of[CLI_CLASS_SEARCH].call, 30000);
    CHECK_INT_EQ(r.t.of[CLI_CLASS_EXEC].provider, 300000);
    CHECK_INT_EQ(r.t.of[CLI_CLASS_EXEC].tool, 450000);
    CHECK_INT_EQ(r.t.of[CLI_CLASS_EXEC].client, 1125000);
}

TEST(timeouts, a_class_that_disagrees_is_named)
{
    struct outcome r = START("--timeout-class-exec-ms", "100000");
    CHECK_ERR(r.e, ERR_INVALID);
    CHECK_CONTAINS(r.told, "timeout.class.exec_ms (100000) must be greater "
                           "than timeout.command_ms (300000)");
    r = START("--timeout-transport-ms", "60000");
    CHECK_ERR(r.e, ERR_INVALID);
    CHECK_CONTAINS(r.told, "timeout.transport_ms (60000) must be greater than "
                           "timeout.call_ms (69000)");
}

TEST(timeouts, a_wait_longer_than_a_tool_may_run_is_warned_of)
{
    struct outcome r = START("--timeout-tool-ms", "6000", "--permits-wait-ms",
                             "7000");
    CHECK_OK(r.e);
    CHECK_CONTAINS(r.log, "option=permits.wait_ms");
}
