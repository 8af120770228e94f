/* What only an instrumented build can see: the test ends, and has failed all
 * the same. Runs there alone (--full). */
#include <stdlib.h>

#include "tests/runner/test.h"

static void *volatile held;

TEST(sanitized, leaks, .marks = "asan", .needs = "slow")
{
    held = malloc(77);
    held = NULL;
}

TEST(sanitized, reads_after_free, .marks = "asan", .needs = "slow")
{
    char *p = malloc(10);
    held = p;
    free(held);
    CHECK_INT_GE(((volatile char *)held)[3], -128);
}

static int unguarded;

static void race(void *ctx, int i)
{
    (void)ctx;
    for (int n = 0; n < 1000; n++) unguarded += i;
}

TEST(sanitized, races, .marks = "tsan", .needs = "slow")
{
    test_threads(4, race, NULL);
}
