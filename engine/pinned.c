#include "engine/pinned.h"

#include "state/records.h"

#define PINNED_CEILING (256u << 20)

static enum err body_read(struct engine *e, struct slice hash,
                          const struct cancel *c, struct arena *a,
                          struct slice *ret)
{
    struct st_tx *tx;
    enum err r = st_read_begin(e->store, c, &tx);
    if (r) return r;
    r = st_definition_get(tx, hash, a, ret);
    st_read_end(tx);
    return r;
}

static enum err pinned_load(void *ctx, struct slice key, const struct cancel *c,
                            struct st_loaded *ret)
{
    struct arena a;
    struct slice body;
    struct eng_files files;
    struct eng_definition *d = NULL;
    arena_init(&a, PINNED_CEILING);
    enum err r = body_read(ctx, key, c, &a, &body);
    if (!r) r = eng_files_unpack(body, &a, &files);
    if (!r) r = eng_definition_build(&files, &d);
    if (!r && !slice_eq(d->hash, key)) r = ERR_SESSION_CORRUPT;
    if (r)
        eng_definition_unref(d);
    else
        *ret = (struct st_loaded){.value = d, .bytes = eng_definition_bytes(d)};
    arena_done(&a);
    return r;
}

static void pinned_free(void *ctx, void *value)
{
    (void)ctx;
    eng_definition_unref(value);
}

enum err eng__definitions_cache(struct engine *e, struct st_cache **ret)
{
    return eng__cache_new(e, ENG_CACHE_DEFINITIONS,
                          &(struct st_cache_row){.key_label = "definition",
                                                 .rank = 3,
                                                 .load = pinned_load,
                                                 .free_value = pinned_free,
                                                 .ctx = e},
                          ret);
}

enum err eng__pinned_load(struct engine *e, struct slice hash,
                          const struct cancel *c, struct eng_definition **ret)
{
    struct st_entry *entry;
    struct st_get how = {.cancel = c};
    enum err r =
        st_cache_get(e->cache[ENG_CACHE_DEFINITIONS], hash, &how, NULL, &entry);
    if (r == ERR_NOT_FOUND || r == ERR_PARSE) return ERR_SESSION_CORRUPT;
    if (r) return r;
    /* The cache's value is shared and immutable; its count is atomic. */
    *ret = eng_definition_ref((struct eng_definition *)st_entry_value(entry));
    st_entry_unref(entry);
    return OK;
}
