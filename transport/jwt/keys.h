/*
 * keys: public keys of one issuer, out of a JWK set or PEM; and the check of a
 * signature with them. Immutable and counted: a refresh makes a new set.
 *
 * Keys that cannot be used here (symmetric ones, for encryption, unknown
 * curves, less than 2048 bits of RSA) are passed over.
 */
#ifndef TRANSPORT_JWT_KEYS_H
#define TRANSPORT_JWT_KEYS_H

#include "base/arena.h"

struct jwt_keys;
struct jwt_algorithm; /* a row of the list */

/* NULL: not in the list. */
const struct jwt_algorithm *jwt_algorithm(struct slice name);

/* ERR_INVALID: neither form, *reterr says what; ERR_NOMEM. A set without a
 * usable key is a set. */
MUST_USE enum err jwt_keys_read(struct slice text, struct jwt_keys **ret,
                                const char **reterr);
size_t jwt_keys_count(const struct jwt_keys *k);
struct jwt_keys *jwt_keys_ref(struct jwt_keys *k);
void jwt_keys_unref(struct jwt_keys *k); /* NULL is fine */

/* Has a key of this set, of the algorithm's kind, signed this? With a kid
 * only keys of that name are tried, and those that have none (PEM). */
bool jwt_keys_signed(const struct jwt_keys *k, const struct jwt_algorithm *alg,
                     struct slice kid, struct slice text,
                     struct slice signature);
/* Is there a key that could have? Tells an unknown key from a bad signature. */
bool jwt_keys_have(const struct jwt_keys *k, const struct jwt_algorithm *alg,
                   struct slice kid);

/* Strict base64url without padding, into the arena; {NULL, 0}: it is not. */
struct slice jwt_base64url(struct slice text, struct arena *a);

#endif
