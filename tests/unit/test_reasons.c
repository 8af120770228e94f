/* Each reason of the health document: what brings it about, right at its
 * threshold and over it, and that it ends. */
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/health.h"
#include "engine/core.h"
#include "state/store_private.h"
#include "tests/unit/session_kit.h"

/* --- by the facts of the process ------------------------------------------ */

static const struct cli_health_config limits = {.file_ms = 10000,
                                                .loop_lag_ms = 100,
                                                .loop_stall_ms = 5000,
                                                .memory_warn_mb = 512,
                                                .writer_slow_ms = 2000,
                                                .permits_check_ms = 30000};
#define NOW (1000 * NS_PER_S)
#define GIB (UINT64_C(1) << 30)

struct round {
    struct cli_facts facts, before;
    struct cli_judgement memory;
};

static void well(struct round *r)
{
    struct cli_facts *f = &r->facts;
    *f = (struct cli_facts){.at = NOW, .loops_count = 1};
    f->loops[0] = (struct tp_beat){.name = "http", .at = NOW};
    f->disk_size = 100 * GIB;
    f->disk_free = 50 * GIB;
    f->http.open_max = 10;
    f->permits.limit[PERMIT_GLOBAL] = 24;
    f->engine.has_store = true;
    f->engine.providers_count = 1;
    (void)snprintf(f->engine.providers[0].name, PROVIDER_NAME_SIZE, "exec:a/b");
    f->engine.caches_count = 1;
    f->engine.caches[0].name = "metadata";
}

static void late(struct round *r, int64_t by)
{
    r->facts.loops[0].lag_max_ns = by * 100 * NS_PER_MS + (by - 1) * NS_PER_MS;
}

static void stalled(struct round *r, int64_t by)
{
    r->facts.loops[0].at = NOW - (5000 + by - 1) * NS_PER_MS;
}

static void leaked(struct round *r, int64_t by)
{
    r->facts.permits.leaked = by > 1;
}

static void unaccounted(struct round *r, int64_t by)
{
    r->facts.permits.release_errors = by > 1;
}

static void exhausted(struct round *r, int64_t by)
{
    r->facts.permits.in_use[PERMIT_GLOBAL] = 24;
    r->memory.full_since[PERMIT_GLOBAL] =
        NOW - 30 * NS_PER_S + (by > 1 ? 0 : NS_PER_MS);
}

static void refused(struct round *r, int64_t by)
{
    r->facts.pool.refused = r->memory.refused = 7;
    r->memory.refused_at = NOW - 60 * NS_PER_S + (by > 1 ? 1 : 0);
}

static void slow_writer(struct round *r, int64_t by)
{
    r->facts.engine.store.busy_ns = (2000 + by - 1) * NS_PER_MS;
}

static void no_file(struct round *r, int64_t by)
{
    r->memory.file_fails = true;
    r->memory.file_good = NOW - (30000 + by - 2) * NS_PER_MS;
}

static void few_percent(struct round *r, int64_t by)
{
    r->facts.disk_free = r->facts.disk_size / 100 * 5 - (uint64_t)(by - 1);
}

static void few_bytes(struct round *r, int64_t by)
{
    r->facts.disk_size = GIB;
    r->facts.disk_free = (UINT64_C(64) << 20) - (uint64_t)(by - 1);
}

static void much_memory(struct round *r, int64_t by)
{
    r->facts.rss_bytes = (UINT64_C(511) + (uint64_t)by) << 20;
}

static void open_breaker(struct round *r, int64_t by)
{
    struct breaker_stats *b = &r->facts.engine.providers[0].breaker;
    b->state = by > 1 ? BREAKER_OPEN : BREAKER_CLOSED;
    b->retry_ns = 41 * NS_PER_S;
    b->window_ns = 60 * NS_PER_S;
}

static void probing(struct round *r, int64_t by)
{
    open_breaker(r, by);
    if (by > 1)
        r->facts.engine.providers[0].breaker.state = BREAKER_HALF_OPEN;
}

static void full(struct round *r, int64_t by)
{
    r->facts.http.open = (uint32_t)(8 + by);
}

static void abandoned_call(struct round *r, int64_t by)
{
    r->facts.mcp.abandoned = by > 1;
}

static void abandoned_load(struct round *r, int64_t by)
{
    r->facts.engine.caches[0].stats.abandoned_loads = by > 1;
}

struct cause {
    const char *label, *name, *about;
    void (*bring)(struct round *r, int64_t by); /* 1: at the limit; 2: over */
    enum eng_weight weight;
    int64_t value, threshold;
};

static const struct cli_reason *reason(const struct cli_facts *f,
                                       const char *name)
{
    for (size_t i = 0; i < f->reasons_count; i++)
        if (strcmp(f->reasons[i].name, name) == 0) return &f->reasons[i];
    return NULL;
}

static const char *word_of(enum eng_weight weight)
{
    return weight == ENG_FAILS      ? "failing"
           : weight == ENG_DEGRADES ? "degraded"
                                    : "ok";
}

/* All that is told of a reason; the sentences are there. */
static void check_told(const struct cli_facts *f, const char *name)
{
    struct buf text = BUF_INIT(1 << 20);
    struct json_writer w = json_writer(&text);
    const struct json *v;
    struct json_error je;
    json_begin_object(&w);
    cli__health_reasons(&w, f);
    json_end_object(&w);
    CHECK_OK(json_parse(buf_slice(&text), NULL, test_arena(), &v, &je));
    const struct json *r = &json_get(v, SLICE("reasons"))->items[0];
    CHECK_TEXT_EQ(json_text(json_get(r, SLICE("reason"))), name);
    CHECK_INT_GT(json_text(json_get(r, SLICE("why"))).n, 10);
    CHECK_INT_GT(json_text(json_get(r, SLICE("how_to_fix"))).n, 3);
    CHECK(slice_starts(json_text(json_get(r, SLICE("since"))), SLICE("20")));
    buf_done(&text);
}

static struct slice lines;

static void keep_line(void *ctx, struct slice line)
{
    (void)ctx;
    lines = arena_printf(test_arena(), "%.*s%.*s", SLICE_ARG(lines),
                         SLICE_ARG(line));
}

static void judge(struct round *r)
{
    cli__health_judge(&limits, &r->memory, &r->before, &r->facts);
    r->before = r->facts;
}

TEST_EACH(
    reasons, one_holds_over_its_limit_and_not_at_it_and_ends, struct cause, row,
    {"late", "loop_lag", "http", late, ENG_NOTICE, 201, 100},
    {"stalled", "loop_stalled", "http", stalled, ENG_DEGRADES, 5001, 5000},
    {"leaked", "permit_leak", "", leaked, ENG_DEGRADES, 1, 0},
    {"unaccounted", "permit_release_error", "", unaccounted, ENG_DEGRADES, 1,
     0},
    {"exhausted", "permits_exhausted", "global", exhausted, ENG_DEGRADES, 24,
     24},
    {"refused", "queue_full", "", refused, ENG_DEGRADES, 7, 0},
    {"slow writer", "writer_slow", "", slow_writer, ENG_DEGRADES, 2001, 2000},
    {"no file", "health_file", "", no_file, ENG_DEGRADES, 30000, 30000},
    {"few percent", "disk_low", "", few_percent, ENG_DEGRADES, -1, 64 << 20},
    {"few bytes", "disk_low", "", few_bytes, ENG_DEGRADES, (64 << 20) - 1,
     64 << 20},
    {"much memory", "memory_high", "", much_memory, ENG_NOTICE, 513, 512},
    {"open", "provider_open:exec:a/b", "exec:a/b", open_breaker, ENG_DEGRADES,
     41000, 60000},
    {"probing", "provider_open:exec:a/b", "exec:a/b", probing, ENG_DEGRADES,
     41000, 60000},
    {"full", "connections_full", "", full, ENG_DEGRADES, 10, 10},
    {"abandoned call", "abandoned_work", "", abandoned_call, ENG_DEGRADES, 1,
     0},
    {"abandoned load", "abandoned_work", "", abandoned_load, ENG_DEGRADES, 1,
     0})
{
    static struct round r;
    clock_fake(NOW, INT64_C(1800000000000));
    log_divert(keep_line, NULL);
    well(&r);
    row->bring(&r, 1);
    judge(&r);
    CHECK_INT_EQ(r.facts.reasons_count, 0);
    CHECK_TEXT_EQ(slice_of(cli_health_word(&r.facts)), "ok");
    well(&r);
    row->bring(&r, 2);
    judge(&r);
    const struct cli_reason *it = reason(&r.facts, row->name);
    CHECK(it != NULL);
    CHECK_INT_EQ(r.facts.reasons_count, 1);
    CHECK_TEXT_EQ(slice_of(it->about), row->about);
    if (row->value >= 0) CHECK_INT_EQ(it->value, row->value);
    CHECK_INT_EQ(it->threshold, row->threshold);
    CHECK_INT_EQ(it->since_ms, INT64_C(1800000000000));
    CHECK_TEXT_EQ(slice_of(cli_health_word(&r.facts)), word_of(row->weight));
    CHECK_CONTAINS(lines, row->weight == ENG_NOTICE ? "health notice"
                                                    : "health degraded");
    CHECK_CONTAINS(lines, row->name);
    check_told(&r.facts, row->name);
    clock_fake_advance(5 * NS_PER_S); /* it goes on: told once, since then */
    lines = (struct slice){0};
    well(&r);
    row->bring(&r, 2);
    judge(&r);
    CHECK_INT_EQ(reason(&r.facts, row->name)->since_ms,
                 INT64_C(1800000000000));
    CHECK_INT_EQ(lines.n, 0);
    well(&r);
    r.memory = (struct cli_judgement){.refused = 0};
    judge(&r);
    CHECK_INT_EQ(r.facts.reasons_count, 0);
    CHECK_CONTAINS(lines, "health reason ended");
    CHECK_CONTAINS(lines, "after_ms=5000");
    log_divert(NULL, NULL);
    clock_real();
}

/* --- by the engine's own look --------------------------------------------- */

static bool holds(struct fixture *f, int64_t now, const char *name,
                  struct eng_reason *ret)
{
    static struct eng_facts facts;
    eng_facts_take(f->engine, now, &facts);
    for (size_t i = 0; i < facts.reasons_count; i++) {
        if (strcmp(facts.reasons[i].name, name) != 0) continue;
        *ret = facts.reasons[i];
        return true;
    }
    return false;
}

struct hour {
    const char *name;
    uint64_t hits, misses, double_loads, waits, runs;
    int64_t value, threshold;
};

/* B06, B07 and B08 as they are told; test_cache_metrics.c has their edges. */
TEST_EACH(reasons, what_a_cache_did_in_an_hour_is_one_and_ends, struct hour,
          row, {"cache_double_loads", 1000, 0, 11, 0, 0, 11, 10},
          {"cache_lock_waits", 1000, 0, 0, 51, 0, 5, 5},
          {"cache_hit_rate", 899, 101, 0, 0, 0, 89, 90},
          {"cache_double_loads_high", 99999, 0, 101, 0, 0, 101, 100},
          {"cache_duplicate_runs", 1000, 0, 0, 0, 1, 1, 0})
{
    struct fixture f;
    struct eng_reason r;
    struct st_alerts usual = ST_ALERTS_DEFAULT;
    fixture_init(&f, kit_workflows());
    struct st_cache_window *w = &f.engine->window[ENG_CACHE_METADATA];
    struct st_cache_stats s = {0};
    st_window_tick(w, NS_PER_S, &s, &usual);
    CHECK(!holds(&f, NOW, row->name, &r));
    s.count[ST_METRIC_hits] = row->hits;
    s.count[ST_METRIC_misses] = row->misses;
    s.count[ST_METRIC_double_loads] = row->double_loads;
    s.count[ST_METRIC_lock_waits] = row->waits;
    s.count[ST_METRIC_duplicate_runs] = row->runs;
    s.total = row->hits + row->misses + row->double_loads;
    st_window_tick(w, 61 * NS_PER_S, &s, &usual);
    CHECK(holds(&f, NOW, row->name, &r));
    CHECK_TEXT_EQ(slice_of(r.about), "metadata");
    CHECK_INT_EQ(r.value, row->value);
    CHECK_INT_EQ(r.threshold, row->threshold);
    CHECK_INT_EQ(r.weight, row->runs ? ENG_DEGRADES : ENG_NOTICE);
    for (int i = 2; i <= 63; i++)
        st_window_tick(w, (i * 60 + 1) * NS_PER_S, &s, &usual);
    /* A defect that was seen stays one until the process ends. */
    CHECK_INT_EQ(holds(&f, NOW, row->name, &r), row->runs > 0);
    fixture_done(&f);
}

static enum err fail_to_write(void *ctx, struct st_tx *tx)
{
    (void)ctx;
    (void)tx;
    return ERR_STORE_WRITE_FAILED;
}

TEST(reasons, a_write_that_failed_is_one_for_a_minute)
{
    struct fixture f;
    struct eng_reason r;
    fixture_init(&f, kit_workflows());
    CHECK(!holds(&f, NOW, "store_error", &r));
    CHECK_ERR(st_write(f.engine->store, fail_to_write, NULL),
              ERR_STORE_WRITE_FAILED);
    CHECK(holds(&f, NOW, "store_error", &r));
    CHECK_INT_EQ(r.value, 1);
    CHECK_INT_EQ(r.weight, ENG_DEGRADES);
    CHECK(holds(&f, NOW + 59 * NS_PER_S, "store_error", &r));
    CHECK(!holds(&f, NOW + 60 * NS_PER_S, "store_error", &r));
    fixture_done(&f);
}

/* What lies behind the last frame of a log is nothing to SQLite. */
TEST(reasons, a_log_of_more_than_64_mib_is_one_until_it_shrinks)
{
    struct fixture f;
    struct eng_reason r;
    fixture_init(&f, kit_workflows());
    const char *wal = arena_printf(test_arena(), "%s-wal",
                                   f.engine->store->path).p;
    CHECK_INT_EQ(truncate(wal, 64 << 20), 0);
    CHECK(!holds(&f, NOW, "wal_large", &r));
    CHECK_INT_EQ(truncate(wal, (64 << 20) + 1), 0);
    CHECK(holds(&f, NOW, "wal_large", &r));
    CHECK_INT_EQ(r.value, (64 << 20) + 1);
    CHECK_INT_EQ(r.threshold, 64 << 20);
    CHECK_INT_EQ(truncate(wal, 0), 0);
    CHECK(!holds(&f, NOW, "wal_large", &r));
    fixture_done(&f);
}

static enum err do_nothing(struct st_job *job, struct st_tx *tx)
{
    (void)job;
    (void)tx;
    return OK;
}

static atomic_bool written;

static void note_written(struct st_job *job, enum err e)
{
    (void)job;
    CHECK_OK(e);
    written = true;
}

/* Somebody has the write connection and does nothing with it: what a writer that died looks like
 * from outside. */
TEST(reasons, a_writer_that_takes_no_job_for_a_minute_fails_the_process)
{
    struct fixture f;
    struct eng_reason r;
    struct st_job job = {.run = do_nothing, .done = note_written};
    clock_fake(NOW, INT64_C(1800000000000));
    fixture_init(&f, kit_workflows());
    struct st_store *s = f.engine->store;
    for (bool busy = true; busy; usleep(1000)) {
        lock_take(&s->lock);
        busy = s->serving;
        s->serving = true;
        lock_drop(&s->lock);
    }
    clock_fake_advance(3600 * NS_PER_S); /* idle is not dead */
    CHECK(!holds(&f, clock_now(), "writer_stalled", &r));
    CHECK_OK(st_submit(s, &job));
    clock_fake_advance(60 * NS_PER_S - 1);
    CHECK(!holds(&f, clock_now(), "writer_stalled", &r));
    clock_fake_advance(1);
    CHECK(holds(&f, clock_now(), "writer_stalled", &r));
    CHECK_INT_EQ(r.weight, ENG_FAILS);
    CHECK_INT_EQ(r.value, 60000);
    CHECK_INT_EQ(r.threshold, 60000);
    lock_take(&s->lock);
    s->called = true;
    cond_signal(&s->writer_called);
    lock_drop(&s->lock);
    while (!written) usleep(1000);
    while (holds(&f, clock_now(), "writer_stalled", &r)) usleep(1000);
    fixture_done(&f);
    clock_real();
}

/* --- all of them ---------------------------------------------------------- */

TEST(reasons, every_one_of_the_document_has_its_row)
{
    static const char *const names[] = {
        "cache_double_loads", "cache_lock_waits", "cache_hit_rate",
        "cache_duplicate_runs", "permit_leak", "permits_exhausted",
        "queue_full", "loop_lag", "loop_stalled", "writer_slow", "store_error",
        "wal_large", "watch_degraded", "provider_open", "connections_full",
        "health_file", "abandoned_work", "disk_low", "memory_high",
        "store_failed", "writer_stalled", "store_replaced",
        "permit_release_error", "cache_double_loads_high"};
    size_t known = 0;
    while (cli__health_reason_name(known)) known++;
    CHECK_INT_EQ(known, sizeof(names) / sizeof(names[0]));
    for (size_t i = 0; i < known; i++) {
        size_t k = 0;
        while (k < known &&
               strcmp(names[i], cli__health_reason_name(k)) != 0)
            k++;
        if (k == known) FAIL("no row for %s", names[i]);
    }
}
