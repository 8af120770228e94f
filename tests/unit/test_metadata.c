/* metadata: values at the edges of what each field takes. Each row is one
 * edit of a good workflow's metadata.json, and every error it brings. */
#include "engine/metadata.h"

#include "base/buf.h"
#include "engine/check.h"
#include "tests/unit/workflow_kit.h"

static struct slice errors_of(struct eng_files f)
{
    struct eng_checked k;
    struct buf b = BUF_INIT(1 << 16);
    CHECK_OK(eng_check_definition(kit_build(f), test_arena(), &k));
    for (size_t i = 0; i < k.count; i++) {
        if (!slice_eq(k.findings[i].file, SLICE("metadata.json"))) continue;
        buf_printf(&b, "%s%s", b.n ? " " : "", k.findings[i].code);
    }
    struct slice s = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    return s;
}

struct edit {
    const char *from, *to, *want;
};
/* clang-format off */
TEST_EACH(metadata, a_value_fits_its_field_or_is_told, struct edit, row,
    {"\"phase_number\": 3", "\"phase_number\": -1", "METADATA_FIELD_TYPE"},
    {"\"phase_number\": 3", "\"phase_number\": 1.5", "METADATA_FIELD_TYPE"},
    {"\"phase_number\": 3", "\"phase_number\": null", "METADATA_FIELD_TYPE"},
    {"\"phase_number\": 3", "\"phase_number\": \"three\"",
     "METADATA_FIELD_TYPE"},
    {"\"phase_number\": 3", "\"phase_number\": \"-N\"", "METADATA_FIELD_TYPE"},
    {"\"phase_number\": 3", "\"phase_number\": \"-1-N\"",
     "METADATA_FIELD_TYPE"},
    {"\"phase_number\": 3", "\"phase_number\": \"03-N\"",
     "METADATA_FIELD_TYPE"},
    {"\"phase_number\": 3", "\"phase_number\": \"x-N\"", "METADATA_FIELD_TYPE"},
    {"\"phase_number\": 3", "\"phase_number\": \"3-N\"", "PHASE_SEQUENCE"},
    {"\"phase_number\": 3", "\"phase_number\": 9223372036854775807",
     "NO_GATE PHASE_DIR_MISSING PHASE_SEQUENCE TASK_FILE_MISSING "
     "TASK_FILE_MISSING"},
    {"\"phase_number\": 0", "\"phase_number\": 7",
     "METADATA_FIELD_TYPE NO_GATE PHASE_DIR_MISSING PHASE_SEQUENCE "
     "TASK_FILE_MISSING TASK_FILE_MISSING"},
    {"\"phase_number\": 0", "\"phase_number\": \"0-N\"", "PHASE_SEQUENCE"},
    {"\"total_phases\": 4", "\"total_phases\": -1",
     "METADATA_FIELD_TYPE PHASE_COUNT"},
    {"\"total_phases\": 4", "\"total_phases\": \"static\"",
     "METADATA_FIELD_TYPE"},
    {"\"total_phases\": 4", "\"total_phases\": [4]", "METADATA_FIELD_TYPE"},
    {"\"task_number\": 1", "\"task_number\": -1", "METADATA_FIELD_TYPE"},
    {"\"task_number\": 1", "\"task_number\": \"1\"", "METADATA_FIELD_TYPE"},
    {"\"task-1-state-the-bug.md\"", "\"\"",
     "METADATA_TEXT_EMPTY METADATA_FIELD_TYPE"},
    {"\"task-1-state-the-bug.md\"", "\".\"", "METADATA_FIELD_TYPE"},
    {"\"task-1-state-the-bug.md\"", "\"..\"", "METADATA_FIELD_TYPE"},
    {"\"task-1-state-the-bug.md\"", "\"a/b\"", "METADATA_FIELD_TYPE"},
    {"\"task-1-state-the-bug.md\"", "\"a\\\\b\"", "METADATA_FIELD_TYPE"},
    {"\"task-1-state-the-bug.md\"", "\"a\\u0000b\"",
     "TEXT_INVISIBLE METADATA_FIELD_TYPE"},
    {"\"task-1-state-the-bug.md\"", "{}", "METADATA_FIELD_TYPE"},
    {"\"validation_criteria\": [\"the test file exists\"",
     "\"validation_criteria\": [1, \"the test file exists\"",
     "METADATA_FIELD_TYPE"},
    {"\"start_phase\": 0,", "\"start_phase\": 0, \"dynamic_phases\": 1,",
     "METADATA_FIELD_TYPE"},
    {"\"start_phase\": 0,", "\"start_phase\": 0, \"dynamic_config\": [],",
     "METADATA_FIELD_TYPE"},
    {"\"start_phase\": 0,", "\"start_phase\": 0, \"dynamic_phases\": true,",
     "DYNAMIC_CONFIG"},
    {"\"phase_name\": \"Fix\",",
     "\"phase_name\": \"Fix\", \"checkpoint\": [],", "METADATA_FIELD_TYPE"},
    {"\"phase_name\": \"Fix\",",
     "\"phase_name\": \"Fix\", \"checkpoint\": {\"required_evidence\": 1},",
     "METADATA_FIELD_TYPE"})
/* clang-format on */
{
    struct eng_files f;
    struct problem p;
    problem_init(&p);
    CHECK_OK(eng_files_read(arena_printf(test_arena(),
                                         "%s/examples/workflows/bugfix_v1",
                                         test_source_dir()),
                            test_arena(), &p, &f));
    CHECK_TEXT_EQ(errors_of(kit_edit(f, "metadata.json", row->from, row->to)),
                  row->want);
}
