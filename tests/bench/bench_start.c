/*
 * From nothing to the first answer, and memory: at rest, after a million
 * calls, and with a thousand sessions over a thousand connections.
 *
 *   build/phasegate-tests --benchmark-only tests/bench/bench_start.c
 */
#include <stdio.h>
#include <sys/resource.h>

#include "tests/bench/serving.h"

static const char ask[] =
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{"
    "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{"
    "\"name\":\"bench\",\"version\":\"1\"}}}\n";

struct start {
    struct server_options options;
    struct slice line;
};

static void start_run(void *ctx, double *ret)
{
    struct start *st = ctx;
    double from = seconds_now();
    struct server *s = server_start(&st->options);
    stdio_send_raw(s, st->line);
    (void)stdio_line(s);
    ret[0] = (seconds_now() - from) * 1e3;
    server_kill(s);
}

BENCH(start, to_the_first_answer)
{
    struct duel d;
    const char *db[] = {"floor.db", NULL};
    struct slice floor =
        arena_printf(test_arena(), "%s/floors/start", test_binary_dir());
    struct start a = {{0}, slice_of(ask)};
    struct start b = {{.binary = floor.p, .all_args = db}, slice_of(ask)};
    (void)bench;
    duel_run((struct side){start_run, &a}, (struct side){start_run, &b}, 15,
             &d);
    duel_tell(&d, 0, "start to the first answer, new project", "ms",
              BAR_RATIO_MOST, 2);
}

BENCH(start, with_a_thousand_sessions, .timeout_s = 120)
{
    double took[15];
    const char *id = NULL;
    struct server *s = serve_on(-1, NULL, NULL);
    (void)bench;
    for (int i = 0; i < 1000; i++)
        id = session_new(s, arena_printf(test_arena(), "t%d", i).p);
    const char *project = server_project(s);
    (void)server_stop_eof(s);
    struct start st = {{.project = project}, line_of(get_phase_of(id))};
    for (int i = 0; i < 15; i++) start_run(&st, &took[i]);
    figure_tell("start to the first get_phase, 1,000 sessions stored", "ms",
                median_of(took, 15), BAR_MOST, 10);
}

/* --- memory
 * -------------------------------------------------------------------
 */
BENCH(memory, at_rest_and_after_a_million_calls, .timeout_s = 300)
{
    struct load_result got;
    (void)bench;
    struct server *s = serve_on(-1, NULL, NULL);
    struct slice line = line_of(get_phase_of(session_new(s, "src/a.c")));
    (void)stdio_call(s, "tools/list", "");
    figure_tell("memory at rest", "MB", memory_of(server_pid(s)), BAR_MOST, 8);
    struct load l = {.requests = &line,
                     .request_count = 1,
                     .s = s,
                     .in_flight = 64,
                     .answers = 50000};
    load_run(&l, &got);
    double before = memory_of(server_pid(s));
    l.answers = 1000000;
    load_run(&l, &got);
    double after = memory_of(server_pid(s));
    stored_tell("memory after 1,000,000 calls, beside 50,000", "MB", after,
                before, BAR_RATIO_MOST, 1.05);
    load_run(&l, &got);
    stored_tell("memory after 2,000,000 calls, beside 1,000,000", "MB",
                memory_of(server_pid(s)), after, BAR_RATIO_MOST, 1.02);
}

static void raise_descriptors(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r)) return;
    r.rlim_cur = r.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &r);
}

BENCH(memory, with_a_thousand_sessions_and_connections, .timeout_s = 300)
{
    enum { N = 1000 };
    static struct slice requests[N];
    struct load_result got;
    (void)bench;
    raise_descriptors();
    const char *args[] = {"--cache-sessions-entries-max", "1000", NULL};
    struct server *s = serve_on(-1, NULL, args);
    for (int i = 0; i < N; i++) {
        const char *id = session_new(s, arena_printf(test_arena(), "t%d", i).p);
        requests[i] = post_of("get_phase", get_phase_of(id), server_port(s));
    }
    struct load l = {.requests = requests,
                     .request_count = N,
                     .port = server_port(s),
                     .s = s,
                     .in_flight = N,
                     .answers = 20 * N};
    load_run(&l, &got);
    figure_tell("memory, 1,000 sessions over 1,000 connections", "MB",
                memory_peak_of(server_pid(s)), BAR_MOST, 64);
    figure_tell("of 20,000 answers refused", "", (double)got.refused, BAR_NONE,
                0);
}
