/*
 * plan_check: what is odd about a plan that could be read: tasks that wait
 * for each other or for later ones, phases without tasks or gate, lists that
 * look like gates. Warnings all. Private to the plan reader.
 */
#ifndef ENGINE_PLAN_CHECK_H
#define ENGINE_PLAN_CHECK_H

#include "engine/plan.h"
#include "engine/plan_lines.h"

void plan_check(const struct eng_plan *plan, const struct eng_source *src,
                const struct plan_lines *lines, struct eng_report *r);

#endif
