/* Benchmarks: rounds of equal numbers of calls, each round timed whole. */
#include "tests/runner/runner.h"

#include <math.h>
#include <stdlib.h>

/* --- in the test's process --------------------------------------------------
 */
enum { ROUNDS_MIN = 20, ROUNDS_MAX = 200 };
static const double round_s = 0.005, total_s = 1.0;

struct running {
    struct bench b; /* first: what the body holds */
    double began, round_began;
    uint64_t calls; /* of one round; 0: not started */
    bool measuring; /* calls is settled */
    size_t rounds;
    double ns[ROUNDS_MAX]; /* for one call, by round */
};

/* Grows the rounds until one lasts long enough; these warm up as well. */
static bool settled(struct running *r, double lasted)
{
    if (lasted >= round_s) return true;
    double factor = lasted > round_s / 100 ? round_s / lasted * 1.2 : 100;
    r->calls = (uint64_t)((double)r->calls * factor) + 1;
    return false;
}

bool bench_round(struct bench *b)
{
    struct running *r = (struct running *)(void *)b;
    double now = now_s(), lasted = now - r->round_began;
    if (r->calls == 0) {
        r->calls = 1;
    } else if (!r->measuring) {
        r->measuring = settled(r, lasted);
        r->began = now;
    } else {
        r->ns[r->rounds++] = lasted * 1e9 / (double)r->calls;
        bool enough = r->rounds >= ROUNDS_MIN && now - r->began >= total_s;
        if (enough || r->rounds == ROUNDS_MAX) return false;
    }
    b->left = (int64_t)r->calls - 1;
    r->round_began = now_s();
    return true;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_run(void (*body)(struct bench *bench))
{
    struct running *r = must(calloc(1, sizeof *r));
    body(&r->b);
    size_t n = r->rounds;
    if (n == 0 && child_verdict()->figure_count == 0)
        FAIL("the benchmark has no loop over bench_next() and no figures");
    if (n == 0) goto out;
    qsort(r->ns, n, sizeof *r->ns, ascending);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += r->ns[i];
    for (size_t i = 0; i < n; i++)
        squares += (r->ns[i] - sum / (double)n) * (r->ns[i] - sum / (double)n);
    child_verdict()->bench = (struct bench_stats){
        .min = r->ns[0],
        .max = r->ns[n - 1],
        .mean = sum / (double)n,
        .stddev = n > 1 ? sqrt(squares / (double)(n - 1)) : 0,
        .median = (r->ns[n / 2] + r->ns[(n - 1) / 2]) / 2,
        .rounds = n,
        .calls = r->calls};
out:
    free(r);
}

void bench_figure(const struct bench_figure *f)
{
    struct verdict *v = child_verdict();
    if (v->figure_count == FIGURES_MAX)
        FAIL("more than %d figures of one benchmark", FIGURES_MAX);
    v->figures[v->figure_count++] = *f;
}

/* --- in the parent -----------------------------------------------------------
 */
bool bench_measured(const struct item *it)
{
    return it->outcome == OUTCOME_PASSED &&
           (it->bench.rounds || it->figure_count);
}

bool bench_held(const struct bench_figure *f)
{
    switch (f->bar) {
    case BAR_RATIO_LEAST:
        return f->ratio >= f->limit;
    case BAR_RATIO_MOST:
        return f->ratio <= f->limit;
    case BAR_LEAST:
        return f->value >= f->limit;
    case BAR_MOST:
        return f->value <= f->limit;
    case BAR_NONE:
        break;
    }
    return true;
}

static void report_times(const struct plan *p)
{
    bool any = false;
    for (size_t i = 0; i < p->count; i++) {
        const struct item *it = &p->items[i];
        if (!bench_measured(it) || !it->bench.rounds) continue;
        if (!any)
            printf("%12s %12s %12s %7s %10s  ns for one call\n", "min",
                   "median", "mean", "rounds", "calls");
        any = true;
        printf("%12.1f %12.1f %12.1f %7ju %10ju  %s\n", it->bench.min,
               it->bench.median, it->bench.mean, (uintmax_t)it->bench.rounds,
               (uintmax_t)it->bench.calls, it->id);
    }
}

/* "1.04 (0.99-1.10)" */
static void spread(char text[40], const struct bench_figure *f)
{
    text[0] = 0;
    if (f->ratio != 0)
        snprintf(text, 40, "%.2f (%.2f-%.2f)", f->ratio, f->least, f->most);
}

static void bar(char text[40], const struct bench_figure *f)
{
    bool least = f->bar == BAR_RATIO_LEAST || f->bar == BAR_LEAST;
    text[0] = 0;
    if (f->bar)
        snprintf(text, 40, "%s %.4g%s", least ? ">=" : "<=", f->limit,
                 f->bar == BAR_LEAST || f->bar == BAR_MOST ? "" : "x");
}

static void report_figure(const struct bench_figure *f)
{
    char ratio[40], limit[40], floor[40] = "";
    spread(ratio, f);
    bar(limit, f);
    if (f->floor != 0) snprintf(floor, sizeof floor, "%.4g", f->floor);
    printf("%10.4g %-8s %10s %-18s %-9s %-6s  ", f->value, f->unit, floor,
           ratio, limit,
           !f->bar         ? ""
           : bench_held(f) ? "held"
                           : "MISSED");
    if (*f->series) printf("%s at %.6g: ", f->series, f->x);
    puts(f->name);
}

static void report_figures(const struct plan *p)
{
    size_t bars = 0, held = 0, n = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct item *it = &p->items[i];
        for (size_t k = 0; bench_measured(it) && k < it->figure_count; k++) {
            const struct bench_figure *f = &it->figures[k];
            if (n++ == 0)
                printf("%10s %-8s %10s %-18s %-9s %s\n", "value", "unit",
                       "floor", "ratio", "bar", "verdict");
            bars += f->bar != BAR_NONE;
            held += f->bar && bench_held(f);
            report_figure(f);
        }
    }
    if (bars) printf("%zu of %zu bars held\n", held, bars);
}

void bench_report(const struct plan *p)
{
    report_times(p);
    report_figures(p);
}
