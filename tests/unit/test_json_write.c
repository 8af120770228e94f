/* The writer, the two spellings, and what read -> write -> read keeps. */
#include "base/alloc.h"
#include "base/json.h"
#include "base/json_write.h"
#include "base/twin.h"
#include "tests/runner/test.h"
#include "tests/unit/json_make.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CEILING ((size_t)1 << 20)

static const struct json *parsed(struct slice in)
{
    const struct json *v;
    struct json_error error;
    CHECK_OK(json_parse(in, NULL, test_arena(), &v, &error));
    return v;
}

/* --- structure ------------------------------------------------------------ */

TEST(json_write, puts_commas_and_colons_where_they_belong)
{
    struct buf b = BUF_INIT(CEILING);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_string(&w, "s", SLICE("x"));
    json_put_int(&w, "i", INT64_MIN);
    json_put_bool(&w, "b", true);
    json_put_raw(&w, "r", SLICE("{\"y\":[]}"));
    json_key(&w, SLICE("a"));
    json_begin_array(&w);
    json_begin_array(&w);
    json_end_array(&w);
    json_begin_object(&w);
    json_raw_members(&w, SLICE(""));
    json_raw_members(&w, SLICE("\"p\":1,\"q\":2"));
    json_put_int(&w, "t", 3);
    json_raw_members(&w, SLICE("\"u\":4"));
    json_end_object(&w);
    json_null(&w);
    json_bool(&w, false);
    json_number(&w, 0.5);
    json_stringf(&w, "%d\"%s", 7, "z");
    json_string(&w, SLICE("last"));
    json_end_array(&w);
    json_end_object(&w);
    CHECK_OK(b.err);
    CHECK_TEXT_EQ(buf_slice(&b),
                  "{\"s\":\"x\",\"i\":-9223372036854775808,\"b\":true,"
                  "\"r\":{\"y\":[]},\"a\":[[],{\"p\":1,\"q\":2,\"t\":3,"
                  "\"u\":4},null,false,0.5,\"7\\\"z\",\"last\"]}");
    buf_done(&b);
}

TEST(json_write, nests_deeper_than_the_reader_goes)
{
    uint32_t deep = JSON_DEPTH_MAX + 10;
    struct buf b = BUF_INIT(CEILING);
    struct json_writer w = json_writer(&b);
    for (uint32_t i = 0; i < deep; i++) {
        json_begin_object(&w);
        json_key(&w, SLICE("k"));
    }
    json_null(&w);
    for (uint32_t i = 0; i < deep; i++) json_end_object(&w);
    CHECK_OK(b.err);
    CHECK_INT_EQ(b.n, deep * 6 + 4);
    buf_done(&b);
}

struct escape_row {
    struct slice text, want;
};
#define X(text, want)                                                          \
    {                                                                          \
        SLICE_INIT(text), SLICE_INIT(want)                                     \
    }
TEST_EACH(json_write, escapes_what_must_be_and_no_more, struct escape_row, row,
          X("", ""), X("plain /", "plain /"), X("\"\\", "\\\"\\\\"),
          X("\b\t\n\f\r", "\\b\\t\\n\\f\\r"),
          X("\0\x01\x1F", "\\u0000\\u0001\\u001f"), X("\x7F", "\x7F"),
          X("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80",
            "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"),
          X("\xE2\x80\xA8", "\xE2\x80\xA8"),
          X("a\xFF"
            "b",
            "a\xEF\xBF\xBD"
            "b"),
          X("\xC0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD"),
          X("\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"),
          X("cut \xE2\x82", "cut \xEF\xBF\xBD\xEF\xBF\xBD"),
          X("0123456789abcde\n0123456789abcdef\"",
            "0123456789abcde\\n0123456789abcdef\\\""))
{
    struct buf b = BUF_INIT(CEILING);
    json_escape(&b, row->text);
    CHECK_OK(b.err);
    CHECK_SLICE_EQ(buf_slice(&b), row->want);
    buf_done(&b);
}

TEST(json_write, a_ceiling_is_met_exactly)
{
    struct slice text = SLICE("say \"yes\"\n\x01 0123456789abcdefgh\xFF.");
    struct buf b = BUF_INIT(CEILING);
    struct json_writer w = json_writer(&b);
    json_string(&w, text);
    size_t n = b.n;
    for (size_t ceiling = 0; ceiling <= n + 1; ceiling++) {
        struct buf small = BUF_INIT(ceiling);
        w = json_writer(&small);
        json_string(&w, text);
        CHECK_ERR(small.err, ceiling < n ? ERR_TOO_LARGE : OK);
        if (ceiling >= n) CHECK_SLICE_EQ(buf_slice(&small), buf_slice(&b));
        buf_done(&small);
    }
    buf_done(&b);
}

TEST(json_write, a_text_of_escapes_only_grows_as_needed)
{
    char text[5000];
    struct buf b = BUF_INIT(CEILING);
    memset(text, 1, sizeof(text));
    json_escape(&b, (struct slice){text, sizeof(text)});
    CHECK_OK(b.err);
    CHECK_INT_EQ(b.n, 6 * sizeof(text));
    buf_done(&b);
}

/* --- numbers -------------------------------------------------------------- */

struct number_row {
    double value;
    const char *want;
};
static const struct number_row number_rows[] = {
    {0, "0"},
    {-0.0, "-0"},
    {1, "1"},
    {-1, "-1"},
    {0.1, "0.1"},
    {0.3, "0.3"},
    {0.1 + 0.2, "0.30000000000000004"},
    {1e15, "1e+15"},
    {999999999999999, "999999999999999"},
    {1e21, "1e+21"},
    {1e-7, "1e-07"},
    {5e-324, "5e-324"},
    {DBL_MAX, "1.7976931348623157e+308"},
    {DBL_MIN, "2.2250738585072014e-308"},
    {1.0 / 3, "0.3333333333333333"},
    {123456.789, "123456.789"},
    {HUGE_VAL, "null"},
    {-HUGE_VAL, "null"},
};

static void write_number_rows(void)
{
    for (size_t i = 0; i < sizeof(number_rows) / sizeof(number_rows[0]); i++) {
        struct buf b = BUF_INIT(CEILING);
        struct json_writer w = json_writer(&b);
        json_number(&w, number_rows[i].value);
        CHECK_TEXT_EQ(buf_slice(&b), number_rows[i].want);
        buf_done(&b);
    }
}

TEST(json_write, numbers_are_as_short_as_can_be)
{
    write_number_rows();
}

static void doubles_read_back(uint64_t seed, int n)
{
    struct json_maker m = {.seed = seed};
    for (int i = 0; i < n; i++) {
        uint64_t bits = (uint64_t)json_make_number(&m, UINT32_MAX) << 32 |
                        json_make_number(&m, UINT32_MAX);
        double value, back;
        memcpy(&value, &bits, 8);
        if (!isfinite(value)) continue;
        struct buf b = BUF_INIT(64);
        struct json_writer w = json_writer(&b);
        json_number(&w, value);
        CHECK_OK(b.err);
        arena_reset(test_arena());
        CHECK(json_double(parsed(buf_slice(&b)), &back));
        CHECK(memcmp(&value, &back, 8) == 0);
        buf_done(&b);
    }
}

TEST(json_write, any_double_reads_back_the_same)
{
    doubles_read_back(5, 20000);
}

/* --- read, write, read ---------------------------------------------------- */

static void check_same_texts(const struct json *a, const struct json *b)
{
    CHECK_INT_EQ(a->type, b->type);
    CHECK_INT_EQ(a->count, b->count);
    if (a->type == JSON_NUMBER) CHECK_SLICE_EQ(a->raw, b->raw);
    if (a->type == JSON_STRING) CHECK_SLICE_EQ(a->text, b->text);
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->type == JSON_OBJECT) {
            CHECK_SLICE_EQ(a->members[i].key, b->members[i].key);
            check_same_texts(&a->members[i].value, &b->members[i].value);
        } else {
            check_same_texts(&a->items[i], &b->items[i]);
        }
    }
}

static void read_write_read(uint64_t seed, int n)
{
    struct json_maker m = {.seed = seed};
    struct buf text = BUF_INIT(CEILING), again = BUF_INIT(CEILING);
    for (int i = 0; i < n; i++) {
        buf_clear(&text);
        buf_clear(&again);
        arena_reset(test_arena());
        json_make(&m, &text);
        const struct json *v = parsed(buf_slice(&text));
        struct json_writer w = json_writer(&again);
        json_value(&w, v);
        CHECK_OK(again.err);
        CHECK_INT_EQ(slice_find_byte(buf_slice(&again), '\n'), again.n);
        const struct json *back = parsed(buf_slice(&again));
        check_same_texts(v, back);
        CHECK(json_equal(v, back));
    }
    buf_done(&text);
    buf_done(&again);
}

TEST(json_write, read_write_read_keeps_every_value, .timeout_s = 60)
{
    read_write_read(6, 5000);
}

TEST(json_write, ids_are_echoed_byte_for_byte)
{
    static const char *const ids[] = {"1",
                                      "1.0",
                                      "1e0",
                                      "-0",
                                      "9007199254740993",
                                      "1E+2",
                                      "123456789012345678901234567890",
                                      "\"a\\u0062\\/c\"",
                                      "\"\xC3\xA9\"",
                                      "null",
                                      "0.10"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct slice text =
            arena_printf(test_arena(), "{ \"id\" :\t%s , \"x\":1}", ids[i]);
        struct buf b = BUF_INIT(CEILING);
        struct json_writer w = json_writer(&b);
        json_begin_object(&w);
        json_put_raw(&w, "id", json_get(parsed(text), SLICE("id"))->raw);
        json_end_object(&w);
        CHECK_SLICE_EQ(buf_slice(&b),
                       arena_printf(test_arena(), "{\"id\":%s}", ids[i]));
        buf_done(&b);
    }
}

/* --- another locale ------------------------------------------------------- */

/* A locale whose point is a comma, made on the spot: hardly any machine that
 * runs tests has one installed. */
static bool comma_locale(void)
{
    static const char source[] = "comment_char %\nescape_char /\n"
                                 "LC_NUMERIC\ndecimal_point \",\"\n"
                                 "thousands_sep \".\"\ngrouping 3;3\n"
                                 "END LC_NUMERIC\n";
    const char *folder = test_tmpdir();
    char path[4096], command[16384];
    snprintf(path, sizeof(path), "%s/comma", folder);
    FILE *f = fopen(path, "w");
    CHECK(f && fputs(source, f) >= 0 && fclose(f) == 0);
    snprintf(command, sizeof(command),
             "localedef --no-archive -c -i '%s' -f ANSI_X3.4-1968 "
             "'%s/comma_XX' >/dev/null 2>&1",
             path, folder);
    int status = system(command);
    (void)status; /* it warns by its status; what counts is the locale */
    CHECK_INT_EQ(setenv("LOCPATH", folder, 1), 0);
    return setlocale(LC_NUMERIC, "comma_XX") != NULL;
}

TEST(json_write, a_locale_with_a_comma_changes_nothing, .timeout_s = 60)
{
    char text[16];
    if (!comma_locale()) test_skip("localedef cannot make a locale here");
    snprintf(text, sizeof(text), "%.1f", 1.5);
    CHECK_STR_EQ(text, "1,5"); /* it is in force */
    write_number_rows();
    doubles_read_back(7, 2000);
    read_write_read(8, 500);
}

/* --- twin ----------------------------------------------------------------- */

static void write_twin(struct twin *t, struct twin_fragment f)
{
    struct json_writer w = json_writer(&t->plain);
    json_begin_object(&w);
    json_put_string(&w, "a", SLICE("q\"\n\xC3\xA9"));
    json_key(&w, SLICE("f"));
    twin_splice(t, &w, f);
    json_key(&w, SLICE("g"));
    json_begin_array(&w);
    twin_splice(t, &w, f);
    twin_splice(t, &w, f);
    json_end_array(&w);
    json_put_int(&w, "n", 1);
    json_end_object(&w);
}

TEST(twin, both_spellings_say_the_same)
{
    struct slice plain = SLICE("{\"k\":\"v\\n\"}");
    struct buf e = BUF_INIT(CEILING), whole = BUF_INIT(CEILING);
    json_escape(&e, plain);
    /* With its escaped spelling, and without. */
    struct twin_fragment fragments[] = {{plain, buf_slice(&e)}, {plain, {0}}};
    for (int i = 0; i < 2; i++) {
        struct twin t;
        twin_init(&t, CEILING);
        for (int again = 0; again < 2; again++) {
            twin_clear(&t);
            write_twin(&t, fragments[i]);
            CHECK_OK(twin_finish(&t));
            CHECK_TEXT_EQ(buf_slice(&t.plain),
                          "{\"a\":\"q\\\"\\n\xC3\xA9\",\"f\":{\"k\":\"v\\n\"},"
                          "\"g\":[{\"k\":\"v\\n\"},{\"k\":\"v\\n\"}],\"n\":1}");
            buf_clear(&whole);
            json_escape(&whole, buf_slice(&t.plain));
            CHECK_SLICE_EQ(buf_slice(&t.escaped), buf_slice(&whole));
        }
        twin_done(&t);
    }
    buf_done(&e);
    buf_done(&whole);
}

TEST(twin, tells_when_a_spelling_does_not_fit)
{
    struct twin t;
    struct twin_fragment f = {SLICE("\"\""), SLICE("\\\"\\\"")};
    for (size_t ceiling = 0; ceiling < 80; ceiling++) {
        twin_init(&t, ceiling);
        write_twin(&t, f);
        enum err e = twin_finish(&t);
        CHECK_ERR(e, t.plain.err ? t.plain.err : t.escaped.err);
        if (e) CHECK_ERR(e, ERR_TOO_LARGE);
        twin_done(&t);
    }
    twin_init(&t, 100);
    write_twin(&t, f);
    CHECK_OK(twin_finish(&t));
    twin_done(&t);
}

TEST(json_write, every_allocation_may_fail)
{
    enum err e = ERR_NOMEM;
    uint64_t n;
    char text[3000];
    memset(text, '"', sizeof(text));
    for (n = 1; e; n++) {
        struct twin t;
        mem_fail_at(n);
        twin_init(&t, CEILING);
        struct json_writer w = json_writer(&t.plain);
        json_begin_array(&w);
        json_stringf(&w, "%d%s", 1, "formatted");
        json_string(&w, (struct slice){text, sizeof(text)});
        json_end_array(&w);
        e = twin_finish(&t);
        mem_fail_at(0);
        if (e) CHECK_ERR(e, ERR_NOMEM);
        twin_done(&t);
    }
    CHECK_INT_GT(n, 5);
}
