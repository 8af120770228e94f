/* The table of allowed edges, and manage_session on real sessions. */
#include "engine/transition.h"

#include "tests/unit/session_kit.h"

/* --- the table and its page ------------------------------------------------
 */

static struct slice edge_text(enum eng_status from, enum eng_action a)
{
    enum eng_status to;
    enum err e = eng__move(from, a, &to);
    return arena_printf(test_arena(), " %.*s |",
                        SLICE_ARG(e ? err_detail(e) : eng__status_text(to)));
}

TEST(transition, the_table_is_the_one_in_docs_sessions)
{
    struct slice page, path = arena_printf(test_arena(), "%s/docs/SESSIONS.md",
                                           test_source_dir());
    CHECK_OK(file_read(path, 1u << 20, test_arena(), &page));
    struct slice head = SLICE("| |");
    for (int a = 0; a < ENG_ACTION_COUNT; a++)
        head = arena_printf(test_arena(), "%.*s %.*s |", SLICE_ARG(head),
                            SLICE_ARG(eng__action_text((enum eng_action)a)));
    CHECK_CONTAINS(page, head.p);
    for (int s = 0; s < ENG_STATUS_COUNT; s++) {
        struct slice row =
            arena_printf(test_arena(), "| **%.*s** |",
                         SLICE_ARG(eng__status_text((enum eng_status)s)));
        for (int a = 0; a < ENG_ACTION_COUNT; a++)
            row = arena_printf(
                test_arena(), "%.*s%.*s", SLICE_ARG(row),
                SLICE_ARG(edge_text((enum eng_status)s, (enum eng_action)a)));
        CHECK_CONTAINS(page, row.p);
    }
}

TEST(transition, nothing_leads_out_of_an_end)
{
    static const enum eng_status ends[] = {ENG_COMPLETED, ENG_ABANDONED};
    for (size_t i = 0; i < 2; i++)
        for (int a = 0; a < ENG_ACTION_COUNT; a++) {
            enum eng_status to = ends[i];
            if (!eng__move(ends[i], (enum eng_action)a, &to))
                CHECK_INT_EQ(to, ends[i]);
        }
}

TEST(transition, every_status_is_read_back_from_its_word)
{
    enum eng_status s;
    for (int i = 0; i < ENG_STATUS_COUNT; i++) {
        CHECK(eng__status_parse(eng__status_text((enum eng_status)i), &s));
        CHECK_INT_EQ(s, i);
    }
    CHECK(!eng__status_parse(SLICE("weird"), &s));
    CHECK(!eng__status_parse(SLICE(""), &s));
}

/* --- pause and resume -------------------------------------------------------
 */

TEST(manage, a_paused_session_is_read_and_not_written)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x");
    CHECK_OK(kit_manage(&f, &o, id, "pause", ENG_ABSENT, false, NULL));
    CHECK_STR_EQ(kit_text(o.out, "session", "status"), "paused");
    CHECK_STR_EQ(kit_text(o.out, "next", "arguments", "action"), "resume");
    outcome_done(&o);
    CHECK_ERR(kit_complete(&f, &o, id, 0, KIT_GOOD), ERR_SESSION_PAUSED);
    CHECK_CONTAINS(o.call.problem.how_to_fix, "resume");
    outcome_done(&o);
    CHECK_ERR(kit_claim(&f, &o, id, 0, 1, "a"), ERR_SESSION_PAUSED);
    outcome_done(&o);
    CHECK_ERR(kit_manage(&f, &o, id, "rollback", 0, false, NULL),
              ERR_SESSION_PAUSED);
    outcome_done(&o);
    CHECK_OK(kit_session(&f, &o, id));
    CHECK_STR_EQ(kit_text(o.out, "next", "tool"), "manage_session");
    outcome_done(&o);
    CHECK_SLICE_EQ(kit_begin(&f, "x"), id);
    CHECK_OK(kit_manage(&f, &o, id, "resume", ENG_ABSENT, false, NULL));
    CHECK_STR_EQ(kit_text(o.out, "next", "tool"), "get_task");
    outcome_done(&o);
    kit_pass(&f, id, 0);
    fixture_done(&f);
}

TEST(manage, what_is_so_already_is_a_success_that_writes_nothing)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x");
    CHECK_OK(kit_manage(&f, &o, id, "resume", ENG_ABSENT, false, NULL));
    CHECK_INT_EQ(json_get(o.out, SLICE("changed"))->type, JSON_FALSE);
    outcome_done(&o);
    CHECK_OK(kit_session(&f, &o, id));
    CHECK_INT_EQ(json_get(o.out, SLICE("history"))->count, 1);
    outcome_done(&o);
    fixture_done(&f);
}

/* --- back --------------------------------------------------------------- */

TEST(manage, a_rollback_gates_the_phases_again_and_keeps_their_history)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x");
    kit_pass(&f, id, 0);
    kit_pass(&f, id, 1);
    CHECK_OK(kit_manage(&f, &o, id, "rollback", 0, false, NULL));
    CHECK_INT_EQ(kit_int(json_at(o.out, "session", "current_phase", NULL)), 0);
    CHECK_INT_EQ(json_get(o.out, SLICE("reopened_phases"))->count, 2);
    CHECK_STR_EQ(kit_text(o.out, "next", "tool"), "get_phase");
    outcome_done(&o);
    fixture_restart(&f);
    CHECK_ERR(kit_complete(&f, &o, id, 1, KIT_GOOD), ERR_PHASE_LOCKED);
    outcome_done(&o);
    CHECK_ERR(kit_complete(&f, &o, id, 0, "{}"), ERR_GATE_REFUSED);
    outcome_done(&o);
    CHECK_OK(kit_session(&f, &o, id));
    CHECK_INT_EQ(json_get(o.out, SLICE("evidence"))->count, 0);
    CHECK_INT_EQ(json_get(o.out, SLICE("history"))->count, 5);
    CHECK_INT_EQ(json_at(o.out, "session", "completed_phases", NULL)->count, 0);
    outcome_done(&o);
    CHECK_OK(kit_complete(&f, &o, id, 0, "{\"done\":true,\"count\":9}"));
    outcome_done(&o);
    CHECK_OK(kit_session(&f, &o, id));
    CHECK_INT_EQ(json_get(o.out, SLICE("evidence"))->count, 1);
    CHECK_INT_EQ(kit_int(json_at(o.out, "evidence", "0", "count", NULL)), 9);
    outcome_done(&o);
    fixture_done(&f);
}

struct back {
    int64_t to;
    enum err want;
};
TEST_EACH(manage, a_rollback_goes_to_a_phase_that_was_open, struct back, row,
          {ENG_ABSENT, ERR_MISSING_PARAMETER}, {2, ERR_PHASE_LOCKED},
          {7, ERR_PHASE_OUT_OF_RANGE}, {-1, ERR_PHASE_OUT_OF_RANGE}, {1, OK},
          {0, OK})
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x");
    kit_pass(&f, id, 0);
    CHECK_ERR(kit_manage(&f, &o, id, "rollback", row->to, false, NULL),
              row->want);
    outcome_done(&o);
    fixture_done(&f);
}

TEST(manage, reset_evidence_opens_the_tasks_again_and_old_fences_are_lost)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x");
    CHECK_OK(kit_claim(&f, &o, id, 0, 1, "a"));
    outcome_done(&o);
    CHECK_OK(kit_release(&f, &o, id, 0, 1, 1, "done"));
    outcome_done(&o);
    CHECK_OK(kit_claim(&f, &o, id, 0, 2, "b"));
    outcome_done(&o);
    CHECK_OK(kit_manage(&f, &o, id, "retry_phase", ENG_ABSENT, false, NULL));
    outcome_done(&o);
    CHECK_ERR(kit_claim(&f, &o, id, 0, 1, "c"), ERR_ALREADY_CLAIMED);
    outcome_done(&o);
    CHECK_OK(kit_manage(&f, &o, id, "retry_phase", ENG_ABSENT, true, NULL));
    outcome_done(&o);
    CHECK_ERR(kit_release(&f, &o, id, 0, 2, 1, "done"), ERR_CLAIM_LOST);
    outcome_done(&o);
    CHECK_OK(kit_claim(&f, &o, id, 0, 1, "c"));
    CHECK_INT_EQ(kit_int(json_get(o.out, SLICE("fence"))), 3);
    outcome_done(&o);
    fixture_done(&f);
}

/* --- ends --------------------------------------------------------------- */

TEST(manage, an_abandoned_session_takes_nothing_more)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x");
    CHECK_OK(kit_manage(&f, &o, id, "abandon", ENG_ABSENT, false, NULL));
    CHECK(!json_get(o.out, SLICE("next")));
    outcome_done(&o);
    CHECK_ERR(kit_manage(&f, &o, id, "resume", ENG_ABSENT, false, NULL),
              ERR_SESSION_CLOSED);
    outcome_done(&o);
    CHECK_ERR(kit_complete(&f, &o, id, 0, KIT_GOOD), ERR_SESSION_CLOSED);
    outcome_done(&o);
    CHECK(!slice_eq(kit_begin(&f, "x"), id));
    fixture_done(&f);
}

TEST(manage, a_completed_session_is_not_rolled_back)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x");
    for (int i = 0; i < 3; i++) kit_pass(&f, id, i);
    CHECK_ERR(kit_manage(&f, &o, id, "rollback", 0, false, NULL),
              ERR_SESSION_COMPLETE);
    outcome_done(&o);
    CHECK_ERR(kit_manage(&f, &o, id, "resume", ENG_ABSENT, false, NULL),
              ERR_SESSION_COMPLETE);
    outcome_done(&o);
    fixture_done(&f);
}

TEST(manage, a_deleted_session_is_not_found_by_anyone_also_after_a_restart)
{
    struct fixture f;
    struct outcome o;
    struct eng_list_sessions_args list = {.limit = 10};
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x");
    CHECK_OK(kit_manage(&f, &o, id, "delete", ENG_ABSENT, false, "k"));
    struct slice first = arena_copy(test_arena(), buf_slice(&o.twin.plain));
    CHECK(!json_get(o.out, SLICE("next")));
    outcome_done(&o);
    for (int i = 0; i < 2; i++) {
        struct eng_get_phase_args get = {id, ENG_ABSENT};
        CHECK_ERR(CALL(&o, eng_get_phase(f.engine, &o.call, &get)),
                  ERR_SESSION_NOT_FOUND);
        outcome_done(&o);
        CHECK_ERR(kit_manage(&f, &o, id, "delete", ENG_ABSENT, false, NULL),
                  ERR_SESSION_NOT_FOUND);
        outcome_done(&o);
        CHECK_ERR(kit_claim(&f, &o, id, 0, 1, "a"), ERR_SESSION_NOT_FOUND);
        outcome_done(&o);
        CHECK_OK(CALL(&o, eng_list_sessions(f.engine, &o.call, &list)));
        CHECK_INT_EQ(kit_int(json_get(o.out, SLICE("count"))), 0);
        outcome_done(&o);
        CHECK_OK(kit_manage(&f, &o, id, "delete", ENG_ABSENT, false, "k"));
        CHECK_SLICE_EQ(buf_slice(&o.twin.plain), first);
        outcome_done(&o);
        fixture_restart(&f);
    }
    CHECK(!slice_eq(kit_begin(&f, "x"), id));
    fixture_done(&f);
}

TEST(manage, a_repeated_key_acts_once_and_other_arguments_are_a_conflict)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x");
    kit_pass(&f, id, 0);
    CHECK_OK(kit_manage(&f, &o, id, "rollback", 0, false, "k"));
    struct slice first = arena_copy(test_arena(), buf_slice(&o.twin.plain));
    outcome_done(&o);
    kit_pass(&f, id, 0);
    CHECK_OK(kit_manage(&f, &o, id, "rollback", 0, false, "k"));
    CHECK_SLICE_EQ(buf_slice(&o.twin.plain), first);
    outcome_done(&o);
    CHECK_ERR(kit_manage(&f, &o, id, "rollback", 0, true, "k"),
              ERR_IDEMPOTENCY_CONFLICT);
    outcome_done(&o);
    CHECK_OK(kit_session(&f, &o, id));
    CHECK_INT_EQ(kit_int(json_at(o.out, "session", "current_phase", NULL)), 1);
    outcome_done(&o);
    CHECK_ERR(kit_manage(&f, &o, id, "explode", ENG_ABSENT, false, NULL),
              ERR_UNKNOWN_ACTION);
    outcome_done(&o);
    fixture_done(&f);
}

/* The answer of a key is what was answered then, whatever happened since: it
 * tells a caller that lost it what its call did. What is true now is what
 * get_session says; to submit again takes a new key. */
TEST(manage, a_repeated_success_is_told_byte_for_byte_after_a_rollback_too)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x");
    CHECK_OK(kit_complete_once(&f, &o, id, 0, KIT_GOOD, "k"));
    struct slice first = arena_copy(test_arena(), buf_slice(&o.twin.plain));
    outcome_done(&o);
    CHECK_OK(kit_manage(&f, &o, id, "rollback", 0, true, NULL));
    outcome_done(&o);
    CHECK_OK(kit_complete_once(&f, &o, id, 0, KIT_GOOD, "k"));
    CHECK_SLICE_EQ(buf_slice(&o.twin.plain), first);
    outcome_done(&o);
    CHECK_OK(kit_session(&f, &o, id));
    CHECK_INT_EQ(kit_int(json_at(o.out, "session", "current_phase", NULL)), 0);
    outcome_done(&o);
    CHECK_OK(kit_complete_once(&f, &o, id, 0, KIT_GOOD, "k2"));
    outcome_done(&o);
    CHECK_OK(kit_session(&f, &o, id));
    CHECK_INT_EQ(kit_int(json_at(o.out, "session", "current_phase", NULL)), 1);
    outcome_done(&o);
    fixture_done(&f);
}
