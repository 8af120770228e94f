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

int main(int argc, char **argv)
{
    struct options o;
    struct plan p;
    struct tally t;
    int code = EXIT_USAGE;
    setvbuf(stdout, NULL, _IOLBF, 0); /* tests too: a crash loses no line */
    if (!options_parse(argc, argv, &o, &code)) return code;
    if (!plan_collect(&o, &p)) return EXIT_USAGE;
    if (o.collect_only) {
        code = list(&p);
    } else {
        report_begin(&p, &o);
        plan_run(&p, &o, &t);
        code = verdict_of(&p, &t);
        if (o.junit && !junit_write(o.junit, &p, &t)) code = EXIT_USAGE;
        if (o.bench_json && !bench_write(o.bench_json, &p)) code = EXIT_USAGE;
        last_failed_store(&p);
        report_end(&p, &o, &t);
    }
    plan_free(&p);
    return code;
}
