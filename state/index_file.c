/*
 * The index file: opening, making anew, connections.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "state/index_private.h"
#include "state/sqlite_setup.h"

#define PROGRESS_STEPS 2000
#define LOCK_WAIT_NS (2 * NS_PER_S)
#define LOCK_LOOK_US 5000
#define TEXT_OF(x) #x
#define NUMBER(x) TEXT_OF(x)
/* `remove_diacritics 2`: also from letters with several of them. */
#define WORDS_AS "tokenize='porter unicode61 remove_diacritics 2'"
#define FTS(columns) "fts5(" columns ", content='', columnsize=0, " WORDS_AS ")"

/* clang-format off */
static const char schema[] =
    "CREATE TABLE state(file INTEGER, revision INTEGER, docs INTEGER, "
    "tokens INTEGER, vectors INTEGER);"
    "CREATE TABLE docs(id INTEGER PRIMARY KEY, root TEXT, path TEXT, "
    "title TEXT, keywords TEXT, tokens INTEGER, stamp BLOB, hash BLOB, "
    "UNIQUE(root, path));"
    "CREATE TABLE tags(tag TEXT, doc INTEGER, PRIMARY KEY(tag, doc)) "
    "WITHOUT ROWID;"
    "CREATE INDEX tags_of ON tags(doc);"
    "CREATE TABLE passages(id INTEGER PRIMARY KEY, hash BLOB, section TEXT, "
    "headings TEXT, text TEXT, tokens INTEGER, line INTEGER, phase INTEGER);"
    "CREATE INDEX passages_of ON passages(phase) WHERE phase IS NOT NULL;"
    "CREATE TABLE vectors(id INTEGER PRIMARY KEY, hash BLOB, model TEXT, "
    "value BLOB, UNIQUE(hash, model));"
    "CREATE VIRTUAL TABLE doc_words USING "
        FTS("path, title, headings, keywords, body") ";"
    "CREATE VIRTUAL TABLE passage_words USING " FTS("headings, body") ";"
    "CREATE TABLE spelling(id INTEGER PRIMARY KEY, word TEXT UNIQUE);"
    "CREATE VIRTUAL TABLE spelling_grams USING fts5(word, content='', "
    "columnsize=0, detail=none, tokenize='trigram');"
    "PRAGMA application_id=" NUMBER(INDEX_APPLICATION) ";"
    "PRAGMA user_version=" NUMBER(INDEX_VERSION);
/* clang-format on */

struct st_index {
    char *path, *wal, *shm, *lock_path;
    struct lock lock;
    /* Guarded by lock. */
    struct index_conn *idle;
    dev_t device; /* of the file that is open */
    ino_t inode;
    uint64_t remade;
    bool damaged;
    bool opening; /* one thread changes files, the others wait */
    struct cond opened;
};

/* --- connections -----------------------------------------------------------
 */

static void conn_close(struct index_conn *c)
{
    if (!c) return;
    for (int i = 0; i < INDEX_STMT_COUNT; i++) sqlite3_finalize(c->stmt[i]);
    index__words_close(c);
    mem_free(c->known);
    sqlite3_close(c->db);
    mem_free(c);
}

static int on_progress(void *ctx)
{
    const struct index_conn *c = ctx;
    return cancel_check(c->cancel, clock_now()) != OK;
}

static int set_up(struct index_conn *c)
{
    static const int options[][2] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    };
    int rc = SQLITE_OK;
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]) && !rc; i++)
        rc = sqlite3_db_config(c->db, options[i][0], options[i][1], NULL);
    if (!rc) rc = sqlite3_busy_timeout(c->db, 2000);
    /* What a power cut takes from it is made again. */
    if (!rc)
        rc = sqlite3_exec(c->db,
                          "PRAGMA synchronous=NORMAL;"
                          "PRAGMA wal_autocheckpoint=4000;" /* 16 MiB */
                          "PRAGMA journal_size_limit=16777216;"
                          "PRAGMA temp_store=MEMORY;"
                          "PRAGMA cache_size=-16384;"
                          "PRAGMA cell_size_check=1",
                          NULL, NULL, NULL);
    if (!rc) sqlite3_progress_handler(c->db, PROGRESS_STEPS, on_progress, c);
    return rc;
}

static enum err conn_open(struct st_index *x, int flags,
                          struct index_conn **ret)
{
    struct index_conn *c = MEM_NEW(struct index_conn);
    if (!c) return ERR_NOMEM;
    c->index = x;
    int rc =
        sqlite3_open_v2(x->path, &c->db,
                        flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                            SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE,
                        NULL);
    if (!rc) rc = set_up(c);
    enum err e = index__fail(c, rc);
    if (!e) e = index__words_open(c);
    if (e)
        conn_close(c);
    else
        *ret = c;
    return e;
}

static int64_t pragma(struct index_conn *c, const char *text)
{
    sqlite3_stmt *st = NULL;
    int64_t v = -1;
    int rc = sqlite3_prepare_v2(c->db, text, -1, &st, NULL);
    if (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW)
        v = sqlite3_column_int64(st, 0);
    index__fail(c, rc);
    sqlite3_finalize(st);
    return v;
}

/* --- the file --------------------------------------------------------------
 */

static enum err make_tables(struct index_conn *c)
{
    char *insert = sqlite3_mprintf(
        "BEGIN IMMEDIATE;%s;INSERT INTO state VALUES(%lld, 1, 0, 0, 0);COMMIT",
        schema, (long long)(random_u64() >> 1));
    if (!insert) return c->err = ERR_NOMEM;
    /* A file that a power cut leaves without its first page is none. */
    int rc = sqlite3_exec(c->db,
                          "PRAGMA synchronous=OFF;"
                          "PRAGMA journal_mode=WAL;"
                          "PRAGMA synchronous=NORMAL",
                          NULL, NULL, NULL);
    if (!rc) rc = sqlite3_exec(c->db, insert, NULL, NULL, NULL);
    sqlite3_free(insert);
    return index__fail(c, rc);
}

/* Is the file ours and whole enough to say so? ERR_STORE_CORRUPT: no. */
static enum err check_tables(struct index_conn *c)
{
    int64_t version = pragma(c, "PRAGMA user_version");
    int64_t application = pragma(c, "PRAGMA application_id");
    int64_t rows = pragma(c, "SELECT count(*) FROM state");
    if (c->err == ERR_NOMEM || c->err == ERR_STORE_BUSY || c->err == ERR_IO)
        return c->err;
    bool ours = !c->err && version == INDEX_VERSION &&
                application == INDEX_APPLICATION && rows == 1;
    return ours ? OK : (c->err = ERR_STORE_CORRUPT);
}

static bool is_empty(const struct st_index *x)
{
    struct stat st;
    return stat(x->path, &st) < 0 || st.st_size == 0;
}

/* The journal goes first: beside another file it would be taken for its own. */
static void remove_files(const struct st_index *x)
{
    unlink(x->wal);
    unlink(x->shm);
    unlink(x->path);
}

/* Nobody else's to read, as the store beside it. */
static void make_file(const struct st_index *x)
{
    int fd = open(x->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd);
}

static enum err open_once(struct st_index *x, struct index_conn **ret)
{
    struct index_conn *c = NULL;
    bool empty = is_empty(x);
    if (empty) {
        remove_files(x);
        make_file(x);
    }
    enum err e = conn_open(x, SQLITE_OPEN_CREATE, &c);
    if (e) return e;
    e = empty ? make_tables(c) : check_tables(c);
    if (e)
        conn_close(c);
    else
        *ret = c;
    return e;
}

/* Takes the connection: closing the only one would move the journal into the
 * file. */
static enum err note_file(struct st_index *x, struct index_conn *c)
{
    struct stat st;
    if (stat(x->path, &st) < 0) {
        conn_close(c);
        return ERR_IO;
    }
    lock_take(&x->lock);
    x->device = st.st_dev;
    x->inode = st.st_ino;
    x->damaged = false;
    x->remade++;
    c->next = x->idle;
    x->idle = c;
    lock_drop(&x->lock);
    return OK;
}

/* Who stands still with the lock keeps the others for a while, not for ever. */
static bool turn_taken(int fd)
{
    int64_t until = clock_now() + LOCK_WAIT_NS;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || clock_now() > until)
            return false;
        (void)usleep(LOCK_LOOK_US);
    }
    return true;
}

/* `bad`: what stands there now is not to be kept, if it is still the file
 * that was found so. Processes take turns by a lock on a file of its own. */
static enum err open_file(struct st_index *x, bool bad)
{
    struct index_conn *c = NULL;
    struct stat st;
    int fd = open(x->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    if (!turn_taken(fd)) {
        close(fd);
        return ERR_STORE_BUSY;
    }
    if (bad && stat(x->path, &st) == 0 && st.st_ino == x->inode &&
        st.st_dev == x->device)
        remove_files(x);
    enum err e = open_once(x, &c);
    if (e == ERR_STORE_CORRUPT) {
        log_warn("index", "the index file is made anew",
                 LOG_C("path", x->path));
        remove_files(x);
        e = open_once(x, &c);
    }
    if (!e) e = note_file(x, c);
    close(fd);
    return e;
}

static struct index_conn *take_all_idle(struct st_index *x)
{
    struct index_conn *idle = x->idle;
    x->idle = NULL;
    return idle;
}

static void close_all(struct index_conn *c)
{
    while (c) {
        struct index_conn *next = c->next;
        conn_close(c);
        c = next;
    }
}

/* Opens it again when another process replaced or removed it, or when it was
 * found damaged. */
static enum err look_at_file(struct st_index *x)
{
    struct stat st;
    bool there = stat(x->path, &st) == 0;
    lock_take(&x->lock);
    while (x->opening) cond_wait(&x->opened, &x->lock);
    if (there && !x->damaged && st.st_ino == x->inode &&
        st.st_dev == x->device) {
        lock_drop(&x->lock);
        return OK;
    }
    bool damaged = x->damaged;
    struct index_conn *idle = take_all_idle(x);
    x->opening = true;
    lock_drop(&x->lock);
    close_all(idle);
    enum err e = open_file(x, damaged);
    lock_take(&x->lock);
    x->opening = false;
    cond_broadcast(&x->opened);
    lock_drop(&x->lock);
    return e;
}

enum err index__take(struct st_index *x, struct index_conn **ret)
{
    enum err e = look_at_file(x);
    if (e) return e;
    lock_take(&x->lock);
    struct index_conn *c = x->idle;
    if (c) x->idle = c->next;
    uint64_t remade = x->remade;
    lock_drop(&x->lock);
    if (!c) e = conn_open(x, 0, &c);
    if (e) return e;
    c->remade = remade;
    c->err = OK;
    c->writes = c->changed = false;
    *ret = c;
    return OK;
}

void index__give(struct index_conn *c)
{
    struct st_index *x = c->index;
    c->cancel = NULL;
    lock_take(&x->lock);
    if (c->err == ERR_STORE_CORRUPT && c->remade == x->remade)
        x->damaged = true;
    bool keep = (!c->err || c->err == ERR_CANCELLED) &&
                c->remade == x->remade && !x->opening;
    if (keep) {
        c->next = x->idle;
        x->idle = c;
    }
    lock_drop(&x->lock);
    if (!keep) conn_close(c);
}

/* --- life ------------------------------------------------------------------
 */

static char *beside(struct slice path, const char *ending)
{
    size_t n = strlen(ending);
    char *p = mem_alloc(path.n + n + 1);
    if (!p) return NULL;
    memcpy(p, path.p, path.n);
    memcpy(p + path.n, ending, n + 1);
    return p;
}

enum err st_index_open(struct slice path, struct arena *a, struct problem *p,
                       struct st_index **ret)
{
    enum err e = st__sqlite_setup();
    struct st_index *x = e ? NULL : MEM_NEW(struct st_index);
    if (!x) return ERR_NOMEM;
    lock_init(&x->lock, "index", RANK_STORE);
    cond_init(&x->opened);
    x->path = beside(path, "");
    x->wal = beside(path, "-wal");
    x->shm = beside(path, "-shm");
    x->lock_path = beside(path, ".lock");
    bool whole = x->path && x->wal && x->shm && x->lock_path;
    e = whole ? open_file(x, false) : ERR_NOMEM;
    if (e) {
        st_index_close(x);
        return problem_setf(
            p, a, e,
            SLICE("The file of the search index cannot be opened or made."),
            SLICE("Check that its folder can be written, or free space on "
                  "the disk."),
            "%.*s", SLICE_ARG(path));
    }
    *ret = x;
    return OK;
}

void st_index_close(struct st_index *x)
{
    if (!x) return;
    close_all(x->idle);
    cond_done(&x->opened);
    lock_done(&x->lock);
    mem_free(x->path);
    mem_free(x->wal);
    mem_free(x->shm);
    mem_free(x->lock_path);
    mem_free(x);
}

uint64_t st_index_remade(struct st_index *x)
{
    lock_take(&x->lock);
    uint64_t n = x->remade;
    lock_drop(&x->lock);
    return n;
}
