/*
 * backup: a consistent copy of a live file, by SQLite's online backup, of one
 * snapshot (writers go on; other processes too). Private to state/.
 */
#ifndef STATE_BACKUP_H
#define STATE_BACKUP_H

#include "base/err.h"
#include "base/progress.h"
#include "state/store.h"

enum st_backup_mode {
    ST_BACKUP_NEW,    /* ERR_EXISTS when `to` is there */
    ST_BACKUP_REPLACE /* an older copy gives way at the end, at once */
};

/* The copy is whole (every page was read back) and on the disk, folder
 * included, when this answers OK; on failure `to` is as it was. `progress`, in
 * pages, may be NULL. Thread: any but a loop */
MUST_USE enum err st__backup(const char *from, const char *to,
                             enum st_backup_mode mode, uint32_t busy_timeout_ms,
                             struct progress *progress);

#endif
