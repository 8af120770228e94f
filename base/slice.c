#include "base/slice.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int slice_cmp(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int d = n ? memcmp(a.p, b.p, n) : 0;
    return d ? d : (a.n > b.n) - (a.n < b.n);
}

bool slice_starts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && slice_eq(slice_sub(s, 0, prefix.n), prefix);
}

bool slice_ends(struct slice s, struct slice suffix)
{
    return s.n >= suffix.n &&
           slice_eq(slice_sub(s, s.n - suffix.n, suffix.n), suffix);
}

bool slice_eq_nocase(struct slice a, struct slice b)
{
    if (a.n != b.n) return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i])) return false;
    return true;
}

struct slice slice_sub(struct slice s, size_t from, size_t n)
{
    if (!s.p) return (struct slice){0};
    if (from > s.n) from = s.n;
    if (n > s.n - from) n = s.n - from;
    return (struct slice){s.p + from, n};
}

struct slice slice_trim(struct slice s)
{
    while (s.n && is_blank(s.p[s.n - 1])) s.n--;
    while (s.n && is_blank(s.p[0])) s.p++, s.n--;
    return s;
}

size_t slice_find(struct slice s, struct slice needle)
{
    if (needle.n == 0) return 0;
    if (needle.n > s.n) return s.n;
    const char *at = memmem(s.p, s.n, needle.p, needle.n);
    return at ? (size_t)(at - s.p) : s.n;
}

size_t slice_find_byte(struct slice s, char c)
{
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
    return at ? (size_t)(at - s.p) : s.n;
}

bool slice_split(struct slice *rest, char sep, struct slice *ret_part)
{
    if (rest->n == 0) return false;
    size_t at = slice_find_byte(*rest, sep);
    *ret_part = slice_sub(*rest, 0, at);
    *rest = slice_sub(*rest, at + 1, rest->n);
    return true;
}

bool slice_int64(struct slice s, int64_t *ret)
{
    bool minus = s.n && s.p[0] == '-';
    size_t i = minus;
    if (i == s.n) return false;
    /* Counted downward: INT64_MIN has no positive twin. */
    int64_t v = 0;
    for (; i < s.n; i++) {
        int digit = s.p[i] - '0';
        if (digit < 0 || digit > 9) return false;
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, digit, &v))
            return false;
    }
    if (!minus && v == INT64_MIN) return false;
    *ret = minus ? v : -v;
    return true;
}

/* Length of the ASCII run at the start, found eight bytes at a time. */
static size_t ascii_run(const char *p, size_t n)
{
    size_t i = 0;
    for (uint64_t eight; i + sizeof(eight) <= n; i += sizeof(eight)) {
        memcpy(&eight, p + i, sizeof(eight));
        if (eight & UINT64_C(0x8080808080808080)) break;
    }
    while (i < n && !(p[i] & 0x80)) i++;
    return i;
}

/* What may follow a lead byte: the Unicode standard's table 3-7. Only the
 * first continuation byte has a range of its own; it is what keeps overlong
 * forms, surrogates and values above U+10FFFF out. */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
    static const struct {
        unsigned char lead_from, lead_to, next_from, next_to, length;
    } rows[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3},
        {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        if (p[0] < rows[r].lead_from || p[0] > rows[r].lead_to) continue;
        if (n < rows[r].length) return 0;
        if (p[1] < rows[r].next_from || p[1] > rows[r].next_to) return 0;
        for (size_t i = 2; i < rows[r].length; i++)
            if ((p[i] & 0xC0) != 0x80) return 0;
        return rows[r].length;
    }
    return 0;
}

size_t slice_utf8_valid(struct slice s)
{
    size_t i = 0;
    while (i < s.n) {
        i += ascii_run(s.p + i, s.n - i);
        if (i == s.n) break;
        size_t n = utf8_sequence((const unsigned char *)s.p + i, s.n - i);
        if (n == 0) return i;
        i += n;
    }
    return s.n;
}

size_t slice_utf8_length(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += (s.p[i] & 0xC0) != 0x80;
    return n;
}

struct text_position slice_position(struct slice text, size_t at)
{
    if (at > text.n) at = text.n;
    struct text_position pos = {.line = 1, .column = 1};
    size_t line_start = 0;
    for (;;) {
        struct slice rest = slice_sub(text, line_start, at - line_start);
        size_t end = slice_find_byte(rest, '\n');
        if (end == rest.n) {
            pos.column += (uint32_t)slice_utf8_length(rest);
            return pos;
        }
        line_start += end + 1;
        pos.line++;
    }
}

/* The character at s if it is one of those, else 0; it has two bytes or three
 * when it is none of ASCII's. */
static unsigned unseen_at(struct slice s)
{
    unsigned char a = (unsigned char)s.p[0];
    if (a < 0x20 || a == 0x7F) return a ? a : 0x2400; /* NUL by its picture */
    if (a == 0xC2 && s.n > 1 && (unsigned char)s.p[1] < 0xA0)
        return (unsigned char)s.p[1];
    if ((a != 0xE2 && a != 0xEF) || s.n < 3) return 0;
    unsigned c = ((unsigned)a & 0x0Fu) << 12 |
                 ((unsigned)(unsigned char)s.p[1] & 0x3Fu) << 6 |
                 ((unsigned)(unsigned char)s.p[2] & 0x3Fu);
    bool turns = (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
    bool empty =
        c == 0x200B || c == 0x2028 || c == 0x2029 || c == 0x2060 || c == 0xFEFF;
    return turns || empty ? c : 0;
}

size_t slice_unseen(struct slice s, unsigned *ret_code)
{
    for (size_t i = 0; i < s.n; i++)
        if ((*ret_code = unseen_at((struct slice){s.p + i, s.n - i})) != 0)
            return i;
    return s.n;
}

size_t slice_distance(struct slice a, struct slice b)
{
    enum { MOST = 64 };
    /* Lines of the table that edits a[0..i) into b[0..j): i, and the two
     * before it. */
    size_t lines[3][MOST + 1];
    if (a.n > MOST || b.n > MOST) return SIZE_MAX;
    for (size_t j = 0; j <= b.n; j++) lines[0][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t *at = lines[i % 3];
        const size_t *up = lines[(i + 2) % 3], *upper = lines[(i + 1) % 3];
        at[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            char x = a.p[i - 1], y = b.p[j - 1];
            size_t best = up[j - 1] + (x != y);
            if (up[j] + 1 < best) best = up[j] + 1;
            if (at[j - 1] + 1 < best) best = at[j - 1] + 1;
            if (i > 1 && j > 1 && x == b.p[j - 2] && y == a.p[i - 2] &&
                upper[j - 2] + 1 < best)
                best = upper[j - 2] + 1;
            at[j] = best;
        }
    }
    return lines[a.n % 3][b.n];
}
