/* Verdicts of gates in the words of praxis-os. */
#include "base/clock.h"
#include "mcp/tools/praxis.h"

/* --- findings ------------------------------------------------------------- */

/* The names its users know types by. */
static struct slice type_word(struct slice type)
{
    static const struct {
        struct slice json, python;
    } rows[] = {{SLICE_INIT("boolean"), SLICE_INIT("bool")},
                {SLICE_INIT("string"), SLICE_INIT("str")},
                {SLICE_INIT("integer"), SLICE_INIT("int")},
                {SLICE_INIT("number"), SLICE_INIT("float")},
                {SLICE_INIT("object"), SLICE_INIT("dict")},
                {SLICE_INIT("array"), SLICE_INIT("list")},
                {SLICE_INIT("null"), SLICE_INIT("NoneType")}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (slice_eq(type, rows[i].json)) return rows[i].python;
    return type;
}

static struct slice text_of(const struct json *v, const char *key)
{
    return json_text(json_get(v, slice_of(key)));
}

static void put_wrong_type(const struct json *verdict, struct slice field,
                           struct json_writer *w)
{
    const struct json *list = json_get(verdict, SLICE("wrong_type"));
    for (uint32_t i = 0; list && i < list->count; i++) {
        const struct json *t = &list->items[i];
        if (!slice_eq(text_of(t, "field"), field)) continue;
        json_stringf(w, "Field '%.*s' must be %.*s, got: %.*s",
                     SLICE_ARG(field), SLICE_ARG(text_of(t, "expected")),
                     SLICE_ARG(type_word(text_of(t, "got"))));
        return;
    }
    json_stringf(w, "Field '%.*s' has the wrong type", SLICE_ARG(field));
}

/* Each finding as one sentence. */
static void put_findings(const struct json *verdict, const char *key,
                         struct json_writer *w)
{
    const struct json *list = json_get(verdict, slice_of(key));
    json_key(w, slice_of(key));
    json_begin_array(w);
    for (uint32_t i = 0; list && i < list->count; i++) {
        const struct json *f = &list->items[i];
        struct slice field = text_of(f, "field"), code = text_of(f, "code");
        struct slice message = text_of(f, "message");
        if (slice_eq(code, SLICE("MISSING")))
            json_stringf(w, "Field '%.*s' is required but missing",
                         SLICE_ARG(field));
        else if (slice_eq(code, SLICE("WRONG_TYPE")))
            put_wrong_type(verdict, field, w);
        else if (slice_eq(code, SLICE("UNKNOWN_FIELD")))
            json_stringf(w, "Field '%.*s' not in schema (ignoring)",
                         SLICE_ARG(field));
        else if (slice_eq(code, SLICE("CROSS_FIELD")))
            json_stringf(w, "Cross-field validation failed: %.*s",
                         SLICE_ARG(message));
        else
            json_string(w, message);
    }
    json_end_array(w);
}

/* --- complete_phase ------------------------------------------------------- */

static void put_submitted(const struct json *evidence, struct json_writer *w)
{
    json_key(w, SLICE("fields_submitted"));
    json_begin_array(w);
    for (uint32_t i = 0; i < evidence->count; i++)
        json_string(w, evidence->members[i].key);
    json_end_array(w);
}

static void put_required(const struct json *verdict, struct json_writer *w)
{
    const struct json *list = json_get(verdict, SLICE("expected_fields"));
    json_key(w, SLICE("fields_required"));
    json_begin_array(w);
    for (uint32_t i = 0; list && i < list->count; i++)
        if (json_is(json_get(&list->items[i], SLICE("required")), JSON_TRUE))
            json_string(w, text_of(&list->items[i], "name"));
    json_end_array(w);
}

static void put_failed(const struct json *verdict, struct json_writer *w)
{
    static const char *const lists[] = {"wrong_type", "failed"};
    json_key(w, SLICE("fields_failed"));
    json_begin_array(w);
    for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
        const struct json *list = json_get(verdict, slice_of(lists[l]));
        for (uint32_t i = 0; list && i < list->count; i++)
            json_string(w, text_of(&list->items[i], "field"));
    }
    json_end_array(w);
}

static void put_diagnostics(const struct praxis *p, struct json_writer *w)
{
    const struct praxis_args *a = p->args;
    const struct json *verdict = p->step;
    const struct json *missing = json_get(verdict, SLICE("missing"));
    const struct json *gate = json_get(verdict, SLICE("gate"));
    char now[CLOCK_TEXT_SIZE];
    json_key(w, SLICE("diagnostics"));
    json_begin_object(w);
    put_submitted(a->evidence, w);
    put_required(verdict, w);
    json_key(w, SLICE("fields_missing"));
    if (missing)
        json_value(w, missing);
    else
        json_raw(w, SLICE("[]"));
    put_failed(verdict, w);
    json_put_bool(w, "strict_mode",
                  slice_eq(text_of(gate, "mode"), SLICE("strict")));
    json_put_string(w, "gate_source", text_of(gate, "source"));
    json_put_string(w, "validation_timestamp",
                    clock_text(clock_wall_ms(), now));
    json_end_object(w);
}

static void put_remediation(const struct json *verdict, struct json_writer *w)
{
    const struct json *steps = json_get(verdict, SLICE("next_steps"));
    json_put_string(w, "remediation",
                    steps && steps->count
                        ? SLICE("Do what next_steps says, then send "
                                "complete_phase again with all the evidence.")
                        : SLICE(""));
    json_key(w, SLICE("next_steps"));
    if (steps)
        json_value(w, steps);
    else
        json_raw(w, SLICE("[]"));
}

static void put_outcome(const struct praxis *p, struct json_writer *w)
{
    const struct praxis_args *a = p->args;
    const struct json *next = json_get(p->step, SLICE("next_phase"));
    const struct json *content = json_get(next, SLICE("content"));
    bool complete =
        json_is(json_get(p->step, SLICE("workflow_complete")), JSON_TRUE);
    json_key(w, SLICE("phase_completed"));
    if (p->refused)
        json_null(w);
    else
        json_int(w, a->phase);
    json_key(w, SLICE("next_phase"));
    if (p->refused)
        json_int(w, a->phase);
    else if (complete)
        json_null(w);
    else
        json_value(w, json_get(next, SLICE("number")));
    json_key(w, SLICE("next_phase_content"));
    if (content)
        json_value(w, content);
    else
        json_null(w);
    json_put_bool(w, "workflow_complete", complete);
    if (complete)
        json_put_string(w, "message",
                        SLICE("The workflow is complete: its last phase has "
                              "passed its gate."));
}

void praxis_complete_phase(const struct praxis *p, struct json_writer *w)
{
    const struct praxis_args *a = p->args;
    json_put_string(w, "status", SLICE("success"));
    json_put_string(w, "action", slice_of(p->row->name));
    json_put_string(w, "session_id", a->session_id);
    json_put_bool(w, "checkpoint_passed", !p->refused);
    json_key(w, SLICE("validation_result"));
    json_begin_object(w);
    json_put_bool(w, "checkpoint_passed", !p->refused);
    put_findings(p->step, "errors", w);
    put_findings(p->step, "warnings", w);
    put_diagnostics(p, w);
    put_remediation(p->step, w);
    json_end_object(w);
    put_outcome(p, w);
}

/* --- what was refused before ---------------------------------------------- */

static bool is_refusal(const struct json *event, int64_t phase)
{
    int64_t n;
    return slice_eq(text_of(event, "type"), SLICE("gate_refused")) &&
           json_int64(json_get(event, SLICE("phase")), &n) &&
           (phase < 0 || n == phase);
}

static void put_refusal(const struct json *event, struct json_writer *w)
{
    const struct json *verdict = json_get(event, SLICE("verdict"));
    const struct json *phase = json_get(event, SLICE("phase"));
    json_begin_object(w);
    json_key(w, SLICE("phase"));
    json_value(w, phase);
    json_put_string(w, "timestamp", text_of(event, "at"));
    json_put_string(w, "error_type", err_detail(ERR_GATE_REFUSED));
    json_key(w, SLICE("message"));
    json_stringf(w, "The gate of phase %.*s refused the evidence",
                 SLICE_ARG(phase->raw));
    json_key(w, SLICE("details"));
    json_begin_object(w);
    put_findings(verdict, "errors", w);
    put_findings(verdict, "warnings", w);
    json_end_object(w);
    json_end_object(w);
}

void praxis_errors(const struct praxis *p, int64_t phase,
                   struct json_writer *w)
{
    const struct json *list = json_get(p->look, SLICE("history"));
    json_begin_array(w);
    for (uint32_t i = 0; list && i < list->count; i++)
        if (is_refusal(&list->items[i], phase)) put_refusal(&list->items[i], w);
    json_end_array(w);
}

void praxis_get_errors(const struct praxis *p, struct json_writer *w)
{
    const struct json *list = json_get(p->look, SLICE("history"));
    const struct json *last = NULL;
    int64_t count = 0;
    for (uint32_t i = 0; list && i < list->count; i++) {
        if (!is_refusal(&list->items[i], -1)) continue;
        last = &list->items[i];
        count++;
    }
    json_put_string(w, "status", SLICE("success"));
    json_put_string(w, "action", slice_of(p->row->name));
    json_put_string(w, "session_id",
                    json_text(json_at(p->look, "session", "session_id", NULL)));
    json_key(w, SLICE("errors"));
    praxis_errors(p, -1, w);
    json_put_int(w, "error_count", count);
    json_key(w, SLICE("last_error"));
    if (last)
        put_refusal(last, w);
    else
        json_null(w);
}

/* Was the current phase's newest attempt refused, since it was opened? */
static bool refused_now(const struct json *history, int64_t phase)
{
    static const struct slice reopens[] = {SLICE_INIT("phase_retried"),
                                           SLICE_INIT("session_rolled_back")};
    for (uint32_t i = history ? history->count : 0; i-- > 0;) {
        const struct json *event = &history->items[i];
        if (is_refusal(event, phase)) return true;
        for (size_t k = 0; k < sizeof(reopens) / sizeof(reopens[0]); k++)
            if (slice_eq(text_of(event, "type"), reopens[k])) return false;
    }
    return false;
}

void praxis_checkpoints(const struct praxis *p, struct json_writer *w)
{
    const struct json *s = json_get(p->look, SLICE("session"));
    const struct json *done = json_get(s, SLICE("completed_phases"));
    const struct json *current = json_get(s, SLICE("current_phase"));
    const struct json *history = json_get(p->look, SLICE("history"));
    bool passed = false;
    int64_t phase = 0;
    (void)json_int64(current, &phase);
    json_begin_object(w);
    for (uint32_t i = 0; done && i < done->count; i++) {
        json_key(w, done->items[i].raw);
        json_string(w, SLICE("passed"));
        passed = passed || json_equal(&done->items[i], current);
    }
    if (!passed) {
        json_key(w, current->raw);
        json_string(w, refused_now(history, phase) ? SLICE("failed")
                                                   : SLICE("pending"));
    }
    json_end_object(w);
}
