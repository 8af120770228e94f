/*
 * approval: what a gate asks a person. A phase whose evidence meets every
 * other demand, and whose gate wants a person's word, leaves a request; a
 * person approves or rejects it; the agent submits the same evidence again.
 *
 * A request is about its subject: the evidence by meaning, and what the
 * server measured of it. Other evidence is another request. One stands for
 * each phase, the newest; the chain has all. Its status:
 *
 *   pending   -> approved | rejected   a person decided
 *   rejected  -> answered              the agent was told
 *   any       -> withdrawn             the phase was retried or rolled back
 *   any       -> pending               asked again, about another subject
 *
 * Nothing that an agent can call decides. eng_approval_decide is for the
 * operator's pages (with the operator's token) and for the command line on a
 * terminal; the channel is recorded with the person's name.
 */
#ifndef ENGINE_APPROVAL_H
#define ENGINE_APPROVAL_H

#include "engine/engine.h"

/* --- for the operator's pages and the command line ------------------------ */

/* Open requests, oldest first, as
 * {"approvals":[{"session_id","workflow_type","target","phase","phase_name",
 *   "event_id","status","fields":[],"subject_sha256","asked_at","asked_by",
 *   "decided_at"?,"by"?,"channel"?,"comment"?,"evidence"?,"evidence_bytes",
 *   "proofs":[...]}],"count","next_cursor"?}
 * `evidence` is left out above 64 KiB when no session is named. Naming a
 * session gives all its requests, decided ones too, by phase. On a loop:
 * ERR_AGAIN. Thread: worker or main */
struct eng_approvals_list_args {
    struct slice session_id;    /* empty: of all */
    struct slice workflow_type; /* empty: any */
    int64_t limit;              /* 1..200; 0: 50 */
    struct slice cursor;        /* next_cursor of the page before */
};
enum err eng_approvals_list(struct engine *e, struct eng_call *c,
                            const struct eng_approvals_list_args *args);

/* Decides a pending request. `event_id` names the one the person saw: when
 * the agent has asked anew since, ERR_CONFLICT. Answers {"session_id","phase",
 * "status","approval":{...},"receipt":{"event_id","hash"}}. A FIFO with the
 * session's other writes; on a loop it goes on elsewhere: ERR_PENDING.
 * ERR_NOT_FOUND (nothing is asked), ERR_CONFLICT (decided already, or asked
 * anew), ERR_INVALID_PARAMETER, ERR_SESSION_*. Thread: any */
struct eng_approval_decide_args {
    struct slice session_id;
    int64_t phase;    /* ENG_ABSENT: the one that is pending */
    int64_t event_id; /* of the request; ENG_ABSENT: whichever is pending */
    bool approve;
    struct slice person;  /* 1..200 characters */
    struct slice channel; /* "terminal", "dashboard" */
    struct slice comment; /* up to 4000 characters; a rejection needs one */
};
enum err eng_approval_decide(struct engine *e, struct eng_call *c,
                             const struct eng_approval_decide_args *args);

#endif
