/* A gate's command: what it is given, what ends it, and what the refusal says
 * of it. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/permit.h"
#include "tests/unit/proof_kit.h"

#define SH(script, more) "{argv: [sh, -c, '" script "']" more "}"

struct ending {
    const char *command, *words;
};
/* clang-format off */
TEST_EACH(exec, an_end_that_proves_nothing_is_called_by_its_name,
          struct ending, e,
    {SH("kill -9 $$", ""), "was ended by signal 9 (KILL)"},
    {SH("kill -40 $$", ""), "was ended by signal 40 (?)"},
    {"{argv: [yes], output_mb: 1}", "printed more than 1 MiB and was ended"},
    {SH("sleep 600 & sleep 600 & sleep 600 & sleep 600 & wait",
        ", processes: 2"), "had too many processes at once"},
    {"{argv: [dd, if=/dev/zero, of=big, bs=1M, count=4], file_mb: 1}",
     "was ended by signal 25 (XFSZ)"},
    {SH("exit 2", ", exit: 3"), "ended with exit code 2, not 3"},
    {SH("exit 0", ", exit: 3"), "ended with exit code 0, not 3"},
    {"[./no-such-program]", "cannot be started: No such file"},
    {"[./wf]", "cannot be started: Permission denied"},
    {"{argv: [\"true\"], folder: nowhere}",
     "there is no folder nowhere in the project"},
    {"{argv: [\"true\"], folder: out}", "there is no folder out in the"})
/* clang-format on */
{
    CHECK_INT_EQ(symlink("/etc", proof_path("out")), 0);
    proof_fails(arena_printf(test_arena(), "%s%s\n",
                             "  ran:\n    type: boolean\n    required: true\n"
                             "    proof: command\n    command: ",
                             e->command)
                    .p,
                "{\"ran\":true}", e->words);
}

struct given {
    const char *command, *value;
};
#define READ(script, more) SH(script, ", value: {regex: \"=(.*)\"}" more)
/* clang-format off */
TEST_EACH(exec, a_command_gets_what_the_gate_gives_it_and_no_secret,
          struct given, g,
    {READ("echo =$A", ", env: {A: own}"), "\"own\""},
    {READ("echo =$LANG", ", env: {LANG: own}"), "\"own\""},
    {READ("echo =$TZ", ""), "\"inherited\""},
    {READ("echo =$LC_ANY", ""), "\"inherited\""},
    {READ("echo =$OTHER_API_KEY$HOMELY", ""), "\"\""},
    {READ("echo =$(basename $PWD)", ", folder: sub/deep"), "\"deep\""},
    {READ("echo =$(ulimit -n)", ", files: 32"), "\"32\""},
    {READ("echo =$(ulimit -t)", ", cpu_s: 77"), "\"77\""},
    {READ("echo =$(cat)", ""), "\"\""},
    {READ("echo =a; exit 3", ", exit: 3"), "\"a\""})
/* clang-format on */
{
    CHECK_INT_EQ(setenv("LANG", "inherited", 1), 0);
    CHECK_INT_EQ(setenv("TZ", "inherited", 1), 0);
    CHECK_INT_EQ(setenv("LC_ANY", "inherited", 1), 0);
    CHECK_INT_EQ(setenv("OTHER_API_KEY", "secret", 1), 0);
    CHECK_INT_EQ(setenv("HOMELY", "secret", 1), 0);
    kit_put(test_tmpdir(), "sub/deep/file", "");
    proof_passes(arena_printf(test_arena(), "%s%s\n",
                              "  ran:\n    type: string\n    required: true\n"
                              "    proof: command\n    command: ",
                              g->command)
                     .p,
                 "{}", g->value);
}

/* A sanitizer's shadow does not fit in it. */
TEST(exec, a_command_has_the_memory_the_gate_gives_it, .needs = "plain")
{
    proof_passes(
        COMMAND_FIELD("string", READ("echo =$(ulimit -d)", ", memory_mb: 512")),
        "{}", "\"524288\"");
}

#define REPORT ", value: {json: /n, file: out.json}"
/* clang-format off */
TEST_EACH(exec, a_report_is_a_file_that_this_very_run_wrote, struct ending, r,
    {SH("exit 0", REPORT), "old.json was not written by this run"},
    {SH("rm old.json", REPORT), "there is no old.json"},
    {SH("rm old.json; mkfifo old.json", REPORT), "is a FIFO"},
    {SH("ln -sf /etc/passwd old.json", REPORT), "is a symbolic link"},
    {SH("echo {} >old.json", REPORT), "the document has nothing at /n"},
    {SH("printf {1 >old.json", REPORT), "its value cannot be read: it is no "},
    {SH("echo {} >old.json; exit 1", REPORT), "ended with exit code 1"})
/* clang-format on */
{
    const struct timespec past[2] = {{1000, 0}, {1000, 0}};
    struct slice schema =
        arena_printf(test_arena(),
                     "  ran:\n    type: integer\n    required: true\n"
                     "    proof: command\n    command: %s\n",
                     r->command);
    size_t at = slice_find(schema, SLICE("out.json"));
    schema = arena_printf(test_arena(), "%.*sold.json%.*s",
                          SLICE_ARG(slice_sub(schema, 0, at)),
                          SLICE_ARG(slice_sub(schema, at + 8, schema.n)));
    kit_put(test_tmpdir(), "old.json", "{\"n\":1}");
    CHECK_INT_EQ(utimensat(AT_FDCWD, proof_path("old.json"), past, 0), 0);
    proof_fails(schema.p, "{\"ran\":1}", r->words);
}

TEST(exec, a_report_of_this_run_gives_the_value)
{
    proof_passes(COMMAND_FIELD("integer", SH("echo \"{\\\"n\\\": 7}\" "
                                             ">out.json",
                                             REPORT)),
                 "{\"ran\":1}", "7");
}

/* Not all of a long output, and no half of a character. */
TEST(exec, a_refusal_shows_the_end_of_the_output)
{
    struct fixture f;
    struct outcome o;
    struct slice id = proof_begin_trusted(
        &f, COMMAND_FIELD("boolean",
                          SH("echo begins; for i in 1 2 3 4 5 6 7 8 9; do "
                             "printf \"%0100d\" 0 | tr 0 x; "
                             "printf \"\\303\\244\"; done; "
                             "echo; echo ends; printf \"\\303\"; exit 1",
                             "")));
    CHECK_ERR(kit_complete(&f, &o, id, 0, "{}"), ERR_GATE_REFUSED);
    struct slice told = o.call.problem.siblings;
    size_t at = slice_find(told, SLICE("the end of its output: "));
    CHECK(at < told.n);
    told = slice_sub(told, at, told.n);
    CHECK_CONTAINS(told, "ends");
    CHECK_INT_EQ(slice_find(told, SLICE("begins\\nx")), told.n);
    CHECK_INT_EQ(slice_utf8_valid(told), told.n);
    outcome_done(&o);
    fixture_done(&f);
}

TEST(exec, what_fails_to_run_again_and_again_is_left_alone_for_a_while)
{
    struct fixture f;
    struct outcome o;
    struct slice id =
        proof_begin_trusted(&f, COMMAND_FIELD("boolean", "[./nothing]"));
    bool left_alone = false;
    for (int i = 0; i < 64 && !left_alone; i++) {
        CHECK_ERR(kit_complete(&f, &o, id, 0, "{}"), ERR_GATE_REFUSED);
        struct slice told = o.call.problem.siblings;
        left_alone = slice_find(told, SLICE("it was not run: ")) < told.n;
        outcome_done(&o);
    }
    CHECK(left_alone);
    fixture_done(&f);
}

/* --- many at once ---------------------------------------------------------
 */

#define UNTIL_GO                                                               \
    COMMAND_FIELD("boolean", SH("echo x >>ran; while ! test -f go; do sleep "  \
                                "0.02; done",                                  \
                                ""))
enum { AT_ONCE = 4 };

/* So many commands have begun. */
static void wait_until_run(int n)
{
    struct stat st = {0};
    while (stat(proof_path("ran"), &st) != 0 || st.st_size < 2 * n)
        (void)usleep(1000);
}

static struct slice begin_other(struct fixture *f, int n)
{
    struct outcome o;
    struct slice target = arena_printf(test_arena(), "src/%d.c", n);
    struct eng_start_workflow_args args = {.workflow_type = SLICE("three_v1"),
                                           .target = target};
    CHECK_OK(CALL(&o, eng_start_workflow(f->engine, &o.call, &args)));
    struct slice id = arena_copy(
        test_arena(), json_text(json_get(o.out, SLICE("session_id"))));
    outcome_done(&o);
    return id;
}

static struct permit_stats stats_of(struct permits *ps)
{
    struct permit_stats st;
    permits_stats(ps, clock_now(), &st);
    CHECK(!st.differs);
    return st;
}

/* C03 */
TEST(runs, of_five_gates_at_once_four_run_commands_and_one_is_refused)
{
    struct fixture f;
    struct permits *ps;
    struct permit_options limits;
    struct outcome o[AT_ONCE], more;
    struct eng_complete_phase_args args[AT_ONCE]; /* as long as the calls */
    enum err e[AT_ONCE];
    permit_options_init(&limits);
    CHECK_OK(permits_new(&limits, &ps));
    (void)proof_begin_trusted(&f, UNTIL_GO);
    f.permits = ps;
    fixture_restart(&f);
    for (int i = 0; i < AT_ONCE; i++) {
        args[i] = (struct eng_complete_phase_args){
            .session_id = begin_other(&f, i), .evidence = parse("{}")};
        outcome_begin(&o[i]);
        o[i].call.on_loop = true;
        e[i] = eng_complete_phase(f.engine, &o[i].call, &args[i]);
        CHECK_INT_EQ(e[i], ERR_PENDING);
    }
    struct slice last = begin_other(&f, AT_ONCE);
    wait_until_run(AT_ONCE);
    CHECK_ERR(kit_complete(&f, &more, last, 0, "{}"), ERR_OVER_CAPACITY);
    CHECK_INT_EQ(more.call.problem.retry_after_ms, 1000);
    CHECK_TEXT_EQ(more.call.problem.what,
                  "exec concurrency limit reached (4 of 4)");
    outcome_done(&more);
    CHECK_INT_EQ(stats_of(ps).in_use[PERMIT_EXEC], AT_ONCE);
    CHECK_INT_EQ(stats_of(ps).refused[PERMIT_EXEC], 1);
    CHECK_INT_EQ(stats_of(ps).in_use[PERMIT_GLOBAL], 0);
    kit_put(test_tmpdir(), "go", "x");
    for (int i = 0; i < AT_ONCE; i++) {
        CHECK_OK(outcome_end(&o[i], e[i]));
        outcome_done(&o[i]);
    }
    /* Their threads may still be about to end. */
    while (kit_complete(&f, &more, last, 0, "{}") == ERR_OVER_CAPACITY)
        outcome_done(&more);
    CHECK_OK(more.err);
    outcome_done(&more);
    fixture_done(&f);
    CHECK_INT_EQ(stats_of(ps).in_use[PERMIT_EXEC], 0);
    CHECK_INT_EQ(stats_of(ps).in_use[PERMIT_WRITE], 0);
    CHECK_INT_EQ(stats_of(ps).release_errors, 0);
    permits_free(ps);
}

/* Only the fifth waits, and the first place that is free is its own. */
TEST(runs, a_gate_waits_for_a_place_of_its_commands)
{
    struct fixture f;
    struct permits *ps;
    struct permit_options limits;
    struct outcome o[2];
    struct eng_complete_phase_args args[2];
    enum err e[2];
    permit_options_init(&limits);
    limits.limit[PERMIT_EXEC] = 1;
    limits.wait_ns = 60 * NS_PER_S;
    CHECK_OK(permits_new(&limits, &ps));
    (void)proof_begin_trusted(&f, UNTIL_GO);
    f.permits = ps;
    fixture_restart(&f);
    for (int i = 0; i < 2; i++) {
        args[i] = (struct eng_complete_phase_args){
            .session_id = begin_other(&f, i), .evidence = parse("{}")};
        outcome_begin(&o[i]);
        o[i].call.on_loop = true;
        e[i] = eng_complete_phase(f.engine, &o[i].call, &args[i]);
        wait_until_run(1);
    }
    while (stats_of(ps).waits[PERMIT_EXEC] != 1) (void)usleep(1000);
    kit_put(test_tmpdir(), "go", "x");
    for (int i = 0; i < 2; i++) {
        CHECK_OK(outcome_end(&o[i], e[i]));
        outcome_done(&o[i]);
    }
    fixture_done(&f);
    permits_free(ps);
}

TEST(runs, a_command_whose_only_caller_has_gone_is_ended)
{
    struct fixture f;
    struct outcome o;
    struct cancel cancel;
    struct slice id = proof_begin_trusted(&f, UNTIL_GO);
    struct eng_complete_phase_args args = {.session_id = id,
                                           .evidence = parse("{}")};
    cancel_init(&cancel, INT64_MAX);
    outcome_begin(&o);
    o.call.cancel = &cancel;
    o.call.on_loop = true;
    enum err e = eng_complete_phase(f.engine, &o.call, &args);
    CHECK_INT_EQ(e, ERR_PENDING);
    wait_until_run(1);
    cancel_set(&cancel, CANCEL_CLIENT);
    CHECK_INT_EQ(outcome_end(&o, e), ERR_CANCELLED);
    outcome_done(&o);
    kit_put(test_tmpdir(), "go", "x");
    CHECK_OK(kit_complete(&f, &o, id, 0, "{}")); /* a run of its own */
    outcome_done(&o);
    fixture_done(&f);
}

TEST(runs, nothing_is_begun_when_the_server_stops)
{
    struct fixture f;
    struct outcome o;
    struct slice id = proof_begin_trusted(&f, UNTIL_GO);
    eng_end_commands(f.engine);
    CHECK_ERR(kit_complete(&f, &o, id, 0, "{}"), ERR_CLOSED);
    CHECK_CONTAINS(o.call.problem.what, "The server is stopping");
    outcome_done(&o);
    CHECK_INT_EQ(access(proof_path("ran"), F_OK), -1);
    fixture_done(&f);
}
