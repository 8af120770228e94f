#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"

/* A path for the kernel; a slice may hold a NUL or be too long. */
struct cpath {
    char p[PATH_MAX];
};

static enum err cpath_of(struct slice path, struct cpath *ret)
{
    if (path.n == 0 || path.n >= sizeof(ret->p)) return ERR_INVALID;
    if (memchr(path.p, '\0', path.n)) return ERR_INVALID;
    memcpy(ret->p, path.p, path.n);
    ret->p[path.n] = '\0';
    return OK;
}

static enum err from_errno(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case ENXIO: /* a socket, or a FIFO without its other end */
    case ENODEV:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return ERR_INVALID;
    case ENOMEM:
        return ERR_NOMEM;
    default:
        return ERR_IO;
    }
}

/* --- reading -------------------------------------------------------------- */

/* O_NONBLOCK: opening a FIFO returns at once instead of waiting for a writer.
 * Regular files, the only kind that gets past fstat, ignore it. */
enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

/* The bytes of a file whose size is only a hint: it may grow while it is read,
 * and files of /proc say 0. One byte more than fits is asked for, to tell. */
static enum err read_all(int fd, size_t hint, size_t ceiling, struct arena *a,
                         struct slice *ret)
{
    size_t room = (hint < ceiling ? hint : ceiling) + 1, n = 0;
    if (hint == 0 && ceiling >= 4096) room = 4096;
    char *p = arena_alloc(a, room);
    while (p) {
        ssize_t got = read(fd, p + n, room - n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return from_errno(errno);
        n += (size_t)got;
        if (n > ceiling) return ERR_TOO_LARGE;
        if (got == 0 || (hint && n == hint)) {
            *ret = (struct slice){p, n};
            return OK;
        }
        if (n < room) continue;
        room = room <= ceiling / 2 ? room * 2 : ceiling + 1;
        char *more = arena_alloc(a, room);
        if (more) memcpy(more, p, n);
        p = more;
    }
    return ERR_NOMEM;
}

/* Takes fd. */
static enum err read_regular(int fd, size_t ceiling, struct arena *a,
                             struct slice *ret)
{
    enum err e = OK;
    struct stat st;
    if (fd < 0) return from_errno(errno);
    if (fstat(fd, &st) < 0)
        e = from_errno(errno);
    else if (!S_ISREG(st.st_mode))
        e = ERR_INVALID;
    else if ((uint64_t)st.st_size > ceiling)
        e = ERR_TOO_LARGE;
    else
        e = read_all(fd, (size_t)st.st_size, ceiling, a, ret);
    close(fd);
    return e;
}

enum err file_read(struct slice path, size_t ceiling, struct arena *a,
                   struct slice *ret)
{
    struct cpath c;
    enum err e = cpath_of(path, &c);
    if (e) return e;
    return read_regular(open(c.p, OPEN_FLAGS), ceiling, a, ret);
}

enum err file_read_own(struct slice path, size_t ceiling, struct arena *a,
                       struct slice *ret)
{
    struct cpath c;
    struct stat st;
    enum err e = cpath_of(path, &c);
    if (e) return e;
    int fd = open(c.p, OPEN_FLAGS | O_NOFOLLOW);
    if (fd < 0) return errno == ELOOP ? ERR_INVALID : from_errno(errno);
    if (fstat(fd, &st) < 0 || (st.st_uid && st.st_uid != geteuid()) ||
        (st.st_mode & (S_IWGRP | S_IWOTH))) {
        close(fd);
        return ERR_INVALID;
    }
    return read_regular(fd, ceiling, a, ret);
}

/* --- writing -------------------------------------------------------------- */

static enum err write_all(int fd, struct slice content)
{
    while (content.n) {
        ssize_t n = write(fd, content.p, content.n);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return from_errno(errno);
        content = slice_sub(content, (size_t)n, content.n);
    }
    return fsync(fd) < 0 ? from_errno(errno) : OK;
}

/* Opens the folder of `path`; *ret_name is the last component. */
static enum err open_parent(struct slice path, int *ret_fd,
                            struct cpath *ret_name)
{
    size_t cut = path.n;
    while (cut && path.p[cut - 1] != '/') cut--;
    struct slice name = slice_sub(path, cut, path.n);
    struct slice folder = cut ? slice_sub(path, 0, cut) : SLICE(".");
    enum err e = cpath_of(name, ret_name);
    if (e) return e;
    struct cpath c;
    e = cpath_of(folder, &c);
    if (e) return e;
    *ret_fd = open(c.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_fd < 0 ? from_errno(errno) : OK;
}

/* Between the two fsyncs a crash leaves the old file or the new one; after
 * the second it is the new one. */
static enum err replace(int folder, const char *temporary, const char *name,
                        struct slice content, unsigned mode)
{
    int fd = openat(folder, temporary,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) return from_errno(errno);
    enum err e = write_all(fd, content);
    if (close(fd) < 0 && !e) e = from_errno(errno);
    if (!e && renameat(folder, temporary, folder, name) < 0)
        e = from_errno(errno);
    if (e)
        unlinkat(folder, temporary, 0);
    else if (fsync(folder) < 0)
        e = from_errno(errno);
    return e;
}

enum err file_write_atomic(struct slice path, struct slice content,
                           unsigned mode)
{
    int folder;
    struct cpath name;
    enum err e = open_parent(path, &folder, &name);
    if (e) return e;
    char temporary[40];
    snprintf(temporary, sizeof(temporary), ".tmp-%016llx",
             (unsigned long long)random_u64());
    e = replace(folder, temporary, name.p, content, mode);
    close(folder);
    return e;
}

/* --- paths ---------------------------------------------------------------- */

struct slice path_join(struct arena *a, struct slice folder, struct slice name)
{
    while (folder.n > 1 && folder.p[folder.n - 1] == '/') folder.n--;
    while (name.n && name.p[0] == '/') name = slice_sub(name, 1, name.n);
    bool slash = folder.n && name.n && folder.p[folder.n - 1] != '/';
    if (folder.n == 0) return arena_copy(a, name);
    return arena_printf(a, "%.*s%s%.*s", SLICE_ARG(folder), slash ? "/" : "",
                        SLICE_ARG(name));
}

enum err path_canonical(struct slice path, struct arena *a, struct slice *ret)
{
    struct cpath c, real;
    enum err e = cpath_of(path, &c);
    if (e) return e;
    if (!realpath(c.p, real.p)) return from_errno(errno);
    struct slice copy = arena_copy(a, slice_of(real.p));
    if (!copy.p) return ERR_NOMEM;
    *ret = copy;
    return OK;
}

/* Is canonical `path` the canonical folder `root` or below it? Components are
 * compared, not letters: /srv/app is no parent of /srv/app-old. */
static bool below(struct slice root, struct slice path)
{
    if (slice_eq(root, SLICE("/"))) return true;
    return slice_starts(path, root) &&
           (path.n == root.n || path.p[root.n] == '/');
}

/* Would `path`, below root, leave it by its letters alone? */
static bool climbs_out(struct slice path)
{
    struct slice part;
    for (size_t depth = 0; slice_split(&path, '/', &part);) {
        if (part.n == 0 || slice_eq(part, SLICE("."))) continue;
        if (!slice_eq(part, SLICE(".."))) {
            depth++;
        } else if (depth-- == 0) {
            return true;
        }
    }
    return false;
}

static bool outside_by_letters(struct slice root, struct slice path)
{
    if (path.n == 0 || path.p[0] != '/') return climbs_out(path);
    return !below(root, path) || climbs_out(slice_sub(path, root.n, path.n));
}

enum err path_inside(struct slice root, struct slice path, struct arena *a,
                     struct slice *ret)
{
    bool absolute = path.n && path.p[0] == '/';
    if (path.n && memchr(path.p, '\0', path.n)) return ERR_INVALID;
    struct slice whole = absolute ? path : path_join(a, root, path);
    if (!whole.p) return ERR_NOMEM;
    struct slice real;
    enum err e = path_canonical(whole, a, &real);
    if (e == ERR_NOT_FOUND && outside_by_letters(root, path))
        return ERR_INVALID;
    if (e) return e;
    if (!below(root, real)) return ERR_INVALID;
    *ret = real;
    return OK;
}

/* Opens `path`, which held no symbolic links a moment ago, one component after
 * the other and following none: one that was put there since is refused. */
static enum err open_below(struct slice root, struct slice path, int *ret_fd)
{
    struct cpath c;
    enum err e = cpath_of(root, &c);
    if (e) return e;
    int at = open(c.p, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct slice rest = slice_sub(path, root.n, path.n), part;
    while (at >= 0 && slice_split(&rest, '/', &part)) {
        if (part.n == 0) continue;
        if ((e = cpath_of(part, &c))) break;
        int flags = rest.n ? O_PATH | O_DIRECTORY | O_CLOEXEC : OPEN_FLAGS;
        int next = openat(at, c.p, flags | O_NOFOLLOW);
        int saved = errno;
        close(at);
        at = next;
        errno = saved;
    }
    if (!e && at < 0) e = from_errno(errno);
    if (!e)
        *ret_fd = at;
    else if (at >= 0)
        close(at);
    return e;
}

enum err file_read_inside(struct slice root, struct slice path, size_t ceiling,
                          struct arena *a, struct slice *ret)
{
    struct slice real;
    int fd;
    enum err e = path_inside(root, path, a, &real);
    if (!e && real.n == root.n) e = ERR_INVALID; /* the folder itself */
    if (!e) e = open_below(root, real, &fd);
    return e ? e : read_regular(fd, ceiling, a, ret);
}

/* --- folders -------------------------------------------------------------- */

/* What is durable inside a new folder is lost with the folder, unless its
 * parent is on the disk too. A parent that may not be read cannot be synced. */
static enum err sync_parent(struct slice folder)
{
    struct cpath name;
    int fd = -1;
    enum err e = open_parent(folder, &fd, &name);
    if (fd < 0) return OK;
    if (!e && fsync(fd) < 0 && errno != EINVAL) e = from_errno(errno);
    close(fd);
    return e;
}

static enum err make_one(const char *folder, unsigned mode)
{
    if (mkdir(folder, mode) == 0) return sync_parent(slice_of(folder));
    if (errno != EEXIST) return from_errno(errno);
    struct stat st;
    if (stat(folder, &st) < 0) return from_errno(errno);
    return S_ISDIR(st.st_mode) ? OK : ERR_INVALID;
}

enum err path_make(struct slice folder, unsigned mode)
{
    struct cpath c;
    enum err e = cpath_of(folder, &c);
    for (size_t i = 1; !e && i < folder.n; i++) {
        if (c.p[i] != '/' || c.p[i - 1] == '/') continue;
        c.p[i] = '\0';
        e = make_one(c.p, mode);
        c.p[i] = '/';
    }
    return e ? e : make_one(c.p, mode);
}

struct listing {
    struct file_name *names;
    size_t count, room;
};

static enum err list_add(struct listing *l, struct arena *a, struct file_name f)
{
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 32;
        struct file_name *more = ARENA_ARRAY(a, struct file_name, room);
        if (!more) return ERR_NOMEM;
        if (l->count) memcpy(more, l->names, l->count * sizeof(*more));
        l->names = more;
        l->room = room;
    }
    l->names[l->count++] = f;
    return OK;
}

/* A link that leads nowhere is a name that is no folder. */
static bool is_folder(int dir, const struct dirent *d)
{
    struct stat st;
    if (d->d_type != DT_UNKNOWN && d->d_type != DT_LNK)
        return d->d_type == DT_DIR;
    return fstatat(dir, d->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static int by_name(const void *a, const void *b)
{
    return slice_cmp(((const struct file_name *)a)->name,
                     ((const struct file_name *)b)->name);
}

static enum err read_names(DIR *dir, size_t most, struct arena *a,
                           struct listing *l)
{
    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        if (!d) return errno ? from_errno(errno) : OK;
        struct slice name = slice_of(d->d_name);
        if (slice_eq(name, SLICE(".")) || slice_eq(name, SLICE(".."))) continue;
        if (l->count == most) return ERR_TOO_LARGE;
        struct file_name f = {arena_copy(a, name), is_folder(dirfd(dir), d)};
        enum err e = f.name.p ? list_add(l, a, f) : ERR_NOMEM;
        if (e) return e;
    }
}

/* As opendir, but TSan sees the descriptor begin: it would otherwise blame
 * what another thread did with an earlier one of that number. */
static DIR *open_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir || fd < 0) return dir;
    int error = errno;
    close(fd);
    errno = error;
    return NULL;
}

enum err folder_list(struct slice folder, size_t most, struct arena *a,
                     struct file_name **ret, size_t *ret_count)
{
    struct cpath c;
    enum err e = cpath_of(folder, &c);
    if (e) return e;
    DIR *dir = open_folder(c.p);
    if (!dir) return from_errno(errno);
    struct listing l = {0};
    e = read_names(dir, most, a, &l);
    closedir(dir);
    if (e) return e;
    if (l.count) qsort(l.names, l.count, sizeof(l.names[0]), by_name);
    *ret = l.names;
    *ret_count = l.count;
    return OK;
}
