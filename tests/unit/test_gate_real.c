/*
 * Gates of real workflows, with the evidence that real sessions gave them.
 */
#include "engine/gate.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "tests/unit/workflow_kit.h"

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
/* format C1 */
TEST(gate_real, no_evidence_misses_every_field_in_order, .needs = "shared")
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
/* format C2, C3, C6, C7, C8, C9 */
TEST_EACH(gate_real, the_seven_fields_are_judged_one_by_one, struct seven, s,
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

TEST(gate_real, a_wrong_type_is_told_with_both_types, .needs = "shared")
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

/* format C4, C5 */
TEST(gate_real, strict_and_absent_strict_block_alike, .needs = "shared")
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

/* format C10 */
TEST(gate_real, an_optional_boolean_may_be_absent_or_false, .needs = "shared")
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
TEST_EACH(gate_real, an_integer_is_an_integer, struct number, n, {"5", true},
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

/* format C12, C13, C14 */
TEST(gate_real, a_boolean_that_is_good_when_false, .needs = "shared")
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

/* format C15 */
TEST(gate_real, expect_any_takes_both, .needs = "shared")
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

/* format C16, C17 */
TEST(gate_real, without_a_file_required_evidence_holds, .needs = "shared")
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

/* format C18 */
TEST(gate_real, without_any_gate_something_must_be_said, .needs = "shared")
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

/* format C19 */
TEST(gate_real, a_tab_breaks_a_gate_at_its_line, .needs = "shared")
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
/* format C20, C21, C22, C23, C24, C25 */
TEST_EACH(gate_real, evidence_of_real_sessions_is_refused, struct replay, c,
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
    {"spec_creation_v1", D307, "4",
     "code_patterns_documented testing_strategy_defined "
     "deployment_guidance_specified troubleshooting_tips_provided "
     "examples_concrete_actionable", "", 10},
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

/* format C26 */
TEST(gate_real, what_the_task_text_asks_for_is_refused_with_the_way_out,
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

/* Whatever lies there and is whole. */
TEST(gate_real, each_field_of_each_real_gate_counts, .needs = "shared")
{
    size_t gates = 0, fields = 0, required = 0;
    struct file_name *names;
    size_t count = 0;
    CHECK_OK(folder_list(arena_printf(test_arena(), "%s/real/workflows",
                                      test_shared_dir()),
                         1000, test_arena(), &names, &count));
    for (size_t t = 0; t < count; t++) {
        struct eng_definition *d =
            kit_load(arena_cstr(test_arena(), names[t].name));
        for (size_t i = 0; !d->errors_count && i < d->phases_count;
             i++, gates++)
            check_every_field(d->phases[i].gate, &fields, &required);
    }
    CHECK_INT_EQ(gates, 13);
    CHECK_INT_EQ(fields, 79);
    CHECK_INT_EQ(required, 78);
}

/* clang-format off */
struct walk {
    const char *workflow;
    int64_t phase;
    const char *evidence;
    size_t warnings;
};
TEST_EACH(gate_real, the_values_a_workflow_needs_complete_it, struct walk, w,
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
