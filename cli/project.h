/*
 * project: where the project's root is. `--project` or PHASEGATE_PROJECT;
 * else the nearest folder upwards with .phasegate, .praxis-os or .git (a
 * folder or, in a worktree, a file); else the working directory. `/` and
 * $HOME are never found this way: a server must not take a whole home for a
 * project because an editor started it there. Thread: startup.
 */
#ifndef CLI_PROJECT_H
#define CLI_PROJECT_H

#include "cli/options.h"

/* *ret is canonical, or empty: no project, the tools will say so. ERR_INVALID
 * with o->problem: the folder that was named is none. arena */
MUST_USE enum err cli_project_root(struct cli_options *o, struct slice *ret);
/* Reads <root>/.phasegate/config.yaml into `o`, if it is there. */
MUST_USE enum err cli_project_config(struct cli_options *o, struct slice root);

/* The state file: --state, or the project's. Empty: no project. arena */
struct slice cli_state_file(const struct cli_options *o, struct slice root);

/* The program's own file, canonical. ERR_IO, ERR_NOMEM. arena */
MUST_USE enum err cli_program(struct arena *a, struct slice *ret);
/* What a shell finds under this name, canonical. arena */
bool cli_on_path(struct arena *a, const char *program, struct slice *ret);
/* How to call this program: by the name alone where a shell finds this very
 * file by it (what names it so can be shared with others), else by its path.
 * ERR_IO, ERR_NOMEM. arena */
MUST_USE enum err cli_command_name(struct arena *a, struct slice *ret);
/* The folder of the workflows that come with the program: installed
 * (PREFIX/share/phasegate/workflows beside PREFIX/bin), or in the source tree
 * it was built from. ERR_NOT_FOUND. arena */
MUST_USE enum err cli_examples(struct arena *a, struct slice *ret);
/* The folders named by options, else those of the project; for workflows the
 * ones that come with the program stand last, so that a project's own of the
 * same name wins. arena */
struct cli_list cli_workflows(const struct cli_options *o, struct slice root,
                              struct arena *a);
struct cli_list cli_standards(const struct cli_options *o, struct slice root,
                              struct arena *a);

#endif
