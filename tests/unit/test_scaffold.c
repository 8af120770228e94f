/* scaffold: a new workflow's folder appears whole, or a reason is told and
 * nothing is left. */
#include "engine/scaffold.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "tests/runner/test.h"

static struct slice root(void)
{
    struct slice real;
    CHECK_OK(
        path_inside(slice_of(test_tmpdir()), SLICE("."), test_arena(), &real));
    return real;
}

static struct slice below(const char *name)
{
    return arena_printf(test_arena(), "%s/%s", test_tmpdir(), name);
}

static size_t entries(const char *folder)
{
    DIR *dir = opendir(below(folder).p);
    size_t n = 0;
    if (!dir) return 0;
    while (readdir(dir)) n++;
    closedir(dir);
    return n - 2;
}

static struct slice repeated(char c, size_t n)
{
    char *p = arena_alloc(test_arena(), n + 1);
    memset(p, c, n);
    p[n] = '\0';
    return (struct slice){p, n};
}

static enum err write_it(struct slice name, struct slice description,
                         const struct slice *phases, size_t count,
                         struct slice output, struct problem *p,
                         struct eng_scaffolded *ret)
{
    struct eng_scaffold s = {.root = root(),
                             .output = output,
                             .name = name,
                             .description = description,
                             .phases = phases,
                             .phases_count = count};
    problem_init(p);
    enum err e = eng_scaffold_write(&s, test_arena(), p, ret);
    if (e) CHECK(p->what.n && p->why.n && p->how_to_fix.n);
    return e;
}

struct asked {
    const char *name, *phase, *description, *output;
    enum err err;
    const char *what;
};
/* clang-format off */
TEST_EACH(scaffold, what_cannot_be_made_is_refused_by_name, struct asked, row,
    {"a", "Plan", "", "out", OK},
    {"release-v1_B", " Plan it ", "When it is time.", "out/deep/er", OK},
    {"a", "Plan", "", "", OK},
    {"a", "Plan", "", "out//", OK},
    {"", "Plan", "", "out", ERR_INVALID_PARAMETER, "name"},
    {"1a", "Plan", "", "out", ERR_INVALID_PARAMETER, "name"},
    {"_a", "Plan", "", "out", ERR_INVALID_PARAMETER, "name"},
    {"a b", "Plan", "", "out", ERR_INVALID_PARAMETER, "name"},
    {"a/b", "Plan", "", "out", ERR_INVALID_PARAMETER, "name"},
    {"a.b", "Plan", "", "out", ERR_INVALID_PARAMETER, "name"},
    {"\xc3\xa9", "Plan", "", "out", ERR_INVALID_PARAMETER, "name"},
    {"a", "", "", "out", ERR_INVALID_PARAMETER, "phases[0]"},
    {"a", " ", "", "out", ERR_INVALID_PARAMETER, "phases[0]"},
    {"a", "two\nlines", "", "out", ERR_INVALID_PARAMETER, "phases[0]"},
    {"a", "x`y", "", "out", ERR_INVALID_PARAMETER, "phases[0]"},
    {"a", "x|y", "", "out", ERR_INVALID_PARAMETER, "phases[0]"},
    {"a", "\xff", "", "out", ERR_INVALID_PARAMETER, "phases[0]"},
    {"a", "x\xe2\x80\xaey", "", "out", ERR_INVALID_PARAMETER, "phases[0]"},
    {"a", "Plan", "two\nlines", "out", ERR_INVALID_PARAMETER, "description"},
    {"a", "Plan", " ", "out", ERR_INVALID_PARAMETER, "description"},
    {"a", "Plan", "", "..", ERR_INVALID_PARAMETER, "output_dir"},
    {"a", "Plan", "", "out/../x", ERR_INVALID_PARAMETER, "output_dir"},
    {"a", "Plan", "", "/", ERR_INVALID_PARAMETER, "output_dir"},
    {"a", "Plan", "", "/nowhere/at/all", ERR_INVALID_PARAMETER, "output_dir"},
    {"a", "Plan", "", "x\ny", ERR_INVALID_PARAMETER, "output_dir"},
    {"a", "Plan", "", "file", ERR_INVALID_PARAMETER, "output_dir"},
    {"a", "Plan", "", "file/x", ERR_INVALID_PARAMETER, "output_dir"},
    {"a", "Plan", "", "away/x", ERR_INVALID_PARAMETER, "output_dir"},
    {"taken", "Plan", "", "there", ERR_EXISTS, "there/taken"},
    {"dangling", "Plan", "", "there", ERR_EXISTS, "there/dangling"})
/* clang-format on */
{
    struct slice phase = slice_of(row->phase);
    struct eng_scaffolded made;
    struct problem p;
    struct stat st;
    CHECK_OK(path_make(below("there/taken"), 0755));
    CHECK_OK(file_write_atomic(below("file"), SLICE("x"), 0644));
    CHECK_INT_EQ(symlink("/tmp", below("away").p), 0);
    CHECK_INT_EQ(symlink("none", below("there/dangling").p), 0);
    CHECK_ERR(write_it(slice_of(row->name), slice_of(row->description), &phase,
                       1, slice_of(row->output), &p, &made),
              row->err);
    CHECK_INT_EQ(entries("there"), 2);
    if (row->err) {
        CHECK_CONTAINS(p.what, row->what);
        return;
    }
    for (size_t i = 0; i < made.count; i++) {
        struct slice file =
            arena_printf(test_arena(), "%.*s/%.*s", SLICE_ARG(made.folder),
                         SLICE_ARG(made.files[i]));
        CHECK(stat(file.p, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0);
        CHECK(i == 0 || slice_cmp(made.files[i - 1], made.files[i]) < 0);
    }
    CHECK_ERR(write_it(slice_of(row->name), SLICE(""), &phase, 1,
                       slice_of(row->output), &p, &made),
              ERR_EXISTS);
}

TEST(scaffold, its_phases_are_one_to_fifty_that_differ)
{
    struct slice phases[ENG_SCAFFOLD_PHASES + 1];
    struct eng_scaffolded made;
    struct problem p;
    for (size_t i = 0; i <= ENG_SCAFFOLD_PHASES; i++)
        phases[i] = arena_printf(test_arena(), "Phase of %zu", i);
    for (size_t n = 0; n <= ENG_SCAFFOLD_PHASES + 1;
         n += ENG_SCAFFOLD_PHASES + 1) {
        CHECK_ERR(
            write_it(SLICE("a"), SLICE(""), phases, n, SLICE("out"), &p, &made),
            ERR_INVALID_PARAMETER);
        CHECK_CONTAINS(p.why, "1 to 50 phases");
    }
    /* Fifty are not what is wrong here. */
    CHECK_ERR(write_it(SLICE("a"), SLICE(""), phases, ENG_SCAFFOLD_PHASES,
                       SLICE(".."), &p, &made),
              ERR_INVALID_PARAMETER);
    CHECK_CONTAINS(p.what, "output_dir");
    phases[1] = SLICE(" PHASE OF 0 ");
    CHECK_ERR(
        write_it(SLICE("b"), SLICE(""), phases, 2, SLICE("out"), &p, &made),
        ERR_INVALID_PARAMETER);
    CHECK_CONTAINS(p.why, "Two phases have one name");
    phases[0] = repeated('p', 81);
    CHECK_ERR(
        write_it(SLICE("b"), SLICE(""), phases, 1, SLICE("out"), &p, &made),
        ERR_INVALID_PARAMETER);
    phases[0] = repeated('p', 80);
    CHECK_ERR(write_it(SLICE("b"), repeated('d', 401), phases, 1, SLICE("out"),
                       &p, &made),
              ERR_INVALID_PARAMETER);
    CHECK_ERR(write_it(repeated('n', 65), SLICE(""), phases, 1, SLICE("out"),
                       &p, &made),
              ERR_INVALID_PARAMETER);
    CHECK_OK(write_it(repeated('n', 64), repeated('d', 400), phases, 1,
                      SLICE("out"), &p, &made));
}

/* Wherever memory ends: told, and nothing is left; or all of it is there. */
TEST(scaffold, memory_that_ends_anywhere_leaves_nothing)
{
    struct slice phases[] = {SLICE("Plan"), SLICE("Do")};
    struct eng_scaffold s = {.root = root(),
                             .output = SLICE("out"),
                             .name = SLICE("a"),
                             .phases = phases,
                             .phases_count = 2};
    enum err e = ERR_NOMEM;
    for (size_t ceiling = 0; e; ceiling += test_sanitized() ? 1024 : 256) {
        struct eng_scaffolded made;
        struct problem p;
        struct arena a;
        arena_init(&a, ceiling);
        problem_init(&p);
        e = eng_scaffold_write(&s, &a, &p, &made);
        if (e) CHECK_ERR(e, ERR_NOMEM);
        CHECK_INT_EQ(entries("out"), e ? 0 : 1);
        arena_done(&a);
    }
}
