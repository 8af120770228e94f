/*
 * The disk fails, the process dies and the power goes, at every call that the
 * store makes: whatever was answered is there, what was not is there whole or
 * not at all, the record verifies, and the server goes on or says why not.
 *
 * Ordinary runs take every so many calls, another offset each time the suite
 * changes nothing else; --full takes every one.
 */
#include "tests/integration/faulty.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

/* How far from one n to the next. */
struct walk {
    uint64_t first, step;
};

static const char *target_of(uint64_t n)
{
    return arena_printf(test_arena(), "t%llu", (unsigned long long)n).p;
}

/* --- the process dies ----------------------------------------------------- */

/* A new project each time, so that its making is cut off too. False: the
 * script came to its end before the n-th call. */
static bool die_at(struct faults *f, enum fault_what what, uint64_t n)
{
    struct server_options o = faulty_options();
    struct script sc = {.target = target_of(n)};
    int done;
    f->seed = n;
    f->tracks = what == FAULT_POWER;
    faulty_arm(f, what, FAULT_ALL, 0, n);
    sc.s = server_start(&o);
    enum script_end end = script_run(&sc, 0, &done);
    CHECK(end != SCRIPT_REFUSED);
    if (end == SCRIPT_DONE) server_stop_eof(sc.s);
    bool fired = f->fired > 0;
    faulty_disarm(f);
    if (end == SCRIPT_DEAD) {
        CHECK(fired);
        CHECK_INT_EQ(server_wait(sc.s).signal, SIGKILL);
    }
    server_restart(sc.s);
    done = script_look(&sc, done);
    CHECK_INT_EQ(script_run(&sc, done, &done), SCRIPT_DONE);
    CHECK_INT_EQ(script_look(&sc, SCRIPT_STEPS), SCRIPT_STEPS);
    CHECK_INT_EQ(server_stop_eof(sc.s).status, 0);
    script_verify(sc.s);
    return fired;
}

static void die_at_each(enum fault_what what, struct walk w)
{
    struct faults *f = faulty_page();
    script_learn();
    uint64_t n = w.first, rounds = 0;
    int64_t began = clock_now();
    for (; die_at(f, what, n); n += w.step) rounds++;
    printf("%llu of %llu calls, %.1f s\n", (unsigned long long)rounds,
           (unsigned long long)n, (double)(clock_now() - began) / 1e9);
    CHECK_INT_GT(rounds, 3);
}

struct death {
    const char *label;
    enum fault_what what;
    struct walk walk;
};

TEST_EACH(faults, a_death_at_any_call_loses_nothing_answered, struct death, row,
          {"kill", FAULT_KILL, {3, 97}}, {"power", FAULT_POWER, {5, 97}})
{
    die_at_each(row->what, row->walk);
}

TEST_EACH_IF(faults, a_death_at_each_call_loses_nothing_answered,
             (.needs = "slow plain", .timeout_s = 900), struct death, row,
             {"kill", FAULT_KILL, {1, 1}}, {"power", FAULT_POWER, {1, 1}})
{
    die_at_each(row->what, row->walk);
}
