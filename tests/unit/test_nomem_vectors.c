/* Search with vectors, with each allocation failing: an answer of both, one of
 * the words alone that says why, or an error that says so. */
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/fault_kit.h"

enum { DIMENSION = 3, TEXTS_MOST = 64 };

/* Takes no memory: only the server's own is short. */
static struct provider_ended embed(void *ctx, const struct slice *texts,
                                   size_t count,
                                   const struct provider_attempt *at,
                                   struct arena *a, struct eng_vectors *ret)
{
    static _Thread_local float values[TEXTS_MOST * DIMENSION];
    (void)ctx, (void)at, (void)a;
    CHECK(count <= TEXTS_MOST);
    for (size_t i = 0; i < count; i++) {
        bool cat = slice_find(texts[i], SLICE("cat")) < texts[i].n ||
                   slice_find(texts[i], SLICE("kitten")) < texts[i].n;
        float *v = values + i * DIMENSION;
        v[0] = cat, v[1] = !cat, v[2] = 0.01f;
    }
    *ret = (struct eng_vectors){values, DIMENSION};
    return (struct provider_ended){PROVIDER_ANSWERED, 0};
}

static const struct eng_embedder embedder = {SLICE_INIT("cats-1"),
                                             20 * NS_PER_S, embed, NULL};

static enum err find(struct fault *t, struct eng_call *c, int64_t phase)
{
    t->args.search = (struct eng_search_args){.query = SLICE("kitten lives"),
                                              .n_results = 3,
                                              .filter_phase = phase};
    return eng_search_standards(t->f.engine, c, &t->args.search);
}

static enum err search(struct fault *t, struct eng_call *c)
{
    return find(t, c, ENG_ABSENT);
}

static enum err search_phase(struct fault *t, struct eng_call *c)
{
    return find(t, c, 2);
}

/* Until the passages have their vectors. */
static void vectors(struct fault *t)
{
    for (bool hybrid = false; !hybrid; usleep(2000)) {
        struct outcome o;
        outcome_begin(&o);
        CHECK_OK(outcome_wait(&o, search(t, &o.call)));
        struct slice out = buf_slice(&o.twin.plain);
        hybrid = slice_find(out, SLICE("\"hybrid\"")) < out.n;
        outcome_done(&o);
    }
}

static void begin(struct fault *t)
{
    fault_begin(t);
    t->f.standards = arena_printf(test_arena(), "%s/own", test_tmpdir());
    t->f.embedder = &embedder;
    kit_put(test_tmpdir(), "own/one.md", "# Phase 1: A\nThe cat lives here.\n");
    kit_put(test_tmpdir(), "own/two.md",
            "# Phase 2: B\nNo cat lives.\n## Part\nHere is another cat.\n");
    kit_put(test_tmpdir(), "own/three.md", "# C\nThe dog barks.\n");
    fixture_restart(&t->f);
    vectors(t);
}

TEST_EACH(nomem_vectors, a_search_by_both_answers_or_says_so, struct fault_op,
          op, {"all", begin, NULL, search, OK, true},
          {"of a phase", begin, NULL, search_phase, OK, true})
{
    fault_run(op);
}
