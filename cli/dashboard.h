/*
 * dashboard: the operator's page at / and what it asks for below /api, as
 * rows of transport/page.h. Reads are engine operations on workers; what
 * changes is told to the page as events. docs/DASHBOARD.md is its manual.
 *
 * The page is one file, built from dashboard/ into the program. Its policy
 * (CSP) names the hashes of its own script and style: nothing else runs.
 *
 * Thread: main makes and frees it; each function says its own.
 */
#ifndef CLI_DASHBOARD_H
#define CLI_DASHBOARD_H

#include "cli/health.h"
#include "transport/http.h"

struct cli_dashboard;

/* Before the engine's first operation. ERR_NOMEM. Thread: startup */
MUST_USE enum err cli_dashboard_new(struct engine *engine,
                                    struct cli_health *health,
                                    struct cli_dashboard **ret);
/* HTTP is there, and asks nothing yet. Thread: startup */
void cli_dashboard_open(struct cli_dashboard *d, struct tp_loop *loop,
                        struct tp_http *http);
/* Once a second: samples what the charts show. Thread: keeper */
void cli_dashboard_tick(struct cli_dashboard *d);
/* The loop has stopped. NULL is fine. */
void cli_dashboard_close(struct cli_dashboard *d);
/* The engine is closed. NULL is fine. */
void cli_dashboard_free(struct cli_dashboard *d);

/* Of a struct tp_routes whose app is the dashboard. */
extern const struct tp_route cli_dashboard_rows[];
/* The rest below /api; their app is the engine. */
extern const struct tp_route cli_api_rows[];

/* --- the charts ------------------------------------------------------------
 */

/* Ten minutes. */
enum { CLI_SERIES_MAX = 300, CLI_SERIES_PERIOD_S = 2, CLI_SERIES_CACHES = 8 };

/* What happened in one period, and how it was at its end. */
struct cli_sample {
    int64_t at_ms; /* Unix time */
    struct {
        uint32_t count[4]; /* hits, misses, double loads, lock waits */
    } caches[CLI_SERIES_CACHES];
    uint32_t wait_us; /* slept in lookups */
    uint32_t permits, permits_waiting, calls, queued, connections, lag_ms;
};

struct cli_series {
    struct cli_sample samples[CLI_SERIES_MAX];
    size_t count, next; /* next: where the following one goes */
    /* the caches' counters at the last sample */
    uint64_t seen[CLI_SERIES_CACHES][4], seen_wait_ns;
    bool begun;
};

/* The next sample from the facts. NULL: it is the first look, which only
 * says from where to count. */
const struct cli_sample *cli_series_add(struct cli_series *s,
                                        const struct cli_facts *f,
                                        uint32_t connections);
/* {"period_s","columns":[...],"caches":[names],"cache_columns":[...]} members
 * and "samples":[...], each as cli_sample_write. */
void cli_series_write(const struct cli_series *s, const struct eng_facts *f,
                      struct json_writer *w);
/* [at_ms, wait_us, ..., [[hits, ...], ...]] */
void cli_sample_write(const struct cli_sample *s, size_t caches,
                      struct json_writer *w);

/* --- the page ---------------------------------------------------------------
 */

struct cli_dashboard_page {
    struct slice text;
    char policy[512]; /* Content-Security-Policy */
    char tag[80];     /* ETag */
};
void cli_dashboard_page_init(struct cli_dashboard_page *p);
enum err cli_dashboard_page_serve(const struct cli_dashboard_page *p,
                                  struct tp_page *page);

#endif
