/*
 * transfer: sessions out of a state file and into one. Our own document
 * carries the record byte for byte, chain included, so an import is judged by
 * the audit that judges a store (engine/audit.h) before anything is written.
 * A session file of praxis-os becomes a new record that says where it came
 * from; it is never written to.
 *
 *   {"phasegate_export":1,"exported_at":"...",
 *    "sessions":[{"row":{...},"events":[...],"evidence":[...],
 *                 "claims":[...],"approvals":[...]}],
 *    "definitions":[{"hash","workflow_type","body"}]}
 *
 * Texts that hashes cover (data, body, verdict) are JSON strings. Times are
 * Unix milliseconds, hashes hex: docs/STATE.md names the columns.
 */
#ifndef ENGINE_TRANSFER_H
#define ENGINE_TRANSFER_H

#include "engine/session.h"

/* One session with all that belongs to it, ready to be written. */
struct eng_record {
    struct st_session row;
    struct st_event *events;
    size_t events_count;
    struct st_evidence *evidence;
    size_t evidence_count;
    struct st_claim *claims;
    size_t claims_count;
    struct st_approval *approvals;
    size_t approvals_count;
    struct slice definition_body; /* empty: it is in the store */
};

/* What an import has to say; the lists of the answer. */
struct import {
    struct engine *engine;
    struct eng_call *call;
    const struct eng_import_args *args;
    bool ours; /* the record is as it was: a head can be compared */
    struct buf imported, skipped, refused; /* "{...},{...}" */
};
void eng__import_skipped(struct import *im, struct slice id, const char *why);
/* Writes the record unless there is one of its id; says so. `notes` is a
 * JSON array. */
MUST_USE enum err eng__import_record(struct import *im, struct eng_record *r,
                                     struct slice trouble, struct slice notes);
/* Reads a praxis-os session: ERR_PARSE with the problem filled when it is not
 * one. engine/import_praxis.c */
MUST_USE enum err eng__import_praxis(struct import *im,
                                     const struct json *session);

#endif
