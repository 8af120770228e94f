/*
 * test: how a test is written. Tests are found by themselves (a constructor
 * registers each); every test runs in its own process with its own timeout.
 *
 *   TEST(cache, concurrent_misses_load_once) { CHECK_INT_EQ(loads, 1); }
 *   -> tests/unit/test_cache.c::concurrent_misses_load_once
 *
 *   TEST(json, reads_real_files, .needs = "shared", .timeout_s = 30) {...}
 *
 *   struct row { const char *in; int want; };
 *   TEST_EACH(slice, parses_integers, struct row, row,
 *             {"1", 1}, {"-7", -7}) { CHECK_INT_EQ(f(row->in), row->want); }
 *   -> ...::parses_integers[0], [1]; the first member, if it is a text and
 *      .label is left out, does not name the case: its index does.
 *
 * TEST_EACH_IF takes the options of TEST in parentheses before the type:
 *   TEST_EACH_IF(json, agrees, (.needs = "shared"), struct row, row, ...)
 *
 * A failed CHECK prints both values, file and line, and ends the test. Checks
 * work on any thread of the test. What a test prints is shown when it fails.
 */
#ifndef TESTS_RUNNER_TEST_H
#define TESTS_RUNNER_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

struct test_options {
    /* Space-separated facts this test needs; absent: it is skipped with the
     * reason. Known: shared (real inputs beside the repository), npm (node
     * packages installed in the build folder), browser, network-ns, spin (the
     * model checker), valgrind, man, curl, zsh, fish, promtool, binary, plain
     * (a build without sanitizers and coverage), release (a plain one,
     * optimised), slow (--full). */
    const char *needs;
    int timeout_s;     /* 0: the runner's default; widened under sanitizers */
    const char *marks; /* space-separated, for -m, as needs are */
    /* Its folder lies in memory where there is room: it waits for the disk
     * again and again, and what it proves is not about the disk. */
    bool in_memory;
};

struct test_def {
    const char *file, *suite, *name;
    void (*run)(const void *row);
    const void *rows; /* TEST_EACH */
    size_t row_size, row_count;
    bool bench;
    struct test_options options;
    /* private */
    struct test_def *next;
    size_t order;
};
void test_register(struct test_def *def);

#define TEST(suite_, name_, ...)                                               \
    static void test_##suite_##_##name_(const void *test_row_);                \
    static struct test_def test_def_##suite_##_##name_ = {                     \
        .file = __FILE__,                                                      \
        .suite = #suite_,                                                      \
        .name = #name_,                                                        \
        .run = test_##suite_##_##name_,                                        \
        .options = {__VA_ARGS__}};                                             \
    __attribute__((constructor)) static void test_reg_##suite_##_##name_(void) \
    {                                                                          \
        test_register(&test_def_##suite_##_##name_);                           \
    }                                                                          \
    static void test_##suite_##_##name_(__attribute__((unused))                \
                                        const void *test_row_)

#define TEST_EACH_IF(suite_, name_, options_, type_, var_, ...)                \
    static void test_body_##suite_##_##name_(type_ const *var_);               \
    static type_ const test_rows_##suite_##_##name_[] = {__VA_ARGS__};         \
    static void test_##suite_##_##name_(const void *row_)                      \
    {                                                                          \
        test_body_##suite_##_##name_((type_ const *)row_);                     \
    }                                                                          \
    static struct test_def test_def_##suite_##_##name_ = {                     \
        .file = __FILE__,                                                      \
        .suite = #suite_,                                                      \
        .name = #name_,                                                        \
        .run = test_##suite_##_##name_,                                        \
        .rows = test_rows_##suite_##_##name_,                                  \
        .row_size = sizeof(type_),                                             \
        .row_count = sizeof(test_rows_##suite_##_##name_) / sizeof(type_),     \
        .options = TEST_OPTIONS_ options_};                                    \
    __attribute__((constructor)) static void test_reg_##suite_##_##name_(void) \
    {                                                                          \
        test_register(&test_def_##suite_##_##name_);                           \
    }                                                                          \
    static void test_body_##suite_##_##name_(type_ const *var_)
#define TEST_OPTIONS_(...)                                                     \
    {                                                                          \
        __VA_ARGS__                                                            \
    }
#define TEST_EACH(suite_, name_, type_, var_, ...)                             \
    TEST_EACH_IF(suite_, name_, (), type_, var_, __VA_ARGS__)

/* --- benchmarks: --benchmark-only, or asked for by their path ------------- */
struct bench {
    int64_t left; /* private: calls before the round ends */
};

/* BENCH(map, finds_a_key)
 * {
 *     struct map *m = ...;
 *     while (bench_next(bench)) map_get(m, key);
 * }
 * Rounds of as many calls as fill a few milliseconds; minimum, median and so
 * on are of nanoseconds for one call. Use a result or it is optimised away:
 * bench_use(x). */
#define BENCH(suite_, name_, ...)                                              \
    static void bench_body_##suite_##_##name_(struct bench *bench);            \
    static void bench_##suite_##_##name_(const void *test_row_)                \
    {                                                                          \
        (void)test_row_;                                                       \
        bench_run(bench_body_##suite_##_##name_);                              \
    }                                                                          \
    static struct test_def test_def_##suite_##_##name_ = {                     \
        .file = __FILE__,                                                      \
        .suite = #suite_,                                                      \
        .name = #name_,                                                        \
        .run = bench_##suite_##_##name_,                                       \
        .bench = true,                                                         \
        .options = {__VA_ARGS__}};                                             \
    __attribute__((constructor)) static void test_reg_##suite_##_##name_(void) \
    {                                                                          \
        test_register(&test_def_##suite_##_##name_);                           \
    }                                                                          \
    static void bench_body_##suite_##_##name_(struct bench *bench)

void bench_run(void (*body)(struct bench *bench));
/* Starts the next round; false when there are enough. */
bool bench_round(struct bench *b);
static inline bool bench_next(struct bench *b)
{
    return b->left-- > 0 || bench_round(b);
}
#define bench_use(value_) __asm__ volatile("" : : "g"(value_) : "memory")

/* What a bar holds: the ratio to the floor, or the value itself. */
enum bench_bar {
    BAR_NONE,
    BAR_RATIO_LEAST,
    BAR_RATIO_MOST,
    BAR_LEAST,
    BAR_MOST
};

/* A row of the report, from a benchmark that measures something else than the
 * time of one call. `floor` is the same figure of what cannot be avoided and
 * `ratio` value over floor, the median of `rounds` rounds side by side, with
 * the spread; all 0 without a floor. A figure with `series` is a point of a
 * curve, at `x`. */
struct bench_figure {
    char name[72], unit[12], series[72];
    double x, value, floor, ratio, least, most;
    int rounds;
    enum bench_bar bar;
    double limit;
};
/* Keeps a copy for the report. Thread: the test's own. */
void bench_figure(const struct bench_figure *f);

/* --- checks: print both values and end the test -------------------------- */
_Noreturn void test_fail(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
_Noreturn void test_skip(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
void test_check_int(const char *file, int line, const char *ea, const char *eb,
                    const char *op, intmax_t a, intmax_t b, bool ok);
void test_check_text(const char *file, int line, const char *ea, const char *eb,
                     struct slice a, struct slice b);
void test_check_contains(const char *file, int line, const char *ea,
                         struct slice a, struct slice part);
void test_check_err(const char *file, int line, const char *expr, enum err got,
                    enum err want);

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(cond)                                                            \
    do {                                                                       \
        if (!(cond)) test_fail(__FILE__, __LINE__, "%s is false", #cond);      \
    } while (0)
#define CHECK_INT_OP_(a, op, b)                                                \
    do {                                                                       \
        intmax_t chk_a_ = (intmax_t)(a), chk_b_ = (intmax_t)(b);               \
        test_check_int(__FILE__, __LINE__, #a, #b, #op, chk_a_, chk_b_,        \
                       chk_a_ op chk_b_);                                      \
    } while (0)
#define CHECK_INT_EQ(a, b) CHECK_INT_OP_(a, ==, b)
#define CHECK_INT_NE(a, b) CHECK_INT_OP_(a, !=, b)
#define CHECK_INT_LT(a, b) CHECK_INT_OP_(a, <, b)
#define CHECK_INT_LE(a, b) CHECK_INT_OP_(a, <=, b)
#define CHECK_INT_GT(a, b) CHECK_INT_OP_(a, >, b)
#define CHECK_INT_GE(a, b) CHECK_INT_OP_(a, >=, b)
/* Both struct slice. */
#define CHECK_SLICE_EQ(a, b)                                                   \
    test_check_text(__FILE__, __LINE__, #a, #b, (a), (b))
/* A struct slice against a C string. */
#define CHECK_TEXT_EQ(a, cstr)                                                 \
    test_check_text(__FILE__, __LINE__, #a, #cstr, (a), slice_of(cstr))
#define CHECK_STR_EQ(a, b)                                                     \
    test_check_text(__FILE__, __LINE__, #a, #b, slice_of(a), slice_of(b))
#define CHECK_CONTAINS(a, cstr)                                                \
    test_check_contains(__FILE__, __LINE__, #a, (a), slice_of(cstr))
#define CHECK_OK(expr) test_check_err(__FILE__, __LINE__, #expr, (expr), OK)
#define CHECK_ERR(expr, want)                                                  \
    test_check_err(__FILE__, __LINE__, #expr, (expr), (want))

/* --- fixtures, made at first use, undone at the test's end ---------------- */
/* An arena of the calling thread, of 256 MiB at most; it lives to the test's
 * end. */
struct arena *test_arena(void);
/* An empty folder of this test's own, removed afterwards (kept on failure).
 * Absolute. */
const char *test_tmpdir(void);
/* The repository's root; the folder of real inputs beside it or NULL. */
const char *test_source_dir(void);
const char *test_shared_dir(void);
/* Where the build is that this test belongs to: build/<preset>. */
const char *test_binary_dir(void);
/* build/<preset>/phasegate, the binary under test; PHASEGATE_BINARY in the
 * environment names another. */
const char *test_binary(void);
/* Where ./bootstrap installs node (npm/node, version 22) and the packages of
 * tests/npm (npm/node_modules); for tests with .needs = "npm". */
const char *test_npm_dir(void);
/* Is this an instrumented build (ASan, TSan)? Loops may do fewer rounds. */
bool test_sanitized(void);
/* Calls fn(ctx) when the test's body has ended well, newest first; it may
 * still fail the test. After a failure nothing is called: what the test
 * started in its process group is killed. Thread: any. */
void test_at_end(void (*fn)(void *ctx), void *ctx);
/* Runs fn(ctx, i) on n threads, started together at a barrier, and joins. */
void test_threads(int n, void (*fn)(void *ctx, int i), void *ctx);

#endif
