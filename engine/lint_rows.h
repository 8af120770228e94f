/*
 * lint_rows: every code of lint, a row each: the only place where one is
 * named with its level, what it means, how it is mended, and an example.
 * Messages, docs/LINT.md, `phasegate lint --codes` and the rules of SARIF are
 * read off it. Only for engine/lint.h.
 */
#ifndef ENGINE_LINT_ROWS_H
#define ENGINE_LINT_ROWS_H

/* clang-format off */
/* X(code, level, meaning, mend, example): add a row, and nothing else needs an
 * edit. */
#define LINT_ROWS(X)                                                           \
    X(JSON_INVALID, ERROR,                                                     \
      "a file is not valid JSON",                                              \
      "Correct the JSON at this place.",                                       \
      "metadata.json: {\"version\": \"1.0.0\",}")                              \
    X(TEXT_NOT_UTF8, ERROR,                                                    \
      "a text file is not UTF-8",                                              \
      "Save the file as UTF-8.",                                               \
      "phase.md saved as Latin-1 or UTF-16")                                   \
    X(JSON_DUPLICATE_KEY, ERROR,                                               \
      "an object has the same key twice",                                      \
      "Remove one of the two.",                                                \
      "{\"version\": \"1.0.0\", \"version\": \"1.1.0\"}")                      \
    X(METADATA_MISSING, ERROR,                                                 \
      "a required field is absent",                                            \
      "Add the field.",                                                        \
      "a phase entry without \"phase_name\"")                                  \
    X(METADATA_FIELD_TYPE, ERROR,                                              \
      "a field has the wrong type or value",                                   \
      "Give the field a value of the type named here.",                        \
      "\"total_phases\": \"four\"")                                            \
    X(TYPE_NOT_FOLDER, ERROR,                                                  \
      "workflow_type differs from the folder's name",                          \
      "Make workflow_type and the folder's name the same.",                    \
      "\"workflow_type\": \"bugfix\" in the folder bugfix_v1")                 \
    X(PHASE_COUNT, ERROR,                                                      \
      "total_phases differs from the entries of phases",                       \
      "Set total_phases to the number of entries in phases.",                  \
      "\"total_phases\": 4 with three entries in \"phases\"")                  \
    X(PHASE_SEQUENCE, ERROR,                                                   \
      "the phase numbers do not follow on each other",                         \
      "Number the phases 0, 1, 2, ... or 1, 2, 3, ... without a gap.",         \
      "phases numbered 0, 1, 3")                                               \
    X(PHASE_DIR_MISSING, ERROR,                                                \
      "a phase has no folder",                                                 \
      "Create phases/<number>/ with phase.md and the task files.",             \
      "\"phase_number\": 2 without phases/2/")                                 \
    X(PHASE_FILE_MISSING, ERROR,                                               \
      "a phase has no phase.md",                                               \
      "Write phase.md in the phase's folder.",                                 \
      "phases/1/ with tasks, without phase.md")                                \
    X(TASK_FILE_MISSING, ERROR,                                                \
      "a listed task file does not exist",                                     \
      "Create the file or take the task off the list.",                        \
      "\"file\": \"task-1-plan.md\" and no such file in phases/0/")            \
    X(AMBIGUOUS_TASK_FILE, ERROR,                                              \
      "two files carry the same task number",                                  \
      "List the phase's tasks in metadata.json, or rename one file.",          \
      "task-1-plan.md beside task-1-draft.md, and no \"tasks\" list")          \
    X(TASK_NUMBER_DUPLICATE, ERROR,                                            \
      "two tasks of a phase have one number",                                  \
      "Give each task of the phase its own task_number.",                      \
      "two entries with \"task_number\": 1")                                   \
    X(DYNAMIC_CONFIG, ERROR,                                                   \
      "dynamic_config is absent or cannot be used",                            \
      "Correct dynamic_config: source_type, source_path_key, "                 \
      "templates.phase, templates.task, parser.",                              \
      "\"dynamic_phases\": true without \"dynamic_config\"")                   \
    X(TEMPLATE_MISSING, ERROR,                                                 \
      "a template does not exist",                                             \
      "Create the template or correct its path in dynamic_config.templates.",  \
      "\"phase\": \"phases/dynamic/phase.md\" and no such file")               \
    X(TEMPLATE_SYNTAX_UNSUPPORTED, ERROR,                                      \
      "a template uses block syntax",                                          \
      "Use placeholders like [PHASE_NAME]; {{#...}} and {{/...}} are not "     \
      "rendered.",                                                             \
      "{{#each tasks}} in a template")                                         \
    X(TEMPLATE_PLACEHOLDER, WARNING,                                           \
      "a placeholder that is not replaced there",                              \
      "Correct the spelling, or use one that the template has.",               \
      "[PHASE_NMAE], or [TASK_NAME] in a phase template")                      \
    X(GATE_BROKEN, ERROR,                                                      \
      "a gate file cannot be used",                                            \
      "Correct the gate file at this place.",                                  \
      "validator: positve, or a tab in the indentation")                       \
    X(GATE_DISABLED_IGNORED, WARNING,                                          \
      "enabled: false has no effect",                                          \
      "Remove `enabled: false`; delete the gate file if the phase needs no "   \
      "gate.",                                                                 \
      "checkpoint: {enabled: false}")                                          \
    X(GATE_LENIENT, WARNING,                                                   \
      "strict: false turns findings into warnings",                            \
      "Set strict: true when wrong values are to block; missing and "          \
      "mistyped fields always do.",                                            \
      "checkpoint: {strict: false}")                                           \
    X(GATE_UNKNOWN_KEY, WARNING,                                               \
      "a key of a gate file is not known",                                     \
      "Correct the spelling or remove the key.",                               \
      "requierd: true in a field")                                             \
    X(GATE_KEY_IGNORED, NOTE,                                                  \
      "a key of a gate file has no effect",                                    \
      "Remove the key: the folder already says which phase this is.",          \
      "phase: 2 at the top of a gate file")                                    \
    X(BOOLEAN_SPELLING, NOTE,                                                  \
      "a boolean is written yes, no, on or off",                               \
      "Write true or false.",                                                  \
      "required: yes")                                                         \
    X(NO_GATE, WARNING,                                                        \
      "a phase has no gate",                                                   \
      "Add gate-definition.yaml to the phase's folder.",                       \
      "phases/2/ without gate-definition.yaml")                                \
    X(GATE_ALWAYS_PASSES, WARNING,                                             \
      "a gate lets anything pass",                                             \
      "Make at least one field required, or add a rule that can fail.",        \
      "every field has required: false")                                       \
    X(GATE_NEVER_PASSES, WARNING,                                              \
      "no evidence can satisfy a gate",                                        \
      "Change the type, the expectation or the check, so that some value "     \
      "satisfies all of them.",                                                \
      "type: string with validator: positive")                                 \
    X(CHECK_WITHOUT_EFFECT, WARNING,                                           \
      "a check passes whatever is sent",                                       \
      "Make the check say something about the value, or remove it.",           \
      "validators: {fine: \"lambda x: True\"}")                                \
    X(BOOLEAN_WITHOUT_EXPECT, NOTE,                                            \
      "a required boolean does not say which value it expects",                \
      "Add `expect: true`, `expect: false` or `expect: any` to the field; "    \
      "without it, true is expected.",                                         \
      "done: {type: boolean, required: true}")                                 \
    X(EVIDENCE_UNMENTIONED, WARNING,                                           \
      "required evidence that no text of its phase mentions",                  \
      "Name the field in the task that produces it, or in phase.md.",          \
      "the gate requires load_tested, and no task says so")                    \
    X(FIELD_UNDESCRIBED, NOTE,                                                 \
      "a field has no description",                                            \
      "Say in description what the value is to be; agents see it in "          \
      "get_phase.",                                                            \
      "count: {type: integer, required: true}")                                \
    X(FIELD_NAME, WARNING,                                                     \
      "the name of a field invites mistakes",                                  \
      "Use lower-case letters, digits and underscores, beginning with a "      \
      "letter, and one spelling.",                                             \
      "\"tests passed\": beside tests_passed:")                                \
    X(VALIDATOR_UNUSED, WARNING,                                               \
      "a validator that no field uses",                                        \
      "Use it with `validator: <name>` in a field, or remove it.",             \
      "validators: {big: \"lambda x: x > 9\"} and no validator: big")          \
    X(VALIDATOR_SHADOWS, WARNING,                                              \
      "a validator has the name of a built-in one and replaces it",            \
      "Give it a name of its own.",                                            \
      "validators: {positive: \"lambda x: x >= 0\"}")                          \
    X(RULE_UNKNOWN_FIELD, WARNING,                                             \
      "a rule reads a field that the gate does not have",                      \
      "Correct the name, or add the field to evidence_schema.",                \
      "rule: \"lambda e: e['a'] > e['c']\" without a field c")                 \
    X(REQUIRED_EVIDENCE_DIFFERS, WARNING,                                      \
      "required_evidence differs from the gate file, which decides",           \
      "Make both lists the same, or remove required_evidence.",                \
      "\"required_evidence\": [\"tests_pass\"] where the gate asks for "       \
      "tests_passed")                                                          \
    X(EXPECT_CONTRADICTS_TEXT, WARNING,                                        \
      "a text says false where the gate expects true",                         \
      "Add `expect: false` (or `expect: any`) to the field in the gate file.", \
      "phase.md: `leaks_found` must be false; the gate: leaks_found: {type: "  \
      "boolean, required: true}")                                              \
    X(EVIDENCE_EXAMPLE_MISMATCH, WARNING,                                      \
      "a task text asks for other evidence than the gate",                     \
      "Make the example name the gate's fields with values of their types.",   \
      "a task says evidence={\"tests\": 12} where the gate asks for "          \
      "tests_run")                                                             \
    X(PHASE_TEXT_MISMATCH, WARNING,                                            \
      "phase.md disagrees with the definition",                                \
      "Correct phase.md, or the definition if phase.md is right.",             \
      "# Phase 2: Build in the folder of phase 1")                             \
    X(UNLISTED_TASK_FILE, WARNING,                                             \
      "a task file is on no list",                                             \
      "Add the file to the phase's tasks in metadata.json, or remove it.",     \
      "task-3-extra.md in a folder whose list has tasks 1 and 2")              \
    X(TASK_FILE_SHARED, WARNING,                                               \
      "two tasks of a phase have one file",                                    \
      "Give each task a file of its own.",                                     \
      "tasks 1 and 2 with \"file\": \"task-1-plan.md\"")                       \
    X(NAME_DUPLICATE, WARNING,                                                 \
      "two phases, or two tasks of a phase, have one name",                    \
      "Give each a name that tells them apart.",                               \
      "phases 1 and 2 both named Build")                                       \
    X(PHASE_UNREACHABLE, WARNING,                                              \
      "a phase before start_phase is never walked",                            \
      "Let start_phase name the first phase, or remove the phase.",            \
      "\"start_phase\": 1 with phases 0, 1, 2")                                \
    X(PHASE_DIR_STRAY, WARNING,                                                \
      "a folder below phases/ belongs to no phase",                            \
      "Name the folder by its phase's number, or remove it.",                  \
      "phases/01/ or phases/7/ with phases 0 to 2")                            \
    X(FILE_UNREFERENCED, NOTE,                                                 \
      "a file that no text mentions",                                          \
      "Link it from phase.md or a task, or remove it.",                        \
      "phases/1/notes.md")                                                     \
    X(LINK_BROKEN, WARNING,                                                    \
      "a link leads to a file that does not exist",                            \
      "Correct the path; it is relative to the file with the link.",           \
      "[glossary](../../core/glosary.md)")                                     \
    X(TEXT_EMPTY, WARNING,                                                     \
      "a text for the agent is empty",                                         \
      "Write what is to be done.",                                             \
      "task-1-plan.md of 0 bytes")                                             \
    X(TEXT_INVISIBLE, WARNING,                                                 \
      "a text holds control or direction characters that nobody sees",         \
      "Remove the character.",                                                 \
      "U+202E in phase.md")                                                    \
    X(TASK_HEADING_DIFFERS, NOTE,                                              \
      "the heading of a task file has another number",                         \
      "Make the heading the number that metadata.json gives the task.",        \
      "# Task 2: Plan in the file of task 1")                                  \
    X(PHASE_OVER_BUDGET, NOTE,                                                 \
      "the texts of a phase need many tokens",                                 \
      "Say it shorter, split the phase, or move reference material to core/ "  \
      "and link it.",                                                          \
      "phase.md and tasks of 40,000 tokens")                                   \
    X(UNUSED_DYNAMIC_DIR, NOTE,                                                \
      "phases/dynamic is not used",                                            \
      "Remove the folder, or set dynamic_phases and dynamic_config.",          \
      "phases/dynamic/ in a workflow with \"dynamic_phases\": false")          \
    X(METADATA_DESCRIPTIVE_MISSING, WARNING,                                   \
      "a descriptive field is absent",                                         \
      "Add the field: agents and people read it.",                             \
      "a phase without \"purpose\"")                                           \
    X(METADATA_WITHOUT_EFFECT, NOTE,                                           \
      "a field has no effect here",                                            \
      "Remove the field.",                                                     \
      "\"max_phase\": 4")                                                      \
    X(METADATA_KEY_MISSPELT, WARNING,                                          \
      "a key looks like a misspelt one",                                       \
      "Correct the spelling.",                                                 \
      "\"estimated_efort\": \"2 hours\"")                                      \
    X(METADATA_TEXT_EMPTY, WARNING,                                            \
      "a field is an empty text",                                              \
      "Write the text, or remove the field.",                                  \
      "\"purpose\": \"\"")                                                     \
    X(WORKFLOW_NAME, WARNING,                                                  \
      "the name of the folder is hard to type or cannot be started",           \
      "Rename it: letters, digits, _ and -, beginning with a letter.",         \
      "workflows/My Workflow (new)/")                                          \
    X(NOT_A_WORKFLOW, WARNING,                                                 \
      "a folder with phases has no metadata.json",                             \
      "Write metadata.json, or move the folder elsewhere.",                    \
      "workflows/draft/phases/0/phase.md alone")                               \
    X(DESCRIPTION_SHORT, NOTE,                                                 \
      "the description has under 20 characters",                               \
      "Say in a sentence when to use the workflow.",                           \
      "\"description\": \"Fixes bugs\"")                                       \
    X(TASK_FILE_LONG, NOTE,                                                    \
      "a task file has more than 170 lines",                                   \
      "Split the task.",                                                       \
      "a task file of 300 lines")                                              \
    X(PLAN_UNREADABLE, ERROR,                                                  \
      "a plan or a workflow definition cannot be read",                        \
      "Write phases like \"## Phase 1: Name\" with tasks below them.",         \
      "a tasks.md without a phase")                                            \
    X(PHASE_HEADING_IGNORED, WARNING,                                          \
      "a heading looks like a phase",                                          \
      "Number the phases upwards, all at one level of heading.",               \
      "## Phase 2 after ## Phase 3")                                           \
    X(HEADING_SPELLING, NOTE,                                                  \
      "a heading lacks the space behind its #",                                \
      "Write a space behind the #.",                                           \
      "##Phase 1: Foundation")                                                 \
    X(TASK_ID_DUPLICATE, WARNING,                                              \
      "two tasks have one id",                                                 \
      "Give each task an id of its own.",                                      \
      "Task 1.2 twice")                                                        \
    X(TASK_PHASE_MISMATCH, NOTE,                                               \
      "a task's id names another phase",                                       \
      "Give the task an id that begins with its phase's number.",              \
      "Task 2.1 under Phase 1")                                                \
    X(DEPENDENCY_UNKNOWN, WARNING,                                             \
      "a dependency names no task or phase",                                   \
      "Correct the id.",                                                       \
      "**Dependencies:** Task 9.9")                                            \
    X(DEPENDENCY_CYCLE, WARNING,                                               \
      "tasks wait for each other",                                             \
      "Remove one of the dependencies.",                                       \
      "1.1 depends on 1.2, and 1.2 on 1.1")                                    \
    X(DEPENDENCY_FORWARD, WARNING,                                             \
      "a task waits for a later one",                                          \
      "Move the task behind what it waits for.",                               \
      "1.1 depends on 1.2")                                                    \
    X(FENCE_UNCLOSED, WARNING,                                                 \
      "a code block is not closed",                                            \
      "Close the code block with ``` on a line of its own.",                   \
      "``` without a second one")                                              \
    X(PHASE_WITHOUT_TASKS, WARNING,                                            \
      "a phase has no tasks",                                                  \
      "Write tasks like \"#### Task 1.1: Name\" in the phase.",                \
      "## Phase 2: Build with prose only")                                     \
    X(TASK_WITHOUT_CRITERIA, WARNING,                                          \
      "a task has no acceptance criteria",                                     \
      "Write \"**Acceptance Criteria:**\" and a list of - [ ] items.",         \
      "#### Task 1.1: Set up with a description only")                         \
    X(GATE_REPEATED, NOTE,                                                     \
      "a validation gate is not used",                                         \
      "Keep one gate for each phase.",                                         \
      "two Validation Gate sections in one phase")                             \
    X(SUCCESS_LIST_NOT_GATE, WARNING,                                          \
      "a success list is no gate",                                             \
      "Call it \"### Phase N Validation Gate\" if it is to be one.",           \
      "**Phase 1 Success:** and a list of boxes")                              \
    X(FINDINGS_CUT, NOTE,                                                      \
      "there are more findings than are listed",                               \
      "Mend the listed findings and look again.",                              \
      "a workflow with 1,200 findings")
/* clang-format on */

#endif
