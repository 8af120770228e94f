/*
 * lint: what can be wrong with a workflow, one row per kind, and the report
 * that collects it. Errors refuse a start, warnings and notes do not. A row
 * says what such a finding means and how it is mended; the finding itself
 * names the file, the place and the thing.
 *
 * Needs base/. Thread: the owner of the report's arena. No lock.
 */
#ifndef ENGINE_LINT_H
#define ENGINE_LINT_H

#include "base/json_write.h"
#include "engine/definition.h"

/* clang-format off */
/* X(code, level, meaning, mend): add a row, and nothing else needs an edit. */
#define LINT_ROWS(X)                                                           \
    X(JSON_INVALID, ERROR, "a file is not valid JSON",                         \
      "Correct the JSON at this place.")                                       \
    X(TEXT_NOT_UTF8, ERROR, "a text file is not UTF-8",                        \
      "Save the file as UTF-8.")                                               \
    X(JSON_DUPLICATE_KEY, ERROR, "an object has the same key twice",           \
      "Remove one of the two.")                                                \
    X(METADATA_MISSING, ERROR, "a required field is absent",                   \
      "Add the field.")                                                        \
    X(METADATA_FIELD_TYPE, ERROR, "a field has the wrong type or value",       \
      "Give the field a value of the type named here.")                        \
    X(TYPE_NOT_FOLDER, ERROR, "workflow_type differs from the folder's name",  \
      "Make workflow_type and the folder's name the same.")                    \
    X(PHASE_COUNT, ERROR, "total_phases differs from the entries of phases",   \
      "Set total_phases to the number of entries in phases.")                  \
    X(PHASE_SEQUENCE, ERROR, "the phase numbers do not follow on each other",  \
      "Number the phases 0, 1, 2, ... or 1, 2, 3, ... without a gap.")         \
    X(PHASE_DIR_MISSING, ERROR, "a phase has no folder",                       \
      "Create phases/<number>/ with phase.md and the task files.")             \
    X(PHASE_FILE_MISSING, ERROR, "a phase has no phase.md",                    \
      "Write phase.md in the phase's folder.")                                 \
    X(TASK_FILE_MISSING, ERROR, "a listed task file does not exist",           \
      "Create the file or take the task off the list.")                        \
    X(AMBIGUOUS_TASK_FILE, ERROR, "two files carry the same task number",      \
      "List the phase's tasks in metadata.json, or rename one file.")          \
    X(TASK_NUMBER_DUPLICATE, ERROR, "two tasks of a phase have one number",    \
      "Give each task of the phase its own task_number.")                      \
    X(DYNAMIC_CONFIG, ERROR, "dynamic_config is absent or cannot be used",     \
      "Correct dynamic_config: source_type, source_path_key, templates.phase," \
      " templates.task, parser.")                                              \
    X(TEMPLATE_MISSING, ERROR, "a template does not exist",                    \
      "Create the template or correct its path in dynamic_config.templates.")  \
    X(TEMPLATE_SYNTAX_UNSUPPORTED, ERROR, "a template uses block syntax",      \
      "Use placeholders like [PHASE_NAME]; {{#...}} and {{/...}} are not "     \
      "rendered.")                                                             \
    X(GATE_BROKEN, ERROR, "a gate file cannot be used",                        \
      "Correct the gate file at this place.")                                  \
    X(GATE_DISABLED_IGNORED, WARNING, "enabled: false has no effect",          \
      "Remove `enabled: false`; delete the gate file if the phase needs no "   \
      "gate.")                                                                 \
    X(GATE_LENIENT, WARNING, "strict: false turns findings into warnings",     \
      "Set strict: true when wrong values are to block; missing and mistyped " \
      "fields always do.")                                                     \
    X(GATE_UNKNOWN_KEY, WARNING, "a key of a gate file is not known",          \
      "Correct the spelling or remove the key.")                               \
    X(GATE_KEY_IGNORED, NOTE, "a key of a gate file has no effect",            \
      "Remove the key: the folder already says which phase this is.")          \
    X(BOOLEAN_SPELLING, NOTE, "a boolean is written yes, no, on or off",       \
      "Write true or false.")                                                  \
    X(NO_GATE, WARNING, "a phase has no gate",                                 \
      "Add gate-definition.yaml to the phase's folder.")                       \
    X(REQUIRED_EVIDENCE_DIFFERS, WARNING,                                      \
      "required_evidence differs from the gate file, which decides",           \
      "Make both lists the same, or remove required_evidence.")                \
    X(EXPECT_CONTRADICTS_TEXT, WARNING,                                        \
      "a text says false where the gate expects true",                         \
      "Add `expect: false` (or `expect: any`) to the field in the gate file.") \
    X(EVIDENCE_EXAMPLE_MISMATCH, WARNING,                                      \
      "a task text asks for other evidence than the gate",                     \
      "Make the example name the gate's fields with values of their types.")   \
    X(PHASE_TEXT_MISMATCH, WARNING, "phase.md disagrees with the definition",  \
      "Correct phase.md, or the definition if phase.md is right.")             \
    X(UNLISTED_TASK_FILE, WARNING, "a task file is on no list",                \
      "Add the file to the phase's tasks in metadata.json, or remove it.")     \
    X(UNUSED_DYNAMIC_DIR, NOTE, "phases/dynamic is not used",                  \
      "Remove the folder, or set dynamic_phases and dynamic_config.")          \
    X(METADATA_DESCRIPTIVE_MISSING, WARNING, "a descriptive field is absent",  \
      "Add the field: agents and people read it.")                             \
    X(METADATA_WITHOUT_EFFECT, NOTE, "a field has no effect here",             \
      "Remove the field.")                                                     \
    X(DESCRIPTION_SHORT, NOTE, "the description has under 20 characters",      \
      "Say in a sentence when to use the workflow.")                           \
    X(TASK_FILE_LONG, NOTE, "a task file has more than 170 lines",             \
      "Split the task.")                                                       \
    X(PHASE_HEADING_IGNORED, WARNING, "a heading looks like a phase",          \
      "Number the phases upwards, all at one level of heading.")               \
    X(HEADING_SPELLING, NOTE, "a heading lacks the space behind its #",        \
      "Write a space behind the #.")                                           \
    X(TASK_ID_DUPLICATE, WARNING, "two tasks have one id",                     \
      "Give each task an id of its own.")                                      \
    X(TASK_PHASE_MISMATCH, NOTE, "a task's id names another phase",            \
      "Give the task an id that begins with its phase's number.")              \
    X(DEPENDENCY_UNKNOWN, WARNING, "a dependency names no task or phase",      \
      "Correct the id.")                                                       \
    X(DEPENDENCY_CYCLE, WARNING, "tasks wait for each other",                  \
      "Remove one of the dependencies.")                                       \
    X(DEPENDENCY_FORWARD, WARNING, "a task waits for a later one",             \
      "Move the task behind what it waits for.")                               \
    X(FENCE_UNCLOSED, WARNING, "a code block is not closed",                   \
      "Close the code block with ``` on a line of its own.")                   \
    X(PHASE_WITHOUT_TASKS, WARNING, "a phase has no tasks",                    \
      "Write tasks like \"#### Task 1.1: Name\" in the phase.")              \
    X(TASK_WITHOUT_CRITERIA, WARNING, "a task has no acceptance criteria",     \
      "Write \"**Acceptance Criteria:**\" and a list of - [ ] items.")       \
    X(GATE_REPEATED, NOTE, "a validation gate is not used",                    \
      "Keep one gate for each phase.")                                         \
    X(SUCCESS_LIST_NOT_GATE, WARNING, "a success list is no gate",             \
      "Call it \"### Phase N Validation Gate\" if it is to be one.")         \
    X(FINDINGS_CUT, NOTE, "there are more findings than are listed",           \
      "Mend the listed findings and look again.")
/* clang-format on */

enum eng_lint {
#define LINT_ENUM(code, level, meaning, mend) LINT_##code,
    LINT_ROWS(LINT_ENUM)
#undef LINT_ENUM
        LINT_COUNT
};
struct eng_lint_row {
    const char *code;
    enum eng_level level;
    struct slice meaning, mend;
};
extern const struct eng_lint_row eng_lint_rows[LINT_COUNT];

/* "error", "warning", "note". */
struct slice eng_level_name(enum eng_level level);

/* --- a report ---------------------------------------------------------- */
/* One file as findings see it. */
struct eng_source {
    struct slice file; /* relative to the workflow's folder */
    struct slice text;
};

/* Findings listed at most; a note says how many more there were. */
enum { ENG_FINDINGS_MOST = 1000 };

struct eng_report {
    struct arena *arena;
    struct eng_finding *items;
    size_t count, capacity;
    size_t errors; /* counted to the last, listed or not */
    size_t dropped;
    bool failed; /* out of memory: the report is not whole */
};
void eng_report_init(struct eng_report *r, struct arena *a);
/* The note about what was dropped, if anything was. */
void eng_report_end(struct eng_report *r);

/* Adds a finding with the row's mend. `at` points into src->text, or is NULL:
 * the file as a whole. `src` NULL: the folder. */
void eng_report_add(struct eng_report *r, enum eng_lint code,
                    const struct eng_source *src, const char *at,
                    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The same with a mend of its own, a text that outlives the report. */
void eng_report_mend(struct eng_report *r, enum eng_lint code,
                     const struct eng_source *src, const char *at,
                     struct slice mend, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
/* Says where the newest finding lies, for readers that know no pointer. */
void eng_report_place(struct eng_report *r, uint32_t line, uint32_t column);
/* {"file","line"?,"column"?,"code","level","message","how_to_fix"} */
void eng_finding_write(const struct eng_finding *f, struct json_writer *w);

/* --- texts in messages ------------------------------------------------- */
/* The start of a text from outside, cut at a character's border and marked
 * with ... when longer than `most` bytes. arena */
struct slice eng_clip(struct arena *a, struct slice s, size_t most);
/* The n bytes at `at`, and what is left of the last character they cut. */
struct slice eng_piece(struct slice text, size_t at, size_t n);

#endif
