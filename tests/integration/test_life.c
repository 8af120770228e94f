/* The table of docs/SESSIONS.md, walked: every operation in every status on a
 * real server leads where its cell says, or is refused with the cell's detail
 * and with words that say why and what to do. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "tests/integration/model.h"
#include "tests/integration/program.h"
#include "tests/integration/terminal.h"
#include "tests/runner/server.h"
#include "tests/unit/session_kit.h"

struct life {
    struct server *server;
    struct http *http;
    const char *operator_line;
    int targets;
};

static const struct json *call(struct life *l, const char *tool,
                               const char *arguments)
{
    return json_get(stdio_tool(l->server, tool, arguments),
                    SLICE("structuredContent"));
}

#define TEXT(v, ...) json_text(json_at((v), __VA_ARGS__, NULL))

static const char *with_id(const char *id, const char *more)
{
    return arena_printf(test_arena(), "{\"session_id\":\"%s\"%s}", id, more).p;
}

static void life_begin(struct life *l)
{
    static const char *args[3] = {"--workflows"};
    const char *project = new_project("life");
    struct slice token;
    args[1] = model_workflow();
    setenv("XDG_STATE_HOME",
           arena_printf(test_arena(), "%s/state", test_tmpdir()).p, 1);
    put_file(project, "there.txt", "report\n");
    struct ended e = TYPED_IN(project, "yes\n", "trust", "model_v1",
                              "--workflows", args[1]);
    CHECK_INT_EQ(e.status, 0);
    *l = (struct life){.server = server_start(&(struct server_options){
                           .project = project, .args = args})};
    l->http = http_open(server_port(l->server));
    struct slice path =
        arena_printf(test_arena(), "%s/.phasegate/operator.token", project);
    CHECK_OK(file_read(path, 4096, test_arena(), &token));
    l->operator_line =
        arena_printf(test_arena(),
                     "Content-Type: application/json\r\nAuthorization: Bearer "
                     "%.*s\r\n",
                     SLICE_ARG(slice_trim(token)))
            .p;
}

/* --- sessions in each status ---------------------------------------------- */

static const struct json *complete(struct life *l, const char *id, int phase)
{
    return call(l, "complete_phase",
                with_id(id, arena_printf(test_arena(),
                                         ",\"phase\":%d,\"evidence\":%s", phase,
                                         model_evidence(phase, true))
                                .p));
}

static const struct json *decide(struct life *l, const char *id, int event)
{
    struct slice body = arena_printf(
        test_arena(),
        "{\"session_id\":\"%s\",\"phase\":%d,\"event_id\":%d,\"decision\":"
        "\"approve\",\"person\":\"Ada\",\"comment\":\"\"}",
        id, MODEL_HUMAN, event);
    return http_request(l->http, "POST", "/api/approvals", l->operator_line,
                        body)
        .json;
}

/* Events of a walk: started, 0, 1, asked. */
enum { ASKED_EVENT = 4 };

/* A session in this phase; in MODEL_HUMAN a person has been asked. */
static const char *at_phase(struct life *l, int phase)
{
    struct slice args = arena_printf(
        test_arena(), "{\"workflow_type\":\"model_v1\",\"target\":\"t%d\"}",
        l->targets++);
    const char *id = arena_cstr(
        test_arena(), TEXT(call(l, "start_workflow", args.p), "session_id"));
    for (int i = 0; i < phase; i++) {
        const struct json *v = complete(l, id, i);
        if (i == MODEL_HUMAN) {
            decide(l, id, ASKED_EVENT);
            v = complete(l, id, i);
        }
        CHECK(json_is(json_get(v, SLICE("passed")), JSON_TRUE));
    }
    if (phase == MODEL_HUMAN) (void)complete(l, id, phase);
    return id;
}

static const struct json *manage(struct life *l, const char *id,
                                 const char *action)
{
    return call(l, "manage_session",
                with_id(id, arena_printf(test_arena(),
                                         ",\"action\":\"%s\",\"to_phase\":0",
                                         action)
                                .p));
}

/* Imported where its workflow was not; here it is. */
static const char *in_error(struct life *l)
{
    const char *project = server_project(l->server);
    const char *id =
        arena_printf(test_arena(), "00000000-0000-4000-8000-%012d",
                     l->targets++)
            .p;
    put_file(project, "old.json",
             arena_printf(
                 test_arena(),
                 "{\"session_id\":\"%s\",\"workflow_type\":\"model_v1\","
                 "\"target_file\":\"%s\",\"current_phase\":0,"
                 "\"completed_phases\":[],\"checkpoints\":{},"
                 "\"phase_artifacts\":{},\"metadata\":{},"
                 "\"created_at\":\"2025-10-22T15:55:27.826\","
                 "\"updated_at\":\"2025-10-22T15:55:28.826\"}",
                 id, id)
                 .p);
    CHECK_INT_EQ(
        RUN_IN(project, "sessions", "import", "old.json").status, 0);
    return id;
}

/* Another process of the project, whose clock is a minute ahead, finds that
 * nothing has happened in any session. */
static void expire(struct life *l)
{
    struct fixture f = {.workflows = slice_of(model_workflow()),
                        .sessions = {.idle_expire_s = 60, .sweep_ms = 1000}};
    CHECK_OK(path_canonical(slice_of(server_project(l->server)), test_arena(),
                            &f.root));
    CHECK_OK(pool_new("worker", 1, 16, &f.pool));
    clock_fake(clock_now(), clock_wall_ms() + 61000);
    fixture_open(&f);
    eng_tick(f.engine, clock_now());
    while (!eng_tick_over(f.engine)) sched_yield();
    fixture_done(&f);
    clock_real();
}

static const char *in_status(struct life *l, struct slice status, int phase)
{
    if (slice_eq(status, SLICE("error"))) return in_error(l);
    bool over = slice_eq(status, SLICE("completed"));
    const char *id = at_phase(l, over ? MODEL_PHASES : phase);
    if (slice_eq(status, SLICE("paused"))) manage(l, id, "pause");
    if (slice_eq(status, SLICE("abandoned"))) manage(l, id, "abandon");
    if (slice_eq(status, SLICE("expired"))) expire(l);
    return id;
}

/* --- the operations, by the heads of the table's columns ------------------- */

static const struct json *op_manage(struct life *l, const char *id, int phase,
                                    const char *name)
{
    (void)phase;
    return manage(l, id, name);
}

static const struct json *op_complete(struct life *l, const char *id, int phase,
                                      const char *name)
{
    (void)name;
    return complete(l, id, phase);
}

static const struct json *op_claim(struct life *l, const char *id, int phase,
                                   const char *name)
{
    (void)name;
    const struct json *v = call(
        l, "claim_task",
        with_id(id, arena_printf(test_arena(),
                                 ",\"phase\":%d,\"task_number\":1,\"agent\":"
                                 "\"a\"",
                                 phase)
                        .p));
    int64_t fence = 1;
    (void)json_int64(json_get(v, SLICE("fence")), &fence);
    const struct json *r = call(
        l, "release_task",
        with_id(id, arena_printf(test_arena(),
                                 ",\"phase\":%d,\"task_number\":1,\"fence\":%d,"
                                 "\"outcome\":\"done\"",
                                 phase, (int)fence)
                        .p));
    CHECK_SLICE_EQ(TEXT(r, "error", "detail"), TEXT(v, "error", "detail"));
    return v;
}

static const struct json *op_decide(struct life *l, const char *id, int phase,
                                    const char *name)
{
    (void)phase;
    (void)name;
    return decide(l, id, ASKED_EVENT);
}

static const struct column {
    const char *name;
    int phase; /* where the session is */
    const struct json *(*run)(struct life *l, const char *id, int phase,
                              const char *name);
} columns[] = {{"pause", 0, op_manage},
               {"resume", 0, op_manage},
               {"retry_phase", 0, op_manage},
               {"rollback", 1, op_manage},
               {"abandon", 0, op_manage},
               {"delete", 0, op_manage},
               {"complete_phase", 0, op_complete},
               {"last phase", MODEL_PHASES - 1, op_complete},
               {"claim, release", 0, op_claim},
               {"approve, reject", MODEL_HUMAN, op_decide}};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]), STATUSES = 6 };

/* --- a cell --------------------------------------------------------------- */

/* Who is told it, is told all of it. */
static void words_check(const struct json *v, struct slice status)
{
    static const char *const parts[] = {"what", "why", "how_to_fix"};
    for (int i = 0; i < 3; i++)
        if (!TEXT(v, "error", parts[i]).n)
            FAIL("no %s in %.*s", parts[i], SLICE_ARG(v->raw));
    struct slice what = TEXT(v, "error", "what");
    if (!slice_eq(status, SLICE("error"))) CHECK_CONTAINS(what, "Session ");
    if (slice_eq(status, SLICE("error")))
        CHECK_CONTAINS(TEXT(v, "error", "how_to_fix"), "retry_phase");
    if (slice_eq(status, SLICE("paused")) ||
        slice_eq(status, SLICE("expired")))
        CHECK_CONTAINS(TEXT(v, "error", "how_to_fix"), "resume");
    if (slice_eq(status, SLICE("completed")) ||
        slice_eq(status, SLICE("abandoned")))
        CHECK_CONTAINS(TEXT(v, "error", "how_to_fix"), "start_workflow");
}

static bool is_status(struct slice cell)
{
    return cell.n && cell.p[0] >= 'a' && cell.p[0] <= 'z';
}

static void cell_check(struct life *l, struct slice status,
                       const struct column *c, struct slice cell)
{
    const char *id = in_status(l, status, c->phase);
    bool over = slice_eq(status, SLICE("completed"));
    bool erred = slice_eq(status, SLICE("error"));
    int phase = over ? MODEL_PHASES - 1 : erred ? 0 : c->phase;
    const struct json *v = c->run(l, id, phase, c->name);
    struct slice detail = TEXT(v, "error", "detail");
    struct slice is = TEXT(call(l, "get_session", with_id(id, "")), "session",
                           "status");
    printf("%.*s, %s: \"%.*s\", then %.*s\n", SLICE_ARG(status), c->name,
           SLICE_ARG(detail), SLICE_ARG(is));
    if (!is_status(cell)) {
        /* What is missing has a name of its own. */
        if (slice_eq(cell, SLICE("UNAVAILABLE")))
            cell = SLICE("WORKFLOW_NOT_FOUND");
        CHECK_SLICE_EQ(detail, cell);
        CHECK_SLICE_EQ(is, status);
        words_check(v, status);
        return;
    }
    CHECK_TEXT_EQ(detail, "");
    if (slice_eq(slice_of(c->name), SLICE("delete")))
        CHECK_TEXT_EQ(is, ""); /* nobody finds it any more */
    else
        CHECK_SLICE_EQ(is, cell);
}

/* The cells of a row behind "| **active** |". */
static struct slice row_of(struct slice text, const char *status)
{
    struct slice mark = arena_printf(test_arena(), "\n| **%s** |", status);
    size_t at = slice_find(text, mark);
    CHECK_INT_LT(at, text.n);
    struct slice rest = slice_sub(text, at + mark.n, text.n), line;
    CHECK(slice_split(&rest, '\n', &line));
    return line;
}

TEST(life, every_operation_in_every_status_does_what_the_table_says,
     .timeout_s = 60)
{
    static const char *const statuses[STATUSES] = {"active", "paused",
                                                   "completed", "error",
                                                   "abandoned", "expired"};
    struct life l;
    struct slice text, head;
    CHECK_OK(file_read(path_join(test_arena(), slice_of(test_source_dir()),
                                 SLICE("docs/SESSIONS.md")),
                       1 << 20, test_arena(), &text));
    head = slice_sub(text, slice_find(text, SLICE("| | pause |")), text.n);
    for (int i = 0; i < COLUMNS; i++)
        CHECK_INT_LT(slice_find(head, slice_of(columns[i].name)), 200);
    life_begin(&l);
    for (int s = 0; s < STATUSES; s++) {
        struct slice row = row_of(text, statuses[s]), cell;
        for (int i = 0; i < COLUMNS; i++) {
            CHECK(slice_split(&row, '|', &cell));
            cell_check(&l, slice_of(statuses[s]), &columns[i],
                       slice_trim(cell));
        }
    }
    CHECK_INT_EQ(
        RUN_IN(server_project(l.server), "sessions", "verify").status, 0);
}

/* A deleted one is no status: everything answers that it is not there. */
TEST(life, a_deleted_session_is_not_found_by_any_operation)
{
    struct life l;
    life_begin(&l);
    const char *id = at_phase(&l, MODEL_HUMAN);
    CHECK_TEXT_EQ(TEXT(manage(&l, id, "delete"), "error", "detail"), "");
    for (int i = 0; i < COLUMNS; i++)
        CHECK_TEXT_EQ(TEXT(columns[i].run(&l, id, MODEL_HUMAN,
                                          columns[i].name),
                           "error", "detail"),
                      "SESSION_NOT_FOUND");
}

/* A rollback gates again: what passed before passes nothing now, the approval
 * is asked for anew, and the attempts stay in the history. */
TEST(life, what_was_rolled_back_is_gated_again_by_each_kind_of_gate)
{
    struct life l;
    life_begin(&l);
    const char *id = at_phase(&l, MODEL_PHASES - 1);
    const struct json *v = manage(&l, id, "rollback");
    CHECK_INT_EQ(json_get(v, SLICE("reopened_phases"))->count, 3);
    for (int phase = 0; phase < MODEL_PHASES; phase++) {
        struct slice bad = arena_printf(
            test_arena(), ",\"phase\":%d,\"evidence\":%s", phase,
            model_evidence(phase, false));
        v = call(&l, "complete_phase", with_id(id, bad.p));
        CHECK_TEXT_EQ(TEXT(v, "error", "detail"), "GATE_REFUSED");
        v = complete(&l, id, phase);
        if (phase == MODEL_HUMAN) {
            CHECK_TEXT_EQ(TEXT(v, "error", "detail"), "APPROVAL_PENDING");
            int event =
                (int)kit_int(json_at(v, "approval", "event_id", NULL));
            CHECK_INT_GT(event, ASKED_EVENT);
            CHECK(json_get(decide(&l, id, ASKED_EVENT), SLICE("error")));
            decide(&l, id, event);
            v = complete(&l, id, phase);
        }
        CHECK(json_is(json_get(v, SLICE("passed")), JSON_TRUE));
    }
    v = call(&l, "get_session",
             with_id(id, ",\"include\":[\"history\"]"));
    CHECK_TEXT_EQ(TEXT(v, "session", "status"), "completed");
    int passed = 0;
    const struct json *history = json_get(v, SLICE("history"));
    for (uint32_t i = 0; i < history->count; i++)
        passed += slice_eq(TEXT(&history->items[i], "type"),
                           SLICE("phase_completed"));
    CHECK_INT_EQ(passed, 3 + MODEL_PHASES);
}
