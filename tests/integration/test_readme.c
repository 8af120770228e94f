/* What the README promises is there: its files and its commands. */
#include <unistd.h>

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
