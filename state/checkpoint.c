/*
 * The WAL's size, kept off the commit path.
 *
 * SQLite's automatic checkpoint would run inside a COMMIT and cost its caller
 * milliseconds; without any, the file grows and every commit pays for a new
 * length, half as much again as for its bytes. So: past STEP frames the
 * checkpoint thread moves them into the database while the writer goes on,
 * again until what came meanwhile is FEW. The WAL starts again from its
 * beginning only when no frame is left and no reader uses it; so the writer,
 * between two groups, moves those few itself. Readers that overlap for ever
 * could still keep the WAL alive: past LIMIT frames the writer waits a moment
 * for those that are left (new ones then read the database and are not waited
 * for).
 */
#include "state/store_private.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#define STEP 2000    /* frames, about 8 MiB: time to move them */
#define FEW 400      /* frames that the writer moves itself */
#define PASSES 8     /* each leaves what was written during it */
#define LIMIT 16000  /* frames, about 64 MiB: the writer waits for readers */
#define WAIT_MS 250  /* at most this long */
#define SETTLE_MS 20 /* for the write lock, when somebody was killed */
#define MEND_AGAIN_S 10
#define SHRINK_BYTES (48 << 20) /* an idle WAL longer than this is cut */

static uint32_t get(const _Atomic uint32_t *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

static void set(_Atomic uint32_t *v, uint32_t to)
{
    atomic_store_explicit(v, to, memory_order_relaxed);
}

/* Runs one checkpoint on a connection; how many frames it could not move. */
static int checkpoint(struct st_store *s, struct st_conn *c, int mode)
{
    int frames = -1, moved = -1;
    int rc = sqlite3_wal_checkpoint_v2(c->db, "main", mode, &frames, &moved);
    if (rc && (rc & 0xff) != SQLITE_BUSY)
        log_warn("store", "a checkpoint failed",
                 LOG_C("sqlite", sqlite3_errmsg(c->db)));
    if (frames < 0 || moved < 0) return -1;
    atomic_fetch_add_explicit(&s->checkpoints, 1, memory_order_relaxed);
    set(&s->wal_moved, (uint32_t)moved);
    return frames - moved;
}

/* Of `frames`, those that are not in the database. More were moved than there
 * are: they were an earlier WAL's. */
static uint32_t left_of(const struct st_store *s, uint32_t frames)
{
    uint32_t moved = get(&s->wal_moved);
    return moved <= frames ? frames - moved : frames;
}

static void ask(struct st_store *s)
{
    lock_take(&s->lock);
    s->checkpoint_wanted = true;
    cond_signal(&s->checkpoint_asked);
    lock_drop(&s->lock);
}

static void wait_for_readers(struct st_store *s)
{
    struct st_conn *w = s->writer;
    w->busy_timeout_ms = WAIT_MS;
    checkpoint(s, w, SQLITE_CHECKPOINT_RESTART);
    w->busy_timeout_ms = s->busy_timeout_ms;
}

/* `wal_mark`: the length at which to act next; it moves on with each act, so
 * that a reader who pins the WAL is not waited for at every commit. */
void st__checkpoint_after_commit(struct st_store *s)
{
    uint32_t frames = get(&s->wal_frames);
    if (frames < s->wal_seen) { /* it started again */
        set(&s->wal_moved, 0);
        s->wal_mark = STEP;
    }
    s->wal_seen = frames;
    if (frames < STEP) return;
    bool finish =
        left_of(s, frames) <= FEW &&
        atomic_exchange_explicit(&s->wal_finish, false, memory_order_relaxed);
    if (!finish && frames < s->wal_mark) return;
    s->wal_mark = frames + STEP;
    if (finish)
        checkpoint(s, s->writer, SQLITE_CHECKPOINT_PASSIVE);
    else if (frames > LIMIT)
        wait_for_readers(s);
    else
        ask(s);
}

static int on_commit(void *ctx, sqlite3 *db, const char *name, int frames)
{
    struct st_store *s = ctx;
    (void)db;
    (void)name;
    set(&s->wal_frames, (uint32_t)frames);
    return SQLITE_OK;
}

/* What a process wrote that was killed in its COMMIT lies behind the last frame
 * that readers know of. Each frame's checksum goes on from the one before, so
 * one new frame in the first one's place ends it. */
enum err st__wal_overwrite(struct st_store *s, struct st_conn *c,
                           uint64_t ticket)
{
    char same[64];
    int64_t version = 0;
    enum err e = st__in_place(s) ? OK : ERR_STORE_REPLACED;
    if (!e) e = st__conn_int(c, "PRAGMA user_version", &version);
    (void)snprintf(same, sizeof(same), "PRAGMA user_version=%lld",
                   (long long)version);
    if (!e) e = st__conn_exec(c, same);
    if (!e) e = st__conn_run(c, STMT_COMMIT);
    st__conn_rollback(c);
    if (!e) st__commits_end(&s->commits, ticket);
    return e;
}

/* Somebody was killed between ticket and end, or the counter's file was
 * replaced: whoever holds the write lock may put it right. */
static void mend(struct st_store *s, struct st_conn *c)
{
    int64_t now = clock_now();
    uint64_t unended = 0;
    uint32_t patience = c->busy_timeout_ms;
    if (now < s->mend_next || !st__commits_unsettled(&s->commits)) return;
    c->busy_timeout_ms = SETTLE_MS;
    enum err e = st__conn_begin(c, STMT_BEGIN_WRITE);
    if (!e) unended = st__commits_settle(&s->commits);
    if (unended) e = st__wal_overwrite(s, c, unended);
    /* Busy: whoever writes settles it. A full disk is not asked each second. */
    if (e && unended) s->mend_next = now + MEND_AGAIN_S * NS_PER_S;
    st__conn_rollback(c);
    c->busy_timeout_ms = patience;
}

/* A connection of its own is made when there is something to do: a process that
 * writes nothing does without its memory. */
static bool connected(struct st_store *s)
{
    if (s->checkpointer) return true;
    if (!st__wal_bytes(s) && !st__commits_unsettled(&s->commits)) return false;
    /* 0: a checkpoint of this connection waits for nobody */
    enum err e = st__connect(s, true, 0, &s->checkpointer);
    if (e && e != ERR_STORE_REPLACED) /* which is told with the health */
        log_warn("store", "no connection for checkpoints",
                 LOG_S("error", err_detail(e)));
    return !e;
}

/* True: all is moved that was there when the last pass began. */
static bool move_most(struct st_store *s)
{
    int left = 0;
    for (int i = 0; i < PASSES && left == 0; i++) {
        left = checkpoint(s, s->checkpointer, SQLITE_CHECKPOINT_PASSIVE);
        if (left_of(s, get(&s->wal_frames)) <= FEW) break;
    }
    if (left >= 0)
        atomic_store_explicit(&s->wal_finish, true, memory_order_relaxed);
    return left == 0;
}

static void move(struct st_store *s)
{
    if (atomic_flag_test_and_set_explicit(&s->checkpointing,
                                          memory_order_acquire))
        return; /* somebody is at it */
    if (connected(s)) {
        mend(s, s->checkpointer);
        if (move_most(s) && st__wal_bytes(s) > SHRINK_BYTES)
            checkpoint(s, s->checkpointer, SQLITE_CHECKPOINT_TRUNCATE);
    }
    atomic_flag_clear_explicit(&s->checkpointing, memory_order_release);
}

void st_store_checkpoint(struct st_store *s)
{
    move(s);
}

static void *checkpoint_main(void *arg)
{
    struct st_store *s = arg;
    log_thread_name("checkpointer");
    lock_take(&s->lock);
    while (!s->checkpoint_stop) {
        if (!s->checkpoint_wanted) {
            cond_wait(&s->checkpoint_asked, &s->lock);
            continue;
        }
        s->checkpoint_wanted = false;
        lock_drop(&s->lock);
        move(s);
        lock_take(&s->lock);
    }
    lock_drop(&s->lock);
    return NULL;
}

enum err st__checkpoint_start(struct st_store *s)
{
    mend(s, s->writer); /* whoever was here before may have been killed */
    s->wal_mark = STEP;
    sqlite3_wal_hook(s->writer->db, on_commit, s);
    enum err e = st__thread(checkpoint_main, s, &s->checkpoint_thread);
    s->checkpointer_runs = !e;
    return e;
}

void st__checkpoint_stop(struct st_store *s)
{
    if (s->checkpointer_runs) {
        lock_take(&s->lock);
        s->checkpoint_stop = true;
        cond_signal(&s->checkpoint_asked);
        lock_drop(&s->lock);
        pthread_join(s->checkpoint_thread, NULL);
        s->checkpointer_runs = false;
    }
    st__conn_close(s->checkpointer);
    s->checkpointer = NULL;
}
