#include "transport/page.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* {NULL, 0}: a stray %, a NUL, no UTF-8, or out of memory. */
static struct slice decode(struct arena *a, struct slice in)
{
    char *out = arena_alloc(a, in.n + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < in.n; i++) {
        char c = in.p[i] == '+' ? ' ' : in.p[i];
        if (c == '%') {
            int high = i + 2 < in.n ? hex_digit(in.p[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(in.p[i + 2]) : -1;
            if (low < 0) return (struct slice){0};
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (!c) return (struct slice){0};
        out[n++] = c;
    }
    struct slice text = {out, out ? n : 0};
    return slice_utf8_valid(text) == text.n ? text : (struct slice){0};
}

struct slice tp_query(struct tp_page *page, const char *name)
{
    struct slice rest = page->query, part;
    while (slice_split(&rest, '&', &part)) {
        size_t eq = slice_find_byte(part, '=');
        if (slice_eq(slice_sub(part, 0, eq), slice_of(name)))
            return decode(&page->arena, slice_sub(part, eq + 1, part.n));
    }
    return (struct slice){0};
}
