/*
 * core: the engine's own parts, shown to the room's files and nobody else.
 *
 * Caches, by rank (a loader looks up only lower ones):
 *   metadata     2  workflow name     -> catalog entry  engine/catalog.c
 *   definitions  3  definition hash   -> definition     engine/pinned.c
 *   checkpoints  4  hash, phase       -> gate           engine/checkpoint.c
 *   rendered     4  hash, phase       -> phase texts    engine/rendered.c
 *   search       3  query, revision   -> answer         engine/search.c
 *   replies      4  session, phase, task -> whole reply   engine/replies.c
 *   sessions     5  session id        -> snapshot       engine/session.c
 */
#ifndef ENGINE_CORE_H
#define ENGINE_CORE_H

#include "base/random.h"
#include "engine/engine.h"
#include "engine/order.h"
#include "engine/tally.h"
#include "state/cache.h"
#include "state/records.h"

struct corpus;
struct embed;
struct eng_runs;

/* A counter that should stand still, and when it last did not. */
struct eng__grown {
    uint64_t seen;
    int64_t at;
};

enum { ENG_READS = 1024 };

struct engine {
    struct eng_options options; /* texts lie in `arena` */
    struct arena arena;         /* startup only */
    struct slice project_name;
    struct st_store *store;
    struct eng_watch *watch;
    struct census *census; /* Thread: watcher, while it runs */
    struct providers *providers;
    struct st_cache *cache[ENG_CACHE_COUNT];
    struct order order;
    /* Thread: keeper */
    struct st_cache_window window[ENG_CACHE_COUNT];
    uint64_t seconds;
    uint64_t commits, strangers; /* as of the last look at what is kept */
    struct st_session_tally sessions;
    int64_t free_pages;
    struct eng__grown troubles;
    struct {
        int64_t next;     /* monotonic: the next sweep */
        int64_t after_ms; /* behind this one the next batch begins */
        char after_id[UUID_SIZE];
        _Atomic uint32_t under_way; /* of the batch; any thread ends one */
        /* Which session was read in which minute, as far as it is noted in
         * the store; a place each by hash, the last one has it. */
        _Atomic uint64_t noted[ENG_READS];
    } expiry;
    struct eng_runs *runs; /* commands of gates, while they run */
    struct corpus *corpus; /* NULL: no project */
    struct eng_tally tally;
    _Atomic uint64_t killed[ENG_KILLED_COUNT]; /* commands of gates */
    _Atomic uint64_t conflicts, reloaded; /* see struct eng_facts */
    struct {
        _Atomic uint64_t count[ENG_ANSWER_COUNT];
        struct st_idempotency_use use; /* Thread: keeper */
    } answers;
    struct {
        void (*changed)(void *ctx, const struct eng_news *news);
        void *ctx;
    } listeners[ENG_LISTENERS];
    struct embed *embed;   /* NULL: no embedder */
};

/* A value through its cache, alive as long as the call's arena. The loader's
 * error, ERR_CANCELLED, ERR_DEADLINE, ERR_NOMEM; the problem is the caller's
 * to fill. Thread: worker */
MUST_USE enum err eng__cache_get(struct engine *e, enum eng_cache which,
                                 struct slice key, struct eng_call *c,
                                 const void **ret);
/* The value if it is there and valid without I/O, else NULL; only between
 * st_cache_pin and st_cache_unpin. Thread: loop */
const void *eng__cache_peek(struct engine *e, enum eng_cache which,
                            struct slice key, int64_t now);

/* A cache of the room: its loader, validity and label are the row's, its name
 * and sizes those of caches.h and the options. */
MUST_USE enum err eng__cache_new(struct engine *e, enum eng_cache which,
                                 const struct st_cache_row *row,
                                 struct st_cache **ret);
/* The least percent of hits that this cache is judged by; 0: none. */
uint64_t eng__cache_hits_min(const struct engine *e, enum eng_cache which);

#endif
