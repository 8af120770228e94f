#include "engine/pattern.h"

#include <ctype.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/alloc.h"
#include "base/buf.h"

struct eng_pattern {
    pcre2_code *code; /* in the arena; nothing to free */
    uint32_t options; /* of the match */
};

/* --- the supported syntax
 * ------------------------------------------------------ PCRE2 accepts much
 * more than gates may use, so the pattern is walked first and what is outside
 * the syntax is refused, by name. */
struct walk {
    struct slice s;
    size_t at;
    struct buf *out;
    struct eng_pattern_fault *fault;
};

static bool refuse(struct walk *w, size_t n, struct slice what)
{
    *w->fault = (struct eng_pattern_fault){w->at, n, what};
    return false;
}

static char peek(const struct walk *w, size_t ahead)
{
    return w->at + ahead < w->s.n ? w->s.p[w->at + ahead] : '\0';
}

static void copy(struct walk *w, size_t n)
{
    buf_put(w->out, slice_sub(w->s, w->at, n));
    w->at += n;
}

static bool hex(struct walk *w, size_t digits)
{
    for (size_t i = 0; i < digits; i++)
        if (!isxdigit((unsigned char)peek(w, 2 + i)))
            return refuse(w, 2, SLICE("an escape with too few hex digits"));
    copy(w, 2 + digits);
    return true;
}

static bool escape(struct walk *w, bool in_class)
{
    char c = peek(w, 1);
    if (w->at + 1 >= w->s.n)
        return refuse(w, 1, SLICE("a backslash at the end"));
    if (c == 'x') return hex(w, 2);
    if (c == 'u') return hex(w, 4);
    if (c == 'Z' && !in_class) { /* Python's end is the very end */
        buf_puts(w->out, "\\z");
        w->at += 2;
        return true;
    }
    if ((c >= '1' && c <= '9') || c == 'k' || c == 'g')
        return refuse(w, 2, SLICE("a back-reference"));
    const char *known = in_class ? "dDwWsSbntrfv" : "dDwWsSbBAntrfv";
    if (isalnum((unsigned char)c) && !strchr(known, c))
        return refuse(w, 2, SLICE("an escape that is not supported"));
    copy(w, 2);
    return true;
}

static bool class(struct walk *w)
{
    copy(w, 1);
    if (peek(w, 0) == '^') copy(w, 1);
    if (peek(w, 0) == ']') {
        buf_puts(w->out, "\\]");
        w->at++;
    }
    while (w->at < w->s.n && peek(w, 0) != ']') {
        char c = peek(w, 0), next = peek(w, 1);
        if (c == '\\') {
            if (!escape(w, true)) return false;
        } else if (c == '[' && (next == ':' || next == '.' || next == '=')) {
            return refuse(w, 2, SLICE("a named class"));
        } else {
            copy(w, 1);
        }
    }
    if (w->at >= w->s.n) return refuse(w, 0, SLICE("a class without its ]"));
    copy(w, 1);
    return true;
}

static const struct {
    struct slice begin, what;
} groups[] = {
    {SLICE_INIT("(?="), SLICE_INIT("look-ahead")},
    {SLICE_INIT("(?!"), SLICE_INIT("look-ahead")},
    {SLICE_INIT("(?<="), SLICE_INIT("look-behind")},
    {SLICE_INIT("(?<!"), SLICE_INIT("look-behind")},
    {SLICE_INIT("(?P="), SLICE_INIT("a back-reference")},
    {SLICE_INIT("(?P>"), SLICE_INIT("a recursion")},
    {SLICE_INIT("(?>"), SLICE_INIT("an atomic group")},
    {SLICE_INIT("(?("), SLICE_INIT("a conditional group")},
    {SLICE_INIT("(*"), SLICE_INIT("a verb")},
};

/* "(?:", "(?P<name>", "(?i)", "(?is-m:" pass; every other "(?" is refused. */
static bool group(struct walk *w)
{
    struct slice rest = slice_sub(w->s, w->at, w->s.n);
    for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
        if (slice_starts(rest, groups[i].begin))
            return refuse(w, groups[i].begin.n, groups[i].what);
    if (peek(w, 1) != '?') {
        copy(w, 1);
        return true;
    }
    if (slice_starts(rest, SLICE("(?P<"))) {
        size_t end = slice_find_byte(rest, '>');
        copy(w, end < rest.n ? end + 1 : rest.n);
        return true;
    }
    size_t n = 2;
    while (peek(w, n) && strchr("ims-", peek(w, n))) n++;
    if (peek(w, n) != ':' && peek(w, n) != ')')
        return refuse(w, n + 1, SLICE("a group that is not supported"));
    copy(w, n + 1);
    return true;
}

/* The length of {m}, {m,} or {m,n} here; 0: a plain brace. */
static size_t bounds(const struct walk *w)
{
    size_t n = 1;
    while (isdigit((unsigned char)peek(w, n))) n++;
    if (n == 1) return 0;
    if (peek(w, n) == ',') n++;
    while (isdigit((unsigned char)peek(w, n))) n++;
    return peek(w, n) == '}' ? n + 1 : 0;
}

static bool repetition(struct walk *w, size_t n)
{
    copy(w, n);
    if (peek(w, 0) == '+')
        return refuse(w, 1, SLICE("a possessive repetition"));
    if (peek(w, 0) == '?') copy(w, 1);
    return true;
}

static bool step(struct walk *w)
{
    switch (peek(w, 0)) {
    case '\\':
        return escape(w, false);
    case '[':
        return class(w);
    case '(':
        return group(w);
    case '*':
    case '+':
    case '?':
        return repetition(w, 1);
    case '{':
        if (bounds(w)) return repetition(w, bounds(w));
        if (peek(w, 1) == ',')
            return refuse(w, 2, SLICE("a repetition without its lower bound"));
        buf_puts(w->out, "\\{");
        w->at++;
        return true;
    default:
        copy(w, 1);
        return true;
    }
}

static enum err rewrite(struct slice text, struct buf *out,
                        struct eng_pattern_fault *fault)
{
    struct walk w = {text, 0, out, fault};
    if (text.n > ENG_PATTERN_BYTES) {
        (void)refuse(&w, 0, SLICE("a pattern of more than 4096 bytes"));
        return ERR_PARSE;
    }
    if (slice_find_byte(text, '\0') < text.n) {
        (void)refuse(&w, 0, SLICE("a NUL character"));
        return ERR_PARSE;
    }
    while (w.at < text.n)
        if (!step(&w)) return ERR_PARSE;
    return out->err;
}

/* --- compiling --------------------------------------------------------- */
static void *arena_malloc(size_t n, void *a)
{
    return arena_alloc(a, n);
}

static void arena_nofree(void *p, void *a)
{
    (void)p, (void)a;
}

/* A search is an anchored match of a lazy run of anything and the pattern, so
 * that one budget of match steps covers all starting points. */
enum err eng_pattern_make(struct slice text, enum eng_pattern_place place,
                          struct arena *a, const struct eng_pattern **ret,
                          struct eng_pattern_fault *retfault)
{
    struct buf b = BUF_INIT(4 * ENG_PATTERN_BYTES);
    static const struct slice befores[ENG_PLACE_COUNT] = {
        [ENG_AT_START] = SLICE_INIT("(?:"),
        [ENG_ANYWHERE] = SLICE_INIT("(?s:.*?)(?:"),
        [ENG_WHOLE] = SLICE_INIT("(?:"),
        [ENG_CAPTURE] = SLICE_INIT("(?s:.*?)("), /* group 1: all of it */
    };
    struct slice before = befores[place];
    struct eng_pattern *p = ARENA_NEW(a, struct eng_pattern);
    pcre2_general_context *memory =
        pcre2_general_context_create(arena_malloc, arena_nofree, a);
    pcre2_compile_context *how =
        memory ? pcre2_compile_context_create(memory) : NULL;
    enum err e = ERR_NOMEM;
    *retfault = (struct eng_pattern_fault){0};
    if (!p || !how) goto out;
    pcre2_set_newline(how, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(how, 50);
    buf_put(&b, before);
    e = rewrite(text, &b, retfault);
    if (e) goto out;
    buf_putc(&b, ')');
    e = b.err;
    if (e) goto out;
    /* no auto-possessification: each repeated character that is given back
     * counts as a step, and nothing but steps is limited */
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_ALT_BSUX |
                       PCRE2_NO_AUTO_POSSESS | PCRE2_NEVER_BACKSLASH_C |
                       (place == ENG_CAPTURE ? 0 : PCRE2_NO_AUTO_CAPTURE);
    int code;
    size_t at;
    p->code = pcre2_compile((PCRE2_SPTR)b.p, b.n, options, &code, &at, how);
    p->options = PCRE2_ANCHORED | PCRE2_NO_UTF_CHECK |
                 (place == ENG_WHOLE ? PCRE2_ENDANCHORED : 0);
    if (!p->code) {
        char words[128] = "";
        e = code == PCRE2_ERROR_HEAP_FAILED ? ERR_NOMEM : ERR_PARSE;
        (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)words,
                                      sizeof(words));
        size_t own = at > before.n ? at - before.n : 0;
        *retfault = (struct eng_pattern_fault){own < text.n ? own : text.n, 0,
                                               arena_copy(a, slice_of(words))};
        goto out;
    }
    *ret = p;
out:
    buf_done(&b);
    return e;
}

/* --- matching ---------------------------------------------------------- */
static void *heap_malloc(size_t n, void *none)
{
    (void)none;
    return mem_alloc(n);
}

static void heap_free(void *p, void *none)
{
    (void)none;
    mem_free(p);
}

static bool too_long(struct slice text, struct slice *ret_problem)
{
    if (text.n <= ENG_PATTERN_TEXT_BYTES) return false;
    *ret_problem =
        SLICE("the text has more than 1 MiB, too much for a pattern");
    return true;
}

static void limits_set(pcre2_match_context *how, struct slice text)
{
    pcre2_set_match_limit(how, 10000 + 8 * (uint32_t)text.n);
    pcre2_set_depth_limit(how, 10000 + 4 * (uint32_t)text.n);
    pcre2_set_heap_limit(how, 64 * 1024);
}

static enum err outcome(int rc, bool *ret, struct slice *ret_problem)
{
    switch (rc) {
    case PCRE2_ERROR_NOMATCH:
        return OK;
    case PCRE2_ERROR_NOMEMORY:
        return ERR_NOMEM;
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
        *ret_problem = SLICE("the pattern backtracks too much on this text and "
                             "was stopped");
        return OK;
    default:
        if (rc < 0)
            *ret_problem = SLICE("the pattern could not be matched");
        else
            *ret = true;
        return OK;
    }
}

/* Behind the character at `at`. */
static size_t next_character(struct slice text, size_t at)
{
    do at++;
    while (at < text.n && ((unsigned char)text.p[at] & 0xc0) == 0x80);
    return at;
}

enum err eng_pattern_run(const struct eng_pattern *p, struct slice text,
                         bool *ret, struct slice *ret_problem)
{
    *ret = false;
    *ret_problem = (struct slice){0};
    if (too_long(text, ret_problem)) return OK;
    pcre2_general_context *memory =
        pcre2_general_context_create(heap_malloc, heap_free, NULL);
    pcre2_match_context *how =
        memory ? pcre2_match_context_create(memory) : NULL;
    pcre2_match_data *data = how ? pcre2_match_data_create(1, memory) : NULL;
    int rc = PCRE2_ERROR_NOMEMORY;
    if (data) {
        limits_set(how, text);
        rc = pcre2_match(p->code, (PCRE2_SPTR)(text.p ? text.p : ""), text.n, 0,
                         p->options, data, how);
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(how);
    pcre2_general_context_free(memory);
    return outcome(rc, ret, ret_problem);
}

enum err eng_pattern_find(const struct eng_pattern *p, struct slice text,
                          bool *ret, struct slice *ret_found,
                          struct slice *ret_problem)
{
    *ret = false;
    *ret_problem = (struct slice){0};
    if (too_long(text, ret_problem)) return OK;
    if (!text.p) text = SLICE("");
    pcre2_general_context *memory =
        pcre2_general_context_create(heap_malloc, heap_free, NULL);
    pcre2_match_context *how =
        memory ? pcre2_match_context_create(memory) : NULL;
    pcre2_match_data *data = how ? pcre2_match_data_create(3, memory) : NULL;
    int rc = data ? 0 : PCRE2_ERROR_NOMEMORY;
    if (data) limits_set(how, text);
    for (size_t at = 0; rc >= 0 && at <= text.n;) {
        rc = pcre2_match(p->code, (PCRE2_SPTR)text.p, text.n, at, p->options,
                         data, how);
        if (rc < 0) break;
        const PCRE2_SIZE *o = pcre2_get_ovector_pointer(data);
        bool has = (rc == 0 || rc > 2) && o[4] != PCRE2_UNSET;
        size_t group = has ? 4 : 2;
        *ret = true;
        *ret_found = slice_sub(text, o[group], o[group + 1] - o[group]);
        at = o[1] > at ? o[1] : next_character(text, at);
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(how);
    pcre2_general_context_free(memory);
    bool ignored;
    return rc < 0 ? outcome(rc, &ignored, ret_problem) : OK;
}
