/* What a gate file may write under proof:, file:, command:, ci: and value:,
 * and what each wrong key or value is told. */
#include <stdio.h>

#include "tests/unit/workflow_kit.h"

/* A gate with one required field of this type and these keys. */
static const struct eng_gate *gate_of(const char *type, const char *keys,
                                      struct eng_report *r)
{
    return kit_gate(arena_printf(test_arena(),
                                 "checkpoint: {strict: true}\n"
                                 "evidence_schema:\n"
                                 "  a: {type: %s, required: true, %s}\n",
                                 type, keys)
                        .p,
                    r);
}

struct demand {
    const char *type, *keys;
    const char *says; /* NULL: it is right */
};

static void check(const struct demand *d)
{
    struct eng_report r;
    const struct eng_gate *g = gate_of(d->type, d->keys, &r);
    if (!d->says) {
        if (!g) FAIL("refused: %.*s", SLICE_ARG(r.items[0].message));
        CHECK_INT_EQ(r.errors, 0);
        return;
    }
    if (g) FAIL("accepted: %s", d->keys);
    for (size_t i = 0; i < r.count; i++) {
        const struct eng_finding *f = &r.items[i];
        if (slice_find(f->message, slice_of(d->says)) == f->message.n) continue;
        CHECK_STR_EQ(f->code, "GATE_BROKEN");
        CHECK_INT_EQ(f->line, 3);
        CHECK_INT_GT(f->how_to_fix.n, 0);
        return;
    }
    FAIL("not told of \"%s\" but: %.*s", d->says,
         SLICE_ARG(r.items[0].message));
}

/* clang-format off */
TEST_EACH(gate_proof, the_rung_is_one_of_the_known_and_its_settings_its_own,
          struct demand, d,
    {"boolean", "proof: claimed", NULL},
    {"boolean", "proof: human", NULL},
    {"boolean", "proof: client", NULL},
    {"boolean", "proof: client, fresh: true", "proven by no file"},
    {"string", "proof: file", NULL},
    {"boolean", "proof: magic", "magic is not one of "},
    {"boolean", "proof: [file]", "is not one of "},
    {"boolean", "proof: 3", "3 is not one of "},
    {"string", "file: {path: x}", "file: stands without proof: file"},
    {"boolean", "command: [make]", "command: stands without proof: command"},
    {"boolean", "ci: {path: x}", "ci: stands without proof: ci"},
    {"string", "proof: file, command: [make]", "command: stands without"},
    {"string", "proof: file, ci: {}", "ci: stands without"},
    {"boolean", "proof: ci, ci: {path: a, identity: a@b, keys: [k], time: "
     "at}", "ci.time is no JSON pointer"},
    {"boolean", "proof: ci, ci: {path: a, identity: a@b, keys: [k], time: "
     "/at}", NULL},
    {"boolean", "proof: command, command: [make], file: {}",
     "file: stands without"},
    {"string", "proof: file, fresh: false", NULL},
    {"string", "proof: file, fresh: true", NULL},
    {"string", "fresh: true", "proven by no file"},
    {"boolean", "proof: human, fresh: true", "proven by no file"},
    {"boolean", "proof: command, command: [make], fresh: true",
     "proven by no file"},
    {"boolean",
     "proof: command, command: {argv: [make], inputs: []}, fresh: true",
     "proven by no file"},
    {"boolean",
     "proof: command, command: {argv: [make], inputs: [a.c]}, fresh: true",
     NULL},
    {"boolean", "proof: command, command: {argv: [make], inputs: [/a.c]}",
     "leaves the project"},
    {"boolean", "proof: command, command: {argv: [make], inputs: a.c}",
     "command.inputs"},
    {"boolean", "proof: command, command: {argv: [make], inputs: [1]}",
     "command.inputs"},
    {"string", "proof: file, fresh: perhaps", "perhaps"})
/* clang-format on */
{
    check(d);
}

#define FILE_OF(keys) "string", "proof: file, file: {" keys "}"
/* clang-format off */
TEST_EACH(gate_proof, a_file_is_asked_for_by_place_size_age_and_content,
          struct demand, d,
    {FILE_OF(""), NULL},
    {FILE_OF("path: docs/a.md"), NULL},
    {FILE_OF("path: ..a/b..c/..."), NULL},
    {FILE_OF("under: docs, min_bytes: 0, max_bytes: 1, "
             "newer_than_phase: true, pattern: '^# '"), NULL},
    {FILE_OF("max_bytes: 1073741824"), NULL},
    {FILE_OF("path: /etc/passwd"), "file.path leaves the project"},
    {FILE_OF("path: ../a"), "file.path leaves the project"},
    {FILE_OF("path: a/../../b"), "file.path leaves the project"},
    {FILE_OF("under: a/.."), "file.under leaves the project"},
    {FILE_OF("path: ''"), "file.path is empty"},
    {FILE_OF("path: \"a\\0b\""), "file.path holds a NUL"},
    {FILE_OF("path: [a]"), "file.path"},
    {FILE_OF("path: 5"), "file.path"},
    {FILE_OF("min_bytes: -1"),
     "file.min_bytes must be an integer from 0 to 1073741824"},
    {FILE_OF("min_bytes: 1.5"), "file.min_bytes must be an integer"},
    {FILE_OF("min_bytes: '1'"), "file.min_bytes must be an integer"},
    {FILE_OF("max_bytes: 0"),
     "file.max_bytes must be an integer from 1 to 1073741824"},
    {FILE_OF("max_bytes: 1073741825"), "file.max_bytes must be"},
    {FILE_OF("max_bytes: 99999999999999999999"), "file.max_bytes must be"},
    {FILE_OF("newer_than_phase: perhaps"), "perhaps"},
    {FILE_OF("pattern: '('"), "file.pattern is no pattern: "},
    {FILE_OF("pattern: '(?<!a)b'"), "file.pattern is no pattern: "},
    {FILE_OF("pattern: ''"), "file.pattern is empty"},
    {FILE_OF("pattern: {a: b}"), "file.pattern"},
    {FILE_OF("pth: a"), "pth"},
    {"string", "proof: file, file: docs/a.md", "file must be"},
    {"boolean", "proof: file", "\"a\" is no string"})
/* clang-format on */
{
    check(d);
}

#define RUN(type, keys) type, "proof: command, command: {argv: [make]" keys "}"
/* clang-format off */
TEST_EACH(gate_proof, a_command_is_words_and_limits, struct demand, d,
    {"boolean", "proof: command, command: [make, check]", NULL},
    {RUN("boolean", ""), NULL},
    {RUN("boolean", ", env: {CI: 'true', _x9: a=b}, folder: src"), NULL},
    {RUN("boolean", ", timeout_s: 3600, output_mb: 256, exit: 255, cpu_s: 1, "
         "memory_mb: 16, file_mb: 1, files: 16, processes: 4096"), NULL},
    {"boolean", "proof: command", "\"a\" has no command to run"},
    {"boolean", "proof: command, command: {}", "\"a\" has no command to run"},
    {"boolean", "proof: command, command: make", "command must be"},
    {"boolean", "proof: command, command: []", "command.argv has 0 words"},
    {"boolean", "proof: command, command: [make, 1]", "each word of"},
    {"boolean", "proof: command, command: [make, '']",
     "each word of command.argv is empty"},
    {"boolean", "proof: command, command: [\"a\\0b\"]",
     "each word of command.argv holds a NUL"},
    {"boolean", "proof: command, command: {argv: make}", "command.argv"},
    {RUN("boolean", ", env: [a]"), "command.env"},
    {RUN("boolean", ", env: {9a: b}"), "\"9a\" is no name of a variable"},
    {RUN("boolean", ", env: {a-b: c}"), "\"a-b\" is no name of a variable"},
    {RUN("boolean", ", env: {'a=b': c}"), "\"a=b\" is no name of a variable"},
    {RUN("boolean", ", env: {'': c}"), "\"\" is no name of a variable"},
    {RUN("boolean", ", env: {A: 1}"), "each value of command.env"},
    {RUN("boolean", ", folder: ../x"), "command.folder leaves the project"},
    {RUN("boolean", ", folder: /tmp"), "command.folder leaves the project"},
    {RUN("boolean", ", timeout_s: 0"),
     "command.timeout_s must be an integer from 1 to 3600"},
    {RUN("boolean", ", timeout_s: 3601"), "command.timeout_s must be"},
    {RUN("boolean", ", timeout_s: soon"), "command.timeout_s must be"},
    {RUN("boolean", ", output_mb: 257"),
     "command.output_mb must be an integer from 1 to 256"},
    {RUN("boolean", ", exit: 256"),
     "command.exit must be an integer from 0 to 255"},
    {RUN("boolean", ", exit: -1"), "command.exit must be"},
    {RUN("boolean", ", cpu_s: 0"), "command.cpu_s must be"},
    {RUN("boolean", ", memory_mb: 15"), "command.memory_mb must be"},
    {RUN("boolean", ", file_mb: 0"), "command.file_mb must be"},
    {RUN("boolean", ", files: 15"), "command.files must be"},
    {RUN("boolean", ", processes: 4097"), "command.processes must be"},
    {RUN("boolean", ", timeout: 5"), "timeout"},
    {RUN("boolean", ", shell: true"), "shell"})
/* clang-format on */
{
    check(d);
}

#define VALUE(type, keys) RUN(type, ", value: {" keys "}")
/* clang-format off */
TEST_EACH(gate_proof, a_value_is_read_in_one_way_that_can_give_its_type,
          struct demand, d,
    {VALUE("integer", "regex: '([0-9]+) ok'"), NULL},
    {VALUE("number", "regex: '([0-9.]+)'"), NULL},
    {VALUE("string", "regex: 'v(.+)', file: out.txt"), NULL},
    {VALUE("integer", "json: /a/0"), NULL},
    {VALUE("object", "json: ''"), NULL},
    {VALUE("boolean", "json: /ok"), NULL},
    {VALUE("integer", "pytest: passed"), NULL},
    {VALUE("number", "pytest: total"), NULL},
    {VALUE("integer", "junit: failed, file: out.xml"), NULL},
    {VALUE("integer", ""), "value does not say how it is read"},
    {VALUE("integer", "file: out.txt"), "value does not say how it is read"},
    {VALUE("integer", "regex: a, json: /a"), "value has several ways"},
    {VALUE("integer", "pytest: passed, junit: passed, file: a"),
     "value has several ways"},
    {VALUE("integer", "regex: '['"), "value.regex is no pattern: "},
    {VALUE("integer", "regex: ''"), "value.regex is empty"},
    {VALUE("integer", "json: a/b"), "value.json is no JSON pointer"},
    {VALUE("integer", "json: 5"), "value.json"},
    {VALUE("integer", "json: []"), "value.json"},
    {VALUE("integer", "pytest: passing"), "\"passing\" is no count of tests"},
    {VALUE("integer", "pytest: ''"), "value.pytest is empty"},
    {VALUE("integer", "junit: Passed, file: a"), "\"Passed\" is no count"},
    {VALUE("integer", "junit: passed"), "value.junit has no file"},
    {VALUE("integer", "junit: passed, file: ../a.xml"),
     "value.file leaves the project"},
    {VALUE("integer", "xpath: /a"), "xpath"},
    {RUN("integer", ", value: 5"), "value must be"},
    {RUN("integer", ""), "\"a\" cannot be a integer here"},
    {RUN("string", ""), "\"a\" cannot be a string here"},
    {VALUE("boolean", "regex: a"), "\"a\" cannot be a boolean here"},
    {VALUE("list", "regex: a"), "\"a\" cannot be a list here"},
    {VALUE("string", "pytest: passed"), "\"a\" cannot be a string here"},
    {VALUE("boolean", "junit: passed, file: a"), "\"a\" cannot be a boolean"})
/* clang-format on */
{
    check(d);
}

#define CI(type, keys) type, "proof: ci, ci: {" keys "}"
#define KEY "keys: [ssh-ed25519 AAAA]"
#define INCOMPLETE "whose signature on which file"
/* clang-format off */
TEST_EACH(gate_proof, ci_is_a_file_who_signs_it_and_with_which_keys,
          struct demand, d,
    {CI("boolean", "path: r.json, identity: ci@example.org, " KEY), NULL},
    {CI("boolean", "path: r, identity: a+b-c_d.e@F9, signature: s, "
        "keys: [a, b]"), NULL},
    {CI("integer", "path: r, identity: ci, " KEY ", value: {json: /n}"), NULL},
    {"boolean", "proof: ci", INCOMPLETE},
    {CI("boolean", ""), INCOMPLETE},
    {CI("boolean", "path: r, identity: ci"), INCOMPLETE},
    {CI("boolean", "path: r, identity: ci, keys: []"), INCOMPLETE},
    {CI("boolean", "path: r, " KEY), INCOMPLETE},
    {CI("boolean", "identity: ci, " KEY), INCOMPLETE},
    {CI("boolean", "path: r, identity: '*', " KEY), INCOMPLETE},
    {CI("boolean", "path: r, identity: 'a,b', " KEY), INCOMPLETE},
    {CI("boolean", "path: r, identity: 'a b', " KEY), INCOMPLETE},
    {CI("boolean", "path: r, identity: '!a', " KEY), INCOMPLETE},
    {CI("boolean", "path: /r, identity: ci, " KEY), "ci.path leaves"},
    {CI("boolean", "path: r, signature: ../s, identity: ci, " KEY),
     "ci.signature leaves"},
    {CI("boolean", "path: r, identity: ci, keys: k"), "ci.keys"},
    {CI("boolean", "path: r, identity: ci, keys: [1]"), "each of ci.keys"},
    {CI("boolean", "path: r, identity: ci, keys: [\"a\\nb\"]"),
     "a key of ci.keys has several lines"},
    {CI("boolean", "path: r, identity: 5, " KEY), "ci.identity"},
    {CI("integer", "path: r, identity: ci, " KEY), "cannot be a integer here"},
    {CI("boolean", "path: r, identity: ci, url: x, " KEY), "url"},
    {"boolean", "proof: ci, ci: r.json", "ci must be"})
/* clang-format on */
{
    check(d);
}

/* "[x, x, ...]" or "{x0: x, ...}" */
static struct slice many(bool mapping, int n)
{
    struct buf b = BUF_INIT(1 << 20);
    for (int i = 0; i < n; i++)
        buf_printf(&b, mapping ? "%sx%d: x" : "%sx", i ? ", " : "", i);
    struct slice s = arena_printf(test_arena(), mapping ? "{%.*s}" : "[%.*s]",
                                  SLICE_ARG(buf_slice(&b)));
    buf_done(&b);
    return s;
}

struct ceiling {
    const char *type, *keys; /* with %s where the many stand */
    bool mapping;
    const char *says;
};
/* clang-format off */
TEST_EACH(gate_proof, lists_have_a_ceiling_and_nothing_is_dropped,
          struct ceiling, c,
    {"boolean", "proof: command, command: {argv: %s}", false,
     "command.argv has 257 words"},
    {"boolean", "proof: command, command: {argv: [a], env: %s}", true,
     "command.env has 257 variables"},
    {"boolean", "proof: ci, ci: {path: r, identity: ci, keys: %s}", false,
     "ci.keys has 257 keys"})
/* clang-format on */
{
    for (int n = 256; n <= 257; n++) {
        struct slice at = slice_of(c->keys);
        size_t cut = slice_find(at, SLICE("%s"));
        struct slice list = many(c->mapping, n);
        struct slice keys = arena_printf(
            test_arena(), "%.*s%.*s%.*s", SLICE_ARG(slice_sub(at, 0, cut)),
            SLICE_ARG(list), SLICE_ARG(slice_sub(at, cut + 2, at.n)));
        check(&(struct demand){c->type, keys.p, n > 256 ? c->says : NULL});
    }
}

TEST(gate_proof, what_is_written_is_what_is_demanded)
{
    struct eng_report r;
    const struct eng_gate *g =
        gate_of("integer",
                "proof: command, command: {argv: [make, -k], env: {CI: 'a=b'}, "
                "folder: src, timeout_s: 7, output_mb: 2, exit: 3, cpu_s: 4, "
                "memory_mb: 64, file_mb: 5, files: 32, processes: 9, "
                "value: {junit: total, file: out.xml}}",
                &r);
    CHECK(g && g->runs_commands && !g->approval_required);
    const struct eng_command *c = g->fields[0].command;
    CHECK_INT_EQ(c->argc, 2);
    CHECK_STR_EQ(c->argv[1], "-k");
    CHECK(!c->argv[2]);
    CHECK_STR_EQ(c->env[0], "CI=a=b");
    CHECK(!c->env[1]);
    CHECK_TEXT_EQ(c->folder, "src");
    CHECK_INT_EQ(c->timeout_ms, 7000);
    CHECK_INT_EQ(c->output_max, 2 << 20);
    CHECK_INT_EQ(c->exit, 3);
    CHECK_INT_EQ(c->cpu_s, 4);
    CHECK_INT_EQ(c->memory_bytes, 64 << 20);
    CHECK_INT_EQ(c->file_bytes, 5 << 20);
    CHECK_INT_EQ(c->files, 32);
    CHECK_INT_EQ(c->processes, 9);
    CHECK_INT_EQ(c->value.from, ENG_VALUE_JUNIT);
    CHECK_TEXT_EQ(c->value.text, "total");
    CHECK_TEXT_EQ(c->value.path, "out.xml");
}

TEST(gate_proof, ci_knows_where_a_signature_lies_that_nobody_placed)
{
    struct eng_report r;
    const struct eng_gate *g =
        gate_of(CI("boolean", "path: r.json, identity: ci@x, "
                              "keys: [k1, k2]"),
                &r);
    CHECK(g != NULL);
    CHECK_TEXT_EQ(g->fields[0].ci->signature, "r.json.sig");
    CHECK_TEXT_EQ(g->fields[0].ci->signers,
                  "ci@x namespaces=\"phasegate\" k1\n"
                  "ci@x namespaces=\"phasegate\" k2\n");
}

TEST(gate_proof, a_human_s_word_needs_an_approval)
{
    struct eng_report r;
    const struct eng_gate *g = gate_of("boolean", "proof: human", &r);
    CHECK(g && g->approval_required);
}

struct lowest {
    const char *lowest, *field, *says;
};
/* clang-format off */
TEST_EACH(gate_proof, a_gate_s_lowest_rung_holds_for_required_fields,
          struct lowest, l,
    {"file", "{type: string, required: true, proof: file}", NULL},
    {"file", "{type: boolean, required: true, proof: command, "
     "command: [make]}", NULL},
    {"file", "{type: boolean, required: false}", NULL},
    {"client", "{type: string, required: true, proof: file}", NULL},
    {"client", "{type: boolean, required: true}", "demands claimed"},
    {"file", "{type: boolean, required: true, proof: client}",
     "demands client"},
    {"human", "{type: boolean, required: true, proof: client}",
     "demands client"},
    {"file", "{type: boolean, required: true}",
     "demands proof: file of every required field, and \"a\" demands claimed"},
    {"command", "{type: string, required: true, proof: file}",
     "proof: command of every required field, and \"a\" demands file"},
    {"magic", "{type: boolean}", "magic is not one of"})
/* clang-format on */
{
    struct eng_report r;
    const struct eng_gate *g =
        kit_gate(arena_printf(test_arena(),
                              "checkpoint: {strict: true, proof: %s}\n"
                              "evidence_schema:\n  a: %s\n",
                              l->lowest, l->field)
                     .p,
                 &r);
    if (!l->says) {
        if (!g) FAIL("%.*s", SLICE_ARG(r.items[0].message));
        return;
    }
    CHECK(!g);
    CHECK_CONTAINS(r.items[0].message, l->says);
}
