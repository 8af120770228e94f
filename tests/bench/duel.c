#include "tests/bench/duel.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- rounds ------------------------------------------------------------------
 */
static void keep(double into[DUEL_FIGURES][DUEL_ROUNDS_MAX], int round,
                 struct side s)
{
    double got[DUEL_FIGURES] = {0};
    s.run(s.ctx, got);
    for (int i = 0; i < DUEL_FIGURES; i++) into[i][round] = got[i];
}

void duel_run(struct side ours, struct side floor, int rounds, struct duel *ret)
{
    CHECK(rounds > 0 && rounds <= DUEL_ROUNDS_MAX);
    ret->rounds = rounds;
    for (int i = 0; i < rounds; i++) {
        if (i % 2) keep(ret->floor, i, floor);
        keep(ret->ours, i, ours);
        if (i % 2 == 0) keep(ret->floor, i, floor);
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void sort_doubles(double *v, size_t n)
{
    qsort(v, n, sizeof *v, by_size);
}

double median_of(double *v, int n)
{
    sort_doubles(v, (size_t)n);
    return (v[n / 2] + v[(n - 1) / 2]) / 2;
}

double share_of(const double *sorted, size_t n, double share)
{
    size_t at = (size_t)((double)n * share);
    return n ? sorted[at < n ? at : n - 1] : 0;
}

/* --- rows of the report ------------------------------------------------------
 */
static struct bench_figure row(const char *name, const char *unit,
                               enum bench_bar bar, double limit)
{
    struct bench_figure f = {.bar = bar, .limit = limit};
    snprintf(f.name, sizeof f.name, "%s", name);
    snprintf(f.unit, sizeof f.unit, "%s", unit);
    return f;
}

void duel_tell(const struct duel *d, int i, const char *name, const char *unit,
               enum bench_bar bar, double limit)
{
    struct bench_figure f = row(name, unit, bar, limit);
    double ours[DUEL_ROUNDS_MAX], floor[DUEL_ROUNDS_MAX];
    double ratio[DUEL_ROUNDS_MAX];
    for (int r = 0; r < d->rounds; r++) {
        ours[r] = d->ours[i][r];
        floor[r] = d->floor[i][r];
        ratio[r] = floor[r] != 0 ? ours[r] / floor[r] : 0;
    }
    f.value = median_of(ours, d->rounds);
    f.floor = median_of(floor, d->rounds);
    f.ratio = median_of(ratio, d->rounds);
    f.least = ratio[0];
    f.most = ratio[d->rounds - 1];
    f.rounds = d->rounds;
    bench_figure(&f);
}

void figure_tell(const char *name, const char *unit, double value,
                 enum bench_bar bar, double limit)
{
    struct bench_figure f = row(name, unit, bar, limit);
    f.value = value;
    bench_figure(&f);
}

void stored_tell(const char *name, const char *unit, double value,
                 double stored, enum bench_bar bar, double limit)
{
    struct bench_figure f = row(name, unit, bar, limit);
    f.value = value;
    f.floor = stored;
    f.ratio = f.least = f.most = value / stored;
    f.rounds = 1;
    bench_figure(&f);
}

void point_tell(const char *series, double x, const char *name,
                const char *unit, double value)
{
    struct bench_figure f = row(name, unit, BAR_NONE, 0);
    snprintf(f.series, sizeof f.series, "%s", series);
    f.x = x;
    f.value = value;
    bench_figure(&f);
}

/* --- processes ---------------------------------------------------------------
 */
void stand_on(int cpu)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t set;
    CPU_ZERO(&set);
    for (long i = 0; i < n; i++)
        if (cpu < 0 || i == cpu % n) CPU_SET((size_t)i, &set);
    sched_setaffinity(0, sizeof set, &set);
}

static double seconds_of(clockid_t clock)
{
    struct timespec t = {0};
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double cpu_of_thread(void)
{
    return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

double cpu_of_process(pid_t pid)
{
    clockid_t clock;
    return clock_getcpuclockid(pid, &clock) ? 0 : seconds_of(clock);
}

double seconds_now(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

static double status_kb(pid_t pid, const char *line)
{
    char path[64], text[256];
    double kb = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(text, sizeof text, f))
        if (strncmp(text, line, strlen(line)) == 0)
            kb = strtod(text + strlen(line), NULL);
    if (f) fclose(f);
    return kb;
}

double memory_of(pid_t pid)
{
    return status_kb(pid, "VmRSS:") * 1024 / 1e6;
}

double memory_peak_of(pid_t pid)
{
    return status_kb(pid, "VmHWM:") * 1024 / 1e6;
}
