/*
 * watch: what the main thread waits for while others serve: signals, the
 * death of the process that started us, and nudges from our own threads. One
 * poll(2), no time-outs: an idle server does not wake.
 *
 * Thread: main; cli_watch_nudge any.
 */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "base/err.h"

struct cli_watch {
    /* private */
    int signals, parent, nudge;
    long parent_pid;
};

enum cli_watch_event { CLI_NUDGED, CLI_SIGNALLED, CLI_ORPHANED, CLI_TIME };

/* Blocks SIGTERM, SIGINT and SIGHUP for this thread and those it starts; so
 * it comes before the first thread. `with_parent`: tell when the process that
 * started us has gone. ERR_IO */
MUST_USE enum err cli_watch_init(struct cli_watch *w, bool with_parent);
void cli_watch_done(struct cli_watch *w);
/* Waits for the next event, at most `ms` (< 0: for ever). *ret_signal is set
 * for CLI_SIGNALLED. CLI_ORPHANED comes once. */
enum cli_watch_event cli_watch_wait(struct cli_watch *w, int ms,
                                    int *ret_signal);
void cli_watch_nudge(struct cli_watch *w);

#endif
