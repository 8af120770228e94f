#include "engine/census.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/signature.h"

enum { WORKFLOWS_MOST = 4096 };
#define LOOK_CEILING (64u << 20)

struct workflow {
    struct slice name;
    uint64_t signature;
};

/* One root as it was found, sorted by name. */
struct look {
    struct arena arena;
    struct workflow *list;
    size_t count;
    bool whole;
};

struct census {
    const struct slice *roots;
    size_t count;
    struct look last[];
};

struct census *census_new(const struct slice *roots, size_t count)
{
    size_t size = sizeof(struct census) + count * sizeof(struct look);
    struct census *c = mem_zalloc(size);
    if (!c) return NULL;
    c->roots = roots;
    c->count = count;
    for (size_t i = 0; i < count; i++)
        arena_init(&c->last[i].arena, LOOK_CEILING);
    return c;
}

void census_free(struct census *c)
{
    if (!c) return;
    for (size_t i = 0; i < c->count; i++) arena_done(&c->last[i].arena);
    mem_free(c);
}

/* --- a look --------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const struct workflow *x = a, *y = b;
    return slice_cmp(x->name, y->name);
}

/* A folder with a metadata.json. False: out of memory. */
static bool add(struct look *l, struct slice root, const char *name)
{
    struct eng_signature now = {0};
    struct arena a;
    arena_init(&a, LOOK_CEILING);
    struct slice own = arena_copy(&l->arena, slice_of(name));
    struct slice folder = path_join(&a, root, own);
    const char *file =
        arena_cstr(&a, path_join(&a, folder, SLICE("metadata.json")));
    bool is = own.p && folder.p && file && access(file, F_OK) == 0 &&
              eng__signature_take(folder, &a, &now) == OK;
    if (is) l->list[l->count++] = (struct workflow){own, now.value};
    bool memory = own.p && folder.p && file;
    arena_done(&a);
    return memory;
}

/* A root that is not there holds nothing. */
static void look_at(struct look *l, struct slice root)
{
    char *path = arena_cstr(&l->arena, root);
    l->list = ARENA_ARRAY(&l->arena, struct workflow, WORKFLOWS_MOST);
    int fd =
        path && l->list ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (fd >= 0 && !dir) close(fd);
    const struct dirent *d;
    l->whole = path && l->list;
    while (l->whole && dir && (d = readdir(dir)))
        if (d->d_name[0] != '.')
            l->whole = l->count < WORKFLOWS_MOST && add(l, root, d->d_name);
    if (dir) closedir(dir);
    if (l->list && l->count)
        qsort(l->list, l->count, sizeof(*l->list), by_name);
}

/* --- the difference ------------------------------------------------------- */

static void tell(struct slice root, const struct look *was,
                 const struct look *is)
{
    int64_t added = 0, changed = 0, removed = 0;
    size_t i = 0, k = 0;
    while (i < was->count || k < is->count) {
        int order = i == was->count ? 1
                    : k == is->count
                        ? -1
                        : slice_cmp(was->list[i].name, is->list[k].name);
        added += order > 0;
        removed += order < 0;
        changed +=
            order == 0 && was->list[i].signature != is->list[k].signature;
        i += order <= 0;
        k += order >= 0;
    }
    if (added || changed || removed)
        log_info("watch", "definitions changed", LOG_S("root", root),
                 LOG_I("added", added), LOG_I("changed", changed),
                 LOG_I("removed", removed));
}

void census_take(struct census *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct look now = {0};
        arena_init(&now.arena, LOOK_CEILING);
        look_at(&now, c->roots[i]);
        if (now.whole && c->last[i].whole) tell(c->roots[i], &c->last[i], &now);
        arena_done(&c->last[i].arena);
        c->last[i] = now;
    }
}
