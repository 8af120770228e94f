/*
 * random: getrandom(2). Ids, tokens, hash seeds. Blocks only before the
 * kernel's pool is ready. Thread: any.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include "base/slice.h"

void random_bytes(void *p, size_t n);
uint64_t random_u64(void);
#define UUID_SIZE 37 /* with NUL */
/* RFC 9562 version 4, lower case. */
struct slice random_uuid(char out[UUID_SIZE]);
/* 36 characters of lower-case hex in 8-4-4-4-12 form. */
bool uuid_valid(struct slice s);

#endif
