/* Sessions in which nothing happens: they expire by an event, can be read and
 * opened again; and what leaves the default list. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "engine/core.h"
#include "engine/op.h"
#include "tests/unit/session_kit.h"

enum { IDLE_S = 60, SWEEP_MS = 1000 };

/* On stopped clocks. */
static void expiring(struct fixture *f)
{
    clock_fake(1000 * NS_PER_S, INT64_C(1800000000000));
    fixture_init(f, kit_workflows());
    f->sessions = (struct eng_sessions_options){.idle_expire_s = IDLE_S,
                                                .sweep_ms = SWEEP_MS};
    fixture_restart(f);
}

static void round_of(struct fixture *f)
{
    eng_tick(f->engine, clock_now());
    while (!eng_tick_over(f->engine)) sched_yield();
}

/* And the clock, by so much. */
static void later(struct fixture *f, int64_t ms)
{
    clock_fake_advance(ms * NS_PER_MS);
    round_of(f);
}

/* As the list tells it: that is no read of the session. */
static struct slice status_of(struct fixture *f, struct slice id)
{
    struct outcome o;
    struct slice status = {0};
    const struct eng_list_sessions_args all = {.limit = 1000, .archived = true};
    CHECK_OK(CALL(&o, eng_list_sessions(f->engine, &o.call, &all)));
    const struct json *list = json_get(o.out, SLICE("sessions"));
    for (size_t i = 0; i < list->count; i++)
        if (slice_eq(json_text(json_get(&list->items[i], SLICE("session_id"))),
                     id))
            status = slice_of(kit_text(&list->items[i], "status"));
    outcome_done(&o);
    return status;
}

static size_t events_of(struct fixture *f, struct slice id, const char *type)
{
    struct outcome o;
    size_t n = 0;
    CHECK_OK(kit_session(f, &o, id));
    const struct json *list = json_get(o.out, SLICE("history"));
    for (size_t i = 0; i < list->count; i++)
        n += slice_eq(json_text(json_get(&list->items[i], SLICE("type"))),
                      slice_of(type));
    outcome_done(&o);
    return n;
}

static void manage(struct fixture *f, struct slice id, const char *action)
{
    struct outcome o;
    CHECK_OK(kit_manage(f, &o, id, action, ENG_ABSENT, false, NULL));
    outcome_done(&o);
}

static void check_intact(struct fixture *f)
{
    struct outcome o;
    struct eng_verify_args all = {0};
    CHECK_OK(CALL(&o, eng_verify(f->engine, &o.call, &all)));
    if (!json_is(json_get(o.out, SLICE("intact")), JSON_TRUE))
        FAIL("%.*s", SLICE_ARG(buf_slice(&o.twin.plain)));
    outcome_done(&o);
}

/* --- when ----------------------------------------------------------------- */

TEST(expire, nothing_expires_unless_it_is_asked_for)
{
    struct fixture f;
    clock_fake(1000 * NS_PER_S, INT64_C(1800000000000));
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x");
    later(&f, INT64_C(100) * 365 * 86400 * 1000);
    CHECK_TEXT_EQ(status_of(&f, id), "active");
    fixture_done(&f);
}

TEST(expire, a_session_expires_at_the_moment_and_not_a_millisecond_before)
{
    struct fixture f;
    struct outcome o;
    expiring(&f);
    struct slice id = kit_begin(&f, "x");
    later(&f, IDLE_S * 1000 - 1);
    CHECK_TEXT_EQ(status_of(&f, id), "active");
    later(&f, SWEEP_MS);
    CHECK_TEXT_EQ(status_of(&f, id), "expired");
    CHECK_OK(kit_session(&f, &o, id));
    const struct json *ev = &json_get(o.out, SLICE("history"))->items[1];
    CHECK_TEXT_EQ(json_text(json_get(ev, SLICE("type"))), "session_expired");
    CHECK_TEXT_EQ(json_text(json_get(ev, SLICE("actor"))), "keeper");
    CHECK_INT_EQ(kit_int(json_at(ev, "data", "idle_s", NULL)), IDLE_S);
    CHECK_STR_EQ(kit_text(o.out, "next", "arguments", "action"), "resume");
    outcome_done(&o);
    fixture_done(&f);
}

TEST(expire, to_the_very_millisecond)
{
    struct fixture f;
    expiring(&f);
    struct slice id = kit_begin(&f, "x");
    later(&f, IDLE_S * 1000);
    CHECK_TEXT_EQ(status_of(&f, id), "expired");
    fixture_done(&f);
}

TEST(expire, each_event_begins_the_time_anew)
{
    struct fixture f;
    expiring(&f);
    struct slice id = kit_begin(&f, "x");
    for (int phase = 0; phase < 2; phase++) {
        later(&f, IDLE_S * 1000 - 1);
        kit_pass(&f, id, phase);
    }
    later(&f, IDLE_S * 1000 - 1);
    CHECK_TEXT_EQ(status_of(&f, id), "active");
    fixture_done(&f);
}

static enum err phase_of(struct fixture *f, struct slice id, bool on_loop)
{
    struct outcome o;
    struct eng_get_phase_args args = {id, ENG_ABSENT};
    outcome_begin(&o);
    o.call.on_loop = on_loop;
    enum err e = outcome_end(&o, eng_get_phase(f->engine, &o.call, &args));
    outcome_done(&o);
    return e;
}

static enum err nothing(void *ctx, struct st_tx *tx)
{
    (void)ctx, (void)tx;
    return OK;
}

/* As a server does: on its loop, or on a worker when that cannot be. What is
 * noted is noted by then. */
static void read_it(struct fixture *f, struct slice id)
{
    while (phase_of(f, id, true) == ERR_AGAIN) CHECK_OK(phase_of(f, id, false));
    CHECK_OK(st_write(eng_store(f->engine), nothing, NULL));
}

TEST(expire, a_session_that_is_read_is_not_idle)
{
    struct fixture f;
    struct outcome o;
    expiring(&f);
    struct slice id = kit_begin(&f, "x");
    for (int minute = 0; minute < 5; minute++) {
        for (int i = 0; i < 3; i++) read_it(&f, id);
        later(&f, 59000);
        read_it(&f, id);
        later(&f, 1000);
        CHECK_TEXT_EQ(status_of(&f, id), "active");
    }
    later(&f, IDLE_S * 1000 - 1);
    CHECK_TEXT_EQ(status_of(&f, id), "active");
    later(&f, SWEEP_MS);
    CHECK_TEXT_EQ(status_of(&f, id), "expired");
    CHECK_OK(kit_session(&f, &o, id));
    const struct json *list = json_get(o.out, SLICE("history"));
    CHECK_INT_EQ(list->count, 2);
    CHECK_INT_EQ(kit_int(json_at(&list->items[1], "data", "idle_s", NULL)),
                 IDLE_S);
    outcome_done(&o);
    check_intact(&f);
    fixture_done(&f);
}

/* Though all it needs is in memory. */
TEST(expire, a_loop_leaves_the_first_read_of_a_minute_to_a_worker)
{
    struct fixture f;
    expiring(&f);
    struct slice id = kit_begin(&f, "x");
    clock_fake_advance(59900 * NS_PER_MS);
    read_it(&f, id);
    clock_fake_advance(200 * NS_PER_MS);
    CHECK_ERR(phase_of(&f, id, true), ERR_AGAIN);
    read_it(&f, id);
    fixture_done(&f);
}

TEST(expire, what_another_process_reads_is_not_idle_here)
{
    struct fixture f, g;
    expiring(&f);
    struct slice id = kit_begin(&f, "x");
    g = f;
    CHECK_OK(pool_new("worker", 2, 64, &g.pool));
    fixture_open(&g);
    clock_fake_advance(IDLE_S * NS_PER_S - NS_PER_MS);
    CHECK_OK(phase_of(&g, id, false));
    fixture_done(&g); /* noted by then */
    later(&f, IDLE_S * 1000);
    CHECK_TEXT_EQ(status_of(&f, id), "active");
    later(&f, IDLE_S * 1000);
    CHECK_TEXT_EQ(status_of(&f, id), "expired");
    fixture_done(&f);
}

TEST(expire, a_wall_clock_that_is_set_back_expires_nothing)
{
    struct fixture f;
    expiring(&f);
    struct slice id = kit_begin(&f, "x");
    clock_fake_jump(-INT64_C(3600000));
    later(&f, INT64_C(3599999));
    CHECK_TEXT_EQ(status_of(&f, id), "active");
    later(&f, IDLE_S * 1000 + 1);
    CHECK_TEXT_EQ(status_of(&f, id), "expired");
    fixture_done(&f);
}

TEST(expire, what_has_ended_stays_as_it_ended)
{
    struct fixture f;
    expiring(&f);
    struct slice done = kit_begin(&f, "done"), left = kit_begin(&f, "left");
    struct slice rests = kit_begin(&f, "rests");
    for (int i = 0; i < 3; i++) kit_pass(&f, done, i);
    manage(&f, left, "abandon");
    manage(&f, rests, "pause");
    later(&f, IDLE_S * 1000);
    CHECK_TEXT_EQ(status_of(&f, done), "completed");
    CHECK_TEXT_EQ(status_of(&f, left), "abandoned");
    CHECK_TEXT_EQ(status_of(&f, rests), "expired");
    fixture_done(&f);
}

TEST(expire, many_expire_in_batches_each_once)
{
    struct fixture f;
    enum { MANY = 230 };
    struct slice id[MANY];
    char target[16];
    expiring(&f);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(target, sizeof(target), "t%d", i);
        id[i] = kit_begin(&f, target);
    }
    size_t marked = 0;
    clock_fake_advance(IDLE_S * NS_PER_S);
    for (int i = 0; i < 3; i++) round_of(&f); /* 100, 100, 30 */
    for (int i = 0; i < MANY; i++) {
        CHECK_TEXT_EQ(status_of(&f, id[i]), "expired");
        marked += events_of(&f, id[i], "session_expired");
    }
    CHECK_INT_EQ(marked, MANY);
    check_intact(&f);
    fixture_done(&f);
}

/* --- what may be done then ------------------------------------------------ */

TEST(expire, an_expired_session_is_read_and_opened_again_where_it_stood)
{
    struct fixture f;
    struct outcome o;
    expiring(&f);
    struct slice id = kit_begin(&f, "x");
    kit_pass(&f, id, 0);
    later(&f, IDLE_S * 1000);
    fixture_restart(&f);
    CHECK_ERR(kit_complete(&f, &o, id, 1, KIT_GOOD), ERR_SESSION_EXPIRED);
    CHECK_CONTAINS(o.call.problem.how_to_fix, "resume");
    outcome_done(&o);
    CHECK_ERR(kit_claim(&f, &o, id, 1, 1, "a"), ERR_SESSION_EXPIRED);
    outcome_done(&o);
    struct eng_get_phase_args get = {id, ENG_ABSENT};
    CHECK_OK(CALL(&o, eng_get_phase(f.engine, &o.call, &get)));
    CHECK_STR_EQ(kit_text(o.out, "next", "arguments", "action"), "resume");
    outcome_done(&o);
    manage(&f, id, "resume");
    CHECK_TEXT_EQ(status_of(&f, id), "active");
    round_of(&f); /* it was opened just now */
    kit_pass(&f, id, 1);
    check_intact(&f);
    fixture_done(&f);
}

TEST(expire, a_start_on_its_target_is_a_new_session)
{
    struct fixture f;
    expiring(&f);
    struct slice id = kit_begin(&f, "x");
    later(&f, IDLE_S * 1000);
    struct slice other = kit_begin(&f, "x");
    CHECK(!slice_eq(id, other));
    manage(&f, id, "resume");
    CHECK_SLICE_EQ(kit_begin(&f, "x"), other); /* of two the newest */
    fixture_done(&f);
}

TEST(expire, the_record_is_verified_exported_and_imported_like_any)
{
    struct fixture f, g = {0};
    struct outcome o;
    expiring(&f);
    struct slice id = kit_begin(&f, "x");
    later(&f, IDLE_S * 1000);
    check_intact(&f);
    struct eng_export_args all = {0};
    CHECK_OK(CALL(&o, eng_export(f.engine, &o.call, &all)));
    g.workflows = f.workflows;
    g.root = arena_printf(test_arena(), "%.*s/other", SLICE_ARG(f.root));
    CHECK_OK(path_make(g.root, 0755));
    CHECK_OK(pool_new("worker", 2, 64, &g.pool));
    fixture_open(&g);
    struct outcome in;
    struct eng_import_args args = {.name = SLICE("a.json"),
                                   .text = buf_slice(&o.twin.plain)};
    CHECK_OK(CALL(&in, eng_import(g.engine, &in.call, &args)));
    CHECK_INT_EQ(json_get(in.out, SLICE("imported"))->count, 1);
    outcome_done(&in);
    outcome_done(&o);
    CHECK_TEXT_EQ(status_of(&g, id), "expired");
    check_intact(&g);
    manage(&g, id, "resume");
    check_intact(&g);
    fixture_done(&g);
    fixture_done(&f);
}

/* --- beside others -------------------------------------------------------- */

static enum err sweep_meanwhile(struct eng_op *op)
{
    struct fixture *f = *(struct fixture *const *)op->args;
    round_of(f);
    buf_puts(&op->call->out->plain, "{}");
    return OK;
}

TEST(expire, a_session_with_a_call_in_its_turn_is_left_alone)
{
    struct fixture f, *at = &f;
    struct outcome o;
    expiring(&f);
    struct slice id = kit_begin(&f, "x");
    clock_fake_advance(IDLE_S * NS_PER_S);
    CHECK_OK(
        CALL(&o, eng__op_run(f.engine, &o.call, id, sweep_meanwhile, &at)));
    outcome_done(&o);
    CHECK_TEXT_EQ(status_of(&f, id), "active");
    later(&f, SWEEP_MS);
    CHECK_TEXT_EQ(status_of(&f, id), "expired");
    fixture_done(&f);
}

static void *sweep_main(void *f)
{
    round_of(f);
    return NULL;
}

/* Two engines are what two processes are: nothing but the file is shared. */
TEST(expire, of_two_that_sweep_at_once_one_marks_each_session)
{
    struct fixture f, g;
    enum { MANY = 40 };
    struct slice id[MANY];
    char target[16];
    pthread_t other;
    expiring(&f);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(target, sizeof(target), "t%d", i);
        id[i] = kit_begin(&f, target);
    }
    g = f;
    CHECK_OK(pool_new("worker", 2, 256, &g.pool));
    fixture_open(&g);
    clock_fake_advance(IDLE_S * NS_PER_S);
    CHECK_INT_EQ(pthread_create(&other, NULL, sweep_main, &g), 0);
    round_of(&f);
    CHECK_INT_EQ(pthread_join(other, NULL), 0);
    uint64_t marked = 0;
    struct eng_facts *facts = arena_alloc(test_arena(), sizeof(*facts));
    struct fixture *both[] = {&f, &g};
    for (int i = 0; i < 2; i++) {
        eng_facts_take(both[i]->engine, clock_now(), facts);
        marked += facts->tally[ENG_TALLY_session_expired];
    }
    CHECK_INT_EQ(marked, MANY);
    for (int i = 0; i < MANY; i++) {
        CHECK_TEXT_EQ(status_of(&f, id[i]), "expired");
        CHECK_INT_EQ(events_of(&g, id[i], "session_expired"), 1);
    }
    check_intact(&f);
    fixture_done(&g);
    fixture_done(&f);
}

/* --- the default list ----------------------------------------------------- */

static size_t listed(struct fixture *f, struct eng_list_sessions_args args)
{
    struct outcome o;
    args.limit = 100;
    CHECK_OK(CALL(&o, eng_list_sessions(f->engine, &o.call, &args)));
    size_t n = json_get(o.out, SLICE("sessions"))->count;
    outcome_done(&o);
    return n;
}

TEST(expire, finished_sessions_leave_the_default_list_after_their_time)
{
    struct fixture f;
    struct outcome o;
    expiring(&f);
    f.sessions.archive_after_s = 100;
    fixture_restart(&f);
    struct slice done = kit_begin(&f, "done"), left = kit_begin(&f, "left");
    kit_begin(&f, "rests"); /* expires in a minute */
    for (int i = 0; i < 3; i++) kit_pass(&f, done, i);
    manage(&f, left, "abandon");
    later(&f, 99999);
    CHECK_INT_EQ(listed(&f, (struct eng_list_sessions_args){0}), 3);
    later(&f, 1);
    CHECK_INT_EQ(listed(&f, (struct eng_list_sessions_args){0}), 2);
    later(&f, 100000);
    CHECK_INT_EQ(listed(&f, (struct eng_list_sessions_args){0}), 1);
    CHECK_INT_EQ(listed(&f, (struct eng_list_sessions_args){.archived = true}),
                 3);
    CHECK_INT_EQ(listed(&f, (struct eng_list_sessions_args){.status = SLICE(
                                                                "completed")}),
                 1);
    struct eng_list_sessions_args args = {.status = SLICE("expired"),
                                          .limit = 5};
    CHECK_OK(CALL(&o, eng_list_sessions(f.engine, &o.call, &args)));
    const struct json *row = &json_get(o.out, SLICE("sessions"))->items[0];
    CHECK(json_is(json_get(row, SLICE("archived")), JSON_TRUE));
    outcome_done(&o);
    CHECK_TEXT_EQ(status_of(&f, done), "completed"); /* by its id as ever */
    fixture_done(&f);
}
