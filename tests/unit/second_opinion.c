#include "tests/unit/second_opinion.h"

#ifdef HAVE_JANSSON

#include <jansson.h>

bool opinion_available(void)
{
    return true;
}

struct opinion *opinion_parse(const char *p, size_t n, const char **ret_what)
{
    static _Thread_local json_error_t error;
    json_t *v = json_loadb(p, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!v) *ret_what = error.text;
    return (struct opinion *)v;
}

void opinion_free(struct opinion *o)
{
    json_decref((json_t *)o);
}

struct opinion_value opinion_look(const struct opinion *o)
{
    const json_t *v = (const json_t *)o;
    switch (json_typeof(v)) {
    case JSON_NULL:
        return (struct opinion_value){.type = 'n'};
    case JSON_TRUE:
        return (struct opinion_value){.type = 't'};
    case JSON_FALSE:
        return (struct opinion_value){.type = 'f'};
    case JSON_INTEGER:
        return (struct opinion_value){.type = 'i',
                                      .integer = json_integer_value(v)};
    case JSON_REAL:
        return (struct opinion_value){.type = 'r', .real = json_real_value(v)};
    case JSON_STRING:
        return (struct opinion_value){.type = 's',
                                      .text = json_string_value(v),
                                      .n = json_string_length(v)};
    case JSON_ARRAY:
        return (struct opinion_value){.type = 'a', .n = json_array_size(v)};
    default:
        return (struct opinion_value){.type = 'o', .n = json_object_size(v)};
    }
}

struct opinion *opinion_item(const struct opinion *o, size_t i)
{
    return (struct opinion *)json_array_get((const json_t *)o, i);
}

struct opinion *opinion_member(const struct opinion *o, const char *key,
                               size_t n)
{
    return (struct opinion *)json_object_getn((const json_t *)o, key, n);
}

char *opinion_write(const struct opinion *o)
{
    return json_dumps((const json_t *)o, JSON_COMPACT | JSON_ENCODE_ANY);
}

#else

bool opinion_available(void)
{
    return false;
}

struct opinion *opinion_parse(const char *p, size_t n, const char **ret_what)
{
    (void)p, (void)n;
    *ret_what = "built without jansson";
    return NULL;
}

void opinion_free(struct opinion *o)
{
    (void)o;
}

struct opinion_value opinion_look(const struct opinion *o)
{
    (void)o;
    return (struct opinion_value){.type = 'n'};
}

struct opinion *opinion_item(const struct opinion *o, size_t i)
{
    (void)o, (void)i;
    return NULL;
}

struct opinion *opinion_member(const struct opinion *o, const char *key,
                               size_t n)
{
    (void)o, (void)key, (void)n;
    return NULL;
}

char *opinion_write(const struct opinion *o)
{
    (void)o;
    return NULL;
}

#endif
