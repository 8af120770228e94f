/* The reader against RFC 8259, rule by rule. */
#include "base/json.h"
#include "base/json_write.h"
#include "tests/runner/test.h"

#include <stdlib.h>
#include <string.h>

static enum err parse(struct slice in, const struct json **ret,
                      struct json_error *reterr)
{
    /* A copy of exactly this size: ASan sees a read behind the end. */
    char *exact = malloc(in.n ? in.n : 1);
    memcpy(exact, in.p ? in.p : "", in.n);
    struct slice copy = arena_copy(test_arena(), in);
    enum err e = json_parse((struct slice){exact, in.n}, NULL, test_arena(),
                            ret, reterr);
    free(exact);
    return e ? e : json_parse(copy, NULL, test_arena(), ret, reterr);
}

static const struct json *parsed(struct slice in)
{
    const struct json *v;
    struct json_error error;
    CHECK_OK(parse(in, &v, &error));
    return v;
}

#define PARSED(lit) parsed(SLICE(lit))

static struct slice written(const struct json *v)
{
    struct buf b = BUF_INIT((size_t)1 << 24);
    struct json_writer w = json_writer(&b);
    json_value(&w, v);
    CHECK_OK(b.err);
    struct slice s = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    return s;
}

/* --- accepted: the text, and how we write it back ------------------------- */

struct accept {
    const char *rule;
    struct slice text, out;
};
#define A(rule, text, out)                                                     \
    {                                                                          \
        rule, SLICE_INIT(text), SLICE_INIT(out)                                \
    }

/* clang-format off */
TEST_EACH(json, accepts_what_the_grammar_allows, struct accept, row,
          /* section 2: JSON-text = ws value ws; structural characters */
          A("ws: none", "1", "1"),
          A("ws: space", " 1 ", "1"),
          A("ws: tab", "\t1\t", "1"),
          A("ws: line feed", "\n1\n", "1"),
          A("ws: carriage return", "\r1\r", "1"),
          A("ws: mixed and many", " \t\r\n  1  \n\r\t ", "1"),
          A("begin-array with ws", "[ \n1]", "[1]"),
          A("end-array with ws", "[1 \t]", "[1]"),
          A("begin-object with ws", "{ \"a\":1}", "{\"a\":1}"),
          A("end-object with ws", "{\"a\":1\r\n}", "{\"a\":1}"),
          A("name-separator with ws", "{\"a\" : 1}", "{\"a\":1}"),
          A("value-separator with ws", "[1 , 2]", "[1,2]"),
          A("ws in empty array", "[ ]", "[]"),
          A("ws in empty object", "{\n}", "{}"),
          /* section 3: any value may be the text */
          A("value: false", "false", "false"),
          A("value: null", "null", "null"),
          A("value: true", "true", "true"),
          A("value: object", "{}", "{}"),
          A("value: array", "[]", "[]"),
          A("value: number", "0", "0"),
          A("value: string", "\"\"", "\"\""),
          /* section 4: object */
          A("member: one", "{\"a\":null}", "{\"a\":null}"),
          A("member: several, order kept", "{\"b\":1,\"a\":2,\"c\":3}",
            "{\"b\":1,\"a\":2,\"c\":3}"),
          A("member: empty name", "{\"\":0}", "{\"\":0}"),
          A("member: escaped name", "{\"\\u0061\\n\":0}", "{\"a\\n\":0}"),
          A("member: name with NUL", "{\"\\u0000\":0}", "{\"\\u0000\":0}"),
          A("member: name of UTF-8", "{\"\xC3\xA9\":0}", "{\"\xC3\xA9\":0}"),
          A("member: names repeat", "{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}"),
          A("member: object in object", "{\"a\":{\"a\":{}}}",
            "{\"a\":{\"a\":{}}}"),
          A("member: array in object", "{\"a\":[1],\"b\":[]}",
            "{\"a\":[1],\"b\":[]}"),
          A("member: more than the first stack holds, long names",
            "{\"a member with quite a long name\":\"and a long value too\"}",
            "{\"a member with quite a long name\":\"and a long value too\"}"),
          /* section 5: array */
          A("array: one", "[0]", "[0]"),
          A("array: several kinds", "[1,\"a\",null,true,false,{},[]]",
            "[1,\"a\",null,true,false,{},[]]"),
          A("array: nested", "[[[]],[[],[]]]", "[[[]],[[],[]]]"),
          A("array: object after array", "[[],{}]", "[[],{}]"),
          /* section 6: number */
          A("int: zero", "0", "0"),
          A("int: digit1-9", "7", "7"),
          A("int: digits", "1234567890", "1234567890"),
          A("int: zero inside", "10203", "10203"),
          A("minus: zero", "-0", "-0"),
          A("minus: int", "-12", "-12"),
          A("frac: after zero", "0.5", "0.5"),
          A("frac: after digits", "12.25", "12.25"),
          A("frac: zeros kept", "1.500", "1.500"),
          A("frac: many digits", "0.1234567890123456789",
            "0.1234567890123456789"),
          A("frac: negative", "-0.1", "-0.1"),
          A("exp: e", "1e5", "1e5"),
          A("exp: E", "1E5", "1E5"),
          A("exp: plus", "1e+5", "1e+5"),
          A("exp: minus", "1e-5", "1e-5"),
          A("exp: leading zeros", "1e005", "1e005"),
          A("exp: after frac", "1.5E+05", "1.5E+05"),
          A("exp: after zero", "0e0", "0e0"),
          A("exp: negative number", "-1e-1", "-1e-1"),
          A("number: above int64", "9223372036854775808",
            "9223372036854775808"),
          A("number: above double", "1e999", "1e999"),
          A("number: before , and ]", "[1,2]", "[1,2]"),
          A("number: before }", "{\"a\":1}", "{\"a\":1}"),
          /* section 7: string */
          A("char: unescaped low end", "\" \"", "\" \""),
          A("char: !", "\"!\"", "\"!\""),
          A("char: # to [", "\"#[\"", "\"#[\""),
          A("char: ] to ~", "\"]~\"", "\"]~\""),
          A("char: DEL is unescaped", "\"\x7F\"", "\"\x7F\""),
          A("char: slash needs no escape", "\"/\"", "\"/\""),
          A("escape: quote", "\"\\\"\"", "\"\\\"\""),
          A("escape: backslash", "\"\\\\\"", "\"\\\\\""),
          A("escape: slash", "\"\\/\"", "\"/\""),
          A("escape: b", "\"\\b\"", "\"\\b\""),
          A("escape: f", "\"\\f\"", "\"\\f\""),
          A("escape: n", "\"\\n\"", "\"\\n\""),
          A("escape: r", "\"\\r\"", "\"\\r\""),
          A("escape: t", "\"\\t\"", "\"\\t\""),
          A("escape: u, digits", "\"\\u0041\"", "\"A\""),
          A("escape: u, lower case", "\"\\u00e9\"", "\"\xC3\xA9\""),
          A("escape: u, upper case", "\"\\u00E9\"", "\"\xC3\xA9\""),
          A("escape: u, NUL", "\"a\\u0000b\"", "\"a\\u0000b\""),
          A("escape: u, control", "\"\\u001f\"", "\"\\u001f\""),
          A("escape: u, quote", "\"\\u0022\"", "\"\\\"\""),
          A("escape: u, backslash", "\"\\u005C\"", "\"\\\\\""),
          A("escape: u, last of one byte", "\"\\u007F\"", "\"\x7F\""),
          A("escape: u, first of two bytes", "\"\\u0080\"", "\"\xC2\x80\""),
          A("escape: u, last of two bytes", "\"\\u07FF\"", "\"\xDF\xBF\""),
          A("escape: u, first of three", "\"\\u0800\"", "\"\xE0\xA0\x80\""),
          A("escape: u, last before surrogates", "\"\\uD7FF\"",
            "\"\xED\x9F\xBF\""),
          A("escape: u, first behind surrogates", "\"\\uE000\"",
            "\"\xEE\x80\x80\""),
          A("escape: u, last of three", "\"\\uFFFF\"", "\"\xEF\xBF\xBF\""),
          A("escape: pair, first", "\"\\uD800\\uDC00\"",
            "\"\xF0\x90\x80\x80\""),
          A("escape: pair, last", "\"\\uDBFF\\uDFFF\"",
            "\"\xF4\x8F\xBF\xBF\""),
          A("escape: pair, mixed case", "\"\\ud83D\\uDe00\"",
            "\"\xF0\x9F\x98\x80\""),
          A("escape: pair then text", "\"\\ud83d\\ude00!\"",
            "\"\xF0\x9F\x98\x80!\""),
          A("escape: all in a row", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
            "\"\\\"\\\\/\\b\\f\\n\\r\\t\""),
          A("escape: backslash before the end", "\"abc\\\\\"",
            "\"abc\\\\\""),
          A("escape: behind a long run", "\"0123456789abcdef0123456789\\n\"",
            "\"0123456789abcdef0123456789\\n\""),
          A("escape: before a long run", "\"\\n0123456789abcdef0123456789\"",
            "\"\\n0123456789abcdef0123456789\""),
          A("escape: as the 16th byte", "\"012345678901234\\n5678\"",
            "\"012345678901234\\n5678\""),
          /* section 8: UTF-8 */
          A("utf-8: two bytes", "\"\xC2\x80\xDF\xBF\"",
            "\"\xC2\x80\xDF\xBF\""),
          A("utf-8: three bytes", "\"\xE0\xA0\x80\xEF\xBF\xBF\"",
            "\"\xE0\xA0\x80\xEF\xBF\xBF\""),
          A("utf-8: around the surrogates", "\"\xED\x9F\xBF\xEE\x80\x80\"",
            "\"\xED\x9F\xBF\xEE\x80\x80\""),
          A("utf-8: four bytes", "\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"",
            "\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\""),
          A("utf-8: line separators need no escape",
            "\"\xE2\x80\xA8\xE2\x80\xA9\"", "\"\xE2\x80\xA8\xE2\x80\xA9\""),
          A("utf-8: next to an escape", "\"\xC3\xA9\\n\xC3\xA9\"",
            "\"\xC3\xA9\\n\xC3\xA9\""),
          A("utf-8: across a block of 16", "\"0123456789abcde\xE2\x82\xAC.\"",
            "\"0123456789abcde\xE2\x82\xAC.\""),
          A("utf-8: BOM inside a string", "\"\xEF\xBB\xBF\"",
            "\"\xEF\xBB\xBF\""))
{
    CHECK_SLICE_EQ(written(parsed(row->text)), row->out);
    /* What we write, we read to the same text. */
    CHECK_SLICE_EQ(written(parsed(row->out)), row->out);
}
/* clang-format on */

/* --- refused: the text, where and why ------------------------------------- */

struct refuse {
    const char *rule;
    struct slice text;
    size_t at;
    const char *what;
};
#define R(rule, text, at, what)                                                \
    {                                                                          \
        rule, SLICE_INIT(text), at, what                                       \
    }

#define VALUE "expected a value"
#define DIGIT "needs a digit"
#define TAIL "only white space"
#define KEY "expected a key"
#define COLON "expected ':'"
#define IN_ARRAY "',' or ']'"
#define IN_OBJECT "',' or '}'"
#define NO_END "without an end"
#define UTF8 "UTF-8"
#define CONTROL "control character"
#define ESCAPE "unknown escape"
#define HEX "four hex digits"
#define LONE "lone surrogate"
#define ZERO "must not start with 0"

/* clang-format off */
TEST_EACH(json, refuses_what_the_grammar_does_not_allow, struct refuse, row,
          /* section 2 */
          R("text: empty", "", 0, VALUE),
          R("text: only ws", " \n", 2, VALUE),
          R("text: two values", "1 2", 2, TAIL),
          R("text: value then comma", "1,", 1, TAIL),
          R("text: two arrays", "[][]", 2, TAIL),
          R("text: closing bracket left", "[]]", 2, TAIL),
          R("text: closing brace left", "{}}", 2, TAIL),
          R("text: NUL behind", "1\0", 1, TAIL),
          R("text: comment behind", "1 // x", 2, TAIL),
          R("text: comment before", "/* x */ 1", 0, VALUE),
          R("ws: form feed", "\f1", 0, VALUE),
          R("ws: vertical tab", "1\v", 1, TAIL),
          R("ws: no-break space", "\xC2\xA0" "1", 0, VALUE),
          R("ws: NUL", "\0", 0, VALUE),
          R("ws: BOM", "\xEF\xBB\xBF" "1", 0, "byte order mark"),
          /* section 3 */
          R("literal: True", "True", 0, VALUE),
          R("literal: NULL", "NULL", 0, VALUE),
          R("literal: cut off", "tru", 0, VALUE),
          R("literal: cut in array", "[fals]", 1, VALUE),
          R("literal: nul", "[nul", 1, VALUE),
          R("literal: too long", "nullx", 4, TAIL),
          R("literal: true1", "[true1]", 5, IN_ARRAY),
          R("literal: undefined", "undefined", 0, VALUE),
          R("literal: NaN", "NaN", 0, VALUE),
          R("literal: Infinity", "[Infinity]", 1, VALUE),
          R("literal: -Infinity", "-Infinity", 1, DIGIT),
          /* section 4 */
          R("object: open", "{", 1, KEY),
          R("object: closed by ]", "{]", 1, KEY),
          R("object: name without quotes", "{a:1}", 1, KEY),
          R("object: name in single quotes", "{'a':1}", 1, KEY),
          R("object: name is a number", "{1:1}", 1, KEY),
          R("object: name is null", "{null:1}", 1, KEY),
          R("object: only a comma", "{,}", 1, KEY),
          R("object: comma first", "{,\"a\":1}", 1, KEY),
          R("object: name only", "{\"a\"}", 4, COLON),
          R("object: name, then the end", "{\"a\"", 4, COLON),
          R("object: comma for colon", "{\"a\",1}", 4, COLON),
          R("object: equals for colon", "{\"a\"=1}", 4, COLON),
          R("object: no value", "{\"a\":}", 5, VALUE),
          R("object: no value, then the end", "{\"a\":", 5, VALUE),
          R("object: two colons", "{\"a\"::1}", 5, VALUE),
          R("object: open behind a value", "{\"a\":1", 6, IN_OBJECT),
          R("object: no comma", "{\"a\":1 \"b\":2}", 7, IN_OBJECT),
          R("object: semicolon", "{\"a\":1;\"b\":2}", 6, IN_OBJECT),
          R("object: comma last", "{\"a\":1,}", 7, KEY),
          R("object: two commas", "{\"a\":1,,\"b\":2}", 7, KEY),
          R("object: comma, then the end", "{\"a\":1,", 7, KEY),
          R("object: closed by ] behind a value", "{\"a\":1]", 6, IN_OBJECT),
          R("object: value only", "{\"a\":1,2}", 7, KEY),
          /* section 5 */
          R("array: open", "[", 1, VALUE),
          R("array: closed by }", "[}", 1, VALUE),
          R("array: only a comma", "[,]", 1, VALUE),
          R("array: comma first", "[,1]", 1, VALUE),
          R("array: comma last", "[1,]", 3, VALUE),
          R("array: two commas", "[1,,2]", 3, VALUE),
          R("array: comma, then the end", "[1,", 3, VALUE),
          R("array: no comma", "[1 2]", 3, IN_ARRAY),
          R("array: strings without comma", "[\"a\" \"b\"]", 5, IN_ARRAY),
          R("array: colon", "[\"a\":1]", 4, IN_ARRAY),
          R("array: open behind a value", "[1", 2, IN_ARRAY),
          R("array: open inside", "[[1]", 4, IN_ARRAY),
          R("array: closed by } behind a value", "[1}", 2, IN_ARRAY),
          R("array: crossed", "[{\"a\":1]}", 7, IN_OBJECT),
          R("array: begins with ]", "]", 0, VALUE),
          /* section 6 */
          R("number: plus", "+1", 0, VALUE),
          R("number: minus alone", "-", 1, DIGIT),
          R("number: minus, then text", "-a", 1, DIGIT),
          R("number: two minus", "--1", 1, DIGIT),
          R("number: minus space", "- 1", 1, DIGIT),
          R("number: leading zero", "01", 0, ZERO),
          R("number: leading zero, negative", "-01", 1, ZERO),
          R("number: zeros", "[00]", 1, ZERO),
          R("number: point first", ".5", 0, VALUE),
          R("number: minus point", "-.5", 1, DIGIT),
          R("number: point last", "1.", 2, DIGIT),
          R("number: point last in array", "[1.]", 3, DIGIT),
          R("number: two points", "1.2.3", 3, TAIL),
          R("number: point, then e", "1.e5", 2, DIGIT),
          R("number: e last", "1e", 2, DIGIT),
          R("number: e plus", "1e+", 3, DIGIT),
          R("number: e minus", "[1e-]", 4, DIGIT),
          R("number: e twice", "1e5e5", 3, TAIL),
          R("number: fraction in exponent", "1e5.5", 3, TAIL),
          R("number: e first", "e5", 0, VALUE),
          R("number: hexadecimal", "0x10", 1, TAIL),
          R("number: octal", "0o7", 1, TAIL),
          R("number: underscore", "1_000", 1, TAIL),
          R("number: comma as point", "[1,5,]", 5, VALUE),
          R("number: letter behind", "12a", 2, TAIL),
          R("number: full-width digit", "\xEF\xBC\x91", 0, VALUE),
          R("number: plus minus", "1e+-5", 3, DIGIT),
          /* section 7 */
          R("string: no end", "\"", 0, NO_END),
          R("string: no end, text", "\"abc", 0, NO_END),
          R("string: no end in array", "[1,\"abc]", 3, NO_END),
          R("string: no end behind an escape", "\"\\n", 0, NO_END),
          R("string: escaped quote last", "\"\\\"", 0, NO_END),
          R("string: backslash last", "\"\\", 0, NO_END),
          R("string: single quotes", "'a'", 0, VALUE),
          R("string: raw NUL", "\"a\0b\"", 2, CONTROL),
          R("string: raw line feed", "\"a\nb\"", 2, CONTROL),
          R("string: raw tab", "\"\t\"", 1, CONTROL),
          R("string: raw 1F", "\"\x1F\"", 1, CONTROL),
          R("string: raw control far in", "\"0123456789abcdef012\x01\"", 20,
            CONTROL),
          R("string: raw control behind an escape", "\"\\n\t\"", 3, CONTROL),
          R("string: raw control in a name", "{\"\n\":1}", 2, CONTROL),
          R("escape: unknown letter", "\"\\a\"", 1, ESCAPE),
          R("escape: x", "\"\\x41\"", 1, ESCAPE),
          R("escape: single quote", "\"\\'\"", 1, ESCAPE),
          R("escape: upper case N", "\"\\N\"", 1, ESCAPE),
          R("escape: upper case U", "\"\\U0041\"", 1, ESCAPE),
          R("escape: digit", "\"\\0\"", 1, ESCAPE),
          R("escape: line feed", "\"\\\n\"", 1, ESCAPE),
          R("escape: NUL", "\"\\\0\"", 1, ESCAPE),
          R("escape: UTF-8", "\"\\\xC3\xA9\"", 1, ESCAPE),
          R("escape: u alone", "\"\\u\"", 1, HEX),
          R("escape: u, three digits", "\"\\u004\"", 1, HEX),
          R("escape: u, no hex", "\"\\u00G0\"", 1, HEX),
          R("escape: u, sign", "\"\\u+041\"", 1, HEX),
          R("escape: u, space", "\"\\u 041\"", 1, HEX),
          R("escape: u, first digit", "\"\\uX041\"", 1, HEX),
          R("escape: u behind text", "\"abc\\u12\"", 4, HEX),
          R("surrogate: high alone", "\"\\uD800\"", 1, LONE),
          R("surrogate: high, text", "\"\\uD800abcdef\"", 1, LONE),
          R("surrogate: high, other escape", "\"\\uD800\\n\"", 1, LONE),
          R("surrogate: high twice", "\"\\uD800\\uD800\"", 1, LONE),
          R("surrogate: high, letter", "\"\\uDBFF\\u0041\"", 1, LONE),
          R("surrogate: high, cut pair", "\"\\uD800\\uDC\"", 1, LONE),
          R("surrogate: high, behind low", "\"\\uD800\\uE000\"", 1, LONE),
          R("surrogate: low alone", "\"\\uDC00\"", 1, LONE),
          R("surrogate: low first", "\"\\uDC00\\uD800\"", 1, LONE),
          R("surrogate: low last", "\"a\\uDFFF\"", 2, LONE),
          R("surrogate: in a name", "{\"\\uD800\":1}", 2, LONE),
          /* section 8 */
          R("utf-8: stray continuation", "\"\x80\"", 1, UTF8),
          R("utf-8: stray continuation, last", "\"\xBF\"", 1, UTF8),
          R("utf-8: overlong, C0", "\"\xC0\x80\"", 1, UTF8),
          R("utf-8: overlong, C1", "\"\xC1\xBF\"", 1, UTF8),
          R("utf-8: overlong, three bytes", "\"\xE0\x9F\xBF\"", 1, UTF8),
          R("utf-8: overlong, four bytes", "\"\xF0\x8F\xBF\xBF\"", 1, UTF8),
          R("utf-8: surrogate, first", "\"\xED\xA0\x80\"", 1, UTF8),
          R("utf-8: surrogate, last", "\"\xED\xBF\xBF\"", 1, UTF8),
          R("utf-8: above 10FFFF", "\"\xF4\x90\x80\x80\"", 1, UTF8),
          R("utf-8: F5", "\"\xF5\x80\x80\x80\"", 1, UTF8),
          R("utf-8: FE", "\"\xFE\"", 1, UTF8),
          R("utf-8: FF", "\"\xFF\"", 1, UTF8),
          R("utf-8: two bytes, cut", "\"\xC3\"", 1, UTF8),
          R("utf-8: three bytes, cut", "\"\xE2\x82\"", 1, UTF8),
          R("utf-8: four bytes, cut", "\"\xF0\x9F\x98\"", 1, UTF8),
          R("utf-8: two bytes, text ends", "\"\xC3", 1, UTF8),
          R("utf-8: second byte wrong", "\"\xC3(\"", 1, UTF8),
          R("utf-8: third byte wrong", "\"\xE2\x82(\"", 1, UTF8),
          R("utf-8: fourth byte wrong", "\"\xF0\x9F\x98(\"", 1, UTF8),
          R("utf-8: latin-1", "\"caf\xE9\"", 4, UTF8),
          R("utf-8: behind an escape", "\"\\n\xFF\"", 3, UTF8),
          R("utf-8: far in", "\"0123456789abcdef0123\xFF\"", 21, UTF8),
          R("utf-8: in a name", "{\"\xFF\":1}", 2, UTF8),
          R("utf-8: outside a string", "\xFF", 0, VALUE),
          R("utf-16: little endian", "\xFF\xFE[\0]\0", 0, VALUE),
          R("utf-16: no mark", "[\0]\0", 1, VALUE))
{
    const struct json *v;
    struct json_error error = {.at = SIZE_MAX};
    CHECK_ERR(parse(row->text, &v, &error), ERR_PARSE);
    CHECK_INT_EQ(error.at, row->at);
    CHECK_CONTAINS(slice_of(error.what), row->what);
}
/* clang-format on */

/* --- in the manner of JSONTestSuite --------------------------------------- */

/* y_ must be accepted, n_ refused; i_ is left to us, and `why` is our reason.
 * The texts are our own. */
struct suite_row {
    const char *name;
    struct slice text;
    bool accepted;
    const char *why;
};
#define S(name, text, accepted, why)                                           \
    {                                                                          \
        name, SLICE_INIT(text), accepted, why                                  \
    }

/* clang-format off */
TEST_EACH(json, decides_like_the_common_suites, struct suite_row, row,
          S("y_array_of_everything", "[null,1,\"1\",{}]", true, ""),
          S("y_array_with_spaces", "[1 ]", true, ""),
          S("y_number_negative_zero", "[-0]", true, ""),
          S("y_number_0e+1", "[0e+1]", true, ""),
          S("y_number_double_close_to_zero", "[-0.0000000000000000000001]",
            true, ""),
          S("y_object_duplicated_key_and_value", "{\"a\":\"b\",\"a\":\"b\"}",
            true, ""),
          S("y_object_long_string", "{\"x\":[{\"id\":\"xxxxxxxxxxxxxxxx"
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}]}", true, ""),
          S("y_string_allowed_escapes", "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
            true, ""),
          S("y_string_backslash_and_u_escaped_zero", "[\"\\\\u0000\"]", true,
            ""),
          S("y_string_nonCharacterInUTF-8_U+FFFF", "[\"\xEF\xBF\xBF\"]",
            true, ""),
          S("y_string_noncharacter_U+10FFFF", "[\"\xF4\x8F\xBF\xBF\"]", true,
            ""),
          S("y_string_reserved_character_in_UTF-8", "[\"\xF0\x9B\xBF\xBF\"]",
            true, ""),
          S("y_string_unescaped_char_delete", "[\"\x7F\"]", true, ""),
          S("y_structure_lonely_string", "\"text\"", true, ""),
          S("y_structure_whitespace_array", " [] ", true, ""),
          S("y_structure_trailing_newline", "[\"a\"]\n", true, ""),
          S("n_array_1_true_without_comma", "[1 true]", false, ""),
          S("n_array_inner_array_no_comma", "[3[4]]", false, ""),
          S("n_array_just_minus", "[-]", false, ""),
          S("n_array_spaces_vertical_tab", "[\v1]", false, ""),
          S("n_array_star_inside", "[*]", false, ""),
          S("n_multidigit_number_then_00", "123\0", false, ""),
          S("n_number_++", "[++1234]", false, ""),
          S("n_number_-2.", "[-2.]", false, ""),
          S("n_number_0.1.2", "[0.1.2]", false, ""),
          S("n_number_1_000", "[1 000.0]", false, ""),
          S("n_number_expression", "[1+2]", false, ""),
          S("n_number_hex_2_digits", "[0x42]", false, ""),
          S("n_number_with_alpha_char", "[1.8011670033376514H-308]", false,
            ""),
          S("n_object_bracket_key", "{[: \"x\"}", false, ""),
          S("n_object_emoji", "{\xF0\x9F\x87\xA8}", false, ""),
          S("n_object_trailing_comment", "{\"a\":\"b\"}/**/", false, ""),
          S("n_object_with_single_string", "{\"a\":\"b\",\"c\"}", false, ""),
          S("n_string_1_surrogate_then_escape_u1", "[\"\\uD800\\u1\"]",
            false, ""),
          S("n_string_escaped_emoji", "[\"\\\xF0\x9F\x8C\x80\"]", false, ""),
          S("n_string_unescaped_newline", "[\"new\nline\"]", false, ""),
          S("n_structure_angle_bracket_null", "[<null>]", false, ""),
          S("n_structure_array_with_unclosed_string", "[\"asd]", false, ""),
          S("n_structure_open_object_open_string", "{\"a", false, ""),
          S("n_structure_U+2060_word_joined", "[\xE2\x81\xA0]", false, ""),
          S("n_structure_whitespace_formfeed", "[\f]", false, ""),
          S("i_number_huge_exp", "[0.4e00669999999999999999999999]", true,
            "the text is kept; who wants a double is told it is none"),
          S("i_number_real_underflow", "[123e-10000000]", true,
            "the text is kept"),
          S("i_number_too_big_pos_int", "[100000000000000000000]", true,
            "an id may be any number and is echoed byte for byte"),
          S("i_number_very_big_negative_int", "[-237462374673276894279832]",
            true, "as above"),
          S("i_object_key_lone_2nd_surrogate", "{\"\\uDFAA\":0}", false,
            "it has no UTF-8 form: we could not write it again"),
          S("i_string_1st_surrogate_but_2nd_missing", "[\"\\uDADA\"]", false,
            "as above"),
          S("i_string_inverted_surrogates", "[\"\\uDd1e\\uD834\"]", false,
            "as above"),
          S("i_string_invalid_utf-8", "[\"\xFF\"]", false,
            "RFC 8259 section 8.1 asks for UTF-8"),
          S("i_string_overlong_sequence_2_bytes", "[\"\xC0\xAF\"]", false,
            "two spellings of one character would be two keys"),
          S("i_string_UTF8_surrogate_U+D800", "[\"\xED\xA0\x80\"]", false,
            "no scalar value"),
          S("i_string_not_in_unicode_range", "[\"\xF4\xBF\xBF\xBF\"]", false,
            "no code point"),
          S("i_string_truncated-utf-8", "[\"\xE0\xFF\"]", false, "cut off"),
          S("i_string_utf16LE_no_BOM", "[\0\"\0\xE9\0\"\0]\0", false,
            "RFC 8259 section 8.1 asks for UTF-8"),
          S("i_structure_UTF-8_BOM_empty_object", "\xEF\xBB\xBF{}", false,
            "must not be sent; the error names it"))
{
    const struct json *v;
    struct json_error error;
    enum err e = parse(row->text, &v, &error);
    if ((e == OK) != row->accepted)
        FAIL("%s: %s at %zu; wanted: %s (%s)", row->name,
             e ? error.what : "accepted", e ? error.at : 0,
             row->accepted ? "accepted" : "refused", row->why);
}
/* clang-format on */
