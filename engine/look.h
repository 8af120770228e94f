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

/* What a file is known by without reading it: equal, it has not been written
 * since, but for what is written through a mapping. */
struct eng_stamp {
    int64_t dev, ino, bytes, mtime_ns, ctime_ns; /* all 0: none */
};

struct eng_look {
    struct slice path; /* below the project's root, without . and doubles */
    uint8_t sha256[SHA256_SIZE];
    int64_t bytes, mtime_ms;
    /* When it was written at the latest: the kernel stamps files with a clock
     * that ticks, some file systems with whole seconds. */
    int64_t latest_ms;
    /* None when it may be written again within the same tick. */
    struct eng_stamp stamp;
    struct slice content; /* when it was asked for */
    /* Why it proves nothing; empty: it is what it should be. */
    struct slice why, how_to_fix;
    bool unsure; /* `why` is about this moment, not about the file */
};

/* Looks, and reads it whole. `most`: bytes it may have; `keep`: its content is
 * wanted as well. ERR_NOMEM, ERR_CANCELLED, ERR_DEADLINE; what is wrong with
 * the file is in *ret. arena */
MUST_USE enum err eng__look(struct slice root, struct slice path, int64_t most,
                            bool keep, const struct cancel *cancel,
                            struct arena *a, struct eng_look *ret);

/* Is it as it was, as far as can be told without reading it? No, when there
 * is no stamp. */
bool eng__look_same(struct slice root, struct slice path,
                    const struct eng_stamp *stamp, struct arena *a);

#endif
