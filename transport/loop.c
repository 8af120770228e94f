#include "transport/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "transport/spare.h"

struct tp_loop {
    struct mcp_mailbox mailbox; /* first */
    const char *name;
    struct event_base *base;
    struct event *wake;
    int wake_fd;
    void (*drained)(void *ctx);
    void *drained_ctx;
    struct mcp_mail quit;
    pthread_t owner;
    pthread_t thread;
    bool running;

    struct event *beat;
    int64_t beat_due;              /* Thread: the loop */
    int64_t lag_minute, lag_until; /* likewise: of the minute under way */
    _Atomic int64_t beat_at, lag, lag_before, lag_now; /* relaxed: gauges */

    struct lock lock; /* guards first and last */
    struct mcp_mail *first;
    struct mcp_mail **last;
};

/* --- libevent, once per process ------------------------------------------ */

#if defined(PHASEGATE_TSAN)
/* With the changelist libevent tells epoll about a removed event only at the
 * next turn, when the descriptor may be closed and its number be another
 * thread's file already. That call fails with EBADF or ENOENT and changes
 * nothing; TSan, which sees the two uses of one number, calls it a race. */
__attribute__((visibility("default"))) const char *
__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:epoll_ctl\n";
}
#endif

static void event_log(int severity, const char *msg)
{
    if (severity >= EVENT_LOG_WARN)
        log_warn("libevent", "library warning", LOG_C("text", msg));
    else
        log_debug("libevent", "library message", LOG_C("text", msg));
}

static void event_fatal(int err)
{
    log_error("libevent", "fatal library error", LOG_I("err", err));
    abort();
}

static void libevent_setup(void)
{
    event_set_mem_functions(tp_spare_alloc, tp_spare_realloc, tp_spare_free);
    event_set_log_callback(event_log);
    event_set_fatal_callback(event_fatal);
}

enum tp_loop_kind tp_loop_kind_for(int in, int out)
{
    struct epoll_event ev = {.events = EPOLLIN};
    int ep = epoll_create1(EPOLL_CLOEXEC);
    bool both = ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, in, &ev) == 0 &&
                (out == in || epoll_ctl(ep, EPOLL_CTL_ADD, out, &ev) == 0);
    if (ep >= 0) close(ep);
    return both ? TP_LOOP_PIPES : TP_LOOP_FILES;
}

static struct event_base *base_new(enum tp_loop_kind kind)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, libevent_setup);
    struct event_config *config = event_config_new();
    if (!config) return NULL;
    struct event_base *base = NULL;
    int flags = EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV;
    int feature = kind == TP_LOOP_FILES ? EV_FEATURE_FDS : EV_FEATURE_O1;
    if (kind == TP_LOOP_NET) flags |= EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST;
    if (event_config_set_flag(config, flags) == 0 &&
        event_config_require_features(config, feature) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

/* --- the mailbox --------------------------------------------------------- */

void tp_loop_post(struct tp_loop *l, struct mcp_mail *m)
{
    m->next = NULL;
    lock_take(&l->lock);
    bool was_empty = l->first == NULL;
    *l->last = m;
    l->last = &m->next;
    lock_drop(&l->lock);
    if (!was_empty) return; /* somebody's wake-up is under way */
    uint64_t one = 1;
    /* Cannot be full: it is written once per emptied list. */
    ssize_t n = write(l->wake_fd, &one, sizeof(one));
    assert(n == sizeof(one));
    (void)n;
}

static void mailbox_post(struct mcp_mailbox *box, struct mcp_mail *m)
{
    tp_loop_post((struct tp_loop *)box, m);
}

struct mcp_mailbox *tp_loop_mailbox(struct tp_loop *l)
{
    return &l->mailbox;
}

static struct mcp_mail *mail_take_all(struct tp_loop *l)
{
    lock_take(&l->lock);
    struct mcp_mail *all = l->first;
    l->first = NULL;
    l->last = &l->first;
    lock_drop(&l->lock);
    return all;
}

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
    (void)what;
    struct tp_loop *l = ctx;
    uint64_t count;
    /* Before the list is taken: a post that comes in between finds the list
     * empty or not, and in both cases is seen now or wakes us again. */
    ssize_t n = read(fd, &count, sizeof(count));
    (void)n; /* EAGAIN: nothing to forget */
    struct mcp_mail *next;
    for (struct mcp_mail *m = mail_take_all(l); m; m = next) {
        next = m->next;
        m->run(m);
    }
    if (l->drained) l->drained(l->drained_ctx);
}

/* --- the beat ------------------------------------------------------------- */

enum { BEAT_S = 1, LAG_WINDOW_S = 60 };

static void gauge(_Atomic int64_t *g, int64_t v)
{
    atomic_store_explicit(g, v, memory_order_relaxed);
}

static void on_beat(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    struct tp_loop *l = ctx;
    int64_t now = clock_now();
    int64_t lag = l->beat_due && now > l->beat_due ? now - l->beat_due : 0;
    if (now >= l->lag_until) {
        gauge(&l->lag_before, l->lag_minute);
        l->lag_minute = 0;
        l->lag_until = now + LAG_WINDOW_S * NS_PER_S;
    }
    if (lag > l->lag_minute) l->lag_minute = lag;
    gauge(&l->lag_now, l->lag_minute);
    gauge(&l->lag, lag);
    gauge(&l->beat_at, now);
    l->beat_due = now + BEAT_S * NS_PER_S;
    (void)event_add(l->beat, &(struct timeval){.tv_sec = BEAT_S});
}

static int64_t gauged(const _Atomic int64_t *g)
{
    return atomic_load_explicit(g, memory_order_relaxed);
}

void tp_loop_beat(const struct tp_loop *l, struct tp_beat *ret)
{
    int64_t before = gauged(&l->lag_before), now = gauged(&l->lag_now);
    *ret = (struct tp_beat){.name = l->name,
                            .at = gauged(&l->beat_at),
                            .lag_ns = gauged(&l->lag),
                            .lag_max_ns = before > now ? before : now};
}

/* --- life ---------------------------------------------------------------- */

enum err tp_loop_new(const char *name, enum tp_loop_kind kind,
                     struct tp_loop **ret)
{
    enum err e = ERR_NOMEM;
    struct tp_loop *l = MEM_NEW(struct tp_loop);
    if (!l) return e;
    l->mailbox.post = mailbox_post;
    l->name = name;
    l->owner = pthread_self();
    lock_init(&l->lock, "loop.mailbox", RANK_QUEUE);
    l->last = &l->first;
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wake_fd < 0) {
        e = ERR_IO;
        goto out;
    }
    l->base = base_new(kind);
    if (!l->base) {
        e = ERR_UNAVAILABLE;
        goto out;
    }
    l->wake = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
    if (!l->wake || event_add(l->wake, NULL) != 0) goto out;
    l->beat = evtimer_new(l->base, on_beat, l);
    if (!l->beat || event_add(l->beat, &(struct timeval){0}) != 0) goto out;
    gauge(&l->beat_at, clock_now());
    *ret = l;
    l = NULL;
    e = OK;
out:
    tp_loop_free(l);
    return e;
}

void tp_loop_free(struct tp_loop *l)
{
    if (!l) return;
    assert(!l->running);
    if (l->wake) event_free(l->wake);
    if (l->beat) event_free(l->beat);
    if (l->base) event_base_free(l->base);
    if (l->wake_fd >= 0) close(l->wake_fd);
    lock_done(&l->lock);
    mem_free(l);
}

static void *loop_main(void *ctx)
{
    struct tp_loop *l = ctx;
    log_thread_name(l->name);
    l->owner = pthread_self();
    tp_spare_begin();
    event_base_dispatch(l->base);
    tp_spare_end();
    return NULL;
}

enum err tp_loop_start(struct tp_loop *l)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&l->thread, NULL, loop_main, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) return ERR_UNAVAILABLE;
    l->running = true;
    return OK;
}

static void run_quit(struct mcp_mail *m)
{
    struct tp_loop *l =
        (struct tp_loop *)((char *)m - offsetof(struct tp_loop, quit));
    event_base_loopbreak(l->base);
}

void tp_loop_stop(struct tp_loop *l)
{
    if (!l || !l->running) return;
    l->quit.run = run_quit;
    tp_loop_post(l, &l->quit);
    pthread_join(l->thread, NULL);
    l->running = false;
    l->owner = pthread_self();
}

void tp_loop_on_drained(struct tp_loop *l, void (*fn)(void *ctx), void *ctx)
{
    tp_loop_assert_owner(l);
    l->drained = fn;
    l->drained_ctx = ctx;
}

void tp_loop_assert_owner(const struct tp_loop *l)
{
#ifdef PHASEGATE_DEBUG
    if (!pthread_equal(l->owner, pthread_self())) {
        log_error("loop", "called from a thread that does not own it",
                  LOG_C("loop", l->name), LOG_C("caller", log_thread()));
        abort();
    }
#else
    (void)l;
#endif
}

struct event_base *tp_loop_base(struct tp_loop *l)
{
    return l->base;
}
