/* Gates and verdicts as JSON. */
#include "engine/gate.h"

static void write_expect(const struct eng_field *f, struct json_writer *w)
{
    if (f->type != ENG_BOOLEAN) return;
    if (f->expect == ENG_EXPECT_NONE && !f->expect_stated) return;
    if (f->expect == ENG_EXPECT_NONE)
        json_put_string(w, "expect", SLICE("any"));
    else
        json_put_bool(w, "expect", f->expect == ENG_EXPECT_TRUE);
}

/* The rung, and what it will ask, in words. */
static void write_proof(const struct eng_field *f, struct json_writer *w)
{
    struct slice words = eng_rung_words(f->rung);
    json_put_string(w, "proof", eng_rung_name(f->rung));
    if (f->fresh) json_put_bool(w, "fresh", true);
    if (!words.n) return;
    json_key(w, SLICE("proof_asks"));
    json_stringf(w, "%.*s%s", SLICE_ARG(words),
                 f->fresh ? " It has to stay as it is until the workflow ends: "
                            "a change opens this phase again."
                          : "");
}

static void write_field(const struct eng_field *f, bool proof,
                        struct json_writer *w)
{
    json_begin_object(w);
    json_put_string(w, "name", f->name);
    json_put_string(w, "type", eng_type_name(f->type));
    json_put_bool(w, "required", f->required);
    write_expect(f, w);
    json_put_string(w, "description", f->description);
    if (proof) write_proof(f, w);
    json_end_object(w);
}

static void write_fields(const struct eng_gate *g, bool proof,
                         struct json_writer *w)
{
    json_begin_array(w);
    for (size_t i = 0; i < g->fields_count; i++)
        write_field(&g->fields[i], proof, w);
    json_end_array(w);
}

static void write_items(const struct eng_gate *g, struct json_writer *w)
{
    json_key(w, SLICE("items"));
    json_begin_array(w);
    for (size_t i = 0; i < g->items_count; i++) {
        json_begin_object(w);
        json_put_int(w, "number", (int64_t)i + 1);
        if (g->items[i].key.n) json_put_string(w, "key", g->items[i].key);
        json_put_string(w, "text", g->items[i].text);
        json_end_object(w);
    }
    json_end_array(w);
}

void eng_gate_write(const struct eng_gate *g, struct json_writer *w)
{
    json_begin_object(w);
    json_put_bool(w, "strict", g->strict);
    json_put_bool(w, "approval_required", g->approval_required);
    json_put_string(w, "source", slice_of(eng_gate_source_name(g->source)));
    json_key(w, SLICE("evidence"));
    write_fields(g, true, w);
    if (g->items_count) write_items(g, w);
    json_end_object(w);
}

/* --- lists of a verdict, one row each ---------------------------------- */
static void write_error(const struct eng_verdict_item *i, struct json_writer *w)
{
    json_begin_object(w);
    json_put_string(w, "field", i->field);
    json_put_string(w, "code", i->code);
    json_put_string(w, "message", i->message);
    json_put_string(w, "how_to_fix", i->how_to_fix);
    json_end_object(w);
}

static void write_warning(const struct eng_verdict_item *i,
                          struct json_writer *w)
{
    json_begin_object(w);
    json_put_string(w, "field", i->field);
    json_put_string(w, "code", i->code);
    json_put_string(w, "message", i->message);
    json_end_object(w);
}

static void write_name(const struct eng_verdict_item *i, struct json_writer *w)
{
    json_string(w, i->field);
}

static void write_types(const struct eng_verdict_item *i, struct json_writer *w)
{
    json_begin_object(w);
    json_put_string(w, "field", i->field);
    json_put_string(w, "expected", i->expected);
    json_put_string(w, "got", i->got);
    json_end_object(w);
}

static void write_failed(const struct eng_verdict_item *i,
                         struct json_writer *w)
{
    json_begin_object(w);
    json_put_string(w, "field", i->field);
    json_put_string(w, "rule", i->rule);
    json_put_string(w, "message", i->message);
    json_end_object(w);
}

static void write_step(const struct eng_verdict_item *i, struct json_writer *w)
{
    json_stringf(w, "%.*s. %.*s", SLICE_ARG(i->message),
                 SLICE_ARG(i->how_to_fix));
}

#define KIND(k) (1u << (k))
#define ANY_KIND (~0u)
enum { BLOCKING = 1, WARNING = 2 };

static const struct {
    struct slice name;
    unsigned kinds, weights;
    void (*write)(const struct eng_verdict_item *i, struct json_writer *w);
} lists[] = {
    {SLICE_INIT("errors"), ANY_KIND, BLOCKING, write_error},
    {SLICE_INIT("warnings"), ANY_KIND, WARNING, write_warning},
    {SLICE_INIT("missing"), KIND(ENG_MISSING), BLOCKING | WARNING, write_name},
    {SLICE_INIT("wrong_type"), KIND(ENG_WRONG_TYPE), BLOCKING | WARNING,
     write_types},
    {SLICE_INIT("failed"),
     KIND(ENG_EXPECTATION) | KIND(ENG_VALIDATOR) | KIND(ENG_CROSS_FIELD) |
         KIND(ENG_UNPROVEN) | KIND(ENG_REJECTED),
     BLOCKING, write_failed},
    {SLICE_INIT("unknown_fields"), KIND(ENG_UNKNOWN_FIELD), BLOCKING | WARNING,
     write_name},
    {SLICE_INIT("next_steps"), ANY_KIND, BLOCKING, write_step},
};

void eng_verdict_write(const struct eng_verdict *v, const struct eng_gate *g,
                       struct json_writer *w)
{
    for (size_t l = 0; l < sizeof(lists) / sizeof(*lists); l++) {
        if (lists[l].write == write_step && v->passed) continue;
        json_key(w, lists[l].name);
        json_begin_array(w);
        for (size_t i = 0; i < v->count; i++) {
            const struct eng_verdict_item *item = &v->items[i];
            if (!(lists[l].kinds & KIND(item->kind))) continue;
            if (!(lists[l].weights & (item->blocks ? BLOCKING : WARNING)))
                continue;
            lists[l].write(item, w);
        }
        json_end_array(w);
    }
    json_key(w, SLICE("expected_fields"));
    write_fields(g, false, w);
    json_key(w, SLICE("gate"));
    json_begin_object(w);
    json_put_string(w, "source", slice_of(v->source));
    json_put_string(w, "mode", slice_of(v->mode));
    json_end_object(w);
}
