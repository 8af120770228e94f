/*
 * yaml_scalar: what a plain (unquoted) scalar means by the YAML 1.2 core
 * schema. Private to base/yaml.c.
 *
 * Thread: any. Nothing here allocates or fails.
 */
#ifndef BASE_YAML_SCALAR_H
#define BASE_YAML_SCALAR_H

#include "base/json.h"

enum yaml_plain {
    YAML_PLAIN_NULL,
    YAML_PLAIN_FALSE,
    YAML_PLAIN_TRUE,
    YAML_PLAIN_NUMBER, /* spelled as JSON spells it */
    YAML_PLAIN_FOREIGN_NUMBER, /* a number that JSON cannot spell so */
    YAML_PLAIN_STRING,
    YAML_PLAIN_COUNT
};

enum yaml_plain yaml_plain_type(struct slice text);

/* JSON's spelling of a foreign number, NUL-terminated; empty when there is
 * none (infinities, not a number, too large a hexadecimal). */
#define YAML_SPELLING_SIZE 64
struct slice yaml_plain_spelling(struct slice text,
                                 char out[YAML_SPELLING_SIZE]);

#endif
