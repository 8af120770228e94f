#include "base/json.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/alloc.h"

/* Looking into a tree: members, duplicate keys, equality. Numbers are
 * json_number.c's. */

const struct json *json_get(const struct json *v, struct slice key)
{
    if (!json_is(v, JSON_OBJECT)) return NULL;
    for (uint32_t i = 0; i < v->count; i++)
        if (slice_eq(v->members[i].key, key)) return &v->members[i].value;
    return NULL;
}

const struct json *json_at(const struct json *v, ...)
{
    va_list keys;
    va_start(keys, v);
    const char *key;
    while (v && (key = va_arg(keys, const char *)))
        v = json_get(v, slice_of(key));
    va_end(keys);
    return v;
}

struct slice json_text(const struct json *v)
{
    return json_is(v, JSON_STRING) ? v->text : (struct slice){NULL, 0};
}

struct slice json_type_name(const struct json *v)
{
    static const struct slice names[] = {
        [JSON_NULL] = SLICE_INIT("null"),
        [JSON_FALSE] = SLICE_INIT("boolean"),
        [JSON_TRUE] = SLICE_INIT("boolean"),
        [JSON_NUMBER] = SLICE_INIT("number"),
        [JSON_STRING] = SLICE_INIT("string"),
        [JSON_ARRAY] = SLICE_INIT("array"),
        [JSON_OBJECT] = SLICE_INIT("object"),
    };
    _Static_assert(sizeof(names) / sizeof(names[0]) == JSON_TYPE_COUNT,
                   "a name for each type");
    return v ? names[v->type] : names[JSON_NULL];
}

struct json *json_new(struct arena *a, enum json_type t)
{
    struct json *v = ARENA_NEW(a, struct json);
    if (v) v->type = t;
    return v;
}

/* --- members in order ----------------------------------------------------- */

/* A peer chooses how many members an object has, so what compares members
 * with each other sorts them first: n log n where pairs would be n * n. The
 * fixed part serves nearly every object without an allocation. */
struct sorted {
    const struct json_member **by_key; /* equal keys in source order */
    const struct json_member *local[16];
};

static int member_cmp(const void *pa, const void *pb)
{
    const struct json_member *a = *(const struct json_member *const *)pa;
    const struct json_member *b = *(const struct json_member *const *)pb;
    int c = slice_cmp(a->key, b->key);
    return c ? c : (a > b) - (a < b);
}

/* False when out of memory. */
static bool sorted_init(struct sorted *s, const struct json *object)
{
    size_t n = object->count;
    s->by_key = s->local;
    if (n > sizeof(s->local) / sizeof(s->local[0]))
        s->by_key = mem_array(n, sizeof(*s->by_key));
    if (!s->by_key) return false;
    for (size_t i = 0; i < n; i++) s->by_key[i] = &object->members[i];
    qsort(s->by_key, n, sizeof(*s->by_key), member_cmp);
    return true;
}

static void sorted_done(struct sorted *s)
{
    if (s->by_key != s->local) mem_free(s->by_key);
}

/* --- duplicate keys ------------------------------------------------------- */

/* Needs no memory; for few members, and when there is none. */
static const struct json_member *duplicate_by_pairs(const struct json *object)
{
    const struct json_member *m = object->members;
    for (uint32_t i = 1; i < object->count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (slice_eq(m[i].key, m[j].key)) return &m[i];
    return NULL;
}

const struct json_member *json_duplicate_key(const struct json *object)
{
    if (!json_is(object, JSON_OBJECT)) return NULL;
    struct sorted s;
    if (object->count <= 8 || !sorted_init(&s, object))
        return duplicate_by_pairs(object);
    const struct json_member *first = NULL;
    for (uint32_t i = 1; i < object->count; i++) {
        const struct json_member *m = s.by_key[i];
        if (slice_eq(m->key, s.by_key[i - 1]->key) && (!first || m < first))
            first = m;
    }
    sorted_done(&s);
    return first;
}

const struct json_member *json_duplicate_key_deep(const struct json *v)
{
    const struct json_member *found = json_duplicate_key(v);
    if (!v || found) return found;
    for (uint32_t i = 0; i < v->count && !found; i++)
        found = json_duplicate_key_deep(
            v->type == JSON_OBJECT ? &v->members[i].value : &v->items[i]);
    return found;
}

/* --- equality ------------------------------------------------------------- */

/* As json_get, the first of equal keys is the one that counts. */

static bool keys_within(const struct json *a, const struct json *b)
{
    for (uint32_t i = 0; i < a->count; i++)
        if (!json_get(b, a->members[i].key)) return false;
    return true;
}

/* Looks at each pair of values at most once: twice at each level would be
 * 2^depth in all. */
static bool equal_by_pairs(const struct json *a, const struct json *b)
{
    for (uint32_t i = 0; i < a->count; i++) {
        const struct json_member *m = &a->members[i];
        const struct json *other = json_get(b, m->key);
        if (!other) return false;
        if (json_get(a, m->key) == &m->value && !json_equal(&m->value, other))
            return false;
    }
    return keys_within(b, a);
}

static uint32_t pass_key(const struct sorted *s, uint32_t i, uint32_t count)
{
    struct slice key = s->by_key[i]->key;
    do i++;
    while (i < count && slice_eq(s->by_key[i]->key, key));
    return i;
}

static bool members_match(const struct sorted *sa, uint32_t na,
                          const struct sorted *sb, uint32_t nb)
{
    uint32_t i = 0, j = 0;
    while (i < na && j < nb) {
        const struct json_member *a = sa->by_key[i], *b = sb->by_key[j];
        if (!slice_eq(a->key, b->key) || !json_equal(&a->value, &b->value))
            return false;
        i = pass_key(sa, i, na);
        j = pass_key(sb, j, nb);
    }
    return i == na && j == nb;
}

/* Large objects: its own function, so that the two tables are not on the
 * stack of every level. */
static __attribute__((noinline)) bool objects_equal_sorted(const struct json *a,
                                                           const struct json *b)
{
    struct sorted sa, sb;
    if (!sorted_init(&sa, a)) return equal_by_pairs(a, b);
    bool equal;
    if (sorted_init(&sb, b)) {
        equal = members_match(&sa, a->count, &sb, b->count);
        sorted_done(&sb);
    } else {
        equal = equal_by_pairs(a, b);
    }
    sorted_done(&sa);
    return equal;
}

static bool objects_equal(const struct json *a, const struct json *b)
{
    if (a->count <= 8 && b->count <= 8) return equal_by_pairs(a, b);
    return objects_equal_sorted(a, b);
}

bool json_equal(const struct json *a, const struct json *b)
{
    if (!a || !b) return a == b;
    if (a->type != b->type) return false;
    switch (a->type) {
    case JSON_NUMBER:
        return json_number_equal(a->raw, b->raw);
    case JSON_STRING:
        return slice_eq(a->text, b->text);
    case JSON_OBJECT:
        return objects_equal(a, b);
    case JSON_ARRAY:
        if (a->count != b->count) return false;
        for (uint32_t i = 0; i < a->count; i++)
            if (!json_equal(&a->items[i], &b->items[i])) return false;
        return true;
    default:
        return true;
    }
}
