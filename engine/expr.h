/*
 * expr: the one closed expression language of gates, a small part of Python:
 * `lambda x, low: x > low`. Parsed once, when the gate is loaded; what is not
 * in the grammar is refused with its place and the offending piece. Evaluation
 * reads values and nothing else, and is bounded in steps and memory.
 *
 * Meaning as in Python, except: a boolean is never a number; `is` only with
 * None, True and False; integers are 64-bit and overflow is an error.
 * An evaluation error (missing key, wrong type, a bound reached) is a failed
 * check with its reason, never a crash.
 *
 * A parsed expression is immutable and shared without a lock. Needs base/.
 */
#ifndef ENGINE_EXPR_H
#define ENGINE_EXPR_H

#include "engine/lint.h"

struct eng_expr;

enum {
    ENG_EXPR_BYTES = 4096,
    ENG_EXPR_DEPTH = 32,
    ENG_EXPR_STEPS = 100000,
    ENG_EXPR_PARAMS = 16
};

/* Parses the text of `node`, a string of src. NULL: reported as GATE_BROKEN at
 * the offending piece, or out of memory (r->failed). arena of the report */
const struct eng_expr *eng_expr_parse(const struct eng_source *src,
                                      const struct json *node,
                                      struct eng_report *r);
/* Parameters: the first is the value, the others come by name. */
size_t eng_expr_params(const struct eng_expr *e);
struct slice eng_expr_param(const struct eng_expr *e, size_t i);

struct eng_expr_result {
    bool passed;          /* the value's truth; false after an error */
    struct slice problem; /* why it could not be evaluated; empty: it was */
};
struct slice eng_expr_text(const struct eng_expr *e);
/* values[0..eng_expr_params()) in the order of the parameters. ERR_NOMEM, or
 * OK with the result. arena */
MUST_USE enum err eng_expr_run(const struct eng_expr *e,
                               const struct json *const *values,
                               struct arena *a, struct eng_expr_result *ret);

/* --- for lint: what an expression looks at (expr_look.c) -------------------
 */
/* Does the first parameter stand in it anywhere? */
bool eng_expr_reads_value(const struct eng_expr *e);
/* Calls `each` for every key that is taken of the first parameter by a text:
 * e['a'], e.get('a', 0), 'a' in e. False when it is also used otherwise
 * (handed on, iterated), so that more may be read. */
bool eng_expr_keys(const struct eng_expr *e,
                   void (*each)(void *ctx, struct slice key), void *ctx);

/* --- for lint: what it says to every value (expr_tends.c) ------------------
 */
enum {
    ENG_TAKES_TRUTH = 1 << 0,
    ENG_TAKES_WHOLE = 1 << 1,
    ENG_TAKES_FRACTION = 1 << 2,
    ENG_TAKES_NUMBER = ENG_TAKES_WHOLE | ENG_TAKES_FRACTION,
    ENG_TAKES_TEXT = 1 << 3,
    ENG_TAKES_LIST = 1 << 4
};
/* What may stand at a place of the value. */
struct eng_expr_place {
    unsigned takes;         /* one type; 0: unknown */
    bool unsure;            /* it may be missing, or be refused for more than
                               `admits` tells: nothing holds always */
    long double numbers[2]; /* those at which `admits` changes */
    size_t numbers_count;
};
struct eng_expr_asks {
    /* Fills *ret, which is zero; the key is empty for the value itself. */
    void (*place)(const void *ctx, struct slice key,
                  struct eng_expr_place *ret);
    /* May that value stand there? Asked of many. ERR_NOMEM goes to *e. */
    bool (*admits)(const void *ctx, struct slice key, const struct json *v,
                   struct arena *a, enum err *e);
    const void *ctx;
};
enum eng_tendency { ENG_DEPENDS, ENG_ALWAYS, ENG_NEVER };
/* Whether it fails (or holds) for every value that may come, as far as that is
 * certain: comparisons of up to four places, or their lengths, with constants
 * and each other; else ENG_DEPENDS. `whole`: the value is the one place;
 * else its keys are. ERR_NOMEM. arena */
MUST_USE enum err eng_expr_tends(const struct eng_expr *e,
                                 const struct eng_expr_asks *asks, bool whole,
                                 struct arena *a, enum eng_tendency *ret);

#endif
