/* `phasegate search`, and search_standards over the real server. */
#include <stdio.h>

#include "base/json.h"
#include "tests/integration/program.h"

static const char *library(void)
{
    const char *folder = new_project("library");
    put_file(folder, ".phasegate/standards/errors.md",
             "# Errors\n## Handling\nEvery failure is told to the caller.\n"
             "An error carries a hint.\n");
    put_file(folder, ".phasegate/standards/testing/doubles.md",
             "# Test doubles\nPrefer fakes to mocks.\n");
    return folder;
}

TEST(search_command, shows_where_the_words_stand_and_no_colour_in_a_pipe)
{
    struct ended e =
        RUN_IN(library(), "search", "how", "to", "handle", "failures");
    CHECK_INT_EQ(e.status, 0);
    CHECK_CONTAINS(e.out, "errors.md:1  Errors > Handling\n");
    CHECK_CONTAINS(e.out, "    Every failure is told to the caller.\n");
    CHECK(!says(e.out, "\033["));
    CHECK_TEXT_EQ(e.err, "");
}

TEST(search_command, prints_the_tools_answer_as_json)
{
    struct ended e =
        RUN_IN(library(), "search", "--json", "--limit", "1", "failure error");
    CHECK_INT_EQ(e.status, 0);
    const struct json *v = json_of(e.out);
    CHECK_INT_EQ(json_get(v, SLICE("results"))->count, 1);
    CHECK_TEXT_EQ(json_text(json_get(v, SLICE("retrieval_method"))), "bm25");
}

TEST(search_command, limits_by_tag_and_path)
{
    const char *folder = library();
    struct ended e =
        RUN_IN(folder, "search", "--tag", "testing", "fakes failure");
    CHECK_INT_EQ(e.status, 0);
    CHECK(!says(e.out, "errors.md"));
    e = RUN_IN(folder, "search", "--path", "errors", "fakes failure");
    CHECK(!says(e.out, "doubles.md"));
    CHECK_CONTAINS(e.out, "errors.md");
}

TEST(search_command, says_when_nothing_is_found)
{
    struct ended e = RUN_IN(library(), "search", "xylophone");
    CHECK_INT_EQ(e.status, 1);
    CHECK_TEXT_EQ(e.out, "");
    CHECK_CONTAINS(e.err, "no passage");
    CHECK_INT_EQ(RUN_IN(library(), "search").status, 2);
}

TEST(search_command, shows_no_control_characters_of_a_text)
{
    const char *folder = new_project("hostile");
    put_file(folder, ".phasegate/standards/a.md",
             "# Bells\nThe bell \033]0;owned\007 rings \033[31m.\n");
    struct ended e = RUN_IN(folder, "search", "bell");
    CHECK_INT_EQ(e.status, 0);
    CHECK(!says(e.out, "\033"));
    CHECK(!says(e.out, "\007"));
}
