/* plan: whatever text comes, the plan is refused with words or has phases
 * without a gap, tasks with ids of their own, items that say something, and
 * bodies that lie in the text. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/plan.h"

#define NEED(cond)                                                             \
    do {                                                                       \
        if (!(cond)) abort();                                                  \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_items(struct eng_plan_items items)
{
    for (size_t i = 0; i < items.count; i++)
        NEED(items.items[i].text.n > 0 && items.items[i].line > 0);
}

static void check_task(const struct eng_plan_task *t, struct slice text)
{
    NEED(t->id.n >= 3 && t->line > 0);
    NEED(t->body.p >= text.p && t->body.p + t->body.n <= text.p + text.n);
    check_items(t->criteria);
    if (t->needs.origin == ENG_NOT_STATED)
        NEED(t->needs.tasks_count + t->needs.phases_count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eng_source src = {SLICE("tasks.md"), {(const char *)data, size}};
    struct eng_report r;
    struct eng_plan plan = {0};
    struct problem p;
    struct arena a;
    arena_init(&a, 256u << 20);
    eng_report_init(&r, &a);
    problem_init(&p);
    enum err e = eng_plan_parse(&src, &r, &p, &plan);
    NEED(e != ERR_NOMEM && (e ? p.what.n > 0 : plan.phases_count > 0));
    for (size_t i = 0; i < plan.phases_count; i++) {
        const struct eng_plan_phase *phase = &plan.phases[i];
        NEED(phase->name.n > 0);
        NEED(phase->number == plan.phases[0].number + (int64_t)i);
        check_items(phase->gate);
        for (size_t k = 0; k < phase->tasks_count; k++)
            check_task(&phase->tasks[k], src.text);
    }
    arena_done(&a);
    return 0;
}
