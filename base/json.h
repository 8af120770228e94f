/*
 * json: a strict RFC 8259 reader into an arena.
 *
 * A value is a node whose `raw` is its text in the input, byte for byte: ids
 * and numbers are echoed from there, and positions are computed from there.
 * Strings without escapes are slices of the input; the input must outlive the
 * values. YAML (base/yaml.h) builds the same nodes, with `raw` in its source.
 *
 * Strict: UTF-8 validated, no lone surrogates, no raw control characters, no
 * trailing bytes but white space. `\u0000` is kept in values (field rows
 * refuse it). Duplicate keys are kept, in order; json_get finds the first,
 * json_duplicate_key tells. Ceilings: bytes, depth, number of values.
 *
 * Thread: any; a parsed tree is immutable. No lock.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
    JSON_TYPE_COUNT
};

struct json_member;

struct json {
    enum json_type type;
    uint32_t count;   /* items or members */
    struct slice raw; /* the value's own text in the source */
    union {
        struct slice text;                 /* STRING, decoded */
        const struct json *items;          /* ARRAY: items[0..count) */
        const struct json_member *members; /* OBJECT: members[0..count) */
    };
};

struct json_member {
    struct slice key; /* decoded */
    const char *at;   /* where the key starts in the source */
    struct json value;
};

/* No tree is deeper, whatever the limits say: code that walks a tree may
 * recurse. */
#define JSON_DEPTH_MAX 256

struct json_limits {
    size_t bytes;
    uint32_t depth; /* of arrays and objects; [[]] is 2 */
    uint32_t values;
};
/* 16 MiB, depth 128, 1,000,000 values. */
extern const struct json_limits json_limits_default;

struct json_error {
    size_t at;        /* byte offset */
    const char *what; /* static text: "expected ',' or '}'" */
};

/* Parses one document. ERR_PARSE, ERR_TOO_LARGE (a limit), ERR_NOMEM (or the
 * arena is full); then *reterr says where and what. `in` is kept by the values.
 * limits NULL: the default. arena */
MUST_USE enum err json_parse(struct slice in, const struct json_limits *limits,
                             struct arena *a, const struct json **ret,
                             struct json_error *reterr);

static inline bool json_is(const struct json *v, enum json_type t)
{
    return v && v->type == t;
}
static inline bool json_is_bool(const struct json *v)
{
    return v && (v->type == JSON_TRUE || v->type == JSON_FALSE);
}

/* The member's value, or NULL: absent, or `v` is NULL or no object. */
const struct json *json_get(const struct json *v, struct slice key);
/* As json_get along a path of keys, up to a NULL: json_at(v,"a","b",NULL). */
const struct json *json_at(const struct json *v, ...) __attribute__((sentinel));
/* The decoded text, or the empty slice when `v` is NULL or no string. */
struct slice json_text(const struct json *v);
/* True: a number without fraction and exponent that fits. -0 is 0. */
bool json_int64(const struct json *v, int64_t *ret);
/* As json_int64, but also `1.0` and `1e2`: integral by value. */
bool json_integral(const struct json *v, int64_t *ret);
/* Nearest double, independent of the locale; false: not a number or not
 * finite. */
bool json_double(const struct json *v, double *ret);
/* The first key that stands twice in this one object, with its second
 * place, or NULL. Not recursive. */
const struct json_member *json_duplicate_key(const struct json *object);
/* The same over the whole tree. */
const struct json_member *json_duplicate_key_deep(const struct json *v);
/* JSON equality: 1 equals 1.0, member order does not matter, true is not 1.
 * Of equal keys the first counts, as in json_get. */
bool json_equal(const struct json *a, const struct json *b);
/* The same for the raw texts of two numbers, exactly: no rounding. */
bool json_number_equal(struct slice a, struct slice b);
/* "null", "boolean", "number", "string", "array", "object". */
struct slice json_type_name(const struct json *v);

/* A node in the arena for code that builds trees; NULL when out of memory.
 * Texts are borrowed and must outlive the tree. */
struct json *json_new(struct arena *a, enum json_type t);

#endif
