/*
 * refusals: what every operation on a session refuses before it begins: no
 * project, an id that is none, a session that is not there; and lists of
 * approvals, page by page.
 */
#include <string.h>

#include "engine/approval.h"
#include "tests/unit/session_kit.h"

#define NO_SESSION SLICE("00000000-0000-4000-8000-000000000000")

static const struct slice *the_id;

#define OP(name, op, ...)                                                      \
    static enum err name(struct engine *e, struct eng_call *c)                 \
    {                                                                          \
        struct slice id = *the_id;                                             \
        struct eng_##op##_args args = {__VA_ARGS__};                           \
        (void)id;                                                              \
        return eng_##op(e, c, &args);                                          \
    }
OP(phase, get_phase, .session_id = id, .phase = ENG_ABSENT)
OP(task, get_task, .session_id = id, .task_number = 1, .phase = ENG_ABSENT)
OP(session, get_session, .session_id = id)
OP(manage, manage_session, .session_id = id, .action = SLICE("pause"),
   .to_phase = ENG_ABSENT, .phase = ENG_ABSENT)
OP(claim, claim_task, .session_id = id, .agent = SLICE("a"), .task_number = 1,
   .phase = ENG_ABSENT, .lease_seconds = 60)
OP(release, release_task, .session_id = id, .outcome = SLICE("done"),
   .task_number = 1, .phase = ENG_ABSENT, .fence = 1)
OP(report, report, .session_id = id)
OP(export, export, .session_ids = &id, .count = 1)
OP(removal, remove_session, .session_id = id)
OP(approvals, approvals_list, .session_id = id)
OP(decide, approval_decide, .session_id = id, .phase = ENG_ABSENT,
   .event_id = ENG_ABSENT, .approve = true, .person = SLICE("Ada"),
   .channel = SLICE("terminal"))
OP(import, import, .name = SLICE("a"), .text = SLICE("{}"))
OP(all, approvals_list, .limit = 5)

struct op {
    const char *name;
    enum err (*call)(struct engine *e, struct eng_call *c);
    bool general; /* not of one session */
};
static const struct op ops[] = {
    {"get_phase", phase},        {"get_task", task},
    {"get_session", session},    {"manage_session", manage},
    {"claim_task", claim},       {"release_task", release},
    {"report", report},          {"export", export},
    {"remove", removal},         {"approvals", approvals},
    {"decide", decide},          {"import", import, true},
    {"all approvals", all, true}};
enum { OPS = sizeof(ops) / sizeof(ops[0]) };

static void refused(struct fixture *f, const struct op *op, struct slice id,
                    enum err want)
{
    struct outcome o;
    the_id = &id;
    outcome_begin(&o);
    enum err e = outcome_wait(&o, op->call(f->engine, &o.call));
    if (e != want) FAIL("%s: %.*s", op->name, SLICE_ARG(err_detail(e)));
    CHECK_INT_EQ(o.call.problem.err, want);
    CHECK_INT_GT(o.call.problem.what.n, 0);
    CHECK_INT_GT(o.call.problem.how_to_fix.n, 0);
    outcome_done(&o);
}

TEST(refusals, without_a_project_nothing_can_be_asked_of_a_session)
{
    struct fixture f = {0};
    CHECK_OK(pool_new("worker", 2, 16, &f.pool));
    fixture_open(&f);
    for (size_t i = 0; i < OPS; i++)
        refused(&f, &ops[i], NO_SESSION, ERR_NO_PROJECT);
    fixture_done(&f);
}

TEST(refusals,
     an_id_that_is_none_and_a_session_that_is_not_there_are_told_apart)
{
    struct fixture f;
    fixture_init(&f, kit_workflows());
    for (size_t i = 0; i < OPS; i++) {
        if (ops[i].general) continue;
        refused(&f, &ops[i], SLICE("no-id"), ERR_INVALID_SESSION_ID);
        refused(&f, &ops[i], NO_SESSION, ERR_SESSION_NOT_FOUND);
    }
    fixture_done(&f);
}

/* --- approvals ---------------------------------------------------------------
 */

enum { SESSIONS = 5, LARGE = 80 << 10 };

static const char gate[] =
    "checkpoint:\n  strict: true\nevidence_schema:\n"
    "  summary:\n    type: string\n    required: true\n"
    "    description: \"what was done\"\n"
    "  looked_at:\n    type: boolean\n    required: true\n"
    "    description: \"a person has seen it work\"\n    proof: human\n";

static void begin(struct fixture *f, struct slice *id)
{
    const char *folder = kit_workflows();
    char *large = arena_alloc(test_arena(), LARGE + 1);
    memset(large, 'a', LARGE);
    large[LARGE] = '\0';
    kit_put(folder, "three_v1/phases/0/gate-definition.yaml", gate);
    fixture_init(f, folder);
    for (int i = 0; i < SESSIONS; i++) {
        struct outcome o;
        id[i] = kit_begin(f, arena_printf(test_arena(), "src/%d.c", i).p);
        const char *evidence =
            arena_printf(test_arena(), "{\"summary\":\"%s\"}",
                         i == 2 ? large : "it is done")
                .p;
        CHECK_ERR(kit_complete(f, &o, id[i], 0, evidence),
                  ERR_APPROVAL_PENDING);
        outcome_done(&o);
    }
}

static enum err list(struct fixture *f, struct outcome *o, struct slice id,
                     int64_t limit, struct slice cursor)
{
    struct eng_approvals_list_args args = {
        .session_id = id, .limit = limit, .cursor = cursor};
    return CALL(o, eng_approvals_list(f->engine, &o->call, &args));
}

/* Every request stands on one page; evidence too large for a list is there
 * when its session is asked for. */
TEST(refusals, what_waits_for_people_is_listed_page_by_page)
{
    struct fixture f;
    struct outcome o;
    struct slice id[SESSIONS], cursor = {0};
    uint32_t seen = 0, pages = 0, shown = 0;
    begin(&f, id);
    do {
        CHECK_OK(list(&f, &o, (struct slice){0}, 2, cursor));
        const struct json *items = json_get(o.out, SLICE("approvals"));
        CHECK_INT_LE(items->count, 2);
        seen += items->count;
        for (uint32_t i = 0; i < items->count; i++)
            shown += json_get(&items->items[i], SLICE("evidence")) != NULL;
        cursor = arena_copy(test_arena(),
                            json_text(json_get(o.out, SLICE("next_cursor"))));
        outcome_done(&o);
        pages++;
    } while (cursor.n);
    CHECK_INT_EQ(pages, 3);
    CHECK_INT_EQ(seen, SESSIONS);
    CHECK_INT_EQ(shown, SESSIONS - 1);
    CHECK_OK(list(&f, &o, id[2], 0, (struct slice){0}));
    const struct json *one = json_get(o.out, SLICE("approvals"))->items;
    CHECK_INT_GT(json_get(one, SLICE("evidence"))->raw.n, LARGE);
    outcome_done(&o);
    CHECK_OK(list(&f, &o, (struct slice){0}, 5000, (struct slice){0}));
    CHECK_INT_EQ(kit_int(json_get(o.out, SLICE("count"))), SESSIONS);
    outcome_done(&o);
    fixture_done(&f);
}

struct cursor_row {
    const char *cursor;
};
TEST_EACH(refusals, a_cursor_that_was_not_given_out_is_refused,
          struct cursor_row, row, {"x"}, {"1"}, {"1.2"}, {"1.2.x"},
          {"a.2.00000000-0000-4000-8000-000000000000"},
          {"1.b.00000000-0000-4000-8000-000000000000"}, {".."})
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    CHECK_ERR(list(&f, &o, (struct slice){0}, 2, slice_of(row->cursor)),
              ERR_INVALID_PARAMETER);
    CHECK_CONTAINS(o.call.problem.how_to_fix, "next_cursor");
    outcome_done(&o);
    fixture_done(&f);
}

/* A person who has looked at one phase or one request decides about no
 * other; and words have an end. */
TEST(refusals, a_decision_is_of_the_phase_that_was_seen_and_not_endless)
{
    struct fixture f;
    struct slice id[SESSIONS];
    char *endless = arena_alloc(test_arena(), 5000);
    memset(endless, 'a', 5000);
    begin(&f, id);
    const struct {
        struct eng_approval_decide_args args;
        enum err want;
    } rows[] = {
        {{.phase = 1, .event_id = ENG_ABSENT, .person = SLICE("Ada")},
         ERR_NOT_FOUND},
        {{.phase = 0, .event_id = 1, .person = SLICE("Ada")}, ERR_CONFLICT},
        {{.phase = 0, .event_id = ENG_ABSENT, .person = {endless, 201}},
         ERR_INVALID_PARAMETER},
        {{.phase = 0,
          .event_id = ENG_ABSENT,
          .person = SLICE("Ada"),
          .comment = {endless, 4001}},
         ERR_INVALID_PARAMETER},
        {{.phase = 0,
          .event_id = ENG_ABSENT,
          .person = {endless, 200},
          .comment = {endless, 4000}},
         OK}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outcome o;
        struct eng_approval_decide_args args = rows[i].args;
        args.session_id = id[0];
        args.approve = true;
        args.channel = SLICE("dashboard");
        CHECK_ERR(CALL(&o, eng_approval_decide(f.engine, &o.call, &args)),
                  rows[i].want);
        outcome_done(&o);
    }
    fixture_done(&f);
}
