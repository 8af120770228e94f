/* health_parts: the health document, a member a row, in the order of their
 * names; /health/permits and its like are one of them alone. */
#include "cli/health.h"

#include <unistd.h>

#include "base/clock.h"
#include "mcp/server.h"
#include "transport/http.h"

static void put_caches(struct json_writer *w, const struct cli_told *t)
{
    const struct cli_facts *f = t->facts;
    json_key(w, SLICE("caches"));
    json_begin_object(w);
    for (size_t i = 0; i < f->engine.caches_count; i++) {
        json_key(w, slice_of(f->engine.caches[i].name));
        st_stats_write(&f->engine.caches[i].stats, w);
    }
    json_end_object(w);
}


static void put_coalesce(struct json_writer *w, const struct cli_told *t)
{
    struct mcp_server_stats s;
    mcp_server_stats(t->mcp, &s);
    json_key(w, SLICE("coalesce"));
    json_begin_object(w);
    json_put_int(w, "flights", s.flights);
    json_put_int(w, "joined", (int64_t)s.joined);
    json_put_int(w, "leaders", (int64_t)s.led);
    json_put_int(w, "refused", (int64_t)s.duplicates);
    json_end_object(w);
}

/* Those of HTTP, which have a limit; stdin is told of beside them. */
static void put_connections(struct json_writer *w, const struct cli_told *t)
{
    json_key(w, SLICE("connections"));
    json_begin_object(w);
    json_key(w, SLICE("by_transport"));
    json_begin_object(w);
    json_put_int(w, "http", t->http.open);
    json_put_int(w, "stdio", t->facts->stdio);
    json_end_object(w);
    json_key(w, SLICE("closed"));
    json_begin_object(w);
    for (int i = 0; i < TP_CLOSED_COUNT; i++)
        json_put_int(w, tp_closed_name((enum tp_closed)i),
                     (int64_t)t->http.closed[i]);
    json_end_object(w);
    json_put_int(w, "feeds", t->http.feeds);
    json_put_int(w, "feeds_dropped", (int64_t)t->http.feeds_dropped);
    json_put_int(w, "max", t->http.open_max);
    json_put_int(w, "oldest_idle_ms", t->http.oldest_idle_ns / NS_PER_MS);
    json_put_int(w, "open", t->http.open);
    json_put_int(w, "opened", (int64_t)t->http.opened);
    json_put_int(w, "refused", (int64_t)t->http.refused);
    json_put_int(w, "requests", (int64_t)t->http.requests);
    json_put_int(w, "streams", t->http.streams);
    json_end_object(w);
}

static void put_loops(struct json_writer *w, const struct cli_told *t)
{
    const struct cli_facts *f = t->facts;
    json_key(w, SLICE("loops"));
    json_begin_array(w);
    for (size_t i = 0; i < f->loops_count; i++) {
        const struct tp_beat *b = &f->loops[i];
        bool http = slice_eq(slice_of(b->name), SLICE("http"));
        json_begin_object(w);
        json_put_int(w, "beat_age_ms", (clock_now() - b->at) / NS_PER_MS);
        json_put_int(w, "connections", http ? t->http.open : t->facts->stdio);
        json_put_int(w, "lag_max_ms", b->lag_max_ns / NS_PER_MS);
        json_put_int(w, "lag_ms", b->lag_ns / NS_PER_MS);
        json_put_string(w, "name", slice_of(b->name));
        json_put_int(w, "streams", http ? t->http.streams : 0);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_memory(struct json_writer *w, const struct cli_told *t)
{
    json_key(w, SLICE("memory"));
    json_begin_object(w);
    json_put_int(w, "rss_bytes", (int64_t)t->facts->rss_bytes);
    json_end_object(w);
}

static void put_permits(struct json_writer *w, const struct cli_told *t)
{
    const struct permit_stats *p = &t->facts->permits;
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


static void put_providers(struct json_writer *w, const struct cli_told *t)
{
    const struct eng_facts *f = &t->facts->engine;
    json_key(w, SLICE("providers"));
    json_begin_object(w);
    for (size_t i = 0; i < f->providers_count; i++) {
        const struct provider_stats *p = &f->providers[i];
        json_key(w, slice_of(p->name));
        json_begin_object(w);
        json_put_int(w, "failures", p->breaker.failures);
        json_put_int(w, "next_probe_ms", p->breaker.retry_ns / NS_PER_MS);
        json_put_string(w, "state",
                        slice_of(breaker_state_name(p->breaker.state)));
        if (f->buckets[p->kind].on)
            json_put_int(w, "tokens", f->buckets[p->kind].tokens);
        json_end_object(w);
    }
    json_end_object(w);
}

static void put_queue(struct json_writer *w, const struct cli_told *t)
{
    const struct pool_stats *s = &t->facts->pool;
    json_key(w, SLICE("queue"));
    json_begin_object(w);
    json_put_int(w, "busy", s->busy);
    json_put_int(w, "depth", s->queued);
    json_put_int(w, "done", (int64_t)s->done);
    json_put_int(w, "refused", (int64_t)s->refused);
    json_put_int(w, "workers", s->threads);
    json_end_object(w);
}


/* Open: what can still be gone on with. */
static void put_sessions(struct json_writer *w, const struct cli_told *t)
{
    const struct eng_facts *f = &t->facts->engine;
    int64_t open = 0, total = 0, live = 0;
    if (!f->has_store) return;
    for (size_t i = 0; i < f->sessions.count; i++) {
        struct slice status = slice_of(f->sessions.rows[i].status);
        bool over = slice_eq(status, SLICE("completed")) ||
                    slice_eq(status, SLICE("abandoned")) ||
                    slice_eq(status, SLICE("expired"));
        total += f->sessions.rows[i].sessions;
        if (!over) open += f->sessions.rows[i].sessions;
    }
    for (size_t i = 0; i < f->caches_count; i++)
        if (slice_eq(slice_of(f->caches[i].name), SLICE("sessions")))
            live = (int64_t)f->caches[i].stats.entries;
    json_key(w, SLICE("sessions"));
    json_begin_object(w);
    json_put_int(w, "live_in_memory", live);
    json_put_int(w, "open", open);
    json_put_int(w, "total", total);
    json_end_object(w);
}

static void put_store(struct json_writer *w, const struct cli_told *t)
{
    const struct st_store_stats *s = &t->facts->engine.store;
    if (!t->facts->engine.has_store) return;
    json_key(w, SLICE("store"));
    json_begin_object(w);
    json_put_int(w, "checkpoints", (int64_t)s->checkpoints);
    json_put_int(w, "db_bytes", (int64_t)s->db_bytes);
    json_put_int(w, "jobs", (int64_t)s->jobs);
    json_put_int(w, "jobs_failed", (int64_t)s->jobs_failed);
    json_put_int(w, "queued", s->queued);
    json_put_int(w, "readers", s->readers);
    json_put_int(w, "transactions", (int64_t)s->transactions);
    json_put_int(w, "troubles", (int64_t)s->troubles);
    json_put_int(w, "wal_bytes", (int64_t)s->wal_bytes);
    json_end_object(w);
}


static void put_watch(struct json_writer *w, const struct cli_told *t)
{
    const struct eng_watch_stats *s = &t->facts->engine.watch;
    json_key(w, SLICE("watch"));
    json_begin_object(w);
    json_put_int(w, "directories", s->directories);
    json_put_int(w, "errors", (int64_t)s->errors);
    json_put_int(w, "events", (int64_t)s->events);
    if (s->last_event_ns)
        json_put_int(w, "last_event_age_ms",
                     (clock_now() - s->last_event_ns) / NS_PER_MS);
    json_put_string(w, "mode", slice_of(s->mode));
    json_put_int(w, "overflows", (int64_t)s->overflows);
    json_put_int(w, "roots", s->roots);
    json_put_int(w, "roots_unwatched", s->roots_unwatched);
    json_end_object(w);
}


static void put_writer(struct json_writer *w, const struct cli_told *t)
{
    const struct st_store_stats *s = &t->facts->engine.store;
    if (!t->facts->engine.has_store) return;
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
    void (*put)(struct json_writer *w, const struct cli_told *t);
} parts[] = {
    {"caches", CLI_FACT_ENGINE, put_caches},
    {"coalesce", CLI_FACT_LIVE, put_coalesce},
    {"connections", CLI_FACT_LIVE, put_connections},
    {"loops", CLI_FACT_LOOPS, put_loops},
    {"memory", CLI_FACT_PROCESS, put_memory},
    {"permits", CLI_FACT_LIVE, put_permits},
    {"providers", CLI_FACT_ENGINE, put_providers},
    {"queue", CLI_FACT_QUEUE, put_queue},
    {"sessions", CLI_FACT_ENGINE, put_sessions},
    {"store", CLI_FACT_ENGINE, put_store},
    {"watch", CLI_FACT_ENGINE, put_watch},
    {"writer", CLI_FACT_ENGINE, put_writer},
};
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static bool is_missing(const struct part *p, const struct cli_told *t)
{
    return (t->facts->missing & 1u << p->fact) != 0;
}

bool cli__health_part(struct json_writer *w, const struct cli_told *t,
                      struct slice name)
{
    for (size_t i = 0; i < PARTS; i++) {
        if (!slice_eq(slice_of(parts[i].name), name)) continue;
        if (!is_missing(&parts[i], t)) parts[i].put(w, t);
        return true;
    }
    return false;
}

void cli__health_missing(struct json_writer *w, const struct cli_told *t)
{
    if (!t->facts->missing) return;
    json_key(w, SLICE("missing"));
    json_begin_array(w);
    for (size_t i = 0; i < PARTS; i++)
        if (is_missing(&parts[i], t)) json_string(w, slice_of(parts[i].name));
    json_end_array(w);
}
