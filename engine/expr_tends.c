/* What an expression says to every value, found by trying.
 *
 * An expression that only compares places of the value, or their lengths, with
 * constants and with each other changes its truth at the constants alone. As
 * many values between two constants as there are places stand for all that lie
 * there, so what holds (or fails) for these holds for every value. Arithmetic,
 * patterns and the like are beyond that: nothing is claimed of them. */
#include <math.h>
#include <stdlib.h>

#include "engine/expr_tree.h"

enum {
    PLACES_MOST = 4,
    NUMBERS_MOST = 16,
    TEXTS_MOST = 8,
    VALUES_MOST = NUMBERS_MOST * (PLACES_MOST + 1) + PLACES_MOST,
    TRIES_MOST = 5000,
    LENGTH_MOST = 2000
};
#define EXACT 9007199254740992.0L /* 2^53: integers are told apart below */

/* A place of the value and how the expression uses it. */
struct place {
    struct slice key;
    struct eng_expr_place of;
    bool by_length, by_value, by_order;
    struct json values[VALUES_MOST];
    size_t count, now;
};

struct trying {
    const struct eng_expr *e;
    const struct eng_expr_asks *asks;
    struct arena *a;
    bool whole; /* the value itself is the place, not what it holds */
    struct place *places;
    size_t places_count;
    long double numbers[NUMBERS_MOST + 2];
    size_t numbers_count;
    struct slice texts[TEXTS_MOST + 1];
    size_t texts_count;
    bool beyond; /* not decided here */
    enum err err;
};

/* --- what is in it ----------------------------------------------------- */
static void add_number(struct trying *t, long double n)
{
    for (size_t i = 0; i < t->numbers_count; i++)
        if (t->numbers[i] == n) return;
    if (t->numbers_count == NUMBERS_MOST || fabsl(n) > EXACT || isnan(n))
        t->beyond = true;
    else
        t->numbers[t->numbers_count++] = n;
}

static void add_text(struct trying *t, struct slice s)
{
    for (size_t i = 0; i < t->texts_count; i++)
        if (slice_eq(t->texts[i], s)) return;
    if (t->texts_count == TEXTS_MOST)
        t->beyond = true;
    else
        t->texts[t->texts_count++] = s;
}

static bool is_value(const struct node *n)
{
    return n->kind == N_NAME && n->slot == 0;
}

static bool is_length(const struct node *n)
{
    return n->kind == N_CALL && n->count == 1 &&
           slice_eq(n->func->name, SLICE("len"));
}

static struct place *place_of(struct trying *t, struct slice key)
{
    for (size_t i = 0; i < t->places_count; i++)
        if (slice_eq(t->places[i].key, key)) return &t->places[i];
    if (t->places_count == PLACES_MOST) return NULL;
    struct place *p = &t->places[t->places_count++];
    *p = (struct place){.key = key};
    t->asks->place(t->asks->ctx, key, &p->of);
    for (size_t i = 0; i < p->of.numbers_count; i++)
        add_number(t, p->of.numbers[i]);
    return p;
}

/* NULL: the node is no place. */
static struct place *place_at(struct trying *t, const struct node *n)
{
    if (t->whole) return is_value(n) ? place_of(t, (struct slice){0}) : NULL;
    bool key = n->kind == N_INDEX && is_value(n->kids[0]) &&
               n->kids[1]->kind == N_CONST &&
               n->kids[1]->value.kind == V_STRING;
    return key ? place_of(t, n->kids[1]->value.text) : NULL;
}

static void take_constant(struct trying *t, const struct value *v, int sign)
{
    if (expr_is_number(v)) add_number(t, sign * expr_number(v));
    if (v->kind == V_STRING) add_text(t, v->text);
}

static bool is_constants(struct trying *t, const struct node *n)
{
    bool all = n->kind == N_LIST;
    for (uint32_t i = 0; all && i < n->count; i++) {
        all = n->kids[i]->kind == N_CONST;
        if (all) take_constant(t, &n->kids[i]->value, 1);
    }
    return all;
}

static bool is_operand(struct trying *t, const struct node *n, bool ordered)
{
    if (n->kind == N_MINUS && n->kids[0]->kind == N_CONST) {
        take_constant(t, &n->kids[0]->value, -1);
        return true;
    }
    if (n->kind == N_CONST) {
        take_constant(t, &n->value, 1);
        return true;
    }
    bool length = is_length(n);
    struct place *p = place_at(t, length ? n->kids[0] : n);
    if (!p) return false;
    p->by_length |= length;
    p->by_value |= !length;
    p->by_order |= !length && ordered;
    return true;
}

static bool compares(struct trying *t, const struct node *n)
{
    bool ordered = false;
    for (uint32_t i = 0; i + 1 < n->count; i++) {
        enum token_kind op = n->ops[i];
        ordered |= op == T_LT || op == T_LE || op == T_GT || op == T_GE;
        if (op == T_IN || op == T_NOT_IN)
            return n->count == 2 && is_operand(t, n->kids[0], false) &&
                   is_constants(t, n->kids[1]);
    }
    for (uint32_t i = 0; i < n->count; i++)
        if (!is_operand(t, n->kids[i], ordered)) return false;
    return true;
}

/* A sentence of comparisons; notes its places and constants. */
static bool is_sentence(struct trying *t, const struct node *n)
{
    switch (n->kind) {
    case N_IF:
    case N_OR:
    case N_AND:
    case N_NOT:
        for (uint32_t i = 0; i < n->count; i++)
            if (!is_sentence(t, n->kids[i])) return false;
        return true;
    case N_COMPARE:
        return compares(t, n);
    default:
        return is_operand(t, n, false);
    }
}

/* --- what may stand there ---------------------------------------------- */
static void offer(struct trying *t, struct place *p, struct json v)
{
    if (v.raw.n == 0 && v.type == JSON_NUMBER) t->err = ERR_NOMEM;
    if (t->err || p->count == VALUES_MOST) return;
    if (t->asks->admits(t->asks->ctx, p->key, &v, t->a, &t->err))
        p->values[p->count++] = v;
}

static void offer_truth(struct trying *t, struct place *p)
{
    offer(t, p, (struct json){.type = JSON_TRUE, .raw = SLICE("true")});
    offer(t, p, (struct json){.type = JSON_FALSE, .raw = SLICE("false")});
}

static void offer_text(struct trying *t, struct place *p, struct slice s)
{
    offer(
        t, p,
        (struct json){.type = JSON_STRING, .raw = SLICE("\"...\""), .text = s});
}

/* A text or a list of that many pieces. */
static void offer_long(struct trying *t, struct place *p, long double n)
{
    if (n > LENGTH_MOST) t->beyond = true;
    if (n < 0 || t->beyond) return;
    size_t size = (size_t)n;
    if (p->of.takes & ENG_TAKES_TEXT) {
        char *s = arena_alloc(t->a, size + 1);
        if (!s) t->err = ERR_NOMEM;
        if (s) memset(s, 'a', size);
        if (s) offer_text(t, p, (struct slice){s, size});
        return;
    }
    struct json *items = ARENA_ARRAY(t->a, struct json, size);
    if (!items && size) t->err = ERR_NOMEM;
    for (size_t i = 0; items && i < size; i++)
        items[i] = (struct json){.type = JSON_NULL, .raw = SLICE("null")};
    offer(t, p,
          (struct json){.type = JSON_ARRAY,
                        .count = (uint32_t)size,
                        .raw = SLICE("[...]"),
                        .items = items});
}

static void offer_number(struct trying *t, struct place *p, long double n)
{
    if (p->by_length) {
        offer_long(t, p, n);
        return;
    }
    bool whole = n == floorl(n);
    if (!whole && !(p->of.takes & ENG_TAKES_FRACTION)) return;
    offer(t, p,
          (struct json){.type = JSON_NUMBER,
                        .raw =
                            arena_printf(t->a, whole ? "%.0Lf" : "%.17Lg", n)});
}

static int upwards(const void *a, const void *b)
{
    long double x = *(const long double *)a, y = *(const long double *)b;
    return (x > y) - (x < y);
}

/* Every constant, and between each two and outside them as many others as
 * there are places. */
static void offer_numbers(struct trying *t, struct place *p)
{
    size_t others = t->places_count;
    bool whole = p->by_length || !(p->of.takes & ENG_TAKES_FRACTION);
    long double low = floorl(t->numbers[0]) - (long double)others - 1;
    for (size_t i = 0; i <= t->numbers_count; i++) {
        bool last = i == t->numbers_count;
        long double high =
            last ? ceill(low) + (long double)others + 1 : t->numbers[i];
        for (size_t k = 1; k <= others; k++) {
            long double n = whole ? floorl(low) + (long double)k
                                  : low + (high - low) * (long double)k /
                                              (long double)(others + 1);
            if (n > low && n < high) offer_number(t, p, n);
        }
        if (!last) offer_number(t, p, high);
        low = high;
    }
}

static void offer_texts(struct trying *t, struct place *p)
{
    for (size_t i = 0; i < t->texts_count; i++) offer_text(t, p, t->texts[i]);
    for (size_t i = 0; i < t->places_count; i++) {
        struct slice s = arena_printf(t->a, "another %zu", i);
        for (size_t k = 0; k < t->texts_count; k++)
            t->beyond |= slice_eq(t->texts[k], s);
        if (!s.p) t->err = ERR_NOMEM;
        if (s.p) offer_text(t, p, s);
    }
}

static void fill(struct trying *t, struct place *p)
{
    unsigned takes = p->of.takes;
    bool sized = takes == ENG_TAKES_TEXT || takes == ENG_TAKES_LIST;
    if (takes == ENG_TAKES_TRUTH && !p->by_length)
        offer_truth(t, p);
    else if ((takes & ENG_TAKES_NUMBER) && !p->by_length)
        offer_numbers(t, p);
    else if (sized && p->by_length && !p->by_value)
        offer_numbers(t, p);
    else if (takes == ENG_TAKES_TEXT && !p->by_length && !p->by_order)
        offer_texts(t, p);
    else
        t->beyond = true;
    if (p->count == 0) t->beyond = true;
}

/* --- trying ------------------------------------------------------------ */
static bool next(struct trying *t)
{
    for (size_t i = 0; i < t->places_count; i++) {
        struct place *p = &t->places[i];
        if (++p->now < p->count) return true;
        p->now = 0;
    }
    return false;
}

static bool passes(struct trying *t, struct arena *a)
{
    struct json_member members[PLACES_MOST];
    struct json value = {.type = JSON_OBJECT,
                         .count = (uint32_t)t->places_count,
                         .raw = SLICE("{...}"),
                         .members = members};
    struct eng_expr_result result = {0};
    const struct json *values[ENG_EXPR_PARAMS] = {&value};
    for (size_t i = 0; i < t->places_count; i++) {
        const struct place *p = &t->places[i];
        members[i] =
            (struct json_member){.key = p->key, .value = p->values[p->now]};
    }
    if (t->whole) value = t->places[0].values[t->places[0].now];
    enum err e = eng_expr_run(t->e, values, a, &result);
    if (e) t->err = e;
    return result.passed;
}

static enum eng_tendency try_all(struct trying *t)
{
    size_t tries = 1, passed = 0, tried = 0;
    bool sure = true;
    for (size_t i = 0; i < t->places_count && tries <= TRIES_MOST; i++) {
        tries *= t->places[i].count;
        sure &= !t->places[i].of.unsure;
    }
    if (tries > TRIES_MOST) return ENG_DEPENDS;
    do {
        struct arena a;
        arena_init(&a, 1u << 20);
        passed += passes(t, &a);
        tried++;
        arena_done(&a);
    } while (!t->err && (passed == 0 || passed == tried) && next(t));
    if (passed == 0) return ENG_NEVER;
    return passed == tried && sure ? ENG_ALWAYS : ENG_DEPENDS;
}

enum err eng_expr_tends(const struct eng_expr *e,
                        const struct eng_expr_asks *asks, bool whole,
                        struct arena *a, enum eng_tendency *ret)
{
    struct trying t = {.e = e, .asks = asks, .a = a, .whole = whole};
    *ret = ENG_DEPENDS;
    if (e->params_count != 1) return OK;
    t.places = ARENA_ARRAY(a, struct place, PLACES_MOST);
    if (!t.places) return ERR_NOMEM;
    add_number(&t, 0);
    add_text(&t, SLICE(""));
    if (!is_sentence(&t, e->body) || t.places_count == 0) return OK;
    qsort(t.numbers, t.numbers_count, sizeof(*t.numbers), upwards);
    for (size_t i = 0; i < t.places_count && !t.beyond; i++)
        fill(&t, &t.places[i]);
    if (t.err || t.beyond) return t.err;
    *ret = try_all(&t);
    return t.err;
}
