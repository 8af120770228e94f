/* lint: faults planted one by one into a good workflow, each found where it
 * was planted; and nothing found where nothing is wrong. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/file.h"
#include "engine/check.h"
#include "tests/unit/workflow_kit.h"

static struct eng_files example(const char *type)
{
    struct eng_files files;
    struct problem p;
    problem_init(&p);
    CHECK_OK(
        eng_files_read(arena_printf(test_arena(), "%s/examples/workflows/%s",
                                    test_source_dir(), type),
                       test_arena(), &p, &files));
    return files;
}

static struct eng_checked checked(struct eng_files f)
{
    struct eng_checked k;
    CHECK_OK(eng_check_definition(kit_build(f), test_arena(), &k));
    return k;
}

/* The line of the text at which a mark begins; 0 without a mark. */
static uint32_t line_of(struct slice text, const char *mark)
{
    if (!mark) return 0;
    size_t at = slice_find(text, slice_of(mark));
    CHECK_INT_LT(at, text.n);
    return slice_position(text, at).line;
}

static bool found(const struct eng_checked *k, const char *code,
                  const char *file, uint32_t line)
{
    bool there = false;
    for (size_t i = 0; i < k->count; i++) {
        const struct eng_finding *f = &k->findings[i];
        printf("%.*s:%u:%u: %s: %.*s\n", SLICE_ARG(f->file), f->line, f->column,
               f->code, SLICE_ARG(f->message));
        there |= slice_eq(slice_of(f->code), slice_of(code)) &&
                 slice_eq(f->file, slice_of(file)) && f->line == line;
    }
    return there;
}

/* --- planted faults ----------------------------------------------------- */
#define META "metadata.json"
#define GATE(n) "phases/" #n "/gate-definition.yaml"
#define PHASE(n) "phases/" #n "/phase.md"
#define TASK01 "phases/0/task-1-state-the-bug.md"
#define TASK02 "phases/0/task-2-write-the-failing-test.md"
#define FIELD(text) "  more:\n    type: " text "\n"
#define SCHEMA "evidence_schema:\n"

struct fault {
    const char *path, *from, *to; /* from NULL: a file added (or taken out) */
    const char *code;
    const char *file; /* NULL: path */
    const char *mark; /* begins on the finding's line; NULL: no line */
};
/* clang-format off */
TEST_EACH(lint, a_planted_fault_is_found_where_it_is, struct fault, row,
    /* metadata.json as JSON */
    {META, "\"version\": \"1.0.0\",", "\"version\": \"1.0.0\",,",
     "JSON_INVALID", NULL, "\"version\""},
    {META, "\"version\": \"1.0.0\",", "\"version\": \"1.0.0\",\n\"version\": \"2\",",
     "JSON_DUPLICATE_KEY", NULL, "\"version\": \"2\""},
    {META, "\"start_phase\": 0,", "\"start_phase\": 0,\n\"x\": 'y',",
     "JSON_INVALID", NULL, "\"x\""},
    /* fields */
    {META, "\"version\": \"1.0.0\",", "", "METADATA_MISSING", NULL, "{"},
    {META, "\"version\": \"1.0.0\"", "\"version\": 1", "METADATA_FIELD_TYPE",
     NULL, "\"version\""},
    {META, "\"total_phases\": 4", "\"total_phases\": \"four\"",
     "METADATA_FIELD_TYPE", NULL, "\"total_phases\""},
    {META, "\"phase_name\": \"Fix\",", "", "METADATA_MISSING", NULL,
     "{\n      \"phase_number\": 2"},
    {META, "\"start_phase\": 0", "\"start_phase\": -1", "METADATA_FIELD_TYPE",
     NULL, "\"start_phase\""},
    {META, "\"start_phase\": 0", "\"start_phase\": 2", "PHASE_UNREACHABLE",
     NULL, "{\n      \"phase_number\": 1"},
    {META, "\"workflow_type\": \"bugfix_v1\"", "\"workflow_type\": \"bugfix\"",
     "TYPE_NOT_FOLDER", NULL, "\"workflow_type\""},
    {META, "\"total_phases\": 4", "\"total_phases\": 5", "PHASE_COUNT", NULL,
     "\"total_phases\""},
    {META, "\"phase_number\": 3", "\"phase_number\": 4", "PHASE_SEQUENCE",
     NULL, "{\n      \"phase_number\": 4"},
    {META, "\"phase_number\": 1", "\"phase_number\": 0", "PHASE_SEQUENCE",
     NULL, "{\n      \"phase_number\": 0,\n      \"phase_name\": \"Diagnose\""},
    {META, "\"phase_number\": 3", "\"phase_number\": \"3-N\"",
     "PHASE_SEQUENCE", NULL, "{\n      \"phase_number\": \"3-N\""},
    {META, "\"estimated_duration\": \"30 minutes to half a day\",", "",
     "METADATA_DESCRIPTIVE_MISSING", NULL, "{"},
    {META, "\"estimated_effort\": \"10-90 minutes\"",
     "\"estimated_efort\": \"10-90 minutes\"", "METADATA_KEY_MISSPELT", NULL,
     "\"estimated_efort\""},
    {META, "\"purpose\": \"Hold the bug in a test that fails because of it\"",
     "\"purpose\": \" \"", "METADATA_TEXT_EMPTY", NULL, "\"purpose\": \" \""},
    {META, "\"start_phase\": 0", "\"max_phase\": 3", "METADATA_WITHOUT_EFFECT",
     NULL, "\"max_phase\""},
    {META, "Takes one bug from a report to a proven fix: a test that fails "
     "because of it, the cause, the smallest change, and the whole suite "
     "green.", "Bugs.", "DESCRIPTION_SHORT", NULL, "\"description\""},
    {META, "\"phase_name\": \"Fix\"", "\"phase_name\": \"Diagnose\"",
     "NAME_DUPLICATE", NULL,
     "\"phase_name\": \"Diagnose\",\n      \"purpose\": \"Make"},
    {META, "\"name\": \"Name the cause\"", "\"name\": \"Narrow it down\"",
     "NAME_DUPLICATE", NULL, "{\"task_number\": 2, \"name\": \"Narrow"},
    /* tasks and files */
    {META, "task-2-name-the-cause.md", "task-1-narrow-it-down.md",
     "TASK_FILE_SHARED", NULL, "{\"task_number\": 2, \"name\": \"Name"},
    {META, "{\"task_number\": 2, \"name\": \"Name", "{\"task_number\": 1, \"name\": \"Name",
     "TASK_NUMBER_DUPLICATE", NULL, "{\"task_number\": 1, \"name\": \"Name"},
    {META, "task-2-name-the-cause.md", "task-2-name-a-cause.md",
     "TASK_FILE_MISSING", NULL, "{\"task_number\": 2, \"name\": \"Name"},
    {META, "task-2-name-the-cause.md", "../0/phase.md",
     "METADATA_FIELD_TYPE", NULL, "{\"task_number\": 2, \"name\": \"Name"},
    {TASK02, NULL, NULL, "TASK_FILE_MISSING", META,
     "{\"task_number\": 2, \"name\": \"Write the failing"},
    {PHASE(2), NULL, NULL, "PHASE_FILE_MISSING", META,
     "{\n      \"phase_number\": 2"},
    {"phases/0/task-3-more.md", NULL, "# Task 3: More\n", "UNLISTED_TASK_FILE",
     NULL, NULL},
    {"phases/0/notes.md", NULL, "Notes.\n", "FILE_UNREFERENCED", NULL, NULL},
    {"core/glossary.md", NULL, "Words.\n", "FILE_UNREFERENCED", NULL, NULL},
    {"phases/7/phase.md", NULL, "# Phase 7: None\n", "PHASE_DIR_STRAY", NULL,
     NULL},
    {"phases/01/phase.md", NULL, "# Phase 1: Twice\n", "PHASE_DIR_STRAY", NULL,
     NULL},
    {"phases/dynamic/phase-template.md", NULL, "x\n", "UNUSED_DYNAMIC_DIR", "",
     NULL},
    /* texts */
    {PHASE(1), NULL, "", "TEXT_EMPTY", NULL, NULL},
    {TASK01, NULL, " \n\n", "TEXT_EMPTY", NULL, NULL},
    {TASK01, "- Bad: ", "- Bad\xe2\x80\xae: ", "TEXT_INVISIBLE", NULL, "- Bad"},
    {TASK01, "- Bad: ", "- Bad\x07: ", "TEXT_INVISIBLE", NULL, "- Bad"},
    {TASK01, "- Bad: ", "- Bad\xff: ", "TEXT_NOT_UTF8", NULL, NULL},
    {TASK01, "# Task 1:", "# Task 3:", "TASK_HEADING_DIFFERS", NULL, "# Task 3"},
    {TASK01, "- Bad: ", "See [the words](../../core/words.md).\n- Bad: ",
     "LINK_BROKEN", NULL, "See [the"},
    {PHASE(1), "# Phase 1: Diagnose", "# Phase 2: Diagnose",
     "PHASE_TEXT_MISMATCH", NULL, "# Phase 2"},
    {PHASE(1), "| `cause_line` |", "| `cause_row` |", "PHASE_TEXT_MISMATCH",
     NULL, "| Evidence |"},
    {PHASE(1), "1. Narrow it down", "1. task-9-narrow.md", "PHASE_TEXT_MISMATCH",
     NULL, "1. task-9"},
    {TASK02, "Next: complete", "    evidence = {\n        \"test_run\": 3\n    "
     "}\nNext: complete", "EVIDENCE_EXAMPLE_MISMATCH", NULL, "    evidence ="},
    {TASK02, "Next: complete phase 0.",
     "Submit the evidence to complete Phase 3:", "EVIDENCE_EXAMPLE_MISMATCH",
     NULL, "Submit the"},
    /* gates as YAML */
    {GATE(1), "  root_cause:", "\troot_cause:", "GATE_BROKEN", NULL,
     "\troot_cause"},
    {GATE(1), "  cause_line:", "  root_cause:", "GATE_BROKEN", NULL,
     "  root_cause:\n    type: integer"},
    {GATE(1), "  strict: true", "  strict: &a true", "GATE_BROKEN", NULL,
     "  strict"},
    {GATE(1), "checkpoint:\n  strict: true\n", "", "GATE_BROKEN", NULL,
     "evidence_schema"},
    {GATE(1), SCHEMA, "evidence:\n", "GATE_UNKNOWN_KEY", NULL, "evidence:"},
    /* gates as gates */
    {GATE(1), NULL, NULL, "NO_GATE", META, "{\n      \"phase_number\": 1"},
    {GATE(1), "type: integer", "type: float", "GATE_BROKEN", NULL,
     "    type: float"},
    {GATE(1), "required: true", "required: maybe", "GATE_BROKEN", NULL,
     "    required: maybe"},
    {GATE(1), "required: true", "required: yes", "BOOLEAN_SPELLING", NULL,
     "    required: yes"},
    {GATE(1), "required: true", "requierd: true", "GATE_BROKEN", NULL,
     "    requierd"},
    {GATE(1), "strict: true", "strict: false", "GATE_LENIENT", NULL,
     "  strict: false"},
    {GATE(1), "strict: true", "strict: true\n  enabled: false",
     "GATE_DISABLED_IGNORED", NULL, "  enabled"},
    {GATE(1), "checkpoint:", "phase: 1\ncheckpoint:", "GATE_KEY_IGNORED", NULL,
     "phase: 1"},
    {GATE(1), "validator: positive", "validator: positve", "GATE_BROKEN", NULL,
     "    validator: positve"},
    {GATE(1), "validator_params: {min_len: 60}", "validator_params: {min: 60}",
     "GATE_BROKEN", NULL, "    validator_params: {min: 60}"},
    {GATE(1), "validator: positive", "expect: true", "GATE_BROKEN", NULL,
     "    expect: true\n  ruled_out"},
    {GATE(1), "expect: true", "expect: perhaps", "GATE_BROKEN", NULL,
     "    expect: perhaps"},
    {GATE(1), "len(x) > 0 and", "os.path.exists(x) and", "GATE_BROKEN", NULL,
     "  texts_of_substance: "},
    {GATE(1), "\"lambda x: len", "\"len", "GATE_BROKEN", NULL,
     "  texts_of_substance: "},
    {GATE(3), "e['tests_after'] > e", "e['tests_after'] >> e", "GATE_BROKEN",
     NULL, "  - rule"},
    {GATE(3), "- rule:", "- check:", "GATE_BROKEN", NULL, "  - check"},
    /* gates that cannot refuse, or cannot pass */
    {GATE(1), NULL, "checkpoint: {strict: true}\n" SCHEMA
     "  root_cause:\n    type: string\n    description: x\n",
     "GATE_ALWAYS_PASSES", NULL, "evidence_schema"},
    {GATE(1), NULL, "checkpoint: {strict: true}\n" "evidence_schema: {}\n",
     "NO_GATE", NULL, NULL},
    {GATE(1), "type: integer", "type: string", "GATE_NEVER_PASSES", NULL,
     "    validator: positive"},
    {GATE(2), "expect: false", "expect: false\n    validator: is_true",
     "GATE_NEVER_PASSES", NULL, "    validator: is_true"},
    {GATE(3), "validator: positive", "validator: between_9_3",
     "GATE_NEVER_PASSES", NULL, "    validator: between_9_3"},
    {GATE(3), "validator: positive",
     "validator: between\n    validator_params: {low: 3, high: 4}",
     "GATE_NEVER_PASSES", NULL, "    validator: between"},
    {GATE(3), "expected: 0", "expected: none", "GATE_NEVER_PASSES", NULL,
     "    validator: equals"},
    {GATE(3), "e['tests_after'] > e['tests_before']", "1 > 2",
     "GATE_NEVER_PASSES", NULL, "  - rule"},
    {GATE(3), "e['tests_after'] > e['tests_before']", "True",
     "CHECK_WITHOUT_EFFECT", NULL, "  - rule"},
    {GATE(2), "paths: \"", "paths: \"lambda x: True\"\n  old: \"",
     "CHECK_WITHOUT_EFFECT", NULL, "    validator: paths"},
    {GATE(1), "min_len: 60", "min_len: 0", "CHECK_WITHOUT_EFFECT", NULL,
     "    validator: min_length"},
    {GATE(3), SCHEMA, SCHEMA FIELD("string\n    proof: file\n    fresh: true\n"
     "    description: x"), "CHECK_WITHOUT_EFFECT", NULL, "    fresh"},
    /* what a gate says of itself */
    {GATE(1), "    expect: true\n", "", "BOOLEAN_WITHOUT_EXPECT", NULL,
     "  explains_every"},
    {GATE(1), "    description: \"Line of the cause in that file, counted from "
     "1\"\n", "", "FIELD_UNDESCRIBED", NULL, "  cause_line"},
    {GATE(1), SCHEMA, SCHEMA FIELD("list\n    required: true\n    description: x"),
     "EVIDENCE_UNMENTIONED", NULL, "  more:"},
    {GATE(1), "  cause_line:", "  \"cause line\":", "FIELD_NAME", NULL,
     "  \"cause line\""},
    {GATE(1), SCHEMA, SCHEMA "  \"Yes\":\n    description: x\n", "FIELD_NAME",
     NULL, "  \"Yes\""},
    {GATE(1), SCHEMA, SCHEMA "  Cause_File:\n    description: x\n", "FIELD_NAME",
     NULL, "  cause_file"},
    {GATE(1), "validator: texts_of_substance", "validator: non_empty",
     "VALIDATOR_UNUSED", NULL, "  texts_of"},
    {GATE(1), "validators:\n", "validators:\n  positive: \"lambda x: x > 1\"\n",
     "VALIDATOR_SHADOWS", NULL, "  positive: "},
    {GATE(3), "> e['tests_before']", "> e['test_before']", "RULE_UNKNOWN_FIELD",
     NULL, "  - rule"},
    {GATE(3), "> e['tests_before']", "> e.get('before', 0)",
     "RULE_UNKNOWN_FIELD", NULL, "  - rule"},
    {META, "\"validation_criteria\": [\"the test from phase 0 passes unchanged\"]",
     "\"validation_criteria\": [],\n\"checkpoint\": {\"required_evidence\": "
     "[\"fixed\"]}", "REQUIRED_EVIDENCE_DIFFERS", NULL,
     "\"checkpoint\""})
/* clang-format on */
{
    struct eng_files f = example("bugfix_v1");
    f = row->from ? kit_edit(f, row->path, row->from, row->to)
                  : kit_with(f, row->path, row->to);
    const char *file = row->file ? row->file : row->path;
    const struct eng_file *at = eng_files_find(&f, slice_of(file));
    struct eng_checked k = checked(f);
    uint32_t line = at ? line_of(at->text, row->mark) : 0;
    if (!found(&k, row->code, file, line))
        FAIL("%s is not found at %s:%u", row->code, file, line);
}

/* The same kinds of faults in other spellings of YAML, JSON and markdown. */
/* clang-format off */
#define FLOW(field) "{checkpoint: {strict: true}, evidence_schema: {root_cause: " field "}}\n"
TEST_EACH(lint, a_fault_is_found_however_it_is_written, struct fault, row,
    {GATE(1), NULL, FLOW("{type: string, required: true, description: d, validator: min_len}"),
     "GATE_BROKEN", NULL, "{checkpoint"},
    {GATE(1), NULL, "{checkpoint: {strict: true}, evidence_schema: {a: {\n",
     "GATE_BROKEN", NULL, NULL},
    {GATE(1), NULL, "{\"checkpoint\": {\"strict\": true},\n\"evidence_schema\": "
     "{\"root_cause\":\n {\"type\": \"strnig\", \"required\": true}}}\n",
     "GATE_BROKEN", NULL, " {\"type\""},
    {GATE(1), SCHEMA, SCHEMA "  a1: &x {type: string}\n  a2: *x\n",
     "GATE_BROKEN", NULL, "  a1"},
    {GATE(1), SCHEMA, SCHEMA "  a1:\n    <<: {type: string}\n",
     "GATE_BROKEN", NULL, "    <<"},
    {GATE(1), "checkpoint:", "checkpoint:\n  strict: true\n---\ncheckpoint:",
     "GATE_BROKEN", NULL, "---"},
    {GATE(1), "strict: true", "strict: !!str true", "GATE_BROKEN", NULL,
     "  strict"},
    {GATE(1), NULL, "checkpoint: {strict: true}\nevidence_schema:\n- root_cause\n",
     "GATE_BROKEN", NULL, "- root_cause"},
    {GATE(1), "  cause_line:", "   cause_line:", "GATE_BROKEN", NULL,
     "   cause_line"},
    {GATE(1), "  cause_line:\n    type: integer", "  cause_line:\n  type: integer",
     "GATE_BROKEN", NULL, NULL},
    {GATE(1), "    type: integer", "\t\ttype: integer", "GATE_BROKEN", NULL,
     "\t\ttype"},
    {GATE(1), "  cause_line:", "  ursache_\xc3\xbc:", "FIELD_NAME", NULL,
     "  ursache"},
    {GATE(1), "  cause_line:", "  c\xd0\xb0use_line:", "FIELD_NAME", NULL,
     "  c\xd0"},
    {GATE(1), "  cause_line:", "  cause\xe2\x80\x8b_line:", "TEXT_INVISIBLE",
     NULL, "  cause\xe2"},
    {GATE(1), "type: integer", "type: \"Integer\"", "GATE_BROKEN", NULL,
     "    type: \"I"},
    {GATE(1), NULL, "# nothing\n", "GATE_BROKEN", NULL, NULL},
    {GATE(1), NULL, "strict\n", "GATE_BROKEN", NULL, NULL},
    {GATE(1), "required: true", "required: on", "BOOLEAN_SPELLING", NULL,
     "    required: on"},
    {GATE(1), "lambda x:", "lambda x, y:", "GATE_BROKEN", NULL, NULL},
    {GATE(1), "len(x) > 0 and", "len(y) > 0 and", "GATE_BROKEN", NULL,
     "  texts_of_substance: "},
    {META, "{\n  \"workflow_type\"", "{ // bugs\n  \"workflow_type\"",
     "JSON_INVALID", NULL, "{ //"},
    {META, "\"name\": \"Fix a", "\"name\": \"Fix\\u0000 a", "TEXT_INVISIBLE",
     NULL, "\"name\""},
    {META, "\"name\": \"Narrow", "\"name\": \"\\u202eNarrow", "TEXT_INVISIBLE",
     NULL, "{\"task_number\": 1, \"name\": \"\\u202e"},
    {META, "\"start_phase\": 0", "\"start_phase\": NaN", "JSON_INVALID", NULL,
     "\"start_phase\""},
    {META, "\"phase_number\": 1,", "\"phase_number\": 1.5,",
     "METADATA_FIELD_TYPE", NULL, "\"phase_number\": 1.5"},
    {META, "task-2-name-the-cause.md", "Task-2-name-the-cause.md",
     "TASK_FILE_MISSING", NULL, "{\"task_number\": 2, \"name\": \"Name"},
    {META, "task-2-name-the-cause.md", "/etc/passwd", "METADATA_FIELD_TYPE",
     NULL, "{\"task_number\": 2, \"name\": \"Name"},
    {PHASE(1), "# Phase 1: Diagnose", "Phase 7: Diagnose\n=====",
     "PHASE_TEXT_MISMATCH", NULL, "Phase 7"},
    {PHASE(1), "# Phase 1: Diagnose", "   # Phase 7: Diagnose #",
     "PHASE_TEXT_MISMATCH", NULL, "   # Phase 7"},
    {PHASE(1), "# Phase 1: Diagnose", "\n# Phase 7 \xe2\x80\x94 Diagnose",
     "PHASE_TEXT_MISMATCH", NULL, "# Phase 7"},
    {TASK01, "# Task 1:", "\n\n#   Task 4:", "TASK_HEADING_DIFFERS", NULL,
     "#   Task 4"},
    {TASK01, "- Bad: ", "See [the words][w].\n\n[w]: ../../core/words.md\n\n- Bad: ",
     "LINK_BROKEN", NULL, "[w]: "},
    {TASK01, "- Bad: ", "See [it](<../../core/the words.md>).\n- Bad: ",
     "LINK_BROKEN", NULL, "See [it"},
    {TASK01, "- Bad: ", "![it](../../core/words.png)\n- Bad: ", "LINK_BROKEN",
     NULL, "![it"},
    {TASK02, "Next: complete", "~~~python\nevidence = {\n    \"test_run\": 3\n}\n"
     "~~~\nNext: complete", "EVIDENCE_EXAMPLE_MISMATCH", NULL, "evidence ="})
/* clang-format on */
{
    struct eng_files f = example("bugfix_v1");
    f = row->from ? kit_edit(f, row->path, row->from, row->to)
                  : kit_with(f, row->path, row->to);
    const struct eng_file *at = eng_files_find(&f, slice_of(row->path));
    struct eng_checked k = checked(f);
    uint32_t line = line_of(at->text, row->mark);
    if (!row->mark) /* wherever it is */
        for (size_t i = 0; i < k.count; i++)
            if (slice_eq(slice_of(k.findings[i].code), slice_of(row->code)))
                line = k.findings[i].line;
    if (!found(&k, row->code, row->path, line))
        FAIL("%s is not found at %s:%u", row->code, row->path, line);
}

/* Other spellings that are no faults. */
/* clang-format off */
TEST_EACH(lint, nothing_is_found_in_another_spelling, struct fault, row,
    {GATE(1), "type: integer", "type: >-\n      integer"},
    {PHASE(1), "# Phase 1: Diagnose", "Phase 1: Diagnose\n-------"},
    {PHASE(1), "# Phase 1: Diagnose", "# Phase 1 - Diagnose"},
    {PHASE(1), "# Phase 1: Diagnose", "# Phase 1: Diagnose\n\n```\n# Phase 7: Bugs\n```\n"},
    {TASK01, "- Bad: ", "<!-- [it](none.md) -->\n\n- Bad: "},
    {TASK01, "- Bad: ", "`[it](none.md)`, ``a ` [it](none.md)``\n\n- Bad: "},
    {TASK01, "- Bad: ", "~~~\n```\n[it](none.md)\n~~~\n\n- Bad: "},
    {TASK01, "- Bad: ", "[it](phase.md#tasks \"t\"), <https://x.y/z.md>\n\n- Bad: "})
/* clang-format on */
{
    struct eng_checked k =
        checked(kit_edit(example("bugfix_v1"), row->path, row->from, row->to));
    if (k.count)
        FAIL("%s:%u: %s: %s", k.findings[0].file.p, k.findings[0].line,
             k.findings[0].code, k.findings[0].message.p);
}

/* --- nothing where nothing is wrong -------------------------------------- */
struct name {
    const char *text;
};
TEST_EACH(lint, our_own_examples_are_clean, struct name, row, {"bugfix_v1"},
          {"dependency_upgrade_v1"})
{
    struct eng_checked k = checked(example(row->text));
    (void)found(&k, "", "", 0);
    CHECK_INT_EQ(k.count, 0);
}

struct fine {
    const char *path, *from, *to;
};
/* clang-format off */
TEST_EACH(lint, what_only_looks_like_a_fault_is_left_alone, struct fine, row,
    {TASK01, "- Bad: ", "See `[x](../../core/no.md)`.\n- Bad: "},
    {TASK01, "- Bad: ", "```\n[x](../../core/no.md)\n```\n- Bad: "},
    {TASK01, "- Bad: ", "[x](https://example.org/no.md)\n- Bad: "},
    {TASK01, "- Bad: ", "[x](task-2-write-the-failing-test.md#steps)\n- Bad: "},
    {TASK01, "- Bad: ", "[x]({{path}}/core/no.md)\n- Bad: "},
    {TASK01, "- Bad: ", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xf0\x9f\x8e\xaf\r\n- Bad: "},
    {META, "\"start_phase\": 0,", "\"notes\": \"\", \"start_phase\": 0,"},
    {META, "\"start_phase\": 0,", "\"phase\": 1, \"task\": 2, \"start_phase\": 0,"},
    {GATE(2), "expect: false", "expect: any"},
    {GATE(1), "validator: positive", "validator: greater_than_0"},
    {GATE(3), "validator: positive", "validator: between_3_3"},
    {GATE(3), "expected: 0", "expected: 0.0"})
/* clang-format on */
{
    struct eng_checked k =
        checked(kit_edit(example("bugfix_v1"), row->path, row->from, row->to));
    (void)found(&k, "", "", 0);
    CHECK_INT_EQ(k.count, 0);
}

/* The findings on the real ones were read one by one; a new one is to be read
 * before it is counted here. */
static const struct real {
    const char *type;
    size_t levels[3]; /* by enum eng_level */
} reals[] = {{"spec_creation_v1", {0, 22, 7}},
             {"spec_execution_v1", {0, 2, 1}},
             {"workflow_creation_v1", {0, 20, 22}},
             {"workflow_creation_v1_inconsistent", {24, 45, 9}}};
TEST(lint, the_real_ones_have_what_a_reader_finds, .needs = "shared")
{
    for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++) {
        struct eng_checked k = checked(kit_real(reals[i].type));
        (void)found(&k, "", "", 0);
        for (size_t level = 0; level < 3; level++)
            CHECK_INT_EQ(k.levels[level], reals[i].levels[level]);
    }
}

/* --- templates, plans, paths ---------------------------------------------- */
static const char *put(const char *name, const char *text)
{
    struct slice path =
        arena_printf(test_arena(), "%s/%s", test_tmpdir(), name);
    size_t n = path.n;
    while (path.p[n - 1] != '/') n--;
    CHECK_OK(path_make(slice_sub(path, 0, n), 0755));
    CHECK_OK(file_write_atomic(path, slice_of(text), 0644));
    return arena_cstr(test_arena(), path);
}

struct template
{
    const char *phase, *task;
    const char *code, *file;
    uint32_t line;
};
/* clang-format off */
TEST_EACH(lint, a_placeholder_that_stays_is_told, struct template, row,
    {"[PHASE_NAME]\n[PHASE_NMAE]\n", "[TASK_NAME]", "TEMPLATE_PLACEHOLDER",
     "phases/dynamic/p.md", 2},
    {"[TASK_NAME]\n", "[TASK_NAME]", "TEMPLATE_PLACEHOLDER",
     "phases/dynamic/p.md", 1},
    {"[PHASE_NAME]\n", "[TASK_NAME] [N.1] [list] [BRIEF]", NULL, NULL, 0},
    {"{{#each tasks}}\n", "x", "TEMPLATE_SYNTAX_UNSUPPORTED",
     "phases/dynamic/p.md", 1})
/* clang-format on */
{
    struct eng_files f = {.workflow_type = SLICE("d_v1")};
    f = kit_with(
        f, META,
        "{\"workflow_type\":\"d_v1\",\"version\":\"1\",\"description\":\"Walks "
        "what a plan says.\",\"total_phases\":\"dynamic\",\"dynamic_phases\":"
        "true,\"estimated_duration\":\"x\",\"primary_outputs\":[],\"phases\":["
        "{\"phase_number\":\"0-N\",\"phase_name\":\"All\",\"purpose\":\"x\","
        "\"estimated_effort\":\"x\",\"key_deliverables\":[],"
        "\"validation_criteria\":[]}],\"dynamic_config\":{\"source_type\":"
        "\"spec_tasks_md\",\"source_path_key\":\"p\",\"templates\":{\"phase\":"
        "\"phases/dynamic/p.md\",\"task\":\"phases/dynamic/t.md\"}}}");
    f = kit_with(f, "phases/dynamic/p.md", row->phase);
    f = kit_with(f, "phases/dynamic/t.md", row->task);
    struct eng_checked k = checked(f);
    if (row->code)
        CHECK(found(&k, row->code, row->file, row->line));
    else
        CHECK_INT_EQ(k.count, 0);
}

struct alone {
    const char *name, *text;
    const char *code; /* NULL: clean */
    uint32_t line;
};
/* clang-format off */
#define GOOD "## Phase 1: Base\n\n### Phase 1 Tasks\n\n#### Task 1.1: Dig\n\n" \
    "**Acceptance Criteria:**\n- [ ] deep\n\n### Phase 1 Validation Gate\n\n- [ ] dug\n"
TEST_EACH(lint, a_file_by_itself_is_judged_as_what_it_is, struct alone, row,
    {"tasks.md", GOOD, NULL, 0},
    {"tasks.md", "# Nothing\n", "PLAN_UNREADABLE", 0},
    {"tasks.md", GOOD "\n#### Task 1.1: Dig\n\n**Acceptance Criteria:**\n- [ ] x\n",
     "TASK_ID_DUPLICATE", 14},
    {"tasks.md", "## Phase 1: A\n\n#### Task 1.1: X\n\n**Dependencies:** Task 9.9\n"
     "\n**Acceptance Criteria:**\n- [ ] x\n", "DEPENDENCY_UNKNOWN", 3},
    {"gate-definition.yaml", "checkpoint: {strict: true}\nevidence_schema:\n"
     "  a: {type: what}\n", "GATE_BROKEN", 3},
    {"plan.yaml", "name: x\nversion: '1'\nphases: []\n", "PLAN_UNREADABLE", 0},
    {"plan.yaml", "a: b\n c: d\n", "GATE_BROKEN", 2})
/* clang-format on */
{
    struct problem p;
    struct eng_checked *k;
    size_t count;
    problem_init(&p);
    CHECK_OK(eng_check_path(slice_of(put(row->name, row->text)), test_arena(),
                            NULL, &p, &k, &count));
    CHECK_INT_EQ(count, 1);
    if (row->code)
        CHECK(found(k, row->code, row->name, row->line));
    else if (k->count)
        FAIL("%s", k->findings[0].message.p);
}

TEST(lint, a_folder_of_workflows_gives_each_of_them)
{
    struct problem p;
    struct eng_checked *k;
    size_t count;
    problem_init(&p);
    put("w/draft/phases/0/phase.md", "# Phase 0: None\n");
    put("w/plain/notes.md", "no workflow at all\n");
    put("w/broken_v1/metadata.json", "{");
    CHECK_OK(eng_check_path(arena_printf(test_arena(), "%s/w", test_tmpdir()),
                            test_arena(), NULL, &p, &k, &count));
    CHECK_INT_EQ(count, 2);
    CHECK(found(&k[0], "JSON_INVALID", "metadata.json", 1));
    CHECK(found(&k[1], "NOT_A_WORKFLOW", "", 0));
}

TEST(lint, one_file_of_a_workflow_gives_what_concerns_it)
{
    struct problem p;
    struct eng_checked *k;
    size_t count;
    problem_init(&p);
    put("one_v1/metadata.json", "{}");
    const char *gate =
        put("one_v1/phases/0/gate-definition.yaml", "checkpoint: {}\n");
    CHECK_OK(
        eng_check_path(slice_of(gate), test_arena(), NULL, &p, &k, &count));
    CHECK_INT_EQ(count, 1);
    CHECK_INT_EQ(k->levels[ENG_ERROR], 0);
    CHECK_ERR(eng_check_path(SLICE("/nowhere/at/all"), test_arena(), NULL, &p,
                             &k, &count),
              ERR_NOT_FOUND);
    CHECK(p.how_to_fix.n > 0);
}

/* --- no memory ------------------------------------------------------------ */

/* Findings, one line each. */
static enum err told(const char *name, struct buf *out)
{
    struct arena a;
    struct problem p;
    struct eng_checked *k = NULL;
    size_t count = 0;
    arena_init(&a, 1u << 26);
    problem_init(&p);
    enum err e = eng_check_path(slice_of(name), &a, NULL, &p, &k, &count);
    if (e) CHECK(p.what.n > 0);
    if (a.refused) e = ERR_NOMEM;
    mem_spare(true);
    for (size_t i = 0; !e && i < count; i++)
        for (size_t f = 0; f < k[i].count; f++)
            buf_printf(out, "%.*s:%u:%s:%.*s\n",
                       SLICE_ARG(k[i].findings[f].file), k[i].findings[f].line,
                       k[i].findings[f].code,
                       SLICE_ARG(k[i].findings[f].message));
    mem_spare(false);
    arena_done(&a);
    return e;
}

TEST_EACH(lint, every_failed_allocation_is_told, struct name, row,
          {"tasks.md"}, {"plan.yaml"}, {"gate-definition.yaml"}, {"other.txt"})
{
    const char *path =
        put("plan.yaml",
            "name: a\nversion: '1'\nproblem: {statement: s, why_workflow: w, "
            "success_criteria: [a]}\nphases:\n- {number: 0, name: A, purpose: "
            "p, deliverable: d, tasks: [{number: 1, name: x, purpose: y}], "
            "validation_gate: {evidence_required: {a: {type: nosuch}}}}\n");
    put("tasks.md", GOOD "\n#### Task 1.1: Dig\n\n**Dependencies:** 9.9\n");
    put("gate-definition.yaml", "checkpoint: {strict: yes}\nevidence_schema:\n"
                                "  a: {type: what}\n  b: {requird: 1}\n");
    put("other.txt", "x\n");
    struct buf want = BUF_INIT(1u << 20), got = BUF_INIT(1u << 20);
    path = arena_printf(test_arena(), "%s/%s", test_tmpdir(), row->text).p;
    bool failed = true;
    enum err usual = told(path, &want);
    for (uint64_t n = 1; failed; n++) {
        mem_fail_at(n);
        enum err e = told(path, &got);
        failed = mem_count() >= n;
        mem_fail_at(0);
        if (!failed) CHECK_INT_EQ(e, usual);
        CHECK(e == usual || e == ERR_NOMEM);
        if (!e) CHECK_SLICE_EQ(buf_slice(&got), buf_slice(&want));
        buf_clear(&got);
    }
    buf_done(&want);
    buf_done(&got);
}

TEST(lint, the_page_of_codes_is_what_the_table_says)
{
    struct buf b = BUF_INIT(1u << 20);
    struct slice page;
    eng_lint_page(&b);
    CHECK_OK(file_read(
        arena_printf(test_arena(), "%s/docs/LINT.md", test_source_dir()),
        1u << 20, test_arena(), &page));
    if (!slice_eq(page, buf_slice(&b)))
        FAIL("docs/LINT.md is old: build/phasegate lint --codes > "
             "docs/LINT.md");
    buf_done(&b);
    for (size_t i = 0; i < LINT_COUNT; i++) {
        CHECK(eng_lint_rows[i].meaning.n && eng_lint_rows[i].mend.n);
        CHECK(eng_lint_rows[i].example.n > 0);
    }
}
