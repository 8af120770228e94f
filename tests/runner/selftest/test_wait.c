#include <unistd.h>

#include "tests/runner/test.h"

/* For an interrupt and for --timeout: runs with --full alone. */
TEST(wait, waits_for_ever, .needs = "slow")
{
    for (;;) pause();
}
