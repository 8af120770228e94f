#include "transport/http_head.h"

static const char name[] = "content-length:";
enum { NAME_N = sizeof(name) - 1 };

/* A line without text ends the head, unless it is the first. */
static void line_ends(struct tp_head *h)
{
    h->ended = h->begun && !h->text;
    h->begun |= h->text;
    if (h->same == NAME_N && h->value > h->length) h->length = h->value;
    h->value = 0;
    h->at = h->same = 0;
    h->text = false;
}

static void value_byte(struct tp_head *h, char c)
{
    if (c < '0' || c > '9') return;
    uint64_t digit = (uint64_t)(c - '0');
    h->value = h->value > (UINT64_MAX - digit) / 10 ? UINT64_MAX
                                                    : h->value * 10 + digit;
}

static void byte(struct tp_head *h, char c)
{
    if (c == '\n') {
        line_ends(h);
        return;
    }
    h->nul |= c == '\0';
    h->text |= c != '\r';
    if (h->at < NAME_N) {
        char low = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
        h->same += h->same == h->at && low == name[h->at];
        h->at++;
    } else if (h->same == NAME_N) {
        value_byte(h, c);
    }
}

/* The rest of a line that is no Content-Length and not empty; its newline
 * stays. */
static size_t pass_over(struct tp_head *h, struct slice rest)
{
    size_t n = slice_find_byte(rest, '\n');
    h->nul |= n && memchr(rest.p, '\0', n);
    return n;
}

/* Does a line begin with text that cannot become the name? */
static bool other_name(const struct tp_head *h, char c)
{
    return h->at == 0 && c > '\r' && (c | 0x20) != name[0];
}

void tp_head_feed(struct tp_head *h, struct slice bytes)
{
    for (size_t i = 0; i < bytes.n && !h->ended;) {
        bool other = other_name(h, bytes.p[i]);
        h->text |= other;
        h->at += other;
        if (h->text && h->same < h->at)
            i += pass_over(h, slice_sub(bytes, i, SIZE_MAX));
        if (i < bytes.n) byte(h, bytes.p[i++]);
    }
}

bool tp_length_valid(struct slice value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] < '0' || value.p[i] > '9') return false;
    return value.n > 0;
}
