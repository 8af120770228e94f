/*
 * A cached get_phase as clients get it, beside what cannot be avoided: over
 * HTTP beside plain evhttp, over pipes beside a fixed answer and beside
 * libevent with our own parser. The server stands on one processor and the
 * load on the other, for throughput; both on one, for latency.
 *
 *   build/phasegate-tests --benchmark-only tests/bench/bench_serving.c
 */
#include "tests/bench/serving.h"

/* --- HTTP --------------------------------------------------------------------
 */
static void http_duel(int connections, int server_cpu, int load_cpu,
                      struct duel *d)
{
    int port;
    struct server *ours = serve_on(server_cpu, NULL, NULL);
    struct slice body = get_phase_of(session_new(ours, "src/a.c"));
    struct server *floor =
        floor_start("evhttp", server_cpu, answer_of(ours, body), true, &port);
    struct slice to_floor = post_of("get_phase", body, port);
    struct slice to_us = post_of("get_phase", body, server_port(ours));
    struct load a = {.requests = &to_us,
                     .request_count = 1,
                     .port = server_port(ours),
                     .s = ours,
                     .in_flight = connections,
                     .seconds = 0.5};
    struct load b = a;
    b.requests = &to_floor;
    b.port = port;
    b.s = floor;
    stand_on(load_cpu);
    duel_run((struct side){load_side, &a}, (struct side){load_side, &b},
             DUEL_ROUNDS, d);
    stand_on(-1);
}

BENCH(serving, http_at_8_connections)
{
    struct duel d;
    (void)bench;
    http_duel(8, 0, 1, &d);
    duel_tell(&d, LOAD_PER_S, "HTTP get_phase, 8 connections", "1/s",
              BAR_RATIO_LEAST, 1.0);
    duel_tell(&d, LOAD_P99, "HTTP get_phase, 8 connections, p99", "us",
              BAR_RATIO_MOST, 2.0);
    duel_tell(&d, LOAD_CPU, "HTTP get_phase, 8 connections, processor", "us",
              BAR_NONE, 0);
}

BENCH(serving, http_at_64_connections)
{
    struct duel d;
    (void)bench;
    http_duel(64, 0, 1, &d);
    duel_tell(&d, LOAD_PER_S, "HTTP get_phase, 64 connections", "1/s",
              BAR_RATIO_LEAST, 1.1);
    duel_tell(&d, LOAD_P99, "HTTP get_phase, 64 connections, p99", "us",
              BAR_RATIO_MOST, 2.0);
    duel_tell(&d, LOAD_CPU, "HTTP get_phase, 64 connections, processor", "us",
              BAR_NONE, 0);
}

BENCH(serving, http_at_one_connection_on_one_processor)
{
    struct duel d;
    (void)bench;
    http_duel(1, 0, 0, &d);
    duel_tell(&d, LOAD_P50, "HTTP get_phase, 1 connection, p50", "us", BAR_NONE,
              0);
    double over[DUEL_ROUNDS_MAX];
    for (int i = 0; i < d.rounds; i++)
        over[i] = d.ours[LOAD_P50][i] - d.floor[LOAD_P50][i];
    figure_tell("HTTP get_phase, 1 connection, p50 over the floor's", "us",
                median_of(over, d.rounds), BAR_MOST, 3);
}

/* --- stdio -------------------------------------------------------------------
 */
/* The floor that parses writes the id itself, before the rest. */
static struct slice behind_id(struct slice answer)
{
    return slice_sub(answer, slice_find(answer, SLICE("4711")) + 4, SIZE_MAX);
}

static void stdio_duel(struct server *ours, struct slice message,
                       const char *program, int in_flight, int load_cpu,
                       struct duel *d)
{
    int port;
    struct slice line = line_of(message);
    struct slice answer = line_of(answer_of(ours, message));
    if (strcmp(program, "stdio_echo") == 0) answer = behind_id(answer);
    struct server *floor = floor_start(program, 0, answer, false, &port);
    struct load a = {.requests = &line,
                     .request_count = 1,
                     .s = ours,
                     .in_flight = in_flight,
                     .seconds = 0.4};
    struct load b = a;
    b.s = floor;
    stand_on(load_cpu);
    duel_run((struct side){load_side, &a}, (struct side){load_side, &b},
             DUEL_ROUNDS, d);
    stand_on(-1);
}

BENCH(serving, stdio_one_at_a_time_on_one_processor)
{
    struct duel d;
    (void)bench;
    struct server *s = serve_on(0, NULL, NULL);
    stdio_duel(s, get_phase_of(session_new(s, "src/a.c")), "stdio_fixed", 1, 0,
               &d);
    duel_tell(&d, LOAD_PER_S, "stdio get_phase, one at a time", "1/s",
              BAR_RATIO_LEAST, 0.8);
    duel_tell(&d, LOAD_CPU, "stdio get_phase, one at a time, processor", "us",
              BAR_NONE, 0);
}

BENCH(serving, stdio_64_in_flight)
{
    struct duel d;
    (void)bench;
    struct server *s = serve_on(0, NULL, NULL);
    stdio_duel(s, get_phase_of(session_new(s, "src/a.c")), "stdio_echo", 64, 1,
               &d);
    duel_tell(&d, LOAD_PER_S, "stdio get_phase, 64 in flight", "1/s",
              BAR_RATIO_LEAST, 0.5);
    duel_tell(&d, LOAD_CPU, "stdio get_phase, 64 in flight, processor", "us",
              BAR_NONE, 0);
}

/* Above 5 KB of an answer the pipe itself is most of the work. */
BENCH(serving, stdio_64_in_flight_of_a_short_phase)
{
    struct duel d;
    struct slice message;
    (void)bench;
    struct server *s = serve_short_on(0, &message);
    stdio_duel(s, message, "stdio_echo", 64, 1, &d);
    duel_tell(&d, LOAD_PER_S, "stdio get_phase, short, 64 in flight", "1/s",
              BAR_RATIO_LEAST, 0.5);
    duel_tell(&d, LOAD_CPU, "stdio get_phase, short, 64 in flight, processor",
              "us", BAR_NONE, 0);
}
