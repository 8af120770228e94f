#include "engine/permit.h"

#include <assert.h>
#include <signal.h>

#include "base/alloc.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/map.h"

enum { POLL_MS = 50 };

static const struct {
    const char *name;
    uint32_t limit;
} levels[] = {
#define LEVEL_ROW(symbol, name, limit) {name, limit},
    PERMIT_LEVEL_ROWS(LEVEL_ROW)
#undef LEVEL_ROW
};

/* Lives while a permit of it is held or waits. Guarded by permits.lock. */
struct permit_session {
    uint32_t in_use, waiting;
    uint32_t key_n;
    char key[];
};

struct permits {
    struct permit_options o;
    struct lock lock; /* guards what follows */
    struct cond wake; /* the clock's thread: another time to leave the list */
    struct map sessions;        /* of struct permit_session */
    struct permit held, parked; /* heads of lists, parked by arrival */
    uint32_t in_use[PERMIT_LEVEL_COUNT];
    uint32_t waiting, impatient, inner; /* of those parked */
    uint64_t serials;
    struct permit_stats counts; /* only what grows */
    bool stop, started;
    pthread_t thread;
};

const char *permit_level_name(enum permit_level level)
{
    return levels[level].name;
}

const char *permit_level_state(const struct permit_stats *st,
                               enum permit_level level)
{
    uint64_t limit = st->limit[level], n = st->in_use[level];
    if (!limit || n * 10 < limit * 8) return "ok";
    return n < limit ? "high" : "exhausted";
}

enum err permit_problem(const struct permit *p, struct arena *a,
                        struct problem *ret)
{
    ret->retry_after_ms = p->owner->o.retry_after_ms;
    ret->extra = arena_printf(a, "\"level\":\"%s\",\"limit\":%u,\"in_use\":%u",
                              levels[p->level].name, p->limit, p->in_use);
    return problem_setf(ret, a, ERR_OVER_CAPACITY,
                        SLICE("So many calls run at once already, and none "
                              "ended in time."),
                        SLICE("Wait retry_after_ms, then send the same call "
                              "again."),
                        "%s concurrency limit reached (%u of %u)",
                        levels[p->level].name, p->in_use, p->limit);
}

void permit_options_init(struct permit_options *o)
{
    *o = (struct permit_options){.queue_max = 64,
                                 .wait_ns = 250 * NS_PER_MS,
                                 .leak_grace_ns = 10 * NS_PER_S,
                                 .retry_after_ms = 1000};
    for (int i = 0; i < PERMIT_LEVEL_COUNT; i++) o->limit[i] = levels[i].limit;
}

/* --- lists, counters ------------------------------------------------------ */

static void list_init(struct permit *head)
{
    head->next = head->prev = head;
}

static void list_add(struct permit *head, struct permit *p)
{
    p->next = head;
    p->prev = head->prev;
    head->prev->next = p;
    head->prev = p;
}

static void list_del(struct permit *p)
{
    p->next->prev = p->prev;
    p->prev->next = p->next;
    p->next = p->prev = NULL;
}

static enum err do_session(struct permits *ps, struct slice id,
                           struct permit_session **ret)
{
    struct permit_session *s = map_get(&ps->sessions, id);
    if (!s) {
        s = mem_zalloc(sizeof(*s) + id.n);
        if (!s) return ERR_NOMEM;
        s->key_n = (uint32_t)id.n;
        memcpy(s->key, id.p, id.n);
        enum err e =
            map_put(&ps->sessions, (struct slice){s->key, id.n}, s, NULL);
        if (e) {
            mem_free(s);
            return e;
        }
    }
    *ret = s;
    return OK;
}

static void do_session_drop(struct permits *ps, struct permit_session *s)
{
    if (!s || s->in_use || s->waiting) return;
    map_del(&ps->sessions, (struct slice){s->key, s->key_n});
    mem_free(s);
}

/* The counter of a level that this permit counts at; NULL: it does not. */
static uint32_t *do_counter(struct permits *ps, const struct permit *p,
                            enum permit_level level)
{
    if (level == p->class) return &ps->in_use[level];
    if (p->inner) return NULL;
    if (level == PERMIT_GLOBAL) return &ps->in_use[level];
    return level == PERMIT_SESSION && p->counter ? &p->counter->in_use : NULL;
}

/* False: the first level without room is in p. */
static bool do_room(struct permits *ps, struct permit *p)
{
    for (int i = 0; i < PERMIT_LEVEL_COUNT; i++) {
        enum permit_level level = (enum permit_level)i;
        const uint32_t *n = do_counter(ps, p, level);
        if (!n || !ps->o.limit[i] || *n < ps->o.limit[i]) continue;
        p->level = level;
        p->limit = ps->o.limit[i];
        p->in_use = *n;
        return false;
    }
    return true;
}

static void do_count(struct permits *ps, const struct permit *p, bool up)
{
    assert(ps);
    for (int i = 0; i < PERMIT_LEVEL_COUNT; i++) {
        uint32_t *n = do_counter(ps, p, (enum permit_level)i);
        if (!n) continue;
        assert(up || *n > 0);
        *n += up ? 1 : UINT32_MAX;
        if (up) ps->counts.granted[i]++;
    }
}

static void do_grant(struct permits *ps, struct permit *p, int64_t now)
{
    do_count(ps, p, true);
    p->state = PERMIT_HELD;
    p->since = now;
    p->serial = ++ps->serials;
    p->told = false;
    (void)memccpy(p->thread, log_thread(), '\0', sizeof(p->thread) - 1);
    list_add(&ps->held, p);
}

/* --- waiting -------------------------------------------------------------- */

static void do_park(struct permits *ps, struct permit *p, int64_t now)
{
    int64_t until =
        now > INT64_MAX - ps->o.wait_ns ? INT64_MAX : now + ps->o.wait_ns;
    p->until = p->patient || until > p->deadline ? p->deadline : until;
    p->since = now;
    p->state = PERMIT_PARKED;
    list_add(&ps->parked, p);
    ps->waiting++;
    ps->impatient += !p->patient;
    ps->inner += p->inner;
    if (p->counter) p->counter->waiting++;
    cond_signal(&ps->wake);
}

static void do_unpark(struct permits *ps, struct permit *p, int64_t now)
{
    list_del(p);
    p->state = PERMIT_IDLE;
    ps->waiting--;
    ps->impatient -= !p->patient;
    ps->inner -= p->inner;
    if (p->counter) p->counter->waiting--;
    if (now > p->since) ps->counts.wait_ns += (uint64_t)(now - p->since);
}

/* Everybody who has room now, in the order they came; a list by next. */
static struct permit *do_grant_waiting(struct permits *ps, int64_t now)
{
    struct permit *granted = NULL, **last = &granted, *next;
    for (struct permit *p = ps->parked.next; p != &ps->parked; p = next) {
        next = p->next;
        /* Nobody but inner ones has room then, and seldom does one wait. */
        if (ps->in_use[PERMIT_GLOBAL] >= ps->o.limit[PERMIT_GLOBAL] &&
            !ps->inner)
            break;
        if (!do_room(ps, p)) continue;
        do_unpark(ps, p, now);
        do_grant(ps, p, now);
        *last = p;
        last = &p->told_next;
        *last = NULL;
    }
    return granted;
}

/* Whose time in the list is over. */
static struct permit *do_expire(struct permits *ps, int64_t now)
{
    struct permit *over = NULL, **last = &over, *next;
    for (struct permit *p = ps->parked.next; p != &ps->parked; p = next) {
        next = p->next;
        if (now < p->until) continue;
        (void)do_room(ps, p); /* says what it waited for */
        do_unpark(ps, p, now);
        ps->counts.refused[p->level]++;
        do_session_drop(ps, p->counter);
        p->counter = NULL;
        *last = p;
        last = &p->told_next;
        *last = NULL;
    }
    return over;
}

/* done() may end the permit: the next one is read before. */
static void tell(struct permit *list, bool granted, int64_t now)
{
    struct permit *next;
    for (struct permit *p = list; p; p = next) {
        next = p->told_next;
        p->done(p, granted              ? OK
                   : now >= p->deadline ? ERR_DEADLINE
                                        : ERR_OVER_CAPACITY);
    }
}

static int64_t do_earliest(const struct permits *ps)
{
    int64_t at = INT64_MAX;
    for (const struct permit *p = ps->parked.next; p != &ps->parked;
         p = p->next)
        if (p->until < at) at = p->until;
    return at;
}

/* Only to keep the time of those that wait. */
static void *clock_main(void *arg)
{
    struct permits *ps = arg;
    log_thread_name("permits");
    lock_take(&ps->lock);
    while (!ps->stop) {
        int64_t now = clock_now();
        struct permit *over = do_expire(ps, now);
        if (over) {
            lock_drop(&ps->lock);
            tell(over, false, now);
            lock_take(&ps->lock);
        } else {
            (void)cond_wait_until(&ps->wake, &ps->lock, do_earliest(ps));
        }
    }
    lock_drop(&ps->lock);
    return NULL;
}

/* --- taking and giving back ----------------------------------------------- */

static enum err do_take(struct permits *ps, struct permit *p, int64_t now)
{
    if (p->session.n && ps->o.limit[PERMIT_SESSION] && !p->inner) {
        enum err e = do_session(ps, p->session, &p->counter);
        if (e) return e;
    }
    if (do_room(ps, p)) {
        do_grant(ps, p, now);
        return OK;
    }
    bool may_wait = p->patient
                        ? now < p->deadline
                        : ps->o.wait_ns > 0 && ps->impatient < ps->o.queue_max;
    if (may_wait) {
        do_park(ps, p, now);
        return ERR_PENDING;
    }
    ps->counts.refused[p->level]++;
    do_session_drop(ps, p->counter);
    p->counter = NULL;
    return ERR_OVER_CAPACITY;
}

enum err permit_take(struct permits *ps, struct permit *p, int64_t now)
{
    assert(p->class >= PERMIT_READ && p->class < PERMIT_LEVEL_COUNT);
    p->owner = ps;
    p->counter = NULL;
    p->state = PERMIT_IDLE;
    lock_take(&ps->lock);
    enum err e = do_take(ps, p, now);
    lock_drop(&ps->lock);
    /* After ERR_PENDING it may be granted and gone already. */
    return e;
}

/* --- waiting on a thread -------------------------------------------------- */

struct sleeper {
    struct permit *permit;
    struct lock lock;
    struct cond told;
    bool is_told;
    enum err e;
};

static void wake_sleeper(struct permit *p, enum err e)
{
    struct sleeper *s = p->waiter;
    lock_take(&s->lock);
    s->e = e;
    s->is_told = true;
    cond_signal(&s->told);
    lock_drop(&s->lock);
}

/* Until it is told. A cancelled one withdraws, unless it is being told. */
static enum err sleep_until_told(struct sleeper *s, const struct cancel *c)
{
    enum err over = OK;
    lock_take(&s->lock);
    while (!s->is_told) {
        int64_t now = clock_now();
        if (!over && c && (over = cancel_check(c, now)) != OK) {
            lock_drop(&s->lock);
            if (permit_withdraw(s->permit)) return over;
            lock_take(&s->lock);
        } else {
            (void)cond_wait_until(&s->told, &s->lock,
                                  now + POLL_MS * NS_PER_MS);
        }
    }
    lock_drop(&s->lock);
    if (over && !s->e) {
        struct permit *p = s->permit;
        permit_release(&p);
    }
    return over ? over : s->e;
}

enum err permit_take_wait(struct permits *ps, struct permit *p,
                          const struct cancel *c)
{
    struct sleeper s = {.permit = p};
    lock_init(&s.lock, "permit-wait", RANK_LEAF);
    cond_init(&s.told);
    /* Nobody looks at it once we have been told, or have withdrawn.
     * cppcheck-suppress autoVariables */
    p->waiter = &s;
    p->done = wake_sleeper;
    enum err e = permit_take(ps, p, clock_now());
    if (e == ERR_PENDING) e = sleep_until_told(&s, c);
    p->waiter = NULL;
    cond_done(&s.told);
    lock_done(&s.lock);
    return e;
}

bool permit_withdraw(struct permit *p)
{
    struct permits *ps = p->owner;
    int64_t now = clock_now();
    lock_take(&ps->lock);
    bool was = p->state == PERMIT_PARKED;
    if (was) {
        do_unpark(ps, p, now);
        do_session_drop(ps, p->counter);
        p->counter = NULL;
    }
    lock_drop(&ps->lock);
    return was;
}

void permit_release(struct permit **pp)
{
    struct permit *p = *pp, *granted = NULL;
    if (!p) return;
    *pp = NULL;
    struct permits *ps = p->owner;
    int64_t now = clock_now();
    uint64_t serial = p->serial;
    lock_take(&ps->lock);
    bool held = p->state == PERMIT_HELD;
    if (held) {
        p->state = PERMIT_RELEASED;
        list_del(p);
        do_count(ps, p, false);
        ps->counts.released++;
        struct permit_session *s = p->counter;
        p->counter = NULL;
        granted = do_grant_waiting(ps, now);
        do_session_drop(ps, s);
    } else {
        ps->counts.release_errors++;
    }
    lock_drop(&ps->lock);
    if (!held)
        log_error("permit", "a permit was released that is not held",
                  LOG_I("serial", serial));
    tell(granted, true, now);
}

/* --- looking -------------------------------------------------------------- */

static bool overdue(const struct permits *ps, const struct permit *p,
                    int64_t now)
{
    return p->deadline <= INT64_MAX - ps->o.leak_grace_ns &&
           now > p->deadline + ps->o.leak_grace_ns;
}

/* What a log line needs, taken under the lock. */
struct leak {
    uint64_t serial;
    const char *level, *class;
    char thread[16];
    char session[64];
    size_t session_n;
    int64_t age_ms, over_ms;
};

static bool do_next_leak(struct permits *ps, int64_t now, struct leak *ret)
{
    for (struct permit *p = ps->held.next; p != &ps->held; p = p->next) {
        if (p->told || !overdue(ps, p, now)) continue;
        p->told = true;
        ps->counts.leaks++;
        ret->serial = p->serial;
        ret->level = levels[p->inner ? p->class : PERMIT_GLOBAL].name;
        ret->class = levels[p->class].name;
        memcpy(ret->thread, p->thread, sizeof(ret->thread));
        ret->session_n = p->session.n < sizeof(ret->session)
                             ? p->session.n
                             : sizeof(ret->session);
        if (ret->session_n) memcpy(ret->session, p->session.p, ret->session_n);
        ret->age_ms = (now - p->since) / NS_PER_MS;
        ret->over_ms = (now - p->deadline) / NS_PER_MS;
        return true;
    }
    return false;
}

void permits_check(struct permits *ps, int64_t now)
{
    struct leak l;
    struct permit_stats st;
    for (;;) {
        lock_take(&ps->lock);
        bool more = do_next_leak(ps, now, &l);
        lock_drop(&ps->lock);
        if (!more) break;
        log_warn("permit", "permit held too long", LOG_I("lease", l.serial),
                 LOG_C("level", l.level), LOG_C("class", l.class),
                 LOG_S("session", ((struct slice){l.session, l.session_n})),
                 LOG_I("age_ms", l.age_ms), LOG_I("over_ms", l.over_ms),
                 LOG_C("thread", l.thread));
    }
    permits_stats(ps, now, &st);
    if (st.differs) log_error("permit", "permit accounting differs");
}

static void do_recount(struct permits *ps, int64_t now,
                       struct permit_stats *ret)
{
    uint32_t n[PERMIT_LEVEL_COUNT] = {0};
    for (struct permit *p = ps->held.next; p != &ps->held; p = p->next) {
        ret->leaked += overdue(ps, p, now);
        if (p->counter && p->counter->in_use > ret->in_use[PERMIT_SESSION])
            ret->in_use[PERMIT_SESSION] = p->counter->in_use;
        for (int i = 0; i < PERMIT_LEVEL_COUNT; i++) {
            if (!do_counter(ps, p, (enum permit_level)i)) continue;
            n[i]++;
            if (now - p->since > ret->oldest_ns[i])
                ret->oldest_ns[i] = now - p->since;
        }
    }
    for (struct permit *p = ps->parked.next; p != &ps->parked; p = p->next)
        ret->waits[p->level]++;
    for (int i = 0; i < PERMIT_LEVEL_COUNT; i++) {
        if (i == PERMIT_SESSION) continue;
        ret->in_use[i] = ps->in_use[i];
        ret->differs |= n[i] != ps->in_use[i];
    }
}

void permits_stats(struct permits *ps, int64_t now, struct permit_stats *ret)
{
    lock_take(&ps->lock);
    *ret = ps->counts;
    memcpy(ret->limit, ps->o.limit, sizeof(ret->limit));
    ret->waiting = ps->waiting;
    do_recount(ps, now, ret);
    lock_drop(&ps->lock);
}

/* --- life ----------------------------------------------------------------- */

enum err permits_new(const struct permit_options *o, struct permits **ret)
{
    if (!o->limit[PERMIT_GLOBAL]) return ERR_INVALID;
    struct permits *ps = MEM_NEW(struct permits);
    if (!ps) return ERR_NOMEM;
    ps->o = *o;
    lock_init(&ps->lock, "permits", RANK_ADMISSION);
    cond_init(&ps->wake);
    list_init(&ps->held);
    list_init(&ps->parked);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    ps->started = pthread_create(&ps->thread, NULL, clock_main, ps) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!ps->started) {
        permits_free(ps);
        return ERR_NOMEM;
    }
    *ret = ps;
    return OK;
}

void permits_free(struct permits *ps)
{
    if (!ps) return;
    lock_take(&ps->lock);
    assert(ps->held.next == &ps->held && ps->parked.next == &ps->parked);
    assert(!ps->sessions.count); /* each goes with its last permit */
    ps->stop = true;
    lock_drop(&ps->lock);
    cond_signal(&ps->wake);
    if (ps->started) pthread_join(ps->thread, NULL);
    map_done(&ps->sessions);
    cond_done(&ps->wake);
    lock_done(&ps->lock);
    mem_free(ps);
}
