/* `not a and (b or c)`: or binds weakest, then and, then not. A recursive
 * descent over words; depth is bounded so that no command line can crash it. */
#include "tests/runner/runner.h"

#include <ctype.h>
#include <string.h>

enum { EXPR_DEPTH = 200 };

struct expr {
    const char *at; /* the current word, or the NUL */
    size_t n;
    expr_word_fn has;
    const void *ctx;
    const char *error;
    int depth;
};

static bool eval_or(struct expr *e);

static void next(struct expr *e)
{
    e->at += e->n;
    while (isspace((unsigned char)*e->at)) e->at++;
    if (*e->at == '(' || *e->at == ')')
        e->n = 1;
    else
        e->n = strcspn(e->at, "() \t\r\n");
}

static bool is(const struct expr *e, const char *word)
{
    return e->n == strlen(word) && strncasecmp(e->at, word, e->n) == 0;
}

static bool refuse(struct expr *e, const char *why)
{
    if (!e->error) e->error = why;
    return false;
}

static bool eval_group(struct expr *e)
{
    next(e);
    bool v = eval_or(e);
    if (!is(e, ")")) return refuse(e, "a ( without its )");
    next(e);
    return v;
}

static bool eval_word(struct expr *e)
{
    if (is(e, "(")) return eval_group(e);
    if (!e->n || is(e, ")") || is(e, "and") || is(e, "or"))
        return refuse(e, "a word or ( is missing");
    bool v = e->has(e->at, e->n, e->ctx);
    next(e);
    return v;
}

static bool eval_not(struct expr *e)
{
    bool v = false;
    if (++e->depth > EXPR_DEPTH) return refuse(e, "nested too deeply");
    if (is(e, "not")) {
        next(e);
        v = !eval_not(e);
    } else {
        v = eval_word(e);
    }
    e->depth--;
    return v;
}

static bool eval_and(struct expr *e)
{
    bool v = eval_not(e);
    while (!e->error && is(e, "and")) {
        next(e);
        v = eval_not(e) && v; /* evaluate first: it must be read in any case */
    }
    return v;
}

static bool eval_or(struct expr *e)
{
    bool v = eval_and(e);
    while (!e->error && is(e, "or")) {
        next(e);
        v = eval_and(e) || v;
    }
    return v;
}

bool expr_eval(const char *text, expr_word_fn has, const void *ctx,
               bool *ret_value, const char **reterr)
{
    struct expr e = {.at = text, .has = has, .ctx = ctx};
    next(&e);
    bool v = eval_or(&e);
    if (!e.error && e.n) refuse(&e, "two words need `and` or `or` between");
    if (e.error) {
        *reterr = e.error;
        return false;
    }
    *ret_value = v;
    return true;
}
