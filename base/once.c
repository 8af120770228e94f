#include "base/once.h"

#include "base/clock.h"
#include "base/log.h"

enum state { NEW, RUNNING, DONE };

/* A cancellation wakes no condition variable; waiters look this often. */
enum { LOOK_EVERY_MS = 10 };

void once_init(struct once *o, const char *name)
{
    *o = (struct once){.name = name};
    lock_init(&o->lock, "once", RANK_ONCE);
    cond_init(&o->done);
}

void once_done(struct once *o)
{
    if (!o) return;
    cond_done(&o->done);
    lock_done(&o->lock);
}

/* For those who hold the lock, which orders the state for them. */
static enum state do_state(struct once *o) REQUIRES(o->lock)
{
    return (enum state)atomic_load_explicit(&o->state, memory_order_relaxed);
}

static void count(struct once *o, enum once_result r)
{
    atomic_fetch_add_explicit(&o->results[r], 1, memory_order_relaxed);
}

static enum err wait_for_maker(struct once *o, const struct cancel *c)
    REQUIRES(o->lock)
{
    uint64_t run = o->run;
    while (o->run == run) {
        int64_t now = clock_now(), until = INT64_MAX;
        enum err e = cancel_check(c, now);
        if (e) return e;
        if (c) until = now + LOOK_EVERY_MS * NS_PER_MS;
        if (c && until > c->deadline_ns) until = c->deadline_ns;
        cond_wait_until(&o->done, &o->lock, until);
    }
    return do_state(o) == DONE ? OK : o->error;
}

static enum err run_make(struct once *o, enum err (*make)(void *, void **),
                         void *ctx)
{
    lock_assert_none();
    int64_t begun = clock_now();
    void *object = NULL;
    enum err e = make(ctx, &object);

    lock_take(&o->lock);
    if (e)
        o->error = e;
    else
        o->object = object;
    /* Release: the object and all that `make` wrote come before DONE. */
    atomic_store_explicit(&o->state, e ? NEW : DONE, memory_order_release);
    o->run++;
    cond_broadcast(&o->done);
    lock_drop(&o->lock);

    count(o, e ? ONCE_FAILED : ONCE_MADE);
    int64_t ms = (clock_now() - begun) / NS_PER_MS;
    if (e)
        log_warn("once", "initialisation failed", LOG_C("name", o->name),
                 LOG_S("error", err_detail(e)), LOG_I("ms", ms));
    else
        log_info("once", "first-time initialisation", LOG_C("name", o->name),
                 LOG_I("ms", ms));
    return e;
}

/* The second look, with the lock held. Sets *ret_mine when the caller is to
 * make the object. */
static enum err second_look(struct once *o, const struct cancel *c,
                            bool *ret_mine)
{
    enum err e = OK;
    enum once_result result = ONCE_SECOND_LOOK;
    lock_take(&o->lock);
    enum state state = do_state(o);
    if (state == NEW) {
        atomic_store_explicit(&o->state, RUNNING, memory_order_relaxed);
        o->maker = pthread_self();
        *ret_mine = true;
    } else if (state == RUNNING) {
        result = ONCE_WAITED;
        e = pthread_equal(o->maker, pthread_self()) ? ERR_INTERNAL
                                                    : wait_for_maker(o, c);
    }
    lock_drop(&o->lock);
    if (*ret_mine) return OK;
    count(o, result);
    if (result == ONCE_SECOND_LOOK)
        log_debug("once", "already initialised", LOG_C("name", o->name));
    return e;
}

enum err once_get(struct once *o, enum err (*make)(void *ctx, void **ret),
                  void *ctx, const struct cancel *c, void **ret)
{
    /* Acquire pairs with the release in run_make. */
    if (atomic_load_explicit(&o->state, memory_order_acquire) == DONE) {
        count(o, ONCE_FAST);
        LOG_AT(LOG_DEBUG2, "once", "already initialised",
               LOG_C("name", o->name));
        *ret = o->object;
        return OK;
    }
    bool mine = false;
    enum err e = second_look(o, c, &mine);
    if (mine) e = run_make(o, make, ctx);
    if (!e) *ret = o->object;
    return e;
}

void once_stats(const struct once *o, struct once_stats *ret)
{
    ret->name = o->name;
    for (int i = 0; i < ONCE_RESULT_COUNT; i++)
        ret->count[i] =
            atomic_load_explicit(&o->results[i], memory_order_relaxed);
}

const char *once_result_name(enum once_result r)
{
    static const char *const names[] = {
        [ONCE_MADE] = "made",
        [ONCE_FAILED] = "failed",
        [ONCE_FAST] = "fast",
        [ONCE_SECOND_LOOK] = "second_look",
        [ONCE_WAITED] = "waited",
    };
    return names[r];
}
