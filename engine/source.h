/*
 * source: the file a dynamic workflow takes its phases from. It is found by
 * an option of start_workflow, lies inside the project, is read once, and
 * becomes part of the definition that the session is pinned to.
 */
#ifndef ENGINE_SOURCE_H
#define ENGINE_SOURCE_H

#include "engine/core.h"
#include "engine/definition.h"

/* The definition of one session: `d` with the phases of the plan that the
 * options name. Alive as long as the call's arena. Fills the problem:
 * ERR_SOURCE_*, ERR_INVALID_TARGET, ERR_WORKFLOW_INVALID. Thread: worker */
MUST_USE enum err eng__source_define(struct engine *e, struct eng_call *c,
                                     const struct eng_definition *d,
                                     const struct json *options,
                                     const struct eng_definition **ret);
/* From now on the watcher's stamp of plans speaks for the file, if it can.
 * Thread: worker */
bool eng__source_follow(struct engine *e, const struct eng_definition *d);
/* Does the file differ from the source of `d` (or is it gone)? False without
 * a source. ERR_NOMEM. Thread: worker */
MUST_USE enum err eng__source_changed(struct engine *e,
                                      const struct eng_definition *d,
                                      bool *ret);

#endif
