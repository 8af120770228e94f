/* The files of the project, folder by folder, for who is about to name one. */
#include "base/file.h"
#include "engine/core.h"
#include "engine/problems.h"

enum { NAMES_MOST = 10000 };

/* "src/pa": the folder "src", and names that begin with "pa". */
static size_t folder_of(struct slice begun)
{
    size_t n = begun.n;
    while (n > 0 && begun.p[n - 1] != '/') n--;
    return n;
}

static enum err write_name(struct json_writer *w, struct arena *a,
                           struct slice folder, const struct file_name *f)
{
    struct slice path = arena_printf(a, "%.*s%.*s%s", SLICE_ARG(folder),
                                     SLICE_ARG(f->name), f->folder ? "/" : "");
    if (slice_utf8_valid(path) == path.n) json_string(w, path);
    return path.p ? OK : ERR_NOMEM;
}

/* A folder that is not there, not ours to read or outside has no files. */
static enum err write_names(struct engine *e, struct eng_call *c,
                            struct slice begun, size_t limit,
                            struct json_writer *w)
{
    size_t cut = folder_of(begun), count = 0, told = 0;
    struct slice folder = slice_sub(begun, 0, cut), real;
    struct slice name = slice_sub(begun, cut, begun.n);
    struct file_name *names;
    enum err r = path_inside(e->options.root, cut ? folder : SLICE("."),
                             c->arena, &real);
    if (!r) r = folder_list(real, NAMES_MOST, c->arena, &names, &count);
    if (r) return r == ERR_NOMEM ? r : OK;
    for (size_t i = 0; i < count && told < limit; i++) {
        bool hidden = names[i].name.p[0] == '.' && !name.n;
        if (hidden || !slice_starts(names[i].name, name)) continue;
        r = write_name(w, c->arena, folder, &names[i]);
        if (r) return r;
        told++;
    }
    return OK;
}

enum err eng_list_files(struct engine *e, struct eng_call *c,
                        const struct eng_list_files_args *args)
{
    if (c->on_loop) return ERR_AGAIN;
    if (!e->options.root.n) return eng__problem_no_project(c);
    enum err r = OK;
    struct json_writer w = json_writer(&c->out->plain);
    json_begin_object(&w);
    json_key(&w, SLICE("files"));
    json_begin_array(&w);
    /* An absolute path is never a target. */
    if (!slice_starts(args->begun, SLICE("/")))
        r = write_names(e, c, args->begun, args->limit, &w);
    if (r) return eng__problem_nomem(c);
    json_end_array(&w);
    json_end_object(&w);
    return eng__settled(c, OK);
}
