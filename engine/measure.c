#include "engine/measure.h"

#include <inttypes.h>

#include "engine/junit.h"
#include "engine/pattern.h"

enum { LINE_MOST = 1000 }; /* bytes of a closing line */

struct measuring {
    const struct eng_value_demand *d;
    enum eng_type type;
    struct arena *a;
    const struct json *value;
    struct slice why;
    enum err err;
};

static void no(struct measuring *m, struct slice why)
{
    m->why = why;
    if (!why.p) m->err = ERR_NOMEM;
}
#define NO(m, ...) no((m), arena_printf((m)->a, __VA_ARGS__))

/* --- values --------------------------------------------------------------- */

static void give_number(struct measuring *m, struct slice text)
{
    struct json_error je;
    const struct json *v;
    struct slice copy = arena_copy(m->a, slice_trim(text));
    enum err e = copy.p ? json_parse(copy, NULL, m->a, &v, &je) : ERR_NOMEM;
    if (e == ERR_NOMEM)
        m->err = e;
    else if (e || v->type != JSON_NUMBER)
        NO(m, "\"%.*s\" is no number", SLICE_ARG(slice_sub(copy, 0, 60)));
    else
        m->value = v;
}

static void give_text(struct measuring *m, struct slice text)
{
    struct buf b = BUF_INIT(1 << 20);
    struct json *v = json_new(m->a, JSON_STRING);
    size_t n = slice_utf8_valid(text);
    buf_putc(&b, '"');
    json_escape(&b, slice_sub(text, 0, n));
    buf_putc(&b, '"');
    struct slice raw =
        !b.err ? arena_copy(m->a, buf_slice(&b)) : (struct slice){0};
    buf_done(&b);
    if (!v || !raw.p) {
        m->err = ERR_NOMEM;
        return;
    }
    v->raw = raw;
    v->text = arena_copy(m->a, slice_sub(text, 0, n));
    if (!v->text.p) m->err = ERR_NOMEM;
    m->value = v;
}

static void give(struct measuring *m, struct slice text)
{
    if (m->type == ENG_STRING)
        give_text(m, text);
    else
        give_number(m, text);
}

/* --- a pattern ------------------------------------------------------------ */

/* A byte that is no text must not hide the line beside it. */
static struct slice well_formed(struct arena *a, struct slice text)
{
    size_t at = slice_utf8_valid(text);
    if (at == text.n) return text.p ? text : SLICE("");
    char *own = arena_alloc(a, text.n);
    if (!own) return (struct slice){0};
    memcpy(own, text.p, text.n);
    struct slice rest = {own, text.n};
    while ((at = slice_utf8_valid(rest)) < rest.n) {
        own[rest.p - own + (ptrdiff_t)at] = '?';
        rest = slice_sub(rest, at + 1, rest.n);
    }
    return (struct slice){own, text.n};
}

static void by_regex(struct measuring *m, struct slice text)
{
    struct slice found, problem = {0};
    bool matched = false;
    /* What counts stands at the end of what a tool prints. */
    if (text.n > ENG_PATTERN_TEXT_BYTES)
        text = slice_sub(text, text.n - ENG_PATTERN_TEXT_BYTES, text.n);
    text = well_formed(m->a, text);
    if (!text.p) {
        m->err = ERR_NOMEM;
        return;
    }
    enum err e =
        eng_pattern_find(m->d->pattern, text, &matched, &found, &problem);
    if (e)
        m->err = e;
    else if (problem.n)
        NO(m, "the pattern cannot be tried: %.*s", SLICE_ARG(problem));
    else if (!matched)
        NO(m, "nothing in it matches %.*s", SLICE_ARG(m->d->text));
    else
        give(m, found);
}

/* --- JSON ----------------------------------------------------------------- */

/* One part of a pointer, with ~1 and ~0 undone. */
static struct slice part_of(struct arena *a, struct slice part)
{
    char *out = arena_alloc(a, part.n + 1);
    size_t n = 0;
    if (!out) return (struct slice){0};
    for (size_t i = 0; i < part.n; i++) {
        bool escape = part.p[i] == '~' && i + 1 < part.n;
        char next = escape ? part.p[i + 1] : 0;
        if (escape && (next == '0' || next == '1')) {
            out[n++] = next == '0' ? '~' : '/';
            i++;
        } else {
            out[n++] = part.p[i];
        }
    }
    return (struct slice){out, n};
}

/* Digits without a zero before them, as RFC 6901 has them. */
static const struct json *item(const struct json *list, struct slice key)
{
    int64_t n;
    bool index = slice_int64(key, &n) && !slice_starts(key, SLICE("-")) &&
                 (key.n == 1 || !slice_starts(key, SLICE("0")));
    return index && n < list->count ? &list->items[n] : NULL;
}

/* *ret_twice: a name on the way that stands there twice, so that nobody knows
 * which is meant. */
static const struct json *point(struct measuring *m, const struct json *v,
                                struct slice *ret_twice)
{
    struct slice rest = m->d->text, part;
    if (!rest.n) return v;
    rest = slice_sub(rest, 1, rest.n);
    bool more = true;
    while (v && more) {
        more = slice_find_byte(rest, '/') < rest.n;
        if (!slice_split(&rest, '/', &part)) part = (struct slice){"", 0};
        struct slice key = part_of(m->a, part);
        if (!key.p) {
            m->err = ERR_NOMEM;
            return NULL;
        }
        const struct json_member *twice =
            v->type == JSON_OBJECT ? json_duplicate_key(v) : NULL;
        if (twice) {
            *ret_twice = twice->key;
            return NULL;
        }
        v = v->type == JSON_ARRAY ? item(v, key) : json_get(v, key);
    }
    return v;
}

static void by_json(struct measuring *m, struct slice text)
{
    static const struct json_limits limits = {64u << 20, 128, 2000000};
    const struct json *doc;
    struct json_error je;
    /* The values point into it, and the output is gone before they are. */
    struct slice own = arena_copy(m->a, slice_trim(text));
    enum err e = own.p ? json_parse(own, &limits, m->a, &doc, &je) : ERR_NOMEM;
    if (e == ERR_NOMEM) {
        m->err = e;
        return;
    }
    if (e) {
        NO(m, "it is no JSON document: %s at byte %zu", je.what, je.at);
        return;
    }
    struct slice twice = {0};
    m->value = point(m, doc, &twice);
    if (m->err) return;
    if (twice.p)
        NO(m, "the document has \"%.*s\" twice in one object",
           SLICE_ARG(slice_sub(twice, 0, 100)));
    else if (!m->value)
        NO(m, "the document has nothing at %.*s", SLICE_ARG(m->d->text));
}

/* --- counts of tests ------------------------------------------------------ */

static void give_count(struct measuring *m, const struct eng_counts *c)
{
    const struct {
        const char *name;
        int64_t n;
    } rows[] = {{"passed", c->passed},
                {"failed", c->failed},
                {"errors", c->errors},
                {"skipped", c->skipped},
                {"total", c->total}};
    if (c->failed || c->errors) {
        NO(m, "%" PRId64 " tests failed and %" PRId64 " had errors", c->failed,
           c->errors);
        return;
    }
    if (c->passed <= 0) {
        NO(m, "no test ran (%" PRId64 " were skipped)", c->skipped);
        return;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (slice_eq(m->d->text, slice_of(rows[i].name)))
            give(m, arena_printf(m->a, "%" PRId64, rows[i].n));
}

/* "3 failed". */
static bool count_word(struct slice *rest, int64_t *ret_n, struct slice *ret)
{
    struct slice s = *rest;
    size_t n = 0, end;
    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9') n++;
    if (!slice_int64(slice_sub(s, 0, n), ret_n) || *ret_n > ENG_COUNT_MOST ||
        n == s.n || s.p[n] != ' ')
        return false;
    for (end = ++n; end < s.n && s.p[end] >= 'a' && s.p[end] <= 'z';) end++;
    *ret = slice_sub(s, n, end - n);
    *rest = slice_sub(s, end, s.n);
    return ret->n > 0;
}

static bool take(struct slice *rest, struct slice word)
{
    if (!slice_starts(*rest, word)) return false;
    *rest = slice_sub(*rest, word.n, rest->n);
    return true;
}

/* "0.31s", "61.20s (0:01:01)", or nothing: what ends a closing line. */
static bool time_word(struct slice rest)
{
    bool digits = rest.n && rest.p[0] >= '0' && rest.p[0] <= '9';
    for (size_t i = 0; i < rest.n; i++)
        digits &= strchr("0123456789.:s ()", rest.p[i]) != NULL;
    return digits;
}

/* Without colours, and without what frames it. */
static struct slice bare(struct slice line, char p[LINE_MOST])
{
    size_t n = 0, from = 0;
    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] == '\x1b' && i + 1 < line.n && line.p[i + 1] == '[') {
            i += 2;
            while (i < line.n && (line.p[i] < '@' || line.p[i] > '~')) i++;
        } else {
            p[n++] = line.p[i];
        }
    }
    while (from < n && strchr("= \t", p[from])) from++;
    while (n > from && strchr("= \t\r", p[n - 1])) n--;
    return (struct slice){p + from, n - from};
}

/* Nothing but "12 passed, 1 skipped in 0.31s" or "12 passed, 0 failed": a line
 * with other words in it is somebody talking. */
static bool closing_line(struct slice line, struct eng_counts *ret)
{
    struct eng_counts c = {0};
    struct slice rest = line, word;
    int64_t n;
    size_t counts = 0;
    const struct {
        struct slice word;
        int64_t *into;
    } rows[] = {{SLICE("passed"), &c.passed},   {SLICE("failed"), &c.failed},
                {SLICE("error"), &c.errors},    {SLICE("errors"), &c.errors},
                {SLICE("skipped"), &c.skipped}, {SLICE("xfailed"), &c.skipped},
                {SLICE("xpassed"), &c.passed}};
    if (!take(&rest, SLICE("no tests ran"))) do {
            if (!count_word(&rest, &n, &word)) return false;
            for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                if (slice_eq(word, rows[i].word)) *rows[i].into += n;
            counts++;
        } while (take(&rest, SLICE(", ")));
    bool timed = take(&rest, SLICE(" in ")) && time_word(rest);
    if (!timed && (rest.n || counts < 2)) return false;
    c.total = c.passed + c.failed + c.errors + c.skipped;
    *ret = c;
    return true;
}

static void by_pytest(struct measuring *m, struct slice text)
{
    char room[LINE_MOST];
    struct slice rest = text, line;
    struct eng_counts c = {0};
    bool found = false;
    while (slice_split(&rest, '\n', &line))
        if (line.n && line.n <= LINE_MOST &&
            (slice_find(line, SLICE("ed")) < line.n ||
             slice_find(line, SLICE("error")) < line.n ||
             slice_find(line, SLICE("no tests ran")) < line.n))
            found |= closing_line(bare(line, room), &c);
    if (found)
        give_count(m, &c);
    else
        NO(m, "it has no closing line like \"12 passed, 1 skipped in 0.3s\"");
}

static void by_junit(struct measuring *m, struct slice text)
{
    struct eng_counts c;
    if (eng__junit(text, &c))
        give_count(m, &c);
    else
        NO(m, "it is no whole JUnit report");
}

enum err eng__measure(const struct eng_value_demand *d, enum eng_type type,
                      struct slice text, struct arena *a,
                      const struct json **ret, struct slice *ret_why)
{
    static void (*const ways[ENG_VALUE_FROM_COUNT])(
        struct measuring *, struct slice) = {[ENG_VALUE_REGEX] = by_regex,
                                             [ENG_VALUE_JSON] = by_json,
                                             [ENG_VALUE_PYTEST] = by_pytest,
                                             [ENG_VALUE_JUNIT] = by_junit};
    struct measuring m = {.d = d, .type = type, .a = a};
    ways[d->from](&m, text);
    *ret = m.value;
    *ret_why = m.why;
    return m.err;
}
