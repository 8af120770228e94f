#include "engine/idempotency.h"

#include "base/clock.h"
#include "engine/digest.h"
#include "engine/problems.h"

#define KEPT_MS (INT64_C(24) * 3600 * 1000)

void eng__repeat_begin(struct eng_repeat *r, struct sha256 *h,
                       struct slice session_id, struct slice key,
                       const char *tool)
{
    *r = (struct eng_repeat){.scope = session_id, .key = key};
    sha256_init(h);
    eng__digest_text(h, slice_of(tool));
}

enum err eng__repeat_check(struct eng_op *op, const struct eng_repeat *r)
{
    struct eng_call *c = op->call;
    struct st_idempotency row;
    struct st_tx *tx;
    if (!r->key.n) return OK;
    enum err e = st_read_begin(op->engine->store, c->cancel, &tx);
    if (e) return eng__problem_store(c, e);
    e = st_idempotency_get(tx, r->scope, r->key, clock_wall_ms(), c->arena,
                           &row);
    st_read_end(tx);
    if (e == ERR_NOT_FOUND) return OK;
    if (e) return eng__problem_store(c, e);
    if (!sha256_equal(row.digest, r->digest))
        return problem_setf(
            &c->problem, c->arena, ERR_IDEMPOTENCY_CONFLICT,
            SLICE("A key stands for one call; a repetition must carry the "
                  "same arguments."),
            SLICE("Use a new idempotency_key for a new call."),
            "idempotency_key \"%.*s\" was used with other arguments",
            SLICE_ARG(slice_sub(r->key, 0, 120)));
    buf_put(&c->out->plain, row.answer);
    return ERR_EXISTS;
}

enum err eng__repeat_keep(struct eng_op *op, const struct eng_repeat *r)
{
    struct eng_call *c = op->call;
    if (!r->key.n) return OK;
    struct st_idempotency *row = ARENA_NEW(c->arena, struct st_idempotency);
    if (!row) return eng__problem_nomem(c);
    row->scope = r->scope;
    row->key = r->key;
    memcpy(row->digest, r->digest, SHA256_SIZE);
    row->answer = arena_copy(c->arena, buf_slice(&c->out->plain));
    row->expires_ms = clock_wall_ms() + KEPT_MS;
    if (!row->answer.p) return eng__problem_nomem(c);
    op->change.idempotency = row;
    return OK;
}
