#include "engine/expr.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "tests/runner/test.h"

/* --- helpers ----------------------------------------------------------- */
static const struct eng_expr *parse(const char *text, struct eng_report *r)
{
    struct slice s = slice_of(text);
    struct json *node = json_new(test_arena(), JSON_STRING);
    struct eng_source *src = arena_alloc(test_arena(), sizeof(*src));
    *src = (struct eng_source){SLICE("gate-definition.yaml"), s};
    node->raw = node->text = s;
    eng_report_init(r, test_arena());
    return eng_expr_parse(src, node, r);
}

static const struct json *value(const char *text)
{
    const struct json *v;
    struct json_error error;
    CHECK_OK(json_parse(slice_of(text), NULL, test_arena(), &v, &error));
    return v;
}

/* `args` is a JSON array: the value, then the parameters in their order. */
static struct eng_expr_result run(const char *text, const char *args)
{
    struct eng_report r;
    struct eng_expr_result result;
    const struct json *list = value(args), *values[ENG_EXPR_PARAMS];
    const struct eng_expr *e = parse(text, &r);
    if (!e)
        FAIL("%s: refused: %.*s", text,
             SLICE_ARG(r.count ? r.items[0].message : SLICE("?")));
    CHECK_INT_EQ(eng_expr_params(e), list->count);
    for (uint32_t i = 0; i < list->count; i++) values[i] = &list->items[i];
    CHECK_OK(eng_expr_run(e, values, test_arena(), &result));
    return result;
}

/* --- what must work ---------------------------------------------------- */
struct works {
    const char *expr;
    const char *passes, *fails; /* arguments; NULL: none */
};
/* clang-format off */
TEST_EACH(expr, forms_in_use_work, struct works, w,
    {"lambda x: x > 0", "[42]", "[0]"},
    {"lambda x: x >= 0", "[0]", "[-1]"},
    {"lambda x: x < 0", "[-0.5]", "[0]"},
    {"lambda x: x >= 80", "[80]", "[79.9]"},
    {"lambda x: 0 <= x <= 100", "[100]", "[100.5]"},
    {"lambda x, min_val: x >= min_val", "[3, 3]", "[2, 3]"},
    {"lambda x, min_val, max_val: min_val <= x <= max_val", "[1,1,2]",
     "[3,1,2]"},
    {"lambda x, min, max: min <= x <= max", "[50,3,50]", "[51,3,50]"},
    {"lambda n, min, max: min <= n <= max", "[3,3,50]", "[2,3,50]"},
    {"lambda x, low, high: low < x < high", "[2,1,3]", "[1,1,3]"},
    {"lambda x, threshold: x > threshold", "[2,1]", "[1,1]"},
    {"lambda x, threshold: x < threshold", "[0,1]", "[1,1]"},
    {"lambda value, threshold: value >= threshold", "[1,1]", "[0,1]"},
    {"lambda n, expected: n == expected", "[1,1.0]", "[1,true]"},
    {"lambda n: isinstance(n, int) and n > 0", "[1]", "[1.5]"},
    {"lambda x: isinstance(x, int) and x > 0", "[7]", "[true]"},
    {"lambda x: True", "[null]", NULL},
    {"lambda x: x is True", "[true]", "[1]"},
    {"lambda x: x is False", "[false]", "[0]"},
    {"lambda x, expected: x == expected", "[[1,{\"a\":2}],[1.0,{\"a\":2}]]",
     "[\"1\",1]"},
    {"lambda x, forbidden: x != forbidden", "[1,2]", "[1,1]"},
    {"lambda x, y: x + y", "[1,2]", "[1,-1]"},
    {"lambda x: len(x) > 0", "[\"a\"]", "[{}]"},
    {"lambda x: len(x) > 5", "[\"\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\"]",
     "[\"\\u00e9\\u00e9\\u00e9\"]"},
    {"lambda x: len(x) >= 3", "[[1,2,3]]", "[[1,2]]"},
    {"lambda x, min_len: len(x) >= min_len", "[\"abc\",3]", "[\"ab\",3]"},
    {"lambda x, max_len: len(x) <= max_len", "[\"abc\",3]", "[\"abcd\",3]"},
    {"lambda x, min_count: len(x) >= min_count", "[[1],1]", "[[],1]"},
    {"lambda x: isinstance(x, list) and len(x) > 0", "[[0]]", "[\"a\"]"},
    {"lambda x, min_len: isinstance(x, list) and len(x) >= min_len",
     "[[1,2],2]", "[[1],2]"},
    {"lambda s: isinstance(s, str) and len(s.strip()) > 0", "[\" a \"]",
     "[\" \\t\\u3000\"]"},
    {"lambda x: len(x) > 0 and '/' in x", "[\"a/b\"]", "[\"ab\"]"},
    {"lambda x: '/' in x and not x.startswith('..')", "[\"a/b\"]",
     "[\"../b\"]"},
    {"lambda x: x.startswith('test_') and x.endswith('.py')",
     "[\"test_a.py\"]", "[\"test_a.c\"]"},
    {"lambda x: x.isalnum()", "[\"a1\\u00e9\"]", "[\"a 1\"]"},
    {"lambda x: 'success' in x.lower()", "[\"A SUCCESS\"]", "[\"fail\"]"},
    {"lambda x: 'success' in x.lower() or '\xE2\x9C\x85' in x",
     "[\"ok \xE2\x9C\x85\"]", "[\"ok\"]"},
    {"lambda x: 'error' not in x.lower() and '\xE2\x9D\x8C' not in x",
     "[\"fine\"]", "[\"bad \xE2\x9D\x8C\"]"},
    {"lambda x: len(x) == 40 and all(c in '0123456789abcdef' for c in x)",
     "[\"0123456789abcdef0123456789abcdef01234567\"]",
     "[\"0123456789abcdef0123456789abcdef0123456g\"]"},
    {"lambda x, text: text in x", "[\"abc\",\"b\"]", "[\"abc\",\"d\"]"},
    {"lambda x, text: text not in x", "[\"abc\",\"d\"]", "[\"abc\",\"b\"]"},
    {"lambda output: \"FAILED\" not in output\n  and \"ERROR\" not in output\n"
     "  and \"0 failed\" in output\n", "[\"12 passed, 0 failed\"]",
     "[\"1 FAILED, 0 failed\"]"},
    {"lambda x: re.match(r'^[a-z]+$', x) is not None", "[\"abc\"]",
     "[\"Abc\"]"},
    {"lambda x: re.match(r'pattern', x)", "[\"patterns\"]", "[\"a pattern\"]"},
    {"lambda x, pattern: re.match(pattern, x) is not None",
     "[\"v1\",\"v\\\\d\"]", "[\"va\",\"v\\\\d\"]"},
    {"lambda x: yaml.safe_load(x)", "[\"a: 1\"]", "[\"\"]"},
    {"lambda x: yaml.safe_load(x) is not None", "[\"a: 1\"]", "[\"~\"]"},
    {"lambda x: all(isinstance(i, str) for i in x)", "[[\"a\",\"b\"]]",
     "[[\"a\",1]]"},
    {"lambda x, item_type: all(isinstance(i, item_type) for i in x)",
     "[[1,2],\"int\"]", "[[1,true],\"int\"]"},
    {"lambda x, patterns: any(p in x for p in patterns)",
     "[\"abc\",[\"x\",\"b\"]]", "[\"abc\",[\"x\"]]"},
    {"lambda s, markers: any(m in s for m in markers)", "[\"abc\",[\"a\"]]",
     "[\"abc\",[]]"},
    {"lambda text, success_markers: any(m in text for m in success_markers)",
     "[\"all ok\",[\"ok\"]]", "[\"all\",[\"ok\"]]"},
    {"lambda x, fields: all(f in x for f in fields)",
     "[{\"a\":1,\"b\":2},[\"a\",\"b\"]]", "[{\"a\":1},[\"a\",\"b\"]]"},
    {"lambda obj, required_fields: all(f in obj for f in required_fields)",
     "[{\"a\":1},[\"a\"]]", "[{},[\"a\"]]"},
    {"lambda x, required_keys: set(required_keys).issubset(set(x.keys()))",
     "[{\"a\":1,\"b\":2},[\"b\",\"b\"]]", "[{\"a\":1},[\"b\"]]"},
    {"lambda x: x['nonexistent'] > 0", "[{\"nonexistent\":1}]", "[{\"a\":1}]"},
    {"lambda e: e['a'] > e['b']", "[{\"a\":2,\"b\":1}]",
     "[{\"a\":1,\"b\":1}]"},
    {"lambda e: e.get('a', 0) > e.get('b', 0)", "[{\"a\":1}]", "[{\"b\":1}]"},
    {"lambda e: e.get('count', 0) > 0", "[{\"count\":1}]", "[{}]"},
    {"lambda e: e.get('business_goals', 0) > 0", "[{\"business_goals\":3}]",
     "[{}]"},
    {"lambda e: e.get('functional_requirements', 0) >= "
     "e.get('business_goals', 0)",
     "[{\"functional_requirements\":3,\"business_goals\":3}]",
     "[{\"functional_requirements\":2,\"business_goals\":3}]"},
    {"lambda e: e['frs'] >= e['goals']", "[{\"frs\":1,\"goals\":1}]",
     "[{\"goals\":1}]"},
    {"lambda e: e.get('frs', 0) >= e.get('goals', 0)", "[{}]",
     "[{\"goals\":1}]"},
    {"lambda evidence: evidence['field1'] > evidence['field2']",
     "[{\"field1\":2,\"field2\":1}]", "[{\"field1\":1,\"field2\":2}]"},
    {"lambda e: True", "[{}]", NULL},
    {"lambda x: (x > 0 if isinstance(x, int) else len(x) > 0)", "[\"a\"]",
     "[0]"},
    {"lambda e: len(e.get('items', [])) > 0", "[{\"items\":[1]}]",
     "[{\"items\":[]}]"})
/* clang-format on */
{
    if (w->passes && !run(w->expr, w->passes).passed)
        FAIL("%s refuses %s", w->expr, w->passes);
    if (w->fails && run(w->expr, w->fails).passed)
        FAIL("%s passes %s", w->expr, w->fails);
}

struct says {
    const char *expr, *arg;
    bool passes;
};
/* clang-format off */
TEST_EACH(expr, means_what_python_means, struct says, s,
    {"lambda x: 7 // 2 == 3 and -7 // 2 == -4", "[0]", true},
    {"lambda x: 7 % 3 == 1 and -7 % 3 == 2 and 7 % -3 == -2", "[0]", true},
    {"lambda x: 7 / 2 == 3.5", "[0]", true},
    {"lambda x: 2 + 3 * 4 - 1 == 13", "[0]", true},
    {"lambda x: (2 + 3) * 4 == 20", "[0]", true},
    {"lambda x: -x == 5", "[-5]", true},
    {"lambda x: not x == 5 or False", "[4]", true},
    {"lambda x: 1 < 2 < 3 and not 1 < 3 < 2", "[0]", true},
    {"lambda x: 'b' > 'a' and 'B' < 'a'", "[0]", true},
    {"lambda x: round(2.5) == 2 and round(3.5) == 4", "[0]", true},
    {"lambda x: round(2.675, 1) == 2.7", "[0]", true},
    {"lambda x: min(3, 1, 2) == 1 and max([3, 1, 2]) == 3", "[0]", true},
    {"lambda x: sum([1, 2, 3]) == 6 and sum(x) == 1.5", "[[1, 0.5]]", true},
    {"lambda x: sorted([3, 1, 2]) == [1, 2, 3]", "[0]", true},
    {"lambda x: sorted('bca')[0] == 'a'", "[0]", true},
    {"lambda x: abs(-3) == 3 and abs(-0.5) == 0.5", "[0]", true},
    {"lambda x: len(set([1, 1.0, 2])) == 2", "[0]", true},
    {"lambda x: 2 in {}", "[0]", false},
    {"lambda x: x[-1] == 3 and x[0] == 1", "[[1,2,3]]", true},
    {"lambda x: 'h\xC3\xA9llo'[1] == '\xC3\xA9'", "[0]", true},
    {"lambda x: x[0]['a'][1] == 2", "[[{\"a\":[1,2]}]]", true},
    {"lambda x: str(1) == '1' and str(1.0) == '1.0' and str(True) == 'True'",
     "[0]", true},
    {"lambda x: str(None) == 'None' and str(0.5) == '0.5'", "[0]", true},
    {"lambda x: int('42') == 42 and int(3.9) == 3 and int(' -7 ') == -7",
     "[0]", true},
    {"lambda x: float('2.5') == 2.5 and float(2) == 2", "[0]", true},
    {"lambda x: bool([]) is False and bool('a') is True", "[0]", true},
    {"lambda x: list('ab') == ['a', 'b']", "[0]", true},
    {"lambda x: x.upper() == 'A\xC3\x89\xCE\xA9\xD0\x96'",
     "[\"a\xC3\xA9\xCF\x89\xD0\xB6\"]", true},
    {"lambda x: x.strip('-') == 'a'", "[\"--a-\"]", true},
    {"lambda x: x.startswith(('a', 'b'))", "[\"bc\"]", true},
    {"lambda x: '12'.isdigit() and not ''.isdigit() and 'ab'.isalpha()", "[0]",
     true},
    {"lambda x: any(v > 1 for v in x.values())", "[{\"a\":1,\"b\":2}]", true},
    {"lambda x: all(all(j > 0 for j in i) for i in x)", "[[[1],[2,3]]]", true},
    {"lambda x: any(x)", "[[0, \"\", null, false]]", false},
    {"lambda x: all([])", "[0]", true},
    {"lambda x: x == None", "[null]", true},
    {"lambda x: x is not None", "[null]", false},
    {"lambda x: (1, 2) == [1, 2]", "[0]", true},
    {"lambda x: isinstance(x, (int, float))", "[1.5]", true},
    {"lambda x: isinstance(x, (int, float))", "[\"1\"]", false},
    {"lambda x: isinstance(x, bool)", "[true]", true},
    {"lambda x: isinstance(x, dict)", "[{}]", true},
    {"lambda x: re.search('b+', x) and re.fullmatch('[abc]+', x)",
     "[\"abc\"]", true},
    {"lambda x: re.fullmatch('ab', x)", "[\"abc\"]", false},
    {"lambda x: 'a' + 'b' == 'ab' and [1] + [2] == [1, 2]", "[0]", true},
    {"lambda x: '\\x41\\u00e9\\n' == 'A\xC3\xA9' + '\\n'", "[0]", true},
    {"lambda x: r'\\d' == '\\\\d' and '\\d' == '\\\\d'", "[0]", true},
    {"lambda x: .5 + 1. + 1e1 == 11.5", "[0]", true},
    {"lambda x: set(x).issuperset(['a'])", "[[\"a\",\"b\"]]", true},
    {"lambda x: 'a' if x else 0", "[1]", true},
    {"lambda x: x == 9223372036854775807", "[9223372036854775806]", false},
    {"lambda x: true_ == 1 if False else x", "[1]", false})
/* clang-format on */
{
    struct eng_report r;
    const struct eng_expr *e = parse(s->expr, &r);
    if (!e) {
        CHECK(!s->passes); /* refused is not passed either */
        return;
    }
    struct eng_expr_result got = run(s->expr, s->arg);
    if (got.passed != s->passes)
        FAIL("%s of %s: %s (%.*s)", s->expr, s->arg,
             got.passed ? "true" : "false", SLICE_ARG(got.problem));
}

/* --- what fails, with its reason --------------------------------------- */
struct reason {
    const char *expr, *arg, *says;
};
/* clang-format off */
TEST_EACH(expr, an_evaluation_error_fails_with_its_reason, struct reason, w,
    {"lambda x: x['nonexistent'] > 0", "[{}]", "no key \"nonexistent\""},
    {"lambda x: x > 'a'", "[1]", "cannot be compared"},
    {"lambda x: True > 0", "[1]", "boolean and integer"},
    {"lambda x: x + True", "[1]", "arithmetic of integer and boolean"},
    {"lambda x: len(x) > 0", "[1]", "len does not take a integer"},
    {"lambda x: x.lower()", "[1]", "lower does not take"},
    {"lambda x: 1 / x", "[0]", "division by zero"},
    {"lambda x: 1 % x", "[0]", "division by zero"},
    {"lambda x: 1.5 // x", "[0]", "division by zero"},
    {"lambda x: x + 1 > 0", "[9223372036854775807]", "over 64 bits"},
    {"lambda x: x * x > 0", "[9223372036854775807]", "over 64 bits"},
    {"lambda x: -(x - 1) // -1 > 0", "[-9223372036854775807]",
     "over 64 bits"},
    {"lambda x: x * x", "[1e300]", "not finite"},
    {"lambda x: x[5]", "[[1]]", "out of range"},
    {"lambda x: x['a']", "[[1]]", "indexed by an integer"},
    {"lambda x: 1 in x", "[\"abc\"]", "only a string"},
    {"lambda x: 1 in x", "[5]", "holds no elements"},
    {"lambda x: int(x)", "[\"a\"]", "cannot read"},
    {"lambda x: set(x)", "[[[1]]]", "cannot hold"},
    {"lambda x: sorted(x)", "[[1,\"a\"]]", "cannot be compared"},
    {"lambda x: min(x)", "[[]]", "an element or more"},
    {"lambda x: any(i for i in x)", "[5]", "no elements to go through"},
    {"lambda x: re.match('a', x)", "[5]", "against a string"},
    {"lambda x: re.match(x, 'a')", "[\"(?=a)\"]", "look-ahead"},
    {"lambda x: yaml.safe_load(x)", "[\"a: b: c:\"]", "no YAML"},
    {"lambda x, t: isinstance(x, t)", "[1, \"file\"]", "isinstance wants"},
    {"lambda x: round(x, 99)", "[1.5]", "0 to 15"})
/* clang-format on */
{
    struct eng_expr_result got = run(w->expr, w->arg);
    CHECK(!got.passed);
    CHECK_CONTAINS(got.problem, w->says);
}

TEST(expr, the_steps_of_an_evaluation_are_bounded)
{
    struct arena *a = test_arena();
    char *list = arena_alloc(a, 30000);
    size_t n = 0;
    memcpy(list, "[[", 2);
    n = 2;
    for (int i = 0; i < 1000; i++) {
        memcpy(list + n, "1,", 2);
        n += 2;
    }
    memcpy(list + n, "1]]", 4);
    struct eng_expr_result got =
        run("lambda x: any(any(i + j < 0 for j in x) for i in x)", list);
    CHECK(!got.passed);
    CHECK_CONTAINS(got.problem, "steps");
    got = run("lambda x: len(x + x + x + x + x + x + x) > 0", list);
    CHECK(got.passed);
}

/* --- what is refused --------------------------------------------------- */
struct refused {
    const char *expr, *piece;
};
/* clang-format off */
TEST_EACH(expr, what_is_outside_the_language_is_refused, struct refused, w,
    {"lambda x: __import__('os').system('true')", "__import__"},
    {"lambda x: exec('1')", "exec"},
    {"lambda x: eval(x)", "eval"},
    {"lambda x: compile(x, '', 'eval')", "compile"},
    {"lambda x: open('/etc/passwd').read()", "open"},
    {"lambda x: file(x)", "file"},
    {"lambda x: input(x)", "input"},
    {"lambda x: os.listdir('/')", "os"},
    {"lambda x: os.path.exists(x)", "os"},
    {"lambda x: Path(x).exists()", "Path"},
    {"lambda x: sys.exit()", "sys"},
    {"lambda x: subprocess.run(x)", "subprocess"},
    {"lambda x: __builtins__['eval']", "__builtins__"},
    {"lambda x: globals()", "globals"},
    {"lambda x: locals()", "locals"},
    {"lambda x: vars(x)", "vars"},
    {"lambda x: dir(x)", "dir"},
    {"lambda x: validate_schema(x, 1)", "validate_schema"},
    {"lambda x: hasattr(x, 'a')", "hasattr"},
    {"lambda x: getattr(x, 'a')", "getattr"},
    {"lambda x: setattr(x, 'a', 1)", "setattr"},
    {"lambda x: type(x)", "type"},
    {"lambda x: object()", "object"},
    {"lambda x: x.__class__", "__class__"},
    {"lambda x: x.__class__.__mro__[1].__subclasses__()", "__class__"},
    {"lambda x: ''.__class__", "__class__"},
    {"lambda x: ().__class__.__bases__[0]", "__class__"},
    {"lambda __x: __x", "__x"},
    {"lambda x: x.a__b", "a__b"},
    {"lambda x: x.format('{0}')", "format"},
    {"lambda x: x.format_map(x)", "format_map"},
    {"lambda x: x.encode()", "encode"},
    {"lambda x: x.mro()", "mro"},
    {"lambda x: x.func_globals", "func_globals"},
    {"lambda x: x.gi_frame.f_back", "gi_frame"},
    {"lambda x: x.append(1)", "append"},
    {"lambda x: x.pop()", "pop"},
    {"lambda x: x.update(x)", "update"},
    {"lambda x: x.items()", "items"},
    {"lambda x: x.join(x)", "join"},
    {"lambda x: x.replace('a', 'b')", "replace"},
    {"lambda x: f'{x}'", "f"},
    {"lambda x: b'a'", "b"},
    {"lambda x: 'a' 'b'", "'b'"},
    {"lambda x: '''a'''", "'a'"},
    {"lambda x: (lambda y: y)(x)", "lambda"},
    {"lambda x: lambda y: y", "lambda"},
    {"lambda x: (y := x)", ":="},
    {"lambda x: x = 1", "="},
    {"lambda x=1: x", "="},
    {"lambda *x: x", "*"},
    {"lambda **x: x", "**"},
    {"lambda x: x ** 9", "**"},
    {"lambda x: x @ x", "@"},
    {"lambda x: x << 9", "<"},
    {"lambda x: x >> 1", ">"},
    {"lambda x: x | 1", "|"},
    {"lambda x: x & 1", "&"},
    {"lambda x: x ^ 1", "^"},
    {"lambda x: ~x", "~"},
    {"lambda x: +x", "+"},
    {"lambda x: --x", "-"},
    {"lambda x: x; x", ";"},
    {"lambda x: `x`", "`"},
    {"lambda x: {x: 1}", "{"},
    {"lambda x: {1, 2}", "{"},
    {"lambda x: [i for i in x]", "i"},
    {"lambda x: {i for i in x}", "{"},
    {"lambda x: sum(i for i in x)", "i"},
    {"lambda x: any(i for i in x if i)", "if"},
    {"lambda x: any(i for i, j in x)", ","},
    {"lambda x: any(i for i in x for j in i)", "for"},
    {"lambda x: any(i for 1 in x)", "1"},
    {"lambda x: any(y for i in x)", "y"},
    {"lambda x: any(i for i in x) and i", "i"},
    {"lambda x: x[1:2]", ":"},
    {"lambda x: x[:]", ":"},
    {"lambda x: x[]", "]"},
    {"lambda x: len", "len"},
    {"lambda x: len(x, x)", "len"},
    {"lambda x: len()", "len"},
    {"lambda x: len(obj=x)", "="},
    {"lambda x: x(1)", "("},
    {"lambda x: x.lower", ""},
    {"lambda x: x.get()", "get"},
    {"lambda x: 5()", "("},
    {"lambda x: re", "re"},
    {"lambda x: re.compile(x)", "compile"},
    {"lambda x: re.sub('a', 'b', x)", "sub"},
    {"lambda x: re.match(r'(?=x)', x)", "look-ahead"},
    {"lambda x: re.match(r'(?<!x)a', x)", "look-behind"},
    {"lambda x: re.match(r'(a)\\1', x)", "back-reference"},
    {"lambda x: re.match('(', x)", "'('"},
    {"lambda x: re.match('a')", ""},
    {"lambda x: yaml.load(x)", "load"},
    {"lambda x: yaml.unsafe_load(x)", "unsafe_load"},
    {"lambda x: isinstance(x, file)", "file"},
    {"lambda x: isinstance(x, (int, object))", "object"},
    {"lambda x: isinstance(x)", ")"},
    {"lambda x: isinstance(x, ())", ")"},
    {"lambda x: x is 1", "1"},
    {"lambda x: x is y", "y"},
    {"lambda x: y > 0", "y"},
    {"lambda x: true", "true"},
    {"lambda x: null", "null"},
    {"lambda x: invalid syntax!", "!"},
    {"lambda x:", "an end"},
    {"lambda x: ", "an end"},
    {"lambda : 1", ":"},
    {"lambda x", "expected"},
    {"lambda", "expected"},
    {"lambda x, x: x", "x"},
    {"lambda if: 1", "if"},
    {"lambda x: x if x", "else"},
    {"lambda x: x and", "an end"},
    {"lambda x: not", "an end"},
    {"lambda x: (x", ")"},
    {"lambda x: x)", ")"},
    {"lambda x: [x", "]"},
    {"lambda x: 'abc", "without its end"},
    {"lambda x: 'a\nb'", "without its end"},
    {"lambda x: 0x1F", "0x"},
    {"lambda x: 1_000", "1_"},
    {"lambda x: 007", "007"},
    {"lambda x: 1j", "1j"},
    {"lambda x: 99999999999999999999", "64 bits"},
    {"lambda x: '\\N{DASH}'", "escape"},
    {"lambda x: '\\ud800'", "escape"},
    {"lambda x: await x", "await"},
    {"lambda x: print(x)", "print"},
    {"lambda x: x # comment", "#"},
    {"lambda x: \\\n x", "\\"},
    {"lambda x: x\xC2\xA0", "\xC2\xA0"},
    {"lambda x: import os", "import"},
    {"x > 0", "no lambda"},
    {"import os", "no lambda"},
    {"", "no lambda"},
    {"len(yaml_content['phases']) == phases_extracted", "no lambda"},
    {"def f(x): return x", "no lambda"})
/* clang-format on */
{
    struct eng_report r;
    if (parse(w->expr, &r)) FAIL("%s is accepted", w->expr);
    CHECK_INT_EQ(r.errors, 1);
    CHECK_STR_EQ(r.items[0].code, "GATE_BROKEN");
    CHECK_INT_GT(r.items[0].line, 0);
    CHECK_CONTAINS(r.items[0].message, w->piece);
    CHECK_INT_GT(r.items[0].how_to_fix.n, 0);
}

TEST(expr, too_deep_and_too_long_texts_are_refused)
{
    struct eng_report r;
    char text[6000] = "lambda x: ";
    size_t n = strlen(text);
    memset(text + n, '(', 40);
    text[n + 40] = 'x';
    memset(text + n + 41, ')', 40);
    CHECK(!parse(text, &r));
    CHECK_CONTAINS(r.items[0].message, "nesting over 32");
    memset(text + n, ' ', 4100);
    text[n + 4100] = 'x';
    CHECK(!parse(text, &r));
    CHECK_CONTAINS(r.items[0].message, "4096 bytes");
    memset(text + n, 'x', 1);
    for (size_t i = 0; i < 1300; i++) memcpy(text + n + 1 + 3 * i, "[0]", 3);
    text[n + 1 + 3900] = '\0';
    CHECK(!parse(text, &r));
    CHECK_CONTAINS(r.items[0].message, "chain");
    for (size_t i = 0; i < 900; i++) memcpy(text + n + 4 * i, "not ", 4);
    memcpy(text + n + 3600, "x", 2);
    CHECK(!parse(text, &r));
    CHECK_CONTAINS(r.items[0].message, "nesting over 32");
}

TEST(expr, the_place_of_a_refused_piece_is_told)
{
    struct eng_report r;
    CHECK(!parse("lambda x:\n  x > 0 and\n  os.getcwd()", &r));
    CHECK_INT_EQ(r.items[0].line, 3);
    CHECK_INT_EQ(r.items[0].column, 3);
    CHECK_CONTAINS(r.items[0].how_to_fix, "file_exists");
}

TEST(expr, every_failed_allocation_is_told)
{
    const char *text = "lambda x, y: any(re.match(y, i + 'a') for i in x) or "
                       "sorted(set(x)) == ['a'] or str(len(x)).isdigit()";
    const struct json *args = value("[[\"b\",\"a\"],\"c\"]");
    const struct json *values[] = {&args->items[0], &args->items[1]};
    for (uint64_t n = 1;; n++) {
        struct arena a;
        struct eng_report r;
        struct eng_expr_result result;
        struct json node = {.type = JSON_STRING, .raw = slice_of(text)};
        struct eng_source src = {SLICE("g"), slice_of(text)};
        node.text = node.raw;
        arena_init(&a, 1 << 20);
        eng_report_init(&r, &a);
        mem_fail_at(n);
        const struct eng_expr *e = eng_expr_parse(&src, &node, &r);
        enum err err = e ? eng_expr_run(e, values, &a, &result) : ERR_NOMEM;
        bool reached = mem_count() >= n;
        mem_fail_at(0);
        if (!e) CHECK(r.failed);
        if (!reached) CHECK_OK(err);
        if (err) CHECK_ERR(err, ERR_NOMEM);
        arena_done(&a);
        if (!reached) break;
        CHECK_INT_LT(n, 1000);
    }
}

/* --- what one looks at ------------------------------------------------------
 */

static void note_key(void *ctx, struct slice key)
{
    buf_printf(ctx, "%.*s ", SLICE_ARG(key));
}

struct look_row {
    const char *text, *keys;
    bool all;   /* these keys are all it looks at */
    bool reads; /* it looks at the value */
};
TEST_EACH(expr, lint_knows_what_it_looks_at, struct look_row, row,
          {"lambda x: 'a' in x and 'b' not in x", "a b ", true, true},
          {"lambda x: x['a'] > 0 or x.get('b', 0) > 1", "a b ", true, true},
          {"lambda x: 'a' < x", "", false, true},
          {"lambda x: 'a' in x in [x]", "", false, true},
          {"lambda x: x in 'a'", "", false, true},
          {"lambda x: 1 in x", "", false, true},
          {"lambda x: 'a' in 'abc'", "", true, false},
          {"lambda x: x[0] == 1", "", false, true},
          {"lambda x: 'abc'[0] == 'a'", "", true, false},
          {"lambda x: x['a'] and len(x) > 1", "a ", false, true},
          {"lambda x: x.startswith('a')", "", false, true},
          {"lambda x: x.get(1, 2) == 2", "", false, true},
          {"lambda x, y: y.get('a') == 1 and 'b' in y", "", true, false},
          {"lambda x: isinstance(x, str)", "", false, true},
          {"lambda x, y: y > 0", "", true, false})
{
    struct eng_report r;
    struct buf keys = BUF_INIT(4096);
    const struct eng_expr *e = parse(row->text, &r);
    if (!e) FAIL("%s does not parse", row->text);
    bool all = eng_expr_keys(e, note_key, &keys);
    if (all != row->all) FAIL("%s: %d", row->text, (int)all);
    CHECK_TEXT_EQ(buf_slice(&keys), row->keys);
    CHECK_INT_EQ(eng_expr_reads_value(e), row->reads);
    buf_done(&keys);
}
