/*
 * validator_row: the inside of engine/validator.h: the rows that checks are
 * made of, and what one is resolved to. Private to engine/validator*.c.
 */
#ifndef ENGINE_VALIDATOR_ROW_H
#define ENGINE_VALIDATOR_ROW_H

#include "engine/validator.h"

enum { PARAMS_MOST = 2 };

struct eng_validator {
    struct slice name;
    struct slice demand; /* "must be above 3": parameters filled in */
    const struct row *row;
    const struct json *params[PARAMS_MOST];
    long double number[PARAMS_MOST]; /* numeric parameters */
    const struct eng_pattern *pattern;
    const struct eng_expr *expr; /* the gate's own */
    const struct json **values;  /* its parameters; [0] is the value's place */
};

/* One run; the checks leave words in `why` when theirs beat the demand. */
struct run {
    const struct eng_validator *v;
    const struct eng_check *how;
    struct arena *a;
    struct slice why;
    enum err err;
};

/* --- rows -------------------------------------------------------------- */
enum kind { NO_PARAM, COUNT, NUMBER, TEXT, TEXTS, LIST, ANY, PATTERN, TYPE };

/* What lint can tell from the parameters alone. */
enum shape {
    SHAPELESS,
    CLOSED_RANGE, /* number[0] to number[1] */
    OPEN_RANGE,
    AT_LEAST_LONG, /* number[0] */
    A_LENGTH,      /* otherwise about the length alone */
    ONE_OF,        /* the list params[0] */
    ALL_KEYS,
    SAME, /* as params[0] */
    OTHER,
    HOLDS, /* the text params[0] */
    HOLDS_NOT,
    LIKE /* the pattern, from the text's start */
};

struct row {
    struct slice name;   /* "min_length_" for a name that carries numbers */
    unsigned types;      /* of values; others fail */
    struct slice demand; /* {parameter} is filled in; {0}, {1}: the numbers */
    bool (*check)(struct run *r, const struct json *value);
    struct {
        struct slice name;
        enum kind kind;
    } params[PARAMS_MOST];
    enum shape shape;
};

#define T_STRING (1u << JSON_STRING)
#define T_LIST (1u << JSON_ARRAY)
#define T_OBJECT (1u << JSON_OBJECT)
#define T_NUMBER (1u << JSON_NUMBER)
#define T_BOOL (1u << JSON_TRUE | 1u << JSON_FALSE)
#define T_SIZED (T_STRING | T_LIST | T_OBJECT)
#define T_ANY (~0u)

#endif
