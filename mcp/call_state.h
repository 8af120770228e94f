/*
 * call_state: the private side of calls, peers and the server. Only mcp/
 * includes it.
 *
 * The life of a call, all on its peer's loop except where said:
 *
 *   take -> parse (over 64 KiB: on a worker) -> ruling -> begin
 *        -> run (here, or on a worker, or pending elsewhere)
 *        -> render (where run ended) -> finish: reply or drop -> free list
 *
 * While it is away (queued, on a worker, pending) it stands in its peer's
 * list, for cancellation by id, and in the server's, for shutdown. It comes
 * home through the exchange's mailbox, exactly once.
 */
#ifndef MCP_CALL_STATE_H
#define MCP_CALL_STATE_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/lock.h"
#include "mcp/call.h"
#include "mcp/fault.h"
#include "mcp/method.h"

struct mcp_call_link {
    struct mcp_call_link *next, *prev;
};

struct mcp_call_state {
    struct mcp_call pub; /* first: a handler's pointer is ours */
    struct mcp_peer *peer;
    struct mcp_exchange *ex;
    struct mcp_call_link at_peer;   /* away, held or free. Thread: loop */
    struct mcp_call_link at_server; /* away. Lock: server->lock */
    struct pool_job job;
    struct mcp_mail mail;
    void (*home)(struct mcp_call_state *c); /* next step when back */
    struct slice bytes;                     /* the message */
    struct mcp_message m;
    const struct mcp_revision *revision;
    const struct mcp_method *method; /* NULL: there is nothing to answer */
    const struct mcp_tool *tool;     /* tools/call */
    void *args;
    enum mcp_run where;
    struct mcp_fault fault;
    struct buf reply;
    enum err result;
    bool away, rendered, lost;
};

struct mcp_tool_entry {
    struct slice name;
    const struct mcp_tool *row;
};

struct mcp_server {
    struct mcp_server_config config;
    unsigned offers; /* enum mcp_offer */
    struct mcp_tool_entry *tools;
    size_t tools_count;
    /* Answers that are the same for everybody, rendered once by mcp/reply. */
    struct buf hello[MCP_REV_COUNT]; /* of initialize or server/discover */
    struct buf tools_list[MCP_REV_COUNT];
    struct buf tail[MCP_REV_COUNT]; /* what closes every result object */
    struct lock lock;
    struct mcp_call_link away; /* Lock: lock */
    struct mcp_lane *lanes;    /* of the HTTP loops. Lock: lock */
    _Atomic uint32_t open;     /* length of `away`; written under lock */
    atomic_bool stopping;      /* set under lock, read anywhere */
};

/* Idle calls, kept warm: of one stdio peer, or of all HTTP peers of a loop,
 * so that a thousand quiet connections keep none. Thread: its loop. */
struct mcp_lane {
    struct mcp_call_link free;
    size_t free_count;
    pthread_t owner; /* HTTP: the loop's thread */
    struct mcp_lane *next;
};

/* Thread: its loop, all of it. */
struct mcp_peer {
    struct mcp_server *server;
    enum mcp_transport kind;
    const char *name;
    const struct mcp_revision *legacy; /* chosen by initialize (stdio) */
    const struct mcp_revision *last;   /* of the last message that had one */
    struct mcp_call_link away, held;
    struct mcp_lane *lane; /* &own, or a loop's */
    struct mcp_lane own;
    bool parsing; /* stdio: a large message is read; later ones are held */
};

#define MCP_CALL_OF(link)                                                      \
    ((struct mcp_call_state *)((char *)(link)-offsetof(struct mcp_call_state,  \
                                                       at_peer)))

/* --- call.c --------------------------------------------------------------- */
/* A fresh call for this exchange; NULL when out of memory. */
struct mcp_call_state *mcp_call_take(struct mcp_peer *peer,
                                     struct mcp_exchange *ex);
void mcp_call_free(struct mcp_call_state *c);
/* Sets the JSON-RPC error this call ends with; returns ERR_INVALID. */
enum err mcp_call_fault(struct mcp_call_state *c, struct mcp_fault f);
/* The method's begin, run, render and finish. */
void mcp_call_serve(struct mcp_call_state *c);
/* Hands the call to a worker; `home` runs on the loop afterwards, with
 * c->result. False: the pool refused, c->result says why, the call is here. */
bool mcp_call_send(struct mcp_call_state *c, void (*run)(struct pool_job *job),
                   void (*home)(struct mcp_call_state *c));
/* Worker: sends the call back. */
void mcp_call_back(struct mcp_call_state *c);
/* Renders if need be, ends the exchange, frees the call. */
void mcp_call_finish(struct mcp_call_state *c);
/* As finish, for a holder whose reply is complete, or empty (202). */
void mcp_call_answer(struct mcp_call_state *c, int status);
/* notifications/cancelled: every call away with this id. */
void mcp_peer_cancel(struct mcp_peer *peer, const struct json *id);

/* --- peer.c --------------------------------------------------------------- */
/* Frees the idle calls. */
void mcp_lane_done(struct mcp_lane *lane);

/* --- batch.c -------------------------------------------------------------- */
/* Serves each element and answers c's exchange when the last has ended. */
void mcp_batch_serve(struct mcp_call_state *c);

/* --- receive.c ------------------------------------------------------------ */
/* From a ruling on: c->m and c->revision are set by it. */
struct mcp_ruling;
void mcp_receive_ruled(struct mcp_call_state *c, const struct mcp_ruling *r);
/* What can be said without memory. */
void mcp_receive_nomem(struct mcp_exchange *ex);

/* --- method_tools.c ------------------------------------------------------- */
enum err mcp_tools_list_begin(struct mcp_call_state *c);
void mcp_tools_list_render(struct mcp_call_state *c, enum err e);
enum err mcp_tools_call_begin(struct mcp_call_state *c);
enum err mcp_tools_call_run(struct mcp_call_state *c);
void mcp_tools_call_render(struct mcp_call_state *c, enum err e);

static inline void mcp_link_init(struct mcp_call_link *head)
{
    head->next = head->prev = head;
}
static inline void mcp_link_add(struct mcp_call_link *head,
                                struct mcp_call_link *l)
{
    l->next = head;
    l->prev = head->prev;
    head->prev->next = l;
    head->prev = l;
}
static inline void mcp_link_del(struct mcp_call_link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    mcp_link_init(l);
}

#endif
