/*
 * tally: how many events of each kind this process has committed; gates
 * passed and refused among them. Thread: any reads; Thread: writer counts.
 */
#ifndef ENGINE_TALLY_H
#define ENGINE_TALLY_H

#include <stdatomic.h>

#include "base/slice.h"

/* The kinds; what is none of them is the last. */
#define ENG_TALLY_ROWS(X)                                                      \
    X(session_started)                                                         \
    X(phase_completed)                                                         \
    X(gate_refused)                                                            \
    X(approval_requested)                                                      \
    X(approval_granted)                                                        \
    X(approval_rejected)                                                       \
    X(task_claimed)                                                            \
    X(task_released)                                                           \
    X(phase_retried)                                                           \
    X(phase_reopened)                                                          \
    X(session_paused)                                                          \
    X(session_resumed)                                                         \
    X(session_expired)                                                         \
    X(session_abandoned)                                                       \
    X(session_rolled_back)                                                     \
    X(session_deleted)                                                         \
    X(other)

enum eng_tally_row {
#define TALLY_ENUM(name) ENG_TALLY_##name,
    ENG_TALLY_ROWS(TALLY_ENUM)
#undef TALLY_ENUM
        ENG_TALLY_COUNT
};

struct eng_tally {
    _Atomic uint64_t count[ENG_TALLY_COUNT];
};

void eng_tally_add(struct eng_tally *t, struct slice event_type);
const char *eng_tally_name(enum eng_tally_row row);

#endif
