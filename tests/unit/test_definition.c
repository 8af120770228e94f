#include "engine/definition.h"

#include "base/buf.h"
#include "tests/unit/workflow_kit.h"

TEST(definition, spec_creation_loads_whole, .needs = "shared")
{
    static const size_t tasks[] = {4, 5, 6, 5, 4, 3};
    struct eng_definition *d = kit_load("spec_creation_v1");
    CHECK_INT_EQ(d->errors_count, 0);
    CHECK_INT_EQ(d->phases_count, 6);
    for (size_t i = 0; i < 6; i++)
        CHECK_INT_EQ(d->phases[i].tasks_count, tasks[i]);
    CHECK_INT_EQ(d->phases[0].tasks[0].number, 0);
    CHECK_INT_EQ(kit_count(d, "REQUIRED_EVIDENCE_DIFFERS"), 6);
    CHECK_INT_EQ(kit_count(d, "GATE_LENIENT"), 6);
}

TEST(definition, the_dynamic_workflow_is_accepted, .needs = "shared")
{
    struct eng_definition *d = kit_load("spec_execution_v1");
    CHECK_INT_EQ(d->errors_count, 0);
    CHECK(d->dynamic);
    CHECK_INT_EQ(d->phases_count, 1);
    CHECK_INT_EQ(d->phases[0].tasks_count, 3);
    CHECK_TEXT_EQ(d->dynamic_config->source_path_key, "spec_path");
    CHECK_INT_EQ(d->dynamic_config->from, 1);
    CHECK(d->dynamic_config->task_template.n > 0);
}

TEST(definition, the_list_decides_which_task_is_which, .needs = "shared")
{
    struct eng_definition *d = kit_load("workflow_creation_v1");
    CHECK_INT_EQ(d->errors_count, 0);
    const struct eng_phase *p = eng_definition_phase(d, 4);
    CHECK_TEXT_EQ(eng_phase_task(p, 5)->file, "task-1-audit-file-sizes.md");
    CHECK_TEXT_EQ(eng_phase_task(p, 14)->file,
                  "task-10-final-compliance-check.md");
    CHECK_INT_EQ(kit_count(d, "UNLISTED_TASK_FILE"), 2);
    CHECK_INT_EQ(kit_count(d, "UNUSED_DYNAMIC_DIR"), 1);
    CHECK_TEXT_EQ(eng_phase_unlisted(d, 2, 9)->path,
                  "phases/2/task-9-generate-gate-definitions.md");
    CHECK(!eng_phase_unlisted(d, 2, 8));
}

TEST(definition, every_fault_of_the_inconsistent_one_is_told, .needs = "shared")
{
    struct eng_definition *d = kit_load("workflow_creation_v1_inconsistent");
    CHECK_INT_EQ(kit_count(d, "TYPE_NOT_FOLDER"), 1);
    CHECK_INT_EQ(kit_count(d, "PHASE_DIR_MISSING"), 1);
    CHECK_INT_EQ(kit_count(d, "TASK_FILE_MISSING"), 22);
    CHECK_INT_EQ(d->errors_count, 24);
    CHECK_INT_EQ(kit_count(d, "NO_GATE"), 1);
    CHECK_INT_EQ(kit_count(d, "UNLISTED_TASK_FILE"), 18);
    struct problem p;
    problem_init(&p);
    CHECK_ERR(eng_definition_problem(d, test_arena(), &p),
              ERR_WORKFLOW_INVALID);
    CHECK_CONTAINS(p.why, "phases/6/ does not exist");
}

TEST(definition, a_packed_definition_comes_back_the_same, .needs = "shared")
{
    struct eng_definition *d = kit_load("workflow_creation_v1");
    struct buf b = BUF_INIT(64u << 20);
    struct eng_files back;
    eng_files_pack(&d->files, &b);
    CHECK_OK(b.err);
    CHECK_OK(eng_files_unpack(buf_slice(&b), test_arena(), &back));
    CHECK_SLICE_EQ(eng_files_hash(&back, test_arena()), d->hash);
    CHECK_INT_EQ(back.count, d->files.count);
    buf_done(&b);
}
