#include "engine/embed.h"

#include "engine/core.h"
#include "engine/permit.h"

#include "base/alloc.h"
#include "base/lock.h"
#include "base/log.h"
#include "state/cache.h"

enum { BATCH = 32 }; /* passages asked for at once */
#define ANSWER_CEILING ((size_t)64 << 20)
#define ANSWER_NS (200 * NS_PER_MS) /* of a call, for the answer without it */
#define REST_NS (5 * NS_PER_S) /* after a failure in the background */
#define FILL_NS (300 * NS_PER_S)

struct embed {
    struct eng_embedder maker;
    struct provider *provider;
    struct corpus *corpus;
    struct pool *pool;
    struct permits *permits; /* NULL: none */
    struct st_cache *cache; /* query -> struct vector */
    struct pool_job job;
    struct cancel stop;
    struct lock lock;
    struct cond ended;
    /* guarded by lock */
    struct provider_report last; /* of the last query that failed */
    bool busy;
    uint64_t file, revision; /* every passage of it has its vector */
    int64_t not_before;
};

struct vector {
    size_t dimension;
    float value[];
};

/* --- asking --------------------------------------------------------------- */

struct question {
    struct embed *m;
    const struct slice *texts;
    size_t count;
    struct arena *a;
    struct eng_vectors answer;
};

static struct provider_ended ask_once(void *ctx,
                                      const struct provider_attempt *at)
{
    struct question *q = ctx;
    q->answer = (struct eng_vectors){0};
    struct provider_ended ended = q->m->maker.embed(
        q->m->maker.ctx, q->texts, q->count, at, q->a, &q->answer);
    if (ended.result == PROVIDER_ANSWERED &&
        (!q->answer.dimension || q->answer.dimension > ST_VECTOR_MOST))
        ended.result = PROVIDER_MALFORMED;
    return ended;
}

static enum err ask(struct question *q, const struct cancel *cancel,
                    int64_t deadline)
{
    struct provider_report report = {.result = PROVIDER_FULL, .retry_ns = -1};
    struct permit permit = {
        .class = PERMIT_EMBED, .inner = true, .deadline = deadline};
    struct permit *held = q->m->permits ? &permit : NULL;
    enum err e = held ? permit_take_wait(q->m->permits, held, cancel) : OK;
    if (!e) {
        e = provider_run(q->m->provider, cancel, deadline, ask_once, q,
                         &report);
        permit_release(&held);
    }
    if (!e) return OK;
    lock_take(&q->m->lock);
    q->m->last = report;
    lock_drop(&q->m->lock);
    return e;
}

/* --- a query's vector ----------------------------------------------------- */

static enum err vector_load(void *ctx, struct slice key, const struct cancel *c,
                            struct st_loaded *ret)
{
    struct embed *m = ctx;
    struct arena a;
    struct vector *v = NULL;
    arena_init(&a, ANSWER_CEILING);
    struct question q = {.m = m, .texts = &key, .count = 1, .a = &a};
    enum err e = ask(&q, c, clock_now() + m->maker.wait_ns);
    size_t bytes = q.answer.dimension * sizeof(float);
    if (!e) v = mem_alloc(sizeof(*v) + bytes);
    if (!e && !v) e = ERR_NOMEM;
    if (!e) {
        v->dimension = q.answer.dimension;
        memcpy(v->value, q.answer.values, bytes);
        *ret = (struct st_loaded){.value = v, .bytes = sizeof(*v) + bytes};
    }
    arena_done(&a);
    return e;
}

static void vector_free(void *ctx, void *value)
{
    (void)ctx;
    mem_free(value);
}

static enum err give(struct st_entry *entry, struct arena *a,
                     struct embed_vector *ret)
{
    const struct vector *v = st_entry_value(entry);
    float *value = ARENA_ARRAY(a, float, v->dimension);
    if (value) {
        memcpy(value, v->value, v->dimension * sizeof(float));
        ret->value = value;
        ret->dimension = v->dimension;
    }
    st_entry_unref(entry);
    return value ? OK : ERR_NOMEM;
}

static struct slice why(struct embed *m, struct arena *a, bool stale)
{
    lock_take(&m->lock);
    struct provider_report last = m->last;
    lock_drop(&m->lock);
    struct slice text = provider_text(m->provider, &last, a);
    return stale ? arena_printf(a, "%.*s; an older vector of the query is used",
                                SLICE_ARG(text))
                 : text;
}

enum err embed_query(struct embed *m, struct slice query,
                     const struct cancel *cancel, struct arena *a,
                     struct embed_vector *ret)
{
    struct cancel budget;
    struct st_get how = {.cancel = &budget};
    enum st_source source;
    struct st_entry *entry;
    *ret = (struct embed_vector){0};
    cancel_init(&budget, !cancel || cancel->deadline_ns == INT64_MAX
                             ? INT64_MAX
                             : cancel->deadline_ns - ANSWER_NS);
    cancel_listen(&budget, cancel);
    query = slice_sub(query, 0, slice_utf8_valid(query));
    if (!query.n) return OK;
    enum err e = st_cache_get(m->cache, query, &how, &source, &entry);
    enum err stopped = cancel_check(cancel, clock_now());
    if (!e && source == ST_STALE) ret->degraded = why(m, a, true);
    if (!e) return give(entry, a, ret);
    if (stopped || e == ERR_NOMEM) return stopped ? stopped : e;
    ret->cut = cancel_check(&budget, clock_now()) == ERR_DEADLINE;
    ret->degraded = ret->cut ? SLICE("embed: no time was left for it")
                             : why(m, a, false);
    return OK;
}

/* --- the passages' -------------------------------------------------------- */

static enum err find_work(struct embed *m, struct arena *a,
                          struct st_index_state *ret_state,
                          struct st_vectorless **ret, size_t *ret_count)
{
    struct st_index_view *v;
    enum err e = corpus_view(m->corpus, &m->stop, &v);
    if (e) return e;
    st_index_state(v, ret_state);
    e = st_index_vectorless(v, m->maker.model, BATCH, a, ret, ret_count);
    st_index_view_end(v);
    return e;
}

static enum err keep(struct embed *m, const struct st_vectorless *of,
                     const struct question *q)
{
    struct st_index_write *w;
    size_t n = q->answer.dimension;
    enum err e = corpus_write_begin(m->corpus, &m->stop, &w);
    if (e) return e;
    for (size_t i = 0; i < q->count && !e; i++)
        e = st_index_put_vector(w, of[i].hash, m->maker.model,
                                q->answer.values + i * n, n);
    return corpus_write_end(m->corpus, w, e);
}

static enum err drop_old(struct embed *m)
{
    struct st_index_write *w;
    enum err e = corpus_write_begin(m->corpus, &m->stop, &w);
    return e ? e : corpus_write_end(m->corpus, w, st_index_drop_vectors(w));
}

/* One batch. *ret_state is the one that has all, when nothing was left. */
static enum err fill_some(struct embed *m, struct arena *a,
                          struct st_index_state *ret_state, size_t *ret_count)
{
    struct st_vectorless *items;
    enum err e = find_work(m, a, ret_state, &items, ret_count);
    if (e || !*ret_count) return e;
    struct slice *texts = ARENA_ARRAY(a, struct slice, *ret_count);
    if (!texts) return ERR_NOMEM;
    for (size_t i = 0; i < *ret_count; i++) {
        texts[i] = arena_printf(a, "%.*s\n%.*s", SLICE_ARG(items[i].headings),
                                SLICE_ARG(items[i].text));
        if (!texts[i].p) return ERR_NOMEM;
    }
    struct question q = {.m = m, .texts = texts, .count = *ret_count, .a = a};
    e = ask(&q, &m->stop, clock_now() + FILL_NS);
    return e ? e : keep(m, items, &q);
}

static void fill(struct pool_job *job)
{
    struct embed *m =
        (struct embed *)((char *)job - offsetof(struct embed, job));
    struct st_index_state state = {0};
    struct arena a;
    size_t count, all = 0;
    arena_init(&a, ANSWER_CEILING);
    enum err e;
    do {
        arena_reset(&a);
        e = fill_some(m, &a, &state, &count);
        if (!e) all += count;
    } while (!e && count);
    if (!e && all) e = drop_old(m);
    arena_done(&a);
    if (all) log_info("search", "vectors made", LOG_I("passages", all));
    lock_take(&m->lock);
    if (!e) {
        m->file = state.file;
        m->revision = state.revision;
    }
    m->not_before = e ? clock_now() + REST_NS : 0;
    m->busy = false;
    cond_broadcast(&m->ended);
    lock_drop(&m->lock);
}

void embed_fill(struct embed *m, const struct st_index_state *state,
                int64_t now)
{
    lock_take(&m->lock);
    bool due = !m->busy && now >= m->not_before &&
               (m->file != state->file || m->revision != state->revision);
    if (due) m->busy = true;
    lock_drop(&m->lock);
    if (!due || pool_submit(m->pool, &m->job) == OK) return;
    lock_take(&m->lock);
    m->busy = false;
    cond_broadcast(&m->ended);
    lock_drop(&m->lock);
}

struct st_cache *embed_cache(struct embed *m)
{
    return m->cache;
}

struct slice embed_model(const struct embed *m)
{
    return m->maker.model;
}

/* --- life ----------------------------------------------------------------- */

static enum err cache_new(struct embed *m, struct engine *e)
{
    return eng__cache_new(e, ENG_CACHE_EMBEDDINGS,
        &(struct st_cache_row){.key_label = "query",
                               .rank = 2,
                               .load_timeout_ns =
                                   m->maker.wait_ns + 10 * NS_PER_S,
                               .load = vector_load,
                               .free_value = vector_free,
                               .ctx = m},
        &m->cache);
}

enum err embed_new(struct engine *engine, struct embed **ret)
{
    const struct eng_embedder *maker = engine->options.embedder;
    struct embed *m = MEM_NEW(struct embed);
    if (!m) return ERR_NOMEM;
    m->maker = *maker;
    m->corpus = engine->corpus;
    m->pool = engine->options.pool;
    m->permits = engine->options.permits;
    m->job.run = fill;
    cancel_init(&m->stop, INT64_MAX);
    lock_init(&m->lock, "embed", RANK_LEAF);
    cond_init(&m->ended);
    enum err e = provider_get(engine->providers, PROVIDER_EMBED,
                              SLICE("embed"), &m->provider);
    if (!e) e = cache_new(m, engine);
    if (e)
        embed_free(m);
    else
        *ret = m;
    return e;
}

void embed_stop(struct embed *m)
{
    if (!m) return;
    cancel_set(&m->stop, CANCEL_SHUTDOWN);
    st_cache_stop(m->cache);
}

void embed_free(struct embed *m)
{
    if (!m) return;
    cancel_set(&m->stop, CANCEL_SHUTDOWN);
    lock_take(&m->lock);
    bool busy = m->busy;
    lock_drop(&m->lock);
    bool unstarted = busy && pool_cancel(m->pool, &m->job);
    lock_take(&m->lock);
    if (unstarted) m->busy = false;
    while (m->busy) cond_wait(&m->ended, &m->lock);
    lock_drop(&m->lock);
    st_cache_free(m->cache);
    provider_put(m->provider);
    cond_done(&m->ended);
    lock_done(&m->lock);
    mem_free(m);
}

void embed_sweep(struct embed *m, int64_t now)
{
    if (m) (void)st_cache_sweep(m->cache, now);
}
