/* The program that makes the tables and curves of docs/PERFORMANCE.md. */
#include <stdlib.h>
#include <sys/wait.h>

#include "base/file.h"
#include "tests/integration/program.h"

static const char run[] =
    "{\"datetime\":\"2026-11-21T20:00:00Z\",\"commit_info\":{\"id\":"
    "\"0123456789abcdef\"},\"machine_info\":{\"cpus\":2,\"compiler\":"
    "\"12.2.0\"},\"benchmarks\":[],\"figures\":["
    "{\"name\":\"calls\",\"unit\":\"1/s\",\"value\":123456,\"floor\":100000,"
    "\"ratio\":1.23,\"lowest\":1.1,\"highest\":1.4,\"rounds\":6,"
    "\"ratio_least\":1.0,\"held\":true},"
    "{\"name\":\"memory at rest\",\"unit\":\"MB\",\"value\":9.5,\"most\":8,"
    "\"held\":false},"
    "{\"name\":\"p50\",\"unit\":\"us\",\"series\":\"by things\",\"x\":1,"
    "\"value\":10},"
    "{\"name\":\"p50\",\"unit\":\"us\",\"series\":\"by things\",\"x\":1000,"
    "\"value\":40}]}\n";

static struct slice text_of(const char *name)
{
    struct slice text;
    CHECK_OK(file_read(arena_printf(test_arena(), "%s/%s", test_tmpdir(), name),
                       1 << 20, test_arena(), &text));
    return text;
}

static int page_make(void)
{
    int status = system(arena_printf(test_arena(),
                                     "cd '%s' && '%s/bench-page' runs page "
                                     "readme .",
                                     test_tmpdir(), test_binary_dir())
                            .p);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(bench_page, the_last_run_becomes_tables_and_curves_between_the_marks)
{
    const char *folder = test_tmpdir();
    put_file(folder, "page",
             "before\n<!-- targets -->\nold\n<!-- /targets -->\nbetween\n"
             "<!-- scale -->\n<!-- /scale -->\nafter\n");
    put_file(folder, "readme", "a\n<!-- measured -->\n<!-- /measured -->\nb\n");
    put_file(folder, "runs",
             arena_printf(test_arena(), "{\"figures\":[]}\n%s", run).p);
    CHECK_INT_EQ(page_make(), 0);
    struct slice page = text_of("page");
    CHECK_CONTAINS(page,
                   "before\n<!-- targets -->\nRun of 2026-11-21 at commit "
                   "`0123456789ab`, 2 processors");
    CHECK_CONTAINS(page, "| calls | 123,456/s | 100,000/s | 1.23 (1.10 to "
                         "1.40) | at least 1x | held |\n");
    CHECK_CONTAINS(page, "| memory at rest | 9.50 MB |  |  | at most 8 MB | "
                         "**missed** |\n\n1 of 2 bars held.\n"
                         "<!-- /targets -->\nbetween\n");
    CHECK_CONTAINS(page, "| by things | p50, us |\n|---|---|\n| 1.00 | 10.0 "
                         "|\n| 1,000 | 40.0 |\n");
    CHECK_CONTAINS(page, "![by things](img/scale-by-things.svg)");
    CHECK_CONTAINS(page, "<!-- /scale -->\nafter\n");
    CHECK_CONTAINS(text_of("readme"), "| memory at rest | 9.50 MB |  |\n"
                                      "<!-- /measured -->\nb\n");
    struct slice svg = text_of("scale-by-things.svg");
    CHECK(slice_starts(svg, SLICE("<svg xmlns")));
    CHECK_CONTAINS(svg, "class=\"l\" d=\"M0.0 150.0L230.0 59.7\"/>");
    CHECK(slice_ends(svg, SLICE("</svg>\n")));
    /* Made again from the same run it is the same. */
    CHECK_INT_EQ(page_make(), 0);
    CHECK_SLICE_EQ(text_of("page"), page);
}

TEST(bench_page, what_is_no_run_is_refused)
{
    put_file(test_tmpdir(), "page", "");
    put_file(test_tmpdir(), "readme", "");
    put_file(test_tmpdir(), "runs", "{\"figures\":1}\n");
    CHECK_INT_EQ(page_make(), 1);
}
