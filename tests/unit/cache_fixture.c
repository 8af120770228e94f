#include "tests/unit/cache_fixture.h"

#include <sched.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "state/cache_private.h"
#include "tests/runner/test.h"

struct recount {
    size_t entries, negatives;
    uint64_t bytes, value_bytes;
};

static bool count_entry(struct st_entry *e, void *ctx)
{
    struct recount *r = ctx;
    r->entries++;
    r->negatives += e->negative;
    r->bytes += e->key_n + e->value_bytes + ST_ENTRY_OVERHEAD;
    r->value_bytes += e->value_bytes;
    return false;
}

static struct made *make(struct fake_load *fl, struct slice key,
                         int64_t version)
{
    struct made *m = MEM_NEW(struct made);
    if (!m) return NULL;
    m->version = version;
    m->serial = atomic_load(&fl->calls);
    snprintf(m->text, sizeof(m->text), "%.*s", SLICE_ARG(key));
    atomic_fetch_add(&fl->live, 1);
    return m;
}

static void fake_free(void *ctx, void *value)
{
    struct fake_load *fl = ctx;
    atomic_fetch_sub(&fl->live, 1);
    mem_free(value);
}

static bool held(struct fake_load *fl)
{
    int until = atomic_load(&fl->until_waiting);
    if (atomic_load(&fl->hold)) return true;
    if (!until) return false;
    if (fake_stats(fl).waiting < (uint64_t)until) return true;
    atomic_store(&fl->until_waiting, 0);
    return false;
}

static bool take_failure(struct fake_load *fl)
{
    int n = atomic_load(&fl->fail);
    while (n > 0)
        if (atomic_compare_exchange_weak(&fl->fail, &n, n - 1)) return true;
    return false;
}

static enum err fake_loader(void *ctx, struct slice key, const struct cancel *c,
                            struct st_loaded *ret)
{
    struct fake_load *fl = ctx;
    enum err e = OK;
    atomic_fetch_add(&fl->calls, 1);
    atomic_fetch_add(&fl->running, 1);
    while (held(fl)) {
        if (!fl->stubborn && (e = cancel_check(c, clock_now())) != OK) break;
        sched_yield();
    }
    if (!e && take_failure(fl)) e = fl->error;
    if (!e) *ret = fake_value(fl, key, fl->version);
    if (!e && !ret->value) e = ERR_NOMEM;
    atomic_fetch_sub(&fl->running, 1);
    return e;
}

struct st_loaded fake_value(struct fake_load *fl, struct slice key,
                            int64_t version)
{
    return (struct st_loaded){.value = make(fl, key, version),
                              .bytes = fl->bytes ? fl->bytes : key.n,
                              .version = version};
}

struct st_cache_row fake_row(struct fake_load *fl)
{
    return (struct st_cache_row){.name = "sessions",
                                 .key_label = "session_id",
                                 .rank = 5,
                                 .entries_max = 100,
                                 .bytes_max = 64 << 20,
                                 .load = fake_loader,
                                 .free_value = fake_free,
                                 .ctx = fl};
}

struct st_cache *fake_cache(struct fake_load *fl,
                            const struct st_cache_row *row)
{
    struct st_cache_row usual = fake_row(fl);
    CHECK_OK(st_cache_new(row ? row : &usual, &fl->ca));
    return fl->ca;
}

void fake_done(struct fake_load *fl)
{
    struct st_cache_stats s = fake_stats(fl);
    CHECK_INT_EQ(s.flights, 0);
    CHECK_INT_EQ(s.waiting, 0);
    CHECK_INT_EQ(s.abandoned_loads, 0);
    CHECK_INT_EQ(s.count[ST_METRIC_duplicate_runs], 0);
    CHECK_INT_EQ(s.count[ST_METRIC_hits] + s.count[ST_METRIC_misses] +
                     s.count[ST_METRIC_double_loads],
                 s.total);
    st_cache_free(fl->ca);
    CHECK_INT_EQ(atomic_load(&fl->live), 0);
}

int fake_get(struct fake_load *fl, const char *key)
{
    struct st_entry *e = NULL;
    enum err err = st_cache_get(fl->ca, slice_of(key), NULL, NULL, &e);
    if (err) return -(int)err;
    const struct made *m = st_entry_value(e);
    int serial = m->serial;
    CHECK_STR_EQ(m->text, key);
    st_entry_unref(e);
    return serial;
}

struct st_cache_stats fake_stats(struct fake_load *fl)
{
    struct st_cache_stats s;
    st_cache_stats(fl->ca, &s);
    return s;
}

uint64_t fake_count(struct fake_load *fl, enum st_metric which)
{
    return fake_stats(fl).count[which];
}

void fake_await_waiting(struct fake_load *fl, uint64_t n)
{
    while (fake_stats(fl).waiting < n) sched_yield();
}

void fake_recount(struct fake_load *fl)
{
    struct recount r = {0};
    struct st_removed none = {0};
    struct st_shelf *shelf = &fl->ca->shelf;
    lock_take(&shelf->lock);
    st__shelf_filter(shelf, count_entry, &r, &none);
    bool same = r.entries == shelf->count && r.bytes == shelf->bytes &&
                r.value_bytes == shelf->value_bytes &&
                r.negatives == shelf->negatives;
    bool within = shelf->count <= shelf->entries_max &&
                  shelf->bytes <= shelf->bytes_max &&
                  shelf->negatives <= shelf->negatives_max;
    lock_drop(&shelf->lock);
    CHECK(same);
    CHECK(within);
}

void fake_await_calls(struct fake_load *fl, int n)
{
    while (atomic_load(&fl->calls) < n) sched_yield();
}
