#include "base/histogram.h"

#define US INT64_C(1000)
#define MS INT64_C(1000000)
#define S INT64_C(1000000000)

const int64_t histogram_bounds[HISTOGRAM_BOUNDS] = {
    50 * US,  100 * US, 250 * US,  500 * US, 1 * MS,   2500 * US,
    5 * MS,   10 * MS,  25 * MS,   50 * MS,  100 * MS, 250 * MS,
    500 * MS, 1 * S,    2500 * MS, 10 * S,   60 * S};

void histogram_read(const struct histogram *h, struct histogram_sum *into)
{
    for (int i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        uint64_t n = atomic_load_explicit(&h->count[i], memory_order_relaxed);
        into->count[i] += n;
        into->total += n;
    }
    into->sum_ns += atomic_load_explicit(&h->sum_ns, memory_order_relaxed);
}
