/*
 * The inside of tests/integration/test_instructions.c: paths run a thousand
 * times below a function whose instructions callgrind counts.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "state/cache.h"
#include "tests/bench/corpus_made.h"
#include "tests/unit/engine_fixture.h"

enum { CALLS = 1000, KEYS = 100 };

void counted_cache_hit(struct st_cache *ca, const struct slice *keys);
void counted_json_read(struct slice text, struct arena *a);
void counted_json_written(const struct json *v, struct buf *out);
void counted_search_made(struct engine *e, struct outcome *o,
                         const struct eng_search_args *args);

/* --- a hit -------------------------------------------------------------- */

__attribute__((noinline)) void counted_cache_hit(struct st_cache *ca,
                                                 const struct slice *keys)
{
    int64_t now = clock_coarse();
    for (int i = 0; i < CALLS; i++) {
        st_cache_pin();
        bench_use(st_cache_peek(ca, keys[i % KEYS], now));
        st_cache_unpin();
    }
}

static enum err load(void *ctx, struct slice key, const struct cancel *c,
                     struct st_loaded *ret)
{
    (void)ctx, (void)c;
    *ret = (struct st_loaded){.value = (void *)(uintptr_t)key.p, .bytes = 1};
    return OK;
}

TEST(counted, cache_hit)
{
    struct slice keys[KEYS];
    struct st_cache *ca;
    CHECK_OK(st_cache_new(&(struct st_cache_row){.name = "counted",
                                                 .entries_max = 1000,
                                                 .bytes_max = 1 << 20,
                                                 .ttl_ns = 3600 * NS_PER_S,
                                                 .load = load},
                          &ca));
    for (int i = 0; i < KEYS; i++) {
        struct st_entry *e;
        keys[i] =
            arena_printf(test_arena(), "7d2c1f0e-93ab-4c58-9d3f-%012d", i);
        CHECK_OK(st_cache_get(ca, keys[i], NULL, NULL, &e));
        st_entry_unref(e);
    }
    counted_cache_hit(ca, keys);
    st_cache_free(ca);
}

/* --- JSON --------------------------------------------------------------- */

static const char call_text[] =
    "{\"jsonrpc\":\"2.0\",\"id\":4711,\"method\":\"tools/call\",\"params\":{"
    "\"name\":\"complete_phase\",\"arguments\":{\"session_id\":"
    "\"7d2c1f0e-93ab-4c58-9d3f-0a5be2c47c11\",\"phase\":3,\"evidence\":{"
    "\"summary\":\"All unit tests pass after the change; the flaky case ran "
    "200 times.\",\"tests_passing\":148,\"coverage\":0.93,\"reviewed\":true,"
    "\"files\":[\"src/a.c\",\"src/b.c\"]}},\"_meta\":{\"progressToken\":9}}}";

__attribute__((noinline)) void counted_json_read(struct slice text,
                                                 struct arena *a)
{
    for (int i = 0; i < CALLS; i++) {
        const struct json *v;
        struct json_error error;
        arena_reset(a);
        if (json_parse(text, NULL, a, &v, &error)) abort();
    }
}

TEST(counted, json_read)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    counted_json_read(slice_of(call_text), &a);
    arena_done(&a);
}

__attribute__((noinline)) void counted_json_written(const struct json *v,
                                                    struct buf *out)
{
    for (int i = 0; i < CALLS; i++) {
        struct json_writer w = json_writer(out);
        buf_clear(out);
        json_value(&w, v);
    }
}

TEST(counted, json_written)
{
    struct buf out = BUF_INIT(1 << 20);
    counted_json_written(parse(call_text), &out);
    CHECK_TEXT_EQ(buf_slice(&out), call_text);
    buf_done(&out);
}

/* --- a search that the cache has ------------------------------------------ */

__attribute__((noinline)) void
counted_search_made(struct engine *e, struct outcome *o,
                    const struct eng_search_args *args)
{
    for (int i = 0; i < CALLS; i++) {
        twin_clear(&o->twin);
        CHECK_OK(eng_search_standards(e, &o->call, args));
    }
}

TEST(counted, search_made)
{
    struct fixture f = {0};
    struct outcome o;
    struct problem p;
    char text[128];
    struct slice made = arena_printf(test_arena(), "%s/made", test_tmpdir());
    struct eng_search_args args = {.query = slice_of(corpus_subject(1, text)),
                                   .n_results = 5,
                                   .filter_phase = ENG_ABSENT};
    corpus_make(made, 60);
    problem_init(&p);
    CHECK_OK(path_canonical(slice_of(test_tmpdir()), test_arena(), &f.root));
    CHECK_OK(pool_new("worker", 1, 64, &f.pool));
    CHECK_OK(eng_open(&(struct eng_options){.root = f.root,
                                            .standards = &made,
                                            .standards_count = 1,
                                            .pool = f.pool},
                      test_arena(), &p, &f.engine));
    do {
        outcome_begin(&o);
        CHECK_OK(
            outcome_end(&o, eng_search_standards(f.engine, &o.call, &args)));
    } while (json_get(o.out, SLICE("indexing")));
    counted_search_made(f.engine, &o, &args);
    outcome_done(&o);
    fixture_done(&f);
}
