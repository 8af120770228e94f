#include "engine/corpus_index.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/lock.h"
#include "base/log.h"

enum { PATH_MOST = 4096 };

struct corpus_index {
    struct arena arena;
    struct slice path;
    _Atomic(struct st_index *) now; /* written in a turn */
    struct lock lock;
    struct cond ended;
    bool busy; /* Guarded by lock: one thread has the turn. What follows is its:
                  files are opened, and told of in the log, without a lock. */
    struct st_index *shared, *own; /* NULL: not opened */
    bool left;                     /* the shared one cannot be used */
    char folder[PATH_MOST];        /* of `own`; empty: none */
};

enum err corpus_index_new(struct slice path, struct corpus_index **ret)
{
    struct corpus_index *x = MEM_NEW(struct corpus_index);
    if (!x) return ERR_NOMEM;
    arena_init(&x->arena, 1 << 20);
    lock_init(&x->lock, "corpus_index", RANK_WATCH);
    cond_init(&x->ended);
    x->path = arena_copy(&x->arena, path);
    if (!x->path.p) {
        corpus_index_free(x);
        return ERR_NOMEM;
    }
    *ret = x;
    return OK;
}

/* --- turns ----------------------------------------------------------------
 */

static void take_turn(struct corpus_index *x)
{
    lock_take(&x->lock);
    while (x->busy) cond_wait(&x->ended, &x->lock);
    x->busy = true;
    lock_drop(&x->lock);
}

static void give_turn(struct corpus_index *x)
{
    lock_take(&x->lock);
    x->busy = false;
    cond_broadcast(&x->ended);
    lock_drop(&x->lock);
}

/* --- a file of its own, in a turn -------------------------------------------
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

static bool open_own(struct corpus_index *x, enum err why)
{
    const char *tmp[] = {getenv("TMPDIR"), "/dev/shm", "/tmp"};
    enum err e = ERR_IO;
    for (size_t i = 0; i < sizeof(tmp) / sizeof(tmp[0]) && e; i++)
        if (tmp[i] && tmp[i][0] == '/') e = make_own(x, tmp[i]);
    x->left = true;
    if (e) return false;
    log_warn("index", "the index is kept in a temporary file",
             LOG_S("instead_of", x->path), LOG_S("why", err_detail(why)),
             LOG_C("folder", x->folder));
    atomic_store_explicit(&x->now, x->own, memory_order_release);
    return true;
}

/* --- asking ----------------------------------------------------------------
 */

struct st_index *corpus_index_now(const struct corpus_index *x)
{
    return atomic_load_explicit(&x->now, memory_order_acquire);
}

enum err corpus_index_get(struct corpus_index *x, struct arena *a,
                          struct problem *p, struct st_index **ret)
{
    enum err e = OK;
    *ret = corpus_index_now(x);
    if (*ret) return OK;
    take_turn(x);
    *ret = corpus_index_now(x);
    if (!*ret) {
        e = st_index_open(x->path, a, p, &x->shared);
        if (!e)
            atomic_store_explicit(&x->now, x->shared, memory_order_release);
        else if (e != ERR_NOMEM && open_own(x, e))
            e = OK;
        *ret = corpus_index_now(x);
    }
    give_turn(x);
    return e;
}

bool corpus_index_leave(struct corpus_index *x, const struct st_index *failed,
                        enum err why)
{
    take_turn(x);
    bool another = corpus_index_now(x) != failed;
    if (!another && !x->left) another = open_own(x, why);
    give_turn(x);
    return another;
}

void corpus_index_free(struct corpus_index *x)
{
    if (!x) return;
    st_index_close(x->shared);
    st_index_close(x->own);
    remove_own(x);
    cond_done(&x->ended);
    lock_done(&x->lock);
    arena_done(&x->arena);
    mem_free(x);
}
