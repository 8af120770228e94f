/*
 * sessions_record: the verbs of `phasegate sessions` that are about the
 * record: verify, report, export, import, delete. They work on the state file
 * itself, beside a running server; what they change it sees at its next call.
 *
 * Thread: main.
 */
#ifndef CLI_SESSIONS_RECORD_H
#define CLI_SESSIONS_RECORD_H

#include "cli/command.h"

bool cli_record_has(struct slice verb);
/* argv[0] is the verb. Returns enum cli_exit. arena */
int cli_record_run(const struct cli_options *o, struct slice root,
                   struct arena *a, int argc, char **argv);

#endif
