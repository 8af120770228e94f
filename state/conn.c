#include "state/conn.h"

#include <assert.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "state/sqlite_setup.h"

#define PROGRESS_STEPS 1000 /* virtual-machine steps between two looks */
#define WAL_KEEP "33554432" /* a WAL that grew is cut back to this */

static const char *const sql[] = {
#define STMT_SQL(symbol, text) [STMT_##symbol] = text,
    STMT_ROWS(STMT_SQL)
#undef STMT_SQL
};
static_assert(sizeof(sql) / sizeof(sql[0]) == STMT_COUNT, "one row each");

/* --- errors --------------------------------------------------------------- */

/* `hard`: a failure of the machinery, not an answer. It is logged, and a job
 * that met one has failed whatever it returns. */
struct code_row {
    int code; /* primary or extended */
    enum err reading, writing;
    bool hard;
};
static const struct code_row codes[] = {
    {SQLITE_IOERR_NOMEM, ERR_NOMEM, ERR_NOMEM, true},
    {SQLITE_CONSTRAINT_PRIMARYKEY, ERR_EXISTS, ERR_EXISTS, false},
    {SQLITE_CONSTRAINT_UNIQUE, ERR_EXISTS, ERR_EXISTS, false},
    {SQLITE_CONSTRAINT, ERR_INVALID, ERR_INVALID, false},
    {SQLITE_BUSY, ERR_STORE_BUSY, ERR_STORE_BUSY, false},
    {SQLITE_LOCKED, ERR_STORE_BUSY, ERR_STORE_BUSY, false},
    {SQLITE_PROTOCOL, ERR_STORE_BUSY, ERR_STORE_BUSY, false},
    {SQLITE_INTERRUPT, ERR_CANCELLED, ERR_CANCELLED, false},
    {SQLITE_TOOBIG, ERR_TOO_LARGE, ERR_TOO_LARGE, false},
    {SQLITE_NOMEM, ERR_NOMEM, ERR_NOMEM, true},
    {SQLITE_CORRUPT, ERR_STORE_CORRUPT, ERR_STORE_CORRUPT, true},
    {SQLITE_NOTADB, ERR_STORE_CORRUPT, ERR_STORE_CORRUPT, true},
    {SQLITE_FULL, ERR_IO, ERR_STORE_WRITE_FAILED, true},
    {SQLITE_IOERR, ERR_IO, ERR_STORE_WRITE_FAILED, true},
    {SQLITE_CANTOPEN, ERR_IO, ERR_STORE_WRITE_FAILED, true},
    {SQLITE_READONLY, ERR_IO, ERR_STORE_WRITE_FAILED, true},
    {SQLITE_PERM, ERR_IO, ERR_STORE_WRITE_FAILED, true},
    {SQLITE_AUTH, ERR_IO, ERR_STORE_WRITE_FAILED, true},
};
static const struct code_row unknown = {0, ERR_INTERNAL, ERR_INTERNAL, true};

static const struct code_row *code_row(int rc)
{
    size_t n = sizeof(codes) / sizeof(codes[0]);
    for (size_t i = 0; i < n; i++)
        if (codes[i].code == rc) return &codes[i];
    for (size_t i = 0; i < n; i++)
        if (codes[i].code == (rc & 0xff)) return &codes[i];
    return &unknown;
}

enum err st__conn_err(struct st_conn *c, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE) return OK;
    const struct code_row *row = code_row(rc);
    enum err e = c->writes ? row->writing : row->reading;
    if (rc == SQLITE_INTERRUPT) {
        enum err why = cancel_check(c->tx.cancel, clock_now());
        if (why) e = why;
    }
    if (!row->hard) return e;
    if (!c->tx.hard) c->tx.hard = e;
    if (e == ERR_STORE_CORRUPT && c->store) st__damaged(c->store);
    log_error("store", "a statement failed", LOG_S("error", err_detail(e)),
              LOG_C("sqlite", c->db ? sqlite3_errmsg(c->db) : "no memory"),
              LOG_I("code", rc));
    return e;
}

/* --- waiting and stopping ------------------------------------------------- */

/* Short sleeps with jitter: two servers on one file then take turns, where
 * SQLite's own steps of up to 100 ms starve the one that sleeps. */
static int on_busy(void *ctx, int tries)
{
    struct st_conn *c = ctx;
    if (tries == 0) c->busy_slept_us = 0;
    if (c->busy_slept_us >= (uint64_t)c->busy_timeout_ms * 1000) return 0;
    if (cancel_check(c->tx.cancel, clock_now())) return 0;
    uint64_t most = tries < 8 ? 250u << (tries / 2) : 4000;
    uint64_t us = most / 2 + random_u64() % (most / 2);
    struct timespec t = {0, (long)(us * 1000)};
    nanosleep(&t, NULL);
    c->busy_slept_us += us;
    return 1;
}

static int on_progress(void *ctx)
{
    const struct st_conn *c = ctx;
    return cancel_check(c->tx.cancel, clock_now()) != OK;
}

/* --- statements ----------------------------------------------------------- */

sqlite3_stmt *st__conn_stmt(struct st_conn *c, enum st_stmt id,
                            enum err *ret_err)
{
    if (!c->stmt[id]) {
        int rc = sqlite3_prepare_v3(
            c->db, sql[id], -1, SQLITE_PREPARE_PERSISTENT, &c->stmt[id], NULL);
        if (rc) {
            *ret_err = st__conn_err(c, rc);
            return NULL;
        }
    }
    return c->stmt[id];
}

enum err st__conn_run(struct st_conn *c, enum st_stmt id)
{
    enum err e = OK;
    sqlite3_stmt *st = st__conn_stmt(c, id, &e);
    if (!st) return e;
    int rc = sqlite3_step(st);
    e = st__conn_err(c, rc);
    sqlite3_reset(st);
    return e;
}

enum err st__conn_exec(struct st_conn *c, const char *text)
{
    return st__conn_err(c, sqlite3_exec(c->db, text, NULL, NULL, NULL));
}

enum err st__conn_int(struct st_conn *c, const char *text, int64_t *ret)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(c->db, text, -1, &st, NULL);
    if (!rc) rc = sqlite3_step(st);
    enum err e = st__conn_err(c, rc);
    if (!e && rc != SQLITE_ROW) e = ERR_NOT_FOUND;
    if (!e) *ret = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return e;
}

void st__conn_rollback(struct st_conn *c)
{
    /* An error may have rolled back already; then there is nothing to end. */
    if (sqlite3_get_autocommit(c->db)) return;
    enum err e = st__conn_run(c, STMT_ROLLBACK);
    if (e || !sqlite3_get_autocommit(c->db))
        sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
}

enum err st__conn_begin(struct st_conn *c, enum st_stmt how)
{
    enum err e = OK;
    /* What ends it is had first: later there may be no memory for it. */
    if (!st__conn_stmt(c, STMT_ROLLBACK, &e)) return e;
    st__conn_rollback(c); /* one that could not be ended */
    if (!sqlite3_get_autocommit(c->db)) return ERR_NOMEM;
    return st__conn_run(c, how);
}

/* --- life ----------------------------------------------------------------- */

/* DEFENSIVE: no SQL of ours can write the schema by hand. DQS: a misspelt
 * column is an error, not a text. */
static int harden(sqlite3 *db)
{
    static const int options[][2] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},
        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        int rc = sqlite3_db_config(db, options[i][0], options[i][1], NULL);
        if (rc) return rc;
    }
    return SQLITE_OK;
}

static const char *pragmas(bool writes, enum st_durability d)
{
    if (!writes) return "PRAGMA query_only=1;PRAGMA cell_size_check=1";
    return d == ST_NORMAL ? "PRAGMA synchronous=NORMAL;"
                            "PRAGMA journal_size_limit=" WAL_KEEP
                            ";PRAGMA cell_size_check=1"
                          : "PRAGMA synchronous=FULL;"
                            "PRAGMA journal_size_limit=" WAL_KEEP
                            ";PRAGMA cell_size_check=1";
}

static enum err set_up(struct st_conn *c, bool writes, enum st_durability d)
{
    int rc = harden(c->db);
    if (!rc) rc = sqlite3_busy_handler(c->db, on_busy, c);
    if (!rc) rc = sqlite3_wal_autocheckpoint(c->db, 0);
    if (!rc) rc = sqlite3_exec(c->db, pragmas(writes, d), NULL, NULL, NULL);
    /* The writer never stops in the middle: a cancellation is looked at
     * before a job begins. */
    if (!rc && !writes)
        sqlite3_progress_handler(c->db, PROGRESS_STEPS, on_progress, c);
    return st__conn_err(c, rc);
}

enum err st__conn_open(const char *path, bool writes, enum st_durability d,
                       uint32_t busy_timeout_ms, struct st_conn **ret)
{
    enum err e = st__sqlite_setup();
    if (e) return e;
    struct st_conn *c = MEM_NEW(struct st_conn);
    if (!c) return ERR_NOMEM;
    c->writes = writes;
    c->busy_timeout_ms = busy_timeout_ms;
    c->tx.conn = c;
    int rc =
        sqlite3_open_v2(path, &c->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                            SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE,
                        NULL);
    e = st__conn_err(c, rc);
    if (!e) e = set_up(c, writes, d);
    c->tx.hard = OK;
    if (e)
        st__conn_close(c);
    else
        *ret = c;
    return e;
}

void st__conn_close(struct st_conn *c)
{
    if (!c) return;
    for (int i = 0; i < STMT_COUNT; i++) sqlite3_finalize(c->stmt[i]);
    int rc = sqlite3_close(c->db);
    if (rc)
        log_error("store", "a connection does not close",
                  LOG_C("sqlite", sqlite3_errstr(rc)));
    mem_free(c);
}
