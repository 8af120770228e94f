#include "engine/corpus_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/map.h"

enum { FILES_MOST = 500000, LEVELS_MOST = 32, PATH_MOST = 4096 };
/* File times come from the kernel's tick, 4 ms or 10 ms wide; some file
 * systems only know seconds, even ones. */
#define GRAIN_NS INT64_C(20000000)
#define COARSE_NS INT64_C(2000000000)
#define SECOND_NS INT64_C(1000000000)

struct walker {
    struct corpus_walk *walk;
    struct arena *a;
    struct slice root, real;
    struct buf path; /* relative, of the folder walked */
    int64_t now_ns;
    size_t capacity, names;
    bool list;
};

static int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

static bool counts(struct slice name)
{
    return name.n && name.p[0] != '.' && !slice_ends(name, SLICE("~")) &&
           !slice_ends(name, SLICE(".swp")) && !slice_ends(name, SLICE(".tmp"));
}

static bool is_markdown(struct slice name)
{
    return slice_eq_nocase(slice_sub(name, name.n > 3 ? name.n - 3 : 0, 3),
                           SLICE(".md")) ||
           slice_eq_nocase(slice_sub(name, name.n > 9 ? name.n - 9 : 0, 9),
                           SLICE(".markdown"));
}

bool corpus_counts(struct slice path)
{
    struct slice rest = path, name = {0};
    unsigned level = 0;
    while (slice_split(&rest, '/', &name))
        if (!counts(name) || level++ > LEVELS_MOST) return false;
    return is_markdown(name) && path.n < PATH_MOST;
}

static bool settled(const struct walker *w, const struct corpus_stamp *s)
{
    bool coarse =
        s->changed_ns % SECOND_NS == 0 && s->status_ns % SECOND_NS == 0;
    int64_t newest =
        s->changed_ns > s->status_ns ? s->changed_ns : s->status_ns;
    return newest <= w->now_ns - (coarse ? COARSE_NS : GRAIN_NS);
}

static enum err keep(struct walker *w, const struct corpus_stamp *stamp,
                     bool is_settled)
{
    struct corpus_walk *walk = w->walk;
    if (walk->count == w->capacity) {
        size_t capacity = w->capacity ? 2 * w->capacity : 128;
        struct corpus_file *f = ARENA_ARRAY(w->a, struct corpus_file, capacity);
        if (!f) return ERR_NOMEM;
        if (walk->count) memcpy(f, walk->files, walk->count * sizeof(*f));
        walk->files = f;
        w->capacity = capacity;
    }
    struct slice path = arena_copy(w->a, buf_slice(&w->path));
    if (!path.p) return ERR_NOMEM;
    walk->files[walk->count++] =
        (struct corpus_file){w->root, w->real, path, *stamp, is_settled};
    return OK;
}

static enum err add_file(struct walker *w, const struct stat *st)
{
    const struct corpus_stamp stamp = {
        (int64_t)st->st_dev, (int64_t)st->st_ino, (int64_t)st->st_size,
        nanoseconds(st->st_mtim), nanoseconds(st->st_ctim)};
    bool is_settled = settled(w, &stamp);
    if (!is_settled) w->walk->settled = false;
    /* Seeded hashes, so that their sum does not depend on the order in which
     * the file system names files, and nobody can choose it. */
    uint64_t h[2] = {
        map_hash(buf_slice(&w->path)),
        map_hash((struct slice){(const char *)&stamp, sizeof(stamp)})};
    w->walk->signature += map_hash((struct slice){(const char *)h, sizeof(h)});
    return w->list ? keep(w, &stamp, is_settled) : OK;
}

static enum err walk_folder(struct walker *w, int fd, int level);

static enum err visit(struct walker *w, int folder, const char *name, int level)
{
    struct stat st;
    struct slice s = slice_of(name);
    if (!counts(s)) return OK;
    if (++w->names > FILES_MOST) return ERR_TOO_LARGE;
    /* What went while it was looked for is not there. */
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return OK;
    bool is_folder = S_ISDIR(st.st_mode);
    if (!is_folder && (!S_ISREG(st.st_mode) || !is_markdown(s))) return OK;
    if (is_folder && level == LEVELS_MOST) return OK;
    size_t n = w->path.n;
    if (n + s.n + 2 > PATH_MOST) return OK; /* cannot be opened */
    if (n) buf_putc(&w->path, '/');
    buf_put(&w->path, s);
    enum err e = w->path.err;
    if (e) return e;
    if (!is_folder) {
        e = add_file(w, &st);
    } else {
        int fd = openat(folder, name,
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0) e = walk_folder(w, fd, level + 1);
    }
    w->path.n = n;
    return e;
}

/* Takes the descriptor. */
static enum err walk_folder(struct walker *w, int fd, int level)
{
    DIR *dir = fdopendir(fd);
    enum err e = OK;
    if (!dir) {
        close(fd);
        return ERR_NOMEM;
    }
    while (!e) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        if (!d) {
            if (errno && errno != ENOENT) e = ERR_IO;
            break;
        }
        e = visit(w, fd, d->d_name, level);
    }
    closedir(dir);
    return e;
}

static enum err walk_root(struct walker *w, struct slice root)
{
    char *path = arena_cstr(w->a, root);
    if (!path) return ERR_NOMEM;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno == EMFILE || errno == ENFILE ? ERR_IO : OK;
    w->root = w->real = root;
    if (w->list) {
        enum err e = path_canonical(root, w->a, &w->real);
        if (e) {
            close(fd);
            return e == ERR_NOT_FOUND ? OK : e;
        }
    }
    w->walk->signature = w->walk->signature * 31 + map_hash(root);
    return walk_folder(w, fd, 0);
}

/* Of equal names the first stays: an earlier root's. */
static enum err drop_doubles(struct corpus_walk *walk)
{
    struct map seen = MAP_INIT;
    size_t kept = 0;
    enum err e = OK;
    for (size_t i = 0; i < walk->count && !e; i++) {
        struct corpus_file *f = &walk->files[i];
        if (map_get(&seen, f->path)) continue;
        e = map_put(&seen, f->path, f, NULL);
        /* The map borrows the path's bytes, which do not move. */
        walk->files[kept++] = *f;
    }
    walk->count = kept;
    map_done(&seen);
    return e;
}

enum err corpus_walk(const struct slice *roots, size_t count, bool list,
                     struct arena *a, struct corpus_walk *ret)
{
    struct corpus_walk walk = {.settled = true, .signature = 1};
    struct timespec wall;
    struct walker w = {
        .walk = &walk, .a = a, .path = BUF_INIT(PATH_MOST), .list = list};
    clock_gettime(CLOCK_REALTIME, &wall);
    w.now_ns = nanoseconds(wall);
    enum err e = OK;
    for (size_t i = 0; i < count && !e; i++) e = walk_root(&w, roots[i]);
    buf_done(&w.path);
    if (!e && list && count > 1) e = drop_doubles(&walk);
    if (!e) *ret = walk;
    return e;
}

enum err corpus_read(const struct corpus_file *f, size_t ceiling,
                     struct arena *a, struct slice *ret)
{
    return file_read_inside(f->real, f->path, ceiling, a, ret);
}
