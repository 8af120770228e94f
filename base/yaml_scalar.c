#include "base/yaml_scalar.h"

#include <stdio.h>

static const struct {
    struct slice text;
    enum yaml_plain type;
} words[] = {
    {SLICE_INIT(""), YAML_PLAIN_NULL},
    {SLICE_INIT("~"), YAML_PLAIN_NULL},
    {SLICE_INIT("null"), YAML_PLAIN_NULL},
    {SLICE_INIT("Null"), YAML_PLAIN_NULL},
    {SLICE_INIT("NULL"), YAML_PLAIN_NULL},
    {SLICE_INIT("true"), YAML_PLAIN_TRUE},
    {SLICE_INIT("True"), YAML_PLAIN_TRUE},
    {SLICE_INIT("TRUE"), YAML_PLAIN_TRUE},
    {SLICE_INIT("false"), YAML_PLAIN_FALSE},
    {SLICE_INIT("False"), YAML_PLAIN_FALSE},
    {SLICE_INIT("FALSE"), YAML_PLAIN_FALSE},
    {SLICE_INIT(".nan"), YAML_PLAIN_FOREIGN_NUMBER},
    {SLICE_INIT(".NaN"), YAML_PLAIN_FOREIGN_NUMBER},
    {SLICE_INIT(".NAN"), YAML_PLAIN_FOREIGN_NUMBER},
};

/* The parts of a decimal number; each may be empty. */
struct decimal {
    struct slice sign, whole, fraction, exponent;
    bool point, has_exponent;
};

/* Cuts the run of bytes that are in `set` off *rest. */
static struct slice take(struct slice *rest, const char *set)
{
    size_t n = 0;
    while (n < rest->n && rest->p[n] && strchr(set, rest->p[n])) n++;
    struct slice run = slice_sub(*rest, 0, n);
    *rest = slice_sub(*rest, n, rest->n);
    return run;
}

static struct slice take_one(struct slice *rest, const char *set)
{
    struct slice one = slice_sub(*rest, 0, 1);
    struct slice run = take(&one, set);
    *rest = slice_sub(*rest, run.n, rest->n);
    return run;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool read_decimal(struct slice s, struct decimal *d)
{
    static const char digits[] = "0123456789";
    *d = (struct decimal){.sign = take_one(&s, "+-")};
    d->whole = take(&s, digits);
    d->point = take_one(&s, ".").n == 1;
    if (d->point) d->fraction = take(&s, digits);
    if (d->whole.n + d->fraction.n == 0) return false;
    struct slice exponent = s;
    d->has_exponent = take_one(&s, "eE").n == 1;
    if (d->has_exponent) {
        take_one(&s, "+-");
        if (take(&s, digits).n == 0) return false;
        d->exponent = exponent;
    }
    return s.n == 0;
}

static bool is_json_number(const struct decimal *d)
{
    return !slice_eq(d->sign, SLICE("+")) && d->whole.n > 0 &&
           (d->whole.n == 1 || d->whole.p[0] != '0') &&
           (!d->point || d->fraction.n > 0);
}

/* 0x1F and 0o17; the value's digits, or none. */
static struct slice based_digits(struct slice s, int *ret_base)
{
    *ret_base = slice_starts(s, SLICE("0x")) ? 16 : 8;
    if (*ret_base == 8 && !slice_starts(s, SLICE("0o")))
        return (struct slice){0};
    struct slice rest = slice_sub(s, 2, s.n);
    struct slice digits =
        take(&rest, *ret_base == 16 ? "0123456789abcdefABCDEF" : "01234567");
    return rest.n ? (struct slice){0} : digits;
}

static bool is_infinity(struct slice s)
{
    take_one(&s, "+-");
    return slice_eq(s, SLICE(".inf")) || slice_eq(s, SLICE(".Inf")) ||
           slice_eq(s, SLICE(".INF"));
}

enum yaml_plain yaml_plain_type(struct slice text)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (slice_eq(text, words[i].text)) return words[i].type;
    struct decimal d;
    int base;
    if (read_decimal(text, &d))
        return is_json_number(&d) ? YAML_PLAIN_NUMBER
                                  : YAML_PLAIN_FOREIGN_NUMBER;
    if (based_digits(text, &base).n || is_infinity(text))
        return YAML_PLAIN_FOREIGN_NUMBER;
    return YAML_PLAIN_STRING;
}

static int digit_value(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static int spell_based(struct slice digits, int base,
                       char out[YAML_SPELLING_SIZE])
{
    int64_t v = 0;
    for (size_t i = 0; i < digits.n; i++)
        if (__builtin_mul_overflow(v, base, &v) ||
            __builtin_add_overflow(v, digit_value(digits.p[i]), &v))
            return 0;
    return snprintf(out, YAML_SPELLING_SIZE, "%lld", (long long)v);
}

static int spell_decimal(struct decimal *d, char out[YAML_SPELLING_SIZE])
{
    while (d->whole.n > 1 && d->whole.p[0] == '0')
        d->whole = slice_sub(d->whole, 1, d->whole.n);
    if (d->whole.n == 0) d->whole = SLICE("0");
    if (d->point && d->fraction.n == 0) d->fraction = SLICE("0");
    return snprintf(out, YAML_SPELLING_SIZE, "%s%.*s%s%.*s%.*s",
                    slice_eq(d->sign, SLICE("-")) ? "-" : "",
                    SLICE_ARG(d->whole), d->point ? "." : "",
                    SLICE_ARG(d->fraction), SLICE_ARG(d->exponent));
}

struct slice yaml_plain_spelling(struct slice text,
                                 char out[YAML_SPELLING_SIZE])
{
    struct decimal d;
    int base, n = 0;
    struct slice digits = based_digits(text, &base);
    if (digits.n)
        n = spell_based(digits, base, out);
    else if (read_decimal(text, &d))
        n = spell_decimal(&d, out);
    if (n <= 0 || n >= YAML_SPELLING_SIZE) n = 0;
    out[n] = '\0';
    return (struct slice){out, (size_t)n};
}
