/*
 * store_private: the store's own struct, for the files that make it up.
 *
 *   store.c       opening, closing, telling why not
 *   writer.c      the writer, a thread or a worker, and group commit
 *   reader.c      a read connection per thread
 *   checkpoint.c  the WAL's size, off the commit path
 */
#ifndef STATE_STORE_PRIVATE_H
#define STATE_STORE_PRIVATE_H

#include "base/lock.h"
#include "state/commits.h"
#include "state/conn.h"
#include "state/schema.h"

struct st_store {
    char *path; /* absolute */
    dev_t dev;  /* of the file that is open */
    ino_t ino;
    const struct st_schema *schema;
    enum st_durability durability;
    uint32_t jobs_max, busy_timeout_ms;
    struct commits commits;

    struct st_conn *writer; /* Thread: who is serving, once it runs */
    pthread_t writer_thread;

    struct st_conn *checkpointer; /* whoever holds `checkpointing`; or NULL */
    atomic_flag checkpointing;
    pthread_t checkpoint_thread;

    pthread_key_t reader_key;
    bool key_made, writer_runs, checkpointer_runs;

    struct lock lock; /* guards what follows, up to the counters */
    struct cond writer_called, checkpoint_asked;
    struct st_job *first, *last;
    int64_t waits_since; /* the first of them came */
    uint32_t queued;
    bool serving; /* somebody has the write connection */
    bool called;  /* it is the writer thread, which has not come yet */
    bool closed;
    bool checkpoint_wanted, checkpoint_stop;
    struct st_conn *readers;
    uint32_t reader_count;

    /* Counters: relaxed, they order nothing. */
    _Atomic uint64_t jobs, jobs_failed, transactions, jobs_rerun, checkpoints;
    _Atomic uint64_t troubles;
    atomic_bool damaged; /* set by any connection, never cleared */
    struct histogram commit;
    _Atomic int64_t last_commit, busy_since; /* 0: idle; who serves writes it */
    /* Frames in the WAL after our last commit, and how many of them are in
     * the database (relaxed: a late look only delays a checkpoint). */
    _Atomic uint32_t wal_frames, wal_moved;
    _Atomic bool wal_finish;     /* few are left: the writer moves them */
    uint32_t wal_seen, wal_mark; /* Thread: who is serving */
    int64_t mend_next; /* after one that failed. Thread: who is checkpointing */
};

/* For tests: a store with another list of migrations. */
MUST_USE enum err st__store_open(const struct st_store_options *o,
                                 const struct st_schema *schema,
                                 struct arena *a, struct problem *p,
                                 struct st_store **ret);

/* The problem of an error about this file. Returns `e`. */
enum err st__told(struct problem *p, struct arena *a, enum err e,
                  struct slice path);
/* Every page of a file that nobody else has open. ERR_STORE_CORRUPT, ERR_IO,
 * ERR_NOMEM */
MUST_USE enum err st__whole(const char *path, struct arena *a);

MUST_USE enum err st__writer_start(struct st_store *s);
void st__writer_stop(struct st_store *s); /* runs what is queued */

/* A commit that changes nothing, in the write transaction that c has begun and
 * in which `ticket` was found not ended: see commits.h. Ends both. */
MUST_USE enum err st__wal_overwrite(struct st_store *s, struct st_conn *c,
                                    uint64_t ticket);
MUST_USE enum err st__checkpoint_start(struct st_store *s);
void st__checkpoint_stop(struct st_store *s);
/* After a group was answered. Thread: who is serving */
void st__checkpoint_after_commit(struct st_store *s);

uint64_t st__wal_bytes(const struct st_store *s);
/* Is the open file still the one that the path names? One stat(2). */
bool st__in_place(const struct st_store *s);
/* A further connection. ERR_STORE_REPLACED: not to a file that has taken the
 * place of ours: SQLite would believe our WAL to be its own, move it there, and
 * beside an empty file throw it away. */
MUST_USE enum err st__connect(const struct st_store *s, bool writes,
                              uint32_t busy_timeout_ms, struct st_conn **ret);

MUST_USE enum err st__readers_start(struct st_store *s);
void st__readers_stop(struct st_store *s);

/* With every signal blocked: they are main's. ERR_OVER_CAPACITY: no thread. */
MUST_USE enum err st__thread(void *(*run)(void *), struct st_store *s,
                             pthread_t *ret);

#endif
