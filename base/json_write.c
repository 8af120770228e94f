#include "base/json_write.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_scan.h"

/* --- escaping ------------------------------------------------------------- */

/* clang-format off */
/* The letter behind the backslash; 'u' asks for \u00XX. */
static const char escape_letter[256] = {
    [0x00] = 'u', [0x01] = 'u', [0x02] = 'u',  [0x03] = 'u', [0x04] = 'u',
    [0x05] = 'u', [0x06] = 'u', [0x07] = 'u',  [0x08] = 'b', [0x09] = 't',
    [0x0A] = 'n', [0x0B] = 'u', [0x0C] = 'f',  [0x0D] = 'r', [0x0E] = 'u',
    [0x0F] = 'u', [0x10] = 'u', [0x11] = 'u',  [0x12] = 'u', [0x13] = 'u',
    [0x14] = 'u', [0x15] = 'u', [0x16] = 'u',  [0x17] = 'u', [0x18] = 'u',
    [0x19] = 'u', [0x1A] = 'u', [0x1B] = 'u',  [0x1C] = 'u', [0x1D] = 'u',
    [0x1E] = 'u', [0x1F] = 'u', ['"'] = '"', ['\\'] = '\\',
};
/* clang-format on */

#define SPECIAL_MAX 6 /* \u00XX */

/* Writes the byte or sequence at *p, which is not plain, in its JSON
 * spelling, and passes over it. Returns the length. */
static size_t special(const char **p, const char *end, char to[SPECIAL_MAX])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char c = (unsigned char)**p;
    char letter = escape_letter[c];
    if (letter == 'u') {
        memcpy(to, "\\u00", 4);
        to[4] = hex[c >> 4];
        to[5] = hex[c & 15];
        *p += 1;
        return 6;
    }
    if (letter) {
        to[0] = '\\';
        to[1] = letter;
        *p += 1;
        return 2;
    }
    unsigned n = c < 0x80 ? 1 : json_utf8_sequence(*p, end);
    memcpy(to, n ? *p : "\xEF\xBF\xBD", n ? n : 3);
    *p += n ? n : 1;
    return n ? n : 3;
}

/* Room for `need` bytes, asked for with some slack where the ceiling allows
 * it, so that a text with many escapes does not ask at each of them. Gives the
 * room there is, 0 after a failure. */
static size_t room_for(struct buf *b, size_t need)
{
    size_t left = b->ceiling - b->n, ask = need + need / 8 + 32;
    if (ask > left) ask = need > left ? need : left;
    return buf_reserve(b, ask) ? ask : 0;
}

/* What stands around an escaped text. */
enum around {
    BARE = 0,
    COMMA = 1, /* , before */
    QUOTES = 2,
    COLON = 4, /* : behind */
};

/* Appends the escaped text. What is reserved is never more than the text
 * needs at least, plus slack where there is room for slack. */
static void put_escaped(struct buf *b, enum around around, struct slice v)
{
    const char *p = v.n ? v.p : "", *end = p + v.n;
    size_t behind = (size_t)(!!(around & QUOTES) + !!(around & COLON));
    size_t before = (size_t)(!!(around & QUOTES) + !!(around & COMMA));
    size_t room = room_for(b, before + v.n + behind);
    if (!room) return;
    char *at = b->p + b->n, *to = at;
    if (around & COMMA) *to++ = ',';
    if (around & QUOTES) *to++ = '"';
    while ((p = json_copy_plain(p, end, &to)) < end) {
        char spelled[SPECIAL_MAX];
        size_t n = special(&p, end, spelled);
        size_t need = n + (size_t)(end - p) + behind;
        if (need > room - (size_t)(to - at)) {
            buf_add(b, (size_t)(to - at));
            room = room_for(b, need);
            if (!room) return;
            to = at = b->p + b->n;
        }
        memcpy(to, spelled, n);
        to += n;
    }
    if (around & QUOTES) *to++ = '"';
    if (around & COLON) *to++ = ':';
    buf_add(b, (size_t)(to - at));
}

void json_escape(struct buf *out, struct slice v)
{
    put_escaped(out, BARE, v);
}

/* --- structure ------------------------------------------------------------ */

/* May the innermost open level be an object (else: an array, or none)? Deeper
 * than the reader goes nobody keeps count. */
static inline bool may_be(const struct json_writer *w, bool object)
{
    uint32_t i = w->depth - 1;
    if (w->depth > JSON_DEPTH_MAX) return true;
    return object == (w->depth && (w->objects[i / 64] >> i % 64 & 1));
}

/* A value stands here: after a key, in an array, or alone. Tells whether it
 * needs a comma before it. */
static bool place(struct json_writer *w)
{
    assert(w->after_key || may_be(w, false));
    bool comma = w->comma;
    w->comma = true;
    w->after_key = false;
    return comma;
}

static void separate(struct json_writer *w)
{
    if (place(w)) buf_putc(w->out, ',');
}

static void begin(struct json_writer *w, char bracket)
{
    separate(w);
    buf_putc(w->out, bracket);
    uint32_t i = w->depth++;
    w->comma = false;
    if (i >= JSON_DEPTH_MAX) return;
    uint64_t bit = (uint64_t)1 << i % 64;
    if (bracket == '{')
        w->objects[i / 64] |= bit;
    else
        w->objects[i / 64] &= ~bit;
}

static void end(struct json_writer *w, char bracket)
{
    assert(w->depth && !w->after_key);
    assert(may_be(w, bracket == '}'));
    buf_putc(w->out, bracket);
    w->depth--;
    w->comma = true;
}

void json_begin_object(struct json_writer *w)
{
    begin(w, '{');
}

void json_end_object(struct json_writer *w)
{
    end(w, '}');
}

void json_begin_array(struct json_writer *w)
{
    begin(w, '[');
}

void json_end_array(struct json_writer *w)
{
    end(w, ']');
}

void json_key(struct json_writer *w, struct slice key)
{
    assert(may_be(w, true) && !w->after_key);
    put_escaped(w->out, QUOTES | COLON | (w->comma ? COMMA : 0), key);
    w->comma = false;
    w->after_key = true;
}

/* --- scalars -------------------------------------------------------------- */

void json_raw(struct json_writer *w, struct slice value)
{
    separate(w);
    buf_put(w->out, value);
}

void json_raw_members(struct json_writer *w, struct slice members)
{
    assert(may_be(w, true) && !w->after_key);
    if (!members.n) return;
    if (w->comma) buf_putc(w->out, ',');
    buf_put(w->out, members);
    w->comma = true;
}

void json_null(struct json_writer *w)
{
    json_raw(w, SLICE("null"));
}

void json_bool(struct json_writer *w, bool v)
{
    json_raw(w, v ? SLICE("true") : SLICE("false"));
}

void json_int(struct json_writer *w, int64_t v)
{
    separate(w);
    buf_put_int(w->out, v);
}

/* The fewest digits that read back the same: 15 are enough for every short
 * decimal, 17 for every double; below the normal range fewer can do. */
static void shortest(double v, char *text, size_t size)
{
    int precision = fabs(v) < DBL_MIN ? 1 : 15;
    do snprintf(text, size, "%.*g", precision, v);
    while (precision++ < 17 && strtod(text, NULL) != v);
}

void json_number(struct json_writer *w, double v)
{
    if (!isfinite(v)) {
        json_null(w);
        return;
    }
    if (fabs(v) < 1e15 && v == (double)(int64_t)v && !(v == 0 && signbit(v))) {
        json_int(w, (int64_t)v);
        return;
    }
    char text[48], plain[48];
    shortest(v, text, sizeof(text));
    /* The locale's point, whatever its bytes, becomes '.'. */
    size_t n = 0;
    for (const char *p = text; *p; p++) {
        if (strchr("0123456789+-e", *p))
            plain[n++] = *p;
        else if (n && plain[n - 1] != '.')
            plain[n++] = '.';
    }
    json_raw(w, (struct slice){plain, n});
}

void json_string(struct json_writer *w, struct slice v)
{
    put_escaped(w->out, QUOTES | (place(w) ? COMMA : 0), v);
}

void json_stringf(struct json_writer *w, const char *fmt, ...)
{
    /* Formatted into a text of its own: escapes make it longer in place. */
    struct buf text = BUF_INIT(w->out->ceiling);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    json_string(w, buf_slice(&text));
    if (text.err && !w->out->err) w->out->err = text.err;
    buf_done(&text);
}

/* --- trees ---------------------------------------------------------------- */

void json_value(struct json_writer *w, const struct json *v)
{
    switch (v->type) {
    case JSON_OBJECT:
        json_begin_object(w);
        for (uint32_t i = 0; i < v->count; i++) {
            json_key(w, v->members[i].key);
            json_value(w, &v->members[i].value);
        }
        json_end_object(w);
        return;
    case JSON_ARRAY:
        json_begin_array(w);
        for (uint32_t i = 0; i < v->count; i++) json_value(w, &v->items[i]);
        json_end_array(w);
        return;
    case JSON_STRING:
        json_string(w, v->text);
        return;
    case JSON_NUMBER:
        json_raw(w, v->raw);
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        json_bool(w, v->type == JSON_TRUE);
        return;
    default:
        json_null(w);
    }
}

/* --- key and value -------------------------------------------------------- */

void json_put_string(struct json_writer *w, const char *key, struct slice v)
{
    json_key(w, slice_of(key));
    json_string(w, v);
}

void json_put_int(struct json_writer *w, const char *key, int64_t v)
{
    json_key(w, slice_of(key));
    json_int(w, v);
}

void json_put_bool(struct json_writer *w, const char *key, bool v)
{
    json_key(w, slice_of(key));
    json_bool(w, v);
}

void json_put_raw(struct json_writer *w, const char *key, struct slice v)
{
    json_key(w, slice_of(key));
    json_raw(w, v);
}
