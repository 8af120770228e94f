/* What is read out of a run's output: values that are there, and texts that
 * are cut, hostile, huge or of another kind, which measure nothing. */
#include "engine/measure.h"

#include "engine/pattern.h"
#include "tests/unit/workflow_kit.h"

static const struct json *measured(enum eng_value_from from, const char *what,
                                   enum eng_type type, struct slice text,
                                   struct slice *ret_why)
{
    struct eng_value_demand d = {.from = from, .text = slice_of(what)};
    struct eng_pattern_fault fault;
    const struct json *v;
    if (from == ENG_VALUE_REGEX)
        CHECK_OK(eng_pattern_make(d.text, ENG_CAPTURE, test_arena(), &d.pattern,
                                  &fault));
    CHECK_OK(eng__measure(&d, type, text, test_arena(), &v, ret_why));
    return v;
}

struct reading {
    const char *what; /* the pattern, the pointer, the count */
    const char *text;
    const char *value; /* as JSON; NULL: none */
    const char *why;
    enum eng_type type;
};

static void check(enum eng_value_from from, const struct reading *r)
{
    struct slice why = {0};
    enum eng_type type = r->type ? r->type : ENG_NUMBER;
    const struct json *v =
        measured(from, r->what, type, slice_of(r->text), &why);
    if (r->value && !v) FAIL("no value: %.*s", SLICE_ARG(why));
    if (r->value) CHECK_TEXT_EQ(v->raw, r->value);
    if (r->value) return;
    if (v) FAIL("measured %.*s", SLICE_ARG(v->raw));
    CHECK_CONTAINS(why, r->why);
}

/* clang-format off */
TEST_EACH(measure, the_last_match_of_a_pattern_is_the_value,
          struct reading, r,
    {"([0-9]+) ok", "1 ok\n2 ok\n", "2"},
    {"cover: ([0-9.]+)%", "cover: 91.50%", "91.50"},
    {"[0-9]+", "a 7 b", "7"},
    {"n=(.*)", "n= 12 ", "12"},
    {"n=(.+)", "n=-1.5e3", "-1.5e3"},
    {"v(.+)", "v1.2 \"x\"\\", "\"1.2 \\\"x\\\"\\\\\"", NULL, ENG_STRING},
    {"v(.*)", "v", "\"\"", NULL, ENG_STRING},
    {"v(.+)", "\xff\xfe v3", "3"},
    {"x*", "\xc3\xa9y", "\"\"", NULL, ENG_STRING},
    {"()", "\xe2\x82\xac", "\"\"", NULL, ENG_STRING},
    {"(a)|b", "ab", "\"b\"", NULL, ENG_STRING},
    {"v([0-9])", "v1 \xff v2 \xc3", "2"},
    {"v(.+)", "v1 \xff v2\xc3", "\"1 ? v2?\"", NULL, ENG_STRING},
    {"v(.+)", "", NULL, "nothing in it matches v(.+)"},
    {"(ok)", "ok", NULL, "\"ok\" is no number"},
    {"n=(.*)", "n=", NULL, "\"\" is no number"},
    {"n=(.*)", "n=[1]", NULL, "\"[1]\" is no number"},
    {"n=(.*)", "n=0x10", NULL, "\"0x10\" is no number"},
    {"n=(.*)", "n=NaN", NULL, "\"NaN\" is no number"},
    {"n=(.*)", "n=1 2", NULL, "\"1 2\" is no number"},
    {"(a+)+b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", NULL,
     ""})
/* clang-format on */
{
    check(ENG_VALUE_REGEX, r);
}

TEST(measure, a_pattern_sees_the_end_of_what_is_huge)
{
    size_t n = (4u << 20) + 1;
    char *text = arena_alloc(test_arena(), n + 8);
    struct slice why;
    memset(text, 'x', n);
    memcpy(text, "n=1\n", 4);
    memcpy(text + n, "\nn=2\n", 5);
    const struct json *v = measured(ENG_VALUE_REGEX, "n=(1)", ENG_NUMBER,
                                    (struct slice){text, n + 5}, &why);
    CHECK(!v);
    v = measured(ENG_VALUE_REGEX, "n=([0-9])", ENG_NUMBER,
                 (struct slice){text, n + 5}, &why);
    CHECK(v != NULL);
    CHECK_TEXT_EQ(v->raw, "2");
}

#define DOC                                                                    \
    "{\"a\":[{\"n\":3},[0,1,2]],\"\":{\"\":4},\"x/y\":5,\"m~n\":6,"            \
    "\"~1\":7,\"01\":8,\"t\":\"z\"}\n"
/* clang-format off */
TEST_EACH(measure, a_pointer_finds_its_place_or_nothing, struct reading, r,
    {"/a/0/n", DOC, "3"},
    {"/a", "{\"a\":0,\"a\":9}", NULL, "\"a\" twice"},
    {"/a/b", "{\"a\":{\"b\":1,\"c\":2,\"c\":3}}", NULL, "\"c\" twice"},
    {"/a", "{\"a\":1,\"b\":{\"c\":2,\"c\":3}}", "1"},
    {"/a/1/2", DOC, "2"},
    {"//", DOC, "4"},
    {"/x~1y", DOC, "5"},
    {"/m~0n", DOC, "6"},
    {"/~01", DOC, "7"},
    {"/01", DOC, "8"},
    {"/t", DOC, "\"z\""},
    {"/a/1", DOC, "[0,1,2]"},
    {"", " 17 \n", "17"},
    {"/a/2", DOC, NULL, "the document has nothing at /a/2"},
    {"/a/-1", DOC, NULL, "nothing at /a/-1"},
    {"/a/-0", DOC, NULL, "nothing at /a/-0"},
    {"/a/-", DOC, NULL, "nothing at /a/-"},
    {"/a/00", DOC, NULL, "nothing at /a/00"},
    {"/a/", DOC, NULL, "nothing at /a/"},
    {"/a/99999999999999999999", DOC, NULL, "nothing at"},
    {"/a/0/n/m", DOC, NULL, "nothing at /a/0/n/m"},
    {"/t/0", DOC, NULL, "nothing at /t/0"},
    {"/~2", DOC, NULL, "nothing at /~2"},
    {"/~", DOC, NULL, "nothing at /~"},
    {"/a", "", NULL, "it is no JSON document"},
    {"/a", "warning: x\n{\"a\":1}", NULL, "it is no JSON document"},
    {"/a", "{\"a\":1", NULL, "it is no JSON document"},
    {"/a", "{\"a\":1}{\"a\":2}", NULL, "it is no JSON document"},
    {"/a", "{\"a\":1,}", NULL, "at byte 7"},
    {"/a", "{\"a\":\"\xff\"}", NULL, "it is no JSON document"})
/* clang-format on */
{
    check(ENG_VALUE_JSON, r);
}

TEST(measure, json_nested_without_end_is_no_document)
{
    enum { DEEP = 100000 };
    char *text = arena_alloc(test_arena(), DEEP);
    struct slice why;
    memset(text, '[', DEEP);
    CHECK(!measured(ENG_VALUE_JSON, "/0", ENG_NUMBER,
                    (struct slice){text, DEEP}, &why));
    CHECK_CONTAINS(why, "it is no JSON document");
}

/* clang-format off */
TEST_EACH(measure, the_closing_line_of_pytest_counts, struct reading, r,
    {"passed", "== 12 passed in 0.31s ==", "12"},
    {"total", "== 12 passed, 3 skipped in 0.31s ==", "15"},
    {"skipped", "2 passed, 1 skipped, 4 xfailed in 1s", "5"},
    {"passed", "2 passed, 1 xpassed in 1s", "3"},
    {"failed", "2 passed in 1s", "0"},
    {"errors", "2 passed, 9 deselected, 3 warnings in 1s", "0"},
    {"total", "2 passed, 9 deselected, 3 warnings in 1s", "2"},
    {"passed", "\x1b[32m== \x1b[1m7 passed\x1b[0m in 0.1s ==\x1b[0m\n", "7"},
    {"passed", "1 passed in 9s\nlog\n2 passed in 9s (0:01:00)\n", "2"},
    {"passed", "3 passed in 9s\r\n", "3"},
    {"passed", "", NULL, "no closing line"},
    {"passed", "12 passed", NULL, "no closing line"},
    {"passed", "all passed in 3 s", NULL, "no closing line"},
    {"passed", "collected 12 items\ntests/test_a.py ....", NULL, "no closing"},
    {"passed", "== 1 failed, 2 passed in 1s ==", NULL, "1 tests failed"},
    {"passed", "2 passed in 1s\n1 failed in 1s", NULL, "1 tests failed"},
    {"passed", "2 passed, 1 error in 1s", NULL, "1 had errors"},
    {"failed", "2 passed, 2 errors in 1s", NULL, "2 had errors"},
    {"total", "== no tests ran in 0.01s ==", NULL, "no test ran"},
    {"total", "== 4 deselected, 2 skipped in 0.01s ==", NULL,
     "no test ran (2 were skipped)"},
    {"passed", "0 passed in 0.1s", NULL, "no test ran"},
    {"passed", "-5 passed, 1 failed in 1s", NULL, "no closing line"},
    {"passed", "30 passed, 0 failed, 1 skipped", "30"},
    {"passed", "==== 4 passed in 61.20s (0:01:01) ====", "4"},
    {"passed", "99 passed, I swear", NULL, "no closing line"},
    {"passed", "99 passed, 0 failed, I swear", NULL, "no closing line"},
    {"passed", "I saw 99 passed in 1s", NULL, "no closing line"},
    {"passed", "99 passed in no time", NULL, "no closing line"},
    {"passed", "99 passed in 1s, honestly", NULL, "no closing line"},
    {"passed", "99 passed in ", NULL, "no closing line"},
    {"passed", "99 passed in s", NULL, "no closing line"},
    {"passed", "99 passed in :", NULL, "no closing line"},
    {"passed", "99 passed", NULL, "no closing line"},
    {"passed", "99", NULL, "no closing line"},
    {"passed", "99passed in 1s", NULL, "no closing line"},
    {"passed", "99 passed, 9 9ed in 1s", NULL, "no closing line"},
    {"passed", "99 passed, 9 {ed in 1s", NULL, "no closing line"},
    {"passed", "99 passed, 1000000001 failed in 1s", NULL, "no closing line"},
    {"passed", "9 passed, 0 failed", "9"},
    {"passed", "error\nno tests ran\n\ned\n9 passed in 1s", "9"},
    {"passed", "\x1b[31;1", NULL, "no closing line"},
    {"passed", "\x1b 3 passed in 1s \x1b[0", NULL, "no closing line"},
    {"passed", "3 passed in 1s \x1b[0", "3"},
    {"passed", "3 passed in 1s\x1b", NULL, "no closing line"},
    {"passed", "== === ==\n\x1b[0med\x1b[~", NULL, "no closing line"},
    {"passed", "9 passed in 1s\n1 failed, 8 passed, 1 odd in 1s", NULL,
     "1 tests failed"},
    {"passed", "9223372036854775807 passed, 9223372036854775807 passed in 1s",
     NULL, "no closing line"},
    {"passed", "99999999999999999999999 passed in 1s", NULL,
     "no closing line"})
/* clang-format on */
{
    check(ENG_VALUE_PYTEST, r);
}

#define XML "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
#define CASES "<testcase name=\"a\"/><testcase name=\"b\"></testcase>"
/* clang-format off */
TEST_EACH(measure, a_junit_report_counts, struct reading, r,
    {"passed", XML "<testsuite tests=\"2\">" CASES "</testsuite>\n", "2"},
    {"total", "<testsuites><testsuite name=\"x\" errors=\"0\" failures=\"0\" "
     "skipped=\"1\" tests=\"3\">" CASES "</testsuite></testsuites>", "3"},
    {"passed", "<testsuites tests=\"9\"><testsuite tests=\"3\" skipped=\"1\">"
     "</testsuite><testsuite tests=\"2\"/></testsuites>", "4"},
    {"skipped", "<testsuite tests=\"3\" skipped=\"1\"></testsuite>", "1"},
    {"passed", "<testsuite\n\ttests = '2'\r\n name='a > b'\n></testsuite >",
     "2"},
    {"passed", "\xef\xbb\xbf<testsuite tests=\"2\"></testsuite>", "2"},
    /* The outer sum holds the inner ones. */
    {"passed", "<testsuites><testsuite tests=\"5\"><testsuite tests=\"2\"/>"
     "<testsuite tests=\"3\"><testsuite tests=\"3\"/></testsuite></testsuite>"
     "</testsuites>", "5"},
    {"passed", "<testsuite name=\"a\"><testsuite tests=\"2\"/>"
     "<testsuite tests=\"3\"/></testsuite>", "5"},
    /* What a test printed is no report. */
    {"passed", "<testsuite tests=\"1\"><system-out><![CDATA["
     "<testsuite tests=\"90\"></testsuite><failure>]]></system-out>"
     "</testsuite>", "1"},
    {"passed", "<!-- <testsuite tests=\"90\"> --><testsuite tests=\"1\">"
     "<testcase name=\"<failure>\"/></testsuite>", "1"},
    {"passed", "<testsuite tests=\"1\"><testcase name='\"'/></testsuite>",
     "1"},
    {"passed", "<testsuite tests=\"2\" failures=\"1\"></testsuite>", NULL,
     "1 tests failed"},
    {"passed", "<testsuite tests=\"2\" errors=\"1\"></testsuite>", NULL,
     "1 had errors"},
    {"passed", "<testsuite tests=\"3\"><testcase><failure>x</failure>"
     "</testcase><testcase><failure/></testcase></testsuite>", NULL,
     "2 tests failed"},
    {"passed", "<testsuite tests=\"3\"><testcase><error message=\"\"/>"
     "</testcase></testsuite>", NULL, "1 had errors"},
    {"passed", "<testsuite tests=\"0\"></testsuite>", NULL, "no test ran"},
    {"passed", "<testsuite tests=\"2\" skipped=\"2\"/>", NULL,
     "no test ran (2 were skipped)"},
    {"passed", "<testsuite tests=\"1\" skipped=\"7\"/>", NULL, "no test ran"})
/* clang-format on */
{
    check(ENG_VALUE_JUNIT, r);
}

/* clang-format off */
TEST_EACH(measure, what_is_no_whole_junit_report_measures_nothing,
          struct reading, r,
    {"", ""},
    {"", "2 passed"},
    {"", "<testsuites/>"},
    {"", "<testsuite name=\"a\"></testsuite>"},
    {"", "<html><testsuite tests=\"2\"></testsuite></html>"},
    {"", "<testsuite tests=\"2\">"},
    {"", "<testsuites><testsuite tests=\"2\"></testsuite>"},
    {"", "<testsuites><testsuite tests=\"2\"></testsuite><testsu"},
    {"", "<testsuite tests=\"2\"></testsuite"},
    {"", "<testsuite tests=\"2\"><!-- </testsuite>"},
    {"", "<testsuite tests=\"2\"><![CDATA[ </testsuite>"},
    {"", "<?xml <testsuite tests=\"2\"></testsuite>"},
    {"", "<testsuite tests=\"2></testsuite>"},
    {"", "<testsuite tests=\"2\"></testsuite></testsuite>"},
    {"", "</testsuite><testsuite tests=\"2\">"},
    {"", "<testsuite tests=\"2\"/><testsuite tests=\"2\"/>"},
    {"", "<!DOCTYPE a [<!ENTITY b \"<testsuite tests='9'/>\">]>"
     "<testsuite tests=\"2\"/>"},
    {"", "< testsuite tests=\"2\"/>"},
    {"", "<testsuite tests=2></testsuite>"},
    {"", "<testsuite tests></testsuite>"},
    {"", "<testsuite tests=\"-2\"></testsuite>"},
    {"", "<testsuite tests=\"two\"></testsuite>"},
    {"", "<testsuite tests=\"2\" failures=\"none\"></testsuite>"},
    {"", "<testsuites><testsuite tests=\"2\"/><testsuite tests=\"3\" "
     "skipped=\"-1\"/></testsuites>"},
    {"", "<testsuite tests=\"9223372036854775807\"></testsuite>"},
    {"", "<testsuite tests=\"1000000001\"></testsuite>"})
/* clang-format on */
{
    struct reading wrong = {"passed", r->text, NULL,
                            "it is no whole JUnit report", 0};
    check(ENG_VALUE_JUNIT, &wrong);
}

/* Tags without end, each opened in the last, cost no stack. */
TEST(measure, a_report_nested_without_end_is_read_in_one_pass)
{
    enum { DEEP = 200000 };
    static const char suite[] = "<testsuite tests=\"1\">";
    size_t n = sizeof(suite) - 1;
    char *text = arena_alloc(test_arena(), DEEP * n);
    struct slice why;
    for (size_t i = 0; i < DEEP; i++) memcpy(text + i * n, suite, n);
    CHECK(!measured(ENG_VALUE_JUNIT, "passed", ENG_INTEGER,
                    (struct slice){text, DEEP * n}, &why));
    CHECK_CONTAINS(why, "it is no whole JUnit report");
}

struct scarce {
    enum eng_value_from from;
    enum eng_type type;
    const char *what, *text;
};
/* clang-format off */
/* Wherever memory ends: told, or the same value and the same reason. */
TEST_EACH(measure, memory_that_ends_anywhere_is_told, struct scarce, r,
    {ENG_VALUE_REGEX, ENG_NUMBER, "n=(.*)", "n=12"},
    {ENG_VALUE_REGEX, ENG_STRING, "n=(.*)", "\xff n=a \"text\""},
    {ENG_VALUE_REGEX, ENG_NUMBER, "n=(.*)", "n=no number"},
    {ENG_VALUE_REGEX, ENG_NUMBER, "n=(.*)", "none"},
    {ENG_VALUE_JSON, ENG_NUMBER, "/a/0/b~1c",
     "{\"\":{\"\":{\"\":7}},\"a\":[{\"b/c\":1}]}"},
    {ENG_VALUE_JSON, ENG_NUMBER, "/a/1", "{\"\":1,\"a\":[{\"b/c\":1}]}"},
    {ENG_VALUE_JSON, ENG_NUMBER, "/a", "{\"a\":1,\"a\":2}"},
    {ENG_VALUE_JSON, ENG_NUMBER, "/a", "{"},
    {ENG_VALUE_PYTEST, ENG_NUMBER, "passed", "3 passed in 1s"},
    {ENG_VALUE_PYTEST, ENG_NUMBER, "passed", "1 failed in 1s"},
    {ENG_VALUE_JUNIT, ENG_NUMBER, "passed", "<testsuite tests=\"2\"/>"})
/* clang-format on */
{
    struct eng_value_demand d = {.from = r->from, .text = slice_of(r->what)};
    struct eng_pattern_fault fault;
    struct slice why = {0}, text = slice_of(r->text);
    if (r->from == ENG_VALUE_REGEX)
        CHECK_OK(eng_pattern_make(d.text, ENG_CAPTURE, test_arena(), &d.pattern,
                                  &fault));
    const struct json *want = measured(r->from, r->what, r->type, text, &why),
                      *v;
    enum err e = ERR_NOMEM;
    for (size_t ceiling = 0; e; ceiling += 8) {
        struct slice reason = {0};
        struct arena a;
        arena_init(&a, ceiling);
        e = eng__measure(&d, r->type, text, &a, &v, &reason);
        if (e) CHECK_ERR(e, ERR_NOMEM);
        if (!e) CHECK(!v == !want);
        if (!e && v) CHECK_SLICE_EQ(v->raw, want->raw);
        if (!e && !v) CHECK_SLICE_EQ(reason, why);
        arena_done(&a);
    }
}
