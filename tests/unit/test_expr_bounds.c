/*
 * expr_bounds: each form of the language when its steps run out in the middle,
 * and when memory does: it says so, and is never taken for true or for false.
 */
#include <string.h>

#include "base/alloc.h"
#include "engine/expr.h"
#include "tests/runner/test.h"

enum { LONG = 2600, KEYS = 80 };

/* A text in which a pattern is looked for costs a step for so many bytes. */
enum { PER_STEP = 16, BURNT = PER_STEP * ENG_EXPR_STEPS };

/* "long": a text of LONG letters; "object": one of KEYS keys, k10 being one. */
static const struct json *argument(const char *text)
{
    struct arena *a = test_arena();
    const struct json *v;
    struct json_error error;
    struct slice s = slice_of(text);
    if (!strcmp(text, "long")) {
        char *p = arena_alloc(a, LONG);
        memset(p, 'a', LONG);
        s = arena_printf(a, "\"%.*s\"", LONG, p);
    }
    if (!strcmp(text, "object")) {
        s = SLICE("{\"k10\":1");
        for (int i = 11; i < 10 + KEYS; i++)
            s = arena_printf(a, "%.*s,\"k%d\":1", SLICE_ARG(s), i);
        s = arena_printf(a, "%.*s}", SLICE_ARG(s));
    }
    CHECK_OK(json_parse(s, NULL, a, &v, &error));
    return v;
}

static const struct eng_expr *parse(const char *text, struct arena *a,
                                    struct eng_report *r)
{
    struct json *node = json_new(a, JSON_STRING);
    struct eng_source *src = ARENA_NEW(a, struct eng_source);
    eng_report_init(r, a);
    *src = (struct eng_source){SLICE("gate-definition.yaml"), slice_of(text)};
    node->raw = node->text = slice_of(text);
    return eng_expr_parse(src, node, r);
}

struct form {
    const char *expr; /* true of its argument y */
    const char *y;
};
/* clang-format off */
static const struct form forms[] = {
    {"all(i > 0 for i in y)", "[1,2,3]"},
    {"any(i == 3 for i in y)", "[1,2,3]"},
    {"all(y) and any(y)", "[1,2]"},
    {"sorted(y) == [1, 2, 3]", "[3,1,2]"},
    {"sorted(y) == ['a', 'b', 'c']", "[\"c\",\"a\",\"b\"]"},
    {"min(y) == 1 and max(y) == 3", "[2,1,3]"},
    {"min(y, 7) == 5 and max(5.5, y) == 5.5", "5"},
    {"sum(y) == 6", "[1,2,3]"},
    {"list(y) == y", "[1,2]"},
    {"list(set(y)) == [1]", "[1,1]"},
    {"set(y) == set([2, 1])", "[1,2,2]"},
    {"set(y).issubset(set([1, 2, 3]))", "[1,2]"},
    {"set([1, 2, 3]).issuperset(y)", "[1,2]"},
    {"len(y) == 2600", "long"},
    {"len(y) == 80", "object"},
    {"len(y.keys()) == 80", "object"},
    {"len(y.values()) == 80", "object"},
    {"y['k10'] == 1 and y.get('k11') == 1", "object"},
    {"y.get('none', 5) == 5", "object"},
    {"'k12' in y and 'none' not in y", "object"},
    {"y == y", "object"},
    {"y == y and not y != y", "long"},
    {"y + 'b' > y", "long"},
    {"len(y + y) == 4", "[1,2]"},
    {"len(y + [5]) == 3", "[1,2]"},
    {"y[0] == 1 and y[-1] == 2", "[1,2]"},
    {"y[1] == 'b'", "\"abc\""},
    {"y.upper() != y and y.lower() == y", "long"},
    {"y.upper() == 'A\xC3\x89\xC3\x9EZ'", "\"a\\u00e9\\u00fez\""},
    {"y.lower() == 'a\xC3\xA9\xC3\xBEz'", "\"A\\u00c9\\u00deZ\""},
    {"y.upper() == '\xC4\x90\xC4\xB9\xC5\xBD'", "\"\\u0111\\u013a\\u017e\""},
    {"y.lower() == '\xC4\x91\xC4\xBA\xC5\xBE'", "\"\\u0110\\u0139\\u017d\""},
    {"y.strip() == 'a'", "\"  \\u3000 a  \""},
    {"'b'.strip(y) == 'b'", "long"},
    {"y.strip('a') == ''", "long"},
    {"y.startswith('aa') and y.endswith('aa')", "long"},
    {"y.startswith(['x', 'a'])", "\"abc\""},
    {"not 'abc'.startswith(y)", "long"},
    {"y.isalnum() and y.isalpha()", "long"},
    {"y.isdigit()", "\"123\""},
    {"re.match('a+$', y)", "long"},
    {"re.match(y, 'ab')", "\"a.\""},
    {"re.search(y, 'cab')", "\"a.\""},
    {"yaml.safe_load(y) == 'a'", "\"a\""},
    {"int(y) == 12 and float(y) == 12.0", "\"12\""},
    {"int(y) == 2 and float(y) == 2.5", "2.5"},
    {"str(y) == '2.5' and str(3) == '3'", "2.5"},
    {"str(y) == 'True' and str('a') == 'a'", "true"},
    {"str(y) == 'None' and bool(1)", "null"},
    {"round(y) == 2 and round(y, 1) == 2.5", "2.5"},
    {"abs(y) == 5", "-5"},
    {"isinstance(y, list) and isinstance(y, (int, list))", "[]"},
    {"(1 if y else 2) == 1", "[0]"},
    {"1 < y <= 5 != 6", "5"},
    {"y // 2 == 2 and y % 3 == 2 and y / 2 == 2.5 and -y == -5", "5"},
    {"y // 2 == -3.0 and y % 2 == 1.5", "-4.5"},
    {"y is not None and (y is True or y is False)", "true"},
    {"[1, [2, y]] == [1, [2, 3]]", "3"},
    {"y in [1, 2.0, '3']", "2"},
    {"'aab' not in y", "long"},
    {"y in 'xay'", "\"a\""},
    {"len(set(y)) == 5", "[1,\"a\",true,false,null,\"a\",1.0]"},
    {"set(y) == set(y) and len(set([])) == 0", "[\"b\",2,true,\"a\"]"},
    {"(y - 1) % -1 == 0", "-9223372036854775807"},
    {"y // -1 == -5 and y % -1 == 0 and -7 // y == -2", "5"},
    {"y * 2.0 == 10 and y - 0.5 == 4.5 and y / 0.5 == 10.0", "5"},
    {"y % -2 == -0.5 and y // -2 == -3.0", "5.5"},
    {"round(y, 15) == y and str(y) != ''", "1e300"},
    {"y == [True, None] and y != [True, 0] and y != [1, None]",
     "[true,null]"},
    {"y in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]",
     "19"},
    {"[[y], 2] != [[1], 2] and [y] in [[1], [3]]", "3"},
    {"set(['a', 'b']).issubset(y) and not set(y).issubset(['a'])",
     "[\"a\",\"b\",\"c\"]"}};
/* clang-format on */

enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

/* A form after so many steps that only `left` remain. */
static bool passes_with(const struct form *f, const struct eng_expr *e,
                        size_t left, const char *text)
{
    struct arena a;
    struct eng_expr_result result;
    /* No text that is looked through may be longer than a MiB. */
    const size_t half = ENG_EXPR_STEPS / 2, n[] = {half - 20, half - 20 - left};
    struct json burnt[2];
    const struct json *values[] = {&burnt[0], &burnt[1], argument(f->y)};
    for (int i = 0; i < 2; i++)
        burnt[i] = (struct json){.type = JSON_STRING,
                                 .text = {text, PER_STEP * n[i]},
                                 .raw = {text, PER_STEP * n[i]}};
    arena_init(&a, 1 << 22);
    CHECK_OK(eng_expr_run(e, values, &a, &result));
    if (!result.passed) CHECK_CONTAINS(result.problem, "steps");
    arena_done(&a);
    return result.passed;
}

static void steps_run_out(const struct form *f)
{
    struct eng_report r;
    struct slice text = arena_printf(test_arena(),
                                     "lambda x, z, y: not re.match('b', x) and "
                                     "not re.match('b', z) and (%s)",
                                     f->expr);
    const struct eng_expr *e = parse(text.p, test_arena(), &r);
    if (!e) FAIL("%s: %.*s", f->expr, SLICE_ARG(r.items[0].message));
    char *burnt = arena_alloc(test_arena(), BURNT);
    memset(burnt, 'a', BURNT);
    size_t left = 4;
    while (!passes_with(f, e, left, burnt)) {
        CHECK_INT_LT(left, 20000);
        /* Small charges come one by one, large ones in between. */
        left += left < 64 ? 1 : left / 8;
    }
    CHECK(passes_with(f, e, 30000, burnt));
}

TEST(expr_bounds, steps_that_run_out_are_told)
{
    for (size_t i = 0; i < FORMS; i++) steps_run_out(&forms[i]);
}

static void memory_runs_out(const struct form *f)
{
    struct slice text = arena_printf(test_arena(), "lambda y: %s", f->expr);
    const struct json *values[] = {argument(f->y)};
    bool reached = true;
    for (uint64_t n = 1; reached; n++) {
        struct arena a;
        struct eng_report r;
        struct eng_expr_result result;
        arena_init(&a, 1 << 22);
        struct json node = {.type = JSON_STRING, .raw = text, .text = text};
        struct eng_source src = {SLICE("g"), text};
        eng_report_init(&r, &a);
        mem_fail_at(n);
        const struct eng_expr *e = eng_expr_parse(&src, &node, &r);
        enum err err = e ? eng_expr_run(e, values, &a, &result) : ERR_NOMEM;
        reached = mem_count() >= n;
        mem_fail_at(0);
        if (!e) CHECK(r.failed);
        if (!reached) CHECK_OK(err);
        if (err) CHECK_ERR(err, ERR_NOMEM);
        if (!err && !result.passed)
            FAIL("%s: allocation %u: %.*s", f->expr, (unsigned)n,
                 SLICE_ARG(result.problem));
        arena_done(&a);
        CHECK_INT_LT(n, 1000);
    }
}

TEST(expr_bounds, memory_that_runs_out_is_told)
{
    for (size_t i = 0; i < FORMS; i++) memory_runs_out(&forms[i]);
}

/* --- whom a function takes, and what it makes of the rest --------------------
 */

struct refusal {
    const char *expr, *y, *says;
};
/* clang-format off */
TEST_EACH(expr_bounds, what_a_function_does_not_take_is_told, struct refusal,
    f,
    {"int(y)", "[]", "int does not take"},
    {"float(y)", "[]", "float does not take"},
    {"float(y)", "\"1,5\"", "cannot read"},
    {"float(y)", "long", "cannot read"},
    {"round(y)", "\"a\"", "round does not take"},
    {"round(1.5, y)", "1.5", "0 to 15"},
    {"round(1.5, y)", "-1", "0 to 15"},
    {"int(y)", "1e300", "64 bits"},
    {"abs(y)", "\"a\"", "abs does not take"},
    {"y.keys()", "[]", "keys does not take"},
    {"y.values()", "[]", "values does not take"},
    {"y.get('a')", "[]", "get does not take"},
    {"y.issubset([])", "[]", "issubset does not take"},
    {"y.issuperset([])", "[]", "issuperset does not take"},
    {"set([1]).issubset(y)", "5", "elements"},
    {"y.strip()", "5", "strip does not take"},
    {"'a'.strip(y)", "5", "strip does not take"},
    {"y.startswith('a')", "5", "startswith does not take"},
    {"'a'.endswith(y)", "5", "endswith does not take"},
    {"'a'.endswith(y)", "[5]", "endswith does not take"},
    {"y.upper()", "5", "upper does not take"},
    {"y.isalnum()", "5", "isalnum does not take"},
    {"y.isdigit()", "5", "isdigit does not take"},
    {"yaml.safe_load(y)", "5", "safe_load"},
    {"y['a']", "5", "has no parts"},
    {"y[0]", "{\"a\":1}", "key"},
    {"-y", "\"a\"", "no minus"},
    {"y + 1", "\"a\"", "arithmetic"},
    {"y + 1", "[1]", "arithmetic"},
    {"y % 0.0", "5", "division by zero"},
    {"y // 0", "5", "division by zero"},
    {"(y - 1) // -1 > 0", "-9223372036854775807", "64 bits"},
    {"y['']", "{\"a\":1}", "no key"},
    {"y['a key that is so long that the reason it is told with would have no "
     "room for all of it']", "{\"a\":1}", "no key"},
    {"all(y)", "5", "elements"},
    {"any(i in 5 for i in y)", "[1]", "elements"},
    {"max(y) > len(7)", "[1]", "len does not take"},
    {"[len(y), 1]", "5", "len does not take"},
    {"re.match(y, 'a')", "\"(\"", "pattern"},
    {"re.match('a', y)", "true", "against a string"},
    {"-(y - 1)", "-9223372036854775807", "64 bits"},
    {"sum(y)", "[\"a\"]", "sum"},
    {"max(y)", "[1,\"a\"]", "compared"},
    {"sorted(y)", "[[1],[\"a\"]]", "compared"})
/* clang-format on */
{
    struct eng_report r;
    struct eng_expr_result result;
    const struct json *values[] = {argument(f->y)};
    struct slice text = arena_printf(test_arena(), "lambda y: %s", f->expr);
    const struct eng_expr *e = parse(text.p, test_arena(), &r);
    if (!e) FAIL("%s: %.*s", f->expr, SLICE_ARG(r.items[0].message));
    CHECK_OK(eng_expr_run(e, values, test_arena(), &result));
    CHECK(!result.passed);
    CHECK_CONTAINS(result.problem, f->says);
}

struct broken {
    const char *expr;
};
/* clang-format off */
TEST_EACH(expr_bounds, what_is_no_expression_is_refused_at_its_place,
    struct broken, b,
    {"lambda y: (1 if y)"}, {"lambda y: y if"}, {"lambda y: y if y else"},
    {"lambda y: any(i for i)"}, {"lambda y: any(i for 5 in y)"},
    {"lambda y: any(i for i in)"}, {"lambda y: any(for i in y)"},
    {"lambda y: isinstance y"}, {"lambda y: isinstance(y)"},
    {"lambda y: isinstance(y int)"}, {"lambda y: isinstance(y, 5)"},
    {"lambda y: isinstance(y, (int)"}, {"lambda y: isinstance(y, int"},
    {"lambda y: isinstance(, int)"}, {"lambda y: re.match"},
    {"lambda y: re.match('a')"}, {"lambda y: re.match('a', y"},
    {"lambda y: re.match('(', y)"}, {"lambda y: re.5"}, {"lambda y: y."},
    {"lambda y: y.5"}, {"lambda y: y.lower"}, {"lambda y: y.lower("},
    {"lambda y: len(y 1)"}, {"lambda y: [1 2]"}, {"lambda y: [1, 2"},
    {"lambda y: y[1"}, {"lambda y: y[]"}, {"lambda y: (1, 2"},
    {"lambda y: y not 5"}, {"lambda y: y is"}, {"lambda y: y in"},
    {"lambda y: not"}, {"lambda y: -"}, {"lambda y: y and"},
    {"lambda y: y or"}, {"lambda y: y +"}, {"lambda y: y == == y"},
    {"lambda y: 1e400"}, {"lambda y: 1.2.3"}, {"lambda y: 1__0"},
    {"lambda y: '\\xZZ'"}, {"lambda y: '\\uD800'"}, {"lambda y: '\\N{x}'"},
    {"lambda y: 'open"}, {"lambda y: r'open\\"}, {"lambda y: y ** 2"},
    {"lambda y: (y := 2)"}, {"lambda y: y @ y"}, {"lambda y: y; y"},
    {"lambda y, y: y"}, {"lambda : 1"}, {"lambda y 1"}, {"lambda y:"},
    {"lambda y, : y"}, {"lambda a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p,"
     " q, r, s, t, u, v: a"}, {"y > 0"}, {""}, {"lambda"})
/* clang-format on */
{
    struct eng_report r;
    CHECK(!parse(b->expr, test_arena(), &r));
    CHECK(!r.failed);
    CHECK_INT_GT(r.count, 0);
    CHECK_INT_GT(r.items[0].message.n, 0);
    CHECK_INT_GE(r.items[0].line, 1);
}
