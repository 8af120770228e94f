/* gate-definition.yaml -> struct eng_gate. */
#include "base/yaml.h"
#include "engine/expr.h"
#include "engine/gate.h"
#include "engine/lint.h"
#include "engine/validator.h"

static const struct json_limits limits = {256u << 10, 32, 20000};
enum { FIELDS_MOST = 500 };

struct reading {
    const struct eng_source *src;
    struct eng_report *r;
    struct arena *a;
    struct eng_gate *gate;
    struct eng_own_validator *own;
    size_t own_count;
};

#define BROKEN(in, at, mend, ...)                                              \
    eng_report_mend((in)->r, LINT_GATE_BROKEN, (in)->src, (at), SLICE(mend),   \
                    __VA_ARGS__)

/* --- keys as rows ------------------------------------------------------------
 * A mapping of the file is read by the rows of its keys; `take` stores the
 * value. A row without `take` is a key that is refused or ignored, with the
 * words to say so. */
struct key {
    struct slice name;
    void (*take)(struct reading *in, const struct json *v, void *into);
    enum eng_lint code; /* without take */
    struct slice says;
};
struct mapping {
    const char *what;
    const struct key *keys;
    size_t count;
};
#define MAPPING(what, keys)                                                    \
    {                                                                          \
        what, keys, sizeof(keys) / sizeof(*(keys))                             \
    }

static const struct key *find_key(const struct mapping *m, struct slice name)
{
    for (size_t i = 0; i < m->count; i++)
        if (slice_eq(m->keys[i].name, name)) return &m->keys[i];
    return NULL;
}

static void read_mapping(struct reading *in, const struct mapping *m,
                         const struct json *v, void *into)
{
    for (uint32_t i = 0; i < v->count; i++) {
        const struct json_member *member = &v->members[i];
        const struct key *k = find_key(m, member->key);
        struct slice name = eng_clip(in->a, member->key, 80);
        if (!k)
            eng_report_add(in->r, LINT_GATE_UNKNOWN_KEY, in->src, member->at,
                           "%s has no key \"%.*s\"", m->what, SLICE_ARG(name));
        else if (k->take)
            k->take(in, &member->value, into);
        else
            eng_report_mend(in->r, k->code, in->src, member->at, k->says,
                            "\"%.*s\" %s in %s", SLICE_ARG(name),
                            k->code == LINT_GATE_BROKEN ? "is not supported"
                                                        : "has no effect",
                            m->what);
    }
}

/* --- values ------------------------------------------------------------ */
static bool plain(const struct json *v)
{
    return v->raw.n > 0 && v->raw.p[0] != '"' && v->raw.p[0] != '\'';
}

/* true, false; yes, no, on, off with a note. */
static bool read_bool(struct reading *in, const struct json *v,
                      const char *what, bool *ret)
{
    static const struct {
        struct slice text;
        bool value;
    } spellings[] = {{SLICE_INIT("yes"), true},
                     {SLICE_INIT("on"), true},
                     {SLICE_INIT("no"), false},
                     {SLICE_INIT("off"), false}};
    if (json_is_bool(v)) {
        *ret = v->type == JSON_TRUE;
        return true;
    }
    for (size_t i = 0; json_is(v, JSON_STRING) && plain(v) && i < 4; i++) {
        if (!slice_eq_nocase(v->text, spellings[i].text)) continue;
        *ret = spellings[i].value;
        eng_report_add(in->r, LINT_BOOLEAN_SPELLING, in->src, v->raw.p,
                       "%s is written %.*s; it counts as %s", what,
                       SLICE_ARG(v->text), *ret ? "true" : "false");
        return true;
    }
    struct slice got = eng_clip(in->a, v->raw, 60);
    BROKEN(in, v->raw.p, "Write true or false.",
           "%s must be true or false, not %.*s", what, SLICE_ARG(got));
    return false;
}

static bool need(struct reading *in, const struct json *v, enum json_type type,
                 const char *what)
{
    static const char *const names[JSON_TYPE_COUNT] = {[JSON_STRING] = "a text",
                                                       [JSON_ARRAY] = "a list",
                                                       [JSON_OBJECT] =
                                                           "a mapping"};
    if (v->type == type) return true;
    BROKEN(in, v->raw.p, "Give the key a value of that type.",
           "%s must be %s, not %.*s", what, names[type],
           SLICE_ARG(json_type_name(v)));
    return false;
}

/* --- checkpoint -------------------------------------------------------- */
static void take_strict(struct reading *in, const struct json *v, void *into)
{
    struct eng_gate *g = into;
    if (!read_bool(in, v, "strict", &g->strict)) return;
    g->strict_stated = true;
    if (!g->strict)
        eng_report_add(in->r, LINT_GATE_LENIENT, in->src, v->raw.p,
                       "the gate is lenient: wrong values only warn");
}

static void take_enabled(struct reading *in, const struct json *v, void *into)
{
    struct eng_gate *g = into;
    if (!read_bool(in, v, "enabled", &g->enabled) || g->enabled) return;
    eng_report_add(in->r, LINT_GATE_DISABLED_IGNORED, in->src, v->raw.p,
                   "enabled: false has no effect; the gate holds");
}

static void take_override(struct reading *in, const struct json *v, void *into)
{
    (void)into;
    bool allowed; /* without effect in any mode, but a boolean all the same */
    (void)read_bool(in, v, "allow_override", &allowed);
}

static void take_approval(struct reading *in, const struct json *v, void *into)
{
    struct eng_gate *g = into;
    bool required;
    if (read_bool(in, v, "approval_required", &required))
        g->approval_required |= required;
}

static const struct key checkpoint_keys[] = {
    {SLICE_INIT("strict"), take_strict},
    {SLICE_INIT("enabled"), take_enabled},
    {SLICE_INIT("allow_override"), take_override},
    {SLICE_INIT("approval_required"), take_approval},
    {SLICE_INIT("evidence_schema"), NULL, LINT_GATE_BROKEN,
     SLICE_INIT("Put evidence_schema at the top level of the file, beside "
                "checkpoint.")},
};
static const struct mapping checkpoint_mapping =
    MAPPING("checkpoint", checkpoint_keys);

/* --- fields ------------------------------------------------------------ */
struct field_reading {
    struct eng_field field;
    const struct json *expect, *validator, *params;
};

static const struct {
    struct slice name;
    enum eng_type type;
} type_names[] = {
    {SLICE_INIT("boolean"), ENG_BOOLEAN}, {SLICE_INIT("integer"), ENG_INTEGER},
    {SLICE_INIT("number"), ENG_NUMBER},   {SLICE_INIT("string"), ENG_STRING},
    {SLICE_INIT("object"), ENG_OBJECT},   {SLICE_INIT("dict"), ENG_OBJECT},
    {SLICE_INIT("list"), ENG_LIST},       {SLICE_INIT("array"), ENG_LIST},
};

static void take_type(struct reading *in, const struct json *v, void *into)
{
    struct field_reading *f = into;
    for (size_t i = 0; i < sizeof(type_names) / sizeof(*type_names); i++) {
        if (!slice_eq(json_text(v), type_names[i].name)) continue;
        f->field.type = type_names[i].type;
        return;
    }
    struct slice got = eng_clip(in->a, v->raw, 60);
    BROKEN(in, v->raw.p,
           "Write boolean, integer, number, string, object or list.",
           "type %.*s is not known", SLICE_ARG(got));
}

static void take_required(struct reading *in, const struct json *v, void *into)
{
    struct field_reading *f = into;
    (void)read_bool(in, v, "required", &f->field.required);
}

static void take_description(struct reading *in, const struct json *v,
                             void *into)
{
    struct field_reading *f = into;
    if (v->type != JSON_NULL && need(in, v, JSON_STRING, "description"))
        f->field.description = v->text;
}

static void take_expect(struct reading *in, const struct json *v, void *into)
{
    struct field_reading *f = into;
    if (f->expect)
        BROKEN(in, v->raw.p, "Keep one of the two.",
               "expect and must_be stand in one field");
    f->expect = v;
}

static void take_validator(struct reading *in, const struct json *v, void *into)
{
    struct field_reading *f = into;
    if (v->type != JSON_NULL && need(in, v, JSON_STRING, "validator"))
        f->validator = v;
}

static void take_params(struct reading *in, const struct json *v, void *into)
{
    struct field_reading *f = into;
    if (v->type != JSON_NULL && need(in, v, JSON_OBJECT, "validator_params"))
        f->params = v;
}

static void take_proof(struct reading *in, const struct json *v, void *into)
{
    struct field_reading *f = into;
    struct slice names = {0};
    if (eng_rung_parse(json_text(v), &f->field.rung)) {
        in->gate->approval_required |= f->field.rung == ENG_HUMAN;
        return;
    }
    for (int i = 0; i < ENG_RUNG_COUNT; i++)
        names =
            arena_printf(in->a, "%.*s%s%.*s", SLICE_ARG(names), i ? ", " : "",
                         SLICE_ARG(eng_rung_name((enum eng_rung)i)));
    struct slice got = eng_clip(in->a, v->raw, 60);
    BROKEN(in, v->raw.p, "Write one of the rungs of docs/GATES.md.",
           "proof %.*s is not one of %.*s", SLICE_ARG(got), SLICE_ARG(names));
}

static const struct key field_keys[] = {
    {SLICE_INIT("type"), take_type},
    {SLICE_INIT("required"), take_required},
    {SLICE_INIT("description"), take_description},
    {SLICE_INIT("expect"), take_expect},
    {SLICE_INIT("must_be"), take_expect},
    {SLICE_INIT("proof"), take_proof},
    {SLICE_INIT("validator"), take_validator},
    {SLICE_INIT("validator_params"), take_params},
};
static const struct mapping field_mapping = MAPPING("a field", field_keys);

/* A required boolean is expected to be true unless the file says otherwise. */
static void settle_expect(struct reading *in, struct field_reading *f)
{
    struct eng_field *field = &f->field;
    bool boolean = field->type == ENG_BOOLEAN, value;
    if (!f->expect) {
        if (boolean && field->required) field->expect = ENG_EXPECT_TRUE;
        return;
    }
    field->expect_stated = true;
    if (!boolean)
        BROKEN(in, f->expect->raw.p,
               "Remove expect, or use a validator such as equals.",
               "expect is for booleans only; \"%.*s\" is %.*s",
               SLICE_ARG(eng_clip(in->a, field->name, 80)),
               SLICE_ARG(eng_type_name(field->type)));
    else if (slice_eq(json_text(f->expect), SLICE("any")))
        field->expect = ENG_EXPECT_NONE;
    else if (read_bool(in, f->expect, "expect (true, false or any)", &value))
        field->expect = value ? ENG_EXPECT_TRUE : ENG_EXPECT_FALSE;
}

static void settle_validator(struct reading *in, struct field_reading *f)
{
    if (f->validator)
        f->field.validator = eng_validator_make(
            in->src, f->validator, f->params, in->own, in->own_count, in->r);
    else if (f->params && f->params->count)
        BROKEN(in, f->params->raw.p, "Add `validator: <name>` or remove them.",
               "\"%.*s\" has validator_params but no validator",
               SLICE_ARG(eng_clip(in->a, f->field.name, 80)));
}

static void read_field(struct reading *in, const struct json_member *m,
                       struct eng_field *ret)
{
    struct field_reading f = {.field = {.name = m->key, .type = ENG_STRING}};
    if (need(in, &m->value, JSON_OBJECT, "each field of evidence_schema")) {
        read_mapping(in, &field_mapping, &m->value, &f);
        settle_expect(in, &f);
        settle_validator(in, &f);
    }
    *ret = f.field;
}

static void take_schema(struct reading *in, const struct json *v, void *into)
{
    struct eng_gate *g = into;
    if (!need(in, v, JSON_OBJECT, "evidence_schema")) return;
    if (v->count > FIELDS_MOST) {
        BROKEN(in, v->raw.p, "Ask for less: an agent fills in every field.",
               "evidence_schema has %u fields; at most %d are read", v->count,
               FIELDS_MOST);
        return;
    }
    struct eng_field *fields = ARENA_ARRAY(in->a, struct eng_field, v->count);
    if (!fields && v->count) {
        in->r->failed = true;
        return;
    }
    for (uint32_t i = 0; i < v->count; i++)
        read_field(in, &v->members[i], &fields[i]);
    g->fields = fields;
    g->fields_count = v->count;
}

/* --- validators and rules ---------------------------------------------- */
struct own_reading {
    const struct json *function;
    struct slice message;
};

static void take_function(struct reading *in, const struct json *v, void *into)
{
    struct own_reading *o = into;
    if (need(in, v, JSON_STRING, "function")) o->function = v;
}

static void take_message(struct reading *in, const struct json *v, void *into)
{
    struct own_reading *o = into;
    if (need(in, v, JSON_STRING, "error_message")) o->message = v->text;
}

static void ignore(struct reading *in, const struct json *v, void *into)
{
    (void)in, (void)v, (void)into;
}

static const struct key own_keys[] = {
    {SLICE_INIT("function"), take_function},
    {SLICE_INIT("error_message"), take_message},
    {SLICE_INIT("description"), ignore},
};
static const struct mapping own_mapping = MAPPING("a validator", own_keys);
static const struct key rule_keys[] = {
    {SLICE_INIT("rule"), take_function},
    {SLICE_INIT("error_message"), take_message},
    {SLICE_INIT("description"), ignore},
    {SLICE_INIT("name"), ignore},
    {SLICE_INIT("check"), NULL, LINT_GATE_BROKEN,
     SLICE_INIT("Write rule: \"lambda e: ...\", where e is the evidence: "
                "e['field'].")},
};
static const struct mapping rule_mapping =
    MAPPING("a cross-field rule", rule_keys);

static void read_own(struct reading *in, const struct json_member *m,
                     struct eng_own_validator *ret)
{
    struct own_reading o = {0};
    *ret = (struct eng_own_validator){.name = m->key};
    if (m->value.type == JSON_STRING)
        o.function = &m->value;
    else if (need(in, &m->value, JSON_OBJECT, "a validator (or a text)"))
        read_mapping(in, &own_mapping, &m->value, &o);
    if (o.function)
        ret->expr = eng_expr_parse(in->src, o.function, in->r);
    else if (m->value.type == JSON_OBJECT)
        BROKEN(in, m->value.raw.p, "Add function: \"lambda x: ...\".",
               "the validator \"%.*s\" has no function",
               SLICE_ARG(eng_clip(in->a, m->key, 80)));
    ret->message = o.message;
}

/* Read before the fields, wherever it stands in the file. */
static void read_own_validators(struct reading *in, const struct json *v)
{
    if (!v || v->type == JSON_NULL) return;
    if (!need(in, v, JSON_OBJECT, "validators")) return;
    in->own = ARENA_ARRAY(in->a, struct eng_own_validator, v->count);
    if (!in->own && v->count) {
        in->r->failed = true;
        return;
    }
    in->own_count = v->count;
    for (uint32_t i = 0; i < v->count; i++)
        read_own(in, &v->members[i], &in->own[i]);
}

static void read_rule(struct reading *in, const struct json *v,
                      struct eng_rule *ret)
{
    struct own_reading o = {0};
    if (!need(in, v, JSON_OBJECT, "each entry of cross_field_validation"))
        return;
    size_t errors = in->r->errors;
    read_mapping(in, &rule_mapping, v, &o);
    if (!o.function) {
        if (in->r->errors == errors)
            BROKEN(in, v->raw.p, "Add rule: \"lambda e: ...\".",
                   "a cross-field rule has no rule");
        return;
    }
    *ret = (struct eng_rule){.expr = eng_expr_parse(in->src, o.function, in->r),
                             .text = o.function->text,
                             .message = o.message};
    if (ret->expr && eng_expr_params(ret->expr) != 1)
        BROKEN(in, o.function->raw.p,
               "Write lambda e: ..., where e is the evidence.",
               "a cross-field rule takes one parameter, the evidence");
}

static void take_rules(struct reading *in, const struct json *v, void *into)
{
    struct eng_gate *g = into;
    if (v->type == JSON_NULL) return;
    if (!need(in, v, JSON_ARRAY, "cross_field_validation")) return;
    struct eng_rule *rules = ARENA_ARRAY(in->a, struct eng_rule, v->count);
    if (!rules && v->count) {
        in->r->failed = true;
        return;
    }
    for (uint32_t i = 0; i < v->count; i++)
        read_rule(in, &v->items[i], &rules[i]);
    g->rules = rules;
    g->rules_count = v->count;
}

/* --- the file ---------------------------------------------------------- */
static void take_checkpoint(struct reading *in, const struct json *v,
                            void *into)
{
    if (need(in, v, JSON_OBJECT, "checkpoint"))
        read_mapping(in, &checkpoint_mapping, v, into);
}

static const struct key file_keys[] = {
    {SLICE_INIT("checkpoint"), take_checkpoint},
    {SLICE_INIT("evidence_schema"), take_schema},
    {SLICE_INIT("validators"), ignore},
    {SLICE_INIT("cross_field_validation"), take_rules},
    {SLICE_INIT("failure_actions"), NULL, LINT_GATE_BROKEN,
     SLICE_INIT("Remove failure_actions: a gate refuses or passes, and does "
                "nothing else.")},
    {SLICE_INIT("phase"), NULL, LINT_GATE_KEY_IGNORED,
     SLICE_INIT("Remove it: the folder says which phase this is.")},
    {SLICE_INIT("phase_name"), NULL, LINT_GATE_KEY_IGNORED,
     SLICE_INIT("Remove it: metadata.json names the phase.")},
};
static const struct mapping file_mapping = MAPPING("a gate file", file_keys);

static const struct json *parse(struct reading *in)
{
    const struct json *doc = NULL;
    struct yaml_error error = {0};
    if (in->src->text.n > limits.bytes) {
        BROKEN(in, NULL, "Make the gate smaller.",
               "the file has %zu bytes; at most %zu are read", in->src->text.n,
               limits.bytes);
        return NULL;
    }
    enum err e = yaml_parse(in->src->text, &limits, in->a, &doc, &error);
    if (!e) return doc;
    if (e == ERR_NOMEM) {
        in->r->failed = true;
        return NULL;
    }
    BROKEN(in, NULL, "Correct the YAML at this place.", "%.*s",
           SLICE_ARG(error.what));
    eng_report_place(in->r, error.line, error.column);
    return NULL;
}

static void need_key(struct reading *in, const struct json *doc,
                     const char *key)
{
    if (!json_get(doc, slice_of(key)))
        BROKEN(in, doc->raw.p,
               "Add the mappings checkpoint and evidence_schema.",
               "the file has no %s", key);
}

const struct eng_gate *eng_gate_parse(const struct eng_source *src,
                                      struct eng_report *r)
{
    struct reading in = {src, r, r->arena,
                         ARENA_NEW(r->arena, struct eng_gate)};
    size_t errors = r->errors;
    if (!in.gate) {
        r->failed = true;
        return NULL;
    }
    *in.gate = (struct eng_gate){
        .source = ENG_GATE_FILE, .strict = true, .enabled = true};
    const struct json *doc = parse(&in);
    if (!doc) return NULL;
    if (doc->type != JSON_OBJECT) {
        BROKEN(&in, NULL, "Add the mappings checkpoint and evidence_schema.",
               "a gate file holds a mapping, not %.*s",
               SLICE_ARG(json_type_name(doc)));
        return NULL;
    }
    need_key(&in, doc, "checkpoint");
    need_key(&in, doc, "evidence_schema");
    read_own_validators(&in, json_get(doc, SLICE("validators")));
    read_mapping(&in, &file_mapping, doc, in.gate);
    return r->errors == errors && !r->failed ? in.gate : NULL;
}
