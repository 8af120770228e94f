/*
 * The index: what SQLite says, statements, transactions.
 */
#include <assert.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "state/index_private.h"

static const char *const sql[] = {
#define INDEX_STMT_SQL(symbol, text) [INDEX_##symbol] = text,
    INDEX_STMT_ROWS(INDEX_STMT_SQL)
#undef INDEX_STMT_SQL
};
static_assert(sizeof(sql) / sizeof(sql[0]) == INDEX_STMT_COUNT, "one row each");

/* --- errors --------------------------------------------------------------- */

static const struct {
    int code;
    enum err reading, writing;
} codes[] = {
    {SQLITE_NOMEM, ERR_NOMEM, ERR_NOMEM},
    {SQLITE_BUSY, ERR_STORE_BUSY, ERR_STORE_BUSY},
    {SQLITE_LOCKED, ERR_STORE_BUSY, ERR_STORE_BUSY},
    {SQLITE_PROTOCOL, ERR_STORE_BUSY, ERR_STORE_BUSY},
    {SQLITE_CORRUPT, ERR_STORE_CORRUPT, ERR_STORE_CORRUPT},
    {SQLITE_NOTADB, ERR_STORE_CORRUPT, ERR_STORE_CORRUPT},
    /* A statement that no longer compiles: the tables are not ours. */
    {SQLITE_ERROR, ERR_STORE_CORRUPT, ERR_STORE_CORRUPT},
    {SQLITE_TOOBIG, ERR_TOO_LARGE, ERR_TOO_LARGE},
    {SQLITE_FULL, ERR_IO, ERR_STORE_WRITE_FAILED},
    {SQLITE_IOERR, ERR_IO, ERR_STORE_WRITE_FAILED},
    {SQLITE_CANTOPEN, ERR_IO, ERR_IO},
    {SQLITE_READONLY, ERR_IO, ERR_STORE_WRITE_FAILED},
    {SQLITE_PERM, ERR_IO, ERR_STORE_WRITE_FAILED},
};

static enum err err_of(const struct index_conn *c, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE) return OK;
    if (rc == SQLITE_IOERR_NOMEM) return ERR_NOMEM;
    if (rc == SQLITE_INTERRUPT) {
        enum err why = cancel_check(c->cancel, clock_now());
        return why ? why : ERR_CANCELLED;
    }
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i].code == (rc & 0xff))
            return c->writes ? codes[i].writing : codes[i].reading;
    return ERR_INTERNAL;
}

enum err index__fail(struct index_conn *c, int rc)
{
    enum err e = err_of(c, rc);
    if (e && !c->err) c->err = e;
    return e;
}

/* --- statements ----------------------------------------------------------- */

sqlite3_stmt *index__begin(struct index_conn *c, enum index_stmt which)
{
    if (c->err) return NULL;
    if (!c->stmt[which])
        index__fail(c, sqlite3_prepare_v3(c->db, sql[which], -1,
                                          SQLITE_PREPARE_PERSISTENT,
                                          &c->stmt[which], NULL));
    return c->err ? NULL : c->stmt[which];
}

void index__text(struct index_conn *c, sqlite3_stmt *st, int at, struct slice s)
{
    if (!c->err)
        index__fail(c, sqlite3_bind_text64(st, at, s.p ? s.p : "", s.n,
                                           SQLITE_STATIC, SQLITE_UTF8));
}

void index__blob(struct index_conn *c, sqlite3_stmt *st, int at, struct slice s)
{
    if (!c->err)
        index__fail(
            c, sqlite3_bind_blob64(st, at, s.p ? s.p : "", s.n, SQLITE_STATIC));
}

void index__int(struct index_conn *c, sqlite3_stmt *st, int at, int64_t v)
{
    if (!c->err) index__fail(c, sqlite3_bind_int64(st, at, v));
}

bool index__row(struct index_conn *c, sqlite3_stmt *st)
{
    if (c->err) return false;
    int rc = sqlite3_step(st);
    return !index__fail(c, rc) && rc == SQLITE_ROW;
}

struct slice index__get(struct index_conn *c, sqlite3_stmt *st, int column,
                        struct arena *a)
{
    if (c->err) return (struct slice){0};
    const void *p = sqlite3_column_blob(st, column);
    struct slice s = {p, (size_t)sqlite3_column_bytes(st, column)};
    struct slice copy = arena_copy(a, s);
    if (!copy.p) c->err = ERR_NOMEM;
    return copy;
}

void index__run(struct index_conn *c, sqlite3_stmt *st)
{
    while (index__row(c, st)) continue;
    index__end(st);
}

void index__end(sqlite3_stmt *st)
{
    if (!st) return;
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
}

void *index__grow(struct index_conn *c, struct arena *a, void *items,
                  size_t size, size_t count, size_t *capacity)
{
    if (c->err || count < *capacity) return c->err ? NULL : items;
    size_t more = *capacity ? *capacity * 2 : 64;
    void *grown = arena_array(a, more, size);
    if (!grown) {
        c->err = ERR_NOMEM;
        return NULL;
    }
    if (count) memcpy(grown, items, count * size);
    *capacity = more;
    return grown;
}

/* --- transactions -----------------------------------------------------------
 */

static void run(struct index_conn *c, enum index_stmt which)
{
    sqlite3_stmt *st = index__begin(c, which);
    if (st) index__run(c, st);
}

static void read_state(struct index_conn *c)
{
    sqlite3_stmt *st = index__begin(c, INDEX_STATE);
    if (!st) return;
    if (index__row(c, st)) {
        c->state.file = (uint64_t)sqlite3_column_int64(st, 0);
        c->state.revision = (uint64_t)sqlite3_column_int64(st, 1);
        c->state.docs = (uint64_t)sqlite3_column_int64(st, 2);
        c->state.tokens = (uint64_t)sqlite3_column_int64(st, 3);
        c->state.vectors = (uint64_t)sqlite3_column_int64(st, 4);
    } else if (!c->err) {
        c->err = ERR_STORE_CORRUPT;
    }
    index__end(st);
}

static void finish(struct index_conn *c)
{
    if (!sqlite3_get_autocommit(c->db))
        sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
    /* Without memory even that may fail: it is closed, not used again. */
    if (!sqlite3_get_autocommit(c->db)) c->err = ERR_NOMEM;
    index__give(c);
}

enum err st_index_view(struct st_index *x, const struct cancel *cancel,
                       struct st_index_view **ret)
{
    struct index_conn *c;
    enum err e = index__take(x, &c);
    if (e) return e;
    c->cancel = cancel;
    run(c, INDEX_BEGIN);
    /* BEGIN alone sees nothing yet: the first read does. */
    read_state(c);
    e = c->err;
    if (e)
        finish(c);
    else
        *ret = (struct st_index_view *)c;
    return e;
}

void st_index_view_end(struct st_index_view *v)
{
    if (v) finish(&v->conn);
}

enum err st_index_write_begin(struct st_index *x, uint32_t patience_ms,
                              struct st_index_write **ret)
{
    struct index_conn *c;
    enum err e = index__take(x, &c);
    if (e) return e;
    c->writes = true;
    if (!c->known) c->known = mem_array(INDEX_KNOWN_WORDS, sizeof(uint64_t));
    if (!c->known) c->err = ERR_NOMEM;
    sqlite3_busy_timeout(c->db, (int)patience_ms);
    run(c, INDEX_BEGIN_WRITE);
    e = c->err;
    if (e)
        finish(c);
    else
        *ret = (struct st_index_write *)c;
    return e;
}

static void commit(struct index_conn *c)
{
    if (c->changed) run(c, INDEX_STATE_NEXT);
    read_state(c);
    run(c, INDEX_COMMIT);
    c->changed = false;
}

enum err st_index_write_step(struct st_index_write *w)
{
    struct index_conn *c = &w->conn;
    commit(c);
    run(c, INDEX_BEGIN_WRITE);
    return c->err;
}

enum err st_index_write_end(struct st_index_write *w, enum err e,
                            struct st_index_state *ret_state)
{
    struct index_conn *c = &w->conn;
    if (e || c->err) {
        /* Words noted as known may not be there. */
        memset(c->known, 0, INDEX_KNOWN_WORDS * sizeof(uint64_t));
        if (!e) e = c->err;
        finish(c);
        return e;
    }
    commit(c);
    e = c->err;
    if (!e) *ret_state = c->state;
    finish(c);
    return e;
}
