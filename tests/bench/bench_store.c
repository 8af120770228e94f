/*
 * What durability costs, and what the writer thread adds to it. The rows are
 * those of a completed phase: the session, an event, its evidence; and the same
 * rows through a bare connection.
 *
 *   build/phasegate-tests --benchmark-only tests/bench/bench_store.c
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "state/store_private.h"
#include "tests/bench/duel.h"
#include "tests/bench/rows.h"
#include "tests/unit/store_fixture.h"

#define BENCH_NS (700 * NS_PER_MS)
#define SAMPLES 200000

struct run {
    struct st_store *s;
    int64_t until;
    int64_t *took;
    _Atomic size_t count;
    struct rows_client clients[64];
};

static void keep(struct run *r, int64_t ns)
{
    size_t at = atomic_fetch_add(&r->count, 1);
    if (at < SAMPLES) r->took[at] = ns;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void client_thread(void *ctx, int i)
{
    struct run *r = ctx;
    struct rows_client *c = &r->clients[i];
    for (int64_t from = clock_now(), now; from < r->until; from = now) {
        CHECK_OK(st_write(r->s, rows_complete, c));
        c->row.version++;
        now = clock_now();
        keep(r, now - from);
    }
}

/* The floor: one thread, one connection, SQLite's own checkpoints. */
static void bare(struct run *r)
{
    struct st_conn *c = NULL;
    struct rows_client *cl = &r->clients[0];
    CHECK_OK(st__conn_open(beside(""), true, ST_FULL, 1000, &c));
    sqlite3_wal_autocheckpoint(c->db, 1000);
    c->tx.open = true;
    for (int64_t from = clock_now(), now; from < r->until; from = now) {
        CHECK_OK(st__conn_run(c, STMT_BEGIN_WRITE));
        CHECK_OK(rows_complete(cl, &c->tx));
        CHECK_OK(st__conn_run(c, STMT_COMMIT));
        cl->row.version++;
        now = clock_now();
        keep(r, now - from);
    }
    st__conn_close(c);
}

struct bench_row {
    const char *name;
    int clients; /* 0: bare */
};

TEST_EACH(bench_store, durable_commits, struct bench_row, row, {"bare", 0},
          {"one client", 1}, {"8 clients", 8}, {"64 clients", 64})
{
    if (test_sanitized()) test_skip("an instrumented build is not measured");
    static struct run r;
    r.s = open_store();
    r.took = arena_array(test_arena(), SAMPLES, sizeof(*r.took));
    CHECK(r.took);
    for (int i = 0; i < 64; i++) {
        rows_init(&r.clients[i], i);
        CHECK_OK(st_write(r.s, rows_begin, &r.clients[i]));
    }
    if (!row->clients) st_store_close(r.s);
    int64_t from = clock_now();
    r.until = from + BENCH_NS;
    if (row->clients)
        test_threads(row->clients, client_thread, &r);
    else
        bare(&r);
    double seconds = (double)(clock_now() - from) / (double)NS_PER_S;
    size_t n = r.count < SAMPLES ? r.count : SAMPLES;
    qsort(r.took, n, sizeof(*r.took), by_size);
    char name[64];
    snprintf(name, sizeof(name), "the store's commits, %s", row->name);
    figure_tell(name, "1/s", (double)r.count / seconds, BAR_NONE, 0);
    snprintf(name, sizeof(name), "the store's commits, %s, p50", row->name);
    figure_tell(name, "us", (double)r.took[n / 2] / 1000, BAR_NONE, 0);
    if (row->clients) st_store_close(r.s);
}

/* What a loop pays to know that a cached session is still the newest. */
BENCH(bench_store, a_stamp)
{
    struct st_store *s = open_store();
    while (bench_next(bench)) bench_use(st_stamp(s));
    st_store_close(s);
}
