/*
 * approval_ask: a gate that wants a person's word, from the agent's side.
 */
#ifndef ENGINE_APPROVAL_ASK_H
#define ENGINE_APPROVAL_ASK_H

#include "engine/approval_record.h"
#include "engine/proof.h"

enum eng_word {
    ENG_WORD_GIVEN,   /* or none is wanted */
    ENG_WORD_WANTED,  /* a request has to be left */
    ENG_WORD_PENDING, /* a request about this very subject is open */
    ENG_WORD_REFUSED  /* a person said no, and the agent does not know yet */
};
/* What people have said about this evidence, which meets the other demands. */
enum eng_word eng__approval_word(const struct eng_proving *p);

/* A request about it, for the next snapshot of the op. arena */
MUST_USE enum err eng__approval_request(const struct eng_proving *p,
                                        const struct eng_snapshot *next,
                                        struct st_approval *ret);
/* Fills the problem: ERR_APPROVAL_PENDING. */
enum err eng__approval_pending(const struct eng_proving *p,
                               const struct st_approval *ap);
/* The finding of a refusal by a person. arena */
MUST_USE enum err eng__approval_finding(const struct eng_proving *p,
                                        const struct st_approval *ap,
                                        struct eng_verdict *v);

#endif
