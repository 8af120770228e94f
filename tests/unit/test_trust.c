/* trust: where the list of trusted workflows lies, what counts in it, and
 * what is done when it is not ours alone. */
#include "engine/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/file.h"
#include "tests/unit/workflow_kit.h"

static struct eng_definition *workflow(void)
{
    struct eng_files files;
    struct problem p;
    problem_init(&p);
    CHECK_OK(eng_files_read(arena_printf(test_arena(),
                                         "%s/examples/workflows/bugfix_v1",
                                         test_source_dir()),
                            test_arena(), &p, &files));
    /* A change, so that it is not the one that is shipped. */
    return kit_build(kit_edit(files, "phases/0/phase.md", "Do not", "Don't"));
}

struct place {
    const char *state, *home, *path;
};
/* clang-format off */
TEST_EACH(trust, the_list_lies_in_the_users_own_state, struct place, row,
    {"/s", "/h", "/s/phasegate/trusted"},
    {NULL, "/h", "/h/.local/state/phasegate/trusted"},
    {"", "/h", "/h/.local/state/phasegate/trusted"},
    {"relative", "/h", "/h/.local/state/phasegate/trusted"},
    {NULL, NULL, ""},
    {NULL, "relative", ""})
/* clang-format on */
{
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    if (row->state) CHECK_INT_EQ(setenv("XDG_STATE_HOME", row->state, 1), 0);
    if (row->home) CHECK_INT_EQ(setenv("HOME", row->home, 1), 0);
    CHECK_TEXT_EQ(eng_trust_path(test_arena()), row->path);
}

static struct slice list_path(void)
{
    return arena_printf(test_arena(), "%s/state/trusted", test_tmpdir());
}

static bool trusted(struct slice path, const struct eng_definition *d)
{
    bool is = false;
    CHECK_OK(eng_trusted(path, d, test_arena(), &is));
    return is;
}

struct listed {
    const char *text; /* %s: the hash */
    bool trusted;
};
/* clang-format off */
TEST_EACH(trust, a_line_counts_whole_and_at_its_start, struct listed, row,
    {"%s bugfix_v1 now\n", true},
    {"other line\n%s x", true},
    {"%s", false},
    {"%s\n", false},
    {"%sx y\n", false},
    {" %s x\n", false},
    {"#%s x\n", false},
    {"", false})
/* clang-format on */
{
    char text[400];
    struct eng_definition *d = workflow();
    struct slice hash = eng_trust_hash(d, test_arena());
    char *at = strstr(row->text, "%s") ? arena_cstr(test_arena(), hash) : NULL;
    struct slice all = slice_of(row->text);
    size_t mark = slice_find(all, SLICE("%s"));
    snprintf(text, sizeof(text), "%.*s%s%.*s", (int)mark, row->text,
             at ? at : "", at ? (int)(all.n - mark - 2) : 0,
             at ? row->text + mark + 2 : "");
    CHECK_OK(
        path_make(arena_printf(test_arena(), "%s/state", test_tmpdir()), 0700));
    CHECK(!trusted(list_path(), d));
    CHECK_OK(file_write_atomic(list_path(), slice_of(text), 0600));
    CHECK(trusted(list_path(), d) == row->trusted);
    /* What others may write says nothing. */
    CHECK_INT_EQ(chmod(list_path().p, 0622), 0);
    CHECK(!trusted(list_path(), d));
    CHECK(!trusted((struct slice){0}, d));
}

TEST(trust, what_is_added_comes_behind_what_was_there)
{
    struct eng_definition *d = workflow();
    struct slice text;
    CHECK_OK(eng_trust_add(list_path(), d, test_arena())); /* makes it */
    CHECK(trusted(list_path(), d));
    CHECK_OK(file_write_atomic(list_path(), SLICE("a line without end"), 0600));
    CHECK_OK(eng_trust_add(list_path(), d, test_arena()));
    CHECK_OK(file_read(list_path(), 1 << 16, test_arena(), &text));
    CHECK(slice_starts(text, SLICE("a line without end\n")));
    CHECK(trusted(list_path(), d));
    CHECK_OK(eng_trust_add(list_path(), d, test_arena()));
    CHECK(trusted(list_path(), d));
}

TEST(trust, a_list_that_is_not_ours_alone_is_not_written_to)
{
    struct eng_definition *d = workflow();
    struct slice text;
    CHECK_ERR(eng_trust_add(SLICE(""), d, test_arena()), ERR_NOT_FOUND);
    CHECK_ERR(eng_trust_add(SLICE("trusted"), d, test_arena()), ERR_NOT_FOUND);
    CHECK_OK(
        path_make(arena_printf(test_arena(), "%s/state", test_tmpdir()), 0700));
    CHECK_OK(file_write_atomic(list_path(), SLICE("x\n"), 0600));
    CHECK_INT_EQ(chmod(list_path().p, 0666), 0);
    CHECK_ERR(eng_trust_add(list_path(), d, test_arena()), ERR_INVALID);
    CHECK_OK(file_read(list_path(), 1 << 16, test_arena(), &text));
    CHECK_TEXT_EQ(text, "x\n");
}

/* However little memory there is: told, or the list as it should be. */
TEST(trust, memory_that_ends_anywhere_is_told)
{
    struct eng_definition *d = workflow();
    enum err e = ERR_NOMEM;
    for (size_t ceiling = 0; e; ceiling += 32) {
        struct arena a;
        bool is = false;
        arena_init(&a, ceiling);
        e = eng_trust_add(list_path(), d, &a);
        arena_done(&a);
        if (e) CHECK_ERR(e, ERR_NOMEM);
        CHECK(trusted(list_path(), d) == (e == OK));
        arena_init(&a, ceiling);
        enum err r = eng_trusted(list_path(), d, &a, &is);
        CHECK(r == OK || r == ERR_NOMEM);
        CHECK(!is || e == OK);
        arena_done(&a);
    }
}
