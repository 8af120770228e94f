#include "transport/gone.h"

#include <event2/event.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/alloc.h"
#include "transport/loop.h"

enum { BATCH = 64 };

struct tp_gone {
    int set;
    struct event *event;
    void (*left)(void *who);
    /* The batch being told: forgetting one in between strikes it out. */
    struct epoll_event batch[BATCH];
    int batch_n;
};

static void on_left(evutil_socket_t fd, short what, void *ctx)
{
    (void)what;
    struct tp_gone *g = ctx;
    g->batch_n = epoll_wait(fd, g->batch, BATCH, 0);
    for (int i = 0; i < g->batch_n; i++)
        if (g->batch[i].data.ptr) g->left(g->batch[i].data.ptr);
    g->batch_n = 0;
}

enum err tp_gone_new(struct tp_loop *loop, void (*left)(void *who),
                     struct tp_gone **ret)
{
    struct tp_gone *g = MEM_NEW(struct tp_gone);
    if (!g) return ERR_NOMEM;
    enum err e = ERR_IO;
    g->left = left;
    g->set = epoll_create1(EPOLL_CLOEXEC);
    if (g->set < 0) goto out;
    e = ERR_NOMEM;
    g->event =
        event_new(tp_loop_base(loop), g->set, EV_READ | EV_PERSIST, on_left, g);
    if (!g->event || event_add(g->event, NULL) != 0) goto out;
    *ret = g;
    return OK;
out:
    tp_gone_free(g);
    return e;
}

void tp_gone_free(struct tp_gone *g)
{
    if (!g) return;
    if (g->event) event_free(g->event);
    if (g->set >= 0) close(g->set);
    mem_free(g);
}

enum err tp_gone_watch(struct tp_gone *g, int fd, void *who)
{
    struct epoll_event ev = {.events = EPOLLRDHUP | EPOLLONESHOT,
                             .data.ptr = who};
    return epoll_ctl(g->set, EPOLL_CTL_ADD, fd, &ev) == 0 ? OK : ERR_IO;
}

void tp_gone_forget(struct tp_gone *g, int fd, void *who)
{
    (void)epoll_ctl(g->set, EPOLL_CTL_DEL, fd, NULL);
    for (int i = 0; i < g->batch_n; i++)
        if (g->batch[i].data.ptr == who) g->batch[i].data.ptr = NULL;
}
