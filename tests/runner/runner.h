/*
 * runner: the inside of the test runner; tests see test.h and server.h.
 *
 * One parent process, one thread: it collects the items, starts a process per
 * item (at most `workers` at a time), and reports. A test's process and the
 * parent share one page, the verdict; all else a test says goes to two memory
 * files that the parent shows when the test fails.
 *
 * Depends on nothing it tests, but for slices, arenas and error names in the
 * checks and fixtures that are about them (fixture_base.c).
 */
#ifndef TESTS_RUNNER_RUNNER_H
#define TESTS_RUNNER_RUNNER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tests/runner/test.h"

enum outcome {
    OUTCOME_NONE, /* not run: -x, --maxfail or an interrupt came first */
    OUTCOME_PASSED,
    OUTCOME_FAILED,
    OUTCOME_SKIPPED,
    OUTCOME_COUNT
};

/* pytest's. */
enum exit_code {
    EXIT_ALL_PASSED = 0,
    EXIT_SOME_FAILED = 1,
    EXIT_INTERRUPTED = 2,
    EXIT_USAGE = 4,
    EXIT_NOTHING_RAN = 5,
};

/* What a benchmark measured: nanoseconds for one call. */
struct bench_stats {
    double min, max, mean, stddev, median;
    uint64_t rounds, calls; /* calls in each round */
};

enum { FIGURES_MAX = 64, COMPARE_FAILS_MAX = 8 };

/* What a test's process tells the parent, in memory they share. The first
 * thread to move `outcome` away from NONE owns the text. */
struct verdict {
    atomic_int outcome;
    atomic_bool told; /* file, line and text are complete */
    bool tmpdir_made;
    int line;
    char file[240];
    char text[6000];
    struct bench_stats bench;
    size_t figure_count;
    struct bench_figure figures[FIGURES_MAX];
};

/* One test to run: a definition, for one row, in one round of --count. */
struct item {
    const struct test_def *def;
    char *id;
    size_t row;
    enum outcome outcome;
    double seconds;
    char *reason;    /* of a failure or a skip; several lines */
    char *out, *err; /* captured, of a failure */
    struct bench_stats bench;
    size_t figure_count;
    struct bench_figure *figures;
};

struct plan {
    struct item *items; /* those selected, in order */
    size_t count;
    size_t deselected;
};

struct options {
    const char **wanted; /* paths and ids */
    size_t wanted_count;
    const char *keyword; /* -k */
    const char *marks;   /* -m */
    const char *junit;
    const char *bench_json, *bench_history;
    const char *bench_compare;
    const char *compare_fail[COMPARE_FAILS_MAX];
    size_t compare_fails;
    int verbose; /* -1 quiet, 0, 1 */
    int workers;
    int count;
    int max_fail; /* 0: no limit */
    int timeout_s;
    int durations; /* -1: not asked, 0: all */
    bool collect_only, last_failed, full, no_capture, color, bench_only;
};

struct tally {
    size_t count[OUTCOME_COUNT];
    size_t done;
    bool interrupted;
    double seconds;
};

/* --- options.c ----------------------------------------------------------- */
/* false: do not go on but leave with *ret_exit (help, or a usage error that
 * was reported on stderr). */
bool options_parse(int argc, char **argv, struct options *ret, int *ret_exit);
/* Reports on stderr in the form of every usage error; returns EXIT_USAGE. */
int usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- collect.c ----------------------------------------------------------- */
/* All registered tests that the options select. false: a usage error, already
 * reported. */
bool plan_collect(const struct options *o, struct plan *ret);
void plan_free(struct plan *p);
/* The path of a definition's file from the source folder. */
const char *def_path(const struct test_def *def);
/* Does `wanted` (a folder, a file, an id, a prefix of an id) select `id`? */
bool id_selected(const char *id, const char *wanted, bool prefix);

/* --- expr.c: `a and not (b or c)` of -k and -m ---------------------------- */
typedef bool (*expr_word_fn)(const char *word, size_t n, const void *ctx);
/* Evaluates; false with a text in *reterr when it is no expression. */
bool expr_eval(const char *text, expr_word_fn has, const void *ctx,
               bool *ret_value, const char **reterr);

/* --- needs.c ------------------------------------------------------------- */
/* Facts a test may need. NULL: all given; else why not (static or new text).
 * An unknown fact is *ret_unknown. */
const char *needs_missing(const struct test_def *def, const struct options *o,
                          bool *ret_unknown);

/* --- run.c: parent ------------------------------------------------------- */
void plan_run(struct plan *p, const struct options *o, struct tally *ret);

/* --- child.c: the test's process ----------------------------------------- */
/* Runs the item and leaves the process. */
_Noreturn void child_main(const struct item *it, struct verdict *v,
                          const char *tmpdir);
/* The verdict of this process's test. */
struct verdict *child_verdict(void);

/* --- report.c ------------------------------------------------------------ */
void report_begin(const struct plan *p, const struct options *o);
void report_item(const struct plan *p, const struct item *it,
                 const struct options *o, const struct tally *t);
void report_end(const struct plan *p, const struct options *o,
                const struct tally *t);

/* --- junit.c ------------------------------------------------------------- */
/* false: could not write; reported on stderr. */
bool junit_write(const char *path, const struct plan *p, const struct tally *t);

/* --- bench.c ------------------------------------------------------------- */
/* Tables of the benchmarks that ran; nothing when none did. */
void bench_report(const struct plan *p);
/* Has this one told figures or times? */
bool bench_measured(const struct item *it);
/* Is the figure within its bar? One without a bar is. */
bool bench_held(const struct bench_figure *f);

/* --- bench_json.c -------------------------------------------------------- */
/* The same as JSON in the form of pytest-benchmark, with the figures as
 * "figures". false: as junit_write. */
bool bench_write(const char *path, const struct plan *p);
/* The same in one line at the end of the file. false: as junit_write. */
bool bench_append(const char *path, const struct plan *p);

/* --- bench_compare.c ----------------------------------------------------- */
/* Can the options be followed? false: a usage error, already reported. */
bool bench_compare_good(const struct options *o);
/* A table of what ran beside what the file says. Returns how many are worse
 * than an expression allows, or -1 when the file cannot be read. */
int bench_compare(const struct plan *p, const struct options *o);

/* --- lastfailed.c -------------------------------------------------------- */
/* Keeps of p only what failed last time; no record: keeps all. */
void last_failed_select(struct plan *p);
void last_failed_store(const struct plan *p);

/* --- small things (util.c) ------------------------------------------------ */
double now_s(void);
char *text_new(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, or the process ends: a runner without memory cannot report. */
void *must(void *p);

#endif
