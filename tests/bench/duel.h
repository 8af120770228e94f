/*
 * duel: two contenders side by side in one run, A B B A, because machines are
 * shared; a figure's ratio is the median over the rounds. And what benchmarks
 * of whole processes need: standing on a processor, their time and memory.
 */
#ifndef TESTS_BENCH_DUEL_H
#define TESTS_BENCH_DUEL_H

#include <sys/types.h>

#include "tests/runner/test.h"

enum { DUEL_ROUNDS = 6, DUEL_ROUNDS_MAX = 32, DUEL_FIGURES = 6 };

struct side {
    /* Measures once: writes the same figures, in the same order, as the other
     * side. */
    void (*run)(void *ctx, double *ret);
    void *ctx;
};

struct duel {
    int rounds;
    double ours[DUEL_FIGURES][DUEL_ROUNDS_MAX];
    double floor[DUEL_FIGURES][DUEL_ROUNDS_MAX];
};

/* Runs both `rounds` times, the floor first in every other round. */
void duel_run(struct side ours, struct side floor, int rounds,
              struct duel *ret);
/* Figure i as a row of the report: medians, ratio and spread. */
void duel_tell(const struct duel *d, int i, const char *name, const char *unit,
               enum bench_bar bar, double limit);
/* A value alone, as a row. */
void figure_tell(const char *name, const char *unit, double value,
                 enum bench_bar bar, double limit);
/* A value beside a stored one, which other machines or programs gave. */
void stored_tell(const char *name, const char *unit, double value,
                 double stored, enum bench_bar bar, double limit);
/* A point of a curve. */
void point_tell(const char *series, double x, const char *name,
                const char *unit, double value);

double median_of(double *v, int n); /* sorts */
/* The value below which `share` of the sorted values lie. */
double share_of(const double *sorted, size_t n, double share);
void sort_doubles(double *v, size_t n);

/* Only this processor from now on, also for processes started later; -1: all.
 * Where there is one processor it is that. */
void stand_on(int cpu);
/* Seconds: of this thread; of a process and all its threads. */
double cpu_of_thread(void);
double cpu_of_process(pid_t pid);
/* Resident memory now and at its highest, in MB (10^6 bytes). */
double memory_of(pid_t pid);
double memory_peak_of(pid_t pid);
double seconds_now(void);

#endif
