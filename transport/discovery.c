#include "transport/discovery.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json_write.h"
#include "base/log.h"
#include "base/random.h"

enum {
    LOCK_WAIT_MS = 1000,
    PATH_ROOM = 4096,
    SERVERS_MAX = 4096,
    FILE_CEILING = 65536
};

struct tp_discovery {
    struct tp_discovery_config c;
    char folder[PATH_ROOM]; /* <root>/.phasegate */
    int own;                /* our file, locked while we live */
};

/* --- paths ---------------------------------------------------------------- */

static bool path_of(char out[PATH_ROOM], const char *folder, const char *name)
{
    int n = snprintf(out, PATH_ROOM, "%s/%s", folder, name);
    return n > 0 && n < PATH_ROOM;
}

static bool folder_of(char out[PATH_ROOM], struct slice root)
{
    int n = snprintf(out, PATH_ROOM, "%.*s/.phasegate", SLICE_ARG(root));
    return n > 0 && n < PATH_ROOM;
}

static bool own_path(char out[PATH_ROOM], const struct tp_discovery *d)
{
    char name[40];
    (void)snprintf(name, sizeof(name), "servers/%ld.json", (long)getpid());
    return path_of(out, d->folder, name);
}

/* --- the short lock ------------------------------------------------------- */

/* Not for ever: whoever holds it may have been stopped in a debugger. */
static int lock_servers(const struct tp_discovery *d)
{
    char path[PATH_ROOM];
    if (!path_of(path, d->folder, "servers/.lock")) return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return -1;
    struct timespec pause = {.tv_nsec = 2 * NS_PER_MS};
    int64_t until = clock_now() + LOCK_WAIT_MS * NS_PER_MS;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || clock_now() > until) {
            close(fd);
            return -1;
        }
        nanosleep(&pause, NULL);
    }
    return fd;
}

/* --- who is there --------------------------------------------------------- */

struct candidate {
    struct slice text; /* of its file */
    int64_t pid;
    struct slice started_at; /* RFC 3339: sorts as text */
};

/* Is some process holding the lock on this file? O_NONBLOCK: a FIFO of that
 * name holds up nobody. */
static bool alive(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return false;
    bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

/* False: it has no url, or is not one of ours. */
static bool candidate_read(const char *path, struct arena *a,
                           struct candidate *ret)
{
    const struct json *root;
    struct json_error je;
    if (file_read(slice_of(path), FILE_CEILING, a, &ret->text) != OK ||
        json_parse(ret->text, NULL, a, &root, &je) != OK)
        return false;
    ret->started_at = json_text(json_at(root, "started_at", NULL));
    return json_int64(json_at(root, "pid", NULL), &ret->pid) &&
           json_text(json_at(root, "url", NULL)).n > 0;
}

static bool older(const struct candidate *a, const struct candidate *b)
{
    int order = slice_cmp(a->started_at, b->started_at);
    return order < 0 || (order == 0 && a->pid < b->pid);
}

/* The oldest live server with a url; what the dead left behind is removed.
 * False: there is none. Lock: needs servers/.lock */
static bool oldest(const struct tp_discovery *d, struct arena *a,
                   struct candidate *ret)
{
    char servers[PATH_ROOM], path[PATH_ROOM];
    struct file_name *names;
    size_t count;
    bool found = false;
    if (!path_of(servers, d->folder, "servers") ||
        folder_list(slice_of(servers), SERVERS_MAX, a, &names, &count) != OK)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct candidate c;
        if (!slice_ends(names[i].name, SLICE(".json"))) continue;
        char *name = arena_cstr(a, names[i].name);
        if (!name || !path_of(path, servers, name)) continue;
        if (!alive(path)) {
            (void)unlink(path);
        } else if (candidate_read(path, a, &c) && (!found || older(&c, ret))) {
            *ret = c;
            found = true;
        }
    }
    return found;
}

/* Lock: needs servers/.lock */
static enum err elect(const struct tp_discovery *d)
{
    char path[PATH_ROOM];
    struct arena a;
    struct candidate chosen = {0};
    struct slice current = {0};
    enum err e = OK;
    if (!path_of(path, d->folder, "server.json")) return ERR_TOO_LARGE;
    arena_init(&a, (size_t)16 << 20);
    if (!oldest(d, &a, &chosen)) {
        (void)unlink(path);
        goto out;
    }
    if (file_read(slice_of(path), FILE_CEILING, &a, &current) == OK &&
        slice_eq(current, chosen.text))
        goto out;
    e = file_write_atomic(slice_of(path), chosen.text, 0600);
out:
    arena_done(&a);
    return e;
}

/* --- our own entry -------------------------------------------------------- */

static struct slice base_name(struct slice path)
{
    for (size_t i = path.n; i > 0; i--)
        if (path.p[i - 1] == '/') return slice_sub(path, i, path.n);
    return path;
}

static void entry_write(const struct tp_discovery *d, struct buf *out)
{
    const struct tp_discovery_config *c = &d->c;
    char when[CLOCK_TEXT_SIZE], token[PATH_ROOM];
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_put_string(&w, "version", c->version);
    if (c->url.n) json_put_string(&w, "url", c->url);
    json_put_int(&w, "pid", getpid());
    json_put_string(&w, "started_at", clock_text(c->started_wall_ms, when));
    json_put_string(&w, "transport", c->transport);
    if (path_of(token, d->folder, "agent.token"))
        json_put_string(&w, "token_file", slice_of(token));
    json_key(&w, SLICE("project"));
    json_begin_object(&w);
    json_put_string(&w, "name", base_name(c->root));
    json_put_string(&w, "root", c->root);
    json_end_object(&w);
    json_end_object(&w);
    buf_putc(out, '\n');
}

/* Locked before it gets its name, so that nobody ever sees it without a
 * holder. */
static enum err entry_publish(struct tp_discovery *d, struct slice text)
{
    char path[PATH_ROOM], fresh[PATH_ROOM];
    if (!own_path(path, d)) return ERR_TOO_LARGE;
    if (alive(path)) return ERR_EXISTS;
    if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= PATH_ROOM)
        return ERR_TOO_LARGE;
    (void)unlink(fresh);
    d->own = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (d->own < 0) return ERR_IO;
    if (flock(d->own, LOCK_EX | LOCK_NB) == 0 &&
        write(d->own, text.p, text.n) == (ssize_t)text.n &&
        rename(fresh, path) == 0)
        return OK;
    (void)unlink(fresh);
    return ERR_IO;
}

/* --- .gitignore and tokens ------------------------------------------------ */

static const char gitignore[] =
    "# Written by phasegate. Workflows, standards and config.yaml may be\n"
    "# committed; what is listed here belongs to this machine alone.\n"
    "state.*\n"
    "index.*\n"
    "*.token\n"
    "server.json\n"
    "servers/\n"
    "health/\n";

/* A file that comes into being whole and is never overwritten. */
static enum err make_once(const char *path, struct slice content, mode_t mode)
{
    char fresh[PATH_ROOM];
    if (snprintf(fresh, sizeof(fresh), "%s.%ld", path, (long)getpid()) >=
        PATH_ROOM)
        return ERR_TOO_LARGE;
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                  mode);
    if (fd < 0) return ERR_IO;
    bool written = write(fd, content.p, content.n) == (ssize_t)content.n;
    close(fd);
    bool linked = written && (link(fresh, path) == 0 || errno == EEXIST);
    (void)unlink(fresh);
    return linked ? OK : ERR_IO;
}

static void hex(const unsigned char *from, size_t n, char *to)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *to++ = digits[from[i] >> 4];
        *to++ = digits[from[i] & 15];
    }
    *to = '\0';
}

/* A regular file of ours that nobody else reads: not one that came with the
 * project's files, nor one that a link leads to. */
static bool is_secret(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           !(st.st_mode & 077) && st.st_size >= TP_TOKEN_LEAST;
}

/* There are file systems that keep no modes: there it is as secret as all. */
static bool has_no_modes(const char *path)
{
    struct stat st = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return false;
    bool none = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                st.st_size >= TP_TOKEN_LEAST && fchmod(fd, 0600) == 0 &&
                fstat(fd, &st) == 0 && (st.st_mode & 077);
    close(fd);
    return none;
}

/* What others may know is no token, whatever its mode becomes: it goes, and
 * is made anew. One process at a time, so that none takes another's new one
 * away. */
static void drop_known(const char *folder, const char *path)
{
    int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0) return;
    if (flock(lock, LOCK_EX) == 0 && !is_secret(path) && !has_no_modes(path) &&
        unlink(path) == 0)
        log_warn("discovery",
                 "token made anew: others could read it, or it was none",
                 LOG_C("path", path));
    close(lock);
}

static enum err token(const char *folder, const char *path, struct arena *a,
                      char ret[TP_TOKEN_ROOM])
{
    unsigned char raw[(TP_TOKEN_ROOM - 1) / 2];
    struct slice text;
    if (!is_secret(path)) drop_known(folder, path);
    enum err e = file_read(slice_of(path), FILE_CEILING, a, &text);
    if (e == ERR_NOT_FOUND) {
        random_bytes(raw, sizeof(raw));
        hex(raw, sizeof(raw), ret);
        e = make_once(path, slice_of(ret), 0600);
        if (!e) e = file_read(slice_of(path), FILE_CEILING, a, &text);
    }
    if (e) return e;
    text = slice_trim(text);
    if (text.n == 0 || text.n >= TP_TOKEN_ROOM) return ERR_INVALID;
    memcpy(ret, text.p, text.n);
    ret[text.n] = '\0';
    return OK;
}

enum err tp_tokens(struct slice root, struct arena *a,
                   char ret_agent[TP_TOKEN_ROOM],
                   char ret_operator[TP_TOKEN_ROOM])
{
    char folder[PATH_ROOM], path[PATH_ROOM];
    if (!folder_of(folder, root)) return ERR_TOO_LARGE;
    enum err e = path_make(slice_of(folder), 0755);
    if (e) return e;
    if (!path_of(path, folder, ".gitignore")) return ERR_TOO_LARGE;
    if (access(path, F_OK) != 0) e = make_once(path, slice_of(gitignore), 0644);
    if (!e && path_of(path, folder, "agent.token"))
        e = token(folder, path, a, ret_agent);
    if (!e && path_of(path, folder, "operator.token"))
        e = token(folder, path, a, ret_operator);
    return e;
}

/* --- coming and going ----------------------------------------------------- */

static enum err join(struct tp_discovery *d)
{
    char servers[PATH_ROOM];
    struct buf text = BUF_INIT(FILE_CEILING);
    if (!path_of(servers, d->folder, "servers")) return ERR_TOO_LARGE;
    enum err e = path_make(slice_of(servers), 0700);
    if (e) return e;
    int lock = lock_servers(d);
    if (lock < 0) return ERR_UNAVAILABLE;
    entry_write(d, &text);
    e = text.err ? text.err : entry_publish(d, buf_slice(&text));
    if (!e) e = elect(d);
    close(lock);
    buf_done(&text);
    return e;
}

enum err tp_discovery_join(const struct tp_discovery_config *c,
                           struct tp_discovery **ret)
{
    struct tp_discovery *d = MEM_NEW(struct tp_discovery);
    if (!d) return ERR_NOMEM;
    d->c = *c;
    d->own = -1;
    enum err e = folder_of(d->folder, c->root) ? join(d) : ERR_TOO_LARGE;
    if (e) {
        if (d->own >= 0) close(d->own);
        mem_free(d);
        return e;
    }
    *ret = d;
    return OK;
}

void tp_discovery_check(struct tp_discovery *d)
{
    int lock = d ? lock_servers(d) : -1;
    if (lock < 0) return;
    enum err e = elect(d);
    if (e)
        log_warn("discovery", "server.json not written",
                 LOG_S("why", err_detail(e)));
    close(lock);
}

void tp_discovery_leave(struct tp_discovery *d)
{
    char path[PATH_ROOM];
    if (!d) return;
    int lock = lock_servers(d);
    if (own_path(path, d)) (void)unlink(path);
    if (lock >= 0) {
        if (elect(d) != OK)
            log_warn("discovery", "server.json was not handed on");
        close(lock);
    }
    close(d->own);
    mem_free(d);
}

/* --- finding one ---------------------------------------------------------- */

enum err tp_discovery_find(struct slice root, struct arena *a,
                           struct slice *ret_url, struct slice *ret_token)
{
    char folder[PATH_ROOM], path[PATH_ROOM], name[40];
    struct candidate c;
    const struct json *v;
    struct json_error je;
    if (!folder_of(folder, root) || !path_of(path, folder, "server.json") ||
        !candidate_read(path, a, &c))
        return ERR_NOT_FOUND;
    (void)snprintf(name, sizeof(name), "servers/%lld.json", (long long)c.pid);
    if (!path_of(path, folder, name) || !alive(path)) return ERR_NOT_FOUND;
    enum err e = json_parse(c.text, NULL, a, &v, &je);
    if (e) return e;
    *ret_url = json_text(json_get(v, SLICE("url")));
    /* never the file that server.json names: it could be any file */
    *ret_token = (struct slice){0};
    if (path_of(path, folder, "agent.token") &&
        file_read(slice_of(path), FILE_CEILING, a, ret_token) == OK)
        *ret_token = slice_trim(*ret_token);
    return OK;
}

/* --- all of them ---------------------------------------------------------- */

static void entry_read(const char *path, struct arena *a, struct tp_entry *ret)
{
    const struct json *v;
    struct json_error je;
    struct slice text;
    *ret = (struct tp_entry){.path = arena_copy(a, slice_of(path))};
    if (file_read(slice_of(path), FILE_CEILING, a, &text) != OK ||
        json_parse(text, NULL, a, &v, &je) != OK)
        return;
    ret->readable = json_int64(json_at(v, "pid", NULL), &ret->pid);
    ret->url = json_text(json_at(v, "url", NULL));
    ret->version = json_text(json_at(v, "version", NULL));
    ret->root = json_text(json_at(v, "project", "root", NULL));
}

enum err tp_discovery_list(struct slice root, struct arena *a,
                           struct tp_entry **ret, size_t *ret_count)
{
    char folder[PATH_ROOM], servers[PATH_ROOM], path[PATH_ROOM];
    struct file_name *names = NULL;
    size_t count = 0, n = 0;
    *ret_count = 0;
    if (!folder_of(folder, root) || !path_of(servers, folder, "servers") ||
        folder_list(slice_of(servers), SERVERS_MAX, a, &names, &count) != OK)
        count = 0;
    *ret = ARENA_ARRAY(a, struct tp_entry, count + 1);
    if (!*ret) return ERR_NOMEM;
    if (path_of(path, folder, "server.json") && access(path, F_OK) == 0)
        entry_read(path, a, &(*ret)[n++]);
    for (size_t i = 0; i < count; i++) {
        char *name = arena_cstr(a, names[i].name);
        if (!slice_ends(names[i].name, SLICE(".json")) || !name ||
            !path_of(path, servers, name))
            continue;
        entry_read(path, a, &(*ret)[n]);
        (*ret)[n++].live = alive(path);
    }
    /* the one that others find lives as long as the entry it is a copy of */
    for (size_t i = 1; i < n; i++)
        if (slice_ends((*ret)[0].path, SLICE("/server.json")) &&
            (*ret)[i].pid == (*ret)[0].pid)
            (*ret)[0].live |= (*ret)[i].live;
    *ret_count = n;
    return OK;
}
