#include "engine/provider.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/random.h"

enum { TARGETS_MOST = 1024 };
#define POLL_NS (50 * NS_PER_MS)

struct provider {
    struct breaker breaker;
    struct providers *owner;
    enum provider_kind kind;
    /* guarded by providers.lock */
    uint32_t held;
    uint64_t used; /* serial of the last get */
    uint64_t calls[PROVIDER_RESULT_COUNT], retries;
    uint64_t busy_ns;
    size_t name_n;
    char name[]; /* with a NUL */
};

struct providers {
    struct providers_options o;
    struct limiter limiter;
    struct bucket bucket[PROVIDER_KIND_COUNT];
    struct lock lock; /* guards what follows and the targets' counts */
    struct map targets;
    uint64_t serial;
};

static const struct {
    const char *name;
    bool again;
    uint32_t per_min;
    int64_t limit_ms;
} kinds[] = {
#define ROW(symbol, name, again, per_min, ms) {name, again, per_min, ms},
    PROVIDER_KIND_ROWS(ROW)
#undef ROW
};

static const struct {
    const char *name;
    enum breaker_outcome outcome;
    bool again;
    enum err e;
} results[] = {
#define ROW(symbol, name, outcome, again, e)                                   \
    {name, BREAKER_##outcome, again, e},
    PROVIDER_RESULT_ROWS(ROW)
#undef ROW
};

const char *provider_result_name(enum provider_result r)
{
    return results[r].name;
}

const char *provider_kind_name(enum provider_kind k)
{
    return kinds[k].name;
}

void providers_options_init(struct providers_options *o)
{
    *o = (struct providers_options){.limit_wait_ns = 2 * NS_PER_S,
                                    .retry_attempts = 3,
                                    .retry_base_ns = NS_PER_S,
                                    .retry_cap_ns = 60 * NS_PER_S};
    breaker_options_init(&o->breaker);
    for (int i = 0; i < PROVIDER_KIND_COUNT; i++) {
        o->limit[i] = (struct bucket_options){.rate = kinds[i].per_min};
        o->timeout_ns[i] = kinds[i].limit_ms * NS_PER_MS;
    }
}

enum err providers_new(const struct providers_options *o,
                       struct providers **ret)
{
    struct providers *ps = MEM_NEW(struct providers);
    if (!ps) return ERR_NOMEM;
    ps->o = *o;
    if (!ps->o.breaker.random) ps->o.breaker.random = random_u64;
    lock_init(&ps->lock, "providers", RANK_PROVIDER);
    limiter_init(&ps->limiter);
    for (int i = 0; i < PROVIDER_KIND_COUNT; i++)
        bucket_init(&ps->bucket[i], kinds[i].name, &o->limit[i]);
    *ret = ps;
    return OK;
}

/* --- targets -------------------------------------------------------------- */

static void target_free(struct provider *p)
{
    if (!p) return;
    breaker_done(&p->breaker);
    mem_free(p);
}

void providers_free(struct providers *ps)
{
    struct slice key;
    void *p;
    if (!ps) return;
    for (size_t i = 0; map_next(&ps->targets, &i, &key, &p);) target_free(p);
    map_done(&ps->targets);
    limiter_done(&ps->limiter);
    lock_done(&ps->lock);
    mem_free(ps);
}

static struct provider *target_new(struct providers *ps,
                                   enum provider_kind kind, struct slice name)
{
    struct provider *p = mem_zalloc(sizeof(*p) + name.n + 1);
    if (!p) return NULL;
    p->owner = ps;
    p->kind = kind;
    p->name_n = name.n;
    memcpy(p->name, name.p, name.n);
    breaker_init(&p->breaker, p->name, &ps->o.breaker);
    return p;
}

/* The one to leave when all places are taken: not held, least used. */
static struct provider *do_least(struct providers *ps)
{
    struct provider *least = NULL;
    struct slice key;
    void *v;
    for (size_t i = 0; map_next(&ps->targets, &i, &key, &v);) {
        struct provider *p = v;
        if (!p->held && (!least || p->used < least->used)) least = p;
    }
    return least;
}

static enum err do_add(struct providers *ps, struct provider *p,
                       struct provider **ret_gone)
{
    struct provider *least = NULL;
    if (ps->targets.count >= TARGETS_MOST) {
        least = do_least(ps);
        if (!least) return ERR_OVER_CAPACITY;
        map_del(&ps->targets, (struct slice){least->name, least->name_n});
    }
    *ret_gone = least;
    return map_put(&ps->targets, (struct slice){p->name, p->name_n}, p, NULL);
}

enum err provider_get(struct providers *ps, enum provider_kind kind,
                      struct slice name, struct provider **ret)
{
    struct provider *fresh = target_new(ps, kind, name), *gone = NULL;
    enum err e = OK;
    if (!fresh) return ERR_NOMEM;
    lock_take(&ps->lock);
    struct provider *p = map_get(&ps->targets, name);
    if (!p) {
        e = do_add(ps, fresh, &gone);
        if (!e) p = fresh, fresh = NULL;
    }
    if (!e) {
        p->held++;
        p->used = ++ps->serial;
        *ret = p;
    }
    lock_drop(&ps->lock);
    target_free(fresh);
    target_free(gone);
    return e;
}

void provider_put(struct provider *p)
{
    if (!p) return;
    lock_take(&p->owner->lock);
    assert(p->held);
    p->held--;
    lock_drop(&p->owner->lock);
}

struct slice provider_name(const struct provider *p)
{
    return (struct slice){p->name, p->name_n};
}

static void count(struct provider *p, enum provider_result r, int64_t busy_ns)
{
    lock_take(&p->owner->lock);
    p->calls[r]++;
    p->busy_ns += (uint64_t)busy_ns;
    lock_drop(&p->owner->lock);
}

/* --- waiting -------------------------------------------------------------- */

/* Sleeps to `until` by the program's clock, unless told to stop. */
static enum err rest(int64_t until, const struct cancel *cancel)
{
    struct lock lock;
    struct cond never;
    enum err e = OK;
    lock_init(&lock, "provider pause", RANK_LEAF);
    cond_init(&never);
    lock_take(&lock);
    for (int64_t now = clock_now(); now < until; now = clock_now()) {
        e = cancel_check(cancel, now);
        if (e) break;
        int64_t next = until - now > POLL_NS ? now + POLL_NS : until;
        (void)cond_wait_until(&never, &lock, next);
    }
    lock_drop(&lock);
    cond_done(&never);
    lock_done(&lock);
    return e;
}

/* --- one attempt ---------------------------------------------------------- */

static enum err refused(struct provider *p, enum provider_result result,
                        int64_t retry_ns, struct provider_report *ret)
{
    count(p, result, 0);
    ret->result = result;
    ret->retry_ns = retry_ns;
    return results[result].e;
}

static enum err stopped(struct provider *p, enum err e,
                        struct provider_report *ret)
{
    return refused(p, e == ERR_CANCELLED ? PROVIDER_CANCELLED : PROVIDER_LATE,
                   -1, ret);
}

/* A token of the kind's bucket, now or soon enough. */
static enum err admit(struct provider *p, const struct cancel *cancel,
                      int64_t deadline, struct provider_report *ret)
{
    struct providers *ps = p->owner;
    struct bucket *bucket = &ps->bucket[p->kind];
    struct limiter_refusal by;
    int64_t now = clock_now(), wait;
    int64_t patience = ps->o.limit_wait_ns;
    if (deadline - now < patience) patience = deadline - now;
    enum err e =
        limiter_take(&ps->limiter, &bucket, 1, now, patience, &wait, &by);
    if (e) return refused(p, PROVIDER_LIMITED, by.wait_ns, ret);
    e = wait ? rest(now + wait, cancel) : OK;
    return e ? stopped(p, e, ret) : OK;
}

enum err provider_enter(struct provider *p, const struct cancel *cancel,
                        int64_t deadline, struct provider_ticket *ret,
                        struct provider_report *reterr)
{
    int64_t limit = p->owner->o.timeout_ns[p->kind], retry_ns;
    int64_t now = clock_now();
    struct breaker_token token = {0};
    enum err e = cancel_check(cancel, now);
    if (!e && now >= deadline) e = ERR_DEADLINE;
    if (e) return stopped(p, e, reterr);
    if (breaker_begin(&p->breaker, now, limit + p->owner->o.limit_wait_ns,
                      &token, &retry_ns))
        return refused(p, PROVIDER_OPEN, retry_ns, reterr);
    e = admit(p, cancel, deadline, reterr);
    now = clock_now();
    if (e) {
        breaker_end(&p->breaker, now, token, BREAKER_UNTRIED);
        return e;
    }
    *ret = (struct provider_ticket){
        token, now, deadline - now < limit ? deadline : now + limit};
    return OK;
}

void provider_leave(struct provider *p, const struct provider_ticket *t,
                    enum provider_result result)
{
    int64_t now = clock_now();
    breaker_end(&p->breaker, now, t->token, results[result].outcome);
    count(p, result, now - t->began);
}

/* --- attempts ------------------------------------------------------------- */

/* The pause before the next attempt: anywhere up to the doubled base, or as
 * long as the target itself wishes. */
static int64_t pause_ns(const struct providers_options *o, uint32_t n,
                        int64_t wish_ns)
{
    int64_t most = o->retry_base_ns;
    while (n-- && most < o->retry_cap_ns) most *= 2;
    if (most > o->retry_cap_ns) most = o->retry_cap_ns;
    int64_t ns = (int64_t)(o->breaker.random() % ((uint64_t)most + 1));
    return wish_ns > ns ? wish_ns : ns;
}

/* False: the last word is said. */
static bool again(struct provider *p, struct provider_ended ended, uint32_t n,
                  int64_t deadline, int64_t *ret_until)
{
    const struct providers_options *o = &p->owner->o;
    struct breaker_stats b;
    int64_t now = clock_now();
    if (!kinds[p->kind].again || !results[ended.result].again) return false;
    if (n >= o->retry_attempts) return false;
    breaker_stats(&p->breaker, now, &b);
    if (b.state != BREAKER_CLOSED) return false;
    int64_t pause = pause_ns(o, n - 1, ended.retry_after_ns);
    *ret_until = now + pause;
    return pause < deadline - now;
}

static enum err ended_badly(struct provider *p, struct provider_ended ended,
                            struct provider_report *ret)
{
    struct breaker_stats b;
    breaker_stats(&p->breaker, clock_now(), &b);
    ret->result = ended.result;
    ret->retry_ns =
        b.state == BREAKER_CLOSED ? ended.retry_after_ns : b.retry_ns;
    if (!ret->retry_ns) ret->retry_ns = -1;
    return results[ended.result].e;
}

enum err provider_run(struct provider *p, const struct cancel *cancel,
                      int64_t deadline, provider_attempt_fn *attempt, void *ctx,
                      struct provider_report *ret)
{
    *ret = (struct provider_report){.retry_ns = -1};
    for (;;) {
        struct provider_ticket t = {0};
        int64_t until;
        enum err e = provider_enter(p, cancel, deadline, &t, ret);
        if (e) return e;
        ret->attempts++;
        struct provider_attempt at = {ret->attempts, t.limit, cancel};
        struct provider_ended ended = attempt(ctx, &at);
        provider_leave(p, &t, ended.result);
        if (ended.result == PROVIDER_ANSWERED) {
            ret->result = ended.result;
            return OK;
        }
        if (!again(p, ended, ret->attempts, deadline, &until))
            return ended_badly(p, ended, ret);
        lock_take(&p->owner->lock);
        p->retries++;
        lock_drop(&p->owner->lock);
        e = rest(until, cancel);
        if (e) return stopped(p, e, ret);
    }
}

struct slice provider_text(const struct provider *p,
                           const struct provider_report *r, struct arena *a)
{
    if (r->retry_ns < 0)
        return arena_printf(a, "%s: %s", p->name, results[r->result].name);
    return arena_printf(a, "%s: %s, retry in %lld s", p->name,
                        results[r->result].name,
                        (long long)((r->retry_ns + NS_PER_S - 1) / NS_PER_S));
}

/* --- for operators -------------------------------------------------------- */

static int by_use(const void *a, const void *b)
{
    const struct provider *const *x = a, *const *y = b;
    return ((*x)->used < (*y)->used) - ((*x)->used > (*y)->used);
}

static int by_name(const void *a, const void *b)
{
    const struct provider *const *x = a, *const *y = b;
    return slice_cmp(provider_name(*x), provider_name(*y));
}

/* All targets, held; those used last first. */
static size_t hold_all(struct providers *ps, struct provider *ret[TARGETS_MOST])
{
    struct slice key;
    size_t n = 0;
    void *p;
    lock_take(&ps->lock);
    for (size_t i = 0; map_next(&ps->targets, &i, &key, &p);) {
        ret[n] = p;
        ret[n++]->held++;
    }
    if (n) qsort(ret, n, sizeof(struct provider *), by_use);
    lock_drop(&ps->lock);
    return n;
}

static void target_stats(struct provider *p, int64_t now,
                         struct provider_stats *ret)
{
    size_t n =
        p->name_n < sizeof(ret->name) ? p->name_n : sizeof(ret->name) - 1;
    *ret = (struct provider_stats){.kind = p->kind};
    memcpy(ret->name, p->name, n);
    breaker_stats(&p->breaker, now, &ret->breaker);
    lock_take(&p->owner->lock);
    memcpy(ret->calls, p->calls, sizeof(p->calls));
    ret->retries = p->retries;
    ret->busy_ns = p->busy_ns;
    lock_drop(&p->owner->lock);
}

size_t providers_stats(struct providers *ps, int64_t now,
                       struct provider_stats ret[PROVIDERS_TOLD])
{
    struct provider *all[TARGETS_MOST];
    size_t n = hold_all(ps, all), told = n;
    if (told > PROVIDERS_TOLD) told = PROVIDERS_TOLD;
    if (told) qsort(all, told, sizeof(struct provider *), by_name);
    for (size_t i = 0; i < told; i++) target_stats(all[i], now, &ret[i]);
    for (size_t i = 0; i < n; i++) provider_put(all[i]);
    return told;
}

void providers_bucket(struct providers *ps, enum provider_kind kind,
                      int64_t now, struct bucket_stats *ret)
{
    limiter_stats(&ps->limiter, &ps->bucket[kind], now, ret);
}

enum err providers_reset(struct providers *ps, struct slice name, int64_t now)
{
    struct provider *all[TARGETS_MOST];
    size_t n = hold_all(ps, all);
    bool found = !name.n;
    for (size_t i = 0; i < n; i++) {
        if (!name.n || slice_eq(name, provider_name(all[i]))) {
            breaker_reset(&all[i]->breaker, now);
            found = true;
        }
        provider_put(all[i]);
    }
    return found ? OK : ERR_NOT_FOUND;
}
