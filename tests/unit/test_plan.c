/*
 * plan: a tasks.md read as a careful reader would.
 */
#include "engine/plan.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "tests/runner/test.h"
#include "tests/unit/plan_tables.h"

struct read {
    struct eng_plan plan;
    struct eng_report r;
    struct problem p;
    enum err err;
};

static struct read read_plan(struct slice text)
{
    struct read got = {0};
    struct eng_source src = {SLICE("tasks.md"), text};
    eng_report_init(&got.r, test_arena());
    problem_init(&got.p);
    got.err = eng_plan_parse(&src, &got.r, &got.p, &got.plan);
    CHECK(!got.r.failed);
    return got;
}

static struct read plan_of(const char *text)
{
    struct read got = read_plan(slice_of(text));
    CHECK_OK(got.err);
    return got;
}

static size_t findings(const struct read *got, const char *code)
{
    size_t n = 0;
    for (size_t i = 0; i < got->r.count; i++)
        n += slice_eq(slice_of(got->r.items[i].code), slice_of(code));
    return n;
}

/* --- as in the tables -------------------------------------------------- */
static void put_needs(struct buf *b, const struct eng_plan_needs *n,
                      size_t before)
{
    size_t last = n->phases_count - 1;
    if (n->origin == ENG_NOT_STATED)
        buf_puts(b, "—");
    else if (n->tasks_count + n->phases_count == 0)
        buf_puts(b, "none");
    else if (n->tasks_count > 9 && n->tasks_count == before)
        buf_puts(b, "all earlier tasks");
    for (size_t i = 0; i < n->tasks_count && n->tasks_count < 10; i++)
        buf_printf(b, "%s%.*s", i ? ", " : "", SLICE_ARG(n->tasks[i]));
    if (n->phases_count == 1)
        buf_printf(b, "phase %d", (int)n->phases[0]);
    else if (n->phases_count)
        buf_printf(b, "phases %d–%d", (int)n->phases[0], (int)n->phases[last]);
}

static size_t ticked(const struct eng_plan_items *items)
{
    size_t n = 0;
    for (size_t i = 0; i < items->count; i++) n += items->items[i].checked;
    return n;
}

static const char *or_dash(struct slice s)
{
    return s.n ? arena_cstr(test_arena(), s) : "—";
}

static void put_plan(struct buf *b, const struct eng_plan *plan)
{
    size_t before = 0;
    for (size_t i = 0; i < plan->phases_count; i++) {
        const struct eng_plan_phase *p = &plan->phases[i];
        size_t criteria = 0;
        for (size_t k = 0; k < p->tasks_count; k++)
            criteria += p->tasks[k].criteria.count;
        buf_printf(b, "phase %u %d %.*s | %s | ", p->line, (int)p->number,
                   SLICE_ARG(p->name), or_dash(p->duration));
        put_needs(b, &p->needs, SIZE_MAX);
        buf_printf(b, " | %zu, %zu | %zu", p->tasks_count, criteria,
                   p->gate.count);
        if (p->gate.count) buf_printf(b, " (%u)", p->gate.items[0].line);
        buf_puts(b, "\n");
        for (size_t k = 0; k < p->tasks_count; k++) {
            const struct eng_plan_task *t = &p->tasks[k];
            buf_printf(b, "task %u %.*s %.*s | %s | ", t->line,
                       SLICE_ARG(t->id), SLICE_ARG(t->name), or_dash(t->time));
            put_needs(b, &t->needs, before++);
            buf_printf(b, " | %zu (%zu)\n", t->criteria.count,
                       ticked(&t->criteria));
        }
    }
}

/* Line by line, so that a difference is told as one. */
static void check_table(const struct eng_plan *plan, const char *want)
{
    struct buf b = BUF_INIT(1 << 20);
    struct slice got, expected = slice_of(want), one, other;
    put_plan(&b, plan);
    got = buf_slice(&b);
    while (slice_split(&expected, '\n', &other)) {
        CHECK(slice_split(&got, '\n', &one));
        CHECK_SLICE_EQ(one, other);
    }
    CHECK_INT_EQ(got.n, 0);
    buf_done(&b);
}

static struct slice real(const char *name)
{
    struct slice path = arena_printf(test_arena(), "%s/real/specs/%s/tasks.md",
                                     test_shared_dir(), name);
    struct slice text;
    CHECK_OK(file_read(path, 1 << 20, test_arena(), &text));
    return text;
}

static struct slice with_crlf(struct slice text)
{
    struct buf b = BUF_INIT(4 << 20);
    buf_puts(&b, "\xef\xbb\xbf");
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\n') buf_putc(&b, '\r');
        buf_putc(&b, text.p[i]);
    }
    struct slice copy = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    return copy;
}

static const struct {
    const char *name, *table;
} tables[] = {PLAN_TABLES};

static void check_real(size_t i)
{
    struct slice text = real(tables[i].name);
    struct read got = read_plan(text), crlf = read_plan(with_crlf(text));
    CHECK_OK(got.err);
    check_table(&got.plan, tables[i].table);
    CHECK_OK(crlf.err);
    check_table(&crlf.plan, tables[i].table);
    CHECK_INT_EQ(crlf.r.count, got.r.count);
}

/* format B1, B2, B3, B4, B5, B6, B7, B8, B9 */
#define REAL(i)                                                                \
    TEST(plan, reads_real_plan_##i##_as_its_table, .needs = "shared")          \
    {                                                                          \
        check_real(i - 1);                                                     \
    }
REAL(1)
REAL(2)
REAL(3)
REAL(4)
REAL(5)
REAL(6)
REAL(7)
REAL(8)

struct odd {
    int file;
    const char *code;
    int count;
};
/* format B25 */
TEST(plan, real_plans_have_the_findings_known_of_them, .needs = "shared")
{
    static const struct odd odds[] = {{5, "PHASE_HEADING_IGNORED", 4},
                                      {8, "PHASE_HEADING_IGNORED", 4},
                                      {1, "PHASE_HEADING_IGNORED", 0},
                                      {4, "TASK_WITHOUT_CRITERIA", 1},
                                      {7, "SUCCESS_LIST_NOT_GATE", 5},
                                      {2, "NO_GATE", 4},
                                      {7, "NO_GATE", 5},
                                      {7, "FENCE_UNCLOSED", 0},
                                      {1, "DEPENDENCY_UNKNOWN", 0},
                                      {3, "DEPENDENCY_CYCLE", 0},
                                      {8, "DEPENDENCY_FORWARD", 0},
                                      {5, "TASK_ID_DUPLICATE", 0}};
    for (size_t i = 0; i < sizeof(odds) / sizeof(*odds); i++) {
        struct read got = read_plan(real(tables[odds[i].file - 1].name));
        printf("file %d %s\n", odds[i].file, odds[i].code);
        CHECK_INT_EQ(findings(&got, odds[i].code), odds[i].count);
    }
}

/* format B26, B27, B28 */
TEST(plan, real_gates_have_the_items_in_the_file, .needs = "shared")
{
    struct read t8 = read_plan(real(tables[7].name));
    struct eng_plan_items gate = t8.plan.phases[0].gate;
    CHECK_TEXT_EQ(gate.items[0].text, "All Phase 1 tasks completed");
    CHECK_INT_EQ(ticked(&gate), 0);
    struct read t3 = read_plan(real(tables[2].name));
    gate = t3.plan.phases[4].gate;
    CHECK_TEXT_EQ(gate.items[6].text, "Stakeholder sign-off");
    const struct eng_plan_task *last = &t3.plan.phases[4].tasks[6];
    CHECK_INT_EQ(last->needs.tasks_count, 33);
    CHECK_TEXT_EQ(last->needs.tasks[0], "1.1");
    CHECK_TEXT_EQ(last->needs.tasks[32], "5.6");
}

/* format B21 */
TEST(plan, takes_no_task_out_of_nested_fences, .needs = "shared")
{
    struct slice text = real(tables[6].name), line;
    struct buf b = BUF_INIT(1 << 20);
    buf_puts(&b, "## Phase 1: A\n## Phase 2: B\n## Phase 3: C\n");
    for (int n = 1; slice_split(&text, '\n', &line); n++) {
        if (n < 469 || n > 530) continue;
        buf_put(&b, line);
        buf_putc(&b, '\n');
    }
    struct read got = read_plan(buf_slice(&b));
    CHECK_OK(got.err);
    CHECK_INT_EQ(got.plan.phases[2].tasks_count, 2);
    CHECK_INT_EQ(got.plan.phases[2].tasks[0].criteria.count, 3);
    CHECK_INT_EQ(got.plan.phases[2].tasks[1].criteria.count, 2);
    buf_done(&b);
}

/* --- headings ---------------------------------------------------------- */
struct phases_row {
    const char *text;
    const char *phases; /* "1 Name;2 Name" */
};
/* clang-format off */
TEST_EACH(plan, knows_a_phase_heading, struct phases_row, row,
    {"## Phase 1 - Ground\n", "1 Ground"},
    {"## Phase 1: Ground\n", "1 Ground"},
    {"##Phase 1:Ground\n", "1 Ground"},
    {"### PHASE 1 — Ground ###\n", "1 Ground"},
    {"## Phase 1. Ground\n", "1 Ground"},
    {"## **Phase 1**: Ground\n", "1 Ground"},
    {"## Phase 1: Ground ✅\n", "1 Ground"},
    {"## Phase 1: Ground (Week 1, Days 1-3)\n", "1 Ground"},
    {"## Phase 1: Ground (and walls)\n", "1 Ground (and walls)"},
    {"## Phase 1: Phases 0-1: both\n", "1 Phases 0-1: both"},
    {"## Phase 1: A\n## Phase 2: B\n## Phase 3: Task Breakdown\n",
     "1 A;2 B;3 Task Breakdown"},
    {"## Phase 1: A\n### Phase 1 Tasks\n### Phase 1 → Phase 2\n"
     "### Risk 3: Bad things\n## Some Random Header\n", "1 A"},
    {"## Phase 1: A\n## Phase 1-4 overview\n- **Phase 2:** no\n"
     "**Phase 3 Success:**\n| Phase 4: | x |\n> ## Phase 5: no\n", "1 A"},
    {"## Phase 1: A\n## Summary\n### Phase 1: A\n### Phase 2: B\n", "1 A"},
    {"## Phase 1: A\n### Phase 2: B\n#### Task 2.1: X\n", "1 A;2 B"},
    {"## Phase 1: A\n```\n## Phase 2: no\n```\n<!--\n## Phase 2: no\n-->\n"
     "## Phase 2: B\n", "1 A;2 B"},
    {"## Phase 1: A\n## Phase 1: again\n## Phase 2: B\n", "1 A;2 B"},
    {"## 1. Ground\n## 2. Walls\n", "1 Ground;2 Walls"},
    {"## Phase 1: A\n## 2. Walls\n", "1 A"},
    {"## Phase 0: Zero\n## Phase 1: One\n", "0 Zero;1 One"},
    {"\xef\xbb\xbf## Phase 1: A\r\n## Phase 2: B\r\n", "1 A;2 B"})
/* clang-format on */
{
    struct read got = plan_of(row->text);
    struct buf b = BUF_INIT(4096);
    for (size_t i = 0; i < got.plan.phases_count; i++)
        buf_printf(&b, "%s%d %.*s", i ? ";" : "",
                   (int)got.plan.phases[i].number,
                   SLICE_ARG(got.plan.phases[i].name));
    CHECK_TEXT_EQ(buf_slice(&b), row->phases);
    buf_done(&b);
}

TEST(plan, takes_a_time_in_parentheses_for_the_duration)
{
    struct read got = plan_of("## Phase 1: Ground (Week 1, Days 1-3)\n");
    CHECK_TEXT_EQ(got.plan.phases[0].duration, "Week 1, Days 1-3");
}

TEST(plan, takes_a_dash_for_the_colon_of_a_text)
{
    struct read got = plan_of("## Phase 1: Ground\nGoal - Create ground\n");
    CHECK_TEXT_EQ(got.plan.phases[0].description, "Create ground");
}

struct refusal_row {
    const char *text;
    enum err err;
    const char *says;
};
TEST_EACH(plan, refuses_what_is_no_plan, struct refusal_row, row,
          {"", ERR_SOURCE_EMPTY, "empty"}, {" \n\n", ERR_SOURCE_EMPTY, "empty"},
          {"some text\n", ERR_SOURCE_NO_PHASES, "no phases"},
          {"## Phase 1: A\n## Phase 3: B\n", ERR_SOURCE_PHASE_GAP,
           "missing: 2"},
          {"## Phase 1: A\n## Phase 5: B\n", ERR_SOURCE_PHASE_GAP,
           "missing: 2 to 4"},
          {"\n## Phase 2: A\n", ERR_SOURCE_PHASE_START,
           "tasks.md:2: the first phase has the number 2"})
{
    struct read got = read_plan(slice_of(row->text));
    CHECK_ERR(got.err, row->err);
    CHECK_CONTAINS(got.p.what, row->says);
}

/* --- tasks ------------------------------------------------------------- */
struct task_row {
    const char *line, *id, *name;
};
/* clang-format off */
TEST_EACH(plan, knows_a_task, struct task_row, row,
    {"### Task 1-1: X", "1.1", "X"},
    {"- **Task 1.1:** X", "1.1", "X"},
    {"### Task 1.1: X", "1.1", "X"},
    {"#### Task 1.1 - X: the rest", "1.1", "X: the rest"},
    {"- [x] **Task 1.1**: X ✅", "1.1", "X"},
    {"- Task 1.1: X", "1.1", "X"},
    {"- **Task 1.1: X**", "1.1", "X"},
    {"* [ ] **Task 1.10**: X (✅ done)", "1.10", "X (✅ done)"},
    {"**Task 1.1:** X", "1.1", "X"},
    {"#### **Task 1.1:** `x.md`", "1.1", "`x.md`"},
    {"Task 1.1 depends on Task 1.2", "", ""},
    {"- **Task 1.1** (Entry) depends on Task 1.2", "", ""},
    {"- Task 1.1, 1.2 (all) can run in parallel", "", ""},
    {"#### Task 4: no dot", "", ""},
    {"1. Task one: no", "", ""},
    {"    <!-- - Task 1.1: X -->", "", ""},
    {"> #### Task 1.1: quoted", "", ""})
/* clang-format on */
{
    char text[200];
    snprintf(text, sizeof(text), "## Phase 1: A\n%s\n", row->line);
    struct read got = plan_of(text);
    CHECK_INT_EQ(got.plan.phases[0].tasks_count, row->id[0] != 0);
    if (!row->id[0]) return;
    CHECK_TEXT_EQ(got.plan.phases[0].tasks[0].id, row->id);
    CHECK_TEXT_EQ(got.plan.phases[0].tasks[0].name, row->name);
}

TEST(plan, keeps_ids_as_texts)
{
    struct buf b = BUF_INIT(1 << 16);
    for (int i = 1; i <= 10; i++) buf_printf(&b, "## Phase %d: P\n", i);
    for (int i = 1; i <= 20; i++)
        buf_printf(&b, "### Task 10.%d: T\n%s", i,
                   i == 10 ? "Dependencies: Task 10.9\n" : "");
    struct read got = read_plan(buf_slice(&b));
    CHECK_OK(got.err);
    const struct eng_plan_phase *p = &got.plan.phases[9];
    CHECK_INT_EQ(p->tasks_count, 20);
    CHECK_TEXT_EQ(p->tasks[9].id, "10.10");
    CHECK_INT_EQ(p->tasks[9].needs.tasks_count, 1);
    CHECK_TEXT_EQ(p->tasks[9].needs.tasks[0], "10.9");
    buf_done(&b);
}

TEST(plan, gives_a_task_its_own_lines)
{
    struct read got = plan_of("## Phase 1: A\n"
                              "- [ ] **Task 1.1**: X\n  - step\n\nmore\n\n---\n"
                              "- [ ] **Task 1.2**: Y\n\n### Notes\nno\n");
    CHECK_TEXT_EQ(got.plan.phases[0].tasks[0].body,
                  "- [ ] **Task 1.1**: X\n  - step\n\nmore");
    CHECK_TEXT_EQ(got.plan.phases[0].tasks[1].body, "- [ ] **Task 1.2**: Y");
}

TEST(plan, counts_the_first_of_two_tasks_with_one_id)
{
    struct read got = plan_of("## Phase 1: A\n### Task 1.1: X\n"
                              "### Task 1.1: again\n### Task 2.7: odd\n");
    CHECK_INT_EQ(got.plan.phases[0].tasks_count, 2);
    CHECK_TEXT_EQ(got.plan.phases[0].tasks[0].name, "X");
    CHECK_INT_EQ(findings(&got, "TASK_ID_DUPLICATE"), 1);
    CHECK_INT_EQ(findings(&got, "TASK_PHASE_MISMATCH"), 1);
}

/* --- dependencies ------------------------------------------------------ */
struct needs_row {
    const char *text, *tasks, *phases;
};
/* clang-format off */
TEST_EACH(plan, understands_what_a_task_waits_for, struct needs_row, row,
    {"None", "", ""},
    {"None (can run in parallel with 1.2)", "", ""},
    {"n/a", "", ""}, {"—", "", ""},
    {"Task 1.1", "1.1", ""},
    {"Task 1.1 (for 1.3)", "1.1", ""},
    {"Task 1.1, Task 1.2", "1.1 1.2", ""},
    {"Tasks 1.1, 1.2 and 2.1", "1.1 1.2 2.1", ""},
    {"1.1, 1.2", "1.1 1.2", ""},
    {"Task 1.1-1.3", "1.1 1.2 1.3", ""},
    {"Task 1.1–1.3", "1.1 1.2 1.3", ""},
    {"Task 1-1", "1.1", ""},
    {"Phase 1 complete", "", "1"},
    {"Phases 1-2 complete", "", "1 2"},
    {"Phase 1, 2, 3 complete", "", "1 2 3"},
    {"Phase 1 complete (a, 2), Phase 2 complete (b)", "", "1 2"},
    {"All Phase 1-2 tasks", "", "1 2"},
    {"all Phase 1 and Phase 2 tasks", "", "1 2"},
    {"ALL previous phases", "", "1 2"},
    {"all prior phases", "", "1 2"},
    {"All previous tasks", "1.1 1.2 1.3 2.1", ""},
    {"Previous task", "2.1", ""},
    {"Task 1.1 and Python 3.10", "1.1", ""},
    {"Python 3.10 must be there", "", ""},
    {"the database team", "", ""},
    {"Task 1.1, 1.1, Task 1.1", "1.1", ""},
    {"\n- Task 1.1: the model\n- Task 1.2: the rest\n", "1.1 1.2", ""})
/* clang-format on */
{
    char text[400];
    snprintf(text, sizeof(text),
             "## Phase 1: A\n### Task 1.1: x\n### Task 1.2: x\n"
             "### Task 1.3: x\n## Phase 2: B\n### Task 2.1: x\n"
             "## Phase 3: C\n### Task 3.1: x\n**Dependencies:** %s\n",
             row->text);
    struct read got = plan_of(text);
    CHECK_INT_EQ(got.plan.phases[2].tasks_count, 1);
    struct eng_plan_needs needs = got.plan.phases[2].tasks[0].needs;
    struct buf b = BUF_INIT(4096), c = BUF_INIT(4096);
    for (size_t i = 0; i < needs.tasks_count; i++)
        buf_printf(&b, "%s%.*s", i ? " " : "", SLICE_ARG(needs.tasks[i]));
    for (size_t i = 0; i < needs.phases_count; i++)
        buf_printf(&c, "%s%d", i ? " " : "", (int)needs.phases[i]);
    CHECK_TEXT_EQ(buf_slice(&b), row->tasks);
    CHECK_TEXT_EQ(buf_slice(&c), row->phases);
    CHECK_INT_EQ(needs.origin, ENG_FROM_LABEL);
    buf_done(&b);
    buf_done(&c);
}

TEST(plan, reads_dependencies_beside_a_label_and_in_a_name)
{
    struct read got =
        plan_of("## Phase 1: A\n### Task 1.1: x\n### Task 1.2: y (depends on "
                "1.1)\n### Task 1.3: z\n**Dependencies:** None\n"
                "### Task 1.4: w\n"
                "## Task Dependencies\n- Tasks 1.3, 1.4 (both) depend on Task "
                "1.2\n- Task 1.4 depends on Task 1.1\n"
                "- Task 1.1 can run in parallel\n");
    const struct eng_plan_task *t = got.plan.phases[0].tasks;
    CHECK_INT_EQ(t[0].needs.origin, ENG_NOT_STATED);
    CHECK_TEXT_EQ(t[1].needs.tasks[0], "1.1");
    CHECK_INT_EQ(t[2].needs.tasks_count, 0);
    CHECK_INT_EQ(t[3].needs.origin, ENG_FROM_SECTION);
    CHECK_INT_EQ(t[3].needs.tasks_count, 2);
}

TEST(plan, reports_dependencies_that_cannot_be)
{
    struct read got =
        plan_of("## Phase 1: A\n### Task 1.1: x\nDependencies: Task 1.2\n"
                "### Task 1.2: x\nDependencies: Task 1.1, Task 9.9\n"
                "### Task 1.3: x\nDependencies: Phase 1\n");
    CHECK_INT_EQ(findings(&got, "DEPENDENCY_FORWARD"), 1);
    CHECK_INT_EQ(findings(&got, "DEPENDENCY_UNKNOWN"), 1);
    CHECK_INT_EQ(findings(&got, "DEPENDENCY_CYCLE"), 2);
}

/* --- criteria and gates ------------------------------------------------ */
struct gate_row {
    const char *section;
    const char *items; /* with ; between */
};
/* clang-format off */
TEST_EACH(plan, finds_a_gate, struct gate_row, row,
    {"**Validation Gate:**\n- [ ] a\n- [x] b ✅\n", "a;b"},
    {"**Validation Gate:**\n- a\n- b\n", "a;b"},
    {"**Validation Gate:**\n- a\n- [ ] b\n", "b"},
    {"**Validation Gate:**\n\nFirst this:\n\n- [ ] a\n  - [ ] nested\n"
     "  ```\n- [ ] code\n  ```\n\n- [ ] b ✅/❌\n\nText\n- [ ] no\n", "a;b"},
    {"### Phase 1 Validation Gate (Final)\n**Before:**\n- [ ] a\n", "a"},
    {"### Phase 1: Validation Gate\n- [ ] a\n", "a"},
    {"### Validation Gate\n- [ ] a\n", "a"},
    {"## Other\n### Phase 1 Validation Gate\n- [ ] a\n---\n- [ ] b\n", "a"},
    {"**Validation Gate:**\n- [ ] a\n## X\n### Phase 1 Validation Gate\n"
     "- [ ] b\n", "a"},
    {"**Validation Gate:**\n- [ ] Task 1.1: done\n- [ ] b\n\n"
     "### Task 1.1: X\n", "Task 1.1: done;b"},
    {"### Task 1.1: X\n**Acceptance Criteria:**\n- [ ] c\n"
     "**Validation Gate:**\n- [ ] a\n", "a"},
    {"**Validation Gate:**\n- [ ] long\nand wrapped\n- [ ] b\n",
     "long and wrapped;b"},
    {"**Validation Gate:**\n**Evidence Required:**\n- [ ] no\n", ""},
    {"**Validation Gate:** all is green\n", "all is green"},
    {"## Success Criteria\n**Phase 1 Success:**\n- [ ] no\n", ""},
    {"## Acceptance Criteria Summary\n- [ ] no\n", ""})
/* clang-format on */
{
    char text[600];
    snprintf(text, sizeof(text), "## Phase 1: A\n\n%s", row->section);
    struct read got = plan_of(text);
    struct buf b = BUF_INIT(4096);
    struct eng_plan_items gate = got.plan.phases[0].gate;
    for (size_t i = 0; i < gate.count; i++)
        buf_printf(&b, "%s%.*s", i ? ";" : "", SLICE_ARG(gate.items[i].text));
    CHECK_TEXT_EQ(buf_slice(&b), row->items);
    buf_done(&b);
}

TEST(plan, reads_the_labels_of_a_task_at_its_own_level)
{
    struct read got = plan_of("## Phase 1: A\n"
                              "- [x] **Task 1.1**: X\n"
                              "  - **Time**: 2 h\n"
                              "  - **Acceptance Criteria**:\n"
                              "    - [x] one\n"
                              "      - **Time:** 9 h\n"
                              "    - [ ] two ✅\n"
                              "  - **Dependencies**: None\n"
                              "### Task 1.2: Y\n"
                              "**Description:**\nwhat\nis done\n\n"
                              "**Time Estimate:** 1 h\n  **Time:** 5 h\n");
    const struct eng_plan_task *t = got.plan.phases[0].tasks;
    CHECK_TEXT_EQ(t[0].time, "2 h");
    CHECK_INT_EQ(t[0].criteria.count, 2);
    CHECK_INT_EQ(ticked(&t[0].criteria), 1);
    CHECK_TEXT_EQ(t[0].criteria.items[1].text, "two");
    CHECK(t[0].checked);
    CHECK_TEXT_EQ(t[1].description, "what\nis done");
    CHECK_TEXT_EQ(t[1].time, "1 h");
}

TEST(plan, says_where_a_fence_is_not_closed)
{
    struct read got = plan_of("## Phase 1: A\n### Task 1.1: X\n```sh\n"
                              "```text\nx\n```\n### Task 1.2: Y\n");
    CHECK_INT_EQ(findings(&got, "FENCE_UNCLOSED"), 1);
    CHECK_INT_EQ(got.plan.phases[0].tasks_count, 2);
}

TEST(plan, lets_no_open_comment_swallow_the_rest)
{
    struct read got = plan_of("## Phase 1: A\n<!-- a --> <!-- never\n"
                              "### Task 1.1: X `<!--` y\n");
    CHECK_INT_EQ(got.plan.phases[0].tasks_count, 1);
    CHECK_TEXT_EQ(got.plan.phases[0].tasks[0].name, "X `<!--` y");
}

TEST(plan, refuses_a_plan_without_end)
{
    struct buf b = BUF_INIT(4 << 20);
    buf_puts(&b, "## Phase 1: A\n");
    for (int i = 1; i <= PLAN_TASKS_MOST + 1; i++)
        buf_printf(&b, "### Task 1.%d: T\nDependencies: all previous tasks\n",
                   i);
    CHECK_ERR(read_plan(buf_slice(&b)).err, ERR_TOO_LARGE);
    buf_done(&b);
}

/* --- no memory --------------------------------------------------------- */

static const char rich[] =
    "# Plan\n\n<!-- ## Phase 9: not -->\n## Phase 1: Ground (2 days)\n"
    "**Objective:** Lay\nit\n**Duration:** 3 days\n**Dependencies:** None\n\n"
    "### Task 1.1: Dig\n**Time:** 2 h\n**Description:** dig\ndeep\n\n"
    "```\n### Task 9.9: not\n```\n"
    "**Acceptance Criteria:**\n- [ ] deep\n  and wide\n- [x] dry\n"
    "### Task 1.2: Fill\n**Dependencies:** Task 1.1, Task 9.9, Phase 7\n"
    "#### Acceptance Criteria\n- [ ] full\n### Task 1.2: Again\n\n"
    "### Phase 1 Validation Gate\n- [ ] It is even\n- [ ] It is dry\n"
    "**Validation Gate:**\n- [ ] twice\n\n"
    "## Phase 2: Walls\n- [ ] **Task 2.1:** Bricks (after Phase 1)\n"
    "  - **Depends on:** all of Phase 1, the weather\n"
    "- [ ] **Task 2.2:** Roof\n  - deps: 2.1, 2.3\n- [ ] **Task 2.3:** Top\n"
    "  - Dependencies: 2.2\n\n## Dependencies\n"
    "- Task 2.2 depends on Task 1.2\n- Phase 2 requires Phase 1\n```\nopen\n";

TEST_EACH(plan, every_failed_allocation_is_told, struct refusal_row, row,
          {.text = rich}, {.text = "# Nothing\n"}, {.text = ""},
          {.text = "## Phase 1: A\n## Phase 3: B\n"})
{
    struct eng_source src = {SLICE("tasks.md"), slice_of(row->text)};
    struct read want = read_plan(src.text);
    struct buf plain = BUF_INIT(1u << 20);
    if (!want.err) put_plan(&plain, &want.plan);
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        struct arena a;
        struct read got = {0};
        struct buf b = BUF_INIT(1u << 20);
        arena_init(&a, 1u << 24);
        eng_report_init(&got.r, &a);
        problem_init(&got.p);
        mem_fail_at(n);
        got.err = eng_plan_parse(&src, &got.r, &got.p, &got.plan);
        failed = mem_count() >= n;
        mem_fail_at(0);
        bool short_of = a.refused || got.r.failed;
        CHECK(got.err == want.err || got.err == ERR_NOMEM);
        if (got.err) CHECK(got.p.what.n > 0 && got.p.how_to_fix.n > 0);
        if (!failed) CHECK(!short_of && got.err == want.err);
        if (!short_of) CHECK_INT_EQ(got.r.count, want.r.count);
        if (!got.err && !short_of) put_plan(&b, &got.plan);
        if (!got.err && !short_of)
            CHECK_SLICE_EQ(buf_slice(&b), buf_slice(&plain));
        buf_done(&b);
        arena_done(&a);
    }
    buf_done(&plain);
}
