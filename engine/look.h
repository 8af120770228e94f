/*
 * look: a file of the project that shall prove something, looked at by the
 * server. Refused, and told as what they are: paths out of the project,
 * symbolic links anywhere in the path, folders, devices, FIFOs, sockets, and
 * everything in .phasegate, under any name. Nothing blocks: a file is known
 * to be a regular one before it is opened for reading.
 *
 * Thread: worker.
 */
#ifndef ENGINE_LOOK_H
#define ENGINE_LOOK_H

#include "base/arena.h"
#include "base/cancel.h"
#include "base/sha256.h"

struct eng_look {
    struct slice path; /* below the project's root, without . and doubles */
    uint8_t sha256[SHA256_SIZE];
    int64_t bytes, mtime_ms;
    /* When it was written at the latest: the kernel stamps files with a clock
     * that ticks, some file systems with whole seconds. */
    int64_t latest_ms;
    struct slice content; /* when it was asked for */
    /* Why it proves nothing; empty: it is what it should be. */
    struct slice why, how_to_fix;
};

/* Looks, and reads it whole. `most`: bytes it may have; `keep`: its content is
 * wanted as well. ERR_NOMEM, ERR_CANCELLED, ERR_DEADLINE; what is wrong with
 * the file is in *ret. arena */
MUST_USE enum err eng__look(struct slice root, struct slice path, int64_t most,
                            bool keep, const struct cancel *cancel,
                            struct arena *a, struct eng_look *ret);

#endif
