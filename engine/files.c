#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_write.h"
#include "base/sha256.h"
#include "engine/definition.h"

enum { FILES_MOST = 4096, FOLDERS_DEEP = 4 };
static const size_t bytes_most = 32u << 20;

/* --- reading a folder ------------------------------------------------------
 * Folders and files are opened relative to their parent's descriptor and never
 * through a symbolic link, so that no swap between look and open leads out of
 * the workflow; a link is resolved first and must end inside. */
struct reader {
    struct arena *a;
    struct problem *p;
    struct slice root; /* canonical */
    struct eng_file *files;
    size_t count, capacity, bytes;
};

static enum err refuse(struct reader *r, enum err e, struct slice path,
                       struct slice why, struct slice how_to_fix)
{
    return problem_setf(r->p, r->a, e, why, how_to_fix, "%.*s",
                        SLICE_ARG(path));
}

static enum err too_large(struct reader *r, struct slice path)
{
    return refuse(r, ERR_TOO_LARGE, path,
                  SLICE("A workflow folder holds at most 4,096 files and 32 "
                        "MiB of text."),
                  SLICE("Move what is no part of the workflow elsewhere."));
}

static enum err nomem(struct reader *r)
{
    return problem_set(r->p, ERR_NOMEM, SLICE("reading a workflow folder"),
                       SLICE("Out of memory."), SLICE("Try again."));
}

static bool in_phases(struct slice path)
{
    return slice_starts(path, SLICE("phases/")) ||
           slice_eq(path, SLICE("metadata.json"));
}

/* What is kept is packed as JSON one day. No metadata.json can name a path that
 * is no UTF-8; a text that is none is an error where it belongs to a phase, and
 * no file of the workflow elsewhere. */
static enum err keep(struct reader *r, struct slice path, struct slice text)
{
    if (slice_utf8_valid(path) < path.n) return OK;
    if (!in_phases(path) && slice_utf8_valid(text) < text.n) return OK;
    if (r->count == FILES_MOST) return too_large(r, path);
    if (r->count == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 64;
        struct eng_file *files = ARENA_ARRAY(r->a, struct eng_file, capacity);
        if (!files) return nomem(r);
        if (r->count) memcpy(files, r->files, r->count * sizeof(*files));
        r->files = files;
        r->capacity = capacity;
    }
    r->bytes += text.n;
    r->files[r->count++] = (struct eng_file){.path = path, .text = text};
    return OK;
}

static bool is_gate(struct slice path)
{
    return slice_starts(path, SLICE("phases/")) &&
           slice_ends(path, SLICE("/gate-definition.yaml"));
}

/* Not ours: a link out, a FIFO, gone since. A gate that is such is kept as
 * unread: passed over, it would leave a phase that anything completes. */
static enum err pass_over(struct reader *r, struct slice path)
{
    size_t before = r->count;
    enum err e = is_gate(path) ? keep(r, path, SLICE("")) : OK;
    if (r->count > before) r->files[before].unread = true;
    return e;
}

/* ERR_INVALID: not a regular file. Reads what is there now: a file that is
 * being written may come shorter than its size said. */
static enum err slurp(int fd, size_t ceiling, struct arena *a,
                      struct slice *ret)
{
    struct stat st;
    if (fstat(fd, &st) < 0) return ERR_IO;
    if (!S_ISREG(st.st_mode)) return ERR_INVALID;
    if ((uint64_t)st.st_size > ceiling) return ERR_TOO_LARGE;
    size_t size = (size_t)st.st_size, n = 0;
    char *p = arena_alloc(a, size + 1);
    if (!p) return ERR_NOMEM;
    while (n < size) {
        ssize_t got = read(fd, p + n, size - n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return ERR_IO;
        if (got == 0) break;
        n += (size_t)got;
    }
    *ret = (struct slice){p, n};
    return OK;
}

static enum err read_linked(struct reader *r, struct slice path,
                            struct slice *ret)
{
    struct slice real;
    enum err e = path_inside(r->root, path, r->a, &real);
    if (e) return e == ERR_NOMEM ? e : ERR_INVALID;
    return file_read(real, bytes_most - r->bytes, r->a, ret);
}

static enum err read_one(struct reader *r, int folder, const char *name,
                         struct slice path)
{
    struct slice text = {0};
    enum err e;
    int fd = openat(folder, name,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0) {
        e = slurp(fd, bytes_most - r->bytes, r->a, &text);
        close(fd);
    } else if (errno == ELOOP) {
        e = read_linked(r, path, &text);
    } else {
        e = errno == ENOENT || errno == ENXIO ? ERR_INVALID : ERR_IO;
    }
    switch (e) {
    case OK:
        return keep(r, path, text);
    case ERR_INVALID:
    case ERR_NOT_FOUND:
        return pass_over(r, path);
    case ERR_NOMEM:
        return nomem(r);
    case ERR_TOO_LARGE:
        return too_large(r, path);
    default:
        return refuse(r, ERR_IO, path, SLICE("The file cannot be read."),
                      SLICE("Check its permissions."));
    }
}

static bool is_top(struct slice name, bool folder)
{
    if (folder)
        return slice_eq(name, SLICE("phases")) ||
               slice_eq(name, SLICE("core")) ||
               slice_eq(name, SLICE("supporting-docs"));
    return slice_eq(name, SLICE("metadata.json")) ||
           slice_ends(name, SLICE(".md"));
}

static bool is_folder(int folder, const struct dirent *d)
{
    if (d->d_type != DT_UNKNOWN) return d->d_type == DT_DIR;
    struct stat st;
    return fstatat(folder, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(st.st_mode);
}

static enum err walk(struct reader *r, int fd, struct slice at, int depth);

static enum err visit(struct reader *r, int fd, struct slice at, int depth,
                      const struct dirent *d)
{
    struct slice name = slice_of(d->d_name);
    bool folder = is_folder(fd, d);
    if (name.p[0] == '.' || (depth == 0 && !is_top(name, folder))) return OK;
    struct slice path =
        at.n ? path_join(r->a, at, name) : arena_copy(r->a, name);
    if (!path.p) return nomem(r);
    if (!folder) return read_one(r, fd, d->d_name, path);
    if (is_gate(path)) return pass_over(r, path);
    if (depth == FOLDERS_DEEP) return OK;
    int sub =
        openat(fd, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (sub >= 0) return walk(r, sub, path, depth + 1);
    return refuse(r, ERR_IO, path, SLICE("The folder cannot be read."),
                  SLICE("Check its permissions."));
}

/* Takes the descriptor. */
static enum err walk(struct reader *r, int fd, struct slice at, int depth)
{
    enum err e = OK;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return nomem(r);
    }
    while (e == OK) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        if (!d) {
            if (errno)
                e = refuse(r, ERR_IO, at, SLICE("The folder cannot be read."),
                           SLICE("Check the disk."));
            break;
        }
        e = visit(r, dirfd(dir), at, depth, d);
    }
    closedir(dir);
    return e;
}

static int by_path(const void *a, const void *b)
{
    const struct eng_file *x = a, *y = b;
    return slice_cmp(x->path, y->path);
}

static struct slice last_part(struct slice path)
{
    size_t n = path.n;
    while (n > 0 && path.p[n - 1] != '/') n--;
    return slice_sub(path, n, path.n);
}

/* The name the caller used, for a link has one of its own. */
static struct slice type_of(struct slice folder, struct slice root)
{
    while (folder.n > 1 && folder.p[folder.n - 1] == '/') folder.n--;
    struct slice name = last_part(folder);
    if (name.n == 0 || slice_eq(name, SLICE(".")) ||
        slice_eq(name, SLICE("..")))
        return last_part(root);
    return name;
}

enum err eng_files_read(struct slice folder, struct arena *a, struct problem *p,
                        struct eng_files *ret)
{
    struct reader r = {.a = a, .p = p};
    enum err e = path_canonical(folder, a, &r.root);
    if (e == ERR_NOMEM) return nomem(&r);
    char *name = e ? NULL : arena_cstr(a, r.root);
    if (!e && !name) return nomem(&r);
    int fd = e ? -1 : open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return refuse(&r, ERR_NOT_FOUND, last_part(folder),
                      SLICE("There is no such workflow folder."),
                      SLICE("Name a folder that holds a metadata.json."));
    e = walk(&r, fd, (struct slice){0}, 0);
    if (e) return e;
    if (r.count > 1) qsort(r.files, r.count, sizeof(*r.files), by_path);
    *ret = (struct eng_files){.workflow_type = type_of(folder, r.root),
                              .folder = r.root,
                              .files = r.files,
                              .count = r.count};
    if (eng_files_find(ret, SLICE("metadata.json"))) return OK;
    return refuse(&r, ERR_NOT_FOUND, ret->workflow_type,
                  SLICE("A folder without metadata.json is not a workflow."),
                  SLICE("Write metadata.json in the folder, or name another."));
}

const struct eng_file *eng_files_find(const struct eng_files *f,
                                      struct slice path)
{
    struct eng_file key = {.path = path};
    if (f->count == 0) return NULL;
    return bsearch(&key, f->files, f->count, sizeof(key), by_path);
}

/* --- packed ------------------------------------------------------------ */
void eng_files_pack(const struct eng_files *f, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_put_string(&w, "workflow_type", f->workflow_type);
    json_key(&w, SLICE("files"));
    json_begin_array(&w);
    for (size_t i = 0; i < f->count; i++) {
        json_begin_object(&w);
        json_put_string(&w, "path", f->files[i].path);
        json_put_string(&w, "text", f->files[i].text);
        json_end_object(&w);
    }
    json_end_array(&w);
    if (f->source.path.n) {
        json_key(&w, SLICE("source"));
        json_begin_object(&w);
        json_put_string(&w, "path", f->source.path);
        json_put_string(&w, "text", f->source.text);
        json_end_object(&w);
    }
    json_end_object(&w);
}

static enum err unpack_source(const struct json *v, struct eng_file *ret)
{
    const struct json *path = json_get(v, SLICE("path"));
    const struct json *text = json_get(v, SLICE("text"));
    if (!v) return OK;
    if (!json_is(path, JSON_STRING) || !json_is(text, JSON_STRING) ||
        path->text.n == 0)
        return ERR_PARSE;
    *ret = (struct eng_file){path->text, text->text};
    return OK;
}

enum err eng_files_unpack(struct slice body, struct arena *a,
                          struct eng_files *ret)
{
    /* a text of control characters grows sixfold when it is escaped */
    const struct json_limits limits = {6 * bytes_most + (1u << 20), 8,
                                       4 * FILES_MOST};
    const struct json *doc;
    struct json_error error;
    enum err e = json_parse(body, &limits, a, &doc, &error);
    if (e) return e;
    const struct json *files = json_get(doc, SLICE("files"));
    const struct json *type = json_get(doc, SLICE("workflow_type"));
    if (!json_is(files, JSON_ARRAY) || !json_is(type, JSON_STRING))
        return ERR_PARSE;
    struct eng_file *list = ARENA_ARRAY(a, struct eng_file, files->count);
    if (!list && files->count) return ERR_NOMEM;
    for (uint32_t i = 0; i < files->count; i++) {
        const struct json *path = json_get(&files->items[i], SLICE("path"));
        const struct json *text = json_get(&files->items[i], SLICE("text"));
        if (!json_is(path, JSON_STRING) || !json_is(text, JSON_STRING))
            return ERR_PARSE;
        list[i] = (struct eng_file){.path = path->text, .text = text->text};
        if (i > 0 && slice_cmp(list[i - 1].path, list[i].path) >= 0)
            return ERR_PARSE;
    }
    *ret = (struct eng_files){
        .workflow_type = type->text, .files = list, .count = files->count};
    return unpack_source(json_get(doc, SLICE("source")), &ret->source);
}

static void add_prefixed(struct sha256 *s, struct slice bytes)
{
    char length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (char)((uint64_t)bytes.n >> (56 - 8 * i));
    sha256_add(s, (struct slice){length, sizeof(length)});
    sha256_add(s, bytes);
}

static struct slice files_hex(const struct eng_files *f,
                              char hex[SHA256_HEX_SIZE])
{
    struct sha256 s;
    uint8_t hash[SHA256_SIZE];
    sha256_init(&s);
    for (size_t i = 0; i < f->count; i++) {
        add_prefixed(&s, f->files[i].path);
        add_prefixed(&s, f->files[i].text);
    }
    if (f->source.path.n) {
        add_prefixed(&s, (struct slice){0}); /* no file has an empty path */
        add_prefixed(&s, f->source.path);
        add_prefixed(&s, f->source.text);
    }
    sha256_end(&s, hash);
    return sha256_hex(hash, hex);
}

struct slice eng_files_hash(const struct eng_files *f, struct arena *a)
{
    char hex[SHA256_HEX_SIZE];
    return arena_copy(a, files_hex(f, hex));
}

bool eng_files_are(const struct eng_files *f, struct slice hash)
{
    char hex[SHA256_HEX_SIZE];
    return slice_eq(files_hex(f, hex), hash);
}
