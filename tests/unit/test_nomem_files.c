/* What is read from and written to a project's files, with the n-th
 * allocation failing: workflows, plans, standards, sessions that come in. */
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/fault_kit.h"

static const char *in_project(const char *name)
{
    return arena_printf(test_arena(), "%s/%s", test_tmpdir(), name).p;
}

/* --- workflows ------------------------------------------------------------ */

FAULT_CALL(validate, validate_workflow, .workflow_type = t->text)
FAULT_CALL(validate_path, validate_workflow, .path = SLICE("wf/faulty_v1"))
FAULT_CALL(validate_absent, validate_workflow, .path = SLICE("wf/gone_v1"))
FAULT_CALL(list_workflows, list_workflows, .query = SLICE("a"))
FAULT_CALL(trust_list, trust_list, .type = {0})
FAULT_CALL(start_faulty, start_workflow, .workflow_type = SLICE("faulty_v1"),
           .target = SLICE("a.c"))

static void examples(struct fault *t)
{
    fixture_init(&t->f, NULL);
    fixture_helper(&t->f, test_binary(), in_project("trusted"));
    t->text = SLICE("bugfix_v1");
}

/* One of each kind of fault. */
static void faulty(struct fault *t)
{
    const char *wf = kit_workflows();
    kit_put(wf, "faulty_v1/metadata.json",
            "{\n\"workflow_type\":\"faulty\",\"version\":\"1\",\"version\":2,"
            "\n\"name\":\"\",\"descriptoin\":\"x\",\"description\":\"Few.\","
            "\n\"total_phases\":5,\"start_phase\":2,\"max_phase\":3,"
            "\n\"primary_outputs\":[\"a\",\"a\"],\"phases\":["
            "\n{\"phase_number\":0,\"phase_name\":\"A\",\"tasks\":["
            "\n{\"task_number\":1,\"name\":\"a\",\"file\":\"task-1-a.md\"},"
            "\n{\"task_number\":1,\"name\":\"a\",\"file\":\"task-1-a.md\"},"
            "\n{\"task_number\":3,\"name\":\"b\",\"file\":\"gone.md\"}]},"
            "\n{\"phase_number\":2,\"phase_name\":\"A\",\"tasks\":[]}]}");
    kit_put(wf, "faulty_v1/phases/0/phase.md",
            "# Phase 1: B\n\nRead [it](../9/none.md) and [that](task-1-a.md#x)."
            "\n\n```bash\nfoo(x=[1])\n");
    kit_put(wf, "faulty_v1/phases/0/task-1-a.md",
            "# Task 2: Other\n\nCall `complete_phase(session_id)` and "
            "`search_standard`. Phase 7 comes next.\n\U0000202Ehidden\n");
    kit_put(wf, "faulty_v1/phases/0/task-9-stray.md", "no heading\n");
    kit_put(wf, "faulty_v1/phases/0/gate-definition.yaml",
            "checkpoint:\n  strict: true\n  colour: red\nevidence_schema:\n"
            "  a:\n    type: integr\n    requird: true\n  b:\n"
            "    type: integer\n    validator: in_range\n"
            "    validator_params: {min: 1}\n  c:\n    type: string\n"
            "    proof: file\n    file: {path: ../x}\n"
            "cross_field_validation:\n  - rule: \"a >\"\n  - rule: \"zz > 1\"\n"
            "    error_message: \"\"\n");
    kit_put(wf, "faulty_v1/phases/2/gate-definition.yaml", "a: [\n");
    kit_put(wf, "faulty_v1/phases/4/phase.md", "# Phase 4\n");
    fixture_init(&t->f, wf);
    t->text = SLICE("faulty_v1");
}

#define WORKFLOWS                                                              \
    {"validate a good one", examples, NULL, validate},                         \
        {"validate a faulty one", faulty, NULL, validate},                     \
        {"validate by path", faulty, NULL, validate_path},                     \
        {"validate what is not there", faulty, NULL, validate_absent,          \
         ERR_NOT_FOUND},                                                       \
        {"start a faulty one", faulty, NULL, start_faulty,                     \
         ERR_WORKFLOW_INVALID},                                                \
        {"list_workflows", faulty, NULL, list_workflows},                      \
    {                                                                          \
        "trust_list", examples, NULL, trust_list                               \
    }

TEST_EACH(nomem, a_workflow_is_judged_whole_or_not, struct fault_op, op,
          WORKFLOWS)
{
    fault_run(op);
}

TEST_EACH(nodisk, without_a_disk_a_workflow_is_judged_whole_or_not,
          struct fault_op, op, WORKFLOWS)
{
    fault_disk_run(op);
}

static enum err create(struct fault *t, struct eng_call *c)
{
    static const struct slice phases[] = {SLICE_INIT("First part"),
                                          SLICE_INIT("Second part")};
    t->args.create_workflow =
        (struct eng_create_workflow_args){.name = t->text,
                                          .description = SLICE("Of a test."),
                                          .output_dir = SLICE("made"),
                                          .phases = phases,
                                          .phases_count = 2};
    return eng_create_workflow(t->f.engine, c, &t->args.create_workflow);
}

/* Nothing was left by a call that failed: else the next one finds it there. */
static void next_name(struct fault *t)
{
    t->text = arena_printf(test_arena(), "made_%d_v1", (int)t->n);
}

static void project(struct fault *t)
{
    CHECK_OK(path_make(slice_of(in_project("made")), 0755));
    fault_begin(t);
}

TEST(nomem, a_workflow_is_made_whole_or_not_at_all)
{
    static const struct fault_op op = {"create_workflow", project, next_name,
                                       create};
    fault_run(&op);
    struct file_name *names;
    size_t n;
    CHECK_OK(folder_list(slice_of(in_project("made")), 100000, test_arena(),
                         &names, &n));
    for (size_t i = 0; i < n; i++) {
        struct slice file = arena_printf(
            test_arena(), "made/%.*s/metadata.json", SLICE_ARG(names[i].name));
        CHECK_INT_EQ(access(in_project(file.p), F_OK), 0);
    }
}

/* --- plans -----------------------------------------------------------------
 */

static const char dynamic[] =
    "{\"workflow_type\":\"build_v1\",\"version\":\"1.0.0\",\"description\":"
    "\"Builds what a plan says.\",\"total_phases\":\"dynamic\",\"dynamic_"
    "phases\":true,\"phases\":[{\"phase_number\":0,\"phase_name\":\"Read\","
    "\"tasks\":[]},{\"phase_number\":\"1-N\",\"phase_name\":\"Work\",\"purpose"
    "\":\"Do it\"}],\"dynamic_config\":{\"source_type\":\"%s\","
    "\"source_path_key\":\"plan\",\"templates\":{\"phase\":\"phases/dynamic/"
    "phase.md\",\"task\":\"phases/dynamic/task.md\"}}}";
static const char tasks_md[] =
    "# Plan\n\n<!-- ## Phase 9: not -->\n## Phase 1: Ground (2 days)\n"
    "**Objective:** Lay\nit\n**Duration:** 3 days\n**Dependencies:** None\n\n"
    "### Task 1.1: Dig\n**Time:** 2 h\n**Description:** dig\ndeep\n\n"
    "```\n### Task 9.9: not\n```\n"
    "**Acceptance Criteria:**\n- [ ] deep\n  and wide\n- [x] dry\n"
    "### Task 1.2: Fill\n**Dependencies:** Task 1.1, Task 1.1\n"
    "#### Acceptance Criteria\n- [ ] full\n\n### Phase 1 Validation Gate\n"
    "- [ ] It is even\n- [ ] It is dry (really!)\n\n"
    "## Phase 2: Walls\n- [ ] **Task 2.1:** Bricks (after Phase 1)\n"
    "  - **Depends on:** all of Phase 1, the weather\n"
    "- [ ] **Task 2.2:** Roof\n  - deps: 2.1\n\n**Validation Gate:**\n- [ ] "
    "up\n\n## Dependencies\n- Task 2.2 depends on Task 1.2\n"
    "- Phase 2 requires Phase 1\n";
static const char definition_yaml[] =
    "name: a\nversion: '1'\nproblem:\n  statement: s\n  why_workflow: w\n"
    "  success_criteria: [a]\nphases:\n- number: 0\n  name: A\n  purpose: p\n"
    "  deliverable: d\n  estimated_duration: 1 h\n  tasks:\n"
    "  - number: 1\n    name: x\n    purpose: y\n    estimated_time: 1 h\n"
    "    validation_criteria: [one, two]\n  validation_gate:\n"
    "    human_approval_required: false\n    evidence_required:\n"
    "      a: {type: integer, description: it, validator: greater_than_0}\n"
    "      b: {description: that}\n"
    "- number: N+1\n  name: B\n  purpose: p\n  deliverable: d\n  tasks: []\n";

static void plan_project(struct fault *t, const char *type, const char *file,
                         const char *text)
{
    const char *wf = kit_workflows();
    char metadata[1024];
    snprintf(metadata, sizeof(metadata), dynamic, type);
    kit_put(wf, "build_v1/metadata.json", metadata);
    kit_put(wf, "build_v1/phases/0/phase.md", "# Read\n");
    kit_put(wf, "build_v1/phases/dynamic/phase.md",
            "# Phase [PHASE_NUMBER]: [PHASE_NAME]\n[PHASE_DESCRIPTION]\n"
            "[ESTIMATED_DURATION] [TASK_COUNT] [NEXT_PHASE_NUMBER] [N.1]\n"
            "[VALIDATION_GATE]\n");
    kit_put(wf, "build_v1/phases/dynamic/task.md",
            "# Task [TASK_ID]: [TASK_NAME]\n[TASK_DESCRIPTION]\n"
            "[ESTIMATED_TIME] [DEPENDENCIES]\n[ACCEPTANCE_CRITERIA]\n");
    kit_put(test_tmpdir(), file, text);
    fixture_init(&t->f, wf);
    t->json = parse("{\"plan\":\"plan\"}");
}

static void tasks_project(struct fault *t)
{
    plan_project(t, "spec_tasks_md", "plan/tasks.md", tasks_md);
}

static void yaml_project(struct fault *t)
{
    plan_project(t, "workflow_definition", "plan/workflow-definition.yaml",
                 definition_yaml);
}

static void no_project(struct fault *t)
{
    plan_project(t, "spec_tasks_md", "plan/tasks.md", "# Nothing\n");
    t->text = SLICE("a.c");
}

static void planned(struct fault *t, const char *type, int64_t phases)
{
    struct outcome o;
    t->args.start_workflow = (struct eng_start_workflow_args){
        .workflow_type = slice_of(type), .target = t->text, .options = t->json};
    CHECK_OK(CALL(
        &o, eng_start_workflow(t->f.engine, &o.call, &t->args.start_workflow)));
    t->id = arena_copy(test_arena(),
                       json_text(json_get(o.out, SLICE("session_id"))));
    outcome_done(&o);
    for (int64_t i = 0; i < phases; i++) {
        CHECK_OK(kit_complete(&t->f, &o, t->id, i, "{\"note\":\"read\"}"));
        outcome_done(&o);
    }
}

static void tasks_session(struct fault *t)
{
    tasks_project(t);
    t->text = SLICE("a.c");
    planned(t, "build_v1", 1);
}

static void new_target(struct fault *t)
{
    t->text = arena_printf(test_arena(), "new-%d.c", (int)t->n);
}

static void planned_gate(struct fault *t)
{
    t->json = parse("{\"plan\":\"plan\"}");
    new_target(t);
    planned(t, "build_v1", 1);
    t->json = parse("{\"validation_gate\":{\"1\":true,\"it_is_dry_really\":"
                    "true},\"tasks_completed\":[\"1.1\"]}");
}

static void planned_refused(struct fault *t)
{
    planned_gate(t);
    t->json = parse("{\"validation_gate\":{\"1\":false,\"it\":3},"
                    "\"tasks_completed\":[\"7.1\",2]}");
}

FAULT_CALL(start, start_workflow, .workflow_type = SLICE("build_v1"),
           .target = t->text, .options = t->json)
FAULT_CALL(get_phase, get_phase, t->id, 1)
FAULT_CALL(get_task, get_task, t->id, 2, 1)
FAULT_CALL(complete, complete_phase, .session_id = t->id, .phase = 1,
           .evidence = t->json)

#define PLANS                                                                  \
    {"tasks.md", tasks_project, new_target, start},                            \
        {"workflow-definition.yaml", yaml_project, new_target, start},         \
        {"no plan", no_project, NULL, start, ERR_SOURCE_NO_PHASES},            \
        {"phase", tasks_session, NULL, get_phase},                             \
        {"task", tasks_session, NULL, get_task},                               \
        {"gate", tasks_project, planned_gate, complete},                       \
    {                                                                          \
        "gate, refused", tasks_project, planned_refused, complete,             \
            ERR_GATE_REFUSED                                                   \
    }

TEST_EACH(nomem, a_plan_is_read_whole_or_not, struct fault_op, op, PLANS)
{
    fault_run(op);
}

TEST_EACH(nodisk, without_a_disk_a_plan_is_read_whole_or_not, struct fault_op,
          op, PLANS)
{
    fault_disk_run(op);
}

/* --- standards -------------------------------------------------------------
 */

FAULT_CALL(list_standards, list_standards, .begun = SLICE("net"), .limit = 9)
FAULT_CALL(read_standard, read_standard, SLICE("network/retries.md"))
FAULT_CALL(read_absent, read_standard, SLICE("network/none.md"))

static enum err search(struct fault *t, struct eng_call *c)
{
    t->args.search =
        (struct eng_search_args){.query = SLICE("backof \"retry with\" ab*"),
                                 .n_results = 3,
                                 .filter_phase = ENG_ABSENT,
                                 .highlights = true};
    return eng_search_standards(t->f.engine, c, &t->args.search);
}

static enum err search_filtered(struct fault *t, struct eng_call *c)
{
    static const struct slice tags[] = {SLICE_INIT("a"), SLICE_INIT("b")};
    t->args.search =
        (struct eng_search_args){.query = SLICE("timeout of a retry"),
                                 .path_prefix = SLICE("network/"),
                                 .n_results = 5,
                                 .filter_phase = ENG_ABSENT,
                                 .filter_tags = tags,
                                 .filter_tags_count = t->number ? 2 : 0};
    return eng_search_standards(t->f.engine, c, &t->args.search);
}

static void standards(struct fault *t)
{
    fault_begin(t);
    t->f.standards = arena_printf(test_arena(), "%s/tests/data/standards",
                                  test_source_dir());
    fixture_restart(&t->f);
}

/* Each call finds something to index. */
static void changed(struct fault *t)
{
    struct slice text = arena_printf(
        test_arena(),
        "---\ntags: [a, \"b\"]\n---\n# Title %d\n\nBackoff, retry with care."
        "\n\n## Part\n\n- one\n- two\n\n```c\nint a;\n```\n\n> quoted\n",
        (int)t->n);
    kit_put(test_tmpdir(), "own/a.md", text.p);
    kit_put(test_tmpdir(),
            arena_printf(test_arena(), "own/%d.md", (int)(t->n % 5)).p, text.p);
    t->number = 1;
}

static void own_standards(struct fault *t)
{
    fault_begin(t);
    t->f.standards = slice_of(in_project("own"));
    changed(t);
    fixture_restart(&t->f);
}

#define STANDARDS                                                              \
    {"search", standards, NULL, search, .varies = true},                       \
        {"search below a path", standards, NULL, search_filtered,              \
         .varies = true},                                                      \
        {"index and search", own_standards, changed, search_filtered,          \
         .varies = true, .step = 8, .keeps = true},                            \
        {"list_standards", standards, NULL, list_standards},                   \
        {"read_standard", standards, NULL, read_standard},                     \
    {                                                                          \
        "read_standard, absent", standards, NULL, read_absent, ERR_NOT_FOUND   \
    }

TEST_EACH(nomem, a_standard_is_found_or_the_search_says_so, struct fault_op, op,
          STANDARDS)
{
    fault_run(op);
}

TEST_EACH(nodisk, without_a_disk_a_standard_is_found_or_the_search_says_so,
          struct fault_op, op, STANDARDS)
{
    fault_disk_run(op);
}

/* --- sessions that come in --------------------------------------------------
 */

FAULT_CALL(import, import, .name = SLICE("a.json"), .text = t->text)

/* An export of sessions that are not here any more. */
static void exported(struct fault *t)
{
    struct outcome o;
    if (!t->n) {
        kit_pass(&t->f, t->id, 0);
        struct eng_export_args args = {0};
        CHECK_OK(CALL(&o, eng_export(t->f.engine, &o.call, &args)));
        t->text = arena_copy(test_arena(), buf_slice(&o.twin.plain));
        outcome_done(&o);
    }
    struct eng_remove_session_args gone = {t->id};
    CHECK_OK(CALL(&o, eng_remove_session(t->f.engine, &o.call, &gone)));
    outcome_done(&o);
}

static void praxis(struct fault *t)
{
    t->text = arena_printf(
        test_arena(),
        "{\"session_id\":\"11111111-2222-4333-8444-%012d\","
        "\"workflow_type\":\"%s\",\"target_file\":\"t.py\","
        "\"current_phase\":1,\"completed_phases\":[0],\"phase_artifacts\":{"
        "\"0\":{\"phase_number\":0,\"evidence\":{\"a\": 1},\"outputs\":{},"
        "\"commands_executed\":[],\"timestamp\":\"2025-10-23T07:41:32.877\"}},"
        "\"checkpoints\":{\"0\":\"passed\"},"
        "\"created_at\":\"2025-10-22T17:55:27.826277\","
        "\"updated_at\":\"2025-10-23T18:13:27.134924\","
        "\"metadata\":{\"total_phases\":9,\"paused\":true}}",
        (int)t->n, t->n % 2 ? "gone_v1" : "three_v1");
}

#define IMPORTS                                                                \
    {"import", NULL, exported, import, .twice = true},                         \
    {                                                                          \
        "import of praxis-os", NULL, praxis, import                            \
    }

TEST_EACH(nomem, sessions_come_in_whole_or_not, struct fault_op, op, IMPORTS)
{
    fault_run(op);
}

TEST_EACH(nodisk, without_a_disk_sessions_come_in_whole_or_not, struct fault_op,
          op, IMPORTS)
{
    fault_disk_run(op);
}
