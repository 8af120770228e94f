/* The acceptance cases of the specification of concurrency, by the letter of
 * their section: each is a test whose comment carries its number. */
#include <ctype.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/file.h"
#include "tests/runner/test.h"

static const struct section {
    char letter;
    int cases;
} sections[] = {{'A', 20}, {'B', 9},  {'C', 12}, {'D', 14}, {'E', 12}, {'F', 7},
                {'G', 8},  {'H', 10}, {'I', 13}, {'J', 4},  {'K', 6}};

/* As a word of a comment that begins a line: where tests carry it. */
static bool carries(struct slice text, const char *id)
{
    struct slice line;
    while (slice_split(&text, '\n', &line)) {
        if (!slice_starts(line, SLICE("/* "))) continue;
        size_t at = slice_find(line, slice_of(id));
        if (at == line.n || isalnum((unsigned char)line.p[at - 1])) continue;
        if (at + 3 < line.n && isalnum((unsigned char)line.p[at + 3])) continue;
        return true;
    }
    return false;
}

static void read_folder(const char *name, struct buf *all)
{
    struct arena *a = test_arena();
    struct slice folder =
        arena_printf(a, "%s/tests/%s", test_source_dir(), name);
    struct file_name *names;
    size_t n;
    CHECK_OK(folder_list(folder, 4096, a, &names, &n));
    for (size_t i = 0; i < n; i++) {
        struct slice text, file = slice_of("");
        if (names[i].folder || !slice_ends(names[i].name, SLICE(".c")))
            continue;
        file = path_join(a, folder, names[i].name);
        CHECK_OK(file_read(file, 4 << 20, a, &text));
        buf_put(all, text);
        buf_putc(all, '\n');
    }
}

TEST(cases, every_case_has_a_test)
{
    struct buf all = BUF_INIT(64 << 20);
    char missing[512] = "";
    read_folder("unit", &all);
    read_folder("integration", &all);
    CHECK_OK(all.err);
    for (size_t s = 0; s < sizeof(sections) / sizeof(sections[0]); s++)
        for (int i = 1; i <= sections[s].cases; i++) {
            char id[16];
            snprintf(id, sizeof(id), "%c%02d", sections[s].letter, i);
            if (!carries(buf_slice(&all), id))
                snprintf(missing + strlen(missing),
                         sizeof(missing) - strlen(missing), " %s", id);
        }
    CHECK_TEXT_EQ(slice_of(missing), "");
    buf_done(&all);
}
