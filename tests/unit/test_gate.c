#include "engine/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "tests/unit/workflow_kit.h"

#define GATE_0 "phases/0/gate-definition.yaml"
#define ALL_SEVEN                                                              \
    "\"spec_directory_created\":true,"                                         \
    "\"supporting_docs_directory_exists\":true,"                               \
    "\"documents_processed\":true,\"insights_extracted\":true,"                \
    "\"cross_reference_complete\":true"

static const struct eng_gate *gate_of(const struct eng_definition *d,
                                      int64_t phase)
{
    CHECK_INT_EQ(d->errors_count, 0);
    return eng_definition_phase(d, phase)->gate;
}

static void check_names(const struct eng_verdict *v, const struct eng_gate *g,
                        const char *list, const char *want)
{
    CHECK_TEXT_EQ(kit_names(v, g, list), want);
}

static struct slice why(const struct eng_verdict *v)
{
    CHECK_INT_GT(v->count, 0);
    return v->items[0].message;
}

/* --- real gates -------------------------------------------------------- */
TEST(gate, no_evidence_misses_every_field_in_order, .needs = "shared")
{
    const struct eng_gate *g = gate_of(kit_load("spec_creation_v1"), 0);
    struct eng_verdict v = kit_judge(g, "{}");
    CHECK(!v.passed);
    CHECK_STR_EQ(v.mode, "lenient");
    CHECK_STR_EQ(v.source, "file");
    check_names(&v, g, "missing",
                "spec_directory_created supporting_docs_directory_exists "
                "documents_processed index_created insights_extracted "
                "mode_documented cross_reference_complete");
    const struct json *steps =
        json_get(kit_written(&v, g), SLICE("next_steps"));
    CHECK_INT_EQ(steps->count, 7);
    CHECK_CONTAINS(steps->items[3].text, "Send \"index_created\": true");
}

struct seven {
    const char *rest; /* index_created and mode_documented */
    bool passes;
    size_t warnings;
    const char *list, *names;
};
/* clang-format off */
TEST_EACH(gate, the_seven_fields_are_judged_one_by_one, struct seven, s,
    {"\"index_created\":true,\"mode_documented\":true", true, 0, "warnings",
     ""},
    {"\"index_created\":true,\"mode_documented\":false", true, 1, "warnings",
     "mode_documented"},
    {"\"index_created\":\"true\",\"mode_documented\":true", false, 0,
     "wrong_type", "index_created"},
    {"\"index_created\":1,\"mode_documented\":true", false, 0, "wrong_type",
     "index_created"},
    {"\"index_created\":null,\"mode_documented\":true", false, 0, "missing",
     "index_created"},
    {"\"index_created\":true,\"mode_documented\":true,\"foo\":1", true, 1,
     "unknown_fields", "foo"})
/* clang-format on */
{
    if (!test_shared_dir()) test_skip("no real inputs");
    const struct eng_gate *g = gate_of(kit_load("spec_creation_v1"), 0);
    char evidence[600];
    snprintf(evidence, sizeof(evidence), "{" ALL_SEVEN ",%s}", s->rest);
    struct eng_verdict v = kit_judge(g, evidence);
    CHECK_INT_EQ(v.passed, s->passes);
    CHECK_INT_EQ(kit_warnings(&v), s->warnings);
    check_names(&v, g, s->list, s->names);
}

TEST(gate, a_wrong_type_is_told_with_both_types, .needs = "shared")
{
    const struct eng_gate *g = gate_of(kit_load("spec_creation_v1"), 0);
    struct eng_verdict v =
        kit_judge(g, "{" ALL_SEVEN ",\"index_created\":\"true\","
                     "\"mode_documented\":true}");
    const struct json *w = json_get(kit_written(&v, g), SLICE("wrong_type"));
    CHECK_TEXT_EQ(json_text(json_get(&w->items[0], SLICE("expected"))),
                  "boolean");
    CHECK_TEXT_EQ(json_text(json_get(&w->items[0], SLICE("got"))), "string");
    CHECK_CONTAINS(why(&v), "expected boolean, got string \"true\"");
    CHECK_CONTAINS(v.items[0].how_to_fix, "Send \"index_created\": true");
}

static struct eng_files strict_copy(const char *type, const char *path)
{
    return kit_edit(kit_real(type), path, "strict: false", "strict: true");
}

TEST(gate, strict_and_absent_strict_block_alike, .needs = "shared")
{
    const char *evidence = "{" ALL_SEVEN ",\"index_created\":true,"
                           "\"mode_documented\":false}";
    struct eng_files copies[] = {strict_copy("spec_creation_v1", GATE_0),
                                 kit_edit(kit_real("spec_creation_v1"), GATE_0,
                                          "  strict: false\n", "")};
    for (size_t i = 0; i < 2; i++) {
        const struct eng_gate *g = gate_of(kit_build(copies[i]), 0);
        struct eng_verdict v = kit_judge(g, evidence);
        CHECK(!v.passed);
        CHECK_STR_EQ(v.mode, "strict");
        check_names(&v, g, "failed", "mode_documented");
        CHECK_CONTAINS(why(&v), "must be true");
    }
}

TEST(gate, an_optional_boolean_may_be_absent_or_false, .needs = "shared")
{
    const struct eng_gate *g = gate_of(kit_load("spec_creation_v1"), 1);
#define SEVEN                                                                  \
    "{\"srd_created\":true,\"business_goals_defined\":true,"                   \
    "\"user_stories_documented\":true,\"functional_requirements_listed\":"     \
    "true,"                                                                    \
    "\"nonfunctional_requirements_addressed\":true,"                           \
    "\"out_of_scope_stated\":true,\"requirements_specific_measurable\":true"
    struct eng_verdict v = kit_judge(g, SEVEN "}");
    CHECK(v.passed && v.count == 0);
    v = kit_judge(g, SEVEN ",\"supporting_docs_referenced\":false}");
    CHECK(v.passed && v.count == 0);
    v = kit_judge(g, SEVEN ",\"supporting_docs_referenced\":\"yes\"}");
    CHECK(!v.passed);
    check_names(&v, g, "wrong_type", "supporting_docs_referenced");
#undef SEVEN
}

struct number {
    const char *text;
    bool passes;
};
/* clang-format off */
TEST_EACH(gate, an_integer_is_an_integer, struct number, n, {"5", true},
          {"true", false}, {"2.0", false}, {"\"5\"", false},
          {"9223372036854775808", false}, {"1e2", false}, {"-3", true},
          {"9223372036854775807", true})
/* clang-format on */
{
    struct eng_report r;
    const struct eng_gate *g =
        kit_gate("checkpoint: {strict: false}\nevidence_schema:\n"
                 "  n: {type: integer, required: true}\n",
                 &r);
    char evidence[100];
    snprintf(evidence, sizeof(evidence), "{\"n\":%s}", n->text);
    struct eng_verdict v = kit_judge(g, evidence);
    CHECK_INT_EQ(v.passed, n->passes);
    if (!n->passes) check_names(&v, g, "wrong_type", "n");
}

static const char last_phase[] =
    "{\"dry_run_successful\":true,\"usability_issues_count\":0,"
    "\"refinements_applied\":true,\"usage_guide_created\":true,"
    "\"final_compliance_passed\":true,\"content_quality_passed\":true,"
    "\"content_quality_compliance_percent\":97,"
    "\"generic_content_detected\":false,\"human_approved\":true}";

TEST(gate, a_boolean_that_is_good_when_false, .needs = "shared")
{
    const char *path = "phases/5/gate-definition.yaml";
    const struct eng_gate *g = gate_of(kit_load("workflow_creation_v1"), 5);
    struct eng_verdict v = kit_judge(g, last_phase);
    CHECK(v.passed);
    check_names(&v, g, "warnings", "generic_content_detected");
    struct eng_files strict = strict_copy("workflow_creation_v1", path);
    g = gate_of(kit_build(strict), 5);
    v = kit_judge(g, last_phase);
    CHECK(!v.passed);
    check_names(&v, g, "failed", "generic_content_detected");
    g = gate_of(kit_build(kit_edit(strict, path, "generic_content_detected:\n",
                                   "generic_content_detected:\n"
                                   "    expect: false\n")),
                5);
    v = kit_judge(g, last_phase);
    CHECK(v.passed && v.count == 0);
    char other[sizeof(last_phase) + 8];
    const char *at = strstr(last_phase, "false,\"human");
    snprintf(other, sizeof(other), "%.*strue%s", (int)(at - last_phase),
             last_phase, at + 5);
    v = kit_judge(g, other);
    CHECK(!v.passed);
    CHECK_CONTAINS(why(&v), "must be false");
}

static const char conversion[] =
    "{\"input_type\":\"yaml_definition\",\"input_document_read\":true,"
    "\"design_document_converted\":false,"
    "\"standard_definition_path\":\"definition.yaml\","
    "\"yaml_syntax_valid\":true}";

TEST(gate, expect_any_takes_both, .needs = "shared")
{
    struct eng_files f =
        kit_edit(strict_copy("workflow_creation_v1", GATE_0), GATE_0,
                 "design_document_converted:\n",
                 "design_document_converted:\n    expect: any\n");
    struct eng_verdict v = kit_judge(gate_of(kit_build(f), 0), conversion);
    CHECK(v.passed && v.count == 0);
    v = kit_judge(gate_of(kit_load("workflow_creation_v1"), 0), conversion);
    CHECK(v.passed && v.count == 1);
}

TEST(gate, without_a_file_required_evidence_holds, .needs = "shared")
{
#define THREE(docs)                                                            \
    "{\"spec_directory_created\":true,\"supporting_docs_accessible\":true,"    \
    "\"document_index_created\":" docs ",\"insights_extracted\":"
    struct eng_definition *d =
        kit_build(kit_with(kit_real("spec_creation_v1"), GATE_0, NULL));
    const struct eng_gate *g = gate_of(d, 0);
    struct eng_verdict v = kit_judge(g, THREE("true") "{\"requirements\":3}}");
    CHECK(v.passed);
    CHECK_STR_EQ(v.source, "metadata");
    v = kit_judge(g, THREE("true") "{}}");
    CHECK(!v.passed);
    check_names(&v, g, "missing", "insights_extracted");
    v = kit_judge(g, THREE("false") "1}");
    CHECK(!v.passed);
    check_names(&v, g, "failed", "document_index_created");
    CHECK_INT_EQ(kit_count(d, "NO_GATE"), 0);
#undef THREE
}

TEST(gate, without_any_gate_something_must_be_said, .needs = "shared")
{
    struct eng_definition *d =
        kit_build(kit_with(kit_real("workflow_creation_v1"),
                           "phases/3/gate-definition.yaml", NULL));
    const struct eng_gate *g = gate_of(d, 3);
    CHECK(!kit_judge(g, "{}").passed);
    CHECK(!kit_judge(g, "{\"x\":null}").passed);
    struct eng_verdict v = kit_judge(g, "{\"x\":1}");
    CHECK(v.passed && v.count == 0);
    CHECK_STR_EQ(v.source, "none");
    CHECK_INT_EQ(kit_count(d, "NO_GATE"), 1);
}

TEST(gate, a_tab_breaks_a_gate_at_its_line, .needs = "shared")
{
    const struct eng_file *f;
    struct eng_files real = kit_real("spec_creation_v1");
    f = eng_files_find(&real, SLICE(GATE_0));
    const char *at = f->text.p;
    for (int line = 1; line < 9; line++) at = strchr(at, '\n') + 1;
    struct slice text = arena_printf(
        test_arena(), "%.*s\t%s", (int)(at - f->text.p), f->text.p,
        arena_cstr(test_arena(),
                   slice_sub(f->text, (size_t)(at - f->text.p), f->text.n)));
    struct eng_definition *d =
        kit_build(kit_with(real, GATE_0, arena_cstr(test_arena(), text)));
    CHECK_INT_EQ(d->errors_count, 1);
    const struct eng_finding *broken = kit_finding(d, "GATE_BROKEN", 0);
    CHECK_TEXT_EQ(broken->file, GATE_0);
    CHECK_INT_EQ(broken->line, 9);
    struct problem p;
    problem_init(&p);
    CHECK_ERR(eng_definition_problem(d, test_arena(), &p),
              ERR_WORKFLOW_INVALID);
    CHECK_CONTAINS(p.why, GATE_0 ":9");
}

/* --- evidence of real sessions ----------------------------------------- */
static const struct json *artifact(const char *session, const char *phase)
{
    struct slice text;
    struct arena *a = test_arena();
    CHECK_OK(file_read(
        arena_printf(a, "%s/real/state/%s.json", test_shared_dir(), session),
        1 << 20, a, &text));
    const struct json *doc = kit_json(arena_cstr(a, text));
    const struct json *v =
        json_at(doc, "phase_artifacts", phase, "evidence", NULL);
    if (!v) v = json_at(doc, "phase_artifacts", phase, NULL);
    CHECK(json_is(v, JSON_OBJECT));
    return v;
}

struct replay {
    const char *workflow, *session, *phase;
    const char *missing, *wrong_type;
    size_t unknown;
};
#define D307 "d307c7f6-e5ad-4b44-a840-327f0f20af43"
/* clang-format off */
TEST_EACH(gate, evidence_of_real_sessions_is_refused, struct replay, c,
    {"spec_creation_v1", D307, "0",
     "supporting_docs_directory_exists mode_documented", "documents_processed",
     11},
    {"spec_creation_v1", D307, "1",
     "business_goals_defined user_stories_documented "
     "functional_requirements_listed nonfunctional_requirements_addressed "
     "out_of_scope_stated requirements_specific_measurable", "", 18},
    {"spec_creation_v1", D307, "2", "requirements_traceability",
     "components_defined apis_specified", 13},
    {"spec_creation_v1", D307, "3",
     "tasks_defined acceptance_criteria_complete time_estimates_provided",
     "phases_defined", 12},
    {"spec_creation_v1", D307, "4", NULL, "", 10},
    {"spec_creation_v1", D307, "5", "ready_for_implementation", NULL, 10},
    {"spec_execution_v1", "062f24e7-6fdc-40b3-a2d8-7ffaea6351b6", "0",
     "spec_structure_validated phases_extracted tasks_parsed "
     "dependencies_mapped standards_queried execution_plan_complete", "", 1},
    {"spec_execution_v1", "1fc3c1c4-a94d-4823-8b4f-dce597252225", "0",
     "spec_structure_validated phases_extracted tasks_parsed "
     "dependencies_mapped standards_queried execution_plan_complete", "", 3},
    {"spec_execution_v1", "f01b7f5f-d981-4b69-82a4-acc34e16b2fc", "0",
     "spec_structure_validated phases_extracted tasks_parsed "
     "dependencies_mapped standards_queried execution_plan_complete", "", 8})
/* clang-format on */
{
    if (!test_shared_dir()) test_skip("no real inputs");
    const struct eng_gate *g = gate_of(kit_load(c->workflow), atoi(c->phase));
    struct eng_verdict v =
        kit_judge_how(g, artifact(c->session, c->phase), (struct eng_check){0});
    CHECK(!v.passed);
    if (c->missing && atoi(c->phase) != 5)
        check_names(&v, g, "missing", c->missing);
    if (c->missing) CHECK_CONTAINS(kit_names(&v, g, "missing"), c->missing);
    if (c->wrong_type) check_names(&v, g, "wrong_type", c->wrong_type);
    CHECK_INT_EQ(json_get(kit_written(&v, g), SLICE("unknown_fields"))->count,
                 c->unknown);
}

TEST(gate, what_the_task_text_asks_for_is_refused_with_the_way_out,
     .needs = "shared")
{
    const struct eng_gate *g = gate_of(kit_load("spec_execution_v1"), 0);
    struct eng_verdict v = kit_judge(
        g, "{\"spec_validated\":true,\"phases_extracted\":4,"
           "\"tasks_extracted\":11,\"standards_queried\":[\"production code "
           "checklist\"],\"execution_plan_complete\":true}");
    CHECK(!v.passed);
    check_names(&v, g, "missing",
                "spec_structure_validated tasks_parsed dependencies_mapped");
    check_names(&v, g, "wrong_type", "phases_extracted standards_queried");
    check_names(&v, g, "unknown_fields", "spec_validated tasks_extracted");
    CHECK_INT_EQ(json_get(kit_written(&v, g), SLICE("expected_fields"))->count,
                 6);
}

/* --- as written -------------------------------------------------------- */
static const struct eng_check as_written = {.as_written = true};

TEST(gate, as_written_demotes_a_lenient_gate, .needs = "shared")
{
    const struct eng_gate *g = gate_of(kit_load("spec_creation_v1"), 0);
    struct eng_verdict v = kit_judge_how(g, kit_json("{}"), as_written);
    CHECK(v.passed);
    CHECK_INT_EQ(kit_warnings(&v), 7);
    CHECK_STR_EQ(v.mode, "as-written");
}

struct written {
    const char *checkpoint, *evidence;
    bool passes, normally;
};
/* clang-format off */
TEST_EACH(gate, as_written_reads_the_file_literally, struct written, w,
    {"strict: true", "{}", false, false},
    {"strict: true", "{\"b\":false}", true, false},
    {"strict: true", "{\"b\":true,\"f\":true}", false, false},
    {"strict: true\n  enabled: false", "{}", true, false},
    {"allow_override: true", "{}", true, false},
    {"strict: false", "{\"b\":1}", true, false})
/* clang-format on */
{
    struct eng_report r;
    char text[400];
    snprintf(text, sizeof(text),
             "checkpoint:\n  %s\nevidence_schema:\n"
             "  b: {type: boolean, required: true}\n"
             "  f: {type: boolean, expect: false}\n",
             w->checkpoint);
    const struct eng_gate *g = kit_gate(text, &r);
    const struct json *e = kit_json(w->evidence);
    CHECK_INT_EQ(kit_judge_how(g, e, as_written).passed, w->passes);
    CHECK_INT_EQ(kit_judge(g, w->evidence).passed, w->normally);
}

TEST(gate, as_written_passes_a_phase_without_a_gate)
{
    CHECK(kit_judge_how(eng_gate_of_nothing(), kit_json("{}"), as_written)
              .passed);
    struct slice name = SLICE("a");
    const struct eng_gate *g = eng_gate_of_names(&name, 1, test_arena());
    CHECK(kit_judge_how(g, kit_json("{}"), as_written).passed);
    CHECK(!kit_judge(g, "{}").passed);
}

/* --- gate files -------------------------------------------------------- */
struct broken {
    const char *text;
    uint32_t line;
    const char *says;
};
#define HEAD "checkpoint: {strict: true}\nevidence_schema:\n"
/* clang-format off */
TEST_EACH(gate, a_gate_that_cannot_be_used_is_broken, struct broken, b,
    {"", 0, "mapping"},
    {"- a\n", 0, "mapping"},
    {"a: [", 1, ""},
    {"evidence_schema: {}\n", 1, "checkpoint"},
    {"checkpoint: {}\n", 1, "evidence_schema"},
    {"checkpoint: true\nevidence_schema: {}\n", 1, "mapping"},
    {"checkpoint: {}\nevidence_schema: []\n", 2, "mapping"},
    {"checkpoint:\n  strict: maybe\nevidence_schema: {}\n", 2, "maybe"},
    {"checkpoint:\n  strict: 'yes'\nevidence_schema: {}\n", 2, "yes"},
    {"checkpoint:\n  evidence_schema: {}\nevidence_schema: {}\n", 2,
     "evidence_schema"},
    {HEAD "  a: text\n", 3, "mapping"},
    {HEAD "  a: {type: float}\n", 3, "float"},
    {HEAD "  a: {type: [string]}\n", 3, "type"},
    {HEAD "  a: {required: maybe}\n", 3, "maybe"},
    {HEAD "  a: {required: 1}\n", 3, "required"},
    {HEAD "  a: {description: [a]}\n", 3, "description"},
    {HEAD "  a: {type: string, expect: true}\n", 3, "booleans only"},
    {HEAD "  a: {type: boolean, expect: maybe}\n", 3, "maybe"},
    {HEAD "  a: {type: boolean, expect: true, must_be: true}\n", 3, "must_be"},
    {HEAD "  a: {validator: nosuch}\n", 3, "nosuch"},
    {HEAD "  a: {validator: [x]}\n", 3, "validator"},
    {HEAD "  a: {validator_params: {min: 1}}\n", 3, "no validator"},
    {HEAD "  a: {validator: min_length}\n", 3, "min_len"},
    {HEAD "  a: {validator: min_length, validator_params: {min_len: x}}\n", 3,
     "min_len"},
    {HEAD "  a: {validator: min_length, validator_params: {min_len: -1}}\n", 3,
     "min_len"},
    {HEAD "  a: {validator: positive, validator_params: {x: 1}}\n", 3, "x"},
    {HEAD "  a: {validator: has_fields, validator_params: {fields: [1]}}\n", 3,
     "list of texts"},
    {HEAD "  a: {validator: all_items_type, validator_params: {item_type: "
          "file}}\n", 3, "item_type"},
    {HEAD "  a: {validator: matches_pattern, validator_params: {pattern: "
          "'(?=x)'}}\n", 3, "(?="},
    {HEAD "  a: {validator: matches_pattern, validator_params: {pattern: "
          "'('}}\n", 3, "("},
    {HEAD "  a: {validator: 'custom:regex:(?<!a)b'}\n", 3, "look-behind"},
    {HEAD "  a: {validator: greater_than_x}\n", 3, "greater_than_x"},
    {HEAD "  a: {validator: between_1}\n", 3, "between_1"},
    {HEAD "  a: {}\nvalidators: []\n", 4, "validators"},
    {HEAD "  a: {}\nvalidators: {v: 5}\n", 4, "mapping"},
    {HEAD "  a: {}\nvalidators:\n  v: {error_message: x}\n", 5, "function"},
    {HEAD "  a: {}\nvalidators:\n  v: 'lambda x: y'\n", 5, "y"},
    {HEAD "  a: {validator: v}\nvalidators:\n  v: 'lambda x, n: x > n'\n", 3,
     "parameter n"},
    {HEAD "  a: {validator: v, validator_params: {n: 1}}\nvalidators:\n"
          "  v: 'lambda x: x > 1'\n", 3, "\"n\""},
    {HEAD "  a: {}\nvalidators:\n  bad: \"lambda x: __import__('os')\"\n", 5,
     "__import__"},
    {HEAD "  a: {}\nvalidators:\n  bad: \"lambda x: open(x)\"\n", 5, "open"},
    {HEAD "  a: {}\nvalidators:\n  bad: \"lambda x: os.path.exists(x)\"\n", 5,
     "os"},
    {HEAD "  a: {}\nvalidators:\n  bad: \"lambda x: Path(x).exists()\"\n", 5,
     "Path"},
    {HEAD "  a: {}\nvalidators:\n  bad: \"lambda x: x.__class__\"\n", 5,
     "__class__"},
    {HEAD "  a: {}\ncross_field_validation: {}\n", 4, "list"},
    {HEAD "  a: {}\ncross_field_validation:\n  - 'lambda e: True'\n", 5,
     "mapping"},
    {HEAD "  a: {}\ncross_field_validation:\n  - error_message: x\n", 5,
     "no rule"},
    {HEAD "  a: {}\ncross_field_validation:\n  - check: \"len(x) == y\"\n", 5,
     "check"},
    {HEAD "  a: {}\ncross_field_validation:\n  - rule: 'lambda e, f: True'\n",
     5, "one parameter"},
    {HEAD "  a: {}\nfailure_actions: {}\n", 4, "failure_actions"},
    {HEAD "  a: {}\n  a: {}\n", 4, ""},
    {HEAD "  a: &x {}\n", 3, ""},
    {HEAD "  a: !!str x\n", 3, ""},
    {HEAD "  a: {}\n---\nb: 1\n", 0, ""},
    {HEAD "\ta: {}\n", 3, ""})
/* clang-format on */
{
    struct eng_report r;
    if (kit_gate(b->text, &r)) FAIL("accepted:\n%s", b->text);
    CHECK_INT_GE(r.errors, 1);
    const struct eng_finding *f = NULL;
    for (size_t i = 0; i < r.count && !f; i++)
        if (strcmp(r.items[i].code, "GATE_BROKEN") == 0) f = &r.items[i];
    CHECK(f != NULL);
    if (b->line) CHECK_INT_EQ(f->line, b->line);
    CHECK_CONTAINS(f->message, b->says);
    CHECK_INT_GT(f->how_to_fix.n, 0);
}

/* `requird: true` asks for nothing: the author meant otherwise. */
TEST(gate, a_misspelt_key_of_a_strict_gate_is_broken_and_the_right_one_named)
{
    static const char *const texts[] = {
        HEAD "  a: {requird: true}\n", HEAD "  a: {typ: boolean}\n",
        HEAD "  a: {prof: human}\n",
        "checkpoint: {approval_require: true}\nevidence_schema: {a: {}}\n"};
    static const char *const meant[] = {"required", "type", "proof",
                                        "approval_required"};
    for (size_t i = 0; i < 4; i++) {
        struct eng_report r;
        CHECK(!kit_gate(texts[i], &r));
        CHECK_CONTAINS(r.items[0].how_to_fix, meant[i]);
    }
}

TEST(gate, one_run_tells_all_faults_of_a_file)
{
    struct eng_report r;
    CHECK(!kit_gate(HEAD "  a: {type: float}\n  b: {required: maybe}\n"
                         "  c: {validator: nosuch}\n",
                    &r));
    CHECK_INT_EQ(r.errors, 3);
    CHECK_INT_EQ(r.items[2].line, 5);
}

struct noted {
    const char *text, *code;
};
/* clang-format off */
TEST_EACH(gate, what_only_deserves_a_word_is_no_error, struct noted, n,
    {"checkpoint: {strict: no}\nevidence_schema: {a: {}}\n",
     "BOOLEAN_SPELLING"},
    {"checkpoint: {strict: off}\nevidence_schema: {a: {}}\n", "GATE_LENIENT"},
    {"checkpoint: {enabled: false}\nevidence_schema: {a: {}}\n",
     "GATE_DISABLED_IGNORED"},
    {"checkpoint: {}\nevidence_schema: {a: {}}\nphase: 1\n",
     "GATE_KEY_IGNORED"},
    {"checkpoint: {}\nevidence_schema: {a: {}}\nother: 1\n",
     "GATE_UNKNOWN_KEY"},
    {"checkpoint: {strict: false}\nevidence_schema: {a: {requierd: true}}\n",
     "GATE_UNKNOWN_KEY"})
/* clang-format on */
{
    struct eng_report r;
    CHECK(kit_gate(n->text, &r) != NULL);
    bool found = false;
    for (size_t i = 0; i < r.count; i++)
        found |= strcmp(r.items[i].code, n->code) == 0;
    CHECK(found);
    CHECK_INT_EQ(r.errors, 0);
}

TEST(gate, a_disabled_gate_holds)
{
    struct eng_report r;
    const struct eng_gate *g =
        kit_gate("checkpoint: {enabled: false}\nevidence_schema:\n"
                 "  a: {type: boolean, required: true}\n",
                 &r);
    CHECK(!kit_judge(g, "{}").passed);
}

/* --- validators, rules ------------------------------------------------- */
TEST(gate, a_validator_blocks_where_strict_and_warns_where_not)
{
#define POSITIVE(strict)                                                       \
    "checkpoint: {strict: " strict "}\nevidence_schema:\n"                     \
    "  n: {type: integer, required: true, validator: positive}\n"
    struct eng_report r;
    const struct eng_gate *g = kit_gate(POSITIVE("true"), &r);
    CHECK(kit_judge(g, "{\"n\":42}").passed);
    struct eng_verdict v = kit_judge(g, "{\"n\":0}");
    CHECK(!v.passed);
    CHECK_CONTAINS(why(&v), "must be above 0, is 0");
    CHECK(!kit_judge(g, "{\"n\":-5}").passed);
    g = kit_gate(POSITIVE("false"), &r);
    CHECK_INT_EQ(kit_judge(g, "{\"n\":42}").count, 0);
    v = kit_judge(g, "{\"n\":0}");
    CHECK(v.passed && v.count == 1);
    v = kit_judge(g, "{\"n\":-5}");
    CHECK(v.passed && v.count == 1);
}

static const char rule_gate[] =
    "checkpoint: {strict: true}\n"
    "evidence_schema:\n"
    "  business_goals: {type: integer, required: true}\n"
    "  functional_requirements: {type: integer, required: true}\n"
    "cross_field_validation:\n"
    "  - rule: \"lambda e: e.get('functional_requirements', 0) >= "
    "e.get('business_goals', 0)\"\n"
    "    error_message: \"Should have at least as many FRs as business "
    "goals\"\n";

TEST(gate, a_rule_speaks_about_several_fields)
{
    struct eng_report r;
    const struct eng_gate *g = kit_gate(rule_gate, &r);
    struct eng_verdict v =
        kit_judge(g, "{\"functional_requirements\":2,\"business_goals\":3}");
    CHECK(!v.passed);
    CHECK_TEXT_EQ(why(&v), "Should have at least as many FRs as business "
                           "goals");
    CHECK(kit_judge(g, "{\"functional_requirements\":3,\"business_goals\":3}")
              .passed);
    /* not asked while a field is missing or mistyped */
    v = kit_judge(g, "{\"functional_requirements\":2}");
    CHECK_INT_EQ(v.count, 1);
    CHECK_TEXT_EQ(v.items[0].code, "MISSING");
}

TEST(gate, a_message_of_the_file_is_filled_in)
{
    struct eng_report r;
    const struct eng_gate *g = kit_gate(
        "checkpoint: {strict: true}\nevidence_schema:\n"
        "  n: {type: integer, required: true, validator: floor, "
        "validator_params: {low: 3}}\n"
        "validators:\n"
        "  floor: {function: 'lambda x, low: x >= low', error_message: "
        "'at least {low} are wanted, not {other}'}\n",
        &r);
    struct eng_verdict v = kit_judge(g, "{\"n\":2}");
    CHECK(!v.passed);
    CHECK_CONTAINS(why(&v), "at least 3 are wanted, not {other}");
}

TEST(gate, a_pattern_that_explodes_is_stopped)
{
    struct eng_report r;
    const struct eng_gate *g = kit_gate(
        "checkpoint: {strict: true}\nevidence_schema:\n"
        "  s: {type: string, required: true, validator: matches_pattern, "
        "validator_params: {pattern: '(a+)+$'}}\n",
        &r);
    char *text = arena_alloc(test_arena(), 100100);
    memcpy(text, "{\"s\":\"", 6);
    memset(text + 6, 'a', 100000);
    memcpy(text + 100006, "b\"}", 4);
    const struct json *e = kit_json(text);
    int64_t begin = kit_cpu_now();
    struct eng_verdict v = kit_judge_how(g, e, (struct eng_check){0});
    int64_t ms = (kit_cpu_now() - begin) / 1000000;
    CHECK(!v.passed);
    if (!test_sanitized()) CHECK_INT_LT(ms, 100);
}

/* --- evidence as such -------------------------------------------------- */
struct evidence_row {
    const char *text;
    enum err want;
};
/* clang-format off */
TEST_EACH(gate, evidence_is_an_object_with_each_key_once, struct evidence_row,
          row, {"{}", OK}, {"[]", ERR_EVIDENCE_NOT_OBJECT},
          {"null", ERR_EVIDENCE_NOT_OBJECT}, {"\"{}\"", ERR_EVIDENCE_NOT_OBJECT},
          {"{\"index_created\":false,\"index_created\":true}",
           ERR_INVALID_PARAMETER},
          {"{\"a\":[{\"b\":1,\"b\":1}]}", ERR_INVALID_PARAMETER})
/* clang-format on */
{
    struct problem p;
    problem_init(&p);
    CHECK_ERR(eng_evidence_check(kit_json(row->text), test_arena(), &p),
              row->want);
}

TEST(gate, evidence_has_a_ceiling_and_must_be_there)
{
    struct problem p;
    size_t n = 11010048; /* 10.5 MiB */
    char *text = malloc(n + 1);
    problem_init(&p);
    CHECK_ERR(eng_evidence_check(NULL, test_arena(), &p),
              ERR_MISSING_PARAMETER);
    memset(text, 'x', n);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + n - 2, "\"}", 3);
    CHECK_ERR(eng_evidence_check(kit_json(text), test_arena(), &p),
              ERR_EVIDENCE_TOO_LARGE);
    CHECK_CONTAINS(p.what, "10.50");
    CHECK_CONTAINS(p.what, "10.0");
    free(text);
}

TEST(gate, five_megabytes_are_judged_in_time)
{
    struct eng_report r;
    const struct eng_gate *g =
        kit_gate("checkpoint: {strict: true}\nevidence_schema:\n"
                 "  a: {type: string, required: true, validator: no_errors}\n",
                 &r);
    size_t n = 5u << 20;
    char *text = malloc(n + 1);
    memset(text, 'x', n);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + n - 2, "\"}", 3);
    const struct json *e = kit_json(text);
    struct problem p;
    problem_init(&p);
    int64_t begin = kit_cpu_now();
    CHECK_OK(eng_evidence_check(e, test_arena(), &p));
    CHECK(kit_judge_how(g, e, (struct eng_check){0}).passed);
    int64_t ms = (kit_cpu_now() - begin) / 1000000;
    if (!test_sanitized()) CHECK_INT_LT(ms, 100);
    free(text);
}

TEST(gate, many_unknown_fields_are_not_all_named)
{
    struct slice text = SLICE("{\"a\":1");
    for (int i = 0; i < 250; i++)
        text = arena_printf(test_arena(), "%.*s,\"f%d\":1", SLICE_ARG(text), i);
    text = arena_printf(test_arena(), "%.*s}", SLICE_ARG(text));
    struct slice name = SLICE("a");
    const struct eng_gate *g = eng_gate_of_names(&name, 1, test_arena());
    struct eng_verdict v = kit_judge(g, arena_cstr(test_arena(), text));
    CHECK(v.passed);
    CHECK_INT_EQ(v.count, 100);
    CHECK_CONTAINS(v.items[99].message, "150 more");
}

/* --- files on disk ----------------------------------------------------- */
static void put(const char *path)
{
    CHECK_OK(file_write_atomic(slice_of(path), SLICE("x"), 0600));
}

struct on_disk {
    const char *validator, *path;
    bool passes;
};
/* clang-format off */
TEST_EACH(gate, files_are_looked_for_inside_the_project, struct on_disk, row,
    {"file_exists", "there.txt", true},
    {"file_exists", "folder/deep.txt", true},
    {"file_exists", "missing.txt", false},
    {"file_exists", "folder", false},
    {"file_exists", "../outside.txt", false},
    {"file_exists", "folder/../../outside.txt", false},
    {"file_exists", "leads-out", false},
    {"file_exists", "leads-in", true},
    {"file_exists", "", false},
    {"directory_exists", "folder", true},
    {"directory_exists", "folder/", true},
    {"directory_exists", "there.txt", false},
    {"directory_exists", "..", false},
    {"directory_exists", "../project-old", false},
    {"directory_exists", "/etc", false})
/* clang-format on */
{
    struct eng_report r;
    char root[300], path[400], text[300];
    snprintf(root, sizeof(root), "%s/project", test_tmpdir());
    snprintf(path, sizeof(path), "%s/folder", root);
    CHECK_OK(path_make(slice_of(path), 0700));
    snprintf(path, sizeof(path), "%s-old", root);
    CHECK_OK(path_make(slice_of(path), 0700));
    snprintf(path, sizeof(path), "%s/outside.txt", test_tmpdir());
    put(path);
    snprintf(path, sizeof(path), "%s/there.txt", root);
    put(path);
    snprintf(path, sizeof(path), "%s/folder/deep.txt", root);
    put(path);
    snprintf(path, sizeof(path), "%s/leads-out", root);
    CHECK_INT_EQ(symlink("../outside.txt", path), 0);
    snprintf(path, sizeof(path), "%s/leads-in", root);
    CHECK_INT_EQ(symlink("there.txt", path), 0);
    snprintf(text, sizeof(text),
             "checkpoint: {}\nevidence_schema: {p: {required: true, "
             "validator: %s}}\n",
             row->validator);
    const struct eng_gate *g = kit_gate(text, &r);
    struct eng_check how = {0};
    CHECK_OK(path_canonical(slice_of(root), test_arena(), &how.root));
    snprintf(text, sizeof(text), "{\"p\":\"%s\"}", row->path);
    CHECK_INT_EQ(kit_judge_how(g, kit_json(text), how).passed, row->passes);
}

/* --- every field of every real gate ------------------------------------ */
static const char *good(enum eng_type t)
{
    static const char *const values[ENG_TYPE_COUNT] = {
        [ENG_ANY] = "true",   [ENG_BOOLEAN] = "true", [ENG_INTEGER] = "5",
        [ENG_NUMBER] = "0.5", [ENG_STRING] = "\"a\"", [ENG_OBJECT] = "{}",
        [ENG_LIST] = "[]"};
    return values[t];
}

/* Good evidence with field `at` left out (mistyped NULL) or mistyped. */
static struct slice evidence(const struct eng_gate *g, size_t at,
                             const char *mistyped)
{
    struct slice text = SLICE("{");
    for (size_t i = 0; i < g->fields_count; i++) {
        if (i == at && !mistyped) continue;
        text = arena_printf(test_arena(), "%.*s%s\"%.*s\":%s", SLICE_ARG(text),
                            text.n > 1 ? "," : "", SLICE_ARG(g->fields[i].name),
                            i == at ? mistyped : good(g->fields[i].type));
    }
    return arena_printf(test_arena(), "%.*s}", SLICE_ARG(text));
}

static void check_every_field(const struct eng_gate *g, size_t *fields,
                              size_t *required)
{
    struct eng_verdict v = kit_judge(g, "{}");
    CHECK(!v.passed);
    v = kit_judge(g, arena_cstr(test_arena(), evidence(g, SIZE_MAX, NULL)));
    CHECK(v.passed && v.count == 0);
    struct slice more = evidence(g, SIZE_MAX, NULL);
    more = arena_printf(test_arena(), "%.*s,\"one_more\":1}", (int)(more.n - 1),
                        more.p);
    v = kit_judge(g, arena_cstr(test_arena(), more));
    CHECK(v.passed && v.count == 1);
    for (size_t i = 0; i < g->fields_count; i++) {
        const struct eng_field *f = &g->fields[i];
        ++*fields;
        *required += f->required;
        v = kit_judge(g, arena_cstr(test_arena(), evidence(g, i, NULL)));
        CHECK_INT_EQ(v.passed, !f->required);
        if (f->required) CHECK_SLICE_EQ(kit_names(&v, g, "missing"), f->name);
        const char *bad = f->type == ENG_STRING ? "7" : "\"7\"";
        v = kit_judge(g, arena_cstr(test_arena(), evidence(g, i, bad)));
        CHECK(!v.passed);
        CHECK_SLICE_EQ(kit_names(&v, g, "wrong_type"), f->name);
        CHECK_INT_EQ(v.count, 1);
    }
}

TEST(gate, each_field_of_each_real_gate_counts, .needs = "shared")
{
    static const char *const types[] = {"spec_creation_v1", "spec_execution_v1",
                                        "workflow_creation_v1"};
    size_t gates = 0, fields = 0, required = 0;
    for (size_t t = 0; t < 3; t++) {
        struct eng_definition *d = kit_load(types[t]);
        for (size_t i = 0; i < d->phases_count; i++, gates++)
            check_every_field(d->phases[i].gate, &fields, &required);
    }
    CHECK_INT_EQ(gates, 13);
    CHECK_INT_EQ(fields, 79);
    CHECK_INT_EQ(required, 78);
}

TEST(gate, a_cancelled_call_is_not_judged)
{
    struct eng_report r;
    struct eng_verdict v;
    struct cancel c;
    const struct eng_gate *g = kit_gate(rule_gate, &r);
    cancel_init(&c, INT64_MAX);
    struct eng_check how = {.cancel = &c};
    CHECK_OK(eng_gate_check(g, kit_json("{}"), &how, test_arena(), &v));
    CHECK(cancel_set(&c, CANCEL_CLIENT));
    CHECK_ERR(eng_gate_check(g, kit_json("{}"), &how, test_arena(), &v),
              ERR_CANCELLED);
}

/* clang-format off */
struct walk {
    const char *workflow;
    int64_t phase;
    const char *evidence;
    size_t warnings;
};
TEST_EACH(gate, the_values_a_workflow_needs_complete_it, struct walk, w,
    {"workflow_creation_v1", 0,
     "{\"input_type\":\"design_document\",\"input_document_read\":true,"
     "\"design_document_converted\":true,"
     "\"standard_definition_path\":\"definition.yaml\","
     "\"yaml_syntax_valid\":true}", 0},
    {"workflow_creation_v1", 1,
     "{\"definition_path\":\"definition.yaml\",\"definition_valid\":true,"
     "\"total_target_phases\":5,\"total_target_tasks\":34}", 0},
    {"workflow_creation_v1", 2,
     "{\"workflow_directory_path\":\".praxis-os/workflows/x_v1/\","
     "\"phase_directories_count\":5,\"metadata_json_created\":true,"
     "\"scaffolding_verified\":true}", 0},
    {"workflow_creation_v1", 3,
     "{\"command_glossary_created\":true,\"progress_tracking_created\":true,"
     "\"definition_archived\":true,\"design_summary_created\":true}", 0},
    {"workflow_creation_v1", 4,
     "{\"phase_files_created\":5,\"task_files_created\":34,"
     "\"total_files_expected\":39,\"all_phases_populated\":true}", 0},
    {"workflow_creation_v1", 5, last_phase, 1})
/* clang-format on */
{
    if (!test_shared_dir()) test_skip("no real inputs");
    const struct eng_gate *g = gate_of(kit_load(w->workflow), w->phase);
    struct eng_verdict v = kit_judge(g, w->evidence);
    CHECK(v.passed);
    CHECK_INT_EQ(kit_warnings(&v), w->warnings);
}

/* --- memory ------------------------------------------------------------ */
TEST(gate, every_failed_allocation_is_an_error)
{
    const struct json *e = kit_json(
        "{\"functional_requirements\":2,\"business_goals\":3,\"x\":1}");
    for (uint64_t n = 1;; n++) {
        struct arena a;
        struct eng_report r;
        struct eng_verdict v;
        struct eng_source src = {SLICE("g"), slice_of(rule_gate)};
        arena_init(&a, 1 << 20);
        eng_report_init(&r, &a);
        mem_fail_at(n);
        const struct eng_gate *g = eng_gate_parse(&src, &r);
        enum err err = g ? eng_gate_check(g, e, &(struct eng_check){0}, &a, &v)
                         : ERR_NOMEM;
        bool reached = mem_count() >= n;
        mem_fail_at(0);
        if (!g) CHECK(r.failed);
        if (!err) CHECK(!v.passed);
        if (!reached) CHECK_OK(err);
        arena_done(&a);
        if (!reached) break;
        CHECK_INT_LT(n, 1000);
    }
}
