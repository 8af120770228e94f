/*
 * timeouts: the hierarchy of time limits, made once at the start from the
 * option rows and checked on the very values that are used:
 *
 *   provider < tool < call < transport < client
 *
 * for each class of tools. An inner limit fires before an outer one, so that
 * who knows most gives the answer. Unless it is set, each follows from the
 * tool limit T of its class in integers, rounded up: call 3T/2, transport 2T,
 * client 5T/2. A call, transport or client limit that is set holds for the
 * classes that share timeout.tool_ms; a class with a T of its own derives
 * its own. Waits inside a call (queue, store, permits, loads) have no place
 * in the order: each is cut to what is left of the call.
 *
 * Thread: startup.
 */
#ifndef CLI_TIMEOUTS_H
#define CLI_TIMEOUTS_H

#include "cli/options.h"

enum cli_class {
    CLI_CLASS_READ,
    CLI_CLASS_WRITE,
    CLI_CLASS_SEARCH,
    CLI_CLASS_EXEC, /* a gate that runs commands */
    CLI_CLASS_COUNT
};

/* All in ms. */
struct cli_limits {
    int64_t provider, tool, call, transport, client;
};

struct cli_timeouts {
    struct cli_limits of[CLI_CLASS_COUNT];
};

/* Derives and checks. ERR_INVALID with a problem in `o` that names the two
 * options that disagree, their values and sources. Warns in the log of what is
 * allowed and unwise. */
MUST_USE enum err cli_timeouts_make(struct cli_options *o,
                                    struct cli_timeouts *ret);

#endif
