#include "cli/health.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/log.h"
#include "mcp/server.h"
#include "transport/http.h"

enum {
    DOCUMENT_MAX = 1 << 20,
    FILE_PERIODS = 3, /* without a write: a reason */
    QUEUE_FULL_S = 60,
    DISK_PERCENT = 5
};
#define DISK_LEAST ((uint64_t)64 << 20)

struct cli_health {
    struct cli_health_config c;
    struct arena arena; /* paths; startup only */
    struct slice folder, file;
    struct tp_loop *loops[CLI_LOOPS_MAX];
    const struct tp_http *connections; /* NULL: no HTTP */
    /* Thread: keeper */
    int64_t file_due, file_good; /* good: when it was written last */
    bool file_fails, file_told;
    int64_t full_since[PERMIT_LEVEL_COUNT], permits_due;
    uint64_t refused;
    int64_t refused_at;
    struct cli_facts next;
    struct lock lock;
    struct cli_facts facts; /* Lock: lock */
};

/* What a reason is and what helps; the names of one room are told apart here
 * only by their texts. */
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
};

/* --- collecting. Thread: keeper ------------------------------------------- */

static uint64_t resident(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f) return 0;
    if (fscanf(f, "%*d %ld", &pages) != 1) pages = 0;
    (void)fclose(f);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t descriptors(void)
{
    uint64_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    if (!d) return 0;
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    (void)closedir(d);
    return n - 1; /* its own */
}

static void read_engine(struct cli_health *h, struct cli_facts *f)
{
    eng_facts_take(h->c.engine, f->at, &f->engine);
}

static void read_loops(struct cli_health *h, struct cli_facts *f)
{
    f->loops_count = 0;
    f->stdio = h->loops[0] != NULL;
    for (int i = 0; i < CLI_LOOPS_MAX; i++)
        if (h->loops[i]) tp_loop_beat(h->loops[i], &f->loops[f->loops_count++]);
}

static void read_queue(struct cli_health *h, struct cli_facts *f)
{
    pool_stats(h->c.pool, &f->pool);
}

static void read_live(struct cli_health *h, struct cli_facts *f)
{
    permits_stats(h->c.permits, f->at, &f->permits);
    if (h->c.inbound)
        f->inbound_count =
            tools_inbound_stats(h->c.inbound, f->at, f->inbound);
    f->calls = mcp_server_open_calls(h->c.mcp);
}

static void read_process(struct cli_health *h, struct cli_facts *f)
{
    struct statvfs disk;
    f->rss_bytes = resident();
    f->descriptors = descriptors();
    if (!h->folder.n || statvfs(h->c.root.p, &disk) != 0) return;
    f->disk_free = (uint64_t)disk.f_bavail * disk.f_frsize;
    f->disk_size = (uint64_t)disk.f_blocks * disk.f_frsize;
}

/* Those that only read memory come first. What there is no time for keeps what
 * was found before, for judging, and is not told. */
static const struct source {
    enum cli_fact fact;
    void (*read)(struct cli_health *h, struct cli_facts *f);
} sources[] = {{CLI_FACT_LIVE, read_live},
               {CLI_FACT_LOOPS, read_loops},
               {CLI_FACT_QUEUE, read_queue},
               {CLI_FACT_ENGINE, read_engine},
               {CLI_FACT_PROCESS, read_process}};

static void collect(struct cli_health *h, int64_t now, struct cli_facts *f)
{
    int64_t began = clock_now();
    f->at = now;
    f->missing = 0;
    f->degraded = false;
    f->reasons_count = 0;
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        if (clock_now() - began <= h->c.collect_ms * NS_PER_MS)
            sources[i].read(h, f);
        else
            f->missing |= 1u << sources[i].fact;
    }
}

/* --- judging -------------------------------------------------------------- */

static void add(struct cli_facts *f, struct eng_reason r)
{
    if (f->reasons_count == CLI_REASONS_MAX) return;
    f->reasons[f->reasons_count++] = (struct cli_reason){.is = r};
    f->degraded |= r.degrades;
}

static void loop_reasons(struct cli_health *h, struct cli_facts *f)
{
    for (size_t i = 0; i < f->loops_count; i++) {
        const struct tp_beat *b = &f->loops[i];
        int64_t age = (f->at - b->at) / NS_PER_MS;
        int64_t lag = b->lag_max_ns / NS_PER_MS;
        if (age > h->c.loop_stall_ms)
            add(f, (struct eng_reason){"loop_stalled", b->name, true,
                                       (uint64_t)age,
                                       (uint64_t)h->c.loop_stall_ms});
        else if (lag > h->c.loop_lag_ms)
            add(f,
                (struct eng_reason){"loop_lag", b->name, false, (uint64_t)lag,
                                    (uint64_t)h->c.loop_lag_ms});
    }
}

static void permit_reasons(struct cli_health *h, struct cli_facts *f)
{
    const struct permit_stats *p = &f->permits;
    if (p->leaked)
        add(f, (struct eng_reason){"permit_leak", NULL, true, p->leaked, 0});
    if (p->release_errors || p->differs)
        add(f, (struct eng_reason){"permit_release_error", NULL, true,
                                   p->release_errors, 0});
    for (int i = 0; i < PERMIT_LEVEL_COUNT; i++) {
        bool full = p->limit[i] && p->in_use[i] >= p->limit[i];
        if (!full)
            h->full_since[i] = 0;
        else if (!h->full_since[i])
            h->full_since[i] = f->at;
        else if (f->at - h->full_since[i] >= h->c.permits_check_ms * NS_PER_MS)
            add(f, (struct eng_reason){"permits_exhausted",
                                       permit_level_name((enum permit_level)i),
                                       true, p->in_use[i], p->limit[i]});
    }
}

/* Not written for so many periods, though it was tried. */
static bool file_missing(const struct cli_health *h, int64_t now)
{
    return h->file_fails &&
           now - h->file_good >= FILE_PERIODS * h->c.file_ms * NS_PER_MS;
}

static void writer_reasons(struct cli_health *h, struct cli_facts *f)
{
    int64_t busy = f->engine.store.busy_ns / NS_PER_MS;
    if (f->engine.has_store && busy > h->c.writer_slow_ms)
        add(f, (struct eng_reason){"writer_slow", NULL, true, (uint64_t)busy,
                                   (uint64_t)h->c.writer_slow_ms});
}

static void process_reasons(struct cli_health *h, struct cli_facts *f)
{
    uint64_t memory = f->rss_bytes >> 20;
    if (f->pool.refused != h->refused) {
        h->refused = f->pool.refused;
        h->refused_at = f->at;
    }
    if (h->refused_at && f->at - h->refused_at < QUEUE_FULL_S * NS_PER_S)
        add(f,
            (struct eng_reason){"queue_full", NULL, true, f->pool.refused, 0});
    if (file_missing(h, f->at))
        add(f,
            (struct eng_reason){"health_file", NULL, true,
                                (uint64_t)((f->at - h->file_good) / NS_PER_MS),
                                (uint64_t)(FILE_PERIODS * h->c.file_ms)});
    if (f->disk_size && (f->disk_free < DISK_LEAST ||
                         f->disk_free < f->disk_size / 100 * DISK_PERCENT))
        add(f, (struct eng_reason){"disk_low", NULL, true, f->disk_free,
                                   DISK_LEAST});
    if (memory > (uint64_t)h->c.memory_warn_mb)
        add(f, (struct eng_reason){"memory_high", NULL, false, memory,
                                   (uint64_t)h->c.memory_warn_mb});
}

static bool same_reason(const struct eng_reason *a, const struct eng_reason *b)
{
    return slice_eq(slice_of(a->name), slice_of(b->name)) &&
           slice_eq(slice_of(a->about), slice_of(b->about));
}

static struct cli_reason *reason_in(struct cli_facts *f,
                                    const struct eng_reason *r)
{
    for (size_t i = 0; i < f->reasons_count; i++)
        if (same_reason(&f->reasons[i].is, r)) return &f->reasons[i];
    return NULL;
}

/* Those that go on keep their beginning; the others are told of. */
static void compare(struct cli_facts *before, struct cli_facts *now)
{
    int64_t wall = clock_wall_ms();
    for (size_t i = 0; i < now->reasons_count; i++) {
        struct cli_reason *r = &now->reasons[i];
        const struct cli_reason *had = reason_in(before, &r->is);
        r->since_ms = had ? had->since_ms : wall;
        if (!had)
            log_warn("health",
                     r->is.degrades ? "health degraded" : "health notice",
                     LOG_C("reason", r->is.name), LOG_C("about", r->is.about),
                     LOG_I("value", r->is.value),
                     LOG_I("threshold", r->is.threshold));
    }
    for (size_t i = 0; i < before->reasons_count; i++) {
        const struct cli_reason *r = &before->reasons[i];
        if (!reason_in(now, &r->is))
            log_info("health", "health reason ended",
                     LOG_C("reason", r->is.name), LOG_C("about", r->is.about),
                     LOG_I("after_ms", wall - r->since_ms));
    }
}

static void judge(struct cli_health *h, struct cli_facts *f)
{
    for (size_t i = 0; i < f->engine.reasons_count; i++)
        add(f, f->engine.reasons[i]);
    loop_reasons(h, f);
    permit_reasons(h, f);
    writer_reasons(h, f);
    process_reasons(h, f);
    /* Only the keeper writes h->facts, so reading it needs no lock here. */
    compare(&h->facts, f);
}

/* --- telling. Thread: any ------------------------------------------------- */

static void put_reasons(struct json_writer *w, const struct cli_facts *f)
{
    char text[CLOCK_TEXT_SIZE];
    json_key(w, SLICE("reasons"));
    json_begin_array(w);
    for (size_t i = 0; i < f->reasons_count; i++) {
        const struct cli_reason *r = &f->reasons[i];
        json_begin_object(w);
        json_put_string(w, "reason", slice_of(r->is.name));
        if (r->is.about) json_put_string(w, "about", slice_of(r->is.about));
        json_put_string(w, "weight",
                        r->is.degrades ? SLICE("degraded") : SLICE("notice"));
        json_put_string(w, "since", clock_text(r->since_ms, text));
        json_put_int(w, "value", (int64_t)r->is.value);
        json_put_int(w, "threshold", (int64_t)r->is.threshold);
        for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
            if (!slice_eq(slice_of(texts[t].name), slice_of(r->is.name)))
                continue;
            json_put_string(w, "why", slice_of(texts[t].why));
            json_put_string(w, "how_to_fix", slice_of(texts[t].how_to_fix));
        }
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_status(struct json_writer *w, const struct cli_facts *f)
{
    put_reasons(w, f);
    json_put_string(w, "status", f->degraded ? SLICE("degraded") : SLICE("ok"));
}

/* A copy of what the keeper found last; its memory is the caller's. NULL: out
 * of memory. */
static struct cli_facts *facts_copy(struct cli_health *h)
{
    struct cli_facts *f = mem_alloc(sizeof(*f));
    if (!f) return NULL;
    lock_take(&h->lock);
    memcpy(f, &h->facts, sizeof(*f));
    lock_drop(&h->lock);
    f->calls = mcp_server_open_calls(h->c.mcp);
    permits_stats(h->c.permits, clock_now(), &f->permits);
    return f;
}

/* Only the keeper writes it. */
const struct cli_facts *cli_health_facts(const struct cli_health *h)
{
    return &h->facts;
}

void cli_health_engine(struct cli_health *h, struct eng_facts *ret)
{
    lock_take(&h->lock);
    memcpy(ret, &h->facts.engine, sizeof(*ret));
    lock_drop(&h->lock);
}

void cli_health_brief(void *health, struct json_writer *w)
{
    struct cli_facts *f = facts_copy(health);
    json_begin_object(w);
    if (f) put_status(w, f);
    json_end_object(w);
    mem_free(f);
}

static void put_uptime(struct json_writer *w, int64_t ms)
{
    int64_t s = ms / 1000;
    json_key(w, SLICE("uptime_human"));
    json_stringf(w, "%lldd %02lldh %02lldm %02llds", (long long)(s / 86400),
                 (long long)(s / 3600 % 24), (long long)(s / 60 % 60),
                 (long long)(s % 60));
    json_put_int(w, "uptime_ms", ms);
    json_put_int(w, "uptime_seconds", s);
}

static struct cli_told told(const struct cli_health *h,
                            const struct cli_facts *f)
{
    struct cli_told t = {.facts = f, .mcp = h->c.mcp};
    if (h->connections) tp_http_stats(h->connections, &t.http);
    return t;
}

/* Members in the order of their names. */
static void put_document(const struct cli_health *h, const struct cli_facts *f,
                         struct json_writer *w)
{
    char text[CLOCK_TEXT_SIZE];
    const struct cli_told t = told(h, f);
#define PART(name) (void)cli__health_part(w, &t, SLICE(name))
    PART("caches");
    PART("coalesce");
    PART("connections");
    json_put_int(w, "global_capacity", f->permits.limit[PERMIT_GLOBAL]);
    json_put_int(w, "global_inflight", f->permits.in_use[PERMIT_GLOBAL]);
    json_put_string(w, "host", h->c.host);
    PART("loops");
    PART("memory");
    cli__health_missing(w, &t);
    PART("permits");
    json_put_int(w, "pid", getpid());
    json_put_int(w, "port", h->c.port);
    json_put_string(w, "project", h->c.root);
    PART("providers");
    PART("queue");
    put_reasons(w, f);
    PART("sessions");
    json_put_string(w, "started_at", clock_text(h->c.started_wall_ms, text));
    json_put_string(w, "status", f->degraded ? SLICE("degraded") : SLICE("ok"));
    PART("store");
    json_put_int(w, "t", clock_wall_ms() / 1000);
    json_put_int(w, "tool_count", (int64_t)h->c.tools);
    put_uptime(w, (clock_now() - h->c.started_ns) / NS_PER_MS);
    json_put_string(w, "version", h->c.version);
    PART("watch");
    PART("writer");
#undef PART
}

void cli_health_document(void *health, struct json_writer *w)
{
    struct cli_facts *f = facts_copy(health);
    if (f) put_document(health, f, w);
    mem_free(f);
}

bool cli_health_part(void *health, struct slice name, struct json_writer *w)
{
    struct cli_facts *f = facts_copy(health);
    if (!f) return true; /* an empty object: no memory to say more */
    const struct cli_told t = told(health, f);
    bool known = cli__health_part(w, &t, name);
    mem_free(f);
    return known;
}

void cli_health_metrics(void *health, struct buf *out)
{
    const struct cli_health *h = health;
    struct cli_facts *f = facts_copy(health);
    if (f) {
        cli_metrics_write(f, h->c.started_wall_ms, out);
        cli_metrics_live(f, h->c.mcp, h->connections, out);
    }
    mem_free(f);
}

/* --- the file. Thread: keeper --------------------------------------------- */

static void file_failed(struct cli_health *h, int64_t now, enum err e)
{
    h->file_fails = true;
    if (h->file_told || !file_missing(h, now)) return;
    h->file_told = true;
    log_error("health", "health file not written",
              LOG_I("age_ms", (now - h->file_good) / NS_PER_MS),
              LOG_S("err", err_detail(e)));
}

static void file_write(struct cli_health *h, int64_t now)
{
    struct buf text = BUF_INIT(DOCUMENT_MAX);
    struct json_writer w = json_writer(&text);
    json_begin_object(&w);
    put_document(h, &h->next, &w);
    json_end_object(&w);
    buf_puts(&text, "\n");
    enum err e = text.err;
    if (!e) e = path_make(h->folder, 0700);
    if (!e) e = file_write_atomic(h->file, buf_slice(&text), 0600);
    buf_done(&text);
    if (e) {
        file_failed(h, now, e);
        return;
    }
    h->next.file_at = now;
    h->file_good = now;
    h->file_fails = h->file_told = false;
}

void cli_health_tick(struct cli_health *h, int64_t now)
{
    struct cli_facts *f = &h->next;
    if (now >= h->permits_due) {
        h->permits_due = now + h->c.permits_check_ms * NS_PER_MS;
        permits_check(h->c.permits, now);
    }
    collect(h, now, f);
    judge(h, f);
    if (h->file.n && now >= h->file_due) {
        if (!h->file_good) h->file_good = now;
        h->file_due = now + h->c.file_ms * NS_PER_MS;
        file_write(h, now);
    }
    lock_take(&h->lock);
    memcpy(&h->facts, f, sizeof(*f));
    lock_drop(&h->lock);
}

static void sweep(struct cli_health *h)
{
    struct arena a;
    struct file_name *names;
    size_t n = 0;
    if (!h->folder.n) return;
    arena_init(&a, 16u << 20);
    if (folder_list(h->folder, 65536, &a, &names, &n) != OK) n = 0;
    for (size_t i = 0; i < n; i++) {
        struct slice server =
            arena_printf(&a, "%.*s/.phasegate/servers/%.*s",
                         SLICE_ARG(h->c.root), SLICE_ARG(names[i].name));
        struct slice own = path_join(&a, h->folder, names[i].name);
        char *path = arena_cstr(&a, own);
        if (!server.p || !path || names[i].folder) continue;
        if (access(server.p, F_OK) != 0 && errno == ENOENT) (void)unlink(path);
    }
    arena_done(&a);
}

void cli_health_connections(struct cli_health *h, const struct tp_http *http)
{
    h->connections = http;
}

void cli_health_watch(struct cli_health *h, struct tp_loop *stdio,
                      struct tp_loop *http)
{
    h->loops[0] = stdio;
    h->loops[1] = http;
    h->file_due = 0;
    sweep(h);
}

/* --- life ----------------------------------------------------------------- */

enum err cli_health_new(const struct cli_health_config *c,
                        struct cli_health **ret)
{
    struct cli_health *h = MEM_NEW(struct cli_health);
    if (!h) return ERR_NOMEM;
    h->c = *c;
    arena_init(&h->arena, 1u << 16);
    lock_init(&h->lock, "health", RANK_LEAF);
    h->file_due = INT64_MAX; /* not before cli_health_watch */
    h->c.root = arena_copy(&h->arena, c->root);
    if (c->root.n) {
        h->folder = arena_printf(&h->arena, "%.*s/.phasegate/health",
                                 SLICE_ARG(c->root));
        h->file = arena_printf(&h->arena, "%.*s/%d.json", SLICE_ARG(h->folder),
                               (int)getpid());
        h->c.root.p = arena_cstr(&h->arena, c->root);
    }
    if (c->root.n && (!h->file.p || !h->folder.p || !h->c.root.p)) {
        cli_health_free(h);
        return ERR_NOMEM;
    }
    *ret = h;
    return OK;
}

void cli_health_free(struct cli_health *h)
{
    if (!h) return;
    if (h->file.p) (void)unlink(h->file.p);
    lock_done(&h->lock);
    arena_done(&h->arena);
    mem_free(h);
}
