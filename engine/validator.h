/*
 * validator: one named check of one value: a row of the table (`non_empty`,
 * `in_range`), a name that carries its numbers (`greater_than_3`), a pattern,
 * or an expression of the gate's own.
 *
 * Resolved and compiled when the gate is parsed: an unknown name, a missing,
 * superfluous or mistyped parameter, a pattern outside the supported syntax
 * are a broken gate. Immutable afterwards, shared without a lock. A value of
 * a type the row does not name fails; nothing raises.
 *
 * Needs base/, PCRE2. Thread: worker (file_exists looks at the disk).
 */
#ifndef ENGINE_VALIDATOR_H
#define ENGINE_VALIDATOR_H

#include "engine/expr.h"
#include "engine/gate.h"
#include "engine/lint.h"

/* An entry of the gate file's own `validators:`. */
struct eng_own_validator {
    struct slice name;
    const struct eng_expr *expr;
    struct slice message; /* may hold {parameter}; empty: none */
};

/* Resolves `name` (a node of the gate file): the gate's own entries first,
 * then the table, then the names with numbers. `params` is NULL or an object.
 * NULL: reported as GATE_BROKEN, or out of memory (r->failed). */
const struct eng_validator *
eng_validator_make(const struct eng_source *src, const struct json *name,
                   const struct json *params,
                   const struct eng_own_validator *own, size_t own_count,
                   struct eng_report *r);

struct eng_outcome {
    bool passed;
    struct slice message; /* "must be above 3, is 2" */
};
/* ERR_NOMEM, ERR_CANCELLED, ERR_DEADLINE; else OK with the outcome. arena */
MUST_USE enum err eng_validator_run(const struct eng_validator *v,
                                    const struct json *value,
                                    const struct eng_check *how,
                                    struct arena *a, struct eng_outcome *ret);
/* As the gate file names it. */
struct slice eng_validator_name(const struct eng_validator *v);

/* --- for lint ----------------------------------------------------------- */
/* Is there a check of that name without a definition? */
bool eng_validator_is_named(struct slice name);

/* What values of a type eng_expr_tends may try; 0: it has no idea. */
unsigned eng_type_takes(enum eng_type t);
/* Does it look only at how a number, or a length, lies to some numbers? Those
 * besides 0 are in ret[0..*ret_count). */
bool eng_validator_measures(const struct eng_validator *v, long double ret[2],
                            size_t *ret_count);

/* What the check says to every value that the field lets through, as far as
 * that is certain; else ENG_DEPENDS. Looks at no file. ERR_NOMEM. arena */
MUST_USE enum err eng_validator_tendency(const struct eng_validator *v,
                                         const struct eng_field *f,
                                         struct arena *a,
                                         enum eng_tendency *ret);

#endif
