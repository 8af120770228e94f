/* Claims of tasks: leases, fences, and who wins. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/session_kit.h"

static void clock_back(void *ctx)
{
    (void)ctx;
    clock_real();
}

TEST(claims, one_agent_gets_the_task_and_the_others_are_told_who_has_it)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x");
    CHECK_OK(kit_claim(&f, &o, id, 0, 1, "ann"));
    CHECK_INT_EQ(json_get(o.out, SLICE("claimed"))->type, JSON_TRUE);
    CHECK_INT_EQ(kit_int(json_get(o.out, SLICE("fence"))), 1);
    CHECK_STR_EQ(kit_text(o.out, "task", "claimed_by"), "ann");
    CHECK_STR_EQ(kit_text(o.out, "next", "tool"), "get_task");
    outcome_done(&o);
    CHECK_ERR(kit_claim(&f, &o, id, 0, 1, "bob"), ERR_ALREADY_CLAIMED);
    CHECK_CONTAINS(o.call.problem.extra, "\"claimed_by\":\"ann\"");
    CHECK_CONTAINS(o.call.problem.extra, "\"expires_at\":\"");
    CHECK(o.call.problem.retry_after_ms > 0 &&
          o.call.problem.retry_after_ms <= 60000);
    outcome_done(&o);
    struct eng_get_task_args get = {id, 1, 0};
    CHECK_OK(CALL(&o, eng_get_task(f.engine, &o.call, &get)));
    CHECK_STR_EQ(kit_text(o.out, "task", "status"), "claimed");
    CHECK_STR_EQ(kit_text(o.out, "task", "claimed_by"), "ann");
    outcome_done(&o);
    fixture_done(&f);
}

TEST(claims, claiming_again_renews_and_only_the_newest_fence_releases)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x");
    CHECK_OK(kit_claim(&f, &o, id, 0, 1, "ann"));
    outcome_done(&o);
    CHECK_OK(kit_claim(&f, &o, id, 0, 1, "ann"));
    CHECK_INT_EQ(kit_int(json_get(o.out, SLICE("fence"))), 2);
    outcome_done(&o);
    CHECK_ERR(kit_release(&f, &o, id, 0, 1, 1, "done"), ERR_CLAIM_LOST);
    outcome_done(&o);
    CHECK_OK(kit_release(&f, &o, id, 0, 1, 2, "done"));
    CHECK_STR_EQ(kit_text(o.out, "task", "status"), "done");
    CHECK_INT_EQ(
        kit_int(json_at(o.out, "next", "arguments", "task_number", NULL)), 2);
    outcome_done(&o);
    CHECK_OK(kit_release(&f, &o, id, 0, 1, 2, "done")); /* a repetition */
    outcome_done(&o);
    CHECK_ERR(kit_release(&f, &o, id, 0, 1, 2, "abandoned"), ERR_CLAIM_LOST);
    outcome_done(&o);
    CHECK_ERR(kit_release(&f, &o, id, 0, 2, 1, "done"), ERR_CLAIM_LOST);
    outcome_done(&o);
    fixture_done(&f);
}

TEST(claims, a_lease_that_ran_out_is_anybodys_and_its_fence_is_lost)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    test_at_end(clock_back, NULL);
    struct slice id = kit_begin(&f, "x");
    CHECK_OK(kit_claim(&f, &o, id, 0, 1, "ann"));
    outcome_done(&o);
    fixture_restart(&f);
    clock_fake(clock_now(), clock_wall_ms() + 61000);
    struct eng_get_task_args get = {id, 1, 0};
    CHECK_OK(CALL(&o, eng_get_task(f.engine, &o.call, &get)));
    CHECK_STR_EQ(kit_text(o.out, "task", "status"), "open");
    outcome_done(&o);
    CHECK_OK(kit_claim(&f, &o, id, 0, 1, "bob"));
    CHECK_INT_EQ(kit_int(json_get(o.out, SLICE("fence"))), 2);
    outcome_done(&o);
    CHECK_ERR(kit_release(&f, &o, id, 0, 1, 1, "done"), ERR_CLAIM_LOST);
    outcome_done(&o);
    fixture_done(&f);
}

TEST(claims, a_lease_given_before_the_clock_was_set_back_has_ended)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    test_at_end(clock_back, NULL);
    struct slice id = kit_begin(&f, "x");
    int64_t year_ms = INT64_C(1000) * 86400 * 365;
    clock_fake(clock_now(), clock_wall_ms() + year_ms);
    CHECK_OK(kit_claim(&f, &o, id, 0, 1, "ann"));
    outcome_done(&o);
    clock_fake(clock_now(), clock_wall_ms() - year_ms);
    CHECK_OK(kit_claim(&f, &o, id, 0, 1, "bob"));
    CHECK_INT_EQ(kit_int(json_get(o.out, SLICE("fence"))), 2);
    outcome_done(&o);
    fixture_done(&f);
}

TEST(claims, an_abandoned_task_is_open_and_its_fences_go_on_growing)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x");
    for (int64_t fence = 1; fence < 5; fence++) {
        CHECK_OK(kit_claim(&f, &o, id, 0, 2, "ann"));
        CHECK_INT_EQ(kit_int(json_get(o.out, SLICE("fence"))), fence);
        outcome_done(&o);
        CHECK_OK(kit_release(&f, &o, id, 0, 2, fence, "abandoned"));
        CHECK_STR_EQ(kit_text(o.out, "task", "status"), "open");
        outcome_done(&o);
        fixture_restart(&f);
    }
    fixture_done(&f);
}

struct claim_row {
    int64_t phase, task, lease;
    const char *agent;
    enum err want;
};
TEST_EACH(claims, only_tasks_of_the_current_phase_can_be_claimed,
          struct claim_row, row, {0, 1, 60, "a", ERR_PHASE_ALREADY_COMPLETE},
          {2, 1, 60, "a", ERR_PHASE_LOCKED},
          {9, 1, 60, "a", ERR_PHASE_OUT_OF_RANGE},
          {1, 7, 60, "a", ERR_TASK_NOT_FOUND},
          {1, 1, 60, "", ERR_INVALID_PARAMETER},
          {1, 1, 9, "a", ERR_INVALID_PARAMETER},
          {1, 1, 86401, "a", ERR_INVALID_PARAMETER}, {1, 1, 60, "a", OK})
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct eng_claim_task_args args = {.session_id = kit_begin(&f, "x"),
                                       .agent = slice_of(row->agent),
                                       .phase = row->phase,
                                       .task_number = row->task,
                                       .lease_seconds = row->lease};
    kit_pass(&f, args.session_id, 0);
    CHECK_ERR(CALL(&o, eng_claim_task(f.engine, &o.call, &args)), row->want);
    outcome_done(&o);
    fixture_done(&f);
}

/* --- racing ------------------------------------------------------------- */

struct race {
    struct fixture *f;
    struct slice id;
    _Atomic int won, late;
};

static void race_claim(void *ctx, int i)
{
    struct race *r = ctx;
    struct outcome o;
    char agent[24];
    snprintf(agent, sizeof(agent), "agent-%d", i);
    enum err e = kit_claim(r->f, &o, r->id, 0, 1, agent);
    if (e == OK) atomic_fetch_add(&r->won, 1);
    if (e == ERR_ALREADY_CLAIMED) atomic_fetch_add(&r->late, 1);
    outcome_done(&o);
}

TEST(claims, of_many_claimers_exactly_one_wins, .timeout_s = 60)
{
    struct fixture f;
    fixture_init(&f, kit_workflows());
    int rounds = test_sanitized() ? 20 : 100;
    for (int i = 0; i < rounds; i++) {
        char target[16];
        snprintf(target, sizeof(target), "t%d", i);
        struct race r = {.f = &f, .id = kit_begin(&f, target)};
        test_threads(6, race_claim, &r);
        CHECK_INT_EQ(r.won, 1);
        CHECK_INT_EQ(r.late, 5);
    }
    fixture_done(&f);
}

enum { ROUNDS = 25, PROCESSES = 2 };

/* Claims task 1 of every session as soon as the gate byte has come; exits
 * with how many it won. */
static void child(const char *workflows, struct slice *ids, int gate, int me)
{
    struct fixture f;
    char byte, agent[24];
    int won = 0;
    snprintf(agent, sizeof(agent), "process-%d", me);
    fixture_init(&f, workflows);
    CHECK_INT_EQ(read(gate, &byte, 1), 1);
    for (int i = 0; i < ROUNDS; i++) {
        struct outcome o;
        enum err e = kit_claim(&f, &o, ids[i], 0, 1, agent);
        if (e && e != ERR_ALREADY_CLAIMED) _Exit(200);
        won += e == OK;
        outcome_done(&o);
    }
    fixture_done(&f);
    exit(won);
}

TEST(claims, of_two_processes_exactly_one_wins_each_task, .timeout_s = 60)
{
    struct fixture f;
    struct slice ids[ROUNDS];
    int gate[2], total = 0;
    pid_t pids[PROCESSES];
    const char *workflows = kit_workflows();
    fixture_init(&f, workflows);
    for (int i = 0; i < ROUNDS; i++) {
        char target[16];
        snprintf(target, sizeof(target), "t%d", i);
        ids[i] = kit_begin(&f, target);
    }
    fixture_done(&f); /* no thread lives when we fork */
    CHECK_INT_EQ(pipe(gate), 0);
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        CHECK(pids[i] >= 0);
        if (pids[i] == 0) child(workflows, ids, gate[0], i);
    }
    CHECK_INT_EQ(write(gate[1], "gg", 2), 2);
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        CHECK_INT_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) <= ROUNDS);
        total += WEXITSTATUS(status);
    }
    CHECK_INT_EQ(total, ROUNDS);
    close(gate[0]);
    close(gate[1]);
}
