/*
 * faulty: the program with faults in it (tests/faults), and a session walked
 * through every operation that writes, so that after any fault it can be told
 * how far the state has come.
 */
#ifndef TESTS_INTEGRATION_FAULTY_H
#define TESTS_INTEGRATION_FAULTY_H

#include "tests/faults/faults.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"

/* build/<preset>/phasegate-faulty. */
const char *faulty_binary(void);
/* The page in a new file, zero: nothing goes wrong. */
struct faults *faulty_page(void);
/* Options for server_start: that binary, that page, a new project, and the
 * workflows of kit_workflows(). */
struct server_options faulty_options(void);
/* From now on `what` happens at the at-th call of these kinds. */
void faulty_arm(struct faults *f, enum fault_what what, uint32_t kinds,
                int code, uint64_t at);
void faulty_disarm(struct faults *f);
#define FAULT_BIT(kind) (1u << (kind))
#define FAULT_ALL (FAULT_BIT(FAULT_KINDS) - 1)

/* --- the script: start, claim, release, a refusal, pass, pause, resume, ... */
enum { SCRIPT_STEPS = 16 };

struct script {
    struct server *s;
    const char *target;
    const char *id[2]; /* NULL: not known */
};

/* What became of a step. */
enum script_end {
    SCRIPT_DONE,    /* answered, as in the reference */
    SCRIPT_REFUSED, /* answered with an error, which must be a clear one */
    SCRIPT_DEAD     /* the server has gone */
};
enum script_end script_step(struct script *sc, int step);
/* All from this step on; *ret_done: how many are done. */
enum script_end script_run(struct script *sc, int from, int *ret_done);
/* After the reference run: fails unless the session is as after `done` steps,
 * or as after one more. Returns how many it is. */
int script_look(struct script *sc, int done);
/* Walks the whole script once on a server of its own, without faults, and
 * keeps what the session looked like after each step. */
void script_learn(void);
/* `phasegate sessions verify` of the server's project, and of its chains. */
void script_verify(struct server *s);

#endif
