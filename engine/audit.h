/*
 * audit: is one session's record whole? Fed the session's row, then its
 * events in order with the evidence they tell of, then the other rows.
 * Recomputes the chain and follows what the events say of the session, so that
 * a row that was changed behind the chain's back shows as well.
 *
 * The same code judges the store (engine/verify.h) and a file that is to be
 * imported (engine/transfer.h). Thread: the owner of the arenas.
 */
#ifndef ENGINE_AUDIT_H
#define ENGINE_AUDIT_H

#include "base/json.h"
#include "engine/session.h"

struct eng_flaw {
    const char *code;        /* "EVENT_CHANGED" */
    struct slice session_id; /* empty: the store's own chain */
    int64_t event;           /* 0: none */
    struct slice what;
};

struct audit {
    struct arena *keep;    /* flaws lie here */
    struct arena *scratch; /* may be reset between sessions */
    struct eng_flaw *flaws;
    size_t flaws_count;
    /* private: the session under audit */
    const struct st_session *row;
    size_t flaws_room, flaws_before;
    int64_t seq, at_ms;
    uint8_t hash[SHA256_SIZE];
    bool hidden;
    struct slice status, definition_hash;
    int64_t current_phase, total_phases, created_ms, updated_ms;
    const struct json *options;
    struct eng_completed *completed;
    size_t completed_count, completed_room;
    struct eng_kept *kept; /* by the completed phases */
    size_t kept_count, kept_room;
    const struct json *reopened; /* data of what opened a phase; NULL: none */
    int64_t reopened_event, reopened_phase;
    struct st_claim *claims;
    size_t claims_count, claims_room;
    struct st_approval *approvals;
    size_t approvals_count, approvals_room;
    int64_t evidence_count;
    enum err err; /* out of memory, kept until audit_end */
};

void eng__audit_init(struct audit *au, struct arena *keep,
                     struct arena *scratch);
/* `row` lives until eng__audit_end. */
void eng__audit_begin(struct audit *au, const struct st_session *row);
/* Does this event want evidence? */
bool eng__audit_wants_evidence(struct audit *au, const struct st_event *ev);
/* `evidence` NULL: there is none. Texts of the event live until audit_end. */
void eng__audit_event(struct audit *au, const struct st_event *ev,
                      const struct st_evidence *evidence);
/* The rows beside the events. ERR_NOMEM. */
struct audit_rows {
    const struct st_claim *claims;
    size_t claims_count;
    const struct st_approval *approvals;
    size_t approvals_count;
    int64_t evidence_count;
};
MUST_USE enum err eng__audit_end(struct audit *au,
                                 const struct audit_rows *rows);
/* One more finding; at most 50 of one session are kept. */
void eng__audit_flaw(struct audit *au, const char *code,
                     struct slice session_id, int64_t event, const char *fmt,
                     ...) __attribute__((format(printf, 5, 6)));

#endif
