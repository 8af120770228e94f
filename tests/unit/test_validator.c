#include "engine/validator.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "engine/pattern.h"
#include "tests/unit/workflow_kit.h"

/* Judges one value (JSON) by a validator with parameters (YAML, "" none). */
static bool passes(const char *validator, const char *params, const char *value)
{
    struct eng_report r;
    const struct json *v = kit_json(value);
    const char *type = v->type == JSON_STRING   ? "string"
                       : v->type == JSON_NUMBER ? "number"
                       : v->type == JSON_ARRAY  ? "list"
                       : v->type == JSON_OBJECT ? "object"
                                                : "boolean";
    char text[1000], evidence[1000];
    snprintf(text, sizeof(text),
             "checkpoint: {strict: true}\nevidence_schema:\n"
             "  v:\n    type: %s\n    required: true\n%s"
             "    validator: '%s'\n    validator_params: {%s}\n",
             type, strcmp(type, "boolean") == 0 ? "    expect: any\n" : "",
             validator, params);
    snprintf(evidence, sizeof(evidence), "{\"v\":%s}", value);
    const struct eng_gate *g = kit_gate(text, &r);
    if (!g)
        FAIL("%s: %.*s", validator,
             SLICE_ARG(r.count ? r.items[0].message : SLICE("?")));
    struct eng_verdict verdict = kit_judge(g, evidence);
    if (!verdict.passed) {
        CHECK_INT_EQ(verdict.count, 1);
        CHECK_TEXT_EQ(verdict.items[0].code, "VALIDATOR");
        CHECK_INT_GT(verdict.items[0].message.n, 5);
    }
    return verdict.passed;
}

struct values {
    const char *name, *params, *good, *bad; /* NULL: none */
};
/* clang-format off */
TEST_EACH(validator, passes_the_good_and_fails_the_bad, struct values, v,
    {"non_empty", "", "\"  \"", "\"\""},
    {"non_empty", "", "[0]", "[]"},
    {"non_empty", "", "{\"a\":1}", "{}"},
    {"non_empty", "", NULL, "5"},
    {"non_blank", "", "\" a\"", "\" \\t\\n\\u00a0\\u3000\\u2003\""},
    {"non_blank", "", "\"\\u00e9\"", "\"\""},
    {"non_blank", "", "\"\\u200b\"", "\"\\u001c\\u001f\\r\\u0085\\u2028\""},
    {"non_blank", "", "\"\\u001b\"", "\"\\u2000\\u200a\\u2029\""},
    {"non_blank", "", "\" \\u2010\"", "\"\\u1680\\u202f\\u205f\""},
    {"contains_any", "patterns: [x, b]", "\"abc\"", "\"acd\""},
    {"contains_any", "patterns: [x, 2]", "[1, 2]", "[1, 3]"},
    {"contains_any", "patterns: []", NULL, "\"a\""},
    {"contains_any", "patterns: [\"\"]", "\"\"", NULL},
    {"contains_any", "patterns: [2, b]", "\"b2\"", "\"2\""},
    {"matches_pattern", "pattern: \"ab+\"", "\"abbc\"", "\"cab\""},
    {"matches_pattern", "pattern: \"ab+$\"", "\"abb\"", "\"abbc\""},
    {"min_length", "min_len: 3", "\"\\u00e9\\u00e9\\u00e9\"",
     "\"\\u00e9\\u00e9\""},
    {"min_length", "min_len: 2", "{\"a\":1,\"b\":2}", "{\"a\":1}"},
    {"max_length", "max_len: 3", "[1,2,3]", "[1,2,3,4]"},
    {"positive", "", "42", "0"},
    {"positive", "", "0.5", "-5"},
    {"non_negative", "", "0", "-1"},
    {"negative", "", "-1", "0"},
    {"in_range", "min_val: 1, max_val: 100", "50", "0"},
    {"in_range", "min_val: 1, max_val: 100", "1", "101"},
    {"in_range", "min_val: 1, max_val: 100", "100", "100.5"},
    {"between", "low: 1, high: 100", "2", "1"},
    {"between", "low: 1, high: 100", "99.5", "100"},
    {"greater_than", "threshold: 3", "3.5", "3"},
    {"less_than", "threshold: 3", "2", "3"},
    {"equals", "expected: 1", "1.0", "true"},
    {"equals", "expected: {a: [1]}", "{\"a\":[1.0]}", "{\"a\":[]}"},
    {"equals", "expected: true", "true", "1"},
    {"not_equals", "forbidden: x", "\"y\"", "\"x\""},
    {"has_fields", "fields: [name, value]",
     "{\"name\":1,\"value\":2,\"status\":3}", "{\"name\":1}"},
    {"valid_structure", "required_keys: [a]", "{\"a\":null}", "{}"},
    {"yaml_parseable", "", "\"key: value\\nlist:\\n  - item1\"",
     "\"invalid: yaml: syntax:\""},
    {"yaml_parseable", "", "\"5\"", "\"\""},
    {"yaml_parseable", "", "\"[]\"", "\"~\""},
    {"contains_success", "", "\"The operation was a success\"",
     "\"Operation failed\""},
    {"contains_success", "", "\"Test passed \xE2\x9C\x85\"", "\"\""},
    {"contains_success", "", "\"SUCCESSFUL\"", "\"succes\""},
    {"no_errors", "", "\"All tests passed successfully\"",
     "\"Test failed with error\""},
    {"no_errors", "", "\"\"", "\"Test failed \xE2\x9D\x8C\""},
    {"no_errors", "", NULL, "\"An ErRoR\""},
    {"contains_text", "text: b", "\"abc\"", "\"aBc\""},
    {"contains_text", "text: \"\"", "\"\"", NULL},
    {"not_contains_text", "text: b", "\"aBc\"", "\"abc\""},
    {"list_not_empty", "", "[1,2,3]", "[]"},
    {"list_not_empty", "", NULL, "\"not a list\""},
    {"list_min_length", "min_len: 2", "[1,2]", "[1]"},
    {"all_items_type", "item_type: str", "[\"a\"]", "[\"a\",1]"},
    {"all_items_type", "item_type: string", "[\"a\"]", "[null]"},
    {"all_items_type", "item_type: float", "[1]", "[\"1\"]"},
    {"all_items_type", "item_type: boolean", "[true]", "[null]"},
    {"all_items_type", "item_type: object", "[{}]", "[1]"},
    {"all_items_type", "item_type: integer", "[1,2]", "[1,2.5]"},
    {"all_items_type", "item_type: int", "[]", "[true]"},
    {"all_items_type", "item_type: number", "[1,2.5]", "[false]"},
    {"all_items_type", "item_type: bool", "[true,false]", "[1]"},
    {"all_items_type", "item_type: dict", "[{}]", "[[]]"},
    {"all_items_type", "item_type: list", "[[]]", "[{}]"},
    {"is_true", "", "true", "false"},
    {"is_false", "", "false", "true"},
    {"non_empty_list", "", "[0]", "[]"},
    {"min_length_2", "", "[1,2]", "[1]"},
    {"min_length_2", "", NULL, "\"abc\""},
    {"greater_than_0", "", "1", "0"},
    {"greater_than_0", "", "0.1", "-1"},
    {"between_1_100", "", "1", "0"},
    {"between_1_100", "", "100", "101"},
    {"percent_gte_95", "", "95", "94.9"},
    {"percent_gte_95", "", "250", "0"},
    {"custom:regex:^v\\d+\\.\\d+\\.\\d+$", "", "\"v1.2.3\"", "\"v1.2\""},
    {"custom:regex:a:b", "", "\"a:b\"", "\"a\""})
/* clang-format on */
{
    if (v->good && !passes(v->name, v->params, v->good))
        FAIL("%s refuses %s", v->name, v->good);
    if (v->bad && passes(v->name, v->params, v->bad))
        FAIL("%s passes %s", v->name, v->bad);
}

/* clang-format off */
TEST_EACH(validator, a_boolean_is_never_a_number, struct values, v,
    {"positive", ""}, {"non_negative", ""}, {"in_range",
     "min_val: 0, max_val: 2"}, {"greater_than_0", ""}, {"percent_gte_0", ""})
/* clang-format on */
{
    CHECK(!passes(v->name, v->params, "true"));
}

struct refused {
    const char *validator, *params, *says;
};
/* clang-format off */
TEST_EACH(validator, a_parameter_of_another_kind_breaks_the_gate,
          struct refused, row,
    {"min_length", "min_len: -1", "an integer, 0 or more"},
    {"min_length", "min_len: 1.5", "an integer, 0 or more"},
    {"min_length", "", "min_len"},
    {"between", "low: x, high: 2", "a number"},
    {"contains_text", "text: 5", "a text"},
    {"contains_any", "patterns: x", "a list"},
    {"has_fields", "fields: {a: 1}", "a list of texts"},
    {"has_fields", "fields: [a, 1]", "a list of texts"},
    {"all_items_type", "item_type: 5", "one of str, int"},
    {"all_items_type", "item_type: text", "one of str, int"},
    {"matches_pattern", "pattern: \"(?<=a)b\"", "is not supported"},
    {"custom:regex:(?<=a)b", "", "is not supported"},
    {"custom:regex:a", "pattern: b", "has no parameter \"pattern\""},
    {"min_length", "min_len: 1, max: 2", "has no parameter \"max\""},
    {"between_1", "", "is not known"},
    {"between_1_", "", "is not known"},
    {"between_1_2_3", "", "is not known"},
    {"between_-1_2", "", "is not known"},
    {"between_1_x", "", "is not known"},
    {"between_", "", "is not known"},
    {"greater_than_99999999999999999999", "", "is not known"},
    {"greater_than_5", "threshold: 5", "has no parameter"})
/* clang-format on */
{
    struct eng_report r;
    char text[1000];
    snprintf(text, sizeof(text),
             "checkpoint: {strict: true}\nevidence_schema:\n"
             "  v:\n    type: string\n    required: true\n"
             "    validator: '%s'\n    validator_params: {%s}\n",
             row->validator, row->params);
    CHECK(kit_gate(text, &r) == NULL);
    for (size_t i = 0; i < r.count; i++)
        if (slice_find(r.items[i].message, slice_of(row->says)) <
            r.items[i].message.n)
            return;
    FAIL("%s {%s}: %.*s", row->validator, row->params,
         SLICE_ARG(r.count ? r.items[0].message : SLICE("nothing")));
}

/* clang-format off */
TEST_EACH(validator, what_leaves_the_project_or_is_no_path_is_not_there,
          struct refused, row,
    {"file_exists", "a", NULL}, {"directory_exists", "sub", NULL},
    {"file_exists", "sub", "must"}, {"directory_exists", "a", "must"},
    {"file_exists", "", "must"}, {"file_exists", "a\\u0000b", "must"},
    {"file_exists", "none", "must"},
    {"file_exists", "../../../../etc/passwd", "leaves the project"})
/* clang-format on */
{
    struct eng_report r;
    char text[400];
    FILE *f = fopen(arena_printf(test_arena(), "%s/a", test_tmpdir()).p, "w");
    CHECK(f != NULL && fclose(f) == 0);
    CHECK_OK(
        path_make(arena_printf(test_arena(), "%s/sub", test_tmpdir()), 0755));
    snprintf(text, sizeof(text),
             "checkpoint: {strict: true}\nevidence_schema:\n"
             "  v: {type: string, required: true, validator: %s}\n",
             row->validator);
    const struct eng_gate *g = kit_gate(text, &r);
    CHECK(g != NULL);
    snprintf(text, sizeof(text), "{\"v\":\"%s\"}", row->params);
    struct eng_check how = {.root = slice_of(test_tmpdir())};
    struct eng_verdict v = kit_judge_how(g, kit_json(text), how);
    CHECK(v.passed == !row->says);
    if (row->says) CHECK_CONTAINS(v.items[0].message, row->says);
    v = kit_judge(g, text);
    CHECK(!v.passed);
    CHECK_CONTAINS(v.items[0].message, "the server has no project");
}

TEST(validator, the_gates_own_come_before_the_table)
{
    struct eng_report r;
    const struct eng_gate *g =
        kit_gate("checkpoint: {}\nevidence_schema:\n"
                 "  a: {type: integer, required: true, validator: positive}\n"
                 "validators: {positive: 'lambda x: x < 0'}\n",
                 &r);
    CHECK(kit_judge(g, "{\"a\":-1}").passed);
    CHECK(!kit_judge(g, "{\"a\":1}").passed);
}

/* clang-format off */
TEST_EACH(validator, parameters_of_an_expression_come_by_name, struct values,
          v, {"50", "true"}, {"3", "true"}, {"51", "false"}, {"2", "false"})
/* clang-format on */
{
    struct eng_report r;
    char evidence[50];
    const struct eng_gate *g = kit_gate(
        "checkpoint: {}\nevidence_schema:\n"
        "  a: {type: integer, required: true, validator: min_max, "
        "validator_params: {max: 50, min: 3}}\n"
        "validators: {min_max: \"lambda x, min, max: min <= x <= max\"}\n",
        &r);
    snprintf(evidence, sizeof(evidence), "{\"a\":%s}", v->name);
    CHECK_INT_EQ(kit_judge(g, evidence).passed, strcmp(v->params, "true") == 0);
}

/* --- patterns ---------------------------------------------------------- */
struct match {
    const char *pattern, *text;
    bool start, anywhere, whole;
};
/* clang-format off */
TEST_EACH(pattern, matches_as_python_does, struct match, m,
    {"b", "abc", false, true, false},
    {"abc", "abc", true, true, true},
    {"^b", "abc", false, false, false},
    {"a|ab", "ab", true, true, true},
    {"a*?", "aaa", true, true, true},
    {"[]a]+", "]a", true, true, true},
    {"[^]]", "a", true, true, true},
    {"a{2}", "aa", true, true, true},
    {"a{2,}b", "aaab", true, true, true},
    {"a{x}", "a{x}", true, true, true},
    {"x{", "x{", true, true, true},
    {"\\bfoo\\b", "a foo b", false, true, false},
    {"\\w+", "\xC3\xA9t\xC3\xA9", true, true, true},
    {".", "\n", false, false, false},
    {"(?s).", "\n", true, true, true},
    {"(?i)ABC", "abc", true, true, true},
    {"(?:a)(?P<n>b)", "ab", true, true, true},
    {"a$", "a\n", true, true, false},
    {"a\\Z", "a\n", false, false, false},
    {"\\x41\\u00e9", "A\xC3\xA9", true, true, true},
    {"", "abc", true, true, false},
    {"", "", true, true, true},
    {"[\\d.]+", "1.5", true, true, true},
    {"\\.", "a", false, false, false})
/* clang-format on */
{
    const struct eng_pattern *p;
    struct eng_pattern_fault fault;
    struct slice problem;
    const bool want[] = {m->start, m->anywhere, m->whole};
    for (int i = 0; i < 3; i++) {
        bool got;
        CHECK_OK(eng_pattern_make(slice_of(m->pattern),
                                  (enum eng_pattern_place)i, test_arena(), &p,
                                  &fault));
        CHECK_OK(eng_pattern_run(p, slice_of(m->text), &got, &problem));
        CHECK_INT_EQ(problem.n, 0);
        CHECK_INT_EQ(got, want[i]);
    }
}

struct no_pattern {
    const char *pattern, *says;
};
/* clang-format off */
TEST_EACH(pattern, what_is_outside_the_syntax_is_refused, struct no_pattern, m,
    {"(?=a)", "look-ahead"}, {"a(?!b)", "look-ahead"},
    {"(?<=a)b", "look-behind"}, {"(?<!a)b", "look-behind"},
    {"(a)\\1", "back-reference"}, {"(?P<n>a)(?P=n)", "back-reference"},
    {"\\k<n>", "back-reference"}, {"\\g1", "back-reference"},
    {"(?>a)", "atomic"}, {"a++", "possessive"}, {"a*+", "possessive"},
    {"a?+", "possessive"}, {"a{2}+", "possessive"}, {"(?R)", "group"},
    {"(?1)", "group"}, {"(?&n)", "group"}, {"(?C1)", "group"},
    {"(?#x)", "group"}, {"(?(1)a)", "conditional"}, {"(*FAIL)", "verb"},
    {"(*LIMIT_MATCH=1)a", "verb"}, {"\\pL", "escape"}, {"\\Q", "escape"},
    {"\\C", "escape"}, {"\\K", "escape"}, {"\\R", "escape"},
    {"[[:alpha:]]", "named class"}, {"a{,3}", "lower bound"},
    {"\\x4", "hex"}, {"\\", "backslash"}, {"[a", "]"}, {"(a", ""}, {"a)", ""},
    {"*a", ""}, {"[b-a]", ""}, {"a{3,1}", ""}, {"(?x)a b", "group"},
    {"[\\Z]", "escape"}, {"[\\1]", "back-reference"}, {"[a[.x.]]", "named"},
    {"[[=a=]]", "named class"}, {"[[", "]"}, {"[[a", "]"}, {"(?P<n", ""},
    {"(?", "group"}, {"(?im", "group"}, {"(", ""}, {"[^]", "]"}, {"a{2}+", ""})
/* clang-format on */
{
    const struct eng_pattern *p;
    struct eng_pattern_fault fault;
    CHECK_ERR(eng_pattern_make(slice_of(m->pattern), ENG_AT_START, test_arena(),
                               &p, &fault),
              ERR_PARSE);
    CHECK_CONTAINS(fault.what, m->says);
    CHECK_INT_GT(fault.what.n, 0);
}

/* clang-format off */
TEST_EACH(pattern, hostile_ones_end_in_time, struct no_pattern, m,
    {"(a+)+$", ""}, {"(a|a)*$", ""}, {"(?:a*c|a)*$", ""}, {"(a*)*c", ""},
    {".*.*.*c", ""}, {"(?:a?){50}a{50}c", ""}, {"a*a*a*a*a*c", ""},
    {"([a-z]+)*c", ""}, {"(.*)(.*)(.*)(.*)(.*)[x-z]", ""})
/* clang-format on */
{
    static char text[100001];
    memset(text, 'a', 99999);
    text[99999] = 'b';
    for (int i = 0; i < 3; i++) {
        const struct eng_pattern *p;
        struct eng_pattern_fault fault;
        struct slice problem;
        bool got;
        CHECK_OK(eng_pattern_make(slice_of(m->pattern),
                                  (enum eng_pattern_place)i, test_arena(), &p,
                                  &fault));
        int64_t best = INT64_MAX; /* what else runs only ever adds time */
        for (int round = 0; round < 5 && best >= 200; round++) {
            int64_t begin = kit_cpu_now();
            CHECK_OK(eng_pattern_run(p, (struct slice){text, 100000}, &got,
                                     &problem));
            int64_t ms = (kit_cpu_now() - begin) / 1000000;
            if (ms < best) best = ms;
        }
        CHECK(!got || i == ENG_AT_START);
        if (!test_sanitized()) CHECK_INT_LT(best, 200);
    }
}

TEST(pattern, what_is_too_long_is_refused_or_told)
{
    enum { MOST = ENG_PATTERN_TEXT_BYTES, LONG = ENG_PATTERN_BYTES + 1 };
    const struct eng_pattern *p;
    struct eng_pattern_fault fault;
    struct slice found, problem;
    bool got;
    char *text = arena_alloc(test_arena(), MOST + 1);
    memset(text, 'a', MOST + 1);
    CHECK_ERR(eng_pattern_make((struct slice){text, LONG}, ENG_WHOLE,
                               test_arena(), &p, &fault),
              ERR_PARSE);
    CHECK_CONTAINS(fault.what, "more than 4096 bytes");
    CHECK_ERR(
        eng_pattern_make(SLICE("a\0b"), ENG_WHOLE, test_arena(), &p, &fault),
        ERR_PARSE);
    CHECK_CONTAINS(fault.what, "a NUL character");
    CHECK_OK(
        eng_pattern_make(SLICE("a{2"), ENG_CAPTURE, test_arena(), &p, &fault));
    CHECK_OK(eng_pattern_find(p, SLICE("xa{2"), &got, &found, &problem));
    CHECK(got && problem.n == 0);
    CHECK_OK(eng_pattern_find(p, (struct slice){0}, &got, &found, &problem));
    CHECK(!got && problem.n == 0);
    struct slice longer = {text, MOST + 1};
    CHECK_OK(eng_pattern_find(p, longer, &got, &found, &problem));
    CHECK(!got);
    CHECK_CONTAINS(problem, "more than 1 MiB");
    CHECK_OK(eng_pattern_run(p, longer, &got, &problem));
    CHECK(!got);
    CHECK_CONTAINS(problem, "more than 1 MiB");
}

TEST(pattern, memory_that_ends_while_it_matches_is_told)
{
    const struct eng_pattern *p;
    struct eng_pattern_fault fault;
    struct slice found, problem;
    bool got;
    CHECK_OK(
        eng_pattern_make(SLICE("(b)"), ENG_CAPTURE, test_arena(), &p, &fault));
    for (int way = 0; way < 2; way++) {
        enum err e = ERR_NOMEM;
        for (uint64_t n = 1; e; n++) {
            mem_fail_at(n);
            e = way ? eng_pattern_run(p, SLICE("b"), &got, &problem)
                    : eng_pattern_find(p, SLICE("ab"), &got, &found, &problem);
            mem_fail_at(0);
            if (e) CHECK_ERR(e, ERR_NOMEM);
            CHECK(got == !e);
        }
    }
}

/* Wherever memory ends: told, or the verdict that plenty of it gives. */
TEST(validator, memory_that_ends_anywhere_in_a_verdict_is_told)
{
    static const char gate[] =
        "checkpoint: {strict: true}\nevidence_schema:\n"
        "  a: {type: string, required: true, validator: file_exists}\n"
        "  b: {type: string, required: true, validator: yaml_parseable}\n"
        "  c: {type: string, required: true, validator: \"custom:regex:x+\"}\n"
        "  d: {type: integer, required: true, validator: own}\n"
        "  e: {type: list, required: true, validator: own}\n"
        "  f: {type: object, required: true, validator: non_empty}\n"
        "  g: {type: string, required: true, validator: file_exists}\n"
        "validators:\n  own: \"lambda x: len(x) > 3\"\n";
    struct eng_report r;
    const struct eng_gate *g = kit_gate(gate, &r);
    const struct json *evidence =
        kit_json("{\"a\":\"none\",\"b\":\"a: b: c\",\"c\":\"y\",\"d\":5,"
                 "\"e\":[1],\"f\":{},\"g\":\"../../../../etc/passwd\"}");
    struct eng_check how = {.root = slice_of(test_tmpdir())};
    struct eng_verdict want = kit_judge_how(g, evidence, how);
    CHECK_INT_EQ(want.count, 7);
    bool whole = false;
    for (size_t ceiling = 0; !whole; ceiling += 8) {
        struct arena a;
        struct eng_verdict v;
        arena_init(&a, ceiling);
        enum err e = eng_gate_check(g, evidence, &how, &a, &v);
        if (e) CHECK_ERR(e, ERR_NOMEM);
        whole = !e && !a.refused;
        if (!e) CHECK(!v.passed);
        for (size_t i = 0; whole && i < want.count; i++)
            CHECK_SLICE_EQ(v.items[i].message, want.items[i].message);
        arena_done(&a);
    }
}

struct tends {
    const char *field, *code; /* NULL: nothing is found about it */
};
/* clang-format off */
TEST_EACH(validator, a_check_that_says_one_thing_to_all_is_known,
          struct tends, row,
    {"boolean, expect: any, validator: is_true", NULL},
    {"boolean, expect: any, validator: is_false", NULL},
    {"integer, validator: between, validator_params: {low: 1, high: 2}",
     "NEVER"},
    {"integer, validator: between, validator_params: {low: 1, high: 3}", NULL},
    {"integer, validator: between, validator_params: {low: 1.5, high: 2}",
     NULL},
    {"integer, validator: between, validator_params: {low: 1, high: 2.5}",
     NULL},
    {"number, validator: between, validator_params: {low: 1, high: 2}", NULL},
    {"number, validator: between, validator_params: {low: 2, high: 2}",
     "NEVER"},
    {"number, validator: in_range, validator_params: "
     "{min_val: 2, max_val: 1}", "NEVER"},
    {"string, validator: contains_any, validator_params: {patterns: []}",
     "NEVER"},
    {"string, validator: contains_any, validator_params: {patterns: [a]}",
     NULL},
    {"object, validator: has_fields, validator_params: {fields: []}",
     "WITHOUT_EFFECT"},
    {"object, validator: has_fields, validator_params: {fields: [a]}", NULL},
    {"string, validator: not_equals, validator_params: {forbidden: 1}",
     "WITHOUT_EFFECT"},
    {"string, validator: equals, validator_params: {expected: 1}", "NEVER"},
    {"string, validator: always", "WITHOUT_EFFECT"},
    {"string, validator: never", "NEVER"})
/* clang-format on */
{
    struct eng_report r;
    const struct eng_gate *g =
        kit_gate(arena_printf(test_arena(),
                              "checkpoint: {strict: true}\nevidence_schema:\n"
                              "  v: {required: true, type: %s}\nvalidators:\n"
                              "  always: \"lambda x: True\"\n"
                              "  never: \"lambda x: False\"\n",
                              row->field)
                     .p,
                 &r);
    enum eng_tendency tends;
    CHECK(g != NULL);
    CHECK_OK(eng_validator_tendency(g->fields[0].validator, &g->fields[0],
                                    test_arena(), &tends));
    CHECK_INT_EQ(tends, !row->code                        ? ENG_DEPENDS
                        : strcmp(row->code, "NEVER") == 0 ? ENG_NEVER
                                                          : ENG_ALWAYS);
}
