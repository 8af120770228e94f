#include "engine/checkpoint.h"

#include "base/alloc.h"
#include "engine/phase_key.h"
#include "engine/pinned.h"
#include "engine/problems.h"

struct checkpoint {
    struct eng_definition *definition; /* keeps the gate alive */
    const struct eng_gate *gate;
};

static void checkpoint_free(void *ctx, void *value)
{
    (void)ctx;
    struct checkpoint *cp = value;
    if (cp) eng_definition_unref(cp->definition);
    mem_free(cp);
}

static enum err checkpoint_load(void *ctx, struct slice key,
                                const struct cancel *c, struct st_loaded *ret)
{
    struct slice hash;
    int64_t phase;
    if (!phase_key_parse(key, &hash, &phase)) return ERR_INTERNAL;
    struct checkpoint *cp = MEM_NEW(struct checkpoint);
    if (!cp) return ERR_NOMEM;
    enum err r = eng__pinned_load(ctx, hash, c, &cp->definition);
    if (!r) {
        const struct eng_phase *p = eng_definition_phase(cp->definition, phase);
        cp->gate = p ? p->gate : NULL;
        if (!cp->gate) r = ERR_NOT_FOUND;
    }
    if (r) {
        checkpoint_free(ctx, cp);
        return r;
    }
    *ret = (struct st_loaded){.value = cp,
                              .bytes = sizeof(*cp) + sizeof(*cp->gate) +
                                       cp->gate->fields_count *
                                           sizeof(struct eng_field)};
    return OK;
}

enum err eng__checkpoints_cache(struct engine *e, struct st_cache **ret)
{
    return eng__cache_new(e, ENG_CACHE_CHECKPOINTS,
                          &(struct st_cache_row){.key_label = "checkpoint",
                                                 .rank = 4,
                                                 .load = checkpoint_load,
                                                 .free_value = checkpoint_free,
                                                 .ctx = e},
                          ret);
}

enum err eng__checkpoint_get(struct engine *e, struct eng_call *c,
                             const struct eng_definition *d, int64_t phase,
                             const struct eng_gate **ret)
{
    char text[PHASE_KEY_SIZE];
    const void *value;
    enum err r = eng__cache_get(e, ENG_CACHE_CHECKPOINTS,
                                phase_key(text, d->hash, phase), c, &value);
    if (r) return eng__problem_store(c, r);
    *ret = ((const struct checkpoint *)value)->gate;
    return OK;
}
