/*
 * query: one use of one prepared statement. Parameters are bound and columns
 * read in order; the first failure is kept and everything after it does
 * nothing, so the callers look once. Private to state/.
 *
 *   struct query q = query_begin(tx, STMT_SESSION_VERSION);
 *   query_text(&q, id);
 *   if (query_row(&q)) version = query_get_int(&q);
 *   return query_end(&q);      ERR_NOT_FOUND when a single row was asked for
 *
 * Texts go in and come out with their length: NUL bytes and emptiness
 * survive. What is bound is borrowed until query_end.
 */
#ifndef STATE_QUERY_H
#define STATE_QUERY_H

#include "state/conn.h"

struct query {
    struct st_conn *conn;
    sqlite3_stmt *stmt;
    enum err err;
    int parameter, column;
};

struct query query_begin(struct st_tx *tx, enum st_stmt id);
void query_text(struct query *q, struct slice s);
void query_blob(struct query *q, const void *p, size_t n);
void query_int(struct query *q, int64_t v);
/* Steps to the next row; false: no more, or failed. */
bool query_row(struct query *q);
/* As query_row; no row is ERR_NOT_FOUND. */
bool query_one(struct query *q);
/* Runs a statement without rows; the number of rows it changed. */
int64_t query_run(struct query *q);
int64_t query_get_int(struct query *q);
/* Copied into the arena; never {NULL, 0} on success. */
struct slice query_get_text(struct query *q, struct arena *a);
/* Exactly n bytes; anything else is ERR_STORE_CORRUPT. */
void query_get_blob(struct query *q, void *ret, size_t n);
MUST_USE enum err query_end(struct query *q);

/* Room for one more item in an arena array; NULL fails the query. */
void *query_grow(struct query *q, struct arena *a, void *items, size_t size,
                 size_t count, size_t *capacity);

#endif
