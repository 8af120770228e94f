#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *p, size_t n)
{
    char *at = p;
    while (n) {
        ssize_t got = getrandom(at, n, 0);
        /* EINTR is the only failure of a kernel that has the call; without
         * it nothing of what is made here could be trusted. */
        if (got < 0 && errno != EINTR) abort();
        if (got < 0) continue;
        at += got;
        n -= (size_t)got;
    }
}

uint64_t random_u64(void)
{
    uint64_t v;
    random_bytes(&v, sizeof(v));
    return v;
}

static bool is_dash_place(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

struct slice random_uuid(char out[UUID_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t b[16];
    random_bytes(b, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0F) | 0x40); /* version 4 */
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80); /* variant 10 */
    size_t nibble = 0;
    for (size_t i = 0; i < UUID_SIZE - 1; i++) {
        if (is_dash_place(i)) {
            out[i] = '-';
            continue;
        }
        out[i] = hex[nibble % 2 ? b[nibble / 2] & 0x0F : b[nibble / 2] >> 4];
        nibble++;
    }
    out[UUID_SIZE - 1] = '\0';
    return (struct slice){out, UUID_SIZE - 1};
}

bool uuid_valid(struct slice s)
{
    if (s.n != UUID_SIZE - 1) return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (is_dash_place(i) ? c != '-' : !hex) return false;
    }
    return true;
}
