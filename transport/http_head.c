#include "transport/http_head.h"

enum { LENGTH, CODING, NAMES };
static const struct slice names[NAMES] = {
    [LENGTH] = SLICE_INIT("content-length:"),
    [CODING] = SLICE_INIT("transfer-encoding:"),
};

/* A line without text ends the head, unless it is the first. */
static void line_ends(struct tp_head *h)
{
    h->ended = h->begun && !h->text;
    h->begun |= h->text;
    if (h->same[LENGTH] == names[LENGTH].n && h->value > h->length)
        h->length = h->value;
    h->value = 0;
    h->at = h->same[LENGTH] = h->same[CODING] = 0;
    h->text = h->blank = false;
}

static void value_byte(struct tp_head *h, char c)
{
    if (c < '0' || c > '9') return;
    uint64_t digit = (uint64_t)(c - '0');
    h->value = h->value > (UINT64_MAX - digit) / 10 ? UINT64_MAX
                                                    : h->value * 10 + digit;
}

static void name_byte(struct tp_head *h, char c)
{
    char low = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    for (int k = 0; k < NAMES; k++)
        h->same[k] += h->same[k] == h->at && h->at < names[k].n &&
                      low == names[k].p[h->at];
    h->coded |= h->same[CODING] == names[CODING].n;
    if (h->at < names[CODING].n) h->at++;
}

/* To evhttp a line that begins with a NUL is empty. */
static void byte(struct tp_head *h, char c)
{
    if (c == '\n') {
        line_ends(h);
        return;
    }
    h->nul |= c == '\0';
    h->blank |= c == '\0' && h->at == 0;
    h->text |= c != '\r' && !h->blank;
    if (h->same[LENGTH] == names[LENGTH].n) value_byte(h, c);
    name_byte(h, c);
}

/* The rest of a line that is neither and not empty; its newline stays. */
static size_t pass_over(struct tp_head *h, struct slice rest)
{
    size_t n = slice_find_byte(rest, '\n');
    h->nul |= n && memchr(rest.p, '\0', n);
    return n;
}

/* Does a line begin with text that cannot become a name? */
static bool other_name(const struct tp_head *h, char c)
{
    return h->at == 0 && c > '\r' && (c | 0x20) != names[LENGTH].p[0] &&
           (c | 0x20) != names[CODING].p[0];
}

/* Nothing more is wanted of this line. */
static bool is_other(const struct tp_head *h)
{
    return h->text && h->same[LENGTH] < h->at && h->same[CODING] < h->at &&
           h->same[LENGTH] < names[LENGTH].n;
}

static size_t head_feed(struct tp_head *h, struct slice bytes)
{
    size_t i = 0;
    while (i < bytes.n && !h->ended) {
        bool other = other_name(h, bytes.p[i]);
        h->text |= other;
        h->at += other;
        if (is_other(h)) i += pass_over(h, slice_sub(bytes, i, SIZE_MAX));
        if (i < bytes.n) byte(h, bytes.p[i++]);
    }
    return i;
}

/* --- chunks -------------------------------------------------------------- */

/* FIRST: of a size one digit has to be there. */
enum { CHUNK_FIRST, CHUNK_SIZE, CHUNK_PAD, CHUNK_DATA, CHUNK_END, CHUNK_LAST };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void size_byte(struct tp_head *h, char c)
{
    int digit = h->chunk == CHUNK_PAD ? -1 : hex_digit(c);
    h->torn |= ++h->at > TP_CHUNK_LINE_MAX ||
               (h->chunk == CHUNK_FIRST && digit < 0) ||
               (h->chunk == CHUNK_SIZE && digit < 0 && c != ' ' && c != '\t' &&
                c != ';' && c != '\r' && c != '\n');
    if (digit >= 0)
        h->value =
            h->value >> 60 ? UINT64_MAX : h->value << 4 | (unsigned)digit;
    if (c != '\n') {
        h->chunk = digit >= 0 ? CHUNK_SIZE : CHUNK_PAD;
        return;
    }
    h->at = 0;
    h->chunk = h->value ? CHUNK_DATA : CHUNK_LAST;
}

/* Behind the bytes of a chunk a line ends, and nothing else. */
static void end_byte(struct tp_head *h, char c)
{
    h->torn |= c != '\n' && (c != '\r' || h->at);
    h->at = c == '\r';
    if (c == '\n') h->chunk = CHUNK_FIRST;
}

size_t tp_head_pass(struct tp_head *h, size_t n)
{
    if (!h->ended) return 0;
    if (!h->coded || h->torn || h->chunk == CHUNK_LAST) return n;
    if (h->chunk != CHUNK_DATA) return 0;
    if (n > h->value) n = (size_t)h->value;
    h->value -= n;
    if (!h->value) h->chunk = CHUNK_END;
    return n;
}

static void chunks_feed(struct tp_head *h, struct slice bytes)
{
    size_t i = 0;
    while ((i += tp_head_pass(h, bytes.n - i)) < bytes.n) {
        if (h->chunk == CHUNK_END)
            end_byte(h, bytes.p[i++]);
        else
            size_byte(h, bytes.p[i++]);
    }
}

void tp_head_feed(struct tp_head *h, struct slice bytes)
{
    size_t n = h->ended ? 0 : head_feed(h, bytes);
    if (h->ended) chunks_feed(h, slice_sub(bytes, n, SIZE_MAX));
}

bool tp_length_valid(struct slice value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] < '0' || value.p[i] > '9') return false;
    return value.n > 0;
}
