#include "engine/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "tests/unit/workflow_kit.h"

static struct slice why(const struct eng_verdict *v)
{
    CHECK_INT_GT(v->count, 0);
    return v->items[0].message;
}

/* --- as written -------------------------------------------------------- */
static const struct eng_check as_written = {.as_written = true};

/* format C27 */
TEST(gate, as_written_demotes_a_lenient_gate, .needs = "shared")
{
    const struct eng_definition *d = kit_load("spec_creation_v1");
    const struct eng_gate *g = eng_definition_phase(d, 0)->gate;
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
/* format C30, C33, C36 */
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

/* format C37 */
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

/* format C31 */
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

/* format C35 */
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
/* format C41 */
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
