#include "base/problem.h"

#include <stdarg.h>

#include "base/json_write.h"

void problem_init(struct problem *p)
{
    *p = (struct problem){.retry_after_ms = -1};
}

enum err problem_set(struct problem *p, enum err e, struct slice what,
                     struct slice why, struct slice how_to_fix)
{
    p->err = e;
    p->what = what.p ? what : err_detail(e);
    p->why = why;
    p->how_to_fix = how_to_fix.p ? how_to_fix : SLICE("Try again.");
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
    return problem_set(p, e, what, why, how_to_fix);
}

void problem_write(const struct problem *p, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_key(&w, SLICE("error"));
    json_begin_object(&w);
    json_put_string(&w, "code", err_code(p->err));
    json_put_string(&w, "detail", err_detail(p->err));
    json_put_string(&w, "what", p->what);
    json_put_string(&w, "why", p->why);
    json_put_string(&w, "how_to_fix", p->how_to_fix);
    if (p->retry_after_ms >= 0)
        json_put_int(&w, "retry_after_ms", p->retry_after_ms);
    json_raw_members(&w, p->extra);
    json_end_object(&w);
    json_raw_members(&w, p->siblings);
    json_end_object(&w);
}
