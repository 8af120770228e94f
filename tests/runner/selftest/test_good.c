/* Tests that pass, or are skipped. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/runner/test.h"

TEST(good, passes)
{
    puts("said by a test that passes");
    CHECK_INT_EQ(2 + 2, 4);
}

TEST(good, is_marked, .marks = "quick odd")
{
    CHECK_STR_EQ("a", "a");
}

struct row {
    int in, want;
};

TEST_EACH(good, rows_pass, struct row, row, {1, 1}, {2, 4}, {3, 9})
{
    CHECK_INT_EQ(row->in * row->in, row->want);
}

TEST(good, skips_itself)
{
    test_skip("because of %d", 42);
}

TEST(good, is_slow, .needs = "slow")
{
}

TEST(good, cleans_its_folder)
{
    CHECK(chdir(test_tmpdir()) == 0);
    FILE *f = fopen("file", "w");
    CHECK(f);
    fclose(f);
}

static void count_up(void *ctx, int i)
{
    ((int *)ctx)[i] = i;
}

TEST(good, runs_threads)
{
    int seen[8] = {0};
    test_threads(8, count_up, seen);
    for (int i = 0; i < 8; i++) CHECK_INT_EQ(seen[i], i);
}
