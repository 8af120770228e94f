/* Proofs a server takes itself: files, commands, signatures. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/sha256.h"
#include "tests/unit/proof_kit.h"

/* --- file ------------------------------------------------------------------
 */

#define FILE_FIELD                                                             \
    "  doc:\n    type: string\n    required: true\n    description: \"it\"\n"  \
    "    proof: file\n"

/* A socket's name has to be short: it is bound from the folder. */
static void make_socket(const char *name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_INT_EQ(chdir(test_tmpdir()), 0);
    CHECK_INT_EQ(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    close(fd);
}

static void make_bad_files(void)
{
    kit_put(test_tmpdir(), "doc.md", "# Design\n");
    kit_put(test_tmpdir(), "empty.md", "");
    kit_put(test_tmpdir(), "folder/in.md", "x");
    CHECK_INT_EQ(symlink("doc.md", proof_path("link.md")), 0);
    CHECK_INT_EQ(symlink("loop-b", proof_path("loop-a")), 0);
    CHECK_INT_EQ(symlink("loop-a", proof_path("loop-b")), 0);
    CHECK_INT_EQ(symlink("nowhere", proof_path("dangling")), 0);
    CHECK_INT_EQ(symlink("/etc", proof_path("out")), 0);
    CHECK_INT_EQ(symlink("folder", proof_path("way")), 0);
    CHECK_INT_EQ(mkfifo(proof_path("fifo"), 0600), 0);
    make_socket("socket");
    kit_put(test_tmpdir(), ".phasegate/operator.token", "secret");
    CHECK_INT_EQ(link(proof_path(".phasegate/operator.token"),
                      proof_path("innocent.txt")),
                 0);
    CHECK_INT_EQ(truncate(proof_path("doc.md"), 9), 0);
}

static const struct {
    const char *path, *words;
} bad_files[] = {
    {"", "the path is empty"},
    {"nothing.md", "there is no nothing.md"},
    {"../doc.md", "goes upwards"},
    {"folder/../doc.md", "goes upwards"},
    {"/etc/passwd", "outside the project"},
    {".", "the project's folder itself"},
    {"folder", "is a folder"},
    {"fifo", "is a FIFO"},
    {"socket", "is a socket"},
    {"link.md", "is a symbolic link"},
    {"loop-a", "leads in a circle"},
    {"dangling", "leads nowhere"},
    {"out/passwd", "out is a symbolic link"},
    {"way/in.md", "way is a symbolic link"},
    {"doc.md/more", "lies in something that is no folder"},
    {".phasegate/operator.token", "the server's own state"},
    {".phasegate/state.db", "the server's own state"},
    {"./.phasegate//operator.token", "the server's own state"},
    {"innocent.txt", "another name of the server's own state"},
    {"empty.md", "has 0 bytes"},
    {"a\\u0000b", "NUL byte"},
};

TEST(proof_file, refuses_what_is_no_file_of_the_project_and_says_what_it_is)
{
    struct fixture f;
    struct slice id = proof_begin(&f, FILE_FIELD);
    make_bad_files();
    for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++)
        proof_refused(
            &f, id,
            arena_printf(test_arena(), "{\"doc\":\"%s\"}", bad_files[i].path).p,
            bad_files[i].words);
    fixture_done(&f);
}

/* The one device that anybody may make. */
TEST(proof_file, refuses_a_device)
{
    struct fixture f;
    if (mknod(proof_path("device"), S_IFCHR | 0600, makedev(0, 0)) != 0)
        test_skip("no device can be made here");
    struct slice id = proof_begin(&f, FILE_FIELD);
    proof_refused(&f, id, "{\"doc\":\"device\"}", "device is a device");
    fixture_done(&f);
}

TEST(proof_file, refuses_what_it_may_not_read)
{
    struct fixture f;
    if (geteuid() == 0) test_skip("root may read everything");
    struct slice id = proof_begin(&f, FILE_FIELD);
    kit_put(test_tmpdir(), "shut.md", "x");
    CHECK_INT_EQ(chmod(proof_path("shut.md"), 0), 0);
    proof_refused(&f, id, "{\"doc\":\"shut.md\"}", "cannot be read");
    fixture_done(&f);
}

TEST(proof_file, refuses_paths_that_are_too_long)
{
    struct fixture f;
    struct slice id = proof_begin(&f, FILE_FIELD);
    char path[6000];
    memset(path, 'a', sizeof(path));
    path[300] = '\0';
    proof_refused(&f, id,
                  arena_printf(test_arena(), "{\"doc\":\"%s\"}", path).p,
                  "a name in the path has 300 bytes");
    path[300] = 'a';
    path[5000] = '\0';
    proof_refused(&f, id,
                  arena_printf(test_arena(), "{\"doc\":\"%s\"}", path).p,
                  "the path has 5000 bytes");
    fixture_done(&f);
}

TEST(proof_file, records_what_lay_there)
{
    struct fixture f;
    struct outcome o;
    struct slice id = proof_begin(&f, FILE_FIELD);
    uint8_t digest[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    kit_put(test_tmpdir(), "docs/design.md", "# Design\n");
    sha256_of(SLICE("# Design\n"), digest);
    CHECK_OK(kit_complete(&f, &o, id, 0, "{\"doc\":\"docs/./design.md\"}"));
    const struct json *proof = &json_get(o.out, SLICE("proofs"))->items[0];
    CHECK_STR_EQ(kit_text(proof, "kind"), "file");
    CHECK_STR_EQ(kit_text(proof, "path"), "docs/design.md");
    CHECK_STR_EQ(kit_text(proof, "sha256"), sha256_hex(digest, hex).p);
    CHECK_INT_EQ(kit_int(json_get(proof, SLICE("bytes"))), 9);
    outcome_done(&o);
    fixture_done(&f);
}

TEST(proof_file, asks_for_place_size_age_and_content)
{
    struct fixture f;
    struct outcome o;
    const struct timespec old[2] = {{1000, 0}, {1000, 0}};
    struct slice id = proof_begin(
        &f, FILE_FIELD "    file: {under: docs, min_bytes: 8, max_bytes: 40, "
                       "pattern: \"^## Risks\", newer_than_phase: true}\n");
    kit_put(test_tmpdir(), "design.md", "## Risks of all kinds\n");
    proof_refused(&f, id, "{\"doc\":\"design.md\"}", "does not lie in docs");
    kit_put(test_tmpdir(), "docs/short.md", "#");
    proof_refused(&f, id, "{\"doc\":\"docs/short.md\"}", "has 1 bytes");
    kit_put(test_tmpdir(), "docs/long.md",
            "## Risks\n0123456789012345678901234567890123456789");
    proof_refused(&f, id, "{\"doc\":\"docs/long.md\"}", "at most 40");
    kit_put(test_tmpdir(), "docs/other.md", "# Risks, many\n");
    proof_refused(&f, id, "{\"doc\":\"docs/other.md\"}", "does not hold");
    kit_put(test_tmpdir(), "docs/d.md", "## Risks\nnone\n");
    CHECK_INT_EQ(utimensat(AT_FDCWD, proof_path("docs/d.md"), old, 0), 0);
    proof_refused(&f, id, "{\"doc\":\"docs/d.md\"}", "before the phase began");
    kit_put(test_tmpdir(), "docs/d.md", "## Risks\nnone\n");
    CHECK_OK(kit_complete(&f, &o, id, 0, "{\"doc\":\"docs/d.md\"}"));
    outcome_done(&o);
    fixture_done(&f);
}

TEST(proof_file, of_the_gate_s_own_naming_needs_no_word_of_the_agent)
{
    struct fixture f;
    struct outcome o;
    struct slice id = proof_begin(&f, FILE_FIELD "    file: {path: out.txt}\n");
    proof_refused(&f, id, "{\"doc\":\"else.txt\"}", "there is no out.txt");
    kit_put(test_tmpdir(), "else.txt", "x");
    proof_refused(&f, id, "{\"doc\":\"else.txt\"}", "there is no out.txt");
    kit_put(test_tmpdir(), "out.txt", "x");
    CHECK_OK(kit_complete(&f, &o, id, 0, "{}"));
    outcome_done(&o);
    fixture_done(&f);
}

/* --- command ---------------------------------------------------------------
 */

TEST(proof_command, is_true_by_its_exit_code_alone)
{
    proof_passes(COMMAND_FIELD("boolean", "[\"true\"]"), "{}", "true");
}

TEST(proof_command, is_not_what_the_agent_says)
{
    proof_fails(COMMAND_FIELD("boolean", "[\"false\"]"), "{\"ran\":true}",
                "ended with exit code 1, not 0");
}

TEST(proof_command, measures_by_a_pattern_and_the_gate_judges_the_number)
{
    static const char coverage[] = COMMAND_FIELD(
        "number",
        "{argv: [echo, \"coverage: %s%%\"], value: "
        "{regex: \"coverage: ([0-9.]+)%%\"}}") "    validator: in_range\n"
                                               "    validator_params: "
                                               "{min_val: 90, max_val: 100}\n";
    proof_passes(arena_printf(test_arena(), coverage, "91.5").p,
                 "{\"ran\":100}", "91.5");
}

TEST(proof_command, refuses_a_number_that_is_too_small_whatever_was_claimed)
{
    proof_fails(
        COMMAND_FIELD(
            "number",
            "{argv: [echo, \"coverage: 12%\"], value: "
            "{regex: \"coverage: ([0-9.]+)%\"}}") "    validator: in_range\n"
                                                  "    validator_params: "
                                                  "{min_val: 90, max_val: "
                                                  "100}\n",
        "{\"ran\":99}", "must be from 90");
}

TEST(proof_command, reads_json)
{
    proof_passes(COMMAND_FIELD("integer",
                               "{argv: [echo, '{\"a\":[{\"n\":3}]}'], value: "
                               "{json: /a/0/n}}"),
                 "{}", "3");
}

TEST(proof_command, reads_closing_lines_and_failed_tests_are_no_pass)
{
    proof_fails(COMMAND_FIELD("integer", "{argv: [echo, '== 3 passed, 1 failed "
                                         "in 0.1s =='], value: {pytest: "
                                         "passed}}"),
                "{}", "1 tests failed");
}

TEST(proof_command, skipped_tests_are_no_pass)
{
    proof_fails(COMMAND_FIELD("integer", "{argv: [echo, '== 7 skipped in 0.1s "
                                         "=='], value: {pytest: total}}"),
                "{}", "no test ran (7 were skipped)");
}

TEST(proof_command, of_no_program_that_is_there_says_so)
{
    proof_fails(COMMAND_FIELD("boolean", "[no-such-program-at-all]"), "{}",
                "cannot be started");
}

TEST(proof_command, that_takes_too_long_is_ended)
{
    proof_fails(COMMAND_FIELD("boolean", "{argv: [sleep, \"600\"], timeout_s: "
                                         "1}"),
                "{}", "ran longer than 1 s");
}

TEST(proof_command, knows_no_shell)
{
    proof_passes(COMMAND_FIELD("string",
                               "{argv: [echo, \"$HOME; touch pwned\"], value: "
                               "{regex: \"(.+)\"}}"),
                 "{}", "\"$HOME; touch pwned\"");
    CHECK_INT_EQ(access(proof_path("pwned"), F_OK), -1);
}

TEST(proof_command, is_not_run_before_the_rest_is_met)
{
    struct fixture f;
    struct slice id = proof_begin_trusted(
        &f, COMMAND_FIELD("boolean",
                          "[touch, ran.txt]") "  said:\n    type: string\n    "
                                              "required: true\n");
    proof_refused(&f, id, "{}", "\\\"said\\\" (string) is missing");
    CHECK_INT_EQ(access(proof_path("ran.txt"), F_OK), -1);
    fixture_done(&f);
}

TEST(proof_command, of_an_untrusted_workflow_is_not_run)
{
    struct fixture f;
    struct outcome o;
    struct slice id =
        proof_begin(&f, COMMAND_FIELD("boolean", "[touch, ran.txt]"));
    CHECK_ERR(kit_complete(&f, &o, id, 0, "{}"), ERR_WORKFLOW_UNTRUSTED);
    CHECK_CONTAINS(o.call.problem.how_to_fix, "phasegate trust three_v1");
    outcome_done(&o);
    CHECK_INT_EQ(access(proof_path("ran.txt"), F_OK), -1);
    fixture_done(&f);
}

TEST(proof_command, of_files_that_changed_since_they_were_trusted_is_not_run)
{
    struct fixture f;
    struct outcome o;
    struct slice id =
        proof_begin_trusted(&f, COMMAND_FIELD("boolean", "[\"true\"]"));
    kit_put(proof_path("wf"), "three_v1/phases/1/phase.md", "# Other\n");
    struct eng_start_workflow_args again = {.workflow_type = SLICE("three_v1"),
                                            .target = SLICE("src/b.c")};
    CHECK_OK(CALL(&o, eng_start_workflow(f.engine, &o.call, &again)));
    struct slice other = arena_copy(
        test_arena(), json_text(json_get(o.out, SLICE("session_id"))));
    outcome_done(&o);
    CHECK_ERR(kit_complete(&f, &o, other, 0, "{}"), ERR_WORKFLOW_UNTRUSTED);
    outcome_done(&o);
    CHECK_OK(kit_complete(&f, &o, id, 0, "{}")); /* pinned as it was trusted */
    outcome_done(&o);
    fixture_done(&f);
}

TEST(proof_command, that_fails_does_not_keep_the_next_from_passing)
{
    struct fixture f;
    struct outcome o;
    struct slice id = proof_begin_trusted(
        &f, COMMAND_FIELD("boolean", "[test, -f, done.txt]"));
    proof_refused(&f, id, "{}", "ended with exit code 1");
    kit_put(test_tmpdir(), "done.txt", "x");
    CHECK_OK(kit_complete(&f, &o, id, 0, "{}"));
    outcome_done(&o);
    fixture_done(&f);
}

/* Those who ask at once share one run; one of them completes the phase. */
enum { ASKERS = 6 };

TEST(proof_command, runs_once_for_all_who_ask_at_once)
{
    struct fixture f;
    struct outcome o[ASKERS];
    struct slice id = proof_begin_trusted(
        &f, COMMAND_FIELD("boolean",
                          "{argv: [sh, -c, \"echo x >> runs; sleep 0.3\"]}"));
    struct eng_complete_phase_args args = {
        .session_id = id, .phase = 0, .evidence = parse("{}")};
    enum err e[ASKERS];
    int passed = 0;
    for (int i = 0; i < ASKERS; i++) {
        outcome_begin(&o[i]);
        o[i].call.on_loop = true;
        e[i] = eng_complete_phase(f.engine, &o[i].call, &args);
    }
    for (int i = 0; i < ASKERS; i++) {
        enum err end = outcome_end(&o[i], e[i]);
        CHECK(end == OK || end == ERR_PHASE_ALREADY_COMPLETE);
        passed += end == OK;
    }
    CHECK_INT_EQ(passed, 1);
    struct slice runs;
    CHECK_OK(file_read(slice_of(proof_path("runs")), 100, test_arena(), &runs));
    CHECK_SLICE_EQ(runs, SLICE("x\n"));
    for (int i = 0; i < ASKERS; i++) outcome_done(&o[i]);
    fixture_done(&f);
}

TEST(proof_command, that_outlasts_patience_goes_on_and_the_retry_joins_it)
{
    struct fixture f;
    struct outcome o;
    struct slice id = proof_begin_trusted(
        &f, COMMAND_FIELD("boolean", "{argv: [sh, -c, \"echo x >> runs; while "
                                     "! test -f go; do sleep 0.01; done\"]}"));
    struct eng_complete_phase_args args = {
        .session_id = id, .phase = 0, .evidence = parse("{}")};
    outcome_begin(&o);
    o.call.patience_ms = 100;
    CHECK_ERR(outcome_end(&o, eng_complete_phase(f.engine, &o.call, &args)),
              ERR_DEADLINE);
    CHECK(o.call.problem.retry_after_ms > 0);
    outcome_done(&o);
    kit_put(test_tmpdir(), "go", "x");
    CHECK_OK(kit_complete(&f, &o, id, 0, "{}"));
    outcome_done(&o);
    struct slice runs;
    CHECK_OK(file_read(slice_of(proof_path("runs")), 100, test_arena(), &runs));
    CHECK_SLICE_EQ(runs, SLICE("x\n"));
    fixture_done(&f);
}

TEST(proof_command, is_ended_at_shutdown_and_nobody_is_left_waiting)
{
    struct fixture f;
    struct outcome o;
    struct slice id =
        proof_begin_trusted(&f, COMMAND_FIELD("boolean", "[sleep, \"600\"]"));
    struct eng_complete_phase_args args = {
        .session_id = id, .phase = 0, .evidence = parse("{}")};
    outcome_begin(&o);
    o.call.on_loop = true;
    enum err e = eng_complete_phase(f.engine, &o.call, &args);
    CHECK_INT_EQ(e, ERR_PENDING);
    eng_end_commands(f.engine);
    e = outcome_end(&o, e);
    CHECK(e == ERR_GATE_REFUSED || e == ERR_CLOSED);
    outcome_done(&o);
    fixture_done(&f);
}
