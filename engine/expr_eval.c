/* The walk over the tree. */
#include <math.h>

#include "engine/expr_tree.h"

static bool eval(struct eval *x, const struct node *n, struct value *ret);

static bool eval_and_or(struct eval *x, const struct node *n, struct value *ret)
{
    bool stop = n->kind == N_OR; /* the truth that decides */
    for (uint32_t i = 0; i < n->count; i++) {
        if (!eval(x, n->kids[i], ret)) return false;
        if (expr_truth(ret) == stop) break;
    }
    return true;
}

/* `is` stands before None, True or False only; the parser saw to it. */
static bool identical(const struct value *a, const struct value *b)
{
    return a->kind == b->kind && (a->kind == V_NONE || a->truth == b->truth);
}

static bool compare(struct eval *x, enum token_kind op, const struct value *a,
                    const struct value *b, bool *ret)
{
    int order = 0;
    switch (op) {
    case T_EQ:
        return expr_equal(x, a, b, ret);
    case T_NE:
        if (!expr_equal(x, a, b, ret)) return false;
        *ret = !*ret;
        return true;
    case T_IN:
        return expr_contains(x, b, a, ret);
    case T_NOT_IN:
        if (!expr_contains(x, b, a, ret)) return false;
        *ret = !*ret;
        return true;
    case T_IS:
        *ret = identical(a, b);
        return true;
    case T_IS_NOT:
        *ret = !identical(a, b);
        return true;
    default:
        if (!expr_order(x, a, b, &order)) return false;
        *ret = op == T_LT   ? order < 0
               : op == T_LE ? order <= 0
               : op == T_GT ? order > 0
                            : order >= 0;
        return true;
    }
}

static bool eval_compare(struct eval *x, const struct node *n,
                         struct value *ret)
{
    struct value left, right;
    bool truth = true;
    if (!eval(x, n->kids[0], &left)) return false;
    for (uint32_t i = 1; truth && i < n->count; i++) {
        if (!eval(x, n->kids[i], &right) ||
            !compare(x, n->ops[i - 1], &left, &right, &truth))
            return false;
        left = right;
    }
    *ret = (struct value){.kind = V_BOOL, .truth = truth};
    return true;
}

/* --- arithmetic -------------------------------------------------------- */
static bool integers(struct eval *x, enum token_kind op, int64_t a, int64_t b,
                     int64_t *ret)
{
    bool over = false;
    switch (op) {
    case T_ADD:
        over = __builtin_add_overflow(a, b, ret);
        break;
    case T_SUB:
        over = __builtin_sub_overflow(a, b, ret);
        break;
    case T_MUL:
        over = __builtin_mul_overflow(a, b, ret);
        break;
    default: /* rounds down, and the rest has the divisor's sign */
        if (b == 0) return expr_fail(x, "a division by zero");
        over = a == INT64_MIN && b == -1 && op == T_FLOOR_DIV;
        if (over || b == -1) {
            *ret = op == T_MOD || over ? 0 : -a;
            break;
        }
        bool adjust = a % b != 0 && (a % b < 0) != (b < 0);
        *ret = op == T_MOD ? a % b + (adjust ? b : 0) : a / b - adjust;
    }
    return over ? expr_fail(x, "an integer over 64 bits") : true;
}

static bool doubles(struct eval *x, enum token_kind op, double a, double b,
                    double *ret)
{
    if (b == 0 && op != T_ADD && op != T_SUB && op != T_MUL)
        return expr_fail(x, "a division by zero");
    switch (op) {
    case T_ADD:
        *ret = a + b;
        break;
    case T_SUB:
        *ret = a - b;
        break;
    case T_MUL:
        *ret = a * b;
        break;
    case T_DIV:
        *ret = a / b;
        break;
    case T_FLOOR_DIV:
        *ret = floor(a / b);
        break;
    default:
        *ret = fmod(a, b);
        if (*ret != 0 && (*ret < 0) != (b < 0)) *ret += b;
    }
    return isfinite(*ret) ? true : expr_fail(x, "a number that is not finite");
}

static bool join_texts(struct eval *x, struct slice a, struct slice b,
                       struct value *ret)
{
    if (!expr_charge(x, (a.n + b.n) / 256)) return false;
    char *p = arena_alloc(x->a, a.n + b.n + 1);
    if (!p) {
        x->err = ERR_NOMEM;
        return false;
    }
    if (a.n) memcpy(p, a.p, a.n);
    if (b.n) memcpy(p + a.n, b.p, b.n);
    *ret = (struct value){.kind = V_STRING, .text = {p, a.n + b.n}};
    return true;
}

static bool join_lists(struct eval *x, const struct value *a,
                       const struct value *b, struct value *ret)
{
    struct value first, second;
    if (!expr_to_list(x, a, &first) || !expr_to_list(x, b, &second))
        return false;
    size_t n = (size_t)first.count + second.count;
    struct value *items =
        expr_charge(x, n) ? ARENA_ARRAY(x->a, struct value, n + 1) : NULL;
    if (!items) {
        if (!x->problem.n) x->err = ERR_NOMEM;
        return false;
    }
    memcpy(items, first.items, first.count * sizeof(*items));
    memcpy(items + first.count, second.items, second.count * sizeof(*items));
    *ret = (struct value){.kind = V_LIST, .count = (uint32_t)n, .items = items};
    return true;
}

static bool arith(struct eval *x, enum token_kind op, const struct value *a,
                  const struct value *b, struct value *ret)
{
    if (a->kind == V_INT && b->kind == V_INT && op != T_DIV) {
        int64_t n = 0;
        bool fine = integers(x, op, a->integer, b->integer, &n);
        *ret = (struct value){.kind = V_INT, .integer = n};
        return fine;
    }
    if (expr_is_number(a) && expr_is_number(b)) {
        double n = 0;
        bool fine =
            doubles(x, op, (double)expr_number(a), (double)expr_number(b), &n);
        *ret = (struct value){.kind = V_FLOAT, .number = n};
        return fine;
    }
    if (op == T_ADD && a->kind == V_STRING && b->kind == V_STRING)
        return join_texts(x, a->text, b->text, ret);
    if (op == T_ADD && a->kind == V_LIST && b->kind == V_LIST)
        return join_lists(x, a, b, ret);
    return expr_fail(x, "there is no arithmetic of %s and %s",
                     expr_kind_name(a), expr_kind_name(b));
}

static bool eval_arith(struct eval *x, const struct node *n, struct value *ret)
{
    struct value right;
    if (!eval(x, n->kids[0], ret)) return false;
    for (uint32_t i = 1; i < n->count; i++) {
        struct value left = *ret;
        if (!eval(x, n->kids[i], &right) ||
            !arith(x, n->ops[i - 1], &left, &right, ret))
            return false;
    }
    return true;
}

static bool eval_minus(struct eval *x, const struct node *n, struct value *ret)
{
    if (!eval(x, n->kids[0], ret)) return false;
    if (ret->kind == V_FLOAT) {
        ret->number = -ret->number;
        return true;
    }
    if (ret->kind != V_INT)
        return expr_fail(x, "there is no minus of a %s", expr_kind_name(ret));
    if (__builtin_sub_overflow((int64_t)0, ret->integer, &ret->integer))
        return expr_fail(x, "an integer over 64 bits");
    return true;
}

/* --- parts ------------------------------------------------------------- */
static bool index_dict(struct eval *x, const struct value *dict,
                       const struct value *key, struct value *ret)
{
    const struct json *v =
        key->kind == V_STRING ? json_get(dict->json, key->text) : NULL;
    if (!expr_charge(x, dict->json->count / 16)) return false;
    if (v) return expr_from_json(x, v, ret);
    struct slice name = key->kind == V_STRING ? key->text : SLICE("?");
    return expr_fail(x, "there is no key \"%.*s\"",
                     (int)(name.n < 80 ? name.n : 80), name.p ? name.p : "");
}

static bool index_list(struct eval *x, const struct value *over,
                       const struct value *key, struct value *ret)
{
    struct value list;
    if (key->kind != V_INT)
        return expr_fail(x, "a %s is indexed by an integer, not a %s",
                         expr_kind_name(over), expr_kind_name(key));
    if (over->kind == V_LIST && !over->items) {
        int64_t n = over->count, i = key->integer;
        if (i < 0) i += n;
        if (i < 0 || i >= n) return expr_fail(x, "an index out of range");
        return expr_from_json(x, &over->json->items[i], ret);
    }
    if (!expr_to_list(x, over, &list)) return false;
    int64_t i = key->integer;
    if (i < 0) i += list.count;
    if (i < 0 || i >= list.count) return expr_fail(x, "an index out of range");
    *ret = list.items[i];
    return true;
}

static bool eval_index(struct eval *x, const struct node *n, struct value *ret)
{
    struct value over = {0}, key = {0};
    if (!eval(x, n->kids[0], &over) || !eval(x, n->kids[1], &key)) return false;
    if (over.kind == V_DICT) return index_dict(x, &over, &key, ret);
    if (over.kind == V_LIST || over.kind == V_STRING)
        return index_list(x, &over, &key, ret);
    return expr_fail(x, "a %s has no parts", expr_kind_name(&over));
}

static bool eval_kids(struct eval *x, const struct node *n, struct value **ret)
{
    struct value *items = ARENA_ARRAY(x->a, struct value, n->count + 1u);
    if (!items) {
        x->err = ERR_NOMEM;
        return false;
    }
    *ret = items;
    for (uint32_t i = 0; i < n->count; i++)
        if (!expr_charge(x, 1) || !eval(x, n->kids[i], &items[i])) return false;
    return true;
}

static bool eval_list(struct eval *x, const struct node *n, struct value *ret)
{
    struct value *items;
    if (!eval_kids(x, n, &items)) return false;
    *ret = (struct value){.kind = V_LIST, .count = n->count, .items = items};
    return true;
}

static bool eval_call(struct eval *x, const struct node *n, struct value *ret)
{
    struct value few[4], *args = few;
    if (n->count > 4) {
        if (!eval_kids(x, n, &args)) return false;
    } else {
        for (uint32_t i = 0; i < n->count; i++)
            if (!eval(x, n->kids[i], &few[i])) return false;
    }
    return n->func->run(x, args, n->count, ret);
}

static bool eval_each(struct eval *x, const struct node *n, struct value *ret)
{
    struct value over, item;
    struct expr_walk w;
    bool more, truth = n->all;
    if (!eval(x, n->kids[1], &over) || !expr_walk_begin(x, &over, &w))
        return false;
    while (truth == n->all) {
        if (!expr_walk_next(x, &w, &item, &more)) return false;
        if (!more) break;
        x->slots[n->slot] = item;
        if (!eval(x, n->kids[0], &item)) return false;
        truth = expr_truth(&item);
    }
    *ret = (struct value){.kind = V_BOOL, .truth = truth};
    return true;
}

static unsigned type_of(const struct value *v)
{
    static const unsigned types[V_KINDS] = {
        [V_BOOL] = TYPE_BOOL,  [V_INT] = TYPE_INT,   [V_FLOAT] = TYPE_FLOAT,
        [V_STRING] = TYPE_STR, [V_LIST] = TYPE_LIST, [V_DICT] = TYPE_DICT};
    return types[v->kind];
}

static bool eval_isinstance(struct eval *x, const struct node *n,
                            struct value *ret)
{
    struct value v = {0};
    unsigned types = n->types;
    if (!eval(x, n->kids[0], &v)) return false;
    if (!types) {
        const struct value *name = &x->slots[n->slot];
        if (name->kind == V_STRING) types = expr_type_of(name->text, true);
        if (!types)
            return expr_fail(x, "isinstance wants str, int, float, bool, list "
                                "or dict");
    }
    *ret = (struct value){.kind = V_BOOL, .truth = (types & type_of(&v)) != 0};
    return true;
}

/* The newest pattern is kept: any(re.match(p, i) for i in x) makes it once. */
static bool pattern_of(struct eval *x, const struct node *n,
                       const struct value *text)
{
    struct eng_pattern_fault fault;
    if (x->pattern && x->pattern_place == n->place &&
        slice_eq(x->pattern_text, text->text))
        return true;
    if (!expr_charge(x, 1000 + text->text.n)) return false;
    enum err e =
        eng_pattern_make(text->text, n->place, x->a, &x->pattern, &fault);
    x->pattern_text = text->text;
    x->pattern_place = n->place;
    if (!e) return true;
    x->pattern = NULL;
    if (e == ERR_NOMEM) {
        x->err = e;
        return false;
    }
    return expr_fail(x, "the pattern has %.*s, which is not supported",
                     SLICE_ARG(fault.what));
}

static bool eval_regex(struct eval *x, const struct node *n, struct value *ret)
{
    struct value pattern = {0}, text = {0};
    struct slice problem;
    bool matched;
    if (!eval(x, n->kids[0], &pattern) || !eval(x, n->kids[1], &text))
        return false;
    if (pattern.kind != V_STRING || text.kind != V_STRING)
        return expr_fail(
            x, "a pattern is matched against a string, not a %s",
            expr_kind_name(pattern.kind == V_STRING ? &text : &pattern));
    if (!n->pattern && !pattern_of(x, n, &pattern)) return false;
    if (!expr_charge(x, 20 + text.text.n / 16)) return false;
    enum err e = eng_pattern_run(n->pattern ? n->pattern : x->pattern,
                                 text.text, &matched, &problem);
    if (e) x->err = e;
    if (e) return false;
    if (problem.n) return expr_fail(x, "%.*s", SLICE_ARG(problem));
    *ret = (struct value){.kind = matched ? V_MATCH : V_NONE};
    return true;
}

static bool eval(struct eval *x, const struct node *n, struct value *ret)
{
    if (!expr_charge(x, 1)) return false;
    switch (n->kind) {
    case N_CONST:
        *ret = n->value;
        return true;
    case N_NAME:
        *ret = x->slots[n->slot];
        return true;
    case N_IF:
        if (!eval(x, n->kids[1], ret)) return false;
        return eval(x, n->kids[expr_truth(ret) ? 0 : 2], ret);
    case N_OR:
    case N_AND:
        return eval_and_or(x, n, ret);
    case N_NOT:
        if (!eval(x, n->kids[0], ret)) return false;
        *ret = (struct value){.kind = V_BOOL, .truth = !expr_truth(ret)};
        return true;
    case N_COMPARE:
        return eval_compare(x, n, ret);
    case N_ARITH:
        return eval_arith(x, n, ret);
    case N_MINUS:
        return eval_minus(x, n, ret);
    case N_INDEX:
        return eval_index(x, n, ret);
    case N_LIST:
        return eval_list(x, n, ret);
    case N_CALL:
        return eval_call(x, n, ret);
    case N_EACH:
        return eval_each(x, n, ret);
    case N_ISINSTANCE:
        return eval_isinstance(x, n, ret);
    case N_REGEX:
        return eval_regex(x, n, ret);
    }
    return expr_fail(x, "an unknown piece");
}

enum err eng_expr_run(const struct eng_expr *e,
                      const struct json *const *values, struct arena *a,
                      struct eng_expr_result *ret)
{
    struct eval x = {.expr = e, .a = a};
    struct value v = {.kind = V_NONE};
    bool fine = true;
    *ret = (struct eng_expr_result){0};
    for (size_t i = 0; fine && i < e->params_count; i++)
        fine = expr_from_json(&x, values[i], &x.slots[i]);
    fine = fine && eval(&x, e->body, &v);
    if (x.err) return x.err;
    ret->passed = fine && expr_truth(&v);
    ret->problem = x.problem;
    return OK;
}
