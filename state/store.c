#include "state/store_private.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "state/backup.h"
#include "state/newborn.h"
#include "state/sqlite_setup.h"

/* --- telling why not ------------------------------------------------------ */

struct reason {
    enum err err;
    const char *why, *how_to_fix;
};
static const struct reason reasons[] = {
    {ERR_STORE_TOO_NEW,
     "the state file was written by a newer version of phasegate",
     "Start that version, or put the backup <file>.v<N> of this version in "
     "its place"},
    {ERR_STORE_FOREIGN, "the file is a database of another program",
     "Choose another project folder, or move the file away"},
    {ERR_STORE_CORRUPT, "the state file is damaged or not a database",
     "Move it away and put a backup in its place (with its -wal file, if it "
     "has one)"},
    {ERR_STORE_BUSY, "another process holds the state file locked",
     "Wait a moment and try again, or stop the other process"},
    {ERR_IO, "the state file cannot be opened, read or locked",
     "Check the folder's permissions and that it lies on a local disk"},
    {ERR_STORE_WRITE_FAILED, "the state file cannot be written",
     "Free some disk space and check that the folder can be written to"},
    {ERR_STORE_REPLACED, "the state file was moved, deleted or replaced",
     "Put it back, or restart the server"},
    {ERR_NOT_FOUND, "the folder of the state file does not exist",
     "Create it, or name another project"},
    {ERR_INVALID, "it is a folder, a FIFO or a device, and the state is a file",
     "Name a file in it: --state FOLDER/state.db"},
    {ERR_EXISTS, "the file exists already", "Name a file that does not exist"},
    {ERR_NOMEM, "there was not enough memory", "Free memory and try again"},
};

enum err st__told(struct problem *p, struct arena *a, enum err e,
                  struct slice path)
{
    const char *why = "the state file could not be used",
               *mend = "see the log for the reason";
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].err != e) continue;
        why = reasons[i].why;
        mend = reasons[i].how_to_fix;
    }
    return problem_setf(p, a, e, slice_of(why), slice_of(mend), "%.*s",
                        SLICE_ARG(path));
}

/* A folder, a device, a FIFO: SQLite would wait for its first bytes for
 * ever. */
static bool is_no_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

/* --- opening -------------------------------------------------------------- */

static char *heap_cstr(struct slice s)
{
    char *p = mem_alloc(s.n + 1);
    if (!p) return NULL;
    memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return p;
}

/* Absolute, links in the folder resolved: the same name for every connection
 * whatever the working directory becomes. */
static enum err absolute(struct slice path, struct arena *a, char **ret)
{
    size_t slash = path.n;
    while (slash > 0 && path.p[slash - 1] != '/') slash--;
    struct slice name = slice_sub(path, slash, path.n),
                 folder = slash ? slice_sub(path, 0, slash) : SLICE(".");
    if (name.n == 0 || memchr(path.p, '\0', path.n)) return ERR_INVALID;
    enum err e = path_canonical(folder, a, &folder);
    if (e) return e;
    struct slice whole = path_join(a, folder, name);
    if (!whole.p) return ERR_NOMEM;
    *ret = heap_cstr(whole);
    return *ret ? OK : ERR_NOMEM;
}

/* SQLite would create it readable for all. A new file has no connection yet,
 * so closing this descriptor takes no lock away. */
static enum err create_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
        return OK;
    }
    return access(path, F_OK) == 0 ? OK : ERR_IO;
}

/* A state.db that is itself a link: the names beside it are those of the file
 * it leads to, as SQLite's own are, so that all processes share them. */
static enum err follow_links(struct st_store *s)
{
    char *real =
        heap_cstr(slice_of(sqlite3_db_filename(s->writer->db, "main")));
    if (!real) return ERR_NOMEM;
    mem_free(s->path);
    s->path = real;
    return OK;
}

static enum err note_identity(struct st_store *s)
{
    struct stat st;
    if (stat(s->path, &st) != 0) return ERR_IO;
    s->dev = st.st_dev;
    s->ino = st.st_ino;
    return OK;
}

/* What is committed into a file without its name is lost with the process. */
bool st__in_place(const struct st_store *s)
{
    struct stat st;
    return stat(s->path, &st) == 0 && st.st_dev == s->dev &&
           st.st_ino == s->ino;
}

enum err st__connect(const struct st_store *s, bool writes,
                     uint32_t busy_timeout_ms, struct st_conn **ret)
{
    if (!st__in_place(s)) return ERR_STORE_REPLACED;
    return st__conn_open(s->path, writes, s->durability, busy_timeout_ms, ret);
}

/* Of a file that has just been made: no stamp of an older one is valid. While
 * the WAL is empty no frame lies behind those that readers know of, whatever
 * ticket was left: nothing has to be written over. */
static enum err begin_count(struct st_store *s)
{
    uint64_t ticket = 0;
    enum err e = st__conn_begin(s->writer, STMT_BEGIN_WRITE);
    if (e) return e;
    (void)st__commits_settle(&s->commits);
    if (st__wal_bytes(s) == 0) {
        e = st__commits_begin(&s->commits, &ticket);
        st__commits_end(&s->commits, ticket);
    }
    st__conn_rollback(s->writer);
    return e;
}

static enum err open_file(struct st_store *s)
{
    enum err e = st__sqlite_setup();
    bool fresh = !e && st__newborn(s->schema, s->path);
    if (!e && !fresh) e = create_private(s->path);
    if (!e && !fresh) e = st__schema_peek(s->schema, s->path);
    if (!e)
        e = st__conn_open(s->path, true, s->durability, s->busy_timeout_ms,
                          &s->writer);
    if (!e) s->writer->store = s;
    if (!e) e = follow_links(s);
    if (!e) e = note_identity(s);
    if (!e) e = st__schema_admit(s->schema, s->writer);
    if (!e) e = st__commits_open(&s->commits, s->path);
    if (!e) e = st__schema_apply(s->schema, s->writer, &s->commits, s->path);
    if (!e && fresh) e = begin_count(s);
    return e;
}

enum err st__thread(void *(*run)(void *), struct st_store *s, pthread_t *ret)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(ret, NULL, run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? ERR_OVER_CAPACITY : OK;
}

static struct st_store *store_new(const struct st_store_options *o,
                                  const struct st_schema *schema)
{
    struct st_store *s = MEM_NEW(struct st_store);
    if (!s) return NULL;
    s->schema = schema;
    s->durability = o->durability;
    s->jobs_max = o->jobs_max ? o->jobs_max : 4096;
    s->busy_timeout_ms = o->busy_timeout_ms ? o->busy_timeout_ms : 5000;
    lock_init(&s->lock, "store", RANK_STORE);
    cond_init(&s->writer_called);
    cond_init(&s->checkpoint_asked);
    return s;
}

enum err st__store_open(const struct st_store_options *o,
                        const struct st_schema *schema, struct arena *a,
                        struct problem *p, struct st_store **ret)
{
    struct st_store *s = store_new(o, schema);
    enum err e = s ? absolute(o->path, a, &s->path) : ERR_NOMEM;
    if (!e && is_no_file(s->path)) e = ERR_INVALID;
    if (!e) e = open_file(s);
    if (!e) e = st__readers_start(s);
    if (!e) e = st__checkpoint_start(s);
    if (!e) e = st__writer_start(s);
    if (e) {
        st_store_close(s);
        return st__told(p, a, e, o->path);
    }
    *ret = s;
    return OK;
}

enum err st_store_open(const struct st_store_options *o, struct arena *a,
                       struct problem *p, struct st_store **ret)
{
    return st__store_open(o, &st__schema, a, p, ret);
}

/* The last connection of the last process moves the WAL into the file. */
void st_store_close(struct st_store *s)
{
    if (!s) return;
    st__writer_stop(s);
    st__checkpoint_stop(s);
    st__readers_stop(s);
    st__conn_close(s->writer);
    if (s->commits.path) st__commits_close(&s->commits);
    cond_done(&s->checkpoint_asked);
    cond_done(&s->writer_called);
    lock_done(&s->lock);
    mem_free(s->path);
    mem_free(s);
}

/* --- small questions ------------------------------------------------------ */

uint64_t st_stamp(const struct st_store *s)
{
    return st__commits_stamp(&s->commits);
}

static uint64_t bytes_of(const struct st_store *s, const char *suffix)
{
    char path[4096];
    struct stat st;
    int n = snprintf(path, sizeof(path), "%s%s", s->path, suffix);
    if (n < 0 || (size_t)n >= sizeof(path) || stat(path, &st) != 0) return 0;
    return (uint64_t)st.st_size;
}

uint64_t st__wal_bytes(const struct st_store *s)
{
    return bytes_of(s, "-wal");
}

/* A file does not mend itself, and what else in it is wrong nobody knows. */
void st__damaged(struct st_store *s)
{
    atomic_store_explicit(&s->damaged, true, memory_order_relaxed);
}

static uint64_t counted(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void st_store_counts(struct st_store *s, struct st_store_stats *ret)
{
    *ret = (struct st_store_stats){
        .jobs = counted(&s->jobs),
        .jobs_failed = counted(&s->jobs_failed),
        .troubles = counted(&s->troubles),
        .transactions = counted(&s->transactions),
        .jobs_rerun = counted(&s->jobs_rerun),
        .checkpoints = counted(&s->checkpoints),
        .wal_bytes = ret->wal_bytes,
        .db_bytes = ret->db_bytes,
        .user_version = s->schema->version,
        .replaced = ret->replaced,
    };
    histogram_read(&s->commit, &ret->commit);
    ret->last_commit_ns =
        atomic_load_explicit(&s->last_commit, memory_order_relaxed);
    ret->damaged = atomic_load_explicit(&s->damaged, memory_order_relaxed);
    lock_take(&s->lock);
    int64_t since = atomic_load_explicit(&s->busy_since, memory_order_relaxed);
    if (since) ret->busy_ns = clock_now() - since;
    ret->beat_ns = ret->busy_ns;
    if (!since && s->first) ret->beat_ns = clock_now() - s->waits_since;
    ret->queued = s->queued;
    ret->readers = s->reader_count;
    lock_drop(&s->lock);
}

void st_store_files(const struct st_store *s, struct st_store_stats *ret)
{
    ret->wal_bytes = st__wal_bytes(s);
    ret->db_bytes = bytes_of(s, "");
    ret->replaced = !st__in_place(s);
}

void st_store_stats(struct st_store *s, struct st_store_stats *ret)
{
    st_store_files(s, ret);
    st_store_counts(s, ret);
}

enum err st_store_backup(struct st_store *s, struct slice path, struct arena *a,
                         struct problem *p)
{
    char *to = NULL;
    enum err e = absolute(path, a, &to);
    if (!e)
        e = st__backup(s->path, to, ST_BACKUP_NEW, s->busy_timeout_ms, NULL);
    mem_free(to);
    return e ? st__told(p, a, e, path) : OK;
}

/* On a connection of its own: it may take seconds, and the thread's own one
 * may be in the middle of a read. */
enum err st_store_check(struct st_store *s, struct arena *a, struct problem *p)
{
    struct slice finding = {0};
    struct st_conn *c = NULL;
    sqlite3_stmt *st = NULL;
    enum err e = st__connect(s, false, s->busy_timeout_ms, &c);
    if (e) return st__told(p, a, e, slice_of(s->path));
    int rc =
        sqlite3_prepare_v2(c->db, "PRAGMA integrity_check(1)", -1, &st, NULL);
    if (!rc) rc = sqlite3_step(st);
    e = st__conn_err(c, rc);
    if (!e) finding = slice_of((const char *)sqlite3_column_text(st, 0));
    if (!e && !slice_eq(finding, SLICE("ok"))) {
        e = ERR_STORE_CORRUPT;
        finding = arena_copy(a, finding);
    }
    sqlite3_finalize(st);
    st__conn_close(c);
    if (!e) return OK;
    return st__told(p, a, e, finding.n ? finding : slice_of(s->path));
}
