/* The test binary: collects, runs, reports. */
#include "tests/runner/runner.h"

static int list(const struct plan *p)
{
    for (size_t i = 0; i < p->count; i++) puts(p->items[i].id);
    printf("\n%zu tests collected\n", p->count);
    return p->count ? EXIT_ALL_PASSED : EXIT_NOTHING_RAN;
}

static int verdict_of(const struct plan *p, const struct tally *t)
{
    if (t->interrupted) return EXIT_INTERRUPTED;
    if (t->count[OUTCOME_FAILED]) return EXIT_SOME_FAILED;
    return p->count ? EXIT_ALL_PASSED : EXIT_NOTHING_RAN;
}

/* What was measured, written down and compared. */
static int benchmarks(const struct plan *p, const struct options *o, int code)
{
    if (o->bench_json && !bench_write(o->bench_json, p)) code = EXIT_USAGE;
    if (o->bench_history && !bench_append(o->bench_history, p))
        code = EXIT_USAGE;
    if (!o->bench_compare) return code;
    int worse = bench_compare(p, o);
    if (worse < 0) return EXIT_USAGE;
    return worse && code == EXIT_ALL_PASSED ? EXIT_SOME_FAILED : code;
}

int main(int argc, char **argv)
{
    struct options o;
    struct plan p;
    struct tally t;
    int code = EXIT_USAGE;
    setvbuf(stdout, NULL, _IOLBF, 0); /* tests too: a crash loses no line */
    if (!options_parse(argc, argv, &o, &code)) return code;
    if (!bench_compare_good(&o)) return EXIT_USAGE;
    if (!plan_collect(&o, &p)) return EXIT_USAGE;
    if (o.collect_only) {
        code = list(&p);
    } else {
        report_begin(&p, &o);
        plan_run(&p, &o, &t);
        code = verdict_of(&p, &t);
        if (o.junit && !junit_write(o.junit, &p, &t)) code = EXIT_USAGE;
        last_failed_store(&p);
        code = benchmarks(&p, &o, code);
        report_end(&p, &o, &t);
    }
    plan_free(&p);
    return code;
}
