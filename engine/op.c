#include "engine/op.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "engine/chain.h"
#include "engine/expire.h"
#include "engine/idempotency.h"
#include "engine/problems.h"
#include "engine/runs.h"

/* Another process may win a few times; one that wins this often is a fault. */
#define TRIES_MAX 32
#define PACK_CEILING (64u << 20)

static void op_job(struct pool_job *job);
static enum err op_commit(struct eng_op *op);

static void change_clear(struct eng_op *op)
{
    eng__snapshot_free(op->change.next);
    op->change = (struct op_change){0};
}

/* Leaves the order and starts who is next. If the pool is full the next one
 * is answered so, and the one after it gets its turn. */
static void op_leave(struct eng_op *op)
{
    struct engine *e = op->engine;
    struct order_node *n = order_leave(&e->order, &op->node);
    while (n) {
        struct eng_op *next =
            (struct eng_op *)((char *)n - offsetof(struct eng_op, node));
        enum err refused = pool_submit(e->options.pool, &next->job);
        if (!refused) return;
        n = order_leave(&e->order, n);
        eng__problem_busy(next->call, refused);
        next->call->done(next->call, refused);
    }
}

static void op_give_back(struct eng_op *op)
{
    struct permit *p = op->permit.state == PERMIT_HELD ? &op->permit : NULL;
    permit_release(&p);
}

static void op_end(struct eng_op *op, enum err e)
{
    struct eng_call *c = op->call;
    op_give_back(op);
    op_leave(op);
    c->done(c, e); /* the op lies in the call's arena: not touched again */
}

/* Its permit has come, or will not. */
static void op_admitted(struct permit *p, enum err e)
{
    struct eng_op *op =
        (struct eng_op *)((char *)p - offsetof(struct eng_op, permit));
    struct eng_call *c = op->call;
    if (e == ERR_OVER_CAPACITY) permit_problem(p, c->arena, &c->problem);
    if (e == ERR_DEADLINE) eng__problem_cancelled(c, e);
    if (!e && (e = pool_submit(op->engine->options.pool, &op->job)) == OK)
        return;
    if (op->permit.state == PERMIT_HELD) eng__problem_busy(c, e);
    op_end(op, e);
}

/* OK: it may run. ERR_PENDING: op_admitted follows. */
static enum err op_admit(struct eng_op *op)
{
    struct eng_call *c = op->call;
    struct permits *all = op->engine->options.permits;
    if (!op->writes || !all || op->permit.state == PERMIT_HELD) return OK;
    op->permit = (struct permit){
        .session = op->node.key,
        .class = PERMIT_WRITE,
        .inner = true,
        .patient = c->patient,
        .deadline = c->cancel ? c->cancel->deadline_ns : INT64_MAX,
        .done = op_admitted};
    enum err e = permit_take(all, &op->permit, clock_now());
    if (e == ERR_OVER_CAPACITY)
        permit_problem(&op->permit, c->arena, &c->problem);
    return e;
}

/* One attempt. ERR_PENDING: under way. */
static enum err op_attempt(struct eng_op *op)
{
    enum err e = cancel_check(op->call->cancel, clock_now());
    if (e) return eng__problem_cancelled(op->call, e);
    e = op_admit(op);
    if (e) return e;
    /* What cannot be answered is not committed. */
    e = eng__settled(op->call, op->decide(op));
    if (e == ERR_PENDING) return op_commit(op);
    change_clear(op);
    return e;
}

/* The others of its key go on while it waits. */
static void op_park(struct eng_op *op)
{
    op_give_back(op);
    op_leave(op);
    eng__runs_park(op);
}

static void op_job(struct pool_job *job)
{
    struct eng_op *op =
        (struct eng_op *)((char *)job - offsetof(struct eng_op, job));
    op->call->on_loop = false;
    enum err e = op_attempt(op);
    if (e == ERR_WAITING)
        op_park(op);
    else if (e != ERR_PENDING)
        op_end(op, e);
}

void eng__op_again(struct eng_op *op)
{
    struct engine *e = op->engine;
    twin_clear(op->call->out);
    problem_init(&op->call->problem);
    if (!order_enter(&e->order, &op->node)) return;
    enum err refused = pool_submit(e->options.pool, &op->job);
    if (!refused) return;
    eng__problem_busy(op->call, refused);
    op_end(op, refused);
}

static enum err write_run(struct st_job *job, struct st_tx *tx)
{
    struct eng_op *op =
        (struct eng_op *)((char *)job - offsetof(struct eng_op, write));
    const struct op_change *ch = &op->change;
    const struct st_session *row = &ch->next->row;
    enum err e = OK;
    if (ch->definition)
        e = st_definition_put(tx, row->definition_hash, row->workflow_type,
                              ch->definition_body);
    if (!e)
        e = ch->insert ? ch->insert(tx, row, op->args)
                       : st_session_update(tx, row, ch->expected_version);
    for (size_t i = 0; !e && i < ch->events_count; i++)
        e = st_event_append(tx, &ch->events[i]);
    if (!e && ch->evidence) e = st_evidence_insert(tx, ch->evidence);
    for (size_t i = 0; !e && i < ch->claims_count; i++)
        e = st_claim_put(tx, &ch->claims[i]);
    for (size_t i = 0; !e && i < ch->approvals_count; i++)
        e = st_approval_put(tx, &ch->approvals[i]);
    if (!e && ch->store_event.n)
        e = eng__chain_note(tx, ch->store_event, op->call->actor, row);
    if (!e && ch->idempotency) e = eng__repeat_write(op, tx);
    return e;
}

/* What publishing gives away, kept for those who are told. The id is certain;
 * another text is empty when memory is short. */
static void news_keep(struct eng_op *op, char id[UUID_SIZE],
                      struct st_session *row, struct eng_news *ret)
{
    const struct op_change *ch = &op->change;
    *row = ch->next->row;
    row->detail = (struct slice){0};
    (void)snprintf(id, UUID_SIZE, "%.*s", SLICE_ARG(row->id));
    row->id = slice_of(id);
    struct slice *const texts[] = {&row->workflow_type, &row->target,
                                   &row->status, &row->definition_hash};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = arena_copy(op->call->arena, *texts[i]);
    *ret = (struct eng_news){.session_id = row->id,
                             .version = row->version,
                             .phase = -1,
                             .row = row};
    if (!ch->events_count) return;
    const struct st_event *last = &ch->events[ch->events_count - 1];
    ret->type = last->type;
    ret->actor = last->actor;
    ret->phase = last->phase;
}

/* Publishes, and tells who listens. The snapshot is the cache's afterwards. */
static void op_committed(struct eng_op *op)
{
    struct engine *eng = op->engine;
    char id[UUID_SIZE];
    struct st_session row;
    struct eng_news news;
    news_keep(op, id, &row, &news);
    for (size_t i = 0; i < op->change.events_count; i++)
        eng_tally_add(&eng->tally, op->change.events[i].type);
    if (op->change.idempotency) eng__repeat_written(op);
    if (op->change.insert)
        log_info("session", "Created new session", LOG_C("session_id", id));
    eng__session_publish(eng, op->change.next);
    op->change.next = NULL;
    for (int i = 0; i < ENG_LISTENERS; i++)
        if (eng->listeners[i].changed)
            eng->listeners[i].changed(eng->listeners[i].ctx, &news);
}

/* In the place it has. OK: the op is a worker's now. */
static enum err op_anew(struct eng_op *op)
{
    change_clear(op);
    twin_clear(op->call->out);
    problem_init(&op->call->problem);
    enum err e = pool_submit(op->engine->options.pool, &op->job);
    return e ? eng__problem_busy(op->call, e) : OK;
}

static void count_conflict(struct engine *e, bool again)
{
    atomic_fetch_add_explicit(&e->conflicts, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&e->reloaded, again, memory_order_relaxed);
}

/* Thread: writer. Publishes first, then lets the next one in, then answers. */
static void write_done(struct st_job *job, enum err e)
{
    struct eng_op *op =
        (struct eng_op *)((char *)job - offsetof(struct eng_op, write));
    bool again;
    if (!e) {
        op_committed(op);
        again = op->after == ERR_AGAIN;
        e = again ? op_anew(op) : op->after;
    } else {
        if (op->change.next)
            eng__session_forget(op->engine, op->change.next->row.id);
        change_clear(op);
        again = e == ERR_CONFLICT && ++op->tries < TRIES_MAX;
        if (e == ERR_CONFLICT) count_conflict(op->engine, again);
        e = again ? op_anew(op) : eng__problem_store(op->call, e);
    }
    if (!again || e) op_end(op, e);
}

/* A worker that keeps nobody waiting writes itself. The keeper never does: its
 * many small changes are to be committed together. */
static enum err op_submit(struct eng_op *op)
{
    struct engine *e = op->engine;
    struct pool *pool = e->options.pool;
    if (op->writes && pool && pool_at_leisure(pool))
        return st_submit_here(e->store, &op->write);
    return st_submit(e->store, &op->write);
}

static enum err op_commit(struct eng_op *op)
{
    assert(op->change.next);
    op->write = (struct st_job){
        .run = write_run, .done = write_done, .cancel = op->call->cancel};
    enum err e = op_submit(op);
    if (!e) return ERR_PENDING; /* the op is the writer's now, or has ended */
    change_clear(op);
    return eng__problem_store(op->call, e);
}

static struct eng_op *op_new(struct engine *e, struct eng_call *c,
                             struct slice key,
                             enum err (*decide)(struct eng_op *op),
                             const void *args)
{
    struct eng_op *op = ARENA_NEW(c->arena, struct eng_op);
    if (!op) return NULL;
    op->engine = e;
    op->call = c;
    op->args = args;
    op->decide = decide;
    op->node.key = key;
    op->job.run = op_job;
    return op;
}

/* A loop takes the op's place in the order and leaves the rest to a worker:
 * so writes of one peer keep the order they came in. */
static enum err op_hand_over(struct eng_op *op)
{
    struct eng_call *c = op->call;
    c->on_loop = false;
    if (!order_enter(&op->engine->order, &op->node)) return ERR_PENDING;
    enum err refused = pool_submit(op->engine->options.pool, &op->job);
    if (!refused) return ERR_PENDING;
    op_leave(op);
    return eng__problem_busy(c, refused);
}

static enum err op_run(struct eng_op *op)
{
    struct eng_call *c = op->call;
    struct engine *e = op->engine;
    if (c->on_loop) return op_hand_over(op);
    if (!order_enter(&e->order, &op->node)) return ERR_PENDING;
    enum err r = op_attempt(op);
    if (r == ERR_WAITING) {
        op_park(op);
        return ERR_PENDING;
    }
    if (r == ERR_PENDING) return r;
    op_give_back(op);
    op_leave(op);
    return r;
}

enum err eng__op_run(struct engine *e, struct eng_call *c, struct slice key,
                     enum err (*decide)(struct eng_op *op), const void *args)
{
    struct eng_op *op = op_new(e, c, key, decide, args);
    if (!op) return eng__problem_nomem(c);
    op->writes = true;
    return op_run(op);
}

enum err eng__op_keep(struct engine *e, struct eng_call *c, struct slice key,
                      enum err (*decide)(struct eng_op *op), const void *args)
{
    struct eng_op *op = op_new(e, c, key, decide, args);
    return op ? op_run(op) : eng__problem_nomem(c);
}

enum err eng__op_event(struct eng_op *op, struct slice type, int64_t phase,
                       struct buf *data)
{
    struct eng_snapshot *next = op->change.next;
    assert(op->change.events_count < OP_EVENTS_MAX);
    struct st_event *ev = &op->change.events[op->change.events_count++];
    *ev = (struct st_event){.at_ms = next->row.updated_ms,
                            .type = type,
                            .actor = op->call->actor,
                            .phase = phase,
                            .data = arena_copy(&next->arena, buf_slice(data))};
    enum err e = data->err ? data->err : ev->data.p ? OK : ERR_NOMEM;
    buf_done(data);
    if (!e) eng__chain_append(&next->row, ev);
    return e;
}

enum err eng__op_pin(struct eng_op *op, const struct eng_definition *d)
{
    struct buf body = BUF_INIT(PACK_CEILING);
    eng_files_pack(&d->files, &body);
    op->change.definition = d;
    op->change.definition_body = arena_copy(op->call->arena, buf_slice(&body));
    enum err e = body.err;
    buf_done(&body);
    if (e || !op->change.definition_body.p) return eng__problem_nomem(op->call);
    return OK;
}

enum err eng__op_read(struct engine *e, struct eng_call *c, struct slice key,
                      enum err (*decide)(struct eng_op *op), const void *args)
{
    struct eng_op *op = op_new(e, c, key, decide, args);
    if (!op) return eng__problem_nomem(c);
    if (order_busy(&e->order, key)) return op_run(op);
    op->reads = true;
    enum err r = eng__settled(c, decide(op));
    if (!r) eng__read_note(e, key);
    if (r != ERR_AGAIN) return r;
    twin_clear(c->out);
    return eng__op_run(e, c, key, decide, args);
}
