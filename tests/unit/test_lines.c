/* Framing of stdio: what is a line, whatever pieces the bytes come in. */
#include "tests/runner/test.h"

#include <string.h>

#include "base/buf.h"
#include "transport/lines.h"

/* Feeds `in` in pieces of `piece` bytes and writes what comes out: each line
 * in angle brackets, '!' for one that was too long. */
static struct slice framed(struct slice in, size_t ceiling, size_t piece)
{
    struct lines l = LINES_INIT(ceiling);
    struct buf out = BUF_INIT(1 << 20);
    struct slice line;
    enum lines_got got;
    for (size_t at = 0; at < in.n || at == 0; at += piece) {
        struct slice part = slice_sub(in, at, piece);
        size_t room;
        char *to = lines_space(&l, piece, &room);
        CHECK(to && room >= part.n);
        if (part.n) memcpy(to, part.p, part.n);
        lines_filled(&l, part.n);
        while ((got = lines_next(&l, &line)) != LINES_NONE) {
            if (got == LINES_LINE)
                buf_printf(&out, "<%.*s>", SLICE_ARG(line));
            else
                buf_putc(&out, '!');
        }
    }
    got = lines_last(&l, &line);
    if (got == LINES_LINE) buf_printf(&out, "<%.*s>", SLICE_ARG(line));
    if (got == LINES_TOO_LONG) buf_putc(&out, '!');
    CHECK_INT_EQ(lines_held(&l), 0);
    struct slice ret = arena_copy(test_arena(), buf_slice(&out));
    buf_done(&out);
    lines_done(&l);
    return ret;
}

struct framing {
    const char *in, *want;
    size_t ceiling;
};

TEST_EACH(lines, every_piece_size_gives_the_same_lines, struct framing, row,
          {"", "", 8}, {"\n", "", 8}, {"a\n", "<a>", 8}, {"a", "<a>", 8},
          {"a\nb", "<a><b>", 8}, {"a\r\nb\r\n", "<a><b>", 8}, {"a\r", "<a>", 8},
          {"\r\n \t\r\n\na\n", "<a>", 8}, {" a \n", "< a >", 8},
          {"a\rb\n", "<a\rb>", 8}, {"a\r\r\n", "<a\r>", 8},
          {"12345678\n9\n", "<12345678><9>", 8},
          {"12345678\r\n9\n", "<12345678><9>", 8},
          {"123456789\nok\n", "!<ok>", 8},
          {"123456789123456789123456789\nok", "!<ok>", 8},
          {"123456789\r\nok\n", "!<ok>", 8}, {"123456789", "!", 8},
          {"a\n123456789123\n\nb\n123456789123", "<a>!<b>!", 8},
          {"         \n", "", 12}, {"\xEF\xBB\xBF{}\n", "<{}>", 8},
          {"\xEF\xBB\xBF\n{}\n", "<{}>", 8},
          {"{}\n\xEF\xBB\xBF{}\n", "<{}><\xEF\xBB\xBF{}>", 8},
          {"\xEF\xBBx\n", "<\xEF\xBBx>", 8})
{
    for (size_t piece = 1; piece <= strlen(row->in) + 1; piece++)
        CHECK_TEXT_EQ(framed(slice_of(row->in), row->ceiling, piece),
                      row->want);
}

TEST(lines, keeps_bytes_of_a_line_as_they_are)
{
    static const char in[] = "a\0b\xFF\n";
    struct lines l = LINES_INIT(64);
    size_t room;
    struct slice line;
    memcpy(lines_space(&l, 8, &room), in, 5);
    lines_filled(&l, 5);
    CHECK_INT_EQ(lines_next(&l, &line), LINES_LINE);
    CHECK_SLICE_EQ(line, ((struct slice){in, 4}));
    lines_done(&l);
}

TEST(lines, a_line_of_exactly_the_ceiling_passes_and_one_more_does_not)
{
    enum { MAX = 1 << 20, PIECE = 60000 };
    char *text = arena_alloc(test_arena(), MAX + 2);
    memset(text, 'x', MAX + 2);
    for (size_t n = MAX; n <= MAX + 1; n++) {
        struct lines l = LINES_INIT(MAX);
        size_t room, told = 0;
        struct slice line = {0};
        for (size_t at = 0; at < n; at += PIECE) {
            size_t part = n - at < PIECE ? n - at : PIECE;
            memcpy(lines_space(&l, PIECE, &room), text + at, part);
            lines_filled(&l, part);
            told += lines_next(&l, &line) == LINES_TOO_LONG;
        }
        lines_space(&l, 1, &room)[0] = '\n';
        lines_filled(&l, 1);
        enum lines_got got = lines_next(&l, &line);
        told += got == LINES_TOO_LONG;
        CHECK_INT_EQ(told, n > MAX);
        CHECK_INT_EQ(got == LINES_LINE, n <= MAX);
        lines_done(&l);
    }
}

TEST(lines, what_is_dropped_takes_no_memory)
{
    struct lines l = LINES_INIT(1000);
    struct slice line;
    int told = 0;
    for (int i = 0; i < 10000; i++) {
        size_t room;
        char *to = lines_space(&l, 4096, &room);
        CHECK(to != NULL);
        CHECK_INT_LE(room, 1 << 18);
        memset(to, 'x', 4096);
        lines_filled(&l, 4096);
        told += lines_next(&l, &line) == LINES_TOO_LONG;
    }
    CHECK_INT_EQ(told, 1);
    CHECK_INT_EQ(lines_held(&l), 0);
    lines_done(&l);
}
