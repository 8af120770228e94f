/* `phasegate demo`, as a person runs it. */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/integration/program.h"

/* What people are promised to see, in this order. */
static const char *const promised[] = {
    "editor    starts",
    "agent     start_workflow bugfix_v1",
    "sub-agent joins over HTTP, http://127.0.0.1:",
    "sees the same session: phase 0",
    "complete_phase 0",
    "refused   2 of its fields",
    "is not proven (file): there is no tests/test_leap_year.sh",
    "is missing",
    "FAILED february_has_29_days_in_a_leap_year: expected 29, got 28",
    "passed    receipt ",
    "sub-agent asked ",
    "sub-agent does phase 1 over HTTP",
    "passed    receipt ",
    "the same test again: 1 passed, 0 failed",
    "passed    receipt ",
    "the server ends with it",
    "is opened again: answered after",
    "goes on where it was: phase 3",
    "runs the whole suite: 3 passed, 0 failed",
    "the workflow is complete",
    "state.db  completed, 6 events",
    "what phase 0 was passed with is still there",
    "FAILED february",
    "phasegate init\n",
};

static void check_transcript(struct slice text)
{
    for (size_t i = 0; i < sizeof(promised) / sizeof(promised[0]); i++) {
        size_t at = slice_find(text, slice_of(promised[i]));
        if (at == text.n) FAIL("not in its place: %s", promised[i]);
        text = slice_sub(text, at + 1, text.n);
    }
}

static size_t entries(const char *folder)
{
    struct file_name *names;
    size_t count = 0;
    CHECK_OK(folder_list(slice_of(folder), 1000, test_arena(), &names, &count));
    return count;
}

/* A temporary folder that only the demo uses. */
static const char *stage_folder(void)
{
    struct slice path =
        arena_printf(test_arena(), "%s/a stage of its own", test_tmpdir());
    CHECK_INT_EQ(mkdir(path.p, 0755), 0);
    return path.p;
}

static struct ended demo_in(const char *tmp, const char *binary)
{
    return program_run(&(struct program){
        .binary = binary,
        .env =
            (const char *const[]){
                arena_printf(test_arena(), "TMPDIR=%s", tmp).p,
                "PHASEGATE_TRANSPORT=stdio", NULL},
        .args = (const char *const[]){"demo", NULL}});
}

TEST(demo, tells_its_story_and_leaves_nothing_behind)
{
    const char *tmp = stage_folder();
    struct ended e = demo_in(tmp, NULL);
    CHECK_INT_EQ(e.status, 0);
    check_transcript(e.out);
    CHECK_TEXT_EQ(e.err, "");
    CHECK(!says(e.out, "\033")); /* no colours into a file */
    CHECK_INT_EQ(entries(tmp), 0);
}

TEST(demo, fits_on_one_screen)
{
    struct ended e = demo_in(stage_folder(), NULL);
    size_t lines = 0;
    struct slice rest = e.out, line;
    for (; slice_split(&rest, '\n', &line); lines++)
        if (!says(line, "is not proven") && !says(line, "is missing") &&
            !says(line, "phasegate init"))
            CHECK_INT_LE(slice_utf8_length(line), 80);
    CHECK_INT_LE(lines, 45);
}

/* Below test_tmpdir()/usr, by the build's own rules. */
static const char *install(bool with_workflows)
{
    const char *tmp = test_tmpdir();
    struct slice command = arena_printf(
        test_arena(),
        "cmake --install '%s' --prefix '%s/usr' && "
        "{ %s || rm -r '%s/usr/share/phasegate/workflows'; }",
        test_binary_dir(), tmp, with_workflows ? "true" : "false", tmp);
    FILE *f = popen(command.p, "re");
    CHECK(f != NULL);
    for (char line[512]; fgets(line, sizeof(line), f);)
        (void)fputs(line, stdout);
    CHECK_INT_EQ(pclose(f), 0);
    return arena_printf(test_arena(), "%s/usr/bin/phasegate", tmp).p;
}

TEST(demo, runs_when_installed)
{
    struct ended e = demo_in(stage_folder(), install(true));
    CHECK_INT_EQ(e.status, 0);
    check_transcript(e.out);
}

TEST(demo, says_when_its_workflows_are_not_installed)
{
    struct ended e = demo_in(stage_folder(), install(false));
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.err, "example workflows are not installed");
    CHECK_CONTAINS(e.err, "share/phasegate/workflows");
}

TEST(demo, says_when_it_has_no_room)
{
    struct ended e = demo_in("/nonexistent/tmp", NULL);
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.err, "cannot make a folder in /nonexistent/tmp");
}

TEST(demo, takes_no_words)
{
    struct ended e = RUN_IN(NULL, "demo", "please");
    CHECK_INT_EQ(e.status, 2);
    CHECK_CONTAINS(e.err, "please");
    e = RUN_IN(NULL, "demo", "--help");
    CHECK_INT_EQ(e.status, 0);
    CHECK_CONTAINS(e.out, "phasegate demo");
}
