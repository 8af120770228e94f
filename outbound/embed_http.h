/*
 * embed_http: the embedder that asks an OpenAI-compatible endpoint over HTTP
 * or HTTPS (POST {"model", "input": [...]}, answered by {"data": [{"index",
 * "embedding": [...]}]}). One attempt at a time is all it knows: limits,
 * retries and the breaker stand before it (engine/provider.h).
 *
 * What comes back is hostile until read: a ceiling on the body, no
 * redirections, no compression, one vector for each text, all of one length,
 * all numbers finite. Only built with -DPHASEGATE_EMBEDDINGS=ON (libcurl).
 */
#ifndef OUTBOUND_EMBED_HTTP_H
#define OUTBOUND_EMBED_HTTP_H

#include "engine/engine.h"

struct embed_http;

struct embed_http_options {
    struct slice url;   /* http:// or https:// */
    struct slice model; /* sent, and kept with the vectors */
    struct slice key;   /* sent as a bearer token; empty: none */
    int64_t wait_ns;    /* of a search, for its query's vector */
    size_t body_max;    /* bytes of an answer; 0: 16 MiB */
};

/* Copies the options. ERR_INVALID (the URL), ERR_NOMEM with the problem.
 * Thread: startup, before others */
MUST_USE enum err embed_http_new(const struct embed_http_options *o,
                                 struct arena *a, struct problem *p,
                                 struct embed_http **ret);
/* No attempt is under way. NULL is fine. */
void embed_http_free(struct embed_http *h);
/* Lives as long as `h`. */
const struct eng_embedder *embed_http_embedder(const struct embed_http *h);

#endif
