/* What the README promises is there: its files and its commands. */
#include <unistd.h>

#include "base/file.h"
#include "cli/command.h"
#include "tests/integration/program.h"

static struct slice readme(void)
{
    struct slice text = get_file(test_source_dir(), "README.md");
    CHECK(text.n > 0);
    return text;
}

TEST(readme, links_only_to_what_exists)
{
    struct slice rest = readme();
    int links = 0;
    for (;;) {
        size_t at = slice_find(rest, SLICE("]("));
        if (at == rest.n) break;
        rest = slice_sub(rest, at + 2, rest.n);
        struct slice to = slice_sub(rest, 0, slice_find_byte(rest, ')'));
        struct slice path = arena_printf(test_arena(), "%s/%.*s",
                                         test_source_dir(), SLICE_ARG(to));
        if (access(path.p, F_OK) != 0) FAIL("no such file: %s", path.p);
        links++;
    }
    CHECK_INT_GE(links, 5);
}

static bool is_command(struct slice word)
{
    for (const struct cli_command *c = cli_commands; c->name; c++)
        if (slice_eq(word, slice_of(c->name))) return true;
    return slice_starts(word, SLICE("--")) || slice_eq(word, SLICE("COMMAND"));
}

/* The word after each "phasegate " that begins a line of code or a span. */
TEST(readme, names_only_commands_that_exist)
{
    static const char *const begins[] = {"\n    phasegate ", "`phasegate "};
    int words = 0;
    for (size_t i = 0; i < 2; i++) {
        struct slice rest = readme(), begin = slice_of(begins[i]);
        for (;;) {
            size_t at = slice_find(rest, begin), n = 0;
            if (at == rest.n) break;
            rest = slice_sub(rest, at + begin.n, rest.n);
            while (n < rest.n && !strchr(" `\n", rest.p[n])) n++;
            struct slice word = slice_sub(rest, 0, n);
            if (!is_command(word)) FAIL("no command %.*s", SLICE_ARG(word));
            words++;
        }
    }
    CHECK_INT_GE(words, 5);
}

TEST(readme, begins_with_the_two_commands)
{
    struct slice first = slice_sub(readme(), 0, 1200);
    CHECK_CONTAINS(first, "./bootstrap run");
    CHECK_CONTAINS(first, "./bootstrap test");
}

/* A text in its tables that the shell takes for words of its own shows here. */
TEST(readme, bootstrap_says_what_it_can_do_and_nothing_else)
{
    const char *args[] = {"help", NULL};
    struct ended end = program_run(&(struct program){
        .binary =
            arena_printf(test_arena(), "%s/bootstrap", test_source_dir()).p,
        .args = args});
    CHECK_INT_EQ(end.status, 0);
    CHECK_INT_EQ(end.err.n, 0);
    CHECK_CONTAINS(end.out, "usage: ./bootstrap <command>");
}

/* The index has every page, and each of its links leads somewhere. */
TEST(readme, the_index_of_pages_is_whole)
{
    struct slice index = get_file(test_source_dir(), "docs/README.md");
    struct slice folder =
        arena_printf(test_arena(), "%s/docs", test_source_dir());
    struct file_name *names;
    size_t n = 0;
    CHECK_OK(folder_list(folder, 1000, test_arena(), &names, &n));
    for (size_t i = 0; i < n; i++) {
        struct slice link =
            arena_printf(test_arena(), "](%.*s)", SLICE_ARG(names[i].name));
        if (!slice_ends(names[i].name, SLICE(".md")) ||
            slice_eq(names[i].name, SLICE("README.md")))
            continue;
        if (slice_find(index, link) == index.n)
            FAIL("docs/README.md does not list %.*s", SLICE_ARG(names[i].name));
    }
    CHECK_INT_GE(n, 10);
}

/* Made by docs/demo-svg.sh from what the demo prints; it asks nobody for
 * anything. */
TEST(readme, the_picture_is_drawn_from_the_demo_and_stands_alone)
{
    struct slice picture = get_file(test_source_dir(), "docs/demo.svg");
    struct slice rest = picture;
    int addresses = 0;
    CHECK_CONTAINS(picture, ">refused</text>");
    CHECK_CONTAINS(picture, ">passed</text>");
    CHECK_CONTAINS(picture, ">sub-agent</text>");
    CHECK(!says(picture, "href") && !says(picture, "<script") &&
          !says(picture, "url("));
    for (size_t at; (at = slice_find(rest, SLICE("http"))) < rest.n;
         addresses++)
        rest = slice_sub(rest, at + 4, rest.n);
    CHECK_INT_LE(addresses, 2); /* the name space, and what the demo says */
    put_file(test_tmpdir(), "said",
             "\n  agent     asks <\"&\">\n            more\n");
    struct slice file = arena_printf(test_arena(), "%s/said", test_tmpdir());
    struct slice script =
        arena_printf(test_arena(), "%s/docs/demo-svg.sh", test_source_dir());
    struct ended e = program_run(
        &(struct program){.binary = "/bin/sh",
                          .input = file.p,
                          .args = (const char *const[]){script.p, NULL}});
    CHECK_INT_EQ(e.status, 0);
    CHECK_CONTAINS(e.out, ">agent</text>");
    CHECK_CONTAINS(e.out, "asks &lt;\"&amp;\"&gt;");
}
