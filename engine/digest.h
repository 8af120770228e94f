/*
 * digest: SHA-256 of a JSON value by meaning: member order, white space and
 * the spelling of numbers and strings do not matter. Tells whether a call
 * that repeats an idempotency key carries the same arguments. Thread: any.
 */
#ifndef ENGINE_DIGEST_H
#define ENGINE_DIGEST_H

#include "base/arena.h"
#include "base/json.h"
#include "base/sha256.h"

/* Adds one text or value, unambiguously. `v` NULL counts as absent. Scratch
 * lies in the arena: ERR_NOMEM. Depth is bounded by the reader's ceiling. */
void eng__digest_text(struct sha256 *h, struct slice text);
void eng__digest_int(struct sha256 *h, int64_t v);
MUST_USE enum err eng__digest_json(struct sha256 *h, const struct json *v,
                                   struct arena *a);

#endif
