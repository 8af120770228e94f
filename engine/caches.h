/*
 * caches: what the engine keeps in memory, a row each. The same rows are the
 * options cache.<name>.* and their defaults. What a cache holds and how it is
 * loaded stands in the file that core.h names.
 */
#ifndef ENGINE_CACHES_H
#define ENGINE_CACHES_H

#include <stdbool.h>
#include <stdint.h>

/* X(symbol, name, entries, MiB, ttl ms, stale ms, stale when a load fails,
 * least percent of hits). ttl 0: age alone ends nothing; percent -1: as
 * alerts.hit_rate_min_percent, 0: not judged. */
#define ENG_CACHE_ROWS(X)                                                      \
    X(METADATA, metadata, 256, 32, 0, 0, false, -1)                            \
    X(DEFINITIONS, definitions, 256, 64, 0, 0, false, -1)                      \
    X(CHECKPOINTS, checkpoints, 1000, 16, 0, 0, false, -1)                     \
    X(RENDERED, rendered, 1000, 32, 0, 0, false, -1)                           \
    X(REPLIES, replies, 1000, 16, 0, 0, false, 0)                              \
    X(SESSIONS, sessions, 100, 64, 0, 0, false, -1)                            \
    X(SEARCH, search, 100, 8, 300000, 300000, true, 80)                        \
    X(EMBEDDINGS, embeddings, 10000, 64, 86400000, 604800000, true, 0)

enum eng_cache {
#define ENG_CACHE_ENUM(symbol, ...) ENG_CACHE_##symbol,
    ENG_CACHE_ROWS(ENG_CACHE_ENUM)
#undef ENG_CACHE_ENUM
        ENG_CACHES,                        /* all */
    ENG_CACHE_COUNT = ENG_CACHE_EMBEDDINGS /* those of every engine */
};

struct eng_cache_options {
    int64_t entries_max, bytes_max; /* 0: the row holds */
    int64_t ttl_ms, stale_ms, negative_ttl_ms;
    int64_t load_timeout_ms; /* 0: 10,000 */
    int64_t hit_rate_min_percent;
    bool allow_stale, swr;
};

#endif
