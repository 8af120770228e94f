/*
 * replies: what get_phase and get_task have answered from a session's
 * snapshot, whole and in both spellings, so that the same question costs two
 * copies. An answer belongs to the very snapshot it was made from: the next
 * version of the session, or the same one read again, has none. Snapshots with
 * claims are left out, since claims end by time, and so are answers that tell
 * of changed files.
 */
#ifndef ENGINE_REPLIES_H
#define ENGINE_REPLIES_H

#include "engine/session.h"

enum { ENG_NO_TASK = -1 };

MUST_USE enum err eng__replies_cache(struct engine *e, struct st_cache **ret);
/* True: the answer has been written to c->out, which was empty. `task`:
 * ENG_NO_TASK for the phase itself. Only between st_cache_pin and
 * st_cache_unpin. Thread: loop */
bool eng__reply_again(struct engine *e, struct eng_call *c,
                      const struct eng_snapshot *s, int64_t phase,
                      int64_t task);
/* Keeps what c->out holds, all of it, as that answer. Thread: any */
void eng__reply_keep(struct engine *e, struct eng_call *c,
                     const struct eng_snapshot *s, int64_t phase, int64_t task);

#endif
