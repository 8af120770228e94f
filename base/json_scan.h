/*
 * json_scan: the inner loops that the JSON reader and writer share. A byte is
 * plain when it stands for itself inside a JSON string and is ASCII: 0x20 to
 * 0x7F without '"' and '\\'.
 *
 * Each loop has a wide form (16 bytes with SSE2, else 8 in a word) and a tail
 * by bytes; nothing is read beyond `end`. The portable forms are compiled
 * everywhere, so that a test can hold the two against each other.
 *
 * Thread: any. Nothing here allocates. Only base/ includes this.
 */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define JSON_WORD_ONES 0x0101010101010101u
#define JSON_WORD_HIGH 0x8080808080808080u

static inline bool json_byte_plain(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 0x20 && u < 0x80 && u != '"' && u != '\\';
}

/* The high bit of each zero byte; bytes above the lowest one may be wrong. */
static inline uint64_t json_word_zeros(uint64_t w)
{
    return (w - JSON_WORD_ONES) & ~w & JSON_WORD_HIGH;
}

/* High bits mark the bytes that are not plain; only the lowest is certain. */
static inline uint64_t json_word_special(uint64_t w)
{
    uint64_t control = (w - JSON_WORD_ONES * 0x20) & ~w & JSON_WORD_HIGH;
    return control | json_word_zeros(w ^ (JSON_WORD_ONES * '"')) |
           json_word_zeros(w ^ (JSON_WORD_ONES * '\\')) | (w & JSON_WORD_HIGH);
}

static inline const char *json_scan_bytes(const char *p, const char *end)
{
    while (p < end && json_byte_plain(*p)) p++;
    return p;
}

/* A word at a time, little-endian or big: only "is one there" is asked. */
static inline const char *json_scan_words(const char *p, const char *end)
{
    while (end - p >= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        if (json_word_special(w)) break;
        p += 8;
    }
    return json_scan_bytes(p, end);
}

#ifdef __SSE2__
/* Bit i: byte i is not plain. One signed compare finds both control
 * characters and bytes with the high bit. */
static inline unsigned json_block_special(__m128i v)
{
    __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
    __m128i other = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
    return (unsigned)_mm_movemask_epi8(
        _mm_or_si128(other, _mm_or_si128(quote, slash)));
}
#endif

/* The first byte from p on that is not plain, or end. */
static inline const char *json_scan_plain(const char *p, const char *end)
{
#ifdef __SSE2__
    while (end - p >= 16) {
        unsigned m = json_block_special(_mm_loadu_si128((const __m128i *)p));
        if (m) return p + __builtin_ctz(m);
        p += 16;
    }
#endif
    return json_scan_words(p, end);
}

/* Copies 8 bytes when all are plain. */
static inline bool json_copy_word(char *to, const char *p)
{
    uint64_t w;
    memcpy(&w, p, 8);
    if (json_word_special(w)) return false;
    memcpy(to, &w, 8);
    return true;
}

/* The same for 4. */
static inline bool json_copy_half(char *to, const char *p)
{
    uint32_t w;
    memcpy(&w, p, 4);
    if (json_word_special(w | (uint64_t)0x2020202020202020u << 32))
        return false;
    memcpy(to, &w, 4);
    return true;
}

/* Copies n < 16 bytes when all are plain, by two words that overlap. */
static inline bool json_copy_rest(char *to, const char *p, size_t n)
{
    if (n >= 8)
        return json_copy_word(to, p) && json_copy_word(to + n - 8, p + n - 8);
    if (n >= 4)
        return json_copy_half(to, p) && json_copy_half(to + n - 4, p + n - 4);
    for (size_t i = 0; i < n; i++) {
        if (!json_byte_plain(p[i])) return false;
        to[i] = p[i];
    }
    return true;
}

/* As json_scan_plain, and copies what it passes to *to, which has room for
 * end - p bytes (bytes beyond the advanced *to may be overwritten). */
static inline const char *json_copy_plain(const char *p, const char *end,
                                          char **to)
{
    char *out = *to;
#ifdef __SSE2__
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)p);
        _mm_storeu_si128((__m128i *)out, v);
        unsigned m = json_block_special(v);
        if (m) {
            *to = out + __builtin_ctz(m);
            return p + __builtin_ctz(m);
        }
        p += 16;
        out += 16;
    }
#else
    while (end - p >= 16 && json_copy_word(out, p)) {
        p += 8;
        out += 8;
    }
#endif
    /* Most keys are short: two words that overlap do the work of a loop. */
    if (end - p < 16 && json_copy_rest(out, p, (size_t)(end - p))) {
        *to = out + (end - p);
        return end;
    }
    while (p < end && json_byte_plain(*p)) *out++ = *p++;
    *to = out;
    return p;
}

/* Length of the well-formed UTF-8 sequence at p, whose first byte has the
 * high bit; 0 when it is none: stray or missing continuation, overlong,
 * surrogate, above U+10FFFF, cut off by end. */
static inline unsigned json_utf8_sequence(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t room = (size_t)(end - p);
    if (u[0] < 0xE0)
        return u[0] >= 0xC2 && room >= 2 && (u[1] & 0xC0) == 0x80 ? 2 : 0;
    if (room < 3 || (u[1] & 0xC0) != 0x80 || (u[2] & 0xC0) != 0x80) return 0;
    if (u[0] < 0xF0) {
        if (u[0] == 0xE0) return u[1] >= 0xA0 ? 3 : 0;
        if (u[0] == 0xED) return u[1] < 0xA0 ? 3 : 0;
        return 3;
    }
    if (u[0] > 0xF4 || room < 4 || (u[3] & 0xC0) != 0x80) return 0;
    if (u[0] == 0xF0) return u[1] >= 0x90 ? 4 : 0;
    if (u[0] == 0xF4) return u[1] < 0x90 ? 4 : 0;
    return 4;
}

#endif
