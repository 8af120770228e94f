/*
 * pinned: definitions by hash, as the store keeps them. A session reads the
 * definition it was started with, whatever happens to the folder on disk.
 */
#ifndef ENGINE_PINNED_H
#define ENGINE_PINNED_H

#include "engine/core.h"
#include "engine/definition.h"

MUST_USE enum err eng__definitions_cache(struct engine *e,
                                         struct st_cache **ret);
/* Gives a reference (eng_definition_unref). ERR_SESSION_CORRUPT when the
 * store lacks or cannot read it. Thread: worker */
MUST_USE enum err eng__pinned_load(struct engine *e, struct slice hash,
                                   const struct cancel *c,
                                   struct eng_definition **ret);

#endif
