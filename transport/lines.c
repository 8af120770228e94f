#include "transport/lines.h"

#include "base/alloc.h"

enum { LINES_FIRST = 65536, LINES_KEEP = 262144 };

void lines_done(struct lines *l)
{
    if (!l) return;
    mem_free(l->p);
    *l = LINES_INIT(l->ceiling);
}

size_t lines_held(const struct lines *l)
{
    return l->n - l->at;
}

void lines_trim(struct lines *l)
{
    if (l->n > l->at || l->capacity <= LINES_KEEP) return;
    mem_free(l->p);
    l->p = NULL;
    l->capacity = l->n = l->at = l->scanned = 0;
}

/* What was given out leaves. */
static void compact(struct lines *l)
{
    lines_trim(l);
    size_t held = l->n - l->at;
    if (held > 0 && l->at > 0) memmove(l->p, l->p + l->at, held);
    l->scanned -= l->at;
    l->n = held;
    l->at = 0;
}

char *lines_space(struct lines *l, size_t least, size_t *ret_room)
{
    compact(l);
    size_t want = l->n + least;
    if (want > l->capacity) {
        size_t grown = l->capacity * 2;
        if (grown < LINES_FIRST) grown = LINES_FIRST;
        if (grown < want) grown = want;
        char *p = mem_realloc(l->p, grown);
        if (!p) return NULL;
        l->p = p;
        l->capacity = grown;
    }
    *ret_room = l->capacity - l->n;
    return l->p + l->n;
}

void lines_filled(struct lines *l, size_t n)
{
    l->n += n;
}

static void skip_mark(struct lines *l)
{
    static const char mark[3] = {'\xEF', '\xBB', '\xBF'};
    size_t held = l->n - l->at;
    size_t seen = held < sizeof(mark) ? held : sizeof(mark);
    if (seen == 0 || memcmp(l->p + l->at, mark, seen) != 0) {
        l->begun = seen > 0;
    } else if (seen == sizeof(mark)) {
        l->at += seen;
        l->scanned = l->at;
        l->begun = true;
    }
}

static bool blank(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != ' ' && s.p[i] != '\t') return false;
    return true;
}

static struct slice without_cr(struct slice s)
{
    if (s.n && s.p[s.n - 1] == '\r') s.n--;
    return s;
}

/* The bytes from `at` to `end` are one line. True: it is to be given out. */
static bool line_cut(struct lines *l, size_t end, struct slice *ret)
{
    struct slice line = {l->p + l->at, end - l->at};
    bool dropped = l->dropping;
    l->dropping = false;
    line = without_cr(line);
    if (dropped || (line.n <= l->ceiling && blank(line))) return false;
    *ret = line;
    return true;
}

/* No newline in all that is here: forget what is being dropped, and begin to
 * drop once the line cannot become short enough any more ('\r' is free). */
static enum lines_got line_unfinished(struct lines *l)
{
    l->scanned = l->n;
    if (!l->begun) return LINES_NONE; /* part of a byte order mark */
    if (!l->dropping && l->n - l->at <= l->ceiling + 1) return LINES_NONE;
    bool told = l->dropping;
    l->dropping = true;
    l->at = l->n;
    return told ? LINES_NONE : LINES_TOO_LONG;
}

enum lines_got lines_next(struct lines *l, struct slice *ret)
{
    if (!l->begun) skip_mark(l);
    while (l->scanned < l->n) {
        const char *nl = memchr(l->p + l->scanned, '\n', l->n - l->scanned);
        if (!nl) return line_unfinished(l);
        size_t end = (size_t)(nl - l->p);
        bool give = line_cut(l, end, ret);
        l->at = l->scanned = end + 1;
        if (give) return ret->n > l->ceiling ? LINES_TOO_LONG : LINES_LINE;
    }
    return LINES_NONE;
}

enum lines_got lines_last(struct lines *l, struct slice *ret)
{
    bool give = l->n > l->at && line_cut(l, l->n, ret);
    l->at = l->scanned = l->n;
    l->dropping = false;
    if (!give) return LINES_NONE;
    return ret->n > l->ceiling ? LINES_TOO_LONG : LINES_LINE;
}
