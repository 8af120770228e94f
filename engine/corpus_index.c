#include "engine/corpus_index.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

enum { PATH_MOST = 4096 };

struct corpus_index {
    struct arena arena;
    struct slice path;
    _Atomic(struct st_index *) now; /* written by who makes one of these */
    struct once first;   /* the file to begin with: `shared`, else `own` */
    struct once instead; /* the file of its own */
    /* Written by the one maker, read again at the end. NULL: not opened */
    struct st_index *shared, *own;
    char folder[PATH_MOST]; /* of `own`; empty: none */
};

enum err corpus_index_new(struct slice path, struct corpus_index **ret)
{
    struct corpus_index *x = MEM_NEW(struct corpus_index);
    if (!x) return ERR_NOMEM;
    arena_init(&x->arena, 1 << 20);
    once_init(&x->first, "search_index");
    once_init(&x->instead, "search_index_own");
    x->path = arena_copy(&x->arena, path);
    if (!x->path.p) {
        corpus_index_free(x);
        return ERR_NOMEM;
    }
    *ret = x;
    return OK;
}

/* What a make of these is given. */
struct opening {
    struct corpus_index *x;
    struct arena *a;
    struct problem *p;
    enum err why; /* the shared one is left */
};

/* --- a file of its own ------------------------------------------------------
 */

static void remove_own(struct corpus_index *x)
{
    static const char *const names[] = {"index.db", "index.db-wal",
                                        "index.db-shm", "index.db.lock"};
    char path[PATH_MOST + 32];
    if (!x->folder[0]) return;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", x->folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(x->folder);
    x->folder[0] = '\0';
}

static enum err make_own(struct corpus_index *x, const char *tmp)
{
    struct arena a;
    struct problem p;
    int n = snprintf(x->folder, sizeof(x->folder), "%s/phasegate-index-XXXXXX",
                     tmp);
    if (n < 0 || (size_t)n >= sizeof(x->folder) || !mkdtemp(x->folder)) {
        x->folder[0] = '\0';
        return ERR_IO;
    }
    arena_init(&a, 1 << 20);
    problem_init(&p);
    struct slice path = arena_printf(&a, "%s/index.db", x->folder);
    enum err e = path.p ? st_index_open(path, &a, &p, &x->own) : ERR_NOMEM;
    if (e) remove_own(x);
    arena_done(&a);
    return e;
}

static enum err open_own(void *ctx, void **ret)
{
    const struct opening *o = ctx;
    struct corpus_index *x = o->x;
    const char *tmp[] = {getenv("TMPDIR"), "/dev/shm", "/tmp"};
    enum err e = ERR_IO;
    for (size_t i = 0; i < sizeof(tmp) / sizeof(tmp[0]) && e; i++)
        if (tmp[i] && tmp[i][0] == '/') e = make_own(x, tmp[i]);
    if (e) return e;
    log_warn("index", "the index is kept in a temporary file",
             LOG_S("instead_of", x->path), LOG_S("why", err_detail(o->why)),
             LOG_C("folder", x->folder));
    atomic_store_explicit(&x->now, x->own, memory_order_release);
    *ret = x->own;
    return OK;
}

/* --- asking ----------------------------------------------------------------
 */

struct st_index *corpus_index_now(const struct corpus_index *x)
{
    return atomic_load_explicit(&x->now, memory_order_acquire);
}

static enum err open_first(void *ctx, void **ret)
{
    struct opening *o = ctx;
    struct corpus_index *x = o->x;
    o->why = st_index_open(x->path, o->a, o->p, &x->shared);
    if (o->why == ERR_NOMEM) return ERR_NOMEM;
    if (o->why)
        return once_get(&x->instead, open_own, o, NULL, ret) ? o->why : OK;
    atomic_store_explicit(&x->now, x->shared, memory_order_release);
    *ret = x->shared;
    return OK;
}

enum err corpus_index_get(struct corpus_index *x, const struct cancel *cancel,
                          struct arena *a, struct problem *p,
                          struct st_index **ret)
{
    struct opening o = {.x = x, .a = a, .p = p};
    void *first = NULL;
    enum err e = once_get(&x->first, open_first, &o, cancel, &first);
    *ret = corpus_index_now(x);
    return e;
}

bool corpus_index_leave(struct corpus_index *x, const struct st_index *failed,
                        enum err why)
{
    struct opening o = {.x = x, .why = why};
    void *own = NULL;
    if (corpus_index_now(x) != failed) return true;
    return once_get(&x->instead, open_own, &o, NULL, &own) == OK &&
           own != failed;
}

void corpus_index_onces(const struct corpus_index *x,
                        struct once_stats ret[CORPUS_ONCES])
{
    once_stats(&x->first, &ret[0]);
    once_stats(&x->instead, &ret[1]);
}

void corpus_index_free(struct corpus_index *x)
{
    if (!x) return;
    st_index_close(x->shared);
    st_index_close(x->own);
    remove_own(x);
    once_done(&x->instead);
    once_done(&x->first);
    arena_done(&x->arena);
    mem_free(x);
}
