/*
 * progress: a line on stderr that says how far long work has come; on a
 * terminal only, and wiped when the work is done. What has few steps is over
 * before one could read: it shows none.
 *
 * Thread: main.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>

#include "base/progress.h"

struct cli_progress {
    struct progress p; /* for whoever works; first, and {0} without terminal */
    /* private */
    const char *doing; /* "Checking workflows" */
    int64_t due;       /* monotonic ns: not drawn again before */
    bool terminal, drawn;
};

void cli_progress_begin(struct cli_progress *c, const char *doing);
/* What the worker gets: NULL where nobody would see it. */
struct progress *cli_progress(struct cli_progress *c);
/* Draws it whatever it holds. */
void cli_progress_draw(struct cli_progress *c);
void cli_progress_end(struct cli_progress *c);

#endif
