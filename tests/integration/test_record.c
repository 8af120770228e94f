/* `phasegate sessions` on the record: verify, report, export, import and
 * delete, beside a server that runs. */
#include <sqlite3.h>

#include "base/json.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"
#include "tests/unit/session_kit.h"

static struct server *serve(void)
{
    static const char *args[3] = {"--workflows"};
    args[1] = kit_workflows();
    return server_start(&(struct server_options){.args = args});
}

static const char *begin(struct server *s, const char *target)
{
    struct slice args = arena_printf(
        test_arena(), "{\"workflow_type\":\"three_v1\",\"target\":\"%s\"}",
        target);
    return kit_text(stdio_tool(s, "start_workflow", args.p),
                    "structuredContent", "session_id");
}

static const struct json *phase_done(struct server *s, const char *id, int n)
{
    struct slice args = arena_printf(
        test_arena(),
        "{\"session_id\":\"%s\",\"phase\":%d,\"evidence\":" KIT_GOOD "}", id,
        n);
    return stdio_tool(s, "complete_phase", args.p);
}

TEST(record, is_verified_reported_and_carried_to_another_project)
{
    struct server *s = serve();
    const char *from = server_project(s), *to = new_project("to");
    const char *id = begin(s, "a.c");
    phase_done(s, id, 0);
    struct ended e = RUN_IN(from, "sessions", "verify");
    CHECK_INT_EQ(e.status, 0);
    CHECK_CONTAINS(e.out, "intact: 1 sessions, 2 events");
    e = RUN_IN(from, "sessions", "report", id);
    CHECK_CONTAINS(e.out, "# Three: a.c");
    e = RUN_IN(from, "sessions", "export");
    CHECK_INT_EQ(e.status, 0);
    put_file(to, "all.json", arena_cstr(test_arena(), e.out));
    e = RUN_IN(to, "sessions", "import", "all.json");
    CHECK_INT_EQ(e.status, 0);
    CHECK_CONTAINS(e.out, "1 imported, 0 skipped");
    e = RUN_IN(to, "sessions", "import", "all.json", "--json");
    CHECK_INT_EQ(kit_int(json_get(json_of(e.out), SLICE("skipped"))), 1);
    e = RUN_IN(to, "sessions", "verify", "--json");
    CHECK(json_is(json_get(json_of(e.out), SLICE("intact")), JSON_TRUE));
}

TEST(record, a_deletion_beside_the_server_is_seen_by_it)
{
    struct server *s = serve();
    const char *id = begin(s, "a.c"), *folder = server_project(s);
    phase_done(s, id, 0); /* it is in the server's cache */
    struct ended e = RUN_IN(folder, "sessions", "delete", id);
    CHECK_INT_EQ(e.status, 0);
    CHECK_STR_EQ(
        kit_text(phase_done(s, id, 1), "structuredContent", "error", "detail"),
        "SESSION_NOT_FOUND");
    CHECK_INT_EQ(RUN_IN(folder, "sessions", "delete", id).status, 1);
    CHECK_INT_EQ(RUN_IN(folder, "sessions", "verify").status, 0);
    CHECK(slice_of(begin(s, "a.c")).n == 36);
}

TEST(record, a_forged_state_file_is_told_with_exit_code_1)
{
    struct server *s = serve();
    const char *id = begin(s, "a.c"), *folder = server_project(s);
    sqlite3 *db;
    server_stop_eof(s);
    struct slice path =
        arena_printf(test_arena(), "%s/.phasegate/state.db", folder);
    CHECK_INT_EQ(sqlite3_open(path.p, &db), SQLITE_OK);
    CHECK_INT_EQ(sqlite3_exec(db, "UPDATE sessions SET status='completed'",
                              NULL, NULL, NULL),
                 SQLITE_OK);
    sqlite3_close(db);
    struct ended e = RUN_IN(folder, "sessions", "verify");
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.out, id);
    CHECK_CONTAINS(e.out, "STATE_CHANGED");
    CHECK_CONTAINS(e.out, "NOT INTACT");
}

TEST(record, wrong_words_and_files_have_their_exit_codes)
{
    const char *folder = new_project("words");
    put_file(folder, "bad.json", "{\"session_id\":\n  \"x");
    CHECK_INT_EQ(RUN_IN(folder, "sessions", "report").status, 2);
    CHECK_INT_EQ(RUN_IN(folder, "sessions", "import").status, 2);
    CHECK_INT_EQ(RUN_IN(folder, "sessions", "verify", "a", "b").status, 2);
    CHECK_INT_EQ(RUN_IN(folder, "sessions", "verify").status, 1); /* no file */
    struct ended e = RUN_IN(folder, "sessions", "import", "bad.json", "gone");
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.err, "bad.json cannot be read at line 2");
    CHECK_CONTAINS(e.err, "gone");
    CHECK_CONTAINS(e.out, "0 imported, 0 skipped, 0 refused, 2 unreadable");
    CHECK_INT_EQ(RUN_IN(folder, "sessions", "report", "abcdef").status, 1);
}
