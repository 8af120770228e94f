#include "engine/look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum { PIECE = 64 << 10, SHOWN = 200, TICK_MS = 50, SECONDS_MS = 2000 };

struct looking {
    struct arena *a;
    struct eng_look *look;
    struct slice root;
    enum err err;
    int fd; /* O_PATH, of what was reached so far */
    bool has_own;
    struct stat own; /* the folder of the server's state */
};

static bool no(struct looking *l, struct slice why, const char *how)
{
    l->look->why = why;
    l->look->how_to_fix = slice_of(how);
    if (!why.p) l->err = ERR_NOMEM;
    return false;
}

#define NO(l, how, ...) no((l), arena_printf((l)->a, __VA_ARGS__), (how))

static bool no_memory(struct looking *l)
{
    l->err = ERR_NOMEM;
    return false;
}

static struct slice shown(struct slice path)
{
    struct slice s = slice_sub(path, 0, SHOWN);
    return slice_sub(s, 0, slice_utf8_valid(s));
}

/* --- the path, by its letters --------------------------------------------- */

static bool letters(struct looking *l, struct slice path)
{
    static const char name[] = "Name a file below the project's root, like "
                               "docs/design.md.";
    struct slice rest = path, part, whole = {0};
    if (!path.n) return NO(l, name, "the path is empty");
    if (path.n >= PATH_MAX)
        return NO(l, name, "the path has %zu bytes; a path has at most %d",
                  path.n, PATH_MAX - 1);
    if (memchr(path.p, '\0', path.n))
        return NO(l, name, "the path holds a NUL byte");
    if (slice_starts(path, l->root) && path.n > l->root.n &&
        path.p[l->root.n] == '/')
        rest = slice_sub(path, l->root.n, path.n);
    else if (path.p[0] == '/')
        return NO(l, name, "%.*s is outside the project",
                  SLICE_ARG(shown(path)));
    while (slice_split(&rest, '/', &part)) {
        if (!part.n || slice_eq(part, SLICE("."))) continue;
        if (slice_eq(part, SLICE("..")))
            return NO(l, name, "%.*s goes upwards with ..",
                      SLICE_ARG(shown(path)));
        if (part.n > NAME_MAX)
            return NO(l, name,
                      "a name in the path has %zu bytes; a name has "
                      "at most %d",
                      part.n, NAME_MAX);
        whole = arena_printf(l->a, "%.*s%s%.*s", SLICE_ARG(whole),
                             whole.n ? "/" : "", SLICE_ARG(part));
        if (!whole.p) return no_memory(l);
    }
    if (!whole.n) return NO(l, name, "it is the project's folder itself");
    l->look->path = whole;
    return true;
}

/* --- the way there -------------------------------------------------------- */

static bool refuse_kind(struct looking *l, const struct stat *st,
                        struct slice so_far)
{
    static const struct {
        mode_t kind;
        const char *what;
    } rows[] = {{S_IFDIR, "a folder"},
                {S_IFIFO, "a FIFO"},
                {S_IFSOCK, "a socket"},
                {S_IFCHR, "a device"},
                {S_IFBLK, "a device"}};
    const char *what = "no regular file";
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if ((st->st_mode & S_IFMT) == rows[i].kind) what = rows[i].what;
    return NO(l, "Name a regular file.", "%.*s is %s", SLICE_ARG(shown(so_far)),
              what);
}

static bool refuse_link(struct looking *l, struct slice so_far)
{
    struct stat st;
    const char *path =
        arena_printf(l->a, "%.*s/%.*s", SLICE_ARG(l->root), SLICE_ARG(so_far))
            .p;
    if (!path) return no_memory(l);
    int e = stat(path, &st) != 0 ? errno : 0;
    return NO(l, "Name the file itself, by a path without symbolic links.",
              "%.*s is a symbolic link%s", SLICE_ARG(shown(so_far)),
              e == ELOOP    ? " that leads in a circle"
              : e == ENOENT ? " that leads nowhere"
                            : "");
}

/* An error of the machine's, that says nothing about the file. */
static bool of_this_moment(int e)
{
    return e == EMFILE || e == ENFILE || e == ENOMEM || e == EIO;
}

static bool refuse_errno(struct looking *l, int e, struct slice so_far)
{
    l->look->unsure = of_this_moment(e);
    switch (e) {
    case ENOENT:
        return NO(l, "Make the file, or correct the path.",
                  "there is no %.*s in the project", SLICE_ARG(shown(so_far)));
    case ENOTDIR:
        return NO(l, "Correct the path.",
                  "%.*s lies in something that is no "
                  "folder",
                  SLICE_ARG(shown(so_far)));
    case ENAMETOOLONG:
        return NO(l, "Use a shorter path.", "%.*s... is too long",
                  SLICE_ARG(shown(so_far)));
    default:
        return NO(l, "Make the file readable for the server.",
                  "%.*s cannot be read (error %d)", SLICE_ARG(shown(so_far)),
                  e);
    }
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* By what it is, whatever its name is here: file systems may fold letters, and
 * a folder may be mounted twice. */
static bool refuse_own(struct looking *l, struct slice so_far)
{
    return NO(l, "Name a file of the project.",
              "%.*s is the server's own state, and proves nothing",
              SLICE_ARG(shown(so_far)));
}

/* One component, not following it. */
static bool step(struct looking *l, struct slice part, struct slice so_far)
{
    struct stat st;
    const char *name = arena_cstr(l->a, part);
    if (!name) return no_memory(l);
    int next = openat(l->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    int e = next < 0 ? errno : 0;
    close(l->fd);
    l->fd = next;
    if (e) return refuse_errno(l, e, so_far);
    if (fstat(next, &st) != 0) return refuse_errno(l, errno, so_far);
    if (l->has_own && same_file(&st, &l->own)) return refuse_own(l, so_far);
    if (S_ISLNK(st.st_mode)) return refuse_link(l, so_far);
    if (so_far.n == l->look->path.n)
        return S_ISREG(st.st_mode) || refuse_kind(l, &st, so_far);
    return S_ISDIR(st.st_mode) || refuse_errno(l, ENOTDIR, so_far);
}

static bool walk(struct looking *l)
{
    const char *root = arena_cstr(l->a, l->root);
    struct slice rest = l->look->path, part;
    if (!root) return no_memory(l);
    l->fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (l->fd < 0) return refuse_errno(l, errno, SLICE("the project's folder"));
    l->has_own = fstatat(l->fd, ".phasegate", &l->own, 0) == 0;
    while (slice_split(&rest, '/', &part)) {
        size_t end = (size_t)(part.p - l->look->path.p) + part.n;
        if (!step(l, part, slice_sub(l->look->path, 0, end))) return false;
    }
    return true;
}

/* Is it a file of this folder, or of one in it? *io_errno: why that cannot be
 * told at this moment. */
static bool holds(int at, const char *name, const struct stat *st, int depth,
                  int *io_errno)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *d;
    struct stat one;
    bool found = false;
    if (!dir) {
        if (of_this_moment(errno)) *io_errno = errno;
        if (fd >= 0) close(fd);
        return false;
    }
    while (!found && (d = readdir(dir))) {
        if (d->d_name[0] == '.' && (!d->d_name[1] || d->d_name[1] == '.'))
            continue;
        if (fstatat(fd, d->d_name, &one, AT_SYMLINK_NOFOLLOW) != 0) continue;
        found = same_file(&one, st) ||
                (S_ISDIR(one.st_mode) && depth &&
                 holds(fd, d->d_name, st, depth - 1, io_errno));
    }
    (void)closedir(dir);
    return found;
}

/* Another name of a file of .phasegate is that file; true: it is none. */
static bool not_own_state(struct looking *l, const struct stat *st)
{
    enum { DEPTH = 2 };
    int e = 0;
    if (st->st_nlink < 2) return true;
    const char *own =
        arena_printf(l->a, "%.*s/.phasegate", SLICE_ARG(l->root)).p;
    if (!own) return no_memory(l);
    if (holds(AT_FDCWD, own, st, DEPTH, &e))
        return NO(l, "Name a file of the project.",
                  "%.*s is another name of the server's own state",
                  SLICE_ARG(shown(l->look->path)));
    return e == 0 || refuse_errno(l, e, l->look->path);
}

/* --- reading -------------------------------------------------------------- */

static int64_t mtime_ms(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

static int64_t time_ns(const struct timespec *t)
{
    return (int64_t)t->tv_sec * NS_PER_S + t->tv_nsec;
}

static struct eng_stamp stamp_of(const struct stat *st)
{
    return (struct eng_stamp){(int64_t)st->st_dev, (int64_t)st->st_ino,
                              st->st_size, time_ns(&st->st_mtim),
                              time_ns(&st->st_ctim)};
}

/* Its time of change is over: another write would have another. */
static bool settled(const struct stat *st)
{
    int64_t tick = (st->st_ctim.tv_nsec ? TICK_MS : SECONDS_MS) * NS_PER_MS;
    return time_ns(&st->st_ctim) + tick < clock_wall_ms() * NS_PER_MS;
}

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static enum err read_all(int fd, char *room, int64_t size, bool keep,
                         const struct cancel *cancel, struct sha256 *h,
                         int64_t *ret_n)
{
    int64_t n = 0;
    for (;;) {
        enum err e = cancel ? cancel_check(cancel, clock_now()) : OK;
        if (e) return e;
        int64_t most = keep ? size - n : PIECE;
        char *to = keep ? room + n : room;
        ssize_t got =
            most > 0 ? read(fd, to, (size_t)(most < PIECE ? most : PIECE)) : 0;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return ERR_IO;
        if (got == 0) break;
        sha256_add(h, (struct slice){to, (size_t)got});
        n += got;
        if (n > size) break;
    }
    *ret_n = n;
    return OK;
}

static bool digest(struct looking *l, int fd, const struct stat *st, bool keep,
                   const struct cancel *cancel)
{
    struct sha256 h;
    struct stat after;
    int64_t n = 0;
    char *room = arena_alloc(l->a, keep ? (size_t)st->st_size + 1 : PIECE);
    if (!room) return no_memory(l);
    sha256_init(&h);
    enum err e = read_all(fd, room, st->st_size, keep, cancel, &h, &n);
    sha256_end(&h, l->look->sha256);
    if (e && e != ERR_IO) {
        l->err = e;
        return false;
    }
    if (e) return refuse_errno(l, EIO, l->look->path);
    l->look->unsure =
        n != st->st_size || fstat(fd, &after) != 0 || !same(st, &after);
    if (l->look->unsure)
        return NO(l, "Wait until it is written, then send the same again.",
                  "%.*s changed while it was read",
                  SLICE_ARG(shown(l->look->path)));
    l->look->bytes = n;
    l->look->mtime_ms = mtime_ms(st);
    if (settled(st)) l->look->stamp = stamp_of(st);
    l->look->latest_ms =
        l->look->mtime_ms + (st->st_mtim.tv_nsec ? TICK_MS : SECONDS_MS);
    if (keep) l->look->content = (struct slice){room, (size_t)n};
    return true;
}

static void look(struct looking *l, int64_t most, bool keep,
                 const struct cancel *cancel)
{
    char self[40];
    struct stat st;
    /* The very file that was looked at, whatever its name is now: a regular
     * one. */
    (void)snprintf(self, sizeof(self), "/proc/self/fd/%d", l->fd);
    int fd = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        (void)refuse_errno(l, errno, l->look->path);
        return;
    }
    if (fstat(fd, &st) != 0)
        (void)refuse_errno(l, errno, l->look->path);
    else if (st.st_size > most)
        (void)NO(l, "Name a smaller file.",
                 "%.*s has %" PRId64 " bytes; at most %" PRId64 " are read",
                 SLICE_ARG(shown(l->look->path)), (int64_t)st.st_size, most);
    else if (not_own_state(l, &st))
        (void)digest(l, fd, &st, keep, cancel);
    close(fd);
}

enum err eng__look(struct slice root, struct slice path, int64_t most,
                   bool keep, const struct cancel *cancel, struct arena *a,
                   struct eng_look *ret)
{
    struct looking l = {.a = a, .look = ret, .root = root, .fd = -1};
    *ret = (struct eng_look){0};
    if (letters(&l, path) && walk(&l)) look(&l, most, keep, cancel);
    if (l.fd >= 0) close(l.fd);
    return l.err;
}

bool eng__look_same(struct slice root, struct slice path,
                    const struct eng_stamp *stamp, struct arena *a)
{
    struct eng_look found = {0};
    struct looking l = {.a = a, .look = &found, .root = root, .fd = -1};
    struct stat st;
    bool there =
        stamp->ino && letters(&l, path) && walk(&l) && fstat(l.fd, &st) == 0;
    if (l.fd >= 0) close(l.fd);
    if (!there) return false;
    struct eng_stamp now = stamp_of(&st);
    return memcmp(&now, stamp, sizeof(now)) == 0;
}
