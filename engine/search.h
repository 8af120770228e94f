/*
 * search: search_standards. The answer to a query is a value of the `search`
 * cache, whose key holds all it depends on, the revision of the index among
 * it: an answer from before a change is never found again.
 */
#ifndef ENGINE_SEARCH_H
#define ENGINE_SEARCH_H

#include "engine/core.h"

MUST_USE enum err eng__search_cache(struct engine *e, struct st_cache **ret);
/* The corpus of the engine's standards; nothing is read yet. */
MUST_USE enum err eng__search_open(struct engine *e);
void eng__search_close(struct engine *e);

#endif
