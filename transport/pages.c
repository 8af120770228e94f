#include "transport/pages.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* How the server is; who fails says so in the status line too. */
static const char *judged(struct tp_page *page)
{
    const struct tp_pages *p = page->app;
    const char *status = p->status ? p->status(p->health_ctx) : "ok";
    if (strcmp(status, "failing") == 0) page->status = 503;
    return status;
}

static enum err page_health(struct tp_page *page)
{
    const struct tp_pages *p = page->app;
    (void)judged(page);
    struct json_writer w = json_writer(&page->body);
    json_begin_object(&w);
    if (p->health) {
        p->health(p->health_ctx, &w);
    } else {
        json_put_string(&w, "status", SLICE("ok"));
        json_put_raw(&w, "reasons", SLICE("[]"));
        json_put_string(&w, "version", p->version);
        json_put_int(&w, "pid", getpid());
        json_put_int(&w, "uptime_seconds",
                     (clock_now() - p->started_ns) / NS_PER_S);
    }
    json_end_object(&w);
    return OK;
}

/* {"permits":{...}}: what a watcher of one thing asks for. */
static enum err page_health_part(struct tp_page *page)
{
    const struct tp_pages *p = page->app;
    struct json_writer w = json_writer(&page->body);
    json_begin_object(&w);
    bool known =
        p->health_part && p->health_part(p->health_ctx, page->part, &w);
    json_end_object(&w);
    if (known) (void)judged(page);
    if (known) return OK;
    return problem_set(&page->problem, ERR_NOT_FOUND, page->part,
                       SLICE("the health document has no part of this name"),
                       SLICE("Read its names in GET /health."));
}

/* It listens only when the state file is migrated and all is begun. */
static enum err page_ready(struct tp_page *page)
{
    struct json_writer w = json_writer(&page->body);
    const char *why = "started";
    (void)judged(page);
    if (page->status != 200) why = "failing: see /health";
    if (page->ending) why = "shutting down";
    if (page->ending) page->status = 503;
    json_begin_object(&w);
    json_put_bool(&w, "ready", page->status == 200);
    json_put_string(&w, "why", slice_of(why));
    json_end_object(&w);
    return OK;
}

/* The loop answers, and what it needs is alive. */
static enum err page_live(struct tp_page *page)
{
    struct json_writer w = json_writer(&page->body);
    json_begin_object(&w);
    json_put_string(&w, "status", slice_of(judged(page)));
    json_end_object(&w);
    return OK;
}

static enum err page_metrics(struct tp_page *page)
{
    const struct tp_pages *p = page->app;
    page->content_type = "text/plain; version=0.0.4; charset=utf-8";
    if (p->metrics) p->metrics(p->health_ctx, &page->body);
    return OK;
}

const struct tp_route tp_page_rows[] = {
    {"/health", TP_GET, page_health, TP_OPEN, TP_ON_LOOP},
    {"/health/{}", TP_GET, page_health_part, TP_OPEN, TP_ON_LOOP},
    {"/health/live", TP_GET, page_live, TP_OPEN, TP_ON_LOOP},
    {"/health/ready", TP_GET, page_ready, TP_OPEN, TP_ON_LOOP},
    {"/metrics", TP_GET, page_metrics, TP_OPEN, TP_ON_LOOP},
    {"/ready", TP_GET, page_ready, TP_OPEN, TP_ON_LOOP},
    {NULL, 0, NULL, TP_OPEN, TP_ON_LOOP},
};
