/*
 * scaffold: a new workflow's folder: metadata, phases, tasks and gates that
 * read well and pass lint. All of it appears at once or not at all, and
 * nothing that is there is ever overwritten.
 *
 * Needs base/. Thread: worker (file I/O).
 */
#ifndef ENGINE_SCAFFOLD_H
#define ENGINE_SCAFFOLD_H

#include "base/problem.h"

enum { ENG_SCAFFOLD_PHASES = 50 };

struct eng_scaffold {
    struct slice root;        /* canonical; what is written lies inside */
    struct slice output;      /* the folder of workflows, relative to root or
                                 absolute; made when absent */
    struct slice name;        /* of the workflow and its folder */
    struct slice description; /* empty: made from the phases */
    const struct slice *phases;
    size_t phases_count; /* 1..ENG_SCAFFOLD_PHASES */
};
struct eng_scaffolded {
    struct slice folder;       /* absolute */
    const struct slice *files; /* relative to it, sorted */
    size_t count;
};

/* ERR_INVALID_PARAMETER: a name that is none, an output outside the root;
 * ERR_EXISTS; ERR_IO; ERR_NOMEM; each with the problem filled. arena */
MUST_USE enum err eng_scaffold_write(const struct eng_scaffold *s,
                                     struct arena *a, struct problem *p,
                                     struct eng_scaffolded *ret);

#endif
