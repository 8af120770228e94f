#include "engine/idempotency.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/digest.h"
#include "engine/problems.h"

/* Expired answers are removed so many at a time. */
enum { SWEEP_BATCH = 1000 };

static const struct eng_answers_options usual = {
    .ttl_s = 24 * 3600, .per_session = 1000, .bytes = 64 << 20};

static const struct eng_answers_options *options_of(const struct engine *e)
{
    return e->options.answers.ttl_s ? &e->options.answers : &usual;
}

static void count(struct engine *e, enum eng_answer what, int64_t n)
{
    atomic_fetch_add_explicit(&e->answers.count[what], (uint64_t)n,
                              memory_order_relaxed);
}

void eng__repeat_begin(struct eng_repeat *r, struct sha256 *h,
                       struct slice session_id, struct slice key,
                       const char *tool)
{
    *r = (struct eng_repeat){.scope = session_id, .key = key, .tool = tool};
    sha256_init(h);
    eng__digest_text(h, slice_of(tool));
}

static enum err conflict(struct eng_call *c, const struct eng_repeat *r,
                         const struct st_idempotency *first)
{
    char at[CLOCK_TEXT_SIZE];
    clock_text(first->at_ms, at);
    log_warn("session", "idempotency conflict", LOG_C("tool", r->tool),
             LOG_S("session", r->scope));
    return problem_setf(
        &c->problem, c->arena, ERR_IDEMPOTENCY_CONFLICT,
        SLICE("A key stands for one call; a repetition must carry the "
              "same arguments."),
        SLICE("Use a new idempotency_key for a new call."),
        "idempotency_key \"%.*s\" was used with other arguments%s%.*s%s%s",
        SLICE_ARG(slice_sub(r->key, 0, 120)), first->tool.n ? ", of " : "",
        SLICE_ARG(first->tool), first->at_ms ? " at " : "",
        first->at_ms ? at : "");
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
    if (!sha256_equal(row.digest, r->digest)) {
        count(op->engine, ENG_ANSWER_CONFLICT, 1);
        return conflict(c, r, &row);
    }
    count(op->engine, ENG_ANSWER_REPLAYED, 1);
    c->replayed = true;
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
    row->tool = slice_of(r->tool);
    row->at_ms = clock_wall_ms();
    row->expires_ms = row->at_ms + options_of(op->engine)->ttl_s * 1000;
    if (!row->answer.p) return eng__problem_nomem(c);
    op->change.idempotency = row;
    return OK;
}

enum err eng__repeat_write(struct eng_op *op, struct st_tx *tx)
{
    const struct eng_answers_options *o = options_of(op->engine);
    const struct st_idempotency_room room = {o->per_session, o->bytes};
    return st_idempotency_put(tx, op->change.idempotency, &room, &op->dropped);
}

void eng__repeat_written(struct eng_op *op)
{
    static _Atomic int64_t told; /* monotonic ns, of the last warning */
    int64_t now = clock_now(), last = atomic_load(&told);
    count(op->engine, ENG_ANSWER_STORED, 1);
    if (!op->dropped) return;
    count(op->engine, ENG_ANSWER_DROPPED, op->dropped);
    if (last && now - last < 60 * NS_PER_S) return;
    if (!atomic_compare_exchange_strong(&told, &last, now)) return;
    log_warn("session", "answers kept for idempotency keys left for others",
             LOG_I("dropped", op->dropped),
             LOG_S("mend", SLICE("raise idempotency.max_per_session or "
                                 "idempotency.max_bytes")));
}

const char *eng_answer_name(enum eng_answer a)
{
    static const char *const names[] = {
#define NAME(symbol, name) name,
        ENG_ANSWER_ROWS(NAME)
#undef NAME
    };
    return names[a];
}

/* --- care. Thread: keeper, and the writer for its job ----------------------
 */

struct sweep {
    struct st_job job; /* first */
    struct engine *engine;
    int64_t now_ms, expired;
};

static enum err sweep_run(struct st_job *job, struct st_tx *tx)
{
    struct sweep *s = (struct sweep *)job;
    return st_idempotency_sweep(tx, s->now_ms, SWEEP_BATCH, &s->expired);
}

static void sweep_done(struct st_job *job, enum err e)
{
    struct sweep *s = (struct sweep *)job;
    if (e)
        log_warn("session", "expired answers were not removed",
                 LOG_S("why", err_detail(e)));
    else
        count(s->engine, ENG_ANSWER_EXPIRED, s->expired);
    mem_free(s);
}

void eng__answers_care(struct engine *e, struct st_tx *tx)
{
    int64_t now_ms = clock_wall_ms();
    struct sweep *s;
    bool due = false;
    if (st_idempotency_use(tx, (struct slice){0}, &e->answers.use)) return;
    if (st_idempotency_due(tx, now_ms, &due) || !due) return;
    if (!(s = MEM_NEW(struct sweep))) return;
    *s = (struct sweep){.job = {.run = sweep_run, .done = sweep_done},
                        .engine = e,
                        .now_ms = now_ms};
    if (st_submit(e->store, &s->job)) mem_free(s);
}
