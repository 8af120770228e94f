/*
 * page: a path beside /mcp as a row, and one request for it.
 *
 * A row's handler reads what was asked, writes body, status and headers, and
 * returns
 *   OK           the answer is complete
 *   ERR_PENDING  tp_page_done(page, e) follows exactly once, any thread
 *   another      page->problem is filled, and told as {"error":{...}}
 * Nothing of a page is touched after it has ended.
 *
 * Who may ask is the row's own column, and checked before the handler runs:
 *
 *   TP_OPEN      whoever passes Host and Origin; other pages of this machine
 *                may read the answer (CORS)
 *   TP_READS     local programs and our own page alone, never another one's:
 *                an Origin must be the Host, Sec-Fetch-Site our own; with a
 *                token where /mcp needs one
 *   TP_OPERATOR  the same, with the operator's token wherever it comes from:
 *                a header that no browser sends by itself
 *
 * A server that shuts down still answers open pages that run on the loop: who
 * asks how it is shall be told. All others get 503.
 *
 * A feed is a stream of events (SSE) that stays open: the handler writes the
 * first ones with tp_event, tp_http_tell adds to all of them. What a client
 * misses is lost to it: it asks again for everything when it comes back.
 */
#ifndef TRANSPORT_PAGE_H
#define TRANSPORT_PAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/cancel.h"
#include "base/problem.h"

enum { TP_PAGE_HEADERS = 4 };

struct tp_page {
    /* what was asked; lives as long as the page */
    void *app;
    struct slice query;   /* behind '?' */
    struct slice part;    /* what stands for {} in the row's path */
    struct slice message; /* the body of a POST */
    struct slice known;   /* If-None-Match */
    struct arena arena;
    struct cancel cancel; /* set when the client leaves */
    bool ending;          /* the server is shutting down */
    /* the answer; begins as 200, application/json, empty */
    int status;
    const char *content_type;
    struct buf body;
    struct {
        const char *name, *value; /* of literals or the arena */
    } headers[TP_PAGE_HEADERS];   /* up to the first without a name */
    struct problem problem;
};

enum tp_methods { TP_GET = 1, TP_POST = 2, TP_DELETE = 4 };
enum tp_guard { TP_OPEN, TP_READS, TP_OPERATOR };
enum tp_run { TP_ON_LOOP, TP_ON_WORKER, TP_FEED };

/* HEAD goes with GET, OPTIONS with all. Several rows may have one path. */
struct tp_route {
    const char *path; /* "/api/sessions/{}": {} is one segment, not empty */
    unsigned methods; /* enum tp_methods */
    enum err (*page)(struct tp_page *page);
    enum tp_guard guard;
    enum tp_run run;
};

/* Rows and what their pages find in page->app. */
struct tp_routes {
    const struct tp_route *rows; /* ended by a row without a path; kept */
    void *app;
};

/* Ends a page whose handler said ERR_PENDING. Thread: any, once */
void tp_page_done(struct tp_page *page, enum err e);

/* A value of the query string, percent-decoded, in the arena; {NULL, 0} when
 * it is absent or malformed. */
struct slice tp_query(struct tp_page *page, const char *name);

/* "event: name\ndata: {...}\n\n"; `data` is one line. */
void tp_event(struct buf *b, const char *name, struct slice data);

#endif
