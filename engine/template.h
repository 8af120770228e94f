/*
 * template: [PLACEHOLDERS] replaced in one pass; what is put in is never
 * searched again, and whatever else stands in brackets stays. Thread: any.
 */
#ifndef ENGINE_TEMPLATE_H
#define ENGINE_TEMPLATE_H

#include "base/buf.h"

#define TEMPLATE_ROWS(X)                                                       \
    X(PHASE_NUMBER)                                                            \
    X(PHASE_NAME)                                                              \
    X(TASK_COUNT)                                                              \
    X(PHASE_DESCRIPTION)                                                       \
    X(ESTIMATED_DURATION)                                                      \
    X(ESTIMATED_TIME)                                                          \
    X(NEXT_PHASE_NUMBER)                                                       \
    X(NEXT_TASK_NUMBER)                                                        \
    X(VALIDATION_GATE)                                                         \
    X(ACCEPTANCE_CRITERIA)                                                     \
    X(TASK_ID)                                                                 \
    X(TASK_NAME)                                                               \
    X(TASK_DESCRIPTION)                                                        \
    X(DEPENDENCIES)

enum template_value {
#define TEMPLATE_ENUM(name) TEMPLATE_##name,
    TEMPLATE_ROWS(TEMPLATE_ENUM)
#undef TEMPLATE_ENUM
        TEMPLATE_COUNT
};

/* values[TEMPLATE_COUNT]; one that is {NULL, 0} stays as it is written. */
void eng__template_render(struct slice text, const struct slice *values,
                          struct buf *out);

#endif
