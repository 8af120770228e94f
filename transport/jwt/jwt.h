/*
 * jwt: access tokens that an authorization server has signed (RFC 7519, 9068),
 * judged without asking it. The only room that includes OpenSSL; built with
 * PHASEGATE_JWT.
 *
 * A token is good when all of it holds: three parts of strict base64url, a
 * header and claims without a key that stands twice, an algorithm of the list
 * (RS, PS, ES 256 to 512, EdDSA; there is no code for `none` or HMAC), no
 * critical extension, a key of its issuer that is of the algorithm's kind and
 * at least 2048 bits of RSA, the signature, issuer, audience, exp, nbf. Keys
 * are those of files alone: what a token says of its key is looked up, never
 * followed. Nothing here opens a connection.
 */
#ifndef TRANSPORT_JWT_JWT_H
#define TRANSPORT_JWT_JWT_H

#include "transport/authority.h"

struct tp_jwt;

/* A JWK set (JSON) or public keys (PEM), kept up to date by the operator. */
struct tp_jwt_issuer {
    struct slice issuer; /* as `iss` has it, byte for byte */
    struct slice file;
};

struct tp_jwt_config {
    const struct tp_jwt_issuer *issuers;
    size_t issuers_count;
    struct slice audience; /* a url: scheme and host without case */
    const struct slice *scopes;
    size_t scopes_count;
    int64_t leeway_s;
};

/* Reads the files. A file that cannot be read or has no usable key: an error
 * that `p` tells. All texts are kept. Thread: startup */
MUST_USE enum err tp_jwt_new(const struct tp_jwt_config *c, struct arena *a,
                             struct problem *p, struct tp_jwt **ret);
/* Reads files that have changed; one that cannot be read leaves the keys as
 * they are and a line in the log. Blocks on files. Thread: keeper */
void tp_jwt_refresh(struct tp_jwt *j);
/* tp_authority.judge; `jwt` is a struct tp_jwt. Thread: any. Lock: takes
 * j->lock for a moment */
enum tp_verdict tp_jwt_judge(void *jwt, struct slice token,
                             const char **reterr_why);
void tp_jwt_free(struct tp_jwt *j); /* NULL is fine */

#endif
