/*
 * approval_record: approvals in a session's snapshot and in its chain. Every
 * event that changes one carries it whole as "approval":{...}, so that the
 * rows can be recomputed from the events.
 */
#ifndef ENGINE_APPROVAL_RECORD_H
#define ENGINE_APPROVAL_RECORD_H

#include "engine/op.h"

/* The object {"event_id","status","subject_sha256","fields","asked_ms",...}.
 * of the phase the event names. */
void eng__approval_write(struct json_writer *w, const struct st_approval *ap);
/* The same read back; false: something is missing or of the wrong type. Texts
 * lie in `v`. */
bool eng__approval_read(const struct json *v, struct st_approval *ret);
bool eng__approval_same(const struct st_approval *a,
                        const struct st_approval *b);
bool eng__approval_is(const struct st_approval *ap, const char *status);

/* The newest of the phase, or NULL. */
const struct st_approval *eng__approval(const struct eng_snapshot *s,
                                        int64_t phase);
/* Puts it into the next snapshot and into what the op writes. */
MUST_USE enum err eng__approval_set(struct eng_op *op,
                                    const struct st_approval *ap);
/* Those of this phase and all later ones count no more. */
MUST_USE enum err eng__approvals_withdraw(struct eng_op *op, int64_t from);

#endif
