/* Search with vectors: an embedder of our own that fails as it is told. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/health.h"
#include "mcp/tools/tools.h"
#include "state/index.h"
#include "tests/unit/mcp_fixture.h"
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
    float *values = ARENA_ARRAY(a, float, count * n + 1);
    for (size_t i = 0; n && i < count; i++) embed_one(texts[i], n, values + i * n);
    if (count > 1) atomic_fetch_add(&f->texts, (int)count);
    *ret = (struct eng_vectors){values, n};
    return (struct provider_ended){PROVIDER_ANSWERED, 0};
}

struct world {
    struct fixture f;
    struct fake fake;
    int asked; /* before a question */
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

TEST(embed, a_vector_of_no_length_or_beyond_the_ceiling_is_no_answer)
{
    static const size_t lengths[] = {0, ST_VECTOR_MOST + 1};
    for (size_t i = 0; i < 2; i++) {
        struct world w;
        struct outcome o;
        world_make(&w);
        wait_hybrid(&w, "ocean");
        w.fake.dimension = lengths[i];
        ask(&w, &o, "feline");
        CHECK_TEXT_EQ(first_file(&o), "pets.md");
        CHECK_TEXT_EQ(text_at(&o, "retrieval_method"), "bm25");
        CHECK_CONTAINS(degraded(&o),
                       provider_result_name(PROVIDER_MALFORMED));
        outcome_done(&o);
        world_done(&w);
    }
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

/* --- the parts of a search -------------------------------------------------- */

struct parts {
    struct eng_call *call;
    char told[256];
};
static struct parts parts; /* of the one call that listens */

static void on_part(struct eng_call *c, const char *part, const char *status)
{
    size_t n = strlen(parts.told);
    CHECK(c == parts.call);
    CHECK_INT_EQ(c->out->plain.n, 0); /* all of it before the answer */
    snprintf(parts.told + n, sizeof(parts.told) - n, "%s %s\n", part, status);
}

static void ask_listening(struct world *w, struct outcome *o,
                          const struct cancel *cancel, const char *query)
{
    struct eng_search_args args = {.query = slice_of(query),
                                   .n_results = 5,
                                   .filter_phase = ENG_ABSENT};
    outcome_begin(o);
    parts = (struct parts){.call = &o->call};
    o->call.part = on_part;
    o->call.cancel = cancel;
    CHECK_OK(outcome_end(o, eng_search_standards(w->f.engine, &o->call, &args)));
}

/* E10 */
TEST(embed, each_part_of_a_search_begins_and_ends_once_before_the_answer)
{
    struct world w;
    struct outcome o;
    world_make(&w);
    wait_hybrid(&w, "ocean");
    ask_listening(&w, &o, NULL, "feline");
    CHECK_TEXT_EQ(slice_of(parts.told), "vectors started\n"
                                        "vectors completed\n"
                                        "words started\n"
                                        "words completed\n");
    outcome_done(&o);
    w.fake.result = PROVIDER_BROKEN;
    ask_listening(&w, &o, NULL, "bread");
    CHECK_TEXT_EQ(slice_of(parts.told), "vectors started\n"
                                        "vectors failed\n"
                                        "words started\n"
                                        "words completed\n");
    outcome_done(&o);
    world_done(&w);
}

/* Once the endpoint is asked: so late that only the answer has time left. */
static void *pass_time(void *ctx)
{
    struct world *w = ctx;
    while (w->fake.asked == w->asked) usleep(1000);
    clock_fake_advance(600 * NS_PER_MS);
    return NULL;
}

/* E08 */
TEST(embed, a_search_out_of_time_gives_the_part_it_has_and_names_the_other)
{
    struct world w;
    struct outcome o;
    struct cancel cancel;
    world_make(&w);
    wait_hybrid(&w, "ocean");
    w.fake.hold = true;
    w.fake.result = PROVIDER_CANCELLED;
    w.asked = w.fake.asked;
    clock_fake(clock_now(), clock_wall_ms());
    cancel_init(&cancel, clock_now() + 700 * NS_PER_MS);
    pthread_t t;
    CHECK_INT_EQ(pthread_create(&t, NULL, pass_time, &w), 0);
    ask_listening(&w, &o, &cancel, "bread");
    const struct json *lost = json_get(o.out, SLICE("incomplete"));
    CHECK(lost && lost->count == 1);
    CHECK_TEXT_EQ(json_text(json_get(&lost->items[0], SLICE("part"))),
                  "vectors");
    CHECK_TEXT_EQ(json_text(json_get(&lost->items[0], SLICE("status"))),
                  "cancelled");
    CHECK_INT_GT(json_text(json_get(&lost->items[0], SLICE("why"))).n, 0);
    CHECK_TEXT_EQ(text_at(&o, "retrieval_method"), "bm25");
    CHECK_TEXT_EQ(slice_of(parts.told), "vectors started\n"
                                        "vectors cancelled\n"
                                        "words started\n"
                                        "words completed\n");
    CHECK_INT_EQ(pthread_join(t, NULL), 0);
    outcome_done(&o);
    w.fake.hold = false;
    clock_real();
    world_done(&w);
}

/* --- one set of numbers, told in three places -------------------------------- */

static void *search_words(void *ctx)
{
    struct searcher *s = ctx;
    struct outcome o;
    ask(s->w, &o, "vehicle");
    outcome_done(&o);
    return NULL;
}

/* Ten that ask for one thing that is not there yet. */
static void ten_at_once(struct world *w)
{
    struct searcher s[10];
    w->fake.hold = true;
    for (int i = 0; i < 10; i++) {
        s[i] = (struct searcher){w, 0, NULL};
        CHECK_INT_EQ(pthread_create(&s[i].thread, NULL, search_words, &s[i]),
                     0);
    }
    while (waiting(w) < 9) usleep(1000);
    w->fake.hold = false;
    for (int i = 0; i < 10; i++) pthread_join(s[i].thread, NULL);
}

static int64_t count_in(const struct json *caches, struct slice cache,
                        const char *name)
{
    int64_t n;
    const struct json *c = json_get(caches, cache);
    if (!c) FAIL("no cache %.*s", SLICE_ARG(cache));
    if (!json_int64(json_get(c, slice_of(name)), &n)) FAIL("no %s", name);
    return n;
}

static int64_t more_of(const struct json *before, const struct json *after,
                       const char *name)
{
    struct slice cache = SLICE("embeddings");
    return count_in(after, cache, name) - count_in(before, cache, name);
}

static int64_t count_of(struct slice metrics, struct slice cache,
                        const char *family, const char *label)
{
    struct slice line =
        arena_printf(test_arena(), "\nphasegate_cache_%s{cache=\"%.*s\"%s} ",
                     family, SLICE_ARG(cache), label);
    size_t at = slice_find(metrics, line);
    if (at == metrics.n) FAIL("no %.*s", SLICE_ARG(line));
    return strtoll(metrics.p + at + line.n, NULL, 10);
}

static const struct {
    const char *member, *family, *label;
} told_rows[] = {{"hits", "lookups_total", ",result=\"hit\""},
                 {"misses", "lookups_total", ",result=\"miss\""},
                 {"double_loads", "lookups_total", ",result=\"double_load\""},
                 {"lock_waits", "lock_waits_total", ""},
                 {"waiters", "waiters_total", ""},
                 {"loads", "loads_total", ""},
                 {"entries", "entries", ""},
                 {"bytes", "bytes", ""}};

/* Prometheus text: a family is told once, before its samples. */
static void check_families(struct slice text)
{
    struct slice rest = text, line;
    while (slice_split(&rest, '\n', &line)) {
        if (!slice_starts(line, SLICE("# HELP "))) continue;
        struct slice name = slice_sub(line, 7, line.n);
        name = slice_sub(name, 0, slice_find_byte(name, ' '));
        struct slice type =
            arena_printf(test_arena(), "\n# TYPE %.*s ", SLICE_ARG(name));
        struct slice help =
            arena_printf(test_arena(), "# HELP %.*s ", SLICE_ARG(name));
        size_t at = slice_find(text, type);
        CHECK_INT_LT(at, text.n);
        CHECK_INT_EQ(slice_find(slice_sub(text, at + 1, text.n), type),
                     text.n - at - 1);
        CHECK_INT_EQ(slice_find(rest, help), rest.n);
    }
}

static const struct json *document_of(struct cli_health *h)
{
    struct buf b = BUF_INIT(1 << 20);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    cli_health_document(h, &w);
    json_end_object(&w);
    const struct json *v =
        fake_json(arena_copy(test_arena(), buf_slice(&b)));
    buf_done(&b);
    return v;
}

static const struct json *info_of(struct world *w)
{
    static struct tools_app app;
    struct mcp_server_config conf;
    tools_app_init(&app, w->f.engine);
    tools_config(&app, NULL, &conf);
    struct fake_server *fs = fake_server_of(&conf, MCP_STDIO);
    const struct json *v = fake_json(arena_copy(
        test_arena(), fake_say(fs, fake_call("1", "get_server_info", "{}"))));
    fake_server_free(fs);
    return json_at(v, "result", "structuredContent", "caches", NULL);
}

/* B09 */
TEST(embed, page_tool_and_metrics_tell_the_same_numbers_of_a_cache)
{
    struct world w;
    struct permits *ps;
    struct permit_options limits;
    struct mcp_server *mcp;
    struct cli_health *h;
    struct mcp_server_config conf = {.name = "x", .version = "1"};
    struct buf text = BUF_INIT(1 << 20);
    world_make(&w);
    wait_hybrid(&w, "ocean");
    permit_options_init(&limits);
    CHECK_OK(permits_new(&limits, &ps));
    CHECK_OK(mcp_server_new(&conf, &mcp));
    struct cli_health_config hc = {.engine = w.f.engine,
                                   .pool = w.f.pool,
                                   .mcp = mcp,
                                   .permits = ps,
                                   .version = SLICE("1"),
                                   .file_ms = 10000,
                                   .collect_ms = 60000,
                                   .loop_lag_ms = 100,
                                   .loop_stall_ms = 5000,
                                   .memory_warn_mb = 512,
                                   .permits_check_ms = 30000};
    CHECK_OK(cli_health_new(&hc, &h));
    cli_health_tick(h, clock_now());
    const struct json *before = json_get(document_of(h), SLICE("caches"));
    ten_at_once(&w);
    cli_health_tick(h, clock_now());
    const struct json *page = json_get(document_of(h), SLICE("caches"));
    const struct json *tool = info_of(&w);
    cli_health_metrics(h, &text);
    struct slice metrics = buf_slice(&text);
    CHECK_INT_EQ(more_of(before, page, "misses"), 1);
    CHECK_INT_EQ(more_of(before, page, "double_loads"), 9);
    CHECK_INT_EQ(more_of(before, page, "waiters"), 9);
    CHECK_INT_EQ(page->count, tool->count);
    for (size_t i = 0; i < page->count; i++) {
        struct slice cache = page->members[i].key;
        for (size_t k = 0; k < sizeof(told_rows) / sizeof(told_rows[0]); k++) {
            int64_t n = count_in(page, cache, told_rows[k].member);
            CHECK_INT_EQ(count_in(tool, cache, told_rows[k].member), n);
            CHECK_INT_EQ(count_of(metrics, cache, told_rows[k].family,
                                  told_rows[k].label),
                         n);
        }
    }
    check_families(metrics);
    cli_health_free(h);
    mcp_server_free(mcp);
    permits_free(ps);
    buf_done(&text);
    world_done(&w);
}

/* --- what vectors find goes by the same rules ---------------------------------
 */

static void search(struct world *w, struct outcome *o, const char *query,
                   int64_t most, int64_t phase)
{
    struct eng_search_args args = {.query = slice_of(query),
                                   .n_results = most,
                                   .filter_phase = phase};
    CHECK_OK(CALL(o, eng_search_standards(w->f.engine, &o->call, &args)));
}

static struct slice file_at(const struct outcome *o, uint32_t i)
{
    const struct json *r = json_get(o->out, SLICE("results"));
    return json_text(json_get(&r->items[i], SLICE("file")));
}

TEST(embed, a_phase_keeps_out_what_is_near_and_of_another)
{
    struct world w;
    struct outcome o;
    world_make(&w);
    put(&w, "one.md", "# Phase 1: Home\nA cat lives here.\n");
    put(&w, "two.md", "# Phase 2: Away\nThe cat is not here.\n");
    wait_hybrid(&w, "ocean");
    search(&w, &o, "kitten", 5, 2);
    CHECK_TEXT_EQ(text_at(&o, "retrieval_method"), "hybrid");
    CHECK_INT_EQ(json_get(o.out, SLICE("results"))->count, 1);
    CHECK_TEXT_EQ(file_at(&o, 0), "two.md");
    outcome_done(&o);
    search(&w, &o, "kitten", 5, 3);
    CHECK_INT_EQ(json_get(o.out, SLICE("results"))->count, 0);
    outcome_done(&o);
    world_done(&w);
}

/* One text that says it eight times leaves places to the others. */
TEST(embed, a_text_of_many_near_passages_does_not_take_all_places)
{
    struct world w;
    struct outcome o;
    struct buf b = BUF_INIT(4096);
    world_make(&w);
    for (int i = 0; i < 8; i++)
        buf_printf(&b, "# Part %d\nThe vehicle, number %d of many.\n", i, i);
    buf_putc(&b, '\0');
    put(&w, "all.md", b.p);
    put(&w, "other.md", "# Other\nA vehicle too.\n");
    wait_hybrid(&w, "ocean");
    search(&w, &o, "car", 5, ENG_ABSENT);
    CHECK_TEXT_EQ(text_at(&o, "retrieval_method"), "hybrid");
    CHECK_INT_EQ(json_get(o.out, SLICE("results"))->count, 5);
    bool other = false, garage = false;
    for (uint32_t i = 0; i < 5; i++) {
        other |= slice_eq(file_at(&o, i), SLICE("other.md"));
        garage |= slice_eq(file_at(&o, i), SLICE("garage.md"));
    }
    CHECK(other && garage);
    outcome_done(&o);
    buf_done(&b);
    world_done(&w);
}
