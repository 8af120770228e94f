/* lint_odd: texts and gates at the edges of what lint understands. Each row is
 * one file of a workflow that is clean without it, and every finding in that
 * file: code, line and, where there is one to tell apart, what it names. */
#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "engine/check.h"
#include "tests/unit/workflow_kit.h"

#define META "metadata.json"
#define GATE "phases/0/gate-definition.yaml"
#define PHASE "phases/0/phase.md"
#define TASK "phases/0/task-1-state-the-bug.md"
#define HEAD "# Phase 0: Reproduce\n"

static const char gate[] =
    "checkpoint: {strict: true}\nevidence_schema:\n"
    "  done: {type: boolean, required: true, description: x}\n"
    "  count: {type: integer, required: true, description: x, "
    "validator: positive}\n"
    "  share: {type: number, description: x}\n"
    "  names: {type: list, description: x}\n"
    "  note: {type: string, description: x}\n"
    "  detail: {type: object, description: x}\n"
    "  thing: {description: x}\n";

static struct eng_files base(void)
{
    struct eng_files f;
    struct problem p;
    problem_init(&p);
    CHECK_OK(eng_files_read(arena_printf(test_arena(),
                                         "%s/examples/workflows/bugfix_v1",
                                         test_source_dir()),
                            test_arena(), &p, &f));
    f = kit_with(f, GATE, gate);
    return kit_with(f, PHASE, HEAD "done count\n");
}

/* "CODE:line CODE:line" of that file. */
static struct slice found_in(struct eng_files f, const char *path,
                             struct eng_checked *ret)
{
    struct buf b = BUF_INIT(1 << 16);
    CHECK_OK(eng_check_definition(kit_build(f), test_arena(), ret));
    for (size_t i = 0; i < ret->count; i++) {
        const struct eng_finding *one = &ret->findings[i];
        if (!slice_eq(one->file, slice_of(path))) continue;
        buf_printf(&b, "%s%s:%u", b.n ? " " : "", one->code, one->line);
        printf("%s: %.*s\n", one->code, SLICE_ARG(one->message));
    }
    struct slice s = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    return s;
}

struct odd {
    const char *text;
    const char *want;
    const char *says; /* of one of the findings; NULL: none asked */
};

static void judge(struct eng_files f, const char *path, const struct odd *row)
{
    struct eng_checked k;
    CHECK_TEXT_EQ(found_in(f, path, &k), row->want);
    bool said = row->says == NULL;
    for (size_t i = 0; i < k.count && !said; i++)
        said = slice_find(k.findings[i].message, slice_of(row->says)) <
               k.findings[i].message.n;
    if (!said) FAIL("no finding says: %s", row->says);
}

/* clang-format off */
TEST_EACH(lint_odd, a_phase_text_against_what_is_listed, struct odd, row,
    {HEAD, ""},
    {"# Phase 0\n", ""},
    {"# Phase x: Reproduce\n", ""},
    {"# Phase 0 Reproduce\n", ""},
    {"# Phase 0 - Reproduce\n", ""},
    {"# Phase 0 \xe2\x80\x94 Reproduce\n", ""},
    {"# Phase 0: Else\n", "PHASE_TEXT_MISMATCH:1", "\"Phase 0: Else\""},
    {HEAD "task-1-state-the-bug.md", ""},
    {HEAD "sub-task-9-x.md x/task-9-x.md mytask-9-x.md _task-9-x.md\n", ""},
    {HEAD "task-x.md task-.md task- task-9-x.txt task-9-x\n", ""},
    {HEAD "(task-9-x.md) and task-9-x.md\ntask-8-y.md\n",
     "PHASE_TEXT_MISMATCH:2", "names task-9-x.md, task-8-y.md, which"},
    {HEAD "| task-2-write-the-failing-test.md |\n"
     "| task-1-state-the-bug.md |\n"
     "| task-2-write-the-failing-test.md |\n| task-1-state-the-bug.md |\n",
     "PHASE_TEXT_MISMATCH:3", "not in the order"},
    {HEAD "task-2-write-the-failing-test.md\ntask-1-state-the-bug.md\n", ""})
/* clang-format on */
{
    judge(kit_with(base(), PHASE, row->text), PHASE, row);
}

/* clang-format off */
TEST_EACH(lint_odd, a_table_of_evidence_against_the_gate, struct odd, row,
    {HEAD "| Field | Type |\n|---|---|\n| `done` | x |\n| count |\n| share |\n"
     "| names |\n| note |\n| detail |\n| thing |\n", ""},
    {HEAD "| field | type |\n| done | x |\n|\n| |\n| ` |\n| `` | x |\n"
     "| two words |\n| other |\n", "PHASE_TEXT_MISMATCH:2",
     "only in the table: other; only in the gate: count, share, names, note, "
     "detail, thing"},
    {HEAD "| Evidence | What |\n| other |\n", ""},
    {HEAD "| Evidence\n| other |\n", ""},
    {HEAD "| Other | Type |\n| other |\n", ""},
    {HEAD "|\n||\n", ""},
    {HEAD "| Evidence | Type |", "PHASE_TEXT_MISMATCH:2",
     "only in the table: nothing; only in the gate: done, count"})
/* clang-format on */
{
    judge(kit_with(base(), PHASE, row->text), PHASE, row);
}

/* clang-format off */
TEST_EACH(lint_odd, a_text_that_says_false_is_good, struct odd, row,
    {HEAD "done = false\n", "EXPECT_CONTRADICTS_TEXT:2"},
    {HEAD "text\n`done`: False\n", "EXPECT_CONTRADICTS_TEXT:3"},
    {HEAD "done must be false\n", "EXPECT_CONTRADICTS_TEXT:2"},
    {HEAD "done is false\n", "EXPECT_CONTRADICTS_TEXT:2"},
    {HEAD "**done** must be true, not false\n", ""},
    {HEAD "donefalse, undone = false, done_x = false, done", ""},
    {HEAD "undone, then done: false\n", "EXPECT_CONTRADICTS_TEXT:2"},
    {HEAD "| done | boolean | is_false |\n", "EXPECT_CONTRADICTS_TEXT:2"},
    {HEAD "| done | boolean | FALSE |\n", "EXPECT_CONTRADICTS_TEXT:2"},
    {HEAD "| done | boolean | must be false |\n", "EXPECT_CONTRADICTS_TEXT:2"},
    {HEAD "| done | boolean | false alarms |\n", ""},
    {HEAD "done\n", ""})
/* clang-format on */
{
    judge(kit_with(base(), PHASE, row->text), PHASE, row);
}

/* clang-format off */
TEST_EACH(lint_odd, an_example_of_evidence_against_the_gate, struct odd, row,
    {"evidence = {\n  done: true,\n  count: 3,\n  share: 3,\n  names: [],\n"
     "  note: \"x\",\n  detail: {\n    inner: 1\n  },\n  thing: \"x\"\n}\n", ""},
    {"evidence:\n  done: TRUE\n\n  count: [number]\n  thing: \"x\"\n", ""},
    {"  \"evidence\": {\n    'done': false\n    `count`: 1\n", ""},
    {"evidence={\n  done: 1\n  count: \"x\"\n  names: {\n  detail: [\n"
     "  note: true\n  share: [1]\n}\n", "EVIDENCE_EXAMPLE_MISMATCH:1",
     "of another type: done, count, names, detail, note, share"},
    {"evidence={\n  other: 1\n", "EVIDENCE_EXAMPLE_MISMATCH:1",
     "not in the gate: other; missing: done, count; of another type: nothing"},
    {"evidence={\n  done: maybe\n  count: some\n```\n  other: 1\n", ""},
    {"evidence={\n  # done: x\n  just text\n}\n", ""},
    {"evidence={", ""},
    {"evidence\nevidence {\nevidences = {\nevidence = x\nmy evidence = {\n"
     "  other: 1\n", ""},
    {"evidence\nSubmit to complete Phase 0\nSubmit to complete Phase x\n"
     "complete Phase 3\nSubmit to complete Phase\n", ""},
    {"evidence\nSubmit to Complete Phase 7", "EVIDENCE_EXAMPLE_MISMATCH:2",
     "says to complete phase 7"},
    {"x\ncomplete_phase(s, phase=0, evidence={\"done\": True, \"other\": "
     "{\"a\": [1, 2]}})\n", "EVIDENCE_EXAMPLE_MISMATCH:2",
     "not in the gate: other; missing: count; of another type: nothing"},
    {"{\"evidence\": {\"done\": \"a, \\\"b}\",\n \"count\": {}}}\n",
     "EVIDENCE_EXAMPLE_MISMATCH:1",
     "missing: nothing; of another type: done, count"},
    {"evidence={'done': True, 'count': 3, 'detail': {COUNT}}\n", ""},
    {"evidence={'done': True,\n  ...}\n", ""},
    {"evidence={'other': 1, ...}\n", "EVIDENCE_EXAMPLE_MISMATCH:1",
     "not in the gate: other; missing: nothing; of another type: nothing"},
    {"evidence={...}, evidence: {see below}, evidence={}\n", ""},
    {"evidence={'other': 1, 'done': \"never closed\n", ""},
    {"evidence\ncomplete_phase(\n  session_id,\n  phase=2,\n)\n",
     "EVIDENCE_EXAMPLE_MISMATCH:2", "the call completes phase 2"},
    {"evidence\ncomplete_phase(s, phase=0)\ncomplete_phase(s, phase=N)\n"
     "complete_phase(s, next_phase: 4)\ncomplete_phase(s, \"phase\")", ""})
/* clang-format on */
{
    judge(kit_with(base(), TASK, row->text), TASK, row);
}

/* clang-format off */
TEST_EACH_IF(lint_odd, a_long_text_costs_as_much_as_many_short_ones,
             (.needs = "release"), const char *, unit,
    "evidence={x\n", "evidence={a: 1,\n", "evidence={'\n", "evidence={\n",
    "evidence={\n  a: 1\n", "  evidence={\n   ", "evidence complete_phase(\n",
    "complete_phase(phase\n", "[a](", "task-", "```\n", "{{", "MUST ", "`a",
    "| a |\n", "# A\n", "- [ ] a\n", "Phase 1 ")
/* clang-format on */
{
    enum { BYTES = 2000000, CPU_S = 10 }; /* unbounded: minutes */
    struct buf b = BUF_INIT(8 << 20);
    struct eng_checked k;
    while (b.n < BYTES) buf_puts(&b, *unit);
    buf_putc(&b, '\0');
    struct eng_files f = kit_with(base(), TASK, b.p);
    clock_t began = clock();
    CHECK_OK(eng_check_definition(kit_build(f), test_arena(), &k));
    double took = (double)(clock() - began) / CLOCKS_PER_SEC;
    printf("%.3f s\n", took);
    CHECK(took < CPU_S);
    buf_done(&b);
}

/* clang-format off */
TEST_EACH(lint_odd, a_task_text_by_itself, struct odd, row,
    {"# Task 1: x\n", ""},
    {"# Task one\n", ""},
    {"# Task\n", ""},
    {"# Task 4", "TASK_HEADING_DIFFERS:1", "says task 4; it is task 1"},
    {"# Task 4 x\n", "TASK_HEADING_DIFFERS:1"},
    {"# Task 4.1: x\n", ""},
    {"# Task 4b: x\n", ""},
    {"\xef\xbb\xbf# Task 1: x\n", ""},
    {"\xef\xbb\xbf# Task 1: \xef\xbb\xbfx\n", "TEXT_INVISIBLE:1", "U+FEFF"},
    {"# A\n[a](./../../core//no.md) [b](/core/no.md) [c](#here) [d](<>)\n"
     "[e](../../../../core/no.md) [f](../../other/no.md)\n"
     "[g](core/no.md) [h](phase.md)\n", "LINK_BROKEN:2 LINK_BROKEN:4"},
    {"# A\n[a](../../supporting-docs/no.md) [b](../phase.md)\n",
     "LINK_BROKEN:2 LINK_BROKEN:2"})
/* clang-format on */
{
    judge(kit_with(base(), TASK, row->text), TASK, row);
}

struct edit {
    const char *from, *to;
    struct odd odd;
};
/* clang-format off */
TEST_EACH(lint_odd, metadata_spelt_in_another_way, struct edit, row,
    {"\"estimated_duration\"", "\"Estimated-Duration-\"",
     {NULL, "METADATA_DESCRIPTIVE_MISSING:1 METADATA_KEY_MISSPELT:9",
      "did you mean \"estimated_duration\""}},
    {"\"estimated_duration\"", "\"-\"",
     {NULL, "METADATA_DESCRIPTIVE_MISSING:1"}},
    {"\"estimated_duration\"", "\"estimated\"",
     {NULL, "METADATA_DESCRIPTIVE_MISSING:1"}},
    {"\"start_phase\": 0,", "\"start_phase\": 0, \"naem\": 1,", {NULL, ""}},
    {"\"start_phase\": 0,", "\"start_phase\": 0,\n\"x\": \"a\\n\\t\\rb\",",
     {NULL, ""}},
    {"\"start_phase\": 0,", "\"start_phase\": 0,\n\"x\": \"a\\n\\u200bb\",",
     {NULL, "TEXT_INVISIBLE:9", "U+200B"}},
    {"\"start_phase\": 0,", "\"start_phase\": 0,\n\"x\": \"a\xe2\x80\x8b"
     "\\u200bb\",", {NULL, "TEXT_INVISIBLE:9"}},
    {"\"phase_name\": \"Fix\"", "\"phase_name\": \" DIAGNOSE \"",
     {NULL, "NAME_DUPLICATE:42", "phases 1 and 2"}},
    {"\"name\": \"Name the cause\"", "\"name\": \"\"",
     {NULL, "METADATA_TEXT_EMPTY:37"}},
    {"\"start_phase\": 0", "\"start_phase\": 9",
     {NULL, "METADATA_FIELD_TYPE:8"}})
/* clang-format on */
{
    judge(kit_edit(base(), META, row->from, row->to), META, &row->odd);
}

/* clang-format off */
TEST_EACH(lint_odd, a_gate_by_itself, struct odd, row,
    {"", "BOOLEAN_WITHOUT_EXPECT:3"},
    {"  Note: {description: x}\n", "BOOLEAN_WITHOUT_EXPECT:3 FIELD_NAME:10",
     "differ in spelling only"},
    {"  no-te: {description: x}\n  no te: {description: x}\n",
     "BOOLEAN_WITHOUT_EXPECT:3 FIELD_NAME:10 FIELD_NAME:11", "no plain name"},
    {"  \"7\": {description: x}\n", "BOOLEAN_WITHOUT_EXPECT:3 FIELD_NAME:10"},
    {"  \"\xc3\xa9\": {description: x}\n",
     "BOOLEAN_WITHOUT_EXPECT:3 FIELD_NAME:10"},
    {"  a: {}\n  b: {}\n  c: {}\n  d: {}\n  e: {}\n  f: {}\n  g: {}\n  h: {}\n"
     "  i: {}\n  j: {}\n  k: {}\n  l: {}\n  m: {}\n",
     "BOOLEAN_WITHOUT_EXPECT:3 FIELD_UNDESCRIBED:10", ", ..."},
    {"  done2: {type: boolean, required: true, description: done}\n",
     "BOOLEAN_WITHOUT_EXPECT:3 EVIDENCE_UNMENTIONED:10",
     "done, done2, which do not"},
    {"  \"--\": {required: true, description: x}\n",
     "BOOLEAN_WITHOUT_EXPECT:3 FIELD_NAME:10"},
    {"cross_field_validation:\n  - rule: \"lambda e: e['nothing_like_it']\"\n"
     "    error_message: x\n",
     "BOOLEAN_WITHOUT_EXPECT:3 RULE_UNKNOWN_FIELD:11"})
/* clang-format on */
{
    const char *text = arena_printf(test_arena(), "%s%s", gate, row->text).p;
    judge(kit_with(base(), GATE, text), GATE, row);
}

TEST(lint_odd, a_phase_too_long_for_its_reader_is_told)
{
    struct buf b = BUF_INIT(1 << 20);
    struct eng_checked k;
    buf_puts(&b, HEAD "done count\n");
    for (int i = 0; i < 40000; i++) buf_printf(&b, "word%d ", i);
    buf_putc(&b, '\0');
    CHECK_OK(b.err);
    struct slice got =
        found_in(kit_with(base(), PHASE, buf_slice(&b).p), PHASE, &k);
    CHECK_TEXT_EQ(got, "PHASE_OVER_BUDGET:0");
    buf_done(&b);
}

struct called {
    const char *type;
    bool fine;
};
/* clang-format off */
TEST_EACH(lint_odd, a_folder_has_a_name_that_can_be_typed, struct called, row,
    {"a", true}, {"A-b_c.d1", true}, {"7x", true}, {"_a", false},
    {"a b", false}, {"a/b", false}, {"\xc3\xa9", false}, {"", false},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     false})
/* clang-format on */
{
    struct eng_files f = base();
    struct eng_checked k;
    f.workflow_type = slice_of(row->type);
    struct slice got = found_in(f, META, &k);
    bool told = slice_find(got, SLICE("WORKFLOW_NAME")) < got.n;
    CHECK(told == !row->fine);
}
