/* Search with vectors: an embedder of our own that fails as it is told. */
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/unit/engine_fixture.h"

enum { THEMES = 4, DIMENSION = THEMES + 1 };

/* Words that mean the same point the same way: what FTS5 cannot know. */
static const char *const themes[THEMES][4] = {
    {"automobile", "car", "vehicle", NULL},
    {"feline", "cat", "kitten", NULL},
    {"ocean", "sea", "tide", NULL},
    {"baker", "bread", "oven", NULL},
};

struct fake {
    struct eng_embedder embedder;
    _Atomic int result; /* enum provider_result of the next attempts */
    atomic_int asked;   /* attempts for one text: queries */
    atomic_int texts;   /* passages that were embedded */
    _Atomic bool hold;  /* attempts wait until it is false */
    _Atomic size_t dimension;
};

static void embed_one(struct slice text, size_t n, float *to)
{
    for (int t = 0; t < THEMES; t++)
        for (const char *const *w = themes[t]; *w; w++)
            if (slice_find(text, slice_of(*w)) < text.n) to[t] += 1;
    to[n - 1] = 0.01f;
}

static struct provider_ended fake_embed(void *ctx, const struct slice *texts,
                                        size_t count,
                                        const struct provider_attempt *at,
                                        struct arena *a,
                                        struct eng_vectors *ret)
{
    struct fake *f = ctx;
    size_t n = atomic_load(&f->dimension);
    if (count == 1) atomic_fetch_add(&f->asked, 1);
    while (atomic_load(&f->hold) && !cancel_check(at->cancel, clock_now()))
        usleep(1000);
    enum provider_result result = (enum provider_result)atomic_load(&f->result);
    if (result != PROVIDER_ANSWERED) return (struct provider_ended){result, 0};
    float *values = ARENA_ARRAY(a, float, count *n);
    for (size_t i = 0; i < count; i++) embed_one(texts[i], n, values + i * n);
    if (count > 1) atomic_fetch_add(&f->texts, (int)count);
    *ret = (struct eng_vectors){values, n};
    return (struct provider_ended){PROVIDER_ANSWERED, 0};
}

struct world {
    struct fixture f;
    struct fake fake;
    struct slice standards;
    struct providers_options guards;
};

static void silent(void *ctx, struct slice line)
{
    (void)ctx, (void)line;
}

static void put(struct world *w, const char *name, const char *text)
{
    FILE *f =
        fopen(path_join(test_arena(), w->standards, slice_of(name)).p, "w");
    CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void world_open(struct world *w)
{
    struct problem p;
    problem_init(&p);
    CHECK_OK(eng_open(&(struct eng_options){.root = w->f.root,
                                            .standards = &w->standards,
                                            .standards_count = 1,
                                            .providers = &w->guards,
                                            .embedder = &w->fake.embedder,
                                            .pool = w->f.pool},
                      test_arena(), &p, &w->f.engine));
}

static void world_make(struct world *w)
{
    *w = (struct world){0};
    log_divert(silent, NULL);
    providers_options_init(&w->guards);
    w->guards.retry_attempts = 1;
    w->fake.result = PROVIDER_ANSWERED;
    w->fake.dimension = DIMENSION;
    w->fake.embedder = (struct eng_embedder){SLICE("themes-1"), 20 * NS_PER_S,
                                             fake_embed, &w->fake};
    CHECK_OK(path_canonical(slice_of(test_tmpdir()), test_arena(), &w->f.root));
    w->standards = path_join(test_arena(), w->f.root, SLICE("standards"));
    CHECK_OK(path_make(w->standards, 0755));
    put(w, "garage.md", "# Parking\nEvery automobile has its place.\n");
    put(w, "pets.md", "# Animals\nThe feline sleeps on the sofa.\n");
    put(w, "coast.md", "# Coast\nThe ocean is cold here.\n");
    put(w, "kitchen.md", "# Kitchen\nA baker gets up early.\n");
    CHECK_OK(pool_new("worker", 4, 4096, &w->f.pool));
    world_open(w);
}

static void world_done(struct world *w)
{
    eng_stop(w->f.engine);
    fixture_done(&w->f);
}

static void ask(struct world *w, struct outcome *o, const char *query)
{
    struct eng_search_args args = {
        .query = slice_of(query), .n_results = 2, .filter_phase = ENG_ABSENT};
    CHECK_OK(CALL(o, eng_search_standards(w->f.engine, &o->call, &args)));
}

static struct slice text_at(const struct outcome *o, const char *key)
{
    return json_text(json_get(o->out, slice_of(key)));
}

static struct slice degraded(const struct outcome *o)
{
    const struct json *d = json_get(o->out, SLICE("degraded"));
    return d ? json_text(&d->items[0]) : (struct slice){0};
}

static struct slice first_file(const struct outcome *o)
{
    const struct json *r = json_get(o->out, SLICE("results"));
    return r->count ? json_text(json_get(&r->items[0], SLICE("file")))
                    : (struct slice){0};
}

/* Until the passages have their vectors. */
static void wait_hybrid(struct world *w, const char *query)
{
    for (;;) {
        struct outcome o;
        ask(w, &o, query);
        bool hybrid =
            slice_eq(text_at(&o, "retrieval_method"), SLICE("hybrid"));
        outcome_done(&o);
        if (hybrid) return;
        usleep(5000);
    }
}

TEST(embed, what_means_the_same_is_found_without_a_word_in_common)
{
    struct world w;
    struct outcome o;
    world_make(&w);
    wait_hybrid(&w, "ocean");
    ask(&w, &o, "kitten");
    CHECK_TEXT_EQ(first_file(&o), "pets.md");
    CHECK_TEXT_EQ(text_at(&o, "retrieval_method"), "hybrid");
    CHECK(!degraded(&o).n);
    outcome_done(&o);
    ask(&w, &o, "car");
    CHECK_TEXT_EQ(first_file(&o), "garage.md");
    outcome_done(&o);
    world_done(&w);
}

TEST(embed, vectors_are_kept_by_content_over_renames_and_restarts)
{
    struct world w;
    world_make(&w);
    wait_hybrid(&w, "ocean");
    int texts = w.fake.texts;
    CHECK_INT_EQ(texts, 4);
    struct slice from = path_join(test_arena(), w.standards, SLICE("pets.md"));
    struct slice to = path_join(test_arena(), w.standards, SLICE("cats.md"));
    CHECK_INT_EQ(rename(from.p, to.p), 0);
    wait_hybrid(&w, "tide");
    eng_stop(w.f.engine);
    eng_close(w.f.engine);
    world_open(&w);
    wait_hybrid(&w, "sea");
    CHECK_INT_EQ(w.fake.texts, texts);
    world_done(&w);
}

struct failure_row {
    const char *label;
    enum provider_result result;
};

TEST_EACH(embed, no_failure_of_the_endpoint_fails_a_search, struct failure_row,
          row, {"refused by a 4xx", PROVIDER_REFUSED},
          {"no connection", PROVIDER_FAILED}, {"broken", PROVIDER_BROKEN},
          {"nonsense", PROVIDER_MALFORMED}, {"timeout", PROVIDER_TIMEOUT})
{
    struct world w;
    struct outcome o;
    world_make(&w);
    w.fake.result = (int)row->result;
    ask(&w, &o, "feline sofa");
    CHECK_TEXT_EQ(first_file(&o), "pets.md");
    CHECK_TEXT_EQ(text_at(&o, "retrieval_method"), "bm25");
    CHECK_CONTAINS(degraded(&o), "embed: ");
    CHECK_CONTAINS(degraded(&o), provider_result_name(row->result));
    outcome_done(&o);
    world_done(&w);
}

TEST(embed, an_endpoint_that_keeps_failing_is_left_alone_until_it_is_reset)
{
    struct world w;
    struct outcome o;
    world_make(&w);
    w.fake.result = PROVIDER_FAILED;
    for (int i = 0; i < 8; i++) {
        ask(&w, &o, "feline sofa");
        outcome_done(&o);
    }
    int asked = w.fake.asked;
    CHECK_INT_LE(asked, 5); /* the background's failures count too */
    ask(&w, &o, "feline sofa");
    CHECK_CONTAINS(degraded(&o), "embed: open, retry in ");
    CHECK_INT_EQ(w.fake.asked, asked);
    outcome_done(&o);
    w.fake.result = PROVIDER_ANSWERED;
    CHECK_OK(providers_reset(eng_providers(w.f.engine), SLICE("embed"),
                             clock_now()));
    ask(&w, &o, "feline sofa");
    CHECK(!degraded(&o).n);
    outcome_done(&o);
    world_done(&w);
}

TEST(embed, a_vector_of_another_length_matches_nothing_and_harms_nothing)
{
    struct world w;
    struct outcome o;
    world_make(&w);
    wait_hybrid(&w, "ocean");
    w.fake.dimension = DIMENSION + 3;
    ask(&w, &o, "feline");
    CHECK_TEXT_EQ(first_file(&o), "pets.md");
    CHECK_TEXT_EQ(text_at(&o, "retrieval_method"), "bm25");
    outcome_done(&o);
    world_done(&w);
}

struct searcher {
    struct world *w;
    pthread_t thread;
    atomic_int *stale;
};

static void *search_stale(void *ctx)
{
    struct searcher *s = ctx;
    struct outcome o;
    ask(s->w, &o, "kitten");
    if (slice_eq(text_at(&o, "retrieval_method"), SLICE("hybrid")) &&
        slice_find(degraded(&o), SLICE("older vector")) < degraded(&o).n)
        atomic_fetch_add(s->stale, 1);
    outcome_done(&o);
    return NULL;
}

static uint64_t waiting(struct world *w)
{
    static struct eng_facts facts;
    eng_facts_take(w->f.engine, clock_now(), &facts);
    for (size_t i = 0; i < facts.caches_count; i++)
        if (slice_eq(slice_of(facts.caches[i].name), SLICE("embeddings")))
            return facts.caches[i].stats.waiting;
    return 0;
}

/* I11 */
TEST(embed, ten_searches_of_a_hanging_endpoint_ask_once_and_use_the_old_vector)
{
    struct world w;
    struct outcome o;
    struct searcher s[10];
    atomic_int stale = 0;
    world_make(&w);
    wait_hybrid(&w, "ocean");
    ask(&w, &o, "kitten");
    outcome_done(&o);
    int64_t now = clock_now() + 25 * 3600 * NS_PER_S;
    clock_fake(now, clock_wall_ms()); /* expired, in the stale window */
    int asked = w.fake.asked;
    w.fake.hold = true;
    w.fake.result = PROVIDER_TIMEOUT;
    for (int i = 0; i < 10; i++) {
        s[i] = (struct searcher){&w, 0, &stale};
        CHECK_INT_EQ(pthread_create(&s[i].thread, NULL, search_stale, &s[i]),
                     0);
    }
    while (w.fake.asked == asked || waiting(&w) < 9) usleep(1000);
    w.fake.hold = false;
    for (int i = 0; i < 10; i++) pthread_join(s[i].thread, NULL);
    CHECK_INT_EQ(w.fake.asked, asked + 1);
    CHECK_INT_EQ(stale, 10);
    clock_real();
    world_done(&w);
}
