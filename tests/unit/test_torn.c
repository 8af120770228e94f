/*
 * torn: what people write (a gate, a workflow's metadata, a definition) and
 * what agents send, in which any one value or key is another. It is used as it
 * is meant, or refused with a place and a way to mend it.
 */
#include "engine/definition_yaml.h"
#include "engine/dynamic.h"
#include "tests/unit/json_torn.h"
#include "tests/unit/session_kit.h"
#include "tests/unit/workflow_kit.h"

#if defined(PHASEGATE_SANITIZE)
enum { STEP = 10 };
#else
enum { STEP = 1 };
#endif

/* JSON is YAML too. */
static const char gate[] =
    "{\"checkpoint\":{\"strict\":true,\"enabled\":true},\"evidence_schema\":{"
    "\"n\":{\"type\":\"integer\",\"required\":true,\"description\":\"d\","
    "\"validator\":\"in_range\",\"validator_params\":{\"min_val\":1,"
    "\"max_val\":9}},"
    "\"own\":{\"type\":\"string\",\"validator\":\"mine\"},"
    "\"yes\":{\"type\":\"boolean\",\"required\":true,\"expect\":true},"
    "\"doc\":{\"type\":\"string\",\"proof\":\"file\",\"file\":{\"path\":"
    "\"docs/"
    "a.md\",\"under\":\"docs\",\"min_bytes\":3,\"pattern\":\"a\"},\"fresh\":"
    "true},"
    "\"ran\":{\"type\":\"integer\",\"proof\":\"command\",\"command\":{"
    "\"argv\":[\"make\",\"test\"],\"timeout_s\":5,\"env\":{\"CI\":\"1\"},"
    "\"inputs\":[\"a.c\"],"
    "\"value\":{\"json\":\"/n\"}}},"
    "\"ci\":{\"type\":\"boolean\",\"proof\":\"ci\",\"ci\":{\"path\":\"r\","
    "\"identity\":\"ci@example.org\",\"keys\":[\"ssh-ed25519 AAAA\"]}},"
    "\"seen\":{\"type\":\"boolean\",\"proof\":\"human\"}},"
    "\"validators\":{\"mine\":\"lambda x: len(x) > 2\"},"
    "\"cross_field_validation\":[{\"rule\":\"lambda e: e['n'] > 0\","
    "\"error_message\":\"none\"}],"
    "\"error_messages\":{\"n\":\"{field} is none\"},"
    "\"override\":{\"allowed\":false}}";

static const char evidence[] =
    "{\"n\":5,\"own\":\"word\",\"yes\":true,\"doc\":\"docs/a.md\",\"ran\":1,"
    "\"ci\":true,\"seen\":true,\"more\":[{\"a\":[1,\"b\",null]}]}";

static void findings_are_whole(const struct eng_report *r, struct slice text)
{
    for (size_t i = 0; i < r->count; i++)
        if (!r->items[i].message.n || !r->items[i].how_to_fix.n ||
            !r->items[i].code)
            FAIL("a finding without words: %.*s", SLICE_ARG(text));
}

static void verdict_is_whole(const struct eng_verdict *v,
                             const struct eng_gate *g)
{
    CHECK(json_is(kit_written(v, g), JSON_OBJECT));
    bool blocked = false;
    for (size_t i = 0; i < v->count; i++) {
        CHECK_INT_GT(v->items[i].message.n, 0);
        blocked |= v->items[i].blocks;
    }
    CHECK(v->passed == !blocked);
}

TEST(torn, a_gate_is_used_or_its_fault_is_named)
{
    const struct torn *t = torn_of(slice_of(gate));
    size_t used = 0, refused = 0;
    for (size_t i = 0; i < t->count * TORN_WAYS; i += STEP) {
        struct eng_report r;
        struct slice text = torn_at(t, i, test_arena());
        const struct eng_gate *g = kit_gate(arena_cstr(test_arena(), text), &r);
        findings_are_whole(&r, text);
        CHECK(g || r.errors);
        refused += !g;
        if (!g) continue;
        used++;
        struct eng_verdict v = kit_judge(g, "{}"), w = kit_judge(g, evidence);
        verdict_is_whole(&v, g);
        verdict_is_whole(&w, g);
    }
    CHECK_INT_GT(used, 0);
    CHECK_INT_GT(refused, used / 2);
}

TEST(torn, evidence_with_another_value_is_judged_and_told)
{
    struct eng_report r;
    const struct eng_gate *g = kit_gate(gate, &r);
    if (!g) FAIL("%.*s", SLICE_ARG(r.items[0].message));
    const struct torn *t = torn_of(slice_of(evidence));
    for (size_t i = TORN_WAYS; i < t->count * TORN_WAYS; i += STEP) {
        const char *text =
            arena_cstr(test_arena(), torn_at(t, i, test_arena()));
        struct eng_verdict v = kit_judge(g, text);
        verdict_is_whole(&v, g);
    }
}

/* --- definitions of phases --------------------------------------------------
 */

static const char definition[] =
    "{\"name\":\"a\",\"version\":\"1\",\"problem\":{\"statement\":\"s\","
    "\"why_workflow\":\"w\",\"success_criteria\":[\"a\"]},\"phases\":["
    "{\"number\":0,\"name\":\"A\",\"purpose\":\"p\",\"deliverable\":\"d\","
    "\"estimated_duration\":\"1 day\",\"tasks\":[{\"number\":1,\"name\":\"t\","
    "\"purpose\":\"u\",\"estimated_time\":\"1 h\",\"validation_criteria\":["
    "\"one\",\"two\"]},{\"number\":2,\"name\":\"v\",\"purpose\":\"u\"}],"
    "\"validation_gate\":{\"evidence_required\":{\"n\":{\"type\":\"integer\","
    "\"validator\":\"positive\",\"description\":\"d\"}},"
    "\"human_approval_required\":true}},"
    "{\"number\":\"N+1\",\"name\":\"B\",\"purpose\":\"p\",\"deliverable\":"
    "\"d\",\"tasks\":[]}]}";

TEST(torn, a_definition_is_read_or_its_fault_has_a_line)
{
    const struct torn *t = torn_of(slice_of(definition));
    size_t read = 0, refused = 0;
    for (size_t i = 0; i < t->count * TORN_WAYS; i += STEP) {
        struct eng_source src = {SLICE("workflow-definition.yaml"),
                                 torn_at(t, i, test_arena())};
        struct eng_report r;
        struct problem p;
        struct eng_plan plan;
        eng_report_init(&r, test_arena());
        problem_init(&p);
        enum err e = eng_definition_yaml_parse(&src, &r, &p, &plan);
        if (e) {
            refused++;
            CHECK_TEXT_EQ(err_code(e), "workflow_invalid");
            CHECK_CONTAINS(p.what, "workflow-definition.yaml");
            CHECK_INT_GT(p.how_to_fix.n, 0);
            continue;
        }
        read++;
        CHECK_INT_GT(plan.phases_count, 0);
        for (size_t k = 0; k < plan.phases_count; k++)
            CHECK_INT_GT(plan.phases[k].name.n, 0);
    }
    CHECK_INT_GT(read, 0);
    CHECK_INT_GT(refused, read / 2);
}

/* --- metadata ---------------------------------------------------------------
 */

static const char metadata[] =
    "{\"workflow_type\":\"torn_v1\",\"version\":\"1.0.0\",\"name\":\"N\","
    "\"description\":\"Of a test.\",\"category\":\"c\",\"author\":\"a\","
    "\"total_phases\":2,\"start_phase\":0,\"max_phase\":1,"
    "\"estimated_duration\":\"1 h\",\"primary_outputs\":[\"o\"],"
    "\"created\":\"2025-01-01\",\"target_language\":[\"any\"],"
    "\"dynamic_phases\":false,\"phases\":["
    "{\"phase_number\":0,\"phase_name\":\"A\",\"purpose\":\"p\","
    "\"estimated_effort\":\"e\",\"key_deliverables\":[\"k\"],"
    "\"validation_criteria\":[\"v\"],\"tasks\":[{\"task_number\":1,"
    "\"name\":\"t\",\"file\":\"task-1-t.md\",\"estimated_time\":\"1 m\"}],"
    "\"checkpoint\":{\"required_evidence\":[\"a\"]}},"
    "{\"phase_number\":1,\"phase_name\":\"B\",\"tasks\":[]}]}";
static const char dynamic[] =
    "{\"workflow_type\":\"torn_v1\",\"version\":\"1.0.0\",\"description\":"
    "\"d\",\"total_phases\":\"dynamic\",\"dynamic_phases\":true,\"phases\":["
    "{\"phase_number\":0,\"phase_name\":\"A\",\"tasks\":[]},"
    "{\"phase_number\":\"1-N\",\"phase_name\":\"W\",\"purpose\":\"p\"}],"
    "\"dynamic_config\":{\"source_type\":\"spec_tasks_md\","
    "\"source_path_key\":\"plan\",\"parser\":\"spec_tasks_parser\","
    "\"templates\":{\"phase\":\"phases/dynamic/phase.md\",\"task\":"
    "\"phases/dynamic/task.md\"}}}";

static void judge_metadata(const char *good)
{
    struct fixture f;
    const struct torn *t = torn_of(slice_of(good));
    const char *folder = kit_workflows();
    size_t invalid = 0;
    kit_put(folder, "torn_v1/phases/0/phase.md", "# Phase 0: A\n");
    kit_put(folder, "torn_v1/phases/0/task-1-t.md", "# Task 1: t\n");
    kit_put(folder, "torn_v1/phases/1/phase.md", "# Phase 1: B\n");
    kit_put(folder, "torn_v1/phases/dynamic/phase.md", "# {{phase_name}}\n");
    kit_put(folder, "torn_v1/phases/dynamic/task.md", "# {{task_name}}\n");
    fixture_init(&f, folder);
    for (size_t i = 0; i < t->count * TORN_WAYS; i += 5 * STEP) {
        struct outcome o;
        struct eng_validate_workflow_args args = {.workflow_type =
                                                      SLICE("torn_v1")};
        const char *text =
            arena_cstr(test_arena(), torn_at(t, i, test_arena()));
        kit_put(folder, "torn_v1/metadata.json", text);
        CHECK_OK(CALL(&o, eng_validate_workflow(f.engine, &o.call, &args)));
        const struct json *errors = json_get(o.out, SLICE("errors"));
        CHECK(json_is(errors, JSON_ARRAY));
        for (uint32_t k = 0; k < errors->count; k++)
            CHECK_INT_GT(
                json_text(json_get(&errors->items[k], SLICE("how_to_fix"))).n,
                0);
        invalid += errors->count > 0;
        outcome_done(&o);
    }
    CHECK_INT_GT(invalid, 0);
    fixture_done(&f);
}

TEST(torn, metadata_is_used_or_its_faults_are_told)
{
    judge_metadata(metadata);
}

TEST(torn, metadata_of_a_dynamic_workflow_is_used_or_its_faults_are_told)
{
    judge_metadata(dynamic);
}
