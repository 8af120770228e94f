/* Each test here must fail, in a way of its own. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/runner/test.h"

TEST(bad, compares_numbers)
{
    puts("said on stdout");
    fputs("said on stderr\n", stderr);
    CHECK_INT_EQ(2 + 2, 5);
}

TEST(bad, compares_texts)
{
    CHECK_STR_EQ("left \"text\"\n", "right <text> & \x01");
}

TEST(bad, misses_a_part)
{
    CHECK_CONTAINS(SLICE("haystack"), "needle");
}

TEST(bad, gets_another_error)
{
    CHECK_OK(ERR_NOT_FOUND);
}

TEST(bad, crashes)
{
    puts("last words");
    raise(SIGSEGV);
}

TEST(bad, aborts)
{
    abort();
}

TEST(bad, hangs, .timeout_s = 1)
{
    puts("waiting");
    for (;;) pause();
}

TEST(bad, leaves)
{
    exit(0);
}

TEST(bad, leaves_a_process_behind, .timeout_s = 5)
{
    if (fork() == 0)
        for (;;) pause();
    FAIL("with a child");
}

static void fail_there(void *ctx, int i)
{
    (void)ctx;
    if (i == 3) FAIL("thread %d", i);
    for (;;) pause();
}

TEST(bad, fails_on_a_thread, .timeout_s = 20)
{
    test_threads(4, fail_there, NULL);
}

TEST(bad, keeps_its_folder)
{
    FAIL("in %s", test_tmpdir());
}

static void fail_at_end(void *ctx)
{
    FAIL("%s", (const char *)ctx);
}

TEST(bad, fails_in_its_fixture)
{
    test_at_end(fail_at_end, (void *)"not undone");
}

TEST(bad, needs_what_nobody_knows, .needs = "a-unicorn")
{
}

struct row {
    const char *name;
    int value;
};

TEST_EACH(bad, one_row_fails, struct row, row, {"good", 1}, {"bad", 2})
{
    CHECK_INT_EQ(row->value, 1);
}
