/* Options: the project, how it is served, watched and judged healthy. */
#include "cli/options_private.h"

#include "engine/engine.h"
#include "mcp/tools/tools.h"

static const char *const transports[] = {"dual", "stdio", "http", NULL};
static const char *const durabilities[] = {"full", "normal", NULL};
static const char *const gate_modes[] = {"strict", "as-written", NULL};
static const char *const surfaces[] = {"phasegate", "praxis", NULL};
static const char *const watch_modes[] = {"auto", "stat", "off", NULL};
_Static_assert(TOOLS_OURS == 0 && TOOLS_PRAXIS == 1, "surfaces[] order");
_Static_assert(ST_FULL == 0 && ST_NORMAL == 1, "durabilities[] order");
_Static_assert(ENG_STRICT == 0 && ENG_AS_WRITTEN == 1, "gate_modes[] order");
_Static_assert(ENG_WATCH_AUTO == 0 && ENG_WATCH_OFF == 2,
               "watch_modes[] order");

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
    {"tools", CHOICE, CLI_SERVER, AT(tools), .choices = surfaces,
     .def = TOOLS_OURS, .help = "praxis: those of praxis-os too."},
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
    {"health.writer_slow_ms", NUMBER, CLI_SERVER, AT(health_writer_slow_ms),
     .min = 100, .max = 600000, .def = 2000, .arg = "MS",
     .help = "One write longer than this degrades."},
    {"health.collect_ms", NUMBER, CLI_SERVER, AT(health_collect_ms),
     .min = 10, .max = 10000, .def = 200, .arg = "MS",
     .help = "Most time to look around; what is left is told as missing."},
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
};
/* clang-format on */

const struct option_table cli__options_server = OPTION_TABLE(rows);
