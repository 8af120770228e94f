/*
 * What a search costs: uncached on the real standards and on a hundred times
 * as many texts, from the cache, and making the index from nothing.
 *
 *   build/phasegate-tests --benchmark-only tests/bench/bench_search.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/engine_fixture.h"

static struct slice real_standards(void)
{
    struct slice root;
    CHECK_OK(path_canonical(
        arena_printf(test_arena(), "%s/real/standards", test_shared_dir()),
        test_arena(), &root));
    return root;
}

static struct slice hundredfold(void)
{
    struct slice from = real_standards();
    struct slice to = arena_printf(test_arena(), "%s/hundred", test_tmpdir());
    CHECK_OK(path_make(to, 0755));
    for (int i = 0; i < 100; i++) {
        struct slice command =
            arena_printf(test_arena(), "cp -r '%.*s' '%.*s/copy%d'",
                         SLICE_ARG(from), SLICE_ARG(to), i);
        CHECK_INT_EQ(system(command.p), 0);
    }
    return to;
}

static void open_on(struct fixture *f, struct slice *standards)
{
    struct problem p;
    problem_init(&p);
    *f = (struct fixture){0};
    CHECK_OK(path_canonical(slice_of(test_tmpdir()), test_arena(), &f->root));
    CHECK_OK(pool_new("worker", 4, 4096, &f->pool));
    CHECK_OK(eng_open(&(struct eng_options){.root = f->root,
                                            .standards = standards,
                                            .standards_count = 1,
                                            .pool = f->pool},
                      test_arena(), &p, &f->engine));
}

/* Subjects of the kind people ask for, rare words and common ones. */
static const char *const subjects[] = {
    "How do I handle errors?",   "test doubles",
    "code review checklist",     "retry with exponential backoff",
    "what are the naming rules", "database migrations and rollback",
    "workflow phases evidence",  "prevent race conditions",
    "documentation for an API",  "git commit message",
    "security of credentials",   "when should I use a lock",
    "performance budget",        "project standards",
};
enum { SUBJECTS = sizeof(subjects) / sizeof(subjects[0]) };

static bool is_building(const struct outcome *o)
{
    return json_get(o->out, SLICE("indexing")) != NULL;
}

static void search(struct fixture *f, const char *subject, int64_t n,
                   bool *ret_building)
{
    struct outcome o;
    struct eng_search_args args = {
        .query = slice_of(subject), .n_results = n, .filter_phase = ENG_ABSENT};
    outcome_begin(&o);
    CHECK_OK(outcome_end(&o, eng_search_standards(f->engine, &o.call, &args)));
    if (ret_building) *ret_building = is_building(&o);
    outcome_done(&o);
}

static void wait_until_built(struct fixture *f)
{
    bool building = true;
    for (int i = 0; building; i++) {
        char text[32];
        snprintf(text, sizeof(text), "are you done %d", i);
        search(f, text, 1, &building);
        if (building) usleep(200000);
    }
}

/* Punctuation is part of the cache's key and none of the index's words: each
 * query is another one for the one, and the same for the other. */
static const char *uncached(char text[256], unsigned i)
{
    size_t n = (size_t)snprintf(text, 128, "%s ", subjects[i % SUBJECTS]);
    for (unsigned k = i; k; k >>= 1) text[n++] = k & 1 ? '.' : ',';
    text[n] = '\0';
    return text;
}

static void uncached_searches(struct bench *bench, struct fixture *f)
{
    char text[256];
    static unsigned i;
    while (bench_next(bench)) search(f, uncached(text, i++), 5, NULL);
}

BENCH(search, uncached_on_real_standards, .needs = "shared")
{
    static struct fixture f;
    static struct slice root;
    if (!f.engine) {
        root = real_standards();
        open_on(&f, &root);
        wait_until_built(&f);
    }
    uncached_searches(bench, &f);
}

BENCH(search, cached_on_real_standards, .needs = "shared")
{
    static struct fixture f;
    static struct slice root;
    if (!f.engine) {
        root = real_standards();
        open_on(&f, &root);
        wait_until_built(&f);
    }
    while (bench_next(bench)) search(&f, subjects[0], 5, NULL);
}

BENCH(search, uncached_on_a_hundred_times_the_standards, .needs = "shared",
      .timeout_s = 600)
{
    static struct fixture f;
    static struct slice root;
    if (!f.engine) {
        root = hundredfold();
        open_on(&f, &root);
        wait_until_built(&f);
    }
    uncached_searches(bench, &f);
}

BENCH(search, index_from_nothing, .needs = "shared")
{
    struct slice root = real_standards();
    struct slice index =
        arena_printf(test_arena(), "%s/.phasegate/index.db", test_tmpdir());
    while (bench_next(bench)) {
        struct fixture f;
        unlink(arena_cstr(test_arena(), index));
        open_on(&f, &root);
        search(&f, "anything", 5, NULL);
        fixture_done(&f);
    }
}
