#include "state/newborn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

#define PATH_ROOM (64 * 1024)

/* Two bytes of SQLite's header say how the file is written and read. */
enum { WRITE_VERSION_AT = 18, READ_VERSION_AT = 19, VERSION_WAL = 2 };

/* Gives what sqlite3_free takes. NULL: it cannot be made here. */
static unsigned char *image(const struct st_schema *s, sqlite3_int64 *ret_n)
{
    struct st_conn *c = NULL;
    unsigned char *bytes = NULL;
    enum err e = st__conn_open(":memory:", true, ST_FULL, 0, &c);
    if (!e) e = st__schema_run(s, c, 0);
    if (!e) bytes = sqlite3_serialize(c->db, "main", ret_n, 0);
    st__conn_close(c);
    if (bytes) bytes[WRITE_VERSION_AT] = bytes[READ_VERSION_AT] = VERSION_WAL;
    return bytes;
}

static bool absent(struct buf *b, const char *path, const char *suffix)
{
    buf_clear(b);
    buf_printf(b, "%s%s", path, suffix);
    buf_putc(b, '\0');
    return !b->err && access(b->p, F_OK) != 0 && errno == ENOENT;
}

/* In the folder of `path`. */
static int nameless(struct buf *b, const char *path)
{
    buf_clear(b);
    buf_printf(b, "%.*s", (int)(strrchr(path, '/') + 1 - path), path);
    buf_putc(b, '\0');
    if (b->err) return -1;
    return open(b->p, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
}

static bool fill(int fd, const unsigned char *p, sqlite3_int64 n)
{
    for (ssize_t got; n > 0; p += got, n -= got) {
        got = write(fd, p, (size_t)n);
        if (got < 0 && errno == EINTR) got = 0;
        if (got < 0) return false;
    }
    return fdatasync(fd) == 0;
}

/* Never in the place of another: a link to a name that is taken fails. */
static bool name(int fd, const char *path)
{
    char own[64];
    (void)snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, own, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
}

bool st__newborn(const struct st_schema *s, const char *path)
{
    struct buf b = BUF_INIT(PATH_ROOM);
    bool made = absent(&b, path, "") && absent(&b, path, "-wal") &&
                absent(&b, path, "-journal");
    int fd = made ? nameless(&b, path) : -1;
    sqlite3_int64 n = 0;
    unsigned char *bytes = fd >= 0 ? image(s, &n) : NULL;
    made = bytes && fill(fd, bytes, n) && name(fd, path);
    sqlite3_free(bytes);
    if (fd >= 0) close(fd);
    buf_done(&b);
    if (made) log_info("store", "created", LOG_I("version", s->version));
    return made;
}
