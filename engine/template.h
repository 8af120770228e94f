/*
 * template: [PLACEHOLDERS] replaced in one pass; what is put in is never
 * searched again, and whatever else stands in brackets stays. Thread: any.
 */
#ifndef ENGINE_TEMPLATE_H
#define ENGINE_TEMPLATE_H

#include "base/buf.h"

/* X(name, where it has a value): TASK templates alone, or BOTH kinds */
#define TEMPLATE_ROWS(X)                                                       \
    X(PHASE_NUMBER, BOTH)                                                      \
    X(PHASE_NAME, BOTH)                                                        \
    X(TASK_COUNT, BOTH)                                                        \
    X(PHASE_DESCRIPTION, BOTH)                                                 \
    X(ESTIMATED_DURATION, BOTH)                                                \
    X(ESTIMATED_TIME, BOTH)                                                    \
    X(NEXT_PHASE_NUMBER, BOTH)                                                 \
    X(NEXT_TASK_NUMBER, TASK)                                                  \
    X(VALIDATION_GATE, BOTH)                                                   \
    X(ACCEPTANCE_CRITERIA, TASK)                                               \
    X(TASK_ID, TASK)                                                           \
    X(TASK_NAME, TASK)                                                         \
    X(TASK_DESCRIPTION, TASK)                                                  \
    X(DEPENDENCIES, TASK)

enum template_value {
#define TEMPLATE_ENUM(name, where) TEMPLATE_##name,
    TEMPLATE_ROWS(TEMPLATE_ENUM)
#undef TEMPLATE_ENUM
        TEMPLATE_COUNT
};

/* values[TEMPLATE_COUNT]; one that is {NULL, 0} stays as it is written. */
void eng__template_render(struct slice text, const struct slice *values,
                          struct buf *out);

/* Is [name] replaced in a template of that kind? If not: *ret_elsewhere, it is
 * in the other kind; else *ret_near is the one that may be meant, in brackets,
 * or empty. For lint. */
bool eng__template_knows(struct slice name, bool of_task, bool *ret_elsewhere,
                         struct slice *ret_near);

#endif
