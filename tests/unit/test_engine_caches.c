/* The engine's own caches under many threads: one object for each key, one
 * load of it, and what is counted adds up. */
#include <stdatomic.h>
#include <stdio.h>

#include "base/log.h"
#include "engine/checkpoint.h"
#include "engine/core.h"
#include "engine/definition.h"
#include "engine/session.h"
#include "tests/unit/session_kit.h"

enum { THREADS = 10 };

struct race {
    struct fixture f;
    struct slice id;
    const struct eng_definition *definition;
    int rounds;
    pthread_barrier_t together;
    const void *seen[THREADS];
    atomic_int wrong;
};

static uint64_t count_of(struct race *r, enum eng_cache which,
                         enum st_metric metric)
{
    struct st_cache_stats s;
    st_cache_stats(r->f.engine->cache[which], &s);
    return s.count[metric];
}

static uint64_t total_of(struct race *r, enum eng_cache which)
{
    return count_of(r, which, ST_METRIC_hits) +
           count_of(r, which, ST_METRIC_misses) +
           count_of(r, which, ST_METRIC_double_loads);
}

/* Cleared by one before each round; all ask at once, and all that see are one.
 * The arena of each call keeps its reference until all have looked. */
static void rounds(struct race *r, int i, enum eng_cache which,
                   const void *(*ask)(struct race *r, struct eng_call *c))
{
    for (int n = 0; n < r->rounds; n++) {
        struct outcome o;
        outcome_begin(&o);
        if (i == 0) (void)st_cache_clear(r->f.engine->cache[which]);
        (void)pthread_barrier_wait(&r->together);
        r->seen[i] = ask(r, &o.call);
        (void)pthread_barrier_wait(&r->together);
        if (r->seen[i] != r->seen[0]) r->wrong++;
        (void)pthread_barrier_wait(&r->together);
        outcome_done(&o);
    }
}

static const void *ask_session(struct race *r, struct eng_call *c)
{
    const struct eng_snapshot *s;
    CHECK_OK(eng__session_get(r->f.engine, c, r->id, &s));
    return s;
}

static void race_sessions(void *ctx, int i)
{
    rounds(ctx, i, ENG_CACHE_SESSIONS, ask_session);
}

static const void *ask_checkpoint(struct race *r, struct eng_call *c)
{
    const struct eng_gate *gate;
    CHECK_OK(eng__checkpoint_get(r->f.engine, c, r->definition, 1, &gate));
    return gate;
}

static void race_checkpoints(void *ctx, int i)
{
    rounds(ctx, i, ENG_CACHE_CHECKPOINTS, ask_checkpoint);
}

/* One load a round, whoever it was that made it. */
static void race(struct race *r, enum eng_cache which,
                 void (*run)(void *ctx, int i))
{
    uint64_t loads = count_of(r, which, ST_METRIC_loads);
    uint64_t misses = count_of(r, which, ST_METRIC_misses);
    uint64_t total = total_of(r, which);
    CHECK_INT_EQ(pthread_barrier_init(&r->together, NULL, THREADS), 0);
    test_threads(THREADS, run, r);
    pthread_barrier_destroy(&r->together);
    CHECK_INT_EQ(r->wrong, 0);
    CHECK_INT_EQ(count_of(r, which, ST_METRIC_loads) - loads, r->rounds);
    CHECK_INT_EQ(count_of(r, which, ST_METRIC_misses) - misses, r->rounds);
    CHECK_INT_EQ(total_of(r, which) - total, (uint64_t)r->rounds * THREADS);
    CHECK_INT_EQ(count_of(r, which, ST_METRIC_duplicate_runs), 0);
}

static void silent(void *ctx, struct slice line)
{
    (void)ctx, (void)line;
}

static atomic_int warned; /* of a double load of a checkpoint, by name */

static void hear(void *ctx, struct slice line)
{
    (void)ctx;
    warned +=
        slice_find(line, SLICE("prevented by lock. checkpoint=")) < line.n &&
        slice_find(line, SLICE(" cache=checkpoints checkpoint=")) < line.n;
}

static void race_make(struct race *r)
{
    struct outcome o;
    *r = (struct race){.rounds = test_sanitized() ? 100 : 1000};
    fixture_init(&r->f, kit_workflows());
    r->id = kit_begin(&r->f, "x.md");
    outcome_begin(&o);
    r->definition =
        ((const struct eng_snapshot *)ask_session(r, &o.call))->definition;
    r->definition = eng_definition_ref((void *)(uintptr_t)r->definition);
    outcome_done(&o);
    log_divert(silent, NULL); /* a warning for each prevented load */
}

static void race_done(struct race *r)
{
    log_divert(NULL, NULL);
    eng_definition_unref((void *)(uintptr_t)r->definition);
    fixture_done(&r->f);
}

TEST(engine_caches, of_ten_that_ask_for_a_session_all_get_the_same,
     .timeout_s = 120)
{
    struct race r;
    race_make(&r);
    race(&r, ENG_CACHE_SESSIONS, race_sessions);
    race_done(&r);
}

TEST(engine_caches, a_gates_requirements_are_loaded_once_for_ten,
     .timeout_s = 120)
{
    struct race r;
    race_make(&r);
    log_divert(hear, NULL);
    race(&r, ENG_CACHE_CHECKPOINTS, race_checkpoints);
    uint64_t prevented =
        count_of(&r, ENG_CACHE_CHECKPOINTS, ST_METRIC_double_loads);
    CHECK_INT_EQ(warned > 0, prevented > 0); /* the first ones, at least */
    race_done(&r);
}

TEST(engine_caches, read_a_second_time_they_are_a_hit)
{
    struct race r;
    struct outcome o;
    race_make(&r);
    outcome_begin(&o);
    const void *first = ask_checkpoint(&r, &o.call);
    uint64_t loads = count_of(&r, ENG_CACHE_CHECKPOINTS, ST_METRIC_loads);
    uint64_t hits = count_of(&r, ENG_CACHE_CHECKPOINTS, ST_METRIC_hits);
    CHECK(ask_checkpoint(&r, &o.call) == first);
    CHECK_INT_EQ(count_of(&r, ENG_CACHE_CHECKPOINTS, ST_METRIC_loads), loads);
    CHECK_INT_EQ(count_of(&r, ENG_CACHE_CHECKPOINTS, ST_METRIC_hits), hits + 1);
    outcome_done(&o);
    race_done(&r);
}

/* --- search: ten ask, one sweeps, one clears ---------------------------------
 */

struct searching {
    struct fixture f;
    atomic_int left; /* of the searchers */
};

static void search_or_care(void *ctx, int i)
{
    struct searching *s = ctx;
    struct st_cache *ca = s->f.engine->cache[ENG_CACHE_SEARCH];
    static const char *const words[] = {"alpha", "beta", "gamma"};
    if (i >= THREADS) {
        while (s->left) {
            if (i == THREADS)
                (void)st_cache_sweep(ca, clock_now());
            else
                (void)st_cache_clear(ca);
            (void)sched_yield();
        }
        return;
    }
    for (int n = 0; n < (test_sanitized() ? 20 : 100); n++) {
        struct outcome o;
        struct eng_search_args args = {.query = slice_of(words[(n + i) % 3]),
                                       .n_results = 3,
                                       .filter_phase = ENG_ABSENT};
        CHECK_OK(CALL(&o, eng_search_standards(s->f.engine, &o.call, &args)));
        CHECK_INT_EQ(json_get(o.out, SLICE("results"))->count, 1);
        outcome_done(&o);
    }
    s->left--;
}

TEST(engine_caches, ten_search_while_one_sweeps_and_one_clears,
     .timeout_s = 120)
{
    struct searching s = {.left = THREADS};
    struct st_cache_stats st;
    struct slice folder;
    fixture_init(&s.f, kit_workflows());
    folder = arena_printf(test_arena(), "%.*s/.phasegate/standards%c",
                          SLICE_ARG(s.f.root), '\0');
    CHECK_OK(path_make(slice_of(folder.p), 0755));
    kit_put(folder.p, "a.md", "# One\nalpha\n");
    kit_put(folder.p, "b.md", "# Two\nbeta\n");
    kit_put(folder.p, "c.md", "# Three\ngamma\n");
    s.f.standards = slice_of(folder.p);
    s.f.caches[ENG_CACHE_SEARCH] = (struct eng_cache_options){
        .entries_max = 100, .bytes_max = 8 << 20, .ttl_ms = 1};
    fixture_restart(&s.f);
    log_divert(silent, NULL);
    test_threads(THREADS + 2, search_or_care, &s);
    log_divert(NULL, NULL);
    struct st_cache *ca = s.f.engine->cache[ENG_CACHE_SEARCH];
    (void)st_cache_clear(ca);
    st_cache_stats(ca, &st);
    CHECK_INT_EQ(st.entries, 0);
    CHECK_INT_EQ(st.bytes, 0);
    CHECK_INT_EQ(st.flights, 0);
    CHECK_INT_EQ(st.count[ST_METRIC_duplicate_runs], 0);
    CHECK_INT_EQ(st.count[ST_METRIC_load_failures], 0);
    fixture_done(&s.f);
}

/* What nobody asks for any more does not stay until it is evicted. */
TEST(engine_caches, the_keepers_rounds_take_out_what_has_expired)
{
    struct fixture f;
    struct outcome o;
    struct st_cache_stats st;
    struct eng_search_args args = {.query = SLICE("alpha"),
                                   .n_results = 3,
                                   .filter_phase = ENG_ABSENT};
    fixture_init(&f, kit_workflows());
    f.standards = f.root;
    kit_put(test_tmpdir(), "a.md", "# One\nalpha\n");
    fixture_restart(&f);
    CHECK_OK(CALL(&o, eng_search_standards(f.engine, &o.call, &args)));
    outcome_done(&o);
    struct st_cache *ca = f.engine->cache[ENG_CACHE_SEARCH];
    st_cache_stats(ca, &st);
    CHECK_INT_EQ(st.entries, 1);
    int64_t later = clock_now() + 3600 * NS_PER_S; /* than ttl and stale */
    for (int second = 0; second < 30; second++) eng_tick(f.engine, later);
    st_cache_stats(ca, &st);
    CHECK_INT_EQ(st.entries, 0);
    fixture_done(&f);
}
