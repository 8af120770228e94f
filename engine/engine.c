#include "engine/engine.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/embed.h"
#include "engine/replies.h"
#include "engine/catalog.h"
#include "engine/census.h"
#include "engine/checkpoint.h"
#include "engine/core.h"
#include "engine/pinned.h"
#include "engine/rendered.h"
#include "engine/repository.h"
#include "engine/runs.h"
#include "engine/search.h"
#include "engine/session.h"

#define STARTUP_CEILING (1u << 20)

static enum err (*const cache_rows[ENG_CACHE_COUNT])(struct engine *,
                                                     struct st_cache **) = {
    [ENG_CACHE_METADATA] = eng__metadata_cache,
    [ENG_CACHE_DEFINITIONS] = eng__definitions_cache,
    [ENG_CACHE_CHECKPOINTS] = eng__checkpoints_cache,
    [ENG_CACHE_RENDERED] = eng__rendered_cache,
    [ENG_CACHE_REPLIES] = eng__replies_cache,
    [ENG_CACHE_SESSIONS] = eng__sessions_cache,
    [ENG_CACHE_SEARCH] = eng__search_cache,
};

static enum err roots_copy(struct arena *a, const struct slice *from, size_t n,
                           const struct slice **ret)
{
    struct slice *to = ARENA_ARRAY(a, struct slice, n + 1);
    if (!to) return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        to[i] = arena_copy(a, from[i]);
        if (!to[i].p) return ERR_NOMEM;
    }
    *ret = to;
    return OK;
}

static enum err options_copy(struct engine *e, const struct eng_options *o)
{
    e->options = *o;
    e->options.root = arena_copy(&e->arena, o->root);
    e->options.state_path =
        o->state_path.n || !o->root.n
            ? arena_copy(&e->arena, o->state_path)
            : path_join(&e->arena, o->root, SLICE(".phasegate/state.db"));
    e->options.trust_path = arena_copy(&e->arena, o->trust_path);
    e->project_name = eng_project_name(e->options.root, &e->arena);
    if (!e->options.root.p || !e->options.state_path.p ||
        !e->options.trust_path.p)
        return ERR_NOMEM;
    enum err r = roots_copy(&e->arena, o->workflows, o->workflows_count,
                            &e->options.workflows);
    if (!r)
        r = roots_copy(&e->arena, o->standards, o->standards_count,
                       &e->options.standards);
    return r;
}

static enum err providers_open(struct engine *e)
{
    struct providers_options o;
    providers_options_init(&o);
    return providers_new(e->options.providers ? e->options.providers : &o,
                         &e->providers);
}

static enum err store_open(struct engine *e, struct arena *a, struct problem *p)
{
    if (!e->options.state_path.n) return OK; /* no project */
    size_t slash = e->options.state_path.n;
    while (slash > 0 && e->options.state_path.p[slash - 1] != '/') slash--;
    struct slice folder = slice_sub(e->options.state_path, 0, slash);
    enum err r = folder.n ? path_make(folder, 0755) : OK;
    if (r)
        return problem_setf(p, a, r, SLICE("The state file lives there."),
                            SLICE("Make the folder writable, or name another "
                                  "file with --state."),
                            "Cannot make the folder %.*s", SLICE_ARG(folder));
    return st_store_open(
        &(struct st_store_options){.path = e->options.state_path,
                                   .durability = e->options.durability,
                                   .busy_timeout_ms = e->options.store_ms},
        a, p, &e->store);
}

static void look_for_definitions(void *ctx)
{
    struct engine *e = ctx;
    if (e->census) census_take(e->census);
}

static void files_changed(void *ctx, unsigned sets)
{
    struct engine *e = ctx;
    bool workflows = sets & (1u << ENG_WATCH_WORKFLOWS);
    if (workflows) look_for_definitions(e);
    log_info("watch", "files changed", LOG_B("workflows", workflows),
             LOG_B("standards", sets & (1u << ENG_WATCH_STANDARDS)));
}

/* Before the first load: what is read then is watched already. */
static enum err watch_open(struct engine *e)
{
    struct eng_watch_options o = e->options.watch;
    o.roots[ENG_WATCH_WORKFLOWS] = (struct eng_watch_roots){
        e->options.workflows, e->options.workflows_count};
    o.roots[ENG_WATCH_STANDARDS] = (struct eng_watch_roots){
        e->options.standards, e->options.standards_count};
    o.begins = look_for_definitions;
    o.changed = files_changed;
    o.ctx = e;
    e->census = census_new(e->options.workflows, e->options.workflows_count);
    enum err r = eng_watch_new(&o, &e->watch);
    return r ? r : eng_watch_start(e->watch);
}

static enum err unmade(struct problem *p, enum err e)
{
    return problem_set(p, e, SLICE("The engine could not be made"),
                       SLICE("Out of memory or threads at start."),
                       SLICE("Free memory and start again."));
}

enum err eng_open(const struct eng_options *o, struct arena *a,
                  struct problem *p, struct engine **ret)
{
    struct engine *e = MEM_NEW(struct engine);
    if (!e) return unmade(p, ERR_NOMEM);
    arena_init(&e->arena, STARTUP_CEILING);
    order_init(&e->order);
    enum err r = options_copy(e, o);
    for (int i = 0; !r && i < ENG_CACHE_COUNT; i++)
        r = cache_rows[i](e, &e->cache[i]);
    if (!r) r = providers_open(e);
    if (!r) r = eng__runs_new(e, &e->runs);
    if (!r) r = store_open(e, a, p);
    if (!r) r = watch_open(e); /* its thread looks at every definition now */
    if (!r) r = eng__search_open(e);
    if (r) {
        eng_close(e);
        return p->what.n ? r : unmade(p, r);
    }
    *ret = e;
    return OK;
}

void eng_close(struct engine *e)
{
    if (!e) return;
    eng__search_close(e);
    eng__runs_free(e->runs);
    eng_watch_free(e->watch);
    census_free(e->census);
    st_store_close(e->store); /* answers what is queued: caches still live */
    for (int i = ENG_CACHE_COUNT; i-- > 0;) st_cache_free(e->cache[i]);
    order_done(&e->order);
    providers_free(e->providers);
    arena_done(&e->arena);
    mem_free(e);
}

struct st_store *eng_store(struct engine *e)
{
    return e->store;
}

struct providers *eng_providers(struct engine *e)
{
    return e->providers;
}

void eng_info_write(struct engine *e, struct arena *a, struct json_writer *w)
{
    (void)a;
    json_key(w, SLICE("project"));
    json_begin_object(w);
    json_put_string(w, "name", e->project_name);
    json_put_string(w, "root", e->options.root);
    json_end_object(w);
    json_put_string(w, "gate_mode",
                    e->options.gate_mode == ENG_STRICT ? SLICE("strict")
                                                       : SLICE("as-written"));
    json_key(w, SLICE("caches"));
    json_begin_object(w);
    for (int i = 0; i < ENG_CACHE_COUNT; i++) {
        struct st_cache_stats stats;
        st_cache_stats(e->cache[i], &stats);
        json_key(w, slice_of(st_cache_name(e->cache[i])));
        st_stats_write(&stats, w);
    }
    if (e->embed) {
        struct st_cache_stats stats;
        st_cache_stats(embed_cache(e->embed), &stats);
        json_key(w, slice_of(st_cache_name(embed_cache(e->embed))));
        st_stats_write(&stats, w);
    }
    json_end_object(w);
}
