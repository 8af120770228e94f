/*
 * serving: the real server as benchmarks use it, and whole messages to it.
 * Everything lives until the test ends.
 */
#ifndef TESTS_BENCH_SERVING_H
#define TESTS_BENCH_SERVING_H

#include "tests/bench/load.h"

/* On a processor (-1: any), listening; `args` after `serve --project DIR`, or
 * NULL; `project`: NULL for a new one. */
struct server *serve_on(int cpu, const char *project, const char *const *args);
/* The same with a session whose phase takes few words, and the call for it. */
struct server *serve_short_on(int cpu, struct slice *ret_message);
/* A tools/call of 2026-07-28 without a newline; `arguments` is JSON. */
struct slice message_of(const char *tool, const char *arguments);
struct slice get_phase_of(const char *session);
/* The same message as a line, and as a POST to a port. */
struct slice line_of(struct slice message);
struct slice post_of(const char *tool, struct slice message, int port);
/* Starts the workflow of examples/workflows; the session's id. */
const char *session_new(struct server *s, const char *target);
/* The answer to a message as a line. */
struct slice answer_of(struct server *s, struct slice message);

#endif
