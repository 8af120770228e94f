/*
 * What durability costs, and what the writer thread adds to it. The rows are
 * those of a completed phase: the session, an event, its evidence. One JSON
 * line per row of the table, and the same rows through a bare connection:
 *
 *   build/phasegate-tests -s tests/bench/bench_store.c
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "state/store_private.h"
#include "tests/unit/store_fixture.h"

#define BENCH_NS (700 * NS_PER_MS)
#define SAMPLES 200000

struct client {
    struct st_session row;
    struct st_event event;
    struct st_evidence evidence;
    char id[40];
};

static const char body[] =
    "{\"summary\":\"All unit tests pass after the change to the retry loop; "
    "the flaky case ran 200 times.\",\"tests_passing\":148,\"reviewed\":true}";

static void client_init(struct client *c, int i)
{
    *c = (struct client){.row = some_session("")};
    snprintf(c->id, sizeof(c->id), "7d2c1f0e-93ab-4c58-9d3f-%012d", i);
    c->row.id = slice_of(c->id);
    c->row.detail = slice_of(body);
    c->event = (struct st_event){.session_id = c->row.id,
                                 .type = SLICE("phase_completed"),
                                 .actor = SLICE("agent"),
                                 .data = SLICE("{\"phase\":1}")};
    c->evidence = (struct st_evidence){.session_id = c->row.id,
                                       .passed = true,
                                       .body = slice_of(body),
                                       .verdict = SLICE("{}")};
}

static enum err complete(void *ctx, struct st_tx *tx)
{
    struct client *c = ctx;
    struct st_session row = c->row;
    row.version++;
    row.updated_ms = row.version;
    c->event.seq = c->evidence.event_seq = row.version;
    enum err e = st_session_update(tx, &row, c->row.version);
    if (!e) e = st_event_append(tx, &c->event);
    if (!e) e = st_evidence_insert(tx, &c->evidence);
    return e;
}

struct run {
    struct st_store *s;
    int64_t until;
    int64_t *took;
    _Atomic size_t count;
    struct client clients[64];
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
    struct client *c = &r->clients[i];
    for (int64_t from = clock_now(), now; from < r->until; from = now) {
        CHECK_OK(st_write(r->s, complete, c));
        c->row.version++;
        now = clock_now();
        keep(r, now - from);
    }
}

/* The floor: one thread, one connection, SQLite's own checkpoints. */
static void bare(struct run *r)
{
    struct st_conn *c = NULL;
    struct client *cl = &r->clients[0];
    CHECK_OK(st__conn_open(beside(""), true, ST_FULL, 1000, &c));
    sqlite3_wal_autocheckpoint(c->db, 1000);
    c->tx.open = true;
    for (int64_t from = clock_now(), now; from < r->until; from = now) {
        CHECK_OK(st__conn_run(c, STMT_BEGIN_WRITE));
        CHECK_OK(complete(cl, &c->tx));
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
        client_init(&r.clients[i], i);
        CHECK_OK(st_write(r.s, insert_session, &r.clients[i].row));
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
    printf("{\"bench\":\"store\",\"row\":\"%s\",\"calls_per_s\":%.0f,"
           "\"p50_us\":%.0f,\"p99_us\":%.0f,\"max_us\":%.0f}\n",
           row->name, (double)r.count / seconds, (double)r.took[n / 2] / 1000,
           (double)r.took[n * 99 / 100] / 1000, (double)r.took[n - 1] / 1000);
    if (row->clients) st_store_close(r.s);
}

/* What a loop pays to know that a cached session is still the newest. */
BENCH(bench_store, a_stamp)
{
    struct st_store *s = open_store();
    while (bench_next(bench)) bench_use(st_stamp(s));
    st_store_close(s);
}
