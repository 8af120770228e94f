#include "state/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "state/conn.h"
#include "state/store_private.h"

#define PATH_CEILING (64 * 1024)

enum { PAGES_A_STEP = 256 };

static enum err io_failed(const char *what, const char *path)
{
    log_error("store", what, LOG_C("path", path),
              LOG_C("error", strerror(errno)));
    return ERR_IO;
}

/* The folder's entry is part of the promise. */
static enum err sync_folder(const char *path)
{
    struct buf folder = BUF_INIT(PATH_CEILING);
    const char *slash = strrchr(path, '/');
    buf_put(&folder, slash ? (struct slice){path, (size_t)(slash - path) + 1}
                           : SLICE("."));
    buf_putc(&folder, '\0');
    enum err e = folder.err;
    int fd = -1;
    if (!e) fd = open(folder.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!e && (fd < 0 || fsync(fd) != 0))
        e = io_failed("a folder cannot be synced", folder.p);
    if (fd >= 0) close(fd);
    buf_done(&folder);
    return e;
}

/* Every page, and how far that is. */
static int copy_pages(sqlite3_backup *b, struct progress *progress)
{
    int rc = sqlite3_backup_step(b, PAGES_A_STEP);
    int all = sqlite3_backup_pagecount(b), left = all;
    progress_expect(progress, (uint64_t)all);
    for (;; rc = sqlite3_backup_step(b, PAGES_A_STEP)) {
        int still = sqlite3_backup_remaining(b);
        progress_step(progress, (uint64_t)(left - still));
        left = still;
        if (rc != SQLITE_OK) return rc;
    }
}

/* In one read transaction: in WAL mode the copy is of one snapshot and holds
 * up nobody, and no write between two steps makes it begin again. */
static enum err copy(struct st_conn *from, struct st_conn *to,
                     struct progress *progress)
{
    enum err e =
        st__conn_exec(from, "BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1");
    if (e) return e;
    sqlite3_backup *b = sqlite3_backup_init(to->db, "main", from->db, "main");
    if (!b) return st__conn_err(to, sqlite3_errcode(to->db));
    int rc = copy_pages(b, progress);
    int finished = sqlite3_backup_finish(b);
    return st__conn_err(to, rc == SQLITE_DONE ? finished : rc);
}

/* `partial` is new and ours alone, so a raw descriptor takes no lock away. */
static enum err make_empty(const char *partial)
{
    unlink(partial); /* what a killed backup left */
    int fd = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return io_failed("a backup cannot be created", partial);
    close(fd);
    return OK;
}

static enum err copy_file(const char *from, const char *partial,
                          uint32_t busy_timeout_ms, struct progress *progress)
{
    struct st_conn *in = NULL, *out = NULL;
    enum err e = st__conn_open(from, false, ST_FULL, busy_timeout_ms, &in);
    if (!e) e = st__conn_open(partial, true, ST_FULL, busy_timeout_ms, &out);
    if (!e) e = copy(in, out, progress);
    st__conn_close(out);
    st__conn_close(in);
    return e;
}

/* What cannot be read back is no backup. */
static enum err checked(const char *partial)
{
    struct arena a;
    arena_init(&a, PATH_CEILING);
    enum err e = st__whole(partial, &a);
    arena_done(&a);
    return e;
}

static enum err publish(const char *partial, const char *to,
                        enum st_backup_mode mode)
{
    if (mode == ST_BACKUP_REPLACE)
        return rename(partial, to) == 0
                   ? OK
                   : io_failed("a backup cannot be renamed", to);
    if (link(partial, to) == 0) return OK;
    return errno == EEXIST ? ERR_EXISTS
                           : io_failed("a backup cannot be named", to);
}

enum err st__backup(const char *from, const char *to, enum st_backup_mode mode,
                    uint32_t busy_timeout_ms, struct progress *progress)
{
    struct stat st;
    if (mode == ST_BACKUP_NEW && lstat(to, &st) == 0) return ERR_EXISTS;
    struct buf partial = BUF_INIT(PATH_CEILING);
    buf_printf(&partial, "%s.partial-%d", to, (int)getpid());
    buf_putc(&partial, '\0');
    enum err e = partial.err;
    if (!e) e = make_empty(partial.p);
    if (!e) e = copy_file(from, partial.p, busy_timeout_ms, progress);
    if (!e) e = checked(partial.p);
    if (!e) e = publish(partial.p, to, mode);
    if (partial.p) unlink(partial.p);
    if (!e) e = sync_folder(to);
    buf_done(&partial);
    return e;
}
