/*
 * json_torn: a document in which any one value is another, or any one key.
 */
#ifndef TESTS_UNIT_JSON_TORN_H
#define TESTS_UNIT_JSON_TORN_H

#include "base/json.h"
#include "tests/runner/test.h"

enum { TORN_MOST = 2000, TORN_WAYS = 11 };

struct torn {
    struct slice text;
    const struct json *at[TORN_MOST]; /* every value, the whole first */
    const char *key[TORN_MOST];       /* where its key stands, or NULL */
    size_t count;
};

__attribute__((unused)) static void
torn_add(struct torn *t, const struct json *v, const char *key)
{
    CHECK_INT_LT(t->count, TORN_MOST);
    t->at[t->count] = v;
    t->key[t->count++] = key;
    for (uint32_t i = 0; i < v->count; i++) {
        if (v->type == JSON_ARRAY) torn_add(t, &v->items[i], NULL);
        if (v->type == JSON_OBJECT)
            torn_add(t, &v->members[i].value, v->members[i].at);
    }
}

__attribute__((unused)) static struct torn *torn_of(struct slice text)
{
    struct torn *t = ARENA_NEW(test_arena(), struct torn);
    const struct json *doc;
    struct json_error je;
    t->text = text;
    CHECK_OK(json_parse(text, NULL, test_arena(), &doc, &je));
    torn_add(t, doc, NULL);
    return t;
}

/* The i-th of TORN_WAYS * t->count texts. */
__attribute__((unused)) static struct slice torn_at(const struct torn *t,
                                                    size_t i, struct arena *a)
{
    static const char *const others[] = {"null", "-1",    "0",    "7.5",
                                         "\"\"", "\"x\"", "true", "[]",
                                         "{}",   "[null]"};
    const struct json *v = t->at[i / TORN_WAYS];
    const char *key = t->key[i / TORN_WAYS];
    size_t way = i % TORN_WAYS, at = (size_t)(v->raw.p - t->text.p);
    struct slice after = slice_sub(t->text, at + v->raw.n, t->text.n);
    if (way < TORN_WAYS - 1)
        return arena_printf(a, "%.*s%s%.*s", (int)at, t->text.p, others[way],
                            SLICE_ARG(after));
    if (!key) return t->text;
    at = (size_t)(key - t->text.p) + 1; /* past its quote */
    return arena_printf(a, "%.*sx%.*s", (int)at, t->text.p,
                        SLICE_ARG(slice_sub(t->text, at, t->text.n)));
}

#endif
