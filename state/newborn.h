/*
 * newborn: a state file that is there whole from its first moment. It is
 * migrated in memory, written to a file without a name, synced, and then
 * given its name: one sync, where a rollback journal, a WAL and a checkpoint
 * take nine, and no half-made file after a crash. Private to state/.
 */
#ifndef STATE_NEWBORN_H
#define STATE_NEWBORN_H

#include "state/schema.h"

/* True: `path` names a new file at s->version now, in WAL mode, mode 0600, that
 * nobody has open through this call. Its name is on the disk when the WAL
 * beside it is first synced: SQLite then syncs their folder.
 *
 * False: nothing was done. Something of that name is there, or of its -wal or
 * -journal (SQLite throws those away beside an empty file, and would believe
 * them beside this one); somebody was faster; this file system has no files
 * without names; or it went wrong. SQLite then makes the file step by step, and
 * tells what is the matter. Thread: startup */
bool st__newborn(const struct st_schema *s, const char *path);

#endif
