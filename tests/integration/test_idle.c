/* Sessions that nobody goes on with, on real servers: they expire, are told of
 * in metrics and log, leave the list, and are opened again. */
#include <stdlib.h>
#include <unistd.h>

#include "tests/integration/node.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"
#include "tests/unit/session_kit.h"

enum { BEGUN = 3, HOUR_MS = 3600000 };

/* A project whose sessions, the last one completed, were left an hour ago. */
static const char *left_alone(struct slice ids[BEGUN])
{
    static const char *const targets[BEGUN] = {"left-a", "left-b", "done-c"};
    const char *project = new_project("idle");
    struct fixture f = {.workflows = slice_of(kit_workflows())};
    CHECK_OK(path_canonical(slice_of(project), test_arena(), &f.root));
    CHECK_OK(pool_new("worker", 1, 16, &f.pool));
    clock_fake(clock_now(), clock_wall_ms() - HOUR_MS);
    fixture_open(&f);
    for (int i = 0; i < BEGUN; i++) ids[i] = kit_begin(&f, targets[i]);
    for (int i = 0; i < 3; i++) kit_pass(&f, ids[BEGUN - 1], i);
    fixture_done(&f);
    clock_real();
    return project;
}

/* clang-format off */
static struct server *serve(const char *project, const char *option,
                            const char *value)
{
    const char *args[] = {"--workflows", kit_workflows(), "--http-port", "0",
                          "--log-level", "debug", "--sessions-sweep-ms", "1000",
                          option, value, NULL};
    struct server *s = server_start(
        &(struct server_options){.project = project, .args = args});
    (void)server_file(s);
    return s;
}
/* clang-format on */

static bool tells(struct http *h, const char *line)
{
    struct slice text =
        http_request(h, "GET", "/metrics", "", (struct slice){0}).body;
    struct slice whole = arena_printf(test_arena(), "\n%s\n", line);
    return slice_find(text, whole) < text.n;
}

static void until(struct http *h, const char *line)
{
    while (!tells(h, line)) usleep(20000);
}

static void until_log(struct server *s, struct slice part)
{
    for (;; usleep(5000)) {
        struct slice log = server_stderr_text(s);
        if (slice_find(log, part) < log.n) return;
    }
}

static struct slice tool(struct server *s, const char *name, const char *args,
                         const char *a, const char *b)
{
    return json_text(
        json_at(stdio_tool(s, name, args), "structuredContent", a, b, NULL));
}

TEST(idle, what_was_left_expires_once_and_is_told_in_metrics_and_log)
{
    struct slice id[BEGUN];
    const char *project = left_alone(id);
    struct server *s = serve(project, "--sessions-idle-expire-s", "60");
    struct http *h = http_open(server_port(s));
    until(h, "phasegate_sessions{state=\"expired\"} 2");
    until(h, "phasegate_sessions_expired_total 2");
    until(h, "phasegate_events_total{type=\"session_expired\"} 2");
    CHECK(tells(h, "phasegate_sessions{state=\"completed\"} 1"));
    for (int i = 0; i < 2; i++)
        until_log(s, arena_printf(test_arena(),
                                  "at=session msg=\"session expired\" "
                                  "session=%.*s idle_s=36",
                                  SLICE_ARG(id[i])));
    const char *resume =
        arena_printf(test_arena(),
                     "{\"session_id\":\"%.*s\",\"action\":\"resume\"}",
                     SLICE_ARG(id[0]))
            .p;
    CHECK_TEXT_EQ(tool(s, "manage_session", resume, "session", "status"),
                  "active");
    until(h, "phasegate_sessions{state=\"expired\"} 1");
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
    CHECK_INT_EQ(RUN_IN(project, "sessions", "verify").status, 0);
}

TEST(idle, a_server_that_is_killed_meanwhile_leaves_each_marked_once_or_not)
{
    struct slice id[BEGUN];
    const char *project = left_alone(id);
    struct server *s = serve(project, "--sessions-idle-expire-s", "60");
    until_log(s, SLICE("session expired"));
    server_kill(s);
    server_restart(s);
    until(http_open(server_port(s)), "phasegate_sessions{state=\"expired\"} 2");
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
    struct ended e = RUN_IN(project, "sessions", "verify", "--json");
    CHECK_INT_EQ(e.status, 0);
    for (int i = 0; i < 2; i++) {
        const char *prefix = arena_cstr(test_arena(), id[i]);
        e = RUN_IN(project, "sessions", "history", prefix);
        size_t at = slice_find(e.out, SLICE("session_expired"));
        CHECK_INT_LT(at, e.out.n);
        struct slice rest = slice_sub(e.out, at + 1, e.out.n);
        CHECK_INT_EQ(slice_find(rest, SLICE("session_expired")), rest.n);
    }
}

TEST(idle, what_is_archived_is_shown_to_who_asks_for_it)
{
    struct slice id[BEGUN];
    const char *project = left_alone(id);
    struct server *s = serve(project, "--sessions-archive-after-s", "60");
    const char *done = arena_cstr(test_arena(), slice_sub(id[2], 0, 8));
    struct ended e = RUN_IN(project, "sessions");
    CHECK(!says(e.out, done));
    CHECK(says(e.out, arena_cstr(test_arena(), slice_sub(id[0], 0, 8))));
    CHECK(says(RUN_IN(project, "sessions", "list", "--archived").out, done));
    CHECK(says(RUN_IN(project, "sessions", "show", done).out, "completed"));
    CHECK(says(RUN_IN(project, "sessions", "report", done).out, "completed"));
    struct http *h = http_open(server_port(s));
    CHECK(!says(
        http_request(h, "GET", "/api/sessions", "", (struct slice){0}).body,
        done));
    CHECK(says(http_request(h, "GET", "/api/sessions?archived=true", "",
                            (struct slice){0})
                   .body,
               done));
    CHECK(says(http_request(h, "GET", "/api/sessions?status=completed", "",
                            (struct slice){0})
                   .body,
               "\"archived\":true"));
}

TEST(idle, a_session_that_leaves_memory_for_another_is_told_in_the_log)
{
    struct slice id[BEGUN];
    const char *project = left_alone(id);
    struct server *s = serve(project, "--cache-sessions-entries-max", "1");
    for (int i = 0; i < 2; i++)
        CHECK_TEXT_EQ(
            tool(s, "get_session",
                 arena_printf(test_arena(), "{\"session_id\":\"%.*s\"}",
                              SLICE_ARG(id[i]))
                     .p,
                 "session", "status"),
            "active");
    CHECK_CONTAINS(server_stderr_text(s),
                   arena_printf(test_arena(),
                                "at=session "
                                "msg=\"session evicted from memory\" "
                                "session=%.*s bytes=",
                                SLICE_ARG(id[0]))
                       .p);
}

TEST(idle, the_page_shows_what_is_archived_to_who_asks,
     .needs = "npm browser slow", .timeout_s = 180)
{
    struct slice id[BEGUN];
    struct server *s =
        serve(left_alone(id), "--sessions-archive-after-s", "60");
    const char *args[] = {
        "archived",
        arena_printf(test_arena(), "http://localhost:%d", server_port(s)).p,
        arena_printf(test_arena(), "%s/.phasegate/operator.token",
                     server_project(s))
            .p,
        NULL};
    CHECK_INT_EQ(node_steps("dashboard.mjs", args).count, 4);
}
