/* The keeper's part of the engine: its rounds, and what they find. */
#include "engine/core.h"
#include "engine/corpus.h"
#include "engine/embed.h"
#include "engine/expire.h"
#include "engine/idempotency.h"
#include "engine/runs.h"

enum { SWEEP_S = 30, WINDOW_S = 60, TROUBLE_S = 60, WRITER_DEAD_S = 60 };
#define WAL_LARGE ((uint64_t)64 << 20)

_Static_assert((int)ENG_CACHE_COUNT < 8, "grow eng_facts.caches");
_Static_assert((int)CORPUS_ONCES <= 2, "grow eng_facts.onces");

static const struct st_alerts *alerts(const struct engine *e)
{
    static const struct st_alerts usual = {10, 5, 90,
                                           100}; /* options alerts.* */
    return e->options.alerts.min_lookups ? &e->options.alerts : &usual;
}

static void windows_tick(struct engine *e, int64_t now)
{
    for (int i = 0; i < ENG_CACHE_COUNT; i++) {
        struct st_cache_stats stats;
        st_metrics_snapshot(st_cache_metrics(e->cache[i]), true, &stats);
        struct st_alerts own = *alerts(e);
        own.hit_rate_min_percent = eng__cache_hits_min(e, (enum eng_cache)i);
        st_window_tick(&e->window[i], now, &stats, &own);
    }
}

/* What is kept, as /metrics tells it: when there is something new, and now
 * and then for what expires. */
static void look_at_store(struct engine *e)
{
    struct arena a;
    struct st_tx *tx;
    if (!e->store) return;
    bool news = eng_strangers_wrote(e, &e->strangers);
    uint64_t commits = st_transactions(e->store);
    if (!news && commits == e->commits && e->seconds % SWEEP_S) return;
    if (st_read_begin(e->store, NULL, &tx)) return;
    e->commits = commits;
    arena_init(&a, 1 << 16);
    eng__answers_care(e, tx);
    if (st_session_tally(tx, &a, &e->sessions)) e->sessions.count = 0;
    if (st_free_pages(tx, &e->free_pages)) e->free_pages = 0;
    arena_done(&a);
    st_read_end(tx);
}

void eng_tick(struct engine *e, int64_t now)
{
    if (e->store) st_store_checkpoint(e->store);
    eng__expire_tick(e, now);
    look_at_store(e);
    if (e->seconds % WINDOW_S == 0) windows_tick(e, now);
    if (++e->seconds % SWEEP_S) return;
    for (int i = 0; i < ENG_CACHE_COUNT; i++) st_cache_sweep(e->cache[i], now);
    embed_sweep(e->embed, now);
}

bool eng_tick_over(const struct engine *e)
{
    /* Acquire: with the last one's end, what it told is told. */
    return !atomic_load_explicit(&e->expiry.under_way, memory_order_acquire);
}

static void add(struct eng_facts *f, struct eng_reason r)
{
    if (f->reasons_count < sizeof(f->reasons) / sizeof(f->reasons[0]))
        f->reasons[f->reasons_count++] = r;
}

static void cache_reasons(struct engine *e, int i, struct eng_facts *f)
{
    const struct st_cache_window *w = &e->window[i];
    struct st_alerts own = *alerts(e);
    own.hit_rate_min_percent = eng__cache_hits_min(e, (enum eng_cache)i);
    for (int k = 0; k < ST_REASON_COUNT; k++) {
        enum st_reason_kind kind = (enum st_reason_kind)k;
        if (w->since[k])
            add(f, (struct eng_reason){st_reason_name(kind),
                                       st_cache_name(e->cache[i]),
                                       st_reason_degrades(kind) ? ENG_DEGRADES
                                                                : ENG_NOTICE,
                                       w->value[k],
                                       st_reason_threshold(kind, &own)});
    }
}

static bool grew_lately(struct eng__grown *g, uint64_t count, int64_t now)
{
    if (count != g->seen) *g = (struct eng__grown){count, now ? now : 1};
    return g->at && now - g->at < TROUBLE_S * NS_PER_S;
}

static void store_reasons(struct engine *e, int64_t now, struct eng_facts *f)
{
    if (grew_lately(&e->troubles, f->store.troubles, now))
        add(f, (struct eng_reason){"store_error", NULL, ENG_DEGRADES,
                                   f->store.troubles, 0});
    if (f->store.replaced)
        add(f, (struct eng_reason){"store_replaced", NULL, ENG_DEGRADES, 1, 0});
    if (f->store.wal_bytes > WAL_LARGE)
        add(f, (struct eng_reason){"wal_large", NULL, ENG_DEGRADES,
                                   f->store.wal_bytes, WAL_LARGE});
    if (f->store.damaged)
        add(f, (struct eng_reason){"store_failed", NULL, ENG_FAILS, 1, 0});
    if (f->store.beat_ns >= WRITER_DEAD_S * NS_PER_S)
        add(f, (struct eng_reason){"writer_stalled", NULL, ENG_FAILS,
                                   (uint64_t)(f->store.beat_ns / NS_PER_MS),
                                   WRITER_DEAD_S * 1000});
}

static void provider_facts(struct engine *e, int64_t now, struct eng_facts *f)
{
    f->providers_count = providers_stats(e->providers, now, f->providers);
    for (int i = 0; i < PROVIDER_KIND_COUNT; i++)
        providers_bucket(e->providers, (enum provider_kind)i, now,
                         &f->buckets[i]);
}

void eng_facts_files(struct engine *e, struct st_store_stats *ret)
{
    if (e->store) st_store_files(e->store, ret);
}

void eng_facts_watch(struct engine *e, struct eng_watch_stats *ret)
{
    eng_watch_stats(e->watch, ret);
}

void eng_facts_take(struct engine *e, int64_t now, struct eng_facts *ret)
{
    eng_facts_watch(e, &ret->watch);
    eng_facts_files(e, &ret->store);
    eng_facts_with(e, now, ret);
}

void eng_facts_with(struct engine *e, int64_t now, struct eng_facts *ret)
{
    *ret = (struct eng_facts){.caches_count = ENG_CACHE_COUNT,
                              .has_store = e->store != NULL,
                              .watch = ret->watch,
                              .store = ret->store};
    for (int i = 0; i < ENG_CACHE_COUNT; i++) {
        ret->caches[i].name = st_cache_name(e->cache[i]);
        st_cache_stats(e->cache[i], &ret->caches[i].stats);
        cache_reasons(e, i, ret);
    }
    if (e->embed) {
        struct st_cache *ca = embed_cache(e->embed);
        ret->caches[ret->caches_count].name = st_cache_name(ca);
        st_cache_stats(ca, &ret->caches[ret->caches_count++].stats);
    }
    if (e->corpus) {
        corpus_onces(e->corpus, ret->onces);
        ret->onces_count = CORPUS_ONCES;
    }
    provider_facts(e, now, ret);
    uint32_t blind = ret->watch.roots_unwatched - ret->watch.roots_pending;
    if (blind && e->options.watch.mode == ENG_WATCH_AUTO)
        add(ret, (struct eng_reason){"watch_degraded", NULL, ENG_NOTICE, blind, 0});
    for (int i = 0; i < ENG_ANSWER_COUNT; i++)
        ret->answers[i] =
            atomic_load_explicit(&e->answers.count[i], memory_order_relaxed);
    for (int i = 0; i < ENG_KILLED_COUNT; i++)
        ret->killed[i] =
            atomic_load_explicit(&e->killed[i], memory_order_relaxed);
    ret->conflicts = atomic_load_explicit(&e->conflicts, memory_order_relaxed);
    ret->reloaded = atomic_load_explicit(&e->reloaded, memory_order_relaxed);
    ret->answers_kept = e->answers.use;
    ret->sessions = e->sessions;
    ret->free_pages = e->free_pages;
    for (int i = 0; i < ENG_TALLY_COUNT; i++)
        ret->tally[i] =
            atomic_load_explicit(&e->tally.count[i], memory_order_relaxed);
    if (!e->store) return;
    st_store_counts(e->store, &ret->store);
    ret->data_version = st_stamp(e->store) + ret->store.transactions;
    store_reasons(e, now, ret);
}

void eng_end_commands(struct engine *e)
{
    if (e) eng__runs_stop(e->runs);
}

void eng_stop(struct engine *e)
{
    if (!e) return;
    eng_end_commands(e);
    for (int i = 0; i < ENG_CACHE_COUNT; i++) st_cache_stop(e->cache[i]);
    embed_stop(e->embed);
}

enum err eng_clear_caches(struct engine *e, struct slice name,
                          struct json_writer *w)
{
    enum err r = ERR_NOT_FOUND;
    for (int i = 0; i < ENG_CACHE_COUNT; i++) {
        const char *own = st_cache_name(e->cache[i]);
        if (name.n && !slice_eq(name, slice_of(own))) continue;
        json_put_int(w, own, (int64_t)st_cache_clear(e->cache[i]));
        r = OK;
    }
    return r;
}
