/*
 * keeper: one thread that does the housekeeping once a second. Thread:
 * main starts and stops it.
 */
#ifndef CLI_KEEPER_H
#define CLI_KEEPER_H

#include "base/err.h"

struct cli_keeper;

/* round(ctx) runs on the keeper's thread, first after one period. */
MUST_USE enum err cli_keeper_start(void (*round)(void *ctx), void *ctx,
                                   struct cli_keeper **ret);
/* Waits for a round under way. NULL is fine. */
void cli_keeper_stop(struct cli_keeper *k);

#endif
