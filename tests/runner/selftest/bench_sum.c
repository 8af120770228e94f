#include <stdlib.h>

#include "tests/runner/test.h"

BENCH(sum, adds_up)
{
    unsigned sum = 0;
    while (bench_next(bench)) {
        for (unsigned i = 0; i < 100; i++) {
            sum += i;
            bench_use(sum);
        }
    }
}

/* What the selftest's environment says is "measured". */
BENCH(sum, tells_figures)
{
    (void)bench;
    const char *given = getenv("SELFTEST_FIGURE");
    double v = given ? strtod(given, NULL) : 10;
    bench_figure(&(struct bench_figure){.name = "sums a second",
                                        .unit = "1/s",
                                        .value = v,
                                        .floor = 10,
                                        .ratio = v / 10,
                                        .least = v / 20,
                                        .most = v / 5,
                                        .rounds = 5,
                                        .bar = BAR_RATIO_LEAST,
                                        .limit = 0.9});
    bench_figure(&(struct bench_figure){.name = "a sum",
                                        .unit = "us",
                                        .series = "by numbers",
                                        .x = 100,
                                        .value = 1 / v});
}
