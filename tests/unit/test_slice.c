#include "base/slice.h"

#include <stdio.h>

#include "tests/runner/test.h"

TEST(slice, orders_bytewise_with_prefixes_first)
{
    CHECK_INT_LT(slice_cmp(SLICE("a"), SLICE("b")), 0);
    CHECK_INT_LT(slice_cmp(SLICE("a"), SLICE("ab")), 0);
    CHECK_INT_GT(slice_cmp(SLICE("\xC3"), SLICE("z")), 0);
    CHECK_INT_EQ(slice_cmp(SLICE(""), (struct slice){0}), 0);
}

TEST(slice, starts_and_ends)
{
    CHECK(slice_starts(SLICE("abc"), SLICE("ab")));
    CHECK(slice_starts(SLICE("abc"), (struct slice){0}));
    CHECK(!slice_starts(SLICE("ab"), SLICE("abc")));
    CHECK(slice_ends(SLICE("abc"), SLICE("bc")));
    CHECK(slice_ends((struct slice){0}, SLICE("")));
    CHECK(!slice_ends(SLICE("c"), SLICE("bc")));
}

TEST(slice, folds_only_ascii_case)
{
    CHECK(slice_eq_nocase(SLICE("Content-TYPE"), SLICE("content-type")));
    CHECK(!slice_eq_nocase(SLICE("@"), SLICE("`")));
    CHECK(!slice_eq_nocase(SLICE("\xC3\x89"), SLICE("\xC3\xA9")));
}

TEST(slice, clips_instead_of_leaving_its_bounds)
{
    struct slice s = SLICE("hello");
    CHECK_TEXT_EQ(slice_sub(s, 1, 3), "ell");
    CHECK_TEXT_EQ(slice_sub(s, 3, SIZE_MAX), "lo");
    CHECK_TEXT_EQ(slice_sub(s, 9, 1), "");
    CHECK_TEXT_EQ(slice_sub((struct slice){0}, 1, 1), "");
}

TEST(slice, trims_ascii_blanks)
{
    CHECK_TEXT_EQ(slice_trim(SLICE(" \t\r\n a b\v\f ")), "a b");
    CHECK_TEXT_EQ(slice_trim(SLICE("  ")), "");
    CHECK_TEXT_EQ(slice_trim((struct slice){0}), "");
}

TEST(slice, finds_the_first_occurrence)
{
    CHECK_INT_EQ(slice_find(SLICE("abcbc"), SLICE("bc")), 1);
    CHECK_INT_EQ(slice_find(SLICE("abc"), SLICE("x")), 3);
    CHECK_INT_EQ(slice_find(SLICE("abc"), SLICE("")), 0);
    CHECK_INT_EQ(slice_find((struct slice){0}, SLICE("x")), 0);
    CHECK_INT_EQ(slice_find_byte(SLICE("a\0b"), '\0'), 1);
    CHECK_INT_EQ(slice_find_byte((struct slice){0}, 'a'), 0);
}

struct splitting {
    const char *in, *parts;
};

TEST_EACH(slice, splits_at_a_separator, struct splitting, row, {"", ""},
          {"a", "[a]"}, {"a,b", "[a][b]"}, {"a,,b", "[a][][b]"},
          {",a", "[][a]"}, {"a,", "[a]"}, {",", "[]"})
{
    char parts[64];
    size_t n = 0;
    struct slice rest = slice_of(row->in), part;
    while (slice_split(&rest, ',', &part))
        n += (size_t)snprintf(parts + n, sizeof(parts) - n, "[%.*s]",
                              SLICE_ARG(part));
    CHECK_SLICE_EQ(((struct slice){parts, n}), slice_of(row->parts));
}

struct integer {
    const char *in;
    bool ok;
    int64_t want;
};

TEST_EACH(slice, reads_integers, struct integer, row, {"0", true, 0},
          {"-0", true, 0}, {"17", true, 17}, {"-17", true, -17},
          {"007", true, 7}, {"9223372036854775807", true, INT64_MAX},
          {"-9223372036854775808", true, INT64_MIN},
          {"9223372036854775808", false, 0}, {"-9223372036854775809", false, 0},
          {"99999999999999999999", false, 0}, {"", false, 0}, {"-", false, 0},
          {"+1", false, 0}, {" 1", false, 0}, {"1 ", false, 0},
          {"1.0", false, 0}, {"0x1", false, 0}, {"--1", false, 0})
{
    int64_t v = 42;
    CHECK_INT_EQ(slice_int64(slice_of(row->in), &v), row->ok);
    CHECK_INT_EQ(v, row->ok ? row->want : 42);
}

struct utf8 {
    const char *in;
    size_t valid; /* bytes */
};

TEST_EACH(slice, knows_well_formed_utf8, struct utf8, row, {"", 0}, {"abc", 3},
          {"eight by\xC3\xA9", 10}, {"\xC2\x80\xDF\xBF", 4},
          {"\xE0\xA0\x80\xED\x9F\xBF", 6}, {"\xEE\x80\x80\xEF\xBF\xBF", 6},
          {"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 8}, {"a\x80", 1}, {"a\xBF", 1},
          {"a\xC0\x80", 1}, {"a\xC1\xBF", 1}, {"a\xE0\x9F\xBF", 1},
          {"a\xED\xA0\x80", 1}, {"a\xED\xBF\xBF", 1}, {"a\xF0\x8F\xBF\xBF", 1},
          {"a\xF4\x90\x80\x80", 1}, {"a\xF5\x80\x80\x80", 1}, {"a\xFF", 1},
          {"a\xC3", 1}, {"a\xE2\x89", 1}, {"a\xF0\x9F\x8E", 1},
          {"a\xE2\x89z", 1}, {"12345678\xC3z", 8})
{
    CHECK_INT_EQ(slice_utf8_valid(slice_of(row->in)), row->valid);
}

/* The table against the definition, over every sequence of up to three bytes
 * after which nothing follows. */
TEST(slice, accepts_every_code_point_and_nothing_else)
{
    for (uint32_t c = 0; c < 0x110000; c += c < 0x10000 ? 1 : 17) {
        unsigned char p[4];
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
        uint32_t rest = c;
        for (size_t i = n; i-- > 1; rest >>= 6)
            p[i] = (unsigned char)(0x80 | (rest & 0x3F));
        p[0] = (unsigned char)(leads[n] | rest);
        bool surrogate = c >= 0xD800 && c < 0xE000;
        CHECK_INT_EQ(slice_utf8_valid((struct slice){(char *)p, n}),
                     surrogate ? 0 : n);
    }
}

TEST(slice, counts_code_points)
{
    CHECK_INT_EQ(slice_utf8_length(SLICE("a\xC3\xA9\xE2\x89\xA4")), 3);
}

struct place {
    size_t at;
    uint32_t line, column;
};

TEST_EACH(slice, tells_line_and_column, struct place, row, {0, 1, 1}, {1, 1, 2},
          {3, 1, 3}, {4, 2, 1}, {5, 2, 2}, {6, 3, 1}, {7, 3, 1}, {99, 3, 1})
{
    struct text_position pos = slice_position(SLICE("a\xC3\xA9\nb\n"), row->at);
    CHECK_INT_EQ(pos.line, row->line);
    CHECK_INT_EQ(pos.column, row->column);
}

struct edits {
    const char *from, *to;
    size_t count;
};

TEST_EACH(slice, edits_between_two_words, struct edits, row, {"", "", 0},
          {"", "abc", 3}, {"abc", "", 3}, {"list", "list", 0},
          {"lsit", "list", 1}, {"hlep", "help", 1}, {"srv", "serve", 2},
          {"tcsh", "bash", 2}, {"kitten", "sitting", 3}, {"ab", "ba", 1},
          {"abcd", "badc", 2})
{
    CHECK_INT_EQ(slice_distance(slice_of(row->from), slice_of(row->to)),
                 row->count);
    CHECK_INT_EQ(slice_distance(slice_of(row->to), slice_of(row->from)),
                 row->count);
}
