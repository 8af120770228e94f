#include "engine/expr.h"

struct eng_expr {
    struct slice text;
};

const struct eng_expr *eng_expr_parse(const struct eng_source *src,
                                      const struct json *node,
                                      struct eng_report *r)
{
    eng_report_add(r, LINT_GATE_BROKEN, src, node->raw.p,
                   "the expression is not supported");
    return NULL;
}

size_t eng_expr_params(const struct eng_expr *e)
{
    (void)e;
    return 1;
}

struct slice eng_expr_param(const struct eng_expr *e, size_t i)
{
    (void)i;
    return e->text;
}

enum err eng_expr_run(const struct eng_expr *e,
                      const struct json *const *values, struct arena *a,
                      struct eng_expr_result *ret)
{
    (void)e, (void)values, (void)a;
    *ret = (struct eng_expr_result){.problem = SLICE("not supported")};
    return OK;
}
