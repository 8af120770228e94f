/*
 * signature: one number for the state of a folder tree, from stat(2) alone.
 * Two equal signatures that are settled mean: nothing below was changed in
 * between. Not settled: something changed so recently that a further change
 * could carry the same times. Thread: worker (file I/O).
 */
#ifndef ENGINE_SIGNATURE_H
#define ENGINE_SIGNATURE_H

#include <stdbool.h>

#include "base/arena.h"

/* The state as it is, and what can be said about it. */
struct eng_signature {
    uint64_t value;
    bool settled; /* a further change will show in it */
    bool plain;   /* folders and files with one name each, on one file system:
                   * a change comes through the folder that holds it */
};
/* ERR_NOT_FOUND, ERR_IO, ERR_TOO_LARGE (more than 8,192 names or 16 levels). */
MUST_USE enum err eng__signature_take(struct slice folder, struct arena *a,
                                      struct eng_signature *ret);

#endif
