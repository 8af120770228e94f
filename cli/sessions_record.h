/*
 * sessions_record: the verbs of `phasegate sessions` that are about the
 * record: verify, report, export, import, delete, and the decisions of people.
 * They work on the state file itself, beside a running server; what they
 * change it sees at its next call.
 *
 * Thread: main.
 */
#ifndef CLI_SESSIONS_RECORD_H
#define CLI_SESSIONS_RECORD_H

#include "base/lock.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "engine/engine.h"

bool cli_record_has(struct slice verb);
/* argv[0] is the verb. Returns enum cli_exit. arena */
int cli_record_run(const struct cli_options *o, struct slice root,
                   struct arena *a, int argc, char **argv);

/* --- for the verbs -------------------------------------------------------- */

/* One call of the engine at a time, waited for. */
struct cli_record {
    const struct cli_options *o;
    struct slice root;
    struct arena *arena;
    struct engine *engine;
    struct twin twin;
    struct cli_progress bar; /* of the next call, once it was begun */
    /* private */
    struct eng_call call;
    struct lock lock;
    struct cond ended;
    bool is_ended;
    enum err err;
};
/* struct eng_call *c = cli_record_call(r);
 * e = cli_record_wait(r, eng_verify(r->engine, c, &args)); */
struct eng_call *cli_record_call(struct cli_record *r);
enum err cli_record_wait(struct cli_record *r, enum err e);
/* The answer; NULL when there is none. Lies in the arena. */
const struct json *cli_record_answer(struct cli_record *r);
/* Says what the call's problem is. Returns the exit code. */
int cli_record_complain(struct cli_record *r, enum err e);
/* The session whose id begins so. Complains. */
int cli_record_resolve(struct cli_record *r, const char *word,
                       struct slice *ret);

/* Opens the state file and runs this on it. Returns enum cli_exit. */
int cli_record_open(const struct cli_options *o, struct slice root,
                    struct arena *a,
                    int (*run)(struct cli_record *r, int argc, char **argv),
                    int argc, char **argv);

/* The verbs of cli/sessions_approve.c. */
int cli_approvals(struct cli_record *r, int argc, char **argv);
int cli_approve(struct cli_record *r, int argc, char **argv);
int cli_reject(struct cli_record *r, int argc, char **argv);

#endif
