#include "engine/problems.h"

#include <inttypes.h>

#include "base/clock.h"

/* What a client sent is quoted up to this many bytes. */
#define QUOTE_MAX 120

enum err eng__problem_nomem(struct eng_call *c)
{
    return problem_set(&c->problem, ERR_NOMEM,
                       SLICE("The server is out of memory"),
                       SLICE("This call needs more memory than can be had."),
                       SLICE("Try again; nothing was changed."));
}

enum err eng__settled(struct eng_call *c, enum err e)
{
    enum err lost = c->out->plain.err;
    if (e == ERR_AGAIN || e == ERR_WAITING) return e;
    if (c->arena->refused) return eng__problem_nomem(c);
    if ((e == OK || e == ERR_PENDING) && lost)
        return eng__problem_store(c, lost);
    return e;
}

enum err eng__problem_busy(struct eng_call *c, enum err e)
{
    c->problem.retry_after_ms = 100;
    return problem_set(
        &c->problem, e, SLICE("The server is busy"),
        SLICE("Too many calls wait for a worker; nothing was changed."),
        SLICE("Send the same call again after retry_after_ms."));
}

enum err eng__problem_cancelled(struct eng_call *c, enum err e)
{
    return problem_set(&c->problem, e,
                       e == ERR_DEADLINE ? SLICE("The call ran out of time")
                                         : SLICE("The call was cancelled"),
                       SLICE("It was stopped before it changed anything."),
                       SLICE("Send it again if you still need it."));
}

/* What a store's failure means to an agent. Row without texts: see below. */
static const struct {
    enum err err;
    const char *what, *fix;
} store_rows[] = {
    {ERR_STORE_BUSY, "The state file is locked by another program",
     "Send the same call again; if it goes on, close what holds the file "
     "open."},
    {ERR_STORE_REPLACED,
     "The state file was moved, deleted or replaced while the server runs",
     "Put the file back where it was, with its -wal file, or restart the "
     "server to go on with what is there now."},
    {ERR_STORE_WRITE_FAILED, "The state file could not be written",
     "Free disk space and check that the file may be written, then send the "
     "same call again."},
    {ERR_STORE_CORRUPT, "The state file is damaged",
     "Stop the servers of this project and put a copy of the file back; "
     "`phasegate sessions verify` tells what a copy still holds."},
    {ERR_SESSION_CORRUPT, "The session's stored record cannot be read",
     "Export it with `phasegate sessions export` or delete it with "
     "`phasegate sessions delete`, and start a new one."},
    {ERR_OVER_CAPACITY, "Too many writes are waiting",
     "Send the same call again after retry_after_ms."},
    {ERR_CLOSED, "The server is stopping",
     "Start it again and send the same call."},
    {ERR_TOO_LARGE, "The answer or the record of it is larger than may be",
     "Ask for less at a time."},
    {ERR_CONFLICT, "Another process changed this session again and again",
     "Read it with get_session and send the call again."},
};

enum err eng__problem_store(struct eng_call *c, enum err e)
{
    if (e == ERR_NOMEM) return eng__problem_nomem(c);
    if (e == ERR_CANCELLED || e == ERR_DEADLINE)
        return eng__problem_cancelled(c, e);
    if (e == ERR_OVER_CAPACITY) c->problem.retry_after_ms = 100;
    for (size_t i = 0; i < sizeof(store_rows) / sizeof(store_rows[0]); i++)
        if (store_rows[i].err == e)
            return problem_set(&c->problem, e, slice_of(store_rows[i].what),
                               SLICE("Nothing was changed."),
                               slice_of(store_rows[i].fix));
    return problem_setf(
        &c->problem, c->arena, e,
        SLICE("Reading or writing the server's state failed; "
              "nothing was changed."),
        SLICE("Try again; the server's log on stderr says more."),
        "The server's state cannot be used (%.*s)", SLICE_ARG(err_detail(e)));
}

enum err eng__problem_no_project(struct eng_call *c)
{
    return problem_set(
        &c->problem, ERR_NO_PROJECT, SLICE("There is no project to work in"),
        SLICE("The server was started in / or in a home folder, and neither "
              "is taken for a project by itself."),
        SLICE("Start it inside a project, or with --project DIR or "
              "PHASEGATE_PROJECT=DIR."));
}

enum err eng__problem_session_id(struct eng_call *c, struct slice id)
{
    return problem_setf(
        &c->problem, c->arena, ERR_INVALID_SESSION_ID,
        SLICE("A session id is a lower-case UUID: 36 characters of hex in "
              "8-4-4-4-12 form."),
        SLICE("Call list_sessions to see the ids, or start_workflow to get "
              "one."),
        "\"%.*s\" is not a session id", SLICE_ARG(slice_sub(id, 0, QUOTE_MAX)));
}

enum err eng__problem_session_absent(struct eng_call *c, struct slice id)
{
    return problem_setf(&c->problem, c->arena, ERR_SESSION_NOT_FOUND,
                        SLICE("It was never started in this project, or it "
                              "was deleted."),
                        SLICE("Call list_sessions to see the sessions, or "
                              "start_workflow to begin one."),
                        "There is no session %.*s", SLICE_ARG(id));
}

struct slice eng__reopened_words(struct arena *a, const struct eng_snapshot *s)
{
    const struct json *list = s->reopened.changed;
    struct slice words = SLICE("");
    for (uint32_t i = 0; list && i < list->count; i++)
        words = arena_printf(
            a, "%.*s%s%.*s", SLICE_ARG(words), i ? ", " : "",
            SLICE_ARG(json_text(json_get(&list->items[i], SLICE("path")))));
    if (!list) return words;
    return arena_printf(a,
                        " Phase %" PRId64 " was opened again because a file "
                        "that had proven it, or a later phase, changed: %.*s.",
                        s->reopened.phase, SLICE_ARG(words));
}

enum err eng__problem_locked(struct eng_call *c, const struct eng_snapshot *s,
                             int64_t phase)
{
    struct slice fix = arena_printf(
        c->arena,
        "Finish phase %" PRId64 " first: complete_phase {\"session_id\": "
        "\"%.*s\", \"phase\": %" PRId64 ", \"evidence\": {...}}; get_phase "
        "shows what it wants.",
        s->row.current_phase, SLICE_ARG(s->row.id), s->row.current_phase);
    c->problem.extra = arena_printf(
        c->arena, "\"phase\":%" PRId64 ",\"current_phase\":%" PRId64, phase,
        s->row.current_phase);
    return problem_setf(
        &c->problem, c->arena, ERR_PHASE_LOCKED,
        arena_printf(c->arena,
                     "A phase opens when the one before it has passed its "
                     "gate; the current phase is %" PRId64 ".%.*s",
                     s->row.current_phase,
                     SLICE_ARG(eng__reopened_words(c->arena, s))),
        fix, "Phase %" PRId64 " is locked", phase);
}

enum err eng__problem_no_phase(struct eng_call *c, const struct eng_snapshot *s,
                               int64_t phase)
{
    const struct eng_definition *d = s->definition;
    size_t n = d->phases_count;
    return problem_setf(
        &c->problem, c->arena, ERR_PHASE_OUT_OF_RANGE,
        n ? arena_printf(c->arena,
                         "%.*s has the phases %" PRId64 " to %" PRId64 ".",
                         SLICE_ARG(d->workflow_type), d->phases[0].number,
                         d->phases[n - 1].number)
          : arena_printf(c->arena, "The phases of %.*s are not known here.",
                         SLICE_ARG(d->workflow_type)),
        arena_printf(c->arena, "The current phase is %" PRId64 ".",
                     s->row.current_phase),
        "There is no phase %" PRId64, phase);
}

/* "task-<number>-" files of the phase that its list does not name. */
static struct slice unlisted_file(struct eng_call *c,
                                  const struct eng_definition *d,
                                  const struct eng_phase *p, int64_t number)
{
    struct slice start = arena_printf(
        c->arena, "phases/%" PRId64 "/task-%" PRId64 "-", p->number, number);
    for (size_t i = 0; start.n && i < d->files.count; i++)
        if (slice_starts(d->files.files[i].path, start))
            return arena_printf(c->arena,
                                " The file %.*s is there, but the workflow "
                                "does not list it as a task.",
                                SLICE_ARG(d->files.files[i].path));
    return (struct slice){0};
}

enum err eng__problem_no_task(struct eng_call *c,
                              const struct eng_definition *d,
                              const struct eng_phase *p, int64_t number)
{
    struct buf list = BUF_INIT(1u << 16);
    for (size_t i = 0; i < p->tasks_count; i++)
        buf_printf(&list, "%s%" PRId64 " (%.*s)", i ? ", " : "",
                   p->tasks[i].number, SLICE_ARG(p->tasks[i].name));
    struct slice why =
        arena_printf(c->arena, "Its tasks are: %.*s.%.*s",
                     SLICE_ARG(list.n ? buf_slice(&list) : SLICE("none")),
                     SLICE_ARG(unlisted_file(c, d, p, number)));
    buf_done(&list);
    return problem_setf(&c->problem, c->arena, ERR_TASK_NOT_FOUND, why,
                        SLICE("Call get_task with one of these numbers."),
                        "Phase %" PRId64 " has no task %" PRId64, p->number,
                        number);
}

enum err eng__problem_completed(struct eng_call *c,
                                const struct eng_snapshot *s, int64_t phase)
{
    char at[CLOCK_TEXT_SIZE];
    const struct eng_completed *done = eng__completed(s, phase);
    c->problem.extra =
        arena_printf(c->arena,
                     "\"phase\":%" PRId64 ",\"current_phase\":%" PRId64
                     ",\"outcome\":{\"passed\":true,\"completed_at\":\"%.*s\","
                     "\"event_id\":%" PRId64 "}",
                     phase, s->row.current_phase,
                     SLICE_ARG(clock_text(done->at_ms, at)), done->event);
    return problem_setf(
        &c->problem, c->arena, ERR_PHASE_ALREADY_COMPLETE,
        arena_printf(c->arena, "It passed its gate at %s (event %" PRId64 ").",
                     at, done->event),
        arena_printf(c->arena,
                     "Go on with phase %" PRId64 ": get_phase "
                     "{\"session_id\": \"%.*s\"}.",
                     s->row.current_phase, SLICE_ARG(s->row.id)),
        "Phase %" PRId64 " is already completed", phase);
}

static enum err paused(struct eng_call *c, const struct eng_snapshot *s)
{
    return problem_setf(
        &c->problem, c->arena, ERR_SESSION_PAUSED,
        SLICE("A paused session can be read but takes no writes."),
        arena_printf(c->arena,
                     "Resume it: manage_session {\"session_id\": "
                     "\"%.*s\", \"action\": \"resume\"}.",
                     SLICE_ARG(s->row.id)),
        "Session %.*s is paused", SLICE_ARG(s->row.id));
}

static enum err expired(struct eng_call *c, const struct eng_snapshot *s)
{
    char at[CLOCK_TEXT_SIZE];
    clock_text(s->row.updated_ms, at);
    return problem_setf(
        &c->problem, c->arena, ERR_SESSION_EXPIRED,
        arena_printf(c->arena,
                     "Nothing happened in it for long, so it was put to rest "
                     "at %s. It can be read but takes no writes.",
                     at),
        arena_printf(c->arena,
                     "Open it again: manage_session {\"session_id\": "
                     "\"%.*s\", \"action\": \"resume\"}.",
                     SLICE_ARG(s->row.id)),
        "Session %.*s is expired", SLICE_ARG(s->row.id));
}

static enum err ended(struct eng_call *c, const struct eng_snapshot *s,
                      enum err e)
{
    char at[CLOCK_TEXT_SIZE];
    clock_text(s->row.updated_ms, at);
    return problem_setf(
        &c->problem, c->arena, e,
        arena_printf(c->arena,
                     e == ERR_SESSION_COMPLETE
                         ? "Its last phase, %" PRId64 ", passed its gate at %s."
                         : "It ended in phase %" PRId64 " at %s.",
                     s->row.current_phase, at),
        arena_printf(c->arena,
                     "Begin a new one: start_workflow {\"workflow_type\": "
                     "\"%.*s\", \"target\": \"...\"}.",
                     SLICE_ARG(s->row.workflow_type)),
        "Session %.*s is %.*s", SLICE_ARG(s->row.id), SLICE_ARG(s->row.status));
}

/* What is missing has a name of its own; it is the better one. */
static enum err in_trouble(struct eng_call *c, const struct eng_snapshot *s,
                           enum err e)
{
    const struct eng_dynamic *dyn = s->definition->dynamic_config;
    struct slice option = {0};
    for (int i = 0; s->trouble.n && i < ERR_COUNT; i++)
        if (slice_eq(err_detail((enum err)i), s->trouble)) e = (enum err)i;
    if (dyn && dyn->source_path_key.n)
        option = arena_printf(c->arena,
                              " With \"options\": {\"%.*s\": \"...\"} it "
                              "takes its plan from there.",
                              SLICE_ARG(dyn->source_path_key));
    return problem_setf(
        &c->problem, c->arena, e, arena_copy(c->arena, s->trouble_why),
        arena_printf(c->arena,
                     "When it is there: manage_session {\"session_id\": "
                     "\"%.*s\", \"action\": \"retry_phase\"}.%.*s",
                     SLICE_ARG(s->row.id), SLICE_ARG(option)),
        "Session %.*s can be read, but not advanced", SLICE_ARG(s->row.id));
}

enum err eng__problem_closed(struct eng_call *c, const struct eng_snapshot *s,
                             enum eng_action a)
{
    enum eng_status to;
    enum err e = eng__move(s->status, a, &to);
    if (!e) return OK;
    if (s->status == ENG_PAUSED) return paused(c, s);
    if (s->status == ENG_EXPIRED) return expired(c, s);
    return s->status == ENG_ERRED ? in_trouble(c, s, e) : ended(c, s, e);
}
