#include "engine/lint.h"
#include "engine/problems.h"
#include "engine/scaffold.h"

#define ANSWER_MOST (64u << 10)

static struct slice relative(struct slice path, struct slice root)
{
    return slice_starts(path, root) && path.n > root.n
               ? slice_sub(path, root.n + (root.n > 1), path.n)
               : path;
}

static void next_write(struct json_writer *w, struct slice path)
{
    json_key(w, SLICE("next"));
    json_begin_object(w);
    json_put_string(w, "tool", SLICE("validate_workflow"));
    json_key(w, SLICE("arguments"));
    json_begin_object(w);
    json_put_string(w, "path", path);
    json_end_object(w);
    json_put_string(w, "why",
                    SLICE("Fill in the texts and the gates, then see whether "
                          "they fit together."));
    json_end_object(w);
}

enum err eng_create_workflow(struct engine *e, struct eng_call *c,
                             const struct eng_create_workflow_args *args)
{
    struct eng_scaffolded made;
    const struct eng_scaffold s = {
        .root = e->options.root,
        .output = args->output_dir.n ? args->output_dir
                                     : SLICE(".phasegate/workflows"),
        .name = args->name,
        .description = args->description,
        .phases = args->phases,
        .phases_count = args->phases_count};
    if (c->on_loop) return ERR_AGAIN;
    if (!s.root.n) return eng__problem_no_project(c);
    /* What was made has to be told. */
    if (!buf_reserve(&c->out->plain, ANSWER_MOST)) return eng__problem_nomem(c);
    enum err r = eng_scaffold_write(&s, c->arena, &c->problem, &made);
    if (r) return r;
    struct slice path = relative(made.folder, s.root);
    struct json_writer w = json_writer(&c->out->plain);
    json_begin_object(&w);
    json_put_string(&w, "workflow_type", s.name);
    json_put_string(&w, "path", path);
    json_key(&w, SLICE("files"));
    json_begin_array(&w);
    for (size_t i = 0; i < made.count; i++) json_string(&w, made.files[i]);
    json_end_array(&w);
    next_write(&w, path);
    json_end_object(&w);
    return OK;
}
