/* Both transports and two processes at once, real servers: nine clients work
 * on the same sessions. Each sees what any of them committed at its next call,
 * of many who complete a phase one does, and at the end nothing is held. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/integration/bugfix.h"
#include "tests/runner/server.h"

enum { CLIENTS = 9 }; /* 0 on stdio, the others over HTTP */

struct play {
    struct server *server[2];
    int port[2]; /* which the HTTP clients take in turn */
    int rounds;
    pthread_barrier_t together;
    char session[CLIENTS][64]; /* as each client was told, this round */
    _Atomic int completed;     /* this round */
};

static const struct json *call(struct play *p, int i, struct http *h,
                               const char *tool, const char *arguments)
{
    return i ? http_tool(h, tool, arguments)
             : stdio_tool(p->server[0], tool, arguments);
}

static const struct json *fine(const struct json *result, const char *what)
{
    const struct json *v = json_get(result, SLICE("structuredContent"));
    const struct json *e = json_get(v, SLICE("error"));
    if (e) FAIL("%s: %.*s", what, SLICE_ARG(e->raw));
    return v;
}

static void meet(struct play *p)
{
    (void)pthread_barrier_wait(&p->together);
}

static void begin(struct play *p, int i, struct http *h, int round)
{
    char target[64];
    snprintf(target, sizeof(target), "src/round-%d.c", round);
    const struct json *v =
        fine(call(p, i, h, "start_workflow", bugfix_start(target)), "start");
    struct slice id = json_text(json_get(v, SLICE("session_id")));
    snprintf(p->session[i], sizeof(p->session[i]), "%.*s", SLICE_ARG(id));
}

/* Of all who submit at one moment, one is the first. */
static void submit(struct play *p, int i, struct http *h, const char *id)
{
    const struct json *r =
        call(p, i, h, "complete_phase", bugfix_complete(id, 0, NULL));
    const struct json *e = json_at(r, "structuredContent", "error", NULL);
    if (!e)
        p->completed++;
    else
        CHECK_TEXT_EQ(json_text(json_get(e, SLICE("code"))),
                      "phase_completed");
}

static void look(struct play *p, int i, struct http *h, const char *id)
{
    int64_t phase;
    const struct json *v = fine(
        call(p, i, h, "get_session",
             bugfix_session(id, ",\"include\":[\"evidence\",\"history\"]")),
        "get_session");
    CHECK(json_int64(json_at(v, "session", "current_phase", NULL), &phase));
    CHECK_INT_EQ(phase, 1);
    CHECK_INT_EQ(json_get(v, SLICE("evidence"))->count, 1);
    CHECK_INT_EQ(json_get(v, SLICE("history"))->count, 2); /* start, phase */
}

static void client(void *ctx, int i)
{
    struct play *p = ctx;
    struct http *h = i ? http_open(p->port[i % 2]) : NULL;
    for (int round = 0; round < p->rounds; round++) {
        meet(p);
        if (i == 0) p->completed = 0;
        begin(p, i, h, round);
        meet(p);
        const char *id = p->session[0];
        CHECK_TEXT_EQ(slice_of(p->session[i]), id);
        (void)fine(call(p, i, h, "get_task",
                        bugfix_session(id, ",\"task_number\":1")),
                   "get_task");
        submit(p, i, h, id);
        meet(p);
        CHECK_INT_EQ(p->completed, 1);
        look(p, i, h, id);
    }
}

static int64_t number(const struct json *v, const char *a, const char *b,
                      const char *c)
{
    int64_t n;
    const struct json *m = c ? json_at(v, a, b, c, NULL) : json_at(v, a, b, NULL);
    if (!json_int64(m, &n)) FAIL("no number %s.%s", a, b);
    return n;
}

static void check_at_rest(struct server *s, int port)
{
    struct http *h = http_open(port);
    struct http_reply r;
    do { /* the last answers may still be on their way home */
        r = http_request(h, "GET", "/health", "", (struct slice){0});
        CHECK_INT_EQ(r.status, 200);
    } while (number(r.json, "permits", "global", "in_use") != 0);
    CHECK_INT_EQ(number(r.json, "permits", "release_errors", NULL), 0);
    CHECK_INT_EQ(number(r.json, "permits", "leaks", NULL), 0);
    CHECK_INT_EQ(number(r.json, "caches", "sessions", "duplicate_runs"), 0);
    CHECK_TEXT_EQ(json_text(json_get(r.json, SLICE("status"))), "ok");
    struct slice log = server_stderr_text(s);
    CHECK_INT_EQ(slice_find(log, SLICE("level=error")), log.n);
    CHECK_INT_EQ(slice_find(log, SLICE("permit held too long")), log.n);
    CHECK_INT_EQ(slice_find(log, SLICE("permit accounting differs")), log.n);
}

static void run(int servers, int rounds)
{
    static const char *const args[] = {"--http-port", "0", NULL};
    struct play p = {.rounds = rounds};
    for (int k = 0; k < 2; k++) {
        struct server_options o = {
            .args = args, .project = k ? server_project(p.server[0]) : NULL};
        p.server[k] = k < servers ? server_start(&o) : p.server[0];
        p.port[k] = k < servers ? server_port(p.server[k]) : p.port[0];
        if (!k) bugfix_files(server_project(p.server[0]));
    }
    CHECK_INT_EQ(pthread_barrier_init(&p.together, NULL, CLIENTS), 0);
    test_threads(CLIENTS, client, &p);
    pthread_barrier_destroy(&p.together);
    for (int k = 0; k < servers; k++) check_at_rest(p.server[k], p.port[k]);
}

TEST(dual, stdio_and_eight_http_clients_share_their_sessions, .timeout_s = 120)
{
    run(1, 5);
}

TEST(dual, clients_of_two_processes_share_one_state_file, .timeout_s = 120)
{
    run(2, 5);
}

TEST(dual, a_hundred_rounds_of_stdio_and_http, .needs = "slow",
     .timeout_s = 600)
{
    run(1, 100);
}

TEST(dual, a_hundred_rounds_of_two_processes, .needs = "slow",
     .timeout_s = 600)
{
    run(2, 100);
}
