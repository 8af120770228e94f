#include "base/clock.h"

#include <time.h>

#include "tests/runner/test.h"

TEST(clock, the_monotonic_clock_never_goes_back)
{
    int64_t last = clock_now();
    for (int i = 0; i < 10000; i++) {
        int64_t now = clock_now();
        CHECK_INT_GE(now, last);
        last = now;
    }
    CHECK_INT_LE(clock_coarse(), clock_now());
    CHECK_INT_LE(clock_now() - clock_coarse(), NS_PER_S);
}

static int64_t kernel_ns(void)
{
    struct timespec t;
    CHECK_INT_EQ(clock_gettime(CLOCK_MONOTONIC, &t), 0);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* What somebody sets the clock on the wall to does not matter to it. */
TEST(clock, the_monotonic_clock_is_the_kernel_s)
{
    int64_t before = kernel_ns(), now = clock_now(), coarse = clock_coarse();
    CHECK_INT_GE(now, before);
    CHECK_INT_LE(now, kernel_ns());
    CHECK_INT_GE(coarse, before - NS_PER_S);
    CHECK_INT_LE(coarse, kernel_ns());
}

TEST(clock, a_fake_clock_stands_until_advanced)
{
    CHECK(!clock_is_fake());
    clock_fake(5 * NS_PER_S, 1000);
    CHECK(clock_is_fake());
    CHECK_INT_EQ(clock_now(), 5 * NS_PER_S);
    CHECK_INT_EQ(clock_coarse(), 5 * NS_PER_S);
    CHECK_INT_EQ(clock_wall_ms(), 1000);
    clock_fake_advance(1500 * NS_PER_MS + 400000);
    clock_fake_advance(600000);
    CHECK_INT_EQ(clock_now(), 6501 * NS_PER_MS);
    CHECK_INT_EQ(clock_wall_ms(), 2501);
    clock_real();
    CHECK_INT_GT(clock_wall_ms(), INT64_C(1600000000000));
}

struct moment {
    int64_t ms;
    const char *text;
};

TEST_EACH(clock, writes_rfc_3339, struct moment, row,
          {0, "1970-01-01T00:00:00.000Z"}, {-1, "1969-12-31T23:59:59.999Z"},
          {INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
          {INT64_C(951868799999), "2000-02-29T23:59:59.999Z"},
          {INT64_C(4107542400000), "2100-03-01T00:00:00.000Z"},
          {INT64_C(1795266294123), "2026-11-21T13:04:54.123Z"},
          {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
          {INT64_MAX, "9999-12-31T23:59:59.999Z"},
          {INT64_MIN, "0000-01-01T00:00:00.000Z"})
{
    char out[CLOCK_TEXT_SIZE];
    CHECK_TEXT_EQ(clock_text(row->ms, out), row->text);
    CHECK_INT_EQ(out[CLOCK_TEXT_SIZE - 1], 0);
}

TEST(clock, agrees_with_the_c_library_on_every_day_of_four_centuries)
{
    for (int64_t day = -25567; day < 146097 - 25567; day++) {
        time_t t = day * 86400;
        struct tm tm;
        char want[32], got[CLOCK_TEXT_SIZE];
        gmtime_r(&t, &tm);
        size_t n = strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
        struct slice text = clock_text(day * 86400000, got);
        if (!slice_eq(text, (struct slice){want, n}))
            FAIL("day %lld: %s, not %s", (long long)day, got, want);
    }
}

struct reading {
    const char *text;
    int64_t ms; /* -1: refused */
};

TEST_EACH(clock, reads_rfc_3339, struct reading, row,
          {"1970-01-01T00:00:00Z", 0},
          {"2026-11-21T13:04:54.123Z", 1795266294123},
          {"2026-11-21t13:04:54.1239999z", 1795266294123},
          {"2026-11-21T15:04:54.123+02:00", 1795266294123},
          {"2026-11-21T07:34:54.123-05:30", 1795266294123},
          {"2000-02-29T00:00:00Z", 951782400000},
          {"2016-12-31T23:59:60Z", 1483228800000}, {"2016-02-30T23:59:60Z", -1}, {"", -1}, {"2026-11-21", -1},
          {"2026-11-21T13:04:54", -1}, {"2026-11-21 13:04:54Z", -1},
          {"2026-02-29T00:00:00Z", -1}, {"2026-13-01T00:00:00Z", -1},
          {"2026-00-01T00:00:00Z", -1}, {"2026-04-31T00:00:00Z", -1},
          {"2026-11-21T24:00:00Z", -1}, {"2026-11-21T13:60:54Z", -1},
          {"2026-11-21T13:04:61Z", -1}, {"2026-11-21T13:04:54.Z", -1},
          {"2026-11-21T13:04:54Z ", -1}, {"2026-11-21T13:04:54+0200", -1},
          {"2026-11-21T13:04:54+24:00", -1}, {"+026-11-21T13:04:54Z", -1},
          {"2026-11-21T13:04:54Zulu", -1})
{
    int64_t ms = -1;
    CHECK_INT_EQ(clock_parse(slice_of(row->text), &ms), row->ms >= 0);
    CHECK_INT_EQ(ms, row->ms);
}

TEST(clock, reads_what_it_writes_on_every_day_of_four_centuries)
{
    for (int64_t day = -25567; day < 146097 - 25567; day++) {
        char text[CLOCK_TEXT_SIZE];
        int64_t ms = day * 86400000 + 86399999, got = 0;
        CHECK(clock_parse(clock_text(ms, text), &got));
        if (got != ms) FAIL("%s is not read as it was written", text);
    }
}
