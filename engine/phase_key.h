/*
 * phase_key: the cache key "<definition hash>:<phase>", made and taken apart.
 * A hash is 64 hex digits, so the key is exact and short enough for a stack.
 */
#ifndef ENGINE_PHASE_KEY_H
#define ENGINE_PHASE_KEY_H

#include <inttypes.h>
#include <stdio.h>

#include "base/slice.h"

#define PHASE_KEY_SIZE 96

static inline struct slice phase_key(char out[PHASE_KEY_SIZE],
                                     struct slice hash, int64_t phase)
{
    int n =
        snprintf(out, PHASE_KEY_SIZE, "%.*s:%" PRId64, SLICE_ARG(hash), phase);
    return (struct slice){out, (size_t)n};
}

static inline bool phase_key_parse(struct slice key, struct slice *ret_hash,
                                   int64_t *ret_phase)
{
    return slice_split(&key, ':', ret_hash) && slice_int64(key, ret_phase);
}

#endif
