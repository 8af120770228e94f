/*
 * http_conn: the private side of transport/http: one record per connection.
 * A record outlives its connection when a call is still under way for it.
 */
#ifndef TRANSPORT_HTTP_CONN_H
#define TRANSPORT_HTTP_CONN_H

#include <sys/socket.h>

#include <stdatomic.h>

#include "mcp/exchange.h"
#include "transport/http.h"
#include "transport/http_fields.h"
#include "transport/http_head.h"
#include "transport/unread.h"

struct bufferevent;
struct evbuffer;
struct evbuffer_cb_info;
struct event_base;
struct event;
struct evhttp;
struct evhttp_connection;
struct evhttp_request;
struct tp_gone;

enum conn_phase {
    CONN_IDLE,    /* between requests */
    CONN_READING, /* part of a request is here */
    CONN_PENDING, /* a request is with mcp/ */
    CONN_SENDING  /* the whole answer was handed to evhttp */
};

struct conn {
    struct mcp_exchange ex; /* the one request under way */
    struct tp_http *http;
    struct mcp_peer *peer;
    struct bufferevent *bev;
    struct evhttp_connection *evcon; /* NULL: not adopted yet, or closed */
    struct evhttp_request *req;      /* while CONN_PENDING */
    enum conn_phase phase;
    int64_t since;  /* the phase began; CONN_PENDING: last bytes out */
    size_t bytes;   /* of the message being read */
    size_t held;    /* of it in http->held, until it is answered */
    int64_t heard;  /* when its client last sent something */
    unsigned hold;  /* stack frames that still look at the record */
    bool closed;    /* the connection is gone, the record waits for its call */
    bool open_call; /* mcp/ has the exchange */
    struct tp__ask *ask; /* the page under way */
    bool feed;           /* a stream that tp_http_tell writes to */
    bool streaming;      /* the answer has begun as a stream of events */
    bool watched;
    bool patient; /* output waits, for stall_ms at most without a byte */
    int64_t moved; /* the client took a byte last, or output began to wait */
    bool overrun;  /* more waited for the client than a stream may hold */
    enum tp_closed why; /* it is closed by us; PEER: not by us */
    struct tp_unread unread;
    uint64_t serial, received; /* which one; bytes from it */
    uint64_t calls;            /* requests of it */
    int64_t opened;
    const char *refused; /* the limit it is over: 503 whatever it asks */
    struct sockaddr_storage from;
    bool cors;    /* the request comes from a page that may read the answer */
    bool early;   /* evhttp refused by itself, in our words */
    struct tp_head head;     /* of the message being read */
    struct tp_fields fields; /* of req */
    struct conn *unsent;     /* the next whose answer goes out with this turn */
    struct event *place;     /* see tp__conn_keep */
    bool keeps;              /* it is added */
    struct conn *kept;       /* the next whose place is kept for this turn */
    struct conn *next, *prev;
};

struct tp_http {
    struct tp_http_config c;
    struct evhttp *evhttp;
    struct evconnlistener *listener;
    struct tp_http *next; /* of all there are, see http.c */
    struct tp_gone *gone;
    struct event *adopt, *sweep, *accept_again, *flush;
    struct conn *unsent; /* their answers go out with this turn */
    unsigned unsent_n;   /* of them */
    struct conn *kept;   /* their places in epoll are kept for this turn */
    struct conn *conns;  /* newest first */
    struct conn *dead;   /* released, not freed yet */
    struct conn *born;   /* those before this one are not adopted yet */
    struct conn **by_fd;
    size_t by_fd_n;
    /* written by the loop */
    _Atomic uint64_t opened, requests, feeds_dropped;
    _Atomic uint64_t refused[TP_REFUSED_COUNT];
    _Atomic uint32_t open, feeds; /* connections; of them streams of events */
    _Atomic uint32_t streams;     /* the feeds and those of calls */
    _Atomic uint64_t closed[TP_CLOSED_COUNT];
    _Atomic int64_t idle_since; /* of the longest idle one; 0: none */
    int64_t idle_due;           /* the next look for idle ones */
    uint32_t asks;                /* pages under way */
    size_t held;                  /* bytes of messages, of all connections */
    _Atomic uint32_t busy;        /* answers under way; written by the loop */
    atomic_bool refusing;
    struct mcp_mail refuse; /* ends the feeds */
    char date[40];          /* the Date header of second `date_s` */
    int64_t date_s;
};

/* --- http_conn.c: the table --- */
struct bufferevent *tp__conn_new(struct event_base *base, void *http);
void tp__conn_adopt_all(struct tp_http *h);
void tp__conn_sweep(struct tp_http *h, int64_t now);
void tp__conn_phase(struct conn *c, enum conn_phase p);
/* Its answer is a stream of events from now on, or is not any more. */
void tp__conn_streams(struct conn *c, bool streams);
/* A message begins with the bytes that are there. */
void tp__conn_begins(struct conn *c);
/* evhttp takes its read event away while it answers, and libevent tells epoll
 * of every event that was added, even of one that was there before. A second
 * one of the same descriptor keeps the place until the turn ends: nothing has
 * changed then, if the answer is out. It never waits with epoll itself. */
void tp__conn_keep(struct conn *c);
void tp__conn_let_go(struct tp_http *h);
/* The record of a request's connection; NULL: memory was short when it came.
 */
struct conn *tp__conn_find(struct tp_http *h, struct evhttp_request *req);
/* A record whose connection and call have both ended is buried at the next
 * turn of the loop; any other stays. */
void tp__conn_release(struct conn *c);
void tp__conn_bury(struct tp_http *h);

/* --- http_exchange.c: one request --- */
extern const struct mcp_exchange_ops tp__http_ops;
/* The request of c->req becomes a call. The message is borrowed. */
void tp__http_receive_message(struct conn *c, struct slice message);
/* The same; the pieces are taken. */
void tp__http_receive_pieces(struct conn *c, struct mcp_pieces *pieces);
/* The same, without a message: GET or DELETE. */
void tp__http_receive(struct conn *c, void (*receive)(struct mcp_peer *peer,
                                                      struct mcp_exchange *ex));
/* A header of c->req; {NULL, 0}: absent. */
struct slice tp__http_header(const struct conn *c, enum tp_field which);
/* Writes the answers that are ready. */
void tp__http_flush(struct tp_http *h);
bool tp__http_is_head(const struct conn *c);
/* The value of a Date header. */
const char *tp__http_date(struct tp_http *h);
/* Answers c->req; it is evhttp's again. Empty `content_type`: no body. To
 * HEAD only the length of the body is told. */
void tp__http_send(struct conn *c, int status, const char *content_type,
                   struct slice body);
/* The same, with a JSON-RPC error that has no id. */
void tp__http_refuse(struct conn *c, int status, const char *why);
void tp__http_add_header(struct conn *c, const char *name, const char *value);
void tp__http_keepalive(struct conn *c);
/* The answer becomes a stream of events. */
void tp__http_stream_begin(struct conn *c);
/* `bytes` go out as they are. False: out of memory. */
bool tp__http_stream_put(struct conn *c, struct slice bytes);
/* The stream's end; the connection may be closed by it. */
void tp__http_stream_end(struct conn *c);
/* The answer is ready and nobody may be there any more: true, somebody is;
 * false: the request was freed. */
bool tp__http_still_there(struct conn *c);
/* The client of a pending answer is watched. */
void tp__http_watch(struct conn *c);
/* Closes the connection without an answer. */
void tp__http_close(struct conn *c);
/* The client of a pending request has left. */
void tp__http_left(void *conn);

/* --- http_page.c: pages --- */
/* Checks the row's guard, then runs its page or opens its feed. */
void tp__page_serve(struct conn *c, const struct tp_route *r, void *app,
                    struct slice part);
/* The client of a pending page or a feed has left. */
void tp__page_left(struct conn *c);
/* Ends all feeds and tells the pages under way to stop. */
void tp__pages_end(struct tp_http *h);
/* Checks of http.c, which refuse by themselves. */
bool tp__http_token_fine(struct conn *c);
bool tp__http_body_readable(struct conn *c);

/* --- http_early.c: before there is a request --- */
/* A callback of the connection's output: evhttp's own refusals become JSON. */
void tp__http_early(struct evbuffer *out, const struct evbuffer_cb_info *info,
                    void *conn);
/* `status` in our words, as far as the socket takes it at once; evhttp says
 * nothing more on this connection. */
void tp__http_tell(struct conn *c, int status);

#endif
