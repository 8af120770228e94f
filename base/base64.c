#include "base/base64.h"

size_t base64_length(size_t n, enum base64_kind kind)
{
    return kind == BASE64_URL ? (n * 4 + 2) / 3 : (n + 2) / 3 * 4;
}

void base64_write(struct slice bytes, enum base64_kind kind, char *out)
{
    static const char *const digits[] = {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};
    const char *d = digits[kind];
    bool pad = kind == BASE64_PLAIN;
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t left = bytes.n - i;
        uint32_t v = (uint32_t)(unsigned char)bytes.p[i] << 16;
        if (left > 1) v |= (uint32_t)(unsigned char)bytes.p[i + 1] << 8;
        if (left > 2) v |= (unsigned char)bytes.p[i + 2];
        *out++ = d[v >> 18];
        *out++ = d[v >> 12 & 63];
        if (left > 1 || pad) *out++ = left > 1 ? d[v >> 6 & 63] : '=';
        if (left > 2 || pad) *out++ = left > 2 ? d[v & 63] : '=';
    }
}

void base64_put(struct buf *b, struct slice bytes, enum base64_kind kind)
{
    size_t room = base64_length(bytes.n, kind);
    if (!room || !buf_reserve(b, room)) return;
    base64_write(bytes, kind, b->p + b->n);
    buf_add(b, room);
}
