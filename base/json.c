#include "base/json.h"

#include "base/alloc.h"
#include "base/json_scan.h"

/*
 * The reader is one loop without recursion. Nodes under construction lie on a
 * scratch stack; an open array or object is followed there by its children so
 * far. When it closes, the children move to the arena in one copy, so that
 * they are contiguous, and the stack shrinks back to the container's node:
 *
 *   root{  key:array[  1  2  3        ']' ->   root{  key:array
 *
 * While a container is open its node keeps the way back: `raw.n` is the stack
 * offset of the enclosing container's node.
 */

#define SCRATCH_LOCAL 4096
#define NO_CONTAINER SIZE_MAX

const struct json_limits json_limits_default = {
    .bytes = (size_t)16 << 20,
    .depth = 128,
    .values = 1000000,
};

struct reader {
    const char *p, *start, *end;
    struct arena *a;
    struct json_error *err;
    uint32_t depth_left, values_left;
    /* the scratch stack */
    char *stack;
    size_t used, capacity;
    size_t open; /* offset of the innermost open container's node */
    _Alignas(struct json_member) char local[SCRATCH_LOCAL];
};

static enum err fail(struct reader *r, enum err e, const char *at,
                     const char *what)
{
    *r->err = (struct json_error){(size_t)(at - r->start), what};
    return e;
}

static enum err fail_parse(struct reader *r, const char *at, const char *what)
{
    return fail(r, ERR_PARSE, at, what);
}

static enum err fail_nomem(struct reader *r)
{
    return fail(r, ERR_NOMEM, r->p, "out of memory");
}

/* --- scratch stack -------------------------------------------------------- */

static bool stack_grow(struct reader *r)
{
    size_t capacity = r->capacity * 2;
    char *stack = r->stack == r->local ? mem_alloc(capacity)
                                       : mem_realloc(r->stack, capacity);
    if (!stack) return false;
    if (r->stack == r->local) memcpy(stack, r->local, r->used);
    r->stack = stack;
    r->capacity = capacity;
    return true;
}

/* Uninitialised room for one node; NULL when out of memory. Valid until the
 * next push. */
static inline void *stack_push(struct reader *r, size_t n)
{
    if (r->capacity - r->used < n && !stack_grow(r)) return NULL;
    void *top = r->stack + r->used;
    r->used += n;
    return top;
}

static inline struct json *node_at(struct reader *r, size_t offset)
{
    return (struct json *)(r->stack + offset);
}

/* --- tokens --------------------------------------------------------------- */

static inline void skip_space(struct reader *r)
{
    const char *p = r->p;
    /* Most JSON between programs has none: one compare instead of four. */
    if (p < r->end && (unsigned char)*p > ' ') return;
    while (p < r->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    r->p = p;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits after \u; -1 when they are not. */
static int hex4(const char *p, const char *end)
{
    if (end - p < 4) return -1;
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(p[i]);
        if (d < 0) return -1;
        v = v << 4 | d;
    }
    return v;
}

static char *utf8_put(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    if (c < 0x800) {
        *to++ = (char)(0xC0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *to++ = (char)(0xE0 | c >> 12);
        } else {
            *to++ = (char)(0xF0 | c >> 18);
            *to++ = (char)(0x80 | (c >> 12 & 0x3F));
        }
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
    }
    *to++ = (char)(0x80 | (c & 0x3F));
    return to;
}

/* Decodes the \u escape (or the pair of them) at *p. */
static enum err decode_unicode(struct reader *r, const char **p,
                               const char *quote, char **to)
{
    const char *at = *p;
    int hi = hex4(at + 2, quote);
    if (hi < 0) return fail_parse(r, at, "\\u needs four hex digits");
    uint32_t c = (uint32_t)hi;
    *p = at + 6;
    if (c >= 0xD800 && c < 0xE000) {
        int lo = quote - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u'
                     ? hex4(*p + 2, quote)
                     : -1;
        if (c >= 0xDC00 || lo < 0xDC00 || lo >= 0xE000)
            return fail_parse(r, at,
                              "lone surrogate; pairs are "
                              "\\uD800-\\uDBFF, \\uDC00-\\uDFFF");
        c = 0x10000 + ((c - 0xD800) << 10) + ((uint32_t)lo - 0xDC00);
        *p += 6;
    }
    *to = utf8_put(*to, c);
    return OK;
}

/* clang-format off */
static const char escape_of[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};
/* clang-format on */

static enum err decode_escape(struct reader *r, const char **p,
                              const char *quote, char **to)
{
    char c = escape_of[(unsigned char)(*p)[1]];
    if (c) {
        *(*to)++ = c;
        *p += 2;
        return OK;
    }
    if ((*p)[1] == 'u') return decode_unicode(r, p, quote, to);
    return fail_parse(r, *p,
                      "unknown escape; allowed are "
                      "\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
}

/* The quote that ends the string, or NULL. p: in the string, not just after
 * a backslash. */
static const char *string_end(const char *p, const char *end)
{
    while (p < end) {
        if (*p == '"') return p;
        if (*p == '\\') {
            if (end - p < 2) return NULL;
            p += 2;
            continue;
        }
        p = json_scan_plain(p + 1, end);
    }
    return NULL;
}

/* A byte that is neither plain nor a quote nor a backslash: passes over one
 * UTF-8 sequence, or fails. */
static inline enum err pass_other(struct reader *r, const char **p,
                                  const char *end)
{
    if ((unsigned char)**p < 0x20)
        return fail_parse(r, *p,
                          "control character in a string; "
                          "write it as an escape");
    unsigned n = json_utf8_sequence(*p, end);
    if (!n) return fail_parse(r, *p, "invalid UTF-8");
    *p += n;
    return OK;
}

/* A string with at least one escape, decoded into the arena. The decoded text
 * is never longer than its source, so one block of that size is enough. */
static enum err read_escaped(struct reader *r, const char *from, const char *p,
                             struct slice *ret)
{
    const char *quote = string_end(p, r->end);
    if (!quote) return fail_parse(r, from - 1, "string without an end");
    char *text = arena_alloc(r->a, (size_t)(quote - from));
    if (!text) return fail_nomem(r);
    size_t done = (size_t)(p - from);
    memcpy(text, from, done);
    char *to = text + done;

    while (p < quote) {
        enum err e = OK;
        if (*p == '\\') {
            e = decode_escape(r, &p, quote, &to);
        } else if (!json_byte_plain(*p)) {
            const char *was = p;
            e = pass_other(r, &p, quote);
            for (; was < p; was++) *to++ = *was;
        }
        if (e) return e;
        p = json_copy_plain(p, quote, &to);
    }
    *ret = (struct slice){text, (size_t)(to - text)};
    r->p = quote + 1;
    return OK;
}

/* r->p: at the opening quote. */
static enum err read_string(struct reader *r, struct slice *ret)
{
    const char *from = r->p + 1, *p = from;
    for (;;) {
        p = json_scan_plain(p, r->end);
        if (p == r->end)
            return fail_parse(r, from - 1, "string without an end");
        if (*p == '"') break;
        if (*p == '\\') return read_escaped(r, from, p, ret);
        enum err e = pass_other(r, &p, r->end);
        if (e) return e;
    }
    *ret = (struct slice){from, (size_t)(p - from)};
    r->p = p + 1;
    return OK;
}

static inline const char *pass_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') p++;
    return p;
}

/* Passes over a number; its value is made from the raw text on request. */
static enum err read_number(struct reader *r)
{
    static const char digit[] = "a number needs a digit here";
    const char *end = r->end, *p = r->p, *q;
    if (*p == '-') p++;
    q = pass_digits(p, end);
    if (q == p) return fail_parse(r, p, digit);
    if (*p == '0' && q - p > 1)
        return fail_parse(r, p, "a number must not start with 0");
    p = q;
    if (p < end && *p == '.') {
        q = pass_digits(++p, end);
        if (q == p) return fail_parse(r, p, digit);
        p = q;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        q = pass_digits(p, end);
        if (q == p) return fail_parse(r, p, digit);
        p = q;
    }
    r->p = p;
    return OK;
}

static enum err read_literal(struct reader *r, const char *word, size_t n)
{
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
        return fail_parse(r, r->p, "expected a value");
    r->p += n;
    return OK;
}

/* --- containers ----------------------------------------------------------- */

/* `node` becomes the innermost open container. */
static enum err container_open(struct reader *r, struct json *node)
{
    if (!r->depth_left) return fail(r, ERR_TOO_LARGE, r->p, "nested too deep");
    r->depth_left--;
    node->count = 0;
    node->raw = (struct slice){r->p, r->open};
    r->open = (size_t)((char *)node - r->stack);
    r->p++;
    return OK;
}

/* The innermost container is complete: its children move to the arena.
 * r->p: at its closing bracket. */
static enum err container_close(struct reader *r)
{
    struct json *node = node_at(r, r->open);
    size_t children = r->open + sizeof(*node), n = r->used - children;
    node->items = NULL;
    if (n) {
        void *copy = arena_alloc(r->a, n);
        if (!copy) return fail_nomem(r);
        memcpy(copy, r->stack + children, n);
        node->items = copy; /* members shares the place */
    }
    r->used = children;
    r->open = node->raw.n;
    r->depth_left++;
    r->p++;
    node->raw.n = (size_t)(r->p - node->raw.p);
    return OK;
}

/* Pushes a member, reads its key and the colon. */
static enum err read_key(struct reader *r, struct json **ret_node)
{
    struct json_member *m = stack_push(r, sizeof(*m));
    if (!m) return fail_nomem(r);
    skip_space(r);
    if (r->p == r->end || *r->p != '"')
        return fail_parse(r, r->p, "expected a key in double quotes");
    m->at = r->p;
    enum err e = read_string(r, &m->key);
    if (e) return e;
    skip_space(r);
    if (r->p == r->end || *r->p != ':')
        return fail_parse(r, r->p, "expected ':' after the key");
    r->p++;
    *ret_node = &m->value;
    return OK;
}

/* The place of the next value: the root, an item, or a member with its key
 * read. */
static enum err next_node(struct reader *r, struct json **ret_node)
{
    if (!r->values_left) return fail(r, ERR_TOO_LARGE, r->p, "too many values");
    r->values_left--;
    if (r->open != NO_CONTAINER) {
        struct json *in = node_at(r, r->open);
        in->count++;
        if (in->type == JSON_OBJECT) return read_key(r, ret_node);
    }
    *ret_node = stack_push(r, sizeof(**ret_node));
    return *ret_node ? OK : fail_nomem(r);
}

static enum err fail_no_value(struct reader *r)
{
    bool mark = r->p == r->start && r->end - r->p >= 3 &&
                memcmp(r->p, "\xEF\xBB\xBF", 3) == 0;
    return fail_parse(r, r->p,
                      mark ? "JSON has no byte order mark; leave "
                             "out these 3 bytes"
                           : "expected a value");
}

/* Reads a scalar whole, or the opening bracket of a container. */
static enum err read_value(struct reader *r, struct json *node)
{
    enum err e;
    skip_space(r);
    if (r->p == r->end) return fail_parse(r, r->p, "expected a value");
    const char *from = r->p;
    switch (*from) {
    case '{':
        node->type = JSON_OBJECT;
        return container_open(r, node);
    case '[':
        node->type = JSON_ARRAY;
        return container_open(r, node);
    case '"':
        node->type = JSON_STRING;
        e = read_string(r, &node->text);
        break;
    case 't':
        node->type = JSON_TRUE;
        e = read_literal(r, "true", 4);
        break;
    case 'f':
        node->type = JSON_FALSE;
        e = read_literal(r, "false", 5);
        break;
    case 'n':
        node->type = JSON_NULL;
        e = read_literal(r, "null", 4);
        break;
    default:
        if (*from != '-' && (*from < '0' || *from > '9'))
            return fail_no_value(r);
        node->type = JSON_NUMBER;
        e = read_number(r);
    }
    node->count = 0;
    node->raw = (struct slice){from, (size_t)(r->p - from)};
    return e;
}

/* Goes from the end of a value, or from an opening bracket, to the start of
 * the next value; closes what ends in between. *ret_more is false at the end
 * of the root. */
static enum err after_value(struct reader *r, bool opened, bool *ret_more)
{
    while (r->open != NO_CONTAINER) {
        bool object = node_at(r, r->open)->type == JSON_OBJECT;
        skip_space(r);
        char c = r->p < r->end ? *r->p : '\0';
        if (c == (object ? '}' : ']')) {
            enum err e = container_close(r);
            if (e) return e;
        } else if (opened) {
            break;
        } else if (c == ',') {
            r->p++;
            break;
        } else {
            return fail_parse(r, r->p,
                              object ? "expected ',' or '}'"
                                     : "expected ',' or ']'");
        }
        opened = false;
    }
    *ret_more = r->open != NO_CONTAINER;
    return OK;
}

static enum err read_document(struct reader *r)
{
    bool more = true;
    while (more) {
        struct json *node;
        size_t was = r->open;
        enum err e = next_node(r, &node);
        if (!e) e = read_value(r, node);
        if (!e) e = after_value(r, r->open != was, &more);
        if (e) return e;
    }
    skip_space(r);
    if (r->p < r->end)
        return fail_parse(r, r->p, "only white space may follow the value");
    return OK;
}

enum err json_parse(struct slice in, const struct json_limits *limits,
                    struct arena *a, const struct json **ret,
                    struct json_error *reterr)
{
    if (!limits) limits = &json_limits_default;
    struct reader r;
    r.p = r.start = in.p ? in.p : "";
    r.end = r.start + in.n;
    r.a = a;
    r.err = reterr;
    r.depth_left =
        limits->depth < JSON_DEPTH_MAX ? limits->depth : JSON_DEPTH_MAX;
    r.values_left = limits->values;
    r.stack = r.local;
    r.capacity = sizeof(r.local);
    r.used = 0;
    r.open = NO_CONTAINER;
    if (in.n > limits->bytes)
        return fail(&r, ERR_TOO_LARGE, r.start + limits->bytes,
                    "longer than the limit");

    enum err e = read_document(&r);
    struct json *root = e ? NULL : arena_alloc(a, sizeof(*root));
    if (root) {
        *root = *node_at(&r, 0);
        *ret = root;
    } else if (!e) {
        e = fail_nomem(&r);
    }
    if (r.stack != r.local) mem_free(r.stack);
    return e;
}
