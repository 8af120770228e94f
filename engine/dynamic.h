/*
 * dynamic: workflows whose phases come from a plan. metadata.json names the
 * plan's kind and the templates; a session's definition carries the plan's
 * text among its files, and the phases made from it stand behind the static
 * ones. Private to the definition and to the start of a session.
 */
#ifndef ENGINE_DYNAMIC_H
#define ENGINE_DYNAMIC_H

#include "engine/metadata.h"
#include "engine/plan.h"

/* Reads dynamic_config and the templates into d->dynamic_config. */
void eng__dynamic_read(struct eng_definition *d, const struct eng_metadata *m,
                       const struct eng_source *meta, struct eng_report *r);
/* Adds the phases of d->files.source; a source that is no plan is an error in
 * the report. */
void eng__dynamic_phases(struct eng_definition *d, struct eng_report *r);
/* The plan of a source, by the definition's kind. As eng_plan_parse. */
MUST_USE enum err eng__dynamic_parse(const struct eng_definition *d,
                                     const struct eng_file *source,
                                     struct eng_report *r, struct problem *p,
                                     struct eng_plan *ret);

#endif
