/*
 * proof: the ladder of proofs. A field of a gate demands a rung; each rung is
 * one row of the table: its name, how strong it is, how it is proven and what
 * it tells an agent beforehand. Nothing skipped, timed out, unavailable or
 * unknown is ever proven.
 *
 * A proof may measure the field's value: then that counts, and not what the
 * agent sent. Thread: worker.
 */
#ifndef ENGINE_PROOF_H
#define ENGINE_PROOF_H

#include "engine/gate.h"
#include "engine/op.h"
#include "engine/session.h"

/* What is asked now; lies in the call's arena. */
struct eng_proving {
    struct engine *engine;
    struct eng_call *call;
    const struct eng_snapshot *s;
    const struct eng_phase *phase;
    const struct eng_gate *gate;
    const struct json *evidence; /* as sent */
    struct slice root;           /* canonical project root */
    struct eng_op *op;
    /* filled by eng__prove */
    bool commands; /* some have to be run before the gate can be judged */
    bool asks_client; /* its user has to be asked: when all else is met */
    struct eng_proof *proofs;     /* one for each field of the gate */
    const struct json *effective; /* evidence with what was measured */
    uint8_t subject[SHA256_SIZE]; /* of what a person is asked about */
};

/* Fills the lower part. A refusal is a proof's state, not an error: ERR_NOMEM,
 * ERR_CANCELLED, ERR_DEADLINE, with the problem filled. */
MUST_USE enum err eng__prove(struct eng_proving *p);

/* "proofs":[{field,kind,detail,...}] of the fields that were given or
 * measured. */
void eng__proofs_write(struct json_writer *w, const struct eng_proving *p);

/* Fills call->ask. ERR_APPROVAL_PENDING; ERR_NOMEM. */
MUST_USE enum err eng__client_ask(struct eng_proving *p);

#endif
