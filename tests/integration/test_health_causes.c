/* Each number of the health document is moved by what it tells of: it is at
 * rest before, moved while its cause lasts, and at rest again where it ends. */
#include <stdio.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "tests/integration/attack_kit.h"
#include "tests/integration/faulty.h"
#include "tests/integration/program.h"

static const struct json *health(struct http *h)
{
    struct http_reply r =
        http_request(h, "GET", "/health", "", (struct slice){0});
    CHECK_INT_EQ(r.status, 200);
    return r.json;
}

/* A number of a member; -1: it is not told. */
static int64_t told(struct http *h, const char *part, const char *name)
{
    int64_t n = -1;
    const struct json *v =
        json_get(json_get(health(h), slice_of(part)), slice_of(name));
    if (v) CHECK(json_int64(v, &n));
    return n;
}

/* Asks until the condition holds; the test's own time limit is the end. */
#define UNTIL(condition)                                                       \
    while (!(condition)) usleep(20000)

static const char *at(struct server *s, const char *name)
{
    return arena_printf(test_arena(), "%s/%s%c", server_project(s), name, 0).p;
}

/* --- a writer that waits ----------------------------------------------------
 */

static const char *begin(struct server *s, const char *workflow,
                         const char *target)
{
    struct slice args = arena_printf(
        test_arena(), "{\"workflow_type\":\"%s\",\"target\":\"%s\"}%c",
        workflow, target, 0);
    struct slice id =
        json_text(json_at(stdio_tool(s, "start_workflow", args.p),
                          "structuredContent", "session_id", NULL));
    return arena_printf(test_arena(), "%.*s%c", SLICE_ARG(id), 0).p;
}

static int64_t send(struct server *s, const char *tool, const char *id,
                    const char *more)
{
    struct slice members =
        arena_printf(test_arena(),
                     "\"name\":\"%s\",\"arguments\":{\"session_id\":\"%s\"%s}"
                     "%c",
                     tool, id, more, 0);
    return stdio_request(s, "tools/call", members.p);
}

static sqlite3 *hold(struct server *s)
{
    sqlite3 *db;
    CHECK_INT_EQ(sqlite3_open(at(s, ".phasegate/state.db"), &db), SQLITE_OK);
    CHECK_INT_EQ(sqlite3_busy_timeout(db, 20000), SQLITE_OK);
    CHECK_INT_EQ(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                 SQLITE_OK);
    return db;
}

static void let_go(sqlite3 *db)
{
    CHECK_INT_EQ(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    CHECK_INT_EQ(sqlite3_close(db), SQLITE_OK);
}

enum { READS = 6 };

/* What the log says of who joined, and of the call nobody waits for. */
static void check_log(struct server *s, const char *id)
{
    struct slice log, line;
    int joined = 0, abandoned = 0;
    UNTIL((log = server_stderr_text(s),
           slice_find(log, SLICE("call abandoned")) < log.n));
    while (slice_split(&log, '\n', &line)) {
        bool here = slice_find(line, slice_of(id)) < line.n;
        size_t key = slice_find(line, SLICE("\"key_hash\":\""));
        joined +=
            slice_find(line, SLICE("joined call in flight")) < line.n &&
            slice_find(line, SLICE("\"tool\":\"get_session\"")) < line.n &&
            slice_find_byte(slice_sub(line, key + 12, line.n), '"') == 64;
        abandoned +=
            here && slice_find(line, SLICE("call abandoned")) < line.n &&
            slice_find(line, SLICE("\"tool\":\"manage_session\"")) < line.n &&
            slice_find(line, SLICE("\"age_ms\":")) < line.n;
    }
    CHECK_INT_EQ(joined, READS - 1);
    CHECK_INT_EQ(abandoned, 1);
}

TEST(health_causes, a_writer_that_waits_and_those_who_wait_behind_it,
     .timeout_s = 60)
{
    static const char *const args[] = {"--http-port",
                                       "0",
                                       "--permits-per-session",
                                       "0",
                                       "--timeout-store-ms",
                                       "60000",
                                       "--health-writer-slow-ms",
                                       "60000",
                                       "--log-level",
                                       "debug",
                                       "--log-format",
                                       "json",
                                       NULL};
    struct server *s = server_start(&(struct server_options){.args = args});
    struct http *h = http_open(server_port(s));
    const char *one = begin(s, "bugfix_v1", "a.c"),
               *two = begin(s, "bugfix_v1", "b.c");
    sqlite3 *db = hold(s);
    int64_t reads[READS];
    int64_t first = send(s, "manage_session", one, ",\"action\":\"pause\"");
    UNTIL(told(h, "writer", "beat_age_ms") >= 10);
    int64_t then = send(s, "manage_session", two, ",\"action\":\"pause\"");
    for (int i = 0; i < READS; i++) reads[i] = send(s, "get_session", one, "");
    stdio_send(s,
               "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
               "\"params\":{\"requestId\":%lld}}",
               (long long)first);
    UNTIL(told(h, "coalesce", "joined") == READS - 1 &&
          told(h, "coalesce", "flights") == 1);
    UNTIL(told(h, "writer", "queue") == 1 &&
          told(h, "writer", "beat_age_ms") >= 100);
    check_log(s, one);
    let_go(db);
    (void)stdio_answer(s, then);
    for (int i = 0; i < READS; i++) (void)stdio_answer(s, reads[i]);
    UNTIL(told(h, "writer", "beat_age_ms") == 0);
    UNTIL(told(h, "coalesce", "flights") == 0);
    CHECK_INT_EQ(told(h, "writer", "queue"), 0);
}

TEST(health_causes, a_disk_that_takes_its_time)
{
    struct server_options o = faulty_options();
    struct faults *f = faulty_page();
    struct server *s = server_start(&o);
    struct http *h = http_open(server_port(s));
    (void)begin(s, "three_v1", "a.c");
    UNTIL(told(h, "writer", "last_commit_ms") >= 0);
    faulty_arm(f, FAULT_SLOW, FAULT_BIT(FAULT_WRITE), 200, 1);
    (void)begin(s, "three_v1", "b.c");
    faulty_disarm(f);
    UNTIL(told(h, "writer", "last_commit_ms") >= 200);
}

/* --- what the state file has to spare ------------------------------------- */

TEST(health_causes, pages_that_a_deleted_session_leaves_free)
{
    struct server *s = server_start(&(struct server_options){0});
    struct http *h = http_open(server_port(s));
    const char *id = begin(s, "bugfix_v1", "a.c");
    struct buf b = BUF_INIT(1 << 20);
    buf_printf(&b,
               "{\"session_id\":\"%s\",\"phase\":0,\"evidence\":{"
               "\"much\":\"",
               id);
    for (int i = 0; i < 200000; i++) buf_putc(&b, (char)('a' + i % 23));
    buf_puts(&b, "\"}}");
    buf_putc(&b, '\0');
    (void)stdio_tool(s, "complete_phase", buf_slice(&b).p);
    buf_done(&b);
    UNTIL(told(h, "sessions", "total") == 1);
    CHECK_INT_EQ(told(h, "store", "free_pages"), 0);
    CHECK_INT_EQ(
        RUN_IN(server_project(s), "sessions", "delete", id, "--as", "tester")
            .status,
        0);
    UNTIL(told(h, "store", "free_pages") >= 40); /* of 4 KiB */
}

/* --- files that change ---------------------------------------------------- */

/* When it was, by our clock, which is the server's. */
static int64_t last_event(struct http *h)
{
    int64_t age = told(h, "watch", "last_event_age_ms");
    CHECK_INT_GE(age, 0);
    return clock_now() - age * NS_PER_MS;
}

TEST(health_causes, a_file_that_is_saved_is_the_last_event)
{
    char std[400];
    snprintf(std, sizeof(std), "%s/std", test_tmpdir());
    CHECK_OK(path_make(slice_of(std), 0755));
    const char *args[] = {"--standards", std, NULL};
    struct server *s = server_start(&(struct server_options){.args = args});
    struct http *h = http_open(server_port(s));
    UNTIL(told(h, "watch", "directories") > 0 &&
          told(h, "watch", "roots_unwatched") == 0);
    int64_t directories = told(h, "watch", "directories");
    put_file(std, "deep/a.md", "# A\n");
    UNTIL(told(h, "watch", "directories") == directories + 1);
    int64_t events = told(h, "watch", "events"), before = last_event(h);
    CHECK_INT_GT(events, 0);
    CHECK_INT_LT(events, 100);
    usleep(200000);
    int64_t saved = clock_now();
    put_file(std, "deep/a.md", "# B\n");
    CHECK_INT_LT(before, saved);
    UNTIL(told(h, "watch", "events") > events);
    UNTIL(last_event(h) >= saved);
    CHECK_INT_EQ(told(h, "watch", "overflows"), 0);
}

/* --- loops and connections ------------------------------------------------ */

static int64_t loop_number(struct http *h, uint32_t i, const char *name)
{
    int64_t n = -1;
    const struct json *loops;
    UNTIL((loops = json_get(health(h), SLICE("loops")))->count == 2);
    CHECK(json_int64(json_get(&loops->items[i], slice_of(name)), &n));
    return n;
}

/* Stopped for longer than a loop's second, so that each loop is late. */
TEST(health_causes, a_process_that_was_stopped_has_loops_that_were_late)
{
    struct server *s = server_start(&(struct server_options){0});
    struct http *h = http_open(server_port(s)),
                *idle = http_open(server_port(s));
    (void)health(idle);
    UNTIL(loop_number(h, 0, "beat_age_ms") < 1000);
    CHECK_INT_EQ(kill(server_pid(s), SIGSTOP), 0);
    usleep(1200000);
    CHECK_INT_EQ(kill(server_pid(s), SIGCONT), 0);
    for (uint32_t i = 0; i < 2; i++)
        UNTIL(loop_number(h, i, "lag_max_ms") >= 150);
    UNTIL(told(h, "connections", "oldest_idle_ms") >= 1000);
    http_close(idle);
    UNTIL(told(h, "connections", "oldest_idle_ms") < 1000);
}

/* --- a command that cannot be started ------------------------------------- */

static const struct json *provider(struct http *h, const char *name)
{
    return json_get(json_get(health(h), SLICE("providers")), slice_of(name));
}

static int64_t number(const struct json *v, const char *name)
{
    int64_t n = -1;
    CHECK(json_int64(json_get(v, slice_of(name)), &n));
    return n;
}

static bool is_in_state(const struct json *p, const char *state)
{
    return slice_eq(json_text(json_get(p, SLICE("state"))), slice_of(state));
}

TEST(health_causes, a_command_that_never_starts_is_left_alone_and_told)
{
    struct attacked a = attack_begin();
    struct http *h = http_open(server_port(a.server));
    const struct json *p;
    const char *name = "exec:three_v1/ran";
    attack_gate(&a, "  ran: {type: boolean, required: true, description: d, "
                    "proof: command, command: {argv: [./none]}}\n");
    const char *id = attack_session(&a);
    attack_trust(&a);
    CHECK(!provider(h, name));
    for (int i = 0; i < 4; i++)
        attack_refused(attack_complete(&a, id, "{}"), "ran", "none");
    UNTIL((p = provider(h, name)) && number(p, "failures") == 4);
    CHECK_TEXT_EQ(json_text(json_get(p, SLICE("state"))), "closed");
    CHECK_INT_EQ(number(p, "next_probe_ms"), 0);
    attack_refused(attack_complete(&a, id, "{}"), "ran", "none");
    UNTIL(is_in_state(p = provider(h, name), "open"));
    CHECK_INT_GT(number(p, "next_probe_ms"), 0);
    CHECK_INT_EQ(RUN_IN(a.project, "admin", "reset-breaker", name).status, 0);
    UNTIL(is_in_state(p = provider(h, name), "closed"));
    CHECK_INT_EQ(number(p, "failures"), 0);
    CHECK_INT_EQ(number(p, "next_probe_ms"), 0);
    http_close(h); /* it counts among what is left behind */
    attack_end(&a);
}
