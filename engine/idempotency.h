/*
 * idempotency: a writing call that repeats a key gets the answer of the
 * first, byte for byte, also after a restart; the same key with other
 * arguments is a conflict. Only successes are kept: a refusal is judged anew.
 * Kept by the store's wall clock for idempotency.ttl_s; over a ceiling the
 * oldest leave before.
 */
#ifndef ENGINE_IDEMPOTENCY_H
#define ENGINE_IDEMPOTENCY_H

#include "engine/op.h"

struct eng_repeat {
    struct slice scope, key; /* an empty key: the caller gave none */
    const char *tool;
    uint8_t digest[SHA256_SIZE];
};
/* OK: new, go on. ERR_EXISTS: the first answer is in call->out. Else the
 * problem is filled: ERR_IDEMPOTENCY_CONFLICT, ERR_STORE_*. */
MUST_USE enum err eng__repeat_check(struct eng_op *op,
                                    const struct eng_repeat *r);
/* A repeat in a session's scope: begin, add what the call says in a fixed
 * order with the eng__digest functions, end. Skipping all of it is right when
 * the key is empty. */
void eng__repeat_begin(struct eng_repeat *r, struct sha256 *h,
                       struct slice session_id, struct slice key,
                       const char *tool);
/* Notes call->out as the answer to keep, in op->change. */
MUST_USE enum err eng__repeat_keep(struct eng_op *op,
                                   const struct eng_repeat *r);

/* Writes op->change.idempotency with what it belongs to. Thread: writer, in
 * the op's transaction, perhaps again */
MUST_USE enum err eng__repeat_write(struct eng_op *op, struct st_tx *tx);
/* It is committed. Thread: writer */
void eng__repeat_written(struct eng_op *op);
/* Looks how much is kept, and has what has expired removed. Thread: keeper */
void eng__answers_care(struct engine *e, struct st_tx *tx);

#endif
