/*
 * plan_needs: what a sentence like "Task 1.1, Task 3.2-3.5 and Phase 2
 * complete (for the schema)" waits for. Private to the plan reader.
 */
#ifndef ENGINE_PLAN_NEEDS_H
#define ENGINE_PLAN_NEEDS_H

#include "engine/plan.h"

/* From where the sentence speaks: "all previous tasks" are ids[0..before). */
struct plan_place {
    const struct slice *ids;
    size_t before;
    int64_t phase, first_phase;
};

/* Unites what the sentence names with what is in *io; `origin` and the note
 * are set too. ERR_NOMEM. Slices of `text`, or arena */
MUST_USE enum err plan_needs_add(struct slice text, const struct plan_place *at,
                                 enum eng_plan_origin origin, struct arena *a,
                                 struct eng_plan_needs *io);
/* "Tasks 1.1, 1.2 (both) depend on Task 1.0" -> its two parts; false when it
 * is no such sentence. */
bool plan_needs_sentence(struct slice text, struct slice *ret_subjects,
                         struct slice *ret_needs);
/* "(depends on 1.1)" somewhere in a name -> "1.1"; false: nothing inside. */
bool plan_needs_inline(struct slice name, struct slice *ret_needs);

#endif
