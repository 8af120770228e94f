#include <errno.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/alloc.h"
#include "base/file.h"
#include "engine/watch_private.h"

const char watch__moving[] = "it came or went while it was looked at";

enum { PATH_ROOM = 4096 };
#define WALK_CEILING ((size_t)64 << 20)
#define IN_TREE                                                                \
    (IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO |    \
     IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB)
#define IN_ABOVE (IN_MOVE_SELF | IN_DELETE_SELF)
#define IN_AWAITED (IN_ABOVE | IN_CREATE | IN_MOVED_TO)
/* One inode has one watch, whatever it is watched for. */
#define IN_HOW (IN_ONLYDIR | IN_DONT_FOLLOW | IN_MASK_ADD)

/* --- the table ------------------------------------------------------------ */

static struct slice key_of(const int32_t *wd)
{
    return (struct slice){(const char *)wd, sizeof(*wd)};
}

struct watched *watch__find(struct watch_table *t, int32_t wd)
{
    return map_get(&t->by_wd, key_of(&wd));
}

void watch__forget(struct watch_table *t, int32_t wd)
{
    mem_free(map_del(&t->by_wd, key_of(&wd)));
}

void watch__table_done(struct watch_table *t)
{
    size_t i = 0;
    struct slice key;
    void *value;
    while (map_next(&t->by_wd, &i, &key, &value)) mem_free(value);
    map_done(&t->by_wd);
}

void watch__walk_all_begin(struct watch_table *t)
{
    size_t i = 0;
    struct slice key;
    void *value;
    t->walks++;
    while (map_next(&t->by_wd, &i, &key, &value)) {
        struct watched *wt = value;
        wt->tree = wt->above = 0;
    }
}

static struct watched *not_met(struct watch_table *t)
{
    size_t i = 0;
    struct slice key;
    void *value;
    while (map_next(&t->by_wd, &i, &key, &value)) {
        struct watched *wt = value;
        if (wt->walk != t->walks) return wt;
    }
    return NULL;
}

void watch__walk_all_end(struct watch_table *t)
{
    struct watched *wt;
    while ((wt = not_met(t)) != NULL) {
        /* Its IN_IGNORED will name a descriptor that we no longer know. */
        (void)inotify_rm_watch(t->fd, wt->wd);
        watch__forget(t, wt->wd);
    }
}

/* NULL: errno. */
static struct watched *watch_add(struct watch_table *t, const char *path,
                                 uint32_t mask)
{
    int wd = inotify_add_watch(t->fd, path, mask | IN_HOW);
    if (wd < 0) return NULL;
    struct watched *wt = watch__find(t, wd);
    if (!wt && t->by_wd.count >= ENG_WATCH_FOLDERS_MAX) {
        (void)inotify_rm_watch(t->fd, wd);
        errno = ENOSPC;
        return NULL;
    }
    if (!wt) {
        wt = MEM_NEW(struct watched);
        if (wt) wt->wd = wd;
        if (wt && map_put(&t->by_wd, key_of(&wt->wd), wt, NULL)) {
            mem_free(wt);
            wt = NULL;
        }
        if (!wt) {
            (void)inotify_rm_watch(t->fd, wd);
            errno = ENOMEM;
            return NULL;
        }
    }
    wt->walk = t->walks;
    return wt;
}

/* --- a walk --------------------------------------------------------------- */

struct walk {
    struct watch_table *table;
    struct arena arena;
    uint32_t bit;
    dev_t device;
    bool flat;       /* not what lies in folders of it */
    const char *why; /* it cannot be trusted; NULL: so far it can */
};

static const char *reason(int err)
{
    switch (err) {
    case ENOSPC:
        return "no watches left: raise fs.inotify.max_user_watches";
    case ENOMEM:
        return "out of memory";
    case EACCES:
        return "a folder cannot be read";
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
        return watch__moving;
    default:
        return "a folder cannot be watched";
    }
}

/* Went while we looked, or is no folder after all: an event tells, or told. */
static bool gone(int err)
{
    return err == ENOENT || err == ENOTDIR || err == ELOOP;
}

/* Watches first and lists then: what comes in between is an event. */
static void walk_tree(struct walk *k, struct slice folder, int level)
{
    struct file_name *names;
    size_t n;
    struct stat st;
    char *path = arena_cstr(&k->arena, folder);
    if (!path) k->why = reason(ENOMEM);
    if (!path || k->why) return;
    struct watched *wt = watch_add(k->table, path, IN_TREE);
    if (!wt || lstat(path, &st) != 0) {
        if (level == 0 || !gone(errno)) k->why = reason(errno);
        return;
    }
    wt->tree |= k->bit;
    if (st.st_dev != k->device) k->why = "another file system is mounted in it";
    if (level > ENG_WATCH_LEVELS_MAX) k->why = "folders are nested too deep";
    if (k->why || k->flat) return;
    enum err e =
        folder_list(folder, ENG_WATCH_FOLDERS_MAX, &k->arena, &names, &n);
    if (e == ERR_NOT_FOUND) return;
    if (e) k->why = "a folder cannot be listed";
    for (size_t i = 0; !e && i < n && !k->why; i++) {
        /* Hidden is hidden, also from events. */
        if (!names[i].folder || names[i].name.p[0] == '.') continue;
        struct slice below = path_join(&k->arena, folder, names[i].name);
        if (!below.p)
            k->why = reason(ENOMEM);
        else
            walk_tree(k, below, level + 1);
    }
}

/* Those that report every change made through them to their own inotify. */
static bool reports(const char *path)
{
    static const unsigned long known[] = {0xEF53 /* ext */,
                                          0x58465342 /* xfs */,
                                          0x9123683E /* btrfs */,
                                          0x01021994 /* tmpfs */,
                                          0x794c7630 /* overlay */,
                                          0x2fc12fc1 /* zfs */,
                                          0xF2F52010 /* f2fs */,
                                          0xca451a4e /* bcachefs */,
                                          0x858458f6 /* ramfs */};
    struct statfs fs;
    if (statfs(path, &fs) != 0) return false;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if ((unsigned long)fs.f_type == known[i]) return true;
    return false;
}

/* One part of the way: is it there, and does somebody tell when it comes or
 * goes? True: go on below it. */
static bool walk_part(struct walk *k, const char *above, const char *path,
                      bool *ret_absent)
{
    struct stat st;
    bool there = lstat(path, &st) == 0;
    if (!there && errno == ENOENT) {
        struct watched *wt = watch_add(k->table, above, IN_AWAITED);
        if (wt) wt->above |= k->bit;
        if (!wt) k->why = reason(errno);
        there = lstat(path, &st) == 0; /* just now? */
        *ret_absent = !there && errno == ENOENT;
        if (*ret_absent) return false;
    }
    if (!there)
        k->why = reason(errno);
    else if (S_ISLNK(st.st_mode))
        k->why = "a symbolic link is part of its path";
    else if (!S_ISDIR(st.st_mode))
        k->why = "it is no folder";
    return !k->why;
}

static void walk_way(struct walk *k, const char *root, bool *ret_absent)
{
    char above[PATH_ROOM] = "/", path[PATH_ROOM] = "";
    size_t n = strlen(root), last = 0;
    *ret_absent = false;
    if (n == 0 || n >= sizeof(path) || root[0] != '/') {
        k->why = "its path is too long or not absolute";
        return;
    }
    for (size_t i = 1; i <= n; i++) {
        if (root[i] != '/' && root[i] != '\0') continue;
        if (i - last < 2) continue; /* "//", or '/' at the end */
        memcpy(path, root, i);
        /* A folder on the way that we may not read is not ours to see moved:
         * the look every two seconds is for that. */
        struct watched *wt = watch_add(k->table, above, IN_ABOVE);
        if (wt) wt->above |= k->bit;
        if (!wt && errno != EACCES) k->why = reason(errno);
        if (k->why || !walk_part(k, above, path, ret_absent)) return;
        memcpy(above, path, sizeof(above));
        last = i;
    }
}

void watch__root_walk(struct watch_table *t, struct watch_root *r, uint32_t bit)
{
    struct walk k = {.table = t, .bit = bit, .flat = r->followed};
    bool absent = false;
    arena_init(&k.arena, WALK_CEILING);
    char *root = arena_cstr(&k.arena, r->path);
    struct stat st;
    if (!root)
        k.why = reason(ENOMEM);
    else
        walk_way(&k, root, &absent);
    if (!k.why && !absent) {
        if (lstat(root, &st) != 0)
            k.why = reason(errno);
        else if (!reports(root))
            k.why = "its file system may not report changes";
        else {
            k.device = st.st_dev;
            walk_tree(&k, r->path, 0);
        }
    }
    arena_done(&k.arena);
    r->why = k.why;
    r->known = !k.why;
    r->fresh = k.why != watch__moving;
}
