#include "cli/dashboard.h"

#include <stddef.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/lock.h"
#include "transport/loop.h"

enum { NEWS_MAX = 64 << 10 };

struct cli_dashboard {
    struct cli_dashboard_page page; /* from cli_dashboard_open on */
    struct engine *engine;
    struct cli_health *health;
    struct tp_loop *loop;  /* from cli_dashboard_open on */
    uint64_t stamp, ticks; /* Thread: keeper */
    struct lock lock;      /* guards what follows */
    struct tp_http *http;  /* NULL: nobody can listen */
    struct buf news;       /* events that the loop has not sent yet */
    bool missed;           /* news were dropped: all shall look again */
    bool posted;           /* the mail is on its way */
    struct mcp_mail mail;
    struct cli_series series;
};

/* --- what changes is told ----------------------------------------------------
 */

/* Thread: the loop */
static void send_news(struct mcp_mail *m)
{
    struct cli_dashboard *d =
        (struct cli_dashboard *)((char *)m -
                                 offsetof(struct cli_dashboard, mail));
    struct buf news;
    lock_take(&d->lock);
    struct tp_http *http = d->http;
    if (d->missed) {
        buf_clear(&d->news);
        tp_event(&d->news, "resync", SLICE("{}"));
    }
    news = d->news;
    d->news = BUF_INIT(NEWS_MAX);
    d->missed = d->posted = false;
    lock_drop(&d->lock);
    if (http && news.n) tp_http_tell(http, buf_slice(&news));
    buf_done(&news);
}

/* Nothing is kept that nobody hears. */
static bool do_listening(const struct cli_dashboard *d) REQUIRES(d->lock)
{
    struct tp_http_stats s = {0};
    if (d->http) tp_http_stats(d->http, &s);
    return s.feeds > 0;
}

/* Thread: any but the loop's own callbacks of this mail */
static void tell(struct cli_dashboard *d, const char *event, struct slice data)
{
    lock_take(&d->lock);
    bool post = do_listening(d) && !d->posted;
    if (post || d->posted) tp_event(&d->news, event, data);
    if (d->news.err) d->missed = true;
    if (post) d->posted = true;
    lock_drop(&d->lock);
    if (post) tp_loop_post(d->loop, &d->mail);
}

/* Thread: writer */
static void on_change(void *dashboard, const struct eng_news *news)
{
    struct cli_dashboard *d = dashboard;
    struct buf b = BUF_INIT(NEWS_MAX);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    eng_news_write(news, &w);
    json_end_object(&w);
    if (b.err)
        tell(d, "resync", SLICE("{}"));
    else
        tell(d, "session", buf_slice(&b));
    buf_done(&b);
}

static void sample(struct cli_dashboard *d)
{
    const struct cli_facts *f = cli_health_facts(d->health);
    struct tp_http_stats s = {0};
    struct buf b = BUF_INIT(NEWS_MAX);
    struct json_writer w = json_writer(&b);
    lock_take(&d->lock);
    if (d->http) tp_http_stats(d->http, &s);
    const struct cli_sample *now = cli_series_add(&d->series, f, s.open);
    struct cli_sample copy = now ? *now : (struct cli_sample){0};
    lock_drop(&d->lock);
    if (!now) return;
    json_begin_object(&w);
    json_key(&w, SLICE("sample"));
    cli_sample_write(&copy, f->engine.caches_count, &w);
    json_put_string(&w, "status",
                    slice_of(cli_health_word(f)));
    json_put_int(&w, "reasons", (int64_t)f->reasons_count);
    json_end_object(&w);
    if (!b.err) tell(d, "pulse", buf_slice(&b));
    buf_done(&b);
}

void cli_dashboard_tick(struct cli_dashboard *d)
{
    if (eng_strangers_wrote(d->engine, &d->stamp))
        tell(d, "resync", SLICE("{}"));
    if (d->ticks++ % CLI_SERIES_PERIOD_S == 0) sample(d);
}

/* --- pages
 * -------------------------------------------------------------------- */

static enum err page_root(struct tp_page *page)
{
    const struct cli_dashboard *d = page->app;
    return cli_dashboard_page_serve(&d->page, page);
}

static enum err page_status(struct tp_page *page)
{
    struct cli_dashboard *d = page->app;
    struct json_writer w = json_writer(&page->body);
    struct eng_facts *names = ARENA_NEW(&page->arena, struct eng_facts);
    struct cli_series *copy = ARENA_NEW(&page->arena, struct cli_series);
    if (!names || !copy) return ERR_NOMEM;
    lock_take(&d->lock);
    memcpy(copy, &d->series, sizeof(*copy));
    lock_drop(&d->lock);
    cli_health_engine(d->health, names);
    json_begin_object(&w);
    cli_health_document(d->health, &w);
    json_key(&w, SLICE("series"));
    json_begin_object(&w);
    cli_series_write(copy, names, &w);
    json_end_object(&w);
    json_end_object(&w);
    return OK;
}

/* The page asks for everything when its stream begins, so there is nothing
 * to catch up with. */
static enum err page_events(struct tp_page *page)
{
    buf_puts(&page->body, "retry: 1000\n");
    tp_event(&page->body, "hello", SLICE("{}"));
    return OK;
}
const struct tp_route cli_dashboard_rows[] = {
    {"/", TP_GET, page_root, TP_OPEN, TP_ON_LOOP},
    {"/api/status", TP_GET, page_status, TP_READS, TP_ON_WORKER},
    {"/api/events", TP_GET, page_events, TP_READS, TP_FEED},
    {NULL, 0, NULL, TP_OPEN, TP_ON_LOOP},
};

/* --- life
 * ---------------------------------------------------------------------- */

enum err cli_dashboard_new(struct engine *engine, struct cli_health *health,
                           struct cli_dashboard **ret)
{
    struct cli_dashboard *d = MEM_NEW(struct cli_dashboard);
    if (!d) return ERR_NOMEM;
    lock_init(&d->lock, "dashboard", RANK_LEAF);
    d->engine = engine;
    d->health = health;
    d->news = BUF_INIT(NEWS_MAX);
    d->mail.run = send_news;
    (void)eng_strangers_wrote(engine, &d->stamp);
    eng_on_change(engine, ENG_FOR_DASHBOARD, on_change, d);
    *ret = d;
    return OK;
}

void cli_dashboard_open(struct cli_dashboard *d, struct tp_loop *loop,
                        struct tp_http *http)
{
    cli_dashboard_page_init(&d->page);
    lock_take(&d->lock);
    d->loop = loop;
    d->http = http;
    lock_drop(&d->lock);
}

void cli_dashboard_close(struct cli_dashboard *d)
{
    if (!d) return;
    lock_take(&d->lock);
    d->http = NULL;
    lock_drop(&d->lock);
}

void cli_dashboard_free(struct cli_dashboard *d)
{
    if (!d) return;
    buf_done(&d->news);
    lock_done(&d->lock);
    mem_free(d);
}
