/* `phasegate search`, and search_standards over the real server. */
#include <stdio.h>

#include "base/buf.h"
#include "base/json.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"

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

/* More than a search waits for. */
static const char *large_library(void)
{
    const char *folder = new_project("large");
    struct buf b = BUF_INIT(2 << 20);
    while (b.n < 1 << 20) {
        buf_puts(&b, "# Part\nplatypus\n\n");
        for (int i = 0; i < 75; i++) buf_puts(&b, "words and more words ");
        buf_puts(&b, "\n\n");
    }
    buf_putc(&b, '\0');
    for (int i = 0; i < 10; i++)
        put_file(folder,
                 arena_printf(test_arena(), ".phasegate/standards/f%d.md", i).p,
                 b.p);
    buf_done(&b);
    return folder;
}

TEST(search_command, waits_until_a_large_library_is_read, .timeout_s = 120)
{
    struct ended e = RUN_IN(large_library(), "search", "--json", "platypus");
    const struct json *v = json_of(e.out);
    CHECK_INT_EQ(e.status, 0);
    CHECK_INT_EQ(json_get(v, SLICE("results"))->count, 5);
    CHECK(!json_get(v, SLICE("indexing")));
    CHECK_TEXT_EQ(e.err, "");
}

TEST(search_command, a_terminal_sees_how_far_a_large_library_is_read,
     .timeout_s = 120)
{
    const char *command =
        arena_printf(test_arena(), "'%s' search platypus", test_binary()).p;
    struct ended e = program_run(&(struct program){
        .binary = "/usr/bin/script",
        .folder = large_library(),
        .args = (const char *const[]){"-qec", command, "/dev/null", NULL}});
    CHECK_INT_EQ(e.status, 0);
    CHECK_CONTAINS(e.out, "\rReading the standards  [");
    CHECK_CONTAINS(e.out, " of 10 ");
    CHECK_CONTAINS(e.out, "f0.md:1");
}

static struct server *serve(const char *project)
{
    return server_start(&(struct server_options){.project = project});
}

static double number_at(const struct json *message, const char *name)
{
    double d = -1;
    const struct json *v = json_at(message, "params", name, NULL);
    CHECK(v && json_double(v, &d));
    return d;
}

/* Reads what comes before the answer: how often, never falling. */
static int count_progress(const struct json **ret_answer, struct server *s)
{
    double last = -1;
    for (int n = 0;; n++) {
        const struct json *m = stdio_receive(s);
        *ret_answer = json_at(m, "result", "structuredContent", NULL);
        if (*ret_answer) return n;
        CHECK_TEXT_EQ(json_text(json_get(m, SLICE("method"))),
                      "notifications/progress");
        CHECK(number_at(m, "progress") > last);
        last = number_at(m, "progress");
        CHECK(number_at(m, "total") == 10);
    }
}

TEST(search_server, who_asks_for_progress_hears_of_the_index_and_has_all_of_it,
     .timeout_s = 120)
{
    struct server *s = serve(large_library());
    const struct json *answer;
    stdio_initialize(s, "2025-11-25");
    (void)stdio_request(s, "tools/call",
                        "\"name\":\"search_standards\",\"arguments\":{"
                        "\"query\":\"platypus\",\"n_results\":50},"
                        "\"_meta\":{\"progressToken\":\"p\"}");
    CHECK_INT_GE(count_progress(&answer, s), 1);
    CHECK_INT_EQ(json_get(answer, SLICE("results"))->count, 50);
    CHECK(!json_get(answer, SLICE("indexing")));
}

TEST(search_server, who_does_not_is_answered_from_what_is_indexed_so_far,
     .timeout_s = 120)
{
    struct server *s = serve(large_library());
    stdio_initialize(s, "2025-11-25");
    const struct json *answer =
        json_get(stdio_tool(s, "search_standards", "{\"query\":\"platypus\"}"),
                 SLICE("structuredContent"));
    CHECK(json_at(answer, "indexing", "files_total", NULL));
}
