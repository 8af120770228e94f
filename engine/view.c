#include "engine/view.h"

#include "base/clock.h"
#include "engine/approval_record.h"
#include "engine/catalog.h"
#include "engine/gate.h"

void eng__view_time(struct json_writer *w, const char *key, int64_t ms)
{
    char text[CLOCK_TEXT_SIZE];
    json_put_string(w, key, clock_text(ms, text));
}

const char *eng__task_status(const struct st_claim *c, int64_t now_ms)
{
    if (!c) return "open";
    if (slice_eq(c->status, SLICE("done"))) return "done";
    bool held = slice_eq(c->status, SLICE("claimed")) &&
                c->expires_ms > now_ms &&
                c->expires_ms - now_ms <= LEASE_MOST_S * INT64_C(1000);
    return held ? "claimed" : "open";
}

/* --- next --------------------------------------------------------------- */

static void next_begin(struct json_writer *w, const struct eng_snapshot *s,
                       const char *tool)
{
    json_key(w, SLICE("next"));
    json_begin_object(w);
    json_put_string(w, "tool", slice_of(tool));
    json_key(w, SLICE("arguments"));
    json_begin_object(w);
    json_put_string(w, "session_id", s->row.id);
}

static void next_end(struct json_writer *w, const char *why)
{
    json_end_object(w);
    json_put_string(w, "why", slice_of(why));
    json_end_object(w);
}

void eng__view_next_task(struct json_writer *w, const struct eng_snapshot *s,
                         const struct eng_phase *p, const struct eng_task *t,
                         const char *why)
{
    next_begin(w, s, "get_task");
    json_put_int(w, "phase", p->number);
    json_put_int(w, "task_number", t->number);
    next_end(w, why);
}

void eng__view_next_phase(struct json_writer *w, const struct eng_snapshot *s,
                          int64_t phase, const char *why)
{
    next_begin(w, s, "get_phase");
    json_put_int(w, "phase", phase);
    next_end(w, why);
}

static const char *why_complete(const struct eng_snapshot *s,
                                const struct eng_phase *p)
{
    const struct st_approval *ap = eng__approval(s, p->number);
    if (eng__approval_is(ap, "pending"))
        return "A person was asked to approve this phase: when they have, send "
               "the same evidence again.";
    if (eng__approval_is(ap, "approved"))
        return "A person has approved this phase: send the same evidence "
               "again.";
    if (s->reopened.changed && s->reopened.phase == p->number)
        return "A file that had proven this phase was changed, so it is open "
               "again: see that the work is right as it is now, and prove it "
               "anew.";
    if (!p->gate->fields_count)
        return "When the work is done: give evidence of it as an object with "
               "at least one member.";
    return "When the work is done: put what you can show in place of each "
           "null.";
}

void eng__view_next_complete(struct json_writer *w,
                             const struct eng_snapshot *s,
                             const struct eng_phase *p)
{
    next_begin(w, s, "complete_phase");
    json_put_int(w, "phase", p->number);
    json_key(w, SLICE("evidence"));
    json_begin_object(w);
    for (size_t i = 0; i < p->gate->fields_count; i++) {
        if (!p->gate->fields[i].required) continue;
        json_key(w, p->gate->fields[i].name);
        json_null(w);
    }
    json_end_object(w);
    next_end(w, why_complete(s, p));
}

static void next_manage(struct json_writer *w, const struct eng_snapshot *s,
                        enum eng_action action, const char *why)
{
    next_begin(w, s, "manage_session");
    json_put_string(w, "action", eng__action_text(action));
    next_end(w, why);
}

/* The first task that nobody has; one that somebody holds; or NULL. */
static const struct eng_task *task_to_do(const struct eng_snapshot *s,
                                         const struct eng_phase *p,
                                         bool *ret_held)
{
    int64_t now = s->claims_count ? clock_wall_ms() : 0;
    const struct eng_task *held = NULL;
    for (size_t i = 0; i < p->tasks_count; i++) {
        const struct eng_task *t = &p->tasks[i];
        const char *status =
            eng__task_status(eng__claim(s, p->number, t->number), now);
        *ret_held = false;
        if (status[0] == 'o') return t;
        if (status[0] == 'c' && !held) held = t;
    }
    *ret_held = held != NULL;
    return held;
}

static void next_in_phase(struct json_writer *w, const struct eng_snapshot *s,
                          const struct eng_phase *p)
{
    bool held = false;
    const struct eng_task *t = task_to_do(s, p, &held);
    if (t)
        eng__view_next_task(w, s, p, t,
                            held ? "The tasks that are left are claimed; if "
                                   "this one is yours, go on with it."
                                 : "Read the task, do it, then go to the "
                                   "next.");
    else
        eng__view_next_complete(w, s, p);
}

void eng__view_next(struct json_writer *w, const struct eng_snapshot *s,
                    const struct eng_phase *p)
{
    if (s->row.hidden) return;
    if (s->status == ENG_PAUSED)
        next_manage(w, s, ENG_RESUME,
                    "The session is paused; resume it to go on.");
    else if (s->status == ENG_EXPIRED)
        next_manage(w, s, ENG_RESUME,
                    "Nothing happened in this session for long; resume it to "
                    "go on.");
    else if (s->status == ENG_ERRED)
        next_manage(w, s, ENG_RETRY_PHASE,
                    "What this session needs was missing; when it is there, "
                    "this opens the session again.");
    if (!eng__session_open(s) || !p) return;
    if (p->number != s->row.current_phase)
        eng__view_next_phase(w, s, s->row.current_phase,
                             "This phase is completed; go on with the current "
                             "one.");
    else
        next_in_phase(w, s, p);
}

/* --- phases -------------------------------------------------------------- */

static void tasks_write(struct json_writer *w, const struct eng_snapshot *s,
                        const struct eng_phase *p, int64_t now_ms)
{
    json_key(w, SLICE("tasks"));
    json_begin_array(w);
    for (size_t i = 0; i < p->tasks_count; i++) {
        const struct eng_task *t = &p->tasks[i];
        const struct st_claim *c = eng__claim(s, p->number, t->number);
        const char *status = eng__task_status(c, now_ms);
        json_begin_object(w);
        json_put_int(w, "number", t->number);
        if (t->id.n) json_put_string(w, "id", t->id);
        json_put_string(w, "name", t->name);
        json_put_string(w, "status", slice_of(status));
        if (c && c->agent.n && status[0] != 'o')
            json_put_string(w, "claimed_by", c->agent);
        json_end_object(w);
    }
    json_end_array(w);
}

void eng__view_phase(struct twin *out, struct json_writer *w,
                     const struct eng_snapshot *s, const struct eng_phase *p,
                     const struct eng_rendered *f, int64_t now_ms)
{
    json_begin_object(w);
    twin_splice_members(out, w, f->members);
    json_put_string(w, "status", slice_of(eng__phase_status(s, p->number)));
    tasks_write(w, s, p, now_ms);
    if (p->number == s->reopened.phase) eng__view_reopened(w, s);
    const struct st_approval *ap = eng__approval(s, p->number);
    if (ap) {
        json_key(w, SLICE("approval"));
        eng__view_approval(w, ap);
    }
    json_end_object(w);
}

void eng__view_approval_members(struct json_writer *w,
                                const struct st_approval *ap)
{
    char hex[SHA256_HEX_SIZE];
    json_put_int(w, "event_id", ap->event_seq);
    json_put_string(w, "status", ap->status);
    json_put_raw(w, "fields", ap->fields);
    json_put_string(w, "subject_sha256", sha256_hex(ap->subject, hex));
    eng__view_time(w, "asked_at", ap->asked_ms);
    json_put_string(w, "asked_by", ap->asked_by);
    if (!ap->decided_ms) return;
    eng__view_time(w, "decided_at", ap->decided_ms);
    json_put_string(w, "by", ap->decided_by);
    json_put_string(w, "channel", ap->channel);
    json_put_string(w, "comment", ap->comment);
}

void eng__view_approval(struct json_writer *w, const struct st_approval *ap)
{
    json_begin_object(w);
    eng__view_approval_members(w, ap);
    json_end_object(w);
}

/* --- sessions ------------------------------------------------------------ */

void eng__view_summary(struct json_writer *w, const struct st_session *row)
{
    json_put_string(w, "session_id", row->id);
    json_put_string(w, "workflow_type", row->workflow_type);
    json_put_string(w, "target", row->target);
    json_put_string(w, "status", row->status);
    json_put_int(w, "current_phase", row->current_phase);
    json_put_int(w, "total_phases", row->total_phases);
    eng__view_time(w, "created_at", row->created_ms);
    eng__view_time(w, "updated_at", row->updated_ms);
}

void eng__view_session(struct json_writer *w, const struct eng_snapshot *s)
{
    const struct eng_definition *d = s->definition;
    json_begin_object(w);
    eng__view_summary(w, &s->row);
    json_put_string(w, "definition_hash", s->row.definition_hash);
    json_put_int(w, "version", s->row.version);
    if (s->trouble.n) {
        json_key(w, SLICE("trouble"));
        json_begin_object(w);
        json_put_string(w, "detail", s->trouble);
        json_put_string(w, "why", s->trouble_why);
        json_end_object(w);
    }
    eng__view_reopened(w, s);
    json_key(w, SLICE("completed_phases"));
    json_begin_array(w);
    for (size_t i = 0; i < s->completed_count; i++)
        json_int(w, s->completed[i].phase);
    json_end_array(w);
    json_key(w, SLICE("phases"));
    json_begin_array(w);
    for (size_t i = 0; i < d->phases_count; i++) {
        int64_t number = d->phases[i].number;
        json_begin_object(w);
        json_put_int(w, "number", number);
        json_put_string(w, "name", d->phases[i].name);
        json_put_string(w, "status", slice_of(eng__phase_status(s, number)));
        json_end_object(w);
    }
    json_end_array(w);
    json_key(w, SLICE("options"));
    if (s->options)
        json_value(w, s->options);
    else
        json_raw(w, SLICE("{}"));
    json_end_object(w);
}

void eng__view_state(struct json_writer *w, const struct eng_snapshot *s)
{
    json_put_string(w, "status", s->row.status);
    json_put_int(w, "current_phase", s->row.current_phase);
}

void eng__view_reopened_phases(struct json_writer *w,
                               const struct eng_snapshot *s,
                               const struct eng_snapshot *next)
{
    json_key(w, SLICE("reopened_phases"));
    json_begin_array(w);
    for (size_t i = next->completed_count; i < s->completed_count; i++)
        json_int(w, s->completed[i].phase);
    json_end_array(w);
}

void eng__view_reopened(struct json_writer *w, const struct eng_snapshot *s)
{
    const struct eng_reopened *r = &s->reopened;
    if (!r->changed) return;
    json_key(w, SLICE("reopened"));
    json_begin_object(w);
    json_put_int(w, "phase", r->phase);
    eng__view_time(w, "at", r->at_ms);
    json_put_int(w, "event_id", r->event);
    json_put_raw(w, "changed", r->changed->raw);
    json_end_object(w);
}

void eng__view_drift(struct json_writer *w, const struct eng_drift *d)
{
    if (!d->changed) return;
    json_put_bool(w, "definition_changed", true);
    json_key(w, SLICE("changed_files"));
    json_begin_array(w);
    for (size_t i = 0; i < d->count; i++) json_string(w, d->files[i]);
    json_end_array(w);
}
