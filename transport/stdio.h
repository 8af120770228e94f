/*
 * stdio: one peer on a pair of descriptors, one JSON-RPC message per line in
 * both directions. Nothing but messages is ever written to `out`.
 *
 * libevent says when, the bytes are ours: lines are cut from one read buffer
 * and handed to mcp_receive, and one write carries every answer that is
 * ready, or 64 KiB of them while more lines wait. A pipe too small for that is
 * widened. Bounded on all sides: at most `calls_max` messages or `bytes_max`
 * bytes of them are under way and at most `out_max` bytes of answers wait for
 * a slow reader; then nothing more is read until some have left.
 *
 * At the end of input every line already read is answered and flushed. When
 * the reader has gone (EPIPE) or takes nothing for `stall_ms`, what is left
 * is dropped. `notice` tells both, each at most once and in this order.
 *
 * Thread: the loop, but for new, free and shut. Needs a loop of
 * tp_loop_kind_for(in, out): `in` may be a regular file.
 */
#ifndef TRANSPORT_STDIO_H
#define TRANSPORT_STDIO_H

#include "base/err.h"
#include "mcp/exchange.h"

struct tp_loop;
struct tp_stdio;

enum tp_stdio_notice {
    TP_STDIO_ENDING, /* no line will be read any more; answers may follow */
    TP_STDIO_GONE,   /* nobody reads: what runs for this peer is in vain */
    TP_STDIO_ENDED   /* every exchange has ended, all is flushed or dropped */
};

struct tp_stdio_config {
    struct tp_loop *loop;
    struct mcp_server *server;
    int in, out;        /* inherited; never closed, flags never changed */
    uint32_t calls_max; /* 0: 1,024 */
    size_t bytes_max;   /* 0: 32 MiB */
    size_t line_max;    /* 0: 16 MiB */
    size_t out_max;     /* 0: 4 MiB */
    int64_t stall_ms;   /* 0: 30,000 */
    /* Thread: the loop. May not free the stdio. May be NULL. */
    void (*notice)(void *ctx, enum tp_stdio_notice what);
    void *ctx;
};

/* Begins to read as soon as the loop runs. ERR_NOMEM. Thread: startup */
MUST_USE enum err tp_stdio_new(const struct tp_stdio_config *c,
                               struct tp_stdio **ret);
/* As if input had ended now: no further line is read, those here are still
 * answered. Once or more. Thread: any */
void tp_stdio_shut(struct tp_stdio *s);
/* The loop does not run. NULL is fine. Exchanges still open are leaked on
 * purpose: a worker may hold them. */
void tp_stdio_free(struct tp_stdio *s);

#endif
