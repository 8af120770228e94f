/* What the engine answered, as praxis-os says it. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "mcp/tools/praxis.h"

static void put(struct json_writer *w, const char *key, const struct json *v)
{
    json_key(w, slice_of(key));
    if (v)
        json_value(w, v);
    else
        json_null(w);
}

/* Members of the session of `look`, under the names they have there. */
static void put_of(struct json_writer *w, const struct json *from,
                   const char *const *names)
{
    for (; *names; names++) put(w, *names, json_get(from, slice_of(*names)));
}

static const struct json *session(const struct praxis *p)
{
    return json_get(p->look, SLICE("session"));
}

static int64_t number(const struct json *v)
{
    int64_t n = -1;
    return json_int64(v, &n) ? n : -1;
}

static void head(const struct praxis *p, struct json_writer *w)
{
    json_put_string(w, "status", SLICE("success"));
    json_put_string(w, "action", slice_of(p->row->name));
}

/* --- workflows ------------------------------------------------------------ */

/* The metadata as its file has it; of these keys, what is true. */
static void put_metadata(struct json_writer *w, const struct json *metadata,
                         const struct json *truth, const char *const *keys)
{
    for (uint32_t i = 0; metadata && i < metadata->count; i++) {
        const struct json_member *m = &metadata->members[i];
        bool ours = false;
        for (size_t k = 0; keys[k]; k++)
            ours = ours || slice_eq(m->key, slice_of(keys[k]));
        if (ours) continue;
        json_key(w, m->key);
        json_value(w, &m->value);
    }
    put_of(w, truth, keys);
}

void praxis_list_workflows(const struct praxis *p, struct json_writer *w)
{
    static const char *const keys[] = {
        "workflow_type", "name",  "version",  "description",
        "total_phases",  "valid", "problems", NULL};
    const struct json *list = json_get(p->step, SLICE("workflows"));
    head(p, w);
    json_key(w, SLICE("workflows"));
    json_begin_array(w);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct json *metadata =
            json_get(&list->items[i], SLICE("metadata"));
        json_begin_object(w);
        put_metadata(w, metadata, &list->items[i], keys);
        json_end_object(w);
    }
    json_end_array(w);
    put(w, "count", json_get(p->step, SLICE("count")));
}

/* --- phases and tasks ----------------------------------------------------- */

static bool from_plan(const struct json *phase)
{
    return json_get(phase, SLICE("source_number")) != NULL;
}

static void put_tasks(struct json_writer *w, const struct json *tasks)
{
    json_key(w, SLICE("tasks"));
    json_begin_array(w);
    for (uint32_t i = 0; tasks && i < tasks->count; i++) {
        const struct json *t = &tasks->items[i];
        const struct json *id = json_get(t, SLICE("id"));
        json_begin_object(w);
        put(w, "task_number", json_get(t, SLICE("number")));
        if (id) put(w, "task_id", id);
        put(w, "task_name", json_get(t, SLICE("name")));
        put(w, "status", json_get(t, SLICE("status")));
        json_end_object(w);
    }
    json_end_array(w);
    json_put_int(w, "task_count", tasks ? tasks->count : 0);
}

static void put_items(struct json_writer *w, const struct json *items)
{
    json_key(w, SLICE("validation_gate"));
    json_begin_array(w);
    for (uint32_t i = 0; items && i < items->count; i++)
        json_value(w, json_get(&items->items[i], SLICE("text")));
    json_end_array(w);
}

/* The phase part of start and get_phase. */
static void put_phase(struct json_writer *w, const struct json *phase)
{
    bool plan = from_plan(phase);
    put(w, "current_phase", json_get(phase, SLICE("number")));
    put(w, "phase_name", json_get(phase, SLICE("name")));
    put(w, "phase_content", json_get(phase, SLICE("content")));
    json_put_string(w, "source", plan ? SLICE("dynamic") : SLICE("file"));
    put_tasks(w, json_get(phase, SLICE("tasks")));
    if (plan) put_items(w, json_at(phase, "gate", "items", NULL));
    put(w, "expected_evidence", json_at(phase, "gate", "evidence", NULL));
}

void praxis_start(const struct praxis *p, struct json_writer *w)
{
    static const char *const ids[] = {"session_id", "workflow_type", NULL};
    static const char *const keys[] = {"workflow_type", "total_phases", NULL};
    const struct json *phase = json_get(p->step, SLICE("phase"));
    head(p, w);
    put_of(w, p->step, ids);
    put(w, "target_file", json_get(p->step, SLICE("target")));
    put(w, "resumed", json_get(p->step, SLICE("resumed")));
    put(w, "session_status", json_get(p->step, SLICE("status")));
    if (json_is(phase, JSON_OBJECT)) /* or its plan is not here */
        put_phase(w, phase);
    else
        put(w, "current_phase", json_get(p->step, SLICE("current_phase")));
    json_key(w, SLICE("workflow_overview"));
    json_begin_object(w);
    put_metadata(w, json_get(p->look, SLICE("metadata")), p->step, keys);
    json_end_object(w);
    json_put_string(w, "⚠️_WORKFLOW_EXECUTION_MODE", SLICE("ACTIVE"));
    json_put_string(w, "🛑_DO_NOT_USE_EXTERNAL_TASK_TOOLS",
                    SLICE("This workflow keeps its own list of tasks. Do not "
                          "keep another one beside it."));
    json_put_string(
        w, "execution_model",
        SLICE("Read the tasks of the current phase one by one with get_task, "
              "do each, then submit the evidence with complete_phase."));
}

void praxis_get_phase(const struct praxis *p, struct json_writer *w)
{
    const struct praxis_args *a = p->args;
    const struct json *s = session(p);
    bool complete = slice_eq(json_text(json_get(s, SLICE("status"))),
                             SLICE("completed"));
    head(p, w);
    put(w, "session_id", json_get(s, SLICE("session_id")));
    put(w, "workflow_type", json_get(s, SLICE("workflow_type")));
    if (!complete || a->phase != ENG_ABSENT) {
        put_phase(w, json_get(p->step, SLICE("phase")));
        return;
    }
    put(w, "current_phase", json_get(s, SLICE("current_phase")));
    json_put_bool(w, "is_complete", true);
    json_put_string(w, "message",
                    SLICE("The workflow is complete: each of its phases has "
                          "passed its gate."));
}

/* What the metadata says a task is for. */
static const struct json *purpose_of(const struct praxis *p, int64_t phase,
                                     int64_t task)
{
    const struct json *phases = json_at(p->look, "metadata", "phases", NULL);
    for (uint32_t i = 0; phases && i < phases->count; i++) {
        const struct json *ph = &phases->items[i];
        const struct json *tasks = json_get(ph, SLICE("tasks"));
        if (number(json_get(ph, SLICE("phase_number"))) != phase) continue;
        for (uint32_t k = 0; json_is(tasks, JSON_ARRAY) && k < tasks->count;
             k++)
            if (number(json_get(&tasks->items[k], SLICE("task_number"))) ==
                task)
                return json_get(&tasks->items[k], SLICE("purpose"));
    }
    return NULL;
}

static void put_plan_task(struct json_writer *w, const struct json *t)
{
    put(w, "task_content", json_get(t, SLICE("content")));
    put(w, "source_text", json_get(t, SLICE("source_text")));
    json_key(w, SLICE("task_metadata"));
    json_begin_object(w);
    put(w, "task_number", json_get(t, SLICE("number")));
    put(w, "task_id", json_get(t, SLICE("id")));
    put(w, "task_name", json_get(t, SLICE("name")));
    put(w, "estimated_time", json_get(t, SLICE("estimated_time")));
    put(w, "dependencies", json_get(t, SLICE("dependencies")));
    put(w, "acceptance_criteria", json_get(t, SLICE("acceptance_criteria")));
    json_end_object(w);
    json_put_string(w, "source", SLICE("dynamic"));
}

void praxis_get_task(const struct praxis *p, struct json_writer *w)
{
    const struct praxis_args *a = p->args;
    const struct json *t = json_get(p->step, SLICE("task"));
    const struct json *purpose = purpose_of(p, a->phase, a->task_number);
    head(p, w);
    put(w, "session_id", json_get(p->step, SLICE("session_id")));
    put(w, "workflow_type", json_get(session(p), SLICE("workflow_type")));
    json_put_int(w, "phase", a->phase);
    json_put_int(w, "task_number", a->task_number);
    put(w, "task_name", json_get(t, SLICE("name")));
    if (!json_get(t, SLICE("file"))) {
        put_plan_task(w, t);
        return;
    }
    put(w, "task_file", json_get(t, SLICE("file")));
    put(w, "content", json_get(t, SLICE("content")));
    json_put_string(w, "purpose", json_text(purpose));
    json_put_string(w, "source", SLICE("metadata_file"));
    json_put_raw(w, "steps", SLICE("[]"));
}

/* --- sessions ------------------------------------------------------------- */

static void put_summary(struct json_writer *w, const struct json *s)
{
    static const char *const names[] = {"current_phase", "created_at",
                                        "updated_at", NULL};
    put(w, "session_id", json_get(s, SLICE("session_id")));
    put(w, "workflow_type", json_get(s, SLICE("workflow_type")));
    put(w, "session_status", json_get(s, SLICE("status")));
    put_of(w, s, names);
}

void praxis_list_sessions(const struct praxis *p, struct json_writer *w)
{
    const struct json *list = json_get(p->step, SLICE("sessions"));
    head(p, w);
    json_key(w, SLICE("sessions"));
    json_begin_array(w);
    for (uint32_t i = 0; i < list->count; i++) {
        json_begin_object(w);
        put_summary(w, &list->items[i]);
        json_end_object(w);
    }
    json_end_array(w);
    json_put_int(w, "count", list->count);
}

void praxis_get_state(const struct praxis *p, struct json_writer *w)
{
    static const char *const names[] = {"current_phase", "completed_phases",
                                        "total_phases", NULL};
    static const char *const times[] = {"created_at", "updated_at", NULL};
    const struct json *s = session(p);
    struct slice status = json_text(json_get(s, SLICE("status")));
    head(p, w);
    json_key(w, SLICE("workflow_state"));
    json_begin_object(w);
    put(w, "session_id", json_get(s, SLICE("session_id")));
    put(w, "workflow_type", json_get(s, SLICE("workflow_type")));
    put(w, "target_file", json_get(s, SLICE("target")));
    put_of(w, s, names);
    json_put_bool(w, "is_complete", slice_eq(status, SLICE("completed")));
    json_put_string(w, "session_status", status);
    json_key(w, SLICE("checkpoints"));
    praxis_checkpoints(p, w);
    put_of(w, s, times);
    json_end_object(w);
}

static const struct json *history(const struct praxis *p)
{
    return json_get(p->look, SLICE("history"));
}

/* The time of the newest event of this type, in this phase or (-1) any. */
static const struct json *newest(const struct praxis *p, const char *type,
                                 int64_t phase)
{
    const struct json *list = history(p);
    for (uint32_t i = list ? list->count : 0; i-- > 0;) {
        const struct json *e = &list->items[i];
        if (phase >= 0 && number(json_get(e, SLICE("phase"))) != phase)
            continue;
        if (slice_eq(json_text(json_get(e, SLICE("type"))), slice_of(type)))
            return json_get(e, SLICE("at"));
    }
    return NULL;
}

static void put_artifacts(const struct praxis *p, struct json_writer *w)
{
    const struct json *all = json_get(p->look, SLICE("evidence"));
    json_key(w, SLICE("artifacts"));
    json_begin_object(w);
    for (uint32_t i = 0; all && i < all->count; i++) {
        const struct json_member *m = &all->members[i];
        int64_t phase = 0;
        (void)slice_int64(m->key, &phase);
        const struct json *at = newest(p, "phase_completed", phase);
        if (!at) at = newest(p, "phase_imported", phase);
        json_key(w, m->key);
        json_begin_object(w);
        json_put_int(w, "phase_number", phase);
        put(w, "evidence", &m->value);
        json_put_raw(w, "outputs", SLICE("{}"));
        json_put_raw(w, "commands_executed", SLICE("[]"));
        put(w, "timestamp", at);
        json_end_object(w);
    }
    json_end_object(w);
}

void praxis_get_session(const struct praxis *p, struct json_writer *w)
{
    const struct json *s = session(p);
    head(p, w);
    put_summary(w, s);
    put(w, "target_file", json_get(s, SLICE("target")));
    put(w, "completed_phases", json_get(s, SLICE("completed_phases")));
    put(w, "total_phases", json_get(s, SLICE("total_phases")));
    json_key(w, SLICE("checkpoints"));
    praxis_checkpoints(p, w);
    put_artifacts(p, w);
}

/* --- acts ----------------------------------------------------------------- */

void praxis_delete_session(const struct praxis *p, struct json_writer *w)
{
    head(p, w);
    put(w, "session_id", json_at(p->step, "session", "session_id", NULL));
    json_put_bool(w, "deleted", true);
}

void praxis_pause(const struct praxis *p, struct json_writer *w)
{
    const struct praxis_args *a = p->args;
    const struct json *s = json_get(p->step, SLICE("session"));
    head(p, w);
    put(w, "session_id", json_get(s, SLICE("session_id")));
    json_put_bool(w, "paused", true);
    json_key(w, SLICE("checkpoint"));
    json_begin_object(w);
    put(w, "phase", json_get(s, SLICE("current_phase")));
    put(w, "timestamp", json_get(s, SLICE("updated_at")));
    json_put_string(w, "note", a->checkpoint_note);
    json_end_object(w);
    json_put_bool(w, "resume_capable", true);
}

/* Seconds of an RFC 3339 text in UTC. */
static double seconds(const struct json *v)
{
    struct slice text = json_text(v);
    char copy[40];
    struct tm tm = {0};
    double rest = 0;
    if (!text.n || text.n >= sizeof(copy)) return 0;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    if (sscanf(copy, "%4d-%2d-%2dT%2d:%2d:%lf", &tm.tm_year, &tm.tm_mon,
               &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &rest) != 6)
        return 0;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (double)timegm(&tm) + rest;
}

void praxis_resume(const struct praxis *p, struct json_writer *w)
{
    bool changed = json_is(json_get(p->step, SLICE("changed")), JSON_TRUE);
    double from = seconds(newest(p, "session_paused", -1));
    double expired = seconds(newest(p, "session_expired", -1));
    if (expired > from) from = expired;
    double to = seconds(newest(p, "session_resumed", -1));
    const struct json *phase = json_get(p->look, SLICE("phase"));
    head(p, w);
    put(w, "session_id", json_get(session(p), SLICE("session_id")));
    json_put_bool(w, "resumed", true);
    put(w, "current_phase", json_get(session(p), SLICE("current_phase")));
    json_key(w, SLICE("paused_duration_seconds"));
    json_number(w, changed && from > 0 && to > from ? to - from : 0);
    put(w, "phase_content", json_get(phase, SLICE("content")));
}

void praxis_retry_phase(const struct praxis *p, struct json_writer *w)
{
    const struct praxis_args *a = p->args;
    const struct json *phase = json_get(p->look, SLICE("phase"));
    head(p, w);
    put(w, "session_id", json_get(session(p), SLICE("session_id")));
    json_put_int(w, "phase", a->phase);
    json_put_bool(w, "retrying", true);
    json_put_bool(w, "evidence_reset", a->reset_evidence);
    put(w, "phase_content", json_get(phase, SLICE("content")));
    json_key(w, SLICE("previous_errors"));
    praxis_errors(p, a->phase, w);
}

void praxis_rollback(const struct praxis *p, struct json_writer *w)
{
    const struct praxis_args *a = p->args;
    const struct json *phase = json_get(p->look, SLICE("phase"));
    head(p, w);
    put(w, "session_id", json_get(session(p), SLICE("session_id")));
    put(w, "from_phase", json_get(p->step, SLICE("from_phase")));
    json_put_int(w, "to_phase", a->to_phase);
    json_put_bool(w, "rolled_back", true);
    put(w, "artifacts_cleared", json_get(p->step, SLICE("reopened_phases")));
    put(w, "phase_content", json_get(phase, SLICE("content")));
}

/* --- search --------------------------------------------------------------- */

static void put_result(struct json_writer *w, const struct json *r)
{
    static const char *const names[] = {"content", "file", "section", NULL};
    json_begin_object(w);
    put_of(w, r, names);
    put(w, "relevance_score", json_get(r, SLICE("score")));
    put(w, "tokens", json_get(r, SLICE("tokens")));
    json_end_object(w);
}

void praxis_search(const struct praxis *p, struct json_writer *w)
{
    static const char *const rest[] = {"total_tokens", "retrieval_method",
                                       "query_time_ms", NULL};
    const struct json *list = json_get(p->step, SLICE("results"));
    json_key(w, SLICE("results"));
    json_begin_array(w);
    for (uint32_t i = 0; i < list->count; i++) put_result(w, &list->items[i]);
    json_end_array(w);
    put_of(w, p->step, rest);
}
