/*
 * store: the SQLite file that holds everything precious. No SQLite type shows
 * here; statements and migrations are tables inside.
 *
 * One writer thread owns the write connection and runs queued jobs, several
 * per transaction (group commit), each in a savepoint; a job is answered only
 * after COMMIT, and COMMIT is durable (synchronous=FULL by default). Reads
 * run on the calling worker's own connection, opened on first use and closed
 * when its thread ends. Several processes may have one file open.
 *
 * Invariants: an answered job survives power loss; a job that failed left no
 * trace; a file newer than this program is refused and not touched. A
 * migration first backs the file up as <file>.v<N>.
 */
#ifndef STATE_STORE_H
#define STATE_STORE_H

#include "base/arena.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/histogram.h"
#include "base/problem.h"

struct st_store;
struct st_tx; /* statements run through one of these: state/records.h */

enum st_durability { ST_FULL, ST_NORMAL };

struct st_store_options {
    struct slice path; /* state.db; its folder exists */
    enum st_durability durability;
    uint32_t jobs_max;        /* queued writes; 0: 4,096 */
    uint32_t busy_timeout_ms; /* 0: 5,000 */
};

/* Opens or creates, checks, migrates, starts the writer thread. On failure
 * the problem says what, why and the mend: ERR_STORE_TOO_NEW,
 * ERR_STORE_FOREIGN (another program's), ERR_STORE_CORRUPT, ERR_STORE_BUSY,
 * ERR_IO, ERR_STORE_WRITE_FAILED, ERR_NOT_FOUND (no such folder), ERR_NOMEM.
 * Thread: startup */
MUST_USE enum err st_store_open(const struct st_store_options *o,
                                struct arena *a, struct problem *p,
                                struct st_store **ret);
/* Runs what is queued, checkpoints, closes. NULL is fine. No other thread is
 * in the store or about to be: pools are stopped. Thread: main */
void st_store_close(struct st_store *s);

/* --- reading. Thread: worker -------------------------------------------- */

/* A read transaction on this thread's connection: one consistent view until
 * st_read_end. Not nested. `c` (may be NULL) interrupts long reads.
 * ERR_STORE_REPLACED: the thread reads for the first time, and another file
 * has the name, or none. */
MUST_USE enum err st_read_begin(struct st_store *s, const struct cancel *c,
                                struct st_tx **ret);
void st_read_end(struct st_tx *tx);
/* The stamp that vouches for all this transaction sees: of a read as it was
 * before the view began, of a job exact (nobody else writes meanwhile), to be
 * kept with what done() publishes. 0: none. Thread: that of the tx */
uint64_t st_tx_stamp(const struct st_tx *tx);

/* --- writing ------------------------------------------------------------ */

/* Thread "writer" is whoever has the write connection: the store's own thread,
 * or a worker in st_submit_here; one at a time, and one after the other. */
struct st_job {
    /* Thread: writer, inside a transaction. May be run AGAIN after the whole of
     * it was lost or undone, so it changes nothing in memory but its own
     * scratch. Must be quick: decisions and digests are made before. An error
     * rolls this job back alone and reaches done(). */
    enum err (*run)(struct st_job *job, struct st_tx *tx);
    /* Exactly once, after COMMIT (OK) or when the job failed. No lock is
     * held. Publishes to caches and posts the call to its loop; never waits.
     * Afterwards the store does not touch the job. Thread: writer */
    void (*done)(struct st_job *job, enum err e);
    const struct cancel *cancel; /* looked at before run; may be NULL */
    /* private */
    struct st_job *next;
    enum err result;
};

/* Takes the job until done(). ERR_OVER_CAPACITY (queue full), ERR_CLOSED:
 * done() is then not called. Thread: any. Lock: takes store.lock. */
MUST_USE enum err st_submit(struct st_store *s, struct st_job *job);
/* As st_submit, but where nobody is writing the caller is the writer: it waits
 * for the disk, and has been answered upon return. One wake-up of another
 * thread less. Thread: worker. Lock: none may be held; takes store.lock. */
MUST_USE enum err st_submit_here(struct st_store *s, struct st_job *job);

/* Submits and waits: for startup, the command line and tests. Never on a
 * loop or the writer. */
MUST_USE enum err st_write(struct st_store *s,
                           enum err (*run)(void *ctx, struct st_tx *tx),
                           void *ctx);

/* --- validity on a loop (DECISIONS: a cached session without SQLite) ----- */

/* A stamp of "nobody else has committed since". Two atomic loads from a small
 * mapped file that all processes on this state file share, 0 when a foreign
 * commit is under way (never equal to anything). Read it BEFORE the read
 * transaction whose data it shall vouch for. Our own commits do not change
 * it: they publish. Thread: any */
uint64_t st_stamp(const struct st_store *s);
static inline bool st_stamp_same(uint64_t a, uint64_t b)
{
    return a != 0 && a == b;
}

/* How often this process has committed; raised before the jobs are answered.
 * Thread: any */
uint64_t st_transactions(const struct st_store *s);

/* --- care ---------------------------------------------------------------- */

struct st_store_stats {
    uint64_t jobs, jobs_failed, transactions, jobs_rerun, checkpoints;
    uint64_t troubles; /* of jobs_failed: the file or memory, not the job */
    uint32_t queued, readers;
    uint64_t wal_bytes, db_bytes;
    struct histogram_sum commit; /* of transactions */
    int64_t last_commit_ns;      /* how long it took; 0: none yet */
    int64_t busy_ns;             /* of the write under way; 0: none is */
    /* Since the writer moved on last: busy_ns, or how long a job has waited
     * for a writer that does not come. 0: nothing is asked of it. */
    int64_t beat_ns;
    int user_version;
    bool replaced; /* the path names another file than is open, or none */
    bool damaged;  /* SQLite has found the file damaged; for good */
};
void st_store_stats(struct st_store *s, struct st_store_stats *ret);
/* The same in two parts. The sizes and `replaced` are the disk's to tell, so
 * st_store_files may block as long as the disk does; the rest is in memory:
 * st_store_counts leaves those three alone. */
void st_store_counts(struct st_store *s, struct st_store_stats *ret);
void st_store_files(const struct st_store *s, struct st_store_stats *ret);
/* Moves the WAL into the file if it has grown; off the commit path.
 * Thread: keeper */
void st_store_checkpoint(struct st_store *s);
/* Online backup to a new file; ERR_EXISTS when there is one. Writers go on.
 * Thread: worker or main */
MUST_USE enum err st_store_backup(struct st_store *s, struct slice path,
                                  struct arena *a, struct problem *p);
/* PRAGMA integrity_check; OK or ERR_STORE_CORRUPT with the first finding. */
MUST_USE enum err st_store_check(struct st_store *s, struct arena *a,
                                 struct problem *p);

#endif
