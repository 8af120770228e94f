#include "engine/corpus.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/sha256.h"
#include "engine/corpus_text.h"
#include "engine/corpus_walk.h"

enum {
    FILE_MOST = 16 << 20,
    STEP_FILES = 200, /* what one commit of a build holds */
    STEP_BYTES = 4 << 20,
    INLINE_BYTES = 8 << 20, /* more is read in the background */
};
#define WALK_CEILING ((size_t)1 << 30)
#define FILE_CEILING ((size_t)256 << 20)
/* For an update, before what there is must do. */
#define WAIT_NS (2 * NS_PER_S)
#define WAIT_BACKGROUND_NS (100 * NS_PER_MS)
#define POLL_NS (20 * NS_PER_MS)
#define PATIENCE_MS 2000

struct corpus {
    struct corpus_options options; /* texts lie in `arena` */
    struct arena arena;            /* written at startup only */
    struct corpus_index *where;
    struct pool_job job;
    struct cancel stop;
    _Atomic uint64_t done, total;
    struct eng_vouch vouch; /* when the walk last found what the index has */
    struct lock lock;
    struct cond ended;
    /* Guarded by lock. */
    bool busy;               /* one thread brings it up to date */
    bool background;         /* a worker of the pool does */
    enum err failed;         /* of that one, until somebody was told */
    bool verified;           /* the index spoke for ... */
    uint64_t signature;      /* ... files of this signature ... */
    uint64_t file, revision; /* ... as of this revision */
};

/* --- the difference
 * ----------------------------------------------------------- */

struct todo {
    const struct corpus_file *file;
    const struct st_doc_row *row; /* NULL: it is new */
};

struct update {
    struct corpus *corpus;
    struct st_index_write *write;
    struct arena walk_arena, arena;
    struct corpus_walk walk;
    struct todo *todo;
    size_t todo_count;
    uint64_t todo_bytes;
    uint32_t added, changed, removed;
};

static struct slice stamp_of(const struct corpus_file *f)
{
    /* A stamp that a further change might leave as it is vouches for nothing:
     * the file is read again. */
    static const struct corpus_stamp none;
    return (struct slice){(const char *)(f->settled ? &f->stamp : &none),
                          sizeof(f->stamp)};
}

/* What is to be read, and, at once, what is gone. */
static enum err compare(struct update *u, const struct slice root)
{
    struct st_doc_row *rows;
    size_t count;
    struct map by_path = MAP_INIT;
    enum err e = st_index_docs(u->write, root, &u->walk_arena, &rows, &count);
    for (size_t i = 0; i < count && !e; i++)
        e = map_put(&by_path, rows[i].path, &rows[i], NULL);
    for (size_t i = 0; i < u->walk.count && !e; i++) {
        const struct corpus_file *f = &u->walk.files[i];
        if (!slice_eq(f->root, root)) continue;
        const struct st_doc_row *row = map_del(&by_path, f->path);
        if (row && slice_eq(row->stamp, stamp_of(f)) && f->settled) continue;
        u->todo[u->todo_count++] = (struct todo){f, row};
        u->todo_bytes += (uint64_t)f->stamp.size;
    }
    size_t at = 0;
    struct slice path;
    void *gone;
    while (!e && map_next(&by_path, &at, &path, &gone)) {
        e = st_index_delete(u->write, ((struct st_doc_row *)gone)->id);
        u->removed++;
    }
    map_done(&by_path);
    return e;
}

static enum err plan(struct update *u)
{
    struct corpus *c = u->corpus;
    enum err e = st_index_write_begin(corpus_index_now(c->where), PATIENCE_MS,
                                      &u->write);
    if (e) return e;
    /* Walked while no other process can write: what it did is seen, what it
     * will do has seen more. */
    e = corpus_walk(c->options.roots, c->options.roots_count, true,
                    &u->walk_arena, &u->walk);
    if (e) return e;
    u->todo = ARENA_ARRAY(&u->walk_arena, struct todo, u->walk.count + 1);
    if (!u->todo) return ERR_NOMEM;
    for (size_t i = 0; i < c->options.roots_count && !e; i++)
        e = compare(u, c->options.roots[i]);
    return e;
}

/* Not to be read: it stands in the index without words, so that it is tried
 * again only when it changes. */
static void skip(const struct corpus_file *f, enum err e)
{
    log_warn("index", "a standard cannot be read", LOG_S("path", f->path),
             LOG_S("error", err_detail(e)));
}

static enum err put_file(struct update *u, const struct todo *t)
{
    struct slice bytes = {0};
    struct st_doc d = {.root = t->file->root,
                       .path = t->file->path,
                       .stamp = stamp_of(t->file)};
    arena_reset(&u->arena);
    enum err e = corpus_read(t->file, FILE_MOST, &u->arena, &bytes);
    if (e == ERR_NOT_FOUND) /* went since: it is gone at the next look */
        return t->row ? st_index_delete(u->write, t->row->id) : OK;
    if (e == ERR_NOMEM) return e;
    sha256_of(bytes, d.hash);
    if (!e && t->row && memcmp(d.hash, t->row->hash, ST_INDEX_HASH) == 0)
        return st_index_stamp(u->write, t->row->id, d.stamp);
    if (!e) e = corpus_text(bytes, &u->arena, &d);
    if (e == ERR_NOMEM) return e;
    if (e) skip(t->file, e);
    if (t->row)
        u->changed++;
    else
        u->added++;
    return st_index_put(u->write, &d);
}

static enum err put_all(struct update *u)
{
    struct corpus *c = u->corpus;
    size_t files = 0;
    int64_t bytes = 0;
    enum err e = OK;
    atomic_store_explicit(&c->total, u->todo_count, memory_order_relaxed);
    for (size_t i = 0; i < u->todo_count && !e; i++) {
        e = cancel_check(&c->stop, clock_now());
        if (!e) e = put_file(u, &u->todo[i]);
        atomic_store_explicit(&c->done, i + 1, memory_order_relaxed);
        bytes += u->todo[i].file->stamp.size;
        if (!e && (++files == STEP_FILES || bytes > STEP_BYTES)) {
            e = st_index_write_step(u->write);
            files = 0;
            bytes = 0;
        }
    }
    return e;
}

/* --- one update
 * ---------------------------------------------------------------- */

/* ERR_AGAIN: nothing done, it is too much for somebody who waits. */
static enum err update_run(struct corpus *c, bool background,
                           struct st_index_state *ret_state,
                           struct corpus_walk *ret_walk)
{
    struct update u = {.corpus = c};
    arena_init(&u.walk_arena, WALK_CEILING);
    arena_init(&u.arena, FILE_CEILING);
    enum err e = plan(&u);
    if (!e && !background && c->options.pool && u.todo_bytes > INLINE_BYTES)
        e = ERR_AGAIN;
    if (!e) e = put_all(&u);
    if (u.write) e = st_index_write_end(u.write, e, ret_state);
    if (!e) *ret_walk = u.walk;
    if (!e && (u.added || u.changed || u.removed))
        log_info("index", "standards changed", LOG_I("added", u.added),
                 LOG_I("changed", u.changed), LOG_I("removed", u.removed));
    arena_done(&u.walk_arena);
    arena_done(&u.arena);
    return e;
}

static void end_update(struct corpus *c, enum err e,
                       const struct st_index_state *state,
                       const struct corpus_walk *walk)
{
    lock_take(&c->lock);
    if (c->background) c->failed = e;
    c->busy = c->background = false;
    eng_vouch_set(&c->vouch, 0, 0);
    c->verified = !e && walk->settled;
    if (!e) {
        c->signature = walk->signature;
        c->file = state->file;
        c->revision = state->revision;
    }
    cond_broadcast(&c->ended);
    lock_drop(&c->lock);
}

static void run_in_background(struct pool_job *job)
{
    struct corpus *c =
        (struct corpus *)((char *)job - offsetof(struct corpus, job));
    struct st_index_state state = {0};
    struct corpus_walk walk = {0};
    enum err e = update_run(c, true, &state, &walk);
    /* The write may be lost to a file that was replaced meanwhile; the next
     * search finds that out and begins again. */
    end_update(c, e, &state, &walk);
}

static enum err update_now(struct corpus *c)
{
    struct st_index_state state = {0};
    struct corpus_walk walk = {0};
    enum err e = update_run(c, false, &state, &walk);
    if (e == ERR_AGAIN) {
        lock_take(&c->lock);
        c->background = true;
        lock_drop(&c->lock);
        if (pool_submit(c->options.pool, &c->job) == OK) return ERR_PENDING;
        lock_take(&c->lock);
        c->background = false;
        lock_drop(&c->lock);
        e = update_run(c, true, &state, &walk);
    }
    end_update(c, e, &state, &walk);
    return e;
}

/* --- asking
 * --------------------------------------------------------------------- */

/* True: the caller brings the index up to date. False: somebody did, or is
 * still at it when the waiting ends. */
static enum err take_turn(struct corpus *c, const struct cancel *cancel,
                          bool *ret_mine)
{
    enum err e = OK;
    lock_take(&c->lock);
    int64_t until =
        clock_now() + (c->background ? WAIT_BACKGROUND_NS : WAIT_NS);
    while (c->busy && !e && clock_now() < until) {
        cond_wait_until(&c->ended, &c->lock, clock_now() + POLL_NS);
        e = cancel_check(cancel, clock_now());
    }
    *ret_mine = !e && !c->busy;
    if (*ret_mine) c->busy = true;
    lock_drop(&c->lock);
    return e;
}

/* `walk` NULL: the files are known to be those it was compared with. */
static bool speaks_for(struct corpus *c, const struct corpus_walk *walk,
                       const struct st_index_state *state)
{
    lock_take(&c->lock);
    bool yes = c->verified && (!walk || c->signature == walk->signature) &&
               c->file == state->file && c->revision == state->revision;
    lock_drop(&c->lock);
    return yes;
}

static enum err look(struct corpus *c, const struct cancel *cancel,
                     struct st_index_state *ret)
{
    struct st_index_view *v;
    enum err e = st_index_view(corpus_index_now(c->where), cancel, &v);
    if (e) return e;
    st_index_state(v, ret);
    st_index_view_end(v);
    return OK;
}

static void give_turn(struct corpus *c)
{
    lock_take(&c->lock);
    c->busy = false;
    cond_broadcast(&c->ended);
    lock_drop(&c->lock);
}

/* How the last one in the background went, told once. Lock: takes corpus.lock
 */
static enum err take_failure(struct corpus *c)
{
    lock_take(&c->lock);
    enum err e = c->failed;
    c->failed = OK;
    lock_drop(&c->lock);
    return e;
}

/* Another process writes: is it getting on, or has it only locked the file? */
static bool others_get_on(struct corpus *c, const struct cancel *cancel,
                          const struct st_index_state *before)
{
    struct st_index_state now;
    return look(c, cancel, &now) == OK &&
           (now.file != before->file || now.revision != before->revision);
}

/* In the caller's turn, which it gives back or hands to the background. */
static enum err use_turn(struct corpus *c, const struct cancel *cancel,
                         struct arena *a, struct corpus_state *ret)
{
    struct corpus_walk walk;
    bool ended;
    enum err e = take_failure(c);
    if (!e)
        e = corpus_walk(c->options.roots, c->options.roots_count, false, a,
                        &walk);
    if (!e) e = look(c, cancel, &ret->index);
    /* Who had the turn before may have done it. */
    if (e || speaks_for(c, &walk, &ret->index)) {
        give_turn(c);
        return e;
    }
    e = update_now(c);
    if (e == ERR_STORE_BUSY) {
        ret->building = true;
        return others_get_on(c, cancel, &ret->index) ? OK : e;
    }
    if (e != ERR_PENDING) return e;
    e = take_turn(c, cancel, &ended);
    if (e) return e;
    ret->building = !ended;
    if (!ended) return OK;
    e = take_failure(c);
    give_turn(c);
    return e;
}

static enum err bring_up(struct corpus *c, const struct cancel *cancel,
                         struct arena *a, struct corpus_state *ret)
{
    bool mine;
    enum err e = take_turn(c, cancel, &mine);
    if (e) return e;
    ret->building = !mine;
    if (mine) e = use_turn(c, cancel, a, ret);
    if (e) return e;
    ret->done = atomic_load_explicit(&c->done, memory_order_relaxed);
    ret->total = atomic_load_explicit(&c->total, memory_order_relaxed);
    return look(c, cancel, &ret->index);
}

static enum err current(struct corpus *c, const struct cancel *cancel,
                        struct arena *a, struct corpus_state *ret)
{
    struct corpus_walk walk;
    int64_t now = clock_now();
    uint64_t stamp = eng_watch_barrier(c->options.watch, ENG_WATCH_STANDARDS);
    *ret = (struct corpus_state){0};
    enum err e = look(c, cancel, &ret->index);
    if (e) return e;
    if (eng_vouch_holds(&c->vouch, stamp, now) &&
        speaks_for(c, NULL, &ret->index))
        return OK;
    e = corpus_walk(c->options.roots, c->options.roots_count, false, a, &walk);
    if (e) return e;
    if (!speaks_for(c, &walk, &ret->index)) return bring_up(c, cancel, a, ret);
    eng_vouch_set(&c->vouch, stamp, now);
    return OK;
}

/* The index, not the standards, is at fault, and there is another file for it.
 */
static bool leave_file(struct corpus *c, const struct st_index *failed,
                       enum err why, struct arena *a)
{
    static const enum err of_files[] = {ERR_IO, ERR_NOT_FOUND, ERR_STORE_BUSY,
                                        ERR_STORE_WRITE_FAILED,
                                        ERR_STORE_CORRUPT};
    struct corpus_walk walk;
    bool of_file = false;
    for (size_t i = 0; i < sizeof(of_files) / sizeof(of_files[0]); i++)
        of_file |= of_files[i] == why;
    return of_file &&
           corpus_walk(c->options.roots, c->options.roots_count, false, a,
                       &walk) == OK &&
           corpus_index_leave(c->where, failed, why);
}

enum err corpus_current(struct corpus *c, const struct cancel *cancel,
                        struct arena *a, struct problem *p,
                        struct corpus_state *ret)
{
    enum { TRIES = 4 };
    enum err e = OK;
    for (int i = 0; i < TRIES; i++) {
        struct st_index *x;
        e = corpus_index_get(c->where, cancel, a, p, &x);
        if (e && p->err) return e;
        if (e) break;
        e = current(c, cancel, a, ret);
        if (!e) return OK;
        /* A damaged file is replaced at the next view, and filled once. */
        if (e == ERR_STORE_CORRUPT && i == 0) continue;
        if (!leave_file(c, x, e, a)) break;
    }
    return problem_set(
        p, e, SLICE("the index of the standards"),
        e == ERR_TOO_LARGE ? SLICE("The standards' folders hold more than "
                                   "500,000 names.")
                           : SLICE("The standards could not be read into it."),
        SLICE("Check that the standards' folders can be read and that "
              ".phasegate or a folder for temporary files can be written; "
              "then search again."));
}

bool corpus_mend(struct corpus *c, enum err e, struct arena *a)
{
    return e == ERR_AGAIN || e == ERR_STORE_CORRUPT ||
           leave_file(c, corpus_index_now(c->where), e, a);
}

void corpus_onces(const struct corpus *c, struct once_stats ret[CORPUS_ONCES])
{
    corpus_index_onces(c->where, ret);
}

bool corpus_building(struct corpus *c, uint64_t *ret_done, uint64_t *ret_total)
{
    lock_take(&c->lock);
    bool building = c->background;
    lock_drop(&c->lock);
    *ret_done = atomic_load_explicit(&c->done, memory_order_relaxed);
    *ret_total = atomic_load_explicit(&c->total, memory_order_relaxed);
    return building;
}

enum err corpus_view(struct corpus *c, const struct cancel *cancel,
                     struct st_index_view **ret)
{
    return st_index_view(corpus_index_now(c->where), cancel, ret);
}

enum err corpus_write_begin(struct corpus *c, const struct cancel *cancel,
                            struct st_index_write **ret)
{
    bool mine;
    enum err e = take_turn(c, cancel, &mine);
    if (e || !mine) return e ? e : ERR_STORE_BUSY;
    e = st_index_write_begin(corpus_index_now(c->where), PATIENCE_MS, ret);
    if (e) give_turn(c);
    return e;
}

enum err corpus_write_end(struct corpus *c, struct st_index_write *w,
                          enum err e)
{
    struct st_index_state state;
    e = st_index_write_end(w, e, &state);
    give_turn(c);
    return e;
}

const struct slice *corpus_roots(const struct corpus *c, size_t *ret_count)
{
    *ret_count = c->options.roots_count;
    return c->options.roots;
}

/* --- life
 * ------------------------------------------------------------------------ */

enum err corpus_new(const struct corpus_options *o, struct corpus **ret)
{
    struct corpus *c = MEM_NEW(struct corpus);
    if (!c) return ERR_NOMEM;
    arena_init(&c->arena, 1 << 20);
    lock_init(&c->lock, "corpus", RANK_WATCH);
    cond_init(&c->ended);
    cancel_init(&c->stop, INT64_MAX);
    c->job.run = run_in_background;
    c->options = *o;
    struct slice *roots =
        ARENA_ARRAY(&c->arena, struct slice, o->roots_count + 1);
    bool whole = roots && corpus_index_new(o->index_path, &c->where) == OK;
    for (size_t i = 0; i < o->roots_count && whole; i++) {
        roots[i] = arena_copy(&c->arena, o->roots[i]);
        whole = roots[i].p != NULL;
    }
    c->options.roots = roots;
    if (!whole) {
        corpus_free(c);
        return ERR_NOMEM;
    }
    *ret = c;
    return OK;
}

void corpus_free(struct corpus *c)
{
    if (!c) return;
    cancel_set(&c->stop, CANCEL_SHUTDOWN);
    lock_take(&c->lock);
    bool background = c->background;
    lock_drop(&c->lock);
    if (background && pool_cancel(c->options.pool, &c->job)) {
        lock_take(&c->lock);
        c->background = c->busy = false;
        lock_drop(&c->lock);
    }
    lock_take(&c->lock);
    while (c->busy) cond_wait(&c->ended, &c->lock);
    lock_drop(&c->lock);
    corpus_index_free(c->where);
    cond_done(&c->ended);
    lock_done(&c->lock);
    arena_done(&c->arena);
    mem_free(c);
}
