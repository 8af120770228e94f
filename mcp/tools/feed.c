/* Subscriptions to sessions. What this process commits is told at once; what
 * another one commits is found by the keeper's round, which looks at the
 * versions of those sessions that somebody has subscribed to, and only when a
 * stranger may have written. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/lock.h"
#include "base/map.h"
#include "base/random.h"
#include "mcp/tools/tools.h"

enum { ROUND_MAX = 64 << 20 };

struct known {
    char id[UUID_SIZE];
    int64_t version;
};

struct tools_feed {
    struct engine *engine;
    struct mcp_server *server;
    struct lock lock;
    struct map known; /* by session id, of those watched. Lock: lock */
    uint64_t stamp;   /* Thread: keeper */
};

static const struct slice prefix = SLICE_INIT("phasegate://sessions/");

static void tell(struct tools_feed *f, struct slice id)
{
    char uri[128];
    int n = snprintf(uri, sizeof(uri), "phasegate://sessions/%.*s/report",
                     SLICE_ARG(id));
    struct slice report = {uri, (size_t)n};
    mcp_updated(f->server,
                slice_sub(report, 0, report.n - SLICE("/report").n));
    mcp_updated(f->server, report);
}

/* Thread: writer */
static void on_change(void *ctx, const struct eng_news *news)
{
    struct tools_feed *f = ctx;
    struct slice id = news->session_id;
    lock_take(&f->lock);
    struct known *k = map_get(&f->known, id);
    if (k) k->version = news->version;
    lock_drop(&f->lock);
    tell(f, id);
}

/* --- a round ---------------------------------------------------------------- */

struct round {
    struct arena arena;
    struct slice *ids; /* watched, each once */
    size_t count, room;
    struct map seen; /* borrows the ids */
    bool failed;
};

static bool room_for_one(struct round *r)
{
    if (r->count < r->room) return true;
    size_t room = r->room ? 2 * r->room : 64;
    struct slice *ids = ARENA_ARRAY(&r->arena, struct slice, room);
    if (!ids) return false;
    if (r->count) memcpy(ids, r->ids, r->count * sizeof(*ids));
    r->ids = ids;
    r->room = room;
    return true;
}

static void collect(void *ctx, struct slice uri)
{
    struct round *r = ctx;
    if (!slice_starts(uri, prefix)) return;
    struct slice id = slice_sub(uri, prefix.n, prefix.n + UUID_SIZE - 1);
    if (!uuid_valid(id) || map_get(&r->seen, id)) return;
    id = arena_copy(&r->arena, id);
    if (!id.p || !room_for_one(r) || map_put(&r->seen, id, r, NULL))
        r->failed = true;
    else
        r->ids[r->count++] = id;
}

/* What was read may be older than what on_change knows since. */
static bool differs(int64_t known, int64_t read)
{
    return read > known || (read == 0 && known != 0);
}

/* Who is new here was perhaps subscribed to after a change that nobody can
 * date: told once too often rather than not at all. */
static void compare(struct tools_feed *f, struct round *r,
                    const int64_t *versions, bool wrote)
{
    for (size_t i = 0; i < r->count; i++) {
        lock_take(&f->lock);
        struct known *k = map_get(&f->known, r->ids[i]);
        bool changed = k ? differs(k->version, versions[i]) : wrote;
        if (k) {
            if (changed) k->version = versions[i];
        } else if ((k = MEM_NEW(struct known)) != NULL) {
            memcpy(k->id, r->ids[i].p, r->ids[i].n);
            k->version = versions[i];
            if (map_put(&f->known, slice_of(k->id), k, NULL)) mem_free(k);
        }
        lock_drop(&f->lock);
        if (changed) tell(f, r->ids[i]);
    }
}

/* Nobody watches them any more. Lock: lock is held */
static void forget(struct tools_feed *f, const struct round *r)
{
    size_t at = 0;
    struct slice id;
    void *value;
    if (f->known.count <= r->count) return;
    while (map_next(&f->known, &at, &id, &value)) {
        if (map_get(&r->seen, id)) continue;
        (void)map_del(&f->known, id);
        mem_free(value);
        at = 0;
    }
}

static bool all_known(struct tools_feed *f, const struct round *r)
{
    bool all = true;
    lock_take(&f->lock);
    forget(f, r);
    for (size_t i = 0; i < r->count && all; i++)
        all = map_get(&f->known, r->ids[i]) != NULL;
    lock_drop(&f->lock);
    return all;
}

void tools_feed_round(struct tools_feed *f)
{
    struct round r = {.seen = MAP_INIT};
    uint64_t before = f->stamp;
    bool wrote = eng_strangers_wrote(f->engine, &f->stamp);
    arena_init(&r.arena, ROUND_MAX);
    mcp_watched(f->server, collect, &r);
    if (!r.failed && (wrote || !all_known(f, &r))) {
        int64_t *versions = ARENA_ARRAY(&r.arena, int64_t, r.count + 1);
        r.failed = !versions || eng_session_versions(f->engine, r.ids, r.count,
                                                     versions) != OK;
        if (!r.failed) compare(f, &r, versions, wrote);
    }
    if (r.failed) f->stamp = before; /* once more */
    map_done(&r.seen);
    arena_done(&r.arena);
}

/* --- life -------------------------------------------------------------------- */

enum err tools_feed_new(struct engine *e, struct mcp_server *s,
                        struct tools_feed **ret)
{
    struct tools_feed *f = MEM_NEW(struct tools_feed);
    if (!f) return ERR_NOMEM;
    *f = (struct tools_feed){.engine = e, .server = s, .known = MAP_INIT};
    lock_init(&f->lock, "feed", RANK_LEAF);
    (void)eng_strangers_wrote(e, &f->stamp);
    eng_on_change(e, ENG_FOR_RESOURCES, on_change, f);
    *ret = f;
    return OK;
}

void tools_feed_free(struct tools_feed *f)
{
    size_t at = 0;
    struct slice id;
    void *k;
    if (!f) return;
    eng_on_change(f->engine, ENG_FOR_RESOURCES, NULL, NULL);
    while (map_next(&f->known, &at, &id, &k)) mem_free(k);
    map_done(&f->known);
    lock_done(&f->lock);
    mem_free(f);
}
