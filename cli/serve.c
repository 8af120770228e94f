/*
 * serve: the server as a process. Builds it bottom up, answers stdio before
 * anything slow is begun, waits, and takes it down in reverse.
 *
 * Lifetime. In stdio and dual mode the process lives as long as its stdin. At
 * its end, and when the process that started us has gone, HTTP refuses new
 * calls, every line already read is answered and flushed, then all ends. When
 * nobody reads our answers any more, or a signal comes, running calls are
 * cancelled first. A second signal ends at once. In http mode stdin is not
 * looked at.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/authority.h"
#include "cli/command.h"
#include "cli/dashboard.h"
#include "cli/embedder.h"
#include "cli/health.h"
#include "cli/keeper.h"
#include "cli/praxis_state.h"
#include "cli/project.h"
#include "cli/timeouts.h"
#include "cli/watch.h"
#include "engine/trust.h"
#include "engine/engine.h"
#include "mcp/tools/tools.h"
#include "state/cache.h"
#include "transport/discovery.h"
#include "transport/http.h"
#include "transport/listen.h"
#include "transport/loop.h"
#include "transport/pages.h"
#include "transport/stdio.h"

enum {
    PORT_FIRST = 4242,
    PORT_LAST = 5242,
    FLUSH_MS = 200, /* for HTTP answers to leave */
    STEP_MS = 2,
    DESCRIPTORS_OWN = 128
};

struct serve {
    struct arena arena;
    struct cli_options o;
    struct cli_timeouts timeouts;
    struct slice root;
    struct cli_watch watch;
    struct pool *pool;
    struct cli_embedder *embedder;
    struct engine *engine;
    struct tools_app app;
    struct tp_pages pages;
    struct mcp_server *mcp;
    struct tp_listen listen;
    char url[128];
    char agent_token[TP_TOKEN_ROOM], operator_token[TP_TOKEN_ROOM];
    struct tp_loop *stdio_loop, *http_loop;
    struct tp_stdio *stdio;
    struct tp_http *http;
    struct tp_discovery *discovery;
    struct permits *permits;
    struct tools_inbound inbound;
    struct tools_feed *feed;
    struct cli_health *health;
    struct cli_authority authority;
    struct cli_dashboard *dashboard;
    struct cli_keeper *keeper;
    uint64_t seconds; /* Thread: keeper */
    /* written by the stdio loop, read by main after a nudge */
    atomic_bool ending, gone, ended;
};

static bool wants_stdio(const struct serve *s)
{
    return s->o.set.transport != CLI_HTTP;
}

static bool wants_http(const struct serve *s)
{
    return s->o.set.transport != CLI_STDIO;
}

static enum err cannot(struct serve *s, enum err e, const char *what,
                       const char *how)
{
    return problem_set(&s->o.problem, e, slice_of(what), err_detail(e),
                       slice_of(how));
}

/* --- permits ------------------------------------------------------------- */

static enum err permits_start(struct serve *s)
{
    const struct cli_settings *set = &s->o.set;
    struct permit_options o = {.queue_max = (uint32_t)set->permits_queue_max,
                               .wait_ns = set->permits_wait_ms * NS_PER_MS,
                               .leak_grace_ns =
                                   set->permits_leak_grace_ms * NS_PER_MS,
                               .retry_after_ms = set->permits_retry_after_ms};
    for (int i = 0; i < PERMIT_LEVEL_COUNT; i++)
        o.limit[i] = (uint32_t)set->permits[i];
    if (o.limit[PERMIT_SESSION] >= o.limit[PERMIT_GLOBAL])
        return problem_setf(
            &s->o.problem, &s->arena, ERR_INVALID,
            SLICE("One session could keep all others out."),
            SLICE("Raise permits.global, or lower permits.per_session (0: no "
                  "limit)."),
            "permits.global (%u) must be greater than permits.per_session (%u)",
            o.limit[PERMIT_GLOBAL], o.limit[PERMIT_SESSION]);
    enum err e = permits_new(&o, &s->permits);
    return e ? cannot(s, e, "the permits cannot be made", "") : OK;
}

/* --- the engine ----------------------------------------------------------- */

static struct eng_watch_options watch_options(const struct cli_settings *set)
{
    return (struct eng_watch_options){
        .mode = (enum eng_watch_mode)set->watch_mode,
        .debounce_ns = set->watch_debounce_ms * NS_PER_MS,
        .debounce_max_ns = set->watch_debounce_max_ms * NS_PER_MS,
        .poll_ns = set->watch_poll_ms * NS_PER_MS};
}

static struct providers_options providers_options(const struct serve *s)
{
    const struct cli_settings *set = &s->o.set;
    struct providers_options o;
    providers_options_init(&o);
    o.breaker.failures = (uint32_t)set->breaker_failures;
    o.breaker.successes = (uint32_t)set->breaker_successes;
    o.breaker.open_ns = set->breaker_open_ms * NS_PER_MS;
    o.breaker.open_max_ns = set->breaker_open_max_ms * NS_PER_MS;
    o.limit[PROVIDER_EMBED] =
        (struct bucket_options){(uint32_t)set->limit_embed_per_min,
                                (uint32_t)set->limit_embed_burst, 0};
    o.limit[PROVIDER_EXEC] = (struct bucket_options){
        (uint32_t)set->limit_exec_per_min, (uint32_t)set->limit_exec_burst, 0};
    o.limit_wait_ns = set->limit_wait_ms * NS_PER_MS;
    o.retry_attempts = (uint32_t)set->retry_attempts;
    o.retry_base_ns = set->retry_base_ms * NS_PER_MS;
    o.retry_cap_ns = set->retry_cap_ms * NS_PER_MS;
    o.timeout_ns[PROVIDER_EMBED] =
        s->timeouts.of[CLI_CLASS_SEARCH].provider * NS_PER_MS;
    o.timeout_ns[PROVIDER_EXEC] =
        s->timeouts.of[CLI_CLASS_EXEC].provider * NS_PER_MS;
    return o;
}

/* A folder may come later, and is read then; a mistyped one never does. */
static void miss_folders(struct serve *s, const struct cli_list *named,
                         const char *setting)
{
    for (size_t i = 0; i < named->count; i++) {
        struct stat st;
        const char *path = arena_cstr(&s->arena, named->items[i]);
        if (path && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) continue;
        log_warn("serve", "a folder that was named is not there",
                 LOG_C("setting", setting), LOG_S("path", named->items[i]),
                 LOG_C("mend", "make it, or name another one"));
    }
}

static enum err engine_start(struct serve *s)
{
    struct providers_options guards = providers_options(s);
    const struct cli_settings *set = &s->o.set;
    struct cli_list workflows = cli_workflows(&s->o, s->root, &s->arena);
    struct cli_list standards = cli_standards(&s->o, s->root, &s->arena);
    if (set->workflows.count) miss_folders(s, &workflows, "workflows");
    if (set->standards.count) miss_folders(s, &standards, "standards");
    enum err e = pool_new("worker", (uint32_t)set->workers,
                          (uint32_t)set->queue, &s->pool);
    if (e) return cannot(s, e, "workers cannot be started", "");
    e = cli_embedder_new(&s->o, &s->embedder);
    if (e) return e;
    struct eng_options o = {.root = s->root,
                            .state_path = set->state,
                            .workflows = workflows.items,
                            .workflows_count = workflows.count,
                            .standards = standards.items,
                            .standards_count = standards.count,
                            .durability = (enum st_durability)set->durability,
                            .gate_mode = (enum eng_gate_mode)set->gate_mode,
                            .watch = watch_options(set),
                            .providers = &guards,
                            .embedder = cli_embedder_use(s->embedder),
                            .alerts = {(uint64_t)set->alert_double_loads,
                                       (uint64_t)set->alert_lock_waits,
                                       (uint64_t)set->alert_hit_rate,
                                       (uint64_t)set->alert_lookups},
                            .answers = {set->answers_ttl_s,
                                        set->answers_per_session,
                                        set->answers_bytes},
                            .sessions = {set->sessions_idle_s,
                                         set->sessions_archive_s,
                                         set->sessions_sweep_ms},
                            .store_ms = (uint32_t)set->timeout_store_ms,
                            .pool = s->pool,
                            .permits = s->permits,
                            .trust_path = eng_trust_path(&s->arena)};
    memcpy(o.caches, set->caches, sizeof(o.caches));
    return eng_open(&o, &s->arena, &s->o.problem, &s->engine);
}

/* --- the MCP server ------------------------------------------------------- */

static enum err health_new(struct serve *s)
{
    const struct cli_settings *set = &s->o.set;
    struct cli_health_config c = {
        .engine = s->engine,
        .pool = s->pool,
        .mcp = s->mcp,
        .permits = s->permits,
        .inbound = &s->inbound,
        .root = s->root,
        .version = SLICE(PHASEGATE_VERSION),
        .host = slice_of(s->listen.fd >= 0 ? s->listen.host : ""),
        .port = s->listen.fd >= 0 ? s->listen.port : 0,
        .tools = s->app.tools_count,
        .started_ns = s->app.started_ns,
        .started_wall_ms = s->app.started_wall_ms,
        .file_ms = set->health_file_ms,
        .loop_lag_ms = set->health_loop_lag_ms,
        .loop_stall_ms = set->health_loop_stall_ms,
        .writer_slow_ms = set->health_writer_slow_ms,
        .collect_ms = set->health_collect_ms,
        .memory_warn_mb = set->health_memory_warn_mb,
        .permits_check_ms = set->permits_check_ms};
    enum err e = cli_health_new(&c, &s->health);
    if (e) return e;
    s->app.health = cli_health_brief;
    s->app.health_ctx = s->health;
    cli_health_tick(s->health, clock_now()); /* the first caller may ask */
    return OK;
}

/* By the permits' classes; the process and a session are none. */
static void limits_set(struct serve *s)
{
    static const struct {
        enum permit_level class;
        enum cli_class limits;
    } classes[] = {{PERMIT_READ, CLI_CLASS_READ},
                   {PERMIT_WRITE, CLI_CLASS_WRITE},
                   {PERMIT_SEARCH, CLI_CLASS_SEARCH}};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        const struct cli_limits *l = &s->timeouts.of[classes[i].limits];
        s->app.limits[classes[i].class] =
            (struct mcp_limits){.call_ms = l->call, .run_ms = l->tool};
    }
    s->app.call_timeout_ms = s->timeouts.of[CLI_CLASS_READ].call;
}

static void inbound_set(struct serve *s)
{
    const struct cli_settings *set = &s->o.set;
    struct tools_inbound_options o = {
        .all = {(uint32_t)set->inbound_per_min, (uint32_t)set->inbound_burst,
                0},
        .peer = {(uint32_t)set->peer_per_s, (uint32_t)set->peer_burst,
                 NS_PER_S}};
    for (int i = 0; i < PERMIT_LEVEL_COUNT; i++)
        o.class[i] = (struct bucket_options){
            (uint32_t)set->inbound_class_per_min[i],
            (uint32_t)set->inbound_class_burst[i], 0};
    tools_inbound_init(&s->inbound, &o);
    s->app.inbound = &s->inbound;
    s->app.arguments_max = (size_t)set->args_max;
}

static enum err mcp_start(struct serve *s)
{
    struct mcp_server_config c;
    static const char *const modes[] = {"dual", "stdio", "http"};
    tools_app_init(&s->app, s->engine);
    s->app.permits = s->permits;
    inbound_set(s);
    limits_set(s);
    s->app.sharing.refuses = s->o.set.coalesce_mode != 0;
    s->app.sharing.most =
        s->o.set.coalesce ? (uint32_t)s->o.set.coalesce_waiters : 0;
    s->app.sharing.except = s->o.set.coalesce_except.items;
    s->app.sharing.except_count = s->o.set.coalesce_except.count;
    s->app.surface = (enum tools_surface)s->o.set.tools;
    s->app.transport_mode = modes[s->o.set.transport];
    tools_config(&s->app, s->pool, &c);
    c.queue_timeout_ms = s->o.set.timeout_queue_ms;
    c.progress_ms = s->o.set.progress_ms;
    s->app.version = c.version = PHASEGATE_VERSION;
    if (s->url[0]) s->app.http_url = s->url;
    enum err e = mcp_server_new(&c, &s->mcp);
    if (!e) e = tools_feed_new(s->engine, s->mcp, &s->feed);
    if (!e) e = health_new(s);
    if (!e) e = cli_dashboard_new(s->engine, s->health, &s->dashboard);
    return e ? cannot(s, e, "the MCP server cannot be started", "") : OK;
}

/* --- HTTP ----------------------------------------------------------------- */

/* Each connection needs a descriptor. */
static enum err descriptors(struct serve *s)
{
    struct rlimit r;
    rlim_t want = (rlim_t)s->o.set.conn_max + DESCRIPTORS_OWN;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= want) return OK;
    r.rlim_cur = r.rlim_max < want ? r.rlim_max : want;
    (void)setrlimit(RLIMIT_NOFILE, &r);
    if (r.rlim_cur >= want) return OK;
    if (cli_options_source(&s->o, SLICE("conn.max")) != CLI_FROM_DEFAULT)
        return cannot(s, ERR_INVALID,
                      "conn.max: more connections than this process may have "
                      "descriptors",
                      "Lower conn.max or raise the limit (ulimit -n).");
    s->o.set.conn_max =
        r.rlim_cur > 128 ? (int64_t)r.rlim_cur - 64 : (int64_t)r.rlim_cur / 2;
    log_warn("serve", "few descriptors, fewer connections",
             LOG_I("conn.max", s->o.set.conn_max));
    return OK;
}

/* Why there is no port, by bind's errno. */
struct no_port {
    int code;
    const char *why, *mend;
};

static const struct no_port *no_port_of(int code)
{
    static const struct no_port rows[] = {
        {EADDRINUSE, "something listens there already",
         "Give another --http-port (0: any free one), or stop what listens."},
        {EACCES, "this user may not have it",
         "Give a --http-port of 1024 or more (0: any free one)."},
        {EADDRNOTAVAIL, "it is no address of this machine",
         "Give --http-host an address of this machine, or leave it out."},
        {EINVAL, "it is no numeric address",
         "Give --http-host an address in numbers, or leave it out."},
        {0, "the system refuses it",
         "Give another --http-port (0: any free one) or --http-host."},
    };
    const struct no_port *row = rows;
    while (row->code && row->code != code) row++;
    return row;
}

/* Bound before the first line is answered, so that every answer can say where
 * HTTP is; it takes microseconds. A port that cannot be had never stops
 * stdio. */
static enum err port_bind(struct serve *s)
{
    const struct cli_settings *set = &s->o.set;
    bool search = set->http_port == CLI_PORT_SEARCH;
    int first = search ? PORT_FIRST : (int)set->http_port;
    int last = search ? PORT_LAST : (int)set->http_port;
    s->listen.fd = -1;
    if (!wants_http(s)) return OK;
    enum err e = tp_listen_inherited(&s->listen);
    if (e == ERR_INVALID)
        return cannot(s, e, "LISTEN_FDS is not one listening TCP socket",
                      "Give the socket unit one ListenStream= with a port.");
    if (e) e = tp_listen(set->http_host, first, last, &s->listen);
    if (!e) {
        bool v6 = strchr(s->listen.host, ':') != NULL;
        (void)snprintf(s->url, sizeof(s->url), "http://%s%s%s:%d/mcp",
                       v6 ? "[" : "", s->listen.host, v6 ? "]" : "",
                       s->listen.port);
        return OK;
    }
    const struct no_port *no = no_port_of(e == ERR_INVALID ? EINVAL : errno);
    if (e == ERR_INVALID || set->transport == CLI_HTTP)
        return problem_setf(&s->o.problem, &s->arena, e, slice_of(no->why),
                            slice_of(no->mend), "cannot listen on %.*s port %d",
                            SLICE_ARG(set->http_host), first);
    log_error("serve", "no HTTP: the port cannot be had, stdio goes on",
              LOG_S("host", set->http_host), LOG_I("port", first),
              LOG_C("why", no->why), LOG_C("mend", no->mend));
    return OK;
}

static bool guarded(const struct serve *s)
{
    return s->listen.fd >= 0 && (s->o.set.require_token ||
                                 !s->listen.loopback || s->authority.jwt);
}

static enum err tokens(struct serve *s)
{
    enum err e = OK;
    if (s->root.n && !s->agent_token[0])
        e = tp_tokens(s->root, &s->arena, s->agent_token, s->operator_token);
    if (e)
        log_error("serve", "no tokens: .phasegate cannot be written",
                  LOG_S("why", err_detail(e)));
    if (guarded(s) && !s->agent_token[0] && !s->authority.jwt)
        return cannot(s, ERR_UNAVAILABLE, "a token is needed, there is none",
                      "Name a writable project with --project.");
    return OK;
}

/* A connection does not know which tool it waits for: the longest. */
static int64_t exchange_ms(const struct serve *s)
{
    int64_t most = 0;
    for (int i = 0; i < CLI_CLASS_COUNT; i++)
        if (s->timeouts.of[i].transport > most)
            most = s->timeouts.of[i].transport;
    return most;
}

static enum err http_start(struct serve *s)
{
    const struct cli_settings *set = &s->o.set;
    if (s->listen.fd < 0) return OK;
    s->pages = (struct tp_pages){.version = SLICE(PHASEGATE_VERSION),
                                 .health = cli_health_document,
                                 .status = cli_health_status,
                                 .health_part = cli_health_part,
                                 .metrics = cli_health_metrics,
                                 .health_ctx = s->health,
                                 .started_ns = s->app.started_ns};
    enum err e = tp_loop_new("http", TP_LOOP_NET, &s->http_loop);
    if (e) return cannot(s, e, "the HTTP loop cannot be started", "");
    struct tp_http_config c = {
        .loop = s->http_loop,
        .server = s->mcp,
        .routes = {{tp_page_rows, &s->pages},
                   {cli_dashboard_rows, s->dashboard},
                   {cli_api_rows, s->engine}},
        .pool = s->pool,
        .operator_token = slice_of(s->operator_token),
        .wording = {"Host is not this server; use the url of "
                    ".phasegate/server.json",
                    "a token is needed: Authorization: Bearer <content of "
                    ".phasegate/agent.token>",
                    "the operator's token is needed: Authorization: Bearer "
                    "<content of .phasegate/operator.token>"},
        .names = {set->http_names.items, set->http_names.count},
        .conns_max = (uint32_t)set->conn_max,
        .per_address = (uint32_t)set->conn_per_address,
        .per_loopback = (uint32_t)set->conn_per_loopback,
        .body_max = (size_t)set->body_max,
        .out_max = (size_t)set->conn_out_max,
        .header_ms = set->conn_header_ms,
        .body_ms = set->conn_body_ms,
        .idle_ms = set->conn_idle_ms,
        .sweep_ms = set->conn_sweep_ms,
        .events_max = (uint32_t)set->conn_events_max,
        .stall_ms = set->conn_stall_ms,
        .keepalive_ms = set->conn_keepalive_ms,
        .exchange_ms = exchange_ms(s)};
    if (guarded(s)) {
        c.tokens[0] = slice_of(s->agent_token);
        c.tokens[1] = slice_of(s->operator_token);
    }
    if (s->authority.jwt) {
        c.authority = &s->authority.http;
        c.routes[TP_TABLES - 1] =
            (struct tp_routes){tp_authority_rows, &s->authority.http};
    }
    e = tp_http_new(&c, &s->http);
    cli_health_connections(s->health, s->http);
    if (!e) e = tp_http_accept(s->http, s->listen.fd);
    if (!e) {
        s->listen.fd = -1; /* evhttp closes it now */
        cli_dashboard_open(s->dashboard, s->http_loop, s->http);
    }
    if (!e) e = tp_loop_start(s->http_loop);
    return e ? cannot(s, e, "HTTP cannot be started", "") : OK;
}

/* --- stdio ---------------------------------------------------------------- */

static void on_stdio(void *ctx, enum tp_stdio_notice what)
{
    struct serve *s = ctx;
    atomic_bool *flag = what == TP_STDIO_ENDING ? &s->ending
                        : what == TP_STDIO_GONE ? &s->gone
                                                : &s->ended;
    atomic_store(flag, true);
    cli_watch_nudge(&s->watch);
}

static enum err stdio_new(struct serve *s)
{
    const struct cli_settings *set = &s->o.set;
    if (!wants_stdio(s)) return OK;
    enum err e =
        tp_loop_new("stdio", tp_loop_kind_for(STDIN_FILENO, STDOUT_FILENO),
                    &s->stdio_loop);
    if (e) return cannot(s, e, "the stdio loop cannot be started", "");
    struct tp_stdio_config c = {.loop = s->stdio_loop,
                                .server = s->mcp,
                                .in = STDIN_FILENO,
                                .out = STDOUT_FILENO,
                                .calls_max = (uint32_t)set->stdio_calls,
                                .bytes_max = (size_t)set->stdio_bytes,
                                .line_max = (size_t)set->line_max,
                                .out_max = (size_t)set->conn_out_max,
                                .stall_ms = set->conn_stall_ms,
                                .notice = on_stdio,
                                .ctx = s};
    e = tp_stdio_new(&c, &s->stdio);
    if (!e) e = tp_loop_start(s->stdio_loop);
    return e ? cannot(s, e, "stdio cannot be served", "") : OK;
}

/* --- being found ---------------------------------------------------------- */

static void announce_praxis(struct serve *s)
{
    struct cli_praxis_state c = {.root = s->root,
                                 .transport = slice_of(s->app.transport_mode),
                                 .host = slice_of(s->url[0] ? s->listen.host
                                                            : ""),
                                 .url = slice_of(s->url),
                                 .port = s->listen.port,
                                 .started_wall_ms = s->app.started_wall_ms};
    enum err e = cli_praxis_state_write(&c);
    if (e)
        log_error("serve", "not announced in .praxis-os",
                  LOG_S("why", err_detail(e)));
}

static void announce(struct serve *s)
{
    if (s->url[0])
        log_info("serve", "listening", LOG_C("url", s->url),
                 LOG_S("project", s->root));
    if (!s->root.n) return;
    struct tp_discovery_config c = {.root = s->root,
                                    .version = SLICE(PHASEGATE_VERSION),
                                    .url = slice_of(s->url),
                                    .transport =
                                        slice_of(s->app.transport_mode),
                                    .started_wall_ms = s->app.started_wall_ms};
    enum err e = tp_discovery_join(&c, &s->discovery);
    if (e)
        log_error("serve", "not announced in .phasegate/servers",
                  LOG_S("why", err_detail(e)));
    if (s->app.surface == TOOLS_PRAXIS) announce_praxis(s);
}

static void on_keep(void *ctx)
{
    struct serve *s = ctx;
    int64_t now = clock_now();
    eng_tick(s->engine, now);
    tools_feed_round(s->feed);
    cli_health_tick(s->health, now);
    cli_dashboard_tick(s->dashboard);
    if (++s->seconds % 30) return;
    tp_discovery_check(s->discovery);
    cli_authority_refresh(&s->authority);
    (void)malloc_trim(0); /* what large messages left in the heaps */
}

/* --- the life of the process ---------------------------------------------- */

static enum err start(struct serve *s)
{
    st_cache_begin(); /* while there is one thread */
    enum err e = cli_timeouts_make(&s->o, &s->timeouts);
    if (e) return e;
    e = cli_watch_init(&s->watch, wants_stdio(s));
    if (e) return cannot(s, e, "signals cannot be received", "");
    if (!e) e = descriptors(s);
    if (!e) e = port_bind(s);
    if (!e) e = permits_start(s);
    if (!e) e = engine_start(s);
    if (!e) e = mcp_start(s);
    if (!e && s->listen.fd >= 0)
        e = cli_authority_open(&s->o, slice_of(s->url), s->listen.loopback,
                               &s->authority);
    if (!e && guarded(s)) e = tokens(s); /* may refuse the start */
    if (!e) e = stdio_new(s);            /* answers from here on */
    if (!e) e = tokens(s);
    if (!e) e = http_start(s);
    if (e) return e;
    announce(s);
    cli_health_watch(s->health, s->stdio_loop, s->http_loop);
    e = cli_keeper_start(on_keep, s, &s->keeper);
    return e ? cannot(s, e, "the keeper cannot be started", "") : OK;
}

/* Until there is no reason to live. */
static void wait_for_end(struct serve *s)
{
    int sig = 0;
    for (;;) {
        switch (cli_watch_wait(&s->watch, -1, &sig)) {
        case CLI_SIGNALLED:
            log_info("serve", "signal, shutting down", LOG_I("signal", sig));
            return;
        case CLI_ORPHANED:
            log_info("serve", "the process that started us has gone");
            tp_stdio_shut(s->stdio);
            break;
        case CLI_NUDGED:
        case CLI_TIME:
            if (atomic_load(&s->ending)) {
                tp_http_refuse(s->http);
                eng_end_commands(s->engine);
            }
            if (atomic_load(&s->gone) || atomic_load(&s->ended)) return;
            break;
        }
    }
}

static bool stdio_over(const struct serve *s)
{
    return !s->stdio || atomic_load(&s->ended);
}

static bool calls_over(const struct serve *s)
{
    return mcp_server_open_calls(s->mcp) == 0 && stdio_over(s);
}

static bool http_over(const struct serve *s)
{
    return tp_http_busy(s->http) == 0;
}

static bool rounds_over(const struct serve *s)
{
    return !s->engine || eng_tick_over(s->engine);
}

/* Waits for done(s); a further signal ends the patience, and the process. */
static bool patience(struct serve *s, int64_t ms,
                     bool (*done)(const struct serve *))
{
    int64_t until = clock_now() + ms * NS_PER_MS;
    int sig;
    while (!done(s) && clock_now() < until) {
        if (cli_watch_wait(&s->watch, STEP_MS, &sig) == CLI_SIGNALLED)
            _exit(128 + sig);
    }
    return done(s);
}

/* Calls first, then what carries their answers, then what they ran on.
 * False: a call would not end. */
static bool wind_down(struct serve *s)
{
    tp_http_refuse(s->http);
    tp_stdio_shut(s->stdio);
    if (s->mcp) mcp_server_stop(s->mcp);
    bool over =
        !s->mcp || patience(s, s->o.set.timeout_shutdown_ms, calls_over);
    if (over) (void)patience(s, FLUSH_MS, http_over);
    cli_keeper_stop(s->keeper);
    over = patience(s, s->o.set.timeout_shutdown_ms, rounds_over) && over;
    tp_discovery_leave(s->discovery);
    if (s->app.surface == TOOLS_PRAXIS && s->root.n)
        cli_praxis_state_remove(s->root);
    tp_loop_stop(s->http_loop);
    tp_loop_stop(s->stdio_loop);
    cli_dashboard_close(s->dashboard);
    return over;
}

static void tear_down(struct serve *s)
{
    tp_http_free(s->http);
    tp_stdio_free(s->stdio);
    cli_health_free(s->health);
    tools_feed_free(s->feed);
    mcp_server_free(s->mcp);
    if (s->app.inbound) tools_inbound_done(&s->inbound);
    eng_stop(s->engine); /* loads of nobody's call, before the workers */
    if (s->pool) pool_stop(s->pool);
    eng_close(s->engine);
    permits_free(s->permits);
    cli_embedder_free(s->embedder);
    cli_dashboard_free(s->dashboard);
    pool_free(s->pool);
    tp_loop_free(s->http_loop);
    tp_loop_free(s->stdio_loop);
    if (s->listen.fd >= 0) close(s->listen.fd);
    cli_authority_close(&s->authority);
    cli_watch_done(&s->watch);
    arena_done(&s->arena);
}

int cli_serve(const struct cli_command *c, int argc, char **argv)
{
    struct serve s = {.listen.fd = -1};
    s.watch = (struct cli_watch){.signals = -1, .parent = -1, .nudge = -1};
    int code;
    arena_init(&s.arena, (size_t)64 << 20);
    if (!cli_begin(c, argc, argv, &s.arena, &s.o, &s.root, &code)) {
        arena_done(&s.arena);
        return code;
    }
    enum err e = start(&s);
    if (e) {
        cli_complain(&s.o.problem);
        code = CLI_CANNOT_START;
    } else {
        code = CLI_DONE;
        wait_for_end(&s);
    }
    if (!wind_down(&s)) {
        log_warn("serve", "calls still running were left behind",
                 LOG_I("calls", mcp_server_open_calls(s.mcp)));
        _exit(code); /* the store is safe against any end */
    }
    tear_down(&s);
    return code;
}
