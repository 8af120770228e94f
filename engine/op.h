/*
 * op: one operation on one key (a session, or a workflow and target) from
 * its turn in the order to its answer.
 *
 *   order_enter -> decide (worker) -> [ commit (writer) -> publish ] -> answer
 *
 * decide() reads a consistent snapshot, renders the answer that will be true
 * after the commit, and fills `change`. The commit succeeds only if the row
 * still has the version that was read; otherwise (another process was
 * first) the operation is decided again. An op completes exactly once.
 *
 * A write holds an inner permit (engine/permit.h) from its turn to its answer;
 * none while it waits for its turn or for commands. Reads that hold permits
 * may wait behind it, so it never waits for one of theirs.
 */
#ifndef ENGINE_OP_H
#define ENGINE_OP_H

#include "engine/core.h"
#include "engine/permit.h"
#include "engine/session.h"
#include "state/records.h"

#define OP_EVENTS_MAX 4

/* What one operation writes, all or nothing. Texts lie in the call's arena or
 * the next snapshot's. */
struct op_change {
    struct eng_snapshot *next; /* taken: published after the commit */
    /* NULL: an update of the row that has expected_version. Else it puts the
     * new row in; ERR_CONFLICT: another was first. Thread: writer. */
    enum err (*insert)(struct st_tx *tx, const struct st_session *row,
                       const void *args);
    int64_t expected_version;
    struct st_event events[OP_EVENTS_MAX];
    size_t events_count;
    const struct st_evidence *evidence; /* NULL: none */
    const struct st_claim *claims;      /* to be written */
    size_t claims_count;
    const struct st_approval *approvals; /* to be written */
    size_t approvals_count;
    struct slice store_event; /* type for the store's own chain; empty: none */
    const struct st_idempotency *idempotency; /* NULL: none */
    const struct eng_definition *definition;  /* to be pinned; NULL: is */
    struct slice definition_body;
};

/* What an operation that waits for commands (engine/runs.h) is to their
 * flight. */
struct eng_flight;
struct eng_waiter {
    struct eng_flight *flight; /* held by the call's arena; NULL: none */
    int64_t until;             /* monotonic: when it is answered `timeout` */
    struct eng_op *next;
};

struct eng_op {
    struct engine *engine;
    struct eng_call *call;
    const void *args; /* live until the op has ended */
    /* OK: answered, nothing to write. ERR_PENDING: commit op->change, then
     * the answer is op->after; ERR_AGAIN there: decide again, on what was
     * committed. ERR_AGAIN, of a read: run it as a write. ERR_WAITING: leave
     * the order, wait for waiter.flight, and decide again. Another:
     * call->problem is filled. */
    enum err (*decide)(struct eng_op *op);
    enum err after; /* OK, or a refusal that is recorded */
    bool reads;     /* out of its turn: may commit nothing */
    struct op_change change;
    struct eng_waiter waiter;
    /* private */
    bool writes; /* takes a permit in its turn */
    struct permit permit;
    struct order_node node;
    struct pool_job job;
    struct st_job write;
    unsigned tries;
    int64_t dropped; /* answers that left for this one; the writer's */
};

/* Runs an op in its turn. Returns what an engine operation returns; args and
 * key live until the op has ended. On a loop (call->on_loop) the op takes its
 * place in the order at once and is decided on a worker: ERR_PENDING.
 * Thread: any */
MUST_USE enum err eng__op_run(struct engine *e, struct eng_call *c,
                              struct slice key,
                              enum err (*decide)(struct eng_op *op),
                              const void *args);

/* As eng__op_run, for what the keeper does by itself: it takes no permit, so
 * that no call is refused for it. Thread: keeper */
MUST_USE enum err eng__op_keep(struct engine *e, struct eng_call *c,
                               struct slice key,
                               enum err (*decide)(struct eng_op *op),
                               const void *args);

/* Decides a parked op again, in its turn. Thread: any */
void eng__op_again(struct eng_op *op);

/* Puts an event of the next snapshot's chain into the change, at the time of
 * that snapshot; takes `data`, one JSON object. ERR_NOMEM, ERR_TOO_LARGE. */
MUST_USE enum err eng__op_event(struct eng_op *op, struct slice type,
                                int64_t phase, struct buf *data);

/* Pins the definition with the change: its files packed, in the call's
 * arena. Fills the problem. */
MUST_USE enum err eng__op_pin(struct eng_op *op,
                              const struct eng_definition *d);

/* A read: at once, or behind the writes that are pending on the key. */
MUST_USE enum err eng__op_read(struct engine *e, struct eng_call *c,
                               struct slice key,
                               enum err (*decide)(struct eng_op *op),
                               const void *args);

#endif
