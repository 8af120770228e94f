/*
 * model: what a session of the property test (test_model.c) is, and what each
 * operation makes of it: a few lines against which the servers are held. Its
 * workflow has a gate of each kind: claims, a file, a person's word, a command.
 */
#ifndef TESTS_INTEGRATION_MODEL_H
#define TESTS_INTEGRATION_MODEL_H

#include <stdbool.h>

enum { MODEL_PHASES = 4, MODEL_FILE = 1, MODEL_HUMAN = 2, MODEL_COMMAND = 3 };

enum model_status {
    MODEL_ABSENT,
    MODEL_ACTIVE,
    MODEL_PAUSED,
    MODEL_COMPLETED,
    MODEL_ABANDONED,
    MODEL_DELETED
};
/* What became of the request for a person's word. */
enum model_word {
    MODEL_UNASKED, /* or withdrawn, or answered */
    MODEL_PENDING,
    MODEL_APPROVED,
    MODEL_REJECTED
};

struct model_state {
    enum model_status status;
    int phase; /* the current one; those before it are completed */
    enum model_word word;
};

enum model_kind {
    MODEL_START,
    MODEL_PASS,   /* good evidence for `arg` */
    MODEL_FAIL,   /* evidence that is none, or whose file is not there */
    MODEL_DECIDE, /* a person: approve (arg 1) or reject what is asked */
    MODEL_PAUSE,
    MODEL_RESUME,
    MODEL_RETRY,
    MODEL_ROLLBACK, /* to `arg` */
    MODEL_ABANDON,
    MODEL_DELETE,
    MODEL_CLAIM,
    MODEL_RELEASE, /* the fence that was given last */
    MODEL_KINDS
};
struct model_op {
    enum model_kind kind;
    int arg;
};

/* How often each, of 100. START is for ABSENT only. */
extern const int model_weights[MODEL_KINDS];
/* "active"; "" of those that have no word. */
extern const char *const model_words[];

/* The detail of the answer, "" when it is done; *s is what follows. */
const char *model_step(struct model_state *s, const struct model_op *op);
/* A folder with the workflow `model_v1`. */
const char *model_workflow(void);
/* What passes the gate of this phase, and what does not. */
const char *model_evidence(int phase, bool good);

#endif
