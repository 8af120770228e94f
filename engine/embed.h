/*
 * embed: vectors for search, from an endpoint outside that may be away at any
 * time. A query's vector comes through a cache of its own: one question at a
 * time for the same words, an old vector when the endpoint fails. Those of
 * passages are made in the background and kept in the index by content.
 *
 * Nothing here fails a search: without a vector there are the words.
 * Private to engine/. Thread: worker
 */
#ifndef ENGINE_EMBED_H
#define ENGINE_EMBED_H

#include "engine/corpus.h"
#include "engine/engine.h"

struct embed;

/* For the engine's embedder; its corpus, pool and providers are there and
 * outlive it. ERR_NOMEM, ERR_OVER_CAPACITY */
MUST_USE enum err embed_new(struct engine *engine, struct embed **ret);
/* What is under way is told to end. Before pool_stop. */
void embed_stop(struct embed *m);
/* Ends what goes on in the background. NULL is fine. */
void embed_free(struct embed *m);
void embed_sweep(struct embed *m, int64_t now);

struct embed_vector {
    const float *value; /* NULL: there is none; arena */
    size_t dimension;
    struct slice degraded; /* why there is none, or an old one; arena */
    bool cut;              /* there is none: the call's time was nearly over */
};
/* Waits at most as long as the embedder allows, and leaves the call the time to
 * answer with what else it has. ERR_CANCELLED, ERR_DEADLINE
 * of the call, ERR_NOMEM. */
MUST_USE enum err embed_query(struct embed *m, struct slice query,
                              const struct cancel *cancel, struct arena *a,
                              struct embed_vector *ret);

/* Passages of this state that have no vector get one in the background. */
void embed_fill(struct embed *m, const struct st_index_state *state,
                int64_t now);

struct st_cache *embed_cache(struct embed *m);
struct slice embed_model(const struct embed *m);

#endif
