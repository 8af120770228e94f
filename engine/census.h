/*
 * census: which workflows the roots hold and in which state their files are,
 * to tell after a change how many came, changed and went. Only told, never
 * relied on: what a lookup returns is checked by itself (engine/watch.h).
 *
 * Thread: one at a time, may read folders. Needs base/.
 */
#ifndef ENGINE_CENSUS_H
#define ENGINE_CENSUS_H

#include "base/arena.h"

struct census;

/* Of these roots, which are kept. NULL: out of memory; then nothing is told. */
struct census *census_new(const struct slice *roots, size_t count);
void census_free(struct census *c);
/* Looks anew. Logs "definitions changed" for each root in which something is
 * not as at the last look; the first look tells nothing. */
void census_take(struct census *c);

#endif
