/*
 * load: a client that asks as fast as it is answered, over HTTP connections
 * or two pipes, and costs less than the server it measures. One thread, the
 * caller's.
 */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include <sys/types.h>

#include "tests/bench/duel.h"
#include "tests/runner/server.h"

struct load {
    /* Whole requests, sent one after the other and over again, by whichever
     * connection is free. */
    const struct slice *requests;
    size_t request_count;
    int port;         /* of HTTP; 0: stdio */
    struct server *s; /* of stdio, and whose processor time is taken */
    int in_flight;    /* connections, each with one request; lines */
    bool own;         /* connection i of n: requests i, i + n, ... once each */
    double seconds;   /* how long it lasts, or */
    uint64_t answers; /* 0, or until so many have come */
};

struct load_result {
    double per_s;
    double p50_us, p99_us;
    double cpu_us;             /* of the server's processor, for each answer */
    uint64_t answers, refused; /* refused: not 200, or with "isError":true */
};

void load_run(const struct load *l, struct load_result *ret);

/* The figures of a load in the order of enum load_figure, for a duel. */
enum load_figure { LOAD_PER_S, LOAD_P50, LOAD_P99, LOAD_CPU };
void load_side(void *load, double *ret);

/* A floor program of tests/bench/floors, on a processor, that gives `answer`;
 * its port (0 of one that listens on none) once it is ready. */
struct server *floor_start(const char *name, int cpu, struct slice answer,
                           bool listens, int *ret_port);

#endif
