/* The check and the fixture that use the code under test. Apart from the rest,
 * so that the runner links without it. */
#include "tests/runner/runner.h"

void test_check_err(const char *file, int line, const char *expr, enum err got,
                    enum err want)
{
    if (got == want) return;
    struct slice g = err_detail(got), w = err_detail(want);
    test_fail(file, line, "%s\n  gave:     %.*s (%d)\n  expected: %.*s (%d)",
              expr, SLICE_ARG(g), (int)got, SLICE_ARG(w), (int)want);
}

static void drop(void *arena)
{
    arena_done(arena);
}

struct arena *test_arena(void)
{
    static struct arena arena;
    if (!arena.ceiling) {
        arena_init(&arena, (size_t)256 << 20);
        test_at_end(drop, &arena);
    }
    return &arena;
}
