/*
 * json_make: seeded JSON texts for tests: any value, any spelling the grammar
 * allows, and mutations that break it in small ways. The same seed gives the
 * same texts everywhere.
 */
#ifndef TESTS_JSON_MAKE_H
#define TESTS_JSON_MAKE_H

#include "base/buf.h"

struct json_maker {
    uint64_t seed;
};

/* 0 .. below-1 */
uint32_t json_make_number(struct json_maker *m, uint32_t below);
/* Appends one well-formed document. */
void json_make(struct json_maker *m, struct buf *out);
/* Changes, inserts, drops or doubles a few bytes of `text`. */
void json_mutate(struct json_maker *m, struct buf *text);

#endif
