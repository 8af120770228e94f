/* What is told of workflows that came, changed and went. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "engine/census.h"
#include "tests/runner/test.h"

static struct slice told;

static void note(void *ctx, struct slice line)
{
    (void)ctx;
    if (slice_find(line, SLICE("definitions changed")) < line.n)
        told = arena_copy(test_arena(), line);
}

static void put(const char *name, const char *text)
{
    struct slice path =
        arena_printf(test_arena(), "%s/w/%s", test_tmpdir(), name);
    struct slice folder = slice_sub(path, 0, path.n);
    while (folder.n && folder.p[folder.n - 1] != '/') folder.n--;
    CHECK_OK(path_make(slice_sub(folder, 0, folder.n - 1), 0700));
    CHECK_OK(file_write_atomic(path, slice_of(text), 0600));
}

static void look(struct census *c)
{
    told = (struct slice){0};
    log_divert(note, NULL);
    census_take(c);
    log_divert(NULL, NULL);
}

TEST(census, what_came_changed_and_went_is_counted)
{
    struct slice root = arena_printf(test_arena(), "%s/w", test_tmpdir());
    put("a/metadata.json", "{}");
    put("b/metadata.json", "{}");
    put("b/phases/0/phase.md", "one");
    put("none/readme.md", "no workflow");
    struct census *c = census_new(&root, 1);
    CHECK(c != NULL);
    look(c);
    CHECK_INT_EQ(told.n, 0); /* nothing to compare with */
    look(c);
    CHECK_INT_EQ(told.n, 0);
    put("b/phases/0/phase.md", "other");
    put("c/metadata.json", "{}");
    put("d/metadata.json", "{}");
    put("none/readme.md", "still none");
    CHECK_INT_EQ(
        rename(arena_printf(test_arena(), "%.*s/a", SLICE_ARG(root)).p,
               arena_printf(test_arena(), "%.*s/.a", SLICE_ARG(root)).p),
        0);
    look(c);
    CHECK_CONTAINS(told, " added=2 changed=1 removed=1");
    CHECK_CONTAINS(told, root.p);
    look(c);
    CHECK_INT_EQ(told.n, 0);
    census_free(c);
}

TEST(census, a_root_that_is_not_there_holds_nothing)
{
    struct slice root = arena_printf(test_arena(), "%s/w", test_tmpdir());
    struct census *c = census_new(&root, 1);
    look(c);
    CHECK_INT_EQ(told.n, 0);
    put("a/metadata.json", "{}");
    look(c);
    CHECK_CONTAINS(told, " added=1 changed=0 removed=0");
    census_free(c);
}
