/*
 * chunk: markdown cut at its headings, nothing lost, nothing torn.
 */
#include "engine/chunk.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/random.h"
#include "tests/runner/test.h"

static struct chunk_list chunked(struct slice text)
{
    struct chunk_list list;
    CHECK_OK(chunk_markdown(text, test_arena(), &list));
    return list;
}

static struct chunk_list chunks_of(const char *text)
{
    return chunked(slice_of(text));
}

/* The passages are the text, each of them within the ceiling. */
static void check_whole(struct slice text, const struct chunk_list *list)
{
    const char *at = text.p;
    for (size_t i = 0; i < list->count; i++) {
        CHECK(list->items[i].text.p == at);
        CHECK_INT_GT(list->items[i].text.n, 0);
        CHECK_INT_LE(list->items[i].tokens, CHUNK_TOKENS);
        CHECK_INT_EQ(list->items[i].tokens, chunk_tokens(list->items[i].text));
        at += list->items[i].text.n;
    }
    if (slice_trim(text).n) CHECK_INT_EQ(at - text.p, text.n);
}

struct headings_row {
    const char *text;
    const char *headings; /* of each passage, with | between */
};
/* clang-format off */
TEST_EACH(chunk, cuts_at_headings, struct headings_row, row,
    {"# A\none\n## B\ntwo\n### C\nthree\n## D\nfour\n",
     "A|A > B|A > B > C|A > D"},
    {"before\n\n# A\nx\n", "|A"},
    {"no heading at all\n", ""},
    {"A\n=\none\n\nB\n-\ntwo\n", "A|A > B"},
    {"# A `b` *c* & [d](e)\nx\n", "A b c & d"},
    {"# A #\nx\n##B is no heading\n", "A"},
    {"# A\n\n## B\n\n### C\ntext\n", "A > B > C"},
    {"# A\n## B\n## C\ntext\n", "A > B|A > C"},
    {"A\n=\nB\n-\ntext\n", "A > B"},
    {"## B\none\n# A\ntwo\n", "B|A"},
    {"# A\n```\n## no\n```\n## B\nx\n", "A|A > B"},
    {"# A\n~~~\n## no\n```\n## no\n~~~\n## B\nx\n", "A|A > B"},
    {"# A\n    ## no\n## B\nx\n", "A|A > B"},
    {"# A\n> ## no\n\n- ## no\n\n## B\nx\n", "A|A > B"},
    {"# A\n<!--\n## no\n-->\n## B\nx\n", "A|A > B"},
    {"# A\n````\n```\n## no\n````\n## B\nx", "A|A > B"},
    {"# A\nx\n```\n## never closed\n", "A"},
    {"# A\r\nx\r\n## B\r\ny\r\n", "A|A > B"},
    {"---\ntitle: T\n---\n# A\nx\n", "|A"},
    {"# A\nx\n# B\ny\n", "A|B"})
/* clang-format on */
{
    struct chunk_list list = chunks_of(row->text);
    struct buf got = BUF_INIT(4096);
    for (size_t i = 0; i < list.count; i++) {
        if (i) buf_puts(&got, "|");
        buf_put(&got, list.items[i].headings);
    }
    CHECK_TEXT_EQ(buf_slice(&got), row->headings);
    check_whole(slice_of(row->text), &list);
    buf_done(&got);
}

struct title_row {
    const char *text, *title, *keywords;
};
/* clang-format off */
TEST_EACH(chunk, says_what_the_text_says_of_itself, struct title_row, row,
    {"## B\nx\n# A\ny\n", "A", ""},
    {"## B\nx\n", "B", ""},
    {"x\n", "", ""},
    {"---\ntitle: \"The T\"\ntags: [a, b]\n---\n# A\n", "The T", "[a, b]"},
    {"# A\n**Keywords for search**: one, two\n", "A", "one, two"},
    {"# A\nTags: one\n\nKeywords: two\n", "A", "one, two"},
    {"# A\nThe keywords are: none\n", "A", ""},
    {"---\nno end\n# A\n", "A", ""},
    {"---\ntitle: 'The T'\n---", "The T", ""},
    {"---\ntitle: \"half\n---\nx\n", "\"half", ""},
    {"---\ntitle: \"\n---\nx\n", "\"", ""},
    {"---\nof: x\n---\n# A\n", "A", ""},
    {"# A\nTags of a thing that is far away: one\n", "A", ""},
    {"# A\nTags\n", "A", ""})
/* clang-format on */
{
    struct chunk_list list = chunks_of(row->text);
    CHECK_TEXT_EQ(list.title, row->title);
    CHECK_TEXT_EQ(list.keywords, row->keywords);
}

TEST(chunk, of_white_space_there_is_none)
{
    CHECK_INT_EQ(chunks_of("").count, 0);
    CHECK_INT_EQ(chunks_of(" \n\n\t\n").count, 0);
}

TEST(chunk, the_nearest_phase_in_the_headings_counts)
{
    struct chunk_list list = chunks_of("# Phase 2: Build\nx\n## Steps\ny\n"
                                       "## phase 31\nz\n# Phases\nw\n");
    CHECK_INT_EQ(list.count, 4);
    CHECK_INT_EQ(list.items[0].phase, 2);
    CHECK_INT_EQ(list.items[1].phase, 2);
    CHECK_INT_EQ(list.items[2].phase, 31);
    CHECK_INT_EQ(list.items[3].phase, CHUNK_NO_PHASE);
}

/* `lines` lines that each name their number. */
static struct slice filler(const char *before, const char *line, int lines,
                           const char *after)
{
    struct buf b = BUF_INIT(1 << 20);
    buf_puts(&b, before);
    for (int i = 0; i < lines; i++) buf_printf(&b, "%s %d\n", line, i);
    buf_puts(&b, after);
    struct slice s = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    return s;
}

struct block_row {
    const char *name, *begin, *line, *end;
};
/* A block of 1,500 characters behind a paragraph of as many: together they are
 * too large, and the block is what stays whole. */
/* clang-format off */
TEST_EACH(chunk, what_belongs_together_stays_whole, struct block_row, row,
    {"a fence", "```c\n\n\n", "int a_line_of_code; //", "\n\n```\n"},
    {"a fence of tildes", "~~~\n", "## a line in it;", "~~~\n"},
    {"a fence that never ends", "```\n", "int a_line_of_code; //", ""},
    {"indented code", "    first\n", "    a line of the code", "\n"},
    {"a table", "| head | er |\n|---|---|\n", "| cell | of the row |", "\n"},
    {"a table without words at the top", "| | |\n|---|---|\n| | |\n",
     "| cell | of the row |", "\n"},
    {"a fence in a list", "- ```\n", "  code in the item;", "  ```\n"})
/* clang-format on */
{
    struct slice block = filler(row->begin, row->line, 60, row->end);
    struct slice words = filler("# A\n", "word word word word", 65, "\n");
    struct slice text = arena_printf(test_arena(), "%.*s%.*s\nafter\n",
                                     SLICE_ARG(words), SLICE_ARG(block));
    struct chunk_list list = chunked(text);
    check_whole(text, &list);
    size_t whole = 0;
    for (size_t i = 0; i < list.count; i++)
        whole += slice_find(list.items[i].text, slice_trim(block)) <
                 list.items[i].text.n;
    CHECK_INT_EQ(whole, 1);
    CHECK_INT_GE(list.count, 2);
}

TEST(chunk, a_block_too_large_is_cut_between_its_lines)
{
    struct slice text = filler("```\n", "a line of code", 400, "```\n");
    struct chunk_list list = chunked(text);
    check_whole(text, &list);
    CHECK_INT_GT(list.count, 2);
    for (size_t i = 0; i < list.count; i++)
        CHECK(slice_ends(list.items[i].text, SLICE("\n")));
}

TEST(chunk, a_line_too_large_is_cut_between_characters)
{
    struct buf b = BUF_INIT(1 << 20);
    for (int i = 0; i < 5000; i++) buf_puts(&b, "\xe2\x82\xac");
    for (int i = 0; i < 2000; i++) buf_puts(&b, " \xc3\xa9t\xc3\xa9");
    struct chunk_list list = chunked(buf_slice(&b));
    check_whole(buf_slice(&b), &list);
    for (size_t i = 0; i < list.count; i++)
        CHECK_INT_EQ(slice_utf8_valid(list.items[i].text),
                     list.items[i].text.n);
    buf_done(&b);
}

TEST(chunk, tokens_are_a_quarter_of_the_characters_rounded_up)
{
    CHECK_INT_EQ(chunk_tokens(SLICE("")), 0);
    CHECK_INT_EQ(chunk_tokens(SLICE("a")), 1);
    CHECK_INT_EQ(chunk_tokens(SLICE("abcd")), 1);
    CHECK_INT_EQ(chunk_tokens(SLICE("abcde")), 2);
    CHECK_INT_EQ(chunk_tokens(SLICE("\xe2\x82\xac\xe2\x82\xac")), 1);
}

/* Markdown by chance out of the pieces that matter. */
TEST(chunk, no_byte_is_lost_whatever_is_put_together)
{
    static const char *const pieces[] = {
        "# A\n",    "## B\n",  "### C `d`\n", "text\n",  "\n",       "```\n",
        "~~~\n",    "|a|b|\n", "|-|-|\n",     "> q\n",   "- i\n",    "  more\n",
        "    c\n",  "===\n",   "---\n",       "<div>\n", "<!-- x\n", "-->\n",
        "[a]: b\n", "\r\n",    "\t",          "\\",      "*",        "#\n",
        "&amp;",    "![](x)",  "1. n\n",      "`",       "\xc3\xa9", "x"};
    int rounds = test_sanitized() ? 500 : 3000;
    for (int round = 0; round < rounds; round++) {
        struct buf b = BUF_INIT(1 << 20);
        int n = (int)(random_u64() % 60), times = (int)(random_u64() % 30);
        for (int i = 0; i < n; i++) {
            const char *piece =
                pieces[random_u64() % (sizeof(pieces) / sizeof(pieces[0]))];
            bool often = random_u64() % 20 == 0;
            for (int k = 0; k <= (often ? times * 10 : 0); k++)
                buf_puts(&b, piece);
        }
        struct chunk_list list = chunked(buf_slice(&b));
        check_whole(buf_slice(&b), &list);
        buf_done(&b);
        arena_reset(test_arena());
    }
}

struct hostile_row {
    const char *piece;
    int times;
};
/* A second and more for a megabyte is a way to hang a server. */
/* clang-format off */
TEST_EACH(chunk, hostile_markdown_takes_no_long_time, struct hostile_row, row,
    {"> ", 100000}, {"- ", 100000}, {"[", 200000}, {"![", 100000},
    {"*a ", 100000}, {"`a``b", 60000}, {"<!--", 100000}, {"# a\n", 100000},
    {"|a", 100000}, {"```\n", 100000}, {"[a]: b\n", 30000}, {"\\", 300000},
    {"&", 300000}, {"<a ", 100000}, {"a\n=\n", 100000}, {"_a**", 80000})
/* clang-format on */
{
    struct buf b = BUF_INIT(4 << 20);
    for (int i = 0; i < row->times; i++) buf_puts(&b, row->piece);
    struct chunk_list list = chunked(buf_slice(&b));
    check_whole(buf_slice(&b), &list);
    buf_done(&b);
}

TEST(chunk, what_is_over_the_ceiling_is_refused)
{
    char *p = arena_alloc(test_arena(), (16 << 20) + 1);
    memset(p, 'a', (16 << 20) + 1);
    struct chunk_list list;
    CHECK_ERR(
        chunk_markdown((struct slice){p, (16 << 20) + 1}, test_arena(), &list),
        ERR_TOO_LARGE);
}

/* All that a text can have: front matter, headings of both kinds, lists,
 * tables, fences, blocks and lines too large for a passage. */
TEST(chunk, every_failed_allocation_is_told)
{
    struct buf b = BUF_INIT(1 << 20);
    buf_puts(&b, "---\ntitle: T\ntags: a\n---\nbefore\n\n# A\n");
    for (int i = 0; i < 400; i++) buf_puts(&b, "A line of a block. ");
    buf_puts(&b, "\n\n## B `c` &amp; *d*\n\nKeywords: b\n\n```c\n");
    for (int i = 0; i < 300; i++) buf_puts(&b, "int line_of_code = 5;\n");
    buf_puts(&b, "```\n\nC\n=\n\n| a | b |\n|---|---|\n| 1 | 2 |\n");
    for (int i = 0; i < 40; i++) {
        buf_printf(&b, "\n### Part %d\n\n", i);
        for (int k = 0; k < 20; k++) buf_printf(&b, "- an item %d\n", k);
    }
    struct chunk_list whole = chunked(buf_slice(&b));
    CHECK_INT_GT(whole.count, 40);
    bool reached = true;
    for (uint64_t n = 1; reached; n++) {
        struct arena a;
        struct chunk_list list;
        arena_init(&a, 16 << 20);
        mem_fail_at(n);
        enum err e = chunk_markdown(buf_slice(&b), &a, &list);
        reached = mem_count() >= n;
        mem_fail_at(0);
        if (e) CHECK_ERR(e, ERR_NOMEM);
        if (!reached) CHECK_OK(e);
        if (!e) CHECK_INT_EQ(list.count, whole.count);
        arena_done(&a);
    }
    buf_done(&b);
}
