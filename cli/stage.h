/*
 * stage: what the demo plays on. A folder of its own under the temporary
 * folder, with a small shell project whose tests really run, and one server
 * process that is started as an editor would start it. Nothing is left behind
 * when it is taken down, also when the play is interrupted.
 *
 * Thread: main.
 */
#ifndef CLI_STAGE_H
#define CLI_STAGE_H

#include "cli/client.h"

struct cli_stage {
    struct arena arena;
    struct slice folder; /* canonical; the working directory, while it stands */
    struct cli_server server;
    /* private */
    struct slice program, examples;
    struct slice trouble; /* what went wrong first, in words */
    int log_fd;
};

/* Makes the folder, enters it, and catches signals that would end us before
 * it is removed. False: st->trouble. */
bool cli_stage_set(struct cli_stage *st);
/* Stops what runs and removes the folder. When something went wrong it says
 * so on stderr, with the end of the server's log. Returns enum cli_exit. */
int cli_stage_strike(struct cli_stage *st);

/* Keeps the first trouble; returns false, so that `return cli_stage_fail(...)`
 * reads well. */
bool cli_stage_fail(struct cli_stage *st, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
bool cli_stage_write(struct cli_stage *st, const char *name, const char *text);
/* Runs a shell command in the folder; *ret is what it printed, trimmed.
 * `pass`: it must end with 0, else with something else. */
bool cli_stage_run(struct cli_stage *st, const char *command, bool pass,
                   struct slice *ret);
bool cli_stage_serve(struct cli_stage *st);
/* Ends the server by the end of its stdin. */
bool cli_stage_stop(struct cli_stage *st);
/* One call over the server's pipes; a refusal by the tool is an answer. */
bool cli_stage_call(struct cli_stage *st, const char *tool,
                    struct slice arguments, struct cli_reply *ret);

#endif
