#include "engine/catalog.h"
#include "engine/problems.h"

/* `part` somewhere in `text`, ASCII case folded; an empty part always. */
static bool holds(struct slice text, struct slice part)
{
    for (size_t i = 0; i + part.n <= text.n; i++)
        if (slice_eq_nocase(slice_sub(text, i, part.n), part)) return true;
    return part.n == 0;
}

static bool wanted(const struct eng_definition *d,
                   const struct eng_list_workflows_args *args)
{
    if (args->category.n && !slice_eq_nocase(d->category, args->category))
        return false;
    return holds(d->workflow_type, args->query) ||
           holds(d->name, args->query) || holds(d->description, args->query);
}

static void problems_write(struct json_writer *w,
                           const struct eng_definition *d)
{
    json_key(w, SLICE("problems"));
    json_begin_array(w);
    for (size_t i = 0; i < d->findings_count; i++) {
        const struct eng_finding *f = &d->findings[i];
        if (f->level != ENG_ERROR) continue;
        json_begin_object(w);
        json_put_string(w, "code", slice_of(f->code));
        json_put_string(w, "file", f->file);
        if (f->line) json_put_int(w, "line", f->line);
        json_put_string(w, "message", f->message);
        json_put_string(w, "how_to_fix", f->how_to_fix);
        json_end_object(w);
    }
    json_end_array(w);
}

static void workflow_write(struct json_writer *w,
                           const struct eng_definition *d,
                           const struct eng_list_workflows_args *args)
{
    json_begin_object(w);
    json_put_string(w, "workflow_type", d->files.workflow_type);
    json_put_string(w, "name", d->name);
    json_put_string(w, "version", d->version);
    json_put_string(w, "description", d->description);
    if (d->category.n) json_put_string(w, "category", d->category);
    if (d->dynamic)
        json_put_string(w, "total_phases", SLICE("dynamic"));
    else
        json_put_int(w, "total_phases", (int64_t)d->phases_count);
    if (d->estimated_duration.n)
        json_put_string(w, "estimated_duration", d->estimated_duration);
    json_put_bool(w, "valid", d->errors_count == 0);
    problems_write(w, d);
    if (args->metadata && d->metadata) {
        json_key(w, SLICE("metadata"));
        json_value(w, d->metadata);
    }
    json_end_object(w);
}

/* One that cannot be read at all stands in the list with its reason: the
 * others are not to be lost with it. */
static bool unreadable_write(struct json_writer *w, struct eng_call *c,
                             struct slice name,
                             const struct eng_list_workflows_args *args)
{
    struct problem p = c->problem;
    problem_init(&c->problem);
    if (args->category.n || !holds(name, args->query)) return false;
    json_begin_object(w);
    json_put_string(w, "workflow_type", name);
    json_put_string(w, "name", name);
    json_put_string(w, "version", SLICE(""));
    json_put_string(w, "description", SLICE(""));
    json_put_int(w, "total_phases", 0);
    json_put_bool(w, "valid", false);
    json_key(w, SLICE("problems"));
    json_begin_array(w);
    json_begin_object(w);
    json_put_string(w, "code", SLICE("WORKFLOW_INVALID"));
    json_put_string(w, "message", p.why);
    json_put_string(w, "how_to_fix", p.how_to_fix);
    json_end_object(w);
    json_end_array(w);
    json_end_object(w);
    return true;
}

enum err eng_list_workflows(struct engine *e, struct eng_call *c,
                            const struct eng_list_workflows_args *args)
{
    struct slice *names;
    size_t n;
    int64_t count = 0;
    if (c->on_loop) return ERR_AGAIN;
    enum err r = eng__catalog_names(e, c, &names, &n);
    if (r) return eng__problem_store(c, r);
    struct json_writer w = json_writer(&c->out->plain);
    json_begin_object(&w);
    json_key(&w, SLICE("workflows"));
    json_begin_array(&w);
    for (size_t i = 0; i < n; i++) {
        const struct eng_definition *d;
        r = eng__catalog_get(e, c, names[i], &d);
        if (r == ERR_WORKFLOW_NOT_FOUND) continue; /* gone meanwhile */
        if (r == ERR_WORKFLOW_INVALID) {
            count += unreadable_write(&w, c, names[i], args);
            continue;
        }
        if (r) return r;
        if (!wanted(d, args)) continue;
        workflow_write(&w, d, args);
        count++;
    }
    json_end_array(&w);
    json_put_int(&w, "count", count);
    json_end_object(&w);
    return eng__settled(c, OK);
}
