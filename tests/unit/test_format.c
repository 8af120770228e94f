/*
 * The acceptance cases of the workflow format that other tests hold with
 * values of their own, here with the document's: their numbers are in
 * comments ("format B14"). The last test looks for the number of every case.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "engine/plan.h"
#include "tests/unit/workflow_kit.h"

/* --- A: loading and lint -------------------------------------------------- */

/* format A3 */
TEST(format, the_larger_workflow_has_forty_five_tasks, .needs = "shared")
{
    const struct eng_definition *d = kit_load("workflow_creation_v1");
    size_t tasks = 0;
    CHECK_INT_EQ(d->errors_count, 0);
    for (size_t i = 0; i < d->phases_count; i++)
        tasks += d->phases[i].tasks_count;
    CHECK_INT_EQ(tasks, 45);
    CHECK_INT_EQ(kit_count(d, "UNLISTED_TASK_FILE"), 2);
    CHECK_TEXT_EQ(kit_finding(d, "UNLISTED_TASK_FILE", 0)->file,
                  "phases/2/task-10-validate-gate-consistency.md");
    CHECK_TEXT_EQ(kit_finding(d, "UNLISTED_TASK_FILE", 1)->file,
                  "phases/2/task-9-generate-gate-definitions.md");
    CHECK_INT_EQ(kit_count(d, "UNUSED_DYNAMIC_DIR"), 1);
    CHECK_CONTAINS(kit_finding(d, "EXPECT_CONTRADICTS_TEXT", 0)->message,
                   "generic_content_detected");
}

struct place {
    const char *from, *to, *code;
    const char *at; /* where the fault stands, in the edited text */
};
/* format A6, A7, A8 */
/* clang-format off */
static const struct place places[] = {
    {"\"total_phases\": 6", "\"total_phases\": 7", "PHASE_COUNT", NULL},
    {"\"version\": \"1.0.0\"", "\"version\": \"1.0.0\",\n\"version\": \"1.0.0\"",
     "JSON_DUPLICATE_KEY", "\n\"version\""},
    {"\"version\": \"1.0.0\",", "\"version\": \"1.0.0\",,", "JSON_INVALID",
     ",,"},
    {"\"start_phase\": 0", "\"start_phase\": 9", "METADATA_FIELD_TYPE", NULL}};
/* clang-format on */
TEST(format, a_copy_with_a_fault_is_refused_where_it_stands, .needs = "shared")
{
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const struct place *row = &places[i];
        struct eng_files f = kit_edit(kit_real("spec_creation_v1"),
                                      "metadata.json", row->from, row->to);
        const struct eng_definition *d = kit_build(f);
        const struct eng_finding *found = kit_finding(d, row->code, 0);
        struct problem p;
        problem_init(&p);
        CHECK_ERR(eng_definition_problem(d, test_arena(), &p),
                  ERR_WORKFLOW_INVALID);
        CHECK_TEXT_EQ(found->file, "metadata.json");
        CHECK_INT_GT(found->line, 0);
        if (!row->at) continue;
        struct slice text = eng_files_find(&f, SLICE("metadata.json"))->text;
        struct text_position at = slice_position(
            text, slice_find(text, slice_of(row->at)) + 1);
        CHECK_INT_EQ(found->line, at.line);
        CHECK_INT_EQ(found->column, at.column);
    }
    const struct eng_definition *d =
        kit_build(kit_edit(kit_real("spec_creation_v1"), "metadata.json",
                           places[0].from, places[0].to));
    CHECK_CONTAINS(kit_finding(d, "PHASE_COUNT", 0)->message, "7");
    CHECK_CONTAINS(kit_finding(d, "PHASE_COUNT", 0)->message, "6");
}

/* --- B: tasks.md ---------------------------------------------------------- */

struct read {
    struct eng_plan plan;
    struct eng_report r;
    struct problem p;
    enum err err;
};

static struct read plan_of(const char *text)
{
    struct read got = {0};
    struct eng_source src = {SLICE("tasks.md"), slice_of(text)};
    eng_report_init(&got.r, test_arena());
    problem_init(&got.p);
    got.err = eng_plan_parse(&src, &got.r, &got.p, &got.plan);
    CHECK(!got.r.failed);
    return got;
}

struct heading_row {
    const char *text, *phases; /* "1 Name;2 Name" */
};
/* format B10, B11, B12, B19, B22 */
/* clang-format off */
TEST_EACH(format, a_heading_of_a_phase_is_known, struct heading_row, row,
    {"## Phase 1 - Foundation\n", "1 Foundation"},
    {"## Phase 1: Foundation\n", "1 Foundation"},
    {"##Phase 1:Foundation\n", "1 Foundation"},
    {"## Phase 1: A\n## Phase 2: B\n## Phase 3: Task Breakdown\n",
     "1 A;2 B;3 Task Breakdown"},
    {"## Phase 1: A\n### Phase 1 Tasks\n### Phase 1 → Phase 2\n"
     "### Risk 3: Bad things\n## Some Random Header\n", "1 A"},
    {"## Phase 0: A\n## Phase 1: B\n## Phase 2: C\n", "0 A;1 B;2 C"},
    {"## Phase 1: Foundation (Week 1, Days 1-3)\n", "1 Foundation"})
/* clang-format on */
{
    struct read got = plan_of(row->text);
    struct slice all = {0};
    CHECK_OK(got.err);
    for (size_t i = 0; i < got.plan.phases_count; i++)
        all = arena_printf(test_arena(), "%.*s%s%d %.*s", SLICE_ARG(all),
                           i ? ";" : "", (int)got.plan.phases[i].number,
                           SLICE_ARG(got.plan.phases[i].name));
    CHECK_TEXT_EQ(all, row->phases);
}

/* format B13 */
TEST(format, a_task_is_known_in_its_three_spellings)
{
    static const char *const lines[] = {"### Task 1-1: X", "- **Task 1.1:** X",
                                        "### Task 1.1: X"};
    for (int i = 0; i < 3; i++) {
        struct read got = plan_of(
            arena_printf(test_arena(), "## Phase 1: A\n%s\n", lines[i]).p);
        CHECK_INT_EQ(got.plan.phases[0].tasks_count, 1);
        CHECK_TEXT_EQ(got.plan.phases[0].tasks[0].id, "1.1");
        CHECK_TEXT_EQ(got.plan.phases[0].tasks[0].name, "X");
    }
}

/* format B14 */
TEST(format, twenty_tasks_of_phase_10_keep_their_ids)
{
    struct slice text = {0};
    for (int i = 1; i <= 10; i++)
        text = arena_printf(test_arena(), "%.*s## Phase %d: P\n",
                            SLICE_ARG(text), i);
    for (int i = 1; i <= 20; i++)
        text = arena_printf(test_arena(), "%.*s### Task 10.%d: T\n%s",
                            SLICE_ARG(text), i,
                            i == 10 ? "Dependencies: Task 10.9\n" : "");
    struct read got = plan_of(text.p);
    const struct eng_plan_phase *p = &got.plan.phases[9];
    CHECK_INT_EQ(p->tasks_count, 20);
    CHECK_TEXT_EQ(p->tasks[9].id, "10.10");
    CHECK_INT_EQ(p->tasks[9].needs.tasks_count, 1);
    CHECK_TEXT_EQ(p->tasks[9].needs.tasks[0], "10.9");
}

/* format B15, B16 */
TEST(format, what_a_task_waits_for_is_understood)
{
    struct read got =
        plan_of("## Phase 1: A\n## Phase 2: B\n## Phase 3: C\n## Phase 4: D\n"
                "### Task 4.1: X\n"
                "**Dependencies:** None (can run in parallel with 1.2)\n"
                "### Task 4.2: Y\n**Dependencies:** Phase 1, 2, 3 complete\n");
    const struct eng_plan_task *t = got.plan.phases[3].tasks;
    CHECK_INT_EQ(t[0].needs.origin, ENG_FROM_LABEL);
    CHECK_INT_EQ(t[0].needs.tasks_count + t[0].needs.phases_count, 0);
    CHECK_INT_EQ(t[1].needs.phases_count, 3);
    for (int i = 0; i < 3; i++) CHECK_INT_EQ(t[1].needs.phases[i], i + 1);
}

struct refusal_row {
    const char *text;
    enum err err;
    const char *says;
};
/* format B17, B18, B20 */
TEST_EACH(format, what_is_no_plan_is_refused, struct refusal_row, row,
          {"## Phase 1: A\n## Phase 3: B\n", ERR_SOURCE_PHASE_GAP,
           "missing: 2"},
          {"## Phase 2: A\n", ERR_SOURCE_PHASE_START, "number 2"},
          {"", ERR_SOURCE_EMPTY, "empty"},
          {"A text.\n", ERR_SOURCE_NO_PHASES, "no phases"})
{
    struct read got = plan_of(row->text);
    CHECK_ERR(got.err, row->err);
    CHECK_CONTAINS(got.p.what, row->says);
}

/* format B22, B24 */
TEST(format, a_duration_and_a_goal_are_read)
{
    struct read got = plan_of("## Phase 1: Foundation (Week 1, Days 1-3)\n"
                              "Goal - Create foundation\n");
    CHECK_TEXT_EQ(got.plan.phases[0].duration, "Week 1, Days 1-3");
    CHECK_TEXT_EQ(got.plan.phases[0].description, "Create foundation");
}

/* --- C: gates ------------------------------------------------------------- */

struct number_row {
    const char *value;
    bool passes;
};
/* format C11 */
/* clang-format off */
TEST_EACH(format, total_target_phases_is_an_integer, struct number_row, row,
    {"5", true}, {"true", false}, {"2.0", false}, {"\"5\"", false},
    {"9223372036854775808", false})
/* clang-format on */
{
    if (!test_shared_dir()) test_skip("no real inputs");
    const struct eng_definition *d = kit_load("workflow_creation_v1");
    const struct eng_gate *g = eng_definition_phase(d, 1)->gate;
    char text[300];
    snprintf(text, sizeof(text),
             "{\"definition_path\":\"definition.yaml\",\"definition_valid\":"
             "true,\"total_target_phases\":%s,\"total_target_tasks\":34}",
             row->value);
    struct eng_verdict v = kit_judge(g, text);
    CHECK_INT_EQ(v.passed, row->passes);
    if (!row->passes)
        CHECK_TEXT_EQ(kit_names(&v, g, "wrong_type"), "total_target_phases");
}

/* format C29 */
TEST(format, positive_blocks_and_warns)
{
    static const char *const values[] = {"{\"n\":42}", "{\"n\":0}",
                                         "{\"n\":-5}"};
    static const char *const modes[] = {"true", "false"};
    for (int strict = 0; strict < 2; strict++) {
        struct eng_report r;
        const struct eng_gate *g = kit_gate(
            arena_printf(test_arena(),
                         "checkpoint: {strict: %s}\nevidence_schema:\n"
                         "  n: {type: integer, required: true, "
                         "validator: positive}\n",
                         modes[strict])
                .p,
            &r);
        for (int i = 0; i < 3; i++) {
            struct eng_verdict v = kit_judge(g, values[i]);
            CHECK_INT_EQ(v.passed, strict == 1 || i == 0);
            CHECK_INT_EQ(kit_warnings(&v), strict == 1 && i > 0);
        }
    }
}

/* format C32, C34 */
TEST(format, rules_and_ranges_are_judged)
{
    struct eng_report r;
    const struct eng_gate *g = kit_gate(
        "checkpoint: {strict: true}\nevidence_schema:\n"
        "  items: {type: list, required: true}\ncross_field_validation:\n"
        "  - rule: \"lambda e: len(e.get('items', [])) > 0\"\n"
        "    error_message: none\n",
        &r);
    CHECK(!kit_judge(g, "{\"items\":[]}").passed);
    CHECK(kit_judge(g, "{\"items\":[1]}").passed);
    g = kit_gate("checkpoint: {strict: true}\nevidence_schema:\n"
                 "  n: {type: integer, required: true, validator: min_max, "
                 "validator_params: {min: 3, max: 50}}\n"
                 "validators:\n"
                 "  min_max: \"lambda x, min, max: min <= x <= max\"\n",
                 &r);
    CHECK(kit_judge(g, "{\"n\":3}").passed);
    CHECK(kit_judge(g, "{\"n\":50}").passed);
    CHECK(!kit_judge(g, "{\"n\":51}").passed);
}

/* --- each number has its test --------------------------------------------- */

/* "| B21 |" and "| B1–B8 |" of the document's tables, in their section. */
static size_t cases_of(struct slice text, struct slice *ret, size_t most)
{
    struct slice line, cell;
    size_t n = 0;
    size_t from = slice_find(text, SLICE("\n## 6. Acceptance cases"));
    CHECK_INT_LT(from, text.n);
    text = slice_sub(text, from + 1, text.n);
    while (slice_split(&text, '\n', &line)) {
        if (n && slice_starts(line, SLICE("## "))) break;
        if (!slice_starts(line, SLICE("| ")) || line.n < 5) continue;
        char letter = line.p[2];
        if (letter < 'A' || letter > 'E') continue;
        (void)slice_split(&line, '|', &cell);
        CHECK(slice_split(&line, '|', &cell));
        cell = slice_trim(cell);
        int first = atoi(cell.p + 1), last = first;
        size_t dash = slice_find(cell, SLICE("–"));
        if (dash < cell.n) last = atoi(cell.p + dash + 4);
        for (int i = first; first && i <= last && n < most; i++)
            ret[n++] = arena_printf(test_arena(), "%c%d", letter, i);
    }
    return n;
}

/* "format A1, A2" anywhere in the text, up to the end of its line. */
static bool carries(struct slice text, struct slice id)
{
    static const struct slice word = SLICE_INIT("/* format ");
    for (;;) {
        size_t at = slice_find(text, word);
        if (at >= text.n) return false;
        struct slice line;
        text = slice_sub(text, at + word.n, text.n);
        struct slice rest = text;
        (void)slice_split(&rest, '\n', &line);
        for (size_t i = 0; i + id.n < line.n; i++) {
            char after = line.p[i + id.n];
            bool whole = (i == 0 || line.p[i - 1] == ' ') &&
                         (after < '0' || after > '9');
            if (whole && slice_eq(slice_sub(line, i, id.n), id)) return true;
        }
    }
}

/* All C texts of the tests, one behind the other. */
static void tests_of(struct buf *all)
{
    static const char *const folders[] = {"unit", "integration"};
    for (size_t f = 0; f < 2; f++) {
        struct file_name *list;
        size_t n;
        struct slice folder = arena_printf(test_arena(), "%s/tests/%s",
                                           test_source_dir(), folders[f]);
        CHECK_OK(folder_list(folder, 1000, test_arena(), &list, &n));
        for (size_t i = 0; i < n; i++) {
            struct slice text;
            if (!slice_ends(list[i].name, SLICE(".c"))) continue;
            CHECK_OK(file_read(path_join(test_arena(), folder, list[i].name),
                               1 << 20, test_arena(), &text));
            buf_put(all, text);
        }
    }
}

TEST(format, each_acceptance_case_has_a_test_that_carries_its_number,
     .needs = "shared")
{
    enum { MOST = 300 };
    struct slice *ids = ARENA_ARRAY(test_arena(), struct slice, MOST);
    struct slice path =
        arena_printf(test_arena(), "%s/spec/workflow-format.md",
                     test_shared_dir());
    struct slice text, missing = {0};
    CHECK_OK(file_read(path, 1 << 20, test_arena(), &text));
    size_t n = cases_of(text, ids, MOST);
    CHECK_INT_EQ(n, 122);
    struct buf tests = BUF_INIT(64u << 20);
    tests_of(&tests);
    for (size_t i = 0; i < n; i++)
        if (!carries(buf_slice(&tests), ids[i]))
            missing = arena_printf(test_arena(), "%.*s %.*s",
                                   SLICE_ARG(missing), SLICE_ARG(ids[i]));
    buf_done(&tests);
    CHECK_TEXT_EQ(missing, "");
}
