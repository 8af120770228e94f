#include "engine/definition.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/file.h"
#include "engine/gate.h"
#include "engine/lint.h"
#include "tests/runner/test.h"

static struct eng_definition *load(const char *type)
{
    struct arena *a = test_arena();
    struct eng_files files;
    struct problem p;
    struct eng_definition *d;
    problem_init(&p);
    CHECK_OK(eng_files_read(arena_printf(a, "%s/real/workflows/%s",
                                         test_shared_dir(), type),
                            a, &p, &files));
    CHECK_OK(eng_definition_build(&files, &d));
    return d;
}

static size_t count(const struct eng_definition *d, const char *code)
{
    size_t n = 0;
    for (size_t i = 0; i < d->findings_count; i++)
        n += strcmp(d->findings[i].code, code) == 0;
    return n;
}

TEST(definition, spec_creation_loads_whole, .needs = "shared")
{
    static const size_t tasks[] = {4, 5, 6, 5, 4, 3};
    struct eng_definition *d = load("spec_creation_v1");
    CHECK_INT_EQ(d->errors_count, 0);
    CHECK_INT_EQ(d->phases_count, 6);
    for (size_t i = 0; i < 6; i++)
        CHECK_INT_EQ(d->phases[i].tasks_count, tasks[i]);
    CHECK_INT_EQ(d->phases[0].tasks[0].number, 0);
    CHECK_INT_EQ(count(d, "REQUIRED_EVIDENCE_DIFFERS"), 6);
    CHECK_INT_EQ(count(d, "GATE_LENIENT"), 6);
    eng_definition_unref(d);
}

TEST(definition, the_dynamic_workflow_is_accepted, .needs = "shared")
{
    struct eng_definition *d = load("spec_execution_v1");
    CHECK_INT_EQ(d->errors_count, 0);
    CHECK(d->dynamic);
    CHECK_INT_EQ(d->phases_count, 1);
    CHECK_INT_EQ(d->phases[0].tasks_count, 3);
    CHECK_TEXT_EQ(d->dynamic_config->source_path_key, "spec_path");
    CHECK_INT_EQ(d->dynamic_config->from, 1);
    CHECK(d->dynamic_config->task_template.n > 0);
    eng_definition_unref(d);
}

TEST(definition, the_list_decides_which_task_is_which, .needs = "shared")
{
    struct eng_definition *d = load("workflow_creation_v1");
    CHECK_INT_EQ(d->errors_count, 0);
    const struct eng_phase *p = eng_definition_phase(d, 4);
    CHECK_TEXT_EQ(eng_phase_task(p, 5)->file, "task-1-audit-file-sizes.md");
    CHECK_TEXT_EQ(eng_phase_task(p, 14)->file,
                  "task-10-final-compliance-check.md");
    CHECK_INT_EQ(count(d, "UNLISTED_TASK_FILE"), 2);
    CHECK_INT_EQ(count(d, "UNUSED_DYNAMIC_DIR"), 1);
    CHECK_TEXT_EQ(eng_phase_unlisted(d, 2, 9)->path,
                  "phases/2/task-9-generate-gate-definitions.md");
    CHECK(!eng_phase_unlisted(d, 2, 8));
    eng_definition_unref(d);
}

TEST(definition, every_fault_of_the_inconsistent_one_is_told, .needs = "shared")
{
    struct eng_definition *d = load("workflow_creation_v1_inconsistent");
    CHECK_INT_EQ(count(d, "TYPE_NOT_FOLDER"), 1);
    CHECK_INT_EQ(count(d, "PHASE_DIR_MISSING"), 1);
    CHECK_INT_EQ(count(d, "TASK_FILE_MISSING"), 22);
    CHECK_INT_EQ(d->errors_count, 24);
    CHECK_INT_EQ(count(d, "NO_GATE"), 1);
    CHECK_INT_EQ(count(d, "UNLISTED_TASK_FILE"), 18);
    struct problem p;
    problem_init(&p);
    CHECK_ERR(eng_definition_problem(d, test_arena(), &p),
              ERR_WORKFLOW_INVALID);
    CHECK_CONTAINS(p.why, "phases/6/ does not exist");
    eng_definition_unref(d);
}

TEST(definition, a_packed_definition_comes_back_the_same, .needs = "shared")
{
    struct eng_definition *d = load("workflow_creation_v1");
    struct buf b = BUF_INIT(64u << 20);
    struct eng_files back;
    eng_files_pack(&d->files, &b);
    CHECK_OK(b.err);
    CHECK_OK(eng_files_unpack(buf_slice(&b), test_arena(), &back));
    CHECK_SLICE_EQ(eng_files_hash(&back, test_arena()), d->hash);
    CHECK_INT_EQ(back.count, d->files.count);
    buf_done(&b);
    eng_definition_unref(d);
}
