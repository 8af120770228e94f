/*
 * chain: a session's events as an append-only hash chain. Each event's hash
 * covers the previous one and the canonical bytes of docs/STATE.md:
 *
 *   SHA-256( prev_hash[32] || field* ),  field = u64be(length) || bytes
 *   fields: session_id, seq, at_ms, type, phase, actor, data
 *   (numbers as decimal text; a phase of -1 is the text "-1")
 *
 * Detects edits, reordering, gaps; not a consistent rewrite by somebody who
 * can write the file. Thread: any.
 */
#ifndef ENGINE_CHAIN_H
#define ENGINE_CHAIN_H

#include "state/records.h"

/* Sets e->hash from the other fields. */
void eng__chain_seal(struct st_event *e);
/* Appends one event to the chain whose head is in `row`: fills prev_hash,
 * seq and hash and moves the head. */
void eng__chain_append(struct st_session *row, struct st_event *e);

/* Types of the store's own chain (the empty session_id). */
#define CHAIN_CREATED "session_created"
#define CHAIN_IMPORTED "session_imported"
#define CHAIN_HIDDEN "session_deleted"  /* by an agent: a tombstone */
#define CHAIN_REMOVED "session_removed" /* by a person: nothing is left */
/* Notes in the store's chain what became of a session: its id and head. In
 * the write transaction, where the chain's head is known. */
MUST_USE enum err eng__chain_note(struct st_tx *tx, struct slice type,
                                  struct slice actor,
                                  const struct st_session *row);

#endif
