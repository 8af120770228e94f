#include "engine/metadata.h"

#include <stdlib.h>

static const struct json_limits limits = {1u << 20, 64, 100000};

/* --- fields as rows ---------------------------------------------------- */
enum kind {
    TEXT,
    TEXTS,
    TEXT_OR_TEXTS,
    INTEGER,
    BOOLEAN,
    OBJECT,
    OBJECTS,
    TOTAL,  /* an integer or "dynamic" */
    NUMBER, /* of a phase: an integer or "<k>-N" */
};
enum need { OPTIONAL, DESCRIPTIVE, REQUIRED, WITHOUT_EFFECT };

struct field {
    struct slice name;
    enum kind kind;
    enum need need;
    size_t offset; /* NOWHERE: checked and kept in the document only */
};
/* clang-format off */
#define NOWHERE SIZE_MAX
#define ROW(name, kind, need, type, member)                                    \
    {SLICE_INIT(name), kind, need, offsetof(struct type, member)}
#define SEEN(name, kind, need) {SLICE_INIT(name), kind, need, NOWHERE}

static const struct field root_fields[] = {
    ROW("workflow_type", TEXT, REQUIRED, eng_metadata, workflow_type),
    ROW("version", TEXT, REQUIRED, eng_metadata, version),
    SEEN("total_phases", TOTAL, REQUIRED),
    SEEN("phases", OBJECTS, REQUIRED),
    ROW("name", TEXT, OPTIONAL, eng_metadata, name),
    ROW("description", TEXT, OPTIONAL, eng_metadata, description),
    ROW("estimated_duration", TEXT, DESCRIPTIVE, eng_metadata,
        estimated_duration),
    ROW("primary_outputs", TEXTS, DESCRIPTIVE, eng_metadata, outputs),
    ROW("dynamic_phases", BOOLEAN, OPTIONAL, eng_metadata, dynamic_phases),
    ROW("dynamic_config", OBJECT, OPTIONAL, eng_metadata, dynamic_config),
    ROW("start_phase", INTEGER, OPTIONAL, eng_metadata, start),
    ROW("category", TEXT, OPTIONAL, eng_metadata, category),
    SEEN("author", TEXT, OPTIONAL),
    SEEN("created_date", TEXT, OPTIONAL),
    SEEN("created", TEXT, OPTIONAL),
    SEEN("updated", TEXT, OPTIONAL),
    SEEN("target_language", TEXT_OR_TEXTS, OPTIONAL),
    SEEN("max_phase", INTEGER, WITHOUT_EFFECT),
    SEEN("strict_mode", BOOLEAN, WITHOUT_EFFECT),
};
static const struct field phase_fields[] = {
    SEEN("phase_number", NUMBER, REQUIRED),
    ROW("phase_name", TEXT, REQUIRED, eng_meta_phase, name),
    ROW("purpose", TEXT, DESCRIPTIVE, eng_meta_phase, purpose),
    ROW("estimated_effort", TEXT, DESCRIPTIVE, eng_meta_phase,
        estimated_effort),
    ROW("key_deliverables", TEXTS, DESCRIPTIVE, eng_meta_phase, deliverables),
    ROW("validation_criteria", TEXTS, DESCRIPTIVE, eng_meta_phase, criteria),
    SEEN("tasks", OBJECTS, OPTIONAL),
    SEEN("checkpoint", OBJECT, OPTIONAL),
    ROW("phase_file", TEXT, OPTIONAL, eng_meta_phase, phase_file),
    SEEN("skippable", BOOLEAN, OPTIONAL),
    SEEN("skip_condition", TEXT, OPTIONAL),
    SEEN("task_execution", OBJECT, OPTIONAL),
    SEEN("evidence_gate_enabled", BOOLEAN, WITHOUT_EFFECT),
};
static const struct field task_fields[] = {
    SEEN("task_number", INTEGER, REQUIRED),
    ROW("name", TEXT, OPTIONAL, eng_meta_task, name),
    ROW("file", TEXT, OPTIONAL, eng_meta_task, file),
    ROW("purpose", TEXT, OPTIONAL, eng_meta_task, purpose),
    ROW("estimated_time", TEXT, OPTIONAL, eng_meta_task, estimated_time),
};
static const struct field checkpoint_fields[] = {
    ROW("required_evidence", TEXTS, OPTIONAL, eng_meta_phase, evidence),
};
/* clang-format on */

struct object {
    const struct field *fields;
    size_t count;
    const char *what; /* "phase entry" */
};
#define OBJECT_OF(fields, what)                                                \
    {                                                                          \
        fields, sizeof(fields) / sizeof(*(fields)), what                       \
    }
static const struct object root_object = OBJECT_OF(root_fields, "the workflow");
static const struct object phase_object = OBJECT_OF(phase_fields, "phase");
static const struct object task_object = OBJECT_OF(task_fields, "task");
static const struct object checkpoint_object =
    OBJECT_OF(checkpoint_fields, "checkpoint");

/* --- values into structs ----------------------------------------------- */
struct reading {
    const struct eng_source *src;
    struct eng_report *r;
};

static bool all_are(const struct json *v, enum json_type t)
{
    if (!json_is(v, JSON_ARRAY)) return false;
    for (uint32_t i = 0; i < v->count; i++)
        if (v->items[i].type != t) return false;
    return true;
}

/* "<k>-N": every phase of the plan, from k on. */
static bool dynamic_number(const struct json *v, int64_t *ret)
{
    struct slice s = json_text(v);
    if (!slice_ends(s, SLICE("-N"))) return false;
    s.n -= 2;
    return s.n > 0 && s.p[0] != '-' && (s.n == 1 || s.p[0] != '0') &&
           slice_int64(s, ret);
}

static bool fits(const struct json *v, enum kind kind)
{
    int64_t n;
    switch (kind) {
    case TEXT:
        return json_is(v, JSON_STRING);
    case TEXTS:
        return all_are(v, JSON_STRING);
    case TEXT_OR_TEXTS:
        return json_is(v, JSON_STRING) || all_are(v, JSON_STRING);
    case INTEGER:
        return json_int64(v, &n) && n >= 0;
    case BOOLEAN:
        return json_is_bool(v);
    case OBJECT:
        return json_is(v, JSON_OBJECT);
    case OBJECTS:
        return all_are(v, JSON_OBJECT);
    case TOTAL:
        return (json_int64(v, &n) && n >= 0) ||
               slice_eq(json_text(v), SLICE("dynamic"));
    case NUMBER:
        return (json_int64(v, &n) && n >= 0) || dynamic_number(v, &n);
    }
    return false;
}

static const char *const kind_names[] = {
    [TEXT] = "a string",
    [TEXTS] = "an array of strings",
    [TEXT_OR_TEXTS] = "a string or an array of strings",
    [INTEGER] = "an integer, 0 or more",
    [BOOLEAN] = "true or false",
    [OBJECT] = "an object",
    [OBJECTS] = "an array of objects",
    [TOTAL] = "an integer or \"dynamic\"",
    [NUMBER] = "an integer, 0 or more, or a text like \"1-N\"",
};

static void store(const struct reading *in, void *base, const struct field *f,
                  const struct json *v)
{
    char *at = (char *)base + f->offset;
    switch (f->kind) {
    case TEXT:
        *(struct slice *)(void *)at = v->text;
        break;
    case TEXTS: {
        struct eng_texts *t = (struct eng_texts *)(void *)at;
        struct slice *items = ARENA_ARRAY(in->r->arena, struct slice, v->count);
        if (!items && v->count) {
            in->r->failed = true;
            break;
        }
        for (uint32_t i = 0; i < v->count; i++) items[i] = v->items[i].text;
        *t = (struct eng_texts){items, v->count};
        break;
    }
    case INTEGER:
        if (!json_int64(v, (int64_t *)(void *)at)) *at = 0;
        break;
    case BOOLEAN:
        *(bool *)(void *)at = v->type == JSON_TRUE;
        break;
    case OBJECT:
        *(const struct json **)(void *)at = v;
        break;
    default:
        break;
    }
}

static const char *start_of(const struct json *v)
{
    return v->raw.p;
}

static void wrong_value(const struct reading *in, const struct json *v,
                        struct slice field, const char *wanted)
{
    struct slice got = json_type_name(v), text = v->raw;
    bool small = v->type != JSON_OBJECT && v->type != JSON_ARRAY;
    text = small ? eng_clip(in->r->arena, text, 60) : (struct slice){0};
    eng_report_add(in->r, LINT_METADATA_FIELD_TYPE, in->src, start_of(v),
                   "\"%.*s\" must be %s, not %.*s %.*s", SLICE_ARG(field),
                   wanted, SLICE_ARG(got), SLICE_ARG(text));
}

static void append_name(const struct reading *in, struct slice *list,
                        struct slice name)
{
    struct slice both =
        arena_printf(in->r->arena, "%.*s%s%.*s", SLICE_ARG(*list),
                     list->n ? ", " : "", SLICE_ARG(name));
    if (both.p)
        *list = both;
    else
        in->r->failed = true;
}

/* Reads one object by its rows into `base`; what is absent keeps the value it
 * had there. `label` names the thing: "phase 3". */
static void read_object(const struct reading *in, const struct object *o,
                        const struct json *v, struct slice label, void *base)
{
    struct slice missing = {0};
    for (size_t i = 0; i < o->count; i++) {
        const struct field *f = &o->fields[i];
        const struct json *value = json_get(v, f->name);
        if (!value) {
            if (f->need == REQUIRED)
                eng_report_add(in->r, LINT_METADATA_MISSING, in->src,
                               start_of(v), "%.*s has no \"%.*s\" (%s)",
                               SLICE_ARG(label), SLICE_ARG(f->name),
                               kind_names[f->kind]);
            if (f->need == DESCRIPTIVE) append_name(in, &missing, f->name);
            continue;
        }
        if (f->need == WITHOUT_EFFECT)
            eng_report_add(in->r, LINT_METADATA_WITHOUT_EFFECT, in->src,
                           start_of(value), "\"%.*s\" has no effect",
                           SLICE_ARG(f->name));
        else if (!fits(value, f->kind))
            wrong_value(in, value, f->name, kind_names[f->kind]);
        else if (f->offset != NOWHERE)
            store(in, base, f, value);
    }
    if (missing.n)
        eng_report_add(in->r, LINT_METADATA_DESCRIPTIVE_MISSING, in->src,
                       start_of(v), "%.*s has no %.*s", SLICE_ARG(label),
                       SLICE_ARG(missing));
}

/* --- tasks ------------------------------------------------------------- */
static int by_task_number(const void *a, const void *b)
{
    const struct eng_meta_task *x = a, *y = b;
    if (x->number != y->number) return x->number < y->number ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

static bool plain_name(struct slice s)
{
    return s.n > 0 && !slice_eq(s, SLICE("..")) && !slice_eq(s, SLICE(".")) &&
           slice_find_byte(s, '/') == s.n && slice_find_byte(s, '\0') == s.n &&
           slice_find_byte(s, '\\') == s.n;
}

static void read_task(const struct reading *in, const struct json *v,
                      struct slice phase, struct eng_meta_task *t)
{
    *t = (struct eng_meta_task){.node = v, .number = -1};
    struct slice label =
        arena_printf(in->r->arena, "a task of %.*s", SLICE_ARG(phase));
    read_object(in, &task_object, v, label, t);
    if (!json_int64(json_get(v, SLICE("task_number")), &t->number) ||
        t->number < 0)
        t->number = -1;
    const struct json *file = json_get(v, SLICE("file"));
    if (json_is(file, JSON_STRING) && !plain_name(file->text)) {
        wrong_value(in, file, SLICE("file"),
                    "a plain file name inside the phase's folder");
        t->number = -1;
    }
}

static void read_tasks(const struct reading *in, const struct json *list,
                       struct slice label, struct eng_meta_phase *p)
{
    if (!all_are(list, JSON_OBJECT)) return;
    p->has_tasks = true;
    p->tasks = ARENA_ARRAY(in->r->arena, struct eng_meta_task, list->count);
    if (!p->tasks) {
        in->r->failed |= list->count > 0;
        return;
    }
    p->tasks_count = list->count;
    for (uint32_t i = 0; i < list->count; i++)
        read_task(in, &list->items[i], label, &p->tasks[i]);
    qsort(p->tasks, p->tasks_count, sizeof(*p->tasks), by_task_number);
    for (size_t i = 1; i < p->tasks_count; i++) {
        const struct eng_meta_task *t = &p->tasks[i];
        if (t->number < 0 || t->number != p->tasks[i - 1].number) continue;
        eng_report_add(in->r, LINT_TASK_NUMBER_DUPLICATE, in->src,
                       start_of(t->node), "%.*s has two tasks with number %lld",
                       SLICE_ARG(label), (long long)t->number);
    }
}

/* --- phases ------------------------------------------------------------ */
static void read_phase(const struct reading *in, const struct json *v,
                       struct eng_meta_phase *p)
{
    *p = (struct eng_meta_phase){.node = v, .number = -1};
    const struct json *number = json_get(v, SLICE("phase_number"));
    p->dynamic = dynamic_number(number, &p->number);
    if (!p->dynamic && (!json_int64(number, &p->number) || p->number < 0))
        p->number = -1;
    struct slice label = SLICE("a phase entry");
    if (p->number >= 0)
        label = arena_printf(in->r->arena, "phase %lld%s", (long long)p->number,
                             p->dynamic ? "-N" : "");
    read_object(in, &phase_object, v, label, p);
    read_tasks(in, json_get(v, SLICE("tasks")), label, p);
    const struct json *check = json_get(v, SLICE("checkpoint"));
    if (!json_is(check, JSON_OBJECT)) return;
    p->has_evidence =
        all_are(json_get(check, SLICE("required_evidence")), JSON_STRING);
    read_object(in, &checkpoint_object, check, label, p);
}

/* Static phases by number, then the dynamic entry, then what is unusable. */
static int by_phase_number(const void *a, const void *b)
{
    const struct eng_meta_phase *x = a, *y = b;
    int rx = x->number < 0 ? 2 : x->dynamic,
        ry = y->number < 0 ? 2 : y->dynamic;
    if (rx != ry) return rx - ry;
    if (x->number != y->number) return x->number < y->number ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

static void check_dynamic_entry(const struct reading *in,
                                const struct eng_metadata *m,
                                const struct eng_meta_phase *p, int64_t next,
                                bool first)
{
    long long k = (long long)p->number;
    const struct json *list = json_get(m->document, SLICE("phases"));
    if (!m->dynamic)
        eng_report_mend(in->r, LINT_PHASE_SEQUENCE, in->src, start_of(p->node),
                        SLICE("Set total_phases to \"dynamic\" or "
                              "dynamic_phases to true, or number the phase."),
                        "phase \"%lld-N\" stands in a workflow that is not "
                        "dynamic",
                        k);
    else if (!first || p->node != &list->items[list->count - 1])
        eng_report_mend(in->r, LINT_PHASE_SEQUENCE, in->src, start_of(p->node),
                        SLICE("Keep one such entry and put it last."),
                        "phase \"%lld-N\" may stand once, as the last entry",
                        k);
    else if (p->number != next && next > 0)
        eng_report_mend(in->r, LINT_PHASE_SEQUENCE, in->src, start_of(p->node),
                        SLICE("Let the dynamic entry begin where the others "
                              "end."),
                        "phase \"%lld-N\" must begin at %lld", k,
                        (long long)next);
}

static void check_follows(const struct reading *in,
                          const struct eng_meta_phase *p, int64_t next)
{
    long long number = (long long)p->number;
    if (next < 0 && number > 1)
        eng_report_add(in->r, LINT_PHASE_SEQUENCE, in->src, start_of(p->node),
                       "the first phase is %lld, not 0 or 1", number);
    else if (next >= 0 && number == next - 1)
        eng_report_add(in->r, LINT_PHASE_SEQUENCE, in->src, start_of(p->node),
                       "phase %lld is listed twice", number);
    else if (next >= 0 && number != next)
        eng_report_add(in->r, LINT_PHASE_SEQUENCE, in->src, start_of(p->node),
                       "phase %lld follows phase %lld", number,
                       (long long)next - 1);
}

static void check_sequence(const struct reading *in,
                           const struct eng_metadata *m)
{
    int64_t next = -1;
    bool first = true;
    for (size_t i = 0; i < m->phases_count; i++) {
        const struct eng_meta_phase *p = &m->phases[i];
        if (p->number < 0) continue;
        if (p->dynamic) {
            check_dynamic_entry(in, m, p, next, first);
            first = false;
            continue;
        }
        check_follows(in, p, next);
        next = p->number < INT64_MAX ? p->number + 1 : p->number;
    }
}

static void check_count(const struct reading *in, const struct eng_metadata *m)
{
    const struct json *total = json_get(m->document, SLICE("total_phases"));
    const struct json *list = json_get(m->document, SLICE("phases"));
    if (!all_are(list, JSON_OBJECT)) return;
    if (list->count == 0)
        eng_report_mend(in->r, LINT_METADATA_MISSING, in->src, start_of(list),
                        SLICE("Add an entry to phases for each phase."),
                        "\"phases\" is empty: a workflow has at least one "
                        "phase");
    else if (!m->dynamic && m->total != INT64_MIN && m->total != list->count)
        eng_report_add(in->r, LINT_PHASE_COUNT, in->src, start_of(total),
                       "total_phases is %lld, but phases has %u entries",
                       (long long)m->total, list->count);
}

static bool has_phase(const struct eng_metadata *m, int64_t number)
{
    for (size_t i = 0; i < m->phases_count; i++) {
        const struct eng_meta_phase *p = &m->phases[i];
        if (p->dynamic ? number >= p->number && p->number >= 0
                       : p->number == number)
            return true;
    }
    return false;
}

static void check_start(const struct reading *in, const struct eng_metadata *m)
{
    if (m->start == INT64_MIN || m->phases_count == 0) return;
    if (has_phase(m, m->start)) return;
    const struct eng_meta_phase *last = &m->phases[m->phases_count - 1];
    eng_report_mend(in->r, LINT_METADATA_FIELD_TYPE, in->src,
                    start_of(json_get(m->document, SLICE("start_phase"))),
                    SLICE("Set start_phase to the number of a phase, or remove "
                          "it."),
                    "start_phase is %lld, but the phases are %lld to %lld",
                    (long long)m->start, (long long)m->phases[0].number,
                    (long long)last->number);
}

static void read_phases(const struct reading *in, struct eng_metadata *m)
{
    const struct json *list = json_get(m->document, SLICE("phases"));
    if (!all_are(list, JSON_OBJECT) || list->count == 0) return;
    m->phases = ARENA_ARRAY(in->r->arena, struct eng_meta_phase, list->count);
    if (!m->phases) {
        in->r->failed = true;
        return;
    }
    m->phases_count = list->count;
    for (uint32_t i = 0; i < list->count; i++)
        read_phase(in, &list->items[i], &m->phases[i]);
    qsort(m->phases, m->phases_count, sizeof(*m->phases), by_phase_number);
}

/* --- the document ------------------------------------------------------ */
static const struct json *parse(const struct reading *in)
{
    const struct eng_source *src = in->src;
    const struct json *doc = NULL;
    struct json_error error;
    size_t bad = slice_utf8_valid(src->text);
    if (bad < src->text.n) {
        eng_report_add(in->r, LINT_JSON_INVALID, src, src->text.p + bad,
                       "not valid UTF-8");
        return NULL;
    }
    enum err e = json_parse(src->text, &limits, in->r->arena, &doc, &error);
    if (e == ERR_NOMEM) {
        in->r->failed = true;
    } else if (e) {
        size_t at = error.at < src->text.n ? error.at : src->text.n;
        eng_report_add(in->r, LINT_JSON_INVALID, src, src->text.p + at, "%s",
                       error.what);
        doc = NULL;
    } else if (doc->type != JSON_OBJECT) {
        eng_report_add(in->r, LINT_JSON_INVALID, src, start_of(doc),
                       "expected an object, got %.*s",
                       SLICE_ARG(json_type_name(doc)));
        doc = NULL;
    }
    return e ? NULL : doc;
}

bool eng_metadata_read(const struct eng_source *src, struct eng_report *r,
                       struct eng_metadata *ret)
{
    struct reading in = {src, r};
    *ret = (struct eng_metadata){.total = INT64_MIN, .start = INT64_MIN};
    ret->document = parse(&in);
    if (!ret->document) return false;
    const struct json_member *twice = json_duplicate_key_deep(ret->document);
    if (twice)
        eng_report_add(r, LINT_JSON_DUPLICATE_KEY, src, twice->at,
                       "the key \"%.*s\" stands twice in one object",
                       SLICE_ARG(eng_clip(r->arena, twice->key, 100)));
    read_object(&in, &root_object, ret->document, SLICE("the workflow"), ret);
    const struct json *total = json_get(ret->document, SLICE("total_phases"));
    ret->total_dynamic = slice_eq(json_text(total), SLICE("dynamic"));
    if (!json_int64(total, &ret->total)) ret->total = INT64_MIN;
    ret->dynamic = ret->total_dynamic || ret->dynamic_phases;
    read_phases(&in, ret);
    check_count(&in, ret);
    check_sequence(&in, ret);
    check_start(&in, ret);
    if (ret->description.n > 0 && slice_utf8_length(ret->description) < 20)
        eng_report_add(r, LINT_DESCRIPTION_SHORT, src,
                       start_of(json_get(ret->document, SLICE("description"))),
                       "the description has %zu characters",
                       slice_utf8_length(ret->description));
    return !r->failed;
}
