/*
 * How cost grows: sessions, connections, standards, the size of the state
 * file. A point each of time and memory; docs/img has the curves.
 *
 *   build/phasegate-tests --benchmark-only --full tests/bench/bench_scale.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/bench/corpus_made.h"
#include "tests/bench/serving.h"
#include "tests/unit/session_kit.h"

static const char *const kit_args[] = {"--workflows", NULL, "--durability",
                                       "normal", NULL};

static struct server *kit_server(const char *project)
{
    const char *args[5];
    memcpy(args, kit_args, sizeof args);
    args[1] = kit_workflows();
    return serve_on(-1, project, args);
}

static double file_mb(const struct server *s)
{
    struct stat st;
    struct slice path =
        arena_printf(test_arena(), "%s/.phasegate/state.db", server_project(s));
    return stat(path.p, &st) ? 0 : (double)st.st_size / 1e6;
}

/* --- sessions ------------------------------------------------------------- */

/* Starts `n` sessions over 24 connections; the answers are not kept. */
static void sessions_start(struct server *s, int n)
{
    struct load_result got;
    struct slice *requests = calloc((size_t)n, sizeof *requests);
    int port = server_port(s);
    for (int i = 0; i < n; i++)
        requests[i] =
            post_of("start_workflow",
                    message_of("start_workflow",
                               arena_printf(test_arena(),
                                            "{\"workflow_type\":\"three_v1\","
                                            "\"target\":\"t%d\"}",
                                            i)
                                   .p),
                    port);
    struct load l = {.requests = requests,
                     .request_count = (size_t)n,
                     .port = port,
                     .in_flight = n < 24 ? n : 24,
                     .answers = (uint64_t)n};
    load_run(&l, &got);
    CHECK_INT_EQ(got.refused, 0);
    free(requests);
}

/* get_phase of the newest sessions, at most `most`; 200 is a page. */
static size_t sessions_list(struct server *s, struct slice *messages,
                            size_t most)
{
    const struct json *r =
        stdio_tool(s, "list_sessions",
                   arena_printf(test_arena(), "{\"limit\":%zu}", most).p);
    const struct json *all = json_at(r, "structuredContent", "sessions", NULL);
    CHECK(json_is(all, JSON_ARRAY));
    for (size_t i = 0; i < all->count; i++) {
        struct slice id =
            json_text(json_get(&all->items[i], SLICE("session_id")));
        messages[i] = line_of(message_of(
            "get_phase", arena_printf(test_arena(), "{\"session_id\":\"%.*s\"}",
                                      SLICE_ARG(id))
                             .p));
    }
    return all->count;
}

static void sessions_point(int n)
{
    enum { ASKED = 200 };
    struct slice messages[ASKED];
    struct load_result got;
    struct server *s = kit_server(NULL);
    const char *project = server_project(s);
    sessions_start(s, n);
    (void)server_stop_eof(s);
    double from = seconds_now();
    s = kit_server(project);
    double started = seconds_now() - from;
    size_t count = sessions_list(s, messages, (size_t)(n < ASKED ? n : ASKED));
    struct load l = {.requests = messages,
                     .request_count = count,
                     .s = s,
                     .in_flight = 1,
                     .answers = 3000};
    load_run(&l, &got);
    point_tell("by sessions stored", n, "get_phase of any, p50", "us",
               got.p50_us);
    point_tell("by sessions stored", n, "get_phase of any, p99", "us",
               got.p99_us);
    point_tell("by sessions stored", n, "start to listening", "ms",
               started * 1e3);
    point_tell("by sessions stored", n, "memory", "MB",
               memory_of(server_pid(s)));
    point_tell("by sessions stored", n, "state file", "MB", file_mb(s));
}

BENCH(scale, sessions, .needs = "slow", .timeout_s = 900)
{
    static const int points[] = {1, 10, 1000, 100000};
    (void)bench;
    for (size_t i = 0; i < 4; i++) sessions_point(points[i]);
}

/* --- connections ---------------------------------------------------------- */

BENCH(scale, connections, .needs = "slow", .timeout_s = 300)
{
    static const int points[] = {1, 10, 1000};
    struct load_result got;
    struct rlimit r;
    (void)bench;
    if (!getrlimit(RLIMIT_NOFILE, &r)) {
        r.rlim_cur = r.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &r);
    }
    struct server *s = serve_on(0, NULL, NULL);
    struct slice request = post_of(
        "get_phase", get_phase_of(session_new(s, "src/a.c")), server_port(s));
    stand_on(1);
    for (size_t i = 0; i < 3; i++) {
        struct load l = {.requests = &request,
                         .request_count = 1,
                         .port = server_port(s),
                         .s = s,
                         .in_flight = points[i],
                         .seconds = 2};
        load_run(&l, &got);
        CHECK_INT_EQ(got.refused, 0);
        point_tell("by HTTP connections", points[i], "requests", "1/s",
                   got.per_s);
        point_tell("by HTTP connections", points[i], "p99", "us", got.p99_us);
        point_tell("by HTTP connections", points[i], "processor", "us",
                   got.cpu_us);
        point_tell("by HTTP connections", points[i], "memory", "MB",
                   memory_of(server_pid(s)));
    }
    stand_on(-1);
}

/* --- standards ------------------------------------------------------------ */

static void search_once(struct server *s, unsigned i, const struct json **ret)
{
    char text[128];
    *ret = stdio_tool(s, "search_standards",
                      arena_printf(test_arena(), "{\"query\":\"%s\"}",
                                   corpus_subject(i, text))
                          .p);
}

static void standards_point(int chunks)
{
    enum { SEARCHES = 300 };
    double took[SEARCHES];
    const struct json *r;
    struct slice folder =
        arena_printf(test_arena(), "%s/made%d", test_tmpdir(), chunks);
    corpus_make(folder, chunks);
    const char *args[] = {"--standards", folder.p, NULL};
    double from = seconds_now();
    struct server *s = serve_on(-1, NULL, args);
    unsigned asked = 1000000;
    do search_once(s, asked++, &r);
    while (json_at(r, "structuredContent", "indexing", NULL));
    double built = seconds_now() - from;
    for (unsigned i = 0; i < SEARCHES; i++) {
        from = seconds_now();
        search_once(s, i, &r);
        took[i] = (seconds_now() - from) * 1e3;
    }
    sort_doubles(took, SEARCHES);
    point_tell("by chunks of standards", chunks, "search, p50", "ms",
               share_of(took, SEARCHES, 0.5));
    point_tell("by chunks of standards", chunks, "search, p99", "ms",
               share_of(took, SEARCHES, 0.99));
    point_tell("by chunks of standards", chunks, "start to indexed", "s",
               built);
    point_tell("by chunks of standards", chunks, "memory", "MB",
               memory_of(server_pid(s)));
}

BENCH(scale, standards, .needs = "slow", .timeout_s = 900)
{
    static const int points[] = {10, 1000, 100000};
    (void)bench;
    for (size_t i = 0; i < 3; i++) standards_point(points[i]);
}

/* --- the state file ------------------------------------------------------- */

/* Evidence of `kb` for each of `n` sessions. */
static void fill(struct server *s, int n, int kb)
{
    struct buf b = BUF_INIT((size_t)64 << 20);
    for (int i = 0; i < n; i++) {
        const struct json *r = stdio_tool(
            s, "start_workflow",
            arena_printf(test_arena(),
                         "{\"workflow_type\":\"three_v1\",\"target\":\"f%d\"}",
                         i)
                .p);
        struct slice id =
            json_text(json_at(r, "structuredContent", "session_id", NULL));
        buf_clear(&b);
        buf_printf(&b,
                   "{\"session_id\":\"%.*s\",\"phase\":0,\"evidence\":{"
                   "\"done\":true,\"count\":3,\"log\":\"",
                   SLICE_ARG(id));
        for (int k = 0; k < kb * 16; k++)
            buf_printf(&b, "%08x all of it is here and long to read, again %d ",
                       (unsigned)k * 2654435761u, k % 10);
        buf_puts(&b, "\"}}");
        buf_putc(&b, '\0');
        (void)stdio_tool(s, "complete_phase", b.p);
    }
    buf_done(&b);
}

static void state_point(int sessions, int kb)
{
    enum { ASKED = 100 };
    struct slice messages[ASKED];
    struct load_result got;
    struct server *s = kit_server(NULL);
    const char *project = server_project(s);
    fill(s, sessions, kb);
    (void)server_stop_eof(s);
    double from = seconds_now();
    s = kit_server(project);
    double started = seconds_now() - from;
    double mb = file_mb(s);
    size_t n = sessions_list(s, messages,
                             (size_t)(sessions < ASKED ? sessions : ASKED));
    struct load l = {.requests = messages,
                     .request_count = n,
                     .s = s,
                     .in_flight = 1,
                     .answers = 2000};
    load_run(&l, &got);
    point_tell("by MB of the state file", mb, "start to listening", "ms",
               started * 1e3);
    point_tell("by MB of the state file", mb, "get_phase, p50", "us",
               got.p50_us);
    point_tell("by MB of the state file", mb, "memory", "MB",
               memory_of(server_pid(s)));
}

BENCH(scale, state_file, .needs = "slow", .timeout_s = 900)
{
    (void)bench;
    state_point(10, 100);
    state_point(75, 4000);
}
