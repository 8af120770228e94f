/* docs/SECURITY.md says what holds each line: those tests are there, and no
 * parser is without its fuzz target. */
#include "base/buf.h"
#include "base/file.h"
#include "fuzz_targets.h" /* generated */
#include "tests/runner/test.h"

static struct slice page(void)
{
    struct slice text, path = arena_printf(test_arena(), "%s/docs/SECURITY.md",
                                           test_source_dir());
    CHECK_OK(file_read(path, 1 << 20, test_arena(), &text));
    return text;
}

/* The text of all test files, one behind the other. */
static struct slice all_tests(void)
{
    static const char *const folders[] = {"unit", "integration"};
    struct buf all = BUF_INIT(64u << 20);
    for (size_t i = 0; i < 2; i++) {
        struct file_name *names;
        size_t count;
        struct slice text, folder = arena_printf(test_arena(), "%s/tests/%s",
                                                 test_source_dir(), folders[i]);
        CHECK_OK(folder_list(folder, 10000, test_arena(), &names, &count));
        for (size_t k = 0; k < count; k++) {
            if (names[k].folder) continue;
            struct slice path = path_join(test_arena(), folder, names[k].name);
            CHECK_OK(file_read(path, 1 << 20, test_arena(), &text));
            buf_put(&all, text);
        }
    }
    CHECK_OK(all.err);
    struct slice copy = arena_copy(test_arena(), buf_slice(&all));
    buf_done(&all);
    return copy;
}

/* Is there "TEST...(suite, name" with any white space before the name? */
static bool defined(struct slice tests, struct slice suite, struct slice name)
{
    struct slice rest = tests;
    for (;;) {
        size_t at = slice_find(rest, name);
        if (at == rest.n) return false;
        struct slice before = slice_trim(slice_sub(rest, 0, at));
        size_t behind = at + name.n;
        bool ends =
            behind < rest.n && (rest.p[behind] == ',' || rest.p[behind] == ')');
        if (ends && slice_ends(before, SLICE(",")) &&
            slice_ends(slice_sub(before, 0, before.n - 1), suite))
            return true;
        rest = slice_sub(rest, behind, rest.n);
    }
}

static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '_' && (s.p[i] < 'a' || s.p[i] > 'z') &&
            (s.p[i] < '0' || s.p[i] > '9'))
            return false;
    return s.n > 0;
}

TEST(security, every_test_named_by_the_threat_model_exists)
{
    struct slice rest = page(), part, tests = all_tests();
    int named = 0;
    for (int i = 0; slice_split(&rest, '`', &part); i++) {
        size_t colon = slice_find(part, SLICE(": "));
        struct slice suite = slice_sub(part, 0, colon);
        struct slice name = slice_sub(part, colon + 2, part.n);
        if (i % 2 == 0 || !is_name(suite) || !is_name(name)) continue;
        named++;
        if (!defined(tests, suite, name))
            FAIL("docs/SECURITY.md names a test that is not there: %.*s",
                 SLICE_ARG(part));
    }
    CHECK_INT_GT(named, 40);
}

TEST_EACH(security, every_fuzz_target_has_its_row, struct fuzz_target, row,
          FUZZ_TARGETS)
{
    struct slice quoted =
        arena_printf(test_arena(), "| `fuzz_%s` |", row->name);
    CHECK_CONTAINS(page(), quoted.p);
}

TEST(security, every_row_of_a_parser_has_its_target)
{
    static const struct fuzz_target targets[] = {FUZZ_TARGETS};
    size_t n = sizeof(targets) / sizeof(targets[0]), rows = 0;
    struct slice rest = page();
    for (;;) {
        size_t at = slice_find(rest, SLICE("| `fuzz_"));
        if (at == rest.n) break;
        rest = slice_sub(rest, at + 8, rest.n);
        rows++;
    }
    CHECK_INT_EQ(rows, n);
}
