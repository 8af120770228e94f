/* The check and the fixture that use the code under test. Apart from the rest,
 * so that the runner links without it. */
#include "tests/runner/runner.h"

#include <stdlib.h>

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
    free(arena);
}

/* One for each thread: an arena has one owner. */
struct arena *test_arena(void)
{
    static _Thread_local struct arena *mine;
    if (!mine) {
        mine = calloc(1, sizeof(*mine));
        if (!mine) FAIL("out of memory");
        arena_init(mine, (size_t)256 << 20);
        test_at_end(drop, mine);
    }
    return mine;
}
