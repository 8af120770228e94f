/* The standards as files: their names, and one of them whole. The files
 * themselves are asked, not the index: what was saved is there. */
#include <stdlib.h>

#include "base/file.h"
#include "engine/core.h"
#include "engine/corpus_walk.h"
#include "engine/problems.h"

enum { STANDARD_MAX = 8 << 20 };

static int by_path(const void *a, const void *b)
{
    const struct corpus_file *x = a, *y = b;
    return slice_cmp(x->path, y->path);
}

static enum err unread(struct eng_call *c, enum err e)
{
    return problem_set(&c->problem, e, SLICE("The standards cannot be listed."),
                       err_detail(e),
                       SLICE("Check the folders named by --standards."));
}

enum err eng_list_standards(struct engine *e, struct eng_call *c,
                            const struct eng_list_standards_args *args)
{
    struct corpus_walk all = {0};
    size_t told = 0;
    if (c->on_loop) return ERR_AGAIN;
    enum err r = corpus_walk(e->options.standards, e->options.standards_count,
                             true, c->arena, &all);
    if (r) return unread(c, r);
    if (all.count > 1) qsort(all.files, all.count, sizeof(*all.files), by_path);
    struct json_writer w = json_writer(&c->out->plain);
    json_begin_object(&w);
    json_key(&w, SLICE("standards"));
    json_begin_array(&w);
    for (size_t i = 0; i < all.count && told < args->limit; i++) {
        const struct corpus_file *f = &all.files[i];
        if (!slice_starts(f->path, args->begun)) continue;
        json_begin_object(&w);
        json_put_string(&w, "path", f->path);
        json_put_int(&w, "size", f->stamp.size);
        json_end_object(&w);
        told++;
    }
    json_end_array(&w);
    json_end_object(&w);
    return eng__settled(c, OK);
}

/* The first root that has it, as in a search. A path that leaves a root is a
 * path that is not there: what lies outside is not told. */
static enum err find(struct engine *e, struct eng_call *c, struct slice path,
                     struct slice *ret)
{
    for (size_t i = 0; i < e->options.standards_count; i++) {
        struct slice real;
        enum err r = path_canonical(e->options.standards[i], c->arena, &real);
        if (!r) r = file_read_inside(real, path, STANDARD_MAX, c->arena, ret);
        if (!r || r == ERR_NOMEM || r == ERR_TOO_LARGE) return r;
    }
    return ERR_NOT_FOUND;
}

enum err eng_read_standard(struct engine *e, struct eng_call *c,
                           const struct eng_read_standard_args *args)
{
    struct slice text = {0};
    if (c->on_loop) return ERR_AGAIN;
    enum err r = corpus_counts(args->path) ? find(e, c, args->path, &text)
                                           : ERR_NOT_FOUND;
    if (!r && slice_utf8_valid(text) < text.n) r = ERR_NOT_FOUND;
    if (r)
        return problem_setf(&c->problem, c->arena, r,
                            SLICE("It is no markdown file below a standards "
                                  "folder, or too large to show."),
                            SLICE("List the resources, or search_standards: "
                                  "each result names its file."),
                            "There is no standard %.*s", SLICE_ARG(args->path));
    struct json_writer w = json_writer(&c->out->plain);
    json_begin_object(&w);
    json_put_string(&w, "path", args->path);
    json_put_string(&w, "text", text);
    json_end_object(&w);
    return eng__settled(c, OK);
}
