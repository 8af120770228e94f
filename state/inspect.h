/*
 * inspect: what a state file is and whether it is whole, without changing a
 * byte, taking a lock that holds anybody up, or waiting: for `doctor`, and
 * for a backup before it gets its name. A live file is read in one snapshot.
 */
#ifndef STATE_INSPECT_H
#define STATE_INSPECT_H

#include "base/arena.h"
#include "base/cancel.h"
#include "base/problem.h"
#include "base/progress.h"

struct st_inspection {
    int64_t bytes, wal_bytes;
    int version, version_known; /* of the file; the newest we know */
    int64_t sessions;           /* rows; -1: not readable */
    bool checked;               /* every page was looked at */
};

/* `deep`: every page and index is checked, which takes a second for some
 * hundred MiB; `c` ends that, and then it is not `checked`. ERR_NOT_FOUND (no
 * such file, or nothing was ever written to it), ERR_STORE_TOO_NEW, ERR_STORE_FOREIGN, ERR_STORE_CORRUPT with
 * the first finding, ERR_IO, ERR_NOMEM. Thread: any but a loop */
MUST_USE enum err st_inspect(struct slice path, bool deep,
                             const struct cancel *c, struct arena *a,
                             struct problem *p, struct st_inspection *ret);

/* A consistent, checked copy of a file that may be in use, under a name that
 * is not taken: ERR_EXISTS. `progress`, in pages, may be NULL. Others as above
 * and as st_store_backup. Thread: main or worker */
MUST_USE enum err st_backup_file(struct slice from, struct slice to,
                                 struct progress *progress, struct arena *a,
                                 struct problem *p, struct st_inspection *ret);

#endif
