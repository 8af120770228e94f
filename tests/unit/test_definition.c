#include "engine/definition.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "tests/unit/workflow_kit.h"

/* format A1 */
TEST(definition, spec_creation_loads_whole, .needs = "shared")
{
    static const size_t tasks[] = {4, 5, 6, 5, 4, 3};
    struct eng_definition *d = kit_load("spec_creation_v1");
    CHECK_INT_EQ(d->errors_count, 0);
    CHECK_INT_EQ(d->phases_count, 6);
    for (size_t i = 0; i < 6; i++)
        CHECK_INT_EQ(d->phases[i].tasks_count, tasks[i]);
    CHECK_INT_EQ(d->phases[0].tasks[0].number, 0);
    CHECK_INT_EQ(kit_count(d, "REQUIRED_EVIDENCE_DIFFERS"), 6);
    CHECK_INT_EQ(kit_count(d, "GATE_LENIENT"), 6);
}

/* format A2 */
TEST(definition, the_dynamic_workflow_is_accepted, .needs = "shared")
{
    struct eng_definition *d = kit_load("spec_execution_v1");
    CHECK_INT_EQ(d->errors_count, 0);
    CHECK(d->dynamic);
    CHECK_INT_EQ(d->phases_count, 1);
    CHECK_INT_EQ(d->phases[0].tasks_count, 3);
    CHECK_TEXT_EQ(d->dynamic_config->source_path_key, "spec_path");
    CHECK_INT_EQ(d->dynamic_config->from, 1);
    CHECK(d->dynamic_config->task_template.n > 0);
}

TEST(definition, the_list_decides_which_task_is_which, .needs = "shared")
{
    struct eng_definition *d = kit_load("workflow_creation_v1");
    CHECK_INT_EQ(d->errors_count, 0);
    const struct eng_phase *p = eng_definition_phase(d, 4);
    CHECK_TEXT_EQ(eng_phase_task(p, 5)->file, "task-1-audit-file-sizes.md");
    CHECK_TEXT_EQ(eng_phase_task(p, 14)->file,
                  "task-10-final-compliance-check.md");
    CHECK_INT_EQ(kit_count(d, "UNLISTED_TASK_FILE"), 2);
    CHECK_INT_EQ(kit_count(d, "UNUSED_DYNAMIC_DIR"), 1);
    CHECK_TEXT_EQ(eng_phase_unlisted(d, 2, 9)->path,
                  "phases/2/task-9-generate-gate-definitions.md");
    CHECK(!eng_phase_unlisted(d, 2, 8));
}

/* format A4 */
TEST(definition, every_fault_of_the_inconsistent_one_is_told, .needs = "shared")
{
    struct eng_definition *d = kit_load("workflow_creation_v1_inconsistent");
    CHECK_INT_EQ(kit_count(d, "TYPE_NOT_FOLDER"), 1);
    CHECK_INT_EQ(kit_count(d, "PHASE_DIR_MISSING"), 1);
    CHECK_INT_EQ(kit_count(d, "TASK_FILE_MISSING"), 22);
    CHECK_INT_EQ(d->errors_count, 24);
    CHECK_INT_EQ(kit_count(d, "NO_GATE"), 1);
    CHECK_INT_EQ(kit_count(d, "UNLISTED_TASK_FILE"), 18);
    struct problem p;
    problem_init(&p);
    CHECK_ERR(eng_definition_problem(d, test_arena(), &p),
              ERR_WORKFLOW_INVALID);
    CHECK_CONTAINS(p.why, "phases/6/ does not exist");
}

TEST(definition, a_packed_definition_comes_back_the_same, .needs = "shared")
{
    struct eng_definition *d = kit_load("workflow_creation_v1");
    struct buf b = BUF_INIT(64u << 20);
    struct eng_files back;
    eng_files_pack(&d->files, &b);
    CHECK_OK(b.err);
    CHECK_OK(eng_files_unpack(buf_slice(&b), test_arena(), &back));
    CHECK_SLICE_EQ(eng_files_hash(&back, test_arena()), d->hash);
    CHECK_INT_EQ(back.count, d->files.count);
    buf_done(&b);
}

/* --- copies with one fault --------------------------------------------- */
struct fault {
    const char *from, *to; /* in metadata.json of spec_creation_v1 */
    const char *code, *says;
};
/* clang-format off */
TEST_EACH(definition, a_fault_of_the_metadata_refuses_it, struct fault, f,
    {"\"total_phases\": 6", "\"total_phases\": 7", "PHASE_COUNT", "is 7"},
    {"\"total_phases\": 6", "\"total_phases\": \"six\"", "METADATA_FIELD_TYPE",
     "an integer or \"dynamic\""},
    {"\"total_phases\": 6,", "", "METADATA_MISSING", "total_phases"},
    {"\"version\": \"1.0.0\",", "\"version\": \"1.0.0\",\"version\": \"2\",",
     "JSON_DUPLICATE_KEY", "version"},
    {"\"version\": \"1.0.0\",", "\"version\": \"1.0.0\",,", "JSON_INVALID", ""},
    {"\"version\": \"1.0.0\",", "", "METADATA_MISSING", "version"},
    {"\"version\": \"1.0.0\"", "\"version\": 1", "METADATA_FIELD_TYPE",
     "version"},
    {"\"version\": \"1.0.0\"", "\"version\": \"\xFF\"", "JSON_INVALID",
     "UTF-8"},
    {"\"start_phase\": 0", "\"start_phase\": 9", "METADATA_FIELD_TYPE",
     "start_phase is 9"},
    {"\"start_phase\": 0", "\"start_phase\": -1", "METADATA_FIELD_TYPE",
     "start_phase"},
    {"\"workflow_type\": \"spec_creation_v1\"",
     "\"workflow_type\": \"spec_creation\"", "TYPE_NOT_FOLDER",
     "spec_creation"},
    {"\"phase_number\": 3", "\"phase_number\": 7", "PHASE_SEQUENCE",
     "phase 4 follows phase 2"},
    {"\"phase_number\": 3", "\"phase_number\": 2", "PHASE_SEQUENCE", "twice"},
    {"\"phase_number\": 3", "\"phase_number\": \"3\"", "METADATA_FIELD_TYPE",
     "phase_number"},
    {"\"phase_number\": 5", "\"phase_number\": \"5-N\"", "PHASE_SEQUENCE",
     "not dynamic"},
    {"\"phase_number\": 3,", "", "METADATA_MISSING", "phase_number"},
    {"\"phase_name\": \"Task Breakdown\",", "", "METADATA_MISSING",
     "phase_name"},
    {"\"phase_file\": \"phases/0/phase.md\"",
     "\"phase_file\": \"phases/1/phase.md\"", "METADATA_FIELD_TYPE",
     "phases/0/phase.md"},
    {"\"file\": \"task-0-create-directory.md\"",
     "\"file\": \"../1/task-0-create-directory.md\"", "METADATA_FIELD_TYPE",
     "plain file name"},
    {"\"file\": \"task-0-create-directory.md\"", "\"file\": \"task-0.md\"",
     "TASK_FILE_MISSING", "phases/0/task-0.md"},
    {"\"task_number\": 0", "\"task_number\": 1", "TASK_NUMBER_DUPLICATE",
     "number 1"},
    {"\"task_number\": 0", "\"task_number\": 1.5", "METADATA_FIELD_TYPE",
     "task_number"},
    {"\"dynamic_phases\": false", "\"dynamic_phases\": true", "DYNAMIC_CONFIG",
     "no dynamic_config"},
    {"\"primary_outputs\": [", "\"primary_outputs\": [1,",
     "METADATA_FIELD_TYPE", "primary_outputs"},
    {"\"required_evidence\": [", "\"required_evidence\": [1,",
     "METADATA_FIELD_TYPE", "required_evidence"})
/* clang-format on */
{
    if (!test_shared_dir()) test_skip("no real inputs");
    struct eng_definition *d = kit_build(kit_edit(
        kit_real("spec_creation_v1"), "metadata.json", f->from, f->to));
    const struct eng_finding *found = kit_finding(d, f->code, 0);
    if (!found) FAIL("no %s", f->code);
    CHECK_INT_GT(d->errors_count, 0);
    CHECK_CONTAINS(found->message, f->says);
    CHECK_TEXT_EQ(found->file, "metadata.json");
    CHECK_INT_GT(found->line, 0);
    CHECK_INT_GT(found->column, 0);
    CHECK_INT_GT(found->how_to_fix.n, 0);
}

/* --- a workflow of our own --------------------------------------------- */
#define HEAD(total, more)                                                      \
    "{\"workflow_type\":\"w\",\"version\":\"1\",\"total_phases\":" total more  \
    ",\"phases\":["
#define PHASE(number, more)                                                    \
    "{\"phase_number\":" number ",\"phase_name\":\"P\"" more "}"

static struct eng_files own(const char *metadata)
{
    struct eng_files f = {.workflow_type = SLICE("w")};
    f = kit_with(f, "metadata.json", metadata);
    return kit_with(f, "phases/0/phase.md", "# Phase 0: P\n");
}

TEST(definition, tasks_are_found_by_name_where_none_are_listed)
{
    struct eng_files f = own(HEAD("1", "") PHASE("0", "") "]}");
    f = kit_with(f, "phases/0/task-10-last.md", "ten");
    f = kit_with(f, "phases/0/task-2-first-one.md", "two");
    struct eng_definition *d = kit_build(f);
    CHECK_INT_EQ(d->errors_count, 0);
    CHECK_INT_EQ(d->phases[0].tasks_count, 2);
    CHECK_TEXT_EQ(d->phases[0].tasks[0].name, "first-one");
    CHECK_INT_EQ(d->phases[0].tasks[1].number, 10);
    CHECK_TEXT_EQ(d->phases[0].tasks[1].content, "ten");
    d = kit_build(kit_with(f, "phases/0/task-2-second.md", ""));
    CHECK_INT_EQ(kit_count(d, "AMBIGUOUS_TASK_FILE"), 1);
    CHECK_CONTAINS(kit_finding(d, "AMBIGUOUS_TASK_FILE", 0)->message,
                   "task-2-first-one.md");
}

TEST(definition, a_listed_task_without_a_file_is_found_by_its_number)
{
    struct eng_files f =
        own(HEAD("1", "") PHASE("0", ",\"tasks\":[{\"task_number\":2,"
                                     "\"name\":\"n\"}]") "]}");
    CHECK_INT_EQ(kit_count(kit_build(f), "TASK_FILE_MISSING"), 1);
    f = kit_with(f, "phases/0/task-2-a.md", "a");
    struct eng_definition *d = kit_build(f);
    CHECK_INT_EQ(d->errors_count, 0);
    CHECK_TEXT_EQ(d->phases[0].tasks[0].file, "task-2-a.md");
    d = kit_build(kit_with(f, "phases/0/task-2-b.md", "b"));
    CHECK_INT_EQ(kit_count(d, "AMBIGUOUS_TASK_FILE"), 1);
}

struct dynamic {
    const char *config;
    const char *code; /* NULL: accepted */
};
#define TEMPLATES                                                              \
    ",\"templates\":{\"phase\":\"phases/dynamic/p.md\","                       \
    "\"task\":\"phases/dynamic/t.md\"}"
#define KEYS "\"source_type\":\"spec_tasks_md\",\"source_path_key\":\"p\""
/* clang-format off */
TEST_EACH(definition, a_dynamic_config_is_checked, struct dynamic, row,
    {"{" KEYS TEMPLATES ",\"parser\":\"spec_tasks_parser\"}", NULL},
    {"{" KEYS TEMPLATES "}", NULL},
    {"{" KEYS TEMPLATES ",\"parser\":\"workflow_definition_parser\"}",
     "DYNAMIC_CONFIG"},
    {"{\"source_type\":\"other\",\"source_path_key\":\"p\"" TEMPLATES "}",
     "DYNAMIC_CONFIG"},
    {"{\"source_type\":\"spec_tasks_md\"" TEMPLATES "}", "DYNAMIC_CONFIG"},
    {"{" KEYS "}", "DYNAMIC_CONFIG"},
    {"{" KEYS ",\"templates\":{\"phase\":\"phases/dynamic/p.md\"}}",
     "DYNAMIC_CONFIG"},
    {"{" KEYS ",\"templates\":{\"phase\":\"phases/dynamic/p.md\","
     "\"task\":\"../t.md\"}}", "TEMPLATE_MISSING"},
    {"{" KEYS ",\"templates\":{\"phase\":\"phases/dynamic/p.md\","
     "\"task\":\"phases/dynamic/each.md\"}}", "TEMPLATE_SYNTAX_UNSUPPORTED"},
    {"5", "METADATA_FIELD_TYPE"})
/* clang-format on */
{
    char text[1200];
    snprintf(text, sizeof(text),
             HEAD("\"dynamic\"", ",\"dynamic_config\":%s")
                 PHASE("0", "") "," PHASE("\"1-N\"", "") "]}",
             row->config);
    struct eng_files f = own(text);
    f = kit_with(f, "phases/dynamic/p.md", "[PHASE_NAME] {{name}}");
    f = kit_with(f, "phases/dynamic/t.md", "[TASK_NAME]");
    f = kit_with(f, "phases/dynamic/each.md", "a\n{{#each x}}");
    struct eng_definition *d = kit_build(f);
    if (row->code) CHECK_INT_GE(kit_count(d, row->code), 1);
    CHECK_INT_EQ(d->errors_count == 0, row->code == NULL);
}

TEST(definition, a_dynamic_entry_stands_once_and_last)
{
#define CONFIG ",\"dynamic_config\":{" KEYS TEMPLATES "}"
    struct eng_files f = own(HEAD("\"dynamic\"", CONFIG)
                                 PHASE("\"1-N\"", "") "," PHASE("0", "") "]}");
    f = kit_with(f, "phases/dynamic/p.md", "");
    f = kit_with(f, "phases/dynamic/t.md", "");
    CHECK_INT_EQ(kit_count(kit_build(f), "PHASE_SEQUENCE"), 1);
    f = kit_with(f, "metadata.json",
                 HEAD("\"dynamic\"", CONFIG)
                     PHASE("0", "") "," PHASE("\"2-N\"", "") "]}");
    CHECK_INT_EQ(kit_count(kit_build(f), "PHASE_SEQUENCE"), 1);
    f = kit_with(f, "metadata.json",
                 HEAD("\"dynamic\"", CONFIG)
                     PHASE("0", "") "," PHASE("\"1-N\"", "") "]}");
    CHECK_INT_EQ(kit_build(f)->errors_count, 0);
}

TEST(definition, a_text_that_is_no_utf8_is_an_error)
{
    struct eng_files f = own(HEAD("1", "") PHASE("0", "") "]}");
    struct eng_definition *d =
        kit_build(kit_with(f, "phases/0/phase.md", "a\xFF"));
    CHECK_INT_EQ(kit_count(d, "TEXT_NOT_UTF8"), 1);
}

TEST(definition, fields_without_effect_are_noted)
{
    struct eng_files f =
        own(HEAD("1", ",\"max_phase\":3,\"description\":\"short\"")
                PHASE("0", ",\"evidence_gate_enabled\":false") "]}");
    struct eng_definition *d = kit_build(f);
    CHECK_INT_EQ(d->errors_count, 0);
    CHECK_INT_EQ(kit_count(d, "METADATA_WITHOUT_EFFECT"), 2);
    CHECK_INT_EQ(kit_count(d, "DESCRIPTION_SHORT"), 1);
    CHECK(json_is(json_get(d->metadata, SLICE("max_phase")), JSON_NUMBER));
}

/* --- texts ------------------------------------------------------------- */
struct place {
    const char *workflow, *code, *file;
    uint32_t line;
};
/* clang-format off */
TEST_EACH(definition, texts_that_disagree_are_told_with_their_line,
    struct place, p,
    {"spec_execution_v1", "EVIDENCE_EXAMPLE_MISMATCH",
     "phases/0/task-3-build-plan.md", 151},
    {"spec_creation_v1", "EVIDENCE_EXAMPLE_MISMATCH",
     "phases/0/task-3-extract-insights.md", 147},
    {"spec_creation_v1", "EVIDENCE_EXAMPLE_MISMATCH",
     "phases/3/task-5-validation-gates.md", 136},
    {"spec_creation_v1", "EVIDENCE_EXAMPLE_MISMATCH",
     "phases/4/task-4-troubleshooting.md", 96},
    {"spec_creation_v1", "EVIDENCE_EXAMPLE_MISMATCH",
     "phases/5/task-3-final-package.md", 82},
    {"workflow_creation_v1", "EVIDENCE_EXAMPLE_MISMATCH",
     "phases/1/task-5-prepare-workspace.md", 122},
    {"workflow_creation_v1", "EVIDENCE_EXAMPLE_MISMATCH",
     "phases/4/task-10-final-compliance-check.md", 113},
    {"workflow_creation_v1", "EVIDENCE_EXAMPLE_MISMATCH",
     "phases/5/task-8-human-review.md", 130},
    {"workflow_creation_v1", "PHASE_TEXT_MISMATCH", "phases/2/phase.md", 36},
    {"workflow_creation_v1", "PHASE_TEXT_MISMATCH", "phases/4/phase.md", 1},
    {"workflow_creation_v1", "PHASE_TEXT_MISMATCH", "phases/5/phase.md", 40},
    {"workflow_creation_v1", "EXPECT_CONTRADICTS_TEXT", "metadata.json", 202},
    {"workflow_creation_v1_inconsistent", "PHASE_TEXT_MISMATCH",
     "phases/2/phase.md", 34},
    {"workflow_creation_v1_inconsistent", "PHASE_TEXT_MISMATCH",
     "phases/4/phase.md", 52},
    {"workflow_creation_v1_inconsistent", "PHASE_TEXT_MISMATCH",
     "phases/5/phase.md", 48})
/* clang-format on */
{
    if (!test_shared_dir()) test_skip("no real inputs");
    struct eng_definition *d = kit_load(p->workflow);
    for (size_t i = 0; i < d->findings_count; i++) {
        const struct eng_finding *f = &d->findings[i];
        if (strcmp(f->code, p->code) == 0 && f->line == p->line &&
            slice_eq(f->file, slice_of(p->file)))
            return;
    }
    FAIL("no %s at %s:%u", p->code, p->file, p->line);
}

TEST(definition, a_text_that_agrees_is_left_alone, .needs = "shared")
{
    struct eng_definition *d = kit_load("workflow_creation_v1");
    for (size_t i = 0; i < d->findings_count; i++) {
        const struct eng_finding *f = &d->findings[i];
        CHECK(!slice_eq(f->file,
                        SLICE("phases/0/"
                              "task-5-validate-generated-definition.md")));
        CHECK(!slice_eq(f->file, SLICE("phases/0/phase.md")));
        if (strcmp(f->code, "EXPECT_CONTRADICTS_TEXT") == 0)
            CHECK_CONTAINS(f->message, "generic_content_detected");
    }
    CHECK_INT_EQ(kit_count(d, "EXPECT_CONTRADICTS_TEXT"), 1);
}

/* --- reading a folder -------------------------------------------------- */
static void put(const char *root, const char *name, const char *text)
{
    char path[500];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    CHECK_OK(file_write_atomic(slice_of(path), slice_of(text), 0600));
}

TEST(definition, only_what_is_inside_the_folder_is_read)
{
    struct eng_files f;
    struct problem p;
    char root[300], path[400];
    snprintf(root, sizeof(root), "%s/w", test_tmpdir());
    snprintf(path, sizeof(path), "%s/phases/0", root);
    CHECK_OK(path_make(slice_of(path), 0700));
    put(root, "../secret.md", "secret");
    put(root, "phases/0/real.md", "real");
    put(root, "phases/0/.hidden.md", "hidden");
    put(root, "notes.md", "notes");
    put(root, "other.txt", "other");
    snprintf(path, sizeof(path), "%s/phases/0/out.md", root);
    CHECK_INT_EQ(symlink("../../../secret.md", path), 0);
    snprintf(path, sizeof(path), "%s/phases/0/in.md", root);
    CHECK_INT_EQ(symlink("real.md", path), 0);
    snprintf(path, sizeof(path), "%s/phases/up", root);
    CHECK_INT_EQ(symlink("../..", path), 0);
    snprintf(path, sizeof(path), "%s/phases/0/fifo.md", root);
    CHECK_INT_EQ(mkfifo(path, 0600), 0);
    /* Nobody listens, and nobody can open it. */
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "socket.md"};
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT_EQ(chdir(root), 0);
    CHECK_INT_EQ(bind(s, (struct sockaddr *)&at, sizeof(at)), 0);
    CHECK_INT_EQ(close(s), 0);
    problem_init(&p);
    CHECK_ERR(eng_files_read(slice_of(root), test_arena(), &p, &f),
              ERR_NOT_FOUND);
    CHECK_CONTAINS(p.why, "metadata.json");
    put(root, "metadata.json", "{}");
    CHECK_OK(eng_files_read(slice_of(root), test_arena(), &p, &f));
    CHECK_INT_EQ(f.count, 4);
    CHECK_TEXT_EQ(f.workflow_type, "w");
    CHECK_TEXT_EQ(f.files[0].path, "metadata.json");
    CHECK_TEXT_EQ(f.files[1].path, "notes.md");
    CHECK_TEXT_EQ(f.files[2].path, "phases/0/in.md");
    CHECK_TEXT_EQ(f.files[2].text, "real");
    CHECK_TEXT_EQ(f.files[3].path, "phases/0/real.md");
    /* Its name is the folder's own when the caller has none for it. */
    static const char *const ways[] = {"/", "///", "/.", "/phases/.."};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct slice way = arena_printf(test_arena(), "%s%s", root, ways[i]);
        CHECK_OK(eng_files_read(way, test_arena(), &p, &f));
        CHECK_TEXT_EQ(f.workflow_type, "w");
    }
    snprintf(path, sizeof(path), "%s/none", root);
    CHECK_ERR(eng_files_read(slice_of(path), test_arena(), &p, &f),
              ERR_NOT_FOUND);
}

/* Those would be packed as U+FFFD, and be another workflow when it is read. */
TEST(definition, a_name_that_is_no_utf8_is_no_file_of_a_workflow)
{
    struct eng_files f, back;
    struct problem p;
    struct buf b = BUF_INIT(64u << 20);
    char root[300];
    snprintf(root, sizeof(root), "%s/w", test_tmpdir());
    CHECK_OK(path_make(arena_printf(test_arena(), "%s/phases/0", root), 0700));
    put(root, "metadata.json", "{}");
    put(root, "latin.md", "caf\xE9");
    put(root, "phases/0/caf\xE9.md", "one");
    put(root, "phases/0/caf\xE8.md", "two");
    put(root, "phases/0/caf\xC3\xA9.md", "three");
    problem_init(&p);
    CHECK_OK(eng_files_read(slice_of(root), test_arena(), &p, &f));
    CHECK_INT_EQ(f.count, 2);
    CHECK_TEXT_EQ(f.files[1].path, "phases/0/caf\xC3\xA9.md");
    eng_files_pack(&f, &b);
    CHECK_OK(eng_files_unpack(buf_slice(&b), test_arena(), &back));
    CHECK_SLICE_EQ(eng_files_hash(&back, test_arena()),
                   eng_files_hash(&f, test_arena()));
    buf_done(&b);
}

struct bad_pack {
    const char *text;
};
/* clang-format off */
TEST_EACH(definition, a_pack_that_is_none_is_refused, struct bad_pack, b,
    {""}, {"[]"}, {"{}"}, {"{\"workflow_type\":\"w\"}"},
    {"{\"workflow_type\":\"w\",\"files\":[1]}"},
    {"{\"workflow_type\":\"w\",\"files\":[{\"path\":\"a\"}]}"},
    {"{\"workflow_type\":\"w\",\"files\":{}}"},
    {"{\"workflow_type\":1,\"files\":[]}"},
    {"{\"workflow_type\":\"w\",\"files\":[{\"path\":1,\"text\":\"\"}]}"},
    {"{\"workflow_type\":\"w\",\"files\":[],\"source\":1}"},
    {"{\"workflow_type\":\"w\",\"files\":[],\"source\":{\"path\":1,"
     "\"text\":\"\"}}"},
    {"{\"workflow_type\":\"w\",\"files\":[],\"source\":{\"path\":\"a\"}}"},
    {"{\"workflow_type\":\"w\",\"files\":[],\"source\":{\"path\":\"\","
     "\"text\":\"\"}}"},
    {"{\"workflow_type\":\"w\",\"files\":[{\"path\":\"b\",\"text\":\"\"},"
     "{\"path\":\"a\",\"text\":\"\"}]}"})
/* clang-format on */
{
    struct eng_files f;
    CHECK_ERR(eng_files_unpack(slice_of(b->text), test_arena(), &f), ERR_PARSE);
}

/* --- memory ------------------------------------------------------------ */
TEST(definition, every_failed_allocation_is_told)
{
    struct eng_files f =
        own(HEAD("2", ",\"description\":\"d\"") PHASE("0", "") "," PHASE(
            "1", ",\"tasks\":[{\"task_number\":1,\"file\":\"x.md\"}],"
                 "\"checkpoint\":{\"required_evidence\":[\"a\"]}") "]}");
    f = kit_with(f, "phases/0/gate-definition.yaml",
                 "checkpoint: {strict: false}\nevidence_schema:\n"
                 "  a: {required: true, validator: non_empty}\n");
    f = kit_with(f, "phases/0/task-1-a.md", "evidence:\n  b: true\n");
    for (uint64_t n = 1;; n++) {
        struct eng_definition *d = NULL;
        mem_fail_at(n);
        enum err e = eng_definition_build(&f, &d);
        bool reached = mem_count() >= n;
        mem_fail_at(0);
        if (e)
            CHECK_ERR(e, ERR_NOMEM);
        else
            eng_definition_unref(d);
        if (!reached) CHECK_OK(e);
        if (!reached) break;
        CHECK_INT_LT(n, 1000);
    }
}

TEST(definition, every_finding_has_words_and_a_mend)
{
    for (size_t i = 0; i < LINT_COUNT; i++) {
        CHECK_INT_GT(eng_lint_rows[i].meaning.n, 0);
        CHECK_INT_GT(eng_lint_rows[i].mend.n, 0);
    }
}
