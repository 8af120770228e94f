/* The runner's own behaviour, by driving a second binary whose tests fail,
 * crash, leak, hang and skip (tests/runner/selftest). */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/runner/server.h"

#define AT "tests/runner/selftest/"
#define GOOD AT "test_good.c"
#define BAD AT "test_bad.c"

struct output {
    int status; /* exit status, or -1 */
    struct slice text;
};

static struct output run(const char *arguments)
{
    struct slice command =
        arena_printf(test_arena(),
                     "cd '%s' && TMPDIR='%s' PHASEGATE_TEST_CACHE='%s.failed' "
                     "'%s/phasegate-selftest' %s 2>&1",
                     test_source_dir(), test_tmpdir(), test_tmpdir(),
                     test_binary_dir(), arguments);
    FILE *f = popen(command.p, "re");
    if (!f) FAIL("cannot run %s", command.p);
    size_t cap = (size_t)4 << 20;
    char *text = arena_alloc(test_arena(), cap);
    size_t n = fread(text, 1, cap - 1, f);
    text[n] = 0;
    int status = pclose(f);
    fwrite(text, 1, n, stdout); /* shown when this test fails */
    return (struct output){WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                           {text, n}};
}

static struct slice last_line(struct slice text)
{
    if (text.n && text.p[text.n - 1] == '\n') text.n--;
    size_t at = text.n;
    while (at && text.p[at - 1] != '\n') at--;
    return (struct slice){text.p + at, text.n - at};
}

static bool says(struct output o, const char *part)
{
    return memmem(o.text.p, o.text.n, part, strlen(part)) != NULL;
}

/* --- status and closing line -----------------------------------------------
 */
struct status_row {
    const char *arguments;
    int status;
    const char *last_line;
};

TEST_EACH(runner, status_and_closing_line_tell_the_outcome, struct status_row,
          row, {GOOD, 0, "7 passed, 0 failed, 2 skipped"},
          {GOOD "::passes", 0, "1 passed, 0 failed, 0 skipped"},
          {GOOD "::rows_pass", 0, "3 passed, 0 failed, 0 skipped"},
          {GOOD "::rows_pass[1]", 0, "1 passed, 0 failed, 0 skipped"},
          {"'" GOOD "::rows_pass[1]' " GOOD "::passes", 0,
           "2 passed, 0 failed, 0 skipped"},
          {GOOD "::rows", 0, "3 passed, 0 failed, 0 skipped"},
          {GOOD "::skips_itself", 0, "0 passed, 0 failed, 1 skipped"},
          {BAD "::compares_numbers", 1, "0 passed, 1 failed, 0 skipped"},
          {"-q " GOOD, 0, "7 passed, 0 failed, 2 skipped"},
          {"-v -n 4 " GOOD, 0, "7 passed, 0 failed, 2 skipped"},
          {"-n auto --full " GOOD, 0, "8 passed, 0 failed, 1 skipped"},
          {"-m slow --full " GOOD, 0, "1 passed, 0 failed, 0 skipped"},
          {"-n 2 --full " AT "test_turns.c", 0,
           "3 passed, 0 failed, 0 skipped"},
          {"--count 5 -n 2 " GOOD "::passes", 0,
           "5 passed, 0 failed, 0 skipped"},
          {"-k no_such_word", 5, "0 passed, 0 failed, 0 skipped"},
          {"-k 'passes or rows' " GOOD, 0, "4 passed, 0 failed, 0 skipped"},
          {"-k 'good and not (rows or skips or slow)'", 0,
           "4 passed, 0 failed, 0 skipped"},
          {"-m quick", 0, "1 passed, 0 failed, 0 skipped"},
          {"-m 'odd and not quick'", 5, "0 passed, 0 failed, 0 skipped"})
{
    struct output o = run(row->arguments);
    CHECK_INT_EQ(o.status, row->status);
    CHECK_TEXT_EQ(last_line(o.text), row->last_line);
}

TEST_EACH(runner, wrong_usage_is_told_with_status_4, struct status_row, row,
          {"--no-such-option", 4, "no-such-option"},
          {"-k 'a and'", 4, "-k: wrong expression"},
          {"-m '('", 4, "-m: wrong expression"},
          {"-n many", 4, "is not a number"}, {"--count 0", 4, "from 1"},
          {"tests/no_such.c", 4, "not found: tests/no_such.c"},
          {GOOD "::no_such", 4, "not found"},
          {GOOD "::rows_pass[3]", 4, "not found"},
          {"--benchmark-compare-fail median:5%", 4, "--benchmark-compare FILE"},
          {"--benchmark-compare x --benchmark-compare-fail median", 4,
           "'median' is not"},
          {"--benchmark-compare x --benchmark-compare-fail speed:5%", 4,
           "'speed:5%' is not"},
          {"--benchmark-compare x --benchmark-compare-fail min:-1", 4,
           "'min:-1' is not"},
          {"--benchmark-only --benchmark-compare /no/such.json", 4,
           "is no file that --benchmark-json wrote"},
          {"--benchmark-only --benchmark-json /no/such/dir/x.json", 4,
           "cannot write"},
          {"--junitxml /no/such/dir/x.xml " GOOD "::passes", 4, "cannot write"})
{
    struct output o = run(row->arguments);
    CHECK_INT_EQ(o.status, row->status);
    CHECK_CONTAINS(o.text, row->last_line);
}

TEST(runner, help_names_every_option)
{
    struct output o = run("--help");
    CHECK_INT_EQ(o.status, 0);
    for (const char *const *w =
             (const char *const[]){"-k", "-x", "--maxfail", "--count",
                                   "--timeout", "--collect-only", "--durations",
                                   "--junitxml", "-m", "--lf", "-n", "-v", "-q",
                                   "--benchmark-only", "--benchmark-json",
                                   "--benchmark-history", "--benchmark-compare",
                                   "--benchmark-compare-fail", NULL};
         *w; w++)
        CHECK_CONTAINS(o.text, *w);
}

TEST(runner, collecting_lists_ids_and_runs_nothing)
{
    struct output o = run("--collect-only " GOOD);
    CHECK_INT_EQ(o.status, 0);
    CHECK_CONTAINS(o.text, GOOD "::passes\n" GOOD "::is_marked\n" GOOD
                                "::rows_pass[0]\n" GOOD "::rows_pass[1]\n");
    CHECK(!says(o, "PASSED"));
    CHECK_INT_EQ(run("--collect-only -k no_such_word").status, 5);
}

/* --- failures --------------------------------------------------------------
 */
struct failure_row {
    const char *test, *told;
};

TEST_EACH(runner, a_failure_tells_what_went_wrong, struct failure_row, row,
          {"compares_numbers",
           BAD ":14: 2 + 2 == 5 is false\n  left:  4\n  right: 5\n"},
          {"compares_numbers", "Captured stdout"},
          {"compares_numbers", "said on stdout\n"},
          {"compares_numbers", "said on stderr\n"},
          {"compares_texts", "left:  \"left \\\"text\\\"\\n\" (12 bytes)"},
          {"compares_texts", "right: \"right <text> & \\001\" (16 bytes)"},
          {"misses_a_part",
           "does not contain \"needle\"\n  it is: \"haystack\""},
          {"gets_another_error", "gave:     NOT_FOUND"}, {"crashes", "SIGSEGV"},
          {"crashes", "last words\n"}, {"aborts", "SIGABRT"},
          {"hangs", "timed out after "}, {"hangs", "waiting\n"},
          {"leaves", "exit status 0 before"},
          {"leaves_a_process_behind", "with a child"},
          {"fails_on_a_thread", "thread 3"},
          {"fails_in_its_fixture", "not undone"},
          {"needs_what_nobody_knows", "does not know"},
          {"one_row_fails[1]", "right: 1"})
{
    struct output o =
        run(arena_printf(test_arena(), "'" BAD "::%s'", row->test).p);
    /* A sanitizer reports the crash itself and leaves with a status. */
    bool reported =
        says(o, "ERROR: AddressSanitizer") || says(o, "ERROR: ThreadSanitizer");
    CHECK_INT_EQ(o.status, 1);
    if (!reported) CHECK_CONTAINS(o.text, row->told);
    CHECK_TEXT_EQ(last_line(o.text), "0 passed, 1 failed, 0 skipped");
}

TEST(runner, a_failure_takes_no_other_test_with_it, .timeout_s = 120)
{
    struct output o = run("-n 4 " AT);
    CHECK_INT_EQ(o.status, 1);
    /* All of test_bad.c fail but one row of two. */
    CHECK_TEXT_EQ(last_line(o.text), "8 passed, 14 failed, 9 skipped");
}

TEST(runner, reasons_of_skips_stand_in_the_summary)
{
    struct output o = run(GOOD);
    CHECK_CONTAINS(o.text, "SKIPPED " GOOD "::skips_itself - because of 42\n");
    CHECK_CONTAINS(o.text, "SKIPPED " GOOD "::is_slow - takes long");
    CHECK(!says(o, "said by a test that passes"));
}

TEST(runner, the_first_failures_end_the_run)
{
    struct output o = run("-x " BAD);
    CHECK_TEXT_EQ(last_line(o.text), "0 passed, 1 failed, 0 skipped");
    CHECK_INT_EQ(o.status, 1);
    o = run("--maxfail 2 " BAD);
    CHECK_TEXT_EQ(last_line(o.text), "0 passed, 2 failed, 0 skipped");
}

TEST(runner, a_timeout_can_be_asked_for)
{
    struct output o = run("--full --timeout 1 " AT "test_wait.c");
    CHECK_CONTAINS(o.text, "timed out after ");
    CHECK_INT_EQ(o.status, 1);
}

TEST(runner, folders_go_with_success_and_stay_with_failure)
{
    struct stat st;
    run(GOOD "::cleans_its_folder");
    CHECK(rmdir(test_tmpdir()) == 0);
    CHECK(mkdir(test_tmpdir(), 0700) == 0);
    struct output o = run(BAD "::keeps_its_folder");
    const char *told = strstr(o.text.p, "its folder is kept: ");
    CHECK(told);
    told += strlen("its folder is kept: ");
    struct slice path = {told, strcspn(told, "\n")};
    CHECK(stat(arena_cstr(test_arena(), path), &st) == 0);
}

TEST(runner, an_interrupt_ends_the_run_with_status_2)
{
    const char *const args[] = {"-v", "--full", GOOD "::passes",
                                AT "test_wait.c", NULL};
    struct server *s = server_start(&(struct server_options){
        .binary = arena_printf(test_arena(), "%s/phasegate-selftest",
                               test_binary_dir())
                      .p,
        .project = test_source_dir(),
        .all_args = args});
    struct slice line;
    do {
        line = stdio_line(s);
    } while (!memmem(line.p, line.n, "PASSED", 6));
    CHECK_INT_EQ(server_stop_signal(s, SIGINT).status, 2);
    struct slice last = line;
    while (stdio_try_line(s, 10, &line)) last = line;
    CHECK_CONTAINS(last, "1 passed, ");
}

TEST(runner, what_failed_last_runs_again)
{
    run("-n 4 -k 'compares or passes'");
    struct output o = run("--lf");
    CHECK_CONTAINS(o.text, BAD);
    CHECK_TEXT_EQ(last_line(o.text), "0 passed, 2 failed, 0 skipped");
    o = run("--lf -k numbers");
    CHECK_TEXT_EQ(last_line(o.text), "0 passed, 1 failed, 0 skipped");
}

TEST(runner, benchmarks_run_alone_and_are_measured)
{
    char path[600];
    snprintf(path, sizeof path, "%s/bench.json", test_tmpdir());
    struct output o =
        run(arena_printf(test_arena(), "--benchmark-only --benchmark-json '%s'",
                         path)
                .p);
    CHECK_INT_EQ(o.status, 0);
    CHECK_TEXT_EQ(last_line(o.text), "2 passed, 0 failed, 0 skipped");
    CHECK_CONTAINS(o.text, "median");
    struct slice text;
    const struct json *doc;
    struct json_error error;
    CHECK_OK(file_read(slice_of(path), 1 << 20, test_arena(), &text));
    CHECK_OK(json_parse(text, NULL, test_arena(), &doc, &error));
    const struct json *all = json_get(doc, SLICE("benchmarks"));
    CHECK_INT_EQ(all ? all->count : 0, 1);
    CHECK_TEXT_EQ(json_text(json_get(&all->items[0], SLICE("fullname"))),
                  AT "bench_sum.c::adds_up");
    double min, median, max;
    CHECK(json_double(json_at(&all->items[0], "stats", "min", NULL), &min));
    CHECK(
        json_double(json_at(&all->items[0], "stats", "median", NULL), &median));
    CHECK(json_double(json_at(&all->items[0], "stats", "max", NULL), &max));
    CHECK(min > 0 && min <= median && median <= max);
    CHECK(!says(run("-v " AT "bench_sum.c"), "PASSED"));
}

/* --- figures against a floor and a bar, kept and compared --------------- */
static struct slice kept_in(const char *name)
{
    return arena_printf(test_arena(), "%s/%s", test_tmpdir(), name);
}

static struct output bench(const char *figure, const char *options)
{
    setenv("SELFTEST_FIGURE", figure, 1);
    return run(arena_printf(test_arena(),
                            "--benchmark-only -k tells_figures %s", options)
                   .p);
}

TEST(runner, a_figure_is_shown_with_floor_ratio_bar_and_verdict)
{
    struct output o = bench("9.5", "");
    CHECK_INT_EQ(o.status, 0);
    CHECK_CONTAINS(o.text, "0.95 (0.47-1.90)   >= 0.9x   held");
    CHECK_CONTAINS(o.text, "1 of 1 bars held");
    CHECK_CONTAINS(o.text, "by numbers at 100: a sum");
    o = bench("8", "");
    CHECK_INT_EQ(o.status, 0);
    CHECK_CONTAINS(o.text, "MISSED");
    CHECK_CONTAINS(o.text, "0 of 1 bars held");
}

TEST(runner, a_history_has_a_line_for_each_run_and_its_last_is_compared)
{
    struct slice file = kept_in("history.jsonl");
    const char *keep =
        arena_printf(test_arena(), "--benchmark-history '%s'", file.p).p;
    bench("20", keep);
    bench("10", keep);
    struct slice text;
    CHECK_OK(file_read(file, 1 << 20, test_arena(), &text));
    int lines = 0;
    for (size_t i = 0; i < text.n; i++) lines += text.p[i] == '\n';
    CHECK_INT_EQ(lines, 2);
    CHECK_CONTAINS(text, "\"commit_info\":{\"id\":\"");
    CHECK_CONTAINS(text, "\"ratio_least\":0.9,\"held\":true");
    const char *compare =
        arena_printf(test_arena(),
                     "--benchmark-compare '%s' --benchmark-compare-fail "
                     "median:5%%",
                     file.p)
            .p;
    struct output o = bench("9.6", compare);
    CHECK_INT_EQ(o.status, 0);
    CHECK_CONTAINS(o.text, "+4.0%");
    o = bench("9.4", compare);
    CHECK_INT_EQ(o.status, 1);
    CHECK_CONTAINS(o.text, "+6.0% FAILED");
    CHECK_TEXT_EQ(last_line(o.text), "1 passed, 0 failed, 0 skipped");
}

/* The file's minimum is a thousandth of what is possible, or a thousand times
 * as much. */
TEST(runner, times_are_compared_in_percent_and_in_seconds)
{
    struct slice file = kept_in("old.json");
    static const struct {
        const char *was, *limit;
        int status;
    } rows[] = {{"1e-12", "median:900%", 1},
                {"1e-12", "min:1", 0},
                {"1", "median:5%", 0},
                {"1e-12", "min:1e-12", 1},
                {"1e-12", "max:1%", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice text =
            arena_printf(test_arena(),
                         "{\"benchmarks\":[{\"fullname\":\"" AT
                         "bench_sum.c::adds_up\",\"stats\":{\"min\":%s,"
                         "\"median\":%s}}]}",
                         rows[i].was, rows[i].was);
        CHECK_OK(file_write_atomic(file, text, 0600));
        struct output o =
            run(arena_printf(test_arena(),
                             "-k adds_up --benchmark-only --benchmark-compare "
                             "'%s' --benchmark-compare-fail %s",
                             file.p, rows[i].limit)
                    .p);
        CHECK_INT_EQ(o.status, rows[i].status);
    }
}

TEST(runner, durations_name_the_slowest_first)
{
    struct output o = run("--durations 1 " GOOD "::passes " BAD "::hangs");
    CHECK_CONTAINS(o.text, "slowest 1 durations");
    CHECK_CONTAINS(o.text, "s " BAD "::hangs\n");
}

/* --- JUnit -----------------------------------------------------------------
 */
/* Every tag closed in order, every & an entity, no byte XML cannot hold. */
static void check_well_formed(const char *at)
{
    struct slice open[16];
    int depth = 0;
    for (; *at; at++) {
        unsigned char c = (unsigned char)*at;
        CHECK(c >= 0x20 || c == '\n' || c == '\t' || c == '\r');
        if (c == '&')
            CHECK(!strncmp(at, "&amp;", 5) || !strncmp(at, "&lt;", 4) ||
                  !strncmp(at, "&gt;", 4) || !strncmp(at, "&quot;", 6));
        if (c != '<') continue;
        const char *end = strchr(at, '>');
        CHECK(end);
        bool closes = at[1] == '/';
        struct slice name = {at + 1 + closes, strcspn(at + 1 + closes, " >?")};
        if (at[1] != '?' && !closes) {
            CHECK(depth < 16);
            open[depth++] = name;
        } else if (closes) {
            CHECK(depth > 0);
            CHECK_SLICE_EQ(name, open[--depth]);
        }
        at = end;
    }
    CHECK_INT_EQ(depth, 0);
}

TEST(runner, the_junit_report_is_well_formed_and_complete, .timeout_s = 120)
{
    char path[600];
    static char text[1 << 20];
    snprintf(path, sizeof path, "%s/report.xml", test_tmpdir());
    run(arena_printf(test_arena(), "-n 4 --junitxml '%s' " AT, path).p);
    FILE *f = fopen(path, "re");
    CHECK(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    CHECK_INT_GT(n, 0);
    check_well_formed(text);
    struct slice s = {text, n};
    CHECK_CONTAINS(s,
                   "tests=\"31\" failures=\"14\" errors=\"0\" skipped=\"9\"");
    CHECK_CONTAINS(s, "<testcase classname=\"" GOOD "\" name=\"rows_pass[2]\"");
    CHECK_CONTAINS(s, "right &lt;text&gt; &amp; \\001");
    CHECK_CONTAINS(s, "<system-out>said on stdout\n</system-out>");
    CHECK_CONTAINS(s, "<skipped message=\"because of 42\">");
}

/* --- instrumented builds ----------------------------------------------------
 */
TEST(runner, what_a_sanitizer_finds_fails_that_test)
{
    bool asan = false, tsan = false;
#if defined(PHASEGATE_ASAN)
    asan = true;
#elif defined(PHASEGATE_TSAN)
    tsan = true;
#endif
    if (!asan && !tsan) test_skip("this build is not instrumented");
    struct output o = run(tsan ? "--full -m tsan" : "--full -m asan");
    CHECK_INT_EQ(o.status, 1);
    CHECK_CONTAINS(o.text, tsan ? "WARNING: ThreadSanitizer: data race"
                                : "LeakSanitizer: detected memory leaks");
    CHECK_TEXT_EQ(last_line(o.text), tsan ? "0 passed, 1 failed, 0 skipped"
                                          : "0 passed, 2 failed, 0 skipped");
}
