/* A result that CI signed: who signed it, and whether it is still what was
 * signed. The keys are made for each test. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/fault_kit.h"

static const char *in_project(const char *name)
{
    return arena_printf(test_arena(), "%s/%s", test_tmpdir(), name).p;
}

static void ssh_keygen(const char *const *argv)
{
    int status = -1;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int fd = 0; fd < 3; fd++) (void)dup2(null, fd);
        (void)execvp("ssh-keygen", (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
    if (status) FAIL("ssh-keygen (openssh-client) ended with %d", status);
}

/* A new key; the public half, as a gate file holds it. */
static const char *key_make(const char *name)
{
    const char *path = in_project(name);
    struct slice text;
    ssh_keygen((const char *const[]){"ssh-keygen", "-q", "-t", "ed25519", "-N",
                                     "", "-C", "", "-f", path, NULL});
    CHECK_OK(file_read(arena_printf(test_arena(), "%s.pub", path), 1000,
                       test_arena(), &text));
    return arena_cstr(test_arena(), slice_trim(text));
}

/* The signature comes to lie beside the file. */
static void sign(const char *key, const char *space, const char *name)
{
    const char *path = in_project(name);
    (void)unlink(arena_printf(test_arena(), "%s.sig", path).p);
    ssh_keygen((const char *const[]){"ssh-keygen", "-q", "-Y", "sign", "-n",
                                     space, "-f", in_project(key), path, NULL});
}

/* A gate that asks ci@example.org, who has `key`, how many tests passed. */
static struct slice begin_with(struct fixture *f, const char *key,
                               const char *more)
{
    const char *folder = kit_workflows();
    struct slice gate = arena_printf(
        test_arena(),
        "checkpoint: {strict: true}\nevidence_schema:\n  ci_passed:\n"
        "    type: integer\n    required: true\n    description: \"it\"\n"
        "    proof: ci\n    ci:\n      path: ci/result.json\n"
        "      identity: ci@example.org\n      keys: [\"%s\"]\n"
        "      value: {json: /tests/passed}\n%s",
        key, more);
    kit_put(folder, "three_v1/phases/0/gate-definition.yaml", gate.p);
    kit_put(test_tmpdir(), "ci/result.json", "{\"tests\":{\"passed\":41}}\n");
    fixture_init(f, folder);
    fixture_helper(f, test_binary(), in_project("trusted"));
    return kit_begin(f, "src/a.c");
}

static struct slice begin(struct fixture *f, const char *key)
{
    return begin_with(f, key, "");
}

/* Whatever the agent says of it. */
static void check_refused(struct fixture *f, struct slice id, const char *words)
{
    struct outcome o;
    CHECK_ERR(kit_complete(f, &o, id, 0, "{\"ci_passed\":100}"),
              ERR_GATE_REFUSED);
    CHECK_CONTAINS(o.call.problem.siblings, words);
    outcome_done(&o);
}

TEST(proof_ci, of_the_right_key_gives_the_number_that_was_signed)
{
    struct fixture f;
    struct outcome o;
    struct slice id = begin(&f, key_make("key"));
    check_refused(&f, id, "there is no ci/result.json.sig");
    sign("key", "phasegate", "ci/result.json");
    enum err e = kit_complete(&f, &o, id, 0, "{\"ci_passed\":100}");
    if (e) FAIL("%.*s", SLICE_ARG(o.call.problem.siblings));
    const struct json *proof = &json_get(o.out, SLICE("proofs"))->items[0];
    CHECK_STR_EQ(kit_text(proof, "kind"), "ci");
    CHECK_INT_EQ(kit_int(json_get(proof, SLICE("value"))), 41);
    outcome_done(&o);
    fixture_done(&f);
}

TEST(proof_ci, of_another_key_proves_nothing)
{
    struct fixture f;
    struct slice id = begin(&f, key_make("key"));
    key_make("other");
    sign("other", "phasegate", "ci/result.json");
    check_refused(&f, id, "is not one of ci@example.org");
    fixture_done(&f);
}

TEST(proof_ci, of_a_signature_made_for_something_else_proves_nothing)
{
    struct fixture f;
    struct slice id = begin(&f, key_make("key"));
    sign("key", "git", "ci/result.json");
    check_refused(&f, id, "is not one of ci@example.org");
    fixture_done(&f);
}

TEST(proof_ci, of_a_file_that_changed_after_it_was_signed_proves_nothing)
{
    struct fixture f;
    struct slice id = begin(&f, key_make("key"));
    sign("key", "phasegate", "ci/result.json");
    kit_put(test_tmpdir(), "ci/result.json", "{\"tests\":{\"passed\":42}}\n");
    check_refused(&f, id, "is not one of ci@example.org");
    kit_put(test_tmpdir(), "ci/result.json.sig", "no signature\n");
    check_refused(&f, id, "is not one of ci@example.org");
    fixture_done(&f);
}

/* --- of which work it is --------------------------------------------------- */

/* What CI says now, signed and named so. */
static void result_make(const char *name)
{
    char at[CLOCK_TEXT_SIZE];
    clock_text(clock_wall_ms(), at);
    kit_put(test_tmpdir(), name,
            arena_printf(test_arena(),
                         "{\"tests\":{\"passed\":41},\"at\":\"%s\"}\n", at)
                .p);
    sign("key", "phasegate", name);
}

/* It comes to lie where the gate looks. */
static void result_bring(const char *name)
{
    static const char *const ends[] = {"", ".sig"};
    for (int i = 0; i < 2; i++) {
        struct slice text;
        CHECK_OK(file_read(arena_printf(test_arena(), "%s/%s%s", test_tmpdir(),
                                        name, ends[i]),
                           1000, test_arena(), &text));
        kit_put(test_tmpdir(),
                arena_printf(test_arena(), "ci/result.json%s", ends[i]).p,
                arena_cstr(test_arena(), text));
    }
}

static void check_passes(struct fixture *f, struct slice id)
{
    struct outcome o;
    enum err e = kit_complete(f, &o, id, 0, "{\"ci_passed\":41}");
    if (e) FAIL("%.*s", SLICE_ARG(o.call.problem.siblings));
    outcome_done(&o);
}

/* A person sent the phase back: what it was proven by then proves it no more,
 * not even when the file that is kept fresh is replaced by it. */
TEST(proof_ci, of_before_a_rollback_does_not_come_back_when_the_file_changes)
{
    struct fixture f;
    struct outcome o;
    struct slice id = begin_with(&f, key_make("key"),
                                 "      time: /at\n    fresh: true\n");
    result_make("a.json");
    result_bring("a.json");
    check_passes(&f, id);
    clock_fake_jump(600000);
    CHECK_OK(kit_manage(&f, &o, id, "rollback", 0, false, NULL));
    outcome_done(&o);
    check_refused(&f, id, "and the phase began at");
    result_make("b.json");
    result_bring("b.json");
    check_passes(&f, id);
    result_bring("a.json");
    check_refused(&f, id, "and the phase began at");
    result_bring("b.json");
    check_passes(&f, id);
    clock_fake_jump(-600000);
    fixture_done(&f);
}

struct when {
    const char *label, *result, *words;
};

/* Who dates a result to come would have one for each phase. */
TEST_EACH(proof_ci, that_does_not_say_a_time_of_this_work_proves_nothing,
          struct when, row,
          {"to come", "{\"tests\":{\"passed\":41},"
                      "\"at\":\"2999-01-01T00:00:00Z\"}",
           "is of 2999-01-01T00:00:00Z"},
          {"long ago", "{\"tests\":{\"passed\":41},"
                       "\"at\":\"1999-01-01T00:00:00Z\"}",
           "and the phase began at"},
          {"no time", "{\"tests\":{\"passed\":41},\"at\":\"today\"}",
           "does not say at /at when it was made"},
          {"none", "{\"tests\":{\"passed\":41}}",
           "does not say at /at when it was made"})
{
    struct fixture f;
    struct slice id = begin_with(&f, key_make("key"), "      time: /at\n");
    kit_put(test_tmpdir(), "ci/result.json", row->result);
    sign("key", "phasegate", "ci/result.json");
    check_refused(&f, id, row->words);
    fixture_done(&f);
}

/* --- a failing disk --------------------------------------------------------- */

FAULT_CALL(complete, complete_phase, .session_id = t->id, .phase = 0,
           .evidence = t->json)

static void signed_begin(struct fault *t)
{
    t->id = begin(&t->f, key_make("key"));
    sign("key", "phasegate", "ci/result.json");
}

static void told(struct fault *t)
{
    fault_session(t);
    t->json = parse("{\"ci_passed\":41}");
}

TEST(proof_ci, without_a_disk_is_kept_whole_or_said_to_be_wanting)
{
    fault_disk_run(&(struct fault_op){"ci", signed_begin, told, complete});
}
