/* Which tests a command line selects. */
#include "tests/runner/runner.h"

struct id_row {
    const char *id, *wanted;
    bool prefix, want;
};

TEST_EACH(
    runner_select, ids_match_at_borders, struct id_row, row,
    {"tests/unit/test_a.c::b", "tests", false, true},
    {"tests/unit/test_a.c::b", "tests/unit/", false, true},
    {"tests/unit/test_a.c::b", "tests/unit/test_a.c", false, true},
    {"tests/unit/test_a.c::b", "tests/unit/test_a.c::b", false, true},
    {"tests/unit/test_a.c::b[2]", "tests/unit/test_a.c::b", false, true},
    {"tests/unit/test_a.c::b[2]", "tests/unit/test_a.c::b[2]", false, true},
    {"tests/unit/test_a.c::b[2]", "tests/unit/test_a.c::b[20]", false, false},
    {"tests/unit/test_a.c::b[20]", "tests/unit/test_a.c::b[2", false, false},
    {"tests/unit/test_a.c::bc", "tests/unit/test_a.c::b", false, false},
    {"tests/unit/test_a.c::bc", "tests/unit/test_a.c::b", true, true},
    {"tests/unit/test_ab.c::c", "tests/unit/test_a", false, false},
    {"tests/unit/test_ab.c::c", "tests/unit/test_a", true, true},
    {"tests/unit/test_a.c::b", "tests/bench", true, false},
    {"tests/unit/test_a.c::b", "", false, true})
{
    CHECK_INT_EQ(id_selected(row->id, row->wanted, row->prefix), row->want);
}

static bool is_in(const char *word, size_t n, const void *ctx)
{
    return memmem(ctx, strlen(ctx), word, n) != NULL;
}

struct expr_row {
    const char *expr, *names;
    bool want;
};

TEST_EACH(runner_select, expressions_bind_like_pytests, struct expr_row, row,
          {"cache", "a cache", true}, {"cache", "a store", false},
          {"not cache", "a store", true}, {"not not cache", "cache", true},
          {"a and b", "a b", true}, {"a and b", "a", false},
          {"a or b and c", "a", true}, {"(a or b) and c", "a", false},
          {"(a or b) and c", "b c", true}, {"not a and b", "b", true},
          {"not (a or b)", "c", true}, {"NOT a Or b", "a b", true},
          {"  a\tand(b)", "a b", true}, {"[3]", "rows[3]", true})
{
    bool value;
    const char *error;
    CHECK(expr_eval(row->expr, is_in, row->names, &value, &error));
    CHECK_INT_EQ(value, row->want);
}

struct wrong_row {
    const char *expr, *why;
};

TEST_EACH(runner_select, wrong_expressions_are_refused, struct wrong_row, row,
          {"", "missing"}, {"a and", "missing"}, {"or a", "missing"},
          {"(a", "without"}, {"a)", "between"}, {"a b", "between"},
          {"not", "missing"}, {"()", "missing"})
{
    bool value;
    const char *error = "";
    CHECK(!expr_eval(row->expr, is_in, "a b", &value, &error));
    CHECK_CONTAINS(slice_of(error), row->why);
}

TEST(runner_select, deep_expressions_are_refused_not_crashed_on)
{
    static char deep[200001];
    bool value;
    const char *error = "";
    memset(deep, '(', sizeof deep - 1);
    CHECK(!expr_eval(deep, is_in, "", &value, &error));
    CHECK_STR_EQ(error, "nested too deeply");
}
