/*
 * fresh: proofs that have to stay true until the workflow ends.
 *
 * What a field with `fresh: true` was proven by is kept with its phase, by
 * digest. Whoever reads the session or goes on in it is preceded by a look at
 * those files: when one is another, the phase and all after it are open again,
 * as after a rollback, with an event that says which file changed. A read
 * trusts a file's stamp (inode, size, times); what completes a phase reads
 * the bytes.
 *
 * Thread: worker.
 */
#ifndef ENGINE_FRESH_H
#define ENGINE_FRESH_H

#include "engine/op.h"
#include "engine/proof.h"

/* Right after the session was read, before anything is decided by it. OK:
 * everything kept is as it was. ERR_AGAIN, ERR_PENDING: give it back at once:
 * the phase is opened again first, and then the op is decided anew. Another:
 * the problem is filled. `bytes`: the stamps do not do. */
MUST_USE enum err eng__fresh_check(struct eng_op *op,
                                   const struct eng_snapshot *s, bool bytes);

/* What the phase that is being completed has to keep, into the next snapshot;
 * and the same as "fresh":[...] for its event, if there is any. */
MUST_USE enum err eng__fresh_keep(struct eng_snapshot *next,
                                  const struct eng_proving *p);
void eng__fresh_write(struct json_writer *w, const struct eng_snapshot *next,
                      int64_t phase);

/* The list as a session's detail and the events hold it, in the arena. An
 * event tells no phase: it is the event's. ERR_NOMEM, ERR_SESSION_CORRUPT. */
MUST_USE enum err eng__kept_read(const struct json *list, int64_t phase,
                                 struct arena *a, struct eng_kept **ret,
                                 size_t *ret_count);
/* With phases and stamps, for the detail. */
void eng__kept_write(struct json_writer *w, const struct eng_kept *list,
                     size_t count);
/* By what was proven; the stamp is nobody's word. */
bool eng__kept_same(const struct eng_kept *a, const struct eng_kept *b);

#endif
