/*
 * phases: which phase a call means, and whether it may be read. Readable are
 * the current phase and the completed ones; a later one is locked.
 */
#ifndef ENGINE_PHASES_H
#define ENGINE_PHASES_H

#include "engine/session.h"

/* `number` ENG_ABSENT: the current one. Fills the problem:
 * ERR_PHASE_OUT_OF_RANGE, ERR_PHASE_LOCKED. */
MUST_USE enum err eng__phase_readable(struct eng_call *c,
                                      const struct eng_snapshot *s,
                                      int64_t number,
                                      const struct eng_phase **ret);

#endif
