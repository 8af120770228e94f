/* Commands run whole and ended whole: nothing of them is left. */
#include "base/run.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/integration/process.h"
#include "tests/runner/test.h"

static const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin",
                                          "KEPT=yes", NULL};

struct case_of {
    int64_t timeout_ms;
    size_t output_max;
    struct run_limits limits;
    struct slice input;
    bool (*stop)(void *ctx);
};

static struct run_result run_as(const struct case_of *c, const char *script)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    struct run_spec spec = {.helper = test_binary(),
                            .argv = argv,
                            .env = environment,
                            .folder = test_tmpdir(),
                            .input = c->input,
                            .timeout_ms = c->timeout_ms ? c->timeout_ms : 60000,
                            .output_max =
                                c->output_max ? c->output_max : 1 << 20,
                            .limits = c->limits};
    struct run_result r;
    CHECK_OK(run_command(&spec, c->stop, NULL, &r));
    return r;
}

static struct run_result run(const char *script)
{
    return run_as(&(struct case_of){0}, script);
}

static int open_descriptors(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir);
    while (readdir(dir)) n++;
    closedir(dir);
    return n;
}

TEST(run, tells_the_exit_code_and_what_was_printed)
{
    struct run_result r = run("echo out; echo err >&2; exit 7");
    uint8_t digest[SHA256_SIZE];
    CHECK_INT_EQ(r.end, RUN_EXITED);
    CHECK_INT_EQ(r.code, 7);
    CHECK_SLICE_EQ(buf_slice(&r.output), SLICE("out\nerr\n"));
    sha256_of(buf_slice(&r.output), digest);
    CHECK(sha256_equal(digest, r.digest));
    CHECK_INT_EQ(r.leftovers, 0);
    buf_done(&r.output);
}

TEST(run, gives_the_command_nothing_but_what_was_said)
{
    setenv("SECRET", "hunter2", 1);
    struct run_result r =
        run("echo ${SECRET-none} $KEPT; cat; ls /proc/self/fd | tr '\\n' ' ';"
            " trap; pwd");
    CHECK_INT_EQ(r.end, RUN_EXITED);
    CHECK_CONTAINS(buf_slice(&r.output), "none yes\n");
    /* ls has the folder it reads as 3 */
    CHECK_CONTAINS(buf_slice(&r.output), "0 1 2 3 /");
    CHECK_CONTAINS(buf_slice(&r.output), test_tmpdir());
    buf_done(&r.output);
}

TEST(run, feeds_the_input)
{
    struct run_result r =
        run_as(&(struct case_of){.input = SLICE("a message")}, "cat; echo .");
    CHECK_SLICE_EQ(buf_slice(&r.output), SLICE("a message.\n"));
    buf_done(&r.output);
}

TEST(run, says_by_which_signal_it_ended)
{
    struct run_result r = run("kill -SEGV $$");
    CHECK_INT_EQ(r.end, RUN_SIGNALED);
    CHECK_INT_EQ(r.code, SIGSEGV);
    buf_done(&r.output);
}

TEST(run, says_why_it_could_not_start)
{
    const char *argv[] = {"no-such-program-anywhere", NULL};
    struct run_spec spec = {.helper = test_binary(),
                            .argv = argv,
                            .env = environment,
                            .folder = test_tmpdir(),
                            .timeout_ms = 20000,
                            .output_max = 100};
    struct run_result r;
    CHECK_OK(run_command(&spec, NULL, NULL, &r));
    CHECK_INT_EQ(r.end, RUN_NO_START);
    CHECK_INT_EQ(r.code, ENOENT);
    buf_done(&r.output);
    spec.folder = "/no/such/folder";
    CHECK_OK(run_command(&spec, NULL, NULL, &r));
    CHECK_INT_EQ(r.end, RUN_NO_START);
    buf_done(&r.output);
}

TEST(run, ends_one_that_hangs_and_ignores_sigterm)
{
    struct run_result r =
        run_as(&(struct case_of){.timeout_ms = 200},
               "trap '' TERM; : pg-stubborn; while :; do sleep 1; done");
    CHECK_INT_EQ(r.end, RUN_TIMED_OUT);
    CHECK_INT_EQ(r.killed_by, SIGKILL);
    CHECK_INT_EQ(process_count("pg-stubborn"), 0);
    buf_done(&r.output);
}

enum { ROOM = 10 }; /* for a machine that is busy */

/* I10. The command is the sleep itself: a shell whose sleep the group's signal
 * reaches first may go on and end by itself. */
TEST(run, ends_a_command_and_its_child_at_its_time)
{
    int before = open_descriptors();
    struct run_result r = run_as(&(struct case_of){.timeout_ms = 1000},
                                 "sh -c ': pg-child; sleep 600; :' & "
                                 "exec sleep 600");
    CHECK_INT_EQ(r.end, RUN_TIMED_OUT);
    CHECK_INT_EQ(r.killed_by, SIGTERM);
    CHECK_INT_GE(r.ms, 1000);
    CHECK_INT_LE(r.ms, 3300 * ROOM);
    CHECK_INT_EQ(process_count("pg-child"), 0);
    CHECK_INT_EQ(waitpid(-1, NULL, WNOHANG), -1); /* no zombie of ours */
    CHECK_INT_EQ(open_descriptors(), before);
    buf_done(&r.output);
}

TEST(run, ends_children_that_left_the_group_and_the_session)
{
    struct run_result r = run(
        "setsid sh -c ': pg-escaped; sleep 600' & "
        "(setsid sh -c '(: pg-escaped; trap \"\" TERM HUP; sleep 600) &' &) ; "
        "nohup sh -c ': pg-escaped; sleep 600' >/dev/null 2>&1 & "
        "while [ $(ls -d /proc/[0-9]* | wc -l) -lt 4 ]; do :; done; sleep 0.1;"
        "echo done");
    CHECK_INT_EQ(r.end, RUN_EXITED);
    CHECK_INT_EQ(r.code, 0);
    CHECK(r.leftovers > 0);
    CHECK_CONTAINS(buf_slice(&r.output), "done\n");
    CHECK_INT_EQ(process_count("pg-escaped"), 0);
    buf_done(&r.output);
}

TEST(run, ends_a_gigabyte_of_output)
{
    int before = open_descriptors();
    struct run_result r = run_as(&(struct case_of){.output_max = 100000},
                                 "exec yes pg-loud-words-without-end");
    CHECK_INT_EQ(r.end, RUN_TOO_LOUD);
    CHECK(r.output.n <= 100000);
    CHECK_INT_EQ(process_count("yes pg-loud-words"), 0);
    CHECK_INT_EQ(open_descriptors(), before);
    buf_done(&r.output);
}

/* As many as it takes to show the limit, and no more: a bomb that a broken
 * warden let go would take the machine with it. */
TEST(run, ends_a_crowd)
{
    struct run_result r =
        run_as(&(struct case_of){.limits = {.processes = 20}},
               "n=0; while [ $n -lt 60 ]; do sleep 300 & n=$((n+1)); done;"
               ": pg-crowd; wait");
    CHECK_INT_EQ(r.end, RUN_TOO_MANY);
    CHECK_INT_EQ(process_count("pg-crowd"), 0);
    buf_done(&r.output);
}

static void put_script(const char *name, const char *text)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", test_tmpdir(), name);
    FILE *f = fopen(path, "we");
    CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* Each starts three, in sessions of their own: 364 in all, and each is over by
 * itself after four seconds. */
TEST(run, ends_a_crowd_that_grows_by_powers_and_leaves_its_session)
{
    put_script("pg-bomb.sh",
               "i=0\nwhile [ $1 -gt 0 ] && [ $i -lt 3 ]; do\n"
               "setsid sh pg-bomb.sh $(($1-1)) & i=$((i+1)); done\n"
               "exec sleep 4.0707\n");
    struct run_result r = run_as(&(struct case_of){.limits = {.processes = 40}},
                                 "exec sh pg-bomb.sh 5");
    CHECK_INT_EQ(process_count("pg-bomb"), 0);
    CHECK_INT_EQ(process_count("sleep 4.0707"), 0);
    CHECK_INT_EQ(r.end, RUN_TOO_MANY);
    buf_done(&r.output);
}

/* One at a time, each gone before it can be looked at twice; 200 in all. */
TEST(run, ends_a_chain_that_runs_away)
{
    put_script("pg-chain.sh", "echo $1 > at\n[ $1 -eq 0 ] ||\n"
                              "setsid sh pg-chain.sh $(($1-1)) &\n");
    struct run_result r = run("exec sh pg-chain.sh 200");
    CHECK_INT_EQ(process_count("pg-chain"), 0);
    CHECK_INT_EQ(r.end, RUN_EXITED);
    buf_done(&r.output);
}

TEST(run, keeps_to_the_limits_of_files_and_sizes)
{
    struct run_result r =
        run_as(&(struct case_of){.limits = {.files = 32, .file_bytes = 4096}},
               "ulimit -n; ulimit -f; ulimit -c;"
               "head -c 10000 /dev/zero > big 2>/dev/null; wc -c < big");
    CHECK_CONTAINS(buf_slice(&r.output), "32\n");
    CHECK_CONTAINS(buf_slice(&r.output), "0\n4096\n");
    buf_done(&r.output);
}

static _Atomic int asked;
static bool stop_soon(void *ctx)
{
    (void)ctx;
    return atomic_fetch_add(&asked, 1) >= 3;
}

TEST(run, stops_when_it_is_told_to)
{
    struct run_result r =
        run_as(&(struct case_of){.stop = stop_soon}, ": pg-stopped; sleep 600");
    CHECK_INT_EQ(r.end, RUN_STOPPED);
    CHECK_INT_EQ(process_count("pg-stopped"), 0);
    buf_done(&r.output);
}

/* The warden has nobody to answer to when its server is gone. */
TEST(run, ends_with_the_process_that_ran_it)
{
    int64_t until = clock_now() + 20 * NS_PER_S;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        (void)run(": pg-orphan; sleep 600");
        _exit(0);
    }
    while (process_count("pg-orphan") == 0 && clock_now() < until)
        usleep(10000);
    CHECK(process_count("pg-orphan") > 0);
    kill(pid, SIGKILL);
    while (process_count("pg-orphan") > 0 && clock_now() < until) usleep(10000);
    CHECK_INT_EQ(process_count("pg-orphan"), 0);
}
