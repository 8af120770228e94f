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
#include "cli/look.h"
#include "cli/tell.h"
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
    struct cli_look *files, *watch;
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

/* What is so quick to read that each answer has it as it is. Thread: any */
static void read_now(const struct cli_health *h, struct cli_facts *f)
{
    mcp_server_stats(h->c.mcp, &f->mcp);
    f->calls = f->mcp.open;
    if (h->connections) tp_http_stats(h->connections, &f->http);
}

static void read_loops(struct cli_health *h, struct cli_facts *f)
{
    f->loops_count = 0;
    f->stdio = h->loops[0] != NULL;
    for (int i = 0; i < CLI_LOOPS_MAX; i++)
        if (h->loops[i]) tp_loop_beat(h->loops[i], &f->loops[f->loops_count++]);
}

static void read_memory(struct cli_health *h, struct cli_facts *f)
{
    permits_stats(h->c.permits, f->at, &f->permits);
    if (h->c.inbound)
        f->inbound_count =
            tools_inbound_stats(h->c.inbound, f->at, f->inbound);
    read_now(h, f);
    read_loops(h, f);
    pool_stats(h->c.pool, &f->pool);
    f->rss_bytes = resident();
    f->descriptors = descriptors();
}

/* --- what may block. Thread: the look's ----------------------------------- */

struct files {
    struct st_store_stats store; /* only what st_store_files tells */
    uint64_t disk_free, disk_size;
};

static void look_at_files(void *health, void *ret)
{
    const struct cli_health *h = health;
    struct files *files = ret;
    struct statvfs disk;
    eng_facts_files(h->c.engine, &files->store);
    if (!h->folder.n || statvfs(h->c.root.p, &disk) != 0) return;
    files->disk_free = (uint64_t)disk.f_bavail * disk.f_frsize;
    files->disk_size = (uint64_t)disk.f_blocks * disk.f_frsize;
}

/* Its lock is held while folders are walked. */
static void look_at_watch(void *health, void *ret)
{
    const struct cli_health *h = health;
    eng_facts_watch(h->c.engine, ret);
}

/* --- all of it. Thread: keeper -------------------------------------------- */

static void take_files(struct cli_health *h, int64_t until, struct cli_facts *f)
{
    struct files files;
    if (!cli_look_take(h->files, until, &files)) {
        f->missing |= 1u << CLI_FACT_FILES;
        return;
    }
    f->engine.store.wal_bytes = files.store.wal_bytes;
    f->engine.store.db_bytes = files.store.db_bytes;
    f->engine.store.replaced = files.store.replaced;
    f->disk_free = files.disk_free;
    f->disk_size = files.disk_size;
}

/* What is not in time keeps what was found before, for judging, and is not
 * told. */
static void collect(struct cli_health *h, int64_t now, struct cli_facts *f)
{
    int64_t until = clock_now() + h->c.collect_ms * NS_PER_MS;
    f->at = now;
    f->missing = 0;
    cli_look_ask(h->files);
    cli_look_ask(h->watch);
    read_memory(h, f);
    take_files(h, until, f);
    if (!cli_look_take(h->watch, until, &f->engine.watch))
        f->missing |= 1u << CLI_FACT_WATCH;
    eng_facts_with(h->c.engine, now, &f->engine);
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
    cli__health_stale(&h->c, f, clock_now());
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

static int by_name(const void *a, const void *b)
{
    const struct json_member *l = a, *r = b;
    return slice_cmp(l->key, r->key);
}

/* The tree is its arena's, and so the caller's. */
static void sort(const struct json *v)
{
    bool object = v->type == JSON_OBJECT;
    if ((!object && v->type != JSON_ARRAY) || v->count == 0) return;
    if (object)
        qsort((void *)(uintptr_t)v->members, v->count, sizeof(v->members[0]),
              by_name);
    for (uint32_t i = 0; i < v->count; i++)
        sort(object ? &v->members[i].value : &v->items[i]);
}

/* For people and their diffs: sorted at every level, indented. */
static enum err file_text(struct cli_health *h, struct buf *ret)
{
    struct buf text = BUF_INIT(DOCUMENT_MAX);
    struct json_writer w = json_writer(&text);
    const struct json *v;
    struct json_error je;
    struct arena a;
    arena_init(&a, 16 * DOCUMENT_MAX);
    json_begin_object(&w);
    put_document(h, &h->next, &w);
    json_end_object(&w);
    enum err e = text.err;
    if (!e) e = json_parse(buf_slice(&text), NULL, &a, &v, &je);
    if (!e) {
        sort(v);
        cli_json_pretty(ret, v);
        buf_puts(ret, "\n");
    }
    arena_done(&a);
    buf_done(&text);
    return e ? e : ret->err;
}

static void file_write(struct cli_health *h, int64_t now)
{
    struct buf text = BUF_INIT(DOCUMENT_MAX);
    enum err e = file_text(h, &text);
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
    enum err e = OK;
    if (c->root.n && (!h->file.p || !h->folder.p || !h->c.root.p))
        e = ERR_NOMEM;
    if (!e)
        e = cli_look_new("look-files", look_at_files, h, sizeof(struct files),
                         &h->files);
    if (!e)
        e = cli_look_new("look-watch", look_at_watch, h,
                         sizeof(struct eng_watch_stats), &h->watch);
    if (e)
        cli_health_free(h);
    else
        *ret = h;
    return e;
}

void cli_health_free(struct cli_health *h)
{
    if (!h) return;
    cli_look_free(h->files);
    cli_look_free(h->watch);
    if (h->file.p) (void)unlink(h->file.p);
    lock_done(&h->lock);
    arena_done(&h->arena);
    mem_free(h);
}
