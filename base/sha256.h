/*
 * sha256: FIPS 180-4. Names definitions, chains events, digests evidence.
 * Our own because the default build links no crypto library for one function;
 * proven by NIST's vectors. Not for secrets comparison (see sha256_equal).
 * Thread: any.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include "base/slice.h"

#define SHA256_SIZE 32
#define SHA256_HEX_SIZE 65 /* with NUL */

struct sha256 {
    uint32_t h[8];
    uint64_t bytes;
    uint8_t block[64];
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, struct slice bytes);
void sha256_end(struct sha256 *s, uint8_t ret[SHA256_SIZE]);
void sha256_of(struct slice bytes, uint8_t ret[SHA256_SIZE]);
struct slice sha256_hex(const uint8_t hash[SHA256_SIZE],
                        char out[SHA256_HEX_SIZE]);
/* Reads what sha256_hex writes (either case); false: not 64 hex digits. */
bool sha256_parse(struct slice hex, uint8_t ret[SHA256_SIZE]);
/* Constant time. */
bool sha256_equal(const uint8_t a[SHA256_SIZE], const uint8_t b[SHA256_SIZE]);

#endif
