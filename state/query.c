#include "state/query.h"

struct query query_begin(struct st_tx *tx, enum st_stmt id)
{
    struct query q = {.conn = tx->conn, .err = tx->open ? OK : ERR_INTERNAL};
    if (!q.err) q.stmt = st__conn_stmt(tx->conn, id, &q.err);
    return q;
}

static void bound(struct query *q, int rc)
{
    if (rc) q->err = st__conn_err(q->conn, rc);
}

/* A NULL pointer would bind NULL, and empty is not NULL. */
void query_text(struct query *q, struct slice s)
{
    if (q->err) return;
    bound(q, sqlite3_bind_text64(q->stmt, ++q->parameter, s.p ? s.p : "", s.n,
                                 SQLITE_STATIC, SQLITE_UTF8));
}

void query_blob(struct query *q, const void *p, size_t n)
{
    if (q->err) return;
    bound(q, sqlite3_bind_blob64(q->stmt, ++q->parameter, p ? p : "", n,
                                 SQLITE_STATIC));
}

void query_int(struct query *q, int64_t v)
{
    if (q->err) return;
    bound(q, sqlite3_bind_int64(q->stmt, ++q->parameter, v));
}

bool query_row(struct query *q)
{
    if (q->err) return false;
    q->column = 0;
    int rc = sqlite3_step(q->stmt);
    q->err = st__conn_err(q->conn, rc);
    return rc == SQLITE_ROW;
}

bool query_one(struct query *q)
{
    bool row = query_row(q);
    if (!row && !q->err) q->err = ERR_NOT_FOUND;
    return row;
}

int64_t query_run(struct query *q)
{
    while (query_row(q)) continue;
    return q->err ? 0 : sqlite3_changes64(q->conn->db);
}

int64_t query_get_int(struct query *q)
{
    return q->err ? 0 : sqlite3_column_int64(q->stmt, q->column++);
}

/* The bytes of a text or blob column as SQLite holds them: no conversion, no
 * terminator. NULL with a length of 0 is emptiness, or out of memory. */
static struct slice raw(struct query *q)
{
    const void *p = sqlite3_column_blob(q->stmt, q->column);
    size_t n = (size_t)sqlite3_column_bytes(q->stmt, q->column);
    if (!p && sqlite3_errcode(q->conn->db) == SQLITE_NOMEM)
        bound(q, SQLITE_NOMEM);
    q->column++;
    return (struct slice){p, n};
}

struct slice query_get_text(struct query *q, struct arena *a)
{
    if (q->err) return (struct slice){0};
    struct slice s = raw(q);
    if (q->err) return (struct slice){0};
    s = arena_copy(a, s);
    if (!s.p) q->err = ERR_NOMEM;
    return s;
}

void query_get_blob(struct query *q, void *ret, size_t n)
{
    if (q->err) return;
    struct slice s = raw(q);
    if (!q->err && s.n != n) q->err = ERR_STORE_CORRUPT;
    if (!q->err && s.p) memcpy(ret, s.p, n);
}

enum err query_end(struct query *q)
{
    if (q->stmt) {
        sqlite3_reset(q->stmt);
        sqlite3_clear_bindings(q->stmt);
    }
    return q->err;
}

void *query_grow(struct query *q, struct arena *a, void *items, size_t size,
                 size_t count, size_t *capacity)
{
    if (q->err || count < *capacity) return items;
    size_t more = *capacity ? *capacity * 2 : 16;
    void *grown = arena_array(a, more, size);
    if (!grown) {
        q->err = ERR_NOMEM;
        return items;
    }
    if (count) memcpy(grown, items, count * size);
    *capacity = more;
    return grown;
}
