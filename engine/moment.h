/*
 * moment: a name for the work of a read that begins now. Two reads with one
 * name would find the same: same tool, same arguments by meaning, no commit of
 * this or another process and no change of a watched file between them. So one
 * may have the other's answer while it is still being made, and a read that
 * begins after an answered write never shares with one begun before it.
 *
 * Thread: any, loops too: a few atomic loads, two poll(2), one hash.
 */
#ifndef ENGINE_MOMENT_H
#define ENGINE_MOMENT_H

#include "base/sha256.h"
#include "engine/engine.h"

/* False: nothing vouches for it now (a foreign commit is under way, a folder
 * that does not report changes, no memory). `arguments` may be NULL. */
bool eng_moment(struct engine *e, struct slice tool,
                const struct json *arguments, struct arena *a,
                uint8_t ret_name[SHA256_SIZE]);

#endif
