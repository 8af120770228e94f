/* The tools over the real engine, spoken to as an agent speaks: every answer
 * comes through the protocol, every write through the loop's mailbox. */
#include "mcp/tools/tools.h"

#include <unistd.h>

#include "tests/unit/engine_fixture.h"
#include "tests/unit/mcp_fixture.h"

struct walk {
    struct fixture f;
    struct tools_app app;
    struct fake_server *fs;
};

static void walk_begin(struct walk *w)
{
    struct mcp_server_config conf;
    fixture_init(&w->f, NULL);
    tools_app_init(&w->app, w->f.engine);
    tools_config(&w->app, w->f.pool, &conf);
    w->fs = fake_server_of(&conf, MCP_STDIO);
}

/* The pool is the fake server's from here on. */
static void walk_end(struct walk *w)
{
    fake_server_free(w->fs);
    eng_close(w->f.engine);
}

static const struct json *content_of(struct slice body)
{
    const struct json *result = json_get(fake_json(body), SLICE("result"));
    const struct json *items = json_get(result, SLICE("content"));
    const struct json *v = json_get(result, SLICE("structuredContent"));
    CHECK(json_is(v, JSON_OBJECT) && json_is(items, JSON_ARRAY));
    CHECK_SLICE_EQ(json_text(json_get(&items->items[0], SLICE("text"))),
                   v->raw);
    return v;
}

static const struct json *call(struct walk *w, const char *tool,
                               const char *args)
{
    return content_of(fake_say(w->fs, fake_call("1", tool, args)));
}

static const char *start(struct walk *w)
{
    const struct json *v = call(w, "start_workflow",
                                "{\"workflow_type\":\"bugfix_v1\",\"target\":"
                                "\"src/parser.c\"}");
    struct slice id = json_text(json_get(v, SLICE("session_id")));
    CHECK_INT_EQ(id.n, 36);
    return arena_cstr(test_arena(), id);
}

static const char *with_id(const char *id, const char *more)
{
    return arena_printf(test_arena(), "{\"session_id\":\"%s\"%s}", id, more).p;
}

static struct slice error_of(const struct json *v, const char *key)
{
    return json_text(json_get(json_get(v, SLICE("error")), slice_of(key)));
}

static const char good_evidence[] =
    ",\"phase\":0,\"evidence\":{\"bug_summary\":\"Parsing an empty list gave "
    "a crash where an empty result was expected.\",\"test_file\":"
    "\"test_parser.c\",\"test_name\":\"empty_list\",\"failing_output\":"
    "\"FAIL empty_list: expected 0\",\"fails_for_the_reported_reason\":true}";

static void write_test_file(struct walk *w)
{
    CHECK_OK(file_write_atomic(
        path_join(test_arena(), w->f.root, SLICE("test_parser.c")),
        SLICE("int main(void) { return 1; }\n"), 0600));
}

TEST(mcp_walk, a_refused_gate_is_an_error_that_names_its_fields)
{
    struct walk w;
    walk_begin(&w);
    const char *id = start(&w);
    const struct json *v =
        call(&w, "complete_phase", with_id(id, ",\"phase\":0,\"evidence\":{}"));
    CHECK_TEXT_EQ(error_of(v, "code"), "gate_refused");
    CHECK(json_get(v, SLICE("passed"))->type == JSON_FALSE);
    CHECK_INT_GT(json_get(v, SLICE("errors"))->count, 0);
    walk_end(&w);
}

TEST(mcp_walk, a_phase_is_read_worked_and_passed)
{
    struct walk w;
    walk_begin(&w);
    write_test_file(&w);
    const char *id = start(&w);
    const struct json *v = call(&w, "get_phase", with_id(id, ""));
    CHECK(json_at(v, "phase", "gate", "evidence", NULL));
    v = call(&w, "get_task", with_id(id, ",\"task_number\":1"));
    CHECK(json_text(json_at(v, "task", "content", NULL)).n > 0);
    v = call(&w, "complete_phase", with_id(id, good_evidence));
    CHECK(json_get(v, SLICE("passed"))->type == JSON_TRUE);
    v = call(&w, "get_session", with_id(id, ",\"include\":[\"evidence\"]"));
    CHECK_TEXT_EQ(json_at(v, "session", "current_phase", NULL)->raw, "1");
    CHECK(json_get(v, SLICE("evidence")) && !json_get(v, SLICE("history")));
    v = call(&w, "get_phase", with_id(id, ",\"phase\":3"));
    CHECK_TEXT_EQ(error_of(v, "detail"), "PHASE_LOCKED");
    walk_end(&w);
}

/* Sent together, as an agent's pipelined file is: the write first, then the
 * reads that must see it. */
TEST(mcp_walk, pipelined_reads_see_the_write_before_them)
{
    struct walk w;
    walk_begin(&w);
    write_test_file(&w);
    const char *id = start(&w);
    struct fake_exchange *pass = fake_begin(
        w.fs, fake_call("1", "complete_phase", with_id(id, good_evidence)),
        NULL);
    struct fake_exchange *read =
        fake_begin(w.fs, fake_call("2", "get_phase", with_id(id, "")), NULL);
    struct fake_exchange *late =
        fake_begin(w.fs,
                   fake_call("3", "complete_phase",
                             with_id(id, ",\"phase\":0,\"evidence\":{}")),
                   NULL);
    fake_wait(pass);
    fake_wait(read);
    fake_wait(late);
    CHECK(json_get(content_of(pass->body), SLICE("passed"))->type == JSON_TRUE);
    CHECK_TEXT_EQ(json_at(content_of(read->body), "phase", "number", NULL)->raw,
                  "1");
    CHECK_TEXT_EQ(error_of(content_of(late->body), "code"), "phase_completed");
    walk_end(&w);
}

TEST(mcp_walk, unknown_things_are_told_apart)
{
    struct walk w;
    walk_begin(&w);
    const char *id = start(&w);
    struct {
        const char *tool, *args, *detail;
    } rows[] = {
        {"get_phase", "{\"session_id\":\"nonsense\"}", "INVALID_SESSION_ID"},
        {"get_phase",
         "{\"session_id\":\"00000000-0000-4000-8000-000000000000\"}",
         "SESSION_NOT_FOUND"},
        {"get_task", with_id(id, ",\"task_number\":77"), "TASK_NOT_FOUND"},
        {"get_phase", with_id(id, ",\"phase\":99"), "PHASE_OUT_OF_RANGE"},
        {"start_workflow", "{\"workflow_type\":\"../etc\",\"target\":\"a.c\"}",
         "WORKFLOW_NOT_FOUND"},
        {"start_workflow",
         "{\"workflow_type\":\"bugfix_v1\",\"target\":\"a;b\"}",
         "INVALID_TARGET"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct json *v = call(&w, rows[i].tool, rows[i].args);
        CHECK_TEXT_EQ(error_of(v, "detail"), rows[i].detail);
        CHECK(error_of(v, "how_to_fix").n > 0);
    }
    walk_end(&w);
}

TEST(mcp_walk, the_lists_and_the_server_tell_what_there_is)
{
    struct walk w;
    walk_begin(&w);
    const char *id = start(&w);
    const struct json *v = call(&w, "list_workflows", "{}");
    CHECK_TEXT_EQ(json_get(v, SLICE("count"))->raw, "2");
    v = call(&w, "list_sessions", "{\"status\":\"active\"}");
    CHECK_TEXT_EQ(json_get(v, SLICE("count"))->raw, "1");
    CHECK_CONTAINS(v->raw, id);
    v = call(&w, "get_server_info", "{}");
    CHECK_SLICE_EQ(json_text(json_at(v, "project", "root", NULL)), w.f.root);
    CHECK(json_at(v, "caches", "sessions", "hit_rate", NULL));
    walk_end(&w);
}

/* --- resources, prompts, completion --------------------------------------- */

static struct slice ask(struct walk *w, const char *method, const char *params)
{
    return fake_say(w->fs,
                    arena_printf(test_arena(),
                                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
                                 "\"%s\",\"params\":{%s," FAKE_META "}}",
                                 method, params)
                        .p);
}

TEST(mcp_walk, workflows_and_sessions_are_resources_prompts_and_completions)
{
    struct walk w;
    walk_begin(&w);
    const char *id = start(&w);
    const struct {
        const char *method, *params, *says;
    } rows[] = {
        {"resources/list", "\"x\":1", id},
        {"resources/list", "\"x\":1", "phasegate://workflows/bugfix_v1"},
        {"resources/templates/list", "\"x\":1", "{session_id}/report"},
        {"resources/read", "\"uri\":\"phasegate://workflows/bugfix_v1\"",
         "text/markdown"},
        {"resources/read", "\"uri\":\"phasegate://workflows/none_v1\"",
         "-32602"},
        {"resources/read",
         arena_printf(test_arena(), "\"uri\":\"phasegate://sessions/%s\"", id)
             .p,
         "\\\"current_phase\\\":0"},
        {"resources/read",
         arena_printf(test_arena(),
                      "\"uri\":\"phasegate://sessions/%s/report\"", id)
             .p,
         "text/markdown"},
        {"resources/read",
         "\"uri\":\"phasegate://sessions/"
         "00000000-0000-4000-8000-000000000000\"",
         "-32602"},
        {"prompts/list", "\"x\":1", "\"name\":\"bugfix_v1\""},
        {"prompts/get",
         "\"name\":\"bugfix_v1\",\"arguments\":{\"target\":\"src/a.c\"}",
         "src/a.c"},
        {"prompts/get",
         "\"name\":\"none_v1\",\"arguments\":{\"target\":\"a\"}", "-32602"},
        {"completion/complete",
         "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"resume\"},\"argument\":{"
         "\"name\":\"session_id\",\"value\":\"\"}",
         id},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice body = ask(&w, rows[i].method, rows[i].params);
        if (slice_find(body, slice_of(rows[i].says)) == body.n)
            FAIL("%s %s: %.*s", rows[i].method, rows[i].params,
                 SLICE_ARG(body));
    }
    walk_end(&w);
}

/* --- standards and files ---------------------------------------------------- */

static void put(const char *folder, const char *name, const char *text)
{
    struct arena *a = test_arena();
    CHECK_OK(path_make(slice_of(folder), 0755));
    CHECK_OK(file_write_atomic(arena_printf(a, "%s/%s", folder, name),
                               slice_of(text), 0644));
}

/* A project with a few files and a root of standards below it. */
static void library_begin(struct walk *w)
{
    static struct slice standards;
    struct mcp_server_config conf;
    struct problem p;
    const char *root = test_tmpdir();
    struct arena *a = test_arena();
    const char *library = arena_printf(a, "%s/library", root).p;
    put(library, "naming.md", "# Names\nSay what it is.\n");
    put(arena_printf(a, "%s/c", library).p, "a b.md", "# Spaces\n");
    put(library, ".hidden.md", "secret");
    put(root, "outside.md", "secret");
    put(arena_printf(a, "%s/src", root).p, "main.c", "int x;");
    CHECK_INT_EQ(symlink("../outside.md",
                         arena_printf(a, "%s/link.md", library).p),
                 0);
    fixture_init(&w->f, NULL);
    eng_close(w->f.engine);
    standards = slice_of(library);
    problem_init(&p);
    CHECK_OK(eng_open(&(struct eng_options){.root = w->f.root,
                                            .workflows = &w->f.workflows,
                                            .workflows_count = 1,
                                            .standards = &standards,
                                            .standards_count = 1,
                                            .pool = w->f.pool},
                      a, &p, &w->f.engine));
    tools_app_init(&w->app, w->f.engine);
    tools_config(&w->app, w->f.pool, &conf);
    w->fs = fake_server_of(&conf, MCP_STDIO);
}

#define READ(path) "\"uri\":\"phasegate://standards/" path "\""
#define STANDARD_BEGUN(text)                                                   \
    "\"ref\":{\"type\":\"ref/resource\",\"uri\":\"phasegate://standards/"     \
    "{+path}\"},\"argument\":{\"name\":\"path\",\"value\":\"" text "\"}"
#define TARGET_BEGUN(text)                                                     \
    "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"bugfix_v1\"},\"argument\":{"  \
    "\"name\":\"target\",\"value\":\"" text "\"}"

struct shelf_row {
    const char *method, *params, *says, *not;
};

TEST_EACH(mcp_walk, standards_and_files_are_told_and_nothing_beside_them,
          struct shelf_row, row,
          {"resources/list", "\"x\":1", "phasegate://standards/c/a%20b.md",
           "hidden"},
          {"resources/list", "\"x\":1", "phasegate://standards/naming.md",
           "link.md"},
          {"resources/templates/list", "\"x\":1",
           "phasegate://standards/{+path}", NULL},
          {"resources/read", READ("naming.md"), "Say what it is", NULL},
          {"resources/read", READ("c/a%20b.md"), "# Spaces", NULL},
          {"resources/read", READ("none.md"), "-32602", NULL},
          {"resources/read", READ(".hidden.md"), "-32602", "secret"},
          {"resources/read", READ("../outside.md"), "-32602", "secret"},
          {"resources/read", READ("c/%2E%2E/%2E%2E/outside.md"), "-32602",
           "secret"},
          {"resources/read", READ("link.md"), "-32602", "secret"},
          {"resources/read", READ("/etc/passwd"), "-32602", "root:"},
          {"completion/complete", STANDARD_BEGUN("c/"), "c/a b.md",
           "naming.md"},
          {"completion/complete", STANDARD_BEGUN("zz"), "\"values\":[]", NULL},
          {"completion/complete", TARGET_BEGUN(""), "\"src/\"", ".phasegate"},
          {"completion/complete", TARGET_BEGUN("src/m"), "\"src/main.c\"",
           NULL},
          {"completion/complete", TARGET_BEGUN(".ph"), "\".phasegate/\"", NULL},
          {"completion/complete", TARGET_BEGUN("../"), "\"values\":[]", NULL},
          {"completion/complete", TARGET_BEGUN("/etc/"), "\"values\":[]",
           NULL})
{
    struct walk w;
    library_begin(&w);
    struct slice body = ask(&w, row->method, row->params);
    CHECK_CONTAINS(body, row->says);
    if (row->not) CHECK_INT_EQ(slice_find(body, slice_of(row->not)), body.n);
    walk_end(&w);
}
