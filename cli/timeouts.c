#include "cli/timeouts.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"

enum { PROVIDER_MS = 30000, SMALL_MS = 5000 };

static const char *const class_keys[] = {
    "timeout.class.read_ms", "timeout.class.write_ms",
    "timeout.class.search_ms", "timeout.class.exec_ms"};

/* The members of struct cli_limits from the inside out, each against the one
 * before: 10 x this < mark x that is unwise. */
static const struct level_row {
    const char *key;
    size_t offset;
    int64_t mark;
} levels[] = {
    {"timeout.provider_ms", offsetof(struct cli_limits, provider), 0},
    {"timeout.tool_ms", offsetof(struct cli_limits, tool), 13},
    {"timeout.call_ms", offsetof(struct cli_limits, call), 13},
    {"timeout.transport_ms", offsetof(struct cli_limits, transport), 12},
    {"timeout.client_ms", offsetof(struct cli_limits, client), 12},
};
enum { LEVELS = sizeof(levels) / sizeof(levels[0]) };

static int64_t value_of(const struct cli_limits *l, size_t level)
{
    int64_t v;
    memcpy(&v, (const char *)l + levels[level].offset, sizeof(v));
    return v;
}

static int64_t halves(int64_t t, int64_t n)
{
    return (n * t + 1) / 2;
}

static int64_t given(int64_t set, int64_t derived)
{
    return set == CLI_DERIVED ? derived : set;
}

/* --- deriving ------------------------------------------------------------- */

/* Has it a T of its own? Then the outer values that are set are not its. */
static bool stands_alone(const struct cli_settings *set, enum cli_class c)
{
    return c == CLI_CLASS_EXEC || set->timeout_class_ms[c] != CLI_DERIVED;
}

static struct cli_limits derive(const struct cli_settings *set,
                                enum cli_class c)
{
    bool exec = c == CLI_CLASS_EXEC, own = stands_alone(set, c);
    int64_t t = given(set->timeout_class_ms[c],
                      exec ? halves(set->timeout_command_ms, 3)
                           : set->timeout_tool_ms);
    int64_t provider = 2 * t / 3 < PROVIDER_MS ? 2 * t / 3 : PROVIDER_MS;
    return (struct cli_limits){
        .provider = exec ? set->timeout_command_ms
                         : given(set->timeout_provider_ms, provider),
        .tool = t,
        .call = given(own ? CLI_DERIVED : set->timeout_call_ms, halves(t, 3)),
        .transport =
            given(own ? CLI_DERIVED : set->timeout_transport_ms, 2 * t),
        .client =
            given(own ? CLI_DERIVED : set->timeout_client_ms, halves(t, 5))};
}

/* --- checking ------------------------------------------------------------- */

/* The option that a class takes a level from. */
static const char *key_of(const struct cli_settings *set, enum cli_class c,
                          size_t level)
{
    bool exec = c == CLI_CLASS_EXEC;
    if (level == 0 && exec) return "timeout.command_ms";
    if (level == 1 && set->timeout_class_ms[c] != CLI_DERIVED)
        return class_keys[c];
    if (level == 1 && exec) return class_keys[c];
    return levels[level].key;
}

static const char *source_of(const struct cli_options *o, const char *key)
{
    static const char *const words[] = {"derived or default",
                                        "from config.yaml",
                                        "from the environment",
                                        "from the command line"};
    return words[cli_options_source(o, slice_of(key))];
}

static enum err disagree(struct cli_options *o, const char *inner,
                         int64_t inner_ms, const char *outer, int64_t outer_ms)
{
    struct slice why =
        arena_printf(o->arena, "%s is %s, %s is %s", outer,
                     source_of(o, outer), inner, source_of(o, inner));
    struct slice how = arena_printf(
        o->arena,
        "Raise %s above %" PRId64 ", lower %s below %" PRId64
        ", or leave one of them out and it follows from timeout.tool_ms.",
        outer, inner_ms, inner, outer_ms);
    return problem_setf(&o->problem, o->arena, ERR_INVALID, why, how,
                        "%s (%" PRId64 ") must be greater than %s (%" PRId64
                        ")",
                        outer, outer_ms, inner, inner_ms);
}

static void warn_ratio(const char *inner, int64_t inner_ms, const char *outer,
                       int64_t outer_ms, int64_t mark)
{
    char text[40], what[40];
    if (10 * outer_ms >= mark * inner_ms) return;
    int64_t hundredths = 100 * outer_ms / inner_ms;
    (void)snprintf(text, sizeof(text), "%" PRId64 ".%02d", hundredths / 100,
                   (int)(hundredths % 100));
    (void)snprintf(what, sizeof(what), "timeout ratio below 1.%d",
                   (int)(mark - 10));
    log_warn("timeouts", what, LOG_C("outer", outer), LOG_I("ms", outer_ms),
             LOG_C("inner", inner), LOG_I("inner_ms", inner_ms),
             LOG_C("ratio", text));
}

static enum err check_order(struct cli_options *o, enum cli_class c,
                            const struct cli_limits *l)
{
    for (size_t i = 1; i < LEVELS; i++) {
        int64_t inner = value_of(l, i - 1), outer = value_of(l, i);
        if (inner >= outer)
            return disagree(o, key_of(&o->set, c, i - 1), inner,
                            key_of(&o->set, c, i), outer);
    }
    return OK;
}

/* What two classes share is told once, with the first. */
static void warn_unwise(struct cli_options *o, enum cli_class c,
                        const struct cli_limits *l)
{
    bool first = c == CLI_CLASS_READ || stands_alone(&o->set, c);
    for (size_t i = 0; first && i < LEVELS; i++) {
        const char *key = key_of(&o->set, c, i);
        int64_t ms = value_of(l, i);
        if (ms < SMALL_MS)
            log_warn("timeouts", "a very short limit", LOG_C("option", key),
                     LOG_I("ms", ms));
        if (i)
            warn_ratio(key_of(&o->set, c, i - 1), value_of(l, i - 1), key, ms,
                       levels[i].mark);
    }
}

/* These are cut to what is left of a call, so they break nothing. */
static void warn_waits(const struct cli_settings *set)
{
    const struct {
        const char *key;
        int64_t ms;
    } waits[] = {{"timeout.queue_ms", set->timeout_queue_ms},
                 {"timeout.store_ms", set->timeout_store_ms},
                 {"permits.wait_ms", set->permits_wait_ms}};
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
        if (waits[i].ms > set->timeout_tool_ms)
            log_warn("timeouts", "a wait longer than a tool may run",
                     LOG_C("option", waits[i].key), LOG_I("ms", waits[i].ms),
                     LOG_I("timeout.tool_ms", set->timeout_tool_ms));
}

static void tell(const struct cli_limits *l)
{
    char text[160];
    int64_t hundredths = 100 * l->call / l->tool;
    (void)snprintf(text, sizeof(text),
                   "Timeout hierarchy validated: call=%" PRId64 ".%03ds, tool=%" PRId64
                   ".%03ds (ratio=%" PRId64 ".%02dx)",
                   l->call / 1000, (int)(l->call % 1000), l->tool / 1000,
                   (int)(l->tool % 1000), hundredths / 100,
                   (int)(hundredths % 100));
    log_info("timeouts", text);
}

enum err cli_timeouts_make(struct cli_options *o, struct cli_timeouts *ret)
{
    enum err e = OK;
    for (int c = 0; c < CLI_CLASS_COUNT && !e; c++) {
        ret->of[c] = derive(&o->set, (enum cli_class)c);
        e = check_order(o, (enum cli_class)c, &ret->of[c]);
    }
    if (e) return e;
    for (int c = 0; c < CLI_CLASS_COUNT; c++)
        warn_unwise(o, (enum cli_class)c, &ret->of[c]);
    warn_waits(&o->set);
    tell(&ret->of[CLI_CLASS_READ]);
    return OK;
}
