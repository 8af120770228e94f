/*
 * sha256_block: the compression function of SHA-256, in plain C and with the
 * SHA instructions of x86 (ten times as fast; definitions are named by hash at
 * each load). Private to base/sha256.c and its test.
 *
 * Thread: any.
 */
#ifndef BASE_SHA256_BLOCK_H
#define BASE_SHA256_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern const uint32_t sha256_constants[64];

/* Mixes `blocks` blocks of 64 bytes into h. */
void sha256_blocks_plain(uint32_t h[8], const uint8_t *p, size_t blocks);

/* Does this processor have the instructions? */
bool sha256_x86_usable(void);
/* Only where usable. */
void sha256_blocks_x86(uint32_t h[8], const uint8_t *p, size_t blocks);

#endif
