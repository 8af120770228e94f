/*
 * second_opinion: jansson behind a door of its own. Its header and ours use
 * the same names, so no file can include both; this one shows none of either.
 * Settings: any value at the top, \u0000 allowed.
 */
#ifndef TESTS_SECOND_OPINION_H
#define TESTS_SECOND_OPINION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opinion; /* a json_t */

struct opinion_value {
    char type; /* n t f i(nteger) r(eal) s a o */
    int64_t integer;
    double real;
    const char *text;
    size_t n; /* of the text, or of the items or members */
};

/* False when the tests were built without jansson. */
bool opinion_available(void);
/* gives; NULL when jansson refuses: then *ret_what is its reason, valid until
 * the next call. */
struct opinion *opinion_parse(const char *p, size_t n, const char **ret_what);
void opinion_free(struct opinion *o);
struct opinion_value opinion_look(const struct opinion *o);
struct opinion *opinion_item(const struct opinion *o, size_t i);
/* NULL: no such member. */
struct opinion *opinion_member(const struct opinion *o, const char *key,
                               size_t n);
/* Compact text; gives, free() it. */
char *opinion_write(const struct opinion *o);

#endif
