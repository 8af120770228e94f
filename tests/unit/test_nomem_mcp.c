/* The tools as a client calls them, with the n-th allocation failing: one
 * answer each time, that is an answer, and the same call works afterwards. */
#include <string.h>

#include "base/alloc.h"
#include "mcp/tools/tools.h"
#include "tests/unit/mcp_fixture.h"
#include "tests/unit/session_kit.h"

struct serving {
    struct fixture f;
    struct tools_app app;
    struct fake_server *fs;
    struct slice id;
};

static void serve(struct serving *s)
{
    struct mcp_server_config conf;
    fixture_init(&s->f, kit_workflows());
    s->f.durability = ST_NORMAL;
    fixture_restart(&s->f);
    s->id = kit_begin(&s->f, "src/a.c");
    tools_app_init(&s->app, s->f.engine);
    tools_config(&s->app, s->f.pool, &conf);
    s->fs = fake_server_of(&conf, MCP_STDIO);
}

static void serve_end(struct serving *s)
{
    fake_server_free(s->fs);
    eng_close(s->f.engine);
}

static bool has(struct slice body, const char *text)
{
    return slice_find(body, slice_of(text)) < body.n;
}

struct asked {
    const char *tool, *args; /* ID in them is the session's */
    const char *says;        /* when nothing fails */
};
#define ID "11111111-2222-4333-8444-555555555555"
#define OF "{\"session_id\":\"" ID "\""
/* clang-format off */
TEST_EACH(nomem_mcp, a_call_is_answered_once_and_clearly, struct asked, row,
    {"list_workflows", "{}", "three_v1"},
    {"get_phase", OF "}", "First"},
    {"get_task", OF ",\"task_number\":1}", "# Text"},
    {"get_session", OF "}", "active"},
    {"complete_phase", OF ",\"phase\":0,\"evidence\":{\"done\":false}}",
     "passed"},
    {"start_workflow", "{\"workflow_type\":\"three_v1\",\"target\":"
     "\"src/a.c\",\"options\":{\"a\":1}}", "OPTIONS_DIFFER"},
    {"list_sessions", "{\"cursor\":\"what\"}", "cursor"},
    {"manage_session", OF ",\"action\":\"dance\"}", "dance"},
    {"no_such_tool", "{}", "no_such_tool"})
/* clang-format on */
{
    struct serving s;
    serve(&s);
    char *message = arena_cstr(test_arena(),
                               slice_of(fake_call("7", row->tool, row->args)));
    char *id = strstr(message, ID);
    if (id) memcpy(id, s.id.p, s.id.n);
    bool failed = true;
    for (uint64_t n = 1; failed; n += 1 + n / 24) {
        mem_fail_at(n);
        struct fake_exchange *fx = fake_send(s.fs, message, NULL);
        failed = mem_count() >= n;
        mem_fail_at(0);
        CHECK_INT_EQ(fx->replies, 1);
        (void)fake_json(fx->body);
        if (!has(fx->body, row->says)) {
            CHECK(failed);
            CHECK(has(fx->body, "memory") || has(fx->body, "\"error\":{"));
            CHECK(!has(fx->body, "should not"));
        }
    }
    fake_settle(s.fs);
    CHECK_CONTAINS(fake_say(s.fs, message), row->says);
    serve_end(&s);
}
