/*
 * node: scripts of tests/clients and the programs of npm packages, run to
 * their end by the node of the build folder (.needs = "npm").
 *
 * Ownership: everything lives until the test ends. Thread: the test's.
 */
#ifndef TESTS_INTEGRATION_NODE_H
#define TESTS_INTEGRATION_NODE_H

#include "tests/runner/server.h"

/* A folder that is a project root. Absolute. */
const char *node_project(void);

struct node_end {
    int status;          /* of exit(), or -1 when killed */
    struct slice out;    /* stdout */
    struct slice errors; /* stderr */
};
/* Runs a .mjs of tests/clients, or a file of npm/node_modules when the name
 * begins with '@' or a letter and holds a '/'. `args` ends with NULL. */
struct node_end node_run(const char *script, const char *const *args);

/* A script left running, which reports steps. */
struct server *node_start(const char *script, const char *const *args);
/* Waits until it has made this step. */
void node_wait(struct server *s, const char *step);

/* A TCP port of 127.0.0.1 that nobody listens on. */
int node_unused_port(void);

/* A run of a script that reports steps (tests/clients/steps.mjs): fails the
 * test with the script's error unless it came to its end. Returns the steps,
 * an array of objects. */
struct node_steps {
    size_t count;
    const struct json *all[1024];
};
struct node_steps node_steps(const char *script, const char *const *args);
/* Where and why a script that reports steps came to no good end, in one line:
 * all that a summary shows of it. */
const char *node_cause(const struct node_end *end);
/* The step of this name; fails the test when it was not made. */
const struct json *node_step(const struct node_steps *s, const char *name);

#endif
