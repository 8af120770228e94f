/*
 * target: the label a session is found by again. It need not exist as a file,
 * but it looks like a relative path and stays harmless wherever it is shown.
 */
#ifndef ENGINE_TARGET_H
#define ENGINE_TARGET_H

#include "engine/engine.h"

/* One spelling for what is one target: trimmed, without "./" and with single
 * '/'. Fills the problem with ERR_INVALID_TARGET, naming the part refused.
 * arena */
MUST_USE enum err eng__target_take(struct eng_call *c, struct slice target,
                                   struct slice *ret);

#endif
