#include "engine/dynamic.h"

#include <inttypes.h>

#include "engine/definition_yaml.h"
#include "engine/gate.h"
#include "engine/template.h"

static const size_t rendered_most = 48u << 20;

struct reading {
    struct eng_definition *d;
    const struct eng_metadata *m;
    const struct eng_source *meta; /* metadata.json */
    struct eng_report *r;
};

/* --- what metadata.json says ------------------------------------------- */
static const struct {
    struct slice source_type, parser;
} sources[] = {
    {SLICE_INIT("spec_tasks_md"), SLICE_INIT("spec_tasks_parser")},
    {SLICE_INIT("workflow_definition"),
     SLICE_INIT("workflow_definition_parser")},
};

static void bad_config(struct reading *b, const struct json *at,
                       const char *what, struct slice got)
{
    eng_report_add(b->r, LINT_DYNAMIC_CONFIG, b->meta,
                   at ? at->raw.p : b->m->document->raw.p, "%s%.*s", what,
                   SLICE_ARG(eng_clip(b->r->arena, got, 80)));
}

static struct slice config_text(struct reading *b, const struct json *config,
                                const char *key)
{
    const struct json *v = json_get(config, slice_of(key));
    if (json_is(v, JSON_STRING) && v->text.n > 0) return v->text;
    eng_report_add(b->r, LINT_DYNAMIC_CONFIG, b->meta, (v ? v : config)->raw.p,
                   "dynamic_config.%s must be a text", key);
    return (struct slice){0};
}

static void check_source(struct reading *b, const struct json *config,
                         struct eng_dynamic *dyn)
{
    const struct json *parser = json_get(config, SLICE("parser"));
    dyn->source_type = config_text(b, config, "source_type");
    dyn->source_path_key = config_text(b, config, "source_path_key");
    if (dyn->source_type.n == 0) return;
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
        if (!slice_eq(dyn->source_type, sources[i].source_type)) continue;
        dyn->parser = sources[i].parser;
        if (parser && !slice_eq(json_text(parser), sources[i].parser))
            bad_config(b, parser, "the source_type wants the parser ",
                       sources[i].parser);
        return;
    }
    bad_config(b, json_get(config, SLICE("source_type")),
               "source_type is spec_tasks_md or workflow_definition, not ",
               dyn->source_type);
}

static void read_template(struct reading *b, const struct json *templates,
                          const char *key, struct slice *ret_file,
                          struct slice *ret_text)
{
    const struct json *v = json_get(templates, slice_of(key));
    if (!json_is(v, JSON_STRING)) {
        bad_config(b, v ? v : templates, "dynamic_config.templates needs ",
                   slice_of(key));
        return;
    }
    const struct eng_file *f = eng_files_find(&b->d->files, v->text);
    if (!f) {
        eng_report_add(b->r, LINT_TEMPLATE_MISSING, b->meta, v->raw.p,
                       "the template %.*s does not exist",
                       SLICE_ARG(eng_clip(b->r->arena, v->text, 200)));
        return;
    }
    *ret_file = f->path;
    *ret_text = f->text;
    struct eng_source src = {f->path, f->text};
    size_t open = slice_find(f->text, SLICE("{{#")),
           close = slice_find(f->text, SLICE("{{/"));
    size_t at = open < close ? open : close;
    if (at < f->text.n)
        eng_report_add(b->r, LINT_TEMPLATE_SYNTAX_UNSUPPORTED, &src,
                       f->text.p + at, "%.3s is not rendered", f->text.p + at);
}

void eng__dynamic_read(struct eng_definition *d, const struct eng_metadata *m,
                       const struct eng_source *meta, struct eng_report *r)
{
    struct reading in = {d, m, meta, r}, *b = &in;
    const struct json *config = b->m->dynamic_config;
    struct eng_dynamic *dyn = ARENA_NEW(b->r->arena, struct eng_dynamic);
    if (!dyn) {
        b->r->failed = true;
        return;
    }
    b->d->dynamic_config = dyn;
    for (size_t i = 0; i < b->m->phases_count; i++) {
        const struct eng_meta_phase *p = &b->m->phases[i];
        if (!p->dynamic) continue;
        dyn->from = p->number;
        dyn->name = p->name;
        dyn->purpose = p->purpose;
        dyn->estimated_effort = p->estimated_effort;
        dyn->deliverables = p->deliverables.items;
        dyn->deliverables_count = p->deliverables.count;
    }
    if (!config) {
        bad_config(b, NULL, "a dynamic workflow has no dynamic_config",
                   (struct slice){0});
        return;
    }
    check_source(b, config, dyn);
    const struct json *templates = json_get(config, SLICE("templates"));
    if (!json_is(templates, JSON_OBJECT)) {
        bad_config(b, config, "dynamic_config has no templates",
                   (struct slice){0});
        return;
    }
    read_template(b, templates, "phase", &dyn->phase_template_file,
                  &dyn->phase_template);
    read_template(b, templates, "task", &dyn->task_template_file,
                  &dyn->task_template);
}

/* --- the phases of the source ------------------------------------------ */
struct making {
    struct eng_definition *d;
    struct eng_report *r;
    struct arena *a;
    const struct eng_plan *plan;
    int64_t shift, last; /* session number = source number + shift */
    size_t rendered;     /* bytes */
};

static struct slice rendered(struct making *m, struct slice template,
                             const struct slice *values)
{
    struct buf b = BUF_INIT(rendered_most - m->rendered);
    eng__template_render(template, values, &b);
    struct slice copy =
        b.err ? (struct slice){0} : arena_copy(m->a, buf_slice(&b));
    if (!copy.p) m->r->failed = true;
    m->rendered += copy.n;
    buf_done(&b);
    return copy;
}

static struct slice checklist(struct making *m, struct eng_plan_items items,
                              const char *none)
{
    struct buf b = BUF_INIT(rendered_most);
    if (items.count == 0) buf_puts(&b, none);
    for (size_t i = 0; i < items.count; i++)
        buf_printf(&b, "%s- [ ] %.*s", i ? "\n" : "",
                   SLICE_ARG(items.items[i].text));
    struct slice copy =
        b.err ? (struct slice){0} : arena_copy(m->a, buf_slice(&b));
    if (!copy.p) m->r->failed = true;
    buf_done(&b);
    return copy;
}

static struct slice stated(struct slice text, const char *otherwise)
{
    return text.n ? text : slice_of(otherwise);
}

/* "1.1", "all tasks of phase 1"; what only a person understands as it is. */
static void set_dependencies(struct making *m, const struct eng_plan_needs *n,
                             struct eng_task *t)
{
    size_t count = n->tasks_count + n->phases_count, k = 0;
    struct slice *texts = ARENA_ARRAY(m->a, struct slice, count + 1);
    if (!texts) {
        m->r->failed = true;
        return;
    }
    for (size_t i = 0; i < n->tasks_count; i++) texts[k++] = n->tasks[i];
    for (size_t i = 0; i < n->phases_count; i++)
        texts[k++] = arena_printf(m->a, "all tasks of phase %" PRId64,
                                  n->phases[i] + m->shift);
    if (k == 0 && n->note.n) texts[k++] = n->note;
    t->dependencies = texts;
    t->dependencies_count = k;
}

static struct slice joined(struct making *m, const struct slice *texts,
                           size_t count)
{
    struct buf b = BUF_INIT(1u << 20);
    if (count == 0) buf_puts(&b, "None");
    for (size_t i = 0; i < count; i++) {
        if (i) buf_puts(&b, ", ");
        buf_put(&b, texts[i]);
    }
    struct slice copy =
        b.err ? (struct slice){0} : arena_copy(m->a, buf_slice(&b));
    if (!copy.p) m->r->failed = true;
    buf_done(&b);
    return copy;
}

static const struct slice *texts_of(struct making *m,
                                    struct eng_plan_items items)
{
    struct slice *texts = ARENA_ARRAY(m->a, struct slice, items.count + 1);
    if (!texts) m->r->failed = true;
    for (size_t i = 0; texts && i < items.count; i++)
        texts[i] = items.items[i].text;
    return texts;
}

static void make_task(struct making *m, const struct eng_plan_phase *from,
                      size_t i, const struct slice *phase, struct eng_task *t)
{
    const struct eng_plan_task *task = &from->tasks[i];
    struct slice values[TEMPLATE_COUNT];
    *t = (struct eng_task){.number = (int64_t)i + 1,
                           .id = task->id,
                           .name = task->name,
                           .source_text = task->body,
                           .estimated_time = task->time,
                           .criteria = texts_of(m, task->criteria),
                           .criteria_count = task->criteria.count};
    set_dependencies(m, &task->needs, t);
    memcpy(values, phase, sizeof(values));
    values[TEMPLATE_TASK_ID] = task->id;
    values[TEMPLATE_TASK_NAME] = task->name;
    values[TEMPLATE_TASK_DESCRIPTION] =
        task->description.n ? task->description : task->name;
    values[TEMPLATE_ESTIMATED_TIME] = stated(task->time, "Variable");
    values[TEMPLATE_DEPENDENCIES] =
        joined(m, t->dependencies, t->dependencies_count);
    values[TEMPLATE_ACCEPTANCE_CRITERIA] =
        checklist(m, task->criteria,
                  "The source states no acceptance criteria for this task.");
    values[TEMPLATE_NEXT_TASK_NUMBER] =
        i + 1 < from->tasks_count
            ? arena_printf(m->a, "%zu", i + 2)
            : SLICE("none (this is the last task of the phase)");
    if (!m->r->failed)
        t->content = rendered(m, m->d->dynamic_config->task_template, values);
}

static void phase_values(struct making *m, const struct eng_plan_phase *from,
                         int64_t number, struct slice *values)
{
    for (int i = 0; i < TEMPLATE_COUNT; i++) values[i] = (struct slice){0};
    values[TEMPLATE_PHASE_NUMBER] = arena_printf(m->a, "%" PRId64, number);
    values[TEMPLATE_PHASE_NAME] = from->name;
    values[TEMPLATE_TASK_COUNT] = arena_printf(m->a, "%zu", from->tasks_count);
    values[TEMPLATE_PHASE_DESCRIPTION] =
        from->description.n
            ? from->description
            : arena_printf(m->a, "Phase %" PRId64 " objectives", number);
    values[TEMPLATE_ESTIMATED_DURATION] = stated(from->duration, "Variable");
    values[TEMPLATE_ESTIMATED_TIME] = values[TEMPLATE_ESTIMATED_DURATION];
    values[TEMPLATE_NEXT_PHASE_NUMBER] =
        number < m->last ? arena_printf(m->a, "%" PRId64, number + 1)
                         : SLICE("none (this is the last phase)");
    values[TEMPLATE_VALIDATION_GATE] = checklist(
        m, from->gate, "The source states no validation gate for this phase.");
}

static const struct eng_gate *stated_gate(struct making *m,
                                          const struct eng_plan_phase *from,
                                          const struct eng_task *tasks)
{
    if (from->evidence) return from->evidence;
    if (from->gate.count == 0) return eng_gate_of_nothing();
    struct slice *ids = ARENA_ARRAY(m->a, struct slice, from->tasks_count + 1);
    const struct slice *texts = texts_of(m, from->gate);
    for (size_t i = 0; ids && i < from->tasks_count; i++) ids[i] = tasks[i].id;
    const struct eng_gate *g =
        ids && texts ? eng_gate_of_items(texts, from->gate.count, ids,
                                         from->tasks_count, m->a)
                     : NULL;
    m->r->failed |= !g;
    return g;
}

/* The plan may ask for a person besides. */
static const struct eng_gate *gate_of(struct making *m,
                                      const struct eng_plan_phase *from,
                                      const struct eng_task *tasks)
{
    const struct eng_gate *stated = stated_gate(m, from, tasks);
    if (!stated || !from->human_approval) return stated;
    struct eng_gate *g = ARENA_NEW(m->a, struct eng_gate);
    m->r->failed |= !g;
    if (!g) return NULL;
    *g = *stated;
    g->approval_required = true;
    return g;
}

static void make_phase(struct making *m, const struct eng_plan_phase *from,
                       struct eng_phase *p)
{
    const struct eng_dynamic *dyn = m->d->dynamic_config;
    struct eng_task *tasks =
        ARENA_ARRAY(m->a, struct eng_task, from->tasks_count + 1);
    struct slice values[TEMPLATE_COUNT];
    int64_t number = from->number + m->shift;
    if (!tasks) {
        m->r->failed = true;
        return;
    }
    phase_values(m, from, number, values);
    for (size_t i = 0; i < from->tasks_count && !m->r->failed; i++)
        make_task(m, from, i, values, &tasks[i]);
    *p = (struct eng_phase){
        .number = number,
        .dynamic = true,
        .source_number = from->number,
        .name = from->name,
        .purpose = from->description.n ? from->description : dyn->purpose,
        .estimated_effort =
            from->duration.n ? from->duration : dyn->estimated_effort,
        .deliverables = dyn->deliverables,
        .deliverables_count = dyn->deliverables_count,
        .tasks = tasks,
        .tasks_count = from->tasks_count,
        .gate = gate_of(m, from, tasks)};
    if (!m->r->failed) p->content = rendered(m, dyn->phase_template, values);
}

enum err eng__dynamic_parse(const struct eng_definition *d,
                            const struct eng_file *source, struct eng_report *r,
                            struct problem *p, struct eng_plan *ret)
{
    struct eng_source src = {source->path, source->text};
    if (slice_eq(d->dynamic_config->source_type, SLICE("workflow_definition")))
        return eng_definition_yaml_parse(&src, r, p, ret);
    return eng_plan_parse(&src, r, p, ret);
}

void eng__dynamic_phases(struct eng_definition *d, struct eng_report *r)
{
    struct eng_plan plan;
    struct problem p;
    struct making m = {.d = d, .r = r, .a = r->arena, .plan = &plan};
    problem_init(&p);
    enum err e = eng__dynamic_parse(d, &d->files.source, r, &p, &plan);
    if (e == ERR_NOMEM) r->failed = true;
    if (e) {
        eng_report_add(r, LINT_DYNAMIC_CONFIG, NULL, NULL,
                       "the source is no plan: %.*s", SLICE_ARG(p.what));
        return;
    }
    size_t fixed = d->phases_count;
    struct eng_phase *phases =
        ARENA_ARRAY(m.a, struct eng_phase, fixed + plan.phases_count);
    if (!phases) {
        r->failed = true;
        return;
    }
    if (fixed) {
        memcpy(phases, d->phases, fixed * sizeof(*phases));
        m.shift = phases[fixed - 1].number + 1 - plan.phases[0].number;
    }
    m.last = plan.phases[plan.phases_count - 1].number + m.shift;
    for (size_t i = 0; i < plan.phases_count && !r->failed; i++)
        make_phase(&m, &plan.phases[i], &phases[fixed + i]);
    d->phases = phases;
    d->phases_count = fixed + plan.phases_count;
    if (!eng_definition_phase(d, d->start_phase))
        d->start_phase = phases[0].number;
}
