/*
 * view: the engine's result objects as JSON, one function per shape of the
 * tools' interface. Writers append to the open object or array.
 */
#ifndef ENGINE_VIEW_H
#define ENGINE_VIEW_H

#include "engine/session.h"
#include "engine/rendered.h"

/* "next":{"tool","arguments":{...},"why"}: the one call to make now, ready to
 * send. Nothing when nothing is left. */
void eng__view_next_task(struct json_writer *w, const struct eng_snapshot *s,
                         const struct eng_phase *p, const struct eng_task *t,
                         const char *why);
void eng__view_next_phase(struct json_writer *w, const struct eng_snapshot *s,
                          int64_t phase, const char *why);
/* complete_phase with each evidence field as null: null counts as missing, so
 * a skeleton sent back unfilled is refused. */
void eng__view_next_complete(struct json_writer *w,
                             const struct eng_snapshot *s,
                             const struct eng_phase *p);
/* What to do now: resume or retry when the session asks for it; else in this
 * phase its first open task, then its completion. `p` NULL: the session's
 * definition does not have the phase. */
void eng__view_next(struct json_writer *w, const struct eng_snapshot *s,
                    const struct eng_phase *p);

/* A phase object, as in get_phase. `f` is its rendered part. */
void eng__view_phase(struct twin *out, struct json_writer *w,
                     const struct eng_snapshot *s, const struct eng_phase *p,
                     const struct eng_rendered *f, int64_t now_ms);
/* {"event_id","status","fields":[...],"subject_sha256","asked_at","asked_by",
 * "decided_at"?,"by"?,"channel"?,"comment"?}, or its members. */
void eng__view_approval(struct json_writer *w, const struct st_approval *ap);
void eng__view_approval_members(struct json_writer *w,
                                const struct st_approval *ap);
/* "session_id",...,"updated_at" of list_sessions. */
void eng__view_summary(struct json_writer *w, const struct st_session *row);
/* The session object of get_session. */
void eng__view_session(struct json_writer *w, const struct eng_snapshot *s);
/* "status","current_phase": what an event says of the session after it, from
 * which `sessions verify` follows it. */
void eng__view_state(struct json_writer *w, const struct eng_snapshot *s);
/* "reopened_phases":[numbers]: completed in `s` and not in `next`. */
void eng__view_reopened_phases(struct json_writer *w,
                               const struct eng_snapshot *s,
                               const struct eng_snapshot *next);
/* "reopened":{"phase","at","event_id","changed":[...]} while it is so. */
void eng__view_reopened(struct json_writer *w, const struct eng_snapshot *s);
void eng__view_time(struct json_writer *w, const char *key, int64_t ms);
/* "definition_changed":true,"changed_files":[...] when it is so. */
struct eng_drift;
void eng__view_drift(struct json_writer *w, const struct eng_drift *d);
/* Status word of a task: open, claimed (not expired) or done. A lease lasts
 * until its expiry on the wall clock, which processes share; one that is
 * further away than any lease was given before the clock was set back, and has
 * ended. */
enum { LEASE_LEAST_S = 10, LEASE_MOST_S = 86400 };
const char *eng__task_status(const struct st_claim *c, int64_t now_ms);

#endif
