/* Who goes first when several run at a time: two short tests wait for a long
 * one, which stands after them. For -n 2; runs with --full alone. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/runner/test.h"

static const char *bell(void)
{
    return arena_printf(test_arena(), "%s/bell", getenv("TMPDIR")).p;
}

TEST_EACH_IF(turns, short_ones_wait_for_the_bell, (.needs = "slow"), int, row,
             0, 1)
{
    (void)row;
    for (int i = 0; access(bell(), F_OK) && i < 1000; i++) usleep(10000);
    CHECK(access(bell(), F_OK) == 0);
}

TEST(turns, a_long_one_rings_it, .needs = "slow", .timeout_s = 600)
{
    FILE *f = fopen(bell(), "w");
    CHECK(f);
    fclose(f);
}
