/* The workflows that come with the program are trusted as they are: the table
 * in the program and the files hold each other. */
#include <dirent.h>
#include <string.h>

#include "engine/trust.h"
#include "engine/trust_shipped.h"
#include "tests/unit/proof_kit.h"
#include "tests/unit/workflow_kit.h"

enum { SHIPPED = sizeof(trust_shipped) / sizeof(trust_shipped[0]) };

static struct eng_definition *example(const char *type)
{
    struct eng_files files;
    struct problem p;
    problem_init(&p);
    CHECK_OK(
        eng_files_read(arena_printf(test_arena(), "%s/examples/workflows/%s",
                                    test_source_dir(), type),
                       test_arena(), &p, &files));
    return kit_build(files);
}

TEST(trust_shipped, the_table_has_each_example_as_it_is_and_no_other)
{
    size_t n = 0;
    DIR *dir = opendir(
        arena_printf(test_arena(), "%s/examples/workflows", test_source_dir())
            .p);
    const struct dirent *d;
    CHECK(dir);
    while ((d = readdir(dir))) {
        if (d->d_name[0] == '.') continue;
        bool listed = false;
        struct slice hash = eng_trust_hash(example(d->d_name), test_arena());
        for (size_t i = 0; i < SHIPPED; i++)
            listed |= slice_eq(hash, slice_of(trust_shipped[i]));
        if (!listed)
            FAIL("engine/trust_shipped.h lacks this line: \"%.*s\", /* %s */",
                 SLICE_ARG(hash), d->d_name);
        n++;
    }
    closedir(dir);
    CHECK_INT_EQ(n, SHIPPED);
}

static struct slice begin(struct fixture *f, const char *target)
{
    struct outcome o;
    struct eng_start_workflow_args args = {
        .workflow_type = SLICE("dependency_upgrade_v1"),
        .target = slice_of(target)};
    CHECK_OK(CALL(&o, eng_start_workflow(f->engine, &o.call, &args)));
    struct slice id = arena_copy(
        test_arena(), json_text(json_get(o.out, SLICE("session_id"))));
    outcome_done(&o);
    return id;
}

static const char *const evidence[] = {
    "{\"package\":\"dates\",\"manifest\":\"deps.txt\",\"from_version\":"
    "\"1.2.0\",\"to_version\":\"1.3.0\",\"reason\":\"1.3.0 knows leap "
    "years\",\"tests_before\":41,\"failed_before\":0}",
    "{\"releases_read\":[\"1.3.0\"],\"breaking_changes\":[],\"usages_found\":"
    "3,\"licence_unchanged\":true}",
    "{\"lock_file\":\"deps.lock\",\"installed_version\":\"1.3.0\","
    "\"also_moved\":[],\"places_adapted\":0,\"new_warnings\":[]}",
    "{\"tests_after\":41,\"failed_after\":0,\"tests_removed_or_skipped\":0,"
    "\"tried_by_hand\":\"days 2028 2 prints 29 now\",\"rollback_plan\":\"git "
    "revert the two commits, then install deps.lock again\"}"};

static void pass(struct fixture *f, struct slice id, int64_t phase)
{
    struct outcome o;
    enum err e = kit_complete(f, &o, id, phase, evidence[phase]);
    if (e) FAIL("%.*s", SLICE_ARG(o.call.problem.siblings));
    outcome_done(&o);
}

/* Nobody was asked for trust. */
TEST(trust_shipped, a_shipped_workflow_runs_its_command_and_keeps_its_files)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, NULL);
    fixture_helper(&f, test_binary(), proof_path("trusted"));
    kit_put(test_tmpdir(), "deps.txt", "dates 1.2.0\n");
    kit_put(test_tmpdir(), "deps.lock", "<<<<<<< HEAD\ndates 1.3.0\n");
    struct slice id = begin(&f, "deps.txt");
    pass(&f, id, 0);
    kit_put(test_tmpdir(), "deps.txt", "dates 1.3.0\n"); /* it may move */
    pass(&f, id, 1);
    CHECK_ERR(kit_complete(&f, &o, id, 2, evidence[2]), ERR_GATE_REFUSED);
    CHECK_CONTAINS(o.call.problem.siblings, "deps.lock");
    outcome_done(&o);
    kit_put(test_tmpdir(), "deps.lock", "dates 1.3.0\n");
    pass(&f, id, 2);
    kit_put(test_tmpdir(), "deps.lock", "dates 1.4.0\n");
    CHECK_ERR(kit_complete(&f, &o, id, 3, evidence[3]), ERR_PHASE_LOCKED);
    CHECK_CONTAINS(o.call.problem.why, "deps.lock");
    outcome_done(&o);
    pass(&f, id, 2);
    pass(&f, id, 3);
    fixture_done(&f);
}
