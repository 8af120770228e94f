/* health_judge: which reasons hold, by what the keeper found; how they begin
 * and end in the log; what each means and what helps. */
#include "cli/health.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

enum { FILE_PERIODS = 3, QUEUE_FULL_S = 60, DISK_PERCENT = 5 };
#define DISK_LEAST ((uint64_t)64 << 20)

/* What a reason is and what helps; of those of several loops, caches or
 * permits `about` tells which. */
static const struct {
    const char *name, *why, *how_to_fix;
} texts[] = {
    {"cache_double_loads", "many callers met at keys that were not loaded",
     "harmless; see docs/CACHE.md"},
    {"cache_double_loads_high", "very many callers met at keys not loaded",
     "look for clients that start in step"},
    {"cache_lock_waits", "more than usual of the lookups waited for another",
     "look for slow disks, or for one session with many readers"},
    {"cache_hit_rate", "more than usual of the lookups had to load",
     "raise the cache's ceiling if its evictions grow"},
    {"cache_duplicate_runs", "a loader ran twice at once: a defect",
     "report it with the log"},
    {"store_error", "the state file could not be written or read",
     "look at the log and at the disk"},
    {"store_replaced",
     "the state file was moved, deleted or replaced; writes are refused",
     "put it back with its -wal file, or restart the server"},
    {"writer_slow", "one write has kept the others waiting for long",
     "look at the disk, and for another process that holds the state file"},
    {"wal_large", "the write-ahead log is not taken over into the file",
     "look for a process that holds a read open on the state file"},
    {"watch_degraded", "some folders do not report changes",
     "files are compared at each lookup instead; see the log"},
    {"loop_lag", "an event loop was late", "the machine is loaded"},
    {"loop_stalled", "an event loop does not turn",
     "take a stack trace of the process, then restart it"},
    {"permit_leak", "a call is long past its deadline and has not ended",
     "see the log for which; restart the server if it stays"},
    {"permit_release_error", "permits are not accounted for: a defect",
     "report it with the log"},
    {"permits_exhausted", "all permits of a level have been in use for long",
     "look for slow calls, or raise permits.*"},
    {"queue_full", "calls were refused: the work queue was full",
     "send fewer calls at once, or raise workers and queue"},
    {"health_file", "the health file cannot be written",
     "look at the rights of .phasegate/health and at the disk"},
    {"disk_low", "little room on the state file's disk", "make room"},
    {"memory_high", "more resident memory than health.memory_warn_mb",
     "restart it, and report what it did before"},
    {"store_failed", "SQLite has found the state file damaged",
     "run phasegate doctor; stop the server and take the last backup"},
    {"writer_stalled", "the writer has not moved for a minute",
     "take a stack trace of the process, then restart it"},
    {"provider_open", "calls of it failed, so none are made for a while",
     "mend what it needs; it is tried again by itself, or at once after "
     "phasegate admin reset-breaker"},
    {"connections_full", "new HTTP connections are refused",
     "close idle clients, or raise conn.max"},
    {"abandoned_work", "work runs on that nobody waits for any more",
     "see the log for which; its permits come back when it ends"},
};
enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };

/* --- judging. Thread: keeper ---------------------------------------------- */

static void add_named(struct cli_facts *f, struct eng_reason r,
                      const char *name, const char *about)
{
    if (f->reasons_count == CLI_REASONS_MAX) return;
    struct cli_reason *to = &f->reasons[f->reasons_count++];
    *to = (struct cli_reason){
        .weight = r.weight, .value = r.value, .threshold = r.threshold};
    (void)snprintf(to->name, sizeof(to->name), "%s", name);
    (void)snprintf(to->about, sizeof(to->about), "%s", about ? about : "");
    if (r.weight > f->worst) f->worst = r.weight;
}

static void add(struct cli_facts *f, struct eng_reason r)
{
    add_named(f, r, r.name, r.about);
}
static void loop_reasons(const struct cli_health_config *c, struct cli_facts *f)
{
    for (size_t i = 0; i < f->loops_count; i++) {
        const struct tp_beat *b = &f->loops[i];
        int64_t age = (f->at - b->at) / NS_PER_MS;
        int64_t lag = b->lag_max_ns / NS_PER_MS;
        if (age > c->loop_stall_ms)
            add(f,
                (struct eng_reason){"loop_stalled", b->name, ENG_DEGRADES,
                                    (uint64_t)age, (uint64_t)c->loop_stall_ms});
        else if (lag > c->loop_lag_ms)
            add(f,
                (struct eng_reason){"loop_lag", b->name, ENG_NOTICE,
                                    (uint64_t)lag, (uint64_t)c->loop_lag_ms});
    }
}

static void permit_reasons(const struct cli_health_config *c,
                           struct cli_judgement *j, struct cli_facts *f)
{
    const struct permit_stats *p = &f->permits;
    if (p->leaked)
        add(f, (struct eng_reason){"permit_leak", NULL, ENG_DEGRADES, p->leaked,
                                   0});
    if (p->release_errors || p->differs)
        add(f, (struct eng_reason){"permit_release_error", NULL, ENG_DEGRADES,
                                   p->release_errors, 0});
    for (int i = 0; i < PERMIT_LEVEL_COUNT; i++) {
        bool full = p->limit[i] && p->in_use[i] >= p->limit[i];
        if (!full)
            j->full_since[i] = 0;
        else if (!j->full_since[i])
            j->full_since[i] = f->at;
        else if (f->at - j->full_since[i] >= c->permits_check_ms * NS_PER_MS)
            add(f,
                (struct eng_reason){"permits_exhausted",
                                    permit_level_name((enum permit_level)i),
                                    ENG_DEGRADES, p->in_use[i], p->limit[i]});
    }
}

/* Not written for so many periods, though it was tried. */
bool cli__health_file_missing(const struct cli_health_config *c,
                              const struct cli_judgement *j, int64_t now)
{
    return j->file_fails &&
           now - j->file_good >= FILE_PERIODS * c->file_ms * NS_PER_MS;
}

static void writer_reasons(const struct cli_health_config *c,
                           struct cli_facts *f)
{
    int64_t busy = f->engine.store.busy_ns / NS_PER_MS;
    if (f->engine.has_store && busy > c->writer_slow_ms)
        add(f,
            (struct eng_reason){"writer_slow", NULL, ENG_DEGRADES,
                                (uint64_t)busy, (uint64_t)c->writer_slow_ms});
}

static void process_reasons(const struct cli_health_config *c,
                            struct cli_judgement *j, struct cli_facts *f)
{
    uint64_t memory = f->rss_bytes >> 20;
    if (f->pool.refused != j->refused) {
        j->refused = f->pool.refused;
        j->refused_at = f->at;
    }
    if (j->refused_at && f->at - j->refused_at < QUEUE_FULL_S * NS_PER_S)
        add(f, (struct eng_reason){"queue_full", NULL, ENG_DEGRADES,
                                   f->pool.refused, 0});
    if (cli__health_file_missing(c, j, f->at))
        add(f,
            (struct eng_reason){"health_file", NULL, ENG_DEGRADES,
                                (uint64_t)((f->at - j->file_good) / NS_PER_MS),
                                (uint64_t)(FILE_PERIODS * c->file_ms)});
    if (f->disk_size && (f->disk_free < DISK_LEAST ||
                         f->disk_free < f->disk_size / 100 * DISK_PERCENT))
        add(f, (struct eng_reason){"disk_low", NULL, ENG_DEGRADES, f->disk_free,
                                   DISK_LEAST});
    if (memory > (uint64_t)c->memory_warn_mb)
        add(f, (struct eng_reason){"memory_high", NULL, ENG_NOTICE, memory,
                                   (uint64_t)c->memory_warn_mb});
}

/* The name says which: each has a beginning and an end of its own. */
static void provider_reasons(struct cli_facts *f)
{
    char name[CLI_REASON_NAME];
    for (size_t i = 0; i < f->engine.providers_count; i++) {
        const struct provider_stats *p = &f->engine.providers[i];
        if (p->breaker.state == BREAKER_CLOSED) continue;
        (void)snprintf(name, sizeof(name), "provider_open:%s", p->name);
        add_named(
            f,
            (struct eng_reason){
                .weight = ENG_DEGRADES,
                .value = (uint64_t)(p->breaker.retry_ns / NS_PER_MS),
                .threshold = (uint64_t)(p->breaker.window_ns / NS_PER_MS)},
            name, p->name);
    }
}

static void call_reasons(struct cli_facts *f)
{
    const struct tp_http_stats *http = &f->http;
    uint64_t abandoned = f->mcp.abandoned;
    for (size_t i = 0; i < f->engine.caches_count; i++)
        abandoned += f->engine.caches[i].stats.abandoned_loads;
    if (http->open_max && http->open >= http->open_max)
        add(f, (struct eng_reason){"connections_full", NULL, ENG_DEGRADES,
                                   http->open, http->open_max});
    if (abandoned)
        add(f, (struct eng_reason){"abandoned_work", NULL, ENG_DEGRADES,
                                   abandoned, 0});
}

static struct cli_reason *reason_in(struct cli_facts *f,
                                    const struct cli_reason *r)
{
    for (size_t i = 0; i < f->reasons_count; i++)
        if (strcmp(f->reasons[i].name, r->name) == 0 &&
            strcmp(f->reasons[i].about, r->about) == 0)
            return &f->reasons[i];
    return NULL;
}

static void tell_begun(const struct cli_reason *r)
{
    static const char *const texts_of[] = {[ENG_NOTICE] = "health notice",
                                           [ENG_DEGRADES] = "health degraded",
                                           [ENG_FAILS] = "health failing"};
    log_warn("health", texts_of[r->weight], LOG_C("reason", r->name),
             LOG_C("about", r->about), LOG_I("value", r->value),
             LOG_I("threshold", r->threshold));
}

/* Those that go on keep their beginning; the others are told of. */
static void compare(struct cli_facts *before, struct cli_facts *now)
{
    int64_t wall = clock_wall_ms();
    for (size_t i = 0; i < now->reasons_count; i++) {
        struct cli_reason *r = &now->reasons[i];
        const struct cli_reason *had = reason_in(before, r);
        r->since_ms = had ? had->since_ms : wall;
        if (!had) tell_begun(r);
    }
    for (size_t i = 0; i < before->reasons_count; i++) {
        const struct cli_reason *r = &before->reasons[i];
        if (!reason_in(now, r))
            log_info("health", "health reason ended", LOG_C("reason", r->name),
                     LOG_C("about", r->about),
                     LOG_I("after_ms", wall - r->since_ms));
    }
}

void cli__health_judge(const struct cli_health_config *c,
                       struct cli_judgement *j, struct cli_facts *before,
                       struct cli_facts *f)
{
    f->worst = ENG_NOTICE;
    f->reasons_count = 0;
    for (size_t i = 0; i < f->engine.reasons_count; i++)
        add(f, f->engine.reasons[i]);
    loop_reasons(c, f);
    permit_reasons(c, j, f);
    writer_reasons(c, f);
    process_reasons(c, j, f);
    provider_reasons(f);
    call_reasons(f);
    compare(before, f);
}

void cli__health_stale(const struct cli_health_config *c, struct cli_facts *f,
                       int64_t now)
{
    int64_t age = (now - f->at) / NS_PER_MS;
    if (age <= c->loop_stall_ms || f->reasons_count == CLI_REASONS_MAX) return;
    add(f, (struct eng_reason){"loop_stalled", "keeper", ENG_DEGRADES,
                               (uint64_t)age, (uint64_t)c->loop_stall_ms});
    f->reasons[f->reasons_count - 1].since_ms = clock_wall_ms() - age;
}

/* --- telling. Thread: any ------------------------------------------------- */

const char *cli_health_word(const struct cli_facts *f)
{
    static const char *const words[] = {[ENG_NOTICE] = "ok",
                                        [ENG_DEGRADES] = "degraded",
                                        [ENG_FAILS] = "failing"};
    return words[f->worst];
}

/* "provider_open" of "provider_open:npm". */
static bool is_of(const struct cli_reason *r, const char *row)
{
    size_t n = strlen(row);
    return strncmp(r->name, row, n) == 0 &&
           (r->name[n] == '\0' || r->name[n] == ':');
}

static void put_reason(struct json_writer *w, const struct cli_reason *r)
{
    static const char *const weights[] = {[ENG_NOTICE] = "notice",
                                          [ENG_DEGRADES] = "degraded",
                                          [ENG_FAILS] = "failing"};
    char text[CLOCK_TEXT_SIZE];
    json_begin_object(w);
    json_put_string(w, "reason", slice_of(r->name));
    if (r->about[0]) json_put_string(w, "about", slice_of(r->about));
    json_put_string(w, "weight", slice_of(weights[r->weight]));
    json_put_string(w, "since", clock_text(r->since_ms, text));
    json_put_int(w, "value", (int64_t)r->value);
    json_put_int(w, "threshold", (int64_t)r->threshold);
    for (size_t t = 0; t < TEXTS; t++) {
        if (!is_of(r, texts[t].name)) continue;
        json_put_string(w, "why", slice_of(texts[t].why));
        json_put_string(w, "how_to_fix", slice_of(texts[t].how_to_fix));
    }
    json_end_object(w);
}

void cli__health_reasons(struct json_writer *w, const struct cli_facts *f)
{
    json_key(w, SLICE("reasons"));
    json_begin_array(w);
    for (size_t i = 0; i < f->reasons_count; i++) put_reason(w, &f->reasons[i]);
    json_end_array(w);
}

const char *cli__health_reason_name(size_t i)
{
    return i < TEXTS ? texts[i].name : NULL;
}

bool cli__health_reason_holds(const struct cli_facts *f, const char *row)
{
    for (size_t i = 0; i < f->reasons_count; i++)
        if (is_of(&f->reasons[i], row)) return true;
    return false;
}
