#include "base/sha256_block.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

bool sha256_x86_usable(void)
{
    unsigned a, b, c, d;
    __builtin_cpu_init(); /* asked before main() */
    if (!__builtin_cpu_supports("ssse3") || !__builtin_cpu_supports("sse4.1"))
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
}

/* The instructions want the eight words as ABEF and CDGH, and do two rounds
 * each; four rounds take one vector of the message schedule. */
__attribute__((target("sha,ssse3,sse4.1"))) static void
one_block(__m128i *abef, __m128i *cdgh, const uint8_t *p)
{
    const __m128i big_endian =
        _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    const __m128i *k = (const __m128i *)(const void *)sha256_constants;
    const __m128i *in = (const __m128i *)(const void *)p;
    __m128i s0 = *abef, s1 = *cdgh, w[4];
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
        if (i < 4) {
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128(in + i), big_endian);
        } else {
            __m128i last = w[(i + 3) % 4];
            __m128i middle = _mm_alignr_epi8(last, w[(i + 2) % 4], 4);
            w[i % 4] = _mm_sha256msg1_epu32(w[i % 4], w[(i + 1) % 4]);
            w[i % 4] = _mm_add_epi32(w[i % 4], middle);
            w[i % 4] = _mm_sha256msg2_epu32(w[i % 4], last);
        }
        __m128i m = _mm_add_epi32(w[i % 4], _mm_loadu_si128(k + i));
        s1 = _mm_sha256rnds2_epu32(s1, s0, m);
        s0 = _mm_sha256rnds2_epu32(s0, s1, _mm_shuffle_epi32(m, 0x0E));
    }
    *abef = _mm_add_epi32(*abef, s0);
    *cdgh = _mm_add_epi32(*cdgh, s1);
}

__attribute__((target("sha,ssse3,sse4.1"))) void
sha256_blocks_x86(uint32_t h[8], const uint8_t *p, size_t blocks)
{
    __m128i *out = (__m128i *)(void *)h;
    __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(out), 0xB1);
    __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(out + 1), 0x1B);
    __m128i abef = _mm_alignr_epi8(cdab, efgh, 8);
    __m128i cdgh = _mm_blend_epi16(efgh, cdab, 0xF0);
    for (; blocks > 0; blocks--, p += 64) one_block(&abef, &cdgh, p);
    __m128i feba = _mm_shuffle_epi32(abef, 0x1B);
    __m128i dchg = _mm_shuffle_epi32(cdgh, 0xB1);
    _mm_storeu_si128(out, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128(out + 1, _mm_alignr_epi8(dchg, feba, 8));
}

#else

bool sha256_x86_usable(void)
{
    return false;
}

void sha256_blocks_x86(uint32_t h[8], const uint8_t *p, size_t blocks)
{
    sha256_blocks_plain(h, p, blocks);
}

#endif
