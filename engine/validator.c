#include "engine/validator_row.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/yaml.h"
#include "engine/expr.h"
#include "engine/pattern.h"

static long double number_of(const struct json *v)
{
    int64_t n;
    double d;
    if (json_int64(v, &n)) return (long double)n;
    return json_double(v, &d) ? (long double)d : 0.0L;
}

static long double length_of(const struct json *v)
{
    if (v->type == JSON_STRING) return (long double)slice_utf8_length(v->text);
    return (long double)v->count;
}

static bool has_length(struct run *r, const struct json *v)
{
    (void)r;
    return length_of(v) > 0;
}
static bool at_least_length(struct run *r, const struct json *v)
{
    return length_of(v) >= r->v->number[0];
}
static bool at_most_length(struct run *r, const struct json *v)
{
    return length_of(v) <= r->v->number[0];
}
static bool is_positive(struct run *r, const struct json *v)
{
    (void)r;
    return number_of(v) > 0;
}
static bool is_non_negative(struct run *r, const struct json *v)
{
    (void)r;
    return number_of(v) >= 0;
}
static bool is_negative(struct run *r, const struct json *v)
{
    (void)r;
    return number_of(v) < 0;
}
static bool is_in_range(struct run *r, const struct json *v)
{
    long double n = number_of(v);
    return n >= r->v->number[0] && n <= r->v->number[1];
}
static bool is_between(struct run *r, const struct json *v)
{
    long double n = number_of(v);
    return n > r->v->number[0] && n < r->v->number[1];
}
static bool is_above(struct run *r, const struct json *v)
{
    return number_of(v) > r->v->number[0];
}
static bool is_below(struct run *r, const struct json *v)
{
    return number_of(v) < r->v->number[0];
}
static bool is_at_least(struct run *r, const struct json *v)
{
    return number_of(v) >= r->v->number[0];
}
static bool is_equal(struct run *r, const struct json *v)
{
    return json_equal(v, r->v->params[0]);
}
static bool is_not_equal(struct run *r, const struct json *v)
{
    return !json_equal(v, r->v->params[0]);
}
static bool is_true(struct run *r, const struct json *v)
{
    (void)r;
    return v->type == JSON_TRUE;
}
static bool is_false(struct run *r, const struct json *v)
{
    (void)r;
    return v->type == JSON_FALSE;
}

static bool has_keys(struct run *r, const struct json *v)
{
    const struct json *names = r->v->params[0];
    for (uint32_t i = 0; i < names->count; i++) {
        if (json_get(v, names->items[i].text)) continue;
        r->why =
            arena_printf(r->a, "must have the key \"%.*s\"",
                         SLICE_ARG(eng_clip(r->a, names->items[i].text, 80)));
        return false;
    }
    return true;
}

static bool contains_element(const struct json *list, const struct json *item)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (json_equal(&list->items[i], item)) return true;
    return false;
}

static bool contains_any(struct run *r, const struct json *v)
{
    const struct json *patterns = r->v->params[0];
    for (uint32_t i = 0; i < patterns->count; i++) {
        const struct json *p = &patterns->items[i];
        if (v->type == JSON_ARRAY
                ? contains_element(v, p)
                : p->type == JSON_STRING &&
                      (p->text.n == 0 ||
                       slice_find(v->text, p->text) < v->text.n))
            return true;
    }
    return false;
}

static bool contains(struct slice text, struct slice part)
{
    return part.n == 0 || slice_find(text, part) < text.n;
}

static bool contains_nocase(struct slice text, struct slice word)
{
    for (size_t i = 0; i + word.n <= text.n; i++)
        if ((text.p[i] | 0x20) == word.p[0] &&
            slice_eq_nocase((struct slice){text.p + i, word.n}, word))
            return true;
    return false;
}

static bool contains_text(struct run *r, const struct json *v)
{
    return contains(v->text, r->v->params[0]->text);
}
static bool contains_no_text(struct run *r, const struct json *v)
{
    return !contains_text(r, v);
}
static bool tells_success(struct run *r, const struct json *v)
{
    (void)r;
    return contains_nocase(v->text, SLICE("success")) ||
           contains(v->text, SLICE("\xE2\x9C\x85"));
}
static bool tells_no_error(struct run *r, const struct json *v)
{
    (void)r;
    return !contains_nocase(v->text, SLICE("error")) &&
           !contains(v->text, SLICE("\xE2\x9D\x8C"));
}

/* White space beyond ASCII, as Python's str.isspace counts it. */
static size_t blank_at(struct slice s)
{
    static const struct slice wide[] = {
        SLICE_INIT("\xC2\x85"),     SLICE_INIT("\xC2\xA0"),
        SLICE_INIT("\xE1\x9A\x80"), SLICE_INIT("\xE2\x80\xA8"),
        SLICE_INIT("\xE2\x80\xA9"), SLICE_INIT("\xE2\x80\xAF"),
        SLICE_INIT("\xE2\x81\x9F"), SLICE_INIT("\xE3\x80\x80")};
    unsigned char c = (unsigned char)s.p[0];
    if (c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F))
        return 1;
    for (size_t i = 0; c >= 0x80 && i < sizeof(wide) / sizeof(*wide); i++)
        if (slice_starts(s, wide[i])) return wide[i].n;
    if (slice_starts(s, SLICE("\xE2\x80")) && s.n > 2 &&
        (unsigned char)s.p[2] >= 0x80 && (unsigned char)s.p[2] <= 0x8A)
        return 3;
    return 0;
}

static bool is_not_blank(struct run *r, const struct json *v)
{
    struct slice s = v->text;
    size_t n;
    (void)r;
    while (s.n > 0 && (n = blank_at(s)) > 0) s = slice_sub(s, n, s.n);
    return s.n > 0;
}

static bool matches(struct run *r, const struct json *v)
{
    bool matched;
    struct slice problem;
    enum err e = eng_pattern_run(r->v->pattern, v->text, &matched, &problem);
    if (e) r->err = e;
    if (problem.n)
        r->why = arena_printf(r->a, "%.*s: %.*s", SLICE_ARG(r->v->demand),
                              SLICE_ARG(problem));
    return !e && matched;
}

static bool parses_as_yaml(struct run *r, const struct json *v)
{
    static const struct json_limits limits = {1u << 20, 64, 100000};
    const struct json *doc;
    struct yaml_error error = {0};
    enum err e = yaml_parse(v->text, &limits, r->a, &doc, &error);
    if (e == ERR_NOMEM) r->err = e;
    if (e && e != ERR_NOMEM)
        r->why = arena_printf(r->a, "must be YAML: line %u, column %u: %.*s",
                              error.line, error.column, SLICE_ARG(error.what));
    return !e && doc->type != JSON_NULL;
}

/* --- type names -------------------------------------------------------- */
static const struct {
    struct slice name;
    unsigned types;
    bool whole;
} item_types[] = {
    {SLICE_INIT("str"), T_STRING, false},
    {SLICE_INIT("string"), T_STRING, false},
    {SLICE_INIT("int"), T_NUMBER, true},
    {SLICE_INIT("integer"), T_NUMBER, true},
    {SLICE_INIT("float"), T_NUMBER, false},
    {SLICE_INIT("number"), T_NUMBER, false},
    {SLICE_INIT("bool"), T_BOOL, false},
    {SLICE_INIT("boolean"), T_BOOL, false},
    {SLICE_INIT("list"), T_LIST, false},
    {SLICE_INIT("dict"), T_OBJECT, false},
    {SLICE_INIT("object"), T_OBJECT, false},
};
enum { ITEM_TYPES = sizeof(item_types) / sizeof(*item_types) };

static size_t item_type(struct slice name)
{
    size_t i = 0;
    while (i < ITEM_TYPES && !slice_eq(item_types[i].name, name)) i++;
    return i;
}

static bool all_of_type(struct run *r, const struct json *v)
{
    size_t t = item_type(r->v->params[0]->text);
    int64_t n;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct json *item = &v->items[i];
        if (!(item_types[t].types & 1u << item->type)) return false;
        if (item_types[t].whole && !json_int64(item, &n)) return false;
    }
    return true;
}

/* --- the disk ---------------------------------------------------------- */
static bool exists(struct run *r, const struct json *v, mode_t type)
{
    struct slice real;
    struct stat st;
    if (r->how->root.n == 0) {
        r->why = SLICE("cannot be checked: the server has no project");
        return false;
    }
    if (v->text.n == 0 || slice_find_byte(v->text, '\0') < v->text.n)
        return false;
    enum err e = path_inside(r->how->root, v->text, r->a, &real);
    if (e == ERR_INVALID)
        r->why = arena_printf(r->a, "%.*s, but leaves the project",
                              SLICE_ARG(r->v->demand));
    if (e == ERR_NOMEM) r->err = e;
    char *path = e ? NULL : arena_cstr(r->a, real);
    if (!e && !path) r->err = ERR_NOMEM;
    return path && stat(path, &st) == 0 && (st.st_mode & S_IFMT) == type;
}
static bool is_file(struct run *r, const struct json *v)
{
    return exists(r, v, S_IFREG);
}
static bool is_directory(struct run *r, const struct json *v)
{
    return exists(r, v, S_IFDIR);
}

/* --- the tables -------------------------------------------------------- */
/* clang-format off */
#define S(lit) SLICE_INIT(lit)
static const struct row named[] = {
    {S("non_empty"), T_SIZED, S("must not be empty"), has_length,
     .shape = A_LENGTH},
    {S("non_blank"), T_STRING, S("must hold more than white space"),
     is_not_blank},
    {S("contains_any"), T_STRING | T_LIST, S("must contain one of {patterns}"),
     contains_any, {{S("patterns"), LIST}},
     .shape = ONE_OF},
    {S("matches_pattern"), T_STRING, S("must match {pattern} from its start"),
     matches, {{S("pattern"), PATTERN}},
     .shape = LIKE},
    {S("min_length"), T_SIZED, S("must have a length of at least {min_len}"),
     at_least_length, {{S("min_len"), COUNT}},
     .shape = AT_LEAST_LONG},
    {S("max_length"), T_SIZED, S("must have a length of at most {max_len}"),
     at_most_length, {{S("max_len"), COUNT}},
     .shape = A_LENGTH},
    {S("positive"), T_NUMBER, S("must be above 0"), is_positive},
    {S("non_negative"), T_NUMBER, S("must be 0 or more"), is_non_negative},
    {S("negative"), T_NUMBER, S("must be below 0"), is_negative},
    {S("in_range"), T_NUMBER, S("must be from {min_val} to {max_val}"),
     is_in_range, {{S("min_val"), NUMBER}, {S("max_val"), NUMBER}},
     .shape = CLOSED_RANGE},
    {S("between"), T_NUMBER, S("must be above {low} and below {high}"),
     is_between, {{S("low"), NUMBER}, {S("high"), NUMBER}},
     .shape = OPEN_RANGE},
    {S("greater_than"), T_NUMBER, S("must be above {threshold}"), is_above,
     {{S("threshold"), NUMBER}}},
    {S("less_than"), T_NUMBER, S("must be below {threshold}"), is_below,
     {{S("threshold"), NUMBER}}},
    {S("equals"), T_ANY, S("must be {expected}"), is_equal,
     {{S("expected"), ANY}},
     .shape = SAME},
    {S("not_equals"), T_ANY, S("must not be {forbidden}"), is_not_equal,
     {{S("forbidden"), ANY}},
     .shape = OTHER},
    {S("has_fields"), T_OBJECT, S("must have the keys {fields}"), has_keys,
     {{S("fields"), TEXTS}},
     .shape = ALL_KEYS},
    {S("valid_structure"), T_OBJECT, S("must have the keys {required_keys}"),
     has_keys, {{S("required_keys"), TEXTS}},
     .shape = ALL_KEYS},
    {S("yaml_parseable"), T_STRING, S("must be a YAML document that is not "
                                      "null"), parses_as_yaml},
    {S("contains_success"), T_STRING, S("must contain \"success\" or "
                                        "\xE2\x9C\x85"), tells_success},
    {S("no_errors"), T_STRING, S("must contain neither \"error\" nor "
                                 "\xE2\x9D\x8C"), tells_no_error},
    {S("contains_text"), T_STRING, S("must contain {text}"), contains_text,
     {{S("text"), TEXT}},
     .shape = HOLDS},
    {S("not_contains_text"), T_STRING, S("must not contain {text}"),
     contains_no_text, {{S("text"), TEXT}},
     .shape = HOLDS_NOT},
    {S("list_not_empty"), T_LIST, S("must be a list with an element or more"),
     has_length, .shape = A_LENGTH},
    {S("list_min_length"), T_LIST, S("must be a list of at least {min_len}"),
     at_least_length, {{S("min_len"), COUNT}},
     .shape = AT_LEAST_LONG},
    {S("all_items_type"), T_LIST, S("must be a list of {item_type} only"),
     all_of_type, {{S("item_type"), TYPE}}},
    {S("is_true"), T_BOOL, S("must be true"), is_true},
    {S("is_false"), T_BOOL, S("must be false"), is_false},
    {S("file_exists"), T_STRING, S("must name a file of the project that "
                                   "exists now"), is_file},
    {S("directory_exists"), T_STRING, S("must name a folder of the project "
                                        "that exists now"), is_directory},
    {S("non_empty_list"), T_LIST, S("must be a list with an element or more"),
     has_length, .shape = A_LENGTH},
};
static const struct row numbered[] = {
    {S("min_length_"), T_LIST, S("must be a list of at least {0}"),
     at_least_length, {{S("0"), NUMBER}},
     .shape = AT_LEAST_LONG},
    {S("greater_than_"), T_NUMBER, S("must be above {0}"), is_above,
     {{S("0"), NUMBER}}},
    {S("between_"), T_NUMBER, S("must be from {0} to {1}"), is_in_range,
     {{S("0"), NUMBER}, {S("1"), NUMBER}},
     .shape = CLOSED_RANGE},
    {S("percent_gte_"), T_NUMBER, S("must be {0} or more"), is_at_least,
     {{S("0"), NUMBER}}},
};
static const struct row regex = {
    S("custom:regex:"), T_STRING, S("must match {0} from its start"), matches,
    {{S("0"), PATTERN}},
    .shape = LIKE};
#undef S
/* clang-format on */
enum {
    NAMED = sizeof(named) / sizeof(*named),
    NUMBERED = sizeof(numbered) / sizeof(*numbered)
};

/* --- making ------------------------------------------------------------ */
struct making {
    const struct eng_source *src;
    const struct json *name, *params;
    struct eng_report *r;
    struct arena *a;
};

#define BROKEN(m, at, mend, ...)                                               \
    eng_report_mend((m)->r, LINT_GATE_BROKEN, (m)->src, (at), SLICE(mend),     \
                    __VA_ARGS__)

static bool kind_fits(enum kind k, const struct json *v)
{
    int64_t n;
    double d;
    switch (k) {
    case COUNT:
        return json_int64(v, &n) && n >= 0;
    case NUMBER:
        return json_double(v, &d);
    case TEXT:
    case PATTERN:
        return v->type == JSON_STRING;
    case TYPE:
        return v->type == JSON_STRING && item_type(v->text) < ITEM_TYPES;
    case TEXTS:
        for (uint32_t i = 0; v->type == JSON_ARRAY && i < v->count; i++)
            if (v->items[i].type != JSON_STRING) return false;
        return v->type == JSON_ARRAY;
    case LIST:
        return v->type == JSON_ARRAY;
    default:
        return true;
    }
}

static const char *const kind_names[] = {
    [COUNT] = "an integer, 0 or more",
    [NUMBER] = "a number",
    [TEXT] = "a text",
    [TEXTS] = "a list of texts",
    [LIST] = "a list",
    [ANY] = "a value",
    [PATTERN] = "a text with a pattern",
    [TYPE] = "one of str, int, float, bool, list, dict",
};

static struct slice shown(struct making *m, const struct json *v)
{
    return v->type == JSON_STRING ? eng_clip(m->a, v->text, 120)
                                  : eng_clip(m->a, v->raw, 120);
}

/* Fills {name} in a text with the parameter of that name. */
static struct slice filled(struct making *m, struct slice text,
                           const struct json *params)
{
    struct slice done = {0};
    while (text.n > 0) {
        size_t open = slice_find_byte(text, '{');
        struct slice rest = slice_sub(text, open, text.n);
        size_t close = slice_find_byte(rest, '}');
        const struct json *v =
            close < rest.n ? json_get(params, slice_sub(rest, 1, close - 1))
                           : NULL;
        struct slice value = v ? shown(m, v) : slice_sub(rest, 0, 1);
        done = arena_printf(m->a, "%.*s%.*s%.*s", SLICE_ARG(done), (int)open,
                            text.p, SLICE_ARG(value));
        text = slice_sub(rest, v ? close + 1 : 1, rest.n);
    }
    return done;
}

static bool take_pattern(struct making *m, struct eng_validator *v,
                         struct slice text, const char *at)
{
    struct eng_pattern_fault fault;
    enum err e =
        eng_pattern_make(text, ENG_AT_START, m->a, &v->pattern, &fault);
    if (e == ERR_NOMEM) m->r->failed = true;
    if (e == ERR_PARSE)
        BROKEN(m, at,
               "Use literals, classes, anchors, groups, | and * + ? {m,n}.",
               "the pattern %.*s: %.*s at character %zu is not supported: "
               "%.*s",
               SLICE_ARG(eng_clip(m->a, text, 120)),
               SLICE_ARG(fault.n ? eng_piece(text, fault.at, fault.n)
                                 : SLICE("what stands")),
               slice_utf8_length(slice_sub(text, 0, fault.at)) + 1,
               SLICE_ARG(fault.what));
    return !e;
}

static bool take_param(struct making *m, struct eng_validator *v, size_t i)
{
    struct slice name = v->row->params[i].name;
    enum kind kind = v->row->params[i].kind;
    const struct json *value = json_get(m->params, name);
    if (!value || !kind_fits(kind, value)) {
        BROKEN(m, (value ? value : m->name)->raw.p,
               "Give the parameter in validator_params.",
               "the validator %.*s needs the parameter %.*s: %s",
               SLICE_ARG(v->name), SLICE_ARG(name), kind_names[kind]);
        return false;
    }
    v->params[i] = value;
    v->number[i] = number_of(value);
    return kind != PATTERN || take_pattern(m, v, value->text, value->raw.p);
}

static size_t param_count(const struct row *row)
{
    size_t n = 0;
    while (n < PARAMS_MOST && row->params[n].kind != NO_PARAM) n++;
    return n;
}

static bool is_param(const struct row *row, const struct eng_expr *expr,
                     struct slice name)
{
    for (size_t i = 0; row && i < param_count(row); i++)
        if (slice_eq(row->params[i].name, name)) return true;
    for (size_t i = 1; expr && i < eng_expr_params(expr); i++)
        if (slice_eq(eng_expr_param(expr, i), name)) return true;
    return false;
}

static bool no_superfluous(struct making *m, const struct eng_validator *v,
                           const struct row *row)
{
    for (uint32_t i = 0; m->params && i < m->params->count; i++) {
        const struct json_member *p = &m->params->members[i];
        if (is_param(row, v->expr, p->key)) continue;
        BROKEN(m, p->at, "Remove the parameter, or correct its spelling.",
               "the validator %.*s has no parameter \"%.*s\"",
               SLICE_ARG(eng_clip(m->a, v->name, 80)),
               SLICE_ARG(eng_clip(m->a, p->key, 80)));
        return false;
    }
    return true;
}

static bool make_named(struct making *m, struct eng_validator *v)
{
    bool fine = no_superfluous(m, v, v->row);
    for (size_t i = 0; i < param_count(v->row); i++)
        fine = take_param(m, v, i) && fine;
    v->demand = filled(m, v->row->demand, m->params);
    return fine;
}

/* The numbers of "between_1_100": as many as the row has. */
static bool numbers_in(const struct row *row, struct slice name,
                       struct slice *parts)
{
    size_t want = param_count(row), n = 0;
    if (!slice_starts(name, row->name)) return false;
    struct slice rest = slice_sub(name, row->name.n, name.n);
    int64_t ignored;
    while (n < want && slice_split(&rest, '_', &parts[n])) {
        if (parts[n].n == 0 || parts[n].p[0] == '-' ||
            !slice_int64(parts[n], &ignored))
            return false;
        n++;
    }
    return n == want && rest.n == 0;
}

static bool make_numbered(struct making *m, struct eng_validator *v,
                          const struct slice *parts)
{
    size_t n = param_count(v->row);
    int64_t number[2] = {0, 0};
    for (size_t i = 0; i < n; i++) {
        (void)slice_int64(parts[i], &number[i]);
        v->number[i] = (long double)number[i];
    }
    size_t open = slice_find_byte(v->row->demand, '{');
    v->demand =
        arena_printf(m->a, "%.*s%.*s%s%.*s%s", (int)open, v->row->demand.p,
                     SLICE_ARG(parts[0]), n > 1 ? " to " : "",
                     SLICE_ARG(n > 1 ? parts[1] : (struct slice){0}),
                     v->row->check == is_at_least ? " or more" : "");
    return no_superfluous(m, v, NULL);
}

static bool make_own(struct making *m, struct eng_validator *v,
                     const struct eng_own_validator *own)
{
    v->expr = own->expr;
    if (!v->expr) return false; /* reported where it stands */
    size_t n = eng_expr_params(v->expr);
    v->values = ARENA_ARRAY(m->a, const struct json *, n);
    if (!v->values) {
        m->r->failed = true;
        return false;
    }
    for (size_t i = 1; i < n; i++) {
        struct slice name = eng_expr_param(v->expr, i);
        v->values[i] = json_get(m->params, name);
        if (v->values[i]) continue;
        BROKEN(m, m->name->raw.p, "Give the parameter in validator_params.",
               "the validator %.*s needs the parameter %.*s",
               SLICE_ARG(eng_clip(m->a, v->name, 80)), SLICE_ARG(name));
        return false;
    }
    if (own->message.n)
        v->demand = filled(m, own->message, m->params);
    else
        v->demand = arena_printf(
            m->a, "must satisfy %.*s: %.*s", SLICE_ARG(v->name),
            SLICE_ARG(eng_clip(m->a, eng_expr_text(v->expr), 200)));
    return no_superfluous(m, v, NULL);
}

static bool make(struct making *m, struct eng_validator *v,
                 const struct eng_own_validator *own, size_t own_count)
{
    struct slice parts[PARAMS_MOST];
    for (size_t i = 0; i < own_count; i++)
        if (slice_eq(own[i].name, v->name)) return make_own(m, v, &own[i]);
    for (size_t i = 0; i < NAMED; i++) {
        if (!slice_eq(named[i].name, v->name)) continue;
        v->row = &named[i];
        return make_named(m, v);
    }
    for (size_t i = 0; i < NUMBERED; i++) {
        if (!numbers_in(&numbered[i], v->name, parts)) continue;
        v->row = &numbered[i];
        return make_numbered(m, v, parts);
    }
    if (slice_starts(v->name, regex.name)) {
        struct slice text = slice_sub(v->name, regex.name.n, v->name.n);
        v->row = &regex;
        v->demand = arena_printf(m->a, "must match %.*s from its start",
                                 SLICE_ARG(eng_clip(m->a, text, 120)));
        return take_pattern(m, v, text, m->name->raw.p) &&
               no_superfluous(m, v, NULL);
    }
    BROKEN(m, m->name->raw.p,
           "Define it under validators: or use a known one, for example "
           "non_empty, positive, in_range, matches_pattern, file_exists.",
           "the validator \"%.*s\" is not known",
           SLICE_ARG(eng_clip(m->a, v->name, 80)));
    return false;
}

const struct eng_validator *
eng_validator_make(const struct eng_source *src, const struct json *name,
                   const struct json *params,
                   const struct eng_own_validator *own, size_t own_count,
                   struct eng_report *r)
{
    struct making m = {src, name, params, r, r->arena};
    struct eng_validator *v = ARENA_NEW(r->arena, struct eng_validator);
    if (!v) {
        r->failed = true;
        return NULL;
    }
    v->name = name->text;
    if (!make(&m, v, own, own_count)) return NULL;
    if (!v->demand.p) r->failed = true;
    return v->demand.p ? v : NULL;
}

/* --- running ----------------------------------------------------------- */
static const char *const type_words[JSON_TYPE_COUNT] = {
    [JSON_NULL] = "null",       [JSON_FALSE] = "a boolean",
    [JSON_TRUE] = "a boolean",  [JSON_NUMBER] = "a number",
    [JSON_STRING] = "a text",   [JSON_ARRAY] = "a list",
    [JSON_OBJECT] = "an object"};

static struct slice is_what(struct arena *a, const struct json *v)
{
    if (v->type == JSON_ARRAY) return arena_printf(a, "a list of %u", v->count);
    if (v->type == JSON_OBJECT)
        return arena_printf(a, "an object with %u keys", v->count);
    return eng_clip(a, v->raw, 60);
}

static void refusal(struct run *r, const struct json *value,
                    struct eng_outcome *ret)
{
    struct slice got = is_what(r->a, value);
    if (r->why.n)
        ret->message = r->why;
    else if (r->v->row && !(r->v->row->types & 1u << value->type))
        ret->message =
            arena_printf(r->a, "%.*s, but is %s", SLICE_ARG(r->v->demand),
                         type_words[value->type]);
    else
        ret->message = arena_printf(r->a, "%.*s, is %.*s",
                                    SLICE_ARG(r->v->demand), SLICE_ARG(got));
    if (!ret->message.p) r->err = ERR_NOMEM;
}

static bool run_expr(struct run *r, const struct json *value)
{
    const struct json *values[ENG_EXPR_PARAMS];
    struct eng_expr_result result;
    size_t n = eng_expr_params(r->v->expr);
    values[0] = value;
    for (size_t i = 1; i < n; i++) values[i] = r->v->values[i];
    enum err e = eng_expr_run(r->v->expr, values, r->a, &result);
    if (e) r->err = e;
    if (!e && result.problem.n)
        r->why = arena_printf(r->a, "%.*s (%.*s)", SLICE_ARG(r->v->demand),
                              SLICE_ARG(result.problem));
    return !e && result.passed;
}

enum err eng_validator_run(const struct eng_validator *v,
                           const struct json *value,
                           const struct eng_check *how, struct arena *a,
                           struct eng_outcome *ret)
{
    struct run r = {.v = v, .how = how, .a = a};
    double finite;
    *ret = (struct eng_outcome){0};
    if (v->expr)
        ret->passed = run_expr(&r, value);
    else if (v->row->types & 1u << value->type)
        ret->passed = (value->type != JSON_NUMBER || v->row->types == T_ANY ||
                       json_double(value, &finite)) &&
                      v->row->check(&r, value);
    if (!r.err && !ret->passed) refusal(&r, value, ret);
    return r.err;
}

struct slice eng_validator_name(const struct eng_validator *v)
{
    return v->name;
}

bool eng_validator_is_named(struct slice name)
{
    struct slice parts[PARAMS_MOST];
    for (size_t i = 0; i < NAMED; i++)
        if (slice_eq(named[i].name, name)) return true;
    for (size_t i = 0; i < NUMBERED; i++)
        if (numbers_in(&numbered[i], name, parts)) return true;
    return slice_starts(name, regex.name);
}
