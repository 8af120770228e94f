/*
 * loop: one event base and the thread that owns it. Everything libevent does
 * in this program happens on the thread of the base it belongs to; there is
 * no evthread. Other threads reach a loop through its mailbox alone: a list
 * under a lock and an eventfd that is written when the list was empty. The
 * loop takes the whole list at once and runs it with no lock held.
 *
 * Three kinds, because one base cannot do all:
 *   TP_LOOP_FILES  needs EV_FEATURE_FDS: epoll refuses a regular file and
 *                  /dev/null, and both are what a shell gives us as stdin.
 *   TP_LOOP_PIPES  epoll, for pipes, sockets and terminals, half of what
 *                  poll(2) costs each turn; descriptors may be dup()ed.
 *   TP_LOOP_NET    epoll, with changes of interest batched
 *                  (EPOLL_USE_CHANGELIST, 1.35x measured); no descriptor in
 *                  such a base may be dup()ed from another. A client that
 *                  leaves is told by transport/gone.h, not by EV_CLOSED.
 *
 * Only transport/ includes libevent. Needs base/ and mcp/exchange.h.
 */
#ifndef TRANSPORT_LOOP_H
#define TRANSPORT_LOOP_H

#include "base/err.h"
#include "mcp/exchange.h"

struct event_base;
struct tp_loop;

enum tp_loop_kind { TP_LOOP_FILES, TP_LOOP_PIPES, TP_LOOP_NET };

/* The kind that serves these two. Thread: any */
enum tp_loop_kind tp_loop_kind_for(int in, int out);

/* `name` names the thread and is kept (a literal). Until tp_loop_start the
 * calling thread owns the loop and may add events. ERR_NOMEM, ERR_UNAVAILABLE
 * (no back end with that feature), ERR_IO. Thread: startup */
MUST_USE enum err tp_loop_new(const char *name, enum tp_loop_kind kind,
                              struct tp_loop **ret);
/* Not running. Mail that is still there is forgotten. NULL is fine. */
void tp_loop_free(struct tp_loop *l);

/* Runs the loop on a thread of its own, all signals blocked; ownership goes
 * there. ERR_UNAVAILABLE: no thread could be had. Thread: startup */
MUST_USE enum err tp_loop_start(struct tp_loop *l);
/* Asks the loop to return after the callbacks under way, and joins it; then
 * the caller owns it again. A loop that was never started: nothing. */
void tp_loop_stop(struct tp_loop *l);

/* Runs m->run(m) on the loop. `m` belongs to the loop until then and is not
 * touched afterwards: run() may free it. Mail from one thread keeps its
 * order. Thread: any. Lock: takes the mailbox's (RANK_QUEUE). */
void tp_loop_post(struct tp_loop *l, struct mcp_mail *m);
/* The same for mcp/: valid as long as the loop. */
struct mcp_mailbox *tp_loop_mailbox(struct tp_loop *l);

/* fn(ctx) runs after each drained mailbox, so that what many pieces of mail
 * produced is sent once. One per loop. Thread: the owner */
void tp_loop_on_drained(struct tp_loop *l, void (*fn)(void *ctx), void *ctx);

/* Each loop has a timer of one second; how late it is tells how long its
 * callbacks keep others waiting. Thread: any */
struct tp_beat {
    const char *name;
    int64_t at;         /* monotonic; of the last one */
    int64_t lag_ns;     /* how late it was */
    int64_t lag_max_ns; /* the latest of the last one to two minutes */
};
void tp_loop_beat(const struct tp_loop *l, struct tp_beat *ret);

/* Debug builds abort on another thread than the owner. */
void tp_loop_assert_owner(const struct tp_loop *l);
struct event_base *tp_loop_base(struct tp_loop *l);

#endif
