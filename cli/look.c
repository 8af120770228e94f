#include "cli/look.h"

#include <signal.h>

#include "base/alloc.h"
#include "base/lock.h"
#include "base/log.h"

struct cli_look {
    const char *name;
    void (*read)(void *ctx, void *ret);
    void *ctx;
    size_t size;
    pthread_t thread;
    bool late; /* the look under way was given up. Thread: who asks */
    struct lock lock;
    struct cond asked_for, ended; /* and stop */
    bool asked, stop;             /* under lock, as the result */
    char *found;                  /* written while asked, without the lock */
};

static void *look_main(void *arg)
{
    struct cli_look *l = arg;
    log_thread_name(l->name);
    lock_take(&l->lock);
    while (!l->stop) {
        if (!l->asked) {
            cond_wait(&l->asked_for, &l->lock);
            continue;
        }
        lock_drop(&l->lock);
        l->read(l->ctx, l->found); /* nobody else looks at it meanwhile */
        lock_assert_none();
        lock_take(&l->lock);
        l->asked = false;
        cond_signal(&l->ended);
    }
    lock_drop(&l->lock);
    return NULL;
}

enum err cli_look_new(const char *name, void (*read)(void *ctx, void *ret),
                      void *ctx, size_t size, struct cli_look **ret)
{
    struct cli_look *l = MEM_NEW(struct cli_look);
    char *found = mem_zalloc(size);
    sigset_t all, before;
    if (!l || !found) {
        mem_free(found);
        mem_free(l);
        return ERR_NOMEM;
    }
    *l = (struct cli_look){
        .name = name, .read = read, .ctx = ctx, .size = size, .found = found};
    lock_init(&l->lock, "look", RANK_LEAF);
    cond_init(&l->asked_for);
    cond_init(&l->ended);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&l->thread, NULL, look_main, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0) {
        *ret = l;
        return OK;
    }
    cond_done(&l->ended);
    cond_done(&l->asked_for);
    lock_done(&l->lock);
    mem_free(found);
    mem_free(l);
    return ERR_UNAVAILABLE;
}

void cli_look_ask(struct cli_look *l)
{
    lock_take(&l->lock);
    l->late = l->asked;
    l->asked = true;
    lock_drop(&l->lock);
    if (!l->late) cond_signal(&l->asked_for);
}

bool cli_look_take(struct cli_look *l, int64_t until, void *ret)
{
    bool ended;
    lock_take(&l->lock);
    while (l->asked && !l->late && cond_wait_until(&l->ended, &l->lock, until))
        continue;
    ended = !l->asked && !l->late;
    if (ended) memcpy(ret, l->found, l->size);
    lock_drop(&l->lock);
    return ended;
}

void cli_look_free(struct cli_look *l)
{
    if (!l) return;
    lock_take(&l->lock);
    l->stop = true;
    lock_drop(&l->lock);
    cond_signal(&l->asked_for);
    pthread_join(l->thread, NULL);
    cond_done(&l->ended);
    cond_done(&l->asked_for);
    lock_done(&l->lock);
    mem_free(l->found);
    mem_free(l);
}
