#include "state/schema.h"

#include <assert.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "state/backup.h"

/* Texts are TEXT bound with their length; times are Unix milliseconds; JSON
 * is kept as it came. What a list page needs stands before `detail`, so that
 * a long one stays on its overflow pages. docs/STATE.md explains each table.
 *
 * sessions_target holds only columns that never change: an update of a
 * session leaves that index alone. sessions_list covers a page's filter. */
static const char v1[] =
    "CREATE TABLE sessions("
    " id TEXT NOT NULL UNIQUE, workflow_type TEXT NOT NULL,"
    " target TEXT NOT NULL, status TEXT NOT NULL,"
    " definition_hash TEXT NOT NULL, current_phase INTEGER NOT NULL,"
    " total_phases INTEGER NOT NULL, version INTEGER NOT NULL,"
    " created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,"
    " hidden INTEGER NOT NULL, event_seq INTEGER NOT NULL,"
    " event_hash BLOB NOT NULL, detail TEXT NOT NULL) STRICT;"
    "CREATE INDEX sessions_target"
    " ON sessions(workflow_type, target, created_ms);"
    "CREATE INDEX sessions_list"
    " ON sessions(updated_ms DESC, id, status, workflow_type)"
    " WHERE hidden=0;"
    "CREATE TABLE events("
    " session_id TEXT NOT NULL, seq INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL, type TEXT NOT NULL, actor TEXT NOT NULL,"
    " phase INTEGER NOT NULL, prev_hash BLOB NOT NULL, hash BLOB NOT NULL,"
    " data TEXT NOT NULL, PRIMARY KEY(session_id, seq))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER events_append_only BEFORE UPDATE ON events"
    " BEGIN SELECT raise(ABORT, 'events are append-only'); END;"
    "CREATE TABLE evidence("
    " session_id TEXT NOT NULL, phase INTEGER NOT NULL,"
    " event_seq INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    " passed INTEGER NOT NULL, body TEXT NOT NULL, verdict TEXT NOT NULL,"
    " PRIMARY KEY(session_id, phase, event_seq)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE definitions("
    " hash TEXT NOT NULL PRIMARY KEY, workflow_type TEXT NOT NULL,"
    " body TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE idempotency("
    " scope TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL,"
    " answer TEXT NOT NULL, expires_ms INTEGER NOT NULL,"
    " PRIMARY KEY(scope, key)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX idempotency_expires ON idempotency(expires_ms);"
    "CREATE TABLE claims("
    " session_id TEXT NOT NULL, phase INTEGER NOT NULL,"
    " task INTEGER NOT NULL, status TEXT NOT NULL, agent TEXT NOT NULL,"
    " fence INTEGER NOT NULL, expires_ms INTEGER NOT NULL,"
    " PRIMARY KEY(session_id, phase, task)) STRICT, WITHOUT ROWID;"
    "PRAGMA application_id=1346847060;";
static_assert(ST_APPLICATION_ID == 1346847060, "the number in the text");

/* What people were asked: the newest request of each phase of a session. The
 * index is what a page of open requests needs. */
static const char v2[] =
    "CREATE TABLE approvals("
    " session_id TEXT NOT NULL, phase INTEGER NOT NULL,"
    " event_seq INTEGER NOT NULL, status TEXT NOT NULL,"
    " subject BLOB NOT NULL, fields TEXT NOT NULL,"
    " asked_ms INTEGER NOT NULL, asked_by TEXT NOT NULL,"
    " decided_ms INTEGER NOT NULL, decided_by TEXT NOT NULL,"
    " channel TEXT NOT NULL, comment TEXT NOT NULL,"
    " PRIMARY KEY(session_id, phase)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX approvals_open ON approvals(asked_ms, session_id, phase)"
    " WHERE status='pending';";

/* How many answers are kept and their bytes, of each scope and, under the
 * empty one, of all; what a ceiling needs without counting. An answer is kept
 * as long as its scope's oldest: the second index finds that one. */
#define ANSWER_BYTES(row)                                                      \
    "(length(CAST(" row ".scope AS BLOB))+length(CAST(" row ".key AS BLOB))"   \
    "+length(CAST(" row ".answer AS BLOB)))"
#define ANSWERS_LESS(row)                                                      \
    " UPDATE idempotency_use SET answers=answers-1,bytes=bytes-" ANSWER_BYTES( \
        row) " WHERE scope IN (" row ".scope,'');"                             \
             " DELETE FROM idempotency_use WHERE scope=" row                   \
             ".scope AND answers=0;"
#define ANSWERS_MORE(row)                                                      \
    " INSERT INTO idempotency_use VALUES(" row                                 \
    ".scope,1," ANSWER_BYTES(row) "),('',1," ANSWER_BYTES(                     \
        row) ") ON CONFLICT(scope) DO UPDATE SET"                              \
             " answers=answers+1,bytes=bytes+excluded.bytes;"
static const char v3[] =
    "CREATE TABLE idempotency_use("
    " scope TEXT NOT NULL PRIMARY KEY, answers INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO idempotency_use SELECT scope,count(*),sum(" ANSWER_BYTES(
        "i") ") FROM idempotency AS i GROUP BY scope;"
             "INSERT INTO idempotency_use SELECT '',ifnull(sum(answers),0),"
             "ifnull(sum(bytes),0) FROM idempotency_use;"
             "CREATE INDEX idempotency_oldest ON idempotency(scope, "
             "expires_ms);"
             "CREATE TRIGGER idempotency_in AFTER INSERT ON idempotency "
             "BEGIN" ANSWERS_MORE(
                 "new") " END;"
                        "CREATE TRIGGER idempotency_again AFTER UPDATE ON "
                        "idempotency BEGIN" ANSWERS_LESS("old") ANSWERS_MORE(
                            "new") " END;"
                                   "CREATE TRIGGER idempotency_out AFTER "
                                   "DELETE ON idempotency BEGIN" ANSWERS_LESS(
                                       "old") " END;";

/* Until when a session counts as read, for what expires by being left alone.
 * Not in its row: a read is no change of the session, has no event, and must
 * not make a cached one stale. */
static const char v4[] =
    "CREATE TABLE reads("
    " session_id TEXT NOT NULL PRIMARY KEY, until_ms INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    /* whose the key was, for those who use it for something else */
    "ALTER TABLE idempotency ADD COLUMN tool TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE idempotency ADD COLUMN at_ms INTEGER NOT NULL DEFAULT 0;";

static const char *const migrations[] = {v1, v2, v3, v4};
const struct st_schema st__schema = {migrations, sizeof(migrations) /
                                                     sizeof(migrations[0])};

/* --- who may open it ------------------------------------------------------ */

void st__readonly_uri(struct buf *uri, const char *path, bool immutable)
{
    static const char plain[] = "/._-";
    buf_puts(uri, "file:");
    for (const unsigned char *p = (const unsigned char *)path; *p; p++) {
        bool keep = (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') ||
                    (*p >= 'a' && *p <= 'z') || strchr(plain, *p);
        if (keep)
            buf_putc(uri, (char)*p);
        else
            buf_printf(uri, "%%%02X", *p);
    }
    buf_puts(uri, immutable ? "?mode=ro&immutable=1" : "?mode=ro");
    buf_putc(uri, '\0');
}

static int64_t peek_version(const char *uri)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    int64_t version = 0;
    int rc = sqlite3_open_v2(
        uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
        NULL);
    if (!rc) rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL);
    if (!rc && sqlite3_step(st) == SQLITE_ROW)
        version = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return version;
}

enum err st__schema_peek(const struct st_schema *s, const char *path)
{
    struct buf uri = BUF_INIT(64 * 1024);
    st__readonly_uri(&uri, path, true);
    enum err e = uri.err;
    /* A file that cannot be read so is told by the real opening. */
    if (!e && peek_version(uri.p) > s->version) e = ERR_STORE_TOO_NEW;
    buf_done(&uri);
    return e;
}

/* Inside a transaction. */
static enum err header_check(const struct st_schema *s, struct st_conn *c,
                             int64_t *ret_version)
{
    int64_t version = 0, id = 0, tables = 0;
    enum err e = st__conn_int(c, "PRAGMA user_version", &version);
    if (!e) e = st__conn_int(c, "PRAGMA application_id", &id);
    if (!e) e = st__conn_int(c, "SELECT count(*) FROM sqlite_schema", &tables);
    if (e) return e;
    bool empty = version == 0 && id == 0 && tables == 0;
    if (!empty && id != ST_APPLICATION_ID) return ERR_STORE_FOREIGN;
    if (version > s->version) return ERR_STORE_TOO_NEW;
    *ret_version = version;
    return OK;
}

enum err st__schema_same(const struct st_schema *s, struct st_conn *c)
{
    enum err e = OK;
    sqlite3_stmt *st = st__conn_stmt(c, STMT_VERSION, &e);
    if (!st) return e;
    int rc = sqlite3_step(st);
    e = st__conn_err(c, rc);
    if (!e && sqlite3_column_int64(st, 0) != s->version) e = ERR_STORE_TOO_NEW;
    sqlite3_reset(st);
    return e;
}

/* --- bringing it up ------------------------------------------------------- */

/* Two programs that switch one new file at once: SQLite answers BUSY without
 * asking the busy handler, because waiting could not end. So here is a loop. */
static enum err to_wal(struct st_conn *c)
{
    int64_t until = clock_now() + (int64_t)c->busy_timeout_ms * NS_PER_MS;
    sqlite3_stmt *st = NULL;
    for (;;) {
        int rc =
            sqlite3_prepare_v2(c->db, "PRAGMA journal_mode=WAL", -1, &st, NULL);
        if (!rc) rc = sqlite3_step(st);
        const unsigned char *mode =
            rc == SQLITE_ROW ? sqlite3_column_text(st, 0) : NULL;
        bool wal = mode && strcmp((const char *)mode, "wal") == 0;
        sqlite3_finalize(st);
        if (wal) return OK;
        /* Without an error: this file system cannot share memory. */
        if (rc == SQLITE_ROW) return ERR_IO;
        if ((rc & 0xff) != SQLITE_BUSY || clock_now() >= until)
            return st__conn_err(c, rc);
        sqlite3_sleep(2);
    }
}

/* Holding the write lock, so that the backup is exactly what is migrated. */
static enum err back_up(struct st_conn *c, const char *path, int64_t version)
{
    struct buf to = BUF_INIT(64 * 1024);
    buf_printf(&to, "%s.v%lld", path, (long long)version);
    buf_putc(&to, '\0');
    enum err e = to.err;
    if (!e)
        e = st__backup(path, to.p, ST_BACKUP_REPLACE, c->busy_timeout_ms, NULL);
    if (!e)
        log_info("store", "backed up before a migration", LOG_C("to", to.p),
                 LOG_I("version", version));
    buf_done(&to);
    return e;
}

enum err st__schema_run(const struct st_schema *s, struct st_conn *c,
                        int64_t from)
{
    char set[64];
    enum err e = OK;
    for (int64_t v = from; !e && v < s->version; v++)
        e = st__conn_exec(c, s->migrations[v]);
    snprintf(set, sizeof(set), "PRAGMA user_version=%d", s->version);
    return e ? e : st__conn_exec(c, set);
}

static enum err migrate(const struct st_schema *s, struct st_conn *c,
                        const char *path)
{
    int64_t version = 0;
    enum err e = header_check(s, c, &version);
    bool same = version == s->version; /* another was faster */
    if (!e && !same && version > 0) e = back_up(c, path, version);
    /* Even then: this commit ends tickets, so it has to write. */
    if (!e) e = st__schema_run(s, c, version);
    if (!e && !same)
        log_info("store", "migrated", LOG_I("from", version),
                 LOG_I("to", s->version));
    return e;
}

/* A checkpoint at once, so that the file's own header tells the version. */
static void settle(struct st_conn *c)
{
    sqlite3_wal_checkpoint_v2(c->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL,
                              NULL);
}

static enum err migrate_locked(const struct st_schema *s, struct st_conn *c,
                               struct commits *commits, const char *path)
{
    enum err e = st__conn_run(c, STMT_BEGIN_WRITE);
    if (e) return e;
    uint64_t ticket = 0;
    (void)st__commits_settle(commits); /* what follows writes */
    e = migrate(s, c, path);
    if (!e) e = st__commits_begin(commits, &ticket);
    if (!e) e = st__conn_run(c, STMT_COMMIT);
    st__conn_rollback(c);
    if (!e) st__commits_end(commits, ticket);
    if (!e) settle(c);
    return e;
}

/* In one transaction: another program may be creating the file just now, and
 * tables without an application id are somebody else's. */
enum err st__schema_admit(const struct st_schema *s, struct st_conn *c)
{
    int64_t version = 0;
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    enum err e = st__conn_run(c, STMT_BEGIN);
    if (!e) e = header_check(s, c, &version);
    st__conn_rollback(c);
    return e;
}

enum err st__schema_apply(const struct st_schema *s, struct st_conn *c,
                          struct commits *commits, const char *path)
{
    int64_t version = 0;
    enum err e = to_wal(c);
    if (!e) e = st__conn_int(c, "PRAGMA user_version", &version);
    if (!e && version != s->version) e = migrate_locked(s, c, commits, path);
    if (!e) sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return e;
}
