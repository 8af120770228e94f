/* boundaries: what every operation says where it cannot be done at all: on an
 * event loop, without a project, with an id that is none, with no memory. */
#include "engine/approval.h"
#include "engine/trust.h"
#include "tests/unit/session_kit.h"

/* The arguments outlive the call: it may go on elsewhere. */
#define OP(op, ...)                                                            \
    static enum err call_##op(struct engine *e, struct eng_call *c,            \
                              struct slice id)                                 \
    {                                                                          \
        struct eng_##op##_args *args =                                         \
            ARENA_NEW(test_arena(), struct eng_##op##_args);                   \
        CHECK(args != NULL);                                                   \
        *args = (struct eng_##op##_args){__VA_ARGS__};                         \
        (void)id;                                                              \
        return eng_##op(e, c, args);                                           \
    }

static const struct slice phases[] = {SLICE_INIT("Plan")};
OP(list_workflows, .query = {0})
OP(validate_workflow, .workflow_type = SLICE("three_v1"))
OP(create_workflow, .name = SLICE("made_v1"), .phases = phases,
   .phases_count = 1)
OP(start_workflow, .workflow_type = SLICE("three_v1"), .target = SLICE("t"))
OP(get_phase, .session_id = id, .phase = ENG_ABSENT)
OP(get_task, .session_id = id, .task_number = 1, .phase = ENG_ABSENT)
OP(complete_phase, .session_id = id, .evidence = parse(KIT_GOOD))
OP(get_session, .session_id = id)
OP(manage_session, .session_id = id, .action = SLICE("pause"),
   .to_phase = ENG_ABSENT)
OP(claim_task, .session_id = id, .agent = SLICE("a"), .task_number = 1,
   .lease_seconds = 60)
OP(release_task, .session_id = id, .outcome = SLICE("done"), .task_number = 1,
   .fence = 1)
OP(verify, .session_id = id)
OP(report, .session_id = id)
OP(export, .session_ids = &id, .count = 1)
OP(import, .name = SLICE("x"), .text = SLICE("{}"))
OP(remove_session, .session_id = id)
OP(list_sessions, .limit = 10)
OP(list_standards, .limit = 10)
OP(read_standard, .path = SLICE("a.md"))
OP(list_files, .limit = 10)
OP(approvals_list, .session_id = id)
OP(approval_decide, .session_id = id, .phase = ENG_ABSENT,
   .event_id = ENG_ABSENT, .approve = true, .person = SLICE("p"),
   .channel = SLICE("terminal"))
OP(trust_list, .type = {0})
OP(trust_give, .type = SLICE("three_v1"), .hash = SLICE("x"))

static enum err call_search(struct engine *e, struct eng_call *c,
                            struct slice id)
{
    struct eng_search_args args = {
        .query = SLICE("gate"), .n_results = 5, .filter_phase = ENG_ABSENT};
    (void)id;
    return eng_search_standards(e, c, &args);
}

struct row {
    const char *name;
    enum err (*call)(struct engine *e, struct eng_call *c, struct slice id);
    enum err homeless; /* without a project */
    enum err nameless; /* with an id that is none; OK: it takes no id */
    enum err on_loop;  /* OK: it goes on elsewhere by itself */
};
#define ROWS                                                                   \
    {"list_workflows", call_list_workflows, OK, OK, ERR_AGAIN},                \
        {"validate_workflow", call_validate_workflow, ERR_NO_PROJECT, OK,      \
         ERR_AGAIN},                                                           \
        {"create_workflow", call_create_workflow, ERR_NO_PROJECT, OK,          \
         ERR_AGAIN},                                                           \
        {"start_workflow", call_start_workflow, ERR_NO_PROJECT, OK, OK},       \
        {"get_phase", call_get_phase, ERR_NO_PROJECT, ERR_INVALID_SESSION_ID,  \
         ERR_AGAIN},                                                           \
        {"get_task", call_get_task, ERR_NO_PROJECT, ERR_INVALID_SESSION_ID,    \
         ERR_AGAIN},                                                           \
        {"complete_phase", call_complete_phase, ERR_NO_PROJECT,                \
         ERR_INVALID_SESSION_ID, OK},                                          \
        {"get_session", call_get_session, ERR_NO_PROJECT,                      \
         ERR_INVALID_SESSION_ID, ERR_AGAIN},                                   \
        {"manage_session", call_manage_session, ERR_NO_PROJECT,                \
         ERR_INVALID_SESSION_ID, OK},                                          \
        {"claim_task", call_claim_task, ERR_NO_PROJECT,                        \
         ERR_INVALID_SESSION_ID, OK},                                          \
        {"release_task", call_release_task, ERR_NO_PROJECT,                    \
         ERR_INVALID_SESSION_ID, OK},                                          \
        {"verify", call_verify, ERR_NO_PROJECT, ERR_INVALID_SESSION_ID,        \
         ERR_AGAIN},                                                           \
        {"report", call_report, ERR_NO_PROJECT, ERR_INVALID_SESSION_ID,        \
         ERR_AGAIN},                                                           \
        {"export", call_export, ERR_NO_PROJECT, ERR_INVALID_SESSION_ID,        \
         ERR_AGAIN},                                                           \
        {"import", call_import, ERR_NO_PROJECT, OK, ERR_AGAIN},                \
        {"remove_session", call_remove_session, ERR_NO_PROJECT,                \
         ERR_INVALID_SESSION_ID, ERR_AGAIN},                                   \
        {"list_sessions", call_list_sessions, ERR_NO_PROJECT, OK, ERR_AGAIN},  \
        {"search", call_search, ERR_NO_PROJECT, OK, ERR_AGAIN},                \
        {"list_standards", call_list_standards, OK, OK, ERR_AGAIN},            \
        {"read_standard", call_read_standard, ERR_NOT_FOUND, OK, ERR_AGAIN},   \
        {"list_files", call_list_files, ERR_NO_PROJECT, OK, ERR_AGAIN},        \
        {"approvals_list", call_approvals_list, ERR_NO_PROJECT,                \
         ERR_INVALID_SESSION_ID, ERR_AGAIN},                                   \
        {"approval_decide", call_approval_decide, ERR_NO_PROJECT,              \
         ERR_INVALID_SESSION_ID, OK},                                          \
        {"trust_list", call_trust_list, OK, OK, ERR_AGAIN},                    \
    {                                                                          \
        "trust_give", call_trust_give, ERR_CONFLICT, OK, ERR_AGAIN             \
    }

static void judge(const char *name, struct outcome *o, enum err want)
{
    if (o->err != want)
        FAIL("%s: %.*s, not %.*s: %.*s", name, SLICE_ARG(err_code(o->err)),
             SLICE_ARG(err_code(want)), SLICE_ARG(o->call.problem.what));
    if (want && want != ERR_AGAIN)
        CHECK(o->call.problem.what.n && o->call.problem.how_to_fix.n);
    outcome_done(o);
}

TEST_EACH(boundaries, without_a_project_there_is_nothing_to_do_it_in,
          struct row, row, ROWS)
{
    struct fixture f = {.workflows = slice_of(kit_workflows())};
    struct outcome o;
    CHECK_OK(pool_new("worker", 2, 64, &f.pool));
    fixture_open(&f);
    (void)CALL(&o, row->call(f.engine, &o.call,
                             SLICE("00000000-0000-4000-8000-000000000000")));
    judge(row->name, &o, row->homeless);
    fixture_done(&f);
}

TEST_EACH(boundaries, an_id_that_is_none_is_told_as_that, struct row, row, ROWS)
{
    static const struct slice none[] = {
        SLICE_INIT("x"), SLICE_INIT("00000000-0000-4000-8000-00000000000G"),
        SLICE_INIT("00000000-0000-4000-8000-0000000000000")};
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    for (size_t i = 0; row->nameless && i < 3; i++) {
        (void)CALL(&o, row->call(f.engine, &o.call, none[i]));
        judge(row->name, &o, row->nameless);
    }
    fixture_done(&f);
}

TEST_EACH(boundaries, on_a_loop_nothing_is_done_that_may_wait, struct row, row,
          ROWS)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "a");
    outcome_begin(&o);
    o.call.on_loop = true;
    enum err e = row->call(f.engine, &o.call, id);
    if (row->on_loop == OK && e != ERR_PENDING && e != OK &&
        !o.call.problem.err)
        FAIL("%s: %.*s", row->name, SLICE_ARG(err_code(e)));
    if (row->on_loop) CHECK_ERR(e, row->on_loop);
    if (row->on_loop) CHECK_INT_EQ(o.twin.plain.n, 0);
    (void)outcome_wait(&o, e);
    outcome_done(&o);
    fixture_done(&f);
}

/* However little memory a call has: it is told, or the call is done. What was
 * stored and could not be told any more is found by the next one. */
TEST_EACH(boundaries, memory_that_ends_anywhere_in_a_call_is_told, struct row,
          row, ROWS)
{
    struct fixture f;
    bool refused = true;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "a");
    kit_pass(&f, id, 0);
    for (size_t ceiling = 0; refused; ceiling += test_sanitized() ? 512 : 64) {
        struct outcome o;
        outcome_begin(&o);
        arena_init(&o.arena, ceiling);
        enum err e = outcome_wait(&o, row->call(f.engine, &o.call, id));
        refused = o.arena.refused;
        /* What is committed is answered, though its news are short of words. */
        if (refused && !e) CHECK_OK(row->on_loop);
        if (!e) (void)parse(arena_cstr(test_arena(), buf_slice(&o.twin.plain)));
        if (!refused) CHECK(e != ERR_NOMEM);
        if (e) CHECK(o.call.problem.what.n && o.call.problem.how_to_fix.n);
        outcome_done(&o);
    }
    fixture_done(&f);
}
