/* gate-definition.yaml -> struct eng_gate. */
#include "engine/gate_read.h"

#include "base/yaml.h"
#include "engine/expr.h"
#include "engine/gate.h"
#include "engine/lint.h"
#include "engine/validator.h"

static const struct json_limits limits = {256u << 10, 32, 20000};
enum { FIELDS_MOST = 500 };

/* --- keys as rows --------------------------------------------------------- */

static const struct gate_key *find_key(const struct gate_mapping *m,
                                       struct slice name)
{
    for (size_t i = 0; i < m->count; i++)
        if (slice_eq(m->keys[i].name, name)) return &m->keys[i];
    return NULL;
}

/* A misspelt key of a strict gate would ask for less than its author meant:
 * `requird: true` asks for nothing. At the top level keys of other programs
 * are usual, and ask for nothing by themselves. */
static void unknown_key(struct gate_reading *in, const struct gate_mapping *m,
                        const struct json_member *member, struct slice name)
{
    size_t best = 3;
    struct slice near = {0}, mend = {0};
    for (size_t i = 0; i < m->count; i++) {
        size_t d = slice_distance(member->key, m->keys[i].name);
        if (!m->keys[i].take || d >= best) continue;
        best = d;
        near = m->keys[i].name;
    }
    if (near.n)
        mend = arena_printf(in->a, "Did you mean \"%.*s\"?", SLICE_ARG(near));
    bool asks = m->asks && in->strict;
    if (!mend.n) mend = SLICE("Correct the spelling or remove the key.");
    eng_report_mend(in->r, asks ? LINT_GATE_BROKEN : LINT_GATE_UNKNOWN_KEY,
                    in->src, member->at, mend, "%s has no key \"%.*s\"",
                    m->what, SLICE_ARG(name));
}

void eng__gate_mapping(struct gate_reading *in, const struct gate_mapping *m,
                       const struct json *v, void *into)
{
    for (uint32_t i = 0; i < v->count; i++) {
        const struct json_member *member = &v->members[i];
        const struct gate_key *k = find_key(m, member->key);
        struct slice name = eng_clip(in->a, member->key, 80);
        if (!k)
            unknown_key(in, m, member, name);
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
bool eng__gate_bool(struct gate_reading *in, const struct json *v,
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
    GATE_BROKEN(in, v->raw.p, "Write true or false.",
                "%s must be true or false, not %.*s", what, SLICE_ARG(got));
    return false;
}

bool eng__gate_need(struct gate_reading *in, const struct json *v,
                    enum json_type type, const char *what)
{
    static const char *const names[JSON_TYPE_COUNT] = {[JSON_STRING] = "a text",
                                                       [JSON_ARRAY] = "a list",
                                                       [JSON_OBJECT] =
                                                           "a mapping"};
    if (v->type == type) return true;
    GATE_BROKEN(in, v->raw.p, "Give the key a value of that type.",
                "%s must be %s, not %.*s", what, names[type],
                SLICE_ARG(json_type_name(v)));
    return false;
}

/* --- checkpoint -------------------------------------------------------- */
static void take_strict(struct gate_reading *in, const struct json *v,
                        void *into)
{
    struct eng_gate *g = into;
    if (!eng__gate_bool(in, v, "strict", &g->strict)) return;
    g->strict_stated = true;
    if (!g->strict)
        eng_report_add(in->r, LINT_GATE_LENIENT, in->src, v->raw.p,
                       "the gate is lenient: wrong values only warn");
}

static void take_enabled(struct gate_reading *in, const struct json *v,
                         void *into)
{
    struct eng_gate *g = into;
    if (!eng__gate_bool(in, v, "enabled", &g->enabled) || g->enabled) return;
    eng_report_add(in->r, LINT_GATE_DISABLED_IGNORED, in->src, v->raw.p,
                   "enabled: false has no effect; the gate holds");
}

static void take_override(struct gate_reading *in, const struct json *v,
                          void *into)
{
    (void)into;
    bool allowed; /* without effect in any mode, but a boolean all the same */
    (void)eng__gate_bool(in, v, "allow_override", &allowed);
}

static void take_approval(struct gate_reading *in, const struct json *v,
                          void *into)
{
    struct eng_gate *g = into;
    bool required;
    if (eng__gate_bool(in, v, "approval_required", &required))
        g->approval_required |= required;
}

static const struct gate_key checkpoint_keys[] = {
    {SLICE_INIT("strict"), take_strict},
    {SLICE_INIT("enabled"), take_enabled},
    {SLICE_INIT("allow_override"), take_override},
    {SLICE_INIT("approval_required"), take_approval},
    {SLICE_INIT("proof"), eng__gate_take_lowest},
    {SLICE_INIT("evidence_schema"), NULL, LINT_GATE_BROKEN,
     SLICE_INIT("Put evidence_schema at the top level of the file, beside "
                "checkpoint.")},
};
static const struct gate_mapping checkpoint_mapping =
    GATE_MAPPING("checkpoint", true, checkpoint_keys);

/* --- fields ------------------------------------------------------------ */
static const struct {
    struct slice name;
    enum eng_type type;
} type_names[] = {
    {SLICE_INIT("boolean"), ENG_BOOLEAN}, {SLICE_INIT("integer"), ENG_INTEGER},
    {SLICE_INIT("number"), ENG_NUMBER},   {SLICE_INIT("string"), ENG_STRING},
    {SLICE_INIT("object"), ENG_OBJECT},   {SLICE_INIT("dict"), ENG_OBJECT},
    {SLICE_INIT("list"), ENG_LIST},       {SLICE_INIT("array"), ENG_LIST},
};

static void take_type(struct gate_reading *in, const struct json *v, void *into)
{
    struct gate_field *f = into;
    for (size_t i = 0; i < sizeof(type_names) / sizeof(*type_names); i++) {
        if (!slice_eq(json_text(v), type_names[i].name)) continue;
        f->field.type = type_names[i].type;
        return;
    }
    struct slice got = eng_clip(in->a, v->raw, 60);
    GATE_BROKEN(in, v->raw.p,
                "Write boolean, integer, number, string, object or list.",
                "type %.*s is not known", SLICE_ARG(got));
}

static void take_required(struct gate_reading *in, const struct json *v,
                          void *into)
{
    struct gate_field *f = into;
    (void)eng__gate_bool(in, v, "required", &f->field.required);
}

static void take_description(struct gate_reading *in, const struct json *v,
                             void *into)
{
    struct gate_field *f = into;
    if (v->type != JSON_NULL &&
        eng__gate_need(in, v, JSON_STRING, "description"))
        f->field.description = v->text;
}

static void take_expect(struct gate_reading *in, const struct json *v,
                        void *into)
{
    struct gate_field *f = into;
    if (f->expect)
        GATE_BROKEN(in, v->raw.p, "Keep one of the two.",
                    "expect and must_be stand in one field");
    f->expect = v;
}

static void take_validator(struct gate_reading *in, const struct json *v,
                           void *into)
{
    struct gate_field *f = into;
    if (v->type != JSON_NULL && eng__gate_need(in, v, JSON_STRING, "validator"))
        f->validator = v;
}

static void take_params(struct gate_reading *in, const struct json *v,
                        void *into)
{
    struct gate_field *f = into;
    if (v->type != JSON_NULL &&
        eng__gate_need(in, v, JSON_OBJECT, "validator_params"))
        f->params = v;
}

static const struct gate_key field_keys[] = {
    {SLICE_INIT("type"), take_type},
    {SLICE_INIT("required"), take_required},
    {SLICE_INIT("description"), take_description},
    {SLICE_INIT("expect"), take_expect},
    {SLICE_INIT("must_be"), take_expect},
    {SLICE_INIT("proof"), eng__gate_take_proof},
    {SLICE_INIT("file"), eng__gate_take_file},
    {SLICE_INIT("command"), eng__gate_take_command},
    {SLICE_INIT("ci"), eng__gate_take_ci},
    {SLICE_INIT("fresh"), eng__gate_take_fresh},
    {SLICE_INIT("validator"), take_validator},
    {SLICE_INIT("validator_params"), take_params},
};
static const struct gate_mapping field_mapping =
    GATE_MAPPING("a field", true, field_keys);

/* A required boolean is expected to be true unless the file says otherwise. */
static void settle_expect(struct gate_reading *in, struct gate_field *f)
{
    struct eng_field *field = &f->field;
    bool boolean = field->type == ENG_BOOLEAN, value;
    if (!f->expect) {
        if (boolean && field->required) field->expect = ENG_EXPECT_TRUE;
        return;
    }
    field->expect_stated = true;
    if (!boolean)
        GATE_BROKEN(in, f->expect->raw.p,
                    "Remove expect, or use a validator such as equals.",
                    "expect is for booleans only; \"%.*s\" is %.*s",
                    SLICE_ARG(eng_clip(in->a, field->name, 80)),
                    SLICE_ARG(eng_type_name(field->type)));
    else if (slice_eq(json_text(f->expect), SLICE("any")))
        field->expect = ENG_EXPECT_NONE;
    else if (eng__gate_bool(in, f->expect, "expect (true, false or any)",
                            &value))
        field->expect = value ? ENG_EXPECT_TRUE : ENG_EXPECT_FALSE;
}

static void settle_validator(struct gate_reading *in, struct gate_field *f)
{
    if (f->validator)
        f->field.validator = eng_validator_make(
            in->src, f->validator, f->params, in->own, in->own_count, in->r);
    else if (f->params && f->params->count)
        GATE_BROKEN(in, f->params->raw.p,
                    "Add `validator: <name>` or remove them.",
                    "\"%.*s\" has validator_params but no validator",
                    SLICE_ARG(eng_clip(in->a, f->field.name, 80)));
}

static void read_field(struct gate_reading *in, const struct json_member *m,
                       struct eng_field *ret)
{
    struct gate_field f = {.field = {.name = m->key, .type = ENG_STRING}};
    if (eng__gate_need(in, &m->value, JSON_OBJECT,
                       "each field of evidence_schema")) {
        eng__gate_mapping(in, &field_mapping, &m->value, &f);
        settle_expect(in, &f);
        settle_validator(in, &f);
        eng__gate_settle_proof(in, &f);
    }
    *ret = f.field;
}

static void take_schema(struct gate_reading *in, const struct json *v,
                        void *into)
{
    struct eng_gate *g = into;
    if (!eng__gate_need(in, v, JSON_OBJECT, "evidence_schema")) return;
    if (v->count > FIELDS_MOST) {
        GATE_BROKEN(in, v->raw.p,
                    "Ask for less: an agent fills in every field.",
                    "evidence_schema has %u fields; at most %d are read",
                    v->count, FIELDS_MOST);
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

static void take_function(struct gate_reading *in, const struct json *v,
                          void *into)
{
    struct own_reading *o = into;
    if (eng__gate_need(in, v, JSON_STRING, "function")) o->function = v;
}

static void take_message(struct gate_reading *in, const struct json *v,
                         void *into)
{
    struct own_reading *o = into;
    if (eng__gate_need(in, v, JSON_STRING, "error_message"))
        o->message = v->text;
}

static void ignore(struct gate_reading *in, const struct json *v, void *into)
{
    (void)in, (void)v, (void)into;
}

static const struct gate_key own_keys[] = {
    {SLICE_INIT("function"), take_function},
    {SLICE_INIT("error_message"), take_message},
    {SLICE_INIT("description"), ignore},
};
static const struct gate_mapping own_mapping =
    GATE_MAPPING("a validator", true, own_keys);
static const struct gate_key rule_keys[] = {
    {SLICE_INIT("rule"), take_function},
    {SLICE_INIT("error_message"), take_message},
    {SLICE_INIT("description"), ignore},
    {SLICE_INIT("name"), ignore},
    {SLICE_INIT("check"), NULL, LINT_GATE_BROKEN,
     SLICE_INIT("Write rule: \"lambda e: ...\", where e is the evidence: "
                "e['field'].")},
};
static const struct gate_mapping rule_mapping =
    GATE_MAPPING("a cross-field rule", true, rule_keys);

static void read_own(struct gate_reading *in, const struct json_member *m,
                     struct eng_own_validator *ret)
{
    struct own_reading o = {0};
    *ret = (struct eng_own_validator){.name = m->key};
    if (m->value.type == JSON_STRING)
        o.function = &m->value;
    else if (eng__gate_need(in, &m->value, JSON_OBJECT,
                            "a validator (or a text)"))
        eng__gate_mapping(in, &own_mapping, &m->value, &o);
    if (o.function)
        ret->expr = eng_expr_parse(in->src, o.function, in->r);
    else if (m->value.type == JSON_OBJECT)
        GATE_BROKEN(in, m->value.raw.p, "Add function: \"lambda x: ...\".",
                    "the validator \"%.*s\" has no function",
                    SLICE_ARG(eng_clip(in->a, m->key, 80)));
    ret->message = o.message;
}

/* Read before the fields, wherever it stands in the file. */
static void read_own_validators(struct gate_reading *in, const struct json *v)
{
    if (!v || v->type == JSON_NULL) return;
    if (!eng__gate_need(in, v, JSON_OBJECT, "validators")) return;
    in->own = ARENA_ARRAY(in->a, struct eng_own_validator, v->count);
    if (!in->own && v->count) {
        in->r->failed = true;
        return;
    }
    in->own_count = v->count;
    for (uint32_t i = 0; i < v->count; i++)
        read_own(in, &v->members[i], &in->own[i]);
}

static void read_rule(struct gate_reading *in, const struct json *v,
                      struct eng_rule *ret)
{
    struct own_reading o = {0};
    if (!eng__gate_need(in, v, JSON_OBJECT,
                        "each entry of cross_field_validation"))
        return;
    size_t errors = in->r->errors;
    eng__gate_mapping(in, &rule_mapping, v, &o);
    if (!o.function) {
        if (in->r->errors == errors)
            GATE_BROKEN(in, v->raw.p, "Add rule: \"lambda e: ...\".",
                        "a cross-field rule has no rule");
        return;
    }
    *ret = (struct eng_rule){.expr = eng_expr_parse(in->src, o.function, in->r),
                             .text = o.function->text,
                             .message = o.message};
    if (ret->expr && eng_expr_params(ret->expr) != 1)
        GATE_BROKEN(in, o.function->raw.p,
                    "Write lambda e: ..., where e is the evidence.",
                    "a cross-field rule takes one parameter, the evidence");
}

static void take_rules(struct gate_reading *in, const struct json *v,
                       void *into)
{
    struct eng_gate *g = into;
    if (v->type == JSON_NULL) return;
    if (!eng__gate_need(in, v, JSON_ARRAY, "cross_field_validation")) return;
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
static void take_checkpoint(struct gate_reading *in, const struct json *v,
                            void *into)
{
    if (eng__gate_need(in, v, JSON_OBJECT, "checkpoint"))
        eng__gate_mapping(in, &checkpoint_mapping, v, into);
}

static const struct gate_key file_keys[] = {
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
static const struct gate_mapping file_mapping =
    GATE_MAPPING("a gate file", false, file_keys);

static const struct json *parse(struct gate_reading *in)
{
    const struct json *doc = NULL;
    struct yaml_error error = {0};
    if (in->src->text.n > limits.bytes) {
        GATE_BROKEN(in, NULL, "Make the gate smaller.",
                    "the file has %zu bytes; at most %zu are read",
                    in->src->text.n, limits.bytes);
        return NULL;
    }
    enum err e = yaml_parse(in->src->text, &limits, in->a, &doc, &error);
    if (!e) return doc;
    if (e == ERR_NOMEM) {
        in->r->failed = true;
        return NULL;
    }
    GATE_BROKEN(in, NULL, "Correct the YAML at this place.", "%.*s",
                SLICE_ARG(error.what));
    eng_report_place(in->r, error.line, error.column);
    return NULL;
}

static void need_key(struct gate_reading *in, const struct json *doc,
                     const char *key)
{
    if (!json_get(doc, slice_of(key)))
        GATE_BROKEN(in, doc->raw.p,
                    "Add the mappings checkpoint and evidence_schema.",
                    "the file has no %s", key);
}

const struct eng_gate *eng_gate_parse(const struct eng_source *src,
                                      struct eng_report *r)
{
    struct gate_reading in = {src, r, r->arena,
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
        GATE_BROKEN(&in, NULL,
                    "Add the mappings checkpoint and evidence_schema.",
                    "a gate file holds a mapping, not %.*s",
                    SLICE_ARG(json_type_name(doc)));
        return NULL;
    }
    need_key(&in, doc, "checkpoint");
    need_key(&in, doc, "evidence_schema");
    in.strict =
        !json_is(json_at(doc, "checkpoint", "strict", NULL), JSON_FALSE);
    read_own_validators(&in, json_get(doc, SLICE("validators")));
    eng__gate_mapping(&in, &file_mapping, doc, in.gate);
    eng__gate_settle_lowest(&in);
    return r->errors == errors && !r->failed ? in.gate : NULL;
}
