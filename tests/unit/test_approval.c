/* What a gate asks a person: requests, decisions, and what they are worth. */
#include "engine/approval.h"

#include "tests/unit/session_kit.h"

#define EVIDENCE "{\"summary\":\"it is done\"}"
/* What a field is worth while nobody has said yes to these very bytes. */
#define UNSAID "\"kind\":\"human\",\"detail\":\"a person has to approve it\""

static const char gate[] =
    "checkpoint:\n  strict: true\nevidence_schema:\n"
    "  summary:\n    type: string\n    required: true\n"
    "    description: \"what was done\"\n"
    "  looked_at:\n    type: boolean\n    required: true\n"
    "    description: \"a person has seen it work\"\n    proof: human\n";

/* three_v1, whose first two gates ask a person. */
static struct slice begin(struct fixture *f)
{
    const char *folder = kit_workflows();
    kit_put(folder, "three_v1/phases/0/gate-definition.yaml", gate);
    kit_put(folder, "three_v1/phases/1/gate-definition.yaml", gate);
    fixture_init(f, folder);
    return kit_begin(f, "src/a.c");
}

static enum err decide_as(struct fixture *f, struct outcome *o, struct slice id,
                          int64_t event, bool approve)
{
    struct eng_approval_decide_args args = {
        .session_id = id,
        .phase = ENG_ABSENT,
        .event_id = event,
        .approve = approve,
        .person = SLICE("Ada"),
        .channel = SLICE("dashboard"),
        .comment = approve ? SLICE("") : SLICE("the title is wrong")};
    return CALL(o, eng_approval_decide(f->engine, &o->call, &args));
}

static void decide(struct fixture *f, struct slice id, bool approve)
{
    struct outcome o;
    CHECK_OK(decide_as(f, &o, id, ENG_ABSENT, approve));
    outcome_done(&o);
}

static enum err complete(struct fixture *f, struct slice id, int64_t phase,
                         const char *evidence)
{
    struct outcome o;
    enum err e = kit_complete(f, &o, id, phase, evidence);
    outcome_done(&o);
    return e;
}

static int64_t count_open(struct fixture *f)
{
    struct outcome o;
    struct eng_approvals_list_args args = {0};
    CHECK_OK(CALL(&o, eng_approvals_list(f->engine, &o.call, &args)));
    int64_t n = kit_int(json_get(o.out, SLICE("count")));
    outcome_done(&o);
    return n;
}

static void check_intact(struct fixture *f)
{
    struct outcome o;
    struct eng_verify_args args = {0};
    CHECK_OK(CALL(&o, eng_verify(f->engine, &o.call, &args)));
    CHECK(json_is(json_get(o.out, SLICE("intact")), JSON_TRUE));
    outcome_done(&o);
}

TEST(approval, a_phase_waits_for_a_person_and_goes_on_with_the_same_evidence)
{
    struct fixture f;
    struct outcome o;
    struct slice id = begin(&f);
    CHECK_ERR(kit_complete(&f, &o, id, 0, EVIDENCE), ERR_APPROVAL_PENDING);
    CHECK(o.call.problem.retry_after_ms > 0);
    CHECK_CONTAINS(o.call.problem.siblings, "\"passed\":false");
    CHECK_CONTAINS(o.call.problem.siblings, "\"field\":\"looked_at\"");
    CHECK_CONTAINS(o.call.problem.siblings, UNSAID);
    CHECK_CONTAINS(o.call.problem.how_to_fix, "sessions approve");
    outcome_done(&o);
    CHECK_ERR(complete(&f, id, 0, EVIDENCE), ERR_APPROVAL_PENDING);
    CHECK_INT_EQ(count_open(&f), 1);
    fixture_restart(&f);
    decide(&f, id, true);
    CHECK_INT_EQ(count_open(&f), 0);
    /* by meaning, not by bytes */
    CHECK_OK(kit_complete(&f, &o, id, 0, "{ \"summary\" : \"it is done\" }"));
    const struct json *proof = &json_get(o.out, SLICE("proofs"))->items[1];
    CHECK_STR_EQ(kit_text(proof, "kind"), "human");
    CHECK_STR_EQ(kit_text(proof, "detail"), "approved by Ada (dashboard)");
    outcome_done(&o);
    check_intact(&f);
    fixture_done(&f);
}

TEST(approval, other_evidence_is_another_request)
{
    struct fixture f;
    struct outcome o;
    struct slice id = begin(&f);
    CHECK_ERR(complete(&f, id, 0, EVIDENCE), ERR_APPROVAL_PENDING);
    decide(&f, id, true);
    CHECK_ERR(kit_complete(&f, &o, id, 0, "{\"summary\":\"something else\"}"),
              ERR_APPROVAL_PENDING);
    CHECK_CONTAINS(o.call.problem.siblings, UNSAID);
    outcome_done(&o);
    CHECK_INT_EQ(count_open(&f), 1);
    /* and the approval that stood is not there for the first any more */
    CHECK_ERR(complete(&f, id, 0, EVIDENCE), ERR_APPROVAL_PENDING);
    /* who saw an older request is told */
    CHECK_ERR(decide_as(&f, &o, id, 2, true), ERR_CONFLICT);
    outcome_done(&o);
    check_intact(&f);
    fixture_done(&f);
}

TEST(approval, a_rejection_reaches_the_agent_once_and_then_it_may_ask_again)
{
    struct fixture f;
    struct outcome o;
    struct slice id = begin(&f);
    CHECK_ERR(complete(&f, id, 0, EVIDENCE), ERR_APPROVAL_PENDING);
    decide(&f, id, false);
    CHECK_ERR(kit_complete(&f, &o, id, 0, EVIDENCE), ERR_GATE_REFUSED);
    CHECK_CONTAINS(o.call.problem.siblings, "the title is wrong");
    CHECK_CONTAINS(o.call.problem.siblings, "\"code\":\"REJECTED\"");
    CHECK_CONTAINS(o.call.problem.siblings, UNSAID);
    outcome_done(&o);
    CHECK_ERR(complete(&f, id, 0, EVIDENCE), ERR_APPROVAL_PENDING);
    decide(&f, id, true);
    CHECK_OK(complete(&f, id, 0, EVIDENCE));
    check_intact(&f);
    fixture_done(&f);
}

TEST(approval, nobody_is_asked_before_the_rest_is_met)
{
    struct fixture f;
    struct slice id = begin(&f);
    CHECK_ERR(complete(&f, id, 0, "{}"), ERR_GATE_REFUSED);
    CHECK_ERR(complete(&f, id, 0, "{\"summary\":1}"), ERR_GATE_REFUSED);
    CHECK_ERR(complete(&f, id, 0, "{\"summary\":\"x\",\"looked_at\":false}"),
              ERR_GATE_REFUSED);
    CHECK_ERR(complete(&f, id, 0, "{\"summary\":\"x\",\"looked_at\":\"yes\"}"),
              ERR_GATE_REFUSED);
    CHECK_INT_EQ(count_open(&f), 0);
    fixture_done(&f);
}

TEST(approval, a_rollback_takes_it_back)
{
    struct fixture f;
    struct outcome o;
    struct slice id = begin(&f);
    CHECK_ERR(complete(&f, id, 0, EVIDENCE), ERR_APPROVAL_PENDING);
    decide(&f, id, true);
    CHECK_OK(complete(&f, id, 0, EVIDENCE));
    CHECK_OK(kit_manage(&f, &o, id, "rollback", 0, false, NULL));
    outcome_done(&o);
    CHECK_ERR(complete(&f, id, 0, EVIDENCE), ERR_APPROVAL_PENDING);
    check_intact(&f);
    fixture_done(&f);
}

TEST(approval, one_phase_s_word_is_no_other_s_and_no_other_session_s)
{
    struct fixture f;
    struct slice id = begin(&f), other = kit_begin(&f, "src/b.c");
    CHECK_ERR(complete(&f, id, 0, EVIDENCE), ERR_APPROVAL_PENDING);
    decide(&f, id, true);
    CHECK_ERR(complete(&f, other, 0, EVIDENCE), ERR_APPROVAL_PENDING);
    CHECK_OK(complete(&f, id, 0, EVIDENCE));
    CHECK_ERR(complete(&f, id, 1, EVIDENCE), ERR_APPROVAL_PENDING);
    CHECK_INT_EQ(count_open(&f), 2);
    fixture_done(&f);
}

TEST(approval, what_is_not_asked_cannot_be_decided)
{
    struct fixture f;
    struct outcome o;
    struct slice id = begin(&f);
    CHECK_ERR(decide_as(&f, &o, id, ENG_ABSENT, true), ERR_NOT_FOUND);
    outcome_done(&o);
    CHECK_ERR(complete(&f, id, 0, EVIDENCE), ERR_APPROVAL_PENDING);
    decide(&f, id, true);
    CHECK_ERR(decide_as(&f, &o, id, 2, false), ERR_CONFLICT);
    outcome_done(&o);
    CHECK_OK(kit_manage(&f, &o, id, "abandon", ENG_ABSENT, false, NULL));
    outcome_done(&o);
    CHECK_ERR(decide_as(&f, &o, id, ENG_ABSENT, true), ERR_SESSION_CLOSED);
    outcome_done(&o);
    fixture_done(&f);
}

static const struct {
    const char *person, *channel, *comment;
    bool approve;
} bad[] = {{"", "terminal", "", true}, {"  ", "terminal", "", true},
           {"Ada", "stdio", "", true}, {"Ada", "http", "", true},
           {"Ada", "", "", true},      {"Ada", "terminal", "", false}};

TEST(approval, a_decision_needs_a_name_a_person_s_channel_and_a_reason_for_no)
{
    struct fixture f;
    struct slice id = begin(&f);
    CHECK_ERR(complete(&f, id, 0, EVIDENCE), ERR_APPROVAL_PENDING);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct outcome o;
        struct eng_approval_decide_args args = {
            .session_id = id,
            .phase = ENG_ABSENT,
            .event_id = ENG_ABSENT,
            .approve = bad[i].approve,
            .person = slice_of(bad[i].person),
            .channel = slice_of(bad[i].channel),
            .comment = slice_of(bad[i].comment)};
        CHECK_ERR(CALL(&o, eng_approval_decide(f.engine, &o.call, &args)),
                  ERR_INVALID_PARAMETER);
        outcome_done(&o);
    }
    CHECK_INT_EQ(count_open(&f), 1);
    fixture_done(&f);
}

TEST(approval, it_travels_with_the_session)
{
    struct fixture f;
    struct outcome o;
    struct slice id = begin(&f);
    CHECK_ERR(complete(&f, id, 0, EVIDENCE), ERR_APPROVAL_PENDING);
    struct eng_export_args all = {0};
    CHECK_OK(CALL(&o, eng_export(f.engine, &o.call, &all)));
    struct slice text = arena_copy(test_arena(), buf_slice(&o.twin.plain));
    outcome_done(&o);
    struct eng_remove_session_args gone = {id};
    CHECK_OK(CALL(&o, eng_remove_session(f.engine, &o.call, &gone)));
    outcome_done(&o);
    CHECK_INT_EQ(count_open(&f), 0);
    struct eng_import_args back = {.name = SLICE("x"), .text = text};
    CHECK_OK(CALL(&o, eng_import(f.engine, &o.call, &back)));
    outcome_done(&o);
    CHECK_INT_EQ(count_open(&f), 1);
    decide(&f, id, true);
    CHECK_OK(complete(&f, id, 0, EVIDENCE));
    check_intact(&f);
    fixture_done(&f);
}
