#include "base/problem.h"

#include "base/alloc.h"
#include "tests/runner/test.h"

TEST(problem, says_no_retry_until_told)
{
    struct problem p;
    problem_init(&p);
    CHECK_INT_EQ(p.err, OK);
    CHECK_INT_EQ(p.retry_after_ms, -1);
    CHECK_INT_EQ(p.extra.n + p.siblings.n, 0);
}

TEST(problem, keeps_what_it_is_told_and_returns_the_error)
{
    struct problem p;
    problem_init(&p);
    CHECK_ERR(problem_setf(&p, test_arena(), ERR_TASK_NOT_FOUND,
                           SLICE("the phase has 3 tasks"),
                           SLICE("ask for task 1 to 3"), "task %d", 7),
              ERR_TASK_NOT_FOUND);
    CHECK_INT_EQ(p.err, ERR_TASK_NOT_FOUND);
    CHECK_TEXT_EQ(p.what, "task 7");
    CHECK_TEXT_EQ(p.why, "the phase has 3 tasks");
    CHECK_TEXT_EQ(p.how_to_fix, "ask for task 1 to 3");
}

TEST(problem, out_of_memory_leaves_the_plain_name)
{
    struct arena a;
    struct problem p;
    arena_init(&a, 0);
    problem_init(&p);
    CHECK_ERR(
        problem_setf(&p, &a, ERR_INVALID, SLICE("w"), SLICE("h"), "%d", 1),
        ERR_INVALID);
    CHECK_TEXT_EQ(p.what, "INVALID");
    arena_done(&a);
}
