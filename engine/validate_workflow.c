#include "base/file.h"
#include "engine/catalog.h"
#include "engine/check.h"
#include "engine/problems.h"

static enum err refuse(struct eng_call *c, enum err e, struct slice what,
                       const char *why, const char *how_to_fix)
{
    return problem_setf(&c->problem, c->arena, e, slice_of(why),
                        slice_of(how_to_fix), "%.*s",
                        SLICE_ARG(eng_clip(c->arena, what, 200)));
}

/* Inside the project or a folder of workflows: what an agent may read. */
static enum err resolve(struct engine *e, struct eng_call *c, struct slice path,
                        struct slice *ret)
{
    enum err r = ERR_NOT_FOUND;
    if (slice_find_byte(path, '\0') == path.n)
        r = path_inside(e->options.root, path, c->arena, ret);
    for (size_t i = 0; r && r != ERR_NOMEM && i < e->options.workflows_count;
         i++) {
        struct slice root;
        r = path_canonical(e->options.workflows[i], c->arena, &root);
        if (!r) r = path_inside(root, path, c->arena, ret);
    }
    if (!r) return OK;
    if (r == ERR_NOMEM) return eng__problem_nomem(c);
    return refuse(c, ERR_NOT_FOUND, path,
                  "There is no such file or folder in the project.",
                  "Name a workflow's folder or one of its files, relative to "
                  "the project, or send workflow_type.");
}

static enum err check_path(struct engine *e, struct eng_call *c,
                           struct slice path, struct eng_checked **ret)
{
    struct slice real = {0}, names = {0};
    size_t count = 0;
    enum err r = resolve(e, c, path, &real);
    if (!r) r = eng_check_path(real, c->arena, NULL, &c->problem, ret, &count);
    if (r || count == 1) return r;
    for (size_t i = 0; i < count && i < 20; i++)
        names = arena_printf(c->arena, "%.*s%s%.*s", SLICE_ARG(names),
                             i ? ", " : "", SLICE_ARG((*ret)[i].name));
    return problem_setf(&c->problem, c->arena, ERR_INVALID_PARAMETER, names,
                        SLICE("Send the path of one of them; `phasegate lint` "
                              "checks them all."),
                        "path: %.*s holds %zu workflows", SLICE_ARG(path),
                        count);
}

static enum err check_type(struct engine *e, struct eng_call *c,
                           struct slice type, struct eng_checked **ret)
{
    const struct eng_definition *d;
    enum err r = eng__catalog_get(e, c, type, &d);
    if (r) return r;
    *ret = ARENA_NEW(c->arena, struct eng_checked);
    if (!*ret || eng_check_definition(d, c->arena, *ret))
        return eng__problem_nomem(c);
    return OK;
}

enum err eng_validate_workflow(struct engine *e, struct eng_call *c,
                               const struct eng_validate_workflow_args *args)
{
    struct eng_checked *k;
    if (c->on_loop) return ERR_AGAIN;
    if (!e->options.root.n) return eng__problem_no_project(c);
    if ((args->workflow_type.n != 0) == (args->path.n != 0))
        return refuse(
            c, args->path.n ? ERR_INVALID_PARAMETER : ERR_MISSING_PARAMETER,
            SLICE("workflow_type or path"),
            "One of the two says what is to be checked.",
            "Send workflow_type, as list_workflows names it, or "
            "path, relative to the project.");
    enum err r = args->path.n ? check_path(e, c, args->path, &k)
                              : check_type(e, c, args->workflow_type, &k);
    if (r) return eng__settled(c, r);
    struct json_writer w = json_writer(&c->out->plain);
    json_begin_object(&w);
    json_put_string(&w, "workflow_type", k->name);
    json_put_bool(&w, "valid", k->levels[ENG_ERROR] == 0);
    eng_checked_write(k, &w);
    json_end_object(&w);
    return eng__settled(c, OK);
}
