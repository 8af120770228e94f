/*
 * checkpoint: what a phase's gate demands, through the checkpoints cache
 * (definition hash, phase). Requirements come from the pinned gate, never
 * from search.
 */
#ifndef ENGINE_CHECKPOINT_H
#define ENGINE_CHECKPOINT_H

#include "engine/core.h"
#include "engine/gate.h"

MUST_USE enum err eng__checkpoints_cache(struct engine *e,
                                         struct st_cache **ret);
/* The gate, alive as long as the call's arena. Thread: worker */
MUST_USE enum err eng__checkpoint_get(struct engine *e, struct eng_call *c,
                                      const struct eng_definition *d,
                                      int64_t phase,
                                      const struct eng_gate **ret);

#endif
