#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * What a number's text is worth. Everything here works on the text, so nothing
 * is lost before it is asked for: 1 equals 1.0, and two ids that share their
 * nearest double still differ.
 */

/* value = digits * 10^exponent. The digits lie in `text` with at most one '.'
 * among them; the first and the last of them are not 0. */
struct decimal {
    bool negative;
    struct slice text;   /* empty: zero */
    size_t digits;       /* how many */
    int64_t exponent;    /* of the last digit */
    bool exponent_clamp; /* the written exponent did not fit */
};

/* No text this side of a terabyte brings an exponent back from here. */
#define EXPONENT_FAR ((int64_t)1 << 40)

static int64_t exponent_of(struct slice s, bool *ret_clamp)
{
    bool negative = s.n && s.p[0] == '-';
    size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+');
    int64_t e = 0;
    *ret_clamp = false;
    for (; i < s.n; i++) {
        e = e * 10 + (s.p[i] - '0');
        if (e < EXPONENT_FAR) continue;
        *ret_clamp = true;
        e = EXPONENT_FAR;
        break;
    }
    return negative ? -e : e;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* raw: a number by JSON's grammar. */
static struct decimal decimal_of(struct slice raw)
{
    struct decimal d = {.negative = raw.n && raw.p[0] == '-'};
    const char *p = raw.p + d.negative, *end = raw.p + raw.n, *e = p;
    while (e < end && (*e | 0x20) != 'e') e++;
    if (e < end)
        d.exponent = exponent_of((struct slice){e + 1, (size_t)(end - e - 1)},
                                 &d.exponent_clamp);

    const char *dot = memchr(p, '.', (size_t)(e - p));
    const char *last = e; /* just behind the last digit that counts */
    while (p < last && (*p == '0' || *p == '.')) p++;
    while (last > p && (last[-1] == '0' || last[-1] == '.')) last--;
    if (p == last) return (struct decimal){.negative = d.negative};

    bool inside = dot && dot > p && dot < last;
    d.text = (struct slice){p, (size_t)(last - p)};
    d.digits = d.text.n - inside;
    if (!dot) dot = e;
    /* digits behind the last one and before the point, or the other way */
    d.exponent += last <= dot ? dot - last : -(last - dot - 1);
    return d;
}

bool json_number_equal(struct slice a, struct slice b)
{
    if (slice_eq(a, b)) return true;
    struct decimal x = decimal_of(a), y = decimal_of(b);
    if (!x.digits || !y.digits) return x.digits == y.digits;
    if (x.negative != y.negative || x.digits != y.digits ||
        x.exponent != y.exponent || x.exponent_clamp || y.exponent_clamp)
        return false;
    const char *p = x.text.p, *q = y.text.p;
    for (size_t i = 0; i < x.digits; i++, p++, q++) {
        if (*p == '.') p++;
        if (*q == '.') q++;
        if (*p != *q) return false;
    }
    return true;
}

bool json_int64(const struct json *v, int64_t *ret)
{
    return json_is(v, JSON_NUMBER) && slice_int64(v->raw, ret);
}

bool json_integral(const struct json *v, int64_t *ret)
{
    if (!json_is(v, JSON_NUMBER)) return false;
    struct decimal d = decimal_of(v->raw);
    if (!d.digits) {
        *ret = 0;
        return true;
    }
    if (d.exponent < 0 || d.exponent > 18 || d.digits > 19) return false;
    int64_t n = 0; /* negative all the way: INT64_MIN has no positive twin */
    int64_t zeros = d.exponent;
    for (const char *p = d.text.p, *end = p + d.text.n; p < end || zeros;) {
        int digit = 0;
        if (p < end) {
            if (!is_digit(*p)) {
                p++;
                continue;
            }
            digit = *p++ - '0';
        } else {
            zeros--;
        }
        if (__builtin_mul_overflow(n, (int64_t)10, &n) ||
            __builtin_sub_overflow(n, (int64_t)digit, &n))
            return false;
    }
    if (!d.negative && n == INT64_MIN) return false;
    *ret = d.negative ? n : -n;
    return true;
}

/* --- double --------------------------------------------------------------- */

/* 767 significant digits decide any double; a 1 behind them stands for all
 * that were left out. */
#define DIGITS_MAX 780

/* With up to 15 digits and a small power of ten both factors are exact, so
 * that one operation gives the nearest double. */
static bool double_fast(const struct decimal *d, double *ret)
{
    static const double power[] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (d->digits > 15 || d->exponent < -22 || d->exponent > 22) return false;
    int64_t n = 0;
    for (size_t i = 0; i < d->text.n; i++)
        if (is_digit(d->text.p[i])) n = n * 10 + (d->text.p[i] - '0');
    *ret = d->exponent < 0 ? (double)n / power[-d->exponent]
                           : (double)n * power[d->exponent];
    return true;
}

/* strtod reads the point of the locale, so it gets a text without a point:
 * the digits, 'e', the exponent. */
static double double_exact(const struct decimal *d)
{
    char text[DIGITS_MAX + 32];
    size_t n = 0;
    int64_t exponent = d->exponent + (int64_t)d->digits;
    for (size_t i = 0; i < d->text.n && n < DIGITS_MAX; i++)
        if (is_digit(d->text.p[i])) text[n++] = d->text.p[i];
    if (n < d->digits) text[n++] = '1';
    exponent -= (int64_t)n;
    if (exponent > 100000) exponent = 100000;
    if (exponent < -100000) exponent = -100000;
    snprintf(text + n, sizeof(text) - n, "e%d", (int)exponent);
    return strtod(text, NULL);
}

bool json_double(const struct json *v, double *ret)
{
    if (!json_is(v, JSON_NUMBER)) return false;
    struct decimal d = decimal_of(v->raw);
    double value = 0;
    if (d.digits && !double_fast(&d, &value)) value = double_exact(&d);
    if (!isfinite(value)) return false;
    *ret = d.negative ? -value : value;
    return true;
}
