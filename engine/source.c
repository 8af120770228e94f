#include "engine/source.h"

#include "base/file.h"
#include "engine/dynamic.h"
#include "engine/problems.h"

enum { SOURCE_MOST = 2 << 20, READ_CEILING = 4 << 20 };

struct looking {
    struct engine *e;
    struct eng_call *c;
    const struct eng_definition *d;
    struct slice path; /* as the option says it */
};

/* --- refusals ---------------------------------------------------------- */
static enum err option_missing(struct looking *l)
{
    struct arena *a = l->c->arena;
    struct slice key = l->d->dynamic_config->source_path_key;
    return problem_setf(
        &l->c->problem, a, ERR_SOURCE_OPTION_MISSING,
        SLICE("The phases of this workflow come from a file of the project, "
              "and an option names it."),
        arena_printf(a, "Send options: {\"%.*s\": \"<path in the project>\"}.",
                     SLICE_ARG(key)),
        "%.*s needs the option \"%.*s\"", SLICE_ARG(l->d->workflow_type),
        SLICE_ARG(key));
}

static enum err outside(struct looking *l)
{
    return problem_setf(&l->c->problem, l->c->arena, ERR_INVALID_TARGET,
                        SLICE("A source lies inside the project, also when "
                              "symbolic links are followed."),
                        SLICE("Name a file or folder of the project, relative "
                              "to its root."),
                        "The path \"%.*s\" is refused",
                        SLICE_ARG(slice_sub(l->path, 0, 200)));
}

static struct slice default_name(const struct eng_definition *d)
{
    return slice_eq(d->dynamic_config->source_type, SLICE("spec_tasks_md"))
               ? SLICE("tasks.md")
               : SLICE("workflow-definition.yaml");
}

static enum err absent(struct looking *l)
{
    struct slice name = default_name(l->d);
    return problem_setf(
        &l->c->problem, l->c->arena, ERR_SOURCE_NOT_FOUND,
        arena_printf(l->c->arena,
                     "It must be a regular file, or a folder that holds %.*s.",
                     SLICE_ARG(name)),
        arena_printf(l->c->arena,
                     "Write the plan there (phases like \"## Phase 1: Name\"), "
                     "or correct \"%.*s\".",
                     SLICE_ARG(l->d->dynamic_config->source_path_key)),
        "There is no plan at \"%.*s\"", SLICE_ARG(slice_sub(l->path, 0, 200)));
}

static enum err too_large(struct looking *l)
{
    return problem_setf(&l->c->problem, l->c->arena, ERR_TOO_LARGE,
                        SLICE("A plan has at most 2 MiB."),
                        SLICE("Split the plan."), "\"%.*s\" is too large",
                        SLICE_ARG(slice_sub(l->path, 0, 200)));
}

static enum err not_text(struct looking *l, size_t at, bool nul)
{
    return problem_setf(&l->c->problem, l->c->arena, ERR_WORKFLOW_INVALID,
                        SLICE("A plan is UTF-8 text."),
                        SLICE("Save the file as UTF-8."),
                        "byte %zu of \"%.*s\" is %s", at,
                        SLICE_ARG(slice_sub(l->path, 0, 200)),
                        nul ? "NUL" : "not UTF-8");
}

/* --- the file ---------------------------------------------------------- */
static enum err told(struct looking *l, enum err e)
{
    switch (e) {
    case OK:
        return OK;
    case ERR_NOMEM:
        return eng__problem_nomem(l->c);
    case ERR_TOO_LARGE:
        return too_large(l);
    default:
        return absent(l);
    }
}

/* The path below the root, the same for however it was spelled. */
static struct slice below(struct slice root, struct slice real)
{
    struct slice s = slice_sub(real, root.n, SIZE_MAX);
    while (s.n > 0 && s.p[0] == '/') s = slice_sub(s, 1, SIZE_MAX);
    return s;
}

/* Reads the file, or the plan in the folder. What lies between resolving and
 * reading cannot lead out: both go through the root. */
static enum err read_source(struct looking *l, struct eng_file *ret)
{
    struct slice root = l->e->options.root, real;
    struct arena *a = l->c->arena;
    if (l->path.n == 0 || slice_find_byte(l->path, '\0') < l->path.n)
        return outside(l);
    enum err e = path_inside(root, l->path, a, &real);
    if (e == ERR_INVALID) return outside(l);
    if (e) return told(l, e);
    e = file_read_inside(root, real, SOURCE_MOST, a, &ret->text);
    if (e == ERR_INVALID) {
        struct slice file = path_join(a, real, default_name(l->d));
        if (!file.p) return eng__problem_nomem(l->c);
        e = path_inside(root, file, a, &real);
        if (e == ERR_INVALID) return outside(l);
        if (!e) e = file_read_inside(root, real, SOURCE_MOST, a, &ret->text);
    }
    ret->path = below(root, real);
    if (e) return told(l, e);
    size_t bad = slice_utf8_valid(ret->text);
    size_t nul = slice_find_byte(ret->text, '\0');
    if (nul < bad) bad = nul;
    return bad < ret->text.n ? not_text(l, bad, nul == bad) : OK;
}

/* --- the session's definition ------------------------------------------ */
static void drop_definition(void *d)
{
    eng_definition_unref(d);
}

static enum err define(struct looking *l, const struct eng_file *source,
                       const struct eng_definition **ret)
{
    struct eng_files files = l->d->files;
    struct eng_definition *own;
    files.source = *source;
    enum err e = eng_definition_build(&files, &own);
    if (e == ERR_TOO_LARGE) return too_large(l);
    if (!e) e = arena_hold(l->c->arena, drop_definition, own);
    if (e) return eng__problem_nomem(l->c);
    if (own->errors_count)
        return eng_definition_problem(own, l->c->arena, &l->c->problem);
    *ret = own;
    return OK;
}

enum err eng__source_define(struct engine *e, struct eng_call *c,
                            const struct eng_definition *d,
                            const struct json *options,
                            const struct eng_definition **ret)
{
    struct looking l = {.e = e, .c = c, .d = d};
    struct eng_file source;
    struct eng_report r;
    struct eng_plan plan;
    const struct json *path =
        json_get(options, d->dynamic_config->source_path_key);
    if (!json_is(path, JSON_STRING)) return option_missing(&l);
    l.path = path->text;
    enum err err = read_source(&l, &source);
    if (err) return err;
    /* Once for the words of a refusal, once for the definition. */
    eng_report_init(&r, c->arena);
    err = eng__dynamic_parse(d, &source, &r, &c->problem, &plan);
    return err ? err : define(&l, &source, ret);
}

bool eng__source_follow(struct engine *e, const struct eng_definition *d)
{
    struct arena a;
    arena_init(&a, READ_CEILING);
    struct slice file = path_join(&a, e->options.root, d->files.source.path);
    size_t n = file.n;
    while (n > 1 && file.p[n - 1] != '/') n--;
    bool followed = n > 1 && eng_watch_follow(e->watch, ENG_WATCH_PLANS,
                                              slice_sub(file, 0, n - 1));
    arena_done(&a);
    return followed;
}

enum err eng__source_changed(struct engine *e, const struct eng_definition *d,
                             bool *ret)
{
    const struct eng_file *source = &d->files.source;
    struct slice text;
    struct arena a;
    *ret = false;
    if (source->path.n == 0) return OK;
    arena_init(&a, READ_CEILING);
    enum err err =
        file_read_inside(e->options.root, source->path, SOURCE_MOST, &a, &text);
    *ret = err || !slice_eq(text, source->text);
    arena_done(&a);
    return err == ERR_NOMEM ? err : OK;
}
