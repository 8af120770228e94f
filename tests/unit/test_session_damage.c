/* A session's row that somebody wrote to: read as it is where that can be, or
 * told to be damaged; never half. */
#include <sqlite3.h>

#include "base/buf.h"
#include "engine/verify.h"
#include "tests/unit/session_kit.h"
#include "tests/unit/workflow_kit.h"

static void sql(struct fixture *f, const char *text)
{
    sqlite3 *db;
    char *why = NULL;
    struct slice path = arena_printf(test_arena(), "%.*s/.phasegate/state.db",
                                     SLICE_ARG(f->root));
    CHECK_INT_EQ(sqlite3_open(path.p, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &why)) FAIL("%s: %s", text, why);
    sqlite3_close(db);
}

static void forget(struct fixture *f)
{
    struct buf b = BUF_INIT(1 << 16);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    CHECK_OK(eng_clear_caches(f->engine, SLICE(""), &w));
    buf_done(&b);
}

struct damage {
    const char *set; /* of the row */
    enum err err;
};
#define DETAIL(path, value) "detail=json_set(detail,'$." path "'," value ")"
/* clang-format off */
TEST_EACH(session_damage, a_row_is_read_as_it_is_or_told_to_be_damaged,
          struct damage, row,
    {"detail=detail", OK},
    {"detail=json_remove(detail,'$.opened')", OK},
    {"detail=json_remove(detail,'$.completed')", OK},
    {DETAIL("options", "json('[1]')"), OK},
    {DETAIL("completed", "json('{}')"), OK},
    {DETAIL("opened", "'x'"), OK},
    {"status='lost'", ERR_SESSION_CORRUPT},
    {"detail='{'", ERR_SESSION_CORRUPT},
    {"detail=''", ERR_SESSION_CORRUPT},
    {DETAIL("completed", "json('[1]')"), ERR_SESSION_CORRUPT},
    {DETAIL("completed", "json('[{\"phase\":0}]')"), ERR_SESSION_CORRUPT},
    {DETAIL("completed", "json('[{\"phase\":0,\"at\":1}]')"),
     ERR_SESSION_CORRUPT},
    {DETAIL("completed", "json('[{\"phase\":\"0\",\"at\":1,\"event\":1}]')"),
     ERR_SESSION_CORRUPT},
    {DETAIL("reopened", "1"), ERR_SESSION_CORRUPT},
    {DETAIL("reopened", "json('{\"phase\":0}')"), ERR_SESSION_CORRUPT},
    {DETAIL("reopened", "json('{\"phase\":0,\"at\":1}')"),
     ERR_SESSION_CORRUPT},
    {DETAIL("reopened", "json('{\"phase\":0,\"at\":1,\"event\":1}')"),
     ERR_SESSION_CORRUPT},
    {DETAIL("reopened", "json('{\"phase\":0,\"at\":1,\"event\":1,"
            "\"began\":1}')"), ERR_SESSION_CORRUPT},
    {DETAIL("reopened", "json('{\"phase\":0,\"at\":1,\"event\":1,"
            "\"began\":1,\"changed\":3}')"), ERR_SESSION_CORRUPT},
    {DETAIL("kept", "json('[1]')"), ERR_SESSION_CORRUPT})
/* clang-format on */
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "a");
    kit_pass(&f, id, 0);
    forget(&f);
    sql(&f, arena_printf(test_arena(), "UPDATE sessions SET %s", row->set).p);
    enum err e = kit_session(&f, &o, id);
    if (e != row->err)
        FAIL("%s: %.*s, %.*s", row->set, SLICE_ARG(err_code(e)),
             SLICE_ARG(o.call.problem.what));
    if (e) CHECK(o.call.problem.what.n && o.call.problem.how_to_fix.n);
    outcome_done(&o);
    fixture_done(&f);
}

/* What was kept of an earlier answer, as somebody may hand it in. */
struct kept {
    const char *kept; /* %s: the session's id */
    size_t flaws;
};
/* clang-format off */
TEST_EACH(session_damage, heads_that_were_kept_are_looked_up_or_passed_over,
          struct kept, row,
    {"{}", 0},
    {"[]", 0},
    {"{\"heads\":1,\"store_head\":2}", 0},
    {"{\"heads\":[1,{},{\"session_id\":\"none\"}]}", 0},
    {"{\"store_head\":{\"event_id\":\"x\",\"hash\":\"y\"}}", 0},
    {"{\"store_head\":{\"event_id\":0,\"hash\":\"y\"}}", 0},
    {"{\"store_head\":{\"event_id\":-1,\"hash\":\"y\"}}", 0},
    {"{\"store_head\":{\"event_id\":1,\"hash\":\"y\"}}", 1},
    {"{\"store_head\":{\"event_id\":99,\"hash\":\"y\"}}", 1},
    {"{\"store_head\":{\"event_id\":1}}", 1},
    {"{\"heads\":[{\"session_id\":\"%s\",\"event_id\":1,\"hash\":\"y\"}]}",
     1},
    {"{\"heads\":[{\"session_id\":\"%s\",\"event_id\":77,\"hash\":\"y\"},"
     "{\"session_id\":\"none\",\"event_id\":1,\"hash\":\"y\"}]}", 2})
/* clang-format on */
{
    struct fixture f;
    struct outcome o;
    struct buf b = BUF_INIT(1 << 16);
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "a");
    for (const char *at = row->kept; *at; at++)
        if (at[0] == '%')
            buf_put(&b, id), at++;
        else
            buf_putc(&b, *at);
    struct eng_verify_args args = {
        .kept = kit_json(arena_cstr(test_arena(), buf_slice(&b)))};
    CHECK_OK(CALL(&o, eng_verify(f.engine, &o.call, &args)));
    bool intact = json_is(json_get(o.out, SLICE("intact")), JSON_TRUE);
    if (intact != (row->flaws == 0))
        FAIL("%s: %.*s", row->kept, SLICE_ARG(buf_slice(&o.twin.plain)));
    const struct json *flaws = json_get(o.out, SLICE("flaws"));
    CHECK_INT_EQ(flaws->count, row->flaws);
    outcome_done(&o);
    fixture_done(&f);
    buf_done(&b);
}
