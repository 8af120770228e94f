/* What opens again, and with what: a session in status error with the options
 * that are given later, phases by hand or by a changed file; also with each
 * allocation failing. */
#include <stdio.h>

#include "tests/unit/fault_kit.h"
#include "tests/unit/proof_kit.h"

/* --- a workflow with a plan --------------------------------------------------
 */

static const char metadata[] =
    "{\"workflow_type\":\"build_v1\",\"version\":\"1.0.0\",\"description\":"
    "\"Builds what a plan says.\",\"total_phases\":\"dynamic\",\"dynamic_"
    "phases\":true,\"phases\":[{\"phase_number\":0,\"phase_name\":\"Read\","
    "\"tasks\":[]},{\"phase_number\":\"1-N\",\"phase_name\":\"Work\",\"purpose"
    "\":\"Do it\"}],\"dynamic_config\":{\"source_type\":\"spec_tasks_md\","
    "\"source_path_key\":\"plan\",\"templates\":{\"phase\":\"phases/dynamic/"
    "phase.md\",\"task\":\"phases/dynamic/task.md\"}}}";

static void planned(struct fixture *f)
{
    const char *wf = kit_workflows();
    kit_put(wf, "build_v1/metadata.json", metadata);
    kit_put(wf, "build_v1/phases/0/phase.md", "# Read\n");
    kit_put(wf, "build_v1/phases/dynamic/phase.md", "# [PHASE_NAME]\n");
    kit_put(wf, "build_v1/phases/dynamic/task.md", "# [TASK_NAME]\n");
    kit_put(test_tmpdir(), "plan/tasks.md",
            "## Phase 1: Ground\n### Task 1.1: Dig\n");
    fixture_init(f, wf);
}

/* A session of another program that was started with these options. */
static struct slice old_session(int n, const char *options)
{
    return arena_printf(
        test_arena(),
        "{\"session_id\":\"11111111-2222-4333-8444-%012d\","
        "\"workflow_type\":\"build_v1\",\"target_file\":\"t%d.py\","
        "\"current_phase\":0,\"completed_phases\":[],\"phase_artifacts\":{},"
        "\"checkpoints\":{},\"created_at\":\"2025-10-22T17:55:27.826277\","
        "\"updated_at\":\"2025-10-23T18:13:27.134924\",\"metadata\":{"
        "\"total_phases\":9%s}}",
        n, n, options);
}

static struct slice import_old(struct fixture *f, int n, const char *options)
{
    struct outcome o;
    struct eng_import_args args = {.name = SLICE("old.json"),
                                   .text = old_session(n, options)};
    CHECK_OK(CALL(&o, eng_import(f->engine, &o.call, &args)));
    outcome_done(&o);
    return arena_printf(test_arena(), "11111111-2222-4333-8444-%012d", n);
}

static enum err resume(struct fixture *f, struct outcome *o, struct slice id,
                       const char *options)
{
    struct eng_manage_session_args args = {.session_id = id,
                                           .action = SLICE("resume"),
                                           .to_phase = ENG_ABSENT,
                                           .options = parse(options)};
    return CALL(o, eng_manage_session(f->engine, &o->call, &args));
}

static void intact(struct fixture *f)
{
    struct outcome o;
    struct eng_verify_args all = {{0}};
    CHECK_OK(CALL(&o, eng_verify(f->engine, &o.call, &all)));
    CHECK(json_is(json_get(o.out, SLICE("intact")), JSON_TRUE));
    outcome_done(&o);
}

/* --- options that are given later ---------------------------------------------
 */

static void check_session(struct fixture *f, struct slice id,
                          const char *status, const char *options)
{
    struct outcome o;
    CHECK_OK(kit_session(f, &o, id));
    const struct json *s = json_get(o.out, SLICE("session"));
    CHECK_STR_EQ(kit_text(s, "status"), status);
    if (!json_equal(json_get(s, SLICE("options")), parse(options)))
        FAIL("%.*s", SLICE_ARG(json_get(s, SLICE("options"))->raw));
    outcome_done(&o);
}

struct lack_row {
    const char *label;
    const char *had; /* of the old session: members, each with a comma before */
    const char *given, *then;
};
TEST_EACH(reopen, what_a_session_lacked_is_given_when_it_is_resumed,
          struct lack_row, row,
          {"nothing else", "", "{\"plan\":\"plan\"}", "{\"plan\":\"plan\"}"},
          {"beside others", ",\"depth\":\"all\",\"list\":[1,{\"a\":null}]",
           "{\"plan\":\"plan\"}",
           "{\"depth\":\"all\",\"list\":[1,{\"a\":null}],\"plan\":\"plan\"}"},
          {"in place of a wrong one", ",\"plan\":\"none\",\"depth\":2",
           "{\"plan\":\"plan\",\"more\":true}",
           "{\"depth\":2,\"plan\":\"plan\",\"more\":true}"})
{
    struct fixture f;
    struct outcome o;
    planned(&f);
    struct slice id = import_old(&f, 1, row->had);
    CHECK_ERR(resume(&f, &o, id, "{\"plan\":\"none\"}"), ERR_SOURCE_NOT_FOUND);
    outcome_done(&o);
    CHECK_OK(resume(&f, &o, id, row->given));
    outcome_done(&o);
    check_session(&f, id, "active", row->then);
    fixture_restart(&f);
    check_session(&f, id, "active", row->then);
    CHECK_OK(kit_complete(&f, &o, id, 0, "{\"note\":\"read\"}"));
    outcome_done(&o);
    intact(&f);
    fixture_done(&f);
}

TEST(reopen, a_session_that_lacks_nothing_takes_no_options)
{
    struct fixture f;
    struct outcome o;
    planned(&f);
    struct slice id = kit_begin(&f, "a.c");
    CHECK_OK(kit_manage(&f, &o, id, "pause", ENG_ABSENT, false, NULL));
    outcome_done(&o);
    CHECK_ERR(resume(&f, &o, id, "{\"plan\":\"plan\"}"),
              ERR_INVALID_PARAMETER);
    CHECK_CONTAINS(o.call.problem.why, "those of its start");
    outcome_done(&o);
    fixture_done(&f);
}

/* --- phases by hand -----------------------------------------------------------
 */

static int64_t fence(struct fixture *f, struct slice id, int64_t phase)
{
    struct outcome o;
    CHECK_OK(kit_claim(f, &o, id, phase, 1, "ada"));
    int64_t n = kit_int(json_get(o.out, SLICE("fence")));
    outcome_done(&o);
    return n;
}

/* Claims of the phases before stay as they were. */
TEST(reopen, a_rollback_takes_back_the_tasks_from_its_phase_on)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "a.c");
    int64_t first = fence(&f, id, 0);
    CHECK_OK(kit_release(&f, &o, id, 0, 1, first, "done"));
    outcome_done(&o);
    kit_pass(&f, id, 0);
    int64_t second = fence(&f, id, 1);
    kit_pass(&f, id, 1);
    CHECK_OK(kit_manage(&f, &o, id, "rollback", 1, true, NULL));
    outcome_done(&o);
    CHECK_ERR(kit_release(&f, &o, id, 1, 1, second, "done"),
              ERR_CLAIM_LOST);
    outcome_done(&o);
    CHECK_INT_GT(fence(&f, id, 1), second);
    intact(&f);
    fixture_done(&f);
}

/* --- without memory ------------------------------------------------------------
 */

FAULT_CALL(resume_with, manage_session, .session_id = t->id,
           .action = SLICE("resume"), .to_phase = ENG_ABSENT,
           .options = t->json)
FAULT_CALL(next_phase, get_phase, t->id, 1)
FAULT_CALL(roll_back, manage_session, .session_id = t->id,
           .action = SLICE("rollback"), .to_phase = 1, .reset_evidence = true)

static void planned_begin(struct fault *t)
{
    planned(&t->f);
}

static void in_error(struct fault *t)
{
    t->id = import_old(&t->f, (int)t->n, ",\"depth\":\"all\",\"plan\":\"none\"");
    t->json = parse("{\"plan\":\"plan\",\"more\":[1,\"two\"]}");
}

#define FRESH(name)                                                            \
    "  " name ":\n    type: string\n    required: true\n"                      \
    "    description: \"it\"\n    proof: file\n    fresh: true\n"

static void fresh_begin(struct fault *t)
{
    t->id = proof_begin(&t->f, FRESH("doc") FRESH("plan") FRESH("gone"));
}

/* Of three proven files one is another, one is gone and one is the same. */
static void changed(struct fault *t)
{
    struct outcome o;
    const char *text = arena_printf(test_arena(), "%d\n", (int)t->n).p;
    kit_put(test_tmpdir(), "doc.md", text);
    kit_put(test_tmpdir(), "plan.md", text);
    kit_put(test_tmpdir(), "gone.md", text);
    fault_session(t);
    CHECK_OK(kit_complete(&t->f, &o, t->id, 0,
                          "{\"doc\":\"doc.md\",\"plan\":\"plan.md\","
                          "\"gone\":\"gone.md\"}"));
    outcome_done(&o);
    kit_put(test_tmpdir(), "doc.md", "another\n");
    CHECK_INT_EQ(remove(proof_path("gone.md")), 0);
}

static void passed_twice(struct fault *t)
{
    struct outcome o;
    fault_session(t);
    for (int phase = 0; phase < 2; phase++) {
        CHECK_OK(kit_claim(&t->f, &o, t->id, phase, 1, "ada"));
        outcome_done(&o);
        CHECK_OK(kit_claim(&t->f, &o, t->id, phase, 2, "ben"));
        outcome_done(&o);
        kit_pass(&t->f, t->id, phase);
    }
}

TEST_EACH(reopen, without_memory_it_opens_whole_or_stays_as_it_was,
          struct fault_op, op,
          {"options given later", planned_begin, in_error, resume_with},
          {"files that changed", fresh_begin, changed, next_phase,
           ERR_PHASE_LOCKED, .twice = true},
          {"a rollback", NULL, passed_twice, roll_back})
{
    fault_run(op);
}
