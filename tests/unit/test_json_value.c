/* What can be asked of values, and what happens at every ceiling. */
#include "base/alloc.h"
#include "base/json.h"
#include "base/json_scan.h"
#include "base/json_write.h"
#include "tests/runner/test.h"
#include "tests/unit/json_make.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const struct json *parsed(struct slice in)
{
    const struct json *v;
    struct json_error error;
    CHECK_OK(json_parse(in, NULL, test_arena(), &v, &error));
    return v;
}

#define PARSED(lit) parsed(SLICE(lit))

/* --- lookups -------------------------------------------------------------- */

TEST(json_value, finds_members_and_paths)
{
    const struct json *v =
        PARSED("{\"a\":{\"b\":{\"c\":\"deep\"}},\"n\":null,\"n\":1}");
    CHECK_TEXT_EQ(json_text(json_at(v, "a", "b", "c", NULL)), "deep");
    CHECK(json_is(json_get(v, SLICE("n")), JSON_NULL)); /* the first */
    CHECK(!json_get(v, SLICE("b")));
    CHECK(!json_get(json_get(v, SLICE("n")), SLICE("x")));
    CHECK(!json_get(NULL, SLICE("x")));
    CHECK(!json_at(v, "a", "x", "c", NULL));
    CHECK(json_at(v, NULL) == v);
    CHECK_INT_EQ(json_text(json_get(v, SLICE("n"))).n, 0);
}

TEST(json_value, raw_text_is_the_bytes_of_the_source)
{
    struct slice in = SLICE(" { \"id\" : 1.50e+01 , \"s\":\"\\u0041\","
                            "\"a\":[ 1 , { } ] } ");
    const struct json *v = parsed(in);
    CHECK_TEXT_EQ(json_get(v, SLICE("id"))->raw, "1.50e+01");
    CHECK_TEXT_EQ(json_get(v, SLICE("s"))->raw, "\"\\u0041\"");
    CHECK_TEXT_EQ(json_get(v, SLICE("a"))->raw, "[ 1 , { } ]");
    CHECK_TEXT_EQ(json_get(v, SLICE("a"))->items[1].raw, "{ }");
    CHECK_SLICE_EQ(v->raw, slice_trim(in));
    CHECK_INT_EQ(v->members[1].at - in.p, 21);
}

TEST(json_value, text_without_escapes_is_a_slice_of_the_source)
{
    struct slice in = SLICE("[\"plain \xC3\xA9\"]");
    const struct json *v = parsed(in);
    CHECK(v->items[0].text.p == in.p + 2);
}

struct name_row {
    struct slice text;
    const char *name;
};
TEST_EACH(json_value, names_its_type, struct name_row, row,
          {SLICE_INIT("null"), "null"}, {SLICE_INIT("true"), "boolean"},
          {SLICE_INIT("false"), "boolean"}, {SLICE_INIT("1"), "number"},
          {SLICE_INIT("\"\""), "string"}, {SLICE_INIT("[]"), "array"},
          {SLICE_INIT("{}"), "object"})
{
    CHECK_TEXT_EQ(json_type_name(parsed(row->text)), row->name);
}

/* --- numbers -------------------------------------------------------------- */

struct integer_row {
    const char *text;
    bool exact; /* json_int64 */
    bool whole; /* json_integral */
    int64_t value;
};
TEST_EACH(json_value, reads_integers, struct integer_row, row,
          {"0", true, true, 0}, {"-0", true, true, 0}, {"7", true, true, 7},
          {"-12", true, true, -12},
          {"9007199254740993", true, true, 9007199254740993},
          {"9223372036854775807", true, true, INT64_MAX},
          {"-9223372036854775808", true, true, INT64_MIN},
          {"9223372036854775808", false, false, 0},
          {"-9223372036854775809", false, false, 0}, {"1.0", false, true, 1},
          {"1e2", false, true, 100}, {"1.50e1", false, true, 15},
          {"-120e-1", false, true, -12}, {"0.0", false, true, 0},
          {"0e99", false, true, 0}, {"0.001e3", false, true, 1},
          {"1e18", false, true, 1000000000000000000}, {"1e19", false, false, 0},
          {"922337203685477580.7e1", false, true, INT64_MAX},
          {"-92233720368547758.08e2", false, true, INT64_MIN},
          {"9.223372036854775808e18", false, false, 0},
          {"1.5", false, false, 0}, {"1e-1", false, false, 0},
          {"1e99999999999999999999", false, false, 0},
          {"1e-99999999999999999999", false, false, 0},
          {"10000000000000000000000e-22", false, true, 1})
{
    const struct json *v = parsed(slice_of(row->text));
    int64_t value = 99;
    CHECK_INT_EQ(json_int64(v, &value), row->exact);
    CHECK_INT_EQ(value, row->exact ? row->value : 99);
    value = 99;
    CHECK_INT_EQ(json_integral(v, &value), row->whole);
    CHECK_INT_EQ(value, row->whole ? row->value : 99);
}

struct double_row {
    const char *text;
    bool finite;
    double value;
};
TEST_EACH(json_value, reads_the_nearest_double, struct double_row, row,
          {"0", true, 0}, {"0.1", true, 0.1}, {"-1.5e3", true, -1500},
          {"1e22", true, 1e22}, {"1e23", true, 1e23},
          {"123456789012345678", true, 123456789012345678.0},
          {"9007199254740993", true, 9007199254740992.0},
          {"9007199254740993.00000000000000000000000001", true,
           9007199254740994.0},
          {"1.7976931348623157e308", true, 0x1.fffffffffffffp1023},
          {"1.7976931348623159e308", false, 0}, {"1e400", false, 0},
          {"1e-400", true, 0}, {"4.9e-324", true, 0x1p-1074},
          {"2.4703282292062327e-324", true, 0},
          {"2.4703282292062328e-324", true, 0x1p-1074},
          {"2.2250738585072011e-308", true, 0x0.fffffffffffffp-1022},
          {"0.000000000000000000000000000001e30", true, 1},
          {"1e99999999999999999999", false, 0},
          {"1e-99999999999999999999", true, 0})
{
    double value = 0;
    const struct json *v = parsed(slice_of(row->text));
    CHECK_INT_EQ(json_double(v, &value), row->finite);
    CHECK(value == row->value);
}

TEST(json_value, a_very_long_number_is_rounded_by_all_its_digits)
{
    /* Half way between two doubles, but for the last of 2000 digits. */
    struct buf b = BUF_INIT(4096);
    double value;
    buf_puts(&b, "9007199254740993.");
    while (b.n < 2000) buf_putc(&b, '0');
    CHECK(json_double(parsed(buf_slice(&b)), &value));
    CHECK(value == 9007199254740992.0);
    buf_putc(&b, '1');
    CHECK(json_double(parsed(buf_slice(&b)), &value));
    CHECK(value == 9007199254740994.0);
    buf_done(&b);
}

TEST(json_value, other_types_are_no_numbers)
{
    int64_t integer;
    double real;
    CHECK(!json_int64(PARSED("\"1\""), &integer));
    CHECK(!json_integral(PARSED("true"), &integer));
    CHECK(!json_double(PARSED("null"), &real));
    CHECK(!json_double(NULL, &real));
}

/* --- equality ------------------------------------------------------------- */

struct equal_row {
    struct slice a, b;
    bool equal;
};
#define E(a, b, equal)                                                         \
    {                                                                          \
        SLICE_INIT(a), SLICE_INIT(b), equal                                    \
    }
TEST_EACH(json_value, compares_by_value, struct equal_row, row,
          E("1", "1.0", true), E("100", "1e2", true), E("0", "-0", true),
          E("0.10", "1e-1", true), E("12.5", "125e-1", true),
          E("1", "-1", false), E("0", "0e7", true), E("1", "true", false),
          E("9007199254740993", "9007199254740992", false),
          E("1e400", "10e399", true), E("1e400", "1e401", false),
          E("1.25", "1.35", false), E("\"a\"", "\"\\u0061\"", true),
          E("\"a\"", "\"a\\u0000\"", false), E("null", "false", false),
          E("[]", "{}", false), E("[1,2]", "[2,1]", false),
          E("[1]", "[1,2]", false), E("[[1.0]]", "[[1]]", true),
          E("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true),
          E("{\"a\":1}", "{\"a\":2}", false),
          E("{\"a\":1}", "{\"b\":1}", false),
          E("{\"a\":1}", "{\"a\":1,\"b\":2}", false),
          E("{\"a\":1,\"a\":2}", "{\"a\":1}", true))
{
    CHECK_INT_EQ(json_equal(parsed(row->a), parsed(row->b)), row->equal);
    CHECK_INT_EQ(json_equal(parsed(row->b), parsed(row->a)), row->equal);
}

/* {"k0":0,...}, from `from` on around; `again` is put in twice, or -1. */
static struct slice many(struct buf *b, int n, int from, int again)
{
    struct json_writer w = json_writer(b);
    buf_clear(b);
    json_begin_object(&w);
    for (int i = 0; i < n; i++) {
        char key[16];
        int k = (from + i) % n;
        snprintf(key, sizeof(key), "k%d", k);
        json_put_int(&w, key, k);
    }
    if (again >= 0) {
        char key[16];
        snprintf(key, sizeof(key), "k%d", again);
        json_put_int(&w, key, -1);
    }
    json_end_object(&w);
    CHECK_OK(b->err);
    return arena_copy(test_arena(), buf_slice(b));
}

TEST(json_value, compares_large_objects_in_any_order)
{
    struct buf b = BUF_INIT((size_t)1 << 24);
    const struct json *v = parsed(many(&b, 50000, 0, -1));
    const struct json *turned = parsed(many(&b, 50000, 49, -1));
    const struct json *again = parsed(many(&b, 50000, 7, 49000));
    const struct json *fewer = parsed(many(&b, 49999, 0, -1));
    CHECK(json_equal(v, turned));
    CHECK(json_equal(v, again)); /* the first of equal keys counts */
    CHECK(!json_equal(v, fewer));
    CHECK(!json_equal(fewer, v));
    buf_done(&b);
}

/* A comparison that looks twice at a pair takes 2^40 steps here. */
TEST(json_value, compares_each_pair_of_nested_values_once)
{
    struct buf b = BUF_INIT((size_t)1 << 20);
    for (int i = 0; i < 40; i++) buf_puts(&b, "{\"k\":1,\"k\":2,\"v\":");
    buf_putc(&b, '1');
    for (int i = 0; i < 40; i++) buf_puts(&b, ",\"v\":0}");
    struct slice text = buf_slice(&b);
    CHECK(json_equal(parsed(text), parsed(text)));
    buf_done(&b);
}

/* --- duplicate keys ------------------------------------------------------- */

TEST(json_value, tells_the_second_place_of_a_duplicate_key)
{
    struct slice in = SLICE("{\"a\":1,\"b\":{\"c\":1,\"\\u0063\":2},\"a\":2}");
    const struct json *v = parsed(in);
    const struct json_member *m = json_duplicate_key(v);
    CHECK(m == &v->members[2]);
    CHECK_INT_EQ(m->at - in.p, 30);
    CHECK(json_duplicate_key_deep(v) == m);
    m = json_duplicate_key_deep(&v->members[1].value);
    CHECK_TEXT_EQ(m->key, "c");
    CHECK_TEXT_EQ(m->value.raw, "2");
    CHECK(!json_duplicate_key(PARSED("{\"a\":1,\"A\":1}")));
    CHECK(!json_duplicate_key(PARSED("[1,1]")));
    CHECK(!json_duplicate_key_deep(NULL));
    m = json_duplicate_key_deep(PARSED("[1,[{\"x\":{\"d\":0,\"d\":0}}]]"));
    CHECK_TEXT_EQ(m->key, "d");
}

/* Pairwise this would be 10^10 comparisons. */
TEST(json_value, finds_a_duplicate_among_very_many_keys, .timeout_s = 20)
{
    struct buf b = BUF_INIT((size_t)1 << 24);
    const struct json *v = parsed(many(&b, 100000, 1, 70000));
    CHECK(json_duplicate_key(v) == &v->members[100000]);
    CHECK(!json_duplicate_key(parsed(many(&b, 100000, 1, -1))));
    buf_done(&b);
}

/* --- ceilings ------------------------------------------------------------- */

static struct slice nested(struct buf *b, uint32_t depth)
{
    buf_clear(b);
    for (uint32_t i = 0; i < depth; i++) buf_puts(b, i % 2 ? "{\"k\":" : "[");
    buf_putc(b, '1');
    for (uint32_t i = depth; i-- > 0;) buf_putc(b, i % 2 ? '}' : ']');
    CHECK_OK(b->err);
    return arena_copy(test_arena(), buf_slice(b));
}

TEST(json_value, refuses_what_is_nested_too_deep)
{
    struct buf b = BUF_INIT((size_t)1 << 20);
    const struct json *v;
    struct json_error error;
    struct json_limits all = json_limits_default;
    CHECK_OK(json_parse(nested(&b, 128), NULL, test_arena(), &v, &error));
    CHECK_ERR(json_parse(nested(&b, 129), NULL, test_arena(), &v, &error),
              ERR_TOO_LARGE);
    CHECK_INT_EQ(error.at, 64 + 64 * 5); /* the 129th bracket */
    CHECK_CONTAINS(slice_of(error.what), "deep");
    all.depth = UINT32_MAX;
    CHECK_OK(
        json_parse(nested(&b, JSON_DEPTH_MAX), &all, test_arena(), &v, &error));
    CHECK_ERR(json_parse(nested(&b, JSON_DEPTH_MAX + 1), &all, test_arena(), &v,
                         &error),
              ERR_TOO_LARGE);
    buf_done(&b);
}

TEST(json_value, refuses_more_values_or_bytes_than_allowed)
{
    struct json_limits few = {.bytes = 100, .depth = 9, .values = 3};
    const struct json *v;
    struct json_error error;
    CHECK_OK(json_parse(SLICE("[1,2]"), &few, test_arena(), &v, &error));
    CHECK_ERR(json_parse(SLICE("[1,2,3]"), &few, test_arena(), &v, &error),
              ERR_TOO_LARGE);
    CHECK_INT_EQ(error.at, 5);
    few.bytes = 5;
    CHECK_OK(json_parse(SLICE("[1,2]"), &few, test_arena(), &v, &error));
    CHECK_ERR(json_parse(SLICE("[1,2] "), &few, test_arena(), &v, &error),
              ERR_TOO_LARGE);
    CHECK_INT_EQ(error.at, 5);
    few.depth = 0;
    CHECK_OK(json_parse(SLICE("1"), &few, test_arena(), &v, &error));
    CHECK_ERR(json_parse(SLICE("[]"), &few, test_arena(), &v, &error),
              ERR_TOO_LARGE);
}

static void *walk_deep(void *arg)
{
    const struct slice *text = arg;
    struct json_limits all = json_limits_default;
    struct buf b = BUF_INIT((size_t)1 << 20);
    struct json_writer w = json_writer(&b);
    const struct json *v, *again;
    struct json_error error;
    struct arena a;
    all.depth = JSON_DEPTH_MAX;
    arena_init(&a, (size_t)1 << 24);
    CHECK_OK(json_parse(*text, &all, &a, &v, &error));
    json_value(&w, v);
    CHECK_SLICE_EQ(buf_slice(&b), *text);
    CHECK_OK(json_parse(buf_slice(&b), &all, &a, &again, &error));
    CHECK(json_equal(v, again));
    CHECK(!json_duplicate_key_deep(v));
    arena_done(&a);
    buf_done(&b);
    return NULL;
}

TEST(json_value, the_deepest_tree_fits_a_stack_of_256_KiB)
{
    struct buf b = BUF_INIT((size_t)1 << 20);
    struct slice text = nested(&b, JSON_DEPTH_MAX);
    pthread_attr_t attr;
    pthread_t thread;
    CHECK_INT_EQ(pthread_attr_init(&attr), 0);
    CHECK_INT_EQ(pthread_attr_setstacksize(
                     &attr, (size_t)(test_sanitized() ? 1024 : 256) << 10),
                 0);
    CHECK_INT_EQ(pthread_create(&thread, &attr, walk_deep, &text), 0);
    CHECK_INT_EQ(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attr);
    buf_done(&b);
}

TEST(json_value, an_arena_that_is_full_is_out_of_memory)
{
    struct buf b = BUF_INIT((size_t)1 << 20);
    struct slice text = many(&b, 1000, 0, -1);
    const struct json *v;
    struct json_error error;
    struct arena a;
    arena_init(&a, 1000);
    CHECK_ERR(json_parse(text, NULL, &a, &v, &error), ERR_NOMEM);
    arena_done(&a);
    buf_done(&b);
}

TEST(json_value, every_allocation_may_fail)
{
    /* Escapes, and more members than the first stack holds. */
    struct slice text = SLICE("");
    struct buf b = BUF_INIT((size_t)1 << 20);
    many(&b, 2000, 0, -1);
    buf_puts(&b, "");
    b.p[b.n - 1] = ',';
    buf_puts(&b, "\"e\":[\"\\n\\u0041\",{\"\\t\":[]}]}");
    text = buf_slice(&b);
    enum err e = ERR_NOMEM;
    uint64_t n;
    for (n = 1; e; n++) {
        const struct json *v;
        struct json_error error = {0};
        struct arena a;
        arena_init(&a, (size_t)1 << 24);
        mem_fail_at(n);
        e = json_parse(text, NULL, &a, &v, &error);
        mem_fail_at(0);
        if (e) {
            CHECK_ERR(e, ERR_NOMEM);
            CHECK_TEXT_EQ(slice_of(error.what), "out of memory");
        }
        arena_done(&a);
    }
    CHECK_INT_GT(n, 6);
    buf_done(&b);
}

TEST(json_value, questions_are_answered_without_memory_too)
{
    struct buf b = BUF_INIT((size_t)1 << 20);
    const struct json *v = parsed(many(&b, 300, 0, -1));
    const struct json *turned = parsed(many(&b, 300, 5, -1));
    const struct json *again = parsed(many(&b, 300, 0, 200));
    for (uint64_t n = 1; n < 4; n++) {
        mem_fail_at(n);
        CHECK(json_equal(v, turned));
        mem_fail_at(n);
        CHECK(json_duplicate_key(again) == &again->members[300]);
    }
    mem_fail_at(0);
    buf_done(&b);
}

/* --- the inner loops ------------------------------------------------------ */

TEST(json_scan, every_form_of_the_scan_stops_at_the_same_byte)
{
    struct json_maker m = {.seed = 4};
    char text[64], copy[64];
    for (int round = 0; round < 100000; round++) {
        uint32_t n = json_make_number(&m, sizeof(text));
        uint32_t from = n ? json_make_number(&m, n) : 0;
        for (uint32_t i = 0; i < n; i++)
            text[i] =
                (char)(json_make_number(&m, 40) ? ' ' + json_make_number(&m, 95)
                                                : json_make_number(&m, 256));
        for (uint32_t i = 0; i < n; i++)
            if ((text[i] == '"' || text[i] == '\\') && json_make_number(&m, 9))
                text[i] = 'x';
        const char *want = json_scan_bytes(text + from, text + n);
        char *to = copy;
        CHECK(json_scan_words(text + from, text + n) == want);
        CHECK(json_scan_plain(text + from, text + n) == want);
        CHECK(json_copy_plain(text + from, text + n, &to) == want);
        CHECK_SLICE_EQ(
            ((struct slice){copy, (size_t)(to - copy)}),
            ((struct slice){text + from, (size_t)(want - text - from)}));
    }
}

TEST(json_scan, every_byte_is_judged_alike_at_every_place)
{
    char text[40];
    for (int c = 0; c < 256; c++)
        for (size_t at = 0; at < sizeof(text); at++) {
            memset(text, 'x', sizeof(text));
            text[at] = (char)c;
            const char *end = text + sizeof(text);
            const char *want = json_byte_plain((char)c) ? end : text + at;
            CHECK(json_scan_words(text, end) == want);
            CHECK(json_scan_plain(text, end) == want);
        }
}

TEST(json_scan, knows_every_utf8_sequence)
{
    /* Two ways to the same set: what slice_utf8_valid takes, and this. */
    for (uint32_t lead = 0x80; lead < 0x100; lead++)
        for (uint32_t second = 0; second < 0x100; second++)
            for (uint32_t rest = 0; rest < 9; rest++) {
                static const unsigned char tails[] = {0x7F, 0x80, 0xBF};
                char text[4] = {(char)lead, (char)second, (char)tails[rest % 3],
                                (char)tails[rest / 3]};
                unsigned n = json_utf8_sequence(text, text + 4);
                size_t valid = slice_utf8_valid((struct slice){text, n});
                if (n)
                    CHECK_INT_EQ(valid, n);
                else
                    for (size_t len = 2; len <= 4; len++)
                        CHECK(slice_utf8_valid((struct slice){text, len}) == 0);
            }
}
