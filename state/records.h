/*
 * records: the rows of the store as structs, and the functions that read and
 * write them. Every function takes the st_tx of a read transaction or a job.
 *
 * Texts of rows that are read lie in the given arena; texts of rows that are
 * written are borrowed during the call. Times are Unix milliseconds.
 * Lookups answer ERR_NOT_FOUND. Thread: that of the tx.
 */
#ifndef STATE_RECORDS_H
#define STATE_RECORDS_H

#include "base/sha256.h"
#include "state/store.h"

/* One session's row. `detail` is the engine's JSON: options, phases, plan. */
struct st_session {
    struct slice id; /* UUID */
    struct slice workflow_type, target;
    struct slice status;          /* active paused completed error abandoned
                                     expired */
    struct slice definition_hash; /* hex */
    int64_t current_phase, total_phases;
    int64_t version; /* starts at 1, one more with every change */
    int64_t created_ms, updated_ms;
    bool hidden;       /* tombstone */
    int64_t event_seq; /* head of the session's chain; 0: none yet */
    uint8_t event_hash[SHA256_SIZE];
    struct slice detail;
};
enum err st_session_get(struct st_tx *tx, struct slice id, struct arena *a,
                        struct st_session *ret);
enum err st_session_version(struct st_tx *tx, struct slice id,
                            int64_t *ret_version);
/* ERR_EXISTS when the id is taken. */
enum err st_session_insert(struct st_tx *tx, const struct st_session *s);
/* Stores s (whose version is the new one) WHERE version = expected;
 * ERR_CONFLICT when somebody else was first. What names a session never
 * changes: id, workflow_type, target and created_ms are not written. */
enum err st_session_update(struct st_tx *tx, const struct st_session *s,
                           int64_t expected_version);
/* Really removes a session and all that belongs to it, the answers kept under
 * its id as scope included. */
enum err st_session_delete(struct st_tx *tx, struct slice id);
/* The newest unfinished (active, paused, error), not hidden session of this
 * workflow and target. */
enum err st_session_find(struct st_tx *tx, struct slice workflow_type,
                         struct slice target, struct arena *a,
                         struct st_session *ret);

/* A page: pass the last row's updated_ms and id to get the next. */
struct st_session_filter {
    struct slice status, workflow_type; /* empty: any */
    int64_t before_updated_ms;          /* the page's cursor; 0: from the top */
    struct slice before_id;
    int limit; /* < 1: no limit */
    /* Completed and expired ones whose last change is not younger are left
     * out; 0: none is. */
    int64_t archived_ms;
};
/* Newest change first, ties by id; hidden ones left out; detail not read. */
enum err st_session_list(struct st_tx *tx, const struct st_session_filter *f,
                         struct arena *a, struct st_session **ret,
                         size_t *ret_count);
enum err st_session_count(struct st_tx *tx, const struct st_session_filter *f,
                          int64_t *ret);

/* Active and paused, not hidden sessions in which nothing has happened since
 * `until_ms`, nor are they read any more then; the oldest change first, a page
 * behind the one that `after` names (an empty id: from the first). */
struct st_idle {
    int64_t since_ms;
    struct slice id;
};
enum err st_session_idle(struct st_tx *tx, const struct st_idle *after,
                         int64_t until_ms, int limit, struct arena *a,
                         struct st_idle **ret, size_t *ret_count);
/* Until when a session counts as read; of one that is not there, nothing is
 * kept. ERR_NOT_FOUND: nobody has read it since that is asked for. */
enum err st_read_put(struct st_tx *tx, struct slice session_id,
                     int64_t until_ms);
enum err st_read_get(struct st_tx *tx, struct slice session_id,
                     int64_t *ret_until_ms);

/* The ids behind `after` in their order, hidden sessions included. */
enum err st_session_ids(struct st_tx *tx, struct slice after, int limit,
                        struct arena *a, struct slice **ret, size_t *ret_count);
/* Ids that events, evidence or claims name and no session has. */
enum err st_session_orphans(struct st_tx *tx, struct arena *a,
                            struct slice **ret, size_t *ret_count);

/* The append-only chain. hash covers prev_hash and the canonical bytes that
 * docs/STATE.md defines; the caller computes it (engine/chain.h). */
struct st_event {
    struct slice session_id;
    int64_t seq; /* 1, 2, ... within the session */
    int64_t at_ms;
    struct slice type, actor;
    int64_t phase;     /* -1: none */
    struct slice data; /* JSON object */
    uint8_t prev_hash[SHA256_SIZE], hash[SHA256_SIZE];
};
/* ERR_EXISTS when the number is taken: a chain never forks. The chain of the
 * empty session_id is the store's own; no session's deletion touches it. */
enum err st_event_append(struct st_tx *tx, const struct st_event *e);
enum err st_event_list(struct st_tx *tx, struct slice session_id,
                       int64_t after_seq, int limit, struct arena *a,
                       struct st_event **ret, size_t *ret_count);
/* The newest event's number and hash; ERR_NOT_FOUND for an empty chain. */
enum err st_event_head(struct st_tx *tx, struct slice session_id,
                       int64_t *ret_seq, uint8_t ret_hash[SHA256_SIZE]);

/* Evidence as submitted, one row per attempt; `event_seq` ties it to the
 * chain, whose event carries its digest. */
struct st_evidence {
    struct slice session_id;
    int64_t phase, event_seq, at_ms;
    bool passed;
    struct slice body;    /* JSON object */
    struct slice verdict; /* JSON object */
};
enum err st_evidence_insert(struct st_tx *tx, const struct st_evidence *e);
/* All attempts in order; passed_only: the newest that passed of each phase,
 * by phase. Which phases count now (a rollback re-opens some) the session's
 * own row says. */
enum err st_evidence_list(struct st_tx *tx, struct slice session_id,
                          bool passed_only, struct arena *a,
                          struct st_evidence **ret, size_t *ret_count);
/* How the attempts behind `after_seq` were judged; their bodies are not read.
 */
enum err st_verdict_list(struct st_tx *tx, struct slice session_id,
                         int64_t after_seq, int limit, struct arena *a,
                         struct st_evidence **ret, size_t *ret_count);
/* The one attempt that this event of the chain tells of. */
enum err st_evidence_get(struct st_tx *tx, struct slice session_id,
                         int64_t phase, int64_t event_seq, struct arena *a,
                         struct st_evidence *ret);
enum err st_evidence_count(struct st_tx *tx, struct slice session_id,
                           int64_t *ret);

/* A definition stored whole, by hash. */
enum err st_definition_get(struct st_tx *tx, struct slice hash, struct arena *a,
                           struct slice *ret_body);
/* Keeps an existing one: equal hashes are equal bodies. */
enum err st_definition_put(struct st_tx *tx, struct slice hash,
                           struct slice workflow_type, struct slice body);

/* How many sessions there are of each status, deleted ones apart. */
enum { ST_STATUSES = 8 };
struct st_session_tally {
    struct {
        char status[16];
        int64_t sessions;
    } rows[ST_STATUSES];
    size_t count;
};
enum err st_session_tally(struct st_tx *tx, struct arena *a,
                          struct st_session_tally *ret);
/* Pages of the file that hold nothing. */
MUST_USE enum err st_free_pages(struct st_tx *tx, int64_t *ret);

/* Answers of writing calls, to be given again for the same key. */
struct st_idempotency {
    struct slice scope, key;
    uint8_t digest[SHA256_SIZE]; /* of the arguments */
    struct slice answer;         /* JSON object */
    int64_t expires_ms;
    struct slice tool; /* of the first use; empty: of an older program's */
    int64_t at_ms;
};
enum err st_idempotency_get(struct st_tx *tx, struct slice scope,
                            struct slice key, int64_t now_ms, struct arena *a,
                            struct st_idempotency *ret);
/* Most that may be kept; the oldest leave. */
struct st_idempotency_room {
    int64_t rows;  /* of one scope */
    int64_t bytes; /* of all: scopes, keys and answers */
};
/* Takes the place of one with the same scope and key. One that is larger than
 * all may be is not kept. *ret_dropped: how many left, it included. */
enum err st_idempotency_put(struct st_tx *tx, const struct st_idempotency *i,
                            const struct st_idempotency_room *room,
                            int64_t *ret_dropped);
/* How much is kept of a scope; of all: an empty one. */
struct st_idempotency_use {
    int64_t rows, bytes;
};
enum err st_idempotency_use(struct st_tx *tx, struct slice scope,
                            struct st_idempotency_use *ret);
/* Removes what has expired, `most` at a time. */
enum err st_idempotency_sweep(struct st_tx *tx, int64_t now_ms, int64_t most,
                              int64_t *ret_expired);
/* Has anything expired? */
enum err st_idempotency_due(struct st_tx *tx, int64_t now_ms, bool *ret);

/* A task's claim. fence grows with every claim of the task, for ever. */
struct st_claim {
    struct slice session_id;
    int64_t phase, task;
    struct slice status; /* open claimed done */
    struct slice agent;
    int64_t fence, expires_ms;
};
enum err st_claim_get(struct st_tx *tx, struct slice session_id, int64_t phase,
                      int64_t task, struct arena *a, struct st_claim *ret);
/* ERR_CONFLICT when the stored fence is greater: it never goes back. */
enum err st_claim_put(struct st_tx *tx, const struct st_claim *c);
enum err st_claim_list(struct st_tx *tx, struct slice session_id,
                       struct arena *a, struct st_claim **ret,
                       size_t *ret_count);

/* What a person is asked about a phase, and the answer: the newest request of
 * each phase. docs/STATE.md has the words of `status`. */
struct st_approval {
    struct slice session_id;
    int64_t phase, event_seq; /* the request's event */
    struct slice status;      /* pending approved rejected answered withdrawn */
    uint8_t subject[SHA256_SIZE]; /* of what is asked about */
    struct slice fields;          /* JSON array of names; []: the phase */
    int64_t asked_ms;
    struct slice asked_by;
    int64_t decided_ms; /* 0: not yet */
    struct slice decided_by, channel, comment;
};
/* Takes the place of the phase's former one. */
enum err st_approval_put(struct st_tx *tx, const struct st_approval *ap);
enum err st_approval_list(struct st_tx *tx, struct slice session_id,
                          struct arena *a, struct st_approval **ret,
                          size_t *ret_count);
/* Pending ones of sessions that are active or paused and not hidden, oldest
 * first: pass the last one's asked_ms, session_id and phase to get the next
 * page. */
struct st_approval_filter {
    struct slice workflow_type; /* empty: any */
    int64_t after_ms, after_phase;
    struct slice after_id;
    int limit; /* < 1: no limit */
};
enum err st_approval_open(struct st_tx *tx, const struct st_approval_filter *f,
                          struct arena *a, struct st_approval **ret,
                          size_t *ret_count);

#endif
