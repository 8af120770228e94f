/*
 * health: what the process knows about its own well-being, collected once a
 * second by the keeper and told alike by /health, get_server_info, /metrics
 * and .phasegate/health/<pid>.json. Telling takes a copy under a lock of its
 * own: no store, no permit, nobody waited for.
 *
 * Status is ok; degraded: alive and working, with a reason of weight; or
 * failing: it cannot do its work, and the pages of health answer 503. A notice
 * is listed and logged, and status stays ok. A reason is logged once when it
 * begins (WARN) and once when it ends (INFO).
 *
 * Thread: main makes and frees it, the keeper ticks it, any thread asks.
 */
#ifndef CLI_HEALTH_H
#define CLI_HEALTH_H

#include "base/json_write.h"
#include "base/pool.h"
#include "engine/engine.h"
#include "engine/permit.h"
#include "mcp/server.h"
#include "mcp/tools/inbound.h"
#include "transport/http.h"
#include "transport/loop.h"

enum { CLI_LOOPS_MAX = 4, CLI_REASONS_MAX = 64 };

struct cli_health;

struct cli_health_config {
    struct engine *engine;
    struct pool *pool;
    struct mcp_server *mcp;
    struct permits *permits;
    struct tools_inbound *inbound;
    struct slice root;          /* empty: no file */
    struct slice version, host; /* kept */
    int port;                   /* 0: no HTTP */
    size_t tools;
    int64_t started_ns, started_wall_ms;
    int64_t file_ms;                                    /* health.file_ms */
    int64_t loop_lag_ms, loop_stall_ms, memory_warn_mb; /* health.* */
    int64_t writer_slow_ms;
    int64_t collect_ms; /* for what may block */
    int64_t permits_check_ms;                           /* permits.check_ms */
};

/* ERR_NOMEM. Thread: startup */
MUST_USE enum err cli_health_new(const struct cli_health_config *c,
                                 struct cli_health **ret);
/* The server is up: these are its loops (NULL: not there). Removes the files
 * that dead processes left, which the discovery knows: a health file without
 * one in servers/ is nobody's. Before the keeper starts. */
void cli_health_watch(struct cli_health *h, struct tp_loop *stdio,
                      struct tp_loop *http);
/* Whose connections /metrics counts. Before its loop runs. */
void cli_health_connections(struct cli_health *h, const struct tp_http *http);
/* Collects, judges, and writes the file when it is time. Thread: keeper */
void cli_health_tick(struct cli_health *h, int64_t now);
/* Removes the file. The keeper has stopped. NULL is fine. */
void cli_health_free(struct cli_health *h);

/* "status" and "reasons" as one object; the whole document as members of an
 * open object; everything as Prometheus text. Thread: any */
void cli_health_brief(void *health, struct json_writer *w);
void cli_health_document(void *health, struct json_writer *w);
void cli_health_metrics(void *health, struct buf *out);
/* "ok", "degraded" or "failing". Thread: any */
const char *cli_health_status(void *health);
/* One member of the document, as the only one of an open object; false: none
 * has the name. */
bool cli_health_part(void *health, struct slice name, struct json_writer *w);

/* --- for health_*.c, metrics*.c, dashboard*.c ----------------------------- */

/* Where facts are read from. What is in memory is always there. */
enum cli_fact { CLI_FACT_MEMORY, CLI_FACT_FILES, CLI_FACT_WATCH };

enum { CLI_REASON_NAME = PROVIDER_NAME_SIZE + 16 };
struct cli_reason {
    char name[CLI_REASON_NAME]; /* "loop_lag", "provider_open:npm" */
    char about[PROVIDER_NAME_SIZE]; /* "http": which; empty: there is one */
    enum eng_weight weight;
    uint64_t value, threshold;
    int64_t since_ms; /* Unix time */
};
struct cli_facts {
    int64_t at; /* monotonic */
    struct eng_facts engine;
    struct tp_beat loops[CLI_LOOPS_MAX];
    size_t loops_count;
    uint32_t stdio; /* 1: stdin is served */
    struct pool_stats pool;
    struct permit_stats permits;
    struct bucket_stats inbound[TOOLS_BUCKETS];
    size_t inbound_count;
    uint32_t calls; /* away from their loop */
    struct mcp_server_stats mcp;
    struct tp_http_stats http; /* 0: no HTTP */
    uint64_t rss_bytes, descriptors;
    uint64_t disk_free, disk_size; /* 0: unknown */
    int64_t file_at;               /* monotonic, last written; 0: never */
    unsigned missing; /* 1 << enum cli_fact: no time was left for it */
    enum eng_weight worst; /* NOTICE: ok */
    struct cli_reason reasons[CLI_REASONS_MAX];
    size_t reasons_count;
};
/* What the last round found. Thread: keeper */
const struct cli_facts *cli_health_facts(const struct cli_health *h);
/* The engine's part of it, copied. Thread: any */
void cli_health_engine(struct cli_health *h, struct eng_facts *ret);
bool cli__health_part(struct json_writer *w, const struct cli_facts *f,
                      struct slice name);
/* The names of the parts that no time was left for, if there are any. */
void cli__health_missing(struct json_writer *w, const struct cli_facts *f);

/* What judging remembers between two rounds. Thread: keeper */
struct cli_judgement {
    int64_t full_since[PERMIT_LEVEL_COUNT];
    uint64_t refused;
    int64_t refused_at;
    int64_t file_good; /* the health file was written last */
    bool file_fails;
};
/* The reasons that hold now; logs those that began or ended since `before`.
 * Thread: keeper */
void cli__health_judge(const struct cli_health_config *c,
                       struct cli_judgement *j, struct cli_facts *before,
                       struct cli_facts *f);
/* The keeper watches the loops, and who asks watches the keeper: facts that
 * are too old are a reason too. Thread: any */
void cli__health_stale(const struct cli_health_config *c, struct cli_facts *f,
                       int64_t now);
/* Not written for three periods, though it was tried. */
bool cli__health_file_missing(const struct cli_health_config *c,
                              const struct cli_judgement *j, int64_t now);
/* "ok", "degraded", "failing" */
const char *cli_health_word(const struct cli_facts *f);
/* The member "reasons" of an open object. */
void cli__health_reasons(struct json_writer *w, const struct cli_facts *f);
/* The rows of reasons there are; NULL: no more. Does one of a row hold? */
const char *cli__health_reason_name(size_t i);
bool cli__health_reason_holds(const struct cli_facts *f, const char *row);
void cli_metrics_write(const struct cli_facts *f, int64_t started_wall_ms,
                       struct buf *out);
/* What is read at the moment of asking. Thread: any */
void cli_metrics_live(const struct cli_facts *f, const struct mcp_server *mcp,
                      struct buf *out);
void cli__metrics_family(struct buf *out, const char *name, const char *type,
                         const char *help);
/* Nanoseconds as seconds and a newline, without a float in between. */
void cli__metrics_seconds(struct buf *out, int64_t ns);
/* `labels` as they stand between the braces. */
void cli__metrics_histogram(struct buf *out, const char *name,
                            struct slice labels,
                            const struct histogram_sum *h);

#endif
