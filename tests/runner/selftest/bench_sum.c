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
