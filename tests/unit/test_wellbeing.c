/* What the keeper finds wrong with the process, at times of the test's own. */
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/health.h"
#include "engine/core.h"
#include "mcp/server.h"
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

TEST(wellbeing, what_no_time_was_left_for_is_named_and_the_file_written)
{
    struct body b;
    struct slice text;
    body_make_within(&b, -1);
    cli_health_tick(b.health, clock_now());
    CHECK_OK(file_read(slice_of(file_of(&b)), 1 << 20, test_arena(), &text));
    CHECK_CONTAINS(text, "\"missing\":");
    CHECK_CONTAINS(text, "\"sessions\"");
    CHECK_CONTAINS(text, "\"status\":");
    CHECK_INT_EQ(slice_find(text, SLICE("\"rss_bytes\"")), text.n);
    CHECK_INT_EQ(slice_find(text, SLICE("\"caches\":")), text.n);
    body_done(&b);
}
