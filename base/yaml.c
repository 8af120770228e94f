/*
 * libyaml's events come in the order of the text; a recursive reader, as deep
 * as the ceiling on depth allows, turns them into nodes. The children of an
 * open collection lie on one scratch stack and move to the arena together
 * when it closes, so that they are contiguous.
 */
#include "base/yaml.h"

#include <yaml.h>

#include "base/buf.h"
#include "base/yaml_scalar.h"

struct reader {
    struct slice in;
    struct arena *a;
    struct yaml_error *err;
    uint32_t depth_left, values_left;
    struct buf scratch; /* of struct json_member */

    yaml_parser_t parser;
    yaml_event_t event; /* the one being read; type 0: none */

    /* libyaml's marks count characters; here is where one of them lies. Marks
     * are asked for almost in order, so the walk between two is short. */
    size_t character, byte;
};

/* --- places --------------------------------------------------------------- */

static bool starts_character(struct slice in, size_t byte)
{
    return byte >= in.n || (in.p[byte] & 0xC0) != 0x80;
}

static size_t byte_of(struct reader *r, const yaml_mark_t *m)
{
    while (r->character < m->index && r->byte < r->in.n) {
        do r->byte++;
        while (!starts_character(r->in, r->byte));
        r->character++;
    }
    while (r->character > m->index && r->byte > 0) {
        do r->byte--;
        while (!starts_character(r->in, r->byte));
        r->character--;
    }
    return r->byte;
}

static struct slice between(struct reader *r, size_t from, size_t to)
{
    return slice_sub(r->in, from, to > from ? to - from : 0);
}

/* --- errors --------------------------------------------------------------- */

/* `what` is a literal or in the arena; {NULL, 0} when there was no room. */
static enum err fail(struct reader *r, enum err e, size_t at, struct slice what)
{
    struct text_position pos = slice_position(r->in, at);
    *r->err = (struct yaml_error){pos.line, pos.column, what};
    if (!what.p) r->err->what = SLICE("out of memory");
    return what.p ? e : ERR_NOMEM;
}

static enum err fail_nomem(struct reader *r)
{
    return fail(r, ERR_NOMEM, r->byte, SLICE("out of memory"));
}

static enum err fail_here(struct reader *r, struct slice what)
{
    return fail(r, ERR_PARSE, byte_of(r, &r->event.start_mark), what);
}

/* What libyaml says, and what its reader should do about it. */
static const struct {
    const char *problem;
    struct slice what;
} mends[] = {
    {"mapping values are not allowed in this context",
     SLICE_INIT("a ':' stands where no value can begin; quote a text that "
                "contains ': ', or put the key on a line of its own")},
    {"did not find expected key",
     SLICE_INIT("a key was expected here; align it with the keys above it, or "
                "quote the text before it")},
    {"did not find expected '-' indicator",
     SLICE_INIT("a list entry was expected here; begin the line with '- ', "
                "aligned with the entries above it")},
    {"could not find expected ':'",
     SLICE_INIT("the line before this has no ': ' after its key; add it, or "
                "indent the line if it continues a text")},
    {"block sequence entries are not allowed in this context",
     SLICE_INIT("a list cannot begin here; put '- ' on a line of its own")},
    {"mapping keys are not allowed in this context",
     SLICE_INIT("a key cannot begin here; quote the text, or put the key on a "
                "line of its own")},
    {"did not find expected ',' or ']'",
     SLICE_INIT("a list that began with '[' needs ',' or ']' here; add it, or "
                "quote the entry before")},
    {"did not find expected ',' or '}'",
     SLICE_INIT("a mapping that began with '{' needs ',' or '}' here; add it, "
                "or quote the value before")},
    {"did not find expected <document start>",
     SLICE_INIT("the document has ended before this; indent the line as those "
                "above it, or remove it")},
    {"did not find expected node content",
     SLICE_INIT("a value was expected here; write one, or \"\" for an empty "
                "text")},
    {"found unexpected end of stream",
     SLICE_INIT("the text ends inside quotes; close them")},
    {"found unexpected document indicator",
     SLICE_INIT("'---' or '...' inside quotes; close them")},
    {"found unknown escape character",
     SLICE_INIT(
         "unknown escape after '\\'; write '\\\\', or use single quotes, "
         "where '\\' means itself")},
    {"did not find expected hexdecimal number",
     SLICE_INIT("an escape needs more hexadecimal digits: \\x41, \\u0041 or "
                "\\U00000041")},
    {"found invalid Unicode character escape code",
     SLICE_INIT("the escape names no character; surrogates cannot be written, "
                "use \\U and eight digits or the character itself")},
    {"found character that cannot start any token",
     SLICE_INIT("a text cannot begin with this character; put it in quotes")},
    {"found undefined tag handle",
     SLICE_INIT("tags ('!name') are not supported; remove the tag, or quote a "
                "text that begins with '!'")},
    {"control characters are not allowed",
     SLICE_INIT("a control character; remove it, or write it as an escape in "
                "double quotes, such as \"\\x1b\"")},
    {"found incompatible YAML document",
     SLICE_INIT("%YAML names a version that is not supported; remove the "
                "line")},
};

/* Offset of a tab among the blanks that the line at `at` starts with, else the
 * end of the source. */
static size_t indentation_tab(struct slice in, size_t at)
{
    size_t i = at < in.n ? at : in.n;
    while (i > 0 && in.p[i - 1] != '\n') i--;
    for (; i < in.n && (in.p[i] == ' ' || in.p[i] == '\t'); i++)
        if (in.p[i] == '\t') return i;
    return in.n;
}

static struct slice mend_of(struct reader *r, const char *problem)
{
    for (size_t i = 0; i < sizeof(mends) / sizeof(mends[0]); i++)
        if (strcmp(problem, mends[i].problem) == 0) return mends[i].what;
    const char *context = r->parser.context;
    return arena_printf(r->a, "%s%s%s; see the lines above it", problem,
                        context ? " " : "", context ? context : "");
}

static enum err fail_of_parser(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR || !p->problem) return fail_nomem(r);
    size_t at = p->error == YAML_READER_ERROR ? p->problem_offset
                                              : byte_of(r, &p->problem_mark);
    size_t tab = indentation_tab(r->in, at);
    if (p->error == YAML_SCANNER_ERROR && tab < r->in.n)
        return fail(r, ERR_PARSE, tab,
                    SLICE("a tab in the indentation; use spaces"));
    return fail(r, ERR_PARSE, at, mend_of(r, p->problem));
}

/* --- events --------------------------------------------------------------- */

/* Anchors and tags may stand before every kind of value. */
static enum err refuse_properties(struct reader *r, const yaml_char_t *anchor,
                                  const yaml_char_t *tag)
{
    if (anchor)
        return fail_here(r, SLICE("anchors ('&name') are not supported; write "
                                  "the value out, or quote a text that begins "
                                  "with '&'"));
    if (tag)
        return fail_here(r, SLICE("tags ('!name') are not supported; remove "
                                  "the tag, or quote a text that begins with "
                                  "'!'"));
    return OK;
}

static enum err refuse_directives(struct reader *r)
{
    if (r->event.data.document_start.tag_directives.start !=
        r->event.data.document_start.tag_directives.end)
        return fail_here(r, SLICE("%TAG is not supported; remove the line"));
    return OK;
}

static enum err check_event(struct reader *r)
{
    const yaml_event_t *ev = &r->event;
    switch (ev->type) {
    case YAML_ALIAS_EVENT:
        return fail_here(r, SLICE("aliases ('*name') are not supported; write "
                                  "the value out, or quote a text that begins "
                                  "with '*'"));
    case YAML_SCALAR_EVENT:
        return refuse_properties(r, ev->data.scalar.anchor,
                                 ev->data.scalar.tag);
    case YAML_SEQUENCE_START_EVENT:
        return refuse_properties(r, ev->data.sequence_start.anchor,
                                 ev->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return refuse_properties(r, ev->data.mapping_start.anchor,
                                 ev->data.mapping_start.tag);
    case YAML_DOCUMENT_START_EVENT:
        return refuse_directives(r);
    default:
        return OK;
    }
}

static enum err next(struct reader *r)
{
    yaml_event_delete(&r->event);
    if (!yaml_parser_parse(&r->parser, &r->event)) return fail_of_parser(r);
    return check_event(r);
}

/* --- scalars -------------------------------------------------------------- */

/* The decoded text: a part of the source when it stands there as it is. */
static enum err scalar_text(struct reader *r, struct slice raw,
                            struct slice *ret)
{
    struct slice text = {(const char *)r->event.data.scalar.value,
                         r->event.data.scalar.length};
    size_t quotes = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    struct slice inner = slice_sub(raw, quotes, text.n);
    *ret = slice_eq(inner, text) ? inner : arena_copy(r->a, text);
    return ret->p ? OK : fail_nomem(r);
}

/* The beginning of a text of the source, short enough to be quoted in a
 * message, in whole characters. */
static struct slice excerpt(struct slice s)
{
    size_t n = s.n < 80 ? s.n : 80;
    while (n < s.n && !starts_character(s, n)) n--;
    return slice_sub(s, 0, n);
}

static enum err fail_number(struct reader *r, struct slice text)
{
    char spelling[YAML_SPELLING_SIZE];
    struct slice use = yaml_plain_spelling(text, spelling);
    text = excerpt(text);
    struct slice what =
        use.n ? arena_printf(r->a,
                             "the number %.*s is not spelled as in JSON; write "
                             "%.*s, or '%.*s' in quotes for a text",
                             SLICE_ARG(text), SLICE_ARG(use), SLICE_ARG(text))
              : arena_printf(r->a,
                             "%.*s is a number that JSON does not have; write "
                             "'%.*s' in quotes for a text",
                             SLICE_ARG(text), SLICE_ARG(text));
    return fail_here(r, what);
}

static enum err read_scalar(struct reader *r, struct json *out)
{
    static const enum json_type types[YAML_PLAIN_COUNT] = {
        [YAML_PLAIN_NULL] = JSON_NULL,     [YAML_PLAIN_FALSE] = JSON_FALSE,
        [YAML_PLAIN_TRUE] = JSON_TRUE,     [YAML_PLAIN_NUMBER] = JSON_NUMBER,
        [YAML_PLAIN_STRING] = JSON_STRING,
    };
    size_t from = byte_of(r, &r->event.start_mark);
    size_t to = byte_of(r, &r->event.end_mark);
    struct slice raw = between(r, from, to), text;
    enum err e = scalar_text(r, raw, &text);
    if (e) return e;
    enum yaml_plain plain = YAML_PLAIN_STRING;
    if (r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        plain = yaml_plain_type(text);
    if (plain == YAML_PLAIN_FOREIGN_NUMBER) return fail_number(r, text);
    *out = (struct json){.type = types[plain], .raw = raw};
    if (plain == YAML_PLAIN_STRING) out->text = text;
    return OK;
}

/* --- collections ---------------------------------------------------------- */

static enum err read_value(struct reader *r, struct json *out);

static enum err push(struct reader *r, const struct json_member *m)
{
    buf_put(&r->scratch, (struct slice){(const char *)m, sizeof(*m)});
    return r->scratch.err ? fail_nomem(r) : OK;
}

/* Where a collection that began at `from` ends: a flow collection with its
 * bracket, a block with its last child (its end event has no width and lies
 * at whatever comes next). */
static struct slice collection_raw(struct reader *r, size_t from,
                                   size_t children_end)
{
    size_t start = byte_of(r, &r->event.start_mark);
    size_t end = byte_of(r, &r->event.end_mark);
    return between(r, from, end > start ? end : children_end);
}

static size_t end_of(const struct reader *r, struct slice raw)
{
    return (size_t)(raw.p - r->in.p) + raw.n;
}

static enum err read_list(struct reader *r, struct json *out)
{
    size_t base = r->scratch.n, from = byte_of(r, &r->event.start_mark);
    size_t end = from;
    enum err e;
    struct json_member m = {0};
    while (!(e = next(r)) && r->event.type != YAML_SEQUENCE_END_EVENT) {
        e = read_value(r, &m.value);
        if (!e) e = push(r, &m);
        if (e) return e;
        end = end_of(r, m.value.raw);
    }
    if (e) return e;
    size_t count = (r->scratch.n - base) / sizeof(m);
    struct json *items = ARENA_ARRAY(r->a, struct json, count);
    if (!items) return fail_nomem(r);
    for (size_t i = 0; i < count; i++) {
        memcpy(&m, r->scratch.p + base + i * sizeof(m), sizeof(m));
        items[i] = m.value;
    }
    r->scratch.n = base;
    *out = (struct json){.type = JSON_ARRAY,
                         .count = (uint32_t)count,
                         .raw = collection_raw(r, from, end),
                         .items = items};
    return OK;
}

static enum err read_key(struct reader *r, struct json_member *m)
{
    if (r->event.type != YAML_SCALAR_EVENT)
        return fail_here(r, SLICE("a key must be a plain or quoted text, not a "
                                  "list or mapping"));
    size_t from = byte_of(r, &r->event.start_mark);
    size_t to = byte_of(r, &r->event.end_mark);
    enum err e = scalar_text(r, between(r, from, to), &m->key);
    if (e) return e;
    m->at = r->in.p + from;
    if (r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return OK;
    if (m->key.n == 0)
        return fail_here(r, SLICE("a key is missing here; write one before "
                                  "the ':'"));
    if (slice_eq(m->key, SLICE("<<")))
        return fail_here(r, SLICE("merge keys ('<<') are not supported; write "
                                  "the keys out"));
    return OK;
}

static enum err refuse_duplicate(struct reader *r, const struct json *object)
{
    const struct json_member *again = json_duplicate_key(object);
    if (!again) return OK;
    const struct json_member *first = object->members;
    while (!slice_eq(first->key, again->key)) first++;
    uint32_t line = slice_position(r->in, (size_t)(first->at - r->in.p)).line;
    struct slice key = excerpt(again->key);
    struct slice what =
        arena_printf(r->a,
                     "the key '%.*s' stands in line %u already; remove one or "
                     "rename it",
                     SLICE_ARG(key), line);
    return fail(r, ERR_PARSE, (size_t)(again->at - r->in.p), what);
}

static enum err read_mapping(struct reader *r, struct json *out)
{
    size_t base = r->scratch.n, from = byte_of(r, &r->event.start_mark);
    size_t end = from;
    enum err e;
    struct json_member m;
    while (!(e = next(r)) && r->event.type != YAML_MAPPING_END_EVENT) {
        e = read_key(r, &m);
        if (!e) e = next(r);
        if (!e) e = read_value(r, &m.value);
        if (!e) e = push(r, &m);
        if (e) return e;
        end = end_of(r, m.value.raw);
    }
    if (e) return e;
    size_t bytes = r->scratch.n - base;
    struct json_member *members = arena_alloc(r->a, bytes);
    if (!members) return fail_nomem(r);
    if (bytes) memcpy(members, r->scratch.p + base, bytes);
    r->scratch.n = base;
    *out = (struct json){.type = JSON_OBJECT,
                         .count = (uint32_t)(bytes / sizeof(m)),
                         .raw = collection_raw(r, from, end),
                         .members = members};
    return refuse_duplicate(r, out);
}

static enum err fail_ceiling(struct reader *r, struct slice what)
{
    return fail(r, ERR_TOO_LARGE, byte_of(r, &r->event.start_mark), what);
}

/* Reads the value that the current event begins. */
static enum err read_value(struct reader *r, struct json *out)
{
    if (r->values_left-- == 0)
        return fail_ceiling(r, SLICE("more values than allowed; split the "
                                     "file"));
    if (r->event.type == YAML_SCALAR_EVENT) return read_scalar(r, out);
    if (r->depth_left == 0)
        return fail_ceiling(r, SLICE("nested deeper than allowed; flatten the "
                                     "structure"));
    r->depth_left--;
    enum err e = r->event.type == YAML_SEQUENCE_START_EVENT
                     ? read_list(r, out)
                     : read_mapping(r, out);
    r->depth_left++;
    return e;
}

/* --- the document --------------------------------------------------------- */

static enum err read_end(struct reader *r)
{
    enum err e = next(r); /* the document's end */
    if (!e) e = next(r);
    if (!e && r->event.type != YAML_STREAM_END_EVENT)
        e = fail_here(r, SLICE("a second document begins here; a file holds "
                               "one, remove the '---'"));
    return e;
}

static enum err read_stream(struct reader *r, struct json *out)
{
    enum err e = next(r); /* the stream's start */
    if (!e) e = next(r);
    if (e) return e;
    if (r->event.type == YAML_STREAM_END_EVENT) {
        *out = (struct json){.type = JSON_NULL, .raw = slice_sub(r->in, 0, 0)};
        return OK;
    }
    e = next(r);
    if (!e) e = read_value(r, out);
    return e ? e : read_end(r);
}

static enum err check_source(struct reader *r, size_t bytes)
{
    if (r->in.n > bytes)
        return fail(r, ERR_TOO_LARGE, bytes,
                    arena_printf(r->a,
                                 "%zu bytes; at most %zu are allowed, "
                                 "split the file",
                                 r->in.n, bytes));
    size_t valid = slice_utf8_valid(r->in);
    if (valid < r->in.n)
        return fail(r, ERR_PARSE, valid,
                    SLICE("not UTF-8; save the file in UTF-8"));
    return OK;
}

enum err yaml_parse(struct slice in, const struct json_limits *limits,
                    struct arena *a, const struct json **ret,
                    struct yaml_error *reterr)
{
    if (!limits) limits = &json_limits_default;
    if (!in.p) in = SLICE("");
    /* Some editors begin a file with the mark of its bytes' order. */
    if (slice_starts(in, SLICE("\xEF\xBB\xBF"))) in = slice_sub(in, 3, in.n);
    struct reader r = {
        .in = in,
        .a = a,
        .err = reterr,
        .depth_left = limits->depth,
        .values_left = limits->values,
        .scratch = BUF_INIT(limits->values * sizeof(struct json_member)),
    };
    enum err e = check_source(&r, limits->bytes);
    if (e) return e;
    struct json *root = ARENA_NEW(a, struct json);
    if (!root || !yaml_parser_initialize(&r.parser)) return fail_nomem(&r);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)in.p, in.n);
    e = read_stream(&r, root);
    if (!e) *ret = root;
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    buf_done(&r.scratch);
    return e;
}
