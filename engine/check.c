#include "engine/check.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/yaml.h"
#include "engine/definition_yaml.h"
#include "engine/gate.h"
#include "engine/lint_pass.h"

enum { WORKFLOWS_MOST = 4096, PARENTS_MOST = 6 };
static const size_t file_most = 4u << 20;
static const struct json_limits yaml_limits = {4u << 20, 64, 100000};

/* --- a definition ------------------------------------------------------ */
static int by_place(const void *a, const void *b)
{
    const struct eng_finding *x = a, *y = b;
    int c = slice_cmp(x->file, y->file);
    if (c) return c;
    if (x->line != y->line) return x->line < y->line ? -1 : 1;
    if (x->column != y->column) return x->column < y->column ? -1 : 1;
    c = strcmp(x->code, y->code);
    return c ? c : slice_cmp(x->message, y->message);
}

static void settle(const struct eng_report *r, struct eng_checked *ret)
{
    if (r->count > 1) qsort(r->items, r->count, sizeof(*r->items), by_place);
    ret->findings = r->items;
    ret->count = r->count;
    for (size_t i = 0; i < r->count; i++) ret->levels[r->items[i].level]++;
    ret->levels[ENG_ERROR] = r->errors;
}

enum err eng_check_definition(const struct eng_definition *d, struct arena *a,
                              struct eng_checked *ret)
{
    struct eng_report r;
    eng_report_init(&r, a);
    for (size_t i = 0; i < d->findings_count; i++)
        eng_report_copy(&r, &d->findings[i]);
    r.errors = d->errors_count;
    eng__lint_passes(d, &r);
    eng_report_end(&r);
    if (r.failed) return ERR_NOMEM;
    *ret = (struct eng_checked){.name = d->files.workflow_type,
                                .folder = d->files.folder,
                                .workflow = true};
    settle(&r, ret);
    return OK;
}

static void drop_definition(void *d)
{
    eng_definition_unref(d);
}

static enum err check_folder(struct slice folder, struct arena *a,
                             struct problem *p, struct eng_checked *ret)
{
    struct eng_files files;
    struct eng_definition *d;
    enum err e = eng_files_read(folder, a, p, &files);
    if (e) return e;
    e = eng_definition_build(&files, &d);
    if (!e) e = arena_hold(a, drop_definition, d);
    if (!e) e = eng_check_definition(d, a, ret);
    if (e)
        return problem_set(p, e, SLICE("the workflow"),
                           SLICE("It is too large to be read."),
                           SLICE("Make the folder smaller."));
    return OK;
}

/* --- paths ------------------------------------------------------------- */
static struct slice parent(struct slice path)
{
    size_t n = path.n;
    while (n > 0 && path.p[n - 1] != '/') n--;
    return slice_sub(path, 0, n > 1 ? n - 1 : n);
}

static struct slice last_part(struct slice path)
{
    size_t n = path.n;
    while (n > 0 && path.p[n - 1] != '/') n--;
    return slice_sub(path, n, path.n);
}

static bool is_kind(struct arena *a, struct slice folder, const char *name,
                    mode_t kind)
{
    struct stat st;
    struct slice path = *name ? path_join(a, folder, slice_of(name)) : folder;
    const char *text = path.p ? arena_cstr(a, path) : NULL;
    return text && stat(text, &st) == 0 && (st.st_mode & S_IFMT) == kind;
}

static bool is_workflow(struct arena *a, struct slice folder)
{
    return is_kind(a, folder, "metadata.json", S_IFREG);
}

/* The workflow that a file belongs to; empty: none. */
static struct slice workflow_of(struct arena *a, struct slice file)
{
    struct slice at = parent(file);
    for (int i = 0; i < PARENTS_MOST && at.n > 1; i++) {
        if (is_workflow(a, at)) return at;
        at = parent(at);
    }
    return (struct slice){0};
}

/* --- a file by itself -------------------------------------------------- */
static void plan_fault(struct eng_report *r, const struct eng_source *src,
                       const struct problem *p)
{
    eng_report_mend(r, LINT_PLAN_UNREADABLE, src, NULL, p->how_to_fix,
                    "%.*s%s%.*s", SLICE_ARG(p->what), p->why.n ? ": " : "",
                    SLICE_ARG(p->why));
}

static void check_yaml(const struct eng_source *src, struct eng_report *r)
{
    const struct json *doc = NULL;
    struct yaml_error error;
    struct eng_plan plan;
    struct problem p;
    problem_init(&p);
    enum err e = yaml_parse(src->text, &yaml_limits, r->arena, &doc, &error);
    if (!e && json_get(doc, SLICE("phases"))) {
        e = eng_definition_yaml_parse(src, r, &p, &plan);
        if (e && r->errors == 0) plan_fault(r, src, &p);
    }
    if (e == ERR_NOMEM) r->failed = true;
    if (json_get(doc, SLICE("phases"))) return;
    (void)eng_gate_parse(src, r);
}

static void check_text(const struct eng_source *src, struct eng_report *r)
{
    struct eng_plan plan;
    struct problem p;
    problem_init(&p);
    enum err e = eng_plan_parse(src, r, &p, &plan);
    if (e == ERR_NOMEM) r->failed = true;
    if (e) plan_fault(r, src, &p);
}

static enum err unreadable(struct problem *p, struct arena *a, enum err e,
                           struct slice path)
{
    if (e == ERR_TOO_LARGE)
        return problem_setf(p, a, e, SLICE("A file is at most 4 MiB long."),
                            SLICE("Name a smaller file."), "%.*s",
                            SLICE_ARG(path));
    return problem_setf(
        p, a, e, SLICE("There is nothing of that name, or it cannot be read."),
        SLICE("Name a workflow's folder, a folder of "
              "workflows, or a file that exists."),
        "%.*s", SLICE_ARG(path));
}

static enum err check_alone(struct slice path, struct arena *a,
                            struct problem *p, struct eng_checked *ret)
{
    struct eng_source src = {.file = last_part(path)};
    struct eng_report r;
    enum err e = file_read(path, file_most, a, &src.text);
    if (e) return unreadable(p, a, e, path);
    eng_report_init(&r, a);
    if (slice_ends(path, SLICE(".yaml")) || slice_ends(path, SLICE(".yml")))
        check_yaml(&src, &r);
    else if (slice_ends(path, SLICE(".md")))
        check_text(&src, &r);
    else
        return problem_setf(p, a, ERR_INVALID,
                            SLICE("It belongs to no workflow, and is neither "
                                  "a gate, nor a workflow definition, nor a "
                                  "plan."),
                            SLICE("Name a workflow's folder, a folder of "
                                  "workflows, a .yaml or a .md file."),
                            "%.*s", SLICE_ARG(path));
    eng_report_end(&r);
    if (r.failed) return unreadable(p, a, ERR_NOMEM, path);
    *ret = (struct eng_checked){.name = src.file, .folder = parent(path)};
    settle(&r, ret);
    return OK;
}

/* What of the workflow concerns that file. */
static void keep_file(struct eng_checked *k, struct slice file, struct arena *a)
{
    struct eng_finding *kept = ARENA_ARRAY(a, struct eng_finding, k->count);
    size_t n = 0;
    if (!kept) return;
    memset(k->levels, 0, sizeof(k->levels));
    for (size_t i = 0; i < k->count; i++) {
        if (!slice_eq(k->findings[i].file, file)) continue;
        kept[n++] = k->findings[i];
        k->levels[k->findings[i].level]++;
    }
    k->findings = kept;
    k->count = n;
}

static bool is_own_file(struct slice file)
{
    return slice_eq(file, SLICE("metadata.json")) ||
           slice_starts(file, SLICE("phases/"));
}

static enum err check_file(struct slice path, struct arena *a,
                           struct problem *p, struct eng_checked *ret)
{
    struct slice folder = workflow_of(a, path);
    struct slice file =
        folder.n ? slice_sub(path, folder.n + 1, path.n) : (struct slice){0};
    if (!is_own_file(file)) return check_alone(path, a, p, ret);
    enum err e = check_folder(folder, a, p, ret);
    if (!e) keep_file(ret, file, a);
    return e;
}

/* --- a folder of workflows --------------------------------------------- */
/* One that cannot be read stands among the others with its reason. */
static enum err check_one_of(struct slice folder, struct arena *a,
                             struct problem *p, struct eng_checked *ret)
{
    struct eng_report r;
    bool whole = is_workflow(a, folder);
    if (whole) {
        enum err e = check_folder(folder, a, p, ret);
        if (!e || e == ERR_NOMEM) return e;
    }
    eng_report_init(&r, a);
    if (whole)
        eng_report_mend(&r, LINT_JSON_INVALID, NULL, NULL, p->how_to_fix,
                        "%.*s: %.*s", SLICE_ARG(p->what), SLICE_ARG(p->why));
    else
        eng_report_add(&r, LINT_NOT_A_WORKFLOW, NULL, NULL,
                       "%.*s has phases/, but no metadata.json",
                       SLICE_ARG(last_part(folder)));
    problem_init(p);
    *ret = (struct eng_checked){
        .name = last_part(folder), .folder = folder, .workflow = true};
    settle(&r, ret);
    return r.failed ? ERR_NOMEM : OK;
}

static enum err check_root(struct slice root, struct arena *a,
                           struct progress *progress, struct problem *p,
                           struct eng_checked **ret, size_t *ret_count)
{
    struct file_name *names;
    size_t count, n = 0;
    enum err e = folder_list(root, WORKFLOWS_MOST, a, &names, &count);
    if (e) return unreadable(p, a, e, root);
    struct eng_checked *list = ARENA_ARRAY(a, struct eng_checked, count);
    if (!list && count) return unreadable(p, a, ERR_NOMEM, root);
    progress_expect(progress, count);
    for (size_t i = 0; i < count; i++) {
        progress_step(progress, 1);
        if (!names[i].folder || names[i].name.p[0] == '.') continue;
        struct slice folder = path_join(a, root, names[i].name);
        if (!is_workflow(a, folder) && !is_kind(a, folder, "phases", S_IFDIR))
            continue;
        e = check_one_of(folder, a, p, &list[n++]);
        if (e) return e;
    }
    *ret = list;
    *ret_count = n;
    if (n) return OK;
    return problem_setf(p, a, ERR_NOT_FOUND,
                        SLICE("There is no workflow in this folder."),
                        SLICE("Name a folder that holds metadata.json, or one "
                              "that holds such folders; `phasegate new` makes "
                              "one."),
                        "%.*s", SLICE_ARG(root));
}

enum err eng_check_path(struct slice path, struct arena *a,
                        struct progress *progress, struct problem *p,
                        struct eng_checked **ret, size_t *ret_count)
{
    struct slice real;
    enum err e = path_canonical(path, a, &real);
    if (e) return unreadable(p, a, e, path);
    bool folder = is_kind(a, real, "", S_IFDIR);
    if (folder && !is_workflow(a, real))
        return check_root(real, a, progress, p, ret, ret_count);
    struct eng_checked *one = ARENA_NEW(a, struct eng_checked);
    if (!one) return unreadable(p, a, ERR_NOMEM, path);
    *ret = one;
    *ret_count = 1;
    /* by the name that was given: a link has one of its own */
    return folder ? check_folder(path, a, p, one) : check_file(real, a, p, one);
}

/* --- written ----------------------------------------------------------- */
void eng_checked_write(const struct eng_checked *k, struct json_writer *w)
{
    static const char *const keys[] = {[ENG_ERROR] = "errors",
                                       [ENG_WARNING] = "warnings",
                                       [ENG_NOTE] = "notes"};
    for (size_t level = 0; level < 3; level++) {
        json_key(w, slice_of(keys[level]));
        json_begin_array(w);
        for (size_t i = 0; i < k->count; i++)
            if (k->findings[i].level == level)
                eng_finding_write(&k->findings[i], w);
        json_end_array(w);
    }
}
