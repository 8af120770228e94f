/*
 * plan: a tasks.md read as a careful reader would: phases, their tasks,
 * criteria, dependencies and gate items. Pure over a text: no files, nothing
 * kept between calls. Boxes are information; they never complete anything.
 *
 * Only what the text says: numbers are the source's own, not those of a
 * session. Every text is a slice of the source or lies in the report's arena.
 * Needs base/ and lint. Thread: any.
 */
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

#include "engine/lint.h"

enum { PLAN_PHASES_MOST = 500, PLAN_TASKS_MOST = 2000 };

struct eng_plan_item {
    struct slice text;
    uint32_t line;
    bool checked;
};
struct eng_plan_items {
    const struct eng_plan_item *items;
    size_t count;
};

enum eng_plan_origin { ENG_NOT_STATED, ENG_FROM_LABEL, ENG_FROM_SECTION };
/* What a task or phase waits for. Stated without tasks and phases: nothing,
 * or what only a person understands (`note`). */
struct eng_plan_needs {
    enum eng_plan_origin origin;
    const struct slice *tasks; /* ids, in the order they are named */
    size_t tasks_count;
    const int64_t *phases;
    size_t phases_count;
    struct slice note;
};

struct eng_plan_task {
    struct slice id; /* a text: 3.10 is not 3.1 */
    struct slice name, description, time;
    struct slice body; /* its lines in the source, byte for byte */
    uint32_t line;
    bool boxed, checked;
    struct eng_plan_needs needs;
    struct eng_plan_items criteria;
};
struct eng_plan_phase {
    int64_t number; /* the source's */
    struct slice name, description, duration;
    uint32_t line;
    struct eng_plan_needs needs;
    const struct eng_plan_task *tasks; /* number k of the phase is tasks[k-1] */
    size_t tasks_count;
    struct eng_plan_items gate;
    /* of a workflow definition only */
    const struct eng_gate *evidence; /* NULL: the gate items */
    struct slice stated_number;      /* "3", "N+4" */
    bool human_approval;
};
struct eng_plan {
    const struct eng_plan_phase *phases; /* n, n+1, ...; n is 0 or 1 */
    size_t phases_count;
};

/* Reads the text. What is odd about it goes to the report, which is not
 * ended. ERR_SOURCE_EMPTY, _NO_PHASES, _PHASE_GAP, _PHASE_START,
 * ERR_TOO_LARGE, ERR_NOMEM with the problem filled. arena of the report */
MUST_USE enum err eng_plan_parse(const struct eng_source *src,
                                 struct eng_report *r, struct problem *p,
                                 struct eng_plan *ret);
/* Are these numbers of phases those of a plan? Reports what is wrong. */
MUST_USE enum err eng_plan_numbers(const struct eng_plan *plan,
                                   const struct eng_source *src,
                                   struct arena *a, struct problem *p);

#endif
