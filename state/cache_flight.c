/*
 * One load per key at a time. tests/models/flight.pml is the model of this
 * file; its steps carry the names of the functions.
 */
#include "state/cache_private.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"

/* A cancellation wakes no condition variable; waiters look this often. */
enum { POLL_NS = 20 * 1000 * 1000 };
static const int64_t load_timeout_default = 10 * NS_PER_S;

struct waiter {
    struct waiter *next, *prev;
    const struct cancel *call;
    bool promoted; /* it is the loader now */
};

enum flight_state { FLIGHT_LOADING, FLIGHT_DONE, FLIGHT_FAILED };

/* Guarded by its shard's lock, but for `fresh`, which is the loader's until
 * the flight is DONE, and what does not change. */
struct st_flight {
    struct st_cache *ca;
    struct st_flight *next, **at;         /* in the table */
    struct st_flight *run_next, **run_at; /* in the running list */
    struct st_entry *fresh; /* carries the key; the value once DONE */
    struct st_entry *stale; /* what may be given when the load fails */
    struct st_entry *newer; /* instead of `fresh`: it was there already */
    enum flight_state state;
    bool attached;  /* in the table: what it loads may be kept */
    bool use_stale; /* FAILED, and everybody gets the stale value */
    enum err err;   /* FAILED */
    uint32_t users; /* the loader and who waits; the last one frees */
    struct waiter *first, *last;
    struct cancel cancel;      /* what the loader looks at */
    const struct cancel *call; /* the loader's own; NULL: none */
    int64_t started, deadline;
    struct cond ended;
    struct pool_job job; /* of a refresh */
};

/* What the thread is loading, innermost first. */
struct loading {
    const struct st_cache *ca;
    struct slice key;
    struct loading *outer;
};
static _Thread_local struct loading *loading_now;

void st__take(struct lock *l, struct st_waits *w)
{
    if (lock_try(l)) return;
    int64_t since = clock_now();
    lock_take(l);
    if (!w) return;
    w->waited = true;
    w->ns += clock_now() - since;
}

/* --- making, finding, leaving ----------------------------------------------
 */

enum err st__flight_new(struct st_cache *ca, struct slice key, uint64_t hash,
                        struct st_flight **ret)
{
    struct st_flight *f = MEM_NEW(struct st_flight);
    if (!f) return ERR_NOMEM;
    enum err e = st__entry_new(&ca->row, key, hash, &f->fresh);
    if (e) {
        mem_free(f);
        return e;
    }
    f->ca = ca;
    cond_init(&f->ended);
    *ret = f;
    return OK;
}

void st__flight_free(struct st_flight *f)
{
    if (!f) return;
    cond_done(&f->ended);
    st_entry_unref(f->fresh);
    st_entry_unref(f->stale);
    st_entry_unref(f->newer);
    mem_free(f);
}

struct st_flight *st__flight_find(struct st_flights *fs, struct slice key,
                                  uint64_t hash)
{
    struct st_flight *f = fs->table;
    while (f &&
           (f->fresh->hash != hash || !slice_eq(st__entry_key(f->fresh), key)))
        f = f->next;
    return f;
}

static int64_t flight_limit(const struct st_flight *f, int64_t now)
{
    int64_t limit = f->ca->row.load_timeout_ns;
    return st__later(now, limit ? limit : load_timeout_default);
}

/* The loader hears of its own call's end while nobody else waits. */
static void flight_listen(struct st_flight *f)
{
    cancel_listen(&f->cancel, f->first ? NULL : f->call);
}

/* `call` is the next loader's; the last one, if any, has returned. */
static void flight_set_loader(struct st_flight *f, const struct cancel *call,
                              int64_t now)
{
    f->call = call;
    f->deadline = flight_limit(f, now);
    cancel_init(&f->cancel, f->deadline);
    flight_listen(f);
}

/* Another loader of this key, neither abandoned nor detached, would be a
 * defect: the running list is kept apart from the table to tell. */
static void do_running_begin(struct st_flights *fs, struct st_flight *f)
    REQUIRES(fs->lock)
{
    for (const struct st_flight *o = fs->running; o; o = o->run_next)
        if (o->attached && o->fresh->hash == f->fresh->hash &&
            slice_eq(st__entry_key(o->fresh), st__entry_key(f->fresh)))
            st__count(f->ca, ST_METRIC_duplicate_runs, 1);
    f->run_next = fs->running;
    f->run_at = &fs->running;
    if (f->run_next) f->run_next->run_at = &f->run_next;
    fs->running = f;
}

static void do_running_end(struct st_flight *f)
{
    *f->run_at = f->run_next;
    if (f->run_next) f->run_next->run_at = f->run_at;
}

void st__flight_attach(struct st_flights *fs, struct st_flight *f,
                       struct st_entry *stale, const struct cancel *call,
                       int64_t now)
{
    f->users = 1;
    f->started = now;
    f->stale = stale ? st_entry_ref(stale) : NULL;
    flight_set_loader(f, call, now);
    f->attached = true;
    f->next = fs->table;
    f->at = &fs->table;
    if (f->next) f->next->at = &f->next;
    fs->table = f;
    do_running_begin(fs, f);
    atomic_fetch_add_explicit(&f->ca->flying, 1, memory_order_relaxed);
}

void st__flight_detach(struct st_flights *fs, struct st_flight *f)
{
    lock_assert_held(&fs->lock);
    if (!f->attached) return; /* the slot is not, or no more, its own */
    f->attached = false;
    *f->at = f->next;
    if (f->next) f->next->at = f->at;
}

/* True: it was the last user, who frees after the unlock. */
static bool do_leave(struct st_flight *f)
{
    assert(f->users);
    return --f->users == 0;
}

/* --- resolving. Lock: needs fs->lock ----------------------------------------
 */

/* Is the old value still good enough for those whose load did not come? */
static bool do_stale_usable(const struct st_flight *f, int64_t now)
{
    const struct st_cache_row *row = &f->ca->row;
    return f->stale && row->allow_stale &&
           st__entry_stale_usable(f->stale, row, now);
}

/* Once per flight. Everybody who waits sees the state when he wakes. */
static void do_resolve(struct st_flights *fs, struct st_flight *f,
                       enum flight_state state) REQUIRES(fs->lock)
{
    assert(f->state == FLIGHT_LOADING);
    f->state = state;
    st__flight_detach(fs, f);
    atomic_fetch_sub_explicit(&f->ca->flying, 1, memory_order_relaxed);
    cond_broadcast(&f->ended);
}

static void do_fail(struct st_flights *fs, struct st_flight *f, enum err e,
                    int64_t now) REQUIRES(fs->lock)
{
    f->err = e;
    f->use_stale =
        e != ERR_NOT_FOUND && e != ERR_CANCELLED && do_stale_usable(f, now);
    do_resolve(fs, f, FLIGHT_FAILED);
}

static void do_outcome(const struct st_flight *f, bool no_stale,
                       enum st_source source, struct st_outcome *ret)
{
    if (f->state == FLIGHT_DONE)
        *ret = (struct st_outcome){st_entry_ref(f->newer ? f->newer : f->fresh),
                                   OK, source};
    else if (f->use_stale && !no_stale)
        *ret = (struct st_outcome){st_entry_ref(f->stale), OK, ST_STALE};
    else
        *ret = (struct st_outcome){NULL, f->err, source};
}

bool st__flight_overdue(struct st_flights *fs, struct st_flight *f, int64_t now)
{
    if (f->state != FLIGHT_LOADING || now < f->deadline) return false;
    cancel_set(&f->cancel, CANCEL_DEADLINE);
    atomic_fetch_add_explicit(&f->ca->abandoned, 1, memory_order_relaxed);
    do_fail(fs, f, ERR_DEADLINE, now);
    f->users++;
    return true;
}

void st__flight_leave_late(struct st_flights *fs, struct st_flight *f,
                           int64_t now)
{
    st__warn_abandoned(f->ca, st__entry_key(f->fresh), now - f->started);
    if (f->use_stale) st__warn_stale(f->ca, f->stale, now, f->err);
    lock_take(&fs->lock);
    bool last = do_leave(f);
    lock_drop(&fs->lock);
    if (last) st__flight_free(f);
}

void st__flights_expire(struct st_flights *fs, int64_t now)
{
    struct st_flight *f;
    do {
        lock_take(&fs->lock);
        for (f = fs->table; f && !st__flight_overdue(fs, f, now); f = f->next) {
        }
        lock_drop(&fs->lock);
        if (f) st__flight_leave_late(fs, f, now);
    } while (f);
}

void st__flights_cancel(struct st_flights *fs, enum cancel_cause cause)
{
    lock_take(&fs->lock);
    for (struct st_flight *f = fs->running; f; f = f->run_next)
        cancel_set(&f->cancel, cause);
    lock_drop(&fs->lock);
}

void st__flights_detach_prefix(struct st_flights *fs, struct slice prefix)
{
    lock_take(&fs->lock);
    for (struct st_flight *f = fs->table, *next; f; f = next) {
        next = f->next;
        if (slice_starts(st__entry_key(f->fresh), prefix))
            st__flight_detach(fs, f);
    }
    lock_drop(&fs->lock);
}

/* --- waiting ----------------------------------------------------------------
 */

static void waiter_link(struct st_flight *f, struct waiter *w)
{
    w->prev = f->last;
    *(f->last ? &f->last->next : &f->first) = w;
    f->last = w;
    atomic_fetch_add_explicit(&f->ca->waiting, 1, memory_order_relaxed);
    flight_listen(f);
}

static void waiter_unlink(struct st_flight *f, struct waiter *w)
{
    *(w->prev ? &w->prev->next : &f->first) = w->next;
    *(w->next ? &w->next->prev : &f->last) = w->prev;
    atomic_fetch_sub_explicit(&f->ca->waiting, 1, memory_order_relaxed);
    flight_listen(f);
}

static int64_t wake_at(const struct st_flight *f, const struct cancel *call,
                       int64_t now)
{
    int64_t at = f->deadline, poll = st__later(now, POLL_NS);
    if (call && call->deadline_ns < at) at = call->deadline_ns;
    return call && poll < at ? poll : at;
}

/* OK: the flight ended, or `w` is its loader. Else why the caller goes. */
static enum err do_wait(struct st_flights *fs, struct st_flight *f,
                        struct waiter *w, bool *ret_late) REQUIRES(fs->lock)
{
    while (f->state == FLIGHT_LOADING && !w->promoted) {
        int64_t now = clock_now();
        enum err e = cancel_check(w->call, now);
        if (e) return e;
        if (st__flight_overdue(fs, f, now))
            *ret_late = true;
        else
            (void)cond_wait_until(&f->ended, &fs->lock,
                                  wake_at(f, w->call, now));
    }
    return OK;
}

/* Who leaves at his deadline may still have the old value. */
static void do_go(const struct st_flight *f, const struct st_get *how,
                  enum err e, struct st_outcome *ret)
{
    *ret = (struct st_outcome){NULL, e, ST_JOINED};
    if (e == ERR_DEADLINE && !how->no_stale && do_stale_usable(f, clock_now()))
        *ret = (struct st_outcome){st_entry_ref(f->stale), OK, ST_STALE};
}

enum st_wait st__flight_wait(struct st_flights *fs, struct st_flight *f,
                             const struct st_get *how, struct st_waits *waits,
                             struct st_outcome *ret)
{
    struct waiter w = {.call = how->cancel};
    bool late = false, last = false;
    int64_t since = clock_now();
    f->users++;
    waiter_link(f, &w);
    enum err e = do_wait(fs, f, &w, &late);
    if (!w.promoted) {
        waiter_unlink(f, &w);
        if (e)
            do_go(f, how, e, ret);
        else
            do_outcome(f, how->no_stale, ST_JOINED, ret);
        last = do_leave(f);
    }
    lock_drop(&fs->lock);
    int64_t now = clock_now();
    waits->waited = true;
    waits->ns += now - since;
    if (late)
        st__flight_leave_late(fs, f, now);
    else if (last)
        st__flight_free(f);
    return w.promoted ? ST_WAIT_LOADER : ST_WAIT_ENDED;
}

/* --- loading ----------------------------------------------------------------
 */

bool st__loading(const struct st_cache *ca, struct slice key)
{
    for (const struct loading *l = loading_now; l; l = l->outer)
        if (l->ca == ca && slice_eq(l->key, key)) return true;
#ifdef PHASEGATE_DEBUG
    assert((!loading_now || ca->row.rank < loading_now->ca->row.rank) &&
           "a loader looks up only caches of lower rank");
#endif
    return false;
}

/* The longest waiting whose call still lives. */
static struct waiter *do_heir(const struct st_flight *f, int64_t now)
{
    struct waiter *w = f->first;
    while (w && cancel_check(w->call, now)) w = w->next;
    return w;
}

/* The loader began to unwind before somebody joined: he loads instead. */
static bool do_pass_on(struct st_flight *f, enum err e, int64_t now)
{
    if ((e != ERR_CANCELLED && e != ERR_DEADLINE) || now >= f->deadline)
        return false;
    struct waiter *heir = do_heir(f, now);
    if (!heir) return false;
    waiter_unlink(f, heir);
    heir->promoted = true;
    flight_set_loader(f, heir->call, now);
    cond_broadcast(&f->ended);
    st__count(f->ca, ST_METRIC_takeovers, 1);
    return true;
}

/* A value, or the news that there is none. Gives what the shelf did. */
static void do_publish(struct st_flight *f, struct st_waits *waits,
                       struct st_removed *out)
{
    struct st_cache *ca = f->ca;
    struct st_shelf *shelf = &ca->shelf;
    if (!f->attached) { /* older than a put or an invalidation */
        st__count(ca, ST_METRIC_discarded_loads, 1);
        return;
    }
    st__take(&shelf->lock, waits);
    enum st_shelved how = st__shelf_put(shelf, f->fresh, true, out);
    if (how == ST_OLDER)
        f->newer = st_entry_ref(
            st__shelf_at(shelf, st__entry_key(f->fresh), f->fresh->hash));
    lock_drop(&shelf->lock);
    st__count(ca, ST_METRIC_discarded_loads, how == ST_OLDER);
    st__count(ca, ST_METRIC_oversize, how == ST_OVERSIZE);
}

/* What a refresh that failed leaves: not again before a while. */
static void refresh_put_off(struct st_entry *stale, int64_t now)
{
    int64_t delay = stale->refresh_delay ? 2 * stale->refresh_delay : NS_PER_S;
    if (delay > 60 * NS_PER_S) delay = 60 * NS_PER_S;
    stale->refresh_delay = delay;
    atomic_store_explicit(&stale->refresh_at, st__later(now, delay),
                          memory_order_relaxed);
}

/* The loader's end, under the lock: what becomes of the flight. */
static void do_land(struct st_flights *fs, struct st_flight *f, enum err e,
                    int64_t now, struct st_waits *waits, struct st_removed *out)
    REQUIRES(fs->lock)
{
    if (f->state != FLIGHT_LOADING) { /* abandoned: whatever it brings */
        atomic_fetch_sub_explicit(&f->ca->abandoned, 1, memory_order_relaxed);
        st__count(f->ca, ST_METRIC_late_loads, 1);
        return;
    }
    if (e && e != ERR_NOT_FOUND) {
        if (f->stale) refresh_put_off(f->stale, now);
        do_fail(fs, f, e, now);
        return;
    }
    do_publish(f, waits, out);
    if (e)
        do_fail(fs, f, e, now);
    else
        do_resolve(fs, f, FLIGHT_DONE);
}

/* The loader leaves: to its outcome, or to an heir. */
static void flight_land(struct st_flight *f, enum err e, bool no_stale,
                        int64_t now, struct st_waits *waits,
                        struct st_outcome *ret)
{
    struct st_cache *ca = f->ca;
    struct st_flights *fs = st__flights_of(ca, f->fresh->hash);
    struct st_removed out = {0};
    st__take(&fs->lock, waits);
    bool late = f->state != FLIGHT_LOADING;
    bool passed = !late && do_pass_on(f, e, now);
    if (passed) {
        *ret = (struct st_outcome){NULL, e, ST_LOADED};
    } else {
        do_running_end(f);
        do_land(fs, f, e, now, waits, &out);
        do_outcome(f, no_stale, ST_LOADED, ret);
    }
    struct st_entry *stale =
        !late && !passed && f->use_stale ? st_entry_ref(f->stale) : NULL;
    bool last = do_leave(f);
    lock_drop(&fs->lock);
    st__removed_done(ca, &out);
    if (stale) st__warn_stale(ca, stale, now, e);
    st_entry_unref(stale);
    if (last) st__flight_free(f);
}

static enum err load(struct st_flight *f, struct st_loaded *got)
{
    struct st_cache *ca = f->ca;
    struct loading here = {ca, st__entry_key(f->fresh), loading_now};
    lock_assert_none();
    assert(!st__pinned());
    loading_now = &here;
    enum err e = ca->row.load(ca->row.ctx, here.key, &f->cancel, got);
    loading_now = here.outer;
    return e;
}

static void count_load(struct st_cache *ca, enum err e, int64_t ns)
{
    st__count(ca, ST_METRIC_loads, 1);
    st__count(ca, ST_METRIC_load_ns, (uint64_t)ns);
    st__count(ca, ST_METRIC_loads_not_found, e == ERR_NOT_FOUND);
    st__count(ca, ST_METRIC_load_failures, e && e != ERR_NOT_FOUND);
}

void st__flight_run(struct st_flight *f, bool no_stale, struct st_waits *waits,
                    struct st_outcome *ret)
{
    struct st_cache *ca = f->ca;
    struct st_loaded got = {0};
    int64_t since = clock_now();
    enum err e = load(f, &got);
    int64_t now = clock_now();
    count_load(ca, e, now - since);
    if (!e || e == ERR_NOT_FOUND)
        st__entry_fill(f->fresh, &ca->row, &got, e == ERR_NOT_FOUND, now);
    if (!e)
        log_debug("cache", "loaded", LOG_C("cache", ca->row.name),
                  LOG_S("key", st__entry_key(f->fresh)),
                  LOG_I("ms", (now - since) / NS_PER_MS),
                  LOG_I("bytes", got.bytes));
    flight_land(f, e, no_stale, now, waits, ret);
}

void st__flight_give_up(struct st_flight *f, enum err e)
{
    struct st_outcome none;
    flight_land(f, e, true, clock_now(), NULL, &none);
    st_entry_unref(none.entry);
}

/* --- refreshes ---------------------------------------------------------------
 */

static void refresh_job(struct pool_job *job)
{
    struct st_flight *f =
        (struct st_flight *)((char *)job - offsetof(struct st_flight, job));
    struct st_outcome none;
    /* It may have waited for a worker until nobody waited for it. */
    enum err e = cancel_check(&f->cancel, clock_now());
    if (e) {
        st__flight_give_up(f, e);
        return;
    }
    st__flight_run(f, true, NULL, &none);
    st_entry_unref(none.entry);
}

enum err st__flight_submit(struct st_flight *f)
{
    f->job.run = refresh_job;
    return pool_submit(f->ca->row.refresh_pool, &f->job);
}
