#include <unistd.h>

#include "tests/runner/test.h"

/* For an interrupt: runs with --full alone. */
TEST(wait, waits_for_ever, .timeout_s = 60, .needs = "slow")
{
    for (;;) pause();
}
