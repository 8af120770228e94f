/*
 * Beside the official TypeScript server package in the same run: requests a
 * second over HTTP and over pipes, memory after 100,000 calls. And beside what
 * was measured once of a small C server (cMCP) on such a machine.
 *
 *   build/phasegate-tests --benchmark-only --full tests/bench/bench_peers.c
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/serving.h"
#include "tests/integration/node.h"
#include "tests/runner/client.h"

enum { CMCP_ONE = 37000, CMCP_PIPELINED = 71000 };

struct pair {
    struct server *ours, *theirs;
    struct slice to_us, to_them;
    struct load a, b;
};

static struct slice to_peer(void)
{
    return message_of("get_phase", "{\"session_id\":\"a\"}");
}

/* It gives the very answer that we give to `message`. */
static struct server *peer_on(int cpu, const char *transport,
                              struct server *ours, struct slice message,
                              int *ret_port)
{
    struct slice result =
        json_at(parse_or_null(test_arena(), answer_of(ours, message)), "result",
                "structuredContent", NULL)
            ->raw;
    const char *args[] = {transport, arena_cstr(test_arena(), result), NULL};
    stand_on(cpu);
    struct server *s = node_start("server.mjs", args);
    stand_on(-1);
    int64_t port = 0;
    CHECK(slice_int64(slice_trim(stdio_line(s)), &port));
    *ret_port = (int)port;
    return s;
}

static void loads(struct pair *p, int in_flight, int port_us, int port_them)
{
    p->a = (struct load){.requests = &p->to_us,
                         .request_count = 1,
                         .port = port_us,
                         .s = p->ours,
                         .in_flight = in_flight,
                         .seconds = 0.5};
    p->b = p->a;
    p->b.requests = &p->to_them;
    p->b.port = port_them;
    p->b.s = p->theirs;
}

static void http_pair(struct pair *p)
{
    int port;
    p->ours = serve_on(0, NULL, NULL);
    struct slice m = get_phase_of(session_new(p->ours, "src/a.c"));
    p->theirs = peer_on(0, "--http", p->ours, m, &port);
    p->to_us = post_of("get_phase", m, server_port(p->ours));
    p->to_them = post_of("get_phase", to_peer(), port);
    loads(p, 8, server_port(p->ours), port);
}

BENCH(peers, typescript_over_http, .needs = "npm", .timeout_s = 300)
{
    static struct pair p;
    struct duel d;
    (void)bench;
    http_pair(&p);
    stand_on(1);
    duel_run((struct side){load_side, &p.a}, (struct side){load_side, &p.b},
             DUEL_ROUNDS, &d);
    stand_on(-1);
    duel_tell(&d, LOAD_PER_S, "HTTP, 8 connections, beside TypeScript", "1/s",
              BAR_RATIO_LEAST, 25);
}

BENCH(peers, typescript_s_memory, .needs = "npm slow", .timeout_s = 600)
{
    static struct pair p;
    struct load_result got;
    (void)bench;
    http_pair(&p);
    p.a.answers = p.b.answers = 100000;
    load_run(&p.a, &got);
    load_run(&p.b, &got);
    stored_tell("memory after 100,000 calls, beside TypeScript", "MB",
                memory_of(server_pid(p.ours)), memory_of(server_pid(p.theirs)),
                BAR_RATIO_MOST, 0.1);
}

BENCH(peers, typescript_over_pipes, .needs = "npm", .timeout_s = 300)
{
    static struct pair p;
    struct duel d;
    int none;
    (void)bench;
    p.ours = serve_on(0, NULL, NULL);
    struct slice m = get_phase_of(session_new(p.ours, "src/a.c"));
    p.theirs = peer_on(0, "--stdio", p.ours, m, &none);
    p.to_us = line_of(m);
    p.to_them = line_of(to_peer());
    loads(&p, 64, 0, 0);
    stand_on(1);
    duel_run((struct side){load_side, &p.a}, (struct side){load_side, &p.b},
             DUEL_ROUNDS, &d);
    stand_on(-1);
    duel_tell(&d, LOAD_PER_S, "stdio, 64 in flight, beside TypeScript", "1/s",
              BAR_RATIO_LEAST, 10);
}

/* Its echo gave back a few words: ours is asked for a phase of a few. */
static double per_s(int in_flight, int load_cpu)
{
    struct load_result got;
    double best = 0;
    struct slice message, line;
    struct server *s = serve_short_on(0, &message);
    line = line_of(message);
    struct load l = {.requests = &line,
                     .request_count = 1,
                     .s = s,
                     .in_flight = in_flight,
                     .seconds = 0.5};
    stand_on(load_cpu);
    for (int i = 0; i < DUEL_ROUNDS; i++) {
        load_run(&l, &got);
        if (got.per_s > best) best = got.per_s;
    }
    stand_on(-1);
    return best;
}

BENCH(peers, cmcp_as_it_was_measured)
{
    (void)bench;
    stored_tell("stdio, one at a time, beside cMCP's echo (stored)", "1/s",
                per_s(1, 0), CMCP_ONE, BAR_RATIO_LEAST, 4);
    stored_tell("stdio, 64 in flight, beside cMCP's echo (stored)", "1/s",
                per_s(64, 1), CMCP_PIPELINED, BAR_RATIO_LEAST, 5);
}
