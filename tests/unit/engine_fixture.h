/*
 * engine_fixture: an engine on a state file of its own, and its operations as
 * calls that wait for their end.
 */
#ifndef TESTS_UNIT_ENGINE_FIXTURE_H
#define TESTS_UNIT_ENGINE_FIXTURE_H

#include "base/clock.h"
#include "base/file.h"
#include "base/lock.h"
#include "engine/engine.h"
#include "tests/runner/test.h"

struct fixture {
    struct engine *engine;
    struct pool *pool;
    struct slice root, workflows;
    struct slice standards; /* their folder; empty: none */
    const struct eng_embedder *embedder;
    enum st_durability durability;
    /* Of the commands of gates; NULL: none can be run. */
    const char *helper, *trusted;
    /* All zero: the defaults. */
    struct eng_answers_options answers;
    struct eng_sessions_options sessions; /* all zero: none expires */
    struct eng_cache_options caches[ENG_CACHES];
    struct permits *permits; /* NULL: nothing is bounded */
};

/* One call and what came of it; `out` is its result object. */
struct outcome {
    struct eng_call call;
    struct arena arena;
    struct twin twin;
    enum err err;
    const struct json *out;
    /* private */
    struct lock lock;
    struct cond ended;
    bool done;
};

__attribute__((unused)) static void fixture_open(struct fixture *f)
{
    struct problem p;
    struct eng_options o = {.root = f->root,
                            .workflows = &f->workflows,
                            .workflows_count = 1,
                            .standards = &f->standards,
                            .standards_count = f->standards.n > 0,
                            .embedder = f->embedder,
                            .durability = f->durability,
                            .pool = f->pool,
                            .helper = f->helper,
                            .permits = f->permits,
                            .answers = f->answers,
                            .sessions = f->sessions,
                            .trust_path = slice_of(f->trusted)};
    memcpy(o.caches, f->caches, sizeof(o.caches));
    problem_init(&p);
    enum err e = eng_open(&o, test_arena(), &p, &f->engine);
    if (e)
        FAIL("eng_open: %.*s: %.*s", SLICE_ARG(err_detail(e)),
             SLICE_ARG(p.what));
}

/* Workflows from `folder`; NULL: the repository's examples. */
__attribute__((unused)) static void fixture_init(struct fixture *f,
                                                 const char *folder)
{
    *f = (struct fixture){0};
    CHECK_OK(path_canonical(slice_of(test_tmpdir()), test_arena(), &f->root));
    f->workflows = folder ? slice_of(folder)
                          : arena_printf(test_arena(), "%s/examples/workflows",
                                         test_source_dir());
    CHECK_OK(pool_new("worker", 4, 4096, &f->pool));
    fixture_open(f);
}

__attribute__((unused)) static void fixture_restart(struct fixture *f)
{
    eng_close(f->engine);
    fixture_open(f);
}

/* As fixture_restart, with what runs commands and the file of trust. */
__attribute__((unused)) static void
fixture_helper(struct fixture *f, const char *helper, const char *trusted)
{
    f->helper = helper;
    f->trusted = trusted;
    fixture_restart(f);
}

__attribute__((unused)) static void fixture_done(struct fixture *f)
{
    pool_stop(f->pool);
    eng_close(f->engine);
    pool_free(f->pool);
}

static void outcome_ended(struct eng_call *c, enum err e)
{
    struct outcome *o =
        (struct outcome *)((char *)c - offsetof(struct outcome, call));
    lock_take(&o->lock);
    o->err = e;
    o->done = true;
    cond_signal(&o->ended);
    lock_drop(&o->lock);
}

__attribute__((unused)) static void outcome_begin(struct outcome *o)
{
    *o = (struct outcome){0};
    arena_init(&o->arena, 512u << 20);
    twin_init(&o->twin, 64u << 20);
    lock_init(&o->lock, "outcome", RANK_LEAF);
    cond_init(&o->ended);
    o->call = (struct eng_call){.arena = &o->arena,
                                .out = &o->twin,
                                .now = clock_now(),
                                .actor = SLICE("test"),
                                .done = outcome_ended};
    problem_init(&o->call.problem);
}

/* Takes what an operation returned and waits for the rest. */
__attribute__((unused)) static enum err outcome_wait(struct outcome *o,
                                                     enum err e)
{
    lock_take(&o->lock);
    while (e == ERR_PENDING && !o->done) cond_wait(&o->ended, &o->lock);
    lock_drop(&o->lock);
    if (e != ERR_PENDING) o->err = e;
    return o->err;
}

/* And reads the answer. */
__attribute__((unused)) static enum err outcome_end(struct outcome *o,
                                                    enum err e)
{
    struct json_error je;
    if (!outcome_wait(o, e))
        CHECK_OK(json_parse(buf_slice(&o->twin.plain), NULL, &o->arena, &o->out,
                            &je));
    return o->err;
}

__attribute__((unused)) static void outcome_done(struct outcome *o)
{
    cond_done(&o->ended);
    lock_done(&o->lock);
    twin_done(&o->twin);
    arena_done(&o->arena);
}

/* CALL(&o, eng_get_phase(f.engine, &o.call, &args)) */
#define CALL(o, expr) (outcome_begin(o), outcome_end((o), (expr)))

__attribute__((unused)) static const struct json *parse(const char *text)
{
    const struct json *v;
    struct json_error je;
    if (json_parse(slice_of(text), NULL, test_arena(), &v, &je))
        FAIL("test JSON: %s at %zu in %s", je.what, je.at, text);
    return v;
}

#endif
