/*
 * definition_yaml: a workflow-definition YAML as a plan: what a workflow is to
 * become, phase by phase, and a source of phases for dynamic workflows. It is
 * no gate file, though each of its gates is judged like one.
 *
 * Pure over a text. Thread: any. arena of the report
 */
#ifndef ENGINE_DEFINITION_YAML_H
#define ENGINE_DEFINITION_YAML_H

#include "engine/plan.h"

/* Phases are numbered on from the first one: "N+4" is the next number. Their
 * gates are `evidence`. As eng_plan_parse; ERR_WORKFLOW_INVALID with file and
 * line when it is no such document. */
MUST_USE enum err eng_definition_yaml_parse(const struct eng_source *src,
                                            struct eng_report *r,
                                            struct problem *p,
                                            struct eng_plan *ret);

#endif
