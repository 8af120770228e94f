/*
 * pages: the paths that every server has beside /mcp, as rows: /health,
 * /ready and /metrics.
 *
 * They answer 200 whatever the load; when the server is failing, all but
 * /metrics answer 503. /ready answers 200 while calls are taken, so not while
 * the server shuts down.
 */
#ifndef TRANSPORT_PAGES_H
#define TRANSPORT_PAGES_H

#include "base/json_write.h"
#include "transport/http.h"

struct tp_pages {
    struct slice version;
    int64_t started_ns; /* monotonic */
    /* Writes members into an open object, "status" and "reasons" among them;
     * NULL: ok. Thread: the loop */
    void (*health)(void *ctx, struct json_writer *w);
    /* "ok", "degraded" or "failing"; NULL: ok. */
    const char *(*status)(void *ctx);
    /* One part of it; false: there is none of that name. NULL: there is none. */
    bool (*health_part)(void *ctx, struct slice name, struct json_writer *w);
    /* Prometheus text; NULL: there is none. */
    void (*metrics)(void *ctx, struct buf *out);
    void *health_ctx;
};

/* Of a struct tp_routes whose app is a struct tp_pages. */
extern const struct tp_route tp_page_rows[];

#endif
