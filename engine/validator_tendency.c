/* What a check says to every value, found without one. */
#include "engine/expr.h"
#include "engine/pattern.h"
#include "engine/validator_row.h"

static unsigned types_of(enum eng_type t)
{
    static const unsigned types[ENG_TYPE_COUNT] = {
        [ENG_ANY] = T_ANY,        [ENG_BOOLEAN] = T_BOOL,
        [ENG_INTEGER] = T_NUMBER, [ENG_NUMBER] = T_NUMBER,
        [ENG_STRING] = T_STRING,  [ENG_OBJECT] = T_OBJECT,
        [ENG_LIST] = T_LIST};
    return types[t];
}

/* Which of true and false the field takes, and what the check says to each. */
static enum err tendency_of_boolean(const struct eng_validator *v,
                                    const struct eng_field *f, struct arena *a,
                                    enum eng_tendency *ret)
{
    static const struct json values[] = {
        {.type = JSON_FALSE, .raw = SLICE_INIT("false")},
        {.type = JSON_TRUE, .raw = SLICE_INIT("true")}};
    const struct eng_check how = {0};
    unsigned passed = 0;
    for (int i = 0; i < 2; i++) {
        struct eng_outcome o;
        if (f->expect == (i ? ENG_EXPECT_FALSE : ENG_EXPECT_TRUE)) continue;
        enum err e = eng_validator_run(v, &values[i], &how, a, &o);
        if (e) return e;
        passed += o.passed;
    }
    *ret = passed == 0 ? ENG_NEVER : passed == 2 ? ENG_ALWAYS : ENG_DEPENDS;
    return OK;
}

/* A range without a number in it. */
static bool is_hollow(const struct eng_validator *v, enum eng_type t)
{
    long double low = v->number[0], high = v->number[1];
    int64_t ignored;
    if (v->row->shape == CLOSED_RANGE) return low > high;
    bool whole = t == ENG_INTEGER && json_int64(v->params[0], &ignored) &&
                 json_int64(v->params[1], &ignored);
    return low >= high || (whole && high - low <= 1);
}

static enum eng_tendency tendency_of_row(const struct eng_validator *v,
                                         enum eng_type t)
{
    const struct json *p = v->params[0];
    if (!(v->row->types & types_of(t))) return ENG_NEVER;
    switch (v->row->shape) {
    case CLOSED_RANGE:
    case OPEN_RANGE:
        return is_hollow(v, t) ? ENG_NEVER : ENG_DEPENDS;
    case AT_LEAST_LONG:
        return v->number[0] <= 0 ? ENG_ALWAYS : ENG_DEPENDS;
    case ONE_OF:
        for (uint32_t i = 0; t == ENG_STRING && i < p->count; i++)
            if (p->items[i].text.n == 0) return ENG_ALWAYS;
        return p->count == 0 ? ENG_NEVER : ENG_DEPENDS;
    case ALL_KEYS:
        return p->count == 0 ? ENG_ALWAYS : ENG_DEPENDS;
    case SAME:
        return types_of(t) & 1u << p->type ? ENG_DEPENDS : ENG_NEVER;
    case HOLDS:
        return p->text.n == 0 ? ENG_ALWAYS : ENG_DEPENDS;
    case HOLDS_NOT:
        return p->text.n == 0 ? ENG_NEVER : ENG_DEPENDS;
    case OTHER:
        return types_of(t) & 1u << p->type ? ENG_DEPENDS : ENG_ALWAYS;
    default:
        return ENG_DEPENDS;
    }
}

/* A pattern that is content with nothing at a text's start is content with
 * every text, unless it asks what comes next: "$", "\\b", "\\Z". */
static enum err tendency_of_pattern(const struct eng_validator *v,
                                    enum eng_tendency *ret)
{
    static const struct slice custom = SLICE_INIT("custom:regex:");
    struct slice text = v->params[0] ? v->params[0]->text
                                     : slice_sub(v->name, custom.n, SIZE_MAX);
    struct slice problem;
    bool empty = false;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '$' || (text.p[i] == '\\' && i + 1 < text.n &&
                                 memchr("bBzZA\\", text.p[i + 1], 6)))
            return OK;
    enum err e =
        eng_pattern_run(v->pattern, (struct slice){"", 0}, &empty, &problem);
    if (!e && empty && problem.n == 0) *ret = ENG_ALWAYS;
    return e;
}

bool eng_validator_measures(const struct eng_validator *v, long double ret[2],
                            size_t *ret_count)
{
    *ret_count = 0;
    if (!v->row) return false;
    bool same = v->row->shape == SAME || v->row->shape == OTHER;
    if (same && json_is(v->params[0], JSON_NUMBER)) {
        double n = 0;
        *ret_count = json_double(v->params[0], &n);
        ret[0] = n;
        return *ret_count == 1;
    }
    for (size_t i = 0; i < PARAMS_MOST && v->row->params[i].name.n; i++)
        ret[(*ret_count)++] = v->number[i];
    return v->row->types == T_NUMBER || v->row->shape == AT_LEAST_LONG ||
           v->row->shape == A_LENGTH;
}

static void own_place(const void *ctx, struct slice key,
                      struct eng_expr_place *ret)
{
    (void)key;
    *ret = (struct eng_expr_place){.takes = *(const unsigned *)ctx};
}

static bool own_admits(const void *ctx, struct slice key, const struct json *v,
                       struct arena *a, enum err *e)
{
    (void)ctx, (void)key, (void)v, (void)a, (void)e;
    return true;
}

unsigned eng_type_takes(enum eng_type t)
{
    static const unsigned takes[ENG_TYPE_COUNT] = {
        [ENG_BOOLEAN] = ENG_TAKES_TRUTH,
        [ENG_INTEGER] = ENG_TAKES_WHOLE,
        [ENG_NUMBER] = ENG_TAKES_NUMBER,
        [ENG_STRING] = ENG_TAKES_TEXT,
        [ENG_LIST] = ENG_TAKES_LIST};
    return takes[t];
}

enum err eng_validator_tendency(const struct eng_validator *v,
                                const struct eng_field *f, struct arena *a,
                                enum eng_tendency *ret)
{
    static const struct json nothing = {.raw = SLICE_INIT("null")};
    const struct eng_check how = {0};
    struct eng_outcome o;
    *ret = ENG_DEPENDS;
    if (f->type == ENG_BOOLEAN) return tendency_of_boolean(v, f, a, ret);
    if (v->row) {
        *ret = tendency_of_row(v, f->type);
        return v->row->shape == LIKE && *ret == ENG_DEPENDS
                   ? tendency_of_pattern(v, ret)
                   : OK;
    }
    unsigned takes = eng_type_takes(f->type);
    const struct eng_expr_asks asks = {own_place, own_admits, &takes};
    if (eng_expr_reads_value(v->expr))
        return eng_expr_tends(v->expr, &asks, true, a, ret);
    enum err e = eng_validator_run(v, &nothing, &how, a, &o);
    if (!e) *ret = o.passed ? ENG_ALWAYS : ENG_NEVER;
    return e;
}
