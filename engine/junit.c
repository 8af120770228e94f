#include "engine/junit.h"

struct tag {
    struct slice name, attributes;
    bool closes, empty; /* </a>, <a/> */
};

enum piece { PIECE_TAG, PIECE_OTHER, PIECE_END, PIECE_CUT };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct slice from(struct slice s, size_t at)
{
    return slice_sub(s, at, s.n);
}

/* --- pieces --------------------------------------------------------------- */

/* Where a tag ends: a '>' that stands in no value. s.n: nowhere. */
static size_t tag_end(struct slice s)
{
    char quote = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (quote)
            quote = s.p[i] == quote ? 0 : quote;
        else if (s.p[i] == '"' || s.p[i] == '\'')
            quote = s.p[i];
        else if (s.p[i] == '>')
            return i;
    }
    return s.n;
}

static enum piece take_tag(struct slice *rest, struct tag *ret)
{
    size_t end = tag_end(*rest), n = 0;
    if (end == rest->n) return PIECE_CUT;
    struct slice in = slice_sub(*rest, 1, end - 1);
    *rest = from(*rest, end + 1);
    ret->closes = slice_starts(in, SLICE("/"));
    if (ret->closes) in = from(in, 1);
    ret->empty = slice_ends(in, SLICE("/"));
    if (ret->empty) in.n--;
    while (n < in.n && !is_blank(in.p[n])) n++;
    ret->name = slice_sub(in, 0, n);
    ret->attributes = from(in, n);
    return n ? PIECE_TAG : PIECE_CUT;
}

/* The next piece of markup. A document type is none of a report's. */
static enum piece next_piece(struct slice *rest, struct tag *ret)
{
    static const struct {
        struct slice begin, end;
    } skipped[] = {{SLICE_INIT("<!--"), SLICE_INIT("-->")},
                   {SLICE_INIT("<![CDATA["), SLICE_INIT("]]>")},
                   {SLICE_INIT("<?"), SLICE_INIT("?>")}};
    size_t at = slice_find_byte(*rest, '<');
    if (at == rest->n) return PIECE_END;
    *rest = from(*rest, at);
    for (size_t i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++) {
        if (!slice_starts(*rest, skipped[i].begin)) continue;
        struct slice body = from(*rest, skipped[i].begin.n);
        size_t end = slice_find(body, skipped[i].end);
        if (end == body.n) return PIECE_CUT;
        *rest = from(body, end + skipped[i].end.n);
        return PIECE_OTHER;
    }
    if (slice_starts(*rest, SLICE("<!"))) return PIECE_CUT;
    return take_tag(rest, ret);
}

/* --- attributes ----------------------------------------------------------- */

/* Cuts name="value" off; false: there is no more, or no attribute at all. */
static bool next_attribute(struct slice *rest, struct slice *ret_name,
                           struct slice *ret_value)
{
    struct slice s = slice_trim(*rest);
    size_t equals = slice_find_byte(s, '=');
    *ret_name = slice_trim(slice_sub(s, 0, equals));
    s = slice_trim(from(s, equals + 1));
    if (!s.n || (s.p[0] != '"' && s.p[0] != '\'')) return false;
    struct slice value = from(s, 1);
    value.n = slice_find_byte(value, s.p[0]);
    *ret_value = value;
    *rest = from(s, value.n + 2);
    return true;
}

struct suite {
    int64_t tests, failures, errors, skipped;
};

/* False: a count that is none. Without `tests` it tells nothing. */
static bool suite_read(struct slice attributes, struct suite *ret,
                       bool *ret_tells)
{
    struct suite s = {0};
    struct slice name, value;
    const struct {
        struct slice name;
        int64_t *into;
    } rows[] = {{SLICE("tests"), &s.tests},
                {SLICE("failures"), &s.failures},
                {SLICE("errors"), &s.errors},
                {SLICE("skipped"), &s.skipped}};
    *ret_tells = false;
    while (next_attribute(&attributes, &name, &value)) {
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            if (!slice_eq(name, rows[i].name)) continue;
            if (!slice_int64(value, rows[i].into) || *rows[i].into < 0 ||
                *rows[i].into > ENG_COUNT_MOST)
                return false;
            *ret_tells |= i == 0;
        }
    }
    *ret = s;
    return true;
}

/* --- the report ----------------------------------------------------------- */

struct reading {
    struct eng_counts sums;
    int64_t failures, errors; /* elements */
    size_t depth;
    size_t within; /* depth of the suite whose counts hold; 0: none */
    bool any, done;
};

static bool root_fits(struct slice name)
{
    return slice_eq(name, SLICE("testsuites")) ||
           slice_eq(name, SLICE("testsuite"));
}

static bool opens(struct reading *r, const struct tag *t)
{
    struct suite s;
    bool tells = false;
    if (r->done || (!r->depth && !root_fits(t->name))) return false;
    r->depth++;
    r->failures += slice_eq(t->name, SLICE("failure"));
    r->errors += slice_eq(t->name, SLICE("error"));
    if (r->within || !slice_eq(t->name, SLICE("testsuite"))) return true;
    if (!suite_read(t->attributes, &s, &tells)) return false;
    if (!tells) return true;
    r->within = r->depth;
    r->any = true;
    r->sums.total += s.tests;
    r->sums.failed += s.failures;
    r->sums.errors += s.errors;
    r->sums.skipped += s.skipped;
    return true;
}

static bool closes(struct reading *r)
{
    if (!r->depth) return false;
    if (r->within == r->depth) r->within = 0;
    r->done = --r->depth == 0;
    return true;
}

static bool takes(struct reading *r, const struct tag *t)
{
    if (t->closes) return closes(r);
    return opens(r, t) && (!t->empty || closes(r));
}

bool eng__junit(struct slice text, struct eng_counts *ret)
{
    struct reading r = {0};
    struct tag t = {0};
    enum piece piece;
    while ((piece = next_piece(&text, &t)) != PIECE_END)
        if (piece == PIECE_CUT || (piece == PIECE_TAG && !takes(&r, &t)))
            return false;
    struct eng_counts *c = &r.sums;
    if (c->failed < r.failures) c->failed = r.failures;
    if (c->errors < r.errors) c->errors = r.errors;
    c->passed = c->total - c->failed - c->errors - c->skipped;
    if (c->passed < 0) c->passed = 0; /* more went wrong than there were */
    *ret = *c;
    return r.done && r.any;
}
