/* Every operation of the engine with its n-th allocation failing, and with its
 * n-th call to a file. */
#include <sched.h>
#include <stdio.h>

#include "base/clock.h"
#include "tests/unit/fault_kit.h"

/* --- reading ---------------------------------------------------------------
 */

FAULT_CALL(list_workflows, list_workflows, .query = SLICE("three"))
FAULT_CALL(get_phase, get_phase, t->id, ENG_ABSENT)
FAULT_CALL(get_locked_phase, get_phase, t->id, 2)
FAULT_CALL(get_task, get_task, t->id, 1, ENG_ABSENT)
FAULT_CALL(get_task_absent, get_task, t->id, 7, ENG_ABSENT)
FAULT_CALL(get_session, get_session, t->id, true, true, true)
FAULT_CALL(get_stranger, get_session,
           SLICE("11111111-2222-4333-8444-555555555555"))
FAULT_CALL(list_sessions, list_sessions, .limit = 1)
FAULT_CALL(list_page, list_sessions, .cursor = t->text)
FAULT_CALL(verify, verify, .session_id = {0})
FAULT_CALL(verify_one, verify, t->id)
FAULT_CALL(report, report, t->id)
FAULT_CALL(export, export, &t->id, 1)
FAULT_CALL(export_all, export, .count = 0)
FAULT_CALL(list_files, list_files, .begun = SLICE("w"), .limit = 10)

/* A session with a past: refused, passed, claimed, rolled back. */
static void lived(struct fault *t)
{
    struct outcome o;
    fault_begin(t);
    (void)kit_complete(&t->f, &o, t->id, 0, "{\"done\":false}");
    outcome_done(&o);
    CHECK_OK(kit_claim(&t->f, &o, t->id, 0, 1, "a"));
    outcome_done(&o);
    CHECK_OK(kit_claim(&t->f, &o, t->id, 0, 2, "b"));
    outcome_done(&o);
    kit_pass(&t->f, t->id, 0);
    kit_pass(&t->f, t->id, 1);
    CHECK_OK(kit_manage(&t->f, &o, t->id, "rollback", 1, false, NULL));
    outcome_done(&o);
    (void)kit_begin(&t->f, "src/other.c");
}

static void lived_warm(struct fault *t)
{
    lived(t);
    t->warm = true;
}

static void page(struct fault *t)
{
    struct outcome o;
    struct eng_list_sessions_args args = {.limit = 1};
    CHECK_OK(CALL(&o, eng_list_sessions(t->f.engine, &o.call, &args)));
    t->text = arena_copy(test_arena(),
                         json_text(json_get(o.out, SLICE("next_cursor"))));
    CHECK(t->text.n);
    outcome_done(&o);
}

#define READINGS                                                               \
    {"list_workflows", lived, NULL, list_workflows},                           \
        {"get_phase", lived, NULL, get_phase},                                 \
        {"get_phase, cached", lived_warm, NULL, get_phase},                    \
        {"get_locked_phase", lived, NULL, get_locked_phase, ERR_PHASE_LOCKED}, \
        {"get_task", lived, NULL, get_task},                                   \
        {"get_task, absent", lived, NULL, get_task_absent,                     \
         ERR_TASK_NOT_FOUND},                                                  \
        {"get_session", lived, NULL, get_session},                             \
        {"get_session, absent", lived, NULL, get_stranger,                     \
         ERR_SESSION_NOT_FOUND},                                               \
        {"list_sessions", lived, NULL, list_sessions},                         \
        {"list_sessions, next page", lived, page, list_page, .keeps = true},   \
        {"verify", lived, NULL, verify, .tells = true},                        \
        {"verify one", lived, NULL, verify_one, .tells = true},                \
        {"report", lived, NULL, report},                                       \
        {"export", lived, NULL, export, OK, true},                             \
        {"export all", lived, NULL, export_all, OK, true},                     \
    {                                                                          \
        "list_files", lived, NULL, list_files                                  \
    }

TEST_EACH(nomem, a_reading_is_whole_or_says_so, struct fault_op, op, READINGS)
{
    fault_run(op);
}

TEST_EACH(nodisk, without_a_disk_a_reading_is_whole_or_says_so, struct fault_op,
          op, READINGS)
{
    fault_disk_run(op);
}

/* --- writing ---------------------------------------------------------------
 */

#define KEY .idempotency_key = t->text

FAULT_CALL(start, start_workflow, .workflow_type = SLICE("three_v1"),
           .target = t->text, .options = t->json)
FAULT_CALL(start_once, start_workflow, .workflow_type = SLICE("three_v1"),
           .target = t->text, KEY)
FAULT_CALL(start_again, start_workflow, .workflow_type = SLICE("three_v1"),
           .target = SLICE("src/a.c"), .resume = true)
FAULT_CALL(start_stranger, start_workflow, .workflow_type = SLICE("thre_v1"),
           .target = SLICE("src/a.c"))
FAULT_CALL(complete, complete_phase, .session_id = t->id, .phase = 0,
           .evidence = t->json)
FAULT_CALL(complete_once, complete_phase, .session_id = t->id, .phase = 0,
           .evidence = t->json, KEY)
FAULT_CALL(complete_last, complete_phase, .session_id = t->id, .phase = 2,
           .evidence = t->json)
#define MANAGE(name, action_, ...)                                             \
    FAULT_CALL(name, manage_session, .session_id = t->id,                      \
               .action = SLICE(action_), .reason = SLICE("because"),           \
               .note = SLICE("a note"), .to_phase = ENG_ABSENT, __VA_ARGS__)
MANAGE(pause_it, "pause", KEY)
MANAGE(resume_it, "resume", )
MANAGE(retry_it, "retry_phase", .reset_evidence = true)
MANAGE(abandon_it, "abandon", )
MANAGE(delete_it, "delete", )
FAULT_CALL(rollback_it, manage_session, .session_id = t->id,
           .action = SLICE("rollback"), .to_phase = 0, .reset_evidence = true)
FAULT_CALL(claim_it, claim_task, .session_id = t->id, .agent = SLICE("ada"),
           .phase = 0, .task_number = 1, .lease_seconds = 60, KEY)
FAULT_CALL(release_it, release_task, .session_id = t->id,
           .outcome = SLICE("done"), .note = SLICE("well"), .phase = 0,
           .task_number = 1, .fence = t->number, KEY)
FAULT_CALL(remove_it, remove_session, t->id)

/* A name that was not there before, for a target or a key. */
static void fresh(struct fault *t)
{
    t->text = arena_printf(test_arena(), "new-%d.c", (int)t->n);
    t->json = parse("{\"depth\":\"all\",\"list\":[1,2.5,null]}");
}

static void good(struct fault *t)
{
    fresh(t);
    fault_session(t);
    t->json = parse(KIT_GOOD);
}

static void bad(struct fault *t)
{
    good(t);
    t->json = parse("{\"done\":\"no\",\"more\":{\"a\":1}}");
}

/* The key has its answer already. */
static void good_again(struct fault *t)
{
    struct outcome o;
    good(t);
    CHECK_OK(kit_complete_once(&t->f, &o, t->id, 0, KIT_GOOD, t->text.p));
    outcome_done(&o);
}

static void last(struct fault *t)
{
    good(t);
    kit_pass(&t->f, t->id, 0);
    kit_pass(&t->f, t->id, 1);
}

static void paused(struct fault *t)
{
    struct outcome o;
    good(t);
    CHECK_OK(kit_manage(&t->f, &o, t->id, "pause", ENG_ABSENT, false, NULL));
    outcome_done(&o);
}

static void claimed(struct fault *t)
{
    struct outcome o;
    good(t);
    CHECK_OK(kit_claim(&t->f, &o, t->id, 0, 1, "ada"));
    t->number = kit_int(json_get(o.out, SLICE("fence")));
    outcome_done(&o);
}

static void real_time(void *ctx)
{
    (void)ctx;
    clock_real();
}

static void made_time(struct fault *t)
{
    fault_begin(t);
    test_at_end(real_time, NULL);
    clock_fake(clock_now(), clock_wall_ms());
}

/* It is anybody's again. */
static void lease_ran_out(struct fault *t)
{
    struct outcome o;
    good(t);
    CHECK_OK(kit_claim(&t->f, &o, t->id, 0, 1, "bob"));
    outcome_done(&o);
    clock_fake_advance(61 * NS_PER_S);
}

/* The answer that this key had is a week old. */
static void key_ran_out(struct fault *t)
{
    struct outcome o;
    good(t);
    CHECK_OK(
        kit_manage(&t->f, &o, t->id, "pause", ENG_ABSENT, false, t->text.p));
    outcome_done(&o);
    CHECK_OK(kit_manage(&t->f, &o, t->id, "resume", ENG_ABSENT, false, NULL));
    outcome_done(&o);
    clock_fake_advance(7 * 86400 * NS_PER_S);
}

/* Nothing has happened in it for longer than it may stay open. */
static void idle_begin(struct fault *t)
{
    made_time(t);
    t->f.sessions =
        (struct eng_sessions_options){.idle_expire_s = 60, .sweep_ms = 1000};
    fixture_restart(&t->f);
}

static void idle(struct fault *t)
{
    good(t);
    clock_fake_advance(61 * NS_PER_S);
}

/* Nobody asked for it: it is done now, or at a later look. */
static enum err expire(struct fault *t, struct eng_call *c)
{
    struct json_writer w = json_writer(&c->out->plain);
    eng_tick(t->f.engine, clock_now());
    while (!eng_tick_over(t->f.engine)) sched_yield();
    json_begin_object(&w);
    json_end_object(&w);
    return OK;
}

#define WRITES                                                                 \
    {"start_workflow", NULL, fresh, start},                                    \
        {"start_workflow, key", NULL, fresh, start_once},                      \
        {"start_workflow, resumed", NULL, NULL, start_again},                  \
        {"start_workflow, unknown", NULL, NULL, start_stranger,                \
         ERR_WORKFLOW_NOT_FOUND},                                              \
        {"complete_phase", NULL, good, complete},                              \
        {"complete_phase, key", NULL, good, complete_once},                    \
        {"complete_phase, key again", NULL, good_again, complete_once,         \
         .keeps = true},                                                       \
        {"complete_phase, refused", NULL, bad, complete, ERR_GATE_REFUSED},    \
        {"complete_phase, last", NULL, last, complete_last},                   \
        {"pause", NULL, good, pause_it}, {"resume", NULL, paused, resume_it},  \
        {"retry", NULL, good, retry_it},                                       \
        {"rollback", NULL, last, rollback_it},                                 \
        {"abandon", NULL, good, abandon_it},                                   \
        {"delete", NULL, good, delete_it},                                     \
        {"claim_task", NULL, good, claim_it},                                  \
        {"claim_task, its lease ran out", made_time, lease_ran_out, claim_it}, \
        {"pause, its key ran out", made_time, key_ran_out, pause_it},          \
        {"a session expires", idle_begin, idle, expire, .twice = true,         \
         .keeps = true},                                                       \
        {"release_task", NULL, claimed, release_it},                           \
    {                                                                          \
        "remove", NULL, good, remove_it                                        \
    }

TEST_EACH(nomem, a_write_is_done_and_answered_or_not_begun, struct fault_op, op,
          WRITES)
{
    fault_run(op);
}

TEST_EACH(nodisk, without_a_disk_a_write_is_done_and_answered_or_not_begun,
          struct fault_op, op, WRITES)
{
    fault_disk_run(op);
}
