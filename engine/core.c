#include "engine/core.h"

#include "base/clock.h"

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
    if (!r) *ret = st_entry_value(entry);
    return r;
}

const void *eng__cache_peek(struct engine *e, enum eng_cache which,
                            struct slice key, int64_t now)
{
    const struct st_entry *entry = st_cache_peek(e->cache[which], key, now);
    return entry ? st_entry_value(entry) : NULL;
}

static const struct eng_cache_options usual[] = {
#define ROW(symbol, name, entries, mib, ttl, stale, on_failure, hits)          \
    {.entries_max = (entries),                                                 \
     .bytes_max = (int64_t)(mib) << 20,                                        \
     .ttl_ms = (ttl),                                                          \
     .stale_ms = (stale),                                                      \
     .hit_rate_min_percent = (hits),                                           \
     .allow_stale = (on_failure)},
    ENG_CACHE_ROWS(ROW)
#undef ROW
};

static const struct eng_cache_options *options_of(const struct engine *e,
                                                  enum eng_cache which)
{
    const struct eng_cache_options *o = &e->options.caches[which];
    return o->entries_max ? o : &usual[which];
}

enum err eng__cache_new(struct engine *e, enum eng_cache which,
                        const struct st_cache_row *row, struct st_cache **ret)
{
    static const char *const names[] = {
#define NAME(symbol, name, ...) #name,
        ENG_CACHE_ROWS(NAME)
#undef NAME
    };
    const struct eng_cache_options *o = options_of(e, which);
    struct st_cache_row full = *row;
    full.name = names[which];
    full.entries_max = (uint32_t)o->entries_max;
    full.bytes_max = (uint64_t)o->bytes_max;
    full.ttl_ns = o->ttl_ms * NS_PER_MS;
    full.stale_ns = o->stale_ms * NS_PER_MS;
    full.negative_ttl_ns = o->negative_ttl_ms * NS_PER_MS;
    if (o->load_timeout_ms * NS_PER_MS > row->load_timeout_ns)
        full.load_timeout_ns = o->load_timeout_ms * NS_PER_MS;
    full.allow_stale = o->allow_stale;
    full.swr = o->swr;
    full.refresh_pool = e->options.pool;
    return st_cache_new(&full, ret);
}

uint64_t eng__cache_hits_min(const struct engine *e, enum eng_cache which)
{
    int64_t own = options_of(e, which)->hit_rate_min_percent;
    const struct st_alerts *all = &e->options.alerts;
    if (own >= 0) return (uint64_t)own;
    return all->min_lookups ? all->hit_rate_min_percent
                            : ST_ALERTS_DEFAULT.hit_rate_min_percent;
}
