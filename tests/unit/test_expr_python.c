/* Expressions against Python: what each form gives, and how it fails. The truth
 * of each row is what CPython says of the same lambda; booleans are no numbers
 * here, and rows that need them to be are left out. */
#include "engine/expr.h"

#include "base/alloc.h"
#include "tests/runner/test.h"

static const struct json *value(const char *text)
{
    const struct json *v;
    struct json_error error;
    CHECK_OK(json_parse(slice_of(text), NULL, test_arena(), &v, &error));
    return v;
}

/* Parsed and run in `a`; `arg` is a list of the one argument. */
static enum err run_in(struct arena *a, const char *text,
                       const struct json *arg, struct eng_expr_result *ret)
{
    struct eng_report r;
    const struct json *values[] = {&arg->items[0]};
    struct json node = {.type = JSON_STRING,
                        .raw = slice_of(text),
                        .text = slice_of(text)};
    struct eng_source src = {SLICE("gate-definition.yaml"), slice_of(text)};
    eng_report_init(&r, a);
    const struct eng_expr *e = eng_expr_parse(&src, &node, &r);
    if (!e && !r.failed)
        FAIL("%s: refused: %.*s", text,
             SLICE_ARG(r.count ? r.items[0].message : SLICE("?")));
    return e ? eng_expr_run(e, values, a, ret) : ERR_NOMEM;
}

/* And with each allocation failing: the same, or out of memory. */
static struct eng_expr_result run(const char *text, const char *args)
{
    struct eng_expr_result got, again;
    const struct json *arg = value(args);
    bool failed = true;
    CHECK_OK(run_in(test_arena(), text, arg, &got));
    for (uint64_t n = 1; failed; n++) {
        struct arena a;
        arena_init(&a, 1 << 20);
        mem_fail_at(n);
        enum err e = run_in(&a, text, arg, &again);
        failed = mem_count() >= n;
        mem_fail_at(0);
        CHECK(e == OK || (failed && e == ERR_NOMEM));
        if (!e) {
            CHECK_INT_EQ(again.passed, got.passed);
            CHECK_SLICE_EQ(again.problem, got.problem);
        }
        arena_done(&a);
    }
    return got;
}

/* clang-format off */
struct says {
    const char *expr, *arg;
    bool truth;
};
TEST_EACH(expr_python, is_as_true_as_in_python, struct says, s,
    {"lambda x: sum(x) == 6", "[[1,2,3]]", true},
    {"lambda x: sum(x) == 6.5", "[[1,2,3.5]]", true},
    {"lambda x: sum(x, 10) == 16", "[[1,2,3]]", true},
    {"lambda x: sum(x, 0.5) == 6.5", "[[1,2,3]]", true},
    {"lambda x: sum(x) == 0", "[[]]", true},
    {"lambda x: abs(x) == 5", "[-5]", true},
    {"lambda x: abs(x) == 5", "[5]", true},
    {"lambda x: abs(x) == 2.5", "[-2.5]", true},
    {"lambda x: int(x) == 7", "[7]", true},
    {"lambda x: int(x) == 7", "[7.9]", true},
    {"lambda x: int(x) == -7", "[-7.9]", true},
    {"lambda x: int(x) == 7", "[\"+7\"]", true},
    {"lambda x: int(x) == -7", "[\"-7\"]", true},
    {"lambda x: int(x) == 7", "[\" 7 \"]", true},
    {"lambda x: float(x) == 7.0", "[7]", true},
    {"lambda x: float(x) == 2.5", "[2.5]", true},
    {"lambda x: float(x) == 2.5", "[\"2.5\"]", true},
    {"lambda x: bool(x)", "[0.5]", true},
    {"lambda x: bool(x)", "[0.0]", false},
    {"lambda x: bool() == False", "[0]", true},
    {"lambda x: str(x) == 'a'", "[\"a\"]", true},
    {"lambda x: str(x) == 'True'", "[true]", true},
    {"lambda x: str(x) == 'False'", "[false]", true},
    {"lambda x: str(x) == 'None'", "[null]", true},
    {"lambda x: str(x) == '7'", "[7]", true},
    {"lambda x: str(x) == '2.5'", "[2.5]", true},
    {"lambda x: str(x) == '2.0'", "[2.0]", true},
    {"lambda x: str() == ''", "[0]", true},
    {"lambda x: list() == []", "[0]", true},
    {"lambda x: set() == set(x)", "[[]]", true},
    {"lambda x: sorted(x) == [1,2,3]", "[[3,1,2]]", true},
    {"lambda x: sorted(x) == ['a','b']", "[[\"b\",\"a\"]]", true},
    {"lambda x: min(x) == 1", "[[3,1,2]]", true},
    {"lambda x: max(x) == 3", "[[3,1,2]]", true},
    {"lambda x: min(3, 1, x) == 0", "[0]", true},
    {"lambda x: max('a', 'c', x) == 'c'", "[\"b\"]", true},
    {"lambda x: round(x) == 2", "[2.4]", true},
    {"lambda x: round(x) == 2", "[2.5]", true},
    {"lambda x: round(x) == -2", "[-2.5]", true},
    {"lambda x: round(x, 1) == 2.4", "[2.44]", true},
    {"lambda x: round(x, 0) == 2", "[2.4]", true},
    {"lambda x: round(x) == 7", "[7]", true},
    {"lambda x: x.lower() == 'abc'", "[\"AbC\"]", true},
    {"lambda x: x.upper() == 'ABC'", "[\"AbC\"]", true},
    {"lambda x: x.upper() == 'ÄÉ'", "[\"äé\"]", true},
    {"lambda x: x.lower() == 'äé'", "[\"ÄÉ\"]", true},
    {"lambda x: x.strip() == 'a b'", "[\"  a b  \"]", true},
    {"lambda x: x.strip('xy') == 'a'", "[\"xyaxy\"]", true},
    {"lambda x: x.strip('é') == 'a'", "[\"éaé\"]", true},
    {"lambda x: x.startswith('ab')", "[\"abc\"]", true},
    {"lambda x: x.endswith('bc')", "[\"abc\"]", true},
    {"lambda x: x.endswith('abcd')", "[\"abc\"]", false},
    {"lambda x: x.isalnum()", "[\"ab1\"]", true},
    {"lambda x: x.isalnum()", "[\"\"]", false},
    {"lambda x: x.isalnum()", "[\"a b\"]", false},
    {"lambda x: x.isdigit()", "[\"123\"]", true},
    {"lambda x: x.isdigit()", "[\"12a\"]", false},
    {"lambda x: x.isalpha()", "[\"abc\"]", true},
    {"lambda x: x.isalpha()", "[\"ab1\"]", false},
    {"lambda x: x.get('a') == 1", "[{\"a\":1}]", true},
    {"lambda x: x.get('b') is None", "[{\"a\":1}]", true},
    {"lambda x: x.get('b', 2) == 2", "[{\"a\":1}]", true},
    {"lambda x: x.get(1, 2) == 2", "[{\"a\":1}]", true},
    {"lambda x: 'a' in x.keys()", "[{\"a\":1}]", true},
    {"lambda x: len(x.values()) == 2", "[{\"a\":1,\"b\":2}]", true},
    {"lambda x: sum(x.values()) == 3", "[{\"a\":1,\"b\":2}]", true},
    {"lambda x: set(x).issubset(set(['a','b','c']))", "[[\"a\",\"b\"]]", true},
    {"lambda x: set(x).issubset(set(['a']))", "[[\"a\",\"b\"]]", false},
    {"lambda x: set(x).issuperset(set(['a']))", "[[\"a\",\"b\"]]", true},
    {"lambda x: set(x).issuperset(['z'])", "[[\"a\",\"b\"]]", false},
    {"lambda x: set(x) == set(['b','a'])", "[[\"a\",\"b\",\"a\"]]", true},
    {"lambda x: len(set(x)) == 1", "[[1, 1.0]]", true},
    {"lambda x: 7 - x == 4", "[3]", true},
    {"lambda x: 7.5 - x == 4.5", "[3]", true},
    {"lambda x: 7.5 // x == 3.0", "[2]", true},
    {"lambda x: -7.5 // x == -4.0", "[2]", true},
    {"lambda x: 7.5 % x == 1.5", "[2]", true},
    {"lambda x: -7.5 % x == 0.5", "[2]", true},
    {"lambda x: 7.5 * x == 15.0", "[2]", true},
    {"lambda x: 7 % x == -2", "[-3]", true},
    {"lambda x: x // -1 == -7", "[7]", true},
    {"lambda x: x % -1 == 0", "[7]", true},
    {"lambda x: x + 'b' == 'ab'", "[\"a\"]", true},
    {"lambda x: x + '' == 'a'", "[\"a\"]", true},
    {"lambda x: '' + x == ''", "[\"\"]", true},
    {"lambda x: x + [3] == [1,2,3]", "[[1,2]]", true},
    {"lambda x: x + [] == []", "[[]]", true},
    {"lambda x: -x == -2.5", "[2.5]", true},
    {"lambda x: x[0] == 'a'", "[\"abc\"]", true},
    {"lambda x: x[-1] == 'c'", "[\"abc\"]", true},
    {"lambda x: x[1] == 'é'", "[\"aéb\"]", true},
    {"lambda x: x[-1] == 3", "[[1,2,3]]", true},
    {"lambda x: x['a'] == 1", "[{\"a\":1}]", true},
    {"lambda x: (1 if x else 2) == 1", "[[0]]", true},
    {"lambda x: (1 if x else 2) == 2", "[[]]", true},
    {"lambda x: all(i > 0 for i in x)", "[[1,2]]", true},
    {"lambda x: all(i > 0 for i in x)", "[[]]", true},
    {"lambda x: any(i > 5 for i in x)", "[[1,2]]", false},
    {"lambda x: all(x)", "[[1,\"a\",[0]]]", true},
    {"lambda x: any(x)", "[[0,\"\",[],null,false]]", false},
    {"lambda x: all(c in 'abc' for c in x)", "[\"abba\"]", true},
    {"lambda x: 'b' in x", "[\"abc\"]", true},
    {"lambda x: '' in x", "[\"abc\"]", true},
    {"lambda x: 'b' not in x", "[[\"a\"]]", true},
    {"lambda x: None in x", "[[null]]", true},
    {"lambda x: 1.0 in x", "[[1]]", true},
    {"lambda x: 'a' in x", "[{\"a\":1}]", true},
    {"lambda x: 1 in x", "[{\"a\":1}]", false},
    {"lambda x: x is None", "[null]", true},
    {"lambda x: x is not None", "[1]", true},
    {"lambda x: not x", "[\"\"]", true},
    {"lambda x: x < 'b'", "[\"a\"]", true},
    {"lambda x: x == x", "[{\"a\":[1,{\"b\":null}]}]", true},
    {"lambda x: x != x", "[{\"a\":[1,{\"b\":null}]}]", false},
    {"lambda x: [1,2] == x", "[[1,2]]", true},
    {"lambda x: [1,2] == x", "[[1,3]]", false},
    {"lambda x: [1,2] == x", "[[1]]", false},
    {"lambda x: isinstance(x, (int, str))", "[\"a\"]", true},
    {"lambda x: isinstance(x, (int, str))", "[1.5]", false},
    {"lambda x: isinstance(x, (list,))", "[[]]", true},
    {"lambda x: isinstance(x, dict) and isinstance(x, list)", "[{}]", false},
    {"lambda x: isinstance(x, bool)", "[true]", true},
    {"lambda x: isinstance(x, float)", "[2.0]", true},
    {"lambda x: 1e3 == x", "[1000]", true},
    {"lambda x: 1.5e-3 == x", "[0.0015]", true},
    {"lambda x: .5 == x", "[0.5]", true},
    {"lambda x: 5. == x", "[5]", true},
    {"lambda x: 007.5 == x", "[7.5]", true},
    {"lambda x: '\\x41\\u00e9\\U0001F600' == x", "[\"Aé😀\"]", true},
    {"lambda x: '\\t\\n\\\\\\'\\\"' == x", "[\"\\t\\n\\\\'\\\"\"]", true},
    {"lambda x: r'\\d' == x", "[\"\\\\d\"]", true},
    {"lambda x: () == x or x == []", "[[]]", true},
    {"lambda x: x[0][1]['k'] == 2", "[[[0,{\"k\":2}]]]", true},
    {"lambda x: len(x) == 2", "[\"é😀\"]", true},
    {"lambda x: len(x) == 1", "[{\"a\":1}]", true},
    {"lambda x: str(x).isdigit()", "[42]", true},
    {"lambda x: str(x)[0] == '4'", "[42]", true},
    {"lambda x: x and x[0]", "[[]]", false},
    {"lambda x: x or 5", "[0]", true},
    {"lambda x: 1 < x < 3 > 2", "[2]", true},
    {"lambda x: x in [1,2,3] and x not in [4]", "[2]", true},
    {"lambda x: x in 'abc'", "[\"b\"]", true},
    {"lambda x: min(x.values()) == 1", "[{\"a\":1,\"b\":2}]", true},
    {"lambda x: x.startswith(('zz', 'ab'))", "[\"abc\"]", true},
    {"lambda x: x.endswith(('zz', 'ab'))", "[\"abc\"]", false})
/* clang-format on */
{
    struct eng_expr_result got = run(s->expr, s->arg);
    CHECK_TEXT_EQ(got.problem, "");
    CHECK_INT_EQ(got.passed, s->truth);
}

/* clang-format off */
struct fails {
    const char *expr, *arg, *says;
};
TEST_EACH(expr_python, fails_where_python_raises_and_says_why, struct fails, f,
    {"lambda x: sum(x)", "[[\"a\"]]", "sum does not take"},
    {"lambda x: sum(x, 'a')", "[[1]]", "sum does not take"},
    {"lambda x: sum(x)", "[5]", "no elements"},
    {"lambda x: sum(x) > 0", "[[9223372036854775807, 1]]", "over 64 bits"},
    {"lambda x: sum(x) > 0", "[[1e308, 1e308]]", "not finite"},
    {"lambda x: abs(x)", "[\"a\"]", "abs does not take"},
    {"lambda x: abs(x)", "[true]", "abs does not take"},
    {"lambda x: abs(x - 1) > 0", "[-9223372036854775807]", "over 64 bits"},
    {"lambda x: int(x)", "[[]]", "int does not take"},
    {"lambda x: int(x)", "[1e30]", "over 64 bits"},
    {"lambda x: int(x)", "[-1e30]", "over 64 bits"},
    {"lambda x: int(x)", "[\"+-7\"]", "cannot read"},
    {"lambda x: int(x)", "[\"99999999999999999999\"]", "cannot read"},
    {"lambda x: float(x)", "[[]]", "float does not take"},
    {"lambda x: float(x)", "[\"abc\"]", "cannot read"},
    {"lambda x: float(x)", "[\"[1]\"]", "cannot read"},
    {"lambda x: str(x)", "[[]]", "str does not take"},
    {"lambda x: str(x)", "[{}]", "str does not take"},
    {"lambda x: round(x)", "[\"a\"]", "round does not take"},
    {"lambda x: round(x, 'a')", "[1.5]", "0 to 15"},
    {"lambda x: round(x, -1)", "[1.5]", "0 to 15"},
    {"lambda x: x.upper()", "[5]", "upper does not take"},
    {"lambda x: x.strip()", "[5]", "strip does not take"},
    {"lambda x: x.strip(1)", "[\"a\"]", "strip does not take"},
    {"lambda x: x.startswith('a')", "[5]", "startswith does not take"},
    {"lambda x: x.startswith(5)", "[\"a\"]", "startswith does not take"},
    {"lambda x: x.startswith(('a', 5))", "[\"b\"]", "startswith does not take"},
    {"lambda x: x.isalnum()", "[5]", "isalnum does not take"},
    {"lambda x: x.isdigit()", "[null]", "isdigit does not take"},
    {"lambda x: x.isalpha()", "[[]]", "isalpha does not take"},
    {"lambda x: x.get('a')", "[[]]", "get does not take"},
    {"lambda x: x.keys()", "[[]]", "keys does not take"},
    {"lambda x: x.values()", "[\"a\"]", "values does not take"},
    {"lambda x: x.issubset([1])", "[5]", ""},
    {"lambda x: set(x).issubset(5)", "[[1]]", ""},
    {"lambda x: set(x).issuperset([[1]])", "[[1]]", "cannot hold"},
    {"lambda x: set(x)", "[5]", "no elements"},
    {"lambda x: list(x)", "[5]", "no elements"},
    {"lambda x: sorted(x)", "[5]", "no elements"},
    {"lambda x: min(x)", "[5]", "no elements"},
    {"lambda x: max(x)", "[[\"a\", 1]]", "cannot be compared"},
    {"lambda x: min(1, x)", "[\"a\"]", "cannot be compared"},
    {"lambda x: any(i > 'a' for i in x)", "[[1]]", "cannot be compared"},
    {"lambda x: all(i for i in x)", "[5]", "no elements"},
    {"lambda x: -x", "[\"a\"]", "no minus"},
    {"lambda x: x + 'a'", "[1]", "arithmetic of"},
    {"lambda x: x - 'a'", "[\"b\"]", "arithmetic of"},
    {"lambda x: x + [1]", "[\"b\"]", "arithmetic of"},
    {"lambda x: x % 'a'", "[1]", "arithmetic of"},
    {"lambda x: x // 0", "[1]", "division by zero"},
    {"lambda x: x % 0.0", "[1.5]", "division by zero"},
    {"lambda x: x / 0.0", "[1.5]", "division by zero"},
    {"lambda x: x[0]", "[5]", "has no parts"},
    {"lambda x: x[-4]", "[[1,2,3]]", "out of range"},
    {"lambda x: x[3]", "[\"abc\"]", "out of range"},
    {"lambda x: x[-4]", "[\"abc\"]", "out of range"},
    {"lambda x: x[1.5]", "[[1]]", "indexed by an integer"},
    {"lambda x: x[5]", "[{\"a\":1}]", "no key"},
    {"lambda x: x['a']['b']", "[{\"a\":{}}]", "no key \"b\""},
    {"lambda x: (x[9] if x else 1)", "[[1]]", "out of range"},
    {"lambda x: (1 if x[9] else 1)", "[[1]]", "out of range"},
    {"lambda x: [x[9]] == [1]", "[[1]]", "out of range"},
    {"lambda x: len(x[9])", "[[1]]", "out of range"},
    {"lambda x: x[9].lower()", "[[1]]", "out of range"},
    {"lambda x: x[x[9]]", "[[1]]", "out of range"},
    {"lambda x: x[9][0]", "[[1]]", "out of range"},
    {"lambda x: not x[9]", "[[1]]", "out of range"},
    {"lambda x: x[9] or True", "[[1]]", "out of range"},
    {"lambda x: True and x[9]", "[[1]]", "out of range"},
    {"lambda x: 1 < x[9]", "[[1]]", "out of range"},
    {"lambda x: x[9] + 1", "[[1]]", "out of range"},
    {"lambda x: 1 + x[9]", "[[1]]", "out of range"},
    {"lambda x: -x[9]", "[[1]]", "out of range"},
    {"lambda x: isinstance(x[9], int)", "[[1]]", "out of range"},
    {"lambda x: re.match(x[9], 'a')", "[[1]]", "out of range"},
    {"lambda x: re.match('a', x[9])", "[[1]]", "out of range"},
    {"lambda x: re.match(x, 'a')", "[5]", ""},
    {"lambda x: any(i for i in x[9])", "[[1]]", "out of range"},
    {"lambda x: any(x[9] for i in x)", "[[1]]", "out of range"},
    {"lambda x: max(1, 2, 3, 4, x[9])", "[[1]]", "out of range"},
    {"lambda x: x < None", "[1]", "cannot be compared"},
    {"lambda x: x < [1]", "[1]", "cannot be compared"},
    {"lambda x: [1] < x", "[[2]]", "cannot be compared"},
    {"lambda x: 9223372036854775807 + x", "[1]", "over 64 bits"},
    {"lambda x: -9223372036854775807 - x", "[2]", "over 64 bits"},
    {"lambda x: 9223372036854775807 * x", "[2]", "over 64 bits"},
    {"lambda x: 1e308 * x", "[10]", "not finite"},
    {"lambda x: x / 1e-300", "[1e300]", "not finite"},
    {"lambda x: yaml.safe_load(x)", "[5]", ""},
    {"lambda x: yaml.safe_load(x)['a']", "[\"b: 1\"]", "no key"})
/* clang-format on */
{
    struct eng_expr_result got = run(f->expr, f->arg);
    CHECK(!got.passed);
    CHECK(got.problem.n > 0);
    CHECK_CONTAINS(got.problem, f->says);
}
