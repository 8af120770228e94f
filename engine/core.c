#include "engine/core.h"

static void entry_drop(void *entry)
{
    st_entry_unref(entry);
}

enum err eng__cache_get(struct engine *e, enum eng_cache which,
                        struct slice key, struct eng_call *c, const void **ret)
{
    struct st_entry *entry;
    struct st_get how = {.now = c->now, .cancel = c->cancel};
    enum err r = st_cache_get(e->cache[which], key, &how, NULL, &entry);
    if (r) return r;
    r = arena_hold(c->arena, entry_drop, entry);
    if (r)
        st_entry_unref(entry);
    else
        *ret = st_entry_value(entry);
    return r;
}

const void *eng__cache_peek(struct engine *e, enum eng_cache which,
                            struct slice key, int64_t now)
{
    const struct st_entry *entry = st_cache_peek(e->cache[which], key, now);
    return entry ? st_entry_value(entry) : NULL;
}
