/*
 * plan_label: what a single line of a tasks.md can mean: a phase heading, a
 * gate heading, a task, a label. Where the line stands decides whether it
 * does; that is plan.c's business. Private to the plan reader.
 */
#ifndef ENGINE_PLAN_LABEL_H
#define ENGINE_PLAN_LABEL_H

#include "engine/plan_lines.h"

/* --- headings ---------------------------------------------------------- */
struct plan_heading {
    int64_t number;
    struct slice name, duration;
};
/* "Phase 2: Name (Week 1)", or with `numbered` "2. Name". */
bool plan_phase_heading(const struct plan_line *l, bool numbered,
                        struct arena *a, struct plan_heading *ret);
/* "Phase 2 Validation Gate (Final)" -> 2; "Validation Gate" -> -1. */
bool plan_gate_heading(const struct plan_line *l, struct arena *a,
                       int64_t *ret_number);

/* --- tasks ------------------------------------------------------------- */
struct plan_task_line {
    struct slice id, name;
    int64_t phase; /* the first number of the id */
};
bool plan_task_line(const struct plan_line *l, struct arena *a,
                    struct plan_task_line *ret);

/* --- labels ------------------------------------------------------------ */
enum plan_label {
    LABEL_NONE,
    LABEL_OTHER, /* bold, but nothing of ours */
    LABEL_TEXT,
    LABEL_TIME,
    LABEL_NEEDS,
    LABEL_CRITERIA,
    LABEL_GATE,
};
enum { IN_PHASE = 1, IN_TASK = 2 };
struct plan_label_line {
    enum plan_label label;
    bool bold;
    int64_t phase; /* of "Phase 2 Validation Gate:"; -1: not said */
    struct slice value;
};
/* `scope`: whose labels count. A line with a box is never a label. */
struct plan_label_line plan_label_line(const struct plan_line *l,
                                       unsigned scope);

/* "#### Acceptance Criteria": a heading that is a label and nothing else. */
struct plan_label_line plan_label_heading(const struct plan_line *l,
                                          struct arena *a, unsigned scope);

/* Is it a label that speaks of something else, so that no list of ours stands
 * behind it: "**Evidence Required:**"? */
bool plan_other_label(const struct plan_line *l);

/* A name or an item's text without the marks that only decorate its end. */
struct slice plan_undecorated(struct slice s);

#endif
