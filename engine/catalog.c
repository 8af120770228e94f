#include "engine/catalog.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "engine/problems.h"
#include "engine/signature.h"

#define LOAD_CEILING (256u << 20)
#define WORKFLOWS_MAX 4096
#define NAME_MAX_BYTES 128
#define SETTLED_NS (20 * NS_PER_MS)

struct entry {
    struct eng_definition *definition;
    struct slice folder; /* absolute; in `memory` */
    uint64_t signature;  /* of the folder, from before it was read */
    uint64_t roots;      /* which root it came from: its index */
    struct arena memory;
};

bool eng__workflow_name_ok(struct slice name)
{
    return name.n > 0 && name.n <= NAME_MAX_BYTES && name.p[0] != '.' &&
           slice_find_byte(name, '/') == name.n &&
           slice_find_byte(name, '\\') == name.n &&
           slice_find_byte(name, '\0') == name.n;
}

/* --- the metadata cache ------------------------------------------------- */

static void entry_free(void *ctx, void *value)
{
    (void)ctx;
    struct entry *en = value;
    if (!en) return;
    eng_definition_unref(en->definition);
    arena_done(&en->memory);
    mem_free(en);
}

static bool has_metadata(struct slice folder, struct arena *a)
{
    struct slice path = path_join(a, folder, SLICE("metadata.json"));
    struct slice text;
    enum err e = path.p ? file_read(path, 1u << 24, a, &text) : ERR_NOMEM;
    return e != ERR_NOT_FOUND;
}

/* The folder of `name` in the first root that has it. */
static enum err find_folder(struct engine *e, struct slice name,
                            struct arena *a, size_t *ret_root,
                            struct slice *ret)
{
    for (size_t i = 0; i < e->options.workflows_count; i++) {
        struct slice folder = path_join(a, e->options.workflows[i], name);
        if (!folder.p) return ERR_NOMEM;
        if (!has_metadata(folder, a)) continue;
        *ret = folder;
        *ret_root = i;
        return OK;
    }
    return ERR_NOT_FOUND;
}

static enum err definition_read(struct entry *en, struct arena *a)
{
    struct eng_files files;
    struct problem p;
    problem_init(&p);
    enum err e = eng__signature(en->folder, a, &en->signature);
    if (!e) e = eng_files_read(en->folder, a, &p, &files);
    if (!e) e = eng_definition_build(&files, &en->definition);
    return e;
}

static enum err metadata_load(void *ctx, struct slice key,
                              const struct cancel *c, struct st_loaded *ret)
{
    (void)c;
    struct arena a;
    size_t root;
    struct slice folder;
    struct entry *en = MEM_NEW(struct entry);
    if (!en) return ERR_NOMEM;
    arena_init(&en->memory, 1u << 20);
    arena_init(&a, LOAD_CEILING);
    enum err e = find_folder(ctx, key, &a, &root, &folder);
    if (!e) {
        en->roots = root;
        en->folder = arena_copy(&en->memory, folder);
        e = en->folder.p ? definition_read(en, &a) : ERR_NOMEM;
    }
    arena_done(&a);
    if (e) {
        entry_free(ctx, en);
        return e;
    }
    *ret = (struct st_loaded){.value = en,
                              .bytes = sizeof(*en) +
                                       eng_definition_bytes(en->definition)};
    return OK;
}

static bool metadata_still_valid(void *ctx, struct st_entry *entry, int64_t now)
{
    (void)now;
    const struct entry *en = st_entry_value(entry);
    struct arena a;
    struct slice folder;
    size_t root;
    uint64_t signature = 0;
    arena_init(&a, 64u << 20);
    bool same = en->signature != 0 &&
                !find_folder(ctx, en->definition->files.workflow_type, &a,
                             &root, &folder) &&
                root == en->roots && !eng__signature(folder, &a, &signature) &&
                signature == en->signature;
    arena_done(&a);
    return same;
}

enum err eng__metadata_cache(struct engine *e, struct st_cache **ret)
{
    return st_cache_new(
        &(struct st_cache_row){.name = "metadata",
                               .key_label = "workflow",
                               .rank = 2,
                               .entries_max = 256,
                               .bytes_max = 32u << 20,
                               .load = metadata_load,
                               .free_value = entry_free,
                               .still_valid = metadata_still_valid,
                               .ctx = e},
        ret);
}

/* --- lookups ------------------------------------------------------------ */

static enum err not_found(struct engine *e, struct eng_call *c,
                          struct slice name)
{
    struct buf known = BUF_INIT(1u << 16);
    struct slice *names;
    size_t n = 0;
    enum err r = eng__catalog_names(e, c, &names, &n);
    for (size_t i = 0; !r && i < n; i++) {
        if (i) buf_puts(&known, ", ");
        buf_put(&known, names[i]);
    }
    struct slice fix = arena_printf(
        c->arena, "Use one of: %.*s. list_workflows describes them.",
        SLICE_ARG(n ? buf_slice(&known) : SLICE("(none is installed)")));
    buf_done(&known);
    return problem_setf(&c->problem, c->arena, ERR_WORKFLOW_NOT_FOUND,
                        SLICE("No definition root holds a folder of that name "
                              "with a metadata.json."),
                        fix, "There is no workflow \"%.*s\"",
                        SLICE_ARG(slice_sub(name, 0, NAME_MAX_BYTES)));
}

enum err eng__catalog_get(struct engine *e, struct eng_call *c,
                          struct slice workflow_type,
                          const struct eng_definition **ret)
{
    const void *value;
    if (!eng__workflow_name_ok(workflow_type))
        return not_found(e, c, workflow_type);
    enum err r =
        eng__cache_get(e, ENG_CACHE_METADATA, workflow_type, c, &value);
    if (r == ERR_NOT_FOUND) return not_found(e, c, workflow_type);
    if (r) return eng__problem_store(c, r);
    *ret = ((const struct entry *)value)->definition;
    return OK;
}

static int by_name(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

enum err eng__catalog_names(struct engine *e, struct eng_call *c,
                            struct slice **ret, size_t *ret_count)
{
    size_t n = 0, unique = 0;
    struct slice *names = ARENA_ARRAY(c->arena, struct slice, WORKFLOWS_MAX);
    if (!names) return ERR_NOMEM;
    for (size_t r = 0; r < e->options.workflows_count; r++) {
        struct file_name *found;
        size_t count;
        enum err err = folder_list(e->options.workflows[r], WORKFLOWS_MAX,
                                   c->arena, &found, &count);
        if (err == ERR_NOT_FOUND) continue;
        if (err) return err;
        for (size_t i = 0; i < count && n < WORKFLOWS_MAX; i++) {
            struct slice folder =
                path_join(c->arena, e->options.workflows[r], found[i].name);
            if (found[i].folder && eng__workflow_name_ok(found[i].name) &&
                folder.p && has_metadata(folder, c->arena))
                names[n++] = found[i].name;
        }
    }
    if (n) qsort(names, n, sizeof(*names), by_name);
    for (size_t i = 0; i < n; i++)
        if (!unique || !slice_eq(names[unique - 1], names[i]))
            names[unique++] = names[i];
    *ret = names;
    *ret_count = unique;
    return OK;
}

/* --- drift -------------------------------------------------------------- */

/* Both lists are sorted by path: one merge finds what differs. */
static enum err files_differ(const struct eng_files *a,
                             const struct eng_files *b, struct arena *arena,
                             struct eng_drift *ret)
{
    struct slice *out =
        ARENA_ARRAY(arena, struct slice, a->count + b->count + 1);
    size_t i = 0, j = 0, n = 0;
    if (!out) return ERR_NOMEM;
    while (i < a->count || j < b->count) {
        int order = i == a->count ? 1
                    : j == b->count
                        ? -1
                        : slice_cmp(a->files[i].path, b->files[j].path);
        bool same = !order && slice_eq(a->files[i].text, b->files[j].text);
        if (!same) out[n++] = order > 0 ? b->files[j].path : a->files[i].path;
        i += order <= 0;
        j += order >= 0;
    }
    *ret = (struct eng_drift){n > 0, out, n};
    return OK;
}

enum err eng__catalog_drift(struct engine *e, struct eng_call *c,
                            struct eng_definition *pinned,
                            struct eng_drift *ret)
{
    const void *value;
    static const struct eng_files none;
    *ret = (struct eng_drift){0};
    enum err r =
        eng__cache_get(e, ENG_CACHE_METADATA, pinned->workflow_type, c, &value);
    if (r && r != ERR_NOT_FOUND) return eng__problem_store(c, r);
    const struct eng_definition *now =
        r ? NULL : ((const struct entry *)value)->definition;
    if (!now || !slice_eq(now->hash, pinned->hash)) {
        r = files_differ(&pinned->files, now ? &now->files : &none, c->arena,
                         ret);
        if (r) return eng__problem_nomem(c);
    }
    atomic_store_explicit(&pinned->settled_ns, ret->changed ? 0 : clock_now(),
                          memory_order_relaxed);
    return OK;
}

/* Of many callers that find the moment over, one goes and looks: it is told
 * "no" and the others go on, so that a worker is asked once and not by all. */
bool eng__catalog_settled(struct eng_definition *pinned, int64_t now)
{
    int64_t at =
        atomic_load_explicit(&pinned->settled_ns, memory_order_relaxed);
    if (!at) return false;
    if (now - at < SETTLED_NS) return true;
    return !atomic_compare_exchange_strong_explicit(
        &pinned->settled_ns, &at, now, memory_order_relaxed,
        memory_order_relaxed);
}
