/*
 * base64: bytes as text (RFC 4648). URL: the alphabet for names and tokens,
 * without padding. Thread: any.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

enum base64_kind { BASE64_PLAIN, BASE64_URL };

/* How long the text of n bytes is. */
size_t base64_length(size_t n, enum base64_kind kind);
/* Writes base64_length(bytes.n, kind) characters. */
void base64_write(struct slice bytes, enum base64_kind kind, char *out);
void base64_put(struct buf *b, struct slice bytes, enum base64_kind kind);

#endif
