/*
 * yaml: libyaml's events -> JSON values, so that nothing downstream knows
 * YAML. The only file that includes yaml.h.
 *
 * YAML 1.2 core schema for plain scalars (`yes` is a string); quoted scalars
 * are strings. Refused, each with line and column: anchors, aliases, merge
 * keys, explicit tags, a second document, duplicate keys, non-scalar keys,
 * tabs in indentation, invalid UTF-8. Ceilings on bytes, depth and values.
 * `raw` of a node is its text in the source, so slice_position() on
 * raw.p - source.p gives its line and column; members' `at` likewise.
 * Only numbers in JSON's own spelling are numbers; other core-schema
 * spellings (0x1F, +1, .5, .inf) are refused with the spelling to use.
 *
 * Thread: any. No lock.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/json.h"

struct yaml_error {
    uint32_t line, column; /* 1-based */
    struct slice what;     /* arena */
};

/* Parses one document. An empty source gives a JSON_NULL. ERR_PARSE,
 * ERR_TOO_LARGE, ERR_NOMEM with *reterr filled. `in` is kept. arena */
MUST_USE enum err yaml_parse(struct slice in, const struct json_limits *limits,
                             struct arena *a, const struct json **ret,
                             struct yaml_error *reterr);

#endif
