/* Rules and checks of a gate that say the same whatever is sent: found where
 * that is certain, and nowhere else. */
#include <stdio.h>

#include "engine/check.h"
#include "tests/unit/workflow_kit.h"

#define GATE "phases/3/gate-definition.yaml"

static struct eng_files example(void)
{
    struct eng_files files;
    struct problem p;
    problem_init(&p);
    CHECK_OK(eng_files_read(arena_printf(test_arena(),
                                         "%s/examples/workflows/bugfix_v1",
                                         test_source_dir()),
                            test_arena(), &p, &files));
    return files;
}

static size_t count(const struct eng_checked *k, const char *code)
{
    size_t n = 0;
    for (size_t i = 0; i < k->count; i++)
        n += slice_eq(slice_of(k->findings[i].code), slice_of(code));
    return n;
}

enum tends { DEPENDS, ALWAYS, NEVER };

static void judge(const char *text, enum tends tends)
{
    struct eng_checked k;
    struct eng_files f = kit_with(example(), GATE, text);
    CHECK_OK(eng_check_definition(kit_build(f), test_arena(), &k));
    CHECK_INT_EQ(count(&k, "GATE_BROKEN"), 0);
    CHECK_INT_EQ(count(&k, "GATE_NEVER_PASSES"), tends == NEVER);
    CHECK_INT_EQ(count(&k, "CHECK_WITHOUT_EFFECT"), tends == ALWAYS);
}

#define FIELD(name, rest)                                                      \
    "  " name ": {required: true, description: d, " rest "}\n"
static const char fields[] =
    "checkpoint: {strict: true}\nevidence_schema:\n" FIELD(
        "before", "type: integer, validator: non_negative")
        FIELD("after", "type: integer") FIELD(
            "ratio", "type: number, validator: in_range, "
                     "validator_params: {min_val: 0, max_val: 1}")
            FIELD("title",
                  "type: string, validator: min_length, "
                  "validator_params: {min_len: 5}") FIELD("word",
                                                          "type: string")
                FIELD("items", "type: list, validator: non_empty") FIELD(
                    "failed", "type: integer, validator: equals, "
                              "validator_params: {expected: 0}")
                    FIELD("green", "type: boolean, expect: true")
                        FIELD("fine", "type: boolean") FIELD(
                            "thing",
                            "type: object") "  more: {type: integer, required: "
                                            "false, description: d}\n";

struct rule {
    const char *rule;
    enum tends tends;
};
/* clang-format off */
TEST_EACH(lint_rules, what_a_rule_says_whatever_is_sent, struct rule, row,
    /* of one place */
    {"e['after'] > 10 and e['after'] < 5", NEVER},
    {"e['after'] > 10 and e['after'] < 12", DEPENDS},
    {"e['after'] > 10 and e['after'] < 11", NEVER},
    {"10 < e['after'] < 11", NEVER},
    {"e['ratio'] > 0.90 and e['ratio'] < 0.91", DEPENDS},
    {"e['after'] > 5 or e['after'] <= 5", ALWAYS},
    {"e['after'] != 1 or e['after'] != 2", ALWAYS},
    {"e['after'] == 1 and e['after'] == 2", NEVER},
    {"e['after'] in [1, 2] and e['after'] > 2", NEVER},
    {"e['after'] in [1, 2, 3] and e['after'] > 2", DEPENDS},
    {"not (e['after'] > 1) and e['after'] > -1", DEPENDS},
    {"e['after'] >= -9007199254740000", DEPENDS},
    /* with itself, with another */
    {"e['after'] > e['after']", NEVER},
    {"e['after'] >= e['after']", ALWAYS},
    {"e['after'] > e['before']", DEPENDS},
    {"e['after'] > e['before'] and e['before'] > e['after']", NEVER},
    {"e['after'] > e['before'] > 7 and e['after'] < 9", NEVER},
    {"e['after'] > e['before'] > 7 and e['after'] < 10", DEPENDS},
    {"e['ratio'] < e['after'] < e['before'] < e['ratio'] + 1", DEPENDS},
    /* with what the field's own check takes */
    {"e['before'] < 0", NEVER},
    {"e['before'] >= 0", ALWAYS},
    {"e['before'] >= 1", DEPENDS},
    {"e['ratio'] > 1", NEVER},
    {"e['ratio'] <= 1", ALWAYS},
    {"e['failed'] > 0", NEVER},
    {"e['failed'] == 0", ALWAYS},
    {"e['failed'] <= e['before']", ALWAYS},
    {"len(e['title']) < 5", NEVER},
    {"len(e['title']) >= 5", ALWAYS},
    {"len(e['items']) == 0", NEVER},
    {"len(e['items']) >= e['before']", DEPENDS},
    {"len(e['word']) < 0", NEVER},
    /* texts and booleans */
    {"e['word'] == 'a' and e['word'] == 'b'", NEVER},
    {"e['word'] in ['a', 'b'] and e['word'] != 'a'", DEPENDS},
    {"e['word'] == e['title'] or e['word'] != e['title']", ALWAYS},
    {"e['word'] == 3", NEVER},
    {"e['green'] == False", NEVER},
    {"e['green']", ALWAYS},
    {"e['fine']", DEPENDS},
    {"not e['fine']", NEVER},
    {"e['after'] > 0 if e['green'] else e['after'] > 3", DEPENDS},
    {"e['after'] > 'many'", NEVER},
    /* beyond: nothing is claimed */
    {"e['more'] >= e['more']", DEPENDS},
    {"e['after'] - e['after'] == 0", DEPENDS},
    {"e['word'] > e['word']", DEPENDS},
    {"e['thing'] == e['thing']", DEPENDS},
    {"e['word'].startswith('a') and e['word'] == 'b'", DEPENDS},
    {"len(e['word']) == 1 and e['word'] == 'ab'", DEPENDS},
    {"len(e['word']) > 1000000", DEPENDS},
    {"e.get('after', 0) > e.get('after', 0)", DEPENDS})
/* clang-format on */
{
    judge(arena_printf(test_arena(),
                       "%scross_field_validation:\n- rule: \"lambda e: %s\"\n"
                       "  error_message: m\n",
                       fields, row->rule)
              .p,
          row->tends);
}

struct named {
    const char *check;
    enum tends tends;
};
/* clang-format off */
TEST_EACH(lint_rules, what_a_named_check_says_whatever_is_sent, struct named,
    row,
    {"matches_pattern, validator_params: {pattern: '.*'}", ALWAYS},
    {"matches_pattern, validator_params: {pattern: '^'}", ALWAYS},
    {"matches_pattern, validator_params: {pattern: 'done|'}", ALWAYS},
    {"'custom:regex:[a-z]*'", ALWAYS},
    {"matches_pattern, validator_params: {pattern: '.+'}", DEPENDS},
    {"matches_pattern, validator_params: {pattern: '^.*$'}", DEPENDS},
    {"matches_pattern, validator_params: {pattern: '[a-z]*$'}", DEPENDS},
    {"matches_pattern, validator_params: {pattern: '\\B'}", DEPENDS},
    {"matches_pattern, validator_params: {pattern: '(?:no)?'}", ALWAYS},
    {"'custom:regex:[a-z]+'", DEPENDS},
    {"contains_text, validator_params: {text: ''}", ALWAYS},
    {"contains_text, validator_params: {text: ok}", DEPENDS},
    {"not_contains_text, validator_params: {text: ''}", NEVER},
    {"not_contains_text, validator_params: {text: ok}", DEPENDS},
    {"contains_any, validator_params: {patterns: [ok, '']}", ALWAYS},
    {"contains_any, validator_params: {patterns: [ok]}", DEPENDS})
/* clang-format on */
{
    judge(arena_printf(test_arena(),
                       "checkpoint: {strict: true}\nevidence_schema:\n" FIELD(
                           "after", "type: string, validator: %s"),
                       row->check)
              .p,
          row->tends);
}

struct check {
    const char *type, *check;
    enum tends tends;
};
/* clang-format off */
TEST_EACH(lint_rules, what_an_own_check_says_whatever_is_sent, struct check,
    row,
    {"integer", "x > 5 and x < 3", NEVER},
    {"integer", "x > 5 and x < 7", DEPENDS},
    {"integer", "5 < x < 6", NEVER},
    {"number", "5 < x < 6", DEPENDS},
    {"integer", "x == x", ALWAYS},
    {"string", "len(x) >= 0", ALWAYS},
    {"string", "len(x) > 3 and len(x) < 3", NEVER},
    {"string", "len(x) > 3", DEPENDS},
    {"list", "len(x) < 0", NEVER},
    {"list", "x > 3", DEPENDS},
    {"string", "x == 'a' and x == 'b'", NEVER},
    {"integer", "len(x) > 3", DEPENDS},
    {"integer", "abs(x) < 0", DEPENDS})
/* clang-format on */
{
    judge(arena_printf(
              test_arena(),
              "checkpoint: {strict: true}\nevidence_schema:\n" FIELD(
                  "after", "type: %s, validator: own") "validators:\n  own: "
                                                       "\"lambda x: %s\"\n",
              row->type, row->check)
              .p,
          row->tends);
}
