#include "engine/validator.h"

struct eng_validator {
    struct slice name;
};

const struct eng_validator *eng_validator_make(
    const struct eng_source *src, const struct json *name,
    const struct json *params, const struct eng_own_validator *own,
    size_t own_count, struct eng_report *r)
{
    (void)params, (void)own, (void)own_count;
    eng_report_add(r, LINT_GATE_BROKEN, src, name->raw.p,
                   "the validator \"%.*s\" is not known",
                   SLICE_ARG(eng_clip(r->arena, name->text, 80)));
    return NULL;
}

enum err eng_validator_run(const struct eng_validator *v,
                           const struct json *value,
                           const struct eng_check *how, struct arena *a,
                           struct eng_outcome *ret)
{
    (void)v, (void)value, (void)how, (void)a;
    *ret = (struct eng_outcome){.message = SLICE("cannot be judged")};
    return OK;
}

struct slice eng_validator_name(const struct eng_validator *v)
{
    return v->name;
}
