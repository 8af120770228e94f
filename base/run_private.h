/* run_private: what the server's half of run and the warden's share. */
#ifndef BASE_RUN_PRIVATE_H
#define BASE_RUN_PRIVATE_H

#include <spawn.h>

/* For posix_spawn: a session of its own, no blocked and no ignored signal.
 * Returns an errno; the caller destroys it when that is 0. */
int run__attributes(posix_spawnattr_t *ret);

#endif
