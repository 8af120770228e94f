/*
 * Every fuzz target over every file it ever was given: its corpus and its
 * regressions, in the ordinary run and with whatever compiler and sanitizer
 * that run has. FUZZ_TARGETS is made by tests/CMakeLists.txt from the names of
 * tests/fuzz/fuzz_*.c; a new target needs its file and a folder of that name
 * in tests/fuzz/corpus/.
 */
#include "base/file.h"
#include "fuzz_targets.h" /* generated */
#include "tests/runner/test.h"

#include <stdio.h>
#include <stdlib.h>

static void run_file(const struct fuzz_target *t, struct slice folder,
                     struct slice name)
{
    struct slice path = path_join(test_arena(), folder, name), bytes;
    CHECK_OK(file_read(path, (size_t)16 << 20, test_arena(), &bytes));
    printf("%.*s\n", SLICE_ARG(path)); /* shown when this one crashes */
    fflush(stdout);
    /* Of exactly this size, so that ASan sees a read behind the end. */
    uint8_t *exact = malloc(bytes.n ? bytes.n : 1);
    CHECK(exact);
    if (bytes.n) memcpy(exact, bytes.p, bytes.n);
    CHECK_INT_EQ(t->run(exact, bytes.n), 0);
    free(exact);
}

/* Number of files; 0 when there is no such folder. */
static size_t run_folder(const struct fuzz_target *t, const char *kind)
{
    struct file_name *names;
    size_t count;
    struct slice folder = arena_printf(test_arena(), "%s/tests/fuzz/%s/%s",
                                       test_source_dir(), kind, t->name);
    enum err e = folder_list(folder, 100000, test_arena(), &names, &count);
    if (e == ERR_NOT_FOUND) return 0;
    CHECK_OK(e);
    for (size_t i = 0; i < count; i++)
        if (!names[i].folder) run_file(t, folder, names[i].name);
    return count;
}

TEST_EACH(fuzz, replays_corpus_and_regressions, struct fuzz_target, row,
          FUZZ_TARGETS)
{
    size_t files = run_folder(row, "corpus");
    run_folder(row, "regressions");
    if (files == 0) FAIL("tests/fuzz/corpus/%s holds no file", row->name);
}
