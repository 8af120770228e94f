#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

/* Relaxed: clock_fake happens before other threads start, and a reader of the
 * advanced time needs nothing else that the advancing thread wrote. */
static _Atomic bool fake;
static _Atomic int64_t fake_now;
static _Atomic int64_t fake_wall_ns;
static _Atomic int64_t jumped_ms;

bool clock_is_fake(void)
{
    return atomic_load_explicit(&fake, memory_order_relaxed);
}

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int64_t read_fake(_Atomic int64_t *clock)
{
    return atomic_load_explicit(clock, memory_order_relaxed);
}

int64_t clock_now(void)
{
    return clock_is_fake() ? read_fake(&fake_now) : read_clock(CLOCK_MONOTONIC);
}

int64_t clock_coarse(void)
{
    return clock_is_fake() ? read_fake(&fake_now)
                           : read_clock(CLOCK_MONOTONIC_COARSE);
}

int64_t clock_wall_ms(void)
{
    int64_t ns =
        clock_is_fake() ? read_fake(&fake_wall_ns) : read_clock(CLOCK_REALTIME);
    return ns / NS_PER_MS + read_fake(&jumped_ms);
}

void clock_fake_jump(int64_t ms)
{
    atomic_fetch_add_explicit(&jumped_ms, ms, memory_order_relaxed);
}

void clock_fake(int64_t now_ns, int64_t wall_ms)
{
    atomic_store_explicit(&fake_now, now_ns, memory_order_relaxed);
    atomic_store_explicit(&fake_wall_ns, wall_ms * NS_PER_MS,
                          memory_order_relaxed);
    atomic_store_explicit(&fake, true, memory_order_relaxed);
}

void clock_fake_advance(int64_t ns)
{
    atomic_fetch_add_explicit(&fake_now, ns, memory_order_relaxed);
    atomic_fetch_add_explicit(&fake_wall_ns, ns, memory_order_relaxed);
}

void clock_real(void)
{
    atomic_store_explicit(&fake, false, memory_order_relaxed);
}

struct civil {
    int64_t year;
    unsigned month, day;
};

/* Gregorian date of a day counted from 1970-01-01: eras of 400 years, years
 * that start in March so that the leap day comes last (Hinnant's method). */
static struct civil civil_of(int64_t day)
{
    day += 719468;
    int64_t era = (day >= 0 ? day : day - 146096) / 146097;
    unsigned of_era = (unsigned)(day - era * 146097);
    unsigned year =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned march = (5 * of_year + 2) / 153;
    struct civil c = {.year = (int64_t)year + era * 400,
                      .month = march < 10 ? march + 3 : march - 9,
                      .day = of_year - (153 * march + 2) / 5 + 1};
    c.year += c.month <= 2;
    return c;
}

/* Writes v with exactly `digits` digits; the place after them. */
static char *put(char *at, uint64_t v, int digits)
{
    for (int i = digits - 1; i >= 0; i--, v /= 10) at[i] = (char)('0' + v % 10);
    return at + digits;
}

struct slice clock_text(int64_t wall_ms, char out[CLOCK_TEXT_SIZE])
{
    /* 0000-01-01 and the end of 9999: the years that four digits can say. */
    const int64_t least = INT64_C(-62167219200000);
    const int64_t most = INT64_C(253402300799999);
    if (wall_ms < least) wall_ms = least;
    if (wall_ms > most) wall_ms = most;
    const int64_t day_ms = INT64_C(86400000);
    int64_t day = (wall_ms - (wall_ms < 0 ? day_ms - 1 : 0)) / day_ms;
    uint64_t ms = (uint64_t)(wall_ms - day * day_ms);
    struct civil c = civil_of(day);
    char *at = put(out, (uint64_t)c.year, 4);
    *at++ = '-';
    at = put(at, c.month, 2);
    *at++ = '-';
    at = put(at, c.day, 2);
    *at++ = 'T';
    at = put(at, ms / 3600000, 2);
    *at++ = ':';
    at = put(at, ms / 60000 % 60, 2);
    *at++ = ':';
    at = put(at, ms / 1000 % 60, 2);
    *at++ = '.';
    at = put(at, ms % 1000, 3);
    *at++ = 'Z';
    *at = '\0';
    return (struct slice){out, CLOCK_TEXT_SIZE - 1};
}

/* Digits and what stands behind them. */
static bool number(struct slice *s, size_t n, char end, int *ret)
{
    *ret = 0;
    for (size_t i = 0; i < n; i++) {
        if (i >= s->n || s->p[i] < '0' || s->p[i] > '9') return false;
        *ret = *ret * 10 + (s->p[i] - '0');
    }
    *s = slice_sub(*s, n, s->n);
    if (!end) return true;
    if (!s->n || (s->p[0] | 32) != (end | 32)) return false;
    *s = slice_sub(*s, 1, s->n);
    return true;
}

/* "Z", "+02:00": seconds east. */
static bool zone(struct slice s, int64_t *ret)
{
    int h, m;
    *ret = 0;
    if (s.n == 1) return (s.p[0] | 32) == 'z';
    if (!s.n || (s.p[0] != '+' && s.p[0] != '-')) return false;
    int sign = s.p[0] == '-' ? -1 : 1;
    s = slice_sub(s, 1, s.n);
    if (!number(&s, 2, ':', &h) || !number(&s, 2, 0, &m) || s.n || h > 23 ||
        m > 59)
        return false;
    *ret = (int64_t)sign * (h * 3600 + m * 60);
    return true;
}

static int64_t fraction_ms(struct slice *s)
{
    int64_t ms = 0, unit = 100;
    size_t n = 1;
    if (s->n < 2 || s->p[0] != '.') return 0;
    for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++, unit /= 10)
        ms += (s->p[n] - '0') * unit;
    if (n > 1) *s = slice_sub(*s, n, s->n);
    return ms;
}

bool clock_parse(struct slice s, int64_t *ret_wall_ms)
{
    struct tm tm = {0};
    int64_t east;
    if (!number(&s, 4, '-', &tm.tm_year) || !number(&s, 2, '-', &tm.tm_mon) ||
        !number(&s, 2, 't', &tm.tm_mday) || !number(&s, 2, ':', &tm.tm_hour) ||
        !number(&s, 2, ':', &tm.tm_min) || !number(&s, 2, 0, &tm.tm_sec) ||
        tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return false;
    int64_t ms = fraction_ms(&s);
    if (!zone(s, &east)) return false;
    bool leap = tm.tm_sec == 60;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    tm.tm_sec -= leap;
    const struct tm said = tm;
    int64_t t = (int64_t)timegm(&tm) + leap;
    if (tm.tm_mon != said.tm_mon || tm.tm_mday != said.tm_mday) return false;
    *ret_wall_ms = (t - east) * 1000 + ms;
    return true;
}
