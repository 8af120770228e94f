/*
 * conn: one SQLite connection with its prepared statements, and what a
 * transaction on it needs to know. Private to state/.
 *
 * A connection belongs to one thread at a time (SQLite runs without its
 * mutexes). SQLite allocates through base/alloc. Waiting for another process
 * is bounded by the connection's busy timeout; in a read transaction it ends
 * at a cancellation too.
 */
#ifndef STATE_CONN_H
#define STATE_CONN_H

#include <sqlite3.h>

#include "state/statements.h"
#include "state/store.h"

struct st_tx {
    struct st_conn *conn;
    const struct cancel *cancel; /* NULL on the writer */
    uint64_t stamp;              /* vouches for what this transaction sees */
    enum err hard; /* the first failure of the machinery, not of a rule */
    bool open;
};

struct st_conn {
    struct st_store *store; /* NULL: of nobody's */
    sqlite3 *db;
    sqlite3_stmt *stmt[STMT_COUNT];
    bool writes;
    uint32_t busy_timeout_ms;
    uint64_t busy_slept_us;
    struct st_tx tx;
    struct st_conn *next, **link; /* the store's list of read connections */
};

/* Opens an existing file (a missing one is ERR_IO). `writes` false: the
 * connection refuses to write. Checkpoints happen only when asked for. */
MUST_USE enum err st__conn_open(const char *path, bool writes,
                                enum st_durability durability,
                                uint32_t busy_timeout_ms, struct st_conn **ret);
void st__conn_close(struct st_conn *c); /* NULL is fine */

/* SQLite's code as ours, by table; failures of the machinery are logged, and
 * the store is told of a damaged file. */
enum err st__conn_err(struct st_conn *c, int rc);
void st__damaged(struct st_store *s); /* in store.c */
/* The prepared statement; on failure *ret_err says why. */
sqlite3_stmt *st__conn_stmt(struct st_conn *c, enum st_stmt id,
                            enum err *ret_err);
/* Runs a statement that has no parameters and no rows. */
MUST_USE enum err st__conn_run(struct st_conn *c, enum st_stmt id);
/* Runs SQL text, several statements. */
MUST_USE enum err st__conn_exec(struct st_conn *c, const char *sql);
/* The first column of the first row of a query; 0 rows: ERR_NOT_FOUND. */
MUST_USE enum err st__conn_int(struct st_conn *c, const char *sql,
                               int64_t *ret);
/* Begins a transaction with STMT_BEGIN or STMT_BEGIN_WRITE, when it is sure
 * that it can be ended. ERR_NOMEM, ERR_STORE_BUSY */
MUST_USE enum err st__conn_begin(struct st_conn *c, enum st_stmt how);
/* Ends what is open, whatever state it is in. */
void st__conn_rollback(struct st_conn *c);

#endif
