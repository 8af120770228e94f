#include "cli/project.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { CONFIG_CEILING = 1 << 20 };

static struct slice parent(struct slice path)
{
    size_t n = path.n;
    while (n > 1 && path.p[n - 1] != '/') n--;
    return slice_sub(path, 0, n > 1 ? n - 1 : n);
}

static bool marked(struct arena *a, struct slice folder)
{
    static const char *const marks[] = {".phasegate", ".praxis-os", ".git"};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        char *path = arena_cstr(a, path_join(a, folder, slice_of(marks[i])));
        if (path && access(path, F_OK) == 0) return true;
    }
    return false;
}

/* Never a project unless somebody names it. */
static bool too_much(struct slice folder, struct slice home)
{
    return slice_eq(folder, SLICE("/")) || slice_eq(folder, home);
}

static struct slice found_upwards(struct arena *a, struct slice from)
{
    struct slice home = {0};
    const char *env = getenv("HOME");
    if (env && *env && path_canonical(slice_of(env), a, &home) != OK)
        home = slice_of(env);
    for (struct slice at = from;; at = parent(at)) {
        if (!too_much(at, home) && marked(a, at)) return at;
        if (at.n <= 1) break;
    }
    return too_much(from, home) ? (struct slice){0} : from;
}

enum err cli_project_root(struct cli_options *o, struct slice *ret)
{
    struct arena *a = o->arena;
    struct slice named = o->set.project, here;
    if (!named.n) {
        if (path_canonical(SLICE("."), a, &here) != OK)
            *ret = (struct slice){0}; /* the working directory was removed */
        else
            *ret = found_upwards(a, here);
        return OK;
    }
    char *text = NULL;
    if (path_canonical(named, a, ret) == OK) text = arena_cstr(a, *ret);
    struct stat st;
    if (text && stat(text, &st) == 0 && S_ISDIR(st.st_mode) &&
        access(text, X_OK) == 0)
        return OK;
    return problem_setf(&o->problem, a, ERR_INVALID,
                        SLICE("it is not a folder that can be entered"),
                        SLICE("Give an existing folder to --project."),
                        "project: \"%.*s\"", SLICE_ARG(named));
}

enum err cli_project_config(struct cli_options *o, struct slice root)
{
    if (!root.n) return OK;
    struct slice text;
    struct slice path =
        path_join(o->arena, root, SLICE(".phasegate/config.yaml"));
    enum err e = file_read(path, CONFIG_CEILING, o->arena, &text);
    if (e == ERR_NOT_FOUND) return OK;
    if (e)
        return problem_setf(&o->problem, o->arena, ERR_INVALID, err_detail(e),
                            SLICE("Make it a readable file, or remove it."),
                            "%.*s: not readable", SLICE_ARG(path));
    return cli_options_file(o, path, text);
}

struct slice cli_state_file(const struct cli_options *o, struct slice root)
{
    if (o->set.state.n || !root.n) return o->set.state;
    return path_join(o->arena, root, SLICE(".phasegate/state.db"));
}

enum err cli_program(struct arena *a, struct slice *ret)
{
    return path_canonical(SLICE("/proc/self/exe"), a, ret) == OK ? OK : ERR_IO;
}

bool cli_on_path(struct arena *a, const char *program, struct slice *ret)
{
    struct slice rest = slice_of(getenv("PATH")), part;
    while (slice_split(&rest, ':', &part)) {
        struct slice path = path_join(a, part, slice_of(program));
        char *text = arena_cstr(a, path);
        if (!part.n || !text || access(text, X_OK) != 0) continue;
        return path_canonical(path, a, ret) == OK;
    }
    return false;
}

enum err cli_command_name(struct arena *a, struct slice *ret)
{
    struct slice named;
    enum err e = cli_program(a, ret);
    if (!e && cli_on_path(a, "phasegate", &named) && slice_eq(named, *ret))
        *ret = SLICE("phasegate");
    return e;
}

enum err cli_examples(struct arena *a, struct slice *ret)
{
    static const char *const places[] = {"../share/phasegate/workflows",
                                         "../examples/workflows",
                                         "../../examples/workflows"};
    struct slice program;
    enum err e = cli_program(a, &program);
    if (e) return e;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct slice path = path_join(a, parent(program), slice_of(places[i]));
        if (path.p && path_canonical(path, a, ret) == OK) return OK;
    }
    return ERR_NOT_FOUND;
}

/* Room for one more behind them. */
static struct cli_list folders(const struct cli_list *named, struct slice root,
                               const char *kind, struct arena *a)
{
    static const char *const places[] = {".phasegate", ".praxis-os"};
    enum { PLACES = sizeof(places) / sizeof(places[0]) };
    if (named->count || !root.n) return *named;
    struct cli_list l = {ARENA_ARRAY(a, struct slice, PLACES + 1), 0};
    for (size_t i = 0; l.items && i < PLACES; i++) {
        struct slice path =
            arena_printf(a, "%.*s/%s/%s", SLICE_ARG(root), places[i], kind);
        if (path.p) l.items[l.count++] = path;
    }
    return l;
}

struct cli_list cli_workflows(const struct cli_options *o, struct slice root,
                              struct arena *a)
{
    struct slice path;
    struct cli_list l = folders(&o->set.workflows, root, "workflows", a);
    if (!o->set.workflows.count && l.items && cli_examples(a, &path) == OK)
        l.items[l.count++] = path;
    return l;
}

struct cli_list cli_standards(const struct cli_options *o, struct slice root,
                              struct arena *a)
{
    return folders(&o->set.standards, root, "standards", a);
}
