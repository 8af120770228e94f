/*
 * histogram: durations counted by size, for scrapers. Adding is two relaxed
 * atomic additions and a few comparisons (about 10 ns), no lock; readers see
 * each number whole and the set of them nearly of one moment. Thread: any.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

/* Upper bounds in ns, ascending; what is longer is counted behind the last. */
enum { HISTOGRAM_BOUNDS = 17 };
extern const int64_t histogram_bounds[HISTOGRAM_BOUNDS];

struct histogram {
    _Atomic uint64_t count[HISTOGRAM_BOUNDS + 1], sum_ns;
};
struct histogram_sum {
    uint64_t count[HISTOGRAM_BOUNDS + 1], sum_ns, total;
};

static inline void histogram_add(struct histogram *h, int64_t ns)
{
    int i = 0;
    if (ns < 0) ns = 0;
    while (i < HISTOGRAM_BOUNDS && ns > histogram_bounds[i]) i++;
    atomic_fetch_add_explicit(&h->count[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum_ns, (uint64_t)ns, memory_order_relaxed);
}
/* Adds what `h` holds to *into. */
void histogram_read(const struct histogram *h, struct histogram_sum *into);

#endif
