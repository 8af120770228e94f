/*
 * embedder: the embedding endpoint that the options name (embed.*). In a build
 * without -DPHASEGATE_EMBEDDINGS=ON there are no such options, and never one.
 *
 * Thread: startup.
 */
#ifndef CLI_EMBEDDER_H
#define CLI_EMBEDDER_H

#include "cli/options.h"
#include "engine/engine.h"

struct cli_embedder;

/* *ret NULL: none is named. ERR_INVALID, ERR_NOT_FOUND, ERR_IO (the key's
 * file), ERR_NOMEM with the problem in `o`. */
MUST_USE enum err cli_embedder_new(struct cli_options *o,
                                   struct cli_embedder **ret);
/* NULL for NULL; lives as long as `e`. */
const struct eng_embedder *cli_embedder_use(const struct cli_embedder *e);
/* The engine has closed. NULL is fine. */
void cli_embedder_free(struct cli_embedder *e);

#endif
