/* Plans that people write otherwise than the known ones: through a real
 * server each becomes the phases and tasks a careful reader sees, or is refused
 * with its place; nothing of a refused one is stored. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"
#include "tests/unit/session_kit.h"

/* --- a project with two dynamic workflows --------------------------------- */

#define METADATA(type, source, key)                                            \
    "{\"workflow_type\":\"" type "\",\"version\":\"1.0.0\",\"description\":"   \
    "\"Follows a plan.\",\"total_phases\":\"dynamic\",\"dynamic_phases\":"     \
    "true,\"phases\":[{\"phase_number\":0,\"phase_name\":\"Read\",\"tasks\":"  \
    "[]},{\"phase_number\":\"1-N\",\"phase_name\":\"Work\"}],\"dynamic_"       \
    "config\":{\"source_type\":\"" source "\",\"source_path_key\":\"" key      \
    "\",\"templates\":{\"phase\":\"phases/dynamic/phase.md\",\"task\":"        \
    "\"phases/dynamic/task.md\"}}}"

static void put_workflow(const char *project, const char *type,
                         const char *metadata)
{
    static const char *const files[][2] = {
        {"phases/0/phase.md", "# Read\n"},
        {"phases/dynamic/phase.md", "# [PHASE_NUMBER]: [PHASE_NAME]\n"},
        {"phases/dynamic/task.md", "# [TASK_ID]: [TASK_NAME]\n"}};
    struct slice at = arena_printf(test_arena(), "%s/.phasegate/workflows/%s",
                                   project, type);
    put_file(at.p, "metadata.json", metadata);
    for (size_t i = 0; i < 3; i++) put_file(at.p, files[i][0], files[i][1]);
}

static struct server *serve(void)
{
    const char *project = new_project("plans");
    put_workflow(project, "plan_v1",
                 METADATA("plan_v1", "spec_tasks_md", "spec_path"));
    put_workflow(
        project, "yaml_v1",
        METADATA("yaml_v1", "workflow_definition", "definition_path"));
    return server_start(&(struct server_options){.project = project});
}

static const struct json *call(struct server *s, const char *tool,
                               const char *args)
{
    return json_get(stdio_tool(s, tool, args), SLICE("structuredContent"));
}

#define TEXT(v, ...) json_text(json_at((v), __VA_ARGS__, NULL))

static const struct json *start(struct server *s, const char *type,
                                const char *target, const char *key,
                                const char *path)
{
    return call(s, "start_workflow",
                arena_printf(test_arena(),
                             "{\"workflow_type\":\"%s\",\"target\":\"%s\","
                             "\"options\":{\"%s\":\"%s\"}}",
                             type, target, key, path)
                    .p);
}

/* "A:2;B:0": names and tasks of the phases behind the static one; or the
 * detail of the refusal. */
static struct slice outline(const struct json *v)
{
    const struct json *phases = json_get(v, SLICE("phases"));
    struct slice all = {0};
    if (!phases) return TEXT(v, "error", "detail");
    for (uint32_t i = 1; i < phases->count; i++)
        all = arena_printf(
            test_arena(), "%.*s%s%.*s:%d", SLICE_ARG(all), i > 1 ? ";" : "",
            SLICE_ARG(TEXT(&phases->items[i], "name")),
            (int)kit_int(json_get(&phases->items[i], SLICE("tasks"))));
    return all;
}

/* --- tasks.md ------------------------------------------------------------- */

struct variant {
    const char *name, *text, *outline;
};
/* clang-format off */
static const struct variant variants[] = {
    {"crlf", "## Phase 1: A\r\n### Task 1.1: X\r\n- [ ] c\r\n## Phase 2: B\r\n",
     "A:1;B:0"},
    {"mark", "\xef\xbb\xbf## Phase 1: A\n### Task 1.1: X\n", "A:1"},
    {"tabs", "##\tPhase 1:\tA\n-\t[ ] **Task 1.1:**\tX\n\t-\t[ ] c\n", "A:1"},
    {"nested", "## Phase 1: A\n- **Task 1.1:** X\n  - a\n    - b\n"
     "      - **Task 9.9** is no task\n- **Task 1.2:** Y\n", "A:2"},
    {"task-gaps", "## Phase 1: A\n### Task 1.1: X\n### Task 1.5: Y\n"
     "### Task 1.3: Z\n", "A:3"},
    {"pictures", "## 🚀 Phase 1: Launch\n### ✅ Task 1.1: Go\n"
     "- 🔥 **Task 1.2:** Burn\n## Phase 2 🧪: Test\n### ✏️ Task 2.1 - Write\n",
     "Launch:2;Test:1"},
    {"fences", "## Phase 1: A\n```md\n## Phase 2: no\n### Task 1.9: no\n```\n"
     "~~~~\n## Phase 3: no\n~~~~\n### Task 1.1: X\n", "A:1"},
    {"open-fence", "## Phase 1: A\n### Task 1.1: X\n```\n## Phase 2: B\n",
     "A:1"},
    {"comment", "<!-- ## Phase 1: no -->\n## Phase 1: A\n<!--\n"
     "### Task 1.1: no\n-->\n### Task 1.2: X\n", "A:1"},
    {"cycle", "## Phase 1: A\n### Task 1.1: X\n**Dependencies:** Task 1.2\n"
     "### Task 1.2: Y\n**Dependencies:** Task 1.1\n", "A:2"},
    {"itself", "## Phase 1: A\n### Task 1.1: X\n"
     "**Dependencies:** Task 1.1, Task 9.9\n", "A:1"},
    {"same-id", "## Phase 1: A\n### Task 1.1: X\n### Task 1.1: Y\n", "A:1"},
    {"same-phase", "## Phase 1: A\n### Task 1.1: X\n## Phase 1: again\n"
     "## Phase 2: B\n", "A:1;B:0"},
    {"of-another", "## Phase 1: A\n### Task 2.1: X\n## Phase 2: B\n"
     "### Task 1.1: Y\n", "A:1;B:1"},
    {"lower", "## phase 1: a\n### task 1.1: x\n", "a:1"},
    {"spaces", "##   Phase   1  :   A   \t \n###\tTask\t1.1\t:\tX \n", "A:1"},
    {"wild-range", "## Phase 1: A\n### Task 1.1: X\n"
     "Dependencies: 1.1-1.99999999, Phase 1-99999999\n", "A:1"},
    {"long-range", "## Phase 1: A\n### Task 1.1: X\n**Dependencies:** "
     "Task 1.1-9223372036854775807\n", "A:1"},
    {"backwards", "## Phase 2: B\n### Task 2.1: X\n## Phase 1: A\n",
     "SOURCE_PHASE_START"},
    {"gap", "## Phase 1: A\n## Phase 3: C\n", "SOURCE_PHASE_GAP"},
    {"huge", "## Phase 99999999999999999999: A\n", "SOURCE_NO_PHASES"},
    {"prose", "A plan in prose.\n", "SOURCE_NO_PHASES"},
    {"blank", " \n\t\n", "SOURCE_EMPTY"},
    {"latin", "## Phase 1: caf\xe9\n", "WORKFLOW_INVALID"}};
/* clang-format on */
enum { VARIANTS = sizeof(variants) / sizeof(variants[0]) };

TEST(plans, are_read_as_a_careful_reader_would)
{
    struct server *s = serve();
    int refused = 0;
    for (size_t i = 0; i < VARIANTS; i++) {
        const struct variant *row = &variants[i];
        put_file(server_project(s),
                 arena_printf(test_arena(), "%s/tasks.md", row->name).p,
                 row->text);
        struct slice got =
            outline(start(s, "plan_v1", row->name, "spec_path", row->name));
        if (!slice_eq(got, slice_of(row->outline)))
            FAIL("%s: \"%.*s\", not \"%s\"", row->name, SLICE_ARG(got),
                 row->outline);
        refused += row->outline[1] >= 'A' && row->outline[1] <= 'Z';
    }
    const struct json *v = call(s, "list_sessions", "{}");
    CHECK_INT_EQ(kit_int(json_get(v, SLICE("count"))), VARIANTS - refused);
}

static void put_bytes(struct server *s, const char *name, const char *head,
                      size_t n, char fill)
{
    char *text = malloc(n);
    CHECK(text);
    memset(text, fill, n);
    memcpy(text, head, strlen(head));
    struct slice path =
        arena_printf(test_arena(), "%s/%s", server_project(s), name);
    enum err e = file_write_atomic(path, (struct slice){text, n}, 0644);
    free(text);
    CHECK_OK(e);
}

/* Refused before it is parsed, with the limit; a NUL is no text. */
TEST(plans, of_ten_mebibytes_or_with_a_nul_are_refused)
{
    struct server *s = serve();
    put_bytes(s, "big.md", "## Phase 1: A\n", 10u << 20, 'x');
    const struct json *v = start(s, "plan_v1", "big", "spec_path", "big.md");
    CHECK_TEXT_EQ(TEXT(v, "error", "detail"), "TOO_LARGE");
    CHECK_CONTAINS(TEXT(v, "error", "why"), "2 MiB");
    put_bytes(s, "nul.md", "## Phase 1: A\n", 30, '\0');
    v = start(s, "plan_v1", "nul", "spec_path", "nul.md");
    CHECK_TEXT_EQ(TEXT(v, "error", "detail"), "WORKFLOW_INVALID");
    CHECK_CONTAINS(TEXT(v, "error", "what"), "byte 14 of \"nul.md\" is NUL");
    put_bytes(s, "long.md", "## Phase 1: A\n### Task 1.1: ", 2u << 20, 'y');
    v = start(s, "plan_v1", "long", "spec_path", "long.md");
    CHECK_TEXT_EQ(TEXT(v, "status"), "active");
}

/* --- workflow definitions ------------------------------------------------- */

#define HEAD                                                                   \
    "name: made\nversion: '1.0'\nproblem:\n  statement: s\n"                   \
    "  why_workflow: w\n  success_criteria: [a]\nphases:\n"
#define PHASE(number, name)                                                    \
    "- number: " number "\n  name: " name "\n  purpose: p\n"                   \
    "  deliverable: d\n  tasks:\n  - {number: 1, name: x, purpose: q}\n"

static const char made[] =
    HEAD PHASE("1", "Ground")
    "  validation_gate:\n    evidence_required:\n"
    "      tests: {type: integer, description: d, validator: greater_than_0}\n"
    "      notes: {type: list, description: d, validator: non_empty_list}\n"
    "      clean: {type: boolean, description: d, validator: is_true}\n"
    PHASE("2", "Walls")
    PHASE("'N+3'", "Roof")
    "  validation_gate:\n    evidence_required:\n"
    "      share: {type: integer, description: d, validator: percent_gte_80}\n";

static bool passes(struct server *s, const char *id, int phase,
                   const char *evidence)
{
    const struct json *v = call(
        s, "complete_phase",
        arena_printf(test_arena(),
                     "{\"session_id\":\"%s\",\"phase\":%d,\"evidence\":%s}",
                     id, phase, evidence)
            .p);
    bool is = json_is(json_get(v, SLICE("passed")), JSON_TRUE);
    if (!is) CHECK_TEXT_EQ(TEXT(v, "error", "detail"), "GATE_REFUSED");
    return is;
}

struct attempt {
    int phase;
    const char *evidence;
    bool passes;
};
/* clang-format off */
static const struct attempt attempts[] = {
    {0, "{}", false},
    {0, "{\"read\":true}", true},
    {1, "{}", false},
    {1, "{\"tests\":0,\"notes\":[1],\"clean\":true}", false},
    {1, "{\"tests\":3,\"notes\":[],\"clean\":true}", false},
    {1, "{\"tests\":3,\"notes\":[1],\"clean\":false}", false},
    {1, "{\"tests\":\"3\",\"notes\":[1],\"clean\":true}", false},
    {1, "{\"tests\":3,\"notes\":[1],\"clean\":true}", true},
    {2, "{}", false},
    {2, "{\"note\":\"built\"}", true},
    {3, "{\"share\":79}", false},
    {3, "{\"share\":80}", true}};
/* clang-format on */

TEST(plans, a_definition_in_yaml_is_walked_with_its_own_gates)
{
    struct server *s = serve();
    put_file(server_project(s), "made.yaml", made);
    const struct json *v =
        start(s, "yaml_v1", "x", "definition_path", "made.yaml");
    CHECK_TEXT_EQ(outline(v), "Ground:1;Walls:1;Roof:1");
    const char *id = arena_cstr(test_arena(), TEXT(v, "session_id"));
    put_file(server_project(s), "made.yaml", HEAD PHASE("1", "Gone"));
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        const struct attempt *row = &attempts[i];
        if (passes(s, id, row->phase, row->evidence) != row->passes)
            FAIL("phase %d, %s", row->phase, row->evidence);
        if (i == 5) { /* the pinned one is read back */
            server_kill(s);
            server_restart(s);
        }
    }
    v = call(s, "get_session",
             arena_printf(test_arena(), "{\"session_id\":\"%s\"}", id).p);
    CHECK_TEXT_EQ(TEXT(v, "session", "status"), "completed");
    CHECK(json_is(json_get(v, SLICE("definition_changed")), JSON_TRUE));
}

/* clang-format off */
static const struct variant definitions[] = {
    {"nothing.yaml", "", "SOURCE_EMPTY"},
    {"no-phases.yaml", HEAD " []\n", "SOURCE_NO_PHASES"},
    {"gap.yaml", HEAD PHASE("1", "A") PHASE("3", "C"), "SOURCE_PHASE_GAP"},
    {"begins.yaml", HEAD PHASE("2", "A"), "SOURCE_PHASE_START"},
    {"twice.yaml", HEAD PHASE("1", "A") PHASE("1", "B"), "SOURCE_PHASE_GAP"},
    {"tab.yaml", HEAD "\t- number: 1\n", "WORKFLOW_INVALID"},
    {"alias.yaml", "a: &a [x]\nb: *a\n", "WORKFLOW_INVALID"},
    {"two.yaml", HEAD PHASE("1", "A") "---\nname: b\n", "WORKFLOW_INVALID"},
    {"list.yaml", "- a\n- b\n", "WORKFLOW_INVALID"},
    {"float.yaml", HEAD PHASE("1.5", "A"), "WORKFLOW_INVALID"},
    {"negative.yaml", HEAD PHASE("-1", "A"), "WORKFLOW_INVALID"},
    {"word.yaml", HEAD PHASE("one", "A"), "WORKFLOW_INVALID"},
    {"binary.yaml", HEAD PHASE("1", "caf\xe9"), "WORKFLOW_INVALID"},
    {"code.yaml", HEAD PHASE("1", "A") "  validation_gate:\n"
     "    evidence_required:\n      a: {type: string, description: d, "
     "validator: \"lambda x: open(x)\"}\n", "WORKFLOW_INVALID"},
    {"zero.yaml", HEAD PHASE("0", "A") PHASE("1", "B"), "A:1;B:1"},
    {"crlf.yaml", "name: made\r\nversion: '1'\r\nproblem:\r\n  statement: s\r\n"
     "  why_workflow: w\r\n  success_criteria: [a]\r\nphases:\r\n"
     "- number: 1\r\n  name: A\r\n  purpose: p\r\n  deliverable: d\r\n"
     "  tasks: []\r\n", "A:0"},
    {"dashes.yaml", "---\n" HEAD PHASE("1", "A"), "A:1"}};
/* clang-format on */

TEST(plans, a_definition_that_cannot_be_one_is_refused_by_name)
{
    struct server *s = serve();
    for (size_t i = 0; i < sizeof(definitions) / sizeof(definitions[0]); i++) {
        const struct variant *row = &definitions[i];
        put_file(server_project(s), row->name, row->text);
        struct slice got = outline(
            start(s, "yaml_v1", row->name, "definition_path", row->name));
        if (!slice_eq(got, slice_of(row->outline)))
            FAIL("%s: \"%.*s\", not \"%s\"", row->name, SLICE_ARG(got),
                 row->outline);
    }
}
