/* What the keeper finds wrong with the process, at times of the test's own. */
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/health.h"
#include "engine/core.h"
#include "mcp/server.h"
#include "tests/unit/hang_kit.h"
#include "tests/unit/session_kit.h"

struct body {
    struct fixture f;
    struct permits *permits;
    struct mcp_server *mcp;
    struct tp_loop *loop;
    struct cli_health *health;
};

/* A healthy process: an engine, a loop, nothing to do. */
static void body_make_within(struct body *b, int64_t collect_ms)
{
    struct permit_options limits;
    static const struct mcp_server_config conf = {.name = "x", .version = "1"};
    *b = (struct body){0};
    fixture_init(&b->f, kit_workflows());
    permit_options_init(&limits);
    CHECK_OK(permits_new(&limits, &b->permits));
    CHECK_OK(mcp_server_new(&conf, &b->mcp));
    CHECK_OK(tp_loop_new("http", TP_LOOP_NET, &b->loop));
    CHECK_OK(tp_loop_start(b->loop));
    struct cli_health_config c = {.engine = b->f.engine,
                                  .pool = b->f.pool,
                                  .mcp = b->mcp,
                                  .permits = b->permits,
                                  .root = b->f.root,
                                  .version = SLICE("1"),
                                  .file_ms = 10000,
                                  .loop_lag_ms = 60000,
                                  .loop_stall_ms = 5000,
                                  .memory_warn_mb = 1 << 20,
                                  .writer_slow_ms = 2000,
                                  .collect_ms = collect_ms,
                                  .permits_check_ms = 30000};
    CHECK_OK(cli_health_new(&c, &b->health));
    cli_health_watch(b->health, NULL, b->loop);
}

static void body_make(struct body *b)
{
    body_make_within(b, INT64_C(1) << 20);
}

static void body_done(struct body *b)
{
    tp_loop_stop(b->loop);
    cli_health_free(b->health);
    tp_loop_free(b->loop);
    mcp_server_free(b->mcp);
    fixture_done(&b->f);
    permits_free(b->permits);
}

/* What the reason is about; NULL: it does not hold. */
static const char *about(struct body *b, const char *reason)
{
    const struct cli_facts *f = cli_health_facts(b->health);
    for (size_t i = 0; i < f->reasons_count; i++)
        if (strcmp(f->reasons[i].name, reason) == 0)
            return f->reasons[i].about;
    return NULL;
}

static const char *file_of(struct body *b)
{
    return arena_cstr(test_arena(),
                      arena_printf(test_arena(),
                                   "%.*s/.phasegate/health/%d.json",
                                   SLICE_ARG(b->f.root), (int)getpid()));
}

/* --- a loop
 * ------------------------------------------------------------------- */

struct sleeper {
    struct mcp_mail mail; /* first */
    _Atomic bool sleeps, wake;
};

static void sleep_on(struct mcp_mail *m)
{
    struct sleeper *s = (struct sleeper *)m;
    s->sleeps = true;
    while (!s->wake) usleep(1000);
    s->sleeps = false;
}

/* G05 */
TEST(wellbeing, a_loop_that_sleeps_for_six_seconds_is_named_while_it_lasts)
{
    struct body b;
    struct sleeper s = {.mail = {.run = sleep_on}};
    struct tp_beat beat;
    body_make(&b);
    struct mcp_mailbox *box = tp_loop_mailbox(b.loop);
    int64_t began = clock_now();
    cli_health_tick(b.health, began);
    CHECK(!about(&b, "loop_stalled"));
    box->post(box, &s.mail);
    while (!s.sleeps) usleep(1000);
    tp_loop_beat(b.loop, &beat);
    for (int i = 1; i <= 6; i++) /* the keeper goes on meanwhile */
        cli_health_tick(b.health, beat.at + i * NS_PER_S);
    CHECK_TEXT_EQ(slice_of(about(&b, "loop_stalled")), "http");
    CHECK(cli_health_facts(b.health)->worst == ENG_DEGRADES);
    CHECK_INT_EQ(unlink(file_of(&b)), 0); /* and the file keeps its period */
    cli_health_tick(b.health, began + 10 * NS_PER_S);
    CHECK_INT_EQ(access(file_of(&b), F_OK), 0);
    s.wake = true;
    while (s.sleeps) usleep(1000);
    do { /* its next beat */
        usleep(1000);
        tp_loop_beat(b.loop, &beat);
        cli_health_tick(b.health, beat.at);
    } while (about(&b, "loop_stalled"));
    body_done(&b);
}

/* --- the file
 * ------------------------------------------------------------------ */

static atomic_int errors_told;

static void count_errors(void *ctx, struct slice line)
{
    (void)ctx;
    if (slice_find(line, SLICE("health file not written")) < line.n)
        errors_told++;
}

/* G06 */
TEST(wellbeing, a_folder_that_takes_no_file_for_35_seconds_is_told_once)
{
    struct body b;
    body_make(&b);
    int64_t began = clock_now();
    cli_health_tick(b.health, began);
    CHECK_INT_EQ(access(file_of(&b), F_OK), 0);
    struct slice folder = arena_printf(test_arena(), "%.*s/.phasegate/health",
                                       SLICE_ARG(b.f.root));
    struct slice aside =
        arena_printf(test_arena(), "%.*s.aside", SLICE_ARG(folder));
    /* A file in its place: not even root can write into it. */
    CHECK_INT_EQ(rename(folder.p, aside.p), 0);
    CHECK_OK(file_write_atomic(folder, SLICE("in the way"), 0600));
    log_divert(count_errors, NULL);
    int s = 1;
    for (; s <= 35; s++) { /* three periods of 10 s without one */
        cli_health_tick(b.health, began + s * NS_PER_S);
        CHECK_INT_EQ(about(&b, "health_file") != NULL, s >= 30);
        CHECK_INT_EQ(errors_told, s >= 30);
    }
    CHECK(cli_health_facts(b.health)->worst == ENG_DEGRADES);
    CHECK_INT_EQ(unlink(folder.p), 0);
    CHECK_INT_EQ(rename(aside.p, folder.p), 0);
    for (; s <= 41; s++) cli_health_tick(b.health, began + s * NS_PER_S);
    CHECK(!about(&b, "health_file"));
    CHECK_INT_EQ(access(file_of(&b), F_OK), 0);
    CHECK_INT_EQ(errors_told, 1);
    log_divert(NULL, NULL);
    body_done(&b);
}

/* --- the writer, and a look that takes too long --------------------------- */

struct slow_write {
    struct st_job job; /* first */
    _Atomic bool begun, may_end, ended;
};

static enum err write_slowly(struct st_job *job, struct st_tx *tx)
{
    struct slow_write *w = (struct slow_write *)job;
    (void)tx;
    w->begun = true;
    while (!w->may_end) usleep(1000);
    return OK;
}

static void write_ended(struct st_job *job, enum err e)
{
    struct slow_write *w = (struct slow_write *)job;
    CHECK_OK(e);
    w->ended = true;
}

TEST(wellbeing, a_write_of_more_than_two_seconds_is_a_reason_while_it_lasts)
{
    struct body b;
    struct slow_write w = {.job = {.run = write_slowly, .done = write_ended}};
    clock_fake(1000 * NS_PER_S, INT64_C(1800000000000));
    body_make(&b);
    CHECK_OK(st_submit(b.f.engine->store, &w.job));
    while (!w.begun) usleep(1000);
    clock_fake_advance(2 * NS_PER_S);
    cli_health_tick(b.health, clock_now());
    CHECK(!about(&b, "writer_slow"));
    clock_fake_advance(NS_PER_MS);
    cli_health_tick(b.health, clock_now());
    CHECK(about(&b, "writer_slow") != NULL);
    CHECK(cli_health_facts(b.health)->worst == ENG_DEGRADES);
    w.may_end = true;
    while (!w.ended) usleep(1000);
    do {
        usleep(1000);
        cli_health_tick(b.health, clock_now());
    } while (about(&b, "writer_slow"));
    body_done(&b);
    clock_real();
}

/* --- what hangs ----------------------------------------------------------- */

static struct slice file_text(struct body *b)
{
    struct slice text;
    CHECK_OK(file_read(slice_of(file_of(b)), 1 << 20, test_arena(), &text));
    return text;
}

static bool tells(struct body *b, const char *name)
{
    struct slice text = file_text(b);
    struct slice member = arena_printf(test_arena(), "\n  \"%s\": ", name);
    return slice_find(text, member) < text.n;
}

/* Sorted at every level, two spaces a level. */
TEST(wellbeing, the_file_is_sorted_and_indented)
{
    struct body b;
    const struct json *v;
    struct json_error je;
    body_make(&b);
    cli_health_tick(b.health, clock_now());
    struct slice text = file_text(&b);
    CHECK_OK(json_parse(text, NULL, test_arena(), &v, &je));
    CHECK(slice_starts(text, SLICE("{\n  \"caches\": {\n    \"")));
    CHECK(slice_ends(text, SLICE("\n}\n")));
    const struct json *cache =
        &json_get(v, SLICE("caches"))->members[0].value;
    for (uint32_t i = 1; i < v->count; i++)
        CHECK_INT_LT(slice_cmp(v->members[i - 1].key, v->members[i].key), 0);
    CHECK_INT_GT(cache->count, 10);
    for (uint32_t i = 1; i < cache->count; i++)
        CHECK_INT_LT(
            slice_cmp(cache->members[i - 1].key, cache->members[i].key), 0);
    body_done(&b);
}

struct part_hung {
    const char *label;
    enum hang hang;
    const char *part, *others[6];
};

/* G.3: left out and named, the file is written all the same, and in the rounds
 * after it nobody waits for it again. */
TEST_EACH(wellbeing, what_hangs_is_named_and_keeps_nobody_else, struct part_hung,
          row,
          {"the disk", HANG_DISK, "store", {"watch", "writer", "sessions"}},
          {"a walk", HANG_WALK, "watch", {"store", "writer", "sessions"}})
{
    enum { COLLECT_MS = 1500 };
    struct body b;
    body_make_within(&b, COLLECT_MS);
    int64_t now = clock_now();
    do { /* all is told, however slow this machine is just now */
        now += 10 * NS_PER_S;
        cli_health_tick(b.health, now);
    } while (tells(&b, "missing"));
    CHECK(tells(&b, row->part));
    hang = row->hang;
    if (row->hang == HANG_WALK) /* a folder that comes is walked to */
        CHECK_OK(path_make(arena_printf(test_arena(), "%.*s/new",
                                        SLICE_ARG(b.f.workflows)),
                           0755));
    while (row->hang == HANG_WALK && !hanging) usleep(1000);
    cli_health_tick(b.health, now += 10 * NS_PER_S);
    while (!hanging) usleep(1000); /* and it hangs still */
    CHECK(tells(&b, "missing"));
    CHECK_CONTAINS(file_text(&b),
                   arena_printf(test_arena(), "\"missing\": [\n    \"%s\"\n  ]",
                                row->part)
                       .p);
    CHECK(!tells(&b, row->part));
    for (int i = 0; row->others[i]; i++) CHECK(tells(&b, row->others[i]));
    int64_t began = clock_now();
    for (int i = 0; i < 20; i++)
        cli_health_tick(b.health, now += 10 * NS_PER_S);
    CHECK_INT_LT((clock_now() - began) / NS_PER_MS, 10 * COLLECT_MS);
    CHECK_INT_EQ(hanging, 1);
    CHECK(!tells(&b, row->part));
    hang = HANG_NONE;
    do cli_health_tick(b.health, now += 10 * NS_PER_S);
    while (tells(&b, "missing"));
    CHECK(tells(&b, row->part));
    body_done(&b);
}

/* Who watches the loops is watched by who asks. */
TEST(wellbeing, a_keeper_that_does_not_come_round_is_told_by_whoever_asks)
{
    struct body b;
    struct buf text = BUF_INIT(1 << 20);
    struct json_writer w = json_writer(&text);
    body_make(&b);
    cli_health_tick(b.health, clock_now() - 6 * NS_PER_S);
    cli_health_brief(b.health, &w);
    CHECK_CONTAINS(buf_slice(&text), "\"loop_stalled\"");
    CHECK_CONTAINS(buf_slice(&text), "\"keeper\"");
    CHECK_CONTAINS(buf_slice(&text), "\"status\":\"degraded\"");
    buf_clear(&text);
    cli_health_tick(b.health, clock_now());
    w = json_writer(&text);
    cli_health_brief(b.health, &w);
    CHECK_CONTAINS(buf_slice(&text), "\"status\":\"ok\"");
    buf_done(&text);
    body_done(&b);
}
