/*
 * look: something that may block is looked at by a thread of its own, so that
 * who wants to know waits for a bounded time and never for the thing. A look
 * that does not end is waited for no second time: none is begun until it has.
 */
#ifndef CLI_LOOK_H
#define CLI_LOOK_H

#include "base/err.h"

struct cli_look;

/* read(ctx, ret) fills `size` bytes, on the look's thread with no lock held.
 * `name` is kept, 15 bytes at most. ERR_NOMEM, ERR_UNAVAILABLE. */
MUST_USE enum err cli_look_new(const char *name,
                               void (*read)(void *ctx, void *ret), void *ctx,
                               size_t size, struct cli_look **ret);
/* Begins a look, unless one is under way. Thread: one, as below */
void cli_look_ask(struct cli_look *l);
/* What the look that was asked for has found. False: it has not ended by
 * `until` (monotonic), or was begun for an earlier question. */
bool cli_look_take(struct cli_look *l, int64_t until, void *ret);
/* Waits for the look under way. NULL is fine. */
void cli_look_free(struct cli_look *l);

#endif
