#include "engine/catalog.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "engine/problems.h"
#include "engine/signature.h"
#include "engine/source.h"

#define LOAD_CEILING (256u << 20)
#define WORKFLOWS_MAX 4096
#define NAME_MAX_BYTES 128
#define SETTLED_NS (20 * NS_PER_MS) /* without the watcher */
#define READS_MAX 3

struct entry {
    struct eng_definition *definition;
    size_t root; /* which one it came from: its index */
    /* When the files were last known to be those of `definition`: the state
     * of the folder then (0: not to be trusted) and the watcher's word. */
    _Atomic uint64_t signature;
    struct eng_vouch vouch;
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

/* Remembers that the files were right in the state `sig`, which was taken
 * after `stamp`. Relaxed: each word was true by itself of the same files. */
static void entry_confirm(struct entry *en, uint64_t stamp,
                          const struct eng_signature *sig)
{
    atomic_store_explicit(&en->signature, sig->settled ? sig->value : 0,
                          memory_order_relaxed);
    eng_vouch_set(&en->vouch, sig->plain ? stamp : 0, clock_now());
}

/* A workflow's files as they were at one moment. */
struct reading {
    uint64_t stamp; /* from before */
    size_t root;
    struct slice folder;
    struct eng_signature sig;
    struct eng_files files;
};

static enum err read_once(struct engine *e, struct slice name, struct arena *a,
                          struct reading *r)
{
    struct problem p;
    problem_init(&p);
    r->stamp = eng_watch_barrier(e->watch, ENG_WATCH_WORKFLOWS);
    enum err err = find_folder(e, name, a, &r->root, &r->folder);
    if (!err) err = eng__signature_take(r->folder, a, &r->sig);
    return err ? err : eng_files_read(r->folder, a, &p, &r->files);
}

/* Nothing changed between the looks before and after. */
static enum err files_read(struct engine *e, struct slice name, struct arena *a,
                           struct reading *ret)
{
    for (int i = 0; i < READS_MAX; i++) {
        struct eng_signature after;
        enum err r = read_once(e, name, a, ret);
        if (r) return r;
        if (ret->stamp && ret->sig.plain &&
            eng_watch_barrier(e->watch, ENG_WATCH_WORKFLOWS) == ret->stamp)
            return OK;
        r = eng__signature_take(ret->folder, a, &after);
        if (!r && after.value == ret->sig.value) return OK;
        if (r && r != ERR_NOT_FOUND) return r;
    }
    return ERR_CONFLICT;
}

static enum err definition_read(struct engine *e, struct slice name,
                                struct entry *en)
{
    struct arena a;
    struct reading r;
    arena_init(&a, LOAD_CEILING);
    enum err err = files_read(e, name, &a, &r);
    if (!err) err = eng_definition_build(&r.files, &en->definition);
    if (!err) {
        en->root = r.root;
        entry_confirm(en, r.stamp, &r.sig);
    }
    arena_done(&a);
    return err;
}

static enum err metadata_load(void *ctx, struct slice key,
                              const struct cancel *c, struct st_loaded *ret)
{
    (void)c;
    struct entry *en = MEM_NEW(struct entry);
    if (!en) return ERR_NOMEM;
    enum err e = definition_read(ctx, key, en);
    if (e) {
        entry_free(ctx, en);
        return e;
    }
    *ret = (struct st_loaded){.value = en,
                              .bytes = sizeof(*en) +
                                       eng_definition_bytes(en->definition)};
    return OK;
}

static bool same_content(struct engine *e, struct entry *en, struct arena *a)
{
    struct reading r;
    if (files_read(e, en->definition->files.workflow_type, a, &r) != OK ||
        r.root != en->root || !eng_files_are(&r.files, en->definition->hash))
        return false;
    entry_confirm(en, r.stamp, &r.sig);
    return true;
}

/* The files themselves: first their state, then what they hold. `stamp` is
 * from before. */
static bool files_valid(struct engine *e, struct entry *en, uint64_t stamp)
{
    struct arena a;
    struct slice folder;
    struct eng_signature sig;
    size_t root;
    arena_init(&a, LOAD_CEILING);
    bool same = !find_folder(e, en->definition->files.workflow_type, &a, &root,
                             &folder) &&
                root == en->root && !eng__signature_take(folder, &a, &sig);
    if (same && sig.settled &&
        sig.value == atomic_load_explicit(&en->signature, memory_order_relaxed))
        entry_confirm(en, stamp, &sig);
    else if (same)
        same = same_content(e, en, &a);
    arena_done(&a);
    return same;
}

static bool metadata_still_valid(void *ctx, struct st_entry *entry, int64_t now)
{
    struct engine *e = ctx;
    /* The vouch and the signature are all that ever changes in it. */
    struct entry *en = (struct entry *)(uintptr_t)st_entry_value(entry);
    uint64_t stamp = eng_watch_barrier(e->watch, ENG_WATCH_WORKFLOWS);
    if (!en) return false; /* a name that was not there may be by now */
    return eng_vouch_holds(&en->vouch, stamp, now) || files_valid(e, en, stamp);
}

enum err eng__metadata_cache(struct engine *e, struct st_cache **ret)
{
    return eng__cache_new(
        e, ENG_CACHE_METADATA,
        &(struct st_cache_row){.key_label = "workflow",
                               .rank = 2,
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
    if (r == ERR_NOMEM || known.err == ERR_NOMEM) {
        buf_done(&known);
        return eng__problem_nomem(c);
    }
    struct slice fix = n ? arena_printf(c->arena,
                                        "Use one of: %.*s. list_workflows "
                                        "describes them.",
                                        SLICE_ARG(buf_slice(&known)))
                         : SLICE("There is none here: `phasegate init` adds an "
                                 "example, create_workflow or `phasegate new` "
                                 "makes one.");
    buf_done(&known);
    return problem_setf(&c->problem, c->arena, ERR_WORKFLOW_NOT_FOUND,
                        SLICE("No definition root holds a folder of that name "
                              "with a metadata.json."),
                        fix, "There is no workflow \"%.*s\"",
                        SLICE_ARG(slice_sub(name, 0, NAME_MAX_BYTES)));
}

static enum err keeps_changing(struct eng_call *c, struct slice name)
{
    c->problem.retry_after_ms = 1000;
    return problem_setf(&c->problem, c->arena, ERR_CONFLICT,
                        SLICE("They changed each time they were read, so no "
                              "reading is of one moment."),
                        SLICE("Let the edit end, then call again."),
                        "The files of workflow \"%.*s\" keep changing",
                        SLICE_ARG(name));
}

static enum err unreadable(struct eng_call *c, struct slice name, enum err e)
{
    bool large = e == ERR_TOO_LARGE;
    return problem_setf(
        &c->problem, c->arena, ERR_WORKFLOW_INVALID,
        large ? SLICE("A workflow folder holds at most 4,096 files, 32 MiB of "
                      "text and 16 levels of folders, also behind links.")
              : SLICE("A file or folder of it cannot be read."),
        large ? SLICE("Move elsewhere what is no part of it, and remove links "
                      "that lead back up.")
              : SLICE("Check the permissions in its folder."),
        "The workflow \"%.*s\" cannot be read", SLICE_ARG(name));
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
    if (r == ERR_CONFLICT) return keeps_changing(c, workflow_type);
    if (r == ERR_TOO_LARGE || r == ERR_IO)
        return unreadable(c, workflow_type, r);
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
            if (!folder.p) return ERR_NOMEM;
            if (found[i].folder && eng__workflow_name_ok(found[i].name) &&
                has_metadata(folder, c->arena))
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

static const struct eng_file *file_at(const struct eng_files *f, size_t i)
{
    return i < f->count ? &f->files[i] : NULL;
}

/* Both lists are sorted by path: one merge finds what differs. */
static enum err files_differ(const struct eng_files *a,
                             const struct eng_files *b, struct arena *arena,
                             struct eng_drift *ret)
{
    struct slice *out =
        ARENA_ARRAY(arena, struct slice, a->count + b->count + 2);
    const struct eng_file *x, *y;
    size_t i = 0, j = 0, n = 0;
    if (!out) return ERR_NOMEM;
    while (x = file_at(a, i), y = file_at(b, j), x || y) {
        int order = !x ? 1 : !y ? -1 : slice_cmp(x->path, y->path);
        bool same = !order && slice_eq(x->text, y->text);
        const struct eng_file *one = order > 0 ? y : x;
        assert(one);
        if (!same) out[n++] = one->path;
        i += order <= 0;
        j += order >= 0;
    }
    *ret = (struct eng_drift){n > 0, out, n};
    return OK;
}

/* The source stands behind the files, where files_differ left room for it. */
static enum err source_differs(const struct eng_definition *pinned,
                               struct arena *arena, struct eng_drift *io)
{
    struct slice *out = (struct slice *)io->files;
    if (!out) out = ARENA_NEW(arena, struct slice);
    if (!out) return ERR_NOMEM;
    out[io->count] = pinned->files.source.path;
    *io = (struct eng_drift){true, out, io->count + 1};
    return OK;
}

/* One stamp for all that a pinned definition was made from: the later one of
 * the workflows' and, with a plan, the plans'. Stamps of a watcher only grow,
 * so it stays the same only while both do. 0: unknown. */
static uint64_t stamp_of(struct engine *e, const struct eng_definition *pinned,
                         uint64_t (*ask)(struct eng_watch *,
                                         enum eng_watch_set))
{
    uint64_t workflows = ask(e->watch, ENG_WATCH_WORKFLOWS);
    if (!pinned->files.source.path.n || !workflows) return workflows;
    uint64_t plans = ask(e->watch, ENG_WATCH_PLANS);
    return plans && plans < workflows ? workflows : plans;
}

/* What was found, for eng__catalog_settled. `stamp` is from before the look;
 * of no use for a folder whose changes are not all reported. */
static void drift_note(const struct entry *en, struct eng_definition *pinned,
                       uint64_t stamp, bool changed)
{
    bool reported =
        en && atomic_load_explicit(&en->vouch.stamp, memory_order_relaxed) != 0;
    eng_vouch_set(&pinned->settled, reported ? stamp : 0,
                  changed ? 0 : clock_now());
}

enum err eng__catalog_drift(struct engine *e, struct eng_call *c,
                            struct eng_definition *pinned,
                            struct eng_drift *ret)
{
    const void *value;
    static const struct eng_files none;
    *ret = (struct eng_drift){0};
    bool followed =
        pinned->files.source.path.n && eng__source_follow(e, pinned);
    uint64_t stamp = stamp_of(e, pinned, eng_watch_barrier);
    if (pinned->files.source.path.n && !followed) stamp = 0;
    enum err r =
        eng__cache_get(e, ENG_CACHE_METADATA, pinned->workflow_type, c, &value);
    if (r == ERR_CONFLICT) return keeps_changing(c, pinned->workflow_type);
    if (r && r != ERR_NOT_FOUND) return eng__problem_store(c, r);
    const struct eng_definition *now =
        r ? NULL : ((const struct entry *)value)->definition;
    if (!now || !slice_eq(now->hash, pinned->files_hash)) {
        r = files_differ(&pinned->files, now ? &now->files : &none, c->arena,
                         ret);
        if (r) return eng__problem_nomem(c);
    }
    bool changed;
    r = eng__source_changed(e, pinned, &changed);
    if (!r && changed) r = source_differs(pinned, c->arena, ret);
    if (r) return eng__problem_nomem(c);
    drift_note(now ? value : NULL, pinned, stamp, ret->changed);
    return OK;
}

/* Of many callers that find the moment over, one goes and looks: it is told
 * "no" and the others go on, so that a worker is asked once and not by all. */
bool eng__catalog_settled(struct engine *e, struct eng_definition *pinned,
                          int64_t now)
{
    struct eng_vouch *v = &pinned->settled;
    uint64_t stamp = stamp_of(e, pinned, eng_watch_stamp);
    uint64_t had = atomic_load_explicit(&v->stamp, memory_order_relaxed);
    int64_t at = atomic_load_explicit(&v->at, memory_order_relaxed);
    bool reported = stamp && had;
    if (!at || (reported && stamp != had)) return false;
    if (!reported && pinned->files.source.path.n) return false;
    if (now - at < (reported ? ENG_VOUCH_NS : SETTLED_NS)) return true;
    return !atomic_compare_exchange_strong_explicit(
        &v->at, &at, now, memory_order_relaxed, memory_order_relaxed);
}
