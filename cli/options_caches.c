/* Options: what is kept in memory, how much and for how long; the rows of
 * engine/caches.h, each with all its settings. */
#include "cli/options_private.h"

#include "engine/caches.h"

#define DAYS_30 INT64_C(2592000000)
#define NUMBER_OF(symbol, name, member, least, most, usual, unit, text)        \
    {                                                                          \
        "cache." #name "." #member, NUMBER, CLI_SERVER,                        \
            AT(caches[ENG_CACHE_##symbol].member), .min = (least),             \
            .max = (most), .def = (usual), .arg = (unit), .help = (text),      \
            .flags = NOT_IN_HELP                                               \
    }
#define SWITCH_OF(symbol, name, member, usual, text)                           \
    {                                                                          \
        "cache." #name "." #member, BOOLEAN, CLI_SERVER,                       \
            AT(caches[ENG_CACHE_##symbol].member), .def = (usual),             \
            .help = (text), .flags = NOT_IN_HELP                               \
    }
/* clang-format off */
#define ROWS_OF(s, name, entries, mib, ttl, stale, on_failure, hits)           \
    NUMBER_OF(s, name, entries_max, 1, 10000000, entries, "N",                 \
              "Most entries."),                                                \
    NUMBER_OF(s, name, bytes_max, 65536, MIB(65536), MIB(mib), "N",            \
              "Most bytes."),                                                  \
    NUMBER_OF(s, name, ttl_ms, 0, DAYS_30, ttl, "MS",                          \
              "Loaded anew when older; 0: age alone ends nothing."),           \
    NUMBER_OF(s, name, stale_ms, 0, DAYS_30, stale, "MS",                      \
              "Behind it, old values may still serve."),                       \
    NUMBER_OF(s, name, negative_ttl_ms, 0, 600000, 0, "MS",                    \
              "What was not found is not asked for again; 0: off."),           \
    NUMBER_OF(s, name, load_timeout_ms, 100, 3600000, 10000, "MS",             \
              "A load that takes longer is given up."),                        \
    NUMBER_OF(s, name, hit_rate_min_percent, -1, 100, hits, "N",               \
              "Fewer hits are a notice; 0: off; -1: as alerts.*."),            \
    SWITCH_OF(s, name, allow_stale, on_failure,                                \
              "An old value serves when a load fails."),                       \
    SWITCH_OF(s, name, swr, false,                                             \
              "An old value serves while a new one is loaded."),

static const struct option_row rows[] = {ENG_CACHE_ROWS(ROWS_OF)};
/* clang-format on */

const struct option_table cli__options_caches = OPTION_TABLE(rows);
