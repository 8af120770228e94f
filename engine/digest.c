#include "engine/digest.h"

#include <stdlib.h>

static void tag(struct sha256 *h, char kind, uint64_t n)
{
    char b[9] = {kind};
    for (int i = 0; i < 8; i++) b[1 + i] = (char)(n >> (56 - 8 * i));
    sha256_add(h, (struct slice){b, sizeof(b)});
}

void eng__digest_text(struct sha256 *h, struct slice text)
{
    tag(h, 's', text.n);
    sha256_add(h, text);
}

void eng__digest_int(struct sha256 *h, int64_t v)
{
    tag(h, 'i', (uint64_t)v);
}

static void digest_number(struct sha256 *h, const struct json *v)
{
    int64_t i;
    double d;
    if (json_integral(v, &i)) {
        tag(h, 'i', (uint64_t)i);
    } else if (json_double(v, &d)) {
        uint64_t bits;
        memcpy(&bits, &d, sizeof(bits));
        tag(h, 'd', bits);
    } else {
        tag(h, 'n', v->raw.n);
        sha256_add(h, v->raw);
    }
}

static int by_key(const void *a, const void *b)
{
    const struct json_member *const *x = a, *const *y = b;
    return slice_cmp((*x)->key, (*y)->key);
}

static enum err digest_object(struct sha256 *h, const struct json *v,
                              struct arena *a)
{
    const struct json_member **m =
        ARENA_ARRAY(a, const struct json_member *, v->count + 1);
    if (!m) return ERR_NOMEM;
    for (uint32_t i = 0; i < v->count; i++) m[i] = &v->members[i];
    if (v->count) qsort(m, v->count, sizeof(*m), by_key);
    tag(h, 'o', v->count);
    for (uint32_t i = 0; i < v->count; i++) {
        eng__digest_text(h, m[i]->key);
        enum err e = eng__digest_json(h, &m[i]->value, a);
        if (e) return e;
    }
    return OK;
}

static enum err digest_array(struct sha256 *h, const struct json *v,
                             struct arena *a)
{
    enum err e = OK;
    tag(h, 'a', v->count);
    for (uint32_t i = 0; !e && i < v->count; i++)
        e = eng__digest_json(h, &v->items[i], a);
    return e;
}

enum err eng__digest_json(struct sha256 *h, const struct json *v,
                          struct arena *a)
{
    if (!v) {
        tag(h, '-', 0);
        return OK;
    }
    switch (v->type) {
    case JSON_NUMBER:
        digest_number(h, v);
        return OK;
    case JSON_STRING:
        eng__digest_text(h, v->text);
        return OK;
    case JSON_ARRAY:
        return digest_array(h, v, a);
    case JSON_OBJECT:
        return digest_object(h, v, a);
    default:
        tag(h, 'c', (uint64_t)v->type);
        return OK;
    }
}
