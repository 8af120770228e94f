/* The real process tells how it is: page, file, tool and metrics alike. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/runner/server.h"

static struct server *start(const char *further, const char *value)
{
    const char *args[] = {
        "--http-port", "0", "--health-file-ms", "500", further, value, NULL};
    return server_start(&(struct server_options){.args = args});
}

static struct slice health_path(struct server *s)
{
    return arena_printf(test_arena(), "%s/.phasegate/health/%d.json",
                        server_project(s), (int)server_pid(s));
}

static const struct json *member(const struct json *v, const char *name)
{
    const struct json *m = json_get(v, slice_of(name));
    if (!m) FAIL("no member %s", name);
    return m;
}

static int64_t number(const struct json *v, const char *name)
{
    int64_t n;
    CHECK(json_int64(member(v, name), &n));
    return n;
}

static const struct json *health(struct http *h)
{
    struct http_reply r =
        http_request(h, "GET", "/health", "", (struct slice){0});
    CHECK_INT_EQ(r.status, 200);
    CHECK(r.json != NULL);
    return r.json;
}

/* Asks until the condition holds; the test's own time limit is the end. */
#define UNTIL(condition)                                                       \
    while (!(condition)) usleep(20000)

static const struct json *file_read_json(struct slice path)
{
    struct slice text;
    struct json_error je;
    const struct json *v = NULL;
    if (file_read(path, 1 << 20, test_arena(), &text)) return NULL;
    if (json_parse(text, NULL, test_arena(), &v, &je))
        FAIL("%s at %zu of %.*s", je.what, je.at, SLICE_ARG(path));
    return v;
}

/* G01 */
TEST(health, the_file_says_who_is_there_and_how_it_is)
{
    struct server *s = start(NULL, NULL);
    struct slice path = health_path(s);
    const struct json *v;
    struct stat st;
    UNTIL((v = file_read_json(path)) != NULL);
    CHECK_INT_EQ(number(v, "pid"), server_pid(s));
    CHECK_INT_EQ(number(v, "port"), server_port(s));
    CHECK_INT_GT(number(v, "t"), 1700000000);
    CHECK_INT_GT(number(v, "tool_count"), 10);
    CHECK_INT_EQ(number(v, "global_inflight"), 0);
    CHECK_TEXT_EQ(json_text(member(v, "host")), "127.0.0.1");
    CHECK_TEXT_EQ(json_text(member(v, "status")), "ok");
    CHECK_CONTAINS(json_text(member(v, "uptime_human")), "0d 00h 00m");
    CHECK_INT_GT(number(member(v, "memory"), "rss_bytes"), 1 << 20);
    CHECK_INT_GT(number(member(v, "store"), "db_bytes"), 4095);
    CHECK_TEXT_EQ(json_text(member(member(v, "watch"), "mode")), "inotify");
    CHECK_INT_EQ(member(v, "loops")->count, 2);
    CHECK_INT_EQ(stat(path.p, &st), 0);
    CHECK_INT_EQ(st.st_mode & 0777, 0600);
    int64_t uptime = number(v, "uptime_ms"); /* and it is written again */
    UNTIL((v = file_read_json(path)) && number(v, "uptime_ms") > uptime);
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
    CHECK_INT_NE(access(path.p, F_OK), 0);
}

static const struct json *begin_one(struct server *s, const char *target)
{
    return stdio_tool(s, "start_workflow",
                      arena_printf(test_arena(),
                                   "{\"workflow_type\":\"bugfix_v1\","
                                   "\"target\":\"%s\"}",
                                   target)
                          .p);
}

static bool part_alone(struct http *h, const char *name)
{
    struct slice path = arena_printf(test_arena(), "/health/%s", name);
    struct http_reply r =
        http_request(h, "GET", path.p, "", (struct slice){0});
    CHECK_INT_EQ(r.status, 200);
    return r.json->count == 1 && json_get(r.json, slice_of(name));
}

/* Each member with a number that is known and not 0. */
TEST(health, the_document_tells_of_sessions_connections_and_what_they_wait_for)
{
    struct server *s = start(NULL, NULL);
    struct http *h = http_open(server_port(s));
    const struct json *v, *m;
    CHECK(!json_at(begin_one(s, "a.c"), "structuredContent", "error", NULL));
    UNTIL((v = health(h), m = member(v, "sessions"),
           number(m, "total") == 1)); /* the keeper counts them */
    CHECK_INT_EQ(number(m, "open"), 1);
    CHECK_INT_EQ(number(m, "live_in_memory"), 1);
    CHECK_INT_EQ(number(member(v, "queue"), "max"), 4096);
    CHECK_INT_EQ(number(member(v, "queue"), "oldest_ms"), 0);
    CHECK_INT_GT(number(member(v, "store"), "data_version"), 0);
    CHECK_INT_GE(number(member(v, "store"), "free_pages"), 0);
    m = member(v, "connections");
    CHECK_INT_EQ(number(m, "open"), 1);
    CHECK_INT_EQ(number(m, "max"), 1000);
    CHECK_INT_GE(number(m, "oldest_idle_ms"), 0);
    CHECK_INT_EQ(number(member(m, "by_transport"), "http"), 1);
    CHECK_INT_EQ(number(member(m, "by_transport"), "stdio"), 1);
    CHECK_INT_EQ(number(member(v, "coalesce"), "flights"), 0);
    (void)number(member(v, "coalesce"), "joined");
    (void)member(v, "providers");
    CHECK_INT_EQ(number(member(v, "writer"), "queue"), 0);
    (void)number(member(v, "writer"), "beat_age_ms");
    CHECK_INT_EQ(number(&member(v, "loops")->items[1], "connections"), 1);
    CHECK(part_alone(h, "permits"));
    CHECK(part_alone(h, "caches"));
    CHECK(part_alone(h, "connections"));
    struct http_reply r =
        http_request(h, "GET", "/health/nothing", "", (struct slice){0});
    CHECK_INT_EQ(r.status, 404);
    r = http_request(h, "GET", "/health/live", "", (struct slice){0});
    CHECK_INT_EQ(r.status, 200);
}

/* G07 */
TEST(health, what_a_killed_process_left_is_removed_at_the_next_start)
{
    struct server *s = start(NULL, NULL);
    struct slice left = health_path(s);
    UNTIL(access(left.p, F_OK) == 0);
    server_kill(s);
    CHECK_INT_EQ(access(left.p, F_OK), 0);
    s = server_restart(s);
    UNTIL(access(health_path(s).p, F_OK) == 0);
    CHECK_INT_NE(access(left.p, F_OK), 0);
}

static bool has_reason(const struct json *v, const char *name,
                       const char *weight)
{
    const struct json *all = member(v, "reasons");
    for (size_t i = 0; i < all->count; i++) {
        const struct json *r = &all->items[i];
        if (!slice_eq(json_text(member(r, "reason")), slice_of(name))) continue;
        CHECK_TEXT_EQ(json_text(member(r, "weight")), weight);
        CHECK_INT_GT(json_text(member(r, "how_to_fix")).n, 0);
        return true;
    }
    return false;
}

TEST(health, a_notice_is_told_by_page_and_tool_and_leaves_the_status_ok)
{
    struct server *s = start("--health-memory-warn-mb", "1");
    struct http *h = http_open(server_port(s));
    CHECK(has_reason(health(h), "memory_high", "notice"));
    CHECK_TEXT_EQ(json_text(member(health(h), "status")), "ok");
    const struct json *told = member(
        member(http_tool(h, "get_server_info", "{}"), "structuredContent"),
        "health");
    CHECK(has_reason(told, "memory_high", "notice"));
    CHECK_TEXT_EQ(json_text(member(told, "status")), "ok");
    struct http_reply m =
        http_request(h, "GET", "/metrics", "", (struct slice){0});
    CHECK_CONTAINS(m.body, "phasegate_health_reason{reason=\"memory_high\"");
    CHECK_CONTAINS(server_stderr_text(s), "health notice");
}

/* A file where the folder should be: nobody, not even root, can write there. */
TEST(health, a_health_file_that_cannot_be_written_degrades_until_it_can,
     .timeout_s = 60)
{
    struct server *s = start(NULL, NULL);
    struct http *h = http_open(server_port(s));
    UNTIL(access(health_path(s).p, F_OK) == 0);
    struct slice folder =
        arena_printf(test_arena(), "%s/.phasegate/health", server_project(s));
    struct slice aside =
        arena_printf(test_arena(), "%.*s.aside", SLICE_ARG(folder));
    CHECK_INT_EQ(rename(folder.p, aside.p), 0);
    CHECK_OK(file_write_atomic(folder, SLICE("in the way"), 0600));
    UNTIL(has_reason(health(h), "health_file", "degraded"));
    CHECK_TEXT_EQ(json_text(member(health(h), "status")), "degraded");
    CHECK_CONTAINS(server_stderr_text(s), "health file not written");
    CHECK_INT_EQ(unlink(folder.p), 0);
    CHECK_INT_EQ(rename(aside.p, folder.p), 0);
    UNTIL(!has_reason(health(h), "health_file", "degraded"));
    UNTIL(slice_find(server_stderr_text(s), SLICE("health reason ended")) <
          server_stderr_text(s).n);
}

/* Every sample has its family's HELP and TYPE before it, and no family stands
 * in two places: what scrapers insist on. */
TEST(health, metrics_are_well_formed_and_count_what_happened)
{
    struct server *s = start(NULL, NULL);
    struct http *h = http_open(server_port(s));
    stdio_tool(s, "list_workflows", "{}");
    struct http_reply m;
    do m = http_request(h, "GET", "/metrics", "", (struct slice){0});
    while (slice_find(m.body, SLICE("phasegate_cache_loads_total{cache="
                                    "\"metadata\"} 0\n")) < m.body.n);
    CHECK_CONTAINS(http_header(&m, "Content-Type"),
                   "text/plain; version=0.0.4");
    struct slice rest = m.body, line, family = {0};
    struct slice seen[256];
    size_t n = 0;
    while (slice_split(&rest, '\n', &line)) {
        if (!line.n) continue;
        if (slice_starts(line, SLICE("# HELP "))) {
            line = slice_sub(line, 7, line.n);
            family = slice_sub(line, 0, slice_find_byte(line, ' '));
            for (size_t i = 0; i < n; i++) CHECK(!slice_eq(seen[i], family));
            CHECK_INT_LT(n, 256);
            seen[n++] = family;
            continue;
        }
        if (slice_starts(line, SLICE("# TYPE ")))
            line = slice_sub(line, 7, line.n);
        CHECK(slice_starts(line, family));
        struct slice rest_of = slice_sub(line, family.n, line.n);
        static const char *const ends[] = {" ", "{", "_bucket{", "_sum",
                                           "_count"};
        bool known = false;
        for (size_t i = 0; i < 5; i++)
            known |= slice_starts(rest_of, slice_of(ends[i]));
        CHECK(known);
    }
    CHECK_INT_GT(n, 40);
}

TEST(health, ready_and_live_answer_on_their_own_paths)
{
    struct server *s = start(NULL, NULL);
    struct http *h = http_open(server_port(s));
    static const char *const paths[] = {"/ready", "/health/ready",
                                        "/health/live"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        CHECK_INT_EQ(
            http_request(h, "GET", paths[i], "", (struct slice){0}).status,
            200);
}

/* G04 */
TEST(health, settings_that_let_one_session_keep_all_others_out_are_refused)
{
    const char *args[] = {
        "--http-port", "0", "--permits-global", "8", "--permits-per-session",
        "8",           NULL};
    struct server *s = server_start(&(struct server_options){.args = args});
    CHECK_INT_NE(server_wait(s).status, 0);
    CHECK_CONTAINS(server_stderr_text(s), "permits.global");
    CHECK_CONTAINS(server_stderr_text(s), "permits.per_session");
}

/* E03 */
TEST(health, limits_that_disagree_refuse_the_start_and_are_both_named)
{
    const char *args[] = {"--timeout-tool-ms", "46000", "--timeout-call-ms",
                          "46000", NULL};
    struct server *s = server_start(&(struct server_options){.args = args});
    CHECK_INT_NE(server_wait(s).status, 0);
    CHECK_CONTAINS(server_stderr_text(s),
                   "timeout.call_ms (46000) must be greater than "
                   "timeout.tool_ms (46000)");
    CHECK_CONTAINS(server_stderr_text(s), "Raise timeout.call_ms");
}

TEST(health, a_state_file_taken_away_degrades_and_refuses_writes)
{
    struct server *s = start(NULL, NULL);
    struct http *h = http_open(server_port(s));
    CHECK(!json_at(begin_one(s, "a.c"), "structuredContent", "error", NULL));
    const char *path = arena_printf(test_arena(), "%s/.phasegate/state.db",
                                    server_project(s)).p;
    const char *aside = arena_printf(test_arena(), "%s.aside", path).p;
    CHECK_INT_EQ(rename(path, aside), 0);
    const struct json *e =
        json_at(begin_one(s, "b.c"), "structuredContent", "error", NULL);
    CHECK(e != NULL);
    CHECK_TEXT_EQ(json_text(member(e, "detail")), "STORE_REPLACED");
    CHECK_CONTAINS(json_text(member(e, "how_to_fix")), "Put the file back");
    UNTIL(has_reason(health(h), "store_replaced", "degraded"));
    CHECK_TEXT_EQ(json_text(member(health(h), "status")), "degraded");
    CHECK_INT_EQ(rename(aside, path), 0);
    CHECK(!json_at(begin_one(s, "b.c"), "structuredContent", "error", NULL));
    UNTIL(!has_reason(health(h), "store_replaced", "degraded"));
}

/* G08 */
TEST(health, every_family_of_metrics_has_its_help_and_type_once)
{
    static const char *const names[] = {
        "cache_lookups_total", "cache_lock_waits_total", "cache_hit_ratio",
        "cache_flights", "permits_limit", "permits_in_use", "permits_waiting",
        "permits_granted_total", "permits_refused_total",
        "permits_released_total", "permits_release_errors_total",
        "permits_leaks_total", "permits_wait_seconds_total",
        "coalesce_calls_total", "coalesce_flights", "call_seconds",
        "deadlines_total", "cancelled_total", "calls_abandoned",
        "progress_total", "connections", "connections_opened_total",
        "connections_refused_total", "connections_closed_total",
        "connections_oldest_idle_seconds", "streams", "up", "health_status",
        "loop_lag_seconds", "queue_depth", "queue_wait_seconds_total",
        "queue_refused_total",
        "writer_queue_depth", "commit_seconds", "watch_events_total",
        "watch_overflows_total", "watch_rescans_total", "watch_directories",
        "watch_errors_total", "cache_waiters_total", "cache_wait_seconds_total",
        "cache_loads_total", "cache_load_seconds_total",
        "cache_stale_served_total", "cache_evictions_total",
        "cache_expirations_total", "cache_invalidations_total",
        "cache_entries", "cache_bytes", "permits_oldest_seconds",
        "idempotency_total", "idempotency_rows", "idempotency_bytes",
        "sessions", "sessions_expired_total", "sessions_conflicts_total", "sessions_reloaded_total",
        "peers", "health_reason", "provider_calls_total",
        "provider_seconds_total", "breaker_state", "breaker_failures_total",
        "breaker_changes_total", "breaker_probes_total",
        "limiter_refused_total", "limiter_tokens", "retries_total",
        "exec_killed_total"};
    struct server *s = start(NULL, NULL);
    struct http *h = http_open(server_port(s));
    struct slice text; /* the port is open a moment before all is counted */
    UNTIL((text = http_request(h, "GET", "/metrics", "", (struct slice){0}).body,
           slice_find(text, SLICE("phasegate_connections_opened")) < text.n));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        static const char *const words[] = {"HELP", "TYPE"};
        for (int k = 0; k < 2; k++) {
            struct slice line =
                arena_printf(test_arena(), "# %s phasegate_%s ", words[k],
                             names[i]);
            size_t at = slice_find(text, line);
            if (at == text.n) FAIL("no %.*s", SLICE_ARG(line));
            struct slice rest = slice_sub(text, at + line.n, text.n);
            CHECK_INT_EQ(slice_find(rest, line), rest.n);
        }
    }
}

enum { CALLERS = 12, CALLS = 40 };
struct callers {
    int port;
    _Atomic int answered, refused;
};

/* list_workflows is never answered by a loop: each call takes a permit. */
static void call_often(void *ctx, int i)
{
    struct callers *c = ctx;
    struct http *h = http_open(c->port);
    (void)i;
    for (int n = 0; n < CALLS; n++) {
        const struct json *r = http_tool(h, "list_workflows", "{}");
        const struct json *e = json_at(r, "structuredContent", "error", NULL);
        if (!e) {
            c->answered++;
            continue;
        }
        CHECK_TEXT_EQ(json_text(member(e, "code")), "over_capacity");
        CHECK_TEXT_EQ(json_text(member(e, "level")), "global");
        CHECK_INT_EQ(number(e, "retry_after_ms"), 1000);
        c->refused++;
    }
}

static void check_at_rest(const struct json *v, int granted, int refused)
{
    const struct json *global = member(member(v, "permits"), "global");
    CHECK_INT_EQ(number(global, "limit"), 2);
    CHECK_INT_EQ(number(global, "granted"), granted);
    CHECK_INT_EQ(number(global, "refused"), refused);
    CHECK_INT_EQ(number(member(v, "permits"), "release_errors"), 0);
}

TEST(health, every_call_takes_a_permit_or_a_refusal_and_gives_it_back,
     .timeout_s = 60)
{
    const char *args[] = {"--http-port",
                          "0",
                          "--permits-global",
                          "2",
                          "--permits-per-session",
                          "1",
                          "--permits-wait-ms",
                          "0",
                          "--coalesce-enabled=false",
                          NULL};
    struct server *s = server_start(&(struct server_options){.args = args});
    struct callers c = {.port = server_port(s)};
    test_threads(CALLERS, call_often, &c);
    CHECK_INT_EQ(c.answered + c.refused, CALLERS * CALLS);
    CHECK_INT_GT(c.answered, 0);
    struct http *h = http_open(c.port);
    const struct json *v;
    UNTIL(number(member(member(v = health(h), "permits"), "global"),
                 "granted") == c.answered);
    check_at_rest(v, c.answered, c.refused);
    CHECK_INT_EQ(number(member(member(v, "permits"), "global"), "in_use"), 0);
}

TEST(health, stdio_waits_for_permits_however_many_calls_it_sends)
{
    const char *args[] = {"--http-port",
                          "0",
                          "--permits-global",
                          "1",
                          "--permits-per-session",
                          "0",
                          "--permits-wait-ms",
                          "0",
                          "--permits-queue-max",
                          "0",
                          NULL};
    struct server *s = server_start(&(struct server_options){.args = args});
    int64_t ids[200];
    for (int i = 0; i < 200; i++)
        ids[i] = stdio_request(s, "tools/call",
                               "\"name\":\"list_workflows\",\"arguments\":{}");
    for (int i = 0; i < 200; i++)
        CHECK(!json_at(stdio_answer(s, ids[i]), "result", "structuredContent",
                       "error", NULL));
}

/* --- full ---------------------------------------------------------------------
 * Somebody else holds the state file's write lock: a write waits for it, and
 * the reads of its session, which hold permits, wait behind the write. */

enum { FULL = 24 };

struct crowd {
    struct server *s;
    int port;
    char session[64];
    sqlite3 *db;
    int readers;
    _Atomic bool write_waits;
    void (*look)(struct crowd *c, struct http *h);
};

static void read_behind(struct crowd *c)
{
    struct http *h = http_open(c->port);
    while (!c->write_waits) usleep(1000);
    char arguments[128];
    snprintf(arguments, sizeof(arguments), "{\"session_id\":\"%s\"}",
             c->session);
    CHECK(!json_at(http_tool(h, "get_session", arguments), "structuredContent",
                   "error", NULL));
}

static void write_first(struct crowd *c)
{
    struct http *h = http_open(c->port);
    char arguments[128];
    snprintf(arguments, sizeof(arguments),
             "{\"session_id\":\"%s\",\"action\":\"pause\"}", c->session);
    CHECK(!json_at(http_tool(h, "manage_session", arguments),
                   "structuredContent", "error", NULL));
}

static int64_t in_use(struct http *h, const char *level)
{
    return number(member(member(health(h), "permits"), level), "in_use");
}

/* Thread 0 looks, 1 writes, the others read. */
static void crowd_member(void *ctx, int i)
{
    struct crowd *c = ctx;
    if (i == 1) write_first(c);
    if (i > 1) read_behind(c);
    if (i != 0) return;
    struct http *h = http_open(c->port);
    UNTIL(in_use(h, "write") == 1);
    c->write_waits = true;
    UNTIL(in_use(h, "global") == c->readers);
    c->look(c, h);
    CHECK_INT_EQ(sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    UNTIL(in_use(h, "global") == 0);
}

static void crowd_run(int readers,
                      void (*look)(struct crowd *c, struct http *h))
{
    static const char *const args[] = {"--http-port", "0",
                                       "--permits-per-session", "0",
                                       "--permits-check-ms", "1000",
                                       "--timeout-store-ms", "60000",
                                       "--health-writer-slow-ms", "60000",
                                       "--coalesce-enabled=false", NULL};
    struct crowd c = {.readers = readers, .look = look};
    c.s = server_start(&(struct server_options){.args = args});
    c.port = server_port(c.s);
    const struct json *v =
        json_at(begin_one(c.s, "a.c"), "structuredContent", "session_id", NULL);
    snprintf(c.session, sizeof(c.session), "%.*s", SLICE_ARG(json_text(v)));
    struct slice path = arena_printf(test_arena(), "%s/.phasegate/state.db%c",
                                     server_project(c.s), '\0');
    CHECK_INT_EQ(sqlite3_open(path.p, &c.db), SQLITE_OK);
    CHECK_INT_EQ(sqlite3_busy_timeout(c.db, 20000), SQLITE_OK);
    CHECK_INT_EQ(sqlite3_exec(c.db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                 SQLITE_OK);
    test_threads(2 + readers, crowd_member, &c);
    CHECK_INT_EQ(sqlite3_close(c.db), SQLITE_OK);
}

static int status_of(struct http *h, const char *path)
{
    return http_request(h, "GET", path, "", (struct slice){0}).status;
}

static void look_at_one(struct crowd *c, struct http *h)
{
    (void)c;
    CHECK_INT_EQ(number(health(h), "global_inflight"), 1);
    CHECK_INT_EQ(status_of(h, "/health"), 200);
    CHECK_INT_EQ(status_of(h, "/health/live"), 200);
    CHECK_INT_EQ(status_of(h, "/ready"), 200);
    CHECK_TEXT_EQ(json_text(member(health(h), "status")), "ok");
}

/* G02 */
TEST(health, a_call_in_flight_is_counted_and_everything_is_well,
     .timeout_s = 60)
{
    crowd_run(1, look_at_one);
}

static void look_at_all(struct crowd *c, struct http *h)
{
    (void)c;
    CHECK_INT_EQ(number(health(h), "global_capacity"), FULL);
    CHECK_INT_EQ(number(health(h), "global_inflight"), FULL);
    UNTIL(has_reason(health(h), "permits_exhausted", "degraded"));
    CHECK_TEXT_EQ(json_text(member(health(h), "status")), "degraded");
    CHECK_TEXT_EQ(json_text(member(member(member(health(h), "permits"),
                                          "global"),
                                   "state")),
                  "exhausted");
    CHECK_INT_EQ(status_of(h, "/health"), 200);
    CHECK_INT_EQ(status_of(h, "/health/live"), 200);
}

/* G03 */
TEST(health, all_permits_in_use_for_two_checks_degrade_and_kill_nobody,
     .timeout_s = 60)
{
    crowd_run(FULL, look_at_all);
}
