#include "base/buf.h"

#include "base/alloc.h"
#include "tests/runner/test.h"

TEST(buf, appends_everything)
{
    struct buf b = BUF_INIT(1000);
    buf_puts(&b, "a");
    buf_putc(&b, 'b');
    buf_put(&b, SLICE("c\0d"));
    buf_printf(&b, "%d|%s", 5, "e");
    buf_put_int(&b, INT64_MIN);
    buf_put_int(&b, 0);
    buf_put_int(&b, 907);
    CHECK_OK(b.err);
    CHECK_SLICE_EQ(buf_slice(&b), SLICE("abc\0d5|e-92233720368547758080907"));
    buf_done(&b);
    buf_done(&b);
    buf_done(NULL);
}

TEST(buf, grows_to_its_ceiling_and_not_beyond)
{
    struct buf b = BUF_INIT(1000);
    for (int i = 0; i < 1000; i++) buf_putc(&b, 'x');
    CHECK_OK(b.err);
    CHECK_INT_EQ(b.n, 1000);
    buf_putc(&b, 'x');
    CHECK_ERR(b.err, ERR_TOO_LARGE);
    CHECK_INT_EQ(b.n, 1000);
    buf_clear(&b);
    CHECK_OK(b.err);
    buf_puts(&b, "y");
    CHECK_TEXT_EQ(buf_slice(&b), "y");
    buf_done(&b);
}

TEST(buf, the_first_failure_stays)
{
    struct buf b = BUF_INIT(4);
    buf_puts(&b, "ab");
    buf_puts(&b, "cde");
    buf_puts(&b, "f");
    buf_printf(&b, "g");
    buf_put_int(&b, 1);
    buf_add(&b, 1);
    CHECK(!buf_reserve(&b, 0));
    CHECK_ERR(b.err, ERR_TOO_LARGE);
    CHECK_TEXT_EQ(buf_slice(&b), "ab");
    buf_done(&b);
}

TEST(buf, formats_up_to_the_last_byte_of_the_ceiling)
{
    for (int n = 1; n < 600; n++) {
        struct buf b = BUF_INIT(600);
        buf_printf(&b, "%0*d", n, 0);
        buf_printf(&b, "%0*d", 600 - n, 0);
        CHECK_OK(b.err);
        CHECK_INT_EQ(b.n, 600);
        buf_done(&b);
    }
    struct buf b = BUF_INIT(10);
    buf_printf(&b, "%011d", 0);
    CHECK_ERR(b.err, ERR_TOO_LARGE);
    buf_done(&b);
}

TEST(buf, space_can_be_reserved_and_filled)
{
    struct buf b = BUF_INIT(100);
    CHECK(buf_reserve(&b, 100));
    memset(b.p + b.n, 'z', 100);
    buf_add(&b, 100);
    CHECK_INT_EQ(b.n, 100);
    CHECK(!buf_reserve(&b, 1));
    buf_done(&b);
}

TEST(buf, a_size_that_overflows_is_too_large)
{
    struct buf b = BUF_INIT(SIZE_MAX / 2);
    buf_puts(&b, "x");
    CHECK(!buf_reserve(&b, SIZE_MAX));
    CHECK_ERR(b.err, ERR_TOO_LARGE);
    buf_done(&b);
}

TEST(buf, consumes_from_the_front)
{
    struct buf b = BUF_INIT(100);
    buf_puts(&b, "hello");
    buf_consume(&b, 2);
    CHECK_TEXT_EQ(buf_slice(&b), "llo");
    buf_consume(&b, 3);
    CHECK_TEXT_EQ(buf_slice(&b), "");
    buf_consume(&b, 0);
    buf_done(&b);
}

TEST(buf, gives_its_memory_away)
{
    struct buf b = BUF_INIT(100);
    size_t n = 7;
    CHECK(buf_take(&b, &n) == NULL);
    CHECK_INT_EQ(n, 0);
    buf_puts(&b, "abc");
    char *p = buf_take(&b, &n);
    CHECK_SLICE_EQ(((struct slice){p, n}), SLICE("abc"));
    CHECK_INT_EQ(b.n, 0);
    buf_puts(&b, "d");
    CHECK_TEXT_EQ(buf_slice(&b), "d");
    mem_free(p);
    buf_done(&b);
}

struct seen {
    const char *label, *text, *plain, *shown;
};
TEST_EACH(buf, shows_what_nobody_would_see, struct seen, row,
          {"nothing", "", "", ""},
          {"what is seen", "a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80", "",
           "a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80"},
          {"controls", "a\x1B[2J\x07\x7F", "\n", "a\\u001b[2J\\u0007\\u007f"},
          {"lines that may stay", "a\n\tb\r", "\n\t", "a\n\tb\\u000d"},
          {"lines that may not", "a\n", "", "a\\u000a"},
          {"controls of two bytes", "\xC2\x80\xC2\x9B\xC2\xA0", "",
           "\\u0080\\u009b\xC2\xA0"},
          {"turned and empty", "\xE2\x80\xAE\xE2\x81\xA6\xEF\xBB\xBF", "",
           "\\u202e\\u2066\\ufeff"},
          {"no UTF-8", "a\x9B\xE2\x80", "",
           "a\xEF\xBF\xBD\xEF\xBF\xBD"
           "\xEF\xBF\xBD"})
{
    struct buf b = BUF_INIT(100);
    buf_put_seen(&b, slice_of(row->text), row->plain);
    CHECK_SLICE_EQ(buf_slice(&b), slice_of(row->shown));
    buf_clear(&b);
    buf_put_seen(&b, (struct slice){"a\0b", 3}, "\n");
    CHECK_SLICE_EQ(buf_slice(&b), SLICE("a\\u0000b"));
    buf_done(&b);
}

TEST(buf, every_allocation_may_fail)
{
    bool failed = true;
    for (uint64_t nth = 1; failed; nth++) {
        struct buf b = BUF_INIT(5000);
        mem_fail_at(nth);
        for (int i = 0; i < 100; i++) buf_printf(&b, "%020d", i);
        buf_printf(&b, "%03000d", 1); /* ends at the ceiling */
        failed = nth <= mem_count();
        mem_fail_at(0);
        CHECK_ERR(b.err, failed ? ERR_NOMEM : OK);
        CHECK_INT_EQ(b.n == 5000, !failed);
        buf_done(&b);
    }
}
