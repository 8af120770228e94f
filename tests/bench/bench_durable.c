/*
 * complete_phase as clients get it, durable (synchronous=FULL): one client
 * beside a bare commit of the same rows, eight and sixty-four beside one, and
 * HTTP beside a floor that writes the same rows behind evhttp. Permits are the
 * defaults: 24 calls at work at once, 64 that wait for up to 250 ms.
 *
 *   build/phasegate-tests --benchmark-only tests/bench/bench_durable.c
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "state/store_private.h"
#include "tests/bench/rows.h"
#include "tests/bench/serving.h"
#include "tests/unit/session_kit.h"
#include "tests/unit/store_fixture.h"

/* A client takes a session through its phases, then the next; of 8 and of 64
 * clients each has as many in each round. */
enum { PHASES = ROWS_PHASES, COMMITS = 2 * 64 * PHASES };

/* --- the floor: one connection, SQLite's own checkpoints ------------------ */
enum { BARE_SESSIONS = DUEL_ROUNDS * COMMITS / PHASES };
struct bare {
    struct st_conn *c;
    struct rows_client clients[BARE_SESSIONS];
    size_t used;
    int cpu;
};

static void bare_begin(struct bare *b, int cpu)
{
    struct st_store *s = open_store();
    *b = (struct bare){.cpu = cpu};
    for (int i = 0; i < BARE_SESSIONS; i++) {
        rows_init(&b->clients[i], i);
        CHECK_OK(st_write(s, rows_begin, &b->clients[i]));
    }
    st_store_close(s);
    CHECK_OK(st__conn_open(beside(""), true, ST_FULL, 1000, &b->c));
    sqlite3_wal_autocheckpoint(b->c->db, 1000);
    b->c->tx.open = true;
}

static void bare_run(void *ctx, double *ret)
{
    struct bare *b = ctx;
    double took[COMMITS];
    stand_on(b->cpu);
    for (int i = 0; i < COMMITS; i++) {
        struct rows_client *c = &b->clients[b->used++ / PHASES];
        double from = seconds_now();
        CHECK_OK(st__conn_run(b->c, STMT_BEGIN_WRITE));
        CHECK_OK(rows_complete(c, &b->c->tx));
        CHECK_OK(st__conn_run(b->c, STMT_COMMIT));
        took[i] = seconds_now() - from;
        c->row.version++;
    }
    sort_doubles(took, COMMITS);
    ret[LOAD_P50] = share_of(took, COMMITS, 0.5) * 1e6;
}

/* --- ours: sessions, and each phase of each once ---------------------------
 */
struct phases {
    struct server *s;
    struct load load;
    struct slice *requests;
    size_t count, used;
    int cpu;
};

static struct slice complete_of(const char *id, int phase, int port)
{
    struct slice m = message_of(
        "complete_phase", arena_printf(test_arena(),
                                       "{\"session_id\":\"%s\",\"phase\":%d,"
                                       "\"evidence\":" KIT_GOOD "}",
                                       id, phase)
                              .p);
    return port ? post_of("complete_phase", m, port) : line_of(m);
}

static const char *three_new(struct server *s, int i)
{
    const struct json *r = stdio_tool(
        s, "start_workflow",
        arena_printf(test_arena(),
                     "{\"workflow_type\":\"three_v1\",\"target\":\"t%d\"}", i)
            .p);
    return arena_cstr(test_arena(), json_text(json_at(r, "structuredContent",
                                                      "session_id", NULL)));
}

/* `apart`: how many sessions are at work at once. The calls of one are so many
 * requests apart. */
static void phases_begin(struct phases *p, struct server *s, bool http,
                         int in_flight, size_t apart)
{
    static int made;
    size_t sessions = DUEL_ROUNDS * COMMITS / PHASES;
    int port = http ? server_port(s) : 0;
    *p = (struct phases){.s = s, .count = sessions * PHASES, .cpu = -1};
    p->requests = calloc(p->count, sizeof *p->requests);
    for (size_t i = 0; i < sessions; i++) {
        const char *id = three_new(s, made++);
        size_t first = i / apart * apart * PHASES + i % apart;
        for (size_t k = 0; k < PHASES; k++)
            p->requests[first + k * apart] = complete_of(id, (int)k, port);
    }
    p->load = (struct load){
        .port = port, .s = s, .in_flight = in_flight, .own = true};
}

static void phases_run(void *ctx, double *ret)
{
    struct phases *p = ctx;
    p->load.requests = p->requests + p->used;
    p->load.request_count = p->load.answers = COMMITS;
    p->used += COMMITS;
    CHECK(p->used <= p->count);
    stand_on(p->cpu);
    load_side(&p->load, ret);
}

static struct server *three_server(int cpu)
{
    const char *args[] = {"--workflows", kit_workflows(), NULL};
    return serve_on(cpu, NULL, args);
}

/* --- one client
 * ---------------------------------------------------------------
 */
static void one_client(int cpu, size_t apart, struct duel *d)
{
    static struct bare b;
    static struct phases p;
    phases_begin(&p, three_server(cpu), false, 1, apart);
    p.cpu = cpu;
    bare_begin(&b, cpu);
    duel_run((struct side){phases_run, &p}, (struct side){bare_run, &b},
             DUEL_ROUNDS, d);
    stand_on(-1);
}

BENCH(durable, one_client_on_one_processor, .timeout_s = 300)
{
    struct duel d;
    (void)bench;
    one_client(0, 1, &d);
    duel_tell(&d, LOAD_P50, "complete_phase, one client, pinned, p50", "us",
              BAR_RATIO_MOST, 1.25);
}

BENCH(durable, one_client_on_any_processor, .timeout_s = 300)
{
    struct duel d;
    (void)bench;
    one_client(-1, 1, &d);
    duel_tell(&d, LOAD_P50, "complete_phase, one client, p50", "us",
              BAR_RATIO_MOST, 1.6);
}

/* Each call of a session that has left the caches meanwhile: 256 others are at
 * work, and 100 are kept. */
BENCH(durable, one_client_and_a_session_of_no_cache, .timeout_s = 300)
{
    struct duel d;
    (void)bench;
    one_client(0, 256, &d);
    duel_tell(&d, LOAD_P50, "complete_phase, one client, in no cache, p50",
              "us", BAR_NONE, 0);
}

/* --- several clients ------------------------------------------------------ */
static void clients_duel(int n, struct duel *d)
{
    static struct phases one, many;
    struct server *s = three_server(-1);
    phases_begin(&one, s, true, 1, 1);
    phases_begin(&many, s, true, n, (size_t)n);
    duel_run((struct side){phases_run, &many}, (struct side){phases_run, &one},
             DUEL_ROUNDS, d);
}

BENCH(durable, eight_clients, .timeout_s = 300)
{
    struct duel d;
    (void)bench;
    clients_duel(8, &d);
    duel_tell(&d, LOAD_PER_S, "complete_phase, 8 clients beside one", "1/s",
              BAR_RATIO_LEAST, 2.5);
}

BENCH(durable, sixty_four_clients, .timeout_s = 300)
{
    struct duel d;
    (void)bench;
    clients_duel(64, &d);
    duel_tell(&d, LOAD_PER_S, "complete_phase, 64 clients beside one", "1/s",
              BAR_RATIO_LEAST, 5);
}

BENCH(durable, sixty_four_beside_a_floor_behind_evhttp, .timeout_s = 300)
{
    struct duel d;
    static struct phases p;
    int port;
    (void)bench;
    struct server *s = three_server(-1);
    phases_begin(&p, s, true, 64, 64);
    struct slice answer = answer_of(
        s, message_of("complete_phase",
                      arena_printf(test_arena(),
                                   "{\"session_id\":\"%s\",\"phase\":0,"
                                   "\"evidence\":" KIT_GOOD "}",
                                   three_new(s, 1000000))
                          .p));
    struct server *floor = floor_start("writer", -1, answer, true, &port);
    struct slice request = post_of("complete_phase", SLICE("{}"), port);
    struct load l = {.requests = &request,
                     .request_count = 1,
                     .port = port,
                     .s = floor,
                     .in_flight = 64,
                     .answers = COMMITS};
    duel_run((struct side){phases_run, &p}, (struct side){load_side, &l},
             DUEL_ROUNDS, &d);
    duel_tell(&d, LOAD_PER_S, "complete_phase over HTTP, 64 connections", "1/s",
              BAR_RATIO_LEAST, 0.7);
    duel_tell(&d, LOAD_CPU, "complete_phase over HTTP, 64, processor", "us",
              BAR_NONE, 0);
}
