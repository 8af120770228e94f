/*
 * expire: sessions in which nothing has happened for sessions.idle_expire_s
 * are marked expired, each by an event of its own; sessions.archive_after_s
 * says which finished ones the default list leaves out. Both are off unless
 * set, since a session that is resumed after months is normal.
 *
 * A sweep is made of batches, one a round, whose writes the writer commits
 * together. Each is an operation in its session's turn, so a call that came
 * before is through by then, and what it wrote makes the session anything but
 * idle; of several processes that sweep at once the row's version lets one win.
 * A read by a call counts as well, to the end of its minute: the first of each
 * minute is noted in the store, where all processes see it.
 * Idle is told by the wall clock, which processes share: one that was set back
 * expires nothing.
 */
#ifndef ENGINE_EXPIRE_H
#define ENGINE_EXPIRE_H

#include "engine/core.h"

/* The next batch, if it is time. Thread: keeper */
void eng__expire_tick(struct engine *e, int64_t now);

/* Has it been noted that the session is read in this minute, or need it not
 * be? Thread: any, a loop too */
bool eng__read_is_noted(struct engine *e, struct slice id);
/* A call has read the session: notes it, in the background. Thread: any */
void eng__read_note(struct engine *e, struct slice id);

/* Finished sessions whose last change is not younger are out of the default
 * list; 0: none is. Thread: any */
int64_t eng__archived_until(const struct engine *e);

#endif
