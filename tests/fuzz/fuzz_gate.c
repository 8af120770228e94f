/* gate: a gate file and, after the first NUL, evidence. A file is read or
 * broken with words; evidence without a required field or with one of the
 * wrong type never passes, whatever the file says; what is written of a
 * verdict is JSON. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json_write.h"
#include "engine/gate.h"
#include "engine/lint.h"

#define NEED(cond)                                                             \
    do {                                                                       \
        if (!(cond)) abort();                                                  \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lacks_a_field(const struct eng_gate *g, const struct json *evidence)
{
    for (size_t i = 0; i < g->fields_count; i++) {
        const struct json *v = json_get(evidence, g->fields[i].name);
        bool absent = !v || v->type == JSON_NULL;
        if (absent && g->fields[i].required) return true;
        if (!absent && g->fields[i].type == ENG_BOOLEAN && !json_is_bool(v))
            return true;
    }
    return false;
}

static void check_written(const struct eng_verdict *v, const struct eng_gate *g,
                          struct arena *a)
{
    struct buf b = BUF_INIT(64u << 20);
    struct json_writer w = json_writer(&b);
    const struct json *doc;
    struct json_error error;
    json_begin_array(&w);
    json_begin_object(&w);
    eng_verdict_write(v, g, &w);
    json_end_object(&w);
    eng_gate_write(g, &w);
    json_end_array(&w);
    NEED(b.err == OK);
    NEED(json_parse(buf_slice(&b), NULL, a, &doc, &error) == OK);
    const struct json *errors = json_get(&doc->items[0], SLICE("errors"));
    NEED(errors && (errors->count == 0) == v->passed);
    buf_done(&b);
}

static void judge(const struct eng_gate *g, struct slice text, struct arena *a)
{
    const struct json *evidence;
    struct json_error error;
    struct eng_verdict v;
    struct problem p;
    problem_init(&p);
    if (json_parse(text, NULL, a, &evidence, &error)) return;
    if (eng_evidence_check(evidence, a, &p)) return;
    NEED(eng_gate_check(g, evidence, &(struct eng_check){0}, a, &v) == OK);
    NEED(!v.passed || !lacks_a_field(g, evidence));
    check_written(&v, g, a);
    NEED(eng_gate_check(g, evidence, &(struct eng_check){.as_written = true}, a,
                        &v) == OK);
    check_written(&v, g, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = {(const char *)data, size}, file = {0};
    struct eng_report r;
    struct arena a;
    if (!slice_split(&rest, '\0', &file)) return 0;
    struct eng_source src = {SLICE("phases/0/gate-definition.yaml"), file};
    arena_init(&a, 1u << 30);
    eng_report_init(&r, &a);
    const struct eng_gate *g = eng_gate_parse(&src, &r);
    NEED(!r.failed && (g != NULL) == (r.errors == 0));
    for (size_t i = 0; i < r.count; i++)
        NEED(r.items[i].message.n && r.items[i].how_to_fix.n);
    if (g) judge(g, rest, &a);
    arena_done(&a);
    return 0;
}
