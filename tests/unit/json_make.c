#include "tests/unit/json_make.h"

/* splitmix64 */
static uint64_t next(struct json_maker *m)
{
    uint64_t z = m->seed += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

uint32_t json_make_number(struct json_maker *m, uint32_t below)
{
    return (uint32_t)(next(m) >> 32) % below;
}

#define PICK(m, table)                                                         \
    (table)[json_make_number((m), sizeof(table) / sizeof((table)[0]))]

static void space(struct json_maker *m, struct buf *out)
{
    static const char *const spaces[] = {"",  "",     "",   "",     "",
                                         " ", "\n  ", "\t", "\r\n", "  \t \n"};
    buf_puts(out, PICK(m, spaces));
}

static void digits(struct json_maker *m, struct buf *out, uint32_t n)
{
    while (n--) buf_putc(out, (char)('0' + json_make_number(m, 10)));
}

static void number(struct json_maker *m, struct buf *out)
{
    static const char *const edges[] = {"0",
                                        "-0",
                                        "0.0",
                                        "9007199254740993",
                                        "9223372036854775807",
                                        "-9223372036854775808",
                                        "9223372036854775808",
                                        "1e22",
                                        "1e23",
                                        "2.2250738585072011e-308",
                                        "4.9e-324",
                                        "1e-400",
                                        "1e400",
                                        "1.7976931348623157e308",
                                        "0.1",
                                        "123456789012345678901234567890"};
    if (json_make_number(m, 6) == 0) {
        buf_puts(out, PICK(m, edges));
        return;
    }
    if (json_make_number(m, 3) == 0) buf_putc(out, '-');
    if (json_make_number(m, 5) == 0) {
        buf_putc(out, '0');
    } else {
        buf_putc(out, (char)('1' + json_make_number(m, 9)));
        digits(m, out,
               json_make_number(m, 4) ? json_make_number(m, 4)
                                      : json_make_number(m, 24));
    }
    if (json_make_number(m, 3) == 0) {
        buf_putc(out, '.');
        digits(m, out, 1 + json_make_number(m, 20));
    }
    if (json_make_number(m, 4) == 0) {
        static const char *const exponents[] = {"e", "E", "e+", "E-", "e-"};
        buf_puts(out, PICK(m, exponents));
        digits(m, out, 1 + json_make_number(m, 2));
    }
}

static void string(struct json_maker *m, struct buf *out)
{
    static const char *const parts[] = {"a",
                                        "key",
                                        "the quick brown fox jumps over",
                                        " ",
                                        "/",
                                        "\x7F",
                                        "\\\"",
                                        "\\\\",
                                        "\\/",
                                        "\\b",
                                        "\\f",
                                        "\\n",
                                        "\\r",
                                        "\\t",
                                        "\\u0041",
                                        "\\u0000",
                                        "\\u00e9",
                                        "\\uFFFF",
                                        "\\ud83d\\ude00",
                                        "\\u001f",
                                        "\\uD7FF",
                                        "\xC3\xA9",
                                        "\xE2\x82\xAC",
                                        "\xE2\x80\xA8",
                                        "\xF0\x9F\x98\x80",
                                        "\xEF\xBF\xBD",
                                        "\xD0\xBF\xD1\x80\xD0\xB8",
                                        "0123456789abcdef",
                                        "{\\\"a\\\":[1,2]}"};
    uint32_t n = json_make_number(m, 4) ? json_make_number(m, 4)
                                        : json_make_number(m, 20);
    buf_putc(out, '"');
    while (n--) buf_puts(out, PICK(m, parts));
    buf_putc(out, '"');
}

static void value(struct json_maker *m, struct buf *out, uint32_t depth);

static void container(struct json_maker *m, struct buf *out, uint32_t depth,
                      bool object)
{
    uint32_t n = json_make_number(m, depth > 3 ? 4 : 9);
    buf_putc(out, object ? '{' : '[');
    space(m, out);
    for (uint32_t i = 0; i < n; i++) {
        if (i) buf_putc(out, ',');
        space(m, out);
        if (object) {
            string(m, out);
            space(m, out);
            buf_putc(out, ':');
            space(m, out);
        }
        value(m, out, depth + 1);
        space(m, out);
    }
    buf_putc(out, object ? '}' : ']');
}

static void value(struct json_maker *m, struct buf *out, uint32_t depth)
{
    static const char *const literals[] = {"null", "true", "false"};
    switch (json_make_number(m, depth == 0 ? 9 : depth > 6 ? 5 : 8)) {
    case 0:
        buf_puts(out, PICK(m, literals));
        return;
    case 1:
    case 2:
        number(m, out);
        return;
    case 3:
    case 4:
        string(m, out);
        return;
    case 5:
        container(m, out, depth, false);
        return;
    default:
        container(m, out, depth, true);
    }
}

void json_make(struct json_maker *m, struct buf *out)
{
    space(m, out);
    value(m, out, 0);
    space(m, out);
}

void json_mutate(struct json_maker *m, struct buf *text)
{
    static const char bytes[] = "{}[],:\"\\ \n\t\0"
                                "0123456789-+.eEu/*'abntrf\x1F\x7F\x80\xBF\xC0"
                                "\xC3\xE2\xED\xA0\xF0\xF4\xFF";
    uint32_t n = 1 + json_make_number(m, 3);
    while (n-- && text->n) {
        uint32_t at = json_make_number(m, (uint32_t)text->n);
        char c = bytes[json_make_number(m, sizeof(bytes) - 1)];
        switch (json_make_number(m, 5)) {
        case 0: /* change */
            text->p[at] = c;
            break;
        case 1: /* insert */
            buf_putc(text, c);
            memmove(text->p + at + 1, text->p + at, text->n - at - 1);
            text->p[at] = c;
            break;
        case 2: /* drop */
            memmove(text->p + at, text->p + at + 1, text->n - at - 1);
            text->n--;
            break;
        case 3: /* double */
            buf_putc(text, c);
            memmove(text->p + at + 1, text->p + at, text->n - at - 1);
            break;
        default: /* cut off */
            if (json_make_number(m, 4) == 0)
                text->n = at;
            else
                text->p[at] ^= (char)(1 << json_make_number(m, 8));
        }
    }
}
