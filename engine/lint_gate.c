/* Gates: can each pass, can it refuse, and does it say what it wants? */
#include <ctype.h>

#include "base/yaml.h"
#include "engine/expr.h"
#include "engine/gate.h"
#include "engine/lint_pass.h"
#include "engine/validator.h"

static const struct json_limits limits = {256u << 10, 32, 20000};
enum { NAMED_MOST = 12 }; /* fields named in one finding */

/* One gate file: as it counts, and as it is written. */
struct gate {
    const struct eng_pass *in;
    struct eng_source src;
    const struct eng_phase *phase;
    const struct eng_gate *g;
    const struct json *doc, *schema;
};

/* --- places and lists -------------------------------------------------- */
static const struct json_member *member(const struct json *v, struct slice key)
{
    for (uint32_t i = 0; json_is(v, JSON_OBJECT) && i < v->count; i++)
        if (slice_eq(v->members[i].key, key)) return &v->members[i];
    return NULL;
}

static const char *field_at(const struct gate *t, const struct eng_field *f)
{
    const struct json_member *m = member(t->schema, f->name);
    return m ? m->at : NULL;
}

/* Where the value of a field's key stands, else the field. */
static const char *key_at(const struct gate *t, const struct eng_field *f,
                          struct slice key)
{
    const struct json_member *m = member(t->schema, f->name);
    const struct json *v = m ? json_get(&m->value, key) : NULL;
    return v ? v->raw.p : m ? m->at : NULL;
}

struct names {
    struct slice text;
    const char *first;
    size_t count;
};

static void name_one(const struct gate *t, struct names *n,
                     const struct eng_field *f)
{
    if (n->count++ == 0) n->first = field_at(t, f);
    if (n->count > NAMED_MOST) return;
    bool last = n->count == NAMED_MOST;
    struct slice name = eng_clip(t->in->r->arena, f->name, 80);
    n->text = arena_printf(t->in->r->arena, "%.*s%s%.*s", SLICE_ARG(n->text),
                           n->text.n ? ", " : "",
                           SLICE_ARG(last ? SLICE("...") : name));
    t->in->r->failed |= !n->text.p;
}

/* --- what passes ------------------------------------------------------- */
static void tendency_of(const struct gate *t, const struct eng_field *f)
{
    enum eng_tendency tends = ENG_DEPENDS;
    struct eng_report *r = t->in->r;
    if (!f->validator) return;
    if (eng_validator_tendency(f->validator, f, r->arena, &tends))
        r->failed = true;
    struct slice name = eng_clip(r->arena, f->name, 80);
    struct slice check =
        eng_clip(r->arena, eng_validator_name(f->validator), 80);
    const char *at = key_at(t, f, SLICE("validator"));
    if (tends == ENG_NEVER)
        eng_report_add(r, LINT_GATE_NEVER_PASSES, &t->src, at,
                       "\"%.*s\" is %.*s%s, and %.*s refuses every value of "
                       "it",
                       SLICE_ARG(name), SLICE_ARG(eng_type_name(f->type)),
                       f->expect == ENG_EXPECT_TRUE    ? ", expected true"
                       : f->expect == ENG_EXPECT_FALSE ? ", expected false"
                                                       : "",
                       SLICE_ARG(check));
    if (tends == ENG_ALWAYS)
        eng_report_add(r, LINT_CHECK_WITHOUT_EFFECT, &t->src, at,
                       "%.*s passes every value of \"%.*s\"", SLICE_ARG(check),
                       SLICE_ARG(name));
}

static const char *rule_at(const struct gate *t, size_t i)
{
    const struct json *list = json_get(t->doc, SLICE("cross_field_validation"));
    const struct json *rule = json_is(list, JSON_ARRAY) && i < list->count
                                  ? json_get(&list->items[i], SLICE("rule"))
                                  : NULL;
    return rule ? rule->raw.p : NULL;
}

struct reading_keys {
    const struct gate *t;
    const char *at;
};

static void known_key(void *ctx, struct slice key)
{
    const struct reading_keys *k = ctx;
    const struct eng_gate *g = k->t->g;
    struct eng_report *r = k->t->in->r;
    const struct eng_field *near = NULL;
    for (size_t i = 0; i < g->fields_count; i++) {
        const struct eng_field *f = &g->fields[i];
        if (slice_eq(f->name, key)) return;
        if (!near && slice_distance(f->name, key) <= 2) near = f;
    }
    struct slice name = near ? near->name : (struct slice){0};
    eng_report_add(r, LINT_RULE_UNKNOWN_FIELD, &k->t->src, k->at,
                   "the rule reads \"%.*s\", which is no field of the gate%s"
                   "%.*s%s",
                   SLICE_ARG(eng_clip(r->arena, key, 80)),
                   near ? "; did you mean \"" : "",
                   SLICE_ARG(eng_clip(r->arena, name, 80)), near ? "\"?" : "");
}

/* --- what a rule says to whatever the fields let through --------------- */
static const struct eng_field *field_of(const struct eng_gate *g,
                                        struct slice key)
{
    for (size_t i = 0; i < g->fields_count; i++)
        if (slice_eq(g->fields[i].name, key)) return &g->fields[i];
    return NULL;
}

static void rule_place(const void *ctx, struct slice key,
                       struct eng_expr_place *ret)
{
    const struct gate *t = ctx;
    const struct eng_field *f = field_of(t->g, key);
    if (!f) return;
    ret->takes = eng_type_takes(f->type);
    /* true is expected of a boolean that says nothing, but not as written */
    ret->unsure = !f->required || (f->type == ENG_BOOLEAN && !f->expect_stated);
    if (f->validator)
        (void)eng_validator_measures(f->validator, ret->numbers,
                                     &ret->numbers_count);
}

static bool rule_admits(const void *ctx, struct slice key, const struct json *v,
                        struct arena *a, enum err *e)
{
    const struct gate *t = ctx;
    const struct eng_field *f = field_of(t->g, key);
    const struct eng_check how = {0};
    struct eng_outcome o = {.passed = true};
    long double ignored[2];
    size_t count;
    if (json_is(v, JSON_TRUE)) return f->expect != ENG_EXPECT_FALSE;
    if (json_is(v, JSON_FALSE)) return f->expect != ENG_EXPECT_TRUE;
    if (f->validator && eng_validator_measures(f->validator, ignored, &count))
        *e = eng_validator_run(f->validator, v, &how, a, &o);
    return !*e && o.passed;
}

static void rule_tendency(const struct gate *t, const struct eng_expr *e,
                          const char *at)
{
    const struct eng_expr_asks asks = {rule_place, rule_admits, t};
    struct eng_report *r = t->in->r;
    enum eng_tendency tends;
    if (eng_expr_tends(e, &asks, false, r->arena, &tends)) {
        r->failed = true;
        return;
    }
    if (tends == ENG_NEVER)
        eng_report_add(r, LINT_GATE_NEVER_PASSES, &t->src, at,
                       "no values that the fields take satisfy the rule");
    if (tends == ENG_ALWAYS)
        eng_report_add(r, LINT_CHECK_WITHOUT_EFFECT, &t->src, at,
                       "the rule holds for all values that the fields take");
}

static void check_rule(const struct gate *t, size_t i)
{
    static const struct json nothing = {.type = JSON_OBJECT,
                                        .raw = SLICE_INIT("{}")};
    const struct json *value = &nothing;
    const struct eng_expr *e = t->g->rules[i].expr;
    struct eng_report *r = t->in->r;
    struct eng_expr_result result;
    struct reading_keys k = {t, rule_at(t, i)};
    if (eng_expr_reads_value(e)) {
        (void)eng_expr_keys(e, known_key, &k);
        rule_tendency(t, e, k.at);
        return;
    }
    if (eng_expr_run(e, &value, r->arena, &result)) {
        r->failed = true;
        return;
    }
    eng_report_add(
        r, result.passed ? LINT_CHECK_WITHOUT_EFFECT : LINT_GATE_NEVER_PASSES,
        &t->src, k.at, "the rule looks at no evidence: it %s",
        result.passed ? "always holds" : "never holds");
}

/* Does {} or anything else pass? */
static void check_open(const struct gate *t)
{
    const struct eng_gate *g = t->g;
    if (g->fields_count == 0 || g->rules_count > 0) return;
    for (size_t i = 0; i < g->fields_count; i++)
        if (g->fields[i].required) return;
    const struct json_member *m = member(t->doc, SLICE("evidence_schema"));
    eng_report_add(t->in->r, LINT_GATE_ALWAYS_PASSES, &t->src, m ? m->at : NULL,
                   "no field of phase %lld is required: {} completes it",
                   (long long)t->phase->number);
}

/* --- fields ------------------------------------------------------------ */
static bool plain_field(struct slice s)
{
    if (s.n == 0 || !isalpha((unsigned char)s.p[0])) return false;
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '_') return false;
    return true;
}

/* "tests-passed" and "Tests_Passed" are one to whoever writes evidence. */
static bool confusable(struct slice a, struct slice b)
{
    if (a.n != b.n) return false;
    for (size_t i = 0; i < a.n; i++) {
        char x = a.p[i], y = b.p[i];
        if (x == '-' || x == ' ') x = '_';
        if (y == '-' || y == ' ') y = '_';
        if (tolower((unsigned char)x) != tolower((unsigned char)y))
            return false;
    }
    return true;
}

/* What YAML 1.1 reads as no text, and others who read the file with it. */
static bool is_yaml_word(struct slice s)
{
    static const char *const words[] = {"true", "false", "null", "yes", "no",
                                        "on",   "off",   "y",    "n"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (confusable(s, slice_of(words[i]))) return true;
    return false;
}

static void check_name(const struct gate *t, size_t i)
{
    const struct eng_field *f = &t->g->fields[i];
    struct eng_report *r = t->in->r;
    struct slice name = eng_clip(r->arena, f->name, 80);
    bool plain = plain_field(f->name);
    if (!plain || is_yaml_word(f->name)) {
        eng_report_add(r, LINT_FIELD_NAME, &t->src, field_at(t, f),
                       plain
                           ? "\"%.*s\" is a word of YAML, not everywhere a text"
                           : "\"%.*s\" is no plain name",
                       SLICE_ARG(name));
        return;
    }
    for (size_t k = 0; k < i; k++) {
        if (!confusable(t->g->fields[k].name, f->name)) continue;
        eng_report_add(r, LINT_FIELD_NAME, &t->src, field_at(t, f),
                       "\"%.*s\" and \"%.*s\" differ in spelling only",
                       SLICE_ARG(eng_clip(r->arena, t->g->fields[k].name, 80)),
                       SLICE_ARG(name));
        return;
    }
}

/* What proves it makes it true, and a false one is never asked for. */
static bool only_true(const struct eng_field *f)
{
    return f->rung == ENG_CLIENT || f->rung == ENG_HUMAN ||
           (f->rung == ENG_COMMAND && !f->command->value.from);
}

/* What has to stay until the end, where the end is. */
static void check_fresh(const struct gate *t, const struct eng_field *f)
{
    const struct eng_definition *d = t->in->d;
    if (!f->fresh || t->phase->number != d->phases[d->phases_count - 1].number)
        return;
    eng_report_add(t->in->r, LINT_CHECK_WITHOUT_EFFECT, &t->src,
                   key_at(t, f, SLICE("fresh")),
                   "nothing comes after this phase for which \"%.*s\" would "
                   "have to stay fresh",
                   SLICE_ARG(eng_clip(t->in->r->arena, f->name, 80)));
}

static void check_fields(const struct gate *t)
{
    struct names silent = {0}, bare = {0};
    struct eng_report *r = t->in->r;
    for (size_t i = 0; i < t->g->fields_count; i++) {
        const struct eng_field *f = &t->g->fields[i];
        tendency_of(t, f);
        check_name(t, i);
        check_fresh(t, f);
        if (slice_trim(f->description).n == 0) name_one(t, &bare, f);
        if (f->type == ENG_BOOLEAN && f->required && !f->expect_stated &&
            !only_true(f))
            name_one(t, &silent, f);
    }
    if (silent.count)
        eng_report_add(r, LINT_BOOLEAN_WITHOUT_EXPECT, &t->src, silent.first,
                       "true is expected of %.*s, which do%s not say so",
                       SLICE_ARG(silent.text), silent.count == 1 ? "es" : "");
    if (bare.count)
        eng_report_add(r, LINT_FIELD_UNDESCRIBED, &t->src, bare.first,
                       "no description: %.*s", SLICE_ARG(bare.text));
}

/* --- what the texts say of it ------------------------------------------ */
/* Lower case, and each run of other characters one underscore: prose and
 * names become comparable. */
static struct slice flattened(struct arena *a, struct slice s)
{
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0;
    if (!out) return (struct slice){0};
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (isalnum(c) || c >= 0x80)
            out[n++] = (char)tolower(c);
        else if (n > 0 && out[n - 1] != '_')
            out[n++] = '_';
    }
    return (struct slice){out, n};
}

static bool mentioned(const struct gate *t, struct slice *texts, size_t count,
                      const struct eng_field *f)
{
    struct slice name = flattened(t->in->r->arena, f->name);
    if (name.n > 0 && name.p[name.n - 1] == '_') name.n--;
    if (name.n == 0) return true;
    for (size_t i = 0; i < count; i++)
        if (slice_find(texts[i], name) < texts[i].n) return true;
    return false;
}

static void check_mentions(const struct gate *t)
{
    struct arena *a = t->in->r->arena;
    const struct eng_phase *p = t->phase;
    struct names lost = {0};
    size_t n = 0;
    struct slice *texts = ARENA_ARRAY(a, struct slice, p->tasks_count + 1);
    if (!texts) {
        t->in->r->failed = true;
        return;
    }
    texts[n++] = flattened(a, p->content);
    for (size_t i = 0; i < p->tasks_count; i++)
        texts[n++] = flattened(a, p->tasks[i].content);
    for (size_t i = 0; i < t->g->fields_count; i++) {
        const struct eng_field *f = &t->g->fields[i];
        if (f->required && !mentioned(t, texts, n, f)) name_one(t, &lost, f);
    }
    if (lost.count)
        eng_report_add(t->in->r, LINT_EVIDENCE_UNMENTIONED, &t->src, lost.first,
                       "neither phase.md nor a task of phase %lld mentions "
                       "%.*s",
                       (long long)p->number, SLICE_ARG(lost.text));
}

/* --- the gate's own validators ----------------------------------------- */
static bool is_used(const struct gate *t, struct slice name)
{
    for (size_t i = 0; i < t->g->fields_count; i++) {
        const struct eng_validator *v = t->g->fields[i].validator;
        if (v && slice_eq(eng_validator_name(v), name)) return true;
    }
    return false;
}

static void check_own(const struct gate *t)
{
    const struct json *own = json_get(t->doc, SLICE("validators"));
    struct eng_report *r = t->in->r;
    for (uint32_t i = 0; json_is(own, JSON_OBJECT) && i < own->count; i++) {
        const struct json_member *m = &own->members[i];
        struct slice name = eng_clip(r->arena, m->key, 80);
        if (!is_used(t, m->key))
            eng_report_add(r, LINT_VALIDATOR_UNUSED, &t->src, m->at,
                           "no field uses the validator \"%.*s\"",
                           SLICE_ARG(name));
        if (eng_validator_is_named(m->key))
            eng_report_add(r, LINT_VALIDATOR_SHADOWS, &t->src, m->at,
                           "\"%.*s\" is also a built-in validator, which it "
                           "replaces here",
                           SLICE_ARG(name));
    }
}

/* --- all of them ------------------------------------------------------- */
static void check_phase(const struct eng_pass *in, const struct eng_phase *p)
{
    struct gate t = {.in = in, .phase = p, .g = p->gate};
    struct yaml_error error;
    if (!p->gate || p->gate->source != ENG_GATE_FILE) return;
    struct slice path = arena_printf(
        in->r->arena, "phases/%lld/gate-definition.yaml", (long long)p->number);
    const struct eng_file *f = eng_files_find(&in->d->files, path);
    if (!path.p) in->r->failed = true;
    if (!f) return;
    t.src = (struct eng_source){f->path, f->text};
    enum err e = yaml_parse(f->text, &limits, in->r->arena, &t.doc, &error);
    if (e == ERR_NOMEM) in->r->failed = true;
    if (e) return;
    t.schema = json_get(t.doc, SLICE("evidence_schema"));
    check_open(&t);
    check_fields(&t);
    check_mentions(&t);
    for (size_t i = 0; i < t.g->rules_count; i++) check_rule(&t, i);
    check_own(&t);
}

void eng__lint_gates(const struct eng_pass *in)
{
    for (size_t i = 0; i < in->d->phases_count; i++)
        check_phase(in, &in->d->phases[i]);
}
