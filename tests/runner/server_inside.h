/* server_inside: struct server, for server.c and stdio_client.c. */
#ifndef TESTS_RUNNER_SERVER_INSIDE_H
#define TESTS_RUNNER_SERVER_INSIDE_H

#include "tests/runner/client.h"
#include "tests/runner/server.h"

struct queued {
    struct queued *next;
    const struct json *message;
};

struct server {
    struct server_options options;
    struct arena arena;
    double patience;
    const char *stderr_path;
    pid_t pid;
    int in, out, pidfd; /* -1: closed */
    bool ended;
    /* stdio */
    const char *revision;
    int64_t last_id;
    struct inbox inbox;
    struct queued *queued_first, *queued_last;
};

/* Fails the test, with the end of the server's stderr. */
_Noreturn void server_fail(struct server *s, const char *what);
void server_end(void *server);

#endif
