#include "engine/runs.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/exec.h"
#include "engine/problems.h"

enum {
    PATIENCE_S = 45,
    KEPT_S = 120,
    ASKED_S = 600, /* and while a client's user is asked, at most */
    ENDING_MS = 1000, /* beyond its limit, for a command to be ended */
    JOIN_AGAIN_MS = 5000,
    KEY_SIZE = 256
};
static const size_t flight_ceiling = (size_t)512 << 20;

struct eng_flight {
    struct eng_flight *next; /* in the table */
    char key[KEY_SIZE];
    struct eng_runs *runs;
    struct eng_definition *definition; /* keeps the gate alive */
    const struct eng_gate *gate;
    struct eng_proof *proofs; /* of the gate's fields */
    struct arena arena;       /* the flight thread's until it has ended */
    struct permit permit;     /* while its commands run */
    int64_t landed_at, ended_at; /* ended_at: kept for so long since */
    uint32_t references; /* all below under runs->lock */
    bool ended, listed;
    uint32_t boarding; /* about to wait */
    uint32_t promised; /* callers told to come back */
    struct eng_op *waiters;
};

struct eng_runs {
    struct engine *engine;
    struct lock lock;
    struct cond idle;
    struct eng_flight *flights;
    uint32_t running;
    _Atomic bool stopping; /* relaxed: asked every 50 ms */
};

enum err eng__runs_new(struct engine *e, struct eng_runs **ret)
{
    struct eng_runs *r = MEM_NEW(struct eng_runs);
    if (!r) return ERR_NOMEM;
    r->engine = e;
    lock_init(&r->lock, "runs", RANK_COALESCE);
    cond_init(&r->idle);
    atomic_init(&r->stopping, false);
    *ret = r;
    return OK;
}

void eng__runs_stop(struct eng_runs *r)
{
    if (r) atomic_store_explicit(&r->stopping, true, memory_order_relaxed);
}

uint32_t eng__runs_count(struct eng_runs *r)
{
    lock_take(&r->lock);
    uint32_t n = r->running;
    lock_drop(&r->lock);
    return n;
}

bool eng__runs_of(struct eng_runs *r, struct slice session_id)
{
    bool is = false;
    lock_take(&r->lock);
    for (const struct eng_flight *f = r->flights; f && !is; f = f->next)
        is = slice_starts(slice_of(f->key), session_id);
    lock_drop(&r->lock);
    return is;
}

/* --- references ------------------------------------------------------------
 */

static void flight_free(struct eng_flight *f)
{
    eng_definition_unref(f->definition);
    arena_done(&f->arena);
    mem_free(f);
}

static void do_unlist(struct eng_flight *f)
{
    struct eng_flight **at = &f->runs->flights;
    while (*at && *at != f) at = &(*at)->next;
    if (*at) *at = f->next;
    f->listed = false;
}

static void unref(struct eng_flight *f)
{
    struct eng_runs *r = f->runs;
    lock_take(&r->lock);
    bool last = --f->references == 0;
    lock_drop(&r->lock);
    if (last) flight_free(f);
}

/* A reference as a call's arena holds it. */
struct seat {
    struct eng_flight *flight; /* NULL: not taken */
};

static void seat_leave(void *seat)
{
    struct eng_flight *f = ((struct seat *)seat)->flight;
    if (f) unref(f);
}

/* Kept before it is taken: once a flight counts on somebody to come aboard,
 * nothing may fail. */
static struct seat *seat_new(struct arena *a)
{
    struct seat *seat = ARENA_NEW(a, struct seat);
    return seat && !arena_hold(a, seat_leave, seat) ? seat : NULL;
}

/* Ended ones that nobody came back for. The table's own reference. */
static struct eng_flight *do_sweep(struct eng_runs *r, int64_t now)
{
    struct eng_flight *old = NULL, **at = &r->flights;
    while (*at) {
        struct eng_flight *f = *at;
        if (!f->ended || now - f->ended_at < KEPT_S * NS_PER_S) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        f->listed = false;
        f->next = NULL;
        if (--f->references) continue;
        f->next = old;
        old = f;
    }
    return old;
}

static void free_list(struct eng_flight *f)
{
    while (f) {
        struct eng_flight *next = f->next;
        flight_free(f);
        f = next;
    }
}

void eng__runs_free(struct eng_runs *r)
{
    if (!r) return;
    eng__runs_stop(r);
    lock_take(&r->lock);
    while (r->running) cond_wait(&r->idle, &r->lock);
    struct eng_flight *all = do_sweep(r, INT64_MAX);
    lock_drop(&r->lock);
    free_list(all);
    cond_done(&r->idle);
    lock_done(&r->lock);
    mem_free(r);
}

/* --- waiting ----------------------------------------------------------------
 */

static enum err leave(struct eng_op *op, enum err e)
{
    struct eng_call *c = op->call;
    if (e == ERR_CANCELLED) return eng__problem_cancelled(c, e);
    c->problem.retry_after_ms = JOIN_AGAIN_MS;
    return problem_set(
        &c->problem, ERR_DEADLINE,
        SLICE("The gate's commands are still running"),
        SLICE("They go on; nothing was decided."),
        SLICE("Send the same complete_phase again after retry_after_ms: it "
              "joins them."));
}

static enum err over(const struct eng_op *op, int64_t now)
{
    enum err e = cancel_check(op->call->cancel, now);
    return !e && now >= op->waiter.until ? ERR_WAITING : e;
}

/* Those whose patience or time is over are answered, and told to come back;
 * the others wait on. */
static void look_after(struct eng_flight *f, int64_t now)
{
    struct eng_op *gone = NULL;
    lock_take(&f->runs->lock);
    for (struct eng_op **at = &f->waiters; *at;) {
        struct eng_op *op = *at;
        enum err e = over(op, now);
        if (!e) {
            at = &op->waiter.next;
            continue;
        }
        *at = op->waiter.next;
        if (e != ERR_CANCELLED) f->promised++;
        op->waiter.next = gone;
        gone = op;
    }
    lock_drop(&f->runs->lock);
    while (gone) {
        struct eng_op *op = gone;
        gone = op->waiter.next;
        enum err e = leave(op, over(op, now));
        op->call->done(op->call, e); /* frees the op */
    }
}

/* Asked while a command runs. */
static bool should_stop(void *ctx)
{
    struct eng_flight *f = ctx;
    struct eng_runs *r = f->runs;
    look_after(f, clock_now());
    lock_take(&r->lock);
    bool stop = !f->waiters && !f->boarding && !f->promised;
    if (stop && f->listed) { /* who asks now shall not join the dying */
        do_unlist(f);
        f->references--;
    }
    lock_drop(&r->lock);
    return stop || atomic_load_explicit(&r->stopping, memory_order_relaxed);
}

void eng__runs_park(struct eng_op *op)
{
    struct eng_flight *f = op->waiter.flight;
    lock_take(&f->runs->lock);
    bool ended = f->ended;
    f->boarding--;
    if (!ended) {
        op->waiter.next = f->waiters;
        f->waiters = op;
    }
    lock_drop(&f->runs->lock);
    if (ended) eng__op_again(op);
}

/* --- flying -----------------------------------------------------------------
 */

static void land(struct eng_flight *f)
{
    struct eng_runs *r = f->runs;
    lock_take(&r->lock);
    f->ended = true;
    f->ended_at = f->landed_at = clock_now();
    struct eng_op *waiters = f->waiters;
    f->waiters = NULL;
    /* Kept for those who were promised it, unless somebody takes it now. */
    if (f->listed && (waiters || f->boarding || !f->promised)) {
        do_unlist(f);
        f->references--;
    }
    lock_drop(&r->lock);
    while (waiters) {
        struct eng_op *op = waiters;
        waiters = op->waiter.next;
        eng__op_again(op);
    }
}

static void give_back(struct eng_flight *f)
{
    struct permit *p = f->permit.state == PERMIT_HELD ? &f->permit : NULL;
    permit_release(&p);
}

static void *fly(void *ctx)
{
    struct eng_flight *f = ctx;
    struct eng_runs *r = f->runs;
    log_thread_name("gate");
    for (size_t i = 0; i < f->gate->fields_count; i++) {
        if (f->gate->fields[i].rung != ENG_COMMAND) continue;
        eng__exec(&(struct eng_exec){.engine = r->engine,
                                     .definition = f->definition,
                                     .field = &f->gate->fields[i],
                                     .arena = &f->arena,
                                     .stop = should_stop,
                                     .ctx = f},
                  &f->proofs[i]);
    }
    land(f);
    give_back(f);
    unref(f);
    lock_take(&r->lock);
    if (--r->running == 0) cond_broadcast(&r->idle);
    lock_drop(&r->lock);
    return NULL;
}

static struct eng_flight *flight_new(struct eng_runs *r, const char *key,
                                     const struct eng_snapshot *s,
                                     const struct eng_gate *gate)
{
    struct eng_flight *f = MEM_NEW(struct eng_flight);
    if (!f) return NULL;
    arena_init(&f->arena, flight_ceiling);
    f->runs = r;
    f->definition = eng_definition_ref(s->definition);
    f->gate = gate;
    (void)snprintf(f->key, sizeof(f->key), "%s", key);
    f->proofs = ARENA_ARRAY(&f->arena, struct eng_proof, gate->fields_count);
    for (size_t i = 0; f->proofs && i < gate->fields_count; i++)
        f->proofs[i] = (struct eng_proof){0};
    if (f->proofs) return f;
    flight_free(f);
    return NULL;
}

/* One reference for the table, one for its thread, one for who asks. */
static bool do_start(struct eng_runs *r, struct eng_flight *f)
{
    pthread_t thread;
    pthread_attr_t attr;
    if (pthread_attr_init(&attr)) return false;
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    f->references = 3;
    f->listed = true;
    f->boarding = 1;
    f->next = r->flights;
    r->flights = f;
    r->running++;
    bool ok = pthread_create(&thread, &attr, fly, f) == 0;
    (void)pthread_attr_destroy(&attr);
    if (ok) return true;
    r->flights = f->next;
    r->running--;
    return false;
}

static struct eng_flight *do_find(struct eng_runs *r, const char *key)
{
    for (struct eng_flight *f = r->flights; f; f = f->next)
        if (strcmp(f->key, key) == 0) return f;
    return NULL;
}

/* A kept one is taken out of the table with its reference: once. */
static struct eng_flight *do_join(struct eng_flight *f)
{
    if (f->ended)
        do_unlist(f);
    else
        f->references++;
    if (f->promised) f->promised--;
    f->boarding++;
    return f;
}

/* What is asked for: the phase as it was opened this time. */
static void key_of(char ret[KEY_SIZE], const struct eng_snapshot *s,
                   int64_t phase)
{
    (void)snprintf(ret, KEY_SIZE, "%.*s/%" PRId64 "/%" PRId64 "/%.*s",
                   SLICE_ARG(s->row.id), phase, s->opened_ms,
                   SLICE_ARG(s->row.definition_hash));
}

static enum err stopping(struct eng_call *c)
{
    c->problem.retry_after_ms = 1000;
    return problem_set(&c->problem, ERR_CLOSED, SLICE("The server is stopping"),
                       SLICE("Nothing was run and nothing decided."),
                       SLICE("Send the same call again after "
                             "retry_after_ms."));
}

static int64_t patience_ms(const struct eng_call *c, const struct eng_gate *g)
{
    int64_t all = 0;
    if (c->patience_ms != ENG_PATIENT)
        return c->patience_ms ? c->patience_ms : PATIENCE_S * 1000;
    for (size_t i = 0; i < g->fields_count; i++)
        if (g->fields[i].command)
            all += g->fields[i].command->timeout_ms + ENDING_MS;
    return all;
}

static int64_t commands_ms(const struct eng_gate *gate)
{
    int64_t ms = 0;
    for (size_t i = 0; i < gate->fields_count; i++)
        if (gate->fields[i].rung == ENG_COMMAND)
            ms += gate->fields[i].command->timeout_ms;
    return ms;
}

/* A place for a new flight. Waits; no lock is held. */
static enum err admit(struct eng_op *op, struct eng_flight *f)
{
    struct eng_call *c = op->call;
    struct permits *all = op->engine->options.permits;
    int64_t now = clock_now();
    if (!all) return OK;
    f->permit = (struct permit){
        .session = slice_of(f->key),
        .class = PERMIT_EXEC,
        .inner = true,
        .deadline = now + commands_ms(f->gate) * NS_PER_MS};
    enum err e = permit_take_wait(all, &f->permit, c->cancel);
    if (e == ERR_OVER_CAPACITY)
        permit_problem(&f->permit, c->arena, &c->problem);
    if (e == ERR_CANCELLED || e == ERR_DEADLINE) eng__problem_cancelled(c, e);
    return e == ERR_NOMEM ? eng__problem_nomem(c) : e;
}

static bool is_known(struct eng_runs *r, const char *key)
{
    lock_take(&r->lock);
    bool known = do_find(r, key) != NULL;
    lock_drop(&r->lock);
    return known;
}

enum err eng__runs_board(struct eng_op *op, const struct eng_snapshot *s,
                         const struct eng_phase *phase,
                         const struct eng_gate *gate)
{
    struct eng_runs *r = op->engine->runs;
    char key[KEY_SIZE];
    enum err e = OK;
    key_of(key, s, phase->number);
    struct seat *seat = seat_new(op->call->arena);
    struct eng_flight *f = NULL;
    struct eng_flight *fresh = seat ? flight_new(r, key, s, gate) : NULL;
    if (!fresh) return eng__problem_nomem(op->call);
    bool held = !is_known(r, key);
    if (held) e = admit(op, fresh);
    if (e) {
        flight_free(fresh);
        return e;
    }
    lock_take(&r->lock);
    struct eng_flight *old = do_sweep(r, clock_now());
    struct eng_flight *found = do_find(r, key);
    if (atomic_load_explicit(&r->stopping, memory_order_relaxed))
        e = ERR_CLOSED;
    else if (found)
        f = do_join(found);
    else if (!held) /* the one to join has just gone */
        e = ERR_AGAIN;
    else if (!do_start(r, fresh))
        e = ERR_NOMEM;
    else
        f = fresh;
    lock_drop(&r->lock);
    free_list(old);
    if (f != fresh) {
        give_back(fresh);
        flight_free(fresh);
    }
    if (e == ERR_AGAIN) return eng__runs_board(op, s, phase, gate);
    if (e)
        return e == ERR_NOMEM ? eng__problem_nomem(op->call)
                              : stopping(op->call);
    op->waiter.flight = seat->flight = f;
    op->waiter.until = clock_now() + patience_ms(op->call, gate) * NS_PER_MS;
    return OK;
}

void eng__runs_keep(struct eng_op *op)
{
    struct eng_flight *f = op->waiter.flight;
    int64_t now = clock_now(), last;
    if (!f) return;
    lock_take(&f->runs->lock);
    /* Asking again and again shall not keep what was true hours ago. */
    last = f->landed_at + (ASKED_S - KEPT_S) * NS_PER_S;
    if (f->ended && !f->listed) {
        f->references++;
        f->listed = true;
        f->next = f->runs->flights;
        f->runs->flights = f;
    }
    f->promised++;
    f->ended_at = now < last ? now : last;
    lock_drop(&f->runs->lock);
}

const struct eng_proof *eng__runs_proof(const struct eng_op *op,
                                        const struct eng_snapshot *s,
                                        int64_t phase, size_t field)
{
    const struct eng_flight *f = op->waiter.flight;
    char key[KEY_SIZE];
    key_of(key, s, phase);
    return f && strcmp(f->key, key) == 0 ? &f->proofs[field] : NULL;
}
