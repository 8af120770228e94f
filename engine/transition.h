/*
 * transition: which action leads a session from which status to which, as one
 * table of allowed edges, and the one function that asks it. The same table
 * stands in docs/SESSIONS.md for people; a test holds the two together.
 *
 * Thread: any. Pure.
 */
#ifndef ENGINE_TRANSITION_H
#define ENGINE_TRANSITION_H

#include "base/err.h"
#include "base/slice.h"

enum eng_status {
    ENG_ACTIVE,
    ENG_PAUSED,
    ENG_COMPLETED,
    ENG_ERRED, /* imported, and something it needs is not here */
    ENG_ABANDONED,
    ENG_EXPIRED, /* idle too long; can be read, and opened again */
    ENG_STATUS_COUNT
};

enum eng_action {
    ENG_PAUSE,
    ENG_RESUME,
    ENG_RETRY_PHASE,
    ENG_ROLLBACK,
    ENG_ABANDON,
    ENG_DELETE,
    ENG_COMPLETE, /* a phase that is not the last one passes its gate */
    ENG_FINISH,   /* the last one does */
    ENG_CLAIM,    /* a task is claimed or released */
    ENG_DECIDE,   /* a person approves or rejects */
    ENG_REOPEN,   /* a file that a phase was proven by has changed */
    ENG_EXPIRE,   /* nothing happened for sessions.idle_expire_s */
    ENG_ACTION_COUNT
};

/* "active", ... as the rows spell it. */
struct slice eng__status_text(enum eng_status s);
bool eng__status_parse(struct slice text, enum eng_status *ret);
/* "pause", ... as the table in docs/SESSIONS.md spells it. */
struct slice eng__action_text(enum eng_action a);

/* Where the action leads; ERR_SESSION_PAUSED, ERR_SESSION_COMPLETE,
 * ERR_SESSION_CLOSED, ERR_SESSION_EXPIRED, ERR_UNAVAILABLE (status error: what
 * is missing is told by the session), ERR_CONFLICT. */
MUST_USE enum err eng__move(enum eng_status from, enum eng_action a,
                            enum eng_status *ret_to);

#endif
