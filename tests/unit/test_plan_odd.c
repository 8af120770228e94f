/*
 * plan_odd: plans as people write them when nobody checks: lists that break
 * off, labels without a value, headings out of place, numbers that are none.
 * Each row is a text and all that is read out of it.
 */
#include "engine/plan.h"

#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "tests/runner/test.h"

static void put_text(struct buf *b, char open, struct slice s, char close)
{
    if (s.n == 0) return;
    buf_putc(b, open);
    for (size_t i = 0; i < s.n; i++) buf_putc(b, s.p[i] == '\n' ? '^' : s.p[i]);
    buf_putc(b, close);
}

static void put_needs(struct buf *b, const struct eng_plan_needs *n)
{
    if (n->origin == ENG_NOT_STATED) return;
    buf_puts(b, n->origin == ENG_FROM_LABEL ? " <" : " <<");
    for (size_t i = 0; i < n->tasks_count; i++)
        buf_printf(b, "%s%.*s", i ? "," : "", SLICE_ARG(n->tasks[i]));
    for (size_t i = 0; i < n->phases_count; i++)
        buf_printf(b, "%sP%d", i || n->tasks_count ? "," : "",
                   (int)n->phases[i]);
    put_text(b, '?', n->note, '?');
}

static void put_items(struct buf *b, const char *mark,
                      const struct eng_plan_items *items)
{
    for (size_t i = 0; i < items->count; i++)
        buf_printf(b, " %s%s%.*s", mark, items->items[i].checked ? "x" : "",
                   SLICE_ARG(items->items[i].text));
}

/* "1 Name (duration) {description} <needs =gate | 1.1 Name (time)
 * {description} <needs -criterion", ^ for a line's end. */
static struct slice told(const struct eng_plan *plan)
{
    struct buf b = BUF_INIT(1 << 20);
    for (size_t i = 0; i < plan->phases_count; i++) {
        const struct eng_plan_phase *p = &plan->phases[i];
        buf_printf(&b, "%s%d %.*s", i ? " / " : "", (int)p->number,
                   SLICE_ARG(p->name));
        put_text(&b, '(', p->duration, ')');
        put_text(&b, '{', p->description, '}');
        put_needs(&b, &p->needs);
        put_items(&b, "=", &p->gate);
        for (size_t k = 0; k < p->tasks_count; k++) {
            const struct eng_plan_task *t = &p->tasks[k];
            buf_printf(&b, " | %.*s %.*s", SLICE_ARG(t->id),
                       SLICE_ARG(t->name));
            put_text(&b, '(', t->time, ')');
            put_text(&b, '{', t->description, '}');
            put_needs(&b, &t->needs);
            put_items(&b, "-", &t->criteria);
        }
    }
    struct slice s = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    return s;
}

struct odd_row {
    const char *text, *want;
    const char *code; /* of the one finding that matters; NULL: none asked */
};

static void check_row(const char *before, const struct odd_row *row)
{
    struct slice text = arena_printf(test_arena(), "%s%s", before, row->text);
    struct eng_source src = {SLICE("tasks.md"), text};
    struct eng_plan plan;
    struct eng_report r;
    struct problem p;
    eng_report_init(&r, test_arena());
    problem_init(&p);
    CHECK_OK(eng_plan_parse(&src, &r, &p, &plan));
    CHECK_TEXT_EQ(told(&plan), row->want);
    bool found = row->code == NULL;
    for (size_t i = 0; i < r.count; i++)
        found |= slice_eq(slice_of(r.items[i].code), slice_of(row->code));
    if (!found) FAIL("no finding %s", row->code);
}

/* clang-format off */
TEST_EACH(plan_odd, headings_that_are_none_or_belong_elsewhere,
          struct odd_row, row,
    {"## Phase 1: A\n### Phase 2: B\n#### Phase 3: C\n##### Task 3.1: X\n",
     "1 A | 3.1 X", "PHASE_HEADING_IGNORED"},
    {"## Phase 1: A\n### Phase 2: B\nsome text\n#### Task 2.1: X\n",
     "1 A / 2 B | 2.1 X"},
    {"## Phase 1: A\n### Phase 2: B\nonly text\n", "1 A",
     "PHASE_HEADING_IGNORED"},
    {"## Phase 1: A\n###Task 1.1: X\n", "1 A | 1.1 X"},
    {"## Phase 1: A\n#tag\n####### Task 1.1: seven\n    ### Task 1.2: in\n####\n"
     "### Task 1.3: C#\n", "1 A | 1.3 C#"},
    {"## Phase 1: A #####\n##\n## #\n", "1 A"},
    {"## Phase 1\n## Phase 1:\n## Phase: x\n## Phase1: x\n## Phase 1.2: x\n"
     "## Phase 1234567: x\n## Phase 1: A\n", "1 A"},
    {"## Phase\n## Phase 1x\n## Phase 1: A\n", "1 A"},
    {"## 1.2 A\n## 1.A\n## 1: A\n## 2 - B\n", "1 A / 2 B"},
    {"## \xf0\x9f\x9a\x80 Phase 1: A\n## \xe2\x86\x92 Phase 2: B\n"
     "## \xe2\x9c\x85\xef\xb8\x8f Phase 3: C\n## \xe2\x80\x8d Phase 4: \xe2\x80\x94 E\n", "1 A / 2 B / 3 C / 4 "
     "\xe2\x80\x94 E"},
    {"## \xe3\x81\x82 Phase 1: no\n## \xe2\x80\x94 Phase 1: no\n"
     "## Phase 1: A\n", "1 A"},
    {"## **Phase 1**: A *b* **c**\n## **Phase 2: B*\n", "1 A *b* c / 2 B*"},
    {"## Phase 1: A (2 days)\n## Phase 2: (2 days)\n## Phase 3: C 2 days)\n"
     "## Phase 4: D (days)\n## Phase 5: E (2)\n## Phase 6: F (2 ~ 3 h, est.)\n"
     "## Phase 7: G (2 days!)\n## Phase 8: H ()\n## Phase 9: I (2 Tagen)\n"
     "## Phase 10: J (a 2 [h])\n",
     "1 A(2 days) / 2 (2 days) / 3 C 2 days) / 4 D (days) / 5 E (2) / "
     "6 F(2 ~ 3 h, est.) / 7 G (2 days!) / 8 H () / 9 I (2 Tagen) / "
     "10 J (a 2 [h])"},
    {"## Phase 1: A\n# Aside\n## Phase 1 Validation Gate\n- [ ] a\n"
     "# More\n### Phase 2 - Validation Gate:\n- [ ] b\n## Phase 2: B\n",
     "1 A =a / 2 B =b"},
    {"## 1: A\n## 2:\n## 3:C\n", "1 A"},
    {"## Phase 1: A\n### Validation\n### Validation plan\n"
     "### Validation Gate of all\n- [ ] a\n", "1 A"},
    {"## Phase 1: A\n### Phase 9 Validation Gate\n- [ ] a\n", "1 A",
     "GATE_REPEATED"},
    {"## Phase 1: A\n### Validation Gates - x\n- [ ] a\n"
     "### Phase 1 Validation Gates\n- [ ] b\n### Phase 1Validation Gate\n"
     "- [ ] c\n### Phase one Validation Gate\n- [ ] d\n"
     "### Phase 1 Validation\n- [ ] e\n### Validationgate\n- [ ] f\n"
     "### Phase 1 Validation Gate now\n- [ ] g\n", "1 A =g"},
    {"## Phase 1: A\n### Validation Gates\n- [ ] a\n", "1 A =a"},
    {"## Phase 1: A\n### Validation Gate -\n- [ ] a\n", "1 A =a"},
    {"## Phase 1: A\n### **Phase 1**: **Validation Gate**\n- [ ] a\n",
     "1 A =a"})
/* clang-format on */
{
    check_row("", row);
}

/* clang-format off */
TEST_EACH(plan_odd, task_lines_that_are_none, struct odd_row, row,
    {"### Task 1.1\n", "1 A"},
    {"### Task 1.: x\n### Task 1.x: x\n### Task x.1: x\n### Task 1", "1 A"},
    {"### Task 1.1234567: x\n### Task 1234567.1: x\n", "1 A"},
    {"### Task1.1: x\n### Tasks 1.1: x\n### Item 1.1: x\n###\n", "1 A"},
    {"### Task 1.1 ~ x\n### Task 1.1 x\n### Task 1.2 - 3 of them\n", "1 A | 1.2 3 of them"},
    {"### Task 1.1 \xe2\x80\x93 x\n### Task 1.2: \n", "1 A | 1.1 x | 1.2 "},
    {"- Task 1.1\n- Task 1.2 x\n- Task 1.3 : x\n-\n- \n", "1 A | 1.3 x"},
    {"**Task 1.1** x\n**Task 1.2**\n**Task 1.3** : x\n**Task 1.4\n"
     "**Task 1.5:\n**Task 1.6: x\n**Task 1.7: x** y\n**Task 1.8: **\n"
     "    **Task 1.9**: deep\n",
     "1 A | 1.3 x | 1.5  | 1.6 x | 1.7 x** y | 1.8 "},
    {"1. Task 1.1: one\n2) Task 1.2: two\n3 Task 1.3: no\n1.Task 1.4: no\n"
     "1234567890. Task 1.5: no\n+ Task 1.6: x\n*Task 1.7: no\n12\n3.\n",
     "1 A | 1.1 one | 1.2 two | 1.6 x"},
    {"- [X] Task 1.1: x\n- [y] Task 1.2: x\n- [x]Task 1.3: x\n- [ ]\n"
     "- [x\n- [x) Task 1.4: x\n", "1 A | 1.1 x"},
    {"***\n___\n- - -\n- -\n*_*\n", "1 A"})
/* clang-format on */
{
    check_row("## Phase 1: A\n", row);
}

/* clang-format off */
TEST_EACH(plan_odd, labels_without_a_value_on_their_line, struct odd_row, row,
    {"**Objective:** one\ntwo\n---\nthree\n", "1 A{one^two}"},
    {"**Objective:** one\n### Notes\n", "1 A{one}"},
    {"**Objective:** one\n- [ ] box\n", "1 A{one}"},
    {"**Objective:** one\n- item\n", "1 A{one}"},
    {"**Objective:** one\n**Task 1.1:** X\n", "1 A{one} | 1.1 X"},
    {"**Objective:** one\n**Duration:** 2 h\n", "1 A(2 h){one}"},
    {"**Objective:**\n\n\ntoo far\n", "1 A"},
    {"**Objective:**\n\nthe text\nand more\n\nnot this\n",
     "1 A{the text^and more}"},
    {"**Objective:**\n\n- a list\n", "1 A"},
    {"**Objective:**\n- a list\n- of two\n", "1 A{a list^of two}"},
    {"**Objective:**\n\n### Notes\n", "1 A"},
    {"**Objective:**\n\n", "1 A"},
    {"**Objective:**", "1 A"},
    {"**Objective:** one\n**Goal:** two\n", "1 A{one}"},
    {"**Duration:**\n2 hours\nmore\n", "1 A(2 hours)"},
    {"**Timeframe:**\n\n2 hours\n", "1 A"},
    {"**Description:** of a task\n  **Objective:** inside\n", "1 A"},
    {"**Objective** - one\n**Duration** - 2 h\n**Objective** -two\n",
     "1 A{one^**Duration** - 2 h^**Objective** -two}"},
    {"**Objective** one\n**Objective\n****\n** **\n", "1 A"},
    {"Objective - one\n", "1 A{one}"},
    {"Objective -\n", "1 A"},
    {"Duration - 2 h\nSomething - else\nGoal: two\n", "1 A{two}"},
    {"A line with a dash - far behind: Goal: no\n", "1 A"},
    {"It says in many more words than forty of them: no\n", "1 A"},
    {"Acceptance Criteria:\n- [ ] of no task\n", "1 A"},
    {"### Task 1.1: X\n**Description:** a\n**Goal:** b\n**Time:** 1 h\n"
     "**Duration:** 2 h\n**Priority:** high\n", "1 A | 1.1 X(1 h){a}"})
/* clang-format on */
{
    check_row("## Phase 1: A\n", row);
}

/* clang-format off */
TEST_EACH(plan_odd, dependencies_that_follow_as_a_list, struct odd_row, row,
    {"**Dependencies:**\n\n- Task 1.1\n- Task 1.2\n\n- Task 9.9\n",
     " <1.1,1.2"},
    {"**Dependencies:**\n\nplain Task 1.1\n", ""},
    {"**Dependencies:**\nTask 1.1\n", " <1.1"},
    {"**Dependencies:** Task 1.1,\nTask 1.2\n", " <1.1,1.2"},
    {"**Dependencies:**\n- Task 1.1\n### Notes\n- Task 1.2\n", " <1.1"},
    {"**Dependencies:**\n- Task 1.1\n---\n- Task 1.2\n", " <1.1"},
    {"**Dependencies:**\n- Task 1.1\n- [ ] Task 1.2\n", " <1.1"},
    {"**Dependencies:**\n- Task 1.1\n**Time:** 1 h\n", "(1 h) <1.1"},
    {"**Dependencies:**\n\n", ""},
    {"**Dependencies:**", ""},
    {"**Dependencies:** None\nand Task 1.1\n", " <"},
    {"**Dependencies:** Task 1.1 - 3\n", " <1.1,1.2,1.3"},
    {"**Dependencies:** Task 1.1 - 2.3\n", " <?Task 1.1 - 2.3?"},
    {"**Dependencies:** Tasks 1.1-1.9999\n", " <?Tasks 1.1-1.9999?"},
    {"**Dependencies:** Phases 1-999\n", " <?Phases 1-999?"},
    {"**Dependencies:** Phases 1 - 1.2\n", " <P1"},
    {"**Dependencies:** Phase 1.2\n", " <1.2"},
    {"**Dependencies:** Task 4\n", " <?Task 4?"},
    {"**Dependencies:** 1\n", " <?1?"},
    {"**Dependencies:** 1-2\n", " <?1-2?"},
    {"**Dependencies:** Task 1-2\n", " <1.2"},
    {"**Dependencies:** Task 1 - 1.2\n", " <?Task 1 - 1.2?"},
    {"**Dependencies:** Task 12345678901\n", " <?Task 12345678901?"},
    {"**Dependencies:** Task 1.\n", " <?Task 1.?"},
    {"**Dependencies:** Task 1.1 -\n", " <1.1"},
    {"**Dependencies:** 1.1a\n", " <?1.1a?"},
    {"**Dependencies:** 1.1\xe2\x80\x94" "1.2\n", " <1.1,1.2"},
    {"**Dependencies:** Task 1.1\xe2\x80\x94the first\n", " <1.1"},
    {"**Dependencies:** Phase 1 and Task 1.1 and Phase 1\n", " <1.1,P1"},
    {"**Dependencies:** previous phase\n", " <?previous phase?"},
    {"**Dependencies:** Nobody\n", " <?Nobody?"},
    {"**Dependencies:** N/A\n", " <"},
    {"**Dependencies:** n 1.1\n", " <?n 1.1?"},
    {"**Dependencies:** \xe2\x80\x94\n", " <"},
    {"**Dependencies:** (Task 1.2)\n", " <"},
    {"**Dependencies:** Task 1.1 (see (2) below\n", " <1.1"},
    {"**Dependencies:** Task 1.1) and `Task 1.2`\n", " <1.1,1.2"},
    {"**Dependencies:** Task 1.1_a, [Task] {1.2}\n", " <1.1,1.2"})
/* clang-format on */
{
    struct odd_row full = {row->text, NULL, NULL};
    full.want =
        arena_printf(test_arena(), "1 A | 1.1 x | 1.2 y | 1.3 z%s", row->want)
            .p;
    check_row("## Phase 1: A\n### Task 1.1: x\n### Task 1.2: y\n"
              "### Task 1.3: z\n",
              &full);
}

/* clang-format off */
TEST_EACH(plan_odd, a_section_of_dependencies_speaks_for_tasks,
          struct odd_row, row,
    {"## Dependencies\n- Task 1.2 depends on Task 1.1\n",
     "1 A | 1.1 x | 1.2 y <<1.1"},
    {"## The dependencies\n### More\n- **Task 1.2** depends on Task 1.1\n",
     "1 A | 1.1 x | 1.2 y <<1.1"},
    {"## Dependencies\n- Tasks 1.2 and 9.9 depend on Task 1.1\n"
     "Task 1.1 depends on Task 1.2\n- It depends on Task 1.2\n"
     "<!-- - Task 1.1 depends on Task 1.2 -->\n- Task 1.1 is first\n-\n- **\n",
     "1 A | 1.1 x | 1.2 y <<1.1"},
    {"## Dependencies\n## Other\n- Task 1.2 depends on Task 1.1\n",
     "1 A | 1.1 x | 1.2 y"},
    {"## Dependencies\n- Task 1.2 depends on Task 1.1\n## Phase 2: B\n"
     "# Rest\n- Task 1.1 depends on Task 1.2\n",
     "1 A | 1.1 x | 1.2 y <<1.1 / 2 B"},
    {"## Dependencies\n- Task 1.2 depends on all previous tasks\n"
     "- Task 1.2 depends on phase 1\n", "1 A | 1.1 x | 1.2 y <<1.1,P1",
     "DEPENDENCY_CYCLE"})
/* clang-format on */
{
    check_row("## Phase 1: A\n### Task 1.1: x\n### Task 1.2: y\n", row);
}

/* clang-format off */
TEST_EACH(plan_odd, lists_end_where_something_else_begins, struct odd_row, row,
    {"- [ ] a\n- **Dependencies:** None\n- [ ] b\n", " < -a"},
    {"- [ ] a\n- Dependencies: None\n- [ ] b\n", " < -a"},
    {"- a\n- Dependencies: None\n- b\n", " -a -Dependencies: None -b"},
    {"- a\n- **Priority:** high\n- b\n", " -a -**Priority:** high -b"},
    {"- [ ] a\n**Priority:** high\n- [ ] b\n", " -a"},
    {"- [ ] a\n** bold\n- [ ] b\n", " -a"},
    {"- [ ] a\n  wrapped\n  - nested\n- [ ] b\n", " -a wrapped -b"},
    {"- [ ] a\n\n  more of it\n  and more\n- [ ] b\n", " -a -b"},
    {"- [ ] a\n\nText\n- [ ] b\n", " -a"},
    {"- [ ] a\n<!-- aside -->\nwrapped\n- [ ] b\n", " -a -b"},
    {"- [ ] \xe2\x9c\x85\n- [ ] b \xe2\x9d\x8c\n", " -b"},
    {"  - [x] a\n  - b\n- [ ] c\n", " -xa"},
    {" - [x] a\n  - b\n- [ ] c\n", " -xa -c"},
    {"    - [ ] a\n- [ ] b\n", " -a"},
    {"- [ ] a\n- [ ] **Task 1.1:** known\n- [ ] b\n",
     " -a -**Task 1.1:** known -b"},
    {"- [ ] a\n- [ ] **Task 1.3:** new\n- [ ] b\n", " -a | 1.3 new"},
    {"- [ ] a\n### Task 1.3: new\n", " -a | 1.3 new"},
    {"- [ ] a\n**Task 1.3:** new\n", " -a | 1.3 new"},
    {"- [ ] a\n    - [ ] Task 1.3: in it\n- [ ] b\n", " -a -b"},
    {"    - [ ] a\n- [ ] Task 1.1: known\n", " -a"},
    {"- **Time:** 3 h\n- [ ] a\n", "(3 h)"},
    {"text first\n\n- [ ] a\n", " -a"},
    {"**Status:** open\n- [ ] a\n", ""},
    {"\n---\n- [ ] a\n", ""},
    {"- [ ] a\n**Acceptance Criteria:**\n- [ ] again\n", " -a"})
/* clang-format on */
{
    struct odd_row full = *row;
    full.want =
        arena_printf(test_arena(), "1 A | 1.1 x | 1.2 y%s", row->want).p;
    check_row("## Phase 1: A\n### Task 1.1: x\n### Task 1.2: y\n"
              "**Acceptance Criteria:**\n",
              &full);
}

/* clang-format off */
TEST_EACH(plan_odd, gates_and_lists_in_lists_of_tasks, struct odd_row, row,
    {"- [ ] **Task 1.1**: X\n  - **Acceptance Criteria:**\n  - [ ] a\n"
     "  - **Time:** 1 h\n", "1 A | 1.1 X(1 h) -a"},
    {"- [ ] **Task 1.1**: X\n  - **Acceptance Criteria:**\n  - plain\n"
     "- [ ] **Task 1.2**: Y\n", "1 A | 1.1 X | 1.2 Y"},
    {"- [ ] **Task 1.1**: X\n    - **Acceptance Criteria:**\n  - [ ] less\n",
     "1 A | 1.1 X"},
    {"- [ ] **Task 1.1**: X\n  - **Validation Gate:**\n    - [ ] inner\n",
     "1 A | 1.1 X"},
    {"- [ ] **Task 1.1**: X\n- **Validation Gate:**\n  - [ ] a\n",
     "1 A =a | 1.1 X"},
    {"**Validation Gate:**\n- [ ] Task 1.1: later\n- [ ] Task 1.2: never\n"
     "  - [ ] Task 1.1: nested\n\n### Task 1.1: X\n",
     "1 A =Task 1.1: later | 1.2 never | 1.1 nested",
     "TASK_ID_DUPLICATE"},
    {"**Validation Gate:**\n**Task 1.1:** X\n- [ ] a\n", "1 A | 1.1 X"},
    {"**Validation Gate:**\n- [ ] a\n  **Task 1.1:** X\n",
     "1 A =a **Task 1.1:** X"},
    {"### Task 1.1: X\n**Acceptance Criteria:**\n- Task 1.1: again\n"
     "- Task 1.2: Y\n", "1 A | 1.1 X | 1.2 Y", "TASK_ID_DUPLICATE"},
    {"**Validation Gate:**\n- [ ] all\n- [ ] Task 1.1: later\n"
     "- [ ] Task 1.2: never\n\n### Task 1.1: X\n",
     "1 A =all =Task 1.1: later | 1.2 never | 1.1 X"},
    {"**Validation Gate:**\n- Time: stays\n- b\n", "1 A =Time: stays =b"},
    {"**Validation Gate:**\n- **Time:** 1 h\n- b\n", "1 A"},
    {"  **Validation Gate:**\n- [ ] deep\n", "1 A"},
    {"- Notes\n### Task 1.1: X\ntext\n#### Sub\n**Time:** 1 h\n### Other\n"
     "**Time:** 9 h\n", "1 A | 1.1 X(1 h)"})
/* clang-format on */
{
    check_row("## Phase 1: A\n", row);
}

#define ONE "## Phase 1: A\n### Task 1.1: x\n"
/* clang-format off */
TEST_EACH(plan_odd, plans_as_people_spell_them, struct odd_row, row,
    {"## Phase 1: A\r### Task 1.1: x\r## Phase 2: B\r", "1 A | 1.1 x / 2 B"},
    {"##\tPhase 1:\tA\n-\t[ ]\t**Task 1.1**:\tx\n\t-\t**Time**:\t2h\n"
     "\t-\t**Acceptance Criteria**:\n\t\t-\t[ ]\ta\n\t\t-\t[x]\tb\n",
     "1 A | 1.1 x(2h) -a -xb"},
    {"##\302\240Phase\302\2401: A\n### Task\342\200\2111.1\343\200\200: x\302\240y\n",
     "1 A | 1.1 x y"},
    {"## Phase 1\357\274\232\345\237\272\n### Task 1.1\357\274\232\345\273\272\n"
     "**Time\357\274\232** 2h\nPurpose\357\274\232 z\n",
     "1 \345\237\272 | 1.1 \345\273\272(2h){z}"},
    {"---\ntitle: x\n# Phase 9: y\nphases:\n- a\n  b: c\n\n---\n## Phase 1: A\n",
     "1 A"},
    {"---\ntitle: x\n## Phase 1: A\n---\n### Task 1.1: x\n", "1 A | 1.1 x"},
    {"---\n\n## Phase 1: A\n---\n## Phase 2: B\n", "1 A / 2 B"},
    {"---\ntitle: x\n## Phase 1: A\n", "1 A"},
    {"## Phase 1: A\n- [-] Task 1.1: v\n- [~] **Task 1.2**: w\n"
     "- [/] *Task 1.3*: x\n- [] __Task 1.4__: y\n-[ ] Task 1.5: z\n",
     "1 A | 1.1 v | 1.2 w | 1.3 x | 1.4 y | 1.5 z"},
    {ONE "**Validation Gate:**\n- [-] a\n- [~] b\n- [X] c\n- [\342\234\223] d\n"
         "- [] e\n-[ ] f\n- [\342\234\205] g\n- [1] not h\n",
     "1 A =a =b =xc =xd =e =f =xg | 1.1 x"},
    {ONE "**Validation Gate**\n- [ ] a\n", "1 A =a | 1.1 x"},
    {ONE "**Validation Gate (Final):**\n- [ ] a\n", "1 A =a | 1.1 x"},
    {ONE "**\360\237\232\246 Validation Gates \342\234\205:**\n- [ ] a\n",
     "1 A =a | 1.1 x"},
    {ONE "### \360\237\233\221 Validation Gate \360\237\233\221\n- [ ] a\n",
     "1 A =a | 1.1 x"},
    {ONE "**Phase 1 Validation Gate:**\n- [ ] a\n## Phase 2: B\n"
         "**Phase 2 Validation Gate**\n- [ ] b\n",
     "1 A =a | 1.1 x / 2 B =b"},
    {ONE "**Phase 1 Acceptance Criteria:**\n- [ ] a\n", "1 A | 1.1 x"},
    {ONE "#### Acceptance Criteria\n- [ ] a\n- [ ] b\n#### Notes\n- [ ] c\n",
     "1 A | 1.1 x -a -b"},
    {ONE "#### \342\234\205 **Acceptance Criteria:**\n\n- [ ] a\n### Other\n- [ ] b\n",
     "1 A | 1.1 x -a"},
    {ONE "### Acceptance Criteria\n- [ ] a\n", "1 A | 1.1 x"},
    {ONE "**Acceptance Criteria**\n- [ ] a\n", "1 A | 1.1 x -a"},
    {ONE "**Acceptance Criteria** of others\n- [ ] a\n", "1 A | 1.1 x"},
    {ONE "\342\217\261\357\270\217 **Estimated Time:** 2h\n*Description:* y\n"
         "_Dependencies:_ None\n",
     "1 A | 1.1 x(2h){y} <"},
    {"## Phase 1. A\n### Task 1.1. x\n### Task 1.2.3. y\n", "1 A | 1.1 x"})
/* clang-format on */
{
    check_row("", row);
}

/* clang-format off */
TEST_EACH(plan_odd, ranges_in_words, struct odd_row, row,
    {"1.1 to 1.3", "1.1,1.2,1.3"},
    {"Tasks 1.1 through 1.3, 2.1", "1.1,1.2,1.3,2.1"},
    {"Task 1.1 thru Task 1.3", "1.1,1.2,1.3"},
    {"Task 1.1 - Task 1.3", "1.1,1.2,1.3"},
    {"Tasks 1.1 .. 1.3 and 1.5", "1.1,1.2,1.3,1.5"},
    {"Phases 1 through 2", "P1,P2"},
    {"Phase 1 to Phase 2", "P1,P2"},
    {"Task 1.1 to be done, Task 1.3", "1.1,1.3"})
/* clang-format on */
{
    char text[200], want[200];
    (void)snprintf(text, sizeof(text), ONE "**Depends on:** %s\n", row->text);
    (void)snprintf(want, sizeof(want), "1 A | 1.1 x <%s", row->want);
    check_row("", &(struct odd_row){text, want, NULL});
}

/* clang-format off */
TEST_EACH(plan_odd, fences_and_comments_hide_what_they_hold,
          struct odd_row, row,
    {"`` `\n~~~\n## Phase 2: no\n~~~\n", "1 A"},
    {"```a`b\n### Task 1.1: X\n", "1 A | 1.1 X"},
    {"````\n```\n### Task 1.1: no\n~~~~\n````\n~~~\n```\n~~~\n"
     "### Task 1.2: X\n", "1 A | 1.2 X"},
    {"```md\n```sh\n### Task 1.1: no\n```\n```\n### Task 1.2: X\n",
     "1 A | 1.2 X"},
    {"a `<!--` b <!-- x\n### Task 1.1: no\n--> c\n### Task 1.2: X\n",
     "1 A | 1.2 X"},
    {"``a ` b`` `open <!-- x -->\n### Task 1.1: X <!-- y --> z\n",
     "1 A | 1.1 X  z"},
    {"<!--\n```\n-->\n### Task 1.1: X\n```\n### Task 1.2: Y\n",
     "1 A | 1.2 Y"},
    {"### Task 1.1: X <!-- open\n### Task 1.2: Y\n",
     "1 A | 1.1 X <!-- open | 1.2 Y"})
/* clang-format on */
{
    check_row("## Phase 1: A\n", row);
}

TEST(plan_odd, a_comment_at_its_end_belongs_to_the_task)
{
    struct slice text = SLICE("## Phase 1: A\n### Task 1.1: X\ntext\n\n"
                              "<!-- aside -->\n\n---\n### Notes\n");
    struct eng_source src = {SLICE("tasks.md"), text};
    struct eng_plan plan;
    struct eng_report r;
    struct problem p;
    eng_report_init(&r, test_arena());
    CHECK_OK(eng_plan_parse(&src, &r, &p, &plan));
    CHECK_TEXT_EQ(plan.phases[0].tasks[0].body,
                  "### Task 1.1: X\ntext\n\n<!-- aside -->");
}

struct long_row {
    const char *before, *unit, *behind; /* `unit` as often as may be */
};
/* clang-format off */
TEST_EACH_IF(plan_odd, a_long_line_costs_as_much_as_many_short_ones,
             (.needs = "release"), struct long_row, row,
    {"**", "\xf0\x9f\x98\x80", "**: x"},
    {"**", "\xf0\x9f\x98\x80 ", ":** x"},
    {"**a ", "\xf0\x9f\x98\x80", "**: x"},
    {"**a", " ", "b**: x"},
    {"**a ", "\xf0\x9f\x98\x80 ", "b**: x"},
    {"**a (", "(", ")**: x"},
    {"#### ", "\xf0\x9f\x98\x80 ", "a"},
    {"#### **a", "**a", ""},
    {"- ", "[ ", "x"},
    {"- ", "- ", "x"},
    {"", "_a", ":"},
    {"", "*", "a:"},
    {"", "a: ", ""},
    {"", "`", ""},
    {"", "a` ``", ""},
    {"", "<!--", ""},
    {"", "<!-- `` -->", ""},
    {"| ", "a | ", "b"},
    {"", "\xc2\xa0", "x"},
    {"", "\t", "x"},
    {"", "\r", "x"},
    {"**Depends on:** ", "1.1 to ", "1.2"},
    {"**Depends on:** ", "Task 1.1, ", "1.2"},
    {"**Depends on:** ", "( ", "1.2"},
    {"### Task 1.2: ", "(1h) ", "x"},
    {"### Task ", "1.", "2: x"})
/* clang-format on */
{
    enum { BYTES = 1900000, CPU_S = 10 }; /* unbounded: minutes */
    struct buf b = BUF_INIT(4 << 20);
    struct eng_plan plan;
    struct eng_report r;
    struct problem p;
    buf_printf(&b, "## Phase 1: A\n### Task 1.1: X\n%s", row->before);
    while (b.n < BYTES) buf_puts(&b, row->unit);
    buf_printf(&b, "%s\n", row->behind);
    struct eng_source src = {SLICE("tasks.md"), buf_slice(&b)};
    eng_report_init(&r, test_arena());
    problem_init(&p);
    clock_t began = clock();
    enum err e = eng_plan_parse(&src, &r, &p, &plan);
    double took = (double)(clock() - began) / CLOCKS_PER_SEC;
    printf("%s, %.3f s\n", err_code(e).p, took);
    CHECK(took < CPU_S);
    buf_done(&b);
}

struct ceiling {
    const char *line; /* with the number twice */
    int times;
    const char *first;
    size_t filler; /* bytes behind it */
};
/* clang-format off */
TEST_EACH(plan_odd, a_plan_over_a_ceiling_is_refused, struct ceiling, row,
    {"## Phase %d: P\n", PLAN_PHASES_MOST + 1, "", 0},
    {"### Task 1.%d: T\n", PLAN_TASKS_MOST + 1, "## Phase 1: A\n", 0},
    {"## Phase %d: P\n", 1, "", 2 << 20})
/* clang-format on */
{
    struct buf b = BUF_INIT(4 << 20);
    struct eng_plan plan;
    struct eng_report r;
    struct problem p;
    buf_puts(&b, row->first);
    for (int i = 1; i <= row->times; i++)
        for (const char *at = row->line; *at; at++)
            if (*at == '%')
                buf_printf(&b, "%d", i), at++;
            else
                buf_putc(&b, *at);
    for (size_t i = 0; i < row->filler; i++) buf_putc(&b, 'x');
    CHECK_OK(b.err);
    struct eng_source src = {SLICE("tasks.md"), buf_slice(&b)};
    eng_report_init(&r, test_arena());
    problem_init(&p);
    CHECK_ERR(eng_plan_parse(&src, &r, &p, &plan), ERR_TOO_LARGE);
    CHECK_CONTAINS(p.what, "tasks.md is too large");
    buf_done(&b);
}

/* Wherever memory ends: told, or the same plan as with plenty of it. */
TEST(plan_odd, memory_that_ends_anywhere_is_told)
{
    static const char text[] =
        "## **Phase 1**: A (2 days)\n**Objective:** one\ntwo\n"
        "### Task 1.1: x\n**Dependencies:**\n- Phase 2\n- Task 1.2\n"
        "**Acceptance Criteria:**\n- [ ] a\n  b <!-- c -->\n"
        "- **Task 1.2**: y\n**Acceptance Criteria:** told here\n"
        "**Validation Gate:**\n- [ ] g\n  h\n### Phase 3: no\n"
        "### Phase 7 Validation Gate\n- a\n## Phase 2: B\n**Depends on:** "
        "Phase 1\n##Phase 3: C\n# Dependencies\n"
        "- Task 1.1 depends on all previous tasks, 1.2-4\n";
    struct eng_source src = {SLICE("tasks.md"), slice_of(text)};
    struct slice want = {0};
    for (size_t ceiling = 1 << 20, least = 0;;) {
        struct arena a;
        struct eng_plan plan;
        struct eng_report r;
        struct problem p;
        arena_init(&a, ceiling);
        eng_report_init(&r, &a);
        problem_init(&p);
        enum err e = eng_plan_parse(&src, &r, &p, &plan);
        bool whole = !e && !r.failed && !a.refused;
        if (e) CHECK_ERR(e, ERR_NOMEM);
        if (want.p && whole) CHECK_SLICE_EQ(told(&plan), want);
        if (!want.p) CHECK(whole);
        if (!want.p) want = told(&plan);
        arena_done(&a);
        if (least && whole) break;
        ceiling = least += 8;
    }
}
