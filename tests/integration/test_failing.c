/* A server that cannot do its work any more says so to whoever watches it;
 * one that is full or cut off works on, and says what is wrong. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"

#define UNTIL(condition)                                                       \
    while (!(condition)) usleep(20000)

static const struct json *member(const struct json *v, const char *name)
{
    const struct json *m = json_get(v, slice_of(name));
    if (!m) FAIL("no member %s", name);
    return m;
}

static struct http_reply get(struct http *h, const char *path)
{
    return http_request(h, "GET", path, "", (struct slice){0});
}

static const struct json *reason(struct http *h, const char *name)
{
    const struct json *all = member(get(h, "/health").json, "reasons");
    for (size_t i = 0; i < all->count; i++)
        if (slice_eq(json_text(member(&all->items[i], "reason")),
                     slice_of(name)))
            return &all->items[i];
    return NULL;
}

static int64_t number(const struct json *v, const char *name)
{
    int64_t n;
    CHECK(json_int64(member(v, name), &n));
    return n;
}

static void sql(const char *path, const char *text)
{
    sqlite3 *db;
    char *why = NULL;
    CHECK_INT_EQ(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_INT_EQ(sqlite3_busy_timeout(db, 20000), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
        FAIL("%s: %s", text, why);
    CHECK_INT_EQ(sqlite3_close(db), SQLITE_OK);
}

/* All pages but the first, which says that it is a database, are noise; then
 * a commit of another process, so that ours reads them anew. */
static void damage(const char *path)
{
    static char noise[4096];
    struct stat st;
    memset(noise, 0xa5, sizeof(noise));
    sql(path, "PRAGMA wal_checkpoint(TRUNCATE)");
    int fd = open(path, O_WRONLY);
    CHECK_INT_GE(fd, 0);
    CHECK_INT_EQ(fstat(fd, &st), 0);
    for (off_t at = 4096; at < st.st_size; at += 4096)
        CHECK_INT_EQ(pwrite(fd, noise, sizeof(noise), at), sizeof(noise));
    /* Closing a descriptor would take SQLite's locks of this process away,
     * and this process holds none. */
    CHECK_INT_EQ(close(fd), 0);
    sql(path, "PRAGMA application_id = 1; PRAGMA application_id = 0");
}

static const struct json *begin(struct server *s, const char *target)
{
    return stdio_tool(s, "start_workflow",
                      arena_printf(test_arena(),
                                   "{\"workflow_type\":\"bugfix_v1\","
                                   "\"target\":\"%s\"}",
                                   target)
                          .p);
}

TEST(failing, a_damaged_state_file_fails_the_server_and_every_page_of_health)
{
    const char *args[] = {"--http-port", "0", "--health-file-ms", "500", NULL};
    struct server *s = server_start(&(struct server_options){.args = args});
    struct http *h = http_open(server_port(s));
    CHECK(!json_at(begin(s, "a.c"), "structuredContent", "error", NULL));
    CHECK_INT_EQ(get(h, "/health/live").status, 200);
    damage(arena_printf(test_arena(), "%s/.phasegate/state.db",
                        server_project(s)).p);
    CHECK(json_at(begin(s, "b.c"), "structuredContent", "error", NULL) != NULL);
    UNTIL(get(h, "/health/live").status == 503);
    static const char *const paths[] = {
        "/health",       "/ready",         "/health/ready",
        "/health/caches", "/health/permits", "/health/connections"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        CHECK_INT_EQ(get(h, paths[i]).status, 503);
    const struct json *r = reason(h, "store_failed");
    CHECK(r != NULL);
    CHECK_TEXT_EQ(json_text(member(r, "weight")), "failing");
    CHECK_INT_EQ(number(r, "value"), 1);
    CHECK_TEXT_EQ(json_text(member(get(h, "/health").json, "status")),
                  "failing");
    CHECK_TEXT_EQ(json_text(member(get(h, "/health/live").json, "status")),
                  "failing");
    struct http_reply m = get(h, "/metrics");
    CHECK_INT_EQ(m.status, 200);
    CHECK_CONTAINS(m.body, "phasegate_health_status{status=\"failing\"} 1\n");
    CHECK_CONTAINS(m.body, "phasegate_health_status{status=\"ok\"} 0\n");
    CHECK_CONTAINS(m.body, "phasegate_health_reason{reason=\"store_failed\","
                           "about=\"\"} 1\n");
    CHECK_CONTAINS(m.body, "phasegate_health_reason{reason=\"wal_large\","
                           "about=\"\"} 0\n");
    CHECK_CONTAINS(server_stderr_text(s), "health failing");
    struct ended e = program_run(&(struct program){
        .folder = server_project(s),
        .env = (const char *const[]){"PHASEGATE_PROJECT", NULL},
        .args = (const char *const[]){"doctor", NULL}});
    CHECK_INT_NE(e.status, 0);
    CHECK_CONTAINS(e.out, "says store_failed");
}

TEST(failing, as_many_connections_as_may_be_are_a_reason_while_they_last)
{
    const char *args[] = {"--http-port", "0", "--conn-max", "3", NULL};
    struct server *s = server_start(&(struct server_options){.args = args});
    struct http *h = http_open(server_port(s));
    CHECK_INT_EQ(get(h, "/health").status, 200);
    CHECK(!reason(h, "connections_full"));
    struct http *others[2];
    for (int i = 0; i < 2; i++) {
        others[i] = http_open(server_port(s));
        CHECK_INT_EQ(get(others[i], "/ready").status, 200);
    }
    const struct json *r;
    UNTIL((r = reason(h, "connections_full")) != NULL);
    CHECK_INT_EQ(number(r, "value"), 3);
    CHECK_INT_EQ(number(r, "threshold"), 3);
    CHECK_TEXT_EQ(json_text(member(get(h, "/health").json, "status")),
                  "degraded");
    http_close(others[0]);
    UNTIL(!reason(h, "connections_full"));
    CHECK_CONTAINS(server_stderr_text(s), "health reason ended");
}
