/* Text -> tree. One function per rule of the grammar, from the top. */
#include "engine/expr_tree.h"

/* A variable of a generator, while its test is read. */
struct scope {
    const struct scope *outer;
    struct slice name;
    uint16_t slot;
};

struct parser {
    const struct token *t; /* the next one */
    struct arena *a;
    struct eng_expr *e;
    const struct scope *scope;
    uint16_t next_slot;
    unsigned depth;
    struct expr_fault *fault;
    enum err err; /* sticky */
};

/* --- refusals ---------------------------------------------------------- */
static const struct {
    struct slice name, how_to_fix;
} hints[] = {
    {SLICE_INIT("os"), SLICE_INIT("Use `validator: file_exists` or "
                                  "`directory_exists` to look at files.")},
    {SLICE_INIT("Path"), SLICE_INIT("Use `validator: file_exists` or "
                                    "`directory_exists` to look at files.")},
    {SLICE_INIT("open"), SLICE_INIT("Expressions read no files; use "
                                    "`validator: file_exists`.")},
    {SLICE_INIT("file"), SLICE_INIT("Expressions read no files; use "
                                    "`validator: file_exists`.")},
    {SLICE_INIT("hasattr"), SLICE_INIT("Use isinstance(x, str) or another "
                                       "type.")},
    {SLICE_INIT("validate_schema"), SLICE_INIT("Use `validator: has_fields` "
                                               "with the names.")},
    {SLICE_INIT("json"), SLICE_INIT("Ask for `type: object` in the schema.")},
};

static void *broken_at(struct parser *p, const struct token *t,
                       struct slice what, struct slice how_to_fix)
{
    if (p->err) return NULL;
    p->err = ERR_PARSE;
    *p->fault = (struct expr_fault){t->at, t->n, what, how_to_fix};
    return NULL;
}

static void *broken(struct parser *p, const char *what)
{
    return broken_at(p, p->t, slice_of(what),
                     SLICE("Keep to the expression language of gates: lambda "
                           "parameters: comparisons, and/or/not, len, any, "
                           "all, isinstance, re.match, text and object "
                           "methods."));
}

static void *nomem(struct parser *p)
{
    p->err = ERR_NOMEM;
    return NULL;
}

static struct slice word(const struct parser *p, const struct token *t)
{
    return slice_sub(p->e->text, t->at, t->n);
}

static void *unknown_name(struct parser *p, const struct token *t)
{
    for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++)
        if (slice_eq(hints[i].name, word(p, t)))
            return broken_at(p, t, SLICE("a name that is not known"),
                             hints[i].how_to_fix);
    return broken_at(p, t, SLICE("a name that is not known"),
                     SLICE("Use the lambda's parameters and the functions len "
                           "any all set list min max sum abs round sorted str "
                           "int float bool isinstance re.match re.search "
                           "re.fullmatch yaml.safe_load."));
}

/* --- building ---------------------------------------------------------- */
struct kids {
    const struct node *stack[8];
    const struct node **items; /* stack, or the arena when there are more */
    enum token_kind stack_ops[8], *ops; /* ops[i] stands before items[i] */
    uint32_t count, capacity;
};

static void kids_init(struct kids *k)
{
    k->items = k->stack;
    k->ops = k->stack_ops;
    k->count = 0;
    k->capacity = 8;
}

static bool kids_add(struct parser *p, struct kids *k, enum token_kind op,
                     const struct node *n)
{
    if (!n) return false;
    if (k->count == k->capacity) {
        uint32_t capacity = 2 * k->capacity;
        const struct node **items =
            ARENA_ARRAY(p->a, const struct node *, capacity);
        enum token_kind *kinds = ARENA_ARRAY(p->a, enum token_kind, capacity);
        if (!items || !kinds) return nomem(p);
        memcpy(items, k->items, k->count * sizeof(*items));
        memcpy(kinds, k->ops, k->count * sizeof(*kinds));
        k->items = items;
        k->ops = kinds;
        k->capacity = capacity;
    }
    k->items[k->count] = n;
    k->ops[k->count++] = op;
    return true;
}

static struct node *new_node(struct parser *p, enum node_kind kind,
                             const struct kids *k)
{
    struct node *n = ARENA_NEW(p->a, struct node);
    if (!n) return nomem(p);
    n->kind = kind;
    n->height = 1;
    if (!k || k->count == 0) return n;
    for (uint32_t i = 0; i < k->count; i++)
        if (k->items[i]->height >= n->height)
            n->height = (uint16_t)(k->items[i]->height + 1);
    if (n->height > HEIGHT_MOST) return broken(p, "too many links in a chain");
    n->count = k->count;
    n->kids = ARENA_ARRAY(p->a, const struct node *, k->count);
    enum token_kind *kinds = ARENA_ARRAY(p->a, enum token_kind, k->count);
    if (!n->kids || !kinds) return nomem(p);
    memcpy(n->kids, k->items, k->count * sizeof(*n->kids));
    memcpy(kinds, k->ops, k->count * sizeof(*kinds));
    n->ops = kinds + 1;
    return n;
}

static struct node *constant(struct parser *p, struct value v)
{
    struct node *n = new_node(p, N_CONST, NULL);
    if (n) n->value = v;
    return n;
}

static bool at(const struct parser *p, enum token_kind kind)
{
    return p->t->kind == kind;
}

static bool skip(struct parser *p, enum token_kind kind)
{
    if (!at(p, kind)) return false;
    p->t++;
    return true;
}

static bool need(struct parser *p, enum token_kind kind, const char *what)
{
    if (skip(p, kind)) return true;
    broken(p, what);
    return false;
}

static const struct node *test(struct parser *p);
static const struct node *or_test(struct parser *p);

/* --- atoms ------------------------------------------------------------- */
/* test {"," test} ["," ] up to `end`, which is taken. */
static bool arguments(struct parser *p, enum token_kind end, struct kids *k)
{
    while (!at(p, end)) {
        if (!kids_add(p, k, end, test(p))) return false;
        if (!skip(p, T_COMMA)) break;
    }
    if (skip(p, end)) return true;
    broken(p, end == T_CLOSE ? "expected , or )" : "expected , or ]");
    return false;
}

static const struct node *parenthesis(struct parser *p)
{
    struct kids k;
    kids_init(&k);
    p->t++;
    if (skip(p, T_CLOSE)) return new_node(p, N_LIST, NULL);
    const struct node *first = test(p);
    if (!first) return NULL;
    if (skip(p, T_CLOSE)) return first;
    if (!kids_add(p, &k, T_COMMA, first) ||
        !need(p, T_COMMA, "expected , or )"))
        return NULL;
    return arguments(p, T_CLOSE, &k) ? new_node(p, N_LIST, &k) : NULL;
}

static const struct node *list(struct parser *p)
{
    struct kids k;
    kids_init(&k);
    p->t++;
    return arguments(p, T_CLOSE_LIST, &k) ? new_node(p, N_LIST, &k) : NULL;
}

static bool lookup(const struct parser *p, struct slice name, uint16_t *ret)
{
    for (const struct scope *s = p->scope; s; s = s->outer) {
        if (!slice_eq(s->name, name)) continue;
        *ret = s->slot;
        return true;
    }
    for (size_t i = 0; i < p->e->params_count; i++) {
        if (!slice_eq(p->e->params[i], name)) continue;
        *ret = (uint16_t)i;
        return true;
    }
    return false;
}

/* The `for` of a generator that begins here, or NULL. */
static const struct token *generator_for(const struct parser *p)
{
    unsigned open = 0;
    for (const struct token *t = p->t; t->kind != T_END; t++) {
        if (t->kind == T_OPEN || t->kind == T_OPEN_LIST) open++;
        if (t->kind == T_CLOSE || t->kind == T_CLOSE_LIST) {
            if (open-- == 0) return NULL;
        }
        if (t->kind == T_FOR && open == 0) return t;
    }
    return NULL;
}

/* any(test for name in iterable): the name is known before it is read. */
static const struct node *generator(struct parser *p, bool all,
                                    const struct token *at_for)
{
    struct kids k;
    const struct token *name = at_for + 1;
    struct scope s = {p->scope, word(p, name), p->next_slot};
    kids_init(&k);
    if (name->kind != T_NAME)
        return broken_at(p, name, SLICE("expected a name after for"),
                         SLICE("Write any(test for name in list)."));
    if (p->next_slot == SLOTS) return broken(p, "too many names");
    p->next_slot++;
    p->scope = &s;
    bool fine = kids_add(p, &k, T_FOR, test(p));
    p->scope = s.outer;
    if (!fine) return NULL;
    if (p->t != at_for) return broken(p, "expected for");
    p->t += 2;
    if (!need(p, T_IN, "expected in") || !kids_add(p, &k, T_IN, or_test(p)) ||
        !need(p, T_CLOSE, "expected )"))
        return NULL;
    struct node *n = new_node(p, N_EACH, &k);
    if (!n) return NULL;
    n->slot = s.slot;
    n->all = all;
    return n;
}

/* --- calls ------------------------------------------------------------- */
static const struct node *call(struct parser *p, const struct expr_func *f,
                               const struct token *name, struct kids *k)
{
    if (!need(p, T_OPEN, "expected (") || !arguments(p, T_CLOSE, k))
        return NULL;
    if (k->count < f->least || k->count > f->most)
        return broken_at(p, name,
                         SLICE("a call with too few or too many "
                               "arguments"),
                         SLICE("Correct the arguments."));
    struct node *n = new_node(p, N_CALL, k);
    if (n) n->func = f;
    return n;
}

static bool take_type(struct parser *p, unsigned *types)
{
    unsigned type = at(p, T_NAME) ? expr_type_of(word(p, p->t), false) : 0;
    if (!type) {
        broken(p, "expected a type: str, int, float, bool, list or dict");
        return false;
    }
    *types |= type;
    p->t++;
    return true;
}

static bool take_types(struct parser *p, struct node *n)
{
    if (at(p, T_NAME) && lookup(p, word(p, p->t), &n->slot)) {
        p->t++;
        return true;
    }
    if (!skip(p, T_OPEN)) return take_type(p, &n->types);
    do {
        if (at(p, T_CLOSE) && n->types) break;
        if (!take_type(p, &n->types)) return false;
    } while (skip(p, T_COMMA));
    return need(p, T_CLOSE, "expected , or )");
}

static const struct node *isinstance(struct parser *p)
{
    struct kids k;
    kids_init(&k);
    p->t++;
    if (!need(p, T_OPEN, "expected (") || !kids_add(p, &k, T_OPEN, test(p)) ||
        !need(p, T_COMMA, "expected ,"))
        return NULL;
    struct node *n = new_node(p, N_ISINSTANCE, &k);
    if (!n || !take_types(p, n) || !need(p, T_CLOSE, "expected )")) return NULL;
    return n;
}

/* A literal pattern is made now, so that a bad one breaks the gate. */
static const struct node *literal_pattern(struct parser *p, struct node *n,
                                          const struct token *t)
{
    struct eng_pattern_fault fault;
    const struct node *text = n->kids[0];
    if (text->kind != N_CONST || text->value.kind != V_STRING) return n;
    enum err e =
        eng_pattern_make(text->value.text, n->place, p->a, &n->pattern, &fault);
    if (e == ERR_NOMEM) return nomem(p);
    if (!e) return n;
    struct slice what =
        arena_printf(p->a, "a pattern with %.*s", SLICE_ARG(fault.what));
    if (!what.p) return nomem(p);
    return broken_at(p, t, what,
                     SLICE("Use literals, classes, anchors, groups, | and * + "
                           "? {m,n}."));
}

static const struct node *regex(struct parser *p, const struct token *name)
{
    static const struct {
        struct slice name;
        enum eng_pattern_place place;
    } places[] = {{SLICE_INIT("match"), ENG_AT_START},
                  {SLICE_INIT("search"), ENG_ANYWHERE},
                  {SLICE_INIT("fullmatch"), ENG_WHOLE}};
    struct kids k;
    kids_init(&k);
    for (size_t i = 0; i < 3; i++) {
        if (!slice_eq(places[i].name, word(p, name))) continue;
        const struct token *pattern = name + 2;
        if (!need(p, T_OPEN, "expected (") || !arguments(p, T_CLOSE, &k))
            return NULL;
        if (k.count != 2) return broken(p, "expected a pattern and a text");
        struct node *n = new_node(p, N_REGEX, &k);
        if (!n) return NULL;
        n->place = places[i].place;
        return literal_pattern(p, n, pattern);
    }
    return unknown_name(p, name);
}

/* re.match(...), yaml.safe_load(...): the only names with a dot. */
static const struct node *module(struct parser *p)
{
    const struct token *name = p->t + 2;
    bool yaml = slice_eq(word(p, p->t), SLICE("yaml"));
    struct kids k;
    kids_init(&k);
    p->t += 3;
    if (!yaml) return regex(p, name);
    if (!slice_eq(word(p, name), expr_safe_load.name))
        return unknown_name(p, name);
    return call(p, &expr_safe_load, name, &k);
}

static bool is_module(const struct parser *p)
{
    return (slice_eq(word(p, p->t), SLICE("re")) ||
            slice_eq(word(p, p->t), SLICE("yaml"))) &&
           p->t[1].kind == T_DOT && p->t[2].kind == T_NAME;
}

static const struct node *function(struct parser *p)
{
    const struct token *name = p->t;
    const struct expr_func *f = expr_function(word(p, name));
    struct kids k;
    kids_init(&k);
    if (!f) return unknown_name(p, name);
    if (p->t[1].kind != T_OPEN)
        return broken(p, "a function that is not called");
    p->t++;
    bool all = slice_eq(f->name, SLICE("all"));
    if (all || slice_eq(f->name, SLICE("any"))) {
        p->t++;
        const struct token *at_for = generator_for(p);
        if (at_for) return generator(p, all, at_for);
        p->t--;
    }
    return call(p, f, name, &k);
}

static const struct node *name(struct parser *p)
{
    uint16_t slot;
    if (lookup(p, word(p, p->t), &slot)) {
        struct node *n = new_node(p, N_NAME, NULL);
        if (n) n->slot = slot;
        p->t++;
        return n;
    }
    if (slice_eq(word(p, p->t), SLICE("isinstance"))) return isinstance(p);
    if (is_module(p)) return module(p);
    return function(p);
}

static const struct node *atom(struct parser *p)
{
    const struct token *t = p->t;
    switch (t->kind) {
    case T_INT:
        p->t++;
        return constant(p,
                        (struct value){.kind = V_INT, .integer = t->integer});
    case T_FLOAT:
        p->t++;
        return constant(p,
                        (struct value){.kind = V_FLOAT, .number = t->number});
    case T_STRING:
        p->t++;
        return constant(p, (struct value){.kind = V_STRING, .text = t->string});
    case T_TRUE:
    case T_FALSE:
        p->t++;
        return constant(
            p, (struct value){.kind = V_BOOL, .truth = t->kind == T_TRUE});
    case T_NONE:
        p->t++;
        return constant(p, (struct value){.kind = V_NONE});
    case T_NAME:
        return name(p);
    case T_OPEN:
        return parenthesis(p);
    case T_OPEN_LIST:
        return list(p);
    case T_LAMBDA:
        return broken(p, "a lambda inside a lambda");
    case T_END:
        return broken(p, "an end where a value is wanted");
    default:
        return broken(p, "a piece where a value is wanted");
    }
}

/* --- operators --------------------------------------------------------- */
static const struct node *index_of(struct parser *p, const struct node *what)
{
    struct kids k;
    kids_init(&k);
    p->t++;
    if (!kids_add(p, &k, T_OPEN_LIST, what) ||
        !kids_add(p, &k, T_OPEN_LIST, test(p)) ||
        !need(p, T_CLOSE_LIST, "expected ]"))
        return NULL;
    return new_node(p, N_INDEX, &k);
}

static const struct node *method(struct parser *p, const struct node *what)
{
    struct kids k;
    kids_init(&k);
    p->t++;
    const struct token *t = p->t;
    if (!at(p, T_NAME)) return broken(p, "expected the name of a method");
    const struct expr_func *f = expr_method(word(p, t));
    if (!f)
        return broken_at(p, t, SLICE("an attribute that is not known"),
                         SLICE("Use the methods lower upper strip startswith "
                               "endswith isalnum isdigit isalpha get keys "
                               "values issubset issuperset."));
    p->t++;
    if (!kids_add(p, &k, T_DOT, what)) return NULL;
    return call(p, f, t, &k);
}

static const struct node *post(struct parser *p)
{
    const struct node *n = atom(p);
    while (n && (at(p, T_OPEN_LIST) || at(p, T_DOT) || at(p, T_OPEN))) {
        if (at(p, T_OPEN)) return broken(p, "a call of what is no function");
        n = at(p, T_DOT) ? method(p, n) : index_of(p, n);
    }
    return n;
}

static const struct node *unary(struct parser *p)
{
    struct kids k;
    kids_init(&k);
    if (!skip(p, T_SUB)) return post(p);
    return kids_add(p, &k, T_SUB, post(p)) ? new_node(p, N_MINUS, &k) : NULL;
}

/* One level of operators: the node itself when there is none here. */
static const struct node *level(struct parser *p, enum node_kind kind,
                                const struct node *(*below)(struct parser *),
                                bool (*take)(struct parser *,
                                             enum token_kind *))
{
    struct kids k;
    enum token_kind op = T_END;
    kids_init(&k);
    do {
        if (!kids_add(p, &k, op, below(p))) return NULL;
    } while (take(p, &op));
    if (p->err) return NULL;
    return k.count == 1 ? k.items[0] : new_node(p, kind, &k);
}

static bool take_one(struct parser *p, enum token_kind *op)
{
    *op = p->t->kind;
    p->t++;
    return true;
}

static bool term_op(struct parser *p, enum token_kind *op)
{
    return (at(p, T_MUL) || at(p, T_DIV) || at(p, T_FLOOR_DIV) ||
            at(p, T_MOD)) &&
           take_one(p, op);
}

static bool sum_op(struct parser *p, enum token_kind *op)
{
    return (at(p, T_ADD) || at(p, T_SUB)) && take_one(p, op);
}

static const struct node *term(struct parser *p)
{
    return level(p, N_ARITH, unary, term_op);
}

static const struct node *sum(struct parser *p)
{
    return level(p, N_ARITH, term, sum_op);
}

static bool is_singleton(const struct token *t)
{
    return t->kind == T_NONE || t->kind == T_TRUE || t->kind == T_FALSE;
}

static bool compare_op(struct parser *p, enum token_kind *op)
{
    switch (p->t->kind) {
    case T_LT:
    case T_LE:
    case T_GT:
    case T_GE:
    case T_EQ:
    case T_NE:
    case T_IN:
        return take_one(p, op);
    case T_NOT:
        if (p->t[1].kind != T_IN) return false;
        p->t += 2;
        *op = T_NOT_IN;
        return true;
    case T_IS:
        p->t++;
        *op = skip(p, T_NOT) ? T_IS_NOT : T_IS;
        if (is_singleton(p->t)) return true;
        broken(p, "is with something else than None, True or False");
        return false;
    default:
        return false;
    }
}

static const struct node *compare(struct parser *p)
{
    return level(p, N_COMPARE, sum, compare_op);
}

static const struct node *not_test(struct parser *p)
{
    struct kids k;
    kids_init(&k);
    if (!skip(p, T_NOT)) return compare(p);
    if (++p->depth > ENG_EXPR_DEPTH) return broken(p, "nesting over 32");
    bool fine = kids_add(p, &k, T_NOT, not_test(p));
    p->depth--;
    return fine ? new_node(p, N_NOT, &k) : NULL;
}

static bool and_op(struct parser *p, enum token_kind *op)
{
    return at(p, T_AND) && take_one(p, op);
}

static bool or_op(struct parser *p, enum token_kind *op)
{
    return at(p, T_OR) && take_one(p, op);
}

static const struct node *and_test(struct parser *p)
{
    return level(p, N_AND, not_test, and_op);
}

static const struct node *or_test(struct parser *p)
{
    return level(p, N_OR, and_test, or_op);
}

static const struct node *conditional(struct parser *p)
{
    struct kids k;
    kids_init(&k);
    const struct node *then = or_test(p);
    if (!then || !skip(p, T_IF)) return then;
    if (!kids_add(p, &k, T_IF, then) || !kids_add(p, &k, T_IF, or_test(p)) ||
        !need(p, T_ELSE, "expected else") || !kids_add(p, &k, T_ELSE, test(p)))
        return NULL;
    return new_node(p, N_IF, &k);
}

static const struct node *test(struct parser *p)
{
    if (++p->depth > ENG_EXPR_DEPTH) return broken(p, "nesting over 32");
    const struct node *n = conditional(p);
    p->depth--;
    return n;
}

/* --- the whole --------------------------------------------------------- */
static bool params(struct parser *p)
{
    struct eng_expr *e = p->e;
    do {
        if (!at(p, T_NAME)) {
            broken(p, "expected the name of a parameter");
            return false;
        }
        struct slice own = word(p, p->t);
        for (size_t i = 0; i < e->params_count; i++)
            if (slice_eq(e->params[i], own)) {
                broken(p, "a parameter named twice");
                return false;
            }
        if (e->params_count == ENG_EXPR_PARAMS) {
            broken(p, "more than 16 parameters");
            return false;
        }
        e->params[e->params_count++] = own;
        p->t++;
    } while (skip(p, T_COMMA));
    return need(p, T_COLON, "expected , or :");
}

static enum err parse(struct parser *p)
{
    if (!skip(p, T_LAMBDA)) {
        broken_at(p, p->t, SLICE("no lambda"),
                  SLICE("Write \"lambda x: ...\", or in a rule \"lambda e: "
                        "...\", where e is the evidence: e['field']."));
        return p->err;
    }
    if (!params(p)) return p->err;
    p->next_slot = (uint16_t)p->e->params_count;
    p->e->body = test(p);
    if (!p->err && !at(p, T_END)) broken(p, "a piece after the expression");
    return p->err;
}

/* The place in the file of a byte of the decoded text: escapes and folded
 * lines make the file's spelling longer, so both are walked together. */
static const char *locate(const struct json *node, size_t at)
{
    const char *raw = node->raw.p, *end = raw + node->raw.n;
    for (size_t i = 0; i < node->text.n && raw < end; i++) {
        char c = node->text.p[i];
        if (c == ' ' || c == '\n' || c == '\t') continue;
        while (raw < end && *raw != c) raw++;
        if (i >= at) return raw < end ? raw : node->raw.p;
        if (raw < end) raw++;
    }
    return raw;
}

static void report(const struct eng_source *src, const struct json *node,
                   const struct expr_fault *f, struct eng_report *r)
{
    struct slice piece = eng_piece(node->text, f->at, f->n ? f->n : 1);
    eng_report_mend(r, LINT_GATE_BROKEN, src, locate(node, f->at),
                    f->how_to_fix, "an expression has %.*s%s%.*s%s",
                    SLICE_ARG(f->what), piece.n ? ": \"" : "",
                    SLICE_ARG(eng_clip(r->arena, piece, 80)),
                    piece.n ? "\"" : "");
}

const struct eng_expr *eng_expr_parse(const struct eng_source *src,
                                      const struct json *node,
                                      struct eng_report *r)
{
    struct expr_fault fault = {0};
    struct eng_expr *e = ARENA_NEW(r->arena, struct eng_expr);
    struct parser p = {.a = r->arena, .e = e, .fault = &fault};
    enum err err = e ? OK : ERR_NOMEM;
    if (!err && node->text.n > ENG_EXPR_BYTES) {
        fault = (struct expr_fault){
            ENG_EXPR_BYTES, 1, SLICE("more than 4096 bytes, from here"),
            SLICE("Split it into several validators or rules.")};
        err = ERR_PARSE;
    }
    if (!err) {
        e->text = node->text;
        err = expr_lex(e->text, r->arena, &p.t, &fault);
    }
    if (!err) err = parse(&p);
    if (err == ERR_PARSE) report(src, node, &fault, r);
    if (err == ERR_NOMEM) r->failed = true;
    return err ? NULL : e;
}

size_t eng_expr_params(const struct eng_expr *e)
{
    return e->params_count;
}

struct slice eng_expr_param(const struct eng_expr *e, size_t i)
{
    return e->params[i];
}

struct slice eng_expr_text(const struct eng_expr *e)
{
    return e->text;
}
