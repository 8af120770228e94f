#include "base/problem.h"

#include <stdarg.h>

void problem_init(struct problem *p)
{
    *p = (struct problem){.retry_after_ms = -1};
}

enum err problem_set(struct problem *p, enum err e, struct slice what,
                     struct slice why, struct slice how_to_fix)
{
    p->err = e;
    p->what = what;
    p->why = why;
    p->how_to_fix = how_to_fix;
    return e;
}

enum err problem_setf(struct problem *p, struct arena *a, enum err e,
                      struct slice why, struct slice how_to_fix,
                      const char *what_fmt, ...)
{
    va_list ap;
    va_start(ap, what_fmt);
    struct slice what = arena_vprintf(a, what_fmt, ap);
    va_end(ap);
    return problem_set(p, e, what.p ? what : err_detail(e), why, how_to_fix);
}
