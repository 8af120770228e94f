#include "cli/options_private.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/yaml.h"
#include "cli/timeouts.h"
#include "engine/engine.h"
#include "engine/permit.h"

static const char *const transports[] = {"dual", "stdio", "http", NULL};
static const char *const durabilities[] = {"full", "normal", NULL};
static const char *const gate_modes[] = {"strict", "as-written", NULL};
static const char *const watch_modes[] = {"auto", "stat", "off", NULL};
static const char *const lint_formats[] = {"text", "json", "sarif", NULL};
static const char *const coalesce_modes[] = {"join", "refuse", NULL};
static const char *const levels[] = {"debug2", "debug", "info", "warn",
                                     "error",  "off",   NULL};
static const char *const editors[] = {"claude", "cursor", "vscode",
                                      "codex",  "all",    NULL};
static const char *const formats[] = {"text", "json", NULL};
_Static_assert(ST_FULL == 0 && ST_NORMAL == 1, "durabilities[] order");
_Static_assert(ENG_STRICT == 0 && ENG_AS_WRITTEN == 1, "gate_modes[] order");
_Static_assert(ENG_WATCH_AUTO == 0 && ENG_WATCH_OFF == 2, "watch_modes[] order");
_Static_assert(PERMIT_LEVEL_COUNT == 5, "cli_settings.permits");
_Static_assert(LOG_DEBUG2 == 0 && LOG_OFF == 5, "levels[] order");
_Static_assert(CLI_FORMAT_TEXT == 0 && CLI_FORMAT_SARIF == 2, "lint_formats[] order");
_Static_assert(LOG_TEXT == 0 && LOG_JSON == 1, "formats[] order");

#define AT(member) .offset = offsetof(struct cli_settings, member)
#define MIB(n) ((int64_t)(n) << 20)

/* clang-format off */
static const struct option_row rows[] = {
    {"project", TEXT, CLI_PROJECT, AT(project), .arg = "DIR",
     .absent = "nearest folder upwards with .phasegate, .praxis-os or .git",
     .flags = NOT_IN_FILE, .help = "The project's root folder."},
    {"state", TEXT, CLI_PROJECT, AT(state), .arg = "FILE",
     .absent = ".phasegate/state.db", .help = "The state file."},
    {"workflows", LIST, CLI_PROJECT, AT(workflows), .arg = "DIR",
     .absent = ".phasegate/workflows, .praxis-os/workflows, the examples",
     .help = "A folder of workflows; repeatable, the first wins."},
    {"standards", LIST, CLI_PROJECT, AT(standards), .arg = "DIR",
     .absent = ".phasegate/standards, .praxis-os/standards",
     .help = "A folder of standards; repeatable."},

    {"transport", CHOICE, CLI_SERVER, AT(transport), .choices = transports,
     .def = CLI_DUAL, .help = "stdin and stdout, HTTP, or both."},
    {"http.host", TEXT, CLI_SERVER, AT(http_host), .text = "127.0.0.1",
     .arg = "ADDR", .help = "Address to listen on."},
    {"http.port", NUMBER, CLI_SERVER, AT(http_port), .min = 0, .max = 65535,
     .def = CLI_PORT_SEARCH, .arg = "N", .absent = "first free of 4242..5242",
     .help = "Port to listen on; 0: any free one."},
    {"http.names", LIST, CLI_SERVER, AT(http_names), .arg = "NAME",
     .absent = "none", .help = "A further name clients may use in Host and "
     "Origin; repeatable."},
    {"require_token", BOOLEAN, CLI_SERVER, AT(require_token),
     .help = "Ask for the token on loopback too."},
    {"auth.issuers", LIST, CLI_SERVER, AT(auth_issuers), .arg = "URL=FILE",
     .absent = "none", .help = "Accept JWT access tokens of this issuer, whose "
     "keys (JWK set or PEM) are in FILE; repeatable."},
    {"auth.resource", TEXT, CLI_SERVER, AT(auth_resource), .arg = "URL",
     .absent = "where it listens", .help = "Our url as clients know it."},
    {"auth.audience", TEXT, CLI_SERVER, AT(auth_audience), .arg = "NAME",
     .absent = "auth.resource", .help = "What tokens have as their audience."},
    {"auth.scopes", LIST, CLI_SERVER, AT(auth_scopes), .arg = "SCOPE",
     .absent = "none", .help = "A scope that tokens need; repeatable."},
    {"auth.leeway_s", NUMBER, CLI_SERVER, AT(auth_leeway_s), .min = 0,
     .max = 600, .def = 30, .arg = "N",
     .help = "Clocks of issuers may differ by so many seconds."},
    {"durability", CHOICE, CLI_SERVER, AT(durability),
     .choices = durabilities, .def = ST_FULL,
     .help = "full: an answered call survives power loss."},
    {"gate.mode", CHOICE, CLI_SERVER, AT(gate_mode), .choices = gate_modes,
     .def = ENG_STRICT, .help = "How gates are judged."},
    {"watch.mode", CHOICE, CLI_SERVER, AT(watch_mode),
     .choices = watch_modes, .def = ENG_WATCH_AUTO,
     .help = "How changed workflow files are noticed."},
    {"watch.debounce_ms", NUMBER, CLI_SERVER, AT(watch_debounce_ms),
     .min = 10, .max = 5000, .def = 200, .arg = "MS",
     .help = "Quiet after a change before it is told."},
    {"watch.debounce_max_ms", NUMBER, CLI_SERVER, AT(watch_debounce_max_ms),
     .min = 100, .max = 60000, .def = 2000, .arg = "MS",
     .help = "Most time from a change to its telling."},
    {"watch.poll_ms", NUMBER, CLI_SERVER, AT(watch_poll_ms), .min = 100,
     .max = 600000, .def = 2000, .arg = "MS",
     .help = "Between looks where nobody reports changes."},
    {"health.file_ms", NUMBER, CLI_SERVER, AT(health_file_ms), .min = 500,
     .max = 600000, .def = 10000, .arg = "MS",
     .help = "Between writes of .phasegate/health/<pid>.json."},
    {"health.loop_lag_ms", NUMBER, CLI_SERVER, AT(health_loop_lag_ms),
     .min = 1, .max = 60000, .def = 100, .arg = "MS",
     .help = "An event loop later than this is a notice."},
    {"health.loop_stall_ms", NUMBER, CLI_SERVER, AT(health_loop_stall_ms),
     .min = 1500, .max = 600000, .def = 5000, .arg = "MS",
     .help = "An event loop silent for this long degrades."},
    {"health.memory_warn_mb", NUMBER, CLI_SERVER, AT(health_memory_warn_mb),
     .min = 1, .max = 1048576, .def = 512, .arg = "N",
     .help = "More resident MiB are a notice."},
    {"alerts.double_loads_per_hour", NUMBER, CLI_SERVER,
     AT(alert_double_loads), .min = 0, .max = 1000000000, .def = 10,
     .arg = "N", .help = "More double loads of a cache are a notice."},
    {"alerts.lock_wait_percent", NUMBER, CLI_SERVER, AT(alert_lock_waits),
     .min = 0, .max = 100, .def = 5, .arg = "N",
     .help = "More lookups that waited are a notice."},
    {"alerts.hit_rate_min_percent", NUMBER, CLI_SERVER, AT(alert_hit_rate),
     .min = 0, .max = 100, .def = 90, .arg = "N",
     .help = "Fewer hits are a notice; 0: off."},
    {"alerts.min_lookups", NUMBER, CLI_SERVER, AT(alert_lookups), .min = 1,
     .max = 1000000000, .def = 100, .arg = "N",
     .help = "Fewer lookups in an hour are not judged."},
    {"permits.global", NUMBER, CLI_SERVER, AT(permits[PERMIT_GLOBAL]),
     .min = 1, .max = 10000, .def = 24, .arg = "N",
     .help = "Calls that workers run at once."},
    {"permits.per_session", NUMBER, CLI_SERVER, AT(permits[PERMIT_SESSION]),
     .min = 0, .max = 1000, .def = 8, .arg = "N",
     .help = "Of them of one session; 0: no limit."},
    {"permits.class.read", NUMBER, CLI_SERVER, AT(permits[PERMIT_READ]),
     .min = 0, .max = 10000, .def = 0, .arg = "N",
     .help = "Of them reads; 0: no limit."},
    {"permits.class.write", NUMBER, CLI_SERVER, AT(permits[PERMIT_WRITE]),
     .min = 0, .max = 10000, .def = 0, .arg = "N",
     .help = "Of them tools that write files; 0: no limit."},
    {"permits.class.search", NUMBER, CLI_SERVER, AT(permits[PERMIT_SEARCH]),
     .min = 0, .max = 1000, .def = 6, .arg = "N",
     .help = "Of them searches; 0: no limit."},
    {"permits.wait_ms", NUMBER, CLI_SERVER, AT(permits_wait_ms), .min = 0,
     .max = 60000, .def = 250, .arg = "MS",
     .help = "Wait for a permit before a refusal (HTTP)."},
    {"permits.queue_max", NUMBER, CLI_SERVER, AT(permits_queue_max),
     .min = 0, .max = 100000, .def = 64, .arg = "N",
     .help = "Calls that wait for a permit (HTTP)."},
    {"permits.leak_grace_ms", NUMBER, CLI_SERVER, AT(permits_leak_grace_ms),
     .min = 0, .max = 600000, .def = 10000, .arg = "MS",
     .help = "Past its deadline a permit held is reported."},
#ifdef PHASEGATE_EMBEDDINGS
    {"embed.url", TEXT, CLI_SERVER, AT(embed_url), .arg = "URL",
     .absent = "none: search is by words",
     .help = "An OpenAI-compatible endpoint for embeddings."},
    {"embed.model", TEXT, CLI_SERVER, AT(embed_model),
     .text = "text-embedding-3-small", .arg = "NAME",
     .help = "The model it is asked for."},
    {"embed.key_file", TEXT, CLI_SERVER, AT(embed_key_file), .arg = "FILE",
     .absent = "none", .help = "Holds the key it wants."},
    {"embed.wait_ms", NUMBER, CLI_SERVER, AT(embed_wait_ms), .min = 1,
     .max = 60000, .def = 2000, .arg = "MS",
     .help = "Most time that a search waits for it."},
#endif
    {"limit.embed.per_min", NUMBER, CLI_SERVER, AT(limit_embed_per_min),
     .min = 0, .max = 1000000, .def = 100, .arg = "N",
     .help = "Calls to the embedding endpoint a minute; 0: no limit."},
    {"limit.embed.burst", NUMBER, CLI_SERVER, AT(limit_embed_burst),
     .min = 0, .max = 1000000, .def = 0, .arg = "N", .absent = "as per_min",
     .help = "Of them at once."},
    {"limit.exec.per_min", NUMBER, CLI_SERVER, AT(limit_exec_per_min),
     .min = 0, .max = 1000000, .def = 60, .arg = "N",
     .help = "Gate commands a minute; 0: no limit."},
    {"limit.exec.burst", NUMBER, CLI_SERVER, AT(limit_exec_burst), .min = 0,
     .max = 1000000, .def = 0, .arg = "N", .absent = "as per_min",
     .help = "Of them at once."},
    {"limit.wait_ms", NUMBER, CLI_SERVER, AT(limit_wait_ms), .min = 0,
     .max = 60000, .def = 2000, .arg = "MS",
     .help = "Wait for a call's turn before it is given up."},
    {"breaker.failures", NUMBER, CLI_SERVER, AT(breaker_failures), .min = 1,
     .max = 100, .def = 5, .arg = "N",
     .help = "Failures in a row after which a provider is left alone."},
    {"breaker.successes", NUMBER, CLI_SERVER, AT(breaker_successes),
     .min = 1, .max = 100, .def = 2, .arg = "N",
     .help = "Probes that must succeed before it is used again."},
    {"breaker.open_ms", NUMBER, CLI_SERVER, AT(breaker_open_ms), .min = 10,
     .max = 3600000, .def = 60000, .arg = "MS",
     .help = "Left alone for this long, doubled at each failed probe."},
    {"breaker.open_max_ms", NUMBER, CLI_SERVER, AT(breaker_open_max_ms),
     .min = 10, .max = 86400000, .def = 300000, .arg = "MS",
     .help = "Never left alone for longer."},
    {"retry.attempts", NUMBER, CLI_SERVER, AT(retry_attempts), .min = 1,
     .max = 20, .def = 3, .arg = "N",
     .help = "Attempts of a call that may be tried again."},
    {"retry.base_ms", NUMBER, CLI_SERVER, AT(retry_base_ms), .min = 0,
     .max = 600000, .def = 1000, .arg = "MS",
     .help = "Most pause before the second; doubled for each further."},
    {"retry.cap_ms", NUMBER, CLI_SERVER, AT(retry_cap_ms), .min = 0,
     .max = 3600000, .def = 60000, .arg = "MS",
     .help = "Most pause before any."},
    {"workers", NUMBER, CLI_SERVER, AT(workers), .min = 1, .max = 1024,
     .def = 32, .arg = "N", .help = "Most worker threads."},
    {"queue", NUMBER, CLI_SERVER, AT(queue), .min = 1, .max = 1000000,
     .def = 4096, .arg = "N", .help = "Most calls that wait for a worker."},
    {"timeout.provider_ms", NUMBER, CLI_SERVER,
     AT(timeout_provider_ms), .min = 1, .max = 3600000,
     .def = CLI_DERIVED, .arg = "MS",
     .absent = "30000, at most 2/3 of timeout.tool_ms",
     .help = "One attempt to ask a service outside."},
    {"timeout.tool_ms", NUMBER, CLI_SERVER,
     AT(timeout_tool_ms), .min = 1, .max = 3600000,
     .def = 46000, .arg = "MS",
     .help = "A tool's run, from the moment it may."},
    {"timeout.call_ms", NUMBER, CLI_SERVER,
     AT(timeout_call_ms), .min = 1, .max = 5400000,
     .def = CLI_DERIVED, .arg = "MS",
     .absent = "1.5 x timeout.tool_ms",
     .help = "A call from arrival to answer, waiting included."},
    {"timeout.transport_ms", NUMBER, CLI_SERVER,
     AT(timeout_transport_ms), .min = 1, .max = 7200000,
     .def = CLI_DERIVED, .arg = "MS",
     .absent = "2 x timeout.tool_ms",
     .help = "What HTTP allows an answer before it closes."},
    {"timeout.client_ms", NUMBER, CLI_SERVER,
     AT(timeout_client_ms), .min = 1, .max = 9000000,
     .def = CLI_DERIVED, .arg = "MS",
     .absent = "2.5 x timeout.tool_ms",
     .help = "What clients are advised to allow a call."},
    {"timeout.command_ms", NUMBER, CLI_SERVER,
     AT(timeout_command_ms), .min = 1, .max = 2400000,
     .def = 300000, .arg = "MS",
     .help = "One command of a gate."},
    {"timeout.class.read_ms", NUMBER, CLI_SERVER,
     AT(timeout_class_ms[CLI_CLASS_READ]), .min = 1, .max = 3600000,
     .def = CLI_DERIVED, .arg = "MS",
     .absent = "timeout.tool_ms",
     .help = "timeout.tool_ms of the tools that read."},
    {"timeout.class.write_ms", NUMBER, CLI_SERVER,
     AT(timeout_class_ms[CLI_CLASS_WRITE]), .min = 1, .max = 3600000,
     .def = CLI_DERIVED, .arg = "MS",
     .absent = "timeout.tool_ms",
     .help = "timeout.tool_ms of the tools that write files."},
    {"timeout.class.search_ms", NUMBER, CLI_SERVER,
     AT(timeout_class_ms[CLI_CLASS_SEARCH]), .min = 1, .max = 3600000,
     .def = CLI_DERIVED, .arg = "MS",
     .absent = "timeout.tool_ms",
     .help = "timeout.tool_ms of the tools that search."},
    {"timeout.class.exec_ms", NUMBER, CLI_SERVER,
     AT(timeout_class_ms[CLI_CLASS_EXEC]), .min = 1, .max = 3600000,
     .def = CLI_DERIVED, .arg = "MS",
     .absent = "1.5 x timeout.command_ms",
     .help = "timeout.tool_ms where a gate runs commands."},
    {"timeout.queue_ms", NUMBER, CLI_SERVER,
     AT(timeout_queue_ms), .min = 0, .max = 60000,
     .def = 5000, .arg = "MS",
     .help = "Longest wait for a worker before a refusal."},
    {"timeout.store_ms", NUMBER, CLI_SERVER,
     AT(timeout_store_ms), .min = 1, .max = 60000,
     .def = 5000, .arg = "MS",
     .help = "Longest wait for another process's write."},
    {"timeout.shutdown_ms", NUMBER, CLI_SERVER,
     AT(timeout_shutdown_ms), .min = 0, .max = 60000,
     .def = 3000, .arg = "MS",
     .help = "Grace for running calls at the end."},
    {"progress.interval_ms", NUMBER, CLI_SERVER,
     AT(progress_ms), .min = 100, .max = 60000,
     .def = 8000, .arg = "MS",
     .help = "Between notices to a client that asked for progress."},
    {"coalesce.enabled", BOOLEAN, CLI_SERVER, AT(coalesce), .def = true,
     .help = "Identical reads under way at one time run once."},
    {"coalesce.mode", CHOICE, CLI_SERVER, AT(coalesce_mode),
     .choices = coalesce_modes,
     .help = "join: the second waits for the first; refuse: it is told."},
    {"coalesce.disable_tools", LIST, CLI_SERVER, AT(coalesce_except),
     .arg = "TOOL", .absent = "none",
     .help = "A tool whose every call runs; repeatable."},
    {"coalesce.waiters_max", NUMBER, CLI_SERVER, AT(coalesce_waiters),
     .min = 1, .max = 100000, .def = 256, .arg = "N",
     .help = "Calls that wait for one run."},
    {"stdio.calls", NUMBER, CLI_SERVER, AT(stdio_calls), .min = 1,
     .max = 1000000, .def = 1024, .arg = "N",
     .help = "Calls read ahead on stdin."},
    {"stdio.bytes", NUMBER, CLI_SERVER, AT(stdio_bytes), .min = 4096,
     .max = MIB(1024), .def = MIB(32), .arg = "N",
     .help = "Bytes of calls read ahead on stdin."},
    {"line.max", NUMBER, CLI_SERVER, AT(line_max), .min = 1024,
     .max = MIB(256), .def = MIB(16), .arg = "N",
     .help = "Longest line on stdin, in bytes."},
    {"body.max", NUMBER, CLI_SERVER, AT(body_max), .min = 1024,
     .max = MIB(256), .def = MIB(16), .arg = "N",
     .help = "Longest HTTP body, in bytes."},
    {"conn.max", NUMBER, CLI_SERVER, AT(conn_max), .min = 1, .max = 100000,
     .def = 1000, .arg = "N", .help = "Most open HTTP connections."},
    {"conn.idle_ms", NUMBER, CLI_SERVER, AT(conn_idle_ms), .min = 1000,
     .max = 86400000, .def = 300000, .arg = "MS",
     .help = "An idle connection is closed."},
    {"conn.header_ms", NUMBER, CLI_SERVER, AT(conn_header_ms), .min = 100,
     .max = 600000, .def = 10000, .arg = "MS",
     .help = "A request up to 64 KiB must be complete."},
    {"conn.body_ms", NUMBER, CLI_SERVER, AT(conn_body_ms), .min = 100,
     .max = 600000, .def = 30000, .arg = "MS",
     .help = "A longer request must be complete."},
    {"conn.keepalive_ms", NUMBER, CLI_SERVER, AT(conn_keepalive_ms),
     .min = 1000, .max = 120000, .def = 15000, .arg = "MS",
     .help = "A comment on a silent stream."},
    {"conn.write_stall_ms", NUMBER, CLI_SERVER, AT(conn_stall_ms),
     .min = 1000, .max = 600000, .def = 30000, .arg = "MS",
     .help = "A client that takes no byte is closed."},
    {"conn.out_max_bytes", NUMBER, CLI_SERVER, AT(conn_out_max),
     .min = 65536, .max = MIB(1024), .def = MIB(4), .arg = "N",
     .help = "Unsent bytes of one client."},

    {"log.level", CHOICE, CLI_LOGGING, AT(log_level), .choices = levels,
     .def = LOG_INFO, .help = "Least level that is logged to stderr."},
    {"log.format", CHOICE, CLI_LOGGING, AT(log_format), .choices = formats,
     .def = LOG_TEXT, .help = "Lines of text or of JSON."},

    {"json", BOOLEAN, CLI_OUTPUT, AT(json), .flags = FLAG_ALONE,
     .help = "Print one JSON document and nothing else."},
    {"json", TEXT, CLI_ARGUMENTS, AT(arguments), .arg = "OBJ",
     .absent = "none", .flags = FLAG_ALONE,
     .help = "The arguments as one JSON object; - reads it from stdin."},
    {"format", CHOICE, CLI_CHECKS, AT(lint_format), .choices = lint_formats,
     .def = CLI_FORMAT_TEXT, .flags = FLAG_ALONE,
     .help = "Lines for people, or a document for programs."},
    {"limit", NUMBER, CLI_SEARCH, AT(search_results), .min = 1, .max = 50,
     .def = 5, .arg = "N", .flags = FLAG_ALONE, .help = "Most results."},
    {"phase", NUMBER, CLI_SEARCH, AT(search_phase), .min = 0, .max = 1000000,
     .def = -1, .arg = "N", .absent = "any", .flags = FLAG_ALONE,
     .help = "Only passages below a heading \"Phase N\"."},
    {"path", TEXT, CLI_SEARCH, AT(search_path), .arg = "PREFIX",
     .absent = "any", .flags = FLAG_ALONE,
     .help = "Only files whose path begins so."},
    {"tag", LIST, CLI_SEARCH, AT(search_tags), .arg = "TAG", .absent = "any",
     .flags = FLAG_ALONE, .help = "Only files filed under it; repeatable."},
    {"codes", BOOLEAN, CLI_CHECKS, AT(lint_codes), .flags = FLAG_ALONE,
     .help = "Print every code, what it means and how it is mended."},
    {"phases", LIST, CLI_SCAFFOLD, AT(phases), .arg = "A,B,C",
     .absent = "none", .flags = FLAG_ALONE,
     .help = "The names of its phases, in order; at least one."},
    {"description", TEXT, CLI_SCAFFOLD, AT(description), .arg = "TEXT",
     .absent = "made from the phases", .flags = FLAG_ALONE,
     .help = "When to use the workflow, in a sentence."},
    {"output_dir", TEXT, CLI_SCAFFOLD, AT(output_dir), .arg = "DIR",
     .absent = ".phasegate/workflows", .flags = FLAG_ALONE,
     .help = "The folder it goes to, inside the project."},
    {"editor", LIST, CLI_EDITORS, AT(editors), .arg = "NAME",
     .choices = editors,
     .absent = "those found", .flags = FLAG_ALONE,
     .help = "claude, cursor, vscode, codex or all; repeatable."},
    {"as", TEXT, CLI_DECISION, AT(person), .arg = "NAME",
     .absent = "the name of your login", .flags = FLAG_ALONE,
     .help = "approve, reject: who decides."},
    {"comment", TEXT, CLI_DECISION, AT(comment), .arg = "TEXT",
     .absent = "none; a rejection asks for one", .flags = FLAG_ALONE,
     .help = "approve, reject: why. The agent reads it."},
};
/* clang-format on */

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
_Static_assert((int)ROWS <= (int)CLI_OPTIONS_MAX, "grow CLI_OPTIONS_MAX");

/* --- the three spellings of a key ---------------------------------------- */

const char *cli__flag_name(const struct option_row *row, char out[NAME_ROOM])
{
    size_t n = 0;
    for (const char *p = row->key; *p && n < NAME_ROOM - 1; p++)
        out[n++] = *p == '.' || *p == '_' ? '-' : *p;
    out[n] = '\0';
    return out;
}

const char *cli__env_name(const struct option_row *row, char out[NAME_ROOM])
{
    size_t n = (size_t)snprintf(out, NAME_ROOM, "PHASEGATE_");
    for (const char *p = row->key; *p && n < NAME_ROOM - 1; p++)
        out[n++] = *p == '.' ? '_' : (char)toupper((unsigned char)*p);
    out[n] = '\0';
    return out;
}

const struct option_row *cli__option(size_t i)
{
    return i < ROWS ? &rows[i] : NULL;
}

static const struct option_row *row_by_key(struct slice key)
{
    for (size_t i = 0; i < ROWS; i++)
        if (slice_eq(key, slice_of(rows[i].key))) return &rows[i];
    return NULL;
}

/* --- values --------------------------------------------------------------- */

static void *place(struct cli_options *o, const struct option_row *row)
{
    return (char *)&o->set + row->offset;
}

static enum err refuse(struct cli_options *o, const struct option_row *row,
                       struct slice value, struct slice where)
{
    struct buf b = BUF_INIT(4096);
    cli__option_accepts(row, &b);
    struct slice how = arena_printf(o->arena, "%s takes %.*s.", row->key,
                                    SLICE_ARG(buf_slice(&b)));
    buf_done(&b);
    return problem_setf(&o->problem, o->arena, ERR_INVALID, where, how,
                        "%s: \"%.*s\" is not accepted", row->key,
                        SLICE_ARG(slice_sub(value, 0, 200)));
}

static bool number_set(const struct option_row *row, int64_t *to,
                       struct slice value)
{
    int64_t n;
    if (!slice_int64(value, &n) || n < row->min || n > row->max) return false;
    *to = n;
    return true;
}

static bool choice_set(const struct option_row *row, int64_t *to,
                       struct slice value)
{
    for (int64_t i = 0; row->choices[i]; i++) {
        if (!slice_eq(value, slice_of(row->choices[i]))) continue;
        *to = i;
        return true;
    }
    return false;
}

static bool boolean_set(bool *to, struct slice value)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true},   {"yes", true}, {"on", true},   {"1", true},
                 {"false", false}, {"no", false}, {"off", false}, {"0", false}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!slice_eq_nocase(value, slice_of(words[i].word))) continue;
        *to = words[i].value;
        return true;
    }
    return false;
}

static bool list_add(struct cli_options *o, struct cli_list *l,
                     struct slice value)
{
    struct slice *grown = ARENA_ARRAY(o->arena, struct slice, l->count + 1);
    if (!grown) return false;
    if (l->count) memcpy(grown, l->items, l->count * sizeof(*grown));
    grown[l->count] = value;
    *l = (struct cli_list){grown, l->count + 1};
    return true;
}

/* One value from one source. A list from a better source starts anew; a value
 * from a lesser one is checked all the same. */
static enum err value_set(struct cli_options *o, const struct option_row *row,
                          struct slice value, enum cli_source from,
                          struct slice where)
{
    union {
        struct slice text;
        struct cli_list list;
        int64_t number;
        bool boolean;
    } unused = {0};
    enum cli_source *had = &o->from[row - rows];
    void *to = from >= *had ? place(o, row) : &unused;
    if (row->type == LIST && from > *had)
        *(struct cli_list *)to = (struct cli_list){0};
    bool fits = false;
    switch (row->type) {
    case NUMBER:
        fits = number_set(row, to, value);
        break;
    case CHOICE:
        fits = choice_set(row, to, value);
        break;
    case BOOLEAN:
        fits = boolean_set(to, value);
        break;
    case TEXT:
        fits = value.n > 0;
        if (fits) *(struct slice *)to = arena_copy(o->arena, value);
        break;
    case LIST:
        fits = value.n > 0 && list_add(o, to, arena_copy(o->arena, value));
        break;
    }
    if (!fits) return refuse(o, row, value, where);
    if (from >= *had) o->where[row - rows] = where;
    if (from > *had) *had = from;
    return OK;
}

enum err cli_options_init(struct cli_options *o, unsigned groups,
                          struct arena *a)
{
    *o = (struct cli_options){.arena = a, .groups = groups};
    problem_init(&o->problem);
    for (size_t i = 0; i < ROWS; i++) {
        const struct option_row *row = &rows[i];
        if (row->type == NUMBER || row->type == CHOICE)
            *(int64_t *)place(o, row) = row->def;
        else if (row->type == BOOLEAN)
            *(bool *)place(o, row) = row->def != 0;
        else if (row->type == TEXT)
            *(struct slice *)place(o, row) = slice_of(row->text);
    }
    return OK;
}

enum cli_source cli_options_source(const struct cli_options *o,
                                   struct slice key)
{
    const struct option_row *row = row_by_key(key);
    return row ? o->from[row - rows] : CLI_FROM_DEFAULT;
}

struct slice cli_options_where(const struct cli_options *o, struct slice key)
{
    const struct option_row *row = row_by_key(key);
    return row ? o->where[row - rows] : (struct slice){0};
}

/* --- flags ---------------------------------------------------------------- */

enum { VAL_HELP = 'h', VAL_VERSION = 'V', VAL_ROW = 256 };

struct flag_table {
    struct option options[CLI_OPTIONS_MAX + 3];
    char names[CLI_OPTIONS_MAX][NAME_ROOM];
    const char *shown[CLI_OPTIONS_MAX + 3]; /* for the nearest one */
};

static void flag_table(const struct cli_options *o, struct flag_table *t)
{
    memset(t, 0, sizeof(*t));
    size_t n = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if (!(rows[i].group & o->groups)) continue;
        cli__flag_name(&rows[i], t->names[i]);
        t->shown[n] = t->names[i];
        t->options[n++] = (struct option){
            t->names[i],
            rows[i].type == BOOLEAN ? optional_argument : required_argument,
            NULL, VAL_ROW + (int)i};
    }
    t->shown[n] = "help";
    t->options[n++] = (struct option){"help", no_argument, NULL, VAL_HELP};
    t->shown[n] = "version";
    t->options[n] = (struct option){"version", no_argument, NULL, VAL_VERSION};
}

static enum err flag_unknown(struct cli_options *o, const struct flag_table *t,
                             const char *given)
{
    struct slice name = slice_of(given);
    while (name.n && name.p[0] == '-') name = slice_sub(name, 1, name.n);
    name = slice_sub(name, 0, slice_find_byte(name, '='));
    const char *near = cli_nearest(name, t->shown);
    struct slice how = near ? arena_printf(o->arena, "Did you mean --%s?", near)
                            : SLICE("--help lists the options.");
    return problem_setf(&o->problem, o->arena, ERR_INVALID,
                        SLICE("command line"), how, "%s: no such option here",
                        given);
}

static enum err flag_take(struct cli_options *o, int val)
{
    if (val == VAL_HELP || val == VAL_VERSION) {
        if (val == VAL_HELP)
            o->help = true;
        else
            o->version = true;
        return OK;
    }
    const struct option_row *row = &rows[val - VAL_ROW];
    struct slice value = slice_of(optarg ? optarg : "true");
    struct slice where = arena_printf(o->arena, "command line, --%s",
                                      cli__flag_name(row, (char[NAME_ROOM]){0}));
    return value_set(o, row, value, CLI_FROM_FLAG, where);
}

enum err cli_options_flags(struct cli_options *o, int argc, char **argv,
                           bool first_word)
{
    struct flag_table table;
    flag_table(o, &table);
    optind = 0; /* glibc: start anew */
    opterr = 0;
    enum err e = OK;
    while (!e) {
        int before = optind ? optind : 1;
        int val = getopt_long(argc, argv, first_word ? "+:hV" : ":hV",
                              table.options, NULL);
        if (val == -1) break;
        const char *given = argv[before < argc ? before : argc - 1];
        if (val == ':')
            e = problem_setf(
                &o->problem, o->arena, ERR_INVALID, SLICE("command line"),
                SLICE("Give a value behind it."), "%s needs a value", given);
        else if (val == '?')
            e = flag_unknown(o, &table,
                             argv[optind - 1] ? argv[optind - 1] : given);
        else
            e = flag_take(o, val);
    }
    o->rest = optind;
    return e;
}

/* --- the environment ------------------------------------------------------ */

/* A list's items stand between colons. */
static enum err env_list(struct cli_options *o, const struct option_row *row,
                         struct slice value, struct slice where)
{
    struct slice part;
    enum err e = OK;
    while (!e && slice_split(&value, ':', &part))
        if (part.n) e = value_set(o, row, part, CLI_FROM_ENV, where);
    return e;
}

static const char *env_value(char *const *env, const char *name)
{
    size_t n = strlen(name);
    for (; env && *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    return NULL;
}

enum err cli_options_environment(struct cli_options *o, char *const *env)
{
    char name[NAME_ROOM];
    enum err e = OK;
    for (size_t i = 0; i < ROWS && !e; i++) {
        const char *value = env_value(env, cli__env_name(&rows[i], name));
        if (rows[i].flags & NOT_IN_ENV) continue;
        if (!value || !*value) continue; /* empty: as if not set */
        struct slice where = arena_printf(o->arena, "environment, %s", name);
        e = rows[i].type == LIST
                ? env_list(o, &rows[i], slice_of(value), where)
                : value_set(o, &rows[i], slice_of(value), CLI_FROM_ENV, where);
    }
    return e;
}

/* --- the file ------------------------------------------------------------- */

struct file_reader {
    struct cli_options *o;
    struct slice path, text;
};

static struct slice file_where(struct file_reader *f, const char *at)
{
    struct text_position pos =
        slice_position(f->text, at ? (size_t)(at - f->text.p) : 0);
    return arena_printf(f->o->arena, "%.*s:%u:%u", SLICE_ARG(f->path), pos.line,
                        pos.column);
}

static enum err file_value(struct file_reader *f, const struct option_row *row,
                           const struct json *v, struct slice where)
{
    struct slice value = v->type == JSON_STRING ? v->text : v->raw;
    if (row->type == LIST && v->type == JSON_ARRAY) {
        enum err e = OK;
        for (uint32_t i = 0; i < v->count && !e; i++)
            e = file_value(f, row, &v->items[i], where);
        return e;
    }
    if (v->type == JSON_OBJECT || v->type == JSON_ARRAY || v->type == JSON_NULL)
        return refuse(f->o, row, value, where);
    return value_set(f->o, row, value, CLI_FROM_FILE, where);
}

static bool key_begins(struct slice prefix)
{
    for (size_t i = 0; i < ROWS; i++) {
        struct slice key = slice_of(rows[i].key);
        if (slice_starts(key, prefix) && key.n > prefix.n &&
            key.p[prefix.n] == '.')
            return true;
    }
    return false;
}

static enum err key_unknown(struct file_reader *f, struct slice key,
                            struct slice where)
{
    const char *names[ROWS + 1];
    for (size_t i = 0; i < ROWS; i++) names[i] = rows[i].key;
    names[ROWS] = NULL;
    const char *near = cli_nearest(key, names);
    struct slice how = near
                           ? arena_printf(f->o->arena, "Did you mean %s?", near)
                           : SLICE("phasegate serve --help lists the options.");
    return problem_setf(&f->o->problem, f->o->arena, ERR_INVALID, where, how,
                        "%.*s: no such option", SLICE_ARG(key));
}

static enum err file_object(struct file_reader *f, struct slice prefix,
                            const struct json *object)
{
    enum err e = OK;
    for (uint32_t i = 0; i < object->count && !e; i++) {
        const struct json_member *m = &object->members[i];
        struct slice where = file_where(f, m->at);
        struct slice key =
            prefix.n ? arena_printf(f->o->arena, "%.*s.%.*s", SLICE_ARG(prefix),
                                    SLICE_ARG(m->key))
                     : m->key;
        const struct option_row *row = row_by_key(key);
        if (row && !(row->flags & NOT_IN_FILE))
            e = file_value(f, row, &m->value, where);
        else if (m->value.type == JSON_OBJECT && key_begins(key))
            e = file_object(f, key, &m->value);
        else
            e = key_unknown(f, key, where);
    }
    return e;
}

enum err cli_options_file(struct cli_options *o, struct slice path,
                          struct slice text)
{
    struct file_reader f = {o, path, text};
    const struct json *root = NULL;
    struct yaml_error ye = {0};
    enum err e = yaml_parse(text, NULL, o->arena, &root, &ye);
    if (e)
        return problem_setf(&o->problem, o->arena, ERR_INVALID, ye.what,
                            SLICE("Mend the file, or remove it."),
                            "%.*s:%u:%u: not readable", SLICE_ARG(path),
                            ye.line, ye.column);
    if (root->type == JSON_NULL) return OK; /* an empty file */
    if (root->type != JSON_OBJECT)
        return problem_setf(&o->problem, o->arena, ERR_INVALID,
                            SLICE("a configuration is keys and values"),
                            SLICE("For example: log: {level: debug}"),
                            "%.*s: no mapping", SLICE_ARG(path));
    return file_object(&f, (struct slice){0}, root);
}

/* --- suggestions ---------------------------------------------------------- */

const char *cli_nearest(struct slice typed, const char *const *names)
{
    const char *found = NULL;
    size_t least = typed.n / 2 + 2;
    if (least > 4) least = 4;
    for (; *names; names++) {
        size_t d = slice_distance(typed, slice_of(*names));
        if (d >= least) continue;
        least = d;
        found = *names;
    }
    return found;
}
