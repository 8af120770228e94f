/*
 * The ceilings that a server of this kind had for itself, held with room:
 * 95th percentiles of whole calls over stdio. And how many lookups of the
 * caches wait for one another under eight clients that read and write.
 *
 *   build/phasegate-tests --benchmark-only tests/bench/bench_ceilings.c
 */
#include <stdio.h>

#include "tests/bench/serving.h"
#include "tests/unit/session_kit.h"

enum { SESSIONS = 1000, CALLS = 300 };

static const char *sessions[SESSIONS];

static double call_ms(struct server *s, const char *tool, const char *arguments)
{
    double from = seconds_now();
    (void)stdio_tool(s, tool, arguments);
    return (seconds_now() - from) * 1e3;
}

static void tell(const char *name, double *took, int n, double share,
                 double limit)
{
    sort_doubles(took, (size_t)n);
    figure_tell(name, "ms", share_of(took, (size_t)n, share), BAR_MOST, limit);
}

static struct server *begin(double *took)
{
    const char *args[] = {"--workflows", kit_workflows(), NULL};
    struct server *s = serve_on(-1, NULL, args);
    for (int i = 0; i < SESSIONS; i++) {
        double from = seconds_now();
        const struct json *r = stdio_tool(
            s, "start_workflow",
            arena_printf(test_arena(),
                         "{\"workflow_type\":\"three_v1\",\"target\":\"t%d\"}",
                         i)
                .p);
        took[i] = (seconds_now() - from) * 1e3;
        sessions[i] = arena_cstr(
            test_arena(),
            json_text(json_at(r, "structuredContent", "session_id", NULL)));
    }
    return s;
}

static const char *with(const char *id, const char *more)
{
    return arena_printf(test_arena(), "{\"session_id\":\"%s\"%s}", id, more).p;
}

/* All of them, page by page. */
static double list_all_ms(struct server *s)
{
    const char *arguments = "{\"limit\":200}";
    uint32_t listed = 0;
    double from = seconds_now();
    while (arguments) {
        const struct json *r = stdio_tool(s, "list_sessions", arguments);
        const struct json *all =
            json_at(r, "structuredContent", "sessions", NULL);
        const struct json *more =
            json_at(r, "structuredContent", "next_cursor", NULL);
        CHECK(json_is(all, JSON_ARRAY));
        listed += all->count;
        arguments =
            json_is(more, JSON_STRING)
                ? arena_printf(test_arena(), "{\"limit\":200,\"cursor\":%.*s}",
                               SLICE_ARG(more->raw))
                      .p
                : NULL;
    }
    CHECK_INT_EQ(listed, SESSIONS);
    return (seconds_now() - from) * 1e3;
}

BENCH(ceilings, of_whole_calls, .timeout_s = 300)
{
    double took[SESSIONS];
    (void)bench;
    struct server *s = begin(took);
    tell("start_workflow, p95", took, SESSIONS, 0.95, 5);
    for (int i = 0; i < CALLS; i++)
        took[i] = call_ms(s, "get_task",
                          with(sessions[i], ",\"phase\":0,\"task_number\":1"));
    tell("get_task, p95", took, CALLS, 0.95, 1);
    for (int i = 0; i < CALLS; i++)
        took[i] =
            call_ms(s, "complete_phase",
                    with(sessions[i], ",\"phase\":0,\"evidence\":" KIT_GOOD));
    tell("complete_phase, p95", took, CALLS, 0.95, 5);
    for (int i = 0; i < 30; i++) took[i] = list_all_ms(s);
    tell("list_sessions of 1,000, all pages, median", took, 30, 0.5, 20);
}

/* --- who waits ------------------------------------------------------------ */
static double count_of(const struct json *cache, const char *name)
{
    double v = 0;
    CHECK(json_double(json_get(cache, slice_of(name)), &v));
    return v;
}

static void caches(struct server *s, double *ret_lookups, double *ret_waits)
{
    const struct json *r = stdio_tool(s, "get_server_info", "{}");
    const struct json *all = json_at(r, "structuredContent", "caches", NULL);
    CHECK(json_is(all, JSON_OBJECT));
    *ret_lookups = *ret_waits = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        *ret_lookups += count_of(&all->members[i].value, "total");
        *ret_waits += count_of(&all->members[i].value, "lock_waits");
    }
}

BENCH(ceilings, of_waiting_for_each_other, .timeout_s = 300)
{
    enum { N = 8 * 3 };
    static double took[SESSIONS];
    struct slice requests[N];
    struct load_result got;
    double lookups, waits;
    (void)bench;
    struct server *s = begin(took);
    int port = server_port(s);
    for (int i = 0; i < N; i += 3) {
        const char *id = sessions[i];
        requests[i] =
            post_of("get_phase", message_of("get_phase", with(id, "")), port);
        requests[i + 1] = post_of(
            "get_task",
            message_of("get_task", with(id, ",\"phase\":0,\"task_number\":1")),
            port);
        requests[i + 2] = post_of(
            "claim_task",
            message_of("claim_task", with(id, ",\"phase\":0,\"task_number\":1,"
                                              "\"agent\":\"me\"")),
            port);
    }
    struct load l = {.requests = requests,
                     .request_count = N,
                     .port = port,
                     .s = s,
                     .in_flight = 8,
                     .seconds = 3};
    load_run(&l, &got);
    caches(s, &lookups, &waits);
    CHECK(lookups > 0);
    figure_tell("lookups of caches that waited, 8 clients", "%",
                100 * waits / lookups, BAR_MOST, 0.5);
}
