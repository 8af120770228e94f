/* The verdict on evidence. */
#include "engine/gate.h"

#include <stdio.h>

#include "base/clock.h"
#include "engine/expr.h"
#include "engine/lint.h"
#include "engine/validator.h"

enum {
    UNKNOWN_MOST = 100, /* unknown fields named one by one */
    NAME_MOST = 80,     /* bytes of a field's name in a message */
    VALUE_MOST = 60,    /* bytes of a value in a message */
};
static const size_t evidence_most = 10u << 20;

struct slice eng_type_name(enum eng_type t)
{
    static const struct slice names[ENG_TYPE_COUNT] = {
        [ENG_ANY] = SLICE_INIT("any"),
        [ENG_BOOLEAN] = SLICE_INIT("boolean"),
        [ENG_INTEGER] = SLICE_INIT("integer"),
        [ENG_NUMBER] = SLICE_INIT("number"),
        [ENG_STRING] = SLICE_INIT("string"),
        [ENG_OBJECT] = SLICE_INIT("object"),
        [ENG_LIST] = SLICE_INIT("list"),
    };
    return names[t];
}

const char *eng_gate_source_name(enum eng_gate_source s)
{
    static const char *const names[] = {[ENG_GATE_FILE] = "file",
                                        [ENG_GATE_METADATA] = "metadata",
                                        [ENG_GATE_NONE] = "none",
                                        [ENG_GATE_TASKS_MD] = "tasks.md"};
    return names[s];
}

/* --- gates without a file ---------------------------------------------- */
const struct eng_gate *eng_gate_of_names(const struct slice *names,
                                         size_t count, struct arena *a)
{
    struct eng_gate *g = ARENA_NEW(a, struct eng_gate);
    struct eng_field *fields = ARENA_ARRAY(a, struct eng_field, count);
    if (!g || (!fields && count)) return NULL;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        bool again = false;
        for (size_t k = 0; k < n; k++)
            again |= slice_eq(fields[k].name, names[i]);
        if (again) continue;
        fields[n++] = (struct eng_field){.name = names[i],
                                         .type = ENG_ANY,
                                         .required = true,
                                         .expect = ENG_EXPECT_TRUE};
    }
    *g = (struct eng_gate){.source = ENG_GATE_METADATA,
                           .strict = true,
                           .enabled = true,
                           .fields = fields,
                           .fields_count = n};
    return g;
}

/* Lower case, each run of other characters an underscore, trimmed. A number is
 * no key: it already says which item is meant. */
static struct slice slug(struct slice text, struct arena *a)
{
    char *out = arena_alloc(a, text.n + 1);
    size_t n = 0;
    bool letter = false;
    if (!out) return (struct slice){0};
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool upper = c >= 'A' && c <= 'Z';
        if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            letter |= c > '9';
            out[n++] = (char)(upper ? c | 32 : c);
        } else if (n > 0 && out[n - 1] != '_') {
            out[n++] = '_';
        }
    }
    while (n > 0 && out[n - 1] == '_') n--;
    return (struct slice){out, letter ? n : 0};
}

/* A key that two items share would answer both with one value: it is none. */
static void drop_shared_keys(struct eng_gate_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool shared = false;
        for (size_t k = i + 1; k < count && items[i].key.n; k++) {
            if (!slice_eq(items[i].key, items[k].key)) continue;
            items[k].key.n = 0;
            shared = true;
        }
        if (shared) items[i].key.n = 0;
    }
}

const struct eng_gate *eng_gate_of_items(const struct slice *texts,
                                         size_t count, const struct slice *ids,
                                         size_t ids_count, struct arena *a)
{
    struct eng_gate *g = ARENA_NEW(a, struct eng_gate);
    struct eng_gate_item *items = ARENA_ARRAY(a, struct eng_gate_item, count);
    struct eng_field *fields = ARENA_ARRAY(a, struct eng_field, 2);
    struct slice about = arena_printf(
        a,
        "true for each of the %zu items: a list in their order, or an object "
        "by item number (\"1\"...) or key",
        count);
    if (!g || !items || !fields || !about.p) return NULL;
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct eng_gate_item){texts[i], slug(texts[i], a)};
        if (!items[i].key.p) return NULL;
    }
    drop_shared_keys(items, count);
    fields[0] = (struct eng_field){.name = SLICE("validation_gate"),
                                   .description = about,
                                   .type = ENG_ANY,
                                   .required = true};
    fields[1] = (struct eng_field){
        .name = SLICE("tasks_completed"),
        .description = SLICE("ids of the phase's tasks that are done"),
        .type = ENG_LIST};
    *g = (struct eng_gate){.source = ENG_GATE_TASKS_MD,
                           .strict = true,
                           .strict_stated = true,
                           .enabled = true,
                           .fields = fields,
                           .fields_count = 2,
                           .items = items,
                           .items_count = count,
                           .task_ids = ids,
                           .task_ids_count = ids_count};
    return g;
}

const struct eng_gate *eng_gate_of_nothing(void)
{
    static const struct eng_gate nothing = {
        .source = ENG_GATE_NONE, .strict = true, .enabled = true};
    return &nothing;
}

/* --- evidence as such -------------------------------------------------- */
enum err eng_evidence_check(const struct json *evidence, struct arena *a,
                            struct problem *p)
{
    if (!evidence)
        return problem_set(p, ERR_MISSING_PARAMETER, SLICE("evidence"),
                           SLICE("A phase is completed with evidence."),
                           SLICE("Send evidence: an object with the fields of "
                                 "the phase's gate; get_phase lists them."));
    if (evidence->raw.n > evidence_most) {
        double mib = (double)evidence->raw.n / (1024.0 * 1024.0);
        return problem_setf(p, a, ERR_EVIDENCE_TOO_LARGE,
                            SLICE("Evidence has at most 10.0 MiB (10 x 1024 x "
                                  "1024 bytes)."),
                            SLICE("Send a summary and the paths of files "
                                  "instead of their contents."),
                            "evidence of %.2f MiB; the limit is 10.0 MiB", mib);
    }
    if (evidence->type != JSON_OBJECT)
        return problem_setf(p, a, ERR_EVIDENCE_NOT_OBJECT,
                            SLICE("Evidence is an object: a value for each "
                                  "field of the gate."),
                            SLICE("Send evidence: {\"<field>\": <value>}; "
                                  "get_phase lists the fields."),
                            "evidence is of type %.*s",
                            SLICE_ARG(json_type_name(evidence)));
    const struct json_member *twice = json_duplicate_key_deep(evidence);
    if (!twice) return OK;
    return problem_setf(p, a, ERR_INVALID_PARAMETER,
                        SLICE("A key stands once in an object; of two values "
                              "none can be trusted."),
                        SLICE("Send each key once."),
                        "evidence has the key \"%.*s\" twice",
                        SLICE_ARG(eng_clip(a, twice->key, NAME_MOST)));
}

/* --- judging ----------------------------------------------------------- */
struct judging {
    const struct eng_gate *g;
    const struct json *evidence;
    const struct eng_check *how;
    struct arena *a;
    bool open; /* nothing blocks */
    bool soft; /* expectations, validators and rules only warn */
    struct eng_verdict_item *items;
    size_t count, capacity;
    bool wanting; /* something required is missing or mistyped */
    enum err err; /* sticky */
};

struct kind_row {
    struct slice code;
    enum { NEVER, UNLESS_SOFT, UNLESS_OPEN, ALWAYS } blocks;
};
static const struct kind_row kinds[ENG_VERDICT_KIND_COUNT] = {
    [ENG_MISSING] = {SLICE_INIT("MISSING"), UNLESS_OPEN},
    [ENG_WRONG_TYPE] = {SLICE_INIT("WRONG_TYPE"), UNLESS_OPEN},
    [ENG_EXPECTATION] = {SLICE_INIT("EXPECTATION"), UNLESS_SOFT},
    [ENG_VALIDATOR] = {SLICE_INIT("VALIDATOR"), UNLESS_SOFT},
    [ENG_CROSS_FIELD] = {SLICE_INIT("CROSS_FIELD"), UNLESS_SOFT},
    [ENG_UNKNOWN_FIELD] = {SLICE_INIT("UNKNOWN_FIELD"), NEVER},
    [ENG_NO_EVIDENCE] = {SLICE_INIT("NO_EVIDENCE"), UNLESS_OPEN},
    [ENG_NO_DEMAND] = {SLICE_INIT("NO_GATE"), NEVER},
    [ENG_UNPROVEN] = {SLICE_INIT("UNPROVEN"), ALWAYS},
    [ENG_REJECTED] = {SLICE_INIT("REJECTED"), ALWAYS},
};

static void add(struct judging *j, struct eng_verdict_item item)
{
    const struct kind_row *row = &kinds[item.kind];
    item.code = row->code;
    item.blocks = row->blocks == ALWAYS ||
                  (row->blocks == UNLESS_OPEN && !j->open) ||
                  (row->blocks == UNLESS_SOFT && !j->open && !j->soft);
    if (!item.message.p || !item.how_to_fix.p) j->err = ERR_NOMEM;
    if (j->count == j->capacity) {
        size_t capacity = j->capacity ? 2 * j->capacity : 16;
        struct eng_verdict_item *items =
            ARENA_ARRAY(j->a, struct eng_verdict_item, capacity);
        if (!items) {
            j->err = ERR_NOMEM;
            return;
        }
        if (j->count) memcpy(items, j->items, j->count * sizeof(*items));
        j->items = items;
        j->capacity = capacity;
    }
    j->items[j->count++] = item;
}

/* A value of the type, as an agent would send it. */
static const char *example(const struct eng_field *f)
{
    static const char *const examples[ENG_TYPE_COUNT] = {
        [ENG_ANY] = "true",
        [ENG_BOOLEAN] = "true or false",
        [ENG_INTEGER] = "<integer, like 3>",
        [ENG_NUMBER] = "<number, like 3 or 0.5>",
        [ENG_STRING] = "\"<text>\"",
        [ENG_OBJECT] = "{...}",
        [ENG_LIST] = "[...]",
    };
    if (f->type == ENG_BOOLEAN && f->expect == ENG_EXPECT_TRUE) return "true";
    if (f->type == ENG_BOOLEAN && f->expect == ENG_EXPECT_FALSE) return "false";
    return examples[f->type];
}

static struct slice send(struct judging *j, const struct eng_field *f)
{
    struct slice about = eng_clip(j->a, f->description, 200);
    return arena_printf(j->a, "Send \"%.*s\": %s%s%.*s%s",
                        SLICE_ARG(eng_clip(j->a, f->name, NAME_MOST)),
                        example(f), about.n ? " (" : "", SLICE_ARG(about),
                        about.n ? ")" : "");
}

/* As the gate's types name it: a number is an integer when it is one. */
static struct slice got_type(const struct json *v)
{
    int64_t n;
    switch (v->type) {
    case JSON_NUMBER:
        return json_int64(v, &n) ? SLICE("integer") : SLICE("number");
    case JSON_ARRAY:
        return SLICE("list");
    default:
        return json_type_name(v);
    }
}

static bool empty(const struct json *v)
{
    switch (v->type) {
    case JSON_NULL:
        return true;
    case JSON_STRING:
        return v->text.n == 0;
    case JSON_ARRAY:
    case JSON_OBJECT:
        return v->count == 0;
    default:
        return false;
    }
}

static bool type_fits(enum eng_type t, const struct json *v)
{
    int64_t n;
    double d;
    switch (t) {
    case ENG_ANY:
        return true;
    case ENG_BOOLEAN:
        return json_is_bool(v);
    case ENG_INTEGER:
        return json_int64(v, &n);
    case ENG_NUMBER:
        return json_double(v, &d);
    case ENG_STRING:
        return v->type == JSON_STRING;
    case ENG_OBJECT:
        return v->type == JSON_OBJECT;
    case ENG_LIST:
        return v->type == JSON_ARRAY;
    default:
        return false;
    }
}

static void missing(struct judging *j, const struct eng_field *f,
                    const struct json *v)
{
    struct slice name = eng_clip(j->a, f->name, NAME_MOST);
    const char *how = !v ? "is missing"
                      : v->type == JSON_NULL
                          ? "is null, which counts as missing"
                          : "is empty, which counts as missing";
    j->wanting = true;
    add(j, (struct eng_verdict_item){
               .kind = ENG_MISSING,
               .field = f->name,
               .message = arena_printf(
                   j->a, "required field \"%.*s\" (%.*s) %s", SLICE_ARG(name),
                   SLICE_ARG(eng_type_name(f->type)), how),
               .how_to_fix = send(j, f)});
}

static void wrong_type(struct judging *j, const struct eng_field *f,
                       const struct json *v)
{
    struct slice got = got_type(v), want = eng_type_name(f->type);
    bool small = v->type != JSON_OBJECT && v->type != JSON_ARRAY;
    struct slice value =
        small ? eng_clip(j->a, v->raw, VALUE_MOST) : (struct slice){0};
    j->wanting = true;
    add(j, (struct eng_verdict_item){
               .kind = ENG_WRONG_TYPE,
               .field = f->name,
               .expected = want,
               .got = got,
               .message =
                   arena_printf(j->a, "\"%.*s\": expected %.*s, got %.*s%s%.*s",
                                SLICE_ARG(eng_clip(j->a, f->name, NAME_MOST)),
                                SLICE_ARG(want),
                                SLICE_ARG(slice_eq(want, got)
                                              ? SLICE("one beyond reckoning:")
                                              : got),
                                small ? " " : "", SLICE_ARG(value)),
               .how_to_fix = send(j, f)});
}

/* A stated expectation holds in every mode, the default one only where the
 * file is not read as written. */
static void expectation(struct judging *j, const struct eng_field *f,
                        const struct json *v)
{
    if (f->expect == ENG_EXPECT_NONE || !json_is_bool(v)) return;
    if (!f->expect_stated && j->how->as_written) return;
    bool want = f->expect == ENG_EXPECT_TRUE;
    if ((v->type == JSON_TRUE) == want) return;
    const char *word = want ? "true" : "false";
    add(j,
        (struct eng_verdict_item){
            .kind = ENG_EXPECTATION,
            .field = f->name,
            .rule = want ? SLICE("must be true") : SLICE("must be false"),
            .message =
                arena_printf(j->a, "\"%.*s\" must be %s, is %s",
                             SLICE_ARG(eng_clip(j->a, f->name, NAME_MOST)),
                             word, want ? "false" : "true"),
            .how_to_fix = arena_printf(
                j->a, "Finish the work until it is so, then send \"%.*s\": %s",
                SLICE_ARG(eng_clip(j->a, f->name, NAME_MOST)), word)});
}

static void validate(struct judging *j, const struct eng_field *f,
                     const struct json *v)
{
    struct eng_outcome o;
    if (!f->validator) return;
    enum err e = eng_validator_run(f->validator, v, j->how, j->a, &o);
    if (e) j->err = e;
    if (e || o.passed) return;
    struct slice name = eng_clip(j->a, f->name, NAME_MOST);
    add(j, (struct eng_verdict_item){
               .kind = ENG_VALIDATOR,
               .field = f->name,
               .rule = eng_validator_name(f->validator),
               .message = arena_printf(j->a, "\"%.*s\" %.*s", SLICE_ARG(name),
                                       SLICE_ARG(o.message)),
               .how_to_fix =
                   arena_printf(j->a, "Send a \"%.*s\" that holds: it %.*s",
                                SLICE_ARG(name), SLICE_ARG(o.message))});
}

static void unproven(struct judging *j, const struct eng_field *f,
                     const struct eng_proof *p)
{
    struct slice name = eng_clip(j->a, f->name, NAME_MOST);
    j->wanting = true;
    add(j, (struct eng_verdict_item){
               .kind = ENG_UNPROVEN,
               .field = f->name,
               .rule = eng_rung_name(f->rung),
               .message = arena_printf(
                   j->a, "\"%.*s\" is not proven (%.*s): %.*s", SLICE_ARG(name),
                   SLICE_ARG(eng_rung_name(f->rung)), SLICE_ARG(p->detail)),
               .how_to_fix = p->how_to_fix});
}

static void judge_field(struct judging *j, const struct eng_field *f,
                        const struct eng_proof *p)
{
    if (p && p->state == ENG_NOT_PROVEN) {
        unproven(j, f, p);
        return;
    }
    if (p && p->state == ENG_TO_BE_PROVEN) {
        j->wanting = true; /* rules wait for it as well */
        return;
    }
    const struct json *v = json_get(j->evidence, f->name);
    bool absent =
        !v || v->type == JSON_NULL || (f->type == ENG_ANY && empty(v));
    if (absent && f->required)
        missing(j, f, v);
    else if (absent)
        return;
    else if (!type_fits(f->type, v))
        wrong_type(j, f, v);
    else {
        expectation(j, f, v);
        validate(j, f, v);
    }
}

/* --- a plan's items ---------------------------------------------------- */
static struct slice item_field(struct judging *j, size_t i)
{
    return arena_printf(j->a, "validation_gate.%zu", i + 1);
}

static struct slice item_mend(struct judging *j, size_t i)
{
    const struct eng_gate_item *item = &j->g->items[i];
    return arena_printf(
        j->a, "When \"%.*s\" is so, send validation_gate with \"%zu\": true",
        SLICE_ARG(eng_clip(j->a, item->text, 200)), i + 1);
}

/* One item's answer; NULL: there is none. */
static void judge_item(struct judging *j, size_t i, const struct json *v)
{
    struct eng_verdict_item found = {.field = item_field(j, i),
                                     .how_to_fix = item_mend(j, i)};
    struct slice text = eng_clip(j->a, j->g->items[i].text, 200);
    if (json_is(v, JSON_TRUE)) return;
    if (!v || v->type == JSON_NULL) {
        found.kind = ENG_MISSING;
        found.message = arena_printf(j->a, "gate item %zu is missing: %.*s",
                                     i + 1, SLICE_ARG(text));
    } else if (!json_is_bool(v)) {
        found.kind = ENG_WRONG_TYPE;
        found.expected = SLICE("boolean");
        found.got = got_type(v);
        found.message = arena_printf(
            j->a, "gate item %zu: expected boolean, got %.*s: %.*s", i + 1,
            SLICE_ARG(found.got), SLICE_ARG(text));
    } else {
        found.kind = ENG_EXPECTATION;
        found.rule = SLICE("must be true");
        found.message =
            arena_printf(j->a, "gate item %zu must be true, is false: %.*s",
                         i + 1, SLICE_ARG(text));
    }
    add(j, found);
}

/* By number or by key; of two answers both must hold. */
static const struct json *item_answer(struct judging *j, const struct json *v,
                                      size_t i)
{
    char number[24];
    int n = snprintf(number, sizeof(number), "%zu", i + 1);
    const struct json *one = json_get(v, (struct slice){number, (size_t)n});
    struct slice key = j->g->items[i].key;
    const struct json *other = key.n ? json_get(v, key) : NULL;
    return !one || (other && json_is(one, JSON_TRUE)) ? other : one;
}

static bool is_item_key(const struct eng_gate *g, struct slice key)
{
    int64_t n;
    if (slice_int64(key, &n) && key.p[0] != '0')
        return n >= 1 && (uint64_t)n <= g->items_count;
    for (size_t i = 0; i < g->items_count; i++)
        if (g->items[i].key.n && slice_eq(g->items[i].key, key)) return true;
    return false;
}

static void item_stranger(struct judging *j, struct slice name)
{
    struct slice clipped = eng_clip(j->a, name, NAME_MOST);
    add(j, (struct eng_verdict_item){
               .kind = ENG_UNKNOWN_FIELD,
               .field = arena_printf(j->a, "validation_gate.%.*s",
                                     SLICE_ARG(clipped)),
               .message = arena_printf(j->a, "\"%.*s\" is no item of the gate",
                                       SLICE_ARG(clipped)),
               .how_to_fix = SLICE("Answer the items by their numbers; "
                                   "get_phase lists them.")});
}

static void judge_item_object(struct judging *j, const struct json *v)
{
    size_t strangers = 0;
    for (size_t i = 0; i < j->g->items_count && !j->err; i++)
        judge_item(j, i, item_answer(j, v, i));
    for (uint32_t i = 0; i < v->count && strangers < UNKNOWN_MOST; i++) {
        if (is_item_key(j->g, v->members[i].key)) continue;
        item_stranger(j, v->members[i].key);
        strangers++;
    }
}

static void judge_item_list(struct judging *j, const struct json *v)
{
    for (size_t i = 0; i < j->g->items_count && !j->err; i++)
        judge_item(j, i, i < v->count ? &v->items[i] : NULL);
    if (v->count <= j->g->items_count) return;
    add(j, (struct eng_verdict_item){
               .kind = ENG_WRONG_TYPE,
               .field = SLICE("validation_gate"),
               .expected = SLICE("list"),
               .got = SLICE("list"),
               .message = arena_printf(
                   j->a, "the gate has %zu items, the list %u values",
                   j->g->items_count, v->count),
               .how_to_fix = SLICE("Send one value for each item, in their "
                                   "order.")});
}

static void judge_items(struct judging *j, const struct eng_field *f)
{
    const struct json *v = json_get(j->evidence, f->name);
    if (json_is(v, JSON_ARRAY))
        judge_item_list(j, v);
    else if (json_is(v, JSON_OBJECT))
        judge_item_object(j, v);
    else if (!v || v->type == JSON_NULL) {
        missing(j, f, v);
        judge_item_list(j, &(struct json){.type = JSON_ARRAY});
    } else
        wrong_type(j, f, v);
}

static void judge_task_ids(struct judging *j)
{
    const struct json *v = json_get(j->evidence, SLICE("tasks_completed"));
    size_t told = 0;
    for (uint32_t i = 0; json_is(v, JSON_ARRAY) && i < v->count; i++) {
        struct slice id = json_text(&v->items[i]);
        bool known = false;
        for (size_t k = 0; k < j->g->task_ids_count; k++)
            known |= slice_eq(j->g->task_ids[k], id);
        if (known || ++told > UNKNOWN_MOST) continue;
        struct slice raw = eng_clip(j->a, v->items[i].raw, VALUE_MOST);
        add(j, (struct eng_verdict_item){
                   .kind = ENG_UNKNOWN_FIELD,
                   .field = SLICE("tasks_completed"),
                   .message = arena_printf(
                       j->a, "%.*s is no task of this phase", SLICE_ARG(raw)),
                   .how_to_fix = SLICE("Name tasks by the ids that get_phase "
                                       "lists.")});
    }
}

static void judge_rule(struct judging *j, const struct eng_rule *rule)
{
    struct eng_expr_result result;
    enum err e = eng_expr_run(rule->expr, &j->evidence, j->a, &result);
    if (e) j->err = e;
    if (e || result.passed) return;
    struct slice text = eng_clip(j->a, slice_trim(rule->text), 200);
    struct slice why = result.problem.n ? result.problem : SLICE("it is false");
    add(j, (struct eng_verdict_item){
               .kind = ENG_CROSS_FIELD,
               .rule = text,
               .message = rule->message.n
                              ? rule->message
                              : arena_printf(j->a, "%.*s: %.*s",
                                             SLICE_ARG(text), SLICE_ARG(why)),
               .how_to_fix = arena_printf(
                   j->a, "Send evidence for which this holds: %.*s (now %.*s)",
                   SLICE_ARG(text), SLICE_ARG(why))});
}

static bool is_field(const struct eng_gate *g, struct slice name)
{
    for (size_t i = 0; i < g->fields_count; i++)
        if (slice_eq(g->fields[i].name, name)) return true;
    return false;
}

static void unknown(struct judging *j, struct slice name, size_t more)
{
    struct slice clipped = eng_clip(j->a, name, NAME_MOST);
    struct slice message =
        more ? arena_printf(j->a,
                            "\"%.*s\" and %zu more fields are not in the "
                            "gate",
                            SLICE_ARG(clipped), more)
             : arena_printf(j->a, "\"%.*s\" is not in the gate",
                            SLICE_ARG(clipped));
    add(j, (struct eng_verdict_item){
               .kind = ENG_UNKNOWN_FIELD,
               .field = clipped,
               .message = message,
               .how_to_fix = SLICE("Leave it out, or correct its spelling if a "
                                   "field of the gate is meant.")});
}

static void judge_unknown(struct judging *j)
{
    size_t count = 0;
    struct slice last = {0};
    if (j->g->source == ENG_GATE_NONE) return;
    for (uint32_t i = 0; i < j->evidence->count; i++) {
        struct slice name = j->evidence->members[i].key;
        if (is_field(j->g, name)) continue;
        if (++count < UNKNOWN_MOST) unknown(j, name, 0);
        if (count == UNKNOWN_MOST) last = name;
    }
    if (count >= UNKNOWN_MOST) unknown(j, last, count - UNKNOWN_MOST);
}

/* A gate without fields still wants something said. */
static void judge_nothing(struct judging *j)
{
    if (j->g->fields_count > 0 || j->g->rules_count > 0) return;
    for (uint32_t i = 0; i < j->evidence->count; i++)
        if (j->evidence->members[i].value.type != JSON_NULL) {
            if (j->g->source != ENG_GATE_FILE) return; /* told as its source */
            add(j, (struct eng_verdict_item){
                       .kind = ENG_NO_DEMAND,
                       .message = SLICE("this phase has no gate that asks for "
                                        "anything: whatever is sent passes"),
                       .how_to_fix = SLICE("Name the fields it should ask for "
                                           "in gate-definition.yaml.")});
            return;
        }
    add(j, (struct eng_verdict_item){
               .kind = ENG_NO_EVIDENCE,
               .message = SLICE("the phase has no gate, so at least one field "
                                "with a value is wanted"),
               .how_to_fix = SLICE("Send evidence that says what was done, for "
                                   "example {\"summary\": \"...\"}.")});
}

enum err eng_verdict_add(struct eng_verdict *v,
                         const struct eng_verdict_item *item, struct arena *a)
{
    struct eng_verdict_item *items =
        ARENA_ARRAY(a, struct eng_verdict_item, v->count + 1);
    if (!items || !item->message.p || !item->how_to_fix.p) return ERR_NOMEM;
    if (v->count) memcpy(items, v->items, v->count * sizeof(*items));
    items[v->count] = *item;
    items[v->count].code = kinds[item->kind].code;
    items[v->count].blocks = kinds[item->kind].blocks == ALWAYS;
    v->passed = v->passed && !items[v->count].blocks;
    v->items = items;
    v->count++;
    return OK;
}

static bool go_on(struct judging *j)
{
    if (!j->err && j->how->cancel)
        j->err = cancel_check(j->how->cancel, clock_now());
    return !j->err;
}

static bool strict_of(const struct eng_gate *g, bool as_written)
{
    return g->strict && (!as_written || g->strict_stated);
}

enum err eng_gate_check(const struct eng_gate *g, const struct json *evidence,
                        const struct eng_check *how, struct arena *a,
                        struct eng_verdict *ret)
{
    bool strict = strict_of(g, how->as_written);
    struct judging j = {.g = g,
                        .evidence = evidence,
                        .how = how,
                        .a = a,
                        .open = how->as_written && (!strict || !g->enabled),
                        .soft = !strict};
    for (size_t i = 0; i < g->fields_count && go_on(&j); i++) {
        if (i == 0 && g->items_count)
            judge_items(&j, &g->fields[i]);
        else
            judge_field(&j, &g->fields[i],
                        how->proofs ? &how->proofs[i] : NULL);
    }
    if (g->items_count) judge_task_ids(&j);
    for (size_t i = 0; i < g->rules_count && !j.wanting && go_on(&j); i++)
        judge_rule(&j, &g->rules[i]);
    judge_unknown(&j);
    judge_nothing(&j);
    if (j.err) return j.err;
    *ret = (struct eng_verdict){.passed = true,
                                .source = eng_gate_source_name(g->source),
                                .mode = how->as_written ? "as-written"
                                        : strict        ? "strict"
                                                        : "lenient",
                                .items = j.items,
                                .count = j.count};
    for (size_t i = 0; i < j.count; i++)
        if (j.items[i].blocks) ret->passed = false;
    return OK;
}
