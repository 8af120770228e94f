/*
 * session: a workflow session as an immutable, reference-counted snapshot.
 *
 * A write builds the next snapshot, commits it WHERE version = ?, and only
 * then publishes it in the sessions cache. Readers never lock and never see
 * half a write. A snapshot holds its pinned definition.
 *
 * `detail` in the row is the engine's JSON:
 *   {"options":{...},"completed":[{"phase":0,"at":ms,"event":3}],
 *    "opened":ms,"trouble":{"detail":"SOURCE_NOT_FOUND","why":"..."},
 *    "kept":[{"phase","field","path","sha256","bytes","dev"?,...}],
 *    "reopened":{"phase","at","event","began","changed":[...]}}
 * `completed` holds the phases that stand: a rollback cuts it, and with it
 * what they keep (engine/fresh.h).
 */
#ifndef ENGINE_SESSION_H
#define ENGINE_SESSION_H

#include "base/sha256.h"
#include "engine/core.h"
#include "engine/definition.h"
#include "engine/look.h"
#include "engine/transition.h"
#include "state/records.h"

struct eng_completed {
    int64_t phase, at_ms, event;
};

/* A file that a completed phase was proven by and that has to stay. */
struct eng_kept {
    int64_t phase;
    struct slice field, path;
    uint8_t sha256[SHA256_SIZE];
    int64_t bytes;
    struct eng_stamp stamp; /* a hint, and no part of what was proven */
    int64_t began_ms;       /* its phase, when it was proven; 0: not known */
};

/* The phase that such a file has opened again; until it is completed. */
struct eng_reopened {
    int64_t phase, at_ms, event;
    int64_t began_ms; /* when the phase was opened, before it was proven */
    /* [{"phase","field","path","was_sha256","is_sha256" or "why"}]; NULL: no
     * phase was */
    const struct json *changed;
};

struct eng_snapshot {
    struct st_session row;      /* texts lie in `arena` */
    enum eng_status status;     /* row.status, parsed */
    const struct json *options; /* NULL: none were given */
    const struct eng_completed *completed;
    size_t completed_count;
    const struct eng_kept *kept; /* by the completed phases, in their order */
    size_t kept_count;
    struct eng_reopened reopened;
    int64_t opened_ms; /* since when the current phase is the current one */
    struct slice trouble, trouble_why; /* of status error: what is missing */
    const struct st_claim *claims;
    size_t claims_count;
    const struct st_approval *approvals; /* one of a phase: the newest */
    size_t approvals_count;
    struct eng_definition *definition; /* a reference of ours */
    uint64_t stamp; /* the store's, from before the row was read */
    int64_t serial; /* of this object: no other of the process has it */
    struct arena arena;
};

MUST_USE enum err eng__sessions_cache(struct engine *e, struct st_cache **ret);

/* The current snapshot, held by the call's arena. Fills the problem:
 * ERR_INVALID_SESSION_ID, ERR_SESSION_NOT_FOUND, ERR_SESSION_CORRUPT,
 * ERR_STORE_*. Thread: worker */
MUST_USE enum err eng__session_get(struct engine *e, struct eng_call *c,
                                   struct slice id,
                                   const struct eng_snapshot **ret);
/* What the store has now, past the cache. Gives. ERR_NOT_FOUND: a hidden one
 * too. */
MUST_USE enum err eng__session_read(struct engine *e, struct slice id,
                                    struct eng_snapshot **ret);
/* The snapshot if it is cached and valid without I/O, else NULL; one that
 * keeps files never is, nor one whose reading has to be noted first. Only
 * between st_cache_pin and st_cache_unpin. Thread: loop */
const struct eng_snapshot *eng__session_peek(struct engine *e, struct slice id,
                                             int64_t now);

/* A copy to be changed into the next version: row.version + 1, updated now.
 * Gives. */
MUST_USE enum err eng__snapshot_next(const struct eng_snapshot *s,
                                     int64_t now_ms, struct eng_snapshot **ret);
/* A new session's first snapshot. Takes nothing, refs the definition. */
MUST_USE enum err eng__snapshot_first(struct eng_definition *d, struct slice id,
                                      struct slice target,
                                      const struct json *options,
                                      int64_t now_ms, uint64_t stamp,
                                      struct eng_snapshot **ret);
/* Marks the phase completed and moves to the next one, or ends the session.
 * `next` is private to the caller. */
MUST_USE enum err eng__snapshot_complete(struct eng_snapshot *next,
                                         int64_t phase, int64_t at_ms,
                                         int64_t event);
/* Takes the edge of the table; the error of eng__move, and then nothing has
 * changed. */
MUST_USE enum err eng__snapshot_move(struct eng_snapshot *next,
                                     enum eng_action a);
/* Back to this phase: it and all later ones are no longer completed. */
void eng__snapshot_cut(struct eng_snapshot *next, int64_t phase);
/* Sets one task's claim. */
MUST_USE enum err eng__snapshot_claim(struct eng_snapshot *next,
                                      const struct st_claim *claim);
/* Sets one phase's approval. */
MUST_USE enum err eng__snapshot_approval(struct eng_snapshot *next,
                                         const struct st_approval *ap);
/* Writes row.detail from the fields. Call it last. */
MUST_USE enum err eng__snapshot_seal(struct eng_snapshot *next);
void eng__snapshot_free(struct eng_snapshot *s); /* NULL is fine */

/* After the commit; takes the snapshot. A hidden one is forgotten. Thread:
 * writer */
void eng__session_publish(struct engine *e, struct eng_snapshot *s);
void eng__session_forget(struct engine *e, struct slice id);

/* "completed", "current" or "locked". */
const char *eng__phase_status(const struct eng_snapshot *s, int64_t phase);
/* NULL when it is not completed. */
const struct eng_completed *eng__completed(const struct eng_snapshot *s,
                                           int64_t phase);
/* Phases can be worked on: status active. */
bool eng__session_open(const struct eng_snapshot *s);
/* The current phase; NULL when the definition does not have it (a session
 * that was imported without its source). */
const struct eng_phase *eng__session_phase(const struct eng_snapshot *s);
/* When the current phase was first opened: a changed file opens it again, and
 * does not begin it anew. */
int64_t eng__phase_began(const struct eng_snapshot *s, int64_t phase);
const struct st_claim *eng__claim(const struct eng_snapshot *s, int64_t phase,
                                  int64_t task);

#endif
