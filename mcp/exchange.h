/*
 * exchange: what a transport implements so that mcp/ can answer. mcp/ is
 * tested with a fake one and no socket.
 *
 * An exchange is one incoming message on its way to its answer: a line on
 * stdio, a POST, GET or DELETE over HTTP. The transport embeds struct
 * mcp_exchange in its own object, hands it to mcp_receive() or one of its
 * sisters and may not free it until mcp/ has ended it. A GET stream and a
 * subscription are exchanges that stay open.
 *
 * Sessions, streams, event ids and what is kept for a client that comes back
 * with Last-Event-ID are all mcp/'s: a transport only writes what it is given.
 *
 * Invariants: every exchange is ended exactly once, by reply(), by end() or,
 * when the peer is gone, by drop(). All operations are called on the loop that
 * owns the exchange. Nothing here blocks. An operation may be
 * called from within mcp_receive(). Bytes given are borrowed for the call.
 */
#ifndef MCP_EXCHANGE_H
#define MCP_EXCHANGE_H

#include "base/err.h"
#include "base/slice.h"

struct buf;
struct mcp_exchange;
struct mcp_server;
struct mcp_peer;

/* A message to a loop's mailbox; embedded in the sender's object. */
struct mcp_mail {
    void (*run)(struct mcp_mail *m); /* Thread: the loop */
    struct mcp_mail *next;           /* private */
};

/* How to reach a loop from any thread: embedded in the loop, and there for as
 * long as it runs, whatever becomes of a single exchange. */
struct mcp_mailbox {
    /* Runs m on the loop. Takes the mailbox's lock for a moment. */
    void (*post)(struct mcp_mailbox *box, struct mcp_mail *m);
};

struct mcp_header {
    const char *name;
    struct slice value;
};

struct mcp_exchange_ops {
    const char *name; /* "stdio", "http" */
    /* HTTP: a request header's value by lower-case name; {NULL,0} absent.
     * stdio: always absent. Valid until the exchange has ended. */
    struct slice (*header)(struct mcp_exchange *ex, const char *name);
    /* The answer, whole; ends the exchange. HTTP: status, extra headers, a
     * JSON body (empty: none). stdio: the body as one line; an empty body
     * writes nothing. */
    void (*reply)(struct mcp_exchange *ex, int status,
                  const struct mcp_header *headers, size_t count,
                  struct slice body);
    /* stdio, NULL elsewhere: the same; `body` becomes the transport's and an
     * empty one is left in its place. False: not now; reply() it. */
    bool (*take)(struct mcp_exchange *ex, struct buf *body);
    /* HTTP: the reply becomes a stream (SSE) now, its headers leave at once.
     * `id` not empty: a first event "id: <id>\nretry: <retry_ms>\ndata: \n\n"
     * (without retry when that is 0), for clients that resume. stdio, batch:
     * nothing. False: the consumer is gone. */
    bool (*open)(struct mcp_exchange *ex, struct slice id, int64_t retry_ms);
    /* A message before the answer: the first makes an HTTP reply a stream
     * if open() has not. `id` empty: none. False: the consumer is too slow or
     * gone, the message is dropped. */
    bool (*event)(struct mcp_exchange *ex, struct slice id,
                  struct slice message);
    /* The last message of a stream, and its end. `id` as for event(). Empty
     * message: the stream just ends. */
    void (*end)(struct mcp_exchange *ex, struct slice id, struct slice message);
    /* The call behind it was cancelled: ends without an answer. */
    void (*drop)(struct mcp_exchange *ex);
};

struct mcp_exchange {
    const struct mcp_exchange_ops *ops;
    struct mcp_mailbox *mailbox; /* of the loop that owns it */
    /* private to mcp/: the call it belongs to, or NULL */
    void *call;
};

/* --- what mcp/ offers a transport; Thread: the peer's loop ---------------- */

/* A counterpart: the stdio stream, or an HTTP connection. An HTTP peer is made
 * on the loop that serves it (idle calls are shared by the loop's peers); a
 * stdio peer may be made before its loop runs. NULL: out of memory. */
enum mcp_transport { MCP_STDIO, MCP_HTTP };
struct mcp_peer *mcp_peer_new(struct mcp_server *s, enum mcp_transport kind,
                              const char *name);
/* No exchange of this peer is open any more; a worker may still be at a call
 * that was answered at its deadline, then the memory goes when it lets go.
 * NULL is fine. */
void mcp_peer_free(struct mcp_peer *peer);

/* A whole message. Copies what it keeps. May end the exchange before it
 * returns. For HTTP the transport has already checked method, Origin, Host,
 * Content-Type, token and size. */
void mcp_receive(struct mcp_peer *peer, struct mcp_exchange *ex,
                 struct slice message);

/* A long message as it came, in pieces. Embedded in the transport's object. */
struct mcp_pieces {
    size_t n; /* bytes */
    /* Writes them to `to`, NULL: nowhere, and frees the object. Once.
     * Thread: any */
    void (*take)(struct mcp_pieces *p, char *to);
};
/* The same with a message in pieces, which it takes: they are put together
 * where they are parsed, and the loop does not touch so many pages. */
void mcp_receive_pieces(struct mcp_peer *peer, struct mcp_exchange *ex,
                        struct mcp_pieces *pieces);

/* HTTP: a GET or DELETE of the endpoint, checked like a POST but for its
 * Content-Type. mcp/ looks at Accept and the session and either refuses (404,
 * 405 with Allow, 406) or, for GET, opens a stream that lasts until one side
 * leaves; the transport keeps it alive with comments meanwhile. HEAD and
 * OPTIONS are the transport's own. */
void mcp_receive_get(struct mcp_peer *peer, struct mcp_exchange *ex);
void mcp_receive_delete(struct mcp_peer *peer, struct mcp_exchange *ex);

/* stdio: once, before the first message: what the server says of its own accord
 * (list changes, log lines) goes out as events of this exchange. It is ended
 * by mcp_exchange_lost() at the end of input. */
void mcp_receive_standing(struct mcp_peer *peer, struct mcp_exchange *ex);

/* The client of this exchange is gone (HTTP). A 2026-07-28 call is cancelled
 * and dropped; a legacy one runs on and its answer goes nowhere.
 * Either way mcp/ ends the exchange exactly once: now when no worker holds
 * the call, else as soon as it comes home. */
void mcp_exchange_lost(struct mcp_exchange *ex);

/* A JSON-RPC error for what never became a message (415, 413, 403, ...), as
 * body text in `b`. id absent. */
void mcp_error_body(struct buf *b, int code, struct slice message);
/* stdio: the same in the words of the revision spoken last. `e`: ERR_NOMEM,
 * or ERR_INVALID. */
void mcp_error_line(const struct mcp_peer *peer, struct buf *b, enum err e,
                    struct slice message);

#endif
