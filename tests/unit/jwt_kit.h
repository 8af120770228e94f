/* jwt_kit: an issuer in a test's hand: keys made when the test runs, JWK sets
 * of them, and tokens signed with them, rightly or wrongly. */
#ifndef TESTS_UNIT_JWT_KIT_H
#define TESTS_UNIT_JWT_KIT_H

#include "tests/runner/test.h"

/* "rsa", "rsa2", "weak" (1024 bits), "p256", "p256b", "p384", "p521",
 * "ed25519", "oct" (its secret is known). Made once per process. */
struct slice jwt_kit_jwk(const char *key, const char *more_members);
/* {"keys":[...]} of these keys, each with its name as kid; NULL-ended. */
struct slice jwt_kit_set(const char *const *keys);
struct slice jwt_kit_pem(const char *key);

enum jwt_kit_way {
    JWT_RIGHT,
    JWT_FLIP_SIGNATURE,
    JWT_FLIP_CLAIMS, /* after signing */
    JWT_NO_SIGNATURE,
    JWT_TWO_PARTS,
    JWT_FIVE_PARTS,
    JWT_PADDED,
    JWT_DER,        /* EC: the signature as OpenSSL has it */
    JWT_SHORT,      /* the signature's last byte is missing */
    JWT_HMAC_PEM,   /* HS256 with the public key's PEM as secret */
    JWT_ZERO_RS,    /* EC: r and s are 0 */
    JWT_LOOSE_BITS, /* the last letter has bits that mean nothing */
    JWT_LONG
};
struct slice jwt_kit_token(const char *key, const char *header,
                           const char *claims, enum jwt_kit_way way);

#endif
