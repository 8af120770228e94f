/* metrics: the facts as Prometheus text. A family is one row; what is counted
 * under several labels stands in rows that follow each other. */
#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/health.h"

void cli__metrics_family(struct buf *out, const char *name, const char *type,
                         const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Nanoseconds as seconds, without a float in between. */
void cli__metrics_seconds(struct buf *out, int64_t ns)
{
    buf_printf(out, "%" PRId64 ".%09" PRId64 "\n", ns / NS_PER_S,
               ns % NS_PER_S);
}

/* What stands between the quotes of a label. */
static void label_text(struct buf *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '\n')
            buf_puts(out, "\\n");
        else
            buf_printf(out, "%s%c", *s == '"' || *s == '\\' ? "\\" : "", *s);
    }
}

/* --- caches --------------------------------------------------------------- */

static const struct cache_row {
    const char *name, *help;
    const char *label; /* behind cache="..."; empty: none */
    enum st_metric metric;
    bool nanoseconds;
} cache_rows[] = {
#define ROW(name, help, label, metric)                                         \
    {                                                                          \
        "phasegate_cache_" name "_total", help, label, ST_METRIC_##metric,     \
            false                                                              \
    }
#define TIME(name, help, metric)                                               \
    {                                                                          \
        "phasegate_cache_" name "_seconds_total", help, "",                    \
            ST_METRIC_##metric, true                                           \
    }
    ROW("lookups", "Lookups by how they ended.", ",result=\"hit\"", hits),
    ROW("lookups", "", ",result=\"miss\"", misses),
    ROW("lookups", "", ",result=\"double_load\"", double_loads),
    ROW("lock_waits", "Lookups that waited for a lock or a flight.", "",
        lock_waits),
    ROW("waiters", "Lookups that joined another's flight.", "", waiters),
    TIME("wait", "Time slept in lookups.", wait_ns),
    ROW("loads", "Loader runs ended, also those counted by result.", "", loads),
    ROW("loads_not_found", "Loader runs that found nothing.", "",
        loads_not_found),
    ROW("load_failures", "Loader runs that failed.", "", load_failures),
    TIME("load", "Time spent in loaders.", load_ns),
    ROW("stale_served", "Lookups given a stale value.", "", stale_served),
    ROW("negative_hits", "Hits on negative entries.", "", negative_hits),
    ROW("evictions", "Entries removed for a ceiling.", ",reason=\"entries\"",
        evictions_entries),
    ROW("evictions", "", ",reason=\"bytes\"", evictions_bytes),
    ROW("expirations", "Entries seen expired, once each.", "", expirations),
    ROW("invalidations", "Entries invalidated.", ",reason=\"change\"",
        invalidations_change),
    ROW("invalidations", "", ",reason=\"write\"", invalidations_write),
    ROW("invalidations", "", ",reason=\"manual\"", invalidations_manual),
    ROW("invalidations", "", ",reason=\"clear\"", invalidations_clear),
    ROW("takeovers", "Flights taken over by a waiter.", "", takeovers),
    ROW("late_loads", "Results of abandoned loaders, dropped.", "", late_loads),
    ROW("discarded_loads", "Results older than a publish.", "",
        discarded_loads),
    ROW("oversize", "Values over the byte ceiling.", "", oversize),
    ROW("revalidations", "Entries found valid by a check.", "", revalidations),
    ROW("duplicate_runs", "Loaders of one key that ran at once: a defect.", "",
        duplicate_runs),
#undef ROW
#undef TIME
};

static void cache_counters(struct buf *out, const struct eng_facts *f)
{
    for (size_t r = 0; r < sizeof(cache_rows) / sizeof(cache_rows[0]); r++) {
        const struct cache_row *row = &cache_rows[r];
        if (row->help[0])
            cli__metrics_family(out, row->name, "counter", row->help);
        for (size_t i = 0; i < f->caches_count; i++) {
            uint64_t n = f->caches[i].stats.count[row->metric];
            buf_printf(out, "%s{cache=\"%s\"%s} ", row->name, f->caches[i].name,
                       row->label);
            if (row->nanoseconds)
                cli__metrics_seconds(out, (int64_t)n);
            else
                buf_printf(out, "%" PRIu64 "\n", n);
        }
    }
}

static const struct cache_gauge {
    const char *name, *help;
    size_t offset;
} cache_gauges[] = {
#define GAUGE(name, help)                                                      \
    {                                                                          \
        "phasegate_cache_" #name, help, offsetof(struct st_cache_stats, name)  \
    }
    GAUGE(entries, "Entries held."),
    GAUGE(bytes, "Bytes held, keys and overhead included."),
    GAUGE(entries_max, "Most entries."),
    GAUGE(bytes_max, "Most bytes."),
    GAUGE(flights, "Loads in progress."),
    GAUGE(waiting, "Lookups that wait for a load."),
    GAUGE(abandoned_loads, "Loads given up on that still run."),
#undef GAUGE
};

static void cache_levels(struct buf *out, const struct eng_facts *f)
{
    for (size_t r = 0; r < sizeof(cache_gauges) / sizeof(cache_gauges[0]);
         r++) {
        const struct cache_gauge *row = &cache_gauges[r];
        cli__metrics_family(out, row->name, "gauge", row->help);
        for (size_t i = 0; i < f->caches_count; i++) {
            uint64_t n;
            memcpy(&n, (const char *)&f->caches[i].stats + row->offset,
                   sizeof(n));
            buf_printf(out, "%s{cache=\"%s\"} %" PRIu64 "\n", row->name,
                       f->caches[i].name, n);
        }
    }
    cli__metrics_family(out, "phasegate_cache_hit_ratio", "gauge",
                        "Hits of all lookups since the start.");
    for (size_t i = 0; i < f->caches_count; i++)
        buf_printf(out, "phasegate_cache_hit_ratio{cache=\"%s\"} %.6f\n",
                   f->caches[i].name, f->caches[i].stats.hit_rate);
}

/* --- the process ---------------------------------------------------------- */

struct number {
    const char *name, *type, *help;
    uint64_t value;
};

static void numbers(struct buf *out, const struct number *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        cli__metrics_family(out, rows[i].name, rows[i].type, rows[i].help);
        buf_printf(out, "%s %" PRIu64 "\n", rows[i].name, rows[i].value);
    }
}
#define NUMBERS(out, ...)                                                      \
    numbers(out, (const struct number[]){__VA_ARGS__},                         \
            sizeof((const struct number[]){__VA_ARGS__}) /                     \
                sizeof(struct number))

static void process(struct buf *out, const struct cli_facts *f,
                    int64_t started_wall_ms)
{
    NUMBERS(out, {"phasegate_up", "gauge", "1: the server answers.", 1},
            {"phasegate_calls_open", "gauge", "Calls away from their loop.",
             f->calls},
            {"phasegate_queue_depth", "gauge", "Calls waiting for a worker.",
             f->pool.queued},
            {"phasegate_queue_refused_total", "counter",
             "Calls refused: the queue was full.", f->pool.refused},
            {"phasegate_workers", "gauge", "Worker threads.", f->pool.threads},
            {"phasegate_workers_busy", "gauge", "Workers with a call.",
             f->pool.busy},
            {"phasegate_jobs_done_total", "counter", "Work done by workers.",
             f->pool.done},
            {"process_resident_memory_bytes", "gauge", "Resident memory.",
             f->rss_bytes},
            {"process_open_fds", "gauge", "Open descriptors.", f->descriptors},
            {"process_start_time_seconds", "gauge", "Start, Unix time.",
             (uint64_t)started_wall_ms / 1000});
    cli__metrics_family(out, "phasegate_queue_wait_seconds_total", "counter",
                        "Time that work waited for a worker.");
    buf_puts(out, "phasegate_queue_wait_seconds_total ");
    cli__metrics_seconds(out, f->pool.wait_ns);
    if (f->file_at) {
        cli__metrics_family(out, "phasegate_health_file_age_seconds", "gauge",
                            "Since the health file was written.");
        buf_puts(out, "phasegate_health_file_age_seconds ");
        cli__metrics_seconds(out, clock_now() - f->file_at);
    }
}

/* Those that hold, and each row that does not as 0. */
static void health(struct buf *out, const struct cli_facts *f)
{
    static const char *const words[] = {"ok", "degraded", "failing"};
    const char *name;
    cli__metrics_family(out, "phasegate_health_status", "gauge",
                        "1: the status now.");
    for (size_t i = 0; i < 3; i++)
        buf_printf(out, "phasegate_health_status{status=\"%s\"} %d\n", words[i],
                   strcmp(words[i], cli_health_word(f)) == 0);
    cli__metrics_family(out, "phasegate_health_reason", "gauge",
                        "1: a reason that holds now.");
    for (size_t i = 0; i < f->reasons_count; i++) {
        buf_puts(out, "phasegate_health_reason{reason=\"");
        label_text(out, f->reasons[i].name);
        buf_puts(out, "\",about=\"");
        label_text(out, f->reasons[i].about);
        buf_puts(out, "\"} 1\n");
    }
    for (size_t i = 0; (name = cli__health_reason_name(i)) != NULL; i++)
        if (!cli__health_reason_holds(f, name))
            buf_printf(out,
                       "phasegate_health_reason{reason=\"%s\",about=\"\"} 0\n",
                       name);
}

static void loops(struct buf *out, const struct cli_facts *f)
{
    cli__metrics_family(out, "phasegate_loop_lag_seconds", "gauge",
                        "How late the last beat of an event loop was.");
    for (size_t i = 0; i < f->loops_count; i++) {
        buf_printf(out, "phasegate_loop_lag_seconds{loop=\"%s\"} ",
                   f->loops[i].name);
        cli__metrics_seconds(out, f->loops[i].lag_ns);
    }
    cli__metrics_family(out, "phasegate_loop_lag_max_seconds", "gauge",
                        "The latest beat of the last minutes.");
    for (size_t i = 0; i < f->loops_count; i++) {
        buf_printf(out, "phasegate_loop_lag_max_seconds{loop=\"%s\"} ",
                   f->loops[i].name);
        cli__metrics_seconds(out, f->loops[i].lag_max_ns);
    }
}

static void permits(struct buf *out, const struct permit_stats *p)
{
    static const char *const help[] = {"Most at once; 0: no limit.",
                                       "Held now.", "Permits granted.",
                                       "Permits refused."};
    static const char *const names[] = {
        "phasegate_permits_limit", "phasegate_permits_in_use",
        "phasegate_permits_granted_total", "phasegate_permits_refused_total"};
    for (int r = 0; r < 4; r++) {
        cli__metrics_family(out, names[r], r < 2 ? "gauge" : "counter",
                            help[r]);
        for (int i = 0; i < PERMIT_LEVEL_COUNT; i++) {
            const uint64_t value[] = {p->limit[i], p->in_use[i], p->granted[i],
                                      p->refused[i]};
            buf_printf(out, "%s{level=\"%s\"} %" PRIu64 "\n", names[r],
                       permit_level_name((enum permit_level)i), value[r]);
        }
    }
    NUMBERS(out,
            {"phasegate_permits_waiting", "gauge", "Calls that wait for one.",
             p->waiting},
            {"phasegate_permits_released_total", "counter", "Given back.",
             p->released},
            {"phasegate_permits_release_errors_total", "counter",
             "Given back without being held: a defect.", p->release_errors},
            {"phasegate_permits_leaks_total", "counter",
             "Held beyond deadline and grace.", p->leaks});
    cli__metrics_family(out, "phasegate_permits_oldest_seconds", "gauge",
                        "Since the oldest one held was granted.");
    for (int i = 0; i < PERMIT_LEVEL_COUNT; i++) {
        buf_printf(out, "phasegate_permits_oldest_seconds{level=\"%s\"} ",
                   permit_level_name((enum permit_level)i));
        cli__metrics_seconds(out, p->oldest_ns[i]);
    }
    cli__metrics_family(out, "phasegate_permits_wait_seconds_total", "counter",
                        "Time spent waiting for one.");
    buf_puts(out, "phasegate_permits_wait_seconds_total ");
    cli__metrics_seconds(out, (int64_t)p->wait_ns);
}

static void store(struct buf *out, const struct st_store_stats *s)
{
    NUMBERS(
        out,
        {"phasegate_store_jobs_total", "counter", "Writes answered.", s->jobs},
        {"phasegate_store_jobs_failed_total", "counter",
         "Writes that ended with an error.", s->jobs_failed},
        {"phasegate_store_troubles_total", "counter",
         "Writes that the file or memory failed.", s->troubles},
        {"phasegate_store_transactions_total", "counter",
         "Transactions committed.", s->transactions},
        {"phasegate_store_checkpoints_total", "counter",
         "Checkpoints of the log.", s->checkpoints},
        {"phasegate_writer_queue_depth", "gauge",
         "Writes waiting for the writer.", s->queued},
        {"phasegate_store_readers", "gauge", "Open read connections.",
         s->readers},
        {"phasegate_store_wal_bytes", "gauge", "Size of the log.",
         s->wal_bytes},
        {"phasegate_store_bytes", "gauge", "Size of the state file.",
         s->db_bytes});
}

static void sessions(struct buf *out, const struct eng_facts *f)
{
    cli__metrics_family(out, "phasegate_sessions", "gauge",
                        "Sessions by status, deleted ones apart.");
    for (size_t i = 0; i < f->sessions.count; i++)
        buf_printf(out, "phasegate_sessions{state=\"%s\"} %" PRId64 "\n",
                   f->sessions.rows[i].status, f->sessions.rows[i].sessions);
    cli__metrics_family(out, "phasegate_idempotency_total", "counter",
                        "What became of answers kept for a key.");
    for (int i = 0; i < ENG_ANSWER_COUNT; i++)
        buf_printf(out,
                   "phasegate_idempotency_total{result=\"%s\"} %" PRIu64 "\n",
                   eng_answer_name((enum eng_answer)i), f->answers[i]);
    NUMBERS(out,
            {"phasegate_sessions_expired_total", "counter",
             "Sessions that were idle too long, marked by this process.",
             f->tally[ENG_TALLY_session_expired]},
            {"phasegate_sessions_conflicts_total", "counter",
             "Writes that another process came before.", f->conflicts},
            {"phasegate_sessions_reloaded_total", "counter",
             "Of them those read and decided anew.", f->reloaded});
    NUMBERS(out,
            {"phasegate_idempotency_rows", "gauge", "Answers kept.",
             (uint64_t)f->answers_kept.rows},
            {"phasegate_idempotency_bytes", "gauge", "Their bytes.",
             (uint64_t)f->answers_kept.bytes});
}

static void onces(struct buf *out, const struct eng_facts *f)
{
    cli__metrics_family(out, "phasegate_once_total", "counter",
                        "Uses of what is made once, by how they went.");
    for (size_t i = 0; i < f->onces_count * ONCE_RESULT_COUNT; i++) {
        const struct once_stats *o = &f->onces[i / ONCE_RESULT_COUNT];
        enum once_result r = (enum once_result)(i % ONCE_RESULT_COUNT);
        buf_printf(out,
                   "phasegate_once_total{name=\"%s\",result=\"%s\"} %" PRIu64
                   "\n",
                   o->name, once_result_name(r), o->count[r]);
    }
}

static void killed(struct buf *out, const struct eng_facts *f)
{
    cli__metrics_family(out, "phasegate_exec_killed_total", "counter",
                        "Commands of gates that had to be ended.");
    buf_printf(out,
               "phasegate_exec_killed_total{signal=\"term\"} %" PRIu64 "\n"
               "phasegate_exec_killed_total{signal=\"kill\"} %" PRIu64 "\n",
               f->killed[ENG_KILLED_TERM], f->killed[ENG_KILLED_KILL]);
}

static const char *kind_label(int k)
{
    return eng_watch_kind_name((enum eng_watch_kind)k);
}

static const char *why_label(int k)
{
    return eng_watch_why_name((enum eng_watch_why)k);
}

/* n: a row of `count` for each set of roots. */
static void by_root(struct buf *out, const char *name, const char *help,
                    const char *label, const char *(*label_of)(int),
                    const uint64_t *n, int count)
{
    cli__metrics_family(out, name, "counter", help);
    for (int i = 0; i < ENG_WATCH_SETS * count; i++)
        buf_printf(out, "%s{root=\"%s\",%s=\"%s\"} %" PRIu64 "\n", name,
                   eng_watch_set_name((enum eng_watch_set)(i / count)), label,
                   label_of(i % count), n[i]);
}

static void watch(struct buf *out, const struct eng_watch_stats *s)
{
    by_root(out, "phasegate_watch_events_total",
            "File events read, by what they are about.", "kind", kind_label,
            s->events[0], ENG_WATCH_KINDS);
    by_root(out, "phasegate_watch_rescans_total",
            "Walks over the folders of a root, by why.", "why", why_label,
            s->rescans[0], ENG_WATCH_WHYS);
    cli__metrics_family(out, "phasegate_watch_reload_seconds", "histogram",
                        "From a change's first event until it was told.");
    cli__metrics_histogram(out, "phasegate_watch_reload_seconds",
                           (struct slice){0}, &s->told);
    NUMBERS(out,
            {"phasegate_watch_overflows_total", "counter",
             "Events that the kernel lost.", s->overflows},
            {"phasegate_watch_notices_total", "counter",
             "Changes told after a quiet moment.", s->notices},
            {"phasegate_watch_errors_total", "counter",
             "Failures to read events.", s->errors},
            {"phasegate_watch_directories", "gauge", "Folders watched.",
             s->directories},
            {"phasegate_watch_roots_unwatched", "gauge",
             "Roots whose files are compared instead.", s->roots_unwatched});
}

/* --- what is called outside ----------------------------------------------- */

static const char *result_label(int k)
{
    return provider_result_name((enum provider_result)k);
}

static const char *state_label(int k)
{
    return breaker_state_name((enum breaker_state)k);
}

static const char *outcome_label(int k)
{
    return breaker_outcome_name((enum breaker_outcome)k);
}

static const struct provider_row {
    const char *name, *help, *label;
    size_t offset;
    int count;
    const char *(*label_of)(int);
} provider_rows[] = {
    {"phasegate_provider_calls_total", "Calls outside by how they ended.",
     "result", offsetof(struct provider_stats, calls), PROVIDER_RESULT_COUNT,
     result_label},
    {"phasegate_retries_total", "Further attempts.", NULL,
     offsetof(struct provider_stats, retries), 1, NULL},
    {"phasegate_breaker_failures_total", "Attempts that failed.", NULL,
     offsetof(struct provider_stats, breaker.failures_total), 1, NULL},
    {"phasegate_breaker_refused_total", "Calls not made: it was open.", NULL,
     offsetof(struct provider_stats, breaker.refused), 1, NULL},
    {"phasegate_breaker_changes_total", "Changes to a state.", "to",
     offsetof(struct provider_stats, breaker.changes), BREAKER_STATE_COUNT,
     state_label},
    {"phasegate_breaker_probes_total", "Probes by how they ended.", "result",
     offsetof(struct provider_stats, breaker.probes), BREAKER_OUTCOME_COUNT,
     outcome_label},
};

/* One family over all targets. */
static void provider_family(struct buf *out, const struct eng_facts *f,
                            const struct provider_row *r)
{
    cli__metrics_family(out, r->name, "counter", r->help);
    for (size_t i = 0; i < f->providers_count * (size_t)r->count; i++) {
        const struct provider_stats *p = &f->providers[i / (size_t)r->count];
        size_t k = i % (size_t)r->count;
        uint64_t n;
        memcpy(&n, (const char *)p + r->offset + k * sizeof(n), sizeof(n));
        buf_printf(out, "%s{provider=\"", r->name);
        label_text(out, p->name);
        if (r->label)
            buf_printf(out, "\",%s=\"%s", r->label, r->label_of((int)k));
        buf_printf(out, "\"} %" PRIu64 "\n", n);
    }
}

static void buckets(struct buf *out, const struct bucket_stats *b, size_t n)
{
    cli__metrics_family(out, "phasegate_limiter_refused_total", "counter",
                        "Refused for their rate.");
    for (size_t i = 0; i < n; i++)
        buf_printf(
            out, "phasegate_limiter_refused_total{bucket=\"%s\"} %" PRIu64 "\n",
            b[i].name, b[i].refused);
    cli__metrics_family(out, "phasegate_limiter_tokens", "gauge",
                        "There at the moment.");
    for (size_t i = 0; i < n; i++)
        if (b[i].on)
            buf_printf(out,
                       "phasegate_limiter_tokens{bucket=\"%s\"} %" PRId64 "\n",
                       b[i].name, b[i].tokens);
}

static void providers(struct buf *out, const struct eng_facts *f,
                      const struct bucket_stats *in, size_t inbound_n)
{
    for (size_t i = 0; i < sizeof(provider_rows) / sizeof(provider_rows[0]);
         i++)
        provider_family(out, f, &provider_rows[i]);
    cli__metrics_family(out, "phasegate_provider_seconds_total", "counter",
                        "Time spent in attempts.");
    for (size_t i = 0; i < f->providers_count; i++) {
        buf_puts(out, "phasegate_provider_seconds_total{provider=\"");
        label_text(out, f->providers[i].name);
        buf_puts(out, "\"} ");
        cli__metrics_seconds(out, (int64_t)f->providers[i].busy_ns);
    }
    cli__metrics_family(out, "phasegate_breaker_state", "gauge",
                        "0 closed, 1 open, 2 half open.");
    for (size_t i = 0; i < f->providers_count; i++) {
        buf_puts(out, "phasegate_breaker_state{provider=\"");
        label_text(out, f->providers[i].name);
        buf_printf(out, "\"} %d\n", (int)f->providers[i].breaker.state);
    }
    struct bucket_stats all[PROVIDER_KIND_COUNT + TOOLS_BUCKETS];
    memcpy(all, f->buckets, sizeof(f->buckets));
    if (inbound_n)
        memcpy(all + PROVIDER_KIND_COUNT, in, inbound_n * sizeof(*in));
    buckets(out, all, PROVIDER_KIND_COUNT + inbound_n);
}

void cli_metrics_write(const struct cli_facts *f, int64_t started_wall_ms,
                       struct buf *out)
{
    process(out, f, started_wall_ms);
    health(out, f);
    loops(out, f);
    permits(out, &f->permits);
    cache_counters(out, &f->engine);
    cache_levels(out, &f->engine);
    if (f->engine.has_store) store(out, &f->engine.store);
    if (f->engine.has_store) sessions(out, &f->engine);
    watch(out, &f->engine.watch);
    onces(out, &f->engine);
    killed(out, &f->engine);
    providers(out, &f->engine, f->inbound, f->inbound_count);
}
