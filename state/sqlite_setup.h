/*
 * sqlite_setup: SQLite's process-wide settings. Private to state/.
 */
#ifndef STATE_SQLITE_SETUP_H
#define STATE_SQLITE_SETUP_H

#include "base/err.h"

/* Before the first use of SQLite; later calls do nothing. ERR_NOMEM.
 * Thread: any */
MUST_USE enum err st__sqlite_setup(void);

#endif
