/*
 * The writer: queued jobs, several per transaction, answered after COMMIT.
 *
 * Who has the write connection is the writer: one thread at a time, `serving`
 * says that there is one, and it passes from one to the next under the lock.
 * Mostly it is the writer thread, which serves until nothing is queued. A
 * worker that finds nobody at it may do its own group's work instead of waking
 * that thread (st_submit_here), and calls it to what has come meanwhile.
 *
 * A group is what was queued when the writer looked, in order: while one
 * group waits for the disk the next one gathers, so the group's size follows
 * the load and a lonely job never waits for company.
 *
 * A job that fails leaves no trace. Most that do have not written; after one
 * that has, the group is rolled back and run again, each job in a savepoint.
 *
 * An error may have rolled the whole transaction back (a full disk, I/O, no
 * memory): sqlite3_get_autocommit tells. Then nothing of the group happened,
 * refusals that were decided upon its data included, and every job is run
 * again in a transaction of its own, so that the one that breaks is alone.
 * A COMMIT that fails answers all of them with its error.
 */
#include "state/store_private.h"

#include <semaphore.h>

#include "base/clock.h"
#include "base/log.h"

#define GROUP_MAX 256
#define OVERWRITES_MAX 8

static void count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* Who looks at the writer sees how long it has been at one thing. */
static void beat(struct st_store *s, int64_t now)
{
    atomic_store_explicit(&s->busy_since, now, memory_order_relaxed);
}

/* --- one transaction ------------------------------------------------------ */

static enum err tx_open(struct st_store *s, uint64_t *ret_unended)
{
    enum err e = st__conn_begin(s->writer, STMT_BEGIN_WRITE);
    if (e) return e;
    e = st__schema_same(s->schema, s->writer);
    if (e)
        st__conn_rollback(s->writer);
    else
        *ret_unended = st__commits_settle(&s->commits);
    return e;
}

/* Writing over what somebody left gives the lock away, so it may take several
 * times. */
static enum err tx_begin(struct st_store *s)
{
    struct st_conn *w = s->writer;
    uint64_t unended = 0;
    enum err e = tx_open(s, &unended);
    for (int i = 0; !e && unended; i++) {
        e = st__wal_overwrite(s, w, unended);
        if (!e) e = i < OVERWRITES_MAX ? tx_open(s, &unended) : ERR_STORE_BUSY;
    }
    if (e) return e;
    w->tx.stamp = st__commits_stamp_locked(&s->commits);
    w->tx.open = true;
    return OK;
}

static void tx_rollback(struct st_store *s)
{
    s->writer->tx.open = false;
    st__conn_rollback(s->writer);
}

static enum err tx_commit(struct st_store *s)
{
    uint64_t ticket = 0;
    int64_t began = clock_now();
    beat(s, began);
    s->writer->tx.open = false;
    enum err e = st__in_place(s) ? st__commits_begin(&s->commits, &ticket)
                                 : ERR_STORE_REPLACED;
    if (!e) e = st__conn_run(s->writer, STMT_COMMIT);
    st__conn_rollback(s->writer);
    if (!e) st__commits_end(&s->commits, ticket);
    if (!e) count(&s->transactions, 1);
    int64_t took = clock_now() - began;
    if (e) return e;
    histogram_add(&s->commit, took);
    atomic_store_explicit(&s->last_commit, took, memory_order_relaxed);
    return OK;
}

uint64_t st_transactions(const struct st_store *s)
{
    return atomic_load_explicit(&s->transactions, memory_order_acquire);
}

static bool tx_lost(const struct st_store *s)
{
    return sqlite3_get_autocommit(s->writer->db) != 0;
}

/* --- one job -------------------------------------------------------------- */

static bool called_off(struct st_job *job)
{
    job->result = cancel_check(job->cancel, clock_now());
    return job->result != OK;
}

/* A job that met a failing disk and says OK has failed all the same. */
static enum err call(struct st_store *s, struct st_job *job)
{
    struct st_tx *tx = &s->writer->tx;
    tx->hard = OK;
    beat(s, clock_now());
    enum err e = job->run(job, tx);
    lock_assert_none();
    return e ? e : tx->hard;
}

static enum err run_alone(struct st_store *s, struct st_job *job)
{
    enum err e = tx_begin(s);
    if (e) return e;
    e = call(s, job);
    if (!e && tx_lost(s)) e = ERR_STORE_WRITE_FAILED;
    if (!e) return tx_commit(s);
    tx_rollback(s);
    return e;
}

/* How far a job left its transaction of several to be used. */
enum left {
    LEFT_WHOLE,
    LEFT_TRACES, /* of a job that failed */
    LEFT_LOST    /* or not to be trusted any more */
};

/* A savepoint keeps each page as it was before the job: a fifteenth of what a
 * call costs under load, for the one job in very many that fails after it has
 * written. */
static enum left run_bare(struct st_store *s, struct st_job *job)
{
    int before = sqlite3_total_changes(s->writer->db);
    job->result = call(s, job);
    if (tx_lost(s)) return LEFT_LOST;
    if (!job->result) return LEFT_WHOLE;
    bool wrote = sqlite3_total_changes(s->writer->db) != before;
    return wrote ? LEFT_TRACES : LEFT_WHOLE;
}

static enum left run_in_savepoint(struct st_store *s, struct st_job *job)
{
    struct st_conn *w = s->writer;
    if (st__conn_run(w, STMT_SAVEPOINT) != OK) return LEFT_LOST;
    enum err e = call(s, job);
    if (tx_lost(s)) return LEFT_LOST;
    job->result = e;
    if (e && st__conn_run(w, STMT_ROLLBACK_TO) != OK) return LEFT_LOST;
    return st__conn_run(w, STMT_RELEASE) == OK ? LEFT_WHOLE : LEFT_LOST;
}

/* --- one group ------------------------------------------------------------ */

/* Jobs that were called off have their answer and are not run. */
struct group {
    struct st_job *jobs[GROUP_MAX];
    uint32_t n;
};

static void answer_all(struct group *g, enum err e)
{
    for (uint32_t i = 0; i < g->n; i++) g->jobs[i]->result = e;
}

static void run_one_by_one(struct st_store *s, struct group *g)
{
    count(&s->jobs_rerun, g->n);
    for (uint32_t i = 0; i < g->n; i++)
        if (!called_off(g->jobs[i]))
            g->jobs[i]->result = run_alone(s, g->jobs[i]);
}

/* LEFT_WHOLE: all have run, and are committed if any of them changed a thing.
 * Otherwise nothing happened. */
static enum left run_all(struct st_store *s, struct group *g,
                         enum left (*run)(struct st_store *s,
                                          struct st_job *job))
{
    bool changed = false;
    enum left left = LEFT_WHOLE;
    enum err e = tx_begin(s);
    if (e) {
        answer_all(g, e);
        return LEFT_WHOLE;
    }
    for (uint32_t i = 0; i < g->n && left == LEFT_WHOLE; i++) {
        left = run(s, g->jobs[i]);
        changed |= g->jobs[i]->result == OK;
    }
    if (left != LEFT_WHOLE || !changed) {
        tx_rollback(s);
        return left;
    }
    e = tx_commit(s);
    if (e) answer_all(g, e);
    return LEFT_WHOLE;
}

static void run_together(struct st_store *s, struct group *g)
{
    enum left left = run_all(s, g, run_bare);
    if (left == LEFT_TRACES) {
        count(&s->jobs_rerun, g->n);
        left = run_all(s, g, run_in_savepoint);
    }
    if (left == LEFT_LOST) run_one_by_one(s, g);
}

/* Is it the store that failed, rather than the job that said no? */
static bool trouble(enum err e)
{
    return e == ERR_IO || e == ERR_NOMEM || e == ERR_STORE_BUSY ||
           e == ERR_STORE_WRITE_FAILED || e == ERR_STORE_CORRUPT;
}

static void run_group(struct st_store *s, struct group *all)
{
    struct group g = {.n = 0};
    for (uint32_t i = 0; i < all->n; i++)
        if (!called_off(all->jobs[i])) g.jobs[g.n++] = all->jobs[i];
    if (g.n == 1)
        g.jobs[0]->result = run_alone(s, g.jobs[0]);
    else if (g.n > 1)
        run_together(s, &g);
    for (uint32_t i = 0; i < all->n; i++) {
        struct st_job *job = all->jobs[i];
        count(&s->jobs, 1);
        if (job->result) count(&s->jobs_failed, 1);
        if (trouble(job->result)) count(&s->troubles, 1);
        job->done(job, job->result); /* the job may be gone now */
        lock_assert_none();
    }
}

/* --- the queue ------------------------------------------------------------ */

/* False: nothing is queued. */
static bool next_group(struct st_store *s, struct group *ret)
{
    ret->n = 0;
    lock_take(&s->lock);
    while (s->first && ret->n < GROUP_MAX) {
        ret->jobs[ret->n++] = s->first;
        s->first = s->first->next;
    }
    if (!s->first) s->last = NULL;
    s->queued -= ret->n;
    /* with the list: never idle while a job is old */
    if (ret->n) beat(s, clock_now());
    lock_drop(&s->lock);
    return ret->n > 0;
}

/* One group. False: nothing was queued. Thread: who is serving */
static bool serve(struct st_store *s)
{
    struct group g;
    if (!next_group(s, &g)) return false;
    run_group(s, &g);
    st__checkpoint_after_commit(s);
    return true;
}

/* The writer thread gets the write connection if something is queued, nobody
 * otherwise. It is signalled under the lock: once `closed`, the store may be
 * gone as soon as nobody is serving. Thread: who is serving, until here */
static void give_back(struct st_store *s)
{
    lock_take(&s->lock);
    beat(s, 0);
    s->called = s->serving = s->first != NULL;
    if (s->called || s->closed) cond_signal(&s->writer_called);
    lock_drop(&s->lock);
}

static void *writer_main(void *arg)
{
    struct st_store *s = arg;
    log_thread_name("writer");
    lock_take(&s->lock);
    while (s->serving || !s->closed) {
        if (!s->called) {
            cond_wait(&s->writer_called, &s->lock);
            continue;
        }
        s->called = false;
        lock_drop(&s->lock);
        while (serve(s)) continue;
        give_back(s);
        lock_take(&s->lock);
    }
    lock_drop(&s->lock);
    return NULL;
}

/* Puts the job last. *ret_free: nobody was serving; now the caller is, or,
 * unless it will `here`, the writer thread, to be signalled. */
static enum err enqueue(struct st_store *s, struct st_job *job, bool here,
                        bool *ret_free)
{
    enum err e = OK;
    job->next = NULL;
    lock_take(&s->lock);
    if (s->closed) {
        e = ERR_CLOSED;
    } else if (s->queued >= s->jobs_max) {
        e = ERR_OVER_CAPACITY;
    } else {
        if (!s->first) s->waits_since = clock_now();
        *(s->last ? &s->last->next : &s->first) = job;
        s->last = job;
        s->queued++;
        *ret_free = !s->serving;
        if (*ret_free) s->called = !here;
        s->serving = true;
    }
    lock_drop(&s->lock);
    return e;
}

/* Signals with the lock dropped: the writer would wake up only to wait for
 * it. One signal is enough until the writer waits again. */
enum err st_submit(struct st_store *s, struct st_job *job)
{
    bool free = false;
    enum err e = enqueue(s, job, false, &free);
    if (free) cond_signal(&s->writer_called);
    return e;
}

/* Of its own group, which is answered then; who has come since waits for the
 * writer thread, so that no worker is kept by the load of others. */
enum err st_submit_here(struct st_store *s, struct st_job *job)
{
    bool free = false;
    lock_assert_none();
    enum err e = enqueue(s, job, true, &free);
    if (!free) return e;
    (void)serve(s);
    give_back(s);
    return e;
}

enum err st__writer_start(struct st_store *s)
{
    s->writer->tx.cancel = NULL;
    enum err e = st__thread(writer_main, s, &s->writer_thread);
    s->writer_runs = !e;
    return e;
}

void st__writer_stop(struct st_store *s)
{
    if (!s->writer_runs) return;
    lock_take(&s->lock);
    s->closed = true;
    cond_signal(&s->writer_called);
    lock_drop(&s->lock);
    pthread_join(s->writer_thread, NULL);
    s->writer_runs = false;
}

/* --- waiting for a write -------------------------------------------------- */

struct waiting {
    struct st_job job; /* first */
    enum err (*run)(void *ctx, struct st_tx *tx);
    void *ctx;
    sem_t answered;
    enum err result;
};

static enum err waiting_run(struct st_job *job, struct st_tx *tx)
{
    struct waiting *w = (struct waiting *)job;
    return w->run(w->ctx, tx);
}

/* After sem_post w may be gone, as POSIX allows with a semaphore. */
static void waiting_done(struct st_job *job, enum err e)
{
    struct waiting *w = (struct waiting *)job;
    w->result = e;
    sem_post(&w->answered);
}

enum err st_write(struct st_store *s,
                  enum err (*run)(void *ctx, struct st_tx *tx), void *ctx)
{
    struct waiting w = {.job = {.run = waiting_run, .done = waiting_done},
                        .run = run,
                        .ctx = ctx};
    sem_init(&w.answered, 0, 0);
    enum err e = st_submit(s, &w.job);
    if (!e) {
        while (sem_wait(&w.answered) != 0) continue; /* a signal came */
        e = w.result;
    }
    sem_destroy(&w.answered);
    return e;
}
