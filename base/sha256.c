#include "base/sha256.h"

#include <endian.h>

#include "base/sha256_block.h"

const uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t ror(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static uint32_t load_be32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return be32toh(v);
}

/* The words after round i: each moves one place on, and a place has the same
 * name every eight rounds. That spares moving them. */
#define S(name, i) s[((name) - (i)) & 7]

static void rounds(uint32_t s[8], const uint32_t w[64])
{
    enum { A, B, C, D, E, F, G, H };
#pragma GCC unroll 64
    for (int i = 0; i < 64; i++) {
        uint32_t a = S(A, i), e = S(E, i);
        uint32_t choice = S(G, i) ^ (e & (S(F, i) ^ S(G, i)));
        uint32_t majority = (a & S(B, i)) | (S(C, i) & (a | S(B, i)));
        uint32_t t = S(H, i) + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + choice +
                     sha256_constants[i] + w[i];
        S(D, i) += t;
        S(H, i) = t + (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + majority;
    }
}
#undef S

static void one_block(uint32_t h[8], const uint8_t *block)
{
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++) w[i] = load_be32(block + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (ror(a, 7) ^ ror(a, 18) ^ a >> 3) + w[i - 7] +
               (ror(b, 17) ^ ror(b, 19) ^ b >> 10);
    }
    memcpy(s, h, sizeof(s));
    rounds(s, w);
    for (int i = 0; i < 8; i++) h[i] += s[i];
}

void sha256_blocks_plain(uint32_t h[8], const uint8_t *p, size_t blocks)
{
    for (; blocks > 0; blocks--, p += 64) one_block(h, p);
}

/* Chosen before main() and never changed. */
static void (*compress)(uint32_t h[8], const uint8_t *p,
                        size_t blocks) = sha256_blocks_plain;

__attribute__((constructor(101))) static void choose_compress(void)
{
    if (sha256_x86_usable()) compress = sha256_blocks_x86;
}

void sha256_init(struct sha256 *s)
{
    static const uint32_t start[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    *s = (struct sha256){0};
    memcpy(s->h, start, sizeof(start));
}

void sha256_add(struct sha256 *s, struct slice bytes)
{
    if (bytes.n == 0) return; /* its pointer may be NULL */
    const uint8_t *p = (const uint8_t *)bytes.p;
    size_t n = bytes.n, begun = s->bytes % sizeof(s->block);
    s->bytes += n;
    if (begun) {
        size_t part = sizeof(s->block) - begun;
        if (part > n) part = n;
        memcpy(s->block + begun, p, part);
        if (begun + part < sizeof(s->block)) return;
        compress(s->h, s->block, 1);
        p += part;
        n -= part;
    }
    compress(s->h, p, n / sizeof(s->block));
    p += n / sizeof(s->block) * sizeof(s->block);
    n %= sizeof(s->block);
    if (n) memcpy(s->block, p, n);
}

void sha256_end(struct sha256 *s, uint8_t ret[SHA256_SIZE])
{
    uint64_t bits = htobe64(s->bytes * 8);
    size_t n = s->bytes % sizeof(s->block);
    s->block[n++] = 0x80;
    if (n > sizeof(s->block) - sizeof(bits)) {
        memset(s->block + n, 0, sizeof(s->block) - n);
        compress(s->h, s->block, 1);
        n = 0;
    }
    memset(s->block + n, 0, sizeof(s->block) - n);
    memcpy(s->block + sizeof(s->block) - sizeof(bits), &bits, sizeof(bits));
    compress(s->h, s->block, 1);
    for (int i = 0; i < 8; i++) {
        uint32_t word = htobe32(s->h[i]);
        memcpy(ret + 4 * i, &word, sizeof(word));
    }
}

void sha256_of(struct slice bytes, uint8_t ret[SHA256_SIZE])
{
    struct sha256 s;
    sha256_init(&s);
    sha256_add(&s, bytes);
    sha256_end(&s, ret);
}

struct slice sha256_hex(const uint8_t hash[SHA256_SIZE],
                        char out[SHA256_HEX_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        out[2 * i] = hex[hash[i] >> 4];
        out[2 * i + 1] = hex[hash[i] & 0x0F];
    }
    out[SHA256_HEX_SIZE - 1] = '\0';
    return (struct slice){out, SHA256_HEX_SIZE - 1};
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool sha256_parse(struct slice hex, uint8_t ret[SHA256_SIZE])
{
    uint8_t hash[SHA256_SIZE];
    if (hex.n != 2 * SHA256_SIZE) return false;
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        int high = nibble(hex.p[2 * i]), low = nibble(hex.p[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        hash[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(ret, hash, sizeof(hash));
    return true;
}

bool sha256_equal(const uint8_t a[SHA256_SIZE], const uint8_t b[SHA256_SIZE])
{
    /* volatile keeps the compiler from leaving the loop early. */
    volatile uint8_t differs = 0;
    for (size_t i = 0; i < SHA256_SIZE; i++)
        differs = (uint8_t)(differs | (a[i] ^ b[i]));
    return differs == 0;
}
