#include "cli/keeper.h"

#include <signal.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"

enum { PERIOD_S = 1 };

struct cli_keeper {
    void (*round)(void *ctx);
    void *ctx;
    pthread_t thread;
    struct lock lock;
    struct cond wake;
    bool stop; /* under lock */
};

/* False: it is time to stop. */
static bool sleep_a_period(struct cli_keeper *k)
{
    int64_t until = clock_now() + PERIOD_S * NS_PER_S;
    lock_take(&k->lock);
    while (!k->stop && cond_wait_until(&k->wake, &k->lock, until)) continue;
    bool go_on = !k->stop;
    lock_drop(&k->lock);
    return go_on;
}

static void *keeper_main(void *arg)
{
    struct cli_keeper *k = arg;
    log_thread_name("keeper");
    while (sleep_a_period(k)) k->round(k->ctx);
    return NULL;
}

enum err cli_keeper_start(void (*round)(void *ctx), void *ctx,
                          struct cli_keeper **ret)
{
    struct cli_keeper *k = MEM_NEW(struct cli_keeper);
    if (!k) return ERR_NOMEM;
    k->round = round;
    k->ctx = ctx;
    lock_init(&k->lock, "keeper", RANK_LEAF);
    cond_init(&k->wake);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&k->thread, NULL, keeper_main, k);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        cond_done(&k->wake);
        lock_done(&k->lock);
        mem_free(k);
        return ERR_UNAVAILABLE;
    }
    *ret = k;
    return OK;
}

void cli_keeper_stop(struct cli_keeper *k)
{
    if (!k) return;
    lock_take(&k->lock);
    k->stop = true;
    lock_drop(&k->lock);
    cond_signal(&k->wake);
    pthread_join(k->thread, NULL);
    cond_done(&k->wake);
    lock_done(&k->lock);
    mem_free(k);
}
