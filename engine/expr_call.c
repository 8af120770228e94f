/* Functions and methods of expressions, as tables. */
#include <math.h>
#include <stdio.h>

#include "base/json_write.h"
#include "base/yaml.h"
#include "engine/expr_tree.h"

/* --- types ------------------------------------------------------------- */
unsigned expr_type_of(struct slice name, bool as_text)
{
    static const struct {
        struct slice name;
        unsigned types;
        bool text_only;
    } rows[] = {
        {SLICE_INIT("str"), TYPE_STR},
        {SLICE_INIT("int"), TYPE_INT},
        {SLICE_INIT("float"), TYPE_FLOAT},
        {SLICE_INIT("bool"), TYPE_BOOL},
        {SLICE_INIT("list"), TYPE_LIST},
        {SLICE_INIT("dict"), TYPE_DICT},
        {SLICE_INIT("string"), TYPE_STR, true},
        {SLICE_INIT("integer"), TYPE_INT, true},
        {SLICE_INIT("number"), TYPE_INT | TYPE_FLOAT, true},
        {SLICE_INIT("boolean"), TYPE_BOOL, true},
        {SLICE_INIT("array"), TYPE_LIST, true},
        {SLICE_INIT("object"), TYPE_DICT, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (slice_eq(rows[i].name, name) && (as_text || !rows[i].text_only))
            return rows[i].types;
    return 0;
}

static bool nomem(struct eval *x)
{
    x->err = ERR_NOMEM;
    return false;
}

static bool wrong(struct eval *x, const char *function, const struct value *v)
{
    return expr_fail(x, "%s does not take a %s", function, expr_kind_name(v));
}

static void set_bool(struct value *ret, bool truth)
{
    *ret = (struct value){.kind = V_BOOL, .truth = truth};
}

static void set_int(struct value *ret, int64_t n)
{
    *ret = (struct value){.kind = V_INT, .integer = n};
}

static void set_text(struct value *ret, struct slice s)
{
    *ret = (struct value){.kind = V_STRING, .text = s};
}

/* --- functions over collections ---------------------------------------- */
static bool f_len(struct eval *x, const struct value *a, uint32_t n,
                  struct value *ret)
{
    (void)n;
    switch (a->kind) {
    case V_STRING:
        set_int(ret, (int64_t)slice_utf8_length(a->text));
        return expr_charge(x, a->text.n / 1024);
    case V_LIST:
    case V_SET:
        set_int(ret, a->count);
        return true;
    case V_DICT:
        set_int(ret, a->json->count);
        return true;
    default:
        return wrong(x, "len", a);
    }
}

static bool any_all(struct eval *x, const struct value *over, bool all,
                    struct value *ret)
{
    struct expr_walk w;
    struct value item;
    bool more, truth = all;
    if (!expr_walk_begin(x, over, &w)) return false;
    while (truth == all) {
        if (!expr_walk_next(x, &w, &item, &more)) return false;
        if (!more) break;
        truth = expr_truth(&item);
    }
    set_bool(ret, truth);
    return true;
}

static bool f_any(struct eval *x, const struct value *a, uint32_t n,
                  struct value *ret)
{
    (void)n;
    return any_all(x, a, false, ret);
}

static bool f_all(struct eval *x, const struct value *a, uint32_t n,
                  struct value *ret)
{
    (void)n;
    return any_all(x, a, true, ret);
}

static const struct value nothing[1];

static bool f_list(struct eval *x, const struct value *a, uint32_t n,
                   struct value *ret)
{
    *ret = (struct value){.kind = V_LIST, .items = nothing};
    return n == 0 || expr_to_list(x, a, ret);
}

static bool f_set(struct eval *x, const struct value *a, uint32_t n,
                  struct value *ret)
{
    *ret = (struct value){.kind = V_SET, .items = nothing};
    return n == 0 || expr_to_set(x, a, ret);
}

static bool f_sorted(struct eval *x, const struct value *a, uint32_t n,
                     struct value *ret)
{
    (void)n;
    return expr_to_list(x, a, ret) &&
           expr_sort(x, (struct value *)ret->items, ret->count);
}

/* Of the arguments, or of the one argument's elements. */
static bool extreme(struct eval *x, const struct value *a, uint32_t n, int sign,
                    struct value *ret)
{
    struct value list = {.kind = V_LIST, .count = n, .items = a};
    if (n == 1 && !expr_to_list(x, a, &list)) return false;
    if (list.count == 0)
        return expr_fail(x, "min and max want an element or more");
    *ret = list.items[0];
    for (uint32_t i = 1; i < list.count; i++) {
        int order;
        if (!expr_charge(x, 1) || !expr_order(x, &list.items[i], ret, &order))
            return false;
        if (order * sign > 0) *ret = list.items[i];
    }
    return true;
}

static bool f_min(struct eval *x, const struct value *a, uint32_t n,
                  struct value *ret)
{
    return extreme(x, a, n, -1, ret);
}

static bool f_max(struct eval *x, const struct value *a, uint32_t n,
                  struct value *ret)
{
    return extreme(x, a, n, 1, ret);
}

static bool f_sum(struct eval *x, const struct value *a, uint32_t n,
                  struct value *ret)
{
    struct expr_walk w;
    struct value item;
    bool more;
    set_int(ret, 0);
    if (n > 1) *ret = a[1];
    if (!expr_is_number(ret)) return wrong(x, "sum", ret);
    if (!expr_walk_begin(x, a, &w)) return false;
    for (;;) {
        if (!expr_walk_next(x, &w, &item, &more)) return false;
        if (!more) return true;
        if (!expr_is_number(&item)) return wrong(x, "sum", &item);
        if (item.kind == V_INT && ret->kind == V_INT) {
            if (__builtin_add_overflow(ret->integer, item.integer,
                                       &ret->integer))
                return expr_fail(x, "an integer over 64 bits");
            continue;
        }
        double total = (double)(expr_number(ret) + expr_number(&item));
        if (!isfinite(total))
            return expr_fail(x, "a number that is not finite");
        *ret = (struct value){.kind = V_FLOAT, .number = total};
    }
}

/* --- functions over numbers -------------------------------------------- */
static bool f_abs(struct eval *x, const struct value *a, uint32_t n,
                  struct value *ret)
{
    (void)n;
    *ret = *a;
    if (!expr_is_number(a)) return wrong(x, "abs", a);
    if (a->kind == V_FLOAT)
        ret->number = fabs(a->number);
    else if (a->integer == INT64_MIN)
        return expr_fail(x, "an integer over 64 bits");
    else if (a->integer < 0)
        ret->integer = -a->integer;
    return true;
}

static bool whole(struct eval *x, double d, struct value *ret)
{
    if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0))
        return expr_fail(x, "an integer over 64 bits");
    set_int(ret, (int64_t)d);
    return true;
}

/* Halves go to the even neighbour, as in Python. */
static bool f_round(struct eval *x, const struct value *a, uint32_t n,
                    struct value *ret)
{
    *ret = *a;
    if (!expr_is_number(a)) return wrong(x, "round", a);
    if (n > 1 && (a[1].kind != V_INT || a[1].integer < 0 || a[1].integer > 15))
        return expr_fail(x, "round takes 0 to 15 digits");
    if (a->kind == V_INT) return true;
    if (n == 1) return whole(x, nearbyint(a->number), ret);
    double scale = pow(10, (double)a[1].integer);
    double scaled = nearbyint(a->number * scale);
    if (isfinite(scaled)) ret->number = scaled / scale;
    return true;
}

static bool f_int(struct eval *x, const struct value *a, uint32_t n,
                  struct value *ret)
{
    int64_t number;
    (void)n;
    if (a->kind == V_FLOAT) return whole(x, trunc(a->number), ret);
    if (a->kind == V_INT) {
        *ret = *a;
        return true;
    }
    if (a->kind != V_STRING) return wrong(x, "int", a);
    struct slice s = slice_trim(a->text);
    if (s.n > 1 && s.p[0] == '+' && s.p[1] != '-') s = slice_sub(s, 1, s.n);
    if (!slice_int64(s, &number))
        return expr_fail(x, "int cannot read the text as an integer");
    set_int(ret, number);
    return true;
}

static bool f_float(struct eval *x, const struct value *a, uint32_t n,
                    struct value *ret)
{
    (void)n;
    *ret = (struct value){.kind = V_FLOAT};
    if (expr_is_number(a)) {
        ret->number = (double)expr_number(a);
        return true;
    }
    if (a->kind != V_STRING) return wrong(x, "float", a);
    struct json_error error;
    const struct json *v;
    struct slice s = slice_trim(a->text);
    enum err e = s.n > 400 ? ERR_PARSE : json_parse(s, NULL, x->a, &v, &error);
    if (e == ERR_NOMEM) return nomem(x);
    if (!e && json_double(v, &ret->number)) return true;
    return expr_fail(x, "float cannot read the text as a number");
}

static bool f_bool(struct eval *x, const struct value *a, uint32_t n,
                   struct value *ret)
{
    (void)x;
    set_bool(ret, n > 0 && expr_truth(a));
    return true;
}

static bool float_text(struct eval *x, double d, struct value *ret)
{
    struct buf b = BUF_INIT(64);
    struct json_writer w = json_writer(&b);
    json_number(&w, d);
    struct slice s = buf_slice(&b);
    bool pointed =
        slice_find_byte(s, '.') < s.n || slice_find_byte(s, 'e') < s.n;
    s = arena_printf(x->a, "%.*s%s", SLICE_ARG(s), pointed ? "" : ".0");
    bool fine = !b.err && s.p;
    buf_done(&b);
    if (!fine) return nomem(x);
    set_text(ret, s);
    return true;
}

static bool f_str(struct eval *x, const struct value *a, uint32_t n,
                  struct value *ret)
{
    struct slice s = {"", 0};
    if (n > 0) switch (a->kind) {
        case V_STRING:
            s = a->text;
            break;
        case V_INT:
            s = arena_printf(x->a, "%lld", (long long)a->integer);
            break;
        case V_FLOAT:
            return float_text(x, a->number, ret);
        case V_BOOL:
            s = a->truth ? SLICE("True") : SLICE("False");
            break;
        case V_NONE:
            s = SLICE("None");
            break;
        default:
            return wrong(x, "str", a);
        }
    if (!s.p && s.n == 0 && n > 0 && a->kind == V_INT) return nomem(x);
    set_text(ret, s);
    return expr_charge(x, 1);
}

/* --- YAML -------------------------------------------------------------- */
static bool f_safe_load(struct eval *x, const struct value *a, uint32_t n,
                        struct value *ret)
{
    static const struct json_limits limits = {1u << 20, 32, 10000};
    const struct json *doc;
    struct yaml_error error = {0};
    (void)n;
    if (a->kind != V_STRING) return wrong(x, "yaml.safe_load", a);
    if (!expr_charge(x, 100 + a->text.n / 16)) return false;
    enum err e = yaml_parse(a->text, &limits, x->a, &doc, &error);
    if (e == ERR_NOMEM) return nomem(x);
    if (e)
        return expr_fail(x, "the text is no YAML: line %u, column %u: %.*s",
                         error.line, error.column, SLICE_ARG(error.what));
    return expr_from_json(x, doc, ret);
}

const struct expr_func expr_safe_load = {SLICE_INIT("safe_load"), 1, 1,
                                         f_safe_load};

/* --- methods of texts -------------------------------------------------- */
/* Simple case of the Latin, Greek and Cyrillic alphabets: ranges whose small
 * letters follow at a distance, and runs where each follows its capital. */
static const struct {
    uint32_t first, last; /* capitals */
    uint32_t distance;    /* 1: alternating, from `first` on */
} cases[] = {
    {'A', 'Z', 32},     {0xC0, 0xD6, 32},   {0xD8, 0xDE, 32},
    {0x100, 0x12E, 1},  {0x132, 0x136, 1},  {0x139, 0x147, 1},
    {0x14A, 0x176, 1},  {0x179, 0x17D, 1},  {0x391, 0x3A1, 32},
    {0x3A3, 0x3AB, 32}, {0x400, 0x40F, 80}, {0x410, 0x42F, 32},
    {0x460, 0x480, 1},  {0x48A, 0x4BE, 1},
};

static uint32_t fold(uint32_t c, bool lower)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint32_t d = cases[i].distance, first = cases[i].first,
                 last = cases[i].last;
        if (lower) {
            if (c >= first && c <= last && (d > 1 || (c - first) % 2 == 0))
                return c + d;
        } else if (c >= first + d && c <= last + d &&
                   (d > 1 || (c - first) % 2 == 1)) {
            return c - d;
        }
    }
    return c;
}

/* All folded characters have one or two bytes, and as many as before. */
static bool change_case(struct eval *x, const struct value *a, bool lower,
                        struct value *ret)
{
    if (a->kind != V_STRING) return wrong(x, lower ? "lower" : "upper", a);
    struct slice s = a->text;
    if (!expr_charge(x, s.n / 256)) return false;
    char *to = arena_alloc(x->a, s.n + 1);
    if (!to) return nomem(x);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0xC2 && c < 0xE0 && i + 1 < s.n) {
            uint32_t code = fold(
                (c & 0x1Fu) << 6 | ((unsigned char)s.p[i + 1] & 0x3Fu), lower);
            to[i] = (char)(0xC0 | code >> 6);
            to[++i] = (char)(0x80 | (code & 0x3F));
        } else {
            to[i] = (char)(c < 0x80 ? fold(c, lower) : c);
        }
    }
    set_text(ret, (struct slice){to, s.n});
    return true;
}

static bool m_lower(struct eval *x, const struct value *a, uint32_t n,
                    struct value *ret)
{
    (void)n;
    return change_case(x, a, true, ret);
}

static bool m_upper(struct eval *x, const struct value *a, uint32_t n,
                    struct value *ret)
{
    (void)n;
    return change_case(x, a, false, ret);
}

static bool is_among(struct slice set, struct slice s, size_t at, size_t n)
{
    return slice_find(set, slice_sub(s, at, n)) < set.n;
}

static size_t char_before(struct slice s)
{
    size_t n = 1;
    while (n < s.n && ((unsigned char)s.p[s.n - n] & 0xC0) == 0x80) n++;
    return n;
}

static size_t char_at(struct slice s)
{
    size_t n = 1;
    while (n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80) n++;
    return n;
}

static bool m_strip(struct eval *x, const struct value *a, uint32_t n,
                    struct value *ret)
{
    static const char blanks[] =
        " \t\n\r\v\f\x1C\x1D\x1E\x1F\xC2\x85\xC2\xA0\xE2\x80\xA8\xE2\x80\xA9"
        "\xE3\x80\x80\xE2\x80\xAF\xE2\x81\x9F\xE2\x80\x80\xE2\x80\x81"
        "\xE2\x80\x82\xE2\x80\x83\xE2\x80\x84\xE2\x80\x85\xE2\x80\x86"
        "\xE2\x80\x87\xE2\x80\x88\xE2\x80\x89\xE2\x80\x8A\xE1\x9A\x80";
    struct slice set = {blanks, sizeof(blanks) - 1}, s;
    if (a->kind != V_STRING) return wrong(x, "strip", a);
    if (n > 1 && a[1].kind != V_STRING) return wrong(x, "strip", &a[1]);
    if (n > 1) set = a[1].text;
    s = a->text;
    size_t before = s.n;
    if (!expr_charge(x, set.n / 64)) return false;
    while (s.n > 0 && is_among(set, s, 0, char_at(s)))
        s = slice_sub(s, char_at(s), s.n);
    while (s.n > 0 && is_among(set, s, s.n - char_before(s), char_before(s)))
        s.n -= char_before(s);
    set_text(ret, s);
    return expr_charge(x, (before - s.n) / 16 * (1 + set.n / 64));
}

static bool ends(struct eval *x, const struct value *a, bool start,
                 struct value *ret)
{
    const char *name = start ? "startswith" : "endswith";
    struct value list = a[1];
    bool truth = false;
    if (a->kind != V_STRING) return wrong(x, name, a);
    if (list.kind == V_STRING)
        list = (struct value){.kind = V_LIST, .count = 1, .items = &a[1]};
    else if (list.kind != V_LIST || !expr_to_list(x, &a[1], &list))
        return x->problem.n || x->err ? false : wrong(x, name, &a[1]);
    for (uint32_t i = 0; i < list.count; i++) {
        const struct value *part = &list.items[i];
        if (part->kind != V_STRING) return wrong(x, name, part);
        if (!expr_charge(x, 1 + part->text.n / 1024)) return false;
        truth |= start ? slice_starts(a->text, part->text)
                       : slice_ends(a->text, part->text);
    }
    set_bool(ret, truth);
    return true;
}

static bool m_startswith(struct eval *x, const struct value *a, uint32_t n,
                         struct value *ret)
{
    (void)n;
    return ends(x, a, true, ret);
}

static bool m_endswith(struct eval *x, const struct value *a, uint32_t n,
                       struct value *ret)
{
    (void)n;
    return ends(x, a, false, ret);
}

/* By Unicode's classes, which the patterns know. */
static bool all_in_class(struct eval *x, const struct value *a,
                         const char *name, struct slice class,
                         struct value *ret)
{
    const struct eng_pattern *p;
    struct eng_pattern_fault fault;
    struct slice problem;
    bool matched;
    if (a->kind != V_STRING) return wrong(x, name, a);
    if (!expr_charge(x, 200 + a->text.n / 16)) return false;
    enum err e = eng_pattern_make(class, ENG_WHOLE, x->a, &p, &fault);
    if (!e) e = eng_pattern_run(p, a->text, &matched, &problem);
    if (e) {
        x->err = e;
        return false;
    }
    if (problem.n) return expr_fail(x, "%.*s", SLICE_ARG(problem));
    set_bool(ret, matched);
    return true;
}

static bool m_isalnum(struct eval *x, const struct value *a, uint32_t n,
                      struct value *ret)
{
    (void)n;
    return all_in_class(x, a, "isalnum", SLICE("[^\\W_]+"), ret);
}

static bool m_isdigit(struct eval *x, const struct value *a, uint32_t n,
                      struct value *ret)
{
    (void)n;
    return all_in_class(x, a, "isdigit", SLICE("\\d+"), ret);
}

static bool m_isalpha(struct eval *x, const struct value *a, uint32_t n,
                      struct value *ret)
{
    (void)n;
    return all_in_class(x, a, "isalpha", SLICE("[^\\W\\d_]+"), ret);
}

/* --- methods of objects and sets --------------------------------------- */
static bool m_get(struct eval *x, const struct value *a, uint32_t n,
                  struct value *ret)
{
    if (a->kind != V_DICT) return wrong(x, "get", a);
    const struct json *v =
        a[1].kind == V_STRING ? json_get(a->json, a[1].text) : NULL;
    if (!expr_charge(x, a->json->count / 16)) return false;
    if (v) return expr_from_json(x, v, ret);
    *ret = n > 2 ? a[2] : (struct value){.kind = V_NONE};
    return true;
}

static bool m_keys(struct eval *x, const struct value *a, uint32_t n,
                   struct value *ret)
{
    (void)n;
    return a->kind == V_DICT ? expr_to_list(x, a, ret) : wrong(x, "keys", a);
}

static bool m_values(struct eval *x, const struct value *a, uint32_t n,
                     struct value *ret)
{
    (void)n;
    if (a->kind != V_DICT) return wrong(x, "values", a);
    uint32_t count = a->json->count;
    struct value *items = expr_charge(x, count)
                              ? ARENA_ARRAY(x->a, struct value, count + 1u)
                              : NULL;
    if (!items) return x->problem.n ? false : nomem(x);
    for (uint32_t i = 0; i < count; i++)
        if (!expr_from_json(x, &a->json->members[i].value, &items[i]))
            return false;
    *ret = (struct value){.kind = V_LIST, .count = count, .items = items};
    return true;
}

static bool subset(struct eval *x, const struct value *part,
                   const struct value *of, struct value *ret)
{
    struct value small, big;
    bool truth = true;
    if (!expr_to_set(x, part, &small) || !expr_to_set(x, of, &big))
        return false;
    for (uint32_t i = 0; truth && i < small.count; i++)
        if (!expr_charge(x, 1) ||
            !expr_contains(x, &big, &small.items[i], &truth))
            return false;
    set_bool(ret, truth);
    return true;
}

static bool m_issubset(struct eval *x, const struct value *a, uint32_t n,
                       struct value *ret)
{
    (void)n;
    return a->kind == V_SET ? subset(x, a, &a[1], ret)
                            : wrong(x, "issubset", a);
}

static bool m_issuperset(struct eval *x, const struct value *a, uint32_t n,
                         struct value *ret)
{
    (void)n;
    return a->kind == V_SET ? subset(x, &a[1], a, ret)
                            : wrong(x, "issuperset", a);
}

/* --- the tables -------------------------------------------------------- */
/* clang-format off */
static const struct expr_func functions[] = {
    {SLICE_INIT("len"), 1, 1, f_len},     {SLICE_INIT("any"), 1, 1, f_any},
    {SLICE_INIT("all"), 1, 1, f_all},     {SLICE_INIT("set"), 0, 1, f_set},
    {SLICE_INIT("list"), 0, 1, f_list},   {SLICE_INIT("min"), 1, 255, f_min},
    {SLICE_INIT("max"), 1, 255, f_max},   {SLICE_INIT("sum"), 1, 2, f_sum},
    {SLICE_INIT("abs"), 1, 1, f_abs},     {SLICE_INIT("round"), 1, 2, f_round},
    {SLICE_INIT("sorted"), 1, 1, f_sorted}, {SLICE_INIT("str"), 0, 1, f_str},
    {SLICE_INIT("int"), 1, 1, f_int},     {SLICE_INIT("float"), 1, 1, f_float},
    {SLICE_INIT("bool"), 0, 1, f_bool},
};
static const struct expr_func methods[] = {
    {SLICE_INIT("lower"), 1, 1, m_lower},
    {SLICE_INIT("upper"), 1, 1, m_upper},
    {SLICE_INIT("strip"), 1, 2, m_strip},
    {SLICE_INIT("startswith"), 2, 2, m_startswith},
    {SLICE_INIT("endswith"), 2, 2, m_endswith},
    {SLICE_INIT("isalnum"), 1, 1, m_isalnum},
    {SLICE_INIT("isdigit"), 1, 1, m_isdigit},
    {SLICE_INIT("isalpha"), 1, 1, m_isalpha},
    {SLICE_INIT("get"), 2, 3, m_get},
    {SLICE_INIT("keys"), 1, 1, m_keys},
    {SLICE_INIT("values"), 1, 1, m_values},
    {SLICE_INIT("issubset"), 2, 2, m_issubset},
    {SLICE_INIT("issuperset"), 2, 2, m_issuperset},
};
/* clang-format on */

static const struct expr_func *find(const struct expr_func *rows, size_t count,
                                    struct slice name)
{
    for (size_t i = 0; i < count; i++)
        if (slice_eq(rows[i].name, name)) return &rows[i];
    return NULL;
}

const struct expr_func *expr_function(struct slice name)
{
    return find(functions, sizeof(functions) / sizeof(*functions), name);
}

const struct expr_func *expr_method(struct slice name)
{
    return find(methods, sizeof(methods) / sizeof(*methods), name);
}
