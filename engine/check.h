/*
 * check: everything that is wrong with what somebody wrote: a workflow's
 * folder, a folder of workflows, one file of a workflow, a plan. The errors
 * are those of the build, so what is valid here can be started; the warnings
 * and notes go further than a start needs to look.
 *
 * One engine for validate_workflow and `phasegate lint`. Thread: worker (file
 * I/O). No lock.
 */
#ifndef ENGINE_CHECK_H
#define ENGINE_CHECK_H

#include "engine/engine.h"
#include "engine/lint.h"

/* One thing looked at. */
struct eng_checked {
    struct slice name;   /* the workflow's, or the file's */
    struct slice folder; /* absolute; findings' files lie below it */
    bool workflow;       /* else a file by itself */
    const struct eng_finding *findings; /* by file, line, column */
    size_t count;
    size_t levels[3]; /* how many of each enum eng_level, to the last */
};

/* Adds what the build does not say to its findings, and sorts. Never an
 * error: what could be started can still be. */
MUST_USE enum err eng_check_definition(const struct eng_definition *d,
                                       struct arena *a,
                                       struct eng_checked *ret);
/* `path` is a workflow's folder, a folder of such folders, a file of a
 * workflow (then only what concerns it), or a file by itself: a gate, a
 * workflow-definition YAML, a plan (.md). ERR_NOT_FOUND, ERR_TOO_LARGE,
 * ERR_IO, ERR_NOMEM with the problem filled. `progress`: or NULL. arena */
MUST_USE enum err eng_check_path(struct slice path, struct arena *a,
                                 struct progress *progress, struct problem *p,
                                 struct eng_checked **ret, size_t *ret_count);
/* Members for the open object: "errors":[...],"warnings":[...],"notes":[...],
 * each {file,line?,column?,code,level,message,how_to_fix}. */
void eng_checked_write(const struct eng_checked *k, struct json_writer *w);

#endif
