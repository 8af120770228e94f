#include "state/inspect.h"

#include <errno.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "state/backup.h"
#include "state/schema.h"
#include "state/sqlite_setup.h"
#include "state/store_private.h"

enum { STEPS = 10000, BUSY_MS = 1000 };

static int on_progress(void *ctx)
{
    return cancel_check(ctx, clock_now()) != OK;
}

/* SQLite's codes as answers about the file. */
static enum err answer(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return OK;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_STORE_CORRUPT;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_BUSY:
        return ERR_STORE_BUSY;
    case SQLITE_INTERRUPT:
        return ERR_CANCELLED;
    default:
        return ERR_IO;
    }
}

/* The first column of the first row. */
static enum err number(sqlite3 *db, const char *sql, int64_t *ret)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    if (!rc) rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) *ret = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return answer(rc);
}

static enum err every_page(sqlite3 *db, struct arena *a, struct slice *finding)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &st, NULL);
    if (!rc) rc = sqlite3_step(st);
    struct slice said = {0};
    if (rc == SQLITE_ROW)
        said = slice_of((const char *)sqlite3_column_text(st, 0));
    bool whole = slice_eq(said, SLICE("ok"));
    if (rc == SQLITE_ROW && !whole) *finding = arena_copy(a, said);
    sqlite3_finalize(st);
    enum err e = answer(rc);
    return e || whole ? e : ERR_STORE_CORRUPT;
}

static enum err look(sqlite3 *db, bool deep, struct arena *a,
                     struct st_inspection *in, struct slice *finding)
{
    int64_t version = 0, id = 0, tables = 0;
    enum err e = number(db, "PRAGMA user_version", &version);
    if (!e) e = number(db, "PRAGMA application_id", &id);
    if (!e) e = number(db, "SELECT count(*) FROM sqlite_schema", &tables);
    in->version = (int)version;
    in->version_known = st__schema.version;
    if (e) return e;
    /* A start that found no room: the next one makes it. */
    if (!version && !id && !tables) return ERR_NOT_FOUND;
    if (id != ST_APPLICATION_ID) return ERR_STORE_FOREIGN;
    if (version > st__schema.version) return ERR_STORE_TOO_NEW;
    e = number(db, "SELECT count(*) FROM sessions", &in->sessions);
    if (e == ERR_STORE_CORRUPT || !deep) return e == ERR_IO ? OK : e;
    e = every_page(db, a, finding);
    in->checked = e == OK;
    return e == ERR_CANCELLED ? OK : e;
}

/* Without a WAL nobody has it open, or nothing is in it: then it is read as
 * it lies there, and no file comes into being beside it. */
static enum err open_file(const char *path, bool wal, sqlite3 **ret)
{
    struct buf uri = BUF_INIT(64 * 1024);
    st__readonly_uri(&uri, path, !wal);
    int rc = uri.err ? SQLITE_NOMEM
                     : sqlite3_open_v2(uri.p, ret,
                                       SQLITE_OPEN_READONLY | SQLITE_OPEN_URI |
                                           SQLITE_OPEN_NOMUTEX,
                                       NULL);
    buf_done(&uri);
    if (!rc) rc = sqlite3_busy_timeout(*ret, BUSY_MS);
    return answer(rc);
}

/* -1: errno says why it is no file. */
static int64_t size_of(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) return -1;
    if (S_ISREG(st.st_mode)) return st.st_size;
    errno = EINVAL;
    return -1;
}

static enum err inspect(const char *path, bool deep, const struct cancel *c,
                        struct arena *a, struct st_inspection *ret,
                        struct slice *finding)
{
    sqlite3 *db = NULL;
    char *wal = arena_cstr(a, arena_printf(a, "%s-wal", path));
    if (!wal) return ERR_NOMEM;
    *ret = (struct st_inspection){.bytes = size_of(path), .sessions = -1};
    if (ret->bytes < 0) return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    ret->wal_bytes = size_of(wal);
    enum err e = st__sqlite_setup();
    if (!e) e = open_file(path, ret->wal_bytes > 0, &db);
    if (!e && c) sqlite3_progress_handler(db, STEPS, on_progress, (void *)c);
    if (!e) e = look(db, deep, a, ret, finding);
    sqlite3_close(db);
    return e;
}

enum err st_inspect(struct slice path, bool deep, const struct cancel *c,
                    struct arena *a, struct problem *p,
                    struct st_inspection *ret)
{
    struct slice finding = path;
    char *name = arena_cstr(a, path);
    if (!name) return ERR_NOMEM;
    enum err e = inspect(name, deep, c, a, ret, &finding);
    return e ? st__told(p, a, e, finding) : OK;
}

enum err st__whole(const char *path, struct arena *a)
{
    sqlite3 *db = NULL;
    struct slice finding = {0};
    enum err e = open_file(path, false, &db);
    if (!e) e = every_page(db, a, &finding);
    sqlite3_close(db);
    if (e)
        log_error("store", "a copy is not whole", LOG_C("path", path),
                  LOG_S("finding", finding));
    return e;
}

enum err st_backup_file(struct slice from, struct slice to,
                        struct progress *progress, struct arena *a,
                        struct problem *p, struct st_inspection *ret)
{
    char *in = arena_cstr(a, from), *out = arena_cstr(a, to);
    struct slice about = from;
    if (!in || !out) return ERR_NOMEM;
    enum err e = inspect(in, false, NULL, a, ret, &about);
    if (e == ERR_STORE_TOO_NEW) e = OK; /* its bytes can be kept all the same */
    if (e) return st__told(p, a, e, about);
    e = st__backup(in, out, ST_BACKUP_NEW, BUSY_MS, progress);
    if (e) return st__told(p, a, e, to);
    ret->bytes = size_of(out);
    ret->checked = true;
    return OK;
}
