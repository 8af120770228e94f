/*
 * repository: what a project's .git says without asking git: enough to call
 * the project by its name. Reads two small files; a hostile one costs nothing
 * but a wrong name.
 */
#ifndef ENGINE_REPOSITORY_H
#define ENGINE_REPOSITORY_H

#include "base/arena.h"

/* The last part of the origin's url without ".git"
 * (git@github.com:org/name.git is "name"), else the root's folder name. A
 * slice of `root`, a literal or the arena. Thread: any but loops (file I/O) */
struct slice eng_project_name(struct slice root, struct arena *a);

#endif
