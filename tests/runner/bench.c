/* Benchmarks: rounds of equal numbers of calls, each round timed whole. */
#include "tests/runner/runner.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

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
    if (n == 0) FAIL("the benchmark's body has no loop over bench_next()");
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
    free(r);
}

/* --- in the parent -----------------------------------------------------------
 */
static bool measured(const struct item *it)
{
    return it->outcome == OUTCOME_PASSED && it->bench.rounds;
}

void bench_report(const struct plan *p)
{
    bool any = false;
    for (size_t i = 0; i < p->count; i++) {
        const struct item *it = &p->items[i];
        if (!measured(it)) continue;
        if (!any)
            printf("%12s %12s %12s %7s %10s  ns for one call\n", "min",
                   "median", "mean", "rounds", "calls");
        any = true;
        printf("%12.1f %12.1f %12.1f %7ju %10ju  %s\n", it->bench.min,
               it->bench.median, it->bench.mean, (uintmax_t)it->bench.rounds,
               (uintmax_t)it->bench.calls, it->id);
    }
}

static void write_one(FILE *f, const struct item *it, bool first)
{
    const struct bench_stats *b = &it->bench;
    const char *name = strstr(it->id, "::");
    /* An id holds no character that JSON escapes: a path of ours, C names. */
    fprintf(f,
            "%s\n  {\"group\": \"%s\", \"name\": \"%s\", \"fullname\": "
            "\"%s\",\n   \"stats\": {\"min\": %.6e, \"max\": %.6e, "
            "\"mean\": %.6e, \"stddev\": %.6e, \"median\": %.6e, \"ops\": "
            "%.6e, \"rounds\": %ju, \"iterations\": %ju}}",
            first ? "" : ",", it->def->suite, name ? name + 2 : it->id, it->id,
            b->min / 1e9, b->max / 1e9, b->mean / 1e9, b->stddev / 1e9,
            b->median / 1e9, b->mean > 0 ? 1e9 / b->mean : 0,
            (uintmax_t)b->rounds, (uintmax_t)b->calls);
}

static void write_all(FILE *f, const struct plan *p)
{
    struct utsname u = {0};
    char when[40];
    time_t now = time(NULL);
    struct tm tm;
    uname(&u);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    fprintf(f,
            "{\"version\": \"phasegate 1\", \"datetime\": \"%s\",\n"
            " \"machine_info\": {\"system\": \"%s\", \"release\": \"%s\", "
            "\"machine\": \"%s\", \"cpus\": %ld, \"sanitized\": %s},\n"
            " \"benchmarks\": [",
            when, u.sysname, u.release, u.machine,
            sysconf(_SC_NPROCESSORS_ONLN), test_sanitized() ? "true" : "false");
    bool first = true;
    for (size_t i = 0; i < p->count; i++) {
        if (!measured(&p->items[i])) continue;
        write_one(f, &p->items[i], first);
        first = false;
    }
    fputs("\n ]}\n", f);
}

bool bench_write(const char *path, const struct plan *p)
{
    FILE *f = fopen(path, "we");
    if (f) write_all(f, p);
    bool ok = f && !ferror(f);
    if (f && fclose(f)) ok = false;
    if (!ok)
        fprintf(stderr, "ERROR: cannot write %s: %s\n", path, strerror(errno));
    return ok;
}
