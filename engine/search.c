#include "engine/search.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "engine/chunk.h"
#include "engine/corpus.h"
#include "engine/embed.h"
#include "engine/excerpt.h"
#include "engine/fuse.h"
#include "engine/problems.h"
#include "engine/rank.h"

enum { RESULTS_MOST = 50, TAGS_MOST = 64, QUERY_MOST = 64 << 10 };
enum { EMBEDDED_MOST = 8 << 10 }; /* of a query */
enum { FUSED = 50 }; /* places of each order that fusion looks at */
#define ANSWER_CEILING (8u << 20)
#define LOAD_CEILING (64u << 20)

/* --- the key
 * ------------------------------------------------------------------ */

/* Every parameter in one order, each text behind its length. */
struct search_key {
    struct slice root;
    uint64_t file, revision;
    int64_t n_results, phase;
    struct slice path_prefix, query;
    struct slice tags[TAGS_MOST];
    uint64_t tags_count, highlights, snippets;
    uint64_t vectors;    /* those there are, as far as they matter */
    struct slice vector; /* the query's, its floats; empty: by words alone */
};

static void put_number(struct buf *b, uint64_t v)
{
    buf_put(b, (struct slice){(const char *)&v, sizeof(v)});
}

static void put_text(struct buf *b, struct slice s)
{
    put_number(b, s.n);
    buf_put(b, s);
}

static void key_write(struct buf *b, const struct search_key *k)
{
    put_text(b, k->root);
    put_number(b, k->file);
    put_number(b, k->revision);
    put_number(b, (uint64_t)k->n_results);
    put_number(b, (uint64_t)k->phase);
    put_number(b, k->highlights);
    put_number(b, k->snippets);
    put_text(b, k->path_prefix);
    put_number(b, k->tags_count);
    for (uint64_t i = 0; i < k->tags_count; i++) put_text(b, k->tags[i]);
    put_text(b, k->query);
    put_number(b, k->vectors);
    put_text(b, k->vector);
}

static uint64_t take_number(struct slice *s)
{
    uint64_t v = 0;
    if (s->n >= sizeof(v)) memcpy(&v, s->p, sizeof(v));
    *s = slice_sub(*s, sizeof(v), s->n);
    return v;
}

static struct slice take_text(struct slice *s)
{
    uint64_t n = take_number(s);
    struct slice text = slice_sub(*s, 0, n);
    *s = slice_sub(*s, n, s->n);
    return text;
}

static void key_read(struct slice s, struct search_key *k)
{
    k->root = take_text(&s);
    k->file = take_number(&s);
    k->revision = take_number(&s);
    k->n_results = (int64_t)take_number(&s);
    k->phase = (int64_t)take_number(&s);
    k->highlights = take_number(&s);
    k->snippets = take_number(&s);
    k->path_prefix = take_text(&s);
    k->tags_count = take_number(&s);
    for (uint64_t i = 0; i < k->tags_count && i < TAGS_MOST; i++)
        k->tags[i] = take_text(&s);
    k->query = take_text(&s);
    k->vectors = take_number(&s);
    k->vector = take_text(&s);
}

/* Outer white space goes, inner runs of it become one space; case, order and
 * punctuation stay. */
static struct slice one_line(struct arena *a, struct slice s)
{
    s = slice_trim(s);
    char *p = arena_alloc(a, s.n + 1);
    if (!p) return (struct slice){0};
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool space = memchr(" \t\r\n\v\f", s.p[i], 6) != NULL;
        if (!space)
            p[n++] = s.p[i];
        else if (p[n - 1] != ' ') /* trimmed: not the first */
            p[n++] = ' ';
    }
    return (struct slice){p, n};
}

/* --- the value
 * ------------------------------------------------------------------ */

struct answer {
    struct buf plain, escaped; /* the members, without braces */
};

static void answer_free(void *ctx, void *value)
{
    (void)ctx;
    struct answer *v = value;
    if (!v) return;
    buf_done(&v->plain);
    buf_done(&v->escaped);
    mem_free(v);
}

static void result_write(const struct ranked *r, struct json_writer *w)
{
    json_put_string(w, "content", r->content.text);
    json_put_string(w, "file", r->text.path);
    json_put_string(w, "section",
                    r->content.section.n ? r->content.section : r->text.title);
    json_put_string(w, "headings", r->content.headings);
    json_put_int(w, "line", r->content.line);
    json_key(w, SLICE("score"));
    json_number(w, (double)(int64_t)(r->score * 10000) / 10000);
    json_put_int(w, "tokens", r->content.tokens);
}

static enum err answer_write(struct st_index_view *v, const struct query *q,
                             const struct ranked *items, size_t count,
                             const struct search_key *k, bool hybrid,
                             struct arena *a, struct buf *out)
{
    struct json_writer w = json_writer(out);
    int64_t tokens = 0;
    enum err e = OK;
    json_begin_object(&w);
    json_key(&w, SLICE("results"));
    json_begin_array(&w);
    for (size_t i = 0; i < count && !e; i++) {
        json_begin_object(&w);
        result_write(&items[i], &w);
        tokens += items[i].content.tokens;
        e = excerpt_write(v, q, items[i].content.text, k->highlights != 0,
                          k->snippets != 0, a, &w);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_put_int(&w, "total_tokens", tokens);
    json_put_string(&w, "retrieval_method",
                    hybrid ? SLICE("hybrid") : SLICE("bm25"));
    json_end_object(&w);
    return e ? e : out->err;
}

/* By words and by vectors, each as deep as fusion looks. */
static enum err rank_both(struct engine *e, struct st_index_view *v,
                          const struct query *q, const struct search_key *k,
                          const struct rank_filter *filter, struct arena *a,
                          struct ranked **ret, size_t *ret_count,
                          bool *ret_hybrid)
{
    struct ranked *words = NULL;
    struct st_near *near = NULL;
    size_t most = (size_t)k->n_results, words_count = 0, near_count = 0;
    size_t deep = most < FUSED ? FUSED : most;
    size_t dimension = k->vector.n / sizeof(float);
    float *vector = ARENA_ARRAY(a, float, dimension + 1);
    if (!vector) return ERR_NOMEM;
    memcpy(vector, k->vector.p, dimension * sizeof(float));
    enum err r = st_index_nearest(v, embed_model(e->embed), vector, dimension,
                                  &filter->docs, deep, a, &near, &near_count);
    *ret_hybrid = near_count != 0;
    if (!r && !near_count)
        return rank_query(v, q, filter, most, a, ret, ret_count);
    if (!r) r = rank_query(v, q, filter, deep, a, &words, &words_count);
    return r ? r
             : fuse(v, words, words_count, near, near_count, filter, most, a,
                    ret, ret_count);
}

static enum err search(struct engine *e, const struct search_key *k,
                       const struct cancel *cancel, struct arena *a,
                       struct buf *out)
{
    struct st_index_view *v;
    struct query q;
    struct ranked *items = NULL;
    struct rank_filter filter = {.phase = k->phase};
    size_t count = 0;
    bool hybrid = false;
    struct st_index_filter f = {.path_prefix = k->path_prefix,
                                .tags = k->tags,
                                .tags_count = k->tags_count,
                                .phase = k->phase};
    f.roots = corpus_roots(e->corpus, &f.roots_count);
    struct st_index_state state;
    enum err r = corpus_view(e->corpus, cancel, &v);
    if (r) return r;
    /* The file may have been lost since it was asked for the key: what stands
     * in its place is not what the key names. */
    st_index_state(v, &state);
    if (state.file != k->file || state.revision < k->revision) r = ERR_AGAIN;
    if (!r) r = st_index_filter(v, &f, a, &filter.docs);
    if (!r) r = query_read(v, k->query, a, &q);
    if (!r && k->vector.n && k->n_results)
        r = rank_both(e, v, &q, k, &filter, a, &items, &count, &hybrid);
    else if (!r)
        r = rank_query(v, &q, &filter, (size_t)k->n_results, a, &items, &count);
    if (!r) r = answer_write(v, &q, items, count, k, hybrid, a, out);
    st_index_view_end(v);
    return r;
}

static enum err answer_load(void *ctx, struct slice key,
                            const struct cancel *cancel, struct st_loaded *ret)
{
    struct search_key k = {0};
    struct arena a;
    key_read(key, &k);
    struct answer *v = MEM_NEW(struct answer);
    if (!v) return ERR_NOMEM;
    arena_init(&a, LOAD_CEILING);
    v->plain = BUF_INIT(ANSWER_CEILING);
    v->escaped = BUF_INIT(ANSWER_CEILING);
    enum err e = search(ctx, &k, cancel, &a, &v->plain);
    if (!e)
        json_escape(&v->escaped,
                    slice_sub(buf_slice(&v->plain), 1, v->plain.n - 2));
    if (!e) e = v->escaped.err;
    arena_done(&a);
    if (e) {
        answer_free(ctx, v);
        return e;
    }
    *ret = (struct st_loaded){.value = v,
                              .bytes = sizeof(*v) + v->plain.n + v->escaped.n};
    return OK;
}

enum err eng__search_cache(struct engine *e, struct st_cache **ret)
{
    return eng__cache_new(e, ENG_CACHE_SEARCH,
                          &(struct st_cache_row){.key_label = "query",
                                                 .rank = 3,
                                                 .load = answer_load,
                                                 .free_value = answer_free,
                                                 .ctx = e},
                          ret);
}

/* --- the corpus
 * ------------------------------------------------------------------- */

enum err eng__search_open(struct engine *e)
{
    struct slice state = e->options.state_path;
    size_t slash = state.n;
    if (!state.n) return OK; /* no project */
    while (slash > 0 && state.p[slash - 1] != '/') slash--;
    struct slice path =
        arena_printf(&e->arena, "%.*sindex.db", (int)slash, state.p);
    if (!path.p) return ERR_NOMEM;
    enum err r = corpus_new(
        &(struct corpus_options){.index_path = path,
                                 .roots = e->options.standards,
                                 .roots_count = e->options.standards_count,
                                 .pool = e->options.pool,
                                 .watch = e->watch},
        &e->corpus);
    if (r || !e->options.embedder || !e->options.pool) return r;
    return embed_new(e, &e->embed);
}

void eng__search_close(struct engine *e)
{
    embed_free(e->embed);
    e->embed = NULL;
    corpus_free(e->corpus);
    e->corpus = NULL;
}

/* --- the operation
 * ----------------------------------------------------------------- */

static enum err refuse(struct eng_call *c, const char *what, const char *why,
                       const char *how_to_fix)
{
    return problem_set(&c->problem, ERR_INVALID_PARAMETER, slice_of(what),
                       slice_of(why), slice_of(how_to_fix));
}

static enum err check(struct eng_call *c, const struct eng_search_args *args)
{
    if (args->n_results < 0 || args->n_results > RESULTS_MOST)
        return refuse(c, "n_results", "It is a number from 0 to 50.",
                      "Ask for fewer results.");
    if (args->query.n > QUERY_MOST)
        return refuse(c, "query", "A query has at most 64 KiB.",
                      "Ask with a few words of the subject.");
    if (args->filter_tags_count > TAGS_MOST)
        return refuse(c, "filter_tags", "At most 64 tags can be given.",
                      "Name fewer tags.");
    return OK;
}

static struct slice low(struct arena *a, struct slice s)
{
    char *p = arena_alloc(a, s.n + 1);
    for (size_t i = 0; p && i < s.n; i++)
        p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i];
    return (struct slice){p, p ? s.n : 0};
}

/* The parts of a search, as progress and `incomplete` name them. */
#define WORDS "words"
#define VECTORS "vectors"

static void tell_part(struct eng_call *c, const char *part, const char *status)
{
    if (c->part) c->part(c, part, status);
}

static enum err key_of(struct engine *e, struct eng_call *c,
                       const struct eng_search_args *args,
                       const struct corpus_state *state,
                       struct embed_vector *ret_vector, struct buf *out)
{
    struct search_key *k = ARENA_NEW(c->arena, struct search_key);
    if (!k) return ERR_NOMEM;
    k->root = e->options.root;
    k->file = state->index.file;
    k->revision = state->index.revision;
    k->n_results = args->n_results;
    k->phase = args->filter_phase;
    k->highlights = args->highlights;
    k->snippets = args->snippets;
    k->path_prefix = args->path_prefix;
    while (slice_starts(k->path_prefix, SLICE("./")))
        k->path_prefix = slice_sub(k->path_prefix, 2, k->path_prefix.n);
    for (size_t i = 0; i < args->filter_tags_count; i++)
        k->tags[k->tags_count++] = low(c->arena, args->filter_tags[i]);
    k->query = one_line(c->arena, args->query);
    if (!k->query.p) return ERR_NOMEM;
    if (e->embed) {
        tell_part(c, VECTORS, "started");
        enum err r =
            embed_query(e->embed, slice_sub(k->query, 0, EMBEDDED_MOST),
                        c->cancel, c->arena, ret_vector);
        tell_part(c, VECTORS,
                  r || ret_vector->cut ? "cancelled"
                  : !ret_vector->value ? "failed"
                                       : "completed");
        if (r) return r;
        embed_fill(e->embed, &state->index, clock_now());
        k->vector = (struct slice){(const char *)ret_vector->value,
                                   ret_vector->dimension * sizeof(float)};
        k->vectors = state->index.vectors;
    }
    key_write(out, k);
    return out->err;
}

static enum err get(struct engine *e, struct eng_call *c, struct slice key,
                    const struct answer **ret, bool *ret_cached)
{
    struct st_entry *entry;
    enum st_source source;
    struct st_get how = {.now = c->now, .cancel = c->cancel};
    enum err r =
        st_cache_get(e->cache[ENG_CACHE_SEARCH], key, &how, &source, &entry);
    if (r) return r;
    r = arena_hold(c->arena, (void (*)(void *))st_entry_unref, entry);
    if (r) return r;
    *ret = st_entry_value(entry);
    *ret_cached = source == ST_FRESH || source == ST_STALE;
    return OK;
}

static void reply(struct eng_call *c, const struct answer *v, bool cached,
                  const struct corpus_state *state,
                  const struct embed_vector *vector, int64_t began)
{
    struct json_writer w = json_writer(&c->out->plain);
    struct slice plain = buf_slice(&v->plain);
    json_begin_object(&w);
    twin_splice_members(c->out, &w,
                        (struct twin_fragment){slice_sub(plain, 1, plain.n - 2),
                                               buf_slice(&v->escaped)});
    json_key(&w, SLICE("query_time_ms"));
    int64_t us = (clock_now() - began) / 1000;
    json_number(&w, (double)us / 1000);
    json_put_bool(&w, "cached", cached);
    if (vector->cut) {
        json_key(&w, SLICE("incomplete"));
        json_begin_array(&w);
        json_begin_object(&w);
        json_put_string(&w, "part", slice_of(VECTORS));
        json_put_string(&w, "status", SLICE("cancelled"));
        json_put_string(&w, "why", vector->degraded);
        json_end_object(&w);
        json_end_array(&w);
    }
    if (vector->degraded.n) {
        json_key(&w, SLICE("degraded"));
        json_begin_array(&w);
        json_string(&w, vector->degraded);
        json_end_array(&w);
    }
    if (state->building) {
        json_key(&w, SLICE("indexing"));
        json_begin_object(&w);
        json_put_int(&w, "files_done", (int64_t)state->done);
        json_put_int(&w, "files_total", (int64_t)state->total);
        json_end_object(&w);
    }
    json_end_object(&w);
}

static enum err fail(struct eng_call *c, enum err e)
{
    if (e == ERR_CANCELLED || e == ERR_DEADLINE)
        return eng__problem_cancelled(c, e);
    if (e == ERR_NOMEM) return eng__problem_nomem(c);
    if (!c->problem.what.n)
        problem_set(&c->problem, e, SLICE("the index of the standards"),
                    SLICE("It could not be read."),
                    SLICE("Search again; if it goes on, delete "
                          ".phasegate/index.db, it is made anew."));
    return e;
}

bool eng_search_building(struct engine *e, uint64_t *ret_done,
                         uint64_t *ret_total)
{
    return e->corpus && corpus_building(e->corpus, ret_done, ret_total);
}

/* One attempt. */
static enum err answer(struct engine *e, struct eng_call *c,
                       const struct eng_search_args *args, int64_t began)
{
    struct corpus_state state;
    const struct answer *v = NULL;
    bool cached = false;
    enum err r =
        corpus_current(e->corpus, c->cancel, c->arena, &c->problem, &state);
    if (r) return r;
    struct buf key = BUF_INIT(256 << 10);
    struct embed_vector vector = {0};
    r = key_of(e, c, args, &state, &vector, &key);
    bool began_words = !r;
    if (began_words && e->embed) tell_part(c, WORDS, "started");
    if (!r) r = get(e, c, buf_slice(&key), &v, &cached);
    buf_done(&key);
    if (e->embed && began_words)
        tell_part(c, WORDS, r ? "failed" : "completed");
    if (!r) reply(c, v, cached, &state, &vector, began);
    return eng__settled(c, r);
}

enum err eng_search_standards(struct engine *e, struct eng_call *c,
                              const struct eng_search_args *args)
{
    enum { TRIES = 3 };
    if (c->on_loop) return ERR_AGAIN;
    if (!e->corpus) return eng__problem_no_project(c);
    int64_t began = clock_now();
    enum err r = check(c, args);
    if (r) return r;
    r = cancel_check(c->cancel, began);
    for (int i = 0; !r && i < TRIES; i++) {
        r = answer(e, c, args, began);
        if (!r) return OK;
        /* The file went wrong between the look at it and the search. */
        if (i + 1 < TRIES && corpus_mend(e->corpus, r, c->arena)) r = OK;
    }
    return fail(c, r == ERR_AGAIN ? ERR_STORE_BUSY : r);
}
