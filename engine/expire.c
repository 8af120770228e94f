#include "engine/expire.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "engine/op.h"
#include "engine/runs.h"
#include "engine/view.h"

enum { BATCH = 100, MS_PER_S = 1000 };
#define CALL_CEILING (1u << 20)

/* One session's, from its submission to its end. */
struct expiry {
    struct eng_call call;
    struct engine *engine;
    struct arena arena;
    struct twin out;
    char id[UUID_SIZE];
    int64_t idle_ms; /* when it was marked; 0: it was not */
};

static int64_t idle_most(const struct engine *e)
{
    return e->options.sessions.idle_expire_s * MS_PER_S;
}

/* --- reads ---------------------------------------------------------------- */

enum { MINUTE_MS = 60000 };

struct note {
    struct st_job job; /* first */
    char id[UUID_SIZE];
    int64_t until_ms;
};

static enum err note_run(struct st_job *job, struct st_tx *tx)
{
    const struct note *n = (const struct note *)job;
    return st_read_put(tx, slice_of(n->id), n->until_ms);
}

static void note_done(struct st_job *job, enum err e)
{
    (void)e; /* the next minute brings the next one */
    mem_free(job);
}

/* Where it is kept that it was noted, and as what. Never 0. */
static _Atomic uint64_t *place_of(struct engine *e, struct slice id,
                                  int64_t minute, uint64_t *ret_as)
{
    uint64_t hash = map_hash(id);
    *ret_as = (hash & ~(uint64_t)UINT32_MAX) | (uint32_t)minute | 1u << 31;
    return &e->expiry.noted[hash % ENG_READS];
}

static bool is_noted(struct engine *e, struct slice id, int64_t minute)
{
    uint64_t as;
    _Atomic uint64_t *place = place_of(e, id, minute, &as);
    /* Relaxed: who sees it late notes it twice. */
    return atomic_load_explicit(place, memory_order_relaxed) == as;
}

bool eng__read_is_noted(struct engine *e, struct slice id)
{
    return !e->options.sessions.idle_expire_s ||
           is_noted(e, id, clock_wall_ms() / MINUTE_MS);
}

void eng__read_note(struct engine *e, struct slice id)
{
    int64_t minute = clock_wall_ms() / MINUTE_MS;
    uint64_t as;
    if (eng__read_is_noted(e, id) || id.n >= UUID_SIZE) return;
    struct note *n = MEM_NEW(struct note);
    if (!n) return;
    *n = (struct note){.job = {.run = note_run, .done = note_done},
                       .until_ms = (minute + 1) * MINUTE_MS};
    (void)snprintf(n->id, sizeof(n->id), "%.*s", SLICE_ARG(id));
    if (st_submit(e->store, &n->job)) {
        mem_free(n);
        return;
    }
    _Atomic uint64_t *place = place_of(e, id, minute, &as);
    atomic_store_explicit(place, as, memory_order_relaxed);
}

static enum err read_until(struct engine *e, struct slice id, int64_t *ret_ms)
{
    struct st_tx *tx;
    enum err r = st_read_begin(e->store, NULL, &tx);
    if (r) return r;
    *ret_ms = 0;
    r = st_read_get(tx, id, ret_ms);
    st_read_end(tx);
    return r == ERR_NOT_FOUND ? OK : r;
}

/* --- one session ---------------------------------------------------------- */

static enum err record(struct eng_op *op, int64_t idle_ms)
{
    struct buf b = BUF_INIT(4096);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    eng__view_state(&w, op->change.next);
    json_put_int(&w, "idle_s", idle_ms / MS_PER_S);
    json_end_object(&w);
    return eng__op_event(op, SLICE("session_expired"), -1, &b);
}

static enum err mark(struct eng_op *op, const struct eng_snapshot *s,
                     int64_t now_ms, int64_t idle_ms)
{
    enum err e = eng__snapshot_next(s, now_ms, &op->change.next);
    if (!e) e = eng__snapshot_move(op->change.next, ENG_EXPIRE);
    if (!e) e = record(op, idle_ms);
    if (!e) e = eng__snapshot_seal(op->change.next);
    op->change.expected_version = s->row.version;
    return e;
}

/* The session is read past the cache: what nobody uses need not push out what
 * somebody does. */
static enum err decide(struct eng_op *op)
{
    struct expiry *x = (struct expiry *)op->args;
    struct eng_snapshot *s = NULL;
    enum eng_status to;
    int64_t read_ms;
    enum err e = read_until(op->engine, slice_of(x->id), &read_ms);
    if (!e) e = eng__session_read(op->engine, slice_of(x->id), &s);
    if (e) return e;
    int64_t now_ms = clock_wall_ms(), last_ms = s->row.updated_ms;
    if (read_ms > last_ms) last_ms = read_ms;
    int64_t idle_ms = now_ms - last_ms;
    bool due = idle_ms >= idle_most(op->engine) &&
               eng__move(s->status, ENG_EXPIRE, &to) == OK;
    x->idle_ms = due ? idle_ms : 0;
    if (due) e = mark(op, s, now_ms, idle_ms);
    eng__snapshot_free(s);
    return e || !due ? e : ERR_PENDING;
}

/* Thread: writer, keeper or worker */
static void ended(struct eng_call *c, enum err e)
{
    struct expiry *x = (struct expiry *)c;
    struct engine *engine = x->engine;
    if (!e && x->idle_ms)
        log_info("session", "session expired", LOG_C("session", x->id),
                 LOG_I("idle_s", x->idle_ms / MS_PER_S));
    if (e)
        log_debug("session", "session not expired", LOG_C("session", x->id),
                  LOG_S("why", err_detail(e)));
    twin_done(&x->out);
    arena_done(&x->arena);
    mem_free(x);
    /* Release: the keeper's acquire sees all of it ended. */
    atomic_fetch_sub_explicit(&engine->expiry.under_way, 1,
                              memory_order_release);
}

static void begin(struct engine *e, struct slice id)
{
    if (order_busy(&e->order, id) || eng__runs_of(e->runs, id)) return;
    struct expiry *x = MEM_NEW(struct expiry);
    if (!x) return;
    x->engine = e;
    (void)snprintf(x->id, sizeof(x->id), "%.*s", SLICE_ARG(id));
    arena_init(&x->arena, CALL_CEILING);
    twin_init(&x->out, CALL_CEILING);
    x->call = (struct eng_call){.arena = &x->arena,
                                .out = &x->out,
                                .now = clock_now(),
                                .actor = SLICE("keeper"),
                                .done = ended};
    problem_init(&x->call.problem);
    /* Relaxed: this thread alone adds and asks. */
    atomic_fetch_add_explicit(&e->expiry.under_way, 1, memory_order_relaxed);
    enum err r = eng__op_keep(e, &x->call, slice_of(x->id), decide, x);
    if (r != ERR_PENDING) ended(&x->call, r);
}

/* --- a sweep -------------------------------------------------------------- */

/* True: there may be more. */
static bool batch(struct engine *e)
{
    struct st_idle *list;
    struct st_tx *tx;
    struct arena a;
    size_t n = 0;
    if (st_read_begin(e->store, NULL, &tx)) return false;
    arena_init(&a, CALL_CEILING);
    struct st_idle after = {e->expiry.after_ms, slice_of(e->expiry.after_id)};
    enum err r = st_session_idle(tx, &after, clock_wall_ms() - idle_most(e),
                                 BATCH, &a, &list, &n);
    st_read_end(tx);
    for (size_t i = 0; !r && i < n; i++) begin(e, list[i].id);
    if (!r && n) {
        e->expiry.after_ms = list[n - 1].since_ms;
        (void)snprintf(e->expiry.after_id, sizeof(e->expiry.after_id), "%.*s",
                       SLICE_ARG(list[n - 1].id));
    }
    arena_done(&a);
    return !r && n == BATCH;
}

void eng__expire_tick(struct engine *e, int64_t now)
{
    if (!e->store || !e->options.sessions.idle_expire_s) return;
    if (now < e->expiry.next) return;
    if (!eng_tick_over(e)) return; /* the batch before */
    if (batch(e)) return;
    e->expiry.next = now + e->options.sessions.sweep_ms * NS_PER_MS;
    e->expiry.after_ms = 0;
    e->expiry.after_id[0] = '\0';
}

int64_t eng__archived_until(const struct engine *e)
{
    int64_t after_s = e->options.sessions.archive_after_s;
    return after_s ? clock_wall_ms() - after_s * MS_PER_S : 0;
}
