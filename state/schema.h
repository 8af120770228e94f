/*
 * schema: the file's layout as an array of migrations, and who may open it.
 * PRAGMA user_version counts the migrations that were applied; PRAGMA
 * application_id says that the file is ours. Private to state/.
 */
#ifndef STATE_SCHEMA_H
#define STATE_SCHEMA_H

#include "state/commits.h"
#include "state/conn.h"

#define ST_APPLICATION_ID 0x50474154 /* "PGAT" */

/* Row i leads from version i to i + 1. */
struct st_schema {
    const char *const *migrations;
    int version; /* their number */
};
extern const struct st_schema st__schema;

/* file:<path, percent-encoded>?mode=ro. `immutable`: read as it lies there,
 * without locks, recovery or files of its own. Ends with a NUL. */
struct buf;
void st__readonly_uri(struct buf *uri, const char *path, bool immutable);

/* Looks at the file's header without a lock, a -wal or a -shm: a newer file
 * is told here before anything could touch it. Absent or empty: OK. */
MUST_USE enum err st__schema_peek(const struct st_schema *s, const char *path);
/* Refuses a newer file and one of another program; from here on closing the
 * connection moves nothing into the file until st__schema_apply is through. */
MUST_USE enum err st__schema_admit(const struct st_schema *s,
                                   struct st_conn *c);
/* Switches to WAL and brings the file to s->version in one transaction, after
 * a backup to <file>.v<N> unless it is empty. */
MUST_USE enum err st__schema_apply(const struct st_schema *s, struct st_conn *c,
                                   struct commits *commits, const char *path);
/* The migrations after `from`, and the version they lead to. */
MUST_USE enum err st__schema_run(const struct st_schema *s, struct st_conn *c,
                                 int64_t from);
/* Inside a transaction: did another program migrate the file meanwhile? */
MUST_USE enum err st__schema_same(const struct st_schema *s, struct st_conn *c);

#endif
