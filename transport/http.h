/*
 * http: evhttp on one loop. POST, GET and DELETE of /mcp become mcp exchanges;
 * other paths are rows of pages (transport/page.h). HEAD and OPTIONS are
 * answered here, and pages of allowed origins may read what they get (CORS).
 * Every connection is known, bounded and timed:
 *
 *   - at most `conns_max`; the next ones are answered 503, far more are closed
 *   - a message must be complete within header_ms, or body_ms once 64 KiB of
 *     it are here; an idle connection leaves after idle_ms
 *   - bodies and headers have ceilings; while an answer is pending or on its
 *     way nothing is read from the client, so its input costs no memory
 *   - a client that takes no byte for stall_ms is closed, one of a feed as
 *     soon as feed_max bytes wait for it
 *   - a client that leaves while its answer is pending is noticed at once
 *     (transport/gone.h) and told to mcp/
 *
 * Order of the checks: Host and Origin (403), framing (400), path (404),
 * method (405 with Allow), whose page asks (403), token (401, 400, 403),
 * coding, Content-Type (415), body.
 * Every refusal is a JSON-RPC error without id, evhttp's own (400, 408, 413,
 * 417) included.
 *
 * A stream of events is chunked, one event per message; when it has been
 * silent for keepalive_ms it gets a comment. To HTTP/1.0 it goes as it is and
 * ends with its connection.
 *
 * Thread: the loop, unless a function says otherwise. Needs a TP_LOOP_NET
 * loop.
 */
#ifndef TRANSPORT_HTTP_H
#define TRANSPORT_HTTP_H

#include "transport/http_rules.h"
#include "transport/page.h"

struct tp_authority;
struct tp_loop;
struct tp_http;
struct mcp_server;
struct pool;

enum { TP_TABLES = 4 };

/* What is told to who is not let in: where the right address and the tokens
 * are. Literals; NULL: what holds for every server. */
struct tp_wording {
    const char *host, *token, *operator_token;
};

struct tp_http_config {
    struct tp_loop *loop;
    struct mcp_server *server;
    struct tp_routes routes[TP_TABLES]; /* the first that has a path */
    struct pool *pool;                  /* of TP_ON_WORKER; NULL: the loop */
    struct tp_names names;              /* further Hosts; kept */
    /* Not empty: /mcp, and pages to read, need one of them as a bearer
     * token; kept. */
    struct slice tokens[2];
    /* Tokens that others have signed are good too; NULL: none. Kept. */
    const struct tp_authority *authority;
    struct slice operator_token; /* of TP_OPERATOR; empty: refused; kept */
    struct tp_wording wording;
    uint32_t conns_max;   /* 0: 1,000 */
    uint32_t per_address, per_loopback; /* of one address; 0: no limit */
    size_t body_max;      /* 0: 16 MiB */
    size_t headers_max;   /* 0: 64 KiB */
    size_t in_max;        /* 0: 4 * body_max; messages of all connections that
                             are being read or answered */
    size_t out_max;       /* 0: 4 MiB, of a stream */
    uint32_t events_max;  /* 0: 1,000; of a stream, unsent */
    int64_t header_ms;    /* 0: 10,000 */
    int64_t body_ms;      /* 0: 30,000 */
    int64_t idle_ms;      /* 0: 300,000 */
    int64_t sweep_ms;     /* 0: 30,000; between looks for idle ones */
    int64_t stall_ms;     /* 0: 30,000 */
    int64_t keepalive_ms; /* 0: 15,000 */
    int64_t exchange_ms;  /* a call without an answer is closed; 0: never */
    uint32_t pages_max;   /* 0: 32, on workers or pending */
    uint32_t feeds_max;   /* 0: 32 */
    size_t feed_max;      /* 0: 256 KiB unsent: the client is closed */
};

/* Why a connection was closed. */
enum tp_closed {
    TP_CLOSED_PEER,     /* by its client, or as it had asked */
    TP_CLOSED_IDLE,     /* nothing on it for idle_ms */
    TP_CLOSED_STALL,    /* a request that did not come, output not taken */
    TP_CLOSED_LIMIT,    /* one connection too many */
    TP_CLOSED_ERROR,    /* not HTTP that can be read; no answer; no memory */
    TP_CLOSED_SHUTDOWN, /* the server ends */
    TP_CLOSED_COUNT
};
const char *tp_closed_name(enum tp_closed why);
/* Why a connection was refused. */
enum tp_refused {
    TP_REFUSED_LIMIT,   /* conn.max */
    TP_REFUSED_ADDRESS, /* too many of one address */
    TP_REFUSED_COUNT
};
const char *tp_refused_name(enum tp_refused why);

struct tp_http_stats {
    uint64_t opened, requests, feeds_dropped;
    uint64_t refused[TP_REFUSED_COUNT];
    uint64_t closed[TP_CLOSED_COUNT]; /* together: opened - open */
    uint32_t open, feeds;
    uint32_t streams;    /* of `open`: answers that are streams of events */
    uint32_t open_max;   /* conn.max */
    int64_t oldest_idle_ns; /* since the longest idle one answered; 0: none */
};

/* ERR_NOMEM, ERR_IO. Thread: startup, owner of the loop. */
MUST_USE enum err tp_http_new(const struct tp_http_config *c,
                              struct tp_http **ret);
/* Begins to accept on a listening socket, which it takes. Thread: the loop,
 * or startup. ERR_NOMEM: the caller keeps the socket. */
MUST_USE enum err tp_http_accept(struct tp_http *h, int fd);
/* From now on every request but those for open pages of the loop is answered
 * 503, and its connection closed: the process is about to end. Thread: any */
void tp_http_refuse(struct tp_http *h);
/* Answers under way, the unsent ones included. Thread: any */
uint32_t tp_http_busy(const struct tp_http *h);
/* Thread: any */
void tp_http_stats(const struct tp_http *h, struct tp_http_stats *ret);
/* Sends what tp_event wrote to every client of a feed. Thread: the loop */
void tp_http_tell(struct tp_http *h, struct slice events);
/* The loop does not run and the caller owns it again. NULL is fine. Requests
 * that never ended are leaked on purpose: a worker may hold them. */
void tp_http_free(struct tp_http *h);

#endif
