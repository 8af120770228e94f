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

enum { DOCUMENT_MAX = 1 << 20 };

struct cli_health {
    struct cli_health_config c;
    struct arena arena; /* paths; startup only */
    struct slice folder, file;
    struct tp_loop *loops[CLI_LOOPS_MAX];
    const struct tp_http *connections; /* NULL: no HTTP */
    /* Thread: keeper */
    int64_t file_due, permits_due;
    bool file_told;
    struct cli_judgement judgement;
    struct cli_facts next;
    struct lock lock;
    struct cli_facts facts; /* Lock: lock */
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

/* What is so quick to read that each answer has it as it is. Thread: any */
static void read_now(const struct cli_health *h, struct cli_facts *f)
{
    mcp_server_stats(h->c.mcp, &f->mcp);
    f->calls = f->mcp.open;
    if (h->connections) tp_http_stats(h->connections, &f->http);
}

static void read_live(struct cli_health *h, struct cli_facts *f)
{
    permits_stats(h->c.permits, f->at, &f->permits);
    if (h->c.inbound)
        f->inbound_count =
            tools_inbound_stats(h->c.inbound, f->at, f->inbound);
    read_now(h, f);
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
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        if (clock_now() - began <= h->c.collect_ms * NS_PER_MS)
            sources[i].read(h, f);
        else
            f->missing |= 1u << sources[i].fact;
    }
}

/* --- telling. Thread: any ------------------------------------------------- */

/* A copy of what the keeper found last; its memory is the caller's. NULL: out
 * of memory. */
static struct cli_facts *facts_copy(struct cli_health *h)
{
    struct cli_facts *f = mem_alloc(sizeof(*f));
    if (!f) return NULL;
    lock_take(&h->lock);
    memcpy(f, &h->facts, sizeof(*f));
    lock_drop(&h->lock);
    read_now(h, f);
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

const char *cli_health_status(void *health)
{
    struct cli_health *h = health;
    lock_take(&h->lock);
    const char *word = cli_health_word(&h->facts);
    lock_drop(&h->lock);
    return word;
}

void cli_health_brief(void *health, struct json_writer *w)
{
    struct cli_facts *f = facts_copy(health);
    json_begin_object(w);
    if (f) {
        cli__health_reasons(w, f);
        json_put_string(w, "status", slice_of(cli_health_word(f)));
    }
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

/* Members in the order of their names. */
static void put_document(const struct cli_health *h, const struct cli_facts *f,
                         struct json_writer *w)
{
    char text[CLOCK_TEXT_SIZE];
#define PART(name) (void)cli__health_part(w, f, SLICE(name))
    PART("caches");
    PART("coalesce");
    PART("connections");
    json_put_int(w, "global_capacity", f->permits.limit[PERMIT_GLOBAL]);
    json_put_int(w, "global_inflight", f->permits.in_use[PERMIT_GLOBAL]);
    json_put_string(w, "host", h->c.host);
    PART("loops");
    PART("memory");
    cli__health_missing(w, f);
    PART("permits");
    json_put_int(w, "pid", getpid());
    json_put_int(w, "port", h->c.port);
    json_put_string(w, "project", h->c.root);
    PART("providers");
    PART("queue");
    cli__health_reasons(w, f);
    PART("sessions");
    json_put_string(w, "started_at", clock_text(h->c.started_wall_ms, text));
    json_put_string(w, "status", slice_of(cli_health_word(f)));
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
    bool known = cli__health_part(w, f, name);
    mem_free(f);
    return known;
}

void cli_health_metrics(void *health, struct buf *out)
{
    const struct cli_health *h = health;
    struct cli_facts *f = facts_copy(health);
    if (f) {
        cli_metrics_write(f, h->c.started_wall_ms, out);
        cli_metrics_live(f, h->c.mcp, out);
    }
    mem_free(f);
}

/* --- the file. Thread: keeper --------------------------------------------- */

static void file_failed(struct cli_health *h, int64_t now, enum err e)
{
    struct cli_judgement *j = &h->judgement;
    j->file_fails = true;
    if (h->file_told || !cli__health_file_missing(&h->c, j, now)) return;
    h->file_told = true;
    log_error("health", "health file not written",
              LOG_I("age_ms", (now - j->file_good) / NS_PER_MS),
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
    h->judgement.file_good = now;
    h->judgement.file_fails = h->file_told = false;
}

void cli_health_tick(struct cli_health *h, int64_t now)
{
    struct cli_facts *f = &h->next;
    if (now >= h->permits_due) {
        h->permits_due = now + h->c.permits_check_ms * NS_PER_MS;
        permits_check(h->c.permits, now);
    }
    collect(h, now, f);
    /* Only the keeper writes h->facts, so reading it needs no lock here. */
    cli__health_judge(&h->c, &h->judgement, &h->facts, f);
    if (h->file.n && now >= h->file_due) {
        if (!h->judgement.file_good) h->judgement.file_good = now;
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
