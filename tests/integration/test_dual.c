/* Both transports and two processes at once, real servers: nine clients work
 * on the same sessions. Each sees what any of them committed at its next call,
 * of many who complete a phase one does, and at the end nothing is held. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/integration/bugfix.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"

enum { CLIENTS = 9 }; /* 0 on stdio, the others over HTTP */

struct play {
    struct server *server[2];
    int port[2]; /* which the HTTP clients take in turn */
    int rounds;
    pthread_barrier_t together;
    char session[CLIENTS][64]; /* as each client was told, this round */
    _Atomic int completed;     /* this round */
    bool restless;             /* calls are cancelled, connections dropped */
    uint32_t seed[CLIENTS];
    _Atomic int left; /* calls that nobody stayed for */
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

/* What a client may do and not stay for; it changes nothing that others see. */
static const struct {
    const char *tool, *more;
} passing[] = {{"get_session", ",\"include\":[\"history\"]"},
               {"get_phase", ""},
               {"get_task", ",\"task_number\":1"},
               {"get_session", ""}};

static void search(struct play *p, int i, struct http *h)
{
    const struct json *v =
        fine(call(p, i, h, "search_standards",
                  "{\"query\":\"wombat\",\"n_results\":1}"),
             "search_standards");
    CHECK_INT_EQ(json_get(v, SLICE("results"))->count, 1);
}

static uint32_t next_random(struct play *p, int i)
{
    p->seed[i] = p->seed[i] * 1664525u + 1013904223u;
    return p->seed[i] >> 16;
}

/* A call whose client leaves: before all of it is sent, before the answer, or
 * after the first bytes of it. */
static void disconnect(struct play *p, int i, const char *tool,
                       const char *arguments)
{
    struct http *h = http_open(p->port[i % 2]);
    struct slice body = arena_printf(
        test_arena(),
        "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\",\"params\":{"
        "\"name\":\"%s\",\"arguments\":%s,\"_meta\":{"
        "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
        "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"t\",\"version\":\"1\"},"
        "\"io.modelcontextprotocol/clientCapabilities\":{}}}}",
        i, tool, arguments);
    struct slice whole = arena_printf(
        test_arena(),
        "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
        "application/json\r\nAccept: application/json, text/event-stream\r\n"
        "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n"
        "Mcp-Name: %s\r\nContent-Length: %zu\r\n\r\n%.*s",
        tool, body.n, SLICE_ARG(body));
    uint32_t r = next_random(p, i);
    http_send_raw(h, slice_sub(whole, 0,
                               r % 3 ? whole.n : r / 3 % (uint32_t)whole.n));
    if (r % 3 == 2) {
        struct http_reply reply = http_receive(h);
        CHECK_INT_EQ(reply.status, 200);
    }
    http_close(h);
}

/* A call on stdio that is cancelled at once: answered, or not any more. */
static void cancel(struct play *p, const char *tool, const char *arguments)
{
    int64_t id = stdio_request(
        p->server[0], "tools/call",
        arena_printf(test_arena(), "\"name\":\"%s\",\"arguments\":%s%c", tool,
                     arguments, '\0')
            .p);
    stdio_send(p->server[0],
               "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
               "\"params\":{\"requestId\":%lld}}",
               (long long)id);
}

static void pass_by(struct play *p, int i, const char *id)
{
    for (uint32_t n = next_random(p, i) % 3; n > 0; n--) {
        size_t k = next_random(p, i) % (sizeof(passing) / sizeof(passing[0]));
        const char *arguments = bugfix_session(id, passing[k].more);
        if (i)
            disconnect(p, i, passing[k].tool, arguments);
        else
            cancel(p, passing[k].tool, arguments);
        p->left++;
    }
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
        if (p->restless) pass_by(p, i, id);
        (void)fine(call(p, i, h, "get_task",
                        bugfix_session(id, ",\"task_number\":1")),
                   "get_task");
        submit(p, i, h, id);
        if (p->restless) pass_by(p, i, id);
        meet(p);
        CHECK_INT_EQ(p->completed, 1);
        look(p, i, h, id);
        search(p, i, h);
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

static size_t lines_with(struct slice log, struct slice words)
{
    size_t n = 0;
    for (size_t at; (at = slice_find(log, words)) < log.n; n++)
        log = slice_sub(log, at + words.n, log.n);
    return n;
}

static void check_log(struct slice log)
{
    static const char *const never[] = {"level=error", "permit held too long",
                                        "permit accounting differs",
                                        "self lookup"};
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        CHECK_INT_EQ(lines_with(log, slice_of(never[i])), 0);
    struct slice first = SLICE("first-time initialisation");
    CHECK_INT_EQ(lines_with(log, first), 1); /* the index of the search */
}

static void check_at_rest(struct server *s, int port)
{
    struct http *h = http_open(port);
    struct http_reply r;
    do { /* the last answers may still be on their way home */
        r = http_request(h, "GET", "/health", "", (struct slice){0});
        CHECK_INT_EQ(r.status, 200);
    } while (number(r.json, "permits", "global", "in_use") != 0 ||
             number(r.json, "permits", "write", "in_use") != 0 ||
             number(r.json, "caches", "sessions", "flights") != 0);
    CHECK_INT_EQ(number(r.json, "permits", "release_errors", NULL), 0);
    CHECK_INT_EQ(number(r.json, "permits", "leaks", NULL), 0);
    static const char *const caches[] = {"sessions", "metadata", "checkpoints",
                                         "search", "rendered"};
    for (size_t i = 0; i < sizeof(caches) / sizeof(caches[0]); i++)
        CHECK_INT_EQ(number(r.json, "caches", caches[i], "duplicate_runs"), 0);
    CHECK_TEXT_EQ(json_text(json_get(r.json, SLICE("status"))), "ok");
    check_log(server_stderr_text(s));
}

static void run(int servers, int rounds, bool restless)
{
    static const char *const args[] = {"--http-port", "0", NULL};
    struct play p = {.rounds = rounds, .restless = restless};
    for (int i = 0; i < CLIENTS; i++) p.seed[i] = 4711u * (uint32_t)(i + 1);
    for (int k = 0; k < 2; k++) {
        struct server_options o = {
            .args = args, .project = k ? server_project(p.server[0]) : NULL};
        p.server[k] = k < servers ? server_start(&o) : p.server[0];
        p.port[k] = k < servers ? server_port(p.server[k]) : p.port[0];
        if (k) continue;
        bugfix_files(server_project(p.server[0]));
        put_file(server_project(p.server[0]), ".phasegate/standards/a.md",
                 "# Animals\nThe wombat digs.\n");
    }
    CHECK_INT_EQ(pthread_barrier_init(&p.together, NULL, CLIENTS), 0);
    test_threads(CLIENTS, client, &p);
    pthread_barrier_destroy(&p.together);
    if (restless) CHECK_INT_GT(p.left, rounds);
    for (int k = 0; k < servers; k++) check_at_rest(p.server[k], p.port[k]);
}

TEST(dual, stdio_and_eight_http_clients_share_their_sessions, .timeout_s = 120)
{
    run(1, 5, false);
}

TEST(dual, clients_of_two_processes_share_one_state_file, .timeout_s = 120)
{
    run(2, 5, false);
}

TEST(dual, a_hundred_rounds_of_stdio_and_http, .needs = "slow",
     .timeout_s = 600)
{
    run(1, 100, false);
}

TEST(dual, a_hundred_rounds_of_two_processes, .needs = "slow",
     .timeout_s = 600)
{
    run(2, 100, false);
}

TEST(dual, clients_that_cancel_and_disconnect_disturb_nobody,
     .timeout_s = 120)
{
    run(1, 5, true);
}

TEST(dual, nor_do_they_with_two_processes, .timeout_s = 120)
{
    run(2, 5, true);
}

TEST(dual, a_hundred_rounds_with_cancellations_and_disconnects,
     .needs = "slow", .timeout_s = 600)
{
    run(1, 100, true);
}

TEST(dual, a_hundred_of_two_processes_with_cancellations_and_disconnects,
     .needs = "slow", .timeout_s = 600)
{
    run(2, 100, true);
}
