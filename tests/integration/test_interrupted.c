/* The server while time does what it should not: the clock on the wall jumps,
 * and the machine sleeps. */
#include "tests/integration/faulty.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "tests/runner/client.h"

static void alive(struct http *h)
{
    CHECK_INT_EQ(http_call(h, "tools/list", "").status, 200);
}

/* Stored times are of the wall clock; waiting, timeouts and what is kept in
 * memory go by the monotonic one. A year forward or back between any two
 * calls, and during one, ends nothing. */
TEST(interrupted, a_clock_that_jumps_between_calls_ends_nothing)
{
    static const int64_t year = INT64_C(365) * 86400 * NS_PER_S;
    static const int64_t jumps[] = {year, -year, 3600 * NS_PER_S,
                                    -3600 * NS_PER_S, 0};
    struct faults *f = faulty_page();
    struct server_options o = faulty_options();
    script_learn();
    struct script sc = {.s = server_start(&o), .target = "jumps"};
    struct http *h = http_open(server_port(sc.s));
    for (int step = 0; step < SCRIPT_STEPS; step++) {
        f->wall_ns = jumps[step % 5];
        alive(h);
        CHECK_INT_EQ(script_step(&sc, step), SCRIPT_DONE);
        CHECK_INT_EQ(script_look(&sc, step + 1), step + 1);
    }
    alive(h);
    script_verify(sc.s);
    CHECK_INT_EQ(server_stop_eof(sc.s).status, 0);
}

static void stop_and_wait(struct server *s)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)server_pid(s));
    kill(server_pid(s), SIGSTOP);
    while (!strstr(line, ") T ")) { /* every thread of it has stopped */
        FILE *at = fopen(path, "r");
        CHECK(at && fgets(line, sizeof(line), at));
        fclose(at);
    }
}

/* Longer than every timeout that is set here. */
static void sleep_s(double seconds)
{
    struct timespec t = {(time_t)seconds,
                         (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&t, &t) != 0 && errno == EINTR) continue;
}

/* What came in while it slept is answered; what it was doing goes on. */
TEST(interrupted, a_machine_that_slept_goes_on_where_it_was)
{
    struct server_options o = faulty_options();
    faulty_page();
    script_learn();
    struct script sc = {.s = server_start(&o), .target = "sleeps"};
    struct http *h = http_open(server_port(sc.s));
    int done = 0;
    for (int i = 0; i < 4; i++, done++)
        CHECK_INT_EQ(script_step(&sc, done), SCRIPT_DONE);
    alive(h);
    stop_and_wait(sc.s);
    stdio_send(sc.s, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}");
    sleep_s(0.3);
    kill(server_pid(sc.s), SIGCONT);
    (void)stdio_answer(sc.s, 7);
    alive(h);
    CHECK_INT_EQ(script_run(&sc, done, &done), SCRIPT_DONE);
    script_verify(sc.s);
    CHECK_INT_EQ(server_stop_eof(sc.s).status, 0);
}

/* Two on one state file, and one of them sleeps with whatever it holds: the
 * other works on, or says that the state is busy, and never waits for ever. */
TEST(interrupted, one_that_sleeps_does_not_stop_another_on_its_state_file)
{
    struct server_options o = faulty_options();
    faulty_page();
    script_learn();
    struct server *sleeper = server_start(&o);
    o.project = server_project(sleeper);
    struct script mine = {.s = sleeper, .target = "mine"};
    CHECK_INT_EQ(script_step(&mine, 0), SCRIPT_DONE);
    struct script sc = {.s = server_start(&o), .target = "other"};
    stop_and_wait(sleeper);
    int done;
    CHECK_INT_EQ(script_run(&sc, 0, &done), SCRIPT_DONE);
    kill(server_pid(sleeper), SIGCONT);
    CHECK_INT_EQ(script_run(&mine, 1, &done), SCRIPT_DONE);
    script_verify(sleeper);
    CHECK_INT_EQ(server_stop_eof(sc.s).status, 0);
    CHECK_INT_EQ(server_stop_eof(sleeper).status, 0);
}
