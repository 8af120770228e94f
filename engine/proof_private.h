/*
 * proof_private: the rungs that have a file of their own.
 */
#ifndef ENGINE_PROOF_PRIVATE_H
#define ENGINE_PROOF_PRIVATE_H

#include "engine/proof.h"

/* As struct rung's prove, in engine/proof.c. */
enum err eng__prove_file(struct eng_proving *p, const struct eng_field *f,
                         const struct json *v, struct eng_proof *ret);
enum err eng__prove_command(struct eng_proving *p, const struct eng_field *f,
                            const struct json *v, struct eng_proof *ret);
enum err eng__prove_ci(struct eng_proving *p, const struct eng_field *f,
                       const struct json *v, struct eng_proof *ret);

enum err eng__prove_client(struct eng_proving *p, const struct eng_field *f,
                           const struct json *v, struct eng_proof *ret);

/* Says why not. OK, or ERR_NOMEM when a text is missing. */
enum err eng__not_proven(struct eng_proof *ret, struct slice why,
                         struct slice how_to_fix);

/* One more file that the proof stands on. arena */
enum err eng__rests_on(struct eng_proof *proof, const struct eng_look *look,
                       struct arena *a);

#endif
