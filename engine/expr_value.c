/* Values of expressions: conversion, comparison, iteration. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/expr_tree.h"

bool expr_fail(struct eval *x, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    struct slice s = {text, n < 0                      ? 0
                            : (size_t)n < sizeof(text) ? (size_t)n
                                                       : sizeof(text) - 1};
    s.n = slice_utf8_valid(s);
    if (x->problem.n || x->err) return false;
    x->problem = arena_copy(x->a, s);
    if (!x->problem.p) x->err = ERR_NOMEM;
    return false;
}

bool expr_charge(struct eval *x, size_t steps)
{
    if (steps > ENG_EXPR_STEPS - x->steps)
        return expr_fail(x, "it takes more than %d steps", ENG_EXPR_STEPS);
    x->steps += steps;
    return true;
}

bool expr_from_json(struct eval *x, const struct json *v, struct value *ret)
{
    *ret = (struct value){.kind = V_NONE};
    switch (v->type) {
    case JSON_FALSE:
    case JSON_TRUE:
        ret->kind = V_BOOL;
        ret->truth = v->type == JSON_TRUE;
        break;
    case JSON_NUMBER:
        ret->kind = json_int64(v, &ret->integer) ? V_INT : V_FLOAT;
        if (ret->kind == V_FLOAT && !json_double(v, &ret->number))
            return expr_fail(x, "a number is not finite");
        break;
    case JSON_STRING:
        ret->kind = V_STRING;
        ret->text = v->text;
        break;
    case JSON_ARRAY:
        ret->kind = V_LIST;
        ret->count = v->count;
        ret->json = v;
        break;
    case JSON_OBJECT:
        ret->kind = V_DICT;
        ret->json = v;
        break;
    default:
        break;
    }
    return true;
}

const char *expr_kind_name(const struct value *v)
{
    static const char *const names[V_KINDS] = {
        [V_NONE] = "null",    [V_BOOL] = "boolean",  [V_INT] = "integer",
        [V_FLOAT] = "number", [V_STRING] = "string", [V_LIST] = "list",
        [V_DICT] = "object",  [V_SET] = "set",       [V_MATCH] = "match"};
    return names[v->kind];
}

bool expr_is_number(const struct value *v)
{
    return v->kind == V_INT || v->kind == V_FLOAT;
}

/* Exact for both: a long double has 64 bits of mantissa or more. */
long double expr_number(const struct value *v)
{
    return v->kind == V_INT ? (long double)v->integer : (long double)v->number;
}

bool expr_truth(const struct value *v)
{
    switch (v->kind) {
    case V_BOOL:
        return v->truth;
    case V_INT:
        return v->integer != 0;
    case V_FLOAT:
        return v->number != 0;
    case V_STRING:
        return v->text.n > 0;
    case V_LIST:
    case V_SET:
        return v->count > 0;
    case V_DICT:
        return v->json->count > 0;
    case V_MATCH:
        return true;
    default:
        return false;
    }
}

static bool element(struct eval *x, const struct value *list, uint32_t i,
                    struct value *ret)
{
    if (!list->items) return expr_from_json(x, &list->json->items[i], ret);
    *ret = list->items[i];
    return true;
}

static bool equal_lists(struct eval *x, const struct value *a,
                        const struct value *b, bool *ret)
{
    *ret = a->count == b->count;
    for (uint32_t i = 0; *ret && i < a->count; i++) {
        struct value p, q;
        if (!expr_charge(x, 1) || !element(x, a, i, &p) ||
            !element(x, b, i, &q) || !expr_equal(x, &p, &q, ret))
            return false;
    }
    return true;
}

bool expr_equal(struct eval *x, const struct value *a, const struct value *b,
                bool *ret)
{
    *ret = false;
    if (expr_is_number(a) && expr_is_number(b)) {
        *ret = expr_number(a) == expr_number(b);
        return true;
    }
    if (a->kind != b->kind) return true;
    switch (a->kind) {
    case V_BOOL:
        *ret = a->truth == b->truth;
        return true;
    case V_STRING:
        if (!expr_charge(x, a->text.n / 1024)) return false;
        *ret = slice_eq(a->text, b->text);
        return true;
    case V_DICT:
        if (!expr_charge(x, (a->json->raw.n + b->json->raw.n) / 64))
            return false;
        *ret = json_equal(a->json, b->json);
        return true;
    case V_LIST:
    case V_SET:
        return equal_lists(x, a, b, ret);
    default:
        *ret = a->kind == V_NONE;
        return true;
    }
}

bool expr_order(struct eval *x, const struct value *a, const struct value *b,
                int *ret)
{
    if (expr_is_number(a) && expr_is_number(b)) {
        long double p = expr_number(a), q = expr_number(b);
        *ret = (p > q) - (p < q);
        return true;
    }
    if (a->kind == V_STRING && b->kind == V_STRING) {
        size_t n = a->text.n < b->text.n ? a->text.n : b->text.n;
        *ret = slice_cmp(a->text, b->text);
        return expr_charge(x, n / 1024);
    }
    return expr_fail(x, "%s and %s cannot be compared by size",
                     expr_kind_name(a), expr_kind_name(b));
}

/* --- sorting ----------------------------------------------------------- */
/* The order of a set's elements: by kind first; numbers are one kind. */
static int set_order(const void *p, const void *q)
{
    const struct value *a = p, *b = q;
    int ka = expr_is_number(a) ? V_INT : (int)a->kind,
        kb = expr_is_number(b) ? V_INT : (int)b->kind;
    if (ka != kb) return ka - kb;
    if (ka == V_INT) {
        long double m = expr_number(a), n = expr_number(b);
        return (m > n) - (m < n);
    }
    if (ka == V_STRING) return slice_cmp(a->text, b->text);
    return ka == V_BOOL ? a->truth - b->truth : 0;
}

bool expr_sort(struct eval *x, struct value *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int order;
        if (items[i].kind == V_STRING && !expr_charge(x, items[i].text.n / 64))
            return false;
        if (!expr_charge(x, 2) ||
            (i > 0 && !expr_order(x, &items[i - 1], &items[i], &order)))
            return false;
    }
    if (count > 1) qsort(items, count, sizeof(*items), set_order);
    return true;
}

bool expr_to_set(struct eval *x, const struct value *v, struct value *ret)
{
    if (v->kind == V_SET) {
        *ret = *v;
        return true;
    }
    struct value list;
    if (!expr_to_list(x, v, &list)) return false;
    struct value *items = (struct value *)list.items;
    uint32_t n = 0;
    for (uint32_t i = 0; i < list.count; i++) {
        if (items[i].kind == V_LIST || items[i].kind == V_DICT)
            return expr_fail(x, "a set cannot hold a %s",
                             expr_kind_name(&items[i]));
        size_t text = items[i].kind == V_STRING ? items[i].text.n / 64 : 0;
        if (!expr_charge(x, 2 + text)) return false;
    }
    if (list.count > 1) qsort(items, list.count, sizeof(*items), set_order);
    for (uint32_t i = 0; i < list.count; i++)
        if (n == 0 || set_order(&items[n - 1], &items[i]) != 0)
            items[n++] = items[i];
    *ret = (struct value){.kind = V_SET, .count = n, .items = items};
    return true;
}

/* --- membership -------------------------------------------------------- */
static bool in_text(struct eval *x, const struct value *in,
                    const struct value *what, bool *ret)
{
    if (what->kind != V_STRING)
        return expr_fail(x, "only a string can be in a string, not a %s",
                         expr_kind_name(what));
    *ret = what->text.n == 0 || slice_find(in->text, what->text) < in->text.n;
    return expr_charge(x, in->text.n / 1024);
}

bool expr_contains(struct eval *x, const struct value *in,
                   const struct value *what, bool *ret)
{
    *ret = false;
    switch (in->kind) {
    case V_STRING:
        return in_text(x, in, what, ret);
    case V_DICT:
        *ret = what->kind == V_STRING && json_get(in->json, what->text);
        return expr_charge(x, in->json->count / 16);
    case V_SET:
        *ret = in->count &&
               bsearch(what, in->items, in->count, sizeof(*what), set_order);
        return true;
    case V_LIST:
        for (uint32_t i = 0; !*ret && i < in->count; i++) {
            struct value v;
            if (!expr_charge(x, 1) || !element(x, in, i, &v) ||
                !expr_equal(x, &v, what, ret))
                return false;
        }
        return true;
    default:
        return expr_fail(x, "a %s holds no elements", expr_kind_name(in));
    }
}

/* --- iteration --------------------------------------------------------- */
bool expr_walk_begin(struct eval *x, const struct value *over,
                     struct expr_walk *ret)
{
    *ret = (struct expr_walk){.over = *over};
    if (over->kind == V_STRING || over->kind == V_LIST || over->kind == V_SET ||
        over->kind == V_DICT)
        return true;
    return expr_fail(x, "a %s has no elements to go through",
                     expr_kind_name(over));
}

/* One character of well-formed UTF-8. */
static struct slice character(struct slice s, size_t at)
{
    size_t n = 1;
    while (at + n < s.n && ((unsigned char)s.p[at + n] & 0xC0) == 0x80) n++;
    return (struct slice){s.p + at, n};
}

bool expr_walk_next(struct eval *x, struct expr_walk *w, struct value *ret,
                    bool *ret_more)
{
    const struct value *over = &w->over;
    size_t end = over->kind == V_STRING ? over->text.n
                 : over->kind == V_DICT ? over->json->count
                                        : over->count;
    *ret_more = w->at < end;
    if (!*ret_more) return true;
    if (!expr_charge(x, 1)) return false;
    if (over->kind == V_STRING) {
        *ret = (struct value){.kind = V_STRING,
                              .text = character(over->text, w->at)};
        w->at += ret->text.n;
        return true;
    }
    uint32_t i = (uint32_t)w->at++;
    if (over->kind != V_DICT) return element(x, over, i, ret);
    *ret = (struct value){.kind = V_STRING, .text = over->json->members[i].key};
    return true;
}

/* Always new items, which the caller may sort. */
bool expr_to_list(struct eval *x, const struct value *v, struct value *ret)
{
    struct expr_walk w;
    struct value item;
    bool more;
    uint32_t n = 0;
    if (!expr_walk_begin(x, v, &w)) return false;
    size_t most = v->kind == V_STRING ? slice_utf8_length(v->text)
                  : v->kind == V_DICT ? v->json->count
                                      : v->count;
    if (!expr_charge(x, most)) return false;
    struct value *items = ARENA_ARRAY(x->a, struct value, most + 1);
    if (!items) {
        x->err = ERR_NOMEM;
        return false;
    }
    for (;;) {
        if (!expr_walk_next(x, &w, &item, &more)) return false;
        if (!more) break;
        items[n++] = item;
    }
    *ret = (struct value){.kind = V_LIST, .count = n, .items = items};
    return true;
}
