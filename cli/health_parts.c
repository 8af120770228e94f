/* health_parts: the health document, a member a row, in the order of their
 * names; /health/permits and its like are one of them alone. */
#include "cli/health.h"

#include <unistd.h>

#include "base/clock.h"
#include "mcp/server.h"
#include "transport/http.h"

static void put_caches(struct json_writer *w, const struct cli_facts *f)
{
    json_key(w, SLICE("caches"));
    json_begin_object(w);
    for (size_t i = 0; i < f->engine.caches_count; i++) {
        json_key(w, slice_of(f->engine.caches[i].name));
        st_stats_write(&f->engine.caches[i].stats, w);
    }
    json_end_object(w);
}

static void put_coalesce(struct json_writer *w, const struct cli_facts *f)
{
    json_key(w, SLICE("coalesce"));
    json_begin_object(w);
    json_put_int(w, "flights", f->mcp.flights);
    json_put_int(w, "joined", (int64_t)f->mcp.joined);
    json_put_int(w, "leaders", (int64_t)f->mcp.led);
    json_put_int(w, "refused", (int64_t)f->mcp.duplicates);
    json_end_object(w);
}

/* Those of HTTP, which have a limit; stdin is told of beside them. */
static void put_connections(struct json_writer *w, const struct cli_facts *f)
{
    json_key(w, SLICE("connections"));
    json_begin_object(w);
    json_key(w, SLICE("by_transport"));
    json_begin_object(w);
    json_put_int(w, "http", f->http.open);
    json_put_int(w, "stdio", f->stdio);
    json_end_object(w);
    json_key(w, SLICE("closed"));
    json_begin_object(w);
    for (int i = 0; i < TP_CLOSED_COUNT; i++)
        json_put_int(w, tp_closed_name((enum tp_closed)i),
                     (int64_t)f->http.closed[i]);
    json_end_object(w);
    json_put_int(w, "feeds", f->http.feeds);
    json_put_int(w, "feeds_dropped", (int64_t)f->http.feeds_dropped);
    json_put_int(w, "max", f->http.open_max);
    json_put_int(w, "oldest_idle_ms", f->http.oldest_idle_ns / NS_PER_MS);
    json_put_int(w, "open", f->http.open);
    json_put_int(w, "opened", (int64_t)f->http.opened);
    json_put_int(w, "refused",
                 (int64_t)(f->http.refused[TP_REFUSED_LIMIT] +
                           f->http.refused[TP_REFUSED_ADDRESS]));
    json_put_int(w, "requests", (int64_t)f->http.requests);
    json_put_int(w, "streams", f->http.streams);
    json_end_object(w);
}

static void put_loops(struct json_writer *w, const struct cli_facts *f)
{
    json_key(w, SLICE("loops"));
    json_begin_array(w);
    for (size_t i = 0; i < f->loops_count; i++) {
        const struct tp_beat *b = &f->loops[i];
        bool http = slice_eq(slice_of(b->name), SLICE("http"));
        json_begin_object(w);
        json_put_int(w, "beat_age_ms", (clock_now() - b->at) / NS_PER_MS);
        json_put_int(w, "connections", http ? f->http.open : f->stdio);
        json_put_int(w, "lag_max_ms", b->lag_max_ns / NS_PER_MS);
        json_put_int(w, "lag_ms", b->lag_ns / NS_PER_MS);
        json_put_string(w, "name", slice_of(b->name));
        json_put_int(w, "streams", http ? f->http.streams : 0);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_memory(struct json_writer *w, const struct cli_facts *f)
{
    json_key(w, SLICE("memory"));
    json_begin_object(w);
    json_put_int(w, "rss_bytes", (int64_t)f->rss_bytes);
    json_end_object(w);
}

static void put_permits(struct json_writer *w, const struct cli_facts *f)
{
    const struct permit_stats *p = &f->permits;
    json_key(w, SLICE("permits"));
    json_begin_object(w);
    for (int i = 0; i < PERMIT_LEVEL_COUNT; i++) {
        enum permit_level level = (enum permit_level)i;
        json_key(w, slice_of(permit_level_name(level)));
        json_begin_object(w);
        json_put_int(w, "granted", (int64_t)p->granted[i]);
        json_put_int(w, "in_use", p->in_use[i]);
        json_put_int(w, "limit", p->limit[i]);
        json_put_int(w, "oldest_ms", p->oldest_ns[i] / NS_PER_MS);
        json_put_int(w, "refused", (int64_t)p->refused[i]);
        json_put_string(w, "state", slice_of(permit_level_state(p, level)));
        json_put_int(w, "waiting", p->waits[i]);
        json_end_object(w);
    }
    json_put_int(w, "leaks", (int64_t)p->leaks);
    json_put_int(w, "release_errors", (int64_t)p->release_errors);
    json_put_int(w, "waiting", p->waiting);
    json_end_object(w);
}

static void put_providers(struct json_writer *w, const struct cli_facts *f)
{
    const struct eng_facts *e = &f->engine;
    json_key(w, SLICE("providers"));
    json_begin_object(w);
    for (size_t i = 0; i < e->providers_count; i++) {
        const struct provider_stats *p = &e->providers[i];
        json_key(w, slice_of(p->name));
        json_begin_object(w);
        json_put_int(w, "failures", p->breaker.failures);
        json_put_int(w, "next_probe_ms", p->breaker.retry_ns / NS_PER_MS);
        json_put_string(w, "state",
                        slice_of(breaker_state_name(p->breaker.state)));
        if (e->buckets[p->kind].on)
            json_put_int(w, "tokens", e->buckets[p->kind].tokens);
        json_end_object(w);
    }
    json_end_object(w);
}

static void put_queue(struct json_writer *w, const struct cli_facts *f)
{
    const struct pool_stats *s = &f->pool;
    json_key(w, SLICE("queue"));
    json_begin_object(w);
    json_put_int(w, "busy", s->busy);
    json_put_int(w, "depth", s->queued);
    json_put_int(w, "done", (int64_t)s->done);
    json_put_int(w, "max", s->queue_max);
    json_put_int(w, "oldest_ms", s->oldest_ns / NS_PER_MS);
    json_put_int(w, "refused", (int64_t)s->refused);
    json_put_int(w, "workers", s->threads);
    json_end_object(w);
}

/* Open: what can still be gone on with. */
static void put_sessions(struct json_writer *w, const struct cli_facts *f)
{
    const struct eng_facts *e = &f->engine;
    int64_t open = 0, total = 0, live = 0;
    if (!e->has_store) return;
    for (size_t i = 0; i < e->sessions.count; i++) {
        struct slice status = slice_of(e->sessions.rows[i].status);
        bool over = slice_eq(status, SLICE("completed")) ||
                    slice_eq(status, SLICE("abandoned")) ||
                    slice_eq(status, SLICE("expired"));
        total += e->sessions.rows[i].sessions;
        if (!over) open += e->sessions.rows[i].sessions;
    }
    for (size_t i = 0; i < e->caches_count; i++)
        if (slice_eq(slice_of(e->caches[i].name), SLICE("sessions")))
            live = (int64_t)e->caches[i].stats.entries;
    json_key(w, SLICE("sessions"));
    json_begin_object(w);
    json_put_int(w, "live_in_memory", live);
    json_put_int(w, "open", open);
    json_put_int(w, "total", total);
    json_end_object(w);
}

static void put_store(struct json_writer *w, const struct cli_facts *f)
{
    const struct st_store_stats *s = &f->engine.store;
    if (!f->engine.has_store) return;
    json_key(w, SLICE("store"));
    json_begin_object(w);
    json_put_int(w, "checkpoints", (int64_t)s->checkpoints);
    json_put_int(w, "data_version", (int64_t)f->engine.data_version);
    json_put_int(w, "db_bytes", (int64_t)s->db_bytes);
    json_put_int(w, "free_pages", f->engine.free_pages);
    json_put_int(w, "jobs", (int64_t)s->jobs);
    json_put_int(w, "jobs_failed", (int64_t)s->jobs_failed);
    json_put_int(w, "queued", s->queued);
    json_put_int(w, "readers", s->readers);
    json_put_int(w, "transactions", (int64_t)s->transactions);
    json_put_int(w, "troubles", (int64_t)s->troubles);
    json_put_int(w, "wal_bytes", (int64_t)s->wal_bytes);
    json_end_object(w);
}

static void put_watch(struct json_writer *w, const struct cli_facts *f)
{
    const struct eng_watch_stats *s = &f->engine.watch;
    uint64_t events = 0;
    for (int set = 0; set < ENG_WATCH_SETS; set++)
        for (int kind = 0; kind < ENG_WATCH_KINDS; kind++)
            events += s->events[set][kind];
    json_key(w, SLICE("watch"));
    json_begin_object(w);
    json_put_int(w, "directories", s->directories);
    json_put_int(w, "errors", (int64_t)s->errors);
    json_put_int(w, "events", (int64_t)events);
    if (s->last_event_ns)
        json_put_int(w, "last_event_age_ms",
                     (clock_now() - s->last_event_ns) / NS_PER_MS);
    json_put_string(w, "mode", slice_of(s->mode));
    json_put_int(w, "overflows", (int64_t)s->overflows);
    json_put_int(w, "roots", s->roots);
    json_put_int(w, "roots_unwatched", s->roots_unwatched);
    json_end_object(w);
}

static void put_writer(struct json_writer *w, const struct cli_facts *f)
{
    const struct st_store_stats *s = &f->engine.store;
    if (!f->engine.has_store) return;
    json_key(w, SLICE("writer"));
    json_begin_object(w);
    json_put_int(w, "beat_age_ms", s->busy_ns / NS_PER_MS);
    json_put_int(w, "last_commit_ms", s->last_commit_ns / NS_PER_MS);
    json_put_int(w, "queue", s->queued);
    json_end_object(w);
}

/* Members that are objects or lists. What a row is read from may have been
 * missing in time; then it is not told. */
static const struct part {
    const char *name;
    enum cli_fact fact;
    void (*put)(struct json_writer *w, const struct cli_facts *f);
} parts[] = {
    {"caches", CLI_FACT_MEMORY, put_caches},
    {"coalesce", CLI_FACT_MEMORY, put_coalesce},
    {"connections", CLI_FACT_MEMORY, put_connections},
    {"loops", CLI_FACT_MEMORY, put_loops},
    {"memory", CLI_FACT_MEMORY, put_memory},
    {"permits", CLI_FACT_MEMORY, put_permits},
    {"providers", CLI_FACT_MEMORY, put_providers},
    {"queue", CLI_FACT_MEMORY, put_queue},
    {"sessions", CLI_FACT_MEMORY, put_sessions},
    {"store", CLI_FACT_FILES, put_store},
    {"watch", CLI_FACT_WATCH, put_watch},
    {"writer", CLI_FACT_MEMORY, put_writer},
};
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static bool is_missing(const struct part *p, const struct cli_facts *f)
{
    return (f->missing & 1u << p->fact) != 0;
}

bool cli__health_part(struct json_writer *w, const struct cli_facts *f,
                      struct slice name)
{
    for (size_t i = 0; i < PARTS; i++) {
        if (!slice_eq(slice_of(parts[i].name), name)) continue;
        if (!is_missing(&parts[i], f)) parts[i].put(w, f);
        return true;
    }
    return false;
}

void cli__health_missing(struct json_writer *w, const struct cli_facts *f)
{
    if (!f->missing) return;
    json_key(w, SLICE("missing"));
    json_begin_array(w);
    for (size_t i = 0; i < PARTS; i++)
        if (is_missing(&parts[i], f)) json_string(w, slice_of(parts[i].name));
    json_end_array(w);
}
