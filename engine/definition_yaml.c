#include "engine/definition_yaml.h"

#include <inttypes.h>

#include "base/yaml.h"
#include "engine/gate.h"

static const struct json_limits limits = {2u << 20, 32, 100000};

struct reading {
    const struct eng_source *src;
    struct eng_report *r;
    struct arena *a;
    struct problem *p;
};

/* --- refusals ---------------------------------------------------------- */
static enum err nomem(struct reading *in)
{
    return problem_set(in->p, ERR_NOMEM, in->src->file, SLICE("Out of memory."),
                       SLICE("Try again."));
}

static enum err invalid(struct reading *in, uint32_t line, struct slice why,
                        struct slice how_to_fix)
{
    return problem_setf(in->p, in->a, ERR_WORKFLOW_INVALID, why, how_to_fix,
                        "%.*s:%u is no workflow definition",
                        SLICE_ARG(in->src->file), line);
}

static uint32_t line_of(const struct reading *in, const struct json *v)
{
    return slice_position(in->src->text, (size_t)(v->raw.p - in->src->text.p))
        .line;
}

static enum err want(struct reading *in, const struct json *in_what,
                     const char *what, const char *key)
{
    return invalid(in, line_of(in, in_what),
                   arena_printf(in->a, "%s has no usable \"%s\".", what, key),
                   arena_printf(in->a, "Add `%s` to it.", key));
}

/* --- values ------------------------------------------------------------ */
static enum err text_of(struct reading *in, const struct json *v,
                        const char *what, const char *key, struct slice *ret)
{
    const struct json *text = json_get(v, slice_of(key));
    if (!json_is(text, JSON_STRING) || slice_trim(text->text).n == 0)
        return want(in, v, what, key);
    *ret = slice_trim(text->text);
    return OK;
}

static struct slice optional_text(const struct json *v, const char *key)
{
    const struct json *text = json_get(v, slice_of(key));
    return json_is(text, JSON_STRING) ? slice_trim(text->text)
                                      : (struct slice){0};
}

/* --- tasks ------------------------------------------------------------- */
static enum err read_criteria(struct reading *in, const struct json *task,
                              struct eng_plan_items *ret)
{
    const struct json *list = json_get(task, SLICE("validation_criteria"));
    if (!json_is(list, JSON_ARRAY) || list->count == 0) return OK;
    struct eng_plan_item *items =
        ARENA_ARRAY(in->a, struct eng_plan_item, list->count);
    if (!items) return nomem(in);
    for (uint32_t i = 0; i < list->count; i++) {
        struct slice text = slice_trim(json_text(&list->items[i]));
        if (text.n == 0) continue;
        items[ret->count++] =
            (struct eng_plan_item){text, line_of(in, &list->items[i]), false};
    }
    ret->items = items;
    return OK;
}

static enum err read_task(struct reading *in, const struct json *v,
                          int64_t phase, struct eng_plan_task *ret)
{
    int64_t number;
    struct slice name = {0}, purpose = {0};
    if (!json_is(v, JSON_OBJECT)) return want(in, v, "a task", "name");
    if (!json_int64(json_get(v, SLICE("number")), &number) || number < 0)
        return want(in, v, "a task", "number");
    enum err e = text_of(in, v, "a task", "name", &name);
    if (!e) e = text_of(in, v, "a task", "purpose", &purpose);
    if (e) return e;
    *ret = (struct eng_plan_task){
        .id = arena_printf(in->a, "%" PRId64 ".%" PRId64, phase, number),
        .name = name,
        .description = purpose,
        .time = optional_text(v, "estimated_time"),
        .body = v->raw,
        .line = line_of(in, v)};
    return ret->id.p ? read_criteria(in, v, &ret->criteria) : nomem(in);
}

static enum err read_tasks(struct reading *in, const struct json *phase,
                           struct eng_plan_phase *ret)
{
    const struct json *list = json_get(phase, SLICE("tasks"));
    if (!json_is(list, JSON_ARRAY)) return want(in, phase, "a phase", "tasks");
    if (list->count > PLAN_TASKS_MOST)
        return invalid(in, line_of(in, list),
                       SLICE("There are too many tasks."),
                       SLICE("Split the phase."));
    struct eng_plan_task *tasks =
        ARENA_ARRAY(in->a, struct eng_plan_task, list->count + 1);
    if (!tasks) return nomem(in);
    for (uint32_t i = 0; i < list->count; i++) {
        enum err e = read_task(in, &list->items[i], ret->number, &tasks[i]);
        if (e) return e;
        for (uint32_t k = 0; k < i; k++)
            if (slice_eq(tasks[k].id, tasks[i].id))
                return invalid(in, tasks[i].line,
                               SLICE("Two tasks of a phase have one number."),
                               SLICE("Give each task its own number."));
    }
    ret->tasks = tasks;
    ret->tasks_count = list->count;
    return OK;
}

/* --- gates: said over again as a gate file, and judged by its rules ----- */
static void write_field(struct json_writer *w, const struct json_member *m)
{
    const struct json *type = json_get(&m->value, SLICE("type"));
    const struct json *validator = json_get(&m->value, SLICE("validator"));
    json_key(w, m->key);
    json_begin_object(w);
    json_key(w, SLICE("type"));
    if (type)
        json_value(w, type);
    else
        json_string(w, SLICE("string"));
    json_put_bool(w, "required", true);
    json_put_string(w, "description", optional_text(&m->value, "description"));
    if (validator) {
        json_key(w, SLICE("validator"));
        json_value(w, validator);
    }
    /* is_false decides itself what is expected */
    if (slice_eq(json_text(validator), SLICE("is_false")))
        json_put_string(w, "expect", SLICE("any"));
    json_end_object(w);
}

static enum err gate_text(struct reading *in, const struct json *fields,
                          struct slice *ret)
{
    struct buf b = BUF_INIT(1u << 20);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_raw(&w, "checkpoint", SLICE("{\"strict\": true}"));
    json_key(&w, SLICE("evidence_schema"));
    json_begin_object(&w);
    for (uint32_t i = 0; i < fields->count; i++)
        write_field(&w, &fields->members[i]);
    json_end_object(&w);
    json_end_object(&w);
    *ret = b.err ? (struct slice){0} : arena_copy(in->a, buf_slice(&b));
    buf_done(&b);
    return ret->p ? OK : nomem(in);
}

static enum err read_gate(struct reading *in, const struct json *phase,
                          struct eng_plan_phase *ret)
{
    const struct json *gate = json_get(phase, SLICE("validation_gate"));
    const struct json *fields = json_get(gate, SLICE("evidence_required"));
    const struct json *human = json_get(gate, SLICE("human_approval_required"));
    struct eng_source said = {.file = in->src->file};
    struct eng_report own;
    ret->human_approval = json_is(human, JSON_TRUE);
    if (human && !json_is_bool(human))
        return want(in, gate, "validation_gate", "human_approval_required");
    if (!fields || (json_is(fields, JSON_OBJECT) && fields->count == 0))
        return OK;
    if (!json_is(fields, JSON_OBJECT))
        return want(in, gate, "validation_gate", "evidence_required");
    enum err e = gate_text(in, fields, &said.text);
    if (e) return e;
    eng_report_init(&own, in->a);
    ret->evidence = eng_gate_parse(&said, &own);
    if (own.failed) return nomem(in);
    for (size_t i = 0; !ret->evidence && i < own.count; i++)
        if (own.items[i].level == ENG_ERROR)
            return invalid(in, line_of(in, fields), own.items[i].message,
                           own.items[i].how_to_fix);
    return ret->evidence ? OK : nomem(in);
}

/* --- phases ------------------------------------------------------------ */
/* A number, or "N+<k>": a phase behind the dynamic ones, which takes the next
 * number there is. */
static enum err read_number(struct reading *in, const struct json *phase,
                            int64_t next, struct eng_plan_phase *ret)
{
    const struct json *v = json_get(phase, SLICE("number"));
    struct slice text = json_text(v);
    int64_t k;
    if (json_int64(v, &ret->number) && ret->number >= 0) {
        ret->stated_number = v->raw;
        return OK;
    }
    if (!slice_starts(text, SLICE("N+")) ||
        !slice_int64(slice_sub(text, 2, SIZE_MAX), &k) || k < 0)
        return want(in, phase, "a phase", "number");
    ret->stated_number = text;
    ret->number = next;
    return OK;
}

static enum err read_phase(struct reading *in, const struct json *v,
                           int64_t next, struct eng_plan_phase *ret)
{
    struct slice deliverable;
    if (!json_is(v, JSON_OBJECT)) return want(in, v, "a phase", "name");
    *ret = (struct eng_plan_phase){.line = line_of(in, v),
                                   .duration =
                                       optional_text(v, "estimated_duration")};
    enum err e = read_number(in, v, next, ret);
    if (!e) e = text_of(in, v, "a phase", "name", &ret->name);
    if (!e) e = text_of(in, v, "a phase", "purpose", &ret->description);
    if (!e) e = text_of(in, v, "a phase", "deliverable", &deliverable);
    if (!e) e = read_tasks(in, v, ret);
    return e ? e : read_gate(in, v, ret);
}

static enum err read_head(struct reading *in, const struct json *doc)
{
    const struct json *problem = json_get(doc, SLICE("problem"));
    struct slice ignored;
    enum err e = text_of(in, doc, "the document", "name", &ignored);
    if (!e) e = text_of(in, doc, "the document", "version", &ignored);
    if (!e && !json_is(problem, JSON_OBJECT))
        return want(in, doc, "the document", "problem");
    if (!e) e = text_of(in, problem, "problem", "statement", &ignored);
    if (!e) e = text_of(in, problem, "problem", "why_workflow", &ignored);
    if (!e &&
        !json_is(json_get(problem, SLICE("success_criteria")), JSON_ARRAY))
        return want(in, problem, "problem", "success_criteria");
    return e;
}

static enum err read_phases(struct reading *in, const struct json *doc,
                            struct eng_plan *ret)
{
    const struct json *list = json_get(doc, SLICE("phases"));
    if (!list || (json_is(list, JSON_ARRAY) && list->count == 0))
        return eng_plan_numbers(&(struct eng_plan){0}, in->src, in->a, in->p);
    if (!json_is(list, JSON_ARRAY) || list->count > PLAN_PHASES_MOST)
        return want(in, doc, "the document", "phases");
    struct eng_plan_phase *phases =
        ARENA_ARRAY(in->a, struct eng_plan_phase, list->count);
    if (!phases) return nomem(in);
    for (uint32_t i = 0; i < list->count; i++) {
        int64_t next = i ? phases[i - 1].number + 1 : 0;
        enum err e = read_phase(in, &list->items[i], next, &phases[i]);
        if (e) return e;
    }
    *ret = (struct eng_plan){phases, list->count};
    return eng_plan_numbers(ret, in->src, in->a, in->p);
}

enum err eng_definition_yaml_parse(const struct eng_source *src,
                                   struct eng_report *r, struct problem *p,
                                   struct eng_plan *ret)
{
    struct reading in = {src, r, r->arena, p};
    struct eng_plan plan = {0};
    const struct json *doc;
    struct yaml_error error;
    if (slice_trim(src->text).n == 0)
        return problem_setf(p, in.a, ERR_SOURCE_EMPTY,
                            SLICE("The phases come from that file."),
                            SLICE("Write a workflow definition in it."),
                            "%.*s is empty", SLICE_ARG(src->file));
    enum err e = yaml_parse(src->text, &limits, in.a, &doc, &error);
    if (e == ERR_NOMEM) return nomem(&in);
    if (e)
        return invalid(&in, error.line, error.what,
                       SLICE("Correct the YAML at this place."));
    if (!json_is(doc, JSON_OBJECT))
        return invalid(&in, 1, SLICE("A definition is a mapping."),
                       SLICE("Begin with `name:`."));
    e = read_head(&in, doc);
    if (!e) e = read_phases(&in, doc, &plan);
    if (!e) *ret = plan;
    return e;
}
