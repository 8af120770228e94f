/* markdown: the heading a text begins with, and where its links lead; and a
 * report of findings that stays a page when there are thousands. */
#include "engine/markdown.h"

#include "base/buf.h"
#include "engine/lint.h"
#include "tests/runner/test.h"

struct page {
    const char *text, *heading, *links; /* NULL heading: none */
};
/* clang-format off */
TEST_EACH(markdown, a_heading_is_the_first_thing_or_none, struct page, row,
    {"# One *two* `three`\n", "One two three", ""},
    {"One\ntwo\n===\n", "One two", ""},
    {"One  \ntwo\n===\n", "One two", ""},
    {"\xef\xbb\xbf# One\n", "One", ""},
    {"\n\n# One\n# Two\n", "One", ""},
    {"text\n\n# One\n", NULL, ""},
    {"> # One\n", NULL, ""},
    {"- # One\n", NULL, ""},
    {"#\n", NULL, ""},
    {"# ![a](b.png)\n", "a", "b.png"},
    {"# [](x.md)\n", NULL, "x.md"},
    {"", NULL, ""},
    {"# &amp; &#65;\n", "&amp; &#65;", ""},
    {"[a](b.md) ![c](d.png) [e][f] [g]\n\n[f]: h.md\n", NULL,
     "b.md d.png h.md"},
    {"[a](<b c.md>) [d]() <http://x.y>\n", NULL, "b c.md  http://x.y"},
    {"[a](a&amp;b.md)\n", NULL, "a&amp;b.md"},
    {"[1](1)[2](2)[3](3)[4](4)[5](5)[6](6)[7](7)[8](8)[9](9)[a](a)[b](b)"
     "[c](c)[d](d)[e](e)[f](f)[g](g)[h](h)[i](i)\n", NULL,
     "1 2 3 4 5 6 7 8 9 a b c d e f g h i"})
/* clang-format on */
{
    struct markdown m;
    struct buf b = BUF_INIT(1 << 12);
    struct slice text = slice_of(row->text);
    CHECK_OK(markdown_read(text, test_arena(), &m));
    CHECK((m.heading.n > 0) == (row->heading != NULL));
    if (row->heading) CHECK_TEXT_EQ(m.heading, row->heading);
    if (row->heading) CHECK(m.heading_at >= text.p);
    for (size_t i = 0; i < m.links_count; i++) {
        buf_printf(&b, "%s%.*s", i ? " " : "", SLICE_ARG(m.links[i].target));
        CHECK(m.links[i].at >= text.p && m.links[i].at <= text.p + text.n);
    }
    CHECK_TEXT_EQ(buf_slice(&b), row->links);
    buf_done(&b);
}

static struct slice filled(const char *begin, char c, size_t n)
{
    size_t head = strlen(begin);
    char *p = arena_alloc(test_arena(), head + n + 1);
    memcpy(p, begin, head);
    memset(p + head, c, n);
    return (struct slice){p, head + n};
}

TEST(markdown, a_text_or_a_heading_has_a_ceiling)
{
    struct markdown m;
    CHECK_ERR(markdown_read(filled("# a\n", ' ', 16 << 20), test_arena(), &m),
              ERR_TOO_LARGE);
    CHECK_OK(markdown_read(filled("# ", 'a', 5000), test_arena(), &m));
    CHECK_INT_EQ(m.heading.n, 0);
    CHECK_OK(markdown_read(SLICE("# a\0b\n"), test_arena(), &m));
    CHECK(slice_starts(m.heading, SLICE("a")));
    CHECK_OK(markdown_read((struct slice){0}, test_arena(), &m));
    CHECK_INT_EQ(m.heading.n + m.links_count, 0);
}

TEST(markdown, memory_that_ends_anywhere_is_told)
{
    struct slice text = SLICE("# a [b](c)\n\n[d](e)\n");
    enum err e = ERR_NOMEM;
    for (size_t ceiling = 0; e; ceiling += 8) {
        struct markdown m;
        struct arena a;
        arena_init(&a, ceiling);
        e = markdown_read(text, &a, &m);
        if (a.refused && !e) e = ERR_NOMEM; /* as a call's end says it */
        if (e) CHECK_ERR(e, ERR_NOMEM);
        if (!e) CHECK_INT_EQ(m.links_count, 2);
        if (!e) CHECK_TEXT_EQ(m.heading, "a b");
        arena_done(&a);
    }
}

/* --- a report ---------------------------------------------------------- */

TEST(findings, a_report_is_cut_where_nobody_reads_on)
{
    struct eng_report r;
    struct eng_source src = {SLICE("f"), SLICE("text")};
    eng_report_init(&r, test_arena());
    eng_report_place(&r, 3, 4); /* there is none to place */
    eng_report_end(&r);
    CHECK_INT_EQ(r.count, 0);
    for (int i = 0; i < ENG_FINDINGS_MOST; i++)
        eng_report_add(&r, LINT_GATE_BROKEN, &src, src.text.p, "%d", i);
    eng_report_place(&r, 3, 4);
    CHECK_INT_EQ(r.items[r.count - 1].line, 3);
    for (int i = 0; i < 7; i++)
        eng_report_add(&r, LINT_GATE_BROKEN, &src, src.text.p, "%d", i);
    eng_report_place(&r, 5, 6); /* of one that was dropped */
    CHECK_INT_EQ(r.items[r.count - 1].line, 3);
    eng_report_end(&r);
    CHECK_INT_EQ(r.count, ENG_FINDINGS_MOST + 1);
    CHECK_INT_EQ(r.errors, ENG_FINDINGS_MOST + 7);
    CHECK_TEXT_EQ(r.items[ENG_FINDINGS_MOST].message,
                  "7 more findings are not listed");
}

TEST(findings, a_message_is_cut_between_characters)
{
    struct eng_report r;
    struct slice many = filled("", 'x', 1022);
    eng_report_init(&r, test_arena());
    eng_report_add(&r, LINT_GATE_BROKEN, NULL, NULL, "%.*s\xc3\xa9\xc3\xa9",
                   SLICE_ARG(many));
    CHECK_SLICE_EQ(r.items[0].message, many);
    CHECK_TEXT_EQ(eng_clip(test_arena(), SLICE("ab\xe2\x82\xac"), 4), "ab...");
    CHECK_TEXT_EQ(eng_clip(test_arena(), SLICE("\x82\x82\x82"), 2), "...");
    CHECK_TEXT_EQ(eng_clip(test_arena(), SLICE("abc"), 3), "abc");
}
