#include "transport/pages.h"

#include <unistd.h>

#include "base/clock.h"

static void page_health(void *app, struct tp_page *page)
{
    const struct tp_pages *p = app;
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
}

/* A server that shuts down answers 503 before it looks at the path. */
static void page_ready(void *app, struct tp_page *page)
{
    (void)app;
    buf_puts(&page->body, "{\"ready\":true}");
}

/* The loop answers: that is all there is to it. */
static void page_live(void *app, struct tp_page *page)
{
    (void)app;
    buf_puts(&page->body, "{\"status\":\"ok\"}");
}

static void page_metrics(void *app, struct tp_page *page)
{
    const struct tp_pages *p = app;
    page->content_type = "text/plain; version=0.0.4; charset=utf-8";
    if (p->metrics) p->metrics(p->health_ctx, &page->body);
}

const struct tp_route tp_page_rows[] = {
    {"/health", TP_GET, page_health},
    {"/health/live", TP_GET, page_live},
    {"/health/ready", TP_GET, page_ready},
    {"/metrics", TP_GET, page_metrics},
    {"/ready", TP_GET, page_ready},
    {NULL, 0, NULL},
};
