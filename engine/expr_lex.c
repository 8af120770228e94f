#include <ctype.h>

#include "engine/expr_tree.h"

struct lexer {
    struct slice s;
    size_t at;
    struct arena *a;
    struct expr_fault *fault;
};

static const struct {
    struct slice spelling;
    enum token_kind kind;
} ops[] = {
#define OP_ROW(symbol, spelling) {SLICE_INIT(spelling), T_##symbol},
    OP_ROWS(OP_ROW)
#undef OP_ROW
};
static const struct {
    struct slice word;
    enum token_kind kind;
} words[] = {
#define WORD_ROW(symbol, word) {SLICE_INIT(word), T_##symbol},
    WORD_ROWS(WORD_ROW)
#undef WORD_ROW
};

static enum err refuse(struct lexer *l, size_t at, size_t n, struct slice what)
{
    *l->fault = (struct expr_fault){
        at, n, what,
        SLICE("Write it with the operators of the expression "
              "language.")};
    return ERR_PARSE;
}

static char peek(const struct lexer *l, size_t ahead)
{
    return l->at + ahead < l->s.n ? l->s.p[l->at + ahead] : '\0';
}

static bool name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static enum err lex_name(struct lexer *l, struct token *t)
{
    size_t n = 1;
    while (name_char(peek(l, n))) n++;
    struct slice name = slice_sub(l->s, l->at, n);
    t->kind = T_NAME;
    if (slice_find(name, SLICE("__")) < name.n)
        return refuse(l, l->at, n, SLICE("a name with a double underscore"));
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (slice_eq(words[i].word, name)) t->kind = words[i].kind;
    l->at += n;
    return OK;
}

/* --- numbers ----------------------------------------------------------- */
static enum err lex_number(struct lexer *l, struct token *t)
{
    size_t from = l->at, n = 0, dot = SIZE_MAX;
    bool floating = false;
    while (isdigit((unsigned char)peek(l, n)) ||
           (peek(l, n) == '.' && dot == SIZE_MAX)) {
        if (peek(l, n) == '.') dot = n;
        n++;
    }
    floating = dot != SIZE_MAX;
    if (peek(l, n) == 'e' || peek(l, n) == 'E') {
        size_t sign = peek(l, n + 1) == '+' || peek(l, n + 1) == '-';
        if (isdigit((unsigned char)peek(l, n + 1 + sign))) {
            floating = true;
            n += 1 + sign;
            while (isdigit((unsigned char)peek(l, n))) n++;
        }
    }
    struct slice raw = slice_sub(l->s, from, n);
    if (name_char(peek(l, n)) || (n > 1 && raw.p[0] == '0' && !floating))
        return refuse(l, from, n + 1, SLICE("a number that cannot be read"));
    l->at += n;
    if (!floating) {
        t->kind = T_INT;
        return slice_int64(raw, &t->integer)
                   ? OK
                   : refuse(l, from, n, SLICE("an integer over 64 bits"));
    }
    /* JSON wants a digit on both sides of the point; Python does not */
    bool bare = dot != SIZE_MAX &&
                (dot + 1 == n || !isdigit((unsigned char)raw.p[dot + 1]));
    struct json number = {.type = JSON_NUMBER};
    number.raw = arena_printf(
        l->a, "%s%.*s%s%.*s", dot == 0 ? "0" : "",
        (int)(dot == SIZE_MAX ? 0 : dot + 1), raw.p, bare ? "0" : "",
        SLICE_ARG(slice_sub(raw, dot == SIZE_MAX ? 0 : dot + 1, raw.n)));
    if (!number.raw.p) return ERR_NOMEM;
    t->kind = T_FLOAT;
    while (number.raw.n > 1 && number.raw.p[0] == '0' &&
           isdigit((unsigned char)number.raw.p[1]))
        number.raw = slice_sub(number.raw, 1, number.raw.n);
    return json_double(&number, &t->number)
               ? OK
               : refuse(l, from, n, SLICE("a number that is not finite"));
}

/* --- strings ----------------------------------------------------------- */
static size_t put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    to[0] = (char)(lead[n] | c);
    return n;
}

/* \xHH, \uHHHH, \UHHHHHHHH: the character's digits follow the backslash. */
static bool hex_escape(const struct lexer *l, size_t digits, uint32_t *ret)
{
    uint32_t c = 0;
    for (size_t i = 0; i < digits; i++) {
        char d = peek(l, 2 + i);
        if (!isxdigit((unsigned char)d)) return false;
        c = c << 4 |
            (uint32_t)(isdigit((unsigned char)d) ? d - '0'
                                                 : (d | 0x20) - 'a' + 10);
    }
    *ret = c;
    return c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
}

static enum err lex_escape(struct lexer *l, char *to, size_t *n)
{
    static const char from[] = "\\'\"ntrabfv", into[] = "\\'\"\n\t\r\a\b\f\v";
    char c = peek(l, 1);
    const char *known = c ? strchr(from, c) : NULL;
    size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    uint32_t code;
    if (known) {
        to[(*n)++] = into[known - from];
        l->at += 2;
    } else if (digits) {
        if (!hex_escape(l, digits, &code))
            return refuse(l, l->at, 2, SLICE("an escape that is no character"));
        *n += put_utf8(to + *n, code);
        l->at += 2 + digits;
    } else if (isdigit((unsigned char)c) || c == 'N' || c == '\n') {
        return refuse(l, l->at, 2, SLICE("an escape that is not supported"));
    } else {
        to[(*n)++] = '\\'; /* as Python: the backslash stays */
        l->at++;
    }
    return OK;
}

static enum err lex_string(struct lexer *l, bool raw, struct token *t)
{
    size_t from = l->at, n = 0;
    l->at += raw;
    char quote = peek(l, 0);
    l->at++;
    char *to = arena_alloc(l->a, l->s.n - l->at + 1);
    if (!to) return ERR_NOMEM;
    while (l->at < l->s.n && peek(l, 0) != quote) {
        char c = peek(l, 0);
        if (c == '\n') break;
        if (c == '\\' && !raw) {
            enum err e = lex_escape(l, to, &n);
            if (e) return e;
            continue;
        }
        if (c == '\\' && l->at + 1 < l->s.n) { /* raw: both stay */
            to[n++] = c;
            l->at++;
            c = peek(l, 0);
        }
        to[n++] = c;
        l->at++;
    }
    if (peek(l, 0) != quote || l->at >= l->s.n)
        return refuse(l, from, 1, SLICE("a string without its end"));
    l->at++;
    t->kind = T_STRING;
    t->string = (struct slice){to, n};
    return OK;
}

/* --- all of it --------------------------------------------------------- */
static enum err lex_op(struct lexer *l, struct token *t)
{
    struct slice rest = slice_sub(l->s, l->at, 3);
    if (slice_starts(rest, SLICE("**")) || slice_starts(rest, SLICE(":=")) ||
        slice_starts(rest, SLICE("->")))
        return refuse(l, l->at, 2, SLICE("an operator that is not supported"));
    for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
        if (!slice_starts(rest, ops[i].spelling)) continue;
        t->kind = ops[i].kind;
        l->at += ops[i].spelling.n;
        return OK;
    }
    if (peek(l, 0) == '=') return refuse(l, l->at, 1, SLICE("an assignment"));
    size_t n = 1;
    while (((unsigned char)peek(l, n) & 0xC0) == 0x80) n++;
    return refuse(l, l->at, n, SLICE("a character that is not supported"));
}

static enum err lex_one(struct lexer *l, struct token *t)
{
    char c = peek(l, 0), next = peek(l, 1);
    if ((c == 'r' || c == 'R') && (next == '\'' || next == '"'))
        return lex_string(l, true, t);
    if (c == '\'' || c == '"') return lex_string(l, false, t);
    if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)next)))
        return lex_number(l, t);
    if (name_char(c)) return lex_name(l, t);
    return lex_op(l, t);
}

enum err expr_lex(struct slice text, struct arena *a, const struct token **ret,
                  struct expr_fault *fault)
{
    struct lexer l = {text, 0, a, fault};
    struct token *tokens = ARENA_ARRAY(a, struct token, text.n + 1);
    size_t count = 0;
    if (!tokens) return ERR_NOMEM;
    for (;;) {
        while (l.at < text.n && strchr(" \t\r\n", text.p[l.at]) && text.p[l.at])
            l.at++;
        struct token *t = &tokens[count++];
        t->at = (uint32_t)l.at;
        if (l.at >= text.n) break;
        enum err e = lex_one(&l, t);
        if (e) return e;
        t->n = (uint32_t)(l.at - t->at);
    }
    tokens[count - 1].kind = T_END;
    *ret = tokens;
    return OK;
}
