/* A gate in every form that YAML allows asks for the same, or is broken: no
 * way of writing it makes it ask for less. */
#include <stdio.h>

#include "tests/unit/workflow_kit.h"

struct form {
    const char *name, *text;
    bool may_break; /* a gate file need not know this way to write */
};

/* done: a required boolean; count: a required positive integer; note: a string
 * that may be absent. */
/* clang-format off */
static const struct form forms[] = {
    {"in blocks",
     "checkpoint:\n  strict: true\nevidence_schema:\n"
     "  done:\n    type: boolean\n    required: true\n    description: d\n"
     "  count:\n    type: integer\n    required: true\n    description: d\n"
     "    validator: positive\n"
     "  note:\n    type: string\n    required: false\n    description: d\n",
     false},
    {"in flow",
     "{checkpoint: {strict: true}, evidence_schema: {done: {type: boolean, "
     "required: true, description: d}, count: {type: integer, required: true, "
     "description: d, validator: positive}, note: {type: string, required: "
     "false, description: d}}}\n", false},
    {"in flow over lines",
     "checkpoint: {\n  strict: true,\n}\nevidence_schema: {\n  done: {type: "
     "boolean,\n    required: true, description: d},\n  count: {type: integer, "
     "required: true,\n    description: d, validator: positive},\n  note: "
     "{type: string, required: false, description: d}\n}\n", false},
    {"in JSON",
     "{\"checkpoint\":{\"strict\":true},\"evidence_schema\":{\"done\":{\"type\""
     ":\"boolean\",\"required\":true,\"description\":\"d\"},\"count\":{\"type\""
     ":\"integer\",\"required\":true,\"description\":\"d\",\"validator\":"
     "\"positive\"},\"note\":{\"type\":\"string\",\"required\":false,"
     "\"description\":\"d\"}}}", false},
    {"in quotes",
     "'checkpoint':\n  \"strict\": true\n\"evidence_schema\":\n"
     "  'done': {'type': 'boolean', \"required\": true, description: 'd'}\n"
     "  \"count\": {type: \"integer\", required: true, description: d, "
     "validator: 'positive'}\n  note: {type: string, required: false, "
     "description: d}\n", false},
    {"in escapes",
     "checkpoint: {\"\\x73trict\": true}\nevidence_schema:\n"
     "  \"d\\u006fne\": {type: \"boo\\u006cean\", required: true, description: "
     "d}\n  count: {type: integer, required: true, description: d, validator: "
     "\"p\\u006fsitive\"}\n  note: {type: string, required: false, "
     "description: d}\n", false},
    {"between marks",
     "%YAML 1.2\n---\ncheckpoint: {strict: true}\nevidence_schema:\n"
     "  done: {type: boolean, required: true, description: d}\n"
     "  count: {type: integer, required: true, description: d, validator: "
     "positive}\n  note: {type: string, required: false, description: d}\n"
     "...\n", true},
    {"with comments",
     "# a gate\ncheckpoint: # of this phase\n  # really\n  strict: true # yes\n"
     "evidence_schema:\n\n  done: # here\n    type: boolean\n#   required: "
     "false\n    required: true\n    description: d\n  count: {type: integer, "
     "required: true, description: d, validator: positive} # more\n  note: "
     "{type: string, required: false, description: d}\n# end", false},
    {"with lines of another system",
     "checkpoint:\r\n  strict: true\r\nevidence_schema:\r\n  done: {type: "
     "boolean, required: true, description: d}\r\n  count: {type: integer, "
     "required: true, description: d, validator: positive}\r\n  note: {type: "
     "string, required: false, description: d}\r\n", false},
    {"with a mark of the bytes' order",
     "\xEF\xBB\xBF" "checkpoint: {strict: true}\nevidence_schema:\n  done: "
     "{type: boolean, required: true, description: d}\n  count: {type: "
     "integer, required: true, description: d, validator: positive}\n  note: "
     "{type: string, required: false, description: d}\n", false},
    {"with texts in blocks",
     "checkpoint: {strict: true}\nevidence_schema:\n  done:\n    description: "
     "|\n      required: false\n      type: string\n    type: boolean\n    "
     "required: true\n  count:\n    description: >-\n      validator: none\n"
     "    type: >-\n      integer\n    required: true\n    validator: positive\n"
     "  note: {type: string, required: false, description: d}\n", false},
    {"set wide",
     "checkpoint:\n          strict: true\nevidence_schema:\n        done:\n"
     "              type: boolean\n              required: true\n"
     "              description: d\n        count: {type: integer, required: "
     "true, description: d, validator: positive}\n        note: {type: string, "
     "required: false, description: d}\n", false},
    {"in words of old",
     "checkpoint: {strict: yes}\nevidence_schema:\n  done: {type: boolean, "
     "required: on, description: d}\n  count: {type: integer, required: Yes, "
     "description: d, validator: positive}\n  note: {type: string, required: "
     "off, description: d}\n", false},
    {"with an anchor",
     "checkpoint: {strict: true}\nevidence_schema:\n  done: {type: boolean, "
     "required: &must true, description: &d d}\n  count: {type: integer, "
     "required: *must, description: *d, validator: positive}\n  note: {type: "
     "string, required: false, description: *d}\n", true},
    {"with keys merged in",
     "checkpoint: {strict: true}\nevidence_schema:\n  done: &field {type: "
     "boolean, required: true, description: d}\n  count: {<<: *field, type: "
     "integer, validator: positive}\n  note: {type: string, required: false, "
     "description: d}\n", true},
    {"with tags",
     "checkpoint: {strict: !!bool \"true\"}\nevidence_schema:\n  done: {type: "
     "!!str boolean, required: !!bool true, description: d}\n  count: {type: "
     "integer, required: true, description: d, validator: positive}\n  note: "
     "{type: string, required: false, description: d}\n", true},
    {"with keys set apart",
     "? checkpoint\n: {strict: true}\n? evidence_schema\n: ? done\n  : {type: "
     "boolean, required: true, description: d}\n  ? count\n  : {type: integer, "
     "required: true, description: d, validator: positive}\n  ? note\n  : "
     "{type: string, required: false, description: d}\n", true},
    {"required in words",
     "checkpoint: {strict: true}\nevidence_schema:\n  done: {type: boolean, "
     "required: \"true\", description: d}\n  count: {type: integer, required: "
     "true, description: d, validator: positive}\n  note: {type: string, "
     "required: false, description: d}\n", true},
    {"twice",
     "checkpoint: {strict: true}\nevidence_schema:\n  done: {type: boolean, "
     "required: true, required: false, description: d}\n  count: {type: "
     "integer, required: true, description: d, validator: positive}\n  note: "
     "{type: string, required: false, description: d}\n", true},
    {"two documents",
     "checkpoint: {strict: true}\nevidence_schema:\n  done: {type: boolean, "
     "required: true, description: d}\n  count: {type: integer, required: "
     "true, description: d, validator: positive}\n  note: {type: string, "
     "required: false, description: d}\n---\nevidence_schema: {}\n", true},
    {"a schema twice",
     "checkpoint: {strict: true}\nevidence_schema:\n  done: {type: boolean, "
     "required: true, description: d}\nevidence_schema:\n  note: {type: "
     "string, required: false, description: d}\n", true},
};
static const struct {
    const char *evidence;
    bool passes;
} tries[] = {
    {"{\"done\":true,\"count\":3}", true},
    {"{\"done\":true,\"count\":3,\"note\":\"n\"}", true},
    {"{}", false},
    {"{\"count\":3}", false},
    {"{\"done\":true}", false},
    {"{\"done\":false,\"count\":3}", false},
    {"{\"done\":\"true\",\"count\":3}", false},
    {"{\"done\":true,\"count\":\"3\"}", false},
    {"{\"done\":true,\"count\":0}", false},
    {"{\"done\":true,\"count\":3,\"note\":7}", false},
};
/* clang-format on */

TEST(gate_forms, no_way_to_write_a_gate_makes_it_ask_for_less)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct eng_report r;
        const struct eng_gate *g = kit_gate(forms[i].text, &r);
        if (!g && forms[i].may_break) continue;
        if (!g)
            FAIL("%s: broken: %.*s", forms[i].name,
                 SLICE_ARG(r.items[0].message));
        for (size_t k = 0; k < sizeof(tries) / sizeof(tries[0]); k++) {
            struct eng_verdict v = kit_judge(g, tries[k].evidence);
            if (v.passed != tries[k].passes)
                FAIL("%s: %s %s", forms[i].name, tries[k].evidence,
                     v.passed ? "passes" : "is refused");
        }
    }
}
