#include "engine/lint_text.h"

enum { LINES_MOST = 170 };

static void check_length(const struct eng_definition *d,
                         const struct eng_phase *p, const struct eng_task *t,
                         struct eng_report *r)
{
    size_t lines = 0;
    const char *at = t->content.p, *end = at + t->content.n;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
        lines++;
        at++;
    }
    if (lines <= LINES_MOST) return;
    struct eng_source src = {
        arena_printf(r->arena, "phases/%lld/%.*s", (long long)p->number,
                     SLICE_ARG(t->file)),
        t->content};
    (void)d;
    eng_report_add(r, LINT_TASK_FILE_LONG, &src, NULL, "%zu lines", lines);
}

void eng_lint_texts(const struct eng_definition *d,
                    const struct eng_metadata *m, struct eng_report *r)
{
    (void)m;
    for (size_t i = 0; i < d->phases_count; i++)
        for (size_t k = 0; k < d->phases[i].tasks_count; k++)
            check_length(d, &d->phases[i], &d->phases[i].tasks[k], r);
}
