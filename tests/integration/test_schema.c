/* Every reply and notification that the clients' scripts provoke, held to the
 * official JSON schema of its revision; and every row of the method table
 * exercised in each of its revisions on both transports. */
#include <string.h>

#include "base/file.h"
#include "base/json_write.h"
#include "mcp/method.h"
#include "tests/integration/everything.h"
#include "tests/integration/node.h"

/* --- provoking -------------------------------------------------------------
 */
/* The method table, as exercise.mjs takes it. */
static const char *table_json(void)
{
    struct buf b = BUF_INIT(1 << 20);
    struct json_writer w = json_writer(&b);
    const struct mcp_method *m;
    json_begin_array(&w);
    for (size_t i = 0; (m = mcp_method_row(i)); i++) {
        json_begin_object(&w);
        json_put_string(&w, "method", m->name);
        json_key(&w, SLICE("revisions"));
        json_begin_array(&w);
        for (size_t r = 0; r < MCP_REV_COUNT; r++)
            if (m->revisions & MCP_REV_BIT(r))
                json_string(&w, mcp_revisions[r].version);
        json_end_array(&w);
        json_end_object(&w);
    }
    json_end_array(&w);
    char *text = arena_cstr(test_arena(), buf_slice(&b));
    CHECK(text && !b.err);
    buf_done(&b);
    return text;
}

static const char *record_path(void)
{
    return arena_printf(test_arena(), "%s/record.jsonl", test_tmpdir()).p;
}

static void exercise(const char *binary)
{
    const char *project = node_project();
    const char *args[] = {"--methods", table_json(), "--record", record_path(),
                          "--project", project,      "--",       binary,
                          "serve",     "--project",  project,    NULL};
    node_steps("exercise.mjs", args);
}

/* Over HTTP the one at the port, over stdio processes of its own. */
static void exercise_everything(int port)
{
    const char *url =
        arena_printf(test_arena(), "http://127.0.0.1:%d/mcp", port).p;
    const char *args[] = {
        "--methods", table_json(), "--record",          record_path(), "--url",
        url,         "--",         everything_binary(), NULL};
    node_steps("exercise.mjs", args);
}

static void walk(const char *mode)
{
    const char *project = node_project();
    const char *plan =
        arena_printf(test_arena(), "%s/tests/clients/plans/bugfix_v1.json",
                     test_source_dir())
            .p;
    const char *args[] = {"--mode",    mode,          "--walker", "stdio",
                          "--project", project,       "--plan",   plan,
                          "--record",  record_path(), "--",       test_binary(),
                          "serve",     "--project",   project,    NULL};
    node_steps("walk.mjs", args);
}

/* --- judging ---------------------------------------------------------------
 */
static struct node_steps judge(void)
{
    const char *const args[] = {
        arena_printf(test_arena(), "%s/spec/schema", test_shared_dir()).p,
        record_path(), NULL};
    return node_steps("schema.mjs", args);
}

static int64_t number(const struct json *row, const char *name)
{
    int64_t n = -1;
    CHECK(json_int64(json_get(row, slice_of(name)), &n));
    return n;
}

/* What the schemas refuse, a line per message's kind. */
static void check_valid(const struct node_steps *rows)
{
    struct slice all = SLICE("");
    for (size_t i = 0; i < rows->count; i++) {
        const struct json *problems = json_get(rows->all[i], SLICE("problems"));
        CHECK(problems);
        if (problems->count)
            all = arena_printf(
                test_arena(), "%.*s%.*s: %.*s\n", SLICE_ARG(all),
                SLICE_ARG(json_text(json_get(rows->all[i], SLICE("step")))),
                SLICE_ARG(problems->raw));
    }
    if (all.n) FAIL("against the schema:\n%.*s", SLICE_ARG(all));
}

static const struct json *row_find(const struct node_steps *rows,
                                   const char *name)
{
    for (size_t i = 0; i < rows->count; i++)
        if (slice_eq(json_text(json_get(rows->all[i], SLICE("step"))),
                     slice_of(name)))
            return rows->all[i];
    return NULL;
}

enum { SERVES_ALL, MAY_LACK_OFFERS };

/* A request must have had a result, or a message on the stream it opened; or
 * it was refused by a server that need not offer what it is about. A
 * notification is never answered. */
static bool exercised(const struct mcp_method *m, const struct json *row,
                      int offers)
{
    if (!row || number(row, "sent") == 0) return false;
    if (m->kind == MCP_NOTIFICATION || number(row, "results") > 0 ||
        number(row, "streamed") > 0)
        return true;
    return m->needs && offers == MAY_LACK_OFFERS &&
           number(row, "absent") == number(row, "sent");
}

static void check_complete(const struct node_steps *rows, int offers)
{
    static const char *const transports[] = {"stdio", "http"};
    struct slice missing = SLICE("");
    const struct mcp_method *m;
    for (size_t i = 0; (m = mcp_method_row(i)); i++)
        for (size_t k = 0; k < 2 * MCP_REV_COUNT; k++) {
            const struct mcp_revision *r = &mcp_revisions[k / 2];
            if (!(m->revisions & MCP_REV_BIT(r->rev))) continue;
            const char *name =
                arena_printf(test_arena(), "%.*s %.*s %s", SLICE_ARG(m->name),
                             SLICE_ARG(r->version), transports[k % 2])
                    .p;
            if (!exercised(m, row_find(rows, name), offers))
                missing = arena_printf(test_arena(), "%.*s%s\n",
                                       SLICE_ARG(missing), name);
        }
    if (missing.n) FAIL("never exercised:\n%.*s", SLICE_ARG(missing));
}

TEST(schema, every_row_is_exercised_and_every_message_valid,
     .needs = "shared npm binary", .timeout_s = 120)
{
    static const char *const modes[] = {"default", "auto", "modern", "sdk"};
    exercise(test_binary());
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) walk(modes[i]);
    struct node_steps rows = judge();
    check_valid(&rows);
    check_complete(&rows, MAY_LACK_OFFERS);
}

TEST(schema, the_library_serves_every_row_and_every_message_is_valid,
     .needs = "shared npm", .timeout_s = 120)
{
    int port;
    struct server *s = everything_start(&port);
    exercise_everything(port);
    struct node_steps rows = judge();
    check_valid(&rows);
    check_complete(&rows, SERVES_ALL);
    server_stop_signal(s, SIGTERM);
}

/* --- the judge itself ------------------------------------------------------
 */
#define ASKED(version, method, params)                                         \
    "{\"connection\":1,\"transport\":\"http\",\"from\":\"client\","            \
    "\"revision\":\"" version "\",\"message\":{\"jsonrpc\":\"2.0\",\"id\":1,"  \
    "\"method\":\"" method "\",\"params\":" params "}}\n"
#define TOLD(version, members)                                                 \
    "{\"connection\":1,\"transport\":\"http\",\"from\":\"server\","            \
    "\"revision\":\"" version "\",\"message\":{\"jsonrpc\":\"2.0\"," members   \
    "}}\n"

struct judged {
    const char *label, *record, *problem;
};

TEST_EACH_IF(
    schema, the_judge_finds_what_a_schema_forbids, (.needs = "shared npm"),
    struct judged, row,
    {"a right answer",
     ASKED("2025-11-25", "ping", "{}")
         TOLD("2025-11-25", "\"id\":1,\"result\":{}"),
     NULL},
    {"no ttlMs",
     ASKED("2026-07-28", "tools/list", "{}")
         TOLD("2026-07-28", "\"id\":1,\"result\":{\"resultType\":\"complete\","
                            "\"cacheScope\":\"public\",\"tools\":[]}"),
     "'ttlMs'"},
    {"more than an empty result",
     ASKED("2025-11-25", "ping", "{}")
         TOLD("2025-11-25", "\"id\":1,\"result\":{\"a\":1}"),
     "must be {}"},
    {"a tool without inputSchema",
     ASKED("2024-11-05", "tools/list", "{}")
         TOLD("2024-11-05",
              "\"id\":1,\"result\":{\"tools\":[{\"name\":\"x\"}]}"),
     "inputSchema"},
    {"an error without its data",
     ASKED("2026-07-28", "tools/list", "{}")
         TOLD("2026-07-28", "\"id\":1,\"error\":{\"code\":-32022,"
                            "\"message\":\"m\"}"),
     "'data'"},
    {"an id null in the modern era",
     TOLD("2026-07-28", "\"id\":null,\"error\":{\"code\":-32700,"
                        "\"message\":\"m\"}"),
     "/id"},
    {"a result against the tool's own schema",
     ASKED("2025-11-25", "tools/list", "{}")
         TOLD("2025-11-25",
              "\"id\":1,\"result\":{\"tools\":[{\"name\":\"x\","
              "\"inputSchema\":{\"type\":\"object\"},\"outputSchema\":"
              "{\"type\":\"object\",\"required\":[\"n\"]}}]}")
             ASKED("2025-11-25", "tools/call", "{\"name\":\"x\"}")
                 TOLD("2025-11-25", "\"id\":1,\"result\":{\"content\":[],"
                                    "\"structuredContent\":{}}"),
     "'n'"},
    {"a notification of no revision",
     TOLD("2025-11-25", "\"method\":\"notifications/no_such\""),
     "not in the schema"})
{
    CHECK_OK(file_write_atomic(slice_of(record_path()), slice_of(row->record),
                               0600));
    struct node_steps rows = judge();
    struct slice all = SLICE("");
    for (size_t i = 0; i < rows.count; i++) {
        const struct json *p = json_get(rows.all[i], SLICE("problems"));
        CHECK(p);
        if (p->count)
            all = arena_printf(test_arena(), "%.*s%.*s", SLICE_ARG(all),
                               SLICE_ARG(p->raw));
    }
    if (row->problem)
        CHECK_CONTAINS(all, row->problem);
    else
        CHECK_TEXT_EQ(all, "");
}
