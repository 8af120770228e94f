/*
 * reach: a tool of the project, called from the command line. The running
 * server of the project is asked over HTTP; when there is none, one is started
 * for this call alone, with the options given.
 *
 * Thread: main.
 */
#ifndef CLI_REACH_H
#define CLI_REACH_H

#include "cli/client.h"
#include "cli/options.h"

/* True: *ret holds the tool's answer, or its refusal. False: a complaint is on
 * stderr and *ret_exit says how the command ends. arena */
bool cli_reach(const struct cli_options *o, struct slice root, const char *tool,
               struct slice arguments, struct arena *a, struct cli_reply *ret,
               int *ret_exit);
/* The same, asked again of the same server as long as `again` says of an
 * answer that another will be better; it does the waiting. */
bool cli_reach_until(const struct cli_options *o, struct slice root,
                     const char *tool, struct slice arguments,
                     bool (*again)(void *ctx, const struct cli_reply *r),
                     void *ctx, struct arena *a, struct cli_reply *ret,
                     int *ret_exit);
/* enum cli_exit of an answer: a wrong argument is usage, another refusal "not
 * so". */
int cli_reach_exit(const struct cli_reply *r);

#endif
