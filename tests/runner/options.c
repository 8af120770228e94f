/* The command line, as rows. */
#include "tests/runner/runner.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kind { KIND_FLAG, KIND_NUMBER, KIND_TEXT, KIND_FAIL, KIND_CALL };

struct row {
    const char *name; /* --name */
    char letter;      /* -l, or 0 */
    enum kind kind;
    size_t field; /* in struct options */
    int min;      /* of a number; what a flag sets (0: true) */
    const char *arg, *help;
};
#define AT(f) offsetof(struct options, f)

static const struct row rows[] = {
    {"keyword", 'k', KIND_TEXT, AT(keyword), 0, "EXPR",
     "run tests whose id or marks contain: 'cache and not (slow or file)'"},
    {"marks", 'm', KIND_TEXT, AT(marks), 0, "EXPR",
     "run tests whose marks or needs fit the expression: 'not npm'"},
    {"exitfirst", 'x', KIND_FLAG, AT(max_fail), 1, NULL,
     "stop at the first failure"},
    {"maxfail", 0, KIND_NUMBER, AT(max_fail), 0, "N",
     "stop after N failures (0: never)"},
    {"lf", 0, KIND_FLAG, AT(last_failed), 0, NULL,
     "run what failed last time (all, when nothing did)"},
    {"last-failed", 0, KIND_FLAG, AT(last_failed), 0, NULL, NULL},
    {"numprocesses", 'n', KIND_NUMBER, AT(workers), 0, "N",
     "run N tests at a time, those of long limits first (0, auto: one for "
     "each processor)"},
    {"count", 0, KIND_NUMBER, AT(count), 1, "N", "run each test N times"},
    {"timeout", 0, KIND_NUMBER, AT(timeout_s), 1, "S",
     "a test may take S seconds (its own limit goes first; x10 under "
     "sanitizers)"},
    {"full", 0, KIND_FLAG, AT(full), 0, NULL, "run slow tests too"},
    {"collect-only", 0, KIND_FLAG, AT(collect_only), 0, NULL,
     "list the tests, run nothing"},
    {"co", 0, KIND_FLAG, AT(collect_only), 0, NULL, NULL},
    {"durations", 0, KIND_NUMBER, AT(durations), 0, "N",
     "show the N slowest tests (0: all)"},
    {"junitxml", 0, KIND_TEXT, AT(junit), 0, "FILE",
     "write a JUnit XML report"},
    {"benchmark-only", 0, KIND_FLAG, AT(bench_only), 0, NULL,
     "run the benchmarks, one at a time, and nothing else"},
    {"benchmark-json", 0, KIND_TEXT, AT(bench_json), 0, "FILE",
     "write what the benchmarks measured"},
    {"benchmark-history", 0, KIND_TEXT, AT(bench_history), 0, "FILE",
     "append the same as one line (tests/bench/history.jsonl)"},
    {"benchmark-compare", 0, KIND_TEXT, AT(bench_compare), 0, "FILE",
     "compare with what was written, or with the last run of a history"},
    {"benchmark-compare-fail", 0, KIND_FAIL, 0, 0, "EXPR",
     "fail when worse: median:5%, min:0.00001 (seconds); repeatable"},
    {"capture", 's', KIND_FLAG, AT(no_capture), 0, NULL,
     "let tests write to the terminal"},
    {"verbose", 'v', KIND_FLAG, AT(verbose), 1, NULL, "a line for each test"},
    {"quiet", 'q', KIND_FLAG, AT(verbose), -1, NULL, "less"},
    {"help", 'h', KIND_CALL, 0, 0, NULL, "this text"},
};
enum { ROWS = sizeof rows / sizeof *rows, LONG_BASE = 1000 };

int usage_error(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("ERROR: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return EXIT_USAGE;
}

static void help(void)
{
    puts("usage: phasegate-tests [options] [path | path::name | id[row]]...\n\n"
         "  build/phasegate-tests                      everything\n"
         "  build/phasegate-tests tests/unit           a folder or a file\n"
         "  build/phasegate-tests tests/unit/test_json.c::reads_numbers\n");
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *r = &rows[i];
        char head[64], letter[8] = "    ";
        if (!r->help) continue;
        if (r->letter) snprintf(letter, sizeof letter, "-%c, ", r->letter);
        snprintf(head, sizeof head, "%s--%s%s%s", letter, r->name,
                 r->arg ? " " : "", r->arg ? r->arg : "");
        printf("  %-30s %s\n", head, r->help);
    }
    puts("\nexit status: 0 all passed, 1 some failed, 2 interrupted, "
         "4 wrong usage, 5 nothing to run");
}

static bool set_number(const struct row *r, const char *text, struct options *o)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (r->field == AT(workers) && strcmp(text, "auto") == 0) {
        n = 0;
    } else if (errno || end == text || *end || n < r->min || n > 1000000) {
        usage_error("--%s: '%s' is not a number from %d to 1000000", r->name,
                    text, r->min);
        return false;
    }
    *(int *)((char *)o + r->field) = (int)n;
    return true;
}

static bool set_fail(const char *text, struct options *o)
{
    if (o->compare_fails == COMPARE_FAILS_MAX) {
        usage_error("--benchmark-compare-fail: at most %d times",
                    COMPARE_FAILS_MAX);
        return false;
    }
    o->compare_fail[o->compare_fails++] = text;
    return true;
}

static bool set(const struct row *r, const char *text, struct options *o)
{
    char *field = (char *)o + r->field;
    if (r->kind == KIND_NUMBER) return set_number(r, text, o);
    if (r->kind == KIND_FAIL) return set_fail(text, o);
    if (r->kind == KIND_TEXT)
        *(const char **)field = text;
    else if (r->min)
        *(int *)field = r->min;
    else
        *(bool *)field = true;
    return true;
}

static void for_getopt(char *letters, struct option *longs)
{
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *r = &rows[i];
        longs[i].name = r->name;
        longs[i].has_arg = r->arg ? required_argument : no_argument;
        longs[i].flag = NULL;
        longs[i].val = LONG_BASE + (int)i;
        if (r->letter) *letters++ = r->letter;
        if (r->letter && r->arg) *letters++ = ':';
    }
    *letters = 0;
}

static const struct row *row_of(int c)
{
    if (c >= LONG_BASE) return &rows[c - LONG_BASE];
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].letter == c) return &rows[i];
    return NULL;
}

static int processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : (int)n;
}

bool options_parse(int argc, char **argv, struct options *ret, int *ret_exit)
{
    *ret = (struct options){
        .workers = 1, .count = 1, .timeout_s = 60, .durations = -1};
    char letters[2 * ROWS + 1];
    struct option longs[ROWS + 1] = {0};
    for_getopt(letters, longs);
    int c;
    while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        const struct row *r = row_of(c);
        *ret_exit = EXIT_USAGE; /* getopt_long has said what is wrong */
        if (!r) return false;
        if (r->kind == KIND_CALL) {
            help();
            *ret_exit = EXIT_ALL_PASSED;
            return false;
        }
        if (!set(r, optarg, ret)) return false;
    }
    ret->wanted = (const char **)argv + optind;
    ret->wanted_count = (size_t)(argc - optind);
    if (ret->workers == 0) ret->workers = processors();
    if (ret->no_capture || ret->bench_only) ret->workers = 1;
    ret->color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    return true;
}
