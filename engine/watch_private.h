/* watch_private: what watch.c (descriptor, stamps, thread) and watch_tree.c
 * (which folders are watched for which root) share. */
#ifndef ENGINE_WATCH_PRIVATE_H
#define ENGINE_WATCH_PRIVATE_H

#include "base/lock.h"
#include "base/map.h"
#include "engine/watch.h"

enum {
    ENG_WATCH_ROOTS_MAX = 32, /* bits of a watch; a root more is not watched */
    ENG_WATCH_FOLLOWED_MAX = 16, /* of them */
    ENG_WATCH_FOLDERS_MAX = 16384,
    ENG_WATCH_LEVELS_MAX = 16
};

/* One folder that the kernel reports on. */
struct watched {
    int32_t wd;
    uint32_t tree;  /* roots it lies in, or is */
    uint32_t above; /* roots it lies above: only the next part of their path
                     * matters, and its own fate */
    uint64_t walk;  /* last one that met it */
};

struct watch_root {
    struct slice path;
    enum eng_watch_set set;
    bool followed; /* came later: it alone, and its path is ours */
    bool known;    /* all of it is watched, or that it is not there */
    bool fresh;    /* no need to walk it */
    enum eng_watch_why walk_why; /* when it is not */
    const char *why;             /* not known because; NULL: known. A literal */
    /* Thread: watcher */
    const char *told;   /* the reason that was logged last */
    uint64_t signature; /* of the last look, when not known; 0: none */
};

/* The reason of a root that is to be walked again at once. */
extern const char watch__moving[];

struct watch_table {
    int fd;
    struct map by_wd; /* of struct watched, key its wd */
    uint64_t walks;
};

void watch__table_done(struct watch_table *t);
struct watched *watch__find(struct watch_table *t, int32_t wd);
/* The kernel has dropped it. */
void watch__forget(struct watch_table *t, int32_t wd);
/* Watches the root, everything in it and the way to it, as they are now;
 * sets known and why. `bit` is the root's. */
void watch__root_walk(struct watch_table *t, struct watch_root *r,
                      uint32_t bit);
/* Before and after the walks of every root: watches that none of them met go.
 */
void watch__walk_all_begin(struct watch_table *t);
void watch__walk_all_end(struct watch_table *t);

#endif
