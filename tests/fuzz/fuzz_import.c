/* import: an export of ours, or a session of praxis-os, into a state file of
 * its own. Whatever comes, it is refused with words or the record is whole,
 * and what the store says of itself stays intact. */
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/pool.h"
#include "engine/engine.h"

#define NEED(cond)                                                             \
    do {                                                                       \
        if (!(cond)) abort();                                                  \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/fuzz-import-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

/* --- an engine for one input ---------------------------------------------- */

struct bench {
    struct engine *engine;
    struct pool *pool;
    struct arena arena;
    struct twin twin;
};

static void never(struct eng_call *c, enum err e)
{
    (void)c;
    (void)e;
    abort(); /* nothing here waits */
}

static void bench_open(struct bench *b)
{
    struct problem p;
    problem_init(&p);
    snprintf(folder, sizeof(folder), "%s", "/tmp/fuzz-import-XXXXXX");
    NEED(mkdtemp(folder));
    arena_init(&b->arena, 256u << 20);
    twin_init(&b->twin, 64u << 20);
    NEED(pool_new("worker", 1, 16, &b->pool) == OK);
    struct eng_options o = {.root = slice_of(folder), .pool = b->pool};
    NEED(eng_open(&o, &b->arena, &p, &b->engine) == OK);
}

static void bench_close(struct bench *b)
{
    pool_stop(b->pool);
    eng_close(b->engine);
    pool_free(b->pool);
    twin_done(&b->twin);
    arena_done(&b->arena);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct eng_call call(struct bench *b)
{
    twin_clear(&b->twin);
    struct eng_call c = {.arena = &b->arena,
                         .out = &b->twin,
                         .now = clock_now(),
                         .actor = SLICE("fuzz"),
                         .done = never};
    problem_init(&c.problem);
    return c;
}

static void check_intact(struct bench *b)
{
    const struct json *v;
    struct json_error je;
    struct eng_call c = call(b);
    struct eng_verify_args all = {0};
    NEED(eng_verify(b->engine, &c, &all) == OK);
    NEED(json_parse(buf_slice(&b->twin.plain), NULL, &b->arena, &v, &je) == OK);
    NEED(json_is(json_get(v, SLICE("intact")), JSON_TRUE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bench b;
    bench_open(&b);
    struct eng_call c = call(&b);
    struct eng_import_args args = {.name = SLICE("in.json"),
                                   .text = {(const char *)data, size},
                                   .zone_given = true};
    enum err e = eng_import(b.engine, &c, &args);
    NEED(e != ERR_INTERNAL && e != ERR_PENDING);
    NEED(!e || c.problem.what.n);
    check_intact(&b);
    bench_close(&b);
    return 0;
}
