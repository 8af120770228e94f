/*
 * options: one row per option. A row reads the flag, the environment variable
 * and the key of .phasegate/config.yaml, checks the value, and prints --help.
 *
 * From the key "http.port" come the flag --http-port, the variable
 * PHASEGATE_HTTP_PORT and, in config.yaml, `http: {port: 4242}` or
 * `http.port: 4242`. A flag wins over the variable, that over the file, that
 * over the default; a list is replaced as a whole. A value that does not fit
 * refuses the start and names option, value, range and source.
 *
 * Thread: startup. Everything lives in the arena given at init.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/arena.h"
#include "base/problem.h"
#include "engine/caches.h"

/* Which commands an option belongs to. */
enum cli_group {
    CLI_PROJECT = 1, /* finds the project and its folders */
    CLI_SERVER = 2,  /* serve */
    CLI_LOGGING = 4,
    CLI_OUTPUT = 8,     /* prints data: --json */
    CLI_ARGUMENTS = 16, /* call: --json OBJ */
    CLI_EDITORS = 32,   /* init */
    CLI_DECISION = 64,  /* sessions verify, approve, reject */
    CLI_CHECKS = 128,   /* lint */
    CLI_SEARCH = 512,   /* search */
    CLI_SCAFFOLD = 256  /* new */
};

enum cli_transport { CLI_DUAL, CLI_STDIO, CLI_HTTP };
enum cli_format { CLI_FORMAT_TEXT, CLI_FORMAT_JSON, CLI_FORMAT_SARIF };
enum { CLI_PORT_SEARCH = -1 }; /* the first free one of 4242..5242 */
enum { CLI_DERIVED = -1 };     /* no value: follows from another option */

struct cli_list {
    struct slice *items;
    size_t count;
};

struct cli_settings {
    /* project */
    struct slice project, state;
    struct cli_list workflows, standards;
    /* server */
    int64_t transport; /* enum cli_transport */
    struct slice http_host;
    int64_t http_port;
    struct cli_list http_names;
    bool require_token;
    struct cli_list auth_issuers, auth_scopes;
    struct slice auth_resource, auth_audience;
    int64_t auth_leeway_s;
    int64_t durability; /* enum st_durability */
    int64_t gate_mode;  /* enum eng_gate_mode */
    int64_t tools;      /* enum tools_surface */
    int64_t watch_mode; /* enum eng_watch_mode */
    int64_t watch_debounce_ms, watch_debounce_max_ms, watch_poll_ms;
    int64_t health_file_ms, health_loop_lag_ms, health_loop_stall_ms;
    int64_t health_memory_warn_mb, health_writer_slow_ms, health_collect_ms;
    int64_t alert_double_loads, alert_lock_waits, alert_hit_rate, alert_lookups;
    int64_t permits[7]; /* by enum permit_level */
    int64_t permits_wait_ms, permits_queue_max, permits_leak_grace_ms;
    int64_t permits_check_ms, permits_retry_after_ms;
    struct slice embed_url, embed_model, embed_key_file;
    int64_t embed_wait_ms;
    int64_t limit_embed_per_min, limit_embed_burst;
    int64_t limit_exec_per_min, limit_exec_burst, limit_wait_ms;
    int64_t breaker_failures, breaker_successes;
    int64_t breaker_open_ms, breaker_open_max_ms;
    int64_t retry_attempts, retry_base_ms, retry_cap_ms;
    int64_t workers, queue;
    /* Those that are CLI_DERIVED follow from others: cli/timeouts.h */
    int64_t timeout_provider_ms, timeout_tool_ms, timeout_call_ms;
    int64_t timeout_transport_ms, timeout_client_ms, timeout_command_ms;
    int64_t timeout_class_ms[4]; /* by enum cli_class */
    int64_t timeout_queue_ms, timeout_store_ms, timeout_shutdown_ms;
    int64_t progress_ms;
    bool coalesce;
    int64_t coalesce_mode, coalesce_waiters;
    struct cli_list coalesce_except;
    struct eng_cache_options caches[ENG_CACHES];
    int64_t sessions_idle_s, sessions_archive_s, sessions_sweep_ms;
    int64_t answers_ttl_s, answers_per_session, answers_bytes;
    int64_t inbound_per_min, inbound_burst, peer_per_s, peer_burst;
    int64_t inbound_class_per_min[7], inbound_class_burst[7];
    int64_t conn_per_address, conn_per_loopback, args_max;
    int64_t conn_max, conn_idle_ms, conn_header_ms, conn_body_ms;
    int64_t conn_keepalive_ms, conn_stall_ms, conn_out_max;
    int64_t conn_sweep_ms, conn_events_max;
    int64_t stdio_calls, stdio_bytes, line_max, body_max;
    /* logging */
    int64_t log_level;  /* enum log_level */
    int64_t log_format; /* enum log_format */
    /* the command line alone */
    bool json, archived;
    int64_t lint_format; /* enum cli_format */
    bool lint_codes;
    struct cli_list phases;
    struct slice description, output_dir;
    struct slice arguments;
    struct cli_list editors;
    int64_t search_results, search_phase; /* phase -1: any */
    struct slice search_path;
    struct cli_list search_tags;
    struct slice person, comment, kept;
};

enum cli_source {
    CLI_FROM_DEFAULT,
    CLI_FROM_FILE,
    CLI_FROM_ENV,
    CLI_FROM_FLAG
};

enum { CLI_OPTIONS_MAX = 256 };

struct cli_options {
    struct cli_settings set;
    struct arena *arena;
    struct problem problem; /* of the last failure */
    bool help, version;     /* asked for */
    int rest;               /* argv index of the first word that is no option */
    /* private */
    unsigned groups;
    enum cli_source from[CLI_OPTIONS_MAX];
    struct slice where[CLI_OPTIONS_MAX];
};

/* Defaults. `groups` are those the command knows. arena */
MUST_USE enum err cli_options_init(struct cli_options *o, unsigned groups,
                                   struct arena *a);
/* argv[1..]; stops at the first word that is no option when `first_word`
 * (the subcommand), else reads options anywhere. ERR_INVALID with a problem.
 * `o->help` and `o->version` are set, the caller acts. */
MUST_USE enum err cli_options_flags(struct cli_options *o, int argc,
                                    char **argv, bool first_word);
/* The environment, as NAME=value strings up to NULL. */
MUST_USE enum err cli_options_environment(struct cli_options *o,
                                          char *const *env);
/* The text of a configuration file; `path` is for messages. */
MUST_USE enum err cli_options_file(struct cli_options *o, struct slice path,
                                   struct slice text);

/* Where a value came from: for doctor and messages. "http.port" */
enum cli_source cli_options_source(const struct cli_options *o,
                                   struct slice key);

/* In words: "<path>:3:1", "environment, PHASEGATE_STATE", "command line,
 * --state"; empty: the default. */
struct slice cli_options_where(const struct cli_options *o, struct slice key);

/* The options of these groups as lines of --help. */
struct buf;
void cli_options_help(struct buf *out, unsigned groups);

/* The same as a configuration file in which every line is a comment. */
void cli_options_yaml(struct buf *out, unsigned groups);

/* Of `names` (NULL-ended) the one that begins with what somebody typed, else
 * the nearest to it, or NULL. */
const char *cli_nearest(struct slice typed, const char *const *names);

#endif
