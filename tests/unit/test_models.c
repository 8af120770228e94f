/* The protocols that are too small to read and too large to test: models in
 * tests/models, searched to the end by spin. */
#include <stdio.h>
#include <sys/wait.h>

#include "tests/runner/test.h"

/* Runs a shell line in the test's folder; its output. */
static struct slice run(const char *line)
{
    static char out[64 * 1024];
    FILE *p = popen(line, "r");
    CHECK(p != NULL);
    size_t n = fread(out, 1, sizeof(out) - 1, p);
    int status = pclose(p);
    out[n] = '\0';
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        FAIL("%s\n%s", line, out);
    return (struct slice){out, n};
}

/* What the search of a model says. */
static struct slice search_as(const char *model, const char *options,
                              const char *compile)
{
    char line[1024];
    snprintf(line, sizeof(line),
             "cd '%s' && spin %s -a '%s/tests/models/%s' 2>&1 && "
             "cc -w %s -DSAFETY -DCOLLAPSE -o pan pan.c 2>&1 && "
             "./pan -m200000 -w22 2>&1",
             test_tmpdir(), options, test_source_dir(), model, compile);
    return run(line);
}

static struct slice search(const char *model, const char *options)
{
    return search_as(model, options, "-O2");
}

/* A step is left out: found so soon that compiling it well takes longer. */
static struct slice search_mutant(const char *model, const char *options)
{
    return search_as(model, options, "-O0");
}

static void check_holds(struct slice said)
{
    CHECK_CONTAINS(said, "errors: 0");
    CHECK_CONTAINS(said, "Full statespace search");
    /* A search cut short, or a step that nothing leads to, proves nothing. */
    CHECK_INT_EQ(slice_find(said, SLICE("Search not completed")), said.n);
    CHECK_INT_EQ(slice_find(said, SLICE("max search depth")), said.n);
    CHECK_CONTAINS(said, "unreached in proctype caller\n\t(0 of");
}

TEST(models, flight_keeps_its_claims, .needs = "spin release", .timeout_s = 600)
{
    check_holds(search("flight.pml", ""));
}

TEST(models, flight_keeps_its_claims_with_more_trouble,
     .needs = "spin release slow", .timeout_s = 600)
{
    check_holds(search("flight.pml", "-DFULL"));
}

TEST(models, flight_without_a_step_breaks_a_claim, .needs = "spin release",
     .timeout_s = 600)
{
    static const char *const mutants[][2] = {
        {"-DNO_WAKE", "invalid end state"},
        {"-DNO_DETACH", "assertion violated"},
        {"-DNO_LATE", "assertion violated"}};
    for (size_t i = 0; i < sizeof(mutants) / sizeof(mutants[0]); i++) {
        struct slice said = search_mutant("flight.pml", mutants[i][0]);
        CHECK_CONTAINS(said, "errors: 1");
        CHECK_CONTAINS(said, mutants[i][1]);
    }
}

static void check_searched(const char *model, const char *options)
{
    struct slice said = search(model, options);
    CHECK_CONTAINS(said, "errors: 0");
    CHECK_CONTAINS(said, "Full statespace search");
    CHECK_INT_EQ(slice_find(said, SLICE("Search not completed")), said.n);
    CHECK_INT_EQ(slice_find(said, SLICE("max search depth")), said.n);
}

TEST(models, permits_are_neither_lost_nor_invented, .needs = "spin release",
     .timeout_s = 600)
{
    check_searched("permit.pml", "");
    check_searched("permit.pml", "-DINNERS");
}

TEST(models, turns_and_permits_wait_in_no_circle, .needs = "spin release",
     .timeout_s = 600)
{
    check_searched("turn.pml", "");
}

TEST(models, a_write_that_wants_a_readers_place_closes_one,
     .needs = "spin release", .timeout_s = 600)
{
    static const char *const mutants[] = {"-DOUTER", "-DHOLD"};
    for (size_t i = 0; i < sizeof(mutants) / sizeof(mutants[0]); i++) {
        struct slice said = search_mutant("turn.pml", mutants[i]);
        CHECK_CONTAINS(said, "errors: 1");
        CHECK_CONTAINS(said, "invalid end state");
    }
}

TEST(models, permits_without_a_rule_break_a_claim, .needs = "spin release",
     .timeout_s = 600)
{
    static const char *const mutants[][2] = {
        {"-DNO_WAKE", "invalid end state"},
        {"-DMINT", "assertion violated"},
        {"-DTWICE", "invalid end state"},
        {"-DINNERS -DKEEP", "assertion violated"}};
    for (size_t i = 0; i < sizeof(mutants) / sizeof(mutants[0]); i++) {
        struct slice said = search_mutant("permit.pml", mutants[i][0]);
        CHECK_CONTAINS(said, "errors: 1");
        CHECK_CONTAINS(said, mutants[i][1]);
    }
}
