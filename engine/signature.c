#include "engine/signature.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/sha256.h"

#define NAMES_MAX 8192
#define LEVELS_MAX 16
/* File times come from the kernel's tick, 4 ms or 10 ms wide. */
#define GRAIN_NS INT64_C(20000000)

struct walk {
    struct sha256 hash;
    struct arena *arena;
    size_t names;
    int64_t newest_ns;
    dev_t device;
    bool plain;
};

static int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static enum err stat_add(struct walk *w, struct slice path, struct slice name)
{
    struct stat st;
    char *p = arena_cstr(w->arena, path);
    if (!p) return ERR_NOMEM;
    if (lstat(p, &st)) return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    if (!w->names) w->device = st.st_dev; /* of the first: the folder */
    if (S_ISLNK(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink > 1) ||
        st.st_dev != w->device)
        w->plain = false;
    if (S_ISLNK(st.st_mode) && stat(p, &st))
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    int64_t facts[] = {(int64_t)st.st_ino,      (int64_t)st.st_size,
                       (int64_t)st.st_mode,     nanoseconds(st.st_mtim),
                       nanoseconds(st.st_ctim), (int64_t)name.n};
    sha256_add(&w->hash, (struct slice){(char *)facts, sizeof(facts)});
    sha256_add(&w->hash, name);
    for (int i = 3; i <= 4; i++)
        if (facts[i] > w->newest_ns) w->newest_ns = facts[i];
    return OK;
}

static enum err folder_add(struct walk *w, struct slice folder, int level)
{
    struct file_name *names;
    size_t n;
    if (level > LEVELS_MAX) return ERR_TOO_LARGE;
    enum err e =
        folder_list(folder, NAMES_MAX - w->names, w->arena, &names, &n);
    if (e) return e;
    w->names += n;
    for (size_t i = 0; !e && i < n; i++) {
        struct slice path = path_join(w->arena, folder, names[i].name);
        if (!path.p) return ERR_NOMEM;
        e = stat_add(w, path, names[i].name);
        /* A dangling link or a file that just went is part of the state. */
        if (e == ERR_NOT_FOUND) e = OK;
        if (!e && names[i].folder) e = folder_add(w, path, level + 1);
        if (e == ERR_NOT_FOUND) e = OK;
    }
    return e;
}

enum err eng__signature_take(struct slice folder, struct arena *a,
                             struct eng_signature *ret)
{
    struct walk w = {.arena = a, .plain = true};
    uint8_t digest[SHA256_SIZE];
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    sha256_init(&w.hash);
    enum err e = stat_add(&w, folder, folder);
    if (!e) e = folder_add(&w, folder, 0);
    if (e) return e;
    sha256_end(&w.hash, digest);
    memcpy(&ret->value, digest, sizeof(ret->value));
    ret->plain = w.plain;
    /* Not so either when the newest time lies in the future. */
    ret->settled = w.newest_ns <= nanoseconds(wall) - GRAIN_NS;
    return OK;
}
